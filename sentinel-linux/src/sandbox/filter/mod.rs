//! The third wall: a filter for system calls. What is not on a list is refused.
//!
//! A list of what is allowed, because nobody can list what will be added. What has been the way out
//! elsewhere is not on it at all: files without names that are run, rings of requests that no
//! filter sees, keys, traces, namespaces. Of some calls a part is needed, and the rest refused by
//! their arguments: typing into a terminal, files that make others more than they are, sockets of
//! kinds that are no proxy's.
//!
//! The kernel asks the filter at every call. So the numbers are searched by halves, not one after
//! the other, and the kernel can work out once what is allowed whatever the arguments are.
//!
//! # Invariants
//! - Calls of another architecture end the process; of x32 they are refused like unknown ones.
//! - Arguments that the kernel takes from memory are decided on nowhere: another thread could
//!   change them. Calls that have all their say in memory are refused (`clone3`, `openat2`).

mod allowed;
mod custom;
pub(super) mod look;
mod parts;
mod refused;
mod tree;

use sentinel_core::sandbox::{Calls, Network};

use self::allowed::Call;
use self::parts::{Part, Translating};
use self::tree::Table;
use super::watch::carriers;
use super::{StartError, kernel};
use crate::confine::bpf::answer;

/// What becomes of a call.
#[derive(Clone, Debug)]
enum Action {
    Allow,
    Refuse(i32),
    Decide(Part),
    /// What a file says of it, where it is not refused anyway.
    Judge(Vec<libc::sock_filter>),
}

/// The filter for a program: a list of system calls, and these besides; by the network it has, and
/// whether a terminal is its own.
pub(super) fn program(
    calls: &Calls,
    besides: &[Vec<u8>],
    (network, has_terminal): (Network, bool),
) -> Result<Vec<libc::sock_filter>, StartError> {
    let translating = match calls {
        Calls::Strict if kernel::refuses_execution_gain() => Translating::Refused,
        Calls::Strict => Translating::RefusedHere,
        Calls::DataScience | Calls::Custom(_) => Translating::Allowed,
    };
    program_for(calls, besides, (network, has_terminal), translating)
}

fn program_for(
    calls: &Calls,
    besides: &[Vec<u8>],
    (network, has_terminal): (Network, bool),
    translating: Translating,
) -> Result<Vec<libc::sock_filter>, StartError> {
    let mut actions = Table::default();
    let mut put = |call, action| actions.put(call, action);
    for (name, call) in every_name() {
        put(*call, Action::Refuse(refusal(name)));
    }
    let lists = [allowed::FILES, allowed::WAITING, allowed::MEMORY, allowed::PROCESSES];
    let lists = lists.into_iter().chain([allowed::TALKING, allowed::OLD]);
    let science = (!matches!(calls, Calls::Strict)).then_some(allowed::DATA_SCIENCE);
    let network_calls = (!matches!(network, Network::None)).then_some(allowed::NETWORK);
    let listed = lists.chain(science).chain(network_calls).flatten();
    let rules = match calls {
        Calls::Strict | Calls::DataScience => None,
        Calls::Custom(rules) => Some(rules),
    };
    if rules.is_some_and(|rules| !rules.allows(b"execve")) {
        let why = "the filter of system calls does not allow execve: nothing could be started";
        return Err(StartError::new(why));
    }
    for (name, call) in listed {
        put(
            *call,
            match rules {
                None => Action::Allow,
                Some(rules) => Action::Judge(custom::code(None, rules, name)),
            },
        );
    }
    for name in besides {
        put(of_name(name, network)?.1, Action::Allow);
    }
    for (name, call) in [refused::PARTS, refused::OLD_PARTS].into_iter().flatten() {
        if let Some(part) = Part::of(name, (network, has_terminal), translating) {
            put(
                *call,
                match rules {
                    None => Action::Decide(part),
                    Some(rules) => Action::Judge(custom::code(Some(&part), rules, name)),
                },
            );
        }
    }
    tree::program(actions, Action::Refuse(libc::ENOSYS))
        .ok_or_else(|| StartError::new("the filter of system calls would be too long"))
}

/// The filter for a program that is looked at: every call of which anything is to be seen asks
/// whoever looks. Calls of another architecture end the process as ever.
pub(super) fn watched(
    calls: &Calls,
    enforced: &[libc::sock_filter],
) -> Result<Vec<libc::sock_filter>, StartError> {
    let ask = Action::Judge(vec![answer(libc::SECCOMP_RET_USER_NOTIF)]);
    let partly =
        |call: &Call| [refused::PARTS, refused::OLD_PARTS].iter().any(|list| list.contains(call));
    let is_free = |call: &Call, number: u32| {
        let is_whole = match calls {
            Calls::Strict | Calls::DataScience => !partly(call),
            Calls::Custom(rules) => !partly(call) && rules.allows(call.0.as_bytes()),
        };
        let is_allowed = look::answer(enforced, number, &[0; 6]) == Some(libc::SECCOMP_RET_ALLOW);
        // By this one who looks is told where to.
        call.0 == "sendmsg" || is_whole && is_allowed && !carriers::is_one(call.0)
    };
    let mut actions = Table::default();
    for call in every_name() {
        let Ok(number) = u32::try_from(call.1) else { continue };
        let action = if is_free(call, number) { Action::Allow } else { ask.clone() };
        actions.put(call.1, action);
    }
    tree::program(actions, ask)
        .ok_or_else(|| StartError::new("the filter of system calls would be too long"))
}

/// The name of a call.
pub(super) fn name(number: u32) -> Option<&'static str> {
    let found = every_name().find(|(_, call)| *call == libc::c_long::from(number));
    found.map(|(name, _)| *name)
}

/// The number of a call, if this machine has it.
pub(super) fn number(name: &str) -> Option<u32> {
    let (_, call) = every_name().find(|(known, _)| *known == name)?;
    u32::try_from(*call).ok()
}

/// A call that may be allowed besides a list. What is allowed in part, is so anyway.
fn of_name(name: &[u8], network: Network) -> Result<&'static Call, StartError> {
    let shown = || String::from_utf8_lossy(name);
    let Some(call) = every_name().find(|(known, _)| known.as_bytes() == name) else {
        return Err(StartError::new(format!("{}: there is no system call of this name", shown())));
    };
    let refused = [refused::REFUSED, refused::OLD_REFUSED, refused::PARTS, refused::OLD_PARTS];
    let is_of_network = network == Network::None && allowed::NETWORK.contains(call);
    if is_of_network || refused.iter().any(|list| list.contains(call)) {
        let why = format!("{}: no sandbox of this kind allows this system call whole", shown());
        return Err(StartError::new(why));
    }
    Ok(call)
}

/// A filter for these calls and no others.
pub(super) fn only(calls: &[libc::c_long]) -> Result<Vec<libc::sock_filter>, StartError> {
    let mut actions = Table::default();
    calls.iter().for_each(|call| actions.put(*call, Action::Allow));
    tree::program(actions, Action::Refuse(libc::EPERM))
        .ok_or_else(|| StartError::new("the filter of system calls would be too long"))
}

/// A filter for the process that starts sandboxes: what some sandbox can allow, and what making one
/// takes. What it starts has this filter besides its own.
pub(super) fn spawner() -> Result<Vec<libc::sock_filter>, StartError> {
    let mut actions = Table::default();
    for call in every_name() {
        let (name, number) = call;
        let is_refused =
            [refused::REFUSED, refused::OLD_REFUSED].iter().any(|list| list.contains(call));
        let action = match is_refused && !MAKING.contains(name) {
            true => Action::Refuse(refusal(name)),
            false => Action::Allow,
        };
        actions.put(*number, action);
    }
    tree::program(actions, Action::Refuse(libc::ENOSYS))
        .ok_or_else(|| StartError::new("the filter of system calls would be too long"))
}

/// What making a sandbox takes.
const MAKING: [&str; 28] = [
    "capset",
    "chroot",
    "clone3",
    "fsconfig",
    "fsmount",
    "fsopen",
    "landlock_add_rule",
    "landlock_create_ruleset",
    "landlock_restrict_self",
    "mount",
    "mount_setattr",
    "move_mount",
    "open_tree",
    "openat2",
    "pidfd_send_signal",
    "pivot_root",
    "seccomp",
    "setgid",
    "setgroups",
    "sethostname",
    "setregid",
    "setresgid",
    "setresuid",
    "setreuid",
    "setuid",
    "umount2",
    "unshare",
    "pidfd_open",
];

fn every_name() -> impl Iterator<Item = &'static Call> {
    let lists = [
        allowed::FILES,
        allowed::WAITING,
        allowed::MEMORY,
        allowed::PROCESSES,
        allowed::TALKING,
        allowed::OLD,
        allowed::NETWORK,
        allowed::DATA_SCIENCE,
        refused::PARTS,
        refused::OLD_PARTS,
        refused::REFUSED,
        refused::OLD_REFUSED,
    ];
    lists.into_iter().flatten()
}

/// How a call fails that is refused: as if it were not permitted; or, where libraries have another
/// way to do what they want, as if this kernel did not know it, so that they take that.
fn refusal(name: &str) -> i32 {
    match name {
        "clone3" | "openat2" | "execveat" | "memfd_create" | "fchmodat2" | "pidfd_open"
        | "pidfd_send_signal" | "io_uring_setup" | "io_uring_enter" | "io_uring_register" => {
            libc::ENOSYS
        }
        _ => libc::EPERM,
    }
}

#[cfg(test)]
mod tests;

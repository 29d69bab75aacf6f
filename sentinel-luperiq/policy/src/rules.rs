//! What the processes of a job may do at most, whatever handles they come to hold.
//!
//! A handle is needed for everything; the rules of a job are a second fence that stands where the
//! first has a gap: a handle that was given by mistake does not get a program further than its job
//! may go. They are set while the job is empty, start as those of the job above, and each step
//! only takes away.
//!
//! # Invariants
//! - What rules made by [`Rules::narrowed`] allow, the rules they were made from allow.
//! - A row of settings counts whole or not at all.
//!
//! # Not here
//! Counting what is used: [`crate::System`].

use alloc::vec::Vec;

use luperiq_abi::settings::{Limit, Protocol, Setting};
use luperiq_abi::{Error, Rights};

use crate::limits::POLICY_NAMES_MAX;
use crate::path::{is_beneath, is_place};

/// How many limits there are.
pub const LIMITS_COUNT: usize = Limit::ALL.len();

/// What the processes of a job may do at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A bound for each [`Limit`].
    pub limits: [u64; LIMITS_COUNT],
    /// FilePolicy: what files and directories may be opened for.
    pub file_rights: Rights,
    /// FilePolicy: where. The place `""` is the whole store.
    trees: Vec<Vec<u8>>,
    /// SpawnPolicy: from which files processes may be made; `*` is any.
    programs: Vec<Vec<u8>>,
    /// NetPolicy: to where connections may be made.
    endpoints: Vec<Endpoint>,
    /// Whether misuse is answered with an error; else it ends the process.
    pub is_misuse_answered: bool,
}

/// Hosts, ports and a protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// How bytes go.
    pub protocol: Protocol,
    /// 0 is every port.
    pub port: u16,
    /// A name in small letters; `*` is every one, `*.name` every one beneath that name.
    pub host: Vec<u8>,
}

impl Rules {
    /// Everything, within these limits: the rules of the root job.
    #[must_use]
    pub fn of_machine(limits: [u64; LIMITS_COUNT]) -> Self {
        let everywhere = |protocol| Endpoint { protocol, port: 0, host: b"*".to_vec() };
        Self {
            limits,
            file_rights: FILE_RIGHTS,
            trees: [Vec::new()].into(),
            programs: [b"*".to_vec()].into(),
            endpoints: [everywhere(Protocol::Tcp), everywhere(Protocol::Udp)].into(),
            is_misuse_answered: true,
        }
    }

    /// These rules, narrowed by a row of settings. Names of one kind replace those of before; of a
    /// kind that the row does not name they stay. An empty program or host stands for none.
    ///
    /// # Errors
    /// [`Error::Widens`] if one of them allows more than before, [`Error::BadArgument`] if the row
    /// cannot be read, [`Error::Limit`] if it has too many names.
    pub fn narrowed(&self, mut row: &[u8]) -> Result<Self, Error> {
        let mut rules = self.clone();
        let mut trees = Vec::new();
        let mut programs = Vec::new();
        let mut endpoints = Vec::new();
        while !row.is_empty() {
            let (setting, rest) = Setting::decode(row).ok_or(Error::BadArgument)?;
            row = rest;
            match setting {
                Setting::Bound(limit, bound) => {
                    let place = rules.limits.get_mut(limit.place()).ok_or(Error::BadArgument)?;
                    *place = narrower(bound, bound <= *place)?;
                }
                Setting::FileRights(rights) => {
                    let is_less = rules.file_rights.contains(rights);
                    rules.file_rights = narrower(rights, is_less)?;
                }
                Setting::FileTree(place) => {
                    if !is_place(place) {
                        return Err(Error::BadPath);
                    }
                    trees.push(narrower(place.to_vec(), self.covers_place(place))?);
                }
                Setting::Program(place) => {
                    if place != b"*" && !is_place(place) {
                        return Err(Error::BadPath);
                    }
                    let is_less = place.is_empty() || self.covers_program(place);
                    programs.push(narrower(place.to_vec(), is_less)?);
                }
                Setting::Endpoint(protocol, port, host) => {
                    let endpoint = match host {
                        [] => Endpoint { protocol, port, host: Vec::new() },
                        host => Endpoint::new(protocol, port, host)?,
                    };
                    let is_less = host.is_empty() || self.covers_endpoint(&endpoint);
                    endpoints.push(narrower(endpoint, is_less)?);
                }
                Setting::MisuseAnswered(is_answered) => {
                    let is_less = !is_answered || rules.is_misuse_answered;
                    rules.is_misuse_answered = narrower(is_answered, is_less)?;
                }
            }
            if [trees.len(), programs.len(), endpoints.len()]
                .into_iter()
                .any(|count| count > POLICY_NAMES_MAX)
            {
                return Err(Error::Limit);
            }
        }
        replace(&mut rules.trees, trees);
        replace(&mut rules.programs, programs);
        replace(&mut rules.endpoints, endpoints);
        Ok(rules)
    }

    /// Whether files may be opened at this place.
    #[must_use]
    pub fn covers_place(&self, place: &[u8]) -> bool {
        self.trees.iter().any(|tree| is_beneath(tree, place))
    }

    /// Whether a process may be made from the file at this place.
    #[must_use]
    pub fn covers_program(&self, place: &[u8]) -> bool {
        let is_this =
            |program: &Vec<u8>| program == b"*" || (program == place && !place.is_empty());
        self.programs.iter().any(is_this)
    }

    /// Whether connections may be made to all of this.
    #[must_use]
    pub fn covers_endpoint(&self, endpoint: &Endpoint) -> bool {
        self.endpoints.iter().any(|allowed| allowed.covers(endpoint))
    }

    /// The bound of a limit.
    #[must_use]
    pub const fn limit(&self, limit: Limit) -> u64 {
        self.limits[limit.place()]
    }
}

impl Endpoint {
    /// An endpoint; a host in large letters becomes small.
    ///
    /// # Errors
    /// [`Error::BadArgument`] if `host` is no name: an address names a machine that nobody
    /// granted by name, and is refused.
    pub fn new(protocol: Protocol, port: u16, host: &[u8]) -> Result<Self, Error> {
        let mut host = host.to_vec();
        host.make_ascii_lowercase();
        let name = host.strip_prefix(b"*.").unwrap_or(&host);
        let is_host = host == b"*" || is_host_name(name);
        if is_host { Ok(Self { protocol, port, host }) } else { Err(Error::BadArgument) }
    }

    /// Whether every connection that `other` allows is allowed here.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let is_host = match self.host.strip_prefix(b"*") {
            // An empty host in rules stands for none.
            _ if self.host.is_empty() || other.host.is_empty() => false,
            Some([]) => true,
            // `*.b` covers `*.a.b` and `a.b`; their text ends with `.b` and is longer than it.
            Some(end) => {
                let name = other.host.strip_prefix(b"*").unwrap_or(&other.host);
                name.ends_with(end) && (other.host.len() > end.len())
            }
            None => self.host == other.host,
        };
        is_host && self.protocol == other.protocol && (self.port == 0 || self.port == other.port)
    }

    /// Whether it is one host and one port, so that a connection can be made.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.port != 0 && !self.host.is_empty() && !self.host.starts_with(b"*")
    }
}

/// What rights to files there are to be policed.
const FILE_RIGHTS: Rights = Rights::READ
    .with(Rights::WRITE)
    .with(Rights::CREATE)
    .with(Rights::DELETE)
    .with(Rights::LIST)
    .with(Rights::EXECUTE);

fn narrower<T>(value: T, is_narrower: bool) -> Result<T, Error> {
    if is_narrower { Ok(value) } else { Err(Error::Widens) }
}

fn replace<T>(old: &mut Vec<T>, new: Vec<T>) {
    if !new.is_empty() {
        *old = new;
    }
}

/// RFC 1123 §2.1; its last label is not all digits, which tells it from an address.
fn is_host_name(name: &[u8]) -> bool {
    let is_label = |label: &[u8]| {
        let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
        (1..=63).contains(&label.len())
            && label.iter().all(is_inner)
            && label.first() != Some(&b'-')
            && label.last() != Some(&b'-')
    };
    let mut labels = name.split(|byte| *byte == b'.');
    name.len() <= luperiq_abi::limits::HOST_BYTES_MAX
        && labels.clone().all(is_label)
        // Hexadecimal and octal addresses begin with a digit and have no dot after it.
        && labels.next_back().is_some_and(|last| !last.first().is_none_or(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(settings: &[Setting<'_>]) -> Vec<u8> {
        let mut row = alloc::vec![0; 4096];
        let mut end = 0;
        for setting in settings {
            end += setting.encode(&mut row[end..]).unwrap();
        }
        row.truncate(end);
        row
    }

    fn tcp(port: u16, host: &str) -> Endpoint {
        Endpoint::new(Protocol::Tcp, port, host.as_bytes()).unwrap()
    }

    #[test]
    fn each_step_takes_away_and_none_gives_back() {
        let machine = Rules::of_machine([100; LIMITS_COUNT]);
        let narrow = [
            Setting::Bound(Limit::Memory, 50),
            Setting::FileRights(Rights::READ.with(Rights::LIST)),
            Setting::FileTree(b"data"),
            Setting::Program(b"bin/a"),
            Setting::Endpoint(Protocol::Tcp, 443, b"*.example.com"),
            Setting::MisuseAnswered(false),
        ];
        let rules = machine.narrowed(&row(&narrow)).unwrap();
        assert_eq!(rules.limit(Limit::Memory), 50);
        assert_eq!(rules.narrowed(&row(&narrow)), Ok(rules.clone()), "the same is not more");
        for wider in [
            Setting::Bound(Limit::Memory, 51),
            Setting::FileRights(Rights::WRITE),
            Setting::FileTree(b""),
            Setting::FileTree(b"database"),
            Setting::Program(b"*"),
            Setting::Program(b"bin/b"),
            Setting::Endpoint(Protocol::Tcp, 443, b"*"),
            Setting::Endpoint(Protocol::Tcp, 443, b"example.com"),
            Setting::Endpoint(Protocol::Tcp, 0, b"a.example.com"),
            Setting::Endpoint(Protocol::Udp, 443, b"a.example.com"),
            Setting::MisuseAnswered(true),
        ] {
            assert_eq!(rules.narrowed(&row(&[wider])), Err(Error::Widens), "{wider:?}");
        }
        for same_or_less in [
            Setting::FileTree(b"data/x"),
            Setting::Program(b""),
            Setting::Endpoint(Protocol::Tcp, 443, b"a.Example.com"),
            Setting::Endpoint(Protocol::Tcp, 443, b""),
        ] {
            assert!(rules.narrowed(&row(&[same_or_less])).is_ok(), "{same_or_less:?}");
        }
    }

    #[test]
    fn none_is_none() {
        let machine = Rules::of_machine([100; LIMITS_COUNT]);
        let settings = [Setting::Program(b""), Setting::Endpoint(Protocol::Tcp, 0, b"")];
        let rules = machine.narrowed(&row(&settings)).unwrap();
        assert!(!rules.covers_program(b"bin/a") && !rules.covers_program(b""));
        assert!(!rules.covers_endpoint(&tcp(443, "a.b")));
    }

    #[test]
    fn a_row_counts_whole_or_not_at_all() {
        let machine = Rules::of_machine([100; LIMITS_COUNT]);
        let mut cut = row(&[Setting::MisuseAnswered(false)]);
        cut.push(1);
        assert_eq!(machine.narrowed(&cut), Err(Error::BadArgument));
        let many: Vec<_> = (0..=POLICY_NAMES_MAX).map(|_| Setting::Program(b"a")).collect();
        assert_eq!(machine.narrowed(&row(&many)), Err(Error::Limit));
        assert_eq!(machine.narrowed(&row(&[Setting::FileTree(b"../a")])), Err(Error::BadPath));
    }

    #[test]
    fn hosts_compare_by_whole_labels_and_addresses_are_none() {
        let wide = tcp(0, "*.example.com");
        assert!(wide.covers(&tcp(1, "a.example.com")) && wide.covers(&tcp(0, "*.b.example.com")));
        assert!(wide.covers(&wide.clone()));
        for other in ["example.com", "badexample.com", "*", "a.example.com.net"] {
            assert!(!wide.covers(&tcp(1, other)), "{other}");
        }
        assert!(!tcp(1, "a.b").covers(&tcp(1, "*.a.b")));
        for address in [
            "10.0.0.1",
            "1",
            "0x7f000001",
            "127.1",
            "::1",
            "[::1]",
            "a..b",
            "-a.b",
            "",
            "a b",
            "*a",
        ] {
            let found = Endpoint::new(Protocol::Tcp, 1, address.as_bytes());
            assert_eq!(found, Err(Error::BadArgument), "{address}");
        }
    }
}

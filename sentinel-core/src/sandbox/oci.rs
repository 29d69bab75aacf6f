//! Filters of system calls as containers have them: the JSON of OCI runtimes, Docker and Podman.
//!
//! Such a file is written for many machines: it names calls that this one does not have, other
//! architectures, and rules that hold only for who has a privilege. Nobody in a sandbox has one.
//!
//! # Invariants
//! - What is not understood is an error with its place; nothing of a filter is left out silently.
//! - Calls of other architectures are never allowed, whatever the file says of them.
//!
//! # Not here
//! What no sandbox may do: the filter of a sandbox refuses that before it asks these rules.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::rules::{CallRule, CallRules, Comparison, Condition, Verdict};
use crate::limits::{SANDBOX_CALL_RULES_MAX, SANDBOX_SECCOMP_BYTES_MAX, SANDBOX_WORDS_MAX};
use crate::text::json::{Options, Value};
use crate::text::suggest;

/// What a filter is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Its architecture as such files call it: `SCMP_ARCH_X86_64`.
    pub architecture: &'static str,
    /// And as the conditions of Docker's do: `amd64`.
    pub short_architecture: &'static str,
    /// The version of its kernel.
    pub kernel: (u32, u32),
}

impl CallRules {
    /// Reads a filter.
    ///
    /// # Errors
    /// What is wrong, after its line and column.
    pub fn read(text: &[u8], machine: &Machine) -> Result<Self, String> {
        let options = Options::new().bytes(SANDBOX_SECCOMP_BYTES_MAX).depth(DEPTH_MAX);
        let document = options.parse(text).map_err(said)?;
        let root = document.root();
        if root.find("linux").is_some() && root.find("defaultAction").is_none() {
            let what = "this is the configuration of a whole container; what stands at \
                        linux.seccomp in it is meant, as a file of its own";
            return Err(at(root, what));
        }
        known(root, &ROOT)?;
        for (key, why) in [("listenerPath", LISTENER), ("listenerMetadata", LISTENER)] {
            if let Some(value) = root.find(key).filter(|value| !value.is_null()) {
                return Err(at(value, why));
            }
        }
        for flag in list(root, "flags")? {
            let text = flag.as_str().map_err(said)?;
            if !FLAGS.contains(&text) {
                return Err(at(flag, unknown("flag", text, &FLAGS)));
            }
        }
        architectures(root, machine)?;
        let default = verdict(root.get("defaultAction").map_err(said)?, |word| {
            error_of(root, &format!("default{word}"))
        })?;
        let mut rules = Vec::new();
        let mut names_count = 0;
        for rule in list(root, "syscalls")? {
            let read = read_rule(rule, machine)?;
            let Some(read) = read else { continue };
            names_count += read.names.len();
            if names_count > SANDBOX_WORDS_MAX || rules.len() >= SANDBOX_CALL_RULES_MAX {
                let what = format!(
                    "there are more than {SANDBOX_CALL_RULES_MAX} rules, or {SANDBOX_WORDS_MAX} \
                     names in them"
                );
                return Err(at(rule, what));
            }
            rules.push(read);
        }
        Ok(Self { default, rules })
    }
}

/// A rule; none if it is not for this machine.
fn read_rule(rule: Value<'_>, machine: &Machine) -> Result<Option<CallRule>, String> {
    known(rule, &RULE)?;
    let mut names = Vec::new();
    let single = rule.find("name").filter(|name| !name.is_null() && name.as_str() != Ok(""));
    for name in list(rule, "names")?.into_iter().chain(single) {
        let text = name.as_str().map_err(said)?;
        let is_of = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if text.is_empty() || text.len() > 64 || !text.bytes().all(is_of) {
            return Err(at(name, "this is no name of a system call"));
        }
        names.push(text.as_bytes().to_vec());
    }
    if names.is_empty() {
        return Err(at(rule, "this rule names no system call: names is missing"));
    }
    let action = rule.get("action").map_err(said)?;
    let verdict = verdict(action, |word| error_of(rule, &lower_first(word)))?;
    let mut conditions: Vec<Condition> = Vec::new();
    for value in list(rule, "args")? {
        let read = condition(value)?;
        if conditions.iter().any(|known| known.argument == read.argument) {
            // Some readers take the one or the other, some both.
            let what = "one argument stands in one rule twice: write two rules";
            return Err(at(value, what));
        }
        conditions.push(read);
    }
    let is_included = holds(rule, "includes", machine, true)?;
    let is_excluded = holds(rule, "excludes", machine, false)?;
    Ok((is_included && !is_excluded).then_some(CallRule { names, verdict, conditions }))
}

fn condition(value: Value<'_>) -> Result<Condition, String> {
    known(value, &["index", "value", "valueTwo", "op"])?;
    let number = |key| value.get(key).and_then(Value::as_u64).map_err(said);
    let index = value.get("index").map_err(said)?;
    let argument = index.as_u64().map_err(said)?;
    let argument = u8::try_from(argument).ok().filter(|argument| *argument < 6);
    let argument = argument.ok_or_else(|| at(index, "a system call has the arguments 0 to 5"))?;
    let op = value.get("op").map_err(said)?;
    let word = op.as_str().map_err(said)?;
    let found = OPERATORS.iter().position(|known| *known == word);
    let found = found.and_then(|index| Comparison::ALL.get(index).copied());
    let comparison = found.ok_or_else(|| at(op, unknown("op", word, &OPERATORS)))?;
    let first = number("value")?;
    let second = value.find("valueTwo").filter(|value| !value.is_null());
    let second = second.map_or(Ok(0), Value::as_u64).map_err(said)?;
    let (value, mask) = match comparison {
        Comparison::MaskedEquals => (second, first),
        _ => (first, u64::MAX),
    };
    Ok(Condition { argument, comparison, value, mask })
}

/// Whether what a rule is limited to is so. Of privileges nobody here has any.
fn holds(
    rule: Value<'_>,
    key: &str,
    machine: &Machine,
    is_including: bool,
) -> Result<bool, String> {
    let Some(limit) = rule.find(key).filter(|limit| !limit.is_null()) else {
        return Ok(is_including);
    };
    known(limit, &["caps", "arches", "minKernel"])?;
    let texts = |key| -> Result<Vec<&str>, String> {
        list(limit, key)?.into_iter().map(|value| value.as_str().map_err(said)).collect()
    };
    let (privileges, places) = (texts("caps")?, texts("arches")?);
    let is_here = places.contains(&machine.short_architecture);
    let since = match limit.find("minKernel").filter(|value| !value.is_null()) {
        Some(value) => {
            let text = value.as_str().map_err(said)?;
            Some(version(text).ok_or_else(|| at(value, "this is no version like \"4.8\""))?)
        }
        None => None,
    };
    let is_since = since.is_some_and(|since| machine.kernel >= since);
    Ok(match is_including {
        true => {
            privileges.is_empty() && (places.is_empty() || is_here) && (since.is_none() || is_since)
        }
        false => is_here || is_since,
    })
}

/// Looks whether the filter is for this machine's architecture, if it says for which it is.
fn architectures(root: Value<'_>, machine: &Machine) -> Result<(), String> {
    let (plain, mapped) = (list(root, "architectures")?, list(root, "archMap")?);
    if let (false, Some(first)) = (plain.is_empty(), mapped.first()) {
        return Err(at(*first, "architectures and archMap say the same: leave one out"));
    }
    let mut all = plain;
    for entry in mapped {
        known(entry, &["architecture", "subArchitectures"])?;
        all.push(entry.get("architecture").map_err(said)?);
        all.extend(list(entry, "subArchitectures")?);
    }
    let mut is_here = all.is_empty();
    for value in all {
        let text = value.as_str().map_err(said)?;
        if !text.starts_with("SCMP_ARCH_") {
            return Err(at(value, "this is no architecture like \"SCMP_ARCH_X86_64\""));
        }
        is_here |= text == machine.architecture;
    }
    let what = format!("this filter is not for {}, which this machine is", machine.architecture);
    if is_here { Ok(()) } else { Err(at(root, what)) }
}

/// What an action says; `error` finds the error that stands beside it.
fn verdict(
    action: Value<'_>,
    error: impl FnOnce(&str) -> Result<u16, String>,
) -> Result<Verdict, String> {
    let text = action.as_str().map_err(said)?;
    Ok(match text {
        "SCMP_ACT_ALLOW" => Verdict::Allow,
        "SCMP_ACT_LOG" => Verdict::Log,
        "SCMP_ACT_ERRNO" => Verdict::Fail(error("Errno")?),
        "SCMP_ACT_TRAP" => Verdict::Trap,
        "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => Verdict::EndThread,
        "SCMP_ACT_KILL_PROCESS" => Verdict::EndProcess,
        "SCMP_ACT_TRACE" | "SCMP_ACT_NOTIFY" => return Err(at(action, LISTENER)),
        other => return Err(at(action, unknown("action", other, &ACTIONS))),
    })
}

/// The error that stands beside an action: by its number, or by its name.
fn error_of(object: Value<'_>, word: &str) -> Result<u16, String> {
    if let Some(value) = object.find(&format!("{word}Ret")).filter(|value| !value.is_null()) {
        let number = value.as_u64().map_err(said)?;
        let number = u16::try_from(number).ok().filter(|number| *number < ERROR_MAX);
        return number.ok_or_else(|| at(value, "an error is a number below 4096"));
    }
    let Some(value) = object.find(word).filter(|value| !value.is_null()) else {
        return Ok(PERMISSION);
    };
    let name = value.as_str().map_err(said)?;
    let found = ERRORS.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
    let help = format!("this error is not known by its name: write {word}Ret with its number");
    found.ok_or_else(|| at(value, help))
}

fn lower_first(word: &str) -> String {
    let mut lower = String::from(word);
    if let Some(first) = lower.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    lower
}

/// A list that may be left out.
fn list<'d>(object: Value<'d>, key: &str) -> Result<Vec<Value<'d>>, String> {
    match object.find(key).filter(|value| !value.is_null()) {
        Some(value) => Ok(value.elements().map_err(said)?.collect()),
        None => Ok(Vec::new()),
    }
}

/// Refuses members that mean nothing here.
fn known(object: Value<'_>, keys: &[&str]) -> Result<(), String> {
    for (key, value) in object.members().map_err(said)? {
        if !keys.contains(&key) {
            return Err(at(value, unknown("member", key, keys)));
        }
    }
    Ok(())
}

fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    const CHARACTERS_MAX: usize = 64;
    let shown: String = word.chars().take(CHARACTERS_MAX).flat_map(char::escape_debug).collect();
    match suggest::nearest(word, known.iter().copied()) {
        Some(near) => format!("unknown {what} '{shown}'; did you mean '{near}'?"),
        None => format!("unknown {what} '{shown}'; known are {}", known.join(", ")),
    }
}

fn at(value: Value<'_>, what: impl Into<String>) -> String {
    format!("{}: {}", value.position(), what.into())
}

fn said(error: impl ToString) -> String {
    error.to_string()
}

fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The configuration of a container is not nested deeper.
const DEPTH_MAX: usize = 8;
const ERROR_MAX: u16 = 4096;
const PERMISSION: u16 = 1;
const LISTENER: &str = "nothing traces or listens in a sandbox: leave this out";

const ROOT: [&str; 9] = [
    "defaultAction",
    "defaultErrnoRet",
    "defaultErrno",
    "architectures",
    "archMap",
    "flags",
    "listenerPath",
    "listenerMetadata",
    "syscalls",
];
const RULE: [&str; 9] =
    ["names", "name", "action", "args", "errnoRet", "errno", "comment", "includes", "excludes"];
const ACTIONS: [&str; 7] = [
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_TRAP",
    "SCMP_ACT_LOG",
];
/// In the order of [`Comparison::ALL`].
const OPERATORS: [&str; 7] = [
    "SCMP_CMP_NE",
    "SCMP_CMP_LT",
    "SCMP_CMP_LE",
    "SCMP_CMP_EQ",
    "SCMP_CMP_GE",
    "SCMP_CMP_GT",
    "SCMP_CMP_MASKED_EQ",
];
/// They change what the kernel keeps or how fast it is, and nothing of what is allowed.
const FLAGS: [&str; 4] = [
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
];
/// Those that such files name instead of numbering.
const ERRORS: [(&str, u16); 6] = [
    ("EPERM", 1),
    ("ENOENT", 2),
    ("EACCES", 13),
    ("EINVAL", 22),
    ("ENOSYS", 38),
    ("EAFNOSUPPORT", 97),
];

#[cfg(test)]
mod tests;

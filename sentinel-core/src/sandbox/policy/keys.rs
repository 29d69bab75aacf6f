//! Every key of a policy, in one table: the reader, the printer, the suggestions and what may not
//! be changed come from it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::capability::{Destination, Grant, Level};
use crate::egress::{Injection, SECRET_FORMAT, SECRET_HEADER};
use crate::limits::SANDBOX_WORD_BYTES_MAX;
use crate::text::suggest;

/// What a policy can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Whether nothing besides may change it.
    Immutable,
    /// What is done about what the machine cannot enforce.
    Mode,
    /// Where the program runs, and may write.
    Workspace,
    /// What it may read.
    Read,
    /// What it may read and write.
    Write,
    /// What it may read, and run programs of.
    Run,
    /// What it does not see of these.
    Hide,
    /// Which network it has.
    Network,
    /// What it may connect to.
    Hosts,
    /// Whether TLS is looked into.
    Inspect,
    /// Secrets that are added to what it sends.
    Secrets,
    /// A file of certificates that servers are believed by, besides the usual ones.
    Authorities,
    /// What the bytes of that file hash to.
    AuthoritiesDigest,
    /// Ports inside that are reached from outside.
    Publish,
    /// Its variables.
    Environment,
    /// Whether it keeps the terminal.
    Terminal,
    /// How much memory.
    Memory,
    /// How many processes and threads.
    Pids,
    /// How much of the processors.
    Processors,
    /// How much of each disk in a second.
    DiskRate,
    /// For how long.
    Time,
    /// Which list of system calls.
    Calls,
    /// The file of a list of one's own.
    CallsFile,
    /// What the bytes of that file hash to.
    CallsDigest,
    /// System calls besides the list.
    CallsAllowed,
    /// What becomes of the others.
    CallsMode,
}

/// How a value is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Path,
    Word(&'static [&'static str]),
    Flag,
    Size,
    Count,
    Processors,
    Seconds,
    Host,
    Secret,
    Port,
    Variable,
    Digest,
    Call,
}

/// A row of the table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) key: Key,
    /// The section it stands in; empty for those above all sections.
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    /// The option of the command line; empty if there is none.
    pub(super) option: &'static str,
    pub(super) form: Form,
    pub(super) is_list: bool,
}

const fn one(
    key: Key,
    section: &'static str,
    name: &'static str,
    option: &'static str,
    form: Form,
) -> Row {
    Row { key, section, name, option, form, is_list: false }
}

const fn many(
    key: Key,
    section: &'static str,
    name: &'static str,
    option: &'static str,
    form: Form,
) -> Row {
    Row { key, section, name, option, form, is_list: true }
}

/// In the order in which they are printed.
pub(super) const ROWS: &[Row] = &[
    one(Key::Immutable, "", "immutable", "immutable", Form::Flag),
    one(Key::Mode, "", "mode", "best-effort", Form::Word(&["strict", "best-effort"])),
    one(Key::Workspace, "", "workspace", "workspace", Form::Path),
    many(Key::Read, "", "read", "read", Form::Path),
    many(Key::Write, "", "write", "write", Form::Path),
    many(Key::Run, "", "run", "run", Form::Path),
    many(Key::Hide, "", "hide", "hide", Form::Path),
    one(Key::Network, "", "network", "network", Form::Word(&["none", "proxied", "host"])),
    many(Key::Hosts, "", "hosts", "allow-host", Form::Host),
    one(Key::Inspect, "", "inspect", "inspect", Form::Flag),
    many(Key::Secrets, "", "secrets", "secret", Form::Secret),
    one(Key::Authorities, "", "ca-file", "ca-file", Form::Path),
    one(Key::AuthoritiesDigest, "", "ca-sha256", "", Form::Digest),
    many(Key::Publish, "", "publish", "publish", Form::Port),
    many(Key::Environment, "", "env", "env", Form::Variable),
    one(Key::Terminal, "", "tty", "tty", Form::Flag),
    one(Key::Memory, LIMITS, "memory", "memory", Form::Size),
    one(Key::Pids, LIMITS, "pids", "pids", Form::Count),
    one(Key::Processors, LIMITS, "cpus", "cpus", Form::Processors),
    one(Key::DiskRate, LIMITS, "disk-rate", "disk-rate", Form::Size),
    one(Key::Time, LIMITS, "timeout", "timeout", Form::Seconds),
    one(
        Key::Calls,
        SECCOMP,
        "profile",
        "seccomp-profile",
        Form::Word(&["strict", "datasci", "custom"]),
    ),
    one(Key::CallsFile, SECCOMP, "file", "seccomp", Form::Path),
    one(Key::CallsDigest, SECCOMP, "sha256", "", Form::Digest),
    many(Key::CallsAllowed, SECCOMP, "allow", "", Form::Call),
    one(Key::CallsMode, SECCOMP, "mode", "seccomp-mode", Form::Word(&["enforce", "log", "off"])),
];

pub(super) const LIMITS: &str = "limits";
pub(super) const SECCOMP: &str = "seccomp";

/// The sections, in the order in which they are printed.
pub(super) const SECTIONS: [&str; 3] = ["", LIMITS, SECCOMP];

// A key is the number of its row.
const _: () = {
    let mut index = 0;
    while index < ROWS.len() {
        assert!(ROWS[index].key as usize == index);
        index += 1;
    }
};

impl Key {
    pub(super) fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }
}

/// A value in its one spelling.
///
/// # Errors
/// What is wrong with it.
pub(super) fn spelled(form: Form, value: &[u8]) -> Result<Vec<u8>, String> {
    if value.is_empty() {
        return Err("it is empty".into());
    }
    if value.len() > SANDBOX_WORD_BYTES_MAX {
        return Err(format!("it has more than {SANDBOX_WORD_BYTES_MAX} bytes"));
    }
    if value.contains(&0) {
        return Err("it has a zero byte in it".into());
    }
    let text = core::str::from_utf8(value).unwrap_or("\u{fffd}");
    let digit = |byte: u8| byte.is_ascii_hexdigit();
    let (is_right, help) = match form {
        Form::Path => return Ok(value.to_vec()),
        Form::Word(words) if words.contains(&text) => (true, ""),
        Form::Word(words) => {
            let near = suggest::nearest(text, words.iter().copied());
            let near = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
            let (last, others) = words.split_last().unwrap_or((&"", &[]));
            return Err(format!("it is {} or {last}{near}", others.join(", ")));
        }
        Form::Flag => (matches!(text, "true" | "false"), "it is true or false"),
        Form::Size => (size(text).is_some(), "it is a size like 512M: bytes, or with K, M or G"),
        Form::Count => {
            let count = digits(text).filter(|count| (1..=u32::MAX.into()).contains(count));
            let count = count.map(|count| format!("{count}").into_bytes());
            return count.ok_or_else(|| "it is a whole number above 0".into());
        }
        Form::Processors => {
            let percent = processors(text).map(|percent| f64::from(percent) / 100.0);
            let spelled = percent.map(|number| format!("{number}").into_bytes());
            return spelled.ok_or_else(|| {
                "it is a number of processors above 0, with two decimals at most: 2 or 0.5".into()
            });
        }
        Form::Seconds => {
            let time = seconds(text).map(|time| format!("{}", time.as_secs_f64()).into_bytes());
            return time.ok_or_else(|| {
                "it is seconds above 0, with three decimals at most: 90 or 0.5".into()
            });
        }
        Form::Host => (
            host(text).is_some(),
            "it is a host, or a host and a port, and what may be asked there: example.com, \
             example.com:443, example.com GET,HEAD /path",
        ),
        Form::Secret => (
            secret(text).is_some(),
            "it is a host, the variable that holds the secret, and perhaps the header that it \
             becomes: api.example.com=API_TOKEN, api.example.com=API_KEY:X-Api-Key",
        ),
        Form::Port => (
            port(text).is_some(),
            "it is a port above 0, or one outside and one inside: 8080, 8080:80; 3128 inside is \
             the proxy's",
        ),
        Form::Variable => {
            (!value.starts_with(b"="), "it is NAME=value, or NAME for the value that is set here")
        }
        Form::Digest => {
            let is_right = text.len() == 64 && text.bytes().all(digit);
            let spelled = is_right.then(|| text.to_ascii_lowercase().into_bytes());
            return spelled.ok_or_else(|| "it is 64 hexadecimal digits".into());
        }
        Form::Call => {
            let is_of = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            (text.len() <= 64 && text.bytes().all(is_of), "it is the name of a system call: mbind")
        }
    };
    if is_right { Ok(value.to_vec()) } else { Err(help.into()) }
}

/// A size: bytes, or with K, M or G a thousand and twenty-four of them, and so on.
#[must_use]
pub fn size(text: &str) -> Option<u64> {
    let (number, power) = match text.as_bytes().last()?.to_ascii_uppercase() {
        b'K' => (&text[..text.len() - 1], 10),
        b'M' => (&text[..text.len() - 1], 20),
        b'G' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    digits(number)?.checked_mul(1 << power).filter(|bytes| *bytes > 0)
}

/// Seconds, with three decimals at most: no longer than ten years.
#[must_use]
pub fn seconds(text: &str) -> Option<Duration> {
    thousandths(text, SECONDS_MAX).map(Duration::from_millis)
}

/// Hundredths of a processor, from a number of them with two decimals at most.
#[must_use]
pub fn processors(text: &str) -> Option<u32> {
    let thousandths = thousandths(text, PROCESSORS_MAX)?;
    thousandths.is_multiple_of(10).then(|| u32::try_from(thousandths / 10).ok()).flatten()
}

/// A number above zero with three decimals at most, in thousandths.
fn thousandths(text: &str, max: u64) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let part = Some(part).filter(|part| part.len() <= 3)?;
    let thousandths = digits(part)? * 10_u64.pow(3 - u32::try_from(part.len()).ok()?);
    let whole = digits(whole).filter(|whole| *whole < max)?;
    Some(whole * 1000 + thousandths).filter(|number| *number > 0)
}

/// A port outside, and the one inside that it leads to.
#[must_use]
pub fn port(text: &str) -> Option<(u16, u16)> {
    let (outside, inside) = text.split_once(':').unwrap_or((text, text));
    let port = |text| u16::try_from(digits(text)?).ok().filter(|port| *port > 0);
    Some((port(outside)?, port(inside).filter(|inside| *inside != PROXY_PORT)?))
}

/// The grant that lets a program connect to a host: `HOST`, `HOST:PORT`, and behind it the methods
/// and the path that it may ask for, if not everything.
#[must_use]
pub fn host(text: &str) -> Option<Grant> {
    let mut words = text.split(' ');
    let is_plain = words.clone().count() <= 3
        && words.all(|word| !word.is_empty())
        && !text.contains(|c: char| c != ' ' && (c.is_whitespace() || c.is_control()));
    let grant: Option<Grant> = is_plain.then(|| format!("connect {text}").parse().ok()).flatten();
    // Nobody is there to be asked, and nothing counts uses.
    grant.filter(|grant| {
        grant.level == Level::Allow && grant.uses.is_none() && grant.until.is_none()
    })
}

/// What is added to requests for a host, and the variable that holds it: `HOST=NAME` becomes
/// `Authorization: Bearer …`, `HOST=NAME:HEADER` that header with nothing but the secret.
#[must_use]
pub fn secret(text: &str) -> Option<(Injection, &str)> {
    let (host, source) = text.split_once('=')?;
    let (variable, header) = match source.split_once(':') {
        Some((variable, header)) => (variable, Some(header)),
        None => (source, None),
    };
    let mut letters = variable.bytes();
    let is_first = letters.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if !is_first || !letters.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return None;
    }
    let format = if header.is_some() { "{}" } else { SECRET_FORMAT };
    let header = header.unwrap_or(SECRET_HEADER);
    let place = Destination::parse(host).ok()?;
    Some((Injection::new(variable, place, header, format).ok()?, variable))
}

fn digits(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

const SECONDS_MAX: u64 = 320_000_000;
/// More than any machine has.
const PROCESSORS_MAX: u64 = 10_000;

/// The port of the loopback address inside on which the proxy is reached.
pub const PROXY_PORT: u16 = 3128;

//! What is looked into that is encrypted, and what is added there.
//!
//! By default nobody sees what goes on inside TLS. An operator may have the proxy end it, with a
//! certificate that only the sandbox believes, so that rules of method and path hold there as well;
//! and may have a secret added to what goes to one host, which the program then never has.
//!
//! # Invariants
//! - A secret goes to the host and port that it is named for, under TLS unless the operator wrote
//!   down that it may go in the clear, and only for the programs and skills that may use it.
//! - Nothing here shows a secret.
//!
//! # Not here
//! The secrets: a shell reads them, and hands them over for the time of a call.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::secret::WipedText;
use crate::capability::Destination;
use crate::wire::http::{HeaderName, HeaderValue};

/// What the operator wants to have looked into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Whether TLS is ended where a grant speaks of methods or paths, or a secret is to be added.
    pub is_on: bool,
    /// What is added to requests.
    pub injections: Vec<Injection>,
}

/// A secret that is added to every request for a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injection {
    name: String,
    place: Destination,
    header: String,
    format: (String, String),
    /// Whether it may go to the place without encryption.
    pub is_in_clear: bool,
    /// The programs that may use it, by their paths. If neither programs nor skills are named,
    /// everybody may who may reach the place.
    pub programs: Vec<String>,
    /// The skills that may use it, by their names.
    pub skills: Vec<String>,
}

impl Injection {
    /// A secret of this name for a place, as this header; in the format `{}` stands for the secret.
    ///
    /// # Errors
    /// What is wrong with the header or the format.
    pub fn new(
        name: &str,
        place: Destination,
        header: &str,
        format: &str,
    ) -> Result<Self, InjectionError> {
        let is_header = HeaderName::new(header).is_ok();
        if !is_header || RESERVED.iter().any(|other| other.eq_ignore_ascii_case(header)) {
            return Err(InjectionError::Header(header.to_string()));
        }
        let is_plain = HeaderValue::new(format.as_bytes()).is_ok();
        match format.split_once("{}").filter(|(_, after)| is_plain && !after.contains("{}")) {
            Some((before, after)) => Ok(Self {
                name: name.to_string(),
                place,
                header: header.to_string(),
                format: (before.to_string(), after.to_string()),
                is_in_clear: false,
                programs: Vec::new(),
                skills: Vec::new(),
            }),
            None => Err(InjectionError::Format(format.to_string())),
        }
    }

    /// Its name, which records have.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whom it is for.
    #[must_use]
    pub const fn place(&self) -> &Destination {
        &self.place
    }

    /// The header that it becomes.
    #[must_use]
    pub fn header(&self) -> &str {
        &self.header
    }

    /// Whether a program, or a skill, may use it.
    #[must_use]
    pub fn is_for(&self, program: Option<&str>, skill: Option<&str>) -> bool {
        let is_among = |list: &[String], name: Option<&str>| {
            name.is_some_and(|name| list.iter().any(|known| known == name))
        };
        (self.programs.is_empty() && self.skills.is_empty())
            || is_among(&self.programs, program)
            || is_among(&self.skills, skill)
    }

    /// Whether somebody may use both this one and another.
    #[must_use]
    pub fn is_shared_with(&self, other: &Self) -> bool {
        let is_open =
            |injection: &Self| injection.programs.is_empty() && injection.skills.is_empty();
        is_open(self)
            || is_open(other)
            || self.programs.iter().any(|program| other.programs.contains(program))
            || self.skills.iter().any(|skill| other.skills.contains(skill))
    }

    /// The value of the header.
    pub(super) fn value(&self, secret: &str) -> WipedText {
        WipedText::of([&self.format.0, secret, &self.format.1])
    }
}

/// Why a secret cannot be added so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InjectionError {
    /// The header is none, or one that says how a message is read.
    Header(String),
    /// The format does not have exactly one place for the secret.
    Format(String),
}

impl fmt::Display for InjectionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(
                formatter,
                "'{}' is no header that a secret can be, such as Authorization",
                name.escape_debug()
            ),
            Self::Format(format) => write!(
                formatter,
                "'{}' needs {{}} once, where the secret comes, such as 'Bearer {{}}'",
                format.escape_debug()
            ),
        }
    }
}

impl core::error::Error for InjectionError {}

/// How a secret is written into its header if nothing is said.
pub const SECRET_FORMAT: &str = "Bearer {}";
/// The header that a secret becomes if nothing is said.
pub const SECRET_HEADER: &str = "Authorization";
/// The shortest secret: a shorter one would be found in every text that it is covered in.
pub const SECRET_BYTES_MIN: usize = 8;

/// They say whom a message is for and where it ends.
const RESERVED: [&str; 12] = [
    "host",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "accept-encoding",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_becomes_one_header() {
        let place = || Destination::parse("api.example.com").unwrap();
        let injection = Injection::new("k", place(), "Authorization", "Bearer {}").unwrap();
        assert_eq!(&*injection.value("x"), "Bearer x");
        for (header, format) in [
            ("Host", "{}"),
            ("transfer-Encoding", "{}"),
            ("A B", "{}"),
            ("", "{}"),
            ("X-Key", ""),
            ("X-Key", "{}{}"),
            ("X-Key", "{}\r\nX: y"),
        ] {
            assert!(Injection::new("k", place(), header, format).is_err(), "{header}: {format}");
        }
    }

    #[test]
    fn who_is_named_may_use_it_and_nobody_else() {
        let place = Destination::parse("api.example.com").unwrap();
        let mut injection = Injection::new("k", place, "X-Key", "{}").unwrap();
        assert!(injection.is_for(None, None) && injection.is_for(Some("/bin/curl"), None));
        injection.programs.push("/bin/curl".into());
        assert!(injection.is_for(Some("/bin/curl"), None));
        assert!(!injection.is_for(Some("/bin/wget"), None) && !injection.is_for(None, Some("w")));
        injection.skills.push("w".into());
        assert!(injection.is_for(None, Some("w")) && !injection.is_for(None, None));
    }
}

//! What was decided about one way out, for the record.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use super::refusal::Refusal;

/// One decision: a connection, or one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The host as the program named it; empty if it did not come that far.
    pub host: String,
    /// The port; zero if it did not come that far.
    pub port: u16,
    /// Method and path of a request that could be read, the path without its query and cut.
    pub request: Option<(String, String)>,
    /// The names of the secrets that were added to it.
    pub secrets: Vec<String>,
    /// What was decided.
    pub outcome: Outcome,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was let out, to this address; through a proxy of the operator's the address is unknown.
    Allowed(Option<IpAddr>),
    /// It was not.
    Refused(Refusal),
    /// It may go there, and there was no connection.
    Unreachable,
}

impl fmt::Display for Passage {
    /// One line for people.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((method, path)) = &self.request {
            write!(formatter, "{method} {path} at ")?;
        }
        match self.host.as_str() {
            "" => formatter.write_str("an unknown place")?,
            host => write!(formatter, "{host}:{}", self.port)?,
        }
        match self.outcome {
            Outcome::Allowed(Some(address)) => write!(formatter, ": allowed, to {address}"),
            Outcome::Allowed(None) => formatter.write_str(": allowed, through the proxy"),
            Outcome::Refused(refusal) => write!(formatter, ": refused, {refusal}"),
            Outcome::Unreachable => formatter.write_str(": allowed, and not reached"),
        }?;
        match &*self.secrets {
            [] => Ok(()),
            names => write!(formatter, ", with the secret {}", names.join(" and ")),
        }
    }
}

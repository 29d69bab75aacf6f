//! A place that a program is let out to: one host and one port.
//!
//! # Invariants
//! - Each has one text, which reads as the same place: `example.com`, `example.com:8443`.
//!
//! # Not here
//! Several hosts at once: a grant may speak of them, a call names each.

use core::fmt;

use super::Ports;
use crate::wire::url::{Authority, Host, UrlError};

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination {
    /// The host.
    pub host: Host<'static>,
    /// The port.
    pub port: u16,
}

impl Destination {
    /// Reads a host, or a host and a port. Without one it is the port of a grant that names none.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let Authority { host, port } = Authority::parse(text)?;
        Ok(Self { host: host.into_owned(), port: port.unwrap_or(Ports::DEFAULT.first) })
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(formatter)?;
        match self.port {
            port if port == Ports::DEFAULT.first => Ok(()),
            port => write!(formatter, ":{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn each_has_one_text() {
        for (text, expected) in [
            ("Example.COM", "example.com"),
            ("example.com:443", "example.com"),
            ("example.com:80", "example.com:80"),
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("[0::1]", "[::1]"),
        ] {
            let place = Destination::parse(text).unwrap();
            assert_eq!(place.to_string(), expected);
            assert_eq!(Destination::parse(expected), Ok(place));
        }
        for text in ["", "*", "*.example.com", "a b", "https://a.example", "u@a.example", "a:0"] {
            assert!(Destination::parse(text).is_err(), "{text}");
        }
    }
}

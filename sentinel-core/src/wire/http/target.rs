//! Request targets, and the hosts in them and in `Host`.
//!
//! # Invariants
//! - A target has one of the four forms of RFC 9112 §3.2 and holds no space, control or high byte.
//! - A host is a name or an address with an optional port: never user information, never empty.
//!
//! # Not here
//! Paths, queries and percent-encoding: a target is taken apart by whoever routes it.

use alloc::boxed::Box;
use core::fmt;

use super::error::{HttpError, HttpErrorKind};
use super::method::Method;
use super::syntax::{self, Class};
use crate::wire::url::{Authority, Scheme};

/// What a request is about, as it stands in the request line.
///
/// ```
/// use sentinel_core::wire::http::{Target, TargetForm};
///
/// assert_eq!(Target::new("/search?q=1")?.form(), TargetForm::Origin);
/// assert_eq!(Target::new("http://example.com/")?.form(), TargetForm::Absolute);
/// assert_eq!(Target::new("example.com:443")?.form(), TargetForm::Authority);
/// assert_eq!(Target::new("*")?.form(), TargetForm::Asterisk);
/// assert!(Target::new("/ HTTP/1.1\r\nX: y").is_err());
/// # Ok::<(), sentinel_core::wire::http::HttpError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Target {
    text: Box<str>,
    form: TargetForm,
}

/// The four forms of RFC 9112 §3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetForm {
    /// `/path?query`: the usual one.
    Origin,
    /// `http://host/path`: to a proxy.
    Absolute,
    /// `host:port`: for CONNECT only.
    Authority,
    /// `*`: for OPTIONS only.
    Asterisk,
}

impl Target {
    /// Checks that `text` has one of the four forms.
    ///
    /// # Errors
    /// [`HttpErrorKind::InvalidTarget`].
    pub fn new(text: &str) -> Result<Self, HttpError> {
        Self::parse(text.as_bytes()).map_err(HttpError::blame_caller)
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, HttpError> {
        let invalid = |offset| HttpError::peer(HttpErrorKind::InvalidTarget, offset);
        if let Some(offset) = syntax::first_other(bytes, Class::TARGET) {
            return Err(invalid(offset));
        }
        let text = core::str::from_utf8(bytes).map_err(|error| invalid(error.valid_up_to()))?;
        let form = form_of(text).ok_or(invalid(0))?;
        Ok(Self { text: text.into(), form })
    }

    /// The target as it is on the wire.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Which of the four forms it has.
    pub fn form(&self) -> TargetForm {
        self.form
    }

    /// Host and port, where the form has them.
    pub fn authority(&self) -> Option<&str> {
        match self.form {
            TargetForm::Absolute => split_absolute(&self.text).map(|(_, authority)| authority),
            TargetForm::Authority => Some(&self.text),
            TargetForm::Origin | TargetForm::Asterisk => None,
        }
    }

    /// Whether a request with this method may have this form (RFC 9112 §3.2).
    pub(crate) fn suits(&self, method: &Method) -> bool {
        match self.form {
            TargetForm::Authority => *method == Method::CONNECT,
            TargetForm::Asterisk => *method == Method::OPTIONS,
            TargetForm::Origin | TargetForm::Absolute => *method != Method::CONNECT,
        }
    }

    /// Whether a `Host` of this value names the same place as the target, if the target names one.
    pub(crate) fn agrees_with(&self, host: &str) -> bool {
        let Some(named) = self.authority().and_then(|text| Authority::parse(text).ok()) else {
            return true;
        };
        let Ok(host) = Authority::parse(host) else {
            return false;
        };
        // A port left out is the default of the scheme; for CONNECT there is no scheme, and clients
        // are seen to leave it out of Host.
        let default = match (self.form, split_absolute(&self.text)) {
            (TargetForm::Absolute, Some((scheme, _))) => Some(scheme.default_port()),
            _ => named.port,
        };
        named.host == host.host && named.port.or(default) == host.port.or(default)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for Target {
    /// Without the query: some services are given their keys there, and this ends up in logs.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text.split_once('?') {
            Some((before, _)) => write!(formatter, "\"{before}?…\""),
            None => write!(formatter, "\"{}\"", self.text),
        }
    }
}

/// Whether `text` is `uri-host [":" port]` (RFC 9110 §7.2), as strictly as in a URL and not empty.
pub(crate) fn is_host(text: &str) -> bool {
    Authority::parse(text).is_ok()
}

fn form_of(text: &str) -> Option<TargetForm> {
    if text.starts_with('/') {
        return Some(TargetForm::Origin);
    }
    if text == "*" {
        return Some(TargetForm::Asterisk);
    }
    if let Some((_, authority)) = split_absolute(text) {
        return is_host(authority).then_some(TargetForm::Absolute);
    }
    // RFC 9112 §3.2.3: authority-form always has a port.
    let has_port = Authority::parse(text).is_ok_and(|authority| authority.port.is_some());
    has_port.then_some(TargetForm::Authority)
}

/// Scheme and authority of an absolute URI. Only `http` and `https`: this codec speaks nothing
/// else.
fn split_absolute(text: &str) -> Option<(Scheme, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = match scheme {
        _ if scheme.eq_ignore_ascii_case("http") => Scheme::Http,
        _ if scheme.eq_ignore_ascii_case("https") => Scheme::Https,
        _ => return None,
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    Some((scheme, rest.get(..end)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses_with_a_port() {
        for good in [
            "a",
            "a.b",
            "a:1",
            "A-b_c.d:65535",
            "127.0.0.1:80",
            "[::1]",
            "[::1]:8080",
            "xn--4ca.de",
        ] {
            assert!(is_host(good), "{good}");
        }
        for bad in [
            "",
            ":",
            ":80",
            "a:",
            "a:b",
            "a:65536",
            "a:080",
            "a~b",
            "a.",
            "-a",
            "0x7f.1",
            "2130706433",
            "a:+1",
            "a:-1",
            "user@a",
            "a b",
            "a/b",
            "a,b",
            "a%20b",
            "[::1",
            "::1",
            "[::1]x",
            "[::1]:",
            "[]",
            "[a]",
            "[1.2.3.4]",
            "a:1:2",
            "é",
            "[fe80::1%25en0]",
            "a\\b",
            "a?b",
            "a#b",
        ] {
            assert!(!is_host(bad), "{bad}");
        }
    }

    #[test]
    fn targets_have_one_of_four_forms() {
        for bad in [
            "",
            "a",
            "a/b",
            "**",
            "?q",
            "#f",
            "/#f",
            "/ ",
            "/\t",
            "/\0",
            "/\u{7f}",
            "/é",
            "/\\",
            "/\"",
            "/<",
            "/>",
            "/`",
            "http:/a/",
            "http://",
            "http:///x",
            "http://u@a/",
            "ftp://a/",
            "a:b",
            "http://a:99999/",
            "javascript://a:1/",
            "/a\r\nb: c",
        ] {
            let error = Target::new(bad).unwrap_err();
            assert_eq!(error.kind(), HttpErrorKind::InvalidTarget, "{bad:?}");
        }
        for good in ["/", "//x", "/a?b[]={c}|^", "/%zz?a=b&c", "http://a", "HTTPS://a?x", "/a:b@c"]
        {
            assert_eq!(Target::new(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn debugging_shows_no_query() {
        let shown = std::format!("{:?}", Target::new("/v1/x?key=secret?more").unwrap());
        assert_eq!(shown, "\"/v1/x?…\"");
    }

    #[test]
    fn forms_are_bound_to_methods() {
        let suits = |target, method: &Method| Target::new(target).unwrap().suits(method);
        assert!(suits("a:1", &Method::CONNECT) && !suits("a:1", &Method::GET));
        assert!(suits("*", &Method::OPTIONS) && !suits("*", &Method::GET));
        assert!(suits("/", &Method::OPTIONS) && !suits("/", &Method::CONNECT));
        assert!(suits("http://a/", &Method::GET) && !suits("http://a/", &Method::CONNECT));
    }

    #[test]
    fn a_host_agrees_when_it_names_the_same_place() {
        let agrees = |target, host| Target::new(target).unwrap().agrees_with(host);
        assert!(agrees("/x", "anything"));
        assert!(agrees("http://a.B/x", "A.b"));
        assert!(agrees("http://a:80/", "a") && agrees("https://a", "a:443"));
        assert!(!agrees("http://a/", "a:443") && !agrees("http://a/", "b"));
        assert!(agrees("http://[::1]:8/", "[::1]:8") && !agrees("http://[::1]/", "[::2]"));
        assert!(agrees("a:443", "a:443") && agrees("a:443", "a") && !agrees("a:443", "a:80"));
    }
}

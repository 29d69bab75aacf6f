//! URLs of the web: one reading each, whoever wrote them.
//!
//! A model, a redirect or a web page names a URL, a grant decides about it, and a connection is
//! made to it. Attacks live where these three read the same text differently: RFC 3986 and the
//! WHATWG standard disagree about backslashes, tabs, spaces, slashes and numbers, and libraries
//! disagree with both. So a [`Url`] exists only for text that every reader takes the same way, and
//! it holds that text in one spelling: what was checked is what is sent.
//!
//! # Invariants
//! - Printable ASCII, scheme `http` or `https`, no user info, no fragment, no default port, no dot
//!   segment in any spelling; at most the limit long. Parsing it again gives an equal value.
//! - Nothing in a path becomes a separator, a dot segment or the end of the text when a server
//!   decodes it once: `%2F`, `%5C` and `%00` are refused, and so are segments such as `..;x`, which
//!   some servers climb. A path inside a granted prefix therefore stays inside it.
//! - Percent-escapes are upper case, and none stands for a letter, a digit or one of `-._~` (RFC
//!   3986 §6.2.2), so that equal texts mean equal URLs.
//!
//! # Not here
//! Resolving names, following redirects, deciding what is granted. Unicode host names: write
//! `xn--`. The fragment is checked, then dropped: it is never sent (RFC 9110 §4.2.5), and a value
//! that two equal requests differ in would only confuse grants and caches. Servers that decode
//! twice (`%252e`) are beyond what a client can know.

use alloc::string::String;
use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use crate::limits::URL_BYTES_MAX;

mod address;
mod authority;
mod error;
mod host;
mod join;
mod parse;

pub use address::{Reach, classify};
pub use authority::Authority;
pub use error::{UrlError, UrlErrorKind};
pub use host::{Host, Name};

/// An http or https URL in its one spelling.
///
/// ```
/// use sentinel_core::wire::url::Url;
///
/// let url = Url::parse("HTTPS://API.Example.com:443/v1/./%7Euser/../mess%61ges?q=ä#top")?;
/// assert_eq!(url.as_str(), "https://api.example.com/v1/messages?q=%C3%A4");
/// assert_eq!(url.authority(), "api.example.com");
/// assert_eq!(url.port(), 443);
/// assert_eq!(url.request_target(), "/v1/messages?q=%C3%A4");
/// # Ok::<(), sentinel_core::wire::url::UrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Url {
    /// `scheme://host[:port]/path[?query]`. Everything below follows from it.
    text: String,
    scheme: Scheme,
    /// The host, when it is an address.
    address: Option<IpAddr>,
    port: Option<u16>,
    /// Where the host ends; it starts behind the scheme and its `://`.
    host_end: usize,
    path_start: usize,
    path_end: usize,
}

impl Url {
    /// Reads a URL of at most [`URL_BYTES_MAX`] bytes.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        Self::parse_within(text, URL_BYTES_MAX)
    }

    /// Reads a URL of at most `bytes_max` bytes, as given and as normalised.
    ///
    /// Text outside ASCII grows threefold when it is percent-encoded, so the second can be hit
    /// alone.
    pub fn parse_within(text: &str, bytes_max: usize) -> Result<Self, UrlError> {
        parse::absolute(text, bytes_max)
    }

    /// The whole URL.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// http or https.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host, without a copy.
    pub fn host(&self) -> Host<'_> {
        match self.address {
            Some(IpAddr::V4(address)) => Host::V4(address),
            Some(IpAddr::V6(address)) => Host::V6(address),
            None => Host::Name(Name::trusted(&self.text[self.host_start()..self.host_end])),
        }
    }

    /// The port to connect to: the one in the URL, or the scheme's.
    pub const fn port(&self) -> u16 {
        match self.port {
            Some(port) => port,
            None => self.scheme.default_port(),
        }
    }

    /// The port in the URL, if it is not the scheme's own: `https://host:443/` has none.
    pub const fn explicit_port(&self) -> Option<u16> {
        self.port
    }

    /// Host and port as the `Host` field wants them (RFC 9110 §7.2), without the scheme's own port.
    pub fn authority(&self) -> &str {
        &self.text[self.host_start()..self.path_start]
    }

    /// The path: never empty, starts with `/`.
    pub fn path(&self) -> &str {
        &self.text[self.path_start..self.path_end]
    }

    /// What follows the first `?`. An empty query is a query: `/?` and `/` are two resources.
    pub fn query(&self) -> Option<&str> {
        self.text[self.path_end..].strip_prefix('?')
    }

    /// Path and query: what stands on the request line (RFC 9112 §3.2.1).
    pub fn request_target(&self) -> &str {
        &self.text[self.path_start..]
    }

    /// Whether both have the same scheme, host and port (RFC 6454 §5). Credentials meant for one
    /// origin never go to another.
    pub fn same_origin(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.authority() == other.authority()
    }

    /// Whether this URL is `root` or below it: same origin, and the segments of its path start with
    /// those of `root`. A `root` that ends in `/` covers what is below it and not itself without
    /// the slash; a `root` with a query covers itself alone.
    ///
    /// ```
    /// use sentinel_core::wire::url::Url;
    ///
    /// let root = Url::parse("https://api.example.com/v1")?;
    /// assert!(Url::parse("https://api.example.com/v1/messages?beta")?.is_within(&root));
    /// assert!(!Url::parse("https://api.example.com/v1evil")?.is_within(&root));
    /// assert!(!Url::parse("https://api.example.com/v1/%2e%2e/admin")?.is_within(&root));
    /// # Ok::<(), sentinel_core::wire::url::UrlError>(())
    /// ```
    pub fn is_within(&self, root: &Self) -> bool {
        if root.query().is_some() {
            return self == root;
        }
        self.same_origin(root)
            && self.path().strip_prefix(root.path()).is_some_and(|rest| {
                rest.is_empty() || rest.starts_with('/') || root.path().ends_with('/')
            })
    }

    const fn host_start(&self) -> usize {
        self.scheme.prefix().len()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for Url {
    /// Without the query: some services are given their keys there, and this ends up in logs.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query = if self.query().is_some() { "?…" } else { "" };
        write!(formatter, "Url(\"{}{query}\")", &self.text[..self.path_end])
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

impl AsRef<str> for Url {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Inside TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// 80 or 443 (RFC 9110 §4.2).
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Http => "http://",
            Self::Https => "https://",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

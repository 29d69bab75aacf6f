//! Hosts: a name, or an address in its one spelling.
//!
//! Grants are given to hosts, so two spellings of one host must not both get through, and a text
//! that one reader takes for a name and another for an address must not get through at all: the C
//! library connects `0x7f.1`, `2130706433` and `0177.0.0.1` to this machine.
//!
//! # Invariants
//! - A name is lower-case ASCII, has no trailing dot, and never reads as an address to anybody.
//! - An address has one spelling: dotted decimal, or RFC 5952 in brackets.
//!
//! # Not here
//! Unicode: `xn--` labels pass as they are, other non-ASCII hosts are refused. Resolving: a name's
//! [`reach`](Name::reach) is a hint; what it resolves to goes through [`classify`] before
//! connecting.

use alloc::borrow::Cow;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::address::{Reach, classify};
use super::error::{UrlError, UrlErrorKind};

/// A host: a name or an address.
///
/// ```
/// use sentinel_core::wire::url::{Host, Reach};
///
/// let host = Host::parse("[0:0:0:0:0:FFFF:7F00:1]")?;
/// assert_eq!(host.to_string(), "[::ffff:127.0.0.1]");
/// assert_eq!(host.reach(), Some(Reach::Loopback));
/// assert!(Host::parse("0x7f.1").is_err());
/// # Ok::<(), sentinel_core::wire::url::UrlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host<'a> {
    /// A name, to be resolved.
    Name(Name<'a>),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address.
    V6(Ipv6Addr),
}

impl<'a> Host<'a> {
    /// Reads a host as it stands in a URL: without port, an IPv6 address in brackets.
    pub fn parse(text: &'a str) -> Result<Self, UrlError> {
        if let Some(rest) = text.strip_prefix('[') {
            let unclosed = UrlError::new(UrlErrorKind::InvalidIpv6, 0);
            let inner = rest.strip_suffix(']').ok_or(unclosed)?;
            return parse_v6(inner).map(Self::V6).map_err(|error| error.shifted(1));
        }
        let last_label = check_name(text)?;
        if !is_number(last_label) {
            return Ok(Self::Name(Name(lower_case(text))));
        }
        // core reads exactly four decimal numbers up to 255 and refuses leading zeros (RFC 6943
        // §3.1.1, the strict form).
        text.parse().map(Self::V4).map_err(|_| UrlError::new(UrlErrorKind::InvalidIpv4, 0))
    }

    /// The name, unless this is an address.
    pub const fn name(&self) -> Option<&Name<'a>> {
        match self {
            Self::Name(name) => Some(name),
            Self::V4(_) | Self::V6(_) => None,
        }
    }

    /// The address, unless this is a name.
    pub const fn address(&self) -> Option<IpAddr> {
        match *self {
            Self::Name(_) => None,
            Self::V4(address) => Some(IpAddr::V4(address)),
            Self::V6(address) => Some(IpAddr::V6(address)),
        }
    }

    /// What the host reaches, as far as the text alone can tell: always for an address, and for
    /// names that are local by convention. `None` means: resolve it and [`classify`] every address.
    pub fn reach(&self) -> Option<Reach> {
        match self {
            Self::Name(name) => name.reach(),
            Self::V4(address) => Some(classify(IpAddr::V4(*address))),
            Self::V6(address) => Some(classify(IpAddr::V6(*address))),
        }
    }

    /// The same host, owning its text.
    pub fn into_owned(self) -> Host<'static> {
        match self {
            Self::Name(Name(text)) => Host::Name(Name(Cow::Owned(text.into_owned()))),
            Self::V4(address) => Host::V4(address),
            Self::V6(address) => Host::V6(address),
        }
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(formatter),
            Self::V4(address) => write!(formatter, "{address}"),
            // core writes RFC 5952: lower case, the longest run of zeros shortened.
            Self::V6(address) => write!(formatter, "[{address}]"),
        }
    }
}

/// A host name: 1 to 253 bytes of lower-case letters, digits, hyphens and underscores in labels of
/// 1 to 63, with single dots between them.
///
/// Underscores are outside RFC 1123 §2.1, but DNS carries them, container networks use them, and no
/// reader takes one for anything else, so they are allowed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name<'a>(Cow<'a, str>);

impl<'a> Name<'a> {
    /// For text that [`check_name`] accepted and [`lower_case`] lowered.
    pub(super) const fn trusted(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `domain` or a name below it, label by label: `evilgood.com` is not within
    /// `good.com`.
    ///
    /// ```
    /// use sentinel_core::wire::url::Host;
    ///
    /// let name = |text| Host::parse(text).unwrap().name().unwrap().clone();
    /// assert!(name("api.GOOD.com").is_within(&name("good.com")));
    /// assert!(!name("evilgood.com").is_within(&name("good.com")));
    /// ```
    pub fn is_within(&self, domain: &Name<'_>) -> bool {
        is_within(&self.0, &domain.0)
    }

    /// What the name reaches, where the name alone says so. `None` means that only resolving tells;
    /// a public-looking name may resolve to anything.
    pub fn reach(&self) -> Option<Reach> {
        let name = self.as_str();
        let is_below = |domains: &[&str]| domains.iter().any(|domain| is_within(name, domain));
        if is_below(&METADATA_NAMES) {
            Some(Reach::Metadata)
        } else if is_below(&LOOPBACK_NAMES) {
            Some(Reach::Loopback)
        } else if is_within(name, "local") {
            // Multicast DNS, RFC 6762 §3.
            Some(Reach::LinkLocal)
        } else if is_below(&PRIVATE_NAMES) || !name.contains('.') {
            // Without a dot, the machine's own search list and host table decide (RFC 7085).
            Some(Reach::Private)
        } else {
            None
        }
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Checks every label of a name in any case, and returns the last one.
fn check_name(text: &str) -> Result<&str, UrlError> {
    if text.is_empty() {
        return Err(UrlError::new(UrlErrorKind::EmptyHost, 0));
    }
    // RFC 1035 §2.3.4: 255 octets on the wire are 253 in text. First, so that nothing long is read.
    if text.len() > NAME_BYTES_MAX {
        return Err(UrlError::new(UrlErrorKind::NameTooLong, NAME_BYTES_MAX));
    }
    for (offset, character) in text.char_indices() {
        let kind = match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' => continue,
            '%' => UrlErrorKind::EscapeInHost,
            _ if !character.is_ascii() => UrlErrorKind::NonAsciiHost(character),
            _ => UrlErrorKind::HostCharacter(character),
        };
        return Err(UrlError::new(kind, offset));
    }
    let mut start = 0;
    let mut last_label = text;
    for label in text.split('.') {
        let end = start + label.len();
        if label.is_empty() {
            // `good.com.` is `good.com` to DNS and another host to certificates, cookies and
            // grants.
            let is_trailing = end == text.len() && start > 1;
            let kind =
                if is_trailing { UrlErrorKind::TrailingDot } else { UrlErrorKind::EmptyLabel };
            return Err(UrlError::new(kind, start.saturating_sub(usize::from(is_trailing))));
        }
        if label.len() > LABEL_BYTES_MAX {
            return Err(UrlError::new(UrlErrorKind::LabelTooLong, start));
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(UrlError::new(UrlErrorKind::LabelHyphen, start));
        }
        last_label = label;
        start = end + 1;
    }
    Ok(last_label)
}

/// Whether a reader such as `inet_aton` may take a host that ends in this label for an address: the
/// "ends in a number" of the WHATWG URL standard.
fn is_number(label: &str) -> bool {
    let digits = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    label.bytes().all(|byte| byte.is_ascii_digit())
        || digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn parse_v6(text: &str) -> Result<Ipv6Addr, UrlError> {
    if let Some(offset) = text.find('%') {
        return Err(UrlError::new(UrlErrorKind::ZoneIdentifier, offset));
    }
    if text.starts_with(['v', 'V']) {
        return Err(UrlError::new(UrlErrorKind::FutureAddress, 0));
    }
    // core reads RFC 4291 §2.2 and nothing else: groups of 1 to 4 digits, one `::`, IPv4 at the
    // end.
    text.parse().map_err(|_| UrlError::new(UrlErrorKind::InvalidIpv6, 0))
}

fn lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

fn is_within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// Google (three names), Amazon (two).
const METADATA_NAMES: [&str; 5] = [
    "metadata.google.internal",
    "metadata.goog",
    "metadata",
    "instance-data",
    "instance-data.ec2.internal",
];

/// RFC 6761 §6.3, and what host tables of Linux distributions add.
const LOOPBACK_NAMES: [&str; 5] = [
    "localhost",
    "localhost.localdomain",
    "localhost6.localdomain6",
    "ip6-localhost",
    "ip6-loopback",
];

/// RFC 8375, ICANN's `.internal`, and the top-level names RFC 6762 appendix G finds in private use.
const PRIVATE_NAMES: [&str; 9] = [
    "home.arpa",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "localdomain",
    "localdomain6",
];

//! Why a URL was refused, and where.

use core::fmt;

/// A refused URL: what is wrong and the byte where it shows.
///
/// ```
/// use sentinel_core::wire::url::{Url, UrlErrorKind};
///
/// let error = Url::parse("http://me@example.com/").unwrap_err();
/// assert_eq!(error.kind, UrlErrorKind::UserInfo);
/// assert_eq!(error.offset, 9);
/// assert!(error.to_string().starts_with("URL, byte 9: a name before `@`"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct UrlError {
    /// What is wrong.
    pub kind: UrlErrorKind,
    /// Byte offset in the text that was given: for a redirect, in the reference.
    pub offset: usize,
}

impl UrlError {
    pub(super) const fn new(kind: UrlErrorKind, offset: usize) -> Self {
        Self { kind, offset }
    }

    /// The same error seen from a text in which this one starts at byte `start`.
    pub(super) const fn shifted(self, start: usize) -> Self {
        Self { kind: self.kind, offset: self.offset.saturating_add(start) }
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "URL, byte {}: {}", self.offset, self.kind)
    }
}

impl core::error::Error for UrlError {}

/// What is wrong with a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UrlErrorKind {
    /// Longer than the limit, as given or after normalising.
    TooLong {
        /// The limit that was hit.
        bytes_max: usize,
    },
    /// A control, a space, a backslash or one of ``"<>^`{|}``: readers differ on what they mean.
    ForbiddenCharacter(char),
    /// No `http://` or `https://` in front.
    MissingScheme,
    /// A scheme other than http and https.
    UnsupportedScheme,
    /// Not exactly two slashes before the host.
    SlashCount,
    /// An `@` in the authority.
    UserInfo,
    /// No host.
    EmptyHost,
    /// A character outside ASCII in the host.
    NonAsciiHost(char),
    /// A `%` in the host.
    EscapeInHost,
    /// A character no host name has.
    HostCharacter(char),
    /// Two dots in a row, or one in front.
    EmptyLabel,
    /// A dot at the end of the host.
    TrailingDot,
    /// A label that starts or ends with a hyphen.
    LabelHyphen,
    /// A label of more than 63 bytes.
    LabelTooLong,
    /// A host name of more than 253 bytes.
    NameTooLong,
    /// The last label is a number, but the host is not four plain decimal numbers.
    InvalidIpv4,
    /// What stands in brackets is not an IPv6 address, or the brackets do not pair.
    InvalidIpv6,
    /// An IPv6 zone such as `%eth0`.
    ZoneIdentifier,
    /// An address of a future version, `[v1.…]`.
    FutureAddress,
    /// A colon after the host and no port.
    EmptyPort,
    /// A port that is not a number from 1 to 65535 without leading zeros.
    InvalidPort,
    /// A `%` without two hexadecimal digits behind it.
    InvalidEscape,
    /// `%00`.
    EscapedNul,
    /// `%2F` or `%5C` in the path.
    EscapedSeparator,
    /// A path segment such as `..;x`.
    DotSegmentParameter,
}

impl fmt::Display for UrlErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match *self {
            Self::TooLong { bytes_max } => {
                return write!(formatter, "longer than the limit of {bytes_max} bytes; shorten it");
            }
            Self::ForbiddenCharacter(character) => {
                let shown = Shown(character);
                return write!(formatter, "{shown} may not stand in a URL; percent-encode it");
            }
            Self::NonAsciiHost(character) => {
                let shown = Shown(character);
                return write!(formatter, "{shown} in the host; write the host's `xn--` form");
            }
            Self::HostCharacter(character) => {
                let shown = Shown(character);
                return write!(
                    formatter,
                    "{shown} in the host; a host has letters, digits, hyphens and dots"
                );
            }
            Self::MissingScheme => "no scheme; write `https://` or `http://` in front",
            Self::UnsupportedScheme => {
                "a scheme other than http and https; write `https://` or `http://` in front"
            }
            Self::SlashCount => "a host comes after exactly two slashes",
            Self::UserInfo => {
                "a name before `@`; remove it, credentials never belong in a URL, and check which \
                 host was meant"
            }
            Self::EmptyHost => "no host; name one after the two slashes",
            Self::EscapeInHost => "a `%` in the host; write the host in plain letters",
            Self::EmptyLabel => "an empty label in the host; remove the extra dot",
            Self::TrailingDot => "a dot at the end of the host; remove it",
            Self::LabelHyphen => "a label of the host starts or ends with a hyphen",
            Self::LabelTooLong => "a label of the host has more than 63 bytes",
            Self::NameTooLong => "the host has more than 253 bytes",
            Self::InvalidIpv4 => {
                "a host that ends in a number is an IPv4 address; write it as four decimal \
                 numbers up to 255 without leading zeros"
            }
            Self::InvalidIpv6 => {
                "not an IPv6 address; write it in brackets, as in `[2606:4700::1]`"
            }
            Self::ZoneIdentifier => "an IPv6 zone means something on one machine only; remove it",
            Self::FutureAddress => "addresses are IPv4 or IPv6",
            Self::EmptyPort => "no port after the colon; write one or remove the colon",
            Self::InvalidPort => "a port is a number from 1 to 65535 without leading zeros",
            Self::InvalidEscape => "a `%` needs two hexadecimal digits; write a bare `%` as `%25`",
            Self::EscapedNul => "`%00` ends the text for some readers; remove it",
            Self::EscapedSeparator => {
                "an escaped `/` or `\\` in the path is data to some servers and a separator to \
                 others; write `/`, or put the value in the query"
            }
            Self::DotSegmentParameter => {
                "a segment such as `..;x` climbs on some servers and not on others; remove it"
            }
        };
        formatter.write_str(text)
    }
}

/// A character fit for a terminal or a log: what could move the cursor or hide is shown as its
/// number.
struct Shown(char);

impl fmt::Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ' ' => formatter.write_str("a space"),
            character if character.is_ascii_graphic() => write!(formatter, "`{character}`"),
            character => write!(formatter, "U+{:04X}", u32::from(character)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn characters_are_shown_without_reaching_the_terminal() {
        let shown = |character| UrlErrorKind::ForbiddenCharacter(character).to_string();
        assert!(shown(' ').starts_with("a space may"));
        assert!(shown('|').starts_with("`|` may"));
        assert!(shown('\u{1b}').starts_with("U+001B may"));
        assert!(shown('\u{202e}').starts_with("U+202E may"));
    }
}

//! Text to [`Url`]: each part is checked and written in its one spelling as it is read.
//!
//! The parts are the functions here, so that a URL and a redirect's reference are read by the same
//! code: an absolute URL takes them all in turn, a reference starts in the middle (see `join`).
//!
//! # Invariants
//! - Every byte is read a fixed number of times; the output is at most three times the input.
//! - Nothing is written before the characters of the whole text are known to be allowed.

use alloc::string::String;
use core::fmt::Write as _;
use core::ops::Range;

use super::authority::Authority;
use super::error::{UrlError, UrlErrorKind};
use super::{Scheme, Url};

/// Reads a URL that names its scheme.
pub(super) fn absolute(text: &str, bytes_max: usize) -> Result<Url, UrlError> {
    check_characters(text, bytes_max)?;
    let scheme_end =
        text.find([':', '/', '?', '#']).filter(|&end| text.as_bytes().get(end) == Some(&b':'));
    let Some(scheme_end) = scheme_end else {
        return Err(UrlError::new(UrlErrorKind::MissingScheme, 0));
    };
    let scheme = match &text[..scheme_end] {
        name if name.eq_ignore_ascii_case("http") => Scheme::Http,
        name if name.eq_ignore_ascii_case("https") => Scheme::Https,
        _ => return Err(UrlError::new(UrlErrorKind::UnsupportedScheme, 0)),
    };
    hierarchy(scheme, text, scheme_end + 1, bytes_max)
}

/// Reads `//authority/path?query#fragment` at byte `start`, and with it the rest of `text`.
pub(super) fn hierarchy(
    scheme: Scheme,
    text: &str,
    start: usize,
    bytes_max: usize,
) -> Result<Url, UrlError> {
    // One slash, three or none: browsers guess a host, RFC 3986 reads a path, so nobody knows.
    if text[start..].bytes().take_while(|&byte| byte == b'/').count() != 2 {
        return Err(UrlError::new(UrlErrorKind::SlashCount, start));
    }
    let start = start + 2;
    let end = text[start..].find(['/', '?', '#']).map_or(text.len(), |length| start + length);
    // A default port, a fragment or a dot segment leave room to spare; an empty path needs one
    // byte.
    let mut url = Url {
        text: String::with_capacity(text.len() + 1),
        scheme,
        address: None,
        port: None,
        host_end: 0,
        path_start: 0,
        path_end: 0,
    };
    url.text.push_str(scheme.prefix());
    authority(&mut url, &text[start..end]).map_err(|error| error.shifted(start))?;

    let parts = Parts::split(text, end);
    url.path_start = url.text.len();
    url.text.push('/');
    // What is left of the path is empty or starts with the slash just written.
    let path_start = parts.path.end.min(parts.path.start + 1);
    push_segments(&mut url.text, url.path_start, text, path_start..parts.path.end)?;
    url.path_end = url.text.len();
    finish(url, text, &parts, bytes_max)
}

/// Writes the query, checks the fragment, and closes the account of bytes.
pub(super) fn finish(
    mut url: Url,
    text: &str,
    parts: &Parts,
    bytes_max: usize,
) -> Result<Url, UrlError> {
    if let Some(query) = &parts.query {
        url.text.push('?');
        push_normalised(&mut url.text, text, query.clone(), Component::Query)?;
    }
    if let Some(fragment) = &parts.fragment {
        let bytes = &text.as_bytes()[..fragment.end];
        for (offset, &byte) in bytes.iter().enumerate().skip(fragment.start) {
            if byte == b'%' {
                escaped(bytes, offset)?;
            }
        }
    }
    if url.text.len() > bytes_max {
        return Err(UrlError::new(UrlErrorKind::TooLong { bytes_max }, text.len()));
    }
    Ok(url)
}

/// Refuses text that is too long, before looking at it, and characters no URL has.
pub(super) fn check_characters(text: &str, bytes_max: usize) -> Result<(), UrlError> {
    if text.len() > bytes_max {
        return Err(UrlError::new(UrlErrorKind::TooLong { bytes_max }, bytes_max));
    }
    for (offset, character) in text.char_indices() {
        // Browsers strip tabs and line ends, trim controls and spaces, and turn `\` into `/`;
        // others cut the text there or send it as it is. RFC 3986 §2 allows none of these.
        let is_forbidden = character.is_control()
            || matches!(character, ' ' | '\\' | '"' | '<' | '>' | '^' | '`' | '{' | '|' | '}');
        if is_forbidden {
            return Err(UrlError::new(UrlErrorKind::ForbiddenCharacter(character), offset));
        }
    }
    Ok(())
}

/// Where path, query and fragment stand in a text.
pub(super) struct Parts {
    pub(super) path: Range<usize>,
    pub(super) query: Option<Range<usize>>,
    pub(super) fragment: Option<Range<usize>>,
}

impl Parts {
    /// Splits what follows the authority, from byte `start` on (RFC 3986 §3).
    pub(super) fn split(text: &str, start: usize) -> Self {
        let hash = text[start..].find('#').map(|length| start + length);
        let end = hash.unwrap_or(text.len());
        let mark = text[start..end].find('?').map(|length| start + length);
        Self {
            path: start..mark.unwrap_or(end),
            query: mark.map(|mark| mark + 1..end),
            fragment: hash.map(|hash| hash + 1..text.len()),
        }
    }
}

/// Appends path segments. `out` ends with the `/` they follow, and `root` is where its path starts.
///
/// Dot segments are taken out as they come (RFC 3986 §5.2.4), after decoding, so that `%2e%2e` is
/// one. Each byte is written once and taken back at most once.
pub(super) fn push_segments(
    out: &mut String,
    root: usize,
    text: &str,
    range: Range<usize>,
) -> Result<(), UrlError> {
    let mut start = range.start;
    loop {
        let rest = &text[start..range.end];
        let end = rest.find('/').map(|length| start + length);
        let segment_start = out.len();
        push_normalised(out, text, start..end.unwrap_or(range.end), Component::Path)?;
        let segment = &out[segment_start..];
        let is_dots = matches!(segment, "." | "..");
        if is_dots {
            let is_up = segment == "..";
            out.truncate(segment_start);
            if is_up {
                climb(out, root);
            }
        } else if has_dots_and_parameter(segment) {
            return Err(UrlError::new(UrlErrorKind::DotSegmentParameter, start));
        }
        let Some(end) = end else {
            return Ok(());
        };
        if !is_dots {
            out.push('/');
        }
        start = end + 1;
    }
}

/// Takes the last segment off a path that starts at `root` and ends with `/`; the root stays.
fn climb(out: &mut String, root: usize) {
    let parent = out.len().saturating_sub(1);
    if parent > root {
        let slash = out[root..parent].rfind('/').map_or(root, |length| root + length);
        out.truncate(slash + 1);
    }
}

/// Whether a segment is a dot segment to servers that cut parameters off (`/a/..;x/b`), and to
/// those that decode the `;` first.
fn has_dots_and_parameter(segment: &str) -> bool {
    let rest = segment.strip_prefix("..").or_else(|| segment.strip_prefix('.'));
    rest.is_some_and(|rest| rest.starts_with(';') || rest.starts_with("%3B"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Component {
    Path,
    Query,
}

/// Appends a component: escapes in their one form, what is not ASCII as escaped UTF-8.
fn push_normalised(
    out: &mut String,
    text: &str,
    range: Range<usize>,
    component: Component,
) -> Result<(), UrlError> {
    let bytes = &text.as_bytes()[..range.end];
    let mut offset = range.start;
    while let Some(&byte) = bytes.get(offset) {
        match byte {
            b'%' => {
                let value = escaped(bytes, offset)?;
                if component == Component::Path && matches!(value, b'/' | b'\\') {
                    return Err(UrlError::new(UrlErrorKind::EscapedSeparator, offset));
                }
                if is_unreserved(value) {
                    out.push(char::from(value));
                } else {
                    push_escape(out, value);
                }
                offset += 3;
                continue;
            }
            // RFC 3986 §3.2.2 keeps raw brackets for addresses; browsers send them, so they are
            // common in queries, and every server reads the escape the same way.
            b'[' | b']' | 0x80.. => push_escape(out, byte),
            _ => out.push(char::from(byte)),
        }
        offset += 1;
    }
    Ok(())
}

/// The value of the escape at `offset`, where a `%` stands.
fn escaped(bytes: &[u8], offset: usize) -> Result<u8, UrlError> {
    let digit = |index| {
        let byte: u8 = *bytes.get(index)?;
        char::from(byte).to_digit(16)
    };
    let value = match (digit(offset + 1), digit(offset + 2)) {
        (Some(high), Some(low)) => u8::try_from(high * 16 + low).ok(),
        _ => None,
    };
    match value {
        None => Err(UrlError::new(UrlErrorKind::InvalidEscape, offset)),
        Some(0) => Err(UrlError::new(UrlErrorKind::EscapedNul, offset)),
        Some(value) => Ok(value),
    }
}

fn push_escape(out: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
}

/// RFC 3986 §2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Reads `host[:port]` and writes it behind the scheme.
fn authority(url: &mut Url, text: &str) -> Result<(), UrlError> {
    let Authority { host, port } = Authority::parse(text)?;
    url.address = host.address();
    // Writing to a `String` does not fail.
    let _ = write!(url.text, "{host}");
    url.host_end = url.text.len();
    if let Some(port) = port.filter(|&port| port != url.scheme.default_port()) {
        url.port = Some(port);
        let _ = write!(url.text, ":{port}");
    }
    Ok(())
}

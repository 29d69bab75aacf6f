//! Header fields: checked names and values, and the compact list that holds them.
//!
//! A [`HeaderName`] and a [`HeaderValue`] borrow bytes that were checked, so whoever holds one
//! knows that it cannot end a line. [`Headers`] keeps all fields of a message in one byte buffer
//! and one list of ranges: a received head is not taken apart into strings.
//!
//! # Invariants
//! - No name holds anything but token bytes, no value a control byte other than a tab.
//! - Fields keep their order and the case of their names; names compare without case.
//! - Only the codec adds `Content-Length`, `Transfer-Encoding` and `Connection`.
//! - Debug output shows no value of a field that usually carries a secret.
//!
//! # Not here
//! What a field means. The framing fields are read by `framing`.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use super::error::{HttpError, HttpErrorKind};
use super::syntax::{self, Class};

/// The name of a header field: a token (RFC 9110 §5.1).
///
/// ```
/// use sentinel_core::wire::http::HeaderName;
///
/// const REQUEST_ID: HeaderName<'static> = HeaderName::literal("X-Request-Id");
/// assert_eq!(REQUEST_ID, HeaderName::new("x-request-id")?);
/// assert!(HeaderName::new("x:y").is_err());
/// # Ok::<(), sentinel_core::wire::http::HttpError>(())
/// ```
#[derive(Clone, Copy)]
pub struct HeaderName<'a>(&'a str);

impl<'a> HeaderName<'a> {
    /// Checks that `name` is a token.
    ///
    /// # Errors
    /// [`HttpErrorKind::InvalidFieldName`] or [`HttpErrorKind::EmptyFieldName`].
    pub const fn new(name: &'a str) -> Result<Self, HttpError> {
        if name.is_empty() {
            return Err(HttpError::misuse(HttpErrorKind::EmptyFieldName));
        }
        match syntax::first_other(name.as_bytes(), Class::TOKEN) {
            Some(offset) => Err(HttpError::misuse_at(HttpErrorKind::InvalidFieldName, offset)),
            None => Ok(Self(name)),
        }
    }

    /// The name as it was written.
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether fields of this name usually carry a secret.
    pub fn is_sensitive(self) -> bool {
        is_one_of(self.0.as_bytes(), SENSITIVE)
    }
}

impl HeaderName<'static> {
    /// A name known when the program is written; in a `const`, a bad one does not compile.
    ///
    /// # Panics
    /// If `name` is not a token. Use [`HeaderName::new`] for what is not a literal.
    pub const fn literal(name: &'static str) -> Self {
        assert!(
            !name.is_empty() && syntax::first_other(name.as_bytes(), Class::TOKEN).is_none(),
            "a field name is a token"
        );
        Self(name)
    }
}

impl PartialEq for HeaderName<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for HeaderName<'_> {}

impl AsRef<str> for HeaderName<'_> {
    fn as_ref(&self) -> &str {
        self.0
    }
}

impl fmt::Display for HeaderName<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl fmt::Debug for HeaderName<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

/// The value of a header field: bytes without controls, and without space around them.
///
/// Values need not be UTF-8 (`obs-text`, RFC 9110 §5.5), so they are bytes until somebody asks.
///
/// ```
/// use sentinel_core::wire::http::HeaderValue;
///
/// const JSON: HeaderValue<'static> = HeaderValue::literal("application/json");
/// assert_eq!(JSON.as_str(), Some("application/json"));
/// assert_eq!(HeaderValue::new(b" \xff ")?.as_bytes(), b"\xff");
/// assert_eq!(HeaderValue::new(b"\xff")?.as_str(), None);
/// assert!(HeaderValue::new(b"a\nb").is_err());
/// # Ok::<(), sentinel_core::wire::http::HttpError>(())
/// ```
#[derive(Clone, Copy)]
pub struct HeaderValue<'a> {
    bytes: &'a [u8],
    is_sensitive: bool,
}

impl<'a> HeaderValue<'a> {
    /// Checks that there is no control byte but tabs; space at both ends is left out.
    ///
    /// # Errors
    /// [`HttpErrorKind::InvalidFieldValue`].
    pub const fn new(value: &'a [u8]) -> Result<Self, HttpError> {
        match syntax::first_other(value, Class::VALUE) {
            Some(offset) => Err(HttpError::misuse_at(HttpErrorKind::InvalidFieldValue, offset)),
            None => Ok(Self { bytes: syntax::trim_space(value), is_sensitive: false }),
        }
    }

    /// The bytes.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The text, if it is UTF-8.
    pub fn as_str(self) -> Option<&'a str> {
        core::str::from_utf8(self.bytes).ok()
    }

    /// The same value, hidden from debug output.
    pub const fn sensitive(mut self) -> Self {
        self.is_sensitive = true;
        self
    }
}

impl HeaderValue<'static> {
    /// A value known when the program is written; in a `const`, a bad one does not compile.
    ///
    /// # Panics
    /// If `value` has a control byte. Use [`HeaderValue::new`] for what is not a literal.
    pub const fn literal(value: &'static str) -> Self {
        assert!(
            syntax::first_other(value.as_bytes(), Class::VALUE).is_none(),
            "a field value has no control bytes"
        );
        Self { bytes: syntax::trim_space(value.as_bytes()), is_sensitive: false }
    }
}

impl PartialEq for HeaderValue<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for HeaderValue<'_> {}

impl PartialEq<&str> for HeaderValue<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.bytes == other.as_bytes()
    }
}

impl AsRef<[u8]> for HeaderValue<'_> {
    fn as_ref(&self) -> &[u8] {
        self.bytes
    }
}

impl fmt::Debug for HeaderValue<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_sensitive {
            return formatter.write_str("<redacted>");
        }
        write!(formatter, "\"{}\"", self.bytes.escape_ascii())
    }
}

/// The header (or trailer) fields of one message, in their order.
///
/// ```
/// use sentinel_core::wire::http::Headers;
///
/// let mut headers = Headers::new();
/// headers.append("Accept", "text/html")?;
/// headers.append("accept", "application/json")?;
/// headers.append("Authorization", "Bearer hunter2")?;
///
/// assert_eq!(headers.get("ACCEPT").unwrap(), "text/html");
/// assert_eq!(headers.all("accept").count(), 2);
/// assert!(!format!("{headers:?}").contains("hunter2"));
/// assert!(headers.append("Content-Length", "5").is_err());
/// # Ok::<(), sentinel_core::wire::http::HttpError>(())
/// ```
#[derive(Clone, Default)]
pub struct Headers {
    buffer: Vec<u8>,
    entries: Vec<Entry>,
}

/// Where a field stands in the buffer. Heads are far below 4 GiB: see `HttpLimits::head_bytes`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    name_start: u32,
    name_end: u32,
    value_start: u32,
    value_end: u32,
}

impl Headers {
    /// No fields.
    pub const fn new() -> Self {
        Self { buffer: Vec::new(), entries: Vec::new() }
    }

    /// The fields that `entries` point out in `buffer`.
    pub(crate) fn from_parts(buffer: Vec<u8>, entries: Vec<Entry>) -> Self {
        Self { buffer, entries }
    }

    /// Adds a field at the end.
    ///
    /// # Errors
    /// What [`HeaderName::new`] and [`HeaderValue::new`] refuse, and
    /// [`HttpErrorKind::FramingFieldByHand`] for the fields that only the codec writes: a
    /// `Content-Length` that disagrees with the body is how requests are smuggled.
    pub fn append(
        &mut self,
        name: impl AsRef<str>,
        value: impl AsRef<[u8]>,
    ) -> Result<(), HttpError> {
        let name = HeaderName::new(name.as_ref())?;
        let value = HeaderValue::new(value.as_ref())?;
        if is_one_of(name.as_str().as_bytes(), WRITTEN_BY_CODEC) {
            return Err(HttpError::misuse(HttpErrorKind::FramingFieldByHand));
        }
        let name_start = self.buffer.len();
        let value_start = name_start.saturating_add(name.as_str().len());
        let value_end = value_start.saturating_add(value.as_bytes().len());
        let entry = Entry::new(name_start..value_start, value_start..value_end)
            .map_err(HttpError::blame_caller)?;
        self.buffer.extend_from_slice(name.as_str().as_bytes());
        self.buffer.extend_from_slice(value.as_bytes());
        self.entries.push(entry);
        Ok(())
    }

    /// The same fields and one more.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn with(
        mut self,
        name: impl AsRef<str>,
        value: impl AsRef<[u8]>,
    ) -> Result<Self, HttpError> {
        self.append(name, value)?;
        Ok(self)
    }

    /// Makes room for so many bytes more of names and values.
    #[cfg(feature = "policy")]
    pub(crate) fn reserve(&mut self, bytes_count: usize) {
        self.buffer.reserve(bytes_count);
    }

    /// All names and values, for whoever wipes them.
    #[cfg(feature = "policy")]
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.buffer
    }

    /// The first field of this name.
    pub fn get(&self, name: &str) -> Option<HeaderValue<'_>> {
        let name = name.as_bytes();
        let entry = self.entries.iter().find(|entry| self.name(entry).eq_ignore_ascii_case(name));
        entry.map(|entry| self.value(entry))
    }

    /// All fields of this name, in their order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = HeaderValue<'a>> {
        self.entries_named(name).map(|entry| self.value(entry))
    }

    /// All fields, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (HeaderName<'_>, HeaderValue<'_>)> {
        self.entries.iter().map(|entry| {
            // Names are tokens, so they are ASCII and the fallback is never taken.
            let name = core::str::from_utf8(self.name(entry)).unwrap_or_default();
            (HeaderName(name), self.value(entry))
        })
    }

    /// The members of all fields of this name, read as comma-separated lists (RFC 9110 §5.6.1).
    pub fn members<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.all(name).flat_map(|value| syntax::list_members(value.as_bytes()))
    }

    /// Whether a field of this name lists `member`, without regard to case.
    pub fn lists(&self, name: &str, member: &str) -> bool {
        self.members(name).any(|other| other.eq_ignore_ascii_case(member.as_bytes()))
    }

    /// Whether there is a field of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.entries_named(name).next().is_some()
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Values of this name with their offset in the section they were read from.
    pub(crate) fn located<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a [u8], usize)> {
        self.entries_named(name)
            .map(|entry| (self.value(entry).as_bytes(), entry.value_start as usize))
    }

    /// Refuses fields that only the codec may write, so that a received head cannot be sent on with
    /// the framing it had.
    pub(crate) fn check_written_by_caller(&self) -> Result<(), HttpError> {
        match self.entries.iter().any(|entry| is_one_of(self.name(entry), WRITTEN_BY_CODEC)) {
            true => Err(HttpError::misuse(HttpErrorKind::FramingFieldByHand)),
            false => Ok(()),
        }
    }

    /// Refuses fields that must not stand in trailers, those of the codec among them.
    pub(crate) fn check_trailers(&self) -> Result<(), HttpError> {
        match self.entries.iter().any(|entry| is_forbidden_trailer(self.name(entry))) {
            true => Err(HttpError::misuse(HttpErrorKind::ForbiddenTrailer)),
            false => Ok(()),
        }
    }

    fn entries_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries
            .iter()
            .filter(move |entry| self.name(entry).eq_ignore_ascii_case(name.as_bytes()))
    }

    fn name(&self, entry: &Entry) -> &[u8] {
        self.buffer.get(entry.name_start as usize..entry.name_end as usize).unwrap_or_default()
    }

    fn value(&self, entry: &Entry) -> HeaderValue<'_> {
        let range = entry.value_start as usize..entry.value_end as usize;
        HeaderValue {
            bytes: self.buffer.get(range).unwrap_or_default(),
            is_sensitive: is_one_of(self.name(entry), SENSITIVE),
        }
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(other.iter()).all(|(one, two)| one == two)
    }
}

impl Eq for Headers {}

impl fmt::Debug for Headers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

impl Entry {
    pub(crate) fn new(name: Range<usize>, value: Range<usize>) -> Result<Self, HttpError> {
        let narrow = |offset: usize| {
            let most = u64::from(u32::MAX);
            u32::try_from(offset)
                .map_err(|_| HttpError::limit_reached(HttpErrorKind::HeadTooLong, most, most))
        };
        Ok(Self {
            name_start: narrow(name.start)?,
            name_end: narrow(name.end)?,
            value_start: narrow(value.start)?,
            value_end: narrow(value.end)?,
        })
    }
}

/// Whether a field of this name must not come after the body (RFC 9110 §6.5.1): whoever merged it
/// into the head would change framing, routing, credentials or the meaning of the body after all
/// the checks were made.
pub(crate) fn is_forbidden_trailer(name: &[u8]) -> bool {
    is_one_of(name, FORBIDDEN_TRAILERS)
}

fn is_one_of(name: &[u8], list: &[&str]) -> bool {
    list.iter().any(|other| name.eq_ignore_ascii_case(other.as_bytes()))
}

const WRITTEN_BY_CODEC: &[&str] = &["connection", "content-length", "transfer-encoding"];

const SENSITIVE: &[&str] = &[
    "api-key",
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "x-api-key",
    "x-goog-api-key",
];

const FORBIDDEN_TRAILERS: &[&str] = &[
    // Framing and the connection.
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    // Routing and request control.
    "cache-control",
    "expect",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "location",
    "max-forwards",
    "pragma",
    "range",
    // Credentials.
    "api-key",
    "authorization",
    "cookie",
    "proxy-authenticate",
    "proxy-authorization",
    "set-cookie",
    "www-authenticate",
    "x-api-key",
    "x-goog-api-key",
    // How to read the body.
    "content-encoding",
    "content-range",
    "content-type",
];

#[cfg(test)]
mod tests {
    use std::format;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn names_and_values_cannot_end_a_line() {
        for bad in ["a\r", "a\n", "a\0", "a b", "a:", " a", "é", "\u{7f}"] {
            let error = HeaderName::new(bad).unwrap_err();
            assert_eq!(error.kind(), HttpErrorKind::InvalidFieldName, "{bad:?}");
        }
        assert_eq!(HeaderName::new("").unwrap_err().kind(), HttpErrorKind::EmptyFieldName);
        for byte in (0..32).filter(|&byte| byte != b'\t').chain([127]) {
            let error = HeaderValue::new(&[b'a', byte, b'b']).unwrap_err();
            assert_eq!(error.kind(), HttpErrorKind::InvalidFieldValue, "{byte}");
            assert_eq!(error.offset(), 1);
            // Not at the ends either, where trimming might have hidden it.
            assert!(HeaderValue::new(&[byte]).is_err());
        }
    }

    #[test]
    fn fields_keep_order_case_and_repetition() {
        let headers = Headers::new()
            .with("B", "1")
            .and_then(|headers| headers.with("a", "2"))
            .and_then(|headers| headers.with("b", b"\x80"))
            .unwrap();
        let fields: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value)).collect();
        assert_eq!(fields[0], ("B", HeaderValue::literal("1")));
        assert_eq!(fields[1], ("a", HeaderValue::literal("2")));
        assert_eq!(fields[2], ("b", HeaderValue::new(b"\x80").unwrap()));
        assert_eq!(headers.all("B").count(), 2);
        assert!(headers.get("c").is_none());
    }

    #[test]
    fn framing_fields_cannot_be_set_by_hand() {
        for name in ["Content-Length", "TRANSFER-ENCODING", "connection"] {
            let error = Headers::new().with(name, "x").unwrap_err();
            assert_eq!(error.kind(), HttpErrorKind::FramingFieldByHand);
            assert!(error.is_misuse());
        }
    }

    #[test]
    fn a_refused_field_leaves_nothing_behind() {
        let mut headers = Headers::new().with("a", "1").unwrap();
        let before = headers.clone();
        assert!(headers.append("b", "\n").is_err());
        assert!(headers.append("b\n", "1").is_err());
        assert!(headers.append("connection", "1").is_err());
        assert_eq!(headers, before);
        assert_eq!(headers.buffer, before.buffer);
    }

    #[test]
    fn secrets_do_not_reach_debug_output() {
        for name in SENSITIVE {
            let headers = Headers::new().with(name.to_uppercase(), "hunter2").unwrap();
            assert!(!format!("{headers:?}").contains("hunter2"), "{name}");
            assert!(!format!("{:?}", headers.get(name)).contains("hunter2"), "{name}");
            assert_eq!(headers.get(name).unwrap(), "hunter2");
        }
        let headers = Headers::new().with("Accept", "hunter2").unwrap();
        assert_eq!(format!("{headers:?}"), r#"{Accept: "hunter2"}"#);
        let value = HeaderValue::literal("hunter2").sensitive();
        assert_eq!(format!("{value:?}"), "<redacted>");
    }

    #[test]
    fn members_span_repeated_fields() {
        let headers = Headers::new().with("te", "a, B").unwrap().with("TE", ",c").unwrap();
        assert_eq!(headers.members("te").count(), 3);
        assert!(headers.lists("te", "b"));
        assert!(!headers.lists("te", "a, b"));
    }
}

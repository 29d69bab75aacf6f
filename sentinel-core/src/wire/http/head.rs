//! Reading heads and trailers line by line.
//!
//! The bytes of a head are copied once, into the buffer that its [`Headers`] will keep. Each line
//! is read when its line feed arrives, so bad heads fail early and no byte is looked at again when
//! the next piece comes.
//!
//! # Invariants
//! - A line is held only as far as the bounds allow: the error comes with the first byte too many.
//! - Where an error is found does not depend on how the bytes were split.

use alloc::vec::Vec;
use core::ops::Range;

use super::error::{HttpError, HttpErrorKind};
use super::headers::{self, Entry, Headers};
use super::limits::HttpLimits;
use super::message::{RequestHead, ResponseHead, Version};
use super::method::Method;
use super::status::{Reason, StatusCode};
use super::syntax::{self, Class};
use super::target::Target;

/// Reads one head after the other, each beginning with an `S`.
pub(crate) struct HeadParser<S> {
    section: Section,
    start: Option<S>,
    blank_line: BlankLine,
}

/// What a head begins with.
pub(crate) trait StartLine: Sized {
    /// The whole head.
    type Head;
    /// Whether one empty line may come first (RFC 9112 §2.2: before requests).
    const MAY_FOLLOW_BLANK_LINE: bool;

    /// Reads the line, without its CRLF.
    fn parse(line: &[u8]) -> Result<Self, HttpError>;
    /// Joins line and fields.
    fn into_head(self, headers: Headers) -> Self::Head;
}

/// The empty line that some clients send after a body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BlankLine {
    None,
    CarriageReturn,
    Complete,
}

impl<S: StartLine> HeadParser<S> {
    pub(crate) const fn new() -> Self {
        Self { section: Section::new(), start: None, blank_line: BlankLine::None }
    }

    /// Whether no byte of a message has arrived. An empty line before a message is not part of it.
    pub(crate) fn is_untouched(&self) -> bool {
        self.section.buffer.is_empty() && self.blank_line != BlankLine::CarriageReturn
    }

    /// Bytes of the message read so far, with an empty line before it.
    pub(crate) fn position(&self) -> u64 {
        self.section.position().saturating_add(self.skipped())
    }

    /// Bytes before the first byte of the head.
    pub(crate) fn skipped(&self) -> u64 {
        match self.blank_line {
            BlankLine::None => 0,
            BlankLine::CarriageReturn => 1,
            BlankLine::Complete => 2,
        }
    }

    /// Reads on. A complete head leaves the parser ready for the next.
    pub(crate) fn next(
        &mut self,
        input: &mut &[u8],
        limits: &HttpLimits,
    ) -> Result<Option<Parsed<S::Head>>, HttpError> {
        if self.section.buffer.is_empty() {
            self.skip_blank_line(input)?;
        }
        let skipped = self.skipped();
        let fields = self.read(input, limits).map_err(|error| error.after(skipped))?;
        let Some(headers) = fields else {
            return Ok(None);
        };
        let Some(start) = self.start.take() else {
            return Ok(None);
        };
        let length = self.position();
        self.section = Section::new();
        self.blank_line = BlankLine::None;
        Ok(Some(Parsed { head: start.into_head(headers), skipped, length }))
    }

    fn read(
        &mut self,
        input: &mut &[u8],
        limits: &HttpLimits,
    ) -> Result<Option<Headers>, HttpError> {
        let head = Bound { bytes: limits.head_bytes, kind: HttpErrorKind::HeadTooLong };
        if self.start.is_none() {
            let line =
                Bound { bytes: limits.start_line_bytes, kind: HttpErrorKind::StartLineTooLong };
            let bound = if line.bytes < head.bytes { line } else { head };
            let Some(range) = self.section.next_line(input, bound)? else {
                return Ok(None);
            };
            let line = self.section.buffer.get(range).unwrap_or_default();
            self.start = Some(S::parse(line).map_err(|error| prefer_carriage_return(error, line))?);
        }
        self.section.next_fields(input, head, limits.headers_count, Place::Head)
    }

    fn skip_blank_line(&mut self, input: &mut &[u8]) -> Result<(), HttpError> {
        loop {
            let offset = self.skipped() as usize;
            match (self.blank_line, *input) {
                (BlankLine::None | BlankLine::Complete, [b'\r' | b'\n', ..])
                    if !S::MAY_FOLLOW_BLANK_LINE || self.blank_line == BlankLine::Complete =>
                {
                    return Err(HttpError::peer(HttpErrorKind::LeadingBlankLine, offset));
                }
                (BlankLine::None, [b'\n', ..]) => {
                    return Err(HttpError::peer(HttpErrorKind::BareLineFeed, offset));
                }
                (BlankLine::None, [b'\r', rest @ ..]) => {
                    self.blank_line = BlankLine::CarriageReturn;
                    *input = rest;
                }
                (BlankLine::CarriageReturn, [b'\n', rest @ ..]) => {
                    self.blank_line = BlankLine::Complete;
                    *input = rest;
                }
                (BlankLine::CarriageReturn, [_, ..]) => {
                    return Err(HttpError::peer(HttpErrorKind::BareCarriageReturn, 0));
                }
                _ => return Ok(()),
            }
        }
    }
}

/// A head, and where it stood.
pub(crate) struct Parsed<H> {
    pub(crate) head: H,
    /// Bytes before the head: an empty line.
    pub(crate) skipped: u64,
    /// Bytes of the head, with those before it.
    pub(crate) length: u64,
}

/// Lines up to an empty one, with their bytes: the fields of a head, or trailers.
pub(crate) struct Section {
    buffer: Vec<u8>,
    entries: Vec<Entry>,
    line_start: usize,
}

/// How long a section may become.
#[derive(Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) bytes: usize,
    pub(crate) kind: HttpErrorKind,
}

/// Which fields are allowed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Head,
    Trailers,
}

impl Section {
    pub(crate) const fn new() -> Self {
        Self { buffer: Vec::new(), entries: Vec::new(), line_start: 0 }
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> u64 {
        self.line_start.max(self.buffer.len()) as u64
    }

    /// Reads field lines until the empty one.
    pub(crate) fn next_fields(
        &mut self,
        input: &mut &[u8],
        bound: Bound,
        count_max: usize,
        place: Place,
    ) -> Result<Option<Headers>, HttpError> {
        while let Some(range) = self.next_line(input, bound)? {
            if range.is_empty() {
                let section = core::mem::replace(self, Self::new());
                // Whoever asks afterwards still learns how long the section was.
                self.line_start = section.line_start;
                return Ok(Some(Headers::from_parts(section.buffer, section.entries)));
            }
            self.add_field(range, count_max, place)?;
        }
        Ok(None)
    }

    /// Takes bytes up to and with the next CRLF and says where the line stands, without the CRLF.
    fn next_line(
        &mut self,
        input: &mut &[u8],
        bound: Bound,
    ) -> Result<Option<Range<usize>>, HttpError> {
        let line_feed = input.iter().position(|&byte| byte == b'\n');
        let taken = line_feed.map_or(input.len(), |index| index.saturating_add(1));
        if taken > bound.bytes.saturating_sub(self.buffer.len()) {
            let limit = bound.bytes as u64;
            return Err(HttpError::limit_reached(bound.kind, limit, limit));
        }
        if self.buffer.capacity() == 0 {
            // One allocation for most heads, without trusting the size of the piece, which may be
            // mostly body.
            self.buffer.reserve(input.len().min(HEAD_BYTES_USUAL));
        }
        let (line, rest) = input.split_at_checked(taken).unwrap_or((input, &[]));
        self.buffer.extend_from_slice(line);
        *input = rest;
        if line_feed.is_none() {
            return Ok(None);
        }
        let start = core::mem::replace(&mut self.line_start, self.buffer.len());
        match self.buffer.get(start..) {
            Some([line @ .., b'\r', b'\n']) => Ok(Some(start..start.saturating_add(line.len()))),
            _ => {
                let offset = self.buffer.len().saturating_sub(1);
                Err(HttpError::peer(HttpErrorKind::BareLineFeed, offset))
            }
        }
    }

    fn add_field(
        &mut self,
        range: Range<usize>,
        count_max: usize,
        place: Place,
    ) -> Result<(), HttpError> {
        let start = range.start;
        let line = self.buffer.get(range).unwrap_or_default();
        let is_first = self.entries.is_empty();
        let (name, value) = parse_field(line, is_first)
            .map_err(|error| prefer_carriage_return(error, line).after(start as u64))?;
        if place == Place::Trailers
            && headers::is_forbidden_trailer(line.get(name.clone()).unwrap_or_default())
        {
            return Err(HttpError::peer(HttpErrorKind::ForbiddenTrailer, start));
        }
        if self.entries.len() >= count_max {
            let (offset, limit) = (start as u64, count_max as u64);
            return Err(HttpError::limit_reached(HttpErrorKind::TooManyHeaders, offset, limit));
        }
        let shift = |range: Range<usize>| {
            start.saturating_add(range.start)..start.saturating_add(range.end)
        };
        self.entries.push(Entry::new(shift(name), shift(value))?);
        Ok(())
    }
}

/// Splits `name: value` (RFC 9112 §5). The ranges are within the line.
fn parse_field(line: &[u8], is_first: bool) -> Result<(Range<usize>, Range<usize>), HttpError> {
    let name_end = syntax::first_other(line, Class::TOKEN).unwrap_or(line.len());
    let (name, rest) = line.split_at_checked(name_end).unwrap_or((line, &[]));
    let rest = match rest {
        [b':', ..] if name.is_empty() => {
            return Err(HttpError::peer(HttpErrorKind::EmptyFieldName, 0));
        }
        [b':', rest @ ..] => rest,
        _ => return Err(HttpError::peer(why_not_a_name(name, rest, is_first), name_end)),
    };
    let value_start = name_end.saturating_add(1);
    if let Some(index) = syntax::first_other(rest, Class::VALUE) {
        let offset = value_start.saturating_add(index);
        return Err(HttpError::peer(HttpErrorKind::InvalidFieldValue, offset));
    }
    let value = syntax::trim_space(rest);
    let before = rest.iter().take_while(|&&byte| matches!(byte, b' ' | b'\t')).count();
    let start = if value.is_empty() { value_start } else { value_start.saturating_add(before) };
    Ok((0..name_end, start..start.saturating_add(value.len())))
}

/// The rule a line breaks that should be a field and has something else where its colon should be.
fn why_not_a_name(name: &[u8], rest: &[u8], is_first: bool) -> HttpErrorKind {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let after_space = rest.iter().find(|byte| !is_space(byte));
    match rest.first() {
        Some(byte) if is_space(byte) => match after_space {
            // RFC 9112 §2.2 after a start line, §5.2 after a field.
            _ if name.is_empty() && is_first => HttpErrorKind::SpaceBeforeFieldName,
            _ if name.is_empty() => HttpErrorKind::FoldedLine,
            Some(b':') => HttpErrorKind::SpaceBeforeColon,
            _ if rest.contains(&b':') => HttpErrorKind::SpaceInFieldName,
            _ => HttpErrorKind::MissingColon,
        },
        Some(_) if rest.contains(&b':') => HttpErrorKind::InvalidFieldName,
        _ => HttpErrorKind::MissingColon,
    }
}

/// A carriage return breaks every rule of a line at once; what it breaks first is its own.
fn prefer_carriage_return(error: HttpError, line: &[u8]) -> HttpError {
    match line.iter().position(|&byte| byte == b'\r') {
        Some(offset) => HttpError::peer(HttpErrorKind::BareCarriageReturn, offset),
        None => error,
    }
}

/// `method SP target SP version` (RFC 9112 §3).
pub(crate) struct RequestLine {
    method: Method,
    target: Target,
    version: Version,
}

impl StartLine for RequestLine {
    type Head = RequestHead;
    const MAY_FOLLOW_BLANK_LINE: bool = true;

    fn parse(line: &[u8]) -> Result<Self, HttpError> {
        // Exactly two spaces. RFC 9112 §3 lets a server split on any whitespace; then one reader's
        // target is another's version.
        let mut parts = line.split(|&byte| byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(HttpError::peer(HttpErrorKind::MalformedRequestLine, 0));
        };
        let target_start = method.len().saturating_add(1);
        let version_start = target_start.saturating_add(target.len()).saturating_add(1);
        let method = Method::parse(method)?;
        let target = Target::parse(target).map_err(|error| error.after(target_start as u64))?;
        let version = parse_version(version).map_err(|error| error.after(version_start as u64))?;
        if !target.suits(&method) {
            return Err(HttpError::peer(HttpErrorKind::TargetNotForMethod, target_start));
        }
        Ok(Self { method, target, version })
    }

    fn into_head(self, headers: Headers) -> RequestHead {
        let mut head = RequestHead::new(self.method, self.target);
        head.version = self.version;
        head.headers = headers;
        head
    }
}

/// `version SP status SP reason` (RFC 9112 §4).
pub(crate) struct StatusLine {
    version: Version,
    status: StatusCode,
    reason: Reason,
}

impl StartLine for StatusLine {
    type Head = ResponseHead;
    const MAY_FOLLOW_BLANK_LINE: bool = false;

    fn parse(line: &[u8]) -> Result<Self, HttpError> {
        let malformed = |offset| HttpError::peer(HttpErrorKind::MalformedStatusLine, offset);
        let space = line.iter().position(|&byte| byte == b' ').unwrap_or(line.len());
        let (version, rest) = line.split_at_checked(space).unwrap_or((line, &[]));
        let version = parse_version(version)?;
        let (status, reason) = match rest {
            // Many servers leave out the last space when they have no reason; it separates nothing.
            [b' ', a, b, c] => ([*a, *b, *c], &[][..]),
            [b' ', a, b, c, b' ', reason @ ..] => ([*a, *b, *c], reason),
            _ => return Err(malformed(space)),
        };
        let status_start = space.saturating_add(1);
        let mut code = 0;
        for digit in status {
            if !digit.is_ascii_digit() {
                return Err(malformed(status_start));
            }
            code = code * 10 + u16::from(digit - b'0');
        }
        let status =
            StatusCode::new(code).map_err(|error| error.blame_peer().after(status_start as u64))?;
        let reason = Reason::parse(reason, status)
            .map_err(|error| error.after(status_start.saturating_add(4) as u64))?;
        Ok(Self { version, status, reason })
    }

    fn into_head(self, headers: Headers) -> ResponseHead {
        let mut head = ResponseHead::new(self.status);
        head.reason = self.reason;
        head.version = self.version;
        head.headers = headers;
        head
    }
}

/// `HTTP/digit.digit`, with its case (RFC 9112 §2.3).
fn parse_version(bytes: &[u8]) -> Result<Version, HttpError> {
    match bytes {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(HttpError::peer(HttpErrorKind::UnsupportedVersion, 0))
        }
        _ => Err(HttpError::peer(HttpErrorKind::InvalidVersion, 0)),
    }
}

/// Enough for the heads of most clients and APIs.
const HEAD_BYTES_USUAL: usize = 1024;

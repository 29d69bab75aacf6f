//! Server-sent events, by the WHATWG rules.
//!
//! A model streams its answer as events, a few bytes of meaning in a few hundred bytes of text. The
//! [`Decoder`] takes the stream in whatever pieces the network cut it into and gives events that
//! borrow from the piece they lie in; only what crosses from one piece to the next is copied, into
//! buffers that are kept.
//!
//! ```
//! use sentinel_core::text::sse::Decoder;
//!
//! let mut decoder = Decoder::new();
//! let mut texts = Vec::new();
//! for mut piece in [&b"event: delta\ndata: He"[..], b"llo\n\ndata: bye\n\n"] {
//!     while let Some(event) = decoder.next(&mut piece)? {
//!         texts.push(format!("{}: {}", event.name, event.data));
//!     }
//! }
//! assert_eq!(texts, ["delta: Hello", "message: bye"]);
//! assert!(decoder.is_between_events());
//! # Ok::<(), sentinel_core::text::sse::SseError>(())
//! ```
//!
//! # Invariants
//! - Any split of the bytes gives the same events.
//! - An event is given when its empty line has come, never before. What stands after the last empty
//!   line when a stream ends is no event, and [`Decoder::is_between_events`] tells.
//! - Memory is bounded by the two [`Limits`]; each byte is looked at a constant number of times.
//! - An event that lies in one piece, with one line of data in valid UTF-8, costs no allocation.
//!
//! # Not here
//! When to reconnect and with which header: that is for the one who holds the connection.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::scan;
use crate::limits;

#[cfg(test)]
mod tests;

/// Turns the bytes of an event stream into events.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    limits: Limits,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    /// The data of the event so far, as far as it had to be copied.
    data: String,
    /// Whether the event has data, be it empty.
    has_data: bool,
    /// The name of the event so far, as far as it had to be copied.
    name: String,
    /// The last event ID that a line has set, which the next event makes known.
    id_to_be: String,
    /// A line has set it since the last event. Cheaper to ask than whether the two differ.
    is_id_set: bool,
    id: String,
    retry: Option<Duration>,
    /// The last byte was a carriage return: a line feed that follows belongs to it.
    after_carriage_return: bool,
    is_past_first_line: bool,
    /// The event in `data` and `name` was given out: the next call starts afresh.
    is_given: bool,
    /// How many bytes of the stream have been taken.
    taken: u64,
    /// Where in the stream the line that is being read starts.
    line_start: u64,
    error: Option<SseError>,
}

/// The bounds of a [`Decoder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a line may be, in bytes.
    pub line_bytes: usize,
    /// How long the data of an event may be, in bytes.
    pub event_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { line_bytes: limits::SSE_LINE_BYTES_MAX, event_bytes: limits::SSE_EVENT_BYTES_MAX }
    }
}

/// One event of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'e> {
    /// The name, which is `message` if the stream gave none.
    pub name: &'e str,
    /// The data: the lines joined by line feeds. Bytes that are not UTF-8 became U+FFFD.
    pub data: &'e str,
    /// The last event ID that the stream has set, in this event or an earlier one; else empty.
    pub id: &'e str,
}

/// A stream was given up: it went past a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SseError {
    /// Which bound.
    pub kind: SseErrorKind,
    /// The offset in the stream of the line that went past it.
    pub offset: u64,
}

/// Which bound a stream went past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SseErrorKind {
    /// A line is longer than [`Limits::line_bytes`].
    LineTooLong {
        /// The limit that was set.
        limit: usize,
    },
    /// The data of an event is longer than [`Limits::event_bytes`].
    EventTooLong {
        /// The limit that was set.
        limit: usize,
    },
}

impl fmt::Display for SseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, limit) = match self.kind {
            SseErrorKind::LineTooLong { limit } => ("a line", limit),
            SseErrorKind::EventTooLong { limit } => ("the data of an event", limit),
        };
        write!(
            formatter,
            "event stream, byte {}: {what} is longer than the limit of {limit} bytes",
            self.offset
        )
    }
}

impl core::error::Error for SseError {}

/// A piece of the event being read: in the bytes that were just fed, or copied.
#[derive(Clone, Copy)]
enum Piece<'c> {
    Absent,
    Fed(&'c str),
    Copied,
}

/// The event being read.
#[derive(Clone, Copy)]
struct Pending<'c> {
    data: Piece<'c>,
    name: Piece<'c>,
}

impl Decoder {
    /// A decoder at the start of a stream, with the default [`Limits`].
    pub fn new() -> Self {
        Self::default()
    }

    /// A decoder at the start of a stream.
    pub fn with_limits(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// The next event that ends within `input`, which is moved past it; `None` when all of `input`
    /// has been taken.
    ///
    /// After an error every further call gives the same error.
    pub fn next<'e, 'c: 'e>(
        &'e mut self,
        input: &mut &'c [u8],
    ) -> Result<Option<Event<'e>>, SseError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if core::mem::take(&mut self.is_given) {
            self.start_event();
        }
        let mut pending = self.copied();
        loop {
            let is_end = match self.take_line(input)? {
                None => {
                    self.keep(pending);
                    return Ok(None);
                }
                Some(Line::Fed(line)) => self.apply(line, &mut pending)?,
                Some(Line::Gathered) => {
                    // This line lives in the decoder: what it says must be copied out of it.
                    self.keep(pending);
                    let mut line = core::mem::take(&mut self.line);
                    let mut gathered = self.copied();
                    let is_end = self.apply(&line, &mut gathered)?;
                    self.keep(gathered);
                    pending = self.copied();
                    line.clear();
                    self.line = line;
                    is_end
                }
            };
            if !is_end {
                continue;
            }
            if core::mem::take(&mut self.is_id_set) {
                self.id.clone_from(&self.id_to_be);
            }
            if !matches!(pending.data, Piece::Absent) {
                break;
            }
            // Without data there is no event, whatever its name was to be.
            self.name.clear();
            pending.name = Piece::Absent;
        }
        self.is_given = true;
        Ok(Some(Event {
            name: match pending.name {
                Piece::Absent => "message",
                Piece::Fed(name) => name,
                Piece::Copied => &self.name,
            },
            data: match pending.data {
                Piece::Fed(data) => data,
                Piece::Absent | Piece::Copied => &self.data,
            },
            id: &self.id,
        }))
    }

    /// The last event ID, to be sent as `Last-Event-ID` when the stream is opened again.
    pub fn last_event_id(&self) -> &str {
        &self.id
    }

    /// How long the stream asked to wait before it is opened again, if it did.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Whether the stream may end here without having been cut: no line and no data is pending, and
    /// no bound was hit.
    pub fn is_between_events(&self) -> bool {
        let has_event = (self.has_data || !self.name.is_empty()) && !self.is_given;
        self.error.is_none() && self.line.is_empty() && !has_event
    }

    /// Takes the next line off the input, without its end; `None` when its end has not come.
    #[inline(always)]
    fn take_line<'c>(&mut self, input: &mut &'c [u8]) -> Result<Option<Line<'c>>, SseError> {
        if self.after_carriage_return && !input.is_empty() {
            self.after_carriage_return = false;
            if let Some(rest) = input.strip_prefix(b"\n") {
                self.advance(input, rest);
            }
        }
        if self.line.is_empty() {
            self.line_start = self.taken;
        }
        let end = scan::find_line_end(input, 0);
        if self.line.len() + end > self.limits.line_bytes {
            let kind = SseErrorKind::LineTooLong { limit: self.limits.line_bytes };
            return Err(self.give_up(kind));
        }
        let (line, rest) = input.split_at(end);
        let rest = match rest {
            [] => {
                self.line.extend_from_slice(line);
                self.advance(input, rest);
                return Ok(None);
            }
            [b'\r', b'\n', rest @ ..] => rest,
            [b'\r'] => {
                self.after_carriage_return = true;
                &[]
            }
            [_, rest @ ..] => rest,
        };
        self.advance(input, rest);
        let is_first = !core::mem::replace(&mut self.is_past_first_line, true);
        if !self.line.is_empty() {
            self.line.extend_from_slice(line);
            if is_first && self.line.starts_with(BYTE_ORDER_MARK) {
                self.line.drain(..BYTE_ORDER_MARK.len());
            }
            return Ok(Some(Line::Gathered));
        }
        let mark = if is_first { BYTE_ORDER_MARK } else { &[] };
        Ok(Some(Line::Fed(line.strip_prefix(mark).unwrap_or(line))))
    }

    #[inline(always)]
    fn advance<'c>(&mut self, input: &mut &'c [u8], rest: &'c [u8]) {
        self.taken += (input.len() - rest.len()) as u64;
        *input = rest;
    }

    /// Does what a line says. Returns whether it is the empty line that ends an event.
    #[inline(always)]
    fn apply<'c>(&mut self, line: &'c [u8], pending: &mut Pending<'c>) -> Result<bool, SseError> {
        match Field::of(line) {
            Field::End => return Ok(true),
            Field::Data(value) => pending.data = self.add_data(pending.data, value)?,
            Field::Name(value) => {
                self.name.clear();
                pending.name = match core::str::from_utf8(value) {
                    Ok("") => Piece::Absent,
                    Ok(value) => Piece::Fed(value),
                    Err(_) => {
                        self.name.push_str(&String::from_utf8_lossy(value));
                        Piece::Copied
                    }
                };
            }
            other => self.set(other),
        }
        Ok(false)
    }

    /// Adds a line of data: the first stays where it is, a further one makes both be copied.
    #[inline(always)]
    fn add_data<'c>(&mut self, data: Piece<'c>, line: &'c [u8]) -> Result<Piece<'c>, SseError> {
        let limit = self.limits.event_bytes;
        let length = match data {
            Piece::Absent => line.len(),
            Piece::Fed(before) => before.len() + 1 + line.len(),
            Piece::Copied => self.data.len() + 1 + line.len(),
        };
        if length > limit {
            return Err(self.give_up(SseErrorKind::EventTooLong { limit }));
        }
        if let (Piece::Absent, Ok(line)) = (data, core::str::from_utf8(line)) {
            return Ok(Piece::Fed(line));
        }
        self.keep(Pending { data, name: Piece::Absent });
        if self.has_data {
            self.data.push('\n');
        }
        self.data.push_str(&String::from_utf8_lossy(line));
        self.has_data = true;
        Ok(Piece::Copied)
    }

    /// The event being read, when all of it is copied.
    fn copied(&self) -> Pending<'static> {
        Pending {
            data: if self.has_data { Piece::Copied } else { Piece::Absent },
            name: if self.name.is_empty() { Piece::Absent } else { Piece::Copied },
        }
    }

    /// Copies what lies in the bytes that were fed, so that it outlives them.
    fn keep(&mut self, pending: Pending<'_>) {
        if let Piece::Fed(data) = pending.data {
            self.data.push_str(data);
            self.has_data = true;
        }
        if let Piece::Fed(name) = pending.name {
            self.name.push_str(name);
        }
    }

    /// The fields that outlive their event.
    #[cold]
    fn set(&mut self, field: Field<'_>) {
        match field {
            Field::Id(value) if !value.contains(&0) => {
                self.id_to_be.clear();
                self.id_to_be.push_str(&String::from_utf8_lossy(value));
                self.is_id_set = true;
            }
            Field::Retry(digits) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
                let milliseconds = digits.iter().fold(0_u64, |value, digit| {
                    value.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
                });
                self.retry = Some(Duration::from_millis(milliseconds));
            }
            _ => {}
        }
    }

    fn start_event(&mut self) {
        self.data.clear();
        self.has_data = false;
        self.name.clear();
    }

    #[cold]
    fn give_up(&mut self, kind: SseErrorKind) -> SseError {
        let error = SseError { kind, offset: self.line_start };
        self.error = Some(error);
        self.line = Vec::new();
        self.data = String::new();
        error
    }
}

/// The mark that a stream may start with, as decoding by the Encoding Standard drops it.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A line of the stream, without its end.
enum Line<'c> {
    /// It lies in the bytes that were just fed.
    Fed(&'c [u8]),
    /// It was gathered in the decoder.
    Gathered,
}

/// What a line says.
enum Field<'c> {
    /// The line is empty: the event ends.
    End,
    Data(&'c [u8]),
    Name(&'c [u8]),
    Id(&'c [u8]),
    Retry(&'c [u8]),
    /// A comment, or a field that the standard does not know.
    Ignored,
}

impl<'c> Field<'c> {
    #[inline(always)]
    fn of(line: &'c [u8]) -> Self {
        // Nearly every line is one of these.
        if let [b'd', b'a', b't', b'a', b':', value @ ..] = line {
            return Self::Data(value.strip_prefix(b" ").unwrap_or(value));
        }
        if line.is_empty() {
            return Self::End;
        }
        let colon = line.iter().position(|&byte| byte == b':');
        let (field, value) = match colon {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &line[line.len()..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => Self::Data(value),
            b"event" => Self::Name(value),
            b"id" => Self::Id(value),
            b"retry" => Self::Retry(value),
            _ => Self::Ignored,
        }
    }
}

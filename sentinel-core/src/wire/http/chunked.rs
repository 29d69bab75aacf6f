//! The chunked transfer coding (RFC 9112 §7.1), read strictly.
//!
//! A chunk line is read byte by byte into a number; nothing of it is kept. Extensions are skipped:
//! no recipient may rely on them, and a quoted string in them cannot hold a line end, so skipping
//! to CRLF is what every reader does.
//!
//! # Invariants
//! - Chunk data comes out as it was fed, borrowed.
//! - The body bound is checked when a chunk is announced, before its first byte is handed out.

use super::body::{BodyPart, take, too_long};
use super::error::{HttpError, HttpErrorKind};
use super::head::{Bound, Place, Section};
use super::limits::HttpLimits;

/// Reads chunks, then trailers.
pub(crate) struct ChunkDecoder {
    state: State,
    /// Body bytes announced by chunk lines so far.
    announced: u64,
    /// Bytes of the current chunk line.
    line_bytes: usize,
    /// Bytes of chunk extensions so far.
    extension_bytes: usize,
}

enum State {
    Size { digits: u8, size: u64 },
    Extension { size: u64 },
    SizeLineFeed { size: u64 },
    Data { left: u64 },
    DataCarriageReturn,
    DataLineFeed,
    Trailers { section: Section, start: u64 },
}

impl ChunkDecoder {
    pub(crate) const fn new() -> Self {
        Self { state: NEXT_CHUNK, announced: 0, line_bytes: 0, extension_bytes: 0 }
    }

    /// The next part. `position` is how many bytes of the message came before the input.
    ///
    /// Trailers end the body as [`BodyPart::End`] does, which comes only when there are none.
    pub(crate) fn next<'a>(
        &mut self,
        input: &mut &'a [u8],
        position: u64,
        limits: &HttpLimits,
    ) -> Result<Option<BodyPart<'a>>, HttpError> {
        let before = input.len();
        loop {
            if let State::Data { left } = &mut self.state {
                let data = take(input, *left);
                *left = left.saturating_sub(data.len() as u64);
                if *left == 0 {
                    self.state = State::DataCarriageReturn;
                }
                return Ok((!data.is_empty()).then_some(BodyPart::Data(data)));
            }
            if let State::Trailers { section, start } = &mut self.state {
                let bound =
                    Bound { bytes: limits.trailer_bytes, kind: HttpErrorKind::TrailersTooLong };
                let start = *start;
                let trailers = section
                    .next_fields(input, bound, limits.headers_count, Place::Trailers)
                    .map_err(|error| error.after(start))?;
                return Ok(trailers.map(|trailers| match trailers.is_empty() {
                    true => BodyPart::End,
                    false => BodyPart::Trailers(trailers),
                }));
            }
            let offset = position.saturating_add(before.saturating_sub(input.len()) as u64);
            let Some((&byte, rest)) = input.split_first() else {
                return Ok(None);
            };
            self.read_line_byte(byte, offset, limits)?;
            *input = rest;
        }
    }

    /// Reads one byte of what stands around the data.
    fn read_line_byte(
        &mut self,
        byte: u8,
        offset: u64,
        limits: &HttpLimits,
    ) -> Result<(), HttpError> {
        let wrong = |kind| Err(HttpError::peer(kind, 0).after(offset));
        match self.state {
            State::DataCarriageReturn | State::DataLineFeed => {}
            _ => self.count_line_byte(offset, limits)?,
        }
        self.state = match self.state {
            State::Size { digits, size } => match (byte, hex_digit(byte)) {
                (_, Some(_)) if digits >= SIZE_DIGITS_MAX => {
                    return wrong(HttpErrorKind::ChunkSizeOverflow);
                }
                (_, Some(digit)) => {
                    State::Size { digits: digits.saturating_add(1), size: size << 4 | digit }
                }
                (b'\r', _) if digits > 0 => State::SizeLineFeed { size },
                (b';', _) if digits > 0 => State::Extension { size },
                (b'\n', _) if digits > 0 => return wrong(HttpErrorKind::BareLineFeed),
                // RFC 9112 §7.1.1 has "bad whitespace" before `;`; no sender needs it.
                _ => return wrong(HttpErrorKind::InvalidChunkSize),
            },
            State::Extension { size } => match byte {
                b'\r' => State::SizeLineFeed { size },
                b'\n' => return wrong(HttpErrorKind::BareLineFeed),
                _ if !super::syntax::is_value_byte(byte) => {
                    return wrong(HttpErrorKind::InvalidChunkExtension);
                }
                _ => {
                    self.extension_bytes = self.extension_bytes.saturating_add(1);
                    if self.extension_bytes > limits.chunk_extension_bytes {
                        let kind = HttpErrorKind::ChunkExtensionsTooLong;
                        let limit = limits.chunk_extension_bytes as u64;
                        return Err(HttpError::limit_reached(kind, offset, limit));
                    }
                    State::Extension { size }
                }
            },
            State::SizeLineFeed { .. } if byte != b'\n' => {
                return wrong(HttpErrorKind::BareCarriageReturn);
            }
            State::SizeLineFeed { size: 0 } => {
                State::Trailers { section: Section::new(), start: offset.saturating_add(1) }
            }
            State::SizeLineFeed { size } => {
                if size > limits.body_bytes.saturating_sub(self.announced) {
                    return Err(too_long(offset, limits));
                }
                self.announced = self.announced.saturating_add(size);
                self.line_bytes = 0;
                State::Data { left: size }
            }
            State::DataCarriageReturn => match byte {
                b'\r' => State::DataLineFeed,
                b'\n' => return wrong(HttpErrorKind::BareLineFeed),
                _ => return wrong(HttpErrorKind::MissingChunkEnd),
            },
            State::DataLineFeed if byte == b'\n' => NEXT_CHUNK,
            State::DataLineFeed => return wrong(HttpErrorKind::MissingChunkEnd),
            // Read by the caller, not byte by byte.
            State::Data { .. } | State::Trailers { .. } => return Ok(()),
        };
        Ok(())
    }

    fn count_line_byte(&mut self, offset: u64, limits: &HttpLimits) -> Result<(), HttpError> {
        if self.line_bytes >= limits.chunk_line_bytes {
            let limit = limits.chunk_line_bytes as u64;
            return Err(HttpError::limit_reached(HttpErrorKind::ChunkLineTooLong, offset, limit));
        }
        self.line_bytes = self.line_bytes.saturating_add(1);
        Ok(())
    }
}

const NEXT_CHUNK: State = State::Size { digits: 0, size: 0 };

/// Sixteen digits are a `u64`; more are zeros in front or a number nobody can have.
const SIZE_DIGITS_MAX: u8 = 16;

fn hex_digit(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}

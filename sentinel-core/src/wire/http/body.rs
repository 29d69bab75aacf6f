//! Reading bodies: pieces of what was fed, never gathered.

use super::chunked::ChunkDecoder;
use super::error::{HttpError, HttpErrorKind};
use super::framing::Framing;
use super::headers::Headers;
use super::limits::HttpLimits;

/// Reads one body.
pub(crate) struct BodyDecoder {
    framing: State,
    /// Bytes of the message before the next one to read.
    position: u64,
}

enum State {
    Exact { left: u64 },
    UntilClose { received: u64 },
    Chunked(ChunkDecoder),
    Complete,
}

/// What a body is made of.
pub(crate) enum BodyPart<'a> {
    Data(&'a [u8]),
    Trailers(Headers),
    End,
}

impl BodyDecoder {
    /// A body that follows a head of so many bytes.
    pub(crate) fn new(
        framing: Framing,
        head_bytes: u64,
        limits: &HttpLimits,
    ) -> Result<Self, HttpError> {
        let framing = match framing {
            Framing::Empty => State::Complete,
            Framing::Exact(length) if length > limits.body_bytes => {
                // Refused before a byte of it was read.
                return Err(too_long(head_bytes, limits));
            }
            Framing::Exact(left) => State::Exact { left },
            Framing::UntilClose => State::UntilClose { received: 0 },
            Framing::Chunked => State::Chunked(ChunkDecoder::new()),
        };
        Ok(Self { framing, position: head_bytes })
    }

    /// Bytes of the message so far.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Whether the end of the connection is the end of this body.
    pub(crate) fn ends_with_connection(&self) -> bool {
        matches!(self.framing, State::UntilClose { .. })
    }

    /// Whether everything was read, with or without its [`BodyPart::End`].
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.framing, State::Complete)
    }

    /// The next part. After [`BodyPart::End`] the decoder is to be thrown away.
    pub(crate) fn next<'a>(
        &mut self,
        input: &mut &'a [u8],
        limits: &HttpLimits,
    ) -> Result<Option<BodyPart<'a>>, HttpError> {
        let start = self.position;
        let before = input.len();
        let part = match &mut self.framing {
            State::Exact { left } => {
                let data = take(input, *left);
                *left = left.saturating_sub(data.len() as u64);
                if *left == 0 {
                    self.framing = State::Complete;
                }
                Some(BodyPart::Data(data))
            }
            State::UntilClose { received } => {
                let data = take(input, limits.body_bytes.saturating_sub(*received));
                *received = received.saturating_add(data.len() as u64);
                if data.is_empty() && !input.is_empty() {
                    return Err(too_long(start, limits));
                }
                Some(BodyPart::Data(data))
            }
            State::Chunked(decoder) => match decoder.next(input, start, limits)? {
                Some(BodyPart::End) => {
                    self.framing = State::Complete;
                    Some(BodyPart::End)
                }
                Some(BodyPart::Trailers(trailers)) => {
                    self.framing = State::Complete;
                    Some(BodyPart::Trailers(trailers))
                }
                part => part,
            },
            State::Complete => Some(BodyPart::End),
        };
        self.position = start.saturating_add(before.saturating_sub(input.len()) as u64);
        Ok(part.filter(|part| !matches!(part, BodyPart::Data([]))))
    }
}

/// The first bytes of the input, at most so many.
pub(crate) fn take<'a>(input: &mut &'a [u8], bytes_max: u64) -> &'a [u8] {
    let count = usize::try_from(bytes_max).unwrap_or(usize::MAX).min(input.len());
    let (taken, rest) = input.split_at_checked(count).unwrap_or((input, &[]));
    *input = rest;
    taken
}

pub(crate) fn too_long(offset: u64, limits: &HttpLimits) -> HttpError {
    HttpError::limit_reached(HttpErrorKind::BodyTooLong, offset, limits.body_bytes)
}

//! Writing heads and bodies.
//!
//! # Invariants
//! - Everything written was made by a checking constructor or stands in this file, so no text of a
//!   caller can end a line or begin a field.
//! - A body has the bytes its head announced, or the message is never finished.
//! - A refused call has written nothing.

use alloc::vec::Vec;

use super::error::{HttpError, HttpErrorKind};
use super::framing::Framing;
use super::headers::Headers;
use super::message::{BodyLength, RequestHead, ResponseHead};

/// What the codec says about the body and the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Announce {
    pub(crate) body: AnnouncedBody,
    /// `close`, `keep-alive` or nothing.
    pub(crate) connection: Option<&'static str>,
}

/// The framing field of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnnouncedBody {
    Nothing,
    Length(u64),
    Chunked,
}

pub(crate) fn request_head(head: &RequestHead, announce: Announce, out: &mut Vec<u8>) {
    out.extend_from_slice(head.method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(head.target.as_str().as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    fields(&head.headers, announce, out);
}

pub(crate) fn response_head(head: &ResponseHead, announce: Announce, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(&head.status.digits());
    // The space stays when there is no reason (RFC 9112 §4).
    out.push(b' ');
    out.extend_from_slice(head.reason.as_bytes());
    out.extend_from_slice(b"\r\n");
    fields(&head.headers, announce, out);
}

fn fields(headers: &Headers, announce: Announce, out: &mut Vec<u8>) {
    field_lines(headers, out);
    match announce.body {
        AnnouncedBody::Nothing => {}
        AnnouncedBody::Length(length) => {
            out.extend_from_slice(b"Content-Length: ");
            decimal(length, out);
            out.extend_from_slice(b"\r\n");
        }
        AnnouncedBody::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
    }
    // Fields that are meant for the next hop only must be named (RFC 9110 §7.6.1).
    let hop_fields = ["TE", "Upgrade"].into_iter().filter(|name| headers.contains(name));
    let mut separator: &[u8] = b"Connection: ";
    for option in announce.connection.into_iter().chain(hop_fields) {
        out.extend_from_slice(separator);
        out.extend_from_slice(option.as_bytes());
        separator = b", ";
    }
    if separator == b", " {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

fn field_lines(headers: &Headers, out: &mut Vec<u8>) {
    for (name, value) in headers.iter() {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// Writes one body after its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyEncoder {
    /// No message is being written.
    Idle,
    /// So many bytes are still to come.
    Exact { left: u64 },
    /// Pieces become chunks.
    Chunked,
    /// Pieces are written as they are; the connection ends the body.
    UntilClose,
    /// The answer to HEAD, or a 304: pieces are taken and dropped.
    Discard,
    /// Everything was written.
    Finished,
}

impl BodyEncoder {
    pub(crate) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Empty => Self::Finished,
            Framing::Exact(left) => Self::Exact { left },
            Framing::Chunked => Self::Chunked,
            Framing::UntilClose => Self::UntilClose,
        }
    }

    pub(crate) fn is_finished(&self) -> bool {
        matches!(self, Self::Finished)
    }

    pub(crate) fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }

    pub(crate) fn write(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), HttpError> {
        match self {
            Self::Idle => return Err(HttpError::misuse(HttpErrorKind::NothingToSend)),
            // An empty piece is no piece; as a chunk it would be the last one.
            _ if data.is_empty() => {}
            Self::Finished => return Err(HttpError::misuse(HttpErrorKind::MoreThanDeclared)),
            Self::Exact { left } => {
                *left = left
                    .checked_sub(data.len() as u64)
                    .ok_or(HttpError::misuse(HttpErrorKind::MoreThanDeclared))?;
                out.extend_from_slice(data);
            }
            Self::Chunked => {
                hexadecimal(data.len() as u64, out);
                out.extend_from_slice(b"\r\n");
                out.extend_from_slice(data);
                out.extend_from_slice(b"\r\n");
            }
            Self::UntilClose => out.extend_from_slice(data),
            Self::Discard => {}
        }
        Ok(())
    }

    pub(crate) fn finish(
        &mut self,
        trailers: &Headers,
        out: &mut Vec<u8>,
    ) -> Result<(), HttpError> {
        trailers.check_trailers()?;
        match self {
            Self::Idle => return Err(HttpError::misuse(HttpErrorKind::NothingToSend)),
            Self::Exact { left: 1.. } => {
                return Err(HttpError::misuse(HttpErrorKind::FewerThanDeclared));
            }
            Self::Chunked => {
                out.extend_from_slice(b"0\r\n");
                field_lines(trailers, out);
                out.extend_from_slice(b"\r\n");
            }
            Self::Discard => {}
            Self::Exact { .. } | Self::UntilClose | Self::Finished if !trailers.is_empty() => {
                return Err(HttpError::misuse(HttpErrorKind::TrailersNotChunked));
            }
            Self::Exact { .. } | Self::UntilClose | Self::Finished => {}
        }
        *self = Self::Finished;
        Ok(())
    }
}

/// How a body of this length is framed for a peer that can read chunks.
pub(crate) fn framing_of(length: BodyLength) -> Framing {
    match length {
        BodyLength::Empty => Framing::Empty,
        BodyLength::Exact(length) => Framing::Exact(length),
        BodyLength::Streamed => Framing::Chunked,
    }
}

fn decimal(value: u64, out: &mut Vec<u8>) {
    digits(value, 10, out);
}

fn hexadecimal(value: u64, out: &mut Vec<u8>) {
    digits(value, 16, out);
}

fn digits(mut value: u64, base: u64, out: &mut Vec<u8>) {
    // A u64 has at most 20 decimal digits.
    let mut text = [0; 20];
    let mut used = 0;
    for place in text.iter_mut().rev() {
        *place = b"0123456789abcdef".get((value % base) as usize).copied().unwrap_or(b'0');
        used += 1;
        value /= base;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(text.get(text.len().saturating_sub(used)..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    #[test]
    fn numbers_are_written_as_usual() {
        for value in [0, 1, 9, 10, 15, 16, 255, 4096, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            decimal(value, &mut out);
            out.push(b' ');
            hexadecimal(value, &mut out);
            assert_eq!(out, format!("{value} {value:x}").into_bytes());
        }
    }

    #[test]
    fn a_body_has_exactly_the_declared_bytes() {
        let mut out = Vec::new();
        let mut body = BodyEncoder::new(Framing::Exact(5));
        assert!(body.write(b"abc", &mut out).is_ok());
        let error = body.write(b"abc", &mut out).unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::MoreThanDeclared);
        assert_eq!(out, b"abc");
        let error = body.finish(&Headers::new(), &mut out).unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::FewerThanDeclared);
        // What was refused changed nothing: the right bytes still complete the body.
        assert!(body.write(b"de", &mut out).is_ok());
        assert!(body.finish(&Headers::new(), &mut out).is_ok());
        assert_eq!(out, b"abcde");
        let error = body.write(b"f", &mut out).unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::MoreThanDeclared);
    }

    #[test]
    fn an_empty_piece_does_not_end_a_chunked_body() {
        let mut out = Vec::new();
        let mut body = BodyEncoder::new(Framing::Chunked);
        for piece in [&b"a"[..], b"", b"bc"] {
            assert!(body.write(piece, &mut out).is_ok());
        }
        let trailers = Headers::new().with("Digest", "x").unwrap();
        assert!(body.finish(&trailers, &mut out).is_ok());
        assert_eq!(out, b"1\r\na\r\n2\r\nbc\r\n0\r\nDigest: x\r\n\r\n");
    }

    #[test]
    fn trailers_need_chunks_and_must_be_harmless() {
        let kind = |framing, name| {
            let trailers = Headers::new().with(name, "x").unwrap();
            let error = BodyEncoder::new(framing).finish(&trailers, &mut Vec::new()).unwrap_err();
            assert!(error.is_misuse());
            error.kind()
        };
        assert_eq!(kind(Framing::Exact(0), "Digest"), HttpErrorKind::TrailersNotChunked);
        assert_eq!(kind(Framing::Empty, "Digest"), HttpErrorKind::TrailersNotChunked);
        assert_eq!(kind(Framing::UntilClose, "Digest"), HttpErrorKind::TrailersNotChunked);
        assert_eq!(kind(Framing::Chunked, "Authorization"), HttpErrorKind::ForbiddenTrailer);
    }
}

//! From the peer's bytes to its messages.
//!
//! # Invariants
//! - Any split of the input gives the same events, and the same error at the same frame.
//! - Memory grows with what arrived and never with what a header announces, and not beyond the
//!   bound of a message.
//! - Text is UTF-8, and what is not is known as soon as the byte that spoils it arrives.
//!
//! # Not here
//! Answering, and what may be sent: see [`Connection`](super::Connection).

use alloc::vec::Vec;

use super::close::{Close, CloseCode};
use super::connection::{Event, Role};
use super::error::{WebSocketError, WebSocketErrorKind as Kind};
use super::frame::{self, HEADER_BYTES_MAX, Header, Opcode};
use crate::limits::WEBSOCKET_BUFFER_BYTES_KEPT;

/// Reads frames, and gathers those of one message.
pub(super) struct Receiver {
    role: Role,
    message_bytes_max: usize,
    /// Bytes taken so far.
    position: u64,
    /// The beginning of a header that came in pieces.
    header: [u8; HEADER_BYTES_MAX],
    header_length: usize,
    frame: Option<Frame>,
    /// Whether a message has begun, and whether it is text.
    message: Option<bool>,
    /// What of the message came so far, unmasked.
    buffer: Vec<u8>,
    /// How much of it was found to be UTF-8.
    checked: usize,
    /// Whether the buffer holds a message that was given out.
    is_given: bool,
    control: [u8; CONTROL_BYTES_MAX],
    control_length: usize,
    end: Option<End>,
}

/// A frame whose payload is arriving.
#[derive(Clone, Copy)]
struct Frame {
    header: Header,
    /// Where it began.
    offset: u64,
    /// Bytes of its payload so far.
    taken: u64,
}

/// Why nothing more is read.
#[derive(Clone, Copy)]
enum End {
    Closed,
    Failed(WebSocketError),
}

/// What is complete, and where it lies.
enum Ready<'c> {
    /// A message within the input.
    Fed(bool, &'c [u8]),
    /// A message in the buffer.
    Gathered(bool),
    /// A control frame.
    Control(Opcode),
}

impl Receiver {
    pub(super) const fn new(role: Role, message_bytes_max: usize) -> Self {
        Self {
            role,
            message_bytes_max,
            position: 0,
            header: [0; HEADER_BYTES_MAX],
            header_length: 0,
            frame: None,
            message: None,
            buffer: Vec::new(),
            checked: 0,
            is_given: false,
            control: [0; CONTROL_BYTES_MAX],
            control_length: 0,
            end: None,
        }
    }

    pub(super) fn next<'e, 'c: 'e>(
        &'e mut self,
        input: &mut &'c [u8],
    ) -> Result<Option<Event<'e>>, WebSocketError> {
        match self.end {
            Some(End::Failed(error)) => return Err(error),
            // RFC 6455 §5.5.1: nothing follows a close frame; what does is not looked at.
            Some(End::Closed) => {
                *input = &[];
                return Ok(None);
            }
            None => {}
        }
        if core::mem::take(&mut self.is_given) {
            self.buffer.clear();
            self.buffer.shrink_to(WEBSOCKET_BUFFER_BYTES_KEPT);
            self.checked = 0;
        }
        let mut offset = 0;
        let ready = match self.advance(input, &mut offset) {
            Ok(Some(ready)) => ready,
            Ok(None) => return Ok(None),
            Err(kind) => return Err(self.fail(kind, offset)),
        };
        let Self { buffer, control, control_length, end, is_given, .. } = self;
        let event = match ready {
            Ready::Fed(true, payload) => text(payload),
            Ready::Fed(false, payload) => Ok(Event::Binary(payload)),
            Ready::Gathered(is_text) => {
                *is_given = true;
                if is_text { text(buffer) } else { Ok(Event::Binary(buffer)) }
            }
            Ready::Control(opcode) => {
                let payload = control.get(..*control_length).unwrap_or_default();
                match opcode {
                    Opcode::Ping => Ok(Event::Ping(payload)),
                    Opcode::Pong => Ok(Event::Pong(payload)),
                    _ => {
                        *end = Some(End::Closed);
                        close(payload)
                    }
                }
            }
        };
        event.map(Some).map_err(|kind| {
            let error = WebSocketError::new(kind, offset);
            *end = Some(End::Failed(error));
            error
        })
    }

    /// Whether a close frame came.
    pub(super) const fn is_closed(&self) -> bool {
        matches!(self.end, Some(End::Closed))
    }

    /// Whether nothing more is read, for one reason or the other.
    pub(super) const fn is_over(&self) -> bool {
        self.end.is_some()
    }

    pub(super) fn end_of_input(&mut self) -> Result<(), WebSocketError> {
        match self.end {
            Some(End::Closed) => Ok(()),
            Some(End::Failed(error)) => Err(error),
            None => Err(self.fail(Kind::EndedWithoutClose, self.position)),
        }
    }

    /// How much memory is held for messages.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    fn fail(&mut self, kind: Kind, offset: u64) -> WebSocketError {
        let error = WebSocketError::new(kind, offset);
        self.end = Some(End::Failed(error));
        error
    }

    /// Reads until something is complete. `offset` is where the frame began that is complete, or
    /// wrong.
    fn advance<'c>(
        &mut self,
        input: &mut &'c [u8],
        offset: &mut u64,
    ) -> Result<Option<Ready<'c>>, Kind> {
        loop {
            let mut frame = match self.frame {
                Some(frame) => frame,
                None => {
                    *offset = self.position - self.header_length as u64;
                    let Some(header) = self.take_header(input)? else { return Ok(None) };
                    self.check(&header)?;
                    let frame = Frame { header, offset: *offset, taken: 0 };
                    if let Some(ready) = self.whole(&frame, input) {
                        return Ok(Some(ready));
                    }
                    frame
                }
            };
            *offset = frame.offset;
            self.take_payload(&mut frame, input);
            let is_complete = frame.taken == frame.header.length;
            self.frame = (!is_complete).then_some(frame);
            if frame.header.opcode.is_control() {
                return Ok(is_complete.then_some(Ready::Control(frame.header.opcode)));
            }
            let is_text = self.message == Some(true);
            if is_complete && frame.header.is_last {
                self.message = None;
                return Ok(Some(Ready::Gathered(is_text)));
            }
            if is_text {
                self.check_text()?;
            }
            if !is_complete {
                return Ok(None);
            }
        }
    }

    /// Takes a header from the input, and what came of it before.
    fn take_header(&mut self, input: &mut &[u8]) -> Result<Option<Header>, Kind> {
        let before = self.header_length;
        let (header, taken) = if before == 0 && input.len() >= HEADER_BYTES_MAX {
            let Some(read) = Header::read(input)? else { return Ok(None) };
            read
        } else {
            let free = self.header.get_mut(before..).unwrap_or_default();
            let added = free.len().min(input.len());
            free.iter_mut().zip(input.iter()).for_each(|(to, from)| *to = *from);
            let known = self.header.get(..before + added).unwrap_or_default();
            match Header::read(known)? {
                Some((header, length)) => (header, length.saturating_sub(before)),
                None => {
                    self.header_length = before + added;
                    self.skip(input, added);
                    return Ok(None);
                }
            }
        };
        self.header_length = 0;
        self.skip(input, taken);
        Ok(Some(header))
    }

    /// Whether this frame may come now, from this peer.
    fn check(&mut self, header: &Header) -> Result<(), Kind> {
        match (self.role, header.mask) {
            (Role::Server, None) => return Err(Kind::NotMasked),
            (Role::Client, Some(_)) => return Err(Kind::Masked),
            _ => {}
        }
        if header.opcode.is_control() {
            self.control_length = 0;
            return Ok(());
        }
        match (header.opcode, self.message) {
            (Opcode::Continuation, None) => return Err(Kind::UnexpectedContinuation),
            (Opcode::Continuation, Some(_)) => {}
            (_, Some(_)) => return Err(Kind::UnexpectedMessage),
            (opcode, None) => self.message = Some(opcode == Opcode::Text),
        }
        let left = self.message_bytes_max.saturating_sub(self.buffer.len());
        if header.length > left as u64 {
            return Err(Kind::MessageTooLong);
        }
        Ok(())
    }

    /// A message that needs no buffer: one frame, not masked, all of it there.
    fn whole<'c>(&mut self, frame: &Frame, input: &mut &'c [u8]) -> Option<Ready<'c>> {
        let Frame { header, .. } = frame;
        let is_alone = header.is_last && matches!(header.opcode, Opcode::Text | Opcode::Binary);
        if !is_alone || header.mask.is_some() {
            return None;
        }
        let payload = input.get(..usize::try_from(header.length).ok()?)?;
        self.skip(input, payload.len());
        self.message = None;
        Some(Ready::Fed(header.opcode == Opcode::Text, payload))
    }

    fn take_payload(&mut self, frame: &mut Frame, input: &mut &[u8]) {
        let left = usize::try_from(frame.header.length - frame.taken).unwrap_or(usize::MAX);
        let part = input.get(..left).unwrap_or(input);
        let mask = frame.header.mask;
        if frame.header.opcode.is_control() {
            let key = mask.unwrap_or_default();
            let free = self.control.get_mut(self.control_length..).unwrap_or_default();
            let start = (frame.taken % 4) as usize;
            for ((to, from), key) in free.iter_mut().zip(part).zip(key.iter().cycle().skip(start)) {
                *to = from ^ key;
            }
            self.control_length += part.len();
        } else {
            frame::append(part, mask, frame.taken, &mut self.buffer);
        }
        frame.taken += part.len() as u64;
        self.skip(input, part.len());
    }

    /// Checks what is new of a text that goes on.
    fn check_text(&mut self) -> Result<(), Kind> {
        let new = self.buffer.get(self.checked..).unwrap_or_default();
        match core::str::from_utf8(new) {
            Ok(_) => self.checked = self.buffer.len(),
            Err(error) if error.error_len().is_some() => return Err(Kind::InvalidText),
            // A character is not complete yet.
            Err(error) => self.checked += error.valid_up_to(),
        }
        Ok(())
    }

    fn skip(&mut self, input: &mut &[u8], count: usize) {
        *input = input.get(count..).unwrap_or_default();
        self.position = self.position.saturating_add(count as u64);
    }
}

fn text(payload: &[u8]) -> Result<Event<'_>, Kind> {
    core::str::from_utf8(payload).map(Event::Text).map_err(|_| Kind::InvalidText)
}

/// RFC 6455 §5.5.1: nothing, or a code and a reason.
fn close(payload: &[u8]) -> Result<Event<'_>, Kind> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Ok(Event::Close(None)) } else { Err(Kind::CloseTooShort) };
    };
    let code = CloseCode::new(u16::from_be_bytes(*code)).ok_or(Kind::InvalidCloseCode)?;
    let reason = core::str::from_utf8(reason).map_err(|_| Kind::InvalidReason)?;
    Ok(Event::Close(Some(Close { code, reason })))
}

/// RFC 6455 §5.5.
pub(super) const CONTROL_BYTES_MAX: usize = 125;

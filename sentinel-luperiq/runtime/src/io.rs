//! Reading and writing through the traits of `embedded-io`.
//!
//! # Invariants
//! - Reading waits until there is something; a channel whose other end is closed has ended.
//!
//! # Not here
//! Handles in messages: [`ChannelStream`] is for bytes, and closes what comes with them.

use alloc::string::String;
use alloc::vec::Vec;

use embedded_io::{ErrorKind, ErrorType, Read, Write};
use luperiq_abi::call::{FOREVER, POSITION_CURRENT};
use luperiq_abi::limits::{MESSAGE_BYTES_MAX, TRANSFER_BYTES_MAX};
use luperiq_abi::{Call, Error, Signals};

use crate::call::{input, output, plain};
use crate::handle::{Channel, Console};

/// Why bytes did not go or come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoError(pub Error);

impl core::fmt::Display for IoError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(formatter)
    }
}

impl core::error::Error for IoError {}

impl embedded_io::Error for IoError {
    fn kind(&self) -> ErrorKind {
        match self.0 {
            Error::NotAllowed | Error::Policy | Error::Revoked => ErrorKind::PermissionDenied,
            Error::PeerClosed => ErrorKind::BrokenPipe,
            Error::TimedOut => ErrorKind::TimedOut,
            Error::NotFound => ErrorKind::NotFound,
            Error::NoMemory => ErrorKind::OutOfMemory,
            Error::BadArgument => ErrorKind::InvalidInput,
            Error::Unsupported => ErrorKind::Unsupported,
            _ => ErrorKind::Other,
        }
    }
}

impl Console {
    /// Takes what was typed, as far as it fits.
    ///
    /// # Errors
    /// [`Error::NotReady`] if nothing was, or the kernel refuses.
    pub fn read_some(&self, room: &mut [u8]) -> Result<usize, Error> {
        let length = room.len().min(TRANSFER_BYTES_MAX);
        let [at, bytes] = output(room.get_mut(..length).unwrap_or_default());
        let registers = [self.number(), at, bytes, POSITION_CURRENT, 0, 0];
        let (count, _) = plain(Call::Read, registers)?;
        usize::try_from(count).map_err(|_| Error::TooLong)
    }

    /// Shows some of these bytes: how many.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn write_some(&self, bytes: &[u8]) -> Result<usize, Error> {
        let [at, count] = input(bytes.get(..TRANSFER_BYTES_MAX).unwrap_or(bytes));
        let registers = [self.number(), at, count, POSITION_CURRENT, 0, 0];
        let (count, _) = plain(Call::Write, registers)?;
        usize::try_from(count).map_err(|_| Error::TooLong)
    }
}

impl ErrorType for Console {
    type Error = IoError;
}

impl Read for Console {
    fn read(&mut self, room: &mut [u8]) -> Result<usize, IoError> {
        if room.is_empty() {
            return Ok(0);
        }
        loop {
            match self.read_some(room) {
                Err(Error::NotReady) => {}
                outcome => return outcome.map_err(IoError),
            }
            self.wait(Signals::READABLE, FOREVER).map_err(IoError)?;
        }
    }
}

impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, IoError> {
        self.write_some(bytes).map_err(IoError)
    }

    fn flush(&mut self) -> Result<(), IoError> {
        Ok(())
    }
}

impl core::fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.write_all(text.as_bytes()).map_err(|_| core::fmt::Error)
    }
}

/// A channel as a stream of bytes: what a message says follows on what the one before said.
#[derive(Debug)]
pub struct ChannelStream {
    channel: Channel,
    /// Of the last message what was not read yet, from a place on.
    rest: Vec<u8>,
    place: usize,
}

impl ChannelStream {
    /// The stream of a channel.
    #[must_use]
    pub const fn new(channel: Channel) -> Self {
        Self { channel, rest: Vec::new(), place: 0 }
    }
}

impl ErrorType for ChannelStream {
    type Error = IoError;
}

impl Read for ChannelStream {
    fn read(&mut self, room: &mut [u8]) -> Result<usize, IoError> {
        while self.place >= self.rest.len() && !room.is_empty() {
            match self.channel.receive(FOREVER) {
                Ok(message) => (self.rest, self.place) = (message.bytes, 0),
                Err(Error::PeerClosed) => return Ok(0),
                Err(error) => return Err(IoError(error)),
            }
        }
        let rest = self.rest.get(self.place..).unwrap_or_default();
        let count = rest.len().min(room.len());
        for (place, byte) in room.iter_mut().zip(rest) {
            *place = *byte;
        }
        self.place += count;
        Ok(count)
    }
}

impl Write for ChannelStream {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, IoError> {
        let bytes = bytes.get(..MESSAGE_BYTES_MAX).unwrap_or(bytes);
        loop {
            match self.channel.send(bytes, Vec::new()) {
                Ok(()) => return Ok(bytes.len()),
                // The other end has as much as it can hold; it reads when it runs.
                Err((Error::NotReady, _)) => crate::call::yield_now(),
                Err((error, _)) => return Err(IoError(error)),
            }
        }
    }

    fn flush(&mut self) -> Result<(), IoError> {
        Ok(())
    }
}

/// Reads a line that somebody types, without its end, and shows it while it is typed. What is
/// longer than `bytes_max` is left out, as are control characters; a backspace takes back.
///
/// # Errors
/// The console cannot be read or written.
pub fn read_line<C>(console: &mut C, bytes_max: usize) -> Result<String, C::Error>
where
    C: Read + Write,
{
    let (mut line, mut echo) = (Line::new(bytes_max), Vec::new());
    loop {
        let mut byte = [0];
        if console.read(&mut byte)? == 0 {
            console.write_all(b"\n")?;
            return Ok(line.take());
        }
        let typed = line.typed(byte[0], &mut echo);
        console.write_all(&echo)?;
        echo.clear();
        if let Entered::Line(text) = typed {
            return Ok(text);
        }
    }
}

/// A line while it is typed, byte by byte. It waits for nothing, so whoever has more to wait for
/// than the console edits a line with this.
///
/// # Invariants
/// - What it echoes holds no control character but those that move over what is taken back, and
///   is UTF-8 whenever the line is.
#[derive(Debug)]
pub struct Line {
    text: String,
    bytes_max: usize,
    /// The beginning of a character of several bytes.
    begun: Vec<u8>,
}

/// What came of a byte that was typed.
#[derive(Debug, PartialEq, Eq)]
pub enum Entered {
    /// The line goes on.
    More,
    /// It has ended.
    Line(String),
    /// Whoever types has ended it (Ctrl-D on a blank line).
    End,
}

impl Line {
    /// A blank line of at most so many bytes.
    #[must_use]
    pub const fn new(bytes_max: usize) -> Self {
        Self { text: String::new(), bytes_max, begun: Vec::new() }
    }

    /// What was typed so far.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Takes what was typed so far; the line is blank after it.
    pub fn take(&mut self) -> String {
        self.begun.clear();
        core::mem::take(&mut self.text)
    }

    /// Takes a byte; what is to be shown for it goes behind `echo`.
    pub fn typed(&mut self, byte: u8, echo: &mut Vec<u8>) -> Entered {
        match byte {
            b'\r' | b'\n' => {
                echo.push(b'\n');
                return Entered::Line(self.take());
            }
            END if self.text.is_empty() => return Entered::End,
            BACKSPACE | DELETE => self.take_back(echo),
            CLEAR => {
                while !self.text.is_empty() {
                    self.take_back(echo);
                }
            }
            0x20..=0x7e | 0x80.. => self.add(byte, echo),
            _ => {}
        }
        Entered::More
    }

    fn take_back(&mut self, echo: &mut Vec<u8>) {
        self.begun.clear();
        if self.text.pop().is_some() {
            echo.extend_from_slice(b"\x08 \x08");
        }
    }

    fn add(&mut self, byte: u8, echo: &mut Vec<u8>) {
        self.begun.push(byte);
        let character = match core::str::from_utf8(&self.begun) {
            Ok(text) => text.chars().next(),
            Err(error) if error.error_len().is_none() => return,
            // Bytes that are no text are left out; one that begins a character counts again.
            Err(_) => {
                let is_again = self.begun.len() > 1;
                self.begun.clear();
                if is_again {
                    self.add(byte, echo);
                }
                return;
            }
        };
        let is_shown = |character: &char| {
            !character.is_control() && self.text.len() + character.len_utf8() <= self.bytes_max
        };
        if let Some(character) = character.filter(is_shown) {
            self.text.push(character);
            echo.extend_from_slice(&self.begun);
        }
        self.begun.clear();
    }
}

/// Ctrl-D.
const END: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
/// Ctrl-U.
const CLEAR: u8 = 0x15;
const DELETE: u8 = 0x7f;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::fake::{called, will_answer};
    use crate::handle::Owned;

    #[test]
    fn reading_the_console_waits_until_there_is_something() {
        let mut console = Console(Owned::of(0x1001).unwrap());
        will_answer([Err((Error::NotReady, 0)), Ok((1, 0)), Ok((2, 0))]);
        assert_eq!(console.read(&mut [0; 8]), Ok(2));
        assert_eq!(called().len(), 3);
        will_answer([Err((Error::Revoked, 0))]);
        assert_eq!(console.read(&mut [0; 8]), Err(IoError(Error::Revoked)));
    }

    #[test]
    fn a_stream_is_read_in_pieces_and_ends_with_its_other_end() {
        let mut stream = ChannelStream::new(Channel(Owned::of(0x1001).unwrap()));
        will_answer([Ok((5, 0)), Err((Error::PeerClosed, 0))]);
        assert_eq!(stream.read(&mut [0; 3]), Ok(3));
        assert_eq!(stream.read(&mut [0; 3]), Ok(2));
        assert_eq!(stream.read(&mut [0; 3]), Ok(0));
        will_answer([Err((Error::NotReady, 0)), Ok((0, 0)), Ok((0, 0))]);
        assert_eq!(stream.write(b"some"), Ok(4));
    }

    /// A console on which this was typed, and what it shows.
    struct Typed<'a>(&'a [u8], Vec<u8>);

    impl ErrorType for Typed<'_> {
        type Error = core::convert::Infallible;
    }

    impl Read for Typed<'_> {
        fn read(&mut self, room: &mut [u8]) -> Result<usize, Self::Error> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            (room[0], self.0) = (*first, rest);
            Ok(1)
        }
    }

    impl Write for Typed<'_> {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
            self.1.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<(), Self::Error> {
            Ok(())
        }
    }

    #[test]
    fn characters_of_several_bytes_are_edited_whole() {
        let mut echo = Vec::new();
        let mut line = Line::new(80);
        for byte in "Gr\u{fc}\u{20ac}\x7f\u{df}e".bytes() {
            assert_eq!(line.typed(byte, &mut echo), Entered::More);
        }
        // Not text, half of a character, and a control character of two bytes.
        for byte in [0xff, 0xc3, b'!', 0xc2, 0x85] {
            assert_eq!(line.typed(byte, &mut echo), Entered::More);
        }
        assert_eq!(line.typed(END, &mut echo), Entered::More, "the line is not blank");
        assert_eq!(line.typed(b'\r', &mut echo), Entered::Line("Gr\u{fc}\u{df}e!".into()));
        let shown = "Gr\u{fc}\u{20ac}\x08 \x08\u{df}e!\n";
        assert_eq!(core::str::from_utf8(&echo), Ok(shown));
        assert_eq!(line.typed(END, &mut echo), Entered::End);
    }

    #[test]
    fn a_line_can_be_cleared_and_is_bounded() {
        let (mut line, mut echo) = (Line::new(3), Vec::new());
        for byte in *b"ab\x15cde\xc3\xbcf" {
            assert_eq!(line.typed(byte, &mut echo), Entered::More);
        }
        assert_eq!(line.take(), "cde");
        assert_eq!(line.text(), "");
    }

    #[test]
    fn a_line_is_what_was_typed_and_not_taken_back() {
        for (typed, line) in [
            (&b"help\r"[..], "help"),
            (b"hex\x7flp\n", "help"),
            (b"\x08\x08a\r", "a"),
            (b"\x1b[2Ja\r", "[2Ja"),
            (b"abcdefgh\r", "abcd"),
            (b"ab", "ab"),
        ] {
            let max = if typed.starts_with(b"abcdefgh") { 4 } else { 80 };
            let mut console = Typed(typed, Vec::new());
            assert_eq!(read_line(&mut console, max).unwrap(), line);
            assert!(!console.1.contains(&0x1b), "no control character is shown");
        }
    }
}

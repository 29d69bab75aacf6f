//! The text of a record of uses, as it grows.
//!
//! Uses are rows of numbers: `{"uses":[[process,call,handle,object,outcome],…]}`, where the outcome
//! is 0 or the number of the error, and a sixth number says how often the same came in a row. The
//! first ten of these rows are named by their number, counted from 0, in the rows that follow:
//! `[row,call,outcome,count]` is the same process with the same handle on the same object, and what
//! is missing there is 0 and once. A row of seven numbers says that a handle came to a process or
//! left it: the sixth is what it stands for, the seventh its rights. A row of one number is another
//! handle that came or left by the same process and call, to the same thing and with the same
//! rights as the one before.
//!
//! # Invariants
//! - A row is written whole, and what is written is never changed but for how often it came.
//!
//! # Not here
//! Whether there is room for a row: the log sees to that before it is added.

use alloc::vec::Vec;

use luperiq_abi::Error;

/// The rows of a record.
#[derive(Debug)]
pub(super) struct Rows {
    /// Room for a whole record and a row; so much of it is written.
    text: Vec<u8>,
    end: usize,
    /// Who with which handle on what: the rows that later ones name by their number.
    known: [[u64; 3]; KNOWN_MAX],
    known_count: usize,
    last: Last,
    /// The object, kind and rights of the last handle that came or left.
    moved_object: u64,
    moved: u64,
}

/// The last row: the same use again is a number in it, which is written when another row comes.
#[derive(Debug, Default)]
struct Last {
    process: u64,
    call: u64,
    handle: u64,
    object: u64,
    refused: u64,
    /// How often it came; 0 if it is not counted: a handle comes or leaves once.
    count: u64,
    /// Where the row begins, and the row that it is named by.
    start: usize,
    place: Option<usize>,
}

impl Rows {
    /// Room for a whole record is taken at once.
    pub(super) fn new(bytes: usize) -> Result<Self, Error> {
        let mut text = Vec::new();
        text.try_reserve_exact(bytes + ROW_BYTES).map_err(|_| Error::NoMemory)?;
        text.extend_from_slice(USES_START);
        text.resize(bytes + ROW_BYTES, 0);
        let (known, last) = ([NOBODY; KNOWN_MAX], Last::default());
        let (known_count, moved_object, moved) = (0, NONE_MOVED, 0);
        Ok(Self { text, end: FIRST, known, known_count, last, moved_object, moved })
    }

    /// How many bytes are written; none if there is no row.
    pub(super) fn bytes_count(&self) -> usize {
        if self.is_empty() { 0 } else { self.end }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.end == FIRST
    }

    /// Where the next row begins.
    #[inline]
    pub(super) const fn end(&self) -> usize {
        self.end
    }

    /// Counts a use that is the same as the one before, and says whether it is.
    #[inline(always)]
    pub(super) fn is_counted(
        &mut self,
        [process, call, handle, object]: [u64; 4],
        refused: u64,
    ) -> bool {
        let last = &mut self.last;
        // Number by number: as a whole they would be compared byte by byte.
        let is_same = last.handle == handle
            && last.call == call
            && last.object == object
            && last.process == process
            && last.refused == refused
            && last.count != 0;
        if is_same {
            last.count = last.count.saturating_add(1);
        }
        is_same
    }

    /// Adds a use that was not refused.
    #[inline(always)]
    pub(super) fn push(&mut self, [process, call, handle, object]: [u64; 4]) {
        if self.last.count > 1 {
            self.settle();
        }
        let place = self.known(process, handle, object);
        let start = self.end;
        let row = self.text.get_mut(start..).and_then(<[u8]>::first_chunk_mut);
        // A row that is known by one digit, and a call of two: nearly all of them.
        if let (Some(place), Some(row), 10..100) = (place, row, call) {
            let digits = (place as u64) << 16 | pair(call) << 32;
            *row = (SHORT_ROW | digits).to_le_bytes();
            self.end = start.wrapping_add(SHORT_ROW_BYTES);
            let last = &mut self.last;
            (last.process, last.call, last.handle, last.object) = (process, call, handle, object);
            (last.refused, last.count, last.start, last.place) = (0, 1, start, Some(place));
        } else {
            self.push_whole([process, call, handle, object], 0);
        }
    }

    /// Adds a use that has to be said in full.
    #[cold]
    pub(super) fn push_whole(&mut self, what: [u64; 4], refused: u64) {
        self.settle();
        let [process, call, handle, object] = what;
        let (start, place) = (self.end, self.known(process, handle, object));
        self.last = Last { process, call, handle, object, refused, count: 1, start, place };
        self.write_last();
        if place.is_none()
            && let Some(place) = self.known.get_mut(self.known_count)
        {
            *place = [process, handle, object];
            self.known_count += 1;
        }
    }

    /// Adds that a handle came or left; of which kind, and behind it 32 bits of rights.
    #[inline(always)]
    pub(super) fn push_moved(&mut self, [process, call, handle, object]: [u64; 4], moved: u64) {
        if self.last.count > 1 {
            self.settle();
        }
        let is_known = self.moved_object == object
            && self.moved == moved
            && self.last.process == process
            && self.last.call == call;
        (self.last.process, self.last.call, self.last.count) = (process, call, 0);
        let start = self.end;
        let row = self.text.get_mut(start..).and_then(<[u8]>::first_chunk_mut);
        if let (true, Some(row), Ok(handle)) = (is_known, row, u32::try_from(handle)) {
            // Such a row stands for one handle, whose number comes once.
            self.end = start.wrapping_add(handle_row(row, handle));
        } else {
            self.push_moved_whole([process, call, handle, object], moved);
        }
    }

    #[cold]
    fn push_moved_whole(&mut self, what: [u64; 4], moved: u64) {
        let [process, call, handle, object] = what;
        let (kind, rights) = (moved >> 32, u64::from(moved as u32));
        if let Some(row) = self.text.get_mut(self.end..).and_then(<[u8]>::first_chunk_mut) {
            let mut row = Row::new(row);
            for number in [process, call, handle, object, 0, kind, rights] {
                row.add(number);
            }
            self.end += row.end();
        }
        (self.moved_object, self.moved) = (object, moved);
    }

    /// The row that a use can be named by.
    #[inline(always)]
    fn known(&self, process: u64, handle: u64, object: u64) -> Option<usize> {
        for (place, known) in self.known.iter().enumerate() {
            if *known == [process, handle, object] {
                return Some(place);
            }
        }
        None
    }

    /// The payload of the record, which is whole then; the next begins when it is
    /// [`clear`](Self::clear)ed.
    pub(super) fn finish(&mut self) -> &[u8] {
        self.settle();
        // Every row begins with a comma.
        if let Some(before) = self.text.get_mut(FIRST) {
            *before = b'[';
        }
        let end = self.end + USES_END.len();
        if let Some(end) = self.text.get_mut(self.end..end) {
            end.copy_from_slice(USES_END);
        }
        self.text.get(..end).unwrap_or_default()
    }

    pub(super) fn clear(&mut self) {
        self.end = FIRST;
        self.known = [NOBODY; KNOWN_MAX];
        self.known_count = 0;
        self.last.count = 0;
        self.moved_object = NONE_MOVED;
    }

    /// Writes the last row anew if it came more than once.
    #[cold]
    fn settle(&mut self) {
        if self.last.count > 1 {
            self.write_last();
            self.last.count = 1;
        }
    }

    fn write_last(&mut self) {
        let Last { process, call, handle, object, refused, count, start, place } = self.last;
        let Some(row) = self.text.get_mut(start..).and_then(<[u8]>::first_chunk_mut) else {
            return;
        };
        let mut row = Row::new(row);
        if let Some(place) = place {
            row.add(place as u64);
            row.add(call);
            // What usually is so is left out.
            if refused != 0 || count > 1 {
                row.add(refused);
            }
        } else {
            for number in [process, call, handle, object, refused] {
                row.add(number);
            }
        }
        if count > 1 {
            row.add(count);
        }
        self.end = start + row.end();
    }
}

/// A row that is written. Numbers are most of the record's bytes and of its time; a place is a
/// byte, so that none is outside.
struct Row<'a> {
    text: &'a mut [u8; ROW_BYTES],
    at: u8,
}

impl<'a> Row<'a> {
    #[inline]
    fn new(text: &'a mut [u8; ROW_BYTES]) -> Self {
        text[0] = b',';
        text[1] = b'[';
        Self { text, at: 2 }
    }

    /// Adds a number, and a comma.
    fn add(&mut self, number: u64) {
        if number < 10 {
            self.digit(number);
        } else if number < 100 {
            // A tenth, as far as that is true: below 179.
            let tens = number.wrapping_mul(103) >> 10;
            self.digit(tens);
            self.digit(number.wrapping_sub(tens.wrapping_mul(10)));
        } else {
            self.add_long(number);
        }
        self.put(b',');
    }

    fn add_long(&mut self, number: u64) {
        let above = number / EIGHT_DIGITS;
        let mut digits = eight_digits(number % EIGHT_DIGITS);
        let mut count = 8;
        if above == 0 {
            // Zeros at the front are left out; the number has another digit.
            let zeros = digits.trailing_zeros() & !7;
            digits >>= zeros;
            count -= zeros / 8;
        } else if above < 100 {
            if above >= 10 {
                self.digit(above / 10);
            }
            self.digit(above % 10);
        } else {
            self.add_long(above);
        }
        let at = usize::from(self.at);
        if let Some(place) = self.text.get_mut(at..at + 8) {
            place.copy_from_slice(&(digits | ZEROS).to_le_bytes());
        }
        self.at = self.at.wrapping_add(count as u8);
    }

    #[inline]
    fn digit(&mut self, digit: u64) {
        self.put(b'0'.wrapping_add(digit as u8));
    }

    #[inline]
    fn put(&mut self, byte: u8) {
        self.text[usize::from(self.at)] = byte;
        self.at = self.at.wrapping_add(1);
    }

    /// Ends the row; gives how long it is.
    fn end(self) -> usize {
        // In place of the last comma.
        self.text[usize::from(self.at.wrapping_sub(1))] = b']';
        usize::from(self.at)
    }
}

/// Writes a row of one number; gives how long it is.
#[inline(always)]
fn handle_row(row: &mut [u8; 16], number: u32) -> usize {
    row[0] = b',';
    row[1] = b'[';
    let end = if number < EIGHT_DIGITS as u32 {
        let digits = eight_digits(number.into());
        // Zeros at the front are left out, but for the last digit.
        let zeros = (digits | 1 << 56).trailing_zeros() & 56;
        row[2..10].copy_from_slice(&((digits | ZEROS) >> zeros).to_le_bytes());
        10 - (zeros >> 3) as usize
    } else {
        // At most 42 times eight digits.
        let above = number / EIGHT_DIGITS as u32;
        let digits = eight_digits(u64::from(number) % EIGHT_DIGITS);
        let tens = above.wrapping_mul(103) >> 10;
        let ones = above.wrapping_sub(tens.wrapping_mul(10));
        let start = if tens == 0 { 2 } else { 3 };
        row[2] = b'0'.wrapping_add(tens as u8);
        row[start] = b'0'.wrapping_add(ones as u8);
        row[start + 1..start + 9].copy_from_slice(&(digits | ZEROS).to_le_bytes());
        start + 9
    };
    row[end & 15] = b']';
    end + 1
}

/// The digits of a number of at most eight, a byte each and the first one lowest.
#[inline(always)]
fn eight_digits(number: u64) -> u64 {
    // A ten thousandth, as far as that is true: below 494,000,000; and a hundredth of at most four
    // digits.
    let high = number.wrapping_mul(109_951_163) >> 40;
    let low = number.wrapping_sub(high.wrapping_mul(10_000));
    four_digits(high) | four_digits(low) << 32
}

#[inline(always)]
fn four_digits(number: u64) -> u64 {
    let high = number.wrapping_mul(5243) >> 19;
    pair(high) | pair(number.wrapping_sub(high.wrapping_mul(100))) << 16
}

/// The two digits of a number below 100, the first one lowest.
#[inline(always)]
fn pair(number: u64) -> u64 {
    u64::from(PAIRS[(number & 127) as usize])
}

/// As many as seven bits can name.
const PAIRS: [u16; 128] = {
    let (mut pairs, mut number) = ([0; 128], 0);
    while number < 100 {
        pairs[number as usize] = number / 10 + ((number % 10) << 8);
        number += 1;
    }
    pairs
};

/// A row of three digits, and how long it is.
const SHORT_ROW: u64 = u64::from_le_bytes(*b",[0,00]\0");
const SHORT_ROW_BYTES: usize = 7;

const _: () = assert!(KNOWN_MAX <= 10);

const EIGHT_DIGITS: u64 = 100_000_000;

/// The digit 0, eight times.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Where a row is written: longer than the longest, and all that a byte can count.
const ROW_BYTES: usize = 256;

const _: () = assert!(USE_BYTES_MAX < ROW_BYTES);

/// Names no use: there is no such process.
const NOBODY: [u64; 3] = [u64::MAX; 3];

/// No object has this number.
const NONE_MOVED: u64 = u64::MAX;

/// Where the first row begins: its comma is the bracket that all stand in.
const FIRST: usize = USES_START.len() - 1;

/// Enough for what a few programs do in turns; few enough to be looked through for each use.
const KNOWN_MAX: usize = 10;

const USES_START: &[u8] = b"{\"uses\":[";
const USES_END: &[u8] = b"]}";

pub(super) const USES_END_BYTES: usize = USES_END.len();

/// What one use takes at most: the start, seven numbers of twenty digits, commas and brackets.
pub(super) const USE_BYTES_MAX: usize = USES_START.len() + 7 * 21 + 2;

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn digits_are_those_of_the_number() {
        let near = |number: u64| number.saturating_sub(2)..(number + 2).min(EIGHT_DIGITS);
        let edges = (0..9).flat_map(|power| near(10_u64.pow(power)));
        for number in (0..EIGHT_DIGITS).step_by(997).chain(edges) {
            let digits = (eight_digits(number) | ZEROS).to_le_bytes();
            assert_eq!(digits, *format!("{number:08}").as_bytes(), "{number}");
        }
    }

    #[test]
    fn a_row_of_one_number_is_that_number() {
        let numbers = (0..32).flat_map(|bit| [(1_u32 << bit) - 1, 1 << bit, u32::MAX >> bit]);
        let powers = (0..10).flat_map(|power| [10_u32.pow(power) - 1, 10_u32.pow(power)]);
        for number in numbers.chain(powers) {
            let mut row = [0; 16];
            let end = handle_row(&mut row, number);
            assert_eq!(&row[..end], format!(",[{number}]").as_bytes());
        }
    }
}

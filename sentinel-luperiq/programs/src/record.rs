//! The kernel's record, as far as a program has to understand it.
//!
//! # Not here
//! Checking the chain: that is done where the record's writer cannot reach, by
//! `sentinel audit verify`.

use alloc::vec::Vec;

/// What a row of a record of uses says: who, by which call, with which handle, on what, and the
/// number of the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UseRow {
    /// Who.
    pub process: u64,
    /// By which call.
    pub call: u64,
    /// The handle it named.
    pub handle: u64,
    /// What that stood for.
    pub object: u64,
    /// 0, or why it was refused.
    pub refused: u64,
}

/// The rows of all whole records of uses in some frames, as `audit_read` gives them. A header of a
/// log in front is passed over.
#[must_use]
pub fn uses(mut frames: &[u8]) -> Vec<UseRow> {
    let mut rows = Vec::new();
    if frames.starts_with(HEADER_MAGIC)
        && let Some(length) = number(frames, 8)
    {
        frames = frames.get(12 + length + 32..).unwrap_or_default();
    }
    while let Some(length) = number(frames, 0) {
        let Some(body) = frames.get(8..8 + length) else { break };
        if body.get(2..4) == Some(&KIND_USES)
            && let Some(payload) = body.get(HEAD_BYTES..)
        {
            let mut before = Before::default();
            rows.extend(
                payload.split(|byte| *byte == b'[').filter_map(|text| row(text, &mut before)),
            );
        }
        frames = frames.get(8 + length + 32..).unwrap_or_default();
    }
    rows
}

/// What later rows of a record refer to.
#[derive(Default)]
struct Before {
    /// Those that are named by their number.
    known: Vec<UseRow>,
    last: Option<UseRow>,
    /// The last about a handle that came or left.
    moved: Option<UseRow>,
}

fn row(text: &[u8], before: &mut Before) -> Option<UseRow> {
    let text = text.split(|byte| *byte == b']').next()?;
    let numbers = text.split(|byte| *byte == b',').map_while(|digits| {
        core::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u64>().ok())
    });
    let numbers: Vec<u64> = numbers.collect();
    let row = match *numbers.as_slice() {
        // The same came or left again, by the call of the row before.
        [handle] => UseRow { handle, object: before.moved?.object, refused: 0, ..before.last? },
        [place, call, ref rest @ ..] if rest.len() <= 2 => {
            let row = *before.known.get(usize::try_from(place).ok()?)?;
            UseRow { call, refused: rest.first().copied().unwrap_or(0), ..row }
        }
        [process, call, handle, object, refused, ref rest @ ..] => {
            let row = UseRow { process, call, handle, object, refused };
            match rest.len() {
                0 | 1 => before.known.push(row),
                _ => before.moved = Some(row),
            }
            row
        }
        _ => return None,
    };
    before.last = Some(row);
    Some(row)
}

fn number(bytes: &[u8], place: usize) -> Option<usize> {
    let field = bytes.get(place..)?.first_chunk()?;
    usize::try_from(u32::from_le_bytes(*field)).ok()
}

// As `docs/AUDIT.md` and `docs/LUPERIQ-ABI.md` have them.
const HEADER_MAGIC: &[u8] = b"\xd3SNTL1\r\n";
const HEAD_BYTES: usize = 37;
const KIND_USES: [u8; 2] = 0x4c02_u16.to_le_bytes();

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: [u8; 2], payload: &[u8]) -> Vec<u8> {
        let length = (HEAD_BYTES + payload.len()) as u32;
        let mut frame = [length.to_le_bytes(), (!length).to_le_bytes()].concat();
        frame.extend([1, 0, kind[0], kind[1]]);
        frame.resize(8 + HEAD_BYTES, 0);
        frame.extend_from_slice(payload);
        frame.extend([0; 32]);
        frame
    }

    #[test]
    fn rows_are_found_among_other_records_and_cut_frames_are_left_out() {
        let payload =
            br#"{"uses":[[7,42,1,9,0,2],[7,30,4097,9,5],[7,40,3,8,0,5,1],[6],[1,31],[0,1,2,9]]}"#;
        let uses_frame = frame(KIND_USES, payload);
        let other = frame([9, 0x4c], br#"{"text":"[1,2,3,4,5]"}"#);
        let all = [&other[..], &uses_frame].concat();
        let found = uses(&all);
        assert_eq!(found.len(), 6);
        let expected = UseRow { process: 7, call: 30, handle: 4097, object: 9, refused: 5 };
        assert_eq!(found[1], expected);
        assert_eq!(found[3], UseRow { handle: 6, ..found[2] });
        assert_eq!(found[4], UseRow { call: 31, refused: 0, ..expected });
        assert_eq!(found[5], UseRow { call: 1, refused: 2, ..found[0] });
        assert_eq!(uses(&all[..all.len() - 33]), []);
    }
}

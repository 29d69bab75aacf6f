//! Texts in pieces: the same verdict as for the whole, at the earliest byte.

use std::string::ToString;

use super::generate;
use crate::text::json::{DuplicateKeys, Options, ParseErrorKind, Partial, Progress};

const KEEP: Options = Options::new().duplicate_keys(DuplicateKeys::KeepLast);

/// Whole and in pieces give the same error at the same place, however the text is cut.
#[test]
fn pieces_and_whole_agree() {
    arbtest::arbtest(|u| {
        let tree = generate::tree(u, 3)?;
        let text = generate::text(u, &tree)?;
        let bytes = generate::mutated(u, &text)?;
        let whole = KEEP.parse(&bytes);
        let mut partial = Partial::new(KEEP);
        let mut rest = bytes.as_slice();
        let mut result = Ok(Progress::Incomplete);
        while !rest.is_empty() && result.is_ok() {
            let (piece, tail) = rest.split_at(u.int_in_range(1..=rest.len())?);
            result = partial.push(piece);
            rest = tail;
        }
        match (whole, result) {
            (Ok(_), result) => {
                assert_eq!(result, Ok(Progress::Complete));
                assert_eq!(
                    partial.document().unwrap().text(),
                    core::str::from_utf8(&bytes).unwrap()
                );
            }
            (Err(whole), Ok(progress)) => {
                assert_eq!(progress, Progress::Incomplete, "{whole}");
                let is_cut = matches!(
                    whole.kind,
                    ParseErrorKind::UnexpectedEnd { .. } | ParseErrorKind::InvalidUtf8
                );
                assert!(is_cut, "{whole} was not seen in pieces: {:?}", bytes.escape_ascii());
            }
            (Err(whole), Err(pieces)) => {
                assert_eq!(whole.position, pieces.position, "{whole} / {pieces}");
                if whole.kind != ParseErrorKind::ByteOrderMark {
                    assert_eq!(whole.kind, pieces.kind);
                }
            }
        }
        Ok(())
    });
}

/// No prefix of a valid text is refused, and only the whole of it is complete.
#[test]
fn a_prefix_of_a_valid_text_is_never_refused() {
    arbtest::arbtest(|u| {
        let tree = generate::tree(u, 3)?;
        let text = generate::text(u, &tree)?;
        let mut partial = Partial::new(Options::new());
        for (at, byte) in text.bytes().enumerate() {
            let progress = partial.push(&[byte]).unwrap_or_else(|error| panic!("{error}: {text}"));
            let is_whole = Options::new().parse(&text.as_bytes()[..=at]).is_ok();
            assert_eq!(progress == Progress::Complete, is_whole, "{text} at {at}");
        }
        Ok(())
    });
}

/// The other half of "as early as possible": each byte that is accepted leaves a way to a valid
/// text.
#[test]
fn whatever_is_accepted_can_still_become_valid() {
    let endings = [
        "",
        "\"",
        "0",
        "1\"",
        "e",
        "ue",
        "rue",
        "lse",
        "alse",
        "ll",
        "ull",
        "l",
        "se",
        "\\",
        "n\"",
        "0\"",
        "00\"",
        "000\"",
        "0000\"",
        "udc00\"",
        "\\udc00\"",
        "dc00\"",
        "c00\"",
        "00\"",
        "\u{80}",
        "\":0",
        ":0",
        "\"\":0",
        "x\":0",
    ];
    let byte_endings: [&[u8]; 6] = [
        b"\x80\"",
        b"\x80\x80\"",
        b"\x80\x80\x80\"",
        b"\xa0\x80\"",
        b"\x90\x80\"",
        b"\x90\x80\x80\"",
    ];
    arbtest::arbtest(|u| {
        let tree = generate::tree(u, 2)?;
        let text = generate::text(u, &tree)?;
        let bytes = generate::mutated(u, &text)?;
        let mut partial = Partial::new(KEEP);
        let Some(accepted) = (0..bytes.len()).find(|&at| partial.push(&bytes[at..=at]).is_err())
        else {
            return Ok(());
        };
        let prefix = &bytes[..accepted];
        let mut open = std::vec::Vec::new();
        let mut in_string = false;
        let mut escaped = false;
        for &byte in prefix {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                b'{' if !in_string => open.push(b'}'),
                b'[' if !in_string => open.push(b']'),
                b'}' | b']' if !in_string => drop(open.pop()),
                _ => {}
            }
        }
        open.reverse();
        let completes = |ending: &[u8], value: &[u8]| {
            KEEP.parse(&[prefix, ending, value, &open].concat()).is_ok()
        };
        let text_endings = endings.iter().map(|ending| ending.as_bytes());
        let can_complete = text_endings.chain(byte_endings).any(|ending| {
            completes(ending, b"") || completes(ending, b":0") || completes(ending, b"0")
        });
        assert!(can_complete, "{}", prefix.escape_ascii());
        Ok(())
    });
}

#[test]
fn refuses_at_the_first_byte_that_spoils_the_text() {
    for (text, offset) in [
        ("{\"a\":01", 6),
        ("[1,]", 3),
        ("nulx", 3),
        ("\"\\ud83dx", 7),
        ("\"\\udc", 4),
        ("\"\\ud83d\\ud8", 10),
        ("\"\\ud83d\\u0", 9),
        ("{\"a\":1,\"a\"", 7),
        ("}", 0),
        ("\"\t", 1),
        ("1 2", 2),
    ] {
        let mut partial = Partial::new(Options::new());
        let (last, before) = text.as_bytes().split_last().unwrap();
        // A surrogate may be refused a byte before its text ends here.
        let result = partial.push(before).and_then(|_| partial.push(&[*last]));
        assert_eq!(result.unwrap_err().position.offset, offset, "{text}");
    }
}

#[test]
fn an_error_is_final_and_bounds_hold_across_pieces() {
    let mut partial = Partial::new(Options::new().bytes(8).depth(2));
    partial.push(b"[[1],").unwrap();
    let error = partial.push(b"[2], 3]").unwrap_err();
    assert_eq!(error.to_string(), "1:9: the text is longer than the limit of 8 bytes");
    assert_eq!(partial.push(b""), Err(error));
    assert_eq!(partial.text().len(), 8);
    assert_eq!(partial.document().unwrap_err(), error);

    let mut deep = Partial::new(Options::new().depth(2));
    let error = deep.push(b"[[[").unwrap_err();
    assert_eq!(error.to_string(), "1:3: arrays and objects are nested deeper than the limit of 2");
}

#[test]
fn a_bare_number_is_complete_and_may_grow() {
    let mut partial = Partial::new(Options::new());
    for (piece, progress) in [
        ("-", Progress::Incomplete),
        ("1", Progress::Complete),
        (".", Progress::Incomplete),
        ("5e", Progress::Incomplete),
        ("-3", Progress::Complete),
        (" ", Progress::Complete),
    ] {
        assert_eq!(partial.push(piece.as_bytes()), Ok(progress), "{piece}");
    }
    assert!(partial.push(b"4").is_err());
}

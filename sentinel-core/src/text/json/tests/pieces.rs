//! Texts in pieces: the same verdict as for the whole, at the earliest byte.

use std::string::{String, ToString};
use std::vec::Vec;

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

/// What completes a text that was cut anywhere, but for the brackets: one of these always does.
fn endings() -> Vec<Vec<u8>> {
    let escapes = ["", "n", "0", "00", "000", "0000"];
    let with_pairs = escapes.iter().map(|escape| std::format!("{escape}\\udc00"));
    let halves = ["udc00", "dc00", "c00"].iter().chain(&escapes).map(|escape| escape.to_string());
    let mut in_string: Vec<Vec<u8>> = with_pairs.chain(halves).map(String::into_bytes).collect();
    // The rest of a character, after first bytes that are particular about the second.
    for rest in [&b"\x80"[..], b"\x80\x80", b"\x80\x80\x80", b"\xa0\x80", b"\x90\x80\x80"] {
        in_string.push(rest.to_vec());
    }
    let strings = in_string.iter().map(|rest| [rest.as_slice(), b"\""].concat());
    let keys = in_string.iter().map(|rest| [rest.as_slice(), b"\":0"].concat());
    let values = ["", "0", ":0", "\"\":0", "rue", "ue", "e", "alse", "lse", "se", "ull", "ll", "l"];
    strings.chain(keys).chain(values.iter().map(|value| value.as_bytes().to_vec())).collect()
}

/// The other half of "as early as possible": each byte that is accepted leaves a way to a valid
/// text.
#[test]
fn whatever_is_accepted_can_still_become_valid() {
    let endings = endings();
    arbtest::arbtest(|u| {
        let tree = generate::tree(u, 2)?;
        let text = generate::text(u, &tree)?;
        let bytes = generate::mutated(u, &text)?;
        let mut partial = Partial::new(KEEP);
        let refused = (0..bytes.len()).find(|&at| partial.push(&bytes[at..=at]).is_err());
        let prefix = &bytes[..refused.unwrap_or(bytes.len())];
        let brackets = missing_brackets(prefix);
        let completes =
            |ending: &Vec<u8>| KEEP.parse(&[prefix, ending, &brackets].concat()).is_ok();
        assert!(endings.iter().any(completes), "{}", prefix.escape_ascii());
        Ok(())
    });
}

/// The brackets that close what a text has opened.
fn missing_brackets(text: &[u8]) -> Vec<u8> {
    let mut open = Vec::new();
    let (mut in_string, mut is_escaped) = (false, false);
    for &byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'{' if !in_string => open.push(b'}'),
            b'[' if !in_string => open.push(b']'),
            b'}' | b']' if !in_string => drop(open.pop()),
            _ => {}
        }
    }
    open.reverse();
    open
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

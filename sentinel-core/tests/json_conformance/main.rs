//! JSON against the public parsing suite, whole texts and texts in pieces.
//!
//! Goal: every must-accept text is accepted and reads back after writing, every must-reject text is
//! refused, and our verdict on each text that the suite leaves open is written down here.
//! Method: the suite's cases as tables, through `Options::parse` and byte by byte through
//! `Partial`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod cases;

use sentinel_core::limits::JSON_DEPTH_MAX;
use sentinel_core::text::json::{self, DuplicateKeys, Options, ParseError, Partial, Progress};

/// The suite accepts duplicate keys, so it is run with the option that keeps them.
const OPTIONS: Options = Options::new().duplicate_keys(DuplicateKeys::KeepLast);

/// Both parsers' verdict on a text, after checking that it is the same.
fn verdict(name: &str, text: &[u8], options: Options) -> Result<(), ParseError> {
    let whole = options.parse(text).map(|_| ());
    let mut partial = Partial::new(options);
    let pieces = text.chunks(1).try_fold((), |(), byte| partial.push(byte).map(|_| ()));
    match (&whole, pieces) {
        (Ok(()), pieces) => {
            assert_eq!(pieces, Ok(()), "{name}: accepted whole, refused in pieces");
            assert_eq!(partial.progress(), Progress::Complete, "{name}");
        }
        // A text that only lacks its end is no error yet for the one who waits for more.
        (Err(_), Ok(())) => assert_eq!(partial.progress(), Progress::Incomplete, "{name}"),
        (Err(whole), Err(pieces)) => {
            assert_eq!(whole.position, pieces.position, "{name}: {whole} / {pieces}");
        }
    }
    whole
}

#[test]
fn must_accept() {
    assert_eq!(cases::MUST_ACCEPT.len(), 95, "the suite has 95 of these");
    for (name, text) in cases::MUST_ACCEPT {
        verdict(name, text, OPTIONS).unwrap_or_else(|error| panic!("y_{name}: {error}"));
        let document = OPTIONS.parse(text).unwrap();
        let written = json::array(|out| {
            out.value(document.root());
        });
        let again = OPTIONS.parse(written.as_bytes()).unwrap();
        let rewritten = json::array(|out| {
            out.value(again.root().index(0).unwrap());
        });
        assert_eq!(written, rewritten, "y_{name}");
        let peer: serde_json::Value = serde_json::from_slice(text).unwrap();
        let ours: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(ours[0], peer, "y_{name}: another reader sees another value");
    }
}

#[test]
fn must_accept_with_duplicate_keys_refused() {
    let refused: Vec<_> = cases::MUST_ACCEPT
        .iter()
        .filter(|(name, text)| verdict(name, text, Options::new()).is_err())
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(refused, ["object_duplicated_key", "object_duplicated_key_and_value"]);
}

#[test]
fn must_reject() {
    let opening_arrays = vec![b'['; 100_000];
    let opening_both = [b"[{\"\":".repeat(50_000), b"\n".to_vec()].concat();
    let long: [cases::Case<'_>; 2] = [
        ("structure_100000_opening_arrays", &opening_arrays),
        ("structure_open_array_object", &opening_both),
    ];
    assert_eq!(cases::MUST_REJECT.len() + long.len(), 188, "the suite has 188 of these");
    for (name, text) in cases::MUST_REJECT.iter().chain(&long) {
        assert!(verdict(name, text, OPTIONS).is_err(), "n_{name}");
    }
    // Those two are wrong at any depth, not only because they are deep.
    let deep = OPTIONS.depth(usize::MAX);
    for (name, text) in long {
        assert!(verdict(name, text, deep).is_err(), "n_{name}");
    }
}

/// What the suite leaves open: numbers of any size are kept digit by digit, everything else that is
/// doubtful is refused.
#[test]
fn left_open() {
    let mut nested = vec![b'['; 500];
    nested.resize(1000, b']');
    assert_eq!(cases::OPEN.len() + 1, 35, "the suite has 35 of these");
    for (name, text) in cases::OPEN {
        let is_accepted = verdict(name, text, OPTIONS).is_ok();
        assert_eq!(is_accepted, name.starts_with("number_"), "i_{name}");
    }
    const { assert!(JSON_DEPTH_MAX < 500) };
    assert!(verdict("structure_500_nested_arrays", &nested, OPTIONS).is_err());
    assert!(verdict("structure_500_nested_arrays", &nested, OPTIONS.depth(500)).is_ok());
}

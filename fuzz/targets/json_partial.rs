//! JSON in pieces: the same verdict at the same byte as for the whole, however it is cut.
#![no_main]

mod shared;

use libfuzzer_sys::fuzz_target;
use sentinel_core::text::json::{DuplicateKeys, Options, ParseErrorKind, Partial, Progress};

use shared::pieces;

fuzz_target!(|input: (bool, &[u8], &[u8])| {
    let (refuse, cuts, text) = input;
    let choice = if refuse { DuplicateKeys::Refuse } else { DuplicateKeys::KeepLast };
    let options = Options::new().duplicate_keys(choice).depth(20);
    let whole = options.parse(text);
    let mut partial = Partial::new(options);
    let mut result = partial.push(b"");
    for piece in pieces(text, cuts) {
        result = result.and_then(|_| partial.push(piece));
    }
    match (whole, result) {
        (Ok(_), result) => assert_eq!(result, Ok(Progress::Complete)),
        (Err(whole), Ok(progress)) => {
            assert_eq!(progress, Progress::Incomplete);
            assert!(
                matches!(
                    whole.kind,
                    ParseErrorKind::UnexpectedEnd { .. } | ParseErrorKind::InvalidUtf8
                ),
                "{whole}"
            );
        }
        (Err(whole), Err(pieces)) => {
            // In pieces a duplicate key is seen when it comes, in the whole when its object ends.
            let is_duplicate = matches!(pieces.kind, ParseErrorKind::DuplicateKey { .. });
            if !is_duplicate {
                assert_eq!(whole.position, pieces.position, "{whole} / {pieces}");
            }
        }
    }
});

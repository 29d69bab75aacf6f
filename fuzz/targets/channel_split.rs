//! Answers in pieces: within the limit, never blank, nothing lost, no cut inside a character.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sentinel_core::channel::{Platform, Unit, split};

fuzz_target!(|input: (u8, u16, bool, &str)| {
    let (unit, text_max, is_markdown, text) = input;
    let unit = [Unit::Bytes, Unit::Utf16, Unit::Characters][usize::from(unit % 3)];
    let text_max = usize::from(text_max % 600);
    let platform = Platform { unit, text_max, is_markdown, ..Platform::TELEGRAM };
    let limit = text_max.max(unit.of(char::MAX));
    let mut end = 0;
    for piece in split(text, &platform) {
        assert!(unit.length(&piece) <= limit, "{piece:?} in {limit}");
        assert!(!piece.trim().is_empty());
        if !is_markdown {
            // Such a piece is a part of the text, and only white space lies before it.
            let start = end + text[end..].find(&*piece).expect("a piece stands in the text");
            assert!(text[end..start].chars().all(char::is_whitespace));
            end = start + piece.len();
        }
    }
    assert!(is_markdown || text[end..].trim().is_empty());
});

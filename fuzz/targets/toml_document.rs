//! TOML documents: spans lie in the text, and what was read is written and reads back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sentinel_core::text::toml::{Document, Limits, Value};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { bytes_max: 1 << 16, depth_max: 16 };
    let document = match Document::parse_with(bytes, limits) {
        Ok(document) => document,
        Err(error) => {
            assert!(error.position().offset <= bytes.len());
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    for (key, value) in document.table().iter() {
        assert!(!bytes[key.span().range()].is_empty());
        look(bytes, value);
    }
    let value = document.to_owned_value();
    let text = format!("it = {value}");
    let again = Document::parse_str(&text).expect("what was written is TOML");
    let it = again.table().get("it").expect("it was written").to_owned_value();
    // Not a number is not equal to itself, so what was read is compared as it is written.
    assert_eq!(it.to_string(), value.to_string());
});

fn look(bytes: &[u8], value: &Value<'_>) {
    assert!(!bytes[value.span().range()].is_empty());
    for value in value.as_array().unwrap_or_default() {
        look(bytes, value);
    }
    for (key, value) in value.as_table().into_iter().flat_map(|table| table.iter()) {
        assert!(!bytes[key.span().range()].is_empty());
        look(bytes, value);
    }
}

//! Whole JSON texts: our verdict is that of an independent reader, and what we accept reads back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sentinel_core::text::json::{self, DuplicateKeys, Kind, Numbers, Options, Value};

fuzz_target!(|text: &[u8]| {
    let lenient = Options::new().duplicate_keys(DuplicateKeys::KeepLast).depth(100);
    let strict = lenient.duplicate_keys(DuplicateKeys::Refuse);
    let peer = serde_json::from_slice::<serde_json::Value>(text);
    match lenient.parse(text) {
        Ok(document) => {
            if let Err(error) = peer {
                assert!(error.to_string().contains("number out of range"), "{error}");
            }
            walk(document.root(), text);
            let written = json::array(|out| {
                out.value(document.root());
            });
            let again = lenient.parse(written.as_bytes()).expect("what was written is JSON");
            let copy = again.root().index(0).expect("it was one element");
            assert_eq!(copy.source(), &written[1..written.len() - 1]);
            let has_duplicates = strict.parse(text).is_err();
            match document.root().canonical(Numbers::Round) {
                Ok(canonical) => {
                    assert!(!has_duplicates);
                    let form = strict.parse(canonical.as_bytes()).expect("canonical is JSON");
                    assert_eq!(form.root().canonical(Numbers::Exact).as_ref(), Ok(&canonical));
                }
                Err(json::CanonicalError::DuplicateKey(_)) => assert!(has_duplicates),
                Err(_) => {}
            }
        }
        Err(error) => {
            assert!(error.position.offset <= text.len());
            if peer.is_ok() {
                assert!(matches!(error.kind, json::ParseErrorKind::TooDeep { .. }), "{error}");
            }
        }
    }
});

/// Asks every value for everything it may be.
fn walk(value: Value<'_>, text: &[u8]) {
    let span = value.span();
    assert_eq!(value.source().as_bytes(), &text[span.range()]);
    match value.kind() {
        Kind::Array => value.elements().expect("an array").for_each(|value| walk(value, text)),
        Kind::Object => {
            for (key, value) in value.members().expect("an object") {
                if let Err(error) = value.as_bool() {
                    assert!(error.to_string().contains(error.path()), "{key}");
                }
                walk(value, text);
            }
        }
        Kind::Number => {
            let number = value.as_number().expect("a number");
            if let Some(integer) = number.as_i64() {
                assert!(number.is_integer());
                assert_eq!(integer as f64, number.as_f64().expect("an integer is finite"));
            }
        }
        Kind::String => drop(value.as_str().expect("a string").len()),
        Kind::Bool | Kind::Null => {}
    }
}

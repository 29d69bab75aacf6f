//! The arguments of a tool call, made fit to be sent back.
//!
//! What a model wrote as arguments stays in the conversation even if it is no object: cut by a
//! limit, or never JSON at all. Providers refuse a conversation with such a call for ever after, so
//! it goes back as an object that says what was written.
//!
//! # Invariants
//! - What is written is one JSON object, and for an object it is the same object.

use alloc::borrow::Cow;
use alloc::string::String;

use crate::text::json::{self, Kind};

/// How much of the text that was no object goes back.
const SHOWN_BYTES_MAX: usize = 2048;

/// The arguments as the text of an object. One in which a key stands twice has two readings, and
/// goes back as what could not be understood.
pub(super) fn as_object(arguments: &str) -> Cow<'_, str> {
    if is_nothing(arguments) {
        return Cow::Borrowed("{}");
    }
    match json::parse(arguments.as_bytes()) {
        Ok(document) if document.root().kind() == Kind::Object => Cow::Borrowed(arguments),
        _ => {
            let shown = &arguments[..arguments.floor_char_boundary(SHOWN_BYTES_MAX)];
            let object: String = json::object(|object| {
                object.field("invalid_arguments", shown);
            });
            Cow::Owned(object)
        }
    }
}

/// Whether a model wrote nothing where it had nothing to say: for a tool without parameters some
/// write an empty text, some `null`.
pub(super) fn is_nothing(arguments: &str) -> bool {
    matches!(arguments.trim(), "" | "null")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_becomes_an_object() {
        for (arguments, object) in [
            (r#"{"a": 1}"#, r#"{"a": 1}"#),
            ("", "{}"),
            (" \n", "{}"),
            ("null", "{}"),
            (r#"{"a":1,"a":2}"#, r#"{"invalid_arguments":"{\"a\":1,\"a\":2}"}"#),
            ("[1]", r#"{"invalid_arguments":"[1]"}"#),
            (r#"{"a": "b"#, r#"{"invalid_arguments":"{\"a\": \"b"}"#),
        ] {
            assert_eq!(as_object(arguments), object);
        }
        let long = as_object(&"é".repeat(4000)).len();
        assert!(long < SHOWN_BYTES_MAX + 64);
    }
}

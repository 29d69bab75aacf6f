//! Grants as text: what is read is written in a text that reads the same, covers itself, and an
//! error names a character of the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sentinel_core::capability::{Grant, Table};
use sentinel_core::time::Timestamp;

fuzz_target!(|text: &str| {
    match text.parse::<Grant>() {
        Ok(grant) => {
            let written = grant.to_string();
            let again: Grant = written.parse().expect("what is written is read");
            assert_eq!(again, grant, "{written}");
            assert_eq!(again.to_string(), written);
            assert!(!written.contains(char::is_control), "{written:?}");
            assert!(grant.is_within(&grant));
            let mut table = Table::new();
            if let Ok(handle) = table.grant(grant, Timestamp(0)) {
                assert_eq!(table.find(handle), Some(&again));
                assert_eq!(table.revoke(handle), 1);
            }
        }
        Err(error) => {
            assert!((1..=text.chars().count() + 1).contains(&error.position), "{error}");
            assert!(!error.to_string().contains(char::is_control));
        }
    }
});

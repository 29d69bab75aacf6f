//! Incoming messages: what is read keeps within its bounds, and is written as the same message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sentinel_core::channel::Incoming;

fuzz_target!(|text: &[u8]| {
    match Incoming::from_json(text) {
        Ok(message) => {
            assert_eq!(message.check(), Ok(()));
            let written = message.to_json();
            assert_eq!(Incoming::from_json(written.as_bytes()), Ok(message));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

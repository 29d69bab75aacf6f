//! Arguments of tool calls: a call whose canonical form means the same call, or a short refusal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sentinel_core::limits::TOOL_ERROR_BYTES_MAX;
use sentinel_core::text::json::{self, Numbers};
use sentinel_core::tool::Builtin;

fuzz_target!(|input: (u8, &str)| {
    let (choice, text) = input;
    let tool = Builtin::ALL[usize::from(choice) % Builtin::ALL.len()];
    match tool.parse(text) {
        Ok(call) => {
            assert_eq!(call.tool(), tool);
            let mut canonical = String::new();
            call.canonical(&mut canonical);
            let document = json::parse(canonical.as_bytes()).expect("it is JSON");
            assert_eq!(document.root().canonical(Numbers::Exact), Ok(canonical.clone()));
            let arguments = document.root().get("arguments").expect("it is there").source();
            assert_eq!(tool.parse(arguments), Ok(call));
        }
        Err(error) => {
            let shown = error.to_string();
            assert!(shown.len() <= TOOL_ERROR_BYTES_MAX, "{shown}");
            assert!(!shown.contains(char::is_control), "{shown:?}");
        }
    }
});

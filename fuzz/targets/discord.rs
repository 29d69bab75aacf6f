//! Discord's connector: whatever comes, in whatever order, it keeps its promises.
#![no_main]

mod connecting;

use libfuzzer_sys::fuzz_target;
use sentinel_core::channel::discord::{Discord, attachment_request, attachment_url};

fuzz_target!(|input: (u64, Vec<connecting::Step<'_>>, &str)| {
    let (seed, steps, id) = input;
    connecting::drive(|| Discord::new(seed), &steps, &TEXTS, &ANSWERS, "41");
    if let Some(path) = attachment_request(id) {
        assert!(path.starts_with("/channels/"));
        let _ = attachment_url(id, path.as_bytes());
    }
});

const TEXTS: [&str; 8] = [
    r#"{"op":10,"d":{"heartbeat_interval":40000}}"#,
    r#"{"op":0,"t":"READY","s":1,"d":{"user":{"id":"99","username":"s"},
        "session_id":"abc","resume_gateway_url":"wss://r.example"}}"#,
    r#"{"op":0,"t":"RESUMED","s":2,"d":{}}"#,
    r#"{"op":0,"t":"MESSAGE_CREATE","s":3,"d":{"id":"500","channel_id":"41",
        "content":"hi","author":{"id":"53"}}}"#,
    r#"{"op":0,"t":"INTERACTION_CREATE","s":4,"d":{"type":3,"id":"70","token":"t",
        "channel_id":"41","user":{"id":"53"},"data":{"custom_id":"deny:1"},
        "message":{"id":"5"}}}"#,
    r#"{"op":7,"d":null}"#,
    r#"{"op":9,"d":false}"#,
    r#"{"op":11}"#,
];

const ANSWERS: [&str; 3] = [
    r#"{"url":"wss://gateway.discord.gg","session_start_limit":{"remaining":5,"reset_after":1}}"#,
    r#"{"id":"600","channel_id":"41"}"#,
    r#"[{"id":"501","channel_id":"41","content":"x","author":{"id":"53"}}]"#,
];

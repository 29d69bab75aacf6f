//! Slack's connector: whatever comes, in whatever order, it keeps its promises.
#![no_main]

mod connecting;

use libfuzzer_sys::fuzz_target;
use sentinel_core::channel::slack::{Slack, attachment_request, attachment_url};

fuzz_target!(|input: (u64, bool, Vec<connecting::Step<'_>>, &str)| {
    let (seed, is_polled, steps, id) = input;
    let make = || if is_polled { Slack::polling(seed, &["C1", id]) } else { Slack::new(seed) };
    connecting::drive(make, &steps, &TEXTS, &ANSWERS, "C1");
    if let Some(path) = attachment_request(id) {
        assert!(path.starts_with("/files.info?file="));
        let _ = attachment_url(path.as_bytes());
    }
});

const TEXTS: [&str; 6] = [
    r#"{"type":"hello"}"#,
    r#"{"type":"events_api","envelope_id":"a","payload":{"event":{"type":"message",
        "channel":"D1","user":"U5","ts":"1700000000.000100","text":"hi"}}}"#,
    r#"{"type":"events_api","envelope_id":"b","payload":{"event":{"type":"app_mention",
        "channel":"C1","user":"U5","ts":"1700000001.000100","thread_ts":"1700000000.000100",
        "text":"<@U99> hi"}}}"#,
    r#"{"type":"interactive","envelope_id":"c","payload":{"type":"block_actions",
        "user":{"id":"U5"},"channel":{"id":"D1"},
        "message":{"ts":"1700000002.000100","text":"?"},
        "actions":[{"action_id":"approve:1","action_ts":"1700000003.000100"}]}}"#,
    r#"{"type":"disconnect","reason":"warning"}"#,
    r#"{"type":"disconnect","reason":"link_disabled"}"#,
];

const ANSWERS: [&str; 4] = [
    r#"{"ok":true,"user_id":"U99","bot_id":"B99","user":"s"}"#,
    r#"{"ok":true,"url":"wss://wss.slack.com/link"}"#,
    r#"{"ok":true,"ts":"1700000005.000100"}"#,
    r#"{"ok":true,"messages":[{"type":"message","user":"U5","ts":"1700000006.000100",
        "text":"<@U99>"}],"response_metadata":{"next_cursor":"x"}}"#,
];

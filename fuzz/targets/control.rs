//! Management: whatever a client says, it is answered in whole lines within their bound, and what
//! it makes the agent hold is bounded.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use sentinel_core::agent::{Model, Provider, Settings};
use sentinel_core::control::{Command, Control};
use sentinel_core::journal::{EpochSeed, JournalId, MasterKey};
use sentinel_core::limits::{CONTROL_ANSWER_BYTES_MAX, CONTROL_UNREAD_BYTES_MAX};
use sentinel_core::llm::Thinking;
use sentinel_core::runtime::{Effect, Event, Secrets, Sentinel};
use sentinel_core::text::json;
use sentinel_core::time::{Instant, Now, Timestamp};

// The input is what a client says; where its first byte says so, in pieces of that many bytes.
fuzz_target!(|input: &[u8]| {
    let Some((first, said)) = input.split_first() else { return };
    let now = Now { instant: Instant(0), wall: Timestamp(1_700_000_000_000) };
    let mut sentinel = sentinel(now);
    let mut control = Control::new();
    let client = control.open(now.instant);
    for piece in said.chunks(usize::from(*first).max(1)) {
        if control.wants_input(client) {
            control.received(client, piece, now.instant);
        }
        while let Some(Command { request, command }) = control.poll(&sentinel, now) {
            sentinel.handle(now, Event::Operator { request, command }).expect("it is taken");
            while let Some(effect) = sentinel.poll() {
                match effect {
                    Effect::Persist { records_count, .. } => {
                        let event = Event::Persisted { records_count };
                        sentinel.handle(now, event).expect("it is taken");
                    }
                    Effect::Tell { request, outcome } => control.told(request, &outcome),
                    _ => {}
                }
            }
        }
    }
    let output = control.output(client);
    assert!(output.len() <= CONTROL_UNREAD_BYTES_MAX + CONTROL_ANSWER_BYTES_MAX);
    assert_eq!(output.last(), Some(&b'\n'));
    for line in output.split_inclusive(|byte| *byte == b'\n') {
        assert!(line.len() <= CONTROL_ANSWER_BYTES_MAX + 1);
        json::parse(line.trim_ascii_end()).expect("an answer is JSON");
    }
});

fn sentinel(now: Now) -> Sentinel {
    let mut settings = Settings::nothing();
    settings.models.push(Model {
        name: "offline".into(),
        provider: Provider::Offline,
        reply_tokens_max: 1000,
        context_tokens_max: 20_000,
        thinking: Thinking::Unset,
        sees_pictures: false,
    });
    let secrets = Secrets {
        journal: JournalId([1; 8]),
        origin: "example.com/fuzz".into(),
        seed: EpochSeed::first([4; 32]),
        master: MasterKey::new([2; 32]),
        entropy: [3; 32],
    };
    Sentinel::create(Arc::new(settings), secrets, now).expect("these settings can be worked with")
}

//! What the targets of connectors share: a shell that does what the input says.

use std::collections::BTreeSet;

use arbitrary::Arbitrary;
use sentinel_core::channel::Post;
use sentinel_core::channel::connector::{Action, CallNumber, Connector, ToPost};
use sentinel_core::time::{Instant, Now, Timestamp};
use sentinel_core::wire::http::Headers;

/// Something that happens to a connector.
#[derive(Arbitrary, Debug)]
pub enum Step<'b> {
    Opened,
    Received(&'b str),
    /// One of the texts that a platform sends while a connection is made.
    Known(u8),
    Closed(Option<u16>),
    Answered {
        call: u8,
        status: u16,
        body: &'b [u8],
    },
    /// One of the answers of the platform.
    Right {
        call: u8,
        which: u8,
    },
    Failed {
        call: u8,
        may_have_arrived: bool,
    },
    Wait(u32),
    Post {
        chat: &'b str,
        text: &'b str,
        is_edit: bool,
        question: Option<u32>,
    },
    Acknowledge(u8),
    Restart,
}

/// Takes the steps. Every post is answered once at most, every message keeps within its bounds, and
/// a poll comes to an end.
pub fn drive<C: Connector>(
    mut make: impl FnMut() -> C,
    steps: &[Step<'_>],
    texts: &[&str],
    answers: &[&str],
    chat: &str,
) {
    let mut milliseconds = 1_700_000_000_000_u64;
    let at = |milliseconds| Now { instant: Instant(milliseconds), wall: Timestamp(milliseconds) };
    let mut connector = make();
    connector.start(at(milliseconds), None);
    let (mut calls, mut messages, mut kept) = (Vec::<CallNumber>::new(), Vec::new(), None);
    let (mut posts, mut delivery) = (BTreeSet::new(), 0);
    for step in steps {
        let now = at(milliseconds);
        let pick = |calls: &[CallNumber], call: u8| calls.iter().rev().nth(call.into()).copied();
        match step {
            Step::Opened => connector.opened(now),
            Step::Received(text) => connector.received(now, text),
            Step::Known(which) => connector.received(now, texts[usize::from(*which) % texts.len()]),
            Step::Closed(code) => connector.closed(now, *code),
            Step::Answered { call, status, body } => {
                if let Some(call) = pick(&calls, *call) {
                    connector.answered(now, call, *status, &Headers::new(), body);
                }
            }
            Step::Right { call, which } => {
                if let Some(call) = pick(&calls, *call) {
                    let answer = answers[usize::from(*which) % answers.len()].as_bytes();
                    connector.answered(now, call, 200, &Headers::new(), answer);
                }
            }
            Step::Failed { call, may_have_arrived } => {
                if let Some(call) = pick(&calls, *call) {
                    connector.failed(now, call, *may_have_arrived);
                }
            }
            Step::Wait(more) => milliseconds += u64::from(*more),
            Step::Post { chat: other, text, is_edit, question } => {
                delivery += 1;
                let chat = if other.is_empty() { chat } else { other };
                let post = if *is_edit {
                    let message = "1700000000.000100".into();
                    Post::Edit { piece: 0, message, text: (*text).into() }
                } else {
                    Post::Send { piece: 0, text: (*text).into(), key: delivery }
                };
                posts.insert(delivery);
                let chat = chat.into();
                connector.post(now, ToPost { delivery, chat, post, question: *question });
            }
            Step::Acknowledge(which) => {
                if !messages.is_empty() {
                    let message: &String = &messages[usize::from(*which) % messages.len()];
                    connector.acknowledge(now, message);
                }
            }
            Step::Restart => {
                connector = make();
                posts.clear();
                calls.clear();
                connector.start(now, kept.as_deref());
            }
        }
        let mut count = 0;
        while let Some(action) = connector.poll(at(milliseconds)) {
            count += 1;
            assert!(count < 10_000, "a poll that does not end");
            match action {
                Action::Call(call) => calls.push(call.number),
                Action::Message(message) => {
                    assert_eq!(message.check(), Ok(()));
                    messages.push(message.id);
                }
                Action::Posted { delivery, .. } => {
                    assert!(posts.remove(&delivery), "answered twice, or never posted");
                }
                Action::Keep(bytes) => kept = Some(bytes),
                Action::Send { text, has_token } => {
                    assert_eq!(text.contains("\"{token}\""), has_token);
                }
                _ => {}
            }
        }
    }
}

//! Telegram: whatever answers its requests, every post is answered once and polling goes on.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sentinel_core::channel::Post;
use sentinel_core::channel::connector::{Action, Connector, ToFetch, ToPost};
use sentinel_core::channel::telegram::Telegram;
use sentinel_core::time::{Instant, Now, Timestamp};
use sentinel_core::wire::http::Headers;

const OWN: &[u8] = br#"{"ok":true,"result":{"id":9,"username":"sentinel_bot"}}"#;

// The input is a row of answers: a byte for the status, and a text to the next NUL.
fuzz_target!(|input: &[u8]| {
    let mut telegram = Telegram::new(1);
    let mut now = Now { instant: Instant(0), wall: Timestamp(0) };
    telegram.start(now, None);
    let (mut posts, mut files, mut polls) = (0, 0, 0);
    let mut answers = input.split(|byte| *byte == 0);
    while polls < 2 {
        let Some(action) = telegram.poll(now) else {
            now.instant = telegram.deadline().expect("nothing is out, and nothing will be");
            continue;
        };
        match action {
            Action::Call(call) => {
                let answer = answers.next();
                let (first, body) = answer.and_then(<[u8]>::split_first).unwrap_or((&b'a', b"{}"));
                let status = match first {
                    b'b' => 400,
                    b'c' => 403,
                    b'd' => 409,
                    b'e' => 429,
                    b'f' => 502,
                    _ => 200,
                };
                // At last it learns its name.
                let is_last = call.path == "/getMe" && answer.is_none_or(<[u8]>::is_empty);
                let (status, body) = if is_last { (200, OWN) } else { (status, body) };
                if call.path == "/getUpdates" && answer.is_none() {
                    polls += 1;
                }
                if *first == b'g' {
                    telegram.failed(now, call.number, body.is_empty());
                }
                telegram.answered(now, call.number, status, &Headers::new(), body);
            }
            Action::Message(incoming) => {
                assert_eq!(incoming.check(), Ok(()));
                // What was said comes back: as an answer, a question and a file.
                let said = incoming.words().collect::<String>();
                let chat = &incoming.identity.chat;
                let message = incoming.id.clone();
                for (delivery, post) in [
                    Post::Send { piece: 0, text: said.clone(), key: 0 },
                    Post::Edit { piece: 0, message, text: said.clone() },
                    Post::Typing,
                ]
                .into_iter()
                .enumerate()
                {
                    posts += u32::from(post != Post::Typing);
                    let question = incoming.is_private.then_some(3);
                    let chat = chat.clone();
                    let delivery = delivery as u64;
                    telegram.post(now, ToPost { delivery, chat, post, question });
                }
                let file = ToFetch { number: 1, attachment: said, bytes_max: 9 };
                files += i32::from(telegram.fetch(now, file));
                telegram.acknowledge(now, &incoming.id);
                telegram.settled(now, 3);
            }
            Action::Posted { .. } => posts -= 1,
            Action::File { .. } => files -= 1,
            Action::Stopped { .. } => break,
            _ => {}
        }
    }
    // The last poll is out; what else is out is answered.
    while let Some(action) = telegram.poll(now) {
        match action {
            Action::Call(call) if call.path != "/getUpdates" => {
                telegram.answered(now, call.number, 200, &Headers::new(), b"{}");
            }
            Action::Posted { .. } => posts -= 1,
            Action::File { .. } => files -= 1,
            _ => {}
        }
    }
    assert_eq!((posts, files), (0, 0));
});

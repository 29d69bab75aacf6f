//! One thing after the other: what the machine asks, and what follows from each answer.

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::{Bench, body, in_group, private, updates};
use crate::channel::connector::{Action, Connector, FetchFailure, Posted, ToFetch, Token};
use crate::channel::telegram::posts::Posts;
use crate::channel::{Failure, Post};
use crate::limits::{
    TELEGRAM_CHATS_KEPT, TELEGRAM_FAILURES_TOLD, TELEGRAM_FETCHES_MAX, TELEGRAM_POSTS_OUT_MAX,
    TELEGRAM_POSTS_WAITING_MAX,
};
use crate::text::json;
use crate::wire::http::Method;

const TEXT: &str = r#""text":"x""#;

fn refusal(code: u16, words: &str, parameters: &str) -> String {
    format!(
        r#"{{"ok":false,"error_code":{code},"description":"{words}",
        "parameters":{{{parameters}}}}}"#
    )
}

fn sent(message: i64) -> String {
    format!(r#"{{"ok":true,"result":{{"message_id":{message}}}}}"#)
}

fn edit(text: &str) -> Post {
    Post::Edit { piece: 0, message: "5".into(), text: text.into() }
}

#[test]
fn a_poll_asks_for_what_follows_once_all_before_is_safe() {
    let (mut bench, poll) = Bench::at_work();
    assert_eq!(
        body(&poll),
        concat!(
            r#"{"limit":50,"timeout":50,"#,
            r#""allowed_updates":["message","callback_query","my_chat_member"]}"#
        )
    );
    assert_eq!((&poll.method, poll.token), (&Method::POST, Token::BotPath));
    assert!(bench.poll().is_none() && bench.telegram.deadline().is_none(), "one poll and no timer");
    let sticker_of_a_bot = private(11, 6, TEXT).replace("false", "true");
    bench.answer(&poll, &updates(&[private(10, 5, TEXT), sticker_of_a_bot, private(12, 7, TEXT)]));
    for id in ["77:5", "77:7"] {
        let Some(Action::Message(incoming)) = bench.poll() else { panic!() };
        assert_eq!(incoming.id, id);
    }
    assert!(bench.poll().is_none(), "two messages are not safe");
    bench.telegram.acknowledge(bench.now(), "77:7");
    assert!(bench.poll().is_none(), "one is not");
    bench.telegram.acknowledge(bench.now(), "77:5");
    let poll = bench.call("getUpdates");
    assert!(body(&poll).starts_with(r#"{"offset":13,"#));
    // Nobody knows whether Telegram has heard of the number: it is told again.
    bench.fail(&poll, true);
    bench.wait();
    let poll = bench.call("getUpdates");
    assert!(body(&poll).starts_with(r#"{"offset":13,"#));
    bench.now += 50_000;
    bench.answer(&poll, &updates(&[]));
    assert!(body(&bench.call("getUpdates")).starts_with(r#"{"limit":50,"#), "it has");
}

#[test]
fn what_comes_twice_or_is_garbage_is_passed() {
    let (mut bench, poll) = Bench::at_work();
    let garbage = r#"{"update_id":11,"message":{"text":1}}"#.to_string();
    let nameless = r#"{"message":null}"#.to_string();
    let twice = private(10, 5, TEXT);
    bench.answer(&poll, &updates(&[twice.clone(), garbage, nameless, twice.clone()]));
    assert!(matches!(bench.poll(), Some(Action::Message(_))));
    assert!(bench.poll().is_none());
    assert_eq!(bench.telegram.garbage_count(), 2);
    bench.telegram.acknowledge(bench.now(), "77:5");
    let poll = bench.call("getUpdates");
    assert!(body(&poll).starts_with(r#"{"offset":12,"#));
    // A server that answers at once, and with nothing new, is not asked again at once.
    bench.answer(&poll, &updates(&[twice]));
    bench.wait();
    bench.call("getUpdates");
}

#[test]
fn an_update_that_cannot_be_read_is_passed_at_last() {
    let (mut bench, mut poll) = Bench::at_work();
    let broken = r#"{"ok":true,"result":[{"update_id": 10,"message":{"text":"\ud800"}}]}"#;
    let mut alerts = 0;
    for _ in 0..4 {
        assert!(!body(&poll).contains("offset"));
        bench.answer(&poll, broken);
        while let Some(action) = bench.poll() {
            assert!(matches!(action, Action::Alert(words) if words.contains("update 10")));
            alerts += 1;
        }
        bench.wait();
        poll = bench.call("getUpdates");
    }
    assert_eq!((alerts, bench.telegram.garbage_count()), (1, 1));
    assert!(body(&poll).starts_with(r#"{"offset":11,"limit":1,"#));
    bench.answer(&poll, &updates(&[]));
    bench.wait();
    assert!(body(&bench.call("getUpdates")).starts_with(r#"{"limit":50,"#));
}

#[test]
fn a_token_that_is_none_stops_it() {
    for (status, code) in [(401, 401), (404, 404)] {
        let mut bench = Bench::new();
        bench.send(1, "77", "early");
        let call = bench.call("getMe");
        bench.answer_with(&call, status, &refusal(code, "no such token", ""));
        // It can be said when there is another token.
        let later = Failure::RateLimited { retry_after_ms: 15_000 };
        assert_eq!(bench.posted(), Posted::Failed(later));
        let Some(Action::Stopped { why }) = bench.poll() else { panic!() };
        assert!(why.contains("BotFather"), "{why}");
        assert!(bench.poll().is_none() && bench.telegram.deadline().is_none());
    }
    // It can be withdrawn later, too: what is out is answered nevertheless.
    let (mut bench, poll) = Bench::at_work();
    for delivery in 1..=2 {
        bench.send(delivery, "77", "a");
    }
    let send = bench.call("sendMessage");
    let file = ToFetch { number: 1, attachment: "L".into(), bytes_max: 9 };
    assert!(bench.telegram.fetch(bench.now(), file.clone()));
    bench.answer_with(&poll, 401, &refusal(401, "Unauthorized", ""));
    assert!(bench.telegram.fetch(bench.now(), file));
    bench.send(3, "77", "c");
    bench.answer(&send, &sent(1));
    let (mut posted, mut files, mut stops) = (0, 0, 0);
    while let Some(action) = bench.poll() {
        match action {
            Action::Posted { delivery, outcome, .. } => {
                // Of the one that was out nobody knows; the others can wait for another token.
                let later = Failure::RateLimited { retry_after_ms: 15_000 };
                let expected = if delivery == 1 { Failure::Transport } else { later };
                assert_eq!(outcome, Posted::Failed(expected));
                posted += 1;
            }
            Action::File { outcome, .. } => {
                assert_eq!(outcome, Err(FetchFailure::Gone));
                files += 1;
            }
            Action::Stopped { .. } => stops += 1,
            Action::Call(_) | Action::Cancel(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((posted, files, stops), (3, 2, 1));
}

#[test]
fn two_readers_of_one_bot_are_told_from_a_webhook() {
    let conflict = |words| refusal(409, words, "");
    let other = conflict("Conflict: terminated by other getUpdates request");
    let webhook = conflict("Conflict: can't use getUpdates method while webhook is active");
    let (mut bench, mut poll) = Bench::at_work();
    let mut pauses = Vec::new();
    for (answer, said) in
        [(&other, "Another program"), (&other, ""), (&webhook, "deleteWebhook"), (&webhook, "")]
    {
        bench.answer_with(&poll, 409, answer);
        if !said.is_empty() {
            let words = bench.alert();
            assert!(words.contains(said), "{words}");
        }
        let before = bench.now;
        bench.wait();
        pauses.push(bench.now - before);
        poll = bench.call("getUpdates");
    }
    assert!(pauses.is_sorted() && pauses[0] >= 1_000, "{pauses:?}");
}

/// Goal: two programs that end each other's polls in turns are told of once.
#[test]
fn a_poller_that_comes_and_goes_is_told_once() {
    let (mut bench, mut poll) = Bench::at_work();
    let conflict = refusal(409, "Conflict: terminated by other getUpdates request", "");
    let mut alerts = 0;
    for round in 0..40 {
        match round % 2 {
            0 => bench.answer_with(&poll, 409, &conflict),
            _ => bench.answer(&poll, &updates(&[])),
        }
        while let Some(action) = bench.poll() {
            assert!(matches!(action, Action::Alert(_)));
            alerts += 1;
        }
        bench.wait();
        poll = bench.call("getUpdates");
    }
    assert_eq!(alerts, 1);
}

#[test]
fn pauses_grow_to_a_minute_and_the_operator_is_told_once() {
    let (mut bench, mut poll) = Bench::at_work();
    let mut alerts = 0;
    for failure in 0..12 {
        bench.fail(&poll, failure % 2 == 0);
        while let Some(action) = bench.poll() {
            assert!(matches!(action, Action::Alert(_)));
            assert!(failure + 1 >= TELEGRAM_FAILURES_TOLD);
            alerts += 1;
        }
        let before = bench.now;
        bench.wait();
        let pause = 1_000_u64.saturating_mul(1 << failure).min(60_000);
        assert!((pause..=pause * 5 / 4).contains(&(bench.now - before)));
        poll = bench.call("getUpdates");
    }
    assert_eq!(alerts, 1);
    // Telegram may ask for more, but not for a day.
    for (asked, least, most) in [(90, 90_000, 120_000), (1_000_000_000, 3_600_000, 4_600_000)] {
        bench.answer_with(&poll, 429, &refusal(429, "x", &format!(r#""retry_after":{asked}"#)));
        while bench.poll().is_some() {}
        let before = bench.now;
        bench.wait();
        assert!((least..=most).contains(&(bench.now - before)));
        poll = bench.call("getUpdates");
    }
}

#[test]
fn a_message_is_sent_with_its_looks_and_without_a_preview() {
    let (mut bench, _) = Bench::at_work();
    bench.send(1, "-1001/42", "**hi** `x`");
    let call = bench.call("sendMessage");
    assert_eq!(
        body(&call),
        concat!(
            r#"{"chat_id":-1001,"message_thread_id":42,"text":"hi x","entities":["#,
            r#"{"type":"bold","offset":0,"length":2},{"type":"code","offset":3,"length":1}],"#,
            r#""link_preview_options":{"is_disabled":true}}"#
        )
    );
    bench.answer(&call, &sent(5));
    assert_eq!(bench.posted(), Posted::Sent("5".into()));
    bench.post(1, "-1001/42", edit("ho"), None);
    let call = bench.call("editMessageText");
    assert_eq!(
        body(&call),
        concat!(
            r#"{"chat_id":-1001,"message_id":5,"text":"ho","#,
            r#""link_preview_options":{"is_disabled":true}}"#
        )
    );
    bench.answer(&call, &sent(5));
    assert_eq!(bench.posted(), Posted::Edited);
    bench.post(1, "-1001/42", Post::Typing, None);
    bench.post(2, "-1001/42", Post::Typing, None);
    let call = bench.call("sendChatAction");
    assert_eq!(body(&call), r#"{"chat_id":-1001,"message_thread_id":42,"action":"typing"}"#);
    assert!(bench.poll().is_none(), "one sign at a time, and nobody waits for it");
    bench.fail(&call, true);
    assert!(bench.poll().is_none());
}

#[test]
fn what_becomes_of_a_post() {
    let rejected = || Posted::Failed(Failure::Rejected);
    let limited = |retry_after_ms| Posted::Failed(Failure::RateLimited { retry_after_ms });
    let unknown = || Posted::Failed(Failure::Transport);
    let send = || Post::Send { piece: 0, text: "a".into(), key: 1 };
    let wait = refusal(429, "Too Many Requests: retry after 7", r#""retry_after":7"#);
    let bad = |words| refusal(400, words, "");
    for (post, status, answer, expected) in [
        (send(), 429, wait.clone(), limited(7_000)),
        (edit("b"), 429, wait, limited(7_000)),
        (edit("b"), 429, String::new(), limited(1_000)),
        (send(), 500, refusal(500, "Internal Server Error", ""), unknown()),
        (send(), 502, "<html>".into(), unknown()),
        (edit("b"), 504, String::new(), unknown()),
        (send(), 200, "<html>".into(), unknown()),
        (send(), 200, r#"{"ok":true,"result":true}"#.into(), unknown()),
        (edit("b"), 200, r#"{"ok":true,"result":true}"#.into(), Posted::Edited),
        (edit("b"), 400, bad("Bad Request: message is not modified: x"), Posted::Edited),
        (send(), 400, bad("Bad Request: message is not modified: x"), rejected()),
        (edit("b"), 400, bad("Bad Request: message to edit not found"), gone()),
        (edit("b"), 400, bad("Bad Request: message can't be edited"), gone()),
        (edit("b"), 400, bad("Bad Request: MESSAGE_ID_INVALID"), gone()),
        (send(), 400, bad("Bad Request: message is too long"), rejected()),
        (edit("b"), 400, bad("Bad Request: chat not found"), rejected()),
        (send(), 401, refusal(401, "Unauthorized", ""), limited(15_000)),
        (send(), 404, String::new(), rejected()),
        (send(), 302, String::new(), rejected()),
    ] {
        let (mut bench, _) = Bench::at_work();
        bench.post(1, "77", post.clone(), None);
        let Some(Action::Call(call)) = bench.poll() else { panic!() };
        bench.answer_with(&call, status, &answer);
        let outcome = core::iter::from_fn(|| bench.poll())
            .find_map(|action| match action {
                Action::Posted { outcome, .. } => Some(outcome),
                _ => None,
            })
            .unwrap();
        assert_eq!(outcome, expected, "{post:?} {status} {answer}");
    }
    for (post, may_have_arrived, expected) in [
        (send(), true, unknown()),
        (send(), false, limited(1_000)),
        (edit("b"), true, unknown()),
        (edit("b"), false, unknown()),
    ] {
        let (mut bench, _) = Bench::at_work();
        bench.post(1, "77", post, None);
        let Some(Action::Call(call)) = bench.poll() else { panic!() };
        bench.fail(&call, may_have_arrived);
        assert_eq!(bench.posted(), expected);
        bench.fail(&call, true);
        assert!(bench.poll().is_none(), "an outcome that comes twice is none");
    }
}

fn gone() -> Posted {
    Posted::Failed(Failure::Gone)
}

#[test]
fn marks_that_are_refused_are_left_out() {
    let (mut bench, _) = Bench::at_work();
    bench.send(1, "77", "**hi**");
    let call = bench.call("sendMessage");
    let answer = refusal(400, "Bad Request: can't parse entities: no", "");
    bench.answer_with(&call, 400, &answer);
    let again = bench.call("sendMessage");
    assert!(body(&again).contains(r#""text":"**hi**","link"#));
    assert!(again.number > call.number);
    bench.answer_with(&again, 400, &answer);
    assert_eq!(bench.posted(), Posted::Failed(Failure::Rejected), "once");
}

#[test]
fn posts_to_one_chat_keep_their_order_and_others_do_not_wait() {
    let (mut bench, _) = Bench::at_work();
    for (delivery, chat) in [(1, "77"), (2, "77"), (3, "78")] {
        bench.send(delivery, chat, "a");
    }
    let (first, other) = (bench.call("sendMessage"), bench.call("sendMessage"));
    assert!(body(&first).contains("77") && body(&other).contains("78"));
    assert!(bench.poll().is_none());
    bench.answer(&first, &sent(1));
    assert_eq!(bench.posted(), Posted::Sent("1".into()));
    let second = bench.call("sendMessage");
    // A chat that is to be left alone is, by everybody.
    bench.answer_with(&second, 429, &refusal(429, "x", r#""retry_after":5"#));
    bench.posted();
    bench.now += 2_000;
    bench.send(4, "77", "d");
    assert_eq!(bench.posted(), Posted::Failed(Failure::RateLimited { retry_after_ms: 3_000 }));
    bench.post(4, "77", Post::Typing, None);
    assert!(bench.poll().is_none());
    bench.now += 3_000;
    bench.send(5, "77", "e");
    bench.call("sendMessage");
}

#[test]
fn only_so_many_posts_are_out_and_wait() {
    let (mut bench, _) = Bench::at_work();
    let count = TELEGRAM_POSTS_OUT_MAX + TELEGRAM_POSTS_WAITING_MAX;
    let mut calls = Vec::new();
    for delivery in 0..count {
        bench.send(delivery as u64, &delivery.to_string(), "a");
        while let Some(Action::Call(call)) = bench.poll() {
            calls.push(call);
        }
    }
    assert_eq!(calls.len(), TELEGRAM_POSTS_OUT_MAX);
    bench.send(0, "more", "a");
    assert_eq!(bench.posted(), Posted::Failed(Failure::RateLimited { retry_after_ms: 1_000 }));
    bench.answer(&calls[0], &sent(1));
    bench.posted();
    bench.call("sendMessage");
    assert!(bench.poll().is_none());
}

#[test]
fn a_chat_that_is_closed_is_told_once() {
    let (mut bench, _) = Bench::at_work();
    for is_first in [true, false] {
        bench.send(1, "77", "a");
        let call = bench.call("sendMessage");
        let answer = refusal(403, "Forbidden: bot was blocked by the user", "");
        bench.answer_with(&call, 403, &answer);
        if is_first {
            assert!(bench.alert().contains("blocked by the user"));
        }
        assert_eq!(bench.posted(), Posted::Failed(Failure::Rejected));
    }
}

#[test]
fn a_group_that_moved_is_followed() {
    let (mut bench, _) = Bench::at_work();
    bench.send(1, "-5", "a");
    let call = bench.call("sendMessage");
    let moved = refusal(400, "Bad Request: upgraded", r#""migrate_to_chat_id":-1005"#);
    bench.answer_with(&call, 400, &moved);
    assert!(bench.alert().contains("-1005"));
    let again = bench.call("sendMessage");
    assert!(body(&again).contains(r#""chat_id":-1005"#));
    bench.answer(&again, &sent(1));
    bench.posted();
    bench.post(1, "-5", edit("b"), None);
    let call = bench.call("editMessageText");
    assert!(body(&call).contains(r#""chat_id":-1005"#));
    // The message stayed in the old group.
    bench.answer_with(&call, 400, &refusal(400, "message to edit not found", ""));
    assert_eq!(bench.posted(), gone());
    // The groups say so too.
    let (mut bench, poll) = Bench::at_work();
    let from_old = private(1, 1, r#""migrate_to_chat_id":-1001"#);
    let from_new = private(2, 2, r#""migrate_from_chat_id":77"#)
        .replace(r#""id":77,"type""#, r#""id":-1001,"type""#);
    bench.answer(&poll, &updates(&[from_old, from_new]));
    bench.alert();
    bench.send(1, "77", "a");
    bench.call("getUpdates");
    assert!(body(&bench.call("sendMessage")).contains(r#""chat_id":-1001"#));
}

/// Goal: in a group it is seen what an answer is to, where that is clear. Method: one message and
/// its answer in pieces; then two messages at once; then one in private.
#[test]
fn in_a_group_an_answer_replies_to_who_asked() {
    const MENTION: &str =
        r#""text":"@sentinel_bot x","entities":[{"type":"mention","offset":0,"length":13}]"#;
    const REPLY: &str = r#""reply_parameters":{"message_id":5,"allow_sending_without_reply":true}"#;
    let (mut bench, poll) = Bench::at_work();
    bench.answer(&poll, &updates(&[in_group(10, 5, MENTION)]));
    assert!(matches!(bench.poll(), Some(Action::Message(_))));
    // A question of the agent's is no answer.
    let question = Post::Send { piece: 0, text: QUESTION.into(), key: 1 };
    bench.post(1, "-1001", question, Some(3));
    let call = bench.call("sendMessage");
    assert!(!body(&call).contains("reply_parameters"));
    bench.answer(&call, &sent(20));
    bench.posted();
    bench.send(2, "-1001", "a");
    let call = bench.call("sendMessage");
    assert!(body(&call).contains(REPLY), "{}", body(&call));
    // It is refused for now, and comes again.
    bench.answer_with(&call, 429, &refusal(429, "Too Many Requests", r#""retry_after":1"#));
    bench.posted();
    bench.now += 2_000;
    bench.send(2, "-1001", "a");
    let call = bench.call("sendMessage");
    assert!(body(&call).contains(REPLY), "{}", body(&call));
    bench.answer(&call, &sent(21));
    bench.posted();
    bench.post(2, "-1001", Post::Send { piece: 1, text: "b".into(), key: 1 }, None);
    let call = bench.call("sendMessage");
    assert!(!body(&call).contains("reply_parameters"), "one of its pieces is enough");
    bench.answer(&call, &sent(22));
    bench.posted();
    // Of two, nobody knows which one is answered.
    bench.telegram.acknowledge(bench.now(), "-1001:5");
    let poll = bench.call("getUpdates");
    let private = private(13, 8, TEXT);
    bench.answer(&poll, &updates(&[in_group(11, 6, MENTION), in_group(12, 7, MENTION), private]));
    while let Some(Action::Message(_)) = bench.poll() {}
    for (delivery, chat) in [(3, "-1001"), (4, "77")] {
        bench.send(delivery, chat, "c");
        let call = bench.call("sendMessage");
        assert!(!body(&call).contains("reply_parameters"), "{}", body(&call));
    }
}

const QUESTION: &str = "Question 3\nrun: **x**\nAnswer /approve 3 or /deny 3.";

#[test]
fn a_question_is_shown_as_it_is_and_has_buttons_until_it_is_settled() {
    let (mut bench, poll) = Bench::at_work();
    let post = Post::Send { piece: 0, text: QUESTION.into(), key: 1 };
    bench.post(1, "77", post.clone(), Some(3));
    let call = bench.call("sendMessage");
    assert!(body(&call).contains(r#"run: **x**\nAnswer"#) && !body(&call).contains("entities"));
    assert!(body(&call).contains(r#""callback_data":"once:3""#));
    bench.answer(&call, &sent(5));
    bench.posted();
    bench.telegram.settled(bench.now(), 3);
    let call = bench.call("editMessageReplyMarkup");
    assert_eq!(body(&call), r#"{"chat_id":77,"message_id":5}"#);
    bench.telegram.settled(bench.now(), 3);
    assert!(bench.poll().is_none());
    // In private a press settles it; in a group only the agent knows who may.
    let query = |chat: &str| {
        format!(
            r#"{{"update_id":{},"callback_query":{{"id":"47{}","from":{{"id":77}},
            "message":{{"message_id":6,"chat":{chat}}},"data":"once:3"}}}}"#,
            chat.len(),
            chat.len()
        )
    };
    let pressed = [query(r#"{"id":77,"type":"private"}"#), query(r#"{"id":-5,"type":"group"}"#)];
    bench.answer(&poll, &updates(&pressed));
    assert_eq!(body(&bench.call("answerCallbackQuery")), r#"{"callback_query_id":"4726"}"#);
    assert_eq!(body(&bench.call("editMessageReplyMarkup")), r#"{"chat_id":77,"message_id":6}"#);
    let Some(Action::Message(incoming)) = bench.poll() else { panic!() };
    assert_eq!(incoming.words().collect::<Vec<_>>(), ["/approve 3"]);
    bench.call("answerCallbackQuery");
    assert!(matches!(bench.poll(), Some(Action::Message(_))));
    assert!(bench.poll().is_none());
}

#[test]
fn a_file_is_located_and_fetched() {
    let fetch = |bench: &mut Bench, number, bytes_max| {
        let file = ToFetch { number, attachment: "L-1".into(), bytes_max };
        assert!(bench.telegram.fetch(bench.now(), file));
    };
    let place = |bytes: usize, path: &str| {
        format!(r#"{{"ok":true,"result":{{"file_size":{bytes},"file_path":"{path}"}}}}"#)
    };
    let (mut bench, _) = Bench::at_work();
    fetch(&mut bench, 1, 4);
    let call = bench.call("getFile");
    assert_eq!(body(&call), r#"{"file_id":"L-1"}"#);
    bench.answer(&call, &place(4, "photos/file_1.jpg"));
    let call = bench.call("photos/file_1.jpg");
    assert_eq!((&call.method, call.token), (&Method::GET, Token::FilePath));
    assert_eq!((call.answer_bytes_max, &call.body), (4, &None));
    assert_eq!(call.file, Some(1));
    bench.answer(&call, "");
    let file = |outcome| Some(Action::File { fetch: 1, outcome });
    assert_eq!(bench.poll(), file(Ok(())));
    let later = |retry_after_ms| FetchFailure::Later { retry_after_ms };
    for (status, answer, expected) in [
        (200, place(5, "a/b"), FetchFailure::TooLarge),
        (400, refusal(400, "Bad Request: file is too big", ""), FetchFailure::TooLarge),
        (400, refusal(400, "Bad Request: invalid file_id", ""), FetchFailure::Gone),
        (200, place(4, "../../etc/passwd"), FetchFailure::Gone),
        (200, place(4, "/srv/telegram/file"), FetchFailure::Gone),
        (429, refusal(429, "x", r#""retry_after":9"#), later(9_000)),
        (502, String::new(), later(1_000)),
    ] {
        fetch(&mut bench, 1, 4);
        let call = bench.call("getFile");
        bench.answer_with(&call, status, &answer);
        assert_eq!(bench.poll(), file(Err(expected)), "{answer}");
    }
    for (status, bytes, expected) in
        [(413, "", FetchFailure::TooLarge), (404, "", FetchFailure::Gone), (503, "", later(1_000))]
    {
        fetch(&mut bench, 1, 4);
        let call = bench.call("getFile");
        bench.answer(&call, r#"{"ok":true,"result":{"file_path":"a/b"}}"#);
        let call = bench.call("a/b");
        bench.answer_with(&call, status, bytes);
        assert_eq!(bench.poll(), file(Err(expected)));
    }
    for _ in 0..=TELEGRAM_FETCHES_MAX {
        fetch(&mut bench, 1, 4);
    }
    for _ in 0..TELEGRAM_FETCHES_MAX {
        let call = bench.call("getFile");
        bench.fail(&call, true);
    }
    for _ in 0..=TELEGRAM_FETCHES_MAX {
        assert_eq!(bench.poll(), file(Err(later(1_000))));
    }
}

#[test]
fn the_operator_is_told_of_a_group_once() {
    let (mut bench, poll) = Bench::at_work();
    let change = |update: i64, was: &str, is: &str| {
        format!(
            r#"{{"update_id":{update},"my_chat_member":{{"chat":{{"id":-5,"type":"group"}},
            "from":{{"id":77}},"old_chat_member":{{"status":"{was}"}},
            "new_chat_member":{{"status":"{is}"}}}}}}"#
        )
    };
    let all: Vec<_> = (0..6)
        .map(|number| match number % 2 {
            0 => change(number, "left", "member"),
            _ => change(number, "member", "left"),
        })
        .collect();
    bench.answer(&poll, &updates(&all));
    assert!(bench.alert().contains("77"));
    assert!(bench.alert().contains("removed"));
    bench.call("getUpdates");
}

/// Goal: whoever lets the bot see many chats does not make it remember them all.
#[test]
fn what_is_kept_of_chats_is_bounded() {
    let mut posts = Posts::new();
    let mut desk = super::Desk::new();
    let mut told = 0;
    for chat in 0..4 * TELEGRAM_CHATS_KEPT {
        told += usize::from(posts.may_tell(&chat.to_string()));
        posts.move_chat(&chat.to_string(), -1, &mut desk);
    }
    assert_eq!(told, TELEGRAM_CHATS_KEPT);
    assert_eq!(posts.moved_count(), TELEGRAM_CHATS_KEPT);
}

#[test]
fn the_commands_are_as_telegram_wants_them() {
    let commands = super::commands();
    let document = json::parse(commands.as_bytes()).unwrap();
    for command in document.root().get("commands").unwrap().elements().unwrap() {
        let word = command.get("command").unwrap().as_str().unwrap();
        assert!(
            (1..=32).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase())
        );
        let length = command.get("description").unwrap().as_str().unwrap().len();
        assert!((1..=256).contains(&length));
    }
}

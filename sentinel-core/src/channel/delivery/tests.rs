use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec;

use super::*;
use crate::channel::split::Pieces;

const SMALL: Platform = Platform { text_max: 40, ..Platform::TELEGRAM };
const KEYED: Platform = Platform { text_max: 40, ..Platform::DISCORD };

const WORDS: [&str; 5] = ["a ", "word. ", "\n", "👨‍👩‍👧", "longer than that "];

fn at(ms: u64) -> Instant {
    Instant(ms)
}

/// Answers every post until there is none, and gives what the chat shows.
fn settle(
    delivery: &mut Delivery,
    chat: &mut BTreeMap<usize, String>,
    mut now: Instant,
) -> Instant {
    for _ in 0..1000 {
        match delivery.poll(now) {
            Some(Post::Send { piece, text, .. }) => {
                assert!(chat.insert(piece, text).is_none(), "two messages for one piece");
                delivery.sent(piece, &piece.to_string(), now);
            }
            Some(Post::Edit { piece, message, text }) => {
                assert_eq!(message, piece.to_string());
                chat.insert(piece, text);
                delivery.edited(piece, now);
            }
            Some(Post::Typing) => {}
            None => match delivery.deadline() {
                Some(deadline) if delivery.is_finished => {
                    assert!(deadline > now, "poll had nothing, and is to be asked at once");
                    now = deadline;
                }
                _ => return now,
            },
        }
    }
    panic!("it does not settle");
}

fn expected(text: &str, platform: &Platform) -> Vec<String> {
    let limit = platform.text_max - platform.unit.length(UNFINISHED) - 1;
    let mut all: Vec<String> = Pieces::new(text, platform, limit).map(String::from).collect();
    let last = all.len().saturating_sub(1);
    for piece in all.iter_mut().take(last) {
        let is_fence = piece.ends_with("```");
        piece.push_str(if is_fence { "\n…" } else { " …" });
    }
    all
}

#[test]
fn an_answer_in_many_messages_ends_without_a_mark() {
    let text = "one two three four five six seven eight nine ten. ".repeat(4);
    for streams in [false, true] {
        let (mut delivery, mut chat) = (Delivery::new(&SMALL, streams), BTreeMap::new());
        let mut now = at(0);
        for word in text.split_inclusive(' ') {
            delivery.text(word);
            now = settle(&mut delivery, &mut chat, now.after(Duration::from_millis(400)));
            assert_eq!(chat.is_empty(), !streams);
            assert!(chat.values().all(|text| text.ends_with(" …")), "{chat:?}");
        }
        delivery.finish();
        settle(&mut delivery, &mut chat, now);
        let shown: Vec<String> = chat.into_values().collect();
        assert_eq!(shown, expected(&text, &SMALL));
        assert!(shown.iter().all(|text| SMALL.unit.length(text) <= 40));
        let messages = (0..shown.len()).map(|piece| piece.to_string()).collect();
        assert_eq!(delivery.outcome(), Outcome::Delivered { messages });
        assert_eq!(delivery.deadline(), None);
    }
}

#[test]
fn a_final_text_over_the_limit_is_not_lost() {
    let (mut delivery, mut chat) = (Delivery::new(&SMALL, true), BTreeMap::new());
    delivery.text("short");
    let now = settle(&mut delivery, &mut chat, at(0));
    let long = "x".repeat(35) + " " + &"👨‍👩‍👧".repeat(20);
    delivery.finish_with(&long);
    settle(&mut delivery, &mut chat, now);
    assert_eq!(chat.into_values().collect::<Vec<_>>(), expected(&long, &SMALL));
}

#[test]
fn words_wait_for_the_interval_and_the_last_ones_come() {
    let mut delivery = Delivery::new(&SMALL, true);
    delivery.text("a");
    assert!(matches!(delivery.poll(at(0)), Some(Post::Send { .. })));
    delivery.text("b");
    assert_eq!((delivery.poll(at(9_000)), delivery.deadline()), (None, None), "one at a time");
    delivery.sent(0, "m", at(10_000));
    delivery.finish();
    assert_eq!(delivery.poll(at(11_499)), None);
    assert_eq!(delivery.deadline(), Some(at(11_500)));
    let edit = Post::Edit { piece: 0, message: "m".into(), text: "ab".into() };
    assert_eq!(delivery.poll(at(11_500)), Some(edit));
}

#[test]
fn typing_is_shown_until_there_are_words() {
    let mut delivery = Delivery::new(&SMALL, true);
    assert_eq!(delivery.deadline(), Some(at(0)));
    assert_eq!(delivery.poll(at(100)), Some(Post::Typing));
    assert_eq!(delivery.poll(at(100)), None);
    assert_eq!(delivery.deadline(), Some(at(4_100)));
    assert_eq!(delivery.poll(at(4_100)), Some(Post::Typing));
    delivery.text("  \n");
    assert_eq!(delivery.poll(at(4_100)), None, "blank words are none");
    delivery.text("a");
    assert!(matches!(delivery.poll(at(4_100)), Some(Post::Send { .. })));
    delivery.sent(0, "m", at(4_200));
    assert_eq!((delivery.poll(at(99_000)), delivery.deadline()), (None, None));
}

#[test]
fn another_model_takes_the_place_of_what_was_shown() {
    let (mut delivery, mut chat) = (Delivery::new(&SMALL, true), BTreeMap::new());
    delivery.text(&"wrong ".repeat(20));
    let now = settle(&mut delivery, &mut chat, at(0));
    let now = settle(&mut delivery, &mut chat, now.after(Duration::from_secs(9)));
    let now = settle(&mut delivery, &mut chat, now.after(Duration::from_secs(9)));
    assert!(chat.len() >= 3);
    delivery.restart();
    let before = chat.clone();
    let now = settle(&mut delivery, &mut chat, now.after(Duration::from_secs(9)));
    assert_eq!(chat, before, "it stays until something takes its place");
    delivery.text("right");
    delivery.finish();
    settle(&mut delivery, &mut chat, now);
    assert_eq!(chat.remove(&0).unwrap(), "right");
    assert!(chat.values().all(|text| text == WITHDRAWN), "{chat:?}");
}

#[test]
fn an_interrupted_answer_says_so_outside_of_any_code() {
    let (mut delivery, mut chat) = (Delivery::new(&SMALL, true), BTreeMap::new());
    delivery.text("```sh\nls");
    let now = settle(&mut delivery, &mut chat, at(0));
    assert_eq!(chat[&0], "```sh\nls\n```\n…");
    delivery.interrupted("[stopped]");
    delivery.text("late");
    settle(&mut delivery, &mut chat, now);
    assert_eq!(chat[&0], "```sh\nls\n```\n\n[stopped]");
}

#[test]
fn an_endless_answer_is_cut_with_a_note() {
    for platform in [Platform::TELEGRAM, Platform::TERMINAL] {
        let mut delivery = Delivery::new(&platform, platform == Platform::TERMINAL);
        for _ in 0..100 {
            delivery.text(&"é".repeat(10_000));
        }
        delivery.finish();
        let mut chat = BTreeMap::new();
        settle(&mut delivery, &mut chat, at(0));
        let all: String = chat.into_values().collect();
        assert!(all.trim_end().ends_with(CUT), "{}", &all[all.len() - 100..]);
        assert!(all.len() < CHANNEL_ANSWER_BYTES_MAX + 1000);
    }
}

#[test]
fn a_send_of_unknown_outcome_is_repeated_only_under_a_key() {
    let mut delivery = Delivery::new(&SMALL, true);
    delivery.text("a");
    delivery.poll(at(0));
    delivery.failed(0, Failure::Transport, at(10));
    let unknown = Outcome::Failed { delivered: vec![], why: Why::Unknown, is_uncertain: true };
    assert_eq!(delivery.outcome(), unknown);
    assert_eq!((delivery.poll(at(99_999)), delivery.deadline()), (None, None));
    // It turns out to have come through after all.
    delivery.sent(0, "m", at(100_000));
    delivery.finish();
    assert!(matches!(delivery.poll(at(200_000)), Some(Post::Edit { text, .. }) if text == "a"));

    let mut delivery = Delivery::new(&KEYED, true).keyed(7);
    delivery.text("a");
    let Some(first @ Post::Send { .. }) = delivery.poll(at(0)) else { panic!() };
    delivery.failed(0, Failure::Transport, at(10));
    delivery.text("b");
    assert_eq!(delivery.poll(at(11)), Some(Post::Typing), "not at once");
    let again = delivery.poll(delivery.deadline().unwrap());
    assert_eq!(again, Some(first), "the same text, or nobody would know which of them is shown");
    // The platform may have forgotten the key by then.
    delivery.failed(0, Failure::RateLimited { retry_after_ms: 150_000 }, at(2000));
    let unknown = Outcome::Failed { delivered: vec![], why: Why::Unknown, is_uncertain: true };
    assert_eq!(delivery.outcome(), unknown);
}

/// A part whose outcome became unknown after the whole answer was there: it says of itself that it
/// is a part, so the whole is sent beside it.
#[test]
fn a_lost_part_does_not_hold_up_the_whole_answer() {
    let mut delivery = Delivery::new(&SMALL, true);
    delivery.text("a");
    let Some(Post::Send { text, .. }) = delivery.poll(at(0)) else { panic!() };
    assert_eq!(text, "a …");
    delivery.finish();
    delivery.failed(0, Failure::Transport, at(10));
    let Some(Post::Send { piece: 0, text, key }) = delivery.poll(delivery.deadline().unwrap())
    else {
        panic!("{:?}", delivery.outcome())
    };
    assert_eq!((text.as_str(), key), ("a", 1 << 32), "another message has another key");
    // Of the whole, nobody may know whether it is there.
    delivery.failed(0, Failure::Transport, at(9000));
    let unknown = Outcome::Failed { delivered: vec![], why: Why::Unknown, is_uncertain: true };
    assert_eq!(delivery.outcome(), unknown);

    // A message that another one follows ends in the mark as well, and is no part that differs.
    let mut delivery = Delivery::new(&SMALL, false);
    delivery.finish_with(&"word ".repeat(50));
    let Some(Post::Send { text, .. }) = delivery.poll(at(0)) else { panic!() };
    assert!(text.ends_with(UNFINISHED));
    delivery.failed(0, Failure::Transport, at(10));
    assert_eq!(delivery.outcome(), unknown);
}

/// What a message says that was there before is not known, so it is changed, whatever it says; one
/// that is not needed is withdrawn when there is an answer without it.
#[test]
fn an_answer_goes_on_in_the_messages_that_show_it() {
    let shown = || [(0, "0"), (1, "1")];
    let mut delivery = Delivery::new(&SMALL, true).showing(shown());
    assert!(delivery.was_shown());
    assert_eq!((delivery.poll(at(0)), delivery.message(1)), (None, Some("1")));
    delivery.finish_with("a");
    assert!(delivery.is_in_place());
    let mut chat = BTreeMap::new();
    settle(&mut delivery, &mut chat, at(0));
    assert_eq!(chat.into_values().collect::<Vec<_>>(), ["a", "(withdrawn)"]);
    let messages = vec!["0".to_string(), "1".to_string()];
    assert_eq!(delivery.outcome(), Outcome::Delivered { messages });

    let long = "word ".repeat(20);
    let needed = expected(&long, &SMALL).len();
    for count in 0..=needed + 1 {
        let ids: Vec<String> = (0..count).map(|piece| piece.to_string()).collect();
        let shown = || ids.iter().map(String::as_str).enumerate();
        let mut delivery = Delivery::new(&SMALL, false).showing(shown());
        delivery.finish_with(&long);
        assert_eq!(delivery.is_in_place(), count >= needed, "{count} of {needed}");
        let mut without_first = Delivery::new(&SMALL, false).showing(shown().skip(1));
        without_first.finish_with(&long);
        assert!(!without_first.is_in_place());
    }
    let mut nothing = Delivery::new(&SMALL, false).showing(shown());
    nothing.finish_with("");
    assert!(!nothing.is_in_place(), "there is nothing to say");
    // Keys find messages, and what is only added to has none.
    for (platform, streams) in [(KEYED, true), (KEYED, false), (Platform::TERMINAL, true)] {
        let mut delivery = Delivery::new(&platform, streams).showing(shown());
        delivery.finish_with("a");
        assert!(!delivery.is_in_place());
        assert!(matches!(delivery.poll(at(0)), Some(Post::Send { .. })));
        delivery.sent(0, "0", at(1));
        assert_eq!(delivery.message(0), None);
    }
}

#[test]
fn failures_are_bounded_and_an_absurd_wait_is_not_waited() {
    let refused = Failure::RateLimited { retry_after_ms: 0 };
    let mut delivery = Delivery::new(&SMALL, false);
    delivery.finish_with("a");
    let mut pauses = vec![];
    let mut now = at(0);
    while let Some(Post::Send { piece, .. }) = delivery.poll(now) {
        delivery.failed(piece, refused, now);
        let Some(next) = delivery.deadline() else { break };
        pauses.push(next.since(now).as_secs());
        now = next;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128]);
    let why = Why::TooManyFailures(refused);
    assert_eq!(delivery.outcome(), Outcome::Failed { delivered: vec![], why, is_uncertain: false });

    for (failure, why) in [
        (Failure::RateLimited { retry_after_ms: 1_000_000_000_000 }, Why::WaitTooLong),
        (Failure::Rejected, Why::Rejected),
        (Failure::Gone, Why::Rejected),
    ] {
        let mut delivery = Delivery::new(&SMALL, false);
        delivery.finish_with("a");
        delivery.poll(at(0));
        delivery.failed(0, failure, at(0));
        let failed = Outcome::Failed { delivered: vec![], why, is_uncertain: false };
        assert_eq!(delivery.outcome(), failed);
    }
}

#[test]
fn a_deleted_message_is_sent_anew_under_another_key() {
    let mut delivery = Delivery::new(&KEYED, true);
    delivery.text("a");
    let Some(Post::Send { key: first, .. }) = delivery.poll(at(0)) else { panic!() };
    delivery.sent(0, "m", at(0));
    delivery.finish();
    assert!(matches!(delivery.poll(at(9_000)), Some(Post::Edit { .. })));
    delivery.failed(0, Failure::Gone, at(9_000));
    let Some(Post::Send { key, text, .. }) = delivery.poll(at(99_000)) else { panic!() };
    assert_eq!(text, "a");
    assert_ne!(key, first);
    delivery.sent(0, "n", at(99_000));
    assert_eq!(delivery.outcome(), Outcome::Delivered { messages: vec!["n".into()] });
}

#[test]
fn where_nothing_can_be_changed_text_is_added() {
    let mut delivery = Delivery::new(&Platform::TERMINAL, true);
    let mut screen = String::new();
    let mut show = |delivery: &mut Delivery| {
        while let Some(Post::Send { piece, text, .. }) = delivery.poll(at(0)) {
            screen.push_str(&text);
            delivery.sent(piece, "", at(0));
        }
        screen.clone()
    };
    delivery.text(" Hel");
    assert_eq!(show(&mut delivery), " Hel");
    delivery.text("lo\n ");
    assert_eq!(show(&mut delivery), " Hello\n ");
    delivery.text("never shown");
    delivery.restart();
    delivery.text("Bye");
    let withdrawn = " Hello\n \n[What stands above is withdrawn; the answer begins again.]\n";
    assert_eq!(show(&mut delivery), alloc::format!("{withdrawn}Bye"));
    delivery.finish_with("Bye now");
    assert_eq!(show(&mut delivery), alloc::format!("{withdrawn}Bye now\n"));
    assert_eq!(delivery.outcome(), Outcome::Delivered { messages: vec![] });
}

/// A chat with faults: what it shows never looks whole before it is, each piece has one message as
/// long as outcomes are known, and in the end the chat shows the answer, or the outcome is failure.
#[test]
fn any_order_of_faults_ends_in_the_whole_answer_or_a_failure() {
    arbtest::arbtest(|u| {
        let platform = if u.arbitrary()? { SMALL } else { KEYED };
        let mut delivery = Delivery::new(&platform, u.arbitrary()?).keyed(u.arbitrary()?);
        let mut text = String::new();
        // Message id to text; key to message id.
        let mut chat: BTreeMap<usize, String> = BTreeMap::new();
        let mut keys: BTreeMap<u64, usize> = BTreeMap::new();
        let mut owner: BTreeMap<usize, usize> = BTreeMap::new();
        let mut now = at(0);
        let mut ids = 0;
        let mut is_finished = false;
        for step in 0..2000 {
            let is_quiet = u.is_empty() || step > 1000;
            if !is_finished {
                match if is_quiet { 0 } else { u.int_in_range(0..=9)? } {
                    0 => {
                        delivery.finish();
                        is_finished = true;
                    }
                    1 => {
                        delivery.restart();
                        text.clear();
                    }
                    _ => {
                        let more = *u.choose(&WORDS)?;
                        delivery.text(more);
                        text.push_str(more);
                    }
                }
            }
            let fault = if is_quiet { 0 } else { u.int_in_range(0..=12)? };
            match delivery.poll(now) {
                Some(Post::Send { piece, text, key }) => {
                    assert!(platform.unit.length(&text) <= platform.text_max);
                    if matches!(fault, 9 | 10) {
                        let retry_after_ms = 5000;
                        delivery.failed(piece, Failure::RateLimited { retry_after_ms }, now);
                        continue;
                    }
                    let is_lost = fault == 11;
                    let known = keys.get(&key).copied().filter(|_| platform.has_idempotency_key);
                    let id = known.unwrap_or_else(|| {
                        ids += 1;
                        ids
                    });
                    if known.is_none() && !is_lost {
                        chat.insert(id, text);
                        keys.insert(key, id);
                        owner.insert(id, piece);
                    }
                    if matches!(fault, 11 | 12) {
                        delivery.failed(piece, Failure::Transport, now);
                        delivery.failed(piece, Failure::Transport, now);
                        let goes_on = delivery.outcome() == Outcome::Pending;
                        if let Some(part) = chat.get(&id)
                            && goes_on
                            && !platform.has_idempotency_key
                        {
                            // What may be there is no answer, and the whole takes its place.
                            assert!(part.ends_with(UNFINISHED), "{part:?}");
                            chat.remove(&id);
                        }
                    } else {
                        delivery.sent(piece, &id.to_string(), now);
                        delivery.sent(piece, "doubled", now);
                        delivery.failed(piece, Failure::Rejected, now);
                    }
                }
                Some(Post::Edit { piece, message, text }) => {
                    assert!(platform.unit.length(&text) <= platform.text_max);
                    let id: usize = message.parse().unwrap();
                    match fault {
                        9 => {
                            chat.remove(&id);
                            delivery.failed(piece, Failure::Gone, now);
                        }
                        10 => {
                            let retry_after_ms = 5000;
                            delivery.failed(piece, Failure::RateLimited { retry_after_ms }, now);
                        }
                        11 => delivery.failed(piece, Failure::Transport, now),
                        12 => {
                            chat.insert(id, text);
                            delivery.failed(piece, Failure::Transport, now);
                        }
                        _ => {
                            assert!(chat.insert(id, text).is_some(), "a message that is not there");
                            delivery.edited(piece, now);
                            delivery.edited(piece, now);
                            delivery.sent(piece, "late", now);
                        }
                    }
                }
                Some(Post::Typing) => {}
                None => {
                    if let Some(deadline) = delivery.deadline() {
                        assert!(deadline > now);
                        now = deadline;
                    } else if is_finished {
                        break;
                    }
                }
            }
            let mut pieces: Vec<usize> = chat.keys().map(|id| owner[id]).collect();
            pieces.sort_unstable();
            pieces.dedup();
            assert_eq!(pieces.len(), chat.len(), "two messages for one piece");
            if !is_finished {
                let looks_whole =
                    |text: &&String| !text.ends_with(UNFINISHED) && **text != WITHDRAWN;
                assert_eq!(chat.values().find(looks_whole), None);
            }
        }
        match delivery.outcome() {
            Outcome::Pending => panic!("it never ends"),
            Outcome::Delivered { messages } => {
                let shown: Vec<&String> =
                    messages.iter().map(|id| &chat[&id.parse::<usize>().unwrap()]).collect();
                let expected = expected(&text, &platform);
                assert_eq!(shown.len(), chat.len());
                assert!(shown.iter().zip(&expected).all(|(shown, text)| *shown == text));
                assert!(shown.len() >= expected.len());
                assert!(shown.iter().skip(expected.len()).all(|text| *text == WITHDRAWN));
            }
            Outcome::Failed { why, .. } => {
                assert!(matches!(why, Why::Unknown | Why::TooManyFailures(_)), "{why:?}");
            }
        }
        Ok(())
    });
}

/// A part that was given up, of an answer that says nothing in the end: its key finds it, and it is
/// withdrawn. If that cannot be found out either, the delivery ends all the same.
#[test]
fn a_part_that_nothing_takes_the_place_of_is_withdrawn() {
    for is_found in [true, false] {
        let mut delivery = Delivery::new(&KEYED, true);
        delivery.text("one");
        let Some(Post::Send { key, .. }) = delivery.poll(at(0)) else { panic!() };
        delivery.failed(0, Failure::Transport, at(0));
        let mut now = Instant(0).after(CHANNEL_KEY_LIFETIME);
        delivery.finish_with("");
        for _ in 0..100 {
            let Some(Post::Send { piece: 0, text, key: other }) = delivery.poll(now) else { break };
            assert_eq!((text.as_str(), other), (WITHDRAWN, key));
            if is_found {
                delivery.sent(0, "m", now);
                now = delivery.deadline().unwrap();
                let Some(Post::Edit { text, .. }) = delivery.poll(now) else { panic!() };
                assert_eq!(text, WITHDRAWN);
                delivery.edited(0, now);
                continue;
            }
            delivery.failed(0, Failure::Transport, now);
            now = delivery.deadline().unwrap_or(now);
        }
        match is_found {
            true => {
                let messages = vec!["m".into()];
                assert_eq!(delivery.outcome(), Outcome::Delivered { messages });
            }
            false => assert!(matches!(delivery.outcome(), Outcome::Failed { .. })),
        }
    }
}

/// A part that waited so long for its turn that the platform may have forgotten its key: the whole
/// answer takes its place, as it does when the last attempt fails. It has the same key, and what
/// the platform shows by that is not believed.
#[test]
fn a_part_that_waited_too_long_does_not_hold_up_the_whole() {
    for finishes in [true, false] {
        let mut delivery = Delivery::new(&KEYED, true);
        delivery.text("one");
        let Some(Post::Send { key, .. }) = delivery.poll(at(0)) else { panic!() };
        delivery.failed(0, Failure::Transport, at(0));
        let late = Instant(0).after(CHANNEL_KEY_LIFETIME);
        if finishes {
            delivery.finish_with("one two");
            let Some(Post::Send { piece: 0, text, key: other }) = delivery.poll(late) else {
                panic!("{:?}", delivery.outcome())
            };
            assert_eq!(text, "one two");
            assert_eq!(key, other);
            delivery.sent(0, "m", late);
            let due = delivery.deadline().unwrap();
            let Some(Post::Edit { text, .. }) = delivery.poll(due) else { panic!() };
            assert_eq!(text, "one two");
            delivery.edited(0, due);
            assert_eq!(delivery.outcome(), Outcome::Delivered { messages: vec!["m".into()] });
        } else {
            assert_eq!(delivery.poll(late), None);
            let why = Why::Unknown;
            let failed = Outcome::Failed { delivered: vec![], why, is_uncertain: true };
            assert_eq!(delivery.outcome(), failed);
        }
    }
}

/// An edit that was done and not heard of, and a text that then wants back what stood there before.
#[test]
fn a_message_whose_edit_nobody_heard_of_is_edited_again() {
    let mut delivery = Delivery::new(&SMALL, true);
    delivery.text("one");
    assert!(matches!(delivery.poll(at(0)), Some(Post::Send { .. })));
    delivery.sent(0, "m", at(0));
    delivery.text(" two");
    let due = delivery.deadline().unwrap();
    assert!(matches!(delivery.poll(due), Some(Post::Edit { .. })));
    delivery.failed(0, Failure::Transport, due);
    delivery.restart();
    delivery.text("one");
    let due = delivery.deadline().unwrap();
    let Some(Post::Edit { text, .. }) = delivery.poll(due) else { panic!() };
    assert_eq!(text, "one …");
}

/// Where text is only added to, a post that did not happen is posted again.
#[test]
fn what_was_refused_for_now_is_added_later() {
    for restarts in [false, true] {
        let mut delivery = Delivery::new(&Platform::TERMINAL, true);
        delivery.text("Hello ");
        let Some(Post::Send { piece, text, .. }) = delivery.poll(Instant(0)) else { panic!() };
        assert_eq!(text, "Hello ");
        if restarts {
            delivery.restart();
        }
        delivery.failed(piece, Failure::RateLimited { retry_after_ms: 10 }, Instant(0));
        delivery.text("there");
        delivery.finish();
        let mut shown = String::new();
        for time in 1..20 {
            let now = Instant(time * 10_000);
            if let Some(Post::Send { piece, text, .. }) = delivery.poll(now) {
                shown.push_str(&text);
                delivery.sent(piece, "", now);
            }
        }
        assert!(shown.starts_with("Hello ") && shown.ends_with("there\n"), "{shown:?}");
        assert!(matches!(delivery.outcome(), Outcome::Delivered { .. }));
    }
}

/// A key is as old as its first use when it is used again, not when the first use failed.
#[test]
fn a_key_that_grew_old_while_waiting_is_not_used() {
    let mut delivery = Delivery::new(&Platform::DISCORD, false).keyed(1);
    delivery.finish_with("hello");
    assert!(delivery.poll(Instant(0)).is_some());
    delivery.failed(0, Failure::Transport, Instant(1000));
    assert_eq!(delivery.poll(Instant(3_600_000)), None);
    let unknown = matches!(delivery.outcome(), Outcome::Failed { why: Why::Unknown, .. });
    assert!(unknown, "{:?}", delivery.outcome());
}

//! What becomes of what is said.

use alloc::format;
use alloc::vec::Vec;

use super::shell::{Shell, service, settings};
use super::*;
use crate::agent::Kind;
use crate::channel::{Failure, Platform};
use crate::journal::export::Keys;
use crate::journal::{KeyRing, Reader};
use crate::wire::http::Headers;

/// Nobody knows whether it arrived, so whoever asked is told; that this is not known of the word
/// itself, nobody is told.
#[test]
fn whoever_asked_is_told_that_an_answer_may_be_lost() {
    let mut own = settings(&["read,list /srv/agent", "model offline"]);
    own.platforms = Vec::from([Platform { name: "chat", ..Platform::TELEGRAM }]);
    let mut shell = Shell::new(own);
    shell.is_mute = true;
    shell.write("1", "c1", "hello");
    let lose = |shell: &mut Shell| {
        let (delivery, piece) = shell.unheard.pop().unwrap();
        shell.tell(Event::PostFailed { delivery, piece, failure: Failure::Transport });
        shell.wait();
    };
    let told =
        |shell: &Shell| shell.said.iter().filter(|text| text.contains("please ask again")).count();
    lose(&mut shell);
    assert_eq!(told(&shell), 1, "{:?}", shell.said);
    lose(&mut shell);
    assert_eq!(told(&shell), 1, "{:?}", shell.said);
    assert!(shell.unheard.is_empty());
}

const PLAIN: Platform = Platform { name: "chat", text_max: 60, ..Platform::TELEGRAM };

fn plain() -> Settings {
    let mut own = service(&["model offline"]);
    own.platforms = Vec::from([PLAIN]);
    own
}

/// More words of the answer that is on its way.
fn stream(shell: &mut Shell, words: &str) {
    let exchange = *shell.asked.last().unwrap();
    let delta = format!(r#"{{"index":0,"delta":{{"content":"{words}"}}}}"#);
    let body = format!("data: {{\"choices\":[{delta}]}}\n\n");
    shell.tell(Event::ModelBody { exchange, bytes: body.as_bytes() });
    shell.wait();
}

/// An answer begins, and this is shown of it.
fn begin(shell: &mut Shell, words: &str) {
    let exchange = *shell.asked.last().unwrap();
    let mut headers = Headers::new();
    headers.append("content-type", b"text/event-stream").unwrap();
    shell.tell(Event::ModelHead { exchange, status: 200, headers: &headers });
    stream(shell, words);
}

fn end(shell: &mut Shell) {
    let exchange = shell.asked.pop().unwrap();
    let end = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    let body = format!("data: {end}\n\ndata: [DONE]\n\n");
    shell.tell(Event::ModelBody { exchange, bytes: body.as_bytes() });
    shell.tell(Event::ModelEnd { exchange });
    shell.wait();
}

fn told(shell: &Shell) -> usize {
    shell.said.iter().filter(|text| text.contains("I was restarted")).count()
}

/// How many records say which message shows something.
fn shown_count(shell: &Shell) -> usize {
    let ring = KeyRing::from_bytes(&shell.ring).unwrap();
    let master = MasterKey::new([2; 32]);
    let mut reader = Reader::new(Keys { ring: &ring, master: &master });
    let mut records = reader.start(&shell.log).unwrap();
    let mut count = 0;
    while let Some(record) = reader.skim(&mut records) {
        count += usize::from(record.kind == Kind::Shown.number());
    }
    count
}

/// No key finds the message again, but its id does: it is changed, as often as it takes.
#[test]
fn an_answer_is_completed_in_the_message_that_showed_its_start() {
    for snapshot_inputs in [1, 1000] {
        let mut own = plain();
        own.snapshot_inputs = snapshot_inputs;
        let mut shell = Shell::new(own);
        shell.write("1", "c1", "go");
        begin(&mut shell, "Hel");
        assert_eq!(shell.said, ["Hel …"]);
        shell.is_mute = true;
        stream(&mut shell, "lo");
        end(&mut shell);
        for _ in 0..2 {
            shell.changed.clear();
            shell.restart();
            assert_eq!(shell.changed, [("m1".into(), "Hello".into())]);
        }
        shell.is_mute = false;
        shell.restart();
        assert!(shell.sentinel.is_at_rest());
        assert!(shell.said.iter().all(|text| text.starts_with("Hel")), "{:?}", shell.said);
        shell.changed.clear();
        shell.restart();
        assert_eq!(shell.changed, [], "it arrived");
        assert_eq!(shown_count(&shell), 1);
    }
}

/// The model is asked again, and what it says now takes the place of what was shown then, also
/// where that was longer.
#[test]
fn an_answer_that_begins_anew_begins_in_the_same_messages() {
    let mut shell = Shell::new(plain());
    shell.write("1", "c1", "go");
    begin(&mut shell, &"word ".repeat(15));
    assert_eq!(shell.said.len(), 2, "{:?}", shell.said);
    shell.restart();
    assert!(shell.changed.is_empty(), "it stays until there is something else: {:?}", shell.said);
    begin(&mut shell, "Short");
    end(&mut shell);
    let last = |message: &str| {
        let own = shell.changed.iter().rfind(|(changed, _)| changed == message);
        own.map(|(_, text)| text.as_str())
    };
    assert_eq!((last("m1"), last("m2")), (Some("Short"), Some("(withdrawn)")));
    assert!(shell.sentinel.is_at_rest());
    assert_eq!(shown_count(&shell), 2);
}

#[test]
fn an_answer_of_which_a_message_is_unknown_is_said_to_be_lost() {
    let mut shell = Shell::new(plain());
    shell.write("1", "c1", "go");
    begin(&mut shell, "One");
    shell.is_mute = true;
    stream(&mut shell, &" word".repeat(15));
    end(&mut shell);
    // The first message is changed, and the second one sent: nobody hears of either.
    let (delivery, piece) = shell.unheard.pop().unwrap();
    shell.tell(Event::Edited { delivery, piece });
    shell.wait();
    assert_eq!(shell.unheard, [(delivery, 1)]);
    let before = shell.said.len();
    shell.restart();
    assert_eq!((shell.said.len(), told(&shell)), (before + 1, 1), "{:?}", shell.said);
}

/// A message that somebody deleted is sent anew. Until it is known where, nobody knows again.
#[test]
fn a_message_that_is_gone_is_not_changed_after_a_start() {
    let mut shell = Shell::new(plain());
    shell.write("1", "c1", "go");
    begin(&mut shell, "Hel");
    shell.is_mute = true;
    stream(&mut shell, "lo");
    end(&mut shell);
    shell.restart();
    let (delivery, piece) = shell.unheard.pop().unwrap();
    shell.tell(Event::PostFailed { delivery, piece, failure: Failure::Gone });
    shell.changed.clear();
    shell.wait();
    assert_eq!(shell.said.last().unwrap(), "Hello");
    assert_eq!(shown_count(&shell), 2);
    shell.restart();
    assert_eq!((told(&shell), shell.changed.len()), (1, 0), "{:?}", shell.said);
}

/// Where messages cannot be changed any more, or another number of them is needed.
#[test]
fn what_is_shown_counts_under_the_settings_of_the_start() {
    let smaller = Platform { text_max: 20, ..PLAIN };
    let fixed = Platform { can_edit: false, ..PLAIN };
    let keyed = Platform { has_idempotency_key: true, ..PLAIN };
    for (platform, is_told) in [(smaller, true), (fixed, true), (keyed, false), (PLAIN, false)] {
        let mut shell = Shell::new(plain());
        shell.write("1", "c1", "go");
        begin(&mut shell, "These are a few");
        shell.is_mute = true;
        stream(&mut shell, " words of an answer");
        end(&mut shell);
        shell.is_mute = false;
        let mut own = plain();
        own.digest = [1; 32];
        own.platforms = Vec::from([platform]);
        shell.restart_with(own);
        assert_eq!(told(&shell) > 0, is_told, "{:?}", shell.said);
        assert!(shell.sentinel.is_at_rest());
    }
}

#[test]
fn what_was_shown_is_forgotten_with_its_turn() {
    for how in ["/stop", "/clear"] {
        let mut shell = Shell::new(plain());
        shell.write("1", "c1", "go");
        begin(&mut shell, "Hel");
        shell.restart();
        assert!(!shell.sentinel.is_at_rest());
        shell.write("1", "c1", how);
        assert!(shell.sentinel.is_at_rest(), "{how}");
        shell.restart();
    }
}

#[test]
fn what_is_whole_at_once_needs_no_record() {
    let mut own = settings(&["model offline"]);
    own.platforms = Vec::from([Platform { text_max: 4096, ..PLAIN }]);
    let mut shell = Shell::new(own);
    for text in ["hello", "/help", "what can you do"] {
        assert_ne!(shell.write("1", "c1", text), "");
    }
    assert_eq!(shown_count(&shell), 0, "{:?}", shell.said);
}

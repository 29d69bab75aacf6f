//! Conversations with a model that is a service, of which the other program brings the answers.

use std::{format, vec};

use luperiq_exchange::{Asked, Failure, Said};

use super::*;
use crate::agent::Agent;
use crate::settings::{self, Abilities};

const SETTINGS: &str = concat!(
    "[anthropic]\nmodel = \"claude\"\nbase_url = \"https://models.test\"\n",
    "api_key_file = \"/tls/keys/anthropic\"\n",
    "[security]\ngrants = [\"read,list /workspace\"]\n",
);

const SERVICES: Abilities =
    Abilities { has_services: true, runs_programs: false, pages: Vec::new(), skills: None };

/// An answer of Anthropic's as it streams, in pieces that are cut anywhere.
fn streamed(text: &str) -> VecDeque<Vec<u8>> {
    let body = STREAMED.replace("TEXT", text);
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    let whole = [head, body].concat();
    let pieces = whole.as_bytes().chunks(97).map(|piece| Said::Bytes(piece).encode());
    [Said::Verified(31_000_000).encode()].into_iter().chain(pieces).collect()
}

const STREAMED: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",",
    "\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"model\":\"claude\",",
    "\"stop_reason\":null,\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,",
    "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,",
    "\"delta\":{\"type\":\"text_delta\",\"text\":\"TEXT\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",",
    "\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":9}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);

fn failed(failure: Failure, why: &str) -> VecDeque<Vec<u8>> {
    [Said::Failed(failure, why).encode()].into()
}

fn talk(settings: &str, lines: &[&str], answers: Vec<VecDeque<Vec<u8>>>) -> Typist {
    let mut typist = Typist::typing(lines);
    typist.answers = answers.into();
    let configured = settings::read(settings, &SERVICES).unwrap();
    typist.workspace = Disk::with(&[("tea.txt", "green\n")]);
    Agent::start(&mut typist, Disk::default(), &configured).unwrap().work().unwrap();
    typist
}

#[test]
fn a_service_is_asked_by_its_name_and_its_answer_is_shown() {
    let typist = talk(SETTINGS, &["hello"], [streamed("Good day to you.")].into());
    assert!(typist.shown.contains("'anthropic' is asked: it is who it says it is (31000 us)"));
    assert!(typist.shown.contains("Good day to you."), "{}", typist.shown);
    let [(head, body)] = &typist.asked[..] else { panic!("{:?}", typist.asked) };
    let asked = Asked::decode(head).unwrap();
    assert_eq!((asked.service, asked.method), ("anthropic", "POST"));
    assert_eq!(asked.url, "https://models.test/v1/messages");
    assert_eq!(asked.body_bytes, body.len() as u64);
    assert!(asked.fields.iter().all(|(name, _)| !name.contains("key")), "{asked:?}");
    assert!(core::str::from_utf8(body).unwrap().contains("hello"));
    assert_eq!(typist.ends_count, 1, "the connection can be used again");
}

#[test]
fn a_failed_exchange_is_tried_again_and_a_host_that_is_not_believed_is_not() {
    // The other program ends in the middle: before the answer, and within it.
    let mut cut = streamed("Good day");
    cut.truncate(6);
    let answers = [VecDeque::from([Said::Verified(1).encode()]), cut, streamed("At last.")];
    let typist = talk(SETTINGS, &["hello"], answers.into());
    assert!(typist.shown.contains("ended in the middle, and is started again"));
    assert!(typist.shown.contains("At last."), "{}", typist.shown);
    assert_eq!(typist.asked.len(), 3);

    let why = "models.test is not asked anything: its certificate expired 3 days ago";
    let answers = [failed(Failure::Tls, why), streamed("No.")];
    let typist = talk(SETTINGS, &["hello"], answers.into());
    assert!(typist.shown.contains(why), "{}", typist.shown);
    assert_eq!(typist.asked.len(), 1, "{}", typist.shown);
    assert!(!typist.shown.contains("No."));
}

#[test]
fn what_is_no_answer_ends_the_exchange_and_is_tried_again() {
    for (answer, why) in [
        (Said::Bytes(b"SSH-2.0-x\r\n\r\n").encode(), "anthropic: "),
        (Said::End.encode(), "anthropic: "),
        (vec![77], "what came cannot be read"),
        (Said::Failed(Failure::Refused, "change one of them").encode(), "change one of them"),
    ] {
        let typist = talk(SETTINGS, &["hello"], [[answer].into(), streamed("At last.")].into());
        assert!(typist.shown.contains(why), "{why}: {}", typist.shown);
        assert!(typist.shown.contains("At last."), "{}", typist.shown);
    }
}

#[test]
fn a_service_has_no_key_here_and_is_reached_by_https() {
    let openai = "[openai]\napi_key_file = \"/tls/keys/openai\"\n";
    let clear = [openai, "base_url = \"http://127.0.0.1:1/v1\""].concat();
    for (text, why) in [
        ("[anthropic]\napi_key_file = \"/etc/key\"", "say api_key_file = \"/tls/keys/anthropic\""),
        ("[anthropic]\napi_key_env = \"KEY\"", "where only the program that reaches it"),
        (&clear, "by https only"),
    ] {
        let said = settings::read(text, &SERVICES).unwrap_err().join("\n");
        assert!(said.contains(why), "{text}: {said}");
    }
    let text = ["[anthropic]\napi_key_file = \"/tls/keys/anthropic\"\n", openai].concat();
    let configured = settings::read(&text, &SERVICES).unwrap();
    let names: Vec<&str> = configured.services.iter().flatten().map(|it| &*it.name).collect();
    assert_eq!(names, ["anthropic", "openai"]);
}

#[test]
fn telegram_is_reached_with_a_token_that_is_not_here() {
    let own = "[telegram]\ntoken_file = \"/tls/keys/telegram\"\noperators = [\"77\"]\n";
    let configured = settings::read(own, &SERVICES).unwrap();
    let [telegram] = &configured.platforms[..] else { panic!("{:?}", configured.platforms) };
    assert_eq!(telegram.service.base.as_str(), "https://api.telegram.org/bot");
    let clear = [own, "base_url = \"http://127.0.0.1:1\"\n"].concat();
    let elsewhere = own.replace("/tls/keys", "/etc");
    let discord = own.replace("telegram", "discord");
    for (text, why) in [
        (&clear, "by https only"),
        (&elsewhere, "say token_file = \"/tls/keys/telegram\""),
        (&discord, "only Telegram is reached"),
    ] {
        let said = settings::read(text, &SERVICES).unwrap_err().join("\n");
        assert!(said.contains(why), "{text}: {said}");
    }
    let said = settings::read(own, &Abilities::default()).unwrap_err().join("\n");
    assert!(said.contains("no platform is reached"), "{said}");
}

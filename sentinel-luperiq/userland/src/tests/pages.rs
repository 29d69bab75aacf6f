//! Pages: which are fetched, how, and what is told of them.

use std::{format, vec};

use luperiq_exchange::{Asked, Failure, Said};

use super::*;
use crate::agent::Agent;
use crate::pages;
use crate::settings::{self, Abilities};

const GRANTS: &str = "[security]\ngrants = [\"connect docs.test\"]";

fn abilities() -> Abilities {
    let pages = vec![pages::service("docs https://docs.test/guide/").unwrap()];
    Abilities { has_services: true, runs_programs: false, pages, skills: None }
}

fn answered(head: &str, body: &[u8]) -> VecDeque<Vec<u8>> {
    let length = body.len();
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n");
    let whole = [head.as_bytes(), body].concat();
    let pieces = whole.chunks(50).map(|piece| Said::Bytes(piece).encode());
    [Said::Verified(1).encode()].into_iter().chain(pieces).collect()
}

fn talk(lines: &[&str], answer: Option<VecDeque<Vec<u8>>>) -> Typist {
    let mut typist = Typist { answers: answer.into_iter().collect(), ..Typist::typing(lines) };
    let configured = settings::read(GRANTS, &abilities()).unwrap();
    Agent::start(&mut typist, Disk::default(), &configured).unwrap().work().unwrap();
    typist
}

#[test]
fn a_page_is_asked_of_the_one_who_has_it_and_told() {
    let answer = answered("200 OK\r\nContent-Type: text/plain", b"tea is served at four");
    let typist = talk(&["fetch https://docs.test/guide/tea?hot=1"], Some(answer));
    let [(head, body)] = &typist.asked[..] else { panic!("{:?}", typist.asked) };
    let asked = Asked::decode(head).unwrap();
    assert_eq!((asked.service, asked.method, asked.body_bytes), ("docs", "GET", 0));
    assert_eq!((asked.url, body.len()), ("https://docs.test/guide/tea?hot=1", 0));
    assert!(asked.fields.iter().any(|(name, _)| *name == "user-agent"), "{asked:?}");
    assert!(typist.shown.contains("tea is served at four"), "{}", typist.shown);
    assert!(typist.shown.contains("allowed by: connect docs.test"), "{}", typist.shown);
    assert!(typist.notes.borrow()[0].ends_with(" http_fetch"));
}

#[test]
fn what_is_no_text_a_redirect_and_a_failure_are_told() {
    let moved = answered("302 Found\r\nLocation: https://evil.test/", b"");
    let long = answered("200 OK", &vec![b'x'; 600 * 1024]);
    let failed = [Said::Failed(Failure::Tls, "it is not who it says it is").encode()].into();
    for (answer, said) in [
        (moved, "redirected to https://evil.test/ (not followed"),
        (answered("200 OK\r\nContent-Type: image/png", b"\x89PNG\0"), "5 bytes that are no text"),
        (long, "it is longer than 524288 bytes"),
        (failed, "it is not who it says it is"),
    ] {
        let typist = talk(&["fetch https://docs.test/guide/tea"], Some(answer));
        assert!(typist.shown.contains(said), "{said}: {}", typist.shown);
        assert_eq!(typist.asked.len(), 1, "nothing is followed");
    }
}

/// What is granted and what the manifest has are two things: the stricter one decides.
#[test]
fn what_the_manifest_does_not_have_is_not_asked_for() {
    for (line, said) in [
        ("fetch https://docs.test/other", "the boot manifest names nobody who has this page"),
        ("fetch https://docs.test:444/guide/", "no grant covers it"),
        ("fetch https://other.test/guide/", "no grant covers it"),
        ("fetch http://docs.test/guide/", "no grant covers it"),
    ] {
        let typist = talk(&[line], None);
        assert!(typist.asked.is_empty() && typist.shown.contains(said), "{}", typist.shown);
    }
    for (grant, why) in [("connect other.test", true), ("connect *.test", false)] {
        let text = format!("[security]\ngrants = [\"{grant}\"]");
        let refused = settings::read(&text, &abilities()).err();
        assert_eq!(refused.is_some(), why, "{refused:?}");
    }
    let tools = |text| settings::read(text, &abilities()).unwrap().settings.tools.clone();
    assert!(tools(GRANTS).find("http_fetch").is_ok());
    assert!(tools("[security]\ngrants = []").find("http_fetch").is_err());
    for word in ["docs", "docs http://docs.test/", "docs https://docs.test/ more", "docs x"] {
        pages::service(word).unwrap_err();
    }
}

/// A log is gone on with although the boot manifest has less now: what was done then is done.
#[test]
fn settings_of_an_earlier_start_are_what_they_were() {
    let text = "[security]\ngrants = [\"connect docs.test\", \"run /bin/wc\"]";
    let then = Abilities { runs_programs: true, ..abilities() };
    let then = settings::read(text, &then).unwrap().settings;
    settings::read(text, &Abilities::default()).unwrap_err();
    let now = settings::earlier(text, &then.digest).unwrap();
    for tool in ["run_command", "http_fetch", "read_file"] {
        assert!(now.tools.find(tool).is_ok(), "{tool}");
    }
}

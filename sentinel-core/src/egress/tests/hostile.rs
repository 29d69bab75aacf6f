//! What a hostile program tries.

use super::*;
use crate::egress::hello::tests::hello;

const GRANTS: &[&str] =
    &["connect a.example", "connect a.example:80", "connect *.wild.example:1-65535"];

fn fresh() -> World {
    World::new(GRANTS)
}

#[test]
fn tunnels_to_what_is_not_granted_are_not_even_resolved() {
    for (place, status, note) in [
        ("b.example:443", "403", "no grant covers"),
        ("a.example:444", "403", "no grant covers"),
        ("sub.a.example:443", "403", "no grant covers"),
        ("evila.example:443", "403", "no grant covers"),
        ("a.example.evil.com:443", "403", "no grant covers"),
        ("wild.example:443", "403", "no grant covers"),
        ("127.0.0.1:443", "403", "an address is reached only"),
        ("169.254.169.254:80", "403", "an address is reached only"),
        ("[::1]:443", "403", "an address is reached only"),
        ("[::ffff:169.254.169.254]:443", "403", "an address is reached only"),
        ("[fd00:ec2::254]:80", "403", "an address is reached only"),
        ("localhost:443", "403", "no grant covers"),
        ("metadata.google.internal:80", "403", "no grant covers"),
        ("0x7f.1:443", "400", "cannot be read"),
        ("2130706433:443", "400", "cannot be read"),
        ("0177.0.0.1:443", "400", "cannot be read"),
        ("a.example.:443", "400", "cannot be read"),
        ("user@a.example:443", "400", "cannot be read"),
        ("a.example", "400", "cannot be read"),
        ("a.example:0443", "400", "cannot be read"),
        ("a.example:", "400", "cannot be read"),
        ("a.example:65979", "400", "cannot be read"),
        ("/", "400", "cannot be read"),
        ("http://a.example:443/", "400", "cannot be read"),
        ("a.example%00.evil.com:443", "400", "cannot be read"),
        ("b\u{fc}cher.example:443", "400", "cannot be read"),
    ] {
        let mut world = fresh();
        world.client(std::format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n"));
        world.is_refused(status, note);
        assert!(world.places.is_empty(), "{place}");
    }
}

#[test]
fn two_readings_of_one_request_are_none() {
    for (request, note) in [
        (
            "POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\
             Content-Length: 6\r\n\r\nhello",
            "cannot be read",
        ),
        (
            "POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\
             Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "cannot be read",
        ),
        (
            "POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: xchunked\
             \r\n\r\n0\r\n\r\n",
            "cannot be read",
        ),
        ("GET http://a.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n", "cannot be read"),
        (
            "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n",
            "cannot be read",
        ),
        ("GET http://a.example/ HTTP/1.1\nHost: a.example\n\n", "cannot be read"),
        ("GET http://a.example/ HTTP/1.1\r\n Host: a.example\r\n\r\n", "cannot be read"),
        ("GET http://a.example/ HTTP/1.1\r\nHost : a.example\r\n\r\n", "cannot be read"),
        ("GET http://a.example/ HTTP/1.1\r\n\r\n", "cannot be read"),
        ("GET http://a.example/ HTTP/2.0\r\nHost: a.example\r\n\r\n", "cannot be read"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "cannot be read"),
        ("GET http://x@a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "cannot be read"),
        ("GET http://a.example\\@b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "cannot be"),
        ("GET http://a.example/%2e%2e%2f HTTP/1.1\r\nHost: a.example\r\n\r\n", "cannot be read"),
        ("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "this is a proxy"),
        ("OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n", "this is a proxy"),
        ("GET https://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "this is a proxy"),
        ("GET ftp://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "cannot be read"),
        ("GET http://b.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n", "GET / at b.example:80"),
        ("GET http://127.0.0.1/x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "an address is reached"),
        ("GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "no grant covers"),
    ] {
        let mut world = fresh();
        world.client(request);
        let status = if note.starts_with("cannot") || note.starts_with("this") {
            ["400", "501", "505"]
        } else {
            ["403", "403", "403"]
        };
        let said = world.said();
        assert!(status.iter().any(|code| said.starts_with(&std::format!("HTTP/1.1 {code}"))));
        assert_eq!(world.heard(), "", "{request}");
        assert!(world.is_closed && world.places.is_empty(), "{request}");
        assert_eq!(world.notes.len(), 1, "{request}");
        assert!(world.notes.iter().any(|text| text.contains(note)), "{request} {:?}", world.notes);
    }
}

#[test]
fn nothing_is_read_behind_a_request_that_was_refused() {
    let mut world = fresh();
    world.client(
        "GET http://b.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n\
         GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
    );
    world.is_refused("403", "b.example:80");
    assert!(world.places.is_empty());
    // Nor in the body of one.
    let mut body = fresh();
    body.client(
        "POST http://b.example/ HTTP/1.1\r\nHost: b.example\r\nContent-Length: 60\r\n\r\n\
         GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
    );
    body.is_refused("403", "b.example:80");
}

#[test]
fn a_second_request_of_a_pipeline_is_judged_too() {
    let mut world = fresh();
    world.client(
        "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n\
         GET http://b.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n",
    );
    assert_eq!(world.heard(), "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
    world.server("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    assert!(world.said().contains("HTTP/1.1 403"));
    assert!(world.is_closed && world.places.len() == 1);
    assert_eq!(world.heard().matches("HTTP/1.1").count(), 1);
}

#[test]
fn the_protocol_is_not_changed_in_the_clear() {
    let mut world = fresh();
    world.client(
        "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, HTTP2-Settings\
         \r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    );
    assert_eq!(world.heard(), "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
    world.server(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nPRI",
    );
    assert!(world.said().starts_with("HTTP/1.1 502"), "{}", world.said());
    assert!(world.is_closed && !world.is_relayed);
}

#[test]
fn a_request_in_a_tunnel_names_the_place_of_the_tunnel() {
    for (head, note) in [
        ("GET / HTTP/1.1\r\nHost: b.example\r\n\r\n", "names another host"),
        ("GET / HTTP/1.1\r\nHost: a.example:81\r\n\r\n", "names another host"),
        ("GET / HTTP/1.1\r\n\r\n", "cannot be read"),
        ("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "this is a proxy"),
        ("GET http://b.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n", "this is a proxy"),
        ("CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n", "this is a proxy"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "cannot be read"),
    ] {
        let mut world = fresh();
        world.client([&*socks("a.example", 80), head.as_bytes()].concat());
        assert!(world.is_closed, "{head}");
        assert_eq!(world.heard(), "", "{head}");
        assert!(world.notes.last().is_some_and(|last| last.contains(note)), "{:?}", world.notes);
    }
}

#[test]
fn first_words_that_do_not_fit_go_nowhere() {
    for (port, words, note) in [
        (443, hello("b.example"), "names another host (SNI)"),
        (443, hello("a.example."), "names another host (SNI)"),
        (443, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n".to_vec(), "only TLS is spoken"),
        (443, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), "only TLS is spoken"),
        (80, hello("b.example"), "names another host (SNI)"),
        (80, b"\r\nGET / HTTP/1.1\r\nHost: b.example\r\n\r\n".to_vec(), "neither TLS nor HTTP"),
    ] {
        let mut world = fresh();
        world.client([&*socks("a.example", port), &words].concat());
        assert!(world.is_closed && !world.is_relayed);
        assert_eq!(world.heard(), "");
        assert_eq!(world.notes.len(), 2, "the tunnel, and what it was tried for");
        assert!(world.notes.last().is_some_and(|last| last.contains(note)), "{:?}", world.notes);
    }
}

#[test]
fn a_grant_of_requests_opens_no_tunnel_for_tls() {
    let mut world = World::new(&["connect a.example GET /v1"]);
    world.client("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n");
    world.is_refused("403", "inside TLS nobody sees them");
    assert!(world.places.is_empty());
}

/// Goal: what was granted for one host is heard by no other. Method: a body that waits for a server
/// which answered without reading it, and then a tunnel to somebody else on the same connection.
#[test]
fn what_waits_for_one_server_is_not_heard_at_the_end_of_a_tunnel() {
    let connect = "CONNECT b.example:80 HTTP/1.1\r\nHost: b.example:80\r\n\r\n";
    let get = "GET /v1 HTTP/1.1\r\nHost: b.example\r\n\r\n";
    for grant in ["connect b.example:80 GET /v1", "connect b.example:80"] {
        let mut world = World::new(&["connect a.example:80", grant]);
        world.client(
            "POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 49\r\n\r\n",
        );
        world.room = 0;
        world.client("DELETE /v1/all HTTP/1.1\r\nHost: b.example:80\r\n\r\n\r\n");
        world.server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        world.client(connect);
        assert_eq!(world.places, ["a.example:80", "b.example:80"]);
        assert_eq!(world.heard().split_off(world.last_began), "");
        assert_eq!(world.disconnects_count, 1, "the first server is left before the second");
        world.client(get);
        assert_eq!(world.heard().split_off(world.last_began), get);
    }
}

#[test]
fn other_protocols_and_commands_are_not_served() {
    for words in [
        &b"\x04\x01\0\x50\x5d\xb8\xd7\x0e\0"[..],
        b"\x16\x03\x01\0\x05hello",
        b"get http://a.example/ HTTP/1.1\r\n\r\n",
        b"\r\n\r\n",
        b"\0",
        b"\x05\x01\x02",
        b"\x05\x01\0\x05\x02\0\x01\x01\x01\x01\x01\0\x50",
        b"\x05\x01\0\x05\x03\0\x01\x01\x01\x01\x01\0\x50",
    ] {
        let mut world = fresh();
        world.client(words);
        assert!(world.is_closed && world.places.is_empty(), "{words:?}");
        assert_eq!(world.notes.len(), 1, "{words:?}");
    }
}

#[test]
fn socks_is_judged_by_the_same_grants() {
    for (host, port, is_open) in [
        ("a.example", 443, true),
        ("A.EXAMPLE", 443, true),
        ("b.wild.example", 7, true),
        ("b.example", 443, false),
        ("127.0.0.1", 443, false),
        ("localhost", 443, false),
        ("a.example.", 443, false),
        ("a.example\0.b.example", 443, false),
    ] {
        let mut world = fresh();
        world.client(socks(host, port));
        assert_eq!(!world.places.is_empty(), is_open, "{host}:{port}");
        assert_eq!(world.is_closed, !is_open, "{host}:{port}");
    }
}

#[test]
fn a_program_that_half_closes_still_gets_its_answer() {
    let mut world = fresh();
    world.client("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n").client_end();
    assert!(!world.is_closed);
    world.server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert!(world.said().ends_with("ok") && world.is_closed);
    // In the middle of a request it gets none.
    let mut world = fresh();
    world.client("GET http://a.example/ HTTP/1.1\r\nHo").client_end();
    assert!(world.is_closed && world.heard().is_empty());
}

#[test]
fn a_server_cannot_confuse_the_program() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na",
        "HTTP/2 200\r\n\r\n",
        "no HTTP at all\r\n\r\n",
    ] {
        let mut world = fresh();
        world.client("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n").server(answer);
        assert!(world.said().starts_with("HTTP/1.1 502"), "{answer}");
        assert!(world.is_closed);
    }
    // What comes behind an answer is nobody's.
    let mut world = fresh();
    world.client("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n");
    world.server("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(world.said().matches("HTTP/1.1").count(), 1);
    assert!(world.is_closed, "{}", world.said());
}

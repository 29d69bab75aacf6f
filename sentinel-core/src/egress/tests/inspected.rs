//! Requests in TLS that is ended here, and secrets that are added to them.

use super::*;
use crate::egress::hello::tests::hello;
use crate::egress::{Injection, Inspection, SharedSecret};

const HOST: &str = "api.example.com";
const SECRET: &str = "canary-7f3a91c4";

fn injection(place: &str, header: &str, format: &str) -> Injection {
    Injection::new("api", place.parse_place(), header, format).unwrap()
}

trait ParsePlace {
    fn parse_place(&self) -> crate::capability::Destination;
}

impl ParsePlace for &str {
    fn parse_place(&self) -> crate::capability::Destination {
        crate::capability::Destination::parse(self).unwrap()
    }
}

/// What these grants allow, with these secrets, of which all are there.
fn world(grants: &[&str], injections: Vec<Injection>) -> World {
    let grants = grants.iter().map(|grant| grant.parse().unwrap());
    let inspection = Inspection { is_on: true, injections };
    let allowance = Allowance::new(grants, Timestamp(0)).unwrap();
    let mut allowance = allowance.inspecting(inspection);
    allowance.hand_over(|name| (name == "api").then(|| SECRET.into()));
    World::of(allowance)
}

/// The same with a tunnel in which TLS has begun.
fn inside(grants: &[&str], injections: Vec<Injection>) -> World {
    let mut world = world(grants, injections);
    world.client(std::format!("CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n"));
    assert_eq!(world.said(), "HTTP/1.1 200 OK\r\n\r\n");
    world.client(hello(HOST));
    assert_eq!(world.hello, Some(hello(HOST)));
    assert!(world.places.is_empty() && world.notes.is_empty(), "nobody is connected to yet");
    world.to_client.clear();
    world
}

#[test]
fn methods_and_paths_are_judged_in_tls() {
    let mut world = inside(&["connect api.example.com GET /v1"], Vec::new());
    world.client("GET /v1/a?b HTTP/1.1\r\nHost: api.example.com\r\n\r\n");
    assert_eq!(world.places, ["api.example.com:443 under TLS"]);
    assert_eq!(world.heard(), "GET /v1/a?b HTTP/1.1\r\nHost: api.example.com\r\n\r\n");
    world.server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(world.said(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    world.to_server.clear();
    // The next one is judged by itself, whoever served the first.
    world.client("DELETE /v1/a HTTP/1.1\r\nHost: api.example.com:443\r\n\r\n");
    world.is_refused("403 Forbidden", "DELETE /v1/a at api.example.com:443: refused");
    let allowed = "GET /v1/a at api.example.com:443: allowed, to 93.184.215.14";
    assert_eq!(world.notes.first().map(String::as_str), Some(allowed));
}

#[test]
fn without_inspection_nobody_looks() {
    let grants = ["connect api.example.com GET /v1"].iter().map(|grant| grant.parse().unwrap());
    let allowance = Allowance::new(grants, Timestamp(0)).unwrap();
    assert!(allowance.inspected(Timestamp(0)).is_empty());
    let mut world = World::of(allowance);
    world.client(std::format!("CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n"));
    world.is_refused("403 Forbidden", "inside TLS nobody sees them");
    assert!(world.hello.is_none());
}

#[test]
fn a_whole_host_is_left_alone() {
    let mut world = world(&["connect api.example.com"], Vec::new());
    world.client(std::format!("CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n"));
    world.client(hello(HOST));
    assert!(world.hello.is_none());
    assert_eq!(world.to_server, hello(HOST));
}

#[test]
fn another_host_than_that_of_the_tunnel_is_refused() {
    for (request, status, note) in [
        ("GET /v1 HTTP/1.1\r\nHost: other.example\r\n\r\n", "403", "names another host"),
        ("GET /v1 HTTP/1.1\r\nHost: api.example.com:80\r\n\r\n", "403", "names another host"),
        ("GET /v1 HTTP/1.1\r\n\r\n", "400", "cannot be read"),
        ("GET https://api.example.com/v1 HTTP/1.1\r\nHost: api.example.com\r\n\r\n", "400", ""),
        ("GET https://other.example/v1 HTTP/1.1\r\nHost: api.example.com\r\n\r\n", "400", ""),
        ("CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com\r\n\r\n", "400", ""),
        (
            "POST /v1 HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 3\r\n\
             Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "400",
            "cannot be read",
        ),
        (
            "POST /v1 HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 3\r\n\
             Content-Length: 4\r\n\r\nabc",
            "400",
            "cannot be read",
        ),
        (
            "GET /v1 HTTP/1.1\r\nHost: api.example.com\r\nHost: other.example\r\n\r\n",
            "400",
            "cannot be read",
        ),
        (
            "GET /v1 HTTP/1.1\r\nHost: api.example.com\r\nX: y\r\n Authorization: z\r\n\r\n",
            "400",
            "cannot be read",
        ),
        (
            "GET /v1 HTTP/1.1\r\nHost: api.example.com\r\nAuthorization : z\r\n\r\n",
            "400",
            "cannot be read",
        ),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "", "cannot be read"),
        (
            "POST /v1 HTTP/1.1\r\nHost: api.example.com\r\nX-HTTP-Method-Override: DELETE\r\n\r\n",
            "403",
            "another method or path",
        ),
        (
            "GET /v1 HTTP/1.1\r\nHost: api.example.com\r\nX-Original-URL: /admin\r\n\r\n",
            "403",
            "another method or path",
        ),
    ] {
        let mut world = inside(&["connect api.example.com GET,POST /v1"], Vec::new());
        world.client(request);
        world.is_refused(status, note);
        assert!(world.places.is_empty(), "{request}");
    }
    // Where everything is granted there is nothing to get past.
    let mut world = inside(&["connect api.example.com"], Vec::from([injection(HOST, "X-K", "{}")]));
    world.client("GET /v1 HTTP/1.1\r\nHost: api.example.com\r\nX-Original-URL: /b\r\n\r\n");
    assert!(world.heard().contains("X-Original-URL: /b\r\n"));
}

#[test]
fn a_secret_is_added_to_every_request_in_place_of_what_the_program_wrote() {
    let injections = || Vec::from([injection(HOST, "Authorization", "Bearer {}")]);
    let mut world = inside(&["connect api.example.com"], injections());
    world.client(
        "GET /a HTTP/1.1\r\nHost: api.example.com\r\nauthorization: Bearer mine\r\n\
         Connection: authorization, close\r\nAUTHORIZATION: x\r\nAccept-Encoding: gzip\r\n\
         Upgrade: websocket\r\n\r\n",
    );
    let expected = std::format!(
        "GET /a HTTP/1.1\r\nHost: api.example.com\r\nAuthorization: Bearer {SECRET}\r\n\r\n"
    );
    assert_eq!(world.heard(), expected);
    assert_eq!(
        world.notes,
        ["GET /a at api.example.com:443: allowed, to 93.184.215.14, with the secret api"]
    );
    // Two at once are two.
    let mut world = inside(&["connect api.example.com GET /"], injections());
    let get = "GET /a HTTP/1.1\r\nHost: api.example.com\r\n\r\n";
    world.client([get, get].concat());
    world.server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(world.heard().matches(SECRET).count(), 2);
    assert_eq!(world.notes.len(), 2);
}

#[test]
fn what_a_server_says_back_of_a_secret_is_covered() {
    let mut world =
        inside(&["connect api.example.com"], Vec::from([injection(HOST, "X-Key", "{}")]));
    world.client("GET /a HTTP/1.1\r\nHost: api.example.com\r\n\r\n");
    let answer = std::format!(
        "HTTP/1.1 200 {SECRET}\r\nX-Echo: {SECRET}!\r\nContent-Length: 21\r\n\r\n[{SECRET}]canar"
    );
    for piece in answer.as_bytes().chunks(4) {
        world.server(piece);
    }
    assert_eq!(
        world.said(),
        "HTTP/1.1 200 OK\r\nX-Echo: ***************!\r\nContent-Length: 21\r\n\r\n\
         [***************]cana"
    );
}

#[test]
fn a_secret_is_not_asked_back_and_not_left_out() {
    let injections = || Vec::from([injection(HOST, "Authorization", "Bearer {}")]);
    for method in ["TRACE", "TRACK"] {
        let mut world = inside(&["connect api.example.com"], injections());
        world.client(std::format!("{method} / HTTP/1.1\r\nHost: api.example.com\r\n\r\n"));
        world.is_refused("405", "would bring it back");
    }
    let grants = ["connect api.example.com".parse().unwrap()];
    let inspection = Inspection { is_on: true, injections: injections() };
    let allowance = Allowance::new(grants, Timestamp(0)).unwrap().inspecting(inspection);
    let mut world = World::of(allowance);
    world.client(std::format!("CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n"));
    world.client(hello(HOST));
    world.to_client.clear();
    world.client("GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n");
    world.is_refused("403", "could not be read");
}

#[test]
fn a_secret_goes_to_its_own_place_and_not_in_the_clear() {
    let grants = ["connect api.example.com:1-65535", "connect other.example:80"];
    let elsewhere =
        ["http://api.example.com/", "http://api.example.com:443/", "http://other.example/"];
    for url in elsewhere {
        let mut world = world(&grants, Vec::from([injection(HOST, "Authorization", "Bearer {}")]));
        let host = url.split('/').nth(2).unwrap();
        world.client(std::format!("GET {url} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert!(world.heard().starts_with("GET / HTTP/1.1"), "{url}: {}", world.said());
        assert!(!world.heard().contains(SECRET), "{url}");
    }
    let mut open = injection("api.example.com:80", "Authorization", "Bearer {}");
    open.is_in_clear = true;
    let mut world = world(&grants, Vec::from([open]));
    world.client("GET http://api.example.com/ HTTP/1.1\r\nHost: api.example.com\r\n\r\n");
    assert!(world.heard().contains(SECRET));
}

#[test]
fn a_server_that_cannot_prove_who_it_is_is_told_in_words() {
    let mut world = inside(&["connect api.example.com GET /"], Vec::new());
    world.trouble = Some(Trouble::Unreachable);
    world.client("GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n");
    world.is_refused("502", "not reached");
    let mut world = inside(&["connect api.example.com GET /"], Vec::new());
    world.is_held = true;
    world.client("GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n");
    world.conversation.unproven(world.now, "it expired");
    world.settle();
    world.is_refused("403", "did not prove that it is this host");
    assert!(world.said().contains("it expired"));
}

#[test]
fn what_was_cut_off_is_not_taken_for_all() {
    let mut world = inside(&["connect api.example.com GET /"], Vec::new());
    world.client("GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n");
    world.server("HTTP/1.1 200 OK\r\n\r\nhalf");
    world.conversation.server_cut(world.now);
    world.settle();
    assert!(world.is_closed && !world.said().ends_with("0\r\n\r\n"), "{}", world.said());
    // One that says how long it is needs no goodbye, and the next request finds its way.
    let mut world = inside(&["connect api.example.com GET /"], Vec::new());
    world.client("GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n");
    world.server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    world.conversation.server_cut(world.now);
    world.settle();
    world.client("GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n");
    assert!(!world.is_closed);
    assert_eq!(world.places.len(), 2);
}

#[test]
fn a_program_that_waits_for_leave_to_send_its_body_gets_it_from_the_server() {
    let mut world = inside(&["connect api.example.com POST /"], Vec::new());
    world.client(
        "POST / HTTP/1.1\r\nHost: api.example.com\r\nExpect: 100-continue\r\n\
         Content-Length: 3\r\n\r\n",
    );
    assert!(world.heard().contains("Expect: 100-continue\r\n"));
    world.server("HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(world.said(), "HTTP/1.1 100 Continue\r\n\r\n");
    world.client("abc");
    assert!(world.heard().ends_with("\r\n\r\nabc"));
}

#[test]
fn whoever_shakes_hands_too_slowly_or_lets_go_is_left() {
    let mut world = inside(&["connect api.example.com GET /"], Vec::new());
    world.wait(Duration::from_secs(16));
    assert!(world.is_closed);
    assert_eq!(world.notes.len(), 1);
    assert!(world.notes[0].starts_with("api.example.com:443: refused"), "{:?}", world.notes);
    let mut world = inside(&["connect api.example.com GET /"], Vec::new());
    world.conversation.untaken();
    world.settle();
    assert!(world.is_closed && world.notes[0].contains("SSL_CERT_FILE"));
}

#[test]
fn a_certificate_is_for_what_is_looked_into_and_nothing_else() {
    let hosts = |grants: &[&str], places: Option<&[&str]>| {
        let grants = grants.iter().map(|grant| grant.parse().unwrap());
        let injections = Vec::from([injection("key.example", "X-Key", "{}")]);
        let allowance = Allowance::new(grants, Timestamp(0)).unwrap();
        let allowance = allowance.inspecting(Inspection { is_on: true, injections });
        let allowance = match places {
            Some(places) => {
                allowance.only(places.iter().map(|place| place.parse_place()).collect())
            }
            None => allowance,
        };
        let hosts = allowance.inspected(Timestamp(0));
        hosts.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(hosts(&["connect a.example", "connect b.example GET /"], None), ["b.example"]);
    assert_eq!(hosts(&["connect key.example", "connect a.example"], None), ["key.example"]);
    let narrowed = ["connect *.a.example", "deny connect x.a.example POST /"];
    assert_eq!(hosts(&narrowed, None), ["*.a.example"]);
    let wide = ["connect *", "connect b.example GET /", "deny connect x.example POST /"];
    let places = ["x.example", "y.example", "key.example"];
    assert_eq!(hosts(&wide, Some(&places)), ["x.example", "key.example"]);
}

/// What a server did not take of one request is not what the next connection begins with: it would
/// be a request that nobody judged.
#[test]
fn what_was_not_sent_of_a_request_is_never_sent() {
    let hidden = "\r\n\r\nDELETE /admin HTTP/1.1\r\nX-A: ";
    let post = std::format!(
        "POST /v1/a HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: {}\r\n\r\n{hidden}",
        hidden.len()
    );
    let next = "GET /v1/ok HTTP/1.1\r\nHost: api.example.com\r\n\r\n";
    let early = "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    for room in 0..post.len() + 40 {
        let grants = ["connect api.example.com GET,POST /v1"];
        let mut world = inside(&grants, Vec::from([injection(HOST, "X-Key", "{}")]));
        // It stands still in the middle; the first connection is made with the request.
        world.is_held = true;
        world.client(&post);
        world.room = room;
        let address = "93.184.215.14".parse().unwrap();
        world.is_held = false;
        world.conversation.connected(world.now, Some(address), Way::Direct);
        world.settle();
        world.server(early).client(next);
        let heard = world.to_server.split_off(world.last_began);
        let expected =
            std::format!("GET /v1/ok HTTP/1.1\r\nHost: api.example.com\r\nX-Key: {SECRET}\r\n\r\n");
        assert_eq!(world.places.len(), 2, "{room}");
        assert_eq!(String::from_utf8(heard).unwrap(), expected, "{room}");
    }
    // The same for one that is tried again because a server that was kept is gone.
    let mut world = inside(&["connect api.example.com GET /v1"], Vec::new());
    world.client(next).server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    world.room = 9;
    world.client(next).server_end();
    let heard = world.to_server.split_off(world.last_began);
    assert_eq!(String::from_utf8(heard).unwrap(), next);
}

#[test]
fn names_that_some_servers_take_for_others_are_others() {
    for name in ["X_HTTP_Method_Override", "x-original_url"] {
        let mut world = inside(&["connect api.example.com GET /v1"], Vec::new());
        let request = "GET /v1 HTTP/1.1\r\nHost: api.example.com";
        world.client(std::format!("{request}\r\n{name}: DELETE\r\n\r\n"));
        world.is_refused("403", "another method or path");
    }
    let mut world = inside(&["connect api.example.com"], Vec::from([injection(HOST, "X-K", "{}")]));
    let own = "X_K: mine\r\nRange: bytes=0-3\r\nIf_Range: x\r\nX-Other: 1";
    world.client(std::format!("GET /v1 HTTP/1.1\r\nHost: api.example.com\r\n{own}\r\n\r\n"));
    let expected = std::format!("Host: api.example.com\r\nX-Other: 1\r\nX-K: {SECRET}\r\n\r\n");
    assert!(world.heard().ends_with(&expected), "{}", world.heard());
}

/// A variable may hold what the header says, scheme and all: a server that says back the rest of
/// it, or what that stands for, is covered too.
#[test]
fn a_secret_is_covered_without_its_scheme() {
    let value = "Basic dXNlcjpodXNoLWh1c2gtNDcxMQ=="; // user:hush-hush-4711
    for (said, heard) in [
        ("dXNlcjpodXNoLWh1c2gtNDcxMQ==", "****************************"),
        ("user:hush-hush-4711", "*******************"),
        ("is hush-hush-4711!", "is **************!"),
        ("Basic dXNlcjpodXNoLWh1c2gtNDcxMQ==.", "**********************************."),
        ("user", "user"),
    ] {
        let inspection = Inspection {
            is_on: true,
            injections: Vec::from([injection(HOST, "Authorization", "{}")]),
        };
        let grants = ["connect api.example.com"].iter().map(|grant| grant.parse().unwrap());
        let mut allowance = Allowance::new(grants, Timestamp(0)).unwrap().inspecting(inspection);
        allowance.hand_over(|_| Some(SharedSecret::from(value)));
        let mut world = World::of(allowance);
        world.client(std::format!("CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n"));
        world.client(hello(HOST)).to_client.clear();
        world.client("GET /v1 HTTP/1.1\r\nHost: api.example.com\r\n\r\n");
        let length = said.len();
        world.server(std::format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{said}"));
        assert!(world.said().ends_with(&std::format!("\r\n\r\n{heard}")), "{}", world.said());
    }
}

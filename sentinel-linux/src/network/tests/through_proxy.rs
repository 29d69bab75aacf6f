//! Exchanges through a proxy.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread;

use super::super::{FailureKind, Options, Proxy, Reach, Request};
use super::authority::{Authority, Flaw, secured};
use super::server::{Server, read_request};
use super::{World, get, post};

const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// A proxy that connects everything to one place, and keeps the heads of what it was asked.
fn proxy(to: Option<std::net::SocketAddr>) -> (Server, Arc<Mutex<Vec<String>>>) {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heads);
    let server = Server::start(move |mut stream, _| {
        while let Some(request) = read_request(&mut stream) {
            let is_tunnel = request.head.starts_with("CONNECT ");
            kept.lock().unwrap().push(request.head);
            let Some(to) = to else {
                let denied = "HTTP/1.1 407 Proxy Authentication Required\r\n\
                              Content-Length: 0\r\n\r\n";
                stream.write_all(denied.as_bytes()).unwrap();
                continue;
            };
            if !is_tunnel {
                stream.write_all(HELLO).unwrap();
                continue;
            }
            let there = TcpStream::connect(to).unwrap();
            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
            let copies = [(&stream, &there), (&there, &stream)]
                .map(|(from, to)| (from.try_clone().unwrap(), to.try_clone().unwrap()));
            for (mut from, mut to) in copies {
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            }
            return;
        }
    });
    (server, heads)
}

fn options(proxy: &Server, user: &str, authority: &Authority) -> Options {
    let proxy = Proxy::parse(&format!("http://{user}{}", proxy.address)).unwrap();
    Options { proxy: Some(proxy), extra_roots: Some(authority.pem()), ..Options::default() }
}

#[test]
fn what_is_secure_goes_through_a_tunnel_that_is_used_again() {
    let authority = Authority::new();
    let config = authority.server(Flaw::OtherName);
    let server = Server::start(move |stream, _| {
        let mut stream = secured(&config, stream);
        while read_request(&mut stream).is_some() {
            stream.write_all(HELLO).unwrap();
            stream.flush().unwrap();
        }
    });
    let (proxy, heads) = proxy(Some(server.address));
    let mut world = World::new(options(&proxy, "joe:secret@", &authority));
    // Only the proxy knows the name, and the certificate is checked against it all the same.
    let request = Request { reach: Reach::Public, ..get("https://other.example/path") };
    for _ in 0..2 {
        assert_eq!(world.answer(request.clone()).text(), "hello");
    }
    let expected = "CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443\r\n\
                    Proxy-Authorization: Basic am9lOnNlY3JldA==\r\n\r\n";
    assert_eq!(*heads.lock().unwrap(), [expected]);
    let failure = world.answer(get("https://wrong.example/")).failure();
    assert_eq!((failure.kind, failure.may_have_arrived), (FailureKind::Tls, false));
    assert!(failure.text.contains("not for `wrong.example`"), "{failure}");
}

#[test]
fn what_is_in_the_clear_is_asked_of_the_proxy_itself() {
    let server = Server::answering(HELLO);
    let (proxy, heads) = proxy(Some(server.address));
    let mut world = World::new(options(&proxy, "", &Authority::new()));
    for path in ["a", "b"] {
        let url = format!("http://{path}.example/{path}?x");
        assert_eq!(world.answer(get(&url)).text(), "hello");
    }
    let head = |name| {
        format!("GET http://{name}.example/{name}?x HTTP/1.1\r\nHost: {name}.example\r\n\r\n")
    };
    assert_eq!(*heads.lock().unwrap(), [head("a"), head("b")]);
    assert_eq!(proxy.connections_count(), 1);
    // This machine is not reached through others.
    assert_eq!(world.answer(get(&server.url("/"))).text(), "hello");
    assert_eq!(heads.lock().unwrap().len(), 2);
}

#[test]
fn a_proxy_that_refuses_is_told_apart_from_the_server() {
    let (proxy, _) = proxy(None);
    let mut world = World::new(options(&proxy, "", &Authority::new()));
    let failure = world.answer(post("https://other.example/", b"x")).failure();
    assert_eq!((failure.kind, failure.may_have_arrived), (FailureKind::Connect, false));
    assert!(failure.text.contains("the proxy answered 407"), "{failure}");
    assert!(failure.text.contains("proxy_user and proxy_password_env"), "{failure}");
    assert_eq!(world.answer(get("http://other.example/")).status, 407);

    let silent = Server::start(|mut stream, _| {
        let _ = stream.read(&mut [0; 100]);
    });
    let mut world = World::new(options(&silent, "", &Authority::new()));
    let failure = world.answer(post("https://other.example/", b"x")).failure();
    assert_eq!((failure.kind, failure.may_have_arrived), (FailureKind::Cut, false));
}

#[test]
fn a_proxy_that_speaks_for_the_server_is_refused() {
    let forging = Server::start(|mut stream, _| {
        read_request(&mut stream).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\nforged").unwrap();
        let _ = stream.read(&mut [0; 100]);
    });
    let mut world = World::new(options(&forging, "", &Authority::new()));
    let failure = world.answer(post("https://other.example/", b"x")).failure();
    assert_eq!((failure.kind, failure.may_have_arrived), (FailureKind::Protocol, false));
}

#[test]
fn a_proxy_opens_nothing_that_its_name_gives_away() {
    let (proxy, heads) = proxy(None);
    let mut world = World::new(options(&proxy, "", &Authority::new()));
    for url in ["https://10.0.0.1/", "http://169.254.169.254/latest", "https://metadata.goog/"] {
        let request = Request { reach: Reach::Public, ..get(url) };
        assert_eq!(world.answer(request).failure().kind, FailureKind::Refused, "{url}");
    }
    assert!(heads.lock().unwrap().is_empty());
}

//! Hostile programs and hostile names, with real sockets.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Shutdown};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::{Proxy, connect};
use crate::network::Options;
use crate::network::tests::names::{Names, Reply};
use crate::network::tests::server::Server;

const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// The first words of a real client of TLS.
fn hello(name: &str) -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_string()).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

/// A server that says back what it hears, and how many bytes it heard.
fn echo() -> (Server, Arc<AtomicUsize>) {
    let heard = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&heard);
    let server = Server::start(move |mut stream, _| {
        let mut buffer = [0; 65536];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            counted.fetch_add(count, Ordering::SeqCst);
            if stream.write_all(&buffer[..count]).is_err() {
                return;
            }
        }
        let _ = stream.shutdown(Shutdown::Write);
    });
    (server, heard)
}

#[test]
fn tls_that_names_another_host_reaches_nobody() {
    let (server, heard) = echo();
    let place = format!("localhost:{}", server.address.port());
    let proxy = Proxy::start(Options::default(), &[format!("connect {place}")]);
    for (name, is_let_out) in [("other.example", false), ("127.0.0.1", false), ("localhost", true)]
    {
        // In one piece, and byte by byte.
        for size in [4096, 1] {
            let mut stream = proxy.tunnel(&place);
            let bytes = hello(name);
            for piece in bytes.chunks(size) {
                if stream.write_all(piece).is_err() {
                    break;
                }
            }
            let mut answer = vec![0; bytes.len()];
            let is_echoed = stream.read_exact(&mut answer).is_ok() && answer == bytes;
            assert_eq!(is_echoed, is_let_out, "{name} {size}");
            assert_eq!(heard.swap(0, Ordering::SeqCst) > 0, is_let_out);
        }
    }
    let notes = proxy.notes().join("\n");
    assert_eq!(notes.matches("names another host (SNI)").count(), 2, "{notes}");
    assert_eq!(notes.matches("names no host (SNI)").count(), 2, "{notes}");
}

#[test]
fn names_that_lead_home_are_not_followed() {
    static GOOD: [IpAddr; 1] = [IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)];
    static BAD: [IpAddr; 5] = [
        IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2)),
        IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)),
        IpAddr::V4(std::net::Ipv4Addr::new(169, 254, 169, 254)),
        IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 1)),
        IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
    ];
    static OWN: [IpAddr; 2] = [
        IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        IpAddr::V6(std::net::Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    ];
    let names = Names::start(false, |name| match name {
        "good.example." => Reply::Addresses(&GOOD),
        "six.example." => Reply::Addresses(&OWN),
        _ => Reply::Addresses(&BAD),
    });
    let server = Server::answering(HELLO);
    let port = server.address.port();
    let grants = [
        format!("connect *.example:{port}"),
        // The address itself is granted, so a name may lead to it: and to no other.
        format!("connect 127.0.0.1:{port}"),
    ];
    let proxy = Proxy::start(names.options(), &grants);
    let get = |host: &str| {
        proxy.answer(format!(
            "GET http://{host}:{port}/ HTTP/1.1\r\nHost: {host}:{port}\r\n\
             Connection: close\r\n\r\n"
        ))
    };
    assert!(get("good.example").ends_with("hello"));
    for host in ["bad.example", "six.example"] {
        let said = get(host);
        assert!(said.starts_with("HTTP/1.1 403") && said.contains("public internet"), "{said}");
        let said = proxy.answer(connect(&format!("{host}:{port}")));
        assert!(said.starts_with("HTTP/1.1 403"), "{said}");
    }
    assert_eq!(server.connections_count(), 1);
    let notes = proxy.notes();
    assert_eq!(notes.iter().filter(|note| note.contains("refused")).count(), 4, "{notes:?}");
}

#[test]
fn a_name_is_not_believed_twice() {
    // The first answer leads where it may, the next one home: each connection is judged by the
    // answer that it is made with.
    static GOOD: [IpAddr; 1] = [IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)];
    static BAD: [IpAddr; 1] = [IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2))];
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let names = Names::start(false, move |_| {
        // A question for each family.
        match counted.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Reply::Addresses(&GOOD),
            _ => Reply::Addresses(&BAD),
        }
    });
    let server = Server::answering(HELLO);
    let port = server.address.port();
    let grants = [format!("connect a.example:{port}"), format!("connect 127.0.0.1:{port}")];
    let get = format!(
        "GET http://a.example:{port}/ HTTP/1.1\r\nHost: a.example:{port}\r\n\
         Connection: close\r\n\r\n"
    );
    let first = Proxy::start(names.options(), &grants);
    assert!(first.answer(&get).ends_with("hello"));
    let second = Proxy::start(names.options(), &grants);
    assert!(second.answer(&get).starts_with("HTTP/1.1 403"));
    assert_eq!(server.connections_count(), 1);
}

#[test]
fn half_closed_connections_end_when_both_halves_have() {
    let (server, _) = echo();
    let place = format!("localhost:{}", server.address.port());
    let proxy = Proxy::start(Options::default(), &[format!("connect {place}")]);
    let mut stream = proxy.tunnel(&place);
    let words = vec![b'.'; 300_000];
    let mut writer = stream.try_clone().unwrap();
    let said = words.clone();
    let speaker = std::thread::spawn(move || {
        writer.write_all(&said).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).unwrap();
    speaker.join().unwrap();
    assert!(heard == words, "{} bytes came back", heard.len());
}

#[test]
fn a_server_may_have_the_first_word_where_anything_is_spoken() {
    let server = Server::start(|mut stream, _| {
        stream.write_all(b"220 ready\r\n").unwrap();
        let mut line = [0; 6];
        stream.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"hello\n");
        stream.write_all(b"250 ok\r\n").unwrap();
    });
    let place = format!("localhost:{}", server.address.port());
    let proxy = Proxy::start(Options::default(), &[format!("connect {place}")]);
    let mut stream = proxy.tunnel(&place);
    let mut line = [0; 11];
    stream.read_exact(&mut line).unwrap();
    stream.write_all(b"hello\n").unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert_eq!((&line, &*rest), (b"220 ready\r\n", "250 ok\r\n"));
}

#[test]
fn one_connection_too_many_waits_for_its_turn() {
    let proxy = Proxy::start(Options::default(), &[]);
    let mut waiting: Vec<_> = (0..64).map(|_| proxy.say("")).collect();
    let mut late = proxy.say("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n");
    late.set_read_timeout(Some(std::time::Duration::from_millis(300))).unwrap();
    let mut byte = [0];
    assert!(late.read(&mut byte).is_err(), "it was served beyond the bound");
    waiting.pop();
    late.set_read_timeout(Some(super::TIME_MAX)).unwrap();
    assert_eq!(late.read(&mut byte).unwrap(), 1);
}

#[test]
fn smuggled_requests_reach_nobody() {
    let (server, heard) = echo();
    let port = server.address.port();
    let proxy = Proxy::start(Options::default(), &[format!("connect localhost:{port} GET /v1")]);
    let host = format!("localhost:{port}");
    for request in [
        format!(
            "GET http://{host}/v1 HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3\r\n\
             Content-Length: 4\r\n\r\nabcd"
        ),
        format!("GET http://{host}/v1 HTTP/1.1\r\nHost: other.example\r\n\r\n"),
        format!("GET http://{host}/v1/../admin HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET http://{host}/v1%2f..%2fadmin HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("POST http://{host}/v1 HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n"),
        format!("GET http://{host}/v1\r\nX: y HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        connect("127.0.0.1:80"),
        connect("169.254.169.254:80"),
        connect("localhost:1"),
        format!("{}GET / HTTP/1.1\r\nHost: other.example\r\n\r\n", connect(&host)),
    ] {
        let said = proxy.answer(&request);
        let is_refused =
            ["400", "403"].iter().any(|code| said.contains(&format!("HTTP/1.1 {code}")));
        assert!(is_refused, "{request}: {said}");
        assert_eq!(heard.load(Ordering::SeqCst), 0, "{request}");
    }
}

//! DNS: only an answer to the question is believed, and a resolution ends whatever servers say.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sentinel_core::time::Instant;
use sentinel_core::wire::dns::{
    Answer, Config, Hosts, Lookup, Name, Question, RecordKind, Transport,
};

fuzz_target!(|input: (u8, &[u8])| {
    let (mode, bytes) = input;
    let kind = if mode & 1 == 0 { RecordKind::A } else { RecordKind::Aaaa };
    message(kind, bytes);
    resolve(mode, bytes);
});

/// The bytes as a response, to a question with id 0 so that they need not guess it.
fn message(kind: RecordKind, bytes: &[u8]) {
    let name = Name::parse("www.example.com").expect("a name");
    let question = Question::new(name, kind, 0);
    match question.read(bytes) {
        Ok(Answer::Addresses(found)) => {
            assert!(!found.addresses.is_empty() && found.addresses.len() <= 32);
            let is_asked = kind == RecordKind::Aaaa;
            assert!(found.addresses.iter().all(|address| address.is_ipv6() == is_asked));
            assert!(found.canonical.as_wire().len() <= 255);
            // Whoever answers has seen the question.
            let mut query = Vec::new();
            question.write(&mut query);
            assert_eq!(bytes[..2], query[..2]);
            assert_eq!(bytes[12..33], query[12..33]);
        }
        Ok(_) => {}
        Err(error) => {
            assert!(error.offset() as usize <= bytes.len(), "{error}");
            // Without the check of letters nothing else may change.
            let other = question.read_in_any_case(bytes);
            assert!(other == Err(error) || error.is_foreign());
        }
    }
}

/// A resolution whose servers say pieces of the bytes, each behind a good header and question or as
/// it is.
fn resolve(mode: u8, bytes: &[u8]) {
    let file = b"nameserver 192.0.2.1\nnameserver 192.0.2.2\nsearch a.example\noptions attempts:3";
    let (mut config, _) = Config::parse(file);
    config.uses_tcp = mode & 2 != 0;
    config.has_casing = mode & 4 != 0;
    let mut lookup = Lookup::new("db", &config, &Hosts::default(), 0);
    let mut pieces = bytes.split(|byte| *byte == 0xfe);
    let mut now = Instant(0);
    let mut queries_count = 0;
    while lookup.outcome().is_none() {
        while let Some(ask) = lookup.poll(now, 0x1234_5678) {
            queries_count += 1;
            let is_tcp = ask.transport == Transport::Tcp;
            let query = if is_tcp { &ask.message[2..] } else { &ask.message[..] };
            let Some(piece) = pieces.next() else { continue };
            let mut answer = piece.to_vec();
            if let Some((flags, records)) = piece.split_first_chunk::<10>() {
                // Id, the flags and counts of the piece, the question, its records.
                let end = query.len() - if query[11] == 1 { 11 } else { 0 };
                answer = [&query[..2], flags, &query[12..end], records].concat();
            }
            if is_tcp {
                let length = u16::try_from(answer.len()).unwrap_or(u16::MAX).to_be_bytes();
                lookup.stream(now, ask.exchange, &length);
                answer.chunks(7).for_each(|part| lookup.stream(now, ask.exchange, part));
            } else {
                lookup.datagram(now, ask.exchange, ask.server.socket(), &answer);
            }
        }
        if let Some(deadline) = lookup.deadline() {
            now = deadline.max(now);
            lookup.timeout(now);
        }
    }
    // Two names, two kinds, two servers, three rounds; each again on a connection, and each of
    // those without options.
    assert!(queries_count <= 2 * 2 * 2 * 3 * 4, "{queries_count}");
    if let Some(Err(error)) = lookup.outcome() {
        assert!(!error.to_string().contains(['\n', '\0']));
    }
}

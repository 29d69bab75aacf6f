//! Resolutions against servers that answer, lie, and say nothing.

use std::format;
use std::string::{String, ToString};

use arbtest::arbtest;

use super::*;
use crate::wire::dns::Transport;

/// What a server makes of a query.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reply {
    V4(u8),
    NoAddresses,
    NoSuchName,
    Code(u8),
    Truncated,
    LowerCase,
    Garbage,
}

fn config(file: &str) -> Config {
    Config::parse(file.as_bytes()).0
}

fn begin(name: &str, file: &str) -> Lookup {
    Lookup::new(name, &config(file), &Hosts::default(), 0)
}

/// The asked name and whether IPv6 is asked for.
fn question(ask: &Ask) -> (String, bool) {
    let message = match ask.transport {
        Transport::Udp => &ask.message[..],
        Transport::Tcp => &ask.message[2..],
    };
    let (name, end) = Name::read(message, 12).unwrap();
    (name.to_string(), message[end + 1] == 28)
}

fn answer(query: &[u8], reply: Reply) -> Vec<u8> {
    let (_, end) = Name::read(query, 12).unwrap();
    let mut message = query[..end + 4].to_vec();
    message[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0]);
    match reply {
        Reply::V4(last) => {
            message[7] = 1;
            message.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, last]);
        }
        Reply::NoSuchName | Reply::NoAddresses => {
            message[3] |= if reply == Reply::NoSuchName { 3 } else { 0 };
            message[9] = 1;
            message.extend_from_slice(&[0, 0, 6, 0, 1, 0, 0, 0, 30, 0, 22, 0, 0]);
            message.extend_from_slice(&[0; 20]);
            let end = message.len();
            message[end - 1] = 20;
        }
        Reply::Code(code) => message[3] |= code,
        Reply::Truncated => message[2] |= 2,
        Reply::LowerCase => message[12..end].make_ascii_lowercase(),
        Reply::Garbage => message.push(0),
    }
    message
}

fn reply(lookup: &mut Lookup, now: u64, ask: &Ask, reply: Reply) {
    match ask.transport {
        Transport::Udp => {
            let message = answer(&ask.message, reply);
            lookup.datagram(Instant(now), ask.exchange, ask.server.socket(), &message);
        }
        Transport::Tcp => {
            let message = answer(&ask.message[2..], reply);
            let length = u16::try_from(message.len()).unwrap().to_be_bytes();
            for byte in length.into_iter().chain(message) {
                lookup.stream(Instant(now), ask.exchange, &[byte]);
            }
        }
    }
}

/// Answers every query by name and kind, and tells the names in the order they were asked.
fn run(lookup: &mut Lookup, replies: impl Fn(&str, bool) -> Reply) -> Vec<String> {
    let mut asked = Vec::new();
    while let Some(ask) = lookup.poll(Instant(0), 0x0123_4567_89ab_cdef) {
        let (name, is_ipv6) = question(&ask);
        reply(lookup, 0, &ask, replies(&name, is_ipv6));
        asked.push(format!("{name} {}", if is_ipv6 { 6 } else { 4 }));
    }
    asked
}

fn error(lookup: &Lookup) -> &LookupError {
    lookup.outcome().unwrap().as_ref().unwrap_err()
}

fn resolved(lookup: &Lookup) -> &Resolved {
    lookup.outcome().unwrap().as_ref().unwrap()
}

#[test]
fn what_is_known_is_not_asked() {
    let (hosts, _) = Hosts::parse(b"192.0.2.9 db localhost\n");
    let ask = |name| Lookup::new(name, &Config::default(), &hosts, 0);
    for (name, source, addresses) in [
        ("192.0.2.1", Source::Literal, &["192.0.2.1"][..]),
        ("::1", Source::Literal, &["::1"]),
        ("[2001:db8::1]", Source::Literal, &["2001:db8::1"]),
        ("LocalHost", Source::Loopback, &["::1", "127.0.0.1"]),
        ("a.localhost.", Source::Loopback, &["::1", "127.0.0.1"]),
        ("DB", Source::Hosts, &["192.0.2.9"]),
        ("db.", Source::Hosts, &["192.0.2.9"]),
    ] {
        let mut lookup = ask(name);
        assert_eq!(lookup.poll(Instant(0), 0), None);
        let resolved = resolved(&lookup);
        assert_eq!(resolved.source, source);
        let found: Vec<String> = resolved.addresses.iter().map(IpAddr::to_string).collect();
        assert_eq!(found, addresses, "{name}");
    }
}

#[test]
fn what_is_no_name_is_not_asked() {
    for name in ["", ".", "a b", "-a", "a..b", "1.2.3", "0x7f.1", "a\n", "ä.example", "a.."] {
        let lookup = begin(name, "");
        assert!(matches!(error(&lookup).kind, LookupErrorKind::Invalid(_)), "{name}");
        assert!(!error(&lookup).to_string().contains('\n'));
    }
    for name in ["x.onion", "onion", "a.Invalid."] {
        let lookup = begin(name, "");
        assert!(matches!(error(&lookup).kind, LookupErrorKind::Special(_)), "{name}");
        assert!(!error(&lookup).is_transient());
    }
    for long in ["x".repeat(5000), "ä".repeat(5000), "x".to_string() + &"ä".repeat(5000)] {
        let kept = error(&begin(&long, "")).name.len();
        assert!((NAME_BYTES_KEPT - 1..=NAME_BYTES_KEPT).contains(&kept));
    }
}

#[test]
fn both_kinds_are_asked_for_at_once() {
    let mut lookup = begin("example.com", "nameserver 192.0.2.53");
    let six = lookup.poll(Instant(0), 1).unwrap();
    let four = lookup.poll(Instant(0), 2).unwrap();
    assert_eq!(lookup.poll(Instant(0), 3), None);
    assert_eq!((question(&six).1, question(&four).1), (true, false));
    reply(&mut lookup, 10, &six, Reply::NoAddresses);
    assert!(!lookup.is_waiting_for(six.exchange) && lookup.is_waiting_for(four.exchange));
    reply(&mut lookup, 10, &four, Reply::V4(7));
    let resolved = resolved(&lookup);
    assert_eq!(resolved.addresses, [IpAddr::from([192, 0, 2, 7])]);
    assert_eq!(resolved.lifetime, Some(Duration::from_secs(20)), "that of the missing kind");
    assert!(resolved.is_complete);
    assert_eq!(lookup.deadline(), None);
}

#[test]
fn one_kind_is_waited_for_only_a_little() {
    let mut lookup = begin("example.com", "nameserver 192.0.2.53");
    let _six = lookup.poll(Instant(0), 1).unwrap();
    let four = lookup.poll(Instant(0), 2).unwrap();
    reply(&mut lookup, 10, &four, Reply::V4(7));
    assert_eq!(lookup.deadline(), Some(Instant(60)));
    lookup.timeout(Instant(59));
    assert!(lookup.outcome().is_none());
    lookup.timeout(Instant(60));
    assert!(!resolved(&lookup).is_complete);
}

#[test]
fn short_names_are_searched_in_order() {
    let file = "nameserver 192.0.2.53\nsearch a.example b.example";
    let mut lookup = begin("db", file);
    let asked = run(&mut lookup, |name, _| match name {
        "db" => Reply::V4(1),
        _ => Reply::NoSuchName,
    });
    let expected =
        ["db.a.example 6", "db.a.example 4", "db.b.example 6", "db.b.example 4", "db 6", "db 4"];
    assert_eq!(asked, expected);

    for whole in ["db.x", "db."] {
        let mut lookup = begin(whole, file);
        let asked = run(&mut lookup, |_, _| Reply::NoSuchName);
        assert_eq!(asked.len(), 2, "a name that is whole is not searched");
        assert_eq!(error(&lookup).kind, LookupErrorKind::NoSuchName);
        assert_eq!(error(&lookup).lifetime, Some(Duration::from_secs(20)));
    }
    let mut lookup = begin("a.b", &format!("{file}\noptions ndots:2"));
    assert_eq!(run(&mut lookup, |_, _| Reply::NoSuchName).len(), 6);
}

#[test]
fn a_missing_name_is_missing_though_a_server_is_silent_about_one_kind() {
    let mut lookup = begin("db", "nameserver 192.0.2.53\nsearch a.example");
    let _six = lookup.poll(Instant(0), 1).unwrap();
    let four = lookup.poll(Instant(0), 2).unwrap();
    reply(&mut lookup, 10, &four, Reply::NoSuchName);
    assert_eq!(lookup.deadline(), Some(Instant(1010)));
    lookup.timeout(Instant(1010));
    let six = lookup.poll(Instant(1010), 3).unwrap();
    let four = lookup.poll(Instant(1010), 4).unwrap();
    assert_eq!(question(&six).0, "db", "the next name");
    reply(&mut lookup, 1010, &four, Reply::NoSuchName);
    assert!(lookup.outcome().is_none());
    lookup.timeout(Instant(2010));
    assert_eq!(error(&lookup).kind, LookupErrorKind::NoSuchName);
    assert_eq!(error(&lookup).lifetime, None, "half of it was never said");

    let mut lookup = begin("db.x", "nameserver 192.0.2.53\noptions attempts:1");
    run(&mut lookup, |_, is_ipv6| if is_ipv6 { Reply::Code(2) } else { Reply::NoSuchName });
    assert_eq!(error(&lookup).kind, LookupErrorKind::NoSuchName);
    assert_eq!(error(&lookup).tried.len(), 1);
}

#[test]
fn a_name_without_addresses_is_another_error() {
    let mut lookup = begin("db", "search a.example");
    run(&mut lookup, |name, _| match name {
        "db" => Reply::NoSuchName,
        _ => Reply::NoAddresses,
    });
    assert_eq!(error(&lookup).kind, LookupErrorKind::NoAddresses);
    assert_eq!(error(&lookup).to_string(), "`db` has no address to connect to");
}

#[test]
fn a_failure_ends_the_search() {
    let mut lookup = begin("db", "nameserver 192.0.2.53\nsearch a.example\noptions attempts:1");
    let asked = run(&mut lookup, |name, _| match name {
        "db" => Reply::V4(1),
        _ => Reply::Code(2),
    });
    assert_eq!(asked, ["db.a.example 6", "db.a.example 4"]);
    assert_eq!(error(&lookup).kind, LookupErrorKind::ServersFailed);
    assert_eq!(
        error(&lookup).to_string(),
        "no name server could resolve `db`; 192.0.2.53 (UDP) could not find out (code 2)"
    );
}

#[test]
fn silent_servers_are_asked_in_rounds_and_then_given_up() {
    let file = "nameserver 192.0.2.1\nnameserver 192.0.2.2\noptions timeout:1 no-aaaa";
    let mut lookup = begin("example.com", file);
    let mut log = Vec::new();
    let mut now = Instant(0);
    while lookup.outcome().is_none() {
        while let Some(ask) = lookup.poll(now, 0) {
            log.push(format!("{} {}", now.0, ask.server));
        }
        now = lookup.deadline().unwrap();
        lookup.timeout(now);
    }
    assert_eq!(log, ["0 192.0.2.1", "1000 192.0.2.2", "2000 192.0.2.1", "4000 192.0.2.2"]);
    assert_eq!(now, Instant(6000));
    assert_eq!(error(&lookup).kind, LookupErrorKind::TimedOut);
    assert!(error(&lookup).is_transient());
    let text = error(&lookup).to_string();
    assert_eq!(text.matches("did not answer in time").count(), 2, "{text}");
}

#[test]
fn a_server_that_is_away_is_passed_over_at_once_and_not_asked_first_again() {
    let file = "nameserver 192.0.2.1\nnameserver 192.0.2.2\nsearch a.example\noptions no-aaaa";
    let mut lookup = begin("db", file);
    let ask = lookup.poll(Instant(0), 0).unwrap();
    lookup.broken(Instant(1), Exchange(99));
    lookup.broken(Instant(1), ask.exchange);
    let ask = lookup.poll(Instant(1), 0).unwrap();
    assert_eq!(ask.server.to_string(), "192.0.2.2");
    reply(&mut lookup, 1, &ask, Reply::NoSuchName);
    let ask = lookup.poll(Instant(1), 0).unwrap();
    assert_eq!((question(&ask).0.as_str(), ask.server.to_string().as_str()), ("db", "192.0.2.2"));
}

#[test]
fn a_cut_answer_is_fetched_on_a_connection() {
    let mut lookup = begin("example.com", "nameserver 192.0.2.1\noptions no-aaaa");
    let ask = lookup.poll(Instant(0), 0).unwrap();
    reply(&mut lookup, 5, &ask, Reply::Truncated);
    let ask = lookup.poll(Instant(5), 0).unwrap();
    assert_eq!((ask.transport, ask.server.to_string().as_str()), (Transport::Tcp, "192.0.2.1"));
    assert_eq!(usize::from(ask.message[1]) + 2, ask.message.len());
    reply(&mut lookup, 6, &ask, Reply::V4(3));
    assert_eq!(resolved(&lookup).addresses, [IpAddr::from([192, 0, 2, 3])]);
}

#[test]
fn a_connection_that_ends_or_cuts_is_a_failure() {
    let mut lookup = begin("example.com", "options no-aaaa use-vc attempts:2");
    let ask = lookup.poll(Instant(0), 0).unwrap();
    assert_eq!(ask.transport, Transport::Tcp);
    lookup.stream(Instant(0), ask.exchange, &[0]);
    lookup.broken(Instant(0), ask.exchange);
    let ask = lookup.poll(Instant(0), 0).unwrap();
    reply(&mut lookup, 0, &ask, Reply::Truncated);
    let failures: Vec<_> = error(&lookup).tried.iter().map(|tried| tried.failure).collect();
    assert_eq!(failures, [Failure::Broken, Failure::Truncated]);
}

#[test]
fn a_server_that_loses_the_letters_is_asked_on_a_connection() {
    let mut lookup = begin("example.com", "options no-aaaa");
    let ask = lookup.poll(Instant(0), u64::MAX).unwrap();
    reply(&mut lookup, 0, &ask, Reply::LowerCase);
    assert_eq!(lookup.poll(Instant(0), 0).unwrap().transport, Transport::Tcp);
}

#[test]
fn a_server_without_options_is_asked_without() {
    let mut lookup = begin("example.com", "options no-aaaa attempts:1");
    let with = lookup.poll(Instant(0), 0).unwrap();
    reply(&mut lookup, 0, &with, Reply::Code(1));
    let without = lookup.poll(Instant(0), 0).unwrap();
    assert_eq!(without.message.len() + 11, with.message.len());
    reply(&mut lookup, 0, &without, Reply::Code(1));
    assert_eq!(error(&lookup).kind, LookupErrorKind::ServersFailed);
}

#[test]
fn strangers_are_not_heard() {
    let mut lookup = begin("example.com", "nameserver 192.0.2.1\noptions no-aaaa");
    let ask = lookup.poll(Instant(0), 0x1234).unwrap();
    let good = answer(&ask.message, Reply::V4(66));
    let socket = ask.server.socket();
    let mut guessed = good.clone();
    guessed[0] ^= 1;
    lookup.datagram(Instant(0), ask.exchange, socket, &guessed);
    let mut other = good.clone();
    other[13] = b'x';
    lookup.datagram(Instant(0), ask.exchange, socket, &other);
    lookup.datagram(Instant(0), ask.exchange, socket, &ask.message);
    lookup.datagram(Instant(0), ask.exchange, socket, b"");
    lookup.datagram(Instant(0), Exchange(7), socket, &good);
    lookup.datagram(Instant(0), ask.exchange, "192.0.2.2:53".parse().unwrap(), &good);
    lookup.datagram(Instant(0), ask.exchange, "192.0.2.1:54".parse().unwrap(), &good);
    lookup.stream(Instant(0), ask.exchange, &good);
    assert!(lookup.outcome().is_none() && lookup.is_waiting_for(ask.exchange));
    let mapped = "[::ffff:192.0.2.1]:53".parse().unwrap();
    lookup.datagram(Instant(0), ask.exchange, mapped, &good);
    assert!(lookup.outcome().is_some());
}

#[test]
fn a_broken_answer_moves_on_to_the_next_server() {
    let file = "nameserver 192.0.2.1\nnameserver 192.0.2.2\noptions no-aaaa";
    let mut lookup = begin("example.com", file);
    let ask = lookup.poll(Instant(0), 0).unwrap();
    reply(&mut lookup, 0, &ask, Reply::Garbage);
    let ask = lookup.poll(Instant(0), 0).unwrap();
    assert_eq!(ask.server.to_string(), "192.0.2.2");
}

#[test]
fn without_servers_it_ends_at_once() {
    let config = Config { servers: Vec::new(), ..Config::default() };
    let mut lookup = Lookup::new("example.com", &config, &Hosts::default(), 0);
    assert_eq!(lookup.poll(Instant(0), 0), None);
    assert_eq!(error(&lookup).kind, LookupErrorKind::ServersFailed);
}

#[test]
fn rotation_begins_elsewhere() {
    let file = "nameserver 192.0.2.1\nnameserver 192.0.2.2\noptions rotate";
    let first = |entropy| {
        let mut lookup = Lookup::new("a.b", &config(file), &Hosts::default(), entropy);
        lookup.poll(Instant(0), 0).unwrap().server.to_string()
    };
    assert_eq!((first(0).as_str(), first(1).as_str()), ("192.0.2.1", "192.0.2.2"));
}

/// Whatever happens in whatever order, it ends, within the queries it may make, and there is always
/// something to do until then.
#[test]
fn it_ends_whatever_happens() {
    let file = "nameserver 192.0.2.1\nnameserver 192.0.2.2\nsearch a.example b.example";
    arbtest(|u| {
        let mut lookup = begin("db", file);
        let mut now = 0;
        let mut open: Vec<Ask> = Vec::new();
        let mut queries_count = 0;
        while lookup.outcome().is_none() {
            while let Some(ask) = lookup.poll(Instant(now), u.arbitrary()?) {
                queries_count += 1;
                open.push(ask);
            }
            if lookup.outcome().is_some() {
                break;
            }
            open.retain(|ask| lookup.is_waiting_for(ask.exchange));
            assert!((1..=2).contains(&open.len()));
            let deadline = lookup.deadline().unwrap();
            if deadline.0 <= now {
                lookup.timeout(Instant(now));
                assert!(lookup.deadline().is_none_or(|next| next.0 > now));
                continue;
            }
            let index = u.choose_index(open.len())?;
            let ask = open[index].clone();
            now += u.int_in_range(0..=40)?;
            match u.int_in_range(0..=9)? {
                0 => lookup.broken(Instant(now), ask.exchange),
                1 => reply(&mut lookup, now, &ask, Reply::NoSuchName),
                2 => reply(&mut lookup, now, &ask, Reply::NoAddresses),
                3 => reply(&mut lookup, now, &ask, Reply::Code(u.int_in_range(1..=9)?)),
                4 => reply(&mut lookup, now, &ask, Reply::Truncated),
                5 => reply(&mut lookup, now, &ask, Reply::LowerCase),
                6 => reply(&mut lookup, now, &ask, Reply::Garbage),
                7 => {
                    let from = ask.server.socket();
                    let mut message = answer(&ask.message, Reply::V4(1));
                    let index = u.choose_index(message.len())?;
                    message[index] ^= u.arbitrary::<u8>()?;
                    lookup.datagram(Instant(now), ask.exchange, from, &message);
                }
                _ => {
                    now = now.max(deadline.0);
                    lookup.timeout(Instant(now));
                }
            }
        }
        // Three names, two kinds, two servers, two rounds, each with a connection and again without
        // options.
        assert!(queries_count <= 3 * 2 * 2 * 2 * 4);
        Ok(())
    });
}

//! DNS with a second opinion: responses that another implementation wrote.
//!
//! Goal: what dnspython writes is read here as it was meant, compression and all. Method: a file of
//! its messages, each with what was meant by it.
#![allow(clippy::unwrap_used, clippy::panic)]

use sentinel_core::wire::dns::{Answer, Name, Question, RecordKind};

const RESPONSES: &str = include_str!("data/dns_responses.txt");

#[test]
fn responses_of_another_implementation_say_what_they_meant() {
    let mut count = 0;
    for line in RESPONSES.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.splitn(4, ' ');
        let mut next = || words.next().unwrap();
        let kind = if next() == "A" { RecordKind::A } else { RecordKind::Aaaa };
        let question = Question::new(Name::parse(next()).unwrap(), kind, 77);
        let message = bytes(next());
        let said = match question.read(&message) {
            Ok(Answer::Addresses(found)) => {
                let mut addresses: Vec<String> =
                    found.addresses.iter().map(ToString::to_string).collect();
                addresses.sort();
                format!("A {} {}", found.ttl, addresses.join(","))
            }
            Ok(Answer::NoSuchName(Some(seconds))) => format!("X {seconds}"),
            Ok(Answer::NoAddresses(Some(seconds))) => format!("N {seconds}"),
            Ok(Answer::Truncated) => "T".to_owned(),
            Ok(Answer::Failed(code)) => format!("F {}", code.as_u16()),
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(said, next(), "{line}");
        count += 1;

        // And no part of it is an answer: each cut breaks it, or makes it another's.
        for length in 0..message.len() {
            let cut = question.read(&message[..length]);
            assert!(cut.is_err() || cut == Ok(Answer::Truncated), "{length} bytes of {line}");
        }
    }
    assert_eq!(count, 80);
}

fn bytes(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

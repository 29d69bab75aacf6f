//! Responses, honest and not, built record by record.

use alloc::string::ToString;

use arbtest::arbtest;

use super::*;

/// A response under construction, without compression.
struct Response {
    bytes: Vec<u8>,
    section: usize,
}

impl Response {
    fn to(question: &Question, code: u8) -> Self {
        let mut bytes = Vec::new();
        question.without_options().write(&mut bytes);
        bytes[2] |= 0x80;
        bytes[3] = 0x80 | code;
        Self { bytes, section: 6 }
    }

    fn record(mut self, owner: &str, kind: u16, ttl: u32, data: &[u8]) -> Self {
        self.bytes[self.section + 1] += 1;
        self.bytes.extend_from_slice(Name::parse(owner).unwrap().as_wire());
        self.bytes.extend_from_slice(&kind.to_be_bytes());
        self.bytes.extend_from_slice(&CLASS_INTERNET.to_be_bytes());
        self.bytes.extend_from_slice(&ttl.to_be_bytes());
        self.bytes.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
        self.bytes.extend_from_slice(data);
        self
    }

    fn alias(self, owner: &str, target: &str, ttl: u32) -> Self {
        self.record(owner, TYPE_ALIAS, ttl, Name::parse(target).unwrap().as_wire())
    }

    fn authority(mut self, owner: &str, ttl: u32, minimum: u32) -> Self {
        self.section = 8;
        let mut data = [&b"\x01a\0\x01b\0"[..], &[0; 16]].concat();
        data.extend_from_slice(&minimum.to_be_bytes());
        self.record(owner, TYPE_AUTHORITY, ttl, &data)
    }

    fn options(mut self, upper_code: u8) -> Self {
        self.section = 10;
        self.record(".", TYPE_OPTIONS, u32::from(upper_code) << 24, &[])
    }
}

fn question() -> Question {
    Question::new(Name::parse("www.example.com").unwrap(), RecordKind::A, 0x4242)
}

fn answer(response: &Response) -> Result<Answer, Kind> {
    question().read(&response.bytes).map_err(|error| error.kind())
}

fn respond(code: u8) -> Response {
    Response::to(&question(), code)
}

const NAME: &str = "www.example.com";

#[test]
fn addresses_are_found() {
    let response = respond(0)
        .record(NAME, 1, 300, &[192, 0, 2, 1])
        .record(NAME, 1, 60, &[192, 0, 2, 2])
        .record(NAME, 1, 90, &[192, 0, 2, 1])
        .record(NAME, 28, 5, &[0; 16])
        .record("other.example", 1, 5, &[192, 0, 2, 9])
        .options(0);
    let Ok(Answer::Addresses(found)) = answer(&response) else { panic!() };
    assert_eq!(found.addresses, [[192, 0, 2, 1], [192, 0, 2, 2]].map(IpAddr::from));
    assert_eq!((found.ttl, found.canonical.to_string().as_str()), (60, NAME));
}

#[test]
fn aliases_are_followed_in_any_order() {
    let response = respond(0)
        .record("c.example", 1, 30, &[192, 0, 2, 1])
        .alias("b.example", "c.example", 20)
        .alias(NAME, "b.example", 40);
    let Ok(Answer::Addresses(found)) = answer(&response) else { panic!() };
    assert_eq!(found.addresses, [IpAddr::from([192, 0, 2, 1])]);
    assert_eq!((found.ttl, found.canonical.to_string().as_str()), (20, "c.example"));
}

#[test]
fn what_does_not_follow_from_the_name_does_not_count() {
    let response = respond(0)
        .record("evil.example", 1, 30, &[192, 0, 2, 1])
        .alias("evil.example", NAME, 30)
        .authority("example.com", 30, 30);
    assert_eq!(answer(&response), Ok(Answer::NoAddresses(Some(30))));
    let mut other_class = respond(0).record(NAME, 1, 30, &[192, 0, 2, 1]);
    let class = other_class.bytes.len() - 11;
    other_class.bytes[class] = 3;
    assert_eq!(answer(&other_class), Ok(Answer::NoAddresses(None)));
}

#[test]
fn aliases_that_lie_are_refused() {
    let own = respond(0).alias(NAME, NAME, 1);
    assert_eq!(answer(&own), Err(Kind::AliasLoop));
    let pair = respond(0).alias(NAME, "b.example", 1).alias("b.example", NAME, 1);
    assert_eq!(answer(&pair), Err(Kind::AliasLoop));
    let two = respond(0).alias(NAME, "b.example", 1).alias(NAME, "c.example", 1);
    assert_eq!(answer(&two), Err(Kind::AliasNotAlone));
    let beside = respond(0).alias(NAME, "b.example", 1).record(NAME, 1, 1, &[1, 2, 3, 4]);
    assert_eq!(answer(&beside), Err(Kind::AliasNotAlone));
    let twice = respond(0).alias(NAME, "b.example", 1).alias(NAME, "b.example", 1);
    assert_eq!(answer(&twice), Ok(Answer::NoAddresses(None)));

    let chain = |count: usize| {
        let mut response = respond(0).alias(NAME, "x0", 1);
        for index in 1..count {
            response =
                response.alias(&std::format!("x{}", index - 1), &std::format!("x{index}"), 1);
        }
        response.record(&std::format!("x{}", count - 1), 1, 1, &[192, 0, 2, 1])
    };
    assert!(matches!(answer(&chain(DNS_ALIASES_COUNT_MAX)), Ok(Answer::Addresses(_))));
    assert_eq!(answer(&chain(DNS_ALIASES_COUNT_MAX + 1)), Err(Kind::AliasLoop));
}

#[test]
fn nothing_is_remembered_as_long_as_the_zone_says() {
    assert_eq!(answer(&respond(0)), Ok(Answer::NoAddresses(None)));
    assert_eq!(answer(&respond(3)), Ok(Answer::NoSuchName(None)));
    let missing = respond(3).authority("example.com", 900, 60);
    assert_eq!(answer(&missing), Ok(Answer::NoSuchName(Some(60))));
    let missing = respond(3).authority("com", 30, 60);
    assert_eq!(answer(&missing), Ok(Answer::NoSuchName(Some(30))));
    let foreign = respond(3).authority("example.org", 900, 60);
    assert_eq!(answer(&foreign), Ok(Answer::NoSuchName(None)), "not its zone");
    let over_alias = respond(3).alias(NAME, "b.example.org", 10).authority("example.org", 9, 60);
    assert_eq!(answer(&over_alias), Ok(Answer::NoSuchName(Some(9))));
}

#[test]
fn lifetimes_with_the_highest_bit_are_none() {
    let response = respond(0).record(NAME, 1, 0x8000_0000, &[192, 0, 2, 1]);
    let Ok(Answer::Addresses(found)) = answer(&response) else { panic!() };
    assert_eq!(found.ttl, 0);
}

#[test]
fn codes_and_flags_are_told() {
    assert_eq!(answer(&respond(2)), Ok(Answer::Failed(ResponseCode::SERVER_FAILURE)));
    assert_eq!(answer(&respond(5)), Ok(Answer::Failed(ResponseCode::REFUSED)));
    assert_eq!(answer(&respond(0).options(1)), Ok(Answer::Failed(ResponseCode::BAD_VERSION)));
    assert_eq!(ResponseCode::REFUSED.to_string(), "refused to answer (code 5)");
    let mut cut = respond(0);
    cut.bytes[2] |= 0x02;
    cut.bytes[7] = 9;
    assert_eq!(answer(&cut), Ok(Answer::Truncated), "its records need not be there");
    let mut referral = respond(0);
    referral.bytes[3] = 0;
    assert_eq!(answer(&referral), Ok(Answer::Referral));
    referral.bytes[2] |= 0x04;
    assert_eq!(answer(&referral), Ok(Answer::NoAddresses(None)));
}

#[test]
fn only_the_own_question_is_answered() {
    let good = respond(0).record(NAME, 1, 1, &[192, 0, 2, 1]).bytes;
    let with = |offset: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[offset] ^= byte;
        let error = question().read(&bytes).unwrap_err();
        assert!(error.is_foreign(), "{error}");
        error.kind()
    };
    assert_eq!(with(1, 1), Kind::WrongId);
    assert_eq!(with(2, 0x80), Kind::NotAResponse);
    assert_eq!(with(2, 0x08), Kind::NotAResponse);
    assert_eq!(with(5, 1), Kind::WrongQuestion);
    assert_eq!(with(5, 2), Kind::WrongQuestion);
    assert_eq!(with(12, 1), Kind::WrongQuestion);
    assert_eq!(with(13, 1), Kind::WrongQuestion);
    assert_eq!(with(13, 0x20), Kind::WrongCase);
    assert_eq!(with(12 + 17 + 1, 1), Kind::WrongQuestion, "type");
    assert_eq!(with(12 + 17 + 3, 2), Kind::WrongQuestion, "class");
    for length in 0..12 {
        let error = question().read(&good[..length]).unwrap_err();
        assert_eq!((error.kind(), error.is_foreign()), (Kind::NoHeader, true));
    }
}

#[test]
fn letters_come_back_as_they_were_asked() {
    let cased = question().with_casing(0b1010);
    let response = Response::to(&cased, 0).record(NAME, 1, 1, &[192, 0, 2, 1]).bytes;
    assert_eq!(&response[13..16], b"wWw");
    assert!(cased.read(&response).is_ok());
    let lower = respond(0).record(NAME, 1, 1, &[192, 0, 2, 1]).bytes;
    assert_eq!(cased.read(&lower).unwrap_err().kind(), Kind::WrongCase);
    assert!(cased.read_in_any_case(&lower).is_ok());
}

#[test]
fn a_server_without_options_may_answer_with_a_header_alone() {
    let header = |code: u8| [0x42, 0x42, 0x81, 0x80 | code, 0, 0, 0, 0, 0, 0, 0, 0];
    let expected = Ok(Answer::Failed(ResponseCode::FORMAT_ERROR));
    assert_eq!(question().read(&header(1)), expected);
    for code in [0, 2, 3, 5] {
        let error = question().read(&header(code)).unwrap_err();
        assert_eq!((error.kind(), error.is_foreign()), (Kind::WrongQuestion, true));
    }
}

#[test]
fn broken_records_break_the_message() {
    let good = respond(0).record(NAME, 1, 1, &[192, 0, 2, 1]).bytes;
    for length in 33..good.len() {
        let error = question().read(&good[..length]).unwrap_err();
        assert_eq!((error.kind(), error.is_foreign()), (Kind::Short, false), "{length}");
    }
    let mut long = good.clone();
    long.push(0);
    assert_eq!(question().read(&long).unwrap_err().kind(), Kind::TrailingBytes);
    let mut many = good;
    many[6] = 0x10;
    assert_eq!(question().read(&many).unwrap_err().kind(), Kind::TooManyRecords);

    for (response, kind) in [
        (respond(0).record(NAME, 1, 1, &[1, 2, 3]), Kind::AddressLength),
        (respond(0).record(NAME, 5, 1, &[1, b'a', 0, 0]), Kind::RecordLength),
        (respond(0).record(NAME, 5, 1, &[1, b'a']), Kind::Short),
        (respond(0).record(NAME, 41, 1, &[]), Kind::OptMisplaced),
        (respond(0).options(0).options(0), Kind::OptMisplaced),
    ] {
        assert_eq!(answer(&response), Err(kind));
    }
    let mut zone = respond(3);
    zone.section = 8;
    let zone = zone.record("example.com", 6, 1, &[0, 0, 1, 2, 3]);
    assert_eq!(answer(&zone), Err(Kind::RecordLength));
}

#[test]
fn at_most_so_many_addresses_are_kept() {
    let mut response = respond(0);
    for last in 0..100 {
        response = response.record(NAME, 1, 1, &[192, 0, 2, last]);
    }
    let Ok(Answer::Addresses(found)) = answer(&response) else { panic!() };
    assert_eq!(found.addresses.len(), DNS_ADDRESSES_COUNT_MAX);
}

/// Compression changes nothing: every owner and target as a pointer where it stood before.
#[test]
fn compressed_names_are_the_same_names() {
    let mut bytes = respond(0).bytes;
    bytes[7] = 2;
    // `www.example.com` is at 12, `example.com` at 16, `com` at 24.
    bytes.extend_from_slice(&[
        0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 6, 3, b'c', b'd', b'n', 0xc0, 24,
    ]);
    let target = u8::try_from(bytes.len() - 6).unwrap();
    bytes.extend_from_slice(&[0xc0, target, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1]);
    let Ok(Answer::Addresses(found)) = question().read(&bytes) else { panic!() };
    assert_eq!(found.canonical.to_string(), "cdn.com");
}

/// Any change of a good response gives an answer or an error, and what differs in id or question is
/// never an answer.
#[test]
fn no_bytes_panic_and_no_foreign_message_is_believed() {
    let good = respond(0)
        .alias(NAME, "b.example", 7)
        .record("b.example", 1, 7, &[192, 0, 2, 1])
        .authority("example.com", 1, 1)
        .options(0)
        .bytes;
    arbtest(|u| {
        let mut bytes = good.clone();
        for _ in 0..u.int_in_range(1..=4)? {
            let index = u.choose_index(bytes.len())?;
            bytes[index] = u.arbitrary()?;
        }
        bytes.truncate(u.int_in_range(0..=bytes.len())?);
        match question().read(&bytes) {
            Ok(Answer::Addresses(found)) => {
                assert!(!found.addresses.is_empty());
                assert_eq!(bytes[..2], good[..2]);
                assert_eq!(bytes[12..33], good[12..33]);
            }
            Ok(_) => assert_eq!(bytes[..2], good[..2]),
            Err(error) => assert!(error.offset() as usize <= bytes.len(), "{error}"),
        }
        Ok(())
    });
}

//! Handshakes, and what is wrong with the others.

use super::*;
use crate::wire::http::Target;

fn answer() -> ResponseHead {
    let mut head = ResponseHead::new(StatusCode::SWITCHING_PROTOCOLS);
    for (name, value) in [
        ("Upgrade", "WebSocket"),
        ("Connection", "keep-alive, Upgrade"),
        ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    ] {
        append(&mut head.headers, name, value);
    }
    head
}

/// `Connection` is written by the HTTP codec, so a head that has it must have been read.
fn append(headers: &mut Headers, name: &str, value: &str) {
    let mut text = String::from("HTTP/1.1 200 OK\r\n");
    for (name, value) in headers.iter() {
        text.push_str(&std::format!("{}: {}\r\n", name.as_str(), value.as_str().unwrap()));
    }
    text.push_str(&std::format!("{name}: {value}\r\n\r\n"));
    *headers = parsed(&text);
}

fn parsed(text: &str) -> Headers {
    use crate::wire::http::{BodyLength, Client, HttpLimits, ResponsePart};
    let mut client = Client::new(HttpLimits::default());
    let mut head = RequestHead::new(Method::GET, Target::new("/").unwrap());
    head.headers.append("Host", "a").unwrap();
    client.send_head(&head, BodyLength::Empty, &mut Vec::new()).unwrap();
    match client.next(&mut text.as_bytes()) {
        Ok(Some(ResponsePart::Head(head))) => head.headers,
        other => panic!("{other:?}"),
    }
}

fn without(headers: &Headers, skipped: &str) -> Headers {
    let mut rest = Headers::new();
    for (name, value) in headers.iter().filter(|(name, _)| name.as_str() != skipped) {
        append(&mut rest, name.as_str(), value.as_str().unwrap());
    }
    rest
}

fn offer() -> Offer {
    Offer::new(*b"the sample nonce").with_protocol("chat").unwrap().with_protocol("v2").unwrap()
}

#[test]
fn a_client_offers_what_the_standard_asks_for() {
    let mut headers = Headers::new();
    offer().add_to(&mut headers).unwrap();
    let fields: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    let expected = [
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Protocol", "chat, v2"),
    ];
    assert_eq!(fields, expected);
    let kind = |offer: Result<Offer, HandshakeError>| offer.unwrap_err().kind();
    assert_eq!(kind(offer().with_protocol("chat")), Kind::WrongProtocol);
    assert_eq!(kind(offer().with_protocol("a b")), Kind::WrongProtocol);
    assert_eq!(kind(offer().with_protocol("")), Kind::WrongProtocol);
    let mut many = Offer::new([0; 16]);
    for index in 0..WEBSOCKET_PROTOCOLS_COUNT_MAX {
        many = many.with_protocol(&std::format!("p{index}")).unwrap();
    }
    assert_eq!(kind(many.with_protocol("x")), Kind::TooManyProtocols);
}

#[test]
fn a_client_takes_no_other_answer() {
    assert_eq!(offer().check(&answer()), Ok(None));
    let with = |name: &str, value: &str| {
        let mut head = answer();
        append(&mut head.headers, name, value);
        offer().check(&head).map(|protocol| protocol.map(String::from))
    };
    assert_eq!(with("Sec-WebSocket-Protocol", "v2"), Ok(Some("v2".into())));
    for (name, value, kind) in [
        ("Sec-WebSocket-Protocol", "V2", Kind::UnaskedProtocol),
        ("Sec-WebSocket-Protocol", "chat, v2", Kind::UnaskedProtocol),
        ("Sec-WebSocket-Protocol", "", Kind::UnaskedProtocol),
        ("Sec-WebSocket-Extensions", "permessage-deflate", Kind::UnaskedExtension),
        ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", Kind::WrongAccept),
        ("Upgrade", "websocket", Kind::NoUpgrade),
    ] {
        assert_eq!(with(name, value).unwrap_err().kind(), kind, "{name}: {value}");
    }
    for (name, kind) in [
        ("Upgrade", Kind::NoUpgrade),
        ("Connection", Kind::NoConnection),
        ("Sec-WebSocket-Accept", Kind::WrongAccept),
    ] {
        let mut head = answer();
        head.headers = without(&head.headers, name);
        assert_eq!(offer().check(&head).unwrap_err().kind(), kind, "without {name}");
    }
    let other = Offer::new([0; 16]);
    assert_eq!(other.check(&answer()).unwrap_err().kind(), Kind::WrongAccept, "another's answer");
    let mut refused = answer();
    refused.status = StatusCode::UNAUTHORIZED;
    let error = offer().check(&refused).unwrap_err();
    assert_eq!((error.kind(), error.status()), (Kind::WrongStatus, Some(401)));
    assert_eq!(
        std::string::ToString::to_string(&error),
        "WebSocket handshake: the server answered not with 101 but with status 401"
    );
}

fn request() -> RequestHead {
    let mut head = RequestHead::new(Method::GET, Target::new("/chat").unwrap());
    for (name, value) in [
        ("Host", "localhost"),
        ("Upgrade", "h2c, WebSocket"),
        ("Connection", "upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "13"),
    ] {
        append(&mut head.headers, name, value);
    }
    head
}

#[test]
fn a_server_takes_no_other_request() {
    assert!(Request::read(&request()).is_ok());
    let kind = |head: &RequestHead| Request::read(head).unwrap_err().kind();
    let with = |name: &str, value: &str| {
        let mut head = request();
        append(&mut head.headers, name, value);
        kind(&head)
    };
    assert_eq!(with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), Kind::WrongKey);
    assert_eq!(with("Sec-WebSocket-Version", "13"), Kind::WrongVersion);
    assert_eq!(with("Sec-WebSocket-Protocol", "a, b c"), Kind::WrongProtocol);
    assert_eq!(with("Sec-WebSocket-Protocol", "a, a"), Kind::WrongProtocol);
    let many: Vec<_> = (0..20).map(|index| std::format!("p{index}")).collect();
    assert_eq!(with("Sec-WebSocket-Protocol", &many.join(",")), Kind::TooManyProtocols);
    for (name, value, expected) in [
        ("Upgrade", "h2c", Kind::NoUpgrade),
        ("Connection", "close", Kind::NoConnection),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ", Kind::WrongKey),
        ("Sec-WebSocket-Key", "AAAA", Kind::WrongKey),
        ("Sec-WebSocket-Version", "8", Kind::WrongVersion),
    ] {
        let mut head = request();
        head.headers = without(&head.headers, name);
        assert_eq!(kind(&head), expected, "without {name}");
        append(&mut head.headers, name, value);
        assert_eq!(kind(&head), expected, "{name}: {value}");
    }
    let mut head = request();
    head.method = Method::POST;
    assert_eq!(kind(&head), Kind::WrongMethod);
    let mut head = request();
    head.version = Version::Http10;
    assert_eq!(kind(&head), Kind::WrongHttpVersion);
    let mut head = request();
    append(&mut head.headers, "Origin", "http://a");
    assert_eq!(Request::read(&head).unwrap().origin(), Some(&b"http://a"[..]));
    append(&mut head.headers, "Origin", "http://b");
    assert_eq!(kind(&head), Kind::RepeatedOrigin);
}

#[test]
fn a_server_answers_with_what_was_asked_for() {
    let mut head = request();
    append(&mut head.headers, "Sec-WebSocket-Protocol", "a, b");
    append(&mut head.headers, "Sec-WebSocket-Protocol", "c");
    let request = Request::read(&head).unwrap();
    assert_eq!(request.protocols(), ["a", "b", "c"]);
    assert_eq!(request.accept(Some("d")).unwrap_err().kind(), Kind::UnaskedProtocol);
    let answer = request.accept(Some("b")).unwrap();
    assert_eq!(only(&answer.headers, "sec-websocket-protocol"), Some(&b"b"[..]));
    assert_eq!(
        only(&answer.headers, "sec-websocket-accept"),
        Some(&b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="[..])
    );
}

#[test]
fn a_refusal_says_what_would_be_right() {
    let refusal = |kind| HandshakeError::new(kind).refusal();
    let version = refusal(Kind::WrongVersion);
    assert_eq!(version.status, StatusCode::UPGRADE_REQUIRED);
    assert_eq!(only(&version.headers, "sec-websocket-version"), Some(&b"13"[..]));
    assert_eq!(only(&version.headers, "upgrade"), Some(&b"websocket"[..]));
    assert_eq!(only(&refusal(Kind::WrongMethod).headers, "allow"), Some(&b"GET"[..]));
    assert_eq!(refusal(Kind::WrongKey).status, StatusCode::BAD_REQUEST);
}

//! Goal: every provider's error has the kind that it means. Method: bodies in the shapes that
//! providers document, one a line: the status, the kind, the body.

use core::time::Duration;

use sentinel_core::llm::{Dialect, ModelErrorKind, OpenAiProfile};
use sentinel_core::time::Timestamp;
use sentinel_core::wire::http::Headers;

const OPENAI: Dialect = Dialect::OpenAi(OpenAiProfile::GENERIC);

#[test]
fn errors_of_many_providers() {
    let lines = include_str!("../data/llm/errors.txt");
    for line in lines.lines() {
        let mut parts = line.splitn(3, ' ');
        let (status, kind, body) = match (parts.next(), parts.next(), parts.next()) {
            (Some(status), Some(kind), Some(body)) => (status.parse().unwrap(), kind, body),
            _ => panic!("{line}"),
        };
        for dialect in [Dialect::Anthropic, OPENAI] {
            let error = dialect.error(status, &Headers::new(), body.as_bytes(), Timestamp(0));
            assert_eq!(format!("{:?}", error.kind), kind, "{line}");
            assert_eq!(error.status, Some(status));
        }
    }
    assert!(lines.lines().count() > 30);
}

/// No secret reaches an error: not even when the provider repeats it.
#[test]
fn a_key_that_is_repeated_is_hidden() {
    const KEY: &str = "sk-proj-0123456789abcdefghijklmnop";
    for body in [
        format!(r#"{{"error":{{"message":"Incorrect API key provided: {KEY}."}}}}"#),
        format!(r#"{{"error":{{"message":"Authorization: Bearer {KEY}","code":"x"}}}}"#),
        format!("key={KEY}\n"),
    ] {
        for status in [400, 401, 500] {
            let error = OPENAI.error(status, &Headers::new(), body.as_bytes(), Timestamp(0));
            assert!(!format!("{error} {error:?}").contains("0123456789"), "{error}");
        }
    }
}

#[test]
fn a_wait_is_bounded() {
    let headers = Headers::new().with("retry-after", "1000000000").unwrap();
    let error = OPENAI.error(429, &headers, b"", Timestamp(0));
    assert_eq!(error.kind, ModelErrorKind::RateLimited);
    assert_eq!(error.retry_after, Some(Duration::from_secs(3600)));
}

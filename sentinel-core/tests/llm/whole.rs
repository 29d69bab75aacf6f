//! Goal: an answer that comes whole says the same as one that is streamed. Method: answers as the
//! APIs document them, read and written in plain words.

use sentinel_core::llm::{Dialect, Malformed, ModelErrorKind, OpenAiProfile};

use crate::read::render;

const OPENAI: Dialect = Dialect::OpenAi(OpenAiProfile::GENERIC);

#[test]
fn anthropic() {
    let body = include_bytes!("../data/llm/anthropic/whole.json");
    let reply = Dialect::Anthropic.whole(7, body).unwrap();
    assert_eq!(render(&reply), include_str!("../data/llm/anthropic/whole.reply"));
    no_part_is_whole(Dialect::Anthropic, body);
}

#[test]
fn openai() {
    let body = include_bytes!("../data/llm/openai/whole.json");
    let reply = OPENAI.whole(7, body).unwrap();
    assert_eq!(render(&reply), include_str!("../data/llm/openai/whole.reply"));
    no_part_is_whole(OPENAI, body);
}

fn no_part_is_whole(dialect: Dialect, body: &[u8]) {
    let body = body.trim_ascii_end();
    for length in 0..body.len() {
        let error = dialect.whole(7, &body[..length]).unwrap_err();
        assert_eq!(error.kind, ModelErrorKind::Malformed(Malformed::Json), "{length}");
    }
}

#[test]
fn what_is_no_answer_is_an_error() {
    let malformed = ModelErrorKind::Malformed;
    for (dialect, body, kind) in [
        (Dialect::Anthropic, "{}", malformed(Malformed::NotAnAnswer)),
        (Dialect::Anthropic, "[]", malformed(Malformed::NotAnAnswer)),
        (Dialect::Anthropic, r#"{"type":"message"}"#, malformed(Malformed::Shape)),
        (Dialect::Anthropic, r#"{"type":"message","content":[]}"#, malformed(Malformed::Shape)),
        (
            Dialect::Anthropic,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#,
            ModelErrorKind::Overloaded,
        ),
        (OPENAI, "{}", malformed(Malformed::NotAnAnswer)),
        (OPENAI, "[]", malformed(Malformed::Shape)),
        (OPENAI, r#"{"choices":[]}"#, malformed(Malformed::Shape)),
        (OPENAI, r#"{"choices":[{"message":{"content":"x"}}]}"#, malformed(Malformed::Shape)),
        (OPENAI, r#"{"choices":[3]}"#, malformed(Malformed::Shape)),
        (OPENAI, r#"{"error":{"code":429,"message":"slow"}}"#, ModelErrorKind::RateLimited),
    ] {
        assert_eq!(dialect.whole(7, body.as_bytes()).unwrap_err().kind, kind, "{body}");
    }
}

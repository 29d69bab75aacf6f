//! Goal: a stream that is wrong is an error of the right kind, and what came before it is kept.
//! Method: small streams, each with one thing wrong.

use sentinel_core::llm::{
    Block, Dialect, Malformed, ModelError, ModelErrorKind, OpenAiProfile, TransportKind,
};

use crate::read::read;

const OPENAI: Dialect = Dialect::OpenAi(OpenAiProfile::GENERIC);
const START: &str = r#"{"type":"message_start","message":{}}"#;
const TEXT: &str =
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;
const END: &str = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#;

/// The error that a stream of these data ends with.
fn error(dialect: Dialect, data: &[&str]) -> ModelError {
    let stream: String = data.iter().map(|data| format!("data: {data}\n\n")).collect();
    let whole = read(dialect, [stream.as_bytes()]);
    assert_eq!(read(dialect, stream.as_bytes().chunks(1)), whole);
    whole.end.expect_err(&stream).error
}

#[test]
fn anthropic_events_that_make_no_sense() {
    let delta =
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}"#;
    let other_block = delta.replace(":0", ":1");
    let other_kind =
        delta.replace("text_delta", "thinking_delta").replace("\"text\"", "\"thinking\"");
    let stop_other = r#"{"type":"content_block_stop","index":3}"#;
    let no_name = TEXT.replace("\"type\":\"text\"", "\"type\":\"tool_use\"");
    for (data, what) in [
        (&["{"][..], Malformed::Json),
        (&[r#"{"type":1}"#], Malformed::Shape),
        (&["[]"], Malformed::Shape),
        (&[r#"{"type":"ping","type":"error"}"#], Malformed::Json),
        (&[TEXT], Malformed::Order),
        (&[END], Malformed::Order),
        (&[STOP], Malformed::Order),
        (&[START, START], Malformed::Order),
        (&[START, STOP], Malformed::Order),
        (&[START, delta], Malformed::Order),
        (&[START, TEXT, TEXT], Malformed::Order),
        (&[START, TEXT, &other_block], Malformed::Order),
        (&[START, TEXT, &other_kind], Malformed::Order),
        (&[START, TEXT, stop_other], Malformed::Order),
        (&[START, TEXT, END, STOP], Malformed::Order),
        (&[START, &no_name], Malformed::Shape),
        (&[START, r#"{"type":"content_block_start","index":0}"#], Malformed::Shape),
        (&[START, r#"{"type":"content_block_start","index":-1}"#], Malformed::Shape),
        (&[START, TEXT, r#"{"type":"content_block_delta","index":0}"#], Malformed::Shape),
        (&[START, r#"{"type":"message_delta"}"#], Malformed::Shape),
    ] {
        let kind = error(Dialect::Anthropic, data).kind;
        assert_eq!(kind, ModelErrorKind::Malformed(what), "{data:?}");
    }
}

#[test]
fn openai_chunks_that_make_no_sense() {
    let call = |entry: &str| {
        format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{entry}]}},"finish_reason":"stop"}}]}}"#)
    };
    let stray = call(r#"{"index":0,"function":{"arguments":"{}"}}"#);
    let early = call(r#"{"index":0,"id":"a","function":{"arguments":"{}"}}"#);
    let nameless = call(r#"{"index":0,"id":"a"}"#);
    for (data, what) in [
        ("{", Malformed::Json),
        ("[DONE", Malformed::Json),
        ("[DONE]", Malformed::Order),
        ("[]", Malformed::Shape),
        (r#"{"choices":[[]]}"#, Malformed::Shape),
        (r#"{"choices":[],"choices":[]}"#, Malformed::Json),
        (&stray, Malformed::Order),
        (&early, Malformed::Order),
        (&nameless, Malformed::Shape),
    ] {
        let kind = error(OPENAI, &[data]).kind;
        assert_eq!(kind, ModelErrorKind::Malformed(what), "{data:?}");
    }
}

#[test]
fn errors_in_the_middle_of_a_stream() {
    for (dialect, before, data, kind) in [
        (
            Dialect::Anthropic,
            START,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            ModelErrorKind::Overloaded,
        ),
        (
            OPENAI,
            r#"{"choices":[{"delta":{"content":"x"}}]}"#,
            r#"{"error":{"code":502,"message":"m"},"choices":[{"finish_reason":"error"}]}"#,
            ModelErrorKind::ServerError,
        ),
        (
            OPENAI,
            r#"{"choices":[]}"#,
            r#"{"choices":[{"delta":{},"error":{"code":429,"message":"m"}}]}"#,
            ModelErrorKind::RateLimited,
        ),
        (
            OPENAI,
            r#"{"choices":[]}"#,
            r#"{"object":"error","message":"m","type":"BadRequestError","code":400}"#,
            ModelErrorKind::BadRequest,
        ),
        (OPENAI, r#"{"choices":[]}"#, r#"{"error":"m"}"#, ModelErrorKind::ServerError),
        (
            OPENAI,
            r#"{"choices":[]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"error"}]}"#,
            ModelErrorKind::ServerError,
        ),
        (
            OPENAI,
            r#"{"choices":[]}"#,
            r#"{"choices":[{"finish_reason":"insufficient_system_resource"}]}"#,
            ModelErrorKind::Overloaded,
        ),
    ] {
        assert_eq!(error(dialect, &[before, data]).kind, kind, "{data}");
    }
}

#[test]
fn what_came_before_a_cut_is_kept_as_what_it_is() {
    let stream = "data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n";
    let cut = read(OPENAI, [stream.as_bytes()]).end.unwrap_err();
    assert_eq!(cut.error.kind, ModelErrorKind::Transport(TransportKind::Cut));
    assert_eq!(cut.message.blocks, [Block::Text("half".into())]);
}

#[test]
fn nothing_after_the_end_counts() {
    let end =
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n";
    let stream = format!("{end}data: [DONE]\n\ndata: nonsense\n\n{end}");
    let reply = read(OPENAI, [stream.as_bytes()]).end.unwrap();
    assert_eq!(reply.message.blocks, [Block::Text("a".into())]);
    let stream = format!("data: {START}\n\ndata: {END}\n\ndata: {STOP}\n\ndata: {{\n\n");
    assert!(read(Dialect::Anthropic, [stream.as_bytes()]).end.is_ok());
}

//! Goal: an answer that does not end is given up at a bound that the error names. Method: streams
//! that go on for ever, in either dialect.

use sentinel_core::limits::MODEL_EVENT_BYTES_MAX;
use sentinel_core::llm::{Assembler, Dialect, ModelErrorKind, OpenAiProfile, ReplyBound};

const OPENAI: Dialect = Dialect::OpenAi(OpenAiProfile::GENERIC);
const CALL: &str =
    r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f"}}]}}]}"#;
const ANTHROPIC_START: &str = r#"{"type":"message_start","message":{}}"#;
const ANTHROPIC_CALL: &str = concat!(
    r#"{"type":"content_block_start","index":0,"#,
    r#""content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}"#
);
/// Events with a piece at the place of the word.
const OPENAI_PIECE: &str = concat!(
    r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"#,
    r#""function":{"arguments":"PIECE"}}]}}]}"#
);
const ANTHROPIC_PIECE: &str = concat!(
    r#"{"type":"content_block_delta","index":0,"#,
    r#""delta":{"type":"input_json_delta","partial_json":"PIECE"}}"#
);

/// Reads `start` and then `again` and again, until something ends it.
fn read_for_ever(
    dialect: Dialect,
    start: &[&str],
    again: impl Fn(usize) -> String,
) -> ModelErrorKind {
    let mut decoder = dialect.decoder(7);
    let mut answer = Assembler::new();
    let mut count = 0;
    loop {
        let data = start.get(count).map_or_else(|| again(count), |data| (*data).into());
        count += 1;
        let event = format!("data: {data}\n\n");
        let mut input = event.as_bytes();
        loop {
            match decoder.next(&mut input) {
                Ok(Some(delta)) => {
                    if let Err(error) = answer.add(delta) {
                        return error.kind;
                    }
                }
                Ok(None) => break,
                Err(error) => return error.kind,
            }
        }
        assert!(count < 100_000, "nothing ends it");
    }
}

#[test]
fn ten_megabytes_of_arguments() {
    let piece = "x".repeat(1 << 16);
    let bound = ModelErrorKind::TooLarge(ReplyBound::ArgumentBytes);
    let openai = |_| OPENAI_PIECE.replace("PIECE", &piece);
    assert_eq!(read_for_ever(OPENAI, &[CALL], openai), bound);
    let anthropic = |_| ANTHROPIC_PIECE.replace("PIECE", &piece);
    let start = [ANTHROPIC_START, ANTHROPIC_CALL];
    assert_eq!(read_for_ever(Dialect::Anthropic, &start, anthropic), bound);
    // In one event, the event is too long.
    let whole = CALL.replace("\"f\"", &format!("\"f\",\"arguments\":\"{}\"", "x".repeat(10 << 20)));
    let kind = read_for_ever(OPENAI, &[&whole], |_| String::new());
    assert_eq!(kind, ModelErrorKind::TooLarge(ReplyBound::EventBytes));
}

#[test]
fn text_without_end() {
    let piece = "x".repeat(1 << 16);
    let text = |_| format!(r#"{{"choices":[{{"delta":{{"content":"{piece}"}}}}]}}"#);
    let bound = ModelErrorKind::TooLarge(ReplyBound::TextBytes);
    assert_eq!(read_for_ever(OPENAI, &[], text), bound);
    let thinking = |_| format!(r#"{{"choices":[{{"delta":{{"reasoning":"{piece}"}}}}]}}"#);
    assert_eq!(read_for_ever(OPENAI, &[], thinking), bound);
}

#[test]
fn calls_and_names_without_end() {
    let calls = |count| CALL.replace(":0", &format!(":{count}"));
    let bound = ModelErrorKind::TooLarge(ReplyBound::ToolCalls);
    assert_eq!(read_for_ever(OPENAI, &[], calls), bound);
    // Calls that never get a name are counted too.
    let nameless = |count| calls(count).replace(r#","function":{"name":"f"}"#, "");
    assert_eq!(read_for_ever(OPENAI, &[], nameless), bound);
    let long = "x".repeat(5000);
    for data in [
        CALL.replace("\"a\"", &format!("\"{long}\"")),
        CALL.replace("\"f\"", &format!("\"{long}\"")),
    ] {
        let kind = read_for_ever(OPENAI, &[&data], |_| String::new());
        assert_eq!(kind, ModelErrorKind::TooLarge(ReplyBound::NameBytes));
    }
    let anthropic = |count| {
        let call = ANTHROPIC_CALL.replace(":0", &format!(":{count}"));
        format!("{call}\n\ndata: {{\"type\":\"content_block_stop\",\"index\":{count}}}")
    };
    assert_eq!(read_for_ever(Dialect::Anthropic, &[ANTHROPIC_START], anthropic), bound);
}

#[test]
fn blocks_without_end() {
    let block = |count| {
        let text = r#"{"type":"text","text":"x"}"#;
        format!(
            "{{\"type\":\"content_block_start\",\"index\":{count},\"content_block\":{text}}}\n\n\
             data: {{\"type\":\"content_block_stop\",\"index\":{count}}}"
        )
    };
    let kind = read_for_ever(Dialect::Anthropic, &[ANTHROPIC_START], block);
    assert_eq!(kind, ModelErrorKind::TooLarge(ReplyBound::Blocks));
}

#[test]
fn a_line_without_end() {
    let mut decoder = OPENAI.decoder(0);
    let piece = [b'x'; 1 << 16];
    let error = (0..=MODEL_EVENT_BYTES_MAX / piece.len())
        .find_map(|_| decoder.next(&mut &piece[..]).err())
        .unwrap();
    assert_eq!(error.kind, ModelErrorKind::TooLarge(ReplyBound::EventBytes));
}

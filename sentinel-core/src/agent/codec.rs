//! The words of a conversation, as records hold them.
//!
//! # Invariants
//! - What is written reads back as the same value.
//! - What does not read back is an error that says what is wrong; nothing is guessed.
//!
//! # Not here
//! What goes to a model's provider: [`llm`](crate::llm).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::llm::{
    Block, HeldImage, Image, ImageKind, ImageSource, Malformed, Message, ModelError,
    ModelErrorKind, ReplyBound, Role, StopReason, ToolResult, ToolUse, TransportKind, Usage,
};
use crate::text::json::{AccessError, ArrayWriter, ObjectWriter, Sink, Value};

/// A record does not say what its kind promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    what: String,
}

impl Unreadable {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into() }
    }

    pub(super) fn word(what: &str, word: &str) -> Self {
        Self::new(format!("'{word}' is no {what}"))
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl core::error::Error for Unreadable {}

impl From<AccessError> for Unreadable {
    fn from(error: AccessError) -> Self {
        Self::new(error.to_string())
    }
}

pub(super) fn text(value: Value<'_>, key: &str) -> Result<String, Unreadable> {
    Ok(value.get(key)?.as_str()?.to_string())
}

pub(super) fn number(value: Value<'_>, key: &str) -> Result<u64, Unreadable> {
    Ok(value.get(key)?.as_u64()?)
}

pub(super) fn flag(value: Value<'_>, key: &str) -> Result<bool, Unreadable> {
    Ok(value.get(key)?.as_bool()?)
}

/// The value of a word in a table, or the word of a value.
pub(super) fn named<T: Copy>(
    table: &[(T, &'static str)],
    what: &str,
    word: &str,
) -> Result<T, Unreadable> {
    let found = table.iter().find(|(_, name)| *name == word);
    found.map(|(value, _)| *value).ok_or_else(|| Unreadable::word(what, word))
}

pub(super) fn word<T: PartialEq>(table: &[(T, &'static str)], value: &T) -> &'static str {
    table.iter().find(|(known, _)| known == value).map_or("other", |(_, name)| name)
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// As many bytes as hexadecimal digits say.
pub(crate) fn unhex<const COUNT: usize>(digits: &str) -> Result<[u8; COUNT], Unreadable> {
    let wrong = || Unreadable::new(format!("{COUNT} bytes in hexadecimal digits are expected"));
    let mut bytes = [0; COUNT];
    if digits.len() != COUNT * 2 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        let pair = core::str::from_utf8(pair).map_err(|_| wrong())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
    }
    Ok(bytes)
}

pub(super) fn write_message<S: Sink>(out: &mut ObjectWriter<'_, S>, message: &Message) {
    let role = match message.role {
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    out.field("role", role);
    out.array("blocks", |blocks| {
        for block in &message.blocks {
            write_block(blocks, block);
        }
    });
}

pub(super) fn write_block<S: Sink>(blocks: &mut ArrayWriter<'_, S>, block: &Block) {
    blocks.object(|out| match block {
        Block::Text(text) => {
            out.field("text", text.as_str());
        }
        Block::Thinking { text, signature } => {
            out.field("thinking", text.as_str()).field("signature", signature.as_str());
        }
        Block::SealedThinking(sealed) => {
            out.field("sealed", sealed.as_str());
        }
        Block::Image(Image { kind, source }) => {
            out.field("image", word(&IMAGE_KINDS, kind));
            match source {
                ImageSource::Url(url) => out.field("url", url.as_str()),
                ImageSource::Held { image, file } => {
                    out.field("sha256", hex(&image.digest).as_str());
                    out.field("bytes", image.bytes_count).field("file", file.as_str())
                }
            };
        }
        Block::ToolUse(call) => {
            out.field("call", call.id.as_str()).field("tool", call.name.as_str());
            out.field("arguments", call.arguments.as_str());
        }
        Block::ToolResult(result) => {
            out.field("result", result.id.as_str()).field("content", result.content.as_str());
            out.field("is_error", result.is_error);
        }
    });
}

pub(super) fn read_message(value: Value<'_>) -> Result<Message, Unreadable> {
    let role = match value.get("role")?.as_str()? {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        other => return Err(Unreadable::word("role", other)),
    };
    let blocks = value.get("blocks")?.elements()?;
    let blocks = blocks.into_iter().map(read_block).collect::<Result<Vec<_>, _>>()?;
    Ok(Message { role, blocks })
}

pub(super) fn read_block(value: Value<'_>) -> Result<Block, Unreadable> {
    if value.find("text").is_some() {
        return Ok(Block::Text(text(value, "text")?));
    }
    if value.find("thinking").is_some() {
        let signature = text(value, "signature")?;
        return Ok(Block::Thinking { text: text(value, "thinking")?, signature });
    }
    if value.find("sealed").is_some() {
        return Ok(Block::SealedThinking(text(value, "sealed")?));
    }
    if let Some(kind) = value.find("image") {
        let kind = named(&IMAGE_KINDS, "kind of image", kind.as_str()?)?;
        let source = match value.find("url") {
            Some(url) => ImageSource::Url(url.as_str()?.to_string()),
            None => ImageSource::Held {
                image: HeldImage {
                    digest: unhex(value.get("sha256")?.as_str()?)?,
                    bytes_count: number(value, "bytes")?,
                },
                file: text(value, "file")?,
            },
        };
        return Ok(Block::Image(Image { kind, source }));
    }
    if value.find("call").is_some() {
        let (id, name) = (text(value, "call")?, text(value, "tool")?);
        return Ok(Block::ToolUse(ToolUse { id, name, arguments: text(value, "arguments")? }));
    }
    let (id, content) = (text(value, "result")?, text(value, "content")?);
    Ok(Block::ToolResult(ToolResult { id, content, is_error: flag(value, "is_error")? }))
}

pub(super) fn write_usage<S: Sink>(out: &mut ObjectWriter<'_, S>, usage: &Usage) {
    out.object("usage", |out| {
        out.field("input", usage.input_tokens).field("output", usage.output_tokens);
        out.field("cache_read", usage.cache_read_tokens);
        out.field("cache_write", usage.cache_write_tokens);
    });
}

pub(super) fn read_usage(value: Value<'_>) -> Result<Usage, Unreadable> {
    let value = value.get("usage")?;
    Ok(Usage {
        input_tokens: number(value, "input")?,
        output_tokens: number(value, "output")?,
        cache_read_tokens: number(value, "cache_read")?,
        cache_write_tokens: number(value, "cache_write")?,
    })
}

pub(super) fn stop_word(stop: StopReason) -> &'static str {
    word(&STOPS, &stop)
}

pub(super) fn read_stop(value: Value<'_>) -> Result<StopReason, Unreadable> {
    named(&STOPS, "reason to stop", value.get("stop")?.as_str()?)
}

/// The word of a kind of error, in records and in notices.
pub(crate) fn error_word(kind: ModelErrorKind) -> &'static str {
    word(&ERRORS, &kind)
}

/// The kind of error that a word names.
pub(super) fn error_kind(word: &str) -> Option<ModelErrorKind> {
    ERRORS.iter().find(|(_, name)| *name == word).map(|(kind, _)| *kind)
}

pub(super) fn write_error<S: Sink>(out: &mut ObjectWriter<'_, S>, error: &ModelError) {
    out.object("error", |out| {
        out.field("kind", error_word(error.kind));
        let wait = error.retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(0));
        out.optional("retry_after_ms", wait).optional("status", error.status.map(u64::from));
        out.field("said", error.said());
    });
}

pub(super) fn read_error(value: Value<'_>) -> Result<ModelError, Unreadable> {
    let value = value.get("error")?;
    let kind = named(&ERRORS, "kind of error", value.get("kind")?.as_str()?)?;
    let mut error = ModelError::new(kind).with_said(value.get("said")?.as_str()?);
    if let Some(wait) = value.find("retry_after_ms") {
        error = error.with_retry_after(Some(Duration::from_millis(wait.as_u64()?)));
    }
    if let Some(status) = value.find("status") {
        let status = u16::try_from(status.as_u64()?);
        error = error.with_status(status.map_err(|_| Unreadable::new("a status is too large"))?);
    }
    Ok(error)
}

pub(super) const IMAGE_KINDS: [(ImageKind, &str); 4] = [
    (ImageKind::Png, "png"),
    (ImageKind::Jpeg, "jpeg"),
    (ImageKind::Gif, "gif"),
    (ImageKind::Webp, "webp"),
];

const STOPS: [(StopReason, &str); 8] = [
    (StopReason::End, "end"),
    (StopReason::ToolUse, "tool_use"),
    (StopReason::TokensMax, "tokens_max"),
    (StopReason::StopSequence, "stop_sequence"),
    (StopReason::Refusal, "refusal"),
    (StopReason::Pause, "pause"),
    (StopReason::ContextFull, "context_full"),
    (StopReason::Other, "other"),
];

const ERRORS: [(ModelErrorKind, &str); 25] = [
    (ModelErrorKind::RateLimited, "rate_limited"),
    (ModelErrorKind::QuotaExhausted, "quota_exhausted"),
    (ModelErrorKind::Overloaded, "overloaded"),
    (ModelErrorKind::Authentication, "authentication"),
    (ModelErrorKind::ContextTooLong, "context_too_long"),
    (ModelErrorKind::Refused, "refused"),
    (ModelErrorKind::BadRequest, "bad_request"),
    (ModelErrorKind::NotFound, "not_found"),
    (ModelErrorKind::ServerError, "server_error"),
    (ModelErrorKind::Transport(TransportKind::Resolve), "transport.resolve"),
    (ModelErrorKind::Transport(TransportKind::Connect), "transport.connect"),
    (ModelErrorKind::Transport(TransportKind::Tls), "transport.tls"),
    (ModelErrorKind::Transport(TransportKind::Cut), "transport.cut"),
    (ModelErrorKind::Transport(TransportKind::Timeout), "transport.timeout"),
    (ModelErrorKind::Transport(TransportKind::Protocol), "transport.protocol"),
    (ModelErrorKind::Malformed(Malformed::Json), "malformed.json"),
    (ModelErrorKind::Malformed(Malformed::Shape), "malformed.shape"),
    (ModelErrorKind::Malformed(Malformed::Order), "malformed.order"),
    (ModelErrorKind::Malformed(Malformed::NotAnAnswer), "malformed.not_an_answer"),
    (ModelErrorKind::TooLarge(ReplyBound::EventBytes), "too_large.event_bytes"),
    (ModelErrorKind::TooLarge(ReplyBound::TextBytes), "too_large.text_bytes"),
    (ModelErrorKind::TooLarge(ReplyBound::Blocks), "too_large.blocks"),
    (ModelErrorKind::TooLarge(ReplyBound::ToolCalls), "too_large.tool_calls"),
    (ModelErrorKind::TooLarge(ReplyBound::ArgumentBytes), "too_large.argument_bytes"),
    (ModelErrorKind::TooLarge(ReplyBound::NameBytes), "too_large.name_bytes"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::json;

    #[test]
    fn messages_read_back() {
        let blocks = Vec::from([
            Block::Text("a\n\"b\"".into()),
            Block::Thinking { text: "hm".into(), signature: String::new() },
            Block::SealedThinking("xyz".into()),
            Block::Image(Image { kind: ImageKind::Webp, source: ImageSource::Url("u".into()) }),
            Block::Image(Image {
                kind: ImageKind::Png,
                source: ImageSource::Held {
                    image: HeldImage { digest: [3; 32], bytes_count: 9 },
                    file: "a.png".into(),
                },
            }),
            Block::ToolUse(ToolUse { id: "1".into(), name: "t".into(), arguments: "[".into() }),
            Block::ToolResult(ToolResult {
                id: "1".into(),
                content: String::new(),
                is_error: true,
            }),
        ]);
        for role in [Role::User, Role::Assistant] {
            let message = Message { role, blocks: blocks.clone() };
            let text = json::object(|out| write_message(out, &message));
            let document = json::parse(text.as_bytes()).unwrap();
            assert_eq!(read_message(document.root()), Ok(message));
        }
    }

    #[test]
    fn every_kind_of_error_reads_back() {
        for (kind, name) in ERRORS {
            let error = ModelError::new(kind)
                .with_said("it said so")
                .with_status(429)
                .with_retry_after(Some(Duration::from_millis(1500)));
            let text = json::object(|out| write_error(out, &error));
            let document = json::parse(text.as_bytes()).unwrap();
            assert_eq!(read_error(document.root()), Ok(error), "{name}");
            assert_eq!(error_word(kind), name);
        }
    }

    #[test]
    fn digits_read_back_or_are_refused() {
        assert_eq!(unhex::<3>(&hex(&[0, 0xab, 0xff])), Ok([0, 0xab, 0xff]));
        for wrong in ["", "00", "0000000", "00000g", "+00000", "00é00"] {
            assert!(unhex::<3>(wrong).is_err(), "{wrong}");
        }
    }
}

//! A request, written.

use alloc::vec;
use alloc::vec::Vec;

use crate::text::json::{self, ObjectWriter, Sink};
use crate::wire::http::Method;

use super::super::arguments;
use super::super::ids::{IdShape, WireIds};
use super::super::message::{Block, Image, ImageSource, Role};
use super::super::names;
use super::super::outgoing::{Body, Credential, Gaps, Outgoing};
use super::super::request::{CachePolicy, Request, RequestError, Thinking, ToolChoice};
use super::super::schema;
use super::super::turns::{Turn, turns};

/// The least that the API accepts as a budget for thinking.
const THINKING_TOKENS_MIN: u32 = 1024;

/// How many of the last turns of the user are marked: the newest, for the next request to find, and
/// the one before it, which is what this request finds. With the one before the conversation that
/// makes three marks, and the API allows four.
const TURNS_MARKED: usize = 2;

/// Writes a request for the Messages API.
pub(in super::super) fn write(request: &Request<'_>) -> Result<Outgoing, RequestError> {
    let turns = turns(request, |block| is_sendable(block, request.keeps_thinking));
    if turns.is_empty() {
        return Err(RequestError::Empty);
    }
    if request.tokens_max == 0 {
        return Err(RequestError::NoTokens);
    }
    let schemas = schema::documents(request.tools)?;
    let is_marked = request.cache == CachePolicy::Mark;
    let system: Vec<&str> =
        request.system.iter().copied().filter(|text| !text.trim().is_empty()).collect();
    let thinking = thinking(request, &turns);
    let body = Body::write(|out, gaps| {
        out.field("model", request.model).field("max_tokens", request.tokens_max);
        if request.is_streamed {
            out.field("stream", true);
        }
        match thinking {
            Thinking::Unset => {
                out.optional("temperature", request.temperature);
            }
            Thinking::Budget(tokens) => {
                out.object("thinking", |thinking| {
                    thinking.field("type", "enabled").field("budget_tokens", tokens);
                });
            }
            Thinking::Effort(effort) => {
                out.object("thinking", |thinking| {
                    thinking.field("type", "adaptive");
                });
                out.object("output_config", |output| {
                    output.field("effort", effort.as_str());
                });
            }
        }
        if !request.stop_sequences.is_empty() {
            out.array("stop_sequences", |sequences| {
                for sequence in request.stop_sequences {
                    sequences.value(*sequence);
                }
            });
        }
        if !request.tools.is_empty() {
            out.array("tools", |tools| {
                for (place, (tool, schema)) in request.tools.iter().zip(&schemas).enumerate() {
                    let is_last = place + 1 == request.tools.len();
                    tools.object(|out| {
                        out.field("name", &tool.name).field("description", &tool.description);
                        out.field("input_schema", schema.root());
                        // The mark of the system covers the tools, which come before it.
                        mark(out, is_marked && is_last && system.is_empty());
                    });
                }
            });
            out.object("tool_choice", |choice| match request.tool_choice {
                ToolChoice::Auto => {
                    choice.field("type", "auto");
                }
                ToolChoice::Never => {
                    choice.field("type", "none");
                }
                ToolChoice::Any => {
                    choice.field("type", "any");
                }
                ToolChoice::Tool(name) => {
                    choice.field("type", "tool").field("name", name);
                }
            });
        }
        if !system.is_empty() {
            out.array("system", |blocks| {
                for (place, text) in system.iter().enumerate() {
                    blocks.object(|out| {
                        out.field("type", "text").field("text", *text);
                        mark(out, is_marked && place + 1 == system.len());
                    });
                }
            });
        }
        write_turns(out, gaps, &turns, is_marked);
    })?;
    let accept = if request.is_streamed { "text/event-stream" } else { "application/json" };
    Ok(Outgoing {
        method: Method::POST,
        path: "/v1/messages",
        headers: vec![
            ("content-type", "application/json"),
            ("accept", accept),
            ("anthropic-version", "2023-06-01"),
        ],
        credential: Some(Credential { header: "x-api-key", prefix: "" }),
        body,
    })
}

fn is_sendable(block: &Block, keeps_thinking: bool) -> bool {
    match block {
        Block::Text(text) => !text.trim().is_empty(),
        // Thinking that nobody signed came from another dialect.
        Block::Thinking { signature, .. } => keeps_thinking && !signature.is_empty(),
        Block::SealedThinking(_) => keeps_thinking,
        Block::Image(_) | Block::ToolUse(_) | Block::ToolResult(_) => true,
    }
}

/// How much thinking can be asked for, as the API's rules have it.
fn thinking(request: &Request<'_>, turns: &[Turn<'_>]) -> Thinking {
    // A call that is forced comes without thinking.
    if matches!(request.tool_choice, ToolChoice::Any | ToolChoice::Tool(_))
        && !request.tools.is_empty()
    {
        return Thinking::Unset;
    }
    let Thinking::Budget(tokens) = request.thinking else { return request.thinking };
    let tokens = tokens.min(request.tokens_max - 1);
    // With a budget, a turn that called tools must start with the thinking that led to it. After a
    // switch of models there is none, so the round is finished without.
    let last = turns.iter().rev().find(|turn| turn.role == Role::Assistant);
    let lacks_thinking = last.is_some_and(|turn| {
        turn.blocks.iter().any(|block| matches!(block, Block::ToolUse(_)))
            && !matches!(
                turn.blocks.first(),
                Some(Block::Thinking { .. } | Block::SealedThinking(_))
            )
    });
    if tokens < THINKING_TOKENS_MIN || lacks_thinking {
        return Thinking::Unset;
    }
    Thinking::Budget(tokens)
}

fn write_turns<S: Sink>(
    out: &mut ObjectWriter<'_, S>,
    gaps: &Gaps,
    turns: &[Turn<'_>],
    is_marked: bool,
) {
    let mut ids = WireIds::new(IdShape::Word);
    let users = turns.iter().filter(|turn| turn.role == Role::User).count();
    let mut users_before = 0;
    out.array("messages", |messages| {
        for turn in turns {
            let is_user = turn.role == Role::User;
            let is_marked = is_marked && is_user && users_before + TURNS_MARKED >= users;
            users_before += usize::from(is_user);
            messages.object(|message| {
                message.field("role", if is_user { "user" } else { "assistant" });
                message.array("content", |content| {
                    for (place, block) in turn.blocks.iter().enumerate() {
                        content.object(|out| {
                            write_block(out, gaps, block, &mut ids);
                            mark(out, is_marked && place + 1 == turn.blocks.len());
                        });
                    }
                });
            });
        }
    });
}

fn write_block<'m, S: Sink>(
    out: &mut ObjectWriter<'_, S>,
    gaps: &Gaps,
    block: &'m Block,
    ids: &mut WireIds<'m>,
) {
    match block {
        Block::Text(text) => {
            out.field("type", "text").field("text", text);
        }
        Block::Thinking { text, signature } => {
            out.field("type", "thinking").field("thinking", text).field("signature", signature);
        }
        Block::SealedThinking(data) => {
            out.field("type", "redacted_thinking").field("data", data);
        }
        Block::Image(image) => {
            out.field("type", "image");
            out.object("source", |source| write_source(source, gaps, image));
        }
        Block::ToolUse(call) => {
            let input = arguments::as_object(&call.arguments);
            let id = ids.call(&call.id);
            out.field("type", "tool_use")
                .field("id", &id)
                .field("name", &*names::on_the_wire(&call.name));
            match json::parse(input.as_bytes()) {
                Ok(document) => out.field("input", document.root()),
                // It was parsed when it was made an object.
                Err(_) => out.object("input", |_| {}),
            };
        }
        Block::ToolResult(result) => {
            out.field("type", "tool_result").field("tool_use_id", &*ids.result(&result.id));
            if !result.content.is_empty() {
                out.field("content", &result.content);
            }
            if result.is_error {
                out.field("is_error", true);
            }
        }
    }
}

fn write_source<S: Sink>(source: &mut ObjectWriter<'_, S>, gaps: &Gaps, image: &Image) {
    match &image.source {
        ImageSource::Url(url) => {
            source.field("type", "url").field("url", url);
        }
        ImageSource::Held { image: held, .. } => {
            source.field("type", "base64").field("media_type", image.kind.media_type());
            source.field("data", "");
            gaps.after_string(*held);
        }
    }
}

fn mark<S: Sink>(out: &mut ObjectWriter<'_, S>, is_marked: bool) {
    if is_marked {
        out.object("cache_control", |mark| {
            mark.field("type", "ephemeral");
        });
    }
}

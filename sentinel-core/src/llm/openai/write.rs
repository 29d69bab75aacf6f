//! A request, written.

use alloc::format;
use alloc::string::String;
use alloc::vec;

use crate::text::json::{ArrayWriter, ObjectWriter, Sink};
use crate::wire::http::Method;

use super::super::arguments;
use super::super::ids::WireIds;
use super::super::message::{Block, Image, ImageSource, Role, ToolUse};
use super::super::names;
use super::super::outgoing::{Body, Credential, Gaps, Outgoing};
use super::super::request::{Effort, Request, RequestError, Thinking, ToolChoice};
use super::super::schema;
use super::super::turns::{Turn, turns};
use super::profile::{ImagesTaken, OpenAiProfile, ThinkingAsked, ThinkingReturned, TokensField};

/// Writes a request for the Chat Completions API.
pub(in super::super) fn write(
    profile: &OpenAiProfile,
    request: &Request<'_>,
) -> Result<Outgoing, RequestError> {
    let turns = turns(request, |block| is_sendable(profile, request, block));
    if turns.is_empty() {
        return Err(RequestError::Empty);
    }
    if request.tokens_max == 0 {
        return Err(RequestError::NoTokens);
    }
    let schemas = schema::documents(request.tools)?;
    let body = Body::write(|out, gaps| {
        out.field("model", request.model);
        let tokens = match profile.tokens {
            TokensField::Tokens => "max_tokens",
            TokensField::CompletionTokens => "max_completion_tokens",
        };
        out.field(tokens, request.tokens_max);
        if request.is_streamed {
            out.field("stream", true);
            if profile.asks_usage {
                out.object("stream_options", |options| {
                    options.field("include_usage", true);
                });
            }
        }
        if !write_thinking(out, profile, request.thinking) {
            out.optional("temperature", request.temperature);
        }
        if !request.stop_sequences.is_empty() {
            out.array("stop", |sequences| {
                for sequence in request.stop_sequences {
                    sequences.value(*sequence);
                }
            });
        }
        if !request.tools.is_empty() {
            out.array("tools", |tools| {
                for (tool, schema) in request.tools.iter().zip(&schemas) {
                    tools.object(|out| {
                        out.field("type", "function");
                        out.object("function", |function| {
                            function.field("name", &tool.name);
                            function.field("description", &tool.description);
                            function.field("parameters", schema.root());
                        });
                    });
                }
            });
            write_choice(out, request.tool_choice);
        }
        out.array("messages", |messages| {
            write_messages(messages, gaps, profile, request, &turns);
        });
    })?;
    let accept = if request.is_streamed { "text/event-stream" } else { "application/json" };
    let credential = Credential { header: "authorization", prefix: "Bearer " };
    Ok(Outgoing {
        method: Method::POST,
        path: "/chat/completions",
        headers: vec![("content-type", "application/json"), ("accept", accept)],
        credential: profile.wants_key.then_some(credential),
        body,
    })
}

fn is_sendable(profile: &OpenAiProfile, request: &Request<'_>, block: &Block) -> bool {
    match block {
        Block::Text(text) => !text.is_empty(),
        Block::Thinking { text, signature } => {
            request.keeps_thinking
                && match profile.thinking_returned {
                    ThinkingReturned::Never => false,
                    ThinkingReturned::Field(_) => !text.is_empty(),
                    ThinkingReturned::CallSignature => !signature.is_empty(),
                }
        }
        Block::SealedThinking(_) => false,
        Block::Image(_) | Block::ToolUse(_) | Block::ToolResult(_) => true,
    }
}

/// Says how much the model is to think; returns whether anything was said.
fn write_thinking<S: Sink>(
    out: &mut ObjectWriter<'_, S>,
    profile: &OpenAiProfile,
    thinking: Thinking,
) -> bool {
    let effort = match thinking {
        Thinking::Unset => return false,
        Thinking::Effort(effort) => effort,
        // Where only efforts are known, a budget is the one that comes near it.
        Thinking::Budget(..4096) => Effort::Low,
        Thinking::Budget(..16_384) => Effort::Medium,
        Thinking::Budget(_) => Effort::High,
    };
    match profile.thinking_asked {
        ThinkingAsked::Never => return false,
        ThinkingAsked::Effort => {
            out.field("reasoning_effort", effort.as_str());
        }
        ThinkingAsked::Object => {
            out.object("reasoning", |reasoning| match thinking {
                Thinking::Budget(tokens) => {
                    reasoning.field("max_tokens", tokens);
                }
                _ => {
                    reasoning.field("effort", effort.as_str());
                }
            });
        }
    }
    true
}

fn write_choice<S: Sink>(out: &mut ObjectWriter<'_, S>, choice: ToolChoice<'_>) {
    match choice {
        // What is not said is `auto`.
        ToolChoice::Auto => {}
        ToolChoice::Never => {
            out.field("tool_choice", "none");
        }
        ToolChoice::Any => {
            out.field("tool_choice", "required");
        }
        ToolChoice::Tool(name) => {
            out.object("tool_choice", |choice| {
                choice.field("type", "function");
                choice.object("function", |function| {
                    function.field("name", name);
                });
            });
        }
    }
}

fn write_messages<S: Sink>(
    messages: &mut ArrayWriter<'_, S>,
    gaps: &Gaps,
    profile: &OpenAiProfile,
    request: &Request<'_>,
    turns: &[Turn<'_>],
) {
    // One message, because the templates of many open models allow no second one.
    let system = joined(request.system.iter().copied());
    if !system.is_empty() {
        messages.object(|message| {
            message.field("role", "system").field("content", &system);
        });
    }
    let mut ids = WireIds::new(profile.id_shape());
    for turn in turns {
        match turn.role {
            Role::User => write_user(messages, gaps, profile, turn, &ids),
            Role::Assistant => write_assistant(messages, profile, turn, &mut ids),
        }
    }
}

/// The results of tools, a message each, and then what people said.
fn write_user<'m, S: Sink>(
    messages: &mut ArrayWriter<'_, S>,
    gaps: &Gaps,
    profile: &OpenAiProfile,
    turn: &Turn<'m>,
    ids: &WireIds<'m>,
) {
    let mut has_image = false;
    let mut has_words = false;
    for block in &turn.blocks {
        match block {
            Block::ToolResult(result) => messages.object(|message| {
                message.field("role", "tool").field("tool_call_id", &*ids.result(&result.id));
                if result.is_error {
                    // The dialect has no mark for a failure.
                    message.field("content", &format!("Error: {}", result.content));
                } else {
                    message.field("content", &result.content);
                }
            }),
            Block::Image(_) => {
                has_image = true;
                continue;
            }
            Block::Text(_) => {
                has_words = true;
                continue;
            }
            _ => continue,
        };
    }
    if !has_image && !has_words {
        return;
    }
    messages.object(|message| {
        message.field("role", "user");
        if !has_image {
            message.field("content", &joined(texts(turn)));
            return;
        }
        message.array("content", |parts| {
            for block in &turn.blocks {
                match block {
                    Block::Text(text) => write_text(parts, text),
                    Block::Image(image) => write_image(parts, gaps, profile, image),
                    _ => {}
                }
            }
        });
    });
}

fn write_assistant<'m, S: Sink>(
    messages: &mut ArrayWriter<'_, S>,
    profile: &OpenAiProfile,
    turn: &Turn<'m>,
    ids: &mut WireIds<'m>,
) {
    let has_calls = turn.blocks.iter().any(|block| matches!(block, Block::ToolUse(_)));
    messages.object(|message| {
        message.field("role", "assistant");
        let text = joined(texts(turn));
        if !text.is_empty() || !has_calls {
            message.field("content", &text);
        } else if profile.writes_null_content {
            message.field("content", None::<&str>);
        }
        if let ThinkingReturned::Field(field) = profile.thinking_returned {
            let thinking = joined(turn.blocks.iter().filter_map(|block| match block {
                Block::Thinking { text, .. } => Some(text.as_str()),
                _ => None,
            }));
            message.optional(field, (!thinking.is_empty()).then_some(&thinking));
        }
        if !has_calls {
            return;
        }
        message.array("tool_calls", |calls| {
            let mut before = None;
            for block in &turn.blocks {
                if let Block::ToolUse(call) = block {
                    write_call(calls, profile, call, before, ids);
                }
                before = Some(*block);
            }
        });
    });
}

fn write_call<'m, S: Sink>(
    calls: &mut ArrayWriter<'_, S>,
    profile: &OpenAiProfile,
    call: &'m ToolUse,
    before: Option<&Block>,
    ids: &mut WireIds<'m>,
) {
    calls.object(|out| {
        let id = ids.call(&call.id);
        out.field("id", &id).field("type", "function");
        out.object("function", |function| {
            function.field("name", &*names::on_the_wire(&call.name));
            // Servers read this text to fill a model's template, and fail if it is no object.
            function.field("arguments", &*arguments::as_object(&call.arguments));
        });
        if let (ThinkingReturned::CallSignature, Some(Block::Thinking { signature, .. })) =
            (profile.thinking_returned, before)
        {
            out.object("extra_content", |extra| {
                extra.object("google", |google| {
                    google.field("thought_signature", signature);
                });
            });
        }
    });
}

fn write_image<S: Sink>(
    parts: &mut ArrayWriter<'_, S>,
    gaps: &Gaps,
    profile: &OpenAiProfile,
    image: &Image,
) {
    let write = |parts: &mut ArrayWriter<'_, S>, url: &str, held| {
        parts.object(|part| {
            part.field("type", "image_url");
            part.object("image_url", |image_url| {
                image_url.field("url", url);
                if let Some(held) = held {
                    gaps.after_string(held);
                }
            });
        });
    };
    match (&image.source, profile.images) {
        (ImageSource::Held { image: held, .. }, _) => {
            let url = format!("data:{};base64,", image.kind.media_type());
            write(parts, &url, Some(*held));
        }
        (ImageSource::Url(url), ImagesTaken::DataOrUrl) => write(parts, url, None),
        (ImageSource::Url(url), ImagesTaken::Data) => {
            write_text(parts, &format!("[a picture that this model cannot fetch: {url}]"));
        }
    }
}

fn write_text<S: Sink>(parts: &mut ArrayWriter<'_, S>, text: &str) {
    parts.object(|part| {
        part.field("type", "text").field("text", text);
    });
}

fn texts<'t>(turn: &'t Turn<'_>) -> impl Iterator<Item = &'t str> {
    turn.blocks.iter().filter_map(|block| match block {
        Block::Text(text) => Some(text.as_str()),
        _ => None,
    })
}

/// Texts as one, a blank line between them.
fn joined<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    let mut joined = String::new();
    for text in texts.filter(|text| !text.is_empty()) {
        if !joined.is_empty() {
            joined.push_str("\n\n");
        }
        joined.push_str(text);
    }
    joined
}

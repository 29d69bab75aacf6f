//! What came of a request: text, and what is no text said in words.
//!
//! # Invariants
//! - What is handed on has a bound, and says so where it was cut.
//!
//! # Not here
//! Its label: it is untrusted, whatever it says.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::super::message;
use super::items::{Item, Items};
use super::{Fault, What};
use crate::agent::cut;
use crate::limits::{MCP_ITEMS_COUNT_MAX, MCP_OUTPUT_BYTES_MAX};
use crate::text::json::{Kind, Value};

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    /// What a tool gave back.
    Output {
        /// Its words; of what is no text, what it is.
        text: String,
        /// The same as a JSON object, if the tool has that.
        structured: Option<String>,
        /// Whether it says that it failed.
        is_error: bool,
    },
    /// A page of a list.
    List {
        /// What stands on it.
        items: Vec<Item>,
        /// Where the next one is.
        next: Option<String>,
    },
    /// A resource, or a prompt: words to read as context.
    Text(String),
}

impl Got {
    pub(super) fn read(what: What, result: Value<'_>) -> Result<Self, Fault> {
        let no = |why| Err(Fault::NotAnAnswer(why));
        match what {
            What::Call => {
                let structured = result.find("structuredContent");
                if structured.is_some_and(|it| it.kind() != Kind::Object) {
                    return no("structuredContent is no object");
                }
                let Some(text) = blocks(result, "content", structured.is_some()) else {
                    return no("a tool gives back content");
                };
                let is_error = match result.find("isError").map(Value::as_bool) {
                    None => false,
                    Some(Ok(is_error)) => is_error,
                    Some(Err(_)) => return no("isError is true or false"),
                };
                let structured = structured.map(|it| it.source().to_string());
                if structured.as_ref().is_some_and(|it| it.len() > MCP_OUTPUT_BYTES_MAX) {
                    return Err(Fault::TooMuch("bytes of structured output"));
                }
                Ok(Self::Output { text, structured, is_error })
            }
            What::List(items) => {
                let Some(Ok(list)) = result.find(items.list_key()).map(Value::elements) else {
                    return no("it is no list");
                };
                let mut found = Vec::new();
                for value in list {
                    if found.len() >= MCP_ITEMS_COUNT_MAX {
                        return Err(Fault::TooMuch("the items of a list"));
                    }
                    let Some(item) = Item::read(items, value) else {
                        return no("an item has no name");
                    };
                    found.push(item);
                }
                let next = message::text(result, "nextCursor").map(ToString::to_string);
                Ok(Self::List { items: found, next })
            }
            What::Read(Items::Resources) => match blocks(result, "contents", false) {
                Some(text) => Ok(Self::Text(text)),
                None => no("a resource has contents"),
            },
            What::Read(Items::Prompts) => {
                let Some(Ok(messages)) = result.find("messages").map(Value::elements) else {
                    return no("a prompt has messages");
                };
                let mut text = String::new();
                for said in messages {
                    let Some(content) = said.find("content") else {
                        return no("a message has content");
                    };
                    let role = message::text(said, "role").unwrap_or("user");
                    add(&mut text, &format!("[{}]", message::short(role)));
                    add(&mut text, &block(content));
                }
                Ok(Self::Text(cut(&text, MCP_OUTPUT_BYTES_MAX).into_owned()))
            }
            What::Greeting | What::Tools => no("it was not asked for that"),
        }
    }
}

/// The words of a list of blocks.
fn blocks(result: Value<'_>, key: &str, may_lack: bool) -> Option<String> {
    let mut text = String::new();
    match result.find(key).map(Value::elements) {
        Some(Ok(list)) => list.for_each(|value| add(&mut text, &block(value))),
        None if may_lack => {}
        _ => return None,
    }
    Some(cut(&text, MCP_OUTPUT_BYTES_MAX).into_owned())
}

fn add(text: &mut String, more: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(more);
}

/// One block in words: its text, or what it is.
fn block(value: Value<'_>) -> String {
    if let Some(text) = message::text(value, "text") {
        return text.to_string();
    }
    if let Some(inner) = value.find("resource") {
        return block(inner);
    }
    let kind = message::text(value, "type").unwrap_or("something");
    let of = ["mimeType", "uri", "name"].iter().find_map(|key| message::text(value, key));
    let size = ["data", "blob"].iter().find_map(|key| message::text(value, key)).map(str::len);
    let (kind, of) = (message::short(kind), message::short(of.unwrap_or_default()));
    match size {
        Some(size) => format!("[{kind} {of}, {size} bytes of base64, left out]"),
        None => format!("[{kind} {of}]"),
    }
}

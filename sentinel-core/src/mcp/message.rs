//! Messages: what JSON-RPC 2.0 lets an end say.
//!
//! # Invariants
//! - A message is exactly one of a request, a notification, a result and an error.
//! - `jsonrpc` is `"2.0"`, or it is no message.
//!
//! # Not here
//! What methods mean.

use alloc::string::String;

use super::id::Id;
use crate::limits::{MCP_DEPTH_MAX, MCP_LINE_BYTES_MAX, MCP_TEXT_BYTES_MAX};
use crate::text::json::{self, Document, Kind, ObjectWriter, Options, ParseError, Value};

/// What stands on a line.
#[derive(Clone, Debug)]
pub(super) enum Message<'d> {
    /// Something is asked for.
    Request { id: Id, method: &'d str, params: Option<Value<'d>> },
    /// Something is told.
    Notification { method: &'d str, params: Option<Value<'d>> },
    /// What was asked for.
    Result { id: Id, result: Value<'d> },
    /// Why it is not given; without an id, nobody knows for what.
    Error { id: Option<Id>, code: i64, message: &'d str },
}

/// A value is no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoMessage {
    /// What an answer to it names, as far as that can be read.
    pub(super) id: Option<Id>,
    pub(super) why: &'static str,
}

impl<'d> Message<'d> {
    pub(super) fn read(value: Value<'d>) -> Result<Self, NoMessage> {
        let no = |id: Option<Id>, why| Err(NoMessage { id, why });
        if value.kind() != Kind::Object {
            return no(None, "a message is an object");
        }
        let named = value.find("id");
        let id = named.and_then(Id::read);
        if value.find("jsonrpc").and_then(|version| version.as_str().ok()) != Some("2.0") {
            return no(id, "jsonrpc is to be \"2.0\"");
        }
        let params = value.find("params");
        if params.is_some_and(|params| params.kind() != Kind::Object) {
            return no(id, "params is to be an object");
        }
        let parts = ["method", "result", "error"].map(|key| value.find(key));
        match (parts, named, id) {
            ([Some(method), None, None], named, id) => match (method.as_str(), named, id) {
                (Ok(method), None, _) => Ok(Self::Notification { method, params }),
                (Ok(method), Some(_), Some(id)) => Ok(Self::Request { id, method, params }),
                (Ok(_), Some(_), None) => no(None, BAD_ID),
                (Err(_), _, id) => no(id, "method is to be text"),
            },
            ([None, Some(result), None], _, Some(id)) if result.kind() == Kind::Object => {
                Ok(Self::Result { id, result })
            }
            ([None, Some(_), None], _, Some(_)) => no(None, "a result is an object"),
            ([None, None, Some(error)], named, id) => {
                if id.is_none() && named.is_some_and(|named| !named.is_null()) {
                    return no(None, BAD_ID);
                }
                let code = error.find("code").and_then(|code| code.as_i64().ok());
                let message = error.find("message").and_then(|message| message.as_str().ok());
                match (code, message) {
                    (Some(code), Some(message)) => Ok(Self::Error { id, code, message }),
                    _ => no(None, "an error has a code and a message"),
                }
            }
            ([None, Some(_), None], _, None) => no(None, BAD_ID),
            (_, _, id) => no(id, "it has one of method, result and error"),
        }
    }
}

/// Reads a line, or a part of one.
pub(super) fn parse(line: &[u8]) -> Result<Document<'_>, ParseError> {
    Options::new().bytes(MCP_LINE_BYTES_MAX).depth(MCP_DEPTH_MAX).parse(line)
}

/// A request; without an id it is a notification.
pub(super) fn ask(
    id: Option<&Id>,
    method: &str,
    params: impl FnOnce(&mut ObjectWriter<'_, String>),
) -> String {
    json::object(|out| {
        out.field("jsonrpc", "2.0");
        if let Some(id) = id {
            id.write("id", out);
        }
        out.field("method", method).object("params", params);
    })
}

/// An answer.
pub(super) fn answer(id: &Id, result: impl FnOnce(&mut ObjectWriter<'_, String>)) -> String {
    json::object(|out| {
        out.field("jsonrpc", "2.0");
        id.write("id", out);
        out.object("result", result);
    })
}

/// Why there is no answer.
pub(super) fn refuse(id: Option<&Id>, code: Code, message: &str) -> String {
    json::object(|out| {
        out.field("jsonrpc", "2.0");
        match id {
            Some(id) => id.write("id", out),
            None => {
                out.field("id", None::<&str>);
            }
        }
        out.object("error", |out| {
            out.field("code", code as i64).field("message", message);
        });
    })
}

/// A text of somebody else, no longer than such texts are kept.
pub(super) fn short(text: &str) -> String {
    crate::agent::cut(text, MCP_TEXT_BYTES_MAX).into_owned()
}

/// The text of a member; nothing if there is none, or it is none.
pub(super) fn text<'d>(value: Value<'d>, key: &str) -> Option<&'d str> {
    value.find(key).and_then(|text| text.as_str().ok())
}

/// Codes of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i64)]
pub(super) enum Code {
    Parse = -32700,
    Request = -32600,
    Method = -32601,
    Params = -32602,
    Internal = -32603,
    /// A person said no.
    Denied = -1,
}

const BAD_ID: &str = "an id is text or a whole number";

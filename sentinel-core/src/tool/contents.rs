//! Contents put into a call, in the place of the names that stood for them.
//!
//! A model may pass on what it has not seen by the name that the runtime gave it. The call is
//! judged with the name in it; what is done has the content there. Nothing but whole payload values
//! is replaced, so a content that looks like another name stays what it is, and no content ever
//! comes to stand where it could decide where a call lands.
//!
//! # Invariants
//! - Only values are replaced that stand whole in a payload parameter; every other part of the call
//!   is, byte for byte, what was judged.
//! - Each content is put in once for each place that names it, and nothing in it is looked at.
//!
//! # Not here
//! Which names there are, and whether a call may carry what they stand for: `agent` and `label`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::call::{Call, ForeignCall};
use super::operation::Operation;
use crate::limits::{RUNTIME_OUTPUT_BYTES_MAX, TOOL_PATTERN_BYTES_MAX};
use crate::text::json;

/// Why contents cannot be put into a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It stands where the tool takes no content.
    Place,
    /// What would stand there the tool cannot take.
    Value(&'static str),
    /// Together they are more than a call may carry.
    TooMuch,
}

impl Call {
    /// The call with contents in the places of their names. `content` knows what a name stands for,
    /// `names_count` is how many values of the call are names, and all of them have to be replaced.
    pub(crate) fn with_contents<'c>(
        &self,
        names_count: usize,
        is_payload: impl Fn(&str) -> bool,
        content: impl Fn(&str) -> Option<&'c str>,
    ) -> Result<Self, Unfit> {
        let mut put = Put { content, places_count: 0, bytes: 0 };
        let call = match self {
            Self::Builtin(operation) => Self::Builtin(operation.with(&mut put, is_payload)?),
            Self::Foreign(call) => Self::Foreign(call.with(&mut put, is_payload)?),
        };
        match put.places_count == names_count {
            true => Ok(call),
            false => Err(Unfit::Place),
        }
    }
}

/// What is put in, and how much of it.
struct Put<F> {
    content: F,
    places_count: usize,
    bytes: usize,
}

impl<'c, F: Fn(&str) -> Option<&'c str>> Put<F> {
    /// What a value stands for, if it is a name.
    fn find(&mut self, value: &str) -> Result<Option<&'c str>, Unfit> {
        let Some(content) = (self.content)(value) else { return Ok(None) };
        self.places_count += 1;
        self.bytes = self.bytes.saturating_add(content.len());
        match self.bytes > RUNTIME_OUTPUT_BYTES_MAX {
            true => Err(Unfit::TooMuch),
            false => Ok(Some(content)),
        }
    }

    fn replace(&mut self, value: &mut String, bytes_max: usize) -> Result<(), Unfit> {
        if let Some(content) = self.find(value)? {
            if content.len() > bytes_max {
                return Err(Unfit::Value("it is longer than what can be searched for"));
            }
            *value = content.to_string();
        }
        Ok(())
    }
}

impl Operation {
    fn with<'c, F: Fn(&str) -> Option<&'c str>>(
        &self,
        put: &mut Put<F>,
        is_payload: impl Fn(&str) -> bool,
    ) -> Result<Self, Unfit> {
        let mut operation = self.clone();
        let mut places: Vec<(&str, &mut String, usize)> = Vec::new();
        const ALL: usize = RUNTIME_OUTPUT_BYTES_MAX;
        match &mut operation {
            Self::WriteFile { content, .. } => places.push(("content", content, ALL)),
            Self::EditFile { old, new, .. } => {
                places.push(("old", old, ALL));
                places.push(("new", new, ALL));
            }
            Self::SearchFiles { text, glob, .. } => {
                places.extend(text.as_mut().map(|it| ("text", it, TOOL_PATTERN_BYTES_MAX)));
                places.extend(glob.as_mut().map(|it| ("glob", it, TOOL_PATTERN_BYTES_MAX)));
            }
            Self::HttpFetch { body, .. } => {
                places.extend(body.as_mut().map(|it| ("body", it, ALL)));
            }
            Self::ReadFile { .. }
            | Self::ListDirectory { .. }
            | Self::RunCommand { .. }
            | Self::CurrentTime
            | Self::ChangePersona { .. }
            | Self::Plan { .. }
            | Self::ExtractValue { .. } => {}
        }
        for (name, value, bytes_max) in places {
            if is_payload(name) {
                put.replace(value, bytes_max)?;
            }
        }
        match &operation {
            Self::EditFile { old, .. } if old.is_empty() => {
                Err(Unfit::Value("it is empty, and nothing could be found by it"))
            }
            Self::EditFile { old, new, .. } if old == new => {
                Err(Unfit::Value("'old' and 'new' would be the same, and nothing would change"))
            }
            Self::SearchFiles { text, glob, .. }
                if [text, glob].into_iter().flatten().any(String::is_empty) =>
            {
                Err(Unfit::Value("it is empty, and nothing could be found by it"))
            }
            _ => Ok(operation),
        }
    }
}

impl ForeignCall {
    fn with<'c, F: Fn(&str) -> Option<&'c str>>(
        &self,
        put: &mut Put<F>,
        is_payload: impl Fn(&str) -> bool,
    ) -> Result<Self, Unfit> {
        let text = self.arguments();
        // It was read before, in this form; were it ever unreadable, nothing is put in.
        let document = json::parse(text.as_bytes()).map_err(|_| Unfit::Place)?;
        let members = document.root().members().map_err(|_| Unfit::Place)?;
        let (mut arguments, mut copied) = (String::with_capacity(text.len()), 0);
        for (_, value) in members.filter(|(name, _)| is_payload(name)) {
            let range = value.span().range();
            for string in strings(text, range) {
                let Some(quoted) = text.get(string.clone()) else { continue };
                // A name needs no escapes, so it stands there as it is.
                let bare = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
                let Some(content) = put.find(bare)? else { continue };
                if text.get(string.end..).is_some_and(|rest| rest.starts_with(':')) {
                    return Err(Unfit::Place);
                }
                arguments.push_str(text.get(copied..string.start).unwrap_or_default());
                push_string(content, &mut arguments);
                copied = string.end;
            }
        }
        arguments.push_str(text.get(copied..).unwrap_or_default());
        Ok(self.of_arguments(arguments))
    }
}

/// Where the strings of a piece of JSON stand, with their quotation marks.
fn strings(
    text: &str,
    within: core::ops::Range<usize>,
) -> impl Iterator<Item = core::ops::Range<usize>> {
    let bytes = text.as_bytes();
    let (mut at, end) = (within.start, within.end.min(bytes.len()));
    core::iter::from_fn(move || {
        let start = at + bytes.get(at..end)?.iter().position(|byte| *byte == b'"')?;
        let mut next = start + 1;
        while let Some(byte) = bytes.get(next).filter(|_| next < end) {
            match byte {
                b'\\' => next += 2,
                b'"' => {
                    at = next + 1;
                    return Some(start..next + 1);
                }
                _ => next += 1,
            }
        }
        None
    })
}

/// Writes a JSON string as the canonical form writes it.
fn push_string(content: &str, out: &mut String) {
    let list = json::array(|list| {
        list.value(content);
    });
    out.push_str(list.get(1..list.len().saturating_sub(1)).unwrap_or_default());
}

impl fmt::Display for Unfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place => formatter.write_str("no content can be put in where it stands"),
            Self::Value(why) => formatter.write_str(why),
            Self::TooMuch => {
                let most = RUNTIME_OUTPUT_BYTES_MAX / 1024;
                write!(formatter, "a call can carry {most} KiB of contents, and this is more")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::{Effect, ToolRole};
    use crate::llm::{ToolDefinition, ToolUse};
    use crate::tool::Tools;

    fn tools() -> Tools {
        let mut tools = Tools::builtin();
        let definition = ToolDefinition {
            name: "mail".into(),
            description: "Sends mail.".into(),
            parameters: "{}".into(),
        };
        tools.add(definition, ToolRole::new(Effect::Send).payload("body"), false).unwrap();
        tools
    }

    fn call(name: &str, arguments: &str) -> Call {
        let wanted = ToolUse { id: "1".into(), name: name.into(), arguments: arguments.into() };
        tools().read(&wanted).unwrap().1
    }

    fn canonical(call: &Call) -> String {
        let mut out = String::new();
        call.canonical(&mut out);
        out
    }

    fn with(call: &Call, count: usize) -> Result<String, Unfit> {
        let content = |name: &str| match name {
            "h1-a" => Some("\"h2-a\"\nh2-a"),
            "h2-a" => Some("h1-a"),
            "empty" => Some(""),
            _ => None,
        };
        let is_payload = |name: &str| matches!(name, "content" | "old" | "new" | "body" | "text");
        call.with_contents(count, is_payload, content).map(|call| canonical(&call))
    }

    #[test]
    fn contents_are_put_in_once_and_are_not_looked_into() {
        let write = call("write_file", r#"{"path":"h1-a","content":"h1-a"}"#);
        let expected =
            r#"{"arguments":{"content":"\"h2-a\"\nh2-a","path":"h1-a"},"tool":"write_file"}"#;
        assert_eq!(with(&write, 1).unwrap(), expected);
        let mail =
            call("mail", r#"{"to":"h1-a","body":["h2-a",{"x":"h1-a"},"see h1-a","\"h1-a"]}"#);
        let expected = concat!(
            r#"{"arguments":{"body":["h1-a",{"x":"\"h2-a\"\nh2-a"},"see h1-a","\"h1-a"],"#,
            r#""to":"h1-a"},"tool":"mail"}"#
        );
        assert_eq!(with(&mail, 2).unwrap(), expected);
    }

    #[test]
    fn what_cannot_take_content_is_refused() {
        let place = |name, arguments| with(&call(name, arguments), 1);
        assert_eq!(place("write_file", r#"{"path":"h1-a","content":"x"}"#), Err(Unfit::Place));
        assert_eq!(place("run_command", r#"{"program":"h1-a"}"#), Err(Unfit::Place));
        assert_eq!(place("mail", r#"{"body":{"h1-a":1}}"#), Err(Unfit::Place));
        assert_eq!(place("mail", r#"{"to":"h1-a"}"#), Err(Unfit::Place));
        let edit = r#"{"path":"f","old":"empty","new":"x"}"#;
        assert!(matches!(place("edit_file", edit), Err(Unfit::Value(_))));
        let same = call("edit_file", r#"{"path":"f","old":"h1-a","new":"h2-a"}"#);
        assert!(with(&same, 2).is_ok());
        let same = call("edit_file", r#"{"path":"f","old":"h2-a","new":"h1-a"}"#);
        assert!(with(&same, 2).is_ok());
        let search = r#"{"text":"empty"}"#;
        assert!(matches!(place("search_files", search), Err(Unfit::Value(_))));
    }

    #[test]
    fn a_call_carries_so_much_and_no_more() {
        let half = "x".repeat(RUNTIME_OUTPUT_BYTES_MAX / 2);
        let put = |arguments: &str, count| {
            let content = |name: &str| (name == "half").then_some(half.as_str());
            call("mail", arguments).with_contents(count, |_| true, content).map(drop)
        };
        assert_eq!(put(r#"{"body":["half","half"]}"#, 2), Ok(()));
        assert_eq!(put(r#"{"body":["half","half","half"]}"#, 3), Err(Unfit::TooMuch));
    }
}

//! What is said, in both directions: one message, one line.
//!
//! # Invariants
//! - What is written reads back as the same message.
//! - A message has the keys of its type and no other, each once, each within its bound.
//!
//! # Not here
//! Whether a message may come at this point: [`conversation`](crate::conversation) for Sentinel's
//! side, [`host`](crate::host) for the skill's.

use crate::base64;
use crate::fault::{Code, Fault};
use crate::json::{FieldFault, Fields, Kind, Text, Value};
use crate::limits::{
    DESCRIPTION_BYTES_MAX, LINE_BYTES_MAX, MESSAGE_BYTES_MAX, NAME_BYTES_MAX, READ_BYTES_MAX,
    RELEASE_BYTES_MAX, TOOLS_MAX,
};
use crate::write::{Full, Line};

/// What Sentinel says to a skill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToSkill<'a> {
    /// The first message: which version is spoken.
    Hello {
        /// The version of the contract.
        version: u32,
    },
    /// What can you do?
    Describe {
        /// Names the answer.
        id: u32,
    },
    /// Do it.
    Call {
        /// Names the answer.
        id: u32,
        /// Which of the tools.
        tool: Text<'a>,
        /// An object.
        arguments: Value<'a>,
    },
    /// Stop doing it.
    Cancel {
        /// The call.
        id: u32,
    },
    /// What a skill asked for.
    Answer {
        /// The request.
        id: u32,
        /// Bytes that were read, in Base64; for `read` alone.
        bytes: Option<Text<'a>>,
        /// Whether these were the last there are; for `read` alone.
        is_last: Option<bool>,
    },
    /// What a skill asked for is not given.
    Refusal {
        /// The request.
        id: u32,
        /// Why.
        code: Code,
        /// Why, in words.
        message: Text<'a>,
    },
}

/// What a skill says to Sentinel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToHost<'a> {
    /// The first message: which version is spoken, and who speaks.
    Hello {
        /// The version of the contract.
        version: u32,
        /// The skill, as its manifest calls it.
        name: Text<'a>,
        /// Its version, as its manifest has it.
        release: Text<'a>,
    },
    /// What it can do.
    Description {
        /// What was asked.
        id: u32,
        /// A list of objects with `name`, `description` and `parameters`: see [`tools`].
        tools: Value<'a>,
    },
    /// How far it is.
    Progress {
        /// The call.
        id: u32,
        /// How much is done.
        done: u64,
        /// Of how much, if that is known.
        total: Option<u64>,
        /// What is being done.
        message: Option<Text<'a>>,
    },
    /// It needs something.
    Request {
        /// Names the answer.
        id: u32,
        /// The call it is needed for.
        call: u32,
        /// What.
        service: Service,
    },
    /// What came of a call.
    Result {
        /// The call.
        id: u32,
        /// Any value.
        output: Value<'a>,
    },
    /// Nothing came of it.
    Error {
        /// The call or the description that was asked for; 0 if it is about no message of these.
        id: u32,
        /// What kind of error it is.
        code: Code,
        /// What is wrong, in words for a person and a model.
        message: Text<'a>,
    },
}

/// What a skill may ask for during a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Bytes of what a handle stands for.
    Read {
        /// The handle, from the arguments of the call.
        handle: u32,
        /// From which byte on.
        offset: u64,
        /// How many at most.
        length: u32,
    },
    /// Whether it is to go on: the answer is a refusal with `cancelled` if not.
    Proceed,
    /// Something that this version does not know.
    Unknown,
}

impl<'a> ToSkill<'a> {
    /// Reads a line, with its newline or without.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(line: &'a [u8]) -> Result<Self, Fault> {
        let value = value(line)?;
        let kind = kind(value)?;
        if kind == Text::Plain("hello") {
            let [version] = fields(value, &["version"])?;
            return Ok(Self::Hello { version: id(version, "version")? });
        }
        if kind == Text::Plain("describe") {
            let [number] = fields(value, &["id"])?;
            return Ok(Self::Describe { id: id(number, "id")? });
        }
        if kind == Text::Plain("call") {
            let [number, tool, arguments] = fields(value, &["id", "tool", "arguments"])?;
            let tool = text(tool, "tool", NAME_BYTES_MAX)?;
            let arguments = arguments.filter(|value| value.kind() == Kind::Object);
            let arguments = arguments.ok_or(Fault::Field("arguments"))?;
            return Ok(Self::Call { id: id(number, "id")?, tool, arguments });
        }
        if kind == Text::Plain("cancel") {
            let [number] = fields(value, &["id"])?;
            return Ok(Self::Cancel { id: id(number, "id")? });
        }
        if kind == Text::Plain("answer") {
            let [number, bytes, last] = fields(value, &["id", "bytes", "last"])?;
            let bytes = bytes.map(|bytes| bytes.text().ok_or(Fault::Field("bytes"))).transpose()?;
            let is_last = last.map(|last| last.flag().ok_or(Fault::Field("last"))).transpose()?;
            if bytes.is_some() != is_last.is_some() {
                return Err(Fault::Field("last"));
            }
            return Ok(Self::Answer { id: id(number, "id")?, bytes, is_last });
        }
        if kind == Text::Plain("refusal") {
            let [number, code, message] = fields(value, &["id", "code", "message"])?;
            let message = text(message, "message", MESSAGE_BYTES_MAX)?;
            return Ok(Self::Refusal { id: id(number, "id")?, code: self::code(code)?, message });
        }
        Err(Fault::UnknownType)
    }

    /// Writes it as a line with its newline, and says how many bytes that is.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn write(&self, room: &mut [u8]) -> Result<usize, Full> {
        let mut line = Line::new(room);
        line.object();
        line.key("type");
        match *self {
            Self::Hello { version } => {
                line.text(Text::Plain("hello"));
                number(&mut line, "version", version.into());
            }
            Self::Describe { id } => {
                line.text(Text::Plain("describe"));
                number(&mut line, "id", id.into());
            }
            Self::Call { id, tool, arguments } => {
                line.text(Text::Plain("call"));
                number(&mut line, "id", id.into());
                words(&mut line, "tool", tool);
                line.key("arguments");
                line.value(arguments);
            }
            Self::Cancel { id } => {
                line.text(Text::Plain("cancel"));
                number(&mut line, "id", id.into());
            }
            Self::Answer { id, bytes, is_last } => {
                line.text(Text::Plain("answer"));
                number(&mut line, "id", id.into());
                if let Some(bytes) = bytes {
                    words(&mut line, "bytes", bytes);
                }
                if let Some(is_last) = is_last {
                    line.key("last");
                    line.flag(is_last);
                }
            }
            Self::Refusal { id, code, message } => {
                line.text(Text::Plain("refusal"));
                number(&mut line, "id", id.into());
                words(&mut line, "code", Text::Plain(code.word()));
                words(&mut line, "message", message);
            }
        }
        line.end_object();
        line.end()
    }
}

/// Writes the answer to a `read`: bytes as they are, not yet in Base64.
///
/// # Errors
/// There are more than fit.
pub fn write_bytes(id: u32, bytes: &[u8], is_last: bool, room: &mut [u8]) -> Result<usize, Full> {
    if bytes.len() > READ_BYTES_MAX {
        return Err(Full);
    }
    let mut line = Line::new(room);
    line.object();
    words(&mut line, "type", Text::Plain("answer"));
    number(&mut line, "id", id.into());
    line.key("bytes");
    line.base64(bytes);
    line.key("last");
    line.flag(is_last);
    line.end_object();
    line.end()
}

/// The bytes of an answer, in the room there is, and how many they are.
#[must_use]
pub fn read_bytes(bytes: Text<'_>, room: &mut [u8]) -> Option<usize> {
    base64::read(bytes, room)
}

impl<'a> ToHost<'a> {
    /// Reads a line, with its newline or without.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(line: &'a [u8]) -> Result<Self, Fault> {
        let value = value(line)?;
        let kind = kind(value)?;
        if kind == Text::Plain("hello") {
            let [version, name, release] = fields(value, &["version", "name", "release"])?;
            let name = text(name, "name", NAME_BYTES_MAX)?;
            let release = text(release, "release", RELEASE_BYTES_MAX)?;
            return Ok(Self::Hello { version: id(version, "version")?, name, release });
        }
        if kind == Text::Plain("description") {
            let [number, tools] = fields(value, &["id", "tools"])?;
            let tools = tools.ok_or(Fault::Field("tools"))?;
            check_tools(tools)?;
            return Ok(Self::Description { id: id(number, "id")?, tools });
        }
        if kind == Text::Plain("progress") {
            let [number, done, total, message] =
                fields(value, &["id", "done", "total", "message"])?;
            let count = |value: Value<'_>, name| value.unsigned().ok_or(Fault::Field(name));
            let done = count(done.ok_or(Fault::Field("done"))?, "done")?;
            let total = total.map(|total| count(total, "total")).transpose()?;
            let message = message.is_some().then(|| text(message, "message", MESSAGE_BYTES_MAX));
            let message = message.transpose()?;
            return Ok(Self::Progress { id: id(number, "id")?, done, total, message });
        }
        if kind == Text::Plain("request") {
            let keys = ["id", "call", "service", "handle", "offset", "length"];
            let [number, call, service, handle, offset, length] = fields(value, &keys)?;
            let service = text(service, "service", NAME_BYTES_MAX)?;
            let service = match (handle, offset, length) {
                (handle, offset, length) if service == Text::Plain("read") => {
                    let offset = offset.and_then(Value::unsigned).ok_or(Fault::Field("offset"))?;
                    let length = id(length, "length")?;
                    if length as usize > READ_BYTES_MAX {
                        return Err(Fault::Field("length"));
                    }
                    Service::Read { handle: id(handle, "handle")?, offset, length }
                }
                (None, None, None) if service == Text::Plain("proceed") => Service::Proceed,
                (None, None, None) => Service::Unknown,
                _ => return Err(Fault::UnknownKey),
            };
            return Ok(Self::Request { id: id(number, "id")?, call: id(call, "call")?, service });
        }
        if kind == Text::Plain("result") {
            let [number, output] = fields(value, &["id", "output"])?;
            let output = output.ok_or(Fault::Field("output"))?;
            return Ok(Self::Result { id: id(number, "id")?, output });
        }
        if kind == Text::Plain("error") {
            let [number, code, message] = fields(value, &["id", "code", "message"])?;
            let id = number.and_then(Value::unsigned).and_then(|id| u32::try_from(id).ok());
            let id = id.ok_or(Fault::Field("id"))?;
            let message = text(message, "message", MESSAGE_BYTES_MAX)?;
            return Ok(Self::Error { id, code: self::code(code)?, message });
        }
        Err(Fault::UnknownType)
    }

    /// Writes it as a line with its newline, and says how many bytes that is.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn write(&self, room: &mut [u8]) -> Result<usize, Full> {
        let mut line = Line::new(room);
        line.object();
        line.key("type");
        match *self {
            Self::Hello { version, name, release } => {
                line.text(Text::Plain("hello"));
                number(&mut line, "version", version.into());
                words(&mut line, "name", name);
                words(&mut line, "release", release);
            }
            Self::Description { id, tools } => {
                line.text(Text::Plain("description"));
                number(&mut line, "id", id.into());
                line.key("tools");
                line.value(tools);
            }
            Self::Progress { id, done, total, message } => {
                line.text(Text::Plain("progress"));
                number(&mut line, "id", id.into());
                number(&mut line, "done", done);
                if let Some(total) = total {
                    number(&mut line, "total", total);
                }
                if let Some(message) = message {
                    words(&mut line, "message", message);
                }
            }
            Self::Request { id, call, service } => {
                line.text(Text::Plain("request"));
                number(&mut line, "id", id.into());
                number(&mut line, "call", call.into());
                let name = match service {
                    Service::Read { .. } => "read",
                    Service::Proceed => "proceed",
                    Service::Unknown => "unknown",
                };
                words(&mut line, "service", Text::Plain(name));
                if let Service::Read { handle, offset, length } = service {
                    number(&mut line, "handle", handle.into());
                    number(&mut line, "offset", offset);
                    number(&mut line, "length", length.into());
                }
            }
            Self::Result { id, output } => {
                line.text(Text::Plain("result"));
                number(&mut line, "id", id.into());
                line.key("output");
                line.value(output);
            }
            Self::Error { id, code, message } => {
                line.text(Text::Plain("error"));
                number(&mut line, "id", id.into());
                words(&mut line, "code", Text::Plain(code.word()));
                words(&mut line, "message", message);
            }
        }
        line.end_object();
        line.end()
    }
}

/// A tool as its skill describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Described<'a> {
    /// Its name.
    pub name: Text<'a>,
    /// What it does.
    pub description: Text<'a>,
    /// A JSON Schema of its arguments.
    pub parameters: Value<'a>,
}

/// The tools of a description that was read.
pub fn tools(list: Value<'_>) -> impl Iterator<Item = Described<'_>> {
    list.elements().into_iter().flatten().filter_map(|tool| described(tool).ok())
}

fn check_tools(list: Value<'_>) -> Result<(), Fault> {
    let elements = list.elements().ok_or(Fault::Field("tools"))?;
    for (index, tool) in elements.enumerate() {
        let tool = described(tool)?;
        let mut before = tools(list).take(index);
        if index >= TOOLS_MAX || before.any(|other| other.name == tool.name) {
            return Err(Fault::Field("tools"));
        }
    }
    Ok(())
}

fn described(tool: Value<'_>) -> Result<Described<'_>, Fault> {
    let names = ["name", "description", "parameters"];
    let fields = Fields::read(tool, &names).map_err(|fault| match fault {
        FieldFault::NoObject => Fault::Field("tools"),
        FieldFault::Unknown => Fault::UnknownKey,
        FieldFault::Twice(_) => Fault::KeyTwice,
    })?;
    let parameters = fields.at(2).filter(|value| value.kind() == Kind::Object);
    Ok(Described {
        name: text(fields.at(0), "name", NAME_BYTES_MAX)?,
        description: text(fields.at(1), "description", DESCRIPTION_BYTES_MAX)?,
        parameters: parameters.ok_or(Fault::Field("parameters"))?,
    })
}

/// The value that a line is.
fn value(line: &[u8]) -> Result<Value<'_>, Fault> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    if line.len() >= LINE_BYTES_MAX {
        return Err(Fault::TooLong);
    }
    let text = core::str::from_utf8(line).map_err(|_| Fault::NoUtf8)?;
    // White space between the parts of a value may be a line break; in a line it is not.
    if let Some(at) = text.bytes().position(|byte| matches!(byte, b'\n' | b'\r')) {
        return Err(Fault::NoJson(at));
    }
    Value::parse(text).map_err(Fault::NoJson)
}

/// What `type` says.
fn kind(value: Value<'_>) -> Result<Text<'_>, Fault> {
    let mut members = value.members().ok_or(Fault::UnknownType)?;
    let kind = members.find(|(key, _)| *key == Text::Plain("type")).ok_or(Fault::UnknownType)?;
    kind.1.text().ok_or(Fault::UnknownType)
}

/// The values of these keys; `type` is there besides, and nothing else.
fn fields<'a, const N: usize>(
    value: Value<'a>,
    names: &[&str; N],
) -> Result<[Option<Value<'a>>; N], Fault> {
    let mut values = [None; N];
    take_fields(value, names, &mut values)?;
    Ok(values)
}

/// Out of line, so that it is there once and not for every number of keys.
fn take_fields<'a>(
    value: Value<'a>,
    names: &[&str],
    values: &mut [Option<Value<'a>>],
) -> Result<(), Fault> {
    let mut has_type = false;
    for (key, member) in value.members().ok_or(Fault::UnknownType)? {
        let is_twice = if key == Text::Plain("type") {
            core::mem::replace(&mut has_type, true)
        } else {
            let index = names.iter().position(|name| key == Text::Plain(name));
            let place = index.and_then(|index| values.get_mut(index)).ok_or(Fault::UnknownKey)?;
            place.replace(member).is_some()
        };
        if is_twice {
            return Err(Fault::KeyTwice);
        }
    }
    Ok(())
}

/// A number that is not 0.
fn id(value: Option<Value<'_>>, name: &'static str) -> Result<u32, Fault> {
    let number = value.and_then(Value::unsigned).and_then(|number| u32::try_from(number).ok());
    number.filter(|number| *number > 0).ok_or(Fault::Field(name))
}

fn text<'a>(
    value: Option<Value<'a>>,
    name: &'static str,
    bytes_max: usize,
) -> Result<Text<'a>, Fault> {
    let text = value.and_then(Value::text).ok_or(Fault::Field(name))?;
    let is_within = (1..=bytes_max).contains(&text.bytes_count());
    is_within.then_some(text).ok_or(Fault::Field(name))
}

fn code(value: Option<Value<'_>>) -> Result<Code, Fault> {
    let word = value.and_then(Value::text).ok_or(Fault::Field("code"))?;
    let code = Code::ALL.into_iter().find(|code| word == Text::Plain(code.word()));
    code.ok_or(Fault::Field("code"))
}

fn number(line: &mut Line<'_>, key: &str, number: u64) {
    line.key(key);
    line.unsigned(number);
}

fn words(line: &mut Line<'_>, key: &str, text: Text<'_>) {
    line.key(key);
    line.text(text);
}

#[cfg(test)]
mod tests;

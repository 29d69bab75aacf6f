//! What a client asks for: one line, one JSON object.
//!
//! # Invariants
//! - What is written reads back as the same value.
//! - A member that does not belong there is an error: nothing that was said is passed over.

use alloc::string::{String, ToString};
use core::fmt;

use crate::agent::{ConversationNumber, OperatorCommand};
use crate::text::json::{self, Options, Value};

/// A request of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Do something.
    Do(OperatorCommand),
    /// Show something.
    Show {
        /// What.
        what: Query,
        /// The elements behind this one: where the last page ended, or 0.
        after: u64,
    },
}

/// What can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Query {
    /// How it goes.
    Status,
    /// The grants.
    Grants,
    /// The people who are or were let in.
    People,
    /// The codes that wait.
    Codes,
    /// The questions that wait.
    Questions,
    /// The conversations.
    Conversations,
    /// What is remembered of one of them.
    Conversation(ConversationNumber),
    /// The persona.
    Persona,
    /// The skills.
    Skills,
}

impl Query {
    /// Its name, which is also the name of the member that answers it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Grants => "grants",
            Self::People => "people",
            Self::Codes => "codes",
            Self::Questions => "questions",
            Self::Conversations => "conversations",
            Self::Conversation(_) => "messages",
            Self::Persona => "persona",
            Self::Skills => "skills",
        }
    }

    fn named(name: &str, value: Value<'_>) -> Result<Self, RequestError> {
        const PLAIN: [Query; 8] = [
            Query::Status,
            Query::Grants,
            Query::People,
            Query::Codes,
            Query::Questions,
            Query::Conversations,
            Query::Persona,
            Query::Skills,
        ];
        if name == "messages" {
            let number = value.get("conversation").and_then(Value::as_u64);
            return Ok(Self::Conversation(ConversationNumber(number.map_err(odd)?)));
        }
        let known = PLAIN.into_iter().find(|query| query.name() == name);
        known.ok_or_else(|| RequestError::new(alloc::format!("'{name}' cannot be shown")))
    }
}

impl Request {
    /// The line of a request, with its end.
    #[must_use]
    pub fn write(&self, id: u64) -> String {
        let mut line = json::object(|out| {
            out.field("id", id);
            match self {
                Self::Do(command) => command.write(out),
                Self::Show { what, after } => {
                    out.field("show", what.name());
                    if let Query::Conversation(number) = what {
                        out.field("conversation", number.0);
                    }
                    out.optional("after", Some(*after).filter(|after| *after > 0));
                }
            }
        });
        line.push('\n');
        line
    }

    /// Reads a line: the client's name for the request, if it has one, and the request.
    pub(super) fn read(line: &[u8]) -> (Option<u64>, Result<Self, RequestError>) {
        let document = match OPTIONS.parse(line) {
            Ok(document) => document,
            Err(error) => return (None, Err(RequestError::new(error.to_string()))),
        };
        let root = document.root();
        let Some(id) = root.find("id").and_then(|id| id.as_u64().ok()) else {
            let what = "a request needs an 'id', a number that its answer names";
            return (None, Err(RequestError::new(what)));
        };
        (Some(id), Self::read_value(id, root))
    }

    fn read_value(id: u64, value: Value<'_>) -> Result<Self, RequestError> {
        let request = match (value.find("do"), value.find("show")) {
            (Some(_), None) => {
                let command = OperatorCommand::read(value);
                Self::Do(command.map_err(|error| RequestError::new(error.to_string()))?)
            }
            (None, Some(name)) => {
                let what = Query::named(name.as_str().map_err(odd)?, value)?;
                let after = value.find("after").map_or(Ok(0), Value::as_u64).map_err(odd)?;
                Self::Show { what, after }
            }
            _ => return Err(RequestError::new("a request says either 'do' or 'show'")),
        };
        // What it says in our own words has the same members, or something was passed over.
        let own = request.write(id);
        let count = |value: Value<'_>| {
            let members = value.members().map(Iterator::count).unwrap_or(0);
            // An `after` of nothing says nothing.
            let is_shown = matches!(request, Self::Show { .. });
            members - usize::from(is_shown && value.find("after").is_some())
        };
        match OPTIONS.parse(own.trim_end().as_bytes()) {
            Ok(own) if count(own.root()) == count(value) => Ok(request),
            _ => Err(RequestError::new("it says something that does not belong there")),
        }
    }
}

/// Why a line is no request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestError {
    what: String,
}

impl RequestError {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into() }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

fn odd(error: json::AccessError) -> RequestError {
    RequestError::new(error.to_string())
}

/// A request is flat.
const OPTIONS: Options = Options::new().depth(2);

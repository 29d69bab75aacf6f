//! The client: other people's servers, for a host of skills.
//!
//! Calls go in, effects come out. After the handshake the server's tools are listed by themselves,
//! and again whenever it says that they changed: each list is handed on whole, with the digest of
//! each tool, and it is for the host whether a tool with another digest may still be called.
//!
//! # Invariants
//! - A server that answers what it was not asked, or twice, or what makes no sense has broken the
//!   protocol: that is the last effect, and nothing it says afterwards is read.
//! - Every request ends once: with what came, with an error, or with the end of the server.
//! - The model is offered to a server that may use it, and to no other one.
//! - Words of a server are handed on as they are, within their bounds: whoever shows them labels
//!   them.
//!
//! # Not here
//! Time: a host that waits no longer says [`Client::cancel`]. Grants and pins: the host of skills.

mod incoming;
mod items;
mod output;
mod remote;
mod sampling;
#[cfg(test)]
mod tests;

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

pub use self::items::{Claims, Item, Items, ToolClaim};
pub use self::output::Got;
pub use self::remote::{Begin, ExchangeNumber, Remote, RemoteEffect};
pub use self::sampling::Wished;
use super::id::Id;
use super::message::{self, parse};
use super::version::Version;
use crate::control::lines::Lines;
use crate::limits::{MCP_GIVEN_UP_COUNT_MAX, MCP_LINE_BYTES_MAX, MCP_REQUESTS_COUNT_MAX};
use crate::text::json::{Kind, ObjectWriter};

/// What a client says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientOffer {
    /// The version of the program.
    pub version: String,
    /// What the server may be told of the files that were granted to it.
    pub roots: Vec<Root>,
    /// Whether there is somebody whom the server may ask.
    pub may_ask: bool,
    /// Whether it may have a model asked.
    pub may_sample: bool,
}

/// A directory that a server may know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Its address, `file:///…`.
    pub uri: String,
    /// What it is called.
    pub name: String,
}

/// Names a request in what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestNumber(pub u64);

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// What was agreed on.
    pub version: Version,
    /// Its name.
    pub name: String,
    /// Its version.
    pub release: String,
    /// What it would have a model told.
    pub instructions: String,
    /// Whether it has tools, resources and prompts.
    pub has: [bool; 3],
}

/// A question of a server to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Names it in the answer.
    pub question: u64,
    /// Its words.
    pub message: String,
    /// What an answer is made of: a schema, as the server wrote it.
    pub schema: String,
}

/// What a person said to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<'d> {
    /// This, a JSON object.
    Accept(&'d str),
    /// No.
    Decline,
    /// Nothing.
    Cancel,
}

/// What is to be done, or became known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEffect {
    /// Write this line, and an end of line after it.
    Send(String),
    /// The handshake is over.
    Ready(Peer),
    /// These are the server's tools from now on. Whatever was known of others is over.
    Tools(Claims),
    /// A request is done.
    Done {
        /// Which.
        request: RequestNumber,
        /// What came.
        got: Got,
    },
    /// A request is not done.
    Failed {
        /// Which.
        request: RequestNumber,
        /// Why, in the server's words.
        why: String,
    },
    /// A request goes on.
    Progress {
        /// Which.
        request: RequestNumber,
        /// The server's words; none, mostly.
        words: String,
    },
    /// A person is asked; say [`Client::answer`].
    Ask(Asked),
    /// A model is asked, if that is granted; say [`Client::sampled`].
    Wish(Wished),
    /// A question is over, or a request to a model.
    Unask(u64),
    /// Other resources, or prompts, are there: what was listed is out of date.
    Changed(Items),
    /// A line of the server's log.
    Log(String),
    /// The server broke the protocol: end it. Every request under way has failed.
    Broken(Fault),
}

/// How a server broke the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A line is longer than it may be.
    LineTooLong,
    /// A line is no JSON.
    NoJson(String),
    /// A line is no message.
    NoMessage(&'static str),
    /// It answers what is not asked, or what was answered before.
    Unasked,
    /// It tells of progress of what is not under way.
    NoProgress,
    /// An answer is not what was asked for.
    NotAnAnswer(&'static str),
    /// It wants another revision than there is.
    Version,
    /// A bound was hit.
    TooMuch(&'static str),
    /// It asks with a name that another question of its own has.
    Twice,
    /// It cannot be spoken with; why.
    Unreached(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Unreached(why) = self {
            return write!(formatter, "the server cannot be spoken with: {why}");
        }
        formatter.write_str("the server broke the protocol: ")?;
        match self {
            Self::LineTooLong => formatter.write_str("a line is longer than 2 MiB"),
            Self::NoJson(error) => write!(formatter, "a line is no JSON: {error}"),
            Self::NoMessage(why) => write!(formatter, "a line is no message: {why}"),
            Self::Unasked => formatter.write_str("it answered what it was not asked, or twice"),
            Self::NoProgress => formatter.write_str("progress of what is not under way"),
            Self::NotAnAnswer(why) => write!(formatter, "an answer makes no sense: {why}"),
            Self::Version => formatter.write_str("it speaks a revision that we do not"),
            Self::TooMuch(what) => write!(formatter, "{what} are more than their bound"),
            Self::Twice => formatter.write_str("two of its questions have one name"),
            Self::Unreached(_) => Ok(()),
        }
    }
}

impl core::error::Error for Fault {}

/// Why nothing was asked of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientError {
    /// The handshake is not over.
    NotReady,
    /// The server has ended, or broke the protocol.
    Ended,
    /// As many requests are under way as may be.
    Full,
    /// Arguments are no JSON object.
    NoObject,
    /// The line would be longer than one may be.
    TooLong,
    /// There is no such question.
    NotAsked,
}

impl fmt::Display for ClientError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotReady => "the server is not ready yet",
            Self::Ended => "the server has ended",
            Self::Full => "too many requests to the server are under way",
            Self::NoObject => "arguments are to be a JSON object",
            Self::TooLong => "the request is longer than 2 MiB",
            Self::NotAsked => "the server does not ask that, or not any more",
        })
    }
}

impl core::error::Error for ClientError {}

/// A client of one server.
#[derive(Debug)]
pub struct Client {
    offer: ClientOffer,
    lines: Lines,
    stage: Stage,
    version: Version,
    open: Vec<Open>,
    /// Requests that nobody waits for, whose answers may still come.
    given_up: VecDeque<u64>,
    last: u64,
    /// The list of tools that is being read.
    listing: Option<Claims>,
    pages_count: usize,
    /// Whether the tools changed while they were listed.
    is_stale: bool,
    /// Questions of the server that wait, by our numbers.
    questions: Vec<(u64, Id)>,
    /// Its requests to models that wait.
    wishes: Vec<(u64, Id)>,
    out: VecDeque<ClientEffect>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Greeting,
    Ready,
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Open {
    number: u64,
    what: What,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Greeting,
    Tools,
    Call,
    List(Items),
    Read(Items),
}

impl Client {
    /// Greets a server.
    #[must_use]
    pub fn new(offer: ClientOffer) -> Self {
        let mut client = Self {
            offer,
            lines: Lines::new(MCP_LINE_BYTES_MAX),
            stage: Stage::Greeting,
            version: Version::NEWEST,
            open: Vec::new(),
            given_up: VecDeque::new(),
            last: 0,
            listing: None,
            pages_count: 0,
            is_stale: false,
            questions: Vec::new(),
            wishes: Vec::new(),
            out: VecDeque::new(),
        };
        client.greet();
        client
    }

    /// Takes one line of what came, if there is a whole one; the input is moved past it. To be
    /// called until the input is used up, and [`poll`](Self::poll) until there is nothing between.
    pub fn receive(&mut self, input: &mut &[u8]) {
        if self.stage == Stage::Ended {
            *input = &[];
            return;
        }
        match self.lines.next(input) {
            None => {}
            Some(Ok(line)) => self.line(line.trim_ascii()),
            Some(Err(_)) => self.broke(Fault::LineTooLong),
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<ClientEffect> {
        self.out.pop_front()
    }

    /// The server is gone: what was under way fails.
    pub fn end(&mut self) {
        self.stage = Stage::Ended;
        let open = core::mem::take(&mut self.open);
        for Open { number, what } in open {
            if matches!(what, What::Call | What::List(_) | What::Read(_)) {
                let (request, why) = (RequestNumber(number), "the server has ended".into());
                self.out.push_back(ClientEffect::Failed { request, why });
            }
        }
        for (number, _) in self.questions.drain(..).chain(self.wishes.drain(..)) {
            self.out.push_back(ClientEffect::Unask(number));
        }
    }

    /// Calls a tool with a JSON object. Whether it may be called was decided before.
    ///
    /// # Errors
    /// It was not called.
    pub fn call(&mut self, tool: &str, arguments: &str) -> Result<RequestNumber, ClientError> {
        let document = parse(arguments.as_bytes()).map_err(|_| ClientError::NoObject)?;
        if document.root().kind() != Kind::Object {
            return Err(ClientError::NoObject);
        }
        self.ask(What::Call, "tools/call", |number, out| {
            out.field("name", tool).field("arguments", document.root());
            out.object("_meta", |out| {
                out.field("progressToken", number);
            });
        })
    }

    /// Lists resources, or prompts, from a place that the page before named.
    ///
    /// # Errors
    /// It was not asked.
    pub fn list(
        &mut self,
        items: Items,
        cursor: Option<&str>,
    ) -> Result<RequestNumber, ClientError> {
        self.ask(What::List(items), items.list_method(), |_, out| {
            out.optional("cursor", cursor);
        })
    }

    /// Reads a resource by its address.
    ///
    /// # Errors
    /// It was not asked.
    pub fn resource(&mut self, uri: &str) -> Result<RequestNumber, ClientError> {
        self.ask(What::Read(Items::Resources), "resources/read", |_, out| {
            out.field("uri", uri);
        })
    }

    /// Reads a prompt by its name, with arguments that are texts.
    ///
    /// # Errors
    /// It was not asked.
    pub fn prompt(
        &mut self,
        name: &str,
        arguments: &[(&str, &str)],
    ) -> Result<RequestNumber, ClientError> {
        self.ask(What::Read(Items::Prompts), "prompts/get", |_, out| {
            out.field("name", name);
            out.object("arguments", |out| {
                for (name, value) in arguments {
                    out.field(name, *value);
                }
            });
        })
    }

    /// Nobody waits for a request any more: nothing more is heard of it.
    pub fn cancel(&mut self, request: RequestNumber) {
        let place = self.open.iter().position(|open| {
            let is_ours = matches!(open.what, What::Call | What::List(_) | What::Read(_));
            open.number == request.0 && is_ours
        });
        let Some(place) = place else { return };
        self.open.remove(place);
        self.given_up.push_back(request.0);
        let line = message::ask(None, "notifications/cancelled", |out| {
            out.field("requestId", request.0).field("reason", "nobody waits for it any more");
        });
        self.send(line);
        if self.given_up.len() > MCP_GIVEN_UP_COUNT_MAX {
            self.broke(Fault::TooMuch("requests that were given up and not ended"));
        }
    }

    /// Answers a question of the server.
    ///
    /// # Errors
    /// It is none, or the answer is no object.
    pub fn answer(&mut self, question: u64, decision: Decision<'_>) -> Result<(), ClientError> {
        let place = self.questions.iter().position(|(number, _)| *number == question);
        let place = place.ok_or(ClientError::NotAsked)?;
        let content = match decision {
            Decision::Accept(content) => {
                let document = parse(content.as_bytes()).map_err(|_| ClientError::NoObject)?;
                if document.root().kind() != Kind::Object {
                    return Err(ClientError::NoObject);
                }
                Some(document)
            }
            Decision::Decline | Decision::Cancel => None,
        };
        let action = match decision {
            Decision::Accept(_) => "accept",
            Decision::Decline => "decline",
            Decision::Cancel => "cancel",
        };
        let (_, id) = self.questions.remove(place);
        let line = message::answer(&id, |out| {
            out.field("action", action);
            if let Some(content) = &content {
                out.field("content", content.root());
            }
        });
        self.send(line);
        Ok(())
    }

    /// Other directories were granted.
    pub fn set_roots(&mut self, roots: Vec<Root>) {
        let is_news = self.offer.roots != roots;
        self.offer.roots = roots;
        if is_news && self.stage == Stage::Ready {
            self.send(message::ask(None, "notifications/roots/list_changed", |_| {}));
        }
    }

    /// How many requests are under way.
    #[must_use]
    pub fn requests_count(&self) -> usize {
        self.open.len()
    }

    fn is_open(&self, number: u64) -> bool {
        self.open.iter().any(|open| open.number == number)
    }

    /// A request gets no answer, unless it has one.
    fn lost(&mut self, number: u64, why: &str) {
        let Some(place) = self.open.iter().position(|open| open.number == number) else { return };
        match self.open.get(place).map(|open| open.what) {
            Some(What::Call | What::List(_) | What::Read(_)) => {
                self.open.remove(place);
                let (request, why) = (RequestNumber(number), message::short(why));
                self.out.push_back(ClientEffect::Failed { request, why });
            }
            _ => self.broke(Fault::Unreached(message::short(why))),
        }
    }

    fn greet(&mut self) {
        self.last += 1;
        self.open.push(Open { number: self.last, what: What::Greeting });
        let id = own_id(self.last);
        let line = message::ask(Some(&id), "initialize", |out| {
            out.field("protocolVersion", Version::NEWEST.name());
            out.object("capabilities", |out| {
                out.object("roots", |out| {
                    out.field("listChanged", true);
                });
                if self.offer.may_ask {
                    out.object("elicitation", |_| {});
                }
                if self.offer.may_sample {
                    out.object("sampling", |_| {});
                }
            });
            out.object("clientInfo", |out| {
                out.field("name", "sentinel").field("version", &self.offer.version);
            });
        });
        self.send(line);
    }

    fn ask(
        &mut self,
        what: What,
        method: &str,
        params: impl FnOnce(u64, &mut ObjectWriter<'_, String>),
    ) -> Result<RequestNumber, ClientError> {
        match self.stage {
            Stage::Ended => return Err(ClientError::Ended),
            Stage::Greeting => return Err(ClientError::NotReady),
            Stage::Ready if self.open.len() >= MCP_REQUESTS_COUNT_MAX => {
                return Err(ClientError::Full);
            }
            Stage::Ready => {}
        }
        let number = self.last + 1;
        let line = message::ask(Some(&own_id(number)), method, |out| params(number, out));
        if line.len() > MCP_LINE_BYTES_MAX {
            return Err(ClientError::TooLong);
        }
        self.last = number;
        self.open.push(Open { number, what });
        self.send(line);
        Ok(RequestNumber(number))
    }

    fn broke(&mut self, fault: Fault) {
        if self.stage != Stage::Ended {
            self.end();
            self.out.push_back(ClientEffect::Broken(fault));
        }
    }

    fn send(&mut self, line: String) {
        self.out.push_back(ClientEffect::Send(line));
    }
}

/// The name of a request of ours.
fn own_id(number: u64) -> Id {
    i64::try_from(number).map_or_else(|_| Id::Text(number.to_string()), Id::Number)
}

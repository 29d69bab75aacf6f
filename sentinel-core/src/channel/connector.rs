//! Connectors: how a platform is spoken to, without speaking to it.
//!
//! Each platform's dialect is a machine of its own: it says which requests to make and which
//! WebSocket to hold, is told what came back, and turns that into messages for the agent and into
//! what became of posts. The shell has the sockets, the addresses and the tokens; it puts the token
//! where [`Call::token`] says, so that no token is ever in a connector, a log or a journal.
//!
//! All machines have one surface, [`Connector`]. After every call the shell asks
//! [`poll`](Connector::poll) until there is nothing, and comes back at
//! [`deadline`](Connector::deadline).
//!
//! # Invariants
//! - Every post that was taken, but a sign of typing, is answered by exactly one
//!   [`Action::Posted`], and every fetch that was taken by exactly one [`Action::File`].
//! - A message that the agent has not acknowledged is asked for again after a start, as far as the
//!   platform can.
//! - Whatever a platform sends, there is an answer or nothing, never a panic; what is kept is
//!   bounded.
//!
//! # Not here
//! Who may talk, and what is said: [`Access`](super::Access), [`Delivery`](super::Delivery) and the
//! agent.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::delivery::{Failure, Post};
use super::incoming::Incoming;
use crate::time::{Instant, Now};
use crate::wire::http::{Headers, Method};

/// Names a request of a connector, in what came of it. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallNumber(pub u64);

/// A request to a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Names it.
    pub number: CallNumber,
    /// How it is sent.
    pub method: Method,
    /// Where, after the platform's base address: begins with `/`, and may hold a query. The bytes
    /// of a file may be elsewhere: then it is a whole URL, to which the shell sends nothing unless
    /// it knows the host as one of the platform's own.
    pub path: String,
    /// Its body and the media type of it, if it has one.
    pub body: Option<(&'static str, Vec<u8>)>,
    /// Which token it is authorised with, and how.
    pub token: Token,
    /// How long it may take as a whole: a poll is answered late on purpose.
    pub time_max: Duration,
    /// The most bytes of its answer.
    pub answer_bytes_max: usize,
    /// The file that its answer is, if it is one, by the number it was asked for with: its bytes
    /// go where the file is to be, and [`Connector::answered`] is given none of them. An
    /// answer that is longer than it may be is told with the status 413.
    pub file: Option<u64>,
}

/// Where the shell puts which secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Token {
    /// Nowhere.
    None,
    /// In the path: `/bot<token>` comes before it (Telegram).
    BotPath,
    /// In the path of files: `/file/bot<token>` comes before it (Telegram).
    FilePath,
    /// `authorization: Bot <token>` (Discord).
    BotHeader,
    /// `authorization: Bearer <token>`, the bot's (Slack).
    Bearer,
    /// `authorization: Bearer <token>`, the app's own (Slack's Socket Mode).
    AppBearer,
}

/// What a connector wants done, or has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Send a request; its outcome is told with [`Connector::answered`] or [`Connector::failed`].
    Call(Call),
    /// Nobody waits for a request any more.
    Cancel(CallNumber),
    /// Open the WebSocket at this URL (`wss:`), in place of one that may be open.
    Open {
        /// The URL.
        url: String,
    },
    /// Send a text over the WebSocket. Where `{token}` stands in it, the bot's token goes, escaped
    /// for JSON.
    Send {
        /// The text.
        text: String,
        /// Whether there is such a place.
        has_token: bool,
    },
    /// Close the WebSocket with this code.
    Close {
        /// The code.
        code: u16,
    },
    /// Somebody wrote: for the agent. Who cannot take it now keeps it and offers it again: it is
    /// given once.
    Message(Incoming),
    /// What became of a post.
    Posted {
        /// The number it was given with.
        delivery: u64,
        /// Which piece.
        piece: usize,
        /// What.
        outcome: Posted,
    },
    /// What became of a file that was asked for.
    File {
        /// The number it was asked for with.
        fetch: u64,
        /// Whether its bytes are where the shell put those of the call for it.
        outcome: Result<(), FetchFailure>,
    },
    /// Keep this, in place of what was kept before, for the next start.
    Keep(Vec<u8>),
    /// Something that the operator should know: a refused token, a permission that lacks.
    Alert(String),
    /// It is at work, under this name of the agent's own on the platform.
    Ready {
        /// The name.
        name: String,
    },
    /// It cannot work, and will not try again by itself.
    Stopped {
        /// Why, and what to do.
        why: String,
    },
}

/// What became of a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Posted {
    /// It is there, under this name of the platform's.
    Sent(String),
    /// It was changed.
    Edited,
    /// It is not there, or nobody knows.
    Failed(Failure),
}

/// Something for a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToPost {
    /// Names it in [`Action::Posted`], with the piece of the post.
    pub delivery: u64,
    /// The chat.
    pub chat: String,
    /// What to do.
    pub post: Post,
    /// The question that this is, if it is one: people can be given buttons to answer it by. What
    /// they press comes as a message of theirs, `/approve 3` or `/deny 3`.
    pub question: Option<u32>,
}

/// Who asks, as the field `user-agent` says it. Discord blocks bots that do not give an address and
/// a version in this form (its API reference, "User Agent"), before it looks at their tokens. The
/// address is one that can never lead anywhere: there is no page of this project to name.
#[must_use]
pub fn user_agent(platform: &str) -> &'static str {
    match platform {
        "discord" => {
            concat!("DiscordBot (https://sentinel.invalid, ", env!("CARGO_PKG_VERSION"), ")")
        }
        _ => concat!("sentinel/", env!("CARGO_PKG_VERSION")),
    }
}

/// The hosts of a platform's that hand out files, and that its calls may name in place of its base
/// address. All are reached by `https`.
#[must_use]
pub fn file_hosts(platform: &str) -> &'static [&'static str] {
    match platform {
        "discord" => &["cdn.discordapp.com", "media.discordapp.net"],
        "slack" => &["files.slack.com"],
        _ => &[],
    }
}

/// A file that somebody sent, to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToFetch {
    /// Names it in [`Action::File`].
    pub number: u64,
    /// The platform's id of it, as in [`Part::Attachment`](super::Part::Attachment).
    pub attachment: String,
    /// The most bytes of it.
    pub bytes_max: usize,
}

/// Why a file was not fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FetchFailure {
    /// It is larger than it may be, or than the platform hands out.
    TooLarge,
    /// The platform does not have it, or not for us.
    Gone,
    /// Not now; it can be asked for again.
    Later {
        /// After this time, in milliseconds.
        retry_after_ms: u64,
    },
}

/// A platform's dialect, as a machine.
pub trait Connector {
    /// The program started; `kept` is what [`Action::Keep`] gave last.
    fn start(&mut self, now: Now, kept: Option<&[u8]>);

    /// The agent wants something done in a chat.
    fn post(&mut self, now: Now, post: ToPost);

    /// Somebody wants the bytes of a file that came with a message. Says whether it was taken: a
    /// machine that fetches no files takes none, and answers none.
    fn fetch(&mut self, _now: Now, _fetch: ToFetch) -> bool {
        false
    }

    /// A question is over, whoever or whatever answered it: its buttons can go, if it has any.
    fn settled(&mut self, _now: Now, _question: u32) {}

    /// The agent's record of a message is safe: the platform need not keep it any longer.
    fn acknowledge(&mut self, now: Now, message: &str);

    /// A request was answered, whatever the status says.
    fn answered(&mut self, now: Now, call: CallNumber, status: u16, headers: &Headers, body: &[u8]);

    /// A request was not answered. Where no connection came about, it cannot have arrived; later
    /// nobody knows.
    fn failed(&mut self, now: Now, call: CallNumber, may_have_arrived: bool);

    /// A request was answered with more than [`Call::answer_bytes_max`], so that nobody read it.
    /// Asking for the same again would be in vain.
    fn too_large(&mut self, now: Now, call: CallNumber) {
        self.failed(now, call, true);
    }

    /// The WebSocket is open.
    fn opened(&mut self, now: Now);

    /// A text came over it.
    fn received(&mut self, now: Now, text: &str);

    /// It is closed, or could not be opened; the code, if the other side gave one.
    fn closed(&mut self, now: Now, code: Option<u16>);

    /// The next thing to do.
    fn poll(&mut self, now: Now) -> Option<Action>;

    /// When to poll again, if nothing happens before.
    fn deadline(&self) -> Option<Instant>;
}

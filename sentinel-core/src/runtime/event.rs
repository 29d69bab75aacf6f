//! What a shell tells Sentinel, and what Sentinel asks of it.
//!
//! # Invariants
//! - Effects are carried out in the order in which they are given, as far as they concern the same
//!   thing; keys are stored before the records that need them.
//! - An event that comes twice, or for something that is over, changes nothing.
//!
//! # Not here
//! How anything is done.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::agent::{
    CallNumber, ConversationNumber, DeliveryNumber, ExchangeNumber, FetchNumber, Fetched,
    OperatorCommand, Refusal, Sampling, Settings, SettingsError, Told, ToolOutput,
};
use crate::capability::Handle;
use crate::channel::{Failure, Incoming, Post};
use crate::egress::Passage;
use crate::journal::{EpochSeed, Note};
use crate::llm::{HeldImage, Outgoing, TransportKind};
use crate::tool::Call;
use crate::wire::http::Headers;

/// Something happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'e> {
    /// Time passed: [`deadline`](super::Sentinel::deadline) has come.
    Time,
    /// A message came.
    Message(Incoming),
    /// All that [`Effect::Persist`] gave out, up to this record, is safe.
    Persisted {
        /// How many records are.
        records_count: u64,
    },
    /// It could not be made safe, and will be asked for again.
    PersistFailed,
    /// A model's response began.
    ModelHead {
        /// To which request.
        exchange: ExchangeNumber,
        /// The status.
        status: u16,
        /// The header fields.
        headers: &'e Headers,
    },
    /// More of its body came.
    ModelBody {
        /// Of which.
        exchange: ExchangeNumber,
        /// The bytes.
        bytes: &'e [u8],
    },
    /// Its body ended as HTTP says that it does.
    ModelEnd {
        /// Of which.
        exchange: ExchangeNumber,
    },
    /// The exchange broke.
    ModelFailed {
        /// Which.
        exchange: ExchangeNumber,
        /// How.
        kind: TransportKind,
    },
    /// A picture could not be put into a request, because it is not there any more or is another
    /// one. The request was not sent; another one follows, without it.
    PictureGone {
        /// Which exchange.
        exchange: ExchangeNumber,
        /// Which picture.
        digest: [u8; 32],
    },
    /// A tool ended.
    ToolFinished {
        /// Which call.
        call: CallNumber,
        /// What it gave back.
        output: ToolOutput,
    },
    /// The program of a call was let out to a host, or was not. Say it before the program hears of
    /// it, and before the call ends.
    Passage {
        /// Which call.
        call: CallNumber,
        /// What was decided.
        passage: Passage,
    },
    /// The server of a call asks a person something. What it is told comes as [`Effect::Reply`],
    /// unless the call ends before.
    CallAsks {
        /// Which call.
        call: CallNumber,
        /// Names the question among those of the call.
        number: u64,
        /// Its words.
        words: String,
        /// The JSON Schema of an answer.
        schema: String,
    },
    /// It wants no answer any more.
    CallUnasks {
        /// Which call.
        call: CallNumber,
        /// Which question.
        number: u64,
    },
    /// The server of a call would have a model answer something. What came of it comes as
    /// [`Effect::Reply`], unless the call ends before, or it says [`Event::CallUnasks`].
    CallSamples {
        /// Which call.
        call: CallNumber,
        /// Names the request among those of the call, and among its questions.
        number: u64,
        /// What it would have answered.
        sampling: Sampling,
    },
    /// A file was fetched, or was not.
    Fetched {
        /// Which.
        fetch: FetchNumber,
        /// What became of it.
        fetched: Fetched,
    },
    /// A message was sent.
    Sent {
        /// Of which delivery.
        delivery: DeliveryNumber,
        /// Which piece of it.
        piece: usize,
        /// The platform's name for the message.
        message: &'e str,
    },
    /// A message was changed.
    Edited {
        /// Of which delivery.
        delivery: DeliveryNumber,
        /// Which piece of it.
        piece: usize,
    },
    /// A post was not carried out, or nobody knows.
    PostFailed {
        /// Of which delivery.
        delivery: DeliveryNumber,
        /// Which piece of it.
        piece: usize,
        /// What happened.
        failure: Failure,
    },
    /// An operator gave a command.
    Operator {
        /// What the answer names.
        request: u64,
        /// The command.
        command: OperatorCommand,
    },
    /// The operator wrote other settings, which hold from now on. Keep what they were made from
    /// first: a later start looks for it by their digest.
    Settings(Arc<Settings>),
    /// The persona's file was read; `None` if it cannot be.
    PersonaRead {
        /// Its text.
        text: Option<String>,
    },
    /// A skill that was started says otherwise what it can do than when it was approved.
    SkillDiffers {
        /// Which.
        skill: String,
        /// The digest of its files, which was approved.
        digest: [u8; 32],
    },
}

/// Something is to be done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Effect {
    /// Write these bytes at this place of the log, then sync, then say so. What stands in the file
    /// from there on is replaced; what a write that failed left there is cut off and synced first.
    Persist {
        /// Which of the log's files, from 0.
        file: u64,
        /// The place in it.
        offset: u64,
        /// The bytes.
        bytes: Arc<Vec<u8>>,
        /// How many records the log holds then.
        records_count: u64,
    },
    /// Replace the kept key ring by this one, safely, before the next [`Effect::Persist`]. If that
    /// fails, leave the [`Effect::Persist`] and say [`Event::PersistFailed`]: both come again.
    StoreKeys {
        /// The ring.
        ring: Vec<u8>,
    },
    /// Replace the kept secret of the log by this one, and let nothing of the old one remain.
    StoreSeed {
        /// The secret.
        seed: EpochSeed,
    },
    /// A checkpoint is safe in the log: keep a copy of it elsewhere.
    Checkpoint(Note),
    /// Send a request to a model's provider.
    AskModel {
        /// Names it.
        exchange: ExchangeNumber,
        /// Which of the models of the settings.
        model: usize,
        /// The grant for it.
        handle: Handle,
        /// The request.
        request: Outgoing,
        /// Where the pictures are that go into it.
        pictures: Vec<Picture>,
    },
    /// Nobody waits for the answer any more.
    CancelModel {
        /// To which request.
        exchange: ExchangeNumber,
    },
    /// Run a tool.
    RunTool {
        /// Names the call.
        number: CallNumber,
        /// For whom.
        conversation: ConversationNumber,
        /// What to do.
        call: Call,
        /// The grants for it, for everything it needs.
        handles: Vec<Handle>,
        /// How long it may take.
        time_max: Duration,
    },
    /// Nobody waits for the tool any more.
    CancelTool {
        /// Which call.
        number: CallNumber,
    },
    /// Tell the server of a call what came of its question, or of what it would have answered.
    Reply {
        /// Which call.
        call: CallNumber,
        /// Which of them.
        number: u64,
        /// What it is told.
        told: Told,
    },
    /// Fetch a file that came with a message, and put it among the files of a conversation, whole
    /// or not at all: in the directory [`ATTACHMENTS`](crate::agent::ATTACHMENTS) of the workspace,
    /// in the conversation's own there, which is called by its number. What is there under this
    /// name is this file from an earlier try.
    Fetch {
        /// Names it.
        fetch: FetchNumber,
        /// Whose it is.
        conversation: ConversationNumber,
        /// The platform.
        platform: String,
        /// The platform's id of it.
        attachment: String,
        /// The most bytes of it.
        bytes_max: u64,
        /// Its name: plain letters, digits, `-`, `_` and `.`, and none of the last at its start.
        name: String,
    },
    /// Nobody waits for the file any more.
    CancelFetch {
        /// Which.
        fetch: FetchNumber,
    },
    /// Remove all files of a conversation: it was forgotten.
    RemoveFiles {
        /// Which.
        conversation: ConversationNumber,
    },
    /// Do something in a chat, and say what became of it, once.
    Post {
        /// Names it in the answer.
        delivery: DeliveryNumber,
        /// The platform.
        platform: &'static str,
        /// The chat.
        chat: String,
        /// What to do.
        post: Post,
        /// What it is for whoever reads it.
        said: Said,
    },
    /// Tell a platform that a message need not be kept for us.
    Acknowledge {
        /// The platform.
        platform: String,
        /// Its name for the message.
        message: String,
    },
    /// Tell the operator.
    Alert(String),
    /// Answer an operator.
    Tell {
        /// To which request.
        request: u64,
        /// What was done, or why it was not.
        outcome: Result<String, Refusal>,
    },
}

/// What something is that is said to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Said {
    /// The answer to a message, or the part of it that there is.
    Answer,
    /// A question with its number: a platform can offer buttons.
    Question(u32),
    /// Anything else: what a command did, why there is no answer.
    Notice,
}

/// Why an event was not taken. What it told is lost, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventError {
    /// A message is not within its bounds.
    Message(crate::channel::IncomingError),
    /// Settings cannot be worked with; those from before go on.
    Settings(SettingsError),
    /// Something that had to be recorded could not be, so that nothing is done any more. An alert
    /// said what; a new start goes on from what was recorded.
    Stopped,
    /// The log cannot be written fast enough, or at all: nothing new is taken in until it can. Let
    /// the platform keep the message.
    Busy,
    /// It asks for something that only an agent at work can do.
    NotAtWork,
}

impl fmt::Display for EventError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(error) => error.fmt(formatter),
            Self::Settings(error) => error.fmt(formatter),
            Self::Stopped => formatter.write_str(
                "a record could not be written, and nothing is done without one; the alert before \
                 this says why. Start again",
            ),
            Self::NotAtWork => formatter.write_str(
                "no agent is at work, so nothing that is allowed now would be done, and nothing \
                 goes on that could be stopped; start it, with 'sentinel run', and say it then",
            ),
            Self::Busy => formatter.write_str(
                "the journal cannot be written; nothing new is taken in until it can. Is the disk \
                 full?",
            ),
        }
    }
}

impl core::error::Error for EventError {}

/// A picture that goes into a request: a file that came with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The conversation among whose files it is.
    pub conversation: ConversationNumber,
    /// Its name there.
    pub file: String,
    /// What it is. Nothing else is to be sent for it: of another file say
    /// [`Event::PictureGone`].
    pub image: HeldImage,
}

//! One chat, and what is remembered of it.
//!
//! # Invariants
//! - A chat in which nothing was said since it was cleared holds next to nothing: there are many.
//! - A message that came before is known again, as long as a platform may repeat it.
//!
//! # Not here
//! What is done with a message: [`intake`](super::intake).

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use super::held::Held;
use super::history::{History, Window};
use super::settings::Model;
use super::turn::Turn;
use crate::channel::{Incoming, Person};
use crate::fault::{Fault, is_broken};
use crate::label::{BlockId, BlockText, Context, Integrity, Label, Records};
use crate::limits::{
    CONVERSATION_IDS_KEPT, CONVERSATION_TEXT_BYTES_KEPT, REQUEST_PICTURES_BYTES_MAX,
    REQUEST_PICTURES_MAX,
};
use crate::llm::{Block, Message};
use crate::time::Timestamp;

/// One chat.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) platform: Box<str>,
    pub(super) chat: Box<str>,
    pub(super) turn: Option<Box<Turn>>,
    /// What was said; nothing of it is held while nothing was.
    pub(super) memory: Option<Box<Memory>>,
    /// Messages that wait for the turn to end.
    pub(super) queue: VecDeque<Queued>,
    /// The model that a person chose.
    pub(super) model: Option<Box<str>>,
    pub(super) recent: VecDeque<u64>,
    /// How much there is of files that came along.
    pub(super) attachment_bytes: u64,
    /// When a message was let in last.
    pub(super) heard: Timestamp,
    /// The operator who wrote it, if it is a chat with nobody else.
    pub(super) operator: Option<Person>,
    /// The guest who began it, as long as nobody has spoken there who was let in.
    pub(super) guest: Option<Person>,
}

/// A message that waits.
#[derive(Clone, Debug)]
pub(super) struct Queued {
    pub(super) incoming: Incoming,
    pub(super) person: Person,
    /// Whether the person is only there because the room is open to all.
    pub(super) is_guest: bool,
}

/// What was said.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) history: History,
    pub(super) context: Context,
    pub(super) blocks: VecDeque<Kept>,
    pub(super) kept_bytes: usize,
    /// Whether records were seen whose text is not here any more.
    pub(super) has_lost_records: bool,
    /// What the model has a name for.
    pub(super) held: Held,
    /// The model whose thinking the history holds.
    pub(super) thinker: Option<Box<str>>,
    /// The models that found their window too long, and are sent half of that since.
    pub(super) narrow: Vec<Box<str>>,
    /// Whether what others wrote in the workspace counts as read.
    pub(super) has_read_workspace: bool,
}

/// A block's text, for the person who is asked where a value came from.
#[derive(Debug)]
pub(super) struct Kept {
    id: BlockId,
    integrity: Integrity,
    pub(super) name: Box<str>,
    pub(super) text: Box<str>,
    pub(super) how: How,
}

/// How a block came in.
#[derive(Debug)]
pub(super) enum How {
    /// The model wrote it; perhaps from what others told it without a block.
    Model { is_dictated: bool },
    /// A person, or somebody whom a person quoted.
    Outside(Label),
    /// A tool gave it back, by its name; from this URL, if it was fetched; with records in it, if
    /// the tool's role said so.
    Output { label: Label, url: Option<Box<str>>, has_records: bool },
    /// A typed value, taken out of a content.
    Value(Label),
}

impl Conversation {
    pub(super) fn new(platform: &str, chat: &str) -> Self {
        Self {
            platform: platform.into(),
            chat: chat.into(),
            turn: None,
            memory: None,
            queue: VecDeque::new(),
            model: None,
            recent: VecDeque::new(),
            attachment_bytes: 0,
            heard: Timestamp(0),
            operator: None,
            guest: None,
        }
    }

    /// Whether this message came before, by its id.
    pub(super) fn knows(&self, message: &str) -> bool {
        self.recent.contains(&mark(message)) && !is_broken(Fault::RepeatedMessage)
    }

    pub(super) fn remember(&mut self, message: &str) {
        if self.recent.len() >= CONVERSATION_IDS_KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(mark(message));
    }

    pub(super) fn memory(&mut self) -> &mut Memory {
        self.memory.get_or_insert_with(Default::default)
    }

    pub(super) fn find_memory(&self) -> Option<&Memory> {
        self.memory.as_deref()
    }

    /// Forgets what was said.
    pub(super) fn clear(&mut self) {
        self.memory = None;
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            history: History::new(u64::MAX),
            context: Context::new(),
            blocks: VecDeque::new(),
            kept_bytes: 0,
            has_lost_records: false,
            held: Held::default(),
            thinker: None,
            narrow: Vec::new(),
            has_read_workspace: false,
        }
    }
}

impl Memory {
    /// Adds a block that came from outside.
    pub(super) fn add(&mut self, label: Label, name: &str, text: &str) {
        let integrity = label.integrity;
        let id = self.context.add(label.clone(), text);
        self.hold(id, integrity, name, text, How::Outside(label));
    }

    /// Adds what a tool gave back.
    pub(super) fn add_output(
        &mut self,
        label: Label,
        name: &str,
        text: &str,
        records: Option<&Records>,
        url: Option<&str>,
    ) {
        let integrity = label.integrity;
        let id = match url {
            Some(url) => self.context.add_page(label.clone(), text, url),
            None => self.context.add_output(label.clone(), text, records),
        };
        let how = How::Output { label, url: url.map(Into::into), has_records: records.is_some() };
        self.hold(id, integrity, name, text, how);
    }

    /// Adds a value that was taken out of a content.
    pub(super) fn add_value(&mut self, label: Label, name: &str, text: &str) {
        let id = self.context.add_value(label.clone());
        self.hold(id, label.integrity, name, text, How::Value(label));
    }

    /// Adds what the model wrote, or what the runtime wrote from the model's words.
    pub(super) fn add_model(&mut self, text: &str) {
        let id = self.context.add_model(text);
        let is_dictated = self.context.is_dictated();
        // A person who is asked shall not read that they said what it says.
        let integrity = match self.context.block(id) {
            Some(label) if !is_dictated => label.integrity,
            _ => Integrity::Untrusted,
        };
        self.hold(id, integrity, "the model", text, How::Model { is_dictated });
    }

    /// Adds an answer of a model. Thinking is signed, and refused by whoever did not sign it: of
    /// what another model thought nothing is kept.
    pub(super) fn add_answer(&mut self, model: &str, message: Message) {
        let thinks =
            |block: &Block| matches!(block, Block::Thinking { .. } | Block::SealedThinking(_));
        if message.blocks.iter().any(thinks) && self.thinker.as_deref() != Some(model) {
            self.history.forget_thinking();
            self.thinker = Some(model.into());
        }
        self.history.push(message);
    }

    /// Whether a model may be sent the thinking that the history holds.
    pub(super) fn is_thinker(&self, model: &str) -> bool {
        self.thinker.as_deref().is_none_or(|thinker| thinker == model)
    }

    /// What a model is sent of the history, beside so many tokens of other things.
    pub(super) fn window(&self, model: &Model, overhead_tokens: u64) -> Window<'_> {
        let tokens_max = match self.narrow.iter().any(|narrow| **narrow == *model.name) {
            true => model.context_tokens_max / 2,
            false => model.context_tokens_max,
        };
        let (pictures_max, bytes_max) = match model.sees_pictures {
            true => (REQUEST_PICTURES_MAX, REQUEST_PICTURES_BYTES_MAX),
            false => (0, 0),
        };
        let window = self.history.window(tokens_max, overhead_tokens);
        window.with_pictures(pictures_max, bytes_max)
    }

    /// The blocks whose text is still here.
    pub(super) fn blocks(&self) -> impl Iterator<Item = BlockText<'_>> + Clone {
        self.blocks.iter().map(|kept| BlockText {
            id: kept.id,
            integrity: kept.integrity,
            name: &kept.name,
            text: &kept.text,
        })
    }

    /// The text of a block, if it is still here.
    pub(super) fn text(&self, id: BlockId) -> Option<&str> {
        self.blocks.iter().find(|kept| kept.id == id).map(|kept| &*kept.text)
    }

    /// Where the text of a block stands among those that are still here.
    pub(super) fn place_of(&self, id: BlockId) -> Option<usize> {
        self.blocks.iter().position(|kept| kept.id == id)
    }

    /// The block whose text stands there.
    pub(super) fn block_at(&self, place: usize) -> Option<BlockId> {
        self.blocks.get(place).map(|kept| kept.id)
    }

    fn hold(&mut self, id: BlockId, integrity: Integrity, name: &str, text: &str, how: How) {
        if text.is_empty() {
            return;
        }
        self.kept_bytes += text.len();
        let (name, text) = (name.into(), text.into());
        self.blocks.push_back(Kept { id, integrity, name, text, how });
        while self.kept_bytes > CONVERSATION_TEXT_BYTES_KEPT
            && let Some(oldest) = self.blocks.pop_front()
        {
            self.kept_bytes -= oldest.text.len();
            self.has_lost_records |= matches!(oldest.how, How::Output { has_records: true, .. });
        }
    }
}

/// A message's id in eight bytes.
fn mark(message: &str) -> u64 {
    let digest = Sha256::digest(message.as_bytes());
    digest.iter().take(8).fold(0, |mark, byte| mark << 8 | u64::from(*byte))
}

/// The words of the sender's own, which alone can command.
pub(crate) fn own_words(incoming: &Incoming) -> String {
    incoming.words().collect::<Vec<_>>().join("\n")
}

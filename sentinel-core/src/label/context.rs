//! The context of a conversation, as the judge sees it.
//!
//! Texts stay with the agent. What a decision needs of them is worked out once, when a block is
//! added: whether anything untrusted was seen, how private it all is, which words trusted people
//! used, which records and URLs came in. So a decision costs the same in a long conversation.
//!
//! # Invariants
//! - Blocks are only added. The joined label gets worse and never better; a conversation is clean
//!   again when it is a new one.
//! - What is indexed as trusted comes from trusted blocks alone, and of what a tool gives back only
//!   where no call's arguments could have put it there. What a person endorses is kept apart, is
//!   gone when the next block is added, the turn ends or its time is over, and changes no label.
//! - A plan is accepted only while nothing untrusted was seen.
//!
//! # Not here
//! Recording an endorsement, and who may give one, is for the agent and its journal.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;

use super::fold::Room;
use super::label::{Integrity, Label, Secrecy, Source};
use super::phrases::{Phrases, Value};
use super::records::RecordIndex;
use super::reference::{self, Reference, ReferenceKind, References};
use super::tool::Records;
use super::urls::{self, Urls};
use crate::limits;
use crate::time::Timestamp;
use crate::wire::url::Url;

/// The place of a block in its conversation, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(pub u32);

impl fmt::Display for BlockId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "block {}", self.0)
    }
}

/// A person's word that a block may decide, this once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endorsement {
    /// The block.
    pub block: BlockId,
    /// Who said so, as the journal names people.
    pub person: Box<str>,
    /// When it ends at the latest.
    pub expires: Timestamp,
}

/// What the judge knows of a conversation.
#[derive(Clone, Debug)]
pub struct Context {
    joined: Label,
    blocks: Vec<Label>,
    /// Whether the model was told what others wrote without a block of it.
    is_dictated: bool,
    /// Blocks that are untrusted of themselves, not because the model wrote them after one.
    untrusted_count: usize,
    first_untrusted: Option<BlockId>,
    trusted: Phrases,
    endorsed: Vec<(Endorsement, Phrases)>,
    records: RecordIndex,
    urls: Urls,
    references: References,
    plan: Vec<Box<str>>,
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

impl Context {
    /// A conversation in which nothing was said yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            joined: Label::trusted(Source::Operator),
            blocks: Vec::new(),
            is_dictated: false,
            untrusted_count: 0,
            first_untrusted: None,
            trusted: Phrases::default(),
            endorsed: Vec::new(),
            records: RecordIndex::default(),
            urls: Urls::default(),
            references: References::default(),
            plan: Vec::new(),
        }
    }

    /// The join of all blocks: what the model writes next carries it.
    #[must_use]
    pub const fn label(&self) -> &Label {
        &self.joined
    }

    /// The label of a block.
    #[must_use]
    pub fn block(&self, id: BlockId) -> Option<&Label> {
        self.blocks.get(id.0 as usize)
    }

    /// Whether anything untrusted was seen, endorsed or not.
    #[must_use]
    pub fn is_untrusted(&self) -> bool {
        self.joined.integrity == Integrity::Untrusted
    }

    /// The model is told of tools that others describe. Whoever wrote that may have told it what to
    /// write, so what it writes from now on names nothing. It taints nothing: nobody has read
    /// anything yet, and what such a tool gives back has a label of its own.
    pub const fn tell_descriptions(&mut self) {
        self.is_dictated = true;
    }

    /// Whether the model was told of tools that others describe.
    #[must_use]
    pub const fn is_dictated(&self) -> bool {
        self.is_dictated
    }

    /// A person, or time, begins a new turn: plan and endorsements were for the last one.
    pub fn begin_turn(&mut self) {
        self.plan.clear();
        self.endorsed.clear();
    }

    /// Adds a block with the label the runtime gives it. Endorsements end: they were given for a
    /// context without it.
    ///
    /// What the model writes is added with [`add_model`](Self::add_model), whatever label comes
    /// with it.
    pub fn add(&mut self, label: Label, text: &str) -> BlockId {
        if label.source == Source::Model {
            return self.add_model(text);
        }
        self.endorsed.clear();
        let id = BlockId(u32::try_from(self.blocks.len()).unwrap_or(u32::MAX));
        if label.integrity == Integrity::Trusted {
            self.trusted.add(text);
        } else {
            self.urls.add(text);
            self.untrusted_count += 1;
            self.first_untrusted = self.first_untrusted.or(Some(id));
        }
        self.note(label);
        id
    }

    /// Adds the output of a tool that declared [`Records`] in it.
    pub fn add_output(&mut self, label: Label, text: &str, records: Option<&Records>) -> BlockId {
        if let Some(records) = records {
            self.records.add(text, records);
        }
        self.add(label, text)
    }

    /// Adds the output of a fetch of a URL: its links may be relative to it.
    pub fn add_page(&mut self, label: Label, text: &str, url: &str) -> BlockId {
        if let (Integrity::Untrusted, Ok(page)) = (label.integrity, Url::parse(url)) {
            self.urls.add_relative(text, &page);
        }
        self.add(label, text)
    }

    /// Adds a value that was [taken out](super::Extraction) of a content with this label, or the
    /// output of a call that was [swayed](super::Call::is_swayed). It counts as any block does, and
    /// can be endorsed; but it is no text in which something stands: it names nothing, not even if
    /// the content is trusted, and no URL is fetched because of it. The model said what to look
    /// for, and for one of a list, or in the arguments of the call, the very words.
    pub fn add_value(&mut self, label: Label) -> BlockId {
        // The model writes nothing of its own here, whatever label comes with it.
        let source = if label.source == Source::Model { Source::Several } else { label.source };
        self.endorsed.clear();
        let id = BlockId(u32::try_from(self.blocks.len()).unwrap_or(u32::MAX));
        if label.integrity == Integrity::Untrusted {
            self.untrusted_count += 1;
            self.first_untrusted = self.first_untrusted.or(Some(id));
        }
        self.note(Label { source, ..label });
        id
    }

    /// Adds what the model wrote. Its label is that of the context it was written in. It names
    /// something as long as nobody but people and the operator can have told it what to write.
    pub fn add_model(&mut self, text: &str) -> BlockId {
        self.endorsed.clear();
        let id = BlockId(u32::try_from(self.blocks.len()).unwrap_or(u32::MAX));
        if !self.is_untrusted() && !self.is_dictated {
            self.trusted.add_model(text);
        }
        let label = Label { source: Source::Model, ..self.joined.clone() };
        self.note(label);
        id
    }

    /// Makes the context at least as bad as this label: something with it was seen whose text is
    /// not at hand any more, in so many untrusted blocks, so that nobody can endorse them.
    pub fn worsen(&mut self, label: &Label, untrusted_count: usize) {
        let is_news = label.integrity == Integrity::Untrusted && !self.is_untrusted();
        let count = untrusted_count.max(usize::from(is_news));
        self.untrusted_count = self.untrusted_count.saturating_add(count);
        self.joined.absorb(label);
    }

    /// Records were seen that are not at hand any more: one of them could be what makes a name
    /// ambiguous, so none grounds anything from now on.
    #[cfg(feature = "agent")]
    pub(crate) fn lose_records(&mut self) {
        self.records.lose();
    }

    /// How many blocks are untrusted of themselves, not because the model wrote them after one.
    #[must_use]
    pub const fn untrusted_count(&self) -> usize {
        self.untrusted_count
    }

    fn note(&mut self, label: Label) {
        self.joined.absorb(&label);
        // Beyond the bound a block has no label of its own: it cannot be endorsed, and its taint
        // stays, because it was counted.
        if self.blocks.len() < limits::LABEL_BLOCKS_MAX {
            self.blocks.push(label);
        }
    }

    /// Declares which tools this turn is going to use. The first plan of a turn stands.
    pub fn declare<'t>(
        &mut self,
        tools: impl IntoIterator<Item = &'t str>,
    ) -> Result<(), PlanError> {
        if self.is_untrusted() {
            return Err(PlanError::Untrusted);
        }
        if !self.plan.is_empty() {
            return Err(PlanError::Declared);
        }
        let mut plan = Vec::new();
        for tool in tools {
            if plan.len() == limits::LABEL_PLAN_TOOLS_MAX {
                return Err(PlanError::TooMany);
            }
            plan.push(Box::from(tool));
        }
        self.plan = plan;
        Ok(())
    }

    /// Whether the plan of this turn names the tool.
    #[must_use]
    pub fn plans(&self, tool: &str) -> bool {
        self.plan.iter().any(|planned| **planned == *tool)
    }

    /// The tools that this turn planned.
    #[cfg(feature = "agent")]
    pub(crate) fn plan(&self) -> impl Iterator<Item = &str> {
        self.plan.iter().map(|tool| &**tool)
    }

    /// A plan that was taken before this context was kept.
    #[cfg(feature = "agent")]
    pub(crate) fn restore_plan<'t>(&mut self, tools: impl IntoIterator<Item = &'t str>) {
        let tools = tools.into_iter().take(limits::LABEL_PLAN_TOOLS_MAX);
        self.plan = tools.map(Box::from).collect();
    }

    /// Takes a person's word for a block, whose text is given again. Until the next block is added,
    /// the turn ends or the endorsement expires, the block counts as the person's own words.
    pub fn endorse(&mut self, endorsement: Endorsement, text: &str) -> Result<(), EndorseError> {
        let label = self.block(endorsement.block).ok_or(EndorseError::Unknown)?;
        if label.integrity == Integrity::Trusted || label.source == Source::Model {
            return Err(EndorseError::NothingToEndorse);
        }
        if label.secrecy == Secrecy::Secret {
            return Err(EndorseError::Secret);
        }
        self.endorsed.retain(|(other, _)| other.block != endorsement.block);
        let mut phrases = Phrases::default();
        phrases.add(text);
        self.endorsed.push((endorsement, phrases));
        Ok(())
    }

    /// Gives out a reference. Of content nothing is said with this: it is untrusted, and nobody in
    /// particular may read it.
    pub fn issue(&mut self, kind: ReferenceKind) -> Option<Reference> {
        self.references.issue(kind, reference::unknown_content(), None)
    }

    /// Gives out a reference to content with this label. The mark is a number that nobody could
    /// guess beforehand. The content is not in the context, so the context stays as it is; a call
    /// that carries it is decided with its label.
    pub fn issue_content(&mut self, label: Label, mark: Option<u64>) -> Option<Reference> {
        self.references.issue(ReferenceKind::Content, label, mark)
    }

    /// What was given out stands for nothing any more.
    pub fn withdraw(&mut self, reference: Reference) {
        self.references.withdraw(reference);
    }

    /// What a value refers to, if it is a reference that was given out here.
    #[must_use]
    pub fn reference(&self, value: &str) -> Option<ReferenceKind> {
        self.references.kind(value)
    }

    /// The label of the content that a value refers to, if it is a reference to content that was
    /// given out here.
    #[must_use]
    pub fn content(&self, value: &str) -> Option<&Label> {
        self.references.content(value)
    }

    /// The number of the last reference that was given out, or 0.
    #[must_use]
    pub const fn last_reference(&self) -> u32 {
        self.references.last()
    }

    /// A reference that was given out before this context was kept.
    #[cfg(feature = "agent")]
    pub(crate) fn restore_reference(&mut self, reference: Reference, label: Label) {
        self.references.restore(reference, label);
    }

    /// Numbers up to this one were given out.
    #[cfg(feature = "agent")]
    pub(crate) fn restore_last_reference(&mut self, last: u32) {
        self.references.restore_last(last);
    }

    /// Whether something untrusted was seen that nobody endorsed.
    pub(crate) fn is_tainted(&self, now: Timestamp) -> bool {
        self.untrusted_count > self.endorsed(now).count()
    }

    pub(super) const fn first_untrusted(&self) -> Option<BlockId> {
        self.first_untrusted
    }

    /// Whether a value stands in trusted text, or in text endorsed for this moment.
    pub(super) fn is_named(&self, value: &str, now: Timestamp) -> bool {
        self.is_written(value, now)
            || urls::host_alone(value).is_some_and(|host| self.is_written(host, now))
    }

    /// Whether a value stands in trusted text, whatever is endorsed.
    pub(super) fn is_named_for_good(&self, value: &str) -> bool {
        let is_named = |value: &str| self.trusted.name(value);
        is_named(value) || urls::host_alone(value).is_some_and(is_named)
    }

    /// Whether a value stands in trusted text, or in text endorsed for this moment, as it is
    /// written: of a URL its host alone is not enough.
    pub(super) fn is_written(&self, value: &str, now: Timestamp) -> bool {
        let mut room = Room::default();
        let value = Value::of(value, &mut room);
        self.trusted.name_value(&value)
            || self.endorsed(now).any(|(_, phrases)| phrases.name_value(&value))
    }

    /// Whether an id stands in a record that trusted text names, other than a model's: a model
    /// that knows of no record yet calls none by its name.
    pub(super) fn is_recorded(&self, kind: &str, id: &str, now: Timestamp) -> bool {
        self.records.ground(kind, id, |name| {
            self.trusted.say_bytes(name)
                || self.endorsed(now).any(|(_, phrases)| phrases.contain_bytes(name))
        })
    }

    pub(super) fn has_verbatim(&self, url: &str) -> bool {
        self.urls.contain(url)
    }

    fn endorsed(&self, now: Timestamp) -> impl Iterator<Item = &(Endorsement, Phrases)> {
        self.endorsed.iter().filter(move |(endorsement, _)| now < endorsement.expires)
    }
}

/// Why a plan was not accepted. Then nothing is planned that was not planned before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanError {
    /// Something untrusted was seen already.
    Untrusted,
    /// This turn has a plan.
    Declared,
    /// It names more than [`limits::LABEL_PLAN_TOOLS_MAX`] tools.
    TooMany,
}

impl fmt::Display for PlanError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untrusted => formatter.write_str(
                "a plan is accepted only before anything untrusted is read; calls will ask",
            ),
            Self::Declared => formatter.write_str("this turn has a plan already"),
            Self::TooMany => {
                write!(formatter, "a plan names {} tools at most", limits::LABEL_PLAN_TOOLS_MAX)
            }
        }
    }
}

impl core::error::Error for PlanError {}

/// Why a block was not endorsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndorseError {
    /// There is no such block.
    Unknown,
    /// It is trusted, or it is the model's: endorse what the model had read.
    NothingToEndorse,
    /// It is secret.
    Secret,
}

impl fmt::Display for EndorseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unknown => "there is no such block in this conversation",
            Self::NothingToEndorse => {
                "only blocks from outside are endorsed, not a person's or the model's"
            }
            Self::Secret => "a secret block cannot be endorsed",
        })
    }
}

impl core::error::Error for EndorseError {}

impl fmt::Display for Endorsement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expires = self.expires.to_string();
        write!(formatter, "{} endorsed by {} until {expires}", self.block, self.person)
    }
}

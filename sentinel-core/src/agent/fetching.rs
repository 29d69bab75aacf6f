//! Attachments: the files that come along with a message.
//!
//! A turn begins with them: each is asked of its platform and put among the files of its
//! conversation, and the model is asked when all of them are there, or will not come. The model is
//! told where they are; what is in them it has to read like any other file. Of a picture the
//! conversation holds a reference as well, by its digest, for models that are shown pictures.
//!
//! # Invariants
//! - A file is asked for only after its message was let in and that is on record; and what became
//!   of it is an input.
//! - Its name is made here of plain characters and of what names the message, so that it is no
//!   path, is not hidden, and no other file's.
//! - What is said of a file is untrusted: its sender chose the name, and anybody its content.
//! - The files of one conversation are out of reach of calls of another one, as far as a call names
//!   them; what it finds unnamed a host keeps away, and [`passed_over`] says what.
//! - A turn waits for its files no longer than [`ATTACHMENTS_TIME_MAX`].
//!
//! # Not here
//! The bytes: the shell has them, and keeps to the bound it is given.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use super::Agent;
use super::codec::{self, IMAGE_KINDS, Unreadable, flag, hex, named, number, text, unhex, word};
use super::number::{ConversationNumber, FetchNumber};
use super::outbox::Order;
use super::record::Kind;
use super::turn::{Stage, Turn};
use crate::capability::{CommandRule, Path, PathRef, Request};
use crate::channel::{AttachmentKind, Incoming, Part};
use crate::limits::{
    ATTACHMENT_NAME_BYTES_MAX, ATTACHMENTS_COUNT_MAX, ATTACHMENTS_TIME_MAX,
    CONVERSATION_ATTACHMENT_BYTES_MAX, PICTURE_BYTES_MAX,
};
use crate::llm::{Block, HeldImage, Image, ImageKind, ImageSource};
use crate::text::json::{ObjectWriter, Value};
use crate::time::Instant;
use crate::tool::Call;

/// The directory of attachments, beneath the workspace. Each conversation has one of its own in it,
/// by its number.
pub const ATTACHMENTS: &str = "attachments";

/// What a search beneath a directory passes over: the directory of attachments, by its path from
/// there. None if it is not beneath it.
///
/// A call that names files of another conversation is refused before any host hears of it. A search
/// that begins above them names none, so it looks into nobody's.
///
/// ```
/// use sentinel_core::agent::passed_over;
///
/// assert_eq!(passed_over("/srv/agent", "."), Some("attachments".into()));
/// assert_eq!(passed_over("/srv/agent", "/srv"), Some("agent/attachments".into()));
/// assert_eq!(passed_over("/srv/agent", "notes"), None);
/// ```
#[must_use]
pub fn passed_over(workspace: &str, directory: &str) -> Option<String> {
    let directory = if directory.is_empty() { "." } else { directory };
    let from = PathRef::resolve(workspace, directory).ok()?;
    let all = PathRef::resolve(workspace, ATTACHMENTS).ok()?;
    let rest: Vec<&str> = all.components().skip(from.components().count()).collect();
    (all.is_within(from) && !rest.is_empty()).then(|| rest.join("/"))
}

/// A message whose files are on their way.
#[derive(Debug)]
pub(super) struct Arriving {
    incoming: Incoming,
    is_guest: bool,
    files: Vec<Arrival>,
    deadline: Instant,
}

/// One of its files.
#[derive(Debug)]
struct Arrival {
    /// None if it was not even asked for.
    order: Option<Fetch>,
    fate: Option<Fate>,
}

#[derive(Debug)]
enum Fate {
    /// With the picture that it is, if it is one that models can be shown.
    Kept {
        path: String,
        bytes_count: u64,
        picture: Option<Image>,
    },
    Failed(String),
}

/// What is told of a file, and shown of it.
pub(super) struct Told {
    pub(super) text: String,
    pub(super) picture: Option<Image>,
}

/// A file is to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fetch {
    pub(crate) number: FetchNumber,
    pub(crate) conversation: ConversationNumber,
    pub(crate) platform: String,
    /// The platform's id of it.
    pub(crate) attachment: String,
    pub(crate) bytes_max: u64,
    /// Its name in the directory of the conversation.
    pub(crate) name: String,
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// It is where it should be, whole.
    Kept {
        /// How many bytes it has.
        bytes_count: u64,
        /// Their SHA-256.
        digest: [u8; 32],
        /// Which picture it is, by [how it begins](ImageKind::of).
        picture: Option<ImageKind>,
    },
    /// It is not there, and why.
    Failed(String),
}

impl Fetched {
    pub(super) fn write(&self, out: &mut ObjectWriter<'_, String>) {
        match self {
            Self::Kept { bytes_count, digest, picture } => {
                out.field("bytes", *bytes_count).field("sha256", hex(digest).as_str());
                out.optional("picture", picture.as_ref().map(|kind| word(&IMAGE_KINDS, kind)));
            }
            Self::Failed(why) => {
                out.field("failed", why.as_str());
            }
        }
    }

    pub(super) fn read(value: Value<'_>) -> Result<Self, Unreadable> {
        if let Some(why) = value.find("failed") {
            return Ok(Self::Failed(why.as_str()?.to_string()));
        }
        let digest = unhex(value.get("sha256")?.as_str()?)?;
        // A journal of a version that did not look says nothing of it.
        let picture = match value.find("picture") {
            Some(kind) => Some(named(&IMAGE_KINDS, "kind of image", kind.as_str()?)?),
            None => None,
        };
        Ok(Self::Kept { bytes_count: number(value, "bytes")?, digest, picture })
    }
}

impl Arriving {
    pub(super) const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// What it waits for.
    pub(super) fn fetches(&self) -> impl Iterator<Item = FetchNumber> {
        self.open().map(|order| order.number)
    }

    /// Writes the members of its object.
    pub(super) fn keep(&self, out: &mut ObjectWriter<'_, String>) {
        out.object("message", |out| self.incoming.write(out));
        out.field("is_guest", self.is_guest).field("deadline", self.deadline.0);
        out.array("files", |out| {
            for Arrival { order, fate } in &self.files {
                out.object(|out| {
                    if let Some(order) = order {
                        out.field("fetch", order.number.0).field("bytes_max", order.bytes_max);
                        out.field("attachment", order.attachment.as_str());
                        out.field("name", order.name.as_str());
                    }
                    match fate {
                        Some(Fate::Kept { path, bytes_count, picture }) => {
                            out.field("path", path.as_str()).field("bytes", *bytes_count);
                            if let Some(picture) = picture {
                                let block = Block::Image(picture.clone());
                                out.array("picture", |out| codec::write_block(out, &block));
                            }
                        }
                        Some(Fate::Failed(why)) => {
                            out.field("failed", why.as_str());
                        }
                        None => {}
                    }
                });
            }
        });
    }

    /// Reads it back.
    pub(super) fn restore(
        conversation: ConversationNumber,
        value: Value<'_>,
    ) -> Result<Self, Unreadable> {
        let incoming = Incoming::read(value.get("message")?);
        let incoming = incoming.map_err(|error| Unreadable::new(error.to_string()))?;
        let mut files = Vec::new();
        for kept in value.get("files")?.elements()? {
            let order = match kept.find("fetch") {
                Some(fetch) => Some(Fetch {
                    number: FetchNumber(fetch.as_u64()?),
                    conversation,
                    platform: incoming.identity.platform.clone(),
                    attachment: text(kept, "attachment")?,
                    bytes_max: number(kept, "bytes_max")?,
                    name: text(kept, "name")?,
                }),
                None => None,
            };
            let fate = match (kept.find("path"), kept.find("failed")) {
                (Some(path), _) => Some(Fate::Kept {
                    path: path.as_str()?.to_string(),
                    bytes_count: number(kept, "bytes")?,
                    picture: match kept.find("picture") {
                        Some(picture) => match codec::read_block(picture.index(0)?)? {
                            Block::Image(picture) => Some(picture),
                            _ => None,
                        },
                        None => None,
                    },
                }),
                (None, Some(why)) => Some(Fate::Failed(why.as_str()?.to_string())),
                (None, None) => None,
            };
            files.push(Arrival { order, fate });
        }
        let (is_guest, deadline) = (flag(value, "is_guest")?, Instant(number(value, "deadline")?));
        Ok(Self { incoming, is_guest, files, deadline })
    }

    /// What is asked for and has not come.
    fn open(&self) -> impl Iterator<Item = &Fetch> {
        let open = self.files.iter().filter(|file| file.fate.is_none());
        open.filter_map(|file| file.order.as_ref())
    }
}

impl Agent {
    /// A turn begins: what is attached to its message is asked for first.
    pub(super) fn arrive(
        &mut self,
        number: ConversationNumber,
        mut turn: Box<Turn>,
        incoming: Incoming,
        is_guest: bool,
    ) {
        let mut files = Vec::new();
        for (index, part) in incoming.parts.iter().enumerate() {
            let Part::Attachment { name, bytes_count, id, .. } = part else { continue };
            let allowed = match is_guest {
                true => Err("no files are taken in from guests".into()),
                // Its turn ends before a model is asked: nothing is fetched for that.
                false if self.why_halted().is_some() => Err("no work is taken for now".into()),
                false => self.may_take(number, &incoming, *bytes_count, &files),
            };
            let file = match allowed {
                Ok(bytes_max) => {
                    let order = Fetch {
                        number: FetchNumber(self.numbers.next()),
                        conversation: number,
                        platform: incoming.identity.platform.clone(),
                        attachment: id.clone(),
                        bytes_max,
                        name: plain_name(&incoming, index, name),
                    };
                    Arrival { order: Some(order), fate: None }
                }
                Err(why) => Arrival { order: None, fate: Some(Fate::Failed(why)) },
            };
            self.outbox.record(Kind::AttachmentAsked, number, |out| {
                out.field("message", incoming.id.as_str()).field("part", index as u64);
                match (&file.order, &file.fate) {
                    (Some(order), _) => {
                        out.field("fetch", order.number.0).field("name", order.name.as_str());
                    }
                    (None, Some(Fate::Failed(why))) => {
                        out.field("refused", why.as_str());
                    }
                    (None, _) => {}
                }
            });
            files.push(file);
        }
        let deadline = self.now.instant.after(ATTACHMENTS_TIME_MAX);
        let arriving = Arriving { incoming, is_guest, files, deadline };
        for order in arriving.open() {
            self.fetches.insert(order.number, number);
            self.outbox.order(Order::Fetch(order.clone()));
        }
        if arriving.open().next().is_some()
            && let Some(chat) = self.conversations.get_mut(&number)
        {
            // What a host put there is there, whatever it gets to say of it.
            chat.attachment_bytes = chat.attachment_bytes.max(1);
        }
        turn.stage = Stage::Arriving(arriving);
        self.has_arrived(number, turn);
    }

    /// How many bytes of a file are taken, or why none are.
    fn may_take(
        &self,
        number: ConversationNumber,
        incoming: &Incoming,
        bytes_count: u64,
        others: &[Arrival],
    ) -> Result<u64, String> {
        let platform = &incoming.identity.platform;
        let most = self.settings.attachments.get(platform).copied().unwrap_or(0);
        let used = self.conversations.get(&number).map_or(0, |chat| chat.attachment_bytes);
        let promised = others.iter().filter_map(|file| file.order.as_ref());
        let promised = promised.map(|order| order.bytes_max).fold(used, u64::saturating_add);
        let left = CONVERSATION_ATTACHMENT_BYTES_MAX.saturating_sub(promised);
        match () {
            () if most == 0 => Err("no files are taken in here".into()),
            () if others.len() >= ATTACHMENTS_COUNT_MAX => {
                Err(format!("no more than {ATTACHMENTS_COUNT_MAX} files of a message are taken in"))
            }
            () if bytes_count > most => {
                Err(format!("it is larger than the {most} bytes that are taken in"))
            }
            () if left == 0 || bytes_count > left => {
                Err("the files of this conversation have no more room".into())
            }
            () => Ok(most.min(left)),
        }
    }

    /// A file came, or will not.
    pub(super) fn fetched(&mut self, fetch: FetchNumber, fetched: Fetched) {
        let Some(number) = self.fetches.remove(&fetch) else { return };
        let Some(mut turn) = self.take_turn(number) else { return };
        if let Stage::Arriving(arriving) = &mut turn.stage {
            let is_it = |file: &&mut Arrival| {
                file.order.as_ref().is_some_and(|order| order.number == fetch)
            };
            if let Some(file) = arriving.files.iter_mut().find(is_it) {
                let name = file.order.as_ref().map_or("", |order| &order.name);
                file.fate = Some(match fetched {
                    Fetched::Kept { bytes_count, digest, picture } => {
                        let path = format!("{ATTACHMENTS}/{}/{name}", number.0);
                        let image = HeldImage { digest, bytes_count };
                        let picture = picture.filter(|_| bytes_count <= PICTURE_BYTES_MAX);
                        let picture = picture.map(|kind| Image {
                            kind,
                            source: ImageSource::Held { image, file: name.into() },
                        });
                        Fate::Kept { path, bytes_count, picture }
                    }
                    Fetched::Failed(why) => Fate::Failed(why),
                });
                if let (Some(Fate::Kept { bytes_count, .. }), Some(chat)) =
                    (&file.fate, self.conversations.get_mut(&number))
                {
                    chat.attachment_bytes = chat.attachment_bytes.saturating_add(*bytes_count);
                }
            }
        }
        self.has_arrived(number, turn);
    }

    /// Goes on with a turn whose files are all there, or will not come.
    fn has_arrived(&mut self, number: ConversationNumber, mut turn: Box<Turn>) {
        match core::mem::replace(&mut turn.stage, Stage::Moving) {
            Stage::Arriving(arriving) if arriving.open().next().is_none() => {
                let Arriving { incoming, is_guest, files, .. } = arriving;
                let mut files = files.into_iter().filter_map(|file| file.fate);
                let told = incoming.parts.iter().map(|part| match part {
                    Part::Attachment { kind, name, bytes_count, .. } => {
                        Some(told(*kind, name, *bytes_count, files.next()?))
                    }
                    _ => None,
                });
                let told = told.collect();
                self.hear(number, turn, &incoming, is_guest, told);
            }
            stage => {
                turn.stage = stage;
                self.put_turn(number, turn);
            }
        }
    }

    /// The program ended while files were on their way: they are asked for again, under the same
    /// names.
    pub(super) fn arrive_again(
        &mut self,
        number: ConversationNumber,
        mut turn: Box<Turn>,
        mut arriving: Arriving,
    ) {
        arriving.deadline = self.now.instant.after(ATTACHMENTS_TIME_MAX);
        for order in arriving.open() {
            self.outbox.order(Order::Fetch(order.clone()));
        }
        turn.stage = Stage::Arriving(arriving);
        self.put_turn(number, turn);
    }

    /// The time for the files of a message is over.
    pub(super) fn arrives_late(
        &mut self,
        number: ConversationNumber,
        mut turn: Box<Turn>,
        mut arriving: Arriving,
    ) {
        self.stop_arriving(&arriving);
        for file in &mut arriving.files {
            file.fate.get_or_insert_with(|| Fate::Failed("it did not come in time".into()));
        }
        turn.stage = Stage::Arriving(arriving);
        self.has_arrived(number, turn);
    }

    /// Nobody waits for the files of a message any more.
    pub(super) fn stop_arriving(&mut self, arriving: &Arriving) {
        for order in arriving.open() {
            self.fetches.remove(&order.number);
            self.outbox.order(Order::Unfetch(order.number));
        }
    }

    /// A turn is ended because no work is taken: which files of its message have come.
    pub(super) fn tell_arrived(&mut self, number: ConversationNumber, arriving: &Arriving) {
        let kept = arriving.files.iter().filter_map(|file| match &file.fate {
            Some(Fate::Kept { path, .. }) => Some(path.as_str()),
            _ => None,
        });
        let kept = kept.collect::<Vec<_>>().join(", ");
        if !kept.is_empty() {
            let text = format!("What had come with your message is kept, and unread: {kept}.");
            self.notice(number, text);
        }
    }

    /// Whether somebody still waits for a file.
    pub(crate) fn waits_for_file(&self, fetch: FetchNumber) -> bool {
        self.fetches.contains_key(&fetch)
    }

    /// Whether a call names files that belong to another conversation, or to none. What a command
    /// or a search finds without being told its name is for the shell to keep away:
    /// [`passed_over`].
    pub(super) fn names_others_files(&self, number: ConversationNumber, call: &Call) -> bool {
        let workspace = self.settings.workspace.trim_end_matches('/');
        let (all, own) = (
            format!("{workspace}/{ATTACHMENTS}"),
            format!("{workspace}/{ATTACHMENTS}/{}", number.0),
        );
        let (Ok(all), Ok(own)) = (PathRef::absolute(&all), PathRef::absolute(&own)) else {
            return true;
        };
        let names = call.with_requests(&self.surroundings(call), |requests| {
            let is_others = |path: &PathRef<'_>| path.is_within(all) && !path.is_within(own);
            requests.iter().any(|request| match request {
                Request::File { path, .. } => is_others(path),
                Request::Command { program, arguments, directory } => {
                    let mut found = false;
                    let mut rule = CommandRule::new(Path::from(*program));
                    rule.is_unguarded = true;
                    let _ = rule.check(*program, arguments, directory, |request| {
                        found |= matches!(request, Request::File { path, .. } if is_others(path));
                        true
                    });
                    found
                }
                _ => false,
            })
        });
        // What cannot be put as a request is covered by nothing.
        names.unwrap_or(false)
    }
}

/// What a model is told of a file, and shown of it.
fn told(kind: AttachmentKind, name: &str, bytes_count: u64, fate: Fate) -> Told {
    let kind = kind.as_str();
    match fate {
        Fate::Kept { path, bytes_count, picture } => Told {
            text: format!("[attached: {name}, {kind}, {bytes_count} bytes; the file is {path}]"),
            picture,
        },
        Fate::Failed(why) => Told {
            text: format!("[attached: {name}, {kind}, {bytes_count} bytes; it is not here: {why}]"),
            picture: None,
        },
    }
}

/// The name of a file: what names the message and the part, and then as much of the sender's name
/// for it as is plain. The same file has the same name whenever it is fetched.
fn plain_name(incoming: &Incoming, index: usize, name: &str) -> String {
    let identity = &incoming.identity;
    let mut hash = Sha256::new();
    for part in [&identity.platform, &identity.chat, &incoming.id] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.update((index as u64).to_be_bytes());
    let digest = hash.finalize();
    let mark = hex(digest.first_chunk::<6>().map_or(&[], |start| start.as_slice()));
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let plain: String =
        name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    // The end of a name says what kind of file it is.
    let start = plain.len().saturating_sub(ATTACHMENT_NAME_BYTES_MAX);
    let end = plain.get(start..).unwrap_or_default().trim_matches(['.', '_']);
    match end {
        "" => mark,
        end => format!("{mark}-{end}"),
    }
}

#[cfg(test)]
mod tests;

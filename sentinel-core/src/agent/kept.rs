//! A conversation as a snapshot keeps it.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use super::codec::{self, Unreadable, named, number, text};
use super::conversation::{Conversation, How, Memory};
use super::held::{Content, Held};
use super::history::History;
use super::number::CallNumber;
use super::settings::Settings;
use crate::channel::Person;
use crate::label::{Context, Integrity, Label, PatternError, Readers, Reference, Secrecy, Source};
use crate::text::json::{ObjectWriter, Value};
use crate::time::Timestamp;

impl Conversation {
    pub(super) fn keep(&self, out: &mut ObjectWriter<'_, String>) {
        out.field("platform", &*self.platform).field("chat", &*self.chat);
        out.optional("model", self.model.as_deref()).field("heard", self.heard.0);
        out.optional("operator", self.operator.map(|person| u64::from(person.0)));
        out.optional("guest", self.guest.map(|person| u64::from(person.0)));
        out.array("recent", |out| {
            for mark in &self.recent {
                out.value(codec::hex(&mark.to_be_bytes()).as_str());
            }
        });
        if self.attachment_bytes > 0 {
            out.field("attachment_bytes", self.attachment_bytes);
        }
        if let Some(memory) = self.find_memory() {
            out.object("memory", |out| memory.keep(out));
        }
    }

    pub(super) fn restore(settings: &Settings, value: Value<'_>) -> Result<Self, Unreadable> {
        let mut conversation = Self::new(&text(value, "platform")?, &text(value, "chat")?);
        if let Some(model) = value.find("model") {
            conversation.model = Some(model.as_str()?.into());
        }
        conversation.heard = Timestamp(number(value, "heard")?);
        // One of before it was kept has none.
        if value.find("operator").is_some() {
            let person = u32::try_from(number(value, "operator")?);
            conversation.operator = person.ok().map(Person);
        }
        if value.find("guest").is_some() {
            let person = u32::try_from(number(value, "guest")?);
            conversation.guest = person.ok().map(Person);
        }
        for mark in value.get("recent")?.elements()? {
            conversation.recent.push_back(u64::from_be_bytes(codec::unhex(mark.as_str()?)?));
        }
        if value.find("attachment_bytes").is_some() {
            conversation.attachment_bytes = number(value, "attachment_bytes")?;
        }
        if let Some(memory) = value.find("memory") {
            conversation.memory = Some(Box::new(Memory::restore(settings, memory)?));
        }
        Ok(conversation)
    }
}

impl Memory {
    fn keep(&self, out: &mut ObjectWriter<'_, String>) {
        out.object("history", |out| self.history.keep(out));
        out.optional("thinker", self.thinker.as_deref());
        if !self.narrow.is_empty() {
            out.array("narrow", |out| {
                for model in &self.narrow {
                    out.value(&**model);
                }
            });
        }
        out.object("label", |out| keep_label(out, self.context.label()));
        if self.context.is_dictated() {
            out.field("is_dictated", true);
        }
        if self.has_read_workspace {
            out.field("has_read_workspace", true);
        }
        out.field("untrusted_gone", self.untrusted_gone() as u64);
        if self.has_lost_records {
            out.field("has_lost_records", true);
        }
        if self.context.last_reference() > 0 {
            out.object("held", |out| self.keep_held(out));
        }
        out.array("blocks", |out| {
            for block in &self.blocks {
                out.object(|out| {
                    out.field("name", &*block.name).field("text", &*block.text);
                    match &block.how {
                        How::Model { is_dictated } => {
                            out.field("how", "model");
                            if *is_dictated {
                                out.field("is_dictated", true);
                            }
                        }
                        How::Outside(label) => {
                            out.field("how", "outside");
                            out.object("label", |out| keep_label(out, label));
                        }
                        How::Value(label) => {
                            out.field("how", "value");
                            out.object("label", |out| keep_label(out, label));
                        }
                        How::Output { label, url, has_records } => {
                            out.field("how", "output").optional("url", url.as_deref());
                            if *has_records {
                                out.field("has_records", true);
                            }
                            out.object("label", |out| keep_label(out, label));
                        }
                    }
                });
            }
        });
    }

    /// How many untrusted blocks have no text any more.
    fn untrusted_gone(&self) -> usize {
        let kept = self.blocks.iter().filter(|block| match &block.how {
            How::Model { .. } => false,
            How::Outside(label) | How::Output { label, .. } | How::Value(label) => {
                label.integrity == Integrity::Untrusted
            }
        });
        self.context.untrusted_count().saturating_sub(kept.count())
    }

    fn restore(settings: &Settings, value: Value<'_>) -> Result<Self, Unreadable> {
        let mut memory = Self {
            history: History::restore(value.get("history")?)?,
            context: Context::new(),
            blocks: VecDeque::new(),
            kept_bytes: 0,
            has_lost_records: is_marked(value, "has_lost_records")?,
            held: Held::default(),
            thinker: value.find("thinker").map(|model| model.as_str()).transpose()?.map(Into::into),
            has_read_workspace: is_marked(value, "has_read_workspace")?,
            narrow: match value.find("narrow") {
                Some(models) => {
                    let models = models.elements()?.map(|model| model.as_str().map(Into::into));
                    models.collect::<Result<_, _>>()?
                }
                None => Vec::new(),
            },
        };
        // Blocks whose text was not kept still count, and what the model wrote after them was
        // written under their label.
        let label = restore_label(value.get("label")?)?;
        let untrusted_gone = number(value, "untrusted_gone")?;
        if untrusted_gone > 0 {
            let untrusted_gone = usize::try_from(untrusted_gone).unwrap_or(usize::MAX);
            memory.context.worsen(&label, untrusted_gone);
        }
        // What an older version kept does not say which blocks had records.
        if untrusted_gone > 0 || memory.has_lost_records {
            memory.context.lose_records();
        }
        for block in value.get("blocks")?.elements()? {
            let (name, words) = (text(block, "name")?, text(block, "text")?);
            let label = || restore_label(block.get("label")?);
            match block.get("how")?.as_str()? {
                "model" => {
                    if is_marked(block, "is_dictated")? {
                        memory.context.tell_descriptions();
                    }
                    memory.add_model(&words);
                }
                "outside" => memory.add(label()?, &name, &words),
                "value" => memory.add_value(label()?, &name, &words),
                "output" => {
                    let tool = settings.tools.find(&name).ok();
                    let records = tool.and_then(|tool| tool.output().records.as_ref());
                    let url = block.find("url").map(|url| url.as_str()).transpose()?;
                    memory.add_output(label()?, &name, &words, records, url);
                    // Nobody says any more where in it they stand.
                    if records.is_none() && is_marked(block, "has_records")? {
                        memory.has_lost_records = true;
                        memory.context.lose_records();
                    }
                }
                other => return Err(Unreadable::word("way of a block", other)),
            }
        }
        memory.context.worsen(&label, 0);
        if is_marked(value, "is_dictated")? {
            memory.context.tell_descriptions();
        }
        if let Some(held) = value.find("held") {
            memory.restore_held(held)?;
        }
        Ok(memory)
    }

    fn keep_held(&self, out: &mut ObjectWriter<'_, String>) {
        out.field("last", u64::from(self.context.last_reference()));
        if let Some(gone) = &self.held.gone {
            out.object("gone", |out| keep_label(out, gone));
        }
        out.array("contents", |out| {
            for content in &self.held.contents {
                out.object(|out| {
                    out.field("reference", content.reference.to_string().as_str());
                    out.field("call", content.call.0).field("tool", &*content.tool);
                    out.object("label", |out| keep_label(out, &content.label));
                    out.field("text", &*content.text);
                    // One of before there were any has none.
                    let taken = content.taken_count;
                    out.optional("taken", (taken > 0).then_some(u64::from(taken)));
                });
            }
        });
    }

    fn restore_held(&mut self, value: Value<'_>) -> Result<(), Unreadable> {
        if let Some(gone) = value.find("gone") {
            self.held.gone = Some(restore_label(gone)?);
        }
        for kept in value.get("contents")?.elements()? {
            let reference = Reference::parse(kept.get("reference")?.as_str()?);
            let reference = reference.ok_or(Unreadable::new("a reference is none"))?;
            let (label, words) = (restore_label(kept.get("label")?)?, text(kept, "text")?);
            let taken = if kept.find("taken").is_some() { number(kept, "taken")? } else { 0 };
            self.context.restore_reference(reference, label.clone());
            self.held.bytes += words.len();
            self.held.contents.push_back(Content {
                reference,
                call: CallNumber(number(kept, "call")?),
                tool: text(kept, "tool")?.into(),
                label,
                digest: Sha256::digest(words.as_bytes()).into(),
                taken_count: u32::try_from(taken).unwrap_or(u32::MAX),
                text: words.into(),
            });
        }
        let last = u32::try_from(number(value, "last")?);
        let last = last.map_err(|_| Unreadable::new("a number is too large"))?;
        self.context.restore_last_reference(last);
        Ok(())
    }
}

impl History {
    fn keep(&self, out: &mut ObjectWriter<'_, String>) {
        out.field("ratio", self.ratio());
        out.array("messages", |out| {
            for message in self.messages() {
                out.object(|out| codec::write_message(out, message));
            }
        });
    }

    fn restore(value: Value<'_>) -> Result<Self, Unreadable> {
        let messages = value.get("messages")?.elements()?;
        let messages = messages.map(codec::read_message).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::of(messages, number(value, "ratio")?))
    }
}

/// A flag that is written where it is set, and that what is older has nowhere.
fn is_marked(value: Value<'_>, key: &str) -> Result<bool, Unreadable> {
    Ok(value.find(key).map(|flag| flag.as_bool()).transpose()?.unwrap_or(false))
}

fn keep_label(out: &mut ObjectWriter<'_, String>, label: &Label) {
    let word = |trusted| if trusted { "trusted" } else { "untrusted" };
    out.field("integrity", word(label.integrity == Integrity::Trusted));
    let secrecy = SECRECIES.iter().find(|(secrecy, _)| *secrecy == label.secrecy);
    let source = SOURCES.iter().find(|(source, _)| *source == label.source);
    out.optional("secrecy", secrecy.map(|(_, word)| *word));
    out.optional("source", source.map(|(_, word)| *word));
    out.array("readers", |out| {
        for pattern in label.readers.patterns() {
            out.value(pattern);
        }
    });
}

fn restore_label(value: Value<'_>) -> Result<Label, Unreadable> {
    let integrity = match value.get("integrity")?.as_str()? {
        "trusted" => Integrity::Trusted,
        "untrusted" => Integrity::Untrusted,
        other => return Err(Unreadable::word("integrity", other)),
    };
    let patterns = value.get("readers")?.elements()?;
    let patterns = patterns.map(|pattern| pattern.as_str()).collect::<Result<Vec<_>, _>>()?;
    let readers = match Readers::of(patterns) {
        // An older version kept sets that it could not read.
        Err(PatternError::TooMany) => Readers::nobody(),
        readers => readers.map_err(|_| Unreadable::new("a reader's pattern is none"))?,
    };
    Ok(Label {
        integrity,
        secrecy: named(&SECRECIES, "secrecy", value.get("secrecy")?.as_str()?)?,
        source: named(&SOURCES, "source", value.get("source")?.as_str()?)?,
        readers,
    })
}

const SECRECIES: [(Secrecy, &str); 3] =
    [(Secrecy::Public, "public"), (Secrecy::Private, "private"), (Secrecy::Secret, "secret")];

const SOURCES: [(Source, &str); 11] = [
    (Source::Operator, "operator"),
    (Source::Person, "person"),
    (Source::Stranger, "stranger"),
    (Source::Quoted, "quoted"),
    (Source::Attachment, "attachment"),
    (Source::Tool, "tool"),
    (Source::Skill, "skill"),
    (Source::Memory, "memory"),
    (Source::Agent, "agent"),
    (Source::Model, "model"),
    (Source::Several, "several"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::{Message, Role};
    use crate::text::json;

    #[test]
    fn a_conversation_reads_back_and_stays_as_tainted_as_it_was() {
        let settings = Settings::nothing();
        let mut conversation = Conversation::new("chat", "1");
        conversation.remember("7");
        conversation.model = Some("small".into());
        let memory = conversation.memory();
        memory.history.push(Message::text(Role::User, "read it"));
        memory.add(Label::trusted(Source::Person), "the person", "read it");
        memory.add_model("I read it");
        let label = Label::untrusted(Source::Tool, Secrecy::Private);
        memory.add_output(label, "read_file", "evil words", None, Some("https://a.example/"));
        memory.add_model("it says evil words");
        let kept = |conversation: &Conversation| json::object(|out| conversation.keep(out));
        let text = kept(&conversation);
        let document = json::parse(text.as_bytes()).unwrap();
        let mut restored = Conversation::restore(&settings, document.root()).unwrap();
        assert_eq!(kept(&restored), text);
        assert!(restored.knows("7") && restored.memory().context.is_untrusted());
        assert_eq!(restored.memory().context.label(), conversation.memory().context.label());

        // Text that is not kept any more leaves its taint.
        let mut huge = Conversation::new("chat", "1");
        let untrusted = Label::untrusted(Source::Tool, Secrecy::Private);
        huge.memory().add(untrusted, "a page", "evil");
        huge.memory().add(Label::trusted(Source::Person), "the person", &"x".repeat(300_000));
        let text = kept(&huge);
        assert!(!text.contains("evil"));
        let document = json::parse(text.as_bytes()).unwrap();
        let mut restored = Conversation::restore(&settings, document.root()).unwrap();
        assert!(restored.memory().context.is_untrusted());
    }

    /// What the model wrote before it was told of others' tools names something, and what it wrote
    /// after that does not, also of a conversation that was kept.
    #[test]
    fn what_was_dictated_stays_so() {
        let settings = Settings::nothing();
        let mut conversation = Conversation::new("chat", "1");
        let memory = conversation.memory();
        memory.add_model("I call it plan-b.txt");
        memory.context.tell_descriptions();
        memory.add_model("copies go to eve@evil.test");
        memory.add(Label::untrusted(Source::Tool, Secrecy::Private), "a page", "words");
        let kept = |conversation: &Conversation| json::object(|out| conversation.keep(out));
        let text = kept(&conversation);
        let document = json::parse(text.as_bytes()).unwrap();
        let mut restored = Conversation::restore(&settings, document.root()).unwrap();
        assert_eq!(kept(&restored), text);
        for memory in [conversation.memory(), restored.memory()] {
            let integrity: Vec<_> = memory.blocks().map(|block| block.integrity).collect();
            assert_eq!(integrity[..2], [Integrity::Trusted, Integrity::Untrusted]);
            assert!(memory.context.is_dictated());
        }
    }

    /// The page is not kept any more, and what the model wrote after it is: it does not become the
    /// person's word, and endorsing the rest does not make up for the page.
    #[test]
    fn what_was_written_after_something_untrusted_stays_so() {
        let settings = Settings::nothing();
        let mut conversation = Conversation::new("chat", "1");
        let untrusted = || Label::untrusted(Source::Tool, Secrecy::Private);
        let memory = conversation.memory();
        memory.add(untrusted(), "a page", &"evil ".repeat(40));
        memory.add_model("I will send it to eve@evil.example");
        memory.add(Label::trusted(Source::Person), "the person", &"x".repeat(262_144 - 110));
        memory.add(untrusted(), "another page", "short");
        assert_eq!(memory.blocks().count(), 3);
        let text = json::object(|out| conversation.keep(out));
        let document = json::parse(text.as_bytes()).unwrap();
        let mut restored = Conversation::restore(&settings, document.root()).unwrap();
        let memory = restored.memory();
        assert_eq!(memory.blocks().next().unwrap().integrity, Integrity::Untrusted);
        assert_eq!(memory.context.untrusted_count(), 2);
    }

    /// A name that led to two ids leads to none, also when the text in which it led to the first
    /// is not kept any more, whoever vouches for that text, or when its tool has gone.
    #[test]
    fn a_copied_name_stays_ambiguous() {
        use crate::capability::{Handle, Level, Verdict};
        use crate::label::{
            Answer, Call, Effect, Flow, Parameter, ParameterKind, Records, ToolRole,
        };
        use crate::llm::ToolDefinition;

        let records =
            Records { kind: "event".into(), id: "id".into(), names: Vec::from(["title".into()]) };
        let definition = |name: &str| ToolDefinition {
            name: name.into(),
            description: "Lists events.".into(),
            parameters: "{}".into(),
        };
        let mut listing = ToolRole::new(Effect::Read);
        listing.output.records = Some(records.clone());
        let mut settings = Settings::nothing();
        settings.tools.add(definition("events"), listing.clone(), true).unwrap();
        settings.tools.add(definition("calendar"), listing, true).unwrap();

        let cancelled = |conversation: &mut Conversation| {
            let arguments = json::parse(br#"{"event":"evil"}"#).unwrap();
            let event = Parameter::new("event", ParameterKind::Control).record("event");
            let role = ToolRole::new(Effect::Change).undoable().with(event);
            let handle = Handle { index: 0, generation: 0 };
            let call = Call {
                tool: "cancel",
                role: &role,
                arguments: arguments.root(),
                verdict: Verdict::Covered { handle, level: Level::Allow },
                allows_irreversible: true,
            };
            let context = &conversation.memory().context;
            crate::label::decide(&Flow::default(), &call, context, Timestamp(0)).answer
        };
        let restart = |conversation: &Conversation, settings: &Settings| {
            let text = json::object(|out| {
                conversation.keep(out);
                conversation.keep_underway([].into_iter(), out);
            });
            let document = json::parse(text.as_bytes()).unwrap();
            let mut restored = Conversation::restore(settings, document.root()).unwrap();
            let number = crate::agent::ConversationNumber(1);
            restored.restore_underway(settings, number, document.root()).unwrap();
            restored
        };

        let untrusted = || Label::untrusted(Source::Tool, Secrecy::Private);
        let trusted = || Label::trusted(Source::Tool);
        let (own, copied) =
            (r#"[{"id":"own","title":"Team lunch"}]"#, r#"[{"id":"evil","title":"Team lunch"}]"#);
        for (label, tool_stays) in [(untrusted(), true), (trusted(), true), (trusted(), false)] {
            let mut conversation = Conversation::new("chat", "1");
            let memory = conversation.memory();
            memory.context.declare(["cancel"]).unwrap();
            memory.add_output(label.clone(), "calendar", own, Some(&records), None);
            if tool_stays {
                memory.add(label.clone(), "a page", &"x".repeat(262_100));
            }
            memory.add_output(untrusted(), "events", copied, Some(&records), None);
            memory.add(Label::trusted(Source::Person), "the person", "cancel the team lunch");
            assert_eq!(memory.blocks().any(|block| block.text == own), !tool_stays);
            assert_eq!(cancelled(&mut conversation), Answer::Ask, "two events have that name");
            if !tool_stays {
                settings.tools.remove("calendar");
            }
            let mut restored = restart(&conversation, &settings);
            assert_eq!(cancelled(&mut restored), Answer::Ask, "and still have it: {label:?}");
            let mut again = restart(&restored, &settings);
            assert_eq!(cancelled(&mut again), Answer::Ask, "however often: {label:?}");
        }
    }
}

//! References: what the model passes on without having seen it.
//!
//! A result that is too long to be shown, or that the operator wants kept out of the conversation,
//! stays with the agent, and the model is given a name for it. The model may pass the name to
//! another tool as payload. That call is judged with the label and the readers of the content; the
//! content is put in after that, and never where it would decide where the call lands.
//!
//! # Invariants
//! - A name is worth something in its own conversation, while the content is kept, and only whole.
//! - A person who is asked sees what stands behind each name of the call.
//! - What a call that carried content gives back is no better than that content, and what a call
//!   gives back that others had a say in is no better than they are.
//!
//! # Not here
//! What is kept, and for how long: [`held`](super::held). The decision: [`label`](crate::label).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Agent;
use super::conversation::Memory;
use super::held::{Content, New, references};
use super::history::cut;
use super::number::{CallNumber, ConversationNumber};
use super::record::Kind;
use crate::capability::Verdict;
use crate::fault::{Fault, is_broken};
use crate::label::{
    self, Hold, Integrity, Label, Leaf, Leaves, ParameterKind, Reference, Secrecy, Source,
};
use crate::limits::{REFERENCE_BYTES_KEPT_BY_ALL, REFERENCES_OF_CALL_MAX};
use crate::order;
use crate::text::json;
use crate::tool::{Builtin, Call, Operation, Unfit};

/// What a model is shown of an output.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) content: String,
    /// Whether the model has seen nothing of it.
    pub(super) is_withheld: bool,
}

/// A call with contents in the places of their names.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) call: Call,
    pub(super) references: Vec<Reference>,
}

/// What the output of a call is worth.
#[derive(Debug)]
pub(super) struct Worth {
    pub(super) label: Label,
    /// Whether the call carried content.
    pub(super) has_content: bool,
    /// Whether a tool that is trusted may have repeated words that are not.
    pub(super) is_swayed: bool,
}

impl Agent {
    /// What a model is shown of the output of a tool; what it is not is kept.
    pub(super) fn show_output(
        &mut self,
        conversation: ConversationNumber,
        number: CallNumber,
        call: &Call,
        is_swayed: bool,
        text: &str,
    ) -> Shown {
        let bytes_max = self.settings.turn.output_bytes_max;
        let tool = self.settings.tools.find(call.tool()).ok();
        let hold = tool.and_then(|tool| tool.output().hold).unwrap_or(self.settings.flow.hold);
        let Worth { label, is_swayed, .. } = self.worth_of(conversation, call, is_swayed);
        let is_untrusted = label.integrity == Integrity::Untrusted;
        let is_withheld = match hold {
            Hold::Untrusted => is_untrusted && !text.is_empty(),
            Hold::Nothing | Hold::Large => false,
        };
        let is_cut = text.len() > bytes_max;
        let shown = |content| Shown { content, is_withheld };
        if !is_withheld && (!is_cut || hold == Hold::Nothing) {
            return shown(cut(text, bytes_max).into_owned());
        }
        // What names nothing here names nothing when it is passed on, either.
        let label = match is_swayed {
            true => Label { integrity: Integrity::Untrusted, ..label },
            false => label,
        };
        let content = self.keep_output(conversation, number, call, label, text);
        let Some(content) = content else {
            return match is_withheld {
                true => shown("[kept out of the conversation, and too long to be kept]".into()),
                false => shown(cut(text, bytes_max).into_owned()),
            };
        };
        let (reference, what) = (content.reference, content.describe());
        let start = match is_withheld && !is_broken(Fault::ShownReference) {
            true => String::new(),
            false => format!("{}\n", cut(text, bytes_max)),
        };
        let has_values = self.settings.tools.find(Builtin::ExtractValue.name()).is_ok();
        let text = format!(
            "{start}[{} is kept as {reference}: {what}. To pass it on, give exactly {reference} as \
             a whole payload value of another tool, such as 'content' or 'body': all of it is put \
             there. It cannot say where a call goes.{}]",
            if is_withheld { "The result" } else { "The whole result" },
            if has_values { " For one value of it call extract_value." } else { "" },
        );
        shown(text)
    }

    fn keep_output(
        &mut self,
        conversation: ConversationNumber,
        number: CallNumber,
        call: &Call,
        label: Label,
        text: &str,
    ) -> Option<Content> {
        let seed = self.reference_seed;
        let memory = self.conversation(conversation)?.memory();
        let Memory { held, context, .. } = memory;
        let before = held.bytes;
        let new = New { conversation, call: number, tool: call.tool(), label, text, seed: &seed };
        let reference = held.keep(context, new);
        let after = held.bytes;
        let content = reference.and_then(|reference| held.find(reference)).cloned();
        self.held_bytes = (self.held_bytes + after).saturating_sub(before);
        self.holding.insert(conversation);
        while self.held_bytes > REFERENCE_BYTES_KEPT_BY_ALL {
            self.drop_oldest_held()?;
        }
        let content = content?;
        self.outbox.record(Kind::Referred, conversation, |out| {
            out.field("call", number.0).field("reference", content.reference.to_string().as_str());
            out.field("bytes", content.text.len() as u64);
            out.field("sha256", super::hex(&content.digest).as_str());
        });
        Some(content)
    }

    /// The oldest content of all goes.
    fn drop_oldest_held(&mut self) -> Option<()> {
        let held = |number: &ConversationNumber| {
            Some((self.conversations.get(number)?.find_memory()?.held.oldest()?, *number))
        };
        let (_, oldest) = self.holding.iter().filter_map(held).min()?;
        let memory = self.conversation(oldest)?.memory();
        let before = memory.held.bytes;
        memory.held.drop_oldest(&mut memory.context)?;
        let after = memory.held.bytes;
        self.held_bytes = (self.held_bytes + after).saturating_sub(before);
        if after == 0 {
            self.holding.remove(&oldest);
        }
        Some(())
    }

    /// What is kept for a conversation goes with what was said in it.
    pub(super) fn release(&mut self, conversation: ConversationNumber) {
        let memory = self.conversations.get(&conversation).and_then(|chat| chat.find_memory());
        let bytes = memory.map_or(0, |memory| memory.held.bytes);
        self.held_bytes = self.held_bytes.saturating_sub(bytes);
        self.holding.remove(&conversation);
    }

    /// The content behind a name, in its own conversation.
    pub(super) fn content(&self, own: ConversationNumber, value: &str) -> Option<&Content> {
        let held = |number| Some(&self.conversations.get(number)?.find_memory()?.held);
        if is_broken(Fault::ForeignReference) {
            return self.holding.iter().find_map(|number| held(number)?.named(value));
        }
        held(&own)?.named(value)
    }

    /// The names in a call, each as often as it stands there.
    ///
    /// # Errors
    /// Why the call cannot be understood, in words that help the model.
    pub(super) fn named_in(
        &self,
        conversation: ConversationNumber,
        call: &Call,
    ) -> Result<Vec<&Content>, String> {
        let mut found = Vec::new();
        let not_run = |why: String| Err(format!("not run: {why}"));
        for text in texts_of(call) {
            for (reference, is_whole) in references(&text) {
                match (self.content(conversation, &reference.to_string()), is_whole) {
                    (Some(content), true) => found.push(content),
                    (Some(_), false) => {
                        return not_run(format!(
                            "{reference} stands within a longer text. A reference is a whole \
                             value, by itself; write your own words in another call"
                        ));
                    }
                    (None, true) => return not_run(self.why_unknown(conversation, reference)),
                    // Somebody's words that look like a name of ours, or once were one.
                    (None, false) => {}
                }
            }
            if found.len() > REFERENCES_OF_CALL_MAX {
                return not_run(format!(
                    "a call may carry {REFERENCES_OF_CALL_MAX} references, and this has more"
                ));
            }
        }
        Ok(found)
    }

    /// Whether a call carries content that is not everybody's, or of which nothing is known.
    pub(super) fn carries_private(&self, conversation: ConversationNumber, call: &Call) -> bool {
        let is_private = |content: &Content| content.label.secrecy != Secrecy::Public;
        match self.named_in(conversation, call) {
            Ok(named) => named.into_iter().any(is_private),
            Err(_) => true,
        }
    }

    pub(super) fn why_unknown(
        &self,
        conversation: ConversationNumber,
        reference: Reference,
    ) -> String {
        let memory = self.conversations.get(&conversation).and_then(|chat| chat.find_memory());
        let last = memory.map_or(0, |memory| memory.context.last_reference());
        match reference.number() <= last {
            true => format!(
                "{reference} is not kept any more, or never was the name of anything here. Get the \
                 result again if it is still wanted"
            ),
            false => format!(
                "{reference} is no reference of this conversation. Only what a result of this \
                 conversation was called here can be passed on"
            ),
        }
    }

    /// The call as it is to be done: with contents in the places of their names.
    ///
    /// # Errors
    /// Why it cannot be done, in words that help the model.
    pub(super) fn whole(
        &self,
        conversation: ConversationNumber,
        call: &Call,
    ) -> Result<Whole, String> {
        let named = self.named_in(conversation, call)?;
        // A value is taken out of the content here; nobody is handed that.
        let is_own = matches!(call, Call::Builtin(Operation::ExtractValue { .. }));
        if named.is_empty() || is_own || is_broken(Fault::EmptyReference) {
            return Ok(Whole { call: call.clone(), references: Vec::new() });
        }
        let unfit =
            |why: Unfit| format!("not run: {} cannot be done with a reference: {why}", call.tool());
        let tool = self.settings.tools.find(call.tool()).map_err(|_| unfit(Unfit::Place))?;
        let role = tool.role(call, self.is_in_workspace(call));
        let is_payload = |name: &str| {
            role.parameter(name).is_some_and(|parameter| parameter.kind == ParameterKind::Payload)
        };
        let content = |value: &str| self.content(conversation, value).map(|content| &*content.text);
        let whole = call.with_contents(named.len(), is_payload, content).map_err(unfit)?;
        let mut references: Vec<Reference> =
            named.iter().map(|content| content.reference).collect();
        order::sort_by_key(&mut references, |reference| *reference);
        references.dedup();
        Ok(Whole { call: whole, references })
    }

    /// What stands behind the names in a call, for the person who is asked about it.
    pub(super) fn show_named(&self, conversation: ConversationNumber, call: &Call) -> String {
        let mut named = self.named_in(conversation, call).unwrap_or_default();
        named.dedup_by_key(|content| content.reference);
        named.into_iter().map(Content::show).collect()
    }

    /// Whether what a call that is proposed now gives back may be the words of somebody nobody
    /// vouches for: of what the runtime does itself that is said by the label of the content.
    pub(super) fn is_swayed(&self, conversation: ConversationNumber, call: &Call) -> bool {
        if let Call::Builtin(
            Operation::CurrentTime | Operation::Plan { .. } | Operation::ExtractValue { .. },
        ) = call
        {
            return false;
        }
        let Ok(tool) = self.settings.tools.find(call.tool()) else { return true };
        let memory = self.conversations.get(&conversation).and_then(|chat| chat.find_memory());
        let Some(memory) = memory else { return true };
        let mut canonical = String::new();
        call.canonical(&mut canonical);
        let Ok(document) = json::parse(canonical.as_bytes()) else { return true };
        let Some(arguments) = document.root().find("arguments") else { return true };
        let proposed = label::Call {
            tool: call.tool(),
            role: tool.role(call, self.is_in_workspace(call)),
            arguments,
            verdict: Verdict::Uncovered,
            allows_irreversible: false,
        };
        proposed.is_swayed(&self.settings.flow, &memory.context)
    }

    /// What the output of a call is worth. Whoever declared the tool's own output trusted: if
    /// content was carried by the call, it is no better than that, if the call was swayed, no
    /// better than everything that the model had read, and if it read files of the workspace, no
    /// better than whoever wrote there.
    pub(super) fn worth_of(
        &self,
        conversation: ConversationNumber,
        call: &Call,
        is_swayed: bool,
    ) -> Worth {
        let own = match self.settings.tools.find(call.tool()) {
            Ok(tool) => {
                let is_builtin = tool.builtin().is_some();
                tool.output().label(if is_builtin { Source::Tool } else { Source::Skill })
            }
            Err(_) => Label::untrusted(Source::Skill, Secrecy::Private),
        };
        let texts = texts_of(call);
        let names = texts.iter().flat_map(|text| references(text));
        let names: Vec<_> = names.filter(|(_, is_whole)| *is_whole).collect();
        let carried = |label: Label, (reference, _): &(Reference, bool)| {
            let memory = self.conversations.get(&conversation).and_then(|chat| chat.find_memory());
            let held = memory.map(|memory| &memory.held);
            match held.and_then(|held| held.find(*reference)) {
                Some(content) => label.join(&content.label),
                // It was there when the call was made.
                None => match held.and_then(|held| held.gone.as_ref()) {
                    Some(gone) => label.join(gone),
                    None => label.join(&Label::untrusted(Source::Tool, Secrecy::Private)),
                },
            }
        };
        let (mut label, has_content) = (names.iter().fold(own, carried), !names.is_empty());
        // Whoever vouches for a tool does not vouch for strangers who wrote what it read.
        if self.may_repeat_workspace(conversation, call) {
            label.integrity = Integrity::Untrusted;
        }
        // What nobody vouches for names nothing anyway.
        let is_swayed = is_swayed && label.integrity == Integrity::Trusted;
        let memory = self.conversations.get(&conversation).and_then(|chat| chat.find_memory());
        let label = match memory.filter(|_| is_swayed) {
            Some(memory) => label.join(memory.context.label()),
            None => label,
        };
        Worth { label, has_content, is_swayed }
    }
}

/// The values of a call, as the judge sees them.
fn texts_of(call: &Call) -> Vec<String> {
    // The plan and the clock are the runtime's own, and carry nothing anywhere.
    if matches!(call, Call::Builtin(Operation::CurrentTime | Operation::Plan { .. })) {
        return Vec::new();
    }
    let mut canonical = String::new();
    call.canonical(&mut canonical);
    let Ok(document) = json::parse(canonical.as_bytes()) else { return Vec::new() };
    let Some(arguments) = document.root().find("arguments") else { return Vec::new() };
    let members = arguments.members().into_iter().flatten();
    let texts = members.flat_map(|(_, value)| Leaves::of(value)).filter_map(|leaf| match leaf {
        Leaf::Text(text) if references(text).next().is_some() => Some(text.to_string()),
        _ => None,
    });
    texts.collect()
}

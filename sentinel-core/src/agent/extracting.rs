//! Values taken out of what the model holds by name.
//!
//! The tool is the runtime itself: what it looks at is here already, and nothing outside is asked
//! or changed. So it needs no grant; it is paid for as any call.
//!
//! # Invariants
//! - A value comes out of a content of its own conversation, and has the label of that content.
//! - Of one content a bounded number of values is taken, whether they were there or not.
//! - Each is recorded, with what came out.
//!
//! # Not here
//! What a value is and where it stands: [`label`](crate::label). That it names nothing:
//! [`Context::add_value`](crate::label::Context::add_value).

use alloc::format;
use alloc::string::ToString;

use super::Agent;
use super::number::{CallNumber, ConversationNumber};
use super::record::Kind;
use super::turn::{CallStage, Outcome};
use crate::label::{Extraction, Reference};
use crate::limits::EXTRACTIONS_OF_REFERENCE_MAX;
use crate::llm::ToolResult;

impl Agent {
    /// Takes a value out of a content, or says why there is none. Both tell something of it.
    pub(super) fn extract(
        &mut self,
        conversation: ConversationNumber,
        number: CallNumber,
        id: &str,
        from: Reference,
        wanted: &Extraction,
    ) -> CallStage {
        let may_be = match self.conversation(conversation) {
            Some(conversation) => conversation.memory().held.take(from),
            None => false,
        };
        if !may_be {
            let most = EXTRACTIONS_OF_REFERENCE_MAX;
            let why = format!(
                "not run: {most} values were looked for in {from} already, which is the limit. It \
                 can still be passed on as a whole"
            );
            return CallStage::refused(id, why);
        }
        let content = self.content(conversation, &from.to_string());
        let Some(found) = content.map(|content| wanted.find(&content.text)) else {
            return CallStage::refused(id, self.why_unknown(conversation, from));
        };
        self.outbox.record(Kind::Extracted, conversation, |out| {
            out.field("call", number.0).field("reference", from.to_string().as_str());
            out.field("as", wanted.sought.word());
            match &found {
                Ok(value) => out.field("value", value.as_str()),
                Err(absence) => out.field("why", absence.to_string().as_str()),
            };
        });
        let (content, is_error) = match found {
            Ok(value) => (value, false),
            Err(absence) => (absence.to_string(), true),
        };
        let result = ToolResult { id: id.to_string(), content, is_error };
        CallStage::Done(Outcome { result, is_output: true, is_withheld: false })
    }
}

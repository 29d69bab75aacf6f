//! The decision: what a call may do, from labels, grants and arguments alone.
//!
//! Eight rules in a fixed order; the first that has something to say decides. They ask where the
//! values came from, never what they mean, so there is nothing a persuaded model could argue with.
//!
//! # Invariants
//! - It is a function: no state, no clock, no allocation, and the same answer for the same values.
//! - Nothing is allowed that the grants do not cover.
//! - Bytes of untrusted blocks have no part in it, with two exceptions that a tool's role must
//!   name: an id that a declared record gives a trusted name ([`Records`](super::Records)), and a
//!   URL that stands whole in a block ([`ToolRole::fetches`]). Both can only spare a question of
//!   the grounding rule, or count a planned fetch as reading; they never turn a denial.
//! - Content behind a reference is judged by its label and its readers, never by its bytes, and is
//!   never control.
//! - Its time depends on the call, not on the length of the conversation.
//!
//! # Not here
//! What a person is told is [`explain`](super::explain()); asking is for the agent.

use alloc::boxed::Box;

use super::arguments::{Leaf, Leaves};
use super::context::{BlockId, Context};
use super::label::{Integrity, Secrecy};
use super::moment::is_moment;
use super::reference::{Carried, ReferenceKind};
use super::tool::{Effect, Parameter, ParameterKind, TaintedPayload, ToolRole};
use super::urls;
use crate::capability::{Handle, Level, Verdict};
use crate::limits::{LABEL_VALUES_BYTES_MAX, LABEL_VALUES_MAX};
use crate::order::Set;
use crate::text::json::{Kind, Value};
use crate::time::Timestamp;

/// How much the judge trusts values that people named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Every effect asks once something untrusted was seen.
    Strict,
    /// Values that trusted text names are the person's.
    #[default]
    Grounded,
}

/// Which results are kept out of the conversation, so that the model has a name for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Hold {
    /// None: of a long one the model sees a part, and nothing can be done with the rest.
    Nothing,
    /// Of a long one the model sees a part, and has a name for the whole.
    #[default]
    Large,
    /// Of whatever nobody vouches for the model sees nothing.
    Untrusted,
}

/// The rules of a flow that hold for every tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// How much named values are trusted.
    pub mode: Mode,
    /// Values that the operator allows as control of any tool.
    pub constants: Set<Box<str>>,
    /// Which results are kept out of the conversation, where a tool's role says nothing else.
    pub hold: Hold,
}

/// A call that is to be decided.
#[derive(Clone, Copy, Debug)]
pub struct Call<'c> {
    /// The tool's name, as plans name it.
    pub tool: &'c str,
    /// What the tool does.
    pub role: &'c ToolRole,
    /// The arguments, the object that the model wrote.
    pub arguments: Value<'c>,
    /// What the grants say of it.
    pub verdict: Verdict,
    /// Whether the grant says that what cannot be undone needs no question.
    pub allows_irreversible: bool,
}

/// What is done about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// It runs.
    Allow,
    /// A person is asked.
    Ask,
    /// It does not run.
    Deny,
}

/// The rule that decided, in the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// 1: whether a grant covers it.
    Cover,
    /// 2: no secret leaves.
    Secret,
    /// 3: reading and the own workspace.
    Local,
    /// 4: nothing untrusted was seen.
    Clean,
    /// 5: control values are a person's.
    Grounding,
    /// 6: the tool was planned.
    Plan,
    /// 7: what is private, or not the person's own words, and who would get it.
    Readers,
    /// 8: what cannot be undone, and else what the grant says.
    Grant,
}

impl Rule {
    /// Its number, as documents count them.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }
}

/// Why a call was decided as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The grant says so.
    Granted,
    /// The arguments are not an object.
    NoObject,
    /// No grant covers it.
    Uncovered,
    /// A rule of the operator forbids it.
    Forbidden,
    /// The handle of a secret stands where no credential belongs.
    SecretArgument,
    /// A secret is in the context.
    SecretContext,
    /// In strict mode every effect asks once something untrusted was seen.
    Strict,
    /// A control value that no trusted text names.
    Ungrounded,
    /// A control value that is a reference to content, which somebody else wrote.
    ContentAsControl,
    /// Control values that are too many, too long or too deep to be looked for.
    TooMuch,
    /// The tool was not planned while the context was trusted.
    Unplanned,
    /// Private content would reach somebody who is neither named nor among its readers.
    Reader,
    /// Payload that the person did not write out.
    Payload,
    /// It cannot be undone.
    Irreversible,
}

/// What was decided of a call, and by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision<'c> {
    /// What is done.
    pub answer: Answer,
    /// The rule that decided.
    pub rule: Rule,
    /// Why.
    pub reason: Reason,
    /// The argument that decided, if one did.
    pub argument: Option<&'c str>,
    /// The value within it, if one did.
    pub value: Option<&'c str>,
    /// The first untrusted block, if what was seen had a part in it.
    pub block: Option<BlockId>,
    /// The grant that is used, or the rule that denies.
    pub handle: Option<Handle>,
}

/// Decides a call.
#[must_use]
pub fn decide<'c>(flow: &Flow, call: &Call<'c>, context: &Context, now: Timestamp) -> Decision<'c> {
    Judge { flow, call, context, now }.decide()
}

struct Judge<'j, 'c> {
    flow: &'j Flow,
    call: &'j Call<'c>,
    context: &'j Context,
    now: Timestamp,
}

impl<'c> Judge<'_, 'c> {
    /// The rules, in their order.
    fn decide(&self) -> Decision<'c> {
        let Call { role, arguments, verdict, .. } = *self.call;
        let level = match verdict {
            Verdict::Covered { level: Level::Deny, .. } | Verdict::Denied { .. } => {
                return self.deny(Rule::Cover, Reason::Forbidden, None);
            }
            Verdict::Uncovered => return self.deny(Rule::Cover, Reason::Uncovered, None),
            Verdict::Covered { level, .. } => level,
        };
        if arguments.kind() != Kind::Object {
            return self.deny(Rule::Cover, Reason::NoObject, None);
        }
        if let Some(place) = self.misplaced_secret() {
            return self.deny(Rule::Secret, Reason::SecretArgument, Some(place));
        }
        if let Some(place) = self.content_as_control() {
            return self.deny(Rule::Grounding, Reason::ContentAsControl, Some(place));
        }
        let carried = self.carried();
        let unseen = role.unseen.as_ref();
        let unseen_secrecy = unseen.map_or(Secrecy::Public, |label| label.secrecy);
        let secrecy = self.context.label().secrecy.max(carried.secrecy()).max(unseen_secrecy);
        let is_local = matches!(role.effect, Effect::Read | Effect::Workspace);
        if !is_local && secrecy == Secrecy::Secret {
            return self.deny(Rule::Secret, Reason::SecretContext, None);
        }
        if is_local || self.is_verbatim_fetch() {
            return self.grant(Rule::Local, level);
        }
        let is_tainted = self.context.is_tainted(self.now);
        // Whether words that nobody vouches for have had a say in this call, or go with it.
        let is_moved = is_tainted || carried.is_untrusted();
        if !is_moved && unseen.is_none() {
            return self.grant(Rule::Clean, level);
        }
        let has_foreign = unseen.is_some_and(|label| label.integrity == Integrity::Untrusted);
        let tainted_payload = match role.tainted_payload {
            TaintedPayload::Allow => None,
            TaintedPayload::People if !is_moved => None,
            TaintedPayload::People => self.foreign_payload(has_foreign, is_moment),
            TaintedPayload::Ask | TaintedPayload::Deny if !is_moved => {
                if has_foreign {
                    self.destination()
                } else {
                    None
                }
            }
            TaintedPayload::Ask | TaintedPayload::Deny => {
                self.foreign_payload(has_foreign, |_| false)
            }
        };
        if role.tainted_payload == TaintedPayload::Deny && tainted_payload.is_some() {
            return self.deny(Rule::Readers, Reason::Payload, tainted_payload);
        }
        if self.flow.mode == Mode::Strict && (is_moved || has_foreign) {
            return self.ask(Rule::Grounding, Reason::Strict, None);
        }
        // Who has seen nothing untrusted was told by nobody else where to go: content that is only
        // carried along has no say in that.
        if is_tainted && let Some((reason, place)) = self.ungrounded() {
            return self.ask(Rule::Grounding, reason, Some(place));
        }
        if is_tainted && !self.context.plans(self.call.tool) {
            return self.ask(Rule::Plan, Reason::Unplanned, None);
        }
        if let Some(place) = self.stranger_to_private(secrecy, &carried) {
            return self.ask(Rule::Readers, Reason::Reader, place);
        }
        let goes_on = match role.tainted_payload {
            TaintedPayload::People => !self.reaches_others(),
            _ => self.goes_home(),
        };
        if tainted_payload.is_some() && !goes_on {
            return self.ask(Rule::Readers, Reason::Payload, tainted_payload);
        }
        if !is_moved {
            return self.grant(Rule::Clean, level);
        }
        if !role.undoable && !self.call.allows_irreversible {
            return self.ask(Rule::Grant, Reason::Irreversible, None);
        }
        self.grant(Rule::Grant, level)
    }

    fn grant(&self, rule: Rule, level: Level) -> Decision<'c> {
        let answer = if level == Level::Allow { Answer::Allow } else { Answer::Ask };
        self.decision(answer, rule, Reason::Granted, None)
    }

    fn ask(&self, rule: Rule, reason: Reason, place: Option<Place<'c>>) -> Decision<'c> {
        self.decision(Answer::Ask, rule, reason, place)
    }

    fn deny(&self, rule: Rule, reason: Reason, place: Option<Place<'c>>) -> Decision<'c> {
        self.decision(Answer::Deny, rule, reason, place)
    }

    fn decision(
        &self,
        answer: Answer,
        rule: Rule,
        reason: Reason,
        place: Option<Place<'c>>,
    ) -> Decision<'c> {
        let handle = match self.call.verdict {
            Verdict::Covered { handle, .. } | Verdict::Denied { handle } => Some(handle),
            Verdict::Uncovered => None,
        };
        let block = if rule >= Rule::Grounding { self.context.first_untrusted() } else { None };
        let (argument, value) = place.map_or((None, None), |place| (Some(place.0), Some(place.1)));
        Decision { answer, rule, reason, argument, value, block, handle }
    }

    /// Every value of the call, with the argument it stands in and what that decides.
    fn leaves(&self) -> impl Iterator<Item = (&'c str, Option<&Parameter>, Leaf<'c>)> {
        let members = self.call.arguments.members().into_iter().flatten();
        members.flat_map(|(name, value)| {
            let parameter = self.call.role.parameter(name);
            Leaves::of(value).map(move |leaf| (name, parameter, leaf))
        })
    }

    /// Rule 2: the handle of a secret outside a credential.
    fn misplaced_secret(&self) -> Option<Place<'c>> {
        self.leaves().find_map(|(name, parameter, leaf)| match leaf {
            Leaf::Text(text) => (kind(parameter) != ParameterKind::Credential
                && self.context.reference(text) == Some(ReferenceKind::Secret))
            .then_some((name, text)),
            Leaf::TooDeep => None,
        })
    }

    /// A control value that would be read from content: who wrote that would choose where the call
    /// lands, so no mode and no answer allows it.
    fn content_as_control(&self) -> Option<Place<'c>> {
        self.leaves().find_map(|(name, parameter, leaf)| match leaf {
            Leaf::Text(text) => (kind(parameter) != ParameterKind::Payload
                && self.context.reference(text) == Some(ReferenceKind::Content))
            .then_some((name, text)),
            Leaf::TooDeep => None,
        })
    }

    /// What the call carries along that the context does not hold.
    fn carried(&self) -> Carried<'_> {
        let mut carried = Carried::default();
        for (_, _, leaf) in self.leaves() {
            if let Leaf::Text(text) = leaf
                && let Some(label) = self.context.content(text)
            {
                carried.add(label);
            }
        }
        carried
    }

    /// Rule 3: a planned GET of a URL that stands whole in one block, while nothing private is
    /// known. Which of several URLs is taken tells a little; with nothing private there is nothing
    /// to tell.
    fn is_verbatim_fetch(&self) -> bool {
        let Some(fetches) = self.call.role.fetches.as_deref() else { return false };
        self.flow.mode == Mode::Grounded
            && self.call.role.unseen.is_none()
            && self.context.label().secrecy == Secrecy::Public
            && self.context.plans(self.call.tool)
            && self.leaves().all(|(name, parameter, leaf)| match leaf {
                Leaf::Text(url) if name == fetches => self.context.has_verbatim(url),
                Leaf::Text(text) => self.is_constant(parameter, text),
                Leaf::TooDeep => false,
            })
    }

    /// Rule 5: the first control value that is nobody's word.
    fn ungrounded(&self) -> Option<(Reason, Place<'c>)> {
        let mut budget = Budget::default();
        for (name, parameter, leaf) in self.leaves() {
            let kind = kind(parameter);
            if kind == ParameterKind::Payload {
                continue;
            }
            let Leaf::Text(text) = leaf else { return Some((Reason::TooMuch, (name, ""))) };
            if !budget.covers(text) {
                return Some((Reason::TooMuch, (name, text)));
            }
            match self.context.reference(text) {
                Some(ReferenceKind::Target) => continue,
                Some(ReferenceKind::Secret) if kind == ParameterKind::Credential => continue,
                // Both were denied before; neither is grounded by anything.
                Some(_) => return Some((Reason::ContentAsControl, (name, text))),
                None => {}
            }
            if !self.is_constant(parameter, text) && !self.is_from_a_person(parameter, text) {
                return Some((Reason::Ungrounded, (name, text)));
            }
        }
        None
    }

    /// Rule 7: who would get private content without being named or among its readers. The place is
    /// missing if the call names nobody, so that the tool alone decides who is reached.
    fn stranger_to_private(
        &self,
        secrecy: Secrecy,
        carried: &Carried<'_>,
    ) -> Option<Option<Place<'c>>> {
        let role = self.call.role;
        let label = self.context.label();
        if role.effect != Effect::Send || secrecy == Secrecy::Public {
            return None;
        }
        let is_recipient = |parameter: &Parameter| parameter.kind == ParameterKind::Recipient;
        let has_recipients = role.parameters.iter().any(is_recipient);
        let mut is_anybody_named = false;
        // Whoever names a file, `notes.md`, named no host to tell something.
        let is_named = match self.carries_words() {
            true => Context::is_written,
            false => Context::is_named,
        };
        for (name, parameter, leaf) in self.leaves() {
            let counts = match kind(parameter) {
                ParameterKind::Recipient => true,
                ParameterKind::Control => !has_recipients,
                ParameterKind::Payload | ParameterKind::Credential => false,
            };
            if !counts {
                continue;
            }
            let Leaf::Text(text) = leaf else { return Some(Some((name, ""))) };
            is_anybody_named = true;
            let reader = match role.unseen {
                Some(_) => urls::without_port(text),
                None => urls::host_of(text).unwrap_or(text),
            };
            let is_reader = label.readers.contain(reader)
                && carried.may_be_read_by(reader)
                && role.unseen.as_ref().is_none_or(|unseen| unseen.readers.contain(reader));
            let may_read = role.readers.contain(reader) || is_reader;
            let is_named = is_named(self.context, text, self.now);
            if !may_read && !is_named && !self.is_called_by_a_person(parameter, text) {
                return Some(Some((name, text)));
            }
        }
        let is_open = role.readers.contain("*");
        (!is_anybody_named && !is_open).then_some(None)
    }

    /// Whether it names recipients, and they are not all of the operator's own writing.
    fn reaches_others(&self) -> bool {
        self.recipients().any(|is_constant| !is_constant)
    }

    /// Whether it reaches nobody but recipients that the operator wrote down for the tool: words
    /// that somebody else chose do no harm in the person's own mailbox.
    fn goes_home(&self) -> bool {
        self.recipients().next().is_some() && !self.reaches_others()
    }

    /// Of each recipient in the arguments, whether it is a constant of the tool.
    fn recipients(&self) -> impl Iterator<Item = bool> {
        self.leaves()
            .filter(|(_, parameter, _)| kind(*parameter) == ParameterKind::Recipient)
            .map(|(_, parameter, leaf)| {
                matches!(leaf, Leaf::Text(text) if self.is_constant(parameter, text))
            })
    }

    /// Payload that no person wrote: in the arguments, or what nobody sees of the call, which is
    /// said of where it goes.
    fn foreign_payload(
        &self,
        has_foreign: bool,
        is_harmless: impl Fn(&str) -> bool,
    ) -> Option<Place<'c>> {
        let written = self.unwritten_payload(is_harmless);
        written.or_else(|| if has_foreign { self.destination() } else { None })
    }

    /// Where a call goes: the first that it names.
    fn destination(&self) -> Option<Place<'c>> {
        let recipient = self.leaves().find_map(|(name, parameter, leaf)| match leaf {
            Leaf::Text(text) if kind(parameter) == ParameterKind::Recipient => Some((name, text)),
            _ => None,
        });
        Some(recipient.unwrap_or_default())
    }

    /// Payload that stands nowhere in trusted text and is not harmless by its form.
    fn unwritten_payload(&self, is_harmless: impl Fn(&str) -> bool) -> Option<Place<'c>> {
        let mut budget = Budget::default();
        self.leaves().find_map(|(name, parameter, leaf)| {
            if kind(parameter) != ParameterKind::Payload {
                return None;
            }
            match leaf {
                Leaf::Text(text) => {
                    // That somebody named a reference says nothing of what stands behind it.
                    let content = self.context.content(text);
                    if let Some(label) = content {
                        let is_written = label.integrity == Integrity::Trusted;
                        return (!is_written).then_some((name, text));
                    }
                    let is_written = text.is_empty()
                        || is_harmless(text)
                        || self.is_constant(parameter, text)
                        || (budget.covers(text) && self.context.is_named(text, self.now));
                    (!is_written).then_some((name, text))
                }
                Leaf::TooDeep => Some((name, "")),
            }
        })
    }

    /// Whether trusted text names a value, or the record that it is the id of.
    fn is_from_a_person(&self, parameter: Option<&Parameter>, text: &str) -> bool {
        self.context.is_named(text, self.now) || self.is_called_by_a_person(parameter, text)
    }

    /// Whether something is a payload of the call that says anything.
    fn carries_words(&self) -> bool {
        self.leaves().any(|(_, parameter, leaf)| {
            let is_empty = matches!(leaf, Leaf::Text(text) if text.is_empty());
            kind(parameter) == ParameterKind::Payload && !is_empty
        })
    }

    /// Whether a value is the id of a record that a person calls by its name, or a host that a
    /// person named in another way.
    fn is_called_by_a_person(&self, parameter: Option<&Parameter>, text: &str) -> bool {
        let record = parameter.and_then(|parameter| parameter.record.as_deref());
        record.is_some_and(|kind| self.context.is_recorded(kind, text, self.now))
            || (self.call.role.unseen.is_some()
                && kind(parameter) == ParameterKind::Recipient
                && self.is_host_of_a_person(text))
    }

    /// Whether a place that a program is let out to is on a host that a person named, by itself or
    /// in a URL that the call names: who says where from to clone says the host, too. To which of
    /// its ports is for the grants.
    fn is_host_of_a_person(&self, place: &str) -> bool {
        let host = urls::without_port(place);
        self.context.is_named(host, self.now)
            || self.leaves().any(|(_, parameter, leaf)| match leaf {
                Leaf::Text(url) => {
                    kind(parameter) == ParameterKind::Control
                        && urls::host_of(url) == Some(host)
                        && self.context.is_named(url, self.now)
                }
                Leaf::TooDeep => false,
            })
    }

    fn is_constant(&self, parameter: Option<&Parameter>, text: &str) -> bool {
        let own = parameter.map_or(&[][..], |parameter| &parameter.constants);
        own.iter().any(|constant| **constant == *text) || self.flow.constants.contains(text)
    }
}

/// How much of a call is looked for in text, so that its time has a bound.
#[derive(Default)]
pub(super) struct Budget {
    values: usize,
    bytes: usize,
}

impl Budget {
    /// Whether one more value is looked for.
    pub(super) fn covers(&mut self, text: &str) -> bool {
        self.values += 1;
        self.bytes = self.bytes.saturating_add(text.len());
        // The case of letters beyond ASCII is looked up, which costs more.
        if self.bytes <= LABEL_VALUES_BYTES_MAX && !text.is_ascii() {
            self.bytes += 2 * text.len();
        }
        self.values <= LABEL_VALUES_MAX && self.bytes <= LABEL_VALUES_BYTES_MAX
    }
}

/// An argument's name and the value in it.
type Place<'c> = (&'c str, &'c str);

/// What a parameter decides; everything, if nobody said.
fn kind(parameter: Option<&Parameter>) -> ParameterKind {
    parameter.map_or(ParameterKind::Control, |parameter| parameter.kind)
}

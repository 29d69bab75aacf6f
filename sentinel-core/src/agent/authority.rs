//! Whether a call may be made: grants first, then where its values came from.
//!
//! # Invariants
//! - What is judged is the canonical form of the call, which is what is done and what an approval
//!   is bound to.
//! - What is decided is recorded, whether it is allowed, asked about or denied.
//! - What is private is read in a guest's turn, or passed on by its name, only after an operator
//!   said so.
//! - An approval never allows what the grants deny or do not cover.
//!
//! # Not here
//! The rules: [`capability`](crate::capability) and [`label`](crate::label).

mod explained;
#[cfg(test)]
mod tests;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::changing::is_of_persona;
use super::number::{CallNumber, ConversationNumber};
use super::record::Kind;
use super::{Agent, SettingsError, approval};
use crate::capability::{Grant, Handle, Holder, Level, PathRef, Request, Verdict};
use crate::channel::{Person, Standing};
use crate::fault::{Fault, is_broken};
use crate::label::{
    self, Answer as Ruled, BlockId, Effect, Explanation, Offer, Reason, Secrecy, ToolRole, Topic,
    decide, explain, visible,
};
use crate::text::json;
use crate::time::Timestamp;
use crate::tool::{Call, Operation, Surroundings};

pub use explained::{Covering, Explained, Need, Unexplained, Wondered, explain_call};

/// Whether a call that was ordered may be handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MayRun {
    Yes,
    /// Its turn was stopped.
    NobodyWaits,
    /// A grant it needs has ended, or a rule forbids it now.
    NotCovered,
}

/// What was decided about a call.
#[derive(Debug)]
pub(super) struct Ruling {
    pub(super) answer: Ruled,
    /// The rule that decided.
    pub(super) rule: u8,
    /// The grants that cover it, all of which are used.
    pub(super) handles: Vec<Handle>,
    /// What a person is shown, or the model is told.
    pub(super) text: String,
    /// What is asked, if a person is.
    pub(super) topic: Option<Topic>,
    pub(super) block: Option<BlockId>,
    pub(super) may_be_always: bool,
    pub(super) digest: [u8; 32],
}

impl Agent {
    /// Decides a call, and records what was decided.
    pub(super) fn rule(
        &mut self,
        conversation: ConversationNumber,
        person: Person,
        number: CallNumber,
        call: &Call,
    ) -> Ruling {
        let ruling = self.consider(conversation, person, call);
        self.outbox.record(Kind::CallDecided, conversation, |out| {
            out.field("call", number.0).field("tool", call.tool());
            out.field("digest", hex_short(&ruling.digest).as_str());
            let answer = match ruling.answer {
                Ruled::Allow => "allow",
                Ruled::Ask => "ask",
                Ruled::Deny => "deny",
            };
            out.field("answer", answer).field("rule", u64::from(ruling.rule));
            out.array("handles", |out| {
                for handle in &ruling.handles {
                    out.value(handle.to_string().as_str());
                }
            });
            if !call.hosts().is_empty() {
                out.array("hosts", |out| {
                    for place in call.hosts() {
                        out.value(place.to_string().as_str());
                    }
                });
            }
        });
        ruling
    }

    /// What would be decided about a call of somebody's turn now.
    pub(super) fn consider(
        &self,
        conversation: ConversationNumber,
        person: Person,
        call: &Call,
    ) -> Ruling {
        let mut canonical = String::new();
        call.canonical(&mut canonical);
        let digest = approval::digest(&canonical);
        let (verdict, handles) = match self.names_others_files(conversation, call) {
            true => (Verdict::Uncovered, Vec::new()),
            false => self.cover(call),
        };
        let verdict = self.asked_once_read(conversation, call, verdict);
        let asker = (conversation, person);
        let ruling = self.judge(asker, call, &canonical, verdict, handles, digest);
        // The canonical form is ours; were it ever unreadable, nothing is allowed.
        ruling.unwrap_or_else(|| refused("the call could not be judged", digest))
    }

    /// What the grants say of a call now.
    pub(super) fn cover(&self, call: &Call) -> (Verdict, Vec<Handle>) {
        // Settings that came after a question may have no such tool any more.
        if self.settings.tools.find(call.tool()).is_err() {
            return (Verdict::Uncovered, Vec::new());
        }
        if self.unusable(call.tool()).is_some() || self.is_never(call) || self.is_pointless(call) {
            return (Verdict::Uncovered, Vec::new());
        }
        let decided = call.with_requests(&self.surroundings(call), |requests| {
            self.table.decide_all(Holder::AGENT, requests, self.now.wall)
        });
        // What cannot be put as a request is covered by nothing.
        let (verdict, handles) = decided.unwrap_or((Verdict::Uncovered, Vec::new()));
        (self.at_least_asked(call, verdict), handles)
    }

    /// Whether a call is covered by the same grants as when it was decided.
    pub(super) fn is_covered_by(&self, call: &Call, handles: &[Handle]) -> bool {
        let (verdict, now) = self.cover(call);
        let is_own = matches!(call, Call::Builtin(Operation::ExtractValue { .. }));
        let is_own = is_own && self.settings.tools.find(call.tool()).is_ok();
        (is_own || matches!(verdict, Verdict::Covered { .. })) && now == handles
    }

    /// Whether a call that was ordered may be handed out now. The agent's own clock stands where
    /// its last input was, and what is waited for here is none.
    pub(crate) fn may_still_run(
        &self,
        number: CallNumber,
        call: &Call,
        handles: &[Handle],
        now: Timestamp,
    ) -> MayRun {
        if !self.calls.contains_key(&number) {
            return MayRun::NobodyWaits;
        }
        // Its use is counted already, so a grant may be used up by this very call.
        let is_there = |handle: &Handle| {
            let until = self.table.find(*handle).map(|grant| grant.until);
            until.is_some_and(|until| until.is_none_or(|until| now < until))
        };
        let denied = matches!(self.cover(call).0, Verdict::Denied { .. });
        let is_usable =
            self.settings.tools.find(call.tool()).is_ok() && self.unusable(call.tool()).is_none();
        let is_granted = !handles.is_empty() && handles.iter().all(is_there);
        match is_granted && is_usable && !denied || is_broken(Fault::UngrantedCall) {
            true => MayRun::Yes,
            false => MayRun::NotCovered,
        }
    }

    /// What the words of a call mean here.
    pub(super) fn surroundings<'s>(&'s self, call: &'s Call) -> Surroundings<'s> {
        let settings = &*self.settings;
        let program = match call {
            Call::Builtin(Operation::RunCommand { program, .. }) => {
                settings.programs.get(program).map(String::as_str)
            }
            _ => None,
        };
        let skill = match call {
            Call::Foreign(foreign) => {
                let tool = foreign.tool();
                Some(settings.skills.get(tool).map_or(tool, String::as_str))
            }
            Call::Builtin(_) => None,
        };
        Surroundings { workspace: &settings.workspace, program, skill }
    }

    fn judge(
        &self,
        (conversation, person): (ConversationNumber, Person),
        call: &Call,
        canonical: &str,
        verdict: Verdict,
        handles: Vec<Handle>,
        digest: [u8; 32],
    ) -> Option<Ruling> {
        let tool = self.settings.tools.find(call.tool()).ok()?;
        let memory = self.conversations.get(&conversation)?.find_memory()?;
        let document = json::parse(canonical.as_bytes()).ok()?;
        let role = tool.role(call, self.is_in_workspace(call));
        let for_guest = self.is_of_guest(conversation, person)
            && (is_private_read(role) || self.carries_private(conversation, call));
        let verdict = match verdict {
            Verdict::Covered { handle, level } if for_guest => {
                Verdict::Covered { handle, level: level.max(Level::Ask) }
            }
            other => other,
        };
        let judged = label::Call {
            tool: call.tool(),
            role,
            arguments: document.root().find("arguments")?,
            verdict,
            allows_irreversible: self.allows_irreversible(&handles),
        };
        let decision = decide(&self.settings.flow, &judged, &memory.context, self.now.wall);
        let mut explained = match decision.answer {
            Ruled::Allow => None,
            // The model is told the reason, and nothing about others' words.
            Ruled::Deny => None,
            Ruled::Ask => Some(explain(&decision, &judged, memory.blocks())),
        };
        let always = match &mut explained {
            // No grant answers for what is asked because of who wants it.
            Some(explanation) if for_guest => {
                explanation.offers.retain(|offer| *offer != Offer::Always);
                Vec::new()
            }
            Some(explanation) => self.always(call, decision.reason, explanation),
            None => Vec::new(),
        };
        let text = match (&explained, decision.answer) {
            (Some(explanation), _) => {
                let named = self.show_named(conversation, call);
                let explained = explanation.to_string();
                let explained = explained.trim_end();
                let ways = self.show_ways(call, &handles);
                let mut text = format!("{explained}\n{named}{ways}{}", risk(judged.role));
                if for_guest {
                    text += FOR_GUEST;
                }
                for grant in &always {
                    let grant = visible(&grant.to_string());
                    text += &format!("\nAlways would grant: {grant}");
                }
                text
            }
            (None, Ruled::Deny) => self.denial(call, decision.reason),
            (None, _) => String::new(),
        };
        let offers = explained.map(|explanation| explanation.offers).unwrap_or_default();
        let block = offers.iter().find_map(|offer| match offer {
            Offer::Block(block) => Some(*block),
            _ => None,
        });
        Some(Ruling {
            answer: decision.answer,
            rule: decision.rule.number(),
            handles,
            text,
            topic: decision.topic(call.tool()),
            block,
            may_be_always: !always.is_empty(),
            digest,
        })
    }

    /// Whether somebody's turn is that of a guest of an open room. An assistant from outside is let
    /// in by an operator, and what it reads goes to no room.
    pub(super) fn is_of_guest(&self, conversation: ConversationNumber, person: Person) -> bool {
        let known = self.access.person(person);
        known.is_some_and(|known| known.standing == Standing::Guest)
            && !self.is_outside(conversation)
    }

    /// Why a call is refused, in words that help the model to do something else.
    fn denial(&self, call: &Call, reason: Reason) -> String {
        let tool = call.tool();
        let why = match reason {
            Reason::Uncovered if self.is_never(call) => "its skill says that it shall never",
            Reason::Uncovered if let Some(why) = self.unusable(tool) => why,
            Reason::Uncovered if is_of_persona(call) && !self.has_persona() => {
                "there is no persona"
            }
            Reason::Uncovered => "no grant covers it",
            Reason::Forbidden => "a rule of the operator forbids it",
            Reason::SecretArgument | Reason::SecretContext => "a secret would leave",
            Reason::Payload => "what it would carry was not written by a person",
            Reason::ContentAsControl => {
                "a reference can be passed on as payload, and never say where a call goes"
            }
            _ => "the rules of this agent do not allow it",
        };
        let hint = self.command_hint(call).map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{tool} was not run: {why}{hint}. Nothing was done.")
    }

    fn command_hint(&self, call: &Call) -> Option<String> {
        let hint = call.with_requests(&self.surroundings(call), |requests| {
            requests.iter().find_map(|request| match request {
                Request::Command { program, arguments, directory } => {
                    let (holder, now) = (Holder::AGENT, self.now.wall);
                    let refusal =
                        self.table.command_refusal(holder, *program, arguments, directory, now);
                    refusal.map(|refusal| refusal.to_string())
                }
                _ => None,
            })
        });
        match hint {
            Ok(refusal) => refusal,
            // A path or a name that means nothing here is for the model to mend.
            Err(error) => Some(error.to_string()),
        }
    }

    fn allows_irreversible(&self, handles: &[Handle]) -> bool {
        let allows = |handle: &Handle| {
            self.table.find(*handle).is_some_and(|grant| grant.allows_irreversible)
        };
        !handles.is_empty() && handles.iter().all(allows)
    }

    /// Whether every path of a call lies in the agent's own workspace.
    pub(super) fn is_in_workspace(&self, call: &Call) -> bool {
        let Ok(workspace) = PathRef::absolute(&self.settings.workspace) else { return false };
        let inside = call.with_requests(&self.surroundings(call), |requests| {
            requests.iter().all(|request| match request {
                Request::File { path, .. } => path.is_within(workspace),
                _ => false,
            })
        });
        inside.unwrap_or(false)
    }

    /// Counts a use of every grant that covers a call; false if one of them ended meanwhile.
    pub(super) fn spend(&mut self, handles: &[Handle]) -> bool {
        self.table.spend_all(handles, self.now.wall).is_ok()
    }

    /// A person allowed a call: grants that ask once are confirmed.
    pub(super) fn confirm(&mut self, handles: &[Handle]) {
        for handle in handles {
            if self.table.find(*handle).is_some_and(|grant| grant.level == Level::Once) {
                let _ = self.table.confirm_once(*handle, self.now.wall);
            }
        }
    }

    /// The grants that the answer "always" would make. If there are none that would allow the call,
    /// it is not offered.
    fn always(&self, call: &Call, reason: Reason, explanation: &mut Explanation) -> Vec<Grant> {
        // A grant that comes of an answer says nothing of what cannot be undone.
        let is_offered = explanation.offers.contains(&Offer::Always)
            && reason == Reason::Granted
            && !is_of_persona(call);
        let mut always = if is_offered { self.grants_for(call) } else { Vec::new() };
        if !self.would_allow(call, &always) {
            always.clear();
            explanation.offers.retain(|offer| *offer != Offer::Always);
        }
        always
    }

    /// The grants that would allow a call for good: for each thing it needs one of exactly that, or
    /// none at all.
    fn grants_for(&self, call: &Call) -> Vec<Grant> {
        let grants = call.with_requests(&self.surroundings(call), |requests| {
            requests.iter().map(Grant::exactly).collect::<Option<Vec<_>>>()
        });
        grants.ok().flatten().unwrap_or_default()
    }

    /// Whether a call would be allowed if these were granted besides: one that is asked about by a
    /// grant of just that, or by another one that it needs, would be asked about again.
    fn would_allow(&self, call: &Call, grants: &[Grant]) -> bool {
        if grants.is_empty() {
            return false;
        }
        let mut table = self.table.clone();
        let made = |grant: &Grant| table.grant(grant.clone(), self.now.wall).is_ok();
        if !grants.iter().all(made) {
            return false;
        }
        let verdict = call.with_requests(&self.surroundings(call), |requests| {
            table.decide_all(Holder::AGENT, requests, self.now.wall).0
        });
        matches!(verdict, Ok(Verdict::Covered { level: Level::Allow, .. }))
    }

    /// A person allowed a call for good.
    pub(super) fn grant_always(&mut self, conversation: ConversationNumber, call: &Call) {
        self.table.sweep(self.now.wall);
        for grant in self.grants_for(call) {
            let spec = grant.to_string();
            let made = self.table.grant(grant, self.now.wall);
            if let Ok(handle) = made {
                let Self { approved, table, .. } = self;
                approved.retain(|handle, _| table.find(*handle).is_some());
                approved.insert(handle, conversation);
            }
            self.outbox.record(Kind::Granted, conversation, |out| {
                out.field("grant", spec.as_str());
                match made {
                    Ok(handle) => out.field("handle", handle.to_string().as_str()),
                    Err(error) => out.field("refused", error.to_string().as_str()),
                };
            });
        }
    }

    /// The grants of the settings.
    pub(super) fn grant_settings(&mut self) -> Result<(), SettingsError> {
        let settings = self.settings.clone();
        for (index, grant) in settings.grants.iter().enumerate() {
            // One that has ended is no mistake: settings live longer than grants.
            if grant.until.is_some_and(|until| until <= self.now.wall) {
                continue;
            }
            self.table
                .grant(grant.clone(), self.now.wall)
                .map_err(|error| SettingsError::Grant { index, error })?;
        }
        Ok(())
    }

    pub(super) fn check_tools(&self) -> Result<(), SettingsError> {
        let settings = &self.settings;
        PathRef::absolute(&settings.workspace).map_err(|_| SettingsError::Workspace)?;
        for (index, platform) in settings.platforms.iter().enumerate() {
            if settings.platforms.iter().take(index).any(|other| other.name == platform.name) {
                return Err(SettingsError::Platform(platform.name.to_string()));
            }
        }
        Ok(())
    }
}

/// Why a read is asked about that the grants would allow.
const FOR_GUEST: &str = "\nA guest of this open room wants it. What is read, or passed on by its \
                         name, can be in the answer, and everybody here reads that.";

/// Whether a call gives back what is not everybody's. What comes of it in a guest's turn goes into
/// an answer that the guest reads, and everybody else in the room: so an operator is asked,
/// whatever the grant says.
fn is_private_read(role: &ToolRole) -> bool {
    // What changes the workspace tells what stood there, if only by what it says.
    let is_local = matches!(role.effect, Effect::Read | Effect::Workspace);
    let reads = is_local || role.fetches.is_some();
    reads && role.output.secrecy != Secrecy::Public
}

/// What could come of a call, for the person who is asked.
fn risk(role: &ToolRole) -> &'static str {
    match (role.effect, role.undoable) {
        (Effect::Read, _) => "Risk: it only reads; what it reads can steer the model.",
        (Effect::Workspace, _) => "Risk: it changes the agent's own workspace, nothing else.",
        (Effect::Change, true) => "Risk: it changes something that can be changed back.",
        (Effect::Change, false) => "Risk: it changes something, and that cannot be undone.",
        (Effect::Send, true) => "Risk: it sends something out, and what was read can go with it.",
        (Effect::Send, false) => {
            "Risk: it sends something out, what was read can go with it, and it cannot be undone."
        }
    }
}

fn refused(why: &str, digest: [u8; 32]) -> Ruling {
    Ruling {
        answer: Ruled::Deny,
        rule: 0,
        handles: Vec::new(),
        text: why.into(),
        topic: None,
        block: None,
        may_be_always: false,
        digest,
    }
}

/// The start of a digest, as people compare it.
pub(super) fn hex_short(digest: &[u8; 32]) -> String {
    super::hex(digest.first_chunk::<8>().map_or(&[], |start| start.as_slice()))
}

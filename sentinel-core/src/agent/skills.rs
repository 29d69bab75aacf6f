//! Skills: which of those that the settings name may be used.
//!
//! What a skill is, its folder says; the shell reads it, and the settings have what came of that,
//! with the digest of every byte. Here is what an operator said about it. A skill is used while all
//! of this holds: its digest is the one that was approved, nobody switched it off, and what it
//! requires is granted. Each call needs a grant for the skill besides, like any other call.
//!
//! # Invariants
//! - A skill that changed is another one: it is approved again, or not used.
//! - A model is told only of tools that may be used, and none of the others runs.
//! - What others say of their tools makes nothing of what the model writes a person's word.
//!
//! # Not here
//! Reading folders, and what they say: [`skill`](crate::skill). Running anything: the shell.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::codec::{Unreadable, text, unhex};
use super::operating::refusal;
use super::operator::Refusal;
use super::record::Kind;
use super::{Agent, SYSTEM, hex};
use crate::capability::{Grant, Holder, Table, Verdict, missing};
use crate::label::Integrity;
use crate::limits::{SKILL_NAME_BYTES_MAX, SKILLS_COUNT_MAX};
use crate::llm::ToolDefinition;
use crate::order::Map;
use crate::text::json::{ObjectWriter, Value};
use crate::time::Timestamp;
use crate::tool::{Builtin, Call};

/// A skill as the settings know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installed {
    /// The digest of all its files.
    pub digest: [u8; 32],
    /// The key of whoever signed it, if it is one that counts.
    pub signer: Option<String>,
    /// Without these it is not used.
    pub required: Vec<Grant>,
    /// What its calls shall never touch, whatever is granted.
    pub never: Vec<Grant>,
}

/// What an operator said about a skill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// What was approved.
    digest: [u8; 32],
    is_enabled: bool,
}

/// Whether a skill can be used, for whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkillState {
    /// It can.
    Ready,
    /// Nobody approved it.
    New,
    /// It is not what was approved; the digest of what was.
    Changed([u8; 32]),
    /// It was switched off.
    Disabled,
    /// This is required and not granted.
    Lacking(Vec<Grant>),
}

/// A skill that is known, for those who show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkillView<'a> {
    /// Its name.
    pub name: &'a str,
    /// The digest of its files.
    pub digest: [u8; 32],
    /// Whether it can be used.
    pub state: SkillState,
    /// The grants by which it may be called.
    pub grants: Vec<&'a Grant>,
}

impl Agent {
    /// The skills that the settings name.
    pub(crate) fn skills(&self, now: Timestamp) -> impl Iterator<Item = SkillView<'_>> {
        self.settings.installed.iter().map(move |(name, installed)| {
            let mut grants = self.granted();
            grants.retain(|grant| grant.resource.is_of_skill(name));
            SkillView {
                name,
                digest: installed.digest,
                state: self.skill_state(name, installed, now),
                grants,
            }
        })
    }

    /// Why a tool cannot be used, if it is a skill's that cannot.
    pub(super) fn unusable(&self, tool: &str) -> Option<&'static str> {
        let name = self.settings.skills.get(tool)?;
        let installed = self.settings.installed.get(name)?;
        match self.skill_state(name, installed, self.now.wall) {
            SkillState::Ready => None,
            SkillState::New => Some("its skill was not approved"),
            SkillState::Changed(_) => Some("its skill is not the one that was approved"),
            SkillState::Disabled => Some("its skill was switched off"),
            SkillState::Lacking(_) => Some("its skill requires what was not granted"),
        }
    }

    /// Goes on as if each skill were approved as it is.
    pub(super) fn take_skills_for_approved(&mut self) {
        let installed = self.settings.installed.iter();
        self.standings = installed
            .map(|(name, it)| (name.clone(), Standing { digest: it.digest, is_enabled: true }))
            .collect();
    }

    /// Whether a call would touch what its skill shall never have.
    pub(super) fn is_never(&self, call: &Call) -> bool {
        let Some(name) = self.settings.skills.get(call.tool()) else { return false };
        let Some(installed) = self.settings.installed.get(name) else { return false };
        if installed.never.is_empty() {
            return false;
        }
        let mut table = Table::new();
        for grant in &installed.never {
            if table.grant(grant.clone(), self.now.wall).is_err() {
                return true;
            }
        }
        let touches = call.with_requests(&self.surroundings(call), |requests| {
            requests.iter().any(|request| {
                let (verdict, _) =
                    table.decide_all(Holder::AGENT, core::slice::from_ref(request), self.now.wall);
                verdict != Verdict::Uncovered
            })
        });
        touches.unwrap_or(true)
    }

    pub(super) fn approve_skill(
        &mut self,
        name: &str,
        digest: [u8; 32],
    ) -> Result<String, Refusal> {
        let is_of = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_name = name.bytes().all(|byte| is_of(byte) || b"-_".contains(&byte));
        if name.is_empty() || name.len() > SKILL_NAME_BYTES_MAX || !is_name {
            return Err(refusal("that is no name of a skill".to_string()));
        }
        if self.standings.len() >= SKILLS_COUNT_MAX && !self.standings.contains_key(name) {
            // Those that are gone from the settings make room.
            let installed = &self.settings.installed;
            self.standings.retain(|name, _| installed.contains_key(name));
            if self.standings.len() >= SKILLS_COUNT_MAX {
                let why = format!("there are {SKILLS_COUNT_MAX} approved skills already");
                return Err(refusal(why));
            }
        }
        self.stand(name, Standing { digest, is_enabled: true }, "approved");
        let installed = self.settings.installed.get(name);
        Ok(match installed.is_some_and(|installed| installed.digest == digest) {
            true => format!("approved: {name}"),
            false => format!(
                "approved: {name}; it holds once the agent has read these files (SIGHUP, or its \
                 next start)"
            ),
        })
    }

    pub(super) fn switch_skill(&mut self, name: &str, is_enabled: bool) -> Result<String, Refusal> {
        let Some(standing) = self.standings.get(name).copied() else {
            return Err(refusal(format!(
                "no skill '{name}' was approved; 'sentinel skill list' names those there are"
            )));
        };
        let word = if is_enabled { "enabled" } else { "disabled" };
        self.stand(name, Standing { is_enabled, ..standing }, word);
        Ok(format!("{word}: {name}"))
    }

    /// It was approved for what it said then, and it says something else: the approval is over.
    pub(super) fn skill_differs(&mut self, name: &str, digest: [u8; 32]) {
        let is_meant = |standing: &Standing| standing.digest == digest;
        if !self.standings.get(name).is_some_and(is_meant) {
            return;
        }
        self.standings.remove(name);
        self.outbox.record(Kind::SkillChanged, SYSTEM, |out| {
            out.field("skill", name).field("what", "withdrawn");
            out.field("digest", hex(&digest).as_str());
        });
        self.alert(format!(
            "the skill {name} lists other tools than those that were approved, and is not used any \
             more: 'sentinel skill approve {name}' shows what it lists now"
        ));
        self.stop_uncovered();
        self.offer();
    }

    /// What models are told of changes with what operators say. What is offered at times only
    /// stands at an end of the list.
    pub(super) fn offer(&mut self) {
        let mut offered: Vec<ToolDefinition> = Vec::new();
        for place in 0..3 {
            let tools = self.settings.tools.iter().filter(|tool| match tool.builtin() {
                Some(Builtin::Plan) => place == 0,
                Some(Builtin::ExtractValue) => place == 2,
                _ => place == 1,
            });
            let tools = tools.filter(|tool| {
                self.unusable(tool.name()).is_none() && self.has_use(tool.builtin())
            });
            offered.extend(tools.map(|tool| tool.definition().clone()));
        }
        self.offered = Arc::new(offered);
    }

    /// What a model is told of: a plan is taken only while nothing untrusted was read, and a value
    /// out of a content only where there is one.
    pub(super) fn offered(&self, has_plan: bool, has_contents: bool) -> &[ToolDefinition] {
        let mut tools = self.offered.as_slice();
        if let [first, rest @ ..] = tools
            && !has_plan
            && first.name == Builtin::Plan.name()
        {
            tools = rest;
        }
        if let [rest @ .., last] = tools
            && !has_contents
            && last.name == Builtin::ExtractValue.name()
        {
            tools = rest;
        }
        tools
    }

    /// Whether a model is told what others wrote: descriptions of tools that are not built in,
    /// unless an operator vouches for what the tool says.
    pub(super) fn offers_words_of_others(&self) -> bool {
        self.offered.iter().any(|offered| {
            self.settings.tools.find(&offered.name).is_ok_and(|tool| {
                tool.builtin().is_none() && tool.output().integrity == Integrity::Untrusted
            })
        })
    }

    fn stand(&mut self, name: &str, standing: Standing, what: &str) {
        self.standings.insert(name.to_string(), standing);
        let installed = self.settings.installed.get(name);
        let signer = installed.filter(|it| it.digest == standing.digest);
        let signer = signer.and_then(|it| it.signer.as_deref());
        self.outbox.record(Kind::SkillChanged, SYSTEM, |out| {
            out.field("skill", name).field("what", what);
            out.field("digest", hex(&standing.digest).as_str());
            out.optional("signed_by", signer);
        });
        self.stop_uncovered();
    }

    fn skill_state(&self, name: &str, installed: &Installed, now: Timestamp) -> SkillState {
        let Some(standing) = self.standings.get(name) else { return SkillState::New };
        if standing.digest != installed.digest {
            return SkillState::Changed(standing.digest);
        }
        if !standing.is_enabled {
            return SkillState::Disabled;
        }
        let lacking: Vec<Grant> =
            missing(&installed.required, &self.granted(), now).into_iter().cloned().collect();
        match lacking.is_empty() {
            true => SkillState::Ready,
            false => SkillState::Lacking(lacking),
        }
    }

    fn granted(&self) -> Vec<&Grant> {
        let all = self.table.iter().filter(|(_, holder, _)| *holder == Holder::AGENT);
        all.map(|(.., grant)| grant).collect()
    }

    pub(super) fn keep_standings(&self, out: &mut ObjectWriter<'_, String>) {
        if self.standings.is_empty() {
            return;
        }
        out.array("skills", |out| {
            for (name, standing) in &self.standings {
                out.object(|out| {
                    out.field("skill", name.as_str());
                    out.field("digest", hex(&standing.digest).as_str());
                    out.field("is_enabled", standing.is_enabled);
                });
            }
        });
    }
}

/// What a snapshot has of it; one of before there were skills has nothing.
pub(super) fn restore_standings(value: Value<'_>) -> Result<Map<String, Standing>, Unreadable> {
    let mut standings = Map::new();
    let Some(kept) = value.find("skills") else { return Ok(standings) };
    for one in kept.elements()? {
        let digest = unhex(one.get("digest")?.as_str()?)?;
        let is_enabled = one.get("is_enabled")?.as_bool()?;
        standings.insert(text(one, "skill")?, Standing { digest, is_enabled });
    }
    Ok(standings)
}

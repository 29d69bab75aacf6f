//! What an operator decides before anything runs.
//!
//! # Invariants
//! - Settings do not change while they are used: others come in with a start, and a start is
//!   recorded with the digest of the settings it brought.
//!
//! # Not here
//! Reading them from a file, and where endpoints, keys and directories are: the shell.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::skills::Installed;
use crate::budget::{Prices, Rules};
use crate::capability::Grant;
use crate::channel::{AccessRules, Platform};
use crate::egress::Inspection;
use crate::label::Flow;
use crate::limits;
use crate::llm::route::RoutePolicy;
use crate::llm::{Dialect, Thinking};
use crate::order::Map;
use crate::tool::Tools;

/// Everything an operator decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A digest of what these settings were made from. The journal names it, and a replay needs
    /// the settings that have it.
    pub digest: [u8; 32],
    /// What every model is told first.
    pub instructions: String,
    /// The digest of the approved persona, if there is one.
    pub persona: Option<[u8; 32]>,
    /// The models, the preferred one first.
    pub models: Vec<Model>,
    /// How patient the agent is with them.
    pub route: RoutePolicy,
    /// What models may call.
    pub tools: Tools,
    /// What the agent may do, and what it may not.
    pub grants: Vec<Grant>,
    /// The rules of information flow.
    pub flow: Flow,
    /// What may be spent.
    pub budget: Rules,
    /// What models cost.
    pub prices: Prices,
    /// Who may talk to the agent.
    pub access: AccessRules,
    /// The platforms that are connected.
    pub platforms: Vec<Platform>,
    /// The largest attachment that is taken in, by platform; of others none.
    pub attachments: Map<String, u64>,
    /// The platforms of them on which an answer is shown only when it is whole. It decides
    /// nothing, so it is in no digest.
    pub unstreamed: Vec<&'static str>,
    /// The bounds of a turn.
    pub turn: TurnRules,
    /// After how many inputs a snapshot is taken, if there are not more conversations than that.
    pub snapshot_inputs: u64,
    /// The directory that paths of calls are relative to: the agent's own workspace.
    pub workspace: String,
    /// Where programs are that may be called by name: the shell looked them up once, so that what
    /// is judged is what runs.
    pub programs: Map<String, String>,
    /// The skills that tools belong to, by the names of the tools. A tool that is not built in and
    /// not named here is a skill of its own.
    pub skills: Map<String, String>,
    /// The skills that are there, by their names. One that is not named here needs nobody's
    /// approval: the host stands for it.
    pub installed: Map<String, Installed>,
    /// What is looked into that programs and skills send out, and what is added to it.
    pub inspection: Inspection,
}

/// A model that can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// Its name, at its provider and in grants.
    pub name: String,
    /// Who answers.
    pub provider: Provider,
    /// The most tokens of an answer.
    pub reply_tokens_max: u32,
    /// The most tokens of a conversation and its answer.
    pub context_tokens_max: u64,
    /// How much it thinks.
    pub thinking: Thinking,
    /// Whether it is shown pictures.
    pub sees_pictures: bool,
}

/// Who answers for a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Provider {
    /// The built-in one, which needs no network and is no real model.
    Offline,
    /// A service that speaks this dialect. Where it is, the shell knows.
    Service(Dialect),
}

/// The bounds of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnRules {
    /// How often the model may call tools before it has to answer.
    pub rounds_max: u32,
    /// How long a call may take.
    pub call_time_max: Duration,
    /// How long a question waits for an answer.
    pub question_time_max: Duration,
    /// How much of a tool's output the model is shown.
    pub output_bytes_max: usize,
    /// Whether people may answer the questions of their own turns; else only operators may.
    pub people_may_approve: bool,
}

impl Default for TurnRules {
    fn default() -> Self {
        Self {
            rounds_max: limits::TURN_ROUNDS,
            call_time_max: limits::TURN_CALL_TIME,
            question_time_max: limits::TURN_QUESTION_TIME,
            output_bytes_max: limits::TURN_OUTPUT_BYTES,
            people_may_approve: false,
        }
    }
}

impl Settings {
    /// Settings under which nobody may talk to the agent and the agent may do nothing: the start
    /// for those who fill in the rest.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            digest: [0; 32],
            instructions: String::new(),
            persona: None,
            models: Vec::new(),
            route: RoutePolicy::default(),
            tools: Tools::new(),
            grants: Vec::new(),
            flow: Flow::default(),
            budget: Rules::default(),
            prices: Prices::default(),
            access: AccessRules::default(),
            platforms: Vec::new(),
            attachments: Map::new(),
            unstreamed: Vec::new(),
            turn: TurnRules::default(),
            snapshot_inputs: limits::SNAPSHOT_INPUTS,
            workspace: String::from("/"),
            programs: Map::new(),
            skills: Map::new(),
            installed: Map::new(),
            inspection: Inspection::default(),
        }
    }
}

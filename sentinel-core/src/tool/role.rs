//! What the judge is told of the built-in tools.
//!
//! Some tools are two in one: a request that only fetches can be taken back because it changes
//! nothing, and a file in the agent's own workspace is nobody else's. So a tool may have a
//! second, milder role, and which of the two holds follows from the call and from where it lands,
//! never from what the model says of it.
//!
//! # Invariants
//! - What a parameter table calls control is control here.
//! - The clock and the answer to a plan are trusted, because the runtime writes them; a value that
//!   is taken out of a content is what that content is; all other output is untrusted and private
//!   until an operator says otherwise.
//!
//! # Not here
//! The decision: `label`.

use alloc::string::ToString;

use super::builtin::{self, Builtin, HOSTS, TIMEOUT};
use super::call::Call;
use super::operation::{Operation, WORKSPACE};
use super::parameter::{Kind, Parameter};
use crate::label::{
    self, Effect, Integrity, Output, ParameterKind, Readers, Secrecy, Source, ToolRole,
};
use crate::limits::TOOL_TIMEOUT_SECONDS_DEFAULT;

/// The roles of one tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Roles {
    /// What holds for any call.
    pub(super) usual: ToolRole,
    /// What holds for a call that reaches less far.
    milder: Option<ToolRole>,
}

impl Roles {
    pub(super) const fn of(usual: ToolRole) -> Self {
        Self { usual, milder: None }
    }

    /// What an operator declared of a built-in tool.
    pub(super) fn declared(builtin: Option<Builtin>, role: ToolRole) -> Self {
        match builtin {
            Some(Builtin::RunCommand) => Self::of_commands(role),
            _ => Self::of(role),
        }
    }

    /// A program without a network is what its role says; one with a network sends whatever it
    /// reads to whom the call names, and nobody can declare that away.
    fn of_commands(own: ToolRole) -> Self {
        let mut usual = own.clone();
        usual.effect = Effect::Send;
        usual.fetches = None;
        usual.unseen = Some(own.output.label(Source::Tool));
        let is_hosts = |parameter: &&mut label::Parameter| *parameter.name == *HOSTS.name;
        match usual.parameters.iter_mut().find(is_hosts) {
            Some(parameter) => parameter.kind = ParameterKind::Recipient,
            None => usual = usual.recipient(HOSTS.name),
        }
        Self { usual, milder: Some(own) }
    }

    /// The role of a call; `in_workspace` says that every path of it lies in the agent's own
    /// workspace.
    pub(super) fn of_call(&self, call: &Call, in_workspace: bool) -> &ToolRole {
        let is_mild = match call {
            Call::Builtin(Operation::WriteFile { .. } | Operation::EditFile { .. }) => in_workspace,
            Call::Builtin(Operation::RunCommand { hosts, .. }) => hosts.is_empty(),
            // RFC 9110 §9.2.1: these ask for nothing to be changed.
            Call::Builtin(Operation::HttpFetch { method, .. }) => {
                matches!(method.as_str(), "GET" | "HEAD")
            }
            _ => false,
        };
        self.milder.as_ref().filter(|_| is_mild).unwrap_or(&self.usual)
    }
}

impl Builtin {
    pub(super) fn roles(self) -> Roles {
        let usual = self.role();
        let milder = match self {
            Self::WriteFile | Self::EditFile => {
                Some(ToolRole { effect: Effect::Workspace, ..usual.clone() })
            }
            Self::HttpFetch => Some(usual.clone().undoable()),
            Self::RunCommand => return Roles::of_commands(usual),
            _ => None,
        };
        Roles { usual, milder }
    }

    /// What the judge is told of any call of it; of some calls it is told
    /// [less](super::Tool::role).
    #[must_use]
    pub fn role(self) -> ToolRole {
        let mut role = ToolRole::new(self.effect());
        // The words that a replacement takes away stand in the call.
        role.undoable = matches!(self, Self::EditFile);
        // A value out of a content has the label of the content, and this one makes none better.
        if matches!(self, Self::CurrentTime | Self::Plan | Self::ExtractValue) {
            role.undoable = true;
            role.output = Output {
                integrity: Integrity::Trusted,
                secrecy: Secrecy::Public,
                readers: Readers::everybody(),
                records: None,
                hold: None,
            };
        }
        if self == Self::HttpFetch {
            role.fetches = Some(builtin::URL.name.into());
        }
        for parameter in self.parameters() {
            role = role.with(self.judged(parameter));
        }
        role
    }

    const fn effect(self) -> Effect {
        match self {
            Self::ReadFile
            | Self::ListDirectory
            | Self::SearchFiles
            | Self::CurrentTime
            | Self::Plan
            | Self::ExtractValue => Effect::Read,
            // A program may do anything that its sandbox lets it. One that is let out sends.
            Self::WriteFile | Self::EditFile | Self::RunCommand | Self::ChangePersona => {
                Effect::Change
            }
            Self::HttpFetch => Effect::Send,
        }
    }

    fn judged(self, parameter: &Parameter) -> label::Parameter {
        let kind = match (self, parameter.is_control) {
            (Self::HttpFetch, true) if parameter.name == builtin::URL.name => {
                ParameterKind::Recipient
            }
            (Self::RunCommand, true) if parameter.name == HOSTS.name => ParameterKind::Recipient,
            (_, true) => ParameterKind::Control,
            (_, false) => ParameterKind::Payload,
        };
        let judged = label::Parameter::new(parameter.name, kind);
        match parameter.kind {
            // Saying nothing means this long.
            Kind::Integer { .. } if parameter.name == TIMEOUT.name => {
                judged.constant(&TOOL_TIMEOUT_SECONDS_DEFAULT.to_string())
            }
            // Naming no directory means this one.
            Kind::Text { .. } if parameter.is_control && !parameter.is_required => {
                judged.constant(WORKSPACE)
            }
            // What asks for nothing to be changed needs no word of a person.
            Kind::Choice(_) if parameter.is_control => judged.constant("GET").constant("HEAD"),
            _ => judged,
        }
    }
}

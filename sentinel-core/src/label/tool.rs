//! What a tool does, in the words the judge understands.
//!
//! Whoever defines a tool says once what its calls do to the world, and for every parameter whether
//! it decides where that lands. The model never says either.
//!
//! # Invariants
//! - What was not said is taken as dangerous: a parameter without a row is control, an output
//!   without a label is untrusted and private, a tool without a word about it cannot be undone.
//!
//! # Not here
//! A tool's name, schema and description are for the model (`llm::ToolDefinition`); the grant a
//! call needs is for `capability`.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::decide::Hold;
use super::label::{Integrity, Label, Secrecy, Source};
use super::readers::Readers;

/// What the calls of a tool do. The order is by how far that reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Looks, and leaves no trace that others see. A fetch of a URL is not this: it sends.
    Read,
    /// Changes only this conversation's own workspace.
    Workspace,
    /// Changes something else.
    Change,
    /// Carries something out.
    Send,
}

/// What the judge knows of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolRole {
    /// What its calls do.
    pub effect: Effect,
    /// Whether a person can take it back.
    pub undoable: bool,
    /// Its parameters, those of the top level of the arguments.
    pub parameters: Vec<Parameter>,
    /// The label of what it gives back.
    pub output: Output,
    /// Who may be reached with private content without a question.
    pub readers: Readers,
    /// What happens when payload that the person did not write out goes along.
    pub tainted_payload: TaintedPayload,
    /// The parameter that is the URL, if a call is nothing but a GET of it.
    pub fetches: Option<Box<str>>,
    /// The label of what a call may take along that its arguments do not show: a program that is
    /// let out sends what it reads.
    pub unseen: Option<Label>,
}

impl ToolRole {
    /// A tool of which only the effect is known: nothing of it can be undone, every parameter is
    /// control, and its output is untrusted and private.
    ///
    /// ```
    /// use sentinel_core::label::{Effect, ParameterKind, ToolRole};
    ///
    /// let mail = ToolRole::new(Effect::Send)
    ///     .recipient("to")
    ///     .recipient("cc")
    ///     .payload("subject")
    ///     .payload("body");
    /// assert_eq!(mail.parameter("body").map(|body| body.kind), Some(ParameterKind::Payload));
    /// assert!(mail.parameter("bcc").is_none(), "which the judge takes as control");
    /// ```
    #[must_use]
    pub fn new(effect: Effect) -> Self {
        Self {
            effect,
            undoable: false,
            parameters: Vec::new(),
            output: Output::default(),
            readers: Readers::nobody(),
            tainted_payload: TaintedPayload::default(),
            fetches: None,
            unseen: None,
        }
    }

    /// Says that a person can take it back.
    #[must_use]
    pub fn undoable(self) -> Self {
        Self { undoable: true, ..self }
    }

    /// Says that a call may take along what its arguments do not show, of this label.
    #[must_use]
    pub fn taking_along(self, unseen: Label) -> Self {
        Self { unseen: Some(unseen), ..self }
    }

    /// Adds a parameter that decides where the effect lands.
    #[must_use]
    pub fn control(self, name: &str) -> Self {
        self.with(Parameter::new(name, ParameterKind::Control))
    }

    /// Adds a parameter that names who is reached.
    #[must_use]
    pub fn recipient(self, name: &str) -> Self {
        self.with(Parameter::new(name, ParameterKind::Recipient))
    }

    /// Adds a parameter that is only carried along.
    #[must_use]
    pub fn payload(self, name: &str) -> Self {
        self.with(Parameter::new(name, ParameterKind::Payload))
    }

    /// Adds a parameter that takes the handle of a secret, which the shell puts in its place.
    #[must_use]
    pub fn credential(self, name: &str) -> Self {
        self.with(Parameter::new(name, ParameterKind::Credential))
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// The parameter of this name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| *parameter.name == *name)
    }
}

/// What the judge knows of one parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name at the top level of the arguments.
    pub name: Box<str>,
    /// What it decides.
    pub kind: ParameterKind,
    /// Values, and keys within values, that the operator allows whatever the context holds: the
    /// choices of a list, the name of a default folder, the words of the schema.
    pub constants: Vec<Box<str>>,
    /// The kind of record whose id this is: see [`Records::kind`].
    pub record: Option<Box<str>>,
}

impl Parameter {
    /// A parameter without constants and records.
    #[must_use]
    pub fn new(name: &str, kind: ParameterKind) -> Self {
        Self { name: name.into(), kind, constants: Vec::new(), record: None }
    }

    /// Allows a value whatever the context holds.
    #[must_use]
    pub fn constant(mut self, value: &str) -> Self {
        self.constants.push(value.into());
        self
    }

    /// Says that this is the id of a record of that kind.
    #[must_use]
    pub fn record(self, kind: &str) -> Self {
        Self { record: Some(kind.into()), ..self }
    }
}

/// What a parameter decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParameterKind {
    /// Where the effect lands: host, path, amount, id, command.
    Control,
    /// Who is reached; control too.
    Recipient,
    /// What is carried there.
    Payload,
    /// The handle of a secret that the shell puts in its place.
    Credential,
}

/// The label of what a tool gives back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Trusted only if the operator declared it so: a clock, a company directory.
    pub integrity: Integrity,
    /// How far it may travel.
    pub secrecy: Secrecy,
    /// Who may read it.
    pub readers: Readers,
    /// The records in it, if its ids can be believed.
    pub records: Option<Records>,
    /// Whether it is kept out of the conversation, if this is not for the flow to say.
    pub hold: Option<Hold>,
}

impl Output {
    /// The label of a block of this output.
    #[must_use]
    pub fn label(&self, source: Source) -> Label {
        let Self { integrity, secrecy, ref readers, .. } = *self;
        Label { integrity, secrecy, source, readers: readers.clone() }
    }
}

impl Default for Output {
    fn default() -> Self {
        Self {
            integrity: Integrity::Untrusted,
            secrecy: Secrecy::Private,
            readers: Readers::nobody(),
            records: None,
            hold: None,
        }
    }
}

/// Where in a JSON output the service that made it writes ids of its own.
///
/// An object that has the field `id` and one of the fields `names` is a record. The operator says
/// with this that strangers cannot choose what stands in `id`; what stands in the names they may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records {
    /// What a record is: parameters name it to say that they take its id.
    pub kind: Box<str>,
    /// The field that holds the id.
    pub id: Box<str>,
    /// The fields that a person calls it by.
    pub names: Vec<Box<str>>,
}

/// What happens when a call carries payload that stands nowhere in trusted text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TaintedPayload {
    /// It may go: the control values decide where it lands, and those are the person's.
    Allow,
    /// A person is asked if the call names somebody whom it reaches: what is said to people in the
    /// person's name is the person's to say, whoever is addressed. A date or a time says nothing.
    #[default]
    People,
    /// A person is asked, whether or not the call names anybody.
    Ask,
    /// The call is refused.
    Deny,
}

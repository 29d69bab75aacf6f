//! Reading the parts of a scenario: roles, labels, grants.
//!
//! # Invariants
//! - A key that is not known is refused: a misspelt `tainted_payload` must not pass as the default.
//! - Every error says at which line and column of the file the fault lies.
//!
//! # Not here
//! What the steps of a scenario do is [`super::scenario`].

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::capability::{Handle, Level, Verdict};
use crate::label::{
    Effect, Extraction, Integrity, Label, Mode, Output, Parameter, ParameterKind, Readers, Records,
    Secrecy, Sought, Source, TaintedPayload, ToolRole,
};
use crate::text::Position;
use crate::text::json::{AccessError, Kind, Members, ParseError, Value};

/// Why a line is no scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    /// The line of the file, from 1.
    pub line: usize,
    /// The column, from 1 in characters.
    pub column: usize,
    /// What is wrong.
    pub what: String,
}

impl ScenarioError {
    fn at(position: Position, shown: &str) -> Self {
        let what = shown.strip_prefix(&format!("{position}: ")).unwrap_or(shown).to_string();
        Self { line: position.line, column: position.column, what }
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.line, self.column, self.what)
    }
}

impl core::error::Error for ScenarioError {}

impl From<ParseError> for ScenarioError {
    fn from(error: ParseError) -> Self {
        let shown = error.to_string();
        Self::at(error.position, &shown)
    }
}

impl From<AccessError> for ScenarioError {
    fn from(error: AccessError) -> Self {
        let shown = error.to_string();
        Self::at(error.position(), &shown)
    }
}

/// An error at a value.
pub(super) fn fault(at: Value<'_>, what: impl Into<String>) -> ScenarioError {
    let position = at.position();
    ScenarioError { line: position.line, column: position.column, what: what.into() }
}

/// The members of an object, all of which are known.
pub(super) fn known<'d>(value: Value<'d>, keys: &[&str]) -> Result<Members<'d>, ScenarioError> {
    let members = value.members()?;
    for (key, member) in members.clone() {
        if !keys.contains(&key) {
            let key: String = key.chars().take(64).collect();
            let what = format!("unknown key {key:?}; known are {}", keys.join(", "));
            return Err(fault(member, what));
        }
    }
    Ok(members)
}

/// One of a list of words.
pub(super) fn one_of<T: Copy>(value: Value<'_>, words: &[(&str, T)]) -> Result<T, ScenarioError> {
    let word = value.as_str()?;
    words.iter().find(|(known, _)| *known == word).map(|(_, meant)| *meant).ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
        fault(value, format!("one of {} stands here", known.join(", ")))
    })
}

/// A list of strings.
pub(super) fn strings(value: Value<'_>) -> Result<Vec<&str>, ScenarioError> {
    let strings = value.elements()?.map(Value::as_str).collect::<Result<_, _>>()?;
    Ok(strings)
}

/// The role of a tool.
pub(super) fn role(value: Value<'_>) -> Result<ToolRole, ScenarioError> {
    known(
        value,
        &[
            "effect",
            "control",
            "recipients",
            "payload",
            "credentials",
            "constants",
            "record",
            "readers",
            "tainted_payload",
            "undoable",
            "fetches",
            "output",
            "unseen",
            "needs",
        ],
    )?;
    let mut role = ToolRole::new(one_of(value.get("effect")?, EFFECTS)?);
    for (key, kind) in [
        ("control", ParameterKind::Control),
        ("recipients", ParameterKind::Recipient),
        ("payload", ParameterKind::Payload),
        ("credentials", ParameterKind::Credential),
    ] {
        let Some(names) = value.find(key) else { continue };
        for name in strings(names)? {
            if role.parameter(name).is_some() {
                return Err(fault(names, format!("the parameter {name:?} stands here twice")));
            }
            role.parameters.push(Parameter::new(name, kind));
        }
    }
    for (name, values) in
        value.find("constants").map(Value::members).transpose()?.into_iter().flatten()
    {
        let constants = strings(values)?.into_iter().map(Box::from).collect();
        parameter(&mut role, name, values)?.constants = constants;
    }
    for (name, kind) in value.find("record").map(Value::members).transpose()?.into_iter().flatten()
    {
        let record = kind.as_str()?.into();
        parameter(&mut role, name, kind)?.record = Some(record);
    }
    if let Some(readers) = value.find("readers") {
        role.readers = self::readers(readers)?;
    }
    if let Some(word) = value.find("tainted_payload") {
        role.tainted_payload = one_of(word, PAYLOADS)?;
    }
    if let Some(undoable) = value.find("undoable") {
        role.undoable = undoable.as_bool()?;
    }
    if let Some(name) = value.find("fetches") {
        role.fetches = Some(name.as_str()?.into());
    }
    if let Some(value) = value.find("output") {
        role.output = output(value)?;
    }
    if let Some(said) = value.find("unseen") {
        role.unseen = Some(label(Source::Tool, Some(said))?);
    }
    Ok(role)
}

fn parameter<'r>(
    role: &'r mut ToolRole,
    name: &str,
    at: Value<'_>,
) -> Result<&'r mut Parameter, ScenarioError> {
    let found = role.parameters.iter_mut().find(|parameter| *parameter.name == *name);
    found.ok_or_else(|| fault(at, format!("{name:?} is none of the parameters named above it")))
}

fn output(value: Value<'_>) -> Result<Output, ScenarioError> {
    known(value, &["integrity", "secrecy", "readers", "records"])?;
    let mut output = Output::default();
    if let Some(word) = value.find("integrity") {
        output.integrity = one_of(word, INTEGRITIES)?;
    }
    if let Some(word) = value.find("secrecy") {
        output.secrecy = one_of(word, SECRECIES)?;
    }
    if output.secrecy == Secrecy::Public {
        output.readers = Readers::everybody();
    }
    if let Some(readers) = value.find("readers") {
        output.readers = self::readers(readers)?;
    }
    if let Some(records) = value.find("records") {
        known(records, &["kind", "id", "names"])?;
        output.records = Some(Records {
            kind: records.get("kind")?.as_str()?.into(),
            id: records.get("id")?.as_str()?.into(),
            names: strings(records.get("names")?)?.into_iter().map(Box::from).collect(),
        });
    }
    Ok(output)
}

fn readers(value: Value<'_>) -> Result<Readers, ScenarioError> {
    Readers::of(strings(value)?).map_err(|error| fault(value, error.to_string()))
}

/// The label of a message: that of its source, as far as nothing else is said.
pub(super) fn label(source: Source, said: Option<Value<'_>>) -> Result<Label, ScenarioError> {
    let mut label = match source {
        Source::Operator | Source::Person => Label::trusted(source),
        _ => Label::untrusted(source, Secrecy::Private),
    };
    let Some(said) = said else { return Ok(label) };
    known(said, &["integrity", "secrecy", "readers"])?;
    if let Some(word) = said.find("integrity") {
        label.integrity = one_of(word, INTEGRITIES)?;
    }
    if let Some(word) = said.find("secrecy") {
        label.secrecy = one_of(word, SECRECIES)?;
        label.readers = match label.secrecy {
            Secrecy::Public => Readers::everybody(),
            Secrecy::Private | Secrecy::Secret => Readers::nobody(),
        };
    }
    if let Some(readers) = said.find("readers") {
        label.readers = self::readers(readers)?;
    }
    Ok(label)
}

/// A value that is taken out of a content: the name of that, and what is wanted.
pub(super) fn extraction(value: Value<'_>) -> Result<(&str, Extraction), ScenarioError> {
    known(value, &["from", "as", "choices", "after", "line", "pointer", "nth"])?;
    let choices = value.find("choices").map(strings).transpose()?.unwrap_or_default();
    let choices = choices.into_iter().map(ToString::to_string).collect();
    let kind = value.get("as")?;
    let sought = Sought::read(kind.as_str()?, choices).ok_or_else(|| {
        let known = Sought::WORDS.join(", ");
        fault(kind, format!("a value is one of {known}, and a choice alone has 'choices'"))
    })?;
    let text = |key| value.find(key).map(Value::as_str).transpose();
    let number = |key| value.find(key).map(Value::as_u64).transpose();
    let wanted = Extraction {
        sought,
        pointer: text("pointer")?.map(ToString::to_string),
        line: number("line")?,
        after: text("after")?.map(ToString::to_string),
        nth: number("nth")?.unwrap_or(1),
    };
    Ok((value.get("from")?.as_str()?, wanted))
}

/// What a grant says: a level, or a level and more.
pub(super) fn grant(value: Value<'_>, index: usize) -> Result<Grant, ScenarioError> {
    let (level, allows_irreversible) = if value.kind() == Kind::Object {
        known(value, &["level", "irreversible"])?;
        let irreversible = value.find("irreversible").map(Value::as_bool).transpose()?;
        (value.get("level")?, irreversible.unwrap_or(false))
    } else {
        (value, false)
    };
    let level = one_of(level, LEVELS)?;
    let handle = Handle { index: u32::try_from(index).unwrap_or(u32::MAX), generation: 0 };
    let verdict = match level {
        Level::Deny => Verdict::Denied { handle },
        level => Verdict::Covered { handle, level },
    };
    Ok(Grant { verdict, allows_irreversible })
}

/// What the grants say of the calls of one tool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grant {
    pub(super) verdict: Verdict,
    pub(super) allows_irreversible: bool,
}

impl Grant {
    pub(super) const NONE: Self = Self { verdict: Verdict::Uncovered, allows_irreversible: false };

    /// What the table says, and what a grant of the tool as a whole says besides: the stricter.
    pub(super) fn of_table(verdict: Verdict, told: Option<Self>) -> Self {
        let Some(told) = told else { return Self { verdict, allows_irreversible: false } };
        let verdict = match (verdict, told.verdict) {
            (Verdict::Covered { level, .. }, Verdict::Covered { level: other, .. })
                if level >= other =>
            {
                verdict
            }
            (Verdict::Covered { .. }, stricter) => stricter,
            (verdict, _) => verdict,
        };
        Self { verdict, ..told }
    }
}

pub(crate) const MODES: &[(&str, Mode)] = &[("strict", Mode::Strict), ("grounded", Mode::Grounded)];

pub(super) const SOURCES: &[(&str, Source)] = &[
    ("operator", Source::Operator),
    ("person", Source::Person),
    ("stranger", Source::Stranger),
    ("quoted", Source::Quoted),
    ("attachment", Source::Attachment),
    ("tool", Source::Tool),
    ("skill", Source::Skill),
    ("memory", Source::Memory),
    ("agent", Source::Agent),
];

pub(crate) const EFFECTS: &[(&str, Effect)] = &[
    ("read", Effect::Read),
    ("workspace", Effect::Workspace),
    ("change", Effect::Change),
    ("send", Effect::Send),
];

pub(crate) const PAYLOADS: &[(&str, TaintedPayload)] = &[
    ("allow", TaintedPayload::Allow),
    ("people", TaintedPayload::People),
    ("ask", TaintedPayload::Ask),
    ("deny", TaintedPayload::Deny),
];

pub(crate) const INTEGRITIES: &[(&str, Integrity)] =
    &[("trusted", Integrity::Trusted), ("untrusted", Integrity::Untrusted)];

pub(crate) const SECRECIES: &[(&str, Secrecy)] =
    &[("public", Secrecy::Public), ("private", Secrecy::Private), ("secret", Secrecy::Secret)];

const LEVELS: &[(&str, Level)] =
    &[("allow", Level::Allow), ("ask", Level::Ask), ("once", Level::Once), ("deny", Level::Deny)];

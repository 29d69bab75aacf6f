//! Whether two agents decided the same: one whose log is on a disk, and one whose log was exported.
//!
//! What is compared are the decisions, in their order and with all that they say: who was let in,
//! which calls were allowed, asked about and made, which failed, what people answered, how turns
//! ended. Left out are the time, what tools gave back and how long requests were, for there are
//! other files and tools elsewhere; and how often a growing answer was shown.

use std::error::Error;
use std::path::Path;

use sentinel_core::agent::Kind;
use sentinel_core::text::json::{self, Value};

/// Decisions, a line for each.
#[derive(Debug, Default)]
pub(crate) struct Decisions(Vec<String>);

impl Decisions {
    /// Takes a record, if it is one of a decision.
    pub(crate) fn take(&mut self, kind: u16, payload: Value<'_>) {
        let kind = Kind::from_number(kind).filter(|kind| DECISIONS.contains(kind));
        if let Some(kind) = kind {
            let mut line = kind.name().to_string();
            tell(payload, "", &mut line);
            self.0.push(line);
        }
    }

    /// Those of a log as `sentinel audit export --open` gives it.
    pub(crate) fn exported(path: &Path) -> Result<Self, Box<dyn Error>> {
        let text = std::fs::read_to_string(path)?;
        let mut decisions = Self::default();
        for line in text.lines() {
            let document = json::parse(line.as_bytes())?;
            let root = document.root();
            let kind = root.find("kind").and_then(|kind| kind.as_u64().ok());
            let kind = kind.and_then(|kind| u16::try_from(kind).ok());
            if let (Some(kind), Some(payload)) = (kind, root.find("payload")) {
                decisions.take(kind, payload);
            }
        }
        Ok(decisions)
    }

    /// Whether these are the same, with what differs first.
    pub(crate) fn are_same(&self, others: &Self) -> bool {
        let count = self.0.len().max(others.0.len());
        let differs = (0..count).find(|place| self.0.get(*place) != others.0.get(*place));
        match differs {
            None if count == 0 => println!("decisions: there are none"),
            None => println!("decisions: {count} here, and the same {count} elsewhere"),
            Some(place) => {
                println!("decisions: number {place} differs, of {} here", self.0.len());
                for (whose, decisions) in [("here", self), ("elsewhere", others)] {
                    for (number, line) in decisions.0.iter().enumerate() {
                        println!("  {whose} {number}: {line}");
                    }
                }
            }
        }
        differs.is_none() && count > 0
    }
}

/// All that a value says but what is left out.
fn tell(value: Value<'_>, name: &str, out: &mut String) {
    if let Ok(members) = value.members() {
        for (name, value) in members {
            if !LEFT_OUT.contains(&name) {
                tell(value, name, out);
            }
        }
    } else if let Ok(elements) = value.elements() {
        elements.for_each(|element| tell(element, name, out));
    } else {
        out.push_str(&format!(" {name}={}", value.source()));
    }
}

const DECISIONS: &[Kind] = &[
    Kind::Admitted,
    Kind::Ignored,
    Kind::Command,
    Kind::TurnStarted,
    Kind::TurnEnded,
    Kind::CallDecided,
    Kind::CallStarted,
    Kind::ToolFinished,
    Kind::ApprovalAsked,
    Kind::ApprovalAnswered,
    Kind::ModelAsked,
];

/// What follows from the clock or from how long it took, what a tool gave back, and how long the
/// request to a model was: on another system there are other files and other tools.
const LEFT_OUT: &[&str] = &["at", "content", "tokens"];

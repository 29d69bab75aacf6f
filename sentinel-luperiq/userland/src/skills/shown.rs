//! Skills as whoever sits at the console sees them.
//!
//! # Invariants
//! - What is shown of a skill is what its approval is for; characters that hide are made visible.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use sentinel_core::agent::{SkillState, SkillView};
use sentinel_core::label::{Effect, Secrecy};
use sentinel_core::skill::{Skill, hex};

/// A line for each skill, and what is to be done that it can be used.
#[must_use]
pub fn list(skills: &[Skill], views: &[SkillView<'_>]) -> Vec<String> {
    let mut lines = Vec::new();
    for skill in skills {
        let view = views.iter().find(|view| view.name == skill.name);
        let (word, next) = state(skill, view);
        lines.push(format!("  {}  {word}", plain(&skill.name)));
        lines.extend(skill.problems.iter().map(|problem| format!("    {}", plain(problem))));
        lines.extend(next.iter().map(|next| format!("    {}", plain(next))));
    }
    lines
}

/// Whether it can be used, and what is to be done before.
fn state(skill: &Skill, view: Option<&SkillView<'_>>) -> (&'static str, Vec<String>) {
    let name = &skill.name;
    let Some(view) = view.filter(|_| skill.problems.is_empty()) else {
        return ("cannot be used", Vec::new());
    };
    let look = format!("/skill {name} shows it, /skill approve {name} approves it");
    let (word, mut next) = match &view.state {
        SkillState::Ready => ("approved", Vec::new()),
        SkillState::New => ("new", Vec::from([look])),
        SkillState::Changed(_) => ("changed since it was approved", Vec::from([look])),
        SkillState::Disabled => ("switched off", Vec::from([format!("/skill enable {name}")])),
        SkillState::Lacking(grants) => {
            let lines = grants.iter().map(|grant| format!("/grant {grant}"));
            ("requires what was not granted", lines.collect())
        }
    };
    if view.grants.is_empty() {
        next.push(format!("/grant skill {name}"));
    }
    (word, next)
}

/// All that is approved with a skill.
#[must_use]
pub fn whole(skill: &Skill) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |text: String| lines.push(plain(&text));
    line(format!("{} in {}, SHA-256 {}", skill.name, skill.place, hex(&skill.digest)));
    if let Some(signed) = &skill.signed {
        line(format!("signed by {}: {}", signed.key, signed.comment));
    }
    if let Some(manifest) = &skill.manifest {
        line(format!("version {}: {}", manifest.version, manifest.description));
        for tool in &manifest.tools {
            let effect = match tool.effect {
                Effect::Read => "reads",
                Effect::Workspace => "changes the workspace",
                Effect::Change => "changes something",
                Effect::Send => "sends",
            };
            let secrecy = if tool.secrecy == Secrecy::Public { ", public" } else { "" };
            line(format!("  {} ({effect}{secrecy}): {}", tool.name, tool.description));
            line(format!("    {}", tool.schema()));
        }
        let capabilities = &manifest.capabilities;
        for (word, grants) in [
            ("requires", &capabilities.required),
            ("can do more with", &capabilities.optional),
            ("shall never have", &capabilities.never),
        ] {
            for grant in grants {
                line(format!("  {word}: {grant}"));
            }
        }
    }
    if let Some(instructions) = &skill.instructions {
        line(format!("instructions for a model: {}", instructions.description));
        instructions.text.lines().for_each(|text| line(format!("  {text}")));
    }
    skill.problems.iter().for_each(|problem| line(problem.clone()));
    lines
}

/// A text of somebody else's in one line.
fn plain(text: &str) -> String {
    let is_odd = |character: char| character.is_control() || !is_shown(character);
    match text.chars().any(is_odd) {
        true => text.escape_debug().to_string(),
        false => text.into(),
    }
}

/// Whether a character is one that is seen as it is.
fn is_shown(character: char) -> bool {
    character.escape_debug().len() == 1 || "\"'\\".contains(character)
}

//! `sentinel skill list`, `show`, `approve`, `enable`, `disable`: which skills an agent uses.
//!
//! Two know about skills: this command reads the folders as they are now, and the agent, or its
//! log, says what it read at its start and what was approved.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use sentinel_core::agent::OperatorCommand;
use sentinel_core::capability::{self, CommandRule, Grant, Level, Resource};
use sentinel_core::control::Query;
use sentinel_core::label::{Effect, Secrecy};
use sentinel_core::skill::{
    Kind, Manifest, Parameter, Runtime, Signed, Skill, Trust, grant_line, hex, signed_line,
};
use sentinel_core::text::json::{self, Value};

use super::super::Arguments;
use super::super::shown::{self, plain};
use super::{elsewhere, server};
use crate::clock::Clock;
use crate::configuration;
use crate::print::{print, println};
use crate::sandbox::Sandboxes;
use crate::skills::folder::{Folder, INSTRUCTIONS, MANIFEST};
use crate::skills::wasm;
use crate::style::Style;

pub(super) fn list(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let found = Found::look(&arguments)?;
    if arguments.has("json") {
        let line = json::array(|out| {
            for skill in &found.skills {
                let state = found.state(skill);
                out.object(|out| {
                    out.field("skill", skill.name.as_str()).field("place", skill.place.as_str());
                    out.field("digest", hex(&skill.digest).as_str());
                    out.field("state", state.word);
                    out.optional("signed_by", skill.signed.as_ref().map(|it| it.key.as_str()));
                    out.array("problems", |out| texts(out, &skill.problems));
                    out.array("next", |out| texts(out, &state.next));
                });
            }
        });
        println!("{line}");
        return Ok(ExitCode::SUCCESS);
    }
    let style = Style::of(&std::io::stdout());
    for skill in &found.skills {
        let state = found.state(skill);
        let word = match state.word {
            "ready" => style.good(state.word),
            word => style.bad(word),
        };
        let about = skill.manifest.as_ref().map(|it| it.description.as_str());
        let about = about.or(skill.instructions.as_ref().map(|it| it.description.as_str()));
        let name = plain(&skill.name);
        println!(
            "{} {word}  {}",
            style.bold(format!("{name:20}")),
            plain(about.unwrap_or_default())
        );
        if let Some(signed) = &skill.signed {
            println!("    {}", signer(signed));
        }
        for problem in &skill.problems {
            println!("    {}", plain(problem).replace('\n', "\n    "));
        }
        for next in &state.next {
            println!("    {}", plain(next));
        }
    }
    if found.skills.is_empty() {
        println!(
            "There are no skills; [skills] directories in the configuration says where some are."
        );
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn show(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let found = Found::look(&arguments)?;
    let skill = found.named(&arguments.operand(0, "the name of a skill")?)?;
    let state = found.state(skill);
    if arguments.has("json") {
        let line = json::object(|out| {
            out.field("skill", skill.name.as_str()).field("place", skill.place.as_str());
            out.field("digest", hex(&skill.digest).as_str()).field("state", state.word);
            out.optional("signed_by", skill.signed.as_ref().map(|it| it.key.as_str()));
            out.optional("signed_comment", skill.signed.as_ref().map(|it| it.comment.as_str()));
            out.array("problems", |out| texts(out, &skill.problems));
            out.array("next", |out| texts(out, &state.next));
            out.array("tools", |out| {
                for tool in skill.manifest.iter().flat_map(|manifest| &manifest.tools) {
                    out.object(|out| {
                        out.field("tool", tool.name.as_str());
                        out.field("description", tool.description.as_str());
                        out.field("effect", effect(tool.effect));
                        out.field("parameters", tool.schema_for_models().as_str());
                    });
                }
                for offered in skill.listing.iter().flat_map(|it| it.offered(&skill.name)) {
                    out.object(|out| {
                        out.field("tool", offered.name().as_str());
                        out.field("description", offered.claim.description.as_str());
                        out.field("parameters", offered.claim.schema.as_str());
                        out.optional("left_out", offered.left_out);
                    });
                }
            });
        });
        println!("{line}");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}  {}", plain(&skill.name), state.word);
    println!("in {}\nSHA-256 {}", plain(&skill.place), hex(&skill.digest));
    println!("{}", skill.signed.as_ref().map_or_else(|| "not signed".into(), signer));
    if let Some(manifest) = &skill.manifest {
        show_manifest(manifest);
        match (&skill.listing, &manifest.server) {
            (Some(listing), Some(_)) => server::show(manifest, listing, None),
            (None, Some(server)) => server::show_start(manifest, server),
            (_, None) => {}
        }
    }
    if let Some(instructions) = &skill.instructions {
        println!("\nInstructions for a model ({}):\n", plain(&instructions.description));
        println!("{}", plain(&instructions.text));
        if !skill.scripts.is_empty() {
            println!("\nPrograms in its folder, which run as commands, each where it is granted:");
        }
        for script in &skill.scripts {
            // A name is whatever somebody wrote; the line is for a shell, and grants one program.
            match capability::Path::parse(&format!("{}/{script}", skill.place)) {
                Ok(path) => {
                    let rule = Resource::Command(CommandRule::new(path));
                    println!("  {}", plain(&grant_line(&Grant::new(rule, Level::Allow))));
                }
                Err(error) => println!("  {}: {error}", plain(script)),
            }
        }
    }
    for problem in &skill.problems {
        println!("{}", plain(problem));
    }
    for next in &state.next {
        println!("{}", plain(next));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn approve(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let found = Found::look(&arguments)?;
    let skill = found.named(&arguments.operand(0, "the name of a skill")?)?;
    // What is wrong may be wrong because of what it listed before.
    let is_server = skill.manifest.as_ref().is_some_and(|it| it.server.is_some());
    if is_server {
        return server::approve(&arguments, skill, &found.trust);
    }
    if let Some(problem) = skill.problems.first() {
        return Err(format!("{} cannot be used: {}", plain(&skill.name), plain(problem)).into());
    }
    say_signer(&arguments, skill);
    let (name, digest) = (skill.name.clone(), skill.digest);
    shown::command(&arguments, OperatorCommand::ApproveSkill { name, digest })
}

/// Prints the line that its author signs.
pub(super) fn digest(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let place = arguments.operand(0, "the folder of a skill")?;
    let folder = Folder::read(Path::new(&place))?;
    if folder.manifest.is_none() && folder.instructions.is_none() {
        let place = plain(&place);
        return Err(
            format!("{place} is no skill: it has no {MANIFEST} and no {INSTRUCTIONS}").into()
        );
    }
    print!("{}", signed_line(&folder.digest));
    Ok(ExitCode::SUCCESS)
}

/// Who signed it, for people; the comment is its author's.
fn signer(signed: &Signed) -> String {
    match signed.comment.as_str() {
        "" => format!("signed by {}", signed.key),
        comment => format!("signed by {}: \"{}\"", signed.key, plain(comment)),
    }
}

/// Says before an approval who signed what is approved.
pub(super) fn say_signer(arguments: &Arguments, skill: &Skill) {
    if let (Some(signed), false) = (&skill.signed, arguments.has("json")) {
        println!("{} is {}", plain(&skill.name), signer(signed));
    }
}

pub(super) fn enable(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    switch(&arguments, true)
}

pub(super) fn disable(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    switch(&arguments, false)
}

fn switch(arguments: &Arguments, is_enabled: bool) -> Result<ExitCode, Box<dyn Error>> {
    let name = arguments.operand(0, "the name of a skill")?;
    shown::command(arguments, OperatorCommand::SwitchSkill { name, is_enabled })
}

/// What there is, and what the agent knows of it.
pub(super) struct Found {
    pub(super) skills: Vec<Skill>,
    /// Whose signatures count.
    pub(super) trust: Trust,
    /// What the agent says of each, as JSON.
    known: Vec<String>,
    /// What is granted to the agent.
    granted: Vec<Grant>,
}

/// What stands between a skill and its use.
pub(super) struct State {
    pub(super) word: &'static str,
    /// What to do about it.
    pub(super) next: Vec<String>,
}

impl Found {
    pub(super) fn look(arguments: &Arguments) -> Result<Self, Box<dyn Error>> {
        let configuration = configuration::find(arguments.path("config").as_deref(), true)?;
        let mut skills = configuration.catalogue().skills().to_vec();
        look_at_modules(&mut skills);
        let known = shown::management(arguments)?.list(Query::Skills)?;
        let granted = elsewhere::granted(arguments)?;
        Ok(Self { skills, trust: Trust::of(&configuration.config), known, granted })
    }

    pub(super) fn named(&self, name: &str) -> Result<&Skill, Box<dyn Error>> {
        let found = self.skills.iter().find(|skill| skill.name == name);
        found.ok_or_else(|| {
            let name = plain(name);
            format!("there is no skill '{name}'; 'sentinel skill list' names those there are")
                .into()
        })
    }

    pub(super) fn state(&self, skill: &Skill) -> State {
        let name = &skill.name;
        if !skill.problems.is_empty() {
            return State { word: "faulty", next: Vec::new() };
        }
        let known = self.known.iter().find_map(|line| {
            let document = json::parse(line.as_bytes()).ok()?;
            let known = document.root();
            (known.get("skill").ok()?.as_str().ok()? == name).then(|| Known::read(known))?
        });
        let look = format!("look at it: sentinel skill show {name}");
        let approve = format!("then approve it: sentinel skill approve {name}");
        let is_asked = skill.listing.is_some();
        if skill.manifest.as_ref().is_some_and(|it| it.server.is_some()) && !is_asked {
            let ask = format!("let it say what it has: sentinel skill approve {name}");
            return State { word: "new", next: vec![ask] };
        }
        // What it requires shows before it is approved: that may be why nobody does.
        let (manifest, now) = (skill.manifest.as_ref(), Clock::new().now().wall);
        let missing = manifest.map(|it| it.missing(&self.granted, now)).unwrap_or_default();
        let missing = || missing.iter().map(|grant| grant_line(grant));
        let after = |read: &str| [look.clone(), approve.clone(), read.into()].into_iter();
        let Some(known) = known else {
            let next = after(
                "the agent has not read it yet, and says whether these files were approved once \
                 it has: kill -HUP, or its next start",
            );
            return State { word: "unread", next: next.chain(missing()).collect() };
        };
        if known.digest != hex(&skill.digest) {
            let next = after("then let the agent read it: kill -HUP, or a new start");
            return State { word: "changed", next: next.chain(missing()).collect() };
        }
        let mut next: Vec<String> = match known.state.as_str() {
            "new" | "changed" => vec![look, approve],
            "disabled" => vec![format!("sentinel skill enable {name}")],
            _ => Vec::new(),
        };
        next.extend(missing());
        if !known.is_granted {
            next.push(format!("sentinel grant 'skill {name}'"));
        }
        let word = match known.state.as_str() {
            "new" => "new",
            "changed" => "changed",
            "disabled" => "disabled",
            _ if next.is_empty() => "ready",
            _ => "not granted",
        };
        State { word, next }
    }
}

/// Adds what is wrong with modules, which shows only when one looks into them.
fn look_at_modules(skills: &mut [Skill]) {
    let mut sandboxes = None;
    for skill in skills.iter_mut().filter(|skill| skill.problems.is_empty()) {
        let manifest = skill.manifest.as_ref().filter(|it| it.runtime == Runtime::Wasm);
        let Some(manifest) = manifest else { continue };
        let looked = match sandboxes.get_or_insert_with(Sandboxes::new) {
            Ok(sandboxes) => wasm::look(sandboxes, Path::new(&skill.place), manifest),
            Err(error) => Err(vec![error.to_string()]),
        };
        skill.problems.extend(looked.err().into_iter().flatten());
    }
}

/// What the agent knows of a skill.
struct Known {
    digest: String,
    state: String,
    is_granted: bool,
}

impl Known {
    fn read(value: Value<'_>) -> Option<Self> {
        let list = |key: &str| -> Option<Vec<String>> {
            let Some(list) = value.find(key) else { return Some(Vec::new()) };
            list.elements().ok()?.map(|it| Some(it.as_str().ok()?.to_string())).collect()
        };
        Some(Self {
            digest: value.get("digest").ok()?.as_str().ok()?.to_string(),
            state: value.get("state").ok()?.as_str().ok()?.to_string(),
            is_granted: list("grants")?.iter().any(|grant| !grant.starts_with("deny ")),
        })
    }
}

fn show_manifest(manifest: &Manifest) {
    println!("version {}: {}", plain(&manifest.version), plain(&manifest.description));
    for tool in &manifest.tools {
        let (name, what) = (plain(&tool.name), plain(&tool.description));
        let secrecy = if tool.secrecy == Secrecy::Public { ", public" } else { "" };
        println!("\n  {name} ({}{secrecy}): {what}", effect(tool.effect));
        for parameter in &tool.parameters {
            let optional = if parameter.is_optional { ", may be left out" } else { "" };
            let carried = if parameter.is_payload { ", only carried" } else { "" };
            let (name, what) = (plain(&parameter.name), plain(&parameter.description));
            println!("    {name}: {}{optional}{carried}. {what}", kind(parameter));
        }
    }
    let capabilities = &manifest.capabilities;
    for (word, grants) in [
        ("requires", &capabilities.required),
        ("can do more with", &capabilities.optional),
        ("shall never have", &capabilities.never),
    ] {
        for grant in grants {
            println!("  {word}: {}", plain(&grant.to_string()));
        }
    }
}

fn kind(parameter: &Parameter) -> String {
    match &parameter.kind {
        Kind::Text { bytes_max } => format!("a text of at most {bytes_max} bytes"),
        Kind::Integer { min, max } => format!("a number, {min} to {max}"),
        Kind::Flag => "true or false".into(),
        Kind::Choice(words) => plain(&words.join(" or ")),
        Kind::List { count_max, .. } => format!("a list of at most {count_max}"),
        Kind::Handle => "a file, which it reads while the call goes on".into(),
    }
}

pub(super) fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Read => "reads",
        Effect::Workspace => "changes the workspace",
        Effect::Change => "changes something",
        Effect::Send => "sends",
    }
}

fn texts(out: &mut json::ArrayWriter<'_, String>, texts: &[String]) {
    for text in texts {
        out.value(text.as_str());
    }
}

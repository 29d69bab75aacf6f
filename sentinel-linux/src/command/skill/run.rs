//! `sentinel skill run`: a tool of an approved skill, called by hand.

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use sentinel_core::order;
use sentinel_core::skill::{Kind, Manifest, Skill, Tool};
use sentinel_core::text::json;
use sentinel_skill_abi::Code;
use sentinel_skill_abi::message::{Service, ToHost};

use super::super::Arguments;
use super::super::shown::plain;
use super::check;
use super::elsewhere::{Far, may_sample};
use super::guest::Guest;
use super::manage::Found;
use super::server;
use crate::print::println;
use crate::sandbox::Sandboxes;
use crate::skills::folder::Folder;
use crate::skills::read;

pub(super) fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let name = arguments.operand(0, "the name of a skill")?;
    let found = Found::look(&arguments)?;
    let skill = found.named(&name)?;
    let state = found.state(skill);
    if !matches!(state.word, "ready" | "not granted") {
        let next = [skill.problems.as_slice(), &state.next].concat().join("\n  ");
        return Err(format!("{} is {}\n  {}", plain(&name), state.word, plain(&next)).into());
    }
    let (Some(manifest), problems) = (&skill.manifest, &skill.problems) else {
        return Err(format!("{} has instructions, and nothing to run", plain(&name)).into());
    };
    if let Some(problem) = problems.first() {
        return Err(plain(problem).into());
    }
    let wanted = arguments.operands.get(1).and_then(|word| word.to_str()).unwrap_or_default();
    if let Some(listing) = &skill.listing {
        let words: Vec<&str> =
            arguments.operands.iter().skip(2).filter_map(|word| word.to_str()).collect();
        let folder = unchanged(skill)?;
        let is_granted = state.word == "ready";
        let may = (is_granted, may_sample(&arguments, manifest)?);
        let called = (wanted, words.as_slice());
        let far = Far::of(&arguments, manifest)?;
        let (output, is_error) = server::run(&folder, (manifest, far), listing, called, may)
            .map_err(|why| plain(&why))?;
        println!("{}", plain(&output));
        return Ok(if is_error { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    let tool = manifest.tools.iter().find(|tool| tool.name == wanted).ok_or_else(|| {
        let tools: Vec<&str> = manifest.tools.iter().map(|tool| tool.name.as_str()).collect();
        format!("name a tool of it: {}", tools.join(", "))
    })?;
    let words: Option<Vec<&str>> =
        arguments.operands.iter().skip(2).map(|word| word.to_str()).collect();
    let given = given(tool, &words.ok_or("the arguments are no text")?)?;
    let (told, files) = handed(tool, &given)?;
    let folder = unchanged(skill)?;
    let mut guest = Guest::start(&Sandboxes::new()?, &folder, manifest)?;
    let times = arguments.text("times")?;
    let times = times.map(|word| word.parse::<usize>().ok().filter(|count| *count > 0));
    let times = times.map(|count| count.ok_or("--times takes a number from 1")).transpose()?;
    let done = called(&mut guest, manifest, tool, (&told, &files), times.unwrap_or(1));
    guest.last_words();
    let said = String::from_utf8_lossy(&guest.said).trim_end().to_owned();
    if !said.is_empty() {
        eprintln!("{}", plain(&said));
    }
    let (output, mut taken) = done?;
    println!("{}", plain(&output));
    if times.is_some() {
        order::sort_by(&mut taken, Ord::cmp);
        let middle = taken.get(taken.len() / 2).copied().unwrap_or_default();
        let least = taken.first().copied().unwrap_or_default();
        let shown = |time: Duration| format!("{:.1} µs", time.as_secs_f64() * 1e6);
        let (count, middle, least) = (taken.len(), shown(middle), shown(least));
        eprintln!("{count} calls, the middle one {middle}, the fastest {least}");
    }
    Ok(ExitCode::SUCCESS)
}

/// What was approved is what runs: nothing of it may have changed since it was looked at.
fn unchanged(skill: &Skill) -> Result<Folder, String> {
    let folder = Folder::read(Path::new(&skill.place))?;
    match folder.digest == skill.digest {
        true => Ok(folder),
        false => Err(format!("{} changes while it is looked at", plain(&skill.name))),
    }
}

/// The same call so often, and how long each took.
fn called(
    guest: &mut Guest,
    manifest: &Manifest,
    tool: &Tool,
    (told, files): (&str, &[File]),
    times: usize,
) -> Result<(String, Vec<Duration>), String> {
    check::describes(guest, manifest)?;
    let (mut output, mut taken) = (String::new(), Vec::new());
    for _ in 0..times {
        let begun = Instant::now();
        output = call(guest, manifest, tool, told, files)?;
        taken.push(begun.elapsed());
    }
    Ok((output, taken))
}

/// The arguments as a JSON object: as it is given, or made of `name=value`.
fn given(tool: &Tool, words: &[&str]) -> Result<String, String> {
    if let [whole] = words
        && whole.trim_start().starts_with('{')
    {
        json::parse(whole.as_bytes()).map_err(|error| error.to_string())?;
        return Ok((*whole).to_string());
    }
    let mut pairs = Vec::new();
    for word in words {
        let (name, value) = word.split_once('=').ok_or_else(|| {
            format!("'{word}' is no argument; write name=value, or a JSON object")
        })?;
        let parameter = tool.parameters.iter().find(|parameter| parameter.name == name);
        let parameter = parameter.ok_or_else(|| format!("there is no parameter '{name}'"))?;
        let is_text = matches!(parameter.kind, Kind::Text { .. } | Kind::Choice(_) | Kind::Handle);
        pairs.push((name, value, is_text));
    }
    for (name, value, is_text) in &pairs {
        if !is_text && json::parse(value.as_bytes()).is_err() {
            return Err(format!("'{name}': '{value}' is no number, true, false or list"));
        }
    }
    Ok(json::object(|out| {
        for (name, value, is_text) in &pairs {
            match json::parse(value.as_bytes()) {
                Ok(document) if !is_text => out.field(name, document.root()),
                _ => out.field(name, *value),
            };
        }
    }))
}

/// What the skill is told, and the files that it is handed.
fn handed(tool: &Tool, given: &str) -> Result<(String, Vec<File>), String> {
    let document = json::parse(given.as_bytes()).map_err(|error| error.to_string())?;
    let mut files = Vec::new();
    let mut open = |value: json::Value<'_>| {
        let path = value.as_str().map_err(|_| "a file is named by its path".to_string())?;
        let file = File::open(path).map_err(|error| format!("{path}: {error}"))?;
        match file.metadata().is_ok_and(|about| about.is_file()) {
            true => files.push(file),
            false => return Err(format!("{path}: only files are handed to a skill")),
        }
        Ok(())
    };
    for parameter in tool.parameters.iter().filter(|parameter| parameter.kind.is_handles()) {
        let value = document.root().find(&parameter.name).filter(|value| !value.is_null());
        let Some(value) = value else { continue };
        match value.elements() {
            Ok(mut elements) => elements.try_for_each(&mut open)?,
            Err(_) => open(value)?,
        }
    }
    Ok((tool.with_handles(given)?, files))
}

fn call(
    guest: &mut Guest,
    manifest: &Manifest,
    tool: &Tool,
    arguments: &str,
    files: &[File],
) -> Result<String, String> {
    check::call(guest, &tool.name, arguments)?;
    loop {
        let line = check::heard(guest)?;
        let message = guest.conversation.take(&line);
        match message.map_err(|fault| check::broken(&fault, &line))? {
            ToHost::Result { output, .. } => {
                let most = manifest.bounds.output_bytes;
                let text = output.text().map(|text| text.to_string());
                let text = text.unwrap_or_else(|| output.as_str().to_string());
                if text.len() > most {
                    return Err(format!(
                        "its output has {} bytes, and may have {most}",
                        text.len()
                    ));
                }
                return Ok(text);
            }
            ToHost::Error { code, message, .. } => {
                return Err(format!("{}: {}", code.word(), plain(&message.to_string())));
            }
            ToHost::Progress { done, total, message, .. } => {
                let total = total.map(|total| format!(" of {total}")).unwrap_or_default();
                let message = message.map(|text| plain(&text.to_string())).unwrap_or_default();
                eprintln!("{done}{total} {message}");
            }
            ToHost::Request { service, .. } => check::said(guest.say(|conversation, room| {
                let refused = "this call was given no such handle";
                match service {
                    Service::Proceed => conversation.proceed(room),
                    Service::Unknown => {
                        let why = "there is no such service";
                        conversation.refuse(Code::UnknownService, why, room)
                    }
                    Service::Read { handle, offset, length } => {
                        let index = usize::try_from(handle).ok();
                        let file = index.and_then(|index| files.get(index.checked_sub(1)?));
                        let length = usize::try_from(length).unwrap_or(0);
                        match file.map(|file| read(file, offset, length)) {
                            Some(Ok((bytes, is_last))) => {
                                conversation.answer(&bytes, is_last, room)
                            }
                            Some(Err(_)) => {
                                conversation.refuse(Code::Failed, "it cannot be read", room)
                            }
                            None => conversation.refuse(Code::Denied, refused, room),
                        }
                    }
                }
            }))?,
            _ => return Err("it says what it was not asked".into()),
        }
    }
}

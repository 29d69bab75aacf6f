//! `sentinel skill check`: an author is told what is wrong.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use sentinel_core::capability::Grant;
use sentinel_core::skill::{Instructions, Kind, Manifest, Runtime, Tool, grant_line};
use sentinel_core::text::json;
use sentinel_core::time::Timestamp;
use sentinel_skill_abi::Code;
use sentinel_skill_abi::conversation::Task;
use sentinel_skill_abi::json::{Text, Value};
use sentinel_skill_abi::message::{ToHost, ToSkill};

use super::super::Arguments;
use super::super::shown::plain;
use super::guest::{Guest, Silence};
use super::server;
use crate::print::println;
use crate::sandbox::Sandboxes;
use crate::skills::describing;
use crate::skills::folder::{Folder, INSTRUCTIONS, MANIFEST};
use crate::skills::wasm;
use crate::style::Style;

pub(super) fn check(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let place = arguments.operand(0, "the directory of a skill")?;
    let folder = Folder::read(Path::new(&place))?;
    let mut report = Report { style: Style::of(&std::io::stdout()), wrong: 0 };
    if folder.manifest.is_none() && folder.instructions.is_none() {
        return Err(format!("{place}: there is neither a {MANIFEST} nor a {INSTRUCTIONS}").into());
    }
    if let Some(text) = &folder.instructions {
        let file = format!("{place}/{INSTRUCTIONS}");
        let reading = Instructions::read(&file, &folder.name, text);
        report.read(INSTRUCTIONS, &reading.diagnostics);
    }
    if let Some(text) = &folder.manifest {
        let reading = Manifest::read(&format!("{place}/{MANIFEST}"), text);
        report.read(MANIFEST, &reading.diagnostics);
        if let Some(manifest) = &reading.value {
            report.manifest(&folder, manifest)?;
        }
    }
    let digest: String = folder.digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let files = folder.programs.len() + folder.others.len();
    println!("{files} files, SHA-256 {digest}");
    match report.wrong {
        0 => println!("Nothing is wrong."),
        1 => println!("One thing is wrong."),
        count => println!("{count} things are wrong."),
    }
    Ok(ExitCode::from(u8::from(report.wrong > 0)))
}

/// What was found, as it is found.
struct Report {
    style: Style,
    wrong: usize,
}

impl Report {
    fn row(&mut self, what: &str, found: Result<(), String>) {
        match found {
            Ok(()) => println!("{} {what}", self.style.good("ok   ")),
            Err(why) => {
                self.wrong += 1;
                println!("{} {what}: {}", self.style.bad("wrong"), plain(&why));
            }
        }
    }

    fn read(&mut self, file: &str, diagnostics: &[sentinel_core::config::Diagnostic]) {
        if diagnostics.is_empty() {
            self.row(file, Ok(()));
        }
        for diagnostic in diagnostics {
            self.wrong += 1;
            println!("{}", plain(&diagnostic.to_string()));
        }
    }

    fn manifest(&mut self, folder: &Folder, manifest: &Manifest) -> Result<(), Box<dyn Error>> {
        if let Some(url) = manifest.url() {
            let style = self.style;
            for grant in &manifest.capabilities.required {
                println!("{} it needs: {}", style.faint("note "), grant_line(grant));
            }
            let how = "'sentinel skill approve NAME' asks it what it has";
            println!("{} it is elsewhere: {url}; {how}", style.faint("note "));
            return Ok(());
        }
        let entry = &manifest.entry;
        let is_there = folder.programs.contains(entry);
        let found = if is_there
            || manifest.runtime == Runtime::Mcp && Path::new(entry).is_file()
            || manifest.runtime == Runtime::Wasm && folder.others.contains(entry)
        {
            Ok(())
        } else if folder.others.contains(entry) {
            Err(format!("{entry} is no program; chmod +x makes it one"))
        } else {
            Err(format!("there is no file {entry}"))
        };
        let is_found = found.is_ok();
        self.row("its entry is there", found);
        for grant in manifest.missing(&[] as &[Grant], Timestamp(0)) {
            println!("{} it needs: {}", self.style.faint("note "), grant_line(grant));
        }
        if !is_found {
            return Ok(());
        }
        if manifest.runtime == Runtime::Mcp {
            let listed = server::ask(folder, manifest, None, false);
            if let Ok(listing) = &listed {
                server::show(manifest, listing, None);
            }
            self.row("it lists what it has", listed.map(drop));
            return Ok(());
        }
        let sandboxes = Sandboxes::new()?;
        if manifest.runtime == Runtime::Wasm {
            match wasm::look(&sandboxes, &folder.place, manifest) {
                Ok(time) => {
                    let milliseconds = time.as_secs_f64() * 1e3;
                    self.row(&format!("its module is read in {milliseconds:.1} ms"), Ok(()));
                }
                Err(problems) => {
                    for problem in problems {
                        self.row("its module can be run", Err(problem));
                    }
                    return Ok(());
                }
            }
        }
        for (what, trial) in TRIALS {
            self.tried(what, &sandboxes, folder, manifest, |guest| trial(guest, manifest));
        }
        for tool in &manifest.tools {
            for (what, trial) in TOOL_TRIALS {
                let what = format!("{}: {what}", tool.name);
                self.tried(&what, &sandboxes, folder, manifest, |guest| {
                    greet(guest, manifest)?;
                    trial(guest, tool)
                });
            }
        }
        Ok(())
    }

    /// Starts it, tries this with it, and tells what it said for its author if that went wrong.
    fn tried(
        &mut self,
        what: &str,
        sandboxes: &Sandboxes,
        folder: &Folder,
        manifest: &Manifest,
        trial: impl FnOnce(&mut Guest) -> Result<(), String>,
    ) {
        let mut guest = match Guest::start(sandboxes, folder, manifest) {
            Ok(guest) => guest,
            Err(why) => return self.row(what, Err(why)),
        };
        let found = trial(&mut guest);
        if found.is_err() {
            guest.last_words();
        }
        let said = String::from_utf8_lossy(&guest.said).trim().to_owned();
        let is_wrong = found.is_err();
        let ended = matches!(&found, Err(why) if why.starts_with(ENDED));
        let found = match ended {
            true => found.map_err(|why| format!("{why}: {}", guest.end())),
            false => found,
        };
        self.row(what, found);
        if is_wrong && !said.is_empty() {
            println!("      it says: {}", plain(&said).replace('\n', "\n      "));
        }
    }
}

type Trial = fn(&mut Guest, &Manifest) -> Result<(), String>;
type ToolTrial = fn(&mut Guest, &Tool) -> Result<(), String>;

/// What is tried with every skill.
const TRIALS: [(&str, Trial); 6] = [
    ("it says hello, and who it is", greet),
    ("it describes what its manifest says", describes),
    ("a tool that it does not have is refused", |guest, manifest| {
        greet(guest, manifest)?;
        call(guest, UNKNOWN_TOOL, "{}")?;
        fails_with(guest, Code::UnknownTool)
    }),
    ("a version that does not exist is refused", |guest, _| {
        let hello = ToSkill::Hello { version: u32::MAX };
        said(guest.say(|_, room| hello.write(room)))?;
        gives_up(guest)
    }),
    ("a broken line ends it", |guest, manifest| {
        greet(guest, manifest)?;
        said(guest.send(b"{\"type\":\"describe\",\"id\"\n"))?;
        gives_up(guest)
    }),
    ("half a line and the end of its input end it", |guest, manifest| {
        greet(guest, manifest)?;
        said(guest.send(b"{\"type\":\"describe\",\"id\":1"))?;
        guest.hang_up();
        gives_up(guest)
    }),
];

/// What is tried with every tool of a skill that was greeted.
const TOOL_TRIALS: [(&str, ToolTrial); 3] = [
    ("a call has one end", |guest, tool| {
        call(guest, &tool.name, &arguments(tool))?;
        outcome(guest).map(drop)?;
        // An answer that came twice would come before this one.
        said(guest.say(|conversation, room| conversation.describe(room)))?;
        outcome(guest).map(drop)
    }),
    ("a parameter that it does not have is refused", |guest, tool| {
        call(guest, &tool.name, "{\"no_such_parameter\":1}")?;
        fails_with(guest, Code::Arguments)
    }),
    ("a cancelled call has one end", |guest, tool| {
        call(guest, &tool.name, &arguments(tool))?;
        said(guest.say(|conversation, room| conversation.cancel(room)))?;
        outcome(guest).map(drop)?;
        said(guest.say(|conversation, room| conversation.describe(room)))?;
        outcome(guest).map(drop)
    }),
];

fn greet(guest: &mut Guest, manifest: &Manifest) -> Result<(), String> {
    said(guest.say(|conversation, room| conversation.hello(room)))?;
    let line = heard(guest)?;
    match guest.conversation.take(&line).map_err(|fault| broken(&fault, &line))? {
        ToHost::Hello { name, .. } if name != Text::Plain(&manifest.name) => {
            Err(format!("it calls itself {name}, and its manifest {}", manifest.name))
        }
        ToHost::Hello { release, .. } if release != Text::Plain(&manifest.version) => {
            Err(format!("it is {release}, and in its manifest {}", manifest.version))
        }
        ToHost::Hello { .. } => Ok(()),
        ToHost::Error { message, .. } => Err(format!("it does not say hello: {message}")),
        _ => Err("it does not say hello".into()),
    }
}

pub(super) fn describes(guest: &mut Guest, manifest: &Manifest) -> Result<(), String> {
    greet(guest, manifest)?;
    said(guest.say(|conversation, room| conversation.describe(room)))?;
    let line = heard(guest)?;
    let list = match guest.conversation.take(&line).map_err(|fault| broken(&fault, &line))? {
        ToHost::Description { tools, .. } => tools,
        ToHost::Error { message, .. } => return Err(format!("it fails: {message}")),
        _ => return Err("it does not answer".into()),
    };
    describing::compare(list, manifest)
}

/// Calls a tool.
pub(super) fn call(guest: &mut Guest, tool: &str, arguments: &str) -> Result<(), String> {
    let arguments = Value::parse(arguments).unwrap_or(Value::EMPTY);
    said(guest.say(|conversation, room| conversation.call(tool, arguments, room)))
}

/// The end of what is under way: nothing, or the code of an error. What it asks for is denied.
fn outcome(guest: &mut Guest) -> Result<Option<Code>, String> {
    for _ in 0..MESSAGES_MAX {
        let line = heard(guest)?;
        let message = guest.conversation.take(&line).map_err(|fault| broken(&fault, &line))?;
        match message {
            ToHost::Result { .. } | ToHost::Description { .. } => return Ok(None),
            ToHost::Error { id: 0, message, .. } => return Err(format!("it gives up: {message}")),
            ToHost::Error { code, .. } => return Ok(Some(code)),
            ToHost::Progress { .. } | ToHost::Hello { .. } => {}
            ToHost::Request { .. } => {
                said(guest.say(|conversation, room| {
                    conversation.refuse(Code::Denied, "nothing is granted here", room)
                }))?;
            }
        }
    }
    Err(format!("it says {MESSAGES_MAX} things and comes to no end"))
}

fn fails_with(guest: &mut Guest, wanted: Code) -> Result<(), String> {
    match outcome(guest)? {
        Some(code) if code == wanted => Ok(()),
        Some(code) => Err(format!("it fails with `{}`, not with `{}`", code.word(), wanted.word())),
        None => Err(format!("it has a result, and should fail with `{}`", wanted.word())),
    }
}

/// It ends, with nothing said but an error that is about no message.
fn gives_up(guest: &mut Guest) -> Result<(), String> {
    for _ in 0..2 {
        match guest.line() {
            Err(Silence::Ended) => return Ok(()),
            Err(silence) => return Err(silent(silence)),
            Ok(line) => match ToHost::read(&line) {
                Ok(ToHost::Error { id: 0, code: Code::Protocol | Code::Version, .. }) => {
                    guest.hang_up();
                }
                Ok(_) => return Err("it answers all the same".into()),
                Err(fault) => return Err(broken(&fault, &line)),
            },
        }
    }
    Err("it says so more than once".into())
}

/// Arguments of the types that the tool names.
fn arguments(tool: &Tool) -> String {
    json::object(|out| {
        for parameter in tool.parameters.iter().filter(|parameter| !parameter.is_optional) {
            let name = parameter.name.as_str();
            match &parameter.kind {
                Kind::Text { .. } => out.field(name, "x"),
                Kind::Integer { min, max } => out.field(name, 1_i64.clamp(*min, *max)),
                Kind::Flag => out.field(name, true),
                Kind::Choice(words) => out.field(name, words.first().map_or("", String::as_str)),
                Kind::List { .. } => out.array(name, |_| {}),
                Kind::Handle => out.field(name, 1_i64),
            };
        }
    })
}

pub(super) fn heard(guest: &mut Guest) -> Result<Vec<u8>, String> {
    let task = guest.conversation.task();
    guest.line().map_err(|silence| match (silence, task) {
        (Silence::TimedOut, Some(Task::Call)) => "the call has no end in time".into(),
        (silence, _) => silent(silence),
    })
}

pub(super) fn said(sent: Result<(), Silence>) -> Result<(), String> {
    sent.map_err(silent)
}

fn silent(silence: Silence) -> String {
    match silence {
        Silence::Ended => ENDED.into(),
        Silence::TimedOut => "it says nothing in time, or does not end".into(),
        Silence::Broken(fault) => fault.to_string(),
        Silence::Failed(why) => why,
    }
}

pub(super) fn broken(fault: &sentinel_skill_abi::Fault, line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    let line: String = line.trim_end().chars().take(LINE_CHARACTERS_MAX).collect();
    format!("{fault}\n      it says  {line}")
}

/// How a reason begins that the end of the process explains.
const ENDED: &str = "it ended";

/// A name that no manifest can have.
const UNKNOWN_TOOL: &str = "No Such Tool";

/// Messages of one call that are listened to.
const MESSAGES_MAX: usize = 1000;

/// How much of a line is shown.
const LINE_CHARACTERS_MAX: usize = 160;

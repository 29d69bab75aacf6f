//! Skills: that they are talked with as on Linux, are given what a call was judged with, and that
//! those that do their worst are ended.

use std::vec;

use sentinel_core::skill::Folder as Told;
use sentinel_skill_abi::host::{Closed, Transport};
use sentinel_skill_abi::limits::LINE_BYTES_MAX;
use sentinel_skill_abi::{Failure, Fault, Handle, Host, String as Text, output, parameters, skill};

use super::*;
use crate::agent::Agent;
use crate::settings::{self, Abilities};
use crate::skills::shelf;

parameters! {
    /// What is done.
    struct Deed {
        /// It.
        deed: Text<64>,
    }
}

parameters! {
    /// A file.
    struct File {
        /// The file.
        file: Handle,
    }
}

output! {
    /// What came of it.
    struct Done {
        count: u64,
    }
}

fn act(deed: Deed, _: &mut Host<'_>) -> Result<Done, Failure> {
    match deed.deed.as_str() {
        "fail" => Err(Failure::new("it did not work")),
        deed => Ok(Done { count: deed.len() as u64 }),
    }
}

fn size(file: File, host: &mut Host<'_>) -> Result<Done, Failure> {
    let mut room = [0; 3];
    let mut count = 0;
    loop {
        let (length, is_last) = host.read(file.file, count, &mut room)?;
        count += length as u64;
        if is_last {
            return Ok(Done { count });
        }
    }
}

type Result<T, E = Error> = core::result::Result<T, E>;

skill!("tester", "1.0", {
    /// Does something.
    act(Deed);
    /// Says how long a file is.
    size(File);
});

const MANIFEST: &str = r#"
[skill]
name = "tester"
version = "1.0"
description = "Does things."
entry = "tester"
runtime = "process"

[tools.act]
description = "Does something."
effect = "read"

[tools.act.parameters.deed]
type = "text"
bytes = 64
description = "It."
payload = true

[tools.size]
description = "Says how long a file is."
effect = "read"

[tools.size.parameters.file]
type = "handle"
description = "The file."

[limits]
call_seconds = 5
"#;

/// A skill that is talked with. What it says follows from the lines that it was told and nothing
/// else, so each time all of it is said anew.
#[derive(Debug, Default)]
pub(super) struct Talk {
    pub(super) told: Vec<u8>,
    said: usize,
}

impl Talk {
    pub(super) fn progress(&mut self) -> Progress {
        let told = String::from_utf8_lossy(&self.told).into_owned();
        for (word, progress) in [
            ("\"deed\":\"die\"", Progress::Ended(3)),
            ("\"deed\":\"killed\"", Progress::Ended(-1)),
            ("\"deed\":\"garbage\"", Progress::Said(b"what?\n".to_vec())),
            ("\"deed\":\"half\"", Progress::Said(b"{\"type\":".to_vec())),
            ("\"deed\":\"flood\"", Progress::Said(vec![b'x'; 16 * 1024])),
            ("\"deed\":\"nothing\"", Progress::Said(Vec::new())),
            ("\"deed\":\"wait\"", Progress::Nothing),
        ] {
            if told.contains(word) {
                return progress;
            }
        }
        let (mut input, mut output) = (vec![0; LINE_BYTES_MAX], vec![0; LINE_BYTES_MAX]);
        let mut lines = Spoken { lines: told.lines().collect(), said: Vec::new() };
        lines.lines.reverse();
        SKILL.run(&mut lines, &mut input, &mut output).unwrap();
        let new = lines.said.split_off(self.said.min(lines.said.len()));
        self.said += new.len();
        if new.is_empty() { Progress::Nothing } else { Progress::Said(new) }
    }
}

struct Spoken<'l> {
    lines: Vec<&'l str>,
    said: Vec<u8>,
}

impl Transport for Spoken<'_> {
    fn send(&mut self, line: &[u8]) -> core::result::Result<(), Closed> {
        self.said.extend_from_slice(line);
        Ok(())
    }

    fn receive(&mut self, room: &mut [u8]) -> core::result::Result<Option<usize>, Fault> {
        let Some(line) = self.lines.pop() else { return Ok(None) };
        room[..line.len()].copy_from_slice(line.as_bytes());
        Ok(Some(line.len()))
    }
}

const SETTINGS: &str = "[skills]\ndirectories = [\"/skills\"]\n[security]\n\
                        grants = [\"read,list /workspace\", \"skill tester\"]";

fn folder(manifest: &str) -> Disk {
    Disk::with(&[("tester/skill.toml", manifest), ("tester/tester", "\u{7f}ELF and so on")])
}

fn typist(lines: &[&str]) -> Typist {
    Typist {
        programs: vec!["skills/tester/tester"],
        ..Typist::typing(lines).lending(&Disk::with(&[("tea.txt", "green\n")]))
    }
}

fn talk_of(state: &Disk, skills: &Disk, settings: &str, lines: &[&str]) -> Typist {
    let mut typist = typist(lines);
    let skills = Some(shelf::shelves(&mut typist, skills).unwrap());
    let abilities = Abilities { runs_programs: true, skills, ..Abilities::default() };
    let configured = settings::read(settings, &abilities).unwrap();
    Agent::start(&mut typist, state.clone(), &configured).unwrap().work().unwrap();
    typist
}

fn talk(lines: &[&str]) -> Typist {
    let lines: Vec<&str> = [&["/skill approve tester"], lines].concat();
    talk_of(&Disk::default(), &folder(MANIFEST), SETTINGS, &lines)
}

const SIZE: &str = "use tester__size {\"file\":\"tea.txt\"}";

fn act_line(deed: &str) -> String {
    std::format!("use tester__act {{\"deed\":\"{deed}\"}}")
}

#[test]
fn a_skill_is_called_when_it_was_approved_and_granted() {
    let typist = talk(&[&act_line("tea"), "/clear", &act_line("coffee")]);
    for expected in [
        "approved: tester",
        "\"tool\":\"tester__act\"",
        "allowed by: skill tester",
        "{\"count\":3}",
        "{\"count\":6}",
    ] {
        assert!(typist.shown.contains(expected), "{expected}:\n{}", typist.shown);
    }
    assert_eq!(typist.notes.borrow().len(), 2, "{:?}", typist.notes);
    // Without approval, and without a grant.
    let state = Disk::default();
    let typist = talk_of(&state, &folder(MANIFEST), SETTINGS, &["/skills", &act_line("tea")]);
    assert!(typist.shown.contains("tester  new"), "{}", typist.shown);
    assert!(typist.run.is_empty() && typist.notes.borrow().is_empty(), "{}", typist.shown);
    let settings = SETTINGS.replace(", \"skill tester\"", "");
    let lines = ["/skill approve tester", &act_line("tea")];
    let typist = talk_of(&Disk::default(), &folder(MANIFEST), &settings, &lines);
    assert!(typist.run.is_empty() && typist.notes.borrow().is_empty(), "{}", typist.shown);
}

#[test]
fn an_approval_is_of_these_bytes() {
    let state = Disk::default();
    let skills = folder(MANIFEST);
    talk_of(&state, &skills, SETTINGS, &["/skill approve tester"]);
    let typist = talk_of(&state, &skills, SETTINGS, &["/skills", &act_line("tea")]);
    assert!(typist.shown.contains("tester  approved"), "{}", typist.shown);
    assert!(typist.shown.contains("{\"count\":3}"), "{}", typist.shown);
    // Another program by the same manifest.
    skills.0.borrow_mut().now.insert("tester/tester".into(), b"\x7fELF and else".to_vec());
    let typist = talk_of(&state, &skills, SETTINGS, &["/skills", &act_line("tea")]);
    assert!(typist.shown.contains("tester  changed since it was approved"), "{}", typist.shown);
    assert!(typist.run.is_empty(), "{}", typist.shown);
}

#[test]
fn a_skill_reads_the_file_that_its_call_names_and_no_other() {
    let typist = talk(&[SIZE]);
    assert!(typist.shown.contains("{\"count\":6}"), "{}", typist.shown);
    assert!(typist.shown.contains("allowed by: skill tester; read,list /workspace"));
    // What is not granted is not read.
    let typist = talk(&["/revoke h0.0", SIZE]);
    assert!(typist.run.is_empty() && typist.held().is_empty(), "{}", typist.shown);
    // Lent for the call alone, and given back.
    let typist = talk(&["/revoke h0.0", "/grant read /workspace/tea.txt ask", SIZE, "/approve 1"]);
    assert!(typist.shown.contains("{\"count\":6}"), "{}", typist.shown);
    assert!(typist.shown.contains("its handle is taken back, 1 with what came of it"));
    assert!(typist.held().is_empty(), "{:?}", typist.held());
}

#[test]
fn one_that_does_its_worst_is_ended_and_the_agent_goes_on() {
    for (deed, why) in [
        ("die", "it ended with status 3"),
        ("killed", "the kernel ended it: "),
        ("garbage", "broke off: "),
        ("half", "it took longer than it may, and was ended"),
        ("flood", "broke off: "),
        ("nothing", "it took longer than it may, and was ended"),
        ("wait", "it took longer than it may, and was ended"),
    ] {
        let typist = talk(&[&act_line(deed), "/clear", &act_line("tea")]);
        assert!(typist.shown.contains(why), "{deed}: {}", typist.shown);
        assert_eq!(typist.ended[0], 0, "{deed}: {}", typist.shown);
        assert!(typist.shown.contains("* the skill tester was ended: "), "{}", typist.shown);
        assert!(typist.shown.contains("{\"count\":3}"), "{deed}: {}", typist.shown);
        // Twice in a row, and it rests.
        let again = [&*act_line(deed), "/clear", &act_line(deed), "/clear", &act_line("tea")];
        let typist = talk(&again);
        assert!(typist.shown.contains("broke off 2 times in a row"), "{deed}: {}", typist.shown);
        assert_eq!(typist.run.len(), 2, "{}", typist.shown);
    }
    // What it says itself is no breach.
    let typist = talk(&[&act_line("fail"), "/clear", &act_line("tea")]);
    assert!(typist.shown.contains("failed: it did not work"), "{}", typist.shown);
    assert!(typist.shown.contains("{\"count\":3}"), "{}", typist.shown);
    assert!(!typist.shown.contains("was ended"), "{}", typist.shown);
}

#[test]
fn what_cannot_be_used_here_says_why() {
    for (manifest, why) in [
        (MANIFEST.replace("\"tester\"\nruntime", "\"gone\"\nruntime"), "its entry 'gone'"),
        (MANIFEST.replace("\"process\"", "\"wasm\""), "boot.toml does not let bin/wasm be run"),
        (
            [MANIFEST, "[capabilities.required]\ngrants = [\"connect a.example\"]"].concat(),
            "no skill has a network on this machine",
        ),
        (MANIFEST.replace("[skill]", "[skil]"), "skil"),
    ] {
        let mut typist = typist(&[]);
        let folders = shelf::shelves(&mut typist, &folder(&manifest)).unwrap();
        let skills = Some(folders);
        let abilities = Abilities { runs_programs: true, skills, ..Abilities::default() };
        let said = settings::read(SETTINGS, &abilities).map(drop).unwrap_err().join("\n");
        assert!(said.contains("there is no such skill in the image"), "{said}");
        let settings = SETTINGS.replace(", \"skill tester\"", "");
        let lines = ["/skills", "/skill approve tester", "/grant skill tester"];
        let typist = talk_of(&Disk::default(), &folder(&manifest), &settings, &lines);
        assert!(typist.shown.contains("cannot be used"), "{}", typist.shown);
        assert!(typist.shown.contains(why), "{why}: {}", typist.shown);
        assert_eq!(typist.shown.matches("* not done: ").count(), 2, "{}", typist.shown);
    }
    for (settings, skills) in [
        (SETTINGS.replace("\"/skills\"", "\"/elsewhere\""), Some(Vec::new())),
        (SETTINGS.into(), None::<Vec<Told>>),
    ] {
        let abilities = Abilities { runs_programs: true, skills, ..Abilities::default() };
        assert!(settings::read(&settings, &abilities).is_err(), "{settings}");
    }
}

//! Skills on the appliance: which of the project's are in an image, and the check of them.
//!
//! # Invariants
//! - A skill of the project is in an image if the boot manifest names it, and else nothing of it.

use std::borrow::Cow;
use std::path::Path;

use super::appliance::{self, AGENT_PROFILE, DISK_BYTES, END, PROMPT, read};
use super::cases::{self, Case};
use super::connected::{self, make};
use super::converse::{Line, converse};
use super::qemu::Machine;
use super::{PROGRAM_TARGET, compile, compile_as, disk, target};
use crate::error::Error;
use crate::wasm;
use crate::workspace::Workspace;

/// Puts the skills of the project that a boot manifest names among the files of an image.
pub(super) fn take(
    workspace: &Workspace,
    manifest: &str,
    files: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), Error> {
    for Own { name, about, program } in OWN {
        if !manifest.contains(&format!("\"skills/{name}/")) {
            continue;
        }
        let about = read(workspace.root().join(about))?;
        files.push((format!("skills/{name}/skill.toml"), about));
        let folder =
            compile(workspace, PROGRAM_TARGET, &["-p", "luperiq-skills", "--bin", program])?;
        files.push((format!("skills/{name}/{program}"), read(folder.join(program))?));
    }
    // What interprets modules is as small as the agent.
    if manifest.contains("\"bin/wasm\"") {
        let wasm = ["-p", "luperiq-wasm", "--bin", "wasm"];
        let wasm = compile_as(workspace, AGENT_PROFILE, PROGRAM_TARGET, &wasm)?;
        files.push(("bin/wasm".into(), read(wasm.join("wasm"))?));
    }
    Ok(())
}

/// Talks with an agent that has skills: one that counts, and one that does its worst.
pub(super) fn run(workspace: &Workspace) -> Result<(), Error> {
    let folder = target(workspace).join("skilled");
    make(&folder)?;
    let image = workspace.root().join("sentinel-luperiq/userland/image");
    let from =
        |name: &str| read(image.join(name)).map(|it| String::from_utf8_lossy(&it).into_owned());
    let own = "skills/worst/worst-skill";
    let manifest = from("boot.toml")?
        .replace("programs = [", &format!("programs = [\"{own}\", "))
        .replace("requests = [", &format!("requests = [\"SPAWN:{own}\", "));
    connected::write(&folder.join("boot.toml"), &manifest)?;
    connected::write(&folder.join("sentinel.toml"), &from("sentinel.toml")?)?;
    let image = appliance::build(workspace, Some(&folder))?;
    let cases = [(COUNTED, COUNTING), (KNOWN, KNOWING), (ENDED, ENDING)];
    converse_all(workspace, &image, &cases)?;
    run_modules(workspace)
}

/// Talks with an agent whose skills are modules: the same word counter, and one that never ends.
fn run_modules(workspace: &Workspace) -> Result<(), Error> {
    let module = match wasm::module(workspace)? {
        Ok(module) => read(module)?,
        Err(why) => {
            println!("   skipped EL1  modules on the appliance: {why}");
            return Ok(());
        }
    };
    let folder = target(workspace).join("modules");
    for skill in ["skills/word-count", "skills/endless"] {
        make(&folder.join(skill))?;
    }
    let image = workspace.root().join("sentinel-luperiq/userland/image");
    let from = |path: &Path| read(path.into()).map(|it| String::from_utf8_lossy(&it).into_owned());
    // The module is the word counter of this image, not the program.
    let own = "skills/word-count/word-count\", ";
    let manifest = from(&image.join("boot.toml"))?
        .replace(&format!("programs = [\"{own}"), "programs = [")
        .replace("\"SPAWN:skills/word-count/word-count\",\n", "\n");
    connected::write(&folder.join("boot.toml"), &manifest)?;
    connected::write(&folder.join("sentinel.toml"), &from(&image.join("sentinel.toml"))?)?;
    let about = from(&workspace.root().join("examples/skills/word-count/module/skill.toml"))?;
    for (path, content) in [
        ("skills/word-count/skill.toml", about.as_bytes()),
        ("skills/word-count/word-count.wasm", &module),
        ("skills/endless/skill.toml", ENDLESS_ABOUT.as_bytes()),
        ("skills/endless/endless.wasm", ENDLESS),
    ] {
        appliance::write(&folder.join(path), content, false)?;
    }
    let image = appliance::build(workspace, Some(&folder))?;
    converse_all(workspace, &image, &[(MODULES, INTERPRETING)])
}

/// Boots once for each case, with one disk, and audits it each time.
fn converse_all(
    workspace: &Workspace,
    image: &Path,
    cases: &[(Case, &[Line<'_>])],
) -> Result<(), Error> {
    let disk = disk::blank(workspace, "skills.disk", DISK_BYTES)?;
    for (case, typed) in cases {
        // So that what waits for seconds is not waited for.
        let machine = Machine { disk: Some(&disk), pace: Some(0), ..Machine::new("") };
        let outcome = converse(workspace, image, &machine, typed)?;
        if let Some(what) = cases::difference(case, &outcome.output, outcome.status) {
            let output = outcome.output;
            return Err(Error::new(format!("the appliance: {}: {what}\n{output}", case.name)));
        }
        println!("   ok      {}{}", machine.name(), case.name);
        appliance::audit(workspace, &[disk.display().to_string()])?;
    }
    disk::remove(&disk)
}

/// A skill of the project: its folder in an image, its manifest, and the program that it is.
struct Own {
    name: &'static str,
    about: &'static str,
    program: &'static str,
}

const OWN: &[Own] = &[
    Own {
        name: "word-count",
        about: "examples/skills/word-count/skill/skill.toml",
        program: "word-count",
    },
    Own {
        name: "worst",
        about: "sentinel-luperiq/skills/worst/skill.toml",
        program: "worst-skill",
    },
];

const COUNTED: Case = Case {
    name: "a skill of the appliance is asked once it was approved and granted",
    arguments: Cow::Borrowed(""),
    expected: &[
        "word-count  new",
        "/skill approve word-count approves it",
        "I did not understand that",
        "count_file (reads)",
        "* approved: word-count",
        "word-count__count was not run: no grant covers it",
        "* granted: ",
        "word-count  approved",
        "allowed by: skill word-count",
        "the kernel notes 'call ",
        "\"words\":3",
        "allowed by: skill word-count; read,list /workspace",
        "\"characters\":23",
        "The log is signed: ",
        "init: agent ended with 0",
        cases::NOTHING_LEFT,
    ],
    forbidden: &["panic", "fault", "killed", "agent: ", "asked for", "was ended"],
    status: 0,
};

const COUNTING: &[Line<'_>] = &[
    Line { after: PROMPT, text: "/skills\r" },
    Line { after: PROMPT, text: COUNT },
    Line { after: PROMPT, text: "/skill word-count\r" },
    Line { after: PROMPT, text: "/skill approve word-count\r" },
    Line { after: PROMPT, text: COUNT },
    Line { after: PROMPT, text: "/grant skill word-count\r" },
    Line { after: PROMPT, text: "/skills\r" },
    Line { after: PROMPT, text: COUNT },
    Line { after: PROMPT, text: "/clear\r" },
    Line { after: PROMPT, text: "use word-count__count_file {\"file\":\"shopping.txt\"}\r" },
    END,
];

const COUNT: &str = "use word-count__count {\"text\":\"one two three\"}\r";

const KNOWN: Case = Case {
    name: "an approved skill of the appliance is known after a second start",
    arguments: Cow::Borrowed(""),
    expected: &[
        "The log is gone on with after ",
        "word-count  approved",
        "worst  new",
        "* approved: worst",
        "* granted: ",
        "\"deed\":\"reach\"",
        WELL,
        "\"words\":3",
        "* disabled: word-count",
        "I did not understand that",
        "The log is signed: ",
        "init: agent ended with 0",
        cases::NOTHING_LEFT,
    ],
    forbidden: &["panic", "fault", "killed", "agent: ", "asked for", "was ended"],
    status: 0,
};

const KNOWING: &[Line<'_>] = &[
    Line { after: PROMPT, text: "/skills\r" },
    Line { after: PROMPT, text: "/skill approve worst\r" },
    Line { after: PROMPT, text: "/grant skill worst\r" },
    Line { after: PROMPT, text: REACH },
    Line { after: PROMPT, text: "/clear\r" },
    Line { after: PROMPT, text: COUNT },
    Line { after: PROMPT, text: "/clear\r" },
    Line { after: PROMPT, text: "/skill disable word-count\r" },
    Line { after: PROMPT, text: COUNT },
    END,
];

const ENDED: Case = Case {
    name: "skills of the appliance that do their worst are ended, and the agent goes on",
    arguments: Cow::Borrowed(""),
    expected: &[
        "the skill worst broke off: it ended with status 3",
        WELL,
        "the skill worst broke off: ",
        WELL,
        "the skill worst broke off: ",
        WELL,
        "the skill worst broke off: it took longer than it may, and was ended",
        WELL,
        "the skill worst broke off: it took longer than it may, and was ended",
        WELL,
        "the skill worst broke off: it took longer than it may, and was ended",
        WELL,
        "the skill worst broke off: the kernel ended it",
        WELL,
        "{\"handles\":0,\"refused\":1,\"given\":0}",
        "Stopped.",
        "* revoked: 1 grants",
        "stopped: a grant it needs was revoked while it ran",
        "The log is signed: ",
        "init: agent ended with 0",
        cases::NOTHING_LEFT,
    ],
    forbidden: &["panic", "fault", "agent: ", "asked for", "in a row"],
    status: 0,
};

const ENDING: &[Line<'_>] = &[
    Line { after: PROMPT, text: "use worst__act {\"deed\":\"die\"}\r" },
    CLEAR,
    // One that does well is not one that breaks off again and again.
    DO_WELL,
    CLEAR,
    Line { after: PROMPT, text: "use worst__act {\"deed\":\"garbage\"}\r" },
    CLEAR,
    DO_WELL,
    CLEAR,
    Line { after: PROMPT, text: "use worst__act {\"deed\":\"flood\"}\r" },
    CLEAR,
    DO_WELL,
    CLEAR,
    Line { after: PROMPT, text: "use worst__act {\"deed\":\"wait\"}\r" },
    CLEAR,
    DO_WELL,
    CLEAR,
    Line { after: PROMPT, text: SPIN },
    CLEAR,
    DO_WELL,
    CLEAR,
    Line { after: PROMPT, text: "use worst__act {\"deed\":\"nothing\"}\r" },
    CLEAR,
    DO_WELL,
    CLEAR,
    Line { after: PROMPT, text: "use worst__act {\"deed\":\"misuse\"}\r" },
    CLEAR,
    DO_WELL,
    CLEAR,
    Line { after: PROMPT, text: "use worst__act {\"deed\":\"memory\"}\r" },
    CLEAR,
    Line { after: PROMPT, text: SPIN },
    Line { after: "kernel notes 'call", text: "/stop\r" },
    CLEAR,
    Line { after: PROMPT, text: SPIN },
    Line { after: "kernel notes 'call", text: "/revoke h10.0\r" },
    END,
];

const MODULES: Case = Case {
    name: "modules of the appliance are asked, and one that never ends is ended",
    arguments: Cow::Borrowed(""),
    expected: &[
        "endless  new",
        "word-count  new",
        "* approved: word-count",
        "* approved: endless",
        "allowed by: skill word-count",
        "\"words\":3",
        "allowed by: skill word-count; read,list /workspace",
        "\"characters\":23",
        "it gives up: it was ended after 1 million instructions for one thing it was asked",
        "\"words\":3",
        "The log is signed: ",
        "init: agent ended with 0",
        cases::NOTHING_LEFT,
    ],
    forbidden: &["panic", "fault", "killed", "agent: ", "asked for"],
    status: 0,
};

const INTERPRETING: &[Line<'_>] = &[
    Line { after: PROMPT, text: "/skills\r" },
    Line { after: PROMPT, text: "/skill approve word-count\r" },
    Line { after: PROMPT, text: "/skill approve endless\r" },
    Line { after: PROMPT, text: "/grant skill word-count\r" },
    Line { after: PROMPT, text: "/grant skill endless\r" },
    Line { after: PROMPT, text: COUNT },
    CLEAR,
    Line { after: PROMPT, text: "use word-count__count_file {\"file\":\"shopping.txt\"}\r" },
    CLEAR,
    Line { after: PROMPT, text: "use endless__go {}\r" },
    CLEAR,
    Line { after: PROMPT, text: COUNT },
    END,
];

/// A module whose `run` is a loop: `(loop (br 0)) (i32.const 0)`.
const ENDLESS: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x05\x01\x60\0\x01\x7f\
    \x03\x02\x01\0\
    \x05\x03\x01\0\x01\
    \x07\x10\x02\x03run\0\0\x06memory\x02\0\
    \x0a\x0b\x01\x09\0\x03\x40\x0c\0\x0b\x41\0\x0b";

const ENDLESS_ABOUT: &str = "[skill]
name = \"endless\"
version = \"1.0\"
description = \"Goes on for ever.\"
entry = \"endless.wasm\"
runtime = \"wasm\"

[tools.go]
description = \"Goes.\"
effect = \"read\"

[limits]
fuel_millions = 1
";

const CLEAR: Line<'_> = Line { after: PROMPT, text: "/clear\r" };

const DO_WELL: Line<'_> = Line { after: PROMPT, text: REACH };

const REACH: &str = "use worst__act {\"deed\":\"reach\"}\r";

/// It was given nothing, and got nothing of what it asked for.
const WELL: &str = "{\"handles\":0,\"refused\":6,\"given\":0}";

const SPIN: &str = "use worst__act {\"deed\":\"spin\"}\r";

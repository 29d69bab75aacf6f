//! Tools on real files, and everything that tries to lead them elsewhere.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, FileType, Mode, RenameFlags, mknodat, renameat_with};
use sentinel_core::agent::{CallNumber, Settings};
use sentinel_core::llm::ToolUse;

use super::*;

/// A directory that is gone when the test is.
struct Place {
    path: PathBuf,
}

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sentinel-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("work/docs")).unwrap();
        fs::create_dir_all(path.join("outside")).unwrap();
        fs::write(path.join("work/README.md"), "# A house\nIt has a door.\n").unwrap();
        fs::write(path.join("work/docs/guide.md"), "Go in.\n").unwrap();
        fs::write(path.join("outside/secret"), "the secret").unwrap();
        Self { path }
    }

    fn tools(&self) -> Tools {
        let mut settings = Settings::nothing();
        settings.workspace = self.work("").trim_end_matches('/').to_string();
        Tools::new(&settings, settings.grants.iter()).unwrap()
    }

    fn work(&self, name: &str) -> String {
        self.path.join("work").join(name).to_str().unwrap().to_string()
    }

    fn outside(&self, name: &str) -> PathBuf {
        self.path.join("outside").join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Runs a call to its end.
fn run(tools: &mut Tools, name: &str, arguments: &str) -> ToolOutput {
    let builtin = sentinel_core::tool::Tools::builtin();
    let wanted = ToolUse { id: "1".into(), name: name.into(), arguments: arguments.into() };
    let (_, call) = builtin.read(&wanted).unwrap();
    let number = CallNumber(1);
    if let Some(output) = tools.run(number, &call) {
        return output;
    }
    loop {
        if let Some((_, output)) = tools.step().pop() {
            return output;
        }
    }
}

fn done(tools: &mut Tools, name: &str, arguments: &str) -> String {
    let output = run(tools, name, arguments);
    assert!(!output.is_error, "{}", output.content);
    output.content
}

fn refused(tools: &mut Tools, name: &str, arguments: &str) -> String {
    let output = run(tools, name, arguments);
    assert!(output.is_error, "{}", output.content);
    output.content
}

#[test]
fn files_are_listed_read_written_and_edited() {
    let place = Place::new("files");
    let mut tools = place.tools();
    let listed = done(&mut tools, "list_directory", r#"{"path":"."}"#);
    assert_eq!(listed, "README.md (25 bytes)\ndocs/");
    let read = done(&mut tools, "read_file", r#"{"path":"README.md","offset":2}"#);
    assert_eq!(read, "It has a door.");
    let text = r#"{"path":"notes/today/one.md","content":"first\n"}"#;
    assert_eq!(done(&mut tools, "write_file", text), "created, 6 bytes");
    let text = r#"{"path":"notes/today/one.md","content":"second"}"#;
    assert_eq!(done(&mut tools, "write_file", text), "replaced, 6 bytes");
    let edit = r#"{"path":"README.md","old":"a door","new":"two doors"}"#;
    assert_eq!(done(&mut tools, "edit_file", edit), "replaced");
    let read = fs::read_to_string(place.work("README.md")).unwrap();
    assert_eq!(read, "# A house\nIt has two doors.\n");
    let left: Vec<_> = fs::read_dir(place.work("notes/today")).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing is left beside it");
}

#[test]
fn a_file_that_is_replaced_keeps_its_mode() {
    let place = Place::new("mode");
    let script = place.work("run.sh");
    fs::write(&script, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o750)).unwrap();
    done(&mut place.tools(), "write_file", r##"{"path":"run.sh","content":"#!/bin/sh\ntrue\n"}"##);
    assert_eq!(fs::metadata(&script).unwrap().permissions().mode() & 0o777, 0o750);
}

#[test]
fn errors_say_what_to_do() {
    let place = Place::new("errors");
    let mut tools = place.tools();
    fs::write(place.work("picture"), b"\x89PNG\0\0").unwrap();
    let mode = Mode::from_raw_mode(0o600);
    mknodat(CWD, place.work("pipe").as_str(), FileType::Fifo, mode, 0).unwrap();
    for (name, arguments, why) in [
        ("read_file", r#"{"path":"missing"}"#, "there is no such file"),
        ("read_file", r#"{"path":"docs"}"#, "list it instead"),
        ("read_file", r#"{"path":"picture"}"#, "it is no text: 6 bytes"),
        ("read_file", r#"{"path":"pipe"}"#, "no plain file"),
        ("list_directory", r#"{"path":"README.md"}"#, "no directory"),
        ("write_file", r#"{"path":"docs","content":"x"}"#, "no plain file"),
        ("write_file", r#"{"path":"README.md/x","content":"x"}"#, "no directory"),
        ("edit_file", r#"{"path":"README.md","old":"nowhere","new":"x"}"#, "does not stand"),
        ("search_files", r#"{"directory":"missing","text":"x"}"#, "there is no such file"),
    ] {
        let said = refused(&mut tools, name, arguments);
        assert!(said.contains(why), "{name} {arguments}: {said}");
    }
}

#[test]
fn no_link_leads_anywhere() {
    let place = Place::new("links");
    let mut tools = place.tools();
    symlink(place.outside("secret"), place.work("link")).unwrap();
    symlink(place.outside(""), place.work("way")).unwrap();
    symlink(place.outside("new"), place.work("dangling")).unwrap();
    symlink("/proc/self/root", place.work("magic")).unwrap();
    for (name, arguments) in [
        ("read_file", r#"{"path":"link"}"#),
        ("read_file", r#"{"path":"way/secret"}"#),
        ("read_file", r#"{"path":"magic/etc/passwd"}"#),
        ("write_file", r#"{"path":"link","content":"x"}"#),
        ("write_file", r#"{"path":"dangling","content":"x"}"#),
        ("write_file", r#"{"path":"way/new","content":"x"}"#),
        ("edit_file", r#"{"path":"link","old":"secret","new":"x"}"#),
        ("list_directory", r#"{"path":"way"}"#),
        ("search_files", r#"{"directory":"way","text":"secret"}"#),
    ] {
        let said = refused(&mut tools, name, arguments);
        assert!(said.contains("link") || said.contains("directory"), "{name} {arguments}: {said}");
    }
    assert_eq!(fs::read_to_string(place.outside("secret")).unwrap(), "the secret");
    assert!(!place.outside("new").exists());
    let found = done(&mut tools, "search_files", r#"{"directory":".","text":"secret"}"#);
    assert_eq!(found, "[nothing was found]");
}

/// The directory is swapped for a link while files in it are read and written.
#[test]
fn a_directory_that_is_swapped_meanwhile_leads_nowhere() {
    let place = Place::new("race");
    fs::create_dir(place.work("there")).unwrap();
    fs::write(place.work("there/secret"), "harmless").unwrap();
    let (real, link) = (place.work("there"), place.work("link"));
    symlink(place.outside(""), &link).unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let swapper = {
        let is_over = is_over.clone();
        std::thread::spawn(move || {
            let mut rounds = 0;
            while !is_over.load(Ordering::Relaxed) {
                let (from, to) = (real.as_str(), link.as_str());
                renameat_with(CWD, from, CWD, to, RenameFlags::EXCHANGE).unwrap();
                rounds += 1;
            }
            rounds
        })
    };
    let mut tools = place.tools();
    let mut read_count = 0;
    for round in 0..20_000 {
        let output = run(&mut tools, "read_file", r#"{"path":"there/secret"}"#);
        assert!(!output.content.contains("the secret"), "round {round}");
        read_count += u32::from(output.content == "harmless");
        let arguments = r#"{"path":"there/secret","content":"harmless"}"#;
        if round % 10 == 0 {
            run(&mut tools, "write_file", arguments);
        }
    }
    is_over.store(true, Ordering::Relaxed);
    assert!(swapper.join().unwrap() > 0 && read_count > 0);
    assert_eq!(fs::read_to_string(place.outside("secret")).unwrap(), "the secret");
    assert_eq!(fs::read_dir(place.outside("")).unwrap().count(), 1, "nothing was written there");
}

#[test]
fn a_search_finds_texts_and_names() {
    let place = Place::new("search");
    let mut tools = place.tools();
    fs::create_dir_all(place.work("src/deep/er")).unwrap();
    fs::write(place.work("src/main.rs"), "fn main() {\n    door();\n}\n").unwrap();
    fs::write(place.work("src/deep/er/door.rs"), "fn door() {}\n").unwrap();
    fs::write(place.work("src/binary"), b"door\0").unwrap();
    let found = done(&mut tools, "search_files", r#"{"directory":".","text":"door"}"#);
    let expected = "README.md:2: It has a door.\nsrc/deep/er/door.rs:1: fn door() {}\n\
                    src/main.rs:2:     door();";
    assert_eq!(found, expected);
    let found = done(&mut tools, "search_files", r#"{"directory":"src","glob":"*.rs"}"#);
    assert_eq!(found, "deep/er/door.rs\nmain.rs");
    let both = r#"{"directory":".","glob":"src/*.rs","text":"door"}"#;
    assert_eq!(done(&mut tools, "search_files", both), "src/main.rs:2:     door();");
}

#[test]
fn a_search_that_is_cancelled_is_forgotten() {
    let place = Place::new("cancel");
    let mut tools = place.tools();
    let builtin = sentinel_core::tool::Tools::builtin();
    let arguments = r#"{"directory":".","text":"door"}"#.into();
    let wanted = ToolUse { id: "1".into(), name: "search_files".into(), arguments };
    let (_, call) = builtin.read(&wanted).unwrap();
    assert!(tools.run(CallNumber(1), &call).is_none() && tools.is_at_work());
    tools.cancel(CallNumber(1));
    assert!(!tools.is_at_work() && tools.step().is_empty());
}

/// What is forbidden under one name is forbidden under all: a link above a granted directory is no
/// way around.
#[test]
fn what_is_forbidden_is_not_reached_by_another_name() {
    let place = Place::new("names");
    let link = place.path.join("link");
    symlink(place.work(""), &link).unwrap();
    fs::create_dir(place.work("docs/keys")).unwrap();
    fs::write(place.work("docs/keys/key"), "the key").unwrap();
    let mut settings = Settings::nothing();
    settings.workspace = link.to_str().unwrap().to_string();
    let denied = format!("deny read,write,list {}", place.work("docs/keys"));
    settings.grants.push(denied.parse().unwrap());
    let mut tools = Tools::new(&settings, settings.grants.iter()).unwrap();
    assert!(done(&mut tools, "read_file", r#"{"path":"docs/guide.md"}"#).contains("Go in."));
    for (name, arguments) in [
        ("read_file", r#"{"path":"docs/keys/key"}"#),
        ("write_file", r#"{"path":"docs/keys/key","content":"x"}"#),
        ("edit_file", r#"{"path":"docs/keys/key","old":"the","new":"a"}"#),
        ("list_directory", r#"{"path":"docs/keys"}"#),
        ("search_files", r#"{"directory":"docs/keys","text":"key"}"#),
        ("search_files", r#"{"directory":"docs","text":"key"}"#),
    ] {
        let said = refused(&mut tools, name, arguments);
        assert!(said.contains("the operator forbids"), "{name} {arguments}: {said}");
    }
    assert_eq!(fs::read_to_string(place.work("docs/keys/key")).unwrap(), "the key");
}

/// Where everything is granted, what the kernel shows of processes still is none of it.
#[test]
fn processes_are_no_files() {
    let mut settings = Settings::nothing();
    settings.workspace = "/".to_string();
    let mut tools = Tools::new(&settings, settings.grants.iter()).unwrap();
    let directory = format!("/proc/{}", std::process::id());
    let path = |name: &str| format!(r#"{{"path":"{directory}/{name}"}}"#);
    for name in ["environ", "cmdline", "status"] {
        let said = refused(&mut tools, "read_file", &path(name));
        assert!(said.contains("view of the kernel's"), "{said}");
    }
    let wish = format!(r#"{{"directory":"{directory}/fdinfo","text":"pos"}}"#);
    let found = done(&mut tools, "search_files", &wish);
    assert!(found.starts_with("[nothing was found]"), "{found}");
}

#[test]
fn a_directory_of_very_many_files_is_cut() {
    let place = Place::new("many");
    let mut tools = place.tools();
    for index in 0..50_010 {
        fs::File::create(place.work(&format!("docs/{index:05}"))).unwrap();
    }
    let listed = done(&mut tools, "list_directory", r#"{"path":"docs"}"#);
    assert!(listed.ends_with("[and 48000 more at least]"), "{}", &listed[listed.len() - 100..]);
    let found = done(&mut tools, "search_files", r#"{"directory":"docs","text":"zzz"}"#);
    assert!(found.contains("[there is more:"), "{found}");
}

//! Tools on files.

use sentinel_core::agent::ToolOutput;
use sentinel_core::llm::ToolUse;

use super::*;
use crate::tools;

/// Makes a call of a built-in tool.
fn run(disk: &mut Disk, name: &str, arguments: &str) -> ToolOutput {
    let wanted = ToolUse { id: "1".into(), name: name.into(), arguments: arguments.into() };
    let (_, call) =
        sentinel_core::tool::Tools::builtin().read(&wanted).map(|(_, it)| ((), it)).unwrap();
    tools::run(disk, "/workspace", &call)
}

fn place() -> Disk {
    let files = [("README.md", "# A house\nIt has a door.\n"), ("docs/guide.md", "Go in.\n")];
    Disk::with(&files)
}

#[test]
fn files_are_listed_read_written_edited_and_searched() {
    let mut disk = place();
    for (name, arguments, expected) in [
        ("list_directory", r#"{"path":"."}"#, "README.md (25 bytes)\ndocs/"),
        ("list_directory", r#"{"path":"/workspace/docs"}"#, "guide.md (7 bytes)"),
        ("read_file", r#"{"path":"README.md","offset":2}"#, "It has a door."),
        ("read_file", r#"{"path":"/workspace/docs/guide.md"}"#, "Go in."),
        ("search_files", r#"{"directory":".","text":"door"}"#, "README.md:2: It has a door."),
        ("search_files", r#"{"directory":".","glob":"*.md"}"#, "README.md\ndocs/guide.md"),
        ("search_files", r#"{"directory":"docs","text":"zzz"}"#, "[nothing was found]"),
        ("write_file", r#"{"path":"a/b.txt","content":"first one"}"#, "created, 9 bytes"),
        ("write_file", r#"{"path":"a/b.txt","content":"second"}"#, "replaced, 6 bytes"),
        ("read_file", r#"{"path":"a/b.txt"}"#, "second"),
        ("write_file", r#"{"path":"a/b.txt","content":"the third"}"#, "replaced, 9 bytes"),
        ("edit_file", r#"{"path":"a/b.txt","old":"third","new":"4th"}"#, "replaced"),
        ("read_file", r#"{"path":"a/b.txt"}"#, "the 4th"),
    ] {
        let output = run(&mut disk, name, arguments);
        assert_eq!((output.content.as_str(), output.is_error), (expected, false), "{arguments}");
    }
    disk.restart();
    assert_eq!(disk.text("a/b.txt"), "the 4th", "what was said to be written is safe");
}

#[test]
fn errors_say_what_to_do() {
    let mut disk = place();
    disk.0.borrow_mut().now.insert("picture".into(), b"\x89PNG\0\0".to_vec());
    for (name, arguments, why) in [
        ("read_file", r#"{"path":"missing"}"#, "there is no such file"),
        ("read_file", r#"{"path":"docs"}"#, "list it instead"),
        ("read_file", r#"{"path":"picture"}"#, "it is no text: 6 bytes"),
        ("read_file", r#"{"path":"/etc/passwd"}"#, "this machine has no such place"),
        ("read_file", r#"{"path":"/workspaces"}"#, "this machine has no such place"),
        ("list_directory", r#"{"path":"README.md"}"#, "it is no directory"),
        ("list_directory", r#"{"path":"nowhere"}"#, "there is no such directory"),
        ("search_files", r#"{"directory":"nowhere","text":"x"}"#, "there is no such directory"),
        ("write_file", r#"{"path":"docs","content":"x"}"#, "it is a directory"),
        ("write_file", r#"{"path":".","content":"x"}"#, "it is a directory"),
        ("write_file", r#"{"path":"README.md/x","content":"x"}"#, "a part of it is a file"),
        ("edit_file", r#"{"path":"README.md","old":"nowhere","new":"x"}"#, "does not stand"),
        ("http_fetch", r#"{"url":"https://a.example/"}"#, "it is not done here"),
    ] {
        let output = run(&mut disk, name, arguments);
        assert!(output.is_error && output.content.contains(why), "{arguments}: {}", output.content);
    }
    assert_eq!(disk.text("README.md"), "# A house\nIt has a door.\n");
}

//! Changing a person's configuration without touching what they wrote around it.
//!
//! Run with `cargo run -p sentinel-examples --bin edit-config`, or with `FILE KEY VALUE` after `--`
//! to see what setting a key of a file of yours would give; the file itself is not written.

use std::error::Error;

use sentinel_core::text::Position;
use sentinel_core::text::toml::{Document, Editor};

const CONFIG: &str = "\
# My agent. Ask before changing anything here!
name = \"ada\"        # the short one

[telegram]
allowed_users = [ 4711, ]   # me
# allowed_users = [ 4711, 4712 ]
";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [file, key, value] = arguments.as_slice() {
        let mut editor = Editor::new(std::fs::read_to_string(file)?)?;
        let path: Vec<&str> = key.split('.').collect();
        editor.set(&path, value.as_str())?;
        print!("{}", editor.text());
        return Ok(());
    }

    println!("-- before\n{CONFIG}");
    let mut editor = Editor::new(CONFIG)?;
    editor.set(&["name"], "grace")?;
    editor.add(&["telegram", "allowed_users"], 4712)?;
    editor.set(&["models", "default"], "offline")?;
    println!("-- after\n{}", editor.text());

    println!("-- a mistake, and where it is");
    let broken = "[telegram]\nallowed_users = [4711]\nallowed_users = [4712]\n";
    match Document::parse(broken.as_bytes()) {
        Ok(_) => return Err("a key stands twice and nobody noticed".into()),
        Err(error) => println!("sentinel.toml:{error}"),
    }
    let document = Document::parse_str(CONFIG)?;
    let users = document.table().get("telegram").and_then(|table| table.get("allowed_users"));
    let users = users.ok_or("telegram.allowed_users is missing")?;
    let place = Position::locate(CONFIG.as_bytes(), users.span().start);
    println!("sentinel.toml:{place}: telegram.allowed_users is of type {}", users.type_name());
    Ok(())
}

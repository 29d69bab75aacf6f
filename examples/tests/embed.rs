//! The embedding example as its user runs it: with the offline model, twice, and its log verified.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

type Outcome = Result<(), Box<dyn Error>>;

fn chat(directory: &Path, lines: &str) -> Result<String, Box<dyn Error>> {
    let mut host = Command::new(env!("CARGO_BIN_EXE_embed"))
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    host.stdin.take().ok_or("no stdin")?.write_all(lines.as_bytes())?;
    let output = host.wait_with_output()?;
    assert!(output.status.success());
    Ok(String::from_utf8(output.stdout)?)
}

#[test]
fn a_chat_is_held_remembered_and_on_record() -> Outcome {
    let directory = std::env::temp_dir().join(format!("sentinel-embed-{}", std::process::id()));
    std::fs::create_dir_all(directory.join("docs"))?;
    std::fs::write(directory.join("docs/a.md"), "words")?;
    std::fs::write(directory.join("README.md"), "It is a house.")?;

    let said = chat(&directory, "hello\nlist the files in docs\nread README.md\n")?;
    assert!(said.contains("offline model"), "{said}");
    assert!(said.contains("a.md") && said.contains("It is a house."), "{said}");

    // It goes on where it was, and its own secrets are not for the model.
    let said = chat(&directory, "/status\nread .sentinel-embed/master\nread /etc/passwd\n")?;
    assert!(said.contains("Remembered: 10 messages"), "{said}");
    assert!(said.contains("a rule of the operator forbids it"), "{said}");
    assert!(said.contains("no grant covers it"), "{said}");

    let log = std::fs::read(directory.join(".sentinel-embed/log.0"))?;
    let mut verifier = sentinel_core::journal::Verifier::new(Default::default());
    verifier.push(&log);
    assert_eq!(verifier.finish().verdict, sentinel_core::journal::Verdict::Ok);
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

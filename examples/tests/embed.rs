//! The smallest host, as its user runs it: with the offline model, its log verified; with a model
//! behind an endpoint; and with one that is not there.

mod support;

use sentinel_core::journal::Verdict;

use support::{Outcome, ask_an_endpoint, chat, directory, verdict};

const PROGRAM: &str = env!("CARGO_BIN_EXE_embed");

#[test]
fn a_chat_is_held_and_on_record() -> Outcome {
    let directory = directory("embed")?;
    std::os::unix::fs::symlink("/etc/passwd", directory.join("docs/link"))?;
    let lines = "hello\nlist the files in docs\nread README.md\nread docs/link\nread /etc/passwd\n";
    let said = chat(PROGRAM, &[], &directory, lines)?;
    assert!(said.contains("offline model"), "{said}");
    assert!(said.contains("a.md") && said.contains("It is a house."), "{said}");
    assert!(said.contains("links are not followed"), "{said}");
    assert!(said.contains("no grant covers it"), "{said}");
    assert_eq!(verdict(&directory.join("embed.log"))?, Verdict::Ok);
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

#[test]
fn a_model_behind_an_endpoint_calls_a_tool_and_answers() -> Outcome {
    ask_an_endpoint(PROGRAM, "embed-endpoint")
}

/// It is tried again a few times, and then the person is told.
#[test]
fn a_model_that_is_not_there_is_said_to_be_missing() -> Outcome {
    let directory = directory("embed-nobody")?;
    let unused = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let said = chat(PROGRAM, &[&format!("http://{unused}/v1"), "some-model"], &directory, "hi\n")?;
    assert!(said.contains("I have no answer"), "{said}");
    assert_eq!(verdict(&directory.join("embed.log"))?, Verdict::Ok);
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

/// The number that the documents give.
#[test]
fn it_has_fewer_than_150_lines() {
    assert!(include_str!("../embed.rs").lines().count() < 150);
}

//! The host that lives on, as its user runs it: twice, with its log verified; and with a model
//! behind an endpoint.

mod support;

use sentinel_core::journal::Verdict;

use support::{Outcome, ask_an_endpoint, chat, directory, verdict};

const PROGRAM: &str = env!("CARGO_BIN_EXE_resident");

#[test]
fn a_chat_is_held_remembered_and_on_record() -> Outcome {
    let directory = directory("resident")?;
    let said = chat(PROGRAM, &[], &directory, "hello\nlist the files in docs\nread README.md\n")?;
    assert!(said.contains("offline model"), "{said}");
    assert!(said.contains("a.md") && said.contains("It is a house."), "{said}");

    // It goes on where it was, and its own secrets are not for the model.
    let lines = "/status\nread .sentinel-resident/master\nread /etc/passwd\n";
    let said = chat(PROGRAM, &[], &directory, lines)?;
    assert!(said.contains("Remembered: 10 messages"), "{said}");
    assert!(said.contains("a rule of the operator forbids it"), "{said}");
    assert!(said.contains("no grant covers it"), "{said}");

    assert_eq!(verdict(&directory.join(".sentinel-resident/log.0"))?, Verdict::Ok);
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

#[test]
fn a_model_behind_an_endpoint_calls_a_tool_and_answers() -> Outcome {
    ask_an_endpoint(PROGRAM, "resident-endpoint")
}

//! The judge before somebody else's loop, as its user runs it: each call with what becomes of it.

use std::process::Command;

#[test]
fn every_call_gets_the_answer_that_its_origin_deserves() -> Result<(), Box<dyn std::error::Error>> {
    let output = Command::new(env!("CARGO_BIN_EXE_guard")).output()?;
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout)?;
    // Each call, and the first line of what is said to it.
    let mut lines = text.lines();
    let mut answers = Vec::new();
    while let Some(line) = lines.next() {
        if let Some(call) = line.strip_prefix("model: ") {
            let answer = lines.next().unwrap_or_default().trim();
            answers.push((call, answer.split(':').next().unwrap_or_default(), answer));
        }
    }
    let told: Vec<_> = answers.iter().map(|(call, answer, _)| (*call, *answer)).collect();
    assert_eq!(
        told,
        [
            (r#"read_file {"path": "notes.txt"}"#, "allowed; the loop runs it now"),
            (r#"send_mail {"to": "ada@example.com", "body": "Buy milk."}"#, "ask the person"),
            (r#"send_mail {"to": "eve@evil.example", "body": "Buy milk."}"#, "ask the person"),
            (r#"read_file {"path": "/srv/agent/keys/mail.pem"}"#, "denied"),
            (r#"delete_file {"path": "notes.txt"}"#, "denied"),
            (
                r#"send_mail {"to": "ada@example.com", "body": "Buy milk, again."}"#,
                "ask the person"
            ),
            (r#"read_file {"path": "notes.txt"}"#, "allowed; the loop runs it now"),
            (r#"read_file {"path": "notes.txt"}"#, "stopped"),
        ]
    );
    // The two mails are asked about for different reasons: whose words, and whose address.
    assert!(answers[1].2.contains("(rule 7)"), "{}", answers[1].2);
    assert!(answers[2].2.contains("(rule 5)"), "{}", answers[2].2);
    assert!(answers[7].2.contains("the limit of a conversation"), "{}", answers[7].2);
    // What a call took is known when it is over: the warning stands behind what it gave back.
    let given_back = text.find("read_file gives back").unwrap_or(usize::MAX);
    let warning = text.find("warning: 50 % of the limit").unwrap_or_default();
    assert!(given_back < warning, "{text}");
    Ok(())
}

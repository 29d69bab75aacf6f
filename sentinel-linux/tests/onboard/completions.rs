//! Goal: shells complete what there is. Method: bash itself, with a line typed so far.

use std::process::Command;

use crate::home::{Home, text};

/// What bash offers for the last word of a line.
fn offered(script: &str, line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let typed = format!(
        "{script}\nCOMP_WORDS=({})\nCOMP_CWORD={}\n_sentinel\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        quoted.join(" "),
        words.len() - 1
    );
    let output = Command::new("bash").args(["--norc", "-c", &typed]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    said.lines().filter(|line| !line.is_empty()).map(String::from).collect()
}

#[test]
fn bash_completes_commands_options_and_values() {
    let home = Home::new("complete");
    let output = home.sentinel(&["completions", "bash"]).output().unwrap();
    let script = text(&output.stdout);
    assert_eq!(offered(&script, "sentinel doc"), ["doctor"]);
    assert_eq!(offered(&script, "sentinel conf"), ["config"]);
    assert_eq!(offered(&script, "sentinel config "), ["check", "show", "schema"]);
    assert_eq!(offered(&script, "sentinel config s"), ["show", "schema"]);
    assert_eq!(offered(&script, "sentinel service i"), ["install"]);
    assert_eq!(offered(&script, "sentinel service install --pr"), ["--print"]);
    assert_eq!(offered(&script, "sentinel completions "), ["bash", "zsh", "fish"]);
    assert_eq!(offered(&script, "sentinel doctor --of"), ["--offline"]);
    assert!(offered(&script, "sentinel chat --o").is_empty());
    assert_eq!(offered(&script, "sentinel --state /x chat --mes"), ["--message"]);
    assert_eq!(offered(&script, "sentinel --state /usr/shar"), ["/usr/share"]);
    home.configure("");
    let file = home.file().display().to_string();
    let typed = format!("sentinel --config {}", file.trim_end_matches("toml"));
    assert_eq!(offered(&script, &typed), [file]);
    assert!(offered(&script, "sentinel chat -m c").is_empty(), "a message is a person's own");
    assert!(offered(&script, "sentinel chat ").is_empty());
}

#[test]
fn another_shell_is_not_guessed() {
    let home = Home::new("complete-not");
    let output = home.sentinel(&["completions", "csh"]).output().unwrap();
    assert!(!output.status.success() && text(&output.stderr).contains("bash, zsh or fish"));
    for shell in ["zsh", "fish"] {
        let output = home.sentinel(&["completions", shell]).output().unwrap();
        assert!(output.status.success() && text(&output.stdout).contains("sentinel"));
    }
}

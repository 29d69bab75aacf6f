//! Goal: from nothing to a file that starts, without a secret in it. Method: answers in a pipe, on
//! a terminal, and none at all.

use std::fs;

use crate::home::{Home, mode, said, text, typed};
use crate::server::{KEY, TOKEN};

#[test]
fn a_person_answers_and_the_agent_starts() {
    let home = Home::new("init");
    let mut command = home.sentinel(&["init"]);
    home.with_ollama(&mut command);
    command.env("ANTHROPIC_API_KEY", KEY).env("TELEGRAM_BOT_TOKEN", TOKEN);
    // The second service, its second model, no others; yes, a wrong id, two good ones, nobody
    // else, no codes; a directory that is not there, made; it may ask; write it.
    let lines = "2\n2\nno\ny\n@ada\n77, 78\n\nn\n~/notes\ny\n\ny\n";
    let output = typed(command, lines);
    let said = said(&output);
    for words in [
        "anthropic: the key in ANTHROPIC_API_KEY is good, 2 models",
        "ollama: it answers at http://127.0.0.1",
        "telegram: the token in TELEGRAM_BOT_TOKEN is good, of @sbot",
        "  1  qwen3:8b",
        "Talk with people on Telegram as @sbot? [yes]",
        "is no id",
        "There is no ",
        "Written: ",
    ] {
        assert!(said.contains(words), "{words} is not in {said}");
    }
    let file = fs::read_to_string(home.file()).unwrap();
    for line in [
        "model = \"ollama\"",
        "[models.ollama]",
        "model = \"gemma3:4b\"",
        "operators = [\"77\", \"78\"]",
        "token_env = \"TELEGRAM_BOT_TOKEN\"",
    ] {
        assert!(file.lines().any(|other| other == line), "{line} is not in {file}");
    }
    assert!(!file.contains("[anthropic]"), "{file}");
    assert_eq!(mode(&home.file()), 0o600);
    assert_eq!(mode(home.file().parent().unwrap()), 0o700);
    assert_eq!(mode(&home.path.join("notes")), 0o700);
    for secret in [KEY, TOKEN] {
        assert!(!file.contains(secret) && !said.contains(secret), "a secret was shown");
    }
    let check = home.sentinel(&["config", "check"]).env("TELEGRAM_BOT_TOKEN", TOKEN).output();
    assert!(text(&check.unwrap().stdout).contains("Configured by"));
}

#[test]
fn without_questions_it_grants_little_and_leaves_other_files_alone() {
    let home = Home::new("init-yes");
    let output = home.sentinel(&["init", "--yes"]).output().unwrap();
    assert!(said(&output).contains("no model on this machine"));
    let work = home.path.join("work").display().to_string();
    let first = fs::read_to_string(home.file()).unwrap();
    let grants = format!(r#"grants = ["read,list {work}", "write {work} ask"]"#);
    assert!(first.contains(&grants), "{first}");
    let answer = home.sentinel(&["chat", "-m", "list the files here"]).output().unwrap();
    assert!(answer.status.success(), "{}", text(&answer.stderr));
    let again = home.sentinel(&["init", "--yes"]).output().unwrap();
    assert!(!again.status.success() && text(&again.stderr).contains("is there already; --force"));
    let printed = home.sentinel(&["init", "--yes", "--print"]).output().unwrap();
    assert_eq!(text(&printed.stdout), first);
    fs::write(home.file(), "# mine\n").unwrap();
    let forced = home.sentinel(&["init", "--yes", "--force"]).output().unwrap();
    assert!(said(&forced).contains("The old one is "));
    assert_eq!(fs::read_to_string(home.file()).unwrap(), first);
    let kept = home.file().with_file_name("sentinel.toml.old-1");
    assert_eq!(fs::read_to_string(kept).unwrap(), "# mine\n");
}

#[test]
fn operators_and_a_directory_can_be_named_beforehand() {
    let home = Home::new("init-named");
    let arguments = ["init", "-y", "--print", "--workspace", "/usr/share", "--operators"];
    let run = |operators: &str| {
        let mut command = home.sentinel(&arguments);
        command.arg(operators).env("DISCORD_BOT_TOKEN", TOKEN).env("SLACK_BOT_TOKEN", TOKEN);
        command.env("SLACK_APP_TOKEN", TOKEN).output().unwrap()
    };
    let output = run("discord:112233445566778899, slack:U0123ABCD");
    let said = said(&output);
    assert!(said.contains("discord: the token in DISCORD_BOT_TOKEN is good, of helper"), "{said}");
    let file = text(&output.stdout);
    assert!(file.contains("operators = [\"112233445566778899\"]"), "{file}");
    assert!(file.contains("operators = [\"U0123ABCD\"]"), "{file}");
    assert!(file.contains("app_token_env = \"SLACK_APP_TOKEN\""), "{file}");
    assert!(file.contains("read,list /usr/share"), "{file}");
    assert!(!home.file().exists());
    assert!(text(&run("ada").stderr).contains("is named like telegram:77"));
}

#[test]
fn a_secret_that_is_refused_ends_it_and_one_that_nobody_can_check_does_not() {
    let home = Home::new("init-refused");
    let run = |name: &str, value: &str, lines: Option<&str>| {
        let arguments: &[&str] = if lines.is_some() { &["init"] } else { &["init", "--yes"] };
        let mut command = home.sentinel(arguments);
        command.env(name, value);
        let output = typed(command, lines.unwrap_or_default());
        (output.status.success(), text(&output.stderr))
    };
    for (name, value) in [
        ("OPENAI_API_KEY", "sk-wrong-canary"),
        ("TELEGRAM_BOT_TOKEN", "12:wrong-canary"),
        ("DISCORD_BOT_TOKEN", "wrong-canary"),
    ] {
        let (is_good, said) = run(name, value, None);
        assert!(!is_good && said.contains(&format!("{name} is wrong")), "{said}");
        assert!(said.contains("nothing was written") && !said.contains("wrong-canary"), "{said}");
        assert!(!home.file().exists());
    }
    // A token that could not be written into a request is no reason to repeat it either.
    let (_, said) = run("TELEGRAM_BOT_TOKEN", "12:wrong canary", None);
    assert!(said.contains("could not be checked") && !said.contains("wrong canary"), "{said}");
    fs::remove_file(home.file()).unwrap();
    // A person may go on without it: then it is as if it was not there.
    let lines = "y\n/usr/share\ny\ny\n";
    let (is_good, said) = run("OPENAI_API_KEY", "sk-wrong-canary", Some(lines));
    assert!(is_good, "{said}");
    assert!(!fs::read_to_string(home.file()).unwrap().contains("openai"));
    fs::remove_file(home.file()).unwrap();
    let (is_good, said) = run("XAI_API_KEY", "xai-canary-1234", None);
    assert!(is_good && said.contains("XAI_API_KEY could not be checked: it answers with status"));
    assert!(!said.contains("canary"), "{said}");
}

#[test]
fn answers_that_end_too_early_write_nothing() {
    let home = Home::new("init-early");
    for lines in ["", "/usr/share\n", "/usr/share\ny\n", "/usr/share\ny\nn\n", "x"] {
        let output = typed(home.sentinel(&["init"]), lines);
        assert!(!output.status.success(), "{lines:?}");
        assert!(!home.path.join(".config").exists(), "{lines:?}");
    }
    let long = "x".repeat(5000);
    let said = text(&typed(home.sentinel(&["init"]), &long).stderr);
    assert!(said.contains("4096 bytes at most"), "{said}");
}

#[test]
fn a_key_goes_to_its_own_service_and_nowhere_else() {
    let home = Home::new("init-keys");
    let mut command = home.sentinel(&["init", "--yes", "--print"]);
    home.with_ollama(&mut command);
    command.env("ANTHROPIC_API_KEY", KEY).env("GROQ_API_KEY", KEY).env("TELEGRAM_BOT_TOKEN", TOKEN);
    let output = command.output().unwrap();
    assert!(text(&output.stdout).contains("[anthropic]\nmodel = \"claude-sonnet-4-5\""));
    for (line, secret) in home.server.asked.lock().unwrap().iter() {
        match line.split('/').nth(1).unwrap() {
            "ANTHROPIC" => assert_eq!(secret, KEY),
            "GROQ" => assert_eq!(*secret, format!("Bearer {KEY}")),
            "ollama" => assert_eq!(secret, "", "a model on this machine needs no key"),
            "TELEGRAM" => assert!(secret.is_empty() && line.contains(TOKEN)),
            other => panic!("{other} was asked"),
        }
    }
    assert_eq!(home.server.paths().len(), 4);
}

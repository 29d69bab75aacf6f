//! Goal: whatever is found and answered, a file comes out that starts, and grants little. Method:
//! the questions are answered like a person would, and the file is read back.

use super::*;
use crate::config::{Severity, read, template};

fn service(provider: &str, models: &[&str]) -> Service {
    let known = crate::config::providers().find(|known| known.name == provider).unwrap();
    Service {
        provider: provider.into(),
        base_url: None,
        key_env: known.key_env.map(String::from),
        models: models.iter().map(ToString::to_string).collect(),
        usual: known.model.map(String::from),
    }
}

fn account(platform: &str) -> Account {
    let upper = platform.to_ascii_uppercase();
    Account {
        platform: platform.into(),
        base_url: None,
        name: Some("@sbot".into()),
        token_env: format!("{upper}_BOT_TOKEN"),
        app_token_env: (platform == "slack").then(|| "SLACK_APP_TOKEN".into()),
    }
}

fn around() -> Surroundings<'static> {
    Surroundings {
        file_name: "/users/ada/.config/sentinel/sentinel.toml",
        home: Some("/users/ada"),
        ..Surroundings::bare("/users/ada/work")
    }
}

fn wizard(services: &[Service], accounts: &[Account]) -> Wizard {
    let findings = Findings {
        services: services.to_vec(),
        accounts: accounts.to_vec(),
        operators: Vec::new(),
        directory: "/users/ada/work".into(),
        proxy: None,
    };
    Wizard::new(findings, Some("/users/ada"))
}

fn at(path: &str) -> PlaceFound {
    match path {
        "/users/ada/work" => PlaceFound::Directory,
        "/dev/null" => PlaceFound::Other,
        _ => PlaceFound::Nothing,
    }
}

/// Answers every question, and gives the file.
fn file(mut wizard: Wizard, answers: &[&str]) -> String {
    let mut answers = answers.iter();
    while let Some(question) = wizard.question() {
        let answer = answers.next().unwrap_or_else(|| panic!("nothing for {question:?}"));
        wizard.answer(answer, &around(), &at).unwrap_or_else(|why| panic!("{question:?}: {why}"));
    }
    assert_eq!(answers.next(), None, "not everything was asked");
    checked(&wizard)
}

fn checked(wizard: &Wizard) -> String {
    let text = template(wizard.facts().unwrap());
    let is_secret = |name: &str| name.ends_with("_KEY") || name.ends_with("_TOKEN");
    let set = |name: &str| is_secret(name).then(|| "set".to_string());
    let reading = read(&text, &Surroundings { environment: &set, ..around() });
    let is_bad = reading.diagnostics.iter().any(|it| it.severity != Severity::Note);
    assert!(reading.config.is_some() && !is_bad, "{text}\n{:?}", reading.diagnostics);
    text
}

/// Enter for every question.
fn enter(mut wizard: Wizard) -> String {
    for _ in 0..20 {
        if wizard.question().is_none() {
            return checked(&wizard);
        }
        wizard.answer("", &around(), &at).unwrap();
    }
    panic!("it never ends");
}

#[test]
fn enter_alone_gives_a_file_that_grants_little() {
    let text = enter(wizard(&[], &[]));
    assert!(
        text.contains(r#"grants = ["read,list /users/ada/work", "write /users/ada/work ask"]"#)
    );
    let all: Vec<Service> =
        crate::config::providers().map(|known| service(known.name, &["a", "b"])).collect();
    let accounts = ["telegram", "discord", "slack"].map(account);
    let text = enter(wizard(&all, &accounts));
    assert!(text.contains("[anthropic]\nmodel = \"a\"\n"), "{text}");
    assert!(
        !text.contains("[openai]") && !text.contains("[models."),
        "one model is enough: {text}"
    );
    assert!(text.contains("# [telegram]\n") && !text.contains("\n[telegram]"), "{text}");
    assert!(text.contains("nobody is answered"), "{text}");
    let text = file(wizard(&all[..2], &[]), &["none", "", ""]);
    assert!(text.contains("[models.offline]\n") && !text.contains("\n[anthropic]"), "{text}");
}

#[test]
fn what_is_answered_is_what_is_written() {
    let services = [service("openai", &["gpt-4o", "gpt-5-mini"]), service("ollama", &["qwen3:8b"])];
    let answers = ["ollama", "1", "yes", "y", "77, 78", "78 79", "y", "n", "~/notes", "", "n"];
    let text = file(wizard(&services, &[account("telegram"), account("discord")]), &answers);
    let ollama = text.find("[models.ollama]").unwrap();
    assert!(ollama < text.find("[openai]\nmodel = \"gpt-5-mini\"").unwrap(), "{text}");
    assert!(text.contains("model = \"ollama\"\n"), "{text}");
    assert!(text.contains("operators = [\"77\", \"78\"]\n"), "{text}");
    assert!(text.contains("allowed_users = [\"79\"]\n") && text.contains("pairing = true\n"));
    assert!(!text.contains("discord"), "{text}");
    assert!(text.contains(r#"grants = ["read,list /users/ada/notes"]"#), "{text}");
}

#[test]
fn a_wrong_answer_is_explained_and_asked_again() {
    let mut wizard = wizard(&[service("anthropic", &[])], &[account("telegram")]);
    let mut says = |text: &str, part: &str| {
        let before = wizard.question();
        match wizard.answer(text, &around(), &at) {
            Ok(()) => assert_eq!(part, "", "{text} was taken for {before:?}"),
            Err(why) => {
                assert!(!part.is_empty() && why.contains(part), "{text}: {why}");
                assert_eq!(wizard.question(), before);
            }
        }
    };
    says("a\u{1b}b", "control character");
    says("claude-x", "");
    says("perhaps", "yes or no");
    says("yes", "");
    says("@ada", "no id");
    says("*", "no id");
    says("123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", "looks like a secret");
    says("77,77", "twice");
    says("77", "");
    says("", "");
    says("", "");
    says("/", "everything you have");
    says("~", "everything you have");
    says("/users", "everything you have");
    says("~bob/x", "by name");
    says("/dev/null", "no directory");
    says("/srv/new", "");
    says("no", "");
    says("/srv/new", "");
    says("yes", "");
    says("", "");
    assert!(wizard.makes_directory() && wizard.question().is_none());
    assert!(checked(&wizard).contains("read,list /srv/new"));
}

#[test]
fn who_starts_at_home_is_offered_a_directory_of_its_own() {
    for directory in ["/users/ada", "/", "/users/"] {
        let findings = Findings { directory: directory.into(), ..Findings::default() };
        let wizard = Wizard::new(findings, Some("/users/ada"));
        assert_eq!(wizard.question().unwrap().usual, "/users/ada/agent", "{directory}");
    }
}

#[test]
fn people_named_beforehand_are_taken_with_enter() {
    let operators = [("telegram", "77"), ("discord", "1"), ("telegram", "@bad")]
        .map(|(platform, id)| (platform.to_string(), id.to_string()));
    let mut named = wizard(&[], &[account("telegram")]);
    named.findings.operators = operators[..2].to_vec();
    assert!(enter(named).contains("operators = [\"77\"]\n"));
    // One that is no id spoils the rest: better nobody than somebody else.
    let mut named = wizard(&[], &[account("telegram")]);
    named.findings.operators = operators.to_vec();
    assert!(enter(named).contains("# [telegram]"));
}

#[test]
fn models_that_do_not_talk_are_not_offered_first() {
    let service = service("ollama", &["nomic-embed-text", "qwen3:8b", "llama3"]);
    assert_eq!(words::listed(&service), ["qwen3:8b", "llama3"]);
    let dated = Service { usual: Some("claude-x".into()), ..service };
    let dated = Service { models: alloc::vec!["a".into(), "claude-x-2026".into()], ..dated };
    assert_eq!(words::usual_model(&dated), Some("claude-x-2026"));
    let mut wizard = wizard(&[Service { models: alloc::vec!["qwen3:8b".into()], ..dated }], &[]);
    assert!(wizard.answer("qwen", &around(), &at).unwrap_err().contains("did you mean 'qwen3:8b'"));
    assert!(wizard.answer("9", &around(), &at).unwrap_err().contains("from 1 to 1"));
}

#[test]
fn a_proxy_that_was_used_is_written_down() {
    let findings = Findings {
        directory: "/users/ada/work".into(),
        proxy: Some("http://proxy.example:3128".into()),
        ..Findings::default()
    };
    let text = enter(Wizard::new(findings, None));
    assert!(text.contains("[http]\n") && text.contains("\"http://proxy.example:3128"), "{text}");
}

#[test]
fn no_file_of_the_wizard_is_dangerous() {
    let text = enter(wizard(&[service("groq", &[])], &[]));
    let reading = read(&text, &around());
    assert!(reading.diagnostics.iter().all(|it| it.severity != Severity::Danger), "{reading:?}");
}

//! The real program and TLS, with a private authority: what can be believed is, and what cannot
//! learns nothing.

use std::fs;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use crate::agent::{Agent, until};
use crate::authority::{Authority, Flaw};
use crate::discord::Discord;
use crate::model::Model;
use crate::server::{Certificate, serve};
use crate::telegram::Telegram;

fn certificate(authority: &Authority, flaw: Flaw) -> Certificate {
    Arc::new(Mutex::new(authority.server(flaw)))
}

/// An agent of these sections, which believes this authority.
fn agent(name: &str, sections: &str, authority: &Authority) -> Agent {
    let agent = Agent::new(name, "");
    let file = agent.path.join("authority.pem");
    fs::write(&file, authority.pem()).unwrap();
    agent.configure(&format!("{sections}[http]\nca_file = \"{}\"\n", file.display()));
    agent
}

fn platform(name: &str, port: u16) -> String {
    format!(
        "[{name}]\ntoken_env = \"BOT_TOKEN\"\nbase_url = \"https://localhost:{port}\"\n\
         operators = [\"77\"]\n"
    )
}

#[test]
fn platforms_and_a_model_of_a_private_authority_are_believed() {
    let authority = Authority::new();
    let good = certificate(&authority, Flaw::None);
    let (telegram, discord, model) = (Telegram::new(), Discord::new(), Model::new());
    let [first, second, third] = [
        serve(&telegram, Some(good.clone())),
        serve(&discord, Some(good.clone())),
        serve(&model, Some(good)),
    ];
    discord.port.store(second, Ordering::SeqCst);
    discord.is_secure.store(true, Ordering::SeqCst);
    let sections = platform("telegram", first)
        + &platform("discord", second)
        + &Model::section(&format!("https://localhost:{third}"));
    let agent = agent("secure", &sections, &authority);
    let running = agent.start();
    until("both are at work", || discord.facts().identified == 1);
    telegram.write(77, "grow");
    discord.write(700, 77, "hello");
    until("the one answers", || telegram.chats.texts("77").iter().any(|it| it.ends_with("7")));
    until("the other answers", || discord.chats.has("700", "You said: hello"));
    running.end();
    agent.keeps_secrets();
}

/// Whoever cannot be believed is told nothing: neither the token nor a word. The agent says what is
/// wrong and what to do, goes on, and is at work once it is mended.
#[test]
fn what_cannot_be_believed_is_told_nothing() {
    let (authority, other) = (Authority::new(), Authority::new());
    for (name, signer, flaw, words) in [
        ("expired", &authority, Flaw::Expired, "expired on 2001-09-09"),
        ("early", &authority, Flaw::NotYet, "set the clock"),
        ("other-name", &authority, Flaw::OtherName, "not for `localhost` but for `other.example`"),
        ("unknown", &other, Flaw::None, "set `ca_file`"),
        ("own", &other, Flaw::None, "set `ca_file`"),
    ] {
        let (telegram, model) = (Telegram::new(), Model::new());
        let bad = || if name == "own" { Authority::self_signed() } else { signer.server(flaw) };
        let shown: Certificate = Arc::new(Mutex::new(bad()));
        let [first, second] =
            [serve(&telegram, Some(shown.clone())), serve(&model, Some(shown.clone()))];
        let sections =
            platform("telegram", first) + &Model::section(&format!("https://localhost:{second}"));
        let agent = agent(&format!("secure-{name}"), &sections, &authority);
        let mut running = agent.start();
        telegram.write(77, "hello");
        until("it says what is wrong", || agent.said().contains(words));
        assert!(running.is_at_work());
        assert!(agent.said().contains(&format!("localhost:{first}")), "{}", agent.said());
        assert_eq!(telegram.mishaps.asked.load(Ordering::SeqCst), 0, "{name}");
        *shown.lock().unwrap() = authority.server(Flaw::None);
        until("it is answered", || telegram.chats.has("77", "You said: hello"));

        // The same for a model alone.
        let before = model.mishaps.asked.load(Ordering::SeqCst);
        *shown.lock().unwrap() = bad();
        running.kill();
        let open = serve(&telegram, Some(certificate(&authority, Flaw::None)));
        let file = agent.path.join("sentinel.toml");
        let config = fs::read_to_string(&file).unwrap();
        fs::write(&file, config.replace(&first.to_string(), &open.to_string())).unwrap();
        let running = agent.start();
        telegram.write(77, "are you there?");
        let place = format!("localhost:{second}: ");
        until("the model is refused", || agent.said().contains(&place));
        until("somebody is told", || {
            telegram.chats.has("77", "the connection to the provider is not secure")
        });
        assert_eq!(model.mishaps.asked.load(Ordering::SeqCst), before, "{name}");
        running.end();
        agent.keeps_secrets();
    }
}

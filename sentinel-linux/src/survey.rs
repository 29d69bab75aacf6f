//! Looking around: which models and platforms an agent could be given here.
//!
//! Keys and tokens are looked for in the variables that they are usually in, models on this
//! machine where their servers usually listen. Each is asked, with a short deadline.
//!
//! # Invariants
//! - A secret goes to the service that it is for and nowhere else, and into no text.
//!
//! # Not here
//! What is asked and how the answer is read: [`sentinel_core::config::Inquiry`]. What follows from
//! it: [`sentinel_core::config::Wizard`].

use std::time::Duration;

use sentinel_core::config::{Account, Answered, Inquiry, KnownProvider, Service, providers};
use sentinel_core::order;
use sentinel_core::wire::url::Url;
use zeroize::Zeroizing;

use crate::connectors;
use crate::probe::{Heard, Probe, Question};
use crate::secrets::Secret;

/// What there is, and what is to be said about it.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    pub(crate) services: Vec<Service>,
    pub(crate) accounts: Vec<Account>,
    /// Lines for people: what was found, and what could not be asked.
    pub(crate) notes: Vec<String>,
    /// Secrets that are wrong: the variable, and why.
    pub(crate) refused: Vec<(String, String)>,
}

/// What was asked about.
enum Subject {
    Service(KnownProvider, Option<String>),
    Account {
        platform: &'static str,
        own: Option<String>,
        token_env: &'static str,
        app_token_env: Option<&'static str>,
    },
    /// The second token of the account before it.
    App,
}

/// Looks at the environment and at this machine, and asks whoever is there.
pub(crate) fn look(probe: &mut Probe, environment: &dyn Fn(&str) -> Option<String>) -> Survey {
    let mut survey = Survey::default();
    let mut subjects = Vec::new();
    let mut questions = Vec::new();
    let secret = |name: &str| {
        let text = Zeroizing::new(environment(name)?);
        let text = Zeroizing::new(text.trim().to_string());
        (!text.is_empty()).then(|| Secret::new(text))
    };
    for known in providers() {
        let own = own_place(known.name, environment);
        let Some(inquiry) = Inquiry::models(known.provider) else { continue };
        let key = known.key_env.and_then(secret);
        if known.key_env.is_some() && key.is_none() {
            continue;
        }
        match Url::parse(own.as_deref().unwrap_or(known.base_url)) {
            Ok(base) => questions.push(Question { inquiry, base, secret: key }),
            Err(error) => {
                survey.notes.push(format!("{}: its address is none: {error}", known.name));
                continue;
            }
        }
        subjects.push(Subject::Service(known, own));
    }
    for (platform, token_env, app_token_env) in TOKENS {
        let (Some(token), Some(inquiry)) = (secret(token_env), Inquiry::platform(platform)) else {
            continue;
        };
        let app_token = app_token_env.and_then(secret);
        if let (Some(name), None) = (app_token_env, &app_token) {
            survey.notes.push(format!(
                "{token_env} is set and {name} is not: this can set {platform} up with both, see \
                 'Socket Mode' in the app's settings. With the one token alone it asks rooms \
                 that the file names, under 'rooms' in [{platform}], which you write yourself"
            ));
            continue;
        }
        let own = own_place(platform, environment);
        let usual = || connectors::usual_base(platform).unwrap_or_default().to_string();
        let base = match Url::parse(&own.clone().unwrap_or_else(usual)) {
            Ok(base) => base,
            Err(error) => {
                survey.notes.push(format!("{platform}: its address is none: {error}"));
                continue;
            }
        };
        questions.push(Question { inquiry, base: base.clone(), secret: Some(token) });
        subjects.push(Subject::Account { platform, own, token_env, app_token_env });
        if app_token.is_some() {
            questions.push(Question { inquiry: Inquiry::slack_app(), base, secret: app_token });
            subjects.push(Subject::App);
        }
    }
    let heard = probe.ask(&questions, ASKING_TIME_MAX);
    for (subject, heard) in subjects.into_iter().zip(heard) {
        survey.take(subject, heard);
    }
    // What a key was set for was meant; what merely runs here comes after it.
    order::sort_by_key(&mut survey.services, |service| service.key_env.is_none());
    survey
}

impl Survey {
    fn take(&mut self, subject: Subject, heard: Heard) {
        match subject {
            Subject::Service(known, own) => self.service(known, own, heard),
            Subject::Account { platform, own, token_env, app_token_env } => {
                let name = match heard {
                    Heard::Said { answered: Answered::Accepted(names), .. } => {
                        self.notes.push(format!(
                            "{platform}: the token in {token_env} is good{}",
                            names.first().map_or_else(String::new, |it| format!(", of {it}"))
                        ));
                        names.into_iter().next()
                    }
                    other => self.trouble(platform, token_env, other),
                };
                if self.is_refused(token_env) {
                    return;
                }
                self.accounts.push(Account {
                    platform: platform.into(),
                    base_url: own,
                    name,
                    token_env: token_env.into(),
                    app_token_env: app_token_env.map(String::from),
                });
            }
            Subject::App => {
                let Some(variable) = TOKENS.into_iter().find_map(|(_, _, app)| app) else { return };
                if !matches!(heard, Heard::Said { answered: Answered::Accepted(_), .. }) {
                    self.trouble("slack", variable, heard);
                }
                if self.is_refused(variable) {
                    self.accounts.retain(|account| account.platform != "slack");
                }
            }
        }
    }

    fn service(&mut self, known: KnownProvider, own: Option<String>, heard: Heard) {
        let models = match (known.key_env, heard) {
            (_, Heard::Said { answered: Answered::Accepted(names), .. }) => {
                let place = match known.key_env {
                    Some(variable) => format!("the key in {variable} is good"),
                    None => format!("it answers at {}", own.as_deref().unwrap_or(known.base_url)),
                };
                let count = match names.len() {
                    0 => "and has no model yet".into(),
                    1 => "1 model".into(),
                    count => format!("{count} models"),
                };
                self.notes.push(format!("{}: {place}, {count}", known.name));
                // Without a model there is nothing to talk with.
                if names.is_empty() && known.key_env.is_none() {
                    return;
                }
                names
            }
            // Nothing runs there, or something else does: that is how most machines are.
            (None, _) => return,
            (Some(variable), other) => {
                self.trouble(known.name, variable, other);
                if self.is_refused(variable) {
                    return;
                }
                Vec::new()
            }
        };
        self.services.push(Service {
            provider: known.name.into(),
            base_url: own,
            key_env: known.key_env.map(String::from),
            models,
            usual: known.model.map(String::from),
        });
    }

    /// Notes what is wrong with a secret, or that nobody could say.
    fn trouble(&mut self, place: &str, variable: &str, heard: Heard) -> Option<String> {
        match heard {
            Heard::Said { answered: Answered::Refused(why), .. } => {
                self.refused.push((variable.into(), format!("{place} does not take it: {why}")));
            }
            Heard::Said { answered: Answered::Unclear(why), .. } => {
                self.notes.push(format!("{place}: {variable} could not be checked: {why}"));
            }
            Heard::Nothing(failure) => {
                self.notes.push(format!("{place}: {variable} could not be checked: {failure}"));
            }
            Heard::Said { answered: Answered::Accepted(_), .. } => {}
        }
        None
    }

    fn is_refused(&self, variable: &str) -> bool {
        self.refused.iter().any(|(other, _)| other == variable)
    }
}

/// Where the environment says that a provider or platform is.
fn own_place(provider: &str, environment: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let set = |name: &str| environment(name).filter(|text| !text.trim().is_empty());
    set(&format!("SENTINEL_{}_URL", provider.to_ascii_uppercase()))
}

/// The platforms, and the variables that their tokens are in.
pub(crate) const TOKENS: [(&str, &str, Option<&str>); 3] = [
    ("telegram", "TELEGRAM_BOT_TOKEN", None),
    ("discord", "DISCORD_BOT_TOKEN", None),
    ("slack", "SLACK_BOT_TOKEN", Some("SLACK_APP_TOKEN")),
];

/// Long enough for a server at the other end of the world, short enough for who waits.
const ASKING_TIME_MAX: Duration = Duration::from_secs(6);

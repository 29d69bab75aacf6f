//! The words of the questions.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Findings, NO_MODEL, Question, Service, Step, Wizard, ids};

/// What is asked at a step.
pub(super) fn question(wizard: &Wizard) -> Option<Question> {
    let Wizard { findings, step, facts, .. } = wizard;
    Some(match *step {
        Step::Service => {
            let services = findings.services.iter().map(described);
            Question {
                help: "Which model shall answer?".into(),
                choices: services.chain([format!("{NO_MODEL}, for now")]).collect(),
                text: "Model of".into(),
                usual: findings.services.first()?.provider.clone(),
            }
        }
        Step::Model(index) => {
            let service = findings.services.get(index)?;
            let listed = listed(service);
            let more = service.models.len().saturating_sub(listed.len());
            let mut help = match service.models.is_empty() {
                true => format!("{} did not say which models it has.", service.provider),
                false => format!("Models of {}.", service.provider),
            };
            if more > 0 && !listed.is_empty() {
                help.push_str(&format!(" It has {more} more: any can be named."));
            }
            Question {
                help,
                choices: listed.iter().map(ToString::to_string).collect(),
                text: "Model".into(),
                usual: usual_model(service).unwrap_or("leave it out").into(),
            }
        }
        Step::Others(index) => {
            let others = findings.services.iter().enumerate();
            let others = others.filter(|(other, _)| *other != index);
            let others: Vec<&str> = others.map(|(_, other)| other.provider.as_str()).collect();
            let help = format!("When it fails, {} could be asked instead.", others.join(" or "));
            let help = format!("{help} What is said in a chat is then sent there.");
            asking(help, "Ask the others too?", false)
        }
        Step::Account(index) => {
            let account = findings.accounts.get(index)?;
            let name = account.name.as_deref();
            let name = name.map_or_else(String::new, |name| format!(" as {name}"));
            let platform = platform(&account.platform);
            let help = format!("{} is set.", account.token_env);
            asking(help, &format!("Talk with people on {platform}{name}?"), true)
        }
        Step::Operators(_) => {
            let section = &facts.platforms.last()?.section;
            let named = named(findings, section);
            Question {
                help: format!(
                    "Who are you there? Operators talk with the agent, answer its questions and \
                     change what it may do. {}",
                    where_ids_are(section)
                ),
                choices: Vec::new(),
                text: format!("Your id on {}", platform(section)),
                usual: match named.is_empty() {
                    true => "nobody yet".into(),
                    false => named.join(", "),
                },
            }
        }
        Step::People(_) => Question {
            help: "Who else may talk with it, without answering its questions? Nobody else is \
                   answered."
                .into(),
            choices: Vec::new(),
            text: "Their ids, with commas".into(),
            usual: "nobody".into(),
        },
        Step::Pairing(_) => asking(
            "A stranger who writes to it can be given a code, which you may then approve. \
             Otherwise strangers hear nothing."
                .into(),
            "Give strangers a code?",
            false,
        ),
        Step::Directory => Question {
            help: "Which directory shall it work in? It may read and list what is there, and \
                   nothing else."
                .into(),
            choices: Vec::new(),
            text: "Directory".into(),
            usual: findings.directory.clone(),
        },
        Step::Make => asking(
            format!("There is no {} yet.", facts.workspace),
            "Make it when the file is written?",
            true,
        ),
        Step::Write => asking(
            "It can ask you each time before it writes a file there. Without that it cannot \
             write."
                .into(),
            "May it ask?",
            true,
        ),
        Step::Done => return None,
    })
}

/// The models that are shown: not all of a long list, and first those that talk.
pub(super) fn listed(service: &Service) -> Vec<&str> {
    let names = service.models.iter().map(String::as_str).filter(|name| talks(name));
    let usual = usual_model(service).into_iter();
    let others = names.filter(|name| Some(*name) != usual_model(service));
    usual.chain(others).take(SHOWN_COUNT_MAX).collect()
}

/// The model that Enter means.
pub(super) fn usual_model(service: &Service) -> Option<&str> {
    let usual = service.usual.as_deref();
    if service.models.is_empty() {
        return usual;
    }
    let names = || service.models.iter().map(String::as_str);
    // A dated name is of the same model as the one without its date.
    let is_it = |name: &&str| usual.is_some_and(|usual| name.starts_with(usual));
    names().find(|name| Some(*name) == usual).or_else(|| names().find(is_it)).or_else(|| {
        let talking = names().find(|name| talks(name));
        talking.or_else(|| service.models.first().map(String::as_str))
    })
}

/// The people of a platform who were named beforehand.
pub(super) fn named(findings: &Findings, platform: &str) -> Vec<String> {
    let own = findings.operators.iter().filter(|(of, _)| of == platform);
    let own: Vec<&str> = own.map(|(_, id)| id.as_str()).collect();
    ids(platform, &own.join(","), &[]).unwrap_or_default()
}

/// Whether a model of this name is one to talk with, and not one that measures or draws.
fn talks(name: &str) -> bool {
    const OTHERS: [&str; 14] = [
        "embed",
        "whisper",
        "tts",
        "dall-e",
        "moderation",
        "rerank",
        "image",
        "audio",
        "realtime",
        "transcribe",
        "sora",
        "davinci",
        "babbage",
        "bge-",
    ];
    !OTHERS.into_iter().any(|other| name.contains(other))
}

fn described(service: &Service) -> String {
    let place = match (&service.key_env, &service.base_url) {
        (Some(variable), _) => format!("with the key in {variable}"),
        (None, Some(url)) => format!("at {url}"),
        (None, None) => "on this machine".into(),
    };
    let count = match service.models.len() {
        0 => "not asked".into(),
        1 => "1 model".into(),
        count => format!("{count} models"),
    };
    format!("{} {place} ({count})", service.provider)
}

fn asking(help: String, text: &str, usual: bool) -> Question {
    let usual = if usual { "yes" } else { "no" };
    Question { help, choices: Vec::new(), text: text.into(), usual: usual.into() }
}

/// A platform's own name.
fn platform(section: &str) -> &str {
    match section {
        "telegram" => "Telegram",
        "discord" => "Discord",
        "slack" => "Slack",
        other => other,
    }
}

fn where_ids_are(section: &str) -> &'static str {
    match section {
        "telegram" => {
            "An id is a number, not a name: Telegram shows it in no menu; write to @userinfobot, \
             which answers with yours."
        }
        "discord" => {
            "An id is a long number, not a name: in Discord turn on Settings, Advanced, Developer \
             Mode; then right-click your name and choose Copy User ID."
        }
        _ => {
            "An id begins with U or W and is no name: in Slack open your profile, then the three \
             dots, Copy member ID."
        }
    }
}

/// As many as can be overlooked at once.
const SHOWN_COUNT_MAX: usize = 12;

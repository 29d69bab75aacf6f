//! Budgets, the network, logs, the journal: what follows from one section each.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::Build;
use crate::agent::TurnRules;
use crate::budget::{AtLimit, Limit, Measure, Rules, Scope};
use crate::config::draft::{Node, Part};
use crate::config::{
    Http, Log, LogFormat, LogLevel, Sandboxing, SealKey, SecretSource, State, form,
};
use crate::order;
use crate::sandbox::{Limits, Requirement};
use crate::wire::url::Url;

/// The bounds of a turn.
pub(super) fn turn(build: &Build<'_, '_>) -> TurnRules {
    let Some(agent) = build.draft.part("agent") else { return TurnRules::default() };
    TurnRules {
        rounds_max: u32::try_from(agent.integer("rounds").unwrap_or_default()).unwrap_or_default(),
        call_time_max: seconds(agent, "call_seconds"),
        question_time_max: seconds(agent, "question_seconds"),
        output_bytes_max: usize::try_from(agent.integer("output_bytes").unwrap_or_default())
            .unwrap_or_default(),
        people_may_approve: agent.flag("people_may_approve").unwrap_or(false),
    }
}

/// What may be spent.
pub(super) fn budget(build: &mut Build<'_, '_>) -> Rules {
    let mut rules = Rules::default();
    let draft = build.draft;
    let Some(part) = draft.part("budget") else { return rules };
    for scope in [Scope::Turn, Scope::Conversation, Scope::Person, Scope::Day] {
        let Some(node) = part.get(scope.name()) else { continue };
        let at_limit = match node.get("at").and_then(Node::text) {
            Some("ask") => AtLimit::Ask,
            Some("pause") => AtLimit::Pause,
            _ => AtLimit::Stop,
        };
        let count = rules.limits.len();
        for measure in Measure::ALL {
            let Some(max) = limit(node, measure) else { continue };
            rules.limits.push(Limit { scope, measure, max, at_limit });
        }
        if rules.limits.len() == count {
            let message = format!("'{}' limits nothing", scope.name());
            build.reporter.error_with(node.span, message, "such as { tokens = 200000 }");
        }
    }
    let mut shares: Vec<u8> = Vec::new();
    for node in part.list("warn") {
        let share = node.integer().and_then(|share| u8::try_from(share).ok()).unwrap_or_default();
        if shares.contains(&share) {
            build.reporter.error(node.span, format!("{share} stands here twice"));
        }
        shares.push(share);
    }
    order::sort_by(&mut shares, Ord::cmp);
    rules.warn_percent = shares;
    rules
}

fn limit(node: &Node, measure: Measure) -> Option<u64> {
    let count = |key: &str| u64::try_from(node.get(key)?.integer()?).ok();
    match measure {
        Measure::Tokens => count("tokens"),
        Measure::Money => Some(form::money(node.get("money")?.text()?)?.0),
        Measure::Calls => count("calls"),
        Measure::Time => count("seconds").map(|seconds| seconds.saturating_mul(1000)),
    }
}

/// How the network is reached.
pub(super) fn http(build: &mut Build<'_, '_>) -> Http {
    let draft = build.draft;
    let part = draft.part("http");
    let proxy_account = part.and_then(|part| proxy_account(build, part));
    let text = |key: &str| part.and_then(|part| part.text(key));
    let time = |key: &str| part.map_or(Duration::ZERO, |part| seconds(part, key));
    Http {
        proxy: text("proxy").and_then(|url| Url::parse(url).ok()),
        proxy_account,
        ca_file: text("ca_file").map(String::from),
        connect_time_max: time("connect_seconds"),
        first_byte_time_max: time("first_byte_seconds"),
        idle_time_max: time("idle_seconds"),
        total_time_max: time("total_seconds"),
    }
}

/// Who we are to the proxy: both a name and a password, or neither.
fn proxy_account(build: &mut Build<'_, '_>, part: &Part) -> Option<(String, SecretSource)> {
    let user = part.text("proxy_user");
    let what = "the password for the proxy";
    let password = super::source_of(build, part, "proxy_password", false, what);
    let user_is_said = part.place("proxy_user");
    match (user, password) {
        (Some(_), Some(_)) if part.text("proxy").is_none() => {
            let message = "'proxy_user' is for a proxy, and there is no 'proxy'";
            build.reporter.error_with(user_is_said, message, "add proxy = \"http://host:port\"");
            None
        }
        (Some(user), _) if user.contains(':') => {
            let message = "a name that a proxy is told cannot have a ':'";
            build.reporter.error(user_is_said, message);
            None
        }
        (Some(user), Some(password)) => Some((user.into(), password)),
        (Some(_), None) => {
            let message = "'proxy_user' has no password";
            let help = "add proxy_password_env, proxy_password_file or proxy_password_credential";
            build.reporter.error_with(user_is_said, message, help);
            None
        }
        (None, Some(_)) => {
            let message = "there is a password for the proxy, and nobody it is for";
            build.reporter.error_with(part.span, message, "add proxy_user = \"NAME\"");
            None
        }
        (None, None) => None,
    }
}

/// What commands run in.
pub(super) fn sandbox(build: &Build<'_, '_>) -> Sandboxing {
    let mut limits = Limits::default();
    let Some(part) = build.draft.part("sandbox") else {
        return Sandboxing { requirement: Requirement::Strict, limits };
    };
    let number = |key: &str| part.integer(key).and_then(|number| u64::try_from(number).ok());
    let small = |key: &str| number(key).and_then(|number| u32::try_from(number).ok());
    let bytes = |key: &str| number(key).map(|mebibytes| mebibytes.saturating_mul(1 << 20));
    limits.memory_bytes = bytes("memory_mib");
    limits.processors_percent = small("processors_percent");
    limits.disk_bytes_per_second = bytes("disk_mib_per_second");
    limits.processor_time = number("processor_seconds").map(Duration::from_secs);
    limits.pids = small("processes").unwrap_or(limits.pids);
    limits.open_files = small("open_files").unwrap_or(limits.open_files);
    limits.file_bytes = bytes("file_mib");
    limits.temporary_bytes = bytes("temporary_mib").unwrap_or(limits.temporary_bytes);
    let requirement = match part.text("mode") {
        Some("best-effort") => Requirement::BestEffort,
        _ => Requirement::Strict,
    };
    Sandboxing { requirement, limits }
}

/// What is logged.
pub(super) fn log(build: &Build<'_, '_>) -> Log {
    let part = build.draft.part("log");
    let word = |key: &str| part.and_then(|part| part.text(key));
    Log {
        level: match word("level") {
            Some("error") => LogLevel::Error,
            Some("warn") => LogLevel::Warn,
            Some("debug") => LogLevel::Debug,
            Some("trace") => LogLevel::Trace,
            _ => LogLevel::Info,
        },
        format: match word("format") {
            Some("text") => LogFormat::Text,
            Some("json") => LogFormat::Json,
            _ => LogFormat::Auto,
        },
    }
}

/// Where figures are given out.
pub(super) fn metrics(build: &Build<'_, '_>) -> Option<SocketAddr> {
    build.draft.part("metrics")?.text("listen")?.parse().ok()
}

/// Where the journal is, and what seals it.
pub(super) fn state(build: &mut Build<'_, '_>) -> State {
    let draft = build.draft;
    let nothing = State { directory: String::new(), key: SealKey::Asked };
    let Some(part) = draft.part("state") else { return nothing };
    let text = |key: &str| part.text(key).map(String::from);
    let wanted = part.text("key").unwrap_or("file");
    for (word, key) in [
        ("passphrase", "passphrase_env"),
        ("passphrase", "passphrase_file"),
        ("passphrase", "passphrase_credential"),
        ("file", "key_file"),
        ("credential", "key_credential"),
    ] {
        if word != wanted
            && let Some(node) = part.get(key)
        {
            let message = format!("'{key}' has no use with key = \"{wanted}\"");
            build.reporter.error(node.span, message);
        }
    }
    let key = match wanted {
        "passphrase" => {
            let places = ["passphrase_env", "passphrase_file", "passphrase_credential"];
            let mut named = places.iter().filter_map(|key| part.get(key));
            if let (Some(_), Some(second)) = (named.next(), named.next()) {
                let message = "the passphrase is in one place, and two are named";
                build.reporter.error(second.span, message);
            }
            if let Some(name) = text("passphrase_env") {
                super::look_up(build, part, "passphrase_env", &name);
                SealKey::Passphrase(SecretSource::Environment(name))
            } else if let Some(path) = text("passphrase_file") {
                SealKey::Passphrase(SecretSource::File(path))
            } else if let Some(name) = text("passphrase_credential") {
                SealKey::Passphrase(SecretSource::Credential(name))
            } else {
                SealKey::Asked
            }
        }
        "credential" => match text("key_credential") {
            Some(name) => SealKey::Key(SecretSource::Credential(name)),
            None => {
                if !part.is_faulty {
                    let message = "'key' is \"credential\", and none is named";
                    let help = "add key_credential = \"NAME\"";
                    build.reporter.error_with(part.place("key"), message, help);
                }
                SealKey::Asked
            }
        },
        _ => SealKey::Key(SecretSource::File(text("key_file").unwrap_or_default())),
    };
    State { directory: text("directory").unwrap_or_default(), key }
}

fn seconds(part: &Part, key: &str) -> Duration {
    let seconds = part.integer(key).unwrap_or_default();
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

//! Everybody the agent talks with: whether they are there, and take its keys.

use std::time::Duration;

use sentinel_core::config::{Answered, Config, Inquiry, SecretSource};
use sentinel_core::wire::url::{Host, Url};

use super::{Finding, clock};
use crate::clock::Clock;
use crate::connectors;
use crate::network::{Failure, FailureKind};
use crate::probe::{Heard, Probe, Question};
use crate::program::start;
use crate::secrets;

/// Who is asked: what it is called, and the model that is wanted there.
struct Subject {
    name: String,
    host: String,
    is_named: bool,
    model: Option<String>,
}

/// Asks every model and platform.
pub(super) fn look(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let options = match start::network_options(config.http()) {
        Ok(options) => options,
        Err(error) => {
            let fix = "see proxy and ca_file under [http]";
            findings.push(Finding::bad("network", error.to_string(), fix));
            return findings;
        }
    };
    if let Some(proxy) = &config.http().proxy {
        findings.push(Finding::good("proxy", format!("everything goes by {}", proxy.authority())));
    }
    let mut probe = match Probe::new(options) {
        Ok(probe) => probe,
        Err(error) => {
            findings.push(Finding::bad("network", error.to_string(), "see the text before"));
            return findings;
        }
    };
    let (subjects, questions) = everybody(config);
    let heard = probe.ask(&questions, ASKING_TIME_MAX);
    let here = Clock::new().now().wall;
    let mut has_clock = false;
    let mut names = (0, 0);
    for (subject, heard) in subjects.iter().zip(heard) {
        if let Heard::Nothing(failure) = &heard {
            names.1 += usize::from(subject.is_named && failure.kind == FailureKind::Resolve);
        }
        names.0 += usize::from(subject.is_named);
        if let Heard::Said { date: Some(there), .. } = &heard
            && !has_clock
        {
            has_clock = true;
            findings.push(clock::compared(&subject.host, here, *there));
        }
        findings.push(told(subject, heard));
    }
    findings.extend(resolved(names.0, names.1));
    findings
}

/// Whom to ask, and what.
fn everybody(config: &Config) -> (Vec<Subject>, Vec<Question>) {
    let mut subjects = Vec::new();
    let mut questions = Vec::new();
    let mut add = |name, model, inquiry, base: Url, source: Option<&SecretSource>| {
        // One that is not there was said already, and nobody is asked without it.
        let secret = match source.map(secrets::read).transpose() {
            Ok(secret) => secret,
            Err(_) => return,
        };
        let is_named = matches!(base.host(), Host::Name(_));
        let host = base.authority().to_string();
        subjects.push(Subject { name, host, is_named, model });
        questions.push(Question { inquiry, base, secret });
    };
    for endpoint in config.endpoints() {
        let base = endpoint.base_url.clone();
        let (Some(inquiry), Some(base)) = (Inquiry::models(endpoint.model.provider), base) else {
            continue;
        };
        let name = format!("model '{}'", endpoint.section);
        add(name, Some(endpoint.model.name.clone()), inquiry, base, endpoint.key.as_ref());
    }
    for connector in config.connectors() {
        let platform = connector.platform.name;
        let usual = || Url::parse(connectors::usual_base(platform)?).ok();
        let base = connector.base_url.clone().or_else(usual);
        let (Some(base), Some(inquiry)) = (base, Inquiry::platform(platform)) else { continue };
        add(platform.to_string(), None, inquiry, base.clone(), Some(&connector.token));
        if let Some(token) = &connector.app_token {
            let name = format!("{platform}, the app");
            add(name, None, Inquiry::slack_app(), base, Some(token));
        }
    }
    (subjects, questions)
}

fn told(subject: &Subject, heard: Heard) -> Finding {
    const ABOUT: &str = "network";
    let Subject { name, host, model, .. } = subject;
    match heard {
        Heard::Said { answered: Answered::Accepted(names), .. } => match model {
            Some(model) if !names.is_empty() && !names.iter().any(|it| is_same(it, model)) => {
                let some: Vec<&str> = names.iter().take(5).map(String::as_str).collect();
                Finding::warning(
                    ABOUT,
                    format!("{name}: {host} does not list the model '{model}'"),
                    format!("set model to one that it has, such as {}", some.join(", ")),
                )
            }
            Some(_) => Finding::good(ABOUT, format!("{name}: {host} answers")),
            None => {
                let who = names.first().map_or_else(String::new, |who| format!(", as {who}"));
                Finding::good(ABOUT, format!("{name}: {host} takes the token{who}"))
            }
        },
        Heard::Said { answered: Answered::Refused(why), .. } => Finding::bad(
            ABOUT,
            format!("{name}: {host} does not take the key or token: {why}"),
            "put in a good one: see who gave it whether it was replaced or withdrawn",
        ),
        Heard::Said { answered: Answered::Unclear(why), .. } => Finding::warning(
            ABOUT,
            format!("{name}: {host}: {why}"),
            "try again later; if it stays so, look at the address",
        ),
        Heard::Nothing(failure) => {
            let fix = remedy(&failure);
            Finding::bad(ABOUT, format!("{name}: {}", failure.text), fix)
        }
    }
}

/// Whether a name in a list is the one that is meant: lists put `models/` before it, or a tag or a
/// date behind.
fn is_same(listed: &str, meant: &str) -> bool {
    let listed = listed.strip_prefix("models/").unwrap_or(listed);
    let rest = listed.strip_prefix(meant.strip_prefix("models/").unwrap_or(meant));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '-', '@']))
}

fn remedy(failure: &Failure) -> &'static str {
    match failure.kind {
        FailureKind::Resolve => "look at the name, and at the servers in /etc/resolv.conf",
        FailureKind::Refused => "look at the address: it leads to where it must not",
        FailureKind::Connect | FailureKind::Timeout(_) => {
            "start the server if it is yours; look at address, port, firewall and proxy"
        }
        FailureKind::Tls => "see the text before; ca_file under [http] names an authority of yours",
        FailureKind::Cut | FailureKind::Protocol | FailureKind::TooLong => {
            "something else answers there: look at the address, and who is in between"
        }
    }
}

/// Whether names are resolved at all.
fn resolved(asked: usize, failed: usize) -> Option<Finding> {
    const ABOUT: &str = "names";
    match (asked, failed) {
        (0, _) => None,
        (_, 0) => Some(Finding::good(ABOUT, "names are resolved")),
        (asked, failed) if asked == failed => Some(Finding::bad(
            ABOUT,
            "no name could be resolved",
            "look at /etc/resolv.conf and at the network",
        )),
        _ => Some(Finding::good(ABOUT, "some names are resolved")),
    }
}

const ASKING_TIME_MAX: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    fn subject(model: Option<&str>) -> Subject {
        let (name, host) = ("model 'x'".to_string(), "api.example".to_string());
        Subject { name, host, is_named: true, model: model.map(String::from) }
    }

    fn said(answered: Answered) -> Heard {
        Heard::Said { answered, date: None }
    }

    #[test]
    fn what_is_wrong_with_others_is_told_apart() {
        let names = vec!["qwen3:8b".to_string()];
        let verdict = |model, heard| told(&subject(model), heard).verdict;
        assert_eq!(verdict(Some("qwen3"), said(Answered::Accepted(names.clone()))), Verdict::Good);
        let finding = told(&subject(Some("gemma")), said(Answered::Accepted(names)));
        assert!(finding.fix.unwrap().contains("qwen3:8b"));
        assert_eq!(verdict(None, said(Answered::Refused("no".into()))), Verdict::Bad);
        assert_eq!(verdict(None, said(Answered::Unclear("no".into()))), Verdict::Warning);
        let failure = |kind| Failure { kind, may_have_arrived: false, text: "x: y".into() };
        for kind in [FailureKind::Resolve, FailureKind::Connect, FailureKind::Tls] {
            let finding = told(&subject(None), Heard::Nothing(failure(kind)));
            assert!(finding.verdict == Verdict::Bad && finding.fix.is_some());
        }
    }

    #[test]
    fn a_model_is_known_by_its_name_with_a_tag_or_a_date() {
        assert!(is_same("models/gemini-2.5-pro", "gemini-2.5-pro"));
        assert!(is_same("claude-x-20260101", "claude-x") && is_same("qwen3:latest", "qwen3"));
        assert!(!is_same("qwen30", "qwen3") && !is_same("qwen", "qwen3"));
    }

    #[test]
    fn names_that_fail_all_at_once_are_a_fault_of_their_own() {
        assert_eq!(resolved(0, 0), None);
        assert_eq!(resolved(2, 2).unwrap().verdict, Verdict::Bad);
        assert_eq!(resolved(2, 1).unwrap().verdict, Verdict::Good);
    }
}

//! Looking whether all is well: each thing that can be wrong, what it means and what to do.
//!
//! # Invariants
//! - Nothing is changed by looking, and nothing is said that is secret.
//! - What could not be looked at is said; it never passes for good.
//!
//! # Not here
//! What is looked at: one file for each kind.

mod authority;
mod clock;
mod kernel;
mod log;
mod place;
mod reach;
mod secret;
mod settings;
pub(crate) mod times;

use std::path::PathBuf;

use sentinel_core::text::json;

use crate::configuration;

pub(crate) use kernel::user_namespaces;

/// How it stands with something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Good,
    /// Somebody should look; the agent works.
    Warning,
    /// The agent does not start, or does not do what it was told to.
    Bad,
}

impl Verdict {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Good => "OK",
            Self::Warning => "WARN",
            Self::Bad => "FAIL",
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What was looked at, in a word or two.
    pub(crate) about: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) fix: Option<String>,
}

impl Finding {
    pub(crate) fn good(about: &'static str, what: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Good, what: what.into(), fix: None }
    }

    pub(crate) fn warning(
        about: &'static str,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { about, verdict: Verdict::Warning, what: what.into(), fix: Some(fix.into()) }
    }

    pub(crate) fn bad(
        about: &'static str,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { about, verdict: Verdict::Bad, what: what.into(), fix: Some(fix.into()) }
    }
}

/// What is looked at, and how.
#[derive(Debug)]
pub(crate) struct Examination {
    /// The configuration that was named, or the usual one.
    pub(crate) file: Option<PathBuf>,
    /// The state directory that was named.
    pub(crate) state: Option<PathBuf>,
    /// Whether nobody else is asked anything.
    pub(crate) is_offline: bool,
}

/// Looks at everything.
pub(crate) fn examine(examination: &Examination) -> Vec<Finding> {
    let mut findings = kernel::look();
    findings.extend(clock::look());
    let file = examination.file.clone();
    let usual = || configuration::usual_file().filter(|path| path.exists());
    let (settings, config) = settings::look(file.or_else(usual).as_deref());
    findings.extend(settings);
    let Some(config) = config else {
        // Where its state would be nobody knows without the file, unless it was named.
        findings.extend(examination.state.iter().flat_map(|state| place::look(state)));
        return findings;
    };
    let usual = || PathBuf::from(&config.state().directory);
    let state = examination.state.clone().unwrap_or_else(usual);
    findings.extend(place::look(&state));
    findings.extend(secret::look(&config, &state));
    findings.extend(log::look(&state));
    findings.extend(authority::look(&config));
    match examination.is_offline {
        true => findings.push(Finding::good("network", "nobody was asked: --offline")),
        false => findings.extend(reach::look(&config)),
    }
    findings
}

/// The worst of all.
pub(crate) fn worst(findings: &[Finding]) -> Verdict {
    findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Good)
}

/// All findings, for programs.
pub(crate) fn to_json(findings: &[Finding]) -> String {
    json::object(|object| {
        object.field("ok", worst(findings) != Verdict::Bad);
        object.array("checks", |checks| {
            for finding in findings {
                checks.object(|object| {
                    object
                        .field("about", finding.about)
                        .field("verdict", finding.verdict.name())
                        .field("what", finding.what.as_str())
                        .optional("fix", finding.fix.as_deref());
                });
            }
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_decides_and_programs_can_read_it() {
        let good = Finding::good("a", "is \"fine\"");
        let odd = Finding::warning("b", "is odd", "look");
        let bad = Finding::bad("c", "is broken", "mend it");
        assert_eq!(worst(&[]), Verdict::Good);
        assert_eq!(worst(&[good.clone(), odd.clone()]), Verdict::Warning);
        let all = [bad, good, odd];
        assert_eq!(worst(&all), Verdict::Bad);
        let text = to_json(&all);
        let document = json::parse(text.as_bytes()).unwrap();
        let root = document.root();
        assert!(!root.get("ok").unwrap().as_bool().unwrap());
        let second = root.get("checks").unwrap().index(1).unwrap();
        assert_eq!(second.get("what").unwrap().as_str(), Ok("is \"fine\""));
        assert!(second.find("fix").is_none());
    }
}

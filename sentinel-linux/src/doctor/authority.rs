//! Grants: whether what was granted is there.

use std::path::Path;

use rustix::fs::{Access, access};
use sentinel_core::capability::{Grant, Level, Resource};
use sentinel_core::config::Config;

use super::Finding;

const ABOUT: &str = "grants";

/// Looks at the workspace and at every grant.
pub(super) fn look(config: &Config) -> Vec<Finding> {
    let mut findings = vec![workspace(config.workspace())];
    let grants = || config.settings().grants.iter().filter(|grant| grant.level != Level::Deny);
    let faults: Vec<Finding> = grants().filter_map(fault).collect();
    match (faults.is_empty(), grants().count()) {
        (true, 0) => findings.push(Finding::warning(
            ABOUT,
            "nothing is granted: it can talk, and nothing else",
            "add grants under [security], if it should do more",
        )),
        (true, count) => {
            findings.push(Finding::good(ABOUT, format!("{count}, and what they name is there")));
        }
        (false, _) => findings.extend(faults),
    }
    let inspection = &config.settings().inspection;
    if inspection.is_on {
        let text = match inspection.injections.len() {
            0 => "is inspected where grants speak of methods or paths".to_string(),
            count => format!(
                "is inspected where grants speak of methods or paths, or one of {count} secrets \
                 is added"
            ),
        };
        findings.push(Finding::good("TLS of commands", text));
    }
    findings
}

fn workspace(path: &str) -> Finding {
    const ABOUT: &str = "workspace";
    match Path::new(path).is_dir() {
        true => Finding::good(ABOUT, path),
        false => Finding::bad(
            ABOUT,
            format!("{path} is no directory that can be used"),
            format!("mkdir -p {path}, or set another workspace under [agent]"),
        ),
    }
}

/// What is wrong with what a grant names.
fn fault(grant: &Grant) -> Option<Finding> {
    match &grant.resource {
        Resource::Files { path, .. } => {
            let name = path.as_str();
            match std::fs::metadata(name) {
                Ok(_) => None,
                Err(error) => Some(Finding::warning(
                    ABOUT,
                    format!("'{grant}': {name}: {error}"),
                    format!("mkdir -p {name}, or take the grant away, and start the agent again"),
                )),
            }
        }
        Resource::Command(rule) => {
            let name = rule.program.as_str();
            let path = Path::new(name);
            if !path.is_file() {
                return Some(Finding::warning(
                    ABOUT,
                    format!("'{grant}': there is no program {name}"),
                    "install it, write its real path, or take the grant away",
                ));
            }
            access(path, Access::EXEC_OK).is_err().then(|| {
                Finding::warning(
                    ABOUT,
                    format!("'{grant}': {name} cannot be run by this user"),
                    format!("chmod +x {name}, or take the grant away"),
                )
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn what_is_granted_and_not_there_is_found_out() {
        let fault = |text: &str| fault(&text.parse().unwrap());
        assert_eq!(fault("read,list /"), None);
        assert_eq!(fault("run /bin/sh"), None);
        assert_eq!(fault("connect example.com GET"), None);
        let missing = fault("read /no/such/place").unwrap();
        assert!(missing.fix.unwrap().starts_with("mkdir -p /no/such/place"));
        assert!(fault("run /no/such/program").unwrap().what.contains("no program"));
        assert!(fault("run /etc/passwd").unwrap().what.contains("cannot be run"));
        assert_eq!(workspace("/etc/passwd").verdict, Verdict::Bad);
        assert_eq!(workspace("/").verdict, Verdict::Good);
    }
}

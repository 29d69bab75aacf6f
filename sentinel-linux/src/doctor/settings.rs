//! The configuration: whether it is read, what is to be said about it, and who can change it.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use sentinel_core::config::{Config, Diagnostic, Severity};

use super::Finding;
use crate::configuration;

const ABOUT: &str = "configuration";

/// Reads the file; the configuration, if there is one.
pub(super) fn look(file: Option<&Path>) -> (Vec<Finding>, Option<Config>) {
    let mut findings = Vec::new();
    let text = match file {
        None => {
            findings.push(Finding::good(ABOUT, "there is none; 'sentinel init' makes one"));
            String::new()
        }
        Some(path) => {
            findings.extend(owners(path));
            match std::fs::read_to_string(path) {
                Ok(text) => text,
                Err(error) => {
                    let what = format!("{}: {error}", path.display());
                    let fix =
                        "make it readable, name another with --config, or run 'sentinel init'";
                    findings.push(Finding::bad(ABOUT, what, fix));
                    return (findings, None);
                }
            }
        }
    };
    let name = file.map(|path| path.display().to_string()).unwrap_or_default();
    let reading = match configuration::reading(&text, &name) {
        Ok(reading) => reading,
        Err(error) => {
            findings.push(Finding::bad(ABOUT, error.to_string(), "start it somewhere else"));
            return (findings, None);
        }
    };
    findings.extend(reading.diagnostics.iter().map(told));
    if reading.config.is_some() && file.is_some() {
        findings.push(Finding::good(ABOUT, format!("{name} is read")));
    }
    (findings, reading.config)
}

/// Whoever can write to the file grants what they like.
fn owners(path: &Path) -> Option<Finding> {
    let data = std::fs::metadata(path).ok()?;
    let own = rustix::process::geteuid().as_raw();
    if data.uid() != own && data.uid() != 0 {
        let what = format!("{} belongs to somebody else, who can grant anything", path.display());
        return Some(Finding::bad(ABOUT, what, format!("chown {own} {}", path.display())));
    }
    if data.mode() & 0o022 != 0 {
        let what = format!("{} can be written by others, who can grant anything", path.display());
        return Some(Finding::bad(ABOUT, what, format!("chmod go-w {}", path.display())));
    }
    // Whoever can write to the directory puts another file in its place, unless it is a sticky one.
    let path = std::fs::canonicalize(path).ok()?;
    let above = path.parent()?;
    let data = std::fs::metadata(above).ok()?;
    let is_open = data.mode() & 0o022 != 0 && data.mode() & 0o1000 == 0;
    if is_open || (data.uid() != own && data.uid() != 0) {
        let what = format!("{} is others' to write to, who can replace the file", above.display());
        let fix = format!("chown {own} {0}, chmod go-w {0}", above.display());
        return Some(Finding::bad(ABOUT, what, fix));
    }
    None
}

fn told(diagnostic: &Diagnostic) -> Finding {
    let place = diagnostic.place.as_ref();
    let place = place.map_or_else(String::new, |it| format!(":{}:{}", it.line, it.column));
    let what = format!("{}{place}: {}", diagnostic.file, diagnostic.message);
    let help = diagnostic.help.clone();
    match diagnostic.severity {
        Severity::Error => {
            let fix = help.unwrap_or_else(|| "see 'sentinel config check'".into());
            Finding::bad(ABOUT, what, fix)
        }
        Severity::Danger => {
            let fix = help.map_or_else(String::new, |help| format!("{help}; or "));
            let fix = format!("{fix}start it with --i-know-what-im-doing");
            Finding::bad(ABOUT, format!("dangerous: {what}"), fix)
        }
        Severity::Note => {
            let fix = help.unwrap_or_else(|| "nothing, if it is meant so".into());
            Finding::warning(ABOUT, what, fix)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::{Verdict, worst};

    #[test]
    fn a_file_is_read_and_its_faults_are_findings() {
        let home = std::env::temp_dir().join(format!("sentinel-settings-{}", std::process::id()));
        fs::create_dir_all(&home).unwrap();
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
        let path = home.join("sentinel.toml");
        let look = |text: &str, mode| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            super::look(Some(&path))
        };
        let (findings, config) = look("", 0o600);
        assert!(config.is_some() && worst(&findings) == Verdict::Good, "{findings:?}");
        let (findings, config) = look("[agent]\nround = 5\n", 0o600);
        assert!(config.is_none() && worst(&findings) == Verdict::Bad);
        assert!(findings[0].what.contains(":2:1: unknown key 'round'"), "{findings:?}");
        let (findings, _) = look("[security]\ngrants = [\"write / ask\"]\n", 0o600);
        assert!(findings.iter().any(|it| it.what.starts_with("dangerous")), "{findings:?}");
        let (findings, config) = look("", 0o666);
        assert!(config.is_some() && findings[0].fix.as_deref().unwrap().starts_with("chmod go-w"));
        fs::set_permissions(&home, fs::Permissions::from_mode(0o777)).unwrap();
        let (findings, _) = look("", 0o600);
        assert!(findings[0].what.contains("can replace the file"), "{findings:?}");
        fs::remove_file(&path).unwrap();
        let (findings, config) = super::look(Some(&path));
        assert!(config.is_none() && worst(&findings) == Verdict::Bad);
        fs::remove_dir_all(home).unwrap();
    }
}

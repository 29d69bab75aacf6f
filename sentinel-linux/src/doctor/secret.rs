//! Secrets: whether they are where the configuration says, and whether others can read them there.
//!
//! # Invariants
//! - A secret is read, never shown, and wiped at once.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sentinel_core::config::{Config, SealKey, SecretSource};

use super::Finding;
use crate::{seal, secrets};

const ABOUT: &str = "secrets";

/// Looks for all secrets that a configuration names.
pub(super) fn look(config: &Config, state: &Path) -> Vec<Finding> {
    let mut findings = vec![key(config, state)];
    findings.extend(config.secrets().iter().map(|(whose, source)| secret(whose, source)));
    findings
}

fn secret(whose: &str, source: &SecretSource) -> Finding {
    if let (SecretSource::Credential(name), None) =
        (source, std::env::var_os("CREDENTIALS_DIRECTORY"))
    {
        let what = format!("{whose}: the credential {name} is there only under systemd");
        return Finding::warning(ABOUT, what, "look again from the unit, with LoadCredential=");
    }
    if let Err(error) = secrets::read(source) {
        let fix = match source {
            SecretSource::Environment(name) => {
                format!("set {name} where the agent is started, or name a file")
            }
            SecretSource::File(path) => format!("put it into {path}, one line, mode 600"),
            SecretSource::Credential(name) => format!("LoadCredential={name}:PATH in the unit"),
        };
        return Finding::bad(ABOUT, format!("{whose}: {error}"), fix);
    }
    match source {
        SecretSource::File(path) => match readers(Path::new(path)) {
            Some(mode) => Finding::bad(
                ABOUT,
                format!("{whose} is in {path}, which others can read (mode {mode:o})"),
                format!("chmod 600 {path}, and have the service give you another one"),
            ),
            None => Finding::good(ABOUT, format!("{whose} is in {path}, for this user alone")),
        },
        SecretSource::Environment(name) => Finding::good(ABOUT, format!("{whose} is in {name}")),
        SecretSource::Credential(name) => {
            Finding::good(ABOUT, format!("{whose} is the credential {name}"))
        }
    }
}

/// The key of the log, which is made with it.
fn key(config: &Config, state: &Path) -> Finding {
    const ABOUT: &str = "key";
    let has_log = fs::metadata(state.join("journal/000000.log")).is_ok_and(|it| it.len() > 0);
    let place = config.state();
    let file: Option<PathBuf> = match &place.key {
        SealKey::Key(SecretSource::File(path)) => Some(seal::moved(path, &place.directory, state)),
        SealKey::Key(SecretSource::Credential(name))
            if std::env::var_os("CREDENTIALS_DIRECTORY").is_none() =>
        {
            let what = format!("the key of the log, the credential {name}, is there under systemd");
            return Finding::warning(ABOUT, what, "look again from the unit");
        }
        SealKey::Passphrase(SecretSource::Environment(name)) => {
            return match std::env::var_os(name) {
                Some(_) => Finding::good(ABOUT, format!("the passphrase of the log is in {name}")),
                None => Finding::bad(
                    ABOUT,
                    format!("the passphrase of the log is not in {name}"),
                    format!("set {name} where the agent is started"),
                ),
            };
        }
        SealKey::Asked => return Finding::good(ABOUT, "the passphrase of the log is asked for"),
        _ => None,
    };
    if !has_log && file.as_ref().is_some_and(|path| !path.exists()) {
        return Finding::good(ABOUT, "the key of the log is made by the first start");
    }
    // Told that there is a log, it makes no key.
    if let Err(error) = seal::master(place, state, true) {
        let fix = "put back the key from your copy: without it the log cannot be read any more";
        return Finding::bad(ABOUT, error, fix);
    }
    match file.as_deref().and_then(|path| Some((path, readers(path)?))) {
        Some((path, mode)) => Finding::bad(
            ABOUT,
            format!("{} can be read by others (mode {mode:o})", path.display()),
            format!("chmod 600 {}", path.display()),
        ),
        None => Finding::good(ABOUT, "the key of the log is there; keep a copy elsewhere"),
    }
}

/// The mode of a file, if it lets others in.
fn readers(path: &Path) -> Option<u32> {
    let mode = fs::metadata(path).ok()?.mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_secret_that_is_missing_or_open_is_found_and_not_shown() {
        let path = std::env::temp_dir().join(format!("sentinel-canary-{}", std::process::id()));
        let source = SecretSource::File(path.to_str().unwrap().into());
        let _ = fs::remove_file(&path);
        let finding = secret("the key of 'x'", &source);
        assert_eq!(finding.verdict, Verdict::Bad);
        fs::write(&path, "canary-7531\n").unwrap();
        for (mode, verdict) in [(0o644, Verdict::Bad), (0o600, Verdict::Good)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let finding = secret("the key of 'x'", &source);
            assert_eq!(finding.verdict, verdict);
            assert!(!format!("{finding:?}").contains("canary-7531"), "{finding:?}");
        }
        fs::remove_file(path).unwrap();
        let unset = SecretSource::Environment("SENTINEL_NO_SUCH_VARIABLE".into());
        let fix = secret("the key of 'x'", &unset).fix.unwrap();
        assert!(fix.contains("set SENTINEL_NO_SUCH_VARIABLE"), "{fix}");
    }
}

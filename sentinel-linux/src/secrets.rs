//! Secrets: read once, from where the configuration says they are, and wiped when they are done
//! with.

use std::fmt;
use std::io::Read as _;
use std::path::PathBuf;

use sentinel_core::config::SecretSource;
use sentinel_core::egress::{SECRET_BYTES_MIN, SharedSecret};
use sentinel_core::order::Map;
use zeroize::Zeroizing;

use crate::environment;

/// A secret: nothing shows it, and its memory is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    /// One that was found by other means than the configuration's.
    pub(crate) const fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The secret itself, for the one place where it goes.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(MASK)
    }
}

const MASK: &str = "(a secret)";

/// Reads a secret.
///
/// # Errors
/// It is not there, or there is nothing in it; the text says where it was looked for, and never
/// what it is.
pub(crate) fn read(source: &SecretSource) -> Result<Secret, String> {
    let text = match source {
        SecretSource::Environment(name) => environment::var(name)
            .ok_or_else(|| format!("the variable {name} is not set, or is no text"))?,
        SecretSource::File(path) => text_of(PathBuf::from(path))?,
        SecretSource::Credential(name) => {
            let directory = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| {
                format!("the credential {name} is meant for systemd, which did not start this")
            })?;
            text_of(PathBuf::from(directory).join(name))?
        }
    };
    let secret = Zeroizing::new(text.trim().to_string());
    let is_one_line = !secret.is_empty() && !secret.contains(char::is_control);
    if !is_one_line {
        return Err(format!("{} holds no secret: one line is expected", place(source)));
    }
    Ok(Secret(secret))
}

/// The secrets that are added to what programs send, by their names.
///
/// # Errors
/// One is not there, or too short to be told from other text.
pub(crate) fn injected(
    sources: &[(String, SecretSource)],
) -> Result<Map<String, SharedSecret>, String> {
    let mut secrets = Map::new();
    for (name, source) in sources {
        let secret = read(source).map_err(|error| format!("[secret.{name}]: {error}"))?;
        let secret = shared(&secret).map_err(|error| format!("[secret.{name}]: {error}"))?;
        secrets.insert(name.clone(), secret);
    }
    Ok(secrets)
}

/// A secret that can be covered where it is said back.
///
/// # Errors
/// It is too short.
pub(crate) fn shared(secret: &Secret) -> Result<SharedSecret, String> {
    match secret.as_str().len() >= SECRET_BYTES_MIN {
        true => Ok(secret.as_str().into()),
        false => Err(format!(
            "a secret of less than {SECRET_BYTES_MIN} bytes is found everywhere in what is answered"
        )),
    }
}

/// The file that a secret is in, if it is in one.
pub(crate) fn file(source: &SecretSource) -> Option<PathBuf> {
    match source {
        SecretSource::Environment(_) => None,
        SecretSource::File(path) => Some(PathBuf::from(path)),
        SecretSource::Credential(name) => {
            std::env::var_os("CREDENTIALS_DIRECTORY").map(|path| PathBuf::from(path).join(name))
        }
    }
}

fn text_of(path: PathBuf) -> Result<Zeroizing<String>, String> {
    // Room for all that is read and more, or a part would be moved and left behind.
    let mut text = Zeroizing::new(String::with_capacity(2 * SECRET_BYTES_MAX));
    let read = || {
        let file = std::fs::File::open(&path)?;
        file.take(SECRET_BYTES_MAX as u64).read_to_string(&mut text)
    };
    let read: std::io::Result<usize> = { read }();
    read.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text)
}

fn place(source: &SecretSource) -> String {
    match source {
        SecretSource::Environment(name) => format!("the variable {name}"),
        SecretSource::File(path) => path.clone(),
        SecretSource::Credential(name) => format!("the credential {name}"),
    }
}

const SECRET_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_line_and_an_error_does_not_repeat_it() {
        let path = std::env::temp_dir().join(format!("sentinel-secret-{}", std::process::id()));
        let source = SecretSource::File(path.to_str().unwrap().into());
        assert!(read(&source).unwrap_err().contains("sentinel-secret"));
        for (text, is_read) in [("hush\n", true), ("hush", true), ("", false), ("hu\nsh", false)] {
            std::fs::write(&path, text).unwrap();
            match read(&source) {
                Ok(secret) => {
                    assert!(is_read && secret.as_str() == "hush");
                    assert!(!format!("{secret} {secret:?}").contains("hush"));
                }
                Err(error) => assert!(!is_read && !error.contains("sh\n") && !error.contains("hu")),
            }
        }
        std::fs::remove_file(path).unwrap();
        let missing = SecretSource::Environment("SENTINEL_NO_SUCH_VARIABLE".into());
        assert!(read(&missing).unwrap_err().contains("SENTINEL_NO_SUCH_VARIABLE"));
    }
}

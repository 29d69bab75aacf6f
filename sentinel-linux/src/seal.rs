//! The master key: what wraps the keys of conversations, and where it is.
//!
//! # Invariants
//! - A key that is not there is made only for a log that is not there either: another key would
//!   open nothing.
//! - A wrong passphrase is said to be wrong, and changes nothing.

mod asked;
mod passphrase;

use std::path::{Path, PathBuf};

use sentinel_core::config::{SealKey, SecretSource, State as Place};
use sentinel_core::journal::MasterKey;
use zeroize::Zeroizing;

use self::passphrase::Recipe;
use crate::state::{entropy, replace};
use crate::{log, secrets};

/// The key that a configuration names, for a log in this directory.
///
/// # Errors
/// It is not there although the log is, or it is no key.
pub(crate) fn master(place: &Place, state: &Path, has_log: bool) -> Result<MasterKey, String> {
    match &place.key {
        SealKey::Key(source) => {
            if !has_log {
                // A start that made it did not come to its log; or somebody took the log away.
                Recipe::put_aside(state)?;
            } else if Recipe::find(state)?.is_some() {
                return Err("the log is sealed with a passphrase, and the configuration names a \
                            key: write key = \"passphrase\" under [state]"
                    .into());
            }
            kept(source, place, state, has_log)
        }
        SealKey::Passphrase(source) => {
            let read = || secrets::read(source).map_err(|error| format!("the passphrase: {error}"));
            match Recipe::find(state)? {
                Some(recipe) => recipe.key(read()?.as_str())?.ok_or_else(|| WRONG.into()),
                None if has_log => Err(NO_RECIPE.into()),
                None => Recipe::make(state, read()?.as_str()),
            }
        }
        SealKey::Asked => match Recipe::find(state)? {
            Some(recipe) => {
                for _ in 0..TRIES_MAX {
                    let typed = asked::ask("Passphrase of the log: ")?;
                    if let Some(key) = recipe.key(&typed)? {
                        return Ok(key);
                    }
                    log::warn!("{WRONG}");
                }
                Err(format!("no passphrase of {TRIES_MAX} was the right one"))
            }
            None if has_log => Err(NO_RECIPE.into()),
            None => {
                let first = asked::ask("A passphrase for the new log: ")?;
                let second = asked::ask("The same once more: ")?;
                match *first == *second {
                    true => Recipe::make(state, &first),
                    false => Err("these were two passphrases; nothing was made".into()),
                }
            }
        },
    }
}

const WRONG: &str = "this is not the passphrase that the log was sealed with; nothing was changed";

const NO_RECIPE: &str = "the log was not sealed with a passphrase, or the file 'passphrase' beside \
                         it is gone; a log goes on with the key it began with: put that back under \
                         [state], or name another directory with --state";

const TRIES_MAX: usize = 3;

/// A key that is kept somewhere.
fn kept(
    source: &SecretSource,
    place: &Place,
    state: &Path,
    has_log: bool,
) -> Result<MasterKey, String> {
    let source = match source {
        SecretSource::File(path) => {
            let path = moved(path, &place.directory, state);
            if !path.exists() && !has_log {
                make(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            }
            SecretSource::File(path.display().to_string())
        }
        source => source.clone(),
    };
    let text = secrets::read(&source).map_err(|error| format!("the key of the log: {error}"))?;
    let key = read(text.as_str()).ok_or("the key of the log: it is not 64 hexadecimal digits")?;
    Ok(MasterKey::new(*key))
}

/// The same place in the directory that is used, if the path is in the one that was configured.
pub(crate) fn moved(path: &str, configured: &str, used: &Path) -> PathBuf {
    match Path::new(path).strip_prefix(configured) {
        Ok(rest) => used.join(rest),
        Err(_) => PathBuf::from(path),
    }
}

fn make(path: &Path) -> std::io::Result<()> {
    let bytes = entropy::<32>().map_err(std::io::Error::other)?;
    let mut text = Zeroizing::new(String::with_capacity(65));
    for byte in *bytes {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(digit.into(), 16));
        }
    }
    text.push('\n');
    // Whole or not at all: half a key would stand in the way of every start from then on.
    match (path.parent(), path.file_name().and_then(|name| name.to_str())) {
        (Some(directory), Some(name)) => replace(directory, name, text.as_bytes()),
        _ => Err(std::io::ErrorKind::InvalidFilename.into()),
    }
}

/// Reads 64 hexadecimal digits.
fn read(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut key = Zeroizing::new([0; 32]);
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let value = char::from(*digit).to_digit(16)?;
            *byte = *byte << 4 | u8::try_from(value).ok()?;
        }
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_never_for_a_log_that_is_there() {
        let home = std::env::temp_dir().join(format!("sentinel-seal-{}", std::process::id()));
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(&home).unwrap();
        let key = SealKey::Key(SecretSource::File("/configured/journal.key".into()));
        let place = Place { directory: "/configured".into(), key };
        let error = master(&place, &home, true).unwrap_err();
        assert!(error.contains("journal.key"), "{error}");
        assert!(master(&place, &home, false).is_ok());
        let text = fs::read(home.join("journal.key")).unwrap();
        assert!(master(&place, &home, true).is_ok());
        assert_eq!(fs::read(home.join("journal.key")).unwrap(), text);
        assert_eq!(text.len(), 65);
        fs::write(home.join("journal.key"), "short").unwrap();
        assert!(master(&place, &home, true).unwrap_err().contains("64 hexadecimal digits"));
        fs::remove_dir_all(home).unwrap();
    }

    /// With the cost of the real thing, once.
    #[test]
    fn a_passphrase_is_recognised_and_a_wrong_one_changes_nothing() {
        let home = std::env::temp_dir().join(format!("sentinel-phrase-{}", std::process::id()));
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(&home).unwrap();
        let file = home.join("told");
        let source = SecretSource::File(file.display().to_string());
        let place = Place { directory: String::new(), key: SealKey::Passphrase(source) };
        let tell = |text: &str| fs::write(&file, text).unwrap();
        tell("short");
        assert!(master(&place, &home, false).unwrap_err().contains("at least 8 characters"));
        tell("correct horse battery\n");
        assert!(master(&place, &home, true).unwrap_err().contains("not sealed with a passphrase"));
        assert!(master(&place, &home, false).is_ok());
        let stored = fs::read(home.join("passphrase")).unwrap();
        assert!(!String::from_utf8_lossy(&stored).contains("horse"));
        assert!(master(&place, &home, true).is_ok());
        tell("correct horse buttery");
        assert_eq!(master(&place, &home, true).unwrap_err(), WRONG);
        assert_eq!(fs::read(home.join("passphrase")).unwrap(), stored);
        // A log that a passphrase sealed is not gone on with by a key that is made now.
        let key = SealKey::Key(SecretSource::File(home.join("k").display().to_string()));
        let place = Place { key, ..place };
        let error = master(&place, &home, true).unwrap_err();
        assert!(error.contains("key = \"passphrase\"") && !home.join("k").exists(), "{error}");
        // Where there is no log after all, the next one is free to begin with a key.
        assert!(master(&place, &home, false).is_ok() && master(&place, &home, true).is_ok());
        assert_eq!(fs::read(home.join("passphrase.old")).unwrap(), stored);
        fs::remove_dir_all(home).unwrap();
    }

    #[test]
    fn digits_are_read_exactly() {
        let key = read(&("00ff".to_string() + &"0a".repeat(30))).unwrap();
        assert_eq!(key[..3], [0, 0xff, 0x0a]);
        assert!(read(&"0".repeat(63)).is_none() && read(&"g".repeat(64)).is_none());
    }
}

//! The master key: what wraps the keys of conversations, and where it is.
//!
//! # Invariants
//! - A key that is not there is made only for a log that is not there either: another key would
//!   open nothing.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sentinel_core::config::{SealKey, SecretSource, State as Place};
use sentinel_core::journal::MasterKey;
use zeroize::Zeroizing;

use crate::secrets;
use crate::state::{entropy, private};

/// The key that a configuration names, for a log in this directory.
///
/// # Errors
/// It is not there although the log is, or it is no key.
pub(crate) fn master(place: &Place, state: &Path, has_log: bool) -> Result<MasterKey, String> {
    let source = match &place.key {
        SealKey::Key(SecretSource::File(path)) => {
            let path = moved(path, &place.directory, state);
            if !path.exists() && !has_log {
                make(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            }
            SecretSource::File(path.display().to_string())
        }
        SealKey::Key(source) => source.clone(),
        SealKey::Passphrase(_) | SealKey::Asked => {
            return Err(
                "this version seals the log with a key in a file or a credential, not with \
                        a passphrase: write key = \"file\" under [state]"
                    .into(),
            );
        }
    };
    let text = secrets::read(&source).map_err(|error| format!("the key of the log: {error}"))?;
    let key = read(&text).ok_or("the key of the log: it is not 64 hexadecimal digits")?;
    Ok(MasterKey::new(*key))
}

/// The same place in the directory that is used, if the path is in the one that was configured.
fn moved(path: &str, configured: &str, used: &Path) -> PathBuf {
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
    let mut file = private().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
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
        let place = Place { key: SealKey::Asked, ..place };
        assert!(master(&place, &home, false).unwrap_err().contains("passphrase"));
        fs::remove_dir_all(home).unwrap();
    }

    #[test]
    fn digits_are_read_exactly() {
        let key = read(&("00ff".to_string() + &"0a".repeat(30))).unwrap();
        assert_eq!(key[..3], [0, 0xff, 0x0a]);
        assert!(read(&"0".repeat(63)).is_none() && read(&"g".repeat(64)).is_none());
    }
}

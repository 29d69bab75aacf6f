//! The environment, out of which secrets are taken.
//!
//! What stands in the environment of a process can be read in `/proc` for as long as it runs, by
//! whoever may look at it, and ends up in dumps and support archives. So the running agent keeps
//! there only what says nothing, and holds the rest in memory of its own: reloading the
//! configuration can name a variable that was not needed before.
//!
//! # Invariants
//! - After [`take`] the block of memory that the kernel shows as the environment holds the
//!   variables of a short list, and zeros.
//!
//! # Not here
//! What is read from it: [`secrets`](crate::secrets), [`configuration`](crate::configuration).

use std::sync::OnceLock;

use sentinel_core::order::Map;
use zeroize::Zeroizing;

/// The value of a variable, if it is set and is text.
pub(crate) fn var(name: &str) -> Option<Zeroizing<String>> {
    match TAKEN.get().and_then(|taken| taken.get(name)) {
        Some(value) => Some(value.clone()),
        None => std::env::var(name).ok().map(Zeroizing::new),
    }
}

/// The same for those who only want to know of a secret that it is there: of what looks like one by
/// its name they get no copy.
pub(crate) fn text(name: &str) -> Option<String> {
    let value = var(name)?;
    match is_secret(name) && !value.trim().is_empty() {
        true => Some("(a secret)".into()),
        false => Some(value.to_string()),
    }
}

/// Takes everything out of the environment but what says nothing. To be called while there is one
/// thread, and once.
pub(crate) fn take() {
    let mut taken = Map::new();
    for (name, value) in std::env::vars_os() {
        if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string())
            && !stays(name.as_bytes())
        {
            taken.insert(name, Zeroizing::new(value));
        }
    }
    // Who takes twice has taken everything the first time.
    let _ = TAKEN.set(taken);
    wipe();
}

/// Forgets everything but what says nothing, for a process that needs none of it. To be called
/// while there is one thread.
pub(crate) fn forget() {
    wipe();
}

/// Overwrites the strings where the system put them, and forgets where they were.
#[allow(unsafe_code, reason = "the first environment can be written to in no safe way")]
fn wipe() {
    // SAFETY: there is one thread, so that nobody else reads or changes `environ` meanwhile. It
    // leads to a list of pointers that ends with none, each to a string with a zero at its end, all
    // of which were made for this process to write to; `write` never passes `read`, so that it
    // stays within the list. A string is not read again after it was overwritten, because the list
    // leads to it no longer.
    unsafe {
        let mut read = environ;
        let mut write = environ;
        if read.is_null() {
            return;
        }
        while !(*read).is_null() {
            let entry = *read;
            read = read.add(1);
            let length = libc::strlen(entry);
            let bytes = std::slice::from_raw_parts_mut(entry.cast::<u8>(), length);
            let name = bytes.split(|byte| *byte == b'=').next().unwrap_or_default();
            if stays(name) {
                *write = entry;
                write = write.add(1);
            } else {
                zeroize::Zeroize::zeroize(bytes);
            }
        }
        *write = std::ptr::null_mut();
    }
}

#[allow(unsafe_code, reason = "a variable of the C library")]
unsafe extern "C" {
    static mut environ: *mut *mut libc::c_char;
}

/// Whether a variable says nothing that others must not know.
fn stays(name: &[u8]) -> bool {
    let Ok(name) = std::str::from_utf8(name) else { return false };
    // Whoever writes the configuration gives a secret any name, so that only a list can be right.
    HARMLESS.contains(&name) || name.starts_with(HARMLESS_START) && !is_secret(name)
}

/// Whether a name is one that secrets have.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL"].iter().any(|word| name.contains(word))
}

static TAKEN: OnceLock<Map<String, Zeroizing<String>>> = OnceLock::new();

const HARMLESS: [&str; 24] = [
    "COLORTERM",
    "CREDENTIALS_DIRECTORY",
    "HOME",
    "HOSTNAME",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "NOTIFY_SOCKET",
    "NO_COLOR",
    "OLDPWD",
    "PATH",
    "PWD",
    "RUST_BACKTRACE",
    "SENTINEL_LOG",
    "SHELL",
    "TERM",
    "TMPDIR",
    "TZ",
    "USER",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
];

const HARMLESS_START: &str = "LC_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_stay_is_named() {
        for name in ["HOME", "LC_ALL", "XDG_STATE_HOME", "SENTINEL_LOG", "CREDENTIALS_DIRECTORY"] {
            assert!(stays(name.as_bytes()), "{name}");
        }
        for name in ["ANTHROPIC_API_KEY", "BOT_TOKEN", "http_proxy", "SENTINEL_PASSPHRASE", "X"] {
            assert!(!stays(name.as_bytes()), "{name}");
        }
        for name in ["SENTINEL_TG", "SENTINEL_TELEGRAM", "XDG_TG", "LC_TOKEN"] {
            assert!(!stays(name.as_bytes()), "{name}");
        }
        assert!(!stays(b"\xff"));
    }

    #[test]
    fn of_a_secret_only_is_told_that_it_is_there() {
        assert_eq!(var("SENTINEL_NO_SUCH_TOKEN"), None);
        assert_eq!(text("SENTINEL_NO_SUCH_TOKEN"), None);
        assert!(text("PATH").is_some());
    }
}

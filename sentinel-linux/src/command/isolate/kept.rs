//! Secrets, while the sandbox is made.
//!
//! The first process of a sandbox is a copy of this one, and so is its memory. Nobody inside can
//! look into it; still nothing is there that need not be. So what is to be added to requests waits
//! in a pipe, which is the kernel's, until there is a sandbox, and the environment is wiped.
//!
//! # Invariants
//! - What was put away is read again by this process alone.

use std::io::{Read as _, Write as _};

use rustix::pipe::PipeFlags;
use sentinel_core::egress::{Injection, SharedSecret};
use sentinel_core::order::Map;
use sentinel_core::sandbox::policy::{self, Key, Policy};
use zeroize::Zeroizing;

use super::Refused;
use crate::environment;
use crate::secrets::{Secret, shared};

/// Secrets that were put away.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pipe: Option<std::fs::File>,
    /// The variables, and how long what they held is.
    lengths: Vec<(String, usize)>,
}

impl Kept {
    /// Takes the secrets that a policy names out of the environment.
    pub(super) fn put_away(policy: &Policy) -> Result<Self, Refused> {
        let mut kept = Self::default();
        // It never grows, so that nothing is moved and left behind.
        let mut all = Zeroizing::new(Vec::with_capacity(SECRETS_BYTES_MAX));
        for (_, variable) in secrets(policy) {
            if kept.lengths.iter().any(|(known, _)| known == variable) {
                continue;
            }
            let refused =
                |why: &str| Refused::new(format!("--secret: the variable {variable} {why}"));
            let value = environment::var(variable).ok_or_else(|| refused("is not set here"))?;
            let value = Zeroizing::new(value.trim().to_string());
            if value.is_empty() || value.contains(char::is_control) {
                return Err(refused("holds no secret: one line is expected"));
            }
            if all.len() + value.len() > SECRETS_BYTES_MAX {
                let why =
                    format!("--secret: all together have more than {SECRETS_BYTES_MAX} bytes");
                return Err(Refused::new(why));
            }
            all.extend_from_slice(value.as_bytes());
            kept.lengths.push((variable.to_string(), value.len()));
        }
        if kept.lengths.is_empty() {
            return Ok(kept);
        }
        let (reader, writer) =
            rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(std::io::Error::from)?;
        // It has room for it, so that this does not wait.
        std::fs::File::from(writer).write_all(&all)?;
        kept.pipe = Some(reader.into());
        // There is one thread yet, and what is needed of it was read.
        environment::forget();
        Ok(kept)
    }

    /// Has them again.
    pub(super) fn take_back(mut self) -> Result<Map<String, SharedSecret>, Refused> {
        let mut secrets = Map::new();
        for (variable, length) in self.lengths {
            let mut value = Zeroizing::new(vec![0; length]);
            if let Some(pipe) = &mut self.pipe {
                pipe.read_exact(&mut value)?;
            }
            let text = std::str::from_utf8(&value);
            let text = text.map_err(|_| Refused::new("--secret: it is no text"))?;
            let secret = shared(&Secret::new(Zeroizing::new(text.to_string())))
                .map_err(|why| Refused::new(format!("--secret: {variable}: {why}")))?;
            secrets.insert(variable, secret);
        }
        Ok(secrets)
    }
}

/// What is added to requests, and the variables that hold it.
pub(super) fn secrets(policy: &Policy) -> impl Iterator<Item = (Injection, &str)> {
    let said = policy.all(Key::Secrets).iter();
    said.filter_map(|secret| policy::secret(std::str::from_utf8(secret).ok()?))
}

/// What a pipe takes at once, on every machine.
const SECRETS_BYTES_MAX: usize = 4096;

//! What an attempt is told: where the things are that it is to reach.
//!
//! The secret itself is never among it, so that whoever puts it out has got at it.

use std::io::Write as _;
use std::path::PathBuf;

use sentinel_core::order::Map;

use super::{Refused, Tried};

/// The variable that carries it, and without which no attempt is made.
pub(super) const VARIABLE: &str = "SENTINEL_BREAKOUT";

/// What stands on the command line before the name of an attempt.
pub(super) const WORD: &str = "--breakout-attempt";

/// The places and numbers of one run.
#[derive(Clone, Debug, Default)]
pub(super) struct Ground {
    told: Map<String, String>,
}

impl Ground {
    /// Reads what [`Self::written`] wrote.
    pub(super) fn read(text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Self { told: pairs.map(|(name, value)| (name.into(), value.into())).collect() }
    }

    pub(super) fn written(&self) -> String {
        let lines = self.told.iter().map(|(name, value)| format!("{name}={value}\n"));
        lines.collect()
    }

    pub(super) fn tell(&mut self, name: &str, value: impl std::fmt::Display) {
        self.told.insert(name.into(), value.to_string());
    }

    /// Something that could not be prepared on this machine makes what needs it untried.
    pub(super) fn text(&self, name: &str) -> Result<&str, Refused> {
        let value = self.told.get(name).map(String::as_str);
        value.ok_or_else(|| Refused::untried(format!("there is no {name} on this machine")))
    }

    pub(super) fn number<N: std::str::FromStr>(&self, name: &str) -> Result<N, Refused> {
        let value = self.text(name)?;
        value.parse().map_err(|_| Refused::untried(format!("{name} is no number: {value}")))
    }

    /// The sign of this run, which nobody else knows.
    pub(super) fn sign(&self) -> &str {
        self.told.get(SIGN).map_or("", String::as_str)
    }

    /// Granted for reading and writing.
    pub(super) fn workspace(&self, name: &str) -> PathBuf {
        self.beneath(WORKSPACE, name)
    }

    /// Granted for reading.
    pub(super) fn shared(&self, name: &str) -> PathBuf {
        self.beneath(SHARED, name)
    }

    /// Not granted.
    pub(super) fn outside(&self, name: &str) -> PathBuf {
        self.beneath(OUTSIDE, name)
    }

    fn beneath(&self, place: &str, name: &str) -> PathBuf {
        let place = self.told.get(place).map(PathBuf::from).unwrap_or_default();
        if name.is_empty() { place } else { place.join(name) }
    }
}

pub(super) const SIGN: &str = "sign";
pub(super) const WORKSPACE: &str = "workspace";
pub(super) const SHARED: &str = "shared";
pub(super) const OUTSIDE: &str = "outside";
/// The port of the proxy.
pub(super) const PROXY: &str = "proxy";

/// Puts out what was got, for the runner to look for the secret in.
pub(super) fn put_out(what: &[u8]) -> Tried {
    let mut out = std::io::stdout().lock();
    out.write_all(what)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}

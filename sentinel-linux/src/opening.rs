//! Opening the state directory: the settings, the keys, and the log gone on with.
//!
//! # Not here
//! What is done with it: [`program`](crate::program) works, [`management`](crate::management) does
//! what an operator asks for while no agent is at work.

use std::error::Error;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sentinel_core::agent::Settings;
use sentinel_core::journal::RecoverError;
use sentinel_core::runtime::{ResumeError, Secrets, Sentinel};

use crate::clock::Clock;
use crate::configuration::{self, Configuration};
use crate::control::socket_path;
use crate::seal;
use crate::state::{self, State, StateError};

/// What was opened.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The directory, which is held as long as this is.
    pub(crate) state: State,
    pub(crate) settings: Arc<Settings>,
    pub(crate) sentinel: Sentinel,
    /// The number of the log's last file.
    pub(crate) last: u64,
    /// How much of that file is good.
    pub(crate) bytes_count: u64,
}

/// What for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// An agent goes to work.
    Work,
    /// An operator looks at it, or does something, while none is.
    Maintenance,
}

/// Takes the state directory and goes on with its log.
pub(crate) fn open(
    configuration: &Configuration,
    directory: &Path,
    clock: &Clock,
    purpose: Purpose,
) -> Result<Opened, Box<dyn Error>> {
    let state = take(directory, purpose)?;
    let config = &configuration.config;
    let (settings, text) = configuration.settings(state.directory())?;
    let settings = Arc::new(settings);
    state.keep_settings(&settings.digest, &text)?;
    let earlier = |digest: &[u8; 32]| {
        // What they were read from is in the digest: text, files, skills, and where the state is.
        if *digest == settings.digest {
            return Some(settings.clone());
        }
        let text = state.kept_settings(digest)?;
        configuration::earlier(&text, *digest).map(Arc::new)
    };
    let log = state.log()?;
    let has_log = !log.is_empty();
    let origin = state.origin(log.first().map(Vec::as_slice))?;
    let secrets = || -> Result<Secrets, Box<dyn Error>> {
        Ok(Secrets {
            journal: state.journal_id()?,
            origin: origin.clone(),
            seed: state.seed()?,
            master: seal::master(config.state(), state.directory(), has_log)?,
            entropy: *state::entropy()?,
        })
    };
    let files: Vec<&[u8]> = log.iter().map(Vec::as_slice).collect();
    let resumed = match files.is_empty() {
        true => None,
        false => {
            let go_on = match purpose {
                Purpose::Work => Sentinel::resume,
                Purpose::Maintenance => Sentinel::maintain,
            };
            let (settings, now) = (settings.clone(), clock.now());
            match go_on(settings, &earlier, secrets()?, state.ring()?, &files, now) {
                // The first write of all did not come to its end: nothing was begun.
                Err(ResumeError::Log(RecoverError::Empty)) => None,
                outcome => Some(outcome?),
            }
        }
    };
    let (mut sentinel, bytes_count) = match resumed {
        Some(resumed) => (resumed.sentinel, resumed.bytes_count),
        None => (Sentinel::create(settings.clone(), secrets()?, clock.now())?, 0),
    };
    sentinel.sign_with(state.log_key()?);
    let last = files.len().saturating_sub(1) as u64;
    Ok(Opened { state, settings, sentinel, last, bytes_count })
}

/// Takes the directory. Whoever goes to work waits a while for an operator's command that holds it
/// without being at work: a service should not fail to start because somebody looked at it.
fn take(directory: &Path, purpose: Purpose) -> Result<State, StateError> {
    let end = Instant::now() + PATIENCE;
    loop {
        match State::open(directory) {
            Err(StateError::Held { path })
                if purpose == Purpose::Work && Instant::now() < end && !is_at_work(&path) =>
            {
                std::thread::sleep(PAUSE);
            }
            outcome => return outcome,
        }
    }
}

/// Whether the process that holds a directory can be spoken with.
fn is_at_work(directory: &Path) -> bool {
    socket_path(directory).is_ok_and(|path| UnixStream::connect(path).is_ok())
}

const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(20);

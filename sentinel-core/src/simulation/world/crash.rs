//! The end of the program at any moment, and its start again.

use alloc::sync::Arc;

use super::{LOG_KEY, MASTER, Rests, World};
use crate::agent::{OperatorCommand, Settings};
use crate::journal::{EpochSeed, JournalId, KeyRing, LogKey, MasterKey, RecoverError};
use crate::runtime::{Effect, Event, EventError, ResumeError, Resumed, Secrets, Sentinel};
use crate::simulation::disk::Written;
use crate::simulation::promises;
use crate::simulation::random::Random;
use crate::simulation::surroundings::PERSONA;
use crate::time::Now;

/// Goes on with a log, to work or for operators alone.
type GoOn = fn(
    Arc<Settings>,
    &dyn Fn(&[u8; 32]) -> Option<Arc<Settings>>,
    Secrets,
    KeyRing,
    &[&[u8]],
    Now,
) -> Result<Resumed, ResumeError>;

impl World {
    /// The program ends in this moment, and is started again.
    pub(super) fn crash(&mut self) {
        self.summary.crashes += 1;
        self.trace("--", &"the program ends");
        // Seldom it ends again before it has begun.
        self.fuse = self.random.chance(15).then(|| self.random.below(8));
        self.disk.crash(&mut self.random, &mut self.summary);
        self.streams.clear();
        self.running.clear();
        self.nobody_asks();
        self.fetching.clear();
        // What was on its way to a platform may still get there.
        while let Some(post) = self.chats.under_way.pop_front() {
            if self.random.chance(50) {
                let Self { chats, random, summary, .. } = self;
                let _ = chats.carry_out(&post, false, random, summary);
            }
        }
        self.instant = self.random.below(1 << 30);
        match self.random.chance(5) {
            true => {
                self.summary.clock_back += 1;
                self.wall = self.wall.saturating_sub(self.random.below(1 << 27));
            }
            false => self.wall += self.random.below(60_000),
        }
        let now = self.now();
        let is_maintained = self.random.chance(25) && self.maintain(now);
        self.trace("==", &is_maintained);
        if !self.go_on(now, Sentinel::resume) {
            // Not even the log's beginning was kept: this is a first start again.
            assert_eq!(self.safe_count, 0, "a log was lost that was safe");
            self.summary.begun_again += 1;
            self.disk.truncate(0);
            let seed = self.disk.seed.as_slice().try_into().unwrap();
            let secrets = secrets(&mut self.random, EpochSeed::from_bytes(seed));
            self.sentinel = Sentinel::create(self.settings.clone(), secrets, now).unwrap();
            self.sentinel.rotate_after(self.file_bytes_max);
            self.sentinel.sign_with(LogKey::from_bytes(&LOG_KEY));
            self.seen.begin_again();
        }
        // What the disk kept of a halt is what there is.
        let halted = self.sentinel.status().halted;
        let is_halted = halted.is_some_and(|why| why.contains("operator"));
        self.rests = Rests { is_halted, is_other: halted.is_some() && !is_halted };
        let crashes = self.summary.crashes;
        self.perform_all();
        if self.summary.crashes > crashes {
            self.summary.crashes_in_start += 1;
            return;
        }
        self.tell(Event::PersonaRead { text: Some(PERSONA.into()) });
    }

    /// Goes on with what is on the disk, unless nothing is.
    fn go_on(&mut self, now: Now, how: GoOn) -> bool {
        let seed = self.disk.seed.as_slice().try_into().unwrap();
        let secrets = secrets(&mut self.random, EpochSeed::from_bytes(seed));
        let ring = match self.disk.ring.as_slice() {
            [] => KeyRing::new(),
            bytes => KeyRing::from_bytes(bytes).unwrap(),
        };
        let settings = self.settings.clone();
        let find = |digest: &[u8; 32]| self.known.iter().find(|it| it.digest == *digest).cloned();
        let resumed = match how(settings, &find, secrets, ring, &self.disk.files(), now) {
            Err(ResumeError::Log(RecoverError::Empty)) => return false,
            resumed => resumed.unwrap_or_else(|error| panic!("no restart: {error}")),
        };
        let (found, safe) = (resumed.records_count, self.safe_count);
        assert!(found >= safe, "{safe} records were safe, and {found} are left");
        self.safe_count = found;
        self.disk.truncate(resumed.bytes_count);
        promises::verify(&self.disk.files());
        self.sentinel = resumed.sentinel;
        self.sentinel.rotate_after(self.file_bytes_max);
        self.sentinel.sign_with(LogKey::from_bytes(&LOG_KEY));
        true
    }

    /// While nobody is at work an operator does something, which may not come to its end either.
    fn maintain(&mut self, now: Now) -> bool {
        if !self.go_on(now, Sentinel::maintain) {
            return false;
        }
        let command = self.command();
        self.trace("==", &command);
        self.requests += 1;
        let request = self.requests;
        let needs_work =
            matches!(command, OperatorCommand::Answer { .. } | OperatorCommand::Stop(_));
        let told = self.sentinel.handle(now, Event::Operator { request, command });
        let expected = if needs_work { Err(EventError::NotAtWork) } else { Ok(()) };
        assert_eq!(told, expected);
        let mut answers_count = 0;
        while self.random.chance(95) {
            match self.sentinel.poll() {
                Some(Effect::Persist { file, offset, bytes, records_count }) => {
                    self.disk.write(file, offset, bytes, records_count);
                    if self.random.chance(10) {
                        break;
                    }
                    assert_eq!(self.disk.sync(), Some(Written::Safe(records_count)));
                    self.safe_count = records_count;
                    let event = Event::Persisted { records_count };
                    assert_eq!(self.sentinel.handle(now, event), Ok(()));
                }
                Some(Effect::StoreKeys { ring }) => self.disk.store_keys(ring, false),
                Some(Effect::StoreSeed { seed }) => self.disk.seed = seed.to_bytes().to_vec(),
                Some(Effect::RemoveFiles { conversation }) => {
                    self.files.retain(|(own, _)| *own != conversation);
                }
                Some(Effect::Tell { .. }) => answers_count += 1,
                Some(Effect::Alert(_) | Effect::Checkpoint(_)) => {}
                Some(other) => panic!("nobody is at work, and yet {other:?}"),
                None => {
                    assert_eq!(answers_count, u32::from(!needs_work));
                    break;
                }
            }
        }
        self.disk.crash(&mut self.random, &mut self.summary);
        true
    }
}

pub(super) fn secrets(random: &mut Random, seed: EpochSeed) -> Secrets {
    Secrets {
        journal: JournalId([3; 8]),
        origin: "example.com/world".into(),
        seed,
        master: MasterKey::new(MASTER),
        entropy: random.seed(),
    }
}

//! A profile as bytes, for the process that starts sandboxes.
//!
//! Both ends are the same program, and still the reader believes nothing: who took over the one
//! that asks must not thereby have the one that does.
//!
//! # Invariants
//! - What is written reads back as the same profile; whatever reads is written as the same bytes.
//! - A length is looked at before anything is taken, and nothing may be left over.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::profile::CONDITIONS_MAX;
use super::profile::{
    Calls, CallsMode, Limits, Mount, Network, Profile, ProfileError, Requirement, Rights,
};
use super::rules::{CallRule, CallRules, Comparison, Condition, Verdict};
use crate::limits::{
    SANDBOX_CALL_RULES_MAX, SANDBOX_MOUNTS_MAX, SANDBOX_REQUEST_BYTES_MAX, SANDBOX_WORDS_MAX,
};

impl Profile {
    /// Writes it as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer(Vec::new());
        out.byte(VERSION);
        out.word(&self.program);
        out.words(&self.arguments);
        out.words(&self.environment);
        out.word(&self.directory);
        out.number(self.mounts.len() as u64);
        for mount in &self.mounts {
            out.word(&mount.path);
            out.byte(mount.rights as u8);
        }
        out.words(&self.hidden);
        out.byte(self.network as u8);
        out.number(self.published.len() as u64);
        for port in &self.published {
            out.number((*port).into());
        }
        let Limits {
            time,
            memory_bytes,
            processors_percent,
            disk_bytes_per_second,
            processor_time,
            pids,
            open_files,
            file_bytes,
            temporary_bytes,
        } = self.limits;
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX - 1);
        out.option(time.map(milliseconds));
        out.option(memory_bytes);
        out.option(processors_percent.map(u64::from));
        out.option(disk_bytes_per_second);
        out.option(processor_time.map(milliseconds));
        out.number(pids.into());
        out.number(open_files.into());
        out.option(file_bytes);
        out.number(temporary_bytes);
        match &self.calls {
            Calls::Strict => out.byte(0),
            Calls::DataScience => out.byte(1),
            Calls::Custom(rules) => {
                out.byte(2);
                out.rules(rules);
            }
        }
        out.words(&self.allowed);
        out.byte(self.calls_mode as u8);
        out.byte(self.has_terminal.into());
        out.byte(self.requirement as u8);
        out.word(&self.authority);
        out.0
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// It is not that, or not a profile that can be meant.
    pub fn decode(bytes: &[u8]) -> Result<Self, RequestError> {
        if bytes.len() > SANDBOX_REQUEST_BYTES_MAX {
            return Err(RequestError::TooLong);
        }
        let mut from = Reader(bytes);
        if from.byte()? != VERSION {
            return Err(RequestError::Version);
        }
        let program = from.word()?;
        let arguments = from.words()?;
        let environment = from.words()?;
        let directory = from.word()?;
        let mounts = from.list(SANDBOX_MOUNTS_MAX, |from| {
            let path = from.word()?;
            let rights = from.one_of(&[Rights::Read, Rights::Write, Rights::Run])?;
            Ok(Mount { path, rights })
        })?;
        let hidden = from.words()?;
        let network = from.one_of(&[Network::None, Network::Proxied, Network::Host])?;
        let published = from.list(SANDBOX_WORDS_MAX, Reader::small)?;
        let limits = Limits {
            time: from.option()?.map(Duration::from_millis),
            memory_bytes: from.option()?,
            processors_percent: from.option()?.map(narrow).transpose()?,
            disk_bytes_per_second: from.option()?,
            processor_time: from.option()?.map(Duration::from_millis),
            pids: narrow(from.number()?)?,
            open_files: narrow(from.number()?)?,
            file_bytes: from.option()?,
            temporary_bytes: from.number()?,
        };
        let calls = match from.byte()? {
            0 => Calls::Strict,
            1 => Calls::DataScience,
            2 => Calls::Custom(from.rules()?),
            _ => return Err(RequestError::Malformed),
        };
        let allowed = from.words()?;
        let modes = [CallsMode::Enforce, CallsMode::Log, CallsMode::Off];
        let calls_mode = from.one_of(&modes)?;
        let has_terminal = from.one_of(&[false, true])?;
        let requirement = from.one_of(&[Requirement::Strict, Requirement::BestEffort])?;
        let authority = from.word()?;
        if !from.0.is_empty() {
            return Err(RequestError::Malformed);
        }
        let profile = Self {
            program,
            arguments,
            environment,
            directory,
            mounts,
            hidden,
            network,
            published,
            limits,
            calls,
            allowed,
            calls_mode,
            has_terminal,
            requirement,
            authority,
        };
        profile.check().map_err(RequestError::Profile)?;
        Ok(profile)
    }
}

/// Why bytes are no profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// More bytes than a profile has.
    TooLong,
    /// Of another version of this program.
    Version,
    /// They end in the middle, or say what means nothing.
    Malformed,
    /// What they say cannot be meant.
    Profile(ProfileError),
}

impl fmt::Display for RequestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => formatter.write_str("the request is too long"),
            Self::Version => formatter.write_str("the request is of another version"),
            Self::Malformed => formatter.write_str("the request is not one"),
            Self::Profile(error) => error.fmt(formatter),
        }
    }
}

impl core::error::Error for RequestError {}

struct Writer(Vec<u8>);

impl Writer {
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// None is the one number that no value has.
    fn option(&mut self, number: Option<u64>) {
        self.number(number.map_or(u64::MAX, |number| number.min(u64::MAX - 1)));
    }

    fn word(&mut self, word: &[u8]) {
        self.number(word.len() as u64);
        self.0.extend_from_slice(word);
    }

    fn words(&mut self, words: &[Vec<u8>]) {
        self.number(words.len() as u64);
        for word in words {
            self.word(word);
        }
    }

    fn rules(&mut self, rules: &CallRules) {
        self.verdict(rules.default);
        self.number(rules.rules.len() as u64);
        for CallRule { names, verdict, conditions } in &rules.rules {
            self.words(names);
            self.verdict(*verdict);
            self.number(conditions.len() as u64);
            for Condition { argument, comparison, value, mask } in conditions {
                self.byte(*argument);
                self.byte(*comparison as u8);
                self.number(*value);
                self.number(*mask);
            }
        }
    }

    fn verdict(&mut self, verdict: Verdict) {
        let (kind, error) = match verdict {
            Verdict::Fail(error) => (5, error),
            Verdict::Allow => (0, 0),
            Verdict::Log => (1, 0),
            Verdict::Trap => (2, 0),
            Verdict::EndThread => (3, 0),
            Verdict::EndProcess => (4, 0),
        };
        self.byte(kind);
        self.number(error.into());
    }
}

struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, RequestError> {
        let (first, rest) = self.0.split_first().ok_or(RequestError::Malformed)?;
        self.0 = rest;
        Ok(*first)
    }

    fn number(&mut self) -> Result<u64, RequestError> {
        let (first, rest) = self.0.split_first_chunk().ok_or(RequestError::Malformed)?;
        self.0 = rest;
        Ok(u64::from_le_bytes(*first))
    }

    fn small(&mut self) -> Result<u16, RequestError> {
        u16::try_from(self.number()?).map_err(|_| RequestError::Malformed)
    }

    fn option(&mut self) -> Result<Option<u64>, RequestError> {
        Ok(Some(self.number()?).filter(|number| *number != u64::MAX))
    }

    fn word(&mut self) -> Result<Vec<u8>, RequestError> {
        let length = usize::try_from(self.number()?).map_err(|_| RequestError::Malformed)?;
        let (word, rest) = self.0.split_at_checked(length).ok_or(RequestError::Malformed)?;
        self.0 = rest;
        Ok(word.to_vec())
    }

    fn words(&mut self) -> Result<Vec<Vec<u8>>, RequestError> {
        self.list(SANDBOX_WORDS_MAX, Self::word)
    }

    fn rules(&mut self) -> Result<CallRules, RequestError> {
        let default = self.verdict()?;
        let rules = self.list(SANDBOX_CALL_RULES_MAX, |from| {
            let (names, verdict) = (from.words()?, from.verdict()?);
            let conditions = from.list(CONDITIONS_MAX, |from| {
                let argument = from.byte()?;
                if usize::from(argument) >= CONDITIONS_MAX {
                    return Err(RequestError::Malformed);
                }
                let comparison = from.one_of(&Comparison::ALL)?;
                let (value, mask) = (from.number()?, from.number()?);
                Ok(Condition { argument, comparison, value, mask })
            })?;
            Ok(CallRule { names, verdict, conditions })
        })?;
        Ok(CallRules { default, rules })
    }

    fn verdict(&mut self) -> Result<Verdict, RequestError> {
        let plain =
            [Verdict::Allow, Verdict::Log, Verdict::Trap, Verdict::EndThread, Verdict::EndProcess];
        let kind = self.byte()?;
        let error = self.number()?;
        match (plain.get(usize::from(kind)), u16::try_from(error)) {
            (Some(verdict), Ok(0)) => Ok(*verdict),
            (None, Ok(error)) if kind == 5 && error < 4096 => Ok(Verdict::Fail(error)),
            _ => Err(RequestError::Malformed),
        }
    }

    fn list<T>(
        &mut self,
        count_max: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, RequestError>,
    ) -> Result<Vec<T>, RequestError> {
        let count = usize::try_from(self.number()?).map_err(|_| RequestError::Malformed)?;
        if count > count_max {
            return Err(RequestError::Malformed);
        }
        // Nothing is set aside for what is only said to come.
        let mut list = Vec::new();
        for _ in 0..count {
            list.push(read(self)?);
        }
        Ok(list)
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> Result<T, RequestError> {
        let index = usize::from(self.byte()?);
        all.get(index).copied().ok_or(RequestError::Malformed)
    }
}

fn narrow(number: u64) -> Result<u32, RequestError> {
    u32::try_from(number).map_err(|_| RequestError::Malformed)
}

const VERSION: u8 = 3;

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn full() -> Profile {
        Profile {
            arguments: vec![b"git".to_vec(), b"\xff".to_vec(), Vec::new()],
            environment: vec![b"A=b".to_vec()],
            mounts: vec![
                Mount { path: b"/srv".to_vec(), rights: Rights::Write },
                Mount { path: b"/opt".to_vec(), rights: Rights::Run },
            ],
            hidden: vec![b"/srv/.git".to_vec()],
            network: Network::Proxied,
            published: vec![80, 65535],
            limits: Limits {
                time: Some(Duration::from_secs(5)),
                memory_bytes: Some(1 << 30),
                processors_percent: Some(150),
                disk_bytes_per_second: Some(1 << 20),
                processor_time: None,
                file_bytes: Some(0),
                ..Limits::default()
            },
            calls: Calls::Custom(CallRules {
                default: Verdict::Fail(38),
                rules: vec![
                    CallRule {
                        names: vec![b"read".to_vec()],
                        verdict: Verdict::EndThread,
                        conditions: vec![Condition {
                            argument: 5,
                            comparison: Comparison::MaskedEquals,
                            value: 1,
                            mask: u64::MAX,
                        }],
                    },
                    CallRule { names: vec![], verdict: Verdict::Log, conditions: vec![] },
                ],
            }),
            allowed: vec![b"mbind".to_vec()],
            calls_mode: CallsMode::Log,
            has_terminal: true,
            requirement: Requirement::BestEffort,
            authority: b"-----BEGIN".to_vec(),
            ..Profile::new(b"/usr/bin/git", b"/srv")
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for profile in [full(), Profile::new(b"/bin/true", b"/")] {
            assert_eq!(Profile::decode(&profile.encode()), Ok(profile));
        }
    }

    #[test]
    fn no_part_of_a_request_is_one() {
        let bytes = full().encode();
        for end in 0..bytes.len() {
            assert!(Profile::decode(&bytes[..end]).is_err(), "{end}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(Profile::decode(&longer), Err(RequestError::Malformed));
        let other = [&[VERSION + 1], &bytes[1..]].concat();
        assert_eq!(Profile::decode(&other), Err(RequestError::Version));
        let huge = vec![0; SANDBOX_REQUEST_BYTES_MAX + 1];
        assert_eq!(Profile::decode(&huge), Err(RequestError::TooLong));
    }

    /// Whatever one byte says instead: what is read is what would be written.
    #[test]
    fn one_profile_has_one_spelling() {
        let bytes = full().encode();
        for at in 0..bytes.len() {
            for change in [1, 0x80, 0xff] {
                let mut other = bytes.clone();
                other[at] ^= change;
                if let Ok(profile) = Profile::decode(&other) {
                    assert_eq!(profile.encode(), other);
                }
            }
        }
    }
}

//! A name's address, asked of one server, a few times.
//!
//! # Invariants
//! - Only who saw the question can answer it: the id, the letters' case and the port are drawn anew
//!   for every question, and the answer has to come from the server.
//! - What is no address of the public network is no answer, where the settings do not say so.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

use sentinel_core::wire::dns::{Answer, Name, Question, RecordKind};
use sentinel_core::wire::url::classify;

use crate::limits::{ANSWER_MILLISECONDS, QUESTIONS_MAX};

/// A name that is being looked up.
#[derive(Debug)]
pub struct Lookup {
    name: Name,
    is_private: bool,
    question: Option<Question>,
    asked_count: u32,
    /// When it is asked again.
    due: u64,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Here it is.
    Address(Ipv4Addr),
    /// There is none, or none that may be used.
    None,
    /// Nobody answered.
    Silence,
}

impl Lookup {
    /// Begins; `None` if it is no name.
    #[must_use]
    pub fn new(name: &str, is_private: bool) -> Option<Self> {
        let name = Name::parse(name).ok()?;
        Some(Self { name, is_private, question: None, asked_count: 0, due: 0 })
    }

    /// What to ask now, if anything, with chance to make it hard to guess.
    ///
    /// # Errors
    /// It was asked often enough.
    pub fn ask(&mut self, now: u64, chance: u64) -> Result<Option<Vec<u8>>, Outcome> {
        if now < self.due {
            return Ok(None);
        }
        if self.asked_count >= QUESTIONS_MAX {
            return Err(Outcome::Silence);
        }
        self.asked_count += 1;
        self.due = now + ANSWER_MILLISECONDS;
        let question = Question::new(self.name, RecordKind::A, chance as u16);
        let question = question.with_casing(chance >> 16);
        let mut message = Vec::new();
        question.write(&mut message);
        self.question = Some(question);
        Ok(Some(message))
    }

    /// When there is something to do.
    #[must_use]
    pub const fn due(&self) -> u64 {
        self.due
    }

    /// Reads what the server sent. What answers another question changes nothing.
    pub fn answer(&mut self, message: &[u8]) -> Option<Outcome> {
        let may_be =
            |address: &Ipv4Addr| self.is_private || classify(IpAddr::V4(*address)).is_public();
        match self.question.as_ref()?.read(message).ok()? {
            Answer::Addresses(found) => {
                let v4 = found.addresses.iter().filter_map(|address| match address {
                    IpAddr::V4(address) => Some(*address),
                    IpAddr::V6(_) => None,
                });
                // The first one that may be.
                Some(v4.into_iter().find(may_be).map_or(Outcome::None, Outcome::Address))
            }
            _ => Some(Outcome::None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server that knows this address says to a question.
    pub(crate) fn response(question: &[u8], address: [u8; 4]) -> Vec<u8> {
        let end = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
        let mut response = question[..end].to_vec();
        response[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        response.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        response.extend_from_slice(&address);
        response
    }

    #[test]
    fn an_answer_is_taken_and_private_addresses_only_where_they_may_be() {
        for (address, is_private, expected) in [
            ([93, 184, 215, 14], false, Outcome::Address(Ipv4Addr::new(93, 184, 215, 14))),
            ([10, 0, 2, 2], true, Outcome::Address(Ipv4Addr::new(10, 0, 2, 2))),
            ([10, 0, 2, 2], false, Outcome::None),
            ([127, 0, 0, 1], false, Outcome::None),
            ([169, 254, 169, 254], false, Outcome::None),
            ([0, 0, 0, 0], false, Outcome::None),
        ] {
            let mut lookup = Lookup::new("www.example.com", is_private).unwrap();
            let question = lookup.ask(5, 0x1234_5678_9abc).unwrap().unwrap();
            assert_eq!(lookup.answer(&response(&question, address)), Some(expected));
        }
    }

    #[test]
    fn what_is_no_answer_to_the_question_changes_nothing() {
        let mut lookup = Lookup::new("www.example.com", false).unwrap();
        assert_eq!(lookup.answer(&[0; 40]), None, "nothing was asked");
        let question = lookup.ask(0, 77).unwrap().unwrap();
        let whole = response(&question, [93, 184, 215, 14]);
        for length in 0..whole.len() {
            assert_eq!(lookup.answer(&whole[..length]), None, "{length}");
        }
        let mut guessed = whole.clone();
        guessed[0] ^= 1;
        assert_eq!(lookup.answer(&guessed), None);
        let mut guessed = whole.clone();
        guessed[13] ^= 0x20;
        assert_eq!(lookup.answer(&guessed), None, "the letters are another's");
        assert!(lookup.answer(&whole).is_some());
    }

    #[test]
    fn it_asks_a_few_times_and_gives_up() {
        let mut lookup = Lookup::new("a.b", false).unwrap();
        for round in 0..u64::from(QUESTIONS_MAX) {
            let now = round * ANSWER_MILLISECONDS;
            assert!(lookup.ask(now, round).unwrap().is_some());
            assert_eq!(lookup.ask(now + 1, 0), Ok(None));
        }
        assert_eq!(lookup.ask(u64::MAX / 2, 0), Err(Outcome::Silence));
        assert!(Lookup::new("a..b", false).is_none());
    }
}

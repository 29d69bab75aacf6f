//! Which of several addresses to connect to: the first that answers.
//!
//! A name often has addresses of both families, and one family often leads nowhere. So attempts
//! start one after the other, a little apart, alternating between families, and the first that
//! connects wins (RFC 8305, "happy eyeballs").
//!
//! # Invariants
//! - There is at most one winner, and every other attempt that started is cancelled exactly once.
//! - It ends: each address is tried once, and the last failure ends the race.
//!
//! # Not here
//! Connecting. Sorting addresses of one family (RFC 6724): the order given stays. How long a single
//! attempt may take is the shell's to say, by telling that it failed.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use crate::limits::RACE_ADDRESSES_COUNT_MAX;
use crate::time::Instant;

/// Attempts to connect to the addresses of one name.
///
/// Call [`poll`](Self::poll) until it returns nothing, at the beginning and after each of the other
/// methods that change something; then wait until [`deadline`](Self::deadline).
///
/// ```
/// use core::net::IpAddr;
///
/// use sentinel_core::time::Instant;
/// use sentinel_core::wire::race::{Attempt, Move, Race};
///
/// let four = IpAddr::from([192, 0, 2, 1]);
/// let six = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]);
/// let mut race = Race::new(&[four, six]);
/// assert_eq!(race.poll(Instant(0)), Some(Move::Start(Attempt(0), six)));
/// assert_eq!(race.poll(Instant(0)), None);
/// assert_eq!(race.deadline(), Some(Instant(250)));
/// assert_eq!(race.poll(Instant(250)), Some(Move::Start(Attempt(1), four)));
/// race.connected(Attempt(1));
/// assert_eq!(race.poll(Instant(260)), Some(Move::Cancel(Attempt(0))));
/// assert_eq!(race.winner(), Some((Attempt(1), four)));
/// ```
#[derive(Clone, Debug)]
pub struct Race {
    /// In the order they are tried.
    addresses: Vec<IpAddr>,
    /// One for each address that was tried, in the same order.
    attempts: Vec<State>,
    next_start: Option<Instant>,
    cancels: VecDeque<Attempt>,
    winner: Option<Attempt>,
}

/// One attempt of a race, counted from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attempt(pub usize);

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Begin to connect to this address.
    Start(Attempt, IpAddr),
    /// Give up this attempt, and close it should it have connected.
    Cancel(Attempt),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Over,
}

impl Race {
    /// A race to these addresses, each once: IPv6 and IPv4 in turn, each family in the order given,
    /// at most [`RACE_ADDRESSES_COUNT_MAX`] of them.
    #[must_use]
    pub fn new(addresses: &[IpAddr]) -> Self {
        let mut six = addresses.iter().filter(|address| address.is_ipv6());
        let mut four = addresses.iter().filter(|address| address.is_ipv4());
        let mut ordered: Vec<IpAddr> = Vec::new();
        loop {
            let pair = [six.next(), four.next()];
            for address in pair.into_iter().flatten() {
                if ordered.len() < RACE_ADDRESSES_COUNT_MAX && !ordered.contains(address) {
                    ordered.push(*address);
                }
            }
            if pair == [None, None] || ordered.len() >= RACE_ADDRESSES_COUNT_MAX {
                break;
            }
        }
        Self {
            addresses: ordered,
            attempts: Vec::new(),
            next_start: Some(Instant(0)),
            cancels: VecDeque::new(),
            winner: None,
        }
    }

    /// What to do now, one thing a call.
    pub fn poll(&mut self, now: Instant) -> Option<Move> {
        if let Some(attempt) = self.cancels.pop_front() {
            return Some(Move::Cancel(attempt));
        }
        if self.winner.is_some() || self.next_start.is_none_or(|start| start > now) {
            return None;
        }
        let attempt = Attempt(self.attempts.len());
        let address = *self.addresses.get(attempt.0)?;
        self.attempts.push(State::Running);
        let is_last = self.attempts.len() == self.addresses.len();
        self.next_start = (!is_last).then(|| now.after(ATTEMPT_DELAY));
        Some(Move::Start(attempt, address))
    }

    /// When the next attempt starts, if nothing happens before. May change after any other call.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        if self.winner.is_some() { None } else { self.next_start }
    }

    /// Says that an attempt connected. The first wins, and all that still run are to be cancelled.
    pub fn connected(&mut self, attempt: Attempt) {
        if !self.end(attempt) {
            return;
        }
        self.winner = Some(attempt);
        for (index, state) in self.attempts.iter_mut().enumerate() {
            if *state == State::Running {
                *state = State::Over;
                self.cancels.push_back(Attempt(index));
            }
        }
    }

    /// Says that an attempt failed. The next one need not wait any longer.
    pub fn failed(&mut self, now: Instant, attempt: Attempt) {
        if self.end(attempt)
            && let Some(start) = &mut self.next_start
        {
            *start = now.min(*start);
        }
    }

    /// The attempt that connected, and to where.
    #[must_use]
    pub fn winner(&self) -> Option<(Attempt, IpAddr)> {
        let attempt = self.winner?;
        self.addresses.get(attempt.0).map(|address| (attempt, *address))
    }

    /// Whether every address was tried in vain, or there is none.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.winner.is_none()
            && self.attempts.len() == self.addresses.len()
            && self.attempts.iter().all(|state| *state == State::Over)
    }

    /// Whether the attempt was running until now.
    fn end(&mut self, attempt: Attempt) -> bool {
        match self.attempts.get_mut(attempt.0) {
            Some(state @ State::Running) => {
                *state = State::Over;
                true
            }
            _ => false,
        }
    }
}

/// RFC 8305 §5: the Connection Attempt Delay.
pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use arbtest::arbtest;

    use super::*;

    fn four(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn six(last: u16) -> IpAddr {
        IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last])
    }

    #[test]
    fn families_take_turns_and_the_first_is_ipv6() {
        let order = |addresses: &[IpAddr]| Race::new(addresses).addresses;
        assert_eq!(
            order(&[four(1), four(2), four(3), six(1), six(2), four(1)]),
            [six(1), four(1), six(2), four(2), four(3)]
        );
        assert_eq!(order(&[four(2), four(1)]), [four(2), four(1)]);
        let many: Vec<IpAddr> = (0..200).map(four).collect();
        assert_eq!(order(&many), many[..RACE_ADDRESSES_COUNT_MAX]);
    }

    #[test]
    fn a_failure_starts_the_next_at_once() {
        let mut race = Race::new(&[six(1), four(1)]);
        assert_eq!(race.poll(Instant(1000)), Some(Move::Start(Attempt(0), six(1))));
        assert_eq!(race.deadline(), Some(Instant(1250)));
        race.failed(Instant(1010), Attempt(0));
        race.failed(Instant(1010), Attempt(0));
        assert_eq!(race.poll(Instant(1010)), Some(Move::Start(Attempt(1), four(1))));
        assert!(!race.is_lost());
        assert_eq!(race.deadline(), None);
        race.failed(Instant(1020), Attempt(1));
        assert!(race.is_lost());
        assert_eq!(race.poll(Instant(9999)), None);
    }

    #[test]
    fn without_addresses_it_is_lost() {
        let mut race = Race::new(&[]);
        assert_eq!(race.poll(Instant(0)), None);
        assert!(race.is_lost());
    }

    /// Whatever happens, every attempt that started either wins, failed, or is cancelled once, and
    /// nothing starts after there is a winner.
    #[test]
    fn every_attempt_ends_once() {
        arbtest(|u| {
            let addresses: Vec<IpAddr> = (0..u.int_in_range(0..=6)?)
                .map(|index: u8| if index < 3 { six(index.into()) } else { four(index) })
                .collect();
            let mut race = Race::new(&addresses);
            let mut now = Instant(u.int_in_range(0..=1000)?);
            let mut open: Vec<Attempt> = Vec::new();
            let mut starts_count = 0;
            loop {
                while let Some(next) = race.poll(now) {
                    match next {
                        Move::Start(attempt, address) => {
                            assert!(race.winner().is_none() && addresses.contains(&address));
                            assert_eq!(attempt, Attempt(starts_count));
                            starts_count += 1;
                            open.push(attempt);
                        }
                        Move::Cancel(attempt) => {
                            let index = open.iter().position(|other| *other == attempt);
                            open.remove(index.unwrap());
                        }
                    }
                }
                if race.winner().is_some() || race.is_lost() {
                    break;
                }
                assert!(!open.is_empty(), "somebody has to be on the way");
                now = Instant(now.0 + u.int_in_range(0..=300)?);
                let index = u.choose_index(open.len())?;
                match u.int_in_range(0..=3)? {
                    0 => race.connected(open[index]),
                    1 => race.failed(now, open.remove(index)),
                    _ => now = race.deadline().unwrap_or(now).max(now),
                }
                if u.is_empty() && race.deadline().is_none() && race.winner().is_none() {
                    open.drain(..).for_each(|attempt| race.failed(now, attempt));
                }
            }
            match race.winner() {
                Some((attempt, _)) => assert_eq!(open, [attempt]),
                None => assert!(open.is_empty() && starts_count == addresses.len()),
            }
            Ok(())
        });
    }
}

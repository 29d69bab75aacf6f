//! The table of system calls.
//!
//! One row says what a call is named, which registers mean what, which handles with which rights
//! it takes, and whether it stands in the record. The kernel's dispatcher looks up and checks by
//! it, the table in `docs/LUPERIQ-ABI.md` is written from it, and random calls are drawn from it.
//!
//! # Invariants
//! - The published numbers (2, 3, 60 to 64, 120, 124 to 126, 130, 134) keep their meanings.
//! - Arguments take at most six registers, in the order of the row.
//! - A right that depends on other arguments (what `open` is for, how memory is mapped) is not in
//!   the row; the row's text says so and `luperiq-policy` checks it.
//!
//! # Not here
//! What the calls do: `docs/LUPERIQ-ABI.md` for people, `luperiq-policy` for the kernel.

mod table;

pub use table::{Call, TABLE};

use crate::object::Kinds;
use crate::rights::Rights;

/// What one or two registers mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// A handle of one of these kinds, with at least these rights.
    Handle(&'static str, Kinds, Rights),
    /// Two registers: where bytes stand and how many, at most so many.
    Input(&'static str, usize),
    /// Two registers: where bytes go and how many fit. More than this bound is never written.
    Output(&'static str, usize),
    /// An address in the process's own memory; the call says what is there.
    Address(&'static str),
    /// A set of rights.
    Rights(&'static str),
    /// A set of signals.
    Signals(&'static str),
    /// A moment of the monotonic clock in nanoseconds; 0 is now, all ones is never.
    Deadline(&'static str),
    /// A number.
    Number(&'static str),
}

impl Argument {
    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Handle(name, ..)
            | Self::Input(name, _)
            | Self::Output(name, _)
            | Self::Address(name)
            | Self::Rights(name)
            | Self::Signals(name)
            | Self::Deadline(name)
            | Self::Number(name) => name,
        }
    }

    /// How many registers it takes.
    #[must_use]
    pub const fn registers(&self) -> usize {
        match self {
            Self::Input(..) | Self::Output(..) => 2,
            _ => 1,
        }
    }
}

/// What of a call stands in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audit {
    /// Every use, allowed or refused.
    Every,
    /// Refusals only: it uses no authority, or gives some up.
    Refused,
}

/// One system call.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Which.
    pub call: Call,
    /// The number in `x8`.
    pub number: u16,
    /// Its name.
    pub name: &'static str,
    /// What its registers mean, from `x0` on.
    pub arguments: &'static [Argument],
    /// What it gives: `x0`, then `x1`. Nothing is 0.
    pub gives: &'static [&'static str],
    /// What of it is recorded.
    pub audit: Audit,
    /// What it does.
    pub text: &'static str,
}

impl Row {
    /// The arguments that are handles, each with the register it is in.
    pub fn handles(&self) -> impl Iterator<Item = (usize, &'static Argument)> {
        let mut register = 0;
        self.arguments.iter().filter_map(move |argument| {
            let place = register;
            register += argument.registers();
            matches!(argument, Argument::Handle(..)).then_some((place, argument))
        })
    }

    /// How many registers it reads.
    #[must_use]
    pub fn registers(&self) -> usize {
        self.arguments.iter().map(Argument::registers).sum()
    }
}

/// What a call needs before anything else is looked at, as far as one of its handles goes.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// The register that the handle is in.
    pub register: u8,
    /// What it may stand for.
    pub kinds: Kinds,
    /// What it has to allow.
    pub rights: Rights,
}

/// What of a row the kernel goes by at each call: found at once, and without the row's words.
#[derive(Clone, Copy, Debug)]
pub struct Brief {
    /// Which.
    pub call: Call,
    /// Whether every use of it stands in the record.
    pub is_recorded: bool,
    /// The number in `x8`.
    pub number: u16,
    /// Its handles, in the order of the row.
    pub needs: [Option<Need>; HANDLES_MAX],
}

impl Brief {
    const fn of(row: &Row) -> Self {
        let (mut needs, mut found) = ([None; HANDLES_MAX], 0);
        let (mut place, mut register) = (0, 0);
        while place < row.arguments.len() {
            if let Argument::Handle(_, kinds, rights) = row.arguments[place] {
                needs[found] = Some(Need { register: register as u8, kinds, rights });
                found += 1;
            }
            register += row.arguments[place].registers();
            place += 1;
        }
        let is_recorded = matches!(row.audit, Audit::Every);
        Self { call: row.call, is_recorded, number: row.number, needs }
    }
}

/// No call names more handles than this by registers.
pub const HANDLES_MAX: usize = 2;

impl Call {
    /// What the kernel goes by, of the call with this number.
    #[must_use]
    #[inline]
    pub fn brief_of(number: u64) -> Option<&'static Brief> {
        let place = usize::try_from(number).ok()?;
        let row = table::ROWS_BY_NUMBER.get(place).copied()?;
        table::BRIEFS.get(usize::from(row))
    }

    /// The row with this number.
    #[must_use]
    pub fn row_of(number: u64) -> Option<&'static Row> {
        let place = usize::try_from(number).ok()?;
        let row = table::ROWS_BY_NUMBER.get(place).copied()?;
        TABLE.get(usize::from(row))
    }

    /// Its row.
    #[must_use]
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u16 {
        table::BRIEFS[self as usize].number
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        table::NAMES[self as usize]
    }
}

/// How a file is opened.
pub mod open {
    /// To take content out.
    pub const READ: u64 = 1;
    /// To change content.
    pub const WRITE: u64 = 2;
    /// Make it if it is not there.
    pub const CREATE: u64 = 4;
    /// Empty it.
    pub const TRUNCATE: u64 = 8;
    /// To run it.
    pub const EXECUTE: u64 = 16;
    /// A directory, with as many rights as the one it is opened in.
    pub const DIRECTORY: u64 = 32;
    /// Every flag.
    pub const ALL: u64 = 63;
}

/// How memory is mapped.
pub mod protection {
    /// It can be read.
    pub const READ: u64 = 1;
    /// It can be changed.
    pub const WRITE: u64 = 2;
    /// It can be run. Never together with `WRITE`.
    pub const EXECUTE: u64 = 4;
    /// Every flag.
    pub const ALL: u64 = 7;
}

/// A position in a file that means: where the last transfer ended.
pub const POSITION_CURRENT: u64 = u64::MAX;

/// A deadline that never comes.
pub const FOREVER: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_where_their_call_says_and_in_the_order_of_numbers() {
        for (place, row) in TABLE.iter().enumerate() {
            assert_eq!(row.call as usize, place, "{}", row.name);
            assert_eq!(row.call.number(), row.number);
            assert!(
                Call::row_of(u64::from(row.number)).is_some_and(|found| found.call == row.call)
            );
            assert_eq!(row.call.name(), row.name);
            assert!(row.registers() <= 6, "{} takes {} registers", row.name, row.registers());
            assert!(row.gives.len() <= 2 && row.text.ends_with('.'), "{}", row.name);
        }
        assert!(TABLE.is_sorted_by(|before, after| before.number < after.number));
        let known = (0..=u64::from(u16::MAX)).filter(|n| Call::row_of(*n).is_some()).count();
        assert_eq!(known, TABLE.len());
        assert!(Call::row_of(u64::MAX).is_none());
    }

    #[test]
    fn a_brief_says_what_its_row_says() {
        for row in TABLE {
            let brief = Call::brief_of(u64::from(row.number)).unwrap();
            assert_eq!((brief.call, brief.number), (row.call, row.number));
            assert_eq!(brief.is_recorded, row.audit == Audit::Every, "{}", row.name);
            let needs = brief.needs.iter().flatten();
            let needs = needs.map(|need| (usize::from(need.register), need.kinds, need.rights));
            let handles = row.handles().filter_map(|(register, argument)| match argument {
                Argument::Handle(_, kinds, rights) => Some((register, *kinds, *rights)),
                _ => None,
            });
            assert!(needs.eq(handles), "{}", row.name);
        }
        assert!(Call::brief_of(8).is_none() && Call::brief_of(u64::MAX).is_none());
    }

    #[test]
    fn published_numbers_keep_their_meanings() {
        for (number, name) in [
            (2, "spawn"),
            (3, "wait"),
            (60, "read"),
            (61, "write"),
            (62, "open"),
            (63, "close"),
            (64, "stat"),
            (120, "socket_create"),
            (124, "socket_connect"),
            (125, "socket_send"),
            (126, "socket_recv"),
            (130, "cap_request"),
            (134, "audit_write"),
        ] {
            assert_eq!(Call::row_of(number).map(|row| row.name), Some(name));
        }
        assert_eq!((open::READ, open::WRITE, open::CREATE, open::TRUNCATE), (1, 2, 4, 8));
    }

    /// A row that asks for a right that no handle of that kind can have could never be called.
    #[test]
    fn what_a_row_asks_for_can_be_had() {
        for row in TABLE {
            for (_, argument) in row.handles() {
                let Argument::Handle(_, kinds, rights) = argument else { continue };
                for kind in crate::Kind::ALL.iter().filter(|kind| kinds.contains(**kind)) {
                    assert!(kind.rights().contains(*rights), "{}: {kind}: {rights}", row.name);
                }
            }
        }
    }
}

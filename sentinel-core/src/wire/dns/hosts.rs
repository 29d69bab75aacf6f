//! Names this machine knows by itself: `hosts`.
//!
//! # Invariants
//! - A name has the addresses of all lines that name it, in their order, each once.
//! - Looking up allocates nothing and takes logarithmic time: lists that block advertisements have
//!   a hundred thousand lines.
//!
//! # Not here
//! Names of addresses: nobody asks for them.

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::net::IpAddr;

use super::lines::{self, ProblemKind, Problems};
use super::name::Name;
use crate::limits::{DNS_ADDRESSES_COUNT_MAX, DNS_HOSTS_BYTES_MAX};
use crate::order;

/// The names of a file and their addresses.
///
/// ```
/// use core::net::IpAddr;
///
/// use sentinel_core::wire::dns::Hosts;
///
/// let (hosts, problems) = Hosts::parse(b"192.0.2.7 db.example DB # the database\n");
/// let addresses: Vec<IpAddr> = hosts.addresses("db").collect();
/// assert_eq!(addresses, [IpAddr::from([192, 0, 2, 7])]);
/// assert_eq!(problems.count(), 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    /// All names, in lower case, one after the other.
    names: String,
    /// Sorted by name, and then by their place in the file.
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    start: u32,
    length: u8,
    address: IpAddr,
}

impl Hosts {
    /// Reads what a file says, and what of it was not understood.
    #[must_use]
    pub fn parse(file: &[u8]) -> (Self, Problems) {
        let mut hosts = Self::default();
        let mut problems = Problems::default();
        let (lines, stop) = lines::numbered(file, DNS_HOSTS_BYTES_MAX);
        for (number, line) in lines {
            // Unlike elsewhere, a comment begins anywhere.
            let line = line.split(|byte| *byte == b'#').next().unwrap_or_default();
            let mut words = lines::words(line, b"");
            let Some(address) = words.next() else { continue };
            let Some(address) = lines::ascii(address).and_then(|text| text.parse().ok()) else {
                problems.note(number, ProblemKind::Address);
                continue;
            };
            let mut is_empty = true;
            for word in words {
                is_empty = false;
                if !lines::ascii(word).is_some_and(|name| hosts.push(name, address)) {
                    problems.note(number, ProblemKind::Name);
                }
            }
            if is_empty {
                problems.note(number, ProblemKind::Missing);
            }
        }
        if let Some(line) = stop {
            problems.note(line, ProblemKind::TooLong);
        }
        let Self { names, entries } = &mut hosts;
        order::sort_by(entries, |one, other| one.name(names).cmp(other.name(names)));
        (hosts, problems)
    }

    /// Whether it is a name.
    fn push(&mut self, name: &str, address: IpAddr) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name);
        if Name::parse(name).is_err() {
            return false;
        }
        let (Ok(start), Ok(length)) = (u32::try_from(self.names.len()), u8::try_from(name.len()))
        else {
            return false;
        };
        self.names.extend(name.chars().map(|letter| letter.to_ascii_lowercase()));
        self.entries.push(Entry { start, length, address });
        true
    }

    /// The addresses of a name, in any case, none if it is not in the file: those of its first
    /// [`DNS_ADDRESSES_COUNT_MAX`] lines.
    pub fn addresses<'a>(&'a self, name: &'a str) -> impl Iterator<Item = IpAddr> + 'a {
        let start = self
            .entries
            .partition_point(|entry| compare(entry.name(&self.names), name) == Ordering::Less);
        let found = self.entries.get(start..).unwrap_or_default();
        let count = found
            .iter()
            .take(DNS_ADDRESSES_COUNT_MAX)
            .take_while(|entry| entry.name(&self.names).eq_ignore_ascii_case(name))
            .count();
        let found = found.get(..count).unwrap_or_default();
        found.iter().enumerate().filter_map(|(index, entry)| {
            let before = found.get(..index).unwrap_or_default();
            let is_first = !before.iter().any(|other| other.address == entry.address);
            is_first.then_some(entry.address)
        })
    }

    /// How many names with their addresses there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries.len()
    }
}

impl Entry {
    fn name<'n>(&self, names: &'n str) -> &'n str {
        let start = self.start as usize;
        names.get(start..start + usize::from(self.length)).unwrap_or_default()
    }
}

/// As the names are sorted, whatever the case of `name`.
fn compare(lower: &str, name: &str) -> Ordering {
    lower.bytes().cmp(name.bytes().map(|byte| byte.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::{format, vec};

    use super::*;

    fn addresses(hosts: &Hosts, name: &str) -> Vec<String> {
        hosts.addresses(name).map(|address| address.to_string()).collect()
    }

    #[test]
    fn a_file_as_it_is_found() {
        let file = "127.0.0.1\tlocalhost\r\n::1 localhost ip6-localhost\n\n# 192.0.2.1 not\n\
                    192.0.2.1 Printer.example printer#the old one\n 192.0.2.2 printer\n\
                    192.0.2.1 printer\n0.0.0.0 ads.example";
        let (hosts, problems) = Hosts::parse(file.as_bytes());
        assert_eq!(problems, Problems::default());
        assert_eq!(addresses(&hosts, "LOCALHOST"), ["127.0.0.1", "::1"]);
        assert_eq!(addresses(&hosts, "printer"), ["192.0.2.1", "192.0.2.2"]);
        assert_eq!(addresses(&hosts, "printer.example"), ["192.0.2.1"]);
        assert_eq!(addresses(&hosts, "ads.example"), ["0.0.0.0"]);
        assert_eq!(addresses(&hosts, "not"), [""; 0]);
        assert_eq!(addresses(&hosts, ""), [""; 0]);
        assert_eq!(addresses(&hosts, "zzz"), [""; 0]);
        assert_eq!(hosts.count(), 8);
    }

    #[test]
    fn bad_lines_are_told_and_passed_over() {
        let file = b"one two\n192.0.2.1\n192.0.2.1 a..b good \xff\nfe80::1%eth0 x\n127.1 y\n";
        let (hosts, problems) = Hosts::parse(file);
        let kinds: Vec<_> =
            problems.list().iter().map(|problem| (problem.line, problem.kind)).collect();
        assert_eq!(
            kinds,
            [
                (1, ProblemKind::Address),
                (2, ProblemKind::Missing),
                (3, ProblemKind::Name),
                (3, ProblemKind::Name),
                (4, ProblemKind::Address),
                (5, ProblemKind::Address),
            ]
        );
        assert_eq!(hosts.count(), 1);
        assert_eq!(addresses(&hosts, "good"), ["192.0.2.1"]);
    }

    #[test]
    fn a_long_file_is_read_and_an_endless_one_in_part() {
        let mut file = String::new();
        for index in 0..20_000 {
            file.push_str(&format!("192.0.2.{} host{index}.example\n", index % 250));
        }
        let (hosts, _) = Hosts::parse(file.as_bytes());
        assert_eq!(addresses(&hosts, "host19999.example"), ["192.0.2.249"]);
        let mut endless = vec![b' '; DNS_HOSTS_BYTES_MAX];
        endless.extend_from_slice(b"192.0.2.1 late\n");
        let (hosts, problems) = Hosts::parse(&endless);
        assert_eq!((hosts.count(), problems.count()), (0, 1));
    }

    /// The same answer as walking all lines.
    #[test]
    fn lookups_agree_with_a_walk() {
        arbtest::arbtest(|u| {
            let names = ["a", "B", "a.b", "ab", "b-a", "c"];
            let mut lines = Vec::new();
            while !u.is_empty() && lines.len() < 30 {
                lines.push((*u.choose(&names)?, u.int_in_range(1..=3_u8)?));
            }
            let file: String =
                lines.iter().map(|(name, last)| format!("192.0.2.{last} {name}\n")).collect();
            let (hosts, _) = Hosts::parse(file.as_bytes());
            for name in names {
                let mut expected: Vec<IpAddr> = Vec::new();
                for (_, last) in lines.iter().filter(|line| line.0.eq_ignore_ascii_case(name)) {
                    let address = IpAddr::from([192, 0, 2, *last]);
                    if !expected.contains(&address) {
                        expected.push(address);
                    }
                }
                assert_eq!(hosts.addresses(name).collect::<Vec<_>>(), expected);
            }
            Ok(())
        });
    }
}

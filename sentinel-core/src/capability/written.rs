//! Writing a grant, in the form that [`spec`](super::spec) reads.
//!
//! # Invariants
//! - Terms that say nothing new are left out: each grant has one text.

use alloc::boxed::Box;
use core::fmt;

use super::host::Ports;
use super::request::FileRight;
use super::spec::{TERMS, default_ports};
use super::words::Quoted;
use super::{CommandRule, Grant, HostPattern, HttpRule, Level, Resource};
use crate::time::Timestamp;

impl fmt::Display for Grant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_denial = self.level == Level::Deny;
        if is_denial {
            formatter.write_str("deny ")?;
        }
        resource(&self.resource, is_denial, formatter)?;
        formatter.write_str(match self.level {
            Level::Ask => " ask",
            Level::Once => " once",
            Level::Allow | Level::Deny => "",
        })?;
        if let Some(until) = self.until {
            formatter.write_str(" until ")?;
            moment(until, formatter)?;
        }
        if let Some(uses) = self.uses {
            write!(formatter, " uses {uses}")?;
        }
        formatter.write_str(if self.allows_irreversible { " irreversible" } else { "" })
    }
}

fn resource(
    resource: &Resource,
    is_denial: bool,
    formatter: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    match resource {
        Resource::Files { path, rights } => {
            let mut words = FileRight::ALL.into_iter().filter(|right| rights.has(*right));
            if let Some(first) = words.next() {
                formatter.write_str(first.word())?;
            }
            words.try_for_each(|right| write!(formatter, ",{}", right.word()))?;
            write!(formatter, " {}", plain(path.as_str()))
        }
        Resource::Command(rule) => command(rule, formatter),
        Resource::Connect { hosts, ports, http } => {
            write!(formatter, "connect {}", HostAndPorts(hosts, *ports, default_ports(is_denial)))?;
            http.as_ref().map_or(Ok(()), |rule| http_rule(rule, formatter))
        }
        Resource::Listen { address, ports } => write!(formatter, "listen {address}:{ports}"),
        Resource::Skill { name, operations } => {
            write!(formatter, "skill {}", plain(name))?;
            list(operations, '|', formatter)
        }
        Resource::Configure { key } => write!(formatter, "config {}", plain(key)),
        Resource::Persona => formatter.write_str("persona"),
        Resource::Model { name, is_prefix } => model(name, *is_prefix, formatter),
        Resource::Sampling { skill, model: name, is_prefix } => {
            model(name, *is_prefix, formatter)?;
            write!(formatter, " for {}", plain(skill))
        }
    }
}

fn model(name: &str, is_prefix: bool, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    match is_prefix {
        false => {
            let name = Quoted { word: name, special: &['*'], is_reserved: false };
            write!(formatter, "model {name}")
        }
        true if name.is_empty() => formatter.write_str("model *"),
        true => write!(formatter, "model {}*", plain(name)),
    }
}

fn command(rule: &CommandRule, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(formatter, "run {}", plain(rule.program.as_str()))?;
    list(&rule.subcommands, '|', formatter)?;
    if !rule.refused.is_empty() {
        formatter.write_str(" without")?;
        list(&rule.refused, ',', formatter)?;
    }
    if rule.may_use_any_path {
        formatter.write_str(" any paths")?;
    }
    formatter.write_str(if rule.is_unguarded { " unguarded" } else { "" })
}

struct HostAndPorts<'h>(&'h HostPattern, Ports, Ports);

impl fmt::Display for HostAndPorts<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(hosts, ports, default) = self;
        hosts.fmt(formatter)?;
        if ports == default { Ok(()) } else { write!(formatter, ":{ports}") }
    }
}

fn http_rule(rule: &HttpRule, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, method) in rule.methods.iter().enumerate() {
        write!(formatter, "{}{method}", if index == 0 { ' ' } else { ',' })?;
    }
    if rule.methods.is_empty() || rule.path.as_str() != "/" {
        write!(formatter, " {}", plain(rule.path.as_str()))?;
    }
    Ok(())
}

fn list(words: &[Box<str>], separator: char, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, word) in words.iter().enumerate() {
        let is_reserved = TERMS.contains(&&**word) || (separator == '|' && word.starts_with('-'));
        let word = Quoted { word, special: &['|', ','], is_reserved };
        write!(formatter, "{}{word}", if index == 0 { ' ' } else { separator })?;
    }
    Ok(())
}

const fn plain(word: &str) -> Quoted<'_> {
    Quoted { word, special: &[], is_reserved: false }
}

/// A date if it is the first moment of it, a moment otherwise.
fn moment(moment: Timestamp, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let is_midnight = moment.0.is_multiple_of(24 * 60 * 60 * 1000);
    if is_midnight {
        let (year, month, day) = moment.date();
        write!(formatter, "{year:04}-{month:02}-{day:02}")
    } else {
        write!(formatter, "{moment}")
    }
}

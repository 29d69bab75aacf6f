//! The index of a table: from the words of a request to the grants that speak of them.
//!
//! Every resource has one key: a hash of its kind and of what a request must have in common with
//! it, such as the components of its path. A request has a few: one for each grant that could
//! cover it, be it of the directory above or of all hosts beneath a domain.
//!
//! # Invariants
//! - A grant that could cover or forbid a request has one of its keys. The other way round is not
//!   promised: two words may have one hash, and the table compares what it finds.
//! - Looking up allocates nothing.
//!
//! # Not here
//! Denials of what lies beneath a request: a request for a tree has no key for each leaf, and the
//! table looks at its denials one by one.

use alloc::vec::Vec;
use core::iter;

use super::host::HostPattern;
use super::request::Request;
use super::resource::Resource;
use crate::wire::url::Host;

/// Places in a table, by key.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Sorted; every pair once.
    entries: Vec<(u64, u32)>,
    ages_count: u64,
}

impl Index {
    pub(super) fn insert(&mut self, resource: &Resource, slot: u32) {
        let entry = (key(resource), slot);
        if let Err(place) = self.entries.binary_search(&entry) {
            self.entries.insert(place, entry);
        }
    }

    pub(super) fn remove(&mut self, resource: &Resource, slot: u32) {
        if let Ok(place) = self.entries.binary_search(&(key(resource), slot)) {
            self.entries.remove(place);
        }
    }

    /// The places of what has this key.
    pub(super) fn find(&self, key: u64) -> impl Iterator<Item = u32> {
        let first = self.entries.partition_point(|(own, _)| *own < key);
        let entries = self.entries.get(first..).unwrap_or_default();
        entries.iter().take_while(move |(own, _)| *own == key).map(|(_, slot)| *slot)
    }

    /// A number that is larger than all before it: the order in which grants were made.
    pub(super) fn next_age(&mut self) -> u64 {
        self.ages_count += 1;
        self.ages_count
    }
}

/// The keys of all grants that could cover a request or forbid it.
pub(super) fn keys<'r>(request: &'r Request<'r>) -> impl Iterator<Item = u64> {
    let mut sought = Sought::default();
    match request {
        Request::File { path, .. } => sought.prefixes = Some((Hash::of(Kind::Files), *path)),
        Request::Command { program, .. } => {
            sought.exact = Some(components(Hash::of(Kind::Command), program.components()));
        }
        Request::Connect { host, .. } => sought.host = Some((Kind::Connect, host)),
        Request::Listen { address, .. } => sought.host = Some((Kind::Listen, address)),
        Request::Skill { name, .. } => {
            sought.exact = Some(Hash::of(Kind::Skill).bytes(name.as_bytes()));
        }
        Request::Configure { key } => sought.key = Some((Hash::of(Kind::Configure), key)),
        Request::Persona => sought.exact = Some(Hash::of(Kind::Persona)),
        Request::Model { name } => {
            sought.exact = Some(Hash::of(Kind::Model).bytes(name.as_bytes()));
            sought.starts = Some((Hash::of(Kind::ModelPrefix), name));
        }
    }
    sought.keys()
}

/// What a request has to look for; most of it is not there.
#[derive(Default)]
struct Sought<'r> {
    exact: Option<Hash>,
    /// A path and every directory above it.
    prefixes: Option<(Hash, super::PathRef<'r>)>,
    host: Option<(Kind, &'r Host<'r>)>,
    /// A key and every key above it.
    key: Option<(Hash, &'r str)>,
    /// A word and everything it starts with.
    starts: Option<(Hash, &'r str)>,
}

impl<'r> Sought<'r> {
    fn keys(self) -> impl Iterator<Item = u64> {
        let path = self.prefixes.into_iter().flat_map(|(hash, path)| {
            iter::once(hash).chain(path.components().scan(hash, |hash, component| {
                *hash = hash.part(component);
                Some(*hash)
            }))
        });
        let host = self.host.into_iter().flat_map(|(kind, host)| {
            let name = host.name().map(|name| name.as_str());
            let starts = name.into_iter().flat_map(|name| {
                let behind_dots = name.match_indices('.').map(|(at, _)| at + 1);
                iter::once(0).chain(behind_dots).filter_map(move |at| name.get(at..))
            });
            let domains = starts.map(move |domain| beneath(kind, domain));
            [exact_host(kind, host), any_host(kind)].into_iter().chain(domains)
        });
        let key = self.key.into_iter().flat_map(|(hash, key)| {
            key.split('.').scan(hash, |hash, part| {
                *hash = hash.part(part);
                Some(*hash)
            })
        });
        let starts = self.starts.into_iter().flat_map(|(hash, word)| {
            iter::once(hash).chain(word.bytes().scan(hash, |hash, byte| {
                *hash = hash.byte(byte);
                Some(*hash)
            }))
        });
        let hashes = self.exact.into_iter().chain(path).chain(host).chain(key).chain(starts);
        hashes.map(|hash| hash.0)
    }
}

/// The one key of a resource.
fn key(resource: &Resource) -> u64 {
    let hash = match resource {
        Resource::Files { path, .. } => {
            components(Hash::of(Kind::Files), path.borrow().components())
        }
        Resource::Command(rule) => {
            components(Hash::of(Kind::Command), rule.program.borrow().components())
        }
        Resource::Connect { hosts, .. } => pattern(Kind::Connect, hosts),
        Resource::Listen { address, .. } => pattern(Kind::Listen, address),
        Resource::Skill { name, .. } => Hash::of(Kind::Skill).bytes(name.as_bytes()),
        Resource::Configure { key } => components(Hash::of(Kind::Configure), key.split('.')),
        Resource::Persona => Hash::of(Kind::Persona),
        Resource::Model { name, is_prefix } => {
            let kind = if *is_prefix { Kind::ModelPrefix } else { Kind::Model };
            Hash::of(kind).bytes(name.as_bytes())
        }
    };
    hash.0
}

fn components<'c>(hash: Hash, components: impl Iterator<Item = &'c str>) -> Hash {
    components.fold(hash, Hash::part)
}

fn pattern(kind: Kind, hosts: &HostPattern) -> Hash {
    match hosts {
        HostPattern::Exact(host) => exact_host(kind, host),
        HostPattern::Beneath(domain) => beneath(kind, domain.as_str()),
        HostPattern::Any => any_host(kind),
    }
}

fn exact_host(kind: Kind, host: &Host<'_>) -> Hash {
    let hash = Hash::of(kind);
    match host {
        Host::Name(name) => hash.byte(b'n').bytes(name.as_str().as_bytes()),
        Host::V4(address) => hash.byte(b'4').bytes(&address.octets()),
        Host::V6(address) => hash.byte(b'6').bytes(&address.octets()),
    }
}

fn beneath(kind: Kind, domain: &str) -> Hash {
    Hash::of(kind).byte(b'.').bytes(domain.as_bytes())
}

fn any_host(kind: Kind) -> Hash {
    Hash::of(kind).byte(b'*')
}

/// Kinds of keys, so that a program and a file of one path have different ones.
#[derive(Clone, Copy)]
enum Kind {
    Files,
    Command,
    Connect,
    Listen,
    Skill,
    Configure,
    Persona,
    Model,
    ModelPrefix,
}

/// FNV-1a: short words, one byte after the other, and a prefix's hash on the way to the whole's.
/// Whoever finds two words of one hash makes a lookup slower by one comparison.
#[derive(Clone, Copy)]
struct Hash(u64);

impl Hash {
    const fn of(kind: Kind) -> Self {
        Self(0xcbf2_9ce4_8422_2325).byte(kind as u8)
    }

    const fn byte(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3))
    }

    fn bytes(self, bytes: &[u8]) -> Self {
        bytes.iter().fold(self, |hash, byte| hash.byte(*byte))
    }

    /// A word and its end, so that `a`, `b` is not `ab`.
    fn part(self, part: &str) -> Self {
        self.bytes(part.as_bytes()).byte(0)
    }
}

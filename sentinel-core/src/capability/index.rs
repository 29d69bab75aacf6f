//! The index of a table: from the words of a request to the grants that speak of them.
//!
//! Every resource has one key: a hash of its kind and of what a request must have in common with
//! it, such as the components of its path. A request has a few: one for each grant that could
//! cover it, be it of the directory above or of all hosts beneath a domain. A rule that forbids has
//! more: a request may mean a directory with all that is in it, so the rule is found under each
//! directory above it.
//!
//! # Invariants
//! - A grant that could cover or forbid a request has one of its keys. The other way round is not
//!   promised: two words may have one hash, and the table compares what it finds.
//! - Looking up allocates nothing.
//!
//! # Not here
//! Comparing: [`Table::decide`](super::Table::decide).

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
    /// Adds the place of a grant; of one that forbids, under the wholes that it is a part of too.
    pub(super) fn insert(&mut self, resource: &Resource, is_denial: bool, slot: u32) {
        for key in keys_of(resource, is_denial) {
            if let Err(place) = self.entries.binary_search(&(key, slot)) {
                self.entries.insert(place, (key, slot));
            }
        }
    }

    pub(super) fn remove(&mut self, resource: &Resource, is_denial: bool, slot: u32) {
        for key in keys_of(resource, is_denial) {
            if let Ok(place) = self.entries.binary_search(&(key, slot)) {
                self.entries.remove(place);
            }
        }
    }

    /// The places of what has this key.
    pub(super) fn find(&self, key: u64) -> impl Iterator<Item = u32> {
        let first = self.entries.partition_point(|(own, _)| *own < key);
        let entries = self.entries.get(first..).unwrap_or_default();
        entries.iter().take_while(move |(own, _)| *own == key).map(|(_, slot)| *slot)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    #[cfg(feature = "agent")]
    pub(super) const fn ages_count(&self) -> u64 {
        self.ages_count
    }

    #[cfg(feature = "agent")]
    pub(super) fn set_ages_count(&mut self, count: u64) {
        self.ages_count = count;
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
        Request::Reach(place) => sought.host = Some((Kind::Connect, &place.host)),
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
        Request::Sampling { skill, .. } => {
            sought.exact = Some(Hash::of(Kind::Sampling).bytes(skill.as_bytes()));
        }
    }
    sought.keys()
}

/// The key of all rules that forbid a part of what a request means as a whole, if it means one.
pub(super) fn key_of_whole(request: &Request<'_>) -> Option<u64> {
    let hash = match request {
        Request::File { path, is_tree: true, .. } => {
            components(Hash::of(Kind::WholeFiles), path.components())
        }
        Request::Configure { key } => components(Hash::of(Kind::WholeKey), key.split('.')),
        // `0.0.0.0` and `::` are every address of this machine.
        Request::Listen { address, .. } if is_unspecified(address) => Hash::of(Kind::AllAddresses),
        _ => return None,
    };
    Some(hash.0)
}

/// Whether it stands for every address there is.
pub(super) fn is_unspecified(address: &Host<'_>) -> bool {
    address.address().is_some_and(|address| address.is_unspecified())
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

/// The keys of a grant: its own and, of one that forbids, those of every whole it is a part of.
fn keys_of(resource: &Resource, is_denial: bool) -> impl Iterator<Item = u64> {
    let mut wholes = Sought::default();
    match resource {
        Resource::Files { path, .. } if is_denial => {
            wholes.prefixes = Some((Hash::of(Kind::WholeFiles), path.borrow()));
        }
        Resource::Configure { key } if is_denial => {
            wholes.key = Some((Hash::of(Kind::WholeKey), key));
        }
        Resource::Listen { .. } if is_denial => {
            wholes.exact = Some(Hash::of(Kind::AllAddresses));
        }
        _ => {}
    }
    iter::once(key(resource)).chain(wholes.keys())
}

/// What a resource has in common with each request that is about it.
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
        Resource::Sampling { skill, .. } => Hash::of(Kind::Sampling).bytes(skill.as_bytes()),
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
    Sampling,
    WholeFiles,
    WholeKey,
    AllAddresses,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Grant;

    #[test]
    fn what_is_removed_leaves_nothing() {
        let grants = ["read /a", "write /a", "connect *.example", "run /bin/cat", "read /a/b"];
        let resources = grants.map(|text| text.parse::<Grant>().unwrap().resource);
        let mut index = Index::default();
        for (slot, resource) in (0..).zip(&resources) {
            index.insert(resource, false, slot);
            index.insert(resource, false, slot);
        }
        assert_eq!(index.entries.len(), resources.len(), "every pair once");
        assert!(index.find(key(&resources[0])).eq([0, 1]), "two grants of one path");
        for (slot, resource) in (0..).zip(&resources) {
            index.remove(resource, false, slot);
            assert!(index.find(key(resource)).all(|found| found != slot));
        }
        assert_eq!(index.entries, []);
    }

    #[test]
    fn a_denial_is_found_under_every_whole() {
        let denial = "deny read /a/b".parse::<Grant>().unwrap().resource;
        let mut index = Index::default();
        index.insert(&denial, true, 3);
        let found = |path, is_tree| {
            let path = crate::capability::PathRef::absolute(path).unwrap();
            let right = crate::capability::FileRight::Read;
            let key = key_of_whole(&Request::File { path, right, is_tree });
            key.is_some_and(|key| index.find(key).eq([3]))
        };
        assert!(["/", "/a", "/a/b"].into_iter().all(|path| found(path, true)));
        assert!(!found("/a", false) && !found("/a/b/c", true) && !found("/b", true));
        index.remove(&denial, true, 3);
        assert_eq!(index.entries, []);
    }

    /// A host has no key of an address, a program none of a file: kinds are kept apart.
    #[test]
    fn a_request_has_few_keys() {
        let path = crate::capability::PathRef::absolute("/a/b/c").unwrap();
        let right = crate::capability::FileRight::Read;
        assert_eq!(keys(&Request::File { path, right, is_tree: false }).count(), 4);
        let (program, arguments, directory) = (path, &[][..], "/");
        assert_eq!(keys(&Request::Command { program, arguments, directory }).count(), 1);
        let host = Host::parse("a.b.example").unwrap();
        let request = Request::Connect { host: &host, port: 1, http: None };
        assert_eq!(keys(&request).count(), 5);
        let mut all: Vec<u64> = keys(&request).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 5);
    }
}

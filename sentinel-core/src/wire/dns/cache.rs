//! Names that were asked for not long ago.
//!
//! # Invariants
//! - Nothing is remembered for longer than its servers said, but for a second, and nothing for
//!   longer than the bounds of [`crate::limits`].
//! - When it is full, the entry that would have ended first makes room.
//! - What is found is borrowed: a hit allocates nothing.
//!
//! # Not here
//! What is known without servers (addresses, `localhost`, `hosts`): that is found as quickly anew.

use alloc::boxed::Box;
use core::net::IpAddr;
use core::time::Duration;

use super::outcome::{LookupError, LookupErrorKind, Resolved, Source};
use crate::limits::{
    DNS_CACHE_COUNT_MAX, DNS_CACHE_NEGATIVE_TIME_MAX, DNS_CACHE_TIME_MAX, DNS_CACHE_TIME_MIN,
};
use crate::order::Map;
use crate::time::Instant;

/// The outcomes of resolutions, as long as they hold.
///
/// ```
/// use core::time::Duration;
///
/// use sentinel_core::time::Instant;
/// use sentinel_core::wire::dns::{Cache, Cached, Resolved, Source};
///
/// let mut cache = Cache::default();
/// let addresses = vec![[192, 0, 2, 1].into()];
/// let lifetime = Some(Duration::from_secs(60));
/// let resolved = Resolved { addresses, lifetime, source: Source::Servers, is_complete: true };
/// cache.insert(Instant(0), "example.com", &Ok(resolved.clone()));
/// let found = cache.find(Instant(59_999), "Example.COM");
/// assert_eq!(found, Some(Cached::Addresses(&resolved.addresses)));
/// assert_eq!(cache.find(Instant(60_000), "example.com"), None);
/// ```
#[derive(Clone, Debug)]
pub struct Cache {
    entries: Map<Box<str>, Entry>,
    count_max: usize,
}

/// What is remembered of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cached<'a> {
    /// Its addresses, as in [`Resolved`].
    Addresses(&'a [IpAddr]),
    /// That it has none.
    NoAddresses,
    /// That it is not there.
    NoSuchName,
}

#[derive(Clone, Debug)]
struct Entry {
    ends: Instant,
    /// None if there is nothing, and then whether the name is there.
    addresses: Box<[IpAddr]>,
    is_name_there: bool,
}

impl Cache {
    /// A cache for at most so many names.
    #[must_use]
    pub const fn new(count_max: usize) -> Self {
        Self { entries: Map::new(), count_max }
    }

    /// What is remembered of a name, in any case. The name is that of the lookup: a short one that
    /// was searched for is remembered as such.
    #[must_use]
    pub fn find(&self, now: Instant, name: &str) -> Option<Cached<'_>> {
        let mut buffer = [0; NAME_BYTES_MAX];
        let entry = self.entries.get(key(name, &mut buffer)?)?;
        if entry.ends <= now {
            return None;
        }
        Some(match (&*entry.addresses, entry.is_name_there) {
            ([], true) => Cached::NoAddresses,
            ([], false) => Cached::NoSuchName,
            (addresses, _) => Cached::Addresses(addresses),
        })
    }

    /// Remembers how a lookup ended, if that is worth it: failures are not, and neither is what
    /// nobody gave a lifetime.
    pub fn insert(&mut self, now: Instant, name: &str, outcome: &Result<Resolved, LookupError>) {
        let mut buffer = [0; NAME_BYTES_MAX];
        let Some(key) = key(name, &mut buffer) else { return };
        let entry = match outcome {
            Ok(Resolved {
                addresses,
                lifetime: Some(lifetime),
                source: Source::Servers,
                is_complete,
            }) => {
                let longest = if *is_complete { DNS_CACHE_TIME_MAX } else { DNS_CACHE_TIME_MIN };
                let time = (*lifetime).clamp(DNS_CACHE_TIME_MIN, longest);
                Entry {
                    ends: now.after(time),
                    addresses: addresses[..].into(),
                    is_name_there: true,
                }
            }
            Err(LookupError { kind, lifetime: Some(lifetime), .. }) => {
                let is_name_there = match kind {
                    LookupErrorKind::NoAddresses => true,
                    LookupErrorKind::NoSuchName => false,
                    _ => return,
                };
                let time = (*lifetime).min(DNS_CACHE_NEGATIVE_TIME_MAX);
                if time == Duration::ZERO {
                    return;
                }
                Entry { ends: now.after(time), addresses: Box::default(), is_name_there }
            }
            Ok(_) | Err(_) => return,
        };
        if let Some(old) = self.entries.get_mut(key) {
            *old = entry;
            return;
        }
        if self.entries.len() >= self.count_max {
            self.entries.retain(|_, entry| entry.ends > now);
        }
        if self.entries.len() >= self.count_max {
            let Some(first) = self.entries.iter().min_by_key(|(_, entry)| entry.ends) else {
                return;
            };
            let first = first.0.clone();
            self.entries.remove(&first);
        }
        self.entries.insert(key.into(), entry);
    }

    /// Forgets everything, as when the network has changed.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// How many names are kept, ended ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self::new(DNS_CACHE_COUNT_MAX)
    }
}

/// The name in lower case; nothing for what is too long to be one. A dot at the end stays: it makes
/// another name, one that is not searched for.
fn key<'b>(name: &str, buffer: &'b mut [u8; NAME_BYTES_MAX]) -> Option<&'b str> {
    let lower = buffer.get_mut(..name.len())?;
    lower.copy_from_slice(name.as_bytes());
    lower.make_ascii_lowercase();
    core::str::from_utf8(lower).ok()
}

/// A host name and a dot.
const NAME_BYTES_MAX: usize = 254;

#[cfg(test)]
mod tests {
    use std::format;
    use std::vec::Vec;

    use super::*;

    fn resolved(seconds: u64) -> Result<Resolved, LookupError> {
        Ok(Resolved {
            addresses: Vec::from([IpAddr::from([192, 0, 2, 1])]),
            lifetime: Some(Duration::from_secs(seconds)),
            source: Source::Servers,
            is_complete: true,
        })
    }

    fn missing(kind: LookupErrorKind, seconds: Option<u64>) -> Result<Resolved, LookupError> {
        let lifetime = seconds.map(Duration::from_secs);
        Err(LookupError { lifetime, ..LookupError::new("x", kind) })
    }

    fn seconds(cache: &Cache, name: &str) -> u64 {
        (0..10_000).take_while(|second| cache.find(Instant(second * 1000), name).is_some()).count()
            as u64
    }

    #[test]
    fn lifetimes_are_kept_within_bounds() {
        let mut cache = Cache::default();
        for (given, kept) in [(0, 1), (1, 1), (60, 60), (u32::MAX.into(), 3600)] {
            cache.insert(Instant(0), "a", &resolved(given));
            assert_eq!(seconds(&cache, "A"), kept);
        }
        for (given, kept) in [(30, 30), (9999, 60)] {
            cache.insert(Instant(0), "a", &missing(LookupErrorKind::NoSuchName, Some(given)));
            assert_eq!(seconds(&cache, "a"), kept);
        }
        assert_eq!(cache.find(Instant(0), "a"), Some(Cached::NoSuchName));
        cache.insert(Instant(0), "a", &missing(LookupErrorKind::NoAddresses, Some(5)));
        assert_eq!(cache.find(Instant(0), "a"), Some(Cached::NoAddresses));
        assert_eq!(cache.find(Instant(0), "a."), None);
        assert_eq!(cache.len(), 1);
        cache.clear();
        assert!(cache.is_empty());
    }

    #[test]
    fn only_what_servers_said_is_remembered() {
        let mut cache = Cache::default();
        let mut literal = resolved(60).unwrap();
        literal.source = Source::Literal;
        let mut unknown = resolved(60).unwrap();
        unknown.lifetime = None;
        for outcome in [
            Ok(literal),
            Ok(unknown),
            missing(LookupErrorKind::NoSuchName, None),
            missing(LookupErrorKind::NoSuchName, Some(0)),
            missing(LookupErrorKind::ServersFailed, Some(60)),
            missing(LookupErrorKind::TimedOut, Some(60)),
        ] {
            cache.insert(Instant(0), "a", &outcome);
            assert!(cache.is_empty(), "{outcome:?}");
        }
        cache.insert(Instant(0), &"x".repeat(255), &resolved(60));
        assert!(cache.is_empty());
        let mut half = resolved(60).unwrap();
        half.is_complete = false;
        cache.insert(Instant(0), "a", &Ok(half));
        assert_eq!(seconds(&cache, "a"), 1, "the other kind may be there soon");
    }

    #[test]
    fn what_ends_first_makes_room() {
        let mut cache = Cache::new(3);
        for (name, time) in [("b", 20), ("a", 10), ("c", 30), ("d", 25)] {
            cache.insert(Instant(0), name, &resolved(time));
        }
        assert_eq!(cache.len(), 3);
        assert_eq!(cache.find(Instant(0), "a"), None);
        // Two have ended by now, so nothing that holds is lost.
        cache.insert(Instant(25_000), "e", &resolved(1));
        cache.insert(Instant(25_000), "f", &resolved(1));
        assert!(cache.find(Instant(25_000), "c").is_some());
        assert_eq!(cache.len(), 3);
    }

    #[test]
    fn it_never_outgrows_its_bound_and_forgets_the_same_each_time() {
        let run = || {
            let mut cache = Cache::new(8);
            for index in 0..200_u64 {
                cache.insert(Instant(index), &format!("n{}", index * 7 % 31), &resolved(index % 9));
                assert!(cache.len() <= 8);
            }
            cache.entries.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(run(), run());
        let mut none = Cache::new(0);
        none.insert(Instant(0), "a", &resolved(60));
        assert!(none.is_empty());
    }
}

//! Names that are known cost no allocation.
//!
//! Goal: a connection to a host that was resolved before costs nothing on the way to its address.
//! Method: a counting allocator under look-ups in the cache and in the table of hosts.

mod counting;

use std::net::IpAddr;
use std::time::Duration;

use sentinel_core::time::Instant;
use sentinel_core::wire::dns::{
    Cache, Cached, Hosts, Name, Question, RecordKind, Resolved, Source,
};

#[test]
fn a_hit_in_the_cache_costs_no_allocation() {
    let mut cache = Cache::default();
    let resolved = Resolved {
        addresses: vec![IpAddr::from([192, 0, 2, 1])],
        lifetime: Some(Duration::from_secs(60)),
        source: Source::Servers,
        is_complete: true,
    };
    for index in 0..100 {
        cache.insert(Instant(0), &format!("host{index}.example.com"), &Ok(resolved.clone()));
    }
    let mut is_found = false;
    let count = counting::allocations(|| {
        is_found = cache.find(Instant(1), "Host42.Example.com")
            == Some(Cached::Addresses(&resolved.addresses));
    });
    assert!(is_found);
    assert_eq!(count, 0);
}

#[test]
fn a_name_of_the_table_costs_no_allocation() {
    let (hosts, _) = Hosts::parse(b"192.0.2.1 db db.example\n192.0.2.2 other\n");
    let mut found = None;
    let count = counting::allocations(|| found = hosts.addresses("DB.example").next());
    assert_eq!(found, Some(IpAddr::from([192, 0, 2, 1])));
    assert_eq!(count, 0);
}

#[test]
fn a_message_that_answers_nothing_costs_no_allocation() {
    let name = Name::parse("www.example.com").unwrap_or(Name::ROOT);
    let mut query = Vec::new();
    Question::new(name, RecordKind::A, 1).write(&mut query);
    query[2] |= 0x80;
    let other = Question::new(name, RecordKind::A, 2);
    let mut is_foreign = false;
    let count = counting::allocations(|| {
        is_foreign = other.read(&query).is_err_and(|error| error.is_foreign());
    });
    assert!(is_foreign);
    assert_eq!(count, 0, "a flood of guesses costs no memory");
}

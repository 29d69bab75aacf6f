//! `resolv.conf` and `hosts`: whatever stands in them, the values are within bounds, and a good
//! line is read whatever stands before it.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use sentinel_core::limits;
use sentinel_core::wire::dns::{Config, Hosts};

fuzz_target!(|file: &[u8]| {
    let (config, problems) = Config::parse(file);
    assert!((1..=limits::DNS_SERVERS_COUNT_MAX).contains(&config.servers.len()));
    assert!(config.search.len() <= limits::DNS_SEARCH_COUNT_MAX);
    assert!((1..=limits::DNS_ATTEMPTS_MAX).contains(&config.attempts) && config.ndots <= 15);
    assert!(!config.timeout.is_zero() && config.timeout <= limits::DNS_TIMEOUT_MAX);
    assert!(problems.list().len() <= problems.count());

    let lines_count = file.split(|byte| *byte == b'\n').count();
    let (hosts, problems) = Hosts::parse(file);
    assert!(problems.list().iter().all(|problem| problem.line as usize <= lines_count));
    let more = [file, b"\n192.0.2.77 added.example"].concat();
    let (again, _) = Hosts::parse(&more);
    assert_eq!(again.count(), hosts.count() + 1);
    let added = IpAddr::from([192, 0, 2, 77]);
    assert!(again.addresses("ADDED.example").any(|address| address == added));
});

//! The proxy of a sandbox that is tried, as a call with grants for a few places has it.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use sentinel_core::egress::Allowance;
use sentinel_core::wire::dns::Hosts;

use super::network_proxy::GRANTED;
use crate::clock::Clock;
use crate::egress::{self, Egress};
use crate::network::{Network, Options};
use crate::poller::{Owner, Poller};

/// Serves until it is dropped.
#[derive(Debug)]
pub(super) struct WayOut {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl WayOut {
    /// With these grants.
    pub(super) fn new(listener: OwnedFd, grants: Vec<String>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let ending = is_over.clone();
        let thread = Some(std::thread::spawn(move || serve(listener, &grants, &ending)));
        Self { is_over, thread }
    }
}

impl Drop for WayOut {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn serve(listener: OwnedFd, grants: &[String], is_over: &AtomicBool) -> io::Result<()> {
    // Who owns the granted name lets it mean this machine.
    let (hosts, _) = Hosts::parse(format!("127.0.0.1 localhost {GRANTED}\n").as_bytes());
    let clock = Clock::new();
    let mut poller = Poller::new()?;
    let options = Options { hosts, ..Options::default() };
    let mut network = Network::new(options).map_err(|error| io::Error::other(error.to_string()))?;
    let mut served = Egress::default();
    let grants = grants
        .iter()
        .map(|grant| grant.parse().map_err(|error| io::Error::other(format!("{grant}: {error}"))));
    let grants = grants.collect::<io::Result<Vec<_>>>()?;
    let allowance = Allowance::new(grants, clock.now().wall).map_err(io::Error::other)?;
    let way_out = egress::WayOut::new(allowance, clock.now().wall, Duration::ZERO)?;
    let door = served.serve(&poller, listener, way_out)?;
    while !is_over.load(Ordering::SeqCst) {
        for ready in poller.wait(Some(Duration::from_millis(5)))? {
            let now = clock.now();
            match ready.token.owner() {
                Some(Owner::Egress) => served.ready(now, &poller, &mut network, ready),
                _ => network.ready(now.instant, &poller, ready),
            }
        }
        let now = clock.now();
        network.tick(now.instant, &poller);
        served.tick(now, &poller, &mut network);
        while let Some(event) = network.poll(now.instant, &poller) {
            served.take(now, &poller, &mut network, &event);
        }
        while served.poll().is_some() {}
    }
    served.stop(&poller, &mut network, door);
    Ok(())
}

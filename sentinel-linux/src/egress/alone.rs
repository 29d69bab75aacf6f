//! The proxy by itself: for a sandbox that no agent runs.
//!
//! # Not here
//! Records: there is no log. Whoever asks for this is told what was decided.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fd::AsFd as _;
use sentinel_core::egress::{Passage, SharedSecret};

use super::{Egress, WayOut};
use crate::clock::Clock;
use crate::network::{Network, Options};
use crate::poller::{Interest, Owner, Poller, Token};

/// The way out of one sandbox.
#[derive(Debug)]
pub(crate) struct Alone {
    clock: Clock,
    poller: Poller,
    network: Network,
    way_out: WayOut,
}

impl Alone {
    /// To what these allow, by these servers for names.
    ///
    /// # Errors
    /// The system gives no descriptor, or a file of certificates says nothing.
    pub(crate) fn new(options: Options, way_out: WayOut) -> io::Result<Self> {
        let (clock, poller) = (Clock::new(), Poller::new()?);
        Ok(Self { clock, poller, network: Network::new(options)?, way_out })
    }

    /// Hands over the secrets that are added, each by its name.
    pub(crate) fn hand_over(&mut self, secret: impl Fn(&str) -> Option<SharedSecret>) {
        self.way_out.hand_over(secret);
    }

    /// Serves what connects to `listener` until something can be read from `end`, such as a process
    /// that has ended. `told` hears of each decision.
    ///
    /// # Errors
    /// Nothing can be waited for any more.
    pub(crate) fn serve(
        self,
        listener: OwnedFd,
        end: BorrowedFd<'_>,
        mut told: impl FnMut(&Passage),
    ) -> io::Result<()> {
        let Self { clock, mut poller, mut network, way_out } = self;
        let (poller, network) = (&mut poller, &mut network);
        let mut egress = Egress::default();
        poller.add(end, END, Interest::READ)?;
        let door = egress.serve(poller, listener, way_out)?;
        let mut is_over = false;
        while !is_over {
            let now = clock.now().instant;
            let deadlines = [network.deadline(), egress.deadline()];
            let deadline = deadlines.into_iter().flatten().min();
            for ready in poller.wait(deadline.map(|deadline| deadline.since(now)))? {
                let now = clock.now();
                match ready.token.owner() {
                    Some(Owner::Egress) => egress.ready(now, poller, network, ready),
                    Some(Owner::Sandbox) => is_over = true,
                    _ => network.ready(now.instant, poller, ready),
                }
            }
            let now = clock.now();
            network.tick(now.instant, poller);
            egress.tick(now, poller, network);
            while let Some(event) = network.poll(now.instant, poller) {
                egress.take(now, poller, network, &event);
            }
            if is_over {
                egress.stop(poller, network, door);
            }
            while let Some((_, passage)) = egress.poll() {
                told(&passage);
            }
        }
        // It was lent.
        poller.remove(end.as_fd())
    }
}

const END: Token = Token::new(Owner::Sandbox, 0);

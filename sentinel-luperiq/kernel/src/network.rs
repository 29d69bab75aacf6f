//! The network card: whoever holds its handle takes frames from the wire and puts them there.
//!
//! The kernel knows nothing of what is in a frame. It writes the addresses that the card uses, so
//! that whoever drives the network reads and writes no memory but its own.

use luperiq_abi::Signals;
use luperiq_policy::Key;

use crate::device::Card;
use crate::device::gic::Line;
use crate::kernel::Kernel;

/// The network card, if there is one.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) card: Option<Card>,
    /// What its handles stand for.
    pub(crate) object: Option<Key>,
}

impl Network {
    pub(crate) const fn new(card: Option<Card>) -> Self {
        Self { card, object: None }
    }

    pub(crate) const fn is_there(&self) -> bool {
        self.card.is_some()
    }

    /// Its line at the interrupt controller.
    pub(crate) fn line(&self) -> Option<Line> {
        self.card.as_ref().map(|card| card.line).filter(|line| line.0 != 0)
    }
}

impl Kernel {
    /// The card has done something.
    pub(crate) fn network_arrived(&mut self) {
        if let Some(card) = &self.network.card {
            card.net.acknowledge();
        }
        self.network_changed();
    }

    /// Says whether there is a frame to be taken.
    pub(crate) fn network_changed(&mut self) {
        if let (Some(object), Some(card)) = (self.network.object, &self.network.card) {
            let (set, cleared) = match card.net.is_ready() {
                true => (Signals::READABLE, Signals::NONE),
                false => (Signals::NONE, Signals::READABLE),
            };
            self.system.set_signals(object, set, cleared);
        }
    }
}

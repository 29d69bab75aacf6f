//! The network card, whoever made it: a pipe for whole frames.

use luperiq_abi::limits::FRAME_BYTES_MAX;
use luperiq_cadence::Gem;
use luperiq_virtio::Lie;
use luperiq_virtio::net::Net;

use super::gic::Line;
use super::{Registers, Shared};

/// The network card, and its line if it has one (0 is none).
#[derive(Debug)]
pub(crate) struct Card {
    pub(crate) net: Ethernet,
    pub(crate) line: Line,
}

/// What drives it. There is one, made at the start and never moved.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a box would be one more step to each frame")]
pub(crate) enum Ethernet {
    Virtio(Net<Registers, Shared>),
    Cadence(Gem<Registers, Shared>),
}

impl Ethernet {
    /// Its address on the wire.
    pub(crate) fn address(&self) -> [u8; 6] {
        match self {
            Self::Virtio(net) => net.address(),
            Self::Cadence(gem) => gem.address(),
        }
    }

    /// Whether a frame is there, or there will never be one.
    pub(crate) fn is_ready(&self) -> bool {
        match self {
            Self::Virtio(net) => net.is_ready(),
            Self::Cadence(gem) => gem.is_ready(),
        }
    }

    /// Tells the card that its interrupt was seen.
    pub(crate) fn acknowledge(&self) {
        match self {
            Self::Virtio(net) => net.acknowledge(),
            Self::Cadence(gem) => gem.acknowledge(),
        }
    }

    /// Takes the next frame, if one is there: how long it is.
    pub(crate) fn receive(
        &mut self,
        out: &mut [u8; FRAME_BYTES_MAX],
    ) -> Result<Option<usize>, Lie> {
        match self {
            Self::Virtio(net) => net.receive(out),
            Self::Cadence(gem) => gem.receive(out),
        }
    }

    /// Sends a frame; `false` if there is no room for it just now.
    pub(crate) fn send(&mut self, frame: &[u8]) -> Result<bool, Lie> {
        match self {
            Self::Virtio(net) => net.send(frame),
            Self::Cadence(gem) => gem.send(frame),
        }
    }
}

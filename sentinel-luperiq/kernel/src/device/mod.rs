//! What is outside the processor: the device tree and the devices it names.

pub(crate) mod block;
pub(crate) mod gic;
pub(crate) mod pl011;
pub(crate) mod pl031;
mod register;
mod shared;

pub(crate) use register::Registers;
pub(crate) use shared::Shared;

/// The network card, and its line if it has one (0 is none).
#[derive(Debug)]
pub(crate) struct Card {
    pub(crate) net: luperiq_virtio::net::Net<Registers, Shared>,
    pub(crate) line: gic::Line,
}

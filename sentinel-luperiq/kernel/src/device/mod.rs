//! What is outside the processor: the device tree and the devices it names.

pub(crate) mod block;
mod card;
pub(crate) mod gic;
mod pl011;
pub(crate) mod pl031;
mod register;
pub(crate) mod serial;
mod shared;
mod uart;

pub(crate) use card::{Card, Ethernet};
pub(crate) use register::Registers;
pub(crate) use shared::Shared;

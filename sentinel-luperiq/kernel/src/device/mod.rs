//! What is outside the processor: the device tree and the devices it names.

pub(crate) mod block;
pub(crate) mod gic;
pub(crate) mod pl011;
pub(crate) mod pl031;
mod register;
mod shared;

pub(crate) use register::Registers;
pub(crate) use shared::Shared;

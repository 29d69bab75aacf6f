//! What is outside the processor: the device tree and the devices it names.

pub(crate) mod gic;
pub(crate) mod pl011;
pub(crate) mod pl031;
mod register;

pub(crate) use register::Registers;

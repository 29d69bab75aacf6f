//! The wire as the protocols see it: one frame at a time, in and out.

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

use crate::limits::FRAMES_AT_ONCE;

/// Where frames come from and go to.
pub trait Wire {
    /// Takes the next frame, if there is one: how long it is.
    fn receive(&mut self, frame: &mut [u8; FRAME_BYTES]) -> Option<usize>;

    /// Sends a frame. One that cannot be sent is lost, as on any wire.
    fn send(&mut self, frame: &[u8]);
}

/// A wire with room for one frame.
#[derive(Debug)]
pub struct Port<W> {
    /// The wire.
    pub wire: W,
    frame: [u8; FRAME_BYTES],
    /// How many frames are still taken in this turn.
    left: usize,
}

impl<W: Wire> Port<W> {
    /// A port onto this wire.
    pub const fn new(wire: W) -> Self {
        Self { wire, frame: [0; FRAME_BYTES], left: 0 }
    }

    /// Begins a turn.
    pub const fn begin(&mut self) {
        self.left = FRAMES_AT_ONCE;
    }

    /// Whether the turn ended with frames that may be waiting.
    #[must_use]
    pub const fn is_spent(&self) -> bool {
        self.left == 0
    }
}

/// A frame that came.
#[derive(Debug)]
pub struct Incoming<'a>(&'a [u8]);

/// Room for one that goes.
#[derive(Debug)]
pub struct Outgoing<'a, W>(&'a mut W);

impl<W: Wire> Device for Port<W> {
    type RxToken<'a>
        = Incoming<'a>
    where
        W: 'a;
    type TxToken<'a>
        = Outgoing<'a, W>
    where
        W: 'a;

    fn receive(&mut self, _: Instant) -> Option<(Incoming<'_>, Outgoing<'_, W>)> {
        self.left = self.left.checked_sub(1)?;
        let count = self.wire.receive(&mut self.frame)?;
        Some((Incoming(self.frame.get(..count)?), Outgoing(&mut self.wire)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Outgoing<'_, W>> {
        Some(Outgoing(&mut self.wire))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_BYTES;
        capabilities
    }
}

impl RxToken for Incoming<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl<W: Wire> TxToken for Outgoing<'_, W> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut frame = [0; FRAME_BYTES];
        // The protocols ask for no more than the port said.
        let frame = &mut frame[..length];
        let result = f(frame);
        self.0.send(frame);
        result
    }
}

/// The longest frame.
pub const FRAME_BYTES: usize = luperiq_runtime::abi::limits::FRAME_BYTES_MAX;

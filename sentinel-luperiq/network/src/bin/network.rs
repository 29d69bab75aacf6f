//! Serves the network: connections that programs ask for, over the network card.
//!
//! It is given the card, a clock and random bytes, in this order, and words
//! ([`luperiq_network::settings`]). What it finds out it says in the record.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use luperiq_network::settings::Settings;
use luperiq_network::stack::{Line, Stack};
use luperiq_network::wire::{FRAME_BYTES, Wire};
use luperiq_runtime::Start;
use luperiq_runtime::abi::call::FOREVER;
use luperiq_runtime::abi::{Error, Signals};
use luperiq_runtime::call::note;
use luperiq_runtime::handle::{Channel, Clock, Entropy, Network, Owned, wait_many};

#[cfg(target_os = "none")]
luperiq_runtime::program!(run);

/// Off the machine there is no network card.
#[cfg(not(target_os = "none"))]
fn main() {
    let _ = run as fn(Start) -> i32;
}

struct Card(Network);

impl Wire for Card {
    fn receive(&mut self, frame: &mut [u8; FRAME_BYTES]) -> Option<usize> {
        self.0.receive(frame).ok()
    }

    fn send(&mut self, frame: &[u8]) {
        // A frame that does not go is sent again by who sent it.
        let _ = self.0.send(frame);
    }
}

struct Socket(Channel);

impl Line for Socket {
    fn read(&mut self) -> Result<Vec<u8>, Error> {
        self.0.read().map(|message| message.bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.send(bytes, Vec::new()).map_err(|(error, _)| error)
    }
}

fn run(mut start: Start) -> i32 {
    let mut take = |place| start.take(place);
    let (Some(card), Some(clock), Some(entropy)) = (take(0), take(1), take(2)) else { return 1 };
    let settings = match Settings::parse(start.arguments.iter().map(|word| word.as_str())) {
        Ok(settings) => settings,
        Err(what) => {
            let _ = note(&format!("network: {what}"));
            return 2;
        }
    };
    match serve(Network(card), &Clock(clock), Entropy(entropy), settings) {
        Ok(()) => 0,
        Err(error) => {
            let _ = note(&format!("network: {error}"));
            1
        }
    }
}

/// Goes on until nobody can ask for anything any more.
fn serve(card: Network, clock: &Clock, entropy: Entropy, settings: Settings) -> Result<(), Error> {
    let (inbox, outbox) = Channel::pair()?;
    card.serve(outbox)?;
    let address = card.address()?;
    // What cannot be filled stays as it is; the handle was tried once, so that does not happen.
    entropy.fill(&mut [0; 8])?;
    let random = Box::new(move |room: &mut [u8]| {
        let _ = entropy.fill(room);
    });
    let mut stack = Stack::new(Card(card), address, settings, random);
    let mut known = None;
    loop {
        let now = clock.now()?.0 / NANOSECONDS;
        loop {
            match inbox.read() {
                Ok(message) => {
                    let line = message.handles.into_iter().next().flatten();
                    if let Some(line) = line {
                        stack.ask(now, &message.bytes, Socket(Channel(line)));
                    }
                }
                Err(Error::NotReady) => break,
                Err(Error::PeerClosed) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        stack.poll(now);
        if stack.address() != known {
            known = stack.address();
            note(&known.map_or("network: no address".into(), |it| format!("network: {it}")))?;
        }
        let due = stack.due(now).map_or(FOREVER, |due| due.saturating_mul(NANOSECONDS));
        let mut items: Vec<(&Owned, Signals)> = Vec::new();
        items.push((&*stack.wire().0, Signals::READABLE));
        items.push((&*inbox, Signals::READABLE.with(Signals::PEER_CLOSED)));
        for (line, wants) in stack.lines() {
            let read = if wants.read { READ } else { Signals::NONE };
            let write = if wants.write { WRITE } else { Signals::NONE };
            let signals = read.with(write);
            if !signals.is_empty() {
                items.push((&*line.0, signals));
            }
        }
        match wait_many(&items, due) {
            Ok(_) | Err(Error::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
}

const READ: Signals = Signals::READABLE.with(Signals::PEER_CLOSED);
const WRITE: Signals = Signals::WRITABLE.with(Signals::PEER_CLOSED);

/// In a millisecond.
const NANOSECONDS: u64 = 1_000_000;

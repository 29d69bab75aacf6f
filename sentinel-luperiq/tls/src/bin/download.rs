//! Fetches one page through the program that speaks TLS, keeps nothing of it, and says how long it
//! took: what a connection carries is measured so. It stands in no image that is given out.
//!
//! It is given what the agent is, and uses of that the console, the clock and the end of a line at
//! which exchanges are asked for. Its argument is a service and its address, as the agent's is.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt::Write as _;

use luperiq_exchange::{Asked, Said, Times};
use luperiq_runtime::Start;
use luperiq_runtime::abi::call::FOREVER;
use luperiq_runtime::abi::{Error, Signals};
use luperiq_runtime::handle::{Channel, Clock, Console};

#[cfg(target_os = "none")]
luperiq_runtime::program!(run);

/// Off the machine there is nobody to ask.
#[cfg(not(target_os = "none"))]
fn main() {
    let _ = run as fn(Start) -> i32;
}

fn run(mut start: Start) -> i32 {
    let mut take = |place| start.take(place);
    let (Some(console), Some(clock), Some(services)) = (take(0), take(1), take(5)) else {
        return 2;
    };
    let fetched = fetch(&Channel(services), &Clock(clock), start.arguments.first());
    // Whoever waits for the line learns by the machine's end that there is none.
    let mut console = Console(console);
    let _ = match fetched {
        Ok((bytes, nanoseconds)) => {
            write!(console, "download: {bytes} bytes in {} us\r\n", nanoseconds / 1000)
        }
        Err(what) => write!(console, "download: {what}\r\n"),
    };
    0
}

/// Fetches it: how many bytes came, and how long it took from the first of them on.
fn fetch(services: &Channel, clock: &Clock, word: Option<&String>) -> Result<(u64, u64), String> {
    let text = |error: Error| error.to_string();
    let (service, url) =
        word.and_then(|word| word.split_once(' ')).ok_or("it is told of no service")?;
    let times = Times { connect: 60_000, first_byte: 60_000, idle: 60_000, total: 600_000 };
    let fields = Vec::new();
    let asked = Asked { service, method: "GET", url, fields, body_bytes: 0, times };
    let asked = asked.encode().ok_or("the request is too long")?;
    let (line, other) = Channel::pair().map_err(text)?;
    services.send(&asked, [other.0].into()).map_err(|(error, _)| text(error))?;
    let now = || clock.now().map(|(now, _)| now).map_err(text);
    let (mut bytes, mut begun) = (0, None);
    loop {
        let message = match line.read() {
            Err(Error::NotReady) => {
                let signals = Signals::READABLE.with(Signals::PEER_CLOSED);
                line.wait(signals, FOREVER).map_err(text)?;
                continue;
            }
            outcome => outcome.map_err(text)?.bytes,
        };
        match Said::decode(&message).ok_or("what came cannot be read")? {
            Said::Verified(_) => {}
            Said::Bytes(piece) => {
                if begun.is_none() {
                    begun = Some(now()?);
                }
                bytes += piece.len() as u64;
            }
            Said::End => return Ok((bytes, now()?.saturating_sub(begun.unwrap_or(0)))),
            Said::Failed(_, why) => return Err(format!("it broke: {why}")),
        }
    }
}

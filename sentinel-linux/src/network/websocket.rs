//! WebSockets on a connection: the handshake, messages, pings and the end.

use sentinel_core::limits::WEBSOCKET_MESSAGE_BYTES_MAX;
use sentinel_core::wire::http::ResponsePart;
use sentinel_core::wire::websocket::{CloseCode, Connection as Frames, Event, Message, Role};

use super::connection::{
    BYTES_AT_ONCE, Connection, Context, Stage, Step, budget_after, unreadable,
};
use super::failure::{Broken, FailureKind, Wait};
use super::flow::{Flow, Purpose, Spoken, text_bytes};
use super::link::{Input, Link};
use super::request::NetworkEvent;
use super::tools::Entropy;

impl Connection {
    /// Reads the answer to the handshake.
    pub(super) fn upgrade(
        &mut self,
        flow: &mut Flow,
        context: &mut Context<'_>,
    ) -> Result<Step, Broken> {
        let Stage::Upgrade(client, offer) = &mut self.stage else { return Ok(Step::Again) };
        let Purpose::Socket(spoken) = &flow.purpose else { return Ok(Step::Close) };
        let number = spoken.number;
        self.link.flush();
        if self.link.is_flushed() && flow.waits_for() == Wait::Idle {
            flow.wait(context.now, Wait::FirstByte);
        }
        let count = match self.link.read(context.buffer, true)? {
            Input::Nothing => return Ok(Step::Wait),
            Input::Bytes(count) => count,
            Input::End | Input::Truncated => {
                return Err(Broken::cut("the connection ended in the WebSocket handshake"));
            }
        };
        let mut input = context.buffer.get(..count).unwrap_or_default();
        while let Some(part) = client.next(&mut input).map_err(|error| unreadable(&error))? {
            let head = match part {
                ResponsePart::Informational(_) => continue,
                ResponsePart::Upgraded(head) | ResponsePart::Head(head) => head,
                _ => continue,
            };
            offer.check(&head).map_err(Broken::protocol)?;
            context.events.push_back(NetworkEvent::SocketOpened { socket: number });
            let mut frames = Frames::new(Role::Client, WEBSOCKET_MESSAGE_BYTES_MAX);
            flow.wait(context.now, Wait::Idle);
            if let Purpose::Socket(spoken) = &mut flow.purpose {
                spoken.is_open = true;
            }
            // The first messages may have come along.
            hear(&mut frames, &mut self.link, input, flow, context.entropy, context.events)?;
            self.stage = Stage::Socket(Box::new(frames));
            return Ok(Step::Again);
        }
        Ok(Step::Again)
    }

    /// Moves messages.
    pub(super) fn socket(
        &mut self,
        flow: &mut Flow,
        context: &mut Context<'_>,
    ) -> Result<Step, Broken> {
        let Stage::Socket(frames) = &mut self.stage else { return Ok(Step::Again) };
        let mut budget = BYTES_AT_ONCE;
        loop {
            self.link.flush();
            if frames.is_done() {
                tell_closed(flow, context);
                return Ok(Step::Close);
            }
            if self.link.out_bytes() > ANSWER_BYTES_MAX && frames.is_open() {
                return Err(Broken::cut("the other end sends and does not read"));
            }
            let asks_socket = budget > 0 && !flow.is_paused;
            let input = match self.link.read(context.buffer, asks_socket) {
                Ok(Input::Nothing) => return Ok(Step::Wait),
                Ok(Input::Bytes(count)) => context.buffer.get(..count).unwrap_or_default(),
                // Who was told goodbye may just go.
                Ok(Input::End | Input::Truncated) | Err(_) if !frames.is_open() => {
                    tell_closed(flow, context);
                    return Ok(Step::Close);
                }
                Ok(Input::End | Input::Truncated) => {
                    return Err(Broken::cut("the connection ended without a close frame"));
                }
                Err(broken) => return Err(broken),
            };
            budget = budget_after(budget, input.len());
            flow.wait(context.now, Wait::Idle);
            hear(frames, &mut self.link, input, flow, context.entropy, context.events)?;
        }
    }

    /// Sends a message; false if it cannot be sent (any more), or too much waits already.
    pub(super) fn say(&mut self, text: &str, entropy: &mut Entropy) -> bool {
        let Stage::Socket(frames) = &mut self.stage else { return false };
        self.link.out_bytes() <= OUT_BYTES_MAX
            && frames.send(Message::Text(text), entropy.bytes(), self.link.out()).is_ok()
    }

    /// Says goodbye; the other end has to do the same.
    pub(super) fn say_close(&mut self, code: CloseCode, entropy: &mut Entropy) -> bool {
        let Stage::Socket(frames) = &mut self.stage else { return false };
        frames.close(code, "", entropy.bytes(), self.link.out()).is_ok()
    }

    /// Asks for a sign of life.
    pub(super) fn ping(&mut self, entropy: &mut Entropy) -> bool {
        let Stage::Socket(frames) = &mut self.stage else { return false };
        frames.ping(&[], entropy.bytes(), self.link.out()).is_ok()
    }
}

/// Takes what came apart, tells it, and writes what is owed for it.
fn hear(
    frames: &mut Frames,
    link: &mut Link,
    mut input: &[u8],
    flow: &mut Flow,
    entropy: &mut Entropy,
    events: &mut std::collections::VecDeque<NetworkEvent>,
) -> Result<(), Broken> {
    loop {
        let mut bytes = 0;
        let Purpose::Socket(spoken) = &mut flow.purpose else { return Ok(()) };
        let socket = spoken.number;
        let event = match frames.next(&mut input) {
            Ok(None) => return Ok(()),
            Ok(Some(event)) => event,
            Err(error) => {
                frames.fail(error, entropy.bytes(), link.out());
                link.flush();
                let kind = match error.close_code() {
                    CloseCode::TOO_LARGE => FailureKind::TooLong,
                    _ => FailureKind::Protocol,
                };
                return Err(Broken::new(kind, error));
            }
        };
        spoken.has_pinged = false;
        match event {
            Event::Text(text) => {
                bytes = text_bytes(text);
                events.push_back(NetworkEvent::SocketText { socket, text: text.to_string() });
            }
            Event::Binary(_) => {
                // No platform here sends any, so nobody could read it.
                let _ = frames.close(CloseCode::UNSUPPORTED, "", entropy.bytes(), link.out());
                link.flush();
                return Err(Broken::protocol("the server sent bytes where text belongs"));
            }
            Event::Ping(_) | Event::Pong(_) => {}
            Event::Close(close) => {
                let reason = close.map_or(String::new(), |close| close.reason.to_string());
                spoken.closed = Some((close.map(|close| close.code.as_u16()), reason));
            }
        }
        flow.queue(bytes);
        while frames.answer(entropy.bytes(), link.out()) {}
    }
}

fn tell_closed(flow: &mut Flow, context: &mut Context<'_>) {
    if let Purpose::Socket(Spoken { number, closed, .. }) = &mut flow.purpose {
        let (code, reason) = closed.take().unwrap_or_default();
        context.events.push_back(NetworkEvent::SocketClosed { socket: *number, code, reason });
    }
}

/// What may wait to be sent before nothing more is taken.
const OUT_BYTES_MAX: usize = 1 << 20;
/// What may wait to be sent before an end that floods us with pings and reads nothing is given up.
const ANSWER_BYTES_MAX: usize = 4 << 20;

//! One connection of a sandboxed program, and the one to the server if there is one.

use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use sentinel_core::egress::{Action, Allowance, Conversation, Goal, Passage};
use sentinel_core::time::{Instant, Now};

use super::relay::Relay;
use super::side::Side;
use crate::network::DialNumber;
use crate::poller::{Poller, Ready};

/// A connection and what belongs to it.
#[derive(Debug)]
pub(super) struct Passing {
    pub(super) door: u32,
    pub(super) client: Side,
    pub(super) server: Option<Side>,
    pub(super) dial: Option<DialNumber>,
    pub(super) conversation: Conversation,
    stage: Stage,
    moved: u64,
}

#[derive(Debug)]
enum Stage {
    /// The core reads everything.
    Talk,
    /// Everything passes: to the server, to the program.
    Relay(Relay, Relay),
    /// The last words are being said, until then at most. A program that is still speaking would
    /// lose them to a reset (RFC 9112 §9.6), so what it says is thrown away for a while.
    Farewell(Instant),
    Over,
}

/// What is to be done for it.
#[derive(Debug)]
pub(super) enum Wish {
    Note(Passage),
    Connect(Goal),
    Disconnect,
    End,
}

impl Passing {
    pub(super) fn new(door: u32, client: Side, allowance: Arc<Allowance>, now: Instant) -> Self {
        let conversation = Conversation::new(allowance, now);
        let (server, dial, stage, moved) = (None, None, Stage::Talk, 0);
        Self { door, client, server, dial, conversation, stage, moved }
    }

    pub(super) fn client_ready(&mut self, now: Now, buffer: &mut [u8], ready: Ready) {
        match &self.stage {
            Stage::Talk if ready.reads && self.conversation.takes_client() => {
                match self.client.receive(buffer) {
                    Ok(Some(count)) => {
                        self.moved += count as u64;
                        self.conversation.client(now, buffer.get(..count).unwrap_or_default());
                    }
                    Ok(None) if self.client.has_ended => self.conversation.client_end(now),
                    Ok(None) => {}
                    Err(_) => self.stage = Stage::Over,
                }
            }
            Stage::Farewell(_) if ready.reads && self.client.receive(buffer).is_err() => {
                self.stage = Stage::Over;
            }
            // Both directions are looked at below.
            _ => {}
        }
    }

    pub(super) fn server_ready(&mut self, now: Now, buffer: &mut [u8], ready: Ready) {
        let Some(server) = &mut self.server else { return };
        if !matches!(self.stage, Stage::Talk)
            || !ready.reads
            || server.has_ended
            || !self.conversation.takes_server()
        {
            return;
        }
        match server.receive(buffer) {
            Ok(Some(count)) => {
                self.moved += count as u64;
                self.conversation.server(now, buffer.get(..count).unwrap_or_default());
            }
            Ok(None) if server.has_ended => self.conversation.server_end(now),
            Ok(None) => {}
            Err(_) => {
                server.has_ended = true;
                self.conversation.server_end(now);
            }
        }
    }

    pub(super) fn tick(&mut self, now: Instant) {
        match self.stage {
            Stage::Farewell(until) if until <= now => self.stage = Stage::Over,
            _ => self.conversation.tick(now),
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        match self.stage {
            Stage::Farewell(until) => until,
            _ => self.conversation.deadline(),
        }
    }

    /// What is to be done next; nothing if only sockets are waited for.
    pub(super) fn next(&mut self, now: Now) -> Option<Wish> {
        while !matches!(self.stage, Stage::Over) {
            // Decisions before words: nobody hears of what is not told.
            match self.conversation.poll() {
                Some(Action::Note(passage)) => return Some(Wish::Note(passage)),
                Some(Action::Connect(goal)) => return Some(Wish::Connect(goal)),
                Some(Action::Disconnect) => return Some(Wish::Disconnect),
                Some(Action::Relay) => match (Relay::new(), Relay::new()) {
                    (Ok(up), Ok(down)) => self.stage = Stage::Relay(up, down),
                    _ => return Some(Wish::End),
                },
                Some(Action::Close) => {
                    self.stage = Stage::Farewell(now.instant.after(FAREWELL_TIME));
                    return Some(Wish::Disconnect);
                }
                None => break,
            }
        }
        if self.flush().is_err() || self.relay(now).is_err() || self.is_over() {
            return Some(Wish::End);
        }
        None
    }

    /// How much moved since this was asked last.
    pub(super) const fn take_moved(&mut self) -> u64 {
        std::mem::replace(&mut self.moved, 0)
    }

    /// Tells epoll what is waited for now.
    pub(super) fn watch(&mut self, poller: &Poller) -> std::io::Result<()> {
        let to_client = !self.conversation.to_client().is_empty();
        let to_server = !self.conversation.to_server().is_empty();
        let (takes_client, takes_server) =
            (self.conversation.takes_client(), self.conversation.takes_server());
        let (client, server) = (&mut self.client, &mut self.server);
        match &self.stage {
            Stage::Talk => {
                client.watch(poller, takes_client, to_client)?;
                if let Some(server) = server {
                    server.watch(poller, takes_server, to_server)?;
                }
            }
            Stage::Relay(up, down) => {
                client.watch(poller, up.takes() && !to_server, to_client || down.gives())?;
                if let Some(server) = server {
                    server.watch(poller, down.takes() && !to_client, to_server || up.gives())?;
                }
            }
            Stage::Farewell(_) | Stage::Over => client.watch(poller, true, to_client)?,
        }
        Ok(())
    }

    /// Sends what the core wants to be said.
    fn flush(&mut self) -> Result<(), Errno> {
        let sent = self.client.send(self.conversation.to_client())?;
        self.moved += sent as u64;
        if let Some(server) = &mut self.server {
            match server.send(self.conversation.to_server()) {
                Ok(sent) => self.moved += sent as u64,
                // A server that refuses what it is sent may have answered before.
                Err(_) if matches!(self.stage, Stage::Talk) => {
                    self.conversation.to_server().clear();
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Moves what passes, once everything that was said before is sent.
    fn relay(&mut self, now: Now) -> Result<(), Errno> {
        let Stage::Relay(up, down) = &mut self.stage else { return Ok(()) };
        let Some(server) = &mut self.server else { return Err(Errno::NOTCONN) };
        let mut moved = 0;
        if self.conversation.to_server().is_empty() {
            moved += up.step(&mut self.client, server)?;
        }
        if self.conversation.to_client().is_empty() {
            moved += down.step(server, &mut self.client)?;
        }
        if moved > 0 {
            self.moved += moved;
            self.conversation.moved(now.instant);
        }
        Ok(())
    }

    fn is_over(&mut self) -> bool {
        match &self.stage {
            Stage::Talk => false,
            Stage::Relay(..) => {
                let server = self.server.as_ref();
                self.client.is_shut && server.is_none_or(|server| server.is_shut)
            }
            Stage::Farewell(_) => {
                let is_said = self.conversation.to_client().is_empty();
                if is_said {
                    self.client.shut();
                }
                is_said && self.client.has_ended
            }
            Stage::Over => true,
        }
    }
}

/// How long a program may take to hear the last words.
const FAREWELL_TIME: Duration = Duration::from_secs(2);

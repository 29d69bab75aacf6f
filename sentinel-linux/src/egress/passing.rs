//! One connection of a sandboxed program, and the one to the server if there is one.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use rustls::Connection;
use sentinel_core::egress::{Action, Allowance, Conversation, Goal, Passage, Trouble, Way};
use sentinel_core::time::{Instant, Now};
use sentinel_core::wire::url::Host;

use super::relay::Relay;
use super::side::Side;
use super::veil::Veil;
use crate::network::{DialNumber, told};
use crate::poller::{Poller, Ready};

/// A connection and what belongs to it.
#[derive(Debug)]
pub(super) struct Passing {
    pub(super) door: u32,
    pub(super) client: Side,
    pub(super) server: Option<Side>,
    pub(super) dial: Option<DialNumber>,
    pub(super) conversation: Conversation,
    /// The server that is dialed or shakes hands, if TLS is spoken with it.
    securing: Option<Securing>,
    /// Whether the server is of no use any more.
    gives_up: bool,
    stage: Stage,
    moved: u64,
}

/// A server that has to prove who it is.
#[derive(Debug)]
struct Securing {
    host: String,
    /// Where it was found, once it was.
    address: Option<IpAddr>,
    until: Instant,
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
    /// Begin TLS with the program, as this host.
    Inspect(Host<'static>),
    End,
}

impl Passing {
    pub(super) fn new(door: u32, client: Side, allowance: Arc<Allowance>, now: Instant) -> Self {
        let conversation = Conversation::new(allowance, now);
        let (server, dial, stage, moved) = (None, None, Stage::Talk, 0);
        let (securing, gives_up) = (None, false);
        Self { door, client, server, dial, conversation, securing, gives_up, stage, moved }
    }

    /// Begins TLS with the program, which has sent the first of it already.
    pub(super) fn inspect(&mut self, tls: Connection) {
        let clear = std::mem::take(self.conversation.to_client());
        let mut veil = Veil::new(tls);
        let begun = veil.begin_with(&self.conversation.take_hello());
        self.client.begin_tls(veil, clear);
        if begun.is_err() {
            // The alert is sent with what is sent last.
            self.conversation.untaken();
        }
    }

    /// What to dial is to speak TLS as this host.
    pub(super) fn will_secure(&mut self, now: Instant, goal: &Goal) {
        let host = match goal.host().address() {
            Some(address) => address.to_string(),
            None => goal.host().to_string(),
        };
        let until = now.after(HANDSHAKE_TIME_MAX);
        self.securing = goal.is_tls().then_some(Securing { host, address: None, until });
    }

    /// The host that is to prove who it is, if one has to.
    pub(super) fn secures(&self) -> Option<&str> {
        self.securing.as_ref().map(|securing| securing.host.as_str())
    }

    /// Begins TLS with the server that was dialed.
    pub(super) fn secure(
        &mut self,
        now: Now,
        mut side: Side,
        tls: Connection,
        address: Option<IpAddr>,
    ) {
        side.begin_tls(Veil::new(tls), Vec::new());
        self.server = Some(side);
        if let Some(securing) = &mut self.securing {
            securing.address = address;
            securing.until = now.instant.after(HANDSHAKE_TIME_MAX);
        }
    }

    /// There is no connection to a server any more, nor an attempt to make one.
    pub(super) fn forget_server(&mut self) {
        self.securing = None;
    }

    pub(super) fn client_ready(&mut self, now: Now, buffer: &mut [u8], ready: Ready) {
        match &self.stage {
            Stage::Talk if ready.reads && self.conversation.takes_client() => {
                match self.client.receive(buffer) {
                    Ok(Some(count)) => {
                        self.moved += count as u64;
                        self.conversation.client(now, buffer.get(..count).unwrap_or_default());
                    }
                    Ok(None) if self.client.has_ended && self.client.is_shaking_hands() => {
                        self.conversation.untaken();
                    }
                    Ok(None) if self.client.has_ended => self.conversation.client_end(now),
                    Ok(None) => {}
                    Err(_) if self.client.is_shaking_hands() => self.conversation.untaken(),
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
        let received = server.receive(buffer);
        if self.securing.is_some() && !self.prove(now, received.is_err()) {
            return;
        }
        let Some(server) = &mut self.server else { return };
        match received {
            Ok(Some(count)) => {
                self.moved += count as u64;
                let is_veiled = server.veil().is_some();
                let heard = buffer.get_mut(..count).unwrap_or_default();
                self.conversation.server(now, heard);
                if is_veiled {
                    // A server may say a secret back, and this is kept for the next who is heard.
                    heard.fill(0);
                }
            }
            Ok(None) if server.is_cut => self.conversation.server_cut(now),
            Ok(None) if server.has_ended => self.conversation.server_end(now),
            Ok(None) => {}
            Err(_) => {
                server.has_ended = true;
                match server.veil() {
                    Some(_) => self.conversation.server_cut(now),
                    None => self.conversation.server_end(now),
                }
            }
        }
    }

    /// Looks how far the server has come; true once it has proven who it is.
    fn prove(&mut self, now: Now, is_broken: bool) -> bool {
        let (Some(server), Some(securing)) = (&self.server, &self.securing) else { return false };
        if server.is_shaking_hands() && !is_broken && !server.has_ended {
            return false;
        }
        let fault = server.veil().and_then(|veil| veil.fault.as_ref());
        if !server.is_shaking_hands() && fault.is_none() {
            let address = securing.address;
            self.securing = None;
            self.conversation.connected(now, address, Way::Direct);
            return true;
        }
        let why = match fault {
            Some(fault) => told(fault, &securing.host),
            None => "it ended the connection in the TLS handshake".to_string(),
        };
        (self.securing, self.gives_up) = (None, true);
        self.conversation.unproven(now, &why);
        false
    }

    pub(super) fn tick(&mut self, now: Now) {
        let is_late = |securing: &Securing| securing.until <= now.instant;
        match self.stage {
            Stage::Farewell(until) if until <= now.instant => self.stage = Stage::Over,
            _ if self.server.is_some() && self.securing.as_ref().is_some_and(is_late) => {
                (self.securing, self.gives_up) = (None, true);
                self.conversation.failed(now, Trouble::Slow);
            }
            _ => self.conversation.tick(now.instant),
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        let securing = self.securing.as_ref().filter(|_| self.server.is_some());
        match (&self.stage, securing) {
            (Stage::Farewell(until), _) => *until,
            (_, Some(securing)) => securing.until.min(self.conversation.deadline()),
            _ => self.conversation.deadline(),
        }
    }

    /// What is to be done next; nothing if only sockets are waited for.
    pub(super) fn next(&mut self, now: Now) -> Option<Wish> {
        if std::mem::take(&mut self.gives_up) {
            return Some(Wish::Disconnect);
        }
        while !matches!(self.stage, Stage::Over) {
            // Decisions before words: nobody hears of what is not told.
            match self.conversation.poll() {
                Some(Action::Note(passage)) => return Some(Wish::Note(passage)),
                Some(Action::Connect(goal)) => return Some(Wish::Connect(goal)),
                Some(Action::Disconnect) => return Some(Wish::Disconnect),
                Some(Action::Inspect(host)) => return Some(Wish::Inspect(host)),
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
        let to_client = !self.conversation.to_client().is_empty() || self.client.waits_to_send();
        let to_server = !self.conversation.to_server().is_empty()
            || self.server.as_ref().is_some_and(Side::waits_to_send);
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
                let is_said =
                    self.conversation.to_client().is_empty() && !self.client.waits_to_send();
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
/// How long a server may take to prove who it is.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(15);

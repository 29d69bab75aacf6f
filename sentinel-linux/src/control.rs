//! The door for operators: a socket in the state directory, on which this process listens.
//!
//! Whoever can reach it is this user, or the system's administrator: it lies in a directory that is
//! theirs alone, and who is at the other end is asked of the kernel all the same.
//!
//! # Invariants
//! - It is bound before the process is confined, and under the lock of the directory: nobody else's
//!   socket is replaced.
//! - Nothing here waits for a client. One that does not read, or says nothing, is dropped.
//!
//! # Not here
//! What is said: [`sentinel_core::control`]. The other end: [`management`](crate::management).

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fd::{AsFd as _, OwnedFd};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send, sockopt};
use sentinel_core::agent::Refusal;
use sentinel_core::control::{Command, Control};
use sentinel_core::order::Map;
use sentinel_core::runtime::{EventError, Sentinel};
use sentinel_core::time::{Instant, Now};

use crate::log;
use crate::poller::{Interest, Owner, Poller, Ready, Token};
use crate::state::State;

/// The socket, and who came by it.
#[derive(Debug)]
pub(crate) struct Door {
    listener: Option<Listener>,
    control: Control,
    clients: Map<u32, Client>,
    /// What is added to the answers of commands.
    notes: Map<u64, &'static str>,
}

#[derive(Debug)]
struct Listener {
    socket: UnixListener,
    path: PathBuf,
    /// Whether it is waited for somebody to come.
    is_awaited: bool,
    /// Until when it is not, because the system could not give a descriptor.
    rests_until: Option<Instant>,
}

#[derive(Debug)]
struct Client {
    socket: OwnedFd,
    /// What is waited for.
    interest: Option<Interest>,
    /// Whether it shut its own side while nothing of it is taken: then it is not listened to until
    /// something is.
    is_deaf: bool,
}

impl Door {
    /// Listens in a state directory. An agent that cannot be managed works all the same, and says
    /// so.
    pub(crate) fn open(state: &State) -> Self {
        let path = socket_path(state.directory());
        let listener = path.and_then(|path| listen(&path).map(|socket| (socket, path)));
        let listener = match listener {
            Ok((socket, path)) => {
                Some(Listener { socket, path, is_awaited: false, rests_until: None })
            }
            Err(error) => {
                log::warn!("it cannot be managed while it is at work: {error}");
                None
            }
        };
        let (clients, notes) = (Map::new(), Map::new());
        Self { listener, control: Control::new(), clients, notes }
    }

    /// Begins to wait for clients.
    pub(crate) fn wait(&mut self, poller: &Poller, now: Instant) {
        let Some(listener) = &mut self.listener else { return };
        listener.rests_until = listener.rests_until.filter(|until| *until > now);
        let is_awaited = self.control.has_room() && listener.rests_until.is_none();
        let outcome = match (listener.is_awaited, is_awaited) {
            (false, true) => poller.add(&listener.socket, LISTENER, Interest::READ),
            (true, false) => poller.remove(&listener.socket),
            _ => return,
        };
        listener.is_awaited = is_awaited;
        if outcome.is_err() {
            // The system has no room for it now.
            listener.is_awaited = false;
            listener.rests_until = Some(now.after(REST));
        }
    }

    /// Something can be read or written.
    pub(crate) fn ready(&mut self, ready: Ready, now: Instant) {
        if ready.token == LISTENER {
            return self.accept(now);
        }
        let number = ready.token.index();
        if ready.reads {
            self.read(number, now);
        }
    }

    /// The next command of a client; what it wants to see is shown.
    pub(crate) fn poll(&mut self, sentinel: &Sentinel, now: Now) -> Option<Command> {
        self.control.poll(sentinel, now)
    }

    /// Adds something to the answer of a command, if it is carried out.
    pub(crate) fn note(&mut self, request: u64, note: &'static str) {
        self.notes.insert(request, note);
    }

    /// What came of a command.
    pub(crate) fn told(&mut self, request: u64, outcome: Result<String, Refusal>) {
        let note = self.notes.remove(&request);
        let outcome = match (outcome, note) {
            (Ok(done), Some(note)) => Ok(format!("{done}; {note}")),
            (outcome, _) => outcome,
        };
        self.control.told(request, &outcome);
    }

    /// A command was not taken.
    pub(crate) fn not_taken(&mut self, request: u64, why: &EventError) {
        self.notes.remove(&request);
        self.control.not_taken(request, why);
    }

    /// When somebody has done nothing for too long.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let rests_until = self.listener.as_ref().and_then(|listener| listener.rests_until);
        self.control.deadline().into_iter().chain(rests_until).min()
    }

    /// Writes what is to be said, drops those with whom it is over, and waits for what comes next.
    pub(crate) fn tend(&mut self, poller: &Poller, now: Instant) {
        let numbers: Vec<u32> = self.clients.keys().copied().collect();
        for number in numbers {
            self.write(number, now);
        }
        for number in self.control.over(now) {
            self.close(number);
        }
        let mut lost = Vec::new();
        for (number, client) in self.clients.iter_mut() {
            let reads = self.control.wants_input(*number);
            let writes = !self.control.output(*number).is_empty();
            client.is_deaf &= !reads;
            let wanted = (reads || writes).then_some(Interest { reads, writes });
            let wanted = wanted.filter(|_| !client.is_deaf);
            let token = Token::new(Owner::Control, *number);
            let outcome = match (client.interest, wanted) {
                (None, Some(interest)) => poller.add(&client.socket, token, interest),
                (Some(_), None) => poller.remove(&client.socket),
                (Some(old), Some(interest)) if old != interest => {
                    poller.change(&client.socket, token, interest)
                }
                _ => Ok(()),
            };
            client.interest = wanted;
            if outcome.is_err() {
                lost.push(*number);
            }
        }
        for number in lost {
            self.close(number);
        }
        self.wait(poller, now);
    }

    fn accept(&mut self, now: Instant) {
        // More of them are taken when these were heard.
        for _ in 0..ACCEPTED_AT_ONCE {
            let Some(listener) = self.listener.as_mut().filter(|_| self.control.has_room()) else {
                return;
            };
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let socket = match accept_with(&listener.socket, flags) {
                Ok(socket) => socket,
                Err(Errno::INTR | Errno::CONNABORTED) => continue,
                Err(Errno::AGAIN) => return,
                // There are no descriptors left, and whoever waits is there in a while as well.
                Err(_) => {
                    listener.rests_until = Some(now.after(REST));
                    return;
                }
            };
            let own = rustix::process::geteuid();
            match sockopt::socket_peercred(&socket) {
                Ok(peer) if peer.uid == own || peer.uid.is_root() => {}
                Ok(peer) => {
                    let user = peer.uid.as_raw();
                    log::warn!("user {user} wanted to manage this agent and was refused");
                    continue;
                }
                Err(_) => continue,
            }
            if let Some(silent) = self.control.crowded_out() {
                self.close(silent);
            }
            let number = self.control.open(now);
            self.clients.insert(number, Client { socket, interest: None, is_deaf: false });
        }
    }

    fn read(&mut self, number: u32, now: Instant) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        if !self.control.wants_input(number) {
            client.is_deaf = true;
            return;
        }
        let mut bytes = [0; READ_BYTES];
        match recv(client.socket.as_fd(), &mut bytes, RecvFlags::empty()) {
            Ok((0, _)) => self.control.ended(number),
            Ok((count, _)) => {
                self.control.received(number, bytes.get(..count).unwrap_or_default(), now);
            }
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => self.close(number),
        }
    }

    fn write(&mut self, number: u32, now: Instant) {
        while let output @ [_, ..] = self.control.output(number) {
            let Some(client) = self.clients.get(&number) else { return };
            match send(client.socket.as_fd(), output, SendFlags::NOSIGNAL) {
                Ok(count) => self.control.sent(number, count, now),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => return self.close(number),
            }
        }
    }

    /// It is over with a client. Closing its socket ends the waiting for it.
    fn close(&mut self, number: u32) {
        self.control.close(number);
        self.clients.remove(&number);
    }
}

impl Drop for Door {
    /// Whoever comes later should not wait for an answer.
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            let _ = std::fs::remove_file(&listener.path);
        }
    }
}

/// Where the socket of a state directory is.
///
/// # Errors
/// Its path is longer than the name of a socket can be.
pub(crate) fn socket_path(directory: &Path) -> io::Result<PathBuf> {
    let path = directory.join("control");
    let bytes_count = path.as_os_str().len();
    if bytes_count > PATH_BYTES_MAX {
        let what = format!(
            "the path of its socket has {bytes_count} bytes, and sockets have paths of at most \
             {PATH_BYTES_MAX}: name a directory with a shorter one with --state"
        );
        return Err(io::Error::other(what));
    }
    Ok(path)
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    // Whoever left it there is not at work: the directory is ours.
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let socket = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The name of a socket and its end fit into 108 bytes.
const PATH_BYTES_MAX: usize = 107;

const READ_BYTES: usize = 4096;

const ACCEPTED_AT_ONCE: usize = 16;

const REST: Duration = Duration::from_secs(1);

const LISTENER: Token = Token::new(Owner::Control, u32::MAX);

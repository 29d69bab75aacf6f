//! Telling systemd how far the service is: at work, or about to end.
//!
//! # Invariants
//! - The socket is made before the process confines itself; after that only words are sent on it.
//! - Nobody who listens is an error, and one who does not listen holds nothing up.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The socket of whoever started this, if they listen.
#[derive(Debug)]
pub(crate) struct Notify {
    socket: Option<UnixDatagram>,
}

impl Notify {
    /// By the variable that systemd sets.
    pub(crate) fn new() -> Self {
        let name = std::env::var_os("NOTIFY_SOCKET");
        Self { socket: name.and_then(|name| connected(name.as_bytes())) }
    }

    /// The agent is at work.
    pub(crate) fn ready(&self) {
        self.say("READY=1\nSTATUS=at work");
    }

    /// The agent finishes what it does.
    pub(crate) fn stopping(&self) {
        self.say("STOPPING=1\nSTATUS=finishing what is said");
    }

    fn say(&self, words: &str) {
        if let Some(socket) = &self.socket {
            // One who does not listen any more is not told.
            let _ = socket.send(words.as_bytes());
        }
    }
}

/// A socket to a path, or to an abstract name behind `@`.
fn connected(name: &[u8]) -> Option<UnixDatagram> {
    let address = match name.split_first()? {
        (b'@', rest) => SocketAddr::from_abstract_name(rest),
        (b'/', _) => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name)),
        _ => return None,
    };
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    socket.connect_addr(&address.ok()?).ok()?;
    Some(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_listens_is_told() {
        let path = std::env::temp_dir().join(format!("sentinel-notify-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixDatagram::bind(&path).unwrap();
        let notify = Notify { socket: connected(path.as_os_str().as_bytes()) };
        notify.ready();
        notify.stopping();
        let mut bytes = [0; 100];
        let mut heard = || {
            let count = listener.recv(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes[..count]).into_owned()
        };
        assert!(heard().starts_with("READY=1\n") && heard().starts_with("STOPPING=1\n"));
        // Nobody listens any more, and it goes on.
        drop(listener);
        notify.ready();
        std::fs::remove_file(&path).unwrap();
        assert!(connected(path.as_os_str().as_bytes()).is_none());
        let name = format!("@sentinel-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name.as_bytes()[1..]).unwrap();
        let listener = UnixDatagram::bind_addr(&address).unwrap();
        Notify { socket: connected(name.as_bytes()) }.ready();
        assert!(listener.recv(&mut bytes).unwrap() > 0);
        assert!(connected(b"relative").is_none() && connected(b"").is_none());
    }
}

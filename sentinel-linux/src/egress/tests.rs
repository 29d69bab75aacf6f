//! The proxy with real programs and real sockets, on loopback.

mod bulk;
mod hostile;
mod programs;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sentinel_core::egress::Allowance;

use super::{Egress, WayOut};
use crate::clock::Clock;
use crate::network::{Network, Options};
use crate::poller::{Owner, Poller};

/// A proxy in a thread, as a sandbox would have it.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    is_over: Arc<AtomicBool>,
    notes: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Lets out to what these grants say.
    pub(super) fn start(options: Options, grants: &[String]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let notes = Arc::new(Mutex::new(Vec::new()));
        let (ending, told) = (Arc::clone(&is_over), Arc::clone(&notes));
        let grants = grants.to_vec();
        let thread = thread::spawn(move || {
            let (clock, mut poller) = (Clock::new(), Poller::new().unwrap());
            let mut network = Network::new(options).unwrap();
            let mut egress = Egress::default();
            let grants = grants.iter().map(|grant| grant.parse().unwrap());
            let allowance = Allowance::new(grants, clock.now().wall).unwrap();
            let way_out = WayOut::new(allowance, clock.now().wall, TIME_MAX).unwrap();
            let door = egress.serve(&poller, listener.into(), way_out).unwrap();
            while !ending.load(Ordering::SeqCst) {
                for ready in poller.wait(Some(Duration::from_millis(20))).unwrap() {
                    let now = clock.now();
                    match ready.token.owner() {
                        Some(Owner::Egress) => {
                            egress.ready(now, &poller, &mut network, ready);
                        }
                        _ => network.ready(now.instant, &poller, ready),
                    }
                }
                let now = clock.now();
                network.tick(now.instant, &poller);
                egress.tick(now, &poller, &mut network);
                while let Some(event) = network.poll(now.instant, &poller) {
                    assert!(egress.take(now, &poller, &mut network, &event));
                }
                while let Some((told_of, passage)) = egress.poll() {
                    assert_eq!(told_of, door);
                    told.lock().unwrap().push(passage.to_string());
                }
            }
            egress.stop(&poller, &mut network, door);
            assert_eq!((egress.passing.len(), egress.sockets.len()), (0, 0));
            assert!(egress.dials.is_empty() && egress.doors.is_empty());
        });
        Self { address, is_over, notes, thread: Some(thread) }
    }

    /// All that was decided, once it is over: what was answered may be told a moment later.
    pub(super) fn notes(mut self) -> Vec<String> {
        self.end();
        self.notes.lock().unwrap().clone()
    }

    fn end(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let outcome = thread.join();
            assert!(thread::panicking() || outcome.is_ok());
        }
    }

    /// A connection on which this was said.
    pub(super) fn say(&self, bytes: impl AsRef<[u8]>) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(TIME_MAX)).unwrap();
        stream.set_write_timeout(Some(TIME_MAX)).unwrap();
        stream.write_all(bytes.as_ref()).unwrap();
        stream
    }

    /// All that is answered to this, until the proxy ends it.
    pub(super) fn answer(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut answer = Vec::new();
        let _ = self.say(bytes).read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A tunnel that is open.
    pub(super) fn tunnel(&self, place: &str) -> TcpStream {
        let mut stream = self.say(connect(place));
        let expected = b"HTTP/1.1 200 OK\r\n\r\n";
        let mut answer = vec![0; expected.len()];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, expected, "{}", String::from_utf8_lossy(&answer));
        stream
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.end();
    }
}

pub(super) fn connect(place: &str) -> String {
    format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n")
}

pub(super) const TIME_MAX: Duration = Duration::from_secs(20);

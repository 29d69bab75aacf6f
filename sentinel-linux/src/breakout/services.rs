//! The services outside: whoever reaches one leaves the sign of its run there.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::ground::Ground;

/// What came in at all services.
#[derive(Clone, Debug, Default)]
pub(super) struct Visits {
    came: Arc<Mutex<Vec<u8>>>,
}

impl Visits {
    fn note(&self, bytes: &[u8]) {
        self.came.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
    }

    /// Whether the sign came in, for which a moment is waited if it is expected.
    pub(super) fn has(&self, sign: &str, is_expected: bool) -> bool {
        let end = Instant::now() + if is_expected { GRACE } else { Duration::ZERO };
        loop {
            let came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
            if came.windows(sign.len()).any(|window| window == sign.as_bytes()) {
                return true;
            }
            drop(came);
            if Instant::now() >= end {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// How long what was sent may take to arrive on the same machine.
const GRACE: Duration = Duration::from_secs(2);

/// Starts them; they end with this process.
pub(super) fn start(ground: &mut Ground, base: &Path, token: &str) -> io::Result<Visits> {
    let visits = Visits::default();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    ground.tell("tcp", listener.local_addr()?.port());
    serve(visits.clone(), move || listener.accept().map(|(stream, _)| stream));
    for name in ["granted-web", "granted-tls"] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        ground.tell(name, listener.local_addr()?.port());
        let answer = if name == "granted-web" { SEEN_IN_HTTP } else { SEEN };
        answer_with(answer, visits.clone(), move || listener.accept().map(|(stream, _)| stream));
    }
    // Not every machine has the newer protocol.
    if let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        ground.tell("tcp6", listener.local_addr()?.port());
        serve(visits.clone(), move || listener.accept().map(|(stream, _)| stream));
    }
    for (name, place) in
        [("udp", IpAddr::V4(Ipv4Addr::LOCALHOST)), ("udp6", IpAddr::V6(Ipv6Addr::LOCALHOST))]
    {
        let Ok(socket) = UdpSocket::bind((place, 0)) else { continue };
        ground.tell(name, socket.local_addr()?.port());
        receive(visits.clone(), move |room| socket.recv(room));
    }
    let name = SocketAddr::from_abstract_name(format!("sentinel-breakout-{token}"))?;
    ground.tell("abstract", format!("sentinel-breakout-{token}"));
    listen(&visits, UnixListener::bind_addr(&name)?);
    let name = SocketAddr::from_abstract_name(format!("sentinel-breakout-{token}-datagram"))?;
    let socket = UnixDatagram::bind_addr(&name)?;
    receive(visits.clone(), move |room| socket.recv(room));
    let path = base.join("socket");
    ground.tell("path-socket", path.display());
    listen(&visits, UnixListener::bind(path)?);
    let path = base.join("datagram");
    ground.tell("path-datagram", path.display());
    let socket = UnixDatagram::bind(path)?;
    receive(visits.clone(), move |room| socket.recv(room));
    Ok(visits)
}

/// A service of one path.
pub(super) fn listen(visits: &Visits, listener: UnixListener) {
    serve(visits.clone(), move || listener.accept().map(|(stream, _)| stream));
}

fn serve<S: io::Read + io::Write + Send + 'static>(
    visits: Visits,
    accept: impl Fn() -> io::Result<S> + Send + 'static,
) {
    answer_with(SEEN, visits, accept);
}

/// What a service says of what it is sent.
const SEEN: &[u8] = b"seen";
const SEEN_IN_HTTP: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nseen";

fn answer_with<S: io::Read + io::Write + Send + 'static>(
    answer: &'static [u8],
    visits: Visits,
    accept: impl Fn() -> io::Result<S> + Send + 'static,
) {
    std::thread::spawn(move || {
        while let Ok(mut stream) = accept() {
            let visits = visits.clone();
            // One who says nothing keeps no other waiting.
            std::thread::spawn(move || {
                let mut room = [0; 512];
                while let Ok(read @ 1..) = stream.read(&mut room) {
                    visits.note(room.get(..read).unwrap_or_default());
                    let _ = stream.write_all(answer);
                }
            });
        }
    });
}

fn receive(visits: Visits, receive: impl Fn(&mut [u8]) -> io::Result<usize> + Send + 'static) {
    std::thread::spawn(move || {
        let mut room = [0; 512];
        while let Ok(read) = receive(&mut room) {
            visits.note(room.get(..read).unwrap_or_default());
        }
    });
}

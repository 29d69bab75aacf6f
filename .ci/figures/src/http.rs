//! A small HTTP server, a thread for each connection: what a platform and a model look like from
//! the program's side.
//!
//! # Invariants
//! - When the first byte of a request came is noted before anything else is done with it.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A connection in the clear or under TLS.
pub(crate) trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// A request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    /// All before the body.
    pub(crate) head: Vec<u8>,
    pub(crate) body: Vec<u8>,
    /// When its first byte came.
    pub(crate) came: Instant,
}

/// What answers requests: false ends the connection.
pub(crate) type Answer = dyn Fn(&mut dyn Stream, Request) -> io::Result<bool> + Send + Sync;

/// Serves for as long as this program runs, and returns the port.
pub(crate) fn serve(tls: Option<Arc<ServerConfig>>, answer: Arc<Answer>) -> io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let (answer, tls) = (answer.clone(), tls.clone());
            // The connection ends with its thread, however that ends.
            thread::spawn(move || converse(socket, tls, &*answer));
        }
    });
    Ok(port)
}

fn converse(socket: TcpStream, tls: Option<Arc<ServerConfig>>, answer: &Answer) -> io::Result<()> {
    socket.set_nodelay(true)?;
    // Little is on its way: what was written is what was read, but for this.
    rustix::net::sockopt::set_socket_send_buffer_size(&socket, SEND_BUFFER_BYTES)?;
    let mut stream: Box<dyn Stream> = match tls {
        None => Box::new(socket),
        Some(tls) => {
            let connection = ServerConnection::new(tls).map_err(io::Error::other)?;
            Box::new(StreamOwned::new(connection, socket))
        }
    };
    let mut rest = Vec::new();
    while let Some(request) = read(&mut *stream, &mut rest)? {
        if !answer(&mut *stream, request)? {
            break;
        }
    }
    Ok(())
}

/// The next request; none when there is none any more.
fn read(stream: &mut dyn Stream, rest: &mut Vec<u8>) -> io::Result<Option<Request>> {
    let mut came = (!rest.is_empty()).then(Instant::now);
    let mut buffer = [0; 16 * 1024];
    loop {
        if let Some(end) = rest.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&rest[..end]).to_lowercase();
            let length = head.split("content-length:").nth(1).and_then(|it| it.lines().next());
            let length = length.map_or(Ok(0), |it| it.trim().parse::<usize>());
            let whole = end + 4 + length.map_err(io::Error::other)?;
            if rest.len() >= whole {
                let body = rest[end + 4..whole].to_vec();
                let head = rest[..end + 4].to_vec();
                rest.drain(..whole);
                let line = String::from_utf8_lossy(&head).into_owned();
                let path = line.split(' ').nth(1).unwrap_or_default().to_string();
                let came = came.unwrap_or_else(Instant::now);
                return Ok(Some(Request { path, head, body, came }));
            }
        }
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(None);
        }
        came.get_or_insert_with(Instant::now);
        rest.extend_from_slice(&buffer[..count]);
    }
}

/// Answers with a JSON text.
pub(crate) fn json(stream: &mut dyn Stream, text: &str) -> io::Result<bool> {
    let length = text.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all((head + text).as_bytes())?;
    stream.flush()?;
    Ok(true)
}

/// The kernel doubles it.
const SEND_BUFFER_BYTES: usize = 16 * 1024;

//! A small HTTP server: a thread for each connection, requests one after the other.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// What somebody asked for.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
}

/// Answers a request on its connection; none when the connection has ended with that.
pub(crate) type Handler = dyn Fn(&Request, &mut TcpStream) -> Option<()> + Send + Sync;

/// Serves on a port of the loopback for as long as the test runs.
pub(crate) fn serve(handler: Arc<Handler>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let handler = handler.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while let Some(request) = read(&mut reader) {
                    if handler(&request, &mut stream).is_none() {
                        break;
                    }
                }
            });
        }
    });
    port
}

/// A whole answer.
pub(crate) fn answer(stream: &mut TcpStream, status: u16, kind: &str, body: &str) -> Option<()> {
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).ok()
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_string(), words.next()?.to_string());
    let mut length = 0;
    loop {
        let mut field = String::new();
        reader.read_line(&mut field).ok().filter(|count| *count > 0)?;
        if field.trim().is_empty() {
            break;
        }
        let (name, value) = field.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path, body })
}

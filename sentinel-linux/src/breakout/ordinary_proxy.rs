//! A proxy as there are many: it goes wherever it is told to.

use std::io::{self, Read, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use super::names;
use super::network_proxy::GRANTED;

/// Starts one, which ends with this process; gives its port.
pub(super) fn start() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        while let Ok((client, _)) = listener.accept() {
            // Whoever says nothing keeps no other waiting.
            std::thread::spawn(move || serve(client));
        }
    });
    Ok(port)
}

const PATIENCE: Duration = Duration::from_secs(5);

fn serve(mut client: TcpStream) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    let server = match byte(&mut client)? {
        5 => socks(&mut client)?,
        4 => socks_old(&mut client)?,
        first => http(&mut client, first)?,
    };
    let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        to.shutdown(Shutdown::Write)
    });
    io::copy(&mut client, &mut &server)?;
    server.shutdown(Shutdown::Write)
}

fn http(client: &mut TcpStream, first: u8) -> io::Result<TcpStream> {
    let mut head = vec![first];
    while !head.ends_with(b"\r\n\r\n") && head.len() < 4096 {
        head.push(byte(client)?);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let mut words = text.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if method == "CONNECT" {
        let server = connect(target)?;
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        return Ok(server);
    }
    let header = text.lines().find_map(|line| line.strip_prefix("Host: ")).unwrap_or_default();
    let place = match target.strip_prefix("http://") {
        // Whatever stands before an @ is a user.
        Some(rest) => rest.split('/').next().and_then(|place| place.split('@').next_back()),
        None => Some(header),
    };
    let mut server = connect(place.unwrap_or_default())?;
    server.write_all(&head)?;
    Ok(server)
}

fn socks(client: &mut TcpStream) -> io::Result<TcpStream> {
    let methods = byte(client)?;
    bytes(client, methods.into())?;
    client.write_all(&[5, 0])?;
    let host = match bytes(client, 4)?.as_slice() {
        [_, _, _, 1] => dotted(&bytes(client, 4)?),
        _ => {
            let length = byte(client)?;
            String::from_utf8_lossy(&bytes(client, length.into())?).into_owned()
        }
    };
    let server = connect(&format!("{host}:{}", port(client)?))?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    Ok(server)
}

fn socks_old(client: &mut TcpStream) -> io::Result<TcpStream> {
    byte(client)?;
    let (port, address) = (port(client)?, bytes(client, 4)?);
    line(client)?;
    let host = match address.as_slice() {
        // The name follows.
        [0, 0, 0, _] => line(client)?,
        address => dotted(address),
    };
    let server = connect(&format!("{host}:{port}"))?;
    client.write_all(&[0, 90, 0, 0, 0, 0, 0, 0])?;
    Ok(server)
}

fn connect(place: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::other("it has no address");
    // Whoever owns a name says what it means.
    let place = place.replace(GRANTED, "127.0.0.1").replace(".:", ":");
    for address in names::places(&place) {
        match TcpStream::connect(address) {
            Ok(server) => return Ok(server),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn dotted(address: &[u8]) -> String {
    address.iter().map(u8::to_string).collect::<Vec<_>>().join(".")
}

fn byte(client: &mut TcpStream) -> io::Result<u8> {
    let mut byte = [0];
    client.read_exact(&mut byte)?;
    Ok(byte[0])
}

fn bytes(client: &mut TcpStream, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    client.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn port(client: &mut TcpStream) -> io::Result<u16> {
    let mut port = [0; 2];
    client.read_exact(&mut port)?;
    Ok(u16::from_be_bytes(port))
}

/// Text up to a zero.
fn line(client: &mut TcpStream) -> io::Result<String> {
    let mut text = Vec::new();
    loop {
        match byte(client)? {
            0 => return Ok(String::from_utf8_lossy(&text).into_owned()),
            letter if text.len() < 256 => text.push(letter),
            _ => return Err(io::Error::other("it does not end")),
        }
    }
}

//! The proxy: getting it to connect to what was not granted.
//!
//! Bare there is an ordinary proxy, which goes wherever it is told to; inside there is the one that
//! sandboxes have, with a grant for a host that is not this machine.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use super::ground::Ground;
use super::{Attempt, Need, Proof, Refused, Tried};

/// A row: the name of the attempt, what it shows, and what is done.
macro_rules! through_the_proxy {
    ($($name:literal $shows:literal $run:expr;)*) => {
        pub(super) const ATTEMPTS: &[Attempt] = &[$(
            Attempt::new($name, $shows, Proof::Visited, $run).needing(&[Need::Proxy])
        ),*];
    };
}

through_the_proxy! {
    "proxy-to-address" "The proxy connects to this machine by its address."
        |ground| tunnel(ground, "127.0.0.1", "tcp");
    "proxy-to-name" "The proxy connects to this machine by its name."
        |ground| tunnel(ground, "localhost", "tcp");
    "proxy-to-name-with-dot" "The proxy connects to a name that ends with a dot."
        |ground| tunnel(ground, "localhost.", "tcp");
    "proxy-to-name-in-capitals" "The proxy connects to a name that is written otherwise."
        |ground| tunnel(ground, "LOCALHOST", "tcp");
    "proxy-to-number" "The proxy connects to an address written as one number."
        |ground| tunnel(ground, "2130706433", "tcp");
    "proxy-to-hexadecimal" "The proxy connects to an address in hexadecimal digits."
        |ground| tunnel(ground, "0x7f000001", "tcp");
    "proxy-to-octal" "The proxy connects to an address in octal digits."
        |ground| tunnel(ground, "0177.0.0.1", "tcp");
    "proxy-to-short-address" "The proxy connects to an address of two numbers."
        |ground| tunnel(ground, "127.1", "tcp");
    "proxy-to-no-address" "The proxy connects to 0.0.0.0, which is this machine."
        |ground| tunnel(ground, "0.0.0.0", "tcp");
    "proxy-to-newer-address" "The proxy connects to this machine over IPv6."
        |ground| tunnel(ground, "[::1]", "tcp6");
    "proxy-to-mapped-address" "The proxy connects to an address of IPv6 that means one of IPv4."
        |ground| tunnel(ground, "[::ffff:127.0.0.1]", "tcp");
    "proxy-to-rebound-name" "The granted name is made to mean this machine by whoever owns it."
        |ground| tunnel(ground, GRANTED, "tcp");
    "proxy-request-to-rebound-name" "The same, with a request in the clear."
        |ground| {
            let place = place(ground, GRANTED, "tcp")?;
            request(ground, &format!("http://{place}/{}", ground.sign()), &place)
        };
    "proxy-request" "The proxy makes a request in the clear to this machine."
        |ground| {
            let place = place(ground, "127.0.0.1", "tcp")?;
            request(ground, &format!("http://{place}/{}", ground.sign()), &place)
        };
    "proxy-request-without-host" "The proxy goes by the header of a request that names no host."
        |ground| {
            let place = place(ground, "127.0.0.1", "tcp")?;
            request(ground, &format!("/{}", ground.sign()), &place)
        };
    "proxy-request-as-user" "The granted host stands where the name of a user would stand."
        |ground| {
            let place = place(ground, "127.0.0.1", "tcp")?;
            let target = format!("http://{GRANTED}@{place}/{}", ground.sign());
            request(ground, &target, GRANTED)
        };
    "proxy-socks-address" "SOCKS 5 connects to this machine by its address."
        |ground| socks(ground, &[1, 127, 0, 0, 1]);
    "proxy-socks-name" "SOCKS 5 connects to this machine by its name."
        |ground| socks(ground, b"\x03\x09localhost");
    "proxy-socks-old" "SOCKS 4 connects to this machine by its address."
        |ground| socks_old(ground, &[127, 0, 0, 1], b"\0");
    "proxy-socks-old-name" "SOCKS 4 connects to this machine by its name."
        |ground| socks_old(ground, &[0, 0, 0, 1], b"\0localhost\0");
}

/// The one host that is granted.
pub(super) const GRANTED: &str = "granted.invalid";
const PATIENCE: Duration = Duration::from_secs(5);

fn place(ground: &Ground, host: &str, service: &str) -> Result<String, Refused> {
    Ok(format!("{host}:{}", ground.text(service)?))
}

pub(super) fn proxy(ground: &Ground) -> Result<TcpStream, Refused> {
    let port: u16 = ground.number("proxy")?;
    // Without a proxy nothing is shown by its not going anywhere.
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(Refused::untried)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn tunnel(ground: &Ground, host: &str, service: &str) -> Tried {
    let (mut stream, place) = (proxy(ground)?, place(ground, host, service)?);
    write!(stream, "CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n")?;
    let answer = answer(&mut stream)?;
    match answer.split(' ').nth(1) {
        Some("200") => told(ground, stream),
        _ => Err(Refused::stopped(answer.lines().next().unwrap_or_default())),
    }
}

fn request(ground: &Ground, target: &str, host: &str) -> Tried {
    let mut stream = proxy(ground)?;
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")?;
    let answer = answer(&mut stream)?;
    // The service says so, and no proxy.
    match answer.contains("seen") {
        true => Ok(()),
        false => Err(Refused::stopped(answer.lines().next().unwrap_or_default())),
    }
}

fn socks(ground: &Ground, host: &[u8]) -> Tried {
    let mut stream = proxy(ground)?;
    stream.write_all(&[5, 1, 0])?;
    let mut chosen = [0; 2];
    stream.read_exact(&mut chosen)?;
    let port: u16 = ground.number("tcp")?;
    stream.write_all(&[&[5, 1, 0], host, &port.to_be_bytes()].concat())?;
    let mut head = [0; 10];
    stream.read_exact(&mut head)?;
    match head {
        [5, 0, ..] => told(ground, stream),
        [_, code, ..] => Err(Refused::stopped(format!("the proxy answers {code}"))),
    }
}

fn socks_old(ground: &Ground, address: &[u8], rest: &[u8]) -> Tried {
    let mut stream = proxy(ground)?;
    let port: u16 = ground.number("tcp")?;
    stream.write_all(&[&[4, 1], &port.to_be_bytes()[..], address, rest].concat())?;
    let mut head = [0; 8];
    stream.read_exact(&mut head)?;
    match head {
        [0, 90, ..] => told(ground, stream),
        [_, code, ..] => Err(Refused::stopped(format!("the proxy answers {code}"))),
    }
}

pub(super) fn answer(stream: &mut TcpStream) -> Result<String, Refused> {
    let mut room = [0; 1024];
    let read = stream.read(&mut room).map_err(Refused::untried)?;
    Ok(String::from_utf8_lossy(room.get(..read).unwrap_or_default()).into_owned())
}

fn told(ground: &Ground, mut stream: TcpStream) -> Tried {
    stream.write_all(ground.sign().as_bytes())?;
    stream.read_exact(&mut [0; 4])?;
    Ok(())
}

//! Smuggling: through what the proxy does let through, something that it would not.
//!
//! Two services are granted: one as a place to connect to, where TLS may be spoken, and of the
//! other one path alone, with one method. What is tried leads to these very services, so that it is
//! the bytes that have to be looked at.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::ground::Ground;
use super::network_proxy::{answer, proxy};
use super::{Attempt, Need, Proof, Refused, Tried};

/// A row: the name of the attempt, what it shows, and what is done.
macro_rules! smuggled {
    ($($name:literal $shows:literal $run:expr;)*) => {
        pub(super) const ATTEMPTS: &[Attempt] = &[$(
            Attempt::new($name, $shows, Proof::Visited, $run).needing(&[Need::Proxy])
        ),*];
    };
}

smuggled! {
    "server-name-of-another" "A tunnel to what is granted asks the server for another host."
        |ground| greet(ground, &[&name(format!("{}.example", ground.sign()).as_bytes())]);
    "server-name-of-another-in-pieces" "The same, where each byte of the name comes by itself."
        |ground| {
            let message = hello(ground, &[&name(format!("{}.x", ground.sign()).as_bytes())]);
            let mut stream = tunnel(ground)?;
            for byte in &message {
                stream.write_all(std::slice::from_ref(byte))?;
            }
            listened(stream)
        };
    "server-name-left-out" "A tunnel to what is granted names no host: the server picks one."
        |ground| greet(ground, &[]);
    "server-name-of-two" "The granted host is named, and another one behind it."
        |ground| {
            let other = [ground.sign(), ".example"].concat();
            greet(ground, &[&name(GRANTED), &name(other.as_bytes())])
        };
    "server-name-with-dot" "The granted host is named with a dot behind it."
        |ground| greet(ground, &[&name(b"localhost.")]);
    "server-name-hidden" "The granted host is named in the clear, and another one encrypted."
        |ground| greet(ground, &[&name(GRANTED), &hidden(ground.sign().as_bytes())]);
    "request-behind-another" "Behind a request that is granted comes one that is not."
        |ground| ask(ground, |sign, host| format!(
            "GET /open HTTP/1.1\r\nHost: {host}\r\n\r\nGET /{sign} HTTP/1.1\r\nHost: {host}\r\n\r\n"
        ));
    "request-of-two-lengths" "A request says two lengths; by the other one it is two requests."
        |ground| ask(ground, |sign, host| {
            let other = format!("GET /{sign} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            format!(
                "GET /open HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\nContent-Length: 0\r\n\
                 \r\n{other}", other.len()
            )
        });
    "request-of-length-and-pieces" "A request says its length and that it comes in pieces."
        |ground| ask(ground, |sign, host| {
            let rest = format!("0\r\n\r\nGET /{sign} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            format!(
                "GET /open HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\
                 Transfer-Encoding: chunked\r\n\r\n{rest}", rest.len()
            )
        });
    "request-of-two-hosts" "A request names the granted host, and another one."
        |ground| ask(ground, |sign, host| format!(
            "GET /open HTTP/1.1\r\nHost: {host}\r\nHost: {sign}.example\r\n\r\n"
        ));
    "request-of-two-places" "A request is for the granted host, and its header names another."
        |ground| ask(ground, |sign, host| format!(
            "GET http://{host}/open HTTP/1.1\r\nHost: {sign}.example\r\n\r\n"
        ));
    "request-in-field" "A line feed in a field is the end of the request, for some servers."
        |ground| ask(ground, |sign, host| format!(
            "GET /open HTTP/1.1\r\nHost: {host}\r\nAccept: x\n\nGET /{sign} HTTP/1.1\r\n\r\n"
        ));
    "request-up-and-away" "The path begins with what is granted, and goes up from there."
        |ground| ask(ground, |sign, host| format!(
            "GET /open/%2e%2e/{sign} HTTP/1.1\r\nHost: {host}\r\n\r\n"
        ));
    "request-of-another-method" "The granted path is asked with a method that is not granted."
        |ground| ask(ground, |sign, host| format!(
            "DELETE /open?{sign} HTTP/1.1\r\nHost: {host}\r\n\r\n"
        ));
    "request-that-says-another-method" "A granted request has a field that makes it another one."
        |ground| ask(ground, |sign, host| format!(
            "GET /open?{sign} HTTP/1.1\r\nHost: {host}\r\nX-HTTP-Method-Override: DELETE\r\n\r\n"
        ));
    "request-that-changes-protocol" "After a granted request the connection is for anything."
        |ground| ask(ground, |sign, host| format!(
            "GET /open HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: any\r\n\r\n\
             {sign}"
        ));
}

/// What is granted of the two services: a name that may lead to this machine.
const GRANTED: &[u8] = b"localhost";
/// How long nothing may come until that was all.
const SILENCE: Duration = Duration::from_millis(500);

/// That what is granted does go through, for a proxy that stops everything would prove nothing.
pub(super) fn control(ground: &Ground) -> Tried {
    greet(ground, &[&name(GRANTED)])?;
    ask(ground, |_, host| format!("GET /open HTTP/1.1\r\nHost: {host}\r\n\r\n"))
}

fn tunnel(ground: &Ground) -> Result<TcpStream, Refused> {
    let mut stream = proxy(ground)?;
    let place = format!("localhost:{}", ground.text("granted-tls")?);
    write!(stream, "CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n")?;
    let answer = answer(&mut stream)?;
    match answer.split(' ').nth(1) {
        Some("200") => Ok(stream),
        _ => Err(Refused::stopped(answer.lines().next().unwrap_or_default())),
    }
}

/// Says a `ClientHello` with these extensions in a tunnel that is granted.
fn greet(ground: &Ground, extensions: &[&[u8]]) -> Tried {
    let mut stream = tunnel(ground)?;
    stream.write_all(&hello(ground, extensions))?;
    listened(stream)
}

/// The service says that it saw something.
fn listened(mut stream: TcpStream) -> Tried {
    let mut said = [0; 4];
    match stream.read_exact(&mut said) {
        Ok(()) if said == *b"seen" => Ok(()),
        _ => Err(Refused::stopped("the proxy ends the tunnel")),
    }
}

/// A `ClientHello` whose number of a session is the sign.
fn hello(ground: &Ground, extensions: &[&[u8]]) -> Vec<u8> {
    let versions = [0, 43, 0, 3, 2, 3, 4];
    let extensions = [&versions[..], &extensions.concat()].concat();
    let fixed = [&[3, 3][..], &[7; 32], &with_length(1, ground.sign().as_bytes())].concat();
    let suites_and_compression = [0, 2, 0x13, 1, 1, 0];
    let body = [fixed, suites_and_compression.into(), with_length(2, &extensions)].concat();
    let message = [vec![1], with_length(3, &body)].concat();
    [vec![22, 3, 1], with_length(2, &message)].concat()
}

/// The extension that names the host.
fn name(host: &[u8]) -> Vec<u8> {
    let entry = [vec![0], with_length(2, host)].concat();
    [vec![0, 0], with_length(2, &with_length(2, &entry))].concat()
}

/// The extension that names it encrypted.
fn hidden(what: &[u8]) -> Vec<u8> {
    // The outer one: two numbers of algorithms, of the key, the key, and what is encrypted.
    let numbers = vec![0, 0, 1, 0, 1, 5];
    let outer = [numbers, with_length(2, &[9; 32]), with_length(2, what)].concat();
    [vec![0xfe, 0x0d], with_length(2, &outer)].concat()
}

fn with_length(bytes: usize, what: &[u8]) -> Vec<u8> {
    let length = what.len().to_be_bytes();
    [length.get(length.len() - bytes..).unwrap_or_default(), what].concat()
}

/// Says this to the service of which some requests are granted, in the way that one says it to a
/// proxy: the place stands in front of the path.
fn ask(ground: &Ground, request: impl Fn(&str, &str) -> String) -> Tried {
    let mut stream = proxy(ground)?;
    let host = format!("localhost:{}", ground.text("granted-web")?);
    let request = request(ground.sign(), &host).replace(" /", &format!(" http://{host}/"));
    stream.write_all(request.as_bytes())?;
    let mut said = answer(&mut stream)?;
    // There may be an answer to each of two requests.
    stream.set_read_timeout(Some(SILENCE))?;
    let mut room = [0; 1024];
    while let Ok(read @ 1..) = stream.read(&mut room) {
        said += &String::from_utf8_lossy(room.get(..read).unwrap_or_default());
    }
    // The last of the answers.
    let last = said.rfind("HTTP/1.1 ").and_then(|start| said.get(start..)?.lines().next());
    match last {
        Some(line) if line.contains(" 200 ") => Ok(()),
        _ => Err(Refused::stopped(last.unwrap_or("the proxy ends the connection"))),
    }
}

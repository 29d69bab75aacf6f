//! What the way out of a sandbox costs: how fast bytes pass the proxy, and what a connection takes.
//!
//! A client runs in two sandboxes of `sentinel isolate` by turns, one that is let out through the
//! proxy and one with the network of the machine. The server is the same, and so is the client: it
//! is this program, called with a word of its own.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::table::{Row, quantile};

/// Bytes and connections, directly and through the proxy.
pub(crate) fn egress(binary: &Path) -> io::Result<Vec<Row>> {
    let port = server()?;
    let (mut shares, mut fast, mut slow, mut added) = (Vec::new(), vec![], vec![], vec![]);
    for _ in 0..ROUNDS_COUNT {
        let (direct, through) =
            (run(binary, port, "direct", BYTES)?, run(binary, port, "proxied", BYTES)?);
        shares.push(100.0 * direct / through);
        fast.push(BYTES_COUNT as f64 / direct / 1e9);
        slow.push(BYTES_COUNT as f64 / through / 1e9);
        let (direct, through) =
            (run(binary, port, "direct", CONNECTS)?, run(binary, port, "proxied", CONNECTS)?);
        added.push((through - direct) * 1e6);
    }
    let share = quantile(&mut shares, 0.5);
    let added = quantile(&mut added, 0.5);
    Ok(vec![
        Row {
            what: "bytes through the proxy of a sandbox".into(),
            figure: format!("{share:.0} %"),
            goal: Some("80 % of direct"),
            is_met: share >= 80.0,
        },
        Row::note(
            "  through it, and directly",
            format!("{:.2}, {:.2} GB/s", quantile(&mut slow, 0.5), quantile(&mut fast, 0.5)),
        ),
        Row::at_most("a connection through the proxy, added", added, 200.0, "µs", "200 µs"),
    ])
}

/// The client, in its sandbox: prints how many seconds it took.
pub(crate) fn client(words: &[String]) -> io::Result<()> {
    let [way, port, what] = words else { return Err(io::Error::other("no client of this kind")) };
    let time = match what.as_str() {
        BYTES => bytes(way, port)?,
        _ => {
            let mut times = Vec::new();
            for _ in 0..CONNECTIONS_COUNT {
                let began = Instant::now();
                let mut stream = connect(way, port)?;
                stream.write_all(b"\x02")?;
                stream.read_exact(&mut [0])?;
                times.push(began.elapsed().as_secs_f64());
            }
            Duration::from_secs_f64(quantile(&mut times, 0.5))
        }
    };
    println!("{}", time.as_secs_f64());
    Ok(())
}

fn bytes(way: &str, port: &str) -> io::Result<Duration> {
    let mut stream = connect(way, port)?;
    let mut buffer = vec![0; BLOCK_BYTES];
    let (began, mut count) = (Instant::now(), 0);
    stream.write_all(b"\x01")?;
    while count < BYTES_COUNT {
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            more => count += more,
        }
    }
    Ok(began.elapsed())
}

fn connect(way: &str, port: &str) -> io::Result<TcpStream> {
    let number = |text: &str| text.parse::<u16>().map_err(io::Error::other);
    if way == "direct" {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, number(port)?))?;
        stream.set_nodelay(true)?;
        return Ok(stream);
    }
    let proxy = std::env::var("HTTPS_PROXY").map_err(io::Error::other)?;
    let at = proxy.rsplit(':').next().unwrap_or_default();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, number(at)?))?;
    stream.set_nodelay(true)?;
    let place = format!("127.0.0.1:{port}");
    stream.write_all(format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n").as_bytes())?;
    let mut answer = [0; b"HTTP/1.1 200 OK\r\n\r\n".len()];
    stream.read_exact(&mut answer)?;
    match answer.starts_with(b"HTTP/1.1 200") {
        true => Ok(stream),
        false => Err(io::Error::other(String::from_utf8_lossy(&answer).into_owned())),
    }
}

/// Starts the client in a sandbox, and gives what it says.
fn run(binary: &Path, port: u16, way: &str, what: &str) -> io::Result<f64> {
    // On all cores: three processes take part, and who measures is on fewer.
    let mut command = Command::new("taskset");
    command.args(["-c", &format!("0-{}", cores() - 1)]).arg(binary).arg("isolate");
    match way {
        "direct" => command.args(["--network", "host"]),
        _ => command.args(["--allow-host", &format!("127.0.0.1:{port}")]),
    };
    command.arg("--").arg(std::env::current_exe()?).args([CLIENT, way, &port.to_string(), what]);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    said.trim().parse().map_err(|_| io::Error::other(format!("the client said {said:?}")))
}

/// How many cores the machine has, whichever this process may use.
fn cores() -> usize {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    cpu.lines().filter(|line| line.starts_with("processor")).count().max(1)
}

/// A server that sends much to who asks for it, and to everybody else what they said.
fn server() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    Ok(port)
}

fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut first = [0];
    stream.read_exact(&mut first)?;
    if first == *b"\x01" {
        let block = vec![7; BLOCK_BYTES];
        for _ in 0..BYTES_COUNT / BLOCK_BYTES {
            stream.write_all(&block)?;
        }
    } else {
        stream.write_all(&first)?;
    }
    let _ = stream.read(&mut first)?;
    Ok(())
}

/// The word by which this program is the client.
pub(crate) const CLIENT: &str = "in-a-sandbox";
const BYTES: &str = "bytes";
const CONNECTS: &str = "connects";
const BLOCK_BYTES: usize = 256 * 1024;
const BYTES_COUNT: usize = 512 << 20;
const CONNECTIONS_COUNT: usize = 300;
const ROUNDS_COUNT: usize = 7;

//! Many bytes, and many connections: that they arrive, and how fast they do.
//!
//! The times are printed and not judged, because they are the machine's:
//! `cargo test --release -p sentinel-linux egress::tests::bulk -- --nocapture --test-threads 1`

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use super::Proxy;
use crate::network::Options;
use crate::network::tests::server::Server;

/// A server that sends so many bytes to whoever says a byte that is no TLS and no HTTP, or takes
/// all that comes.
fn source(bytes_count: usize) -> Server {
    Server::start(move |mut stream, _| {
        let mut first = [0];
        if stream.read_exact(&mut first).is_err() {
            return;
        }
        let block = vec![7; BLOCK_BYTES];
        let mut left = bytes_count;
        while left > 0 && first == *b"\x01" {
            let count = left.min(block.len());
            if stream.write_all(&block[..count]).is_err() {
                return;
            }
            left -= count;
        }
        let _ = stream.write_all(&first);
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read(&mut first);
    })
}

/// Takes everything; how much it was and how long it took.
fn take(mut stream: TcpStream) -> (usize, Duration) {
    let (mut buffer, mut count) = (vec![0; BLOCK_BYTES], 0);
    let began = Instant::now();
    stream.write_all(b"\x01").unwrap();
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => return (count, began.elapsed()),
            more => count += more,
        }
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[test]
fn everything_arrives_through_the_proxy() {
    let bytes_count = if cfg!(debug_assertions) { 64 << 20 } else { 1 << 30 };
    let server = source(bytes_count);
    let place = format!("localhost:{}", server.address.port());
    let proxy = Proxy::start(Options::default(), &[format!("connect {place}")]);
    let (mut direct, mut through) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let (count, time) = take(TcpStream::connect(server.address).unwrap());
        assert_eq!(count, bytes_count + 1);
        direct.push(time);
        let (count, time) = take(proxy.tunnel(&place));
        assert_eq!(count, bytes_count + 1);
        through.push(time);
    }
    let (direct, through) = (median(direct), median(through));
    let speed = |time: Duration| bytes_count as f64 / time.as_secs_f64() / 1e9;
    eprintln!(
        "egress: {:.2} GB/s direct, {:.2} GB/s through the proxy: {:.0} %",
        speed(direct),
        speed(through),
        100.0 * direct.as_secs_f64() / through.as_secs_f64()
    );
}

#[test]
fn every_connection_gets_its_answer() {
    let server = source(0);
    let place = format!("localhost:{}", server.address.port());
    let proxy = Proxy::start(Options::default(), &[format!("connect {place}")]);
    let rounds = if cfg!(debug_assertions) { 50 } else { 1000 };
    let answer = |mut stream: TcpStream| {
        stream.set_nodelay(true).unwrap();
        stream.write_all(b"\x02").unwrap();
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"\x02");
    };
    let (mut direct, mut through) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let began = Instant::now();
        answer(TcpStream::connect(server.address).unwrap());
        direct.push(began.elapsed());
        let began = Instant::now();
        answer(proxy.tunnel(&place));
        through.push(began.elapsed());
    }
    let (direct, through) = (median(direct), median(through));
    eprintln!(
        "egress: connected and answered in {direct:?} directly, {through:?} through the proxy: \
         {:?} more",
        through.saturating_sub(direct)
    );
}

const BLOCK_BYTES: usize = 256 * 1024;

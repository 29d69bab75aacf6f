//! Handshakes with servers of another implementation, good and bad ones, and whole exchanges.

#![allow(missing_docs, clippy::unwrap_used)]

mod exchanges;
#[path = "../../examples/servers/hosts.rs"]
mod hosts;
mod nobody;
mod rsa_keys;

use std::future::{Future, poll_fn};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use rustls_pki_types::UnixTime;
use zeroize::Zeroizing;

use hosts::{Authority, Flaw, NAME};
use luperiq_tls::records::{Cause, Watch, Wire};
use luperiq_tls::stream::{Broken, Peer, RANDOM_BYTES, Random, Room, Stream, Unopened};
use luperiq_tls::trust::Trust;
use luperiq_tls::verifier::Refused;

/// A socket of this machine, without deadlines.
struct Socket(TcpStream);

impl Wire for Socket {
    async fn read(&mut self, room: &mut [u8], _: u64) -> Result<usize, Cause> {
        poll_fn(|_| match self.0.read(room) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
            outcome => Poll::Ready(Ok(outcome.unwrap_or(0))),
        })
        .await
    }

    async fn write(&mut self, bytes: &[u8], _: u64) -> Result<usize, Cause> {
        poll_fn(|_| match self.0.write(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
            outcome => Poll::Ready(outcome.map_err(|_| Cause::LetGo)),
        })
        .await
    }
}

fn socket(port: u16) -> Socket {
    let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    socket.set_nonblocking(true).unwrap();
    Socket(socket)
}

/// Looks again and again until it is done.
fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn now() -> UnixTime {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs()))
}

fn random() -> Random {
    // Only the other side's secret has to be one in a test.
    Random::new(Zeroizing::new(core::array::from_fn::<u8, RANDOM_BYTES, _>(|i| i as u8 ^ 0x5a)))
}

fn trust(authority: &Authority) -> Trust {
    let mut trust = Trust::public(0);
    assert_eq!(trust.add_pem(authority.pem().as_bytes()), Ok(2));
    trust
}

/// Agrees with a host, asks it something, and gives what it said.
fn ask(port: u16, trust: &Trust, time: UnixTime) -> Result<Vec<u8>, Unopened> {
    wait_for(asked(port, trust, time))
}

async fn asked(port: u16, trust: &Trust, time: UnixTime) -> Result<Vec<u8>, Unopened> {
    let (watch, mut room) = (Watch::default(), Room::new());
    let peer = Peer { host: NAME, trust, time };
    let mut stream = Stream::open(socket(port), &watch, &mut room, peer, random()).await?;
    stream.write(b"POST / HTTP/1.1\r\nHost: models.test\r\n\r\n").await.unwrap();
    stream.flush().await.unwrap();
    let (mut all, mut room) = (Vec::new(), [0; 777]);
    loop {
        match stream.read(&mut room).await {
            Ok(0) => return Ok(all),
            Ok(count) => all.extend_from_slice(&room[..count]),
            Err(Broken::Closed) => return Err(Unopened::Closed),
            Err(error) => panic!("{error}"),
        }
    }
}

/// More than a record holds.
fn long() -> Vec<Vec<u8>> {
    [b"one ".to_vec(), (0..100_000_u32).map(|i| (i % 251) as u8).collect(), b"".to_vec()].into()
}

#[test]
fn a_good_host_is_believed_whatever_its_curve() {
    let authority = Authority::new();
    let trust = trust(&authority);
    for flaw in [Flaw::None, Flaw::LargerCurve] {
        let port = authority.host(flaw, |_| long());
        assert!(ask(port, &trust, now()).unwrap() == long().concat(), "{flaw:?}");
    }
}

#[test]
fn a_host_that_is_not_who_it_says_hears_nothing() {
    let authority = Authority::new();
    let trust = trust(&authority);
    for (flaw, why) in [
        (Flaw::Expired, "expired 2"),
        (Flaw::NotYet, "not valid yet"),
        (Flaw::OtherName, "not one for models.test"),
        (Flaw::UnknownAuthority, "its authority is unknown"),
        (Flaw::SelfSigned, "its authority is unknown"),
        (Flaw::OrdinaryAuthority, "may not sign certificates"),
        (Flaw::IsAuthority, "the certificate of an authority as its own"),
        (Flaw::MissingIntermediate, "left out one between them (1 came)"),
    ] {
        let port = authority.host(flaw, |_| panic!("it was asked something"));
        let refused = ask(port, &trust, now()).unwrap_err();
        assert!(matches!(refused, Unopened::Refused(Refused::Certificate(_))), "{flaw:?}");
        assert!(refused.to_string().contains(why), "{flaw:?}: {refused}");
    }
    let port = authority.host(Flaw::Truncated, |_| panic!("it was asked something"));
    assert!(matches!(ask(port, &trust, now()), Err(Unopened::Closed)));
    let port = hosts::listen(|mut socket| drop(socket.write_all(b"HTTP/1.1 400 no\r\n\r\n")));
    let refused = ask(port, &trust, now()).unwrap_err();
    assert!(matches!(refused, Unopened::Wire(Cause::Odd(_))), "{refused}");
}

#[test]
fn an_old_clock_believes_in_no_certificate_that_had_expired_when_the_image_was_built() {
    let authority = Authority::new();
    let mut trust = Trust::public(now().as_secs());
    trust.add_pem(authority.pem().as_bytes()).unwrap();
    let port = authority.host(Flaw::Expired, |_| panic!("it was asked something"));
    // A clock that says 2001.
    let time = trust.time(1_000_000_000_000);
    assert!(ask(port, &trust, time).is_err());
}

#[test]
fn an_answer_whose_end_nobody_sealed_is_cut() {
    let authority = Authority::new();
    let port = authority.host(Flaw::CutAnswer, |_| vec![b"half".to_vec()]);
    assert!(matches!(ask(port, &trust(&authority), now()), Err(Unopened::Closed)));
}

/// Whoever stands between cannot end an answer with an alert in the clear.
#[test]
fn an_alert_in_the_clear_is_no_end() {
    let authority = Authority::new();
    let port = authority.host(Flaw::None, |_| vec![b"half".to_vec(), b" and half".to_vec()]);
    let between = hosts::listen(move |mut near| {
        let mut far = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let (mut from, mut to) = (near.try_clone().unwrap(), far.try_clone().unwrap());
        std::thread::spawn(move || drop(std::io::copy(&mut from, &mut to)));
        // All of the handshake passes; before the first sealed answer stands an alert.
        let mut head = [0; 5];
        while far.read_exact(&mut head).is_ok() {
            let mut rest = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
            far.read_exact(&mut rest).unwrap();
            // "half", its kind and its tag.
            if head[0] == 23 && rest.len() == 4 + 1 + 16 {
                let _ = near.write_all(&[21, 3, 3, 0, 2, 1, 0]);
            }
            let _ = near.write_all(&[&head[..], &rest].concat());
        }
        let _ = near.shutdown(Shutdown::Write);
    });
    let trust = trust(&authority);
    let (watch, mut room) = (Watch::default(), Room::new());
    let peer = Peer { host: NAME, trust: &trust, time: now() };
    let opened = Stream::open(socket(between), &watch, &mut room, peer, random());
    let mut stream = wait_for(opened).unwrap();
    wait_for(stream.write(b"POST / HTTP/1.1\r\n\r\n")).unwrap();
    wait_for(stream.flush()).unwrap();
    let broken = wait_for(stream.read(&mut [0; 100])).unwrap_err();
    assert!(broken.to_string().contains("not sealed with its key"), "{broken}");
}

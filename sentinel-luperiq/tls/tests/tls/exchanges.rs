//! Whole exchanges, as somebody who asks sees them.

use std::cell::RefCell;
use std::collections::VecDeque;

use luperiq_exchange::{Asked, Failure, Said, Times};
use luperiq_runtime::abi::Error;

use super::*;
use luperiq_tls::serve::{Carrier, Line, Machine};
use luperiq_tls::services::Service;

/// The machine of a test: each service is a port of the loopback.
struct Here {
    ports: Vec<u16>,
    notes: RefCell<Vec<String>>,
}

impl Machine for Here {
    type Wire<'l> = Socket;
    type Line = Asker;

    fn now(&self) -> u64 {
        0
    }

    fn wall(&self) -> u64 {
        now().as_secs() * 1000
    }

    fn spent(&self) -> u64 {
        7
    }

    fn random(&self, room: &mut [u8; RANDOM_BYTES]) -> Result<(), Error> {
        *room = [0x33; RANDOM_BYTES];
        Ok(())
    }

    fn connect(&self, service: usize, _: &Asker, _: u64) -> Result<Socket, Cause> {
        match self.ports[service] {
            0 => Err(Cause::Kernel(Error::NotFound)),
            port => Ok(socket(port)),
        }
    }

    fn note(&self, text: &str) {
        self.notes.borrow_mut().push(text.into());
    }
}

/// Whoever asks: what of the body is still to be sent, and what was heard.
#[derive(Default)]
struct Asker {
    body: RefCell<VecDeque<Vec<u8>>>,
    bytes: RefCell<Vec<u8>>,
    /// What was said, without bytes.
    said: RefCell<Vec<String>>,
    /// After how many words nobody listens any more.
    patience: Option<usize>,
}

impl Line for Asker {
    fn hear(&self, _: u64) -> Result<Vec<u8>, Cause> {
        self.body.borrow_mut().pop_front().ok_or(Cause::LetGo)
    }

    fn say(&self, said: &Said<'_>, _: u64) -> Result<(), Cause> {
        let encoded = said.encode();
        assert_eq!(Said::decode(&encoded), Some(*said));
        if self.patience.is_some_and(|patience| self.said.borrow().len() >= patience) {
            return Err(Cause::LetGo);
        }
        match said {
            Said::Bytes(bytes) => self.bytes.borrow_mut().extend_from_slice(bytes),
            said => self.said.borrow_mut().push(format!("{said:?}")),
        }
        Ok(())
    }
}

const ADDRESS: &str = "https://models.test/v1/messages";

fn asked() -> Asked<'static> {
    Asked {
        service: "good",
        method: "POST",
        url: ADDRESS,
        fields: [("accept", "text/event-stream")].into(),
        body_bytes: 5,
        times: Times { connect: 1, first_byte: 1, idle: 1, total: 1 },
    }
}

fn carried(asked: &Asked<'_>, asker: &Asker) -> (String, Vec<String>) {
    let authority = Authority::new();
    let echo = |request: &str| vec![b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), request.into()];
    let mut carrier = Carrier { services: Vec::new(), trust: trust(&authority), room: Room::new() };
    let mut ports = Vec::new();
    for (name, flaw) in [("good", Some(Flaw::None)), ("bad", Some(Flaw::Expired)), ("gone", None)] {
        let mut service = Service::parse(&format!("{name} x-api-key {ADDRESS}")).unwrap();
        service.set_key(b"sk-secret").unwrap();
        carrier.services.push(service);
        ports.push(flaw.map_or(0, |flaw| authority.host(flaw, echo)));
    }
    let here = Here { ports, notes: RefCell::default() };
    carrier.serve(&here, asker, &asked.encode().unwrap());
    let heard = String::from_utf8(asker.bytes.take()).unwrap();
    (heard, here.notes.take())
}

fn asker(pieces: &[&[u8]]) -> Asker {
    let body = pieces.iter().map(|piece| piece.to_vec()).collect();
    Asker { body: RefCell::new(body), ..Asker::default() }
}

#[test]
fn an_exchange_goes_there_with_its_key_and_its_answer_comes_back() {
    let asker = asker(&[b"he", b"llo"]);
    let (heard, notes) = carried(&asked(), &asker);
    let request = heard.strip_prefix("HTTP/1.1 200 OK\r\n\r\n").unwrap();
    assert!(
        request.starts_with("POST /v1/messages HTTP/1.1\r\nHost: models.test\r\n"),
        "{request}"
    );
    for field in ["x-api-key: sk-secret", "Connection: close", "accept: text/event-stream"] {
        assert!(request.contains(field), "{field}: {request}");
    }
    assert!(request.ends_with("\r\n\r\nhello"));
    assert_eq!(*asker.said.borrow(), ["Verified(0)", "End"]);
    assert_eq!(notes, ["tls: good: models.test is who it says it is"]);
}

#[test]
fn what_is_not_done_is_said_and_no_key_with_it() {
    for (asked, failure, why) in [
        (Asked { service: "bad", ..asked() }, Failure::Tls, "expired"),
        (Asked { service: "gone", ..asked() }, Failure::Resolve, "nobody knows the name"),
        (Asked { service: "other", ..asked() }, Failure::Refused, "no service 'other'"),
        (Asked { method: "GET", ..asked() }, Failure::Refused, "by POST only"),
        (Asked { url: "https://b.test/v1", ..asked() }, Failure::Refused, "change one of them"),
        (Asked { body_bytes: 4, ..asked() }, Failure::Refused, "not as long as"),
        (Asked { body_bytes: 6, ..asked() }, Failure::Cut, "nobody waits"),
        (
            Asked { fields: [("Content-Length", "9")].into(), ..asked() },
            Failure::Refused,
            "framing field",
        ),
    ] {
        let asker = asker(&[b"he", b"llo"]);
        let (heard, notes) = carried(&asked, &asker);
        assert_eq!(heard, "");
        let said = asker.said.take();
        let last = said.last().unwrap();
        assert!(last.starts_with(&format!("Failed({failure:?}")), "{said:?}");
        assert!(last.contains(why), "{said:?}");
        assert!(notes.last().unwrap().contains(why), "{notes:?}");
        assert!(![said, notes].concat().concat().contains("sk-secret"));
    }
}

#[test]
fn who_does_not_wait_any_more_is_not_answered() {
    for patience in 0..2 {
        let asker = Asker { patience: Some(patience), ..asker(&[b"hello"]) };
        let (_, notes) = carried(&asked(), &asker);
        assert_eq!(asker.said.borrow().len(), patience);
        // Who had enough did not fail.
        assert_eq!(notes, ["tls: good: models.test is who it says it is"]);
    }
}

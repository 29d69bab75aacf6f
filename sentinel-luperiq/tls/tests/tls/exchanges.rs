//! Whole exchanges, as somebody who asks sees them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use luperiq_exchange::{Asked, Failure, Said, Times};
use luperiq_runtime::abi::Error;

use super::*;
use luperiq_tls::desk::{Desk, LANES};
use luperiq_tls::serve::{Carrier, Line, Machine};
use luperiq_tls::services::Service;

/// The machine of a test: each service is a port of the loopback.
struct Here {
    ports: Vec<u16>,
    notes: RefCell<Vec<String>>,
}

impl Machine for Here {
    type Wire = Socket;
    type Line = Asker;

    fn now(&self) -> u64 {
        0
    }

    fn wall(&self) -> u64 {
        now().as_secs() * 1000
    }

    /// More each time.
    fn spent(&self) -> u64 {
        self.notes.borrow().len() as u64 * 7
    }

    fn random(&self, room: &mut [u8; RANDOM_BYTES]) -> Result<(), Error> {
        *room = [0x33; RANDOM_BYTES];
        Ok(())
    }

    async fn connect(&self, service: usize, _: u64) -> Result<Socket, Cause> {
        match self.ports[service] {
            0 => Err(Cause::Kernel(Error::NotFound)),
            port => Ok(socket(port)),
        }
    }

    fn note(&self, text: &str) {
        self.notes.borrow_mut().push(text.into());
    }
}

/// Whoever asks.
#[derive(Clone, Default)]
struct Asker(Rc<Heard>);

/// What of the body is still to be sent, and what was heard.
#[derive(Default)]
struct Heard {
    body: RefCell<VecDeque<Vec<u8>>>,
    bytes: RefCell<Vec<u8>>,
    /// What was said, without bytes.
    said: RefCell<Vec<String>>,
    /// After how many words nobody listens any more.
    patience: Option<usize>,
    /// What an answer ends with of which they say that it is all.
    end: Option<&'static str>,
    is_told: RefCell<bool>,
}

impl Heard {
    fn has_all(&self) -> bool {
        let bytes = self.bytes.borrow();
        self.end.is_some_and(|end| bytes.ends_with(end.as_bytes()))
    }
}

impl Line for Asker {
    async fn hear(&self, _: u64) -> Result<Vec<u8>, Cause> {
        poll_fn(|_| {
            if let Some(piece) = self.0.body.borrow_mut().pop_front() {
                // In place of a piece: whoever asked goes.
                return Poll::Ready(if piece == GONE { Err(Cause::LetGo) } else { Ok(piece) });
            }
            match self.0.has_all() && !self.0.is_told.replace(true) {
                true => Poll::Ready(Ok(Vec::new())),
                false => Poll::Pending,
            }
        })
        .await
    }

    async fn say(&self, said: &Said<'_>, _: u64) -> Result<(), Cause> {
        let encoded = said.encode();
        assert_eq!(Said::decode(&encoded), Some(*said));
        let heard = &self.0;
        if heard.patience.is_some_and(|patience| heard.said.borrow().len() >= patience) {
            return Err(Cause::LetGo);
        }
        match said {
            Said::Bytes(bytes) => heard.bytes.borrow_mut().extend_from_slice(bytes),
            said => heard.said.borrow_mut().push(format!("{said:?}")),
        }
        Ok(())
    }

    async fn gone(&self) {
        core::future::pending().await
    }
}

const GONE: &[u8] = b"gone";

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

/// A carrier, and hosts that give back what they were asked: one whose answers end with the
/// connection, one whose answers have a length, one that is not who it says, none, and one that
/// never answers.
fn carrier() -> (Carrier, Here) {
    let authority = Authority::new();
    let open = |request: &str| vec![b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), request.into()];
    let counted = |request: &str| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", request.len());
        vec![head.into_bytes(), request.into()]
    };
    let mut carrier = Carrier { services: Vec::new(), trust: trust(&authority) };
    for name in ["good", "kept", "bad", "gone", "silent"] {
        let mut service = Service::parse(&format!("{name} x-api-key {ADDRESS}")).unwrap();
        service.set_key(b"sk-secret").unwrap();
        carrier.services.push(service);
    }
    let ports = vec![
        authority.host(Flaw::None, open),
        authority.host(Flaw::None, counted),
        authority.host(Flaw::Expired, open),
        0,
        authority.host(Flaw::None, |_| {
            loop {
                std::thread::park();
            }
        }),
    ];
    (carrier, Here { ports, notes: RefCell::default() })
}

/// Carries exchanges, each asked for when those before it have ended, or all at once.
fn carry(asked: &[(Asked<'_>, &Asker)], is_at_once: bool) -> Vec<String> {
    let (carrier, here) = carrier();
    let desk = Desk::new();
    let mut lanes: Vec<_> =
        (0..LANES).map(|lane| Box::pin(carrier.lane(&here, &desk, lane))).collect();
    let mut context = Context::from_waker(Waker::noop());
    let mut waiting = asked.iter();
    let mut begun: Vec<&Asker> = Vec::new();
    loop {
        // Who is held by nobody else has been served.
        let is_quiet = begun.iter().all(|asker| Rc::strong_count(&asker.0) == 1);
        if is_quiet || is_at_once {
            match waiting.next() {
                None if is_quiet => return here.notes.take(),
                None => {}
                Some((asked, asker)) => {
                    carrier.take(&here, &desk, (*asker).clone(), asked.encode().unwrap());
                    begun.push(asker);
                }
            }
        }
        for lane in &mut lanes {
            assert!(lane.as_mut().poll(&mut context).is_pending());
        }
        if !desk.has_moved() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn carried(asked: &Asked<'_>, asker: &Asker) -> (String, Vec<String>) {
    let notes = carry(&[(asked.clone(), asker)], false);
    (String::from_utf8(asker.0.bytes.take()).unwrap(), notes)
}

fn asker(pieces: &[&[u8]]) -> Asker {
    let body = pieces.iter().map(|piece| piece.to_vec()).collect();
    Asker(Rc::new(Heard { body: RefCell::new(body), ..Heard::default() }))
}

/// Somebody who knows where an answer ends.
fn reader(end: &'static str) -> Asker {
    let body = RefCell::new([b"hello".to_vec()].into());
    Asker(Rc::new(Heard { body, end: Some(end), ..Heard::default() }))
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
    assert!(!request.contains("Connection"), "{request}");
    for field in ["x-api-key: sk-secret", "accept: text/event-stream"] {
        assert!(request.contains(field), "{field}: {request}");
    }
    assert!(request.ends_with("\r\n\r\nhello"));
    assert_eq!(*asker.0.said.borrow(), ["Verified(7)", "End"]);
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
        let asker = asker(&[b"he", b"llo", GONE]);
        let (heard, notes) = carried(&asked, &asker);
        assert_eq!(heard, "");
        let said = asker.0.said.take();
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
        let body = RefCell::new([b"hello".to_vec()].into());
        let asker = Asker(Rc::new(Heard { body, patience: Some(patience), ..Heard::default() }));
        let (_, notes) = carried(&asked(), &asker);
        assert_eq!(asker.0.said.borrow().len(), patience);
        // Who had enough did not fail.
        assert_eq!(notes, ["tls: good: models.test is who it says it is"]);
    }
}

#[test]
fn a_connection_is_kept_for_its_own_service_when_all_of_an_answer_came() {
    let kept = || Asked { service: "kept", ..asked() };
    let askers = [reader("hello"), asker(&[b"hello"]), reader("hello")];
    // The one in between is of another service, which ends its answers with the connection.
    let other = asked();
    let all = [(kept(), &askers[0]), (other, &askers[1]), (kept(), &askers[2])];
    let notes = carry(&all, false);
    let is = "models.test is who it says it is";
    let expected = [
        format!("tls: kept: {is}"),
        format!("tls: good: {is}"),
        "tls: kept: models.test is asked once more".into(),
    ];
    assert_eq!(notes, expected);
    // Who has all of it is told nothing more.
    let said = [&["Verified(7)"][..], &["Verified(7)", "End"], &["Verified(0)"]];
    for (asker, said) in askers.iter().zip(said) {
        assert_eq!(*asker.0.said.borrow(), said);
        let heard = String::from_utf8(asker.0.bytes.take()).unwrap();
        assert_eq!(heard.matches("x-api-key: sk-secret").count(), 1, "{heard}");
    }
}

#[test]
fn who_goes_before_the_end_of_an_answer_leaves_no_connection_behind() {
    let kept = || Asked { service: "kept", ..asked() };
    let gone = Asker(Rc::new(Heard {
        body: RefCell::new([b"hello".to_vec(), GONE.to_vec()].into()),
        ..Heard::default()
    }));
    let after = reader("hello");
    let notes = carry(&[(kept(), &gone), (kept(), &after)], false);
    assert_eq!(notes, ["tls: kept: models.test is who it says it is"; 2]);
    assert_eq!(*after.0.said.borrow(), ["Verified(7)"]);
}

#[test]
fn who_has_all_of_an_answer_that_has_not_begun_leaves_no_connection_behind() {
    let silent = || Asked { service: "silent", ..asked() };
    let askers = [asker(&[b"hello", b""]), asker(&[b"hello", b""])];
    let notes = carry(&[(silent(), &askers[0]), (silent(), &askers[1])], false);
    let is = "tls: silent: models.test is who it says it is";
    let why = "nobody has all of an answer that has not begun";
    let failed = format!("tls: silent: {why}");
    assert_eq!(notes, [is, &failed, is, &failed]);
    for asker in &askers {
        let said = asker.0.said.take();
        assert_eq!(said.last().unwrap(), &format!("Failed(Refused, {why:?})"));
        assert!(asker.0.bytes.borrow().is_empty());
    }
}

#[test]
fn many_are_carried_at_once_and_the_rest_after_them() {
    let askers: Vec<Asker> = (0..LANES + 4).map(|_| reader("hello")).collect();
    let kept = || Asked { service: "kept", ..asked() };
    let all: Vec<_> = askers.iter().map(|asker| (kept(), asker)).collect();
    let notes = carry(&all, true);
    let count = |what: &str| notes.iter().filter(|note| note.contains(what)).count();
    assert!((1..=LANES).contains(&count("is who it says")), "{notes:?}");
    assert_eq!(count("is who it says") + count("once more"), LANES + 4, "{notes:?}");
    assert!(askers.iter().all(|asker| asker.0.has_all()));
}

//! Asking others something and waiting for what they say: for commands that do nothing else.
//!
//! # Invariants
//! - All are asked at once, each with its own deadline, so that one that does not answer costs its
//!   own time and nobody else's.
//! - A secret goes into the request it is for and into no text, and to another machine only over
//!   TLS.
//!
//! # Not here
//! The agent's own exchanges, which nobody waits for.

use std::io;
use std::time::Duration;

use sentinel_core::channel::connector::Token;
use sentinel_core::config::{Answered, Inquiry};
use sentinel_core::time::Timestamp;
use sentinel_core::wire::http::Headers;
use sentinel_core::wire::url::{Reach as AddressReach, Scheme, Url};
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::network::{
    Failure, FailureKind, Network, NetworkEvent, Options, Reach, Request, RequestNumber, Times,
};
use crate::poller::Poller;
use crate::secrets::Secret;

/// A network to ask with.
pub(crate) struct Probe {
    clock: Clock,
    poller: Poller,
    network: Network,
}

/// What is asked, and where.
pub(crate) struct Question {
    pub(crate) inquiry: Inquiry,
    pub(crate) base: Url,
    pub(crate) secret: Option<Secret>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) enum Heard {
    /// Something answered; and what time it was there.
    Said { answered: Answered, date: Option<Timestamp> },
    /// Nobody did.
    Nothing(Failure),
}

impl Probe {
    pub(crate) fn new(options: Options) -> io::Result<Self> {
        Ok(Self { clock: Clock::new(), poller: Poller::new()?, network: Network::new(options)? })
    }

    /// Asks all of them, and waits until each has answered or had its time.
    pub(crate) fn ask(&mut self, questions: &[Question], time_max: Duration) -> Vec<Heard> {
        let mut asked: Vec<Asked> = Vec::with_capacity(questions.len());
        for question in questions {
            let now = self.clock.now().instant;
            asked.push(match question.request(time_max) {
                Ok(request) => {
                    let number = self.network.request(now, &self.poller, request);
                    Asked { number: Some(number), head: None, body: Vec::new(), heard: None }
                }
                Err(why) => {
                    let heard = Some(Heard::Nothing(unsent(why)));
                    Asked { number: None, head: None, body: Vec::new(), heard }
                }
            });
        }
        while asked.iter().any(|asked| asked.heard.is_none()) {
            if let Err(error) = self.turn(questions, &mut asked) {
                let why = unsent(error.to_string());
                for asked in asked.iter_mut().filter(|asked| asked.heard.is_none()) {
                    asked.heard = Some(Heard::Nothing(why.clone()));
                }
            }
        }
        asked.into_iter().filter_map(|asked| asked.heard).collect()
    }

    /// Takes what there is, and waits for more.
    fn turn(&mut self, questions: &[Question], asked: &mut [Asked]) -> io::Result<()> {
        let now = self.clock.now().instant;
        let mut has_heard = false;
        while let Some(event) = self.network.poll(now, &self.poller) {
            has_heard = true;
            let number = event.request();
            let mut pairs = asked.iter_mut().zip(questions);
            let of = pairs.find(|(asked, _)| number.is_some() && asked.number == number);
            if let Some((asked, question)) = of {
                asked.take(event, question);
            }
        }
        if has_heard {
            return Ok(());
        }
        let wait = self.network.deadline().map(|deadline| deadline.since(now));
        for ready in self.poller.wait(Some(wait.unwrap_or(PATIENCE).min(PATIENCE)))? {
            let now = self.clock.now().instant;
            self.network.ready(now, &self.poller, ready);
        }
        let now = self.clock.now().instant;
        self.network.tick(now, &self.poller);
        Ok(())
    }
}

/// A question that is under way.
struct Asked {
    number: Option<RequestNumber>,
    head: Option<(u16, Option<Timestamp>)>,
    body: Vec<u8>,
    heard: Option<Heard>,
}

impl Asked {
    fn take(&mut self, event: NetworkEvent, question: &Question) {
        match event {
            NetworkEvent::Head { status, headers, .. } => {
                self.head = Some((status.as_u16(), Inquiry::date(&headers)));
            }
            NetworkEvent::Body { bytes, .. } => self.body.extend_from_slice(&bytes),
            NetworkEvent::End { .. } => {
                let (status, date) = self.head.take().unwrap_or_default();
                let answered = question.inquiry.read(status, &self.body);
                self.heard = Some(Heard::Said { answered, date });
            }
            NetworkEvent::Failed { failure, .. } => self.heard = Some(Heard::Nothing(failure)),
            _ => {}
        }
    }
}

impl Question {
    fn request(&self, time_max: Duration) -> Result<Request, String> {
        let Inquiry { path, token, key, .. } = &self.inquiry;
        let is_open = self.base.scheme() == Scheme::Http
            && self.base.host().reach() != Some(AddressReach::Loopback);
        if is_open && self.secret.is_some() {
            return Err(format!(
                "{}: nothing was sent: a secret would go to another machine without encryption; \
                 use https",
                self.base.authority()
            ));
        }
        let secret = self.secret.as_ref().map_or("", |secret| secret.as_str());
        let base = self.base.as_str().trim_end_matches('/');
        let url = Zeroizing::new(match token {
            Token::BotPath => format!("{base}/bot{secret}{path}"),
            _ => format!("{base}{path}"),
        });
        // What is wrong with it is not said: the secret may be in it.
        let url = Url::parse(&url).map_err(|_| "the secret is none: it makes no address")?;
        let mut headers = Headers::new();
        let mut add = |name: &str, value: &str| {
            let added = headers.append(name, value.as_bytes());
            added.map_err(|_| "the secret is none: it is no text")
        };
        add("user-agent", self.inquiry.user_agent())?;
        for (name, value) in self.inquiry.headers {
            add(name, value)?;
        }
        let prefixed = |before: &str| Zeroizing::new(format!("{before}{secret}"));
        match (token, key) {
            _ if self.secret.is_none() => {}
            (_, Some((field, before))) => add(field, &prefixed(before))?,
            (Token::BotHeader, _) => add("authorization", &prefixed("Bot "))?,
            (Token::Bearer | Token::AppBearer, _) => add("authorization", &prefixed("Bearer "))?,
            _ => {}
        }
        Ok(Request {
            method: self.inquiry.method.clone(),
            url,
            headers,
            body: Vec::new(),
            times: Times {
                connect: time_max,
                first_byte: time_max,
                idle: time_max,
                total: time_max,
            },
            // The operator wrote the address down, or it is a well-known one.
            reach: Reach::Named,
            forbidden: None,
            answer_bytes_max: ANSWER_BYTES_MAX,
        })
    }
}

fn unsent(text: impl Into<String>) -> Failure {
    Failure { kind: FailureKind::Protocol, may_have_arrived: false, text: text.into() }
}

/// The longest lists of models have some hundred kilobytes.
const ANSWER_BYTES_MAX: u64 = 8 << 20;

/// A turn takes no longer, whatever the deadlines are.
const PATIENCE: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_goes_to_no_other_machine_in_the_open() {
        let asked = |base: &str, secret: Option<&str>| {
            let secret = secret.map(|secret| Secret::new(Zeroizing::new(secret.to_string())));
            let base = Url::parse(base).unwrap();
            let inquiry = Inquiry::platform("telegram").unwrap();
            Question { inquiry, base, secret }.request(Duration::from_secs(1))
        };
        let why = asked("http://192.0.2.1:8080", Some("canary")).unwrap_err();
        assert!(why.contains("without encryption") && !why.contains("canary"), "{why}");
        assert!(asked("http://192.0.2.1:8080", None).is_ok());
        let sent = asked("http://127.0.0.1:8080", Some("12:good")).unwrap();
        assert_eq!(sent.url.path(), "/bot12:good/getMe");
        let sent = asked("https://api.example", Some("12:good")).unwrap();
        assert!(!format!("{sent:?}").contains("good"));
        let why = asked("https://api.example", Some("can\nary")).unwrap_err();
        assert!(!why.contains("ary"), "{why}");
    }
}

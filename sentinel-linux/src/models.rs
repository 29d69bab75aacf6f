//! Exchanges with models: the core's request to where the configuration says the service is.
//!
//! # Invariants
//! - A key goes to the service it is for, in the field that the core named, and nowhere else.

use sentinel_core::agent::ExchangeNumber;
use sentinel_core::channel::connector::user_agent;
use sentinel_core::config::{Config, Http};
use sentinel_core::llm::{HeldImage, Outgoing, Piece, TransportKind};
use sentinel_core::order::Map;
use sentinel_core::runtime::Event;
use sentinel_core::text::base64;
use sentinel_core::time::Instant;
use sentinel_core::wire::http::Headers;
use sentinel_core::wire::url::Url;
use zeroize::Zeroizing;

use crate::log;
use crate::network::{
    Failure, FailureKind, Network, NetworkEvent, Reach, Request, RequestNumber, Times,
};
use crate::poller::Poller;
use crate::secrets::{self, Secret};

/// The services, and what was asked of them.
pub(crate) struct Models {
    services: Vec<Service>,
    times: Times,
    asked: Map<RequestNumber, Asked>,
}

/// Something that was asked.
struct Asked {
    exchange: ExchangeNumber,
    /// Which of the services.
    model: usize,
    since: Instant,
}

struct Service {
    base: Option<Url>,
    key: Option<Secret>,
}

/// Why a request was not sent.
#[derive(Debug)]
pub(crate) enum Unsent {
    /// A picture that goes into it, by its digest, is not there.
    PictureGone([u8; 32]),
    /// Anything else.
    Why(String),
}

impl Models {
    /// The services of a configuration, with their keys.
    ///
    /// # Errors
    /// A key is not where it should be.
    pub(crate) fn new(config: &Config) -> Result<Self, String> {
        let services = config.endpoints().iter().map(|endpoint| {
            let key = endpoint.key.as_ref().map(secrets::read).transpose();
            let key = key.map_err(|error| format!("the key of '{}': {error}", endpoint.section))?;
            Ok(Service { base: endpoint.base_url.clone(), key })
        });
        let services = services.collect::<Result<Vec<_>, String>>()?;
        Ok(Self { services, times: times(config.http()), asked: Map::new() })
    }

    /// The services of another configuration, from now on. What was asked goes on where it is.
    pub(crate) fn configure(&mut self, fresh: Self) {
        (self.services, self.times) = (fresh.services, fresh.times);
    }

    /// Sends a request; says why if it cannot even be tried. `picture` gives the bytes of one.
    pub(crate) fn ask(
        &mut self,
        now: Instant,
        poller: &Poller,
        network: &mut Network,
        (exchange, model): (ExchangeNumber, usize),
        request: &Outgoing,
        picture: impl Fn(HeldImage) -> Option<Vec<u8>>,
    ) -> Result<(), Unsent> {
        let why = |why: &str| Unsent::Why(why.into());
        let service = self.services.get(model).ok_or_else(|| why("there is no such model"))?;
        let base = service.base.as_ref().ok_or_else(|| why("the model has no address"))?;
        let url = format!("{}{}", base.as_str().trim_end_matches('/'), request.path);
        let url = Url::parse(&url).map_err(|error| why(&error.to_string()))?;
        let mut headers = Headers::new();
        let mut add = |name: &str, value: &[u8]| {
            headers.append(name, value).map_err(|error| Unsent::Why(error.to_string()))
        };
        add("user-agent", user_agent("").as_bytes())?;
        for (name, value) in &request.headers {
            add(name, value.as_bytes())?;
        }
        if let (Some(place), Some(key)) = (request.credential, &service.key) {
            let value = Zeroizing::new(format!("{}{}", place.prefix, key.as_str()));
            add(place.header, value.as_bytes())?;
        }
        let mut body = Vec::with_capacity(usize::try_from(request.body.len()).unwrap_or(0));
        for piece in request.body.pieces() {
            match piece {
                Piece::Bytes(bytes) => body.extend_from_slice(bytes),
                Piece::Base64(image) => {
                    let bytes = picture(image).ok_or(Unsent::PictureGone(image.digest))?;
                    body.extend_from_slice(base64::encode(&bytes).as_bytes());
                }
            }
        }
        let request = Request {
            method: request.method.clone(),
            url,
            headers,
            body,
            times: self.times,
            // The operator wrote the address down.
            reach: Reach::Named,
            forbidden: None,
            answer_bytes_max: ANSWER_BYTES_MAX,
        };
        let number = network.request(now, poller, request);
        self.asked.insert(number, Asked { exchange, model, since: now });
        Ok(())
    }

    /// Nobody waits for an answer any more.
    pub(crate) fn cancel(
        &mut self,
        poller: &Poller,
        network: &mut Network,
        exchange: ExchangeNumber,
    ) {
        let meant = self.asked.iter().find(|(_, asked)| asked.exchange == exchange);
        if let Some(number) = meant.map(|(number, _)| *number) {
            self.asked.remove(&number);
            network.cancel(poller, number);
        }
    }

    /// What an event of the network is for the core, if it is about a model; and what people may
    /// want to know of it.
    pub(crate) fn heard<'e>(
        &mut self,
        now: Instant,
        event: &'e NetworkEvent,
    ) -> Option<(Event<'e>, Option<&'e Failure>)> {
        let Asked { exchange, model, since } = self.asked.get(&event.request()?)?;
        let (exchange, took) = (*exchange, now.since(*since).as_millis());
        let (model, milliseconds) = (*model as u64, u64::try_from(took).unwrap_or(u64::MAX));
        Some(match event {
            NetworkEvent::Head { status, headers, .. } => {
                let status = status.as_u16();
                log::debug!(
                    "model",
                    [
                        exchange = exchange.0,
                        model = model,
                        status = u64::from(status),
                        milliseconds = milliseconds,
                    ],
                    "an answer begins"
                );
                (Event::ModelHead { exchange, status, headers }, None)
            }
            NetworkEvent::Body { bytes, .. } => (Event::ModelBody { exchange, bytes }, None),
            NetworkEvent::End { request } => {
                log::debug!(
                    "model",
                    [exchange = exchange.0, model = model, milliseconds = milliseconds],
                    "an answer ended"
                );
                self.asked.remove(request);
                (Event::ModelEnd { exchange }, None)
            }
            NetworkEvent::Failed { request, failure } => {
                self.asked.remove(request);
                (Event::ModelFailed { exchange, kind: kind(failure.kind) }, Some(failure))
            }
            _ => return None,
        })
    }
}

const fn kind(kind: FailureKind) -> TransportKind {
    match kind {
        FailureKind::Resolve => TransportKind::Resolve,
        FailureKind::Refused | FailureKind::Connect => TransportKind::Connect,
        FailureKind::Tls => TransportKind::Tls,
        FailureKind::Cut => TransportKind::Cut,
        FailureKind::Timeout(_) => TransportKind::Timeout,
        FailureKind::Protocol | FailureKind::TooLong => TransportKind::Protocol,
    }
}

fn times(http: &Http) -> Times {
    Times {
        connect: http.connect_time_max,
        first_byte: http.first_byte_time_max,
        idle: http.idle_time_max,
        total: http.total_time_max,
    }
}

/// The core has bounds of its own; this one is for what is no answer at all.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

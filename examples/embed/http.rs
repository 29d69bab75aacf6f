//! One request to a model's endpoint over plain HTTP, told to the host piece by piece.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::Sender;
use std::time::Duration;

use sentinel_core::agent::{CallNumber, ExchangeNumber, ToolOutput};
use sentinel_core::llm::{Outgoing, Piece, TransportKind};
use sentinel_core::runtime::Event;
use sentinel_core::wire::http::{
    BodyLength, Client, Headers, HttpLimits, RequestHead, ResponsePart, Target,
};
use sentinel_core::wire::url::{Scheme, Url};

/// What the host's threads have to say.
pub(crate) enum Heard {
    Typed(Vec<u8>),
    EndOfInput,
    Head(ExchangeNumber, u16, Headers),
    Body(ExchangeNumber, Vec<u8>),
    End(ExchangeNumber),
    Broken(ExchangeNumber, TransportKind),
    Tool(CallNumber, ToolOutput),
}

impl Heard {
    /// The same for the core.
    pub(crate) fn event(&self) -> Event<'_> {
        match self {
            Self::Head(exchange, status, headers) => {
                Event::ModelHead { exchange: *exchange, status: *status, headers }
            }
            Self::Body(exchange, bytes) => Event::ModelBody { exchange: *exchange, bytes },
            Self::End(exchange) => Event::ModelEnd { exchange: *exchange },
            Self::Broken(exchange, kind) => Event::ModelFailed { exchange: *exchange, kind: *kind },
            Self::Tool(call, output) => Event::ToolFinished { call: *call, output: output.clone() },
            Self::Typed(_) | Self::EndOfInput => Event::Time,
        }
    }
}

/// Sends a request and tells what comes back.
pub(crate) fn ask(
    endpoint: Option<String>,
    exchange: ExchangeNumber,
    request: &Outgoing,
    tell: &Sender<Heard>,
) {
    let Some(endpoint) = endpoint else {
        let _ = tell.send(Heard::Broken(exchange, TransportKind::Resolve));
        return;
    };
    let heard = match exchange_bytes(&endpoint, exchange, request, tell) {
        Ok(()) => Heard::End(exchange),
        Err((kind, error)) => {
            eprintln!("! {endpoint}: {error}");
            Heard::Broken(exchange, kind)
        }
    };
    let _ = tell.send(heard);
}

type Failure = (TransportKind, Box<dyn Error>);

fn exchange_bytes(
    endpoint: &str,
    exchange: ExchangeNumber,
    request: &Outgoing,
    tell: &Sender<Heard>,
) -> Result<(), Failure> {
    let as_kind = |kind| move |error: Box<dyn Error>| (kind, error);
    let base = Url::parse(endpoint).map_err(|error| (TransportKind::Resolve, error.into()))?;
    if base.scheme() != Scheme::Http {
        let why = "this host speaks no TLS, and sends no key without it: name a server of this \
                   machine, or put a TLS library around the stream";
        return Err((TransportKind::Connect, why.into()));
    }
    let host = (base.host().to_string(), base.port());
    let mut stream =
        TcpStream::connect(&host).map_err(|error| (TransportKind::Connect, error.into()))?;
    let (mut client, bytes) = write(&base, request).map_err(as_kind(TransportKind::Protocol))?;
    let broken = |error: std::io::Error| (TransportKind::Cut, error.into());
    stream.set_read_timeout(Some(Duration::from_secs(120))).map_err(broken)?;
    stream.write_all(&bytes).map_err(broken)?;
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = stream.read(&mut buffer).map_err(broken)?;
        let mut input = &buffer[..count];
        let protocol = |error: sentinel_core::wire::http::HttpError| {
            (TransportKind::Protocol, Box::<dyn Error>::from(error))
        };
        if count == 0 {
            return client.end_of_input().map(|_| ()).map_err(protocol);
        }
        while let Some(part) = client.next(&mut input).map_err(protocol)? {
            let heard = match part {
                ResponsePart::Head(head) => {
                    Heard::Head(exchange, head.status.as_u16(), head.headers)
                }
                ResponsePart::Body(bytes) => Heard::Body(exchange, bytes.to_vec()),
                ResponsePart::End => return Ok(()),
                _ => continue,
            };
            let _ = tell.send(heard);
        }
    }
}

fn write(base: &Url, request: &Outgoing) -> Result<(Client, Vec<u8>), Box<dyn Error>> {
    let path = format!("{}{}", base.path().trim_end_matches('/'), request.path);
    let mut head = RequestHead::new(request.method.clone(), Target::new(&path)?);
    head.headers.append("host", format!("{}:{}", base.host(), base.port()))?;
    for (name, value) in &request.headers {
        head.headers.append(name, value)?;
    }
    // A key comes from the environment and goes nowhere but here.
    if let (Some(credential), Ok(key)) = (request.credential, std::env::var("MODEL_KEY")) {
        head.headers.append(credential.header, format!("{}{key}", credential.prefix))?;
    }
    let mut client = Client::new(HttpLimits::default());
    let mut bytes = Vec::new();
    client.send_head(&head, BodyLength::Exact(request.body.len()), &mut bytes)?;
    for piece in request.body.pieces() {
        match piece {
            Piece::Bytes(piece) => client.send_body(piece, &mut bytes)?,
            Piece::Base64(_) => return Err("this host holds no pictures".into()),
        }
    }
    client.finish(&mut bytes)?;
    Ok((client, bytes))
}

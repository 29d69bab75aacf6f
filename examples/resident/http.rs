//! One request to a model's endpoint, on a thread of its own: by TLS, unless the address says
//! otherwise.

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use sentinel_core::agent::{CallNumber, ExchangeNumber, ToolOutput};
use sentinel_core::llm::Outgoing;
use sentinel_core::runtime::ModelConnection;
use sentinel_core::wire::url::{Reach, Scheme, Url};

/// What the host's threads have to say.
pub(crate) enum Heard {
    Typed(Vec<u8>),
    EndOfInput,
    /// What a model's server sent; nothing when it sends no more.
    Model(ExchangeNumber, Vec<u8>),
    Tool(CallNumber, ToolOutput),
}

/// Sends a request; what comes back is told to the host, and read by what this returns.
pub(crate) fn ask(
    endpoint: Option<&str>,
    exchange: ExchangeNumber,
    request: &Outgoing,
    tell: Sender<Heard>,
) -> Result<ModelConnection, Box<dyn Error>> {
    let base = Url::parse(endpoint.ok_or("there is no endpoint")?)?;
    // A key comes from the environment and goes nowhere but here.
    let key = std::env::var("MODEL_KEY").ok();
    if key.is_some()
        && base.scheme() == Scheme::Http
        && base.host().reach() != Some(Reach::Loopback)
    {
        return Err(
            "a key is sent by TLS, or to this machine: name the endpoint by https://".into()
        );
    }
    let (connection, bytes) = ModelConnection::open(exchange, &base, request, key.as_deref())?;
    thread::spawn(move || {
        let piece = |bytes: &[u8]| tell.send(Heard::Model(exchange, bytes.into()));
        if let Err(error) = converse(&base, &bytes, |bytes| piece(bytes).is_ok()) {
            eprintln!("! {base}: {error}");
        }
        piece(&[])
    });
    Ok(connection)
}

/// Sends these bytes and tells those that come back, as long as somebody listens.
fn converse(
    base: &Url,
    bytes: &[u8],
    mut tell: impl FnMut(&[u8]) -> bool,
) -> Result<(), Box<dyn Error>> {
    let mut stream = send(base, bytes)?;
    let mut buffer = [0; 16 * 1024];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count if tell(&buffer[..count]) => {}
            _ => return Ok(()),
        }
    }
}

/// What the answer can be read from.
fn send(base: &Url, bytes: &[u8]) -> Result<Box<dyn io::Read>, Box<dyn Error>> {
    let host = base.host().to_string();
    let mut stream = TcpStream::connect(format!("{host}:{}", base.port()))?;
    stream.set_read_timeout(Some(Duration::from_secs(120)))?;
    if base.scheme() == Scheme::Http {
        stream.write_all(bytes)?;
        return Ok(Box::new(stream));
    }
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let mut stream =
        StreamOwned::new(ClientConnection::new(config.into(), host.try_into()?)?, stream);
    stream.write_all(bytes)?;
    Ok(Box::new(stream))
}

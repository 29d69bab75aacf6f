//! One request to a model's endpoint over plain HTTP, on a thread of its own.

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use sentinel_core::agent::{CallNumber, ExchangeNumber, ToolOutput};
use sentinel_core::llm::Outgoing;
use sentinel_core::runtime::ModelConnection;
use sentinel_core::wire::url::{Scheme, Url};

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
    if base.scheme() != Scheme::Http {
        return Err("this host speaks no TLS, and sends no key without it: name a server of this \
                    machine, or put a TLS library around the stream"
            .into());
    }
    // A key comes from the environment and goes nowhere but here.
    let key = std::env::var("MODEL_KEY").ok();
    let (connection, bytes) = ModelConnection::open(exchange, &base, request, key.as_deref())?;
    thread::spawn(move || {
        let piece = |bytes: &[u8]| tell.send(Heard::Model(exchange, bytes.into()));
        let host = format!("{}:{}", base.host(), base.port());
        if let Err(error) = converse(&host, &bytes, |bytes| piece(bytes).is_ok()) {
            eprintln!("! {base}: {error}");
        }
        piece(&[])
    });
    Ok(connection)
}

/// Sends these bytes and tells those that come back, as long as somebody listens.
fn converse(host: &str, bytes: &[u8], mut tell: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(120)))?;
    stream.write_all(bytes)?;
    let mut buffer = [0; 16 * 1024];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count if tell(&buffer[..count]) => {}
            _ => return Ok(()),
        }
    }
}

//! Hosts on this machine's loopback that speak TLS, each with its own flaw, and an authority that
//! vouches for the ones that have none. Tests and the checks of the appliance share them.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What every host here is called, if it does not lie.
pub(crate) const NAME: &str = "models.test";

/// In place of a piece of an answer: nothing is said for a moment.
pub(crate) const PAUSE: &[u8] = b"\0pause";
const PAUSED: std::time::Duration = std::time::Duration::from_millis(400);

/// How a host is wrong, if at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// As good as the one before, with another curve and another hash, also of its authority.
    LargerCurve,
    Expired,
    NotYet,
    OtherName,
    UnknownAuthority,
    SelfSigned,
    /// Signed by somebody's ordinary certificate, which the authority signed.
    OrdinaryAuthority,
    /// The authority's own certificate.
    IsAuthority,
    MissingIntermediate,
    /// Goes in the middle of its handshake.
    Truncated,
    /// Closes in the middle of its answer, and does not say that it does.
    CutAnswer,
}

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// Who vouches.
pub(crate) struct Authority {
    root: Issuer,
    larger: Issuer,
    between: Issuer,
    stranger: Issuer,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = || KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let large = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        let root = Issuer::self_signed(authority("root"), key()).unwrap();
        let between = Issuer::signed_by(authority("between"), key(), &root).unwrap();
        Self {
            larger: Issuer::self_signed(authority("larger"), large).unwrap(),
            stranger: Issuer::self_signed(authority("stranger"), key()).unwrap(),
            between,
            root,
        }
    }

    /// The certificates to believe, as a PEM file.
    pub(crate) fn pem(&self) -> String {
        [self.root.pem(), self.larger.pem()].concat()
    }

    /// A host's certificates and its key.
    pub(crate) fn chain(&self, flaw: Flaw) -> (Vec<CertificateDer<'static>>, KeyPair) {
        // By the second name it is reached from this machine itself.
        let names =
            if flaw == Flaw::OtherName { vec!["other.test"] } else { vec![NAME, "localhost"] };
        let names: Vec<String> = names.into_iter().map(String::from).collect();
        let mut params = CertificateParams::new(names).unwrap();
        match flaw {
            Flaw::Expired => params.not_after = date_time_ymd(2020, 2, 2),
            Flaw::NotYet => params.not_before = date_time_ymd(2999, 1, 1),
            Flaw::IsAuthority => {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            }
            _ => {}
        }
        let kind = match flaw {
            Flaw::LargerCurve => &PKCS_ECDSA_P384_SHA384,
            _ => &PKCS_ECDSA_P256_SHA256,
        };
        let key = KeyPair::generate_for(kind).unwrap();
        let signed = |issuer: &Issuer| params.signed_by(&key, issuer).unwrap().der().clone();
        let chain = match flaw {
            Flaw::SelfSigned | Flaw::IsAuthority => {
                vec![params.self_signed(&key).unwrap().der().clone()]
            }
            Flaw::LargerCurve => vec![signed(&self.larger)],
            Flaw::UnknownAuthority => vec![signed(&self.stranger), self.stranger.der().clone()],
            Flaw::MissingIntermediate => vec![signed(&self.between)],
            Flaw::OrdinaryAuthority => {
                let own = CertificateParams::new(vec!["evil.test".to_string()]).unwrap();
                let own_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
                let ordinary = Issuer::signed_by(own, own_key, &self.root).unwrap();
                vec![signed(&ordinary), ordinary.der().clone()]
            }
            _ => vec![signed(&self.between), self.between.der().clone()],
        };
        (chain, key)
    }

    /// Begins a host, which answers every request with what this makes of it. Gives its port; it
    /// ends with this process.
    pub(crate) fn host(
        &self,
        flaw: Flaw,
        answer: impl Fn(&str) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ) -> u16 {
        let (chain, key) = self.chain(flaw);
        host(chain, &key, flaw, answer)
    }
}

/// Begins a host with these certificates.
pub(crate) fn host(
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
    flaw: Flaw,
    answer: impl Fn(&str) -> Vec<Vec<u8>> + Send + Sync + 'static,
) -> u16 {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let (config, answer) = (Arc::new(config), Arc::new(answer));
    listen(move |socket| {
        let connection = ServerConnection::new(config.clone()).unwrap();
        // Whoever is not believed goes away in the middle, which is nothing to say here.
        let _ = match flaw {
            Flaw::Truncated => truncate(connection, socket),
            flaw => talk(connection, socket, flaw, &*answer),
        };
    })
}

/// Takes connections on the loopback; gives the port.
pub(crate) fn listen(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(socket));
        }
    });
    port
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn talk(
    connection: ServerConnection,
    socket: TcpStream,
    flaw: Flaw,
    answer: &(impl Fn(&str) -> Vec<Vec<u8>> + ?Sized),
) -> std::io::Result<()> {
    let mut stream = StreamOwned::new(connection, socket);
    loop {
        let request = request(&mut stream)?;
        if request.is_empty() {
            break;
        }
        let pieces = answer(&request);
        for piece in &pieces {
            match piece.strip_prefix(PAUSE) {
                Some(_) => thread::sleep(PAUSED),
                None => stream.write_all(piece)?,
            }
            stream.flush()?;
        }
        let head = pieces.first().map(|head| String::from_utf8_lossy(head).to_ascii_lowercase());
        let head = head.unwrap_or_default();
        let has_end = head.contains("content-length:") || head.contains("chunked");
        // What has no end of its own ends with the connection.
        if flaw == Flaw::CutAnswer || !has_end || head.contains("connection: close") {
            break;
        }
    }
    if flaw != Flaw::CutAnswer {
        stream.conn.send_close_notify();
        stream.flush()?;
    }
    stream.sock.shutdown(Shutdown::Write)
}

/// The head of a request with as much behind it as it says.
fn request(stream: &mut impl std::io::Read) -> std::io::Result<String> {
    let (mut bytes, mut room) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1).unwrap_or("0");
            let length: usize = length.lines().next().unwrap_or("0").parse().unwrap_or(0);
            if body.len() >= length {
                return Ok(text);
            }
        }
        match stream.read(&mut room)? {
            0 => return Ok(text),
            count => bytes.extend_from_slice(&room[..count]),
        }
    }
}

/// Sends a part of what it has to say first, and goes.
fn truncate(mut connection: ServerConnection, mut socket: TcpStream) -> std::io::Result<()> {
    connection.read_tls(&mut socket)?;
    connection.process_new_packets().map_err(std::io::Error::other)?;
    let mut flight = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut flight)?;
    }
    socket.write_all(&flight[..flight.len() / 2])?;
    socket.shutdown(Shutdown::Write)?;
    // Until the other side went as well: a reset would overtake what was sent.
    socket.read_to_end(&mut Vec::new()).map(drop)
}

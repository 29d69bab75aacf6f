//! TLS: whom we believe, and what to tell a person when somebody cannot be believed.
//!
//! # Not here
//! Switching any of it off. Who runs a server with a certificate of their own names the authority
//! that signed it.

mod chacha;
mod curve;
mod generator;
mod provider;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, Error, RootCertStore,
    ServerConfig,
};
use sentinel_core::time::Timestamp;

use super::failure::{Broken, FailureKind};

/// What all connections share: roots, and sessions to resume.
pub(super) fn config(extra_roots: Option<&[u8]>) -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(file) = extra_roots {
        let count = add_roots(&mut roots, file).map_err(invalid)?;
        if count == 0 {
            return Err(invalid("no `-----BEGIN CERTIFICATE-----` in it"));
        }
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider::provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(invalid)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::in_memory_sessions(SESSIONS_COUNT_MAX);
    Ok(Arc::new(config))
}

/// How we speak to programs of which TLS is looked into, with a key and a certificate for it.
pub(crate) fn as_server(certified: CertifiedKey) -> io::Result<Arc<ServerConfig>> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider::provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Each connection shakes hands for itself: nothing is kept, and nothing comes early.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// Why a server was not believed, for people.
pub(crate) fn told(error: &Error, host: &str) -> String {
    explain(error, host).text
}

/// The beginning of a secure connection to a host.
pub(super) fn connection(
    config: &Arc<ClientConfig>,
    host: &str,
) -> Result<ClientConnection, Broken> {
    let name = ServerName::try_from(host.to_string())
        .map_err(|error| Broken::new(FailureKind::Tls, format!("`{host}`: {error}")))?;
    ClientConnection::new(Arc::clone(config), name).map_err(|error| explain(&error, host))
}

/// Why a handshake failed.
pub(super) fn explain_io(error: &io::Error, host: &str) -> Broken {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(error) => explain(error, host),
        None if error.kind() == io::ErrorKind::UnexpectedEof => Broken::new(
            FailureKind::Tls,
            "the connection ended in the TLS handshake: is there a TLS server at that port?",
        ),
        None => Broken::new(FailureKind::Tls, format!("the TLS handshake failed: {error}")),
    }
}

fn explain(error: &Error, host: &str) -> Broken {
    let text = match error {
        Error::InvalidCertificate(error) => explain_certificate(error, host),
        Error::InvalidMessage(_) => {
            "what came is not TLS: is it `http://` on that port, or a proxy in between?".to_string()
        }
        Error::PeerIncompatible(_) | Error::AlertReceived(AlertDescription::ProtocolVersion) => {
            format!("the server speaks no TLS that is good enough (1.2 or 1.3): {error}")
        }
        Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            format!("the server says that it is not `{host}`: check the address")
        }
        Error::AlertReceived(alert) => format!("the server refused TLS: it sent {alert:?}"),
        _ => format!("the TLS handshake failed: {error}"),
    };
    Broken::new(FailureKind::Tls, text)
}

fn explain_certificate(error: &CertificateError, host: &str) -> String {
    match error {
        CertificateError::ExpiredContext { time, not_after } => format!(
            "the certificate of `{host}` expired on {}, and this machine's clock says {}: if the \
             clock is right, tell whoever runs the server",
            written(not_after),
            written(time)
        ),
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "the certificate of `{host}` begins on {}, and this machine's clock says {}: set the \
             clock",
            written(not_before),
            written(time)
        ),
        CertificateError::NotValidForNameContext { presented, .. } => format!(
            "the certificate is not for `{host}` but for {}: check the address, or who is in \
             between",
            listed(presented)
        ),
        CertificateError::UnknownIssuer => format!(
            "nobody this machine trusts signed the certificate of `{host}`: if it is from an \
             authority of your own, set `ca_file` to its certificate"
        ),
        CertificateError::BadSignature => format!(
            "the certificate of `{host}` is not signed by the authority that it names: if that one \
             has a new key, set `ca_file` to its certificate of today"
        ),
        CertificateError::Other(_) => format!(
            "the certificate of `{host}` is no good ({error}): if it is one you signed yourself, \
             have an authority of your own sign it and set `ca_file` to that one's"
        ),
        _ => format!("the certificate of `{host}` is no good: {error}"),
    }
}

fn written(time: &UnixTime) -> String {
    Timestamp(time.as_secs().saturating_mul(1000)).to_string()
}

/// Names of a certificate, which a stranger wrote.
fn listed(names: &[String]) -> String {
    // They come as rustls writes its own values: `DnsName("example.com")`.
    let bare = |name: &str| name.split('"').nth(1).unwrap_or(name).escape_debug().to_string();
    let shown = |name: &String| format!("`{}`", bare(name));
    match names {
        [] => "nobody".to_string(),
        _ if names.len() > NAMES_COUNT_SHOWN => {
            let first: Vec<_> = names.iter().take(NAMES_COUNT_SHOWN).map(shown).collect();
            format!("{} and {} more", first.join(", "), names.len() - NAMES_COUNT_SHOWN)
        }
        _ => names.iter().map(shown).collect::<Vec<_>>().join(", "),
    }
}

fn add_roots(roots: &mut RootCertStore, file: &[u8]) -> Result<usize, String> {
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(file) {
        let certificate = certificate.map_err(|error| format!("it is no PEM file: {error}"))?;
        count += 1;
        roots
            .add(certificate)
            .map_err(|error| format!("certificate {count} in it is no good: {error}"))?;
    }
    Ok(count)
}

fn invalid(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("ca_file: {error}"))
}

/// More servers than an agent talks to.
const SESSIONS_COUNT_MAX: usize = 32;
const NAMES_COUNT_SHOWN: usize = 4;

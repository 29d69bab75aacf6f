//! A private authority, and servers with certificates it signed.

use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use sentinel_core::text::base64;

/// Signs what a test wants.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// How a certificate is to be wrong, if at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    Expired,
    NotYet,
    OtherName,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    /// Its own certificate as a PEM file.
    pub(crate) fn pem(&self) -> Vec<u8> {
        let text = base64::encode(self.issuer.der());
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let begin = "-----BEGIN CERTIFICATE-----";
        let end = "-----END CERTIFICATE-----";
        format!("# ours\n{begin}\n{}\n{end}\n", lines.join("\n")).into_bytes()
    }

    /// What a server needs to be `localhost` and 127.0.0.1.
    pub(crate) fn server(&self, flaw: Flaw) -> Arc<ServerConfig> {
        let names = match flaw {
            Flaw::OtherName => vec!["other.example".to_string()],
            _ => vec!["localhost".to_string(), "127.0.0.1".to_string()],
        };
        let mut params = CertificateParams::new(names).unwrap();
        match flaw {
            Flaw::Expired => params.not_after = date_time_ymd(2001, 9, 9),
            Flaw::NotYet => params.not_before = date_time_ymd(2999, 1, 1),
            _ => {}
        }
        let key = KeyPair::generate().unwrap();
        server_config(self.certificate(&params, &key), &key)
    }

    /// A certificate for a key.
    pub(crate) fn certificate(
        &self,
        params: &CertificateParams,
        key: &KeyPair,
    ) -> CertificateDer<'static> {
        params.signed_by(key, &self.issuer).unwrap().der().clone()
    }

    /// A server that signed its certificate itself.
    pub(crate) fn self_signed() -> Arc<ServerConfig> {
        let params = CertificateParams::new(vec!["localhost".to_string()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        server_config(certificate.der().clone(), &key)
    }
}

/// The server's end of a secure connection, in a thread that may block.
pub(crate) fn secured(
    config: &Arc<ServerConfig>,
    stream: TcpStream,
) -> StreamOwned<ServerConnection, TcpStream> {
    StreamOwned::new(ServerConnection::new(Arc::clone(config)).unwrap(), stream)
}

fn server_config(certificate: CertificateDer<'static>, key: &KeyPair) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

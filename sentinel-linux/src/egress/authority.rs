//! The authority that a sandbox believes, so that TLS can be looked into.
//!
//! Each call that is looked into has one of its own, made when it begins and gone when it ends. It
//! may speak for the hosts that are looked into and for no others, only its sandbox believes it,
//! and its key never leaves the memory of this process.
//!
//! # Invariants
//! - A host has a certificate only if something of it is granted, for no longer than the authority
//!   lasts.
//! - HTTP/1.1 is all that is offered: no other protocol is read here.
//!
//! # Not here
//! The other side: servers are verified as everywhere else.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{ServerConfig, ServerConnection, SignatureAlgorithm, SignatureScheme};
use sentinel_core::capability::HostPattern;
use sentinel_core::order::Map;
use sentinel_core::text::base64;
use sentinel_core::time::Timestamp;
use sentinel_core::wire::url::Host;
use sha2::{Digest as _, Sha256};

use super::certificates::{self, Frame, KeyId};
use crate::network;

/// An authority for one call.
pub(crate) struct Authority {
    key: EcdsaKeyPair,
    id: KeyId,
    random: SystemRandom,
    /// The key of all its hosts: whoever has one has the process that has them all.
    host_key: HostKey,
    certificate: CertificateDer<'static>,
    begin: Timestamp,
    end: Timestamp,
    hosts: Map<String, Arc<ServerConfig>>,
}

impl Authority {
    /// One for these hosts, from now on and for so long.
    pub(crate) fn new(hosts: &[HostPattern], now: Timestamp, time: Duration) -> io::Result<Self> {
        let random = SystemRandom::new();
        let (key, host_key) = (fresh_key(&random)?, fresh_key(&random)?);
        let time = u64::try_from(time.min(TIME_MAX).as_millis()).unwrap_or(u64::MAX);
        let begin = Timestamp(now.0.saturating_sub(EARLIER_MILLISECONDS));
        let end = Timestamp(now.0.saturating_add(time).saturating_add(LATER_MILLISECONDS));
        let point = key.public_key().as_ref();
        let id = key_id(point);
        let frame = Frame { serial: serial(&random)?, begin, end, key: point, authority: id };
        let part = certificates::of_authority(&frame, hosts);
        let certificate = signed(&key, &random, &part)?;
        let host_key = HostKey(Arc::new(host_key));
        let hosts = Map::new();
        Ok(Self { key, id, random, host_key, certificate, begin, end, hosts })
    }

    /// Its certificate, as programs read it from a file.
    pub(crate) fn pem(&self) -> Vec<u8> {
        let text = base64::encode(&self.certificate);
        let mut pem = b"-----BEGIN CERTIFICATE-----\n".to_vec();
        for line in text.as_bytes().chunks(64) {
            pem.extend_from_slice(line);
            pem.push(b'\n');
        }
        pem.extend_from_slice(b"-----END CERTIFICATE-----\n");
        pem
    }

    /// The beginning of TLS with a program, as this host.
    pub(super) fn speak_for(&mut self, host: &Host<'_>) -> io::Result<ServerConnection> {
        let name = host.to_string();
        let known = self.hosts.get(&name).cloned();
        let config = match known {
            Some(config) => config,
            None => {
                let key = self.host_key.0.public_key().as_ref();
                let (begin, end) = (self.begin, self.end);
                let (serial, authority) = (serial(&self.random)?, self.id);
                let frame = Frame { serial, begin, end, key, authority };
                let part = certificates::of_host(&frame, host);
                let certificate = signed(&self.key, &self.random, &part)?;
                let chain = vec![certificate, self.certificate.clone()];
                let config =
                    network::as_server(CertifiedKey::new(chain, Arc::new(self.host_key.clone())))?;
                if self.hosts.len() >= HOSTS_COUNT_MAX {
                    self.hosts = Map::new();
                }
                self.hosts.insert(name, Arc::clone(&config));
                config
            }
        };
        ServerConnection::new(config).map_err(io::Error::other)
    }
}

/// Nothing of its keys.
impl fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Authority").field("end", &self.end).finish_non_exhaustive()
    }
}

/// The key of hosts; each handshake has a share in it.
#[derive(Clone)]
struct HostKey(Arc<EcdsaKeyPair>);

impl fmt::Debug for HostKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HostKey")
    }
}

impl SigningKey for HostKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&SCHEME).then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for HostKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let signature = self.0.sign(&SystemRandom::new(), message);
        let signature = signature.map_err(|_| rustls::Error::General("no signature".into()))?;
        Ok(signature.as_ref().to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        SCHEME
    }
}

fn fresh_key(random: &SystemRandom) -> io::Result<EcdsaKeyPair> {
    let failed = |_| io::Error::other("no key could be made");
    let kind = &ECDSA_P256_SHA256_ASN1_SIGNING;
    let document = EcdsaKeyPair::generate_pkcs8(kind, random).map_err(failed)?;
    let failed = |_| io::Error::other("the key that was made is none");
    EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), random).map_err(failed)
}

fn signed(
    key: &EcdsaKeyPair,
    random: &SystemRandom,
    part: &[u8],
) -> io::Result<CertificateDer<'static>> {
    let signature = key.sign(random, part).map_err(|_| io::Error::other("no signature"))?;
    Ok(certificates::signed(part, signature.as_ref()).into())
}

fn key_id(point: &[u8]) -> KeyId {
    let hash: [u8; 32] = Sha256::digest(point).into();
    let mut id = KeyId::default();
    id.iter_mut().zip(hash).for_each(|(place, byte)| *place = byte);
    id
}

/// A number that nobody guesses; it is never negative, nor zero.
fn serial(random: &SystemRandom) -> io::Result<[u8; 16]> {
    let mut serial = [0; 16];
    random.fill(&mut serial).map_err(|_| io::Error::other("no random bytes"))?;
    serial[0] = (serial[0] & 0x7f) | 0x40;
    Ok(serial)
}

const SCHEME: SignatureScheme = SignatureScheme::ECDSA_NISTP256_SHA256;
/// More than one call reaches; beyond that certificates are made once more.
const HOSTS_COUNT_MAX: usize = 64;
/// A program that runs longer is started anew, or left alone by inspection.
const TIME_MAX: Duration = Duration::from_secs(30 * 24 * 3600);
/// A clock that is set back a little while a program runs.
const EARLIER_MILLISECONDS: u64 = 5 * 60 * 1000;
const LATER_MILLISECONDS: u64 = 10 * 60 * 1000;

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, RootCertStore};

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_000_000_000);

    fn pattern(text: &str) -> HostPattern {
        HostPattern::parse(text).unwrap()
    }

    /// What a client that believes an authority and nobody else hears of it as a host, by a library
    /// that does not know how the certificates are written.
    fn hear(authority: &mut Authority, host: &str, asked: &str) -> Result<String, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.time_provider = Arc::new(Then);
        let name = ServerName::try_from(asked.to_string()).unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut server = authority.speak_for(&Host::parse(host).unwrap()).unwrap();
        server.writer().write_all(b"it is me").unwrap();
        for _ in 0..4 {
            let mut bytes = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut bytes).unwrap();
            }
            let mut bytes = &*bytes;
            while !bytes.is_empty() {
                server.read_tls(&mut bytes).unwrap();
                server.process_new_packets()?;
            }
            let mut bytes = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut bytes).unwrap();
            }
            let mut bytes = &*bytes;
            while !bytes.is_empty() {
                client.read_tls(&mut bytes).unwrap();
                client.process_new_packets()?;
            }
        }
        assert_eq!(client.alpn_protocol(), Some(&b"http/1.1"[..]));
        let mut heard = [0; 8];
        client.reader().read_exact(&mut heard).unwrap();
        Ok(String::from_utf8_lossy(&heard).into_owned())
    }

    /// The time at which it is asked.
    #[derive(Debug)]
    struct Then;

    impl rustls::time_provider::TimeProvider for Then {
        fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
            let since = Duration::from_millis(NOW.0);
            Some(rustls::pki_types::UnixTime::since_unix_epoch(since))
        }
    }

    #[test]
    fn it_speaks_for_its_hosts_and_for_no_others() {
        let hosts = ["api.example.com", "*.wild.example", "10.1.2.3", "[2001:db8::1]"].map(pattern);
        let mut authority = Authority::new(&hosts, NOW, Duration::from_secs(60)).unwrap();
        for (host, asked) in [
            ("api.example.com", "api.example.com"),
            ("a.wild.example", "a.wild.example"),
            ("10.1.2.3", "10.1.2.3"),
            ("[2001:db8::1]", "2001:db8::1"),
        ] {
            assert_eq!(hear(&mut authority, host, asked).as_deref(), Ok("it is me"), "{host}");
        }
        for (host, asked) in [
            // Whoever had its key could still not be somebody else.
            ("evil.example", "evil.example"),
            ("10.1.2.4", "10.1.2.4"),
            ("api.example.com", "other.example"),
        ] {
            let refused = hear(&mut authority, host, asked);
            assert!(matches!(refused, Err(rustls::Error::InvalidCertificate(_))), "{refused:?}");
        }
        // A list of one kind says something of the other kind, too.
        for (bound, host) in [("api.example.com", "10.9.9.9"), ("10.1.2.3", "evil.example")] {
            let mut authority =
                Authority::new(&[pattern(bound)], NOW, Duration::from_secs(60)).unwrap();
            assert_eq!(hear(&mut authority, bound, bound).as_deref(), Ok("it is me"), "{bound}");
            let refused = hear(&mut authority, host, host);
            assert!(matches!(refused, Err(rustls::Error::InvalidCertificate(_))), "{refused:?}");
        }
        let mut any = Authority::new(&[HostPattern::Any], NOW, Duration::from_secs(60)).unwrap();
        assert!(hear(&mut any, "any.example", "any.example").is_ok());
    }

    #[test]
    fn it_ends_and_another_one_is_not_believed() {
        let hosts = [pattern("api.example.com")];
        let later = |time: u64| Timestamp(NOW.0 - time);
        let hour = Duration::from_secs(3600);
        let mut old = Authority::new(&hosts, later(2 * 3_600_000), hour).unwrap();
        let refused = hear(&mut old, "api.example.com", "api.example.com");
        assert!(matches!(refused, Err(rustls::Error::InvalidCertificate(_))), "{refused:?}");
        let mut first = Authority::new(&hosts, NOW, hour).unwrap();
        let second = Authority::new(&hosts, NOW, hour).unwrap();
        first.certificate = second.certificate.clone();
        let refused = hear(&mut first, "api.example.com", "api.example.com");
        assert!(matches!(refused, Err(rustls::Error::InvalidCertificate(_))), "{refused:?}");
        let pem = String::from_utf8(second.pem()).unwrap();
        assert!(pem.starts_with("-----BEGIN CERTIFICATE-----\n") && !pem.contains("KEY"));
        assert!(!format!("{second:?}").contains("key"));
    }
}

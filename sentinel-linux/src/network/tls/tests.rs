//! Each suite, group and kind of key with a server of `ring`'s own.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use rcgen::{
    CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
};
use rustls::crypto::ring::{cipher_suite as suites, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ClientConnection, NamedGroup, ServerConfig, ServerConnection, SupportedCipherSuite};

use super::curve::X25519;
use super::{config, connection};
use crate::network::tests::authority::Authority;

#[test]
fn every_suite_is_understood_by_another_implementation() {
    for suite in [
        suites::TLS13_AES_256_GCM_SHA384,
        suites::TLS13_AES_128_GCM_SHA256,
        suites::TLS13_CHACHA20_POLY1305_SHA256,
        suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ] {
        let provider = CryptoProvider { cipher_suites: vec![suite], ..ring::default_provider() };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let talk = Talk::new(provider, &key);
        assert_eq!(talk.client.negotiated_cipher_suite().unwrap().suite(), suite.suite());
        talk.exchanges();
    }
}

#[test]
fn every_group_and_every_kind_of_key_is_understood_by_another_implementation() {
    for group in [kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1] {
        for kind in [&PKCS_ED25519, &PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384] {
            for suites in [ring::DEFAULT_CIPHER_SUITES, TLS12] {
                let provider = CryptoProvider {
                    cipher_suites: suites.to_vec(),
                    kx_groups: vec![group],
                    ..ring::default_provider()
                };
                let talk = Talk::new(provider, &KeyPair::generate_for(kind).unwrap());
                let agreed = talk.client.negotiated_key_exchange_group().unwrap();
                assert_eq!(agreed.name(), group.name());
                talk.exchanges();
            }
        }
    }
}

const TLS12: &[SupportedCipherSuite] = &[suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256];

/// Both ends of a connection that has been agreed on.
struct Talk {
    client: ClientConnection,
    server: ServerConnection,
}

impl Talk {
    fn new(provider: CryptoProvider, key: &KeyPair) -> Self {
        let authority = Authority::new();
        let params = CertificateParams::new(vec!["localhost".to_string()]).unwrap();
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let served = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![authority.certificate(&params, key)], private)
            .unwrap();
        let client = config(Some(&authority.pem())).unwrap();
        let mut talk = Self {
            client: connection(&client, "localhost").unwrap(),
            server: ServerConnection::new(Arc::new(served)).unwrap(),
        };
        while talk.client.is_handshaking() || talk.server.is_handshaking() {
            talk.carry();
        }
        talk
    }

    /// Carries what either has to say to the other.
    fn carry(&mut self) {
        let mut bytes = Vec::new();
        while self.client.wants_write() {
            self.client.write_tls(&mut bytes).unwrap();
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            self.server.read_tls(&mut rest).unwrap();
            self.server.process_new_packets().unwrap();
        }
        let mut bytes = Vec::new();
        while self.server.wants_write() {
            self.server.write_tls(&mut bytes).unwrap();
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            self.client.read_tls(&mut rest).unwrap();
            self.client.process_new_packets().unwrap();
        }
    }

    /// Texts of several records go both ways, twice, so that numbers of records count.
    fn exchanges(mut self) {
        for length in [1, 10_000, 16_384] {
            let text: Vec<u8> = (0..length).map(|number| (number % 251) as u8).collect();
            let mut heard = vec![0; length];
            self.client.writer().write_all(&text).unwrap();
            self.carry();
            self.server.reader().read_exact(&mut heard).unwrap();
            assert!(heard == text);
            self.server.writer().write_all(&text).unwrap();
            self.carry();
            self.client.reader().read_exact(&mut heard).unwrap();
            assert!(heard == text);
        }
    }
}

#[test]
fn a_record_that_was_changed_is_refused() {
    for suite in [
        suites::TLS13_CHACHA20_POLY1305_SHA256,
        suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ] {
        let provider = CryptoProvider { cipher_suites: vec![suite], ..ring::default_provider() };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut talk = Talk::new(provider, &key);
        talk.server.writer().write_all(b"hello").unwrap();
        let mut bytes = Vec::new();
        talk.server.write_tls(&mut bytes).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        talk.client.read_tls(&mut &bytes[..]).unwrap();
        assert_eq!(talk.client.process_new_packets().unwrap_err(), rustls::Error::DecryptError);
        let mut short = Talk::new(
            CryptoProvider { cipher_suites: vec![suite], ..ring::default_provider() },
            &key,
        );
        // A record of data with less in it than a tag.
        short.client.read_tls(&mut &[23, 3, 3, 0, 2, 1, 2][..]).unwrap();
        assert_eq!(short.client.process_new_packets().unwrap_err(), rustls::Error::DecryptError);
    }
}

#[test]
fn the_other_side_of_x25519_agrees_and_nothing_of_small_order_is_taken() {
    for _ in 0..8 {
        let (ours, theirs) = (X25519.start().unwrap(), kx_group::X25519.start().unwrap());
        let (our_half, their_half) = (ours.pub_key().to_vec(), theirs.pub_key().to_vec());
        let (one, other) = (ours.complete(&their_half), theirs.complete(&our_half));
        assert_eq!(one.unwrap().secret_bytes(), other.unwrap().secret_bytes());
    }
    let mut one = [0; 32];
    one[0] = 1;
    for half in [&[0; 32][..], &one, &[9; 31], &[9; 33], &[]] {
        assert!(X25519.start().unwrap().complete(half).is_err(), "{half:?}");
    }
    assert_eq!(X25519.name(), NamedGroup::X25519);
}

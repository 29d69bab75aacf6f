//! Each suite, group and kind of key with a server of `ring`'s own, and what is known of P-256.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use rcgen::{
    CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
};
use rustls::crypto::ring::{cipher_suite as suites, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ClientConnection, NamedGroup, ServerConfig, ServerConnection, SupportedCipherSuite};
use webpki::ring::ECDSA_P256_SHA256;

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

/// RFC 6979 §A.2.5: a key on P-256, and the signature of `sample` with SHA-256.
const SECRET: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
const PUBLIC: &str = "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6\
                      7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
const SIGNATURE: &str = "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
                         f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";

#[test]
fn a_known_signature_on_p256_is_verified() {
    let key = bytes(&format!("04{PUBLIC}"));
    // Both numbers have their highest bit set, and so a zero before them.
    let (r, s) = SIGNATURE.split_at(64);
    let signature = bytes(&format!("3046022100{r}022100{s}"));
    ECDSA_P256_SHA256.verify_signature(&key, b"sample", &signature).unwrap();
    for (message, at) in [(&b"simple"[..], None), (b"sample", Some(20)), (b"sample", Some(60))] {
        let mut changed = signature.clone();
        if let Some(at) = at {
            changed[at] ^= 1;
        }
        assert!(ECDSA_P256_SHA256.verify_signature(&key, message, &changed).is_err());
    }
}

#[test]
fn a_known_secret_on_p256_has_its_known_public_key() {
    // RFC 5208 and RFC 5915. `ring` computes the public key and refuses one that differs.
    let head = "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420";
    let whole = format!("{head}{SECRET}a14403420004{PUBLIC}");
    let key = KeyPair::try_from(bytes(&whole)).unwrap();
    assert!(key.public_key_raw().ends_with(&bytes(PUBLIC)));
    let wrong = whole.replace("4462299", "4462298");
    assert!(KeyPair::try_from(bytes(&wrong)).is_err());
}

/// What `generator.rs` defines once more carries the version of `ring` in its names.
#[test]
fn the_names_of_rings_functions_are_those_of_its_version() {
    let locked = include_str!("../../../../Cargo.lock");
    assert!(locked.contains("name = \"ring\"\nversion = \"0.17.14\"\n"));
}

fn bytes(text: &str) -> Vec<u8> {
    let digit = |index: usize| u8::from_str_radix(&text[index..index + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

//! A host and an authority with keys of RSA: certificates with PKCS #1, the handshake with PSS.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_RSA_SHA256, PKCS_RSA_SHA384, PKCS_RSA_SHA512, SignatureAlgorithm,
};
use rsa::RsaPrivateKey;
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::rand_core::{CryptoRng, Error, RngCore, impls};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::*;

#[test]
fn a_host_with_a_key_of_rsa_is_believed_with_every_hash_and_no_other_key() {
    let (ours, others) = (key(1), key(2));
    for kind in [&PKCS_RSA_SHA256, &PKCS_RSA_SHA384, &PKCS_RSA_SHA512] {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let believed = CertifiedIssuer::self_signed(authority.clone(), pair(&ours, kind)).unwrap();
        // The same name, and another key.
        let liar = CertifiedIssuer::self_signed(authority, pair(&others, kind)).unwrap();
        let mut trust = Trust::public(0);
        trust.add_pem(believed.pem().as_bytes()).unwrap();
        for (issuer, is_good) in [(&believed, true), (&liar, false)] {
            let params = CertificateParams::new(vec![NAME.to_string()]).unwrap();
            let own = pair(&others, kind);
            let certificate = params.signed_by(&own, issuer).unwrap();
            let chain = vec![certificate.der().clone()];
            let port = hosts::host(chain, &own, Flaw::None, |_| vec![b"here".to_vec()]);
            match ask(port, &trust, now()) {
                Ok(heard) => assert!(is_good && heard == b"here"),
                Err(refused) => {
                    assert!(!is_good, "{refused}");
                    assert!(refused.to_string().contains("is wrong"), "{refused}");
                }
            }
        }
    }
}

fn key(seed: u64) -> Vec<u8> {
    let key = RsaPrivateKey::new(&mut Drawn(seed), 2048).unwrap();
    key.to_pkcs8_der().unwrap().as_bytes().to_vec()
}

fn pair(key: &[u8], kind: &'static SignatureAlgorithm) -> KeyPair {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.to_vec()));
    KeyPair::from_der_and_sign_algo(&key, kind).unwrap()
}

/// The same numbers each time: xorshift64*.
struct Drawn(u64);

impl RngCore for Drawn {
    fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn fill_bytes(&mut self, room: &mut [u8]) {
        impls::fill_bytes_via_next(self, room);
    }

    fn try_fill_bytes(&mut self, room: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(room);
        Ok(())
    }
}

impl CryptoRng for Drawn {}

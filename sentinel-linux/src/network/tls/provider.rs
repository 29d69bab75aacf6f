//! What TLS is made of: the suites, groups and signatures that both sides may agree on.
//!
//! They are the ones of rustls's own list for `ring`, in its order. AES, the curves of NIST, RSA
//! and the hashes are `ring`'s. What the journal needs anyway, Curve25519, Ed25519 and
//! ChaCha20-Poly1305, is the journal's, so that the program has each of them once. QUIC, which
//! nobody speaks here, is left out.
//!
//! # Not here
//! Keys of ours in files: the ones with which TLS is looked into are made in memory and signed with
//! there, so that nothing that reads keys is linked.

use std::sync::Arc;

use rustls::crypto::ring::{cipher_suite, kx_group};
use rustls::crypto::{
    CipherSuiteCommon, CryptoProvider, GetRandomFailed, KeyProvider, SecureRandom,
    SupportedKxGroup, WebPkiSupportedAlgorithms,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use rustls::{Error, SignatureScheme, SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite};
use webpki::ring as algorithms;

use super::chacha::ChaCha;
use super::curve::{ED25519, X25519};

pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: SUITES.to_vec(),
        kx_groups: GROUPS.to_vec(),
        signature_verification_algorithms: SIGNATURES,
        secure_random: &Kernel,
        key_provider: &NoKeys,
    }
}

/// In the order in which they are offered.
static SUITES: [SupportedCipherSuite; 9] = [
    SupportedCipherSuite::Tls13(&AES_256),
    SupportedCipherSuite::Tls13(&AES_128),
    SupportedCipherSuite::Tls13(&CHACHA),
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    SupportedCipherSuite::Tls12(&CHACHA_ECDSA),
    cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    SupportedCipherSuite::Tls12(&CHACHA_RSA),
];

static AES_256: Tls13CipherSuite = without_quic(&cipher_suite::TLS13_AES_256_GCM_SHA384);
static AES_128: Tls13CipherSuite = without_quic(&cipher_suite::TLS13_AES_128_GCM_SHA256);
static CHACHA: Tls13CipherSuite = Tls13CipherSuite {
    aead_alg: &ChaCha,
    ..without_quic(&cipher_suite::TLS13_CHACHA20_POLY1305_SHA256)
};
static CHACHA_ECDSA: Tls12CipherSuite =
    with_chacha(&cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256);
static CHACHA_RSA: Tls12CipherSuite =
    with_chacha(&cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256);

#[expect(clippy::panic, reason = "the compiler calls it, and would say so")]
const fn without_quic(suite: &SupportedCipherSuite) -> Tls13CipherSuite {
    let SupportedCipherSuite::Tls13(suite) = suite else { panic!("a suite of TLS 1.3") };
    Tls13CipherSuite {
        common: CipherSuiteCommon { ..suite.common },
        hkdf_provider: suite.hkdf_provider,
        aead_alg: suite.aead_alg,
        quic: None,
    }
}

#[expect(clippy::panic, reason = "as above")]
const fn with_chacha(suite: &SupportedCipherSuite) -> Tls12CipherSuite {
    let SupportedCipherSuite::Tls12(suite) = suite else { panic!("a suite of TLS 1.2") };
    Tls12CipherSuite {
        common: CipherSuiteCommon { ..suite.common },
        prf_provider: suite.prf_provider,
        kx: suite.kx,
        sign: suite.sign,
        aead_alg: &ChaCha,
    }
}

static GROUPS: [&dyn SupportedKxGroup; 3] = [&X25519, kx_group::SECP256R1, kx_group::SECP384R1];

/// Of certificates, and of the one who holds the certificate's key.
const SIGNATURES: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        algorithms::ECDSA_P256_SHA256,
        algorithms::ECDSA_P256_SHA384,
        algorithms::ECDSA_P384_SHA256,
        algorithms::ECDSA_P384_SHA384,
        &ED25519,
        algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
        algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
        algorithms::RSA_PKCS1_2048_8192_SHA256,
        algorithms::RSA_PKCS1_2048_8192_SHA384,
        algorithms::RSA_PKCS1_2048_8192_SHA512,
        algorithms::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
        algorithms::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
        algorithms::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
    ],
    // In TLS 1.2 the scheme does not say which curve it is.
    mapping: &[
        (
            SignatureScheme::ECDSA_NISTP384_SHA384,
            &[algorithms::ECDSA_P384_SHA384, algorithms::ECDSA_P256_SHA384],
        ),
        (
            SignatureScheme::ECDSA_NISTP256_SHA256,
            &[algorithms::ECDSA_P256_SHA256, algorithms::ECDSA_P384_SHA256],
        ),
        (SignatureScheme::ED25519, &[&ED25519]),
        (SignatureScheme::RSA_PSS_SHA512, &[algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY]),
        (SignatureScheme::RSA_PSS_SHA384, &[algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY]),
        (SignatureScheme::RSA_PSS_SHA256, &[algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY]),
        (SignatureScheme::RSA_PKCS1_SHA512, &[algorithms::RSA_PKCS1_2048_8192_SHA512]),
        (SignatureScheme::RSA_PKCS1_SHA384, &[algorithms::RSA_PKCS1_2048_8192_SHA384]),
        (SignatureScheme::RSA_PKCS1_SHA256, &[algorithms::RSA_PKCS1_2048_8192_SHA256]),
    ],
};

/// Random bytes from the kernel.
#[derive(Debug)]
pub(super) struct Kernel;

impl SecureRandom for Kernel {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let drawn = rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty());
            match drawn {
                Ok(count) => filled += count,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return Err(GetRandomFailed),
            }
        }
        Ok(())
    }
}

/// Says that there are no keys of ours.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        Err(Error::General("this program has no keys of its own".into()))
    }
}

//! Signatures of certificates and of handshakes, by the crates that `embedded-tls` brings.
//!
//! # Invariants
//! - An RSA key has at least 2048 bits, and no more than the crate takes (4096).
//! - What a handshake may be signed with is what TLS 1.3 allows (RFC 8446 §4.2.3): no PKCS #1.

use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use rsa::RsaPublicKey;
use rsa::pkcs1::DecodeRsaPublicKey as _;
use rsa::traits::PublicKeyParts as _;
use rustls_pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};
use sha2_of_tls::{Digest as _, Sha256, Sha384, Sha512};

use embedded_tls::SignatureScheme;

/// A kind of key with a kind of signature.
#[derive(Debug)]
pub struct Algorithm {
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    verify: Verify,
}

/// Looks at key, message and signature.
type Verify = fn(&[u8], &[u8], &[u8]) -> Result<(), InvalidSignature>;

impl SignatureVerificationAlgorithm for Algorithm {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        (self.verify)(public_key, message, signature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

/// What certificates may be signed with.
pub static OF_CERTIFICATES: [&dyn SignatureVerificationAlgorithm; 10] = [
    &P256_SHA256,
    &P256_SHA384,
    &P384_SHA256,
    &P384_SHA384,
    &PKCS1_SHA256,
    &PKCS1_SHA384,
    &PKCS1_SHA512,
    &PSS_SHA256,
    &PSS_SHA384,
    &PSS_SHA512,
];

/// What a handshake is signed with by this name; `None` if it may not be.
#[must_use]
pub fn of_handshake(scheme: SignatureScheme) -> Option<&'static Algorithm> {
    match scheme {
        SignatureScheme::EcdsaSecp256r1Sha256 => Some(&P256_SHA256),
        SignatureScheme::EcdsaSecp384r1Sha384 => Some(&P384_SHA384),
        SignatureScheme::RsaPssRsaeSha256 => Some(&PSS_SHA256),
        SignatureScheme::RsaPssRsaeSha384 => Some(&PSS_SHA384),
        SignatureScheme::RsaPssRsaeSha512 => Some(&PSS_SHA512),
        _ => None,
    }
}

static P256_SHA256: Algorithm = Algorithm {
    key: alg_id::ECDSA_P256,
    signature: alg_id::ECDSA_SHA256,
    verify: |key, message, signature| p256_prehashed(key, &Sha256::digest(message), signature),
};
static P256_SHA384: Algorithm = Algorithm {
    key: alg_id::ECDSA_P256,
    signature: alg_id::ECDSA_SHA384,
    verify: |key, message, signature| p256_prehashed(key, &Sha384::digest(message), signature),
};
static P384_SHA256: Algorithm = Algorithm {
    key: alg_id::ECDSA_P384,
    signature: alg_id::ECDSA_SHA256,
    verify: |key, message, signature| p384_prehashed(key, &Sha256::digest(message), signature),
};
static P384_SHA384: Algorithm = Algorithm {
    key: alg_id::ECDSA_P384,
    signature: alg_id::ECDSA_SHA384,
    verify: |key, message, signature| p384_prehashed(key, &Sha384::digest(message), signature),
};

/// The two paddings of RSA with each hash.
macro_rules! rsa {
    ($($padding:ident $hash:ident: $signature:ident $name:ident;)*) => {
        $(
            static $name: Algorithm = Algorithm {
                key: alg_id::RSA_ENCRYPTION,
                signature: alg_id::$signature,
                verify: |key, message, signature| {
                    let key = rsa::$padding::VerifyingKey::<$hash>::new(rsa_key(key)?);
                    let signature = rsa::$padding::Signature::try_from(signature);
                    let signature = signature.map_err(|_| InvalidSignature)?;
                    key.verify(message, &signature).map_err(|_| InvalidSignature)
                },
            };
        )*
    };
}

rsa! {
    pkcs1v15 Sha256: RSA_PKCS1_SHA256 PKCS1_SHA256;
    pkcs1v15 Sha384: RSA_PKCS1_SHA384 PKCS1_SHA384;
    pkcs1v15 Sha512: RSA_PKCS1_SHA512 PKCS1_SHA512;
    pss Sha256: RSA_PSS_SHA256 PSS_SHA256;
    pss Sha384: RSA_PSS_SHA384 PSS_SHA384;
    pss Sha512: RSA_PSS_SHA512 PSS_SHA512;
}

fn p256_prehashed(key: &[u8], hash: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).map_err(|_| InvalidSignature)?;
    let signature = p256::ecdsa::Signature::from_der(signature).map_err(|_| InvalidSignature)?;
    key.verify_prehash(hash, &signature).map_err(|_| InvalidSignature)
}

fn p384_prehashed(key: &[u8], hash: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).map_err(|_| InvalidSignature)?;
    let signature = p384::ecdsa::Signature::from_der(signature).map_err(|_| InvalidSignature)?;
    key.verify_prehash(hash, &signature).map_err(|_| InvalidSignature)
}

fn rsa_key(bytes: &[u8]) -> Result<RsaPublicKey, InvalidSignature> {
    let key = RsaPublicKey::from_pkcs1_der(bytes).map_err(|_| InvalidSignature)?;
    if key.size() < RSA_BYTES_MIN { Err(InvalidSignature) } else { Ok(key) }
}

/// 2048 bits: shorter ones are signed by nobody any more.
const RSA_BYTES_MIN: usize = 256;

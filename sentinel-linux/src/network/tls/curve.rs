//! Curve25519 in TLS: X25519 to agree on a key, Ed25519 to verify who signed.

use curve25519_dalek::MontgomeryPoint;
use ed25519_dalek::{Signature, VerifyingKey};
use rustls::crypto::{ActiveKeyExchange, SecureRandom as _, SharedSecret, SupportedKxGroup};
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};
use rustls::{Error, NamedGroup, PeerMisbehaved};
use zeroize::Zeroizing;

use super::provider::Kernel;

/// X25519, as of RFC 7748 and RFC 8446 §7.4.2.
#[derive(Debug)]
pub(super) struct X25519;

impl SupportedKxGroup for X25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut secret = Zeroizing::new([0; 32]);
        Kernel.fill(&mut *secret)?;
        let public = MontgomeryPoint::mul_base_clamped(*secret).to_bytes();
        Ok(Box::new(Agreement { secret, public }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

/// Our half, until the other side's comes.
struct Agreement {
    secret: Zeroizing<[u8; 32]>,
    public: [u8; 32],
}

impl ActiveKeyExchange for Agreement {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer = <[u8; 32]>::try_from(peer).map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        let shared = Zeroizing::new(MontgomeryPoint(peer).mul_clamped(*self.secret));
        // A point of small order gives the same to everybody. RFC 8446 §7.4.2 has it refused, in a
        // time that says nothing about the secret.
        match shared.as_bytes().iter().fold(0, |all, byte| all | byte) {
            0 => Err(PeerMisbehaved::InvalidKeyShare.into()),
            _ => Ok(SharedSecret::from(shared.as_bytes().as_slice())),
        }
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

/// Ed25519, as of RFC 8032, without keys and signatures of small order.
#[derive(Debug)]
pub(super) struct Ed25519;

/// The one of it.
pub(super) static ED25519: Ed25519 = Ed25519;

impl SignatureVerificationAlgorithm for Ed25519 {
    fn verify_signature(
        &self,
        key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let key = VerifyingKey::try_from(key).map_err(|_| InvalidSignature)?;
        let signature = Signature::from_slice(signature).map_err(|_| InvalidSignature)?;
        key.verify_strict(message, &signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }
}

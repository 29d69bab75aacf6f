//! What a server has to show before a byte is sent to it.
//!
//! `embedded-tls` finishes a handshake in which a server showed nothing at all, and the verifiers
//! it brings let an ordinary certificate vouch for any host. So it is asked for records and
//! messages only; this looks at the certificates, and says afterwards whether all was shown.
//!
//! # Invariants
//! - Verified is: one chain of certificates to an authority that is trusted, valid now, for this
//!   host and for servers; and then one signature of this handshake by its first key.
//! - Whatever comes after something was refused, it stays refused.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use embedded_tls::TlsError;
use embedded_tls::blocking::{
    Aes128GcmSha256, CertificateEntryRef, CertificateRef, CertificateVerifyRef, TlsVerifier,
};
use rustls_pki_types::{CertificateDer, DnsName, ServerName, UnixTime};
use sha2_of_tls::{Digest as _, Sha256};
use webpki::{EndEntityCert, Error, KeyUsage};

use crate::algorithms;
use crate::trust::Trust;

/// Looks at one handshake.
#[derive(Debug)]
pub struct Verifier<'t> {
    trust: &'t Trust,
    host: DnsName<'t>,
    time: UnixTime,
    state: State,
}

/// How far it came.
#[derive(Debug)]
enum State {
    /// Nothing was shown yet.
    Waiting,
    /// A certificate that is good, and the handshake up to it.
    Certified(Vec<u8>, Sha256),
    /// All was shown.
    Verified,
    /// Something was refused.
    Refused(Refused),
}

/// Why a server is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It showed no certificate, or did not sign.
    Nothing,
    /// It showed a second certificate, or signed before the first.
    Order,
    /// Its certificate, or one of those that vouch for it.
    Certificate(String),
    /// It signed with what TLS 1.3 does not allow, or not with its key.
    Signature(&'static str),
}

impl<'t> Verifier<'t> {
    /// For a handshake with this host, now.
    #[must_use]
    pub const fn new(trust: &'t Trust, host: DnsName<'t>, time: UnixTime) -> Self {
        Self { trust, host, time, state: State::Waiting }
    }

    /// What came of it, when the handshake is over.
    ///
    /// # Errors
    /// Why the server is not believed.
    pub fn finish(self) -> Result<(), Refused> {
        match self.state {
            State::Verified => Ok(()),
            State::Refused(refused) => Err(refused),
            State::Waiting | State::Certified(..) => Err(Refused::Nothing),
        }
    }

    /// Why it was refused, if it was by this.
    #[must_use]
    pub fn refused(self) -> Option<Refused> {
        match self.state {
            State::Refused(refused) => Some(refused),
            _ => None,
        }
    }

    /// Takes a step, which leaves nothing but a refusal when it fails.
    fn step(
        &mut self,
        step: impl FnOnce(&Self, State) -> Result<State, Refused>,
    ) -> Result<(), TlsError> {
        let before = core::mem::replace(&mut self.state, State::Waiting);
        let after = match before {
            State::Refused(refused) => Err(refused),
            before => step(self, before),
        };
        let outcome = after.as_ref().map(drop).map_err(|_| TlsError::InvalidCertificate);
        self.state = after.unwrap_or_else(State::Refused);
        outcome
    }

    fn check(&self, chain: &[CertificateDer<'_>]) -> Result<(), Refused> {
        let (leaf, others) = chain.split_first().ok_or(Refused::Nothing)?;
        let refused = |error| Refused::Certificate(self.why(&error, chain.len()));
        let leaf = EndEntityCert::try_from(leaf).map_err(refused)?;
        leaf.verify_for_usage(
            &algorithms::OF_CERTIFICATES,
            &self.trust.anchors,
            others,
            self.time,
            KeyUsage::server_auth(),
            None,
            None,
        )
        .map_err(refused)?;
        let name = ServerName::DnsName(self.host.borrow());
        leaf.verify_is_valid_for_subject_name(&name).map_err(refused)
    }

    /// What is wrong with a chain of so many certificates, and what to do.
    fn why(&self, error: &Error, count: usize) -> String {
        let host = self.host.as_ref();
        match error {
            Error::CertExpired { not_after, .. } => format!(
                "the certificate of {host} expired {}; if that is in the future, the clock of \
                 this machine is wrong",
                since(self.time, *not_after)
            ),
            Error::CertNotValidYet { .. } => format!(
                "the certificate of {host} is not valid yet; look at the clock of this machine"
            ),
            Error::CertNotValidForName(_) => {
                format!("the certificate is not one for {host}: somebody else answered")
            }
            Error::UnknownIssuer => format!(
                "nobody who is trusted here signed the certificate of {host}: its authority is \
                 unknown, or the server left out one between them ({count} came); an authority of \
                 one's own goes into the image as a PEM file in tls/authorities"
            ),
            Error::EndEntityUsedAsCa => format!(
                "the certificate of {host} was signed with one that may not sign certificates"
            ),
            Error::CaUsedAsEndEntity => {
                format!("{host} showed the certificate of an authority as its own")
            }
            Error::InvalidSignatureForPublicKey => {
                format!("a signature in the certificates of {host} is wrong")
            }
            error => format!("the certificate of {host} is refused: {error:?}"),
        }
    }
}

impl TlsVerifier<Aes128GcmSha256> for Verifier<'_> {
    /// The host was said when this was made; that of the library is not needed.
    fn set_hostname_verification(&mut self, _: &str) -> Result<(), TlsError> {
        Ok(())
    }

    fn verify_certificate(
        &mut self,
        transcript: &Sha256,
        shown: CertificateRef<'_>,
    ) -> Result<(), TlsError> {
        self.step(|verifier, before| {
            let State::Waiting = before else { return Err(Refused::Order) };
            let chain = shown.entries.iter().map(|entry| match entry {
                CertificateEntryRef::X509(der) => Ok(CertificateDer::from(*der)),
                CertificateEntryRef::RawPublicKey(_) => Err(Refused::Nothing),
            });
            let chain = chain.collect::<Result<Vec<_>, _>>()?;
            verifier.check(&chain)?;
            let leaf = chain.first().ok_or(Refused::Nothing)?;
            Ok(State::Certified(leaf.to_vec(), transcript.clone()))
        })
    }

    fn verify_signature(&mut self, verify: CertificateVerifyRef<'_>) -> Result<(), TlsError> {
        self.step(|_, before| {
            let State::Certified(leaf, transcript) = before else { return Err(Refused::Order) };
            let algorithm = algorithms::of_handshake(verify.signature_scheme)
                .ok_or(Refused::Signature("it signed in a way that TLS 1.3 does not allow"))?;
            // RFC 8446 §4.4.3.
            let mut message = alloc::vec![b' '; 64];
            message.extend_from_slice(b"TLS 1.3, server CertificateVerify\0");
            message.extend_from_slice(&transcript.finalize());
            let leaf = CertificateDer::from(leaf);
            let wrong = Refused::Signature("its signature is not by the key of its certificate");
            let leaf = EndEntityCert::try_from(&leaf).map_err(|_| wrong.clone())?;
            let checked = leaf.verify_signature(algorithm, &message, verify.signature);
            checked.map(|()| State::Verified).map_err(|_| wrong)
        })
    }
}

/// How long ago something was.
fn since(now: UnixTime, then: UnixTime) -> String {
    match now.as_secs().saturating_sub(then.as_secs()) / 86_400 {
        0 => "today".to_string(),
        1 => "a day ago".to_string(),
        days => format!("{days} days ago"),
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => formatter.write_str("it did not show who it is"),
            Self::Order => formatter.write_str("it showed who it is twice, or in a wrong order"),
            Self::Certificate(why) => formatter.write_str(why),
            Self::Signature(why) => formatter.write_str(why),
        }
    }
}

impl core::error::Error for Refused {}

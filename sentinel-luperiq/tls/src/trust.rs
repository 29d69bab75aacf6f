//! Whose certificates are believed, and when now is.
//!
//! # Invariants
//! - Time never stands before the day on which the image was built: a clock that was never set, or
//!   was set back, brings no old certificate to life again that had expired by then.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};

/// The authorities whose certificates are believed.
#[derive(Debug)]
pub struct Trust {
    pub(crate) anchors: Vec<TrustAnchor<'static>>,
    /// Seconds since 1970 when the image was built.
    built: u64,
}

impl Trust {
    /// Mozilla's authorities, as they were when the image was built then.
    #[must_use]
    pub fn public(built: u64) -> Self {
        Self { anchors: webpki_roots::TLS_SERVER_ROOTS.to_vec(), built }
    }

    /// Believes the certificates of a PEM file as well.
    ///
    /// # Errors
    /// There is none in it, or one that is no certificate of an authority.
    pub fn add_pem(&mut self, pem: &[u8]) -> Result<usize, String> {
        let mut count = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| "it is no PEM file")?;
            let anchor = webpki::anchor_from_trusted_cert(&certificate);
            let anchor = anchor.map_err(|_| "a certificate in it cannot be read")?;
            self.anchors.push(anchor.to_owned());
            count += 1;
        }
        if count == 0 { Err("there is no certificate in it".into()) } else { Ok(count) }
    }

    /// When now is, if the clock says these milliseconds since 1970, or 0 because it does not know.
    #[must_use]
    pub fn time(&self, clock: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(self.built.max(clock / 1000)))
    }

    /// Whether the clock cannot be right.
    #[must_use]
    pub const fn is_behind(&self, clock: u64) -> bool {
        clock / 1000 < self.built
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_does_not_stand_before_the_image() {
        let trust = Trust::public(1000);
        assert_eq!(trust.time(0).as_secs(), 1000);
        assert_eq!(trust.time(999_999).as_secs(), 1000);
        assert_eq!(trust.time(1_001_500).as_secs(), 1001);
        assert!(trust.is_behind(0) && trust.is_behind(999_999) && !trust.is_behind(1_000_000));
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let mut trust = Trust::public(0);
        let before = trust.anchors.len();
        let broken = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        for text in ["", "hello", "-----BEGIN CERTIFICATE-----\n%\n", broken] {
            trust.add_pem(text.as_bytes()).unwrap_err();
        }
        assert_eq!(trust.anchors.len(), before);
        assert!(before > 100);
    }
}

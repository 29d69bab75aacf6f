//! Gathering a body, for those who want it whole.

use alloc::vec::Vec;

use super::error::{HttpError, HttpErrorKind};

/// A body in one piece, up to a bound.
///
/// The codecs hand out bodies piece by piece and keep nothing. Whoever needs all of it at once says
/// with this type how much that may be.
///
/// ```
/// use sentinel_core::wire::http::Gather;
///
/// let mut body = Gather::new(8);
/// body.push(b"12345")?;
/// assert!(body.push(b"6789").unwrap_err().is_limit());
/// body.push(b"678")?;
/// assert_eq!(body.into_bytes(), b"12345678");
/// # Ok::<(), sentinel_core::wire::http::HttpError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Gather {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl Gather {
    /// Nothing yet, and at most `bytes_max`.
    pub const fn new(bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), bytes_max }
    }

    /// Adds a piece.
    ///
    /// # Errors
    /// [`HttpErrorKind::BodyTooLong`], and nothing of the piece is added.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), HttpError> {
        if piece.len() > self.bytes_max.saturating_sub(self.bytes.len()) {
            let (offset, limit) = (self.bytes.len() as u64, self.bytes_max as u64);
            return Err(HttpError::limit_reached(HttpErrorKind::BodyTooLong, offset, limit));
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// What was gathered so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What was gathered.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

//! The bounds of one connection.

use crate::limits;

/// What a peer may send. Every bound has a default, given and explained in [`crate::limits`].
///
/// ```
/// use sentinel_core::wire::http::HttpLimits;
///
/// // A download that is written to disk piece by piece needs no bound on its size.
/// let limits = HttpLimits { body_bytes: u64::MAX, ..HttpLimits::default() };
/// assert!(limits.head_bytes < 1 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// A head with its start line and the empty line at its end.
    pub head_bytes: usize,
    /// A request line or status line with its CRLF.
    pub start_line_bytes: usize,
    /// Fields in a head, and again in the trailers.
    pub headers_count: usize,
    /// A body after its transfer coding is taken off.
    pub body_bytes: u64,
    /// The line before each chunk: size, extensions and CRLF.
    pub chunk_line_bytes: usize,
    /// All chunk extensions of a message together.
    pub chunk_extension_bytes: usize,
    /// The trailers with the empty line at their end.
    pub trailer_bytes: usize,
    /// Responses with status 1xx before the final one.
    pub informational_count: usize,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            head_bytes: limits::HTTP_HEAD_BYTES_MAX,
            start_line_bytes: limits::HTTP_START_LINE_BYTES_MAX,
            headers_count: limits::HTTP_HEADERS_COUNT_MAX,
            body_bytes: limits::HTTP_BODY_BYTES_MAX,
            chunk_line_bytes: limits::HTTP_CHUNK_LINE_BYTES_MAX,
            chunk_extension_bytes: limits::HTTP_CHUNK_EXTENSION_BYTES_MAX,
            trailer_bytes: limits::HTTP_TRAILER_BYTES_MAX,
            informational_count: limits::HTTP_INFORMATIONAL_COUNT_MAX,
        }
    }
}

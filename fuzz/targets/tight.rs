//! Bounds small enough for a fuzzer to run into.

use sentinel_core::wire::http::HttpLimits;

pub const TIGHT: HttpLimits = HttpLimits {
    head_bytes: 512,
    start_line_bytes: 128,
    headers_count: 8,
    body_bytes: 300,
    chunk_line_bytes: 32,
    chunk_extension_bytes: 64,
    trailer_bytes: 64,
    informational_count: 2,
};

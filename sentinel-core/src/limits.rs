//! Every default bound of the core, in one place, with the reason for its value.
//!
//! Each parser and codec takes its bounds from its caller; these are the values it has when the
//! caller says nothing. Hitting one is an error that names it, never a panic and never silence.
//!
//! # Invariants
//! - Nothing in the core grows with input beyond one of these bounds.
//! - Relations between bounds are checked at compile time.
//!
//! # Not here
//! Bounds that follow from a format (a port is at most 65535) stand with the format.

use core::time::Duration;

// text::json

/// How deep arrays and objects of a JSON text may be nested. Documents of people and platforms stay
/// below twenty; the bound keeps hostile ones from making every later step pay for their depth.
pub const JSON_DEPTH_MAX: usize = 128;

/// How long a JSON text may be, in bytes: room for a reply that carries an image. A document takes
/// up to eight times its text (`[0,0,0…`), and half of that again while it grows, so this bound is
/// also what keeps a hostile reply from filling a small machine.
pub const JSON_BYTES_MAX: usize = 16 << 20;

// text::sse

/// How long a line of an event stream may be, in bytes: one event of a model may carry an image.
pub const SSE_LINE_BYTES_MAX: usize = 16 << 20;

/// How long the data of one event may be, in bytes, over all its lines.
pub const SSE_EVENT_BYTES_MAX: usize = 16 << 20;

const _: () = assert!(SSE_EVENT_BYTES_MAX <= JSON_BYTES_MAX, "an event is read as one JSON text");

// text::toml

/// Bytes of a TOML document. A configuration a person keeps by hand has a few thousand; this leaves
/// room for long allow-lists and still bounds what one file can make us hold: in the worst shapes
/// measured (long dotted keys, 64-bit) a document takes 76 bytes of memory per byte of text.
pub const TOML_BYTES_MAX: usize = 1 << 20;

/// Containers inside one another in a TOML document: tables, arrays, dotted keys and headers alike.
/// People nest a handful; the bound keeps dropping and comparing a document within a small stack.
pub const TOML_DEPTH_MAX: usize = 128;

/// The deepest nesting a caller may ask for in TOML. Values are dropped and compared by recursion,
/// so a larger wish is taken as this one: depth must never be able to exhaust a thread's stack.
pub const TOML_DEPTH_CEILING: usize = 512;

const _: () = assert!(TOML_DEPTH_MAX <= TOML_DEPTH_CEILING);

// wire::http

/// A head of 64 KiB holds every cookie and token seen in practice; common servers stop at 8 to 64.
pub const HTTP_HEAD_BYTES_MAX: usize = 64 * 1024;

/// RFC 9112 §3 asks for at least 8000 bytes of request line; twice that is room for signed URLs.
pub const HTTP_START_LINE_BYTES_MAX: usize = 16 * 1024;

/// Lookups walk the list, so it is short: browsers and APIs send fewer than 40 fields.
pub const HTTP_HEADERS_COUNT_MAX: usize = 128;

/// A reply with images in it fits; what is larger should be streamed by a caller who says so.
pub const HTTP_BODY_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Sixteen digits and CRLF are 18 bytes; the rest is for extensions, which hardly anyone sends.
pub const HTTP_CHUNK_LINE_BYTES_MAX: usize = 256;

/// Extensions are read and thrown away, so a peer must not be able to send them for ever.
pub const HTTP_CHUNK_EXTENSION_BYTES_MAX: usize = 16 * 1024;

/// Trailers carry a checksum or a signature, not a second head.
pub const HTTP_TRAILER_BYTES_MAX: usize = 8 * 1024;

/// One `100 Continue` and some `103 Early Hints`; more is a peer that never comes to the point.
pub const HTTP_INFORMATIONAL_COUNT_MAX: usize = 16;

// wire::url

/// The longest URL or `Location` reference, as given and again as normalised. RFC 9110 §4.1 asks
/// for at least 8000 bytes; servers refuse much more than that, so a longer one is an accident or
/// an attempt to make us carry data out.
pub const URL_BYTES_MAX: usize = 8 * 1024;

const _: () = assert!(URL_BYTES_MAX < HTTP_START_LINE_BYTES_MAX, "a URL fits a request line");
const _: () = assert!(HTTP_START_LINE_BYTES_MAX <= HTTP_HEAD_BYTES_MAX);
const _: () = assert!(HTTP_TRAILER_BYTES_MAX <= HTTP_HEAD_BYTES_MAX);
const _: () = assert!(HTTP_CHUNK_LINE_BYTES_MAX >= 18);
const _: () = assert!(HTTP_HEAD_BYTES_MAX <= u32::MAX as usize);

// journal

/// What one record may carry: the largest input that is kept whole, an HTTP body of the size that
/// a tool may give back. A record is hashed and held in one piece.
pub const JOURNAL_PAYLOAD_BYTES_MAX: usize = 16 << 20;

/// Records after which a checkpoint is due, whatever the clock says: what a forger with today's key
/// could rewrite unseen is never more than this.
pub const JOURNAL_CHECKPOINT_RECORDS_MAX: u64 = 1024;

/// Time after which a checkpoint is due if there is anything to vouch for.
pub const JOURNAL_CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);

/// A checkpoint's note with its signatures: room for a few dozen witnesses.
pub const JOURNAL_NOTE_BYTES_MAX: usize = 16 * 1024;

/// Signatures on one note.
pub const JOURNAL_NOTE_SIGNATURES_MAX: usize = 64;

/// The name of a log: a host name and a path, as in other logs.
pub const JOURNAL_ORIGIN_BYTES_MAX: usize = 255;

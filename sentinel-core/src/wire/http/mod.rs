//! HTTP/1.1 for both ends of a connection: bytes to messages and back, without a socket.
//!
//! A [`Client`] writes requests and reads responses, a [`Server`] reads requests and writes
//! responses. Both are values: feed them what arrived, take the parts they understood; tell them
//! what to say, send the bytes they append. Body pieces borrow what was fed; nothing is gathered
//! unless somebody asks for it with [`Gather`].
//!
//! # Why our own parser
//! Most attacks on HTTP/1 live between two readers of the same bytes: one takes `Content-Length`,
//! the other `Transfer-Encoding`; one ends a line at LF, the other at CRLF. So header syntax and
//! framing are one decision and stand together here, where each refusal has a name, a place in the
//! message and a test. A parser library would leave the second half of that decision to us and
//! would be the only dependency of this crate. In the tests, `httparse` is the second opinion:
//! whatever is accepted here must be accepted there with the same reading.
//!
//! # Invariants
//! - Any split of the input gives the same parts and the same error at the same place.
//! - Time is linear in the input and memory bounded by [`HttpLimits`]: a head is held up to its
//!   bound, a body not at all.
//! - What two readers could understand differently is refused. Where RFC 9112 offers a lenient
//!   reading, it is not taken, except for one empty line before a request (§2.2) and a status line
//!   that ends after the code.
//! - No text of a caller can end a line or begin a field: names, values, methods, targets and
//!   reasons exist only checked. `Content-Length`, `Transfer-Encoding` and `Connection` are written
//!   by the codec alone.
//! - Errors are final. A connection that failed takes no further message.
//!
//! # Not here
//! Connections, timeouts, redirects, retries, content codings, caching and cookies. Expectations
//! other than `100-continue`, transfer codings other than `chunked`, obsolete line folding and
//! HTTP/0.9 are refused. HTTP/2 is another protocol.
//!
//! # A client exchange
//! ```
//! use sentinel_core::wire::http::{
//!     BodyLength, Client, Gather, HttpLimits, Method, RequestHead, ResponsePart, StatusCode,
//!     Target,
//! };
//!
//! let mut client = Client::new(HttpLimits::default());
//! let mut head = RequestHead::new(Method::POST, Target::new("/v1/echo")?);
//! head.headers.append("Host", "api.example.com")?;
//! head.headers.append("Authorization", "Bearer secret")?;
//!
//! let mut to_server = Vec::new();
//! client.send_head(&head, BodyLength::Exact(5), &mut to_server)?;
//! client.send_body(b"hello", &mut to_server)?;
//! client.finish(&mut to_server)?;
//! assert!(to_server.ends_with(b"Content-Length: 5\r\n\r\nhello"));
//!
//! // What a socket would give, in two pieces.
//! let mut body = Gather::new(1024);
//! let mut is_complete = false;
//! let from_server: [&[u8]; 2] =
//!     [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chun", b"ked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"];
//! for mut input in from_server {
//!     while let Some(part) = client.next(&mut input)? {
//!         match part {
//!             ResponsePart::Head(head) => assert_eq!(head.status, StatusCode::OK),
//!             ResponsePart::Body(piece) => body.push(piece)?,
//!             ResponsePart::End => is_complete = true,
//!             _ => {}
//!         }
//!     }
//! }
//! assert!(is_complete);
//! assert_eq!(body.as_bytes(), b"hello");
//! assert!(client.is_reusable());
//! # Ok::<(), sentinel_core::wire::http::HttpError>(())
//! ```
//!
//! # A server exchange
//! ```
//! use sentinel_core::wire::http::{
//!     BodyLength, HttpLimits, Method, RequestPart, ResponseHead, Server, StatusCode,
//! };
//!
//! let mut server = Server::new(HttpLimits::default());
//! let mut input = &b"GET /time HTTP/1.1\r\nHost: localhost\r\n\r\nGET /ne"[..];
//! let mut to_client = Vec::new();
//! while let Some(part) = server.next(&mut input)? {
//!     match part {
//!         RequestPart::Head(head) => assert_eq!(head.method, Method::GET),
//!         RequestPart::End => {
//!             let mut head = ResponseHead::new(StatusCode::OK);
//!             head.headers.append("Content-Type", "text/plain")?;
//!             server.send_head(&head, BodyLength::Exact(5), &mut to_client)?;
//!             server.send_body(b"12:00", &mut to_client)?;
//!             server.finish(&mut to_client)?;
//!         }
//!         _ => {}
//!     }
//! }
//! assert_eq!(
//!     to_client,
//!     b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n12:00"
//! );
//!
//! // The rest of the input was the beginning of a second request, which turns out to be a bad one.
//! let mut input = &b"xt HTTP/1.1\r\nHost : localhost\r\n\r\n"[..];
//! let error = server.next(&mut input).unwrap_err();
//! assert_eq!(error.to_string(), "space between a field name and its colon, at byte 24");
//! to_client.clear();
//! server.refuse(error, &mut to_client)?;
//! assert!(to_client.starts_with(b"HTTP/1.1 400 Bad Request\r\n"));
//! assert!(server.wants_close());
//! # Ok::<(), sentinel_core::wire::http::HttpError>(())
//! ```

mod body;
mod chunked;
mod client;
mod encode;
mod error;
mod framing;
mod gather;
mod head;
mod headers;
mod limits;
mod message;
mod method;
mod server;
mod status;
mod syntax;
mod target;

pub use client::{Client, ResponsePart};
pub use error::{Blame, HttpError, HttpErrorKind};
pub use gather::Gather;
pub use headers::{HeaderName, HeaderValue, Headers};
pub use limits::HttpLimits;
pub use message::{BodyLength, RequestHead, ResponseHead, Version};
pub use method::Method;
pub use server::{RequestPart, Server};
pub use status::{Reason, StatusCode};
pub use target::{Target, TargetForm};

//! Names to addresses: a stub resolver, without a socket.
//!
//! A [`Lookup`] resolves one name: it says what to [`Ask`] of which server, takes what came back or
//! did not, and ends with addresses or an error that a person can do something about. [`Config`]
//! and [`Hosts`] are read from the files of the C library, and a [`Cache`] remembers. Below stand
//! one [`Question`] and the [`Answer`] to it, for who wants the messages alone.
//!
//! # Why our own
//! `getaddrinfo` blocks, reads files when it likes, loads plug-ins, and cannot be had in a static
//! binary that confines itself. The crates that replace it bring dozens of others. A stub needs
//! little of DNS: one question, and from the answer only what follows from it.
//!
//! # Invariants
//! - Nobody who does not see the question can answer it: id, letters, address and port must be
//!   those it was asked with, and anything else changes nothing.
//! - Time, queries and memory are bounded whatever servers and files say.
//! - What a file or a server gets wrong is told where it is and never ends more than itself.
//!
//! # Not here
//! Sockets, files and chance: they are the shell's. DNSSEC, DNS over TLS or HTTPS, multicast DNS,
//! other records than addresses, and names beyond ASCII. Which order addresses are tried in: see
//! [`race`](super::race).

mod answer;
mod asking;
mod cache;
mod config;
mod error;
mod hosts;
mod lines;
mod lookup;
mod name;
mod outcome;
mod question;

pub use answer::{Answer, Found, ResponseCode};
pub use asking::{Ask, Exchange};
pub use cache::{Cache, Cached};
pub use config::{Config, Server};
pub use error::{MessageError, MessageErrorKind};
pub use hosts::Hosts;
pub use lines::{Problem, ProblemKind, Problems};
pub use lookup::Lookup;
pub use name::Name;
pub use outcome::{Failure, LookupError, LookupErrorKind, Resolved, Source, Transport, Tried};
pub use question::{Question, RecordKind};

//! The program that holds keys of services, and carries exchanges to them by TLS.
//!
//! The agent asks for an exchange with a service by its name, and gets back what the service said.
//! It never has the key, nor a handle to a network. This program has both, and does nothing with
//! them but what stands in its arguments: a service is one address, one place for its key, and one
//! host that can be reached.
//!
//! | module | |
//! |---|---|
//! | [`services`] | which services there are, and what may be asked of them |
//! | [`trust`] | whose certificates are believed, and when now is |
//! | [`verifier`] | what a server has to show before a byte is sent to it |
//! | [`stream`] | a connection on which that was shown |
//! | [`records`] | what may come in which order, beneath TLS |
//! | [`algorithms`] | signatures |
//! | [`serve`] | exchanges from their beginning to their end, several at once |
//! | [`desk`] | which lane carries which of them |
//!
//! # Invariants
//! - A [`stream::Stream`] exists only after certificate, host, time and signature were verified:
//!   there is no other way to make one, and no other way to send a key.
//! - What a server sends may end this program (`embedded-tls` can be made to), and nothing else:
//!   it is started again, and what was under way failed.
//! - No `unsafe`.
//!
//! # Not here
//! What an answer means: it goes to the agent as it came. Revocation: no list is asked for.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

extern crate alloc;

#[cfg(test)]
extern crate std;

pub mod algorithms;
pub mod desk;
mod either;
pub mod records;
pub mod serve;
pub mod services;
pub mod stream;
pub mod trust;
pub mod verifier;

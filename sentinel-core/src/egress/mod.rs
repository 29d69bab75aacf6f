//! The way out of a sandbox: what a program inside may say to whom.
//!
//! A sandboxed program has no route. It has the address of a proxy, and this is what the proxy
//! thinks: a [`Conversation`] is fed with the bytes of one connection, reads HTTP and SOCKS5, asks
//! an [`Allowance`] whether the place is granted, and says whom to connect to. In a tunnel the
//! first words must fit the place that was granted: the `ClientHello` of TLS has to name it, and a
//! request in the clear too. Whatever is decided is a [`Passage`], one for a record.
//!
//! # Invariants
//! - Without a grant nothing is connected to, and no name is resolved.
//! - No byte of a program reaches a server before its first words were read and found to fit.
//! - The pieces in which bytes arrive change no decision.
//! - A request in the clear is written anew from what was understood of it: what the program framed
//!   is never passed on as it came.
//! - What is held is bounded by [`limits`](crate::limits), and time is linear in the bytes.
//!
//! # Not here
//! Sockets and names: a shell resolves, checks every address with a [`Scope`], and connects. TLS:
//! what goes on inside nobody sees, so that a grant which speaks of methods or paths opens no
//! tunnel, unless the operator has it ended by the shell ([`Inspection`]).

mod allowance;
mod conversation;
mod hello;
mod inspection;
mod passage;
mod refusal;
mod requests;
mod scope;
mod scrub;
mod secret;
mod socks;
mod tunnel;
mod wish;

#[cfg(test)]
mod tests;

pub use allowance::{Allowance, AllowanceError, Tunnel};
pub use conversation::{Action, Conversation, Goal, Trouble, Way};
pub use hello::{Hello, HelloError, HelloReader};
pub use inspection::{
    Injection, InjectionError, Inspection, SECRET_BYTES_MIN, SECRET_FORMAT, SECRET_HEADER,
};
pub use passage::{Outcome, Passage};
pub use refusal::Refusal;
pub use scope::Scope;
pub use scrub::without_secret;
pub use secret::SharedSecret;

//! Channels: where people talk with the agent.
//!
//! One model for every platform, so that nothing that decides knows which platform it is on. A
//! connector (the shell's) turns what a platform sends into an [`Incoming`]; [`Access`] says
//! whether the sender may talk at all; a [`Delivery`] brings the answer into the chat, in pieces
//! that the [`Platform`] takes. [`Keyboard`] and [`Screen`] are the connector of a terminal, with
//! an [`Editor`] where it hands over every key; others have the shape of [`connector`].
//!
//! # Invariants
//! - People and chats are told apart by ids, never by names.
//! - An answer that is not whole never looks as if it were.
//!
//! # Not here
//! Sockets and tokens: the shells. What is done about a message: the
//! agent.

mod access;
pub mod connector;
mod delivery;
pub mod discord;
mod editor;
mod identity;
mod incoming;
mod pairing;
mod platform;
mod rules;
pub mod slack;
mod split;
pub mod telegram;
mod terminal;
mod traffic;

pub use access::{Access, Admission, Ignored, Known, Person};
pub use delivery::{Delivery, Failure, Outcome, Post, UNFINISHED, Why};
pub use editor::{Editor, Typed};
pub use identity::{Identity, IdentityError, IdentityPart, IdentityProblem};
pub use incoming::{AttachmentKind, Incoming, IncomingError, Part};
pub use pairing::{PairingError, Waiting};
pub use platform::{Platform, Unit};
pub use rules::{AccessError, AccessRules, Audience, Standing};
pub use split::{Pieces, split};
pub use terminal::{Keyboard, Line, LineTooLong, Screen, visible};

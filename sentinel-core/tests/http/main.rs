//! The HTTP codecs from outside: what is refused, any split, round trips, a second opinion,
//! hostility.

#![allow(clippy::unwrap_used, clippy::panic)]

mod drive;
mod exchanges;
mod hostile;
mod oracle;
mod real_heads;
mod refusals;
mod round_trips;
mod splits;

//! The dialects from outside: recorded streams in every split, what is cut, what is refused, whole
//! answers, errors, and requests read back.

#![cfg(feature = "llm")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod errors;
mod limits;
mod read;
mod recordings;
mod refusals;
mod requests;
mod streams;
mod whole;

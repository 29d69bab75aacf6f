//! What a skill and Sentinel say to each other.
//!
//! A skill is a program that Sentinel starts with nothing but a channel. Each line on it is one
//! message in JSON; `docs/SKILLS.md` describes them so that any language can speak them. This
//! crate reads and writes them for both sides, without allocating, and spares authors in Rust the
//! rest: a skill is its functions and the types of their parameters.
//!
//! ```
//! use sentinel_skill_abi::{Failure, Host, String, output, parameters, tools};
//!
//! parameters! {
//!     /// What is greeted.
//!     pub struct Greeting {
//!         /// Who.
//!         name: String<64>,
//!         /// How often, if more than once.
//!         times: Option<u32>,
//!     }
//! }
//!
//! output! {
//!     /// How often it was done.
//!     pub struct Greeted {
//!         times: u32,
//!     }
//! }
//!
//! fn greet(greeting: Greeting, _: &mut Host<'_>) -> Result<Greeted, Failure> {
//!     match greeting.name.as_str() {
//!         "" => Err(Failure::new("nobody is there")),
//!         _ => Ok(Greeted { times: greeting.times.unwrap_or(1) }),
//!     }
//! }
//!
//! let tools = tools! {
//!     /// Greets somebody.
//!     greet(Greeting);
//! };
//! assert_eq!(tools[0].parameters[1].name, "times");
//! assert!(tools[0].parameters[1].is_optional);
//! ```
//!
//! # Invariants
//! - The same bytes mean the same to both sides, and no bytes make either panic.
//! - Nothing is longer, deeper or more than [`limits`] says.
//!
//! # Not here
//! What a skill may do: that is granted, and decided elsewhere. Processes, pipes and walls.
#![no_std]
#![cfg_attr(not(target_family = "wasm"), forbid(unsafe_code))]
#![cfg_attr(target_family = "wasm", deny(unsafe_code))]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

#[cfg(feature = "interpreter")]
extern crate alloc;
#[cfg(any(test, all(feature = "std", not(target_family = "wasm"))))]
extern crate std;

mod author;
mod base64;
pub mod conversation;
mod fault;
pub mod host;
#[cfg(feature = "interpreter")]
pub mod interpreter;
pub mod json;
pub mod limits;
mod lines;
pub mod message;
mod output;
pub mod parameter;
#[cfg(all(feature = "std", not(target_family = "wasm")))]
pub mod program;
pub mod session;
#[cfg(target_family = "wasm")]
pub mod wasm;
mod write;

pub use fault::{Code, Fault};
pub use heapless::{String, Vec};
pub use host::{Failure, Host, Skill, Tool};
pub use lines::Lines;
pub use output::Output;
pub use parameter::{Handle, Parameter, Parameters};
pub use write::{Full, Line};

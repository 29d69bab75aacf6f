//! OpenAI's Chat Completions API, as many providers speak it.
//!
//! What they have in common is a stream of chunks; where they differ is a [`OpenAiProfile`] when
//! writing. Reading needs no profile: it takes what any of them is known to send.
//!
//! # Invariants
//! - An answer is whole only if the stream said `[DONE]` after a reason to stop, or said the reason
//!   and then ended between two events.
//! - Which call a piece of arguments belongs to is decided from the stream alone, the same way for
//!   every split of its bytes.

mod calls;
mod profile;
mod read;
mod write;

pub use profile::{ImagesTaken, OpenAiProfile, ThinkingAsked, ThinkingReturned, TokensField};
pub(super) use read::{DONE, Reader};
pub(super) use write::write;

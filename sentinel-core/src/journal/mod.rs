//! The journal: one log that is what the agent restarts from and what an auditor believes.
//!
//! Records are chained by SHA-256 and stand under a Merkle tree; checkpoints sign the tree with
//! keys that move forward. Payloads are sealed per conversation, so that forgetting one is
//! destroying a key. The format has a page of its own: `docs/AUDIT.md`.
//!
//! | who | uses |
//! |---|---|
//! | a runtime | [`Writer`]: records in, bytes to persist out |
//! | a restart | [`recover`]: where the log ends and how to go on |
//! | an auditor | [`Verifier`]: bytes in, a [`Verdict`] out; [`export`] shows |
//! | whoever doubts one record | [`Prover`]: a [`Proof`] of it, or of growth, that needs no log |
//!
//! # Invariants
//! - A record has one encoding; any change to a byte of the log is found, and where.
//! - Nobody who steals today's key can sign what stood in the log before it.
//! - The same entries, times and entropy give the same bytes.
//!
//! # Not here
//! Files and syncing are the shell's; what the records mean is the agent's.

pub mod export;
pub mod tree;

mod checkpoint;
mod damage;
mod epoch;
mod hash;
mod log_key;
mod note;
mod proof;
mod prover;
mod reader;
mod record;
mod recover;
mod seal;
mod segment;
mod signer;
mod verifier;
mod writer;

#[cfg(test)]
mod tests;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use damage::Damage;
pub use epoch::EpochSeed;
pub use hash::{Digest, Hash, digest};
pub use log_key::LogKey;
pub use note::{Note, NoteError};
pub use proof::{Proof, ProofError, Subject};
pub use prover::{ProveError, Prover};
pub use reader::{Payload, Reader};
pub use record::{Actor, JournalId, Record, RecordError, kind};
pub use recover::{RecoverError, Recovered, recover};
pub use seal::{KeyRing, KeyRingError, MasterKey, PayloadKey};
pub use signer::NoteVerifier;
pub use verifier::{Identity, Report, Trust, Verdict, Verifier};
pub use writer::{AppendError, Appended, Entry, Opening, Writer};

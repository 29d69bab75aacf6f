//! Authority: what a person granted, and whether a deed is covered by it.
//!
//! A deed is a [`Request`]: read this path, run this program with these arguments, connect to this
//! host. A person writes a [`Grant`]; a [`Table`] holds the grants of an agent and of the skills it
//! handed parts of them to, and says of a request which grant covers it, on which [`Level`]. What
//! nobody granted is not allowed.
//!
//! # Invariants
//! - Nothing here is ambient: without a grant every [`Verdict`] is [`Verdict::Uncovered`].
//! - What is derived from a grant is never wider than it, and ends with it.
//! - A path, a host or a command that two readers could take in two ways is refused, not judged.
//!
//! # Not here
//! Which requests a tool call makes: the `tool` module. What a person is asked, and what the
//! labels of the arguments say: [`label`](crate::label). Files and sockets: the shell, which holds
//! what a handle stands for.

mod command;
mod destination;
mod exact;
mod grant;
mod handle;
mod host;
mod index;
mod lent;
mod matching;
mod path;
mod request;
mod resource;
mod spec;
mod spec_error;
mod table;
mod verdict;
mod wanted;
mod words;
mod written;

pub use command::{CommandRefusal, CommandRule, CommandWarning};
pub use destination::Destination;
pub use grant::{Grant, GrantError, Holder};
pub use handle::Handle;
pub use host::{HostPattern, HostPatternError, Ports};
pub use path::{Path, PathError, PathRef};
pub use request::{FileRight, FileRights, HttpRequest, Request};
pub use resource::{HttpRule, Resource};
pub use spec_error::{SpecError, SpecProblem};
pub use table::Table;
pub use verdict::{Level, Verdict};
pub use wanted::missing;

//! What can have happened to a log.

use core::fmt;

/// How a log is damaged at a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// The record's bytes are not those that were written.
    Flipped,
    /// The record is not there, and this many in all are not.
    Missing {
        /// How many.
        count: u64,
    },
    /// An earlier record stands here once more.
    Repeated,
    /// A later record stands here, and this one after it.
    Reordered,
    /// A record stands here that was never written to this place: of another log, or made up.
    Spliced,
    /// The log ends here, although a checkpoint that was kept vouches for more.
    RolledBack,
    /// The chain is whole, but what was signed or kept says that something else was written: the
    /// records since the last checkpoint before were rewritten, or the checkpoint was.
    Forged,
    /// The chain is whole, but the record is none that this program could have written.
    Malformed,
    /// The header of a file is damaged, or belongs elsewhere: a file is missing or exchanged.
    Segment,
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flipped => formatter.write_str("its bytes were changed"),
            Self::Missing { count: 1 } => formatter.write_str("it is missing"),
            Self::Missing { count } => write!(formatter, "it and {} more are missing", count - 1),
            Self::Repeated => formatter.write_str("an earlier record stands here again"),
            Self::Reordered => formatter.write_str("it stands after a later one"),
            Self::Spliced => formatter.write_str("a record that is not of this log stands here"),
            Self::RolledBack => {
                formatter.write_str("the log ends here, but a kept checkpoint vouches for more")
            }
            Self::Forged => formatter.write_str(
                "what is signed does not fit: the records since the checkpoint before it, or the \
                 checkpoint, were rewritten",
            ),
            Self::Malformed => formatter.write_str("it is no record of this version"),
            Self::Segment => formatter
                .write_str("the file that should go on here is missing, damaged or exchanged"),
        }
    }
}

//! References: names the runtime gives out for what the model is not to hold itself.
//!
//! A model may pass `h17` on; what stands behind it is put in its place after the call was decided.
//! A reference is worth something only in the conversation that gave it out.
//!
//! # Invariants
//! - One reference, one text: `h17` is one, `h017`, `H17` and ` h17` are none.
//!
//! # Not here
//! What stands behind a reference is kept by the agent and its shell.

use core::fmt;

/// A name that the runtime gave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference(pub(super) u32);

/// What stands behind a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReferenceKind {
    /// Content that the model has not seen. It may be payload, never control: whoever wrote it
    /// would otherwise choose where a call lands.
    Content,
    /// Something of the runtime's own making: a job it started, a file of the workspace. It may be
    /// control.
    Target,
    /// A secret. It may stand where a tool takes a credential, and nowhere else.
    Secret,
}

impl Reference {
    /// Reads a reference, if the text is one and nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('h')?;
        let is_plain = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_plain { digits.parse().ok().map(Self) } else { None }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "h{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_reference_has_one_text() {
        assert_eq!(Reference::parse("h17").unwrap().to_string(), "h17");
        for other in ["h", "h0", "h017", "H17", " h17", "h17 ", "h+1", "h99999999999", "17"] {
            assert_eq!(Reference::parse(other), None, "{other:?}");
        }
    }
}

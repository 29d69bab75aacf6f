//! What a text says, as a flat list over the text.
//!
//! The nodes stand in the order of the text. A container's node knows where its last descendant
//! ends, so a reader can step over it; nothing else links nodes. Strings stay where they are in the
//! text; only one that holds an escape has a decoded copy.

use alloc::string::String;
use alloc::vec::Vec;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeKind {
    Null,
    False,
    True,
    /// A number without fraction and exponent.
    Integer,
    /// Any other number.
    Decimal,
    /// A string whose text is its value.
    Plain,
    /// A string with escapes; `link` is the index of its decoded copy.
    Escaped,
    Array,
    Object,
}

/// One value, or one key, of a document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    /// Offset of the first byte; of a string, of the first byte after the quote.
    pub(super) start: u32,
    /// Offset past the last byte; of a string, of the closing quote.
    pub(super) end: u32,
    /// Of a container, the index of the node that follows its last descendant.
    pub(super) link: u32,
}

/// All that a text says, beside the text itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes {
    pub(super) list: Vec<Node>,
    /// The decoded copies of the strings with escapes, one after the other.
    pub(super) decoded: String,
    /// Where each copy ends; it starts where the one before ends.
    pub(super) decoded_ends: Vec<u32>,
}

impl Nodes {
    /// The value of a string node. `text` is what was parsed.
    #[inline]
    pub(super) fn string<'d>(&'d self, text: &'d str, node: &Node) -> &'d str {
        if node.kind == NodeKind::Escaped {
            let copy = node.link as usize;
            let start = copy.checked_sub(1).map_or(0, |before| self.decoded_ends[before]);
            &self.decoded[start as usize..self.decoded_ends[copy] as usize]
        } else {
            &text[node.start as usize..node.end as usize]
        }
    }

    /// The index of the node after the value at `index` and all it contains.
    #[inline]
    pub(super) fn after(&self, index: usize) -> usize {
        let node = &self.list[index];
        match node.kind {
            NodeKind::Array | NodeKind::Object => node.link as usize,
            _ => index + 1,
        }
    }
}

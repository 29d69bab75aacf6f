//! The values within an argument, one by one, without a copy.
//!
//! An argument may be a list or an object; where a call lands is decided by everything in it. So
//! each string, number and boolean counts, and so does each key of a nested object.
//!
//! # Invariants
//! - Every leaf is given once, in the order of the text, or the walk says that it went too deep.
//! - The walk allocates nothing.
//!
//! # Not here
//! `null` says that nothing was given, so it is no leaf.

use crate::limits::LABEL_ARGUMENT_DEPTH_MAX;
use crate::text::json::{Elements, Kind, Members, Value};

/// One value within an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaf<'d> {
    /// A string, number or boolean, as text; or the key of a nested object.
    Text(&'d str),
    /// A value nested deeper than is looked at.
    TooDeep,
}

/// The values within an argument.
#[derive(Clone, Debug)]
pub struct Leaves<'d> {
    first: Option<Value<'d>>,
    open: [Option<Open<'d>>; LABEL_ARGUMENT_DEPTH_MAX],
    depth: usize,
}

#[derive(Clone, Debug)]
enum Open<'d> {
    Elements(Elements<'d>),
    Members(Members<'d>, Option<Value<'d>>),
}

impl<'d> Leaves<'d> {
    /// Walks an argument.
    #[must_use]
    pub fn of(argument: Value<'d>) -> Self {
        Self { first: Some(argument), open: [const { None }; LABEL_ARGUMENT_DEPTH_MAX], depth: 0 }
    }

    /// The leaf that a value is; a container is opened instead.
    fn enter(&mut self, value: Value<'d>) -> Option<Leaf<'d>> {
        let open = match value.kind() {
            Kind::Null => return None,
            Kind::String => return Some(Leaf::Text(value.as_str().unwrap_or_default())),
            Kind::Bool | Kind::Number => return Some(Leaf::Text(value.source())),
            Kind::Array => value.elements().ok().map(Open::Elements),
            Kind::Object => value.members().ok().map(|members| Open::Members(members, None)),
        };
        let Some(place) = self.open.get_mut(self.depth) else { return Some(Leaf::TooDeep) };
        *place = open;
        self.depth += 1;
        None
    }
}

impl<'d> Iterator for Leaves<'d> {
    type Item = Leaf<'d>;

    fn next(&mut self) -> Option<Leaf<'d>> {
        if let Some(first) = self.first.take()
            && let Some(leaf) = self.enter(first)
        {
            return Some(leaf);
        }
        while let Some(last) = self.depth.checked_sub(1) {
            let value = match self.open.get_mut(last).and_then(Option::as_mut) {
                Some(Open::Elements(elements)) => elements.next(),
                Some(Open::Members(members, value)) => match value.take() {
                    Some(value) => Some(value),
                    None => match members.next() {
                        Some((key, member)) => {
                            *value = Some(member);
                            return Some(Leaf::Text(key));
                        }
                        None => None,
                    },
                },
                None => None,
            };
            match value {
                Some(value) => {
                    if let Some(leaf) = self.enter(value) {
                        return Some(leaf);
                    }
                }
                None => self.depth = last,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use super::*;
    use crate::text::json;

    fn leaves(text: &str) -> Vec<alloc::string::String> {
        let document = json::parse(text.as_bytes()).unwrap();
        let leaves = Leaves::of(document.root()).map(|leaf| match leaf {
            Leaf::Text(text) => text.into(),
            Leaf::TooDeep => "too deep".into(),
        });
        leaves.collect()
    }

    #[test]
    fn every_leaf_and_every_inner_key_is_given_in_order() {
        assert_eq!(leaves(r#""a\u0062""#), ["ab"]);
        assert_eq!(leaves("-1.50"), ["-1.50"]);
        assert!(leaves("null").is_empty() && leaves("[[],{},null]").is_empty());
        assert_eq!(
            leaves(r#"[1,{"k":["v",true],"l":{"m":null}},"z"]"#),
            ["1", "k", "v", "true", "l", "m", "z"]
        );
    }

    #[test]
    fn what_is_too_deep_is_said() {
        let nested = |depth| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(leaves(&nested(LABEL_ARGUMENT_DEPTH_MAX)), ["1"]);
        assert_eq!(leaves(&nested(LABEL_ARGUMENT_DEPTH_MAX + 1)), ["too deep"]);
    }
}

//! Whose words a call may repeat.
//!
//! What the model writes is worth what it had read before, descriptions of others' tools included
//! ([`Context::tell_descriptions`]), and so are the arguments that it writes
//! for a tool. Tools repeat their arguments: "no entry for eve@evil.test". Where the operator
//! vouches for what a tool says, that would turn the model's words into the operator's.
//!
//! # Invariants
//! - A call sways its output unless every value of it is a person's, an operator's or the runtime's
//!   own already; then repeating them names nothing that was not named.
//! - What a person endorsed does not count: that ends with the next block, and trusted text stays.
//!
//! # Not here
//! What becomes of such output: it has the label of the context besides, and names nothing
//! ([`Context::add_value`]).

use super::arguments::{Leaf, Leaves};
use super::context::Context;
use super::decide::{Budget, Call, Flow};
use super::tool::Parameter;

impl Call<'_> {
    /// Whether somebody whom nobody vouches for may have chosen a value of this call, so that what
    /// it gives back may be their words. It is asked when the model proposes the call, of what the
    /// model had read until then.
    ///
    /// A reference carries its own label, whatever the context.
    #[must_use]
    pub fn is_swayed(&self, flow: &Flow, context: &Context) -> bool {
        if !context.is_untrusted() && !context.is_dictated() {
            return false;
        }
        let Ok(members) = self.arguments.members() else { return true };
        let mut budget = Budget::default();
        let mut is_swayed = |parameter: Option<&Parameter>, text: &str| {
            let own = parameter.map_or(&[][..], |parameter| &parameter.constants);
            let is_ours = text.is_empty()
                || own.iter().any(|constant| **constant == *text)
                || flow.constants.contains(text)
                || context.reference(text).is_some()
                || (budget.covers(text) && context.is_named_for_good(text));
            !is_ours
        };
        for (name, value) in members {
            let parameter = self.role.parameter(name);
            // A name that the role does not know is the model's, like the keys within a value.
            if parameter.is_none() && is_swayed(None, name) {
                return true;
            }
            let mut leaves = Leaves::of(value);
            let is_of_others = |leaf| match leaf {
                Leaf::Text(text) => is_swayed(parameter, text),
                Leaf::TooDeep => true,
            };
            if leaves.any(is_of_others) {
                return true;
            }
        }
        false
    }
}

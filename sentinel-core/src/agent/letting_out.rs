//! What the program of a call is let out to.
//!
//! A call names the places, and grants cover each of them, or the call is not made: that was
//! decided with everything else about it. Here is what follows: the words for whoever is asked, and
//! the allowance by which the proxy goes while the program runs.
//!
//! # Invariants
//! - A call that names no place is let out to nothing.
//! - An allowance holds the grants that the call was decided by and no other, for the places that
//!   it names and no other, and every rule that forbids.
//!
//! # Not here
//! What passes a connection: [`egress`](crate::egress).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Agent;
use crate::capability::{Grant, Handle, Holder, Level};
use crate::egress::{Allowance, AllowanceError, Injection, Inspection};
use crate::label::visible;
use crate::tool::{Call, Operation};

impl Agent {
    /// What a call that may run is let out to; nothing if it names no place.
    pub(crate) fn way_out(
        &self,
        call: &Call,
        handles: &[Handle],
    ) -> Result<Option<Allowance>, AllowanceError> {
        let places = call.hosts();
        if places.is_empty() {
            return Ok(None);
        }
        let used = handles.iter().filter_map(|handle| self.table.find(*handle));
        let grants = used.chain(self.forbidding()).cloned();
        let allowance = Allowance::new(grants, self.now.wall)?;
        let inspection = Inspection {
            is_on: self.settings.inspection.is_on,
            injections: self.injections(call).cloned().collect(),
        };
        Ok(Some(allowance.only(places.to_vec()).inspecting(inspection)))
    }

    /// The rules that forbid connections, and nothing that allows one: of what the agent itself
    /// fetches, the host was judged, and the addresses that it has are known later.
    pub(crate) fn forbidden(&self) -> Result<Allowance, AllowanceError> {
        Allowance::new(self.forbidding().cloned(), self.now.wall)
    }

    fn forbidding(&self) -> impl Iterator<Item = &Grant> {
        let own = self.table.iter().filter(|(_, holder, _)| *holder == Holder::AGENT);
        own.map(|(.., grant)| grant).filter(|grant| grant.level == Level::Deny)
    }

    /// The secrets that are added to what the program of a call sends.
    fn injections(&self, call: &Call) -> impl Iterator<Item = &Injection> {
        let program = match call {
            Call::Builtin(Operation::RunCommand { program, .. }) => {
                // As it is found by its name: the one that was judged and is run.
                Some(self.settings.programs.get(program).unwrap_or(program).clone())
            }
            _ => None,
        };
        let skill = match call {
            Call::Foreign(call) => {
                let skill = self.settings.skills.get(call.tool()).map(String::as_str);
                Some(skill.unwrap_or(call.tool()).to_string())
            }
            Call::Builtin(_) => None,
        };
        let injections = self.settings.inspection.injections.iter();
        injections.filter(move |injection| injection.is_for(program.as_deref(), skill.as_deref()))
    }

    /// What the program of a call could reach, and by which grants: for whoever is asked.
    pub(super) fn show_ways(&self, call: &Call, handles: &[Handle]) -> String {
        let mut text = String::new();
        for place in call.hosts() {
            let grants = handles.iter().filter_map(|handle| self.table.find(*handle));
            let grants = grants.filter(|grant| grant.resource.leads_to(place));
            let grants: Vec<_> = grants.map(|grant| visible(&grant.to_string())).collect();
            let place = visible(&place.to_string());
            text += &format!("Its program could reach {place} (by {}).\n", grants.join("; "));
        }
        let is_named = |injection: &&Injection| call.hosts().contains(injection.place());
        for injection in self.injections(call).filter(is_named) {
            let (name, place) = (visible(injection.name()), injection.place().to_string());
            text += &format!("The secret {name} is added to what it sends to {place}.\n");
        }
        text
    }
}

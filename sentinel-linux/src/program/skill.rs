//! Calls of skills: from what the core allowed to a program that is talked with.
//!
//! # Not here
//! Talking: [`skills`](crate::skills).

use std::error::Error;
use std::time::Duration;

use sentinel_core::agent::{CallNumber, ConversationNumber, ToolOutput};
use sentinel_core::capability::Handle;
use sentinel_core::runtime::Event;
use sentinel_core::skill::Named;
use sentinel_core::tool::{Call, ForeignCall};

use super::Program;
use crate::skills::{Called, shelf};

impl Program {
    /// Does a call of a skill, or begins to.
    pub(super) fn run_skill(
        &mut self,
        number: CallNumber,
        conversation: ConversationNumber,
        foreign: &ForeignCall,
        call: &Call,
        handles: &[Handle],
        time_max: Duration,
    ) -> Option<ToolOutput> {
        let failed = |content| Some(ToolOutput { content, is_error: true });
        let (skill, manifest, tool) = match self.catalogue.named(foreign.tool()) {
            Some(Named::Tool(skill, manifest, tool)) => (skill, manifest, tool),
            Some(Named::Instructions(_, instructions)) => {
                return Some(ToolOutput { content: instructions.text.clone(), is_error: false });
            }
            None => return failed(format!("there is nobody here who does {}", foreign.tool())),
        };
        let files: Result<Vec<_>, _> =
            foreign.files().iter().map(|path| self.tools.open(path)).collect();
        let place = shelf::copy_of(self.state.directory(), &skill.digest);
        let begun = files.and_then(|files| {
            let allowance = self.sentinel.way_out(call, handles);
            let called = Called {
                call: number,
                conversation,
                digest: skill.digest,
                manifest,
                tool,
                arguments: foreign.arguments(),
                files,
                allowance: allowance.map_err(|error| error.to_string())?,
                place: &place,
                time_max,
                sandboxing: self.options.configuration.config.sandbox(),
            };
            let now = self.clock.now().instant;
            self.skills.begin(now, &self.poller, self.commands.spawner(), called)
        });
        begun.err().and_then(failed)
    }

    /// What came of calls of skills.
    pub(super) fn tell_skills(&mut self) -> Result<(), Box<dyn Error>> {
        while let Some((call, output)) = self.skills.take() {
            self.tell(Event::ToolFinished { call, output })?;
        }
        Ok(())
    }
}

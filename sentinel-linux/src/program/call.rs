//! Calls of tools: from what the core allowed to whoever does it.
//!
//! # Not here
//! Doing it: [`commands`](crate::commands), [`fetch`], [`tools`](crate::tools) and, for skills,
//! [`skill`](super::skill).

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use sentinel_core::agent::{CallNumber, ConversationNumber, ToolOutput};
use sentinel_core::capability::{Handle, Resource};
use sentinel_core::runtime::Event;
use sentinel_core::tool::{Call, Operation};

use super::Program;
use crate::commands::profile::{self, Called};
use crate::fetch::{self, Wish};

impl Program {
    /// Does a call, or begins to.
    pub(super) fn run(
        &mut self,
        (number, conversation): (CallNumber, ConversationNumber),
        call: &Call,
        handles: &[Handle],
        time_max: Duration,
    ) -> Result<(), Box<dyn Error>> {
        let mut canonical = String::new();
        call.canonical(&mut canonical);
        let grants = handles.iter().filter_map(|handle| self.sentinel.grant(*handle));
        let reach = fetch::reach(grants.clone());
        let rule = grants.clone().find_map(|grant| match &grant.resource {
            Resource::Command(rule) => Some(rule.clone()),
            _ => None,
        });
        let grants: Vec<String> = grants.map(ToString::to_string).collect();
        self.terminal.note(&format!("* {canonical}\n  allowed by: {}", grants.join("; ")))?;
        if let Call::Builtin(Operation::HttpFetch { url, method, headers, body }) = call {
            let (call, body, now) = (number, body.as_deref(), self.clock.now());
            let begun = self.sentinel.forbidden().map_err(|error| error.to_string());
            let begun = begun.and_then(|rules| {
                let forbidden = (Arc::new(rules), now.wall);
                let wish = Wish { call, url, method, headers, body, time_max, reach, forbidden };
                self.fetches.begin(now.instant, &self.poller, &mut self.network, &wish)
            });
            if let Err(content) = begun {
                let output = ToolOutput { content, is_error: true };
                self.tell(Event::ToolFinished { call, output })?;
            }
            return Ok(());
        }
        if let Call::Builtin(
            operation @ Operation::RunCommand { program, arguments, directory, hosts, timeout },
        ) = call
        {
            let config = &self.options.configuration.config;
            let programs = &config.settings().programs;
            let found = programs.get(program).unwrap_or(program);
            let directory = self.tools.absolute(directory);
            let timeout = time_max.min(*timeout);
            let words = arguments.iter().map(String::as_str).chain([found.as_str()]);
            let checked = self.check_scripts(words, &directory);
            let begun = checked
                .and(rule.ok_or_else(|| {
                    format!("{}: no rule for it is there any more", operation.tool().name())
                }))
                .and_then(|rule| {
                    let called = Called {
                        name: program,
                        program: found,
                        arguments,
                        directory: &directory,
                        timeout,
                        hosts,
                        sandboxing: config.sandbox(),
                        rule: &rule,
                        workspace: &config.settings().workspace,
                        conversation,
                    };
                    let granted = self.sentinel.grants(0);
                    profile::profile(&called, granted, &mut self.commands.covered)
                })
                .and_then(|profile| {
                    let allowance = self.sentinel.way_out(call, handles);
                    let allowance = allowance.map_err(|error| error.to_string())?;
                    let now = self.clock.now().wall;
                    let way_out = Self::way_out(&self.injected, allowance, now, timeout)?;
                    self.commands.begin(&self.poller, number, profile, way_out)
                });
            if let Err(content) = begun {
                let output = ToolOutput { content, is_error: true };
                self.tell(Event::ToolFinished { call: number, output })?;
            }
            return Ok(());
        }
        if let Call::Foreign(foreign) = call {
            let done = self.run_skill(number, conversation, foreign, call, handles, time_max);
            if let Some(output) = done {
                self.tell(Event::ToolFinished { call: number, output })?;
            }
            return Ok(());
        }
        if let Call::Builtin(Operation::ChangePersona { text }) = call {
            let done = self.persona.write(text);
            let is_error = done.is_err();
            let output = ToolOutput { content: done.unwrap_or_else(|why| why), is_error };
            return self.tell(Event::ToolFinished { call: number, output });
        }
        if let Some(output) = self.tools.run(number, call) {
            self.tell(Event::ToolFinished { call: number, output })?;
        }
        Ok(())
    }
}

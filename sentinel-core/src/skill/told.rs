//! What a program is told of a call, and what it says of itself: the same on every machine.
//!
//! # Invariants
//! - A file is told as a number, counted from 1 in the order in which the manifest has its
//!   parameters, and in no other way.
//! - A program that describes itself otherwise than its manifest does is not called: models are
//!   told what the manifest says, which was approved.
//!
//! # Not here
//! Lines: `sentinel-skill-abi`. What a number stands for: [`Handed`](super::Handed).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Difference, Manifest, Tool};
use crate::order::Map;
use crate::text::json;

impl Tool {
    /// The arguments of a call as its program is told them: a number in place of each file.
    ///
    /// # Errors
    /// They are no object.
    pub fn with_handles(&self, arguments: &str) -> Result<String, String> {
        let document = json::parse(arguments.as_bytes()).map_err(|error| error.to_string())?;
        let members = |name: &str| document.root().find(name);
        let mut handle: u64 = 0;
        let mut numbers: Map<&str, Vec<u64>> = Map::new();
        // In the order of the manifest, which is that of the files.
        for parameter in self.parameters.iter().filter(|parameter| parameter.kind.is_handles()) {
            let Some(value) = members(&parameter.name).filter(|value| !value.is_null()) else {
                continue;
            };
            let count = value.elements().map_or(1, Iterator::count);
            let own = (0..count).map(|_| {
                handle += 1;
                handle
            });
            numbers.insert(&parameter.name, own.collect());
        }
        let all = document.root().members().map_err(|error| error.to_string())?;
        Ok(json::object(|out| {
            for (name, value) in all {
                match numbers.get(name) {
                    Some(own) if value.elements().is_ok() => {
                        out.array(name, |out| {
                            for number in own {
                                out.value(*number);
                            }
                        });
                    }
                    Some(own) => {
                        out.optional(name, own.first().copied());
                    }
                    None => {
                        out.field(name, value);
                    }
                }
            }
        }))
    }
}

impl Manifest {
    /// Whether a program says of its tools (their names, descriptions and parameters) what this
    /// says.
    ///
    /// # Errors
    /// What is different.
    pub fn agrees_with(&self, described: &[(String, String, &str)]) -> Result<(), String> {
        let mut documents = Vec::new();
        for (name, _, parameters) in described {
            if !self.tools.iter().any(|tool| tool.name == *name) {
                return Err(format!("it has a tool {name}, which its manifest does not name"));
            }
            let document = json::parse(parameters.as_bytes());
            documents.push(document.map_err(|error| format!("the parameters of {name}: {error}"))?);
        }
        let all: Vec<_> = described
            .iter()
            .zip(&documents)
            .map(|((name, description, _), parameters)| {
                (name.as_str(), description.as_str(), parameters.root())
            })
            .collect();
        let Some((name, difference)) = self.differences(&all).first().copied() else {
            return Ok(());
        };
        let tool = self.tools.iter().find(|tool| tool.name == name);
        let own = described.iter().find(|(other, ..)| other == name);
        Err(match (difference, tool, own) {
            (Difference::Description, Some(tool), Some((_, description, _))) => format!(
                "it describes {name} as '{description}', and its manifest as '{}'",
                tool.description
            ),
            (Difference::Parameters, Some(tool), Some((.., parameters))) => format!(
                "the parameters of {name} are another schema than that of its manifest\n      it \
                 says  {parameters}\n      expected {}",
                tool.schema()
            ),
            _ => format!("it does not have the tool {name}"),
        })
    }
}

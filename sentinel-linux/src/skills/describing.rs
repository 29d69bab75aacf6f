//! Whether a skill says of itself what its manifest says.
//!
//! A model is told what the manifest says, which was approved. A program that describes itself in
//! other words is another one, or an old one, and is not called.

use sentinel_core::skill::{Difference, Manifest};
use sentinel_core::text::json;
use sentinel_skill_abi::json::Value;
use sentinel_skill_abi::message::tools;

/// Compares a description with a manifest.
///
/// # Errors
/// What is different.
pub(crate) fn compare(list: Value<'_>, manifest: &Manifest) -> Result<(), String> {
    let texts: Vec<(String, String, &str)> = tools(list)
        .map(|it| (it.name.to_string(), it.description.to_string(), it.parameters.as_str()))
        .collect();
    let mut documents = Vec::new();
    for (name, _, parameters) in &texts {
        if !manifest.tools.iter().any(|tool| tool.name == *name) {
            return Err(format!("it has a tool {name}, which its manifest does not name"));
        }
        let document = json::parse(parameters.as_bytes());
        documents.push(document.map_err(|error| format!("the parameters of {name}: {error}"))?);
    }
    let described: Vec<_> = texts
        .iter()
        .zip(&documents)
        .map(|((name, description, _), parameters)| {
            (name.as_str(), description.as_str(), parameters.root())
        })
        .collect();
    let Some((name, difference)) = manifest.differences(&described).first().copied() else {
        return Ok(());
    };
    let tool = manifest.tools.iter().find(|tool| tool.name == name);
    let own = texts.iter().find(|(other, ..)| other == name);
    Err(match (difference, tool, own) {
        (Difference::Description, Some(tool), Some((_, description, _))) => format!(
            "it describes {name} as '{description}', and its manifest as '{}'",
            tool.description
        ),
        (Difference::Parameters, Some(tool), Some((.., parameters))) => format!(
            "the parameters of {name} are another schema than that of its manifest\n      it says  \
             {parameters}\n      expected {}",
            tool.schema()
        ),
        _ => format!("it does not have the tool {name}"),
    })
}

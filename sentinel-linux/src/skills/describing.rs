//! Whether a skill says of itself what its manifest says.
//!
//! A model is told what the manifest says, which was approved. A program that describes itself in
//! other words is another one, or an old one, and is not called.

use sentinel_core::skill::Manifest;
use sentinel_skill_abi::json::Value;
use sentinel_skill_abi::message::tools;

/// Compares a description with a manifest.
///
/// # Errors
/// What is different.
pub(crate) fn compare(list: Value<'_>, manifest: &Manifest) -> Result<(), String> {
    let described: Vec<(String, String, &str)> = tools(list)
        .map(|it| (it.name.to_string(), it.description.to_string(), it.parameters.as_str()))
        .collect();
    manifest.agrees_with(&described)
}

//! The parameters of tools, checked before they are written.

use alloc::vec::Vec;

use crate::text::json::{self, Document, Kind};

use super::message::ToolDefinition;
use super::request::RequestError;

/// The schema of each tool. They become part of our own request, so they are ours to check.
pub(super) fn documents(tools: &[ToolDefinition]) -> Result<Vec<Document<'_>>, RequestError> {
    tools
        .iter()
        .enumerate()
        .map(|(place, tool)| match json::parse(tool.parameters.as_bytes()) {
            Ok(document) if document.root().kind() == Kind::Object => Ok(document),
            _ => Err(RequestError::ToolParameters(place)),
        })
        .collect()
}

//! The JSON Schema of a tool's parameters, as its manifest types them.
//!
//! # Invariants
//! - It is the one that `sentinel-skill-abi` derives from the same types.

use alloc::format;
use alloc::string::String;

use super::manifest::{Kind, Tool};
use crate::text::json::{self, Numbers, ObjectWriter, Value};

impl Tool {
    /// The JSON Schema of its arguments.
    #[must_use]
    pub fn schema(&self) -> String {
        self.written(false)
    }

    /// The same as a model is told it: it names files, and the skill gets handles for them.
    #[must_use]
    pub fn schema_for_models(&self) -> String {
        self.written(true)
    }

    fn written(&self, names_files: bool) -> String {
        json::object(|root| {
            root.field("type", "object").object("properties", |properties| {
                for parameter in &self.parameters {
                    properties.object(&parameter.name, |out| {
                        kind(&parameter.kind, names_files, out);
                        let description = parameter.description.as_str();
                        match names_files && parameter.kind.is_handles() {
                            true => {
                                out.field("description", format!("{description} (a path)").as_str())
                            }
                            false => out.field("description", description),
                        };
                    });
                }
            });
            root.array("required", |required| {
                for parameter in self.parameters.iter().filter(|it| !it.is_optional) {
                    required.value(parameter.name.as_str());
                }
            });
            root.field("additionalProperties", false);
        })
    }

    /// Whether this is its schema, in whatever order its keys stand.
    pub(super) fn is_schema(&self, other: Value<'_>) -> bool {
        let own = self.schema();
        let own = json::parse(own.as_bytes());
        let own = own.as_ref().ok().map(|own| own.root().canonical(Numbers::Round));
        match (own, other.canonical(Numbers::Round)) {
            (Some(Ok(own)), Ok(other)) => own == other,
            _ => false,
        }
    }
}

fn kind(kind: &Kind, names_files: bool, out: &mut ObjectWriter<'_, String>) {
    match kind {
        Kind::Text { bytes_max } => {
            out.field("type", "string").field("maxLength", *bytes_max);
        }
        Kind::Integer { min, max } => {
            out.field("type", "integer").field("minimum", *min).field("maximum", *max);
        }
        Kind::Flag => {
            out.field("type", "boolean");
        }
        Kind::Choice(words) => {
            out.field("type", "string").array("enum", |list| {
                for word in words {
                    list.value(word.as_str());
                }
            });
        }
        Kind::List { of, count_max } => {
            out.field("type", "array").object("items", |out| self::kind(of, names_files, out));
            out.field("maxItems", *count_max);
        }
        Kind::Handle if names_files => {
            out.field("type", "string");
        }
        Kind::Handle => {
            out.field("type", "integer").field("format", "handle");
        }
    }
}

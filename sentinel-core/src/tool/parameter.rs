//! Parameters of the built-in tools: one description for the model, the reader and the labels.
//!
//! The schema a model is shown and the check of what it sends are made from the same constant, so
//! that they cannot disagree.
//!
//! # Invariants
//! - Every text and every list has a bound, and the schema states it.
//! - [`schema`] writes a JSON object that allows no parameter but those named.
//!
//! # Not here
//! Reading arguments: [`super::arguments`]. What a parameter means: [`super::Operation`].

use alloc::string::String;

use crate::text::json;

/// One parameter of a built-in tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) is_required: bool,
    /// Whether it says where the effect lands (recipient, path, host) and not what is carried.
    pub(crate) is_control: bool,
    pub(crate) description: &'static str,
}

/// What a parameter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A string.
    Text { bytes_min: usize, bytes_max: usize },
    /// A whole number.
    Integer { min: u64, max: u64 },
    /// `true` or `false`.
    Flag,
    /// One of these strings.
    Choice(&'static [&'static str]),
    /// A list of strings.
    Texts { count_max: usize, bytes_max: usize },
    /// An object of strings, whose keys are among these.
    Map { keys: &'static [&'static str], bytes_max: usize },
}

impl Kind {
    /// What must stand there, for the one who wrote something else.
    pub(crate) const fn expected(self) -> &'static str {
        match self {
            Self::Text { .. } | Self::Choice(_) => "a string",
            Self::Integer { .. } => "a whole number",
            Self::Flag => "true or false",
            Self::Texts { .. } => "an array of strings",
            Self::Map { .. } => "an object of strings",
        }
    }
}

/// The JSON Schema of an object with these parameters.
pub(crate) fn schema(parameters: &[Parameter]) -> String {
    json::object(|schema| {
        schema.field("type", "object");
        schema.object("properties", |properties| {
            for parameter in parameters {
                properties.object(parameter.name, |property| write_property(property, parameter));
            }
        });
        schema.array("required", |required| {
            for parameter in parameters.iter().filter(|parameter| parameter.is_required) {
                required.value(parameter.name);
            }
        });
        schema.field("additionalProperties", false);
    })
}

fn write_property(property: &mut json::ObjectWriter<'_, String>, parameter: &Parameter) {
    match parameter.kind {
        Kind::Text { bytes_min, bytes_max } => {
            property.field("type", "string");
            property.optional("minLength", (bytes_min > 0).then_some(bytes_min));
            property.field("maxLength", bytes_max);
        }
        Kind::Integer { min, max } => {
            property.field("type", "integer").field("minimum", min).field("maximum", max);
        }
        Kind::Flag => {
            property.field("type", "boolean");
        }
        Kind::Choice(choices) => {
            property.field("type", "string").array("enum", |list| {
                for choice in choices {
                    list.value(*choice);
                }
            });
        }
        Kind::Texts { count_max, bytes_max } => {
            property.field("type", "array").field("maxItems", count_max);
            property.object("items", |items| {
                items.field("type", "string").field("maxLength", bytes_max);
            });
        }
        Kind::Map { keys, bytes_max } => {
            property.field("type", "object").object("properties", |properties| {
                for key in keys {
                    properties.object(key, |value| {
                        value.field("type", "string").field("maxLength", bytes_max);
                    });
                }
            });
            property.field("additionalProperties", false);
        }
    }
    property.field("description", parameter.description);
}

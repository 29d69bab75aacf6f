//! The file as a JSON Schema, so that editors complete and check while somebody writes.
//!
//! # Invariants
//! - What the reader takes, the schema takes. The reader is stricter: grants have a language of
//!   their own, and what keys mean together no schema says.

use alloc::format;
use alloc::string::String;

use super::keys::SECTIONS;
use super::table::{Default, Form, Key, Kind, Presence, Section};
use crate::text::json::{self, ObjectWriter};

/// The JSON Schema (draft 2020-12) of the file.
#[must_use]
pub fn schema() -> String {
    json::object(|root| {
        root.field("$schema", "https://json-schema.org/draft/2020-12/schema")
            .field("title", "sentinel.toml")
            .field("description", "The configuration of a Sentinel agent.")
            .field("type", "object")
            .field("additionalProperties", false)
            .object("properties", |properties| {
                for part in SECTIONS {
                    properties.object(part.name, |out| section(part, out));
                }
            });
    })
}

fn section(section: &Section, out: &mut ObjectWriter<'_, String>) {
    out.field("description", section.doc).field("type", "object");
    if section.presence == Presence::Named {
        out.object("additionalProperties", |out| keys(section.keys, out.field("type", "object")));
    } else {
        keys(section.keys, out);
    }
}

fn keys(list: &[Key], out: &mut ObjectWriter<'_, String>) {
    out.field("additionalProperties", false).object("properties", |properties| {
        for key in list.iter().filter(|key| !key.is_secret()) {
            properties.object(key.name, |out| {
                match key.default {
                    Default::Follows(words) => {
                        out.field("description", &*format!("{} Default: {words}.", key.doc));
                    }
                    _ => {
                        out.field("description", key.doc);
                    }
                }
                value(&key.kind, out);
                match key.default {
                    Default::Integer(number) => out.field("default", number),
                    Default::Flag(truth) => out.field("default", truth),
                    Default::Text(text) => out.field("default", text),
                    Default::None | Default::Follows(_) => out,
                };
            });
        }
    });
}

fn value(kind: &Kind, out: &mut ObjectWriter<'_, String>) {
    match kind {
        Kind::Flag => {
            out.field("type", "boolean");
        }
        Kind::Integer { min, max } => integer(*min, *max, out),
        Kind::Text(form) => text(*form, out),
        Kind::Texts(form) => {
            out.field("type", "array").object("items", |out| text(*form, out));
        }
        Kind::Integers { min, max } => {
            out.field("type", "array").object("items", |out| integer(*min, *max, out));
        }
        Kind::Map(kind) => {
            out.field("type", "object").object("additionalProperties", |out| value(kind, out));
        }
        Kind::Table(list) => keys(list, out.field("type", "object")),
        // Left out above: a secret has no place in the file.
        Kind::Secret(_) => {}
    }
}

fn integer(min: i64, max: i64, out: &mut ObjectWriter<'_, String>) {
    out.field("type", "integer").field("minimum", min);
    if max != i64::MAX {
        out.field("maximum", max);
    }
}

fn text(form: Form, out: &mut ObjectWriter<'_, String>) {
    if form == Form::Id {
        out.array("type", |types| {
            types.value("string").value("integer");
        });
        return;
    }
    out.field("type", "string");
    match form {
        Form::Choice(words) => {
            out.array("enum", |list| {
                for word in words {
                    list.value(*word);
                }
            });
        }
        Form::Money => {
            out.field("pattern", r"^[0-9]+(\.[0-9]{1,6})?$");
        }
        Form::Digest => {
            out.field("pattern", "^[0-9a-fA-F]{64}$");
        }
        Form::Variable => {
            out.field("pattern", "^[A-Za-z_][A-Za-z0-9_]*$");
        }
        Form::Credential => {
            out.field("pattern", "^[A-Za-z0-9_-][A-Za-z0-9_.-]*$");
        }
        Form::Signer => {
            out.field("pattern", "^RW[A-Za-z0-9+/]{54}$");
        }
        Form::Url => {
            out.field("pattern", "^[Hh][Tt][Tt][Pp][Ss]?://");
        }
        Form::Prose => {}
        Form::Line | Form::Id | Form::Path | Form::Listen | Form::Grant | Form::Denial => {
            out.field("minLength", 1);
        }
    }
}

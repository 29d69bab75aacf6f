//! A form: what a server asks a person for, and what it is given.
//!
//! Its schema is the server's own words, in the small part of JSON Schema that the Model Context
//! Protocol has for questions: one object of texts, numbers, flags and choices. A person answers in
//! a line of a chat, `name=value` for each field, and what reaches the server was checked.
//!
//! # Invariants
//! - What is handed on has the fields of the form and no other, each of its type and within its
//!   bounds, and all that have to be there.
//! - A form that asks for a password, or cannot be shown whole, is none.
//!
//! # Not here
//! Who is asked, and when: [`eliciting`](super::eliciting).

mod field;
mod words;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use self::field::{Field, Given};
pub(super) use self::words::is_secret;
use crate::limits::FORM_FIELDS_COUNT_MAX;
use crate::text::json::{self, Kind, Value};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// As the server wrote it.
    pub(super) schema: String,
    fields: Vec<Field>,
}

impl Form {
    /// Reads the schema of a question.
    ///
    /// # Errors
    /// Why nobody is asked that.
    pub(super) fn read(schema: &str) -> Result<Self, String> {
        let document = json::parse(schema.as_bytes()).map_err(|_| "its form is no JSON")?;
        let root = document.root();
        let is_object = root.find("type").is_none_or(|it| it.as_str() == Ok("object"));
        if root.kind() != Kind::Object || !is_object {
            return Err("its form is no object".into());
        }
        let required: Vec<&str> = match root.find("required") {
            Some(list) => {
                let list = list.elements().map_err(|_| "`required` is no list")?;
                list.filter_map(|name| name.as_str().ok()).collect()
            }
            None => Vec::new(),
        };
        let mut fields: Vec<Field> = Vec::new();
        let members = root.find("properties").map(Value::members).transpose();
        for (name, value) in members.map_err(|_| "`properties` is no object")?.into_iter().flatten()
        {
            if fields.len() >= FORM_FIELDS_COUNT_MAX {
                return Err(format!("it asks for more than {FORM_FIELDS_COUNT_MAX} things"));
            }
            let field = Field::read(name, value, required.contains(&name))?;
            if is_secret(&field.name) || is_secret(&field.title) {
                return Err(format!("'{}' is a secret, which no server may ask for", field.name));
            }
            fields.push(field);
        }
        let is_known = |name: &&str| fields.iter().any(|field| field.name == **name);
        if !required.iter().all(is_known) {
            return Err("it requires what it does not describe".into());
        }
        Ok(Self { schema: schema.to_string(), fields })
    }

    /// The fields for people, a line each; the words are the server's.
    pub(super) fn shown(&self) -> String {
        self.fields.iter().map(|field| format!("  {}\n", field.shown())).collect()
    }

    /// What stands behind `/approve NUMBER`.
    pub(super) fn usage(&self) -> String {
        let needed = self.fields.iter().filter(|field| field.is_needed());
        needed.map(|field| format!(" {}=…", field.name)).collect()
    }

    /// Whether there is no answer without a value.
    pub(super) fn needs_values(&self) -> bool {
        self.fields.iter().any(Field::is_needed)
    }

    /// Words of a server that a person should not follow: they speak of secrets.
    pub(super) fn speaks_of_secrets(&self, message: &str) -> bool {
        is_secret(message) || self.fields.iter().any(|field| is_secret(&field.about))
    }

    /// The answer as a JSON object, from `name=value` and so on.
    ///
    /// # Errors
    /// What is wrong with it, for whoever said it.
    pub(super) fn fill(&self, said: &str) -> Result<String, String> {
        let mut given: Vec<(String, Given)> = Vec::new();
        for (name, value) in words::pairs(said)? {
            let field = self.fields.iter().find(|field| field.name == name);
            let Some(field) = field else {
                let known: Vec<&str> = self.fields.iter().map(|it| it.name.as_str()).collect();
                let known = known.join(", ");
                return Err(format!("it does not ask for '{name}', only for: {known}"));
            };
            if given.iter().any(|(known, _)| *known == name) {
                return Err(format!("'{name}' is said twice"));
            }
            given.push((name, field.value(&value)?));
        }
        for field in &self.fields {
            if given.iter().any(|(name, _)| *name == field.name) {
                continue;
            }
            match (&field.default, field.is_required) {
                (Some(default), _) => given.push((field.name.clone(), default.clone())),
                (None, true) => return Err(format!("'{}' has to be there", field.name)),
                (None, false) => {}
            }
        }
        Ok(json::object(|out| given.iter().for_each(|(name, value)| value.write(name, out))))
    }
}

#[cfg(test)]
mod tests;

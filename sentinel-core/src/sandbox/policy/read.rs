//! From a file to a policy.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Policy;
use super::keys::{Form, ROWS, Row, SECTIONS};
use crate::config::Diagnostic;
use crate::config::article;
use crate::config::diagnostic::{Reporter, quoted};
use crate::config::secret::names_a_secret;
use crate::text::toml::{Document, Key, Table, Value};
use crate::text::{Span, suggest};

impl Policy {
    /// Reads a file, whose name is for what is said about it.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the file.
    pub fn read(file_name: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let mut reporter = Reporter::new(file_name, text);
        let mut reader = Reader { reporter: &mut reporter, policy: Self::default() };
        match Document::parse_str(text) {
            Ok(document) => {
                reader.reporter.parsed();
                reader.section("", document.table());
            }
            Err(error) => {
                let (shown, position) = (error.to_string(), error.position());
                let message = shown.strip_prefix(&format!("{position}: ")).unwrap_or(&shown);
                let span = Span::new(position.offset, position.offset + 1);
                reader.reporter.error(Some(span), message);
            }
        }
        let policy = reader.policy;
        let list = reporter.into_list();
        if list.is_empty() { Ok(policy) } else { Err(list) }
    }
}

struct Reader<'r, 't> {
    reporter: &'r mut Reporter<'t>,
    policy: Policy,
}

impl Reader<'_, '_> {
    fn section(&mut self, section: &'static str, table: &Table<'_>) {
        for (key, value) in table.iter() {
            if self.reporter.is_full() {
                return;
            }
            let name = key.as_str();
            let inner = SECTIONS.into_iter().find(|known| section.is_empty() && *known == name);
            let row = ROWS.iter().find(|row| row.section == section && row.name == name);
            match (inner.filter(|inner| !inner.is_empty()), value.as_table(), row) {
                (Some(inner), Some(table), _) => self.section(inner, table),
                (Some(inner), None, _) => {
                    let message = format!("'{inner}' is a section");
                    self.reporter.error_with(Some(key.span()), message, format!("write [{inner}]"));
                }
                (None, _, Some(row)) => self.value(row, value),
                (None, _, None) => self.unknown(section, key),
            }
        }
    }

    fn unknown(&mut self, section: &'static str, key: &Key<'_>) {
        let name = key.as_str();
        let message = format!("unknown key {}", quoted(name));
        let here = ROWS.iter().filter(|row| row.section == section).map(|row| row.name);
        let sections = SECTIONS.into_iter().filter(|_| section.is_empty());
        let near = suggest::nearest(name, here.clone().chain(sections));
        let elsewhere = ROWS.iter().find(|row| row.name == name);
        let of_option = ROWS.iter().find(|row| row.option == name && row.section == section);
        let span = Some(key.span());
        if let Some(row) = of_option {
            let message = format!("{message}; here it is called '{}'", row.name);
            return self.reporter.error(span, message);
        }
        match (elsewhere, near) {
            (Some(row), _) => {
                let help = match row.section {
                    "" => "it stands above all sections".into(),
                    section => format!("it belongs under [{section}]"),
                };
                self.reporter.error_with(span, message, help);
            }
            (None, Some(near)) => {
                self.reporter.error(span, format!("{message}; did you mean '{near}'?"));
            }
            (None, None) => {
                let known: Vec<&str> = here.collect();
                let help = format!("known here are {}", known.join(", "));
                self.reporter.error_with(span, message, help);
            }
        }
    }

    fn value(&mut self, row: &'static Row, value: &Value<'_>) {
        if !row.is_list {
            return self.element(row, value);
        }
        let Some(values) = value.as_array() else {
            let message = format!("{} is a list", row.name);
            let help = format!("write {} = [...]", row.name);
            return self.reporter.error_with(Some(value.span()), message, help);
        };
        for value in values {
            if self.reporter.is_full() {
                return;
            }
            let count = self.policy.all(row.key).len();
            let errors = self.reporter.errors_count();
            self.element(row, value);
            let is_same = count == self.policy.all(row.key).len();
            if is_same && errors == self.reporter.errors_count() {
                self.reporter.error(Some(value.span()), "this stands here twice");
            }
        }
    }

    fn element(&mut self, row: &'static Row, value: &Value<'_>) {
        let span = Some(value.span());
        let written = || {
            let written = self.reporter.source(value.span()).unwrap_or_default();
            written.chars().filter(|c| *c != '_').collect::<String>()
        };
        let text: Option<String> = match row.form {
            Form::Flag => value.as_bool().map(|flag| flag.to_string()),
            Form::Count => value.as_i64().map(|number| number.to_string()),
            Form::Seconds | Form::Processors => {
                let is_number = value.as_i64().is_some() || value.as_f64().is_some();
                is_number.then(written)
            }
            Form::Size => {
                let number = value.as_i64().map(|number| number.to_string());
                number.or_else(|| value.as_str().map(Into::into))
            }
            _ => value.as_str().map(Into::into),
        };
        let Some(text) = text else {
            let wanted = match row.form {
                Form::Flag => "true or false",
                Form::Count | Form::Seconds | Form::Processors => "a number",
                _ => "a text in quotes",
            };
            let message = format!("{} is {wanted}, not {}", row.name, article(value.type_name()));
            return self.reporter.error(span, message);
        };
        if let Form::Variable = row.form
            && text.split_once('=').is_some_and(|(name, _)| names_a_secret(name))
        {
            self.reporter.hide(value.span());
        }
        if let Err(complaint) = self.policy.put(row.key, text.as_bytes()) {
            self.reporter.error(span, format!("{}: {complaint}", row.name));
        }
    }
}

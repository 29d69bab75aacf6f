//! A policy as a file.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Policy;
use super::keys::{Form, ROWS, SECTIONS};
use crate::text::toml::OwnedValue;

impl Policy {
    /// Writes it as a file that [`read`](Self::read) reads back as the same.
    ///
    /// # Errors
    /// Which key has a value that no such file can hold, because it is no text.
    pub fn show(&self) -> Result<String, &'static str> {
        let mut text = String::new();
        for section in SECTIONS {
            let mut has_head = section.is_empty();
            for row in ROWS.iter().filter(|row| row.section == section) {
                let words: Result<Vec<&str>, _> =
                    self.all(row.key).iter().map(|value| core::str::from_utf8(value)).collect();
                let words = words.map_err(|_| row.name)?;
                let Some(last) = words.last() else { continue };
                if !has_head {
                    text.push_str(&format!("\n[{section}]\n"));
                    has_head = true;
                }
                let value = match row.form {
                    _ if row.is_list => {
                        let words: Vec<String> = words.into_iter().map(Into::into).collect();
                        format!("{}", OwnedValue::from(words))
                    }
                    Form::Flag | Form::Count | Form::Processors | Form::Seconds => (*last).into(),
                    _ => format!("{}", OwnedValue::from(*last)),
                };
                text.push_str(&format!("{} = {value}\n", row.name));
            }
        }
        Ok(text)
    }
}

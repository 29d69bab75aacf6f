//! How a way out of a sandbox stands in the log.
//!
//! # Invariants
//! - What is written reads back as the same value.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::codec::{Unreadable, text};
use crate::egress::{Outcome, Passage, Refusal};
use crate::text::json::{self, ObjectWriter, Value};

impl Passage {
    /// What a record of it says.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::object(|out| write(out, self))
    }
}

pub(super) fn write(out: &mut ObjectWriter<'_, String>, passage: &Passage) {
    out.field("host", passage.host.as_str()).field("port", u64::from(passage.port));
    if let Some((method, path)) = &passage.request {
        out.field("method", method.as_str()).field("path", path.as_str());
    }
    if !passage.secrets.is_empty() {
        out.array("secrets", |names| {
            for name in &passage.secrets {
                names.value(name.as_str());
            }
        });
    }
    match passage.outcome {
        Outcome::Allowed(address) => {
            out.field("outcome", ALLOWED);
            out.optional("address", address.map(|address| address.to_string()).as_deref());
        }
        Outcome::Refused(refusal) => {
            out.field("outcome", REFUSED).field("why", refusal.word());
        }
        Outcome::Unreachable => {
            out.field("outcome", UNREACHABLE);
        }
    }
}

pub(super) fn read(value: Value<'_>) -> Result<Passage, Unreadable> {
    let port = super::codec::number(value, "port")?;
    let port = u16::try_from(port).map_err(|_| Unreadable::word("port", &port.to_string()))?;
    let request = match value.find("method") {
        Some(_) => Some((text(value, "method")?, text(value, "path")?)),
        None => None,
    };
    let outcome = match value.get("outcome")?.as_str()? {
        ALLOWED => {
            let address = value.find("address").map(|address| address.as_str()).transpose()?;
            let read = |text: &str| text.parse().map_err(|_| Unreadable::word("address", text));
            Outcome::Allowed(address.map(read).transpose()?)
        }
        REFUSED => {
            let why = value.get("why")?.as_str()?;
            let refusal = Refusal::from_word(why).ok_or(Unreadable::word("why", why))?;
            Outcome::Refused(refusal)
        }
        UNREACHABLE => Outcome::Unreachable,
        other => return Err(Unreadable::word("outcome", other)),
    };
    let mut secrets = Vec::new();
    if let Some(names) = value.find("secrets") {
        for name in names.elements()? {
            secrets.push(name.as_str()?.to_string());
        }
    }
    Ok(Passage { host: text(value, "host")?, port, request, secrets, outcome })
}

const ALLOWED: &str = "allowed";
const REFUSED: &str = "refused";
const UNREACHABLE: &str = "unreachable";

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;
    use crate::text::json;

    #[test]
    fn what_is_written_reads_back() {
        let refused = Refusal::ALL.iter().map(|refusal| Outcome::Refused(*refusal));
        let others = [
            Outcome::Allowed(None),
            Outcome::Allowed(Some("2001:db8::1".parse().unwrap())),
            Outcome::Unreachable,
        ];
        for (outcome, request) in refused.chain(others).zip([true, false].into_iter().cycle()) {
            let request = request.then(|| ("GET".into(), "/a".into()));
            let secrets = if request.is_some() { vec!["a".into(), "b".into()] } else { vec![] };
            let passage =
                Passage { host: "a.example".into(), port: 443, request, secrets, outcome };
            let text = json::object(|out| write(out, &passage));
            let document = json::parse(text.as_bytes()).unwrap();
            assert_eq!(read(document.root()).unwrap(), passage, "{text}");
        }
        for text in [
            r#"{"host":"a","port":70000,"outcome":"allowed"}"#,
            r#"{"host":"a","port":1,"outcome":"maybe"}"#,
            r#"{"host":"a","port":1,"outcome":"refused","why":"so"}"#,
            r#"{"host":"a","port":1,"outcome":"allowed","address":"x"}"#,
        ] {
            assert!(read(json::parse(text.as_bytes()).unwrap().root()).is_err(), "{text}");
        }
    }
}

//! Records: ids that a service made, and the names a person calls them by.
//!
//! "Cancel the team lunch" names an event; the call needs its id, which no person writes. The id
//! counts as the person's if it stands in a record that holds the name the person used.
//!
//! That takes something from an untrusted block, so it is narrow. The operator declares for a tool
//! which field of its output the service itself writes ([`Records`]); the output is read as JSON;
//! only an object that has that field counts, and only for parameters that take that kind of
//! record. Strangers may choose names, so a name must lead to one id alone, and an id must not have
//! had two names: whoever copies a name into a record of his own makes it ambiguous, which asks.
//!
//! # Invariants
//! - An id is only found under its exact bytes, and only if it stood in a declared id field.
//! - More records than the bound ground nothing at all, and neither do those that are left when
//!   others were forgotten: one that is missing could be the one that makes a name ambiguous.
//!
//! # Not here
//! Whether a name stands in trusted text is asked of the trusted text, when a call is decided.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::everyday::is_everyday;
use super::fold::{Room, fold_any};
use super::phrases::core_of;
use super::tool::Records;
use crate::limits::{LABEL_RECORDS_MAX, LABEL_VALUE_BYTES_MAX};
use crate::order::{Entry, Map};
use crate::text::json::{self, Kind, Value};

/// The records of a conversation.
#[derive(Clone, Debug, Default)]
pub(super) struct RecordIndex {
    kinds: Map<Box<str>, RecordKind>,
    count: usize,
    is_full: bool,
}

#[derive(Clone, Debug, Default)]
struct RecordKind {
    ids: Map<Box<str>, Record>,
    names: Map<Box<[u8]>, Named>,
}

#[derive(Clone, Debug, Default)]
struct Record {
    /// The field and the spelling of each of its names.
    names: Vec<(Box<str>, Box<[u8]>)>,
    /// Whether a field was seen with two values.
    is_disputed: bool,
}

#[derive(Clone, Debug)]
enum Named {
    One(Box<str>),
    Several,
}

impl RecordIndex {
    /// Adds the records of an output. One that is no JSON has none.
    pub(super) fn add(&mut self, output: &str, records: &Records) {
        let Ok(document) = json::parse(output.as_bytes()) else { return };
        let mut open = alloc::vec![document.root()];
        while let Some(value) = open.pop() {
            if let Ok(elements) = checked(value, Kind::Array, Value::elements) {
                open.extend(elements);
            } else if let Ok(members) = checked(value, Kind::Object, Value::members) {
                self.add_object(value, records);
                open.extend(members.map(|(_, member)| member));
            }
        }
    }

    fn add_object(&mut self, object: Value<'_>, records: &Records) {
        let Some(id) = object.find(&records.id).and_then(id_text) else { return };
        if self.count == LABEL_RECORDS_MAX {
            self.is_full = true;
            return;
        }
        self.count += 1;
        let kind = self.kinds.entry(records.kind.clone()).or_default();
        for field in &records.names {
            let name = object.find(field).filter(|name| name.kind() == Kind::String);
            let Some(name) = name.and_then(|name| name.as_str().ok()) else { continue };
            // A name that hides something still disputes the one it replaced.
            let mut room = Room::default();
            let spelling: Box<[u8]> =
                fold_any(name, &mut room).map_or_else(Box::default, Into::into);
            if id.len() > LABEL_VALUE_BYTES_MAX {
                // Too long to be grounded, and not too long to be what the name means.
                kind.names.insert(spelling, Named::Several);
                continue;
            }
            let record = kind.ids.entry(id.into()).or_default();
            match record.names.iter().find(|(known, _)| known == field) {
                Some((_, known)) => record.is_disputed |= *known != spelling,
                None => record.names.push((field.clone(), spelling.clone())),
            }
            match kind.names.entry(spelling) {
                Entry::Vacant(vacant) => drop(vacant.insert(Named::One(id.into()))),
                Entry::Occupied(mut known) => {
                    if !matches!(known.get(), Named::One(other) if **other == *id) {
                        *known.get_mut() = Named::Several;
                    }
                }
            }
        }
    }

    /// Some were seen and are forgotten.
    #[cfg(feature = "agent")]
    pub(super) fn lose(&mut self) {
        self.is_full = true;
    }

    /// Whether the id is that of one record of this kind, by a name for which `is_named` holds.
    pub(super) fn ground(&self, kind: &str, id: &str, is_named: impl Fn(&[u8]) -> bool) -> bool {
        let Some(kind) = self.kinds.get(kind).filter(|_| !self.is_full) else { return false };
        let Some(record) = kind.ids.get(id).filter(|record| !record.is_disputed) else {
            return false;
        };
        record.names.iter().any(|(_, name)| {
            let is_only_one = matches!(kind.names.get(name), Some(Named::One(_)));
            is_only_one && calls_one_thing(name) && is_named(name)
        })
    }
}

/// An id as it stands in arguments too.
pub(super) fn id_text(value: Value<'_>) -> Option<&str> {
    match value.kind() {
        Kind::String => value.as_str().ok(),
        Kind::Number => Some(value.source()),
        _ => None,
    }
}

/// Whether a name is more than what stands in most requests: it has a digit in it, or a sign
/// between letters, or is of several words of which one is no everyday word. A record called
/// "please", or "to the", would otherwise be named by whoever asks for anything.
fn calls_one_thing(name: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
    let chunks = || name.split(|byte| *byte == b' ').map(|chunk| &chunk[core_of(chunk)]);
    let is_marked = |core: &[u8]| {
        let joins = |window: &[u8]| match window {
            [before, sign, after] => {
                is_letter(before) && b"._/@:#+".contains(sign) && is_letter(after)
            }
            _ => false,
        };
        core.iter().any(u8::is_ascii_digit) || core.windows(3).any(joins)
    };
    let words = || chunks().flat_map(|core| core.split(|byte| !is_letter(byte)));
    let is_phrase = words().filter(|word| !word.is_empty()).nth(1).is_some();
    name.len() >= NAME_BYTES_MIN
        && (chunks().any(is_marked) || (is_phrase && words().any(|word| !is_everyday(word))))
}

/// Asks a value for what only one kind has, without making an error for the others.
fn checked<'d, T, E>(
    value: Value<'d>,
    kind: Kind,
    read: impl FnOnce(Value<'d>) -> Result<T, E>,
) -> Result<T, ()> {
    if value.kind() == kind { read(value).map_err(drop) } else { Err(()) }
}

/// As long as any value that text can ground.
const NAME_BYTES_MIN: usize = 4;
#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::*;

    fn index(outputs: &[&str]) -> RecordIndex {
        let records = Records {
            kind: "event".into(),
            id: "id".into(),
            names: alloc::vec!["title".into(), "file".into()],
        };
        let mut index = RecordIndex::default();
        for output in outputs {
            index.add(output, &records);
        }
        index
    }

    fn named(index: &RecordIndex, id: &str, name: &str) -> bool {
        index.ground("event", id, |spelling| spelling == name.as_bytes())
    }

    #[test]
    fn an_id_is_found_by_the_name_beside_it() {
        let index = index(&[r#"{"items":[{"id":"e1","title":"Team Lunch","by":"Eve"},
            {"id":7,"title":"Board meeting","inner":{"id":"e9","file":"plan.pdf"}}]}"#]);
        assert!(named(&index, "e1", "team lunch"));
        assert!(named(&index, "7", "board meeting"));
        assert!(named(&index, "e9", "plan.pdf"));
        assert!(!named(&index, "e1", "board meeting"));
        assert!(!named(&index, "e1", "eve"));
        assert!(!named(&index, "E1", "team lunch"), "ids are compared by their bytes");
        assert!(!index.ground("file", "e1", |_| true), "another kind of record");
    }

    #[test]
    fn a_copied_name_is_ambiguous_and_a_changed_one_disputed() {
        let copied = index(&[
            r#"[{"id":"e1","title":"Team lunch"}]"#,
            r#"[{"id":"evil","title":"TEAM LUNCH"}]"#,
        ]);
        assert!(!named(&copied, "e1", "team lunch"));
        assert!(!named(&copied, "evil", "team lunch"));
        for other in ["Lunch team", "hid\u{200b}den", ""] {
            let changed = format!(r#"[{{"id":"e1","title":"{other}"}}]"#);
            let changed = index(&[r#"[{"id":"e1","title":"Team lunch"}]"#, &changed]);
            assert!(!named(&changed, "e1", "team lunch"), "{other:?}");
        }
    }

    #[test]
    fn an_id_that_is_too_long_is_not_kept_but_counts() {
        let long = "x".repeat(LABEL_VALUE_BYTES_MAX + 1);
        let long = format!(r#"[{{"id":"{long}","title":"Team lunch"}}]"#);
        for outputs in [[TEAM_LUNCH, &long], [&long, TEAM_LUNCH]] {
            assert!(!named(&index(&outputs), "e1", "team lunch"));
        }
        assert!(index(&[&long]).kinds.values().all(|kind| kind.ids.is_empty()));
    }

    const TEAM_LUNCH: &str = r#"[{"id":"e1","title":"Team lunch"}]"#;

    #[test]
    fn text_that_only_looks_like_a_record_is_none() {
        for output in [
            r#"{"id":"e1","text":"{\"id\":\"evil\",\"title\":\"Team lunch\"}"}"#,
            r#"{"id":"evil","by":{"title":"Team lunch"}}"#,
            r#"{"id":["evil"],"title":"Team lunch"}"#,
            r#"{"id":"evil","title":["Team lunch"]}"#,
            r#"{"id":"evil","id":"e1","title":"Team lunch"}"#,
            r#"{"id":"evil","title":"Team lunch"} and more"#,
        ] {
            assert!(!named(&index(&[output]), "evil", "team lunch"), "{output}");
        }
    }

    #[test]
    fn a_common_word_names_nothing() {
        let index = index(&[r#"[{"id":"e1","title":"please"},{"id":"e2","title":"a b"}]"#]);
        assert!(!named(&index, "e1", "please"));
        assert!(!named(&index, "e2", "a b"));
        for (name, is_telling) in [
            ("to the", false),
            ("your calendar", false),
            ("the meeting,", false),
            ("next week", false),
            ("please.", false),
            ("you, and", false),
            ("thank you", false),
            ("right now\u{2026}", false),
            ("(the meeting)", false),
            ("e-mail", false),
            ("follow-up", false),
            ("- - -", false),
            ("ann@corp.example", true),
            ("plan-b-alpha", true),
            ("team lunch", true),
            ("board meeting", true),
            ("der fahrplan", true),
            ("week 7", true),
            ("a.pdf", true),
        ] {
            assert_eq!(calls_one_thing(name.as_bytes()), is_telling, "{name}");
        }
    }

    #[test]
    fn too_many_records_ground_nothing() {
        let mut output = String::from("[");
        for id in 0..LABEL_RECORDS_MAX {
            output.push_str(&format!(r#"{{"id":{id},"title":"event {id}"}},"#));
        }
        let full = format!(r#"{}]"#, output.trim_end_matches(','));
        assert!(named(&index(&[&full]), "1", "event 1"));
        let fuller = format!(r#"{output}{{"id":"x","title":"one more"}}]"#);
        assert!(!named(&index(&[&fuller]), "1", "event 1"));
    }
}

//! Edits of TOML: an edit does what was asked or leaves the text as it was, and no comment goes but
//! with the line it stands on.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sentinel_core::text::toml::{Document, Editor, Limits, OwnedValue, Segment};

#[derive(Arbitrary, Debug)]
enum Edit<'e> {
    Set(Vec<Step<'e>>, New<'e>),
    Add(Vec<Step<'e>>, New<'e>),
    Remove(Vec<Step<'e>>),
}

#[derive(Arbitrary, Debug)]
enum Step<'e> {
    Key(&'e str),
    /// The key of the root at this place, so that edits often meet something.
    Known(u8),
    Index(u8),
}

#[derive(Arbitrary, Debug)]
enum New<'e> {
    Text(&'e str),
    Integer(i64),
    Boolean(bool),
    List(Vec<i64>),
}

fuzz_target!(|input: (Vec<Edit<'_>>, &str)| {
    let (edits, text) = input;
    let limits = Limits { bytes_max: 1 << 16, depth_max: 16 };
    let Ok(mut editor) = Editor::with_limits(text, limits) else { return };
    for edit in edits.iter().take(4) {
        let before = editor.text().to_owned();
        let known = Document::parse_str(&before).expect("an editor holds a document");
        let keys: Vec<&str> = known.table().iter().map(|(key, _)| key.as_str()).collect();
        let path = |steps: &[Step<'_>]| -> Vec<String> {
            steps.iter().map(|step| name(step, &keys)).collect()
        };
        let (Edit::Set(steps, _) | Edit::Add(steps, _) | Edit::Remove(steps)) = edit;
        let names = path(steps);
        let segments: Vec<Segment<'_>> = steps
            .iter()
            .zip(&names)
            .map(|(step, name)| match step {
                Step::Index(index) => Segment::Index(usize::from(*index % 4)),
                _ => Segment::Key(name),
            })
            .collect();
        let result = match edit {
            Edit::Set(_, new) => editor.set(&segments, value(new)),
            Edit::Add(_, new) => editor.add(&segments, value(new)),
            Edit::Remove(_) => editor.remove(&segments),
        };
        let after = Document::parse_str(editor.text()).expect("an edit leaves a document");
        match (result, edit) {
            (Err(_), _) => assert_eq!(editor.text(), before),
            (Ok(()), Edit::Set(_, new)) => {
                let found = find(&after, &segments).expect("it was set");
                assert_eq!(found.to_string(), value(new).to_string());
            }
            (Ok(()), Edit::Add(..)) => assert_ne!(editor.text(), before),
            (Ok(()), Edit::Remove(_)) => {
                if !matches!(segments.last(), Some(Segment::Index(_))) {
                    assert!(find(&after, &segments).is_none());
                }
            }
        }
    }
});

fn name(step: &Step<'_>, keys: &[&str]) -> String {
    match step {
        Step::Key(key) => (*key).to_owned(),
        Step::Known(index) if !keys.is_empty() => keys[usize::from(*index) % keys.len()].to_owned(),
        Step::Known(_) | Step::Index(_) => String::from("a"),
    }
}

fn value(new: &New<'_>) -> OwnedValue {
    match new {
        New::Text(text) => OwnedValue::from(*text),
        New::Integer(integer) => OwnedValue::from(*integer),
        New::Boolean(boolean) => OwnedValue::from(*boolean),
        New::List(list) => {
            OwnedValue::from(list.iter().copied().map(OwnedValue::from).collect::<Vec<_>>())
        }
    }
}

fn find(document: &Document<'_>, path: &[Segment<'_>]) -> Option<OwnedValue> {
    path.iter().try_fold(document.to_owned_value(), |value, segment| match (value, segment) {
        (OwnedValue::Table(entries), Segment::Key(key)) => {
            entries.into_iter().find(|(name, _)| name == key).map(|(_, value)| value)
        }
        (OwnedValue::Array(values), Segment::Index(index)) => values.into_iter().nth(*index),
        _ => None,
    })
}

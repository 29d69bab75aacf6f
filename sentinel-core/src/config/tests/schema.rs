//! The schema against files, by a small checker of its own; and the document against the tree.

use alloc::format;
use alloc::string::{String, ToString};

use crate::config::keys::SECTIONS;
use crate::config::table::{Kind, names};
use crate::config::{reference, schema};
use crate::text::json::{self, Value};
use crate::text::toml::{Document, OwnedValue};

const EXAMPLE: &str = include_str!("../../../../examples/sentinel.toml");

#[test]
fn the_schema_takes_the_example_and_refuses_slips() {
    let schema = schema();
    let schema = json::parse(schema.as_bytes()).unwrap();
    let taken = |text: &str| {
        let value = Document::parse_str(text).unwrap().to_owned_value();
        check(schema.root(), &value)
    };
    assert_eq!(taken(EXAMPLE), Ok(()));
    assert_eq!(taken(""), Ok(()));
    for (text, expected) in [
        ("[agnet]", "agnet is no property"),
        ("[agent]\nround = 5", "round is no property"),
        ("[agent]\nrounds = 0", "0 is out of range"),
        ("[agent]\nrounds = 1001", "1001 is out of range"),
        ("[agent]\nrounds = '5'", "'5' is of another type"),
        ("[openai]\napi_key = 'x'", "api_key is no property"),
        ("[models.a]\nprovider = 'skynet'", "'skynet' is not among the words"),
        ("[models.a]\nprices = { in = '1' }", "in is no property"),
        ("[telegram]\nrooms = { 1 = 'all' }", "'all' is not among the words"),
        ("[telegram]\noperators = [1, 'x', true]", "true is of another type"),
    ] {
        let expected = expected.replace('\'', "\"");
        assert_eq!(taken(text).map_err(|it| it.replace('\'', "\"")), Err(expected), "{text}");
    }
}

#[test]
fn the_schema_and_the_reader_know_the_same_keys() {
    let schema = schema();
    let schema = json::parse(schema.as_bytes()).unwrap();
    let sections = schema.root().get("properties").unwrap();
    assert_eq!(sections.members().unwrap().count(), SECTIONS.len());
    for section in SECTIONS {
        let found = sections.get(section.name).unwrap();
        let found = found.find("additionalProperties").filter(|it| it.as_bool().is_err());
        let found = found.unwrap_or_else(|| sections.get(section.name).unwrap());
        let known: alloc::vec::Vec<&str> =
            found.get("properties").unwrap().members().unwrap().map(|(name, _)| name).collect();
        assert!(names(section.keys).eq(known), "{}", section.name);
    }
}

#[test]
fn every_key_has_words_and_a_default_that_fits() {
    for section in SECTIONS {
        for key in section.keys.iter().filter(|key| !key.is_secret()) {
            let name = format!("[{}] {}", section.name, key.name);
            assert!(key.doc.ends_with('.') && key.doc.len() > 10, "{name}");
            let fits = match (&key.kind, key.default) {
                (Kind::Integer { min, max }, crate::config::table::Default::Integer(number)) => {
                    (*min..=*max).contains(&number)
                }
                (Kind::Flag, crate::config::table::Default::Flag(_)) => true,
                (Kind::Text(form), crate::config::table::Default::Text(text)) => {
                    let surroundings = crate::config::Surroundings::bare("/");
                    crate::config::form::spelled(*form, text, &surroundings).unwrap() == text
                }
                (_, crate::config::table::Default::None) => true,
                (_, crate::config::table::Default::Follows(words)) => !words.is_empty(),
                _ => false,
            };
            assert!(fits, "{name}");
        }
    }
}

#[test]
fn the_document_is_what_the_reader_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/CONFIG.md");
    if std::env::var_os("SENTINEL_WRITE").is_some() {
        std::fs::write(path, reference()).unwrap();
    }
    let document = std::fs::read_to_string(path).unwrap();
    assert_eq!(document, reference(), "run this test with SENTINEL_WRITE=1");
}

/// As much of JSON Schema as the schema uses, but for patterns.
fn check(schema: Value<'_>, value: &OwnedValue) -> Result<(), String> {
    let is_type = |name: &str| {
        matches!(
            (name, value),
            ("object", OwnedValue::Table(_))
                | ("array", OwnedValue::Array(_))
                | ("string", OwnedValue::String(_))
                | ("integer", OwnedValue::Integer(_))
                | ("boolean", OwnedValue::Boolean(_))
        )
    };
    let types = schema.get("type").unwrap();
    let is_typed = match types.as_str() {
        Ok(name) => is_type(name),
        Err(_) => types.elements().unwrap().any(|name| is_type(name.as_str().unwrap())),
    };
    if !is_typed {
        return Err(format!("{value} is of another type"));
    }
    if let Some(mut words) = schema.find("enum").map(|words| words.elements().unwrap()) {
        let OwnedValue::String(text) = value else { return Err(value.to_string()) };
        if !words.any(|word| word.as_str().unwrap() == text) {
            return Err(format!("{value} is not among the words"));
        }
    }
    match value {
        OwnedValue::Integer(number) => {
            let bound = |key: &str| schema.find(key).map(|bound| bound.as_i64().unwrap());
            let is_within = bound("minimum").is_none_or(|min| min <= *number)
                && bound("maximum").is_none_or(|max| *number <= max);
            is_within.then_some(()).ok_or_else(|| format!("{number} is out of range"))
        }
        OwnedValue::Array(values) => {
            let items = schema.get("items").unwrap();
            values.iter().try_for_each(|value| check(items, value))
        }
        OwnedValue::Table(entries) => entries.iter().try_for_each(|(key, value)| {
            let properties = schema.find("properties");
            let own = properties.and_then(|properties| properties.find(key));
            let others = schema.get("additionalProperties").unwrap();
            match (own, others.as_bool()) {
                (Some(own), _) => check(own, value),
                (None, Err(_)) => check(others, value),
                (None, Ok(_)) => Err(format!("{key} is no property")),
            }
        }),
        _ => Ok(()),
    }
}

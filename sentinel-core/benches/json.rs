//! JSON: documents in, documents out.

use sentinel_core::text::json::{self, DuplicateKeys, Kind, Options, Value};

use crate::corpus;
use crate::race::{Contender, Goal, rows, title};

/// The documents, and how many times faster than the usual peer each has to be read: the last is
/// nearly all numbers.
fn corpora() -> [(&'static str, String, f64); 3] {
    [
        ("twitter.json shape", corpus::twitter(), 2.0),
        ("citm_catalog.json shape", corpus::citm(), 2.0),
        ("canada.json shape", corpus::canada(), 1.3),
    ]
}

/// How many times faster than the usual peer each has to be written.
const WRITING_TIMES: f64 = 1.2;

/// From text to a document that can be walked.
pub(crate) fn parsing(filter: &str) -> bool {
    if !title(filter, "JSON text to document") {
        return true;
    }
    let mut is_reached = true;
    for (label, text, times) in corpora() {
        let bytes = text.as_bytes();
        let mut scratch = Vec::new();
        let mut scratch_tape = Vec::new();
        let contenders: Vec<Contender<'_>> = vec![
            ("sentinel", Box::new(|| json::parse(bytes).unwrap().text().len())),
            ("sentinel, duplicates kept", {
                let options = Options::new().duplicate_keys(DuplicateKeys::KeepLast);
                Box::new(move || options.parse(bytes).unwrap().text().len())
            }),
            ("serde_json::Value", {
                Box::new(|| {
                    serde_json::from_slice::<serde_json::Value>(bytes).unwrap().is_null().into()
                })
            }),
            ("simd-json borrowed", {
                Box::new(|| {
                    scratch.clear();
                    scratch.extend_from_slice(bytes);
                    simd_json::to_borrowed_value(&mut scratch).unwrap();
                    0
                })
            }),
            ("simd-json tape", {
                Box::new(|| {
                    scratch_tape.clear();
                    scratch_tape.extend_from_slice(bytes);
                    simd_json::to_tape(&mut scratch_tape).unwrap().0.len()
                })
            }),
            ("sonic-rs Value", {
                Box::new(|| {
                    let value: sonic_rs::Value = sonic_rs::from_slice(bytes).unwrap();
                    std::hint::black_box(value);
                    0
                })
            }),
        ];
        let label = format!("{label}, {} KB", bytes.len() / 1000);
        let goal = Some(Goal::Times("serde_json::Value", times));
        is_reached &= rows(&label, bytes.len(), contenders, goal);
    }
    is_reached
}

/// The same, and every number converted to a double: what the first table leaves for later.
pub(crate) fn reading_numbers(filter: &str) -> bool {
    if !title(filter, "JSON text to document, then every number to f64") {
        return true;
    }
    let mut is_reached = true;
    for (label, text, times) in corpora() {
        let bytes = text.as_bytes();
        let contenders: Vec<Contender<'_>> = vec![
            ("sentinel", Box::new(|| sum_ours(json::parse(bytes).unwrap().root()) as usize)),
            ("serde_json::Value", {
                Box::new(|| sum_peer(&serde_json::from_slice(bytes).unwrap()) as usize)
            }),
        ];
        let goal = Some(Goal::Times("serde_json::Value", times));
        is_reached &= rows(label, bytes.len(), contenders, goal);
    }
    is_reached
}

fn sum_ours(value: Value<'_>) -> f64 {
    match value.kind() {
        Kind::Number => value.as_f64().unwrap(),
        Kind::Array => value.elements().unwrap().map(sum_ours).sum(),
        Kind::Object => value.members().unwrap().map(|(_, value)| sum_ours(value)).sum(),
        _ => 0.0,
    }
}

fn sum_peer(value: &serde_json::Value) -> f64 {
    match value {
        serde_json::Value::Number(number) => number.as_f64().unwrap(),
        serde_json::Value::Array(elements) => elements.iter().map(sum_peer).sum(),
        serde_json::Value::Object(members) => members.values().map(sum_peer).sum(),
        _ => 0.0,
    }
}

/// From a document back to text.
pub(crate) fn writing(filter: &str) -> bool {
    if !title(filter, "JSON document to text") {
        return true;
    }
    let mut is_reached = true;
    for (label, text, _) in corpora() {
        let ours = json::parse(text.as_bytes()).unwrap();
        let peer: serde_json::Value = serde_json::from_str(&text).unwrap();
        let sonic: sonic_rs::Value = sonic_rs::from_str(&text).unwrap();
        let length = serde_json::to_vec(&peer).unwrap().len();
        let contenders: Vec<Contender<'_>> = vec![
            ("sentinel, value by value", {
                Box::new(|| {
                    let mut out = Vec::new();
                    json::write_array(&mut out, |out| write_element(out, ours.root()));
                    out.len()
                })
            }),
            ("sentinel, copying slices", {
                Box::new(|| {
                    let mut out = Vec::new();
                    json::write_array(&mut out, |out| {
                        out.value(ours.root());
                    });
                    out.len()
                })
            }),
            ("serde_json::to_vec", Box::new(|| serde_json::to_vec(&peer).unwrap().len())),
            ("sonic-rs to_vec", Box::new(|| sonic_rs::to_vec(&sonic).unwrap().len())),
        ];
        let goal = Some(Goal::Times("serde_json::to_vec", WRITING_TIMES));
        is_reached &= rows(label, length, contenders, goal);
    }
    is_reached
}

/// Writes a value through the writer that all requests go through: strings are escaped anew.
fn write_element(out: &mut json::ArrayWriter<'_, Vec<u8>>, value: Value<'_>) {
    match value.kind() {
        Kind::Object => out.object(|out| write_members(out, value)),
        Kind::Array => out.array(|out| {
            for element in value.elements().unwrap() {
                write_element(out, element);
            }
        }),
        Kind::String => out.value(value.as_str().unwrap()),
        _ => out.value(value),
    };
}

fn write_members(out: &mut json::ObjectWriter<'_, Vec<u8>>, value: Value<'_>) {
    for (key, value) in value.members().unwrap() {
        match value.kind() {
            Kind::Object => out.object(key, |out| write_members(out, value)),
            Kind::Array => out.array(key, |out| {
                for element in value.elements().unwrap() {
                    write_element(out, element);
                }
            }),
            Kind::String => out.field(key, value.as_str().unwrap()),
            _ => out.field(key, value),
        };
    }
}

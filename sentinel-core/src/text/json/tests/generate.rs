//! Random JSON: values as trees, and the many texts that each of them has.

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use arbitrary::{Result, Unstructured};

/// A JSON value as a plain tree.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    Null,
    Bool(bool),
    Integer(i64),
    Double(f64),
    String(String),
    Array(Vec<Tree>),
    /// Keys are distinct.
    Object(Vec<(String, Tree)>),
}

pub(super) fn tree(u: &mut Unstructured<'_>, depth: usize) -> Result<Tree> {
    let leaf_only = depth == 0 || u.is_empty();
    Ok(match u.int_in_range(0..=if leaf_only { 4 } else { 8 })? {
        0 => Tree::Null,
        1 => Tree::Bool(u.arbitrary()?),
        2 => Tree::Integer(u.arbitrary()?),
        3 => {
            let double: f64 = u.arbitrary()?;
            Tree::Double(if double.is_finite() { double } else { 0.5 })
        }
        4 => Tree::String(string(u)?),
        5 | 6 => Tree::Array(items(u, |u| tree(u, depth - 1))?),
        _ => {
            let mut members: Vec<(String, Tree)> =
                items(u, |u| Ok((string(u)?, tree(u, depth - 1)?)))?;
            let mut seen = std::collections::BTreeSet::new();
            members.retain(|(key, _)| seen.insert(key.clone()));
            Tree::Object(members)
        }
    })
}

fn items<T>(
    u: &mut Unstructured<'_>,
    mut item: impl FnMut(&mut Unstructured<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    // Now and then a container is large enough for the other ways of finding duplicate keys.
    let most = if u.ratio(1, 30)? { 90 } else { 5 };
    let count = u.int_in_range(0..=most)?;
    (0..count).map(|_| item(u)).collect()
}

pub(super) fn string(u: &mut Unstructured<'_>) -> Result<String> {
    let odd =
        ['"', '\\', '/', '\0', '\n', '\u{1f}', '\u{7f}', 'é', '\u{2028}', '\u{e000}', '\u{1d11e}'];
    let count = u.int_in_range(0..=20)?;
    (0..count)
        .map(|_| match u.int_in_range(0..=4)? {
            0 => Ok(*u.choose(&odd)?),
            1 => u.arbitrary(),
            _ => Ok(char::from(u.int_in_range(b'a'..=b'z')?)),
        })
        .collect()
}

/// One of the texts that denote a tree: white space and escapes are chosen at random.
pub(super) fn text(u: &mut Unstructured<'_>, tree: &Tree) -> Result<String> {
    let mut out = String::new();
    write(u, tree, &mut out)?;
    Ok(out)
}

fn write(u: &mut Unstructured<'_>, tree: &Tree, out: &mut String) -> Result<()> {
    space(u, out)?;
    match tree {
        Tree::Null => out.push_str("null"),
        Tree::Bool(value) => out.push_str(&value.to_string()),
        Tree::Integer(value) => out.push_str(&value.to_string()),
        Tree::Double(value) if u.arbitrary()? => out.push_str(&format!("{value:e}")),
        Tree::Double(value) => out.push_str(&format!("{value:?}")),
        Tree::String(value) => write_string(u, value, out)?,
        Tree::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                write(u, element, out)?;
            }
            space(u, out)?;
            out.push(']');
        }
        Tree::Object(members) => {
            out.push('{');
            for (index, (key, value)) in members.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                space(u, out)?;
                write_string(u, key, out)?;
                space(u, out)?;
                out.push(':');
                write(u, value, out)?;
            }
            space(u, out)?;
            out.push('}');
        }
    }
    space(u, out)
}

fn space(u: &mut Unstructured<'_>, out: &mut String) -> Result<()> {
    while !u.is_empty() && u.ratio(1, 6)? {
        out.push(*u.choose(&[' ', '\n', '\r', '\t'])?);
    }
    Ok(())
}

fn write_string(u: &mut Unstructured<'_>, value: &str, out: &mut String) -> Result<()> {
    out.push('"');
    for character in value.chars() {
        if character < ' ' || character == '"' || character == '\\' || u.ratio(1, 9)? {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                out.push_str(&if u.arbitrary()? {
                    format!("\\u{unit:04x}")
                } else {
                    format!("\\u{unit:04X}")
                });
            }
        } else {
            out.push(character);
        }
    }
    out.push('"');
    Ok(())
}

/// A text with a few bytes changed, dropped or added: close to valid, where parsers go wrong.
pub(super) fn mutated(u: &mut Unstructured<'_>, text: &str) -> Result<Vec<u8>> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..u.int_in_range(0..=3)? {
        let at = u.int_in_range(0..=bytes.len())?;
        let likely = *u.choose(b"\"\\{}[]:,019.eE+-utn dD\xef\xe2\x80\xff\x00\n")?;
        match u.int_in_range(0..=3)? {
            0 => bytes.insert(at, likely),
            1 if at < bytes.len() => bytes[at] = likely,
            2 if at < bytes.len() => drop(bytes.remove(at)),
            _ => bytes.truncate(at),
        }
    }
    Ok(bytes)
}

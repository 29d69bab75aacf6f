//! Whether an edit did what was asked, and nothing else.
//!
//! Both texts are parsed and compared along the path of the edit. Recursion follows the path and
//! the values of a parsed document, so it is bounded by the depth limit.

use super::Segment;
use crate::text::toml::OwnedValue;
use crate::text::toml::owned::is_same_float;
use crate::text::toml::value::{Data, Document, Origin, Table, Value};

/// What an edit is to do at the end of its path.
pub(super) enum Change<'v> {
    /// There is this value.
    Put(&'v OwnedValue),
    /// The array there has this element more.
    Append(&'v OwnedValue),
    /// There is nothing any more.
    Remove,
}

/// Whether the new document is the old one with this change, and no other.
pub(super) fn is_exact(
    old: &Document<'_>,
    new: &Document<'_>,
    path: &[Segment<'_>],
    change: &Change<'_>,
) -> bool {
    let Some((Segment::Key(name), rest)) = path.split_first() else { return false };
    is_table_exact(Some(old.table()), Some(new.table()), name, rest, change)
}

fn is_value_exact(
    old: Option<&Value<'_>>,
    new: Option<&Value<'_>>,
    path: &[Segment<'_>],
    change: &Change<'_>,
) -> bool {
    match path.split_first() {
        None => is_made(old, new, change),
        Some((Segment::Key(name), rest)) => {
            let (old_table, new_table) =
                (old.and_then(Value::as_table), new.and_then(Value::as_table));
            let are_tables =
                old.is_some() == old_table.is_some() && new.is_some() == new_table.is_some();
            are_tables && is_table_exact(old_table, new_table, name, rest, change)
        }
        Some((&Segment::Index(index), rest)) => {
            let Some(old_values) = old.and_then(Value::as_array) else { return false };
            if rest.is_empty() && matches!(change, Change::Remove) {
                return is_element_removed(old, new, index);
            }
            let Some(new_values) = new.and_then(Value::as_array) else { return false };
            old_values.len() == new_values.len()
                && (0..).zip(old_values.iter().zip(new_values)).all(|(at, (old, new))| {
                    if at == index {
                        is_value_exact(Some(old), Some(new), rest, change)
                    } else {
                        is_same(old, new)
                    }
                })
        }
    }
}

fn is_table_exact(
    old: Option<&Table<'_>>,
    new: Option<&Table<'_>>,
    name: &str,
    path: &[Segment<'_>],
    change: &Change<'_>,
) -> bool {
    let old_value = old.and_then(|table| table.get(name));
    let new_value = new.and_then(|table| table.get(name));
    let others =
        |table: &Table<'_>, value: Option<&Value<'_>>| table.len() - usize::from(value.is_some());
    let old_others = old.map_or(0, |table| others(table, old_value));
    let is_rest_same = match new {
        Some(new) => {
            others(new, new_value) == old_others
                && old.is_none_or(|old| {
                    old.iter().filter(|(key, _)| key.as_str() != name).all(|(key, old)| {
                        new.get(key.as_str()).is_some_and(|new| is_same(old, new))
                    })
                })
        }
        // Only what was implied by the removed value may go with it.
        None => {
            let is_implied =
                |table: &Table<'_>| matches!(table.origin, Origin::Implied | Origin::Dotted);
            matches!(change, Change::Remove) && old.is_some_and(is_implied) && old_others == 0
        }
    };
    is_rest_same && is_value_exact(old_value, new_value, path, change)
}

fn is_element_removed(old: Option<&Value<'_>>, new: Option<&Value<'_>>, index: usize) -> bool {
    let Some(old) = old else { return false };
    let old_values = old.as_array().unwrap_or_default();
    let Some(new) = new else {
        return matches!(old.data(), Data::ArrayOfTables(_)) && old_values.len() == 1;
    };
    let Some(new_values) = new.as_array() else { return false };
    let kept = (0..).zip(old_values).filter(|&(at, _)| at != index).map(|(_, old)| old);
    index < old_values.len()
        && new_values.len() + 1 == old_values.len()
        && kept.zip(new_values).all(|(old, new)| is_same(old, new))
}

fn is_made(old: Option<&Value<'_>>, new: Option<&Value<'_>>, change: &Change<'_>) -> bool {
    match change {
        Change::Put(value) => new.is_some_and(|new| value.is_read_as(new)),
        Change::Remove => old.is_some() && new.is_none(),
        Change::Append(value) => {
            let (Some(old), Some(new)) =
                (old.and_then(Value::as_array), new.and_then(Value::as_array))
            else {
                return false;
            };
            let Some((last, before)) = new.split_last() else { return false };
            before.len() == old.len()
                && old.iter().zip(before).all(|(old, new)| is_same(old, new))
                && value.is_read_as(last)
        }
    }
}

/// Whether two parsed values are the same, tables without order.
fn is_same(old: &Value<'_>, new: &Value<'_>) -> bool {
    match (old.data(), new.data()) {
        (Data::String(old), Data::String(new)) => old == new,
        (Data::Integer(old), Data::Integer(new)) => old == new,
        (Data::Float(old), Data::Float(new)) => is_same_float(*old, *new),
        (Data::Boolean(old), Data::Boolean(new)) => old == new,
        (Data::DateTime(old), Data::DateTime(new)) => old == new,
        (Data::Array(old), Data::Array(new))
        | (Data::ArrayOfTables(old), Data::ArrayOfTables(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| is_same(old, new))
        }
        (Data::Table(old), Data::Table(new)) => {
            old.len() == new.len()
                && old
                    .iter()
                    .all(|(key, old)| new.get(key.as_str()).is_some_and(|new| is_same(old, new)))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;

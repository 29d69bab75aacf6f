//! The meaning: statements to tables, with every rule about who may define what, once.
//!
//! A table is completed in one place. A header may name a table that is so far only implied, dotted
//! keys may add to tables that dotted keys of the same section began, and braces are final.
//!
//! # Invariants
//! - The way to a section's table is walked once per header, not once per key.
//! - A table begun by dotted keys can only be reached again from the section that began it: its
//!   parent is that section's table, and a header opens a table at most once. So no section is
//!   recorded.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Limits;
use super::error::{Fault, ParseErrorKind};
use super::syntax::{Reader, Statement, StatementKind};
use super::value::{Data, Key, Origin, Table, Value};
use crate::limits;
use crate::text::Span;

/// Reads a whole document.
pub(super) fn document<'a>(text: &'a str, limits: Limits) -> Result<Table<'a>, Fault> {
    let depth_max = limits.depth_max.min(limits::TOML_DEPTH_CEILING);
    let mut reader = Reader::new(text, depth_max);
    let mut root = Table::new(Origin::Header);
    let mut table = &mut root;
    let mut depth = 0;
    while let Some(Statement { keys, span, kind }) = reader.statement(depth)? {
        match kind {
            StatementKind::Pair(value) => insert(table, keys, value)?,
            StatementKind::Header { is_array } => {
                (table, depth) = open(&mut root, keys, span, is_array, depth_max)?;
            }
        }
    }
    Ok(root)
}

/// Puts a value under a dotted key.
pub(super) fn insert<'a>(
    mut table: &mut Table<'a>,
    mut keys: Vec<Key<'a>>,
    value: Value<'a>,
) -> Result<(), Fault> {
    let Some(last) = keys.pop() else { return Ok(()) };
    for key in keys {
        let span = key.span();
        let (earlier, value) = enter(table, key, span, Origin::Dotted);
        let found = value.type_name();
        let Data::Table(next) = &mut value.data else {
            return Err(Fault::after(ParseErrorKind::NotATable { found }, span.start, earlier));
        };
        match next.origin {
            Origin::Dotted => {}
            // Dotted keys define what a header so far only implied.
            Origin::Implied => next.origin = Origin::Dotted,
            Origin::Header | Origin::Inline => {
                return Err(Fault::after(ParseErrorKind::ClosedTable, span.start, earlier));
            }
        }
        table = next;
    }
    if let Some((earlier, _)) = table.entry(last.as_str()) {
        let (offset, earlier) = (last.span().start, earlier.span());
        return Err(Fault::after(ParseErrorKind::DuplicateKey, offset, earlier));
    }
    table.push(last, value);
    Ok(())
}

/// Finds or makes the table a header opens, and its depth.
fn open<'t, 'a>(
    mut table: &'t mut Table<'a>,
    mut keys: Vec<Key<'a>>,
    header: Span,
    is_array: bool,
    depth_max: usize,
) -> Result<(&'t mut Table<'a>, usize), Fault> {
    let mut depth = 0;
    let Some(last) = keys.pop() else { return Ok((table, depth)) };
    let check_depth = |depth: usize, key: Span| {
        let fault = Fault::new(ParseErrorKind::TooDeep { depth_max }, key.start);
        if depth <= depth_max { Ok(()) } else { Err(fault) }
    };
    for key in keys {
        let span = key.span();
        let (earlier, value) = enter(table, key, span, Origin::Implied);
        let found = value.type_name();
        depth += if matches!(value.data, Data::ArrayOfTables(_)) { 2 } else { 1 };
        check_depth(depth, span)?;
        table = match section_table(value) {
            Some(next) if next.origin == Origin::Inline => {
                return Err(Fault::after(ParseErrorKind::ClosedTable, span.start, earlier));
            }
            Some(next) => next,
            None => {
                return Err(Fault::after(ParseErrorKind::NotATable { found }, span.start, earlier));
            }
        };
    }
    depth += if is_array { 2 } else { 1 };
    check_depth(depth, last.span())?;
    let table =
        if is_array { open_element(table, last, header) } else { open_table(table, last, header) };
    table.map(|table| (table, depth))
}

/// Opens the table that `[… key]` names.
fn open_table<'t, 'a>(
    parent: &'t mut Table<'a>,
    key: Key<'a>,
    header: Span,
) -> Result<&'t mut Table<'a>, Fault> {
    let offset = key.span().start;
    let (earlier, value) = enter(parent, key, header, Origin::Implied);
    let found = value.type_name();
    // The header is the table's place from now on, whatever implied it.
    let is_implied = matches!(&value.data, Data::Table(table) if table.origin == Origin::Implied);
    if is_implied {
        value.set_span(header);
    }
    match &mut value.data {
        Data::Table(table) if is_implied => {
            table.origin = Origin::Header;
            Ok(table)
        }
        Data::Table(_) => Err(Fault::after(ParseErrorKind::DuplicateTable, offset, earlier)),
        _ => Err(Fault::after(ParseErrorKind::NotATable { found }, offset, earlier)),
    }
}

/// Opens a further element of the array of tables that `[[… key]]` names.
fn open_element<'t, 'a>(
    parent: &'t mut Table<'a>,
    key: Key<'a>,
    header: Span,
) -> Result<&'t mut Table<'a>, Fault> {
    let span = key.span();
    let make = || Value::new(header, Data::ArrayOfTables(Vec::new()));
    let (earlier, value) = parent.entry_or_insert_with(key, make);
    let found = value.type_name();
    let fault = Fault::after(ParseErrorKind::NotAnArrayOfTables { found }, span.start, earlier);
    let Data::ArrayOfTables(values) = &mut value.data else { return Err(fault) };
    values.push(Value::new(header, Data::Table(Box::new(Table::new(Origin::Header)))));
    values.last_mut().and_then(section_table).ok_or(fault)
}

/// The value of a key; if the key is new, an empty table that came to be by `origin`. Also the
/// place where the key was first written.
fn enter<'t, 'a>(
    table: &'t mut Table<'a>,
    key: Key<'a>,
    span: Span,
    origin: Origin,
) -> (Span, &'t mut Value<'a>) {
    let make = || Value::new(span, Data::Table(Box::new(Table::new(origin))));
    table.entry_or_insert_with(key, make)
}

/// The table a header means by a key on its way: the table itself, or the last of an array of them.
fn section_table<'t, 'a>(value: &'t mut Value<'a>) -> Option<&'t mut Table<'a>> {
    let value = match &mut value.data {
        Data::ArrayOfTables(values) => &mut values.last_mut()?.data,
        data => data,
    };
    if let Data::Table(table) = value { Some(table) } else { None }
}

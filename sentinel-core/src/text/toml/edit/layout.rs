//! Where in the text a value, a table's body or a section is.
//!
//! The document says what there is; the statements say how it is written. A header names a table
//! without saying which element of an array of tables it means, so each section gets its full path
//! here, indices included. After that every question is whether one path starts with another.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::element::Container;
use super::splice::{self, Splice};
use super::{EditError, EditErrorKind, Segment, assignment, dotted};
use crate::limits;
use crate::text::Span;
use crate::text::toml::syntax::{Reader, Statement, StatementKind};
use crate::text::toml::value::{Data, Document, Key, Origin, Table, Value};
use crate::text::toml::{Limits, OwnedValue, ParseError};

pub(super) struct Layout<'a> {
    text: &'a str,
    document: Document<'a>,
    /// The first is what stands before any header.
    sections: Vec<Section<'a>>,
    depth_max: usize,
}

/// A header and the keys below it, up to the next header.
struct Section<'a> {
    path: Vec<Step>,
    /// Nothing for the first section.
    header: Option<Span>,
    pairs: Vec<Pair<'a>>,
}

struct Pair<'a> {
    keys: Vec<Key<'a>>,
    span: Span,
    value: Value<'a>,
}

#[derive(PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// What the text has on the way along a path.
struct Reached<'t, 'a> {
    /// How many segments lead to something.
    count: usize,
    /// What the last of them leads to; the root if there was none.
    value: Option<&'t Value<'a>>,
    /// The innermost inline table around or at it, and how many segments lead there.
    inline: Option<(usize, &'t Value<'a>)>,
    /// How many segments lead to the innermost table with a header.
    header: usize,
    /// Whether a header at the end of the text could name it: it is in no element but the last.
    is_nameable: bool,
}

impl<'a> Layout<'a> {
    pub(super) fn new(text: &'a str, limits: Limits) -> Result<Self, ParseError> {
        let document = Document::parse_str_with(text, limits)?;
        let depth_max = limits.depth_max.min(limits::TOML_DEPTH_CEILING);
        let mut reader = Reader::new(text, depth_max);
        let mut sections = vec![Section { path: Vec::new(), header: None, pairs: Vec::new() }];
        let to_error = |fault| ParseError::from_fault(fault, text.as_bytes());
        while let Some(Statement { keys, span, kind }) = reader.statement(0).map_err(to_error)? {
            match (kind, sections.last_mut()) {
                (StatementKind::Pair(value), Some(section)) => {
                    section.pairs.push(Pair { keys, span, value });
                }
                _ => {
                    let path = resolve(document.table(), &keys, span.start);
                    sections.push(Section { path, header: Some(span), pairs: Vec::new() });
                }
            }
        }
        Ok(Self { text, document, sections, depth_max })
    }

    /// Whether there is anything at the end of the path.
    pub(super) fn has(&self, path: &[Segment<'_>]) -> bool {
        self.reach(path).is_ok_and(|reached| reached.count == path.len())
    }

    pub(super) fn set(
        &self,
        path: &[Segment<'_>],
        value: &OwnedValue,
    ) -> Result<Vec<Splice>, EditError> {
        let reached = self.reach(path)?;
        let missing = path.get(reached.count..).unwrap_or_default();
        if missing.is_empty() {
            let is_spread = |old: &&Value<'_>| match old.data() {
                Data::Table(table) => table.origin != Origin::Inline,
                Data::ArrayOfTables(_) => true,
                _ => false,
            };
            let spread = EditError::at(EditErrorKind::SpreadTable, path.len().saturating_sub(1));
            let old = reached.value.filter(|old| !is_spread(old)).ok_or(spread)?;
            return Ok(vec![Splice::replace(old.span().range(), format!("{value}"))]);
        }
        if let Some(at) = missing.iter().position(|segment| matches!(segment, Segment::Index(_))) {
            // Below a missing key there is no array yet, so no index either.
            let kind = EditErrorKind::IndexOutOfRange { length: 0 };
            return Err(EditError::at(kind, reached.count + at));
        }
        if let Some((count, inline)) = reached.inline {
            let keys = path.get(count..).unwrap_or_default();
            let (container, _) = self.inline_table(inline)?;
            return Ok(container.append(&assignment(keys, value)));
        }
        self.insert(path, &reached, value)
    }

    pub(super) fn append(
        &self,
        path: &[Segment<'_>],
        value: &OwnedValue,
    ) -> Result<Vec<Splice>, EditError> {
        let last = path.len().saturating_sub(1);
        let Some(array) = self.reach(path)?.value else {
            return Err(EditError::whole(EditErrorKind::EmptyPath));
        };
        match array.data() {
            Data::Array(values) => Ok(self.array(array, values).append(&format!("{value}"))),
            Data::ArrayOfTables(values) => {
                let OwnedValue::Table(entries) = value else {
                    return Err(EditError::at(EditErrorKind::ElementIsNoTable, last));
                };
                let mut element = path.to_vec();
                element.push(Segment::Index(values.len().saturating_sub(1)));
                Ok(self.append_element(&element, entries))
            }
            _ => {
                let found = array.type_name();
                Err(EditError::at(EditErrorKind::AlreadyDefined { found }, last))
            }
        }
    }

    pub(super) fn remove(&self, path: &[Segment<'_>]) -> Result<Vec<Splice>, EditError> {
        let reached = self.reach(path)?;
        match path.get(reached.count) {
            None => {}
            Some(_) => return Err(EditError::at(EditErrorKind::MissingKey, reached.count)),
        }
        let mut splices = Vec::new();
        for section in &self.sections {
            if section.is_under(path) {
                splices.extend(section.header.map(|header| self.remove_section(section, header)));
                continue;
            }
            let Some(rest) = section.lead_to(path) else { continue };
            for pair in &section.pairs {
                match relate(&pair.keys, rest) {
                    Relation::Apart => {}
                    Relation::Under => splices.push(self.remove_line(pair)),
                    Relation::Above(rest) => {
                        return self.remove_inside(&pair.value, rest);
                    }
                }
            }
        }
        Ok(splices)
    }

    /// Follows a path as far as it leads.
    fn reach<'t>(&'t self, path: &[Segment<'_>]) -> Result<Reached<'t, 'a>, EditError> {
        let mut reached =
            Reached { count: 0, value: None, inline: None, header: 0, is_nameable: true };
        let mut table = Some(self.document.table());
        for (at, segment) in path.iter().enumerate() {
            let found = reached.value.map_or("table", Value::type_name);
            let next = match *segment {
                Segment::Key(name) => {
                    let Some(table) = table else {
                        return Err(EditError::at(EditErrorKind::NotATable { found }, at));
                    };
                    let Some(value) = table.get(name) else { return Ok(reached) };
                    value
                }
                Segment::Index(index) => {
                    let Some(values) = reached.value.and_then(Value::as_array) else {
                        return Err(EditError::at(EditErrorKind::NotAnArray { found }, at));
                    };
                    let length = values.len();
                    let out = EditError::at(EditErrorKind::IndexOutOfRange { length }, at);
                    reached.is_nameable &= index + 1 == length;
                    values.get(index).ok_or(out)?
                }
            };
            reached.count = at + 1;
            reached.value = Some(next);
            table = next.as_table();
            match table.map(|table| table.origin) {
                Some(Origin::Inline) => reached.inline = Some((at + 1, next)),
                Some(Origin::Header) => reached.header = at + 1,
                // A dotted table is as inline as what it stands in. Arrays hold only tables that
                // are their own answer.
                Some(Origin::Implied | Origin::Dotted) | None => {}
            }
        }
        Ok(reached)
    }

    /// Writes a missing key into a table that is not inline.
    fn insert(
        &self,
        path: &[Segment<'_>],
        reached: &Reached<'_, '_>,
        value: &OwnedValue,
    ) -> Result<Vec<Splice>, EditError> {
        let known = path.get(..reached.count).unwrap_or_default();
        let origin = reached
            .value
            .map_or(Some(Origin::Header), |value| value.as_table().map(|table| table.origin));
        let is_only_key_missing = path.len() == reached.count + 1;
        let section = match origin {
            Some(Origin::Header) if is_only_key_missing || !reached.is_nameable => {
                self.section_of(known)
            }
            Some(Origin::Dotted) => {
                return self.insert_beside(path, known, value).ok_or(NOT_EXACT);
            }
            Some(Origin::Implied) if !reached.is_nameable => {
                self.section_of(path.get(..reached.header).unwrap_or_default())
            }
            Some(_) => return Ok(vec![self.new_section(path, value)]),
            None => None,
        };
        let section = section.ok_or(NOT_EXACT)?;
        let keys = path.get(section.path.len()..).unwrap_or_default();
        Ok(vec![self.insert_into(section, &assignment(keys, value))])
    }

    /// Writes a dotted key after the last one that leads through the same table.
    fn insert_beside(
        &self,
        path: &[Segment<'_>],
        table: &[Segment<'_>],
        value: &OwnedValue,
    ) -> Option<Vec<Splice>> {
        for section in &self.sections {
            let Some(rest) = section.lead_to(table) else { continue };
            let is_sibling = |pair: &&Pair<'_>| matches!(relate(&pair.keys, rest), Relation::Under);
            if let Some(sibling) = section.pairs.iter().rfind(is_sibling) {
                let keys = path.get(section.path.len()..).unwrap_or_default();
                return Some(vec![self.insert_line(sibling.span, &assignment(keys, value))]);
            }
        }
        None
    }

    /// Writes a line at the end of a section's body.
    fn insert_into(&self, section: &Section<'_>, line: &str) -> Splice {
        let last = section.pairs.last().map(|pair| pair.span);
        match last.or(section.header) {
            Some(anchor) => self.insert_line(anchor, line),
            None => self.insert_at_top(line),
        }
    }

    /// Writes a line after that of a statement, indented as it is.
    fn insert_line(&self, after: Span, line: &str) -> Splice {
        let newline = splice::newline(self.text);
        let indentation = splice::indentation(self.text, after.start);
        let line_end = splice::line_end(self.text, after.end);
        Splice::insert(line_end, format!("{newline}{indentation}{line}"))
    }

    /// Writes the first key before any header: above the first header and the comments on it.
    fn insert_at_top(&self, line: &str) -> Splice {
        let newline = splice::newline(self.text);
        let Some(header) = self.sections.get(1).and_then(|section| section.header) else {
            let end = self.text.len();
            let is_line_open = self.text.get(splice::line_start(self.text, end)..) != Some("");
            let before = if is_line_open { newline } else { "" };
            return Splice::insert(end, format!("{before}{line}{newline}"));
        };
        let mut start = splice::line_start(self.text, header.start);
        while let Some(previous) = splice::previous_line(self.text, start) {
            if splice::is_blank_line(self.text, previous) {
                break;
            }
            start = previous;
        }
        Splice::insert(start, format!("{line}{newline}{newline}"))
    }

    /// Writes a header for the table around the last key, at the end of the text.
    fn new_section(&self, path: &[Segment<'_>], value: &OwnedValue) -> Splice {
        let newline = splice::newline(self.text);
        let (table, key) = path.split_at(path.len().saturating_sub(1));
        let header = dotted(table.iter().copied());
        let line = assignment(key, value);
        let end = self.text.len();
        let last = splice::line_start(self.text, end);
        let is_line_open = last < end;
        let above = if is_line_open { Some(last) } else { splice::previous_line(self.text, last) };
        let is_above_blank = above.is_none_or(|above| splice::is_blank_line(self.text, above));
        let finish = if is_line_open { newline } else { "" };
        let gap = if is_above_blank { "" } else { newline };
        Splice::insert(end, format!("{finish}{gap}[{header}]{newline}{line}{newline}"))
    }

    /// Writes one more element after the last one of an array of tables and all that belongs to it.
    fn append_element(
        &self,
        last_element: &[Segment<'_>],
        entries: &[(String, OwnedValue)],
    ) -> Vec<Splice> {
        let under = |section: &&Section<'_>| section.is_under(last_element);
        let Some(first) = self.sections.iter().find(under) else { return Vec::new() };
        let Some(last) = self.sections.iter().rfind(under) else { return Vec::new() };
        let (Some(first), Some(header)) = (first.header, last.header) else { return Vec::new() };

        let newline = splice::newline(self.text);
        let indentation = splice::indentation(self.text, first.start);
        let array = dotted(last_element.iter().copied());
        let mut text = format!("{newline}{newline}{indentation}[[{array}]]");
        for (key, value) in entries {
            let line = assignment(&[Segment::Key(key)], value);
            text.push_str(&format!("{newline}{indentation}{line}"));
        }
        let end = last.pairs.last().map_or(header.end, |pair| pair.span.end);
        vec![Splice::insert(splice::line_end(self.text, end), text)]
    }

    fn remove_line(&self, pair: &Pair<'_>) -> Splice {
        let start = splice::line_start(self.text, pair.span.start);
        Splice::remove(start..splice::next_line(self.text, pair.span.end))
    }

    /// Removes a header and its body, and the blank lines after it if there are some before.
    fn remove_section(&self, section: &Section<'_>, header: Span) -> Splice {
        let start = splice::line_start(self.text, header.start);
        let last = section.pairs.last().map_or(header.end, |pair| pair.span.end);
        let mut end = splice::next_line(self.text, last);
        let before = splice::previous_line(self.text, start);
        if before.is_none_or(|before| splice::is_blank_line(self.text, before)) {
            while end < self.text.len() && splice::is_blank_line(self.text, end) {
                end = splice::next_line(self.text, end);
            }
        }
        Splice::remove(start..end)
    }

    /// Removes what a path leads to inside an array or inline table.
    fn remove_inside(
        &self,
        value: &Value<'_>,
        path: &[Segment<'_>],
    ) -> Result<Vec<Splice>, EditError> {
        let (mut value, mut path) = (value.clone(), path);
        loop {
            if let (Data::Array(values), Some((&Segment::Index(index), rest))) =
                (value.data(), path.split_first())
            {
                if rest.is_empty() {
                    let doomed: Vec<_> = (0..values.len()).map(|at| at == index).collect();
                    return Ok(self.array(&value, values).remove(&doomed));
                }
                (value, path) = (values.get(index).ok_or(NOT_EXACT)?.clone(), rest);
                continue;
            }
            let (container, mut pairs) = self.inline_table(&value)?;
            let relations: Vec<_> = pairs.iter().map(|pair| relate(&pair.keys, path)).collect();
            let owner = (0..).zip(&relations).find_map(|(at, relation)| match relation {
                Relation::Above(rest) => Some((at, *rest)),
                _ => None,
            });
            let Some((at, rest)) = owner else {
                let doomed: Vec<_> =
                    relations.iter().map(|relation| matches!(relation, Relation::Under)).collect();
                return Ok(container.remove(&doomed));
            };
            (value, path) = (pairs.swap_remove(at).value, rest);
        }
    }

    fn section_of(&self, path: &[Segment<'_>]) -> Option<&Section<'a>> {
        self.sections.iter().find(|section| section.lead_to(path) == Some(&[]))
    }

    fn array(&self, array: &Value<'_>, values: &[Value<'_>]) -> Container<'a> {
        let elements = values.iter().map(Value::span).collect();
        Container { text: self.text, span: array.span(), elements }
    }

    /// An inline table and its pairs, read once more for where each pair starts.
    fn inline_table(&self, table: &Value<'_>) -> Result<(Container<'a>, Vec<Pair<'a>>), EditError> {
        let span = table.span();
        let mut reader = Reader::at(self.text, span.start + 1, self.depth_max);
        let statements = reader.inline_pairs().map_err(|_| NOT_EXACT)?;
        let to_pair = |statement: Statement<'a>| match statement.kind {
            StatementKind::Pair(value) => {
                Some(Pair { keys: statement.keys, span: statement.span, value })
            }
            StatementKind::Header { .. } => None,
        };
        let pairs: Vec<_> = statements.into_iter().filter_map(to_pair).collect();
        let elements = pairs.iter().map(|pair| pair.span).collect();
        Ok((Container { text: self.text, span, elements }, pairs))
    }
}

impl Section<'_> {
    /// Whether the section's table is at the end of the path or below.
    fn is_under(&self, path: &[Segment<'_>]) -> bool {
        self.path.len() >= path.len() && self.path.iter().zip(path).all(|(step, to)| step.is(to))
    }

    /// What is left of a path at the section's table, if it leads there.
    fn lead_to<'p, 's>(&self, path: &'p [Segment<'s>]) -> Option<&'p [Segment<'s>]> {
        let (front, rest) = path.split_at_checked(self.path.len())?;
        self.path.iter().zip(front).all(|(step, to)| step.is(to)).then_some(rest)
    }
}

impl Step {
    fn is(&self, segment: &Segment<'_>) -> bool {
        match (self, segment) {
            (Self::Key(ours), Segment::Key(theirs)) => ours == theirs,
            (Self::Index(ours), Segment::Index(theirs)) => ours == theirs,
            _ => false,
        }
    }
}

/// How dotted keys stand to a path.
enum Relation<'p, 's> {
    /// They lead elsewhere.
    Apart,
    /// They lead to the end of the path, or through it.
    Under,
    /// They lead to a value on the way, with this much of the path left.
    Above(&'p [Segment<'s>]),
}

fn relate<'p, 's>(keys: &[Key<'_>], path: &'p [Segment<'s>]) -> Relation<'p, 's> {
    let agree = keys.iter().zip(path).all(|(key, segment)| *segment == Segment::Key(key.as_str()));
    match path.get(keys.len()..) {
        _ if !agree => Relation::Apart,
        None | Some([]) => Relation::Under,
        Some(rest) => Relation::Above(rest),
    }
}

/// The full path a header names, in the document as it is up to that header.
///
/// A header means the last element of an array of tables so far: the last whose own header does not
/// stand after it.
fn resolve(root: &Table<'_>, keys: &[Key<'_>], offset: usize) -> Vec<Step> {
    let mut path = Vec::new();
    let mut table = Some(root);
    for key in keys {
        path.push(Step::Key(key.as_str().into()));
        let mut value = table.and_then(|table| table.get(key.as_str()));
        if let Some(Data::ArrayOfTables(values)) = value.map(Value::data) {
            let so_far = values.partition_point(|element| element.span().start <= offset);
            let index = so_far.saturating_sub(1);
            path.push(Step::Index(index));
            value = values.get(index);
        }
        table = value.and_then(Value::as_table);
    }
    path
}

const NOT_EXACT: EditError = EditError { kind: EditErrorKind::NotExact, segment: None };

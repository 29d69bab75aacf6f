//! What must hold for any TOML document, value and edit.
//!
//! Documents are grown line by line out of a small alphabet, with every way to write tables, keys
//! and comments; a line is kept if the document still parses. Small alphabets make collisions,
//! which is where the rules of TOML and of editing are hard.

#![allow(clippy::panic)] // A failed property is a panic.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use sentinel_core::text::toml::{
    Data, Date, DateTime, Document, EditErrorKind, Editor, Limits, OwnedValue, Segment, Time,
    UtcOffset, Value,
};

#[test]
fn arbitrary_bytes_never_panic_and_spans_lie_within_them() {
    arbtest(|u| {
        let bytes = u.bytes(u.len())?;
        drive(bytes);
        Ok(())
    });
}

#[test]
fn mutated_documents_never_panic() {
    arbtest(|u| {
        let mut bytes = document(u)?.into_bytes();
        for _ in 0..u.int_in_range(1..=4)? {
            let at = u.choose_index(bytes.len().max(1))?;
            let token: &[u8] = u.choose(&TOKENS)?.as_bytes();
            let end = (at + u.int_in_range(0..=2)?).min(bytes.len());
            bytes.splice(at.min(end)..end, token.iter().copied());
        }
        drive(&bytes);
        Ok(())
    });
}

#[test]
fn every_prefix_of_a_document_is_handled() {
    arbtest(|u| {
        let text = document(u)?;
        for end in 0..text.len() {
            drive(&text.as_bytes()[..end]);
        }
        Ok(())
    });
}

#[test]
fn what_is_written_reads_back() {
    arbtest(|u| {
        let value = value(u, 3)?;
        let text = format!("it = {value}");
        let document = Document::parse_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let read = document.table().get("it").expect("it was written").to_owned_value();
        assert_eq!(tree(&read), tree(&value), "{text}");
        Ok(())
    });
}

#[test]
fn any_string_and_key_reads_back() {
    arbtest(|u| {
        let (key, text): (String, String) = (u.arbitrary()?, u.arbitrary()?);
        let mut editor = Editor::new("").expect("nothing is a document");
        editor.set(&[key.as_str()], text.as_str()).expect("any key and text can be written");
        let document = Document::parse_str(editor.text()).expect("an edit keeps the text valid");
        assert_eq!(document.table().get(&key).and_then(Value::as_str), Some(text.as_str()));
        Ok(())
    });
}

#[test]
fn edits_change_what_was_asked_and_nothing_else() {
    // Counted, so that a generator which no longer reaches an edit fails the test.
    let mut made = [0; 3];
    arbtest(|u| {
        let text = document(u)?;
        let mut editor = Editor::new(text).expect("the generator keeps documents valid");
        for _ in 0..u.int_in_range(1..=4)? {
            let operation = u.choose_index(3)?;
            made[operation] += usize::from(step(u, &mut editor, operation)?);
        }
        Ok(())
    })
    .budget_ms(3000)
    .run();
    assert!(made.iter().all(|&count| count > 10), "sets, adds, removes made: {made:?}");
}

/// One random edit, checked. Returns whether it was made.
fn step(u: &mut Unstructured<'_>, editor: &mut Editor, operation: usize) -> Result<bool> {
    let before = editor.text().to_owned();
    let document = Document::parse_str(&before).expect("the text of an editor always parses");
    let old = document.to_owned_value();
    let steps = path(u, &old)?;
    let path: Vec<Segment<'_>> = steps.iter().map(Step::as_segment).collect();
    let new_value = value(u, 2)?;
    let existing = find(&document, &path);
    let is_spread = existing.is_some_and(|value| {
        let start = before.as_bytes().get(value.span().start);
        let is_inline = matches!(
            (value.data(), start),
            (Data::Table(_), Some(b'{')) | (Data::Array(_), Some(b'['))
        );
        matches!(value.data(), Data::Table(_) | Data::ArrayOfTables(_)) && !is_inline
    });

    let outcome = match operation {
        0 => editor.set(&path, new_value.clone()),
        1 => editor.add(&path, new_value.clone()),
        _ => editor.remove(&path),
    };
    let after = editor.text().to_owned();
    let context = format!("operation {operation} at {path:?} in:\n{before}\nmade it:\n{after}");
    if let Err(error) = outcome {
        assert_eq!(before, after, "a failed edit changes nothing");
        let is_refusal = !matches!(
            error.kind(),
            EditErrorKind::NotExact | EditErrorKind::Unreadable(_) | EditErrorKind::EmptyPath
        );
        assert!(is_refusal, "{error}: {context}\nvalue: {new_value}");
        return Ok(false);
    }

    let new = Document::parse_str(&after).expect("the text of an editor always parses");
    let new = tree(&new.to_owned_value());
    let mut expected = tree(&old);
    match operation {
        0 => expected.put(&path, tree(&new_value)),
        1 => expected.add(&path, tree(&new_value)),
        _ => {
            // Tables that were only implied go too; which ones is for the unit tests.
            expected.remove(&path);
            let mut pruned = path.as_slice();
            while new != expected && pruned.len() > 1 {
                pruned = &pruned[..pruned.len() - 1];
                assert!(expected.is_empty_at(pruned), "{context}");
                expected.remove(pruned);
            }
        }
    }
    assert_eq!(new, expected, "{context}");

    // Now the text: comments, and everything else outside the edit.
    let span = existing.map(Value::span);
    match (operation, span) {
        (0, Some(span)) => {
            assert!(after.starts_with(&before[..span.start]), "{context}");
            assert!(after.ends_with(&before[span.end..]), "{context}");
        }
        (0 | 1, _) => {
            let lines = after.lines().collect::<Vec<_>>();
            let lost = before.lines().filter(|line| !lines.contains(line)).count();
            assert!(lost <= 2, "{context}");
            assert!(is_subsequence(&before, &after), "{context}");
            assert!(
                comments(&before, |_| true).all(|comment| after.contains(comment)),
                "{context}"
            );
        }
        _ => {
            assert!(is_subsequence(&after, &before), "{context}");
            let is_inside = |at: usize| span.is_some_and(|span| span.range().contains(&at));
            let is_own_line =
                |at: usize| before[..at].trim_end_matches([' ', '\t']).ends_with('\n');
            let mut kept = comments(&before, |at| is_own_line(at) && !is_inside(at));
            assert!(is_spread || kept.all(|comment| after.contains(comment)), "{context}");
        }
    }
    let (old_feeds, new_feeds) = (before.contains("\r\n"), after.contains("\r\n"));
    assert!(!before.contains('\n') || !after.contains('\n') || old_feeds == new_feeds, "{context}");
    Ok(true)
}

/// What a fuzzer drives: reads bytes, looks at every span, writes what was read, edits.
fn drive(bytes: &[u8]) {
    let limits = Limits { bytes_max: 1 << 16, depth_max: 16 };
    let Ok(document) = Document::parse_with(bytes, limits) else { return };
    for (key, value) in document.table().iter() {
        assert!(bytes.get(key.span().range()).is_some_and(|key| !key.is_empty()));
        check_spans(bytes, value);
    }
    let value = document.to_owned_value();
    let text = format!("it = {value}");
    let written = Document::parse_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let it = written.table().get("it").expect("it was written").to_owned_value();
    assert_eq!(tree(&it), tree(&value));
    let keys: Vec<String> = document.table().iter().map(|(key, _)| key.to_string()).collect();
    let text = core::str::from_utf8(bytes).expect("a document is UTF-8");
    let mut editor = Editor::with_limits(text, Limits::default()).expect("it was just read");
    for key in &keys {
        editor.remove(&[key.as_str()]).expect("a key of the root can be removed");
    }
    assert!(Document::parse_str(editor.text()).is_ok_and(|document| document.table().is_empty()));
}

fn check_spans(bytes: &[u8], value: &Value<'_>) {
    assert!(bytes.get(value.span().range()).is_some_and(|written| !written.is_empty()));
    for value in value.as_array().unwrap_or_default() {
        check_spans(bytes, value);
    }
    for (key, value) in value.as_table().into_iter().flat_map(|table| table.iter()) {
        assert!(bytes.get(key.span().range()).is_some_and(|key| !key.is_empty()));
        check_spans(bytes, value);
    }
}

/// Pieces of TOML, to break documents with.
const TOKENS: [&str; 24] = [
    "[", "]", "[[", "]]", "{", "}", "=", ".", ",", "\"", "'", "\"\"\"", "'''", "\\", "#", "\n",
    "\r", "_", "0", "-", ":", "e", "\u{0}", "é",
];

/// A valid document.
fn document(u: &mut Unstructured<'_>) -> Result<String> {
    let newline = *u.choose(&["\n", "\r\n"])?;
    let mut text = String::from(if u.ratio(1, 8)? { "\u{feff}" } else { "" });
    for number in 0..u.int_in_range(0..=12)? {
        let line = line(u, number)?.replace('\n', newline);
        let ending = if u.ratio(1, 30)? { "" } else { newline };
        let longer = format!("{text}{line}{ending}");
        if Document::parse_str(&longer).is_ok() {
            text = longer;
        }
    }
    Ok(text)
}

fn line(u: &mut Unstructured<'_>, number: usize) -> Result<String> {
    let indentation = u.choose(&["", "", "  ", "\t"])?;
    let comment = if u.ratio(1, 3)? { format!(" # behind-{number}.") } else { String::new() };
    let content = match u.int_in_range(0..=9)? {
        0 => return Ok(String::new()),
        1 | 2 => format!("# own-{number}."),
        3 | 4 => format!("[{}]{comment}", written_path(u, 3)?),
        5 => format!("[[{}]]{comment}", written_path(u, 2)?),
        _ => {
            let equals = u.choose(&["=", " = "])?;
            format!("{}{equals}{}{comment}", written_path(u, 3)?, written(u, 2, number)?)
        }
    };
    Ok(format!("{indentation}{content}"))
}

fn written_path(u: &mut Unstructured<'_>, length_max: usize) -> Result<String> {
    let keys = ["a", "b", "c", "'a'", "\"b\"", "\"\\u0063\"", "'x y'"];
    let mut path = String::from(*u.choose(&keys)?);
    for _ in 1..u.int_in_range(1..=length_max)? {
        path += u.choose(&[".", " . "])?;
        path += u.choose(&keys)?;
    }
    Ok(path)
}

/// A value in one of the ways people write it.
fn written(u: &mut Unstructured<'_>, depth: usize, number: usize) -> Result<String> {
    let scalars =
        ["1", "'#'", "\"a\\nb\"", "'''\n'x' # \n'''", "1.5", "nan", "2024-02-29", "0x_f", "true"];
    if depth == 0 || u.ratio(1, 2)? {
        return Ok((*u.choose(&scalars)?).to_owned());
    }
    let is_array = u.arbitrary()?;
    let mut text = String::from(if is_array { "[" } else { "{" });
    let gap = |u: &mut Unstructured<'_>, place: &str| -> Result<String> {
        let comment = format!(" # in-{number}-{depth}-{place}.\n  ");
        Ok((*u.choose(&["", "", " ", "\n  ", comment.as_str()])?).to_owned())
    };
    let count = u.int_in_range(0..=3)?;
    text += &gap(u, "start")?;
    for index in 0..count {
        if !is_array {
            text += &format!("{} = ", written_path(u, 2)?);
        }
        text += &written(u, depth - 1, number)?;
        text += &gap(u, &format!("{index}-before"))?;
        if index + 1 < count || u.ratio(1, 3)? {
            text += ",";
        }
        text += &gap(u, &format!("{index}-after"))?;
    }
    text += if is_array { "]" } else { "}" };
    Ok(text)
}

/// A value to write.
fn value(u: &mut Unstructured<'_>, depth: usize) -> Result<OwnedValue> {
    let choices = if depth == 0 { 6 } else { 8 };
    Ok(match u.choose_index(choices)? {
        0 => OwnedValue::String(u.arbitrary()?),
        1 => OwnedValue::Integer(u.arbitrary()?),
        2 => OwnedValue::Float(u.arbitrary()?),
        3 => OwnedValue::Boolean(u.arbitrary()?),
        4 => OwnedValue::DateTime(datetime(u)?),
        5 => OwnedValue::String((*u.choose(&["a", "\\", "'\"'", "a\r\nb", "#"])?).to_owned()),
        6 => {
            let count = u.int_in_range(0..=3)?;
            OwnedValue::Array((0..count).map(|_| value(u, depth - 1)).collect::<Result<_>>()?)
        }
        _ => {
            let mut entries = BTreeMap::new();
            for _ in 0..u.int_in_range(0..=3)? {
                let key = *u.choose(&["a", "b", "x y", "", "é"])?;
                entries.insert(key.to_owned(), value(u, depth - 1)?);
            }
            OwnedValue::Table(entries.into_iter().collect())
        }
    })
}

fn datetime(u: &mut Unstructured<'_>) -> Result<DateTime> {
    let date =
        Date::new(u.int_in_range(0..=9999)?, u.int_in_range(1..=12)?, u.int_in_range(1..=28)?);
    let nanosecond = if u.arbitrary()? { u.int_in_range(0..=999_999_999)? } else { 0 };
    let time = Time::new(
        u.int_in_range(0..=23)?,
        u.int_in_range(0..=59)?,
        u.int_in_range(0..=60)?,
        nanosecond,
    );
    let offset = UtcOffset::from_minutes(u.int_in_range(-1439..=1439)?);
    let (date, time) = (date.expect("a day"), time.expect("a time"));
    Ok(match u.choose_index(4)? {
        0 => DateTime::Offset(date, time, offset.expect("an offset")),
        1 => DateTime::Local(date, time),
        2 => DateTime::LocalDate(date),
        _ => DateTime::LocalTime(time),
    })
}

#[derive(Debug)]
enum Step {
    Key(String),
    Index(usize),
}

impl Step {
    fn as_segment(&self) -> Segment<'_> {
        match self {
            Self::Key(name) => Segment::Key(name),
            Self::Index(index) => Segment::Index(*index),
        }
    }
}

/// A path that leads to something, past it, or elsewhere.
fn path(u: &mut Unstructured<'_>, mut value: &OwnedValue) -> Result<Vec<Step>> {
    let mut path = Vec::new();
    while path.is_empty() || u.ratio(3, 4)? {
        match value {
            OwnedValue::Table(entries) if !entries.is_empty() => {
                let (key, next) = u.choose(entries)?;
                path.push(Step::Key(key.clone()));
                value = next;
            }
            OwnedValue::Array(values) if !values.is_empty() => {
                let index = u.choose_index(values.len())?;
                path.push(Step::Index(index));
                value = &values[index];
            }
            _ => break,
        }
    }
    let extra = if path.is_empty() { 1 } else { u.int_in_range(0..=2)? };
    for _ in 0..extra {
        path.push(Step::Key((*u.choose(&["a", "b", "new", "x y"])?).to_owned()));
    }
    Ok(path)
}

fn find<'d>(document: &'d Document<'_>, path: &[Segment<'_>]) -> Option<&'d Value<'d>> {
    let (Segment::Key(first), rest) = path.split_first()? else { return None };
    rest.iter().try_fold(document.table().get(first)?, |value, segment| match *segment {
        Segment::Key(name) => value.get(name),
        Segment::Index(index) => value.as_array()?.get(index),
    })
}

/// The comments of a text, as the generator numbers them, whose place satisfies `accept`.
fn comments(text: &str, accept: impl Fn(usize) -> bool) -> impl Iterator<Item = &str> {
    text.match_indices("# ").filter(move |&(at, _)| accept(at)).filter_map(|(at, _)| {
        let comment = text[at..].lines().next()?;
        comment.ends_with('.').then_some(comment)
    })
}

/// Whether all of `short` but blank space occurs in `long`, in order.
fn is_subsequence(short: &str, long: &str) -> bool {
    let mut rest = long.chars();
    short.chars().filter(|c| !c.is_whitespace()).all(|wanted| rest.any(|c| c == wanted))
}

/// A document as the edits should make it, written without the code under test.
#[derive(Clone, Debug, PartialEq)]
enum Tree {
    Leaf(String),
    Array(Vec<Tree>),
    Table(BTreeMap<String, Tree>),
}

/// Leaves compare by their debug form, in which one not-a-number is like another.
fn tree(value: &OwnedValue) -> Tree {
    match value {
        OwnedValue::Array(values) => Tree::Array(values.iter().map(tree).collect()),
        OwnedValue::Table(entries) => {
            Tree::Table(entries.iter().map(|(key, value)| (key.clone(), tree(value))).collect())
        }
        leaf => Tree::Leaf(format!("{leaf:?}")),
    }
}

impl Tree {
    /// The place a path leads to, with tables made on the way.
    fn at(&mut self, path: &[Segment<'_>]) -> &mut Tree {
        path.iter().fold(self, |tree, segment| match (tree, *segment) {
            (Tree::Table(entries), Segment::Key(name)) => {
                entries.entry(name.to_owned()).or_insert_with(|| Tree::Table(BTreeMap::new()))
            }
            (Tree::Array(values), Segment::Index(index)) => &mut values[index],
            (tree, segment) => panic!("{segment:?} leads nowhere in {tree:?}"),
        })
    }

    fn put(&mut self, path: &[Segment<'_>], value: Tree) {
        *self.at(path) = value;
    }

    fn add(&mut self, path: &[Segment<'_>], value: Tree) {
        if let Tree::Array(values) = self.at(path) {
            values.push(value);
        } else {
            *self.at(path) = value;
        }
    }

    fn remove(&mut self, path: &[Segment<'_>]) {
        let Some((last, before)) = path.split_last() else { return };
        match (self.at(before), *last) {
            (Tree::Table(entries), Segment::Key(name)) => drop(entries.remove(name)),
            (Tree::Array(values), Segment::Index(index)) => drop(values.remove(index)),
            (tree, segment) => panic!("{segment:?} leads nowhere in {tree:?}"),
        }
    }

    fn is_empty_at(&mut self, path: &[Segment<'_>]) -> bool {
        match self.at(path) {
            Tree::Table(entries) => entries.is_empty(),
            Tree::Array(values) => values.is_empty(),
            Tree::Leaf(_) => false,
        }
    }
}

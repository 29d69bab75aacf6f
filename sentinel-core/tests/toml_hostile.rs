//! Documents meant to exhaust time, stack or memory.
//!
//! Nothing here is timed: a quadratic step or an unbounded recursion over inputs of these sizes
//! would not finish, or would overflow the stack of a test thread.

use sentinel_core::text::toml::{
    Document, Editor, Limits, OwnedValue, ParseErrorKind, Segment, Value,
};

const HUGE: Limits = Limits { bytes_max: 1 << 26, depth_max: usize::MAX };

fn refuse(text: &str, limits: Limits) -> ParseErrorKind {
    Document::parse_str_with(text, limits).expect_err("it is hostile").kind()
}

#[test]
fn nesting_meets_the_depth_limit_and_not_the_stack() {
    let brackets = "[".repeat(1 << 26);
    let bytes_max = Limits::default().bytes_max;
    assert_eq!(refuse(&brackets, Limits::default()), ParseErrorKind::TooLong { bytes_max });
    assert!(matches!(refuse(&brackets, HUGE), ParseErrorKind::Expected { .. }));

    let default = ParseErrorKind::TooDeep { depth_max: 128 };
    for (front, part) in
        [("a = ", "["), ("a = ", "{a = "), ("a = ", "[{a="), ("", "a."), ("[", "a."), ("[[", "a.")]
    {
        let text = format!("{front}{}", part.repeat((1 << 20) / part.len() - 8));
        assert_eq!(refuse(&text, Limits::default()), default, "{front}{part}");
        let kind = refuse(&text, HUGE);
        assert!(matches!(kind, ParseErrorKind::TooDeep { depth_max: 512 }), "{kind:?}");
    }
}

#[test]
fn the_deepest_document_can_be_compared_copied_and_dropped() {
    let text = format!("a = {}{}", "[".repeat(512), "]".repeat(512));
    let document = Document::parse_str_with(&text, HUGE).expect("512 is the ceiling");
    let value = document.clone().to_owned_value();
    let OwnedValue::Table(mut entries) = value.clone() else { return };
    assert!(entries.pop().is_some_and(|(_, value)| text.ends_with(&value.to_string())));
    let mut editor = Editor::with_limits(text, HUGE).expect("it was just read");
    editor.set(&["b"], 1).expect("a key can be added beside it");
}

#[test]
fn a_hundred_thousand_of_anything() {
    const COUNT: usize = 100_000;
    let lines = |line: fn(usize) -> String| (0..COUNT).map(line).collect::<String>();
    let keys = lines(|number| format!("key-{number} = {number}\n"));
    for text in [
        keys.clone(),
        lines(|number| format!("a.b.c.key-{number} = 1\n")),
        lines(|number| format!("\"\\u0061{number}\" = 1\n")),
        lines(|_| "[[x]]\n".to_owned()),
        lines(|number| format!("[[x]]\n[x.y-{number}]\nz.q = 1\n")),
        lines(|number| format!("[a.b.key-{number}]\n")),
        format!("a = [{}]", lines(|_| "1,\n".to_owned())),
        format!("a = [{}]", lines(|_| "{},".to_owned())),
        format!("a = {{{}}}", lines(|number| format!("b.k{number} = 1, "))),
        format!("a = \"\"\"{}\"\"\"", lines(|_| "\\n\\\n \n".to_owned())),
        format!("a = '''{}'''", lines(|_| "''\r\n".to_owned())),
        lines(|_| "# comment\n\n".to_owned()),
    ] {
        let document = Document::parse_str_with(&text, HUGE).expect("it is merely long");
        assert!(document.table().len() <= COUNT);
    }
    let document = Document::parse_str_with(&keys, HUGE).expect("it is merely long");
    for number in 0..COUNT {
        let value = document.table().get(&format!("key-{number}")).and_then(Value::as_i64);
        assert_eq!(value, i64::try_from(number).ok());
    }
}

#[test]
fn long_tokens_cost_their_length() {
    let long = 1 << 22;
    for (front, middle, back) in [
        ("a = '", "x", "'"),
        ("a = \"", "\\\\", "\""),
        ("", "k", " = 1"),
        ("\"", "\\x61", "\" = 1"),
        ("a = 1", "0", ".0e-1"),
        ("a = 0.", "1", ""),
        ("a = 0x", "0", "1"),
        ("a = 10:00:00.", "9", ""),
        ("a = \"\"\"", "\"\"\\\n", "\"\"\""),
        ("a = 1 ", " ", "# end"),
        ("a = [", "\n", "]"),
    ] {
        let text = format!("{front}{}{back}", middle.repeat(long / middle.len()));
        let result = Document::parse_str_with(&text, HUGE);
        let is_out_of_range =
            result.as_ref().is_err_and(|error| error.kind() == ParseErrorKind::FloatOutOfRange);
        assert!(result.is_ok() || is_out_of_range, "{front}{middle}: {:?}", result.err());
    }
}

#[test]
fn a_large_document_can_be_edited() {
    const COUNT: usize = 30_000;
    let text: String = (0..COUNT).map(|number| format!("[[x]]\nk = [{number}] # c\n")).collect();
    let mut editor = Editor::with_limits(text, HUGE).expect("it is merely long");
    let at = |index| [Segment::Key("x"), Segment::Index(index), Segment::Key("k")];
    editor.set(&at(COUNT / 2), "here").expect("the middle");
    editor.add(&at(0), 1).expect("the first");
    editor.remove(&at(COUNT - 1)[..2]).expect("the last");
    editor.add(&["x"], OwnedValue::Table(Vec::new())).expect("one more");
    let inline =
        format!("a = {{c=0,{}}}", (0..COUNT).map(|n| format!("b.k{n}=1,")).collect::<String>());
    let mut editor = Editor::with_limits(inline, HUGE).expect("it is merely long");
    editor.set(&["a", "b", "more"], 1).expect("one more key");
    editor.remove(&["a", "b"]).expect("all of them");
    assert_eq!(editor.text(), "a = {c=0,}");
}

#[test]
fn a_value_too_deep_to_write_is_refused_before_it_is_written() {
    let mut value = OwnedValue::Array(Vec::new());
    for _ in 0..2000 {
        value = OwnedValue::Array(vec![value]);
    }
    let mut editor = Editor::new("").expect("nothing is a document");
    assert!(editor.set(&["a"], value).is_err());
    assert_eq!(editor.text(), "");
    let path = vec!["a"; 100_000];
    assert!(editor.set(&path, 1).is_err() && editor.remove(&path).is_err());
}

#[test]
fn binary_is_refused() {
    let all: Vec<u8> = (0..=255).collect();
    for start in 0..all.len() {
        let error = Document::parse(&all[start..]).expect_err("bytes from 128 on are not UTF-8");
        assert_eq!(error.kind(), ParseErrorKind::NotUtf8);
    }
    for byte in (0..0x20).chain([0x7f]).filter(|byte| !matches!(byte, b'\t' | b'\n')) {
        for text in [&[byte][..], &[b'#', byte], &[b'a', b'=', b'\'', byte, b'\''], b"a=1\0"] {
            assert!(Document::parse(text).is_err(), "{byte:#x}");
        }
    }
}

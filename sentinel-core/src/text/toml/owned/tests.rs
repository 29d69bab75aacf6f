use super::super::{Date, Document};
use super::*;
use alloc::string::ToString;
use alloc::vec;

fn write(value: impl Into<OwnedValue>) -> String {
    value.into().to_string()
}

#[test]
fn strings_take_the_quotes_that_need_no_escapes() {
    for (text, expected) in [
        ("plain é", r#""plain é""#),
        ("it's", r#""it's""#),
        (r"C:\new", r"'C:\new'"),
        (r#"say "it""#, r#"'say "it"'"#),
        (r#"it's "it""#, r#""it's \"it\"""#),
        ("a\\\n", r#""a\\\n""#),
        ("\r\t\u{0}\u{1b}\u{7f}", r#""\r\t\u0000\u001B\u007F""#),
        ("", r#""""#),
    ] {
        assert_eq!(write(text), expected);
    }
}

#[test]
fn floats_never_read_as_integers() {
    for (number, expected) in [
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (1e300, "1e300"),
        (1e-7, "1e-7"),
        (0.1, "0.1"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (-f64::NAN, "nan"),
    ] {
        assert_eq!(write(number), expected);
    }
}

#[test]
fn other_values() {
    assert_eq!(write(i64::MIN), "-9223372036854775808");
    assert_eq!((write(7_u16), write(7_u32), write(true)), ("7".into(), "7".into(), "true".into()));
    assert_eq!(write(DateTime::LocalDate(Date::new(33, 4, 5).unwrap())), "0033-04-05");
    assert_eq!(write(vec![vec![1], vec![]]), "[[1], []]");
    assert_eq!(write(OwnedValue::Table(vec![])), "{}");
    let keys = [("a-b_1", 1.into()), ("", 2.into()), ("é", 3.into()), ("a.b", 4.into())];
    assert_eq!(write(keys), r#"{ a-b_1 = 1, "" = 2, "é" = 3, "a.b" = 4 }"#);
}

#[test]
fn a_value_is_read_as_itself_and_nothing_else() {
    let is_same = |value: &str, read: &str| {
        let (value, read) = (alloc::format!("a = {value}"), alloc::format!("a = {read}"));
        let value = Document::parse_str(&value).unwrap().to_owned_value();
        let read = Document::parse_str(&read).unwrap();
        let OwnedValue::Table(entries) = value else { return false };
        entries[0].1.is_read_as(read.table().get("a").unwrap())
    };
    for (value, read) in [("nan", "-nan"), ("{b=1,c=[2]}", "{c=[2],b=1}"), ("'x'", "\"x\"")] {
        assert!(is_same(value, read), "{value} {read}");
    }
    for (value, read) in [
        ("1", "1.0"),
        ("0.0", "-0.0"),
        ("1", "'1'"),
        ("[1]", "[1, 1]"),
        ("[1, 2]", "[2, 1]"),
        ("{b=1}", "{b=1,c=1}"),
        ("{b=1,c=1}", "{b=1,d=1}"),
        ("07:00", "07:00:01"),
        ("2024-01-01T00:00Z", "2024-01-01T01:00+01:00"),
    ] {
        assert!(!is_same(value, read), "{value} {read}");
    }
}

#[test]
fn depth_is_counted_in_containers() {
    let value = OwnedValue::from([("a", OwnedValue::from(vec![1]))]);
    assert!(value.is_deeper_than(0) && value.is_deeper_than(1));
    assert!(!value.is_deeper_than(2));
    assert!(!OwnedValue::from(1).is_deeper_than(0));
}

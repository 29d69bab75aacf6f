use super::super::{Date, Time, UtcOffset};
use super::*;
use alloc::string::{String, ToString};

/// The value of `a` in a document that says just that.
fn read<T>(written: &str, take: impl FnOnce(&Value<'_>) -> T) -> T {
    let text = alloc::format!("a = {written}");
    let document = Document::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    take(document.table().get("a").unwrap())
}

fn string(written: &str) -> String {
    read(written, |value| value.as_str().unwrap().to_string())
}

#[test]
fn strings_of_all_kinds() {
    assert_eq!(
        string(r#""a\b\t\n\f\r\e\"\\\x41\u00e9\U0001F600""#),
        "a\u{8}\t\n\u{c}\r\u{1b}\"\\Aé😀"
    );
    assert_eq!(string(r"'a\b'"), r"a\b");
    assert_eq!(string("\"\"\"\na\n b\\\n   \n c \\  \n d\"\"\""), "a\n bc d");
    assert_eq!(string("'''\na\\\n''b'''"), "a\\\n''b");
    assert_eq!(string(r#""""""a""""""#), "\"\"a\"\"");
    assert_eq!(string("'''a'''''"), "a''");
    assert_eq!(string("''"), "");
    assert_eq!(string("''''''"), "");
}

#[test]
fn line_ends_in_strings_read_as_line_feeds() {
    assert_eq!(string("\"\"\"\r\na\r\nb\\r\\\r\n c\"\"\""), "a\nb\rc");
    assert_eq!(string("'''\r\na\r\nb'''"), "a\nb");
}

#[test]
fn strings_borrow_unless_they_held_an_escape() {
    let is_borrowed = |written: &str| {
        read(written, |value| matches!(value.data(), Data::String(Cow::Borrowed(_))))
    };
    for written in ["'x'", "\"x\"", "'''\nx\\y\nz'''", "\"\"\"x\ny\"\"\"", "\"\""] {
        assert!(is_borrowed(written), "{written}");
    }
    assert!(!is_borrowed("\"x\\ty\""));
}

#[test]
fn integers_in_all_bases() {
    for (written, expected) in [
        ("+1_000", 1000),
        ("-0", 0),
        ("0xDEAD_beef", 0xdead_beef),
        ("0o755", 0o755),
        ("0b1_0", 2),
        ("0x7fffffffffffffff", i64::MAX),
        ("-9223372036854775808", i64::MIN),
    ] {
        assert_eq!(read(written, |value| value.as_i64()), Some(expected), "{written}");
    }
    for written in ["0x8000000000000000", "-9223372036854775809", "1_", "_1", "01", "0x_1", "+0x1"]
    {
        assert!(Document::parse_str(&alloc::format!("a = {written}")).is_err(), "{written}");
    }
}

#[test]
fn floats() {
    for (written, expected) in [
        ("1_0.2_5", 10.25),
        ("-0.0", -0.0),
        ("+1e+1_0", 1e10),
        ("6.626e-34", 6.626e-34),
        ("-inf", f64::NEG_INFINITY),
        ("1e-999", 0.0),
        ("1.7976931348623157e308", f64::MAX),
    ] {
        let read = read(written, |value| value.as_f64()).unwrap();
        assert_eq!(read.to_bits(), expected.to_bits(), "{written}");
    }
    assert!(read("-nan", |value| value.as_f64()).unwrap().is_nan());
    assert_eq!(read("1", |value| value.as_f64()), None, "an integer is no float");
}

#[test]
fn dates_and_times() {
    let date = Date::new(2024, 2, 29).unwrap();
    let time = Time::new(7, 32, 0, 0).unwrap();
    let half = Time::new(7, 32, 0, 500_000_000).unwrap();
    let east = UtcOffset::from_minutes(-570).unwrap();
    for (written, expected) in [
        ("2024-02-29", DateTime::LocalDate(date)),
        ("2024-02-29 # 07:32", DateTime::LocalDate(date)),
        ("07:32", DateTime::LocalTime(time)),
        ("07:32:00.5", DateTime::LocalTime(half)),
        ("2024-02-29t07:32:00", DateTime::Local(date, time)),
        ("2024-02-29 07:32z", DateTime::Offset(date, time, UtcOffset::UTC)),
        ("2024-02-29T07:32:00.50-09:30", DateTime::Offset(date, half, east)),
    ] {
        assert_eq!(read(written, |value| value.as_datetime()), Some(expected), "{written}");
    }
    let cut = read("07:32:00.1234567899", |value| value.as_datetime()).and_then(DateTime::time);
    assert_eq!(cut.map(Time::nanosecond), Some(123_456_789), "further digits are cut, not rounded");
    assert_eq!(cut.unwrap().to_string(), "07:32:00.123456789");
    for year in [1900, 2023, 2100] {
        assert_eq!(Date::new(year, 2, 29), None);
    }
    assert!(Date::new(2000, 2, 29).is_some());
    assert!(Date::new(2000, 4, 31).is_none() && Date::new(10000, 1, 1).is_none());
    assert!(Time::new(23, 59, 60, 0).is_some() && Time::new(0, 0, 61, 0).is_none());
    assert!(UtcOffset::from_minutes(1440).is_none());
}

#[test]
fn every_value_knows_its_type() {
    for (written, name) in [
        ("''", "string"),
        ("1", "integer"),
        ("1.0", "float"),
        ("true", "boolean"),
        ("2024-02-29T00:00Z", "offset date-time"),
        ("2024-02-29T00:00", "local date-time"),
        ("2024-02-29", "local date"),
        ("00:00", "local time"),
        ("[]", "array"),
        ("{}", "table"),
        ("1\n[[b]]", "integer"),
    ] {
        assert_eq!(read(written, |value| value.type_name()), name, "{written}");
    }
    let document = Document::parse(b"[[b]]").unwrap();
    assert_eq!(document.table().get("b").unwrap().type_name(), "array of tables");
    assert_eq!(read("true", |value| value.as_bool()), Some(true));
    assert_eq!(read("1", |value| value.as_bool()), None);
    assert_eq!(read("[1, 2]", |value| value.as_array().map(<[_]>::len)), Some(2));
    assert!(read("[1]", |value| value.as_table().is_none() && value.get("x").is_none()));
}

#[test]
fn keys_and_values_know_their_place() {
    let text = "x.'y z' = [ 1, {q = 2} ]\n[a.\"b\"] # c\nd = '''\n'''\n[[ e ]]\n[[e]]\n";
    let document = Document::parse_str(text).unwrap();
    let root = document.table();
    let at = |span: Span| &text[span.range()];
    let keys: Vec<_> = root.iter().map(|(key, value)| (at(key.span()), at(value.span()))).collect();
    assert_eq!(keys, [("x", "x"), ("a", "a"), ("e", "[[ e ]]")]);
    let (key, y) = root.get("x").and_then(Value::as_table).unwrap().entry("y z").unwrap();
    assert_eq!((at(key.span()), at(y.span())), ("'y z'", "[ 1, {q = 2} ]"));
    assert_eq!(at(y.as_array().unwrap()[1].span()), "{q = 2}");
    let b = root.get("a").unwrap().get("b").unwrap();
    assert_eq!(at(b.span()), "[a.\"b\"]");
    assert_eq!(at(b.get("d").unwrap().span()), "'''\n'''");
    assert_eq!(at(root.get("e").unwrap().as_array().unwrap()[1].span()), "[[e]]");
}

#[test]
fn a_table_keeps_source_order_and_finds_keys_when_it_is_large() {
    let text: String =
        (0..100).rev().map(|number| alloc::format!("k{number} = {number}\n")).collect();
    let document = Document::parse_str(&text).unwrap();
    let table = document.table();
    assert_eq!(table.len(), 100);
    let order: Vec<_> = table.iter().map(|(_, value)| value.as_i64().unwrap()).collect();
    assert_eq!(order, (0..100).rev().collect::<Vec<_>>());
    for number in 0..100 {
        let value = table.get(&alloc::format!("k{number}")).and_then(Value::as_i64);
        assert_eq!(value, Some(number));
    }
    assert!(table.get("k100").is_none());
    let error = Document::parse_str(&(text + "k50 = 0")).unwrap_err();
    assert_eq!(error.kind(), ParseErrorKind::DuplicateKey);
}

#[test]
fn tables_may_be_completed_where_toml_allows_it() {
    for text in [
        "[a.b]\n[a]",
        "[a.b]\n[a]\nc = 1\n[a.d]",
        "a.b = 1\na.c = 2",
        "a.b = 1\nx = 1\na.c = 2",
        "[t]\na.b = 1\n[t.a.c]",
        "[a.b.c]\n[a]\nb.d = 1",
        "[[a]]\n[a.b]\n[[a]]\n[a.b]",
        "[[a.b]]\n[a]\n[[a.b]]",
        "a = {b.c = 1, b.d = 2}",
        "a = {\n b = 1, # one\n}",
        "\u{feff}a = 1",
        "",
    ] {
        if let Err(error) = Document::parse_str(text) {
            panic!("{error}\n{text}");
        }
    }
}

#[test]
fn what_braces_or_a_section_completed_stays_complete() {
    for text in [
        "[a.b.c]\n[a]\nb.d = 1\n[a.b]",
        "a.b = 1\n[a.b]",
        "[t]\na.b = 1\n[t.a]",
        "a = {b = {}, b.c = 1}",
        "a = [{}]\n[a.b]",
        "a = [{}]\n[[a]]",
        "[[a]]\n[a.b]\n[[a.b]]",
        "[[a.b]]\n[a]\nb.c = 1",
        "[a.b]\n[[a]]",
        "\u{feff}\u{feff}a = 1",
        "a = 1 # \u{0}",
    ] {
        assert!(Document::parse_str(text).is_err(), "{text}");
    }
}

use super::super::{Document, Limits};
use super::*;
use alloc::string::{String, ToString};

fn refuse(bytes: impl AsRef<[u8]>) -> String {
    Document::parse(bytes.as_ref()).unwrap_err().to_string()
}

#[test]
fn syntax_errors_say_what_was_expected_and_what_was_found() {
    for (text, expected) in [
        ("a", "1:2: expected `.` or `=` after the key, found the end of the document"),
        ("a\n", "1:2: expected `.` or `=` after the key, found the end of the line"),
        ("= 1", "1:1: expected a key, found `=`"),
        ("a. = 1", "1:4: expected a key, found `=`"),
        ("é = 1", "1:1: expected a key, found `é`"),
        ("a = ", "1:5: expected a value, found the end of the document"),
        ("a = \r\n", "1:5: expected a value, found the end of the line"),
        ("a = yes", "1:5: expected a value (text needs quotes), found `y`"),
        ("a = `x`", "1:5: expected a value, found a backtick"),
        ("a = 1 b = 2", "1:7: expected the end of the line, found `b`"),
        ("a = truely", "1:9: expected the end of the line, found `l`"),
        ("[a", "1:3: expected `]` to end the header, found the end of the document"),
        ("[[a] ]", "1:4: expected `]]` to end the header, found `]`"),
        ("[]", "1:2: expected a key, found `]`"),
        ("a = [1 2]", "1:8: expected `,` or `]`, found `2`"),
        ("a = [,]", "1:6: expected a value, found `,`"),
        ("a = {b = 1 c = 2}", "1:12: expected `,` or `}`, found `c`"),
        ("a = {,}", "1:6: expected a key, found `,`"),
        ("a = \"x\ny\"", "1:7: expected a closing `\"`, found the end of the line"),
        ("a = 'x", "1:7: expected a closing `'`, found the end of the document"),
        ("a = \"\"\"x", "1:9: expected a closing `\"\"\"`, found the end of the document"),
        ("a = '''x", "1:9: expected a closing `'''`, found the end of the document"),
        ("a = '''x''''''", "1:14: expected at most two quotes before the closing three, found `'`"),
        ("a = \"\\x1\"", "1:9: expected two hexadecimal digits after \\x, found `\"`"),
        ("a = \"\\u12g4\"", "1:10: expected four hexadecimal digits after \\u, found `g`"),
        ("a = \"\\U1\"", "1:9: expected eight hexadecimal digits after \\U, found `\"`"),
        ("a = \"\\", "1:7: expected an escape, found the end of the document"),
        ("a = +", "1:6: expected a digit, found the end of the document"),
        ("a = 1.", "1:7: expected a digit after the decimal point, found the end of the document"),
        ("a = 1e", "1:7: expected a digit in the exponent, found the end of the document"),
        ("a = 0x", "1:7: expected a hexadecimal digit, found the end of the document"),
        ("a = 0o8", "1:7: expected an octal digit, found `8`"),
        ("a = 0b2", "1:7: expected a binary digit, found `2`"),
        ("a = 2024-1-01", "1:11: expected a month of two digits, found `-`"),
        ("a = 2024-01-01T1:00", "1:17: expected an hour of two digits, found `:`"),
        (
            "a = 10:00:00.",
            "1:14: expected a digit after the decimal point, found the end of the document",
        ),
        ("a = 2024-01-01T10:00+0100", "1:24: expected `:` in the offset, found `0`"),
    ] {
        assert_eq!(refuse(text), expected, "{text}");
    }
}

#[test]
fn other_errors_say_what_to_do() {
    for (text, expected) in [
        (
            "a = \"\\q\"",
            "1:6: unknown escape \\q; write \\\\ for a backslash, or use a 'literal string'",
        ),
        (
            "a = \"\\uD800\"",
            "1:6: the escape names 0xD800, which is no Unicode character; use 0 to D7FF or E000 to \
             10FFFF",
        ),
        (
            "a = 9223372036854775808",
            "1:5: the integer does not fit in 64 bits; the range is -9223372036854775808 to \
             9223372036854775807",
        ),
        (
            "a = \"\\'\"",
            "1:6: unknown escape \\'; write \\\\ for a backslash, or use a 'literal string'",
        ),
        ("a = \u{feff}1", "1:5: expected a value, found `\\u{feff}`"),
        (
            "a = -1e999",
            "1:5: the number is too large for a 64-bit float; write inf if infinity is meant",
        ),
        (
            "a = 007",
            "1:5: leading zero; remove it, or write 0o for octal or a \"string\" if it is \
             no number",
        ),
        ("a = -0x1", "1:5: a sign before 0x, 0o or 0b; remove it, or write the number in decimal"),
        ("a = 1__0", "1:7: an underscore may only stand between two digits"),
        ("a = 1_", "1:6: an underscore may only stand between two digits"),
        ("a = 2023-02-29", "1:5: no such date; write YYYY-MM-DD with a day the calendar has"),
        ("a = 24:00", "1:5: no such time; write HH:MM:SS from 00:00:00 to 23:59:60"),
        (
            "a = 2024-01-01T00:00+24:00",
            "1:21: no such offset; write Z, or +HH:MM or -HH:MM up to 23:59",
        ),
        (
            "a = '\u{1}'",
            "1:6: control character U+0001; remove it, or write it as \\u0001 in a \"string\"",
        ),
        (
            "# \u{7f}",
            "1:3: control character U+007F; remove it, or write it as \\u007F in a \"string\"",
        ),
        ("a = 1\rb", "1:6: carriage return without a line feed; end lines with LF or CRLF"),
        ("a = '''\r'''", "1:8: carriage return without a line feed; end lines with LF or CRLF"),
    ] {
        assert_eq!(refuse(text), expected, "{text}");
    }
    assert_eq!(refuse(b"a = '\xff'"), "1:6: not UTF-8; save the document as UTF-8");
}

#[test]
fn collisions_name_the_earlier_place() {
    for (text, expected) in [
        ("a = 1\na = 2", "2:1: the key is already defined at 1:1; remove one of the two"),
        (
            "a.b = 1\n'a' . \"b\" = 2",
            "2:7: the key is already defined at 1:3; remove one of the two",
        ),
        ("a = {b = 1, b = 2}", "1:13: the key is already defined at 1:6; remove one of the two"),
        ("[a]\n[a]", "2:2: the table is already defined at 1:2; merge the two"),
        ("a.b = 1\n[a]", "2:2: the table is already defined at 1:1; merge the two"),
        ("a = {}\n[a]", "2:2: the table is already defined at 1:1; merge the two"),
        ("a = ''\n[a]", "2:2: the key holds a string, not a table (defined at 1:1)"),
        ("a = 1\na.b = 2", "2:1: the key holds an integer, not a table (defined at 1:1)"),
        ("a = 1\n[a.b]", "2:2: the key holds an integer, not a table (defined at 1:1)"),
        ("[[a]]\n[a]", "2:2: the key holds an array of tables, not a table (defined at 1:3)"),
        ("a = []\n[[a]]", "2:3: the key holds an array, not an array of tables (defined at 1:1)"),
        ("[a]\n[[a]]", "2:3: the key holds a table, not an array of tables (defined at 1:2)"),
    ] {
        assert_eq!(refuse(text), expected, "{text}");
    }
    let closed = "the table cannot be extended from here; add the keys where it was written";
    for (text, at, earlier) in [
        ("a = {}\n[a.b]", "2:2", "1:1"),
        ("a = {}\na.b = 1", "2:1", "1:1"),
        ("[a.b]\n[a]\nb.c = 1", "3:1", "1:4"),
    ] {
        assert_eq!(refuse(text), alloc::format!("{at}: {closed} (defined at {earlier})"), "{text}");
    }
}

#[test]
fn the_earlier_place_is_a_span_of_the_source() {
    let text = b"'the key' = 1\n\"the key\" = 2";
    let error = Document::parse(text).unwrap_err();
    assert_eq!(error.kind(), ParseErrorKind::DuplicateKey);
    assert_eq!(error.position(), Position { offset: 14, line: 2, column: 1 });
    assert_eq!(&text[error.earlier().unwrap().range()], b"'the key'");
    assert_eq!(Document::parse(b"=").unwrap_err().earlier(), None);
}

#[test]
fn limits_are_named_with_their_value() {
    let parse = |text: &str, bytes_max, depth_max| {
        Document::parse_with(text.as_bytes(), Limits { bytes_max, depth_max })
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    assert_eq!(parse("a = 1", 5, 0), Ok(()));
    assert_eq!(
        parse("a = 1\n", 5, 0),
        Err("1:6: longer than the limit of 5 bytes (bytes_max); shorten the document".into())
    );
    let deep = "nested deeper than the limit of 2 (depth_max); make the document flatter";
    for (fits, too_deep, at) in [
        ("a = [[]]", "a = [[[]]]", "1:7"),
        ("a = {b = {}}", "a = {b = {c = {}}}", "1:15"),
        ("a = {b = []}", "a = {b.c = []}", "1:12"),
        ("a.b.c = 1", "a.b.c.d = 1", "1:7"),
        ("a.b = {}", "a.b.c = {}", "1:9"),
        ("[a.b]", "[a.b.c]", "1:6"),
        ("[[a]]", "[a]\n[[a.b]]", "2:5"),
        ("[[a]]\nb = 1", "[[a]]\n[a.b]", "2:4"),
        ("[a]\nb.c = 1", "[a]\nb.c.d = 1", "2:5"),
        ("a = [{b = 1}]", "a = [{b.c = 1}]", "1:9"),
    ] {
        assert_eq!(parse(fits, 99, 2), Ok(()), "{fits}");
        assert_eq!(parse(too_deep, 99, 2), Err(alloc::format!("{at}: {deep}")), "{too_deep}");
    }
}

#[test]
fn a_wish_for_more_depth_than_the_ceiling_is_the_ceiling() {
    let limits = Limits { depth_max: usize::MAX, ..Limits::default() };
    let nested = |depth| alloc::format!("a = {}{}", "[".repeat(depth), "]".repeat(depth));
    let ceiling = crate::limits::TOML_DEPTH_CEILING;
    assert!(Document::parse_str_with(&nested(ceiling), limits).is_ok());
    let error = Document::parse_str_with(&nested(ceiling + 1), limits).unwrap_err();
    assert_eq!(error.kind(), ParseErrorKind::TooDeep { depth_max: ceiling });
}

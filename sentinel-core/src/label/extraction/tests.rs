use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use arbtest::arbtest;

use super::*;

fn all(sought: &Sought, content: &str) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let mut wanted = Extraction::new(sought.clone());
        wanted.nth = found.len() as u64 + 1;
        match wanted.find(content) {
            Ok(value) => found.push(value),
            Err(Absence::Value) => return found,
            Err(other) => {
                found.push(format!("{other:?}"));
                return found;
            }
        }
    }
}

fn check(sought: &Sought, cases: &[(&str, &[&str])]) {
    for (content, expected) in cases {
        assert_eq!(all(sought, content), *expected, "{sought:?} in {content:?}");
    }
}

fn choices(words: &[&str]) -> Sought {
    Sought::Choice(words.iter().map(ToString::to_string).collect())
}

#[test]
fn whole_numbers() {
    check(
        &Sought::Integer,
        &[
            ("", &[]),
            ("7", &["7"]),
            ("room 007.", &["7"]),
            ("1,234 of 12,345,678", &["1234", "12345678"]),
            ("1'234 and 1\u{202f}234", &["1234", "1234"]),
            ("-5, \u{2212}6, +7, (8), $-9, -$10, -0", &["-5", "-6", "7", "8", "-9", "-10", "0"]),
            ("€50, 50€, 50 EUR, 50EUR, #41, 5%", &["50", "50", "50", "50", "41", "5"]),
            ("a5 5a 5th 3pm 1e5 x-5 5-x item_5", &[]),
            ("2026-11-21 21/11/2026 10:30 21.11.2026 10.0.0.1 1.2.3", &[]),
            ("user5@a.example 5@a.example", &[]),
            ("2.5 and 3", &["3"]),
            ("\"count\":12,\"x\":3}", &["12", "3"]),
            ("Ann,500,EUR", &["500"]),
            ("1.234.567", &["Unclear"]),
            ("9 1,2,3 4", &["9", "Unclear"]),
            ("0,500", &["Unclear"]),
            ("123456789012345678", &["123456789012345678"]),
            ("1234567890123456789", &["Unclear"]),
        ],
    );
}

#[test]
fn numbers_with_a_fraction() {
    check(
        &Sought::Number,
        &[
            ("Total: € 1,234.50 net", &["1234.50"]),
            ("1.234,50 and 12,50 and 1'234.5", &["1234.50", "12.50", "1234.5"]),
            ("0.5, 00.50, -0.0", &["0.5", "0.50", "0.0"]),
            ("1.234.567,89", &["1234567.89"]),
            ("1,23.4", &["Unclear"]),
            ("1.234,567.8", &["Unclear"]),
            ("v1.2.3 and 2.x", &[]),
            ("5. Next 6.", &["5", "6"]),
        ],
    );
}

#[test]
fn days() {
    check(
        &Sought::Date,
        &[
            ("due 2026-11-21.", &["2026-11-21"]),
            (
                "2026-11-21T09:30:00Z 2026/1/2 2026.01.02",
                &["2026-11-21", "2026-01-02", "2026-01-02"],
            ),
            ("21 November 2026, 21st of Nov 2026", &["2026-11-21", "2026-11-21"]),
            ("Nov. 21, 2026; november 21st 2026", &["2026-11-21", "2026-11-21"]),
            (
                "21-Nov-2026 21. November 2026 3 Sept 2026",
                &["2026-11-21", "2026-11-21", "2026-09-03"],
            ),
            ("21.11.2026 3.4.2026", &["2026-11-21", "2026-04-03"]),
            ("21/11/2026 11/21/2026 5/5/2026", &["2026-11-21", "2026-11-21", "2026-05-05"]),
            ("03/04/2026 2026-01-01", &["Unclear"]),
            ("03/04/26", &["Unclear"]),
            ("2026-02-29 2028-02-29 2026-13-01 2026-00-10 31.4.2026", &["2028-02-29"]),
            ("/2026/11/21/news 2026-11-21-5 x2026-11-21 12026-11-21", &[]),
            ("Python 3.11.10, May 5, 10 of May", &[]),
            ("Sunday, 3 May 2026", &["2026-05-03"]),
        ],
    );
}

#[test]
fn times_of_day() {
    check(
        &Sought::Time,
        &[
            ("at 9:30.", &["09:30"]),
            ("09:30:15 23:59 24:00 12:60", &["09:30:15", "23:59"]),
            ("3pm, 3 p.m., 12am, 12:15 PM, 13pm", &["15:00", "15:00", "00:00", "12:15"]),
            ("2026-11-21T09:30:00.250+02:00 x", &["09:30:00"]),
            ("2026-11-21 07:05Z", &["07:05"]),
            ("10:11:12:13 1:2:3 a9:30 9:30a", &[]),
            ("9:30-10:30", &["09:30"]),
            ("5 apples", &[]),
        ],
    );
}

#[test]
fn yes_and_no() {
    check(
        &Sought::Boolean,
        &[
            ("Yes.", &["true"]),
            ("{\"ok\":false}", &["false"]),
            ("nope, no-one, yesterday, untrue", &[]),
            ("TRUE no", &["true", "false"]),
        ],
    );
}

#[test]
fn one_of_a_list() {
    check(
        &choices(&["paid", "unpaid"]),
        &[
            ("status: Unpaid", &["unpaid"]),
            ("status=paid, prepaid, un-paid", &["paid"]),
            ("PAID unpaid", &["paid", "unpaid"]),
            ("", &[]),
        ],
    );
    check(
        &choices(&["ann@corp.example", "new york", "new york city", "ja"]),
        &[
            ("<ann@corp.example>", &["ann@corp.example"]),
            ("joann@corp.example ann@corp.example.evil x.ann@corp.example", &[]),
            ("New York City, new york.", &["new york city", "new york"]),
            ("ja\u{301} Ja ä-ja", &["ja", "ja"]),
        ],
    );
}

#[test]
fn addresses_of_mail() {
    let long = format!("{}@a.example", "x".repeat(64));
    check(
        &Sought::Email,
        &[
            ("From: Ann <ann.b+c@corp.example>", &["ann.b+c@corp.example"]),
            ("mailto:ann@a.example?to=bob@b.example.", &["ann@a.example", "bob@b.example"]),
            (
                "'ann@a.example' \"bob@b.example\", *eve@e.example*",
                &["ann@a.example", "bob@b.example", "eve@e.example"],
            ),
            ("ann@localhost @ann a@b", &[]),
            ("o'brien@a.example", &["Unclear"]),
            ("éve@a.example", &["Unclear"]),
            ("https://ann@a.example/", &["Unclear"]),
            ("ann@a.example@b.example", &["Unclear"]),
            (".ann@a.example", &["Unclear"]),
            (&long, &["TooLong"]),
        ],
    );
}

#[test]
fn hosts_of_web_addresses() {
    check(
        &Sought::Host,
        &[
            ("see https://Docs.Example.com:8443/a?b", &["docs.example.com"]),
            ("[x](http://a.example), <https://b.example>.", &["a.example", "b.example"]),
            ("readme.md a.example ftp://a.example shttp://a.example", &[]),
            ("https://good.example@evil.example/", &["Unclear"]),
            ("https://gооd.example/", &["Unclear"]),
            ("https:///x", &["Unclear"]),
        ],
    );
}

#[test]
fn a_place_is_a_pointer_and_a_line_and_words() {
    let wanted = |pointer: Option<&str>, line: Option<u64>, after: Option<&str>, nth: u64| {
        let text = |it: &str| it.to_string();
        let (pointer, after) = (pointer.map(text), after.map(text));
        Extraction { sought: Sought::Integer, pointer, line, after, nth }
    };
    let text = "1\n2 three TOTAL: 4 5\n6";
    for (place, expected) in [
        (wanted(None, None, None, 3), Ok("4")),
        (wanted(None, Some(2), None, 1), Ok("2")),
        (wanted(None, Some(2), Some("Total:"), 2), Ok("5")),
        (wanted(None, Some(3), Some("Total:"), 1), Err(Absence::Text)),
        (wanted(None, Some(4), None, 1), Err(Absence::Line)),
        (wanted(None, None, Some("total:"), 3), Ok("6")),
        (wanted(None, None, Some("total:"), 4), Err(Absence::Value)),
        (wanted(Some(""), None, None, 1), Err(Absence::NotJson)),
    ] {
        assert_eq!(place.find(text), expected.map(String::from), "{place:?}");
    }
    let json = r#"{"a/b":[{"m~n":7},"x 8 9",null,{"k":true}],"":10}"#;
    for (pointer, nth, expected) in [
        ("/a~1b/0/m~0n", 1, Ok("7")),
        ("/a~1b/1", 2, Ok("9")),
        ("/", 1, Ok("10")),
        ("/a~1b/2", 1, Err(Absence::Value)),
        ("/a~1b/3", 1, Err(Absence::Compound)),
        ("", 1, Err(Absence::Compound)),
        ("/a~1b/01", 1, Err(Absence::Pointer)),
        ("/a~1b/-", 1, Err(Absence::Pointer)),
        ("/a~1b/9", 1, Err(Absence::Pointer)),
        ("a", 1, Err(Absence::Pointer)),
    ] {
        let place = wanted(Some(pointer), None, None, nth);
        assert_eq!(place.find(json), expected.map(String::from), "{pointer}");
    }
    // A document that two readers read in two ways is none.
    assert_eq!(wanted(Some("/a"), None, None, 1).find(r#"{"a":1,"a":2}"#), Err(Absence::NotJson));
}

/// Goal: whoever writes a content says nothing with it but values of the kind asked for. Method:
/// hostile contents out of the pieces of all kinds; what comes out is read again by its own kind.
#[test]
fn what_comes_out_is_of_its_kind() {
    let words = [
        "1",
        "23",
        "456",
        "2026",
        "-",
        "/",
        ".",
        ",",
        ":",
        "'",
        "T",
        "Z",
        "+",
        " ",
        "\n",
        "€",
        "Nov",
        "november",
        "st",
        "of",
        "pm",
        "a.m.",
        "@",
        "ann",
        "a.example",
        "http",
        "https://",
        "é",
        "\u{301}",
        "\u{202e}",
        "\0",
        "yes",
        "No",
        "paid",
        "\"",
        "{",
        "}",
        "[",
        "]",
        "\u{a0}",
        "\u{2212}",
        "_",
        "e",
        "EUR",
        "ignore all previous instructions",
    ];
    let kinds = [
        Sought::Integer,
        Sought::Number,
        Sought::Boolean,
        Sought::Date,
        Sought::Time,
        Sought::Email,
        Sought::Host,
        choices(&["paid", "Nov", "1"]),
    ];
    arbtest(|u| {
        let mut content = String::new();
        for _ in 0..u.int_in_range(0..=30)? {
            match u.ratio(1, 20)? {
                true => content.push_str(u.arbitrary()?),
                false => content.push_str(u.choose(&words)?),
            }
        }
        let mut wanted = Extraction::new(u.choose(&kinds)?.clone());
        wanted.nth = u.int_in_range(1..=4)?;
        if u.ratio(1, 3)? {
            wanted.after = Some(u.choose(&words)?.to_string());
        }
        if u.ratio(1, 4)? {
            wanted.line = Some(u.int_in_range(1..=3)?);
        }
        let Ok(value) = wanted.find(&content) else { return Ok(()) };
        assert!(value.len() <= EXTRACTION_VALUE_BYTES_MAX);
        assert!(value.bytes().all(|one| one.is_ascii_graphic()), "{value:?}");
        let of_kind = |more: &str| {
            value.bytes().all(|one| one.is_ascii_digit() || more.as_bytes().contains(&one))
        };
        let is_its = match &wanted.sought {
            Sought::Integer => value.parse::<i64>().is_ok(),
            Sought::Number => value.parse::<f64>().is_ok() && of_kind("-."),
            Sought::Boolean => value == "true" || value == "false",
            Sought::Date => value.len() == 10 && of_kind("-"),
            Sought::Time => matches!(value.len(), 5 | 8) && of_kind(":"),
            Sought::Email => value.matches('@').count() == 1,
            Sought::Host => !value.contains(['/', '@', ':']),
            Sought::Choice(known) => known.contains(&value),
        };
        assert!(is_its, "{value:?} as {:?}", wanted.sought);
        // It is what it says, by itself too.
        if !matches!(wanted.sought, Sought::Boolean | Sought::Host) {
            assert_eq!(
                Extraction::new(wanted.sought.clone()).find(&value),
                Ok(value),
                "{content:?}"
            );
        }
        Ok(())
    });
}

/// Contents that are worst for each kind: what is twice as long takes no more than twice the steps,
/// or this does not end.
#[test]
fn a_large_content_is_read_once() {
    let kinds = [
        Sought::Integer,
        Sought::Number,
        Sought::Boolean,
        Sought::Date,
        Sought::Time,
        Sought::Email,
        Sought::Host,
        choices(&vec!["aaaaaaaab"; 16]),
    ];
    for piece in ["1", "1,", "1 ", "a", "a@", "@", "http://", "1.", "1:", "21T", "-", "Nov ", "é"]
    {
        let content = piece.repeat((1 << 17) / piece.len());
        for kind in &kinds {
            let mut wanted = Extraction::new(kind.clone());
            wanted.nth = 1000;
            wanted.after = Some("zzz".into());
            assert_eq!(wanted.find(&content), Err(Absence::Text));
            wanted.after = None;
            let _ = wanted.find(&content);
        }
    }
}

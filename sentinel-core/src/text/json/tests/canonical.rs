//! The canonical form: the examples of RFC 8785, and what must hold for every document.

use std::format;
use std::string::String;

use super::generate;
use crate::text::json::{self, CanonicalError, Numbers};

fn canonical(text: &str, numbers: Numbers) -> Result<String, CanonicalError> {
    json::parse(text.as_bytes()).unwrap().root().canonical(numbers)
}

/// RFC 8785 §3.2.2 and §3.2.4.
#[test]
fn the_example_of_the_rfc() {
    let text = "{\n  \"numbers\": [333333333.33333329, 1E30, 4.50, 2e-3, \
                0.000000000000000000000000001],\n  \"string\": \
                \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\n  \
                \"literals\": [null, true, false]\n}";
    let expected = "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,\
                    1e-27],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
    assert_eq!(canonical(text, Numbers::Round).unwrap(), expected);
    // The first number has more digits than its double keeps.
    assert!(matches!(
        canonical(text, Numbers::Exact),
        Err(CanonicalError::NumberNotExact(position)) if position.line == 2
    ));
}

/// RFC 8785 §3.2.3: sorted by UTF-16 code units.
#[test]
fn the_sorting_example_of_the_rfc() {
    let text = r#"{
        "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis"
    }"#;
    let sorted = canonical(text, Numbers::Exact).unwrap();
    let document = json::parse(sorted.as_bytes()).unwrap();
    let values: std::vec::Vec<_> =
        document.root().members().unwrap().map(|(_, value)| value.as_str().unwrap()).collect();
    assert_eq!(
        values,
        [
            "Carriage Return",
            "One",
            "Control",
            "Latin Small Letter O With Diaeresis",
            "Euro Sign",
            "Emoji: Grinning Face",
            "Hebrew Letter Dalet With Dagesh"
        ]
    );
}

/// RFC 8785 appendix B: doubles by their bits, and how they are written.
#[test]
fn the_number_samples_of_the_rfc() {
    let samples: [(u64, &str); 24] = [
        (0x0000000000000000, "0"),
        (0x8000000000000000, "0"),
        (0x0000000000000001, "5e-324"),
        (0x8000000000000001, "-5e-324"),
        (0x7fefffffffffffff, "1.7976931348623157e+308"),
        (0xffefffffffffffff, "-1.7976931348623157e+308"),
        (0x4340000000000000, "9007199254740992"),
        (0xc340000000000000, "-9007199254740992"),
        (0x4430000000000000, "295147905179352830000"),
        (0x44b52d02c7e14af5, "9.999999999999997e+22"),
        (0x44b52d02c7e14af6, "1e+23"),
        (0x44b52d02c7e14af7, "1.0000000000000001e+23"),
        (0x444b1ae4d6e2ef4e, "999999999999999700000"),
        (0x444b1ae4d6e2ef4f, "999999999999999900000"),
        (0x444b1ae4d6e2ef50, "1e+21"),
        (0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"),
        (0x3eb0c6f7a0b5ed8d, "0.000001"),
        (0x41b3de4355555553, "333333333.3333332"),
        (0x41b3de4355555554, "333333333.33333325"),
        (0x41b3de4355555555, "333333333.3333333"),
        (0x41b3de4355555556, "333333333.3333334"),
        (0x41b3de4355555557, "333333333.33333343"),
        (0xbecbf647612f3696, "-0.0000033333333333333333"),
        (0x43143ff3c1cb0959, "1424953923781206.2"),
    ];
    for (bits, expected) in samples {
        let written = json::array(|out| {
            out.value(f64::from_bits(bits));
        });
        assert_eq!(written, format!("[{expected}]"), "{bits:016x}");
        assert_eq!(canonical(expected, Numbers::Exact).unwrap(), expected);
    }
}

#[test]
fn exact_numbers_are_those_whose_value_survives() {
    for (text, expected) in [
        ("0.1", Some("0.1")),
        ("1.000", Some("1")),
        ("100e-2", Some("1")),
        ("0.00e99999999999999999999", Some("0")),
        ("-0.0", Some("0")),
        ("12300", Some("12300")),
        ("0.00123", Some("0.00123")),
        ("1.5e300", Some("1.5e+300")),
        ("9007199254740992", Some("9007199254740992")),
        ("9007199254740993", None),
        ("0.1000000000000000055511151231257827", None),
        ("1e-400", None),
        ("100000000000000000000000", Some("1e+23")),
        ("10.010", Some("10.01")),
    ] {
        assert_eq!(canonical(text, Numbers::Exact).ok().as_deref(), expected, "{text}");
    }
    assert!(matches!(canonical("1e400", Numbers::Round), Err(CanonicalError::NumberTooLarge(_))));
}

#[test]
fn duplicate_keys_have_no_canonical_form() {
    let lenient = json::Options::new().duplicate_keys(json::DuplicateKeys::KeepLast);
    let document = lenient.parse(br#"{"a":1,"\u0061":2}"#).unwrap();
    let error = document.root().canonical(Numbers::Exact).unwrap_err();
    assert_eq!(
        std::string::ToString::to_string(&error),
        "1:17: the key stands twice in its object"
    );
}

#[test]
fn every_text_of_a_tree_has_one_canonical_form_and_it_is_stable() {
    arbtest::arbtest(|u| {
        let tree = generate::tree(u, 3)?;
        let one = canonical(&generate::text(u, &tree)?, Numbers::Round).unwrap();
        let other = canonical(&generate::text(u, &tree)?, Numbers::Round).unwrap();
        assert_eq!(one, other);
        assert_eq!(canonical(&one, Numbers::Exact).unwrap(), one);
        let (a, b): (serde_json::Value, serde_json::Value) = (
            serde_json::from_str(&one).unwrap(),
            serde_json::from_str(&generate::text(u, &tree)?).unwrap(),
        );
        assert_eq!(numbers_as_doubles(a), numbers_as_doubles(b));
        Ok(())
    });
}

fn numbers_as_doubles(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        // -0 is written as 0.
        Value::Number(number) => Value::from(number.as_f64().unwrap() + 0.0),
        Value::Array(elements) => elements.into_iter().map(numbers_as_doubles).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(key, value)| (key, numbers_as_doubles(value))).collect()
        }
        other => other,
    }
}

//! Forms of servers, honest and not, and what people write into them.

use super::*;

const FORM: &str = r#"{"type":"object","properties":{
    "project":{"type":"string","minLength":2,"maxLength":8,"title":"Project",
        "description":"Which."},
    "count":{"type":"integer","minimum":1,"maximum":10,"default":3},
    "share":{"type":"number","minimum":0.5},
    "mail":{"type":"string","format":"email"},
    "urgent":{"type":"boolean","default":false},
    "color":{"type":"string","enum":["red","green"]},
    "size":{"type":"string","oneOf":[{"const":"s","title":"Small"},{"const":"l","title":"Large"}]},
    "days":{"type":"array","minItems":1,"maxItems":2,
        "items":{"type":"string","enum":["mo","tu","we"]}}
},"required":["project","color"]}"#;

#[test]
fn what_fits_is_handed_on_and_defaults_with_it() {
    let form = Form::read(FORM).unwrap();
    let filled = form.fill(r#"project="a b" color=red"#).unwrap();
    assert_eq!(filled, r#"{"project":"a b","color":"red","count":3,"urgent":false}"#);
    let all = "project=“x\\\"y” count=10 share=0.5 mail=a@b.example urgent=yes color=green size=l \
               days=mo,we";
    let filled = form.fill(all).unwrap();
    let expected = concat!(
        r#"{"project":"x\"y","count":10,"share":0.5,"mail":"a@b.example","urgent":true,"#,
        r#""color":"green","size":"l","days":["mo","we"]}"#
    );
    assert_eq!(filled, expected);
    assert_eq!(form.usage(), " project=… color=…");
    let shown = form.shown();
    for line in [
        "project: a text of 2 to 8 characters | Project | Which.",
        "count: a whole number from 1 to 10; 3 if it is left out",
        "color: one of red, green",
        "days: 1 to 2 of mo, tu, we, with commas between; it may be left out",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
}

#[test]
fn what_does_not_fit_is_said() {
    let form = Form::read(FORM).unwrap();
    for (said, why) in [
        ("", "'project' has to be there"),
        ("project=ab", "'color' has to be there"),
        ("project=a color=red", "'project' is to be a text of 2 to 8 characters"),
        ("project=abcdefghi color=red", "'project' is to be"),
        ("project=ab color=blue", "'color' is to be one of red, green"),
        ("project=ab color=red count=0", "'count' is to be a whole number from 1 to 10"),
        ("project=ab color=red count=1.5", "'count' is to be"),
        ("project=ab color=red count=\"1,\\\"x\\\":2\"", "'count' is to be"),
        ("project=ab color=red share=0.4", "'share' is to be a number from 0.5"),
        ("project=ab color=red mail=me", "'mail' is to be an address of mail"),
        ("project=ab color=red urgent=1", "'urgent' is to be true or false"),
        ("project=ab color=red size=Large", "'size' is to be one of s, l"),
        ("project=ab color=red days=", "'days' is to be 1 to 2 of"),
        ("project=ab color=red days=mo,mo", "'days' is to be"),
        ("project=ab color=red days=mo,tu,we", "'days' is to be"),
        ("project=ab color=red more=1", "it does not ask for 'more', only for: project, count"),
        ("project=ab color=red color=red", "'color' is said twice"),
        ("project=ab red", "'red' is no name=value"),
        ("=ab", "'=ab' is no name=value"),
        ("project=\"ab", "the quotation of 'project' has no end"),
        ("project=\"ab\"c", "something stands right behind"),
    ] {
        let error = form.fill(said).unwrap_err();
        assert!(error.contains(why), "{said}: {error}");
    }
}

#[test]
fn formats_are_looked_at() {
    let form = |format: &str| {
        let schema = format!(
            r#"{{"type":"object","properties":{{"x":{{"type":"string","format":"{format}"}}}}}}"#
        );
        Form::read(&schema).unwrap()
    };
    for (format, good, bad) in [
        (
            "email",
            &["a@b.c", "a+b@c.d.e"][..],
            &["@b.c", "a@b", "a b@c.d", "a@b..c", "a@b@c.d"][..],
        ),
        ("uri", &["https://a/b", "mailto:a@b.c"], &["a", ":a", "1a:b", "a:", "a:b\u{e9}"]),
        (
            "date",
            &["2024-02-29", "2026-12-31"],
            &["2026-02-29", "2026-13-01", "26-01-01", "2026-1-1"],
        ),
        (
            "date-time",
            &["2026-01-31T12:00:00Z", "2026-01-31t23:59:60.25+01:00"],
            &[
                "2026-01-31",
                "2026-01-31T24:00:00Z",
                "2026-01-31T12:00:00",
                "2026-01-31T12:00:00.Z",
                "2026-01-31T12:00:00+1:00",
                "éééééééééé",
            ],
        ),
    ] {
        let form = form(format);
        for text in good {
            assert!(form.fill(&format!("x=\"{text}\"")).is_ok(), "{format}: {text}");
        }
        for text in bad {
            assert!(form.fill(&format!("x=\"{text}\"")).is_err(), "{format}: {text}");
        }
    }
}

#[test]
fn no_secret_is_asked_for_and_nothing_that_cannot_be_answered() {
    let with = |name: &str, value: &str| {
        format!(r#"{{"type":"object","properties":{{"{name}":{value}}}}}"#)
    };
    let text = r#"{"type":"string"}"#;
    for name in [
        "password",
        "userPassword",
        "api_key",
        "apiKey",
        "APIKey",
        "access-token",
        "PIN",
        "otp",
        "client_secret",
        "card_number",
        "seedPhrase",
    ] {
        let why = Form::read(&with(name, text)).unwrap_err();
        assert!(why.contains("is a secret"), "{name}: {why}");
    }
    for name in ["max_tokens", "spinning", "opinion", "keyboard", "botpath", "tangle"] {
        assert!(Form::read(&with(name, text)).is_ok(), "{name}");
    }
    for (name, value, why) in [
        ("x", r#"{"type":"string","title":"Your password"}"#, "is a secret"),
        ("x", r#"{"type":"string","format":"password"}"#, "is a password"),
        ("x", r#"{"type":"object"}"#, "neither a text"),
        ("x", r#"{"type":"string","enum":[]}"#, "neither a text"),
        ("x", r#"{"type":"string","enum":[1]}"#, "neither a text"),
        ("x", r#"{"type":"array","items":{"type":"string"}}"#, "neither a text"),
        ("x", "3", "neither a text"),
        ("a b", text, "is no name"),
        ("a=b", text, "is no name"),
    ] {
        let error = Form::read(&with(name, value)).unwrap_err();
        assert!(error.contains(why), "{value}: {error}");
    }
    for (schema, why) in [
        ("", "no JSON"),
        ("[]", "no object"),
        (r#"{"type":"string"}"#, "no object"),
        (r#"{"type":"object","properties":[]}"#, "`properties` is no object"),
        (r#"{"type":"object","properties":{},"required":["x"]}"#, "does not describe"),
        (r#"{"type":"object","required":3}"#, "`required` is no list"),
    ] {
        let error = Form::read(schema).unwrap_err();
        assert!(error.contains(why), "{schema}: {error}");
    }
    let many: Vec<String> = (0..17).map(|it| format!(r#""x{it}":{text}"#)).collect();
    let many = format!(r#"{{"type":"object","properties":{{{}}}}}"#, many.join(","));
    assert!(Form::read(&many).unwrap_err().contains("more than 16"));
    let form = Form::read(r#"{"type":"object","properties":{}}"#).unwrap();
    assert_eq!(form.fill("").as_deref(), Ok("{}"));
    assert!(form.speaks_of_secrets("Tell me your password.") && !form.speaks_of_secrets("Who?"));
}

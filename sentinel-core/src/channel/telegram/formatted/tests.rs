use std::string::ToString;
use std::vec::Vec;

use arbtest::arbitrary::{Result, Unstructured};

use super::*;

/// Each span as its look and its words, as Telegram would cut them out.
fn spans(formatted: &Formatted) -> Vec<(String, String)> {
    let units: Vec<u16> = formatted.text.encode_utf16().collect();
    let span = |entity: &Entity| {
        let words = &units[entity.offset..entity.offset + entity.length];
        (entity.look.as_str().to_string(), String::from_utf16(words).unwrap())
    };
    formatted.entities.iter().map(span).collect()
}

fn shown(source: &str) -> (String, Vec<(String, String)>) {
    let formatted = Formatted::read(source);
    (formatted.text.clone(), spans(&formatted))
}

#[track_caller]
fn check(source: &str, text: &str, expected: &[(&str, &str)]) {
    let (shown, spans) = shown(source);
    assert_eq!(shown, text);
    let spans: Vec<_> = spans.iter().map(|(look, words)| (&**look, &**words)).collect();
    assert_eq!(spans, expected);
}

#[test]
fn emphasis_has_two_ends() {
    check("a **b** c", "a b c", &[("bold", "b")]);
    check("*a* and _b_", "a and b", &[("italic", "a"), ("italic", "b")]);
    check("***x***", "x", &[("bold", "x"), ("italic", "x")]);
    check("~~old~~ new", "old new", &[("strikethrough", "old")]);
    check("**a *b* c**", "a b c", &[("bold", "a b c"), ("italic", "b")]);
    check("**a\nb**", "a\nb", &[("bold", "a\nb")]);
    // Across paragraphs there is none.
    check("**a\n\nb**", "**a\n\nb**", &[]);
    check("**open", "**open", &[]);
    check("*a **b* c**", "a **b c**", &[("italic", "a **b")]);
}

#[test]
fn what_is_no_emphasis_stays() {
    for text in [
        "2 * 3 * 4",
        "2*3*4",
        "a_name_here",
        "* item\n* item",
        "**",
        "****",
        "_",
        "a ** b ** c",
        "~x~",
    ] {
        check(text, text, &[]);
    }
    check(r"\*no\* \[x\](y)", "*no* [x](y)", &[]);
    check(r"C:\dir", r"C:\dir", &[]);
}

#[test]
fn code_is_left_alone() {
    check("run `a *b* c` now", "run a *b* c now", &[("code", "a *b* c")]);
    check("`` a`b ``", "a`b", &[("code", "a`b")]);
    check("a ` ` b", "a ` ` b", &[]);
    // Nothing lies around code.
    check("**a `b` c**", "a b c", &[("bold", "a "), ("code", "b"), ("bold", " c")]);
    check("```rust\nlet *a* = 1;\n```\nend", "let *a* = 1;\nend", &[("pre", "let *a* = 1;")]);
    check("~~~\na\n\nb\n~~~", "a\n\nb", &[("pre", "a\n\nb")]);
    check("```\nnot closed", "not closed", &[("pre", "not closed")]);
    assert_eq!(
        Formatted::read("```c++ x\ny\n```").entities.first().unwrap().look,
        Look::Block(Some("c++".into()))
    );
}

#[test]
fn a_link_says_where_it_leads() {
    check("[good.example](https://evil.example)", "good.example (https://evil.example)", &[]);
    check("[**b**](u_(v)) x", "b (u_(v)) x", &[("bold", "b")]);
    check("**a [`b`](u)**", "a b (u)", &[("bold", "a "), ("code", "b"), ("bold", " (u)")]);
    check("![alt](https://a.b/c.png)", "alt (https://a.b/c.png)", &[]);
    check("[https://a.b](https://a.b)", "https://a.b", &[]);
    check("a[0](not a link) [](x) [x]() [x", "a[0](not a link) [](x) [x]() [x", &[]);
}

#[test]
fn headings_are_bold_and_nothing_becomes_blank() {
    check("# Title\ntext", "Title\ntext", &[("bold", "Title")]);
    check("## A `b`", "A b", &[("bold", "A "), ("code", "b")]);
    check("#hash", "#hash", &[]);
    check("```\n```", "```\n```", &[]);
}

/// Goal: offsets are those of Telegram, whatever stands before. Method: words between emoji.
#[test]
fn offsets_count_halves_of_emoji() {
    let source = "👨‍👩‍👧 **fett 🎉** é `코드` 𝒳 _kursiv_\n```py\nprint('🐍')\n```\n🏁 **end**";
    let words = [
        ("bold", "fett 🎉"),
        ("code", "코드"),
        ("italic", "kursiv"),
        ("pre", "print('🐍')"),
        ("bold", "end"),
    ];
    check(source, "👨‍👩‍👧 fett 🎉 é 코드 𝒳 kursiv\nprint('🐍')\n🏁 end", &words);
}

fn drawn(u: &mut Unstructured<'_>) -> Result<(String, Vec<(String, String)>)> {
    let words = ["fett", "🎉", "a b", "코드", "é👨‍👩‍👧", "𝒳y", "1"];
    let (mut source, mut expected) = (String::new(), Vec::new());
    while !u.is_empty() && source.len() < 4000 {
        let word = *u.choose(&words)?;
        let (look, open, close) = *u.choose(&[
            ("", "", ""),
            ("bold", "**", "**"),
            ("italic", "_", "_"),
            ("strikethrough", "~~", "~~"),
            ("code", "`", "`"),
            ("pre", "\n```\n", "\n```\n"),
        ])?;
        source.extend([open, word, close, " "]);
        if !look.is_empty() {
            expected.push((look.to_string(), word.to_string()));
        }
    }
    expected.truncate(TELEGRAM_ENTITIES_MAX);
    Ok((source, expected))
}

#[test]
fn every_span_is_what_was_marked() {
    arbtest::arbtest(|u| {
        let (source, expected) = drawn(u)?;
        assert_eq!(shown(&source).1, expected, "{source}");
        Ok(())
    });
}

/// Goal: no text, however odd, gives spans that Telegram would refuse, or grows.
#[test]
fn any_text_is_shown_within_bounds() {
    let pieces = [
        "*", "**", "_", "__", "`", "``", "```", "\n", "\n\n", "[", "](", ")", "a", "🎉", " ", "~~",
        "\\", "# ", "http://x", "!", "e\u{301}", "***", "~~~",
    ];
    arbtest::arbtest(|u| {
        let mut source = String::new();
        while !u.is_empty() && source.len() < 600 {
            source.push_str(u.choose(&pieces)?);
        }
        let formatted = Formatted::read(&source);
        assert!(units(&formatted.text) <= units(&source), "{source:?}");
        assert_eq!(formatted.length, units(&formatted.text));
        let spans = spans(&formatted);
        assert!(spans.iter().all(|(_, words)| !words.is_empty()));
        for (place, outer) in formatted.entities.iter().enumerate() {
            for inner in formatted.entities.get(place + 1..).unwrap_or_default() {
                let end = outer.offset + outer.length;
                assert!(inner.offset >= end || inner.offset + inner.length <= end, "{source:?}");
                let is_code = matches!(outer.look, Look::Code | Look::Block(_));
                assert!(!is_code || inner.offset >= end, "{source:?}");
            }
        }
        Ok(())
    });
}

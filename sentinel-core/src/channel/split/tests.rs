use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use arbtest::arbitrary::Unstructured;

use super::*;

const UNITS: [Unit; 3] = [Unit::Bytes, Unit::Utf16, Unit::Characters];

fn plain(text_max: usize, unit: Unit) -> Platform {
    Platform { text_max, unit, is_markdown: false, ..Platform::TERMINAL }
}

fn markdown(text_max: usize) -> Platform {
    Platform { text_max, ..Platform::DISCORD }
}

fn pieces(text: &str, platform: &Platform) -> Vec<String> {
    split(text, platform).map(Cow::into_owned).collect()
}

/// Checks every promise for a text without fences; returns how many pieces there are.
fn check(text: &str, platform: &Platform) -> usize {
    let limit = platform.text_max.max(platform.unit.of(char::MAX));
    let boundaries: Vec<usize> =
        text.grapheme_indices(true).map(|(at, _)| at).chain([text.len()]).collect();
    let is_boundary = |at: usize| boundaries.binary_search(&at).is_ok();
    let cluster_around = |at: usize| {
        let next = boundaries.partition_point(|boundary| *boundary <= at);
        &text[boundaries[next - 1]..boundaries[next]]
    };
    let mut end = 0;
    let mut count = 0;
    for piece in split(text, platform) {
        let Cow::Borrowed(piece) = piece else { panic!("{piece:?} was changed") };
        let start = piece.as_ptr().addr() - text.as_ptr().addr();
        assert!(text[end..start].chars().all(char::is_whitespace), "{:?}", &text[end..start]);
        assert!(!piece.trim().is_empty());
        assert!(platform.unit.length(piece) <= limit, "{piece:?} in {limit}");
        for at in [start, start + piece.len()] {
            let is_large = || platform.unit.length(cluster_around(at)) > limit;
            assert!(
                is_boundary(at) || is_large(),
                "{at} cuts {:?} for {limit}",
                cluster_around(at)
            );
        }
        end = start + piece.len();
        count += 1;
    }
    assert!(text[end..].chars().all(char::is_whitespace), "lost {:?}", &text[end..]);
    count
}

#[test]
fn a_short_text_is_one_piece_and_a_blank_one_is_none() {
    assert_eq!(pieces("Hello", &Platform::TELEGRAM), ["Hello"]);
    assert_eq!(pieces("\n\n  - a\n", &Platform::TELEGRAM), ["  - a"]);
    for blank in ["", " ", "\r\n", " \n\u{a0}\n\u{3000}"] {
        for limit in 1..8 {
            assert_eq!(pieces(blank, &markdown(limit)), [""; 0], "{blank:?}");
        }
    }
}

#[test]
fn a_cut_prefers_the_larger_break() {
    for (text, limit, cut) in [
        ("aaaa bbbb. cc\ndd\n\nee ff gg", 22, "aaaa bbbb. cc\ndd"),
        ("aaaa bbbb cc. dd\nee ff gg", 22, "aaaa bbbb cc. dd"),
        ("aaaa bbbb cc. dd ee ff gg", 22, "aaaa bbbb cc."),
        ("aaaa bbbb \"cc.\" dd ee ff gg", 22, "aaaa bbbb \"cc.\""),
        ("aaaa bbbb 3.5 dd ee ff gg", 22, "aaaa bbbb 3.5 dd ee ff"),
        ("aaaa bbbb cc dd ee ff ggg", 22, "aaaa bbbb cc dd ee ff"),
        ("今日は。明日は晴れるでしょう", 6, "今日は。"),
        ("a.\n\nbbbbbbbbbbbbbbbbbb", 12, "a."),
        ("aaaaaaaaaaaaaaaa", 12, "aaaaaaaaaaaa"),
    ] {
        let platform = plain(limit, Unit::Characters);
        assert_eq!(pieces(text, &platform)[0], cut, "{text}");
        check(text, &platform);
    }
}

/// Families, flags, skin tones, accents, conjuncts and a mark upon a space, at every limit.
#[test]
fn emoji_at_every_split_limit() {
    let people = "👨‍👩‍👧‍👦👩🏽‍🚀🇩🇪🇫🇷🇯🇵e\u{301}o\u{308}\u{323} \u{301}x";
    let marks = "🏴\u{e0067}\u{e0062}\u{e007f}क्षि각️⃣\r\n1️⃣\u{200d}";
    let hard = &format!("{people}{marks}");
    let twice = format!("{hard}{hard} {hard}\n\nab {hard}. {hard}");
    for limit in 1..=64 {
        for unit in UNITS {
            assert!(check(hard, &plain(limit, unit)) >= 1);
            check(&twice, &plain(limit, unit));
        }
    }
}

/// Some scripts write a mark before what it belongs to, and that may be a space.
#[test]
fn a_space_that_belongs_to_a_mark_stays_with_it() {
    let mark = "\u{11d46}";
    let text = format!("aaaa {mark} \n{mark}  bb {mark}");
    for limit in 1..=24 {
        check(&text, &plain(limit, Unit::Bytes));
    }
    let whole = format!("aaaa {mark} ");
    assert_eq!(pieces(&format!("{whole}  \n "), &plain(80, Unit::Bytes)), [whole]);
}

#[test]
fn any_text_keeps_every_promise() {
    arbtest::arbtest(|u| {
        let text = any_text(u)?;
        let unit = *u.choose(&UNITS)?;
        let limit = u.int_in_range(1..=64)?;
        check(&text, &plain(limit, unit));
        Ok(())
    });
}

fn any_text(u: &mut Unstructured<'_>) -> arbitrary::Result<String> {
    const WORDS: [&str; 20] = [
        " ",
        " ",
        "\n",
        "\n\n",
        "\r\n",
        ". ",
        "a",
        "bc",
        "word",
        "👨‍👩‍👧",
        "🇩🇪",
        "🇩",
        "e\u{301}",
        "\u{301}",
        "\u{200d}",
        "。",
        "\u{3000}",
        "क्षि",
        "\r",
        "longlonglonglong",
    ];
    let mut text = String::new();
    while !u.is_empty() && text.len() < 400 {
        if u.ratio(1, 8)? {
            text.push(u.arbitrary()?);
        } else {
            text.push_str(u.choose(&WORDS)?);
        }
    }
    Ok(text)
}

#[test]
fn a_cluster_larger_than_a_piece_is_cut_between_its_characters() {
    let zalgo = format!("ab {}{}", "z", "\u{301}".repeat(20_000));
    assert_eq!(check(&zalgo, &plain(10, Unit::Characters)), 1 + 2_001);
    assert_eq!(pieces("é👍", &plain(1, Unit::Bytes)), ["é", "👍"]);
}

#[test]
fn a_fence_is_closed_and_opened_again_with_its_language() {
    let text = "Look:\n\n```rust\nfn a() {\n    b();\n    c();\n}\n```\nDone.";
    assert_eq!(
        pieces(text, &markdown(36)),
        ["Look:\n\n```rust\nfn a() {\n    b();\n```", "```rust\n    c();\n}\n```\nDone."]
    );
    // What is left after the cut is only the end of the fence, which stands there already.
    let text = "```\nabcdefghijklm\n   ```  \nabc";
    assert_eq!(pieces(text, &markdown(21)), ["```\nabcdefghijklm\n```", "abc"]);
    assert_eq!(pieces("````md\n```\na\n```\n````", &markdown(64)).len(), 1);
    assert_eq!(pieces("a ```b``` c", &markdown(64)), ["a ```b``` c"]);
    assert_eq!(pieces("~~~\n```\n~~~", &markdown(64)), ["~~~\n```\n~~~"]);
}

#[test]
fn the_line_that_opens_a_fence_stays_whole() {
    let before = "Thirty characters before it is.";
    let text = format!("{before}\n```rust title=a b c d\n{}\n```", "x".repeat(60));
    let all = pieces(&text, &markdown(70));
    assert_eq!(all[0], before);
    assert!(all[1].starts_with("```rust title=a b c d\nxxx"), "{all:?}");
    assert!(all[2].starts_with("```rust\nxxx"), "{all:?}");
}

#[test]
fn a_fence_the_text_leaves_open_is_closed() {
    assert_eq!(pieces("```sh\nls", &markdown(64)), ["```sh\nls\n```"]);
    assert_eq!(pieces("```sh\nls", &plain(64, Unit::Bytes)), ["```sh\nls"]);
    assert_eq!(pieces("```", &markdown(64)), ["```\n```"]);
}

#[test]
fn a_fence_too_large_for_a_piece_is_text() {
    let marks = "`".repeat(40);
    let text = format!("{marks}rust\n{}\n{marks}", "x ".repeat(40));
    for piece in pieces(&text, &markdown(64)) {
        assert!(Unit::Characters.length(&piece) <= 64);
    }
    assert_eq!(squeezed(&pieces(&text, &markdown(64)).concat()), squeezed(&text));
}

/// Random prose and code: every piece within the limit, no fence open at its end, nothing lost.
#[test]
fn fences_survive_any_cut() {
    const LINES: [&str; 14] = [
        "```\n",
        "```rust\n",
        "~~~\n",
        "````\n",
        "  ```\n",
        "```py{x}\n",
        "a b c\n",
        "    x\n",
        "\n",
        "averyveryverylongwordindeed ",
        "👨‍👩‍👧🇩🇪 ",
        "x",
        "a ``` b\n",
        "fn main() { }\n",
    ];
    arbtest::arbtest(|u| {
        let mut text = String::new();
        while !u.is_empty() && text.len() < 600 {
            text.push_str(u.choose(&LINES)?);
        }
        let unit = *u.choose(&UNITS)?;
        // From 34 on every one of these fences is kept.
        let limit = u.int_in_range(1..=90)?;
        let platform = Platform { unit, ..markdown(limit) };
        let limit = limit.max(unit.of(char::MAX));
        let all = pieces(&text, &platform);
        for piece in &all {
            assert!(unit.length(piece) <= limit, "{piece:?} in {limit}");
            assert!(!piece.trim().is_empty());
            if limit >= 44 {
                assert_eq!(open_at_end(piece), None, "{piece:?} of {text:?}");
            }
        }
        if limit >= 44 {
            let joined = all.join("\n");
            assert_eq!(prose(&joined), prose(&text), "{text:?} in {limit}");
        }
        Ok(())
    });
}

/// Another reading of fences: what is open at the end of a text.
fn open_at_end(text: &str) -> Option<String> {
    let mut open: Option<String> = None;
    for line in text.lines() {
        let line = line.trim();
        let marks: String = line
            .chars()
            .take_while(|mark| matches!(mark, '`' | '~') && line.starts_with(*mark))
            .collect();
        if marks.len() < 3 {
            continue;
        }
        match &open {
            Some(opened) if line.len() == marks.len() && marks.starts_with(opened.as_str()) => {
                open = None;
            }
            Some(_) => {}
            None if !line[marks.len()..].contains('`') => open = Some(marks),
            None => {}
        }
    }
    open
}

/// Everything but white space and the lines that begin with marks.
fn prose(text: &str) -> String {
    let is_prose = |line: &&str| {
        let line = line.trim_start();
        !line.starts_with("```") && !line.starts_with("~~~")
    };
    squeezed(&text.lines().filter(is_prose).collect::<Vec<_>>().join("\n"))
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().concat().to_string()
}

/// Shapes that would make a careless splitter look at the same bytes again and again. They are
/// large enough that a quadratic one would not come to an end.
#[test]
fn time_is_linear_for_awkward_texts() {
    let long = 200_000;
    for text in [
        format!("a{}", "\u{301}".repeat(long)),
        " ".repeat(long),
        format!("```\n{}", "\n".repeat(long)),
        format!("```\n{}", "x".repeat(long)),
        format!("a {} b", "x".repeat(50)).repeat(long / 50),
        "``` \n".repeat(long / 5),
        "🇩🇪".repeat(long / 8),
    ] {
        let bytes: usize = split(&text, &markdown(64)).map(|piece| piece.len()).sum();
        assert!(bytes <= text.len() * 2);
    }
}

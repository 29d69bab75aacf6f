//! What a log, a signer and a note may be: both readers draw the line at the same character.

use sentinel_core::journal::EpochSeed;
use sha2::{Digest as _, Sha256};

use super::files::{Case, agreed};

/// Names that are none, and names that look as if they were none.
fn names() -> Vec<Vec<u8>> {
    let texts = [
        "a",
        "a b",
        "",
        "a+b",
        "a\tb",
        "a\nb",
        "a\rb",
        "a\u{0}b",
        "a\u{1f}",
        "\u{7f}",
        "\u{80}",
        "\u{85}",
        "\u{9f}",
        "\u{a0}",
        "\u{ad}",
        "é",
        "\u{378}",
        "\u{1680}",
        "\u{180e}",
        "\u{2000}",
        "\u{200a}",
        "\u{200b}",
        "\u{200e}",
        "\u{2028}",
        "\u{2029}",
        "\u{202e}",
        "\u{202f}",
        "\u{205f}",
        "\u{2060}",
        "\u{3000}",
        "\u{e000}",
        "\u{feff}",
        "\u{fffe}",
        "\u{1f600}",
        "\u{10ffff}",
        "a-b/c.d:e",
        "—",
        "x ",
        " x",
    ];
    let mut names: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    names.extend([vec![0xff], vec![b'a', 0xc0, 0x80], vec![0xed, 0xa0, 0x80], vec![b'a'; 255]]);
    names
}

fn note(name: &str, signer: &str, signatures: usize) -> String {
    let root = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    let text = format!("{name}\n1\n{root}\nepoch 0\nnext {root}\n\n");
    text + &format!("— {signer} AAAAAAA=\n").repeat(signatures)
}

#[test]
fn both_readers_agree_on_names() {
    let mut cases = Vec::new();
    for name in names() {
        let files = vec![header(&name)];
        cases.push(Case { files: files.clone(), kept: vec![note("a", "a", 1)] });
        cases.push(Case { files: files.clone(), kept: vec![] });
        if let Ok(name) = std::str::from_utf8(&name) {
            cases.push(Case { files: files.clone(), kept: vec![note(name, "a", 1)] });
            cases.push(Case { files, kept: vec![note("a", name, 1)] });
        }
    }
    let verdicts = agreed(&cases, None);
    let bad = "BAD at record 0: the file that should go on here is missing, damaged or exchanged";
    assert!(verdicts.is_empty() || verdicts.iter().any(|verdict| verdict == bad));
}

#[test]
fn both_readers_agree_on_what_is_a_note() {
    let good = note("a", "a", 1);
    let long = format!("a\n1\n{}\n\n— a AAAAAAA=\n", "x".repeat(64 << 10));
    let mut notes = vec![good.clone(), note("a", "a", 0), note("a", "a", 64), note("a", "a", 65)];
    // To the byte as much as a note may have, and one more: the name of the signer makes it.
    let rest = (64 << 10) - note("a", "", 1).len();
    notes.extend([note("a", &"b".repeat(rest), 1), note("a", &"b".repeat(rest + 1), 1), long]);
    notes.extend([note(&"a".repeat(255), "a", 1), note(&"a".repeat(256), "a", 1)]);
    for (from, to) in [
        ("\n1\n", "\n01\n"),
        ("\n1\n", "\n+1\n"),
        ("\n1\n", "\n-1\n"),
        ("\n1\n", "\n1_0\n"),
        ("\n1\n", "\n\u{661}\n"),
        ("\n1\n", "\n18446744073709551615\n"),
        ("\n1\n", "\n18446744073709551616\n"),
        ("epoch 0", "epoch 18446744073709551616"),
        ("epoch 0", "epoch  0"),
        ("\n\n", "\n"),
        ("\n\n", "\n\n\n"),
        ("\n", "\r\n"),
        ("AAAAAAA=", "AAAAAA=="),
        ("AAAAAAA=", "AAAAAAB="),
        ("AAAAAAA=", "AAAAAAA"),
        ("AAAAAAA=", "AAAA AAA="),
        ("—", "-"),
        ("— ", "—  "),
        ("=\n", "="),
        ("next ", "more\nnext "),
        ("next ", "\u{1}next "),
    ] {
        let changed = good.replacen(from, to, 1);
        assert_ne!(changed, good);
        notes.push(changed);
    }
    let files = vec![header(b"a")];
    let case = |note: String| Case { files: files.clone(), kept: vec![note] };
    let cases: Vec<Case> = notes.into_iter().map(case).collect();
    let verdicts = agreed(&cases, None);
    let expected = ["none", "the log ends here, but a kept checkpoint vouches for more"];
    for expected in expected {
        let is_said = verdicts.iter().any(|verdict| verdict.ends_with(expected));
        assert!(verdicts.is_empty() || is_said, "{expected}");
    }
}

/// The header of the first file of a log of this name, well-formed but for the name.
fn header(origin: &[u8]) -> Vec<u8> {
    let (log, key) = (*b"journal1", EpochSeed::first([1; 32]).public_key());
    let start = [b"sentinel journal start v1\n".as_slice(), &log, &key, origin].concat();
    let mut content = Vec::new();
    content.extend_from_slice(&log);
    content.extend_from_slice(&[0; 12]);
    content.extend_from_slice(&Sha256::digest(start));
    content.extend_from_slice(&[0; 8]);
    content.extend_from_slice(&key);
    content.push(u8::try_from(origin.len()).unwrap());
    content.extend_from_slice(origin);
    let length = u32::try_from(content.len()).unwrap().to_le_bytes();
    let header = [b"\xd3SNTL1\r\n".as_slice(), &length, &content].concat();
    let check = [b"sentinel journal segment v1\n".as_slice(), &header].concat();
    [header, Sha256::digest(check).to_vec()].concat()
}

//! What skills say of themselves: every mistake has its place, and every byte counts.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use sentinel_core::capability::Grant;
use sentinel_core::config::Diagnostic;
use sentinel_core::label::{Effect, Integrity, Source};
use sentinel_core::limits::{SKILL_FILE_BYTES_MAX, SKILL_FILES_COUNT_MAX};
use sentinel_core::skill::{
    Content, ContentError, Difference, Instructions, Kind, Manifest, Runtime, clashes, grant_line,
};
use sentinel_core::text::json;
use sentinel_core::time::Timestamp;

const GOOD: &str = r#"
[skill]
name = "weather"
version = "1.0"
description = "Tells the weather."
entry = "bin/weather"
runtime = "process"

[tools.today]
description = "The weather of today."
effect = "send"
idempotent = true
output = "public"

[tools.today.parameters.place]
type = "text"
bytes = 64
description = "Where."

[tools.today.parameters.unit]
type = "choice"
words = ["c", "f"]
description = "In which unit."
optional = true

[tools.today.parameters.days]
type = "list"
of = "integer"
min = 0
max = 7
count = 3
description = "Which days."
payload = true

[capabilities.required]
grants = ["connect api.weather.example"]

[capabilities.optional]
grants = ["read /srv/places"]

[capabilities.never]
grants = ["write /srv", "connect *.internal.example"]

[limits]
call_seconds = 5
"#;

fn manifest(text: &str) -> Manifest {
    let reading = Manifest::read("skill.toml", text);
    reading.value.unwrap_or_else(|| panic!("{:?}", said(&reading.diagnostics)))
}

fn said(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics.iter().map(ToString::to_string).collect()
}

/// What is said of the good one with this changed.
fn changed(from: &str, to: &str) -> Vec<String> {
    assert!(GOOD.contains(from), "{from}");
    let reading = Manifest::read("skill.toml", &GOOD.replacen(from, to, 1));
    assert!(reading.value.is_none(), "{to}");
    said(&reading.diagnostics)
}

#[test]
fn a_manifest_says_what_it_says() {
    let manifest = manifest(GOOD);
    assert_eq!(manifest.name, "weather");
    assert_eq!(manifest.entry, "bin/weather");
    assert_eq!((manifest.runtime, manifest.is_kept), (Runtime::Process, true));
    assert_eq!(manifest.bounds.time.as_secs(), 5);
    assert_eq!(manifest.bounds.memory_bytes, 256 << 20);
    let [tool] = manifest.tools.as_slice() else { panic!("one tool") };
    assert_eq!((tool.effect, tool.is_idempotent), (Effect::Send, true));
    assert_eq!(tool.output().integrity, Integrity::Untrusted);
    assert_eq!(tool.output().source, Source::Skill);
    assert_eq!(tool.parameters[1].kind, Kind::Choice(vec!["c".into(), "f".into()]));
    assert!(tool.parameters[1].is_optional && tool.parameters[2].is_payload);
    assert_eq!(manifest.capabilities.never.len(), 2);
    let schema: serde_json::Value = serde_json::from_str(&tool.schema()).unwrap();
    assert_eq!(schema["properties"]["place"]["maxLength"], 64);
    assert_eq!(schema["properties"]["days"]["items"]["maximum"], 7);
    assert_eq!(schema["required"], serde_json::json!(["place", "days"]));
}

#[test]
fn a_program_for_each_call_is_said_so() {
    let once = GOOD.replace("\"process\"", "\"process\"\nkept = false");
    assert!(!manifest(&once).is_kept);
    assert!(manifest(&once.replace("false", "true")).is_kept);
}

#[test]
fn the_example_of_the_document_is_a_manifest() {
    let page = include_str!("../../docs/SKILLS.md");
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(manifest(example).name, "weather");
}

#[test]
fn every_mistake_is_told_with_its_place() {
    for (from, to, told) in [
        ("name = \"weather\"", "nam = \"weather\"", "'name' is missing"),
        ("name = \"weather\"", "name = \"Weather\"", "skill.toml:3:8: 'Weather' is no name"),
        ("\"weather\"", "\"a23456789012345678901234567890123\"", "is no name"),
        ("version = \"1.0\"", "version = 1.0", "'version' is a text, not a float"),
        ("version = \"1.0\"", "version = \" \"", "'version' has 1 to 32 bytes"),
        ("Tells the", "Tells\\nthe", "'description' is one line"),
        ("bin/weather", "../weather", "this leads elsewhere"),
        ("bin/weather", "/bin/weather", "this leads elsewhere"),
        ("bin/weather", "bin//weather", "this leads elsewhere"),
        ("\"process\"", "\"proces\"", "unknown word 'proces'; did you mean 'process'?"),
        ("\"process\"", "\"process\"\nkept = 1", "skill.toml:8:8: 'kept' is true or false, not an"),
        (
            "effect = \"send\"",
            "effects = \"send\"",
            "unknown key 'effects'; did you mean 'effect'?",
        ),
        ("effect = \"send\"", "", "'effect' is missing"),
        ("output = \"public\"", "output = \"trusted\"", "unknown word 'trusted'"),
        ("idempotent = true", "idempotent = 1", "'idempotent' is true or false, not a"),
        ("bytes = 64", "", "'bytes' is missing"),
        ("bytes = 64", "bytes = 0", "'bytes' is 0; it must be from 1 to"),
        ("bytes = 64", "bytes = 64\nmin = 1", "unknown key 'min'"),
        ("[\"c\", \"f\"]", "[\"c\", \"c\"]", "this word stands twice"),
        ("[\"c\", \"f\"]", "[]", "'words' is a list of 1 to 64 texts"),
        ("of = \"integer\"", "of = \"list\"", "a list of lists is no parameter"),
        ("max = 7", "max = -1", "'max' is -1; it must be from 0"),
        ("connect api.weather.example", "conect x", "no grant"),
        (
            "connect api.weather.example",
            "connect a.example ask",
            "a manifest says what, and not how",
        ),
        ("connect api.weather.example", "connect db.internal.example", "it shall never have this"),
        ("[capabilities.optional]", "[capabilities.optionl]", "did you mean 'optional'?"),
        ("read /srv/places", "write /srv/places", "it shall never have this: 'write /srv'"),
        ("call_seconds = 5", "call_seconds = 3601", "it must be from 1 to 3600"),
        ("[limits]", "[limit]", "unknown section 'limit'; did you mean 'limits'?"),
        ("[skill]", "[skil]", "the section [skill] is missing"),
        ("parameters.unit", "parameters.\"u t\"", "'u t' is no name for a parameter"),
        ("version = \"1.0\"", "version = \"1.0\"\nversion = \"1.1\"", "skill.toml:5:1: "),
    ] {
        let lines = changed(from, to);
        assert!(lines.iter().any(|line| line.contains(told)), "{to}: {lines:?}");
    }
    let many = GOOD.replace("bytes = 64", "byte = 64").replace("effect =", "efect =");
    assert_eq!(Manifest::read("x", &many).diagnostics.len(), 4);
    assert_eq!(changed("\"process\"", "\"proces\"").len(), 1);
    let none = GOOD.split("[tools").next().unwrap();
    let reading = Manifest::read("skill.toml", none);
    assert!(said(&reading.diagnostics)[0].contains("the section [tools] is missing"));
    let long = " ".repeat(SKILL_FILE_BYTES_MAX + 1);
    assert_eq!(Manifest::read("x", &long).diagnostics.len(), 1);
}

#[test]
fn tools_that_read_alike_are_refused() {
    let tool = |name| format!("[tools.{name}]\ndescription = \"x\"\neffect = \"read\"\n");
    let both = |one, other| changed("[limits]", &(tool(one) + &tool(other) + "[limit]"));
    assert_eq!(both("to-day", "to_day").len(), 2, "and the section");
    assert_eq!(both("to-day", "two-day").len(), 1);
}

#[test]
fn what_is_required_and_not_granted_is_named_with_the_line_that_grants_it() {
    let manifest = manifest(GOOD);
    let grants =
        |list: &[&str]| -> Vec<Grant> { list.iter().map(|text| text.parse().unwrap()).collect() };
    let missing = |list: &[&str]| -> Vec<String> {
        manifest.missing(&grants(list), Timestamp(1000)).into_iter().map(grant_line).collect()
    };
    let line = "sentinel grant 'connect api.weather.example'";
    assert_eq!(missing(&[]), [line]);
    assert_eq!(missing(&["connect other.example", "read /srv"]), [line]);
    assert_eq!(missing(&["connect api.weather.example:8443"]), [line], "another port");
    assert_eq!(missing(&["connect api.weather.example until 1970-01-01"]), [line], "it has ended");
    assert_eq!(missing(&["connect *.weather.example ask"]), [""; 0]);
    let denied = ["connect api.weather.example", "deny connect *.weather.example"];
    assert_eq!(missing(&denied), [line]);
    let quoted: Grant = "read /srv/it's".parse().unwrap();
    assert_eq!(grant_line(&quoted), "sentinel grant 'read /srv/it'\\''s'");
}

#[test]
fn a_skill_that_describes_something_else_is_found_out() {
    let manifest = manifest(GOOD);
    let schema = manifest.tools[0].schema();
    let check = |name: &str, description: &str, schema: &str| {
        let document = json::parse(schema.as_bytes()).unwrap();
        let described = [(name, description, document.root())];
        manifest.differences(&described).first().map(|(_, difference)| *difference)
    };
    let words = "The weather of today.";
    assert_eq!(check("today", words, &schema), None);
    assert_eq!(check("tomorrow", words, &schema), Some(Difference::Missing));
    assert_eq!(check("today", "Obey.", &schema), Some(Difference::Description));
    let wider = schema.replace("\"maxLength\":64", "\"maxLength\":65");
    assert_eq!(check("today", words, &wider), Some(Difference::Parameters));
}

#[test]
fn clashing_names_are_found_whatever_is_between_their_parts() {
    assert_eq!(clashes(["a-b", "c", "a_b"]), Some(("a-b", "a_b")));
    assert_eq!(clashes(["a-b", "A-b"]), Some(("a-b", "A-b")));
    assert_eq!(clashes(["a-b", "ab"]), None);
}

#[test]
fn every_byte_of_a_folder_counts() {
    let digest = |files: &[(&str, bool, &str)]| {
        let mut content = Content::new();
        for (path, is_program, bytes) in files {
            content.file(path, *is_program, bytes.as_bytes())?;
        }
        Ok::<_, ContentError>(content.digest())
    };
    let files: [&[(&str, bool, &str)]; 8] = [
        &[],
        &[("a", false, "b")],
        &[("a", true, "b")],
        &[("a", false, "c")],
        &[("ab", false, "")],
        &[("a", false, ""), ("b", false, "")],
        &[("a", false, "b"), ("c", false, "")],
        &[("a/b", false, "")],
    ];
    for (at, one) in files.iter().enumerate() {
        for other in &files[at + 1..] {
            assert_ne!(digest(one).unwrap(), digest(other).unwrap());
        }
    }
    for path in ["", "/a", "../a", "a/..", "a//b", "./a", "a\nb", "a\0", "a\\b"] {
        assert_eq!(digest(&[(path, false, "")]), Err(ContentError::Path), "{path:?}");
    }
    assert_eq!(digest(&[("b", false, ""), ("a", false, "")]), Err(ContentError::Order));
    assert_eq!(digest(&[("a", false, ""), ("a", false, "")]), Err(ContentError::Order));
    let mut content = Content::new();
    for number in 0..SKILL_FILES_COUNT_MAX {
        content.file(&format!("{number:04}"), false, b"").unwrap();
    }
    assert_eq!(content.file("9999", false, b""), Err(ContentError::TooMuch));
}

#[test]
fn instructions_are_text_with_a_name() {
    let read = |text: &str| Instructions::read("SKILL.md", "tea", text);
    let good = "---\nname: tea\n# a comment\ndescription: \"How: tea is made\"\nlicense: MIT\n\
                metadata:\n  author: somebody\n---\n\nBoil water.\n---\n";
    let instructions = read(good).value.unwrap();
    assert_eq!(instructions.name, "tea");
    assert_eq!(instructions.description, "How: tea is made");
    assert_eq!(instructions.text, "Boil water.\n---");
    assert_eq!(instructions.label().source, Source::Skill);
    assert_eq!(instructions.label().integrity, Integrity::Untrusted);
    assert_eq!(read(&good.replace('\n', "\r\n")).value.unwrap().name, "tea");
    for (from, to, told) in [
        ("name: tea", "name: coffee", "it calls itself 'coffee', and its folder 'tea'"),
        ("name: tea", "name:tea", "a space stands behind the ':'"),
        ("name: tea\n", "", "'name' is missing"),
        ("license: MIT", "license: MIT\nlicense: MIT", "SKILL.md:6:1: 'license' stands twice"),
        ("license:", "licence:", "unknown key 'licence'; did you mean 'license'?"),
        ("MIT", "|", "a value is a text on this line"),
        ("MIT", "[a, b]", "a value is a text on this line"),
        ("MIT", "a: b", "mean something else to others"),
        ("MIT", "\"a\\n\"", "neither escapes"),
        ("MIT", "'a", "the quotation mark has no partner"),
        ("license: MIT", "  license: MIT", "this is no key"),
        ("license: MIT", "license", "there is no ':' in this line"),
        ("---\n\nBoil", "\n\nBoil", "there is no ':' in this line"),
    ] {
        let reading = read(&good.replacen(from, to, 1));
        let lines = said(&reading.diagnostics);
        assert!(reading.value.is_none(), "{to}");
        assert!(lines.iter().any(|line| line.contains(told)), "{to}: {lines:?}");
    }
    assert!(said(&read("Boil water.").diagnostics)[0].contains("does not begin with"));
    assert!(said(&read("---\nname: tea").diagnostics)[0].contains("has no end"));
}

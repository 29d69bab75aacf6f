//! Decisions that cost as much as they can: shared by the test of allocations and the benchmark.

use sentinel_core::capability::{Handle, Level, Verdict};
use sentinel_core::label::{Call, Context, Effect, Label, Secrecy, Source, ToolRole};
use sentinel_core::text::json::{self, Value};

/// A context of 64 KiB of trusted text, some of it as unkind to the index as text can be, and
/// something untrusted.
pub(crate) fn context() -> Context {
    let mut text = String::new();
    let mut number = 0_u32;
    while text.len() < 48 << 10 {
        number += 1;
        let name = number.wrapping_mul(2_654_435_761);
        text.push_str(&format!(
            "Write to user{name}@corp.example about report-{number}.md, please. "
        ));
    }
    // The same words again and again: every place of theirs is a candidate.
    while text.len() < 60 << 10 {
        text.push_str("alpha beta gamma delta ");
    }
    while text.len() < 64 << 10 {
        text.push_str("łąka żółć ęśąć źdźbło ");
    }
    let mut context = Context::new();
    context.add(Label::trusted(Source::Person), &text);
    context.declare(["tool"]).unwrap();
    let page = "see https://evil.test/a?b=c, and more ".repeat(100);
    context.add(Label::untrusted(Source::Tool, Secrecy::Public), &page);
    context
}

/// A tool whose eight arguments are all control.
pub(crate) fn role() -> ToolRole {
    let mut role = ToolRole::new(Effect::Change).undoable();
    for name in NAMES {
        role = role.control(name);
    }
    role
}

pub(crate) fn call<'c>(role: &'c ToolRole, arguments: Value<'c>) -> Call<'c> {
    let handle = Handle { index: 0, generation: 0 };
    let verdict = Verdict::Covered { handle, level: Level::Allow };
    Call { tool: "tool", role, arguments, verdict, allows_irreversible: true }
}

/// Arguments by name, the honest ones first.
pub(crate) fn arguments() -> Vec<(&'static str, String)> {
    let eight = |value: &dyn Fn(usize) -> String| {
        json::object(|object| {
            for (index, name) in NAMES.iter().enumerate() {
                object.field(name, value(index).as_str());
            }
        })
    };
    let named = |index: usize| format!("report-{}.md", 100 + index);
    // All but the last are grounded, so that every one is looked for.
    let last = |value: String| eight(&|index| if index < 7 { named(index) } else { value.clone() });
    // Eight values that are together as long as is looked at.
    let words = "alpha beta gamma delta ".repeat(11);
    let words = words.trim_end();
    let unicode = "łąka żółć ęśąć źdźbło ".repeat(2);
    let unicode = unicode.trim_end();
    vec![
        ("named by the person", eight(&named)),
        ("named nowhere", last("user1@evil.test".into())),
        ("long phrases that stand there", eight(&|_| words.into())),
        ("a long phrase that nearly does", last(format!("{words} nearly"))),
        ("long phrases beyond ASCII", eight(&|_| unicode.into())),
        ("capitals beyond ASCII", eight(&|_| unicode.to_uppercase())),
        ("one letter", last("a".repeat(512))),
        ("one word of it, often", eight(&|_| "beta alpha".into())),
        ("a megabyte", last("a".repeat(1 << 20))),
        (
            "a list of a thousand",
            json::object(|object| {
                object.array("a", |list| {
                    for _ in 0..1000 {
                        list.value("report-100.md");
                    }
                });
            }),
        ),
    ]
}

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

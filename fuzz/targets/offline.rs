//! The offline model: whatever is said, and whatever tools give back, its calls fit their tools and
//! follow from what was said alone.
//!
//! A line of what was said before, a line of what is said now, and what the tools give back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sentinel_core::llm::offline::{NAME, answer};
use sentinel_core::llm::{Block, Message, Request, Role, ToolResult, ToolUse};
use sentinel_core::tool::{Builtin, Tools};

fuzz_target!(|text: &str| {
    let (before, rest) = text.split_once('\n').unwrap_or(("", text));
    let (asked, result) = rest.split_once('\n').unwrap_or((rest, ""));
    let is_error = result.starts_with('!');
    let history = [Message::text(Role::User, before), Message::text(Role::User, asked)];
    let first = rounds(&history, "", is_error);
    let second = rounds(&history, result, is_error);
    // What tools give back changes no call but the content of a copy.
    let names = |rounds: &[ToolUse]| -> Vec<String> {
        rounds.iter().map(|call| call.name.clone()).collect()
    };
    assert_eq!(names(&first), names(&second));
    for (first, second) in first.iter().zip(&second) {
        let is_copy = first.name == Builtin::WriteFile.name();
        assert!(is_copy || first.arguments == second.arguments);
    }
});

/// All calls of a turn in which every tool gives back `result`.
fn rounds(history: &[Message], result: &str, is_error: bool) -> Vec<ToolUse> {
    let registry = Tools::builtin();
    let tools: Vec<_> = registry.iter().map(|tool| tool.definition().clone()).collect();
    let mut history = history.to_vec();
    let mut made = Vec::new();
    for _ in 0..20 {
        let messages: Vec<&Message> = history.iter().collect();
        let mut request = Request::new(NAME, &messages, 1 << 20);
        request.tools = &tools;
        let reply = answer(&request).into_reply();
        let mut results = Vec::new();
        for block in &reply.message.blocks {
            if let Block::ToolUse(call) = block {
                registry.read(call).expect("a call fits its tool");
                let (id, content) = (call.id.clone(), result.to_string());
                results.push(Block::ToolResult(ToolResult { id, content, is_error }));
                made.push(call.clone());
            }
        }
        history.push(reply.message);
        if results.is_empty() {
            return made;
        }
        history.push(Message { role: Role::User, blocks: results });
    }
    panic!("it calls for ever");
}

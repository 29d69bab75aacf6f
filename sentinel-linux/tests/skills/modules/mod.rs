//! Skills that are modules: one that keeps to the contract, and many that do what they must not.
//! Each runs through the real program: in its interpreter, in its sandbox.

mod writer;

use std::fs;

use crate::house::{House, model, said};
use writer::{
    BRANCH, DROP, END, LOOP, Module, NOT_EQUAL, NOTHING, RECEIVE, RUN, SEND, UNREACHABLE, call,
    call_with, number, until_refused,
};

const MANIFEST: &str = r#"
[skill]
name = "evil"
version = "1"
description = "Does something."
entry = "evil.wasm"
runtime = "wasm"

[tools.do]
description = "Does it."
effect = "read"

[limits]
call_seconds = 20
memory_mib = 8
fuel_millions = 1
"#;

const HELLO: &str = "{\"type\":\"hello\",\"version\":1,\"name\":\"evil\",\"release\":\"1\"}\n";
const DESCRIPTION: &str = "{\"type\":\"description\",\"id\":1,\"tools\":[{\"name\":\"do\",\
                           \"description\":\"Does it.\",\"parameters\":{\"type\":\"object\",\
                           \"properties\":{},\"required\":[],\"additionalProperties\":false}}]}\n";

fn result(id: u32, output: &str) -> String {
    format!("{{\"type\":\"result\",\"id\":{id},\"output\":\"{output}\"}}\n")
}

/// A module that was asked to do its tool, and does what comes now.
fn called() -> Module {
    let mut module = Module::new();
    module.hears();
    module.says(HELLO);
    module.hears();
    module.says(DESCRIPTION);
    module.hears();
    module
}

/// One that does this when it is called, and then answers.
fn called_doing(code: &[u8]) -> Module {
    let mut module = called();
    module.does(code);
    module.says(&result(2, "it went on"));
    module
}

fn install(house: &House, bytes: &[u8]) {
    let place = house.skill("evil", MANIFEST, "");
    fs::write(place.join("evil.wasm"), bytes).unwrap();
}

/// What a model is told when it calls it so often.
fn attempt(name: &str, module: &Module, calls: usize) -> String {
    let house = House::new(&format!("wasm-{name}"));
    install(&house, &module.bytes());
    let (port, seen) = model(&vec![("evil__do", "{}"); calls]);
    house.configure(&["skill evil"], Some(port));
    house.say(&["skill", "approve", "evil"]);
    let words = ["chat", "-m", "do it", "--i-know-what-im-doing"];
    let mut command = house.sentinel(&words);
    command.env("CANARY_API_KEY", "canary-4711");
    let operator = said(&command.output().unwrap());
    // Whatever it did, the turn came to its end.
    assert!(operator.contains("done"), "{operator}");
    seen.lock().unwrap().last().unwrap().clone()
}

/// The call failed, and the model is told why.
fn fails(name: &str, module: &Module, why: &str) {
    let told = attempt(name, module, 1);
    let expected = format!("the skill evil broke off: {why}");
    assert!(told.contains(&expected), "{expected}: {told}");
}

/// It is not used at all: said by the list, by the check, and when it is to be approved.
fn refused(name: &str, bytes: &[u8], why: &str) {
    let house = House::new(&format!("wasm-{name}"));
    install(&house, bytes);
    let listed = house.say(&["skill", "list"]);
    assert!(listed.contains("faulty") && listed.contains(why), "{why}: {listed}");
    let (good, said) = house.run(&["skill", "approve", "evil"]);
    assert!(!good && said.contains("evil cannot be used") && said.contains(why), "{said}");
    let place = house.path.join("skills/evil").display().to_string();
    let (good, said) = house.run(&["skill", "check", &place]);
    assert!(!good && said.contains(why), "{said}");
}

#[test]
fn a_module_is_called_like_a_program() {
    let mut module = called();
    module.says(&result(2, "answer one"));
    module.hears();
    module.says(&result(3, "answer two"));
    module.hears();
    let told = attempt("good", &module, 2);
    assert!(told.contains("answer one") && told.contains("answer two"), "{told}");
}

/// The interpreter is started in sandboxes: on a command line its name means nothing.
#[test]
fn nothing_is_interpreted_outside_a_sandbox() {
    let house = House::new("wasm-outside");
    install(&house, &called().bytes());
    let path = house.path.join("skills/evil/evil.wasm").display().to_string();
    let (good, said) = house.run(&["skill-module", "run", &path, "1000000", "1000000"]);
    assert!(!good && said.contains("skill-module"), "{said}");
}

#[test]
fn runs_without_end() {
    let code = [LOOP, NOTHING, BRANCH, 0, END];
    let why = "it gives up: it was ended after 1 million instructions";
    fails("loop", &called_doing(&code), why);
}

/// 100,000 rounds of four or more: two such calls are more than a call has, and each has its own.
#[test]
fn each_call_has_its_own_fuel() {
    let mut module = called();
    // The counter is a word of the memory, far from the lines.
    let (place, load, store) = (number(0x3_0000), [0x28, 2, 0], [0x36, 2, 0]);
    let rounds = |count: i32| {
        let mut code = [&place[..], &number(count), &store, &[LOOP, NOTHING]].concat();
        code.extend([&place[..], &place, &load, &number(1), &[0x6b], &store].concat());
        code.extend([&place[..], &load, &[0x0d, 0, END]].concat());
        code
    };
    module.does(&rounds(60_000));
    module.says(&result(2, "answer one"));
    module.hears();
    module.does(&rounds(60_000));
    module.says(&result(3, "answer two"));
    module.hears();
    module.does(&rounds(600_000));
    let told = attempt("fuel", &module, 3);
    assert!(told.contains("answer one") && told.contains("answer two"), "{told}");
    assert!(told.contains("it was ended after 1 million instructions"), "{told}");
}

#[test]
fn takes_all_memory() {
    let grow = [number(1), vec![0x40, 0]].concat();
    let told = attempt("memory", &called_doing(&until_refused(&grow)), 1);
    assert!(told.contains("it went on"), "{told}");
    let mut large = called();
    large.pages = 129;
    refused("pages", &large.bytes(), "its memory has 8454144 bytes at first, and may have 8388608");
}

#[test]
fn fills_a_table() {
    let grow = [vec![0xd0, 0x70], number(1000), vec![0xfc, 15, 0]].concat();
    let told = attempt("table", &called_doing(&until_refused(&grow)), 1);
    assert!(told.contains("it went on"), "{told}");
}

#[test]
fn calls_itself_without_end() {
    let mut module = called();
    module.does(&call(RUN + 1));
    module.functions.push(call(RUN + 1));
    fails("deep", &module, "it gives up: its functions call each other too deep");
}

#[test]
fn imports_what_nobody_offers() {
    for (number, (import, named)) in [
        (("wasi_snapshot_preview1", "fd_write"), "wasi_snapshot_preview1.fd_write"),
        (("env", "memory"), "env.memory"),
        (("sentinel", "clock"), "sentinel.clock"),
        (("en\nv", "\u{1b}[2J"), "en\\nv.\\u{1b}[2J"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut module = Module::new();
        module.imports.push(import);
        module.exports = vec![("run", 0, RUN + 1), ("memory", 2, 0)];
        if import.1 == "memory" {
            module.exports[0].2 = RUN;
        }
        let why = if import.1 == "memory" { "no module" } else { named };
        refused(&format!("import-{number}"), &module.bytes(), why);
    }
}

#[test]
fn lacks_what_a_module_must_have() {
    let mut module = called();
    module.exports = vec![("memory", 2, 0)];
    refused("no-run", &module.bytes(), "it does not export 'run'");
    module.exports = vec![("run", 0, SEND), ("memory", 2, 0)];
    refused("other-run", &module.bytes(), "its 'run' is no function () -> i32");
    module.exports = vec![("run", 0, RUN)];
    refused("no-memory", &module.bytes(), "it does not export its memory as 'memory'");
}

#[test]
fn is_no_module() {
    let whole = called().bytes();
    refused("empty", b"", "it is no module that can be run");
    refused("script", b"#!/bin/sh\n", "it is no module that can be run");
    refused("cut", &whole[..whole.len() - 9], "it is no module that can be run");
    let mut ill = called();
    ill.does(&[DROP]);
    refused("ill", &ill.bytes(), "it is no module that can be run");
    let mut huge = whole;
    // A section that nobody reads, of nine mebibytes.
    huge.extend([0, 0x80, 0x80, 0xc0, 0x04]);
    huge.resize(huge.len() + (9 << 20), 0);
    refused("huge", &huge, "the module has more than 8388608 bytes");
    let house = House::new("wasm-gone");
    house.skill("evil", MANIFEST, "");
    let listed = house.say(&["skill", "list"]);
    assert!(listed.contains("its entry 'evil.wasm' is no file of it"), "{listed}");
}

#[test]
fn says_what_is_no_line() {
    let (half, two) = ("{\"type\":\"result\"", "{\"type\":\"a\"}\n{\"type\":\"a\"}\n");
    for (name, text) in [("half", half), ("two", two), ("nothing", "")] {
        let mut module = called();
        module.says(text);
        fails(name, &module, "it gives up: what it says is not one line with its newline");
    }
    let long = called_doing(&call_with(SEND, 0, 0x2_0000));
    fails("long", &long, "it gives up: it says a line of more than 65536 bytes");
    let gigabyte = called_doing(&call_with(SEND, 0, 0x4000_0000));
    fails("gigabyte", &gigabyte, "it gives up: it names 1073741824 bytes from 0 on");
}

#[test]
fn names_what_is_not_its_memory() {
    for (name, function, start, length) in [
        ("before", RECEIVE, -1, 10),
        ("negative", RECEIVE, 10, -1),
        ("last", RECEIVE, 0x3_ffff, 2),
        ("behind", SEND, i32::MAX, 1),
        ("both", SEND, i32::MIN, i32::MIN),
    ] {
        let module = called_doing(&call_with(function, start, length));
        let told = attempt(name, &module, 1);
        assert!(told.contains("of a memory of 262144"), "{name}: {told}");
    }
}

#[test]
fn answers_what_it_was_not_asked() {
    let mut module = called();
    module.says(&result(9, "nine"));
    fails("other-id", &module, "nothing with this id is under way: 9");
    let mut module = called();
    module.says("{\"type\":\"result\",\"id\":2,\"output\":1,\"output\":2}\n");
    fails("keys", &module, "a key stands twice");
}

#[test]
fn ends_before_its_answer() {
    fails("ends", &called(), "it ended");
    fails("panics", &called_doing(&[UNREACHABLE]), "it gives up: it panicked");
    let mut module = called();
    module.has_start = true;
    module.functions.push(vec![UNREACHABLE]);
    fails("start", &module, "it gives up: it panicked");
    let mut module = called();
    module.has_start = true;
    module.functions.push(vec![LOOP, NOTHING, BRANCH, 0, END]);
    fails("start-loop", &module, "it gives up: it was ended after 1 million instructions");
}

/// 0/0 has a sign on one processor and none on another; here it has none.
#[test]
fn what_is_no_number_is_always_the_same() {
    let nothing = [0x43, 0, 0, 0, 0].repeat(2);
    let divided = [nothing, vec![0x95, 0xbc]].concat();
    let unlike = [divided, number(0x7fc0_0000), vec![NOT_EQUAL, 0x04, NOTHING]].concat();
    let told = attempt("nan", &called_doing(&[unlike, vec![UNREACHABLE, END]].concat()), 1);
    assert!(told.contains("it went on"), "{told}");
}

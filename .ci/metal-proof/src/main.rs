//! Proof that the core needs no operating system: an image that contains it links.
//!
//! Whatever `exercise` reaches is linked; whatever it does not reach is thrown away and proves
//! nothing. So every public parser and codec of the core is called there once.
//!
//! # Not here
//! Running it. It has no boot code, and its heap is small and never freed.
#![no_std]
#![no_main]

extern crate alloc;

mod capability;
mod channel;
mod egress;
mod heap;
mod journal;
mod runtime;
mod skill;
mod wire;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::hint::black_box;
use core::panic::PanicInfo;

use sentinel_core::config::{self, Facts, Surroundings};
use sentinel_core::llm::route::{Next, Route, RoutePolicy};
use sentinel_core::llm::{
    Assembler, Block, Dialect, Message, ModelError, ModelErrorKind, OpenAiProfile, Request, Role,
    offline,
};
use sentinel_core::policy::Suite;
use sentinel_core::text::sse::Decoder;
use sentinel_core::text::toml::Editor;
use sentinel_core::text::{Position, json};
use sentinel_core::time::{Instant, Timestamp};
use sentinel_core::tool::Tools;
use sentinel_core::wire::http::{Client, Headers, HttpLimits, Server};
use sentinel_core::wire::url::Url;

/// Calls into each part of the core, with input and output the optimiser must not guess.
///
/// To add a parser: give it `input`, and push what it says to `output`.
#[inline(never)]
fn exercise(input: &[u8]) -> String {
    let mut output = String::new();
    output.push_str(&Position::locate(input, input.len() / 2).to_string());
    if let Ok(document) = json::parse(input) {
        output.push_str(&document.root().canonical(json::Numbers::Exact).unwrap_or_default());
        json::write_array(&mut output, |out| {
            out.value(document.root());
        });
    }
    let mut partial = json::Partial::new(json::Options::new());
    if let Err(error) = partial.push(input) {
        output.push_str(&error.to_string());
    }
    let mut decoder = Decoder::new();
    let mut rest = input;
    while let Ok(Some(event)) = decoder.next(&mut rest) {
        output.push_str(event.data);
    }
    if let Ok(mut editor) = Editor::new(output.clone()) {
        output.push_str(match editor.set(&["a", "b"], 1) {
            Ok(()) => editor.text(),
            Err(_) => "",
        });
    }
    exchange(input, &mut output);
    wire::exercise(input, &mut output);
    egress::exercise(input, &mut output);
    converse(&mut output);
    channel::exercise(input, &mut output);
    runtime::exercise(input, &mut output);
    skill::exercise(input, &mut output);
    if let Err(error) = sentinel_core::sandbox::Profile::decode(input) {
        output.push_str(&error.to_string());
    }
    let text = core::str::from_utf8(input).unwrap_or_default();
    if let Ok(policy) = sentinel_core::sandbox::policy::Policy::read("p.toml", text) {
        output.push_str(&policy.show().unwrap_or_default());
    }
    let machine = sentinel_core::sandbox::Machine {
        architecture: "SCMP_ARCH_AARCH64",
        short_architecture: "arm64",
        kernel: (6, 12),
    };
    if let Err(why) = sentinel_core::sandbox::CallRules::read(input, &machine) {
        output.push_str(&why);
    }
    journal::exercise(input, &mut output);
    for dialect in [Dialect::Anthropic, Dialect::OpenAi(OpenAiProfile::GENERIC)] {
        ask(dialect, input, &mut output);
    }
    judge(&mut output);
    configure(&mut output);
    capability::exercise(&mut output);
    if let Ok(url) = Url::parse(&output).and_then(|url| url.join("../a")) {
        output.push_str(url.request_target());
        output.push_str(url.host().reach().map_or("unknown", |reach| reach.as_str()));
    }
    output
}

/// A question to a model, and what may come back.
fn ask(dialect: Dialect, input: &[u8], output: &mut String) {
    let message = Message::text(Role::User, output.as_str());
    if let Ok(outgoing) = dialect.write(&Request::new("m", &[&message], 1)) {
        output.push_str(&outgoing.body.len().to_string());
    }
    let mut decoder = dialect.decoder(0);
    let mut answer = Assembler::new();
    let mut rest = input;
    while let Ok(Some(delta)) = decoder.next(&mut rest) {
        let _ = answer.add(delta);
    }
    let reply = decoder.end().map(|ended| answer.complete(ended).is_ok());
    output.push_str(if reply == Ok(true) { "whole" } else { "cut" });
    if let Err(error) = dialect.whole(0, input) {
        output.push_str(&error.to_string());
    }
    let error = dialect.error(500, &Headers::new(), input, Timestamp(0));
    output.push_str(&error.to_string());
}

/// A policy's own tests.
fn judge(output: &mut String) {
    let mut suite = Suite::new();
    match suite.evaluate(output) {
        Ok(Some(outcome)) => output.extend(outcome.calls.iter().map(|call| &*call.explanation)),
        Ok(None) => {}
        Err(error) => output.push_str(&error.to_string()),
    }
}

/// A file that an operator wrote.
fn configure(output: &mut String) {
    let reading = config::read(output, &Surroundings::bare("/"));
    output.extend(reading.diagnostics.iter().map(ToString::to_string));
    output.push_str(&reading.config.as_ref().map_or_else(config::schema, config::show));
    output.push_str(&config::template(&Facts::default()));
    output.push_str(&config::reference());
}

/// The two ends of a connection.
fn exchange(input: &[u8], output: &mut String) {
    let mut bytes = Vec::new();
    let mut server = Server::new(HttpLimits::default());
    if let Err(error) = server.next(&mut &*input) {
        let _ = server.refuse(error, &mut bytes);
    }
    let mut client = Client::new(HttpLimits::default());
    if let Err(error) = client.next(&mut bytes.as_slice()) {
        output.push_str(&error.to_string());
    }
}

/// A word with the built-in model: a tool is asked for, read, and the model that failed is routed
/// around.
fn converse(output: &mut String) {
    let asked = Message::text(Role::User, output.as_str());
    let tools = Tools::builtin();
    let definitions: Vec<_> = tools.iter().map(|tool| tool.definition().clone()).collect();
    let messages = [&asked];
    let mut request = Request::new(offline::NAME, &messages, 100);
    request.tools = &definitions;
    for block in offline::answer(&request).into_reply().message.blocks {
        if let Block::ToolUse(call) = block {
            match tools.read(&call) {
                Ok((tool, call)) if !tool.role(&call, true).undoable => call.canonical(output),
                Ok(_) => {}
                Err(error) => output.push_str(&error.to_string()),
            }
        }
    }
    let names = Vec::from([output.clone(), offline::NAME.to_string()]);
    if let Ok(mut route) = Route::new(names, RoutePolicy::default())
        && let Next::Send { attempt, .. } = route.begin(Instant(0))
    {
        let error = ModelError::new(ModelErrorKind::Overloaded);
        let failed = route.failed(attempt, &error, false, Instant(1), 2);
        if let Next::GiveUp(why) = failed.next {
            output.push_str(&why.to_string());
        }
        for status in route.status(Instant(2)) {
            output.push_str(&status.to_string());
        }
    }
}

/// Where the linker says the image begins.
// SAFETY: no other symbol of this image is called `_start`.
#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    black_box(exercise(black_box(b"a = 1\nb = 2\n")));
    stop()
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    stop()
}

fn stop() -> ! {
    loop {
        core::hint::spin_loop();
    }
}

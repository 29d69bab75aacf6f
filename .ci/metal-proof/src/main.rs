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

mod heap;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::hint::black_box;
use core::panic::PanicInfo;

use sentinel_core::journal::{
    Actor, Entry, EpochSeed, JournalId, KeyRing, MasterKey, Opening, Trust, Verifier, Writer,
    export,
};
use sentinel_core::text::sse::Decoder;
use sentinel_core::text::toml::Editor;
use sentinel_core::text::{Position, json};
use sentinel_core::time::Timestamp;
use sentinel_core::wire::http::{Client, HttpLimits, Server};
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
    journal(input, &mut output);
    if let Ok(url) = Url::parse(&output).and_then(|url| url.join("../a")) {
        output.push_str(url.request_target());
        output.push_str(url.host().reach().map_or("unknown", |reach| reach.as_str()));
    }
    output
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

/// A log that is written, checked and read.
fn journal(input: &[u8], output: &mut String) {
    let mut log = Vec::new();
    let seed = EpochSeed::first([1; 32]);
    let opening = Opening { seed, nonce: [2; 16], now: Timestamp(0) };
    let (master, mut ring) = (MasterKey::new([3; 32]), KeyRing::new());
    let key = ring.create(1, &master, [4; 56]).ok();
    if let Ok(mut writer) = Writer::create(JournalId([5; 8]), "metal", opening, &mut log) {
        let (time, actor) = (Timestamp(1), Actor::System);
        let entry = Entry { time, actor, kind: 1, conversation: 1, payload: input };
        let _ = writer.append(entry, key.as_ref(), &mut log);
        let _ = writer.checkpoint(time, &mut log);
    }
    let mut verifier = Verifier::new(Trust::default());
    verifier.push(&log);
    output.push_str(&verifier.finish().verdict.to_string());
    let keys = export::Keys { ring: &ring, master: &master };
    export::Exporter::new(Some(keys), |_| None).file(&log, output);
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

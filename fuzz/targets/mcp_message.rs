//! The Model Context Protocol, both ends: whatever the other end says, in whatever pieces, every
//! line that goes out is a message, and the pieces change nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sentinel_core::agent::Unsampled;
use sentinel_core::llm::ToolDefinition;
use sentinel_core::mcp::{
    Client, ClientEffect, ClientOffer, Decision, Server, ServerEffect, ServerOffer,
};
use sentinel_core::text::json;

// The first byte says in which pieces the rest comes, and which end hears it.
fuzz_target!(|input: &[u8]| {
    let Some((first, said)) = input.split_first() else { return };
    let size = usize::from(first >> 1).max(1);
    if first & 1 == 0 {
        assert_eq!(served(said, size), served(said, usize::MAX));
    } else {
        assert_eq!(asked(said, size), asked(said, usize::MAX));
    }
});

fn served(said: &[u8], size: usize) -> Vec<ServerEffect> {
    let tool = ToolDefinition {
        name: "read_file".into(),
        description: "Reads.".into(),
        parameters: r#"{"type":"object"}"#.into(),
    };
    let (version, instructions) = ("1".into(), String::new());
    let mut server = Server::new(ServerOffer { version, instructions, tools: vec![tool] });
    let mut effects = Vec::new();
    for mut piece in said.chunks(size) {
        while !piece.is_empty() {
            server.receive(&mut piece);
            while let Some(effect) = server.poll() {
                match &effect {
                    ServerEffect::Send(line) => check(line),
                    ServerEffect::Call(wish) => {
                        json::parse(wish.arguments.as_bytes()).expect("arguments are JSON");
                        server.progress(wish.number, "it goes on");
                        server.ask(1, "May it?");
                        server.finished(wish.number, "done", false);
                    }
                    _ => {}
                }
                effects.push(effect);
            }
        }
    }
    effects
}

fn asked(said: &[u8], size: usize) -> Vec<ClientEffect> {
    let (version, roots) = ("1".into(), Vec::new());
    let mut client = Client::new(ClientOffer { version, roots, may_ask: true, may_sample: true });
    let mut effects = Vec::new();
    for mut piece in said.chunks(size) {
        while !piece.is_empty() {
            client.receive(&mut piece);
            while let Some(effect) = client.poll() {
                match &effect {
                    ClientEffect::Send(line) => check(line),
                    ClientEffect::Tools(_) => {
                        let _ = client.call("read_file", "{}");
                    }
                    ClientEffect::Ask(asked) => {
                        client.answer(asked.question, Decision::Decline).expect("it is asked");
                    }
                    ClientEffect::Wish(wished) => {
                        wished.sampling.check().expect("what is out of bounds is refused");
                        let outcome = Err(Unsampled::Refused("no".into()));
                        client.sampled(wished.number, &outcome).expect("it is asked for");
                    }
                    _ => {}
                }
                effects.push(effect);
            }
        }
    }
    effects
}

fn check(line: &str) {
    assert!(!line.contains('\n'));
    json::parse(line.as_bytes()).expect("a line is JSON");
}

//! Skills: what their folders say, and both ends of the Model Context Protocol.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sentinel_core::agent::Settings;
use sentinel_core::config::SignerKey;
use sentinel_core::mcp::{
    Client, ClientEffect, ClientOffer, Decision, Remote, RemoteEffect, Server, ServerEffect,
    ServerOffer,
};
use sentinel_core::skill::{Catalogue, Content, Folder, Trust};
use sentinel_core::time::{Instant, Timestamp};
use sentinel_core::wire::http::Headers;

/// A folder that is found and installed, and a word with each end.
pub(crate) fn exercise(input: &[u8], output: &mut String) {
    let mut content = Content::new();
    let digest = match content.file("run", true, input) {
        Ok(()) => content.digest(),
        Err(error) => return output.push_str(&error.to_string()),
    };
    let folder = Folder {
        name: "a".into(),
        manifest: Some(output.clone()),
        instructions: Some(output.clone()),
        listing: Some(output.clone()),
        signature: Some(output.clone()),
        digest,
        ..Folder::default()
    };
    let trust = Trust { keys: SignerKey::parse(output).into_iter().collect(), is_required: true };
    let catalogue = Catalogue::of(&[folder], Some(&trust));
    let mut settings = Settings::nothing();
    catalogue.install(&mut settings, |_| None);
    for skill in catalogue.skills() {
        output.extend(skill.problems.iter().map(String::as_str));
        if let Some(manifest) = &skill.manifest {
            output.extend(manifest.tools.iter().map(|tool| tool.schema()));
            let missing = manifest.missing(&manifest.capabilities.required, Timestamp(0));
            output.push_str(&missing.len().to_string());
        }
    }
    serve(input, output);
    ask(input, output);
    ask_elsewhere(input, output);
}

/// A client speaks to us.
fn serve(mut input: &[u8], output: &mut String) {
    let (version, instructions) = (output.clone(), output.clone());
    let mut server = Server::new(ServerOffer { version, instructions, tools: Vec::new() });
    server.receive(&mut input);
    while let Some(effect) = server.poll() {
        match effect {
            ServerEffect::Send(line) => output.push_str(&line),
            ServerEffect::Call(wish) => {
                server.progress(wish.number, &wish.tool);
                server.ask(1, &wish.arguments);
                server.finished(wish.number, output, false);
            }
            _ => {}
        }
    }
}

/// A server speaks to us.
fn ask(mut input: &[u8], output: &mut String) {
    let mut client = Client::new(offer());
    client.receive(&mut input);
    while let Some(effect) = client.poll() {
        answer(&mut client, effect, output);
    }
}

/// The same over HTTP.
fn ask_elsewhere(input: &[u8], output: &mut String) {
    let mut remote = Remote::new(offer());
    let now = Instant(1);
    while let Some(effect) = remote.poll() {
        match effect {
            RemoteEffect::Begin(begin) => {
                output.push_str(&begin.body);
                remote.head(begin.exchange, 200, &Headers::new());
                remote.body(now, begin.exchange, input);
                remote.done(now, begin.exchange);
            }
            RemoteEffect::Client(effect) => answer(remote.client(), effect, output),
            _ => remote.end(),
        }
    }
}

fn answer(client: &mut Client, effect: ClientEffect, output: &mut String) {
    match effect {
        ClientEffect::Send(line) => output.push_str(&line),
        ClientEffect::Tools(_) => match client.call("a", "{}") {
            Ok(request) => client.cancel(request),
            Err(error) => output.push_str(&error.to_string()),
        },
        ClientEffect::Ask(asked) => {
            let _ = client.answer(asked.question, Decision::Decline);
        }
        _ => {}
    }
}

fn offer() -> ClientOffer {
    ClientOffer { version: "1".into(), roots: Vec::new(), may_ask: true, may_sample: true }
}

//! A name is resolved, and a connection opened to it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sentinel_core::text::base64;
use sentinel_core::time::Instant;
use sentinel_core::wire::dns::{Cache, Cached, Config, Hosts, Lookup};
use sentinel_core::wire::http::{Method, RequestHead, ResponseHead, StatusCode, Target};
use sentinel_core::wire::race::{Move, Race};
use sentinel_core::wire::websocket::{Connection, Event, Message, Offer, Request, Role};

/// What a shell does between a name and the first message of a chat platform.
pub(crate) fn exercise(input: &[u8], output: &mut String) {
    resolve(input, output);
    shake_hands(output);
    for role in [Role::Client, Role::Server] {
        talk(role, input, output);
    }
    if let Err(error) = base64::decode(&base64::encode(input)) {
        output.push_str(&error.to_string());
    }
}

fn resolve(input: &[u8], output: &mut String) {
    let (config, problems) = Config::parse(input);
    for problem in problems.list() {
        output.push_str(&problem.to_string());
    }
    let (hosts, _) = Hosts::parse(input);
    let mut lookup = Lookup::new(output, &config, &hosts, 1);
    while let Some(ask) = lookup.poll(Instant(0), 2) {
        lookup.datagram(Instant(1), ask.exchange, ask.server.socket(), input);
        lookup.stream(Instant(1), ask.exchange, input);
        lookup.broken(Instant(2), ask.exchange);
    }
    let mut cache = Cache::default();
    match lookup.outcome() {
        Some(Err(error)) => output.push_str(&error.to_string()),
        Some(outcome) => cache.insert(Instant(3), "name", outcome),
        None => lookup.timeout(Instant(4)),
    }
    if let Some(Cached::Addresses(addresses)) = cache.find(Instant(3), "name") {
        let mut race = Race::new(addresses);
        while let Some(Move::Start(attempt, address)) = race.poll(Instant(5)) {
            output.push_str(&address.to_string());
            race.failed(Instant(5), attempt);
        }
        output.push_str(if race.is_lost() { "lost" } else { "won" });
    }
}

fn shake_hands(output: &mut String) {
    let offer = Offer::new([6; 16]);
    let Ok(target) = Target::new("/") else { return };
    let mut head = RequestHead::new(Method::GET, target);
    if let Err(error) = offer.add_to(&mut head.headers) {
        output.push_str(&error.to_string());
    }
    let answer = match Request::read(&head) {
        Ok(request) => request.accept(None),
        Err(error) => Ok(error.refusal()),
    };
    let answer = answer.unwrap_or_else(|_| ResponseHead::new(StatusCode::BAD_REQUEST));
    if let Err(error) = offer.check(&answer) {
        output.push_str(&error.to_string());
    }
}

fn talk(role: Role, mut input: &[u8], output: &mut String) {
    let mut connection = Connection::new(role, 1024);
    let mut bytes = Vec::new();
    let result = loop {
        match connection.next(&mut input) {
            Ok(Some(Event::Text(text))) => output.push_str(text),
            Ok(Some(_)) => {}
            Ok(None) => break connection.send(Message::Text(output), [1; 4], &mut bytes),
            Err(error) => break Err(error),
        }
    };
    if let Err(error) = result {
        output.push_str(&error.to_string());
        connection.fail(error, [2; 4], &mut bytes);
    }
    while connection.answer([3; 4], &mut bytes) {}
    output.push_str(&bytes.len().to_string());
}

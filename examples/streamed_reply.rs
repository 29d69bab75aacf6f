//! A model's streamed answer, from the pieces a socket gives to the words a person reads.
//!
//! Four machines stand on top of each other, none of which does any I/O: the HTTP client takes the
//! chunked body out of the connection's bytes, the event-stream decoder takes events out of the
//! body, the JSON parser reads each event, and a partial JSON text follows the arguments of a tool
//! call, which the model sends a few characters at a time.
//!
//! Run with `cargo run -p sentinel-examples --bin streamed-reply`.

use std::error::Error;

use sentinel_core::text::json::{self, Options, Partial, Progress};
use sentinel_core::text::sse::Decoder;
use sentinel_core::wire::http::{
    BodyLength, Client, HttpLimits, Method, RequestHead, ResponsePart, Target,
};

fn main() -> Result<(), Box<dyn Error>> {
    let (mut client, request) = ask("List the files in docs, please.")?;
    println!("the request, {} bytes:\n{}\n", request.len(), String::from_utf8_lossy(&request));

    println!("the answer, as it comes:");
    let mut events = Decoder::new();
    let mut reply = Reply::new();
    let connection = recorded_response();
    // A network cuts where it likes; nobody above notices.
    for mut segment in connection.chunks(97) {
        while let Some(part) = client.next(&mut segment)? {
            match part {
                ResponsePart::Head(head) => println!("  status {}", head.status.as_u16()),
                ResponsePart::Body(mut body) => {
                    while let Some(event) = events.next(&mut body)? {
                        reply.take(event.data)?;
                    }
                }
                ResponsePart::End if !events.is_between_events() => {
                    return Err("the answer was cut in the middle of an event".into());
                }
                _ => {}
            }
        }
    }
    let call = reply.arguments.document()?;
    let path = call.root().get("path")?;
    println!("  the model wants to list {:?}", path.as_str()?);
    println!("  to be approved as {}", call.root().canonical(json::Numbers::Exact)?);
    println!("the connection can be used again: {}", client.is_reusable());
    Ok(())
}

/// Writes a request, and gives the client that will read its response.
fn ask(question: &str) -> Result<(Client, Vec<u8>), Box<dyn Error>> {
    let body = json::object(|body| {
        body.field("model", "some-model").field("stream", true);
        body.array("messages", |messages| {
            messages.object(|message| {
                message.field("role", "user").field("content", question);
            });
        });
    });
    let mut head = RequestHead::new(Method::POST, Target::new("/v1/chat/completions")?);
    head.headers.append("Host", "api.example.com")?;
    head.headers.append("Content-Type", "application/json")?;
    let mut client = Client::new(HttpLimits::default());
    let mut out = Vec::new();
    client.send_head(&head, BodyLength::Exact(body.len() as u64), &mut out)?;
    client.send_body(body.as_bytes(), &mut out)?;
    client.finish(&mut out)?;
    Ok((client, out))
}

/// What the model has said so far.
struct Reply {
    arguments: Partial,
}

impl Reply {
    fn new() -> Self {
        Self { arguments: Partial::new(Options::new()) }
    }

    /// One event of the stream.
    fn take(&mut self, data: &str) -> Result<(), Box<dyn Error>> {
        if data == "[DONE]" {
            return Ok(());
        }
        let document = json::parse(data.as_bytes())?;
        let delta = document.root().get("choices")?.index(0)?.get("delta")?;
        if let Some(words) = delta.find("content") {
            println!("  words: {:?}", words.as_str()?);
        }
        if let Some(piece) = delta.find("arguments") {
            let progress = self.arguments.push(piece.as_str()?.as_bytes())?;
            let state = if progress == Progress::Complete { "complete" } else { "more to come" };
            println!("  arguments: {:?} ({state})", piece.as_str()?);
        }
        Ok(())
    }
}

/// What a server sent, chunked as servers do.
fn recorded_response() -> Vec<u8> {
    let delta = |key: &str, text: &str| {
        let event = json::object(|event| {
            event.array("choices", |choices| {
                choices.object(|choice| {
                    choice.object("delta", |delta| {
                        delta.field(key, text);
                    });
                });
            });
        });
        format!("data: {event}\n\n")
    };
    let events = [
        delta("content", "Let me "),
        delta("content", "look — où ?"),
        delta("arguments", "{\"pa"),
        delta("arguments", "th\": \"do"),
        delta("arguments", "cs\"}"),
        "data: [DONE]\n\n".to_owned(),
    ];
    let mut response = String::from(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    for event in events {
        response.push_str(&format!("{:x}\r\n{event}\r\n", event.len()));
    }
    response.push_str("0\r\n\r\n");
    response.into_bytes()
}

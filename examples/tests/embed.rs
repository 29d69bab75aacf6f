//! The embedding example as its user runs it: with the offline model, twice, and its log verified;
//! and with a model behind an endpoint.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

type Outcome = Result<(), Box<dyn Error>>;

fn chat(directory: &Path, lines: &str) -> Result<String, Box<dyn Error>> {
    chat_with(&[], directory, lines)
}

fn chat_with(model: &[&str], directory: &Path, lines: &str) -> Result<String, Box<dyn Error>> {
    let mut host = Command::new(env!("CARGO_BIN_EXE_embed"))
        .args(model)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    host.stdin.take().ok_or("no stdin")?.write_all(lines.as_bytes())?;
    let output = host.wait_with_output()?;
    assert!(output.status.success());
    Ok(String::from_utf8(output.stdout)?)
}

#[test]
fn a_chat_is_held_remembered_and_on_record() -> Outcome {
    let directory = std::env::temp_dir().join(format!("sentinel-embed-{}", std::process::id()));
    std::fs::create_dir_all(directory.join("docs"))?;
    std::fs::write(directory.join("docs/a.md"), "words")?;
    std::fs::write(directory.join("README.md"), "It is a house.")?;

    let said = chat(&directory, "hello\nlist the files in docs\nread README.md\n")?;
    assert!(said.contains("offline model"), "{said}");
    assert!(said.contains("a.md") && said.contains("It is a house."), "{said}");

    // It goes on where it was, and its own secrets are not for the model.
    let said = chat(&directory, "/status\nread .sentinel-embed/master\nread /etc/passwd\n")?;
    assert!(said.contains("Remembered: 10 messages"), "{said}");
    assert!(said.contains("a rule of the operator forbids it"), "{said}");
    assert!(said.contains("no grant covers it"), "{said}");

    let log = std::fs::read(directory.join(".sentinel-embed/log.0"))?;
    let mut verifier = sentinel_core::journal::Verifier::new(Default::default());
    verifier.push(&log);
    assert_eq!(verifier.finish().verdict, sentinel_core::journal::Verdict::Ok);
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

/// An endpoint that speaks Chat Completions: it answers each request with the next of these
/// streams, and says what it was asked.
fn serve(listener: &TcpListener, streams: &[&str]) -> Result<Vec<String>, std::io::Error> {
    let mut asked = Vec::new();
    for stream in streams {
        let (connection, _) = listener.accept()?;
        let mut reader = BufReader::new(connection);
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let field = line.to_ascii_lowercase();
            if let Some(value) = field.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            head += &line;
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        asked.push(head + &String::from_utf8_lossy(&body));
        let head =
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
        let connection = reader.get_mut();
        connection.write_all(head.as_bytes())?;
        connection.write_all(stream.as_bytes())?;
    }
    Ok(asked)
}

/// One event of such a stream, with this in its only choice.
fn chunk(choice: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,{choice}}}]}}\n\n")
}

#[test]
fn a_model_behind_an_endpoint_calls_a_tool_and_answers() -> Outcome {
    let directory = std::env::temp_dir().join(format!("sentinel-endpoint-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    std::fs::write(directory.join("README.md"), "It is a house.")?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let endpoint = format!("http://{}/v1", listener.local_addr()?);
    let arguments = r#"{\"path\":\"README.md\"}"#;
    let function = format!(r#"{{"name":"read_file","arguments":"{arguments}"}}"#);
    let call = format!(
        "{}{}data: [DONE]\n\n",
        chunk(&format!(
            r#""delta":{{"tool_calls":[{{"index":0,"id":"a","function":{function}}}]}}"#
        )),
        chunk(r#""delta":{},"finish_reason":"tool_calls""#),
    );
    let words = format!(
        "{}{}{}data: [DONE]\n\n",
        chunk(r#""delta":{"content":"You live "}"#),
        chunk(r#""delta":{"content":"in a house."}"#),
        chunk(r#""delta":{},"finish_reason":"stop""#),
    );
    let server = std::thread::spawn(move || serve(&listener, &[&call, &words]));
    let said = chat_with(&[&endpoint, "some-model"], &directory, "what is in README.md?\n")?;
    assert!(said.contains("You live in a house."), "{said}");
    let asked = server.join().map_err(|_| "the endpoint failed")??;
    assert!(asked[0].starts_with("POST /v1/chat/completions HTTP/1.1"), "{}", asked[0]);
    assert!(asked[0].contains("some-model") && asked[0].contains("what is in README.md?"));
    assert!(asked[1].contains("It is a house."), "the result goes back: {}", asked[1]);
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

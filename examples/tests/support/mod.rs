//! What the tests of the hosts share: a host as its user runs it, and a model behind an endpoint.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// A directory with a README and a folder, for the test of this name.
pub(crate) fn directory(name: &str) -> Result<PathBuf, Box<dyn Error>> {
    let directory = std::env::temp_dir().join(format!("sentinel-{name}-{}", std::process::id()));
    std::fs::create_dir_all(directory.join("docs"))?;
    std::fs::write(directory.join("docs/a.md"), "words")?;
    std::fs::write(directory.join("README.md"), "It is a house.")?;
    Ok(directory.canonicalize()?)
}

/// What a program prints that is given these lines.
pub(crate) fn chat(
    program: &str,
    arguments: &[&str],
    directory: &Path,
    lines: &str,
) -> Result<String, Box<dyn Error>> {
    let mut host = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    host.stdin.take().ok_or("no stdin")?.write_all(lines.as_bytes())?;
    let output = host.wait_with_output()?;
    assert!(output.status.success());
    Ok(String::from_utf8(output.stdout)?)
}

/// What the verifier says of a log.
pub(crate) fn verdict(log: &Path) -> Result<sentinel_core::journal::Verdict, Box<dyn Error>> {
    let mut verifier = sentinel_core::journal::Verifier::new(Default::default());
    verifier.push(&std::fs::read(log)?);
    Ok(verifier.finish().verdict)
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

/// A host with a model that reads README.md and then says what is in it.
pub(crate) fn ask_an_endpoint(program: &str, name: &str) -> Outcome {
    let directory = directory(name)?;
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
    let question = "what is in README.md?\n";
    let said = chat(program, &[&endpoint, "some-model"], &directory, question)?;
    assert!(said.contains("You live in a house."), "{said}");
    let asked = server.join().map_err(|_| "the endpoint failed")??;
    assert!(asked[0].starts_with("POST /v1/chat/completions HTTP/1.1"), "{}", asked[0]);
    assert!(asked[0].contains("some-model") && asked[0].contains("what is in README.md?"));
    assert!(asked[1].contains("It is a house."), "the result goes back: {}", asked[1]);
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

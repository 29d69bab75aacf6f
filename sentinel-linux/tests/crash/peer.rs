//! A model server that we did not write: LiteLLM's proxy.
//!
//! It answers by itself, with words that its configuration holds; and it passes requests on to the
//! scripted server, reads what that says, and writes it anew in its own way, tool calls and all.
//! It takes a minute to start and half a gigabyte to install, so it is no part of the check:
//! `cargo xtask peers` installs it, and runs this.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sentinel_core::journal::Verdict;

use super::house::{House, PEOPLE, comes, end, until};
use super::model;

const WORDS: &str = "This comes from a proxy that somebody else wrote, in several pieces.";

#[test]
fn a_proxy_that_others_wrote_is_understood() {
    let Some(program) = std::env::var_os("SENTINEL_LITELLM") else {
        eprintln!("NOT TESTED: a model server that others wrote; `cargo xtask peers` does it");
        return;
    };
    let mut house = House::new("peer", Duration::from_millis(2));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = format!(
        "model_list:\n\
         - model_name: m\n  litellm_params:\n    model: openai/m\n    api_key: x\n    \
         api_base: http://127.0.0.1:{}/v1\n\
         - model_name: words\n  litellm_params:\n    model: openai/words\n    api_key: x\n    \
         mock_response: \"{WORDS}\"\n",
        house.model.port
    );
    let file = house.path.with_extension("yaml");
    fs::write(&file, config).unwrap();
    let proxy = Command::new(program)
        .arg("--config")
        .arg(&file)
        .args(["--host", "127.0.0.1", "--port", &port.to_string()])
        // It wants a key of its own for those who ask it, unless it is told that nobody does.
        .env("LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY", "true")
        .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _proxy = Ended(proxy);
    assert!(comes(Duration::from_secs(300), || is_alive(port)), "the proxy did not start");
    house.model_port = Some(port);
    house.clear();
    // A turn with three calls, through it.
    house.platform.write(PEOPLE[0], &house.model.wish(1, true));
    let child = house.start();
    until("the job is done", || house.answers(PEOPLE[0], 1) == 1);
    let said = end(child);
    assert_eq!(house.file(1), Some(model::file(1).1), "{said} {:?}", house.model.told(1));
    assert_eq!(house.model.posted(1), 1);
    assert_eq!(house.verdict(), Verdict::Ok);
    // And its own words.
    let text = fs::read_to_string(house.path.join("sentinel.toml")).unwrap();
    let text = text.replace("model = \"m\"", "model = \"words\"").replace("model m\"", "model *\"");
    fs::write(house.path.join("sentinel.toml"), text).unwrap();
    let mut words = house.arguments();
    words[1] = "chat".into();
    words.extend(["-m".into(), "hello".into()]);
    let output = house.command(&words).output().unwrap();
    let answer = String::from_utf8_lossy(&output.stdout);
    assert_eq!(answer.trim(), WORDS, "{output:?}");
    let _ = fs::remove_file(file);
}

fn is_alive(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let head = "GET /health/liveliness HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(head.as_bytes())?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    ask().is_ok_and(|text| text.starts_with("HTTP/1.1 200"))
}

/// A process that is gone when the test is.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

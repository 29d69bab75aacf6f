//! Skills that a model calls.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};

use std::process::Stdio;

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::house::{Agent, House, install_example, model, until};

/// The examples, called by a model: what it is told of them, what it gets, what is refused.
#[test]
fn a_model_calls_the_examples() {
    let house = House::new("examples");
    install_example(&house, "free-space");
    install_example(&house, "git-summary");
    let steps = "0 1 Ada <a@x> 1 +0\tcommit: one\n";
    fs::write(house.path.join("work/a.txt"), steps).unwrap();
    let (port, seen) = model(&[
        ("free-space__free", "{}"),
        ("git-summary__summary", "{\"log\":\"a.txt\"}"),
        ("git-summary__summary", "{\"log\":\"secret.txt\"}"),
        ("git-summary__summary", "{\"log\":7}"),
    ]);
    house.configure(&[], Some(port));
    house.allow("free-space");
    house.allow("git-summary");
    let answer = house.ask("sum it up: a.txt and secret.txt");
    assert!(answer.contains("done"), "{answer}");
    let seen = seen.lock().unwrap();
    assert!(seen[0].contains("free-space__free") && seen[0].contains("(a path)"), "{}", seen[0]);
    let last = seen.last().unwrap();
    assert!(last.contains("\\\"steps\\\":1") && last.contains("commit: one"), "{last}");
    assert!(last.contains("git-summary__summary was not run: no grant covers it"), "{last}");
    assert!(last.contains("must be the path of a file"), "{last}");
    assert!(!last.contains("canary-4711"), "{last}");
    let log = house.say(&["audit", "show"]);
    assert!(log.contains("tool=\"git-summary__summary\""), "{log}");
    house.say(&["audit", "replay"]);
}

/// Without an approval, or without a grant, a model is told of nothing or gets nothing.
#[test]
fn nothing_runs_without_an_approval_and_a_grant() {
    let house = House::new("bare");
    install_example(&house, "free-space");
    let (port, seen) = model(&[("free-space__free", "{}"), ("free-space__free", "{}")]);
    house.configure(&["skill free-space"], Some(port));
    let answer = house.ask("how much is free?");
    assert!(answer.contains("done"), "{answer}");
    {
        let seen = seen.lock().unwrap();
        assert!(!seen[0].contains("free-space__free"), "{}", seen[0]);
        assert!(seen[1].contains("its skill was not approved"), "{}", seen[1]);
    }
    let (port, seen) = model(&[("free-space__free", "{}")]);
    house.configure(&[], Some(port));
    house.say(&["skill", "approve", "free-space"]);
    house.ask("how much is free?");
    let seen = seen.lock().unwrap();
    assert!(seen[0].contains("free-space__free"), "{}", seen[0]);
    assert!(seen[1].contains("no grant covers it"), "{}", seen[1]);
}

/// Instructions are read by a tool, and what they say is nobody's word.
#[test]
fn instructions_are_read_on_demand() {
    let house = House::new("tea");
    let place = house.path.join("skills/tea");
    fs::create_dir(&place).unwrap();
    let text = "---\nname: tea\ndescription: How tea is made.\n---\nBoil the water first.\n";
    fs::write(place.join("SKILL.md"), text).unwrap();
    let (port, seen) = model(&[("tea__instructions", "{}")]);
    house.configure(&[], Some(port));
    house.allow("tea");
    house.ask("make tea");
    let seen = seen.lock().unwrap();
    assert!(seen[0].contains("How tea is made."), "{}", seen[0]);
    assert!(!seen[0].contains("Boil the water"), "{}", seen[0]);
    assert!(seen[1].contains("Boil the water first."), "{}", seen[1]);
    let listed = house.say(&["conversations", "list", "--json"]);
    assert!(listed.contains("\"is_untrusted\":true"), "{listed}");
}

/// Scripts beside instructions are commands: granted by name, in their sandbox, and as approved.
#[test]
fn scripts_run_where_they_are_granted_and_as_they_were_approved() {
    let house = House::new("scripts");
    let place = house.path.join("skills/tea");
    fs::create_dir_all(place.join("scripts")).unwrap();
    let text = "---\nname: tea\ndescription: How tea is made.\n---\nRun scripts/brew.sh.\n";
    fs::write(place.join("SKILL.md"), text).unwrap();
    let script = place.join("scripts/brew.sh");
    let secret = house.path.join("work/secret.txt");
    let program = format!("#!/bin/sh\necho brewed\ncat {}\n", secret.display());
    fs::write(&script, &program).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let line = format!("run {}", script.display());
    let shown = house.say(&["skill", "show", "tea"]);
    assert!(shown.contains(&format!("sentinel grant '{line}'")), "{shown}");
    let (here, script_path) = (place.display(), script.display());
    let arguments = format!("{{\"program\":\"{script_path}\",\"directory\":\"{here}\"}}");
    let reads = format!("read,list {here}");
    let run = |grant: Option<&str>| {
        let (port, seen) = model(&[("run_command", &arguments)]);
        let grants: Vec<&str> = grant.into_iter().chain([reads.as_str()]).collect();
        house.configure(&grants, Some(port));
        // What was read before is nothing to this.
        house.ask("/clear");
        let said = house.ask(&format!("please run {script_path} in {here}"));
        let seen = seen.lock().unwrap();
        seen.last().cloned().unwrap_or_default() + &said
    };
    let told = run(None);
    assert!(told.contains("no grant covers it"), "{told}");
    let told = run(Some(&line));
    assert!(told.contains("which is not approved as it is"), "{told}");
    house.say(&["skill", "approve", "tea"]);
    let told = run(Some(&line));
    assert!(told.contains("brewed\\n") && !told.contains("canary-4711"), "{told}");
    // Whoever changes it changes another skill, which nobody approved.
    fs::write(&script, program.replace("brewed", "burned")).unwrap();
    let told = run(Some(&line));
    assert!(told.contains("not approved as it is") && !told.contains("burned"), "{told}");
    // A program that is granted by itself is given nothing of that folder.
    for arguments in [
        format!("{{\"program\":\"/bin/true\",\"arguments\":[\"--rc={script_path}\"]}}"),
        format!("{{\"program\":\"/bin/true\",\"arguments\":[\"-f{script_path}\"]}}"),
    ] {
        let (port, seen) = model(&[("run_command", &arguments)]);
        house.configure(&["run /bin/true any paths", &reads], Some(port));
        house.ask("/clear");
        house.ask(&format!("please run /bin/true, {arguments}"));
        let told = seen.lock().unwrap().last().cloned().unwrap_or_default();
        assert!(told.contains("not approved as it is"), "{arguments}: {told}");
    }
    // A model that reads the instructions is told where the script is.
    house.allow("tea");
    let (port, seen) = model(&[("tea__instructions", "{}")]);
    house.configure(&[], Some(port));
    house.ask("make tea");
    let told = seen.lock().unwrap().last().cloned().unwrap();
    assert!(told.contains(&format!("A program of it is {}.", script.display())), "{told}");
}

/// A server of places and their weather.
fn weather() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = forecast(&mut stream.unwrap());
        }
    });
    port
}

fn forecast(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let body = match head.contains("/v1/search?name=Lisbon") {
        true => "{\"results\":[{\"name\":\"Lisbon\",\"latitude\":38.7,\"longitude\":-9.1}]}",
        false if head.contains("latitude=38.7&longitude=-9.1") => {
            "{\"current\":{\"temperature_2m\":21.5,\"wind_speed_10m\":9.3}}"
        }
        false => "{}",
    };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", body.len());
    stream.write_all((head + "Connection: close\r\n\r\n" + body).as_bytes())
}

/// The weather, by a host that is granted; and without the grant no model is told of it.
#[test]
fn a_skill_reaches_the_host_that_it_requires_and_that_is_granted() {
    let house = House::new("weather");
    install_example(&house, "weather");
    let port = weather();
    let place = house.path.join("skills/weather");
    let change = |file: &str, changes: &[(&str, &str)]| {
        let mut text = fs::read_to_string(place.join(file)).unwrap();
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        fs::write(place.join(file), text).unwrap();
    };
    let here = format!("http://localhost:{port}");
    let hosts = ["https://geocoding-api.open-meteo.com", "https://api.open-meteo.com"];
    change("run.py", &[(hosts[0], &here), (hosts[1], &here)]);
    let both = "\"connect geocoding-api.open-meteo.com\", \"connect api.open-meteo.com\"";
    change("skill.toml", &[(both, &format!("\"connect localhost:{port}\""))]);
    let calls = [("weather__today", "{\"place\":\"Lisbon\"}")];
    let (model_port, seen) = model(&calls);
    house.configure(&[], Some(model_port));
    house.allow("weather");
    house.ask("how is the weather in Lisbon?");
    {
        let seen = seen.lock().unwrap();
        assert!(!seen[0].contains("weather__today"), "{}", seen[0]);
    }
    let (model_port, seen) = model(&calls);
    house.configure(&[&format!("connect localhost:{port}")], Some(model_port));
    house.ask("how is the weather in Lisbon?");
    let seen = seen.lock().unwrap();
    let last = seen.last().unwrap();
    assert!(last.contains("21.5") && last.contains("Lisbon"), "{last}");
    let log = house.say(&["audit", "show"]);
    assert!(log.contains("host=\"localhost\""), "{log}");
    house.say(&["audit", "replay"]);
}

/// `/stop` in the middle of a call ends it and all it started, deaf as it is, and nothing else: the
/// next message is answered.
#[test]
fn a_call_that_is_stopped_leaves_nothing() {
    let house = House::new("stop");
    let mark = format!("8{}", std::process::id());
    house.skill("slow", MANIFEST, &SLOW.replace("MARK", &mark));
    let (port, seen) = model(&[("slow__wait", "{}")]);
    house.configure(&[], Some(port));
    house.allow("slow");
    let (terminal, inside) = terminal();
    let mut chat = house.sentinel(&["chat", "--i-know-what-im-doing"]);
    chat.stdin(inside.try_clone().unwrap()).stdout(inside).stderr(Stdio::null());
    let agent = Agent(chat.spawn().unwrap());
    // The other end of the terminal is the agent's alone.
    drop(chat);
    let mut keys = terminal.try_clone().unwrap();
    let screen = std::thread::spawn(move || {
        let (mut terminal, mut said) = (terminal, Vec::new());
        // A terminal ends with an error.
        let _ = terminal.read_to_end(&mut said);
        String::from_utf8_lossy(&said).into_owned()
    });
    let lives = || {
        fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).any(|word| word == mark.as_bytes())
        })
    };
    keys.write_all(b"wait a while\r").unwrap();
    until("the skill is at work", lives);
    keys.write_all(b"/stop\r").unwrap();
    until("nothing of it is left", || !lives());
    keys.write_all(b"and now?\r").unwrap();
    until("the next message is answered", || seen.lock().unwrap().len() == 2);
    until("the answer is there", || house.say(&["audit", "show"]).contains("\"done\""));
    drop(agent);
    let said = screen.join().unwrap();
    assert!(said.contains("done"), "{said}");
    house.say(&["audit", "replay"]);
}

/// A terminal: what a person has, and what a program has of it.
fn terminal() -> (File, File) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let terminal = openpt(flags).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let inside = ptsname(&terminal, Vec::new()).unwrap();
    // It does not become the terminal of whoever runs the tests, whom its end would end as well.
    let mut options = File::options();
    options.read(true).write(true).custom_flags(OFlags::NOCTTY.bits().cast_signed());
    (File::from(terminal), options.open(inside.to_str().unwrap()).unwrap())
}

const MANIFEST: &str = r#"
[skill]
name = "slow"
version = "1"
description = "Takes long."
entry = "run.py"
runtime = "process"

[tools.wait]
description = "Waits."
effect = "read"

[limits]
call_seconds = 300
"#;

/// It does not listen while it works.
const SLOW: &str = r#"#!/usr/bin/env python3
import json, os, sys

def say(**message):
    print(json.dumps(message), flush=True)

for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "hello":
        say(type="hello", version=1, name="slow", release="1")
    elif message["type"] == "describe":
        parameters = {"type": "object", "properties": {}, "required": []}
        parameters["additionalProperties"] = False
        tool = {"name": "wait", "description": "Waits.", "parameters": parameters}
        say(type="description", id=message["id"], tools=[tool])
    elif message["type"] == "call":
        if os.fork() == 0:
            os.setsid()
            os.execv("/usr/bin/env", ["env", "sleep", "MARK"])
        os.wait()
"#;

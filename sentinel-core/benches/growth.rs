//! What ten times the input costs: the readers of what others write, on the shapes that are worst
//! for them.
//!
//! A reader that is not linear is a way to stop the program with a small message. Each shape is run
//! at one size and at ten times that; a figure near ten is linear. What is more than
//! [`TIMES_MAX`] of either is a goal missed. Ratios within one run hardly depend on the machine.

use std::sync::LazyLock;
use std::time::{Duration, Instant as Clock};

use sentinel_core::agent::{History, Model, Provider, Settings};
use sentinel_core::channel::connector::{Action, Connector, ToPost};
use sentinel_core::channel::slack::Slack;
use sentinel_core::channel::telegram::Telegram;
use sentinel_core::channel::{Platform, Post, split};
use sentinel_core::config;
use sentinel_core::control::Control;
use sentinel_core::journal::{
    Actor, Entry, EpochSeed, JournalId, MasterKey, Opening, Trust, Verifier, Writer,
};
use sentinel_core::llm::{Block, Message, Role, Thinking, ToolResult, ToolUse};
use sentinel_core::policy::Suite;
use sentinel_core::runtime::{Secrets, Sentinel};
use sentinel_core::text::suggest;
use sentinel_core::time::{Instant, Now, Timestamp};
use sentinel_core::tool::{Glob, excerpt, replace};
use sentinel_core::wire::dns::{Config, Hosts, Name, Question, RecordKind};
use sentinel_core::wire::http::Headers;
use sentinel_core::wire::websocket::{Connection, Message as Frame, Role as End};

use crate::race::title;

/// Ten is linear, thirteen is sorted, and caches that are left behind cost something more; what is
/// quadratic is a hundred.
const TIMES_MAX: f64 = 20.0;
/// Runs shorter than this say nothing.
const LEAST: Duration = Duration::from_millis(20);
/// The best of so many is what it costs: all else is the machine's.
const TRIES: usize = 5;

const NOW: Now = Now { instant: Instant(1000), wall: Timestamp(1_700_000_000_000) };

/// Prints each shape with its ratio.
pub(crate) fn growing(filter: &str) -> bool {
    if !title(filter, "Growth, ten times the input") {
        return true;
    }
    let mut worst = Vec::new();
    for (name, size, shape) in shapes() {
        let (small, large) = (best(&*shape, size), best(&*shape, 10 * size));
        let times = large / small;
        let word = if times <= TIMES_MAX { "met" } else { "MISSED" };
        println!(
            "    {name:<44} {:>9.1} µs at {size:>7}, {times:>6.1} times that for ten times as \
             much: {word}",
            small * 1e6
        );
        worst.push(times);
    }
    worst.iter().all(|times| *times <= TIMES_MAX)
}

/// Prepares an input of a size, and gives back what is timed.
type Shape = Box<dyn Fn(usize) -> Box<dyn FnMut() -> usize>>;

/// The least time that one run takes.
fn best(shape: &dyn Fn(usize) -> Box<dyn FnMut() -> usize>, size: usize) -> f64 {
    let mut run = shape(size);
    let (mut best, mut tries, mut count) = (f64::INFINITY, 0, 1_u32);
    while tries < TRIES {
        let start = own_time();
        for _ in 0..count {
            std::hint::black_box(run());
        }
        let taken = own_time().saturating_sub(start);
        if taken < LEAST {
            count *= 2;
            continue;
        }
        best = best.min(taken.as_secs_f64() / f64::from(count));
        tries += 1;
    }
    best
}

/// How long this thread was at work: on a busy machine a long run waits more often than a short
/// one, which would look like growth. Where the system does not say, the time of the clock.
fn own_time() -> Duration {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = said.as_deref().and_then(|said| said.split(' ').next()?.parse().ok());
    match nanoseconds {
        Some(nanoseconds) => Duration::from_nanos(nanoseconds),
        None => START.elapsed(),
    }
}

static START: LazyLock<Clock> = LazyLock::new(Clock::now);

fn shapes() -> Vec<(String, usize, Shape)> {
    let mut shapes: Vec<(String, usize, Shape)> = Vec::new();
    let mut add = |name: String, size: usize, shape: Shape| shapes.push((name, size, shape));
    for (name, unit) in UNITS {
        add(format!("split: {name}"), 20_000, Box::new(move |size| splitting(unit, size)));
    }
    for (name, unit) in MARKUP {
        let telegram = move |size| formatting(telegram_with(), unit, size);
        add(format!("Telegram's formatting: {name}"), 20_000, Box::new(telegram));
        let slack = move |size| formatting(slack_with(), unit, size);
        add(format!("Slack's formatting: {name}"), 20_000, Box::new(slack));
    }
    add("WebSocket: frames of one byte".into(), 20_000, Box::new(|size| frames(1, size)));
    add("WebSocket: one message in a frame".into(), 200_000, Box::new(|size| frames(size, 1)));
    add("DNS: records named by pointers".into(), 200, Box::new(dns_answer));
    add("DNS: a hosts file of one name".into(), 2_000, Box::new(|size| hosts(size, false)));
    add("DNS: a hosts file of many names".into(), 2_000, Box::new(|size| hosts(size, true)));
    add("DNS: resolv.conf of strange lines".into(), 2_000, Box::new(resolv));
    for (name, line) in CONFIGS {
        add(format!("configuration: {name}"), 200, Box::new(move |size| configuring(line, size)));
    }
    add("control: a line without end".into(), 20_000, Box::new(|size| control("x", size)));
    add("control: lines that are none".into(), 2_000, Box::new(|size| control("x\n", size)));
    add("control: pages of grants".into(), 50, Box::new(|size| control(PAGE, size)));
    for (name, step) in STEPS {
        add(format!("policy: {name}"), 24, Box::new(move |size| scenario(step, size)));
    }
    for bytes in [0, 4000] {
        let verify = move |size| journal(bytes, size, false);
        add(format!("journal: records of {bytes} bytes"), 2_000, Box::new(verify));
        let damaged = move |size| journal(bytes, size, true);
        add(format!("journal: damaged, {bytes} bytes"), 2_000, Box::new(damaged));
    }
    add("history: trimmed to nothing".into(), 2_000, Box::new(|size| history(size, true)));
    add("history: one long exchange".into(), 2_000, Box::new(|size| history(size, false)));
    for (name, pattern, unit) in GLOBS {
        add(format!("glob: {name}"), 4_000, Box::new(move |size| glob(pattern, unit, size)));
    }
    add("excerpt: the last of many lines".into(), 20_000, Box::new(excerpting));
    for (name, old, unit) in EDITS {
        add(format!("replace: {name}"), 20_000, Box::new(move |size| replacing(old, unit, size)));
    }
    add("suggestions: many candidates".into(), 200, Box::new(suggesting));
    shapes
}

const UNITS: [(&str, &str); 8] = [
    ("letters", "a"),
    ("spaces", " "),
    ("line ends", "\n"),
    ("fences", "```\n"),
    ("open fences", "```rust\nx\n"),
    ("marks on one letter", "\u{301}"),
    ("a family that never ends", "👩\u{200d}"),
    ("flags", "🇩"),
];

const MARKUP: [(&str, &str); 8] = [
    ("stars", "*"),
    ("stars and underlines", "*_ "),
    ("backticks", "` "),
    ("brackets", "["),
    ("links that do not end", "[a]("),
    ("backslashes", "\\"),
    ("quotes of lines", "> a\n"),
    ("ampersands and angles", "<&"),
];

const CONFIGS: [(&str, &str); 5] = [
    ("unknown keys", "[security]\n|kye# = 1\n"),
    ("unknown sections", "|[sectoin#]\na = 1\n"),
    ("models", "|[models.m#]\nprovider = \"offline\"\n"),
    ("grants", "[security]\ngrants = [\n|\"read /srv/d#\",\n]"),
    ("the same grant", "[security]\ngrants = [\n|\"read /srv/d\",\n]"),
];

const STEPS: [(&str, &str); 3] = [
    ("things said", r##"{"say": "word# and more"}"##),
    ("calls that ask", r##"{"call": "mail", "arguments": {"to": "a#@b.example"}}"##),
    (
        "calls with results",
        r##"{"call": "inbox", "arguments": {"q": "x#"}, "result": "see https://a.example/#"}"##,
    ),
];

const GLOBS: [(&str, &str, &str); 3] = [
    ("stars", "*a*a*a*a*a*a*a*a*b", "a"),
    ("stars over directories", "**/a/**/a/**/a/**/b", "a/"),
    ("question marks", "*????????????????b", "a"),
];

const EDITS: [(&str, &str, &str); 3] = [
    ("almost everywhere", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "a"),
    ("everywhere", "a", "a"),
    ("nowhere", "bbbb", "a"),
];

const PAGE: &str = "{\"id\":1,\"show\":\"grants\"}\n";

fn splitting(unit: &'static str, size: usize) -> Box<dyn FnMut() -> usize> {
    let text = format!("a{}", unit.repeat(size / unit.len()));
    Box::new(move || split(&text, &Platform::TELEGRAM).count())
}

/// A connector that is told who it is, and is at work then.
fn started<C: Connector>(mut connector: C, own: &str) -> C {
    connector.start(NOW, None);
    while let Some(action) = connector.poll(NOW) {
        if let Action::Call(call) = action {
            connector.answered(NOW, call.number, 200, &Headers::new(), own.as_bytes());
            break;
        }
    }
    while connector.poll(NOW).is_some() {}
    connector
}

fn telegram_with() -> impl FnMut(&ToPost) -> usize {
    let own = r#"{"ok":true,"result":{"id":1,"is_bot":true,"first_name":"b","username":"b_bot"}}"#;
    move |post| {
        let mut connector = started(Telegram::new(7), own);
        posting(&mut connector, post.clone())
    }
}

fn slack_with() -> impl FnMut(&ToPost) -> usize {
    let own = r#"{"ok":true,"user_id":"U1","team_id":"T1","user":"b","bot_id":"B1"}"#;
    move |post| {
        let mut connector = started(Slack::new(7), own);
        posting(&mut connector, post.clone())
    }
}

fn posting(connector: &mut dyn Connector, post: ToPost) -> usize {
    connector.post(NOW, post);
    let mut bytes = 0;
    while let Some(action) = connector.poll(NOW) {
        if let Action::Call(call) = action
            && let Some((_, body)) = call.body
        {
            bytes += body.len();
        }
    }
    assert!(bytes > 0, "nothing is posted");
    bytes
}

fn formatting(
    mut with: impl FnMut(&ToPost) -> usize + 'static,
    unit: &'static str,
    size: usize,
) -> Box<dyn FnMut() -> usize> {
    let text = format!("a {}", unit.repeat(size / unit.len()));
    let post = Post::Send { piece: 0, text, key: 1 };
    let post = ToPost { delivery: 1, chat: "C1".into(), post, question: None };
    let post = ToPost { chat: "77".into(), ..post };
    Box::new(move || with(&post))
}

/// A message in so many frames of so many bytes.
fn frames(bytes: usize, count: usize) -> Box<dyn FnMut() -> usize> {
    let mut wire = Vec::new();
    let mut client = Connection::new(End::Client, usize::MAX);
    let part = "x".repeat(bytes);
    for index in 0..count {
        let is_last = index + 1 == count;
        client.send_part(Frame::Text(&part), is_last, [1, 2, 3, 4], &mut wire).unwrap();
    }
    Box::new(move || {
        let mut server = Connection::new(End::Server, usize::MAX);
        let mut input = wire.as_slice();
        let mut events = 0;
        while server.next(&mut input).unwrap().is_some() {
            events += 1;
        }
        assert_eq!(events, 1);
        events
    })
}

/// An answer with so many addresses, each of which names the question by a pointer.
fn dns_answer(size: usize) -> Box<dyn FnMut() -> usize> {
    let question = Question::new(Name::parse("a.example").unwrap(), RecordKind::A, 7);
    let mut message = Vec::new();
    question.write(&mut message);
    // A response with so many answers and nothing beside them.
    message[2] |= 0x80;
    message[3] |= 0x80;
    let questions_end = 12 + "\u{1}a\u{7}example\0".len() + 4;
    message.truncate(questions_end);
    message[6..8].copy_from_slice(&u16::try_from(size).unwrap().to_be_bytes());
    message[10..12].copy_from_slice(&[0, 0]);
    for index in 0..size {
        message.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        message.extend_from_slice(&u32::try_from(index + 1).unwrap().to_be_bytes());
    }
    Box::new(move || question.read_in_any_case(&message).map_or(1, |_| 2))
}

fn hosts(size: usize, has_many_names: bool) -> Box<dyn FnMut() -> usize> {
    let name = |line: usize| if has_many_names { line } else { 0 };
    let lines =
        (0..size).map(|line| format!("10.0.{}.{} host{}\n", line / 250, line % 250, name(line)));
    let file: String = lines.collect();
    Box::new(move || Hosts::parse(file.as_bytes()).0.count())
}

fn resolv(size: usize) -> Box<dyn FnMut() -> usize> {
    let file = "nameserver nowhere\noptions ndots:x\nsearch a b c\n".repeat(size / 3);
    Box::new(move || format!("{:?}", Config::parse(file.as_bytes()).0).len())
}

/// A configuration with so many lines of a kind: what stands before `|` comes once, and `#` is the
/// number of the line.
fn configuring(shape: &'static str, size: usize) -> Box<dyn FnMut() -> usize> {
    let (head, line) = shape.split_once('|').unwrap();
    let (line, tail) = match line.split_once('\n') {
        Some((line, "]")) => (format!("{line}\n"), "]\n"),
        _ => (line.to_string(), ""),
    };
    let lines = (0..size).map(|number| line.replace('#', &number.to_string()));
    let text = format!("{head}{}{tail}", lines.collect::<String>());
    Box::new(move || {
        let reading = config::read(&text, &config::Surroundings::bare("/srv/agent"));
        reading.diagnostics.len()
    })
}

fn sentinel() -> Sentinel {
    let secrets = Secrets {
        journal: JournalId([1; 8]),
        origin: "example.com/bench".into(),
        seed: EpochSeed::first([1; 32]),
        master: MasterKey::new([2; 32]),
        entropy: [3; 32],
    };
    let mut settings = Settings::nothing();
    settings.models.push(Model {
        name: "offline".into(),
        provider: Provider::Offline,
        reply_tokens_max: 1000,
        context_tokens_max: 20_000,
        thinking: Thinking::Unset,
        sees_pictures: false,
    });
    settings.grants =
        (0..50).map(|number| format!("read /srv/{number}").parse().unwrap()).collect();
    Sentinel::create(settings.into(), secrets, NOW).unwrap()
}

/// A client of the control port says this again and again, and reads what it is answered.
fn control(unit: &'static str, size: usize) -> Box<dyn FnMut() -> usize> {
    let (sentinel, said) = (sentinel(), unit.repeat(size));
    Box::new(move || {
        let mut control = Control::new();
        let client = control.open(NOW.instant);
        let mut read = 0;
        for piece in said.as_bytes().chunks(4096) {
            control.received(client, piece, NOW.instant);
            loop {
                while control.poll(&sentinel, NOW).is_some() {}
                let count = control.output(client).len();
                if count == 0 {
                    break;
                }
                read += count;
                control.sent(client, count, NOW.instant);
            }
        }
        read
    })
}

fn scenario(step: &'static str, size: usize) -> Box<dyn FnMut() -> usize> {
    let steps = (0..size).map(|number| step.replace('#', &number.to_string()));
    let steps = steps.collect::<Vec<_>>().join(",");
    let line = format!(
        r#"{{"tools": {{"inbox": {{"effect": "read"}}, "mail": {{"effect": "send",
        "recipients": ["to"]}}}}, "grants": {{"mail": "allow", "inbox": "allow"}}, "name": "n",
        "steps": [{{"say": "What is new?"}}, {{"say": "Hm.", "by": "stranger"}}, {steps}]}}"#
    );
    Box::new(move || Suite::new().evaluate(&line).unwrap().unwrap().calls.len())
}

fn journal(payload_bytes: usize, records: usize, is_damaged: bool) -> Box<dyn FnMut() -> usize> {
    let now = Timestamp(1_000_000);
    let opening = Opening { seed: EpochSeed::first([1; 32]), nonce: [2; 16], now };
    let (mut log, payload) = (Vec::new(), vec![b'x'; payload_bytes]);
    let mut writer =
        Writer::create(JournalId(*b"benchmrk"), "example.com/bench", opening, &mut log).unwrap();
    for _ in 0..records {
        let entry =
            Entry { time: now, actor: Actor::Model, kind: 3, conversation: 1, payload: &payload };
        writer.append(entry, None, &mut log).unwrap();
    }
    if is_damaged {
        let middle = log.len() / 2;
        log[middle] ^= 1;
    }
    Box::new(move || {
        let mut verifier = Verifier::new(Trust::default());
        for piece in log.chunks(777) {
            verifier.push(piece);
        }
        usize::try_from(verifier.finish().records_count).unwrap()
    })
}

/// A conversation is trimmed: many short exchanges, or one with many rounds of tools.
fn history(size: usize, has_exchanges: bool) -> Box<dyn FnMut() -> usize> {
    let messages: Vec<Message> = (0..size)
        .flat_map(|number| {
            let id = number.to_string();
            let call = ToolUse { id: id.clone(), name: "t".into(), arguments: "{}".into() };
            let result = ToolResult { id, content: "c".repeat(300), is_error: false };
            let called = Message { role: Role::Assistant, blocks: vec![Block::ToolUse(call)] };
            let done = Message { role: Role::User, blocks: vec![Block::ToolResult(result)] };
            let asked = has_exchanges || number == 0;
            let asked = asked.then(|| Message::text(Role::User, "go"));
            asked.into_iter().chain([called, done])
        })
        .collect();
    Box::new(move || {
        let mut history = History::new(1000);
        for message in &messages {
            history.push(message.clone());
        }
        history.trim(100);
        history.len()
    })
}

fn glob(pattern: &'static str, unit: &'static str, size: usize) -> Box<dyn FnMut() -> usize> {
    let path = unit.repeat(size / unit.len());
    Box::new(move || usize::from(Glob::new(pattern).matches(&path)))
}

fn excerpting(size: usize) -> Box<dyn FnMut() -> usize> {
    let text = "line\n".repeat(size / 5);
    Box::new(move || excerpt(&text, (size / 5 - 1) as u64, None, 32 * 1024).len())
}

fn replacing(old: &'static str, unit: &'static str, size: usize) -> Box<dyn FnMut() -> usize> {
    let text = unit.repeat(size / unit.len());
    Box::new(move || replace(&text, old, "cc", true).map_or(0, |text| text.len()))
}

fn suggesting(size: usize) -> Box<dyn FnMut() -> usize> {
    let known: Vec<String> =
        (0..size).map(|number| format!("{}{number}", "a".repeat(50))).collect();
    let word = "b".repeat(60);
    Box::new(move || suggest::nearest(&word, known.iter().map(String::as_str)).map_or(0, str::len))
}

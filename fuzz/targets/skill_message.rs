//! Messages of skills, both sides: what is read is written as a line that reads the same; a skill
//! that is told anything answers in lines that its other side understands, and never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sentinel_skill_abi::conversation::Conversation;
use sentinel_skill_abi::host::{Closed, Transport};
use sentinel_skill_abi::limits::LINE_BYTES_MAX;
use sentinel_skill_abi::message::{ToHost, ToSkill};
use sentinel_skill_abi::{
    Failure, Fault, Handle, Host, Lines, Skill, String, Vec, parameters, tools,
};

fuzz_target!(|bytes: &[u8]| {
    let mut room = vec![0; LINE_BYTES_MAX];
    let mut conversation = Conversation::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(message) = ToSkill::read(line)
            && let Ok(length) = message.write(&mut room)
        {
            assert_eq!(ToSkill::read(&room[..length]), Ok(message));
        }
        let read = ToHost::read(line);
        if let Ok(message) = read
            && let Ok(length) = message.write(&mut room)
        {
            assert_eq!(ToHost::read(&room[..length]), Ok(message));
        }
        let before = conversation.task();
        match conversation.take(line) {
            Ok(message) => assert_eq!(Ok(message), read),
            Err(_) => assert_eq!(conversation.task(), before, "what is refused changes nothing"),
        }
        if conversation.task().is_none() && conversation.id() < 8 {
            let _ = conversation.describe(&mut room);
        }
    }
    let mut script = Script { rest: bytes };
    let mut input = vec![0; LINE_BYTES_MAX];
    let _ = SKILL.run(&mut script, &mut input, &mut room);
});

/// Says the bytes, and looks at what is answered.
struct Script<'b> {
    rest: &'b [u8],
}

impl Transport for Script<'_> {
    fn send(&mut self, line: &[u8]) -> Result<(), Closed> {
        assert!(line.ends_with(b"\n"));
        ToHost::read(line).expect("a skill says what can be understood");
        Ok(())
    }

    fn receive(&mut self, room: &mut [u8]) -> Result<Option<usize>, Fault> {
        let mut lines = Lines::new(room);
        match lines.next(&mut self.rest)? {
            Some(line) => Ok(Some(line.len() - 1)),
            None => lines.end().map(|()| None),
        }
    }
}

static SKILL: Skill = Skill {
    name: "fuzzed",
    release: "1",
    tools: &tools! {
        /// Repeats what it was told.
        repeat(Repeat);
        /// Reads.
        read(Read);
    },
};

parameters! {
    struct Repeat {
        /// Words.
        words: Vec<String<16>, 4>,
        /// How often.
        times: Option<i64>,
        /// Whether.
        loudly: Option<bool>,
    }
}

parameters! {
    struct Read {
        /// A file.
        file: Handle,
    }
}

fn repeat(it: Repeat, host: &mut Host<'_>) -> Result<Vec<String<16>, 4>, Failure> {
    let _ = it.loudly;
    host.progress(1, it.times.map(i64::unsigned_abs), it.words.first().map(String::as_str))?;
    Ok(it.words)
}

fn read(it: Read, host: &mut Host<'_>) -> Result<bool, Failure> {
    let (_, is_last) = host.read(it.file, 0, &mut [0; 64])?;
    host.proceed()?;
    Ok(is_last)
}

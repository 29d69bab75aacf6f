//! Goal: a stream says the same however it is cut, and a part of it is never the whole. Method:
//! every recording is read whole, at every single cut, byte by byte and in random pieces; then
//! every proper prefix of it is read to its end.

use sentinel_core::llm::{Dialect, ModelErrorKind, TransportKind};

use crate::read::{read, render, render_cut};
use crate::recordings::{ANTHROPIC, ANTHROPIC_FAILED, OPENAI, SERVERS, all};

#[test]
fn every_recording_says_what_stands_beside_it() {
    for recording in all() {
        let outcome = read(recording.dialect, [recording.stream.as_bytes()]);
        let reply = outcome.end.unwrap_or_else(|cut| panic!("{}: {:?}", recording.name, cut.error));
        assert_eq!(render(&reply), recording.reply, "{}", recording.name);
    }
}

/// Whoever is configured by name is read by the rules for that name, and says the same.
#[test]
fn every_server_is_read_by_its_own_profile() {
    for (profile, name) in SERVERS {
        let recording = OPENAI.iter().find(|recording| recording.name == *name);
        let recording = recording.unwrap_or_else(|| panic!("{name} was not recorded"));
        let outcome = read(Dialect::OpenAi(*profile), [recording.stream.as_bytes()]);
        let reply = outcome.end.unwrap_or_else(|cut| panic!("{name}: {:?}", cut.error));
        assert_eq!(render(&reply), recording.reply, "{name}");
    }
}

#[test]
fn every_cut_gives_the_same() {
    for recording in all() {
        let stream = recording.stream.as_bytes();
        let whole = read(recording.dialect, [stream]);
        assert_eq!(read(recording.dialect, stream.chunks(1)), whole, "{}", recording.name);
        for cut in 0..=stream.len() {
            let (head, tail) = stream.split_at(cut);
            let pieces = [head, &[], tail];
            assert_eq!(read(recording.dialect, pieces), whole, "{} at {cut}", recording.name);
        }
    }
}

#[test]
fn random_pieces_give_the_same() {
    arbtest::arbtest(|u| {
        let recordings: Vec<_> = all().collect();
        let recording = u.choose(&recordings)?;
        let mut rest = recording.stream.as_bytes();
        let whole = read(recording.dialect, [rest]);
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            let size = if u.is_empty() { rest.len() } else { u.int_in_range(1..=rest.len())? };
            let (piece, tail) = rest.split_at(size);
            pieces.push(piece);
            rest = tail;
        }
        assert_eq!(read(recording.dialect, pieces), whole, "{}", recording.name);
        Ok(())
    });
}

/// Anthropic ends an answer with an event of its own, so nothing before it is the end.
#[test]
fn no_part_of_a_stream_is_an_answer() {
    for recording in ANTHROPIC {
        let stream = recording.stream.as_bytes();
        for length in 0..stream.len() {
            let end = read(Dialect::Anthropic, [&stream[..length]]).end;
            let kind = end.expect_err(recording.name).error.kind;
            assert_eq!(kind, ModelErrorKind::Transport(TransportKind::Cut), "{length}");
        }
    }
}

/// A provider that fails in the middle says so in the stream: that is what is told, with what there
/// was until then, however the stream is cut; and a part of it is cut, and no answer either.
#[test]
fn a_failure_in_the_middle_is_told_at_every_cut() {
    for recording in ANTHROPIC_FAILED {
        let stream = recording.stream.as_bytes();
        let whole = read(recording.dialect, [stream]);
        let failed = whole.end.as_ref().expect_err(recording.name);
        assert_eq!(render_cut(failed), recording.reply, "{}", recording.name);
        assert_eq!(read(recording.dialect, stream.chunks(1)), whole, "{}", recording.name);
        let last_event = recording.stream.find("event: error").unwrap();
        for cut in 0..=stream.len() {
            let (head, tail) = stream.split_at(cut);
            assert_eq!(read(recording.dialect, [head, &[], tail]), whole, "{cut}");
            let end = read(recording.dialect, [head]).end.expect_err(recording.name);
            let is_cut = end.error.kind == ModelErrorKind::Transport(TransportKind::Cut);
            let is_told = cut > last_event && end.error.kind == failed.error.kind;
            assert!(is_cut || is_told, "{} at {cut}: {:?}", recording.name, end.error);
        }
    }
}

/// Where `[DONE]` may be absent, an answer is whole from its reason to stop on, and only between
/// events; before it, nothing is.
#[test]
fn no_part_before_the_reason_is_an_answer() {
    for recording in OPENAI {
        let stream = recording.stream.as_bytes();
        for length in 0..stream.len() {
            let part = &stream[..length];
            let outcome = read(recording.dialect, [part]);
            let has_reason = outcome.deltas.iter().any(|delta| delta.starts_with("Stop"));
            match outcome.end {
                Ok(_) => {
                    let text = core::str::from_utf8(part).unwrap().trim_end();
                    assert!(has_reason, "{} at {length}", recording.name);
                    assert!(text.ends_with('}') || text.ends_with("[DONE]"), "{text}");
                }
                Err(cut) => {
                    let kind = ModelErrorKind::Transport(TransportKind::Cut);
                    assert_eq!(cut.error.kind, kind, "{} at {length}", recording.name);
                }
            }
        }
    }
}

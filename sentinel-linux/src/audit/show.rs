//! Records for people: a line each, with what is in it opened as far as there are keys.
//!
//! # Invariants
//! - What others wrote is shown with every character in it visible: no record moves a cursor,
//!   changes a colour or turns a line round.
//! - Not more than one file and the lines that are shown are in memory.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;

use sentinel_core::agent::Kind;
use sentinel_core::channel::visible;
use sentinel_core::journal::export::{Exporter, Keys, own_name};
use sentinel_core::journal::{Checkpoint, Note, Payload, Reader, Record, kind};
use sentinel_core::text::json::{self, Value};
use sentinel_core::time::Timestamp;

use super::keys::Sight;
use super::{files, hex};

/// Which records are shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) conversation: Option<u64>,
    /// A name, or the beginning of names: `call` is `call.decided`, `call.started` and so on.
    pub(crate) kind: Option<String>,
    pub(crate) since: Option<Timestamp>,
    /// Only so many, the last ones.
    pub(crate) last: Option<usize>,
    /// Whether all of a record is shown, however long it is.
    pub(crate) is_whole: bool,
}

impl Wanted {
    fn takes(&self, record: &Record<'_>) -> bool {
        let is_kind = |wanted: &String| {
            let rest = name(record.kind).strip_prefix(wanted.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.conversation.is_none_or(|wanted| wanted == record.conversation)
            && self.kind.as_ref().is_none_or(is_kind)
            && self.since.is_none_or(|since| since <= record.time)
    }
}

/// Whether there is a kind with this name, or with names that begin so.
pub(crate) fn is_kind(wanted: &str) -> bool {
    (0..=u16::MAX).filter_map(known_name).any(|name| {
        name.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// Shows the records of a log that are wanted, and says whether all of it could be read.
pub(crate) fn show(sight: &Sight, wanted: &Wanted, out: &mut impl io::Write) -> io::Result<bool> {
    let mut reader = Reader::new(sight.keys());
    let mut last: VecDeque<String> = VecDeque::new();
    let mut is_whole = true;
    for (path, bytes_count) in sight.files() {
        let file = files::beginning(path, *bytes_count)?;
        let Some(mut records) = reader.start(&file) else {
            is_whole &= file.is_empty();
            continue;
        };
        while let Some((record, payload)) = reader.next(&mut records) {
            if !wanted.takes(&record) {
                continue;
            }
            let line = line(&record, &payload, wanted.is_whole);
            let Some(most) = wanted.last else {
                writeln!(out, "{line}")?;
                continue;
            };
            if last.len() == most {
                last.pop_front();
            }
            if most > 0 {
                last.push_back(line);
            }
        }
        is_whole &= records.is_empty();
    }
    for line in last {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(is_whole)
}

/// Writes every record as a line of JSON, and says whether all of the log could be read.
pub(crate) fn export(
    files: &[(std::path::PathBuf, u64)],
    keys: Option<Keys<'_>>,
    out: &mut impl io::Write,
) -> io::Result<bool> {
    let mut exporter = Exporter::new(keys, |number| Some(Kind::from_number(number)?.name()));
    let (mut line, mut is_whole) = (String::new(), true);
    for (path, bytes_count) in files {
        let file = files::beginning(path, *bytes_count)?;
        let Some(mut records) = exporter.start(&file) else {
            is_whole &= file.is_empty();
            continue;
        };
        while exporter.next(&mut records, &mut line) {
            out.write_all(line.as_bytes())?;
            line.clear();
        }
        is_whole &= records.is_empty();
    }
    out.flush()?;
    Ok(is_whole)
}

fn line(record: &Record<'_>, payload: &Payload<'_>, is_whole: bool) -> String {
    let Record { sequence, time, actor, conversation, .. } = *record;
    let mut line = format!("{sequence:>6}  {time}  {:<8}  ", actor.name());
    // A String takes all that is written to it.
    let _ = write!(line, "{:<17}  ", name(record.kind));
    if conversation > 0 {
        let _ = write!(line, "#{conversation}  ");
    }
    line.push_str(&match payload {
        Payload::Forgotten => "(forgotten)".into(),
        Payload::Sealed => "(does not open with these keys)".into(),
        Payload::Open(bytes) => content(record.kind, bytes, is_whole),
    });
    line.truncate(line.trim_end().len());
    line
}

fn content(kind: u16, bytes: &[u8], is_whole: bool) -> String {
    let text = match (kind, json::parse(bytes)) {
        (kind::OPENED, _) => format!("nonces begin with {}", hex(bytes)),
        (kind::CHECKPOINT, _) if !is_whole => checkpoint(bytes),
        (kind, Ok(document)) => {
            let root = document.root();
            let short = if is_whole { None } else { short(Kind::from_number(kind), root) };
            short.unwrap_or_else(|| fields(root, is_whole))
        }
        (_, Err(_)) => String::from_utf8_lossy(bytes).into_owned(),
    };
    // Text within JSON has its own escapes, which hide nothing; but a character that reorders can
    // stand there as it is.
    let shown = visible(&text);
    let end = shown.floor_char_boundary(LINE_BYTES);
    match shown.get(..end) {
        Some(start) if !is_whole && end < shown.len() => {
            format!("{start}… ({} bytes more)", shown.len() - end)
        }
        _ => shown,
    }
}

fn checkpoint(note: &[u8]) -> String {
    let note = std::str::from_utf8(note).ok().and_then(|note| Note::parse(note).ok());
    match note.and_then(|note| Checkpoint::parse(note.text()).ok()) {
        Some(Checkpoint { records_count, epoch, .. }) => {
            format!("over {records_count} records, signed in epoch {epoch}")
        }
        None => "no checkpoint that can be read".into(),
    }
}

/// What was said, where that is what a record is about.
fn short(kind: Option<Kind>, root: Value<'_>) -> Option<String> {
    let message = root.find("message")?;
    match kind? {
        Kind::Message => {
            let text = |name: &str| message.find(name).and_then(|value| value.as_str().ok());
            let mut said = format!("{} on {}:", text("name")?, text("platform")?);
            for part in message.find("parts")?.elements().ok()? {
                let _ = write!(said, " {}", part.find("text").unwrap_or(part).source());
            }
            Some(said)
        }
        Kind::Reply => {
            let mut said = String::new();
            for block in message.find("blocks")?.elements().ok()? {
                let gap = if said.is_empty() { "" } else { " " };
                let text = |name: &str| block.find(name).and_then(|value| value.as_str().ok());
                let _ = match (block.find("text"), text("tool"), text("arguments")) {
                    (Some(words), ..) => write!(said, "{gap}{}", words.source()),
                    (_, Some(tool), Some(arguments)) => {
                        write!(said, "{gap}calls {tool} {arguments}")
                    }
                    _ => write!(said, "{gap}{}", block.source()),
                };
            }
            Some(said)
        }
        _ => None,
    }
}

/// The members of a payload; what only a replay needs is left out unless all is wanted.
fn fields(root: Value<'_>, is_whole: bool) -> String {
    let Ok(members) = root.members() else { return root.source().to_string() };
    let mut text = String::new();
    for (key, value) in members.filter(|(key, _)| is_whole || !matches!(*key, "at" | "entropy")) {
        let gap = if text.is_empty() { "" } else { " " };
        let _ = write!(text, "{gap}{key}={}", value.source());
    }
    text
}

fn name(kind: u16) -> &'static str {
    known_name(kind).unwrap_or("unknown")
}

fn known_name(kind: u16) -> Option<&'static str> {
    own_name(kind).or_else(|| Some(Kind::from_number(kind)?.name()))
}

/// What is shown of a record on a line.
const LINE_BYTES: usize = 240;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_record_reaches_the_terminal_as_a_command() {
        let payload = "{\"text\": \"\u{202e}evil\u{7f}\u{9b}31m\", \"b\": \"\\u001b[2J\"}";
        let shown = content(2, payload.as_bytes(), false);
        assert_eq!(shown, "text=\"\\u{202e}evil\\u{7f}\\u{9b}31m\" b=\"\\u001b[2J\"");
        let broken = content(2, b"\x1b[2Jno json\n", false);
        assert_eq!(broken, "\\u{1b}[2Jno json\\n");
        let long = content(2, &[b'a'; 1000], false);
        assert!(long.ends_with("… (760 bytes more)") && long.len() < 300, "{long}");
        assert_eq!(content(2, &[b'a'; 1000], true).len(), 1000);
    }

    #[test]
    fn what_was_said_is_what_is_shown() {
        let message = br#"{"at": 1, "entropy": "00", "message": {"platform": "terminal",
            "chat": "here", "name": "Ann", "parts": [{"text": "hello"}, {"text": "you"}]}}"#;
        assert_eq!(content(2, message, false), "Ann on terminal: \"hello\" \"you\"");
        assert!(content(2, message, true).contains("entropy=\"00\""));
        let reply = br#"{"at": 1, "message": {"role": "assistant", "blocks": [{"text": "Well."},
            {"call": "c1", "tool": "read_file", "arguments": "{}"}]}}"#;
        assert_eq!(content(3, reply, false), "\"Well.\" calls read_file {}");
        assert_eq!(content(258, br#"{"at": 1, "word": "help"}"#, false), "word=\"help\"");
    }

    #[test]
    fn kinds_are_found_by_their_beginning() {
        for (kind, is) in [("call", true), ("call.decided", true), ("cal", false), ("", false)] {
            assert_eq!(is_kind(kind), is, "{kind}");
        }
    }
}

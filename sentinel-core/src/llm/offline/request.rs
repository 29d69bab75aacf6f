//! Plain requests for tools: the patterns, tool by tool.
//!
//! # Invariants
//! - Arguments are written by the JSON writer from the person's own words, and from nothing else.
//!
//! # Not here
//! Whether the arguments fit the tool: they are put to its own reader before a call is made.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::value;
use super::wish::{SEPARATORS, Wish};
use super::words::{Clause, Word};
use crate::capability::Destination;
use crate::limits::TOOL_HOSTS_COUNT_MAX;
use crate::text::json::{self, ObjectWriter};
use crate::tool::Builtin;

pub(super) fn understand(clause: Clause<'_, '_>) -> Option<Wish> {
    value::understand(clause)
        .or_else(|| time(clause))
        .or_else(|| persona(clause))
        .or_else(|| fetch(clause))
        .or_else(|| send(clause))
        .or_else(|| search(clause))
        .or_else(|| list(clause))
        .or_else(|| lines(clause))
        .or_else(|| read(clause))
        .or_else(|| copy(clause))
        .or_else(|| write(clause))
        .or_else(|| edit(clause))
        .or_else(|| run(clause))
}

/// The arguments of a call that takes a path alone.
pub(super) fn path_arguments(path: &str) -> String {
    json::object(|arguments| {
        arguments.field("path", path);
    })
}

fn call(tool: Builtin, write: impl FnOnce(&mut ObjectWriter<'_, String>)) -> Option<Wish> {
    Some(Wish::Call(tool, json::object(write)))
}

fn time(clause: Clause<'_, '_>) -> Option<Wish> {
    let has = |words: &[&str]| clause.words.iter().any(|word| word.is(words));
    let asks = match clause.words {
        [one] => one.is(&["time", "date", "today"]),
        [first, ..] => first.is(&[
            "what", "what's", "whats", "which", "tell", "give", "show", "current", "today's",
            "the", "do",
        ]),
        [] => false,
    };
    let is_about_now = has(&["time", "date", "day", "today", "today's"])
        && clause.words.len() <= 9
        && clause.words.iter().all(|word| word.is(TIME_WORDS));
    (asks && is_about_now).then(|| Wish::Call(Builtin::CurrentTime, "{}".to_string()))
}

const TIME_WORDS: &[&str] = &[
    "what", "what's", "whats", "which", "tell", "give", "show", "current", "do", "you", "know",
    "me", "the", "is", "it", "today", "today's", "date", "time", "day", "and", "of", "week",
    "right", "now", "have", "we",
];

fn persona(clause: Clause<'_, '_>) -> Option<Wish> {
    let rest = clause.after(&[&["change", "set"], &["your"], &["persona"], &["to"]])?;
    let text = rest.content().filter(|text| !text.is_empty())?;
    call(Builtin::ChangePersona, |out| {
        out.field("text", text);
    })
}

fn fetch(clause: Clause<'_, '_>) -> Option<Wish> {
    let headers = clause
        .after(&[&["head"]])
        .or_else(|| clause.after(&[&["fetch", "get"], &["headers"], &["of", "from"]]))
        .or_else(|| clause.after(&[&["fetch", "get"], &["the"], &["headers"], &["of", "from"]]));
    if let Some(url) = headers.and_then(Clause::single).and_then(url) {
        return call(Builtin::HttpFetch, |out| {
            out.field("url", &url).field("method", "HEAD");
        });
    }
    let page = clause
        .after(&[&["what's", "whats"], &["at", "on"]])
        .or_else(|| clause.after(&[&["what"], &["is"], &["at", "on"]]));
    let rest = match clause.after(&[FETCH_VERBS]) {
        Some(rest) => rest,
        None => page.or_else(|| clause.after(&[&["read", "show", "open", "load"]]))?,
    };
    let word = rest.without_leading(&["the", "page", "site", "website", "url", "at"]).single()?;
    let is_named = clause.after(&[FETCH_VERBS]).is_some();
    let url = url(word).or_else(|| is_named.then(|| guessed_url(word)).flatten())?;
    call(Builtin::HttpFetch, |out| {
        out.field("url", &url);
    })
}

const FETCH_VERBS: &[&str] = &["fetch", "get", "download", "visit", "browse"];

fn send(clause: Clause<'_, '_>) -> Option<Wish> {
    let rest = clause.after(&[&["post", "send", "put"]])?;
    let (body, target) = rest.split(&["to"], true)?;
    let (body, url) = (body.content()?, url(target.single()?)?);
    let method = if clause.after(&[&["put"]]).is_some() { "PUT" } else { "POST" };
    call(Builtin::HttpFetch, |out| {
        out.field("url", &url).field("method", method).field("body", body);
    })
}

/// A word that is a URL.
fn url(word: Word<'_>) -> Option<String> {
    let is_url = ["http://", "https://"].iter().any(|scheme| {
        word.text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    is_url.then(|| word.text.to_string())
}

/// A host without its scheme, as people write it.
fn guessed_url(word: Word<'_>) -> Option<String> {
    let host = word.text.split('/').next()?;
    let is_host = host.contains('.') && !host.starts_with('.') && !word.text.contains(':');
    is_host.then(|| format!("https://{}", word.text))
}

fn search(clause: Clause<'_, '_>) -> Option<Wish> {
    let rest = clause
        .after(&[&["search", "look"], &["for"]])
        .or_else(|| clause.after(&[&["find", "grep", "locate"]]));
    let (what, place) = match rest {
        Some(rest) => match rest.split(&["in", "under", "beneath", "below", "inside"], true) {
            Some((what, place)) => (what, place),
            None => (rest, rest.take(0)),
        },
        None => {
            // search src for TODO
            let rest = clause.after(&[&["search"]])?.without_leading(&["in", "through"]);
            let (place, what) = rest.split(&["for"], false)?;
            (what, place)
        }
    };
    let directory = match place.words {
        [] => None,
        _ => Some(directory(place)?),
    };
    let named = what
        .without_leading(&["all", "the", "every"])
        .after(&[&["files", "file"]])
        .map(|rest| rest.without_leading(&["named", "called", "matching", "like", "with", "name"]));
    if let Some(pattern) = named {
        let glob = pattern.single()?.text;
        return call(Builtin::SearchFiles, |out| {
            out.optional("directory", directory).field("glob", glob);
        });
    }
    let what = what.without_leading(&["the", "text", "word", "string", "phrase"]);
    let text = what.content().filter(|text| !text.is_empty())?;
    let is_glob = what.single().is_some_and(|word| !word.is_quoted && text.contains(['*', '?']));
    call(Builtin::SearchFiles, |out| {
        let key = if is_glob { "glob" } else { "text" };
        out.optional("directory", directory).field(key, text);
    })
}

fn list(clause: Clause<'_, '_>) -> Option<Wish> {
    const THINGS: &[&str] = &[
        "the",
        "all",
        "me",
        "files",
        "file",
        "contents",
        "content",
        "entries",
        "folder",
        "of",
        "in",
        "from",
        "inside",
        "under",
        "directory",
        "my",
    ];
    let listed = clause.after(&[&["list", "ls", "dir"]]);
    let shown = || {
        clause
            .after(&[&["show", "give"]])
            .map(|rest| rest.without_leading(&["me", "the", "all"]))
            .and_then(|rest| rest.after(&[&["files", "folder", "directory"]]))
            .or_else(|| clause.after(&[&["what", "which"], &["files"], &["are"]]))
            .or_else(|| clause.after(&[&["what"], &["is"], &["in"]]).and_then(in_a_directory))
            .or_else(|| clause.after(&[&["what's", "whats"], &["in"]]).and_then(in_a_directory))
    };
    let rest = listed.or_else(shown)?.without_leading(&["there"]);
    let rest = rest.without_leading(THINGS);
    if rest.words.is_empty() || is_here(rest) {
        return call(Builtin::ListDirectory, |_| {});
    }
    let path = directory(rest)?;
    if path.starts_with('-') {
        return None;
    }
    call(Builtin::ListDirectory, |out| {
        out.field("path", path);
    })
}

/// `in docs`, but not `in notes.txt`: what has an ending is a file.
fn in_a_directory<'w, 't>(rest: Clause<'w, 't>) -> Option<Clause<'w, 't>> {
    let is_said = rest.words.iter().any(|word| word.is(&["folder", "directory"]));
    let name = rest.without_leading(ARTICLES);
    let is_file = name.single().is_some_and(|word| has_ending(word.text));
    (is_said || !is_file && !name.words.is_empty()).then_some(rest)
}

/// The directory that a clause names.
fn directory<'t>(clause: Clause<'_, 't>) -> Option<&'t str> {
    if is_here(clause) {
        return Some(".");
    }
    let name = clause
        .without_leading(ARTICLES)
        .without_leading(&["folder", "directory"])
        .without_trailing(&["folder", "directory"]);
    name.single().map(|word| word.text)
}

fn is_here(clause: Clause<'_, '_>) -> bool {
    let rest = clause.without_leading(&["here", "this", "current", "the", "folder", "directory"]);
    rest.words.is_empty() && !clause.words.is_empty()
}

/// Some lines of a file.
fn lines(clause: Clause<'_, '_>) -> Option<Wish> {
    let rest = clause
        .after(&[&["show", "read", "print", "give", "display"]])
        .unwrap_or(clause)
        .without_leading(&["me", "the"]);
    let (offset, limit, rest) = match rest.words {
        [first, count, ..] if first.is(&["first"]) => {
            let rest = rest.skip(2).after(&[&["line", "lines"]])?;
            (None, number(count)?, rest)
        }
        [word, range, ..] if word.is(&["line", "lines"]) => {
            if let Some((from, to)) = range.text.split_once(['-', '–']) {
                let (from, to) = (from.parse().ok()?, to.parse::<u64>().ok()?);
                (Some(from), to.checked_sub(from)?.checked_add(1)?, rest.skip(2))
            } else if let Some(to) = rest.skip(2).after(&[&["to", "through", "until", "till"]]) {
                let (from, last) = (number(range)?, number(to.words.first()?)?);
                (Some(from), last.checked_sub(from)?.checked_add(1)?, to.skip(1))
            } else {
                (Some(number(range)?), 1, rest.skip(2))
            }
        }
        _ => return None,
    };
    let path = rest.after(&[&["of", "from", "in"]])?.without_leading(ARTICLES).single()?.text;
    call(Builtin::ReadFile, |out| {
        out.field("path", path).optional("offset", offset).field("limit", limit);
    })
}

fn number(word: &Word<'_>) -> Option<u64> {
    word.text.parse().ok()
}

fn read(clause: Clause<'_, '_>) -> Option<Wish> {
    let sure = clause.after(&[&["read", "cat"]]);
    let likely = clause
        .after(&[&["show", "open", "print", "display", "view"]])
        .or_else(|| clause.after(&[&["what"], &["is"], &["in"]]))
        .or_else(|| clause.after(&[&["what's", "whats"], &["in"]]))
        .or_else(|| {
            clause
                .after(&[&["what"], &["does"]])?
                .split(&["say", "contain"], true)
                .map(|(name, _)| name)
        });
    let is_sure = sure.is_some();
    let names = sure.or(likely)?.without_leading(&["me"]).without_leading(CONTENTS);
    // `read Makefile` names a file; `read my mind` does not.
    let is_sure = is_sure && !names.words.iter().any(|word| word.is(&["my", "a", "an"]));
    let mut paths = Vec::new();
    for word in names.words.iter().filter(|word| !word.is(SEPARATORS) && !word.is(ARTICLES)) {
        if !(is_sure || word.is_quoted || has_ending(word.text) || word.text.contains('/')) {
            return None;
        }
        paths.push(*word);
    }
    // Several names need something between them.
    let mut pairs = names.words.windows(2);
    let is_list = pairs.all(|pair| {
        let [left, right] = pair else { return false };
        left.ends_clause() || left.is(SEPARATORS) || right.is(SEPARATORS) || left.is(ARTICLES)
    });
    match paths.as_slice() {
        [] => None,
        _ if !is_list || paths.iter().any(|word| word.text.is_empty()) => None,
        _ => Some(Wish::ReadAll(paths.iter().map(|word| word.text.to_string()).collect())),
    }
}

/// Words before the name of a file.
const ARTICLES: &[&str] = &["the", "a", "an", "my", "file", "called", "named", "folder"];
const CONTENTS: &[&str] = &["the", "contents", "content", "text", "of"];

fn has_ending(name: &str) -> bool {
    name.rsplit('/')
        .next()
        .and_then(|last| last.rsplit_once('.'))
        .is_some_and(|(stem, ending)| !stem.is_empty() && !ending.is_empty())
}

fn copy(clause: Clause<'_, '_>) -> Option<Wish> {
    let rest = clause.after(&[&["copy"]])?.without_leading(CONTENTS);
    let (from, to) = rest.split(&["to", "into"], true)?;
    let from = from.without_leading(ARTICLES).single()?;
    let to = to.without_leading(ARTICLES).single()?;
    Some(Wish::Copy(from.text.to_string(), to.text.to_string()))
}

fn write(clause: Clause<'_, '_>) -> Option<Wish> {
    if let Some(rest) = clause.after(&[&["create", "make"]]) {
        return create(rest);
    }
    let rest = clause.after(&[&["write", "save", "put", "store"]])?;
    let (content, target) = rest.split(&["to", "into", "in", "as"], true)?;
    let path = target.without_leading(ARTICLES).single()?.text;
    let is_result = content.words.len() <= 3
        && content.words.last().is_some_and(|word| {
            word.is(&["it", "that", "them", "text", "content", "contents", "result", "answer"])
        })
        && content.words.iter().rev().skip(1).all(|word| word.is(&["its", "the", "of", "their"]))
        && (content.words.len() > 1
            || content.words.iter().any(|word| word.is(&["it", "that", "them"])));
    if is_result {
        return Some(Wish::Keep(path.to_string()));
    }
    let content = content.content()?;
    call(Builtin::WriteFile, |out| {
        out.field("path", path).field("content", content);
    })
}

fn create(rest: Clause<'_, '_>) -> Option<Wish> {
    let is_empty = rest.words.iter().take(2).any(|word| word.is(&["empty"]));
    let rest = rest.without_leading(&["a", "an", "the", "new", "empty", "file", "text"]);
    let rest = rest.without_leading(&["called", "named"]);
    let (path, content) = match rest.split(&["with", "containing", "saying"], false) {
        Some((path, content)) => {
            let content = content.without_leading(&["the", "text", "content", "contents"]);
            (path, content.content()?)
        }
        None if is_empty => (rest, ""),
        None => return None,
    };
    let path = path.single()?.text;
    call(Builtin::WriteFile, |out| {
        out.field("path", path).field("content", content);
    })
}

fn edit(clause: Clause<'_, '_>) -> Option<Wish> {
    let (rest, to): (_, &[&str]) = match clause.after(&[&["replace", "substitute"]]) {
        Some(rest) => (rest, &["with", "by"]),
        None => match clause.after(&[&["change", "rename"]]) {
            Some(rest) => (rest, &["to", "into"]),
            None => (clause.after(&[&["remove", "delete"]])?, &[]),
        },
    };
    let all = rest.words.iter().take(1).any(|word| word.is(&["all", "every", "each"]))
        || rest.words.iter().rev().take(1).any(|word| word.is(&["everywhere"]));
    let rest = rest.without_leading(&["all", "every", "each"]).without_trailing(&["everywhere"]);
    let (change, place) = rest.split(&["in", "from", "within"], true)?;
    let path = place.without_leading(ARTICLES).single()?.text;
    let (old, new) = match to {
        [] => (change.content()?, ""),
        _ => {
            let (old, new) = change.split(to, false)?;
            (old.content()?, new.content()?)
        }
    };
    call(Builtin::EditFile, |out| {
        out.field("path", path).field("old", old).field("new", new);
        out.optional("all", all.then_some(true));
    })
}

fn run(clause: Clause<'_, '_>) -> Option<Wish> {
    let rest = clause.after(&[&["run", "execute"]])?;
    let rest = rest.without_leading(&["the", "command", "program"]);
    // `run ls then read a.txt` is two requests.
    let mut pairs = rest.words.windows(2);
    if pairs.any(|pair| matches!(pair, [left, right] if left.is(SEPARATORS) && right.is(VERBS))) {
        return None;
    }
    let (rest, hosts) = match rest.split(&["reaching"], true) {
        Some((command, hosts)) => (command, places(hosts)?),
        None => (rest, Vec::new()),
    };
    let (rest, directory) = match rest.split(&["in"], true) {
        Some((command, place)) => match place.after(&[&["the"], &["directory", "folder"]]) {
            Some(place) => (command, Some(place.single()?.text)),
            None => match place.after(&[&["directory", "folder"]]) {
                Some(place) => (command, Some(place.single()?.text)),
                None => (rest, None),
            },
        },
        None => (rest, None),
    };
    // A command in quotes is the whole of it.
    let quoted =
        rest.single().filter(|word| word.is_quoted).map(|word| super::words::words(word.text));
    let words = quoted.as_deref().unwrap_or(rest.words);
    let (program, arguments) = words.split_first()?;
    let last = arguments.len().saturating_sub(1);
    if program.text.is_empty() {
        return None;
    }
    call(Builtin::RunCommand, |out| {
        out.field("program", program.text);
        if !arguments.is_empty() {
            out.array("arguments", |list| {
                for (index, word) in arguments.iter().enumerate() {
                    let is_plain = !word.is_quoted && index < last;
                    list.value(if is_plain { word.raw } else { word.text });
                }
            });
        }
        out.optional("directory", directory);
        if !hosts.is_empty() {
            out.array("hosts", |list| {
                for place in &hosts {
                    list.value(place.to_string().as_str());
                }
            });
        }
    })
}

/// The hosts that a program is to reach: one at least, and no other words.
fn places(clause: Clause<'_, '_>) -> Option<Vec<Destination>> {
    let words = clause.words.iter().filter(|word| !word.is(&["and"]));
    let places: Option<Vec<_>> = words.map(|word| Destination::parse(word.text).ok()).collect();
    places.filter(|places| !places.is_empty() && places.len() <= TOOL_HOSTS_COUNT_MAX)
}

/// Words that start a request.
const VERBS: &[&str] = &[
    "read", "list", "show", "write", "save", "search", "find", "run", "execute", "fetch", "get",
    "replace", "change", "copy", "create", "tell", "then",
];

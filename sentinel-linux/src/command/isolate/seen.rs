//! What was seen of a program that was looked at, and the policy that would allow it.
//!
//! All of it is one text that a policy is read from: what is only told stands in comments.

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;

use sentinel_core::sandbox::policy::{Key, Policy};

use crate::sandbox::Seen;

/// Says it.
pub(super) fn told(seen: &Seen, policy: &Policy) -> String {
    let mut text = String::from("# What the sandbox would refuse, and a policy that allows it.\n");
    let mut policy = policy.clone();
    policy.forget(Key::CallsMode);
    if seen.refused.is_empty() && seen.never.is_empty() && seen.places.is_empty() {
        text.push_str("# There was nothing: it runs as it is.\n");
    }
    for (name, count) in &seen.refused {
        let _ = write!(text, "# system call {name}, {}", times(*count));
        let is_custom = policy.word(Key::Calls) == Some("custom");
        let is_partly = matches!(name.as_str(), "mmap" | "mprotect");
        if is_partly && !is_custom {
            text.push_str(": memory that is both written and run");
            let _ = policy.put(Key::Calls, b"datasci");
        } else if is_custom || policy.put(Key::CallsAllowed, name.as_bytes()).is_err() {
            text.push_str(": the file of the filter would have to allow it");
        }
        text.push('\n');
    }
    for (name, count) in &seen.never {
        let _ = writeln!(
            text,
            "# system call {name}, {}: refused now too, as in every sandbox with this network",
            times(*count)
        );
    }
    for (path, wanted) in &seen.places {
        let what = match (wanted.writes, wanted.runs) {
            (true, _) => "writing",
            (_, true) => "running",
            _ => "reading",
        };
        let _ = write!(text, "# {what} {}", path.to_string_lossy().escape_debug());
        if wanted.is_kernels {
            text.push_str(": it is the kernel's, and no sandbox shows it");
        } else if wanted.writes && wanted.runs {
            text.push_str(": and running it, which no sandbox allows of one place");
        }
        text.push('\n');
        if !wanted.is_kernels {
            let key = match (wanted.writes, wanted.runs) {
                (true, _) => Key::Write,
                (_, true) => Key::Run,
                _ => Key::Read,
            };
            let _ = policy.put(key, path.as_os_str().as_bytes());
        }
    }
    if seen.is_more {
        text.push_str("# There was more than is kept: run it again with this.\n");
    }
    match policy.show() {
        Ok(shown) => text.push_str(&shown),
        Err(key) => {
            let _ = writeln!(text, "# {key} has a value that is no text: no file can hold it.");
        }
    }
    text
}

fn times(count: u64) -> String {
    if count == 1 { "once".into() } else { format!("{count} times") }
}

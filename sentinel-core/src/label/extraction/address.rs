//! Addresses: of mail, and the hosts of web addresses.
//!
//! What is half an address is another one: a letter that is lost at its end leads to a stranger. So
//! everything that could be part of it has to be.

use super::{Read, before, from, is_of_word};
use crate::wire::url::Url;

/// The addresses of mail in a text, from a byte on.
pub(super) fn emails(text: &str, start: usize) -> impl Iterator<Item = Read> {
    let signs = text.get(start..).unwrap_or_default().match_indices('@');
    signs.filter_map(move |(at, _)| email(text, start, start + at))
}

/// The address around an `@`, if its name does not begin before `start`. Names may hold an `=`, and
/// hardly do; before names it stands everywhere.
fn email(text: &str, start: usize, at: usize) -> Option<Read> {
    let head = text.get(start..at)?;
    let name_at = head
        .rfind(|one: char| !is_of_name(one))
        .map_or(0, |last| last + from(head, last).map_or(1, char::len_utf8));
    let name = head.get(name_at..)?;
    let tail = text.get(at + 1..)?;
    let length = tail.find(|one: char| !is_of_host(one)).unwrap_or(tail.len());
    let host = tail.get(..length)?.trim_end_matches(['.', '-']);
    let (is_name, is_host) = (!name.is_empty(), is_domain(host));
    if !is_name || !is_host {
        return None;
    }
    let is_dotted = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    // What RFC 5322 §3.2.3 allows in a name besides, and what may follow a host.
    let goes_on_left = before(text, start + name_at).is_some_and(|one| {
        let beyond = before(text, start + name_at - one.len_utf8());
        is_of_word(one)
            || matches!(one, '@' | '/')
            || "!#$&'*?^`{|}~\\\u{2019}".contains(one) && beyond.is_some_and(is_of_word)
    });
    let goes_on_right = from(text, at + 1 + host.len()).is_some_and(|one| {
        is_of_word(one) || matches!(one, '@' | '-') || one == '.' && host.len() + 1 < length
    });
    if is_dotted || goes_on_left || goes_on_right {
        return Some(Read::Unclear);
    }
    text.get(start + name_at..at + 1 + host.len()).map(|it| Read::Value(it.into()))
}

/// The hosts of the web addresses in a text, from a byte on.
pub(super) fn hosts(text: &str, start: usize) -> impl Iterator<Item = Read> {
    let signs = text.get(start..).unwrap_or_default().match_indices("://");
    signs.filter_map(move |(at, _)| host(text, start, start + at))
}

/// The host of the address whose scheme ends here.
fn host(text: &str, start: usize, at: usize) -> Option<Read> {
    let head = text.get(start..at)?;
    let is_scheme = |scheme: &&str| {
        let begin = head.len().checked_sub(scheme.len());
        let word = begin.and_then(|begin| head.get(begin..));
        word.is_some_and(|word| word.eq_ignore_ascii_case(scheme))
            && begin.is_some_and(|begin| !before(text, start + begin).is_some_and(is_of_word))
    };
    let scheme = ["https", "http"].into_iter().find(is_scheme)?;
    let begin = at - scheme.len();
    let rest = text.get(at + 3..)?;
    let is_end = |one: char| {
        one.is_whitespace()
            || one.is_control()
            || matches!(one, '/' | '?' | '#' | '"' | '<' | '>')
            || matches!(one, '\'' | '`' | ')' | ']' | '}' | '|' | ',' | ';')
    };
    let length = rest.find(is_end).unwrap_or(rest.len());
    let authority = rest.get(..length)?.trim_end_matches(['.', ':', '!', '*']);
    let url = text.get(begin..at + 3 + authority.len())?;
    // A name before an `@` reads like a host, and letters beyond ASCII like others.
    let host =
        match authority.bytes().all(|one| one.is_ascii_alphanumeric() || b".-:".contains(&one)) {
            true => Url::parse(url).ok().map(|url| alloc::string::ToString::to_string(&url.host())),
            false => None,
        };
    Some(host.map_or(Read::Unclear, Read::Value))
}

/// A name of the DNS with a dot in it, and letters behind the last.
fn is_domain(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    host.contains('.')
        && host.split('.').all(is_label)
        && last.len() >= 2
        && last.bytes().all(|one| one.is_ascii_alphabetic())
}

const fn is_of_name(one: char) -> bool {
    one.is_ascii_alphanumeric() || matches!(one, '.' | '_' | '%' | '+' | '-')
}

const fn is_of_host(one: char) -> bool {
    one.is_ascii_alphanumeric() || matches!(one, '.' | '-')
}

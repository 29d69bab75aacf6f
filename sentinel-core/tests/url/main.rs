//! URLs: every rule with a case, the odd spellings attackers use, and properties over random text.
#![allow(clippy::unwrap_used, clippy::panic)]

mod addresses;
mod hosts;
mod join;
mod properties;
mod spellings;

use sentinel_core::wire::url::{Url, UrlErrorKind};

/// The URL in its one spelling.
fn parse(text: &str) -> Url {
    match Url::parse(text) {
        Ok(url) => url,
        Err(error) => panic!("{text:?}: {error}"),
    }
}

/// Why and where the text is refused.
fn refusal(text: &str) -> (UrlErrorKind, usize) {
    match Url::parse(text) {
        Ok(url) => panic!("{text:?} was read as {url}"),
        Err(error) => (error.kind, error.offset),
    }
}

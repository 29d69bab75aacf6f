//! Skills: where they are, whose signatures count, and the tokens of servers elsewhere.
//!
//! # Invariants
//! - A token is for one host, which the operator names: no manifest says where it goes.
//!
//! # Not here
//! Which skills there are: folders say that, and the shell reads them.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Build, source_of};
use crate::capability::Destination;
use crate::config::{SignerKey, SkillToken};

/// Where skills are.
pub(super) fn directories(build: &Build<'_, '_>) -> Vec<String> {
    let part = build.draft.part("skills");
    let list = part.map(|part| part.list("directories")).unwrap_or_default();
    list.iter().filter_map(|node| node.text().map(String::from)).collect()
}

/// The keys whose signatures count, and whether there has to be one.
pub(super) fn signers(build: &mut Build<'_, '_>) -> (Vec<SignerKey>, bool) {
    let Some(part) = build.draft.part("skills") else { return (Vec::new(), false) };
    // They were read once already, for their spelling.
    let keys = part.list("trusted_keys").iter().filter_map(|node| SignerKey::parse(node.text()?));
    let keys: Vec<SignerKey> = keys.collect();
    let is_required = part.flag("require_signature").unwrap_or(false);
    if is_required && part.list("trusted_keys").is_empty() {
        let message = "no skill could be used: each needs a signature, and nobody's counts";
        let help = "add trusted_keys = [\"RW…\"], the second line of an author's minisign.pub";
        build.reporter.error_with(part.place("require_signature"), message, help);
    }
    (keys, is_required)
}

/// The tokens of servers elsewhere.
pub(super) fn tokens(build: &mut Build<'_, '_>) -> Vec<SkillToken> {
    let draft = build.draft;
    let mut tokens = Vec::new();
    for part in draft.parts("skill") {
        let source = source_of(build, part, "token", true, "a token");
        let host = match part.text("host") {
            Some(text) => match Destination::parse(text) {
                Ok(host) => Some(host),
                Err(error) => {
                    let message = format!("'host' is no host: {error}");
                    build.reporter.error(part.place("host"), message);
                    None
                }
            },
            None => {
                if !part.is_faulty {
                    let message =
                        format!("{} does not say which host gets the token", part.header());
                    let help = "add host = \"mcp.example.com\": it goes there and nowhere else";
                    build.reporter.error_with(part.span, message, help);
                }
                None
            }
        };
        if let (Some(source), Some(host), Some(skill)) = (source, host, part.name.clone()) {
            tokens.push(SkillToken { skill, host, source });
        }
    }
    tokens
}

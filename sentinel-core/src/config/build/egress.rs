//! What is looked into that programs send out, and what is added to it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Build, source_of};
use crate::capability::Destination;
use crate::config::SecretSource;
use crate::config::draft::Part;
use crate::egress::{Injection, Inspection, SECRET_FORMAT, SECRET_HEADER};

/// What is looked into, and where the secrets are that are added, each by its name.
pub(super) fn inspection(build: &mut Build<'_, '_>) -> (Inspection, Vec<(String, SecretSource)>) {
    let draft = build.draft;
    let is_on = draft.part("egress").and_then(|part| part.flag("inspect")).unwrap_or(false);
    let (mut injections, mut sources): (Vec<Injection>, _) = (Vec::new(), Vec::new());
    for part in draft.sections.iter().filter(|part| part.section.name == "secret") {
        let name = part.name.as_deref().unwrap_or_default();
        let Some(injection) = injection(build, part, name) else { continue };
        if !is_on && !injection.is_in_clear {
            let message = format!("{} is added inside TLS, which nobody looks into", part.header());
            build.reporter.error_with(part.span, message, "add inspect = true under [egress]");
        }
        let is_same = |other: &&Injection| {
            other.place() == injection.place()
                && other.header().eq_ignore_ascii_case(injection.header())
                && other.is_shared_with(&injection)
        };
        if let Some(other) = injections.iter().find(is_same) {
            let (header, other) = (injection.header(), other.name());
            let message = format!("{} is the same header as '{other}': {header}", part.header());
            let help = "one host gets one secret as one header: leave one out, or name different \
                        programs and skills";
            build.reporter.error_with(part.span, message, help);
        }
        if let Some(source) = source_of(build, part, "value", true, "the secret") {
            sources.push((String::from(name), source));
        }
        injections.push(injection);
    }
    (Inspection { is_on, injections }, sources)
}

fn injection(build: &mut Build<'_, '_>, part: &Part, name: &str) -> Option<Injection> {
    let Some(host) = part.text("host") else {
        if !part.is_faulty {
            let message = format!("{} does not say whom it is for", part.header());
            build.reporter.error_with(part.span, message, "add host = \"api.example.com\"");
        }
        return None;
    };
    let place = match Destination::parse(host) {
        Ok(place) => place,
        Err(error) => {
            build.reporter.error(part.place("host"), format!("no host: {error}"));
            return None;
        }
    };
    let header = part.text("header").unwrap_or(SECRET_HEADER);
    let format = part.text("format").unwrap_or(SECRET_FORMAT);
    let texts = |key: &str| -> Vec<String> {
        part.list(key).iter().filter_map(|node| node.text().map(String::from)).collect()
    };
    match Injection::new(name, place, header, format) {
        Ok(mut injection) => {
            injection.is_in_clear = part.flag("in_the_clear").unwrap_or(false);
            (injection.programs, injection.skills) = (texts("programs"), texts("skills"));
            Some(injection)
        }
        Err(error) => {
            build.reporter.error(part.span, format!("{error}"));
            None
        }
    }
}

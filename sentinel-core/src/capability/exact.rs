//! A grant of one deed and no more: what "always" means as an answer to a question.
//!
//! # Invariants
//! - The grant covers the request it was made for, and as little else as the language of grants can
//!   say.
//!
//! # Not here
//! Whether a person should be offered it: [`label`](crate::label).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::request::{FileRights, HttpRequest};
use super::{CommandRule, Grant, HostPattern, HttpRule, Level, Path, Ports, Request, Resource};

impl Grant {
    /// A grant of exactly this request. There is none for a command that does not begin with a
    /// subcommand: a grant cannot name all arguments of a command, and the whole program would be
    /// too much; nor for a request whose path is longer than a grant can say.
    ///
    /// ```
    /// use sentinel_core::capability::{FileRight, Grant, PathRef, Request};
    ///
    /// let path = PathRef::absolute("/srv/work/notes.txt")?;
    /// let request = Request::File { path, right: FileRight::Write, is_tree: false };
    /// let grant = Grant::exactly(&request).unwrap();
    /// assert_eq!(grant.to_string(), "write /srv/work/notes.txt");
    /// # Ok::<(), sentinel_core::capability::PathError>(())
    /// ```
    #[must_use]
    pub fn exactly(request: &Request<'_>) -> Option<Self> {
        let resource = match request {
            Request::File { path, right, .. } => {
                Resource::Files { path: Path::from(*path), rights: FileRights::of(&[*right]) }
            }
            Request::Command { program, arguments, .. } => {
                let first = arguments.first().filter(|word| is_subcommand(word))?;
                let mut rule = CommandRule::new(Path::from(*program));
                rule.subcommands = Vec::from([Box::from(*first)]);
                Resource::Command(rule)
            }
            Request::Connect { host, port, http } => Resource::Connect {
                hosts: HostPattern::Exact((*host).clone().into_owned()),
                ports: Ports { first: *port, last: *port },
                // What cannot be said is not left out: that would be any request.
                http: match http {
                    None => None,
                    Some(request) => Some(http_rule(*request)?),
                },
            },
            Request::Reach(place) => Resource::Connect {
                hosts: HostPattern::Exact(place.host.clone()),
                ports: Ports { first: place.port, last: place.port },
                http: None,
            },
            Request::Listen { address, port } => Resource::Listen {
                address: HostPattern::Exact((*address).clone().into_owned()),
                ports: Ports { first: *port, last: *port },
            },
            Request::Skill { name, operation } => Resource::Skill {
                name: (*name).into(),
                operations: Vec::from([Box::from(*operation)]),
            },
            Request::Configure { key } => Resource::Configure { key: (*key).into() },
            Request::Persona => Resource::Persona,
            Request::Model { name } => Resource::Model { name: (*name).into(), is_prefix: false },
            Request::Sampling { skill, model } => Resource::Sampling {
                skill: (*skill).into(),
                model: (*model).into(),
                is_prefix: false,
            },
        };
        Some(Self::new(resource, Level::Allow))
    }
}

/// A word like `status`: no option, no path, no number.
fn is_subcommand(word: &str) -> bool {
    let mut bytes = word.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn http_rule(request: HttpRequest<'_>) -> Option<HttpRule> {
    let path = Path::parse(request.path).ok()?;
    Some(HttpRule { methods: Vec::from([Box::from(request.method)]), path })
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;
    use crate::wire::url::Host;

    #[test]
    fn a_request_that_no_grant_can_say_is_not_granted_as_any() {
        let host = Host::parse("a.example").unwrap();
        let grant = |path: &str| {
            let http = Some(HttpRequest { method: "GET", path });
            Grant::exactly(&Request::Connect { host: &host, port: 443, http })
        };
        assert_eq!(grant("/b").unwrap().to_string(), "connect a.example GET /b");
        for path in ["/a".repeat(129), String::from("/") + &"a".repeat(5000)] {
            assert_eq!(grant(&path), None, "{} bytes", path.len());
        }
    }
}

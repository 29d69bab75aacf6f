//! A judge without an index: it reads every grant for every request, as text where it can.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use arbitrary::Unstructured;

use super::super::*;
use crate::capability::{Destination, HttpRequest, HttpRule};
use crate::wire::url::Host;

/// Every grant that is there, oldest first.
#[derive(Default)]
pub(super) struct Oracle {
    records: Vec<Record>,
}

/// How special, how strict, whether uncounted; of equals the oldest stays.
type Rank = (Vec<usize>, Level, bool);

struct Record {
    handle: Handle,
    grant: Grant,
    holder: Holder,
    parent: Option<Handle>,
    uses_left: Option<u32>,
    is_confirmed: bool,
}

impl Oracle {
    pub(super) fn add(
        &mut self,
        handle: Handle,
        grant: Grant,
        holder: Holder,
        parent: Option<Handle>,
    ) {
        let uses_left = grant.uses;
        let is_confirmed = false;
        self.records.push(Record { handle, grant, holder, parent, uses_left, is_confirmed });
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// One of the handles that are there.
    pub(super) fn any(&self, u: &mut Unstructured<'_>) -> arbitrary::Result<Option<Handle>> {
        if self.records.is_empty() {
            return Ok(None);
        }
        Ok(Some(u.choose(&self.records)?.handle))
    }

    pub(super) fn revoke(&mut self, handle: Handle) -> usize {
        let mut count = 0;
        if let Some(place) = self.records.iter().position(|record| record.handle == handle) {
            self.records.remove(place);
            count += 1;
            while let Some(child) = self.records.iter().find(|record| record.parent == Some(handle))
            {
                count += self.revoke(child.handle);
            }
        }
        count
    }

    pub(super) fn sweep(&mut self, now: Timestamp) -> usize {
        let mut count = 0;
        while let Some(ended) =
            self.records.iter().find(|record| record.grant.until.is_some_and(|until| until <= now))
        {
            count += self.revoke(ended.handle);
        }
        count
    }

    pub(super) fn spend(&mut self, handle: Handle, now: Timestamp) -> bool {
        if !self.is_good(handle, now) {
            return false;
        }
        let mut next = Some(handle);
        while let Some(handle) = next {
            let record = self.records.iter_mut().find(|record| record.handle == handle).unwrap();
            record.uses_left = record.uses_left.map(|left| left - 1);
            next = record.parent;
        }
        true
    }

    pub(super) fn confirm_once(&mut self, handle: Handle, now: Timestamp) -> bool {
        let is_good = self.is_good(handle, now);
        if is_good {
            let record = self.records.iter_mut().find(|record| record.handle == handle);
            record.unwrap().is_confirmed = true;
        }
        is_good
    }

    fn is_good(&self, handle: Handle, now: Timestamp) -> bool {
        let Some(record) = self.records.iter().find(|record| record.handle == handle) else {
            return false;
        };
        record.grant.until.is_none_or(|until| until > now)
            && record.uses_left != Some(0)
            && record.parent.is_none_or(|parent| self.is_good(parent, now))
    }

    pub(super) fn decide(&self, holder: Holder, request: &Request<'_>, now: Timestamp) -> Verdict {
        let good: Vec<&Record> =
            self.records.iter().filter(|record| self.is_good(record.handle, now)).collect();
        let denial = good.iter().find(|record| {
            record.grant.level == Level::Deny
                && (record.holder == holder || record.holder == Holder::AGENT)
                && forbids(&record.grant.resource, request)
        });
        if let Some(record) = denial {
            return Verdict::Denied { handle: record.handle };
        }
        let mut best: Option<(Rank, Level, Handle)> = None;
        for record in good {
            if record.grant.level == Level::Deny || record.holder != holder {
                continue;
            }
            let own = match record.grant.level {
                Level::Once if record.is_confirmed => Level::Allow,
                level => level,
            };
            let Some(level) = self.covers(holder, &record.grant.resource, request, own, now) else {
                continue;
            };
            let rank = (special(&record.grant.resource), level, record.uses_left.is_none());
            if best.as_ref().is_none_or(|(best, ..)| rank > *best) {
                best = Some((rank, level, record.handle));
            }
        }
        best.map_or(Verdict::Uncovered, |(_, level, handle)| Verdict::Covered { handle, level })
    }

    fn covers(
        &self,
        holder: Holder,
        resource: &Resource,
        request: &Request<'_>,
        own: Level,
        now: Timestamp,
    ) -> Option<Level> {
        let (Resource::Command(rule), Request::Command { program, arguments, directory }) =
            (resource, request)
        else {
            return covers(resource, request).then_some(own);
        };
        let mut strictest = own;
        let mut may = |request: &Request<'_>| {
            if let Request::File { path, right: FileRight::Read, is_tree } = *request {
                let list = Request::File { path, right: FileRight::List, is_tree };
                if matches!(self.decide(holder, &list, now), Verdict::Denied { .. }) {
                    return false;
                }
            }
            let Verdict::Covered { handle, level } = self.decide(holder, request, now) else {
                return false;
            };
            let is_counted = self
                .records
                .iter()
                .any(|record| record.handle == handle && record.uses_left.is_some());
            strictest = strictest.max(level);
            !is_counted
        };
        let is_covered = rule.check(*program, arguments, directory, &mut may).is_ok();
        is_covered.then_some(strictest)
    }
}

/// Whether a text is another, or continues it behind a separator.
fn is_below(text: &str, above: &str, separator: char) -> bool {
    let above = above.trim_end_matches(separator);
    text == above || text.starts_with(&format!("{above}{separator}"))
}

fn covers(resource: &Resource, request: &Request<'_>) -> bool {
    match (resource, request) {
        (Resource::Files { path, rights }, Request::File { path: wanted, right, .. }) => {
            rights.has(*right) && is_below(&wanted.to_string(), path.as_str(), '/')
        }
        (
            Resource::Connect { hosts, ports, http },
            Request::Connect { host, port, http: wanted },
        ) => {
            let is_http_covered = http.as_ref().is_none_or(|HttpRule { methods, path }| {
                wanted.is_some_and(|wanted| {
                    (methods.is_empty() || methods.iter().any(|own| **own == *wanted.method))
                        && is_below(wanted.path, path.as_str(), '/')
                })
            });
            let (pattern, host) = (hosts.to_string(), host.to_string());
            let is_public_name = host.ends_with(".example");
            let is_host_covered = match pattern.strip_prefix('*') {
                None => pattern == host,
                Some(suffix) => is_public_name && host.ends_with(suffix),
            };
            is_host_covered && (ports.first..=ports.last).contains(port) && is_http_covered
        }
        (Resource::Connect { hosts, ports, .. }, Request::Reach(place)) => {
            let whole = Resource::Connect { hosts: hosts.clone(), ports: *ports, http: None };
            let (host, port) = (&place.host, place.port);
            covers(&whole, &Request::Connect { host, port, http: None })
        }
        (Resource::Listen { address, ports }, Request::Listen { address: wanted, port }) => {
            address.to_string() == wanted.to_string() && (ports.first..=ports.last).contains(port)
        }
        (Resource::Skill { name, operations }, Request::Skill { name: wanted, operation }) => {
            **name == **wanted
                && (operations.is_empty() || operations.iter().any(|own| **own == **operation))
        }
        (Resource::Configure { key }, Request::Configure { key: wanted }) => {
            is_below(wanted, key, '.')
        }
        (Resource::Persona, Request::Persona) => true,
        (Resource::Model { name, is_prefix }, Request::Model { name: wanted }) => {
            **name == **wanted || (*is_prefix && wanted.starts_with(&**name))
        }
        (
            Resource::Sampling { skill, model, is_prefix },
            Request::Sampling { skill: own, model: wanted },
        ) => {
            **skill == **own
                && (**model == **wanted || (*is_prefix && wanted.starts_with(&**model)))
        }
        _ => false,
    }
}

fn forbids(resource: &Resource, request: &Request<'_>) -> bool {
    match (resource, request) {
        (Resource::Files { path, rights }, Request::File { path: root, right, is_tree: true }) => {
            let is_beneath = is_below(path.as_str(), &root.to_string(), '/');
            covers(resource, request) || (rights.has(*right) && is_beneath)
        }
        (
            Resource::Connect { hosts, ports, http },
            Request::Connect { host, port, http: wanted },
        ) => {
            let (pattern, host) = (hosts.to_string(), host.to_string());
            let is_host = match pattern.strip_prefix("*.") {
                None => pattern == "*" || pattern == host,
                Some(domain) => host == domain || host.ends_with(&format!(".{domain}")),
            };
            let is_http = match (http, wanted) {
                (Some(HttpRule { methods, path }), Some(wanted)) => {
                    (methods.is_empty() || methods.iter().any(|own| **own == *wanted.method))
                        && is_below(wanted.path, path.as_str(), '/')
                }
                _ => true,
            };
            is_host && (ports.first..=ports.last).contains(port) && is_http
        }
        (Resource::Connect { http: Some(_), .. }, Request::Reach(_)) => false,
        (Resource::Connect { .. }, Request::Reach(place)) => {
            let (host, port) = (&place.host, place.port);
            forbids(resource, &Request::Connect { host, port, http: None })
        }
        (Resource::Listen { ports, .. }, Request::Listen { address: Host::V4(address), port })
            if address.is_unspecified() =>
        {
            (ports.first..=ports.last).contains(port)
        }
        (Resource::Configure { key }, Request::Configure { key: wanted }) => {
            is_below(wanted, key, '.') || is_below(key, wanted, '.')
        }
        (Resource::Command(rule), Request::Command { program, arguments, .. }) => {
            let is_named = |word: &&str| rule.subcommands.iter().any(|named| **named == **word);
            rule.program.as_str() == program.to_string()
                && (rule.subcommands.is_empty()
                    || arguments.iter().any(is_named)
                    || arguments.first().is_some_and(|first| first.starts_with('-')))
        }
        _ => covers(resource, request),
    }
}

/// The more special, the larger: as the module says it, one number after the other.
fn special(resource: &Resource) -> Vec<usize> {
    let parts = |text: &str, separator| text.split(separator).filter(|it| !it.is_empty()).count();
    match resource {
        Resource::Files { path, .. } => Vec::from([parts(path.as_str(), '/')]),
        Resource::Command(rule) => Vec::from([usize::from(!rule.subcommands.is_empty())]),
        Resource::Connect { hosts, ports, http } => {
            let pattern = hosts.to_string();
            let labels = match pattern.strip_prefix('*') {
                None => usize::MAX,
                Some(suffix) => parts(suffix, '.'),
            };
            let path = http.as_ref().map_or(0, |http| 1 + parts(http.path.as_str(), '/'));
            let methods = http.as_ref().is_some_and(|http| !http.methods.is_empty());
            let width = usize::from(u16::MAX - (ports.last - ports.first));
            Vec::from([labels, path, width, usize::from(methods)])
        }
        Resource::Listen { ports, .. } => {
            Vec::from([usize::from(u16::MAX - (ports.last - ports.first))])
        }
        Resource::Skill { operations, .. } => Vec::from([usize::from(!operations.is_empty())]),
        Resource::Configure { key } => Vec::from([parts(key, '.')]),
        Resource::Persona => Vec::new(),
        Resource::Model { name, is_prefix } | Resource::Sampling { model: name, is_prefix, .. } => {
            Vec::from([name.len(), usize::from(!is_prefix)])
        }
    }
}

/// A grant about things that have much to do with each other.
pub(super) fn grant(u: &mut Unstructured<'_>) -> arbitrary::Result<Grant> {
    let resource = *u.choose(&[
        "read /",
        "read,write /a",
        "read,list /a",
        "write /a/b",
        "read,write,list /a/b",
        "list /ab",
        "read /a/b/c",
        "read,write /d",
        "run /bin/cat",
        "run /bin/cat -",
        "run /bin/x log",
        "run /bin/x log|push",
        "run /bin/x",
        "run /bin/x any paths",
        "connect *",
        "connect *:*",
        "connect * GET /v1",
        "connect *.a.example /v1/x",
        "connect *.a.example",
        "connect *.a.example:*",
        "connect a.example",
        "connect b.a.example GET",
        "connect b.a.example /v1",
        "connect b.a.example GET,POST /v1/x",
        "connect 127.0.0.1",
        "listen 127.0.0.1:80",
        "listen 0.0.0.0:80-90",
        "skill s",
        "skill s one",
        "skill s one|two",
        "skill st",
        "config a",
        "config a.b",
        "config a.b.c",
        "config ab",
        "persona",
        "model *",
        "model m*",
        "model m-1",
        "model m-*",
        "model * for s",
        "model m-* for s",
        "model m-1 for s",
        "model m* for st",
    ])?;
    let resource = resource.trim_end_matches(" -");
    let level = *u.choose(&["", "", "", " ask", " once", "deny "])?;
    let until = *u.choose(&["", "", "", " until 1970-01-01T00:00:02Z"])?;
    let uses = *u.choose(&["", "", "", " uses 1", " uses 3"])?;
    let text: String = match level {
        "deny " => format!("deny {resource}{until}"),
        level => format!("{resource}{level}{until}{uses}"),
    };
    Ok(text.parse().unwrap())
}

/// A request about the same things.
pub(super) fn with_request(
    u: &mut Unstructured<'_>,
    then: impl FnOnce(&Request<'_>),
) -> arbitrary::Result<()> {
    let path = *u.choose(&["/", "/a", "/a/b", "/a/b/c", "/a/b/c/d", "/ab", "/ab/c", "/d", "/e"])?;
    let path = PathRef::absolute(path).unwrap();
    match u.int_in_range(0..=9)? {
        0..=2 => {
            let right = *u.choose(&FileRight::ALL)?;
            then(&Request::File { path, right, is_tree: u.arbitrary()? });
        }
        3..=4 => {
            let program = PathRef::absolute(u.choose(&["/bin/cat", "/bin/x", "/bin/y"])?).unwrap();
            let directory = *u.choose(&["/", "/a", "/a/b", "/d"])?;
            let mut arguments = Vec::new();
            for _ in 0..u.int_in_range(0..=2)? {
                arguments.push(*u.choose(&["log", "push", "-x", "b", "/a/b", "/d/x", "--"])?);
            }
            then(&Request::Command { program, arguments: &arguments, directory });
        }
        5..=6 => {
            let hosts =
                ["a.example", "b.a.example", "c.b.a.example", "xa.example", "127.0.0.1", "[::1]"];
            let host = Host::parse(u.choose(&hosts)?).unwrap();
            let port = *u.choose(&[443, 80])?;
            let method = *u.choose(&["GET", "POST", "DELETE"])?;
            let path = *u.choose(&["/", "/v1", "/v1/x", "/v1/x/y", "/v10"])?;
            let http = u.arbitrary::<bool>()?.then_some(HttpRequest { method, path });
            if u.ratio(1, 4)? {
                then(&Request::Reach(&Destination { host: host.into_owned(), port }));
                return Ok(());
            }
            then(&Request::Connect { host: &host, port, http });
        }
        7 => {
            let address = Host::parse(u.choose(&["127.0.0.1", "0.0.0.0", "10.0.0.1"])?).unwrap();
            then(&Request::Listen { address: &address, port: *u.choose(&[80, 90, 91])? });
        }
        8 => {
            let name = *u.choose(&["s", "st", "x"])?;
            let operation = *u.choose(&["one", "two", "three"])?;
            then(&Request::Skill { name, operation });
        }
        _ => match u.int_in_range(0..=3)? {
            0 => then(&Request::Persona),
            3 => then(&Request::Sampling {
                skill: u.choose(&["s", "st", "x"])?,
                model: u.choose(&["m", "m-1", "m-2", "n"])?,
            }),
            1 => then(&Request::Configure {
                key: u.choose(&["a", "a.b", "a.b.c", "a.b.c.d", "a.bc", "ab", "b"])?,
            }),
            _ => then(&Request::Model { name: u.choose(&["m", "m-1", "m-2", "n", "m-", "x"])? }),
        },
    }
    Ok(())
}

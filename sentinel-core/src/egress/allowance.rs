//! What one call may reach.
//!
//! # Invariants
//! - A rule that forbids wins. What no grant covers is not allowed.
//! - A wildcard covers public names; an address, and a name that means this machine or a network of
//!   one's own, are covered by the grant that spells them out.
//!
//! # Not here
//! Which grants a call has, and the questions about them: they were answered, and their uses
//! counted, before the call began.

use core::fmt;
use core::net::IpAddr;

use super::refusal::Refusal;
use super::scope::Scope;
use crate::capability::{
    Grant, GrantError, Holder, HttpRequest, Level, Request, Resource, Table, Verdict,
};
use crate::time::Timestamp;
use crate::wire::url::Host;

/// What one call may reach.
#[derive(Clone, Debug, Default)]
pub struct Allowance {
    table: Table,
}

/// How a place may be talked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tunnel {
    /// With anything: the grant names this port and no other.
    Anything,
    /// With TLS, or with requests in the clear.
    Web,
    /// With the requests in the clear that are granted, each looked at.
    Requests,
}

/// Why a grant is of no use for an allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowanceError(GrantError);

impl fmt::Display for AllowanceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl core::error::Error for AllowanceError {}

impl Allowance {
    /// What these grants and rules that forbid allow, of which only those about connections count.
    /// The uses that the grants were made for, and questions, are the call's own matter.
    ///
    /// # Errors
    /// There are too many.
    pub fn new(
        grants: impl IntoIterator<Item = Grant>,
        now: Timestamp,
    ) -> Result<Self, AllowanceError> {
        let mut allowance = Self::default();
        for grant in grants {
            if !matches!(grant.resource, Resource::Connect { .. }) {
                continue;
            }
            let level = if grant.level == Level::Deny { Level::Deny } else { Level::Allow };
            let grant = Grant { level, uses: None, ..grant };
            match allowance.table.grant(grant, now) {
                // One that has ended meanwhile allows nothing.
                Ok(_) | Err(GrantError::Empty) => {}
                Err(error) => return Err(AllowanceError(error)),
            }
        }
        Ok(allowance)
    }

    /// Whether anything can be reached with it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.iter().all(|(_, _, grant)| grant.level == Level::Deny)
    }

    /// Whether a connection to a place may be made, and for what.
    ///
    /// # Errors
    /// Why not.
    pub fn tunnel(&self, host: &Host<'_>, port: u16, now: Timestamp) -> Result<Tunnel, Refusal> {
        let request = Request::Connect { host, port, http: None };
        match self.table.decide(Holder::AGENT, &request, now) {
            Verdict::Covered { handle, .. } => {
                let grant = self.table.find(handle);
                Ok(match grant.map(|grant| &grant.resource) {
                    Some(Resource::Connect { ports, .. }) if ports.first == ports.last => {
                        Tunnel::Anything
                    }
                    _ => Tunnel::Web,
                })
            }
            Verdict::Denied { .. } if self.forbids_all(host, port, now) => Err(Refusal::Forbidden),
            Verdict::Denied { .. } | Verdict::Uncovered if self.speaks_of(host, port, now) => {
                Ok(Tunnel::Requests)
            }
            Verdict::Denied { .. } => Err(Refusal::Forbidden),
            Verdict::Uncovered if host.address().is_some() => Err(Refusal::Literal),
            Verdict::Uncovered => Err(Refusal::NotGranted),
        }
    }

    /// Whether a request in the clear may be made.
    ///
    /// # Errors
    /// Why not.
    pub fn request(
        &self,
        host: &Host<'_>,
        port: u16,
        http: HttpRequest<'_>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let request = Request::Connect { host, port, http: Some(http) };
        match self.table.decide(Holder::AGENT, &request, now) {
            Verdict::Covered { .. } => Ok(()),
            Verdict::Denied { .. } => Err(Refusal::Forbidden),
            Verdict::Uncovered if self.speaks_of(host, port, now) => Err(Refusal::Request),
            Verdict::Uncovered if host.address().is_some() => Err(Refusal::Literal),
            Verdict::Uncovered => Err(Refusal::NotGranted),
        }
    }

    /// Whether a connection to a granted host may lead to an address: what its name opens, or what
    /// a grant spells out, and no rule forbids.
    #[must_use]
    pub fn leads_to(&self, host: &Host<'_>, port: u16, address: IpAddr, now: Timestamp) -> bool {
        let literal = match address {
            IpAddr::V4(address) => Host::V4(address),
            IpAddr::V6(address) => Host::V6(address),
        };
        let is_open = Scope::of(host).allows(address) || self.spells_out(&literal, port, now);
        is_open && !self.forbids_all(&literal, port, now)
    }

    /// Whether some grant names this address itself.
    fn spells_out(&self, address: &Host<'_>, port: u16, now: Timestamp) -> bool {
        // A wildcard covers names alone.
        self.speaks_of(address, port, now)
    }

    /// Whether some grant allows some request to a place.
    fn speaks_of(&self, host: &Host<'_>, port: u16, now: Timestamp) -> bool {
        self.connections(now).any(|grant| match &grant.resource {
            Resource::Connect { hosts, ports, .. } => {
                grant.level != Level::Deny && hosts.covers(host) && ports.covers(port)
            }
            _ => false,
        })
    }

    /// Whether some rule forbids every request to a place.
    fn forbids_all(&self, host: &Host<'_>, port: u16, now: Timestamp) -> bool {
        self.connections(now).any(|grant| match &grant.resource {
            Resource::Connect { hosts, ports, http: None } => {
                grant.level == Level::Deny && hosts.forbids(host) && ports.covers(port)
            }
            _ => false,
        })
    }

    fn connections(&self, now: Timestamp) -> impl Iterator<Item = &Grant> {
        let grants = self.table.iter().map(|(_, _, grant)| grant);
        grants.filter(move |grant| grant.until.is_none_or(|until| now < until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(0);

    fn allowance(grants: &[&str]) -> Allowance {
        Allowance::new(grants.iter().map(|grant| grant.parse().unwrap()), NOW).unwrap()
    }

    fn tunnel(grants: &[&str], place: &str) -> Result<Tunnel, Refusal> {
        let authority = crate::wire::url::Authority::parse(place).unwrap();
        allowance(grants).tunnel(&authority.host, authority.port.unwrap_or(443), NOW)
    }

    #[test]
    fn a_tunnel_needs_a_grant_of_the_whole_place() {
        for (grants, place, expected) in [
            (&["connect example.com"][..], "example.com", Ok(Tunnel::Anything)),
            (&["connect example.com"], "example.com:80", Err(Refusal::NotGranted)),
            (&["connect example.com"], "www.example.com", Err(Refusal::NotGranted)),
            (&["connect example.com:*"], "example.com", Ok(Tunnel::Web)),
            (&["connect *:80-443"], "example.com", Ok(Tunnel::Web)),
            (&["connect *"], "localhost", Err(Refusal::NotGranted)),
            (&["connect *"], "93.184.215.14", Err(Refusal::Literal)),
            (&["connect *:*"], "169.254.169.254", Err(Refusal::Literal)),
            (&["connect 10.0.0.1:22"], "10.0.0.1:22", Ok(Tunnel::Anything)),
            (&["connect *", "deny connect evil.com"], "evil.com", Err(Refusal::Forbidden)),
            (&["connect *", "deny connect *.evil.com"], "evil.com", Err(Refusal::Forbidden)),
            (&["connect example.com GET /v1"], "example.com", Ok(Tunnel::Requests)),
            (
                &["connect example.com:80", "deny connect example.com:80 POST /x"],
                "example.com:80",
                Ok(Tunnel::Requests),
            ),
            (&["deny connect example.com POST /x"], "example.com", Err(Refusal::Forbidden)),
            (&["read /srv"], "example.com", Err(Refusal::NotGranted)),
            // The question was answered and the use counted when the call began.
            (&["connect example.com ask uses 1"], "example.com", Ok(Tunnel::Anything)),
        ] {
            assert_eq!(tunnel(grants, place), expected, "{grants:?} {place}");
        }
    }

    #[test]
    fn requests_are_looked_at_one_by_one() {
        let allowance = allowance(&[
            "connect example.com:80 GET,HEAD /v1",
            "deny connect example.com:80 GET /v1/keys",
        ]);
        let host = Host::parse("example.com").unwrap();
        for (method, path, expected) in [
            ("GET", "/v1/a", Ok(())),
            ("HEAD", "/v1", Ok(())),
            ("POST", "/v1/a", Err(Refusal::Request)),
            ("GET", "/v10", Err(Refusal::Request)),
            ("GET", "/v1/keys/1", Err(Refusal::Forbidden)),
            ("GET", "/v1/keys;x", Err(Refusal::Forbidden)),
        ] {
            let http = HttpRequest { method, path };
            assert_eq!(allowance.request(&host, 80, http, NOW), expected, "{method} {path}");
        }
    }

    #[test]
    fn a_grant_ends_while_a_call_goes_on() {
        let allowance = allowance(&["connect example.com until 1970-01-02"]);
        let host = Host::parse("example.com").unwrap();
        assert_eq!(allowance.tunnel(&host, 443, NOW), Ok(Tunnel::Anything));
        let later = Timestamp(3 * 86_400_000);
        assert_eq!(allowance.tunnel(&host, 443, later), Err(Refusal::NotGranted));
    }

    #[test]
    fn a_name_leads_to_a_private_address_that_is_granted_itself() {
        let own = allowance(&["connect git.example.com", "connect 10.1.2.3:443"]);
        let host = Host::parse("git.example.com").unwrap();
        let leads_to = |allowance: &Allowance, port, address: &str| {
            allowance.leads_to(&host, port, address.parse().unwrap(), NOW)
        };
        assert!(leads_to(&own, 443, "10.1.2.3"));
        assert!(!leads_to(&own, 80, "10.1.2.3"));
        assert!(!leads_to(&own, 443, "10.1.2.4"));
        assert!(!leads_to(&own, 443, "127.0.0.1"));
        assert!(leads_to(&own, 443, "93.184.215.14"));
        let denied = allowance(&["connect git.example.com", "deny connect 93.184.215.14"]);
        assert!(!leads_to(&denied, 443, "93.184.215.14"));
    }
}

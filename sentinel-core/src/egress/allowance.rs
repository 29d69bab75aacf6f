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

use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::inspection::{Injection, Inspection};
use super::refusal::Refusal;
use super::scope::Scope;
use super::secret::SharedSecret;
use crate::capability::{
    Destination, Grant, GrantError, Holder, HostPattern, HttpRequest, Level, Request, Resource,
    Table, Verdict,
};
use crate::time::Timestamp;
use crate::wire::url::Host;

/// What one call may reach.
#[derive(Clone, Debug, Default)]
pub struct Allowance {
    table: Table,
    /// Nothing else is reached, whatever the grants cover.
    places: Option<Vec<Destination>>,
    /// Whether TLS is ended where grants speak of requests.
    inspects: bool,
    added: Vec<Added>,
}

/// What is added to requests, and the secret itself once somebody has handed it over.
#[derive(Clone)]
pub(super) struct Added {
    pub(super) injection: Injection,
    pub(super) secret: Option<SharedSecret>,
}

/// Not the secret.
impl fmt::Debug for Added {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Added").field(&self.injection.name()).finish()
    }
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
    /// The same, and TLS is ended here so that the requests in it are looked at too.
    Inspected,
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

    /// These places and no others: those that the call names.
    #[must_use]
    pub fn only(self, places: Vec<Destination>) -> Self {
        Self { places: Some(places), ..self }
    }

    /// The same where what is encrypted may be looked into.
    #[must_use]
    pub fn inspecting(self, inspection: Inspection) -> Self {
        let Inspection { is_on, injections } = inspection;
        let added = injections.into_iter().map(|injection| Added { injection, secret: None });
        Self { inspects: is_on, added: added.collect(), ..self }
    }

    /// Hands over the secrets that are added, each by its name. Without its secret no request goes
    /// where one is to be added.
    pub fn hand_over(&mut self, secret: impl Fn(&str) -> Option<SharedSecret>) {
        for added in &mut self.added {
            added.secret = secret(added.injection.name());
        }
    }

    /// The hosts of which TLS is ended here: those that a certificate is to be made for, and no
    /// others. None at all if nothing is looked into.
    #[must_use]
    pub fn inspected(&self, now: Timestamp) -> Vec<HostPattern> {
        let mut hosts = Vec::new();
        let mut note = |host: HostPattern| {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        };
        let is_inspected = |place: &Destination| {
            self.tunnel(&place.host, place.port, now) == Ok(Tunnel::Inspected)
        };
        let exact = |place: &Destination| HostPattern::Exact(place.host.clone());
        match &self.places {
            Some(places) => places.iter().filter(|it| is_inspected(it)).map(exact).for_each(note),
            None => {
                let named = self.added.iter().map(|added| added.injection.place());
                named.filter(|place| is_inspected(place)).map(exact).for_each(&mut note);
                let speaks = |grant: &Grant| {
                    matches!(&grant.resource, Resource::Connect { http: Some(_), .. })
                };
                let is_narrowed =
                    self.connections(now).any(|grant| grant.level == Level::Deny && speaks(grant));
                let granted = self.connections(now).filter(|grant| grant.level != Level::Deny);
                for grant in granted.filter(|grant| self.inspects && (is_narrowed || speaks(grant)))
                {
                    if let Resource::Connect { hosts, .. } = &grant.resource {
                        note(hosts.clone());
                    }
                }
            }
        }
        hosts
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
        match self.untouched_tunnel(host, port, now)? {
            Tunnel::Requests if self.inspects => Ok(Tunnel::Inspected),
            // What is added is added to requests, so these are all that there is.
            _ if self.inspects && self.added_at(host, port, true).next().is_some() => {
                Ok(Tunnel::Inspected)
            }
            tunnel => Ok(tunnel),
        }
    }

    /// What is added to requests for a place; only what may go in the clear, if they do.
    pub(super) fn added_at<'a>(
        &'a self,
        host: &'a Host<'_>,
        port: u16,
        is_tls: bool,
    ) -> impl Iterator<Item = &'a Added> {
        self.added.iter().filter(move |Added { injection, .. }| {
            let place = injection.place();
            place.host == *host && place.port == port && (is_tls || injection.is_in_clear)
        })
    }

    /// Whether of a place that is granted some requests are not.
    pub(super) fn is_narrow(&self, host: &Host<'_>, port: u16, now: Timestamp) -> bool {
        self.untouched_tunnel(host, port, now) == Ok(Tunnel::Requests)
    }

    /// The same where nothing is added and TLS is left alone.
    fn untouched_tunnel(
        &self,
        host: &Host<'_>,
        port: u16,
        now: Timestamp,
    ) -> Result<Tunnel, Refusal> {
        self.check_named(host, port)?;
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
        self.check_named(host, port)?;
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
        let is_open =
            Scope::of(host).allows(address) || self.spells_out(&literal(address), port, now);
        is_open && !self.forbids(address, port, now)
    }

    /// Whether a rule forbids connections to an address, whatever name leads there.
    #[must_use]
    pub fn forbids(&self, address: IpAddr, port: u16, now: Timestamp) -> bool {
        spellings(address).into_iter().any(|address| self.forbids_all(&address, port, now))
    }

    /// Refuses what the call does not name. What is granted besides is no secret: the call may
    /// name it.
    fn check_named(&self, host: &Host<'_>, port: u16) -> Result<(), Refusal> {
        let is_named = |place: &Destination| place.host == *host && place.port == port;
        match &self.places {
            Some(places) if !places.iter().any(is_named) => Err(Refusal::NotNamed),
            _ => Ok(()),
        }
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

const fn literal(address: IpAddr) -> Host<'static> {
    match address {
        IpAddr::V4(address) => Host::V4(address),
        IpAddr::V6(address) => Host::V6(address),
    }
}

/// An address in every spelling that leads to the same host: an IPv4 address has one as IPv6 that
/// the system connects to it for (RFC 4291 §2.5.5.2), and one that a translator does (RFC 6052).
fn spellings(address: IpAddr) -> [Host<'static>; 3] {
    let carried = match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(address) => match address.segments() {
            [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
                let [.., a, b, c, d] = address.octets();
                Some(Ipv4Addr::new(a, b, c, d))
            }
            _ => None,
        },
    };
    let Some(carried) = carried else { return [(); 3].map(|()| literal(address)) };
    let [a, b, c, d] = carried.octets().map(u16::from);
    let (high, low) = (a << 8 | b, c << 8 | d);
    [
        Host::V4(carried),
        Host::V6(carried.to_ipv6_mapped()),
        Host::V6(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low)),
    ]
}

#[cfg(test)]
mod tests {
    use alloc::format;

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
    fn of_what_is_granted_a_call_reaches_what_it_names() {
        let places = ["a.example", "b.example:80"].map(|place| Destination::parse(place).unwrap());
        let grants = ["connect *", "connect b.example:1-99 GET /v1", "deny connect c.example"];
        let allowance = allowance(&grants).only(places.into());
        for (place, expected) in [
            ("a.example", Ok(Tunnel::Anything)),
            ("a.example:80", Err(Refusal::NotNamed)),
            ("b.example", Err(Refusal::NotNamed)),
            ("b.example:80", Ok(Tunnel::Requests)),
            ("c.example", Err(Refusal::NotNamed)),
            ("www.a.example", Err(Refusal::NotNamed)),
        ] {
            let place = Destination::parse(place).unwrap();
            assert_eq!(allowance.tunnel(&place.host, place.port, NOW), expected, "{place}");
        }
        let http = HttpRequest { method: "GET", path: "/v1/x" };
        let request =
            |host: &str, port| allowance.request(&Host::parse(host).unwrap(), port, http, NOW);
        assert_eq!(request("b.example", 80), Ok(()));
        assert_eq!(request("b.example", 81), Err(Refusal::NotNamed));
    }

    /// Goal: no call is let out to more than its grants say and it names. Method: random grants,
    /// places and requests; whatever the allowance of a call lets through, the table that the call
    /// was decided by covers, and the call names it.
    #[test]
    fn nothing_is_reached_that_was_not_decided() {
        const HOSTS: [&str; 5] = ["a.example", "b.a.example", "x.test", "localhost", "10.0.0.1"];
        let mut reached = [0_u64; 2];
        let mut check = |u: &mut arbitrary::Unstructured<'_>| -> arbitrary::Result<()> {
            let mut table = Table::default();
            let count = u.int_in_range(1..=5)?;
            for _ in 0..count {
                let host = u.choose(&["a.example", "*.example", "*", "localhost", "10.0.0.1"])?;
                let port = u.choose(&["", ":80", ":*", ":80-443"])?;
                let http = u.choose(&["", "", " GET", " GET,POST /v1", " /v1/x"])?;
                let level = u.choose(&["", "", "ask", "once", "deny"])?;
                let text = match *level {
                    "deny" => std::format!("deny connect {host}{port}{http}"),
                    level => std::format!("connect {host}{port}{http} {level}"),
                };
                let _ = table.grant(text.parse().unwrap(), NOW);
            }
            let mut places = Vec::new();
            for _ in 0..u.int_in_range(1..=2)? {
                let (host, port) = (u.choose(&HOSTS)?, u.choose(&["", ":80", ":81"])?);
                places.push(Destination::parse(&std::format!("{host}{port}")).unwrap());
            }
            let requests: Vec<_> = places.iter().map(Request::Reach).collect();
            let (verdict, handles) = table.decide_all(Holder::AGENT, &requests, NOW);
            if !matches!(verdict, Verdict::Covered { .. }) {
                return Ok(());
            }
            let used = handles.iter().filter_map(|handle| table.find(*handle));
            let denials = table.iter().map(|(.., grant)| grant);
            let denials = denials.filter(|grant| grant.level == Level::Deny);
            let allowance = Allowance::new(used.chain(denials).cloned(), NOW).unwrap();
            let allowance = allowance.only(places.clone());
            let host = Host::parse(u.choose(&HOSTS)?).unwrap();
            let (host, port) = (&host, *u.choose(&[443, 80, 81])?);
            let method = *u.choose(&["GET", "POST", "PUT"])?;
            let http = HttpRequest { method, path: u.choose(&["/", "/v1", "/v1/x", "/v2"])? };
            let is_named = places.iter().any(|it| it.host == *host && it.port == port);
            let covers = |http| {
                let request = Request::Connect { host, port, http };
                matches!(table.decide(Holder::AGENT, &request, NOW), Verdict::Covered { .. })
            };
            if matches!(allowance.tunnel(host, port, NOW), Ok(Tunnel::Anything | Tunnel::Web)) {
                reached[0] += 1;
                assert!(is_named && covers(None), "{handles:?} {host}:{port}");
            }
            if allowance.request(host, port, http, NOW).is_ok() {
                reached[1] += 1;
                assert!(is_named && covers(Some(http)), "{handles:?} {http:?} {host}:{port}");
            }
            Ok(())
        };
        let mut state = 1_u64;
        for _ in 0..5000 {
            let bytes: Vec<u8> = (0..64)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    state.to_be_bytes()[0]
                })
                .collect();
            // Where the bytes end, the first of each list is taken.
            let _ = check(&mut arbitrary::Unstructured::new(&bytes));
        }
        assert!(reached.iter().all(|count| *count > 0), "{reached:?}");
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
        // As it is asked where no allowance says what is granted.
        let rules = allowance(&["deny connect 93.184.215.14:443", "deny connect a.example GET /x"]);
        let forbids = |port, address: &str| rules.forbids(address.parse().unwrap(), port, NOW);
        assert!(forbids(443, "93.184.215.14") && !forbids(80, "93.184.215.14"));
        assert!(!forbids(443, "93.184.215.15") && !forbids(443, "2001:db8::1"));
        // However the address is written down, by the rule or by whoever resolves a name to it.
        let spellings = ["10.0.0.7", "::ffff:10.0.0.7", "64:ff9b::a00:7"];
        for (place, denied) in spellings.iter().enumerate() {
            let bracketed = if place == 0 { "10.0.0.7".into() } else { format!("[{denied}]") };
            let rules = allowance(&[&format!("deny connect {bracketed}")]);
            for address in spellings {
                assert!(rules.forbids(address.parse().unwrap(), 443, NOW), "{denied} {address}");
            }
            assert!(!rules.forbids("10.0.0.8".parse().unwrap(), 443, NOW));
            assert!(!rules.forbids("::ffff:10.0.0.8".parse().unwrap(), 443, NOW));
        }
    }
}

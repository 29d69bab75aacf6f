//! Where a connection leads, and whether it may lead there.

use std::net::IpAddr;
use std::sync::Arc;

use sentinel_core::egress::{Allowance, Goal, Scope};
use sentinel_core::time::Timestamp;
use sentinel_core::wire::url::{Reach as AddressReach, Scheme, Url, classify};
use zeroize::Zeroizing;

use super::failure::{Broken, FailureKind};
use super::proxy::Proxy;
use super::request::Reach;

/// What connections can be used for one another's exchanges: those to the same place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) is_tls: bool,
    /// Whom the exchange is with; the proxy itself where that reads the requests.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_proxied: bool,
}

/// The way to what a URL names.
pub(super) struct Route {
    pub(super) place: Place,
    /// Name or address, and port, of whom to connect to first.
    pub(super) host: String,
    pub(super) port: u16,
    /// What CONNECT is to ask the proxy for.
    pub(super) tunnel: Option<String>,
    /// Who we are to the proxy, if there is one that asks.
    pub(super) credentials: Option<Zeroizing<String>>,
    reach: Reach,
    /// Whether the URL has an address and not a name.
    is_literal: bool,
    /// For whom it is, who says itself which addresses it may lead to.
    goal: Option<(Goal, Timestamp)>,
    /// Rules that forbid addresses besides.
    forbidden: Option<(Arc<Allowance>, Timestamp)>,
}

impl Route {
    /// The way to `url`. Through a proxy nobody here sees the address, so there the name alone is
    /// looked at, and what the proxy may reach is its operator's to say.
    pub(super) fn new(url: &Url, reach: Reach, proxy: Option<&Proxy>) -> Result<Self, Broken> {
        let is_tls = url.scheme() == Scheme::Https;
        let proxy = proxy.filter(|proxy| proxy.is_for(url));
        let (host, port) = (host_of(url), url.port());
        let is_literal = url.host().address().is_some();
        let Some(proxy) = proxy else {
            let place = Place { is_tls, host: host.clone(), port, is_proxied: false };
            let (tunnel, credentials) = (None, None);
            let (goal, forbidden) = (None, None);
            return Ok(Self {
                place,
                host,
                port,
                tunnel,
                credentials,
                reach,
                is_literal,
                goal,
                forbidden,
            });
        };
        if let Some(found) = url.host().reach().filter(|found| !found.is_public())
            && !scope(reach, is_literal).allows_reach(found)
        {
            return Err(refusal(&host, found));
        }
        let (proxy_host, proxy_port) = (host_of(proxy.url()), proxy.url().port());
        let place = match is_tls {
            true => Place { is_tls, host, port, is_proxied: true },
            false => Place { is_tls, host: proxy_host.clone(), port: proxy_port, is_proxied: true },
        };
        Ok(Self {
            place,
            host: proxy_host,
            port: proxy_port,
            // CONNECT wants the port always (RFC 9110 §9.3.6).
            tunnel: is_tls.then(|| format!("{}:{port}", url.host())),
            credentials: proxy.credentials().map(|value| Zeroizing::new(value.to_string())),
            // The operator named it.
            reach: Reach::Named,
            is_literal: proxy.url().host().address().is_some(),
            goal: None,
            forbidden: None,
        })
    }

    /// The same where these rules forbid addresses. Where a proxy resolves the name, nobody here
    /// sees one, and the rules about names were asked before.
    pub(super) fn forbidding(self, forbidden: Option<(Arc<Allowance>, Timestamp)>) -> Self {
        let forbidden = forbidden.filter(|_| self.tunnel.is_none() && !self.place.is_proxied);
        Self { forbidden, ..self }
    }

    /// The way for somebody else: to the goal itself, to where a proxy makes a tunnel, or to the
    /// proxy, which reads the requests. What the goal may not lead to is not connected to; where a
    /// proxy resolves the name, that is its operator's to say.
    pub(super) fn of_goal(
        goal: &Goal,
        url: &Url,
        now: Timestamp,
        proxy: Option<&Proxy>,
    ) -> Result<Self, Broken> {
        let mut route = Self::new(url, Reach::Named, proxy)?;
        if !route.place.is_proxied {
            route.goal = Some((goal.clone(), now));
        }
        Ok(route)
    }

    /// Whether this exchange may use a connection to `address`.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), Broken> {
        if let Some((rules, now)) = &self.forbidden
            && rules.forbids(address, self.port, *now)
        {
            let text = format!(
                "{} leads to {address}, which a rule forbids: 'sentinel grants' shows it",
                self.host
            );
            return Err(Broken::new(FailureKind::Refused, text));
        }
        let found = classify(address);
        let is_allowed = match &self.goal {
            Some((goal, now)) => goal.leads_to(address, *now),
            None => scope(self.reach, self.is_literal).allows(address),
        };
        match is_allowed {
            true => Ok(()),
            false => Err(refusal(&format!("{} ({address})", self.host), found)),
        }
    }
}

const fn scope(reach: Reach, is_literal: bool) -> Scope {
    match reach {
        Reach::Public => Scope::Public,
        Reach::Named if is_literal => Scope::Literal,
        // What a name leads to is its server's to say, so a name opens less than an address.
        Reach::Named => Scope::Named,
    }
}

fn refusal(what: &str, found: AddressReach) -> Broken {
    let text = format!(
        "{what} is {found} and not on the public internet: what asked may not go there; the \
         operator can name it in a grant or in the configuration"
    );
    Broken::new(FailureKind::Refused, text)
}

fn host_of(url: &Url) -> String {
    let host = url.host();
    match host.address() {
        Some(address) => address.to_string(),
        None => host.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(url: &str, reach: Reach, proxy: Option<&str>) -> Result<Route, Broken> {
        let proxy = proxy.map(|text| Proxy::parse(text).unwrap());
        Route::new(&Url::parse(url).unwrap(), reach, proxy.as_ref())
    }

    fn is_open(url: &str, reach: Reach, address: &str) -> bool {
        route(url, reach, None).unwrap().check(address.parse().unwrap()).is_ok()
    }

    #[test]
    fn the_address_decides_whatever_the_name_was() {
        for address in
            ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "0.0.0.0"]
        {
            assert!(!is_open("https://example.com/", Reach::Public, address), "{address}");
        }
        assert!(is_open("https://example.com/", Reach::Public, "93.184.215.14"));
        assert!(is_open("http://ollama.lan/", Reach::Named, "192.168.1.7"));
        assert!(!is_open("http://ollama.lan/", Reach::Named, "169.254.169.254"));
        assert!(is_open("http://169.254.169.254/", Reach::Named, "169.254.169.254"));
    }

    #[test]
    fn a_proxy_is_the_operators_and_what_it_is_asked_for_is_not() {
        let through = Some("http://10.0.0.1:3128");
        let route_to = |url| route(url, Reach::Public, through);
        let tunnel = route_to("https://example.com/").unwrap();
        assert_eq!(tunnel.tunnel.as_deref(), Some("example.com:443"));
        assert_eq!((&*tunnel.host, tunnel.port), ("10.0.0.1", 3128));
        assert!(tunnel.check("10.0.0.1".parse().unwrap()).is_ok());
        let plain = route_to("http://example.com/").unwrap();
        assert_eq!((plain.tunnel, &*plain.place.host), (None, "10.0.0.1"));
        for url in ["https://10.0.0.2/", "http://metadata.google.internal/", "https://box.lan/"] {
            let refused = route_to(url).err().map(|broken| broken.kind);
            assert_eq!(refused, Some(FailureKind::Refused), "{url}");
        }
    }
}

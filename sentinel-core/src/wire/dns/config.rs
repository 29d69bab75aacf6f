//! Whom to ask, and how: `resolv.conf`.
//!
//! # Invariants
//! - Every value is within the bounds of [`crate::limits`], however large the file says it is.
//! - There is always a server: without any in the file, the one on this machine, as for everybody.
//!
//! # Not here
//! Reading the file, and seeing that it changed. `LOCALDOMAIN` and `RES_OPTIONS` are not read:
//! what an agent connects to should not depend on who started it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;

use super::lines::{self, ProblemKind, Problems};
use super::name::Name;
use crate::limits::{
    DNS_ATTEMPTS_MAX, DNS_CONFIG_BYTES_MAX, DNS_SEARCH_COUNT_MAX, DNS_SERVERS_COUNT_MAX,
    DNS_TIMEOUT_MAX,
};

/// How names are resolved.
///
/// ```
/// use sentinel_core::wire::dns::Config;
///
/// let file = b"nameserver 192.0.2.53\nsearch example.com\noptions ndots:2 use-vc\nwhat is this";
/// let (config, problems) = Config::parse(file);
/// assert_eq!(config.servers[0].to_string(), "192.0.2.53");
/// assert!(config.uses_tcp && config.ndots == 2);
/// assert_eq!(problems.list()[0].to_string(), "line 4: unknown keyword; the line is passed over");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Servers in the order they are asked.
    pub servers: Vec<Server>,
    /// Domains that a short name may be in, in order.
    pub search: Vec<Name>,
    /// Names with at least so many dots are asked for as they are before they are searched.
    pub ndots: u8,
    /// How long one query may take in the first round; it doubles with each further one.
    pub timeout: Duration,
    /// Rounds through all servers, at least one.
    pub attempts: u8,
    /// Whether each resolution begins with another server.
    pub rotates: bool,
    /// Whether to ask on connections only.
    pub uses_tcp: bool,
    /// Whether IPv6 addresses are asked for.
    pub has_ipv6: bool,
    /// Whether names are asked for in random letters, which answers must repeat.
    pub has_casing: bool,
}

/// A server to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its address.
    pub address: IpAddr,
    /// Its port, which is 53 for every server of `resolv.conf`.
    pub port: u16,
    /// The interface that a link-local address is on: a name or a number, as it was written.
    pub zone: Option<Box<str>>,
}

impl Config {
    /// Reads what a file says, and what of it was not understood. Nothing fails as a whole: the
    /// values of an empty file are those of the C library.
    #[must_use]
    pub fn parse(file: &[u8]) -> (Self, Problems) {
        let mut config = Self { servers: Vec::new(), ..Self::default() };
        let mut problems = Problems::default();
        let (lines, stop) = lines::numbered(file, DNS_CONFIG_BYTES_MAX);
        for (number, line) in lines {
            let mut words = lines::words(line, b"#;");
            let Some(keyword) = words.next() else { continue };
            match keyword {
                b"nameserver" => match words.next().map(Server::read) {
                    Some(Some(server)) if config.servers.len() < DNS_SERVERS_COUNT_MAX => {
                        config.servers.push(server);
                    }
                    Some(Some(_)) => problems.note(number, ProblemKind::TooManyServers),
                    Some(None) => problems.note(number, ProblemKind::Address),
                    None => problems.note(number, ProblemKind::Missing),
                },
                // The last line of either kind counts.
                b"domain" | b"search" => {
                    let is_one = keyword == b"domain";
                    let names = words.take(if is_one { 1 } else { usize::MAX });
                    config.read_search(number, names, &mut problems);
                }
                b"options" => words.for_each(|word| {
                    if !config.read_option(word) {
                        problems.note(number, ProblemKind::Option);
                    }
                }),
                // Orders addresses by network; RFC 6724 has better rules.
                b"sortlist" => {}
                _ => problems.note(number, ProblemKind::Keyword),
            }
        }
        if let Some(line) = stop {
            problems.note(line, ProblemKind::TooLong);
        }
        if config.servers.is_empty() {
            config.servers = Self::default().servers;
        }
        (config, problems)
    }

    fn read_search<'a>(
        &mut self,
        number: u32,
        words: impl Iterator<Item = &'a [u8]>,
        problems: &mut Problems,
    ) {
        let mut search = Vec::new();
        let mut is_empty = true;
        for word in words {
            is_empty = false;
            match lines::ascii(word).map(Name::parse) {
                // The root says "nowhere else", which is what an empty list says.
                Some(Ok(Name::ROOT)) => {}
                Some(Ok(_)) if search.len() >= DNS_SEARCH_COUNT_MAX => {
                    problems.note(number, ProblemKind::TooManyDomains);
                    break;
                }
                Some(Ok(name)) if search.contains(&name) => {}
                Some(Ok(name)) => search.push(name),
                _ => problems.note(number, ProblemKind::Name),
            }
        }
        if is_empty {
            problems.note(number, ProblemKind::Missing);
        } else {
            self.search = search;
        }
    }

    /// Whether the option is known.
    fn read_option(&mut self, word: &[u8]) -> bool {
        let Some(word) = lines::ascii(word) else { return false };
        if let Some((name, number)) = word.split_once(':') {
            // The C library reads more than fits as the most that fits, and so do we.
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            let number = if is_number { number.parse().unwrap_or(u8::MAX) } else { return false };
            match name {
                "ndots" => self.ndots = number.min(NDOTS_MAX),
                "attempts" => self.attempts = number.clamp(1, DNS_ATTEMPTS_MAX),
                "timeout" => {
                    self.timeout = Duration::from_secs(number.max(1).into()).min(DNS_TIMEOUT_MAX);
                }
                _ => return false,
            }
            return true;
        }
        match word {
            "rotate" => self.rotates = true,
            "use-vc" => self.uses_tcp = true,
            "no-aaaa" => self.has_ipv6 = false,
            // What these ask for is done always, or never, or has no meaning here.
            "edns0"
            | "single-request"
            | "single-request-reopen"
            | "trust-ad"
            | "no-reload"
            | "no-check-names"
            | "no-tld-query"
            | "inet6"
            | "ip6-bytestring"
            | "ip6-dotint"
            | "no-ip6-dotint"
            | "debug" => {}
            _ => return false,
        }
        true
    }
}

impl Default for Config {
    /// What holds without a file: the server on this machine, two rounds of five seconds.
    fn default() -> Self {
        Self {
            servers: Vec::from([Server::new(IpAddr::V4(Ipv4Addr::LOCALHOST))]),
            search: Vec::new(),
            ndots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
            rotates: false,
            uses_tcp: false,
            has_ipv6: true,
            has_casing: true,
        }
    }
}

impl Server {
    /// A server at the port of DNS.
    #[must_use]
    pub const fn new(address: IpAddr) -> Self {
        Self { address, port: PORT, zone: None }
    }

    /// Address and port. The zone of a link-local address is for the shell to add.
    #[must_use]
    pub const fn socket(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }

    fn read(word: &[u8]) -> Option<Self> {
        let text = lines::ascii(word)?;
        if let Some((address, zone)) = text.split_once('%') {
            let is_zone = !zone.is_empty() && zone.len() <= ZONE_BYTES_MAX;
            let address = address.parse().ok().map(IpAddr::V6).filter(|_| is_zone)?;
            return Some(Self { zone: Some(zone.into()), ..Self::new(address) });
        }
        text.parse().ok().map(Self::new)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.address)?;
        if let Some(zone) = &self.zone {
            write!(formatter, "%{zone}")?;
        }
        if self.port != PORT {
            write!(formatter, " port {}", self.port)?;
        }
        Ok(())
    }
}

const PORT: u16 = 53;
/// The bound of the C library.
const NDOTS_MAX: u8 = 15;
/// The name of an interface of Linux has 15.
const ZONE_BYTES_MAX: usize = 15;

#[cfg(test)]
mod tests {
    use std::string::{String, ToString};

    use super::*;

    fn parse(file: &str) -> (Config, Vec<String>) {
        let (config, problems) = Config::parse(file.as_bytes());
        assert_eq!(problems.count(), problems.list().len());
        (config, problems.list().iter().map(ToString::to_string).collect())
    }

    fn names(config: &Config) -> Vec<String> {
        config.search.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_empty_file_says_what_the_library_says() {
        for file in ["", "\n\n", "# nameserver 192.0.2.1\n; search a\n   \t\n"] {
            assert_eq!(parse(file), (Config::default(), Vec::new()), "{file}");
        }
        assert_eq!(Config::default().servers[0].socket().to_string(), "127.0.0.1:53");
    }

    #[test]
    fn files_as_they_are_found() {
        let (config, problems) = parse(
            "# Generated by NetworkManager\r\nsearch corp.example.com Example.com.\r\n\
             nameserver 192.0.2.1 # the router\n\tnameserver\tfe80::1%eth0\n\
             nameserver 2001:db8::53\noptions edns0 trust-ad timeout:2 attempts:3 rotate\n",
        );
        assert_eq!(problems, [""; 0]);
        let servers: Vec<_> = config.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.1", "fe80::1%eth0", "2001:db8::53"]);
        assert_eq!(names(&config), ["corp.example.com", "example.com"]);
        assert_eq!(config.timeout, Duration::from_secs(2));
        assert!(config.attempts == 3 && config.rotates && !config.uses_tcp);
    }

    #[test]
    fn the_last_domain_or_search_counts() {
        assert_eq!(names(&parse("domain a.b c.d\n").0), ["a.b"]);
        assert_eq!(names(&parse("domain a.b\nsearch c.d e.f\n").0), ["c.d", "e.f"]);
        assert_eq!(names(&parse("search c.d\ndomain a.b\n").0), ["a.b"]);
        assert_eq!(names(&parse("search a.b\nsearch .\n").0), [""; 0]);
        assert_eq!(names(&parse("search a.b a.B ;c.d\n").0), ["a.b"]);
    }

    #[test]
    fn numbers_stay_within_bounds() {
        let (config, problems) = parse("options ndots:99 timeout:99999 attempts:0\n");
        assert_eq!(problems, [""; 0]);
        assert_eq!((config.ndots, config.attempts), (15, 1));
        assert_eq!(config.timeout, DNS_TIMEOUT_MAX);
        assert_eq!(parse("options timeout:0\n").0.timeout, Duration::from_secs(1));
        assert!(!parse("options no-aaaa\n").0.has_ipv6);
        assert!(parse("options use-vc\n").0.uses_tcp);
    }

    #[test]
    fn bad_lines_are_told_and_passed_over() {
        let (config, problems) = parse(
            "nameserver\nnameserver one\nnameserver 192.0.2.1%eth0\nnameserver ::1%\n\
             nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n\
             nameserver 192.0.2.4\nsearch\nsearch a b_c ü\nfoo\noptions ndots:x ndots: x:1 y\n",
        );
        assert_eq!(config.servers.len(), 3);
        assert_eq!(names(&config), ["a", "b_c"]);
        let expected = [
            "line 1: nothing stands after the keyword",
            "line 2: not an IPv4 or IPv6 address; the line is passed over",
            "line 3: not an IPv4 or IPv6 address; the line is passed over",
            "line 4: not an IPv4 or IPv6 address; the line is passed over",
            "line 8: only the first three servers are asked",
            "line 9: nothing stands after the keyword",
            "line 10: not a host name; it is passed over",
            "line 11: unknown keyword; the line is passed over",
            "line 12: unknown option; it is passed over",
            "line 12: unknown option; it is passed over",
            "line 12: unknown option; it is passed over",
            "line 12: unknown option; it is passed over",
        ];
        assert_eq!(problems, expected);
    }

    #[test]
    fn a_file_without_end_is_read_in_part() {
        let mut file = String::from("nameserver 192.0.2.1\n");
        while file.len() < 2 * DNS_CONFIG_BYTES_MAX {
            file.push_str("nonsense\n");
        }
        file.push_str("nameserver 192.0.2.2\n");
        let (config, problems) = Config::parse(file.as_bytes());
        assert_eq!(config.servers.len(), 1);
        assert_eq!(problems.list().len(), 16);
        assert_eq!(problems.count(), (DNS_CONFIG_BYTES_MAX - 21) / 9 + 1);
        let one_line = [b'x'; DNS_CONFIG_BYTES_MAX + 1];
        let (_, problems) = Config::parse(&one_line);
        assert_eq!(problems.list()[0].kind, ProblemKind::TooLong);
        let domains: String = (0..40).map(|index| std::format!(" d{index}")).collect();
        let (config, problems) = parse(&std::format!("search{domains}\n"));
        assert_eq!((config.search.len(), problems.len()), (DNS_SEARCH_COUNT_MAX, 1));
    }

    #[test]
    fn no_file_panics() {
        arbtest::arbtest(|u| {
            let words = ["nameserver", "search", "options", "ndots:", "::1", "%", "\n", " ", "."];
            let mut file = Vec::new();
            while !u.is_empty() && file.len() < 4096 {
                match u.int_in_range(0..=3)? {
                    0 => file.push(u.arbitrary()?),
                    _ => file.extend_from_slice(u.choose(&words)?.as_bytes()),
                }
            }
            let (config, _) = Config::parse(&file);
            assert!((1..=DNS_SERVERS_COUNT_MAX).contains(&config.servers.len()));
            assert!(config.attempts >= 1 && config.timeout <= DNS_TIMEOUT_MAX);
            Ok(())
        });
    }
}

//! Which addresses a name may lead to.
//!
//! What a name resolves to is for its server to say, and the server of a granted name may be an
//! enemy's: first it answers with a public address, then with one of this machine. So an address is
//! judged by itself, after the name was resolved and for every connection.
//!
//! # Invariants
//! - A metadata service, a group of machines and what is no address at all are reached by nobody
//!   who did not name that address.
//!
//! # Not here
//! What an address is: [`classify`](crate::wire::url::classify).

use core::net::IpAddr;

use crate::wire::url::{Host, Reach, classify};

/// Which addresses a connection may lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The public internet alone.
    Public,
    /// This machine, and no other: for names that mean it.
    Loopback,
    /// The public internet and networks of one's own, but not this machine: for names that are
    /// private by convention.
    Local,
    /// Whatever a name may lead to that an operator wrote down: this machine and its networks too.
    Named,
    /// The address itself was named.
    Literal,
}

impl Scope {
    /// What a granted host may lead to, as far as its text tells.
    #[must_use]
    pub fn of(host: &Host<'_>) -> Self {
        match (host, host.reach()) {
            (Host::V4(_) | Host::V6(_), _) => Self::Literal,
            (Host::Name(_), None | Some(Reach::Public)) => Self::Public,
            (Host::Name(_), Some(Reach::Loopback)) => Self::Loopback,
            (Host::Name(_), Some(_)) => Self::Local,
        }
    }

    /// Whether it holds an address.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        self.allows_reach(classify(address))
    }

    /// Whether it holds what an address or a name reaches.
    #[must_use]
    pub const fn allows_reach(self, reach: Reach) -> bool {
        match self {
            Self::Literal => true,
            Self::Public => reach.is_public(),
            Self::Loopback => matches!(reach, Reach::Loopback),
            Self::Local => matches!(
                reach,
                Reach::Public
                    | Reach::Private
                    | Reach::UniqueLocal
                    | Reach::LinkLocal
                    | Reach::SharedCgn
                    | Reach::Benchmark
            ),
            Self::Named => !matches!(
                reach,
                Reach::Metadata | Reach::Unspecified | Reach::Multicast | Reach::Broadcast
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(host: &str) -> Scope {
        Scope::of(&Host::parse(host).unwrap())
    }

    #[test]
    fn a_name_opens_what_it_means_and_no_more() {
        for (host, expected) in [
            ("example.com", Scope::Public),
            ("localhost", Scope::Loopback),
            ("printer.local", Scope::Local),
            ("git.corp", Scope::Local),
            ("box", Scope::Local),
            ("metadata.google.internal", Scope::Local),
            ("10.0.0.1", Scope::Literal),
            ("[::1]", Scope::Literal),
        ] {
            assert_eq!(scope(host), expected, "{host}");
        }
    }

    #[test]
    fn every_scope_keeps_its_border() {
        for (address, public, loopback, local, named) in [
            ("93.184.215.14", true, false, true, true),
            ("10.0.0.1", false, false, true, true),
            ("127.0.0.1", false, true, false, true),
            ("::1", false, true, false, true),
            ("::ffff:127.0.0.1", false, true, false, true),
            ("::ffff:10.0.0.1", false, false, true, true),
            ("fe80::1", false, false, true, true),
            ("fd00::1", false, false, true, true),
            ("100.64.0.1", false, false, true, true),
            ("169.254.169.254", false, false, false, false),
            ("fd00:ec2::254", false, false, false, false),
            ("64:ff9b::169.254.169.254", false, false, false, false),
            ("0.0.0.0", false, false, false, false),
            ("::", false, false, false, false),
            ("224.0.0.1", false, false, false, false),
            ("ff02::1", false, false, false, false),
            ("255.255.255.255", false, false, false, false),
        ] {
            let parsed: IpAddr = address.parse().unwrap();
            let found = [Scope::Public, Scope::Loopback, Scope::Local, Scope::Named]
                .map(|scope| scope.allows(parsed));
            assert_eq!(found, [public, loopback, local, named], "{address}");
            assert!(Scope::Literal.allows(parsed));
        }
    }
}

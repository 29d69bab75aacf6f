//! What an IP address reaches: one answer for every address before a connection to it.
//!
//! A name says nothing about where it leads, so the answer is asked for every address a name
//! resolved to, and the connection goes to the address that was asked about and to no other. The
//! tables are IANA's special-purpose address registries for IPv4 and IPv6, with the metadata
//! services of clouds added, which look like any other address and hand out credentials.
//!
//! # Invariants
//! - Only global unicast is [`Reach::Public`]. What no table knows is [`Reach::Reserved`].
//! - An IPv6 address that carries an IPv4 address is never less guarded than what it carries.
//!
//! # Not here
//! Which reach is granted: that is policy. A NAT64 prefix an operator took from its own space looks
//! like any public address (RFC 6052 §2.2); only the operator's own resolver can tell.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address reaches, from the least to the most guarded, so that of two answers the greater
/// one is the careful one.
///
/// ```
/// use sentinel_core::wire::url::{Reach, classify};
///
/// let reach = |text: &str| classify(text.parse().unwrap());
/// assert!(reach("93.184.215.14").is_public());
/// assert_eq!(reach("::ffff:10.0.0.1"), Reach::Private);
/// assert_eq!(reach("64:ff9b::169.254.169.254"), Reach::Metadata);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reach {
    /// The public internet.
    Public,
    /// Benchmarks (RFC 2544, RFC 5180), which local proxies also hand out as stand-in addresses.
    Benchmark,
    /// Shared with other customers of a provider behind its translation (RFC 6598).
    SharedCgn,
    /// A private network (RFC 1918).
    Private,
    /// A private network in IPv6 (RFC 4193).
    UniqueLocal,
    /// The link this machine is on (RFC 3927, RFC 4291 §2.5.6).
    LinkLocal,
    /// This machine.
    Loopback,
    /// Examples in documents (RFC 5737, RFC 3849, RFC 9637): nobody is there.
    Documentation,
    /// A group of machines.
    Multicast,
    /// Every machine on the link.
    Broadcast,
    /// No address; many systems connect it to themselves.
    Unspecified,
    /// Set aside, deprecated, a tunnel, or unknown.
    Reserved,
    /// A cloud's metadata service, which hands out credentials of the machine.
    Metadata,
}

impl Reach {
    /// Whether this is the public internet.
    pub const fn is_public(self) -> bool {
        matches!(self, Self::Public)
    }

    /// The word for it, in lower case, for messages and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Benchmark => "benchmark",
            Self::SharedCgn => "shared-cgn",
            Self::Private => "private",
            Self::UniqueLocal => "unique-local",
            Self::LinkLocal => "link-local",
            Self::Loopback => "loopback",
            Self::Documentation => "documentation",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Unspecified => "unspecified",
            Self::Reserved => "reserved",
            Self::Metadata => "metadata",
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What `address` reaches.
///
/// Ask it for the address a connection will go to, after resolving, and for every new connection.
pub fn classify(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => classify_v4(address),
        IpAddr::V6(address) => classify_v6(address),
    }
}

fn classify_v4(address: Ipv4Addr) -> Reach {
    if METADATA_V4.contains(&address) {
        return Reach::Metadata;
    }
    match address.octets() {
        [0, 0, 0, 0] => Reach::Unspecified,
        // "This network": RFC 791 §3.2.
        [0, ..] => Reach::Reserved,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Reach::Private,
        [100, 64..=127, ..] => Reach::SharedCgn,
        [127, ..] => Reach::Loopback,
        [169, 254, ..] => Reach::LinkLocal,
        // IETF protocol assignments, RFC 6890. Two anycast addresses of it are global; no URL
        // honestly names them.
        [192, 0, 0, _] => Reach::Reserved,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Reach::Documentation,
        // Relays of 6to4, deprecated by RFC 7526: a way into the tunnels refused below.
        [192, 88, 99, _] => Reach::Reserved,
        [198, 18..=19, ..] => Reach::Benchmark,
        [224..=239, ..] => Reach::Multicast,
        [255, 255, 255, 255] => Reach::Broadcast,
        [240..=255, ..] => Reach::Reserved,
        _ => Reach::Public,
    }
}

fn classify_v6(address: Ipv6Addr) -> Reach {
    if METADATA_V6.contains(&address) {
        return Reach::Metadata;
    }
    let segments = address.segments();
    let reach = match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => Reach::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Loopback,
        // IPv4-mapped (RFC 4291 §2.5.5.2): the system connects to the IPv4 address itself.
        [0, 0, 0, 0, 0, 0xffff, high, low] => classify_v4(joined(high, low)),
        // IPv4-compatible (RFC 4291 §2.5.5.1) and IPv4-translated (RFC 2765 §2.1): deprecated.
        [0, 0, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => {
            tunnel(joined(high, low))
        }
        // The well-known NAT64 prefix (RFC 6052): on a network with IPv6 alone, every IPv4 host has
        // an address here, so this is exactly as public as the host behind it.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => classify_v4(joined(high, low)),
        [0x64, 0xff9b, 1, ..] => local_translation(address.octets()),
        // Teredo (RFC 4380 §4): the server, and the client's address with every bit turned over.
        [0x2001, 0, server_high, server_low, _, _, high, low] => {
            tunnel(joined(server_high, server_low)).max(tunnel(joined(!high, !low)))
        }
        [0x2001, 2, 0, ..] => Reach::Benchmark,
        // IETF protocol assignments (RFC 2928): anycast services, identifiers, nothing a URL names.
        [0x2001, 0..=0x1ff, ..] => Reach::Reserved,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Reach::Documentation,
        // 6to4 (RFC 3056), deprecated by RFC 7526.
        [0x2002, high, low, ..] => tunnel(joined(high, low)),
        [0x2000..=0x3fff, ..] => Reach::Public,
        [0xfc00..=0xfdff, ..] => Reach::UniqueLocal,
        [0xfe80..=0xfebf, ..] => Reach::LinkLocal,
        [0xff00..=0xffff, ..] => Reach::Multicast,
        // Among them the discard prefix 100::/64 (RFC 6666), segment routing 5f00::/16 (RFC 9602)
        // and site-local fec0::/10, which RFC 3879 took away and some routers still carry.
        _ => Reach::Reserved,
    };
    match segments {
        // ISATAP (RFC 5214 §6.1) hides an IPv4 address in the interface half of any prefix.
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => reach.max(classify_v4(joined(high, low))),
        _ => reach,
    }
}

/// A deprecated way to carry IPv4: never public, whatever it carries, and a metadata service stays
/// one.
fn tunnel(embedded: Ipv4Addr) -> Reach {
    Reach::Reserved.max(classify_v4(embedded))
}

/// NAT64 of the local network, `64:ff9b:1::/48` (RFC 8215). Where the IPv4 address stands depends
/// on the length of a prefix we do not know, so every place RFC 6052 §2.2 allows is looked at.
fn local_translation(octets: [u8; 16]) -> Reach {
    let [_, _, _, _, _, _, a, b, _, c, d, e, f, ..] = octets;
    let [.., w, x, y, z] = octets;
    [[a, b, c, d], [b, c, d, e], [c, d, e, f], [w, x, y, z]]
        .into_iter()
        .map(|embedded| tunnel(Ipv4Addr::from(embedded)))
        .fold(Reach::Reserved, Reach::max)
}

const fn joined(high: u16, low: u16) -> Ipv4Addr {
    let [a, b] = high.to_be_bytes();
    let [c, d] = low.to_be_bytes();
    Ipv4Addr::new(a, b, c, d)
}

const METADATA_V4: [Ipv4Addr; 5] = [
    // Amazon, Google, Azure, DigitalOcean, Oracle, OpenStack and most others.
    Ipv4Addr::new(169, 254, 169, 254),
    // Amazon: credentials of containers, and of pods.
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    // Alibaba.
    Ipv4Addr::new(100, 100, 100, 200),
    // Azure's agent endpoint, in public space.
    Ipv4Addr::new(168, 63, 129, 16),
];

const METADATA_V6: [Ipv6Addr; 4] = [
    // Amazon: instances, and pods.
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    // Google.
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    // OpenStack.
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
];

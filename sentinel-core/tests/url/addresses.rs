//! The classifier: first and last address of every block and their neighbours, and what hides in
//! IPv6.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sentinel_core::wire::url::{Reach, classify};

fn reach(text: &str) -> Reach {
    classify(text.parse().unwrap_or_else(|_| panic!("{text} is no address")))
}

/// Rows of `(first, last, reach inside, reach just before, reach just after)`; a block at the end
/// of the space repeats the inside.
#[test]
fn ipv4_blocks_end_where_the_registry_says() {
    for (first, last, inside, before, after) in [
        ("0.0.0.1", "0.255.255.255", Reach::Reserved, Reach::Unspecified, Reach::Public),
        ("10.0.0.0", "10.255.255.255", Reach::Private, Reach::Public, Reach::Public),
        ("100.64.0.0", "100.127.255.255", Reach::SharedCgn, Reach::Public, Reach::Public),
        ("127.0.0.0", "127.255.255.255", Reach::Loopback, Reach::Public, Reach::Public),
        ("169.254.0.0", "169.254.255.255", Reach::LinkLocal, Reach::Public, Reach::Public),
        ("172.16.0.0", "172.31.255.255", Reach::Private, Reach::Public, Reach::Public),
        ("192.0.0.0", "192.0.0.255", Reach::Reserved, Reach::Public, Reach::Public),
        ("192.0.2.0", "192.0.2.255", Reach::Documentation, Reach::Public, Reach::Public),
        ("192.88.99.0", "192.88.99.255", Reach::Reserved, Reach::Public, Reach::Public),
        ("192.168.0.0", "192.168.255.255", Reach::Private, Reach::Public, Reach::Public),
        ("198.18.0.0", "198.19.255.255", Reach::Benchmark, Reach::Public, Reach::Public),
        ("198.51.100.0", "198.51.100.255", Reach::Documentation, Reach::Public, Reach::Public),
        ("203.0.113.0", "203.0.113.255", Reach::Documentation, Reach::Public, Reach::Public),
        ("224.0.0.0", "239.255.255.255", Reach::Multicast, Reach::Public, Reach::Reserved),
        ("240.0.0.0", "255.255.255.254", Reach::Reserved, Reach::Multicast, Reach::Broadcast),
        ("169.254.169.254", "169.254.169.254", Reach::Metadata, Reach::LinkLocal, Reach::LinkLocal),
        ("169.254.170.2", "169.254.170.2", Reach::Metadata, Reach::LinkLocal, Reach::LinkLocal),
        ("169.254.170.23", "169.254.170.23", Reach::Metadata, Reach::LinkLocal, Reach::LinkLocal),
        ("100.100.100.200", "100.100.100.200", Reach::Metadata, Reach::SharedCgn, Reach::SharedCgn),
        ("168.63.129.16", "168.63.129.16", Reach::Metadata, Reach::Public, Reach::Public),
    ] {
        let number = |text: &str| u32::from(text.parse::<Ipv4Addr>().unwrap());
        let at = |number: u32| classify(IpAddr::V4(Ipv4Addr::from(number)));
        assert_eq!(at(number(first)), inside, "{first}");
        assert_eq!(at(number(last)), inside, "{last}");
        assert_eq!(at(number(first) - 1), before, "before {first}");
        assert_eq!(at(number(last) + 1), after, "after {last}");
    }
    assert_eq!(reach("0.0.0.0"), Reach::Unspecified);
    assert_eq!(reach("255.255.255.255"), Reach::Broadcast);
}

#[test]
fn ipv6_blocks_end_where_the_registry_says() {
    let last_of_all = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    for (first, last, inside, before, after) in [
        (
            "2001:2::",
            "2001:2:0:ffff:ffff:ffff:ffff:ffff",
            Reach::Benchmark,
            Reach::Reserved,
            Reach::Reserved,
        ),
        // Teredo is the first /32 of the protocol assignments.
        (
            "2001::",
            "2001:1:ffff:ffff:ffff:ffff:ffff:ffff",
            Reach::Reserved,
            Reach::Public,
            Reach::Benchmark,
        ),
        (
            "2001:2:1::",
            "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
            Reach::Reserved,
            Reach::Benchmark,
            Reach::Public,
        ),
        (
            "2001:db8::",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            Reach::Documentation,
            Reach::Public,
            Reach::Public,
        ),
        (
            "2002::",
            "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            Reach::Reserved,
            Reach::Public,
            Reach::Public,
        ),
        (
            "3fff::",
            "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
            Reach::Documentation,
            Reach::Public,
            Reach::Public,
        ),
        (
            "2000::",
            "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            Reach::Public,
            Reach::Reserved,
            Reach::Reserved,
        ),
        (
            "3fff:1000::",
            "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            Reach::Public,
            Reach::Documentation,
            Reach::Reserved,
        ),
        ("100::", "100::ffff:ffff:ffff:ffff", Reach::Reserved, Reach::Reserved, Reach::Reserved),
        (
            "64:ff9b:1::",
            "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
            Reach::Reserved,
            Reach::Reserved,
            Reach::Reserved,
        ),
        (
            "5f00::",
            "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            Reach::Reserved,
            Reach::Reserved,
            Reach::Reserved,
        ),
        (
            "4000::",
            "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            Reach::Reserved,
            Reach::Public,
            Reach::UniqueLocal,
        ),
        (
            "fc00::",
            "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            Reach::UniqueLocal,
            Reach::Reserved,
            Reach::Reserved,
        ),
        (
            "fe80::",
            "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            Reach::LinkLocal,
            Reach::Reserved,
            Reach::Reserved,
        ),
        (
            "fec0::",
            "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            Reach::Reserved,
            Reach::LinkLocal,
            Reach::Multicast,
        ),
        ("ff00::", last_of_all, Reach::Multicast, Reach::Reserved, Reach::Unspecified),
        ("::1", "::1", Reach::Loopback, Reach::Unspecified, Reach::Reserved),
        ("fd00:ec2::254", "fd00:ec2::254", Reach::Metadata, Reach::UniqueLocal, Reach::UniqueLocal),
        ("fd00:ec2::23", "fd00:ec2::23", Reach::Metadata, Reach::UniqueLocal, Reach::UniqueLocal),
        ("fd20:ce::254", "fd20:ce::254", Reach::Metadata, Reach::UniqueLocal, Reach::UniqueLocal),
        ("fe80::a9fe:a9fe", "fe80::a9fe:a9fe", Reach::Metadata, Reach::LinkLocal, Reach::LinkLocal),
    ] {
        let number = |text: &str| u128::from(text.parse::<Ipv6Addr>().unwrap());
        let at = |number: u128| classify(IpAddr::V6(Ipv6Addr::from(number)));
        assert_eq!(at(number(first)), inside, "{first}");
        assert_eq!(at(number(last)), inside, "{last}");
        assert_eq!(at(number(first).wrapping_sub(1)), before, "before {first}");
        assert_eq!(at(number(last).wrapping_add(1)), after, "after {last}");
    }
    for address in ["2606:4700:4700::1111", "2a00:1450:4001:80b::200e", "2620:4f:8000::1"] {
        assert_eq!(reach(address), Reach::Public, "{address}");
    }
}

#[test]
fn ipv4_inside_ipv6_is_looked_at() {
    for (address, expected) in [
        // IPv4-mapped.
        ("::ffff:127.0.0.1", Reach::Loopback),
        ("0:0:0:0:0:ffff:7f00:1", Reach::Loopback),
        ("::ffff:a9fe:a9fe", Reach::Metadata),
        ("::ffff:10.1.2.3", Reach::Private),
        ("::ffff:8.8.8.8", Reach::Public),
        ("::ffff:0.0.0.0", Reach::Unspecified),
        ("::fffe:8.8.8.8", Reach::Reserved),
        // IPv4-compatible, IPv4-translated.
        ("::127.0.0.1", Reach::Reserved),
        ("::8.8.8.8", Reach::Reserved),
        ("::169.254.169.254", Reach::Metadata),
        ("::2", Reach::Reserved),
        ("::ffff:0:8.8.8.8", Reach::Reserved),
        ("::ffff:0:169.254.169.254", Reach::Metadata),
        // NAT64.
        ("64:ff9b::8.8.8.8", Reach::Public),
        ("64:ff9b::127.0.0.1", Reach::Loopback),
        ("64:ff9b::10.0.0.1", Reach::Private),
        ("64:ff9b::169.254.169.254", Reach::Metadata),
        ("64:ff9b:0:0:0:1:808:808", Reach::Reserved),
        ("64:ff9b:2::8.8.8.8", Reach::Reserved),
        // NAT64 of the local network, at /96, /64, /56 and /48 (RFC 6052 §2.2).
        ("64:ff9b:1::8.8.8.8", Reach::Reserved),
        ("64:ff9b:1::10.0.0.1", Reach::Reserved),
        ("64:ff9b:1::169.254.169.254", Reach::Metadata),
        ("64:ff9b:1:0:a9:fea9:fe00:0", Reach::Metadata),
        ("64:ff9b:1:a9:fe:a9fe::", Reach::Metadata),
        ("64:ff9b:1:a9fe:a9:fe00::", Reach::Metadata),
        // 6to4.
        ("2002:808:808::1", Reach::Reserved),
        ("2002:7f00:1::", Reach::Reserved),
        ("2002:a9fe:a9fe::", Reach::Metadata),
        // Teredo: the server, then the client turned over.
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", Reach::Reserved),
        ("2001:0:a9fe:a9fe::", Reach::Metadata),
        ("2001:0:4136:e378::5601:5601", Reach::Metadata),
        ("2001:0:4136:e378::a9fe:a9fe", Reach::Reserved),
        // ISATAP, in any prefix, with either bit.
        ("2606:4700::5efe:8.8.8.8", Reach::Public),
        ("2606:4700::5efe:10.0.0.1", Reach::Private),
        ("2606:4700::200:5efe:127.0.0.1", Reach::Loopback),
        ("fe80::5efe:8.8.8.8", Reach::LinkLocal),
        ("fe80::5efe:169.254.169.254", Reach::Metadata),
        ("2606:4700::100:5efe:10.0.0.1", Reach::Public),
    ] {
        assert_eq!(reach(address), expected, "{address}");
    }
}

#[test]
fn only_public_is_public_and_every_reach_has_its_word() {
    assert!(Reach::Public.is_public());
    let guarded = [
        Reach::Benchmark,
        Reach::SharedCgn,
        Reach::Private,
        Reach::UniqueLocal,
        Reach::LinkLocal,
        Reach::Loopback,
        Reach::Documentation,
        Reach::Multicast,
        Reach::Broadcast,
        Reach::Unspecified,
        Reach::Reserved,
        Reach::Metadata,
    ];
    let mut words = vec![Reach::Public.to_string()];
    for reach in guarded {
        assert!(!reach.is_public());
        assert!(reach > Reach::Public);
        words.push(reach.to_string());
    }
    words.sort();
    words.dedup();
    assert_eq!(words.len(), guarded.len() + 1);
}

/// However an IPv4 address is wrapped, the answer is the same or more guarded.
#[test]
fn wrapping_never_makes_an_address_less_guarded() {
    arbtest::arbtest(|u| {
        // Half of the cases near blocks that matter; plain numbers are nearly always public.
        let blocks = [0, 10 << 24, 127 << 24, 0xa9fe_a9fe, 0xc0a8_0000, 0x6440_0000, 0xe000_0000];
        let number: u32 = match u.arbitrary::<bool>()? {
            true => u.choose(&blocks)? ^ u32::from(u.arbitrary::<u16>()?),
            false => u.arbitrary()?,
        };
        let plain = classify(IpAddr::V4(Ipv4Addr::from(number)));
        let wide = u128::from(number);
        let noise: u128 = u.arbitrary()?;
        let top = |text: &str| u128::from(text.parse::<Ipv6Addr>().unwrap());
        let at = |number: u128| classify(IpAddr::V6(Ipv6Addr::from(number)));

        assert_eq!(at(top("::ffff:0:0") | wide), plain);
        assert_eq!(at(top("64:ff9b::") | wide), plain);
        if number > 1 {
            assert!(at(wide) >= plain);
        }
        assert!(at(top("::ffff:0:0:0") | wide) >= plain);
        assert!(at(top("64:ff9b:1::") | wide | noise << 96 >> 48) >= plain);
        assert!(at(top("2002::") | wide << 80 | noise >> 48) >= plain);
        assert!(at(top("2001::") | wide << 64 | noise >> 64) >= plain);
        assert!(at(top("2001::") | noise << 64 >> 32 | u128::from(!number)) >= plain);
        assert!(at(noise << 64 | 0x5efe << 32 | wide) >= plain);
        assert!(at(noise << 64 | 0x0200_5efe << 32 | wide) >= plain);
        // RFC 6052 §2.2: the three shorter prefixes leave out bits 64 to 71.
        let local = top("64:ff9b:1::");
        assert!(at(local | wide >> 16 << 64 | (wide & 0xffff) << 40) >= plain);
        assert!(at(local | wide >> 24 << 64 | (wide & 0xff_ffff) << 32) >= plain);
        assert!(at(local | wide << 24) >= plain);
        Ok(())
    });
}

/// No address outside global unicast is public.
#[test]
fn only_global_unicast_is_public() {
    arbtest::arbtest(|u| {
        let number: u128 = u.arbitrary()?;
        let address = Ipv6Addr::from(number);
        let is_global_unicast = number >> 125 == 1;
        let is_ipv4 = number >> 32 == 0xffff || number >> 32 == 0x0064_ff9b << 64;
        if classify(IpAddr::V6(address)).is_public() {
            assert!(is_global_unicast || is_ipv4, "{address}");
        }
        Ok(())
    });
}

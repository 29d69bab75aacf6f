//! Hosts: names label by label, addresses in one spelling, nothing that reads as both.

use core::net::IpAddr;

use sentinel_core::wire::url::{Host, Reach, UrlErrorKind as Kind};

use crate::{parse, refusal};

#[test]
fn names_have_one_spelling() {
    let long_label = "a".repeat(63);
    let longest = [&long_label[..], &long_label, &long_label, &long_label[..61]].join(".");
    assert_eq!(longest.len(), 253);
    for (given, normal) in [
        ("a", "a"),
        ("Example.COM", "example.com"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("a-b.c--d", "a-b.c--d"),
        ("my_service", "my_service"),
        ("_dmarc.example", "_dmarc.example"),
        ("3com.com", "3com.com"),
        ("1.2.3.4.example", "1.2.3.4.example"),
        ("1.2.3.4a", "1.2.3.4a"),
        ("0x7g", "0x7g"),
        ("x0x7f", "x0x7f"),
        ("1e3", "1e3"),
        (&long_label, &long_label),
        (&longest, &longest),
    ] {
        let url = parse(&format!("http://{given}/"));
        assert_eq!(url.authority(), normal);
        assert_eq!(url.host().name().unwrap().as_str(), normal);
        assert_eq!(Host::parse(given), Ok(url.host()));
    }
}

#[test]
fn addresses_have_one_spelling() {
    for (given, normal) in [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),
        ("255.255.255.255", "255.255.255.255"),
        // RFC 5952 §4 and §5.
        ("[::1]", "[::1]"),
        ("[::]", "[::]"),
        ("[0:0:0:0:0:0:0:1]", "[::1]"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
        ("[2001:db8:0:0:1:0:0:1]", "[2001:db8::1:0:0:1]"),
        ("[2001:0db8::0001]", "[2001:db8::1]"),
        ("[2001:db8:0:1:1:1:1:1]", "[2001:db8:0:1:1:1:1:1]"),
        ("[2001:db8::1:1:1:1:1]", "[2001:db8:0:1:1:1:1:1]"),
        ("[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7:0]"),
        ("[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]"),
        ("[0:0:0:0:0:ffff:7f00:1]", "[::ffff:127.0.0.1]"),
        ("[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]"),
    ] {
        let url = parse(&format!("http://{given}:81/"));
        assert_eq!(url.authority(), format!("{normal}:81"), "{given}");
        let inner = normal.trim_matches(['[', ']']);
        assert_eq!(url.host().address(), Some(inner.parse::<IpAddr>().unwrap()));
        assert_eq!(url.host().name(), None);
        assert_eq!(Host::parse(given), Ok(url.host()));
        assert_eq!(url.host().to_string(), normal);
        assert_eq!(url.host().into_owned(), url.host());
    }
}

/// What `inet_aton`, and so most C programs, take for an address, and what browsers map to one.
#[test]
fn other_spellings_of_addresses_are_refused() {
    for (host, kind) in [
        ("2130706433", Kind::InvalidIpv4),
        ("017700000001", Kind::InvalidIpv4),
        ("0x7f000001", Kind::InvalidIpv4),
        ("0X7F000001", Kind::InvalidIpv4),
        ("0177.0.0.1", Kind::InvalidIpv4),
        ("0x7f.0.0.1", Kind::InvalidIpv4),
        ("0x7f.1", Kind::InvalidIpv4),
        ("0x7f.0x0.0x0.0x1", Kind::InvalidIpv4),
        ("127.0.0.0x1", Kind::InvalidIpv4),
        ("127.0.0.01", Kind::InvalidIpv4),
        ("127.0.0.1.", Kind::TrailingDot),
        ("127.1", Kind::InvalidIpv4),
        ("127.0.1", Kind::InvalidIpv4),
        ("127", Kind::InvalidIpv4),
        ("0", Kind::InvalidIpv4),
        ("00.0.0.0", Kind::InvalidIpv4),
        ("0x", Kind::InvalidIpv4),
        ("1.2.3.0x", Kind::InvalidIpv4),
        ("1.2.3.4.5", Kind::InvalidIpv4),
        ("1.2.3.256", Kind::InvalidIpv4),
        ("1.2.3.1000", Kind::InvalidIpv4),
        ("256.256.256.256", Kind::InvalidIpv4),
        ("4294967296", Kind::InvalidIpv4),
        ("4294967297", Kind::InvalidIpv4),
        ("99999999999999999999", Kind::InvalidIpv4),
        ("0x100000000", Kind::InvalidIpv4),
        ("169.254.43518", Kind::InvalidIpv4),
        ("good.com.1", Kind::InvalidIpv4),
        ("good.0x7f", Kind::InvalidIpv4),
        ("1..2.3", Kind::EmptyLabel),
        ("127.0.0.1%20", Kind::EscapeInHost),
        ("127%2e0.0.1", Kind::EscapeInHost),
        ("%31%32%37.0.0.1", Kind::EscapeInHost),
        ("１２７.0.0.1", Kind::NonAsciiHost('１')),
        ("127。0。0。1", Kind::NonAsciiHost('。')),
        ("127．0．0．1", Kind::NonAsciiHost('．')),
        ("⑯⑨。②⑤④。⑯⑨｡②⑤④", Kind::NonAsciiHost('⑯')),
        ("①②⑦.0.0.1", Kind::NonAsciiHost('①')),
        ("٠.0.0.1", Kind::NonAsciiHost('٠')),
        ("[::1", Kind::InvalidIpv6),
        ("[", Kind::InvalidIpv6),
        ("[]", Kind::InvalidIpv6),
        ("[1]", Kind::InvalidIpv6),
        ("[:]", Kind::InvalidIpv6),
        ("[:::]", Kind::InvalidIpv6),
        ("[::1::]", Kind::InvalidIpv6),
        ("[1:2:3:4:5:6:7]", Kind::InvalidIpv6),
        ("[1:2:3:4:5:6:7:8:9]", Kind::InvalidIpv6),
        ("[1:2:3:4:5:6:7:8::]", Kind::InvalidIpv6),
        ("[1:2:3:4::5:6:7:8]", Kind::InvalidIpv6),
        ("[::00001]", Kind::InvalidIpv6),
        ("[::g]", Kind::InvalidIpv6),
        ("[::+1]", Kind::InvalidIpv6),
        ("[::0x1]", Kind::InvalidIpv6),
        ("[::127.0.1]", Kind::InvalidIpv6),
        ("[::0177.0.0.1]", Kind::InvalidIpv6),
        ("[::127.0.0.1:1]", Kind::InvalidIpv6),
        ("[127.0.0.1::]", Kind::InvalidIpv6),
        ("[127.0.0.1]", Kind::InvalidIpv6),
        ("[::1]x", Kind::InvalidIpv6),
        ("[::1].com", Kind::InvalidIpv6),
        ("[[::1]]", Kind::InvalidIpv6),
        ("[good.com]", Kind::InvalidIpv6),
        ("[::１]", Kind::InvalidIpv6),
        ("[fe80::1%eth0]", Kind::ZoneIdentifier),
        ("[fe80::1%25eth0]", Kind::ZoneIdentifier),
        ("[::1%00]", Kind::ZoneIdentifier),
        ("[v1.fe80::a]", Kind::FutureAddress),
        ("[V9.x]", Kind::FutureAddress),
    ] {
        assert_eq!(refusal(&format!("http://{host}/")).0, kind, "{host}");
    }
}

#[test]
fn names_no_two_readers_agree_on_are_refused() {
    let label = "a".repeat(64);
    let name = format!("{}aa", "a.".repeat(126));
    assert_eq!(name.len(), 254);
    for (host, kind, offset) in [
        ("?", Kind::EmptyHost, 0),
        ("#a", Kind::EmptyHost, 0),
        (":80", Kind::EmptyHost, 0),
        ("::1", Kind::EmptyHost, 0),
        (".", Kind::EmptyLabel, 0),
        (".a", Kind::EmptyLabel, 0),
        ("a..b", Kind::EmptyLabel, 2),
        ("a..", Kind::EmptyLabel, 2),
        ("good.com.", Kind::TrailingDot, 8),
        ("-a.com", Kind::LabelHyphen, 0),
        ("a.b-", Kind::LabelHyphen, 2),
        ("-", Kind::LabelHyphen, 0),
        ("xn--", Kind::LabelHyphen, 0),
        (&label, Kind::LabelTooLong, 0),
        (&name, Kind::NameTooLong, 253),
        ("good.com%00.evil.com", Kind::EscapeInHost, 8),
        ("good.com%2eevil.com", Kind::EscapeInHost, 8),
        ("good%E3%80%82com", Kind::EscapeInHost, 4),
        ("good,com", Kind::HostCharacter(','), 4),
        ("good;com", Kind::HostCharacter(';'), 4),
        ("*.good.com", Kind::HostCharacter('*'), 0),
        ("a$b", Kind::HostCharacter('$'), 1),
        ("a]b", Kind::HostCharacter(']'), 1),
        ("a[::1]", Kind::HostCharacter('['), 1),
        // Soft hyphen, zero-width joiner, full-width letters, dotless and Cyrillic look-alikes,
        // the Kelvin sign that lower-cases to a plain `k`, the sharp s that two IDNA
        // versions split on.
        ("go\u{ad}od.com", Kind::NonAsciiHost('\u{ad}'), 2),
        ("go\u{200d}od.com", Kind::NonAsciiHost('\u{200d}'), 2),
        ("ｇood.com", Kind::NonAsciiHost('ｇ'), 0),
        ("gооd.com", Kind::NonAsciiHost('о'), 1),
        ("\u{212a}ube", Kind::NonAsciiHost('\u{212a}'), 0),
        ("faß.de", Kind::NonAsciiHost('ß'), 2),
        ("good.com／evil.com", Kind::NonAsciiHost('／'), 8),
        ("good.com℀evil.com", Kind::NonAsciiHost('℀'), 8),
    ] {
        assert_eq!(refusal(&format!("http://{host}/")), (kind, offset + 7), "{host}");
    }
    assert_eq!(refusal("http://"), (Kind::EmptyHost, 7));
    assert_eq!(Host::parse("").unwrap_err().kind, Kind::EmptyHost);
    assert_eq!(Host::parse("a:80").unwrap_err().kind, Kind::HostCharacter(':'));
    assert_eq!(Host::parse("a/b").unwrap_err().kind, Kind::HostCharacter('/'));
    assert_eq!(Host::parse(" a").unwrap_err().kind, Kind::HostCharacter(' '));
    assert_eq!(Host::parse("a@b").unwrap_err().kind, Kind::HostCharacter('@'));
    assert_eq!(Host::parse(&"a".repeat(10_000_000)).unwrap_err().kind, Kind::NameTooLong);
}

#[test]
fn domains_are_compared_label_by_label() {
    let within = |name, domain| {
        let (name, domain) = (Host::parse(name).unwrap(), Host::parse(domain).unwrap());
        name.name().unwrap().is_within(domain.name().unwrap())
    };
    assert!(within("good.com", "good.com"));
    assert!(within("api.good.com", "GOOD.com"));
    assert!(within("a.b.good.com", "good.com"));
    assert!(!within("evilgood.com", "good.com"));
    assert!(!within("good.com.evil.com", "good.com"));
    assert!(!within("com", "good.com"));
    assert!(!within("xgood.com", "ood.com"));
}

#[test]
fn names_that_are_local_by_convention_say_so() {
    for (name, reach) in [
        ("localhost", Some(Reach::Loopback)),
        ("LOCALHOST", Some(Reach::Loopback)),
        ("app.localhost", Some(Reach::Loopback)),
        ("localhost.localdomain", Some(Reach::Loopback)),
        ("ip6-localhost", Some(Reach::Loopback)),
        ("printer.local", Some(Reach::LinkLocal)),
        ("local", Some(Reach::LinkLocal)),
        ("db.internal", Some(Reach::Private)),
        ("router.home.arpa", Some(Reach::Private)),
        ("nas.lan", Some(Reach::Private)),
        ("ollama", Some(Reach::Private)),
        ("metadata", Some(Reach::Metadata)),
        ("metadata.google.internal", Some(Reach::Metadata)),
        ("Metadata.Google.Internal", Some(Reach::Metadata)),
        ("metadata.goog", Some(Reach::Metadata)),
        ("instance-data.ec2.internal", Some(Reach::Metadata)),
        ("mylocalhost.com", None),
        ("notlocal.example", None),
        ("localhost.example.com", None),
        ("127.0.0.1.nip.io", None),
        ("evilmetadata.goog", None),
        ("example.com", None),
        ("127.0.0.1", Some(Reach::Loopback)),
        ("[::ffff:169.254.169.254]", Some(Reach::Metadata)),
        ("8.8.8.8", Some(Reach::Public)),
    ] {
        assert_eq!(Host::parse(name).unwrap().reach(), reach, "{name}");
    }
}

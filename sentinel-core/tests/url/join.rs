//! References: RFC 3986 §5.4 in full, and the redirects an attacker sends.

use sentinel_core::wire::url::{Reach, Url, UrlErrorKind as Kind};

use crate::parse;

/// RFC 3986 §5.4.1 and §5.4.2, over the RFC's own base. Fragments are dropped here, so `g#s` is
/// `g`.
#[test]
fn the_examples_of_the_rfc() {
    let base = parse("http://a/b/c/d;p?q");
    for (reference, expected) in [
        ("g", "http://a/b/c/g"),
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"),
        ("//g", "http://g/"),
        ("?y", "http://a/b/c/d;p?y"),
        ("g?y", "http://a/b/c/g?y"),
        ("#s", "http://a/b/c/d;p?q"),
        ("g#s", "http://a/b/c/g"),
        ("g?y#s", "http://a/b/c/g?y"),
        (";x", "http://a/b/c/;x"),
        ("g;x", "http://a/b/c/g;x"),
        ("g;x?y#s", "http://a/b/c/g;x?y"),
        ("", "http://a/b/c/d;p?q"),
        (".", "http://a/b/c/"),
        ("./", "http://a/b/c/"),
        ("..", "http://a/b/"),
        ("../", "http://a/b/"),
        ("../g", "http://a/b/g"),
        ("../..", "http://a/"),
        ("../../", "http://a/"),
        ("../../g", "http://a/g"),
        ("../../../g", "http://a/g"),
        ("../../../../g", "http://a/g"),
        ("/./g", "http://a/g"),
        ("/../g", "http://a/g"),
        ("g.", "http://a/b/c/g."),
        (".g", "http://a/b/c/.g"),
        ("g..", "http://a/b/c/g.."),
        ("..g", "http://a/b/c/..g"),
        ("./../g", "http://a/b/g"),
        ("./g/.", "http://a/b/c/g/"),
        ("g/./h", "http://a/b/c/g/h"),
        ("g/../h", "http://a/b/c/h"),
        ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
        ("g;x=1/../y", "http://a/b/c/y"),
        ("g?y/./x", "http://a/b/c/g?y/./x"),
        ("g?y/../x", "http://a/b/c/g?y/../x"),
        ("g#s/./x", "http://a/b/c/g"),
        ("g#s/../x", "http://a/b/c/g"),
    ] {
        assert_eq!(
            base.join(reference).map(|url| url.to_string()),
            Ok(expected.into()),
            "{reference}"
        );
    }
    assert_eq!(base.join("g:h").unwrap_err().kind, Kind::UnsupportedScheme);
    // Strict readers and browsers differ on this one, as the RFC itself says.
    assert_eq!(base.join("http:g").unwrap_err().kind, Kind::SlashCount);
}

#[test]
fn other_references() {
    for (base, reference, expected) in [
        ("https://a:444/b?c", "/d?e", "https://a:444/d?e"),
        ("https://a:444/b?c", "?", "https://a:444/b?"),
        ("https://a:444/b?c", "//D:443/%2e%2e/e", "https://d/e"),
        ("https://a/b", "http://a/b", "http://a/b"),
        ("https://a", "b", "https://a/b"),
        ("https://a/b/", "c", "https://a/b/c"),
        ("https://a/b//c", "..", "https://a/b/"),
        ("https://a/b/c?d/e/f", "g", "https://a/b/g"),
        ("https://a/b/", "%2e%2e/c", "https://a/c"),
        ("https://a/b", "./c:d", "https://a/c:d"),
        ("https://a/b", "c?d:e", "https://a/c?d:e"),
        ("https://a/b", "ü", "https://a/%C3%BC"),
        ("https://[::1]:80/b", "c", "https://[::1]:80/c"),
    ] {
        let joined = parse(base).join(reference).unwrap();
        assert_eq!(joined.as_str(), expected, "{base} {reference}");
        assert_eq!(joined, parse(expected));
    }
}

#[test]
fn bad_references_say_where() {
    let base = parse("https://a/b/c");
    for (reference, kind, offset) in [
        ("javascript:alert(1)", Kind::UnsupportedScheme, 0),
        ("file:///etc/passwd", Kind::UnsupportedScheme, 0),
        (":x", Kind::UnsupportedScheme, 0),
        ("1:2", Kind::UnsupportedScheme, 0),
        ("///evil.com", Kind::SlashCount, 0),
        ("//", Kind::EmptyHost, 2),
        ("//me@evil.com/", Kind::UserInfo, 4),
        ("//0x7f.1/", Kind::InvalidIpv4, 2),
        (r"\\evil.com", Kind::ForbiddenCharacter('\\'), 0),
        (r"/\evil.com", Kind::ForbiddenCharacter('\\'), 1),
        ("/\t/evil.com", Kind::ForbiddenCharacter('\t'), 1),
        ("d\r\nSet-Cookie: x", Kind::ForbiddenCharacter('\r'), 1),
        ("d/..%2fe", Kind::EscapedSeparator, 4),
        ("..;/d", Kind::DotSegmentParameter, 0),
        ("d?%zz", Kind::InvalidEscape, 2),
        ("#%zz", Kind::InvalidEscape, 1),
        ("d%00", Kind::EscapedNul, 1),
    ] {
        let error = base.join(reference).unwrap_err();
        assert_eq!((error.kind, error.offset), (kind, offset), "{reference:?}");
    }
}

#[test]
fn lengths_are_checked_before_and_after() {
    let base = parse("https://a/bcd/");
    let error = base.join(&"/".repeat(10_000_000)).unwrap_err();
    assert!(matches!(error.kind, Kind::TooLong { .. }));
    assert_eq!(base.join_within("e", 15).unwrap().as_str(), "https://a/bcd/e");
    assert_eq!(base.join_within("ef", 15).unwrap_err().kind, Kind::TooLong { bytes_max: 15 });
}

#[test]
fn downgrades_and_inner_addresses_can_be_seen() {
    let asked = parse("https://a/");
    let follow = |reference| asked.join(reference).unwrap();
    assert!(follow("http://a/").is_downgrade_from(&asked));
    assert!(!follow("//b/").is_downgrade_from(&asked));
    assert!(!follow("https://b/").is_downgrade_from(&asked));
    assert!(!asked.is_downgrade_from(&parse("http://a/")));
    assert_eq!(follow("//[::ffff:a9fe:a9fe]/").host().reach(), Some(Reach::Metadata));
    assert_eq!(Url::join(&asked, "//a:443").as_ref(), Ok(&asked));
}

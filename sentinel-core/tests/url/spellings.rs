//! One reading of each URL: what is normalised, what is refused, and where the error points.

use sentinel_core::limits::URL_BYTES_MAX;
use sentinel_core::wire::url::{Scheme, Url, UrlErrorKind as Kind};

use crate::{parse, refusal};

#[test]
fn parts_are_what_goes_on_the_wire() {
    let url = parse("http://Example.COM:8080/a/b?c=d/../e?f#g");
    assert_eq!(url.as_str(), "http://example.com:8080/a/b?c=d/../e?f");
    assert_eq!(url.scheme(), Scheme::Http);
    assert_eq!(url.host().to_string(), "example.com");
    assert_eq!((url.port(), url.explicit_port()), (8080, Some(8080)));
    assert_eq!(url.authority(), "example.com:8080");
    assert_eq!((url.path(), url.query()), ("/a/b", Some("c=d/../e?f")));
    assert_eq!(url.request_target(), "/a/b?c=d/../e?f");
    assert_eq!(url.to_string(), url.as_str());
    assert_eq!(format!("{url:?}"), r#"Url("http://example.com:8080/a/b?…")"#);
    assert_eq!("http://example.com:8080/a/b?c=d/../e?f".parse::<Url>(), Ok(url));

    let bare = parse("https://[::1]");
    assert_eq!((bare.path(), bare.query(), bare.request_target()), ("/", None, "/"));
    assert_eq!((bare.port(), bare.explicit_port()), (443, None));
    assert_eq!(bare.authority(), "[::1]");
}

#[test]
fn equal_urls_have_one_spelling() {
    for (given, normal) in [
        ("http://a", "http://a/"),
        ("HTTP://A", "http://a/"),
        ("hTtPs://a/", "https://a/"),
        ("http://a?", "http://a/?"),
        ("http://a?x", "http://a/?x"),
        ("http://a#x", "http://a/"),
        ("http://a/#", "http://a/"),
        ("http://a/b#?c/../d", "http://a/b"),
        // The scheme's own port.
        ("http://a:80/", "http://a/"),
        ("https://a:443/", "https://a/"),
        ("http://a:443/", "http://a:443/"),
        ("https://a:80/", "https://a:80/"),
        ("http://a:1/", "http://a:1/"),
        ("http://a:65535/", "http://a:65535/"),
        // Dot segments, RFC 3986 §5.2.4, in every spelling.
        ("http://a/.", "http://a/"),
        ("http://a/..", "http://a/"),
        ("http://a/../..", "http://a/"),
        ("http://a/../b", "http://a/b"),
        ("http://a/b/c/./../../g", "http://a/g"),
        ("http://a/mid/content=5/../6", "http://a/mid/6"),
        ("http://a/b/..", "http://a/"),
        ("http://a/b/.", "http://a/b/"),
        ("http://a/b/%2e%2E/c", "http://a/c"),
        ("http://a/b/.%2e/c", "http://a/c"),
        ("http://a/b/%2E./c", "http://a/c"),
        ("http://a/b/%2e/c", "http://a/b/c"),
        ("http://a/b/%2e%2e", "http://a/"),
        ("http://a/b//../c", "http://a/b/c"),
        ("http://a//..//../c", "http://a/c"),
        ("http://a//b/../c", "http://a//c"),
        ("http://a//b", "http://a//b"),
        ("http://a/...", "http://a/..."),
        ("http://a/..b/.c/d..", "http://a/..b/.c/d.."),
        // A dot segment is about segments, so a query keeps its dots.
        ("http://a/b?c/../d", "http://a/b?c/../d"),
        ("http://a/b?%2e%2e/d", "http://a/b?../d"),
        // Escapes, RFC 3986 §6.2.2.
        ("http://a/%61%5A%30%2d%2e%5f%7e", "http://a/aZ0-._~"),
        ("http://a/%3a%c3%a4", "http://a/%3A%C3%A4"),
        ("http://a/%25%32%65", "http://a/%252e"),
        ("http://a/%252e%252e/b", "http://a/%252e%252e/b"),
        ("http://a/%0d%0a%20", "http://a/%0D%0A%20"),
        ("http://a/?%2f%5C", "http://a/?%2F%5C"),
        ("http://a/ä/€?ü=😀", "http://a/%C3%A4/%E2%82%AC?%C3%BC=%F0%9F%98%80"),
        // Wide look-alikes in a path are data and stay data.
        ("http://a/b/．．/c／d", "http://a/b/%EF%BC%8E%EF%BC%8E/c%EF%BC%8Fd"),
        ("http://a/b[0]?c[]=[d]", "http://a/b%5B0%5D?c%5B%5D=%5Bd%5D"),
        // What RFC 3986 allows stays as it is.
        ("http://a/!$&'()*+,;=:@?!$&'()*+,;=:@/?", "http://a/!$&'()*+,;=:@?!$&'()*+,;=:@/?"),
    ] {
        assert_eq!(parse(given).as_str(), normal, "{given}");
        assert_eq!(parse(normal).as_str(), normal, "{normal}");
    }
}

#[test]
fn what_readers_disagree_on_is_refused() {
    for (text, kind, offset) in [
        // Scheme and slashes: browsers guess, RFC 3986 does not.
        ("", Kind::MissingScheme, 0),
        ("example.com/x", Kind::MissingScheme, 0),
        ("//example.com/x", Kind::MissingScheme, 0),
        ("/a:b", Kind::MissingScheme, 0),
        ("localhost:8080/x", Kind::UnsupportedScheme, 0),
        ("://a", Kind::UnsupportedScheme, 0),
        ("ftp://a/", Kind::UnsupportedScheme, 0),
        ("file:///etc/passwd", Kind::UnsupportedScheme, 0),
        ("httpx://a/", Kind::UnsupportedScheme, 0),
        ("ｈttp://a/", Kind::UnsupportedScheme, 0),
        ("view-source:http://a/", Kind::UnsupportedScheme, 0),
        ("gopher://127.0.0.1:6379/_FLUSHALL", Kind::UnsupportedScheme, 0),
        ("http:a", Kind::SlashCount, 5),
        ("http:", Kind::SlashCount, 5),
        ("http:/x", Kind::SlashCount, 5),
        ("http:///x", Kind::SlashCount, 5),
        ("http:////x", Kind::SlashCount, 5),
        (r"http:\\x", Kind::ForbiddenCharacter('\\'), 5),
        (r"http:/\x", Kind::ForbiddenCharacter('\\'), 6),
        (r"http://good.com\@evil.com/", Kind::ForbiddenCharacter('\\'), 15),
        (r"http://good.com\.evil.com/", Kind::ForbiddenCharacter('\\'), 15),
        (r"http://a/b\..\c", Kind::ForbiddenCharacter('\\'), 10),
        // Characters some readers strip, some cut at, some send.
        (" http://a/", Kind::ForbiddenCharacter(' '), 0),
        ("http://a/ ", Kind::ForbiddenCharacter(' '), 9),
        ("ht\ttp://a/", Kind::ForbiddenCharacter('\t'), 2),
        ("http://a\n.b/", Kind::ForbiddenCharacter('\n'), 8),
        ("http://a/b\r\nHost: c", Kind::ForbiddenCharacter('\r'), 10),
        ("http://evil\0.good.com/", Kind::ForbiddenCharacter('\0'), 11),
        ("http://a/\u{7f}", Kind::ForbiddenCharacter('\u{7f}'), 9),
        ("http://a/\u{85}", Kind::ForbiddenCharacter('\u{85}'), 9),
        ("http://a/\"", Kind::ForbiddenCharacter('"'), 9),
        ("http://a/<", Kind::ForbiddenCharacter('<'), 9),
        ("http://a/>", Kind::ForbiddenCharacter('>'), 9),
        ("http://a/?^", Kind::ForbiddenCharacter('^'), 10),
        ("http://a/?`", Kind::ForbiddenCharacter('`'), 10),
        ("http://a/#{", Kind::ForbiddenCharacter('{'), 10),
        ("http://a/ä|", Kind::ForbiddenCharacter('|'), 11),
        ("http://a/}", Kind::ForbiddenCharacter('}'), 9),
        ("http://1.1.1.1 &@2.2.2.2# @3.3.3.3/", Kind::ForbiddenCharacter(' '), 14),
        // User info.
        ("http://user@host", Kind::UserInfo, 11),
        ("http://user:password@host/", Kind::UserInfo, 20),
        ("http://@host/", Kind::UserInfo, 7),
        ("http://a@b@c", Kind::UserInfo, 8),
        ("http://good.com:80@evil.com/", Kind::UserInfo, 18),
        ("http://127.0.0.1:11211:80@evil.com", Kind::UserInfo, 25),
        ("http://good.com&@evil.com/", Kind::UserInfo, 16),
        // Ports.
        ("http://a:", Kind::EmptyPort, 9),
        ("http://a:/", Kind::EmptyPort, 9),
        ("http://[::1]:", Kind::EmptyPort, 13),
        ("http://a:0/", Kind::InvalidPort, 9),
        ("http://a:080/", Kind::InvalidPort, 9),
        ("http://a:65536/", Kind::InvalidPort, 9),
        ("http://a:65616/", Kind::InvalidPort, 9),
        ("http://a:99999999999999999999/", Kind::InvalidPort, 9),
        ("http://a:+80/", Kind::InvalidPort, 9),
        ("http://a:-80/", Kind::InvalidPort, 9),
        ("http://a:8o/", Kind::InvalidPort, 9),
        ("http://a:80:80/", Kind::InvalidPort, 9),
        ("http://127.0.0.1:11211:80/", Kind::InvalidPort, 17),
        ("http://a:８０/", Kind::InvalidPort, 9),
        ("http://a:%38%30/", Kind::InvalidPort, 9),
        // Escapes.
        ("http://a/%", Kind::InvalidEscape, 9),
        ("http://a/%4", Kind::InvalidEscape, 9),
        ("http://a/%zz", Kind::InvalidEscape, 9),
        ("http://a/%4g", Kind::InvalidEscape, 9),
        ("http://a/%+4", Kind::InvalidEscape, 9),
        ("http://a/%ä", Kind::InvalidEscape, 9),
        ("http://a/%u002e", Kind::InvalidEscape, 9),
        ("http://a/%4?1", Kind::InvalidEscape, 9),
        ("http://a/%4/1", Kind::InvalidEscape, 9),
        ("http://a/?b%2", Kind::InvalidEscape, 11),
        ("http://a/#b%2", Kind::InvalidEscape, 11),
        ("http://a/b%00c", Kind::EscapedNul, 10),
        ("http://a/?b%00c", Kind::EscapedNul, 11),
        ("http://a/#b%00c", Kind::EscapedNul, 11),
        ("http://a/b%2Fc", Kind::EscapedSeparator, 10),
        ("http://a/b%2fc", Kind::EscapedSeparator, 10),
        ("http://a/b/..%2f..%2fc", Kind::EscapedSeparator, 13),
        ("http://a/b/..%5c..%5Cc", Kind::EscapedSeparator, 13),
        // Segments that are dots once a server cuts parameters off.
        ("http://a/b/..;/c", Kind::DotSegmentParameter, 11),
        ("http://a/b/..;x=1/c", Kind::DotSegmentParameter, 11),
        ("http://a/b/.;/c", Kind::DotSegmentParameter, 11),
        ("http://a/b/%2e%2e%3bx", Kind::DotSegmentParameter, 11),
    ] {
        assert_eq!(refusal(text), (kind, offset), "{text:?}");
    }
}

#[test]
fn an_at_sign_after_the_authority_does_not_move_the_host() {
    for (text, normal) in [
        ("http://evil.com#@good.com", "http://evil.com/"),
        ("http://evil.com?@good.com", "http://evil.com/?@good.com"),
        ("http://evil.com/@good.com", "http://evil.com/@good.com"),
        ("http://evil.com/:80@good.com", "http://evil.com/:80@good.com"),
        ("http://1.1.1.1?@2.2.2.2#@3.3.3.3/", "http://1.1.1.1/?@2.2.2.2"),
    ] {
        assert_eq!(parse(text).as_str(), normal, "{text}");
    }
}

#[test]
fn origins_compare_scheme_host_and_port() {
    let same = |left, right| parse(left).same_origin(&parse(right));
    assert!(same("http://a/x", "HTTP://A:80/y?z"));
    assert!(same("https://[::1]:443", "https://[0:0::1]/"));
    assert!(!same("http://a/", "https://a/"));
    assert!(!same("http://a:443/", "https://a/"));
    assert!(!same("http://a/", "http://a:8080/"));
    assert!(!same("http://a/", "http://b/"));
    assert!(!same("http://good.com/", "http://evilgood.com/"));
}

#[test]
fn a_root_covers_whole_segments_of_its_own_origin() {
    let within = |url: &str, root: &str| parse(url).is_within(&parse(root));
    for inside in
        ["/v1/messages", "/v1/messages/", "/v1/messages/a//b", "/v1/messages?x", "/v1/%6Dessages"]
    {
        assert!(within(&format!("https://a{inside}"), "https://a:443/v1/messages"), "{inside}");
    }
    for outside in [
        "https://a/v1/messages_evil",
        "https://a/v1/messages;x",
        "https://a/v1/messages/../admin",
        "https://a/v1/messages/%2E%2E/admin",
        "https://a/v1/Messages",
        "https://a/v1//messages",
        "https://a//v1/messages",
        "https://a/v1",
        "https://a/?/v1/messages",
        "https://a.b/v1/messages",
        "http://a/v1/messages",
        "https://a:444/v1/messages",
    ] {
        assert!(!within(outside, "https://a/v1/messages"), "{outside}");
    }
    assert!(within("https://a/v1/x", "https://a/v1/"));
    assert!(!within("https://a/v1", "https://a/v1/"));
    assert!(within("https://a/anything?at=all", "https://a"));
    assert!(within("https://a/b?c", "https://a/b?c"));
    assert!(!within("https://a/b?cd", "https://a/b?c"));
    assert!(!within("https://a/b/c?c", "https://a/b?c"));
}

#[test]
fn long_urls_are_refused_before_they_are_read() {
    // Ten megabytes whose first byte is already wrong: the length is what is reported.
    let huge = " ".repeat(10_000_000);
    assert_eq!(refusal(&huge), (Kind::TooLong { bytes_max: URL_BYTES_MAX }, URL_BYTES_MAX));

    let exact = format!("http://a/{}", "x".repeat(URL_BYTES_MAX - 9));
    assert_eq!(parse(&exact).as_str(), exact);
    let over = format!("{exact}x");
    assert_eq!(refusal(&over), (Kind::TooLong { bytes_max: URL_BYTES_MAX }, URL_BYTES_MAX));

    // Short as given, too long once it is percent-encoded.
    let wide = format!("http://a/{}", "ä".repeat(URL_BYTES_MAX / 4));
    assert_eq!(refusal(&wide), (Kind::TooLong { bytes_max: URL_BYTES_MAX }, wide.len()));
    assert_eq!(Url::parse_within("http://a", 8).unwrap_err().kind, Kind::TooLong { bytes_max: 8 });
    assert_eq!(Url::parse_within("http://a", 9).unwrap().as_str(), "http://a/");
}

#[test]
fn many_dot_segments_are_taken_out_in_linear_time() {
    // A megabyte that climbs and descends; quadratic work would take minutes here.
    let text = format!("http://a/{}{}", "x/".repeat(250_000), "../".repeat(250_000));
    assert_eq!(Url::parse_within(&text, text.len()).unwrap().as_str(), "http://a/");
    let text = format!("http://a{}{}", "/".repeat(500_000), "..//".repeat(125_000));
    let path_length = Url::parse_within(&text, text.len()).unwrap().path().len();
    assert_eq!(path_length, 500_000);
}

#[test]
fn errors_say_what_where_and_what_to_do() {
    let message = |text| Url::parse(text).unwrap_err().to_string();
    assert_eq!(
        message("http://bücher.example/"),
        "URL, byte 8: U+00FC in the host; write the host's `xn--` form"
    );
    assert_eq!(
        message("http://a/b c"),
        "URL, byte 10: a space may not stand in a URL; percent-encode it"
    );
    assert_eq!(
        message("example.com"),
        "URL, byte 0: no scheme; write `https://` or `http://` in front"
    );
}

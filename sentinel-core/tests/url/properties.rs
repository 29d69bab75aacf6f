//! Properties over random text. The text is built from pieces that matter to URLs, because random
//! bytes are nearly always refused at the first one.

use arbitrary::Unstructured;
use core::cell::Cell;

use sentinel_core::wire::url::{Host, Url, UrlError};

/// What URLs are made of, with all that may be normalised away.
const PIECES: [&str; 32] = [
    "/",
    "/",
    "/",
    "/../",
    "/./",
    "..",
    ".",
    "%2e",
    "%2E%2e",
    "//",
    "?",
    "#",
    "a",
    "b",
    "...",
    ";",
    "%41",
    "%7e",
    "%c3%a4",
    "%3b",
    "%25",
    "v1/messages",
    "admin",
    "é",
    "。",
    "😀",
    "&",
    "q=[1]",
    "+",
    "~",
    "@",
    ":",
];

/// What is refused, or refused nearly everywhere.
const ODD_PIECES: [&str; 32] = [
    "http://",
    "https://",
    "HTTP:",
    "Example.COM",
    "xn--a",
    "_",
    "-",
    "localhost",
    "127.0.0.1",
    "0x7f",
    "[::1]",
    "[::ffff:1.2.3.4]",
    "[",
    "]",
    "1",
    "80",
    "443",
    "65536",
    "１",
    "\\",
    "\t",
    "\n",
    "\0",
    " ",
    "|",
    "%2f",
    "%5C",
    "%00",
    "%",
    "%zz",
    ":80",
    ":443",
];

/// Pieces in any order, in one text of four with odd ones among them.
fn text(u: &mut Unstructured<'_>) -> arbitrary::Result<String> {
    let is_odd = u.ratio(1, 4)?;
    let mut text = String::new();
    for _ in 0..u.int_in_range(0..=8)? {
        let pieces = if is_odd && u.ratio(1, 3)? { &ODD_PIECES } else { &PIECES };
        text.push_str(u.choose(pieces)?);
    }
    Ok(text)
}

/// Pieces behind a beginning that usually gets past the host.
fn likely(u: &mut Unstructured<'_>) -> arbitrary::Result<String> {
    let start = [
        "http://a/",
        "https://Example.com:444/b/",
        "http://[::1]/",
        "http://1.2.3.4/v1/",
        "http://a",
    ];
    Ok(format!("{}{}", u.choose(&start)?, text(u)?))
}

/// Everything that holds for every URL there is.
fn check(url: &Url) {
    let text = url.as_str();
    assert_eq!(Url::parse(text).as_ref(), Ok(url), "does not read back: {text}");
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
    assert!(!text.contains(['\\', '#', '"', '<', '>', '^', '`', '{', '|', '}']), "{text}");
    assert!(!url.authority().contains(['@', '%']), "{text}");
    assert!(url.path().starts_with('/'), "{text}");
    assert!(!url.path().split('/').any(|segment| matches!(segment, "." | "..")), "{text}");

    let query = url.query().map_or(String::new(), |query| format!("?{query}"));
    assert_eq!(url.request_target(), format!("{}{query}", url.path()));
    let whole = format!("{}://{}{}", url.scheme(), url.authority(), url.request_target());
    assert_eq!(whole, text);
    let port = url.explicit_port().map_or(String::new(), |port| format!(":{port}"));
    assert_eq!(url.authority(), format!("{}{port}", url.host()));
    assert_ne!(url.explicit_port(), Some(url.scheme().default_port()));
    assert_eq!(Host::parse(&url.host().to_string()), Ok(url.host()));
    assert!(url.is_within(url));
    assert!(url.same_origin(url));
    assert_eq!(url.join("").as_ref(), Ok(url));
    assert_eq!(url.join(text).as_ref(), Ok(url));
    assert_eq!(
        url.join(&format!("//{}{}", url.authority(), url.request_target())).as_ref(),
        Ok(url)
    );
}

/// The path as the most eager server reads it: decoded once, `\` as `/`, parameters cut off.
fn eager_segments(path: &str) -> Vec<String> {
    let mut decoded = Vec::new();
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(core::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    assert!(!decoded.contains(&0), "{path}");
    let decoded = String::from_utf8_lossy(&decoded).replace('\\', "/");
    decoded.split('/').map(|segment| segment.split(';').next().unwrap().to_owned()).collect()
}

#[test]
fn every_url_reads_back_as_itself() {
    let urls = Cell::new(0);
    let check_seen = |url: Result<Url, UrlError>| {
        if let Ok(url) = url {
            check(&url);
            urls.set(urls.get() + 1);
        }
    };
    arbtest::arbtest(|u| {
        check_seen(Url::parse(&likely(u)?));
        check_seen(Url::parse(&text(u)?));
        Ok(())
    })
    .size_min(64)
    .size_max(256);
    // Were everything refused, nothing above would be checked.
    assert!(urls.get() > 10, "{} URLs", urls.get());
}

#[test]
fn every_redirect_leads_to_a_url_that_reads_back() {
    let redirects = Cell::new(0);
    arbtest::arbtest(|u| {
        let Ok(base) = Url::parse(&likely(u)?) else {
            return Ok(());
        };
        let reference = text(u)?;
        match base.join(&reference) {
            Ok(url) => {
                check(&url);
                redirects.set(redirects.get() + 1);
            }
            Err(error) => assert!(error.offset <= reference.len()),
        }
        Ok(())
    })
    .size_min(64)
    .size_max(256);
    assert!(redirects.get() > 10, "{} redirects", redirects.get());
}

/// What is inside a granted prefix stays inside it, however eagerly the server decodes.
#[test]
fn a_path_inside_a_prefix_stays_inside() {
    let root = Url::parse("http://a/v1/messages").unwrap();
    let inside = Cell::new(0);
    arbtest::arbtest(|u| {
        let rest = text(u)?;
        let url = match u.arbitrary::<bool>()? {
            true => Url::parse(&format!("http://a/v1/messages/{rest}")),
            false => root.join(&format!("messages/{rest}")),
        };
        let Ok(url) = url else {
            return Ok(());
        };
        if url.is_within(&root) {
            inside.set(inside.get() + 1);
            let segments = eager_segments(url.path());
            assert_eq!(segments[..3], ["", "v1", "messages"], "{url}");
            assert!(!segments.iter().any(|segment| matches!(&**segment, "." | "..")), "{url}");
        }
        Ok(())
    })
    .size_min(64)
    .size_max(256);
    assert!(inside.get() > 10, "{} inside", inside.get());
}

#[test]
fn random_bytes_never_panic_and_errors_point_into_the_text() {
    arbtest::arbtest(|u| {
        let bytes: Vec<u8> = u.arbitrary()?;
        let random = String::from_utf8_lossy(&bytes).into_owned();
        for text in [random.clone(), format!("http://{random}"), format!("http://a/{random}")] {
            match Url::parse(&text) {
                Ok(url) => check(&url),
                Err(error) => {
                    assert!(error.offset <= text.len(), "{text:?} {error}");
                    assert!(error.to_string().bytes().all(|byte| matches!(byte, b' '..=b'~')));
                }
            }
        }
        if let Ok(host) = Host::parse(&random) {
            assert_eq!(Host::parse(&host.to_string()), Ok(host.clone()));
        }
        Ok(())
    });
}

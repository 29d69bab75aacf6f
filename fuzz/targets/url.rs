//! URLs: one spelling for each, redirects lead to URLs that hold the same promises, and what an
//! address carries is never less guarded than what it carries it in.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use libfuzzer_sys::fuzz_target;
use sentinel_core::wire::http::{Method, RequestHead, Target};
use sentinel_core::wire::url::{Authority, Host, Reach, Url, classify};

fuzz_target!(|text: &str| {
    let (text, reference) = text.split_once('\n').unwrap_or((text, ""));
    match Url::parse(text) {
        Ok(url) => {
            check(&url);
            match url.join(reference) {
                Ok(joined) => check(&joined),
                Err(error) => assert!(error.offset <= reference.len(), "{error}"),
            }
        }
        Err(error) => assert!(error.offset <= text.len(), "{error}"),
    }
    if let Ok(host) = Host::parse(text) {
        assert_eq!(Host::parse(&host.to_string()).as_ref(), Ok(&host));
    }
    if let Ok(authority) = Authority::parse(text) {
        assert_eq!(Authority::parse(&authority.to_string()).as_ref(), Ok(&authority));
    }
});

/// Everything that holds for every URL there is.
fn check(url: &Url) {
    let text = url.as_str();
    assert_eq!(Url::parse(text).as_ref(), Ok(url), "does not read back: {text}");
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
    assert!(!text.contains(['\\', '#', '"', '<', '>', '^', '`', '{', '|', '}']), "{text}");
    assert!(!url.authority().contains(['@', '%']), "{text}");
    assert!(url.path().starts_with('/'), "{text}");
    assert!(!url.path().split('/').any(|segment| matches!(segment, "." | "..")), "{text}");
    assert!(url.is_within(url) && url.same_origin(url));
    assert_eq!(url.join("").as_ref(), Ok(url));
    assert_eq!(url.join(text).as_ref(), Ok(url));

    // What a URL says can be sent, and its host in the field says the same.
    let target = Target::new(url.request_target()).expect("a request can have this target");
    let mut head = RequestHead::new(Method::GET, target);
    head.headers.append("Host", url.authority()).expect("a field can have this value");
    let authority = Authority::parse(url.authority()).expect("it was read once");
    assert_eq!(authority.host, url.host());
    assert_eq!(authority.port, url.explicit_port());

    if let Some(IpAddr::V6(address)) = url.host().address() {
        let [.., a, b, c, d] = address.octets();
        let inner = classify(IpAddr::V4(Ipv4Addr::new(a, b, c, d)));
        if address.to_ipv4_mapped().is_some() {
            assert_eq!(classify(IpAddr::V6(address)), inner);
        }
        if inner == Reach::Metadata && address.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
            assert_eq!(classify(IpAddr::V6(address)), Reach::Metadata);
        }
    }
}

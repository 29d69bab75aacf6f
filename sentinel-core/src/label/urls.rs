//! URLs that stand whole in one untrusted block, byte for byte.
//!
//! Fetching one of them carries out what its writer put there and nothing else, so it may count as
//! reading. One letter more, or one in another case, is another URL.
//!
//! # Not here
//! Which of the URLs of a page is fetched is itself a choice that tells a little: the judge counts
//! a fetch as reading only while nothing private is in the context.

use alloc::boxed::Box;

use crate::limits::{LABEL_URLS_MAX, LABEL_VALUE_BYTES_MAX};
use crate::order::Set;
use crate::wire::url::Url;

/// The URLs of a conversation's untrusted blocks.
#[derive(Clone, Debug, Default)]
pub(super) struct Urls(Set<Box<str>>);

impl Urls {
    pub(super) fn add(&mut self, text: &str) {
        let mut rest = text;
        while let Some(start) = rest.find("http") {
            rest = &rest[start..];
            let end = rest.find(|character| !is_of_url(character)).unwrap_or(rest.len());
            let url = rest[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '\'']);
            let is_url = url.starts_with("https://") || url.starts_with("http://");
            if is_url && url.len() <= LABEL_VALUE_BYTES_MAX && self.0.len() < LABEL_URLS_MAX {
                self.0.insert(url.into());
            }
            rest = &rest[end.max(1)..];
        }
    }

    /// Adds the links of a page that are written relative to where the page came from: what they
    /// mean is the writer's too.
    pub(super) fn add_relative(&mut self, text: &str, page: &Url) {
        for opening in ["href=\"", "href='", "]("] {
            for link in text.split(opening).skip(1) {
                let end =
                    link.find(|character| !is_of_url(character) || matches!(character, ')' | '\''));
                let link = &link[..end.unwrap_or(link.len())];
                if self.0.len() == LABEL_URLS_MAX {
                    return;
                }
                if let Ok(url) = page.join(link)
                    && url.as_str().len() <= LABEL_VALUE_BYTES_MAX
                {
                    self.0.insert(url.as_str().into());
                }
            }
        }
    }

    pub(super) fn contain(&self, url: &str) -> bool {
        self.0.contains(url)
    }
}

/// A URL that names a host and nothing else there: the host.
///
/// Visiting it tells the host no more than that somebody came, so it is grounded where its host is.
pub(super) fn host_alone(url: &str) -> Option<&str> {
    let host = host_of(url)?;
    let rest = url.split_once("://")?.1.strip_prefix(host)?;
    matches!(rest, "" | "/").then_some(host)
}

/// The host of a URL, if it has the plain form in which all readers agree on it.
pub(super) fn host_of(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let end = rest.find(|character: char| {
        !(character.is_ascii_alphanumeric() || matches!(character, '.' | '-'))
    });
    let (host, rest) = rest.split_at(end.unwrap_or(rest.len()));
    let ends = rest.is_empty() || rest.starts_with(['/', '?', '#']);
    (!host.is_empty() && ends && !rest.contains(['\\', '@'])).then_some(host)
}

/// The host of a place, without its port.
pub(super) fn without_port(place: &str) -> &str {
    match place.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => place,
    }
}

/// Characters of RFC 3986, without the quotes and brackets that texts put around URLs.
fn is_of_url(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._~:/?#@!$&()*+,;=%'".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_part_of_a_host() {
        for (place, host) in
            [("a.example", "a.example"), ("a.example:80", "a.example"), ("[::1]", "[::1]")]
        {
            assert_eq!(without_port(place), host);
        }
        assert_eq!(without_port("[::1]:8080"), "[::1]");
    }

    #[test]
    fn a_url_is_known_by_its_bytes() {
        let mut urls = Urls::default();
        urls.add(
            r#"{"a":"https://a.test/x?y=Z","b":1} see (http://b.test/p), httphttps://c.test."#,
        );
        for known in ["https://a.test/x?y=Z", "http://b.test/p"] {
            assert!(urls.contain(known), "{known}");
        }
        for unknown in
            ["https://a.test/x?y=z", "https://a.test/x", "https://a.test/x?y=Z1", "https://c.test"]
        {
            assert!(!urls.contain(unknown), "{unknown}");
        }
    }

    #[test]
    fn a_relative_link_means_its_page_s_host() {
        let mut urls = Urls::default();
        let page = Url::parse("https://corp.example/a/b").unwrap();
        urls.add_relative(r#"<a href="/hours">x</a> <a href='c?d=e'> [y](../z) [é](é)"#, &page);
        for known in ["/hours", "/a/c?d=e", "/z"] {
            assert!(urls.contain(&alloc::format!("https://corp.example{known}")), "{known}");
        }
        urls.add_relative(
            r#"href="//evil.test/x" href="javascript:x" href="http://u@b.test/""#,
            &page,
        );
        assert!(urls.contain("https://evil.test/x"), "absolute links stand whole elsewhere too");
        assert!(urls.0.iter().all(|url| Url::parse(url).is_ok()));
    }

    #[test]
    fn a_host_alone_carries_nothing() {
        assert_eq!(host_alone("https://a.test"), Some("a.test"));
        assert_eq!(host_alone("http://a.test/"), Some("a.test"));
        for more in [
            "https://a.test/x",
            "https://a.test/?x",
            "https://a.test#x",
            "https://a.test:8443/",
            "https://x@a.test/",
            "https://a.test\\@b.test/",
            "https:///",
            "ftp://a.test/",
        ] {
            assert_eq!(host_alone(more), None, "{more}");
        }
    }
}

//! A proxy that connections go through.

use std::fmt;

use sentinel_core::text::base64;
use sentinel_core::wire::url::{Reach as AddressReach, Scheme, Url};
use zeroize::Zeroizing;

use super::direct::Direct;

/// An HTTP proxy, and who we are to it.
#[derive(Clone)]
pub(crate) struct Proxy {
    url: Url,
    /// The value of `Proxy-Authorization`.
    credentials: Option<Zeroizing<String>>,
    /// What is reached without it.
    exceptions: Vec<Direct>,
}

impl Proxy {
    /// Reads `http://[user:password@]host[:port]`. Bytes in user and password that a URL cannot
    /// have are percent-encoded.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, after) = rest.split_at(authority_end);
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let url = Url::parse(&format!("{scheme}://{host}{after}"))
            .map_err(|error| format!("proxy: {error}"))?;
        if url.scheme() != Scheme::Http {
            return Err(
                "proxy: only proxies at `http://` are known; what is said to an `https://` \
                        place stays secret from them too"
                    .into(),
            );
        }
        if url.request_target() != "/" {
            return Err("proxy: a path means nothing: write `http://host:port`".into());
        }
        let credentials = match user {
            None => None,
            Some(user) => Some(basic(&Zeroizing::new(percent_decoded(user)?))),
        };
        Ok(Self { url, credentials, exceptions: Vec::new() })
    }

    /// The same, by which we are somebody.
    pub(crate) fn with_account(self, user: &str, password: &str) -> Self {
        let plain = Zeroizing::new(format!("{user}:{password}"));
        Self { credentials: Some(basic(plain.as_bytes())), ..self }
    }

    /// The same, without which the places of a list are reached: what stands in `NO_PROXY`. Entries
    /// that are nothing that is known are given back.
    pub(crate) fn except(mut self, list: &str) -> (Self, Vec<&str>) {
        let mut unknown = Vec::new();
        let is_between = |character: char| character == ',' || character.is_whitespace();
        for entry in list.split(is_between).filter(|entry| !entry.is_empty()) {
            match Direct::parse(entry) {
                Some(direct) => self.exceptions.push(direct),
                None => unknown.push(entry),
            }
        }
        (self, unknown)
    }

    pub(super) const fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn credentials(&self) -> Option<&str> {
        self.credentials.as_ref().map(|value| value.as_str())
    }

    /// Whether connections to a place go through it: to this machine they never do.
    pub(super) fn is_for(&self, to: &Url) -> bool {
        to.host().reach() != Some(AddressReach::Loopback)
            && !self.exceptions.iter().any(|direct| direct.holds(to))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Proxy").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The value of the header that says who somebody is, from `user:password`.
fn basic(plain: &[u8]) -> Zeroizing<String> {
    let encoded = Zeroizing::new(base64::encode(plain));
    Zeroizing::new(format!("Basic {}", *encoded))
}

fn percent_decoded(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digits = [bytes.next(), bytes.next()];
        let digits = digits.map(|digit| digit.and_then(|digit| char::from(digit).to_digit(16)));
        match digits {
            [Some(high), Some(low)] => decoded.push(u8::try_from(high * 16 + low).unwrap_or(0)),
            _ => return Err("proxy: after `%` come two hexadecimal digits".into()),
        }
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_we_are_is_read_and_never_shown() {
        let proxy = Proxy::parse("http://joe:s%40crt@proxy.example:3128").unwrap();
        assert_eq!(proxy.url().as_str(), "http://proxy.example:3128/");
        assert_eq!(proxy.credentials(), Some("Basic am9lOnNAY3J0"));
        assert!(!format!("{proxy:?}").contains("am9l"), "{proxy:?}");
        assert_eq!(Proxy::parse("10.0.0.1:8080").unwrap().url().as_str(), "http://10.0.0.1:8080/");
    }

    #[test]
    fn what_is_no_proxy_is_refused_with_a_reason() {
        for (text, reason) in [
            ("https://proxy.example", "only proxies at `http://`"),
            ("socks5://proxy.example", "proxy: "),
            ("http://proxy.example/path", "a path means nothing"),
            ("http://a%zz@proxy.example", "two hexadecimal digits"),
        ] {
            let error = Proxy::parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_excepted_is_reached_without_it() {
        let proxy = Proxy::parse("http://proxy.example").unwrap();
        let list = "localhost,127.0.0.1,::1, corp.example 10.0.0.0/8,,no such thing,";
        let (proxy, unknown) = proxy.except(list);
        assert_eq!(unknown, Vec::<&str>::new(), "words are names");
        for (text, is_for) in [
            ("https://git.corp.example/", false),
            ("http://10.1.2.3:8080/", false),
            ("http://11.1.2.3/", true),
        ] {
            assert_eq!(proxy.is_for(&Url::parse(text).unwrap()), is_for, "{text}");
        }
        let (proxy, unknown) = proxy.except("10.0.0.0/99,other.example,[::1");
        assert_eq!(unknown, ["10.0.0.0/99", "[::1"]);
        assert!(!proxy.is_for(&Url::parse("https://other.example/").unwrap()));
    }

    #[test]
    fn an_account_is_told_in_place_of_what_the_address_says() {
        let proxy = Proxy::parse("http://proxy.example").unwrap();
        let proxy = proxy.with_account("joe", "s@crt");
        assert_eq!(proxy.credentials(), Some("Basic am9lOnNAY3J0"));
    }

    #[test]
    fn this_machine_is_never_reached_through_a_proxy() {
        let proxy = Proxy::parse("http://proxy.example").unwrap();
        for (text, is_for) in [
            ("http://127.0.0.1:11434/", false),
            ("http://localhost/", false),
            ("https://api.example.com/", true),
            ("http://10.1.2.3/", true),
        ] {
            assert_eq!(proxy.is_for(&Url::parse(text).unwrap()), is_for, "{text}");
        }
    }
}

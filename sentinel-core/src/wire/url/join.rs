//! References: where a redirect leads.
//!
//! A `Location` field holds a URL or a part of one, read against the URL that was asked (RFC 9110
//! §10.2.2, RFC 3986 §5.2). The answer is a [`Url`] like any other and no more trusted: the caller
//! checks origin, downgrade, grant and address again.
//!
//! # Not here
//! How many redirects to follow, and which fields to leave out of the next request.

use alloc::string::String;

use super::error::UrlError;
use super::parse::{self, Parts};
use super::{Scheme, Url};
use crate::limits::URL_BYTES_MAX;

impl Url {
    /// What `reference` means when this URL's answer says it.
    ///
    /// Resolution is the strict one of RFC 3986 §5.2.2. The base's fragment, which RFC 9110 would
    /// hand on, does not exist here.
    ///
    /// ```
    /// use sentinel_core::wire::url::Url;
    ///
    /// let asked = Url::parse("https://example.com/a/b?c")?;
    /// assert_eq!(asked.join("../d")?.as_str(), "https://example.com/d");
    /// assert_eq!(asked.join("//other.example")?.as_str(), "https://other.example/");
    /// assert!(asked.join("http://example.com/")?.is_downgrade_from(&asked));
    /// assert!(asked.join("file:///etc/passwd").is_err());
    /// # Ok::<(), sentinel_core::wire::url::UrlError>(())
    /// ```
    pub fn join(&self, reference: &str) -> Result<Self, UrlError> {
        self.join_within(reference, URL_BYTES_MAX)
    }

    /// The same, where neither the reference nor the result has more than `bytes_max` bytes.
    pub fn join_within(&self, reference: &str, bytes_max: usize) -> Result<Self, UrlError> {
        parse::check_characters(reference, bytes_max)?;
        // A colon before any slash ends a scheme (RFC 3986 §4.2).
        let first = reference.find([':', '/', '?', '#']);
        if first.is_some_and(|index| reference[index..].starts_with(':')) {
            return parse::absolute(reference, bytes_max);
        }
        if reference.starts_with("//") {
            return parse::hierarchy(self.scheme, reference, 0, bytes_max);
        }
        let parts = Parts::split(reference, 0);
        let path = parts.path.clone();
        let is_same_path = path.is_empty();
        let keeps_query = is_same_path && parts.query.is_none();
        let keep = if keeps_query {
            self.text.len()
        } else if is_same_path {
            self.path_end
        } else if reference.starts_with('/') {
            self.path_start + 1
        } else {
            // Everything up to the last slash (RFC 3986 §5.2.3); a path always has one.
            let last_slash = self.path().rfind('/').unwrap_or(0);
            self.path_start + last_slash + 1
        };
        let mut text = String::with_capacity(keep + reference.len());
        text.push_str(&self.text[..keep]);
        let mut url = Self { text, ..*self };
        if !is_same_path {
            let start = path.start + usize::from(reference.starts_with('/'));
            parse::push_segments(&mut url.text, self.path_start, reference, start..path.end)?;
            url.path_end = url.text.len();
        }
        parse::finish(url, reference, &parts, bytes_max)
    }

    /// Whether following from `previous` to this URL leaves TLS behind.
    pub fn is_downgrade_from(&self, previous: &Self) -> bool {
        previous.scheme == Scheme::Https && self.scheme == Scheme::Http
    }
}

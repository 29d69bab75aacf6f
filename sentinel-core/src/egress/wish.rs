//! A request as it goes on, and what of an answer comes back.
//!
//! # Invariants
//! - Fields that are meant for the next hop alone stay here, and so does every way to change the
//!   protocol.
//! - What is added outside replaces what the program wrote under the same name.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::allowance::{Added, Allowance};
use super::conversation::Way;
use super::inspection::SECRET_BYTES_MIN;
use super::passage::{Outcome, Passage};
use super::refusal::Refusal;
use super::scrub::Scrubber;
use super::secret::{SharedSecret, Wiped};
use crate::limits::EGRESS_PATH_BYTES_MAX;
use crate::text::base64;
use crate::time::Timestamp;
use crate::wire::http::{
    BodyLength, Headers, HttpError, Method, RequestHead, ResponseHead, Target,
};
use crate::wire::url::{Scheme, Url};

/// A request as it goes to the server.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) url: Url,
    pub(super) method: Method,
    pub(super) headers: Headers,
    pub(super) length: BodyLength,
}

impl Wish {
    pub(super) fn new(url: Url, head: &RequestHead) -> Result<Self, HttpError> {
        let mut headers = Headers::new();
        copy(&head.headers, &mut headers, &["host", "proxy-authorization"])?;
        let length = body_length(&head.headers).unwrap_or(BodyLength::Empty);
        Ok(Self { url, method: head.method.clone(), headers, length })
    }

    /// What is added to it.
    pub(super) fn added(&self, allowance: &Allowance) -> Vec<Added> {
        let (host, port) = (self.url.host(), self.url.port());
        allowance.added_at(&host, port, self.url.scheme() == Scheme::Https).cloned().collect()
    }

    /// Whether it may go on as what it was judged to be.
    pub(super) fn check(&self, allowance: &Allowance, now: Timestamp) -> Result<(), Refusal> {
        let is_narrow = allowance.is_narrow(&self.url.host(), self.url.port(), now);
        let overrides = |name: &str| OVERRIDES.iter().any(|other| is_same(name, other));
        if is_narrow && self.headers.iter().any(|(name, _)| overrides(name.as_str())) {
            return Err(Refusal::Override);
        }
        let added = self.added(allowance);
        let asks_back = ["TRACE", "TRACK"].contains(&self.method.as_str());
        if added.iter().any(|added| added.secret.is_none()) {
            return Err(Refusal::NoSecret);
        }
        if asks_back && !added.is_empty() { Err(Refusal::Echo) } else { Ok(()) }
    }

    /// The request as the next connection wants it.
    pub(super) fn head(&self, way: &Way, added: &[Added]) -> Result<RequestHead, HttpError> {
        let target = match way {
            Way::Direct => Target::new(self.url.request_target())?,
            Way::Proxy(_) => Target::new(self.url.as_str())?,
        };
        let mut head = RequestHead::new(self.method.clone(), target);
        head.headers.append("Host", self.url.authority())?;
        if let Way::Proxy(Some(credentials)) = way {
            head.headers.append("Proxy-Authorization", &**credentials)?;
        }
        // What the program wrote there is not what the operator wants to be known by.
        let mut without: Vec<&str> = added.iter().map(|added| added.injection.header()).collect();
        if !added.is_empty() {
            // In what is compressed nothing could be covered, nor in what comes in pieces.
            without.extend(["accept-encoding", "range", "if-range"]);
        }
        copy(&self.headers, &mut head.headers, &without)?;
        let secrets = added.iter().filter_map(|Added { injection, secret }| {
            Some((injection.header(), injection.value(secret.as_ref()?.as_str())))
        });
        let secrets: Vec<_> = secrets.collect();
        // Room for all of it, so that none is moved and left behind.
        head.headers.reserve(secrets.iter().map(|(name, value)| name.len() + value.len()).sum());
        let written = secrets
            .iter()
            .try_for_each(|(name, value)| head.headers.append(name, value.as_bytes()));
        if let Err(error) = written {
            // The one before it may be in there.
            drop(Wiped(head.headers.into_bytes()));
            return Err(error);
        }
        Ok(head)
    }

    pub(super) fn passage(&self, outcome: Outcome) -> Passage {
        let path = self.url.path();
        // A URL is ASCII.
        let path = path.get(..EGRESS_PATH_BYTES_MAX).unwrap_or(path);
        let method = self.method.as_str();
        let method = method.get(..METHOD_BYTES_MAX).unwrap_or(method);
        Passage {
            host: self.url.host().to_string(),
            port: self.url.port(),
            request: Some((method.to_string(), path.to_string())),
            secrets: Vec::new(),
            outcome,
        }
    }
}

/// The length that a head announces, which the codec has checked.
pub(super) fn body_length(headers: &Headers) -> Option<BodyLength> {
    if headers.contains("transfer-encoding") {
        return Some(BodyLength::Streamed);
    }
    let length = headers.get("content-length")?.as_str()?.parse().ok()?;
    Some(if length == 0 { BodyLength::Empty } else { BodyLength::Exact(length) })
}

/// The head of an answer as the program gets it.
pub(super) fn passed_on_answer(
    head: &ResponseHead,
    scrubber: &Scrubber,
) -> Result<ResponseHead, HttpError> {
    let mut passed = ResponseHead::new(head.status);
    if scrubber.is_idle() {
        passed.reason = head.reason.clone();
        copy(&head.headers, &mut passed.headers, &["proxy-authenticate"])?;
        return Ok(passed);
    }
    for (name, value) in head.headers.iter() {
        if goes_on(&head.headers, name.as_str(), &["proxy-authenticate"]) {
            passed.headers.append(name.as_str(), scrubber.cover(value.as_bytes()))?;
        }
    }
    Ok(passed)
}

/// Copies the fields that are not for this hop alone, nor among `without`.
fn copy(from: &Headers, to: &mut Headers, without: &[&str]) -> Result<(), HttpError> {
    for (name, value) in from.iter() {
        if goes_on(from, name.as_str(), without) {
            to.append(name.as_str(), value.as_bytes())?;
        }
    }
    Ok(())
}

/// Whether a field is not for this hop alone (RFC 9110 §7.6.1), nor among `without`.
fn goes_on(headers: &Headers, name: &str, without: &[&str]) -> bool {
    let is_named = HOP_FIELDS.iter().chain(without).any(|other| is_same(name, other));
    !is_named && !headers.lists("connection", name)
}

/// Whether some server takes one name for the other: those that hand fields on as variables cannot
/// tell a dash from what stands for it there.
fn is_same(name: &str, other: &str) -> bool {
    let plain = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    name.bytes().map(plain).eq(other.bytes().map(plain))
}

/// What a secret may be said back as, letter for letter: itself, what stands behind the name of a
/// scheme, and what that is if the scheme is the one of users and passwords.
pub(super) fn forms(added: &Added) -> Vec<SharedSecret> {
    let Some(secret) = &added.secret else { return Vec::new() };
    let value = added.injection.value(secret.as_str());
    let mut forms = Vec::from([secret.clone()]);
    let mut also = |form: &str| {
        if form.len() >= SECRET_BYTES_MIN && forms.iter().all(|known| known.as_str() != form) {
            forms.push(SharedSecret::from(form));
        }
    };
    if let Some((scheme, credential)) = value.rsplit_once(' ') {
        also(credential);
        let pair = base64::decode(credential).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"));
        let pair = pair.map(Wiped);
        if let Some(pair) = pair.as_deref().and_then(|pair| core::str::from_utf8(pair).ok()) {
            also(pair);
            also(pair.split_once(':').map_or("", |(_, password)| password));
        }
    }
    forms
}

const HOP_FIELDS: &[&str] = &[
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];
/// Some servers take these for the method or the path, whatever the request itself says.
const OVERRIDES: [&str; 5] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
];
/// Longer than any that is registered.
const METHOD_BYTES_MAX: usize = 32;

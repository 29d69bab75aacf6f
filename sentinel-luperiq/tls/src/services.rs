//! Which services there are, and what may be asked of them.
//!
//! Each is a word of the program's arguments, `NAME KEY ADDRESS`:
//!
//! ```text
//! anthropic x-api-key https://api.anthropic.com/v1/messages
//! openai    bearer    https://api.openai.com/v1/chat/completions
//! telegram  bot-path  https://api.telegram.org/bot
//! docs      pages     https://docs.example.com/
//! ```
//!
//! # Invariants
//! - A key goes to one host, into one field, with a request for its address or what is beneath it,
//!   and only by the method [`METHOD`].
//! - What has pages is looked at, by the methods [`LOOKS`], and is sent no body.
//! - A key is in no text that this program says.

use alloc::format;
use alloc::string::String;
use core::fmt;

use luperiq_exchange::Asked;
use sentinel_core::wire::http::{HttpError, Method, RequestHead, Target};
use sentinel_core::wire::url::{Host, Scheme, Url};
use zeroize::Zeroizing;

/// Something that is reached, and how.
pub struct Service {
    /// What the agent calls it.
    pub name: String,
    place: Place,
    address: Url,
    key: Zeroizing<String>,
}

/// Where its key goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Into `x-api-key`.
    Field,
    /// Into `authorization`, as a bearer's.
    Bearer,
    /// Into the path, right behind the address's own (Telegram's).
    Path,
    /// It wants none.
    Nowhere,
    /// It wants none, and is only looked at.
    Pages,
}

impl Service {
    /// Reads a word.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(word: &str) -> Result<Self, String> {
        let mut parts = word.split_ascii_whitespace();
        let (Some(name), Some(place), Some(address), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(format!("`{word}` is no name, place of a key, and address"));
        };
        let place = match place {
            "x-api-key" => Place::Field,
            "bearer" => Place::Bearer,
            "bot-path" => Place::Path,
            "none" => Place::Nowhere,
            "pages" => Place::Pages,
            other => {
                return Err(format!("`{other}` is not x-api-key, bearer, bot-path, none or pages"));
            }
        };
        let address = Url::parse(address).map_err(|error| format!("`{address}`: {error}"))?;
        if address.scheme() != Scheme::Https {
            return Err(format!("`{address}`: nothing is sent there but by https"));
        }
        if !matches!(address.host(), Host::Name(_)) {
            return Err(format!("`{address}`: a host has a name here, and is no number"));
        }
        Ok(Self { name: name.into(), place, address, key: Zeroizing::new(String::new()) })
    }

    /// Whether it wants a key.
    #[must_use]
    pub fn wants_key(&self) -> bool {
        !matches!(self.place, Place::Nowhere | Place::Pages)
    }

    /// Gives it its key, as a file has it.
    ///
    /// # Errors
    /// It is none, without a word of it.
    pub fn set_key(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
        let text = core::str::from_utf8(bytes).map_err(|_| "it is no text")?.trim();
        if text.is_empty() {
            return Err("nothing is in it");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("it is not one word of plain characters");
        }
        let is_in_path = |byte: u8| byte.is_ascii_alphanumeric() || b":-_".contains(&byte);
        if self.place == Place::Path && !text.bytes().all(is_in_path) {
            return Err("it is none that may stand in a path");
        }
        self.key = Zeroizing::new(text.into());
        Ok(())
    }

    /// The host's name.
    #[must_use]
    pub fn host(&self) -> String {
        match self.address.host() {
            Host::Name(name) => name.as_str().into(),
            _ => String::new(),
        }
    }

    /// The head of a request, with the key.
    ///
    /// # Errors
    /// It is nothing that may be asked of this service.
    pub fn head(&self, asked: &Asked<'_>) -> Result<RequestHead, String> {
        let name = &self.name;
        let url = Url::parse(asked.url).map_err(|error| format!("{}: {error}", asked.url))?;
        if !url.is_within(&self.address) {
            return Err(format!(
                "the agent takes '{name}' to be at {url}, and the boot manifest says {}: change \
                 one of them",
                self.address
            ));
        }
        let methods: &[&str] = if self.place == Place::Pages { &LOOKS } else { &[METHOD] };
        if !methods.contains(&asked.method) {
            let methods = methods.join(" and ");
            return Err(format!("'{name}' is asked by {methods} only, not by {}", asked.method));
        }
        if self.place == Place::Pages && asked.body_bytes > 0 {
            return Err(format!("'{name}' is sent nothing"));
        }
        let built = self.build(&url, asked);
        built.map_err(|error| format!("the request for '{name}' is none: {error}"))
    }

    fn build(&self, url: &Url, asked: &Asked<'_>) -> Result<RequestHead, HttpError> {
        let target = match self.place {
            Place::Path => Target::new(&self.with_key(url))?,
            _ => Target::new(url.request_target())?,
        };
        let mut head = RequestHead::new(Method::new(asked.method)?, target);
        head.headers.append("Host", url.authority())?;
        for (name, value) in &asked.fields {
            // The key's own field, once.
            if ["authorization", "x-api-key", "host"]
                .iter()
                .any(|own| name.eq_ignore_ascii_case(own))
            {
                continue;
            }
            head.headers.append(*name, *value)?;
        }
        match self.place {
            Place::Field => head.headers.append("x-api-key", self.key.as_str())?,
            Place::Bearer => {
                let value = Zeroizing::new(format!("Bearer {}", self.key.as_str()));
                head.headers.append("authorization", value.as_str())?;
            }
            Place::Path | Place::Nowhere | Place::Pages => {}
        }
        Ok(head)
    }

    /// A target beneath the address, with the key between them.
    fn with_key(&self, url: &Url) -> Zeroizing<String> {
        let own = self.address.request_target();
        let rest = url.request_target().strip_prefix(own).unwrap_or_default();
        Zeroizing::new([own, self.key.as_str(), rest].concat())
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = formatter.debug_struct("Service");
        out.field("name", &self.name).field("address", &self.address.as_str()).finish()
    }
}

/// What models are asked by, and nothing else.
const METHOD: &str = "POST";

/// What pages are asked by.
const LOOKS: [&str; 2] = ["GET", "HEAD"];

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use luperiq_exchange::Times;
    use std::string::ToString as _;

    use super::*;

    fn service(word: &str) -> Service {
        let mut service = Service::parse(word).unwrap();
        service.set_key(b" sk-1234\n").unwrap();
        service
    }

    fn asked<'a>(url: &'a str, fields: Vec<(&'a str, &'a str)>) -> Asked<'a> {
        let times = Times { connect: 1, first_byte: 1, idle: 1, total: 1 };
        Asked { service: "a", method: "POST", url, fields, body_bytes: 0, times }
    }

    #[test]
    fn a_word_is_a_service_or_is_named() {
        for (word, what) in [
            ("", "is no name"),
            ("a bearer", "is no name"),
            ("a bearer https://a.example/ more", "is no name"),
            ("a basic https://a.example/", "`basic` is not"),
            ("a Bot-Path https://a.example/bot", "`Bot-Path` is not"),
            ("a none http://a.example/", "but by https"),
            ("a none https://10.0.2.2/", "a host has a name"),
            ("a none https://[::1]/", "a host has a name"),
            ("a none ftp://a.example/", "ftp"),
        ] {
            let said = Service::parse(word).unwrap_err();
            assert!(said.contains(what), "{word}: {said}");
        }
        let mut keyed = service("a bearer https://a.example:8443/v1");
        assert_eq!((keyed.host().as_str(), keyed.wants_key()), ("a.example", true));
        assert!(!service("a none https://a.example/").wants_key());
        for bad in [&b""[..], b" \n", b"a b", b"a\r\nb", b"\xff", "\u{fc}".as_bytes()] {
            keyed.set_key(bad).unwrap_err();
        }
        assert!(!format!("{keyed:?}").contains("sk-1234"));
    }

    #[test]
    fn a_token_stands_in_the_path_behind_the_address_and_nowhere_else() {
        let mut bot = Service::parse("a bot-path https://a.example/bot").unwrap();
        for bad in [&b"1:a/b"[..], b"1:a?b", b"1:a%2f", b"1:a#b", b"../1:a"] {
            bot.set_key(bad).unwrap_err();
        }
        bot.set_key(b"12:AB-c_d\n").unwrap();
        let target = |url| {
            let head = bot.head(&asked(url, Vec::new()))?;
            Ok(head.target.as_str().to_string())
        };
        let target = |url| -> Result<String, String> { target(url) };
        let is_it = "/bot12:AB-c_d/getUpdates?a=/bot/x";
        assert_eq!(target("https://a.example/bot/getUpdates?a=/bot/x").unwrap(), is_it);
        for url in [
            "https://a.example/getUpdates",
            "https://a.example/file/bot/getUpdates",
            "https://a.example/bots/getUpdates",
            "https://a.example/bot/../getUpdates",
            "https://b.example/bot/getUpdates",
        ] {
            let said = target(url).unwrap_err();
            assert!(!said.contains("AB-c_d"), "{said}");
        }
    }

    #[test]
    fn a_key_goes_to_its_address_in_its_field_and_nowhere_else() {
        let keyed = service("a x-api-key https://a.example/v1/messages");
        let fields = [("X-Api-Key", "mine"), ("Host", "b.example"), ("accept", "*/*")];
        let head = keyed.head(&asked("https://a.example/v1/messages", fields.into())).unwrap();
        let of = |name| head.headers.all(name).map(|v| v.as_str().unwrap().to_string());
        assert_eq!(of("x-api-key").collect::<Vec<_>>(), ["sk-1234"]);
        assert_eq!(of("host").collect::<Vec<_>>(), ["a.example"]);
        assert_eq!(of("accept").collect::<Vec<_>>(), ["*/*"]);
        let keyed = service("a bearer https://a.example/v1/messages");
        let url = "https://a.example/v1/messages/more";
        let head = keyed.head(&asked(url, [("Authorization", "mine")].into())).unwrap();
        let of = |name| head.headers.all(name).map(|v| v.as_str().unwrap().to_string());
        assert_eq!(of("authorization").collect::<Vec<_>>(), ["Bearer sk-1234"]);
        for url in [
            "https://b.example/v1/messages",
            "https://a.example:444/v1/messages",
            "http://a.example/v1/messages",
            "https://a.example/v1/files",
            "https://a.example/v1/messages/../files",
            "https://a.example/v1/messages2",
            "nonsense",
        ] {
            let said = keyed.head(&asked(url, Vec::new())).unwrap_err();
            assert!(!said.contains("sk-1234"), "{said}");
        }
        let url = "https://a.example/v1/messages";
        let said = keyed.head(&Asked { method: "GET", ..asked(url, Vec::new()) }).unwrap_err();
        assert!(said.contains("by POST only"));
        for field in [("a", "b\r\nc: d"), ("a b", ""), ("Content-Length", "5")] {
            assert!(keyed.head(&asked(url, [field].into())).is_err(), "{field:?}");
        }
    }

    #[test]
    fn pages_are_looked_at_and_nothing_is_sent_there() {
        let pages = Service::parse("docs pages https://a.example/guide/").unwrap();
        assert!(!pages.wants_key());
        let url = "https://a.example/guide/tea?hot=1";
        let looked = |method, body_bytes| Asked { method, body_bytes, ..asked(url, Vec::new()) };
        for method in ["GET", "HEAD"] {
            let head = pages.head(&looked(method, 0)).unwrap();
            assert_eq!(head.target.as_str(), "/guide/tea?hot=1");
        }
        for (asked, why) in [
            (looked("POST", 0), "by GET and HEAD only"),
            (looked("DELETE", 0), "by GET and HEAD only"),
            (looked("get", 0), "by GET and HEAD only"),
            (looked("GET", 1), "is sent nothing"),
        ] {
            let said = pages.head(&asked).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
        for url in
            ["https://a.example/", "https://a.example/guide/../x", "https://b.example/guide/"]
        {
            let asked = Asked { method: "GET", ..asked(url, Vec::new()) };
            assert!(pages.head(&asked).is_err(), "{url}");
        }
        let fields = [("authorization", "mine"), ("accept", "*/*")].into();
        let head = pages.head(&Asked { method: "GET", ..asked(url, fields) }).unwrap();
        assert!(head.headers.get("authorization").is_none());
        assert!(head.headers.get("accept").is_some());
    }
}

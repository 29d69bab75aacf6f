//! Why a program is not let out.
//!
//! # Invariants
//! - Each refusal has a word that never changes its meaning: records are made of them.
//! - What is said to the program tells what the operator could write, and nothing that only the
//!   proxy knows.

use core::fmt;

/// Declares refusals with the word of a record and the sentence for people side by side.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $status:literal, $text:literal;)*) => {
        /// Why a program is not let out.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Refusal { $($(#[$doc])* $name,)* }

        impl Refusal {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its word in a record.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The status of an answer in HTTP.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// What it means, for people.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

refusals! {
    /// No grant names the place.
    NotGranted = "not-granted", 403,
        "no grant covers this host and port: the operator can grant 'connect HOST:PORT'";
    /// The call does not name the place.
    NotNamed = "not-named", 403,
        "the call does not name this host and port in 'hosts', so its program is not let out there";
    /// A rule forbids it.
    Forbidden = "forbidden", 403, "a rule of the operator forbids this host";
    /// An address that no grant spells out.
    Literal = "address-not-granted", 403,
        "an address is reached only by a grant that spells it out; use the name of the host";
    /// The grant speaks of requests, and nobody sees them.
    Hidden = "requests-hidden", 403,
        "the grant speaks of methods or paths, and inside TLS nobody sees them: grant the host \
         without them, have TLS inspected, or use the tool that fetches pages";
    /// The place is granted, this request is not.
    Request = "request-not-granted", 403,
        "this host is granted, and this method and path are not";
    /// The name leads where it may not.
    Address = "address-refused", 403,
        "the name leads to an address that is not on the public internet: the operator can grant \
         that address itself";
    /// What should be TLS is not.
    NotTls = "not-tls", 403, "on this port only TLS is spoken through this proxy";
    /// TLS that names no host.
    NoName = "tls-without-name", 403, "the TLS client names no host (SNI), so it is not let out";
    /// TLS that names another host.
    WrongName = "tls-wrong-name", 403,
        "the TLS client names another host (SNI) than the one it asked to be connected to";
    /// TLS that hides which host it names.
    EncryptedName = "tls-encrypted-name", 403,
        "the TLS client hides which host it names (ECH): turn that off in the program";
    /// A `ClientHello` that cannot be read in one way.
    BadHello = "tls-unreadable", 403, "the first message of TLS cannot be read";
    /// Neither TLS nor HTTP, on a port that the grant does not name.
    Unknown = "protocol-unknown", 403,
        "this is neither TLS nor HTTP: the operator can grant the port by its number, as in \
         'connect HOST:22'";
    /// The server of the host could not prove that it is.
    Unproven = "tls-unproven", 403, "the server did not prove that it is this host";
    /// The program does not take the certificate with which TLS is looked into.
    Untaken = "tls-untaken", 403,
        "the program broke off TLS that is looked into: it has to take the certificate that \
         SSL_CERT_FILE names, and to speak HTTP/1.1";
    /// A request for what was asked, where a secret would be added.
    Echo = "echo-refused", 405,
        "a secret is added to requests for this host, and TRACE would bring it back";
    /// A header that makes another request out of one that is granted.
    Override = "override-refused", 403,
        "the request has a header that names another method or path than its own";
    /// A secret that should be added is not there.
    NoSecret = "secret-missing", 403,
        "a secret is to be added to requests for this host, and it could not be read: the operator \
         is told why";
    /// A request in the clear that names another host than the connection is to.
    OtherHost = "other-host", 403, "the request names another host than the connection is to";
    /// A request that is not one for a proxy, or not one of a kind that is passed on.
    Form = "not-for-a-proxy", 400,
        "this is a proxy: send 'CONNECT host:port', or the whole 'http://' address of a page";
    /// What came breaks the protocol, or can be read in two ways.
    Malformed = "malformed", 400, "the request cannot be read, or could be read in two ways";
    /// A command of SOCKS that is none of ours.
    Command = "socks-command", 405, "only CONNECT of SOCKS5 is served, without a password";
    /// It took too long to say what it wants.
    Slow = "too-slow", 408, "the request did not come in time";
    /// The call made all the connections that it may.
    Exhausted = "used-up", 429, "this call made as many connections, or moved as much, as it may";
}

impl Refusal {
    /// The refusal of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|refusal| refusal.word() == word)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.sentence())
    }
}

impl core::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_names_one_refusal() {
        for refusal in Refusal::ALL {
            assert_eq!(Refusal::from_word(refusal.word()), Some(*refusal));
            assert!((400..500).contains(&refusal.status()));
        }
        assert_eq!(Refusal::from_word("other"), None);
    }
}

//! What the network's program is told: words, from whoever starts it.
//!
//! | word | means |
//! |---|---|
//! | `address=10.0.2.15/24` | its address; without it, DHCP gives one |
//! | `gateway=10.0.2.2` | where what is not near goes |
//! | `dns=10.0.2.3` or `dns=10.0.2.3:5353` | who is asked for addresses of names |
//! | `host=NAME=10.0.2.2` | a host whose address is known; it may be any |
//! | `private` | names may lead to private addresses as well |

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, SocketAddrV4};
use core::str::FromStr;

use crate::limits::HOSTS_MAX;

/// What the network's program is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Its address and how many bits of it are the network's.
    pub address: Option<(Ipv4Addr, u8)>,
    /// Where what is not near goes.
    pub gateway: Option<Ipv4Addr>,
    /// Who is asked for addresses.
    pub server: Option<SocketAddrV4>,
    /// Hosts whose addresses are known.
    pub hosts: Vec<(String, Ipv4Addr)>,
    /// Whether names may lead to private addresses.
    pub is_private: bool,
}

impl Settings {
    /// Reads the words.
    ///
    /// # Errors
    /// The word that means nothing, as a sentence.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut settings = Self::default();
        for word in words {
            settings.learn(word).ok_or_else(|| format!("`{word}` means nothing here"))?;
        }
        Ok(settings)
    }

    /// The address of a host that is known.
    #[must_use]
    pub fn host(&self, name: &str) -> Option<Ipv4Addr> {
        let (_, address) = self.hosts.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(*address)
    }

    fn learn(&mut self, word: &str) -> Option<()> {
        match word.split_once('=') {
            Some(("address", value)) => {
                let (address, bits) = value.split_once('/')?;
                let bits = bits.parse().ok().filter(|bits| *bits <= 32)?;
                self.address = Some((of(address)?, bits));
            }
            Some(("gateway", value)) => self.gateway = Some(of(value)?),
            Some(("dns", value)) => {
                let plain = || of(value).map(|address| SocketAddrV4::new(address, DNS_PORT));
                self.server = Some(of(value).or_else(plain)?);
            }
            Some(("host", value)) if self.hosts.len() < HOSTS_MAX => {
                let (name, address) = value.rsplit_once('=')?;
                self.hosts.push((name.into(), of(address)?));
            }
            None if word == "private" => self.is_private = true,
            _ => return None,
        }
        Some(())
    }
}

fn of<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// Where servers of names listen.
pub const DNS_PORT: u16 = 53;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_what_means_nothing_is_named() {
        let words = "address=10.0.2.15/24 gateway=10.0.2.2 dns=10.0.2.3 host=a.b=10.0.2.4 private";
        let settings = Settings::parse(words.split(' ')).unwrap();
        assert_eq!(settings.address, Some((Ipv4Addr::new(10, 0, 2, 15), 24)));
        assert_eq!(settings.server, Some("10.0.2.3:53".parse().unwrap()));
        assert_eq!(settings.host("A.b"), Some(Ipv4Addr::new(10, 0, 2, 4)));
        assert_eq!(settings.host("a"), None);
        assert!(settings.is_private);
        let other = Settings::parse(["dns=10.0.2.3:5353"]).unwrap();
        assert_eq!(other.server, Some("10.0.2.3:5353".parse().unwrap()));
        for wrong in [
            "",
            "address",
            "address=10.0.2.15",
            "address=10.0.2.15/33",
            "gateway=x",
            "dns=",
            "host=a",
            "host=a=b",
            "public",
            "mtu=9000",
        ] {
            let said = Settings::parse([wrong]).unwrap_err();
            assert_eq!(said, format!("`{wrong}` means nothing here"));
        }
        let many = vec!["host=a=10.0.0.1"; HOSTS_MAX + 1];
        assert!(Settings::parse(many).is_err());
    }
}

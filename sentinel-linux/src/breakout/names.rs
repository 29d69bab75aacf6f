//! What a careless program takes a host for: an address however it is spelt, and this machine.
//!
//! The C library would say the same, but one that is linked into the program loads others when it
//! is asked for a name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The addresses of a host.
pub(super) fn addresses(host: &str) -> Vec<IpAddr> {
    if host.eq_ignore_ascii_case("localhost") {
        return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    }
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let address = bare.parse().ok().or_else(|| old_spelling(bare).map(IpAddr::V4));
    address.into_iter().collect()
}

/// The same of a host with a port behind it.
pub(super) fn places(place: &str) -> Vec<SocketAddr> {
    let Some((host, port)) = place.rsplit_once(':') else { return Vec::new() };
    let Ok(port) = port.parse() else { return Vec::new() };
    addresses(host).into_iter().map(|address| SocketAddr::new(address, port)).collect()
}

/// One to four numbers, each decimal, octal or hexadecimal, of which the last takes what is left.
fn old_spelling(host: &str) -> Option<Ipv4Addr> {
    let number = |word: &str| match (word.strip_prefix("0x"), word.strip_prefix('0')) {
        (Some(digits), _) => u32::from_str_radix(digits, 16).ok(),
        (None, Some(digits)) if !digits.is_empty() => u32::from_str_radix(digits, 8).ok(),
        _ => word.parse().ok(),
    };
    let numbers: Option<Vec<u32>> = host.split('.').map(number).collect();
    let numbers = numbers?;
    let (last, bytes) = numbers.split_last()?;
    if bytes.len() > 3 || bytes.iter().any(|byte| *byte > 255) {
        return None;
    }
    let bits_left = 32 - 8 * bytes.len();
    if bits_left < 32 && *last >> bits_left != 0 {
        return None;
    }
    let upper = bytes.iter().fold(0, |sum, byte| sum << 8 | byte);
    Some(Ipv4Addr::from(upper.checked_shl(bits_left as u32).unwrap_or(0) | last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_found_however_it_is_spelt() {
        let own: Vec<IpAddr> = vec![Ipv4Addr::LOCALHOST.into()];
        for host in ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.0.1"] {
            assert_eq!(addresses(host), own, "{host}");
        }
        assert_eq!(addresses("[::1]"), [IpAddr::V6(Ipv6Addr::LOCALHOST)]);
        assert_eq!(addresses("localhost").len(), 2);
        assert_eq!(addresses("0"), [IpAddr::V4(Ipv4Addr::UNSPECIFIED)]);
        for host in ["", "example.com", "256.0.0.1", "1.2.3.4.5", "127.0.0x1000000", "08.1"] {
            assert!(addresses(host).is_empty(), "{host}");
        }
        assert_eq!(places("[::1]:80"), ["[::1]:80".parse().unwrap()]);
        assert!(places("127.1:x").is_empty());
    }
}

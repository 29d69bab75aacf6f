//! The byte classes of RFC 9110 and RFC 3986, and comma-separated lists.
//!
//! One table for all that reads and all that writes: what the checking constructors let through is
//! what the parser lets through.

/// Whether a field value may hold this byte.
pub(crate) const fn is_value_byte(byte: u8) -> bool {
    Class::VALUE.has(byte)
}

/// The first byte that is not of the class, as an index.
pub(crate) const fn first_other(bytes: &[u8], class: Class) -> Option<usize> {
    let mut index = 0;
    while index < bytes.len() {
        if !class.has(bytes[index]) {
            return Some(index);
        }
        index += 1;
    }
    None
}

/// A class of bytes, for [`first_other`].
#[derive(Clone, Copy)]
pub(crate) struct Class(u8);

impl Class {
    /// `token` bytes (RFC 9110 §5.6.2): methods, field names, list members.
    pub(crate) const TOKEN: Self = Self(TOKEN);
    /// What a field value or a reason phrase may hold (RFC 9110 §5.5): tab, space, visible,
    /// obs-text.
    pub(crate) const VALUE: Self = Self(VALUE);
    /// What a request target may hold: RFC 3986 without the fragment mark, and a little wider,
    /// because browsers send `[ ] { } |` and `^` raw in queries. Quotes, angle brackets, the
    /// back-tick and the backslash stay out: the last is a slash to some readers, and no browser
    /// sends the others.
    pub(crate) const TARGET: Self = Self(TARGET);

    const fn has(self, byte: u8) -> bool {
        CLASSES[byte as usize] & self.0 != 0
    }
}

/// The members of a comma-separated list without the space around them; empty members are left out
/// (RFC 9110 §5.6.1.2).
pub(crate) fn list_members(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&byte| byte == b',').map(trim_space).filter(|member| !member.is_empty())
}

/// Without the optional whitespace around it: spaces and tabs (RFC 9110 §5.6.3).
pub(crate) const fn trim_space(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

const TOKEN: u8 = 1;
const VALUE: u8 = 2;
const TARGET: u8 = 4;

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let value = byte as u8;
        if value.is_ascii_alphanumeric()
            || matches!(value, b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-')
            || matches!(value, b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
        {
            classes[byte] |= TOKEN;
        }
        if matches!(value, b'\t' | b' '..=b'~' | 0x80..=0xff) {
            classes[byte] |= VALUE;
        }
        if matches!(value, b'!'..=b'~')
            && !matches!(value, b'#' | b'"' | b'<' | b'>' | b'\\' | b'`')
        {
            classes[byte] |= TARGET;
        }
        byte += 1;
    }
    classes
};

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn tokens_are_visible_ascii_without_delimiters() {
        let delimiters = b"(),/:;<=>?@[\\]{}\"";
        for byte in 0..=255_u8 {
            let expected = byte.is_ascii_graphic() && !delimiters.contains(&byte);
            assert_eq!(Class::TOKEN.has(byte), expected, "{byte:#x}");
        }
    }

    #[test]
    fn values_have_no_control_but_tab() {
        for byte in 0..=255_u8 {
            assert_eq!(is_value_byte(byte), byte == b'\t' || !byte.is_ascii_control(), "{byte:#x}");
        }
    }

    #[test]
    fn lists_lose_space_and_empty_members() {
        let members: Vec<&[u8]> = list_members(b" , close\t,, keep-alive ,").collect();
        assert_eq!(members, [&b"close"[..], b"keep-alive"]);
        assert_eq!(list_members(b" \t").count(), 0);
    }
}

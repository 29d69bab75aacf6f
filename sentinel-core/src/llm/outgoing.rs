//! A request as it goes out: what core knows of it, with slots for what only the shell holds.
//!
//! Two things never enter the core: keys, and the bytes of pictures. A [`Credential`] says where
//! the key belongs; a [`Body`] is text with gaps into which the shell writes the base64 of a
//! picture it holds, so that nobody has to hold the whole request at once.
//!
//! # Invariants
//! - [`Body::len`] is exactly what its pieces come to, if each picture has the size it was said to
//!   have.
//! - No secret is in here.

use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use super::message::HeldImage;
use super::request::RequestError;
use crate::limits::MODEL_REQUEST_BYTES_MAX;
use crate::text::json::{self, ObjectWriter, Sink};
use crate::wire::http::Method;

/// A request to a provider, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// How it is sent.
    pub method: Method,
    /// What comes after the provider's base address.
    pub path: &'static str,
    /// Fields of the head, without the key and what HTTP itself writes.
    pub headers: Vec<(&'static str, &'static str)>,
    /// Where the key goes, if the provider wants one.
    pub credential: Option<Credential>,
    /// What is sent.
    pub body: Body,
}

/// Where a key goes: a field of the head whose value is `prefix` and the key. Who has no key for
/// the provider leaves the field out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The field's name.
    pub header: &'static str,
    /// What comes before the key.
    pub prefix: &'static str,
}

/// What is sent: JSON, with gaps for the pictures that the shell holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    text: String,
    /// Where in the text each picture goes, in order.
    images: Vec<(usize, HeldImage)>,
}

/// A piece of a [`Body`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'b> {
    /// These bytes.
    Bytes(&'b [u8]),
    /// The base64 (with padding, without line breaks) of this picture.
    Base64(HeldImage),
}

impl Body {
    /// The body of one object.
    pub(super) fn write(
        object: impl FnOnce(&mut ObjectWriter<'_, Text<'_>>, &Gaps),
    ) -> Result<Self, RequestError> {
        let gaps = Gaps::default();
        let mut text = Text { text: String::new(), length: &gaps.length };
        json::write_object(&mut text, |out| object(out, &gaps));
        let text = text.text;
        let body = Self { text, images: gaps.images.into_inner() };
        match body.len() {
            bytes if bytes > MODEL_REQUEST_BYTES_MAX => Err(RequestError::TooLarge { bytes }),
            _ => Ok(body),
        }
    }

    /// How many bytes are sent: the `Content-Length`.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.images.iter().fold(self.text.len() as u64, |length, (_, image)| {
            length.saturating_add(image.bytes_count.div_ceil(3).saturating_mul(4))
        })
    }

    /// Whether nothing is sent. A body is an object, so this is never so.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The pieces, in order.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let bytes = self.text.as_bytes();
        let starts = core::iter::once(0).chain(self.images.iter().map(|(end, _)| *end));
        let ends = self.images.iter().map(|(end, image)| (*end, Some(*image)));
        starts.zip(ends.chain([(bytes.len(), None)])).flat_map(move |(start, (end, image))| {
            let text = bytes.get(start..end).unwrap_or_default();
            let text = (!text.is_empty()).then_some(Piece::Bytes(text));
            text.into_iter().chain(image.map(Piece::Base64))
        })
    }
}

/// The text of a body while it is written, its length known to [`Gaps`].
#[derive(Debug)]
pub(super) struct Text<'c> {
    text: String,
    length: &'c Cell<usize>,
}

impl Sink for Text<'_> {
    fn push_str(&mut self, text: &str) {
        self.text.push_str(text);
        self.length.set(self.text.len());
    }
}

/// Notes where pictures go while a body is written.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    length: Cell<usize>,
    images: RefCell<Vec<(usize, HeldImage)>>,
}

impl Gaps {
    /// The picture goes to the end of the string that was written last.
    pub(super) fn after_string(&self, image: HeldImage) {
        // A string ends with its quote.
        self.images.borrow_mut().push((self.length.get().saturating_sub(1), image));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: HeldImage = HeldImage { digest: [7; 32], bytes_count: 4 };

    #[test]
    fn pictures_go_where_they_were_noted() {
        let body = Body::write(|out, gaps| {
            out.field("a", "x;");
            gaps.after_string(IMAGE);
            out.field("b", "");
            gaps.after_string(HeldImage { digest: [8; 32], bytes_count: 3 });
        })
        .unwrap();
        let pieces: Vec<Piece<'_>> = body.pieces().collect();
        assert_eq!(
            pieces,
            [
                Piece::Bytes(br#"{"a":"x;"#),
                Piece::Base64(IMAGE),
                Piece::Bytes(br#"","b":""#),
                Piece::Base64(HeldImage { digest: [8; 32], bytes_count: 3 }),
                Piece::Bytes(br#""}"#),
            ]
        );
        assert_eq!(body.len(), 8 + 8 + 7 + 4 + 2);
        assert!(!body.is_empty());
    }

    #[test]
    fn a_body_has_a_bound_that_counts_its_pictures() {
        let huge = HeldImage { digest: [1; 32], bytes_count: u64::MAX };
        let written = Body::write(|out, gaps| {
            out.field("a", "");
            gaps.after_string(huge);
        });
        assert!(matches!(written, Err(RequestError::TooLarge { .. })));
    }
}

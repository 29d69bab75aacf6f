//! Writing JSON, and nothing else.
//!
//! A writer is lent to a closure for as long as its object or array is open, and the closing
//! bracket is written when the closure returns. There is no state in which a key lacks its value or
//! a bracket its partner, so there is no error to handle: what cannot be written wrong cannot be
//! read wrong.
//!
//! Text goes out as it is written; no tree is built.
//!
//! # Invariants
//! - Whatever the closures do, the output is one valid JSON value without white space. (One that
//!   panics never returns; then the output ends where it stopped.)
//! - What was written reads back: equal strings, equal integers, the same double.
//!
//! # Not here
//! Duplicate keys: the writer does not remember which keys it wrote. Their names stand in our own
//! code, and the one that reads them back refuses them.

use alloc::string::String;
use alloc::vec::Vec;

use super::document::{Kind, Value};
use super::double;
use super::nodes::NodeKind;
use super::number::Number;
use crate::text::scan;

/// Where written text goes: a `String`, a `Vec<u8>`, or a sink of the caller's own that passes it
/// on.
pub trait Sink {
    /// Takes the next piece of the text.
    fn push_str(&mut self, text: &str);
}

impl Sink for String {
    #[inline]
    fn push_str(&mut self, text: &str) {
        Self::push_str(self, text);
    }
}

impl Sink for Vec<u8> {
    #[inline]
    fn push_str(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }
}

/// Writes an object to a new string.
///
/// ```
/// use sentinel_core::text::json;
///
/// let request = json::object(|request| {
///     request.field("model", "claude").field("max_tokens", 512);
///     request.array("messages", |messages| {
///         messages.object(|message| {
///             message.field("role", "user").field("content", "say \"hi\"");
///         });
///     });
/// });
/// assert_eq!(
///     request,
///     r#"{"model":"claude","max_tokens":512,"messages":[{"role":"user","content":"say \"hi\""}]}"#
/// );
/// ```
pub fn object(body: impl FnOnce(&mut ObjectWriter<'_, String>)) -> String {
    let mut out = String::new();
    write_object(&mut out, body);
    out
}

/// Writes an array to a new string.
///
/// ```
/// use sentinel_core::text::json;
///
/// let list = json::array(|list| {
///     list.value(true).value(None::<&str>).array(|inner| {
///         inner.value(-1).value(0.5);
///     });
/// });
/// assert_eq!(list, "[true,null,[-1,0.5]]");
/// ```
pub fn array(body: impl FnOnce(&mut ArrayWriter<'_, String>)) -> String {
    let mut out = String::new();
    write_array(&mut out, body);
    out
}

/// Writes an object to the end of `out`.
pub fn write_object<S: Sink>(out: &mut S, body: impl FnOnce(&mut ObjectWriter<'_, S>)) {
    out.push_str("{");
    body(&mut ObjectWriter { out: &mut *out, is_empty: true });
    out.push_str("}");
}

/// Writes an array to the end of `out`.
pub fn write_array<S: Sink>(out: &mut S, body: impl FnOnce(&mut ArrayWriter<'_, S>)) {
    out.push_str("[");
    body(&mut ArrayWriter { out: &mut *out, is_empty: true });
    out.push_str("]");
}

/// An object that is being written. Each method returns the writer, to go on.
///
/// The lifetime belongs to one closure alone, so a writer cannot be exchanged for that of another
/// object.
#[derive(Debug)]
pub struct ObjectWriter<'w, S: Sink> {
    out: &'w mut S,
    is_empty: bool,
}

impl<S: Sink> ObjectWriter<'_, S> {
    /// Writes a member that is a single value.
    pub fn field(&mut self, key: &str, value: impl Scalar) -> &mut Self {
        value.write(self.key(key));
        self
    }

    /// Writes a member if there is a value for it, and nothing otherwise.
    pub fn optional(&mut self, key: &str, value: Option<impl Scalar>) -> &mut Self {
        if let Some(value) = value {
            self.field(key, value);
        }
        self
    }

    /// Writes a member that is an object.
    pub fn object(&mut self, key: &str, body: impl FnOnce(&mut ObjectWriter<'_, S>)) -> &mut Self {
        write_object(self.key(key), body);
        self
    }

    /// Writes a member that is an array.
    pub fn array(&mut self, key: &str, body: impl FnOnce(&mut ArrayWriter<'_, S>)) -> &mut Self {
        write_array(self.key(key), body);
        self
    }

    fn key(&mut self, key: &str) -> &mut S {
        if !core::mem::take(&mut self.is_empty) {
            self.out.push_str(",");
        }
        write_string(self.out, key);
        self.out.push_str(":");
        self.out
    }
}

/// An array that is being written. Each method returns the writer, to go on.
#[derive(Debug)]
pub struct ArrayWriter<'w, S: Sink> {
    out: &'w mut S,
    is_empty: bool,
}

impl<S: Sink> ArrayWriter<'_, S> {
    /// Writes an element that is a single value.
    pub fn value(&mut self, value: impl Scalar) -> &mut Self {
        value.write(self.element());
        self
    }

    /// Writes an element that is an object.
    pub fn object(&mut self, body: impl FnOnce(&mut ObjectWriter<'_, S>)) -> &mut Self {
        write_object(self.element(), body);
        self
    }

    /// Writes an element that is an array.
    pub fn array(&mut self, body: impl FnOnce(&mut ArrayWriter<'_, S>)) -> &mut Self {
        write_array(self.element(), body);
        self
    }

    fn element(&mut self) -> &mut S {
        if !core::mem::take(&mut self.is_empty) {
            self.out.push_str(",");
        }
        self.out
    }
}

/// What is written as one value: booleans, integers, doubles, strings, numbers and values of a
/// parsed document, and an `Option` of these (`None` is `null`).
///
/// Closed to other types: each implementation here writes exactly one valid value, and no other
/// code can break that. A type of your own writes itself through an [`ObjectWriter`].
pub trait Scalar: sealed::Write {}

mod sealed {
    /// The part of [`Scalar`](super::Scalar) that no other crate can name.
    pub trait Write {
        fn write<S: super::Sink>(self, out: &mut S);
    }
}

impl<T: sealed::Write> Scalar for T {}

impl<T: sealed::Write> sealed::Write for Option<T> {
    fn write<S: Sink>(self, out: &mut S) {
        match self {
            Some(value) => value.write(out),
            None => out.push_str("null"),
        }
    }
}

impl sealed::Write for bool {
    fn write<S: Sink>(self, out: &mut S) {
        out.push_str(if self { "true" } else { "false" });
    }
}

impl sealed::Write for &str {
    fn write<S: Sink>(self, out: &mut S) {
        write_string(out, self);
    }
}

impl sealed::Write for &String {
    fn write<S: Sink>(self, out: &mut S) {
        write_string(out, self);
    }
}

/// Doubles are written as ECMAScript writes them, the shortest digits that read back as the same
/// double; one that is not finite becomes `null`, as there.
impl sealed::Write for f64 {
    fn write<S: Sink>(self, out: &mut S) {
        double::write_double(out, self);
    }
}

impl sealed::Write for Number<'_> {
    fn write<S: Sink>(self, out: &mut S) {
        out.push_str(self.text());
    }
}

impl sealed::Write for Value<'_> {
    fn write<S: Sink>(self, out: &mut S) {
        match self.kind() {
            Kind::Array | Kind::Object => write_container(out, self),
            _ => out.push_str(self.source()),
        }
    }
}

macro_rules! write_integers {
    ($($integer:ty),*) => {$(
        impl sealed::Write for $integer {
            fn write<S: Sink>(self, out: &mut S) {
                #[allow(clippy::cast_lossless, reason = "usize has no From into i128")]
                let wide = self as i128;
                if wide < 0 {
                    out.push_str("-");
                }
                write_digits(out, wide.unsigned_abs() as u64);
            }
        }
    )*};
}

write_integers!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

/// Writes an integer in decimal.
pub(super) fn write_digits<S: Sink>(out: &mut S, mut value: u64) {
    // 2⁶⁴-1 has twenty digits.
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.push_str(core::str::from_utf8(&digits[start..]).unwrap_or_default());
}

/// Writes a string in quotes, with the escapes that RFC 8259 §7 asks for and no others: the form
/// that RFC 8785 §3.2.2.2 calls canonical.
pub(super) fn write_string<S: Sink>(out: &mut S, value: &str) {
    out.push_str("\"");
    let bytes = value.as_bytes();
    let mut plain_from = 0;
    loop {
        let special = scan::find_string_special(bytes, plain_from);
        // Not `[..]`: its panic shows the character that was cut, for which a kernel that writes
        // nothing else of the kind would have to have the tables of Unicode.
        let plain = value.get(plain_from..special);
        out.push_str(plain.expect("what is special is ASCII, so cuts lie between characters"));
        let Some(&byte) = bytes.get(special) else { break };
        write_escape(out, byte);
        plain_from = special + 1;
    }
    out.push_str("\"");
}

#[cold]
fn write_escape<S: Sink>(out: &mut S, byte: u8) {
    out.push_str(match byte {
        b'"' => "\\\"",
        b'\\' => "\\\\",
        _ => CONTROL_ESCAPES.get(usize::from(byte)).copied().unwrap_or_default(),
    });
}

/// The escape of each control character, the short form where there is one.
#[rustfmt::skip]
const CONTROL_ESCAPES: [&str; 32] = [
    "\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006", "\\u0007",
    "\\b",     "\\t",     "\\n",     "\\u000b", "\\f",     "\\r",     "\\u000e", "\\u000f",
    "\\u0010", "\\u0011", "\\u0012", "\\u0013", "\\u0014", "\\u0015", "\\u0016", "\\u0017",
    "\\u0018", "\\u0019", "\\u001a", "\\u001b", "\\u001c", "\\u001d", "\\u001e", "\\u001f",
];

/// Writes a container of a parsed document as it stands there, without the white space.
///
/// What the parser accepted needs no second look: strings and numbers are copied from the text, and
/// what stands side by side there is copied at once.
fn write_container<S: Sink>(out: &mut S, value: Value<'_>) {
    let mut copy = Copy { out, text: value.document_text(), start: 0, end: 0 };
    let mut open: Vec<Open> = Vec::new();
    let mut needs_comma = false;
    let mut is_key = false;
    for (index, node) in value.nodes() {
        while let Some(container) = open.pop_if(|container| container.end == index) {
            copy.mark(container.bracket);
            needs_comma = true;
            is_key = open.last().is_some_and(Open::is_object);
        }
        if needs_comma {
            copy.mark(",");
        }
        needs_comma = true;
        let (start, end) = (node.start as usize, node.end as usize);
        match node.kind {
            NodeKind::Plain | NodeKind::Escaped => {
                copy.take(start - 1, end + 1);
                if is_key {
                    copy.mark(":");
                    is_key = false;
                    needs_comma = false;
                    continue;
                }
            }
            NodeKind::Array | NodeKind::Object => {
                copy.take(start, start + 1);
                let is_object = node.kind == NodeKind::Object;
                let bracket = if is_object { "}" } else { "]" };
                open.push(Open { end: node.link as usize, bracket });
                needs_comma = false;
                is_key = is_object;
                continue;
            }
            _ => copy.take(start, end),
        }
        is_key = open.last().is_some_and(Open::is_object);
    }
    while let Some(container) = open.pop() {
        copy.mark(container.bracket);
    }
    copy.flush();
}

/// A container whose closing bracket is still to be written.
struct Open {
    /// The index of the node before which it closes.
    end: usize,
    bracket: &'static str,
}

impl Open {
    fn is_object(&self) -> bool {
        self.bracket == "}"
    }
}

/// Copies pieces of a text, joining those that stand side by side in it.
struct Copy<'c, S: Sink> {
    out: &'c mut S,
    text: &'c str,
    start: usize,
    end: usize,
}

impl<S: Sink> Copy<'_, S> {
    /// A piece of the text.
    #[inline]
    fn take(&mut self, start: usize, end: usize) {
        if start != self.end {
            self.flush();
            self.start = start;
        }
        self.end = end;
    }

    /// A mark of punctuation, which may stand next in the text.
    #[inline]
    fn mark(&mut self, mark: &str) {
        if self.text.as_bytes().get(self.end) == mark.as_bytes().first() {
            self.end += 1;
        } else {
            self.flush();
            self.out.push_str(mark);
        }
    }

    #[inline]
    fn flush(&mut self) {
        self.out.push_str(&self.text[self.start..self.end]);
        self.start = self.end;
    }
}

//! JSON pointers (RFC 6901).

use alloc::borrow::Cow;
use alloc::string::ToString;

use super::Absence;
use crate::text::json::{self, Kind, Value};

/// The text of the value that a pointer leads to.
pub(super) fn follow(content: &str, pointer: &str) -> Result<Cow<'static, str>, Absence> {
    let document = json::parse(content.as_bytes()).map_err(|_| Absence::NotJson)?;
    let mut value = document.root();
    // A pointer is empty, or each of its parts begins with a slash.
    let mut parts = pointer.split('/');
    if parts.next() != Some("") {
        return Err(Absence::Pointer);
    }
    for part in parts {
        value = step(value, part).ok_or(Absence::Pointer)?;
    }
    match value.kind() {
        Kind::String => value.as_str().map(|text| Cow::Owned(text.to_string())),
        Kind::Bool | Kind::Number => Ok(Cow::Owned(value.source().to_string())),
        Kind::Null => return Err(Absence::Value),
        Kind::Array | Kind::Object => return Err(Absence::Compound),
    }
    .map_err(|_| Absence::Pointer)
}

fn step<'d>(value: Value<'d>, part: &str) -> Option<Value<'d>> {
    match value.kind() {
        Kind::Object => {
            // §4: `~1` first, so that `~01` is `~1` and no slash.
            value.find(&part.replace("~1", "/").replace("~0", "~"))
        }
        Kind::Array => {
            let is_index = part.bytes().all(|byte| byte.is_ascii_digit());
            let is_plain = part == "0" || !part.starts_with('0');
            let index = part.parse().ok().filter(|_| is_index && is_plain)?;
            value.index(index).ok()
        }
        _ => None,
    }
}

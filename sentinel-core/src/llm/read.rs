//! Reading members of a provider's JSON that may be missing, `null` or of a kind nobody promised.

use crate::text::json::Value;

/// The member, unless it is missing or `null`.
#[inline]
pub(super) fn present<'v>(value: Value<'v>, key: &str) -> Option<Value<'v>> {
    value.find(key).filter(|member| !member.is_null())
}

/// The member, if it is a string.
#[inline]
pub(super) fn string<'v>(value: Value<'v>, key: &str) -> Option<&'v str> {
    let member = present(value, key)?;
    (member.kind() == crate::text::json::Kind::String).then(|| member.as_str().ok()).flatten()
}

/// The member, if it is an integer that is not negative.
pub(super) fn count(value: Value<'_>, key: &str) -> Option<u64> {
    let member = present(value, key)?;
    (member.kind() == crate::text::json::Kind::Number)
        .then(|| member.as_number().ok()?.as_u64())
        .flatten()
}

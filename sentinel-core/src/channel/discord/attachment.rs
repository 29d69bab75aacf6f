//! Attachments: from the id in a message to where the bytes are.
//!
//! Discord signs the addresses of files for a day, so a message carries the place of the file and
//! the address is asked for when somebody wants it.
//!
//! # Invariants
//! - What is no id of an attachment of Discord's gives no request.
//! - An address leads to Discord's own hosts for files, whatever an answer says.
//!
//! # Not here
//! Fetching, and the bound on the size.

use alloc::format;
use alloc::string::{String, ToString};

use super::message::{elements, number, snowflake};
use crate::channel::traffic::is_file_url;
use crate::text::json;

/// The path of the request, to be sent with the bot's token, whose answer tells the address of an
/// attachment; `None` if it has no file that can be asked for.
///
/// ```
/// use sentinel_core::channel::discord::{attachment_request, attachment_url};
///
/// assert_eq!(attachment_request("1/2/3").unwrap(), "/channels/1/messages/2");
/// let url = "https://cdn.discordapp.com/attachments/1/3/a.png?ex=1";
/// let answer = format!(r#"{{"attachments": [{{"id": "3", "url": "{url}"}}]}}"#);
/// assert_eq!(attachment_url("1/2/3", answer.as_bytes()).unwrap(), url);
/// ```
#[must_use]
pub fn attachment_request(id: &str) -> Option<String> {
    let (channel, message, _) = place(id)?;
    Some(format!("/channels/{channel}/messages/{message}"))
}

/// The address in the answer to [`attachment_request`]. It needs no token.
#[must_use]
pub fn attachment_url(id: &str, answer: &[u8]) -> Option<String> {
    let (.., file) = place(id)?;
    let document = json::parse(answer).ok()?;
    let root = document.root();
    let snapshots = elements(root, "message_snapshots");
    let forwarded = snapshots.filter_map(|snapshot| snapshot.find("message"));
    let forwarded = forwarded.flat_map(|message| elements(message, "attachments"));
    let url = elements(root, "attachments")
        .chain(forwarded)
        .find(|candidate| snowflake(*candidate, "id") == Some(file))?
        .find("url")?
        .as_str()
        .ok()?;
    is_file_url("discord", url).then(|| url.to_string())
}

fn place(id: &str) -> Option<(u64, u64, u64)> {
    let mut parts = id.split('/').map(number);
    let place = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_of_attachments_are_asked_for() {
        for id in ["", "1/2", "1/2/3/4", "1/2/x", "sticker/5", "1/../3", "01/2/3"] {
            assert_eq!(attachment_request(id), None, "{id}");
        }
    }

    #[test]
    fn an_address_is_found_in_what_was_forwarded_and_leads_to_discord() {
        let answer = |url: &str| {
            format!(
                r#"{{"attachments": [], "message_snapshots": [{{"message":
                    {{"attachments": [{{"id": "3", "url": "{url}"}}]}}}}]}}"#
            )
        };
        let good = "https://cdn.discordapp.com/attachments/1/3/a.png";
        assert_eq!(attachment_url("1/2/3", answer(good).as_bytes()).unwrap(), good);
        assert_eq!(attachment_url("1/2/4", answer(good).as_bytes()), None);
        for bad in ["https://cdn.discordapp.com.evil.example/a", "http://cdn.discordapp.com/a"] {
            assert_eq!(attachment_url("1/2/3", answer(bad).as_bytes()), None, "{bad}");
        }
        assert_eq!(attachment_url("1/2/3", b"["), None);
    }
}

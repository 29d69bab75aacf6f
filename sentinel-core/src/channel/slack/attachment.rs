//! Attachments: from the id in a message to where the bytes are.
//!
//! # Invariants
//! - What is no id of a file of Slack's gives no request.
//! - An address leads to Slack's own host for files, because the bot's token is sent there.
//!
//! # Not here
//! Fetching, and the bound on the size.

use alloc::format;
use alloc::string::{String, ToString};

use super::message::{is_id, text};
use crate::channel::traffic::is_file_url;
use crate::text::json;

/// The path of the request, to be sent with the bot's token, whose answer tells the address of an
/// attachment.
///
/// ```
/// use sentinel_core::channel::slack::{attachment_request, attachment_url};
///
/// assert_eq!(attachment_request("F012AB").unwrap(), "/files.info?file=F012AB");
/// let url = "https://files.slack.com/files-pri/T1-F012AB/a.png";
/// let answer = format!(r#"{{"ok": true, "file": {{"url_private": "{url}"}}}}"#);
/// assert_eq!(attachment_url(answer.as_bytes()).unwrap(), url);
/// ```
#[must_use]
pub fn attachment_request(id: &str) -> Option<String> {
    is_id(id).then(|| format!("/files.info?file={id}"))
}

/// The address in the answer to [`attachment_request`]. The bot's token has to be sent along.
#[must_use]
pub fn attachment_url(answer: &[u8]) -> Option<String> {
    let document = json::parse(answer).ok()?;
    let file = document.root().find("file")?;
    let url = text(file, "url_private_download").or_else(|| text(file, "url_private"))?;
    is_file_url("slack", url).then(|| url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_goes_to_slack_alone() {
        for id in ["", "F", "F1&x=1", "F1/2", "../F1"] {
            assert_eq!(attachment_request(id), None, "{id}");
        }
        for url in [
            "https://files.slack.com.evil.example/a",
            "http://files.slack.com/a",
            "https://evil.example/https://files.slack.com/",
        ] {
            let answer = format!(r#"{{"file": {{"url_private": "{url}"}}}}"#);
            assert_eq!(attachment_url(answer.as_bytes()), None, "{url}");
        }
    }
}

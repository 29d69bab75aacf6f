//! Other platforms, while those that stay go on.
//!
//! A token is put into a request when it is sent, so another one counts from the next request on
//! and the conversation with the platform goes on where it is: nothing is lost or said twice. Only
//! another bot, or one that was refused before, begins anew; and so does one of Slack's, whose
//! tokens do not say which bot they are of, and one that is to ask other rooms.
//!
//! # Invariants
//! - Every post that was taken is answered, also when its platform goes.
//!
//! # Not here
//! Which platforms there are: the configuration.

use std::collections::VecDeque;
use std::io::ErrorKind;

use sentinel_core::channel::Failure;
use sentinel_core::channel::connector::{FetchFailure, Posted};
use sentinel_core::time::Now;
use sentinel_core::wire::websocket::CloseCode;

use super::{Connectors, Heard, Line, Wanted};
use crate::network::Network;
use crate::poller::Poller;
use crate::secrets::Secret;

impl Connectors {
    /// Goes on with the platforms and tokens of these, which have not begun.
    pub(crate) fn change(
        &mut self,
        now: Now,
        poller: &Poller,
        network: &mut Network,
        mut fresh: Self,
    ) {
        for index in (0..self.lines.len()).rev() {
            let Some(line) = self.lines.get_mut(index) else { continue };
            let found = fresh.lines.iter().position(|other| other.is_same_bot(line));
            match found.map(|found| fresh.lines.remove(found)) {
                Some(other) => {
                    if line.take_tokens(other) {
                        self.begin_again(now, poller, network, index);
                    }
                }
                None => self.remove(now, poller, network, index),
            }
        }
        for mut line in fresh.lines {
            self.notes.extend(line.begin(now));
            self.lines.push(line);
        }
    }

    /// Begins anew with a platform, from what was kept: what was refused may not be any more.
    pub(super) fn begin_again(
        &mut self,
        now: Now,
        poller: &Poller,
        network: &mut Network,
        index: usize,
    ) {
        self.hang_up(now, poller, network, index);
        let Some(line) = self.lines.get_mut(index) else { return };
        let Some(machine) = line.spare.take() else { return };
        line.machine = machine;
        line.has_stopped = false;
        line.give_up_posts(Failure::Transport, &mut self.heard);
        self.notes.extend(line.begin(now));
    }

    /// Ends everything that is under way with a platform.
    fn hang_up(&mut self, now: Now, poller: &Poller, network: &mut Network, index: usize) {
        let Some(line) = self.lines.get_mut(index) else { return };
        for (_, request) in std::mem::take(&mut line.asked) {
            network.cancel(poller, request);
        }
        if let Some(socket) = line.socket.take() {
            network.close_socket(now.instant, poller, socket, CloseCode::NORMAL);
        }
        self.answers.retain(|_, answer| answer.line != index);
        // Files that it was to fetch are asked for again, if there is somebody to ask.
        let platform = line.platform;
        let is_asked = |wanted: &Wanted| wanted.platform == platform && wanted.again.is_none();
        let asked = self.wanted.iter().filter(|(_, wanted)| is_asked(wanted));
        for fetch in asked.map(|(fetch, _)| *fetch).collect::<Vec<_>>() {
            self.file(now, fetch, Err(FetchFailure::Later { retry_after_ms: 1_000 }));
        }
    }

    fn remove(&mut self, now: Now, poller: &Poller, network: &mut Network, index: usize) {
        self.hang_up(now, poller, network, index);
        let mut line = self.lines.remove(index);
        for answer in self.answers.values_mut().filter(|answer| answer.line > index) {
            answer.line -= 1;
        }
        line.give_up_posts(Failure::Rejected, &mut self.heard);
        self.heard.push_back(Heard::Told(format!("{}: no longer connected", line.platform)));
    }
}

impl Line {
    /// Begins to work. The answer is what people are to know of it.
    pub(super) fn begin(&mut self, now: Now) -> Option<String> {
        let kept = std::fs::read(&self.kept);
        self.machine.start(now, kept.as_deref().ok());
        let error = kept.err().filter(|error| error.kind() != ErrorKind::NotFound)?;
        Some(format!(
            "{}: what was kept for this start is not read: {}: {error}; what was said while \
             nothing ran is not asked for",
            self.platform,
            self.kept.display()
        ))
    }

    /// Whether this is the same bot at the same place.
    fn is_same_bot(&self, other: &Self) -> bool {
        self.platform == other.platform
            && self.base == other.base
            && bot(&self.token) == bot(&other.token)
            && self.app_token.is_some() == other.app_token.is_some()
    }

    /// Goes on with the tokens of another; says whether it has to begin anew for that.
    fn take_tokens(&mut self, other: Self) -> bool {
        let is_other = self.token != other.token || self.app_token != other.app_token;
        let may_be_another = is_other && bot(&other.token).is_empty();
        let begins = self.has_stopped || may_be_another || self.rooms != other.rooms;
        (self.token, self.app_token) = (other.token, other.app_token);
        self.rooms = other.rooms;
        if is_other || begins {
            self.spare = Some(other.machine);
        }
        begins
    }

    fn give_up_posts(&mut self, failure: Failure, heard: &mut VecDeque<Heard>) {
        for (delivery, piece) in std::mem::take(&mut self.posts) {
            let outcome = Posted::Failed(failure);
            heard.push_back(Heard::Posted { delivery, piece, outcome });
        }
    }
}

/// The part of a token that names the bot: what stays when its owner asks for a new one. Nothing
/// if there is no such part, as in Slack's.
fn bot(token: &Secret) -> &str {
    let token = token.as_str();
    token.split([':', '.']).next().filter(|name| name.len() < token.len()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use sentinel_core::channel::connector::Action;
    use sentinel_core::time::{Instant, Timestamp};
    use zeroize::Zeroizing;

    use super::super::tests::line;
    use super::*;

    fn with(platform: &'static str, token: &str, rooms: &[&str]) -> Line {
        let mut line = line(platform, [Action::Alert(token.into())]);
        line.token = Secret::new(Zeroizing::new(token.into()));
        line.rooms = rooms.iter().map(ToString::to_string).collect();
        line
    }

    /// Goal: what may be another bot, or asks other rooms, begins anew; what is the same goes on.
    #[test]
    fn who_may_be_another_begins_anew() {
        for (platform, token, rooms, is_same, begins) in [
            ("telegram", "12:old", &[][..], true, false),
            ("telegram", "12:new", &[], true, false),
            ("telegram", "13:new", &[], false, true),
            ("discord", "MTI.x.new", &[], true, false),
            ("discord", "MTM.x.new", &[], false, true),
            ("slack", "xoxb-1-2-old", &["C1"], true, false),
            // Of the same app, or of another one.
            ("slack", "xoxb-1-2-new", &["C1"], true, true),
            ("slack", "xoxb-1-2-old", &["C1", "C2"], true, true),
            ("slack", "xoxb-1-2-old", &[], true, true),
        ] {
            let own = match platform {
                "telegram" => with(platform, "12:old", &[]),
                "discord" => with(platform, "MTI.x.old", &[]),
                _ => with(platform, "xoxb-1-2-old", &["C1"]),
            };
            let (mut own, other) = (own, with(platform, token, rooms));
            let what = format!("{platform} {token} {rooms:?}");
            assert_eq!(other.is_same_bot(&own), is_same, "{what}");
            if is_same {
                assert_eq!(own.take_tokens(other), begins, "{what}");
                assert_eq!(own.token.as_str(), token, "{what}");
                assert_eq!(own.rooms, rooms, "{what}");
                assert!(own.spare.is_some() || !begins, "{what}");
            }
        }
    }

    #[test]
    fn what_is_kept_and_cannot_be_read_is_said() {
        let now = Now { instant: Instant(0), wall: Timestamp(0) };
        let mut own = line("discord", []);
        own.kept = std::env::temp_dir().join(format!("no-such-file-{}", std::process::id()));
        assert_eq!(own.begin(now), None, "the first start");
        own.kept = std::env::temp_dir();
        let said = own.begin(now).unwrap();
        assert!(said.starts_with("discord: ") && said.contains("not read"), "{said}");
    }
}

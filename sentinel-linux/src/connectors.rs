//! The platforms that are connected: each a machine of the core's, with its requests, its socket
//! and its token here.
//!
//! # Invariants
//! - A token goes to the platform's own address and nowhere else, and never into a text that is
//!   shown: failures name the place and not the path.
//!
//! # Not here
//! How a platform is spoken to: [`sentinel_core::channel::connector`].

mod change;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use sentinel_core::agent::{ConversationNumber, FetchNumber, Fetched};
use sentinel_core::channel::connector::{
    Action, Call, CallNumber, Connector, FetchFailure, Posted, ToFetch, ToPost, Token, file_hosts,
    user_agent,
};
use sentinel_core::channel::discord::Discord;
use sentinel_core::channel::slack::Slack;
use sentinel_core::channel::telegram::Telegram;
use sentinel_core::channel::{Incoming, Post};
use sentinel_core::config::Config;
use sentinel_core::limits::ATTACHMENT_TRIES_MAX;
use sentinel_core::order::{Map, Set};
use sentinel_core::runtime::Picture;
use sentinel_core::text::json;
use sentinel_core::time::{Instant, Now};
use sentinel_core::wire::http::Headers;
use sentinel_core::wire::url::{Scheme, Url};
use sentinel_core::wire::websocket::CloseCode;
use zeroize::Zeroizing;

use crate::attachments::Attachments;
use crate::log;
use crate::metrics::Happened;
use crate::network::{
    Failure, FailureKind, Network, NetworkEvent, Reach, Request, RequestNumber, SocketNumber,
    SocketRequest, Times, socket_url,
};
use crate::poller::Poller;
use crate::secrets::{self, Secret};
use crate::state;

/// All platforms.
pub(crate) struct Connectors {
    lines: Vec<Line>,
    answers: Map<RequestNumber, Answer>,
    /// Files that are wanted, by the numbers of their fetches.
    wanted: Map<u64, Wanted>,
    files: Attachments,
    /// What became of files.
    fetched: VecDeque<(FetchNumber, Fetched)>,
    /// What people are to be told of failures: no more than one for each platform and answer.
    notes: VecDeque<String>,
    /// What there is to say besides what a machine has to say.
    heard: VecDeque<Heard>,
}

/// One platform.
struct Line {
    platform: &'static str,
    machine: Box<dyn Connector>,
    base: Url,
    token: Secret,
    app_token: Option<Secret>,
    /// The rooms that it asks again and again.
    rooms: Vec<String>,
    /// Where what it keeps is kept.
    kept: PathBuf,
    asked: Map<CallNumber, RequestNumber>,
    /// Posts that were taken and are not answered yet.
    posts: Set<(u64, usize)>,
    has_stopped: bool,
    /// A machine that has not begun, for a line whose token was changed: what was sent with the
    /// old one may still be refused.
    spare: Option<Box<dyn Connector>>,
    socket: Option<SocketNumber>,
    /// Messages that the core could not take yet, the oldest first.
    refused: VecDeque<Incoming>,
    /// Failures since something was answered.
    failures_count: u32,
    /// What was told of them.
    told: Option<String>,
}

/// A file that is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) platform: String,
    pub(crate) conversation: ConversationNumber,
    /// The platform's id of it.
    pub(crate) attachment: String,
    pub(crate) bytes_max: u64,
    pub(crate) name: String,
    pub(crate) tries: u32,
    /// When it is asked for again.
    pub(crate) again: Option<Instant>,
    /// Why it cannot be kept here, whatever the platform says.
    pub(crate) refused: Option<String>,
}

/// An answer that is coming.
struct Answer {
    line: usize,
    call: CallNumber,
    /// The file that its body is.
    file: Option<u64>,
    head: Option<(u16, Headers)>,
    body: Vec<u8>,
}

/// What the rest of the program is told.
#[derive(Debug)]
pub(crate) enum Heard {
    Message(Incoming),
    Posted {
        delivery: u64,
        piece: usize,
        outcome: Posted,
    },
    /// A file came, or will not.
    Fetched(FetchNumber, Fetched),
    /// Where a platform was left off, to be kept for the next start.
    Keep(&'static str, Vec<u8>),
    /// For people, who may have to do something.
    Note(String),
    /// For people, who need not do anything.
    Told(String),
    /// For a monitor.
    Happened(&'static str, Happened),
}

impl Connectors {
    /// The platforms of a configuration, with their tokens.
    ///
    /// # Errors
    /// A token is not where it should be, or this version does not speak to the platform.
    pub(crate) fn new(
        config: &Config,
        state: &std::path::Path,
        files: Attachments,
    ) -> Result<Self, String> {
        let mut lines = Vec::new();
        for connector in config.connectors() {
            let platform = connector.platform.name;
            let seed = *state::entropy().map_err(|error| error.to_string())?;
            let seed = u64::from_ne_bytes(seed);
            let mut rooms = Vec::new();
            let (machine, base): (Box<dyn Connector>, _) = match platform {
                "telegram" => (Box::new(Telegram::new(seed)), TELEGRAM),
                "discord" => (Box::new(Discord::new(seed)), DISCORD),
                "slack" if connector.app_token.is_some() => (Box::new(Slack::new(seed)), SLACK),
                "slack" => {
                    let named: Vec<&str> = config.settings().access.rooms("slack").collect();
                    rooms.extend(named.iter().map(ToString::to_string));
                    (Box::new(Slack::polling(seed, &named)), SLACK)
                }
                other => return Err(format!("this version does not speak to {other}")),
            };
            let own = || Url::parse(base).map_err(|error| format!("{platform}: {error}"));
            let base = connector.base_url.clone().map_or_else(own, Ok)?;
            let token = secrets::read(&connector.token);
            let token = token.map_err(|error| format!("the token of {platform}: {error}"))?;
            let app_token = connector.app_token.as_ref().map(secrets::read).transpose();
            let app_token =
                app_token.map_err(|error| format!("the app's token of {platform}: {error}"))?;
            let kept = state.join(state::kept_name(platform));
            lines.push(Line {
                platform,
                machine,
                base,
                token,
                app_token,
                rooms,
                kept,
                asked: Map::new(),
                posts: Set::new(),
                has_stopped: false,
                spare: None,
                socket: None,
                refused: VecDeque::new(),
                failures_count: 0,
                told: None,
            });
        }
        Ok(Self { lines, ..Self::none(files) })
    }

    /// No platform at all.
    pub(crate) fn none(files: Attachments) -> Self {
        Self {
            lines: Vec::new(),
            answers: Map::new(),
            wanted: Map::new(),
            files,
            fetched: VecDeque::new(),
            notes: VecDeque::new(),
            heard: VecDeque::new(),
        }
    }

    pub(crate) fn start(&mut self, now: Now) {
        for line in &mut self.lines {
            self.notes.extend(line.begin(now));
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let lines = self.lines.iter().filter_map(|line| line.machine.deadline());
        lines.chain(self.wanted.values().filter_map(|wanted| wanted.again)).min()
    }

    /// A file is wanted.
    pub(crate) fn fetch(&mut self, now: Now, fetch: FetchNumber, wanted: Wanted) {
        self.wanted.insert(fetch.0, wanted);
        self.ask_for_file(now, fetch.0);
    }

    /// Nobody waits for a file any more.
    pub(crate) fn cancel_fetch(&mut self, fetch: FetchNumber) {
        self.wanted.remove(&fetch.0);
        self.files.abandon(fetch.0);
    }

    /// The bytes of a picture that came with a message, if they are still what came.
    pub(crate) fn picture(&self, picture: &Picture) -> Option<Vec<u8>> {
        let read = self.files.read(picture);
        if let Err(why) = &read {
            let Picture { file, conversation, .. } = picture;
            log::warn!("the picture {file} of {conversation} is not shown to a model: {why}");
        }
        read.ok()
    }

    /// Removes the files of a conversation.
    pub(crate) fn remove_files(&self, conversation: ConversationNumber) -> Result<(), String> {
        self.files.remove(conversation.0)
    }

    fn ask_for_file(&mut self, now: Now, fetch: u64) {
        let Some(wanted) = self.wanted.get_mut(&fetch) else { return };
        wanted.again = None;
        wanted.tries += 1;
        let to = ToFetch {
            number: fetch,
            attachment: wanted.attachment.clone(),
            bytes_max: usize::try_from(wanted.bytes_max).unwrap_or(usize::MAX),
        };
        let platform = &wanted.platform;
        let line = self.lines.iter_mut().find(|line| line.platform == platform);
        let is_taken = line.is_some_and(|line| line.machine.fetch(now, to));
        if !is_taken {
            self.file_is_over(fetch, Fetched::Failed("its platform is not connected".into()));
        }
    }

    fn file_is_over(&mut self, fetch: u64, fetched: Fetched) {
        self.files.abandon(fetch);
        if self.wanted.remove(&fetch).is_some() {
            self.fetched.push_back((FetchNumber(fetch), fetched));
        }
    }

    /// A platform said what became of a file.
    fn file(&mut self, now: Now, fetch: u64, outcome: Result<(), FetchFailure>) {
        let Some(wanted) = self.wanted.get_mut(&fetch) else { return self.files.abandon(fetch) };
        let refused = wanted.refused.take();
        let fetched = match (outcome, refused) {
            (_, Some(why)) => Fetched::Failed(why),
            (Ok(()), None) => self.files.finish(fetch).unwrap_or_else(Fetched::Failed),
            (Err(FetchFailure::TooLarge), None) => {
                let most = wanted.bytes_max;
                Fetched::Failed(format!("it is larger than the {most} bytes that are taken in"))
            }
            (Err(FetchFailure::Gone), None) => {
                Fetched::Failed("the platform does not have it, or not for us".into())
            }
            (Err(FetchFailure::Later { retry_after_ms }), None) => {
                if wanted.tries < ATTACHMENT_TRIES_MAX {
                    // A platform hands out a few at a time: the others wait, each longer.
                    let least = 1_000 << wanted.tries.min(6);
                    let pause = Duration::from_millis(retry_after_ms.max(least));
                    wanted.again = Some(now.instant.after(pause));
                    return self.files.abandon(fetch);
                }
                Fetched::Failed("the platform did not hand it out".into())
            }
        };
        self.file_is_over(fetch, fetched);
    }

    /// Whether a post is for one of the platforms; then it is on its way.
    pub(crate) fn post(&mut self, now: Now, platform: &str, post: ToPost) -> bool {
        let line = self.lines.iter_mut().find(|line| line.platform == platform);
        let Some(line) = line else { return false };
        if let Post::Send { piece, .. } | Post::Edit { piece, .. } = &post.post {
            line.posts.insert((post.delivery, *piece));
        }
        line.machine.post(now, post);
        true
    }

    /// A question is over, on whichever platform it was asked.
    pub(crate) fn settled(&mut self, now: Now, question: u32) {
        for line in &mut self.lines {
            line.machine.settled(now, question);
        }
    }

    pub(crate) fn acknowledge(&mut self, now: Now, platform: &str, message: &str) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.platform == platform) {
            line.machine.acknowledge(now, message);
        }
    }

    /// The core could not take a message: it is offered again, before those that came after it.
    pub(crate) fn refused(&mut self, message: Incoming) {
        let platform = message.identity.platform.clone();
        if let Some(line) = self.lines.iter_mut().find(|line| line.platform == platform) {
            line.refused.push_front(message);
        }
    }

    /// Takes an event of the network, if it is about a platform.
    pub(crate) fn take(&mut self, now: Now, event: &NetworkEvent) -> bool {
        if let Some(socket) = event.socket() {
            return self.take_socket(now, socket, event);
        }
        let Some(number) = event.request() else { return false };
        let Some(answer) = self.answers.get_mut(&number) else { return false };
        match event {
            NetworkEvent::Head { status, headers, .. } => {
                answer.head = Some((status.as_u16(), headers.clone()));
            }
            NetworkEvent::Body { bytes, .. } => match answer.file {
                None => answer.body.extend_from_slice(bytes),
                Some(file) if answer.head.as_ref().is_some_and(|(status, _)| *status == 200) => {
                    if let Err(why) = self.files.write(file, bytes)
                        && let Some(wanted) = self.wanted.get_mut(&file)
                    {
                        wanted.refused.get_or_insert(why);
                    }
                }
                // What is said instead of a file is of no interest.
                Some(_) => {}
            },
            NetworkEvent::End { .. } => self.answered(now, number),
            NetworkEvent::Failed { failure, .. } => self.failed(now, number, failure),
            _ => {}
        }
        true
    }

    fn take_socket(&mut self, now: Now, socket: SocketNumber, event: &NetworkEvent) -> bool {
        let mut lines = self.lines.iter_mut();
        let Some(line) = lines.find(|line| line.socket == Some(socket)) else { return false };
        match event {
            NetworkEvent::SocketOpened { .. } => line.machine.opened(now),
            NetworkEvent::SocketText { text, .. } => line.machine.received(now, text),
            NetworkEvent::SocketClosed { code, .. } => {
                line.socket = None;
                line.machine.closed(now, *code);
            }
            NetworkEvent::SocketFailed { failure, .. } => {
                line.socket = None;
                self.notes.extend(line.complaint(failure));
                line.machine.closed(now, None);
            }
            _ => {}
        }
        true
    }

    fn answered(&mut self, now: Now, number: RequestNumber) {
        let Some(Answer { line, call, head, body, .. }) = self.answers.remove(&number) else {
            return;
        };
        let Some(line) = self.lines.get_mut(line) else { return };
        line.asked.remove(&call);
        (line.failures_count, line.told) = (0, None);
        match head {
            Some((status, headers)) => {
                if status >= 400 {
                    let what = Happened::CallFailed;
                    self.heard.push_back(Heard::Happened(line.platform, what));
                }
                line.machine.answered(now, call, status, &headers, &body);
            }
            None => line.machine.failed(now, call, true),
        }
    }

    fn failed(&mut self, now: Now, number: RequestNumber, failure: &Failure) {
        let Some(Answer { line, call, file, .. }) = self.answers.remove(&number) else { return };
        let Some(line) = self.lines.get_mut(line) else { return };
        line.asked.remove(&call);
        if file.is_some() && failure.kind == FailureKind::TooLong {
            return line.machine.answered(now, call, 413, &Headers::new(), &[]);
        }
        self.heard.push_back(Heard::Happened(line.platform, Happened::CallFailed));
        self.notes.extend(line.complaint(failure));
        match failure.kind {
            FailureKind::TooLong => line.machine.too_large(now, call),
            _ => line.machine.failed(now, call, failure.may_have_arrived),
        }
    }

    /// Does what the machines want, until one has something to say. Where no messages are taken,
    /// they wait and the rest goes on: answers are sent, and platforms told that we are there. What
    /// `is_urgent` waits for nothing.
    pub(crate) fn poll(
        &mut self,
        now: Now,
        poller: &Poller,
        network: &mut Network,
        takes_messages: bool,
        is_urgent: &dyn Fn(&Incoming) -> bool,
    ) -> Option<Heard> {
        if let Some(note) = self.notes.pop_front() {
            return Some(Heard::Note(note));
        }
        let is_due = |wanted: &Wanted| wanted.again.is_some_and(|again| again <= now.instant);
        let due = self.wanted.iter().filter(|(_, wanted)| is_due(wanted));
        for fetch in due.map(|(fetch, _)| *fetch).collect::<Vec<_>>() {
            self.ask_for_file(now, fetch);
        }
        if let Some((fetch, fetched)) = self.fetched.pop_front() {
            return Some(Heard::Fetched(fetch, fetched));
        }
        if let Some(heard) = self.heard.pop_front() {
            return Some(heard);
        }
        for index in 0..self.lines.len() {
            loop {
                let line = self.lines.get_mut(index)?;
                if takes_messages && let Some(message) = line.refused.pop_front() {
                    return Some(Heard::Message(message));
                }
                // So many that its platform has to wait, too.
                if line.refused.len() >= REFUSED_COUNT_MAX {
                    break;
                }
                let Some(action) = line.machine.poll(now) else { break };
                match self.perform(now, poller, network, index, action) {
                    Some(Heard::Message(message)) if !takes_messages && !is_urgent(&message) => {
                        self.lines.get_mut(index)?.refused.push_back(message);
                    }
                    Some(heard) => return Some(heard),
                    None => {}
                }
            }
        }
        None
    }

    fn perform(
        &mut self,
        now: Now,
        poller: &Poller,
        network: &mut Network,
        index: usize,
        action: Action,
    ) -> Option<Heard> {
        let line = self.lines.get_mut(index)?;
        let platform = line.platform;
        match action {
            Action::Call(call) => {
                let (number, file) = (call.number, call.file);
                let is_kept = file.is_none_or(|file| self.begin_file(file));
                let line = self.lines.get_mut(index)?;
                match line.request(call).ok().filter(|_| is_kept) {
                    Some(request) => {
                        let request = network.request(now.instant, poller, request);
                        line.asked.insert(number, request);
                        let (head, body) = (None, Vec::new());
                        let answer = Answer { line: index, call: number, file, head, body };
                        self.answers.insert(request, answer);
                    }
                    None => line.machine.failed(now, number, false),
                }
                None
            }
            Action::Cancel(call) => {
                if let Some(request) = line.asked.remove(&call) {
                    self.answers.remove(&request);
                    network.cancel(poller, request);
                }
                None
            }
            Action::Message(message) => {
                self.heard.push_back(Heard::Happened(platform, Happened::Received));
                Some(Heard::Message(message))
            }
            Action::Posted { delivery, piece, outcome } => {
                line.posts.remove(&(delivery, piece));
                let what = match outcome {
                    Posted::Sent(_) => Happened::Sent,
                    Posted::Edited => Happened::Edited,
                    Posted::Failed(_) => Happened::PostFailed,
                };
                self.heard.push_back(Heard::Happened(platform, what));
                Some(Heard::Posted { delivery, piece, outcome })
            }
            Action::Keep(bytes) => Some(Heard::Keep(platform, bytes)),
            Action::Alert(text) => Some(Heard::Note(format!("{platform}: {text}"))),
            Action::Ready { name } => {
                line.spare = None;
                Some(Heard::Told(format!("{platform}: at work as {name}")))
            }
            Action::Stopped { .. } if line.spare.is_some() => {
                self.begin_again(now, poller, network, index);
                None
            }
            Action::Stopped { why } => {
                line.has_stopped = true;
                Some(Heard::Note(format!("{platform}: stopped: {why}")))
            }
            Action::Open { url } => {
                self.heard.push_back(Heard::Happened(platform, Happened::Connecting));
                if let Some(socket) = line.socket.take() {
                    network.close_socket(now.instant, poller, socket, CloseCode::NORMAL);
                }
                let mut headers = Headers::new();
                let named = headers.append("user-agent", user_agent(platform).as_bytes());
                match socket_url(&url) {
                    Ok(url) if named.is_ok() => {
                        let (times, reach) = (Times::default(), Reach::Named);
                        let request = SocketRequest { url, headers, times, reach };
                        line.socket = Some(network.open_socket(now.instant, poller, request));
                    }
                    _ => line.machine.closed(now, None),
                }
                None
            }
            Action::Send { text, has_token } => {
                let text = Zeroizing::new(match has_token {
                    true => text.replace("{token}", &escaped(line.token.as_str())),
                    false => text,
                });
                if let Some(socket) = line.socket {
                    // One that takes no more is closed in a moment, and the machine told.
                    network.send_text(now.instant, poller, socket, &text);
                }
                None
            }
            Action::Close { code } => {
                if let Some(socket) = line.socket {
                    let code = CloseCode::new(code).unwrap_or(CloseCode::NORMAL);
                    network.close_socket(now.instant, poller, socket, code);
                }
                None
            }
            Action::File { fetch, outcome } => {
                self.file(now, fetch, outcome);
                let (fetch, fetched) = self.fetched.pop_front()?;
                Some(Heard::Fetched(fetch, fetched))
            }
            _ => None,
        }
    }

    /// Makes room for a file; false if nobody wants it, or it cannot be kept.
    fn begin_file(&mut self, fetch: u64) -> bool {
        let Some(wanted) = self.wanted.get_mut(&fetch) else { return false };
        let Wanted { conversation, name, bytes_max, .. } = &*wanted;
        let begun = self.files.begin(fetch, conversation.0, name, *bytes_max);
        let is_begun = begun.is_ok();
        wanted.refused = begun.err();
        is_begun
    }
}

/// A token as it stands within a JSON text.
fn escaped(token: &str) -> Zeroizing<String> {
    let list = Zeroizing::new(json::array(|out| {
        out.value(token);
    }));
    Zeroizing::new(list.trim_start_matches("[\"").trim_end_matches("\"]").to_string())
}

impl Line {
    /// What to tell people of a failure, if they were not told the same since the last answer. What
    /// does not mend itself is told at once; a connection that was cut, when it goes on.
    fn complaint(&mut self, failure: &Failure) -> Option<String> {
        self.failures_count = self.failures_count.saturating_add(1);
        let is_lasting = match failure.kind {
            FailureKind::Resolve
            | FailureKind::Refused
            | FailureKind::Connect
            | FailureKind::Tls => true,
            FailureKind::Cut
            | FailureKind::Timeout(_)
            | FailureKind::Protocol
            | FailureKind::TooLong => self.failures_count >= FAILURES_TOLD,
        };
        let text = failure.to_string();
        if !is_lasting || self.told.as_ref() == Some(&text) {
            return None;
        }
        self.told = Some(text);
        Some(format!("{}: {failure}; it is tried again", self.platform))
    }

    fn is_file_host(&self, url: &Url) -> bool {
        url.scheme() == Scheme::Https && file_hosts(self.platform).contains(&url.authority())
    }

    /// A call as a request, with the token where it belongs.
    fn request(&self, call: Call) -> Result<Request, String> {
        let base = self.base.as_str().trim_end_matches('/');
        let token = self.token.as_str();
        let url = Zeroizing::new(match call.token {
            Token::BotPath => format!("{base}/bot{token}{}", call.path),
            Token::FilePath => format!("{base}/file/bot{token}{}", call.path),
            _ if call.path.starts_with('/') => format!("{base}{}", call.path),
            _ => call.path,
        });
        let url = Url::parse(&url).map_err(|error| error.to_string())?;
        let reach = match url.authority() == self.base.authority() {
            true => Reach::Named,
            // Only a file is anywhere else, and only at a host that is known, by its usual port.
            false if self.is_file_host(&url) => Reach::Public,
            false => return Err("it is none of the platform's hosts".into()),
        };
        let mut headers = Headers::new();
        let mut add = |name: &str, value: &str| {
            headers.append(name, value.as_bytes()).map_err(|error| error.to_string())
        };
        add("user-agent", user_agent(self.platform))?;
        let secret = |kind: &str, token: &str| Zeroizing::new(format!("{kind} {token}"));
        match call.token {
            Token::BotHeader => add("authorization", &secret("Bot", token))?,
            Token::Bearer => add("authorization", &secret("Bearer", token))?,
            Token::AppBearer => {
                let token = self.app_token.as_ref().ok_or("there is no token of the app")?;
                add("authorization", &secret("Bearer", token.as_str()))?;
            }
            Token::None | Token::BotPath | Token::FilePath => {}
        }
        let mut body = Vec::new();
        if let Some((kind, bytes)) = call.body {
            add("content-type", kind)?;
            body = bytes;
        }
        let total = call.time_max;
        Ok(Request {
            method: call.method,
            url,
            headers,
            body,
            times: Times { first_byte: total, idle: total, total, ..Times::default() },
            reach,
            forbidden: None,
            answer_bytes_max: call.answer_bytes_max as u64,
        })
    }
}

/// So many failures without an answer between them are more than bad luck.
const FAILURES_TOLD: u32 = 3;
/// More than a platform gives out at once.
const REFUSED_COUNT_MAX: usize = 256;

/// Where a platform usually is.
pub(crate) fn usual_base(platform: &str) -> Option<&'static str> {
    Some(match platform {
        "telegram" => TELEGRAM,
        "discord" => DISCORD,
        "slack" => SLACK,
        _ => return None,
    })
}

const TELEGRAM: &str = "https://api.telegram.org";
const DISCORD: &str = "https://discord.com/api/v10";
const SLACK: &str = "https://slack.com/api";

#[cfg(test)]
mod tests {
    use sentinel_core::channel::Identity;
    use sentinel_core::time::Timestamp;

    use super::*;
    use crate::network::Options;

    /// A platform that says what it was told to say.
    struct Said(VecDeque<Action>);

    impl Connector for Said {
        fn start(&mut self, _: Now, _: Option<&[u8]>) {}
        fn post(&mut self, _: Now, _: ToPost) {}
        fn acknowledge(&mut self, _: Now, _: &str) {}
        fn answered(&mut self, _: Now, _: CallNumber, _: u16, _: &Headers, _: &[u8]) {}
        fn failed(&mut self, _: Now, _: CallNumber, _: bool) {}
        fn opened(&mut self, _: Now) {}
        fn received(&mut self, _: Now, _: &str) {}
        fn closed(&mut self, _: Now, _: Option<u16>) {}
        fn poll(&mut self, _: Now) -> Option<Action> {
            self.0.pop_front()
        }
        fn deadline(&self) -> Option<Instant> {
            None
        }
    }

    pub(super) fn line(platform: &'static str, actions: impl IntoIterator<Item = Action>) -> Line {
        Line {
            platform,
            machine: Box::new(Said(actions.into_iter().collect())),
            base: Url::parse("http://127.0.0.1/").unwrap(),
            token: Secret::new(Zeroizing::new(String::new())),
            app_token: None,
            rooms: Vec::new(),
            kept: PathBuf::new(),
            asked: Map::new(),
            posts: Set::new(),
            has_stopped: false,
            spare: None,
            socket: None,
            refused: VecDeque::new(),
            failures_count: 0,
            told: None,
        }
    }

    fn message(platform: &str, number: usize) -> Incoming {
        let identity = Identity::new(platform, "1", "1").unwrap();
        Incoming {
            identity,
            id: number.to_string(),
            is_private: true,
            is_from_bot: false,
            name: "A".into(),
            parts: Vec::new(),
            sent: Timestamp(0),
        }
    }

    /// A disk that is full for a while stops what comes in, and nothing else, on no platform.
    #[test]
    fn while_no_messages_are_taken_everything_else_goes_on() {
        let said = |number| Action::Message(message("one", number));
        let alert = |text: &str| Action::Alert(text.into());
        let many = (4..400).map(said);
        let one = [said(1), alert("a"), said(2), alert("b"), said(3)].into_iter().chain(many);
        let lines = vec![line("one", one), line("two", [alert("c")])];
        let mut connectors = Connectors { lines, ..Connectors::none(Attachments::default()) };
        let poller = Poller::new().unwrap();
        let mut network = Network::new(Options::default()).unwrap();
        let now = Now { instant: Instant(0), wall: Timestamp(0) };
        let mut poll = |connectors: &mut Connectors, takes_messages| loop {
            let is_urgent = |message: &Incoming| message.id == "3";
            let heard = connectors.poll(now, &poller, &mut network, takes_messages, &is_urgent);
            break match heard {
                Some(Heard::Happened(..)) => continue,
                Some(Heard::Message(message)) => message.id,
                Some(Heard::Note(text)) => text,
                other => format!("{other:?}"),
            };
        };
        assert_eq!(poll(&mut connectors, true), "1");
        connectors.refused(message("one", 1));
        // What ends something overtakes what was refused.
        for expected in ["one: a", "one: b", "3", "two: c", "None", "None"] {
            assert_eq!(poll(&mut connectors, false), expected);
        }
        assert_eq!(connectors.lines[0].refused.len(), REFUSED_COUNT_MAX, "there is a bound");
        for number in (1..400).filter(|number| *number != 3) {
            assert_eq!(poll(&mut connectors, true), number.to_string(), "in order, and all");
        }
        assert_eq!(poll(&mut connectors, true), "None");
    }
}

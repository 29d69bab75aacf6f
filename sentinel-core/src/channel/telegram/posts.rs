//! Posts: messages, changes of messages and signs of typing, and what becomes of them.
//!
//! Posts to one chat go out one after the other, so that they stand there in their order; chats do
//! not wait for one another. A chat that Telegram wants left alone is left alone, whoever posts.
//!
//! # Invariants
//! - Every post but a sign of typing is answered once.
//! - A message is sent again only if Telegram said that it did not take it.
//! - What is told of a chat, and to the operator about it, is bounded and told once.
//!
//! # Not here
//! When a failed post is tried again: [`Delivery`](crate::channel::Delivery).

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;

use super::buttons::Buttons;
use super::desk::{Desk, Errand};
use super::formatted::Formatted;
use super::message::chat_and_thread;
use super::reply::Refusal;
use super::words::number_of;
use crate::channel::connector::{Action, Posted, ToPost};
use crate::channel::{Failure, Post};
use crate::limits::{TELEGRAM_CHATS_KEPT, TELEGRAM_POSTS_OUT_MAX, TELEGRAM_POSTS_WAITING_MAX};
use crate::order::{Map, Set};
use crate::text::json::{self, Value};
use crate::time::Instant;

/// All posts.
#[derive(Debug)]
pub(super) struct Posts {
    /// Chats with a post that is out, and what waits for it.
    busy: Map<String, VecDeque<ToPost>>,
    /// Chats whose turn comes when fewer posts are out.
    ready: VecDeque<String>,
    out_count: usize,
    waiting_count: usize,
    typing: Set<String>,
    /// Chats that want to be left alone, and until when.
    resting: Map<String, Instant>,
    /// What groups have become.
    moved: Map<String, String>,
    /// Chats that the operator was told of.
    told: Set<String>,
    /// Messages with buttons, by their questions.
    questions: Map<u32, (String, i64)>,
    /// The one message of a group that nothing was said after; `None` where there are several.
    unanswered: Map<String, Option<i64>>,
}

/// A post that is out.
#[derive(Debug)]
pub(super) struct Out {
    post: Box<ToPost>,
    /// Whether it has marks that Telegram may refuse.
    is_marked: bool,
    /// Whether it was sent to where the group has moved.
    has_moved: bool,
    /// The message that it answers, if that is clear.
    reply_to: Option<i64>,
}

impl Posts {
    pub(super) const fn new() -> Self {
        Self {
            busy: Map::new(),
            ready: VecDeque::new(),
            out_count: 0,
            waiting_count: 0,
            typing: Set::new(),
            resting: Map::new(),
            moved: Map::new(),
            told: Set::new(),
            questions: Map::new(),
            unanswered: Map::new(),
        }
    }

    /// Somebody said something in a group: what is said there next answers it, if nobody else says
    /// something before. In private everybody sees what an answer is to.
    pub(super) fn heard(&mut self, chat: &str, message: i64) {
        if self.unanswered.len() >= TELEGRAM_CHATS_KEPT {
            self.unanswered.clear();
        }
        let one = self.unanswered.get(chat).map_or(Some(message), |_| None);
        self.unanswered.insert(chat.into(), one);
    }

    /// The message that a new one answers. The numbers of a group that moved are not those of what
    /// it has become.
    fn reply_to(&mut self, post: &ToPost) -> Option<i64> {
        let is_answer = matches!(post.post, Post::Send { piece: 0, .. }) && post.question.is_none();
        let one = if is_answer { self.unanswered.remove(&post.chat).flatten() } else { None };
        one.filter(|_| !self.moved.contains_key(chat_and_thread(&post.chat).0))
    }

    /// Takes a post.
    pub(super) fn take(&mut self, now: Instant, post: ToPost, desk: &mut Desk) {
        let is_busy = self.busy.contains_key(&post.chat);
        if post.post == Post::Typing {
            let is_quiet = !is_busy && self.rest(now, &post.chat).is_none();
            if is_quiet && self.typing.len() < TELEGRAM_POSTS_OUT_MAX {
                self.start_typing(post.chat, desk);
            }
            return;
        }
        if self.waiting_count >= TELEGRAM_POSTS_WAITING_MAX {
            return desk.act(posted(&post, Posted::Failed(LATER)));
        }
        self.waiting_count += 1;
        if !is_busy {
            self.ready.push_back(post.chat.clone());
        }
        self.busy.entry(post.chat.clone()).or_default().push_back(post);
    }

    /// Sends what may be sent.
    pub(super) fn go_on(&mut self, now: Instant, desk: &mut Desk) {
        while self.out_count < TELEGRAM_POSTS_OUT_MAX
            && let Some(chat) = self.ready.pop_front()
        {
            self.send_next(now, &chat, desk);
        }
    }

    /// Sends the next post to a chat, if there is one: the chat is busy or forgotten after that.
    fn send_next(&mut self, now: Instant, chat: &str, desk: &mut Desk) {
        loop {
            let Some(post) = self.busy.get_mut(chat).and_then(VecDeque::pop_front) else {
                self.busy.remove(chat);
                return;
            };
            self.waiting_count = self.waiting_count.saturating_sub(1);
            if let Some(rest) = self.rest(now, chat) {
                let rest = u64::try_from(rest.as_millis()).unwrap_or(u64::MAX);
                let failure = Failure::RateLimited { retry_after_ms: rest };
                desk.act(posted(&post, Posted::Failed(failure)));
                continue;
            }
            self.out_count += 1;
            let reply_to = self.reply_to(&post);
            let (post, has_moved) = (Box::new(post), false);
            self.send(Out { post, is_marked: true, has_moved, reply_to }, desk);
            return;
        }
    }

    fn send(&mut self, mut out: Out, desk: &mut Desk) {
        let post = &out.post;
        let (message, text) = match &post.post {
            Post::Send { text, .. } => (None, text),
            Post::Edit { message, text, .. } => (Some(message), text),
            // It is never queued.
            Post::Typing => return,
        };
        // What a question asks about is shown as it is, not as marks in it might dress it.
        let formatted = match out.is_marked && post.question.is_none() {
            true => Formatted::read(text),
            false => Formatted::plain(text),
        };
        out.is_marked = !formatted.entities.is_empty();
        let buttons = post.question.and_then(|question| Buttons::under(text, question));
        let reply_to = out.reply_to.filter(|_| !out.has_moved);
        let body = json::object(|out| {
            self.write_chat(&post.chat, message.is_none(), out);
            if let Some(message) = message {
                out.field("message_id", message.parse::<i64>().unwrap_or_default());
            }
            formatted.write(out);
            out.object("link_preview_options", |out| {
                out.field("is_disabled", true);
            });
            if let Some(message) = reply_to {
                out.object("reply_parameters", |out| {
                    out.field("message_id", message);
                    // Who asked may have taken it back meanwhile.
                    out.field("allow_sending_without_reply", true);
                });
            }
            if let Some(buttons) = buttons {
                buttons.write(out);
            }
        });
        let method = if message.is_some() { "editMessageText" } else { "sendMessage" };
        desk.call(Errand::Post(out), method, body);
    }

    /// A post was done, or refused.
    pub(super) fn answered(
        &mut self,
        now: Instant,
        mut out: Out,
        answer: Result<Value<'_>, Refusal>,
        desk: &mut Desk,
    ) {
        let outcome = match answer {
            Ok(result) => self.done(&out.post, result),
            // It says already what it should.
            Err(refusal) if !out.is_send() && refusal.says("is not modified") => Posted::Edited,
            Err(refusal) => {
                if let Some(to) = refusal.moved_to {
                    self.move_chat(chat_and_thread(&out.post.chat).0, to, desk);
                }
                let has_moved = refusal.moved_to.is_some();
                let is_mark = refusal.code == 400 && refusal.says("entit");
                let follows = has_moved && out.is_send() && !out.has_moved;
                if follows || is_mark && out.is_marked {
                    out.has_moved |= has_moved;
                    out.is_marked &= !is_mark;
                    return self.send(out, desk);
                }
                Posted::Failed(self.refused(now, &out.post, &refusal, desk))
            }
        };
        self.end(now, &out, outcome, desk);
    }

    /// Nobody knows whether a post arrived, or it is known that it did not.
    pub(super) fn failed(&mut self, now: Instant, out: &Out, may_be_there: bool, desk: &mut Desk) {
        let failure = match out.post.post {
            Post::Send { .. } if !may_be_there => LATER,
            // To say a second time what a message says does no harm.
            _ => Failure::Transport,
        };
        self.end(now, out, Posted::Failed(failure), desk);
    }

    fn end(&mut self, now: Instant, out: &Out, outcome: Posted, desk: &mut Desk) {
        self.out_count = self.out_count.saturating_sub(1);
        let chat = &out.post.chat;
        if let (Some(message), Posted::Failed(Failure::RateLimited { .. })) =
            (out.reply_to, &outcome)
        {
            // It is not there, and comes again.
            self.unanswered.entry(chat.clone()).or_insert(Some(message));
        }
        desk.act(posted(&out.post, outcome));
        match self.busy.get(chat).is_some_and(|waiting| !waiting.is_empty()) {
            true => self.ready.push_back(chat.clone()),
            false => drop(self.busy.remove(chat)),
        }
        self.go_on(now, desk);
    }

    fn done(&mut self, post: &ToPost, result: Value<'_>) -> Posted {
        let (message, text, outcome) = match (&post.post, number_of(result, "message_id")) {
            (Post::Send { text, .. }, Some(message)) => {
                (Some(message), text, Posted::Sent(message.to_string()))
            }
            // It is there, under a name that nobody knows.
            (Post::Send { text, .. }, None) => (None, text, Posted::Failed(Failure::Transport)),
            (Post::Edit { message, text, .. }, _) => (message.parse().ok(), text, Posted::Edited),
            // It is never queued.
            (Post::Typing, _) => return Posted::Edited,
        };
        let question = post.question.filter(|question| Buttons::under(text, *question).is_some());
        if let Some((question, message)) = question.zip(message) {
            if self.questions.len() >= TELEGRAM_CHATS_KEPT {
                self.questions.pop_first();
            }
            self.questions.insert(question, (post.chat.clone(), message));
        }
        outcome
    }

    fn refused(
        &mut self,
        now: Instant,
        post: &ToPost,
        refusal: &Refusal,
        desk: &mut Desk,
    ) -> Failure {
        if refusal.code == 429 {
            let wait = refusal.retry_after.unwrap_or(Duration::from_secs(1));
            self.let_rest(now, &post.chat, wait);
            let retry_after_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            return Failure::RateLimited { retry_after_ms };
        }
        if refusal.is_doubtful() {
            return Failure::Transport;
        }
        let is_gone = ["to edit not found", "can't be edited", "message_id_invalid"];
        let is_edit = matches!(post.post, Post::Edit { .. });
        if is_edit && (refusal.moved_to.is_some() || is_gone.iter().any(|gone| refusal.says(gone)))
        {
            return Failure::Gone;
        }
        if refusal.code == 401 {
            return UNTIL_TOKEN;
        }
        let is_of_chat = refusal.code == 403 || refusal.says("chat not found");
        if is_of_chat && self.may_tell(&post.chat) {
            desk.act(Action::Alert(format!(
                "Telegram takes nothing for the chat {}: {}. Who wants answers there has to let \
                 the bot in again",
                post.chat, refusal.words,
            )));
        }
        Failure::Rejected
    }

    /// A group has become another chat.
    pub(super) fn move_chat(&mut self, from: &str, to: i64, desk: &mut Desk) {
        let to = to.to_string();
        if from == to || self.moved.get(from) == Some(&to) {
            return;
        }
        if self.moved.len() >= TELEGRAM_CHATS_KEPT {
            self.moved.pop_first();
        }
        desk.act(Action::Alert(format!(
            "The Telegram group {from} is now {to}. Answers go there; a rule for the room has to \
             name {to} from now on"
        )));
        // Never in a circle: what is known of the new chat is older.
        self.moved.remove(&to);
        self.moved.insert(from.into(), to);
    }

    /// Whether the operator was not told of a chat yet.
    pub(super) fn may_tell(&mut self, chat: &str) -> bool {
        self.told.len() < TELEGRAM_CHATS_KEPT && self.told.insert(chat.into())
    }

    /// Removes the buttons of a question.
    pub(super) fn settle(&mut self, question: u32, desk: &mut Desk) {
        if let Some((chat, message)) = self.questions.remove(&question) {
            self.remove_buttons(&chat, message, desk);
        }
    }

    /// Removes the buttons of a message.
    pub(super) fn remove_buttons(&self, chat: &str, message: i64, desk: &mut Desk) {
        let body = json::object(|out| {
            self.write_chat(chat, false, out);
            out.field("message_id", message);
        });
        desk.call_aside("editMessageReplyMarkup", body);
    }

    fn start_typing(&mut self, chat: String, desk: &mut Desk) {
        if self.typing.insert(chat.clone()) {
            let body = json::object(|out| {
                self.write_chat(&chat, true, out);
                out.field("action", "typing");
            });
            desk.call(Errand::Type(chat), "sendChatAction", body);
        }
    }

    /// A sign of typing was shown, or was not.
    pub(super) fn typed(&mut self, chat: &str) {
        self.typing.remove(chat);
    }

    /// Writes where a post goes.
    fn write_chat(&self, chat: &str, has_thread: bool, out: &mut json::ObjectWriter<'_, String>) {
        let (chat, thread) = chat_and_thread(chat);
        let chat = self.moved.get(chat).map_or(chat, String::as_str);
        // A number as it is; what is no number, Telegram will refuse.
        match chat.parse::<i64>() {
            Ok(number) => out.field("chat_id", number),
            Err(_) => out.field("chat_id", chat),
        };
        out.optional("message_thread_id", thread.filter(|_| has_thread));
    }

    /// How long a chat wants to be left alone.
    fn rest(&self, now: Instant, chat: &str) -> Option<Duration> {
        self.resting.get(chat).filter(|until| **until > now).map(|until| until.since(now))
    }

    fn let_rest(&mut self, now: Instant, chat: &str, wait: Duration) {
        self.resting.retain(|_, until| *until > now);
        if self.resting.len() < TELEGRAM_CHATS_KEPT {
            self.resting.insert(chat.into(), now.after(wait));
        }
    }

    #[cfg(test)]
    pub(super) fn moved_count(&self) -> usize {
        self.moved.len()
    }

    /// Nothing is sent any more: all that waits is answered.
    pub(super) fn stop(&mut self, desk: &mut Desk) {
        self.ready.clear();
        for post in core::mem::take(&mut self.busy).into_values().flatten() {
            desk.act(posted(&post, Posted::Failed(UNTIL_TOKEN)));
        }
    }
}

impl Out {
    const fn is_send(&self) -> bool {
        matches!(self.post.post, Post::Send { .. })
    }

    /// Nobody waits for the answer any more, so nobody will know.
    pub(super) fn given_up(&self) -> Action {
        posted(&self.post, Posted::Failed(Failure::Transport))
    }
}

/// What became of a post.
pub(super) fn posted(post: &ToPost, outcome: Posted) -> Action {
    let piece = match post.post {
        Post::Send { piece, .. } | Post::Edit { piece, .. } => piece,
        Post::Typing => 0,
    };
    Action::Posted { delivery: post.delivery, piece, outcome }
}

/// The token is not good, which is no fault of the post: an operator may put another one in its
/// place while it waits.
pub(super) const UNTIL_TOKEN: Failure = Failure::RateLimited { retry_after_ms: 15_000 };
/// It did not happen, and can be tried again soon.
const LATER: Failure = Failure::RateLimited { retry_after_ms: 1_000 };

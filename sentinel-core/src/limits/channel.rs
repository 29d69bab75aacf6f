//! Bounds of what is said with people: messages, platforms, and how much of them is kept.

use core::time::Duration;

use super::{CONVERSATION_IDS_KEPT, JSON_BYTES_MAX};

/// One id of a platform, in bytes. The longest ones known (Matrix rooms and events) have 255.
pub const CHANNEL_ID_BYTES_MAX: usize = 255;

/// A display name, in bytes: platforms stop at 64 to 128 characters.
pub const CHANNEL_NAME_BYTES_MAX: usize = 512;

/// What one incoming message may hold, in bytes of all its texts: the longest one a platform
/// carries (Slack's 40,000 characters) fits, with room for what it quotes. It stays in the context
/// of a model.
pub const CHANNEL_INCOMING_BYTES_MAX: usize = 256 * 1024;

/// Parts of one incoming message: its words, what it quotes, and an album of attachments.
pub const CHANNEL_INCOMING_PARTS_MAX: usize = 64;

/// An incoming message as JSON: every byte of its texts written as `\u0000`, and its frame.
pub const CHANNEL_INCOMING_JSON_BYTES_MAX: usize = 8 * CHANNEL_INCOMING_BYTES_MAX;

const _: () = assert!(CHANNEL_INCOMING_JSON_BYTES_MAX <= JSON_BYTES_MAX);

/// Entries of an allowlist, people or rooms: a list that a person keeps by hand.
pub const CHANNEL_RULES_MAX: usize = 1024;

/// People that are told apart at once, guests of open rooms included.
pub const CHANNEL_PEOPLE_MAX: usize = 16 * 1024;

/// Guests of open rooms among them: they come unasked, and are not to take all the room.
pub const CHANNEL_GUESTS_MAX: usize = CHANNEL_PEOPLE_MAX / 2;

/// Codes open at once on one platform: more are a crowd at the door, not somebody expected.
pub const CHANNEL_CODES_MAX: usize = 3;

/// How long a code is good for: the operator is asked while the stranger waits.
pub const CHANNEL_CODE_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// How long a stranger who asks again gets no answer.
pub const CHANNEL_CODE_REMINDER: Duration = Duration::from_secs(10 * 60);

/// Wrong codes the operator may enter within [`CHANNEL_CODE_LIFETIME`]. Ten guesses at one of 2⁵⁰
/// are hopeless; ten typing errors are somebody who should look again.
pub const CHANNEL_WRONG_CODES_MAX: u32 = 10;

const _: () = assert!(CHANNEL_RULES_MAX <= CHANNEL_PEOPLE_MAX, "everybody listed is known");

/// Bytes of one answer that a chat is shown: some seventy messages of Telegram. The journal has the
/// rest, and a note says that there is one.
pub const CHANNEL_ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Bytes that a model outside is given back by one call: it is an answer with a line before it.
pub const OUTSIDE_OUTPUT_BYTES_MAX: usize = CHANNEL_ANSWER_BYTES_MAX - 2 * CHANNEL_ID_BYTES_MAX;

/// Messages of one answer that are found again after the program ended: what an answer of the
/// longest kind takes in most chats. An answer of more is said to be lost.
pub const CHANNEL_SHOWN_MAX: usize = 96;

/// Failures of one answer, over all its messages, before it is given up.
pub const CHANNEL_FAILURES_MAX: u32 = 8;

/// The longest wait that a platform may ask for before an answer is given up: who asked has gone.
pub const CHANNEL_RETRY_AFTER_MAX: Duration = Duration::from_secs(5 * 60);

/// The pause after the first failure; it doubles with each.
pub const CHANNEL_RETRY_PAUSE: Duration = Duration::from_secs(1);

/// How long a platform is trusted to know an idempotency key: Discord says a few minutes.
pub const CHANNEL_KEY_LIFETIME: Duration = Duration::from_secs(120);

/// One line that is typed or piped in: more than a screen of pasted text.
pub const CHANNEL_LINE_BYTES_MAX: usize = 64 * 1024;

/// Messages that the arrow up finds again on a terminal: those of a day, and not of a year.
pub const CHANNEL_LINES_REMEMBERED_MAX: usize = 500;

const _: () = assert!(CHANNEL_LINE_BYTES_MAX * 3 <= CHANNEL_INCOMING_BYTES_MAX, "even if mended");

// channel::telegram

/// Updates in one answer: every one that the agent remembers as seen, if all are of one chat, so
/// that a crash between two polls answers nothing twice.
pub const TELEGRAM_UPDATES_MAX: usize = 50;
const _: () = assert!(TELEGRAM_UPDATES_MAX <= CONVERSATION_IDS_KEPT);
const _: () = assert!(TELEGRAM_UPDATES_MAX <= CONVERSATION_IDS_KEPT);

/// Numbers of updates by which one that comes again is known: ten answers.
pub const TELEGRAM_UPDATES_KEPT: usize = 512;

/// How long Telegram holds a poll that has nothing to say: its own bound.
pub const TELEGRAM_POLL_TIME: Duration = Duration::from_secs(50);

/// The largest answer to a poll: so many messages of 4096 units, each with a quotation, its
/// entities, and six bytes for a unit.
pub const TELEGRAM_POLL_BYTES_MAX: usize = 8 << 20;

/// The largest answer to anything else: one message, as above.
pub const TELEGRAM_ANSWER_BYTES_MAX: usize = 256 * 1024;

/// How long a request may take that is not a poll. A person waits for it.
pub const TELEGRAM_CALL_TIME_MAX: Duration = Duration::from_secs(30);

/// Posts that are out at one time: each takes a connection, and Telegram takes some thirty
/// messages a second.
pub const TELEGRAM_POSTS_OUT_MAX: usize = 64;

/// Posts that wait for their turn: one for each of many conversations. One more is told to come
/// later.
pub const TELEGRAM_POSTS_WAITING_MAX: usize = 16 * 1024;

/// Chats of which something is remembered: that they rest, that they moved, that the operator was
/// told of them.
pub const TELEGRAM_CHATS_KEPT: usize = 256;

/// Files that are fetched at one time: each may be as large as the bound below.
pub const TELEGRAM_FETCHES_MAX: usize = 4;

/// The largest file that Telegram hands to a bot.
pub const TELEGRAM_FILE_BYTES_MAX: usize = 20 << 20;

/// Entities of one message: Telegram leaves out more.
pub const TELEGRAM_ENTITIES_MAX: usize = 100;

/// The first pause after a poll that failed; it doubles with each.
pub const TELEGRAM_PAUSE: Duration = Duration::from_secs(1);

/// The longest of these pauses: who waits for an answer still waits after a minute.
pub const TELEGRAM_PAUSE_MAX: Duration = Duration::from_secs(60);

/// The longest pause that Telegram may ask for between polls. A wrong number is not to silence the
/// agent for a day.
pub const TELEGRAM_RETRY_AFTER_MAX: Duration = Duration::from_secs(60 * 60);

/// Failures after which the operator is told that Telegram cannot be reached: half a minute.
pub const TELEGRAM_FAILURES_TOLD: u32 = 5;
// channel::traffic

/// The longest pause before a platform is tried again, unless it asks for more: whoever waits for
/// an answer looks again after a minute.
pub const CHANNEL_BACKOFF_MAX: Duration = Duration::from_secs(60);

/// Failures in a row after which the operator is told that a platform cannot be reached, or does
/// not take us: half a minute.
pub const CHANNEL_FAILURES_TOLD: u32 = 5;

/// Answers in a row, to the question what was said in a channel, that say nothing of it: three
/// minutes. Then what is said there now does not wait any longer for what was said before.
pub const CHANNEL_HISTORY_TRIES_MAX: u32 = 8;

/// Requests of one connector that wait for their turn. Every chat has one at a time, and what does
/// not fit is refused for now.
pub const CHANNEL_WAITING_MAX: usize = 8 * 1024;

/// Places of a platform whose bounds are remembered; beyond, those where nothing goes on are
/// forgotten.
pub const CHANNEL_LANES_MAX: usize = 4 * 1024;

/// Messages that were handed to the agent and not acknowledged yet. With more, the platform keeps
/// the rest and is asked for it later.
pub const CHANNEL_PENDING_MAX: usize = 1024;

/// Messages that are known to be done with, so that none is handed over twice: what a platform
/// repeats after a connection was lost, and a little more.
pub const CHANNEL_DONE_KEPT: usize = 128;

/// The same where a message that nobody acknowledges keeps them from being forgotten.
pub const CHANNEL_DONE_MAX: usize = 4 * 1024;

/// Chats of a platform whose last message is remembered, to ask for what was missed. Beyond, the
/// one that was silent longest is forgotten.
pub const CHANNEL_CHATS_KEPT: usize = 1024;

/// Messages of one chat that wait while what was said before them is asked for.
pub const CHANNEL_HELD_MAX: usize = 24;
/// The same of one chat, as far as they can be asked for again. What a crash leaves between the
/// agent's record of a message and the platform's is offered once more, and the agent has to know
/// all of it.
pub const CHANNEL_CHAT_PENDING_MAX: usize = 24;
/// Pressed buttons and commands of their own kind among them, which nobody can ask for again.
pub const CHANNEL_PRESSES_PENDING_MAX: usize = 16;
const _: () = assert!(
    CHANNEL_CHAT_PENDING_MAX + CHANNEL_HELD_MAX + CHANNEL_PRESSES_PENDING_MAX
        <= CONVERSATION_IDS_KEPT
);

/// Messages that are asked for when a chat went on without us, in however many pages they come.
/// What is older than that nobody waits for, and the operator is told.
pub const CHANNEL_MISSED_MAX: usize = 2000;

/// The answers that these messages come in, in bytes: of a platform that may begin with the last
/// one, all are held before the first is handed over.
pub const CHANNEL_MISSED_BYTES_MAX: usize = 160 << 20;

/// Questions whose buttons are remembered, to take them away once they are answered.
pub const CHANNEL_QUESTIONS_MAX: usize = 256;

/// What a connector keeps for its next start.
pub const CHANNEL_KEPT_BYTES_MAX: usize = 1 << 20;

//! Every default bound of the core, in one place, with the reason for its value.
//!
//! Each parser and codec takes its bounds from its caller; these are the values it has when the
//! caller says nothing. Hitting one is an error that names it, never a panic and never silence.
//!
//! # Invariants
//! - Nothing in the core grows with input beyond one of these bounds.
//! - Relations between bounds are checked at compile time.
//!
//! # Not here
//! Bounds that follow from a format (a port is at most 65535) stand with the format.

mod channel;
#[cfg(feature = "policy")]
mod egress;
#[cfg(feature = "agent")]
mod finding;
#[cfg(feature = "mcp")]
mod mcp;
#[cfg(feature = "agent")]
mod skill;
mod tool;

use core::time::Duration;

pub use self::channel::*;
#[cfg(feature = "policy")]
pub use self::egress::*;
#[cfg(feature = "agent")]
pub use self::finding::*;
#[cfg(feature = "mcp")]
pub use self::mcp::*;
#[cfg(feature = "agent")]
pub use self::skill::*;
pub use self::tool::*;

// llm

/// How much of a provider's own words an error keeps, in bytes: a few sentences for a person.
pub const MODEL_ERROR_TEXT_BYTES_MAX: usize = 512;

/// The longest wait that a provider may ask for. Limits per minute and per hour end within it; who
/// has to wait for longer should be told, or served by another model.
pub const MODEL_RETRY_AFTER_MAX: Duration = Duration::from_secs(60 * 60);

/// Bytes of a request, its images included: Anthropic's own bound, the smallest of the large ones.
pub const MODEL_REQUEST_BYTES_MAX: u64 = 32 << 20;

/// Bytes of a picture that a model is shown: Anthropic's bound is 5 MB of its base64.
pub const PICTURE_BYTES_MAX: u64 = 3_750_000;

/// Pictures in one request. They are sent again with every request, so the newest are enough.
pub const REQUEST_PICTURES_MAX: usize = 8;

/// Bytes of all pictures in one request. Their base64 is half of what a request may have.
pub const REQUEST_PICTURES_BYTES_MAX: u64 = 12 << 20;

const _: () = assert!(REQUEST_PICTURES_BYTES_MAX / 3 * 4 <= MODEL_REQUEST_BYTES_MAX / 2);

/// Bytes of one event of an answer: all arguments in one piece fit, with an escape for each byte.
pub const MODEL_EVENT_BYTES_MAX: usize = 4 << 20;

/// Bytes of text and thinking in one answer. The largest models write some 128,000 tokens, about
/// half a mebibyte; eight times that is a stream that does not end.
pub const MODEL_REPLY_TEXT_BYTES_MAX: usize = 4 << 20;

/// Blocks of text and thinking in one answer: between any two tool calls there may be one of each.
pub const MODEL_REPLY_BLOCKS_MAX: usize = 512;

/// Tool calls in one answer. Models make a handful at once; OpenAI's own bound is 128.
pub const MODEL_REPLY_TOOL_CALLS_MAX: usize = 128;

/// Bytes of the arguments of all tool calls of one answer: a file of a mebibyte to be written fits,
/// its escapes included.
pub const MODEL_REPLY_ARGUMENT_BYTES_MAX: usize = 2 << 20;

/// Bytes of the name of a tool or the id of a call. Providers allow 64 for a name and send ids of
/// 30; some put a sealed state of hundreds of bytes into an id.
pub const MODEL_REPLY_NAME_BYTES_MAX: usize = 1024;

const _: () = assert!(MODEL_REPLY_ARGUMENT_BYTES_MAX * 2 <= MODEL_EVENT_BYTES_MAX);
const _: () = assert!(MODEL_EVENT_BYTES_MAX <= JSON_BYTES_MAX, "an event is read as one text");

// text::json

/// How deep arrays and objects of a JSON text may be nested. Documents of people and platforms stay
/// below twenty; the bound keeps hostile ones from making every later step pay for their depth.
pub const JSON_DEPTH_MAX: usize = 128;

/// How long a JSON text may be, in bytes: room for a reply that carries an image. A document takes
/// up to eight times its text (`[0,0,0…`), and half of that again while it grows, so this bound is
/// also what keeps a hostile reply from filling a small machine.
pub const JSON_BYTES_MAX: usize = 16 << 20;

// text::sse

/// How long a line of an event stream may be, in bytes: one event of a model may carry an image.
pub const SSE_LINE_BYTES_MAX: usize = 16 << 20;

/// How long the data of one event may be, in bytes, over all its lines.
pub const SSE_EVENT_BYTES_MAX: usize = 16 << 20;

const _: () = assert!(SSE_EVENT_BYTES_MAX <= JSON_BYTES_MAX, "an event is read as one JSON text");

// text::toml

/// Bytes of a TOML document. A configuration a person keeps by hand has a few thousand; this leaves
/// room for long allow-lists and still bounds what one file can make us hold: in the worst shapes
/// measured (long dotted keys, 64-bit) a document takes 76 bytes of memory per byte of text.
pub const TOML_BYTES_MAX: usize = 1 << 20;

/// Containers inside one another in a TOML document: tables, arrays, dotted keys and headers alike.
/// People nest a handful; the bound keeps dropping and comparing a document within a small stack.
pub const TOML_DEPTH_MAX: usize = 128;

/// The deepest nesting a caller may ask for in TOML. Values are dropped and compared by recursion,
/// so a larger wish is taken as this one: depth must never be able to exhaust a thread's stack.
pub const TOML_DEPTH_CEILING: usize = 512;

const _: () = assert!(TOML_DEPTH_MAX <= TOML_DEPTH_CEILING);

// wire::http

/// A head of 64 KiB holds every cookie and token seen in practice; common servers stop at 8 to 64.
pub const HTTP_HEAD_BYTES_MAX: usize = 64 * 1024;

/// RFC 9112 §3 asks for at least 8000 bytes of request line; twice that is room for signed URLs.
pub const HTTP_START_LINE_BYTES_MAX: usize = 16 * 1024;

/// Lookups walk the list, so it is short: browsers and APIs send fewer than 40 fields.
pub const HTTP_HEADERS_COUNT_MAX: usize = 128;

/// A reply with images in it fits; what is larger should be streamed by a caller who says so.
pub const HTTP_BODY_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Sixteen digits and CRLF are 18 bytes; the rest is for extensions, which hardly anyone sends.
pub const HTTP_CHUNK_LINE_BYTES_MAX: usize = 256;

/// Extensions are read and thrown away, so a peer must not be able to send them for ever.
pub const HTTP_CHUNK_EXTENSION_BYTES_MAX: usize = 16 * 1024;

/// Trailers carry a checksum or a signature, not a second head.
pub const HTTP_TRAILER_BYTES_MAX: usize = 8 * 1024;

/// One `100 Continue` and some `103 Early Hints`; more is a peer that never comes to the point.
pub const HTTP_INFORMATIONAL_COUNT_MAX: usize = 16;

// wire::url

/// The longest URL or `Location` reference, as given and again as normalised. RFC 9110 §4.1 asks
/// for at least 8000 bytes; servers refuse much more than that, so a longer one is an accident or
/// an attempt to make us carry data out.
pub const URL_BYTES_MAX: usize = 8 * 1024;

const _: () = assert!(URL_BYTES_MAX < HTTP_START_LINE_BYTES_MAX, "a URL fits a request line");
const _: () = assert!(HTTP_START_LINE_BYTES_MAX <= HTTP_HEAD_BYTES_MAX);
const _: () = assert!(HTTP_TRAILER_BYTES_MAX <= HTTP_HEAD_BYTES_MAX);
const _: () = assert!(HTTP_CHUNK_LINE_BYTES_MAX >= 18);
const _: () = assert!(HTTP_HEAD_BYTES_MAX <= u32::MAX as usize);

// wire::dns

/// What a datagram may carry, as we tell servers: the size that passes every IPv6 path whole (RFC
/// 9715 §3), so that no answer comes in fragments, which can be forged one by one.
pub const DNS_UDP_BYTES: u16 = 1232;

/// Records of one response. Names with hundreds of addresses are rare; more is an attempt to keep
/// us busy.
pub const DNS_RECORDS_COUNT_MAX: usize = 512;

/// Aliases between a name and its addresses. Content networks use four; resolvers stop at 8 to 17.
pub const DNS_ALIASES_COUNT_MAX: usize = 16;

/// Addresses of one name that are kept, of each kind: nobody tries more of them in turn.
pub const DNS_ADDRESSES_COUNT_MAX: usize = 32;

/// Servers that are asked. The C library keeps three, and a person waits for all of them in turn.
pub const DNS_SERVERS_COUNT_MAX: usize = 3;

/// Domains a short name is looked for in. Clusters write five or six; Kubernetes allows 32.
pub const DNS_SEARCH_COUNT_MAX: usize = 32;

/// How long a server may take for one query, at most: the bound of the C library.
pub const DNS_TIMEOUT_MAX: Duration = Duration::from_secs(30);

/// How often all servers are asked, at most: the bound of the C library.
pub const DNS_ATTEMPTS_MAX: u8 = 5;

/// What of a failed resolution is told: with more failures than these, the first ones.
pub const DNS_TRIED_COUNT_MAX: usize = 16;

/// Bytes of `resolv.conf`: a few lines. What comes after them is not read.
pub const DNS_CONFIG_BYTES_MAX: usize = 64 * 1024;

/// Bytes of `hosts`: lists that block advertisements have two to four million. Beyond, it is not
/// read.
pub const DNS_HOSTS_BYTES_MAX: usize = 8 << 20;

/// Lines of such files that are told to be wrong, each; the others are counted.
pub const DNS_PROBLEMS_COUNT_MAX: usize = 16;

/// Names that are remembered: an agent talks to a few dozen.
pub const DNS_CACHE_COUNT_MAX: usize = 1024;

/// How long an address is remembered at least, so that a name with no lifetime at all is not asked
/// for by each of many connections at once.
pub const DNS_CACHE_TIME_MIN: Duration = Duration::from_secs(1);

/// How long an address is remembered at most: a name that moves is found again within the hour.
pub const DNS_CACHE_TIME_MAX: Duration = Duration::from_secs(60 * 60);

/// How long it is remembered that there is nothing, at most. RFC 2308 §5 allows hours; who has just
/// made a name does not want to wait for them.
pub const DNS_CACHE_NEGATIVE_TIME_MAX: Duration = Duration::from_secs(60);

const _: () = assert!(DNS_UDP_BYTES >= 512, "RFC 6891 §6.2.3");

// wire::race

/// Addresses that are tried for one connection: with the pause between them, the last one starts
/// when four seconds have passed.
pub const RACE_ADDRESSES_COUNT_MAX: usize = 16;

// wire::websocket

/// A message over all its fragments. Chat platforms send what a large group is made of in one of
/// some mebibytes.
pub const WEBSOCKET_MESSAGE_BYTES_MAX: usize = 16 << 20;

/// What is kept of the memory a message took, for the next one: most are shorter.
pub const WEBSOCKET_BUFFER_BYTES_KEPT: usize = 64 * 1024;

/// Subprotocols that are offered or asked for: a peer names one or two.
pub const WEBSOCKET_PROTOCOLS_COUNT_MAX: usize = 16;

const _: () = assert!(WEBSOCKET_MESSAGE_BYTES_MAX <= JSON_BYTES_MAX, "a message is read as JSON");

// capability

/// A path in a request or a grant: what Linux takes, without the NUL at its end.
pub const CAPABILITY_PATH_BYTES_MAX: usize = 4095;

/// How deep a path may go: a decision looks at the grants of every directory above it.
pub const CAPABILITY_PATH_COMPONENTS_MAX: usize = 128;

/// Grants at once, rules that forbid included. A person who answers "always" to every question of a
/// year comes to a tenth of it.
pub const CAPABILITY_GRANTS_COUNT_MAX: usize = 16 * 1024;

/// How many times a grant may be handed on: from a person to the agent, a skill, and its helpers.
/// Every use of a grant walks back to the first.
pub const CAPABILITY_DERIVED_DEPTH_MAX: usize = 8;

/// The text of one grant: a path and a command's words. People have to be able to read it.
pub const CAPABILITY_GRANT_BYTES_MAX: usize = 8 * 1024;

/// Paths that one argument of a command may hide behind `=`, `:` and `,`: each is decided about.
pub const CAPABILITY_ARGUMENT_PATHS_MAX: usize = 32;

const _: () = assert!(TOOL_PATH_BYTES_MAX <= CAPABILITY_PATH_BYTES_MAX, "a call's path is judged");
const _: () = assert!(CAPABILITY_PATH_BYTES_MAX < CAPABILITY_GRANT_BYTES_MAX);

// label

/// How many readers one set may name. A team's list is shorter; longer ones are a pattern.
pub const LABEL_READERS_MAX: usize = 64;

/// How long one reader may be, in bytes: an e-mail address has at most 254 (RFC 5321 §4.5.3.1).
pub const LABEL_READER_BYTES_MAX: usize = 254;

/// Values of a call whose origins are looked up for the person who is asked: each costs a search of
/// every block.
pub const LABEL_ORIGINS_COUNT_MAX: usize = 64;

/// How much of a value is shown where it is named again: enough to know it by.
pub const LABEL_VALUE_BYTES_SHOWN: usize = 160;

// llm::route

/// Models in one chain: each is asked in vain before a person learns that none answers.
pub const MODEL_CHAIN_COUNT_MAX: usize = 16;

/// Requests in one exchange, over all models: with two to each, three models get their turn.
pub const ROUTE_ATTEMPTS_MAX: u32 = 6;

/// How long an exchange goes on starting requests. A person who waited longer has gone.
pub const ROUTE_TIME_MAX: Duration = Duration::from_secs(300);

// llm::offline

/// What the offline model reads of a person's message: its patterns fit one line.
pub const OFFLINE_REQUEST_BYTES_MAX: usize = 8 * 1024;

/// Words of such a message. Patterns are tried on parts of it, so this bounds the work.
pub const OFFLINE_WORDS_MAX: usize = 512;

/// Requests in one message; as every pair of cuts is tried, the work grows with the square.
pub const OFFLINE_CLAUSES_MAX: usize = 16;

/// Tool calls that follow from one message: what a plan may name, and a person can follow.
pub const OFFLINE_STEPS_MAX: usize = 16;

/// What of one result the offline model repeats.
pub const OFFLINE_QUOTE_BYTES_MAX: usize = 16 * 1024;

/// What it repeats within a sentence: a path, an error, what was said before.
pub const OFFLINE_SAID_BYTES_MAX: usize = 400;

/// How many messages back it looks for a person's name.
pub const OFFLINE_MEMORY_MESSAGES_MAX: usize = 64;

const _: () = assert!(OFFLINE_STEPS_MAX <= MODEL_REPLY_TOOL_CALLS_MAX);
const _: () = assert!(
    OFFLINE_STEPS_MAX * 4 * OFFLINE_QUOTE_BYTES_MAX <= MODEL_REPLY_TEXT_BYTES_MAX,
    "results between fences fit an answer"
);

/// How long a control value may be that is looked for in trusted text, in bytes. Addresses, paths,
/// ids and URLs that people write are shorter; longer values ask. With the two bounds below it is
/// what bounds the time of a decision, whatever the values are.
pub const LABEL_VALUE_BYTES_MAX: usize = 512;

/// How many control values of one call are looked for. A list of more recipients asks.
pub const LABEL_VALUES_MAX: usize = 32;

/// How many bytes all the control values of one call may have that are looked for: room for a list
/// of recipients. Values with letters beyond ASCII count threefold: they take longest.
pub const LABEL_VALUES_BYTES_MAX: usize = 4 * LABEL_VALUE_BYTES_MAX;

/// How many words of a phrase are tried as its key, and how many places of the rarest are compared.
/// A phrase of nothing but words that stand everywhere may be missed, which asks.
pub const LABEL_KEYS_MAX: usize = 4;
/// See [`LABEL_KEYS_MAX`].
pub const LABEL_PLACES_MAX: usize = 32;

/// How deep a value may be nested within an argument to be looked at. Deeper ones ask.
pub const LABEL_ARGUMENT_DEPTH_MAX: usize = 8;

/// How much trusted text of one conversation is indexed, in bytes: a long persona and a hundred
/// thousand words of people. Text beyond it grounds nothing, so such a conversation asks more. The
/// index is estimated to take up to twenty times its text where every word is short and new.
pub const LABEL_TRUSTED_BYTES_MAX: usize = 256 << 10;

/// How many records of one conversation are kept to ground ids by. With more, ids ask.
pub const LABEL_RECORDS_MAX: usize = 4096;

/// How many URLs of untrusted blocks of one conversation are kept for verbatim fetches; with more
/// of them, the first ones are known and the rest asks.
pub const LABEL_URLS_MAX: usize = 1024;

/// How many references one conversation may be given.
pub const LABEL_REFERENCES_MAX: usize = 65_536;

/// How many tools a plan may name. One that names every tool there is plans nothing.
pub const LABEL_PLAN_TOOLS_MAX: usize = 32;

/// Texts and calls of one written scenario: every call is explained by all that stands before it,
/// and the longest that anybody wrote has a dozen.
pub const POLICY_STEPS_MAX: usize = 512;

/// How many blocks one conversation may hold a label for. Its history is cut long before.
pub const LABEL_BLOCKS_MAX: usize = 1 << 20;

// journal

/// What one record may carry: the largest input that is kept whole, an HTTP body of the size that
/// a tool may give back. A record is hashed and held in one piece.
pub const JOURNAL_PAYLOAD_BYTES_MAX: usize = 16 << 20;

/// Records after which a checkpoint is due, whatever the clock says: what a forger with today's key
/// could rewrite unseen is never more than this.
pub const JOURNAL_CHECKPOINT_RECORDS_MAX: u64 = 1024;

/// Time after which a checkpoint is due if there is anything to vouch for.
pub const JOURNAL_CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);

/// A checkpoint's note with its signatures: room for a few dozen witnesses, or for sixteen whose
/// signatures are as long as those of ML-DSA-44.
pub const JOURNAL_NOTE_BYTES_MAX: usize = 64 * 1024;

/// A proof with its record in base64 and its checkpoint.
pub const JOURNAL_PROOF_BYTES_MAX: usize =
    JOURNAL_PAYLOAD_BYTES_MAX / 3 * 4 + JOURNAL_NOTE_BYTES_MAX + 16 * 1024;

/// Hashes in one proof: as many as C2SP tlog-witness allows, and as a log of 2^63 records needs.
pub const JOURNAL_PROOF_HASHES_MAX: usize = 63;

/// Signatures on one note.
pub const JOURNAL_NOTE_SIGNATURES_MAX: usize = 64;

/// The name of a log: a host name and a path, as in other logs.
pub const JOURNAL_ORIGIN_BYTES_MAX: usize = 255;

// budget

/// How many things may be under way with something reserved for them: far more than run at once.
pub const BUDGET_RESERVATIONS_COUNT_MAX: usize = 65_536;

/// How many accounts are kept: one for each conversation and person that spent anything, and for
/// each turn that something is reserved for.
pub const BUDGET_ACCOUNTS_COUNT_MAX: usize = 1 << 18;
const _: () = assert!(
    CONVERSATIONS_COUNT_MAX + CHANNEL_PEOPLE_MAX + BUDGET_RESERVATIONS_COUNT_MAX
        < BUDGET_ACCOUNTS_COUNT_MAX
);

// agent

/// Questions that wait at one time. More than a person will ever answer; further calls are refused.
pub const APPROVALS_COUNT_MAX: usize = 256;

/// Questions of one turn that wait at one time: the rest is refused, so that a turn that asks and
/// asks leaves room for others.
pub const TURN_QUESTIONS_MAX: usize = 16;

/// Questions that the servers of one call may put to people, one after the other: while one waits
/// the clock of the call stands, and each is a message in a chat.
pub const CALL_QUESTIONS_MAX: u32 = 2 * TURN_QUESTIONS_MAX as u32;

/// How often the server of one call may have a model asked. Each is paid for, and the clock of the
/// call stands meanwhile.
pub const CALL_SAMPLINGS_MAX: u32 = 16;

/// Of these, how many at one time: each may wait for a person.
pub const CALL_SAMPLINGS_AT_ONCE_MAX: usize = 4;
const _: () = assert!(CALL_SAMPLINGS_AT_ONCE_MAX < TURN_QUESTIONS_MAX);

/// Bytes of what a server would have a model read, all together: some pages. A conversation of its
/// own has no place in a call.
pub const SAMPLING_BYTES_MAX: usize = 64 * 1024;

/// Messages of it.
pub const SAMPLING_MESSAGES_MAX: usize = 64;
/// Texts of all messages of such a request together.
pub const SAMPLING_BLOCKS_MAX: usize = 256;

/// Texts that end an answer to a server: as many as every provider takes.
pub const SAMPLING_STOPS_MAX: usize = 4;

/// Tokens of an answer to a server, however many it asks for.
pub const SAMPLING_TOKENS_MAX: u32 = 4096;

/// Bytes of such an answer that the server is told: more than its tokens should ever have.
pub const SAMPLING_ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Questions of guests of open rooms among them: they come unasked, and nobody whom an operator let
/// in is refused because of them.
pub const GUESTS_QUESTIONS_MAX: usize = APPROVALS_COUNT_MAX / 2;

/// Questions that wait because of one guest: an operator has to look at each, and nobody who has a
/// right to so many is a guest.
pub const GUEST_QUESTIONS_MAX: usize = 4;
const _: () = assert!(GUEST_QUESTIONS_MAX <= TURN_QUESTIONS_MAX);
const _: () = assert!(TURN_QUESTIONS_MAX <= GUESTS_QUESTIONS_MAX);

/// Things that a server asks for in one question: more is an interview.
pub const FORM_FIELDS_COUNT_MAX: usize = 16;

/// Bytes of the words of such a question, and of the schema of its answer.
pub const FORM_BYTES_MAX: usize = 4096;

/// Words to choose from, of one of these things.
pub const FORM_WORDS_COUNT_MAX: usize = 64;

/// Bytes of one value that a person writes there: a chat message is hardly longer.
pub const FORM_TEXT_BYTES_MAX: usize = 4096;

/// How long a turn waits at a limit at most: nothing waits for ever.
pub const PAUSE_TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Bytes of a question. What cannot be shown whole cannot be allowed, and more than four messages
/// of a chat nobody reads before they answer.
pub const QUESTION_BYTES_MAX: usize = 16 * 1024;
const _: () = assert!(QUESTION_BYTES_MAX + 1024 < CHANNEL_ANSWER_BYTES_MAX, "a chat shows it all");

/// Chats that are known at one time.
pub const CONVERSATIONS_COUNT_MAX: usize = 100_000;

/// Conversations among them that guests of open rooms began: they come unasked, and each holds what
/// was said and is a part of every snapshot.
pub const GUESTS_CONVERSATIONS_MAX: usize = 4096;
const _: () = assert!(GUESTS_CONVERSATIONS_MAX <= CONVERSATIONS_COUNT_MAX / 2);

/// Conversations of one guest: a thread for each thing that somebody would ask in a week.
pub const GUEST_CONVERSATIONS_MAX: usize = 16;

/// How long a guest's conversation rests at least before it may be forgotten for another one. What
/// a guest did stays readable for so long, whatever he does next.
pub const GUEST_CONVERSATION_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Messages of one chat that wait for their turn, half of them those of guests; one more is
/// declined, and that is said.
pub const CONVERSATION_QUEUE_MAX: usize = 16;

/// What may be on its way to one chat at the same time, half of it because of guests. Each message
/// is answered with something, if only that it is one too many; where a platform takes less than
/// people write, that would grow.
pub const CONVERSATION_SAYINGS_MAX: usize = 128;

/// Ids of messages by which a repetition is known. A platform repeats what was not acknowledged,
/// and that is what waits and a little more.
pub const CONVERSATION_IDS_KEPT: usize = 64;
const _: () = assert!(CONVERSATION_IDS_KEPT >= 2 * CONVERSATION_QUEUE_MAX);

/// Text of a conversation that is kept to show where a value in a question came from.
pub const CONVERSATION_TEXT_BYTES_KEPT: usize = 256 * 1024;

/// How often the model may call tools in a turn, unless the operator says otherwise.
pub const TURN_ROUNDS: u32 = 10;

/// How long a call may take, unless the operator says otherwise.
pub const TURN_CALL_TIME: Duration = Duration::from_secs(120);

/// How much longer than that the shell has to end a call, before it is taken for lost.
pub const TURN_CALL_GRACE: Duration = Duration::from_secs(10);

/// How long a question waits, unless the operator says otherwise.
pub const TURN_QUESTION_TIME: Duration = Duration::from_secs(600);

/// How much of a tool's output a model is shown, unless the operator says otherwise: some thousands
/// of tokens.
pub const TURN_OUTPUT_BYTES: usize = 32 * 1024;

/// The same call with the same result so many times is a loop.
pub const TURN_REPETITIONS_MAX: u8 = 3;

/// Calls of a turn that are remembered to see loops.
pub const TURN_REPETITIONS_KEPT: usize = 128;

// runtime

/// How long a model's provider may say nothing before the exchange is given up. Thinking takes its
/// time, and most providers say meanwhile that they are alive.
pub const EXCHANGE_IDLE_TIME: Duration = Duration::from_secs(120);

/// How long an exchange with a model may take at all: a stream of nothing but signs of life ends.
pub const EXCHANGE_TIME_MAX: Duration = Duration::from_secs(30 * 60);

/// How much time is reserved for an exchange at once where a limit of time holds, and again when it
/// is used up. Most answers take less; a longer piece would keep from others what nobody uses, a
/// shorter one is a record more in the journal for each.
pub const EXCHANGE_TIME_RESERVED: Duration = Duration::from_secs(60);

/// A model is not asked for less time than this: it would be paid for an answer that is cut.
pub const EXCHANGE_TIME_LEAST: Duration = Duration::from_secs(1);
const _: () = assert!(EXCHANGE_TIME_LEAST.as_millis() <= EXCHANGE_TIME_RESERVED.as_millis());

/// What is kept of the body of an error, to say what the provider said.
pub const EXCHANGE_ERROR_BYTES_MAX: usize = 64 * 1024;

/// An answer that comes in one piece.
pub const EXCHANGE_WHOLE_BYTES_MAX: usize = 16 << 20;

/// Records that wait to be written. With more, nothing new is taken in.
pub const RUNTIME_UNWRITTEN_BYTES_MAX: usize = 64 << 20;

/// When a write that failed is tried again.
pub const RUNTIME_RETRY_TIME: Duration = Duration::from_secs(5);

/// How much time may have passed between two starts as far as questions and pauses go: a clock that
/// was set wrong is believed no further.
pub const RUNTIME_DOWNTIME_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Keys of conversations that are held open.
pub const RUNTIME_KEYS_OPEN_MAX: usize = 1024;

/// After so many bytes the log goes on in another file.
pub const JOURNAL_FILE_BYTES_MAX: u64 = 64 << 20;

/// Contents of one conversation that are kept for its references: the oldest go first. A turn makes
/// some tens of calls.
pub const REFERENCES_KEPT: usize = 64;

/// How much they are, all together: twice the largest output of a tool.
pub const REFERENCE_BYTES_KEPT: usize = 2 * RUNTIME_OUTPUT_BYTES_MAX;

/// How much the contents of all conversations are: the oldest go first, whosever they are.
pub const REFERENCE_BYTES_KEPT_BY_ALL: usize = 32 << 20;

/// How much of a content a person is shown who is asked about a call that carries it.
pub const REFERENCE_BYTES_SHOWN: usize = 400;

/// Values of one call that are references: each is looked up for the judge and for the person.
pub const REFERENCES_OF_CALL_MAX: usize = 32;

/// What a typed value out of a content may be long: addresses of mail have some thirty bytes. It is
/// as much as whoever wrote the content can say with one, so it holds no paragraph.
pub const EXTRACTION_VALUE_BYTES_MAX: usize = 64;

/// Digits of a number that is taken out of a content: what a 64-bit integer can be.
pub const EXTRACTION_DIGITS_MAX: usize = 18;

/// Words that one value may be one of: so one of them tells four bits.
pub const EXTRACTION_CHOICES_MAX: usize = 16;

/// What says where a value stands: the words before it, or a pointer into JSON.
pub const EXTRACTION_PLACE_BYTES_MAX: usize = 256;

/// Which of the values of a content may be asked for.
pub const EXTRACTION_NTH_MAX: u64 = 1000;

/// Values that are taken out of one content, whether there was one or not: all together are two
/// kilobytes at most, in pieces that a model asked for one by one.
pub const EXTRACTIONS_OF_REFERENCE_MAX: u32 = 32;

/// What is kept of the output of one tool: what a record can carry, with room for its escapes.
pub const RUNTIME_OUTPUT_BYTES_MAX: usize = 2 << 20;
const _: () = assert!(RUNTIME_OUTPUT_BYTES_MAX * 6 < JOURNAL_PAYLOAD_BYTES_MAX);

// snapshot

/// After so many inputs a snapshot is taken, or after as many as there are conversations, unless
/// the operator says otherwise: a start does no more than about this again, and the journal does
/// not come to hold snapshots above all.
pub const SNAPSHOT_INPUTS: u64 = 1000;

/// After so many inputs a snapshot without what is to be forgotten is tried again that could not be
/// taken: each try writes down all that the agent knows, and alerts.
pub const SNAPSHOT_RETRY_INPUTS: u64 = 64;

/// A part of a snapshot that is longer is written as several records: with all its quotation marks
/// escaped once more, a piece is still far below what a record can carry.
pub const SNAPSHOT_PIECE_BYTES_MAX: usize = 2 << 20;
const _: () = assert!(6 * SNAPSHOT_PIECE_BYTES_MAX + 64 <= JOURNAL_PAYLOAD_BYTES_MAX);

// config

/// The longest that an operator may let anything take: a week. More is a number with too many
/// digits.
pub const CONFIG_SECONDS_MAX: i64 = 7 * 24 * 60 * 60;

/// The most tokens of an answer, unless the operator says otherwise: every current model has them.
pub const CONFIG_REPLY_TOKENS: i64 = 4096;

/// The most tokens of a conversation, unless the operator says otherwise: what the larger models
/// have; who runs a small one on their own machine says so.
pub const CONFIG_CONTEXT_TOKENS: i64 = 128_000;

/// The largest attachment that is taken in, unless the operator says otherwise: what Telegram gives
/// a bot.
pub const CONFIG_ATTACHMENT_BYTES: i64 = 20 << 20;

/// Bytes of the name of a model or an account that a service tells: the longest of a hub of models
/// have about a hundred.
pub const INQUIRY_NAME_BYTES_MAX: usize = 200;

/// Names that are taken from a service's list of models: the longest lists have some hundreds.
pub const INQUIRY_NAMES_COUNT_MAX: usize = 2000;

/// Ids of people that one answer to a question of the setup may hold.
pub const WIZARD_IDS_COUNT_MAX: usize = 100;

/// Names that figures are kept for: tools and models of any sensible configuration. A monitor pays
/// for each.
pub const FIGURES_NAMES_COUNT_MAX: usize = 256;

/// One text of a configuration: instructions of twenty pages. It goes out with every request.
pub const CONFIG_TEXT_BYTES_MAX: usize = 64 * 1024;

/// One line of a configuration: a name, an address, an id.
pub const CONFIG_LINE_BYTES_MAX: usize = 4096;

/// Problems that are reported of one file. Nobody reads more before they mend the first.
pub const CONFIG_DIAGNOSTICS_MAX: usize = 100;

/// How much of a line a diagnostic shows: it should not wrap on a terminal of usual width twice.
pub const CONFIG_SHOWN_CHARACTERS_MAX: usize = 120;

/// Elements of one list or table of a configuration: more than a person keeps by hand.
pub const CONFIG_LIST_COUNT_MAX: usize = 4096;

/// Sections of one kind, such as `[models.NAME]`: more than anybody can tell apart.
pub const CONFIG_SECTIONS_COUNT_MAX: usize = 256;

/// Files of one message that are taken in: a platform lets people send ten at once.
pub const ATTACHMENTS_COUNT_MAX: usize = 10;

/// Files of one conversation, all together: a chat that sends what it likes must not fill the disk.
pub const CONVERSATION_ATTACHMENT_BYTES_MAX: u64 = 256 << 20;

/// How much of a file's own name is kept: enough to know it again, and its ending.
pub const ATTACHMENT_NAME_BYTES_MAX: usize = 64;

/// How long a message waits for its files: then it is answered without them.
pub const ATTACHMENTS_TIME_MAX: Duration = Duration::from_secs(3 * 60);

/// What is recorded of why a file was not fetched.
pub const ATTACHMENT_WHY_BYTES_MAX: usize = 256;

/// How often a file is asked for in one start before it is given up.
pub const ATTACHMENT_TRIES_MAX: u32 = 3;

// control

/// One line of a client: the longest grant, three times over.
pub const CONTROL_LINE_BYTES_MAX: usize = 16 * 1024;

/// Commands of one client that wait for their answer. A person gives one, a program few; with more
/// the client is not read until some are answered.
pub const CONTROL_WAITING_MAX: usize = 8;

/// Answers of one client that wait to be read, before nothing more is answered to it.
pub const CONTROL_UNREAD_BYTES_MAX: usize = 64 * 1024;

/// Clients at one time; one more takes the place of the one that did nothing for longest.
pub const CONTROL_CLIENTS_MAX: usize = 16;

/// How long a client may say nothing, or leave what it is told unread: nobody types a line of this
/// protocol.
pub const CONTROL_PATIENCE: Duration = Duration::from_secs(10);

/// A page of a list ends behind the element that makes it longer than this.
pub const CONTROL_PAGE_BYTES: usize = 48 * 1024;

/// Words of one message that are shown of a conversation; of what is longer the middle is left out.
pub const CONTROL_MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// A persona that is longer is shown by its digest alone.
pub const CONTROL_PERSONA_BYTES_MAX: usize = 48 * 1024;

/// One answer. A page, and behind it one question with all its calls, in which every byte was
/// written as six.
pub const CONTROL_ANSWER_BYTES_MAX: usize = 512 * 1024;
const _: () = assert!(
    CONTROL_PAGE_BYTES + 12 * (QUESTION_BYTES_MAX + 1024) < CONTROL_ANSWER_BYTES_MAX,
    "a page with the longest question fits"
);
const _: () = assert!(
    12 * CONTROL_MESSAGE_BYTES_MAX + CONTROL_PAGE_BYTES < CONTROL_ANSWER_BYTES_MAX,
    "a page with the longest message fits"
);

// sandbox

/// One path, argument or variable of a program in a sandbox: a script passed with `-c` fits.
pub const SANDBOX_WORD_BYTES_MAX: usize = 64 * 1024;

/// All of them together: half of what Linux hands to a program on an ordinary stack is 1 MiB.
pub const SANDBOX_WORDS_BYTES_MAX: usize = 512 * 1024;

/// How many of them: as many as a line of `find -exec +` has on an ordinary day.
pub const SANDBOX_WORDS_MAX: usize = 8192;

/// The certificate that the programs of a sandbox are given, as PEM: it names the hosts that it may
/// speak for, of which a call has at most as many as it has words.
pub const SANDBOX_AUTHORITY_BYTES_MAX: usize = 32 * 1024;

/// Places that a sandbox sees. Each costs some microseconds at every start.
pub const SANDBOX_MOUNTS_MAX: usize = 128;

/// Things in one list of a policy for a sandbox: more than anybody writes, and few enough to be
/// compared with each other.
pub const SANDBOX_POLICY_LIST_MAX: usize = 1024;

/// A file of rules for system calls, in bytes: Docker's own has 15 thousand.
pub const SANDBOX_SECCOMP_BYTES_MAX: usize = 256 * 1024;

/// Rules in such a file: Docker's has 40, and generated ones have one for each call.
pub const SANDBOX_CALL_RULES_MAX: usize = 1024;

/// Ports that a sandbox publishes: a development server has two or three.
pub const SANDBOX_PUBLISHED_MAX: usize = 16;

/// A request to start a sandbox, in bytes: all words, their lengths, and what else it says.
pub const SANDBOX_REQUEST_BYTES_MAX: usize = SANDBOX_WORDS_BYTES_MAX + 16 * SANDBOX_WORDS_MAX;

/// Processes and threads in a sandbox: a parallel build on a large machine, and no fork bomb.
pub const SANDBOX_PIDS: u32 = 256;

/// Open files of each process in a sandbox: what an ordinary login has.
pub const SANDBOX_OPEN_FILES: u32 = 1024;

/// Processes that an operator can allow a sandbox: as many as Linux numbers without being asked.
pub const SANDBOX_PIDS_MAX: i64 = 32_768;

/// Open files that an operator can allow each process: as many as Linux allows anybody at first.
pub const SANDBOX_OPEN_FILES_MAX: i64 = 1 << 20;

/// Mebibytes that an operator can write in one limit: a tebibyte.
pub const SANDBOX_MEBIBYTES_MAX: i64 = 1 << 20;

/// Hundredths of a processor that an operator can allow: more processors than a machine has.
pub const SANDBOX_PERCENT_MAX: i64 = 100 * 4096;

/// What fits into the temporary directory of a sandbox, in bytes. It is memory.
pub const SANDBOX_TEMPORARY_BYTES: u64 = 256 << 20;

const _: () = assert!(TOOL_ARGV_BYTES_MAX <= SANDBOX_WORDS_BYTES_MAX);
const _: () = assert!(TOOL_ARGV_WORD_BYTES_MAX <= SANDBOX_WORD_BYTES_MAX);
const _: () = assert!(TOOL_ARGV_COUNT_MAX <= SANDBOX_WORDS_MAX);

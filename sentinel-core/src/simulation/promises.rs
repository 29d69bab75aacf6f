//! What has to hold in every world, checked from outside: from the disk, the chats, and what the
//! runtime asked for.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::chat::{Chats, Shown};
use super::ledger::Line;
use super::{outside, spending};
use crate::agent::{CallNumber, ConversationNumber, DeliveryNumber, Kind, Settings, Told};
use crate::budget::Limit;
use sha2::Digest as _;

use crate::journal::export::Keys;
use crate::journal::{KeyRing, MasterKey, Trust, Verdict, Verifier};
use crate::label::Reference;
use crate::limits::{EXTRACTION_VALUE_BYTES_MAX, EXTRACTIONS_OF_REFERENCE_MAX};
use crate::tool::{Call, Operation};

/// A record that has to be safe before an effect is seen.
#[derive(Debug)]
pub(super) enum Need {
    ModelAsked(u64),
    CallStarted(u64),
    Fetch(u64),
    Message(String, String),
    Told(u64),
}

/// What was posted, whether it was the last message of its delivery then, and how many records were
/// safe.
#[derive(Debug)]
struct Posted {
    delivery: DeliveryNumber,
    text: String,
    is_last: bool,
    safe_count: u64,
}

/// What the world saw of the runtime.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Records that had to be safe, and how many were.
    pub(super) needs: Vec<(Need, u64)>,
    /// How often each call was run, and what it was.
    runs: BTreeMap<CallNumber, (u64, Call)>,
    posts: Vec<Posted>,
    /// What servers were told of their questions, and how many records were safe.
    pub(super) replies: Vec<(u64, Told, u64)>,
    /// What tools gave back, and to which conversations.
    outputs: BTreeMap<String, BTreeSet<ConversationNumber>>,
    /// Exchanges whose provider said that it answers, and counts from then on.
    pub(super) answered: BTreeSet<u64>,
    /// Texts of answers that models gave to the end.
    pub(super) complete: BTreeSet<String>,
}

impl Seen {
    pub(super) fn ran(&mut self, number: CallNumber, call: &Call) {
        assert!(is_granted(call), "{call:?} was never granted");
        let (count, known) = self.runs.entry(number).or_insert((0, call.clone()));
        *count += 1;
        assert_eq!(known, call, "a call became another one");
        assert!(*count == 1 || is_idempotent(call), "{call:?} was run again");
    }

    pub(super) fn gave_back(&mut self, conversation: ConversationNumber, content: &str) {
        self.outputs.entry(content.to_string()).or_default().insert(conversation);
    }

    /// Whether a call carries content; then it is what a tool gave back in the same conversation,
    /// and never a name.
    pub(super) fn carries(&self, conversation: ConversationNumber, call: &Call) -> bool {
        let Some(content) = carried(call) else { return false };
        let is_name = Reference::parse(content).is_some_and(|it| it.has_mark());
        assert!(!is_name, "{call:?} has a name where the content belongs");
        let Some(known) = self.outputs.get(content) else { return false };
        let is_own = known.contains(&conversation);
        assert!(is_own, "{call:?} carries into {conversation} what was given back elsewhere");
        true
    }

    pub(super) fn posted(
        &mut self,
        delivery: DeliveryNumber,
        text: &str,
        is_last: bool,
        safe_count: u64,
    ) {
        self.posts.push(Posted { delivery, text: text.to_string(), is_last, safe_count });
    }

    /// The log was lost before anything could follow from it.
    pub(super) fn begin_again(&mut self) {
        assert!(self.needs.is_empty() && self.runs.is_empty(), "effects without a log");
        self.posts.clear();
    }
}

/// What every output of a tool begins with.
pub(super) const OUTPUT: &str = "[output] ";

/// What a model is shown: nothing of what tools gave back, if that is to be kept out.
pub(super) fn model_sees(is_held: bool, request: &[u8]) {
    let request = core::str::from_utf8(request).unwrap();
    assert!(!is_held || !request.contains(OUTPUT), "a model sees what nobody vouches for");
}

/// What a call carries that a model may have passed on.
fn carried(call: &Call) -> Option<&str> {
    match call {
        Call::Builtin(Operation::WriteFile { content, .. }) => Some(content),
        Call::Builtin(Operation::HttpFetch { body, .. }) => body.as_deref(),
        _ => None,
    }
}

/// What the settings, or an operator of this world, ever granted: said again in other words.
fn is_granted(call: &Call) -> bool {
    let Call::Builtin(operation) = call else { return false };
    let inside = |path: &str| {
        let path = if path.starts_with('/') {
            path.to_string()
        } else {
            alloc::format!("/srv/agent/{path}")
        };
        (path == "/srv/agent" || path.starts_with("/srv/agent/"))
            && !path.split('/').any(|part| part == "..")
    };
    match operation {
        Operation::ReadFile { path, .. } => inside(path) && !path.contains("secret"),
        Operation::WriteFile { path, .. } | Operation::EditFile { path, .. } => inside(path),
        Operation::ListDirectory { path } => inside(path) || path == ".",
        Operation::RunCommand { program, arguments, hosts, .. } => {
            hosts.iter().all(|place| place.to_string() == "api.example")
                && program.ends_with("git")
                && matches!(arguments.first().map(String::as_str), Some("status" | "log"))
        }
        Operation::HttpFetch { url, .. } => url.to_string().starts_with("https://api.example/"),
        _ => false,
    }
}

/// Calls that only look.
fn is_idempotent(call: &Call) -> bool {
    let Call::Builtin(operation) = call else { return false };
    match operation {
        Operation::ReadFile { .. }
        | Operation::ListDirectory { .. }
        | Operation::WriteFile { .. } => true,
        Operation::HttpFetch { method, .. } => method.as_str() == "GET",
        _ => false,
    }
}

/// Whether a person has to allow a call before it runs.
fn asks(call: &Call) -> bool {
    match call {
        Call::Builtin(Operation::WriteFile { path, .. } | Operation::EditFile { path, .. }) => {
            !path.starts_with("/srv/agent/free")
        }
        _ => false,
    }
}

/// What was found, for the summary.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) answers: u64,
    /// Those that a start completed, where no keys find messages.
    pub(super) completed: u64,
    pub(super) approved: u64,
    /// Calls from outside that were made, and told of.
    pub(super) outside: u64,
}

/// What was forgotten has no key any more.
pub(super) fn forgotten_is_gone(
    lines: &[Line],
    ring: &[u8],
    files: &BTreeSet<(ConversationNumber, String)>,
) {
    let [.., _] = ring else { return };
    let ring = KeyRing::from_bytes(ring).unwrap();
    for line in of(lines, Kind::Forgotten) {
        let conversation = line.number("conversation").unwrap();
        let key = ring.open(conversation, &MasterKey::new([5; 32]));
        assert!(key.is_err(), "conversation {conversation} was forgotten and can be read");
        let is_its = |(owner, _): &&(ConversationNumber, String)| owner.0 == conversation;
        let left = files.iter().find(is_its);
        assert!(left.is_none(), "conversation {conversation} was forgotten but for {left:?}");
    }
}

pub(super) fn verify(files: &[&[u8]]) {
    let mut verifier = Verifier::new(Trust::default());
    for (index, file) in files.iter().enumerate() {
        if index > 0 {
            verifier.next_file();
        }
        verifier.push(file);
    }
    let verdict = verifier.finish().verdict;
    assert!(!matches!(verdict, Verdict::Bad { .. }), "the journal is {verdict}");
}

pub(super) fn replay(files: &[&[u8]], ring: &[u8], master: [u8; 32], known: &[Arc<Settings>]) {
    let ring = match ring {
        [] => KeyRing::new(),
        bytes => KeyRing::from_bytes(bytes).unwrap(),
    };
    let master = MasterKey::new(master);
    let keys = Keys { ring: &ring, master: &master };
    let find = |digest: &[u8; 32]| known.iter().find(|it| it.digest == *digest).cloned();
    if let Err(difference) = crate::runtime::replay(files.iter().copied(), keys, &find) {
        panic!("a replay differs: {difference}");
    }
}

pub(super) fn check(
    lines: &[Line],
    seen: &Seen,
    chats: &Chats,
    kept: &BTreeSet<(String, String)>,
    limits: &[Limit],
) -> Facts {
    effects_follow_records(lines, seen);
    messages_are_answered_once(lines, chats, kept);
    let mut facts = turns_end_once(lines);
    facts.outside = outside::calls_are_judged_and_answered_once(lines, chats);
    questions_end_once(lines);
    nothing_begins_after_a_halt(lines);
    approvals_are_given(lines, seen);
    values_are_what_they_came_from(lines);
    spending::is_bounded(lines, limits, &seen.answered);
    answers_are_whole(lines, seen, chats);
    previews_are_completed(lines, chats);
    facts
}

fn of(lines: &[Line], kind: Kind) -> impl Iterator<Item = &Line> {
    lines.iter().filter(move |line| line.kind == kind)
}

/// Nothing is seen of what is not on record.
fn effects_follow_records(lines: &[Line], seen: &Seen) {
    let numbered = |kind, key| -> BTreeMap<u64, u64> {
        // The first record counts: a call that is made again has a second one.
        let mut found = BTreeMap::new();
        for line in of(lines, kind) {
            found.entry(line.number(key).unwrap()).or_insert(line.sequence);
        }
        found
    };
    let asked = numbered(Kind::ModelAsked, "exchange");
    let started = numbered(Kind::CallStarted, "call");
    let operated = numbered(Kind::Operated, "request");
    let taken = |line: &&Line| line.kind == Kind::AttachmentAsked && line.text("name").is_some();
    let fetched: BTreeMap<u64, u64> = lines
        .iter()
        .filter(taken)
        .map(|line| (line.number("fetch").unwrap(), line.sequence))
        .collect();
    let mut messages = BTreeMap::new();
    for line in lines {
        if matches!(line.kind, Kind::Admitted | Kind::Ignored)
            && let (Some(platform), Some(message)) = (line.text("platform"), line.text("message"))
        {
            messages.entry((platform, message)).or_insert(line.sequence);
        }
        if line.kind == Kind::Message {
            let document = crate::text::json::parse(line.payload.as_bytes()).unwrap();
            let message = document.root().get("message").unwrap();
            let text = |key| message.get(key).unwrap().as_str().unwrap().to_string();
            messages.entry((text("platform"), text("id"))).or_insert(line.sequence);
        }
    }
    for (need, safe_count) in &seen.needs {
        let sequence = match need {
            Need::ModelAsked(exchange) => asked.get(exchange),
            Need::CallStarted(call) => started.get(call),
            Need::Fetch(fetch) => fetched.get(fetch),
            Need::Told(request) => operated.get(request),
            Need::Message(platform, message) => messages.get(&(platform.clone(), message.clone())),
        };
        let is_safe = sequence.is_some_and(|sequence| sequence < safe_count);
        assert!(
            is_safe,
            "{need:?} was seen before its record was safe ({sequence:?}, {safe_count})"
        );
    }
}

/// What became of a message that was let in.
struct Ends {
    conversation: u64,
    ends: Vec<Kind>,
}

/// What was acknowledged was looked at, and what was let in came to one end: a turn, a command, a
/// word that it is left out, or a word that no work is taken.
fn messages_are_answered_once(lines: &[Line], chats: &Chats, kept: &BTreeSet<(String, String)>) {
    let unheard = kept.iter().find(|key| !chats.acknowledged.contains(*key));
    assert_eq!(unheard, None, "a message was never acknowledged");
    let mut ends: BTreeMap<(String, String), Ends> = BTreeMap::new();
    let check = |(platform, id): (String, String), Ends { ends, .. }: Ends| {
        let text = crate::agent::own_words_of(&chats.kept[&(platform.clone(), id.clone())]);
        let is_ended_once = ends.len() == 1 || text.starts_with('/') && ends.len() <= 1;
        assert!(is_ended_once, "message {id} of {platform} was let in, and then {ends:?}");
    };
    for (index, line) in lines.iter().enumerate() {
        match line.kind {
            Kind::Admitted => {
                let key = (line.text("platform").unwrap(), line.text("message").unwrap());
                let is_its = |next: &&Line| next.conversation == line.conversation;
                let next = lines.get(index + 1).filter(is_its);
                // What follows at once is about it, if it says something.
                let is_word = next.is_some_and(|next| next.kind == Kind::Saying);
                let first = is_word.then_some(Kind::Saying).into_iter().collect();
                let of_it = Ends { conversation: line.conversation, ends: first };
                let known = ends.insert(key.clone(), of_it);
                assert!(known.is_none(), "message {key:?} was let in twice");
            }
            Kind::Ignored => {
                let key = (line.text("platform").unwrap(), line.text("message").unwrap());
                let is_again = line.text("why").as_deref() == Some("it came before");
                if let Some(ends) = ends.get_mut(&key).filter(|_| !is_again) {
                    ends.ends.push(Kind::Ignored);
                }
            }
            Kind::TurnStarted => {
                let id = line.text("message").unwrap();
                let own = ends.iter_mut().find(|((_, message), _)| *message == id);
                own.expect("a turn is of a message that was let in").1.ends.push(Kind::TurnStarted);
            }
            // All of it has come to its end, and nobody knows any more that it was there: what
            // comes once more is another message.
            Kind::Forgotten => {
                let conversation = line.number("conversation").unwrap();
                let is_its =
                    |_: &(String, String), its: &mut Ends| its.conversation == conversation;
                ends.extract_if(.., is_its).for_each(|(key, its)| check(key, its));
            }
            _ => {}
        }
    }
    ends.into_iter().for_each(|(key, its)| check(key, its));
    // What a turn answered is said, and nothing else is said as an answer.
    let answered = of(lines, Kind::TurnEnded)
        .filter(|line| line.text("how").as_deref() == Some("answered"))
        .map(|line| line.number("turn").unwrap());
    let answered: BTreeSet<u64> = answered.collect();
    let said = of(lines, Kind::Saying)
        .filter(|line| line.text("what").as_deref() == Some("answer"))
        .map(|line| line.number("delivery").unwrap());
    let said: BTreeSet<u64> = said.collect();
    let mut ends: BTreeMap<u64, u64> = BTreeMap::new();
    for line in of(lines, Kind::Delivered) {
        *ends.entry(line.number("delivery").unwrap()).or_default() += 1;
    }
    for line in of(lines, Kind::TurnStarted) {
        let (turn, delivery) = (line.number("turn").unwrap(), line.number("delivery").unwrap());
        let is_answered = answered.contains(&turn);
        assert_eq!(is_answered, said.contains(&delivery), "the answer of turn {turn}");
        // After a restart nobody may know what became of it, which is no input.
        let count = ends.get(&delivery).copied().unwrap_or(0);
        assert!(count <= 1, "the answer of turn {turn} came to {count} ends");
    }
}

fn turns_end_once(lines: &[Line]) -> Facts {
    let mut facts = Facts::default();
    let mut ended = BTreeMap::new();
    for line in of(lines, Kind::TurnEnded) {
        *ended.entry(line.number("turn").unwrap()).or_insert(0) += 1;
        facts.answers += u64::from(line.text("how").as_deref() == Some("answered"));
    }
    let mut deliveries = BTreeSet::new();
    for line in of(lines, Kind::TurnStarted) {
        let turn = line.number("turn").unwrap();
        assert_eq!(ended.get(&turn), Some(&1), "turn {turn} did not end once");
        deliveries.insert(line.number("delivery").unwrap());
    }
    let mut said = BTreeSet::new();
    for line in of(lines, Kind::Saying) {
        let delivery = line.number("delivery").unwrap();
        assert!(said.insert(delivery), "delivery {delivery} was said twice");
    }
    let answered = of(lines, Kind::ApprovalAnswered).filter(|line| allows(line));
    facts.approved = answered.count() as u64;
    let starts: Vec<u64> = of(lines, Kind::Started).map(|line| line.sequence).collect();
    let is_found_by_id: BTreeSet<u64> =
        of(lines, Kind::Shown).map(|line| line.number("delivery").unwrap()).collect();
    let said_at: BTreeMap<u64, u64> = of(lines, Kind::Saying)
        .map(|line| (line.number("delivery").unwrap(), line.sequence))
        .collect();
    for line in of(lines, Kind::Delivered) {
        let delivery = line.number("delivery").unwrap();
        let has_arrived = line.text("outcome").as_deref() == Some("arrived");
        let said = said_at.get(&delivery).copied().unwrap_or(u64::MAX);
        let was_interrupted = starts.iter().any(|start| (said..line.sequence).contains(start));
        let is_completed = has_arrived && was_interrupted && is_found_by_id.contains(&delivery);
        facts.completed += u64::from(is_completed);
    }
    facts
}

/// From a halt on, by an operator or because the persona is another one, no model is asked, no tool
/// runs and no file is fetched, until that is over.
fn nothing_begins_after_a_halt(lines: &[Line]) {
    let (mut is_halted, mut is_other) = (false, false);
    for line in lines {
        let begins = match line.kind {
            Kind::Halted => {
                is_halted = line.is_set("is_halted");
                false
            }
            Kind::PersonaChanged => {
                is_other = !line.is_set("is_approved");
                false
            }
            Kind::ModelAsked | Kind::CallStarted => true,
            // One that is not taken has no name.
            Kind::AttachmentAsked => line.text("name").is_some(),
            _ => false,
        };
        let is_at_work = !is_halted && !is_other;
        assert!(!begins || is_at_work, "{:?} after a halt: {}", line.kind, line.payload);
    }
}

/// Every question that was asked comes to one end, which is on record; and about one limit no turn
/// asks twice at a time.
fn questions_end_once(lines: &[Line]) {
    let mut open = BTreeMap::new();
    for line in lines {
        let question = || line.number("question").unwrap();
        match line.kind {
            Kind::ApprovalAsked => {
                let about = line.text("limit").map(|limit| (line.conversation, limit));
                let mut others = open.values().filter(|other| **other == about);
                let is_alone = about.is_none() || others.next().is_none();
                assert!(is_alone, "question {} asks what is asked already", question());
                let known = open.insert(question(), about);
                assert!(known.is_none(), "question {} was asked twice", question());
            }
            Kind::ApprovalAnswered => {
                let was_open = open.remove(&question());
                assert!(
                    was_open.is_some(),
                    "question {} was answered, and was not open",
                    question()
                );
            }
            _ => {}
        }
    }
    assert!(open.is_empty(), "questions {open:?} came to no end");
}

pub(super) fn allows(line: &Line) -> bool {
    matches!(line.text("answer").as_deref(), Some("once" | "trust" | "always"))
        && line.text("how").is_some_and(|how| how.contains("answered") && !how.contains("nobody"))
}

/// What had to be asked about was allowed by a person: in this turn, for exactly that call and for
/// once, or for good by a grant of just that, which a person made and nobody took back.
fn approvals_are_given(lines: &[Line], seen: &Seen) {
    let mut asked = BTreeMap::new();
    let mut allowed: BTreeMap<(u64, String), u64> = BTreeMap::new();
    let mut standing: BTreeMap<String, String> = BTreeMap::new();
    let (mut turns, mut must_ask) = (BTreeMap::new(), BTreeSet::new());
    let mut is_for_good = false;
    for line in lines {
        // A grant for good follows from its answer, before anything else comes in.
        is_for_good &= !line.kind.is_input();
        let number = |key| line.number(key).unwrap();
        match line.kind {
            Kind::TurnStarted => {
                turns.insert(line.conversation, number("turn"));
            }
            Kind::CallDecided if line.text("answer").as_deref() == Some("ask") => {
                must_ask.insert(number("call"));
            }
            Kind::ApprovalAsked => {
                asked.insert(number("question"), line.texts("calls"));
            }
            Kind::ApprovalAnswered => {
                let calls = asked.remove(&number("question"));
                if !allows(line) {
                    continue;
                }
                is_for_good |= line.text("answer").as_deref() == Some("always");
                let calls = calls.expect("a question that is not open was answered with yes");
                for digest in calls {
                    *allowed.entry((turns[&line.conversation], digest)).or_default() += 1;
                }
            }
            Kind::Granted => {
                let grant = line.text("grant").unwrap();
                let is_operators = line.conversation == 0;
                assert!(is_operators || is_for_good, "'{grant}' was granted, and nobody said so");
                standing.extend(line.text("handle").map(|handle| (handle, grant)));
            }
            Kind::Revoked => {
                standing.remove(&line.text("handle").unwrap());
            }
            Kind::CallStarted if line.number("attempt") == Some(1) => {
                let call_number = CallNumber(number("call"));
                let Some((_, call)) = seen.runs.get(&call_number) else { continue };
                if !asks(call) && !must_ask.contains(&call_number.0) {
                    continue;
                }
                let canonical = as_it_was_asked_about(lines, call_number, call);
                // Decisions are shown with the start of the digest.
                let digest = crate::agent::digest_of(&canonical)[..16].to_string();
                let mine = allowed.get_mut(&(number("turn"), digest)).filter(|left| **left > 0);
                match mine {
                    Some(left) => *left -= 1,
                    None => {
                        let is_granted = !must_ask.contains(&call_number.0)
                            && standing.values().any(|grant| covers(grant, call));
                        assert!(is_granted, "{call:?} ran and nobody allowed it: {standing:?}");
                    }
                }
            }
            _ => {}
        }
    }
}

/// Whether a grant is of exactly what a call writes.
fn covers(grant: &str, call: &Call) -> bool {
    let (Call::Builtin(Operation::WriteFile { path, .. })
    | Call::Builtin(Operation::EditFile { path, .. })) = call
    else {
        return false;
    };
    let mut words = grant.split_whitespace();
    words.next().is_some_and(|rights| rights.split(',').any(|right| right == "write"))
        && words.next() == Some(path.as_str())
}

/// The call with the name of what it carries, as a person allowed it: the name that the records say
/// was replaced, and that was given to exactly this content.
fn as_it_was_asked_about(lines: &[Line], number: CallNumber, call: &Call) -> String {
    let mut canonical = String::new();
    call.canonical(&mut canonical);
    let is_its = |line: &&Line| line.number("call") == Some(number.0);
    let started = of(lines, Kind::CallStarted).find(is_its);
    let names = started.map(|line| line.texts("references")).unwrap_or_default();
    let Some(content) = carried(call).filter(|_| !names.is_empty()) else { return canonical };
    let digest = crate::agent::hex(&sha2::Sha256::digest(content.as_bytes()));
    let is_of_content = |line: &&Line| line.text("sha256").as_deref() == Some(&digest);
    let given = of(lines, Kind::Referred).filter(is_of_content);
    let given: BTreeSet<String> = given.filter_map(|line| line.text("reference")).collect();
    let name = names.iter().find(|name| given.contains(*name));
    let name = name.expect("a content was put in under a name that it was never given");
    let quoted = crate::text::json::array(|list| {
        list.value(content);
    });
    let quoted = &quoted[1..quoted.len() - 1];
    assert!(canonical.contains(quoted), "a content is not where its name was");
    canonical.replacen(quoted, &alloc::format!("\"{name}\""), 1)
}

/// A value is a small one, out of a content of its own conversation, and of one content there are
/// not many. Nobody vouches for any of these, so after one the conversation is not innocent.
fn values_are_what_they_came_from(lines: &[Line]) {
    let mut given: BTreeMap<(u64, String), u32> = BTreeMap::new();
    let mut tainted: BTreeSet<u64> = BTreeSet::new();
    for line in lines {
        let own = line.conversation;
        match line.kind {
            Kind::Referred => {
                given.entry((own, line.text("reference").unwrap())).or_default();
            }
            Kind::Extracted => {
                let taken = given.get_mut(&(own, line.text("reference").unwrap()));
                let taken = taken.expect("a value of what was never given a name here");
                *taken += 1;
                assert!(*taken <= EXTRACTIONS_OF_REFERENCE_MAX, "{taken} values of one content");
                let value = line.text("value");
                assert!(value.is_none_or(|it| it.len() <= EXTRACTION_VALUE_BYTES_MAX));
                tainted.insert(own);
            }
            // Forgotten by a person, or taken at a person's word.
            Kind::Command if line.text("command").as_deref() == Some("clear") => {
                tainted.remove(&own);
            }
            Kind::Endorsed => {
                tainted.remove(&own);
            }
            // The other calls of the same round were decided before.
            Kind::CallDecided if line.number("rule") == Some(4) => {
                let before = lines.iter().rev().filter(|it| it.sequence < line.sequence);
                let mut before = before.filter(|it| it.conversation == own);
                let last = before.find(|it| matches!(it.kind, Kind::Extracted | Kind::Reply));
                let is_later = last.is_none_or(|it| it.kind == Kind::Reply);
                let is_clean = !tainted.contains(&own) || !is_later;
                assert!(is_clean, "{} is decided as if no value had been read", line.payload);
            }
            _ => {}
        }
    }
}

const MARKS: [&str; 3] = ["…", "complete]", "(withdrawn)"];

fn is_marked(text: &str) -> bool {
    MARKS.iter().any(|mark| text.ends_with(mark))
}

/// What is shown without a mark is a whole answer; and it is shown once.
fn answers_are_whole(lines: &[Line], seen: &Seen, chats: &Chats) {
    let answers: BTreeSet<u64> =
        of(lines, Kind::TurnStarted).map(|line| line.number("delivery").unwrap()).collect();
    let said: BTreeMap<u64, u64> = of(lines, Kind::Saying)
        .map(|line| (line.number("delivery").unwrap(), line.sequence))
        .collect();
    for Posted { delivery, text, is_last, safe_count } in &seen.posts {
        let is_said = said.get(&delivery.0).is_some_and(|sequence| sequence < safe_count);
        let is_unfinished = answers.contains(&delivery.0) && !is_said;
        let sequence = said.get(&delivery.0);
        assert!(
            !is_unfinished || !is_last || is_marked(text),
            "shown as if it were whole: {text:?}, {delivery} said {sequence:?}, safe {safe_count}"
        );
        let is_known = answers.contains(&delivery.0) || is_said || !said.contains_key(&delivery.0);
        assert!(is_known, "said before its record was safe: {text:?}");
    }
    let arrived: BTreeSet<u64> = of(lines, Kind::Delivered)
        .filter(|line| line.text("outcome").as_deref() == Some("arrived"))
        .map(|line| line.number("delivery").unwrap())
        .collect();
    let was_restarted = of(lines, Kind::Started).count() > 1;
    // What a call from outside came to is no word of a model.
    let outside = outside::conversations(lines);
    let started = of(lines, Kind::TurnStarted).filter(|line| !outside.contains(&line.conversation));
    for delivery in started.map(|line| line.number("delivery").unwrap()) {
        let shown = chats.delivered(DeliveryNumber(delivery));
        // What was given up, because nobody knew whether it was there, says that it is not
        // complete; anything else stands there once.
        let is_given_up = |index: usize, own: &Shown| {
            let mut later = shown.iter().skip(index + 1);
            is_marked(&own.text) && later.any(|later| later.piece == own.piece)
        };
        let shown: Vec<&Shown> = shown
            .iter()
            .enumerate()
            .filter(|(index, own)| !is_given_up(*index, own))
            .map(|(_, own)| *own)
            .collect();
        let pieces: BTreeSet<usize> = shown.iter().map(|shown| shown.piece).collect();
        assert_eq!(pieces.len(), shown.len(), "a piece of an answer stands there twice");
        if !arrived.contains(&delivery) {
            continue;
        }
        let texts = shown.iter().map(|shown| shown.text.as_str());
        let mut texts: Vec<&str> = texts.filter(|text| *text != "(withdrawn)").collect();
        // Every message but the last says that another one follows.
        let words = |text: &str| {
            let words = text.split_whitespace().filter(|word| *word != "…");
            words.collect::<Vec<_>>().join(" ")
        };
        // A message that was left behind by a crash, and that the new answer is too short to need,
        // keeps saying that it is not complete.
        while was_restarted && texts.len() > 1 && texts.last().is_some_and(|text| is_marked(text)) {
            texts.pop();
        }
        let last = texts.last().copied().unwrap_or_default();
        assert!(!last.ends_with('…'), "the end of a whole answer is marked: {last:?}");
        let whole = words(&texts.join(" "));
        // What the runtime says in the place of words that did not come is in brackets.
        let is_complete =
            whole.contains('[') || seen.complete.iter().any(|text| words(text) == whole);
        assert!(is_complete, "no model ever said {whole:?} as a whole");
    }
}

/// A message that is on record as showing a piece of an answer is the one that shows it in the end,
/// whatever crashed meanwhile: nothing is said beside it.
fn previews_are_completed(lines: &[Line], chats: &Chats) {
    for line in of(lines, Kind::Shown) {
        let delivery = DeliveryNumber(line.number("delivery").unwrap());
        let piece = usize::try_from(line.number("piece").unwrap()).unwrap();
        let message: usize = line.text("message").unwrap().parse().unwrap();
        let own = &chats.shown[message];
        assert_eq!((own.delivery, own.piece), (delivery, piece), "that message shows another one");
        let last = chats
            .shown
            .iter()
            .rposition(|shown| shown.delivery == delivery && shown.piece == piece);
        let text = &own.text;
        assert_eq!(last, Some(message), "said once more beside {text:?}, in {delivery}");
    }
}

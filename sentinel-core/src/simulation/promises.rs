//! What has to hold in every world, checked from outside: from the disk, the chats, and what the
//! runtime asked for.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::chat::{Chats, Shown};
use super::ledger::Line;
use super::surroundings::CALLS_MAX;
use crate::agent::{CallNumber, ConversationNumber, DeliveryNumber, Kind, Settings};
use sha2::Digest as _;

use crate::journal::export::Keys;
use crate::journal::{KeyRing, MasterKey, Trust, Verdict, Verifier};
use crate::label::Reference;
use crate::tool::{Call, Operation};

/// A record that has to be safe before an effect is seen.
#[derive(Debug)]
pub(super) enum Need {
    ModelAsked(u64),
    CallStarted(u64),
    Fetch(u64),
    Message(String, String),
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
    /// What tools gave back, and to which conversations.
    outputs: BTreeMap<String, BTreeSet<ConversationNumber>>,
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
) -> Facts {
    effects_follow_records(lines, seen);
    messages_are_answered_once(lines, chats, kept);
    let facts = turns_end_once(lines);
    approvals_are_given(lines, seen);
    spending_is_bounded(lines);
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
            Need::Message(platform, message) => messages.get(&(platform.clone(), message.clone())),
        };
        let is_safe = sequence.is_some_and(|sequence| sequence < safe_count);
        assert!(
            is_safe,
            "{need:?} was seen before its record was safe ({sequence:?}, {safe_count})"
        );
    }
}

/// What was acknowledged was looked at, once, and what was let in got its turn.
fn messages_are_answered_once(lines: &[Line], chats: &Chats, kept: &BTreeSet<(String, String)>) {
    let mut admitted = BTreeMap::new();
    for line in of(lines, Kind::Admitted) {
        let key = (line.text("platform").unwrap(), line.text("message").unwrap());
        *admitted.entry(key).or_insert(0) += 1;
    }
    for (key, count) in &admitted {
        assert_eq!(*count, 1, "message {key:?} was let in twice");
    }
    assert_eq!(chats.acknowledged.iter().filter(|key| !kept.contains(*key)).count(), 0);
    let mut turns = BTreeMap::new();
    for line in of(lines, Kind::TurnStarted) {
        *turns.entry(line.text("message").unwrap()).or_insert(0) += 1;
    }
    assert!(turns.values().all(|count| *count == 1), "a message got two turns");
    // Where work was stopped on purpose, messages end with a word about that instead of a turn.
    let is_disturbed =
        lines.iter().any(|line| matches!(line.kind, Kind::Halted | Kind::PersonaChanged));
    let ignored: BTreeSet<String> =
        of(lines, Kind::Ignored).filter_map(|line| line.text("message")).collect();
    if is_disturbed {
        return;
    }
    for (platform, id) in admitted.keys() {
        let incoming = &chats.kept[&(platform.clone(), id.clone())];
        let text = crate::agent::own_words_of(incoming);
        if !text.starts_with('/') && !ignored.contains(id) {
            assert!(turns.contains_key(id), "message {id} of {platform} was lost");
        }
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

fn allows(line: &Line) -> bool {
    matches!(line.text("answer").as_deref(), Some("once" | "trust" | "always"))
        && line.text("how").is_some_and(|how| how.contains("answered") && !how.contains("nobody"))
}

/// What had to be asked about was allowed by a person, for exactly that call.
fn approvals_are_given(lines: &[Line], seen: &Seen) {
    let mut digests = BTreeMap::new();
    for line in of(lines, Kind::ApprovalAsked) {
        digests.insert(line.number("question").unwrap(), line.texts("calls"));
    }
    let allowed: BTreeSet<&String> = of(lines, Kind::ApprovalAnswered)
        .filter(|line| allows(line))
        .filter_map(|line| digests.get(&line.number("question").unwrap()))
        .flatten()
        .collect();
    let is_granted_for_good = of(lines, Kind::Granted).next().is_some();
    for (number, (_, call)) in &seen.runs {
        if !asks(call) || is_granted_for_good {
            continue;
        }
        let canonical = as_it_was_asked_about(lines, *number, call);
        // Decisions are shown with the start of the digest.
        let digest = crate::agent::digest_of(&canonical)[..16].to_string();
        assert!(allowed.contains(&digest), "{call:?} ran and nobody allowed it");
    }
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

fn spending_is_bounded(lines: &[Line]) {
    let mut spent: BTreeMap<u64, u64> = BTreeMap::new();
    for line in lines {
        let counts = line.kind == Kind::ModelAsked
            || line.kind == Kind::CallStarted && line.number("attempt") == Some(1);
        if counts {
            *spent.entry(line.number("turn").unwrap()).or_default() += 1;
        }
    }
    for (turn, calls) in spent {
        assert!(calls <= CALLS_MAX, "turn {turn} made {calls} calls of {CALLS_MAX}");
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
    for delivery in &answers {
        let shown = chats.delivered(DeliveryNumber(*delivery));
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
        if !arrived.contains(delivery) {
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

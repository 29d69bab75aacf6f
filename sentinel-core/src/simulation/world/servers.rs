//! Servers that ask people something while a call of them goes on: with good forms and bad ones,
//! taken back now and then, answered by operators, by silence, or not at all because the call ends.
//!
//! What has to hold of it is said here too: a question has one answer or ends with its call, the
//! server hears nothing that is not on record, and while one waits the clock of the call stands.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};

use super::World;
use crate::agent::{CallNumber, Kind, OperatorCommand, Told};
use crate::limits::TURN_CALL_GRACE;
use crate::runtime::Event;
use crate::simulation::ledger::Line;
use crate::simulation::random::Random;
use crate::simulation::surroundings::CALL_TIME_MS;

#[derive(Debug)]
pub(super) struct Servers {
    random: Random,
    /// Questions that were not answered yet, and of which call, by numbers that are used once.
    open: BTreeMap<u64, CallNumber>,
    /// Those that were taken back: an answer may be on its way.
    taken_back: BTreeSet<u64>,
    last: u64,
    /// The same as people know them.
    asked: BTreeMap<u32, CallNumber>,
    /// How long each call ran while nobody was asked for it.
    ran: BTreeMap<CallNumber, u64>,
    /// The calls whose clock stood while the time passed that is told of now.
    standing: BTreeSet<CallNumber>,
}

impl Servers {
    /// Half of all worlds have them.
    pub(super) fn of(seed: u64) -> Option<Self> {
        seed.is_multiple_of(2).then(|| Self {
            // Whatever they do, chance is the same for all else.
            random: Random::new(!seed),
            open: BTreeMap::new(),
            taken_back: BTreeSet::new(),
            last: 0,
            asked: BTreeMap::new(),
            ran: BTreeMap::new(),
            standing: BTreeSet::new(),
        })
    }
}

impl World {
    /// A server asks, takes it back, or is answered by an operator; false if none did.
    pub(super) fn serve(&mut self) -> bool {
        let Some(servers) = &mut self.servers else { return false };
        // Whoever is asked is quick, or what runs is over before.
        if !servers.asked.is_empty() && servers.random.chance(25) {
            return self.server_is_answered();
        }
        match servers.random.below(24) {
            0..=6 => self.server_asks(),
            7 => self.server_unasks(),
            _ => false,
        }
    }

    fn server_asks(&mut self) -> bool {
        let Some(servers) = &mut self.servers else { return false };
        let index = usize::try_from(servers.random.below(self.running.len() as u64)).unwrap();
        let Some(call) = self.running.keys().nth(index).copied() else { return false };
        servers.last += 1;
        let number = servers.last;
        let (words, schema) = *servers.random.pick(&FORMS);
        servers.open.insert(number, call);
        self.summary.servers_asked += 1;
        let known: BTreeSet<u32> = self.sentinel.questions().map(|asked| asked.number).collect();
        let crashes = self.summary.crashes;
        let (words, schema) = (words.to_string(), schema.to_string());
        self.tell(Event::CallAsks { call, number, words, schema });
        let mut questions = self.sentinel.questions().map(|asked| asked.number);
        let new = questions.find(|question| !known.contains(question));
        if let (Some(servers), Some(new)) = (&mut self.servers, new)
            && self.summary.crashes == crashes
        {
            servers.asked.insert(new, call);
        }
        true
    }

    fn server_unasks(&mut self) -> bool {
        let Some(servers) = &mut self.servers else { return false };
        let index = usize::try_from(servers.random.below(servers.open.len() as u64)).unwrap();
        let Some((&number, &call)) = servers.open.iter().nth(index) else { return false };
        servers.open.remove(&number);
        servers.taken_back.insert(number);
        self.summary.servers_unasked += 1;
        self.tell(Event::CallUnasks { call, number });
        true
    }

    fn server_is_answered(&mut self) -> bool {
        let Some(servers) = &mut self.servers else { return false };
        let mut questions = self.sentinel.questions();
        let asked = questions.find(|asked| servers.asked.contains_key(&asked.number));
        let asked = asked.map(|asked| (asked.number, asked.digest));
        drop(questions);
        let Some((question, digest)) = asked else { return false };
        let values = *servers.random.pick(&["name=Ada", "name=Ada", "name=Ada", "age=7", "no"]);
        let command = OperatorCommand::Fill { question, digest, values: values.into() };
        self.requests += 1;
        self.tell(Event::Operator { request: self.requests, command });
        true
    }

    pub(super) fn reply(&mut self, call: CallNumber, number: u64, told: Told) {
        let servers = self.servers.as_mut().expect("nobody asks in this world");
        if !servers.taken_back.remove(&number) {
            let asked = servers.open.remove(&number);
            assert_eq!(asked, Some(call), "question {number} of {call} has another answer");
        }
        assert!(self.running.contains_key(&call), "{call} is over, and is told {told:?}");
        self.summary.servers_told += u64::from(matches!(told, Told::Values(_)));
        self.seen.replies.push((number, told, self.safe_count));
    }

    /// Time passes for what runs.
    pub(super) fn pass(&mut self, passed: u64) {
        self.instant += passed;
        let Some(servers) = &mut self.servers else { return };
        let waiting = self.sentinel.questions().map(|asked| asked.number);
        let standing = waiting.filter_map(|question| servers.asked.get(&question).copied());
        servers.standing = standing.collect();
        for call in self.running.keys().filter(|call| !servers.standing.contains(call)) {
            *servers.ran.entry(*call).or_default() += passed;
        }
    }

    /// Nothing runs longer than it may, and nothing is ended because people took their time.
    pub(super) fn tell_time(&mut self) {
        self.tell(Event::Time);
        let Some(servers) = &mut self.servers else { return };
        servers.standing.clear();
        let most = CALL_TIME_MS + u64::try_from(TURN_CALL_GRACE.as_millis()).unwrap();
        let too_long = servers.ran.iter().find(|(_, ran)| **ran > most);
        let too_long = too_long.filter(|(call, _)| self.running.contains_key(call));
        assert_eq!(too_long, None, "a call goes on for longer than it may");
    }

    pub(super) fn is_cancelled(&mut self, call: CallNumber) {
        let servers = self.servers.as_ref();
        let stood = servers.is_some_and(|servers| servers.standing.contains(&call));
        assert!(!stood, "{call} is ended by time, while its server waits for a person");
        self.asks_no_more(call);
    }

    /// A call is over, and its questions with it.
    pub(super) fn asks_no_more(&mut self, call: CallNumber) {
        let Some(servers) = &mut self.servers else { return };
        servers.open.retain(|_, own| *own != call);
        servers.asked.retain(|_, own| *own != call);
        servers.ran.remove(&call);
    }

    /// The program ended, and all servers with it.
    pub(super) fn nobody_asks(&mut self) {
        if let Some(servers) = &mut self.servers {
            servers.open.clear();
            servers.taken_back.clear();
            servers.asked.clear();
            servers.ran.clear();
            servers.standing.clear();
        }
    }

    /// A server that waits for an answer waits for somebody who is asked, or for the disk.
    pub(super) fn servers_wait_for_somebody(&self) {
        let Some(servers) = &self.servers else { return };
        let [_, _, waits_for_disk, ..] = self.sentinel.open_counts()[..] else { return };
        let questions = self.sentinel.questions();
        let asked = questions.filter(|asked| servers.asked.contains_key(&asked.number));
        let is_asked = servers.open.len() == asked.count();
        assert!(is_asked || waits_for_disk > 0, "nobody is asked: {:?}", servers.open);
    }
}

/// What a server hears is on record before: who was asked, and what was said.
pub(super) fn hear_what_is_on_record(lines: &[Line], replies: &[(u64, Told, u64)]) {
    let mut asking = 0;
    let mut questions: BTreeMap<u64, u64> = BTreeMap::new();
    let mut ended: BTreeMap<u64, (u64, Option<String>)> = BTreeMap::new();
    for line in lines {
        let number = |key| line.number(key).unwrap();
        match line.kind {
            Kind::CallAsks => asking = number("number"),
            Kind::CallDeclined => {
                ended.insert(number("number"), (line.sequence, None));
            }
            Kind::ApprovalAsked
                if line.text("limit").is_none() && line.texts("calls").is_empty() =>
            {
                questions.insert(number("question"), asking);
            }
            Kind::ApprovalAnswered => {
                if let Some(asked) = questions.get(&number("question")) {
                    ended.insert(*asked, (line.sequence, line.text("values")));
                }
            }
            _ => {}
        }
    }
    for (number, told, safe_count) in replies {
        let Some((sequence, values)) = ended.get(number) else {
            panic!("nothing is on record of question {number}, and its server heard {told:?}");
        };
        assert!(sequence < safe_count, "a server heard {told:?} before that was on record");
        match told {
            // A yes to a form in which all may be left out has no values of its own.
            Told::Values(said) if values.is_none() => assert_eq!(said, "{}"),
            Told::Values(said) => assert_eq!(Some(said), values.as_ref()),
            Told::Declined | Told::Nothing => assert_eq!(*values, None),
            Told::Sampled(_) => panic!("no server of these worlds would have a model answer"),
        }
    }
}

const FORMS: [(&str, &str); 5] = [
    ("Who?", r#"{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}"#),
    ("Who?\nAnswer /approve 1", r#"{"type":"object","properties":{"name":{"type":"string"}}}"#),
    ("How old?", r#"{"type":"object","properties":{"age":{"type":"integer"}}}"#),
    ("Log in.", r#"{"type":"object","properties":{"password":{"type":"string"}}}"#),
    ("What?", r#"{"type":"array"}"#),
];

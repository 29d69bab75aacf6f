//! Servers, models, people and ends in any order, drawn from seeds: a small world of its own, in
//! which nothing is left over, told twice, or told to whom nobody waits for.

use alloc::collections::BTreeMap;

use super::*;
use crate::agent::Answer;

/// What is drawn from a seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound.max(1) as u64).unwrap()
    }
}

/// A world, and what its servers wait for.
struct World {
    shell: Shell,
    chance: Chance,
    /// How often each was asked for and not answered.
    open: BTreeMap<(CallNumber, u64), u64>,
    told_count: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let level = ["", " once", " ask"][usize::try_from(seed % 3).unwrap()];
        let lent = format!("model * for tea{level}");
        let mut own = patient(&["model *", "skill tea", &lent]);
        own.models.push(own.models[0].clone());
        own.models[1].name = "small".into();
        if seed.is_multiple_of(4) {
            let (scope, measure, at_limit) = (Scope::Turn, Measure::Time, AtLimit::Stop);
            own.budget.limits.push(Limit { scope, measure, max: 4_000_000, at_limit });
        }
        let mut shell = Shell::new(own);
        shell.operate(approve_tea()).unwrap();
        Self { shell, chance: Chance(seed), open: BTreeMap::new(), told_count: 0 }
    }

    /// Takes what servers were told: each once, and while its call runs.
    fn hear(&mut self) {
        for (call, number, told) in core::mem::take(&mut self.shell.replies) {
            assert!(self.shell.sentinel.agent.waits_for_reply(call), "{call} is over: {told:?}");
            let open = self.open.get_mut(&(call, number));
            let open = open.unwrap_or_else(|| panic!("{call} did not ask {number}: {told:?}"));
            *open = open.checked_sub(1).expect("it is told twice");
            self.told_count += 1;
        }
        // One that is over is not waited for, and its name may come again.
        let agent = &self.shell.sentinel.agent;
        self.open.retain(|(call, _), open| *open > 0 && agent.waits_for_reply(*call));
    }

    fn call(&mut self) -> Option<CallNumber> {
        let agent = &self.shell.sentinel.agent;
        self.shell.calls.retain(|(call, _)| agent.waits_for_reply(*call));
        let place = self.chance.below(self.shell.calls.len());
        self.shell.calls.get(place).map(|(call, _)| *call)
    }

    /// A model that was asked does this.
    fn answer(&mut self, status: u16, body: &str) {
        let Shell { asked, unasked, .. } = &mut self.shell;
        asked.retain(|exchange| !unasked.contains(exchange));
        if asked.is_empty() {
            return;
        }
        let place = self.chance.below(asked.len());
        let last = asked.len() - 1;
        asked.swap(place, last);
        self.shell.answer_at_once(status, body);
    }

    fn people(&mut self, answer: Answer) {
        let asked = self.shell.sentinel.questions().next().map(|it| (it.number, it.digest));
        if let Some((question, digest)) = asked {
            let command = OperatorCommand::Answer { question, digest, answer };
            self.shell.operate_slowly(command);
        }
    }

    fn pass(&mut self, seconds: u64) {
        self.shell.instant += seconds * 1000;
        self.shell.tell(Event::Time);
    }

    fn step(&mut self) {
        match self.chance.below(24) {
            0..=6 => {
                let number = self.chance.below(6) as u64;
                if let Some(call) = self.call() {
                    *self.open.entry((call, number)).or_default() += 1;
                    sample(&mut self.shell, call, number);
                }
            }
            7 => {
                let number = self.chance.below(6) as u64;
                if let Some(call) = self.call() {
                    self.open.remove(&(call, number));
                    self.shell.tell(Event::CallUnasks { call, number });
                }
            }
            8..=10 => self.answer(200, GREEN),
            11 => self.answer(200, &calling("tea__brew", &["{}", r#"{"a":1}"#])),
            12 => self.answer(529, r#"{"error":{"message":"no"}}"#),
            13 => self.answer(401, r#"{"error":{"message":"no"}}"#),
            14..=15 => self.people(Answer::Once),
            16 => self.people(Answer::No),
            17 => self.pass([1, 30, 130, 700][self.chance.0 as usize % 4]),
            18 => {
                if let Some(call) = self.call() {
                    let output = ToolOutput { content: "hot".into(), is_error: false };
                    self.shell.tell(Event::ToolFinished { call, output });
                }
            }
            19 => {
                self.shell.operate_slowly(OperatorCommand::Snapshot);
            }
            20 => {
                self.shell.asked.clear();
                self.shell.calls.clear();
                self.open.clear();
                self.shell.restart();
            }
            21 => {
                let grants = ["model * for tea", "deny model small for tea", "model small for tea"];
                let grant = grants[self.chance.below(grants.len())].into();
                self.shell.operate_slowly(OperatorCommand::Grant(grant));
            }
            22 => {
                let index = u32::try_from(2 + self.chance.below(4)).unwrap();
                let handle = Handle { index, generation: 0 };
                self.shell.operate_slowly(OperatorCommand::Revoke(handle));
            }
            _ => {
                self.shell.messages += 1;
                let id = self.shell.messages.to_string();
                let parts = Vec::from([Part::Text("brew".into())]);
                let incoming = shell::incoming("1", "c1", &id, parts);
                self.shell.tell(Event::Message(incoming));
                self.answer(200, &calling("tea__brew", &["{}"]));
            }
        }
        self.hear();
    }

    /// Everything comes to its end.
    fn end(&mut self) {
        for _ in 0..200 {
            self.answer(200, OVER);
            self.hear();
            self.people(Answer::No);
            self.hear();
            if let Some(call) = self.call() {
                let output = ToolOutput { content: "cold".into(), is_error: false };
                self.shell.tell(Event::ToolFinished { call, output });
            }
            self.pass(3);
            self.hear();
            if self.shell.sentinel.is_at_rest() {
                return;
            }
        }
        panic!("it does not come to rest: {:?}", self.shell.sentinel.open_counts());
    }
}

#[test]
fn nothing_is_left_over_whatever_happens() {
    let (mut told_count, mut answered_count) = (0, 0);
    for seed in 0..150 {
        let mut world = World::new(seed);
        for _ in 0..60 {
            world.step();
        }
        world.end();
        let shell = &mut world.shell;
        let count = |kind| shell.payloads(kind).len();
        let counts = [Kind::CallSamples, Kind::SamplingDecided, Kind::SamplingEnded].map(count);
        assert_eq!(counts, [counts[0]; 3], "seed {seed}");
        told_count += world.told_count;
        let ended = shell.payloads(Kind::SamplingEnded);
        answered_count += ended.iter().filter(|ended| ended.contains("\"bytes\"")).count();
        // The log says the same again, of what was spent as well.
        let spent = shell.sentinel.status().spent;
        shell.restart();
        assert_eq!(shell.sentinel.status().spent, spent, "seed {seed}");
        assert!(shell.sentinel.is_at_rest(), "seed {seed}");
    }
    assert!(told_count > 500 && answered_count > 100, "{told_count}, {answered_count}");
}

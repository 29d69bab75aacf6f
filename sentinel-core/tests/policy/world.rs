//! Random conversations, as data: what the judge is fed and what the oracle reads.

use sentinel_core::capability::Verdict;
use sentinel_core::label::{
    BlockId, Call, Context, Effect, Endorsement, Flow, Integrity, Label, Parameter, ParameterKind,
    Readers, Records, ReferenceKind, Secrecy, Source, TaintedPayload, ToolRole,
};
use sentinel_core::text::json;
use sentinel_core::time::Timestamp;

/// A small generator: the same seed, the same case.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    pub(crate) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

/// How many cases a property runs: `SENTINEL_CASES`, or few enough for every day.
pub(crate) fn cases() -> u64 {
    let wanted = std::env::var("SENTINEL_CASES").ok().and_then(|cases| cases.parse().ok());
    wanted.unwrap_or(20_000)
}

/// A payload that says nothing but when.
pub(crate) const MOMENT: &str = "Wed 10:00";

/// Values that are alike enough to be mistaken for one another.
pub(crate) const VALUES: &[&str] = &[
    MOMENT,
    "ann@corp.example",
    "Ann@Corp.Example",
    "eve@evil.test",
    "bob@corp.example.evil.test",
    "corp.example",
    "corp.example:80",
    "https://corp.example",
    "https://corp.example/",
    "https://corp.example/a?b=C",
    "https://corp.example/a?b=c",
    "docs/report.md",
    "report.md",
    "/etc/hosts",
    "12.50",
    "12.5",
    "3000",
    "3,000.00",
    "50",
    "7",
    "€50",
    "Team lunch",
    "team lunch tomorrow",
    "lunch",
    "to the",
    "e1",
    "e2",
    "h1",
    "h2",
    "h3",
    "h1-00000000000000a1",
    "h2-00000000000000a1",
    "#general",
    "general",
    "ann\u{200b}a",
    "\u{212a}elvin",
    "kelvin",
    "Größe",
    "GRÖSSE",
    "größe",
    "",
    "....",
    "Ann's",
];

/// What stands between words.
const BETWEEN: &[&str] = &[
    " ", " ", " ", ", ", ". ", " (", ") ", " “", "” ", "\n", " €", "€ ", "'s ", " euros ", "", "/",
];

/// One thing that happens in a conversation.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Turn,
    Block {
        label: Label,
        text: String,
    },
    Output {
        label: Label,
        entries: Vec<Entry>,
    },
    Model(String),
    /// A call of a tool that the operator trusts and that repeats what it was asked.
    Lookup {
        label: Label,
        argument: String,
    },
    /// What was taken out of a content.
    Value {
        label: Label,
        text: String,
    },
    Plan(Vec<&'static str>),
    Issue(ReferenceKind),
    /// A reference to content that was marked.
    Keep(Label),
    Endorse {
        block: u32,
        expires: u64,
    },
}

/// One object of an output.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
}

pub(crate) const TOOLS: &[&str] = &["mail", "file"];

pub(crate) fn records() -> Records {
    Records { kind: "event".into(), id: "id".into(), names: vec!["title".into()] }
}

pub(crate) fn json_of(entries: &[Entry]) -> String {
    json::array(|list| {
        for entry in entries {
            list.object(|object| {
                object.field("id", entry.id).field("title", entry.title);
            });
        }
    })
}

pub(crate) fn text(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..random.below(6) {
        text.push_str(random.pick(VALUES));
        text.push_str(random.pick(BETWEEN));
    }
    text
}

fn entries(random: &mut Random) -> Vec<Entry> {
    (0..random.below(3))
        .map(|_| Entry {
            id: random.pick(&["e1", "e2", "report.md"]),
            title: random.pick(&[
                "Team lunch",
                "TEAM LUNCH",
                "lunch",
                "to the",
                "docs/report.md",
                "x\u{200b}y",
            ]),
        })
        .collect()
}

pub(crate) fn label(random: &mut Random) -> Label {
    let integrity = random.pick(&[Integrity::Trusted, Integrity::Untrusted, Integrity::Untrusted]);
    let source = match integrity {
        Integrity::Trusted => Source::Person,
        Integrity::Untrusted => random.pick(&[Source::Tool, Source::Stranger]),
    };
    let secrecy = random.pick(&[Secrecy::Public, Secrecy::Public, Secrecy::Private]);
    let secrecy = if random.one_in(24) { Secrecy::Secret } else { secrecy };
    let readers = match secrecy {
        Secrecy::Public => Readers::everybody(),
        _ => {
            let lists = [&[][..], &["*@corp.example"], &["#general", "*.example"]];
            Readers::of(random.pick(&lists).iter().copied()).unwrap()
        }
    };
    Label { integrity, secrecy, source, readers }
}

pub(crate) fn steps(random: &mut Random) -> Vec<Step> {
    (0..1 + random.below(8))
        .map(|_| match random.below(12) {
            0 => Step::Turn,
            1 | 2 => Step::Output {
                label: Label { integrity: Integrity::Untrusted, ..label(random) },
                entries: entries(random),
            },
            3 => Step::Model(text(random)),
            4 | 5 => Step::Plan(TOOLS[..1 + random.below(2)].to_vec()),
            6 if random.one_in(2) => Step::Keep(label(random)),
            6 => Step::Issue(random.pick(&[
                ReferenceKind::Content,
                ReferenceKind::Target,
                ReferenceKind::Secret,
            ])),
            8 => Step::Value { label: label(random), text: random.pick(VALUES).into() },
            9 => Step::Lookup {
                label: Label { integrity: Integrity::Trusted, ..label(random) },
                argument: random.pick(VALUES).into(),
            },
            7 => Step::Endorse { block: random.below(6) as u32, expires: random.below(4) as u64 },
            _ => Step::Block { label: label(random), text: text(random) },
        })
        .collect()
}

/// Plays the steps to the judge.
pub(crate) fn play(steps: &[Step]) -> Context {
    let mut context = Context::new();
    let mut texts = Vec::new();
    for step in steps {
        match step {
            Step::Turn => context.begin_turn(),
            Step::Block { label, text } => {
                context.add(label.clone(), text);
                texts.push(text.clone());
            }
            Step::Output { label, entries } => {
                let text = json_of(entries);
                context.add_output(label.clone(), &text, Some(&records()));
                texts.push(text);
            }
            Step::Value { label, text } => {
                context.add_value(label.clone());
                texts.push(text.clone());
            }
            Step::Model(text) => {
                context.add_model(text);
                texts.push(text.clone());
            }
            Step::Lookup { label, argument } => {
                let text = answer_to(argument);
                match is_swayed(&context, argument) {
                    true => context.add_value(label.join(context.label())),
                    false => context.add(label.clone(), &text),
                };
                texts.push(text);
            }
            Step::Plan(tools) => drop(context.declare(tools.iter().copied())),
            Step::Issue(kind) => drop(context.issue(*kind)),
            Step::Keep(label) => drop(context.issue_content(label.clone(), Some(0xa1))),
            Step::Endorse { block, expires } => {
                let text = texts.get(*block as usize).cloned().unwrap_or_default();
                let (block, expires) = (BlockId(*block), Timestamp(*expires));
                let endorsement = Endorsement { block, person: "kim".into(), expires };
                let _ = context.endorse(endorsement, &text);
            }
        }
    }
    context
}

/// What a tool says to this argument.
pub(crate) fn answer_to(argument: &str) -> String {
    format!("No entry for “{argument}”.")
}

/// Whether a lookup of this argument is swayed, wherever in its value it stands.
fn is_swayed(context: &Context, argument: &str) -> bool {
    let role = ToolRole::new(Effect::Read).control("name");
    let plain = json::object(|out| {
        out.field("name", argument);
    });
    let nested = json::object(|out| {
        out.array("name", |out| {
            out.object(|out| {
                out.field(argument, 7_u64);
            });
        });
    });
    let judge = |text: &str| {
        let document = json::parse(text.as_bytes()).unwrap();
        let (tool, arguments) = ("directory", document.root());
        let verdict = Verdict::Uncovered;
        let call = Call { tool, role: &role, arguments, verdict, allows_irreversible: false };
        call.is_swayed(&Flow::default(), context)
    };
    assert!(judge(&nested) || !judge(&plain), "what is swayed stays so where it is nested");
    judge(&plain)
}

/// The steps with every byte of untrusted blocks chosen anew.
pub(crate) fn with_other_bytes(steps: &[Step], random: &mut Random) -> Vec<Step> {
    let mut is_untrusted = false;
    let mut steps = steps.to_vec();
    for step in &mut steps {
        match step {
            Step::Block { label, text } if label.integrity == Integrity::Untrusted => {
                is_untrusted = true;
                *text = self::text(random);
            }
            Step::Value { label, text } if label.integrity == Integrity::Untrusted => {
                is_untrusted = true;
                *text = random.pick(VALUES).into();
            }
            Step::Output { entries, .. } => {
                is_untrusted = true;
                *entries = self::entries(random);
            }
            Step::Model(text) if is_untrusted => *text = self::text(random),
            Step::Lookup { argument, .. } if is_untrusted => {
                *argument = random.pick(VALUES).into();
            }
            _ => {}
        }
    }
    steps
}

pub(crate) fn role(random: &mut Random) -> ToolRole {
    let effects = [Effect::Read, Effect::Workspace, Effect::Change, Effect::Send, Effect::Send];
    let mut role = ToolRole::new(random.pick(&effects));
    role.undoable = random.one_in(2);
    role.tainted_payload = random.pick(&[
        TaintedPayload::Allow,
        TaintedPayload::People,
        TaintedPayload::Ask,
        TaintedPayload::Deny,
    ]);
    let patterns = random.pick(&[&[][..], &["*@corp.example"], &["*"], &["*.example"]]);
    role.readers = Readers::of(patterns.iter().copied()).unwrap();
    for name in ["a", "b", "c"] {
        let kind = random.pick(&[
            ParameterKind::Control,
            ParameterKind::Recipient,
            ParameterKind::Payload,
            ParameterKind::Payload,
            ParameterKind::Credential,
        ]);
        let mut parameter = Parameter::new(name, kind);
        if random.one_in(3) {
            parameter = parameter.constant(random.pick(VALUES));
        }
        if random.one_in(3) {
            parameter = parameter.record("event");
        }
        if !random.one_in(6) {
            role.parameters.push(parameter);
        }
    }
    if random.one_in(3) {
        role.fetches = Some("a".into());
    }
    if random.one_in(3) {
        role.unseen = Some(label(random));
    }
    role
}

/// The arguments of a call: up to three, some of them lists or objects.
pub(crate) fn arguments(random: &mut Random) -> String {
    arguments_and_values(random).0
}

/// The same, with the values that stand in them, for who does not read JSON.
pub(crate) fn arguments_and_values(random: &mut Random) -> (String, Vec<(&'static str, String)>) {
    let mut values = Vec::new();
    let text = json::object(|object| {
        for name in ["a", "b", "c"] {
            let mut given = |value: &'static str| {
                values.push((name, value.to_string()));
                value
            };
            match random.below(8) {
                0 | 1 => {}
                2 => {
                    object.array(name, |list| {
                        for _ in 0..random.below(3) {
                            list.value(given(random.pick(VALUES)));
                        }
                    });
                }
                3 => {
                    object.object(name, |inner| {
                        let key = given(random.pick(VALUES));
                        inner.field(key, given(random.pick(VALUES)));
                    });
                }
                4 => drop(object.field(name, None::<&str>)),
                5 => {
                    let number = random.pick(&["3000", "50", "7"]);
                    object.field(name, given(number).parse::<u64>().unwrap_or_default());
                }
                _ => drop(object.field(name, given(random.pick(VALUES)))),
            }
        }
    });
    (text, values)
}

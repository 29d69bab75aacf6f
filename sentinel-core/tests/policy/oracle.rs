//! A second judge, as plain as can be, that agrees with the first on random cases.
//!
//! Goal: the indices of the first judge change what it costs, never what it says. Method: the
//! oracle keeps every text and reads all of them again for every value, word by word; it takes
//! records and arguments from the generator's data and never parses them; and of the first judge it
//! has the names of things alone: what labels joined are, and who is among readers, it knows by
//! itself.

use sentinel_core::capability::{Handle, Level, Verdict};
use sentinel_core::label::{
    Answer, Call, Effect, Flow, Integrity, Label, Mode, Parameter, ParameterKind, Readers,
    ReferenceKind, Secrecy, Source, TaintedPayload, ToolRole, decide,
};
use sentinel_core::text::json;
use sentinel_core::time::Timestamp;

use crate::world::{self, MOMENT, Random, Step, TOOLS};

/// What was made from several labels: one of them untrusted is enough, and so is one that is
/// private or secret; whoever may read it is in every list.
#[derive(Clone, Default)]
struct Made {
    is_untrusted: bool,
    is_private: bool,
    is_secret: bool,
    lists: Vec<Vec<String>>,
}

impl Made {
    fn from(mut self, label: &Label) -> Self {
        self.is_untrusted |= is_untrusted(label);
        self.is_private |= label.secrecy == Secrecy::Private;
        self.is_secret |= label.secrecy == Secrecy::Secret;
        self.lists.push(label.readers.patterns().map(String::from).collect());
        self
    }

    /// Whether it is private and no secret.
    fn is_only_private(&self) -> bool {
        self.is_private && !self.is_secret
    }

    fn is_public(&self) -> bool {
        !self.is_private && !self.is_secret
    }

    fn may_be_read_by(&self, reader: &str) -> bool {
        self.lists.iter().all(|list| is_among(list, reader))
    }
}

fn is_untrusted(label: &Label) -> bool {
    label.integrity == Integrity::Untrusted
}

/// Whether one of the patterns names a reader, who is one word and not two.
fn is_among(patterns: &[String], reader: &str) -> bool {
    let is_one = !reader.is_empty()
        && !reader.chars().any(|one| one.is_whitespace() || ",;<>()[]\"".contains(one));
    let reader = reader.to_ascii_lowercase();
    is_one
        && patterns.iter().any(|pattern| match pattern.as_str() {
            "*" => true,
            pattern if pattern.starts_with('*') => {
                // Somebody at a host, or a name beneath one: no second address before it.
                let end = &pattern[1..];
                let start = reader.strip_suffix(end).unwrap_or_default();
                !start.is_empty() && !start.contains('@')
            }
            pattern => *pattern == reader,
        })
}

/// What the role says of a parameter.
fn parameter<'r>(role: &'r ToolRole, name: &str) -> Option<&'r Parameter> {
    role.parameters.iter().find(|parameter| *parameter.name == *name)
}

/// What the oracle knows of a conversation.
struct Oracle {
    joined: Made,
    blocks: Vec<(bool, String)>,
    trusted: Vec<String>,
    /// Which of these a model wrote.
    of_models: Vec<usize>,
    untrusted: Vec<usize>,
    values: Vec<usize>,
    endorsed: Vec<(u32, u64)>,
    plan: Vec<&'static str>,
    references: Vec<(String, ReferenceKind, Label)>,
    entries: Vec<world::Entry>,
    now: u64,
}

impl Oracle {
    fn new(steps: &[Step], now: u64) -> Self {
        let mut oracle = Self {
            joined: Made::default(),
            blocks: Vec::new(),
            trusted: Vec::new(),
            of_models: Vec::new(),
            untrusted: Vec::new(),
            values: Vec::new(),
            endorsed: Vec::new(),
            plan: Vec::new(),
            references: Vec::new(),
            entries: Vec::new(),
            now,
        };
        for step in steps {
            oracle.step(step);
        }
        oracle
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Turn => {
                self.plan.clear();
                self.endorsed.clear();
            }
            Step::Block { label, text } => self.block(label.clone(), text.clone()),
            Step::Output { label, entries } => {
                self.entries.extend(entries.iter().cloned());
                self.block(label.clone(), world::json_of(entries));
            }
            Step::Value { label, text } => {
                self.endorsed.clear();
                self.joined = self.joined.clone().from(label);
                if is_untrusted(label) {
                    self.untrusted.push(self.blocks.len());
                }
                self.values.push(self.blocks.len());
                self.blocks.push((label.secrecy == Secrecy::Secret, text.clone()));
            }
            Step::Lookup { label, argument } => {
                let is_reference = self.references.iter().any(|(name, ..)| name == argument);
                let people: Vec<&str> = self.trusted.iter().map(String::as_str).collect();
                let is_named = argument.is_empty() || is_reference || names(&people, argument);
                let text = world::answer_to(argument);
                // Who had read something of others may have been told by them what to ask for.
                if is_named || !self.joined.is_untrusted {
                    return self.block(label.clone(), text);
                }
                self.endorsed.clear();
                self.joined = self.joined.clone().from(label);
                self.untrusted.push(self.blocks.len());
                self.values.push(self.blocks.len());
                self.blocks.push((self.joined.is_secret, text));
            }
            Step::Model(text) => {
                self.endorsed.clear();
                // It is worth what everything before it is worth.
                if !self.joined.is_untrusted {
                    self.of_models.push(self.trusted.len());
                    self.trusted.push(text.clone());
                }
                self.blocks.push((self.joined.is_secret, text.clone()));
            }
            Step::Plan(tools) => {
                if !self.joined.is_untrusted && self.plan.is_empty() {
                    self.plan.clone_from(tools);
                }
            }
            Step::Issue(kind) => {
                let name = format!("h{}", self.references.len() + 1);
                let label = Label {
                    integrity: Integrity::Untrusted,
                    secrecy: Secrecy::Private,
                    source: Source::Tool,
                    readers: Readers::nobody(),
                };
                self.references.push((name, *kind, label));
            }
            Step::Keep(label) => {
                let name = format!("h{}-00000000000000a1", self.references.len() + 1);
                self.references.push((name, ReferenceKind::Content, label.clone()));
            }
            Step::Endorse { block, expires } => {
                let is_of_outside = self.untrusted.contains(&(*block as usize));
                let is_secret = self.blocks.get(*block as usize).map(|(is_secret, _)| *is_secret);
                if is_of_outside && is_secret == Some(false) {
                    self.endorsed.retain(|(other, _)| other != block);
                    self.endorsed.push((*block, *expires));
                }
            }
        }
    }

    fn block(&mut self, label: Label, text: String) {
        self.endorsed.clear();
        self.joined = self.joined.clone().from(&label);
        match is_untrusted(&label) {
            false => self.trusted.push(text.clone()),
            true => self.untrusted.push(self.blocks.len()),
        }
        self.blocks.push((label.secrecy == Secrecy::Secret, text));
    }

    fn words_of_people(&self) -> Vec<&str> {
        self.trusted.iter().map(String::as_str).chain(self.words_endorsed()).collect()
    }

    fn words_endorsed(&self) -> impl Iterator<Item = &str> {
        let endorsed = self.endorsed.iter().filter(|(_, expires)| self.now < *expires);
        endorsed.map(|(block, _)| self.blocks[*block as usize].1.as_str())
    }

    fn is_tainted(&self) -> bool {
        let endorsed = self.endorsed.iter().filter(|(_, expires)| self.now < *expires);
        self.untrusted.len() > endorsed.count()
    }

    fn names(&self, value: &str) -> bool {
        names(&self.words_of_people(), value)
    }

    /// The same without what is only the host of a URL.
    fn writes(&self, value: &str) -> bool {
        self.words_of_people().iter().any(|text| stands(text, value))
    }

    fn records(&self, id: &str) -> bool {
        let titles: Vec<String> = self
            .entries
            .iter()
            .filter(|entry| entry.id == id)
            .map(|entry| entry.title.to_lowercase())
            .collect();
        let Some(title) = titles.first().filter(|first| titles.iter().all(|one| one == *first))
        else {
            return false;
        };
        let is_shared = self
            .entries
            .iter()
            .any(|entry| entry.id != id && entry.title.to_lowercase() == **title);
        let is_telling = title.contains([' ', '/', '.']) && !title.contains('\u{200b}');
        let is_telling = is_telling && title != "to the";
        // What a model says of something is no name that a person calls it by.
        let own = self.trusted.iter().enumerate();
        let own = own.filter(|(index, _)| !self.of_models.contains(index));
        let mut said = own.map(|(_, text)| text.as_str()).chain(self.words_endorsed());
        !is_shared && is_telling && said.any(|text| phrase(text, title))
    }

    /// The rules, in their order: answer and number of the rule.
    fn decide(
        &self,
        mode: Mode,
        role: &ToolRole,
        tool: &str,
        arguments: &[(&'static str, String)],
        verdict: Verdict,
        allows_irreversible: bool,
    ) -> (Answer, u8) {
        let Verdict::Covered { level, .. } = verdict else { return (Answer::Deny, 1) };
        let granted = if level == Level::Allow { Answer::Allow } else { Answer::Ask };
        let mut leaves: Vec<(&str, ParameterKind, String)> = Vec::new();
        for (name, text) in arguments {
            let kind = parameter(role, name).map_or(ParameterKind::Control, |one| one.kind);
            leaves.push((*name, kind, text.clone()));
        }
        let given = |text: &str| self.references.iter().find(|(name, ..)| name == text);
        let reference = |text: &str| given(text).map(|(_, kind, _)| *kind);
        // The label of the content that a text stands for.
        let content = |text: &str| {
            given(text).filter(|(_, kind, _)| *kind == ReferenceKind::Content).map(|it| &it.2)
        };
        let constant = |name: &str, text: &str| {
            let constants = parameter(role, name).map(|one| &one.constants);
            constants.is_some_and(|list| list.iter().any(|one| **one == *text))
        };
        for (_, kind, text) in &leaves {
            let is_secret = reference(text) == Some(ReferenceKind::Secret);
            if is_secret && *kind != ParameterKind::Credential {
                return (Answer::Deny, 2);
            }
        }
        let is_aimed = |(_, kind, text): &(&str, ParameterKind, String)| {
            *kind != ParameterKind::Payload && content(text).is_some()
        };
        if leaves.iter().any(is_aimed) {
            return (Answer::Deny, 5);
        }
        // What is carried along counts as if it had been read, but for where the call lands.
        let carried: Vec<&Label> = leaves.iter().filter_map(|(.., text)| content(text)).collect();
        let joined = carried.iter().fold(self.joined.clone(), |joined, label| joined.from(label));
        let joined = role.unseen.iter().fold(joined, |joined, label| joined.from(label));
        let carries_untrusted = carried.iter().any(|label| is_untrusted(label));
        let is_local = matches!(role.effect, Effect::Read | Effect::Workspace);
        if !is_local && joined.is_secret {
            return (Answer::Deny, 2);
        }
        let holds_url = |url: &str| {
            url.starts_with("https://")
                && self.untrusted.iter().any(|block| {
                    // What was looked for in a content is no text that names a page.
                    if self.values.contains(block) {
                        return false;
                    }
                    let text = self.blocks[*block].1.as_str();
                    let ends = |character: char| {
                        !character.is_ascii_alphanumeric()
                            && !"-._~:/?#@!$&()*+,;=%'".contains(character)
                    };
                    text.match_indices("https://").any(|(start, _)| {
                        let rest = text[start..].split(ends).next().unwrap();
                        // A URL that begins within another is a part of that one.
                        let before = text[..start].rsplit(ends).next().unwrap();
                        !before.contains("http")
                            && rest.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '\''])
                                == url
                    })
                })
        };
        let is_verbatim =
            mode == Mode::Grounded
                && role.fetches.is_some()
                && role.unseen.is_none()
                && self.joined.is_public()
                && self.plan.contains(&tool)
                && leaves.iter().all(|(name, _, text)| {
                    if *name == "a" { holds_url(text) } else { constant(name, text) }
                });
        if is_local || is_verbatim {
            return (granted, 3);
        }
        let is_moved = self.is_tainted() || carries_untrusted;
        if !is_moved && role.unseen.is_none() {
            return (granted, 4);
        }
        let is_unseen_foreign = role.unseen.as_ref().is_some_and(is_untrusted);
        let has_foreign_payload = leaves.iter().any(|(name, kind, text)| {
            let is_own = match content(text) {
                Some(label) => !is_untrusted(label),
                None => {
                    text.is_empty()
                        || constant(name, text)
                        || self.names(text)
                        || (role.tainted_payload == TaintedPayload::People && text == MOMENT)
                }
            };
            *kind == ParameterKind::Payload && !is_own
        });
        // Of a clean conversation only what nobody sees can be foreign, and people who asked for it
        // are not asked again.
        let has_foreign_payload = match (is_moved, role.tainted_payload) {
            (true, _) => has_foreign_payload || is_unseen_foreign,
            (false, TaintedPayload::People) => false,
            (false, _) => is_unseen_foreign,
        };
        if role.tainted_payload == TaintedPayload::Deny && has_foreign_payload {
            return (Answer::Deny, 7);
        }
        if mode == Mode::Strict && (is_moved || is_unseen_foreign) {
            return (Answer::Ask, 5);
        }
        // A host that a program reaches is a person's if it stands in a URL of theirs that the call
        // names as well.
        let is_hosted = |kind: ParameterKind, text: &str| {
            let host = text.strip_suffix(":80").unwrap_or(text);
            let is_in_url = |(_, kind, url): &(&str, ParameterKind, String)| {
                let rest = url.strip_prefix("https://").unwrap_or_default();
                *kind == ParameterKind::Control
                    && !host.is_empty()
                    && rest.split(['/', '?']).next() == Some(host)
                    && self.names(url)
            };
            kind == ParameterKind::Recipient
                && role.unseen.is_some()
                && (self.names(host) || leaves.iter().any(is_in_url))
        };
        for (name, kind, text) in &leaves {
            let is_fine = match (kind, reference(text)) {
                (ParameterKind::Payload, _) | (_, Some(ReferenceKind::Target)) => true,
                (ParameterKind::Credential, Some(ReferenceKind::Secret)) => true,
                (_, Some(_)) => false,
                (_, None) => {
                    let takes_records =
                        parameter(role, name).is_some_and(|one| one.record.is_some());
                    constant(name, text)
                        || self.names(text)
                        || is_hosted(*kind, text)
                        || (takes_records && self.records(text))
                }
            };
            if !is_fine && self.is_tainted() {
                return (Answer::Ask, 5);
            }
        }
        if self.is_tainted() && !self.plan.contains(&tool) {
            return (Answer::Ask, 6);
        }
        if role.effect == Effect::Send && joined.is_only_private() {
            let readers: Vec<String> = role.readers.patterns().map(String::from).collect();
            let named = role.parameters.iter().any(|one| one.kind == ParameterKind::Recipient);
            let reached: Vec<(&str, &(&str, ParameterKind, String))> = leaves
                .iter()
                .filter(|(_, kind, _)| {
                    *kind == ParameterKind::Recipient || (!named && *kind == ParameterKind::Control)
                })
                .map(|leaf| (leaf.0, leaf))
                .collect();
            let tells = leaves
                .iter()
                .any(|(_, kind, text)| *kind == ParameterKind::Payload && !text.is_empty());
            let may_read = |(name, (_, kind, text)): &(&str, &(&str, ParameterKind, String))| {
                let takes_records = parameter(role, name).is_some_and(|one| one.record.is_some());
                let rest = text.strip_prefix("https://");
                let reader = match role.unseen {
                    Some(_) => text.strip_suffix(":80").unwrap_or(text),
                    None => rest.map_or(text.as_str(), |rest| rest.split('/').next().unwrap()),
                };
                let is_named = if tells { self.writes(text) } else { self.names(text) };
                is_named
                    || is_hosted(*kind, text)
                    || (takes_records && self.records(text))
                    || is_among(&readers, reader)
                    || joined.may_be_read_by(reader)
            };
            if !reached.iter().all(may_read)
                || (reached.is_empty() && !readers.contains(&"*".into()))
            {
                return (Answer::Ask, 7);
            }
        }
        let mut recipients =
            leaves.iter().filter(|(_, kind, _)| *kind == ParameterKind::Recipient).peekable();
        let names_anybody = recipients.peek().is_some();
        let goes_home = names_anybody && recipients.all(|(name, _, text)| constant(name, text));
        let asks = match role.tainted_payload {
            TaintedPayload::Ask => !goes_home,
            TaintedPayload::People => names_anybody && !goes_home,
            TaintedPayload::Allow | TaintedPayload::Deny => false,
        };
        if has_foreign_payload && asks {
            return (Answer::Ask, 7);
        }
        if !is_moved {
            return (granted, 4);
        }
        if !role.undoable && !allows_irreversible {
            return (Answer::Ask, 8);
        }
        (granted, 8)
    }
}

const OPENING: &str = "([{<\"'`*#@$“‘„«‹¿¡€£¥";
const CLOSING: &str = ")]}>\"'`*.,;:!?”’»›…€£¥";

fn strip_opening(word: &str) -> &str {
    word.trim_start_matches(|character| OPENING.contains(character))
}

/// Every rest of a word when signs behind it are taken away, one after the other.
fn without_closing(word: &str) -> Vec<&str> {
    let mut all = vec![word];
    let mut rest = word;
    loop {
        let shorter = rest.strip_suffix("'s").or_else(|| rest.strip_suffix("’s"));
        let last = rest.chars().next_back();
        let sign = last.filter(|character| CLOSING.contains(*character));
        rest = match (shorter, sign) {
            (Some(shorter), _) => shorter,
            (None, Some(sign)) => &rest[..rest.len() - sign.len_utf8()],
            (None, None) => return all,
        };
        all.push(rest);
    }
}

fn without_opening(word: &str) -> Vec<&str> {
    let mut all = vec![word];
    let mut rest = word;
    while let Some(sign) = rest.chars().next().filter(|sign| OPENING.contains(*sign)) {
        rest = &rest[sign.len_utf8()..];
        all.push(rest);
    }
    all
}

/// Whether a value stands in one of the texts, or its host if it is a URL of nothing more.
fn names(texts: &[&str], value: &str) -> bool {
    let host = value.strip_prefix("https://").map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    let host = host.filter(|host| !host.contains(['/', '?']));
    texts.iter().any(|text| stands(text, value) || host.is_some_and(|host| stands(text, host)))
}

/// Whether a value stands in a text: as a phrase, a number, or an amount of money.
fn stands(text: &str, value: &str) -> bool {
    if value.contains('\u{200b}') || value.contains('\u{212a}') {
        return false;
    }
    let is_number =
        !value.is_empty() && value.chars().all(|one| one.is_ascii_digit() || one == '.');
    if is_number && amount(text, value) {
        return true;
    }
    value.chars().count() >= 4
        && value.chars().any(|one| one.is_alphanumeric())
        && (phrase(text, &value.to_lowercase())
            || (is_number && numbers(text).contains(&value.into())))
}

fn phrase(text: &str, value: &str) -> bool {
    // The Kelvin sign has no case here: its lower case does not lead back to it.
    let lower = text.replace('\u{212a}', "\u{e000}").to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    let wanted: Vec<&str> = value.split(' ').collect();
    words.windows(wanted.len()).any(|window| match (window, &wanted[..]) {
        ([one], [value]) => {
            without_opening(one).iter().any(|rest| without_closing(rest).contains(value))
        }
        ([first, middle @ .., last], [wanted_first, wanted_middle @ .., wanted_last]) => {
            without_opening(first).contains(wanted_first)
                && middle == wanted_middle
                && without_closing(last).contains(wanted_last)
        }
        _ => false,
    })
}

/// The numbers of a text, without commas and zeros at the end.
fn numbers(text: &str) -> Vec<String> {
    text.split_whitespace().filter_map(|word| number(core(word))).collect()
}

fn core(word: &str) -> &str {
    let rest = strip_opening(word);
    without_closing(rest).last().filter(|core| !core.is_empty()).copied().unwrap_or(word)
}

/// The numbers that the generator writes, in their one form.
fn number(word: &str) -> Option<String> {
    match word {
        "12.50" | "12.5" => Some("12.5".into()),
        "3,000.00" | "3000" => Some("3000".into()),
        "50" | "7" => Some(word.into()),
        _ => None,
    }
}

fn amount(text: &str, value: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let Some(value) = number(value) else { return false };
    words.iter().enumerate().any(|(index, word)| {
        let next = words.get(index + 1).is_some_and(|next| {
            let next = core(next);
            next == "euros" || next == "€"
        });
        number(core(word)) == Some(value.clone()) && (word.contains('€') || next)
    })
}

#[test]
fn the_oracle_agrees() {
    let mut answers = [0_usize; 9];
    for seed in 0..world::cases() {
        let mut random = Random::new(seed);
        let steps = world::steps(&mut random);
        let mut role = world::role(&mut random);
        let (text, given) = world::arguments_and_values(&mut random);
        // Who is a constant is asked about by nothing but who may read what goes there.
        if random.one_in(2) {
            for (name, value) in &given {
                let known = role.parameters.iter_mut().find(|known| *known.name == **name);
                if let (Some(known), false) = (known, random.one_in(3)) {
                    *known = known.clone().constant(value);
                }
            }
        }
        let document = json::parse(text.as_bytes()).unwrap();
        let handle = Handle { index: 0, generation: 0 };
        let verdict = match random.below(12) {
            0 => Verdict::Uncovered,
            1 => Verdict::Denied { handle },
            2 => Verdict::Covered { handle, level: Level::Ask },
            _ => Verdict::Covered { handle, level: Level::Allow },
        };
        let mode = if random.one_in(8) { Mode::Strict } else { Mode::Grounded };
        let flow = Flow { mode, ..Flow::default() };
        let tool = random.pick(TOOLS);
        let allows_irreversible = random.one_in(2);
        let now = random.below(3) as u64;
        let context = world::play(&steps);
        let arguments = document.root();
        let call = Call { tool, role: &role, arguments, verdict, allows_irreversible };
        let decision = decide(&flow, &call, &context, Timestamp(now));
        let oracle = Oracle::new(&steps, now);
        let expected = oracle.decide(mode, &role, tool, &given, verdict, allows_irreversible);
        assert_eq!(
            (decision.answer, decision.rule.number()),
            expected,
            "seed {seed}: {steps:#?}\n{role:#?}\n{tool} {text}, {decision:?}"
        );
        answers[usize::from(decision.rule.number())] += 1;
    }
    assert!(answers[1..].iter().all(|count| *count > 0), "every rule decides: {answers:?}");
    println!("cases by rule: {:?}", &answers[1..]);
}

//! From the text of a manifest to its values.
//!
//! # Invariants
//! - Every problem is reported, not only the first, and each with its place.
//! - A key that is not known is an error: a misspelt `never` must not pass for none.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

mod server;

use super::manifest::{Bounds, Capabilities, Kind, Manifest, Parameter, Runtime, Tool};
use super::{Reading, needs};
use crate::capability::{Grant, Level};
use crate::config::{Reporter, article, quoted};
use crate::label::{Effect, Secrecy};
use crate::limits::{
    SKILL_CALL_SECONDS, SKILL_CALL_SECONDS_MAX, SKILL_DESCRIPTION_BYTES_MAX, SKILL_FILE_BYTES_MAX,
    SKILL_FUEL_MILLIONS, SKILL_FUEL_MILLIONS_MAX, SKILL_GRANTS_COUNT_MAX, SKILL_LIST_COUNT_MAX,
    SKILL_MEMORY_MIB, SKILL_MEMORY_MIB_MAX, SKILL_NAME_BYTES_MAX, SKILL_OUTPUT_BYTES,
    SKILL_OUTPUT_BYTES_MAX, SKILL_PARAMETER_NAME_BYTES_MAX, SKILL_PARAMETERS_COUNT_MAX,
    SKILL_PATH_BYTES_MAX, SKILL_TEXT_BYTES_MAX, SKILL_TOOLS_COUNT_MAX, SKILL_VERSION_BYTES_MAX,
    SKILL_WORDS_COUNT_MAX,
};
use crate::text::toml::{Document, Limits, Table, Value};
use crate::text::{Span, suggest};

pub(super) fn manifest(file: &str, text: &str) -> Reading<Manifest> {
    let mut reporter = Reporter::new(file, text);
    let limits = Limits { bytes_max: SKILL_FILE_BYTES_MAX, ..Limits::default() };
    let value = match Document::parse_str_with(text, limits) {
        Ok(document) => {
            reporter.parsed();
            Reader { reporter: &mut reporter }.manifest(document.table())
        }
        Err(error) => {
            let (position, shown) = (error.position(), error.to_string());
            let message = shown.strip_prefix(&format!("{position}: ")).unwrap_or(&shown);
            reporter.error(Some(Span::new(position.offset, position.offset + 1)), message);
            None
        }
    };
    let value = value.filter(|_| reporter.errors_count() == 0);
    Reading { value, diagnostics: reporter.into_list() }
}

struct Reader<'r, 't> {
    reporter: &'r mut Reporter<'t>,
}

/// A table, and where it begins.
#[derive(Clone, Copy)]
struct Part<'d> {
    table: Option<&'d Table<'d>>,
    span: Span,
}

impl<'d> Part<'d> {
    fn get(self, name: &str) -> Option<&'d Value<'d>> {
        self.table.and_then(|table| table.get(name))
    }

    fn entries(self) -> impl Iterator<Item = (&'d str, Span, &'d Value<'d>)> {
        let entries = self.table.into_iter().flat_map(|table| table.iter());
        entries.map(|(key, value)| (key.as_str(), key.span(), value))
    }
}

impl Reader<'_, '_> {
    /// What is missing stands for something until the end: then there is an error, and no manifest.
    fn manifest<'d>(&mut self, root: &'d Table<'d>) -> Option<Manifest> {
        let start = Part { table: Some(root), span: Span::new(0, 1) };
        let skill = self.part(start, "skill")?;
        let runtime = self.word(skill, "runtime", RUNTIMES);
        let is_server = runtime == Runtime::Mcp;
        let mut sections = Vec::from(["skill", "tools", "capabilities", "limits"]);
        let mut keys = Vec::from(["name", "version", "description", "runtime", "kept"]);
        match is_server {
            true => sections.push("server"),
            false => keys.push("entry"),
        }
        self.known(start, &sections, "section");
        self.known(skill, &keys, "key");
        let (entry, server) = match is_server {
            true => self.server(start)?,
            false => (self.entry(skill), None),
        };
        let capabilities = match root.get("capabilities") {
            Some(_) => self.capabilities(start),
            None => Capabilities::default(),
        };
        if is_server {
            self.reaches_itself(start, &capabilities.required);
        }
        let manifest = Manifest {
            name: self.name(skill, "name"),
            version: self.text(skill, "version", SKILL_VERSION_BYTES_MAX),
            description: self.text(skill, "description", SKILL_DESCRIPTION_BYTES_MAX),
            entry,
            runtime,
            is_kept: skill.get("kept").is_none() || self.flag(skill, "kept"),
            tools: if is_server { Vec::new() } else { self.tools(start) },
            server,
            capabilities,
            bounds: self.bounds(start, runtime),
        };
        Some(manifest)
    }

    fn tools(&mut self, root: Part<'_>) -> Vec<Tool> {
        let Some(part) = self.part(root, "tools") else { return Vec::new() };
        let count = part.entries().count();
        if count == 0 {
            self.reporter.error(Some(part.span), "there is no tool; write [tools.NAME]");
        }
        if count > SKILL_TOOLS_COUNT_MAX {
            let message = format!("there are more than {SKILL_TOOLS_COUNT_MAX} tools");
            self.reporter.error(Some(part.span), message);
            return Vec::new();
        }
        let mut tools: Vec<Tool> = Vec::new();
        for (name, span, value) in part.entries() {
            self.check_name(name, span, SKILL_NAME_BYTES_MAX);
            let names = tools.iter().map(|tool| tool.name.as_str()).chain([name]);
            if needs::clashes(names).is_some() {
                let message = format!("{} reads like another tool", quoted(name));
                self.reporter.error(Some(span), message);
            }
            let Some(table) = value.as_table() else {
                self.wrong_type(span, name, "a section", value);
                continue;
            };
            let part = Part { table: Some(table), span };
            let keys = ["description", "effect", "idempotent", "output", "parameters"];
            self.known(part, &keys, "key");
            let tool = Tool {
                name: name.into(),
                description: self.text(part, "description", SKILL_DESCRIPTION_BYTES_MAX),
                effect: self.word(part, "effect", EFFECTS),
                is_idempotent: self.flag(part, "idempotent"),
                secrecy: match part.get("output") {
                    Some(_) => self.word(part, "output", SECRECIES),
                    None => Secrecy::Private,
                },
                parameters: self.parameters(part),
            };
            tools.push(tool);
        }
        tools
    }

    fn parameters(&mut self, tool: Part<'_>) -> Vec<Parameter> {
        if tool.get("parameters").is_none() {
            return Vec::new();
        }
        let Some(part) = self.part(tool, "parameters") else { return Vec::new() };
        if part.entries().count() > SKILL_PARAMETERS_COUNT_MAX {
            let message = format!("there are more than {SKILL_PARAMETERS_COUNT_MAX} parameters");
            self.reporter.error(Some(part.span), message);
            return Vec::new();
        }
        let mut parameters = Vec::new();
        for (name, span, value) in part.entries() {
            let is_of = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            let is_name = name.bytes().all(is_of) && !name.is_empty();
            if !is_name || name.len() > SKILL_PARAMETER_NAME_BYTES_MAX {
                let message = format!("{} is no name for a parameter", quoted(name));
                self.reporter.error_with(Some(span), message, "letters, digits and '_'");
            }
            let Some(table) = value.as_table() else {
                self.wrong_type(span, name, "a section", value);
                continue;
            };
            let part = Part { table: Some(table), span };
            let word = self.word(part, "type", TYPES);
            let own = ["type", "description", "optional", "payload"];
            let keys: Vec<&str> = own.into_iter().chain(word.keys().iter().copied()).collect();
            self.known(part, &keys, "key");
            let parameter = Parameter {
                name: name.into(),
                description: self.text(part, "description", SKILL_DESCRIPTION_BYTES_MAX),
                kind: self.kind(part, word),
                is_optional: self.flag(part, "optional"),
                is_payload: self.flag(part, "payload"),
            };
            parameters.push(parameter);
        }
        parameters
    }

    fn kind(&mut self, part: Part<'_>, word: Type) -> Kind {
        match word {
            Type::Flag => Kind::Flag,
            Type::Handle => Kind::Handle,
            Type::Text => {
                let bytes_max = self.integer(part, "bytes", None, 1, SKILL_TEXT_BYTES_MAX);
                Kind::Text { bytes_max }
            }
            Type::Integer => {
                let min = self.integer(part, "min", Some(i64::MIN), i64::MIN, i64::MAX);
                let max = self.integer(part, "max", Some(i64::MAX), min, i64::MAX);
                Kind::Integer { min, max }
            }
            Type::Choice => Kind::Choice(self.words(part)),
            Type::List => {
                let element = self.word(part, "of", TYPES);
                let of = if element == Type::List {
                    let span = part.get("of").map(|value| value.span());
                    self.reporter.error(span, "a list of lists is no parameter");
                    Kind::Flag
                } else {
                    self.kind(part, element)
                };
                let count_max = self.integer(part, "count", None, 1, SKILL_LIST_COUNT_MAX);
                Kind::List { of: Box::new(of), count_max }
            }
        }
    }

    fn words(&mut self, part: Part<'_>) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let Some(value) = self.needed(part, "words") else { return words };
        let list = value.as_array().unwrap_or_default();
        if list.is_empty() || list.len() > SKILL_WORDS_COUNT_MAX {
            let message = format!("'words' is a list of 1 to {SKILL_WORDS_COUNT_MAX} texts");
            self.reporter.error(Some(value.span()), message);
            return words;
        }
        for element in list {
            let word = element.as_str().unwrap_or_default();
            let is_plain = !word.is_empty() && !word.contains(char::is_control);
            if !is_plain || word.len() > SKILL_PARAMETER_NAME_BYTES_MAX {
                let message = "a word is a text of 1 to 64 bytes in one line";
                self.reporter.error(Some(element.span()), message);
            } else if words.iter().any(|other| other == word) {
                self.reporter.error(Some(element.span()), "this word stands twice");
            } else {
                words.push(word.into());
            }
        }
        words
    }

    fn capabilities(&mut self, root: Part<'_>) -> Capabilities {
        let Some(part) = self.part(root, "capabilities") else { return Capabilities::default() };
        self.known(part, &["required", "optional", "never"], "section");
        let never = self.grants(part, "never", &[]);
        Capabilities {
            required: self.grants(part, "required", &never),
            optional: self.grants(part, "optional", &never),
            never,
        }
    }

    fn grants(&mut self, part: Part<'_>, name: &str, never: &[Grant]) -> Vec<Grant> {
        let mut grants: Vec<Grant> = Vec::new();
        if part.get(name).is_none() {
            return grants;
        }
        let Some(part) = self.part(part, name) else { return grants };
        self.known(part, &["grants"], "key");
        let Some(value) = self.needed(part, "grants") else { return grants };
        let Some(list) = value.as_array() else {
            self.wrong_type(value.span(), "grants", "a list of texts", value);
            return grants;
        };
        if list.len() > SKILL_GRANTS_COUNT_MAX {
            let message = format!("there are more than {SKILL_GRANTS_COUNT_MAX} grants");
            self.reporter.error(Some(value.span()), message);
            return grants;
        }
        for element in list {
            match self.grant(element, never) {
                Ok(grant) if grants.contains(&grant) => {
                    self.reporter.error(Some(element.span()), "this grant stands twice");
                }
                Ok(grant) => grants.push(grant),
                Err(message) => self.reporter.error(Some(element.span()), message),
            }
        }
        grants
    }

    fn grant(&mut self, element: &Value<'_>, never: &[Grant]) -> Result<Grant, String> {
        let text = element.as_str().ok_or("a grant is a text, such as \"connect example.com\"")?;
        let grant: Grant = text.parse().map_err(|error| format!("no grant: {error}"))?;
        if grant != Grant::new(grant.resource.clone(), Level::Allow) {
            return Err("a manifest says what, and not how: leave the rest to the operator".into());
        }
        let forbids = |other: &&Grant| grant.resource.is_within(&other.resource);
        match never.iter().find(forbids) {
            Some(other) => Err(format!("it shall never have this: '{other}'")),
            None => Ok(grant),
        }
    }

    fn bounds(&mut self, root: Part<'_>, runtime: Runtime) -> Bounds {
        let part = match root.get("limits") {
            Some(_) => self.part(root, "limits"),
            None => None,
        };
        let part = part.unwrap_or(Part { table: None, span: root.span });
        self.known(part, &["call_seconds", "memory_mib", "output_bytes", "fuel_millions"], "key");
        let seconds = SKILL_CALL_SECONDS_MAX;
        let seconds = self.integer(part, "call_seconds", Some(SKILL_CALL_SECONDS), 1, seconds);
        let most = SKILL_MEMORY_MIB_MAX;
        let mebibytes = self.integer(part, "memory_mib", Some(SKILL_MEMORY_MIB), 1, most);
        let most = SKILL_OUTPUT_BYTES_MAX;
        let output = self.integer(part, "output_bytes", Some(SKILL_OUTPUT_BYTES), 1, most);
        let most = SKILL_FUEL_MILLIONS_MAX;
        let millions = self.integer(part, "fuel_millions", Some(SKILL_FUEL_MILLIONS), 1, most);
        if let Some(value) = part.get("fuel_millions").filter(|_| runtime != Runtime::Wasm) {
            let message = "'fuel_millions' is for modules, and this is a program";
            self.reporter.error_with(Some(value.span()), message, "leave it out");
        }
        Bounds {
            time: Duration::from_secs(seconds.unsigned_abs()),
            memory_bytes: mebibytes.unsigned_abs() << 20,
            output_bytes: usize::try_from(output).unwrap_or_default(),
            fuel: millions.unsigned_abs().saturating_mul(1_000_000),
        }
    }

    /// A section that has to be there.
    fn part<'d>(&mut self, of: Part<'d>, name: &str) -> Option<Part<'d>> {
        let entry = of.table.and_then(|table| table.entry(name));
        let Some((key, value)) = entry else {
            self.reporter.error(Some(of.span), format!("the section [{name}] is missing"));
            return None;
        };
        let table = value.as_table();
        if table.is_none() {
            self.wrong_type(value.span(), name, "a section", value);
        }
        table.map(|table| Part { table: Some(table), span: key.span() })
    }

    fn known(&mut self, part: Part<'_>, keys: &[&str], what: &str) {
        for (name, span, _) in part.entries() {
            if keys.contains(&name) {
                continue;
            }
            let message = format!("unknown {what} {}", quoted(name));
            match suggest::nearest(name, keys.iter().copied()) {
                Some(meant) => {
                    self.reporter.error(Some(span), format!("{message}; did you mean '{meant}'?"));
                }
                None => {
                    let help = format!("known here are {}", keys.join(", "));
                    self.reporter.error_with(Some(span), message, help);
                }
            }
        }
    }

    fn needed<'d>(&mut self, part: Part<'d>, name: &str) -> Option<&'d Value<'d>> {
        let value = part.get(name);
        if value.is_none() {
            self.reporter.error(Some(part.span), format!("'{name}' is missing"));
        }
        value
    }

    fn name(&mut self, part: Part<'_>, key: &str) -> String {
        let Some(value) = self.needed(part, key) else { return String::new() };
        match value.as_str() {
            Some(name) => self.check_name(name, value.span(), SKILL_NAME_BYTES_MAX),
            None => self.wrong_type(value.span(), key, "a text", value),
        }
        value.as_str().unwrap_or_default().into()
    }

    fn check_name(&mut self, name: &str, span: Span, bytes_max: usize) {
        if needs::is_name(name) && name.len() <= bytes_max {
            return;
        }
        let help = format!("1 to {bytes_max} small letters, digits, '-' and '_', a letter first");
        self.reporter.error_with(Some(span), format!("{} is no name", quoted(name)), help);
    }

    fn text(&mut self, part: Part<'_>, name: &str, bytes_max: usize) -> String {
        let Some(value) = self.needed(part, name) else { return String::new() };
        let Some(text) = value.as_str() else {
            self.wrong_type(value.span(), name, "a text", value);
            return String::new();
        };
        if text.trim().is_empty() || text.len() > bytes_max {
            let message = format!("'{name}' has 1 to {bytes_max} bytes");
            self.reporter.error(Some(value.span()), message);
        } else if text.contains(char::is_control) {
            self.reporter.error(Some(value.span()), format!("'{name}' is one line"));
        }
        text.into()
    }

    fn entry(&mut self, part: Part<'_>) -> String {
        let entry = self.text(part, "entry", SKILL_PATH_BYTES_MAX);
        if let Some(value) = part.get("entry")
            && !entry.is_empty()
            && !needs::is_path(&entry)
        {
            let help = "a path within the folder, such as \"run.py\" or \"bin/run\"";
            self.reporter.error_with(Some(value.span()), "this leads elsewhere", help);
        }
        entry
    }

    fn word<T: Copy>(&mut self, part: Part<'_>, name: &str, words: &[(&str, T)]) -> T {
        // The tables of words are written below, and none is empty.
        let fallback = words[0].1;
        let Some(value) = self.needed(part, name) else { return fallback };
        let Some(word) = value.as_str() else {
            self.wrong_type(value.span(), name, "a text", value);
            return fallback;
        };
        if let Some((_, meant)) = words.iter().find(|(known, _)| *known == word) {
            return *meant;
        }
        let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
        let mut message = format!("unknown word {}", quoted(word));
        if let Some(meant) = suggest::nearest(word, known.iter().copied()) {
            message += &format!("; did you mean '{meant}'?");
        }
        let help = format!("one of {}", known.join(", "));
        self.reporter.error_with(Some(value.span()), message, help);
        fallback
    }

    fn flag(&mut self, part: Part<'_>, name: &str) -> bool {
        let Some(value) = part.get(name) else { return false };
        if value.as_bool().is_none() {
            self.wrong_type(value.span(), name, "true or false", value);
        }
        value.as_bool().unwrap_or_default()
    }

    fn integer(
        &mut self,
        part: Part<'_>,
        name: &str,
        default: Option<i64>,
        min: i64,
        max: i64,
    ) -> i64 {
        let value = match (part.get(name), default) {
            (None, Some(default)) => return default,
            (None, None) => self.needed(part, name),
            (value, _) => value,
        };
        let Some(value) = value else { return min };
        match value.as_i64() {
            Some(number) if (min..=max).contains(&number) => return number,
            Some(number) => {
                let message = format!("'{name}' is {number}; it must be from {min} to {max}");
                self.reporter.error(Some(value.span()), message);
            }
            None => self.wrong_type(value.span(), name, "a whole number", value),
        }
        min
    }

    fn wrong_type(&mut self, span: Span, name: &str, wanted: &str, value: &Value<'_>) {
        let message = format!("{} is {wanted}, not {}", quoted(name), article(value.type_name()));
        self.reporter.error(Some(span), message);
    }
}

/// What `type` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Text,
    Integer,
    Flag,
    Choice,
    List,
    Handle,
}

impl Type {
    /// The keys that only it has.
    const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Text => &["bytes"],
            Self::Integer => &["min", "max"],
            Self::Flag | Self::Handle => &[],
            Self::Choice => &["words"],
            // And those of its elements, whichever they are.
            Self::List => &["of", "count", "bytes", "min", "max", "words"],
        }
    }
}

const TYPES: &[(&str, Type)] = &[
    ("text", Type::Text),
    ("integer", Type::Integer),
    ("flag", Type::Flag),
    ("choice", Type::Choice),
    ("list", Type::List),
    ("handle", Type::Handle),
];

const RUNTIMES: &[(&str, Runtime)] =
    &[("process", Runtime::Process), ("wasm", Runtime::Wasm), ("mcp", Runtime::Mcp)];

const EFFECTS: &[(&str, Effect)] = &[
    ("read", Effect::Read),
    ("workspace", Effect::Workspace),
    ("change", Effect::Change),
    ("send", Effect::Send),
];

const SECRECIES: &[(&str, Secrecy)] = &[("private", Secrecy::Private), ("public", Secrecy::Public)];

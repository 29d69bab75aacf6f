//! What a call of a built-in tool means.
//!
//! Arguments become an [`Operation`] once; everything after (authority, approval, the deed itself)
//! works on that value and never on the text again. So what was judged is what is done.
//!
//! # Invariants
//! - Two spellings of one call give equal operations and the same canonical bytes: key order, white
//!   space, escapes, defaults written out or left out, the spelling of a URL.
//! - The canonical form holds every part of the operation, defaults included.
//!
//! # Not here
//! What a path means: it stays text until a grant resolves it. Whether the call may be made.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use super::arguments::{self, Arguments};
use super::builtin::{self, Builtin};
use super::error::{ArgumentError, ArgumentProblem, Place};
use super::parameter::Parameter;
use crate::capability::Destination;
use crate::label::{Extraction, Reference, Sought};
use crate::limits::{TOOL_ARGV_BYTES_MAX, TOOL_TIMEOUT_SECONDS_DEFAULT};
use crate::order;
use crate::text::json::{self, ObjectWriter, Sink};
use crate::wire::http::{HeaderValue, Method};
use crate::wire::url::Url;

/// A call that was understood.
///
/// ```
/// use sentinel_core::tool::{Builtin, Operation};
///
/// let call = Builtin::ReadFile.parse(r#"{ "path": "notes.txt" }"#)?;
/// assert_eq!(call, Operation::ReadFile { path: "notes.txt".into(), offset: 1, limit: None });
///
/// let error = Builtin::ReadFile.parse(r#"{"file_path": "notes.txt"}"#).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "read_file: there is no parameter 'file_path'; did you mean 'path'?"
/// );
/// # Ok::<(), sentinel_core::tool::ArgumentError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Read a text file.
    ReadFile {
        /// The file.
        path: String,
        /// The first line, counted from 1.
        offset: u64,
        /// How many lines, or as many as fit.
        limit: Option<u64>,
    },
    /// Write a whole text file.
    WriteFile {
        /// The file.
        path: String,
        /// Everything that is to be in it.
        content: String,
    },
    /// Replace a piece of text in a file.
    EditFile {
        /// The file.
        path: String,
        /// The piece, never empty.
        old: String,
        /// What comes in its place.
        new: String,
        /// Everywhere, or in the one place where it stands.
        all: bool,
    },
    /// List a directory.
    ListDirectory {
        /// The directory.
        path: String,
    },
    /// Search beneath a directory. At least one of text and glob is there.
    SearchFiles {
        /// Where.
        directory: String,
        /// The text to find in files.
        text: Option<String>,
        /// The pattern that paths must match.
        glob: Option<String>,
    },
    /// Run a program.
    RunCommand {
        /// The program.
        program: String,
        /// Its arguments, without its name.
        arguments: Vec<String>,
        /// Where it runs.
        directory: String,
        /// What it is let out to, sorted, each once; without any it has no network.
        hosts: Vec<Destination>,
        /// After how long it is stopped.
        timeout: Duration,
    },
    /// Send an HTTP request.
    HttpFetch {
        /// Where to.
        url: Url,
        /// The method.
        method: Method,
        /// Header fields, names in lower case and sorted.
        headers: Vec<(String, String)>,
        /// The body.
        body: Option<String>,
    },
    /// Tell the time.
    CurrentTime,
    /// Write the persona anew.
    ChangePersona {
        /// Everything that it is to say.
        text: String,
    },
    /// Declare which tools this turn will use.
    Plan {
        /// Their names, sorted, each once.
        tools: Vec<String>,
        /// What for.
        why: String,
    },
    /// Take one typed value out of a content.
    ExtractValue {
        /// The name of the content.
        from: Reference,
        /// Which value, and where it stands.
        wanted: Extraction,
    },
}

impl Builtin {
    /// Reads the arguments of a call, as the model wrote them.
    ///
    /// # Errors
    /// What is wrong with them, in words that help the model to mend its call.
    pub fn parse(self, arguments: &str) -> Result<Operation, ArgumentError> {
        let document = arguments::parse(self.name(), arguments)?;
        let arguments = Arguments::new(self.name(), self.parameters(), document.root())?;
        match self {
            Self::ReadFile => Ok(Operation::ReadFile {
                path: path(&arguments, &builtin::FILE)?,
                offset: arguments.integer(&builtin::OFFSET)?.unwrap_or(1),
                limit: arguments.integer(&builtin::LIMIT)?,
            }),
            Self::WriteFile => Ok(Operation::WriteFile {
                path: path(&arguments, &builtin::FILE)?,
                content: arguments.text(&builtin::CONTENT)?.to_string(),
            }),
            Self::EditFile => edit_file(&arguments),
            Self::ListDirectory => {
                Ok(Operation::ListDirectory { path: directory(&arguments, &builtin::LISTED)? })
            }
            Self::SearchFiles => search_files(&arguments),
            Self::RunCommand => run_command(&arguments),
            Self::HttpFetch => http_fetch(&arguments),
            Self::CurrentTime => Ok(Operation::CurrentTime),
            Self::ChangePersona => Ok(Operation::ChangePersona {
                text: arguments.text(&builtin::PERSONA)?.to_string(),
            }),
            Self::Plan => plan(&arguments),
            Self::ExtractValue => extract_value(&arguments),
        }
    }
}

impl Operation {
    /// The tool that does it.
    #[must_use]
    pub const fn tool(&self) -> Builtin {
        match self {
            Self::ReadFile { .. } => Builtin::ReadFile,
            Self::WriteFile { .. } => Builtin::WriteFile,
            Self::EditFile { .. } => Builtin::EditFile,
            Self::ListDirectory { .. } => Builtin::ListDirectory,
            Self::SearchFiles { .. } => Builtin::SearchFiles,
            Self::RunCommand { .. } => Builtin::RunCommand,
            Self::HttpFetch { .. } => Builtin::HttpFetch,
            Self::CurrentTime => Builtin::CurrentTime,
            Self::ChangePersona { .. } => Builtin::ChangePersona,
            Self::Plan { .. } => Builtin::Plan,
            Self::ExtractValue { .. } => Builtin::ExtractValue,
        }
    }

    /// Whether doing it twice is doing it once, so that it may be done again when a crash left it
    /// unknown whether it was done.
    ///
    /// A file written whole has the same content after the second time; a replacement in it may
    /// find its own result again, and a program or a request that changes something is not ours to
    /// judge. RFC 9110 §9.2.2 calls PUT and DELETE idempotent, but between two of them somebody
    /// else may have acted; only the safe methods of §9.2.1 are repeated.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        match self {
            Self::ReadFile { .. }
            | Self::WriteFile { .. }
            | Self::ListDirectory { .. }
            | Self::SearchFiles { .. }
            | Self::CurrentTime
            | Self::ChangePersona { .. }
            | Self::Plan { .. }
            | Self::ExtractValue { .. } => true,
            Self::EditFile { .. } | Self::RunCommand { .. } => false,
            Self::HttpFetch { method, .. } => matches!(method.as_str(), "GET" | "HEAD"),
        }
    }

    /// Writes the canonical form: `{"arguments":{…},"tool":"…"}` by RFC 8785. Approvals are bound
    /// to its hash, and two equal ones in a row are a loop.
    pub fn canonical(&self, out: &mut impl Sink) {
        json::write_object(out, |call| {
            // Keys are written in their sorted order here and below.
            call.object("arguments", |arguments| self.write_arguments(arguments));
            call.field("tool", self.tool().name());
        });
    }

    fn write_arguments<S: Sink>(&self, out: &mut ObjectWriter<'_, S>) {
        match self {
            Self::ReadFile { path, offset, limit } => {
                out.field("limit", *limit).field("offset", *offset).field("path", path);
            }
            Self::WriteFile { path, content } => {
                out.field("content", content).field("path", path);
            }
            Self::EditFile { path, old, new, all } => {
                out.field("all", *all).field("new", new).field("old", old).field("path", path);
            }
            Self::ListDirectory { path } => {
                out.field("path", path);
            }
            Self::SearchFiles { directory, text, glob } => {
                out.field("directory", directory);
                out.field("glob", glob.as_deref()).field("text", text.as_deref());
            }
            Self::RunCommand { program, arguments, directory, hosts, timeout } => {
                write_texts(out, "arguments", arguments);
                out.field("directory", directory);
                // One without a network is written as it was before there were any.
                if !hosts.is_empty() {
                    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
                    write_texts(out, "hosts", &hosts);
                }
                out.field("program", program);
                out.field("timeout", timeout.as_secs());
            }
            Self::HttpFetch { url, method, headers, body } => {
                out.field("body", body.as_deref()).object("headers", |out| {
                    for (name, value) in headers {
                        out.field(name, value);
                    }
                });
                out.field("method", method.as_str()).field("url", url.as_str());
            }
            Self::CurrentTime => {}
            Self::ChangePersona { text } => {
                out.field("text", text);
            }
            Self::Plan { tools, why } => {
                write_texts(out, "tools", tools);
                out.field("why", why);
            }
            Self::ExtractValue { from, wanted } => {
                let Extraction { sought, pointer, line, after, nth } = wanted;
                out.field("after", after.as_deref()).field("as", sought.word());
                write_texts(out, "choices", sought.choices());
                out.field("from", from.to_string().as_str()).field("line", *line);
                out.field("nth", *nth).field("pointer", pointer.as_deref());
            }
        }
    }
}

fn write_texts<S: Sink>(out: &mut ObjectWriter<'_, S>, key: &str, texts: &[String]) {
    out.array(key, |list| {
        for text in texts {
            list.value(text);
        }
    });
}

fn edit_file(arguments: &Arguments<'_>) -> Result<Operation, ArgumentError> {
    let path = path(arguments, &builtin::FILE)?;
    let old = arguments.text(&builtin::OLD)?;
    let new = arguments.text(&builtin::NEW)?;
    let all = arguments.flag(&builtin::ALL)?;
    if old == new {
        let why = "it is the same as 'old'; nothing would change";
        return Err(arguments.unusable(Place::Parameter(builtin::NEW.name), why));
    }
    Ok(Operation::EditFile { path, old: old.to_string(), new: new.to_string(), all })
}

fn search_files(arguments: &Arguments<'_>) -> Result<Operation, ArgumentError> {
    let directory = directory(arguments, &builtin::SEARCHED)?;
    let text = arguments.optional_text(&builtin::TEXT)?.map(ToString::to_string);
    let glob = arguments.optional_text(&builtin::GLOB)?.map(ToString::to_string);
    if text.is_none() && glob.is_none() {
        let (name, expected) = (builtin::TEXT.name, "a string, unless 'glob' is given");
        return Err(arguments.error(ArgumentProblem::Missing { name, expected }));
    }
    Ok(Operation::SearchFiles { directory, text, glob })
}

fn run_command(call: &Arguments<'_>) -> Result<Operation, ArgumentError> {
    let program = path(call, &builtin::PROGRAM)?;
    let arguments = call.texts(&builtin::ARGUMENTS)?;
    for (index, argument) in arguments.iter().enumerate() {
        if argument.contains('\0') {
            let place = Place::Element(builtin::ARGUMENTS.name, index);
            return Err(call.unusable(place, NUL));
        }
    }
    let bytes = arguments.iter().map(|argument| argument.len() + 1).sum();
    if bytes > TOOL_ARGV_BYTES_MAX {
        return Err(call.error(ArgumentProblem::TooLong {
            place: Place::Parameter(builtin::ARGUMENTS.name),
            bytes,
            bytes_max: TOOL_ARGV_BYTES_MAX,
        }));
    }
    let directory = directory(call, &builtin::DIRECTORY)?;
    let hosts = hosts(call)?;
    let seconds = call.integer(&builtin::TIMEOUT)?.unwrap_or(TOOL_TIMEOUT_SECONDS_DEFAULT);
    let timeout = Duration::from_secs(seconds);
    Ok(Operation::RunCommand { program, arguments, directory, hosts, timeout })
}

fn hosts(call: &Arguments<'_>) -> Result<Vec<Destination>, ArgumentError> {
    let mut hosts = Vec::new();
    for (index, text) in call.texts(&builtin::HOSTS)?.iter().enumerate() {
        hosts.push(Destination::parse(text).map_err(|_| {
            let place = Place::Element(builtin::HOSTS.name, index);
            call.unusable(place, "it must be a host, or a host and a port, such as example.com:80")
        })?);
    }
    order::sort_by(&mut hosts, Ord::cmp);
    hosts.dedup();
    Ok(hosts)
}

fn http_fetch(arguments: &Arguments<'_>) -> Result<Operation, ArgumentError> {
    let name = builtin::URL.name;
    let url = Url::parse(arguments.text(&builtin::URL)?)
        .map_err(|error| arguments.error(ArgumentProblem::Url { name, error }))?;
    let method = arguments.optional_text(&builtin::METHOD)?.unwrap_or("GET");
    let method = Method::new(method).map_err(|_| {
        let place = Place::Parameter(builtin::METHOD.name);
        arguments.unusable(place, "it is not the name of a method")
    })?;
    let headers = arguments.map(&builtin::HEADERS)?;
    for (header, value) in &headers {
        if HeaderValue::new(value.as_bytes()).is_err() {
            let place = Place::Member(builtin::HEADERS.name, header.clone());
            return Err(arguments.unusable(place, "it must be one line without control characters"));
        }
    }
    let body = arguments.optional_text(&builtin::BODY)?.map(ToString::to_string);
    if body.is_some() && matches!(method.as_str(), "GET" | "HEAD") {
        let why = "GET and HEAD carry no body; leave it out or use another method";
        return Err(arguments.unusable(Place::Parameter(builtin::BODY.name), why));
    }
    Ok(Operation::HttpFetch { url, method, headers, body })
}

fn plan(arguments: &Arguments<'_>) -> Result<Operation, ArgumentError> {
    let mut tools = arguments.texts(&builtin::TOOLS)?;
    order::sort_by(&mut tools, Ord::cmp);
    tools.dedup();
    Ok(Operation::Plan { tools, why: arguments.text(&builtin::WHY)?.to_string() })
}

fn extract_value(arguments: &Arguments<'_>) -> Result<Operation, ArgumentError> {
    let place = |parameter: &Parameter| Place::Parameter(parameter.name);
    let from = Reference::parse(arguments.text(&builtin::FROM)?).filter(Reference::has_mark);
    let from = from.ok_or_else(|| {
        let why = "it must be a reference that a result was given, such as h3-9f3a61c2e04b5d77";
        arguments.unusable(place(&builtin::FROM), why)
    })?;
    let choices = arguments.texts(&builtin::CHOICES)?;
    if let Some(index) = choices.iter().position(|choice| choice.trim().is_empty()) {
        let place = Place::Element(builtin::CHOICES.name, index);
        return Err(arguments.unusable(place, "it must be a word"));
    }
    let sought = Sought::read(arguments.text(&builtin::AS)?, choices).ok_or_else(|| {
        let why = "'choice' needs the words that it may be, and no other kind has any";
        arguments.unusable(place(&builtin::CHOICES), why)
    })?;
    let text = |parameter| Ok(arguments.optional_text(parameter)?.map(ToString::to_string));
    let wanted = Extraction {
        sought,
        pointer: text(&builtin::POINTER)?,
        line: arguments.integer(&builtin::LINE)?,
        after: text(&builtin::AFTER)?,
        nth: arguments.integer(&builtin::NTH)?.unwrap_or(1),
    };
    Ok(Operation::ExtractValue { from, wanted })
}

/// A path or a program's name: any text that can reach an operating system at all.
fn path(arguments: &Arguments<'_>, parameter: &Parameter) -> Result<String, ArgumentError> {
    let text = arguments.text(parameter)?;
    check_path(arguments, parameter, text)
}

/// A directory, by default the workspace.
fn directory(arguments: &Arguments<'_>, parameter: &Parameter) -> Result<String, ArgumentError> {
    let text = arguments.optional_text(parameter)?.unwrap_or(WORKSPACE);
    check_path(arguments, parameter, text)
}

fn check_path(
    arguments: &Arguments<'_>,
    parameter: &Parameter,
    text: &str,
) -> Result<String, ArgumentError> {
    if text.contains('\0') {
        return Err(arguments.unusable(Place::Parameter(parameter.name), NUL));
    }
    Ok(text.to_string())
}

/// The directory that relative paths start from.
pub(super) const WORKSPACE: &str = ".";

const NUL: &str = "it holds a NUL character, which no path and no argument can";

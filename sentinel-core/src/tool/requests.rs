//! What a call needs to be granted.
//!
//! # Invariants
//! - Every path, host and argument that the deed will use stands in a request, as the deed will use
//!   it. A call whose words cannot be put so is an error, never a call that needs less.
//! - Only calls that do nothing outside of the runtime (the clock, a plan) need nothing.
//!
//! # Not here
//! Whether it is granted: [`Table::decide_all`](crate::capability::Table::decide_all). Finding a
//! program: the shell looks it up once, and runs what was judged.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;

use super::call::Call;
use super::operation::Operation;
use crate::capability::{FileRight, HttpRequest, PathError, PathRef, Request};

/// What a call means depends on this.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'s> {
    /// The directory that relative paths start from.
    pub workspace: &'s str,
    /// What the shell found for the program of this call: an absolute path without links. Without
    /// it an absolute path stands for itself, and a mere name is an error.
    pub program: Option<&'s str>,
    /// The skill that brought the tool along, if it is not built in. Its grants are by this name,
    /// and the tool is one of its operations.
    pub skill: Option<&'s str>,
}

impl<'s> Surroundings<'s> {
    /// A workspace; no program was looked up, and the tool is built in.
    #[must_use]
    pub const fn new(workspace: &'s str) -> Self {
        Self { workspace, program: None, skill: None }
    }
}

/// Why a call cannot be judged. The text is meant to be given back to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// A parameter is no path that policy can judge.
    Path {
        /// The parameter.
        parameter: &'static str,
        /// Why.
        error: PathError,
    },
    /// The workspace is no absolute path.
    Workspace(PathError),
    /// The program is a path from some directory, and nobody says which.
    RelativeProgram,
    /// There is no such program.
    UnknownProgram,
    /// Nobody says which skill the tool belongs to.
    UnknownSkill,
}

impl fmt::Display for RequestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path { parameter, error } => write!(formatter, "'{parameter}': {error}"),
            Self::Workspace(error) => write!(formatter, "the workspace: {error}"),
            Self::RelativeProgram => {
                formatter.write_str("'program': give its name, or its path from `/` on")
            }
            Self::UnknownProgram => formatter.write_str(
                "'program': no program is known by this name; give its path from `/` on",
            ),
            Self::UnknownSkill => formatter.write_str("the skill of this tool is not known"),
        }
    }
}

impl core::error::Error for RequestError {}

impl Call {
    /// Calls `then` with what the call needs to be granted, all of it; nothing for the clock, a
    /// plan, and what the conversation has already.
    ///
    /// ```
    /// use sentinel_core::capability::{Holder, Table, Verdict};
    /// use sentinel_core::time::Timestamp;
    /// use sentinel_core::tool::{Builtin, Call, Surroundings};
    ///
    /// let now = Timestamp(0);
    /// let mut table = Table::new();
    /// table.grant("read /srv/work".parse()?, now)?;
    /// let call = Call::Builtin(Builtin::ReadFile.parse(r#"{"path": "a.txt"}"#)?);
    /// let (verdict, handles) = call.with_requests(&Surroundings::new("/srv/work"), |requests| {
    ///     table.decide_all(Holder::AGENT, requests, now)
    /// })?;
    /// assert!(matches!(verdict, Verdict::Covered { .. }));
    /// table.spend_all(&handles, now)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What the call names cannot be judged.
    pub fn with_requests<T>(
        &self,
        surroundings: &Surroundings<'_>,
        then: impl FnOnce(&[Request<'_>]) -> T,
    ) -> Result<T, RequestError> {
        match self {
            Self::Builtin(operation) => operation.with_requests(surroundings, then),
            Self::Foreign(call) => {
                let hosts = self.hosts();
                let name = surroundings.skill.ok_or(RequestError::UnknownSkill)?;
                // What a model knows under both names is one operation of that skill.
                let own = call.tool().strip_prefix(name).and_then(|it| it.strip_prefix(BETWEEN));
                let operation = own.unwrap_or(call.tool());
                let mut requests = Vec::from([Request::Skill { name, operation }]);
                for path in call.files() {
                    let path = resolve(surroundings.workspace, path, "a file")?;
                    requests.push(file(path, FileRight::Read));
                }
                for (path, rights) in call.places() {
                    let rights = FileRight::ALL.into_iter().filter(|right| rights.has(*right));
                    requests.extend(rights.map(|right| tree(path.borrow(), right)));
                }
                requests.extend(hosts.iter().map(Request::Reach));
                Ok(then(&requests))
            }
        }
    }
}

impl Operation {
    fn with_requests<T>(
        &self,
        surroundings: &Surroundings<'_>,
        then: impl FnOnce(&[Request<'_>]) -> T,
    ) -> Result<T, RequestError> {
        let workspace = surroundings.workspace;
        PathRef::absolute(workspace).map_err(RequestError::Workspace)?;
        match self {
            Self::ReadFile { path, .. } => {
                let path = resolve(workspace, path, "path")?;
                Ok(then(&[file(path, FileRight::Read)]))
            }
            Self::WriteFile { path, .. } => {
                let path = resolve(workspace, path, "path")?;
                Ok(then(&[file(path, FileRight::Write)]))
            }
            Self::EditFile { path, .. } => {
                let path = resolve(workspace, path, "path")?;
                Ok(then(&[file(path, FileRight::Read), file(path, FileRight::Write)]))
            }
            Self::ListDirectory { path } => {
                let path = resolve(workspace, path, "path")?;
                Ok(then(&[file(path, FileRight::List)]))
            }
            Self::SearchFiles { directory, .. } => {
                let path = resolve(workspace, directory, "directory")?;
                Ok(then(&[tree(path, FileRight::List), tree(path, FileRight::Read)]))
            }
            Self::RunCommand { program, arguments, directory, hosts, .. } => {
                let directory = resolve(workspace, directory, "directory")?.to_string();
                let program = program_of(program, surroundings)?;
                let arguments: Vec<&str> = arguments.iter().map(|word| &**word).collect();
                let (arguments, directory) = (&*arguments, &*directory);
                let mut requests = Vec::from([Request::Command { program, arguments, directory }]);
                requests.extend(hosts.iter().map(Request::Reach));
                Ok(then(&requests))
            }
            Self::HttpFetch { url, method, .. } => {
                let http = HttpRequest { method: method.as_str(), path: url.path() };
                let (host, port) = (&url.host(), url.port());
                Ok(then(&[Request::Connect { host, port, http: Some(http) }]))
            }
            Self::ChangePersona { .. } => Ok(then(&[Request::Persona])),
            Self::CurrentTime | Self::Plan { .. } | Self::ExtractValue { .. } => Ok(then(&[])),
        }
    }
}

fn resolve<'p>(
    workspace: &'p str,
    path: &'p str,
    parameter: &'static str,
) -> Result<PathRef<'p>, RequestError> {
    PathRef::resolve(workspace, path).map_err(|error| RequestError::Path { parameter, error })
}

fn program_of<'p>(
    program: &'p str,
    surroundings: &Surroundings<'p>,
) -> Result<PathRef<'p>, RequestError> {
    // Relative to the workspace or to the directory it runs in? Two readers could differ.
    if program.contains('/') && !program.starts_with('/') {
        return Err(RequestError::RelativeProgram);
    }
    let found = match surroundings.program {
        Some(found) => found,
        None if program.starts_with('/') => program,
        None => return Err(RequestError::UnknownProgram),
    };
    PathRef::absolute(found).map_err(|error| RequestError::Path { parameter: "program", error })
}

/// What stands between the name of a skill and that of its tool in what a model is told: the
/// dialects of models take no `.`.
pub const BETWEEN: &str = "__";

const fn file(path: PathRef<'_>, right: FileRight) -> Request<'_> {
    Request::File { path, right, is_tree: false }
}

const fn tree(path: PathRef<'_>, right: FileRight) -> Request<'_> {
    Request::File { path, right, is_tree: true }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::*;
    use crate::llm::{ToolDefinition, ToolUse};
    use crate::tool::{Builtin, Tools};

    const SURROUNDINGS: Surroundings<'static> =
        Surroundings { workspace: "/w", program: Some("/usr/bin/git"), skill: None };

    fn needs(
        tool: Builtin,
        arguments: &str,
        around: Surroundings<'_>,
    ) -> Result<String, RequestError> {
        let call = Call::Builtin(tool.parse(arguments).unwrap());
        call.with_requests(&around, |requests| {
            let shown = requests.iter().map(show).collect::<Vec<_>>();
            shown.join("; ")
        })
    }

    fn show(request: &Request<'_>) -> String {
        match request {
            Request::File { path, right, is_tree } => {
                format!("{} {path}{}", right.word(), if *is_tree { "/**" } else { "" })
            }
            Request::Command { program, arguments, directory } => {
                format!("{program} {arguments:?} in {directory}")
            }
            Request::Connect { host, port, http } => {
                let HttpRequest { method, path } = http.unwrap();
                format!("{method} {host}:{port} {path}")
            }
            Request::Reach(place) => format!("reach {place}"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn every_tool_needs_what_it_uses() {
        for (tool, arguments, needed) in [
            (Builtin::ReadFile, r#"{"path":"a/./b.txt"}"#, "read /w/a/b.txt"),
            (Builtin::ReadFile, r#"{"path":"/etc/passwd"}"#, "read /etc/passwd"),
            (Builtin::WriteFile, r#"{"path":"a","content":""}"#, "write /w/a"),
            (Builtin::EditFile, r#"{"path":"a","old":"x","new":"y"}"#, "read /w/a; write /w/a"),
            (Builtin::ListDirectory, "{}", "list /w"),
            (Builtin::SearchFiles, r#"{"glob":"*"}"#, "list /w/**; read /w/**"),
            (
                Builtin::SearchFiles,
                r#"{"text":"x","directory":"src"}"#,
                "list /w/src/**; read /w/src/**",
            ),
            (
                Builtin::RunCommand,
                r#"{"program":"git","arguments":["log","-p"],"directory":"src"}"#,
                r#"/usr/bin/git ["log", "-p"] in /w/src"#,
            ),
            (
                Builtin::RunCommand,
                r#"{"program":"git","hosts":["b.example:80","A.example","a.example:443"]}"#,
                "/usr/bin/git [] in /w; reach a.example; reach b.example:80",
            ),
            (
                Builtin::HttpFetch,
                r#"{"url":"http://A.example/x?y#z","method":"HEAD"}"#,
                "HEAD a.example:80 /x",
            ),
            (Builtin::CurrentTime, "{}", ""),
            (Builtin::ChangePersona, r#"{"text":"Be kind."}"#, "Persona"),
            (Builtin::Plan, r#"{"tools":["read_file"],"why":"x"}"#, ""),
            (Builtin::ExtractValue, r#"{"from":"h1-0123456789abcdef","as":"date"}"#, ""),
        ] {
            assert_eq!(needs(tool, arguments, SURROUNDINGS).as_deref(), Ok(needed), "{arguments}");
        }
    }

    #[test]
    fn what_cannot_be_judged_is_an_error_never_an_empty_list() {
        let path = |parameter, error| RequestError::Path { parameter, error };
        for (tool, arguments, error) in [
            (Builtin::ReadFile, r#"{"path":"../x"}"#, path("path", PathError::Parent)),
            (Builtin::ReadFile, r#"{"path":"~/x"}"#, path("path", PathError::Home)),
            (
                Builtin::WriteFile,
                r#"{"path":"a\nb","content":""}"#,
                path("path", PathError::Control),
            ),
            (Builtin::ListDirectory, r#"{"path":"/a/.."}"#, path("path", PathError::Parent)),
            (
                Builtin::SearchFiles,
                r#"{"glob":"*","directory":".."}"#,
                path("directory", PathError::Parent),
            ),
            (Builtin::RunCommand, r#"{"program":"./x"}"#, RequestError::RelativeProgram),
            (
                Builtin::RunCommand,
                r#"{"program":"git","directory":".."}"#,
                path("directory", PathError::Parent),
            ),
        ] {
            assert_eq!(needs(tool, arguments, SURROUNDINGS), Err(error), "{arguments}");
        }
        let bare = Surroundings::new("/w");
        let unknown = needs(Builtin::RunCommand, r#"{"program":"git"}"#, bare);
        assert_eq!(unknown, Err(RequestError::UnknownProgram));
        let nowhere = needs(Builtin::CurrentTime, "{}", Surroundings::new("w"));
        assert_eq!(nowhere, Err(RequestError::Workspace(PathError::Relative)));
    }

    #[test]
    fn a_foreign_tool_is_an_operation_of_its_skill() {
        let mut tools = Tools::new();
        let definition = ToolDefinition {
            name: "forecast".into(),
            description: "Tells the weather.".into(),
            parameters: r#"{"type":"object"}"#.into(),
        };
        let role = crate::label::ToolRole::new(crate::label::Effect::Read);
        tools.add(definition, role, true).unwrap();
        let (id, name, arguments) = ("1".into(), "forecast".into(), "{}".into());
        let call_of = ToolUse { id, name, arguments };
        let (_, call) = tools.read(&call_of).unwrap();
        let around = Surroundings { skill: Some("weather"), ..SURROUNDINGS };
        let is_weather = call.with_requests(&around, |requests| {
            matches!(requests, [Request::Skill { name: "weather", operation: "forecast" }])
        });
        assert_eq!(is_weather, Ok(true));
        let unowned = call.with_requests(&SURROUNDINGS, |_| ());
        assert_eq!(unowned, Err(RequestError::UnknownSkill));
    }
}

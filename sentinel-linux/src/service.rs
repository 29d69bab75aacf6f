//! The agent as a service of systemd: what its unit says.
//!
//! The agent confines itself. The unit confines it once more, from outside, by what the same
//! configuration grants; so a fault in either leaves the other.
//!
//! # Invariants
//! - What the configuration grants stays reachable, and what it does not grant is not shown.
//! - No secret stands in a unit: it says where they are.
//!
//! # Not here
//! Writing it and telling systemd: [`command::service`](crate::command).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sentinel_core::agent::ATTACHMENTS;
use sentinel_core::capability::{FileRight, Level, Resource};
use sentinel_core::config::{Config, SealKey, SecretSource};
use sentinel_core::order::Set;

use crate::persona;
use crate::seal;

/// Whose manager starts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manager {
    /// The machine's, for an account of the agent's own.
    System,
    /// That of whoever runs this.
    User,
}

/// What a unit is made of.
#[derive(Debug)]
pub(crate) struct Facts<'f> {
    pub(crate) manager: Manager,
    pub(crate) program: &'f Path,
    /// The configuration's file.
    pub(crate) file: &'f Path,
    pub(crate) state: &'f Path,
    pub(crate) config: &'f Config,
    /// What is read for the configuration: itself, what it names, and what its secrets are in.
    pub(crate) files: &'f [PathBuf],
    /// The account, for the machine's manager.
    pub(crate) account: &'f str,
    /// Whether a user's manager can give a service its own view of the files.
    pub(crate) has_views: bool,
}

/// The secrets a service has to be given, by where they are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Secrets {
    pub(crate) variables: Set<String>,
    pub(crate) credentials: Set<String>,
    pub(crate) files: Set<PathBuf>,
}

/// Where the secrets of a configuration are.
pub(crate) fn secrets(config: &Config) -> Secrets {
    let mut secrets = Secrets::default();
    let seal = match &config.state().key {
        // One in a file is in the state directory, or shown like other files.
        SealKey::Key(SecretSource::File(_)) | SealKey::Asked => None,
        SealKey::Key(source) | SealKey::Passphrase(source) => Some(source),
    };
    for source in config.secrets().into_iter().map(|(_, source)| source).chain(seal) {
        match source {
            SecretSource::Environment(name) => secrets.variables.insert(name.clone()),
            SecretSource::File(path) => secrets.files.insert(path.into()),
            SecretSource::Credential(name) => secrets.credentials.insert(name.clone()),
        };
    }
    secrets
}

/// The text of the unit.
pub(crate) fn unit(facts: &Facts<'_>) -> String {
    let mut out = String::new();
    // A String takes all that is written to it.
    let _ = write(&mut out, facts);
    out
}

fn write(out: &mut String, facts: &Facts<'_>) -> std::fmt::Result {
    let Facts { manager, program, file, state, config, .. } = facts;
    let secrets = secrets(config);
    out.write_str(
        "# Written by 'sentinel service install', which writes it anew when asked again.\n",
    )?;
    out.write_str(
        "[Unit]\nDescription=Sentinel, an agent that can do only what a person granted\n",
    )?;
    // One that cannot start is not started for ever.
    out.write_str("StartLimitIntervalSec=300\nStartLimitBurst=10\n")?;
    if *manager == Manager::System {
        out.write_str("Wants=network-online.target\nAfter=network-online.target\n")?;
    }
    out.write_str("\n[Service]\nType=notify\nNotifyAccess=main\n")?;
    let (file, state) = (argument(file), argument(state));
    writeln!(out, "ExecStart={} run --config {file} --state {state}", argument(program))?;
    out.write_str("ExecReload=/bin/kill -HUP $MAINPID\nRestart=on-failure\nRestartSec=5\n")?;
    // What is being said is finished, and the log signed. What runs for the agent ends with it.
    out.write_str("KillMode=mixed\nTimeoutStopSec=30\n")?;
    writeln!(out, "WorkingDirectory={}", path(Path::new(config.workspace())))?;
    if *manager == Manager::System {
        writeln!(out, "User={0}\nGroup={0}", facts.account)?;
        if let Some(name) = state_directory(facts.state) {
            writeln!(out, "StateDirectory={name}\nStateDirectoryMode=0700")?;
        }
    }
    if !secrets.variables.is_empty() {
        let names: Vec<&str> = secrets.variables.iter().map(String::as_str).collect();
        writeln!(out, "# Its secrets: {}.", names.join(", "))?;
        writeln!(out, "EnvironmentFile={ENVIRONMENT}")?;
    }
    for name in &secrets.credentials {
        writeln!(out, "LoadCredential={name}:{CREDENTIALS}/{name}")?;
    }
    out.write_str(CONFINED)?;
    let runs = runs_programs(config);
    out.write_str(if runs { WITH_PROGRAMS } else { WITHOUT_PROGRAMS })?;
    if *manager == Manager::System || facts.has_views {
        views(out, facts, &secrets)?;
    } else {
        out.write_str(
            "# This user's manager can give a service no view of the files of its own: the \
             agent's\n# own confinement (Landlock) is what keeps it to its directories.\n",
        )?;
    }
    let target = match manager {
        Manager::System => "multi-user.target",
        Manager::User => "default.target",
    };
    writeln!(out, "\n[Install]\nWantedBy={target}")
}

/// Where files that come with messages are put, if they are taken in.
pub(crate) fn attachments(config: &Config) -> Option<PathBuf> {
    let takes = config.connectors().iter().any(|connector| connector.attachment_bytes_max > 0);
    takes.then(|| Path::new(config.workspace()).join(ATTACHMENTS))
}

/// Whether any program may be run.
pub(crate) fn runs_programs(config: &Config) -> bool {
    let mut grants = config.settings().grants.iter().filter(|grant| grant.level != Level::Deny);
    grants.any(|grant| matches!(grant.resource, Resource::Command(_)))
}

/// What of the files it sees, and where it writes.
fn views(out: &mut String, facts: &Facts<'_>, secrets: &Secrets) -> std::fmt::Result {
    let Facts { manager, program, file, state, config, files, .. } = facts;
    let mut writes: Set<PathBuf> = Set::new();
    let mut reads: Set<PathBuf> = Set::new();
    let is_managed = *manager == Manager::System && state_directory(state).is_some();
    if !is_managed {
        writes.insert(state.to_path_buf());
    }
    reads.insert(config.workspace().into());
    writes.extend(attachments(config));
    for grant in config.settings().grants.iter().filter(|grant| grant.level != Level::Deny) {
        if let Resource::Files { path, rights } = &grant.resource {
            let path = PathBuf::from(path.as_str());
            match rights.has(FileRight::Write) {
                true => writes.insert(path),
                false => reads.insert(path),
            };
        }
    }
    reads.insert(program.to_path_buf());
    reads.insert(file.to_path_buf());
    reads.extend(files.iter().cloned());
    reads.extend(config.skill_directories().iter().map(PathBuf::from));
    if config.settings().grants.iter().any(persona::is_written_by) {
        writes.extend(config.persona_file().map(PathBuf::from));
    }
    reads.extend(secrets.files.iter().cloned());
    if let SealKey::Key(SecretSource::File(path)) = &config.state().key {
        // It is made there by the first start.
        let key = seal::moved(path, &config.state().directory, state);
        if !key.starts_with(state) {
            writes.insert(key);
        }
    }
    // What is within a place that is shown anyway needs no line of its own.
    let is_shown =
        |path: &Path, by: &Set<PathBuf>| path.ancestors().skip(1).any(|above| by.contains(above));
    let all: Set<PathBuf> = reads.iter().chain(&writes).cloned().collect();
    let within = |place: &str| all.iter().any(|path| path.starts_with(place));
    let is_home = |path: &Path| HOMES.iter().any(|home| path.starts_with(home));
    let temporary = ["/tmp", "/var/tmp"];
    out.write_str("ProtectSystem=strict\n")?;
    let needs_home = HOMES.into_iter().any(within);
    writeln!(out, "ProtectHome={}", if needs_home { "tmpfs" } else { "yes" })?;
    let needs_temporary = temporary.into_iter().any(within);
    writeln!(out, "PrivateTmp={}", if needs_temporary { "no" } else { "yes" })?;
    out.write_str(VIEWED)?;
    if !runs_programs(config) {
        // A sandbox has a name and a group of its own, and giving it one is forbidden by these.
        out.write_str("ProtectHostname=yes\nProtectControlGroups=yes\n")?;
    }
    for path in &writes {
        // A place that is missing is the doctor's to say, and no reason not to start.
        let name = path_of(path);
        match is_home(path) {
            true if is_shown(path, &writes) => {}
            true => writeln!(out, "BindPaths=-{name}")?,
            false => writeln!(out, "ReadWritePaths=-{name}")?,
        }
    }
    for path in reads.iter().filter(|path| is_home(path) && !writes.contains(*path)) {
        if !is_shown(path, &all) {
            writeln!(out, "BindReadOnlyPaths=-{}", path_of(path))?;
        }
    }
    Ok(())
}

/// What every unit says: what the agent needs no part of, whoever starts it.
const CONFINED: &str = "\
# What it is kept from, besides what it gives up by itself after its start.
UMask=0077
LimitCORE=0
NoNewPrivileges=yes
# RestrictSUIDSGID is not here: it forbids openat2, by which the agent keeps to its directories.
RestrictRealtime=yes
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
SystemCallArchitectures=native
SystemCallFilter=@system-service
# It confines itself by these.
SystemCallFilter=landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp
SystemCallFilter=~@privileged @debug @mount @obsolete @keyring
SystemCallErrorNumber=EPERM
";

/// What it says besides if no program may be run.
const WITHOUT_PROGRAMS: &str = "\
# It may run no program; with a grant to run one, install this unit again.
RestrictNamespaces=yes
MemoryDenyWriteExecute=yes
";

/// What it says if some may be: what making a sandbox takes, and nothing else.
const WITH_PROGRAMS: &str = "\
# It may run programs, each in a sandbox. That is made of namespaces, and whoever restricts any kind
# of them forbids the call that makes them (clone3); of a root directory that is mounted together;
# and of trying what must fail, such as becoming root. The agent gives these calls up by itself
# before it reads anything, and in a sandbox there are none of them. RestrictNamespaces is not here
# for that, nor is MemoryDenyWriteExecute: node and java write code and run it.
SystemCallFilter=fsopen fsconfig fsmount open_tree move_mount mount mount_setattr umount2 pivot_root
SystemCallFilter=sethostname capset setuid
# What a call takes of memory, processes and processors is limited for all of its processes
# together, by a group of theirs beneath this service's own. So that one is given to the agent.
Delegate=yes
";

const VIEWED: &str = "\
PrivateDevices=yes
PrivateUsers=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectClock=yes
ProtectProc=invisible
ProcSubset=pid
PrivateIPC=yes
RemoveIPC=yes
KeyringMode=private
CapabilityBoundingSet=
AmbientCapabilities=
";

/// Where systemd puts an empty directory for `ProtectHome=tmpfs`.
const HOMES: [&str; 3] = ["/home", "/root", "/run/user"];

/// `%E` is `/etc`, or `~/.config` for a user's manager.
const ENVIRONMENT: &str = "%E/sentinel/environment";
const CREDENTIALS: &str = "%E/sentinel/credentials";

/// The name beneath `/var/lib`, if the state is there: systemd makes it then.
fn state_directory(state: &Path) -> Option<&str> {
    let rest = state.strip_prefix("/var/lib").ok()?;
    rest.to_str().filter(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
}

/// A path as a word of a line that systemd starts a program by.
fn argument(path: &Path) -> String {
    path_of(path).replace('$', "$$")
}

/// A path as systemd reads it: in quotes, its own signs doubled.
fn path_of(path: &Path) -> String {
    let text = path.to_string_lossy().replace('%', "%%");
    match text.contains([' ', '\t', '"', '\'', '\\', ';']) {
        true => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        false => text,
    }
}

/// A path where systemd takes the rest of the line.
fn path(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%%")
}

#[cfg(test)]
mod tests;

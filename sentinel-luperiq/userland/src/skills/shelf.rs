//! The skills of the image: what is found there.
//!
//! A folder beneath `skills` is a skill, as on Linux. The image is nobody's to change while the
//! machine runs, so what was read and hashed is what is started later.
//!
//! # Invariants
//! - A folder that cannot be read whole, or that cannot be used on this machine, is named with the
//!   reason, and none of it is used.
//!
//! # Not here
//! What folders say: [`sentinel_core::skill`].

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use luperiq_runtime::abi::Error;
use sentinel_core::capability::{Grant, Resource};
use sentinel_core::limits::{SKILL_SIGNATURE_BYTES_MAX, SKILLS_COUNT_MAX};
use sentinel_core::order;
use sentinel_core::skill::{Content, Folder as Told, Manifest, Runtime};

use crate::folder::Folder;
use crate::machine::{MODULES, Machine};

/// What there is in the directory of skills, in the order of the names.
///
/// # Errors
/// It cannot be listed.
pub fn shelves<M: Machine, F: Folder>(machine: &mut M, skills: &F) -> Result<Vec<Told>, Error> {
    let mut names = skills.names("", SKILLS_COUNT_MAX + 1)?;
    names.retain(|name| name.is_directory);
    order::sort_by(&mut names, |one, other| one.name.cmp(&other.name));
    let mut found = Vec::new();
    for name in names {
        let mut told = match read(skills, &name.name) {
            Ok(told) => told,
            Err(why) => Told { fault: Some(why), ..empty(&name.name) },
        };
        if told.manifest.is_some() || told.instructions.is_some() || told.fault.is_some() {
            told.fault = told.fault.take().or_else(|| fault(machine, skills, &told));
            found.push(told);
        }
    }
    Ok(found)
}

fn empty(name: &str) -> Told {
    Told { name: name.into(), place: format!("{PLACE}/{name}"), ..Told::default() }
}

/// Reads a folder, with everything in it.
fn read<F: Folder>(skills: &F, name: &str) -> Result<Told, String> {
    let failed = |path: &str, error: Error| format!("{PLACE}/{path}: {error}");
    let mut paths: Vec<String> = Vec::new();
    let mut open = Vec::from([String::from(name)]);
    while let Some(directory) = open.pop() {
        let names = skills.names(&directory, FILES_MAX).map_err(|it| failed(&directory, it))?;
        for found in names {
            let path = format!("{directory}/{}", found.name);
            match found.is_directory {
                true => open.push(path),
                false => paths.push(path),
            }
            if paths.len() + open.len() > FILES_MAX {
                return Err(format!("it has more than {FILES_MAX} files"));
            }
        }
    }
    order::sort_by(&mut paths, Ord::cmp);
    let (mut told, mut content) = (empty(name), Content::new());
    for path in &paths {
        let bytes = skills.read(path, FILE_BYTES_MAX).map_err(|error| failed(path, error))?;
        let inner = path.strip_prefix(name).unwrap_or_default().trim_start_matches('/');
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes).map_err(|_| format!("{PLACE}/{path}: not in UTF-8"))
        };
        if inner == "skill.minisig" {
            if bytes.len() > SKILL_SIGNATURE_BYTES_MAX {
                return Err(format!("{path}: more than {SKILL_SIGNATURE_BYTES_MAX} bytes"));
            }
            told.signature = Some(text(bytes)?);
            continue;
        }
        // Files of an image have no marks of their own: a program is what begins as one.
        let is_program = bytes.starts_with(b"\x7fELF");
        content.file(inner, is_program, &bytes).map_err(|error| format!("{path}: {error}"))?;
        match inner {
            "skill.toml" => told.manifest = Some(text(bytes)?),
            "SKILL.md" => told.instructions = Some(text(bytes)?),
            _ => {}
        }
        if is_program {
            told.programs.push(inner.into());
        }
    }
    told.digest = content.digest();
    Ok(told)
}

/// Why nobody can use it on this machine, whatever is granted. What its manifest says wrong the
/// core says.
fn fault<M: Machine, F: Folder>(machine: &mut M, skills: &F, told: &Told) -> Option<String> {
    let manifest = Manifest::read("skill.toml", told.manifest.as_deref()?).value?;
    let leads_out = |grant: &&Grant| matches!(grant.resource, Resource::Connect { .. });
    if let Some(grant) = manifest.capabilities.required.iter().find(leads_out) {
        return Some(format!("no skill has a network on this machine, and it requires '{grant}'"));
    }
    let inner = format!("{}/{}", told.name, manifest.entry);
    let place = match manifest.runtime {
        Runtime::Process => format!("{}/{inner}", PLACE.trim_start_matches('/')),
        Runtime::Wasm => {
            if skills.bytes_count(&inner).is_err() {
                return Some(format!("its entry '{}' is no file of it", manifest.entry));
            }
            MODULES.to_string()
        }
        Runtime::Mcp => return Some("no server of MCP runs on this machine".into()),
    };
    let error = machine.has_program(&place).err()?;
    Some(match error {
        Error::PeerClosed | Error::Policy => {
            format!(
                "boot.toml does not let {place} be run: it belongs to 'programs' and 'requests'"
            )
        }
        error => format!("{place}: {error}"),
    })
}

/// Where skills are, as people know it.
pub const PLACE: &str = "/skills";

/// Files of a skill: each is read at every start.
const FILES_MAX: usize = 256;

/// Of one file: an image has three megabytes for everything.
const FILE_BYTES_MAX: u64 = 4 << 20;

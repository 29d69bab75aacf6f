//! All skills there are: what their folders say, and what models and the judge are told of it.
//!
//! # Invariants
//! - Two skills, or two tools, that a person or a model would take for the same are not both there:
//!   the first stays, the other is not used, and says why.
//! - A skill about which anything is wrong brings no tool along.
//! - What a skill may send to is what its manifest requires by name, each granted; one that may
//!   send is judged as one that does, whatever it says of itself.
//!
//! # Not here
//! Whether an operator approved it: the agent. Reading folders: the shell.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use super::manifest::{Kind, Manifest, Runtime, Tool};
use super::{Instructions, Listing, Signed, Trust, clashes};
use crate::agent::{Installed, Settings};
use crate::capability::{Destination, HostPattern, Resource};
use crate::label::{Effect, Output, Parameter, ParameterKind, Readers, Secrecy, ToolRole};
use crate::limits::{SKILL_NAME_BYTES_MAX, SKILLS_COUNT_MAX};
use crate::llm::ToolDefinition;
use crate::mcp::Items;
use crate::text::json;
use crate::tool::{BETWEEN, Needs, Tools};

/// A folder as a shell read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// Its last part.
    pub name: String,
    /// Where it is, for people.
    pub place: String,
    /// Its `skill.toml`.
    pub manifest: Option<String>,
    /// Its `SKILL.md`.
    pub instructions: Option<String>,
    /// Its `tools.json`: what the server that it is said when it was approved.
    pub listing: Option<String>,
    /// Its `skill.minisig`, which is not in its digest: it is a signature of that.
    pub signature: Option<String>,
    /// The paths of the files that are programs.
    pub programs: Vec<String>,
    /// The digest of all of it.
    pub digest: [u8; 32],
    /// Why it could not be read whole.
    pub fault: Option<String>,
}

/// A skill as its folder says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skill {
    /// Its name.
    pub name: String,
    /// Where its folder is, for people.
    pub place: String,
    /// The digest of all its files.
    pub digest: [u8; 32],
    /// Its manifest, if it has one without errors.
    pub manifest: Option<Manifest>,
    /// Its instructions, if it has some.
    pub instructions: Option<Instructions>,
    /// What a server said that it has, if it is one that was asked.
    pub listing: Option<Listing>,
    /// Who signed it, if it was somebody whose signature counts.
    pub signed: Option<Signed>,
    /// The paths of the files that are programs, but for its entry: instructions may name them.
    pub scripts: Vec<String>,
    /// Everything that is wrong with it. While there is anything, it is not used.
    pub problems: Vec<String>,
}

/// All skills, in the order in which they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    skills: Vec<Skill>,
    /// What each tool is to the agent, and whose it is.
    tools: Vec<Entry>,
}

/// A tool of a skill.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    skill: usize,
    definition: ToolDefinition,
    role: ToolRole,
    is_idempotent: bool,
    needs: Needs,
    /// What of its server it is, if it is of one.
    deed: Option<Deed>,
}

/// What a server can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// To call a tool, by its own name for it.
    Call(String),
    /// What there is to be read.
    List(Items),
    /// To be read one of these.
    Read(Items),
}

/// What a name that a model calls leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<'c> {
    /// A tool of a program.
    Tool(&'c Skill, &'c Manifest, &'c Tool),
    /// Something of a server.
    Server(&'c Skill, &'c Manifest, &'c Listing, &'c Deed),
    /// The instructions themselves.
    Instructions(&'c Skill, &'c Instructions),
}

impl Catalogue {
    /// What these folders hold, where these signatures count; without a word on that, whatever
    /// signatures there are.
    #[must_use]
    pub fn of(folders: &[Folder], trust: Option<&Trust>) -> Self {
        let mut catalogue = Self::default();
        let mut known = Tools::builtin();
        for folder in folders {
            let mut skill = read(folder);
            // Of what could not be read there is no digest either.
            if let (Some(trust), None) = (trust, &folder.fault) {
                match trust.check(&folder.digest, folder.signature.as_deref()) {
                    Ok(signed) => skill.signed = signed,
                    Err(error) => skill.problems.push(error.to_string()),
                }
            }
            if let Some(other) = catalogue
                .skills
                .iter()
                .find(|other| clashes([other.name.as_str(), skill.name.as_str()]).is_some())
            {
                let what = format!("its name is taken by the skill in {}", other.place);
                skill.problems.push(what);
            }
            if catalogue.skills.len() >= SKILLS_COUNT_MAX {
                skill.problems.push(format!("there are {SKILLS_COUNT_MAX} skills before it"));
            }
            let mut entries = match skill.problems.is_empty() {
                true => entries(&skill, catalogue.skills.len()),
                false => Vec::new(),
            };
            let mut with_these = known.clone();
            for entry in &entries {
                let Entry { definition, role, is_idempotent, needs, .. } = entry.clone();
                let added = with_these.add_with(definition, role, is_idempotent, needs);
                skill.problems.extend(added.err().map(|error| error.to_string()));
            }
            match skill.problems.is_empty() {
                true => known = with_these,
                false => entries.clear(),
            }
            catalogue.tools.append(&mut entries);
            catalogue.skills.push(skill);
        }
        catalogue
    }

    /// The skills.
    #[must_use]
    pub fn skills(&self) -> &[Skill] {
        &self.skills
    }

    /// The skill of this name that can be used.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Skill> {
        self.skills.iter().find(|skill| skill.name == name && skill.problems.is_empty())
    }

    /// The names of all tools, as models are told them.
    pub fn tools(&self) -> impl Iterator<Item = &str> {
        self.tools.iter().map(|entry| entry.definition.name.as_str())
    }

    /// What a name that a model calls leads to.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Named<'_>> {
        let entry = self.tools.iter().find(|entry| entry.definition.name == name)?;
        let skill = self.skills.get(entry.skill)?;
        let own = name.strip_prefix(skill.name.as_str())?.strip_prefix(BETWEEN)?;
        let manifest = skill.manifest.as_ref();
        if let Some(deed) = &entry.deed {
            return Some(Named::Server(skill, manifest?, skill.listing.as_ref()?, deed));
        }
        let tool = manifest.and_then(|it| Some((it, it.tools.iter().find(|it| it.name == own)?)));
        match tool {
            Some((manifest, tool)) => Some(Named::Tool(skill, manifest, tool)),
            None => Some(Named::Instructions(skill, skill.instructions.as_ref()?)),
        }
    }

    /// Puts the tools into the settings of an agent. A role that the operator gave a tool counts
    /// in place of what its skill says.
    pub fn install(&self, settings: &mut Settings, role: impl Fn(&str) -> Option<ToolRole>) {
        if self.skills.is_empty() {
            return;
        }
        let mut hash = Sha256::new();
        hash.update(settings.digest);
        for skill in self.skills.iter().filter(|skill| skill.problems.is_empty()) {
            // A name has no line break in it.
            hash.update(skill.name.as_bytes());
            hash.update(b"\n");
            hash.update(skill.digest);
            let capabilities = skill.manifest.as_ref().map(|manifest| &manifest.capabilities);
            if let Some(signed) = &skill.signed {
                hash.update(b"signed ");
                hash.update(signed.key.as_bytes());
                hash.update(b"\n");
            }
            let installed = Installed {
                digest: skill.digest,
                signer: skill.signed.as_ref().map(|signed| signed.key.clone()),
                required: capabilities.map(|it| it.required.clone()).unwrap_or_default(),
                never: capabilities.map(|it| it.never.clone()).unwrap_or_default(),
            };
            settings.installed.insert(skill.name.clone(), installed);
        }
        settings.digest = hash.finalize().into();
        for entry in &self.tools {
            let Entry { definition, is_idempotent, needs, .. } = entry.clone();
            let Some(skill) = self.skills.get(entry.skill) else { continue };
            let name = definition.name.clone();
            let mut own = role(&name).unwrap_or_else(|| entry.role.clone());
            if !needs.hosts.is_empty() {
                own.effect = Effect::Send;
                // What it is handed goes along, whatever an operator says of its parameters.
                own.unseen = own.unseen.or_else(|| entry.role.unseen.clone());
            }
            // They fitted when they were read.
            if settings.tools.add_with(definition, own, is_idempotent, needs).is_ok() {
                settings.skills.insert(name, skill.name.clone());
            }
        }
    }
}

fn read(folder: &Folder) -> Skill {
    let mut skill = Skill {
        name: folder.name.clone(),
        place: folder.place.clone(),
        digest: folder.digest,
        manifest: None,
        instructions: None,
        listing: None,
        signed: None,
        scripts: folder.programs.clone(),
        problems: folder.fault.iter().cloned().collect(),
    };
    let place = folder.place.trim_end_matches('/');
    if let Some(text) = &folder.manifest {
        let reading = Manifest::read(&format!("{place}/skill.toml"), text);
        skill.problems.extend(reading.diagnostics.iter().map(ToString::to_string));
        skill.manifest = reading.value;
    }
    if let Some(text) = &folder.instructions {
        let reading = Instructions::read(&format!("{place}/SKILL.md"), &folder.name, text);
        skill.problems.extend(reading.diagnostics.iter().map(ToString::to_string));
        skill.instructions = reading.value;
    }
    if let Some(manifest) = &skill.manifest {
        skill.name.clone_from(&manifest.name);
        skill.scripts.retain(|script| *script != manifest.entry);
        // The program of a server may be one of the system. A module is no program: whoever reads
        // the folder says if it is not there.
        let is_elsewhere = match manifest.runtime {
            Runtime::Process => false,
            Runtime::Wasm => true,
            Runtime::Mcp => manifest.entry.starts_with('/') || manifest.url().is_some(),
        };
        if !is_elsewhere && !folder.programs.contains(&manifest.entry) {
            let what = format!("its entry '{}' is no program of it", manifest.entry);
            skill.problems.push(what);
        }
        skill.problems.extend(hosts(manifest).err());
        if let (Some(text), Runtime::Mcp) = (&folder.listing, manifest.runtime) {
            match Listing::read(text) {
                Ok(listing) => skill.listing = Some(listing),
                Err(why) => skill.problems.push(format!("{place}/tools.json: {why}")),
            }
        }
        skill.problems.extend(server::misnamed(&skill));
    }
    if skill.name.len() > SKILL_NAME_BYTES_MAX {
        skill.problems.push(format!("its name has more than {SKILL_NAME_BYTES_MAX} bytes"));
    }
    skill
}

/// What a skill is let out to: the hosts that it requires.
fn hosts(manifest: &Manifest) -> Result<Vec<Destination>, String> {
    let mut places = Vec::new();
    for grant in &manifest.capabilities.required {
        let Resource::Connect { hosts, ports, http: _ } = &grant.resource else { continue };
        if manifest.runtime == Runtime::Wasm {
            return Err(format!("a module reaches no host, and it requires '{grant}'"));
        }
        match hosts {
            HostPattern::Exact(host) if ports.first == ports.last => {
                places.push(Destination { host: host.clone(), port: ports.first });
            }
            _ => return Err(format!("it is let out to single hosts and ports, not to '{grant}'")),
        }
    }
    Ok(places)
}

fn entries(skill: &Skill, index: usize) -> Vec<Entry> {
    let named = |own: &str| format!("{}{BETWEEN}{own}", skill.name);
    let mut entries = Vec::new();
    if let Some(manifest) = &skill.manifest {
        entries.extend(server::entries(skill, manifest, index));
        let hosts = hosts(manifest).unwrap_or_default();
        for tool in &manifest.tools {
            let handles = tool.parameters.iter().filter(|it| it.kind.is_handles());
            let files = handles.map(|it| it.name.clone()).collect();
            entries.push(Entry {
                skill: index,
                definition: ToolDefinition {
                    name: named(&tool.name),
                    description: tool.description.clone(),
                    parameters: tool.schema_for_models(),
                },
                role: role(tool, !hosts.is_empty()),
                is_idempotent: tool.is_idempotent,
                needs: Needs { files, hosts: hosts.clone(), places: Vec::new() },
                deed: None,
            });
        }
    }
    if let Some(instructions) = &skill.instructions {
        entries.push(Entry {
            skill: index,
            definition: ToolDefinition {
                name: named(INSTRUCTIONS),
                description: format!("Instructions of a skill: {}", instructions.description),
                parameters: json::object(|out| {
                    out.field("type", "object").object("properties", |_| {});
                    out.field("additionalProperties", false);
                }),
            },
            role: ToolRole::new(Effect::Read),
            is_idempotent: true,
            needs: Needs::default(),
            deed: None,
        });
    }
    entries
}

/// What the judge is told of a tool.
fn role(tool: &Tool, is_let_out: bool) -> ToolRole {
    let effect = if is_let_out { Effect::Send } else { tool.effect };
    let readers = match tool.secrecy {
        Secrecy::Public => Readers::everybody(),
        _ => Readers::nobody(),
    };
    let output = Output { secrecy: tool.secrecy, readers, ..Output::default() };
    let mut role = ToolRole { output, ..ToolRole::new(effect) };
    for parameter in &tool.parameters {
        let is_carried = parameter.is_payload && !parameter.kind.is_handles();
        let kind = if is_carried { ParameterKind::Payload } else { ParameterKind::Control };
        let mut judged = Parameter::new(&parameter.name, kind);
        // The words of a schema are the author's, whom the operator approved.
        if let Kind::Choice(words) = &parameter.kind {
            judged = words.iter().fold(judged, |judged, word| judged.constant(word));
        }
        role = role.with(judged);
    }
    match is_let_out {
        // It sends whatever it was handed.
        true => role.taking_along(tool.output()),
        false => role,
    }
}

mod server;

/// The name under which instructions are read.
const INSTRUCTIONS: &str = "instructions";

#[cfg(test)]
mod tests;

//! The file that `sentinel init` writes: what was found, little granted, and comments.
//!
//! # Invariants
//! - What is written is read without an error, whatever was found.
//!
//! # Not here
//! Finding anything: the shell looks for keys and local models.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::show::{comment, key_name};
use crate::capability::{FileRight, FileRights, Grant, Level, Path, Resource};
use crate::text::toml::OwnedValue;

/// What was found, or answered.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The models, the preferred one first.
    pub models: Vec<FoundModel>,
    /// The platforms.
    pub platforms: Vec<FoundPlatform>,
    /// The directory that the agent works in, absolute.
    pub workspace: String,
    /// Whether it may write there, with a question each time.
    pub may_write: bool,
}

/// A model that answered.
#[derive(Clone, Debug)]
pub struct FoundModel {
    /// A name for its section.
    pub section: String,
    /// The provider, as a file names it.
    pub provider: String,
    /// What the provider calls it.
    pub model: String,
    /// Where it is, if that is not the provider's usual place.
    pub base_url: Option<String>,
    /// The variable that holds its key, if it needs one.
    pub api_key_env: Option<String>,
}

/// A platform whose token was good.
#[derive(Clone, Debug)]
pub struct FoundPlatform {
    /// Its section: `telegram`, `discord` or `slack`.
    pub section: String,
    /// The variable that holds the token.
    pub token_env: String,
    /// The variable that holds the app's token, for Slack.
    pub app_token_env: Option<String>,
    /// The id of whoever runs the agent.
    pub operators: Vec<String>,
}

/// A commented file.
#[must_use]
pub fn template(facts: &Facts) -> String {
    let mut text = String::new();
    comment(
        &mut text,
        "The configuration of Sentinel. Every key is described in docs/CONFIG.md; `sentinel \
         config check` reads this file, `sentinel config show` prints what counts in the end.",
    );
    text.push_str("\n[agent]\n");
    comment(&mut text, "The directory it works in.");
    set(&mut text, "workspace", &facts.workspace);
    if let Some(first) = facts.models.first() {
        comment(&mut text, "The model that is asked first; the others when it fails.");
        set(&mut text, "model", &first.section);
    } else {
        text.push('\n');
        comment(
            &mut text,
            "No model was found: the built-in one answers, which is no real model. Set \
             ANTHROPIC_API_KEY, or start Ollama and add:",
        );
        text.push_str("# [models.local]\n# provider = \"ollama\"\n# model = \"qwen3\"\n");
    }
    for model in &facts.models {
        text.push_str(&format!("\n[models.{}]\n", key_name(&model.section)));
        set(&mut text, "provider", &model.provider);
        set(&mut text, "model", &model.model);
        if let Some(url) = &model.base_url {
            set(&mut text, "base_url", url);
        }
        if let Some(variable) = &model.api_key_env {
            comment(&mut text, "The variable that holds the key; never the key itself.");
            set(&mut text, "api_key_env", variable);
        }
    }
    for platform in &facts.platforms {
        text.push_str(&format!("\n[{}]\n", key_name(&platform.section)));
        set(&mut text, "token_env", &platform.token_env);
        if let Some(variable) = &platform.app_token_env {
            set(&mut text, "app_token_env", variable);
        }
        comment(&mut text, "Who may talk and approve, by id. Nobody else may talk.");
        list(&mut text, "operators", platform.operators.iter().cloned());
    }
    text.push_str("\n[security]\n");
    comment(
        &mut text,
        "What the agent may do. Behind a grant may stand `ask`, `once`, `uses 5`, `until \
         2027-01-31`. What is not granted is denied.",
    );
    list(&mut text, "grants", grants(facts));
    comment(&mut text, "More, when you need it:");
    for line in ["run /usr/bin/git status|log|diff", "connect docs.example.com GET"] {
        text.push_str(&format!("#   \"{line}\",\n"));
    }
    text
}

/// Reading and listing the workspace, and writing there with a question.
fn grants(facts: &Facts) -> impl Iterator<Item = String> {
    let path = Path::parse(&facts.workspace).ok();
    let of = |rights: &[FileRight], level: Level, path: Path| {
        let rights = FileRights::of(rights);
        format!("{}", Grant::new(Resource::Files { path, rights }, level))
    };
    let read = path.clone().map(|path| of(&[FileRight::Read, FileRight::List], Level::Allow, path));
    let path = path.filter(|_| facts.may_write);
    let write = path.map(|path| of(&[FileRight::Write], Level::Ask, path));
    read.into_iter().chain(write)
}

fn set(text: &mut String, key: &str, value: &str) {
    text.push_str(&format!("{key} = {}\n", OwnedValue::from(value)));
}

fn list(text: &mut String, key: &str, values: impl Iterator<Item = String>) {
    let values = OwnedValue::Array(values.map(OwnedValue::String).collect());
    text.push_str(&format!("{key} = {values}\n"));
}

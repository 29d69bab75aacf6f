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
    /// The proxy that the network was reached by.
    pub proxy: Option<String>,
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
    /// Where its interface is, if that is not the platform's own place.
    pub base_url: Option<String>,
    /// The variable that holds the token.
    pub token_env: String,
    /// The variable that holds the app's token, for Slack.
    pub app_token_env: Option<String>,
    /// The ids of those who run the agent.
    pub operators: Vec<String>,
    /// The ids of those who may talk.
    pub allowed_users: Vec<String>,
    /// Whether strangers are given a code.
    pub pairing: bool,
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
        // Said, because a key in the environment would be taken otherwise.
        text.push_str("model = \"offline\"\n\n[models.offline]\n");
        comment(&mut text, "The built-in model, which is a few rules and no mind.");
        set(&mut text, "provider", "offline");
        comment(&mut text, "For a real one, put one of these in its place, here and above:");
        text.push_str("# [anthropic]\n# api_key_env = \"ANTHROPIC_API_KEY\"\n#\n");
        text.push_str("# [models.local]\n# provider = \"ollama\"\n# model = \"qwen3\"\n");
    }
    for model in &facts.models {
        self::model(&mut text, model);
    }
    for platform in &facts.platforms {
        self::platform(&mut text, platform);
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
    if let Some(proxy) = &facts.proxy {
        text.push_str("\n[http]\n");
        comment(&mut text, "The proxy that everything but this machine is reached by.");
        set(&mut text, "proxy", proxy);
    }
    text
}

fn model(text: &mut String, model: &FoundModel) {
    // These two have sections of their own.
    let is_own = ["anthropic", "openai"].contains(&model.provider.as_str());
    if is_own && model.section == model.provider {
        text.push_str(&format!("\n[{}]\n", model.provider));
    } else {
        text.push_str(&format!("\n[models.{}]\n", key_name(&model.section)));
        set(text, "provider", &model.provider);
    }
    set(text, "model", &model.model);
    if let Some(url) = &model.base_url {
        set(text, "base_url", url);
    }
    if let Some(variable) = &model.api_key_env {
        comment(text, "The variable that holds the key; never the key itself.");
        set(text, "api_key_env", variable);
    }
}

/// A platform; one where nobody may talk yet is only a remark.
fn platform(text: &mut String, platform: &FoundPlatform) {
    let FoundPlatform { operators, allowed_users, .. } = platform;
    let is_waiting = operators.is_empty();
    let mut lines = format!("[{}]\n", key_name(&platform.section));
    set(&mut lines, "token_env", &platform.token_env);
    if let Some(variable) = &platform.app_token_env {
        set(&mut lines, "app_token_env", variable);
    }
    if let Some(url) = &platform.base_url {
        set(&mut lines, "base_url", url);
    }
    if is_waiting {
        lines.push_str("operators = [\"YOUR ID\"]\n");
    } else {
        comment(&mut lines, "Who may talk, approve and change what it may do, by id.");
        list(&mut lines, "operators", operators.iter().cloned());
        if !allowed_users.is_empty() {
            comment(&mut lines, "Who may talk.");
            list(&mut lines, "allowed_users", allowed_users.iter().cloned());
        }
        comment(&mut lines, "Whether a stranger is given a code, which an operator can approve.");
        lines.push_str(&format!("pairing = {}\n", platform.pairing));
    }
    text.push('\n');
    if is_waiting {
        comment(
            text,
            "Nobody is named who may talk there, and so nobody is answered. Put in your id and \
             take away the marks:",
        );
    }
    for line in lines.lines() {
        let mark = if is_waiting { "# " } else { "" };
        text.push_str(&format!("{mark}{line}\n"));
    }
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

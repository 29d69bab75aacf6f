//! What this host's operator decides: one model, four tools, four grants, one person.

use std::error::Error;

use sentinel_core::agent::{Model, Provider, Settings};
use sentinel_core::channel::{AccessRules, Platform, Standing};
use sentinel_core::llm::{Dialect, OpenAiProfile, Thinking};
use sentinel_core::tool::Tools;

use super::tools;

pub(crate) fn settings(model: &str, workspace: &str) -> Result<Settings, Box<dyn Error>> {
    let mut settings = Settings::nothing();
    // The digest names the settings in the log. These follow from the model's name, so that is it.
    let place = settings.digest.get_mut(..model.len()).ok_or("the model's name is too long")?;
    place.copy_from_slice(model.as_bytes());
    settings.instructions = "You are a helpful agent in a terminal. Answer briefly.".into();
    settings.models.push(Model {
        name: model.into(),
        provider: match model {
            "offline" => Provider::Offline,
            _ => Provider::Service(Dialect::OpenAi(OpenAiProfile::GENERIC)),
        },
        reply_tokens_max: 1024,
        context_tokens_max: 16_000,
        thinking: Thinking::Unset,
        sees_pictures: false,
    });
    settings.tools = Tools::with(&tools::BUILTIN);
    for grant in [
        "model *".to_string(),
        format!("read,list \"{workspace}\""),
        format!("deny read \"{workspace}/.sentinel-resident\""),
        format!("deny read \"{workspace}/.git\""),
    ] {
        settings.grants.push(grant.parse()?);
    }
    settings.access = AccessRules::new().person("terminal", "me", Standing::Operator)?;
    settings.platforms.push(Platform::TERMINAL);
    settings.workspace = workspace.into();
    Ok(settings)
}

//! The providers of models that a file can name.
//!
//! # Not here
//! How they are spoken to: [`llm`](crate::llm).

use super::keys::SECTIONS;
use super::table::Default;
use crate::agent::Provider;
use crate::llm::{Dialect, OpenAiProfile};

/// What is known of a provider.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) provider: Provider,
    /// Where it is, if it is always in one place.
    pub(super) base_url: Option<&'static str>,
    /// The variable that its key is usually in, if it needs one.
    pub(super) key_env: Option<&'static str>,
}

/// A provider that can be looked for.
#[derive(Clone, Copy, Debug)]
pub struct KnownProvider {
    /// Its name, as a file has it.
    pub name: &'static str,
    /// What it is to the core.
    pub provider: Provider,
    /// Where it is: on this machine, if it needs no key.
    pub base_url: &'static str,
    /// The variable that its key is usually in, if it needs one.
    pub key_env: Option<&'static str>,
    /// The model that is meant if nothing is said, if there is such a one.
    pub model: Option<&'static str>,
}

/// The providers that are always in one place.
pub fn providers() -> impl Iterator<Item = KnownProvider> {
    NAMES.iter().filter_map(|name| {
        let Known { provider, base_url, key_env } = find(name)?;
        let model = SECTIONS.iter().find(|section| section.name == *name).and_then(|section| {
            let key = section.keys.iter().find(|key| key.name == "model")?;
            match key.default {
                Default::Text(model) => Some(model),
                _ => None,
            }
        });
        Some(KnownProvider { name, provider, base_url: base_url?, key_env, model })
    })
}

/// The names that a file may use.
pub(super) const NAMES: &[&str] = &[
    "anthropic",
    "openai",
    "ollama",
    "llamacpp",
    "lmstudio",
    "vllm",
    "openrouter",
    "groq",
    "mistral",
    "xai",
    "together",
    "gemini",
    "compatible",
    "offline",
];

/// What is known of the provider of this name.
pub(super) fn find(name: &str) -> Option<Known> {
    use OpenAiProfile as P;
    let (profile, base_url, key_env) = match name {
        "anthropic" => {
            return Some(Known {
                provider: Provider::Service(Dialect::Anthropic),
                base_url: Some("https://api.anthropic.com"),
                key_env: Some("ANTHROPIC_API_KEY"),
            });
        }
        "offline" => {
            return Some(Known { provider: Provider::Offline, base_url: None, key_env: None });
        }
        "openai" => (P::OPENAI, Some("https://api.openai.com/v1"), Some("OPENAI_API_KEY")),
        "ollama" => (P::OLLAMA, Some("http://127.0.0.1:11434/v1"), None),
        "llamacpp" => (P::LLAMA_CPP, Some("http://127.0.0.1:8080/v1"), None),
        "lmstudio" => (P::LM_STUDIO, Some("http://127.0.0.1:1234/v1"), None),
        "vllm" => (P::VLLM, Some("http://127.0.0.1:8000/v1"), None),
        "openrouter" => {
            (P::OPENROUTER, Some("https://openrouter.ai/api/v1"), Some("OPENROUTER_API_KEY"))
        }
        "groq" => (P::GROQ, Some("https://api.groq.com/openai/v1"), Some("GROQ_API_KEY")),
        "mistral" => (P::MISTRAL, Some("https://api.mistral.ai/v1"), Some("MISTRAL_API_KEY")),
        "xai" => (P::XAI, Some("https://api.x.ai/v1"), Some("XAI_API_KEY")),
        "together" => (P::TOGETHER, Some("https://api.together.xyz/v1"), Some("TOGETHER_API_KEY")),
        "gemini" => (
            P::GEMINI,
            Some("https://generativelanguage.googleapis.com/v1beta/openai"),
            Some("GEMINI_API_KEY"),
        ),
        "compatible" => (P::GENERIC, None, None),
        _ => return None,
    };
    Some(Known { provider: Provider::Service(Dialect::OpenAi(profile)), base_url, key_env })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_known() {
        for name in NAMES {
            assert!(find(name).is_some(), "{name}");
        }
        assert!(find("skynet").is_none());
        let model = |name| providers().find(|known| known.name == name).unwrap().model;
        assert_eq!((model("anthropic"), model("ollama")), (Some("claude-sonnet-4-5"), None));
        assert!(providers().all(|known| known.name != "offline" && known.name != "compatible"));
    }
}

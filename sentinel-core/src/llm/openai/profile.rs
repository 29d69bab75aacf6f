//! How the providers differ in what they accept.
//!
//! # Not here
//! Addresses and prices: configuration.

use super::super::ids::IdShape;

/// What a provider of Chat Completions accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenAiProfile {
    /// Its name in configurations.
    pub name: &'static str,
    /// The member that limits the tokens of an answer.
    pub tokens: TokensField,
    /// Whether a stream must be asked for its usage. Some send it anyway and refuse the question.
    pub asks_usage: bool,
    /// Whether the ids of tool calls must have nine letters and digits.
    pub has_short_ids: bool,
    /// Whether a turn of the assistant that only calls tools has its content as `null`; else the
    /// member is left out.
    pub writes_null_content: bool,
    /// How it takes pictures.
    pub images: ImagesTaken,
    /// How it is asked to think.
    pub thinking_asked: ThinkingAsked,
    /// How thinking goes back to it.
    pub thinking_returned: ThinkingReturned,
    /// Whether it wants a key.
    pub wants_key: bool,
}

/// The member that limits the tokens of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokensField {
    /// `max_tokens`.
    Tokens,
    /// `max_completion_tokens`.
    CompletionTokens,
}

/// How a provider takes pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImagesTaken {
    /// In the request, or by an address that it fetches.
    DataOrUrl,
    /// In the request only. A picture with an address is named to the model instead.
    Data,
}

/// How a provider is asked to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThinkingAsked {
    /// Not at all: the model thinks or it does not.
    Never,
    /// By `reasoning_effort`.
    Effort,
    /// By the object `reasoning`, with an effort or a number of tokens.
    Object,
}

/// How thinking goes back to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThinkingReturned {
    /// Not at all.
    Never,
    /// As this member of the assistant's message.
    Field(&'static str),
    /// As Google's signature at the tool call that it led to.
    CallSignature,
}

impl OpenAiProfile {
    /// A provider that is not known: what nearly all accept.
    pub const GENERIC: Self = Self {
        name: "generic",
        tokens: TokensField::Tokens,
        asks_usage: true,
        has_short_ids: false,
        writes_null_content: true,
        images: ImagesTaken::DataOrUrl,
        thinking_asked: ThinkingAsked::Never,
        thinking_returned: ThinkingReturned::Never,
        wants_key: true,
    };

    /// OpenAI.
    pub const OPENAI: Self = Self {
        name: "openai",
        tokens: TokensField::CompletionTokens,
        thinking_asked: ThinkingAsked::Effort,
        ..Self::GENERIC
    };

    /// Ollama.
    pub const OLLAMA: Self = Self {
        name: "ollama",
        images: ImagesTaken::Data,
        thinking_asked: ThinkingAsked::Effort,
        wants_key: false,
        ..Self::GENERIC
    };

    /// vLLM. It takes a key if it was started with one.
    pub const VLLM: Self = Self { name: "vllm", ..Self::GENERIC };

    /// llama.cpp's server. It takes a key if it was started with one.
    pub const LLAMA_CPP: Self =
        Self { name: "llama.cpp", images: ImagesTaken::Data, ..Self::GENERIC };

    /// LM Studio.
    pub const LM_STUDIO: Self =
        Self { name: "lm-studio", images: ImagesTaken::Data, wants_key: false, ..Self::GENERIC };

    /// OpenRouter.
    pub const OPENROUTER: Self = Self {
        name: "openrouter",
        thinking_asked: ThinkingAsked::Object,
        thinking_returned: ThinkingReturned::Field("reasoning"),
        ..Self::GENERIC
    };

    /// Groq.
    pub const GROQ: Self = Self {
        name: "groq",
        tokens: TokensField::CompletionTokens,
        thinking_asked: ThinkingAsked::Effort,
        ..Self::GENERIC
    };

    /// Mistral.
    pub const MISTRAL: Self = Self {
        name: "mistral",
        asks_usage: false,
        has_short_ids: true,
        writes_null_content: false,
        ..Self::GENERIC
    };

    /// xAI.
    pub const XAI: Self =
        Self { name: "xai", tokens: TokensField::CompletionTokens, ..Self::GENERIC };

    /// Together.
    pub const TOGETHER: Self = Self { name: "together", ..Self::GENERIC };

    /// Gemini, by its compatible endpoint.
    pub const GEMINI: Self = Self {
        name: "gemini",
        images: ImagesTaken::Data,
        thinking_asked: ThinkingAsked::Effort,
        thinking_returned: ThinkingReturned::CallSignature,
        ..Self::GENERIC
    };

    /// Every profile there is.
    pub const ALL: [Self; 12] = [
        Self::GENERIC,
        Self::OPENAI,
        Self::OLLAMA,
        Self::VLLM,
        Self::LLAMA_CPP,
        Self::LM_STUDIO,
        Self::OPENROUTER,
        Self::GROQ,
        Self::MISTRAL,
        Self::XAI,
        Self::TOGETHER,
        Self::GEMINI,
    ];

    /// The profile of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name == name)
    }

    pub(super) const fn id_shape(&self) -> IdShape {
        if self.has_short_ids { IdShape::Nine } else { IdShape::Any }
    }
}

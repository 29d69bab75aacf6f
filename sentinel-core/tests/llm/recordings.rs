//! The recordings, with what each of them says in plain words beside it.
//!
//! They are written after the public documentation of each API and the deviations that its users
//! report, one file a shape. The answer's number is 7 in all of them.

use sentinel_core::llm::{Dialect, OpenAiProfile};

/// One recorded stream.
pub(crate) struct Recording {
    pub(crate) name: &'static str,
    pub(crate) dialect: Dialect,
    pub(crate) stream: &'static str,
    /// The reply, as `render` writes it; or what there was of it and why no more, as `render_cut`
    /// does.
    pub(crate) reply: &'static str,
}

/// A table of recordings in a folder of `tests/data/llm`.
macro_rules! recordings {
    ($table:ident, $folder:literal, $dialect:expr, [$($name:literal),* $(,)?]) => {
        pub(crate) const $table: &[Recording] = &[$(Recording {
            name: concat!($folder, "/", $name),
            dialect: $dialect,
            stream: include_str!(concat!("../data/llm/", $folder, "/", $name, ".sse")),
            reply: include_str!(concat!("../data/llm/", $folder, "/", $name, ".reply")),
        }),*];
    };
}

recordings!(
    ANTHROPIC,
    "anthropic",
    Dialect::Anthropic,
    [
        "text",
        "thinking_and_tools",
        "thinking_left_out",
        "server_tools",
        "one_id_twice",
        "arguments_twice",
        "text_at_the_start",
        "stop_max_tokens",
        "stop_refusal",
        "stop_model_context_window_exceeded",
        "stop_reason_of_tomorrow",
        "empty",
    ]
);

// Streams in which the provider fails after it began to answer.
recordings!(
    ANTHROPIC_FAILED,
    "anthropic",
    Dialect::Anthropic,
    ["error_in_a_text", "error_in_arguments", "error_after_the_reason"]
);

recordings!(
    OPENAI,
    "openai",
    Dialect::OpenAi(OpenAiProfile::GENERIC),
    [
        "openai_text",
        "openai_tools",
        "interleaved",
        "openai_refusal",
        "content_filter",
        "function_call",
        "ollama",
        "same_number_no_id",
        "no_number_no_id",
        "id_and_name_repeated",
        "one_id_twice",
        "same_number_other_id",
        "quote_in_arguments",
        "name_after_id",
        "arguments_object",
        "no_done",
        "no_blank_line_at_the_end",
        "openrouter",
        "vllm",
        "llama_cpp",
        "lm_studio",
        "groq",
        "mistral",
        "xai",
        "together",
        "gemini",
        "azure",
        "crlf_and_messages",
        "other_choices",
    ]
);

/// The servers that a configuration can name, each with its recording.
pub(crate) const SERVERS: &[(OpenAiProfile, &str)] = &[
    (OpenAiProfile::OPENAI, "openai/openai_text"),
    (OpenAiProfile::OLLAMA, "openai/ollama"),
    (OpenAiProfile::VLLM, "openai/vllm"),
    (OpenAiProfile::LLAMA_CPP, "openai/llama_cpp"),
    (OpenAiProfile::LM_STUDIO, "openai/lm_studio"),
    (OpenAiProfile::OPENROUTER, "openai/openrouter"),
    (OpenAiProfile::GROQ, "openai/groq"),
    (OpenAiProfile::MISTRAL, "openai/mistral"),
    (OpenAiProfile::XAI, "openai/xai"),
    (OpenAiProfile::TOGETHER, "openai/together"),
    (OpenAiProfile::GEMINI, "openai/gemini"),
];

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Recording> {
    ANTHROPIC.iter().chain(OPENAI)
}

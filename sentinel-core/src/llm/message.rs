//! What is said between a person, a model and its tools, whatever the dialect on the wire.
//!
//! # Invariants
//! - A block says what it is, not how a dialect writes it: no field here belongs to one provider,
//!   and what a provider wants back unchanged (a signature, sealed thinking) is kept as opaque
//!   text.
//! - Arguments of a tool call and schemas of a tool are JSON texts as they were written. Whether
//!   they are objects, and whether they fit, is for the one who acts on them.
//!
//! # Not here
//! Where a block came from and who may read it: `label`. Which messages are kept: `agent`.

use alloc::string::String;
use alloc::vec::Vec;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The person's side: what people said, and what tools gave back.
    User,
    /// The model's side.
    Assistant,
}

/// One turn of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub blocks: Vec<Block>,
}

impl Message {
    /// A message of one text.
    #[must_use]
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self { role, blocks: alloc::vec![Block::Text(text.into())] }
    }
}

/// A part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// Words.
    Text(String),
    /// What the model thought before it answered. It goes back to the model that wrote it,
    /// unchanged.
    Thinking {
        /// The thoughts.
        text: String,
        /// The provider's proof that they are its own. Empty where there is none.
        signature: String,
    },
    /// Thinking that the provider sealed: opaque, and sent back as it came.
    SealedThinking(String),
    /// A picture.
    Image(Image),
    /// The model asks for a tool.
    ToolUse(ToolUse),
    /// What the tool gave back.
    ToolResult(ToolResult),
}

/// A picture that is referred to, not held: its bytes stay with the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its format.
    pub kind: ImageKind,
    /// Where it is.
    pub source: ImageSource,
}

/// Formats of pictures that models read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImageKind {
    /// Portable Network Graphics.
    Png,
    /// JPEG, which cameras write.
    Jpeg,
    /// Graphics Interchange Format.
    Gif,
    /// WebP.
    Webp,
}

impl ImageKind {
    /// What a file is that begins like this, if it is a picture that models read. What somebody
    /// called it says nothing.
    ///
    /// ```
    /// use sentinel_core::llm::ImageKind;
    ///
    /// assert_eq!(ImageKind::of(b"GIF89a..."), Some(ImageKind::Gif));
    /// assert_eq!(ImageKind::of(b"<svg>"), None);
    /// ```
    #[must_use]
    pub fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            _ => None,
        }
    }

    /// How many bytes of a file say what it is.
    pub const START_BYTES: usize = 12;

    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }
}

/// Where a picture is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// The provider fetches it.
    Url(String),
    /// The shell holds it and puts its bytes into the request.
    Held {
        /// What it is.
        image: HeldImage,
        /// The file, among those of its conversation.
        file: String,
    },
}

/// A picture that the shell holds: known by what is in it, so that no other one is sent for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HeldImage {
    /// The SHA-256 of its bytes.
    pub digest: [u8; 32],
    /// Its size.
    pub bytes_count: u64,
}

/// A tool call, as the model wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolUse {
    /// The call's name in this conversation; its result carries the same one.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments: meant to be the text of a JSON object.
    pub arguments: String,
}

/// What a tool call gave back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolResult {
    /// The call's name.
    pub id: String,
    /// What the model is shown.
    pub content: String,
    /// Whether the call failed, or was refused.
    pub is_error: bool,
}

/// A tool as a model is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolDefinition {
    /// Its name: letters, digits, `_` and `-`.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// The JSON Schema of its arguments: the text of a JSON object.
    pub parameters: String,
}

/// Why a model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// It had said what it wanted to say.
    End,
    /// It waits for the results of its tool calls.
    ToolUse,
    /// The answer reached its limit of tokens.
    TokensMax,
    /// A stop sequence of the request came up.
    StopSequence,
    /// It, or a filter around it, declined.
    Refusal,
    /// It paused a long turn and is to be asked to go on.
    Pause,
    /// The conversation filled the model's context.
    ContextFull,
    /// A reason that this version does not know.
    Other,
}

/// What an answer cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Usage {
    /// Tokens read that came from no cache.
    pub input_tokens: u64,
    /// Tokens written, thinking included.
    pub output_tokens: u64,
    /// Tokens read from the provider's cache.
    pub cache_read_tokens: u64,
    /// Tokens read and put into the provider's cache.
    pub cache_write_tokens: u64,
}

impl Usage {
    /// Everything that was read.
    #[must_use]
    pub fn read_tokens(&self) -> u64 {
        self.input_tokens
            .saturating_add(self.cache_read_tokens)
            .saturating_add(self.cache_write_tokens)
    }
}

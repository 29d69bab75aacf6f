//! The shape of the file: one description of every section and key.
//!
//! The reader, the suggestions, the schema, the document and what `show` prints all come from it.
//!
//! # Invariants
//! - A key has one description, and what is not described is refused.
//!
//! # Not here
//! The descriptions: [`keys`](super::keys). What they mean together: [`build`](super::build).

/// A section: `[name]`, or `[name.NAME]` as often as there are names.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) presence: Presence,
    /// What it is for, in a sentence.
    pub(super) doc: &'static str,
    pub(super) keys: &'static [Key],
}

/// What it means that a section is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// Nothing: its keys have their defaults.
    Always,
    /// What it describes is not there either.
    Optional,
    /// There may be any number, each with a name of its own.
    Named,
}

/// A key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// The value that counts when it is left out.
    pub(super) default: Default,
    /// Whether it plays a part in decisions.
    pub(super) decides: bool,
    /// What it is, in a sentence.
    pub(super) doc: &'static str,
}

/// What counts when a key is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Default {
    /// Nothing.
    None,
    /// This number.
    Integer(i64),
    /// This truth.
    Flag(bool),
    /// This text.
    Text(&'static str),
    /// What follows from the rest, said in words.
    Follows(&'static str),
}

/// What a value is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// A text.
    Text(Form),
    /// Texts in brackets.
    Texts(Form),
    /// Whole numbers in brackets.
    Integers {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// Names that the operator chooses, and a value for each.
    Map(&'static Kind),
    /// Keys of its own.
    Table(&'static [Key]),
    /// A secret, which must not be written here. The name of the variable that could hold it.
    Secret(&'static str),
}

/// What a text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One line that is not blank.
    Line,
    /// Any text.
    Prose,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// An id, which may be written as a number.
    Id,
    /// A path: absolute, beneath `~`, or beneath the directory it is read in.
    Path,
    /// An address with `http` or `https`.
    Url,
    /// An address of this machine with a port.
    Listen,
    /// An amount of money with at most six decimals.
    Money,
    /// A SHA-256 in hexadecimal.
    Digest,
    /// The name of a variable of the environment.
    Variable,
    /// The name of a systemd credential.
    Credential,
    /// A grant, in the language of grants.
    Grant,
    /// A public key of minisign.
    Signer,
    /// What is forbidden, in the language of grants without its `deny`.
    Denial,
}

impl Key {
    /// Whether it stands for a secret that must not be here.
    pub(super) const fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret(_))
    }

    pub(super) const fn shell(self) -> Self {
        Self { decides: false, ..self }
    }

    pub(super) const fn or(self, default: Default) -> Self {
        Self { default, ..self }
    }
}

/// A key without a default that plays a part in decisions.
pub(super) const fn key(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { name, kind, default: Default::None, decides: true, doc }
}

/// The key of this name.
pub(super) fn find_key(keys: &'static [Key], name: &str) -> Option<&'static Key> {
    keys.iter().find(|key| key.name == name)
}

/// The names that may be written.
pub(super) fn names(keys: &'static [Key]) -> impl Iterator<Item = &'static str> {
    keys.iter().filter(|key| !key.is_secret()).map(|key| key.name)
}

//! Parameters: the types of a function, and the JSON Schema that follows from them.
//!
//! # Invariants
//! - What the schema promises is what is taken: both are derived from one type.
//! - What was left out, stands twice or is not known is refused before the function is called.
//!
//! # Not here
//! Objects in objects: a call has one level of names, so that a person who is asked can read it.

use crate::host::Failure;
use crate::json::{FieldFault, Fields, Kind as Written, Text, Value};
use crate::limits::PARAMETERS_MAX;
use crate::write::Line;

/// A struct of parameters: what [`parameters!`](crate::parameters) makes.
pub trait Parameters: Sized {
    /// The parameters, in order.
    const FIELDS: &'static [Field];

    /// Reads an object.
    ///
    /// # Errors
    /// Which parameter is wrong.
    fn read(arguments: Value<'_>) -> Result<Self, Failure>;
}

/// A parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it is, line by line, as the comment above it says.
    pub description: &'static [&'static str],
    /// What it takes.
    pub kind: Kind,
    /// Whether it may be left out.
    pub is_optional: bool,
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text of at most so many bytes.
    Text {
        /// How many.
        bytes_max: usize,
    },
    /// A whole number in these bounds.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// So many of these at most.
    List {
        /// What each one is.
        of: &'static Self,
        /// How many.
        count_max: usize,
    },
    /// A handle: the number of something that the skill may use during this call.
    Handle,
}

/// A type that can be a parameter.
pub trait Parameter: Sized {
    /// What it takes.
    const KIND: Kind;
    /// Whether it may be left out.
    const IS_OPTIONAL: bool = false;

    /// Reads it, if it is that.
    fn read(value: Value<'_>) -> Option<Self>;

    /// What it is when it was left out, if it may be.
    fn absent() -> Option<Self> {
        None
    }
}

/// Something that the skill was given to use for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle(pub u32);

impl<const N: usize> Parameter for heapless::String<N> {
    const KIND: Kind = Kind::Text { bytes_max: N };

    fn read(value: Value<'_>) -> Option<Self> {
        let mut text = Self::new();
        value.text()?.pieces(&mut |piece| text.push_str(piece).is_ok()).then_some(text)
    }
}

impl<T: Parameter + 'static, const N: usize> Parameter for heapless::Vec<T, N> {
    const KIND: Kind = Kind::List { of: &T::KIND, count_max: N };

    fn read(value: Value<'_>) -> Option<Self> {
        let mut list = Self::new();
        for element in value.elements()? {
            list.push(T::read(element)?).ok()?;
        }
        Some(list)
    }
}

impl<T: Parameter> Parameter for Option<T> {
    const KIND: Kind = T::KIND;
    const IS_OPTIONAL: bool = true;

    fn read(value: Value<'_>) -> Option<Self> {
        T::read(value).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl Parameter for bool {
    const KIND: Kind = Kind::Flag;

    fn read(value: Value<'_>) -> Option<Self> {
        value.flag()
    }
}

impl Parameter for i64 {
    const KIND: Kind = Kind::Integer { min: Self::MIN, max: Self::MAX };

    fn read(value: Value<'_>) -> Option<Self> {
        value.integer()
    }
}

impl Parameter for i32 {
    const KIND: Kind = Kind::Integer { min: Self::MIN as i64, max: Self::MAX as i64 };

    fn read(value: Value<'_>) -> Option<Self> {
        value.integer()?.try_into().ok()
    }
}

impl Parameter for u32 {
    const KIND: Kind = Kind::Integer { min: 0, max: Self::MAX as i64 };

    fn read(value: Value<'_>) -> Option<Self> {
        value.integer()?.try_into().ok()
    }
}

impl Parameter for Handle {
    const KIND: Kind = Kind::Handle;

    fn read(value: Value<'_>) -> Option<Self> {
        let number = value.unsigned()?.try_into().ok()?;
        (number > 0).then_some(Self(number))
    }
}

/// Writes the JSON Schema of an object with these parameters.
pub fn write_schema(line: &mut Line<'_>, fields: &[Field]) {
    line.object();
    word(line, "type", "object");
    line.key("properties");
    line.object();
    for field in fields {
        line.key(field.name);
        line.object();
        write_kind(line, field.kind);
        line.key("description");
        write_lines(line, field.description);
        line.end_object();
    }
    line.end_object();
    line.key("required");
    line.list();
    for field in fields.iter().filter(|field| !field.is_optional) {
        line.text(Text::Plain(field.name));
    }
    line.end_list();
    line.key("additionalProperties");
    line.flag(false);
    line.end_object();
}

/// Writes the lines of a comment as one text.
pub(crate) fn write_lines(line: &mut Line<'_>, lines: &[&str]) {
    line.begin_text();
    for (index, text) in lines.iter().enumerate() {
        if index > 0 {
            line.part(Text::Plain(" "));
        }
        line.part(Text::Plain(text.trim_ascii()));
    }
    line.end_text();
}

fn write_kind(line: &mut Line<'_>, kind: Kind) {
    match kind {
        Kind::Text { bytes_max } => {
            word(line, "type", "string");
            line.key("maxLength");
            line.unsigned(bytes_max as u64);
        }
        Kind::Integer { min, max } => {
            word(line, "type", "integer");
            line.key("minimum");
            line.integer(min);
            line.key("maximum");
            line.integer(max);
        }
        Kind::Flag => word(line, "type", "boolean"),
        Kind::Choice(words) => {
            word(line, "type", "string");
            line.key("enum");
            line.list();
            for choice in words {
                line.text(Text::Plain(choice));
            }
            line.end_list();
        }
        Kind::List { of, count_max } => {
            word(line, "type", "array");
            line.key("items");
            line.object();
            // A list of lists is as deep as its type, which the compiler has seen the end of.
            write_kind(line, *of);
            line.end_object();
            line.key("maxItems");
            line.unsigned(count_max as u64);
        }
        Kind::Handle => {
            word(line, "type", "integer");
            word(line, "format", "handle");
        }
    }
}

fn word(line: &mut Line<'_>, key: &str, word: &str) {
    line.key(key);
    line.text(Text::Plain(word));
}

/// Reads the members of an object that has these fields. For [`parameters!`](crate::parameters).
#[doc(hidden)]
pub fn fields<'a, const N: usize>(
    arguments: Value<'a>,
    names: &[&str; N],
) -> Result<Fields<'a, N>, Failure> {
    const { assert!(N <= PARAMETERS_MAX, "a tool has too many parameters") };
    Fields::read(arguments, names).map_err(|fault| match fault {
        FieldFault::NoObject => Failure::arguments(&["the arguments are no object"]),
        FieldFault::Unknown => {
            Failure::arguments(&["there is a parameter that the tool does not have"])
        }
        FieldFault::Twice(index) => {
            let name = names.get(index).copied().unwrap_or_default();
            Failure::arguments(&["`", name, "` stands twice"])
        }
    })
}

/// Reads one parameter. For [`parameters!`](crate::parameters).
#[doc(hidden)]
pub fn field<T: Parameter>(value: Option<Value<'_>>, name: &str) -> Result<T, Failure> {
    match value {
        // Models say `null` for what they leave out.
        None => T::absent(),
        Some(value) if value.kind() == Written::Null => T::absent(),
        Some(value) => T::read(value),
    }
    .ok_or_else(|| match value {
        None => Failure::arguments(&["`", name, "` is missing"]),
        Some(_) => Failure::arguments(&["`", name, "` is not what the schema says it is"]),
    })
}

//! Paths as policy sees them: components, compared one by one.
//!
//! A path here is text that means the same to everybody who reads it: absolute, without `.`, `..`
//! or empty components. `..` is refused, not resolved: what `a/../b` names depends on whether `a`
//! is a link, and only the kernel knows that at the moment of use.
//!
//! # Invariants
//! - `/tmp` covers `/tmp/x` and never `/tmpfoo`: components are compared, never prefixes.
//! - Reading and comparing a path allocates nothing.
//!
//! # Not here
//! Links. The shell opens beneath a directory that it holds, with a call that follows none.

use alloc::boxed::Box;
use alloc::string::ToString;
use core::fmt;

use crate::limits::{CAPABILITY_PATH_BYTES_MAX, CAPABILITY_PATH_COMPONENTS_MAX};

/// An absolute path that was checked: a directory, and what is meant beneath it.
///
/// ```
/// use sentinel_core::capability::PathRef;
///
/// let file = PathRef::resolve("/srv/work", "docs/./a.txt")?;
/// assert_eq!(file.to_string(), "/srv/work/docs/a.txt");
/// assert!(file.is_within(PathRef::absolute("/srv/work")?));
/// assert!(!PathRef::absolute("/srv/workshop")?.is_within(PathRef::absolute("/srv/work")?));
/// assert!(PathRef::resolve("/srv/work", "../secrets").is_err());
/// # Ok::<(), sentinel_core::capability::PathError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PathRef<'p> {
    directory: &'p str,
    rest: &'p str,
}

impl<'p> PathRef<'p> {
    /// Reads an absolute path.
    ///
    /// # Errors
    /// It is relative, or no path that policy can judge.
    pub fn absolute(text: &'p str) -> Result<Self, PathError> {
        if !text.starts_with('/') && !text.is_empty() {
            return Err(if text.starts_with('~') { PathError::Home } else { PathError::Relative });
        }
        Self::checked("", text)
    }

    /// Reads a path as it is meant in `directory`: beneath it, unless it is absolute itself.
    ///
    /// # Errors
    /// One of the two is no path that policy can judge.
    pub fn resolve(directory: &'p str, text: &'p str) -> Result<Self, PathError> {
        if text.starts_with('/') {
            return Self::absolute(text);
        }
        if text.starts_with('~') {
            return Err(PathError::Home);
        }
        Self::absolute(directory)?;
        Self::checked(directory, text)
    }

    fn checked(directory: &'p str, rest: &'p str) -> Result<Self, PathError> {
        if rest.is_empty() {
            return Err(PathError::Empty);
        }
        // First, so that nothing long is read.
        if directory.len().saturating_add(rest.len()) > CAPABILITY_PATH_BYTES_MAX {
            return Err(PathError::TooLong);
        }
        if rest.chars().any(char::is_control) {
            return Err(PathError::Control);
        }
        let path = Self { directory, rest };
        let mut components_count = 0;
        for component in path.components() {
            if component == ".." {
                return Err(PathError::Parent);
            }
            components_count += 1;
        }
        let is_deep = components_count > CAPABILITY_PATH_COMPONENTS_MAX;
        if is_deep { Err(PathError::TooLong) } else { Ok(path) }
    }

    /// Its components, from the root.
    pub fn components(&self) -> impl Iterator<Item = &'p str> + Clone + use<'p> {
        let parts = self.directory.split('/').chain(self.rest.split('/'));
        parts.filter(|component| !component.is_empty() && *component != ".")
    }

    /// Whether it is `directory` or lies beneath it.
    #[must_use]
    pub fn is_within(&self, directory: PathRef<'_>) -> bool {
        let mut own = self.components();
        directory.components().all(|component| own.next() == Some(component))
    }
}

impl PartialEq for PathRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.components().eq(other.components())
    }
}

impl Eq for PathRef<'_> {}

impl fmt::Display for PathRef<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut components = self.components().peekable();
        if components.peek().is_none() {
            return formatter.write_str("/");
        }
        components.try_for_each(|component| write!(formatter, "/{component}"))
    }
}

/// An absolute path in its one spelling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Box<str>);

impl Path {
    /// Reads an absolute path.
    ///
    /// # Errors
    /// It is relative, or no path that policy can judge.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        PathRef::absolute(text).map(Self::from)
    }

    /// `/`.
    #[must_use]
    pub fn root() -> Self {
        Self("/".into())
    }

    /// The path, to compare it.
    #[must_use]
    pub fn borrow(&self) -> PathRef<'_> {
        PathRef { directory: "", rest: &self.0 }
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<PathRef<'_>> for Path {
    fn from(path: PathRef<'_>) -> Self {
        Self(path.to_string().into_boxed_str())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why a text is no path that policy can judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathError {
    /// There is nothing.
    Empty,
    /// It does not begin at the root, where it must.
    Relative,
    /// It begins with `~`, which programs replace by something else.
    Home,
    /// It holds a control character, such as NUL or a line end.
    Control,
    /// It holds `..`.
    Parent,
    /// It has too many bytes or components.
    TooLong,
}

impl fmt::Display for PathError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Empty => "the path is empty",
            Self::Relative => "the path does not begin with `/`; write it whole",
            Self::Home => "`~` means something else to every program; write the directory out",
            Self::Control => "the path holds a control character",
            Self::Parent => "`..` leads past links that nobody sees; write the path without it",
            Self::TooLong => "the path has more than 4095 bytes or 128 components",
        })
    }
}

impl core::error::Error for PathError {}

const _: () = assert!(CAPABILITY_PATH_BYTES_MAX == 4095 && CAPABILITY_PATH_COMPONENTS_MAX == 128);

#[cfg(test)]
mod tests {
    use super::*;

    fn within(path: &str, directory: &str) -> bool {
        let directory = PathRef::absolute(directory).unwrap();
        PathRef::absolute(path).unwrap().is_within(directory)
    }

    #[test]
    fn components_are_compared_never_prefixes() {
        for (path, directory, expected) in [
            ("/tmp/x", "/tmp", true),
            ("/tmp", "/tmp", true),
            ("/tmp/", "/tmp", true),
            ("//tmp///x/.", "/tmp/./", true),
            ("/tmpfoo/x", "/tmp", false),
            ("/tmp", "/tmp/x", false),
            ("/Tmp/x", "/tmp", false),
            ("/anything", "/", true),
            ("/tmp%2fx", "/tmp", false),
            ("/tmp\\x", "/tmp", false),
        ] {
            assert_eq!(within(path, directory), expected, "{path} in {directory}");
        }
    }

    #[test]
    fn what_could_mean_something_else_is_refused() {
        for (text, error) in [
            ("", PathError::Empty),
            ("a", PathError::Relative),
            ("~/a", PathError::Home),
            ("~root", PathError::Home),
            ("/a/../b", PathError::Parent),
            ("/..", PathError::Parent),
            ("/a\0b", PathError::Control),
            ("/a\nb", PathError::Control),
            ("/a\u{85}b", PathError::Control),
        ] {
            assert_eq!(PathRef::absolute(text), Err(error), "{text:?}");
        }
        for (text, error) in
            [("..", PathError::Parent), ("a/../../b", PathError::Parent), ("~", PathError::Home)]
        {
            assert_eq!(PathRef::resolve("/w", text), Err(error), "{text:?}");
        }
        assert_eq!(PathRef::resolve("w", "a"), Err(PathError::Relative));
        assert!(PathRef::resolve("/w", "...").is_ok(), "three dots are a name");
        let long = alloc::format!("/{}", "a".repeat(CAPABILITY_PATH_BYTES_MAX));
        assert_eq!(PathRef::absolute(&long), Err(PathError::TooLong));
        let deep = "/a".repeat(CAPABILITY_PATH_COMPONENTS_MAX + 1);
        assert_eq!(PathRef::absolute(&deep), Err(PathError::TooLong));
    }

    #[test]
    fn a_path_has_one_spelling() {
        let path = Path::parse("//a/./b//").unwrap();
        assert_eq!(path.as_str(), "/a/b");
        assert_eq!(Path::parse("/").unwrap().as_str(), "/");
        assert_eq!(PathRef::resolve("/a/", "./b").unwrap(), path.borrow());
        assert_eq!(Path::parse(path.as_str()), Ok(path));
    }
}

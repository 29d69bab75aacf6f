//! Folders as one line, from which the same settings can be made again.
//!
//! A log names its settings by their digest, and what skills there were is a part of them. So the
//! shell keeps this line with the text of the configuration.
//!
//! # Invariants
//! - What was written reads back as the same folders.
//!
//! # Not here
//! Keeping it: the shell.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Folder;
use crate::text::json::{self, Value};

impl Folder {
    /// These folders as one line.
    #[must_use]
    pub fn write_all(folders: &[Self]) -> String {
        json::array(|out| {
            for folder in folders {
                out.object(|out| {
                    out.field("name", folder.name.as_str()).field("place", folder.place.as_str());
                    out.optional("manifest", folder.manifest.as_deref());
                    out.optional("instructions", folder.instructions.as_deref());
                    out.optional("listing", folder.listing.as_deref());
                    out.optional("signature", folder.signature.as_deref());
                    out.array("programs", |out| {
                        for program in &folder.programs {
                            out.value(program.as_str());
                        }
                    });
                    out.field("digest", hex(&folder.digest).as_str());
                    out.optional("fault", folder.fault.as_deref());
                });
            }
        })
    }

    /// Reads such a line.
    #[must_use]
    pub fn read_all(line: &str) -> Option<Vec<Self>> {
        let document = json::Options::new().bytes(usize::MAX).parse(line.as_bytes()).ok()?;
        document.root().elements().ok()?.map(read).collect()
    }
}

fn read(value: Value<'_>) -> Option<Folder> {
    let text = |key: &str| Some(value.find(key)?.as_str().ok()?.to_string());
    let programs = value.get("programs").and_then(Value::elements).ok()?;
    let programs = programs.map(|program| Some(program.as_str().ok()?.to_string()));
    Some(Folder {
        name: text("name")?,
        place: text("place")?,
        manifest: text("manifest"),
        instructions: text("instructions"),
        listing: text("listing"),
        signature: text("signature"),
        programs: programs.collect::<Option<_>>()?,
        digest: unhex(&text("digest")?)?,
        fault: text("fault"),
    })
}

/// A digest as people see it.
#[must_use]
pub fn hex(digest: &[u8; 32]) -> String {
    digest.iter().map(|byte| alloc::format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let folders = vec![
            Folder {
                name: "tea".into(),
                place: "/skills/tea".into(),
                manifest: Some("[skill]\nname = \"tea\"\n".into()),
                programs: vec!["run".into(), "a \"b\"".into()],
                digest: [0xa7; 32],
                ..Folder::default()
            },
            Folder { name: "x".into(), fault: Some("gone".into()), ..Folder::default() },
        ];
        let line = Folder::write_all(&folders);
        assert!(!line.contains('\n'), "{line}");
        assert_eq!(Folder::read_all(&line), Some(folders));
        assert_eq!(Folder::read_all("[]"), Some(Vec::new()));
        for odd in ["", "{}", "[{}]", &line.replace("a7a7", "a7g7")] {
            assert_eq!(Folder::read_all(odd), None, "{odd}");
        }
    }
}

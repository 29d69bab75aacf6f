//! A master key from a passphrase, by Argon2id (RFC 9106).
//!
//! Beside the log stands how the key is made (the memory, the passes, the salt) and what it is
//! recognised by. So a wrong passphrase is said to be wrong before anything is opened with it, and
//! whoever steals the directory pays the whole price for every guess.
//!
//! # Invariants
//! - What a log was sealed with is never replaced here: a wrong passphrase destroys nothing.
//! - Passphrase, memory and what was derived are wiped.
//!
//! # Not here
//! Where the passphrase comes from: [`super::asked`] and [`crate::secrets`].

use std::fmt::Write as _;
use std::path::Path;

use argon2::{Algorithm, Block, ParamsBuilder, Version};
use sentinel_core::journal::MasterKey;
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

use crate::state;

/// How a key is made from a passphrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recipe {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: [u8; 16],
    /// What follows from the right passphrase, besides the key.
    check: [u8; 32],
}

impl Recipe {
    /// The one that stands in a directory.
    pub(super) fn find(directory: &Path) -> Result<Option<Self>, String> {
        let found = state::find(directory, NAME).map_err(|error| error.to_string())?;
        let Some(bytes) = found else { return Ok(None) };
        let read = std::str::from_utf8(&bytes).ok().and_then(Self::read);
        let odd = || {
            format!(
                "{}: it is not what was stored, and without it no passphrase opens the log; put \
                 back a copy of it",
                directory.join(NAME).display()
            )
        };
        read.map(Some).ok_or_else(odd)
    }

    /// Gives up one for whose log another key is used now. It is kept: a log that was taken
    /// elsewhere still opens with it.
    pub(super) fn put_aside(directory: &Path) -> Result<(), String> {
        let path = directory.join(NAME);
        match std::fs::rename(&path, directory.join(format!("{NAME}.old"))) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(format!("{}: {error}", path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Makes one for a new log, stores it, and gives the key. Blanks at the ends are nobody's: a
    /// file that the same words are put into later may have none, or others.
    pub(super) fn make(directory: &Path, passphrase: &str) -> Result<MasterKey, String> {
        let passphrase = passphrase.trim();
        if passphrase.chars().count() < PASSPHRASE_CHARACTERS_MIN {
            return Err(format!(
                "a passphrase has at least {PASSPHRASE_CHARACTERS_MIN} characters: who has the \
                 disk can try for as long as they like"
            ));
        }
        let salt = *state::entropy().map_err(|error| error.to_string())?;
        let mut recipe =
            Self { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES, salt, check: [0; 32] };
        let (key, check) = recipe.derive(passphrase)?;
        recipe.check = check;
        let failed = |error| format!("{}: {error}", directory.join(NAME).display());
        state::replace(directory, NAME, recipe.text().as_bytes()).map_err(failed)?;
        Ok(MasterKey::new(*key))
    }

    /// The key, if the passphrase is the right one.
    pub(super) fn key(&self, passphrase: &str) -> Result<Option<MasterKey>, String> {
        // As it is made; and as it was once made of what was typed.
        let trimmed = passphrase.trim();
        for passphrase in [Some(trimmed), (trimmed != passphrase).then_some(passphrase)] {
            let Some(passphrase) = passphrase else { continue };
            let (key, check) = self.derive(passphrase)?;
            // What is compared is no secret to whoever can read the file, and the passphrase is not
            // compared at all.
            if check == self.check {
                return Ok(Some(MasterKey::new(*key)));
            }
        }
        Ok(None)
    }

    fn derive(&self, passphrase: &str) -> Result<(Zeroizing<[u8; 32]>, [u8; 32]), String> {
        let failed = |error| format!("no key can be made from the passphrase: {error}");
        let mut parameters = ParamsBuilder::new();
        parameters.m_cost(self.memory_kib).t_cost(self.passes).p_cost(self.lanes).output_len(32);
        let context = parameters.context(Algorithm::Argon2id, Version::V0x13).map_err(failed)?;
        let blocks_count = context.params().block_count();
        let mut memory = Vec::new();
        if memory.try_reserve_exact(blocks_count).is_err() {
            return Err(format!("there is no room for the {} KiB that it takes", self.memory_kib));
        }
        memory.resize(blocks_count, Block::default());
        let mut root = Zeroizing::new([0; 32]);
        let bytes = passphrase.as_bytes();
        let made =
            context.hash_password_into_with_memory(bytes, &self.salt, &mut *root, &mut *memory);
        memory.iter_mut().for_each(Block::zeroize);
        made.map_err(failed)?;
        let part = |name: &str| -> [u8; 32] {
            let mut hash = Sha256::new();
            hash.update(name.as_bytes());
            hash.update(*root);
            hash.finalize().into()
        };
        let key = Zeroizing::new(part("sentinel passphrase key v1\n"));
        Ok((key, part("sentinel passphrase check v1\n")))
    }

    fn text(&self) -> String {
        let hex = |bytes: &[u8]| crate::audit::hex(bytes);
        let Self { memory_kib, passes, lanes, salt, check } = self;
        let mut text = String::new();
        // A String takes all that is written to it.
        let _ = write!(
            text,
            "{FIRST_LINE}\nargon2id m={memory_kib} t={passes} p={lanes}\nsalt {}\ncheck {}\n",
            hex(salt),
            hex(check)
        );
        text
    }

    fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        lines.next().filter(|line| *line == FIRST_LINE)?;
        let mut costs = lines.next()?.strip_prefix("argon2id ")?.split(' ');
        let mut cost = |name: &str, most: u32| -> Option<u32> {
            let number = costs.next()?.strip_prefix(name)?.parse().ok()?;
            (1..=most).contains(&number).then_some(number)
        };
        let memory_kib = cost("m=", MEMORY_KIB_MAX)?;
        let (passes, lanes) = (cost("t=", PASSES_MAX)?, cost("p=", LANES_MAX)?);
        let salt = lines.next()?.strip_prefix("salt ")?;
        let salt = crate::audit::key(&format!("{salt}{salt}"))?;
        let salt = *salt.first_chunk()?;
        let check = crate::audit::key(lines.next()?.strip_prefix("check ")?)?;
        let recipe = Self { memory_kib, passes, lanes, salt, check };
        // There is one spelling.
        (recipe.text() == text).then_some(recipe)
    }
}

const NAME: &str = "passphrase";
const FIRST_LINE: &str = "sentinel passphrase 1";

/// The second choice of RFC 9106 §4, for machines with little memory: 64 MiB, three passes.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 4;

/// A file that asks for more than this was not written here, and would keep the machine busy.
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
const PASSES_MAX: u32 = 64;
const LANES_MAX: u32 = 64;

/// Shorter ones are found in an afternoon, whatever a guess costs.
const PASSPHRASE_CHARACTERS_MIN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn cheap() -> Recipe {
        Recipe { memory_kib: 64, passes: 1, lanes: 1, salt: [7; 16], check: [0; 32] }
    }

    #[test]
    fn a_recipe_reads_back_and_others_are_refused() {
        let text = cheap().text();
        assert_eq!(Recipe::read(&text), Some(cheap()));
        for (from, to) in [
            ("m=64", "m=1048577"),
            ("m=64", "m=064"),
            ("t=1", "t=65"),
            ("t=1", "t=0"),
            ("p=1", "p=-1"),
            ("passphrase 1", "passphrase 2"),
            ("salt 07", "salt "),
            ("check 00", "check 0g"),
            ("argon2id", "argon2i"),
        ] {
            let other = text.replacen(from, to, 1);
            assert_ne!(other, text, "{from}");
            assert_eq!(Recipe::read(&other), None, "{other}");
        }
        assert_eq!(Recipe::read(&(text + "more\n")), None);
    }

    /// Everything that goes in decides what comes out.
    #[test]
    fn another_passphrase_or_salt_or_cost_is_another_key() {
        let (key, check) = cheap().derive("correct horse").unwrap();
        assert_eq!(cheap().derive("correct horse").unwrap(), (key.clone(), check));
        assert_ne!(*key, check);
        for (recipe, passphrase) in [
            (cheap(), "correct horsf"),
            (Recipe { salt: [8; 16], ..cheap() }, "correct horse"),
            (Recipe { passes: 2, ..cheap() }, "correct horse"),
            (Recipe { memory_kib: 65, ..cheap() }, "correct horse"),
        ] {
            let (other, other_check) = recipe.derive(passphrase).unwrap();
            assert!(*other != *key && other_check != check);
        }
        let right = Recipe { check, ..cheap() };
        assert!(right.key("correct horse").unwrap().is_some());
        assert!(right.key("correct horsf").unwrap().is_none());
    }

    /// The same words open the log, be they typed or in a file with a blank behind them; and those
    /// that made it with a blank do, too.
    #[test]
    fn blanks_at_the_ends_do_not_count() {
        let directory =
            std::env::temp_dir().join(format!("sentinel-blanks-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        Recipe::make(&directory, " correct horse ").unwrap();
        let recipe = Recipe::find(&directory).unwrap().unwrap();
        for passphrase in ["correct horse", "correct horse ", "\tcorrect horse"] {
            assert!(recipe.key(passphrase).unwrap().is_some(), "{passphrase:?}");
        }
        assert!(recipe.key("correcthorse").unwrap().is_none());
        let (_, check) = cheap().derive("correct horse ").unwrap();
        let older = Recipe { check, ..cheap() };
        assert!(older.key("correct horse ").unwrap().is_some());
        assert!(older.key("correct horse").unwrap().is_none());
        std::fs::remove_dir_all(directory).unwrap();
    }
}

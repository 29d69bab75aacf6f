//! A word counter: one source, a Linux program and a WASM module.
#![cfg_attr(target_family = "wasm", no_std, no_main)]

use sentinel_skill_abi::{Failure, Handle, Host, String, choice, output, parameters, skill};

choice! {
    /// What ends a word.
    enum Between {
        /// White space alone.
        Space = "space",
        Punctuation = "punctuation",
    }
}

parameters! {
    /// A text.
    struct Text {
        /// The text to count in.
        text: String<16384>,
        /// What ends a word: white space (if nothing is said), or punctuation as well.
        between: Option<Between>,
    }
}

parameters! {
    /// A file.
    struct File {
        /// The file to count in.
        file: Handle,
    }
}

output! {
    /// How many there are.
    #[derive(Default)]
    struct Counted {
        lines: u64,
        words: u64,
        characters: u64,
    }
}

/// Counts, a piece of a text at a time.
struct Counter {
    between: Between,
    counted: Counted,
    is_in_word: bool,
}

impl Counter {
    fn new(between: Between) -> Self {
        Self { between, counted: Counted::default(), is_in_word: false }
    }

    fn count(&mut self, text: &str) {
        for character in text.chars() {
            let is_of_word = match self.between {
                Between::Space => !character.is_whitespace(),
                Between::Punctuation => {
                    !character.is_whitespace() && !character.is_ascii_punctuation()
                }
            };
            self.counted.characters += 1;
            self.counted.lines += u64::from(character == '\n');
            self.counted.words += u64::from(is_of_word && !self.is_in_word);
            self.is_in_word = is_of_word;
        }
    }
}

fn count(parameters: Text, _: &mut Host<'_>) -> Result<Counted, Failure> {
    let mut counter = Counter::new(parameters.between.unwrap_or(Between::Space));
    counter.count(&parameters.text);
    Ok(counter.counted)
}

fn count_file(parameters: File, host: &mut Host<'_>) -> Result<Counted, Failure> {
    let mut counter = Counter::new(Between::Space);
    let mut room = [0; 4096];
    let mut offset = 0;
    loop {
        let (length, is_last) = host.read(parameters.file, offset, &mut room)?;
        let bytes = room.get(..length).unwrap_or_default();
        // A character may be cut where the bytes end; what is left of it comes with the next.
        let whole = match core::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) if error.error_len().is_none() => {
                let whole = bytes.get(..error.valid_up_to()).unwrap_or_default();
                core::str::from_utf8(whole).unwrap_or_default()
            }
            Err(_) => return Err(Failure::new("the file is not text in UTF-8")),
        };
        counter.count(whole);
        offset += whole.len() as u64;
        match (is_last, whole.len() == length) {
            (true, true) => return Ok(counter.counted),
            (true, false) => return Err(Failure::new("the file ends within a character")),
            (false, _) if whole.is_empty() => {
                return Err(Failure::new("nothing was read, and it is not the end"));
            }
            (false, _) => host.progress(offset, None, None)?,
        }
    }
}

skill!("word-count", env!("CARGO_PKG_VERSION"), {
    /// Counts the lines, words and characters of a text.
    count(Text);
    /// Counts the lines, words and characters of a file.
    count_file(File);
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_over_the_ends_of_pieces() {
        let mut counter = Counter::new(Between::Space);
        for piece in ["one tw", "o,thr", "ee\n", "été"] {
            counter.count(piece);
        }
        let Counted { lines, words, characters } = counter.counted;
        assert_eq!((lines, words, characters), (1, 3, 17));
        let mut counter = Counter::new(Between::Punctuation);
        counter.count("one two,three");
        assert_eq!(counter.counted.words, 3);
    }
}

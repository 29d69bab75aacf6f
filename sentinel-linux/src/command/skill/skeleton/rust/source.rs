//! A skill: functions, and the types of their parameters. The manifest has to say the same.
#![cfg_attr(target_family = "wasm", no_std, no_main)]

use sentinel_skill_abi::parameter::{Kind, Parameter};
use sentinel_skill_abi::{Failure, Host, String, Vec, json, parameters, skill};

parameters! {
    /// What is measured.
    struct Lengths {
        /// The text.
        text: String<4096>,
        /// How many words at most; 10 if nothing is said.
        most: Option<Most>,
    }
}

/// A number with bounds of its own.
#[derive(Debug)]
struct Most(usize);

impl Parameter for Most {
    const KIND: Kind = Kind::Integer { min: 1, max: 100 };

    fn read(value: json::Value<'_>) -> Option<Self> {
        let number = value.unsigned()?.try_into().ok()?;
        (1..=100).contains(&number).then_some(Self(number))
    }
}

fn lengths(parameters: Lengths, _: &mut Host<'_>) -> Result<Vec<u64, 100>, Failure> {
    Ok(measured(&parameters.text, parameters.most.map_or(10, |most| most.0)))
}

fn measured(text: &str, most: usize) -> Vec<u64, 100> {
    text.split_whitespace().take(most).map(|word| word.chars().count() as u64).collect()
}

skill!("SKILL_NAME", env!("CARGO_PKG_VERSION"), {
    /// How long each word of a text is, in characters.
    lengths(Lengths);
});

#[cfg(test)]
mod tests {
    #[test]
    fn characters_are_counted_not_bytes() {
        assert_eq!(super::measured("grün is green", 2), [4, 2]);
    }
}

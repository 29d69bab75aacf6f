//! Did you mean: the known name closest to a mistyped one.

use crate::error::Error;

/// The error for a name nobody knows, with the closest known one if there is one close enough.
pub(crate) fn unknown<'a>(
    kind: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    list: &str,
) -> Error {
    let error = Error::new(format!("unknown {kind} `{name}`"));
    match closest(name, known) {
        Some(known) => error.help(format!("did you mean `{known}`? `{list}` lists all")),
        None => error.help(format!("`{list}` lists all")),
    }
}

/// The known name with the fewest edits, if that is at most a third of its letters.
fn closest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|known| (edits(name, known), known))
        .filter(|(edits, known)| *edits <= known.len().div_ceil(3))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, known)| known)
}

/// How many letters to insert, remove or replace to get from one word to the other (Levenshtein).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (removed, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = removed + 1;
        for (index, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[index + 1];
            row[index + 1] = replaced.min(row[index] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("same", "same"), 0);
    }

    #[test]
    fn the_closest_name_is_offered_and_a_far_one_is_not() {
        let known = ["check", "tidy", "metal"];
        assert_eq!(closest("tydi", known), Some("tidy"));
        assert_eq!(closest("chek", known), Some("check"));
        assert_eq!(closest("deploy", known), None);
    }
}

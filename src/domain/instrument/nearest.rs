//! The word somebody may have meant.

/// Of these words the one that this one was most likely meant to be; `None` when none is near.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = plain(word);
    let near = known.into_iter().filter_map(|known| {
        let candidate = plain(known);
        let length = wanted.len().max(candidate.len());
        let apart = distance(&wanted, &candidate);
        // A word of ten letters may have three wrong, one of three a single one.
        let begins = wanted.len() >= 3 && candidate.starts_with(&wanted);
        (apart <= (length / 3).clamp(usize::from(length > 1), 3) || begins)
            .then_some(((!begins, apart), known))
    });
    near.min_by_key(|(far, _)| *far).map(|(_, known)| known)
}

/// What is left when case and everything between the letters is no matter.
fn plain(word: &str) -> Vec<char> {
    let letters = word.chars().filter(|c| c.is_alphanumeric()).take(64);
    letters.flat_map(char::to_lowercase).collect()
}

/// How many letters are to be put in, taken out, changed, or swapped with their neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, other) in b.iter().enumerate() {
            let changed = last[j] + usize::from(letter != other);
            let mut best = changed.min(last[j + 1] + 1).min(row[j] + 1);
            let swapped = i > 0 && j > 0 && a[i - 1] == *other && b[j - 1] == *letter;
            if swapped {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_pen_is_recognised_and_another_word_is_not() {
        let known = ["bands_source", "bands", "items", "id", "peq", "phq9"];
        for (seen, meant) in [
            ("band_source", Some("bands_source")),
            ("itmes", Some("items")),
            ("Items", Some("items")),
            ("PHQ-9", Some("phq9")),
            ("phq", Some("phq9")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(seen, known), meant, "{seen}");
        }
    }
}

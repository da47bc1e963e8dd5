//! The questions that two questionnaires have in common, found in their definitions: the same LOINC code of the question, or word for word the same
//! question and answers. Always with the same values, so that an answer to one is an answer to the other.

use super::{Instrument, Position, Texts};

/// A question that stands in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shared {
    /// Where it is in the first.
    pub from: Position,
    /// Where it is in the second.
    pub to: Position,
}

/// The questions of `from` that `to` asks too, both read in this language; each at most once. Empty when either has no wording in it.
#[must_use]
pub fn shared(from: &Instrument, to: &Instrument, language: &str) -> Vec<Shared> {
    let (Some(words), Some(others)) = (wording(from, language), wording(to, language)) else {
        return vec![];
    };
    let mut taken = vec![false; to.items.len()];
    let mut found = vec![];
    for position in 0..from.items.len() {
        let same = |other: &Position| {
            !taken.get(*other).copied().unwrap_or(true)
                && is_same((from, words, position), (to, others, *other))
        };
        if let Some(other) = (0..to.items.len()).find(same) {
            if let Some(slot) = taken.get_mut(other) {
                *slot = true;
            }
            found.push(Shared {
                from: position,
                to: other,
            });
        }
    }
    found
}

fn wording<'a>(instrument: &'a Instrument, language: &str) -> Option<&'a Texts> {
    instrument
        .texts(language)
        .filter(|texts| !texts.items.is_empty())
}

fn is_same(
    (a, a_words, at): (&Instrument, &Texts, Position),
    (b, b_words, other): (&Instrument, &Texts, Position),
) -> bool {
    let (Some(one), Some(two)) = (a.items.get(at), b.items.get(other)) else {
        return false;
    };
    // In the same order or not: the value is what is kept.
    let alike = one.answered_by == two.answered_by
        && one.options.len() == two.options.len()
        && one.values().all(|value| two.has_value(value));
    let same_code = match (&one.loinc, &two.loinc) {
        (Some(one), Some(two)) => Some(one == two),
        _ => None,
    };
    let same_words = || a_words.items.get(at) == b_words.items.get(other);
    alike && same_code.unwrap_or_else(same_words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::instrument::Library;

    fn pairs(from: &str, to: &str, language: &str) -> Vec<(Position, Position)> {
        let library = Library::embedded();
        let (from, to) = (library.get(from).unwrap(), library.get(to).unwrap());
        let found = shared(from, to, language);
        found.iter().map(|one| (one.from, one.to)).collect()
    }

    #[test]
    fn a_short_form_shares_its_questions_with_the_long_one_in_every_language_both_have() {
        assert_eq!(pairs("phq2", "phq9", "en"), [(0, 0), (1, 1)]);
        assert_eq!(pairs("phq2", "phq9", "es"), [(0, 0), (1, 1)]);
        assert_eq!(pairs("gad2", "gad7", "en"), [(0, 0), (1, 1)]);
    }

    #[test]
    fn nothing_is_shared_without_words_in_the_language_or_with_other_questions() {
        assert!(pairs("phq2", "phq9", "xx").is_empty());
        assert!(pairs("phq2", "gad7", "en").is_empty());
    }

    #[test]
    fn two_codes_that_differ_are_two_questions_whatever_their_words() {
        let library = Library::embedded();
        let (mut from, to) = (
            library.get("phq2").unwrap().clone(),
            library.get("phq9").unwrap(),
        );
        from.items[0].loinc = Some("1-1".into());
        from.items[1].loinc = None;
        let found = shared(&from, to, "en");
        assert_eq!(found, [Shared { from: 1, to: 1 }]);
    }
}

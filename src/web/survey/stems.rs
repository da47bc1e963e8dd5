//! What stands above a question: the instruction and the stems, as on the printed form.

use crate::domain::instrument::{ItemTexts, Texts};

/// What stands above an item: its stem, and above the first one the instrument's instruction too, as on the printed form.
pub fn stem_words(texts: &Texts, position: usize) -> String {
    let stem = texts
        .items
        .get(position)
        .and_then(|words| words.stem.as_deref());
    let instruction = texts.instruction.as_deref().filter(|_| position == 0);
    [instruction, stem]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// The same above the first item of a form that is shown, where the ones before it were answered elsewhere.
pub fn opening_words(texts: &Texts, position: usize) -> String {
    let stem = texts
        .items
        .get(position)
        .and_then(|words| words.stem.as_deref());
    [texts.instruction.as_deref(), stem]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// The stem that begins at an item of a list; empty while the one before goes on.
pub fn new_stem(texts: &[ItemTexts], position: usize) -> &str {
    let stem = |at: usize| texts.get(at).and_then(|words| words.stem.as_deref());
    match (position.checked_sub(1).map(stem), stem(position)) {
        (Some(before), Some(now)) if before != Some(now) => now,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::{new_stem, stem_words};
    use crate::domain::instrument::Library;

    #[test]
    fn a_list_says_the_stem_again_where_it_changes() {
        let library = Library::embedded();
        let texts = library
            .get("pc_ptsd_5")
            .expect("a shipped instrument")
            .texts_or_english("en");
        let begins: Vec<usize> = (0..texts.items.len())
            .filter(|at| !new_stem(&texts.items, *at).is_empty())
            .collect();
        assert_eq!(begins, [1]);
        assert_eq!(new_stem(&texts.items, 1), "In the past month, have you:");
    }

    #[test]
    fn the_instruction_stands_above_the_first_question_only() {
        let library = Library::embedded();
        let texts = library
            .get("pcl5")
            .expect("a shipped instrument")
            .texts_or_english("en");
        assert!(stem_words(texts, 0).starts_with("Below is a list of problems"));
        assert_eq!(
            stem_words(texts, 1),
            "In the past month, how much were you bothered by:"
        );
    }
}

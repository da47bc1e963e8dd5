//! Scoring stored answers anew: when one version's rules may score another version's answers, and what an episode's newest scores
//! amount to. Not here: scoring (`scoring`), storing (`app::rescore`).

use super::change::Direction;
use super::instrument::{Instrument, Scale};
use super::submission::{Course, Extreme};

/// Why the rules of one version cannot score the answers given to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    /// They ask different questions, or offer different answers.
    OtherQuestions,
    /// This scale is gone: its scores could not be followed any more.
    ScaleGone(String),
}

/// Whether the answers to `from` can be scored by `to`: the same questions with the same answers, and no scale lost.
///
/// # Errors
/// [`Misfit`].
pub fn fits(from: &Instrument, to: &Instrument) -> Result<(), Misfit> {
    let questions = |instrument: &Instrument| -> Vec<_> {
        let items = instrument.items.iter();
        items
            .map(|item| {
                (
                    item.id.clone(),
                    item.answered_by,
                    item.values().collect::<Vec<_>>(),
                )
            })
            .collect()
    };
    if questions(from) != questions(to) {
        return Err(Misfit::OtherQuestions);
    }
    let gone = |scale: &&Scale| to.scale(&scale.id).is_none();
    match from.scales.iter().find(gone) {
        Some(scale) => Err(Misfit::ScaleGone(scale.id.clone())),
        None => Ok(()),
    }
}

/// The course that these scores make, oldest first; `None` without one.
pub fn course(
    scores: impl IntoIterator<Item = Extreme>,
    direction: Direction,
    most: usize,
) -> Option<Course> {
    let mut scores = scores.into_iter();
    let mut course = Course::begin(scores.next()?);
    scores.for_each(|score| course.add(score, direction, most));
    Some(course)
}

/// Which way a scale points; a scale that states nothing points up.
#[must_use]
pub fn direction(scale: &Scale) -> Direction {
    let change = scale.change.as_ref();
    change.map_or(Direction::HigherIsWorse, |change| change.direction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::instrument::Library;

    #[test]
    fn a_version_scores_only_answers_to_its_own_questions() {
        let library = Library::embedded();
        let known = library.get("phq9").unwrap();
        assert_eq!(fits(known, known), Ok(()));
        assert_eq!(
            fits(known, library.get("gad7").unwrap()),
            Err(Misfit::OtherQuestions)
        );
        let mut fewer = library.get("pcl5").unwrap().clone();
        let gone = fewer.scales.pop().unwrap();
        assert_eq!(
            fits(library.get("pcl5").unwrap(), &fewer),
            Err(Misfit::ScaleGone(gone.id))
        );
    }
}

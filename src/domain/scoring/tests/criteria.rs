//! Criteria with missing answers, against every way to fill the gaps.

use super::{answers, score, shipped};
use crate::domain::instrument::{Answers, Instrument};
use crate::domain::scoring::Verdict;
use proptest::prelude::*;

/// The verdicts of every criterion over every way to fill the gaps among the items.
fn verdicts_over_all_fillings(instrument: &Instrument, answers: &Answers) -> Vec<Vec<Verdict>> {
    let mut all = vec![Vec::new(); instrument.criteria.len()];
    fill(instrument, answers.clone(), 0, &mut all);
    all
}

fn fill(instrument: &Instrument, answers: Answers, from: usize, all: &mut [Vec<Verdict>]) {
    let gap = (from..instrument.items.len()).find(|&position| answers.get(position).is_none());
    let Some(gap) = gap else {
        for (verdicts, judged) in all.iter_mut().zip(score(instrument, &answers).criteria) {
            verdicts.push(judged.verdict);
        }
        return;
    };
    for option in &instrument.items[gap].options {
        let mut filled = answers.clone();
        filled.set(instrument, gap, option.value).unwrap();
        fill(instrument, filled, gap + 1, all);
    }
}

fn agreed(verdicts: &[Verdict]) -> Verdict {
    let first = verdicts[0];
    if verdicts.iter().all(|verdict| *verdict == first) {
        first
    } else {
        Verdict::Unknown
    }
}

/// A form with up to four gaps. Few high answers, so that criteria are often near their edge.
fn nearly_complete(instrument: &'static Instrument) -> impl Strategy<Value = Answers> {
    let items = instrument.items.len();
    let values = proptest::collection::vec(0_usize..3, items);
    let gaps = proptest::collection::vec(0..items, 0..=4);
    (values, gaps).prop_map(move |(values, gaps)| {
        let mut answers = Answers::none(instrument);
        for (position, choice) in values.into_iter().enumerate() {
            answers
                .set(
                    instrument,
                    position,
                    instrument.items[position].options[choice].value,
                )
                .unwrap();
        }
        gaps.into_iter().for_each(|gap| answers.clear(gap));
        answers
    })
}

fn verdict_is_exact(instrument: &Instrument, answers: &Answers) -> Result<(), TestCaseError> {
    let found: Vec<_> = score(instrument, answers)
        .criteria
        .iter()
        .map(|judged| judged.verdict)
        .collect();
    let wanted: Vec<_> = verdicts_over_all_fillings(instrument, answers)
        .iter()
        .map(|all| agreed(all))
        .collect();
    prop_assert_eq!(found, wanted);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_criterion_is_open_exactly_when_the_gaps_of_a_phq9_decide_it(answers in nearly_complete(shipped("phq9"))) {
        verdict_is_exact(shipped("phq9"), &answers)?;
    }

    #[test]
    fn a_criterion_is_open_exactly_when_the_gaps_of_a_pcl5_decide_it(answers in nearly_complete(shipped("pcl5"))) {
        verdict_is_exact(shipped("pcl5"), &answers)?;
    }
}

#[test]
fn a_criterion_met_despite_gaps_is_met() {
    let scored_form = answers(shipped("phq9"), "2 2 2 2 2 - - - - -");
    let scored = score(shipped("phq9"), &scored_form);
    assert_eq!(
        scored.criterion("major_depressive_syndrome"),
        Some(Verdict::Met)
    );
    assert_eq!(
        scored.criterion("other_depressive_syndrome"),
        Some(Verdict::NotMet)
    );
    assert_eq!(scored.scores[0].value, None);
}

#[test]
fn more_gaps_than_are_tried_out_are_never_guessed() {
    let empty = Answers::none(shipped("pcl5"));
    assert_eq!(
        score(shipped("pcl5"), &empty).criterion("provisional_ptsd"),
        Some(Verdict::Unknown)
    );
}

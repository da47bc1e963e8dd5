//! What must hold for every shipped definition, whatever is answered.

use crate::domain::instrument::{Answers, Instrument, Library, Position};
use crate::domain::risk::rules;
use crate::domain::scoring::{Completion, score};
use proptest::prelude::*;

/// Any instrument with any answers: about one item in six left out.
fn any_form() -> impl Strategy<Value = (&'static Instrument, Vec<(Position, i16)>)> {
    let instruments: Vec<_> = Library::embedded().iter().collect();
    proptest::sample::select(instruments).prop_flat_map(|instrument| {
        let choices = proptest::collection::vec(0_usize..6, instrument.items.len());
        let gaps = proptest::collection::vec(0_u8..6, instrument.items.len());
        let written = (choices, gaps).prop_map(move |(choices, gaps)| {
            let answered = (0..instrument.items.len()).filter(|&position| gaps[position] > 0);
            let value = |position: Position| {
                let options = &instrument.items[position].options;
                (position, options[choices[position] % options.len()].value)
            };
            answered.map(value).collect::<Vec<_>>()
        });
        (Just(instrument), written.prop_shuffle())
    })
}

fn filled(instrument: &Instrument, written: &[(Position, i16)]) -> Answers {
    let mut answers = Answers::none(instrument);
    for (position, value) in written {
        answers.set(instrument, *position, *value).unwrap();
    }
    answers
}

proptest! {
    #[test]
    fn a_score_is_inside_its_scale_and_its_band((instrument, written) in any_form()) {
        for score in score(instrument, &filled(instrument, &written)).scores {
            let Some(value) = score.value else { continue };
            prop_assert!(value >= score.scale.lowest && value <= score.scale.highest);
            prop_assert_eq!(score.band.is_some(), !score.scale.bands.is_empty());
            if let Some(band) = score.band {
                prop_assert!(f64::from(band.from) <= value && value < f64::from(band.to) + 1.0);
            }
        }
    }

    #[test]
    fn the_order_of_answering_changes_nothing((instrument, written) in any_form()) {
        let mut sorted = written.clone();
        sorted.sort_unstable();
        let (shuffled, sorted) = (filled(instrument, &written), filled(instrument, &sorted));
        prop_assert_eq!(score(instrument, &shuffled), score(instrument, &sorted));
    }

    #[test]
    fn an_incomplete_form_never_shows_its_partial_sum((instrument, written) in any_form()) {
        let answers = filled(instrument, &written);
        for score in score(instrument, &answers).scores {
            let positions = score.scale.items.iter().map(|item| item.position);
            let missing = positions.filter(|&position| instrument.is_asked(&answers, position) && answers.get(position).is_none());
            let missing = u16::try_from(missing.count()).unwrap();
            prop_assert_eq!(score.answered + score.not_asked + missing, score.items);
            prop_assert_eq!(score.value.is_none(), missing > score.scale.missing.tolerates());
            prop_assert_eq!(score.value.is_none(), score.reason.is_some());
            prop_assert_eq!(score.completed_by == Completion::Nothing, missing == 0 || score.value.is_none());
        }
    }

    #[test]
    fn an_answer_of_zero_is_never_missing((instrument, written) in any_form()) {
        let zeroed: Vec<_> = written.iter().map(|(position, _)| (*position, 0)).collect();
        let answers = filled(instrument, &zeroed);
        prop_assert_eq!(answers.answered(), written.len());
        for (position, _) in written {
            prop_assert_eq!(answers.get(position), Some(0));
        }
    }

    #[test]
    fn a_risk_rule_looks_at_its_own_answer_and_nothing_else((instrument, written) in any_form()) {
        let answers = filled(instrument, &written);
        let hits = rules::evaluate(instrument, &answers);
        for rule in &instrument.risk_rules {
            let fires = answers.get(rule.item).is_some_and(|value| value >= rule.at_least);
            prop_assert_eq!(hits.iter().any(|hit| hit.rule == rule), fires);
        }
    }

    #[test]
    fn answers_survive_being_stored((instrument, written) in any_form()) {
        let answers = filled(instrument, &written);
        prop_assert_eq!(Answers::from_json(instrument, &answers.to_json(instrument)).unwrap(), answers);
    }
}

#[test]
fn every_band_is_reached_and_none_overlaps() {
    for scale in Library::embedded()
        .iter()
        .flat_map(|instrument| &instrument.scales)
    {
        if scale.bands.is_empty() {
            continue;
        }
        let (lowest, highest) = (scale.bands[0].from, scale.bands[scale.bands.len() - 1].to);
        let mut reached = Vec::new();
        for value in lowest..=highest {
            let inside: Vec<_> = scale
                .bands
                .iter()
                .filter(|band| (band.from..=band.to).contains(&value))
                .collect();
            assert_eq!(inside.len(), 1, "{value} on {}", scale.id);
            assert_eq!(scale.band(f64::from(value)), Some(inside[0]));
            reached.push(inside[0].id.clone());
        }
        reached.dedup();
        assert_eq!(reached.len(), scale.bands.len());
    }
}

#[test]
fn a_risk_hit_says_how_far_up_the_answer_is() {
    let instrument = Library::embedded().get("phq9").unwrap();
    let position = instrument.position("9").unwrap();
    for value in 1..=3 {
        let hits = rules::evaluate(instrument, &filled(instrument, &[(position, value)]));
        assert_eq!(
            (hits[0].value, i32::from(hits[0].grade), hits[0].item),
            (value, i32::from(value), "9")
        );
    }
}

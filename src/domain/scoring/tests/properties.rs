//! What must hold for every shipped definition, whatever is answered.

use super::score;
use crate::domain::instrument::{
    AnsweredBy, Answers, Blank, Instrument, Library, Method, Position,
};
use crate::domain::risk::rules;
use crate::domain::scoring::{Completion, Reason};
use proptest::prelude::*;

/// What is written at an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Declined,
    One(i16),
    Several([i16; 2]),
    Words,
}

type Form = Vec<(Position, Written)>;

/// Any instrument with any answers: about one item in six left out, one in thirty-six declined.
fn any_form() -> impl Strategy<Value = (&'static Instrument, Form)> {
    let instruments: Vec<_> = Library::embedded().iter().collect();
    proptest::sample::select(instruments).prop_flat_map(|instrument| {
        let choices =
            proptest::collection::vec((0_usize..500, 0_usize..500), instrument.items.len());
        let gaps = proptest::collection::vec(0_u8..36, instrument.items.len());
        let written = (choices, gaps).prop_map(move |(choices, gaps)| {
            let there = (0..instrument.items.len()).filter(|&position| gaps[position] > 5);
            there
                .map(|position| {
                    (
                        position,
                        write(instrument, position, choices[position], gaps[position]),
                    )
                })
                .collect::<Vec<_>>()
        });
        (Just(instrument), written.prop_shuffle())
    })
}

fn write(instrument: &Instrument, position: Position, choice: (usize, usize), gap: u8) -> Written {
    let item = &instrument.items[position];
    let values: Vec<_> = item.values().collect();
    match item.answered_by {
        _ if gap == 6 => Written::Declined,
        AnsweredBy::Words => Written::Words,
        AnsweredBy::Several => {
            Written::Several([choice.0, choice.1].map(|choice| values[choice % values.len()]))
        }
        AnsweredBy::One | AnsweredBy::Number { .. } => {
            Written::One(values[choice.0 % values.len()])
        }
    }
}

fn filled(instrument: &Instrument, written: &[(Position, Written)]) -> Answers {
    let mut answers = Answers::none(instrument);
    for (position, written) in written {
        match written {
            Written::Declined => answers.decline(*position),
            Written::One(value) => answers.set(instrument, *position, *value).unwrap(),
            Written::Several(values) => answers.set_several(instrument, *position, values).unwrap(),
            Written::Words => answers
                .set_words(instrument, *position, "plain \"words\"\n")
                .unwrap(),
        }
    }
    answers
}

proptest! {
    #[test]
    fn a_score_is_inside_its_scale_and_its_band((instrument, written) in any_form()) {
        for score in score(instrument, &filled(instrument, &written)).scores {
            let Some(value) = score.value else { continue };
            prop_assert!(value >= score.scale.lowest && value <= score.scale.highest);
            let banded = score.banding.is_some() && score.out_of.is_none();
            prop_assert_eq!(score.band.is_some(), banded);
            if let (Some(band), Some(banding)) = (score.band, score.banding) {
                let at = banding.bands.iter().position(|known| known == band).unwrap();
                prop_assert!(band.from <= value + 1e-9);
                prop_assert!(banding.bands.get(at + 1).is_none_or(|next| value < next.from));
            }
        }
    }

    #[test]
    fn the_order_of_answering_changes_nothing((instrument, written) in any_form()) {
        let mut sorted = written.clone();
        sorted.sort_unstable_by_key(|(position, _)| *position);
        let (shuffled, sorted) = (filled(instrument, &written), filled(instrument, &sorted));
        prop_assert_eq!(score(instrument, &shuffled), score(instrument, &sorted));
    }

    #[test]
    fn an_incomplete_form_never_shows_its_partial_sum((instrument, written) in any_form()) {
        let answers = filled(instrument, &written);
        for score in score(instrument, &answers).scores {
            prop_assert_eq!(score.value.is_none(), score.reason.is_some());
            prop_assert!(score.answered + score.not_asked + score.declined <= score.items);
            if matches!(score.scale.method, Method::Rules(_)) || score.reason == Some(Reason::NotAsked) {
                continue;
            }
            let limited = score.scale.missing_over.map_or(score.scale, |at| &instrument.scales[at]);
            let asked = limited.items.iter().filter(|item| instrument.is_asked(&answers, item.position));
            let missing = asked.filter(|item| item.blank == Blank::Missing && !answers.is_answered(item.position));
            let missing = u16::try_from(missing.count()).unwrap();
            prop_assert_eq!(score.value.is_none(), missing > score.scale.missing.tolerates());
            if score.scale.missing_over.is_none() {
                prop_assert_eq!(score.completed_by == Completion::Nothing, missing == 0 || score.value.is_none());
            }
        }
    }

    #[test]
    fn the_lowest_answer_is_never_missing((instrument, written) in any_form()) {
        let lowest = |position: Position| instrument.items[position].lowest();
        let lowered: Vec<_> = written
            .iter()
            .filter(|(_, written)| matches!(written, Written::One(_)))
            .map(|(position, _)| (*position, Written::One(lowest(*position))))
            .collect();
        let answers = filled(instrument, &lowered);
        prop_assert_eq!(answers.answered(), lowered.len());
        for (position, _) in lowered {
            prop_assert_eq!(answers.get(position), Some(lowest(position)));
        }
    }

    #[test]
    fn a_risk_rule_looks_at_its_own_answer_and_nothing_else((instrument, written) in any_form()) {
        let answers = filled(instrument, &written);
        let hits = rules::evaluate(instrument, &answers);
        for rule in &instrument.risk_rules {
            let fires = rule.wanted.is_met_by(answers.at(rule.item)) == Some(true);
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
fn every_band_is_reached_by_both_its_edges() {
    let instruments = Library::embedded().iter();
    for scale in instruments.flat_map(|instrument| &instrument.scales) {
        for banding in &scale.bandings {
            for band in &banding.bands {
                for edge in [band.from, band.to] {
                    assert_eq!(banding.band(edge), Some(band), "{edge} on {}", scale.id);
                }
            }
        }
    }
}

#[test]
fn a_risk_hit_says_how_far_up_the_answer_is() {
    let instrument = Library::embedded().get("phq9").unwrap();
    let position = instrument.position("9").unwrap();
    for value in 1..=3 {
        let hits = rules::evaluate(
            instrument,
            &filled(instrument, &[(position, Written::One(value))]),
        );
        assert_eq!(
            (hits[0].value, i32::from(hits[0].grade), hits[0].item),
            (value, i32::from(value), "9")
        );
    }
}

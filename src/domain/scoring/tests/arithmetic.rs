//! The engine against plain arithmetic written here: every complete PHQ-9 and GAD-7 there is, and the bands by hand.

use super::{score, shipped};
use crate::domain::instrument::{Answers, Instrument};
use crate::domain::scoring::{Scored, Verdict};

/// Calls `look` with every complete form over the first `items` items.
fn for_every_form(
    instrument: &'static Instrument,
    items: usize,
    mut look: impl FnMut(&[i16], &Scored<'static>),
) {
    let mut values = vec![0_i16; items];
    let mut answers = Answers::none(instrument);
    loop {
        for (position, value) in values.iter().enumerate() {
            answers.set(instrument, position, *value).unwrap();
        }
        look(&values, &score(instrument, &answers));
        let Some(next) = values.iter().position(|value| *value < 3) else {
            return;
        };
        values[..next].fill(0);
        values[next] += 1;
    }
}

#[test]
fn every_complete_phq9_agrees_with_plain_arithmetic() {
    let mut forms = 0;
    for_every_form(shipped("phq9"), 9, |values, scored| {
        forms += 1;
        let total: i16 = values.iter().sum();
        let score = &scored.scores[0];
        assert_eq!(score.value, Some(f64::from(total)), "{values:?}");
        assert_eq!(score.band.unwrap().id, phq9_band(total), "{values:?}");
        let symptoms =
            values[..8].iter().filter(|value| **value >= 2).count() + usize::from(values[8] >= 1);
        let core = values[0] >= 2 || values[1] >= 2;
        assert_eq!(
            scored.criteria[0].verdict,
            verdict(core && symptoms >= 5),
            "{values:?}"
        );
        assert_eq!(
            scored.criteria[1].verdict,
            verdict(core && (2..=4).contains(&symptoms)),
            "{values:?}"
        );
    });
    assert_eq!(forms, 4_usize.pow(9));
}

fn verdict(holds: bool) -> Verdict {
    if holds { Verdict::Met } else { Verdict::NotMet }
}

fn phq9_band(total: i16) -> &'static str {
    match total {
        0..=4 => "minimal",
        5..=9 => "mild",
        10..=14 => "moderate",
        15..=19 => "moderately severe",
        _ => "severe",
    }
}

#[test]
fn every_complete_gad7_agrees_with_plain_arithmetic() {
    let mut forms = 0;
    for_every_form(shipped("gad7"), 7, |values, scored| {
        forms += 1;
        let total: i16 = values.iter().sum();
        assert_eq!(scored.scores[0].value, Some(f64::from(total)), "{values:?}");
        let band =
            ["minimal", "mild", "moderate", "severe"][usize::try_from(total / 5).unwrap().min(3)];
        assert_eq!(scored.scores[0].band.unwrap().id, band, "{values:?}");
    });
    assert_eq!(forms, 4_usize.pow(7));
}

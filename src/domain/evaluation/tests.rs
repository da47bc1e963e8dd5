//! Figures against an independent statistics package (SciPy 1.17) and worked examples; populations and denominators.

use super::*;
use crate::domain::change::{ChangeParameters, Direction};
use proptest::prelude::*;

fn depression() -> ChangeParameters {
    ChangeParameters {
        direction: Direction::HigherIsWorse,
        reliable_points: Some(6.0),
        reliable_source: Some("a paper".into()),
        treatment_response_share: Some(0.5),
        treatment_response_from: Some(10.0),
        treatment_response_source: Some("a measure".into()),
        remission_below: Some(5.0),
        remission_source: Some("a measure".into()),
        alternatives: Vec::new(),
        statistics: None,
        important: Vec::new(),
    }
}

fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, month, day).unwrap()
}

fn year() -> Period {
    Period::new(day(1, 1), day(12, 31)).unwrap()
}

fn planned() -> Option<Ended> {
    ended(Ending::Planned)
}

fn ended(ending: Ending) -> Option<Ended> {
    let on = day(6, 30);
    Some(Ended { on, ending })
}

fn without_score() -> EpisodeOutcome {
    EpisodeOutcome {
        clinic: ClinicKey(1),
        program: ProgramKey(1),
        started_on: day(1, 10),
        ended: planned(),
        first: None,
        last: None,
        n: 0,
    }
}

fn pair(first: f64, last: f64) -> EpisodeOutcome {
    let dated = |on, value| Some(Dated { on, value });
    EpisodeOutcome {
        first: dated(day(1, 10), first),
        last: dated(day(6, 20), last),
        n: 8,
        ..without_score()
    }
}

fn single(first: f64) -> EpisodeOutcome {
    let dated = Some(Dated {
        on: day(1, 10),
        value: first,
    });
    EpisodeOutcome {
        first: dated,
        last: dated,
        n: 1,
        ..without_score()
    }
}

fn evaluate(rows: &[(usize, EpisodeOutcome)]) -> Report {
    let mut accumulator = Accumulator::new(year(), depression());
    for (times, row) in rows {
        (0..*times).for_each(|_| accumulator.add(row));
    }
    accumulator.finish()
}

fn total(report: &Report) -> &Group {
    report.groups.last().unwrap()
}

fn counts(rate: &Rate) -> (Option<u64>, Option<u64>) {
    (rate.numerator.value(), rate.denominator.value())
}

fn of(part: u64, whole: u64) -> (Option<u64>, Option<u64>) {
    (Some(part), Some(whole))
}

fn close(left: f64, right: f64) {
    assert!((left - right).abs() < 1e-9, "{left} is not {right}");
}

/// Scores from a linear congruential generator that the oracle's script repeats.
fn generated(n: usize, seed: u64) -> Vec<(f64, f64)> {
    let mut state = seed;
    let mut next = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    (0..n)
        .map(|_| {
            let first = next(18) + 8;
            let fall = next(14);
            (first as f64, (first + 3).saturating_sub(fall) as f64)
        })
        .collect()
}

#[test]
fn hedges_correction_equals_the_gamma_function_of_another_package() {
    for (m, expected) in [
        (2.0, 0.564_189_583_547_756_4),
        (5.0, 0.840_748_682_459_689_3),
        (9.0, 0.913_874_891_792_552_4),
        (19.0, 0.959_910_352_924_253_1),
        (99.0, 0.992_401_851_114_454_6),
        (100_000.0, 0.999_992_500_027_692_7),
    ] {
        close(hedges_correction(m), expected);
    }
}

#[test]
fn the_five_examples_of_morris_come_out() {
    // Data of Morris 2008: mean before and after, SD before, n, correlation; g and its variance as the R package
    // metafor expects them in its own tests.
    let examples = [
        (30.6, 38.5, 15.0, 20, 0.47, 0.5056, 0.0594),
        (23.5, 26.8, 3.1, 50, 0.64, 1.0481, 0.0254),
        (0.5, 0.7, 0.1, 9, 0.77, 1.8054, 0.2322),
        (53.4, 75.9, 14.5, 10, 0.89, 1.4181, 0.1225),
        (35.6, 36.0, 4.7, 14, 0.44, 0.0801, 0.0802),
    ];
    for (before, after, sd, n, correlation, g, variance) in examples {
        let effect = effect_size(n, after - before, sd, correlation).unwrap();
        assert!((effect.g - g).abs() < 5e-5, "{effect:?}");
        assert!((effect.variance - variance).abs() < 5e-5, "{effect:?}");
    }
}

#[test]
fn wilson_intervals_equal_those_of_another_package() {
    for (part, whole, low, high) in [
        (0, 11, 0.0, 0.258_832_966_968_031_7),
        (11, 11, 0.741_167_033_031_968_4, 1.0),
        (7, 23, 0.156_040_244_532_140_22, 0.508_657_562_687_592),
        (40, 60, 0.540_568_664_521_196_9, 0.772_707_384_764_773_2),
        (
            1,
            200,
            0.000_883_168_715_600_978_2,
            0.027_773_704_397_892_93,
        ),
        (
            12345,
            54321,
            0.223_755_479_835_058_75,
            0.230_803_443_775_222_08,
        ),
    ] {
        let interval = wilson(part, whole).unwrap();
        close(interval.low, low);
        close(interval.high, high);
    }
    assert_eq!(wilson(0, 0), None);
    assert_eq!(wilson(3, 2), None);
}

#[test]
fn the_figures_of_completers_equal_those_of_another_package() {
    let rows: Vec<_> = generated(60, 7)
        .into_iter()
        .map(|(first, last)| (1, pair(first, last)))
        .collect();
    let report = evaluate(&rows);
    let outcomes = &total(&report).completers;
    assert_eq!(outcomes.n, Shown::Count(60));
    assert_eq!(counts(&outcomes.reliable_improvement), of(23, 60));
    assert_eq!(counts(&outcomes.reliable_deterioration), of(0, 60));
    let ChangeFigures::Shown {
        mean_first,
        mean_last,
        sd_first,
        mean_change,
        sd_change,
        effect,
    } = outcomes.change
    else {
        panic!("{outcomes:?}");
    };
    close(mean_first, 17.283_333_333_333_335);
    close(mean_last, 13.55);
    close(sd_first.unwrap(), 5.095_999_317_067_068);
    close(mean_change, 13.55 - 17.283_333_333_333_335);
    close(sd_change.unwrap(), 4.317_354_285_045_283);
    let effect = effect.unwrap();
    close(effect.correlation, 0.724_193_129_700_733_7);
    close(effect.d, 0.732_600_830_779_153_8);
    close(effect.g, 0.723_241_821_876_405_6);
    close(effect.variance, 0.013_552_551_784_234_73);
    close(effect.interval.low, 0.495_071_776_527_629_8);
    close(effect.interval.high, 0.951_411_867_225_181_5);
}

#[test]
fn everyone_carries_the_only_score_forward_and_takes_the_correlation_from_the_pairs() {
    let pairs = generated(60, 7).into_iter();
    let singles = generated(15, 99).into_iter();
    let rows: Vec<_> = pairs
        .map(|(first, last)| (1, pair(first, last)))
        .chain(singles.map(|(first, _)| (1, single(first))))
        .collect();
    let report = evaluate(&rows);
    let outcomes = &total(&report).everyone;
    assert_eq!(outcomes.n, Shown::Count(75));
    let ChangeFigures::Shown {
        mean_first,
        mean_last,
        sd_change,
        effect,
        ..
    } = outcomes.change
    else {
        panic!("{outcomes:?}");
    };
    close(mean_first, 17.16);
    close(mean_last, 14.173_333_333_333_334);
    close(sd_change.unwrap(), 4.137_806_356_203_906);
    let effect = effect.unwrap();
    close(effect.d, 0.577_963_421_601_769_6);
    close(effect.variance, 0.009_536_705_760_577_965);
    close(effect.interval.low, 0.380_680_139_056_553_5);
    close(effect.interval.high, 0.763_484_854_097_195);
}

#[test]
fn completers_and_everyone_have_their_own_denominators() {
    let unplanned = |row: EpisodeOutcome| EpisodeOutcome {
        ended: ended(Ending::Unplanned),
        ..row
    };
    let report = evaluate(&[
        (40, pair(20.0, 4.0)),             // improved, responded, remitted
        (30, pair(20.0, 10.0)),            // improved, responded
        (20, pair(20.0, 18.0)),            // no reliable change
        (15, pair(12.0, 19.0)),            // worse
        (14, pair(8.0, 7.0)),              // started below the criterion
        (13, unplanned(pair(20.0, 3.0))),  // improved, left early
        (12, unplanned(pair(20.0, 20.0))), // left early, unchanged
        (16, unplanned(single(20.0))),
        (17, unplanned(single(6.0))),
        (18, unplanned(without_score())),
    ]);
    let group = total(&report);
    assert_eq!(group.ended, Shown::Count(195));
    assert_eq!(group.completeness.scored, Shown::Count(177));
    assert_eq!(counts(&group.completeness.paired), of(144, 195));
    let completers = &group.completers;
    assert_eq!(counts(&completers.reliable_improvement), of(70, 119));
    assert_eq!(counts(&completers.reliable_deterioration), of(15, 119));
    assert_eq!(counts(&completers.treatment_response.unwrap()), of(70, 105));
    assert_eq!(counts(&completers.remission.unwrap()), of(40, 105));
    let everyone = &group.everyone;
    assert_eq!(counts(&everyone.reliable_improvement), of(83, 195));
    assert_eq!(counts(&everyone.reliable_deterioration), of(15, 195));
    // 195 less the 14 and 17 known to have started below 10; the 18 without a score stay.
    assert_eq!(counts(&everyone.treatment_response.unwrap()), of(83, 164));
    assert_eq!(counts(&everyone.remission.unwrap()), of(53, 164));
    assert_eq!(group.cautions, []);
}

#[test]
fn an_episode_counts_as_started_and_ended_by_the_days_in_the_period() {
    let period = Period::new(day(3, 1), day(3, 31)).unwrap();
    let mut accumulator = Accumulator::new(period, depression());
    let row = |from, to: Option<NaiveDate>| EpisodeOutcome {
        started_on: from,
        ended: to.map(|on| Ended {
            on,
            ending: Ending::Died,
        }),
        ..pair(20.0, 10.0)
    };
    for _ in 0..20 {
        accumulator.add(&row(day(3, 1), None));
        accumulator.add(&row(day(2, 28), Some(day(3, 31))));
        accumulator.add(&row(day(2, 28), Some(day(4, 1))));
        accumulator.add(&row(day(4, 1), None));
    }
    let report = accumulator.finish();
    assert_eq!(total(&report).started, Shown::Count(20));
    assert_eq!(total(&report).ended, Shown::Count(20));
    assert_eq!(Period::new(day(3, 2), day(3, 1)), Err(PeriodReversed));
}

#[test]
fn two_scores_of_one_day_are_not_a_pair() {
    let same_day = EpisodeOutcome {
        last: Some(Dated {
            on: day(1, 10),
            value: 5.0,
        }),
        n: 2,
        ..single(20.0)
    };
    let report = evaluate(&[(30, same_day)]);
    assert_eq!(counts(&total(&report).completeness.paired), of(0, 30));
    assert_eq!(total(&report).completeness.scored, Shown::Count(30));
}

#[test]
fn on_a_scale_where_higher_is_better_a_rise_is_a_positive_effect() {
    let parameters = ChangeParameters {
        direction: Direction::HigherIsBetter,
        treatment_response_share: None,
        remission_below: None,
        ..depression()
    };
    let mut accumulator = Accumulator::new(year(), parameters);
    for (first, last) in generated(60, 7) {
        accumulator.add(&pair(last, first));
    }
    let report = accumulator.finish();
    let completers = &total(&report).completers;
    assert_eq!(counts(&completers.reliable_improvement), of(23, 60));
    assert_eq!(completers.treatment_response, None);
    let ChangeFigures::Shown { effect, .. } = completers.change else {
        panic!("{completers:?}");
    };
    assert!(effect.unwrap().g > 0.0);
}

#[test]
fn nothing_that_stands_on_a_suppressed_number_is_shown() {
    let report = evaluate(&[(9, pair(20.0, 10.0))]);
    for group in &report.groups {
        assert_eq!(group.ended, Shown::Suppressed);
        assert_eq!(group.completers.change, ChangeFigures::Suppressed);
        assert_eq!(group.everyone.change, ChangeFigures::Suppressed);
        assert_eq!(group.completers.reliable_improvement.share, None);
        assert_eq!(group.completers.reliable_improvement.interval, None);
        assert!(group.cautions.contains(&Caution::SmallCells));
    }
}

#[test]
fn few_pairs_and_many_missing_are_said() {
    let report = evaluate(&[(12, pair(20.0, 10.0)), (30, without_score())]);
    let cautions = &total(&report).cautions;
    assert!(cautions.contains(&Caution::FewPairs));
    assert!(cautions.contains(&Caution::LowCompleteness));
}

#[test]
fn scores_without_spread_have_no_effect_size() {
    let report = evaluate(&[(30, pair(20.0, 10.0))]);
    let ChangeFigures::Shown { effect, .. } = total(&report).completers.change else {
        panic!("suppressed");
    };
    assert_eq!(effect, Err(NoEffect::NoSpread));
    assert_eq!(effect_size(2, 1.0, 1.0, 0.5), Err(NoEffect::TooFew));
}

#[test]
fn programs_come_with_their_clinics_then_their_total() {
    let place = |program, clinic| EpisodeOutcome {
        program: ProgramKey(program),
        clinic: ClinicKey(clinic),
        ..pair(20.0, 10.0)
    };
    let report = evaluate(&[(30, place(2, 5)), (40, place(1, 7)), (50, place(2, 7))]);
    let keys: Vec<_> = report
        .groups
        .iter()
        .map(|g| {
            (
                g.key.program.map(|p| p.0),
                g.key.clinic.map(|c| c.0),
                g.ended.value(),
            )
        })
        .collect();
    let expected = [
        (Some(1), Some(5), Some(0)),
        (Some(1), Some(7), Some(40)),
        (Some(1), None, Some(40)),
        (Some(2), Some(5), Some(30)),
        (Some(2), Some(7), Some(50)),
        (Some(2), None, Some(80)),
        (None, Some(5), Some(30)),
        (None, Some(7), Some(90)),
        (None, None, Some(120)),
    ];
    assert_eq!(keys, expected);
}

#[test]
fn an_evaluation_of_nothing_is_a_row_of_zeros() {
    let report = evaluate(&[]);
    assert_eq!(report.groups.len(), 1);
    assert_eq!(total(&report).ended, Shown::Count(0));
    assert_eq!(total(&report).completers.change, ChangeFigures::NoScores);
    assert_eq!(total(&report).completeness.paired.share, None);
}

#[test]
fn the_words_name_each_rule_and_denominator() {
    let words = evaluate(&[]).words;
    assert_eq!(
        words.treatment_response.as_deref(),
        Some(
            "Treatment response: a fall of 50 % or more, from a first score of 10 or more. Source: a measure. \
             Completers: of those whose first score is 10 or more. Everyone: of all who ended, less those known to \
             have started below 10; people without a score stay in."
        )
    );
    assert!(words.effect.contains("mean first less mean last"));
}

proptest! {
    #[test]
    fn moments_do_not_depend_on_the_order_or_on_how_groups_are_merged(
        pairs in proptest::collection::vec((0..81_u8, 0..81_u8), 2..60),
        cut in 0..60_usize,
    ) {
        let pairs: Vec<_> = pairs.iter().map(|(a, b)| (f64::from(*a), f64::from(*b))).collect();
        let (left, right) = pairs.split_at(cut.min(pairs.len()));
        let moments = |part: &[(f64, f64)]| {
            part.iter().fold(Moments::default(), |mut all, (first, last)| {
                all.add(*first, *last);
                all
            })
        };
        let backwards: Vec<_> = pairs.iter().rev().copied().collect();
        let (whole, merged) = (moments(&backwards), moments(left).merged(moments(right)));
        let n = pairs.len() as f64;
        let mean = pairs.iter().map(|(_, last)| last).sum::<f64>() / n;
        let squares: f64 = pairs.iter().map(|(_, last)| (last - mean).powi(2)).sum();
        for found in [whole, merged] {
            prop_assert_eq!(found.n(), pairs.len() as u64);
            prop_assert!((found.mean_last() - mean).abs() < 1e-9);
            prop_assert!((found.sd_last().unwrap() - (squares / (n - 1.0)).sqrt()).abs() < 1e-9);
            let spread = whole.sd_change().unwrap() - merged.sd_change().unwrap();
            prop_assert!(spread.abs() < 1e-7);
        }
    }
}

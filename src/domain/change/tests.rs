//! Boundaries of the judgement and the worked examples of the Jacobson–Truax index.

use super::*;

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
        alternatives: vec![Alternative {
            points: 5.0,
            source: "another paper".into(),
        }],
        statistics: None,
        important: vec![],
    }
}

fn close(left: f64, right: f64) {
    assert!((left - right).abs() < 1e-4, "{left} is not {right}");
}

#[test]
fn a_change_of_exactly_the_reliable_points_is_reliable() {
    let rules = depression();
    assert_eq!(judge(&rules, 16.0, 10.0).verdict, Verdict::ReliablyImproved);
    assert_eq!(
        judge(&rules, 10.0, 16.0).verdict,
        Verdict::ReliablyDeteriorated
    );
}

#[test]
fn one_point_short_of_the_limit_is_no_reliable_change() {
    let rules = depression();
    for last in [11.0, 15.0, 16.0, 21.0] {
        assert_eq!(judge(&rules, 16.0, last).verdict, Verdict::NoReliableChange);
    }
}

#[test]
fn on_a_scale_where_higher_is_better_a_rise_improves() {
    let rules = ChangeParameters {
        direction: Direction::HigherIsBetter,
        treatment_response_share: None,
        remission_below: None,
        ..depression()
    };
    let change = judge(&rules, 10.0, 16.0);
    assert_eq!(change.verdict, Verdict::ReliablyImproved);
    assert_eq!(change.treatment_response, None);
    assert_eq!(
        judge(&rules, 16.0, 10.0).verdict,
        Verdict::ReliablyDeteriorated
    );
    assert!(rules.check().is_ok());
}

#[test]
fn the_difference_is_last_minus_first() {
    close(judge(&depression(), 16.0, 9.5).delta, -6.5);
}

#[test]
fn exactly_half_is_a_treatment_response_and_one_point_more_is_not() {
    let rules = depression();
    let response = |first, last| judge(&rules, first, last).treatment_response;
    assert_eq!(response(20.0, 10.0), Some(Attainment::Reached));
    assert_eq!(response(20.0, 11.0), Some(Attainment::NotReached));
    assert_eq!(response(11.0, 6.0), Some(Attainment::NotReached));
    assert_eq!(response(11.0, 5.0), Some(Attainment::Reached));
}

#[test]
fn treatment_response_is_asked_from_a_first_score_of_exactly_ten() {
    let rules = depression();
    let response = |first, last| judge(&rules, first, last).treatment_response;
    assert_eq!(response(10.0, 5.0), Some(Attainment::Reached));
    assert_eq!(response(9.0, 0.0), Some(Attainment::StartedBelow));
}

#[test]
fn remission_needs_a_last_score_below_five_not_five() {
    let rules = depression();
    let remission = |first, last| judge(&rules, first, last).remission;
    assert_eq!(remission(20.0, 4.0), Some(Attainment::Reached));
    assert_eq!(remission(20.0, 5.0), Some(Attainment::NotReached));
    assert_eq!(remission(9.0, 2.0), Some(Attainment::StartedBelow));
}

#[test]
fn without_a_stated_start_a_first_score_already_in_remission_is_not_asked() {
    let rules = ChangeParameters {
        treatment_response_from: None,
        ..depression()
    };
    assert_eq!(
        judge(&rules, 4.0, 1.0).remission,
        Some(Attainment::StartedBelow)
    );
    assert_eq!(judge(&rules, 5.0, 1.0).remission, Some(Attainment::Reached));
    assert_eq!(
        judge(&rules, 0.0, 0.0).treatment_response,
        Some(Attainment::StartedBelow)
    );
}

#[test]
fn a_prorated_score_a_hair_below_the_limit_still_counts() {
    let prorated_last = 16.0 - (0.1 + 0.2) * 20.0;
    let judged = judge(&depression(), 16.0, prorated_last);
    assert_eq!(judged.verdict, Verdict::ReliablyImproved);
}

#[test]
fn the_basis_names_each_limit_its_source_and_what_others_would_say() {
    let basis = compare(&depression(), 15.0, 10.0).basis;
    assert_eq!(
        basis.reliable,
        "Reliable change: 6 points or more. Source: a paper."
    );
    assert_eq!(
        basis.treatment_response.as_deref(),
        Some(
            "Treatment response: a fall of 50 % or more, from a first score of 10 or more. Source: a measure."
        )
    );
    assert_eq!(
        basis.remission.as_deref(),
        Some(
            "Remission: a last score below 5, from a first score of 10 or more. Source: a measure."
        )
    );
    assert_eq!(
        basis.alternatives,
        ["With a limit of 5 points: reliably improved. Source: another paper."]
    );
}

#[test]
fn comparing_says_the_same_as_judging() {
    let rules = depression();
    for (first, last) in [(20.0, 4.0), (9.0, 20.0), (12.0, 12.0)] {
        let (change, judged) = (compare(&rules, first, last), judge(&rules, first, last));
        assert_eq!(
            (change.verdict, change.treatment_response, change.remission),
            (judged.verdict, judged.treatment_response, judged.remission)
        );
    }
}

#[test]
fn the_worked_example_of_jacobson_and_truax_comes_out() {
    let norms = Reliability::new(7.5, 0.8).unwrap();
    close(norms.standard_error(), 3.3541);
    close(norms.standard_error_of_difference(), 4.7434);
    close(norms.points_at(Z_95), 9.2969);
    close(norms.index(32.5, 47.5), 3.1623);
}

#[test]
fn the_published_limit_of_core_10_comes_out_at_ninety_percent() {
    let norms = Reliability::new(7.7, 0.9).unwrap();
    close(norms.points_at(1.645), 5.6646);
    close(norms.points_at(Z_95), 6.7492);
}

#[test]
fn impossible_norms_are_refused() {
    assert_eq!(Reliability::new(0.0, 0.8), Err(ReliabilityFault::Spread));
    assert_eq!(
        Reliability::new(f64::NAN, 0.8),
        Err(ReliabilityFault::Spread)
    );
    assert_eq!(
        Reliability::new(7.5, 1.0),
        Err(ReliabilityFault::Coefficient)
    );
    assert_eq!(
        Reliability::new(7.5, -0.1),
        Err(ReliabilityFault::Coefficient)
    );
}

#[test]
fn parameters_without_sense_or_source_are_refused() {
    let refused = |change: fn(&mut ChangeParameters)| {
        let mut rules = depression();
        change(&mut rules);
        rules.check().unwrap_err()
    };
    assert!(depression().check().is_ok());
    assert_eq!(
        refused(|r| r.reliable_points = Some(0.0)),
        ParameterFault::PointsNotPositive
    );
    assert_eq!(
        refused(|r| r.alternatives[0].points = f64::NAN),
        ParameterFault::PointsNotPositive
    );
    assert_eq!(
        refused(|r| r.treatment_response_share = Some(1.5)),
        ParameterFault::ShareOutOfRange
    );
    assert_eq!(
        refused(|r| r.remission_below = Some(-1.0)),
        ParameterFault::LimitNotPositive
    );
    assert_eq!(
        refused(|r| r.reliable_source = Some(" ".into())),
        ParameterFault::SourceMissing
    );
    assert_eq!(
        refused(|r| r.remission_source = None),
        ParameterFault::SourceMissing
    );
    assert_eq!(
        refused(|r| r.direction = Direction::HigherIsBetter),
        ParameterFault::FallIsWorse
    );
}

#[test]
fn an_unknown_key_in_a_definition_is_refused() {
    let text = "direction = \"higher_is_worse\"\nreliable_points = 6\nreliable_source = \"x\"\n";
    assert!(toml::from_str::<ChangeParameters>(text).is_ok());
    let unknown = format!("{text}reliable_point = 5\n");
    assert!(toml::from_str::<ChangeParameters>(&unknown).is_err());
}

//! What a drawing must keep whatever it is given: it is well-formed, joins nothing across a gap, and keeps its words inside.

use super::*;

fn day(n: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, n).unwrap()
}

fn bands() -> Vec<Band> {
    [
        (0.0, "minimal"),
        (5.0, "mild"),
        (10.0, "moderate"),
        (15.0, "moderately severe"),
        (20.0, "severe"),
    ]
    .map(|(from, name)| Band {
        from,
        name: name.into(),
    })
    .into()
}

fn draw(values: &[Option<f64>]) -> String {
    let occasions: Vec<_> = (1..)
        .zip(values)
        .map(|(n, value)| Occasion {
            day: day(n),
            value: *value,
        })
        .collect();
    let limit = Limit {
        at: 10.0,
        words: "cut-off 10".into(),
    };
    trend(&Trend {
        id: "phq9-total",
        title: "PHQ-9 <total>",
        description: "From 18 & down",
        lowest: 0.0,
        highest: 27.0,
        worse: Worse::Higher,
        bands: &bands(),
        cut_off: Some(&limit),
        span: (day(1), day(31)),
        occasions: &occasions,
        sessions: &[day(2), day(9)],
        last_words: "14 moderate",
    })
}

/// Every tag that opens is closed in order, no `<` stands in a text, and ids are named once.
fn assert_well_formed(svg: &str) {
    let mut open: Vec<&str> = vec![];
    for part in svg.split('<').skip(1) {
        let (tag, text) = part
            .split_once('>')
            .unwrap_or_else(|| panic!("a tag never ends: {part}"));
        assert!(!text.contains('>'), "a bracket in a text: {text}");
        let name = tag
            .trim_start_matches('/')
            .split([' ', '/'])
            .next()
            .unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
    }
    assert!(open.is_empty(), "{open:?}");
    assert_eq!(svg.matches(" id=\"phq9-total-t\"").count(), 1);
}

/// Numbers of an attribute in the order in which they come.
fn numbers(svg: &str, attribute: &str) -> Vec<f64> {
    let lead = format!(" {attribute}=\"");
    svg.split(lead.as_str())
        .skip(1)
        .filter_map(|rest| rest.split('"').next()?.parse().ok())
        .collect()
}

#[test]
fn a_drawing_is_well_formed_whatever_it_shows() {
    for values in [
        &[][..],
        &[None],
        &[Some(3.0)],
        &[Some(27.0), None, Some(0.0)],
        &[None, Some(99.0), Some(-4.0)],
    ] {
        assert_well_formed(&draw(values));
    }
    assert!(draw(&[]).contains("PHQ-9 &lt;total&gt;") && draw(&[]).contains("From 18 &amp; down"));
}

#[test]
fn a_missing_occasion_is_a_gap_with_a_hollow_tick_and_never_joined() {
    let whole = draw(&[Some(18.0), Some(16.0), Some(12.0), Some(11.0)]);
    assert_eq!(
        whole.matches(r#"stroke-width="2"/>"#).count(),
        2,
        "one line and the ticks of the sessions"
    );
    let broken = draw(&[Some(18.0), Some(16.0), None, Some(12.0), Some(11.0)]);
    assert_eq!(
        broken.matches(r#"stroke-width="2"/>"#).count(),
        3,
        "two lines and the ticks of the sessions"
    );
    assert_eq!(
        broken.matches(r##"fill="#fff" stroke="#52606d""##).count(),
        1
    );
    assert_eq!(broken.matches("h0").count(), 4, "a gap is no point");
}

#[test]
fn a_point_between_two_gaps_has_no_line() {
    let svg = draw(&[None, Some(9.0), None]);
    assert_eq!(
        svg.matches(r#"stroke-width="2"/>"#).count(),
        1,
        "the sessions alone"
    );
    assert_eq!(svg.matches("h0").count(), 1);
}

#[test]
fn the_baseline_alone_is_ringed() {
    assert_eq!(
        draw(&[Some(18.0), Some(16.0)]).matches(r#"r="8""#).count(),
        1
    );
    assert_eq!(draw(&[None]).matches(r#"r="8""#).count(), 0);
}

#[test]
fn words_stay_inside_at_every_edge() {
    for values in [
        &[Some(27.0)][..],
        &[Some(0.0)],
        &[Some(27.0), Some(0.0)],
        &[Some(0.0), Some(27.0)],
    ] {
        let svg = draw(values);
        assert!(
            numbers(&svg, "y")
                .iter()
                .all(|y| (0.0..=HEIGHT).contains(y)),
            "{svg}"
        );
        assert!(
            numbers(&svg, "x").iter().all(|x| (0.0..=WIDTH).contains(x)),
            "{svg}"
        );
    }
}

#[test]
fn names_at_the_right_never_cover_each_other() {
    let places = spread(&[100.0, 101.0, 102.0, 171.0, 172.0], TOP, BOTTOM);
    assert!(
        places
            .windows(2)
            .all(|pair| pair[1] - pair[0] >= LINE - 0.001),
        "{places:?}"
    );
    assert!(
        places.iter().all(|place| (TOP..=BOTTOM).contains(place)),
        "{places:?}"
    );
}

#[test]
fn the_worst_band_is_the_darkest_in_either_direction() {
    assert_eq!(shade(4, 5, Worse::Higher), "#9c4f1f");
    assert_eq!(shade(0, 5, Worse::Lower), "#9c4f1f");
    assert_eq!(shade(0, 1, Worse::Higher), "#f3efe6");
    assert_eq!(shade(0, 3, Worse::Higher), "#f3efe6");
    assert_eq!(shade(1, 3, Worse::Higher), "#dcb678");
}

#[test]
fn a_year_names_at_most_ten_months() {
    let span = (
        NaiveDate::from_ymd_opt(2025, 2, 10).unwrap(),
        NaiveDate::from_ymd_opt(2026, 3, 1).unwrap(),
    );
    assert!((2..=10).contains(&months(span).len()));
    assert_eq!(months((day(3), day(9))), [day(3)]);
}

#[test]
fn no_style_attribute_ever_leaves() {
    assert!(!draw(&[Some(3.0)]).contains("style="));
}

#[test]
fn the_words_at_the_last_point_keep_clear_of_the_course() {
    let falling_into_the_cut_off: Vec<_> =
        (0..30).map(|n| Some(24.0 - f64::from(n) * 0.45)).collect();
    let svg = draw(&falling_into_the_cut_off);
    let words = svg
        .split("<text ")
        .find(|text| text.contains("paint-order"))
        .unwrap();
    let baseline = numbers(&format!("<text {words}"), "y")[0];
    let last = Axis {
        low: 0.0,
        high: 27.0,
        start: BOTTOM,
        end: TOP,
    }
    .at(24.0 - 29.0 * 0.45);
    assert!(
        baseline > last,
        "the course comes from above, so the words go below: {baseline} {last}"
    );
}

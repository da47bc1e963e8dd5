//! Scales in words: how the score comes about, what a missing answer does, bands, cut-offs, and what counts as change.

use super::rules;
use crate::domain::change::{
    Basis, ChangeParameters, Direction, Reliability, ReliabilityKind, Statistics, Z_95,
    plain_points,
};
use crate::domain::instrument::{
    Banding, Blank, CutOff, Instrument, Method, MissingRule, NotAsked, Rounding, Scale, ScaleTexts,
    Texts, Wanted, Whom,
};

/// A scale in words.
#[derive(Debug, Clone, PartialEq)]
pub struct ScaleWords<'a> {
    /// The name in exports.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Lowest and highest score: `0 to 27`.
    pub range: String,
    /// How the score comes about, a sentence each.
    pub scoring: Vec<String>,
    /// What a missing answer does.
    pub missing: String,
    /// Where that is said.
    pub missing_source: &'a str,
    /// Schemes of bands, the one in use first.
    pub bandings: Vec<BandingWords<'a>>,
    /// Thresholds, the one in use first.
    pub cut_offs: Vec<CutOffWords<'a>>,
    /// What counts as change, with sources, a sentence each: the limit in use first, then who says otherwise.
    pub change: Vec<String>,
}

/// A scheme of bands.
#[derive(Debug, Clone, PartialEq)]
pub struct BandingWords<'a> {
    /// What it is called, where there are several.
    pub name: Option<&'a str>,
    /// For whom it was published; `None` = everybody.
    pub whom: Option<String>,
    /// Where it was published.
    pub source: &'a str,
    /// From lowest to highest.
    pub bands: Vec<BandLine<'a>>,
}

/// A band.
#[derive(Debug, Clone, PartialEq)]
pub struct BandLine<'a> {
    /// `5 to 9`.
    pub range: String,
    /// Its name.
    pub name: &'a str,
}

/// A threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct CutOffWords<'a> {
    /// `10 or more`.
    pub limit: String,
    /// What reaching it means.
    pub name: &'a str,
    /// For whom it was published; `None` = everybody.
    pub whom: Option<String>,
    /// Where it was published.
    pub source: &'a str,
}

pub(super) fn scales<'a>(instrument: &'a Instrument, texts: &'a Texts) -> Vec<ScaleWords<'a>> {
    let named = instrument.scales.iter().zip(&texts.scales);
    named
        .map(|(scale, words)| describe(instrument, scale, words))
        .collect()
}

fn describe<'a>(
    instrument: &'a Instrument,
    scale: &'a Scale,
    words: &'a ScaleTexts,
) -> ScaleWords<'a> {
    ScaleWords {
        id: &scale.id,
        name: &words.name,
        range: format!("{} to {}", scale.lowest, scale.highest),
        scoring: scoring(instrument, scale),
        missing: missing(instrument, scale),
        missing_source: &scale.missing_source,
        bandings: scale
            .bandings
            .iter()
            .zip(&words.bandings)
            .map(|(banding, names)| banding_words(banding, names.name.as_deref(), &names.bands))
            .collect(),
        cut_offs: scale
            .cut_offs
            .iter()
            .zip(&words.cut_offs)
            .map(|(cut_off, name)| cut_off_words(cut_off, name))
            .collect(),
        change: scale.change.as_ref().map(change).unwrap_or_default(),
    }
}

fn scoring(instrument: &Instrument, scale: &Scale) -> Vec<String> {
    let ids = |wanted: &dyn Fn(&crate::domain::instrument::ScaleItem) -> bool| {
        let items = scale.items.iter().filter(|item| wanted(item));
        let ids: Vec<_> = items
            .map(|item| rules::item(instrument, item.position))
            .collect();
        ids.join(", ")
    };
    let mut said = vec![format!("{} {}.", method(&scale.method), ids(&|_| true))];
    if let Method::Rules(conditions) = &scale.method {
        said.extend(
            conditions
                .iter()
                .map(|rule| format!("One point for: {}.", rules::condition(instrument, rule))),
        );
    }
    let reversed = ids(&|item| item.reversed_within.is_some());
    if !reversed.is_empty() {
        said.push(format!(
            "Reversed, so that the highest answer counts as the lowest: {reversed}."
        ));
    }
    let optional = ids(&|item| item.blank == Blank::Zero);
    if !optional.is_empty() {
        said.push(format!(
            "Does not concern everybody, and counts as 0 without an answer: {optional}."
        ));
    }
    if (scale.times - 1.0).abs() > f64::EPSILON {
        said.push(format!("Multiplied by {}.", scale.times));
    }
    if let Some(lookup) = &scale.lookup {
        said.push(format!(
            "The score is looked up in a table of {} rows. Source: {}.",
            lookup.rows.len(),
            lookup.source.trim_end_matches('.')
        ));
    }
    said.extend(not_asked(instrument, scale));
    said
}

/// What items count as that an earlier answer ruled out; nothing where every item is asked.
fn not_asked(instrument: &Instrument, scale: &Scale) -> Option<String> {
    let gated = scale.items.iter().any(|item| {
        let known = instrument.items.get(item.position);
        known.is_some_and(|known| known.asked_when.is_some())
    });
    gated.then(|| match scale.not_asked {
        NotAsked::Zero => "Items that are not asked count as 0.".to_owned(),
        NotAsked::LeftOut => "Items that are not asked leave the scale.".to_owned(),
    })
}

fn method(method: &Method) -> String {
    match method {
        Method::Sum => "Sum of items".to_owned(),
        Method::Mean => "Mean of items".to_owned(),
        Method::Highest => "Highest of items".to_owned(),
        Method::CountFrom(from) => format!("How many are {from} or more, of items"),
        Method::CountAny(values) => format!(
            "How many are {}, of items",
            rules::wanted(&Wanted::Any(values.clone()))
        ),
        Method::Rules(conditions) => {
            format!("How many of {} rules hold, over items", conditions.len())
        }
    }
}

fn missing(instrument: &Instrument, scale: &Scale) -> String {
    let over = scale
        .missing_over
        .and_then(|at| instrument.scales.get(at))
        .map_or_else(String::new, |other| format!(" on {}", other.id));
    let up_to = |most: u16| match most {
        1 => format!("One missing answer{over}"),
        most => format!("Up to {most} missing answers{over}"),
    };
    match scale.missing {
        MissingRule::Refuse => format!("No score when an answer is missing{over}."),
        MissingRule::BlankIsZero { at_most } => format!("{}: counted as 0.", up_to(at_most)),
        MissingRule::Prorate { at_most, rounding } => {
            let rounding = match rounding {
                Rounding::None => "not rounded",
                Rounding::Nearest => "rounded to the nearest, a half upwards",
                Rounding::Up => "rounded up",
                Rounding::Down => "rounded down",
            };
            format!(
                "{}: the mean of the others stands in, {rounding}. With more there is no score.",
                up_to(at_most)
            )
        }
    }
}

fn whom(whom: Whom) -> Option<String> {
    (!whom.is_everybody()).then(|| whom.to_string())
}

fn banding_words<'a>(
    banding: &'a Banding,
    name: Option<&'a str>,
    names: &'a [String],
) -> BandingWords<'a> {
    BandingWords {
        name,
        whom: whom(banding.whom),
        source: &banding.source,
        bands: banding
            .bands
            .iter()
            .zip(names)
            .map(|(band, name)| BandLine {
                range: format!("{} to {}", band.from, band.to),
                name,
            })
            .collect(),
    }
}

fn cut_off_words<'a>(cut_off: &'a CutOff, name: &'a str) -> CutOffWords<'a> {
    CutOffWords {
        limit: cut_off.limit.to_string(),
        name,
        whom: whom(cut_off.whom),
        source: &cut_off.source,
    }
}

fn change(parameters: &ChangeParameters) -> Vec<String> {
    let basis = Basis::stated(parameters);
    let direction = match parameters.direction {
        Direction::HigherIsWorse => "A higher score is worse.",
        Direction::HigherIsBetter => "A higher score is better.",
    };
    let statistics = parameters
        .statistics
        .as_ref()
        .filter(|_| parameters.reliable_points.is_some());
    [direction.to_owned(), basis.reliable]
        .into_iter()
        .chain(basis.alternatives)
        .chain(statistics.map(statistics_words))
        .chain(basis.important)
        .chain(basis.treatment_response)
        .chain(basis.remission)
        .collect()
}

/// Where points were published, the statistics stand beside them with what the formula makes of them.
fn statistics_words(statistics: &Statistics) -> String {
    let Statistics {
        sd,
        reliability,
        reliability_kind,
        source,
    } = statistics;
    let kind: &ReliabilityKind = reliability_kind;
    let by_formula = Reliability::new(*sd, *reliability)
        .map(|sample| plain_points(sample.points_at(Z_95)))
        .unwrap_or_default();
    format!(
        "By the formula 1.96 · SD · √2 · √(1 − r) it would be {by_formula} points: SD {sd}, {} reliability {reliability}. Source: {}.",
        kind.words(),
        source.trim_end_matches('.')
    )
}

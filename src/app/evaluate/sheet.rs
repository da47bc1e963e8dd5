//! The figures as rows of a file: one row for each group and population, every figure beside its numerator, denominator, interval and method.
//! The same data and period give the same bytes on both engines. Not here: pages, and what the figures mean (`domain::evaluation`).

use super::{Evaluation, Place};
use crate::app::cell::{guarded, quoted};
use crate::app::read_coverage::{OF_FORMS, OfForms};
use crate::domain::change::ChangeParameters;
use crate::domain::evaluation::{
    ChangeFigures, Completeness, Effect, Group, Interval, NoEffect, Outcomes, Population, Rate,
    Shown,
};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

/// The word in place of a number that is hidden.
pub const SUPPRESSED: &str = "suppressed";

/// The columns, in order; the meaning of each is in docs/evaluation.md.
pub const COLUMNS: [&str; 63] = [
    "period_from",
    "period_to",
    "instrument",
    "version",
    "scale",
    "program_id",
    "program",
    "clinic_id",
    "clinic",
    "population",
    "started",
    "ended",
    "scored",
    "paired",
    "paired_of",
    "paired_rate",
    "paired_low",
    "paired_high",
    "n",
    "mean_first",
    "sd_first",
    "mean_last",
    "mean_change",
    "sd_change",
    "effect_d",
    "effect_g",
    "effect_low",
    "effect_high",
    "effect_correlation",
    "effect_note",
    "reliable_improvement",
    "reliable_improvement_of",
    "reliable_improvement_rate",
    "reliable_improvement_low",
    "reliable_improvement_high",
    "reliable_deterioration",
    "reliable_deterioration_of",
    "reliable_deterioration_rate",
    "reliable_deterioration_low",
    "reliable_deterioration_high",
    "treatment_response",
    "treatment_response_of",
    "treatment_response_rate",
    "treatment_response_low",
    "treatment_response_high",
    "remission",
    "remission_of",
    "remission_rate",
    "remission_low",
    "remission_high",
    "cautions",
    "effect_method",
    "rate_method",
    "reliable_change_rule",
    "treatment_response_rule",
    "remission_rule",
    "forms_due",
    "forms_answered",
    "forms_open",
    "forms_declined",
    "forms_not_seen",
    "forms_abandoned",
    "forms_expired",
];

/// The counts of forms, in the order of their columns.
pub const FORMS: [OfForms; OF_FORMS] = [
    OfForms::Due,
    OfForms::Answered,
    OfForms::Open,
    OfForms::Declined,
    OfForms::NotSeen,
    OfForms::Abandoned,
    OfForms::Expired,
];

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A count.
    Count(u64),
    /// A figure, written with four decimals.
    Number(f64),
    /// Hidden, because it is small or would give a small number away.
    Suppressed,
    /// There is none: nobody to count, or the scale does not define it.
    Nothing,
}

impl Cell {
    fn text(words: &str) -> Cell {
        Cell::Text(words.to_owned())
    }

    fn maybe(value: Option<f64>) -> Cell {
        value.map_or(Cell::Nothing, Cell::Number)
    }

    /// The cell as a file for spreadsheets has it: words that would run as a formula are guarded.
    fn written(&self) -> String {
        match self {
            Cell::Text(words) => guarded(words),
            Cell::Count(count) => count.to_string(),
            Cell::Number(value) => decimals(*value),
            Cell::Suppressed => SUPPRESSED.to_owned(),
            Cell::Nothing => String::new(),
        }
    }
}

impl From<Shown> for Cell {
    fn from(shown: Shown) -> Cell {
        shown.value().map_or(Cell::Suppressed, Cell::Count)
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Cell::Text(words) => serializer.serialize_str(words),
            Cell::Count(count) => serializer.serialize_u64(*count),
            Cell::Number(value) => serializer.serialize_f64(rounded(*value)),
            Cell::Suppressed => serializer.serialize_str(SUPPRESSED),
            Cell::Nothing => serializer.serialize_none(),
        }
    }
}

/// Four decimals: finer than any of the figures is known, coarser than what the order of adding may change.
fn rounded(value: f64) -> f64 {
    // Adding 0 turns -0 into 0.
    (value * 10_000.0).round() / 10_000.0 + 0.0
}

fn decimals(value: f64) -> String {
    format!("{:.4}", rounded(value))
}

/// The rows, each with a cell for every one of [`COLUMNS`].
pub fn rows(evaluation: &Evaluation) -> Vec<Vec<Cell>> {
    let groups = evaluation.report.groups.iter();
    groups
        .flat_map(|group| {
            [&group.completers, &group.everyone].map(|outcomes| row(evaluation, group, outcomes))
        })
        .collect()
}

/// The rows as a CSV file: UTF-8, lines end with CRLF, first line the names of the columns.
pub fn csv(evaluation: &Evaluation) -> Vec<u8> {
    let mut text = line(COLUMNS.map(str::to_owned).iter());
    for row in rows(evaluation) {
        text.push_str(&line(
            row.iter().map(Cell::written).collect::<Vec<_>>().iter(),
        ));
    }
    text.into_bytes()
}

fn line<'a>(cells: impl Iterator<Item = &'a String>) -> String {
    let quoted: Vec<String> = cells.map(|cell| quoted(cell)).collect();
    quoted.join(",") + "\r\n"
}

/// The rows as JSON, with the words of the report: a number that is hidden is the word `suppressed`, one that does not exist is null.
///
/// # Errors
/// When the writer fails.
pub fn json(evaluation: &Evaluation, out: impl std::io::Write) -> Result<(), serde_json::Error> {
    let words = &evaluation.report.words;
    let optional = [words.treatment_response.as_ref(), words.remission.as_ref()];
    let always = [
        &words.episodes,
        &words.paired,
        &words.completers,
        &words.everyone,
        &words.effect,
        &words.rates,
        &words.reliable_change,
    ];
    let last = [&words.suppression, &words.limits];
    let notes: Vec<&str> = always
        .into_iter()
        .chain(optional.into_iter().flatten())
        .chain(last)
        .map(String::as_str)
        .collect();
    serde_json::to_writer(
        out,
        &Document {
            notes,
            rows: rows(evaluation),
        },
    )
}

#[derive(serde::Serialize)]
struct Document<'a> {
    notes: Vec<&'a str>,
    #[serde(serialize_with = "by_column")]
    rows: Vec<Vec<Cell>>,
}

fn by_column<S: Serializer>(rows: &[Vec<Cell>], serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(rows.len()))?;
    for row in rows {
        list.serialize_element(&Named(row))?;
    }
    list.end()
}

struct Named<'a>(&'a [Cell]);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(COLUMNS.len()))?;
        for (name, cell) in COLUMNS.iter().zip(self.0) {
            map.serialize_entry(name, cell)?;
        }
        map.end()
    }
}

fn row(evaluation: &Evaluation, group: &Group, outcomes: &Outcomes) -> Vec<Cell> {
    let mut cells = scope(evaluation);
    cells.extend(place(
        group
            .key
            .program
            .and_then(|key| evaluation.places.program(key)),
        "all programs",
    ));
    cells.extend(place(
        group
            .key
            .clinic
            .and_then(|key| evaluation.places.clinic(key)),
        "all clinics",
    ));
    cells.push(Cell::text(population(outcomes.population)));
    cells.extend([group.started.into(), group.ended.into()]);
    cells.extend(completeness(&group.completeness));
    cells.push(outcomes.n.into());
    cells.extend(change(&outcomes.change));
    cells.extend(rate(Some(&outcomes.reliable_improvement)));
    cells.extend(rate(Some(&outcomes.reliable_deterioration)));
    cells.extend(rate(outcomes.treatment_response.as_ref()));
    cells.extend(rate(outcomes.remission.as_ref()));
    let cautions: Vec<&str> = group
        .cautions
        .iter()
        .map(|caution| caution.words())
        .collect();
    cells.push(Cell::Text(cautions.join(" ")));
    cells.extend(methods(evaluation));
    let forms = |count| Cell::from(evaluation.forms.of(group.key, count));
    cells.extend(FORMS.map(forms));
    cells
}

fn scope(evaluation: &Evaluation) -> Vec<Cell> {
    let (period, measure) = (evaluation.report.period, evaluation.measure);
    vec![
        Cell::Text(period.from().to_string()),
        Cell::Text(period.to().to_string()),
        Cell::text(measure.instrument),
        Cell::text(measure.version),
        Cell::text(measure.scale),
    ]
}

fn place(place: Option<&Place>, all: &str) -> [Cell; 2] {
    place.map_or([Cell::Nothing, Cell::text(all)], |place| {
        [Cell::text(&place.external_id), Cell::text(&place.name)]
    })
}

/// A population in one word.
pub fn population(population: Population) -> &'static str {
    match population {
        Population::Completers => "completers",
        Population::Everyone => "everyone",
    }
}

fn completeness(completeness: &Completeness) -> Vec<Cell> {
    let mut cells = vec![completeness.scored.into()];
    cells.extend(rate(Some(&completeness.paired)));
    cells
}

/// Numerator, denominator, share, both ends of the interval.
fn rate(rate: Option<&Rate>) -> [Cell; 5] {
    let Some(rate) = rate else {
        return [const { Cell::Nothing }; 5];
    };
    let hidden = [rate.numerator, rate.denominator].contains(&Shown::Suppressed);
    let figure = |value| {
        if hidden {
            Cell::Suppressed
        } else {
            Cell::maybe(value)
        }
    };
    [
        rate.numerator.into(),
        rate.denominator.into(),
        figure(rate.share),
        figure(rate.interval.map(|interval| interval.low)),
        figure(rate.interval.map(|interval| interval.high)),
    ]
}

/// Means, spreads, then the effect size: eleven cells.
fn change(change: &ChangeFigures) -> Vec<Cell> {
    match change {
        ChangeFigures::NoScores => vec![Cell::Nothing; 11],
        ChangeFigures::Suppressed => vec![Cell::Suppressed; 11],
        ChangeFigures::Shown {
            mean_first,
            mean_last,
            sd_first,
            mean_change,
            sd_change,
            effect,
        } => {
            let mut cells = vec![
                Cell::Number(*mean_first),
                Cell::maybe(*sd_first),
                Cell::Number(*mean_last),
                Cell::Number(*mean_change),
                Cell::maybe(*sd_change),
            ];
            cells.extend(effect_cells(*effect));
            cells
        }
    }
}

fn effect_cells(effect: Result<Effect, NoEffect>) -> Vec<Cell> {
    match effect {
        Ok(Effect {
            d,
            g,
            interval: Interval { low, high },
            correlation,
            ..
        }) => [d, g, low, high, correlation]
            .map(Cell::Number)
            .into_iter()
            .chain([Cell::Nothing])
            .collect(),
        Err(why) => {
            let mut cells = vec![Cell::Nothing; 5];
            cells.push(Cell::text(no_effect(why)));
            cells
        }
    }
}

/// Why there is no effect size, in words.
pub fn no_effect(why: NoEffect) -> &'static str {
    match why {
        NoEffect::TooFew => "fewer than 3 pairs",
        NoEffect::NoSpread => "no spread",
    }
}

fn methods(evaluation: &Evaluation) -> [Cell; 5] {
    let words = &evaluation.report.words;
    let maybe = |words: &Option<String>| words.as_deref().map_or(Cell::Nothing, Cell::text);
    [
        Cell::text(&words.effect),
        Cell::text(&words.rates),
        Cell::Text(reliable_rule(
            &words.reliable_change,
            evaluation.measure.parameters,
        )),
        maybe(&words.treatment_response),
        maybe(&words.remission),
    ]
}

/// The rule in use and, because authors disagree, the other published limits.
fn reliable_rule(rule: &str, parameters: &ChangeParameters) -> String {
    let others = parameters.alternatives.iter();
    let others: String = others
        .map(|other| {
            format!(
                " Another published limit: {} points ({}).",
                other.points, other.source
            )
        })
        .collect();
    format!("{rule}{others}")
}

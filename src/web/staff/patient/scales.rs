//! One instrument on the patient's page: a chart for each scale, the table of numbers below it, and what the change means with its basis.

use super::answers::{Matrix, entered_by, matrices};
use super::course::{Asked, Course, Scored};
use super::folds::{Fold, Folds};
use super::mark::Mark;
use crate::app::read_patient::{EpisodeRecord, Record};
use crate::charts::{Band, Limit, Occasion, Trend, Worse, trend};
use crate::domain::change::{Attainment, Change, Direction, compare};
use crate::domain::instrument::Limit::{AtLeast, AtMost};
use crate::domain::instrument::{
    Banding, Instrument, Library, Person, Respondent, Scale, ScaleTexts,
};
use crate::store::response::ScoreRow;
use crate::web::staff::words::{day_ago, points};
use chrono::{NaiveDate, TimeDelta};

/// Days of a course without any occasion that a chart still shows at its left end.
const EMPTY_DAYS: i64 = 28;
/// Rows of the table of numbers before the rest folds away.
const ROWS: usize = 6;

/// An instrument with everything that was answered to it in one episode.
pub struct InstrumentView {
    /// Its id, for anchors.
    pub id: String,
    /// The name clinicians use.
    pub short_name: String,
    /// The full name.
    pub name: String,
    /// The first scale: the total.
    pub total: Option<ScaleView>,
    /// Whether the total has bands.
    pub banded: bool,
    /// The names of the other scales.
    pub part_names: Vec<String>,
    /// Opens their charts; `None` when there are none.
    pub parts_fold: Option<Fold>,
    /// The other scales, when open.
    pub parts: Vec<ScaleView>,
    /// One row an occasion, newest first.
    pub rows: Vec<Row>,
    /// How many occasions there are.
    pub occasions: usize,
    /// Opens the rows that are folded away; `None` when all are there.
    pub rows_fold: Option<Fold>,
    /// Who answers it, in a sentence, where that is not the patient; else empty.
    pub respondent: &'static str,
    /// What came of the criteria in the last response.
    pub criteria: Vec<CriterionLine>,
    /// Opens the answers.
    pub answers_fold: Fold,
    /// Item by item, one table a version, when open.
    pub answers: Vec<Matrix>,
    /// The owner's line.
    pub credit: String,
}

/// One scale.
pub struct ScaleView {
    /// Its name.
    pub name: String,
    /// The drawing.
    pub chart: String,
    /// The last score in words.
    pub last: String,
    /// The change since the first.
    pub mark: Mark,
    /// What that stands on, one sentence each.
    pub basis: Vec<String>,
    /// Cut-offs and bands with their sources, one sentence each.
    pub limits: Vec<String>,
}

/// One occasion in the table of numbers.
pub struct Row {
    /// When.
    pub day: String,
    /// Score on the total, or nothing.
    pub score: String,
    /// Its band.
    pub band: String,
    /// Change since the first score; `None` where there is nothing to compare.
    pub mark: Option<Mark>,
    /// The scores on the other scales.
    pub parts: Vec<String>,
    /// Why there is no score, or how it was completed.
    pub note: String,
}

/// A criterion and what came of it.
pub struct CriterionLine {
    /// Its name.
    pub name: String,
    /// Met, not met, or open.
    pub verdict: &'static str,
    /// Where the rule was published.
    pub source: String,
}

/// What a band is called that was decided on when the score was made, and its scheme where that has a name. A score may be without a band though its points lie in one: where
/// questions were left out of the sum, the bands say nothing. `scheme`: whose band it is; where that is not known, the scheme in use comes first.
pub fn band_words<'a>(
    instrument: &'a Instrument,
    scale: &Scale,
    scheme: Option<&str>,
    band: &str,
) -> Option<(&'a str, Option<&'a str>)> {
    let texts = texts_of(instrument, scale)?;
    let named = |banding: &Banding| {
        let at = scale
            .bandings
            .iter()
            .position(|known| known.id == banding.id)?;
        let place = banding.bands.iter().position(|known| known.id == band)?;
        let texts = texts.bandings.get(at)?;
        Some((texts.bands.get(place)?.as_str(), texts.name.as_deref()))
    };
    usual_bands(scale)
        .into_iter()
        .chain(&scale.bandings)
        .filter(|banding| scheme.is_none_or(|scheme| banding.id == scheme))
        .find_map(named)
}

/// The bands in use for somebody of whom sex and age are not known.
fn usual_bands(scale: &Scale) -> Option<&Banding> {
    scale.banding_for(Person::default())
}

fn texts_of<'a>(instrument: &'a Instrument, scale: &Scale) -> Option<&'a ScaleTexts> {
    let at = instrument
        .scales
        .iter()
        .position(|known| known.id == scale.id)?;
    instrument.texts_or_english("en").scales.get(at)
}

/// What the instruments are for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// How the patient is.
    Patient,
    /// The sessions: no validated scale, and kept apart.
    Sessions,
}

/// Every instrument of this sort that was asked in this episode, the one with the newest answer first.
pub fn instruments(
    library: &'static Library,
    record: &Record,
    episode: &EpisodeRecord,
    folds: &Folds,
    about: About,
) -> Vec<InstrumentView> {
    let mut courses: Vec<_> = library
        .latest()
        .filter(|newest| newest.kind.is_kept_apart() == (about == About::Sessions))
        .map(|newest| Course::of(library, newest, episode))
        .filter(|course| !course.asked.is_empty())
        .collect();
    courses.sort_by_key(|course| std::cmp::Reverse(course.last_answer_at()));
    courses
        .iter()
        .map(|course| view(library, record, episode, course, folds))
        .collect()
}

fn view(
    library: &'static Library,
    record: &Record,
    episode: &EpisodeRecord,
    course: &Course<'_>,
    folds: &Folds,
) -> InstrumentView {
    let instrument = course.instrument;
    let texts = instrument.texts_or_english("en");
    let fold = |part: &str| folds.fold(format!("{part}-{}", instrument.id));
    let (parts_fold, rows_fold, answers_fold) = (fold("parts"), fold("rows"), fold("answers"));
    let rows = if rows_fold.open {
        course.asked.len()
    } else {
        ROWS
    };
    let drawn = |scale| scale_view(record, episode, course, scale);
    let others = || instrument.scales.iter().skip(1);
    InstrumentView {
        id: instrument.id.clone(),
        short_name: texts.short_name.clone(),
        name: texts.name.clone(),
        total: instrument.scales.first().map(drawn),
        banded: instrument
            .scales
            .first()
            .is_some_and(|scale| usual_bands(scale).is_some()),
        part_names: others()
            .map(|scale| scale_name(instrument, scale))
            .collect(),
        parts: others().filter(|_| parts_fold.open).map(drawn).collect(),
        parts_fold: others().next().map(|_| parts_fold),
        rows: course
            .asked
            .iter()
            .rev()
            .take(rows)
            .map(|asked| row(record, episode, course, asked))
            .collect(),
        occasions: course.asked.len(),
        rows_fold: (course.asked.len() > rows).then_some(rows_fold),
        respondent: match instrument.respondent {
            Respondent::Patient => "",
            Respondent::Parent => "Answered by a parent or caregiver.",
            Respondent::Clinician => "Answered by the clinician.",
        },
        criteria: criteria(course),
        answers: if answers_fold.open {
            matrices(library, record, episode, course)
        } else {
            vec![]
        },
        answers_fold,
        credit: texts.credit.clone(),
    }
}

fn scale_view(
    record: &Record,
    episode: &EpisodeRecord,
    course: &Course<'_>,
    scale: &Scale,
) -> ScaleView {
    let scores = course.scores(&scale.id);
    // What care came to does not change when a follow-up comes in: it is drawn and told of, and change is judged without it.
    let (of_care, after): (Vec<_>, Vec<_>) =
        scores.into_iter().partition(|score| score.is_of_course);
    let (first, last) = (of_care.first(), of_care.last());
    let is_newest = |after: &&Scored<'_>| last.is_none_or(|last| after.at > last.at);
    let after = after.last().filter(is_newest);
    let is_judged = !course.instrument.kind.is_kept_apart();
    let change = match (&scale.change, first, last) {
        (Some(known), Some(first), Some(last)) if is_judged && of_care.len() > 1 => {
            Some(compare(known, first.value, last.value))
        }
        _ => None,
    };
    let mark = Mark::of(change.as_ref(), scale.change.as_ref());
    let last_words = last.map_or_else(String::new, |last| score_words(course, last));
    // What stands beside the last point of the drawing.
    let drawn_words = match after {
        Some(after) => format!("{}, follow-up", score_words(course, after)),
        None if is_judged => chart_words(&last_words, &mark, of_care.len()),
        None => last_words,
    };
    ScaleView {
        name: scale_name(course.instrument, scale),
        chart: chart(record, episode, course, scale, &drawn_words),
        last: last_told(record, course, scale, (last, after)),
        basis: basis(change.as_ref(), scale),
        limits: limits(course.instrument, scale),
        mark,
    }
}

/// The last score of care, and the last follow-up after it.
fn last_told(
    record: &Record,
    course: &Course<'_>,
    scale: &Scale,
    (last, after): (Option<&Scored<'_>>, Option<&Scored<'_>>),
) -> String {
    let told = |score: &Scored<'_>| {
        format!(
            "{} ({} to {}), {}",
            score_words(course, score),
            points(scale.lowest),
            points(scale.highest),
            day_ago(record.day(score.at), record.today())
        )
    };
    match (last.map(told), after.map(told)) {
        (Some(last), Some(after)) => format!("{last}; follow-up {after}"),
        (Some(last), None) => last,
        (None, Some(after)) => format!("Follow-up {after}"),
        (None, None) => "No score yet".to_owned(),
    }
}

/// What clinicians call a scale.
pub fn scale_name(instrument: &Instrument, scale: &Scale) -> String {
    texts_of(instrument, scale).map_or_else(|| scale.id.clone(), |texts| texts.name.clone())
}

fn score_words(course: &Course<'_>, last: &Scored<'_>) -> String {
    match stored_band(course, last.score) {
        Some((band, _)) => format!("{} {band}", points(last.value)),
        None => points(last.value),
    }
}

/// What stands beside the last point.
fn chart_words(last: &str, mark: &Mark, scores: usize) -> String {
    match scores {
        0 => String::new(),
        1 => format!("{last}, first score"),
        _ if mark.class == "unknown" => last.to_owned(),
        _ => format!("{last}, {} {}", mark.glyph, mark.words),
    }
}

fn chart(
    record: &Record,
    episode: &EpisodeRecord,
    course: &Course<'_>,
    scale: &Scale,
    last_words: &str,
) -> String {
    let occasions: Vec<Occasion> = course
        .values(&scale.id)
        .map(|(at, value)| Occasion {
            day: record.day(at),
            value,
        })
        .collect();
    let bands: Vec<Band> = usual_bands(scale)
        .iter()
        .flat_map(|banding| &banding.bands)
        .map(|band| Band {
            from: band.from,
            name: band_words(course.instrument, scale, None, &band.id)
                .map_or(&*band.id, |(words, _)| words)
                .to_owned(),
        })
        .collect();
    let span = span(record, episode, &occasions);
    let usual = scale.cut_offs_for(record.patient.person()).next();
    let cut_off = usual.map(|cut_off| Limit {
        at: cut_off.limit.points(),
        words: format!("cut-off {}", points(cut_off.limit.points())),
    });
    let texts = course.instrument.texts_or_english("en");
    trend(&Trend {
        id: &format!("{}-{}", course.instrument.id, scale.id),
        title: &format!(
            "{}, {}",
            texts.short_name,
            scale_name(course.instrument, scale)
        ),
        description: &description(record, course, scale, last_words),
        lowest: scale.lowest,
        highest: scale.highest,
        worse: match scale.change.as_ref().map(|known| known.direction) {
            Some(Direction::HigherIsBetter) => Worse::Lower,
            _ => Worse::Higher,
        },
        bands: &bands,
        cut_off: cut_off.as_ref(),
        span,
        occasions: &occasions,
        sessions: &attended(record, episode, span),
        last_words,
    })
}

fn description(record: &Record, course: &Course<'_>, scale: &Scale, last_words: &str) -> String {
    let scores = course.scores(&scale.id);
    let without = course
        .values(&scale.id)
        .filter(|(_, value)| value.is_none())
        .count();
    match scores.first() {
        Some(first) => format!(
            "{} scores, {without} occasions without a score. First: {} on {}. Last: {last_words}. The table below has the numbers.",
            scores.len(),
            points(first.value),
            record.day(first.at).format("%-d %b %Y"),
        ),
        None => format!("No score yet; {without} occasions without a score."),
    }
}

/// From the start of care, unless nothing was asked for long after it, to today or the end of care.
fn span(
    record: &Record,
    episode: &EpisodeRecord,
    occasions: &[Occasion],
) -> (NaiveDate, NaiveDate) {
    let end = episode
        .names
        .episode
        .ended_on
        .unwrap_or_else(|| record.today());
    let (first, last) = (
        occasions.first().map(|one| one.day),
        occasions.last().map(|one| one.day),
    );
    let from = first.map_or(episode.names.episode.started_on, |first| {
        episode
            .names
            .episode
            .started_on
            .max(first - TimeDelta::days(EMPTY_DAYS))
            .min(first)
    });
    (from, last.map_or(end, |last| last.max(end)).max(from))
}

/// The days within the drawing of the sessions that took place: those before it would all stand at its edge, on days on which there was none.
fn attended(
    record: &Record,
    episode: &EpisodeRecord,
    (from, to): (NaiveDate, NaiveDate),
) -> Vec<NaiveDate> {
    let took_place = crate::domain::care::SessionState::Attended.word();
    episode
        .sessions
        .iter()
        .filter(|(_, state)| state == took_place)
        .map(|(at, _)| record.day(*at))
        .filter(|day| (from..=to).contains(day))
        .collect()
}

fn basis(change: Option<&Change>, scale: &Scale) -> Vec<String> {
    let (Some(change), Some(_)) = (change, &scale.change) else {
        return vec![match &scale.change {
            Some(known) => match known.reliable_limit() {
                Some(limit) => format!(
                    "Change is judged from the second score on. {} points or more would be reliable.",
                    points(limit.points())
                ),
                None => "Reliable change: no published limit.".to_owned(),
            },
            None => "No limit of reliable change is stated for this scale.".to_owned(),
        }];
    };
    let mut said = vec![change.basis.reliable.clone()];
    said.extend(attainment(
        change.treatment_response,
        change.basis.treatment_response.as_deref(),
    ));
    said.extend(attainment(
        change.remission,
        change.basis.remission.as_deref(),
    ));
    said.extend(change.basis.alternatives.iter().cloned());
    said.extend(change.basis.important.iter().cloned());
    said
}

fn attainment(attained: Option<Attainment>, rule: Option<&str>) -> Option<String> {
    let verdict = match attained? {
        Attainment::Reached => "Reached.",
        Attainment::NotReached => "Not reached.",
        Attainment::StartedBelow => "Not asked, the first score was too low for it.",
    };
    Some(format!("{} {verdict}", rule?))
}

fn limits(instrument: &Instrument, scale: &Scale) -> Vec<String> {
    let names = texts_of(instrument, scale).map_or(&[][..], |texts| &texts.cut_offs);
    let mut said: Vec<String> = scale
        .cut_offs
        .iter()
        .zip(names)
        .map(|(cut_off, name)| {
            let side = match cut_off.limit {
                AtLeast(_) => "more",
                AtMost(_) => "less",
            };
            let whom = match cut_off.whom.is_everybody() {
                true => String::new(),
                false => format!(" ({})", cut_off.whom),
            };
            format!(
                "Cut-off: {name}{whom}, {} or {side}. Source: {}.",
                points(cut_off.limit.points()),
                cut_off.source.trim_end_matches('.')
            )
        })
        .collect();
    said.extend(
        usual_bands(scale)
            .map(|banding| format!("Bands: {}.", banding.source.trim_end_matches('.'))),
    );
    said
}

fn row(record: &Record, episode: &EpisodeRecord, course: &Course<'_>, asked: &Asked<'_>) -> Row {
    let mut scales = course.instrument.scales.iter();
    let total = scales.next();
    let score = total.and_then(|scale| course.score(asked, &scale.id));
    let value = score.and_then(|score| score.value);
    Row {
        day: day_ago(record.day(asked.at), record.today()),
        score: value.map(points).unwrap_or_default(),
        band: match score.and_then(|score| stored_band(course, score)) {
            Some((band, Some(scheme))) => format!("{band} ({scheme})"),
            Some((band, None)) => band.to_owned(),
            None => String::new(),
        },
        mark: total
            .zip(value)
            .and_then(|(scale, value)| mark_since_first(course, scale, asked, value)),
        parts: scales
            .map(|scale| {
                course
                    .score(asked, &scale.id)
                    .and_then(|score| score.value)
                    .map(points)
                    .unwrap_or_default()
            })
            .collect(),
        note: note(episode, course, asked, total),
    }
}

/// Why there is no score or how it came about, what else it says, and who entered it.
fn note(
    episode: &EpisodeRecord,
    course: &Course<'_>,
    asked: &Asked<'_>,
    total: Option<&Scale>,
) -> String {
    let score = total.and_then(|scale| course.score(asked, &scale.id));
    let enterer = asked.response().map(|row| entered_by(episode, row));
    let way = asked
        .response()
        .and_then(|row| episode.ways.get(&row.administration_id));
    let kind = match asked.is_of_course {
        true => String::new(),
        false => "follow-up".to_owned(),
    };
    let said = [
        kind,
        course.note(asked, total),
        score.map(beside).unwrap_or_default(),
        match enterer {
            Some(name) if !name.is_empty() => match way {
                Some(way) => format!("{}, entered by {name}", way.words()),
                None => format!("entered by {name}"),
            },
            _ => String::new(),
        },
    ];
    let said: Vec<String> = said.into_iter().filter(|part| !part.is_empty()).collect();
    said.join("; ")
}

/// `raw 14, standard error 2.1, out of 21`, as far as the scale has them.
fn beside(score: &ScoreRow) -> String {
    let part =
        |name: &str, value: Option<f64>| value.map(|value| format!("{name} {}", points(value)));
    let parts = [
        part("raw", score.raw),
        part("standard error", score.standard_error),
        part("out of", score.out_of),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What the band is called that was decided on when the score was made, and its scheme where there are several.
fn stored_band(
    course: &Course<'_>,
    score: &ScoreRow,
) -> Option<(&'static str, Option<&'static str>)> {
    let instrument = course.made_by(score);
    let scale = instrument.scale(&score.scale)?;
    band_words(
        instrument,
        scale,
        score.scheme.as_deref(),
        score.band.as_deref()?,
    )
}

fn mark_since_first(
    course: &Course<'_>,
    scale: &Scale,
    asked: &Asked<'_>,
    value: f64,
) -> Option<Mark> {
    let scores = course.scores(&scale.id);
    let first = scores.iter().find(|score| score.is_of_course)?;
    let known = scale
        .change
        .as_ref()
        .filter(|_| !course.instrument.kind.is_kept_apart() && asked.at > first.at)?;
    Some(Mark::of(
        Some(&compare(known, first.value, value)),
        Some(known),
    ))
}

fn criteria(course: &Course<'_>) -> Vec<CriterionLine> {
    let Some(response) = course.asked.iter().rev().find_map(Asked::completed) else {
        return vec![];
    };
    let verdicts: std::collections::BTreeMap<String, String> =
        serde_json::from_str(&response.criteria).unwrap_or_default();
    let names = &course.instrument.texts_or_english("en").criteria;
    course
        .instrument
        .criteria
        .iter()
        .zip(names)
        .map(|(criterion, name)| CriterionLine {
            name: name.clone(),
            verdict: match verdicts.get(&criterion.id).map(String::as_str) {
                Some("met") => "met",
                Some("not_met") => "not met",
                _ => "open: answers are missing",
            },
            source: criterion.source.clone(),
        })
        .collect()
}

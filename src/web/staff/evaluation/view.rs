//! The figures as the page prints them: short texts, cell by cell. Not here: what is counted, and what is hidden.

use crate::app::evaluate::{Evaluation, sheet};
use crate::domain::change::plain_points;
use crate::domain::evaluation::{Caution, ChangeFigures, Group, Outcomes, Rate, Shown};
use chrono::NaiveDate;
use std::collections::BTreeSet;

/// Everything below the form.
#[derive(Debug, Clone)]
pub struct Figures {
    /// What was measured: `PHQ-9, total score`.
    pub measure: String,
    /// The period in words.
    pub period: String,
    /// The first sentence: how many started, ended, have both scores. `None` when nobody did.
    pub summary: Option<String>,
    /// Programs with their clinics, then all programs.
    pub programs: Vec<Program>,
    /// Whether the scale defines a treatment response.
    pub has_response: bool,
    /// Whether the scale defines a remission.
    pub has_remission: bool,
    /// The warnings that occur, each with its meaning.
    pub cautions: Vec<(&'static str, &'static str)>,
    /// What the figures mean, sentence by sentence.
    pub words: Vec<String>,
    /// Why numbers are hidden.
    pub suppression: String,
    /// Where the same figures are a file.
    pub file: String,
}

/// A program, or all of them.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Its clinics, then all of them.
    pub rows: Vec<Row>,
}

/// One group.
#[derive(Debug, Clone)]
pub struct Row {
    /// The clinic's name.
    pub clinic: String,
    /// Episodes that started.
    pub started: String,
    /// Episodes that ended.
    pub ended: String,
    /// Of these, with a score.
    pub scored: String,
    /// Of these, with both.
    pub paired: Share,
    /// Forms that fell due, answered, open, declined, not seen, abandoned, expired.
    pub forms: Vec<String>,
    /// Warnings in a word or two.
    pub cautions: String,
    /// Completers, then everyone.
    pub parts: [Part; 2],
}

/// One population of a group.
#[derive(Debug, Clone)]
pub struct Part {
    /// How many the means stand on.
    pub n: String,
    /// Mean of the first scores.
    pub first: String,
    /// Mean of the last scores.
    pub last: String,
    /// Mean change and its spread.
    pub change: Figure,
    /// Effect size and its interval.
    pub effect: Figure,
    /// The shares of this population, in the order of the columns.
    pub shares: Vec<Share>,
}

/// A figure and what stands small beside it.
#[derive(Debug, Clone, Default)]
pub struct Figure {
    /// The figure.
    pub main: String,
    /// Its spread or interval; empty when there is none.
    pub beside: String,
}

/// A share: the percentage, numerator and denominator, and the interval.
#[derive(Debug, Clone)]
pub struct Share {
    /// The percentage, a dash when nobody could be counted, or that it is hidden.
    pub main: String,
    /// Of how many: `40 of 65`.
    pub of: String,
    /// The 95 % interval: `50 to 73`; empty when there is none.
    pub interval: String,
}

const HIDDEN: &str = "hidden";
const NONE: &str = "–";

impl Figures {
    /// The figures of an evaluation; `file` is the address of the same as a file.
    pub fn of(evaluation: &Evaluation, file: String) -> Figures {
        let (measure, report) = (evaluation.measure, &evaluation.report);
        let (from, to) = (report.period.from(), report.period.to());
        Figures {
            measure: format!("{}, {}", measure.instrument_name, measure.scale_name),
            period: format!("{} to {}", words_of(from), words_of(to)),
            summary: report.groups.last().and_then(summary),
            programs: programs(evaluation),
            has_response: measure.parameters.treatment_response_share.is_some(),
            has_remission: measure.parameters.remission_below.is_some(),
            cautions: cautions(&report.groups),
            words: words(evaluation),
            suppression: report.words.suppression.clone(),
            file,
        }
    }

    /// How many outcomes each population has.
    pub fn outcomes(&self) -> usize {
        2 + usize::from(self.has_response) + usize::from(self.has_remission)
    }
}

fn words_of(day: NaiveDate) -> String {
    day.format("%-d %b %Y").to_string()
}

fn summary(all: &Group) -> Option<String> {
    if (all.started, all.ended) == (Shown::Count(0), Shown::Count(0)) {
        return None;
    }
    let both = &all.completeness.paired;
    Some(format!(
        "{} started, {} ended; of those, {} have a first and a last score.",
        episodes(all.started),
        episodes(all.ended),
        match both.numerator {
            Shown::Count(count) => count.to_string(),
            Shown::Suppressed => "a hidden number".to_owned(),
        }
    ))
}

fn episodes(shown: Shown) -> String {
    match shown {
        Shown::Count(1) => "1 episode".to_owned(),
        Shown::Count(count) => format!("{count} episodes"),
        Shown::Suppressed => "a hidden number of episodes".to_owned(),
    }
}

fn programs(evaluation: &Evaluation) -> Vec<Program> {
    let places = &evaluation.places;
    let same = |a: &Group, b: &Group| a.key.program == b.key.program;
    let part = |groups: &[Group]| {
        let key = groups.first().and_then(|group| group.key.program);
        let name = key
            .and_then(|key| places.program(key))
            .map_or("All programs", |place| &place.name);
        let rows = groups.iter().map(|group| {
            let clinic = group.key.clinic.and_then(|key| places.clinic(key));
            row(
                evaluation,
                group,
                clinic.map_or("All clinics", |place| &place.name),
            )
        });
        Program {
            name: name.to_owned(),
            rows: rows.collect(),
        }
    };
    let groups = told_once(&evaluation.report.groups);
    groups.chunk_by(same).map(part).collect()
}

/// The groups, but for totals of one clinic or one program, which would say the same twice.
fn told_once(groups: &[Group]) -> Vec<Group> {
    let clinics: BTreeSet<_> = groups.iter().filter_map(|group| group.key.clinic).collect();
    let programs: BTreeSet<_> = groups
        .iter()
        .filter_map(|group| group.key.program)
        .collect();
    let is_told = |group: &&Group| {
        (group.key.clinic.is_some() || clinics.len() != 1)
            && (group.key.program.is_some() || programs.len() != 1)
    };
    groups.iter().filter(is_told).cloned().collect()
}

fn row(evaluation: &Evaluation, group: &Group, clinic: &str) -> Row {
    let warnings: Vec<&str> = group
        .cautions
        .iter()
        .map(|caution| caution.short())
        .collect();
    Row {
        clinic: clinic.to_owned(),
        started: count(group.started),
        ended: count(group.ended),
        scored: count(group.completeness.scored),
        paired: share(&group.completeness.paired),
        forms: sheet::FORMS
            .map(|of| count(evaluation.forms.of(group.key, of)))
            .into(),
        cautions: warnings.join(", "),
        parts: [part(&group.completers), part(&group.everyone)],
    }
}

fn part(outcomes: &Outcomes) -> Part {
    let shares = [
        Some(&outcomes.reliable_improvement),
        Some(&outcomes.reliable_deterioration),
        outcomes.treatment_response.as_ref(),
        outcomes.remission.as_ref(),
    ];
    let [first, last, change, effect] = change(&outcomes.change);
    Part {
        n: count(outcomes.n),
        first: first.main,
        last: last.main,
        change,
        effect,
        shares: shares.into_iter().flatten().map(share).collect(),
    }
}

/// First, last, change, effect.
fn change(figures: &ChangeFigures) -> [Figure; 4] {
    let plain = |main: &str| Figure {
        main: main.to_owned(),
        beside: String::new(),
    };
    match figures {
        ChangeFigures::NoScores => [(); 4].map(|()| plain(NONE)),
        ChangeFigures::Suppressed => [(); 4].map(|()| plain(HIDDEN)),
        ChangeFigures::Shown {
            mean_first,
            mean_last,
            mean_change,
            sd_change,
            effect,
            ..
        } => [
            plain(&format!("{mean_first:.1}")),
            plain(&format!("{mean_last:.1}")),
            Figure {
                main: signed(*mean_change, 1),
                beside: sd_change.map_or(String::new(), |sd| format!("SD {sd:.1}")),
            },
            effect.map_or_else(
                |why| Figure {
                    main: NONE.to_owned(),
                    beside: sheet::no_effect(why).to_owned(),
                },
                |effect| Figure {
                    main: signed(effect.g, 2),
                    beside: format!(
                        "{} to {}",
                        signed(effect.interval.low, 2),
                        signed(effect.interval.high, 2)
                    ),
                },
            ),
        ],
    }
}

/// With a minus sign that is as wide as a figure, and without one before a zero.
fn signed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().any(|figure| ('1'..='9').contains(&figure)) => {
            format!("−{rest}")
        }
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

fn share(rate: &Rate) -> Share {
    let hidden = [rate.numerator, rate.denominator].contains(&Shown::Suppressed);
    let main = match rate.share {
        Some(share) => format!("{} %", percent(share)),
        None if hidden => HIDDEN.to_owned(),
        None => NONE.to_owned(),
    };
    // What is hidden is said once.
    let of = match (rate.numerator, rate.denominator) {
        (Shown::Suppressed, Shown::Suppressed) => String::new(),
        (Shown::Suppressed, whole) => format!("of {}", count(whole)),
        (part, whole) => format!("{} of {}", count(part), count(whole)),
    };
    let interval = rate
        .interval
        .map(|interval| format!("{} to {}", percent(interval.low), percent(interval.high)));
    Share {
        main,
        of,
        interval: interval.unwrap_or_default(),
    }
}

fn percent(share: f64) -> String {
    format!("{:.0}", share * 100.0)
}

fn count(shown: Shown) -> String {
    shown
        .value()
        .map_or(HIDDEN.to_owned(), |count| count.to_string())
}

/// Each warning that occurs, once.
fn cautions(groups: &[Group]) -> Vec<(&'static str, &'static str)> {
    let all = [
        Caution::FewPairs,
        Caution::LowCompleteness,
        Caution::SmallCells,
    ];
    let occurs = |caution: &Caution| groups.iter().any(|group| group.cautions.contains(caution));
    all.into_iter()
        .filter(occurs)
        .map(|caution| (caution.short(), caution.words()))
        .collect()
}

fn words(evaluation: &Evaluation) -> Vec<String> {
    let words = &evaluation.report.words;
    let always = [
        &words.episodes,
        &words.paired,
        &words.completers,
        &words.everyone,
        &words.effect,
        &words.rates,
        &words.reliable_change,
    ];
    let others = evaluation.measure.parameters.alternatives.iter();
    let others = others.map(|other| {
        format!(
            "Another published limit: {} points. Source: {}.",
            plain_points(other.points),
            other.source
        )
    });
    let optional = [
        words.treatment_response.clone(),
        words.remission.clone(),
        Some(words.limits.clone()),
    ];
    always
        .into_iter()
        .cloned()
        .chain(others)
        .chain(optional.into_iter().flatten())
        .collect()
}

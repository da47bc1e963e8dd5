//! Every occasion on which one instrument was asked in an episode, with what came of it: the ground of the chart, the table and the answers.

use crate::app::read_patient::{EpisodeRecord, ScoredAnew};
use crate::domain::care::{AdministrationState, ResponseState, read_battery};
use crate::domain::ids::{AdministrationId, ResponseId};
use crate::domain::instrument::{Answers, Instrument, Library, Person, Scale};
use crate::domain::scoring::{self, Problem};
use crate::domain::submission::is_of_course;
use crate::store::administration::AdministrationRow;
use crate::store::response::{ResponseRow, ScoreRow};
use chrono::NaiveDateTime;
use std::collections::{HashMap, HashSet};

/// One instrument in one episode.
pub struct Course<'a> {
    /// The instrument in the version that was answered last, else the newest.
    pub instrument: &'static Instrument,
    /// Oldest first.
    pub asked: Vec<Asked<'a>>,
    library: &'static Library,
    scores: HashMap<(ResponseId, &'a str), &'a ScoreRow>,
    anew: &'a HashMap<ResponseId, ScoredAnew>,
}

/// One occasion and what came of it.
pub struct Asked<'a> {
    /// When it was answered, else when it fell due, UTC.
    pub at: NaiveDateTime,
    /// What came of it.
    pub outcome: Outcome<'a>,
    /// Whether it counts for what care came to; a follow-up, which comes after care, does not.
    pub is_of_course: bool,
}

/// An occasion's score that has a value.
pub struct Scored<'a> {
    /// When it was answered, UTC.
    pub at: NaiveDateTime,
    /// The points.
    pub value: f64,
    /// All that was decided with them.
    pub score: &'a ScoreRow,
    /// Whether change is judged on it: see [`Asked::is_of_course`].
    pub is_of_course: bool,
}

/// What came of an occasion.
#[derive(Clone, Copy)]
pub enum Outcome<'a> {
    /// Handed in.
    Completed(&'a ResponseRow),
    /// Begun and left.
    Unfinished(&'a ResponseRow),
    /// Being answered.
    Underway(&'a ResponseRow),
    /// Nothing came before its time ran out.
    NotAnswered,
    /// Somebody said no, or that it is not for them.
    Declined,
}

impl<'a> Asked<'a> {
    /// The response, if it was handed in.
    pub fn completed(&self) -> Option<&'a ResponseRow> {
        match self.outcome {
            Outcome::Completed(row) => Some(row),
            _ => None,
        }
    }

    /// The response, handed in or not.
    pub fn response(&self) -> Option<&'a ResponseRow> {
        match self.outcome {
            Outcome::Completed(row) | Outcome::Unfinished(row) | Outcome::Underway(row) => {
                Some(row)
            }
            Outcome::NotAnswered | Outcome::Declined => None,
        }
    }
}

impl<'a> Course<'a> {
    /// The course of an instrument in an episode; empty when it was never asked.
    pub fn of(
        library: &'static Library,
        newest: &'static Instrument,
        episode: &'a EpisodeRecord,
    ) -> Course<'a> {
        let states: HashMap<AdministrationId, &AdministrationRow> = episode
            .occasions
            .iter()
            .map(|occasion| (occasion.row.id, &occasion.row))
            .collect();
        let responses: Vec<&ResponseRow> = episode
            .responses
            .iter()
            .filter(|row| row.instrument == newest.id && counts(row))
            .collect();
        let answered: HashSet<AdministrationId> =
            responses.iter().map(|row| row.administration_id).collect();
        let silent = episode
            .occasions
            .iter()
            .map(|occasion| &occasion.row)
            .filter(|row| !answered.contains(&row.id));
        let mut asked: Vec<Asked<'a>> = responses
            .iter()
            .map(|row| with_answers(row, &states))
            .collect();
        asked.extend(silent.filter_map(|row| without_answers(row, &newest.id)));
        asked.sort_by_key(|one| one.at);
        // The version that scored the last response, which a rescore may have changed.
        let scored_by = |row: &ResponseRow| {
            let own = episode.scores.iter().map(|(_, score)| score);
            own.filter(|score| score.response_id == row.id)
                .max_by_key(|score| score.revision)
                .map_or_else(|| row.version.clone(), |score| score.version.clone())
        };
        let version = responses
            .last()
            .and_then(|row| library.version(&row.instrument, &scored_by(row)));
        Course {
            instrument: version.unwrap_or(newest),
            asked,
            library,
            anew: &episode.anew,
            // Later revisions come later and take the place of earlier ones.
            scores: episode
                .scores
                .iter()
                .map(|(_, row)| ((row.response_id, row.scale.as_str()), row))
                .collect(),
        }
    }

    /// When the newest answer came.
    pub fn last_answer_at(&self) -> Option<NaiveDateTime> {
        self.asked
            .iter()
            .filter(|one| one.response().is_some())
            .map(|one| one.at)
            .max()
    }

    /// The score of an occasion on a scale, with or without a value.
    pub fn score(&self, asked: &Asked<'_>, scale: &str) -> Option<&'a ScoreRow> {
        self.scores.get(&(asked.completed()?.id, scale)).copied()
    }

    /// Every finished occasion with its value on a scale, oldest first; `None` where there is no score.
    pub fn values<'c>(
        &'c self,
        scale: &'c str,
    ) -> impl Iterator<Item = (NaiveDateTime, Option<f64>)> + 'c {
        let finished = self
            .asked
            .iter()
            .filter(|one| !matches!(one.outcome, Outcome::Underway(_)));
        finished.map(move |one| (one.at, self.score(one, scale).and_then(|score| score.value)))
    }

    /// The scores with a value, oldest first.
    pub fn scores(&self, scale: &str) -> Vec<Scored<'a>> {
        let scored = |one: &Asked<'_>| {
            let score = self.score(one, scale)?;
            Some(Scored {
                at: one.at,
                value: score.value?,
                score,
                is_of_course: one.is_of_course,
            })
        };
        self.asked.iter().filter_map(scored).collect()
    }

    /// The instrument in the version that made a score.
    pub fn made_by(&self, score: &ScoreRow) -> &'static Instrument {
        let known = self.library.version(&score.instrument, &score.version);
        known.unwrap_or(self.instrument)
    }

    /// Why an occasion has no score, or how its score was completed; empty when there is nothing to say.
    pub fn note(&self, asked: &Asked<'_>, total: Option<&Scale>) -> String {
        match asked.outcome {
            Outcome::NotAnswered => "not answered".to_owned(),
            Outcome::Declined => "declined".to_owned(),
            Outcome::Unfinished(_) => "no score: begun and not handed in".to_owned(),
            Outcome::Underway(_) => "being answered".to_owned(),
            Outcome::Completed(row) => {
                let score = total.and_then(|scale| self.score(asked, &scale.id));
                let how = match score {
                    Some(score) if score.value.is_none() => {
                        format!("no score: {}", self.missing(row, score))
                    }
                    Some(score) if score.prorated == 1 => {
                        "1 missing answer filled in by the scale's rule".to_owned()
                    }
                    Some(score) if score.prorated > 1 => {
                        format!(
                            "{} missing answers filled in by the scale's rule",
                            score.prorated
                        )
                    }
                    _ => String::new(),
                };
                [how, self.odd(row), self.anew(row, score)]
                    .into_iter()
                    .filter(|part| !part.is_empty())
                    .collect::<Vec<_>>()
                    .join("; ")
            }
        }
    }

    /// That, why and by whom a response was scored anew; empty when it was not.
    fn anew(&self, row: &ResponseRow, score: Option<&ScoreRow>) -> String {
        match (self.anew.get(&row.id), score) {
            (Some(why), Some(score)) => format!(
                "scored anew by version {} ({}, {})",
                score.version, why.reason, why.author
            ),
            _ => String::new(),
        }
    }

    /// What is odd about the answers and did not stop scoring; empty when nothing is.
    fn odd(&self, row: &ResponseRow) -> String {
        let read = || {
            let instrument = self.library.version(&row.instrument, &row.version)?;
            let answers = Answers::from_json(instrument, &row.answers).ok()?;
            Some(problem_words(
                &scoring::score(instrument, &answers, Person::default()).problems,
            ))
        };
        read().unwrap_or_default()
    }

    /// Which answers are missing, from the answers themselves.
    fn missing(&self, row: &ResponseRow, score: &ScoreRow) -> String {
        let Some(instrument) = self.library.version(&score.instrument, &score.version) else {
            return "not scored".to_owned();
        };
        let Ok(answers) = Answers::from_json(instrument, &row.answers) else {
            return "the answers cannot be read".to_owned();
        };
        let scored = scoring::score(instrument, &answers, Person::default());
        match scored
            .score(&score.scale)
            .and_then(|score| score.reason.as_ref())
        {
            Some(scoring::Reason::NotAnswered { items, .. }) if items.len() == 1 => {
                format!("item {} not answered", items.join(""))
            }
            Some(scoring::Reason::NotAnswered { items, .. }) => {
                format!("items {} not answered", items.join(", "))
            }
            Some(scoring::Reason::NotAsked) => "no item of this scale was asked".to_owned(),
            None => "not scored".to_owned(),
        }
    }
}

/// The problems in few words: the items that one answer rules out are told together.
fn problem_words(problems: &[Problem<'_>]) -> String {
    let mut ruled_out: Vec<(&str, Vec<&str>)> = vec![];
    let mut words = vec![];
    for problem in problems {
        match problem {
            Problem::GateBlank { .. } => words.push(problem.to_string()),
            Problem::AnsweredThoughNotAsked { item, gate } => {
                match ruled_out.iter_mut().find(|(known, _)| known == gate) {
                    Some((_, items)) => items.push(item),
                    None => ruled_out.push((gate, vec![item])),
                }
            }
        }
    }
    words.extend(ruled_out.into_iter().map(|(gate, items)| {
        let many = if items.len() == 1 { "item" } else { "items" };
        format!(
            "{many} {} answered and not counted: the answer to item {gate} rules that out",
            items.join(", ")
        )
    }));
    words.join("; ")
}

/// Whether a response is one at all: what was recorded by mistake is kept, and never counted.
fn counts(row: &ResponseRow) -> bool {
    row.state != ResponseState::EnteredInError.word()
}

/// Whether an occasion is of the course of care. Whose answers they are does not matter here: this is one person's series, and each is judged by itself.
fn counts_for_care(occasion: &AdministrationRow) -> bool {
    is_of_course(&occasion.occasion, None)
}

fn with_answers<'a>(
    row: &'a ResponseRow,
    occasions: &HashMap<AdministrationId, &AdministrationRow>,
) -> Asked<'a> {
    let occasion = occasions.get(&row.administration_id);
    let open = occasion.is_some_and(|occasion| occasion.ended_at.is_none());
    let outcome = match row.completed_at {
        Some(_) if row.state == ResponseState::Completed.word() => Outcome::Completed(row),
        _ if open => Outcome::Underway(row),
        _ => Outcome::Unfinished(row),
    };
    Asked {
        at: row.completed_at.unwrap_or(row.started_at),
        outcome,
        is_of_course: occasion.is_none_or(|occasion| counts_for_care(occasion)),
    }
}

fn without_answers<'a>(row: &AdministrationRow, instrument: &str) -> Option<Asked<'a>> {
    if !read_battery(&row.instruments)
        .iter()
        .any(|part| part.instrument == instrument)
    {
        return None;
    }
    let outcome = match row.state.parse().ok()? {
        AdministrationState::NotSeen | AdministrationState::Abandoned => Outcome::NotAnswered,
        AdministrationState::Declined => Outcome::Declined,
        _ => return None,
    };
    Some(Asked {
        at: row.due_at,
        outcome,
        is_of_course: counts_for_care(row),
    })
}

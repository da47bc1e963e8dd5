//! A signal in words: what is seen with its numbers, what it rests on, what the rule cannot see, what was decided. No handler here, and no judgement.

use super::words::{day_ago, points};
use crate::app::read_signals::Signals;
use crate::domain::change::plain_points;
use crate::domain::ids::{PatientId, ResponseId, SignalId, StaffId};
use crate::domain::instrument::{ENGLISH, Library};
use crate::domain::risk::signal::{
    Choice, Facts, Mark, Passage, Seen, SignalKind, Stated, WrittenIn,
};
use crate::domain::schedule::{local_day, local_time};
use crate::store::signal::{SignalNames, SignalRow};
use chrono::{NaiveDateTime, TimeDelta};
use chrono_tz::Tz;
use std::collections::{HashMap, HashSet};

/// What a page needs to know to print signals.
#[derive(Clone, Copy)]
pub struct Told<'a> {
    /// The questionnaires.
    pub library: &'static Library,
    /// The answers behind the signals that were entered in error; `None` where the page does not say so.
    pub in_error: Option<&'a HashSet<ResponseId>>,
    /// Who works here, by name.
    pub people: &'a HashMap<StaffId, String>,
    /// The zone in which the site's days begin.
    pub zone: Tz,
    /// When the page was read, UTC.
    pub now: NaiveDateTime,
}

impl<'a> Told<'a> {
    /// For these signals.
    pub fn of(library: &'static Library, signals: &'a Signals) -> Told<'a> {
        Told {
            library,
            in_error: Some(&signals.in_error),
            people: &signals.people,
            zone: signals.zone,
            now: signals.now,
        }
    }

    /// A day with its distance.
    pub fn day(&self, at: NaiveDateTime) -> String {
        day_ago(local_day(self.zone, at), local_day(self.zone, self.now))
    }

    /// A day with the time of day.
    pub fn moment(&self, at: NaiveDateTime) -> String {
        format!(
            "{}, {}",
            self.day(at),
            local_time(self.zone, at).format("%H:%M")
        )
    }

    /// Who that is.
    pub fn name(&self, who: Option<StaffId>) -> String {
        who.and_then(|who| self.people.get(&who))
            .cloned()
            .unwrap_or_default()
    }
}

/// A pair of the basis: what, and its words.
pub struct Fact {
    /// What.
    pub what: &'static str,
    /// Its words.
    pub words: String,
}

/// A passage that the patient wrote.
pub struct PassageLine {
    /// Where and when.
    pub head: String,
    /// The words.
    pub words: String,
}

/// A choice of the form.
pub struct ChoiceLine {
    /// Its word.
    pub word: &'static str,
    /// What it says.
    pub says: &'static str,
    /// Whether it was chosen before something else was wrong.
    pub chosen: bool,
}

/// A decision.
pub struct DecisionLine {
    /// What was chosen, by whom and when, and how long it took.
    pub head: String,
    /// Why.
    pub reason: String,
}

/// A signal as pages print it.
pub struct Line {
    /// The signal.
    pub id: SignalId,
    /// The patient.
    pub patient_id: PatientId,
    /// Their name.
    pub patient: String,
    /// Where.
    pub clinic: String,
    /// Whose it is: `yours`, or a name.
    pub owner: String,
    /// What kind, in words.
    pub title: String,
    /// Its numbers.
    pub numbers: String,
    /// Since when.
    pub since: String,
    /// By when somebody should decide.
    pub due: String,
    /// Whether that is past.
    pub is_overdue: bool,
    /// What it rests on.
    pub basis: Vec<Fact>,
    /// The patient's words.
    pub passages: Vec<PassageLine>,
    /// How many earlier passages there are.
    pub earlier: u32,
    /// What the rule cannot see.
    pub blind_to: &'static str,
    /// How often it was seen: what the decision is about.
    pub times: i32,
    /// What a person may choose.
    pub choices: Vec<ChoiceLine>,
    /// What was typed before something was wrong.
    pub typed: String,
    /// What was wrong.
    pub wrong: Option<String>,
    /// The decision, once there is one.
    pub decision: Option<DecisionLine>,
}

/// What somebody typed, and what was wrong with it.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    /// The signal it was about.
    pub about: Option<SignalId>,
    /// The choice.
    pub choice: Option<Choice>,
    /// The reason.
    pub reason: String,
    /// What was wrong.
    pub wrong: String,
}

/// A signal in words.
pub fn line(names: &SignalNames, told: &Told<'_>, me: Option<StaffId>, typed: &Typed) -> Line {
    let row = &names.signal;
    let seen = Facts::read(&row.facts).ok();
    let mine = typed.about == Some(row.id);
    let (passages, earlier) = passages(seen.as_ref(), told);
    let numbers = numbers(row, seen.as_ref(), told);
    let begins_elsewhere = seen.as_ref().is_some_and(|facts| facts.begins_elsewhere);
    Line {
        id: row.id,
        patient_id: row.patient_id,
        patient: names.patient.clone(),
        clinic: names.clinic.clone(),
        owner: match me == Some(row.owner_id) {
            true => "yours".to_owned(),
            false => format!("with {}", names.owner),
        },
        title: title(row, seen.as_ref(), told),
        numbers: match (left_out(row, told), begins_elsewhere) {
            (true, _) => {
                format!("{numbers}. These answers were marked as entered in error since.")
            }
            (false, true) => format!(
                "{numbers}. The series begins with another score by now; see the patient’s page."
            ),
            (false, false) => numbers,
        },
        since: told.day(row.raised_at),
        due: row
            .due_at
            .map(|due| due_words(due, told))
            .unwrap_or_default(),
        is_overdue: row.due_at.is_some_and(|due| due <= told.now),
        basis: basis(row, seen.as_ref(), told),
        passages,
        earlier,
        blind_to: seen.as_ref().map_or(
            "The figures of this signal cannot be read by this version of the program.",
            |facts| facts.seen.blind_to(),
        ),
        times: row.times,
        choices: choices(typed.choice.filter(|_| mine)),
        typed: if mine {
            typed.reason.clone()
        } else {
            String::new()
        },
        wrong: (mine && !typed.wrong.is_empty()).then(|| typed.wrong.clone()),
        decision: decision(row, told),
    }
}

fn left_out(row: &SignalRow, told: &Told<'_>) -> bool {
    let known = row.response_id.zip(told.in_error);
    known.is_some_and(|(id, in_error)| in_error.contains(&id))
}

fn due_words(due: NaiveDateTime, told: &Told<'_>) -> String {
    match due <= told.now {
        true => format!("overdue since {}", told.day(due)),
        false => format!("decide by {}", told.day(due)),
    }
}

/// The kind in words, for lists and filters.
pub fn kind_words(kind: SignalKind) -> &'static str {
    match kind {
        SignalKind::Deteriorated => "Reliably worse than at the start",
        SignalKind::NotOnTrack => "Not on track",
        SignalKind::InNeed => "Reached the cut-off",
        SignalKind::Silent => "No answer",
        SignalKind::Words => "Wrote words of their own",
    }
}

/// A choice in words.
pub fn choice_words(choice: Choice) -> &'static str {
    match choice {
        Choice::ChangedPlan => "Changed the plan",
        Choice::Watch => "Watch",
        Choice::TalkedAboutIt => "Talked about it",
        Choice::NotRelevant => "Not relevant",
    }
}

fn choices(chosen: Option<Choice>) -> Vec<ChoiceLine> {
    let says = |choice| match choice {
        Choice::ChangedPlan => "I changed the plan",
        Choice::Watch => "Watch, and look again",
        Choice::TalkedAboutIt => "We talked about it",
        Choice::NotRelevant => "Not relevant here",
    };
    let line = |choice: &Choice| ChoiceLine {
        word: choice.word(),
        says: says(*choice),
        chosen: chosen == Some(*choice),
    };
    Choice::ALL.iter().map(line).collect()
}

fn short_name(row: &SignalRow, told: &Told<'_>) -> String {
    let known = told.library.version(&row.instrument, &row.version);
    known.map_or_else(
        || row.instrument.clone(),
        |known| known.texts_or_english(ENGLISH).short_name.clone(),
    )
}

fn title(row: &SignalRow, facts: Option<&Facts>, told: &Told<'_>) -> String {
    let Some(kind) = row.kind.parse().ok() else {
        return row.kind.replace('_', " ");
    };
    match facts.map(|facts| &facts.seen) {
        Some(Seen::NotOnTrack { weeks, .. }) => {
            format!("Not on track: no reliable improvement in {weeks} weeks")
        }
        Some(Seen::Silent { since, .. }) => {
            let day = |at| local_day(told.zone, at);
            let until = row.decided_at.unwrap_or(told.now);
            format!(
                "No answer for {} days",
                (day(until) - day(*since)).num_days()
            )
        }
        _ => kind_words(kind).to_owned(),
    }
}

/// What was seen in one sentence with its numbers.
pub fn numbers(row: &SignalRow, facts: Option<&Facts>, told: &Told<'_>) -> String {
    let form = short_name(row, told);
    match facts.map(|facts| &facts.seen) {
        Some(Seen::Deteriorated { first, last, limit }) => format!(
            "{form} {} → {}: {} points worse; {} or more count",
            points(first.value),
            points(last.value),
            points((last.value - first.value).abs()),
            plain_points(limit.points)
        ),
        Some(Seen::NotOnTrack {
            first,
            last,
            cut_off,
            ..
        }) => format!(
            "{form} {} → {}; the cut-off is {}",
            points(first.value),
            points(last.value),
            plain_points(cut_off.points)
        ),
        Some(Seen::InNeed {
            before,
            last,
            cut_off,
        }) => {
            let before = before.map_or("first score".to_owned(), |before| {
                format!("{} before", points(before.value))
            });
            format!(
                "{form} {} ({before}); the cut-off is {}",
                points(last.value),
                plain_points(cut_off.points)
            )
        }
        Some(Seen::Silent {
            since,
            answered,
            asked,
            ..
        }) => {
            let from = match answered {
                true => "last answer",
                false => "none since care began",
            };
            let forms = match asked {
                1 => "1 form".to_owned(),
                n => format!("{n} forms"),
            };
            format!("{from} {}; {forms} not answered", told.day(*since))
        }
        Some(Seen::Words { passages, earlier }) => {
            match passages.len() + usize::try_from(*earlier).unwrap_or(0) {
                1 => "1 passage to read".to_owned(),
                n => format!("{n} passages to read"),
            }
        }
        None => String::new(),
    }
}

fn basis(row: &SignalRow, facts: Option<&Facts>, told: &Told<'_>) -> Vec<Fact> {
    let mut basis = vec![];
    let mut say = |what, words: String| basis.push(Fact { what, words });
    let score = |mark: &Mark| format!("{}, {}", points(mark.value), told.day(mark.at));
    let limit = |stated: &Stated| {
        format!(
            "{} points. Source: {}",
            plain_points(stated.points),
            stated.source
        )
    };
    let side = |stated: &Stated| {
        let side = if stated.higher_is_worse {
            "or more"
        } else {
            "or less"
        };
        format!(
            "{} {side}. Source: {}",
            plain_points(stated.points),
            stated.source
        )
    };
    match facts.map(|facts| &facts.seen) {
        Some(Seen::Deteriorated {
            first,
            last,
            limit: at,
        }) => {
            say("First score", score(first));
            say("This score", score(last));
            say("Limit of reliable change", limit(at));
        }
        Some(Seen::NotOnTrack {
            first,
            best,
            last,
            limit: at,
            cut_off,
            ..
        }) => {
            say("First score", score(first));
            say("Best so far", score(best));
            say("This score", score(last));
            say("Limit of reliable change", limit(at));
            say("Cut-off", side(cut_off));
        }
        Some(Seen::InNeed {
            before,
            last,
            cut_off,
        }) => {
            let none = || "none: this is the first".to_owned();
            say("Score before", before.as_ref().map_or_else(none, score));
            say("This score", score(last));
            say("Cut-off", side(cut_off));
        }
        Some(Seen::Silent {
            since,
            answered,
            asked_at,
            asked,
        }) => {
            let what = if *answered {
                "Last answer"
            } else {
                "Care began"
            };
            say(what, told.day(*since));
            say("First form since then", told.day(*asked_at));
            say(
                "Forms not answered",
                format!("{asked}, counted {}", told.day(row.last_at)),
            );
        }
        Some(Seen::Words { .. }) | None => {}
    }
    if row.times > 1 {
        say(
            "Seen",
            format!("{} times, last {}", row.times, told.day(row.last_at)),
        );
    }
    if let Some(facts) = facts {
        let policy = match row.policy {
            0 => "policy as shipped".to_owned(),
            version => format!("policy version {version}"),
        };
        say(
            "Rule",
            format!(
                "{} Rules version {}, {policy}.",
                facts.seen.rule(),
                facts.rules
            ),
        );
    }
    basis
}

fn passages(facts: Option<&Facts>, told: &Told<'_>) -> (Vec<PassageLine>, u32) {
    let Some(Seen::Words { passages, earlier }) = facts.map(|facts| &facts.seen) else {
        return (vec![], 0);
    };
    let line = |one: &Passage| PassageLine {
        head: format!("{}, {}", where_written(one), told.moment(one.at)),
        words: one.words.clone(),
    };
    (passages.iter().rev().map(line).collect(), *earlier)
}

fn where_written(one: &Passage) -> String {
    match one.written_in.parse() {
        Ok(WrittenIn::Text) => "Text message".to_owned(),
        Ok(WrittenIn::Note) => "Correction note".to_owned(),
        Ok(WrittenIn::Form) | Err(_) => one.place.clone(),
    }
}

fn decision(row: &SignalRow, told: &Told<'_>) -> Option<DecisionLine> {
    let at = row.decided_at?;
    let choice = row.choice.as_deref().unwrap_or_default();
    let choice = choice.parse().map_or_else(
        |_| choice.replace('_', " "),
        |known| choice_words(known).to_owned(),
    );
    Some(DecisionLine {
        head: format!(
            "{choice}. {}, {}, {} after it was seen",
            told.name(row.decided_by),
            told.moment(at),
            took(at - row.raised_at)
        ),
        reason: row.reason.clone().unwrap_or_default(),
    })
}

/// How long something took: `12 min`, `3 h`, `2 days`.
pub fn took(span: TimeDelta) -> String {
    match (span.num_minutes().max(0), span.num_hours()) {
        (minutes, _) if minutes < 60 => format!("{minutes} min"),
        (_, hours) if hours < 48 => format!("{hours} h"),
        _ => format!("{} days", span.num_days()),
    }
}

//! A flag on one line: in the queue while it waits, in the list below it once closed.

use super::flag_words::{
    Here, choice_words, due_words, hours, is_crisis, level_words, moment, said, state_of, who,
};
use crate::app::read_queue::Waiting;
use crate::domain::ids::FlagId;
use crate::domain::risk::FlagState;
use crate::store::closing::ClosingRow;
use crate::store::flag::FlagNames;

/// A waiting flag on its line in the queue.
pub struct Line {
    /// The flag.
    pub id: FlagId,
    /// The patient's name.
    pub patient: String,
    /// `2, “More than half the days”, to PHQ-9 item 9`
    pub said: String,
    /// `3 answers`, or nothing for one.
    pub answers: String,
    /// What is due next, and when.
    pub due: String,
    /// Whether that has passed.
    pub is_overdue: bool,
    /// How long it waits, in hours.
    pub waits: String,
    /// Who has it.
    pub with: String,
    /// Whether a person must look the same hour.
    pub is_crisis: bool,
    /// Whether "I have it" is the next act.
    pub can_acknowledge: bool,
}

/// A closed flag on one line.
pub struct ClosedRow {
    /// The flag.
    pub id: FlagId,
    /// Their name.
    pub patient: String,
    /// What was answered.
    pub said: String,
    /// By whom.
    pub who: String,
    /// When.
    pub when: String,
    /// The overall level, or what came of it.
    pub level: &'static str,
}

/// A waiting flag on its line.
pub fn line(waiting: &Waiting, here: Here<'_>) -> Line {
    let flag = &waiting.names.flag;
    let state = state_of(flag);
    let name = who(&waiting.names.owner, waiting.owner);
    Line {
        id: flag.id,
        patient: waiting.names.patient.clone(),
        said: said(flag, here.library),
        answers: if flag.answers > 1 {
            format!(
                "{} answers, the last {}",
                flag.answers,
                moment(flag.last_at, here)
            )
        } else {
            String::new()
        },
        due: due_words(flag, state, here),
        is_overdue: flag.due_at.is_some_and(|due| due <= here.now),
        waits: hours(flag.raised_at, here.now),
        with: if state == Some(FlagState::Acknowledged) {
            name
        } else {
            format!("nobody yet; {name} was told")
        },
        is_crisis: is_crisis(flag),
        can_acknowledge: state == Some(FlagState::Open),
    }
}

/// A closed flag on its line.
pub fn closed_row(names: &FlagNames, closing: Option<&ClosingRow>, here: Here<'_>) -> ClosedRow {
    let flag = &names.flag;
    let level = closing.map(|row| match &row.choice {
        Some(choice) => choice.parse().map_or("", choice_words),
        None => row.level.parse().map_or("", level_words),
    });
    ClosedRow {
        id: flag.id,
        patient: names.patient.clone(),
        said: said(flag, here.library),
        who: names.owner.clone(),
        when: flag
            .closed_at
            .map_or_else(String::new, |at| moment(at, here)),
        level: level.unwrap_or("no assessment on record"),
    }
}

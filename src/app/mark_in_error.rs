//! "Entered in error": answers that stand in the wrong record, or that the patient never gave. They stay where everybody can see that they were there; charts, summaries and
//! evaluation go on without them. Flags and signals that they raised stay until a person decides about them. The mark can be taken back.

use super::raise_signals::look_again;
use super::read_caseload::{day_in, site_zone};
use super::rescore::{newest, sum_up_anew};
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Denied, Permit, decide};
use crate::domain::care::ResponseState;
use crate::domain::ids::{AdministrationId, EpisodeId, PatientId, ResponseId, StaffId};
use crate::domain::instrument::Library;
use crate::store::administration::{self, AdministrationRow};
use crate::store::in_error::{self, InErrorRow};
use crate::store::response::{self, ResponseRow, ScoreRow};
use crate::store::{Fault, Tx, audit, flag, fresh, patient};
use chrono::{NaiveDate, NaiveDateTime};

/// Most characters of a reason.
pub const MOST_REASON: usize = 500;

/// Why nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such occasion.
    NoOccasion,
    /// Nothing was handed in on it: there are no answers that count.
    NothingCounts,
    /// A longer form that it opened is still being answered.
    StillOpen,
    /// There is no reason, or too much of it.
    Reason,
    /// Somebody marked it before.
    Marked,
    /// It is not marked.
    NotMarked,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Refusal::NoOccasion => "There is no such form.",
            Refusal::NothingCounts => {
                "Nothing was handed in on this form yet, so there is nothing to mark."
            }
            Refusal::StillOpen => {
                "The patient has another form of this occasion open. Once that is sent, or its time is over, the answers can be left out."
            }
            Refusal::Reason => "Say why in a few words; at most 500 characters.",
            Refusal::Marked => "Somebody has marked these answers already.",
            Refusal::NotMarked => "These answers are not marked as entered in error any more.",
        })
    }
}

/// An occasion's answers, for somebody who is to say whether they were entered in error.
#[derive(Debug, Clone)]
pub struct Occasion {
    /// Whose record they stand in.
    pub patient: PatientId,
    /// In which episode of care.
    pub episode: EpisodeId,
    /// The patient's name.
    pub name: String,
    /// What was handed in, with its newest scores.
    pub forms: Vec<(ResponseRow, Vec<ScoreRow>)>,
    /// The day on which it was, on the site's calendar.
    pub day: NaiveDate,
    /// Flags of these answers that wait.
    pub flags: i64,
    /// The mark that holds, with the name of whoever made it and the day.
    pub mark: Option<(InErrorRow, String, NaiveDate)>,
}

/// Reads an occasion's answers. The reading is audited.
///
/// # Errors
/// Refused when there is nothing that could be marked; denied when out of reach; or the database fails.
pub async fn read_occasion(
    app: &App,
    actor: Actor,
    id: AdministrationId,
) -> Result<Occasion, Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let (permit, occasion) = permit(tx, &actor, id)?;
            let read = look(tx, &permit, &occasion)?;
            audit::record(tx, &permit, "administration", Some(id), now)?;
            Ok(read)
        })
        .await
}

fn look(
    tx: &mut Tx,
    permit: &Permit,
    occasion: &AdministrationRow,
) -> Result<Occasion, Failure<Refusal>> {
    if occasion.ended_at.is_none() {
        return Err(Failure::Refused(Refusal::StillOpen));
    }
    let zone = site_zone(tx)?;
    let forms = counted(tx, permit, occasion.id)?;
    let Some(at) = forms.first().and_then(|row| row.completed_at) else {
        return Err(Failure::Refused(Refusal::NothingCounts));
    };
    let scores = response::scores_of_episode(tx, permit, occasion.episode_id)?;
    let scored = |row: ResponseRow| {
        let own = scores.iter().map(|(_, score)| score);
        let own = newest(own.filter(|score| score.response_id == row.id));
        let own = own.into_values().cloned().collect();
        (row, own)
    };
    let mark = mark_on(tx, permit, occasion)?;
    let ids: Vec<ResponseId> = forms.iter().map(|row| row.id).collect();
    let flags = flag::waiting_of(tx, permit, &ids)?;
    Ok(Occasion {
        patient: occasion.patient_id,
        episode: occasion.episode_id,
        name: patient::load(tx, permit)?.name,
        forms: forms.into_iter().map(scored).collect(),
        day: day_in(zone, at),
        flags,
        mark: mark.map(|(row, name)| {
            let day = day_in(zone, row.marked_at);
            (row, name, day)
        }),
    })
}

/// Marks an occasion's answers as entered in error.
///
/// # Errors
/// See [`Refusal`]; denied when out of reach; or the database fails.
pub async fn mark(
    app: &App,
    actor: Actor,
    id: AdministrationId,
    reason: String,
) -> Result<(PatientId, EpisodeId), Failure<Refusal>> {
    let (now, library) = (app.clock.now(), app.library);
    let reason = reason.trim().to_owned();
    if reason.is_empty() || reason.chars().count() > MOST_REASON {
        return Err(Failure::Refused(Refusal::Reason));
    }
    app.store
        .write(move |tx| {
            let (permit, occasion) = permit(tx, &actor, id)?;
            patient::lock_episode(tx, permit.org(), occasion.episode_id)?;
            if let Some((known, _)) = mark_on(tx, &permit, &occasion)? {
                // A second click says the same once more.
                let same = known.reason == reason && known.marked_by == staff_of(&actor)?;
                return match same {
                    true => Ok((occasion.patient_id, occasion.episode_id)),
                    false => Err(Failure::Refused(Refusal::Marked)),
                };
            }
            if occasion.ended_at.is_none() {
                return Err(Failure::Refused(Refusal::StillOpen));
            }
            if counted(tx, &permit, id)?.is_empty() {
                return Err(Failure::Refused(Refusal::NothingCounts));
            }
            let row = InErrorRow {
                org_id: permit.org(),
                id: fresh(now),
                administration_id: id,
                reason,
                marked_by: staff_of(&actor)?,
                marked_at: now,
                ended_by: None,
                ended_at: None,
            };
            in_error::add(tx, &permit, &row)?;
            let change = (ResponseState::Completed, ResponseState::EnteredInError);
            turn(tx, &permit, library, &occasion, change, now)
        })
        .await
}

/// Takes the mark back: the answers count again.
///
/// # Errors
/// See [`Refusal`]; denied when out of reach; or the database fails.
pub async fn take_back(
    app: &App,
    actor: Actor,
    id: AdministrationId,
) -> Result<(PatientId, EpisodeId), Failure<Refusal>> {
    let (now, library) = (app.clock.now(), app.library);
    app.store
        .write(move |tx| {
            let (permit, occasion) = permit(tx, &actor, id)?;
            patient::lock_episode(tx, permit.org(), occasion.episode_id)?;
            if mark_on(tx, &permit, &occasion)?.is_none() {
                return Err(Failure::Refused(Refusal::NotMarked));
            }
            in_error::end(tx, &permit, id, staff_of(&actor)?, now)?;
            let change = (ResponseState::EnteredInError, ResponseState::Completed);
            turn(tx, &permit, library, &occasion, change, now)
        })
        .await
}

/// Puts the answers into their other state and makes the summaries they counted for anew.
fn turn(
    tx: &mut Tx,
    permit: &Permit,
    library: &Library,
    occasion: &AdministrationRow,
    change: (ResponseState, ResponseState),
    now: NaiveDateTime,
) -> Result<(PatientId, EpisodeId), Failure<Refusal>> {
    in_error::put(tx, permit, occasion.id, change)?;
    let episode = patient::episode_by_id(tx, permit.org(), occasion.episode_id)?;
    for row in counted(tx, permit, occasion.id)? {
        let begin_elsewhere = sum_up_anew(tx, permit, library, &row.instrument, episode.id)?;
        look_again(tx, library, &episode, &begin_elsewhere, now)?;
    }
    let act = match change.1 {
        ResponseState::EnteredInError => "answers_in_error",
        _ => "answers_count_again",
    };
    let by = permit.actor();
    audit::record_by(tx, by, act, "administration", Some(occasion.id), now)?;
    Ok((occasion.patient_id, occasion.episode_id))
}

/// What was handed in on an occasion, whether it counts or was entered in error.
fn counted(
    tx: &mut Tx,
    permit: &Permit,
    id: AdministrationId,
) -> Result<Vec<ResponseRow>, Failure<Refusal>> {
    let mut rows = in_error::responses(tx, permit, id)?;
    rows.retain(|row| row.completed_at.is_some());
    Ok(rows)
}

/// The mark that holds on an occasion, with the name of whoever made it.
fn mark_on(
    tx: &mut Tx,
    permit: &Permit,
    occasion: &AdministrationRow,
) -> Result<Option<(InErrorRow, String)>, Fault> {
    let marks = in_error::of_episode(tx, permit, occasion.episode_id)?;
    let on_this = |mark: &(InErrorRow, String)| mark.0.administration_id == occasion.id;
    Ok(marks.into_iter().find(on_this))
}

fn staff_of(actor: &Actor) -> Result<StaffId, Failure<Refusal>> {
    let staff = actor.staff().ok_or(Failure::Denied(Denied::Role))?;
    Ok(staff.id)
}

fn permit(
    tx: &mut Tx,
    actor: &Actor,
    id: AdministrationId,
) -> Result<(Permit, AdministrationRow), Failure<Refusal>> {
    let nothing = Failure::Refused(Refusal::NoOccasion);
    let Some(occasion) = administration::by_id(tx, actor.org(), id)? else {
        return Err(nothing);
    };
    let Some(subject) = patient::place_of(tx, actor.org(), occasion.patient_id)? else {
        return Err(nothing);
    };
    let permit = decide(actor, Action::RecordForm, subject)?;
    Ok((permit, occasion))
}

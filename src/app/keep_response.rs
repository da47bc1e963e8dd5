//! What answers leave behind: the responses, their scores, the episode's summary, the end of the occasion, the audit event, flags with their owner,
//! deadline and notice. The same whoever put the answers down: a patient through a link (`take_answers`) or staff (`record_form`), whose transaction this
//! is part of.

use super::hand_in::{Hand, Ledger, Support, carried, course_of, wording};
use super::raise_flags::{note_taken_back, raise_flags};
use super::raise_signals::{Chore, chore, could_be, raise_signals};
use super::raise_words::{any_words, raise_words};
use super::safety_in_force::InForce;
use crate::domain::audit::AuditEvent;
use crate::domain::care::{InstrumentVersion, ResponseState, read_battery, write_battery};
use crate::domain::change::Direction;
use crate::domain::instrument::{Instrument, PUBLISHED};
use crate::domain::scoring::{Completion, Score, Scored, Verdict};
use crate::domain::submission::{Course, Extreme, Outcome, is_of_course};
use crate::store::administration::AdministrationRow;
use crate::store::deposit::{self, Deposit, Occasion, Standing, Stored, Summary, Whole};
use crate::store::door::Slip;
use crate::store::response::{self, EpisodeScaleRow, RECENT, ResponseRow, ScoreRow};
use crate::store::{Fault, Tx, fresh, informant, patient, way_in};
use chrono::NaiveDateTime;

/// Stores outcomes, with what becomes of the occasion and the event for the audit, in a transaction that has the episode to itself; says whether
/// help comes first now. `None`: nothing may be stored, the occasion had ended already; the caller undoes what was begun.
///
/// # Errors
/// When the database fails.
pub fn keep(
    tx: &mut Tx,
    ledger: Ledger<'_>,
    outcomes: &[Outcome<'_>],
    occasion: Occasion,
    event: AuditEvent,
) -> Result<Option<Support>, Fault> {
    let form = &ledger.slip.administration;
    let mut summaries = vec![];
    for outcome in outcomes.iter().filter(|outcome| outcome.scored.is_some()) {
        let instrument = &outcome.instrument.id;
        summaries.extend(response::summaries(
            tx,
            form.org_id,
            form.episode_id,
            instrument,
        )?);
    }
    let deposit = ledger.deposit(outcomes, &summaries, occasion, event);
    if deposit::store(tx, &deposit)? == Stored::Nothing {
        return Ok(None);
    }
    // The site's rules are read once for all that go by them, and not at all for a calm form.
    let asks = outcomes.iter().any(|outcome| !outcome.hits.is_empty()) || any_words(outcomes);
    let in_force = match asks {
        true => Some(InForce::read(tx, form.org_id)?),
        false => None,
    };
    let could = could_be(&ledger, outcomes, &summaries);
    let rules = in_force.as_ref().map(InForce::rules);
    raise_signals(tx, &ledger, rules, could, &deposit.responses)?;
    let whence = whence(tx, &ledger, outcomes)?;
    let mut support = Support::NotNow;
    let slip = match asks {
        true => with_care_of_today(tx, ledger.slip)?,
        false => ledger.slip.clone(),
    };
    let ledger = Ledger {
        slip: &slip,
        ..ledger
    };
    for (outcome, (standing, row)) in touched(outcomes).zip(&deposit.responses) {
        if let Some(in_force) = &in_force {
            let of = (row.id, whence.as_str());
            raise_flags(
                tx,
                in_force,
                ledger.slip,
                of,
                *standing,
                outcome,
                ledger.now,
            )?;
            if raise_words(tx, in_force, &ledger, outcome, row, &whence)? == Support::ShowNow {
                support = Support::ShowNow;
            }
        }
        if Support::after(outcome) == Support::ShowNow {
            support = Support::ShowNow;
        }
        note_taken_back(tx, form.org_id, row.id, &outcome.taken_back, ledger.now)?;
    }
    Ok(Some(support))
}

/// The same for one form with nothing to flag and at most one waiting signal to count, on top of `summaries` that were only glanced at: what `Store::store_at_once` can store.
/// `None`: it has to be done with [`keep`].
///
/// # Errors
/// When the database fails.
pub fn whole(
    tx: &mut Tx,
    ledger: Ledger<'_>,
    outcomes: &[Outcome<'_>],
    summaries: &[EpisodeScaleRow],
    occasion: Occasion,
    event: AuditEvent,
) -> Result<Option<Whole>, Fault> {
    let calm = |outcome: &Outcome<'_>| outcome.hits.is_empty() && outcome.taken_back.is_empty();
    if !outcomes.iter().all(calm) || any_words(outcomes) {
        return Ok(None);
    }
    let deposit = ledger.deposit(outcomes, summaries, occasion, event);
    let response = deposit.responses.first().map(|(_, row)| row.id);
    let could = could_be(&ledger, outcomes, summaries);
    let again = match chore(tx, &ledger, could, response)? {
        Chore::Nothing => None,
        Chore::One(again) => Some(again),
        Chore::More => return Ok(None),
    };
    Ok(Whole::of(deposit, again))
}

/// The outcomes that leave something behind, in the order in which they lie in a deposit.
fn touched<'o, 'i>(outcomes: &'o [Outcome<'i>]) -> impl Iterator<Item = &'o Outcome<'i>> {
    outcomes.iter().filter(|outcome| outcome.touched)
}

impl Ledger<'_> {
    /// Whether the episode's summary grows by these answers as they come. What came late is summed up anew by the verb that took it.
    fn sums_up(&self) -> bool {
        let form = &self.slip.administration;
        self.hand.given_at.is_none() && is_of_course(&form.occasion, form.informant_id)
    }

    fn deposit(
        &self,
        outcomes: &[Outcome<'_>],
        summaries: &[EpisodeScaleRow],
        occasion: Occasion,
        event: AuditEvent,
    ) -> Deposit {
        let form = &self.slip.administration;
        let mut deposit = Deposit::new(form.org_id, form.id, occasion, event, self.now);
        for outcome in touched(outcomes) {
            self.put_in(&mut deposit, summaries, outcome);
        }
        deposit.battery = grown(form, outcomes);
        deposit
    }

    /// Puts in the answers to one instrument and, once handed in, their scores with what the episode's course amounts to now.
    fn put_in(&self, deposit: &mut Deposit, summaries: &[EpisodeScaleRow], outcome: &Outcome<'_>) {
        let instrument = outcome.instrument;
        let known = self
            .stored
            .iter()
            .find(|row| row.instrument == instrument.id);
        let row = response_row(self.slip, self.hand, known, outcome, self.now);
        for score in outcome.scored.iter().flat_map(|scored| &scored.scores) {
            if self.sums_up() {
                let summary = summary_after(&row, score, summaries, self.now);
                deposit.summaries.extend(summary);
            }
            deposit
                .scores
                .push(score_row(&row, score, instrument, self.now));
        }
        deposit.responses.push((Standing::of(known), row));
    }
}

/// The battery as it is written down, when a form opened another.
fn grown(form: &AdministrationRow, outcomes: &[Outcome<'_>]) -> Option<String> {
    if outcomes.len() <= read_battery(&form.instruments).len() {
        return None;
    }
    let battery: Vec<InstrumentVersion> = outcomes
        .iter()
        .map(|outcome| InstrumentVersion {
            instrument: outcome.instrument.id.clone(),
            version: outcome.instrument.version.clone(),
        })
        .collect();
    Some(write_battery(&battery))
}

/// The episode's summary with this score; `None` when the score has no value.
fn summary_after(
    response: &ResponseRow,
    score: &Score<'_>,
    summaries: &[EpisodeScaleRow],
    now: NaiveDateTime,
) -> Option<Summary> {
    let at = Extreme {
        value: score.value?,
        at: now,
    };
    let before = summaries
        .iter()
        .find(|row| row.instrument == response.instrument && row.scale == score.scale.id);
    let direction = score
        .scale
        .change
        .as_ref()
        .map_or(Direction::HigherIsWorse, |change| change.direction);
    let course = match before.map(course_of) {
        Some(mut course) => {
            course.add(at, direction, RECENT);
            course
        }
        None => Course::begin(at),
    };
    Some(Summary {
        before: before.cloned(),
        after: summary_row(response, score, &course),
    })
}

fn response_row(
    slip: &Slip,
    hand: Hand,
    known: Option<&ResponseRow>,
    outcome: &Outcome<'_>,
    now: NaiveDateTime,
) -> ResponseRow {
    let state = if outcome.scored.is_some() {
        ResponseState::Completed
    } else {
        ResponseState::InProgress
    };
    let given_at = hand.given_at.unwrap_or(now);
    ResponseRow {
        org_id: slip.administration.org_id,
        id: known.map_or_else(|| fresh(now), |row| row.id),
        administration_id: slip.administration.id,
        episode_id: slip.administration.episode_id,
        instrument: outcome.instrument.id.clone(),
        version: outcome.instrument.version.clone(),
        state: state.word().into(),
        answers: outcome.answers.to_json(outcome.instrument),
        criteria: outcome
            .scored
            .as_ref()
            .map_or_else(|| "{}".into(), criteria_json),
        language: wording(slip, known, outcome),
        layout: hand.layout.word().into(),
        started_at: known.map_or(given_at, |row| row.started_at),
        completed_at: outcome.scored.is_some().then_some(given_at),
        entered_by: hand.entered_by,
        carried: carried(outcome),
    }
}

/// The criteria as stored: `{"provisional_ptsd":"met"}`.
pub fn criteria_json(scored: &Scored<'_>) -> String {
    let word = |verdict| match verdict {
        Verdict::Met => "met",
        Verdict::NotMet => "not_met",
        Verdict::Unknown => "unknown",
    };
    let map: serde_json::Map<String, serde_json::Value> = scored
        .criteria
        .iter()
        .map(|judged| (judged.criterion.id.clone(), word(judged.verdict).into()))
        .collect();
    serde_json::Value::Object(map).to_string()
}

/// A score as it is stored, in its first revision.
pub fn score_row(
    response: &ResponseRow,
    score: &Score<'_>,
    instrument: &Instrument,
    now: NaiveDateTime,
) -> ScoreRow {
    let prorated = match score.completed_by {
        Completion::Nothing => 0,
        Completion::Prorated { missing } | Completion::Zeros { missing } => i32::from(missing),
    };
    ScoreRow {
        org_id: response.org_id,
        response_id: response.id,
        scale: score.scale.id.clone(),
        revision: 1,
        instrument: instrument.id.clone(),
        version: instrument.version.clone(),
        value: score.value,
        reason: score.reason.as_ref().map(|reason| reason.to_string()),
        band: score.band.map(|band| band.id.clone()),
        answered: score.answered.into(),
        items: score.items.into(),
        prorated,
        made_at: now,
        scheme: score
            .band
            .and(score.banding)
            .map(|banding| banding.id.clone())
            .filter(|id| id != PUBLISHED),
        raw: score.raw,
        standard_error: score.standard_error,
        out_of: score.out_of,
    }
}

/// The summary as it is stored after `score`.
pub fn summary_row(response: &ResponseRow, score: &Score<'_>, course: &Course) -> EpisodeScaleRow {
    EpisodeScaleRow {
        org_id: response.org_id,
        episode_id: response.episode_id,
        instrument: response.instrument.clone(),
        scale: score.scale.id.clone(),
        version: response.version.clone(),
        n: i32::try_from(course.n).unwrap_or(i32::MAX),
        first_value: course.first.value,
        first_at: course.first.at,
        last_value: course.last.value,
        last_at: course.last.at,
        last_band: score.band.map(|band| band.id.clone()),
        best_value: course.best.value,
        best_at: course.best.at,
        recent: course
            .recent
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" "),
    }
}

/// The slip with whoever cares for the patient by now: a form may outlive the care that it was sent in.
///
/// # Errors
/// When the database fails.
pub(super) fn with_care_of_today(tx: &mut Tx, slip: &Slip) -> Result<Slip, Fault> {
    let form = &slip.administration;
    let care = patient::in_care(tx, form.org_id, form.episode_id)?;
    Ok(Slip {
        clinic_id: care.clinic_id,
        clinician_id: care.clinician_id,
        ..slip.clone()
    })
}

/// Who answered, when and how, where that is not the patient just now: it stands in a flag's history. Empty otherwise.
fn whence(tx: &mut Tx, ledger: &Ledger<'_>, outcomes: &[Outcome<'_>]) -> Result<String, Fault> {
    let mut said = String::new();
    if outcomes.iter().all(|outcome| outcome.hits.is_empty()) && !any_words(outcomes) {
        return Ok(said);
    }
    let form = &ledger.slip.administration;
    if let Some(id) = form.informant_id
        && let Some(who) = informant::by_id(tx, form.org_id, form.patient_id, id)?
    {
        said.push_str(&format!("; answered by {}", who.who()));
    }
    if ledger.hand.entered_by.is_some()
        && let Some(way) = way_in::of_administration(tx, form.org_id, form.id)?
    {
        said.push_str(&format!("; {}", way.words()));
    }
    Ok(said)
}

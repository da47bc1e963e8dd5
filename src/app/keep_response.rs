//! What answers leave behind: the responses, their scores, the episode's summary, the end of the occasion, the audit event, flags with their owner,
//! deadline and notice. The same whoever put the answers down: a patient through a link (`take_answers`) or staff (`record_form`), whose transaction this
//! is part of.

use super::take_answers::Support;
use crate::domain::audit::AuditEvent;
use crate::domain::care::{InstrumentVersion, Layout, ResponseState, read_battery, write_battery};
use crate::domain::change::Direction;
use crate::domain::ids::{ResponseId, StaffId};
use crate::domain::instrument::{ENGLISH, Instrument, PUBLISHED};
use crate::domain::message::MessageKind;
use crate::domain::risk::rules::RiskHit;
use crate::domain::risk::{Act, FlagState, Tier, first_deadline, owner_for};
use crate::domain::scoring::{Completion, Score, Scored, Verdict};
use crate::domain::submission::{Asks, Course, Extreme, Outcome};
use crate::store::administration::{AdministrationRow, Slip};
use crate::store::deposit::{self, Deposit, Occasion, Standing, Stored, Summary};
use crate::store::flag::{self, FlagActRow, FlagRow};
use crate::store::outbox::{self, OutboxRow};
use crate::store::response::{self, EpisodeScaleRow, RECENT, ResponseRow, ScoreRow};
use crate::store::task::{self, TaskKind, TaskRow};
use crate::store::{Fault, Tx, cover, fresh, informant, way_in};
use chrono::NaiveDateTime;

/// How answers came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hand {
    /// How the questions were laid out.
    pub layout: Layout,
    /// Who of the staff put them down; `None` = whoever holds the link.
    pub entered_by: Option<StaffId>,
    /// When they were given, if not now, UTC: they stand at that place in the series.
    pub given_at: Option<NaiveDateTime>,
}

/// What is known when answers are stored.
#[derive(Debug, Clone, Copy)]
pub struct Ledger<'a> {
    /// The occasion.
    pub slip: &'a Slip,
    /// How the answers came.
    pub hand: Hand,
    /// The answers to it that were stored before.
    pub stored: &'a [ResponseRow],
    /// When all this happens, UTC.
    pub now: NaiveDateTime,
}

/// Stores outcomes, with what becomes of the occasion and the event for the audit, in a transaction that has the episode to itself; says whether that raised
/// a crisis flag. `None`: nothing may be stored, the occasion had ended already; the caller undoes what was begun.
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
    let whence = whence(tx, &ledger, outcomes)?;
    let mut support = Support::NotNow;
    for (outcome, (standing, row)) in touched(outcomes).zip(&deposit.responses) {
        let raised = raise_flags(
            tx,
            ledger.slip,
            (row.id, &whence),
            *standing,
            outcome,
            ledger.now,
        )?;
        if raised == Support::ShowNow {
            support = Support::ShowNow;
        }
        note_taken_back(tx, ledger.slip, row.id, &outcome.taken_back, ledger.now)?;
    }
    Ok(Some(support))
}

/// The same where a statement may be a transaction of its own, for one form with nothing to flag, on top of `summaries` that were only glanced at. `false`:
/// nothing is stored, and it has to be done with [`keep`].
///
/// # Errors
/// When the database fails, or somebody just stored the same form. Nothing is stored then.
pub fn keep_at_once(
    tx: &mut Tx,
    ledger: Ledger<'_>,
    outcomes: &[Outcome<'_>],
    summaries: &[EpisodeScaleRow],
    occasion: Occasion,
    event: AuditEvent,
) -> Result<bool, Fault> {
    let calm = |outcome: &Outcome<'_>| outcome.hits.is_empty() && outcome.taken_back.is_empty();
    if !outcomes.iter().all(calm) {
        return Ok(false);
    }
    let deposit = ledger.deposit(outcomes, summaries, occasion, event);
    Ok(deposit::store_at_once(tx, &deposit)? == Stored::Whole)
}

/// The outcomes that leave something behind, in the order in which they lie in a deposit.
fn touched<'o, 'i>(outcomes: &'o [Outcome<'i>]) -> impl Iterator<Item = &'o Outcome<'i>> {
    outcomes.iter().filter(|outcome| outcome.touched)
}

impl Ledger<'_> {
    /// Whether the episode's summary grows by these answers as they come. What came late is summed up anew by the verb that took it, and what
    /// somebody else answered never counts as the patient's.
    fn sums_up(&self) -> bool {
        self.hand.given_at.is_none() && self.slip.administration.informant_id.is_none()
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

/// The printed numbers of the items whose answers came with the form before, as they are stored.
fn carried(outcome: &Outcome<'_>) -> Option<String> {
    let Asks::AllBut(carried) = &outcome.asks else {
        return None;
    };
    let items = carried
        .iter()
        .filter_map(|position| outcome.instrument.items.get(*position));
    let ids: Vec<&str> = items.map(|item| item.id.as_str()).collect();
    (!ids.is_empty()).then(|| ids.join(" "))
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

/// The language in which the newest answer was given: what the page spoke, where the questionnaire has it.
pub(super) fn wording(slip: &Slip, known: Option<&ResponseRow>, outcome: &Outcome<'_>) -> String {
    let language = &slip.administration.language;
    match known {
        Some(row) if row.answers == outcome.answers.to_json(outcome.instrument) => {
            row.language.clone()
        }
        _ if outcome.instrument.texts(language).is_some() => language.clone(),
        _ => ENGLISH.into(),
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

/// The course a stored summary stands for.
pub fn course_of(row: &EpisodeScaleRow) -> Course {
    Course {
        n: u32::try_from(row.n).unwrap_or(0),
        first: Extreme {
            value: row.first_value,
            at: row.first_at,
        },
        last: Extreme {
            value: row.last_value,
            at: row.last_at,
        },
        best: Extreme {
            value: row.best_value,
            at: row.best_at,
        },
        recent: row
            .recent
            .split_whitespace()
            .filter_map(|value| value.parse().ok())
            .collect(),
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

/// Who answered, when and how, where that is not the patient just now: it stands in a flag's history. Empty otherwise.
fn whence(tx: &mut Tx, ledger: &Ledger<'_>, outcomes: &[Outcome<'_>]) -> Result<String, Fault> {
    let mut said = String::new();
    if outcomes.iter().all(|outcome| outcome.hits.is_empty()) {
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

fn raise_flags(
    tx: &mut Tx,
    slip: &Slip,
    (response, whence): (ResponseId, &str),
    standing: Standing,
    outcome: &Outcome<'_>,
    now: NaiveDateTime,
) -> Result<Support, Fault> {
    if outcome.hits.is_empty() {
        return Ok(Support::NotNow);
    }
    let org = slip.administration.org_id;
    let existing = match standing {
        Standing::Known => flag::of_response(tx, org, response)?,
        Standing::New => vec![],
    };
    let mut support = Support::NotNow;
    for hit in &outcome.hits {
        // The highest answer that was flagged before, whether its flag is still open or already closed.
        let before = existing
            .iter()
            .filter(|row| row.rule == hit.rule.id)
            .max_by_key(|row| row.answer);
        let risen = before.is_none_or(|row| i32::from(hit.value) > row.answer);
        let fresh_sign = match before {
            _ if !risen => false,
            Some(row)
                if row.state != FlagState::Closed.word()
                    && raise_again(
                        tx,
                        row,
                        hit,
                        outcome.instrument,
                        &slip.administration.language,
                        now,
                    )? =>
            {
                true
            }
            _ => {
                raise_flag(tx, slip, (response, whence), hit, outcome.instrument, now)?;
                true
            }
        };
        if fresh_sign && hit.tier() == Tier::Crisis {
            support = Support::ShowNow;
        }
    }
    Ok(support)
}

/// The words of the answer as the patient saw them; a number is its own words.
fn answer_words(instrument: &Instrument, hit: &RiskHit<'_>, language: &str) -> String {
    let position = hit.rule.item;
    let option = instrument
        .items
        .get(position)
        .and_then(|item| item.option_with(hit.value));
    if option.is_none() {
        return hit.value.to_string();
    }
    option
        .and_then(|option| {
            instrument
                .texts_or_english(language)
                .items
                .get(position)?
                .options
                .get(option)
        })
        .cloned()
        .unwrap_or_default()
}

fn raise_flag(
    tx: &mut Tx,
    slip: &Slip,
    (response, whence): (ResponseId, &str),
    hit: &RiskHit<'_>,
    instrument: &Instrument,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let org = slip.administration.org_id;
    let people = cover::candidates(tx, org, now)?;
    let owner = owner_for(slip.clinician_id, slip.clinic_id, &people);
    if owner.is_none() {
        alarm_nobody_licensed(tx, slip, now)?;
    }
    let row = FlagRow {
        org_id: org,
        id: fresh(now),
        patient_id: slip.administration.patient_id,
        episode_id: slip.administration.episode_id,
        clinic_id: slip.clinic_id,
        response_id: response,
        rule: hit.rule.id.clone(),
        instrument: instrument.id.clone(),
        version: instrument.version.clone(),
        tier: hit.tier().word().into(),
        item: hit.item.to_owned(),
        answer: i32::from(hit.value),
        answer_words: answer_words(instrument, hit, &slip.administration.language),
        // Nobody eligible: the clinician keeps it, the alarm above calls for help, and `verify` names it.
        owner_id: owner.unwrap_or(slip.clinician_id),
        state: FlagState::Open.word().into(),
        raised_at: now,
        next_deadline_at: Some(first_deadline(hit.tier(), now)),
    };
    flag::raise(tx, &row)?;
    add_act(
        tx,
        &row,
        Act::Raised,
        format!("answered {} to item {}{whence}", row.answer, row.item),
        now,
    )?;
    notify(tx, &row, now)
}

/// Puts the notice to a flag's owner into the outbox.
///
/// # Errors
/// When the database fails.
pub fn notify(tx: &mut Tx, row: &FlagRow, now: NaiveDateTime) -> Result<(), Fault> {
    let notice = OutboxRow::queued(
        row.org_id,
        fresh(now),
        MessageKind::FlagNotice,
        row.id.bytes(),
        row.owner_id.bytes(),
        now,
        now,
    );
    outbox::add(tx, &notice)
}

/// Adds to a flag's history in the program's own name.
///
/// # Errors
/// When the database fails.
pub fn add_act(
    tx: &mut Tx,
    row: &FlagRow,
    act: Act,
    note: String,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    flag::add_act(
        tx,
        &FlagActRow {
            org_id: row.org_id,
            id: fresh(now),
            flag_id: row.id,
            act: act.word().into(),
            staff_id: (act == Act::Notified).then_some(row.owner_id),
            at: now,
            note,
        },
    )
}

/// Tells people that somebody licensed is needed at once.
///
/// # Errors
/// When the database fails.
pub(super) fn alarm_nobody_licensed(
    tx: &mut Tx,
    slip: &Slip,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    tracing::error!("an answer needs a licensed reader and nobody here is licensed and active");
    task::add(
        tx,
        &TaskRow {
            org_id: slip.administration.org_id,
            id: fresh(now),
            kind: TaskKind::NobodyLicensed.word().into(),
            clinic_id: slip.clinic_id,
            patient_id: slip.administration.patient_id,
            detail: "Nobody here is licensed and active. Read the review queue now and add a licensed clinician.".into(),
            created_at: now,
            done_at: None,
            done_by: None,
        },
    )
}

/// The patient raised an answer whose flag still waits: the flag keeps the highest answer and its history says both. `false` when somebody closed
/// it meanwhile: what was assessed was the lower answer, so the higher one needs a flag of its own.
fn raise_again(
    tx: &mut Tx,
    row: &FlagRow,
    hit: &RiskHit<'_>,
    instrument: &Instrument,
    language: &str,
    now: NaiveDateTime,
) -> Result<bool, Fault> {
    let answer = i32::from(hit.value);
    let words = answer_words(instrument, hit, language);
    let raised = FlagRow {
        answer,
        answer_words: words,
        ..row.clone()
    };
    if !flag::raise_answer(tx, &raised)? {
        return Ok(false);
    }
    add_act(
        tx,
        row,
        Act::AnswerChanged,
        format!("answer to item {} raised to {answer}", row.item),
        now,
    )?;
    notify(tx, row, now)?;
    Ok(true)
}

fn note_taken_back(
    tx: &mut Tx,
    slip: &Slip,
    response: ResponseId,
    taken_back: &[RiskHit<'_>],
    now: NaiveDateTime,
) -> Result<(), Fault> {
    if taken_back.is_empty() {
        return Ok(());
    }
    for row in flag::of_response(tx, slip.administration.org_id, response)? {
        if taken_back.iter().any(|hit| hit.rule.id == row.rule) {
            add_act(
                tx,
                &row,
                Act::AnswerChanged,
                format!("answer to item {} changed before sending", row.item),
                now,
            )?;
        }
    }
    Ok(())
}

//! The main verb: a patient saves or sends answers. Response, scores, flags, the notices they cause, the episode's summary and the audit event
//! are one transaction; when it returns, they are on disk.

use super::{App, Failure};
use crate::domain::access::Actor;
use crate::domain::care::{AdministrationState, Layout, ResponseState, read_battery};
use crate::domain::change::Direction;
use crate::domain::ids::ResponseId;
use crate::domain::instrument::{Answers, Instrument, Library};
use crate::domain::message::MessageKind;
use crate::domain::risk::rules::RiskHit;
use crate::domain::risk::{Act, FlagState, Tier, first_deadline, owner_for};
use crate::domain::scoring::{Completion, Score, Scored, Verdict};
use crate::domain::submission::{self, Course, Extreme, Intent, Outcome, Part, Sheet};
use crate::store::administration::{self, Slip};
use crate::store::deposit::{self, Deposit, Occasion, Standing, Stored};
use crate::store::flag::{self, FlagActRow, FlagRow};
use crate::store::outbox::{self, OutboxRow};
use crate::store::response::{self, EpisodeScaleRow, RECENT, ResponseRow, ScoreRow};
use crate::store::task::{self, TaskKind, TaskRow};
use crate::store::{Fault, Tx, audit, fresh, staff};
use chrono::NaiveDateTime;

/// What came in through a link.
#[derive(Debug, Clone)]
pub struct TakeAnswers {
    /// SHA-256 of the link's token.
    pub token_hash: [u8; 32],
    /// The answers given this time.
    pub sheet: Sheet,
    /// How the questions were laid out.
    pub layout: Layout,
    /// Save or send.
    pub intent: Intent,
}

/// What the patient is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Whether this save raised a crisis flag, so that help is shown before anything else.
    pub support: Support,
    /// Where the occasion stands now.
    pub stage: Stage,
}

/// Where an occasion stands after a save or send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Everything is handed in.
    Sent,
    /// Saved; a question of the form that was sent has no answer yet.
    Gaps,
    /// Saved; the next question that is to be asked after the one answered, or `None` when that was the last.
    Saved {
        /// Its number, from 1.
        next: Option<usize>,
    },
}

/// Whether the support page comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// Show it now.
    ShowNow,
    /// Nothing new.
    NotNow,
}

/// Why nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such link.
    Unknown,
    /// The link was withdrawn, or the occasion declined or cancelled.
    Revoked,
    /// Its time is over.
    Expired,
    /// Everything was handed in already, with these very answers: a second click.
    SentAlready,
    /// Everything was handed in already, with other answers; the first ones stand.
    SentOtherwise,
    /// An answer does not belong to its question.
    Unreadable,
}

/// Whether a slip still takes answers.
///
/// # Errors
/// Says why not.
pub fn check_open(slip: &Slip, now: NaiveDateTime) -> Result<(), Refusal> {
    let state: AdministrationState = slip
        .administration
        .state
        .parse()
        .map_err(|_| Refusal::Unknown)?;
    match state {
        AdministrationState::Completed => Err(Refusal::SentAlready),
        AdministrationState::Declined | AdministrationState::Cancelled => Err(Refusal::Revoked),
        AdministrationState::Expired => Err(Refusal::Expired),
        _ if slip.revoked_at.is_some() => Err(Refusal::Revoked),
        _ if slip.administration.expires_at < now => Err(Refusal::Expired),
        _ => Ok(()),
    }
}

/// The instruments of a door's battery, in the versions it names.
///
/// # Errors
/// When a definition is gone.
pub fn instruments<'a>(library: &'a Library, slip: &Slip) -> Result<Vec<&'a Instrument>, Fault> {
    read_battery(&slip.administration.instruments)
        .iter()
        .map(|part| {
            library
                .version(&part.instrument, &part.version)
                .ok_or_else(|| Fault::Corrupt(format!("there is no definition {part}")))
        })
        .collect()
}

/// Takes answers: on disk when this returns.
///
/// # Errors
/// See [`Refusal`]; a fault means that nothing of it was stored.
pub async fn take_answers(app: &App, command: TakeAnswers) -> Result<Receipt, Failure<Refusal>> {
    let begun_at = app.begun.at(&command.token_hash);
    let token_hash = command.token_hash;
    let taken = match take_at_once(app, &command, begun_at).await {
        Some(receipt) => Ok(receipt),
        None => take_in_turn(app, command, begun_at).await,
    };
    if taken.is_ok() && begun_at.is_some() {
        app.begun.forget(&token_hash);
    }
    taken
}

/// Takes answers in a transaction that has its occasion and episode to itself.
async fn take_in_turn(
    app: &App,
    command: TakeAnswers,
    begun_at: Option<NaiveDateTime>,
) -> Result<Receipt, Failure<Refusal>> {
    let (library, clock) = (app.library, app.clock.clone());
    app.store
        .write(move |tx| {
            let slip = administration::take_slip(tx, &command.token_hash)?
                .ok_or(Failure::Refused(Refusal::Unknown))?;
            // Only now: whoever waited for the slip comes after the one it waited for, and the episode's summary follows that order.
            take(tx, library, &slip, &command, begun_at, clock.now())
        })
        .await
}

fn take(
    tx: &mut Tx,
    library: &Library,
    slip: &Slip,
    command: &TakeAnswers,
    begun_at: Option<NaiveDateTime>,
    now: NaiveDateTime,
) -> Result<Receipt, Failure<Refusal>> {
    let stored = answers_so_far(tx, slip)?;
    let outcomes = judge(library, slip, &stored, command, now)?;
    let form = &slip.administration;
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
    let stage = stage(&outcomes, command);
    let deposit = Ledger {
        slip,
        command,
        stored: &stored,
        summaries: &summaries,
        now,
    }
    .deposit(&outcomes, stage, begun_at);
    if deposit::store(tx, &deposit)? == Stored::Nothing {
        // Another node ended it between our look and this: its time was just over, or it was withdrawn.
        return Err(Failure::Refused(Refusal::Expired));
    }
    let mut support = Support::NotNow;
    let touched = outcomes.iter().filter(|outcome| outcome.touched);
    for (outcome, (standing, row)) in touched.zip(&deposit.responses) {
        if raise_flags(tx, slip, row.id, *standing, outcome, now)? == Support::ShowNow {
            support = Support::ShowNow;
        }
        note_taken_back(tx, slip, row.id, &outcome.taken_back, now)?;
    }
    Ok(Receipt { support, stage })
}

/// The same for what most patients send, one form with nothing to flag, where a statement may be a transaction of its own: one that reads, one that checks that
/// nothing has changed since, and stores. `None`: nothing is stored and it has to be taken in turn.
async fn take_at_once(
    app: &App,
    command: &TakeAnswers,
    begun_at: Option<NaiveDateTime>,
) -> Option<Receipt> {
    if command.intent == Intent::Save || !app.store.writes_at_once() {
        return None;
    }
    let (library, clock, command) = (app.library, app.clock.clone(), command.clone());
    let tried = app.store.write_at_once(move |tx| {
        let Some((slip, summaries)) = administration::glance(tx, &command.token_hash)? else {
            return Ok(None);
        };
        let now = clock.now();
        let stored = answers_so_far(tx, &slip)?;
        let outcomes = judge(library, &slip, &stored, &command, now)?;
        if outcomes
            .iter()
            .any(|outcome| !outcome.hits.is_empty() || !outcome.taken_back.is_empty())
        {
            return Ok(None);
        }
        let stage = stage(&outcomes, &command);
        let deposit = Ledger {
            slip: &slip,
            command: &command,
            stored: &stored,
            summaries: &summaries,
            now,
        }
        .deposit(&outcomes, stage, begun_at);
        let support = Support::NotNow;
        Ok::<_, Failure<Refusal>>(match deposit::store_at_once(tx, &deposit)? {
            Stored::Whole => Some(Receipt { support, stage }),
            Stored::Nothing => None,
        })
    });
    // Whatever went wrong, the other way finds out again, with everything locked.
    tried.await.ok().flatten()
}

/// What the answers amount to, if the occasion still takes them.
fn judge<'a>(
    library: &'a Library,
    slip: &Slip,
    stored: &[ResponseRow],
    command: &TakeAnswers,
    now: NaiveDateTime,
) -> Result<Vec<Outcome<'a>>, Failure<Refusal>> {
    let parts = parts(library, slip, stored)?;
    if let Err(refusal) = check_open(slip, now) {
        return Err(Failure::Refused(same_or_other(refusal, parts, command)));
    }
    let unreadable = |_| Failure::Refused(Refusal::Unreadable);
    let given = command.sheet.read(&parts).map_err(unreadable)?;
    submission::decide(parts, &given, command.intent).map_err(unreadable)
}

/// The stored answers of an occasion.
///
/// # Errors
/// When the database fails.
pub fn answers_so_far(tx: &mut Tx, slip: &Slip) -> Result<Vec<ResponseRow>, Fault> {
    if !slip.may_have_answers() {
        return Ok(vec![]);
    }
    response::of_administration(tx, slip.administration.org_id, slip.administration.id)
}

fn stage(outcomes: &[Outcome<'_>], command: &TakeAnswers) -> Stage {
    if outcomes.iter().all(|outcome| outcome.scored.is_some()) {
        return Stage::Sent;
    }
    if matches!(command.intent, Intent::SendIfWhole(_)) {
        return Stage::Gaps;
    }
    let parts: Vec<Part<'_>> = outcomes
        .iter()
        .map(|outcome| Part {
            instrument: outcome.instrument,
            answers: outcome.answers.clone(),
        })
        .collect();
    match command.sheet {
        Sheet::Question { number, .. } => Stage::Saved {
            next: submission::next_asked(&parts, number),
        },
        Sheet::Whole { part, .. }
            if parts
                .get(part)
                .is_some_and(|part| submission::gaps(part).next().is_some()) =>
        {
            Stage::Gaps
        }
        _ => Stage::Saved {
            next: submission::next_open(&parts),
        },
    }
}

/// A second click is no mistake; other answers after the first were handed in are, and change nothing.
fn same_or_other(refusal: Refusal, parts: Vec<Part<'_>>, command: &TakeAnswers) -> Refusal {
    if refusal != Refusal::SentAlready {
        return refusal;
    }
    let Ok(given) = command.sheet.read(&parts) else {
        return Refusal::Unreadable;
    };
    match submission::decide(parts, &given, Intent::Save) {
        Ok(outcomes) if outcomes.iter().all(|outcome| !outcome.touched) => Refusal::SentAlready,
        Ok(_) => Refusal::SentOtherwise,
        Err(_) => Refusal::Unreadable,
    }
}

/// The battery with what is answered so far.
///
/// # Errors
/// When stored answers do not fit their definition.
pub fn parts<'a>(
    library: &'a Library,
    slip: &Slip,
    stored: &[ResponseRow],
) -> Result<Vec<Part<'a>>, Fault> {
    instruments(library, slip)?
        .into_iter()
        .map(|instrument| {
            let known = stored.iter().find(|row| row.instrument == instrument.id);
            let answers = match known {
                Some(row) => Answers::from_json(instrument, &row.answers)
                    .map_err(|e| Fault::Corrupt(e.to_string()))?,
                None => Answers::none(instrument),
            };
            Ok(Part {
                instrument,
                answers,
            })
        })
        .collect()
}

/// What is known when answers are stored.
struct Ledger<'a> {
    slip: &'a Slip,
    command: &'a TakeAnswers,
    stored: &'a [ResponseRow],
    summaries: &'a [EpisodeScaleRow],
    now: NaiveDateTime,
}

impl Ledger<'_> {
    fn deposit(
        &self,
        outcomes: &[Outcome<'_>],
        stage: Stage,
        begun_at: Option<NaiveDateTime>,
    ) -> Deposit {
        let form = &self.slip.administration;
        let opened = form.opened_at.or(begun_at).unwrap_or(self.now);
        let (occasion, act) = match stage {
            Stage::Sent => (Occasion::Ends { opened }, "answers_sent"),
            _ if form.state == AdministrationState::Opened.word() => {
                (Occasion::GoesOn, "answers_saved")
            }
            Stage::Gaps | Stage::Saved { .. } => (Occasion::Opens { opened }, "answers_saved"),
        };
        let holder = Actor::LinkHolder {
            org: form.org_id,
            patient: form.patient_id,
        };
        let event = audit::event_by(&holder, act, "administration", Some(form.id), self.now);
        let mut deposit = Deposit::new(form.org_id, form.id, occasion, event, self.now);
        for outcome in outcomes.iter().filter(|outcome| outcome.touched) {
            self.put_in(&mut deposit, outcome);
        }
        deposit
    }

    /// Puts in the answers to one instrument and, once handed in, their scores with what the episode's course amounts to now.
    fn put_in(&self, deposit: &mut Deposit, outcome: &Outcome<'_>) {
        let instrument = outcome.instrument;
        let known = self
            .stored
            .iter()
            .find(|row| row.instrument == instrument.id);
        let row = response_row(self.slip, self.command, known, outcome, self.now);
        for score in outcome.scored.iter().flat_map(|scored| &scored.scores) {
            let summary = self.summary_after(&row, score);
            deposit.summaries.extend(summary);
            deposit
                .scores
                .push(score_row(&row, score, instrument, self.now));
        }
        deposit.responses.push((Standing::of(known), row));
    }

    /// The episode's summary with this score; `None` when the score has no value.
    fn summary_after(
        &self,
        response: &ResponseRow,
        score: &Score<'_>,
    ) -> Option<(Standing, EpisodeScaleRow)> {
        let at = Extreme {
            value: score.value?,
            at: self.now,
        };
        let before = self
            .summaries
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
        Some((Standing::of(before), summary_row(response, score, &course)))
    }
}

fn response_row(
    slip: &Slip,
    command: &TakeAnswers,
    known: Option<&ResponseRow>,
    outcome: &Outcome<'_>,
    now: NaiveDateTime,
) -> ResponseRow {
    let state = if outcome.scored.is_some() {
        ResponseState::Completed
    } else {
        ResponseState::InProgress
    };
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
        language: slip.administration.language.clone(),
        layout: command.layout.word().into(),
        started_at: known.map_or(now, |row| row.started_at),
        completed_at: outcome.scored.is_some().then_some(now),
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

fn raise_flags(
    tx: &mut Tx,
    slip: &Slip,
    response: ResponseId,
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
                raise_flag(tx, slip, response, hit, outcome.instrument, now)?;
                true
            }
        };
        if fresh_sign && hit.tier() == Tier::Crisis {
            support = Support::ShowNow;
        }
    }
    Ok(support)
}

/// The words of the answer as the patient saw them.
fn answer_words(instrument: &Instrument, hit: &RiskHit<'_>, language: &str) -> String {
    let position = hit.rule.item;
    let option = instrument
        .items
        .get(position)
        .and_then(|item| item.option_with(hit.value));
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
    response: ResponseId,
    hit: &RiskHit<'_>,
    instrument: &Instrument,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let org = slip.administration.org_id;
    let people = staff::candidates(tx, org)?;
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
        format!("answered {} to item {}", row.answer, row.item),
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

fn alarm_nobody_licensed(tx: &mut Tx, slip: &Slip, now: NaiveDateTime) -> Result<(), Fault> {
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

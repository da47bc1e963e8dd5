//! The main verb: a patient saves or sends answers. Response, scores, flags, the notices they cause, the episode's summary and the audit event
//! are one transaction; when it returns, they are on disk.

use super::check_link::{Holder, let_in};
pub use super::check_link::{Refusal, check_open};
pub use super::hand_in::Support;
use super::hand_in::{Hand, Ledger};
use super::keep_response::{keep, whole};
use super::step_on::{step_on, steps};
use super::take_late::{hear_too_long, take_late};
use super::{App, Failure};
use crate::domain::access::Actor;
use crate::domain::audit::AuditEvent;
use crate::domain::care::{AdministrationState, Layout, ResponseState, read_battery};
use crate::domain::instrument::{Answers, Instrument, Library, Respondent};
use crate::domain::language::Language;
use crate::domain::submission::{self, Asks, Given, Intent, Outcome, Part, Sheet, Unfit};
use crate::store::administration;
use crate::store::deposit::Occasion;
use crate::store::door::{self, Slip};
use crate::store::response::{self, ResponseRow};
use crate::store::{Fault, Tx, audit};
use chrono::NaiveDateTime;

/// What came in through a link.
#[derive(Debug, Clone)]
pub struct TakeAnswers {
    /// SHA-256 of the link's token.
    pub token_hash: [u8; 32],
    /// What else the browser holds.
    pub holder: Holder,
    /// The answers given this time.
    pub sheet: Sheet,
    /// How the questions were laid out.
    pub layout: Layout,
    /// The language the patient chose; `None` = the occasion's own.
    pub language: Option<Language>,
    /// Save or send.
    pub intent: Intent,
}

/// What became of what came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is stored.
    In(Receipt),
    /// It came too late to be stored; but a person sees what of it they must.
    Late {
        /// Why it was not stored.
        why: Refusal,
        /// Whether help comes first now.
        support: Support,
    },
}

/// What the patient is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Whether this save raised a crisis flag, so that help is shown before anything else.
    pub support: Support,
    /// Where the occasion stands now.
    pub stage: Stage,
}

/// Where an occasion stands after a save or send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Everything is handed in.
    Sent,
    /// Saved, but for these: what was typed there is no answer yet.
    Unfit(Vec<Unfit>),
    /// Saved; a question of the form that was sent has no answer yet.
    Gaps,
    /// Handed in so far; a score has opened more questions.
    More {
        /// The first part of the battery that is still asked, from 0.
        part: usize,
        /// The next question that is to be asked: its number, from 1.
        next: Option<usize>,
    },
    /// Saved; the next question that is to be asked after the one answered, or `None` when that was the last.
    Saved {
        /// Its number, from 1.
        next: Option<usize>,
    },
}

/// The instruments of a door's battery, in the versions it names.
///
/// # Errors
/// When a definition is gone, or is none that a patient may see.
pub fn instruments<'a>(library: &'a Library, slip: &Slip) -> Result<Vec<&'a Instrument>, Fault> {
    read_battery(&slip.administration.instruments)
        .iter()
        .map(|part| {
            let known = library
                .version(&part.instrument, &part.version)
                .ok_or_else(|| Fault::Corrupt(format!("there is no definition {part}")))?;
            // No battery is made so; if one comes all the same, nobody sees a clinician's form through a link.
            if known.respondent == Respondent::Clinician {
                return Err(Fault::Corrupt(format!(
                    "{part} is not for a patient's link"
                )));
            }
            Ok(known)
        })
        .collect()
}

/// Takes answers: on disk when this returns.
///
/// # Errors
/// See [`Refusal`]; a fault means that nothing of it was stored.
pub async fn take_answers(app: &App, command: TakeAnswers) -> Result<Taken, Failure<Refusal>> {
    let who = (command.token_hash, command.holder);
    let begun_at = app.begun.at(&who);
    let taken = match take_at_once(app, &command, begun_at).await {
        Ok(Some(receipt)) => Ok(Taken::In(receipt)),
        // It may be stored by now, or later: whoever sends it again finds out.
        Err(Failure::Fault(Fault::Slow)) => Err(Failure::Fault(Fault::Slow)),
        // Whatever else went wrong, the other way finds out again, with everything locked.
        Ok(None) | Err(_) => take_in_turn(app, command, begun_at).await,
    };
    if matches!(taken, Ok(Taken::In(_))) && begun_at.is_some() {
        app.begun.forget(&who);
    }
    taken
}

/// Takes answers in a transaction that has its occasion and episode to itself.
async fn take_in_turn(
    app: &App,
    command: TakeAnswers,
    begun_at: Option<NaiveDateTime>,
) -> Result<Taken, Failure<Refusal>> {
    let (library, clock) = (app.library, app.clock.clone());
    app.store
        .write_repeatable(move |tx| {
            let slip = door::take_slip(tx, &command.token_hash)?
                .ok_or(Failure::Refused(Refusal::Unknown))?;
            match let_in(tx, &command.token_hash, &slip, &command.holder) {
                // The page was open before a year of birth was asked for, or longer than the tablet's cookie: nothing of it is taken, and nobody's cry for help is
                // thrown away.
                Err(Failure::Refused(why)) => {
                    let late = too_late(tx, library, &slip, &command, why, clock.now())?;
                    let late = late.map(|support| Taken::Late { why, support });
                    return late.ok_or(Failure::Refused(why));
                }
                done => done?,
            }
            // Only now: whoever waited for the slip comes after the one it waited for, and the episode's summary follows that order.
            take(tx, library, slip, &command, begun_at, clock.now())
        })
        .await
}

fn take(
    tx: &mut Tx,
    library: &Library,
    slip: Slip,
    command: &TakeAnswers,
    begun_at: Option<NaiveDateTime>,
    now: NaiveDateTime,
) -> Result<Taken, Failure<Refusal>> {
    let slip = in_language(slip, command);
    let stored = answers_so_far(tx, &slip)?;
    let judged = judge(library, &slip, &stored, command, now);
    if let Err(Failure::Refused(why)) = judged
        && why != Refusal::Unreadable
        && let Some(support) = too_late(tx, library, &slip, command, why, now)?
    {
        return Ok(Taken::Late { why, support });
    }
    let Judged {
        mut outcomes,
        mut stage,
        too_long,
    } = judged?;
    if stage == Stage::Sent {
        outcomes = step_on(tx, library, &slip, &stored, outcomes, now)?;
        stage = stage_of(&outcomes, command);
    }
    let (occasion, event) = consequence(&slip, &outcomes, &stage, begun_at, now);
    let ledger = ledger(&slip, command, &stored, now);
    let kept = keep(tx, ledger, &outcomes, occasion, event)?
        // Another node ended it between our look and this: its time was just over, or it was withdrawn.
        .ok_or(Failure::Refused(Refusal::Expired))?;
    let heard = hear_too_long(tx, &slip, &outcomes, &too_long, now)?;
    let support = kept.or(heard);
    Ok(Taken::In(Receipt { support, stage }))
}

/// What a person must see of answers that are not taken; `None`: nothing.
fn too_late(
    tx: &mut Tx,
    library: &Library,
    slip: &Slip,
    command: &TakeAnswers,
    why: Refusal,
    now: NaiveDateTime,
) -> Result<Option<Support>, Fault> {
    let stored = answers_so_far(tx, slip)?;
    let parts = parts(library, slip, &stored)?;
    take_late(tx, slip, &parts, (&command.sheet, why), now)
}

/// The same for what most patients send, one form with nothing to flag, where a statement may be a transaction of its own: one that reads, one that checks that
/// nothing has changed since, and stores, together with what others send. `None`: nothing is stored and it has to be taken in turn.
async fn take_at_once(
    app: &App,
    command: &TakeAnswers,
    begun_at: Option<NaiveDateTime>,
) -> Result<Option<Receipt>, Failure<Refusal>> {
    if command.intent == Intent::Save || !app.store.stores_at_once() {
        return Ok(None);
    }
    let (library, clock, command) = (app.library, app.clock.clone(), command.clone());
    let tried = app.store.store_at_once(move |tx| {
        let Some((slip, summaries)) = door::glance(tx, &command.token_hash)? else {
            return Ok(None);
        };
        let_in(tx, &command.token_hash, &slip, &command.holder)?;
        let (slip, now) = (in_language(slip, &command), clock.now());
        let stored = answers_so_far(tx, &slip)?;
        let judged = judge(library, &slip, &stored, &command, now)?;
        let (outcomes, stage) = (judged.outcomes, judged.stage);
        // What opens more questions is no matter of one statement, and neither are words that somebody must hear of.
        let opens = !submission::reached(library, &steps(&slip), &outcomes).is_empty();
        if opens || !judged.too_long.is_empty() {
            return Ok(None);
        }
        let (occasion, event) = consequence(&slip, &outcomes, &stage, begun_at, now);
        let ledger = ledger(&slip, &command, &stored, now);
        let whole = whole(tx, ledger, &outcomes, &summaries, occasion, event)?;
        let support = Support::NotNow;
        Ok::<_, Failure<Refusal>>(whole.map(|whole| (whole, Receipt { support, stage })))
    });
    tried.await
}

/// The slip in the language that the page spoke.
fn in_language(mut slip: Slip, command: &TakeAnswers) -> Slip {
    if let Some(chosen) = command.language {
        slip.administration.language = chosen.word().into();
    }
    slip
}

fn ledger<'a>(
    slip: &'a Slip,
    command: &TakeAnswers,
    stored: &'a [ResponseRow],
    now: NaiveDateTime,
) -> Ledger<'a> {
    let hand = Hand {
        layout: command.layout,
        entered_by: None,
        given_at: None,
    };
    Ledger {
        slip,
        hand,
        stored,
        now,
    }
}

/// What answers amount to.
struct Judged<'a> {
    /// What has to be stored.
    outcomes: Vec<Outcome<'a>>,
    /// Where the occasion stands with them.
    stage: Stage,
    /// Words that are too long to be stored.
    too_long: Vec<Given>,
}

/// What the answers amount to and where the occasion stands with them, if it still takes any.
fn judge<'a>(
    library: &'a Library,
    slip: &Slip,
    stored: &[ResponseRow],
    command: &TakeAnswers,
    now: NaiveDateTime,
) -> Result<Judged<'a>, Failure<Refusal>> {
    let parts = parts(library, slip, stored)?;
    if let Err(refusal) = check_open(slip, now) {
        return Err(Failure::Refused(same_or_other(refusal, parts, command)));
    }
    let unreadable = |_| Failure::Refused(Refusal::Unreadable);
    let read = command.sheet.read(&parts).map_err(unreadable)?;
    // One mistyped number keeps nothing else from being saved, least of all an answer that somebody must see.
    let intent = match read.unfit.is_empty() {
        true => command.intent,
        false => Intent::Save,
    };
    let outcomes = submission::decide(parts, &read.given, intent)
        .map_err(|why| Failure::Refused(refusal_of(why)))?;
    let stage = match read.unfit.is_empty() {
        true => stage_of(&outcomes, command),
        false => Stage::Unfit(read.unfit),
    };
    Ok(Judged {
        outcomes,
        stage,
        too_long: read.too_long,
    })
}

/// The stored answers of an occasion.
///
/// # Errors
/// When the database fails.
pub fn answers_so_far(tx: &mut Tx, slip: &Slip) -> Result<Vec<ResponseRow>, Fault> {
    if !slip.may_have_answers() {
        return Ok(vec![]);
    }
    response::of_administration(tx, &slip.administration)
}

fn refusal_of(why: submission::Refusal) -> Refusal {
    match why {
        submission::Refusal::HandedIn => Refusal::HandedIn,
        submission::Refusal::NoSuchQuestion | submission::Refusal::NotAnOption => {
            Refusal::Unreadable
        }
    }
}

/// Whether nothing more can be said to it: it is scored now or was before.
fn is_settled(outcome: &Outcome<'_>) -> bool {
    outcome.scored.is_some() || outcome.asks == Asks::Nothing
}

fn stage_of(outcomes: &[Outcome<'_>], command: &TakeAnswers) -> Stage {
    let Some(open) = outcomes.iter().position(|outcome| !is_settled(outcome)) else {
        return Stage::Sent;
    };
    let parts: Vec<Part<'_>> = outcomes
        .iter()
        .map(|outcome| Part {
            instrument: outcome.instrument,
            answers: outcome.answers.clone(),
            asks: match is_settled(outcome) {
                true => Asks::Nothing,
                false => outcome.asks.clone(),
            },
        })
        .collect();
    let whole = match command.intent {
        Intent::Save => false,
        Intent::SendIfWhole(part) | Intent::SendLast(part) => {
            outcomes.get(part).is_some_and(is_settled)
        }
        Intent::Send | Intent::SendShown(_) => true,
    };
    // What was to be handed in is: only what it opened is not.
    if whole {
        let next = submission::next_open(&parts);
        return Stage::More { part: open, next };
    }
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
    let Ok(read) = command.sheet.read(&parts) else {
        return Refusal::Unreadable;
    };
    if !read.unfit.is_empty() {
        return Refusal::SentOtherwise;
    }
    match submission::decide(parts, &read.given, Intent::Save) {
        Ok(outcomes) if outcomes.iter().all(|outcome| !outcome.touched) => Refusal::SentAlready,
        Ok(_) | Err(submission::Refusal::HandedIn) => Refusal::SentOtherwise,
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
            let Some(row) = stored.iter().find(|row| row.instrument == instrument.id) else {
                return Ok(Part::fresh(instrument));
            };
            let answers = Answers::from_json(instrument, &row.answers)
                .map_err(|e| Fault::Corrupt(e.to_string()))?;
            Ok(Part {
                instrument,
                answers,
                asks: asks(slip, instrument, row),
            })
        })
        .collect()
}

/// What of a stored form is still asked. Once the whole occasion is handed in, that is looked at as a whole again.
fn asks(slip: &Slip, instrument: &Instrument, row: &ResponseRow) -> Asks {
    let open = slip.administration.ended_at.is_none();
    if open && row.state == ResponseState::Completed.word() {
        return Asks::Nothing;
    }
    match &row.carried {
        Some(carried) => {
            let items = carried.split_whitespace();
            Asks::AllBut(items.filter_map(|item| instrument.position(item)).collect())
        }
        None => Asks::All,
    }
}

/// What becomes of the occasion, and what is written down about it.
fn consequence(
    slip: &Slip,
    outcomes: &[Outcome<'_>],
    stage: &Stage,
    begun_at: Option<NaiveDateTime>,
    now: NaiveDateTime,
) -> (Occasion, AuditEvent) {
    let form = &slip.administration;
    let (occasion, act) = match stage {
        Stage::Sent => {
            let opened = form.opened_at.or(begun_at).unwrap_or(now);
            (Occasion::Ends { opened }, "answers_sent")
        }
        Stage::Unfit(_) | Stage::Gaps | Stage::More { .. } | Stage::Saved { .. } => {
            let occasion = match form.state == AdministrationState::Opened.word() {
                true => Occasion::Stays,
                false => {
                    let opened = begun_at.unwrap_or(now);
                    let finish_by = administration::finish_by(opened, form.finish_within_s);
                    Occasion::Opens { opened, finish_by }
                }
            };
            // A screener that opened another form is handed in all the same.
            let handed_in = outcomes.iter().any(|outcome| outcome.scored.is_some());
            let act = if handed_in {
                "answers_sent"
            } else {
                "answers_saved"
            };
            (occasion, act)
        }
    };
    let holder = Actor::LinkHolder {
        org: form.org_id,
        patient: form.patient_id,
    };
    let event = audit::event_by(&holder, act, "administration", Some(form.id), now);
    (occasion, event)
}

//! A note through a link whose answers are handed in: something the patient wants to put right. It is kept beside the answers and changes none of them;
//! somebody here reads it among the signals.

use super::check_link::{Holder, let_in};
use super::raise_words::{Outside, Queue, raise_outside, raise_refused};
use super::take_answers::{self, Support};
use super::{App, Failure};
use crate::domain::access::Actor;
use crate::domain::care::AdministrationState;
use crate::domain::correction::{MOST, Note, Unfit, until};
use crate::domain::ids::ResponseId;
use crate::domain::language::Language;
use crate::domain::risk::signal::WrittenIn;
use crate::store::correction::{self, CorrectionRow};
use crate::store::door::{self, Slip};
use crate::store::task::{self, TaskKind, TaskRow};
use crate::store::{Fault, Tx, audit, fresh, response};
use chrono::NaiveDateTime;

/// Why no note is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The link does not open for this holder.
    Link(take_answers::Refusal),
    /// Nothing was handed in through it.
    NotHandedIn,
    /// The answers came more than 48 hours ago.
    Late,
    /// As many notes as there may be stand there already.
    TooMany,
    /// It is no note: empty, or too long.
    Unfit(Unfit),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Refusal::Link(why) => return write!(f, "{why:?}"),
            Refusal::NotHandedIn => "nothing was handed in yet",
            Refusal::Late => "the answers were handed in too long ago",
            Refusal::TooMany => "there are too many notes already",
            Refusal::Unfit(Unfit::Empty) => "nothing is written",
            Refusal::Unfit(Unfit::TooLong { .. }) => "the note is too long",
        })
    }
}

/// Until when a link takes notes, UTC; how many there are is not asked here.
///
/// # Errors
/// Why it takes none.
pub fn open_until(slip: &Slip, now: NaiveDateTime) -> Result<NaiveDateTime, Refusal> {
    let form = &slip.administration;
    let handed_in = match form.ended_at {
        Some(at) if form.state == AdministrationState::Completed.word() => at,
        // The first page says what became of it.
        _ => return Err(Refusal::NotHandedIn),
    };
    if slip.revoked_at.is_some() {
        return Err(Refusal::Link(take_answers::Refusal::Revoked));
    }
    let until = until(handed_in);
    if now <= until {
        Ok(until)
    } else {
        Err(Refusal::Late)
    }
}

/// What became of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It is kept.
    Kept(Support),
    /// It is not, but somebody is told of a sentence in it.
    NotKept {
        /// Why it was not kept.
        why: Refusal,
        /// Whether help comes first now.
        support: Support,
    },
}

/// Whether no more notes are taken to this occasion, however early they come.
///
/// # Errors
/// When the database fails.
pub async fn is_full(app: &App, slip: &Slip) -> Result<bool, Fault> {
    let (org, id) = (slip.administration.org_id, slip.administration.id);
    let count = app
        .store
        .read_brief(move |tx| correction::count(tx, org, id));
    Ok(count.await? >= MOST)
}

/// Keeps a note, and says whether help comes first now. Sent twice it stands there twice. Of one that is not taken nothing is kept, but nobody's cry for help is thrown
/// away.
///
/// # Errors
/// When the link takes none, or the database fails; nothing is kept then.
pub async fn correct(
    app: &App,
    token_hash: [u8; 32],
    holder: Holder,
    typed: String,
    language: Option<Language>,
) -> Result<Noted, Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let unknown = Refusal::Link(take_answers::Refusal::Unknown);
            let slip = door::take_slip(tx, &token_hash)?.ok_or(Failure::Refused(unknown))?;
            let form = &slip.administration;
            let note = match read(tx, (&token_hash, &slip, &holder), &typed, now) {
                Ok(note) => note,
                Err(Failure::Refused(why)) => {
                    let outside = outside(&slip, String::new(), &typed, None);
                    let support = raise_refused(tx, &outside, whence(why), now)?;
                    return Ok(Noted::NotKept { why, support });
                }
                Err(failure) => return Err(failure),
            };
            let on_record = || Language::of_tag(&form.language);
            let language = language.or_else(on_record).unwrap_or(Language::English);
            let row = CorrectionRow {
                org_id: form.org_id,
                id: fresh(now),
                administration_id: form.id,
                words: note.into_words(),
                language: language.word().to_owned(),
                made_at: now,
            };
            correction::add(tx, &row)?;
            let support = bring_to_somebody(tx, &slip, &row, now)?;
            let by = Actor::LinkHolder {
                org: form.org_id,
                patient: form.patient_id,
            };
            audit::record_by(
                tx,
                &by,
                "correction_taken",
                "administration",
                Some(form.id),
                now,
            )?;
            Ok(Noted::Kept(support))
        })
        .await
}

/// The note, if this link takes it from this holder now.
fn read(
    tx: &mut Tx,
    (token_hash, slip, holder): (&[u8; 32], &Slip, &Holder),
    typed: &str,
    now: NaiveDateTime,
) -> Result<Note, Failure<Refusal>> {
    let_in(tx, token_hash, slip, holder).map_err(of_link)?;
    open_until(slip, now).map_err(Failure::Refused)?;
    let form = &slip.administration;
    if correction::count(tx, form.org_id, form.id)? >= MOST {
        return Err(Failure::Refused(Refusal::TooMany));
    }
    Note::parse(typed).map_err(|unfit| Failure::Refused(Refusal::Unfit(unfit)))
}

/// How a note came that is not kept, as a flag's history tells it.
fn whence(why: Refusal) -> &'static str {
    match why {
        Refusal::Unfit(_) => "; in a note that was too long to be kept",
        Refusal::Link(take_answers::Refusal::NotChecked) => {
            "; in a note that came before the year of birth was said, so that it is not known who wrote it"
        }
        Refusal::Link(take_answers::Refusal::OtherDevice) => {
            "; in a note from another device than the tablet that the form was opened on"
        }
        Refusal::Link(_) | Refusal::NotHandedIn | Refusal::Late | Refusal::TooMany => {
            "; in a note that was not taken any more"
        }
    }
}

fn of_link(failure: Failure<take_answers::Refusal>) -> Failure<Refusal> {
    match failure {
        Failure::Refused(why) => Failure::Refused(Refusal::Link(why)),
        Failure::Denied(denied) => Failure::Denied(denied),
        Failure::Fault(fault) => Failure::Fault(fault),
    }
}

/// The words are read by whoever decides about signals; after the end of care, where nobody does, a task tells that they came.
fn bring_to_somebody(
    tx: &mut Tx,
    slip: &Slip,
    row: &CorrectionRow,
    now: NaiveDateTime,
) -> Result<Support, Fault> {
    let form = &slip.administration;
    let responses = response::of_administration(tx, form)?;
    let response = responses.first().map(|row| row.id);
    let outside = outside(slip, row.id.to_string(), &row.words, response);
    let reached = raise_outside(tx, &outside, now)?;
    if reached.queue == Queue::None {
        tell(tx, slip, now)?;
    }
    Ok(reached.support)
}

fn outside<'a>(
    slip: &Slip,
    key: String,
    words: &'a str,
    response: Option<ResponseId>,
) -> Outside<'a> {
    let form = &slip.administration;
    Outside {
        org: form.org_id,
        patient: form.patient_id,
        written_in: WrittenIn::Note,
        key,
        words,
        response,
        episode: Some(form.episode_id),
        informant: form.informant_id,
    }
}

/// One task a patient, until somebody settled it: the page it leads to shows every note.
fn tell(tx: &mut Tx, slip: &Slip, now: NaiveDateTime) -> Result<(), Fault> {
    let form = &slip.administration;
    if task::waits(tx, form.org_id, TaskKind::Correction, form.patient_id)? {
        return Ok(());
    }
    task::add(
        tx,
        &TaskRow {
            org_id: form.org_id,
            id: fresh(now),
            kind: TaskKind::Correction.word().into(),
            clinic_id: slip.clinic_id,
            patient_id: form.patient_id,
            detail: "Read it on the patient’s page. It changed no answer, score or flag. If it speaks of danger, tell the clinician at once.".into(),
            created_at: now,
            done_at: None,
            done_by: None,
        },
    )
}

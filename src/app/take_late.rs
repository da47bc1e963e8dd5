//! Answers that came when their form took no more: the page was left open until its time was over, or a second one was still there when the first had been sent. They are no part of
//! the record, and the patient is told so; but an answer that a person must see reaches one, in words that say how it came.

use super::check_link::Refusal;
use super::hand_in::Support;
use super::keep_response::with_care_of_today;
use super::raise_flags::{Place, raise_late};
use super::raise_words::{calls, hear, raise_late_words};
use super::safety_in_force::InForce;
use crate::domain::access::Actor;
use crate::domain::instrument::Instrument;
use crate::domain::risk::Tier;
use crate::domain::submission::{self, Given, Outcome, Part, Put, Sheet};
use crate::store::door::Slip;
use crate::store::{Fault, Tx, audit, informant};
use chrono::NaiveDateTime;

/// Brings what a person must see of a late sheet to one; says whether help comes first now. `None`: it holds nothing of the kind, and nothing is stored.
///
/// The same answer once more adds nothing while a person still has it before them.
///
/// # Errors
/// When the database fails.
pub(super) fn take_late(
    tx: &mut Tx,
    slip: &Slip,
    parts: &[Part<'_>],
    (sheet, why): (&Sheet, Refusal),
    now: NaiveDateTime,
) -> Result<Option<Support>, Fault> {
    let Ok(read) = sheet.read(parts) else {
        return Ok(None);
    };
    let mut late = submission::late(parts, &read.given);
    late.retain(|one| !one.hits.is_empty() || one.has_words());
    let instruments: Vec<&Instrument> = parts.iter().map(|part| part.instrument).collect();
    let cries = cries(&instruments, &read.too_long);
    if late.is_empty() && cries.is_empty() {
        return Ok(None);
    }
    let in_force = InForce::read(tx, slip.administration.org_id)?;
    let place = place(tx, slip, whence(why))?;
    let mut support = hear_all(tx, &in_force, &place, &cries, now)?;
    for one in &late {
        let language = &slip.administration.language;
        raise_late(tx, &in_force, &place, one, language, now)?;
        let written = raise_late_words(tx, &in_force, &place, one, slip.administration.id, now)?;
        let crisis = one.hits.iter().any(|hit| hit.tier() == Tier::Crisis);
        if crisis || written == Support::ShowNow {
            support = Support::ShowNow;
        }
    }
    let form = &slip.administration;
    let by = Actor::LinkHolder {
        org: form.org_id,
        patient: form.patient_id,
    };
    audit::record_by(
        tx,
        &by,
        "answers_too_late",
        "administration",
        Some(form.id),
        now,
    )?;
    Ok(Some(support))
}

/// Brings the sentences of words that are too long to be kept to a person, where they ask for one: whoever wrote them is told to shorten them, and may close the page
/// instead. Says whether help comes first now.
///
/// # Errors
/// When the database fails.
pub(super) fn hear_too_long(
    tx: &mut Tx,
    slip: &Slip,
    outcomes: &[Outcome<'_>],
    too_long: &[Given],
    now: NaiveDateTime,
) -> Result<Support, Fault> {
    let instruments: Vec<&Instrument> = outcomes.iter().map(|one| one.instrument).collect();
    let cries = cries(&instruments, too_long);
    if cries.is_empty() {
        return Ok(Support::NotNow);
    }
    let in_force = InForce::read(tx, slip.administration.org_id)?;
    let place = place(tx, slip, "; in a text that was too long to be kept")?;
    hear_all(tx, &in_force, &place, &cries, now)
}

/// Words that ask for somebody, with the item they were written at.
struct Cry<'a> {
    instrument: &'a Instrument,
    item: &'a str,
    words: &'a str,
}

fn cries<'a>(instruments: &[&'a Instrument], too_long: &'a [Given]) -> Vec<Cry<'a>> {
    let of = |given: &'a Given| {
        let Put::Words(words) = &given.answer else {
            return None;
        };
        let instrument = *instruments.get(given.part)?;
        let item = &instrument.items.get(given.position)?.id;
        calls(words).then_some(Cry {
            instrument,
            item,
            words,
        })
    };
    too_long.iter().filter_map(of).collect()
}

fn hear_all(
    tx: &mut Tx,
    in_force: &InForce,
    place: &Place,
    cries: &[Cry<'_>],
    now: NaiveDateTime,
) -> Result<Support, Fault> {
    let mut support = Support::NotNow;
    for cry in cries {
        let by = (cry.instrument.id.as_str(), cry.instrument.version.as_str());
        let heard = hear(tx, in_force, place, by, (cry.item, cry.words), now)?;
        support = support.or(heard);
    }
    Ok(support)
}

/// How answers came that were not taken, as a flag's history tells it.
fn whence(why: Refusal) -> &'static str {
    match why {
        Refusal::NotChecked => {
            "; came before the year of birth was said, so that it is not known who answered, and is in no score"
        }
        Refusal::OtherDevice => {
            "; came from another device than the tablet that the form was opened on, or after the tablet was left for long, and is in no score"
        }
        _ => "; came when the form took no more answers, and is in no score",
    }
}

fn place(tx: &mut Tx, slip: &Slip, whence: &str) -> Result<Place, Fault> {
    let slip = with_care_of_today(tx, slip)?;
    let form = &slip.administration;
    let mut whence = whence.to_owned();
    if let Some(id) = form.informant_id
        && let Some(who) = informant::by_id(tx, form.org_id, form.patient_id, id)?
    {
        whence.push_str(&format!("; answered by {}", who.who()));
    }
    Ok(Place {
        org: form.org_id,
        patient: form.patient_id,
        episode: form.episode_id,
        clinic: slip.clinic_id,
        clinician: slip.clinician_id,
        informant: form.informant_id,
        response: None,
        finish_by: None,
        whence,
    })
}

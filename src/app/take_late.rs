//! Answers that came when their form took no more: the page was left open until its time was over, or a second one was still there when the first had been sent. They are no part of
//! the record, and the patient is told so; but an answer that a person must see reaches one, in words that say how it came.

use super::hand_in::Support;
use super::keep_response::with_care_of_today;
use super::raise_flags::{Place, raise_late};
use super::raise_words::raise_late_words;
use super::safety_in_force::InForce;
use crate::domain::access::Actor;
use crate::domain::risk::Tier;
use crate::domain::submission::{self, Part, Sheet};
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
    sheet: &Sheet,
    now: NaiveDateTime,
) -> Result<Option<Support>, Fault> {
    let Ok(read) = sheet.read(parts) else {
        return Ok(None);
    };
    let mut late = submission::late(parts, &read.given);
    late.retain(|one| !one.hits.is_empty() || one.has_words());
    if late.is_empty() {
        return Ok(None);
    }
    let in_force = InForce::read(tx, slip.administration.org_id)?;
    let place = place(tx, slip)?;
    let mut support = Support::NotNow;
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

fn place(tx: &mut Tx, slip: &Slip) -> Result<Place, Fault> {
    let slip = with_care_of_today(tx, slip)?;
    let form = &slip.administration;
    let mut whence = String::from("; came when the form took no more answers, and is in no score");
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

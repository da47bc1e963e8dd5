//! What a screener opens when it is handed in, as part of the transaction that takes its answers: the longer form, where it may be used here today and
//! somebody would read it. Else a person is told, and nothing opens.

use super::hand_in::wording;
use super::permit_instrument::OnRecord;
use super::plan_due;
use super::tell_of_flag::alarm_nobody_licensed;
use crate::domain::instrument::{ENGLISH, Instrument, Library, can_be_asked};
use crate::domain::risk::policy::SafetyPolicy;
use crate::domain::risk::rules::RiskHit;
use crate::domain::risk::{Standing, Tier};
use crate::domain::schedule::step::{Step, read_steps};
use crate::domain::submission::{self, Outcome};
use crate::store::door::Slip;
use crate::store::response::ResponseRow;
use crate::store::{Fault, Tx, policy, staff};
use chrono::NaiveDateTime;

/// The steps of an occasion. What cannot be read opens nothing and keeps no answer from being taken.
pub fn steps(slip: &Slip) -> Vec<Step> {
    let stored = slip.administration.step.as_deref().unwrap_or_default();
    read_steps(stored).unwrap_or_else(|fault| {
        tracing::error!(administration = %slip.administration.id, %fault, "a step cannot be kept");
        vec![]
    })
}

/// The outcomes of a hand-in with the forms that it opens.
///
/// # Errors
/// When the database fails.
pub fn step_on<'a>(
    tx: &mut Tx,
    library: &'a Library,
    slip: &Slip,
    stored: &[ResponseRow],
    mut outcomes: Vec<Outcome<'a>>,
    now: NaiveDateTime,
) -> Result<Vec<Outcome<'a>>, Fault> {
    let steps = steps(slip);
    if steps.is_empty() {
        return Ok(outcomes);
    }
    let policy = match outcomes.iter().all(|outcome| outcome.hits.is_empty()) {
        true => SafetyPolicy::default(),
        false => policy::newest(tx, slip.administration.org_id, SafetyPolicy::KIND)?,
    };
    let flagged = |known: &Instrument, hit: &RiskHit<'_>| policy.tier_of(&known.id, hit, None);
    loop {
        let mut opened = vec![];
        for instrument in submission::reached(library, &steps, &outcomes) {
            if may_open(tx, slip, instrument, now)? {
                opened.push(opened_form(
                    slip, stored, &steps, &outcomes, instrument, &flagged,
                ));
            }
        }
        // Each turn makes the battery longer, and there are only so many steps.
        if opened.is_empty() {
            return Ok(outcomes);
        }
        outcomes.extend(opened);
    }
}

fn opened_form<'a>(
    slip: &Slip,
    stored: &[ResponseRow],
    steps: &[Step],
    outcomes: &[Outcome<'a>],
    instrument: &'a Instrument,
    flagged: &dyn Fn(&Instrument, &RiskHit<'_>) -> Option<Tier>,
) -> Outcome<'a> {
    let opens_it = |outcome: &&Outcome<'a>| {
        let id = &outcome.instrument.id;
        steps
            .iter()
            .any(|step| step.screener == *id && step.opens == instrument.id)
    };
    let screeners: Vec<&Outcome<'a>> = outcomes.iter().filter(opens_it).collect();
    let spoken: Vec<String> = screeners
        .iter()
        .map(|outcome| {
            let known = stored
                .iter()
                .find(|row| row.instrument == outcome.instrument.id);
            wording(slip, known, outcome)
        })
        .collect();
    let before: Vec<(&Outcome<'_>, &str)> = screeners
        .iter()
        .copied()
        .zip(spoken.iter().map(String::as_str))
        .collect();
    let language = &slip.administration.language;
    let language = match instrument.texts(language) {
        Some(_) => language,
        None => ENGLISH,
    };
    submission::open(instrument, &before, language, flagged)
}

fn may_open(
    tx: &mut Tx,
    slip: &Slip,
    instrument: &Instrument,
    now: NaiveDateTime,
) -> Result<bool, Fault> {
    let form = &slip.administration;
    let told = |tx: &mut Tx, why: &dyn std::fmt::Display| {
        let (org, patient) = (form.org_id, form.patient_id);
        plan_due::tell_not_permitted(tx, org, slip.clinic_id, patient, why, now)
    };
    if let Err(why) = can_be_asked(instrument) {
        told(tx, &why)?;
        return Ok(false);
    }
    if let Err(why) = OnRecord::read(tx, form.org_id, now)?.require([instrument]) {
        told(tx, &why)?;
        return Ok(false);
    }
    let reader = |tx: &mut Tx| {
        let people = staff::candidates(tx, form.org_id)?;
        Ok::<_, Fault>(
            people
                .iter()
                .any(|person| person.standing == Standing::Eligible),
        )
    };
    if !instrument.risk_rules.is_empty() && !reader(tx)? {
        alarm_nobody_licensed(tx, form.org_id, slip.clinic_id, form.patient_id, now)?;
        return Ok(false);
    }
    Ok(true)
}

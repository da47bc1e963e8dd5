//! The verbs that change somebody's account: name, licence, clinics, and whose patients theirs are. What an account is for stays: another role is another account.

use super::accounts::{Refusal, check_losing_licence, check_person};
use super::enrol::{give_to, treats_in};
use super::escalate::hand_over_flags_of;
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Subject, decide};
use crate::domain::ids::{ClinicId, OrgId, StaffId};
use crate::store::staff::{self, StaffRow, StaffState};
use crate::store::verify::LICENCE_ENDED;
use crate::store::{Fault, Tx, audit, organisation, patient, plan};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of somebody from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Name.
    pub name: String,
    /// Licence to practise; empty: none.
    pub licence: String,
    /// Clinics to work in.
    pub clinics: Vec<ClinicId>,
}

/// Changes an account. It holds from their next click on; whoever loses their licence has their waiting flags passed on in the same transaction.
///
/// # Errors
/// Refused when there is no such account or it is disabled, for the last licensed clinician, and for a clinic in which they care for patients.
pub async fn change_account(
    app: &App,
    actor: Actor,
    id: StaffId,
    change: Change,
) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
            let org = permit.org();
            staff::take_turn_leaving(tx)?;
            let all = staff::all(tx, org)?;
            let row = all
                .iter()
                .find(|row| row.id == id && row.state != StaffState::Disabled.word())
                .ok_or(Failure::Refused(Refusal::NoAccount))?;
            let role = row.role.parse().map_err(Fault::from)?;
            check_person(&change.name, role, &change.clinics).map_err(Failure::Refused)?;
            let licence = Some(change.licence.trim()).filter(|text| !text.is_empty());
            let loses = row.licence.is_some() && licence.is_none();
            if loses {
                check_losing_licence(&all, row).map_err(Failure::Refused)?;
            }
            staff::change(tx, (org, id), change.name.trim(), licence)?;
            set_clinics(tx, org, row, &change.clinics)?;
            if loses {
                hand_over_flags_of(tx, id, org, now)?;
                audit::record_by(tx, &actor, LICENCE_ENDED, "staff", Some(id), now)?;
            }
            audit::record(tx, &permit, "staff", Some(id), now)?;
            Ok(())
        })
        .await
}

fn set_clinics(
    tx: &mut Tx,
    org: OrgId,
    row: &StaffRow,
    wanted: &[ClinicId],
) -> Result<(), Failure<Refusal>> {
    let wanted: BTreeSet<ClinicId> = wanted.iter().copied().collect();
    let known = organisation::clinics(tx, org)?;
    if !wanted
        .iter()
        .all(|id| known.iter().any(|row| row.id == *id))
    {
        return Err(Failure::Refused(Refusal::Clinic));
    }
    let here: BTreeSet<ClinicId> = staff::clinics_of(tx, org, row.id)?.into_iter().collect();
    let cares = patient::in_care_of(tx, org, row.id)?;
    for clinic in here.difference(&wanted) {
        if cares.iter().any(|episode| episode.clinic_id == *clinic) {
            return Err(Failure::Refused(Refusal::HasPatients));
        }
        staff::leave_clinic(tx, org, row.id, *clinic)?;
    }
    for clinic in wanted.difference(&here) {
        staff::add_to_clinic(tx, org, row.id, *clinic)?;
    }
    Ok(())
}

/// How many patients somebody cares for, by clinic.
///
/// # Errors
/// Denied unless the account administers.
pub async fn read_care_of(
    app: &App,
    actor: Actor,
    id: StaffId,
) -> Result<BTreeMap<ClinicId, usize>, Failure<Refusal>> {
    app.store
        .read(move |tx| {
            let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
            let mut counts = BTreeMap::new();
            for row in patient::in_care_of(tx, permit.org(), id)? {
                *counts.entry(row.clinic_id).or_default() += 1;
            }
            Ok(counts)
        })
        .await
}

/// Gives everybody whom somebody cares for in a clinic to a colleague, as when they leave: see [`give_to`].
///
/// # Errors
/// Refused when the colleague does not work there; nothing is stored then.
pub async fn hand_over_care(
    app: &App,
    actor: Actor,
    (from, to): (StaffId, StaffId),
    clinic: ClinicId,
) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
            plan::take_turn(tx)?;
            if from == to || !treats_in(tx, permit.org(), to, clinic)? {
                return Err(Failure::Refused(Refusal::NoColleague));
            }
            for row in patient::in_care_of(tx, permit.org(), from)? {
                if row.clinic_id != clinic {
                    continue;
                }
                give_to(tx, &permit, &row, to, now)?;
                audit::record(tx, &permit, "patient", Some(row.patient_id), now)?;
            }
            Ok(())
        })
        .await
}

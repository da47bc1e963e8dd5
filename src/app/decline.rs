//! "This is not for me": whoever holds the link closes it, and a person here is told.

use super::Failure;
use super::take_answers::{Refusal, check_open};
use crate::app::App;
use crate::domain::access::Actor;
use crate::domain::care::AdministrationState;
use crate::store::task::{self, TaskKind, TaskRow};
use crate::store::{administration, audit, fresh};

/// Closes the link and leaves a task. The record is not touched; flags that were raised stay.
///
/// # Errors
/// When the link takes nothing any more, or the database fails.
pub async fn decline(app: &App, token_hash: [u8; 32]) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let slip = administration::take_slip(tx, &token_hash)?
                .ok_or(Failure::Refused(Refusal::Unknown))?;
            check_open(&slip, now).map_err(Failure::Refused)?;

            let form = &slip.administration;
            administration::end(tx, form.org_id, form.id, AdministrationState::Declined, now)?;
            administration::revoke_links(tx, form.org_id, form.id, now)?;
            let task = TaskRow {
                org_id: form.org_id,
                id: fresh(now),
                kind: TaskKind::NotForMe.word().into(),
                clinic_id: slip.clinic_id,
                patient_id: form.patient_id,
                detail:
                    "Somebody who got the link said it was not meant for them. Check the address."
                        .into(),
                created_at: now,
                done_at: None,
                done_by: None,
            };
            task::add(tx, &task)?;
            let holder = Actor::LinkHolder {
                org: form.org_id,
                patient: form.patient_id,
            };
            audit::record_by(
                tx,
                &holder,
                "link_declined",
                "administration",
                Some(form.id),
                now,
            )?;
            Ok(())
        })
        .await
}

//! "This is not for me" and "Not this time": whoever holds the link closes it. In the first case a person here is told; in the second only when it
//! was said three times in a row.

use super::Failure;
use super::check_link::{Holder, Refusal, check_open, let_in};
use crate::app::App;
use crate::domain::access::Actor;
use crate::domain::care::{AdministrationState, SaidNo};
use crate::store::administration;
use crate::store::door::{self, Slip};
use crate::store::task::{self, TaskKind, TaskRow};
use crate::store::{Fault, Tx, audit, fresh};
use chrono::NaiveDateTime;

/// After so many occasions in a row that a patient left out, a person is told.
const OFTEN: usize = 3;

/// How it is written down in the audit.
fn act(why: SaidNo) -> &'static str {
    match why {
        SaidNo::NotForMe => "link_declined",
        SaidNo::NotThisTime => "occasion_declined",
    }
}

/// Closes the link. The record is not touched; flags that were raised stay.
///
/// # Errors
/// When the link takes nothing any more, or the database fails.
pub async fn decline(
    app: &App,
    token_hash: [u8; 32],
    holder: Holder,
    why: SaidNo,
) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let slip =
                door::take_slip(tx, &token_hash)?.ok_or(Failure::Refused(Refusal::Unknown))?;
            let_in(tx, &token_hash, &slip, &holder)?;
            check_open(&slip, now).map_err(Failure::Refused)?;

            let form = &slip.administration;
            let end = (AdministrationState::Declined, why.word());
            administration::end_because(tx, form.org_id, form.id, end, now)?;
            // A tablet is handed back with its page still open; the state alone closes it for answers.
            if slip.guard.tablet_hash.is_none() {
                administration::revoke_links(tx, form.org_id, form.id, now)?;
            }
            tell(tx, &slip, why, now)?;
            let by = Actor::LinkHolder {
                org: form.org_id,
                patient: form.patient_id,
            };
            audit::record_by(tx, &by, act(why), "administration", Some(form.id), now)?;
            Ok(())
        })
        .await
}

fn tell(tx: &mut Tx, slip: &Slip, why: SaidNo, now: NaiveDateTime) -> Result<(), Fault> {
    let form = &slip.administration;
    let (kind, detail) = match why {
        SaidNo::NotForMe => (
            TaskKind::NotForMe,
            "Somebody who got the link said it was not meant for them. Check the address.",
        ),
        SaidNo::NotThisTime => {
            let last = administration::last_ends(tx, form, OFTEN)?;
            let often =
                last.len() == OFTEN && last.iter().all(|said| said.as_deref() == Some(why.word()));
            if !often || task::waits(tx, form.org_id, TaskKind::DeclinedOften, form.patient_id)? {
                return Ok(());
            }
            (
                TaskKind::DeclinedOften,
                "Three forms in a row were answered with “not this time”. Ask whether the questions or the rhythm should change.",
            )
        }
    };
    let task = TaskRow {
        org_id: form.org_id,
        id: fresh(now),
        kind: kind.word().into(),
        clinic_id: slip.clinic_id,
        patient_id: form.patient_id,
        detail: detail.into(),
        created_at: now,
        done_at: None,
        done_by: None,
    };
    task::add(tx, &task)
}

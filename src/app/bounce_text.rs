//! The gateway took a text and later says that it could not pass it on: somebody here is told, and where the gateway blames the number it is not used again.

use super::App;
use super::unsent;
use crate::domain::access::Actor;
use crate::domain::ids::{Id, OutboxId, PatientId};
use crate::domain::message::AttemptOutcome;
use crate::store::outbox::OutboxRow;
use crate::store::outbox::{self, Lane};
use crate::store::task::TaskKind;
use crate::store::{Fault, Tx, attempt, audit, contact};
use crate::texts::blames_number;

/// Notes it, once; a message that is none of ours changes nothing.
///
/// # Errors
/// When the database fails; the gateway says it again.
pub async fn bounce_text(app: &App, id: OutboxId, code: String) -> Result<(), Fault> {
    let (now, org) = (app.clock.now(), app.org);
    app.store
        .write(move |tx| {
            let found = outbox::by_id(tx, org, id)?;
            let Some(row) = found.filter(|row| row.lane == Lane::Texts.word()) else {
                return Ok(());
            };
            let words = match code.as_str() {
                "" => "the gateway could not pass it on".to_owned(),
                code => format!("the gateway could not pass it on, code {code}"),
            };
            if outbox::bounce(tx, &row, &words, now)? {
                attempt::add(tx, &row, AttemptOutcome::Bounced, &words, now)?;
                match is_of_another_number(tx, &row)? {
                    true => {
                        let detail = format!(
                            "A text that went out before the patient was reached in another way was not passed on: {words}. Nothing was changed."
                        );
                        unsent::leave_task(tx, &row, TaskKind::MailUnsent, detail, now)?;
                    }
                    false if code.parse().is_ok_and(blames_number) => {
                        unsent::given_up(tx, &row, &words, now)?;
                    }
                    false => unsent::tell_returned(tx, &row, &words, now)?,
                }
                let system = Actor::System { org };
                audit::record_by(tx, &system, "text_bounced", "outbox", Some(row.id), now)?;
            }
            Ok(())
        })
        .await
}

/// Whether the patient has been reached in another way since, or how they are reached was changed: then the number of today is not to blame.
fn is_of_another_number(tx: &mut Tx, row: &OutboxRow) -> Result<bool, Fault> {
    if outbox::is_asked_again(tx, row)? {
        return Ok(true);
    }
    let who: PatientId = Id::from_bytes(&row.recipient_id)
        .ok_or_else(|| Fault::Corrupt("an id in the outbox".into()))?;
    let contact = contact::of_patient(tx, row.org_id, who)?;
    let left = row.ended_at.unwrap_or(row.created_at);
    Ok(contact.is_none_or(|known| known.changed_at > left))
}

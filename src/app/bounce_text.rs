//! The gateway took a text and later says that it could not pass it on: the number is not used again, and somebody here has to ask for another.

use super::App;
use super::compose;
use crate::domain::access::Actor;
use crate::domain::ids::OutboxId;
use crate::domain::message::AttemptOutcome;
use crate::store::outbox::{self, Lane};
use crate::store::{Fault, attempt, audit};

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
                compose::given_up(tx, &row, &words, now)?;
                let system = Actor::System { org };
                audit::record_by(tx, &system, "text_bounced", "outbox", Some(row.id), now)?;
            }
            Ok(())
        })
        .await
}

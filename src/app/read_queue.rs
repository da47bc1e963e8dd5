//! Reading the review queue, and one flag with everything around it. Both are one transaction with its audit event. Acting on a flag is `review_flag`.

use super::review_flag::{Refusal, permit_for};
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, Subject, decide};
use crate::domain::ids::{FlagId, OrgId};
use crate::store::flag::{self, FlagActRow, FlagNames};
use crate::store::response::{self, ResponseRow};
use crate::store::{Fault, Tx, audit, informant, organisation};
use chrono_tz::Tz;

/// At most so many waiting flags on one page; the most urgent come first and the page says how many more there are.
pub const QUEUE_MOST: usize = 100;
/// At most so many closed flags on one page.
const CLOSED_MOST: i64 = 30;

/// Something done to a flag, with the name of whoever did it.
pub type NamedAct = (FlagActRow, Option<String>);

/// A flag with its history.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The flag and the names around it.
    pub names: FlagNames,
    /// What was done, oldest first.
    pub acts: Vec<NamedAct>,
}

/// The queue as somebody may see it.
#[derive(Debug, Clone)]
pub struct Queue {
    /// What waits, the most urgent deadline first; at most [`QUEUE_MOST`].
    pub waiting: Vec<Entry>,
    /// How many more wait.
    pub more: usize,
    /// What was closed last.
    pub closed: Vec<Entry>,
    /// The site's zone.
    pub zone: Tz,
}

/// One flag with everything around it.
#[derive(Debug, Clone)]
pub struct Around {
    /// The flag.
    pub entry: Entry,
    /// The episode's responses to the same instrument, oldest first.
    pub responses: Vec<ResponseRow>,
    /// The site's zone.
    pub zone: Tz,
}

/// The queue within the actor's reach. The reading is audited.
///
/// # Errors
/// Denied when the account sees no queue.
pub async fn read_queue(app: &App, actor: Actor) -> Result<Queue, Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::SeeQueue, Subject::Organisation)?;
            let mut waiting = flag::queue(tx, &permit)?;
            let more = waiting.len().saturating_sub(QUEUE_MOST);
            waiting.truncate(QUEUE_MOST);
            let closed = flag::closed(tx, &permit, CLOSED_MOST)?;
            let queue = Queue {
                waiting: with_acts(tx, &permit, waiting)?,
                more,
                closed: with_acts(tx, &permit, closed)?,
                zone: zone(tx, permit.org())?,
            };
            audit::record(tx, &permit, "queue", None::<FlagId>, now)?;
            Ok(queue)
        })
        .await
}

fn with_acts(tx: &mut Tx, permit: &Permit, flags: Vec<FlagNames>) -> Result<Vec<Entry>, Fault> {
    let ids: Vec<FlagId> = flags.iter().map(|names| names.flag.id).collect();
    let acts = flag::acts_of(tx, permit, &ids)?;
    let of = |id: FlagId| {
        acts.iter()
            .filter(|(act, _)| act.flag_id == id)
            .cloned()
            .collect()
    };
    Ok(flags
        .into_iter()
        .map(|names| Entry {
            acts: of(names.flag.id),
            names,
        })
        .collect())
}

/// The zone in which the site reads its dates.
fn zone(tx: &mut Tx, org: OrgId) -> Result<Tz, Fault> {
    let row = organisation::only(tx)?.filter(|row| row.id == org);
    Ok(row
        .and_then(|row| row.time_zone.parse().ok())
        .unwrap_or(chrono_tz::UTC))
}

/// One flag with its history and the answers before and after it. The reading is audited.
///
/// # Errors
/// Refused when there is no such flag; denied when it is out of reach.
pub async fn read_flag(app: &App, actor: Actor, id: FlagId) -> Result<Around, Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = permit_for(tx, &actor, Action::SeeQueue, id)?;
            let names = flag::load(tx, &permit, id)?;
            let acts = flag::acts(tx, &permit, id)?;
            let mut responses = response::of_episode(tx, &permit, names.flag.episode_id)?;
            responses.retain(|row| row.instrument == names.flag.instrument);
            // Whoever answered the flagged form: another person's answers are another series.
            let by = informant::answered_by(tx, permit.org(), &[names.flag.episode_id])?;
            let who = |row: &ResponseRow| by.get(&row.administration_id).copied();
            let flagged = responses
                .iter()
                .find(|row| Some(row.id) == names.flag.response_id)
                .and_then(who);
            responses.retain(|row| who(row) == flagged);
            let zone = zone(tx, permit.org())?;
            audit::record(tx, &permit, "flag", Some(id), now)?;
            Ok(Around {
                entry: Entry { names, acts },
                responses,
                zone,
            })
        })
        .await
}

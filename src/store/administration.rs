//! Administrations: the occasions on which a patient is asked, what becomes of them, and the links that are given out for them. What a link opens is `door`.

use super::engine::on_engine;
use super::kept::kept;
use super::schema::{administration, link};
use super::{Fault, Maybe, Moment, Tx};
use crate::domain::access::Permit;
use crate::domain::care::AdministrationState;
use crate::domain::ids::{AdministrationId, EpisodeId, InformantId, LinkId, OrgId, PatientId};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use diesel::sql_types::{Binary, Timestamp};

/// One occasion on which a patient is asked.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = administration)]
pub struct AdministrationRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: AdministrationId,
    /// The episode it belongs to.
    pub episode_id: EpisodeId,
    /// Who is asked.
    pub patient_id: PatientId,
    /// Names the occasion within the episode.
    pub occasion: String,
    /// A battery: `phq9@1 pcl5@1`.
    pub instruments: String,
    /// Language tag.
    pub language: String,
    /// An [`AdministrationState`]'s word.
    pub state: String,
    /// When it falls due, UTC.
    #[diesel(deserialize_as = Moment)]
    pub due_at: NaiveDateTime,
    /// When it stops taking answers, UTC.
    #[diesel(deserialize_as = Moment)]
    pub expires_at: NaiveDateTime,
    /// When the patient pressed start.
    #[diesel(deserialize_as = Maybe)]
    pub opened_at: Option<NaiveDateTime>,
    /// When it reached an end.
    #[diesel(deserialize_as = Maybe)]
    pub ended_at: Option<NaiveDateTime>,
    /// Seconds in which it has to be handed in once it was begun.
    pub finish_within_s: i64,
    /// Who answers instead of the patient, if somebody does.
    pub informant_id: Option<InformantId>,
    /// Why it ended, in words for staff, where the state does not say it all.
    pub ended_why: Option<String>,
    /// What its scores open, if anything: `Step`s as their plan had them when it was made.
    pub step: Option<String>,
}

/// What the names of occasions are like that staff put down: nobody was asked.
pub(super) const PUT_DOWN_BY_STAFF: &str = "entered %";

/// Adds an occasion.
///
/// # Errors
/// When the episode has one of that name, or the database fails.
pub fn add(tx: &mut Tx, _permit: &Permit, row: &AdministrationRow) -> Result<(), Fault> {
    diesel::insert_into(administration::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// Adds a link to an occasion. Only the hash of its token is kept.
///
/// # Errors
/// When the database fails.
pub fn add_link(
    tx: &mut Tx,
    permit: &Permit,
    id: LinkId,
    administration: AdministrationId,
    token_hash: &[u8],
    now: NaiveDateTime,
) -> Result<(), Fault> {
    diesel::insert_into(link::table)
        .values((
            link::token_hash.eq(token_hash),
            link::org_id.eq(permit.org()),
            link::id.eq(id),
            link::administration_id.eq(administration),
            link::created_at.eq(now),
        ))
        .execute(&mut tx.db)?;
    Ok(())
}

/// A link that opens a form which has not ended.
#[derive(Debug, Clone, Queryable)]
pub struct OpenLink {
    /// The link.
    pub id: LinkId,
    /// Its form.
    pub administration_id: AdministrationId,
    /// When it was made, UTC.
    pub created_at: NaiveDateTime,
    /// The tablet that it is bound to.
    pub tablet_hash: Option<Vec<u8>>,
}

/// Every link that opens a form which has not ended, once.
///
/// # Errors
/// When the database fails.
pub fn open_links(tx: &mut Tx, permit: &Permit) -> Result<Vec<OpenLink>, Fault> {
    let mut links: Vec<OpenLink> = link::table
        .inner_join(
            administration::table.on(administration::org_id
                .eq(link::org_id)
                .and(administration::id.eq(link::administration_id))),
        )
        .filter(link::org_id.eq(permit.org()))
        .filter(link::revoked_at.is_null())
        .filter(administration::ended_at.is_null())
        .order(link::id)
        .select((
            link::id,
            link::administration_id,
            link::created_at,
            link::tablet_hash,
        ))
        .load(&mut tx.db)?;
    // One that has a second token already stands there twice.
    links.dedup_by_key(|link| link.id);
    Ok(links)
}

/// Lets a link be opened by a second token too.
///
/// # Errors
/// When the database fails.
pub fn add_token(
    tx: &mut Tx,
    permit: &Permit,
    link: &OpenLink,
    token_hash: &[u8],
) -> Result<(), Fault> {
    diesel::insert_into(link::table)
        .values((
            link::token_hash.eq(token_hash),
            link::org_id.eq(permit.org()),
            link::id.eq(link.id),
            link::administration_id.eq(link.administration_id),
            link::created_at.eq(link.created_at),
            link::tablet_hash.eq(&link.tablet_hash),
        ))
        .execute(&mut tx.db)?;
    Ok(())
}

/// When a form that was begun at `opened` has to be handed in.
pub fn finish_by(opened: NaiveDateTime, within_s: i64) -> NaiveDateTime {
    opened + TimeDelta::seconds(within_s)
}

/// Notes that the patient pressed start, unless that is known or the occasion is over. From now on its window is that of a form that was begun.
///
/// # Errors
/// When the database fails.
pub fn mark_opened(
    tx: &mut Tx,
    org: OrgId,
    id: AdministrationId,
    at: NaiveDateTime,
    finish_by: NaiveDateTime,
) -> Result<(), Fault> {
    let opening = MarkOpened {
        org: &org,
        id: &id,
        at: Moment(at),
        until: Moment(finish_by),
    };
    on_engine!(tx, db => opening.execute(db))?;
    Ok(())
}

kept! {
    MarkOpened<'a> { org: &'a OrgId => Binary, id: &'a AdministrationId => Binary, at: Moment => Timestamp, until: Moment => Timestamp }
    "UPDATE administration SET state = 'opened', opened_at = " at ", expires_at = " until " WHERE org_id = " org " AND id = " id
    " AND state IN ('planned', 'sent') AND expires_at >= " at
}

/// Writes down what the battery has become, if the occasion is still open. `false` when it had ended already.
///
/// # Errors
/// When the database fails.
pub fn grow(tx: &mut Tx, org: OrgId, id: AdministrationId, battery: &str) -> Result<bool, Fault> {
    let grown = on_engine!(tx, db => diesel::update(administration::table.find((org, id)).filter(administration::ended_at.is_null()))
        .set(administration::instruments.eq(battery))
        .execute(db))?;
    Ok(grown == 1)
}

/// Notes that everything was handed in, if the occasion is still open. `false` when it had ended already.
///
/// # Errors
/// When the database fails.
pub fn complete(
    tx: &mut Tx,
    org: OrgId,
    id: AdministrationId,
    opened_at: NaiveDateTime,
    now: NaiveDateTime,
) -> Result<bool, Fault> {
    let end = Complete {
        org: &org,
        id: &id,
        opened_at: Moment(opened_at),
        now: Moment(now),
    };
    Ok(on_engine!(tx, db => end.execute(db))? == 1)
}

kept! {
    /// Not `ended_at IS NULL`: PostgreSQL may take that as an invitation to go through all open occasions by their index instead of to this one by its key, as
    /// long as its statistics are older than they are.
    Complete<'a> {
        org: &'a OrgId => Binary, id: &'a AdministrationId => Binary, opened_at: Moment => Timestamp, now: Moment => Timestamp,
    }
    "UPDATE administration SET state = 'completed', opened_at = " opened_at ", ended_at = " now " WHERE org_id = " org " AND id = " id
    ; " AND CASE WHEN ended_at IS NULL THEN 1 ELSE 0 END = 1"
}

/// As [`end`], with the reason in words for staff.
///
/// # Errors
/// When the database fails.
pub fn end_because(
    tx: &mut Tx,
    org: OrgId,
    id: AdministrationId,
    (state, why): (AdministrationState, &str),
    now: NaiveDateTime,
) -> Result<bool, Fault> {
    let ended = diesel::update(
        administration::table
            .find((org, id))
            .filter(administration::ended_at.is_null()),
    )
    .set((
        administration::state.eq(state.word()),
        administration::ended_at.eq(now),
        administration::ended_why.eq(why),
    ))
    .execute(&mut tx.db)?;
    Ok(ended == 1)
}

/// Brings the occasion to an end, if it is still open. `false` when it had ended already.
///
/// # Errors
/// When the database fails.
pub fn end(
    tx: &mut Tx,
    org: OrgId,
    id: AdministrationId,
    state: AdministrationState,
    now: NaiveDateTime,
) -> Result<bool, Fault> {
    let ended = on_engine!(tx, db => diesel::update(administration::table.find((org, id)).filter(administration::ended_at.is_null()))
        .set((administration::state.eq(state.word()), administration::ended_at.eq(now)))
        .execute(db))?;
    Ok(ended == 1)
}

/// Notes that the relay took the invitation or that the link was handed over.
///
/// # Errors
/// When the database fails.
pub fn mark_sent(tx: &mut Tx, org: OrgId, id: AdministrationId) -> Result<(), Fault> {
    diesel::update(
        administration::table
            .find((org, id))
            .filter(administration::state.eq(AdministrationState::Planned.word())),
    )
    .set(administration::state.eq(AdministrationState::Sent.word()))
    .execute(&mut tx.db)?;
    Ok(())
}

/// One occasion.
///
/// # Errors
/// When the database fails.
pub fn by_id(
    tx: &mut Tx,
    org: OrgId,
    id: AdministrationId,
) -> Result<Option<AdministrationRow>, Fault> {
    Ok(administration::table
        .find((org, id))
        .get_result(&mut tx.db)
        .optional()?)
}

/// The occasion with this name in an episode.
///
/// # Errors
/// When the database fails.
pub fn by_occasion(
    tx: &mut Tx,
    org: OrgId,
    episode: EpisodeId,
    occasion: &str,
) -> Result<Option<AdministrationRow>, Fault> {
    Ok(administration::table
        .filter(
            administration::org_id
                .eq(org)
                .and(administration::episode_id.eq(episode)),
        )
        .filter(administration::occasion.eq(occasion))
        .get_result(&mut tx.db)
        .optional()?)
}

/// Why the last occasions of this one's episode and series ended that a patient was asked by a link, newest first.
///
/// # Errors
/// When the database fails.
pub fn last_ends(
    tx: &mut Tx,
    like: &AdministrationRow,
    most: usize,
) -> Result<Vec<Option<String>>, Fault> {
    let ended: Vec<(Option<InformantId>, Option<String>)> = administration::table
        .filter(
            administration::org_id
                .eq(like.org_id)
                .and(administration::episode_id.eq(like.episode_id)),
        )
        .filter(administration::ended_at.is_not_null())
        // What staff put down was not asked by a link.
        .filter(administration::occasion.not_like(PUT_DOWN_BY_STAFF))
        .order((administration::ended_at.desc(), administration::id.desc()))
        .select((administration::informant_id, administration::ended_why))
        .load(&mut tx.db)?;
    let same = ended
        .into_iter()
        .filter(|(informant, _)| *informant == like.informant_id);
    Ok(same.map(|(_, why)| why).take(most).collect())
}

/// The occasions of an episode, newest first.
///
/// # Errors
/// When the database fails.
pub fn of_episode(
    tx: &mut Tx,
    permit: &Permit,
    episode: EpisodeId,
) -> Result<Vec<AdministrationRow>, Fault> {
    Ok(administration::table
        .filter(
            administration::org_id
                .eq(permit.org())
                .and(administration::episode_id.eq(episode)),
        )
        .order(administration::id.desc())
        .load(&mut tx.db)?)
}

/// Whoever pressed start in the last moment stands in memory for a second or two before it is written down: so long a form that nobody began is left open beyond its time.
const LAST_MOMENT: TimeDelta = TimeDelta::seconds(5);

/// Ends the occasions whose time ran out, at most so many, the oldest first; says which, and what they were.
///
/// # Errors
/// When the database fails.
pub fn expire(
    tx: &mut Tx,
    org: OrgId,
    now: NaiveDateTime,
    most: i64,
) -> Result<Vec<(AdministrationId, AdministrationState)>, Fault> {
    let over: Vec<(AdministrationId, String, NaiveDateTime)> = administration::table
        .filter(
            administration::org_id
                .eq(org)
                .and(administration::ended_at.is_null())
                .and(administration::expires_at.lt(now)),
        )
        // In the order of their index, or PostgreSQL may go through all occasions to find so many.
        .order(administration::expires_at)
        .limit(most)
        .select((
            administration::id,
            administration::state,
            administration::expires_at,
        ))
        .load(&mut tx.db)?;
    let mut ended = vec![];
    for (id, state, expires_at) in over {
        let state: AdministrationState = state.parse()?;
        let begun = state == AdministrationState::Opened;
        let is_over = begun || expires_at < now - LAST_MOMENT;
        if is_over && end_window(tx, org, id, state, now)? {
            ended.push((id, state));
        }
    }
    Ok(ended)
}

/// Ends an occasion whose time ran out, unless it was opened or got more time since it was looked at.
fn end_window(
    tx: &mut Tx,
    org: OrgId,
    id: AdministrationId,
    was: AdministrationState,
    now: NaiveDateTime,
) -> Result<bool, Fault> {
    let over = administration::ended_at
        .is_null()
        .and(administration::state.eq(was.word()))
        .and(administration::expires_at.lt(now));
    let ended = diesel::update(administration::table.find((org, id)).filter(over))
        .set((
            administration::state.eq(was.when_window_ends().word()),
            administration::ended_at.eq(now),
        ))
        .execute(&mut tx.db)?;
    Ok(ended == 1)
}

/// Withdraws every link of an occasion.
///
/// # Errors
/// When the database fails.
pub fn revoke_links(
    tx: &mut Tx,
    org: OrgId,
    id: AdministrationId,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    diesel::update(
        link::table.filter(
            link::org_id
                .eq(org)
                .and(link::administration_id.eq(id))
                .and(link::revoked_at.is_null()),
        ),
    )
    .set(link::revoked_at.eq(now))
    .execute(&mut tx.db)?;
    Ok(())
}

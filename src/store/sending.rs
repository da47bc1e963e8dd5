//! What a message to a patient is looked at with at the instant of sending, in one read; and what its sending changes. Whether it leaves is decided in
//! `domain::message::sending`.

use super::administration::AdministrationRow;
use super::contact::ContactRow;
use super::engine::on_engine;
use super::kept::kept;
use super::schema::{administration, clinic, contact_preference, episode, link, outbox, patient};
use super::{Fault, Moment, Tx};
use crate::domain::access::Permit;
use crate::domain::care::AdministrationState;
use crate::domain::ids::{AdministrationId, ClinicId, LinkId, OrgId, PatientId, ProgramId};
use crate::domain::message::sending::{Held, LATE_AFTER};
use crate::domain::message::{MessageKind, MessageState};
use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use diesel::sql_types::{Binary, Bool, Text, Timestamp};

/// Everything about an occasion that its messages hang on, as it is now.
#[derive(Debug, Clone, Queryable)]
pub struct Looked {
    /// The newest link.
    pub link_id: LinkId,
    /// When it was withdrawn.
    pub revoked_at: Option<NaiveDateTime>,
    /// The occasion.
    pub administration: AdministrationRow,
    /// The patient's name; only its first word reaches a mail.
    pub patient: String,
    /// Where to.
    pub email: Option<String>,
    /// When that address was refused.
    pub email_refused_at: Option<NaiveDateTime>,
    /// Language tag on record today.
    pub language: String,
    /// Their IANA zone.
    pub time_zone: String,
    /// The clinic's id.
    pub clinic_id: ClinicId,
    /// The clinic's name.
    pub clinic: String,
    /// The program.
    pub program_id: ProgramId,
    /// Last day of the episode, if it ended.
    pub ended_on: Option<NaiveDate>,
    /// What was said about reaching the patient.
    pub contact: Option<ContactRow>,
    /// Whether any episode of the patient ended with their death.
    pub died: bool,
    /// Whether a message about a newer form of the same person is due too, or left a moment ago.
    pub newer_waits: bool,
}

const DIED: &str = "EXISTS (SELECT 1 FROM episode gone WHERE gone.org_id = administration.org_id \
    AND gone.patient_id = administration.patient_id AND gone.ending = 'died')";
/// Two moments follow: now, and the earliest at which something that left still counts.
const NEWER: &str = "EXISTS (SELECT 1 FROM administration newer JOIN outbox other ON other.org_id = newer.org_id AND other.subject_id = newer.id \
    WHERE newer.org_id = administration.org_id AND newer.patient_id = administration.patient_id AND newer.ended_at IS NULL \
    AND newer.due_at > administration.due_at AND other.kind IN ('invitation', 'reminder') \
    AND (newer.informant_id = administration.informant_id OR (newer.informant_id IS NULL AND administration.informant_id IS NULL)) \
    AND (other.state = 'queued' AND other.not_before <= ";
const NEWER_LEFT: &str = " OR other.state = 'accepted' AND other.ended_at > ";

/// Declares a part of a query that is written out by hand and stays prepared: with diesel's own piece of SQL the whole statement, six tables and all, is planned
/// anew for every message.
macro_rules! written {
    ($(#[$meta:meta])* $name:ident { $($value:ident),* } $first:ident $($place:ident $after:expr),*) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, diesel::query_builder::QueryId)]
        struct $name { $($value: Moment),* }

        impl diesel::expression::Expression for $name {
            type SqlType = Bool;
        }
        impl<T> diesel::expression::AppearsOnTable<T> for $name {}
        impl<T> diesel::expression::SelectableExpression<T> for $name {}
        impl<G> diesel::expression::ValidGrouping<G> for $name {
            type IsAggregate = diesel::expression::is_aggregate::No;
        }
        written!(@on diesel::sqlite::Sqlite, $name, $first $($place $after),*);
        written!(@on diesel::pg::Pg, $name, $first $($place $after),*);
    };
    (@on $engine:ty, $name:ident, $first:ident $($place:ident $after:expr),*) => {
        impl diesel::query_builder::QueryFragment<$engine> for $name {
            fn walk_ast<'b>(&'b self, mut out: diesel::query_builder::AstPass<'_, 'b, $engine>) -> QueryResult<()> {
                out.push_sql($first);
                $(out.push_bind_param::<Timestamp, _>(&self.$place)?; out.push_sql($after);)*
                Ok(())
            }
        }
    };
}

written! {
    /// Whether any episode of the patient ended with their death.
    Died {} DIED
}
written! {
    /// Whether a newer form's message is due, or has left since then.
    NewerWaits { now, since } NEWER now NEWER_LEFT, since "))"
}

/// Looks at everything an occasion's messages hang on.
///
/// # Errors
/// When the database fails.
pub fn look(
    tx: &mut Tx,
    org: OrgId,
    id: AdministrationId,
    now: NaiveDateTime,
) -> Result<Option<Looked>, Fault> {
    let newer = || NewerWaits {
        now: Moment(now),
        since: Moment(now - LATE_AFTER),
    };
    let found: Vec<Looked> = on_engine!(tx, db => link::table
        .inner_join(
            administration::table.on(administration::org_id
                .eq(link::org_id)
                .and(administration::id.eq(link::administration_id))),
        )
        .inner_join(
            patient::table.on(patient::org_id
                .eq(link::org_id)
                .and(patient::id.eq(administration::patient_id))),
        )
        .inner_join(
            episode::table.on(episode::org_id
                .eq(link::org_id)
                .and(episode::id.eq(administration::episode_id))),
        )
        .inner_join(
            clinic::table.on(clinic::org_id
                .eq(link::org_id)
                .and(clinic::id.eq(episode::clinic_id))),
        )
        .left_join(
            contact_preference::table.on(contact_preference::org_id
                .eq(link::org_id)
                .and(contact_preference::patient_id.eq(administration::patient_id))),
        )
        .filter(link::org_id.eq(org).and(link::administration_id.eq(id)))
        // One that still opens before those that do not.
        .order((link::revoked_at.is_not_null(), link::id.desc()))
        .select((
            link::id,
            link::revoked_at,
            administration::all_columns,
            patient::name,
            patient::email,
            patient::email_refused_at,
            patient::language,
            patient::time_zone,
            clinic::id,
            clinic::name,
            episode::program_id,
            episode::ended_on,
            contact_preference::all_columns.nullable(),
            Died {},
            newer(),
        ))
        .load(db))?;
    Ok(found.into_iter().next())
}

/// Notes that the relay took the invitation, and in which language it asked: the pages follow it. A form that was begun stays as it is.
///
/// # Errors
/// When the database fails.
pub fn asked(tx: &mut Tx, org: OrgId, id: AdministrationId, language: &str) -> Result<(), Fault> {
    let asked = Asked { language, org, id };
    on_engine!(tx, db => asked.execute(db))?;
    Ok(())
}

kept! {
    Asked<'a> {
        language: &'a str => Text,
        org: OrgId => Binary,
        id: AdministrationId => Binary,
    }
    "UPDATE administration SET state = 'sent', language = " language " WHERE org_id = " org " AND id = " id; " AND state IN ('planned', 'sent')"
}

/// Brings an occasion to an end and says why, if it is still open. `false` when it had ended already.
///
/// # Errors
/// When the database fails.
pub fn end_because(
    tx: &mut Tx,
    org: OrgId,
    id: AdministrationId,
    state: AdministrationState,
    why: &str,
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

/// The patient's forms that take answers and were not begun, by the patient themselves; oldest first.
///
/// # Errors
/// When the database fails.
pub fn not_begun(
    tx: &mut Tx,
    org: OrgId,
    patient: PatientId,
) -> Result<Vec<AdministrationRow>, Fault> {
    let waiting = [
        AdministrationState::Planned.word(),
        AdministrationState::Sent.word(),
    ];
    // By way of the episodes, which an index finds.
    let episodes = episode::table
        .filter(episode::org_id.eq(org).and(episode::patient_id.eq(patient)))
        .select(episode::id);
    Ok(administration::table
        .filter(
            administration::org_id
                .eq(org)
                .and(administration::episode_id.eq_any(episodes))
                .and(administration::ended_at.is_null())
                .and(administration::informant_id.is_null()),
        )
        .filter(administration::state.eq_any(waiting))
        .order(administration::due_at)
        .load(&mut tx.db)?)
}

/// Takes back what waits about one occasion. A worker that holds one of them cannot end it any more.
///
/// # Errors
/// When the database fails.
pub fn take_back(
    tx: &mut Tx,
    org: OrgId,
    id: AdministrationId,
    why: &str,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    diesel::update(
        outbox::table.filter(
            outbox::org_id
                .eq(org)
                .and(outbox::subject_id.eq(id.bytes().to_vec()))
                .and(outbox::ended_at.is_null()),
        ),
    )
    .set((
        outbox::state.eq(MessageState::Withdrawn.word()),
        outbox::last_error.eq(why),
        outbox::ended_at.eq(now),
        outbox::lease_until.eq(None::<NaiveDateTime>),
        outbox::fence.eq(outbox::fence + 1),
    ))
    .execute(&mut tx.db)?;
    Ok(())
}

/// Lets what a pause held be looked at again now; another pause that still holds holds it again.
///
/// # Errors
/// When the database fails.
pub fn release(tx: &mut Tx, permit: &Permit, now: NaiveDateTime) -> Result<usize, Fault> {
    Ok(diesel::update(
        outbox::table.filter(
            outbox::org_id
                .eq(permit.org())
                .and(outbox::ended_at.is_null())
                .and(outbox::last_error.like(format!("{}%", Held::PAUSED))),
        ),
    )
    .set(outbox::not_before.eq(now))
    .execute(&mut tx.db)?)
}

/// Lets what waits for somebody to read answers be looked at again now: who reads when has changed.
///
/// # Errors
/// When the database fails.
pub fn release_unread(tx: &mut Tx, org: OrgId, now: NaiveDateTime) -> Result<usize, Fault> {
    let words = Held::OF_READING.map(|held| held.to_string());
    Ok(diesel::update(
        outbox::table.filter(
            outbox::org_id
                .eq(org)
                .and(outbox::ended_at.is_null())
                .and(outbox::not_before.gt(now))
                .and(outbox::last_error.eq_any(words)),
        ),
    )
    .set(outbox::not_before.eq(now))
    .execute(&mut tx.db)?)
}

/// How many messages a pause holds at present.
///
/// # Errors
/// When the database fails.
pub fn held_by_pauses(tx: &mut Tx, permit: &Permit) -> Result<i64, Fault> {
    Ok(outbox::table
        .filter(
            outbox::org_id
                .eq(permit.org())
                .and(outbox::ended_at.is_null())
                .and(outbox::last_error.like(format!("{}%", Held::PAUSED))),
        )
        .count()
        .get_result(&mut tx.db)?)
}

/// Whether a reminder of this number about an occasion was ever written down.
///
/// # Errors
/// When the database fails.
pub fn has_reminder(
    tx: &mut Tx,
    org: OrgId,
    id: AdministrationId,
    number: i32,
) -> Result<bool, Fault> {
    let found: i64 = on_engine!(tx, db => outbox::table
        .filter(
            outbox::org_id
                .eq(org)
                .and(outbox::subject_id.eq(id.bytes().to_vec())),
        )
        .filter(
            outbox::kind
                .eq(MessageKind::Reminder.word())
                .and(outbox::number.ge(number))
                .and(outbox::state.ne(MessageState::Withdrawn.word())),
        )
        .count()
        .get_result(db))?;
    Ok(found > 0)
}

//! Messages on their way out: written with what causes them, claimed under a lease, ended by what the relay said.

use super::engine::on_engine;
use super::kept::kept;
use super::schema::outbox;
use super::{Fault, Moment, Tx};
use crate::domain::ids::{Id, OrgId, OutboxId};
use crate::domain::message::{MessageKind, MessageState};
use crate::domain::words::words;
use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use diesel::sql_types::{Binary, Integer, Nullable, Text, Timestamp};

/// How long a claimed message belongs to the worker that claimed it. Longer than any conversation with a relay may take.
pub const LEASE: TimeDelta = TimeDelta::minutes(5);

/// A message on its way out.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = outbox)]
pub struct OutboxRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id; also makes the Message-ID, so that a repeated send is recognisable.
    pub id: OutboxId,
    /// A [`MessageKind`]'s word.
    pub kind: String,
    /// The administration, flag or account it is about.
    pub subject_id: Vec<u8>,
    /// The patient or member of staff it goes to.
    pub recipient_id: Vec<u8>,
    /// A [`MessageState`]'s word.
    pub state: String,
    /// Not before this instant, UTC.
    pub not_before: NaiveDateTime,
    /// How many times it was tried.
    pub attempts: i32,
    /// Until when a worker holds it.
    pub lease_until: Option<NaiveDateTime>,
    /// Grows with each claim: a worker whose lease ran out cannot end what another one claimed.
    pub fence: i32,
    /// What the last failed attempt ended with; why it was held or withdrawn.
    pub last_error: Option<String>,
    /// When it was written.
    pub created_at: NaiveDateTime,
    /// When it was ended.
    pub ended_at: Option<NaiveDateTime>,
    /// A [`Lane`]'s word.
    pub lane: String,
    /// Which reminder it is, from 1; 0 for everything else.
    pub number: i32,
}

impl OutboxRow {
    /// What it is about: a form, a flag, or whatever its kind says.
    ///
    /// # Errors
    /// When the row holds no id.
    pub fn about<K>(&self) -> Result<Id<K>, Fault> {
        id_of(&self.subject_id)
    }

    /// To whom it goes: a patient or somebody of the staff, as its kind says.
    ///
    /// # Errors
    /// When the row holds no id.
    pub fn recipient<K>(&self) -> Result<Id<K>, Fault> {
        id_of(&self.recipient_id)
    }

    /// A message that is to leave as soon as `not_before` has come.
    pub fn queued(
        org_id: OrgId,
        id: OutboxId,
        kind: MessageKind,
        subject: &[u8; 16],
        recipient: &[u8; 16],
        not_before: NaiveDateTime,
        now: NaiveDateTime,
    ) -> Self {
        OutboxRow {
            org_id,
            id,
            kind: kind.word().to_owned(),
            subject_id: subject.to_vec(),
            recipient_id: recipient.to_vec(),
            state: MessageState::Queued.word().to_owned(),
            not_before,
            attempts: 0,
            lease_until: None,
            fence: 0,
            last_error: None,
            created_at: now,
            ended_at: None,
            lane: Lane::of(kind).word().to_owned(),
            number: 0,
        }
    }
}

fn id_of<K>(bytes: &[u8]) -> Result<Id<K>, Fault> {
    Id::from_bytes(bytes).ok_or_else(|| Fault::Corrupt("an id in the outbox".into()))
}

/// Writes a message down.
///
/// # Errors
/// When the database fails.
pub fn add(tx: &mut Tx, row: &OutboxRow) -> Result<(), Fault> {
    let add = Add {
        org_id: &row.org_id,
        id: &row.id,
        kind: &row.kind,
        subject_id: &row.subject_id,
        recipient_id: &row.recipient_id,
        state: &row.state,
        not_before: Moment(row.not_before),
        attempts: row.attempts,
        lease_until: row.lease_until.map(Moment),
        fence: row.fence,
        last_error: row.last_error.as_deref(),
        created_at: Moment(row.created_at),
        ended_at: row.ended_at.map(Moment),
        lane: &row.lane,
        number: row.number,
    };
    on_engine!(tx, db => add.execute(db))?;
    Ok(())
}

kept! {
    Add<'a> {
        org_id: &'a OrgId => Binary, id: &'a OutboxId => Binary, kind: &'a str => Text, subject_id: &'a [u8] => Binary,
        recipient_id: &'a [u8] => Binary, state: &'a str => Text, not_before: Moment => Timestamp, attempts: i32 => Integer,
        lease_until: Option<Moment> => Nullable<Timestamp>, fence: i32 => Integer, last_error: Option<&'a str> => Nullable<Text>,
        created_at: Moment => Timestamp, ended_at: Option<Moment> => Nullable<Timestamp>, lane: &'a str => Text, number: i32 => Integer,
    }
    "INSERT INTO outbox (org_id, id, kind, subject_id, recipient_id, state, not_before, attempts, lease_until, fence, last_error, created_at, ended_at, lane, number) VALUES (" org_id ", " id ", " kind ", " subject_id ", " recipient_id ", " state ", " not_before ", " attempts ", " lease_until ", " fence ", " last_error ", " created_at ", " ended_at ", " lane ", " number ; ")"
}

/// Claims due messages of one kind of lane: flag notices have their own, so that they never wait behind invitations.
///
/// # Errors
/// When the database fails.
pub fn claim(
    tx: &mut Tx,
    org: OrgId,
    lane: Lane,
    now: NaiveDateTime,
    most: i64,
) -> Result<Vec<OutboxRow>, Fault> {
    tx.lock_turn(lane.turn())?;
    let mut rows: Vec<OutboxRow> = outbox::table
        .filter(
            outbox::ended_at
                .is_null()
                .and(outbox::lane.eq(lane.word()))
                .and(outbox::not_before.le(now)),
        )
        .filter(
            outbox::org_id.eq(org).and(
                outbox::lease_until
                    .is_null()
                    .or(outbox::lease_until.lt(now)),
            ),
        )
        .order((outbox::not_before, outbox::id))
        .limit(most)
        .load(&mut tx.db)?;
    if lane == Lane::Notices {
        rows.extend(gone_astray(tx, org, now, most)?);
    }
    let until = now + LEASE;
    let ids: Vec<OutboxId> = rows.iter().map(|row| row.id).collect();
    for ids in ids.chunks(IDS_MOST) {
        diesel::update(outbox::table.filter(outbox::org_id.eq(org).and(outbox::id.eq_any(ids))))
            .set((
                outbox::fence.eq(outbox::fence + 1),
                outbox::attempts.eq(outbox::attempts + 1),
                outbox::lease_until.eq(until),
            ))
            .execute(&mut tx.db)?;
    }
    for row in &mut rows {
        row.fence += 1;
        row.attempts += 1;
        row.lease_until = Some(until);
    }
    Ok(rows)
}

/// Notices that a clock which was ahead put off, or a worker under such a clock holds: no notice waits so long, and nobody would hear of the flag until the clock is there again.
fn gone_astray(
    tx: &mut Tx,
    org: OrgId,
    now: NaiveDateTime,
    most: i64,
) -> Result<Vec<OutboxRow>, Fault> {
    let free = outbox::lease_until
        .is_null()
        .or(outbox::lease_until.lt(now));
    let put_off = outbox::not_before.gt(now + NOTICE_FARTHEST).and(free);
    Ok(outbox::table
        .filter(
            outbox::ended_at
                .is_null()
                .and(outbox::lane.eq(Lane::Notices.word()))
                .and(outbox::org_id.eq(org)),
        )
        .filter(put_off.or(outbox::lease_until.gt(now + NOTICE_FARTHEST)))
        .order((outbox::created_at, outbox::id))
        .limit(most)
        .load(&mut tx.db)?)
}

/// No notice is put off, and none is held, for longer than this by a clock that is right: the longest wait between two tries and a lease are five minutes each.
const NOTICE_FARTHEST: TimeDelta = TimeDelta::minutes(6);

/// So many ids stand in one statement.
const IDS_MOST: usize = 200;

words! {
    /// Which messages a worker takes. Each lane has its own workers, so that nothing urgent stands behind a backlog.
    Lane {
        /// Notices to staff about flags alone.
        Notices = "notices",
        /// Every other mail.
        Mails = "mails",
        /// Text messages.
        Texts = "texts",
    }
}

impl Lane {
    /// The lane of a mail of this kind.
    pub fn of(kind: MessageKind) -> Lane {
        if kind.is_notice() {
            Lane::Notices
        } else {
            Lane::Mails
        }
    }

    fn turn(self) -> i32 {
        match self {
            Lane::Notices => 2,
            Lane::Mails => 3,
            Lane::Texts => 5,
        }
    }
}

kept! {
    /// Ends a message that the worker with this fence still holds.
    End<'a> {
        state: &'a str => Text,
        error: Option<&'a str> => Nullable<Text>,
        at: Moment => Timestamp,
        org: OrgId => Binary,
        id: OutboxId => Binary,
        fence: i32 => Integer,
    }
    "UPDATE outbox SET lease_until = NULL, state = " state ", last_error = " error ", ended_at = " at
    " WHERE org_id = " org " AND id = " id " AND fence = " fence; " AND ended_at IS NULL"
}

/// Ends a message, if this worker still holds it. `false` when another worker does.
///
/// # Errors
/// When the database fails.
pub fn end(
    tx: &mut Tx,
    row: &OutboxRow,
    state: MessageState,
    error: Option<&str>,
    now: NaiveDateTime,
) -> Result<bool, Fault> {
    let end = End {
        state: state.word(),
        error,
        at: Moment(now),
        org: row.org_id,
        id: row.id,
        fence: row.fence,
    };
    let ended = on_engine!(tx, db => end.execute(db))?;
    Ok(ended == 1)
}

/// Puts a message back for another try, if this worker still holds it. `false` when another worker does.
///
/// # Errors
/// When the database fails.
pub fn postpone(
    tx: &mut Tx,
    row: &OutboxRow,
    until: NaiveDateTime,
    error: &str,
) -> Result<bool, Fault> {
    let back = diesel::update(held(row))
        .set((
            outbox::not_before.eq(until),
            outbox::last_error.eq(error),
            outbox::lease_until.eq(None::<NaiveDateTime>),
        ))
        .execute(&mut tx.db)?;
    Ok(back == 1)
}

/// Puts a message back that was not tried, if this worker still holds it: the waits between its tries do not grow. `false` when another worker does.
///
/// # Errors
/// When the database fails.
pub fn put_back(
    tx: &mut Tx,
    row: &OutboxRow,
    until: NaiveDateTime,
    why: &str,
) -> Result<bool, Fault> {
    let back = diesel::update(held(row))
        .set((
            outbox::not_before.eq(until),
            outbox::last_error.eq(why),
            outbox::attempts.eq(row.attempts - 1),
            outbox::lease_until.eq(None::<NaiveDateTime>),
        ))
        .execute(&mut tx.db)?;
    Ok(back == 1)
}

#[diesel::dsl::auto_type(no_type_alias)]
fn held(row: &OutboxRow) -> _ {
    let (org, id, fence): (OrgId, OutboxId, i32) = (row.org_id, row.id, row.fence);
    outbox::table.filter(
        outbox::org_id
            .eq(org)
            .and(outbox::id.eq(id))
            .and(outbox::fence.eq(fence))
            .and(outbox::ended_at.is_null()),
    )
}

/// Takes every lease back: whoever held one is known to be gone. Says how many there were.
///
/// # Errors
/// When the database fails.
pub fn release_all(tx: &mut Tx, org: OrgId) -> Result<usize, Fault> {
    Ok(diesel::update(
        outbox::table.filter(
            outbox::org_id
                .eq(org)
                .and(outbox::ended_at.is_null())
                .and(outbox::lease_until.is_not_null()),
        ),
    )
    .set((
        outbox::lease_until.eq(None::<NaiveDateTime>),
        outbox::fence.eq(outbox::fence + 1),
    ))
    .execute(&mut tx.db)?)
}

/// One message.
///
/// # Errors
/// When the database fails.
pub fn by_id(tx: &mut Tx, org: OrgId, id: OutboxId) -> Result<Option<OutboxRow>, Fault> {
    Ok(outbox::table
        .find((org, id))
        .get_result(&mut tx.db)
        .optional()?)
}

/// A message came back: it ends as bounced wherever it stood, and no worker that still holds it can end it otherwise. `false` when it was withdrawn,
/// refused or had come back before.
///
/// # Errors
/// When the database fails.
pub fn bounce(
    tx: &mut Tx,
    row: &OutboxRow,
    words: &str,
    now: NaiveDateTime,
) -> Result<bool, Fault> {
    let left = [
        MessageState::Queued,
        MessageState::Accepted,
        MessageState::Unknown,
    ];
    let changed = diesel::update(
        outbox::table.filter(
            outbox::org_id
                .eq(row.org_id)
                .and(outbox::id.eq(row.id))
                .and(outbox::state.eq_any(left.map(MessageState::word))),
        ),
    )
    .set((
        outbox::state.eq(MessageState::Bounced.word()),
        outbox::last_error.eq(words),
        outbox::fence.eq(outbox::fence + 1),
        outbox::lease_until.eq(None::<NaiveDateTime>),
        outbox::ended_at.eq(now),
    ))
    .execute(&mut tx.db)?;
    Ok(changed == 1)
}

/// Puts a message into another lane, due now, if this worker still holds it. No attempt is counted.
///
/// # Errors
/// When the database fails.
pub fn change_lane(
    tx: &mut Tx,
    row: &OutboxRow,
    lane: Lane,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    if put_back(tx, row, now, "goes by another channel")? {
        diesel::update(outbox::table.find((row.org_id, row.id)))
            .set(outbox::lane.eq(lane.word()))
            .execute(&mut tx.db)?;
    }
    Ok(())
}

/// Whether a newer message of the same kind about the same thing waits for the same person.
///
/// # Errors
/// When the database fails.
pub fn is_overtaken(tx: &mut Tx, row: &OutboxRow, now: NaiveDateTime) -> Result<bool, Fault> {
    let newer: i64 = outbox::table
        .filter(
            outbox::org_id
                .eq(row.org_id)
                .and(outbox::subject_id.eq(&row.subject_id))
                .and(outbox::recipient_id.eq(&row.recipient_id))
                .and(outbox::kind.eq(&row.kind))
                .and(outbox::ended_at.is_null())
                // What a wrong clock put off overtakes nothing.
                .and(outbox::not_before.le(now + NOTICE_FARTHEST))
                .and(outbox::id.gt(row.id)),
        )
        .count()
        .get_result(&mut tx.db)?;
    Ok(newer > 0)
}

/// The messages about one thing, newest first.
///
/// # Errors
/// When the database fails.
pub fn about(tx: &mut Tx, org: OrgId, subject: &[u8]) -> Result<Vec<OutboxRow>, Fault> {
    Ok(outbox::table
        .filter(outbox::org_id.eq(org).and(outbox::subject_id.eq(subject)))
        .order(outbox::id.desc())
        .load(&mut tx.db)?)
}

/// Whether a newer invitation about the same form was written since: the patient was reached in another way by then.
///
/// # Errors
/// When the database fails.
pub fn is_asked_again(tx: &mut Tx, row: &OutboxRow) -> Result<bool, Fault> {
    let newer = about(tx, row.org_id, &row.subject_id)?
        .into_iter()
        .any(|other| other.kind == MessageKind::Invitation.word() && other.id > row.id);
    Ok(newer)
}

/// Notices to staff that have not left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsentNotices {
    /// How many wait since before the moment that was asked about.
    pub count: i64,
    /// Since when the oldest of them waits, UTC.
    pub oldest: NaiveDateTime,
}

/// The notices that were written so long ago and have not left, or under a clock that was ahead, so that nobody knows since when; `None` when there are none.
///
/// # Errors
/// When the database fails.
pub fn notices_unsent(
    tx: &mut Tx,
    org: OrgId,
    now: NaiveDateTime,
    waits: TimeDelta,
) -> Result<Option<UnsentNotices>, Fault> {
    let before = now - waits;
    use diesel::dsl::{count_star, min};
    let (count, oldest): (i64, Option<NaiveDateTime>) = outbox::table
        .filter(
            outbox::ended_at
                .is_null()
                .and(outbox::lane.eq(Lane::Notices.word()))
                .and(outbox::org_id.eq(org))
                .and(
                    outbox::created_at
                        .lt(before)
                        .or(outbox::created_at.gt(now + waits)),
                ),
        )
        .select((count_star(), min(outbox::created_at)))
        .get_result(&mut tx.db)?;
    Ok(oldest.map(|oldest| UnsentNotices {
        count,
        oldest: oldest.min(before),
    }))
}

/// How much stands in the outbox, for whoever runs the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Messages that wait to be sent or to be tried again.
    pub queued: i64,
    /// Since when the oldest of them waits, UTC.
    pub oldest: Option<NaiveDateTime>,
    /// Messages that the relay refused for good.
    pub refused: i64,
}

/// Counts what waits and what was refused.
///
/// # Errors
/// When the database fails.
pub fn standing(tx: &mut Tx, org: OrgId) -> Result<Standing, Fault> {
    let of = |state: MessageState| {
        outbox::table.filter(outbox::org_id.eq(org).and(outbox::state.eq(state.word())))
    };
    let queued = of(MessageState::Queued).count().get_result(&mut tx.db)?;
    let oldest = of(MessageState::Queued)
        .order(outbox::created_at)
        .select(outbox::created_at)
        .first(&mut tx.db)
        .optional()?;
    let refused = of(MessageState::Refused).count().get_result(&mut tx.db)?;
    Ok(Standing {
        queued,
        oldest,
        refused,
    })
}

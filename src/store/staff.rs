//! People who work here: accounts, clinics, sign-ins and one-time set-up links.

use super::engine::on_engine;
use super::schema::{outbox, setup_link, sign_in, staff, staff_clinic};
use super::{Fault, Tx};
use crate::domain::access::{Licence, Permit, Role, StaffActor};
use crate::domain::ids::{ClinicId, OrgId, StaffId};
use crate::domain::message::MessageKind;
use crate::domain::risk::{Candidate, Standing, Supervision};
use crate::domain::words::words;
use chrono::NaiveDateTime;
use diesel::prelude::*;

words! {
    /// Where an account stands.
    StaffState {
        /// Has a set-up link, no password yet.
        Invited = "invited",
        /// May sign in.
        Active = "active",
        /// May not sign in any more.
        Disabled = "disabled",
    }
}

/// An account.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = staff)]
pub struct StaffRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: StaffId,
    /// Address, lower case; also the name to sign in with.
    pub email: String,
    /// Name as colleagues and patients read it.
    pub name: String,
    /// A [`Role`]'s word.
    pub role: String,
    /// Licence to practise, if any.
    pub licence: Option<String>,
    /// A [`StaffState`]'s word.
    pub state: String,
    /// Argon2id hash of the password.
    pub password_hash: Option<String>,
    /// Since when.
    pub created_at: NaiveDateTime,
}

/// The account with this address, whatever its state.
///
/// # Errors
/// When the database fails.
pub fn by_email(tx: &mut Tx, email: &str) -> Result<Option<StaffRow>, Fault> {
    Ok(staff::table
        .filter(staff::email.eq(email))
        .get_result(&mut tx.db)
        .optional()?)
}

/// The account with this id.
///
/// # Errors
/// When there is none, or the database fails.
pub fn by_id(tx: &mut Tx, org: OrgId, id: StaffId) -> Result<StaffRow, Fault> {
    Ok(staff::table.find((org, id)).get_result(&mut tx.db)?)
}

/// All accounts, by name.
///
/// # Errors
/// When the database fails.
pub fn all(tx: &mut Tx, org: OrgId) -> Result<Vec<StaffRow>, Fault> {
    Ok(staff::table
        .filter(staff::org_id.eq(org))
        .order(staff::name)
        .load(&mut tx.db)?)
}

/// Adds an account with its clinics.
///
/// # Errors
/// When the address is taken, or the database fails.
pub fn add(tx: &mut Tx, row: &StaffRow, clinics: &[ClinicId]) -> Result<(), Fault> {
    diesel::insert_into(staff::table)
        .values(row)
        .execute(&mut tx.db)?;
    for &clinic in clinics {
        add_to_clinic(tx, row.org_id, row.id, clinic)?;
    }
    Ok(())
}

/// Lets somebody work in a clinic.
///
/// # Errors
/// When they already do, or the database fails.
pub fn add_to_clinic(tx: &mut Tx, org: OrgId, id: StaffId, clinic: ClinicId) -> Result<(), Fault> {
    diesel::insert_into(staff_clinic::table)
        .values((
            staff_clinic::org_id.eq(org),
            staff_clinic::staff_id.eq(id),
            staff_clinic::clinic_id.eq(clinic),
        ))
        .execute(&mut tx.db)?;
    Ok(())
}

/// The clinics somebody works in.
///
/// # Errors
/// When the database fails.
pub fn clinics_of(tx: &mut Tx, org: OrgId, id: StaffId) -> Result<Vec<ClinicId>, Fault> {
    Ok(staff_clinic::table
        .filter(
            staff_clinic::org_id
                .eq(org)
                .and(staff_clinic::staff_id.eq(id)),
        )
        .select(staff_clinic::clinic_id)
        .load(&mut tx.db)?)
}

/// Sets a password and makes the account active; ends every other sign-in of that person. `false`: the account is disabled, for good.
///
/// # Errors
/// When the database fails.
pub fn set_password(tx: &mut Tx, org: OrgId, id: StaffId, hash: &str) -> Result<bool, Fault> {
    let active = staff::state.ne(StaffState::Disabled.word());
    let set = diesel::update(staff::table.find((org, id)).filter(active))
        .set((
            staff::password_hash.eq(hash),
            staff::state.eq(StaffState::Active.word()),
        ))
        .execute(&mut tx.db)?;
    end_sign_ins_of(tx, org, id)?;
    Ok(set == 1)
}

/// Among [`Tx::lock_turn`]'s numbers.
const LEAVING_TURN: i32 = 23;

/// Lets only one transaction of all nodes take somebody's account away at a time: two at once would each count on the other's being there.
///
/// # Errors
/// When the database fails.
pub fn take_turn_leaving(tx: &mut Tx) -> Result<(), Fault> {
    tx.lock_turn(LEAVING_TURN)
}

/// Changes what is known of somebody.
///
/// # Errors
/// When the database fails.
pub fn change(
    tx: &mut Tx,
    (org, id): (OrgId, StaffId),
    name: &str,
    licence: Option<&str>,
) -> Result<(), Fault> {
    diesel::update(staff::table.find((org, id)))
        .set((staff::name.eq(name), staff::licence.eq(licence)))
        .execute(&mut tx.db)?;
    Ok(())
}

/// Lets somebody work in a clinic no more.
///
/// # Errors
/// When the database fails.
pub fn leave_clinic(tx: &mut Tx, org: OrgId, id: StaffId, clinic: ClinicId) -> Result<(), Fault> {
    diesel::delete(staff_clinic::table.find((org, id, clinic))).execute(&mut tx.db)?;
    Ok(())
}

/// Sets an account's state; leaving `active` ends every sign-in of that person at once.
///
/// # Errors
/// When the database fails.
pub fn set_state(tx: &mut Tx, org: OrgId, id: StaffId, state: StaffState) -> Result<(), Fault> {
    diesel::update(staff::table.find((org, id)))
        .set(staff::state.eq(state.word()))
        .execute(&mut tx.db)?;
    end_sign_ins_of(tx, org, id)
}

fn end_sign_ins_of(tx: &mut Tx, org: OrgId, id: StaffId) -> Result<(), Fault> {
    diesel::delete(sign_in::table.filter(sign_in::org_id.eq(org).and(sign_in::staff_id.eq(id))))
        .execute(&mut tx.db)?;
    Ok(())
}

/// Everybody, as possible owners of a flag. Read with each crisis answer, so no more of an account than says whether its person may be one.
///
/// # Errors
/// When the database fails.
pub fn candidates(tx: &mut Tx, org: OrgId) -> Result<Vec<Candidate>, Fault> {
    let rows: Vec<(Eligibility, Option<ClinicId>)> = on_engine!(tx, db => staff::table
        .left_join(
            staff_clinic::table.on(staff_clinic::org_id
                .eq(staff::org_id)
                .and(staff_clinic::staff_id.eq(staff::id))),
        )
        .filter(staff::org_id.eq(org))
        .order((staff::name, staff::id))
        .select((
            (staff::id, staff::role, staff::licence, staff::state),
            staff_clinic::clinic_id.nullable(),
        ))
        .load(db))?;
    let mut people: Vec<Candidate> = vec![];
    for (person, clinic) in rows {
        // One row for each place where somebody works; a person's rows come together.
        match people.last_mut().filter(|last| last.id == person.id) {
            Some(known) => known.clinics.extend(clinic),
            None => people.push(candidate(person, clinic.into_iter().collect())?),
        }
    }
    Ok(people)
}

/// What of an account says whether its person may own a flag.
#[derive(Queryable)]
struct Eligibility {
    id: StaffId,
    role: String,
    licence: Option<String>,
    state: String,
}

fn candidate(person: Eligibility, clinics: Vec<ClinicId>) -> Result<Candidate, Fault> {
    let role: Role = person.role.parse()?;
    let clinical = matches!(role, Role::Therapist | Role::Supervisor);
    let eligible =
        clinical && person.licence.is_some() && person.state == StaffState::Active.word();
    Ok(Candidate {
        id: person.id,
        standing: if eligible {
            Standing::Eligible
        } else {
            Standing::Ineligible
        },
        answers_for_queue: if role == Role::Supervisor {
            Supervision::Supervises
        } else {
            Supervision::DoesNot
        },
        clinics,
    })
}

/// A sign-in that is still known, with the person behind it.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// When it began, UTC.
    pub created_at: NaiveDateTime,
    /// When it was last used, UTC, to the minute.
    pub seen_at: NaiveDateTime,
    /// The person.
    pub actor: StaffActor,
    /// Their name, for the page head.
    pub name: String,
}

/// Remembers a sign-in by the hash of its secret.
///
/// # Errors
/// When the database fails.
pub fn begin_sign_in(
    tx: &mut Tx,
    org: OrgId,
    id: StaffId,
    hash: &[u8],
    now: NaiveDateTime,
) -> Result<(), Fault> {
    diesel::insert_into(sign_in::table)
        .values((
            sign_in::secret_hash.eq(hash),
            sign_in::org_id.eq(org),
            sign_in::staff_id.eq(id),
            sign_in::created_at.eq(now),
            sign_in::seen_at.eq(now),
        ))
        .execute(&mut tx.db)?;
    Ok(())
}

/// The sign-in with this hash, if its person is still active.
///
/// # Errors
/// When the database fails.
pub fn sign_in_by(tx: &mut Tx, hash: &[u8]) -> Result<Option<SignIn>, Fault> {
    type Found = (NaiveDateTime, NaiveDateTime, StaffRow);
    let found: Option<Found> = sign_in::table
        .inner_join(
            staff::table.on(staff::org_id
                .eq(sign_in::org_id)
                .and(staff::id.eq(sign_in::staff_id))),
        )
        .filter(
            sign_in::secret_hash
                .eq(hash)
                .and(staff::state.eq(StaffState::Active.word())),
        )
        .select((sign_in::created_at, sign_in::seen_at, staff::all_columns))
        .get_result(&mut tx.db)
        .optional()?;
    let Some((created_at, seen_at, row)) = found else {
        return Ok(None);
    };
    let clinics = clinics_of(tx, row.org_id, row.id)?;
    let actor = StaffActor {
        org: row.org_id,
        id: row.id,
        role: row.role.parse()?,
        licence: row.licence.map(Licence),
        clinics,
    };
    Ok(Some(SignIn {
        created_at,
        seen_at,
        actor,
        name: row.name,
    }))
}

/// Notes that a sign-in was used.
///
/// # Errors
/// When the database fails.
pub fn touch_sign_in(tx: &mut Tx, hash: &[u8], now: NaiveDateTime) -> Result<(), Fault> {
    diesel::update(sign_in::table.find(hash))
        .set(sign_in::seen_at.eq(now))
        .execute(&mut tx.db)?;
    Ok(())
}

/// Ends a sign-in.
///
/// # Errors
/// When the database fails.
pub fn end_sign_in(tx: &mut Tx, hash: &[u8]) -> Result<(), Fault> {
    diesel::delete(sign_in::table.find(hash)).execute(&mut tx.db)?;
    Ok(())
}

/// A one-time link: to set a password (with a person) or to make the first administrator (without).
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = setup_link)]
pub struct SetupLinkRow {
    /// SHA-256 of the secret in the link.
    pub secret_hash: Vec<u8>,
    /// Organisation.
    pub org_id: OrgId,
    /// Whose password it sets; `None` for the first administrator.
    pub staff_id: Option<StaffId>,
    /// When it was made.
    pub created_at: NaiveDateTime,
    /// Until when it works.
    pub expires_at: NaiveDateTime,
    /// When it was used, if it was.
    pub used_at: Option<NaiveDateTime>,
}

/// Keeps a set-up link.
///
/// # Errors
/// When the database fails.
pub fn add_setup_link(tx: &mut Tx, row: &SetupLinkRow) -> Result<(), Fault> {
    diesel::insert_into(setup_link::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// The set-up link with this hash.
///
/// # Errors
/// When the database fails.
pub fn setup_link_by(tx: &mut Tx, hash: &[u8]) -> Result<Option<SetupLinkRow>, Fault> {
    Ok(setup_link::table
        .find(hash)
        .get_result(&mut tx.db)
        .optional()?)
}

/// The set-up links whose mail has not left, each with the id that its secret is derived from.
///
/// # Errors
/// When the database fails.
pub fn setup_links_to_send(
    tx: &mut Tx,
    permit: &Permit,
) -> Result<Vec<(Vec<u8>, SetupLinkRow)>, Fault> {
    Ok(outbox::table
        .inner_join(
            setup_link::table.on(setup_link::org_id
                .eq(outbox::org_id)
                .and(setup_link::staff_id.eq(outbox::recipient_id.nullable()))
                // Both were written at once.
                .and(setup_link::created_at.eq(outbox::created_at))),
        )
        .filter(outbox::org_id.eq(permit.org()))
        .filter(outbox::kind.eq(MessageKind::StaffSetup.word()))
        .filter(outbox::ended_at.is_null())
        .filter(setup_link::used_at.is_null())
        .select((outbox::subject_id, setup_link::all_columns))
        .load(&mut tx.db)?)
}

/// Uses a set-up link up, and with it every other that is for the same: of several that were asked for, none is left lying in a mailbox or a log. `false` when somebody
/// else was faster.
///
/// # Errors
/// When the database fails.
pub fn use_setup_link(tx: &mut Tx, link: &SetupLinkRow, now: NaiveDateTime) -> Result<bool, Fault> {
    let unused = setup_link::table
        .filter(setup_link::org_id.eq(link.org_id))
        .filter(setup_link::used_at.is_null());
    let mut alike: Vec<Vec<u8>> = match link.staff_id {
        Some(id) => unused
            .filter(setup_link::staff_id.eq(id))
            .select(setup_link::secret_hash)
            .load(&mut tx.db)?,
        None => unused
            .filter(setup_link::staff_id.is_null())
            .select(setup_link::secret_hash)
            .load(&mut tx.db)?,
    };
    alike.retain(|hash| *hash != link.secret_hash);
    for hash in &alike {
        mark_used(tx, hash, now)?;
    }
    mark_used(tx, &link.secret_hash, now)
}

fn mark_used(tx: &mut Tx, hash: &[u8], now: NaiveDateTime) -> Result<bool, Fault> {
    let used = diesel::update(
        setup_link::table.filter(
            setup_link::secret_hash
                .eq(hash)
                .and(setup_link::used_at.is_null()),
        ),
    )
    .set(setup_link::used_at.eq(now))
    .execute(&mut tx.db)?;
    Ok(used == 1)
}

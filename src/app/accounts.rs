//! Accounts: the first administrator, invitations, passwords, signing in and out. Passwords are hashed with argon2id, a few at a time on threads of their
//! own, so that a flood of sign-ins cannot starve a patient's answers.

use super::escalate::hand_over_flags_of;
use super::link::Token;
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Role, StaffActor, Subject, decide};
use crate::domain::evaluation::Grid;
use crate::domain::ids::{ClinicId, Id, OrgId, StaffId};
use crate::domain::message::MessageKind;
use crate::store::organisation::{self, OrganisationRow};
use crate::store::outbox::{self, OutboxRow};
use crate::store::staff::{self, SetupLinkRow, StaffRow, StaffState};
use crate::store::{Fault, Seal, Tx, audit, fresh};
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use chrono::{NaiveDateTime, TimeDelta};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use tokio::sync::Semaphore;

/// Fewest characters of a password while it stands alone (NIST SP 800-63B-4).
pub const PASSWORD_LEAST: usize = 15;
/// Most characters of a password that are taken.
pub const PASSWORD_MOST: usize = 256;
/// Hours for which a set-up link works.
pub const SETUP_HOURS: i64 = 48;

/// Why an account was not made, changed or entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The address is taken.
    Taken,
    /// The address is none.
    Address,
    /// The name is empty or too long.
    Name,
    /// Too short or too long.
    Password,
    /// One of the passwords everybody tries.
    CommonPassword,
    /// Unknown, used or too old.
    Link,
    /// Address and password do not belong together.
    NoMatch,
    /// No such clinic.
    Clinic,
    /// Therapists and supervisors work in at least one clinic.
    NoClinic,
    /// No such account.
    NoAccount,
    /// It is the last administrator.
    LastAdministrator,
    /// It is the last licensed clinician while flags can come in.
    LastLicensed,
    /// They care for patients in a clinic that they are to leave.
    HasPatients,
    /// Whoever is to care for the patients does not work in that clinic, or has left.
    NoColleague,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Refusal::Taken => "There is an account with this address already.",
            Refusal::Address => "This is not an e-mail address. Write it like name@example.org.",
            Refusal::Name => "Write a name of 1 to 200 characters.",
            Refusal::Password => "Choose a password of 15 to 256 characters. Several words in a row are fine.",
            Refusal::CommonPassword => "This password is easy to guess. Choose another one.",
            Refusal::Link => "This link is no longer good. Ask your administrator for a new one.",
            Refusal::NoMatch => "Address and password do not belong together. Try again.",
            Refusal::Clinic => "There is no such clinic.",
            Refusal::NoClinic => "Therapists and supervisors work in at least one clinic. Name one.",
            Refusal::NoAccount => "There is no such account.",
            Refusal::LastAdministrator => "This is the last administrator. Add another one first.",
            Refusal::LastLicensed => "This is the last licensed clinician. Add another one first, so that flags have an owner.",
            Refusal::NoColleague => "Choose a clinician who works in that clinic.",
            Refusal::HasPatients => "They care for patients in a clinic that is not chosen here. Give these patients to a colleague first.",
        })
    }
}

/// How many passwords are hashed at once.
static HASHING: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(2));

/// Words that a password must not be made of.
const COMMON: &[&str] = &[
    "password",
    "passwort",
    "qwerty",
    "letmein",
    "123456",
    "attune",
    "welcome",
    "iloveyou",
    "administrator",
];

/// Hashes a password that is good enough.
///
/// # Errors
/// Refuses short, long and common passwords.
pub fn hash_password(password: &str) -> Result<String, Refusal> {
    let length = password.chars().count();
    if !(PASSWORD_LEAST..=PASSWORD_MOST).contains(&length) {
        return Err(Refusal::Password);
    }
    let mut left = password.to_lowercase();
    for word in COMMON {
        left = left.replace(word, "");
    }
    let distinct = left
        .chars()
        .collect::<std::collections::BTreeSet<_>>()
        .len();
    if distinct < 5 {
        return Err(Refusal::CommonPassword);
    }
    Ok(hash_unchecked(password))
}

/// Argon2id with 19 MiB and two passes: OWASP's floor.
fn argon() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default())
}

/// Hashes a password without judging it (the demo's own).
pub fn hash_unchecked(password: &str) -> String {
    argon()
        .hash_password(password.as_bytes())
        .expect("argon2id takes any password")
        .to_string()
}

fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| argon().verify_password(password.as_bytes(), &hash).is_ok())
}

/// What a password is compared with when there is no such account, so that both cases take the same time.
static NOBODY: LazyLock<String> =
    LazyLock::new(|| hash_unchecked("nobody has this password at all"));

async fn on_hashing_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    let _place = HASHING.acquire().await.map_err(|_| Fault::Stopped)?;
    actix_web::rt::task::spawn_blocking(work)
        .await
        .map_err(|_| Fault::Bug)
}

/// Signs somebody in and gives the secret for their cookie.
///
/// # Errors
/// Refused when address and password do not belong together, without saying which is wrong.
pub async fn sign_in(app: &App, email: &str, password: String) -> Result<Token, Failure<Refusal>> {
    let (email, now) = (email.trim().to_lowercase(), app.clock.now());
    let known: Option<StaffRow> = app
        .store
        .read(move |tx| staff::by_email(tx, &email))
        .await?;
    let known = known.filter(|row| row.state == StaffState::Active.word());
    let hash = known
        .as_ref()
        .and_then(|row| row.password_hash.clone())
        .unwrap_or_else(|| NOBODY.clone());
    let matches = on_hashing_thread(move || verify(&password, &hash)).await?;
    let (Some(row), true) = (known, matches) else {
        return Err(Failure::Refused(Refusal::NoMatch));
    };
    let secret = Token::random();
    let hash = secret.hash();
    app.store
        .write(move |tx| {
            // While the password was looked at, somebody may have changed it or disabled the account.
            let still = staff::by_id(tx, row.org_id, row.id)?;
            if still.state != StaffState::Active.word() || still.password_hash != row.password_hash
            {
                return Err(Failure::Refused(Refusal::NoMatch));
            }
            staff::begin_sign_in(tx, row.org_id, row.id, &hash, now)?;
            audit::record_by(
                tx,
                &as_actor(&row)?,
                "signed_in",
                "staff",
                Some(row.id),
                now,
            )?;
            Ok(())
        })
        .await?;
    Ok(secret)
}

fn as_actor(row: &StaffRow) -> Result<Actor, Fault> {
    Ok(Actor::Staff(StaffActor {
        org: row.org_id,
        id: row.id,
        role: row.role.parse()?,
        licence: None,
        clinics: vec![],
    }))
}

/// Ends a sign-in.
///
/// # Errors
/// When the database fails.
pub async fn sign_out(app: &App, actor: Actor, secret: &Token) -> Result<(), Fault> {
    let (hash, now) = (secret.hash(), app.clock.now());
    app.store
        .write(move |tx| {
            staff::end_sign_in(tx, &hash)?;
            audit::record_by(
                tx,
                &actor,
                "signed_out",
                "staff",
                actor.staff().map(|staff| staff.id),
                now,
            )
        })
        .await
}

/// Founds the organisation on first start, with words that the set-up page then replaces.
///
/// # Errors
/// When the database fails.
pub fn found_if_new(tx: &mut Tx, now: NaiveDateTime) -> Result<OrganisationRow, Fault> {
    if let Some(row) = organisation::only(tx)? {
        return Ok(row);
    }
    let row = OrganisationRow {
        id: fresh(now),
        name: "Our clinic".into(),
        time_zone: "UTC".into(),
        crisis_line: None,
        reading_promise: "before your next visit".into(),
        created_at: now,
        shown_by: Grid::Quarters.word().into(),
    };
    organisation::found(tx, &row)?;
    // The first event: from now on every process can tell whether its key is the one this data is written with.
    let program = Actor::System { org: row.id };
    audit::record_by(tx, &program, "found", "organisation", Some(row.id), now)?;
    Ok(row)
}

/// A one-time link with which the first administrator is made; `None` once somebody can administer.
///
/// # Errors
/// When the database fails.
pub fn first_link(app: &App) -> Result<Option<String>, Fault> {
    let (now, org, secret) = (app.clock.now(), app.org, Token::random());
    let hash = secret.hash();
    let needed = app.store.write_blocking(move |tx| {
        let needed = !has_administrator(tx, org)?;
        if needed {
            staff::add_setup_link(tx, &setup_row(org, &hash, None, now))?;
        }
        Ok::<_, Fault>(needed)
    })?;
    Ok(needed.then(|| format!("{}/set-up/{}", app.base_url, secret.reveal())))
}

fn has_administrator(tx: &mut Tx, org: OrgId) -> Result<bool, Fault> {
    Ok(staff::all(tx, org)?.iter().any(|row| {
        row.role == Role::Administrator.word() && row.state == StaffState::Active.word()
    }))
}

fn setup_row(
    org: OrgId,
    hash: &[u8; 32],
    staff_id: Option<StaffId>,
    now: NaiveDateTime,
) -> SetupLinkRow {
    SetupLinkRow {
        secret_hash: hash.to_vec(),
        org_id: org,
        staff_id,
        created_at: now,
        expires_at: now + TimeDelta::hours(SETUP_HOURS),
        used_at: None,
    }
}

/// The secret of a mailed set-up link, derived so that a retried mail carries the same one.
pub fn setup_secret(seal: &Seal, id: &[u8]) -> Token {
    let digest = seal.digest("staff set-up link", &[id]);
    Token::of_digest(digest)
}

/// A new account as somebody asked for it.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Address; made lower case.
    pub email: String,
    /// Name.
    pub name: String,
    /// What the account is for.
    pub role: Role,
    /// Licence to practise, if any.
    pub licence: Option<String>,
    /// Clinics to work in.
    pub clinics: Vec<ClinicId>,
}

/// Adds an account and gives its set-up link, which is mailed too.
///
/// # Errors
/// See [`Refusal`].
pub fn add_account(app: &App, actor: &Actor, new: &NewAccount) -> Result<String, Failure<Refusal>> {
    let (actor, new, now, base) = (
        actor.clone(),
        new.clone(),
        app.clock.now(),
        app.base_url.clone(),
    );
    check_account(&new).map_err(Failure::Refused)?;
    app.store.write_blocking(move |tx| {
        let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
        let email = new.email.trim().to_lowercase();
        if staff::by_email(tx, &email)?.is_some() {
            return Err(Failure::Refused(Refusal::Taken));
        }
        let clinics = organisation::clinics(tx, permit.org())?;
        if !new
            .clinics
            .iter()
            .all(|wanted| clinics.iter().any(|clinic| clinic.id == *wanted))
        {
            return Err(Failure::Refused(Refusal::Clinic));
        }
        let row = StaffRow {
            org_id: permit.org(),
            id: fresh(now),
            email,
            name: new.name.trim().to_owned(),
            role: new.role.word().into(),
            licence: new.licence.filter(|licence| !licence.trim().is_empty()),
            state: StaffState::Invited.word().into(),
            password_hash: None,
            created_at: now,
        };
        let clinics: BTreeSet<ClinicId> = new.clinics.iter().copied().collect();
        staff::add(tx, &row, &Vec::from_iter(clinics))?;
        audit::record(tx, &permit, "staff", Some(row.id), now)?;
        Ok(invite(tx, row.org_id, row.id, &base, now)?)
    })
}

fn check_account(new: &NewAccount) -> Result<(), Refusal> {
    use validator::ValidateEmail;
    if !new.email.trim().validate_email() {
        return Err(Refusal::Address);
    }
    check_person(&new.name, new.role, &new.clinics)
}

/// Whether a name and clinics are such as an account in this role has.
pub(super) fn check_person(name: &str, role: Role, clinics: &[ClinicId]) -> Result<(), Refusal> {
    let length = name.trim().chars().count();
    if length == 0 || length > 200 {
        return Err(Refusal::Name);
    }
    if matches!(role, Role::Therapist | Role::Supervisor) && clinics.is_empty() {
        return Err(Refusal::NoClinic);
    }
    Ok(())
}

/// Makes a set-up link for an account and queues its mail.
fn invite(
    tx: &mut Tx,
    org: OrgId,
    id: StaffId,
    base: &str,
    now: NaiveDateTime,
) -> Result<String, Fault> {
    let link_id: Id<crate::domain::ids::kind::Link> = fresh(now);
    let secret = setup_secret(&tx.seal, link_id.bytes());
    staff::add_setup_link(tx, &setup_row(org, &secret.hash(), Some(id), now))?;
    let kind = MessageKind::StaffSetup;
    outbox::add(
        tx,
        &OutboxRow::queued(org, fresh(now), kind, link_id.bytes(), id.bytes(), now, now),
    )?;
    Ok(format!("{base}/set-up/{}", secret.reveal()))
}

/// Sends somebody a new set-up link (a forgotten password, a link that ran out).
///
/// # Errors
/// Refused when there is no such account.
pub async fn send_link(app: &App, actor: Actor, id: StaffId) -> Result<String, Failure<Refusal>> {
    let (now, base) = (app.clock.now(), app.base_url.clone());
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
            let known = staff::all(tx, permit.org())?
                .iter()
                .any(|row| row.id == id && row.state != StaffState::Disabled.word());
            if !known {
                return Err(Failure::Refused(Refusal::NoAccount));
            }
            audit::record(tx, &permit, "staff", Some(id), now)?;
            Ok(invite(tx, permit.org(), id, &base, now)?)
        })
        .await
}

/// Ends somebody's access at once; their waiting flags go to the next licensed person in the same transaction.
///
/// # Errors
/// Refused for the last administrator and the last licensed clinician.
pub async fn disable(app: &App, actor: Actor, id: StaffId) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
            staff::take_turn_leaving(tx)?;
            let all = staff::all(tx, permit.org())?;
            check_leaving(&all, id).map_err(Failure::Refused)?;
            staff::set_state(tx, permit.org(), id, StaffState::Disabled)?;
            hand_over_flags_of(tx, id, permit.org(), now)?;
            audit::record(tx, &permit, "staff", Some(id), now)?;
            Ok(())
        })
        .await
}

fn check_leaving(all: &[StaffRow], id: StaffId) -> Result<(), Refusal> {
    let active = |row: &&StaffRow| row.state == StaffState::Active.word();
    let leaving = all
        .iter()
        .find(|row| row.id == id)
        .ok_or(Refusal::NoAccount)?;
    let others = || all.iter().filter(active).filter(|row| row.id != id);
    if leaving.role == Role::Administrator.word()
        && !others().any(|row| row.role == Role::Administrator.word())
    {
        return Err(Refusal::LastAdministrator);
    }
    check_losing_licence(all, leaving)
}

/// Somebody else has to be there who may take flags on.
pub(super) fn check_losing_licence(all: &[StaffRow], losing: &StaffRow) -> Result<(), Refusal> {
    let clinical = |row: &StaffRow| {
        row.licence.is_some()
            && [Role::Therapist.word(), Role::Supervisor.word()].contains(&row.role.as_str())
    };
    let active = |row: &StaffRow| row.state == StaffState::Active.word();
    let mut others = all.iter().filter(|row| row.id != losing.id && active(row));
    match clinical(losing) && !others.any(clinical) {
        true => Err(Refusal::LastLicensed),
        false => Ok(()),
    }
}

/// What a set-up link is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetUp {
    /// The first administrator and the words of the site.
    FirstAdministrator,
    /// Somebody's password.
    Password {
        /// Whose.
        name: String,
        /// Their address.
        email: String,
    },
}

/// Looks at a set-up link without using it up.
///
/// # Errors
/// Refused when it is unknown, used or too old.
pub async fn look_at_link(app: &App, secret: &Token) -> Result<SetUp, Failure<Refusal>> {
    let (hash, now) = (secret.hash(), app.clock.now());
    app.store
        .read(move |tx| Ok(good_link(tx, &hash, now)?.1))
        .await
}

fn good_link(
    tx: &mut Tx,
    hash: &[u8],
    now: NaiveDateTime,
) -> Result<(SetupLinkRow, SetUp), Failure<Refusal>> {
    let link = staff::setup_link_by(tx, hash)?
        .filter(|link| link.used_at.is_none() && link.expires_at > now);
    let link = link.ok_or(Failure::Refused(Refusal::Link))?;
    let purpose = match link.staff_id {
        // A start before the first administrator left it in the log, for anybody who reads that.
        None if has_administrator(tx, link.org_id)? => {
            return Err(Failure::Refused(Refusal::Link));
        }
        None => SetUp::FirstAdministrator,
        Some(id) => {
            let row = staff::by_id(tx, link.org_id, id)?;
            if row.state == StaffState::Disabled.word() {
                return Err(Failure::Refused(Refusal::Link));
            }
            SetUp::Password {
                name: row.name,
                email: row.email,
            }
        }
    };
    Ok((link, purpose))
}

/// What the first administrator says about themselves and the site.
#[derive(Debug, Clone)]
pub struct FirstSetUp {
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// The organisation's name.
    pub organisation: String,
    /// Its IANA zone.
    pub time_zone: String,
    /// Its first clinic's name; patients need one.
    pub clinic: String,
}

/// Uses a set-up link: sets the password, and on first set-up makes the administrator.
///
/// # Errors
/// See [`Refusal`]; the link is not used up then.
pub async fn set_up(
    app: &App,
    secret: &Token,
    password: String,
    first: Option<FirstSetUp>,
) -> Result<(), Failure<Refusal>> {
    let (hash, now) = (secret.hash(), app.clock.now());
    let password = on_hashing_thread(move || hash_password(&password))
        .await?
        .map_err(Failure::Refused)?;
    app.store
        .write(move |tx| {
            let (link, _) = good_link(tx, &hash, now)?;
            let id = match (link.staff_id, first) {
                (Some(id), _) => id,
                (None, Some(first)) => make_first(tx, link.org_id, &first, now)?,
                (None, None) => return Err(Failure::Refused(Refusal::Link)),
            };
            if !staff::use_setup_link(tx, &link, now)? {
                return Err(Failure::Refused(Refusal::Link));
            }
            if !staff::set_password(tx, link.org_id, id, &password)? {
                return Err(Failure::Refused(Refusal::Link));
            }
            let row = staff::by_id(tx, link.org_id, id)?;
            audit::record_by(tx, &as_actor(&row)?, "password_set", "staff", Some(id), now)?;
            Ok(())
        })
        .await
}

fn make_first(
    tx: &mut Tx,
    org: OrgId,
    first: &FirstSetUp,
    now: NaiveDateTime,
) -> Result<StaffId, Failure<Refusal>> {
    let account = NewAccount {
        email: first.email.clone(),
        name: first.name.clone(),
        role: Role::Administrator,
        licence: None,
        clinics: vec![],
    };
    check_account(&account).map_err(Failure::Refused)?;
    if first.organisation.trim().is_empty() || first.clinic.trim().is_empty() {
        return Err(Failure::Refused(Refusal::Name));
    }
    organisation::rename(tx, org, first.organisation.trim(), &first.time_zone)?;
    organisation::add_first_places(tx, org, first.clinic.trim(), now)?;
    let row = StaffRow {
        org_id: org,
        id: fresh(now),
        email: first.email.trim().to_lowercase(),
        name: first.name.trim().to_owned(),
        role: Role::Administrator.word().into(),
        licence: None,
        state: StaffState::Invited.word().into(),
        password_hash: None,
        created_at: now,
    };
    staff::add(tx, &row, &[])?;
    Ok(row.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_long_and_common_passwords_are_refused() {
        assert_eq!(hash_password("fourteen chars"), Err(Refusal::Password));
        assert_eq!(hash_password(&"x".repeat(257)), Err(Refusal::Password));
        assert_eq!(
            hash_password("passwordpassword1"),
            Err(Refusal::CommonPassword)
        );
        assert_eq!(
            hash_password("aaaaaaaaaaaaaaaaaaaa"),
            Err(Refusal::CommonPassword)
        );
    }

    #[test]
    fn a_hash_is_argon2id_with_at_least_19_mib_and_fits_its_password_alone() {
        let hash = hash_password("correct horse battery staple").unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(verify("correct horse battery staple", &hash));
        assert!(!verify("correct horse battery stapl", &hash));
    }
}

//! The daily digest: once a working day, to everybody for whom something waits that is not urgent. What is urgent has notices of its own, which nobody can switch off.

use super::safety_in_force::InForce;
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Subject, decide};
use crate::domain::ids::{OrgId, StaffId};
use crate::domain::message::MessageKind;
use crate::domain::risk::Standing;
use crate::domain::schedule::local_time;
use crate::domain::schedule::office::Office;
use crate::store::outbox::{self, OutboxRow};
use crate::store::{Fault, Tx, audit, cover, digest, fresh, staff};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

/// A digest that was not written in time, because nothing ran, is written for so long after; later it waits for the next working day.
const LATE_BY: TimeDelta = TimeDelta::hours(8);

/// Writes the day's digests, if their time has come and they were not written; says how many.
///
/// # Errors
/// When the database fails.
pub fn send_digest(app: &App) -> Result<usize, Fault> {
    let (now, org) = (app.clock.now(), app.org);
    let due: Result<_, Fault> = app.store.read_blocking(move |tx| due_day(tx, org, now));
    if due?.is_none() {
        return Ok(0);
    }
    app.store.write_blocking(move |tx| {
        digest::take_turn(tx)?;
        // Asked again: another node may have been first.
        match due_day(tx, org, now)? {
            Some(day) => write(tx, org, day, now),
            None => Ok(0),
        }
    })
}

/// The day whose digests are to be written now.
fn due_day(tx: &mut Tx, org: OrgId, now: NaiveDateTime) -> Result<Option<NaiveDate>, Fault> {
    let in_force = InForce::read(tx, org)?;
    match day_of(&in_force.office, in_force.policy.digest_at, now) {
        Some(day) if !digest::written_on(tx, org, day)? => Ok(Some(day)),
        _ => Ok(None),
    }
}

/// The working day whose digest belongs to this moment: today, from the set time on.
fn day_of(office: &Office, digest_at: NaiveTime, now: NaiveDateTime) -> Option<NaiveDate> {
    let local = local_time(office.zone, now);
    let since = local - local.date().and_time(digest_at);
    let due = since >= TimeDelta::zero() && since < LATE_BY;
    (due && office.is_working_day(local.date())).then_some(local.date())
}

fn write(tx: &mut Tx, org: OrgId, day: NaiveDate, now: NaiveDateTime) -> Result<usize, Fault> {
    let mut mails = 0;
    let mut owners: Vec<StaffId> = digest::waiting(tx, org)?.into_keys().collect();
    owners.sort_unstable();
    for who in owners {
        if wants(tx, org, who, now)? {
            let (id, kind) = (fresh(now), MessageKind::Digest);
            outbox::add(
                tx,
                &OutboxRow::queued(org, id, kind, who.bytes(), who.bytes(), now, now),
            )?;
            mails += 1;
        }
    }
    digest::note_written(tx, org, day, mails, now)?;
    Ok(usize::try_from(mails).unwrap_or(0))
}

/// Whether a digest may go to this person today: they work here, are not away, and did not switch it off.
///
/// # Errors
/// When the database fails.
pub fn wants(tx: &mut Tx, org: OrgId, who: StaffId, now: NaiveDateTime) -> Result<bool, Fault> {
    let works = staff::by_id(tx, org, who)?.state == staff::StaffState::Active.word();
    let away = cover::candidates(tx, org, now)?
        .iter()
        .any(|person| person.id == who && matches!(person.standing, Standing::Absent { .. }));
    Ok(works && !away && !digest::off(tx, org)?.contains(&who))
}

/// Whether a person gets a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestChoice {
    /// Once a working day, while something waits.
    Daily,
    /// Never.
    Off,
}

/// What the person chose; a digest, unless they said otherwise.
///
/// # Errors
/// Denied unless the account sees the queue.
pub async fn read_choice(app: &App, actor: Actor) -> Result<DigestChoice, Failure<NoOne>> {
    app.store
        .read(move |tx| {
            let permit = decide(&actor, Action::SeeQueue, Subject::Organisation)?;
            let who = actor.staff().ok_or(Failure::Refused(NoOne))?.id;
            Ok(if digest::off(tx, permit.org())?.contains(&who) {
                DigestChoice::Off
            } else {
                DigestChoice::Daily
            })
        })
        .await
}

/// Switches one's own digest on or off.
///
/// # Errors
/// Denied unless the account sees the queue.
pub async fn choose(app: &App, actor: Actor, choice: DigestChoice) -> Result<(), Failure<NoOne>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::SeeQueue, Subject::Organisation)?;
            let who = actor.staff().ok_or(Failure::Refused(NoOne))?.id;
            match choice {
                DigestChoice::Daily => digest::switch_on(tx, &permit, who)?,
                DigestChoice::Off => digest::switch_off(tx, &permit, who, now)?,
            }
            audit::record_by(tx, &actor, "choose_digest", "staff", Some(who), now)?;
            Ok(())
        })
        .await
}

/// A digest belongs to a person; the operator of the machine has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoOne;

impl std::fmt::Display for NoOne {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sign in to set your own digest.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::schedule::policy::ReadingHours;

    #[test]
    fn the_digest_belongs_to_working_days_from_its_time_on_and_not_to_the_night() {
        let office = Office {
            hours: ReadingHours {
                closed_on: vec!["2026-03-03".parse().unwrap()],
                ..ReadingHours::default()
            },
            zone: chrono_tz::America::Chicago,
        };
        let at = NaiveTime::from_hms_opt(7, 30, 0).unwrap();
        let day = |text: &str| {
            let now = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
            day_of(&office, at, now).map(|day| day.to_string())
        };
        // A Monday; Chicago is six hours behind.
        assert_eq!(day("2026-03-02 13:29"), None);
        assert_eq!(day("2026-03-02 13:30").as_deref(), Some("2026-03-02"));
        assert_eq!(day("2026-03-02 21:29").as_deref(), Some("2026-03-02"));
        assert_eq!(day("2026-03-02 21:30"), None);
        assert_eq!(day("2026-03-03 14:00"), None, "closed");
        assert_eq!(day("2026-03-07 14:00"), None, "Saturday");
    }
}

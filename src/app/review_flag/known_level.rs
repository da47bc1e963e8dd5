//! Saying, on a flag's page, up to which answer a patient's answers to its rule are known, and ending that before its day. It lowers the tier of later flags and takes none away.

use super::{Desk, Refusal, act};
use crate::app::{App, Failure};
use crate::domain::access::{Action, Actor};
use crate::domain::ids::FlagId;
use crate::domain::instrument::Library;
use crate::domain::risk::acts::{TypedLevel, knowable, parse_level};
use crate::domain::risk::policy::KnownLevelRule;
use crate::domain::risk::{Act, FlagRefusal, FlagState};
use crate::store::flag::FlagRow;
use crate::store::known_level::{self, KnownLevelRow};
use crate::store::{Tx, fresh};

/// Says it, in the place of what was said before about the same rule.
///
/// # Errors
/// Refused while nobody has taken the flag on, where there can be no known level, or with everything that is wrong; denied without a licence or out of reach.
pub async fn set_level(
    app: &App,
    actor: Actor,
    id: FlagId,
    typed: TypedLevel,
) -> Result<(), Failure<Refusal>> {
    let library = app.library;
    act(app, actor, Action::SetKnownLevel, id, move |tx, desk| {
        if desk.state == FlagState::Open {
            return Err(FlagRefusal::NotAcknowledged.into());
        }
        let (flag, limit) = (&desk.names.flag, desk.in_force.policy.known_level);
        let choices = choices(library, flag, limit)
            .map_err(|why| Failure::Refused(Refusal::NoKnownLevel(why)))?;
        let said = parse_level(&typed, &choices, desk.today(), limit)
            .map_err(|wrong| Failure::Refused(Refusal::Fields(wrong)))?;

        let row = KnownLevelRow {
            org_id: desk.permit.org(),
            id: fresh(desk.now),
            patient_id: flag.patient_id,
            instrument: flag.instrument.clone(),
            rule: flag.rule.clone(),
            up_to: said.up_to.into(),
            until_on: said.until_on,
            reason: said.reason,
            set_by: desk.by,
            set_at: desk.now,
            ended_at: None,
            ended_by: None,
        };
        known_level::set(tx, &desk.permit, &row)?;
        let note = format!(
            "up to {}, until {}\n{}",
            row.up_to, row.until_on, row.reason
        );
        Ok(desk.add_act(tx, Act::LevelKnown, desk.by, &note)?)
    })
    .await
}

/// Ends what is known before its day.
///
/// # Errors
/// Refused when nothing is known; denied without a licence or out of reach.
pub async fn end_level(app: &App, actor: Actor, id: FlagId) -> Result<(), Failure<Refusal>> {
    act(app, actor, Action::EndKnownLevel, id, move |tx, desk| {
        let Some(row) = holding(tx, desk)? else {
            return Err(Failure::Refused(Refusal::NoKnownLevel(
                "No level is known here any more.",
            )));
        };
        known_level::end(tx, &desk.permit, row.id, desk.by, desk.now)?;
        let note = format!("up to {}", row.up_to);
        Ok(desk.add_act(tx, Act::LevelEnded, desk.by, &note)?)
    })
    .await
}

fn holding(tx: &mut Tx, desk: &Desk) -> Result<Option<KnownLevelRow>, Failure<Refusal>> {
    let flag = &desk.names.flag;
    let rows = known_level::holding(tx, desk.permit.org(), flag.patient_id, desk.today())?;
    Ok(rows
        .into_iter()
        .find(|row| row.instrument == flag.instrument && row.rule == flag.rule))
}

/// The answers up to which somebody may say that they are known, on the page of this flag.
///
/// # Errors
/// Says why there are none.
pub fn choices(
    library: &Library,
    flag: &FlagRow,
    limit: KnownLevelRule,
) -> Result<Vec<i16>, &'static str> {
    if flag.informant_id.is_some() {
        return Err("Only the patient’s own answers can be known.");
    }
    let instrument = library.version(&flag.instrument, &flag.version);
    let rule =
        instrument.and_then(|known| known.risk_rules.iter().find(|rule| rule.id == flag.rule));
    let choices = instrument
        .zip(rule)
        .map(|(instrument, rule)| knowable(instrument, rule, flag.answer, limit))
        .unwrap_or_default();
    if choices.is_empty() {
        return Err("There are no known levels for this rule here.");
    }
    Ok(choices)
}

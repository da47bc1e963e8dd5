//! Risk flags and what was done to them. Rows are added and moved forward; nothing here can take a flag away.

use super::engine::on_engine;
use super::kept::kept;
use super::schema::{clinic, flag, flag_act, flag_answer, patient, staff};
use super::{Fault, Moment, Tx};
use crate::domain::access::{Permit, Reach};
use crate::domain::ids::{
    ClinicId, EpisodeId, FlagActId, FlagAnswerId, FlagId, InformantId, OrgId, PatientId,
    ResponseId, StaffId,
};
use crate::domain::risk::{FlagState, Step};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{Binary, Integer, Nullable, Text, Timestamp};

/// A flag joined to the names around it.
macro_rules! named {
    () => {
        flag::table
            .inner_join(
                patient::table.on(patient::org_id
                    .eq(flag::org_id)
                    .and(patient::id.eq(flag::patient_id))),
            )
            .inner_join(
                clinic::table.on(clinic::org_id
                    .eq(flag::org_id)
                    .and(clinic::id.eq(flag::clinic_id))),
            )
            .inner_join(
                staff::table.on(staff::org_id
                    .eq(flag::org_id)
                    .and(staff::id.eq(flag::owner_id))),
            )
    };
}

/// A flag.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = flag)]
pub struct FlagRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: FlagId,
    /// Whose answer raised it.
    pub patient_id: PatientId,
    /// Their episode.
    pub episode_id: EpisodeId,
    /// Where they are cared for.
    pub clinic_id: ClinicId,
    /// The response that raised it; `None` when words came outside a form.
    pub response_id: Option<ResponseId>,
    /// Who answered in the patient's place.
    pub informant_id: Option<InformantId>,
    /// The rule that raised it.
    pub rule: String,
    /// The instrument.
    pub instrument: String,
    /// Version of the definition, and so of the rule.
    pub version: String,
    /// Version of the site's safety policy that held; 0: as shipped.
    pub policy: i32,
    /// A `Tier`'s word.
    pub tier: String,
    /// The item's printed number.
    pub item: String,
    /// The highest answer that belongs to it.
    pub answer: i32,
    /// That answer in the words the patient saw.
    pub answer_words: String,
    /// How many answers belong to it.
    pub answers: i32,
    /// When the newest of them was given.
    pub last_at: NaiveDateTime,
    /// Who has to act.
    pub owner_id: StaffId,
    /// A [`FlagState`]'s word.
    pub state: String,
    /// When the answer was saved.
    pub raised_at: NaiveDateTime,
    /// When somebody took it on, the last time.
    pub acknowledged_at: Option<NaiveDateTime>,
    /// When it was closed.
    pub closed_at: Option<NaiveDateTime>,
    /// By when a person must act next; `None` once closed.
    pub due_at: Option<NaiveDateTime>,
    /// When the program looks next; `None` once closed.
    pub next_step_at: Option<NaiveDateTime>,
    /// When it is looked whether the form was left after this answer.
    pub finish_by: Option<NaiveDateTime>,
    /// When it was found that the form had been left.
    pub unfinished_at: Option<NaiveDateTime>,
}

/// An answer that belongs to a flag.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = flag_answer)]
pub struct FlagAnswerRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: FlagAnswerId,
    /// The flag.
    pub flag_id: FlagId,
    /// The response; `None` when words came outside a form.
    pub response_id: Option<ResponseId>,
    /// The rule.
    pub rule: String,
    /// The instrument.
    pub instrument: String,
    /// Version of the definition.
    pub version: String,
    /// The item's printed number.
    pub item: String,
    /// The answer.
    pub answer: i32,
    /// In the words the patient saw.
    pub answer_words: String,
    /// A `HowAnswered`'s word.
    pub how: String,
    /// When it was saved.
    pub at: NaiveDateTime,
}

/// Something done to a flag.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = flag_act)]
pub struct FlagActRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: FlagActId,
    /// The flag.
    pub flag_id: FlagId,
    /// An `Act`'s word.
    pub act: String,
    /// By or to whom.
    pub staff_id: Option<StaffId>,
    /// When.
    pub at: NaiveDateTime,
    /// In words.
    pub note: String,
}

/// A flag as the queue shows it.
#[derive(Debug, Clone, Queryable)]
pub struct FlagNames {
    /// The flag.
    pub flag: FlagRow,
    /// The patient's name.
    pub patient: String,
    /// The clinic's name.
    pub clinic: String,
    /// The owner's name.
    pub owner: String,
}

/// Raises a flag.
///
/// # Errors
/// When the response has one by that rule, or the database fails.
pub fn raise(tx: &mut Tx, row: &FlagRow) -> Result<(), Fault> {
    let add = Raise {
        org_id: &row.org_id,
        id: &row.id,
        patient_id: &row.patient_id,
        episode_id: &row.episode_id,
        clinic_id: &row.clinic_id,
        response_id: row.response_id.as_ref(),
        informant_id: row.informant_id.as_ref(),
        rule: &row.rule,
        instrument: &row.instrument,
        version: &row.version,
        policy: row.policy,
        tier: &row.tier,
        item: &row.item,
        answer: row.answer,
        answer_words: &row.answer_words,
        answers: row.answers,
        last_at: Moment(row.last_at),
        owner_id: &row.owner_id,
        state: &row.state,
        raised_at: Moment(row.raised_at),
        acknowledged_at: row.acknowledged_at.map(Moment),
        closed_at: row.closed_at.map(Moment),
        due_at: row.due_at.map(Moment),
        next_step_at: row.next_step_at.map(Moment),
        finish_by: row.finish_by.map(Moment),
        unfinished_at: row.unfinished_at.map(Moment),
    };
    on_engine!(tx, db => add.execute(db))?;
    Ok(())
}

kept! {
    Raise<'a> {
        org_id: &'a OrgId => Binary, id: &'a FlagId => Binary, patient_id: &'a PatientId => Binary, episode_id: &'a EpisodeId => Binary,
        clinic_id: &'a ClinicId => Binary, response_id: Option<&'a ResponseId> => Nullable<Binary>,
        informant_id: Option<&'a InformantId> => Nullable<Binary>, rule: &'a str => Text, instrument: &'a str => Text, version: &'a str => Text,
        policy: i32 => Integer, tier: &'a str => Text, item: &'a str => Text, answer: i32 => Integer, answer_words: &'a str => Text,
        answers: i32 => Integer, last_at: Moment => Timestamp, owner_id: &'a StaffId => Binary, state: &'a str => Text,
        raised_at: Moment => Timestamp, acknowledged_at: Option<Moment> => Nullable<Timestamp>, closed_at: Option<Moment> => Nullable<Timestamp>,
        due_at: Option<Moment> => Nullable<Timestamp>, next_step_at: Option<Moment> => Nullable<Timestamp>,
        finish_by: Option<Moment> => Nullable<Timestamp>, unfinished_at: Option<Moment> => Nullable<Timestamp>,
    }
    "INSERT INTO flag (org_id, id, patient_id, episode_id, clinic_id, response_id, informant_id, rule, instrument, version, policy, tier, item, answer, answer_words, answers, last_at, owner_id, state, raised_at, acknowledged_at, closed_at, due_at, next_step_at, finish_by, unfinished_at) VALUES (" org_id ", " id ", " patient_id ", " episode_id ", " clinic_id ", " response_id ", " informant_id ", " rule ", " instrument ", " version ", " policy ", " tier ", " item ", " answer ", " answer_words ", " answers ", " last_at ", " owner_id ", " state ", " raised_at ", " acknowledged_at ", " closed_at ", " due_at ", " next_step_at ", " finish_by ", " unfinished_at ; ")"
}

/// Adds to a flag's history.
///
/// # Errors
/// When the database fails.
pub fn add_act(tx: &mut Tx, row: &FlagActRow) -> Result<(), Fault> {
    let add = AddAct {
        org_id: &row.org_id,
        id: &row.id,
        flag_id: &row.flag_id,
        act: &row.act,
        staff_id: row.staff_id.as_ref(),
        at: Moment(row.at),
        note: &row.note,
    };
    on_engine!(tx, db => add.execute(db))?;
    Ok(())
}

kept! {
    AddAct<'a> {
        org_id: &'a OrgId => Binary, id: &'a FlagActId => Binary, flag_id: &'a FlagId => Binary, act: &'a str => Text,
        staff_id: Option<&'a StaffId> => Nullable<Binary>, at: Moment => Timestamp, note: &'a str => Text,
    }
    "INSERT INTO flag_act (org_id, id, flag_id, act, staff_id, at, note) VALUES (" org_id ", " id ", " flag_id ", " act ", " staff_id ", " at ", " note ; ")"
}

/// Adds an answer to a flag.
///
/// # Errors
/// When the response has that answer to that rule already, or the database fails.
pub fn add_answer(tx: &mut Tx, row: &FlagAnswerRow) -> Result<(), Fault> {
    let add = AddAnswer {
        org_id: &row.org_id,
        id: &row.id,
        flag_id: &row.flag_id,
        response_id: row.response_id.as_ref(),
        rule: &row.rule,
        instrument: &row.instrument,
        version: &row.version,
        item: &row.item,
        answer: row.answer,
        answer_words: &row.answer_words,
        how: &row.how,
        at: Moment(row.at),
    };
    on_engine!(tx, db => add.execute(db))?;
    Ok(())
}

kept! {
    AddAnswer<'a> {
        org_id: &'a OrgId => Binary, id: &'a FlagAnswerId => Binary, flag_id: &'a FlagId => Binary,
        response_id: Option<&'a ResponseId> => Nullable<Binary>, rule: &'a str => Text, instrument: &'a str => Text, version: &'a str => Text,
        item: &'a str => Text, answer: i32 => Integer, answer_words: &'a str => Text, how: &'a str => Text, at: Moment => Timestamp,
    }
    "INSERT INTO flag_answer (org_id, id, flag_id, response_id, rule, instrument, version, item, answer, answer_words, how, at) VALUES (" org_id ", " id ", " flag_id ", " response_id ", " rule ", " instrument ", " version ", " item ", " answer ", " answer_words ", " how ", " at ; ")"
}

/// The answers of a response that belong to flags.
///
/// # Errors
/// When the database fails.
pub fn answers_of_response(
    tx: &mut Tx,
    org: OrgId,
    id: ResponseId,
) -> Result<Vec<FlagAnswerRow>, Fault> {
    Ok(flag_answer::table
        .filter(
            flag_answer::org_id
                .eq(org)
                .and(flag_answer::response_id.eq(id)),
        )
        .order(flag_answer::id)
        .load(&mut tx.db)?)
}

/// Every answer that belongs to these flags, oldest first.
///
/// # Errors
/// When the database fails.
pub fn answers_of(
    tx: &mut Tx,
    permit: &Permit,
    ids: &[FlagId],
) -> Result<Vec<FlagAnswerRow>, Fault> {
    Ok(flag_answer::table
        .filter(
            flag_answer::org_id
                .eq(permit.org())
                .and(flag_answer::flag_id.eq_any(ids)),
        )
        .order(flag_answer::id)
        .load(&mut tx.db)?)
}

/// How many flags wait to which answers of these responses belong.
///
/// # Errors
/// When the database fails.
pub fn waiting_of(tx: &mut Tx, permit: &Permit, ids: &[ResponseId]) -> Result<i64, Fault> {
    let named = flag_answer::table
        .filter(
            flag_answer::org_id
                .eq(permit.org())
                .and(flag_answer::response_id.eq_any(ids)),
        )
        .select(flag_answer::flag_id);
    Ok(flag::table
        .filter(
            flag::org_id
                .eq(permit.org())
                .and(flag::next_step_at.is_not_null())
                .and(flag::id.eq_any(named)),
        )
        .count()
        .get_result(&mut tx.db)?)
}

/// The answers on waiting flags of an episode that no response holds.
///
/// # Errors
/// When the database fails.
pub fn late_answers(
    tx: &mut Tx,
    org: OrgId,
    episode: EpisodeId,
) -> Result<Vec<FlagAnswerRow>, Fault> {
    let waiting = flag::table
        .filter(
            flag::org_id
                .eq(org)
                .and(flag::episode_id.eq(episode))
                .and(flag::next_step_at.is_not_null()),
        )
        .select(flag::id);
    Ok(flag_answer::table
        .filter(
            flag_answer::org_id
                .eq(org)
                .and(flag_answer::response_id.is_null())
                .and(flag_answer::flag_id.eq_any(waiting)),
        )
        .order(flag_answer::id)
        .load(&mut tx.db)?)
}

/// The waiting flags of an episode, oldest first, locked until the transaction ends.
///
/// # Errors
/// When the database fails.
pub fn waiting_of_episode(
    tx: &mut Tx,
    org: OrgId,
    episode: EpisodeId,
) -> Result<Vec<FlagRow>, Fault> {
    let ids: Vec<FlagId> = flag::table
        .filter(
            flag::org_id
                .eq(org)
                .and(flag::episode_id.eq(episode))
                .and(flag::next_step_at.is_not_null()),
        )
        .order(flag::id)
        .select(flag::id)
        .load(&mut tx.db)?;
    if ids.is_empty() {
        return Ok(vec![]);
    }
    for id in &ids {
        tx.lock_row("flag", org.bytes(), id.bytes())?;
    }
    // Read again: somebody may have closed one while we waited for it.
    Ok(flag::table
        .filter(
            flag::org_id
                .eq(org)
                .and(flag::id.eq_any(ids))
                .and(flag::next_step_at.is_not_null()),
        )
        .order(flag::id)
        .load(&mut tx.db)?)
}

/// Stores what an answer that came again makes of a waiting flag: the highest answer, how many there are, its state and deadlines. The row is locked.
///
/// # Errors
/// When the database fails.
pub fn update_waiting(tx: &mut Tx, row: &FlagRow) -> Result<(), Fault> {
    diesel::update(flag::table.find((row.org_id, row.id)))
        .set((
            flag::answer.eq(row.answer),
            flag::answer_words.eq(&row.answer_words),
            flag::answers.eq(row.answers),
            flag::last_at.eq(row.last_at),
            flag::tier.eq(&row.tier),
            flag::state.eq(&row.state),
            flag::due_at.eq(row.due_at),
            flag::next_step_at.eq(row.next_step_at),
            flag::finish_by.eq(row.finish_by),
        ))
        .execute(&mut tx.db)?;
    Ok(())
}

/// Whose patient a flag is about, for deciding access.
///
/// # Errors
/// When the database fails.
pub fn patient_of(tx: &mut Tx, org: OrgId, id: FlagId) -> Result<Option<PatientId>, Fault> {
    Ok(flag::table
        .find((org, id))
        .select(flag::patient_id)
        .get_result(&mut tx.db)
        .optional()?)
}

/// Who has a flag that waits; `None` once closed.
///
/// # Errors
/// When the database fails.
pub fn owner_of(tx: &mut Tx, org: OrgId, id: FlagId) -> Result<Option<StaffId>, Fault> {
    Ok(flag::table
        .find((org, id))
        .filter(flag::next_step_at.is_not_null())
        .select(flag::owner_id)
        .get_result(&mut tx.db)
        .optional()?)
}

/// Where a flag stands.
///
/// # Errors
/// When the database fails.
pub fn state_of(tx: &mut Tx, org: OrgId, id: FlagId) -> Result<Option<String>, Fault> {
    Ok(flag::table
        .find((org, id))
        .select(flag::state)
        .get_result(&mut tx.db)
        .optional()?)
}

/// Where a flag stands and who has it.
///
/// # Errors
/// When the database fails.
pub fn standing_of(
    tx: &mut Tx,
    org: OrgId,
    id: FlagId,
) -> Result<Option<(String, StaffId)>, Fault> {
    Ok(flag::table
        .find((org, id))
        .select((flag::state, flag::owner_id))
        .get_result(&mut tx.db)
        .optional()?)
}

/// The flag with its names, locked until the transaction ends; only if it belongs to the permit's patient.
///
/// # Errors
/// When there is none, or the database fails.
pub fn load(tx: &mut Tx, permit: &Permit, id: FlagId) -> Result<FlagNames, Fault> {
    tx.lock_row("flag", permit.org().bytes(), id.bytes())?;
    Ok(named!()
        .filter(flag::org_id.eq(permit.org()).and(flag::id.eq(id)))
        .filter(
            flag::patient_id.eq(permit
                .patient()
                .ok_or_else(|| Fault::Corrupt("a permit without a patient".into()))?),
        )
        .select((flag::all_columns, patient::name, clinic::name, staff::name))
        .get_result(&mut tx.db)?)
}

/// Moves a flag forward by an act of the permit's holder.
///
/// # Errors
/// When the database fails.
pub fn step(
    tx: &mut Tx,
    permit: &Permit,
    id: FlagId,
    step: Step,
    owner: StaffId,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let moved = diesel::update(flag::table.find((permit.org(), id)));
    let common = (
        flag::state.eq(step.state.word()),
        flag::due_at.eq(step.deadlines.map(|set| set.due_at)),
        flag::next_step_at.eq(step.deadlines.map(|set| set.next_step_at)),
        flag::owner_id.eq(owner),
    );
    match step.state {
        FlagState::Open => moved.set(common).execute(&mut tx.db)?,
        FlagState::Acknowledged => moved
            .set((common, flag::acknowledged_at.eq(now)))
            .execute(&mut tx.db)?,
        FlagState::Closed => moved
            .set((
                common,
                flag::closed_at.eq(now),
                flag::finish_by.eq(None::<NaiveDateTime>),
            ))
            .execute(&mut tx.db)?,
    };
    Ok(())
}

/// Makes it the flag of this person, who has taken it on by that; everything else stays. The row is locked.
///
/// # Errors
/// When the database fails.
pub fn give_to(
    tx: &mut Tx,
    permit: &Permit,
    id: FlagId,
    owner: StaffId,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    diesel::update(flag::table.find((permit.org(), id)))
        .set((flag::owner_id.eq(owner), flag::acknowledged_at.eq(now)))
        .execute(&mut tx.db)?;
    Ok(())
}

/// What a waiting flag's place in the queue hangs on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Queryable)]
pub struct QueueMark {
    /// Where the patient is cared for.
    pub clinic_id: ClinicId,
    /// The flag.
    pub id: FlagId,
    /// A [`FlagState`]'s word.
    pub state: String,
    /// Whose it is.
    pub owner_id: StaffId,
    /// How many answers belong to it.
    pub answers: i32,
    /// By when a person must act.
    pub due_at: Option<NaiveDateTime>,
    /// That the form was left.
    pub unfinished_at: Option<NaiveDateTime>,
}

/// The waiting flags of the organisation as far as the queue's order and words hang on them, in an order of their own. Tells nothing about a patient.
///
/// # Errors
/// When the database fails.
pub fn queue_marks(tx: &mut Tx, org: OrgId) -> Result<Vec<QueueMark>, Fault> {
    Ok(flag::table
        .filter(flag::org_id.eq(org).and(flag::next_step_at.is_not_null()))
        .order(flag::id)
        .select((
            flag::clinic_id,
            flag::id,
            flag::state,
            flag::owner_id,
            flag::answers,
            flag::due_at,
            flag::unfinished_at,
        ))
        .load(&mut tx.db)?)
}

/// The open and acknowledged flags within the permit's reach: the most urgent deadline first.
///
/// # Errors
/// When the database fails.
pub fn queue(tx: &mut Tx, permit: &Permit) -> Result<Vec<FlagNames>, Fault> {
    let rows: Vec<FlagNames> = named!()
        .filter(
            flag::org_id
                .eq(permit.org())
                .and(flag::next_step_at.is_not_null()),
        )
        .order((flag::due_at, flag::id))
        .select((flag::all_columns, patient::name, clinic::name, staff::name))
        .load(&mut tx.db)?;
    Ok(rows
        .into_iter()
        .filter(|row| within(permit, row.flag.clinic_id, row.flag.owner_id))
        .collect())
}

/// The flags closed last within the permit's reach.
///
/// # Errors
/// When the database fails.
pub fn closed(tx: &mut Tx, permit: &Permit, most: i64) -> Result<Vec<FlagNames>, Fault> {
    let newest = named!()
        .filter(
            flag::org_id
                .eq(permit.org())
                .and(flag::closed_at.is_not_null()),
        )
        .order((flag::closed_at.desc(), flag::id.desc()))
        .limit(most)
        .select((flag::all_columns, patient::name, clinic::name, staff::name));
    Ok(match permit.reach() {
        Reach::Everything => newest.load(&mut tx.db)?,
        Reach::Clinics(clinics) => newest
            .filter(flag::clinic_id.eq_any(clinics))
            .load(&mut tx.db)?,
    })
}

/// The flags of the permit's patient, newest first.
///
/// # Errors
/// When the database fails.
pub fn of_patient(tx: &mut Tx, permit: &Permit) -> Result<Vec<FlagNames>, Fault> {
    let id = permit
        .patient()
        .ok_or_else(|| Fault::Corrupt("a permit without a patient".into()))?;
    Ok(named!()
        .filter(flag::org_id.eq(permit.org()).and(flag::patient_id.eq(id)))
        .order(flag::id.desc())
        .select((flag::all_columns, patient::name, clinic::name, staff::name))
        .load(&mut tx.db)?)
}

/// A flag's history, oldest first, with the name of whoever acted.
///
/// # Errors
/// When the database fails.
pub fn acts(
    tx: &mut Tx,
    permit: &Permit,
    id: FlagId,
) -> Result<Vec<(FlagActRow, Option<String>)>, Fault> {
    Ok(flag_act::table
        .left_join(
            staff::table.on(staff::org_id
                .eq(flag_act::org_id)
                .and(staff::id.nullable().eq(flag_act::staff_id))),
        )
        .filter(
            flag_act::org_id
                .eq(permit.org())
                .and(flag_act::flag_id.eq(id)),
        )
        .order(flag_act::id)
        .select((flag_act::all_columns, staff::name.nullable()))
        .load(&mut tx.db)?)
}

/// The history of several flags at once, oldest act first, with the name of whoever acted.
///
/// # Errors
/// When the database fails.
pub fn acts_of(
    tx: &mut Tx,
    permit: &Permit,
    ids: &[FlagId],
) -> Result<Vec<(FlagActRow, Option<String>)>, Fault> {
    Ok(flag_act::table
        .left_join(
            staff::table.on(staff::org_id
                .eq(flag_act::org_id)
                .and(staff::id.nullable().eq(flag_act::staff_id))),
        )
        .filter(
            flag_act::org_id
                .eq(permit.org())
                .and(flag_act::flag_id.eq_any(ids)),
        )
        .order(flag_act::id)
        .select((flag_act::all_columns, staff::name.nullable()))
        .load(&mut tx.db)?)
}

/// How many flags wait within the permit's reach.
///
/// # Errors
/// When the database fails.
pub fn waiting(tx: &mut Tx, permit: &Permit) -> Result<usize, Fault> {
    let waiting: Vec<(ClinicId, StaffId)> = flag::table
        .filter(
            flag::org_id
                .eq(permit.org())
                .and(flag::next_step_at.is_not_null()),
        )
        .select((flag::clinic_id, flag::owner_id))
        .load(&mut tx.db)?;
    Ok(waiting
        .into_iter()
        .filter(|(clinic, owner)| within(permit, *clinic, *owner))
        .count())
}

/// Whether a waiting flag of this clinic is within the permit's reach. Whoever has a flag sees it, wherever they work.
pub fn within(permit: &Permit, clinic: ClinicId, owner: StaffId) -> bool {
    match permit.reach() {
        Reach::Everything => true,
        Reach::Clinics(clinics) => {
            let is_theirs = permit
                .actor()
                .staff()
                .is_some_and(|staff| staff.id == owner);
            is_theirs || clinics.contains(&clinic)
        }
    }
}

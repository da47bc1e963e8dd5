//! Flags, in the transaction that stores the answer: every answer that a rule names is kept, and raises a flag, joins one that waits, or raises one again. With a flag come its
//! owner, its first notice and its next deadline.
//!
//! Which answers these are is `risk::rules`, which tier and whether the site's threshold is reached `risk::policy`. What happens to a flag afterwards is `escalate`
//! and `review_flag`.

use super::safety_in_force::InForce;
use super::tell_of_flag::{add_act, notify, tell_duty};
use crate::domain::ids::{ClinicId, EpisodeId, InformantId, OrgId, PatientId, ResponseId, StaffId};
use crate::domain::instrument::Instrument;
use crate::domain::message::MessageKind;
use crate::domain::risk::policy::Known;
use crate::domain::risk::rules::RiskHit;
use crate::domain::risk::{Act, FlagState, HowAnswered, PHRASE_RULE, Tier, life, owner_for};
use crate::domain::schedule::local_day;
use crate::domain::submission::{Late, Outcome};
use crate::store::deposit::Standing;
use crate::store::door::Slip;
use crate::store::flag::{self, FlagActRow, FlagAnswerRow, FlagRow};
use crate::store::known_level::{self, KnownLevelRow};
use crate::store::{Fault, Tx, cover, fresh};
use chrono::{NaiveDateTime, TimeDelta};

/// So long after the answer it is looked whether the form was left: within the ten minutes in which the flag has to say so (R37).
pub const FINISH_WITHIN: TimeDelta = TimeDelta::minutes(9);

/// So long after a late answer the same once more is the same page, sent again.
const SAME_PAGE: TimeDelta = TimeDelta::minutes(15);

/// Whose answers these are, and where they stand.
#[derive(Debug, Clone)]
pub struct Place {
    /// Organisation.
    pub org: OrgId,
    /// The patient.
    pub patient: PatientId,
    /// Their episode.
    pub episode: EpisodeId,
    /// Where they are cared for.
    pub clinic: ClinicId,
    /// Their clinician.
    pub clinician: StaffId,
    /// Who answered in the patient's place.
    pub informant: Option<InformantId>,
    /// The response; `None` when words came outside a form, or answers when it took no more.
    pub response: Option<ResponseId>,
    /// When it is looked whether the form was left; `None` when it is handed in.
    pub finish_by: Option<NaiveDateTime>,
    /// Who answered, when and how, where that is not the patient just now. Empty otherwise.
    pub whence: String,
}

/// An answer that a person must see.
#[derive(Debug, Clone)]
pub struct Sign {
    /// The rule.
    pub rule: String,
    /// The instrument.
    pub instrument: String,
    /// Version of the definition.
    pub version: String,
    /// The item's printed number.
    pub item: String,
    /// The answer's value.
    pub answer: i32,
    /// In the words the patient saw or wrote.
    pub words: String,
    /// How soon a person must look.
    pub tier: Tier,
}

impl Sign {
    /// The answer as a flag's history tells it. The sentence itself is on the flag, not in its history.
    fn told(&self) -> String {
        match (self.rule == PHRASE_RULE, self.item.as_str()) {
            (false, item) => format!("answered {} to item {item}", self.answer),
            (true, "") => "wrote a sentence with a phrase of the list".into(),
            (true, item) => format!("wrote a sentence with a phrase of the list, at item {item}"),
        }
    }
}

/// What raising flags needs to know besides the answers.
struct Rules<'a> {
    in_force: &'a InForce,
    known: Vec<KnownLevelRow>,
}

impl<'a> Rules<'a> {
    fn read(
        tx: &mut Tx,
        in_force: &'a InForce,
        org: OrgId,
        patient: PatientId,
        now: NaiveDateTime,
    ) -> Result<Self, Fault> {
        let today = local_day(in_force.office.zone, now);
        let known = known_level::holding(tx, org, patient, today)?;
        Ok(Rules { in_force, known })
    }

    /// What is known of this patient's answers to the rule. What somebody else answers about them is never expected.
    fn known(&self, place: &Place, instrument: &str, hit: &RiskHit<'_>) -> Option<Known> {
        let row = self.known.iter().find(|row| {
            place.informant.is_none() && row.instrument == instrument && row.rule == hit.rule.id
        })?;
        Some(Known {
            up_to: i16::try_from(row.up_to).ok()?,
        })
    }
}

/// Raises what the hits of an outcome ask for. Whether the patient is offered help is no matter of flags: see `Support::after`.
///
/// # Errors
/// When the database fails.
pub(super) fn raise_flags(
    tx: &mut Tx,
    in_force: &InForce,
    slip: &Slip,
    (response, whence): (ResponseId, &str),
    standing: Standing,
    outcome: &Outcome<'_>,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    if outcome.hits.is_empty() {
        return Ok(());
    }
    let (instrument, org) = (outcome.instrument, slip.administration.org_id);
    let before = match standing {
        Standing::Known => flag::answers_of_response(tx, org, response)?,
        Standing::New => vec![],
    };
    // An answer that stands as it was flagged is told, whether its flag still waits or is closed. Taken back and given again it is an answer of its own: whoever
    // closed the flag may have done so because it was taken back.
    let told = |hit: &RiskHit<'_>| {
        let given_again = outcome.news.iter().any(|new| new.rule.id == hit.rule.id);
        let mut rows = before.iter().filter(|row| row.rule == hit.rule.id);
        !given_again && rows.any(|row| row.answer >= i32::from(hit.value))
    };
    let mut news = outcome.hits.iter().collect::<Vec<_>>();
    news.retain(|hit| !told(hit));
    let place = Place {
        org,
        patient: slip.administration.patient_id,
        episode: slip.administration.episode_id,
        clinic: slip.clinic_id,
        clinician: slip.clinician_id,
        informant: slip.administration.informant_id,
        response: Some(response),
        finish_by: outcome.scored.is_none().then_some(now + FINISH_WITHIN),
        whence: whence.to_owned(),
    };
    let language = &slip.administration.language;
    take_hits(tx, in_force, &place, &news, instrument, language, now)
}

/// The same for answers that no response holds.
///
/// # Errors
/// When the database fails.
pub(super) fn raise_late(
    tx: &mut Tx,
    in_force: &InForce,
    place: &Place,
    late: &Late<'_>,
    language: &str,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let mut news: Vec<&RiskHit<'_>> = late.hits.iter().collect();
    if !news.is_empty() {
        let waits = flag::late_answers(tx, place.org, place.episode)?;
        // No column says of which form a late answer is; what came minutes ago is the same page once more, and what came longer ago may be another.
        news.retain(|hit| {
            !waits.iter().any(|row| {
                row.instrument == late.instrument.id
                    && row.rule == hit.rule.id
                    && row.answer >= i32::from(hit.value)
                    && now - row.at < SAME_PAGE
            })
        });
    }
    take_hits(tx, in_force, place, &news, late.instrument, language, now)
}

fn take_hits(
    tx: &mut Tx,
    in_force: &InForce,
    place: &Place,
    hits: &[&RiskHit<'_>],
    instrument: &Instrument,
    language: &str,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    if hits.is_empty() {
        return Ok(());
    }
    let rules = Rules::read(tx, in_force, place.org, place.patient, now)?;
    for hit in hits {
        let known = rules.known(place, &instrument.id, hit);
        let policy = &rules.in_force.policy;
        if let Some(tier) = policy.tier_of(&instrument.id, hit, known) {
            let sign = sign_of(hit, instrument, language, tier);
            take_sign(tx, rules.in_force, place, &sign, now)?;
        }
    }
    Ok(())
}

fn sign_of(hit: &RiskHit<'_>, instrument: &Instrument, language: &str, tier: Tier) -> Sign {
    Sign {
        rule: hit.rule.id.clone(),
        instrument: instrument.id.clone(),
        version: instrument.version.clone(),
        item: hit.item.to_owned(),
        answer: hit.value.into(),
        words: answer_words(instrument, hit, language),
        tier,
    }
}

/// The words of the answer as the patient saw them; a number is its own words.
fn answer_words(instrument: &Instrument, hit: &RiskHit<'_>, language: &str) -> String {
    let position = hit.rule.item;
    let option = instrument
        .items
        .get(position)
        .and_then(|item| item.option_with(hit.value));
    if option.is_none() {
        return hit.value.to_string();
    }
    option
        .and_then(|option| {
            instrument
                .texts_or_english(language)
                .items
                .get(position)?
                .options
                .get(option)
        })
        .cloned()
        .unwrap_or_default()
}

/// Keeps an answer that a person must see: on a flag that waits for the same rule in the same episode, or on a new one. An answer above what was closed is never put with it.
///
/// # Errors
/// When the database fails.
pub(super) fn take_sign(
    tx: &mut Tx,
    in_force: &InForce,
    place: &Place,
    sign: &Sign,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let same = |row: &FlagRow| {
        row.rule == sign.rule
            && row.instrument == sign.instrument
            && row.informant_id == place.informant
    };
    let waiting = flag::waiting_of_episode(tx, place.org, place.episode)?
        .into_iter()
        .find(same);
    let (flag, how) = match waiting {
        None => (
            new_flag(tx, in_force, place, sign, now)?,
            HowAnswered::Raised,
        ),
        Some(row) => {
            let how = add_to(tx, in_force, place, &row, sign, now)?;
            (row, how)
        }
    };
    flag::add_answer(
        tx,
        &FlagAnswerRow {
            org_id: place.org,
            id: fresh(now),
            flag_id: flag.id,
            response_id: place.response,
            rule: sign.rule.clone(),
            instrument: sign.instrument.clone(),
            version: sign.version.clone(),
            item: sign.item.clone(),
            answer: sign.answer,
            answer_words: sign.words.clone(),
            how: how.word().into(),
            at: now,
        },
    )
}

fn new_flag(
    tx: &mut Tx,
    in_force: &InForce,
    place: &Place,
    sign: &Sign,
    now: NaiveDateTime,
) -> Result<FlagRow, Fault> {
    let people = cover::candidates_in(tx, place.org, in_force.office.zone, now)?;
    let owner = owner_for(place.clinician, place.clinic, &people);
    let deadlines = life::raised(sign.tier, now, in_force.times());
    let row = FlagRow {
        org_id: place.org,
        id: fresh(now),
        patient_id: place.patient,
        episode_id: place.episode,
        clinic_id: place.clinic,
        response_id: place.response,
        informant_id: place.informant,
        rule: sign.rule.clone(),
        instrument: sign.instrument.clone(),
        version: sign.version.clone(),
        policy: in_force.version,
        tier: sign.tier.word().into(),
        item: sign.item.clone(),
        answer: sign.answer,
        answer_words: sign.words.clone(),
        answers: 1,
        last_at: now,
        // Nobody eligible: the clinician keeps it, the alarm below calls for help, and `verify` names it.
        owner_id: owner.unwrap_or(place.clinician),
        state: FlagState::Open.word().into(),
        raised_at: now,
        acknowledged_at: None,
        closed_at: None,
        due_at: Some(deadlines.due_at),
        next_step_at: Some(deadlines.next_step_at),
        finish_by: place.finish_by,
        unfinished_at: None,
    };
    flag::raise(tx, &row)?;
    let note = format!("{}{}", sign.told(), place.whence);
    add_act(tx, &row, Act::Raised, note, now)?;
    notify(tx, &row, MessageKind::FlagNotice, row.owner_id.bytes(), now)?;
    if !life::is_here(row.owner_id, &people) {
        tell_duty(tx, &in_force.policy, &row, &people, now)?;
        let note = "nobody licensed is here; the duty contact was told";
        // After what raised it, also in a history that is ordered by the millisecond.
        let then = now + TimeDelta::milliseconds(1);
        add_act(tx, &row, Act::Alarmed, note.into(), then)?;
    }
    Ok(row)
}

/// The same answer came again, or a higher one. What is higher, or asks for a person sooner, has to be taken on anew; nothing of what waits is lowered.
fn add_to(
    tx: &mut Tx,
    in_force: &InForce,
    place: &Place,
    row: &FlagRow,
    sign: &Sign,
    now: NaiveDateTime,
) -> Result<HowAnswered, Fault> {
    let (tier, state): (Tier, FlagState) = (row.tier.parse()?, row.state.parse()?);
    let sooner = sign.tier < tier;
    let rose = sooner || sign.answer > row.answer;
    let reopened = rose && state == FlagState::Acknowledged;
    let mut after = FlagRow {
        answers: row.answers + 1,
        last_at: now,
        // Another form of the same patient, handed in or not, does not put off the look at the one before.
        finish_by: row.finish_by.or(place.finish_by),
        tier: sign.tier.min(tier).word().into(),
        ..row.clone()
    };
    if sign.answer > row.answer {
        (after.answer, after.answer_words) = (sign.answer, sign.words.clone());
    }
    if sooner || reopened {
        let deadlines = life::raised(sign.tier.min(tier), now, in_force.times());
        after.state = FlagState::Open.word().into();
        after.due_at = Some(deadlines.due_at);
        after.next_step_at = Some(deadlines.next_step_at);
    }
    flag::update_waiting(tx, &after)?;
    let same_form = place.response.is_some() && row.response_id == place.response;
    let (act, what) = match (reopened, same_form) {
        (true, _) => (Act::Reopened, "answer to item"),
        // A sentence is never changed: each is one of its own.
        (false, true) if sign.rule != PHRASE_RULE => (Act::AnswerChanged, "answer to item"),
        (false, _) => (Act::Joined, "answered again: item"),
    };
    let way = if rose { "raised to" } else { "now" };
    let note = match sign.rule == PHRASE_RULE {
        true => format!("{}{}", sign.told(), place.whence),
        false => format!("{what} {} {way} {}{}", sign.item, sign.answer, place.whence),
    };
    add_act(tx, &after, act, note, now)?;
    // Whoever waits to be told is being told already; whoever has it hears of every further answer.
    if rose || state == FlagState::Acknowledged {
        notify(
            tx,
            &after,
            MessageKind::FlagNotice,
            after.owner_id.bytes(),
            now,
        )?;
    }
    Ok(if rose {
        HowAnswered::Rose
    } else {
        HowAnswered::Joined
    })
}

/// Says in the history of their flags that the patient changed answers before handing in.
///
/// # Errors
/// When the database fails.
pub(super) fn note_taken_back(
    tx: &mut Tx,
    org: OrgId,
    response: ResponseId,
    taken_back: &[RiskHit<'_>],
    now: NaiveDateTime,
) -> Result<(), Fault> {
    if taken_back.is_empty() {
        return Ok(());
    }
    let mut told = vec![];
    for answer in flag::answers_of_response(tx, org, response)? {
        let concerned = taken_back.iter().any(|hit| hit.rule.id == answer.rule);
        if !concerned || told.contains(&answer.flag_id) {
            continue;
        }
        told.push(answer.flag_id);
        let row = FlagActRow {
            org_id: org,
            id: fresh(now),
            flag_id: answer.flag_id,
            act: Act::AnswerChanged.word().into(),
            staff_id: None,
            at: now,
            note: format!("answer to item {} changed before sending", answer.item),
        };
        flag::add_act(tx, &row)?;
    }
    Ok(())
}

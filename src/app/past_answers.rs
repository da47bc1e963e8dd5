//! Going through stored responses with the definitions' own risk rules, a page at a time on the lane for reading: what `rehearse`, `read_conservation` and
//! `read_timeliness` count. By the domain's rules alone; how flags are raised when an answer comes is `raise_flags`, and shares none of this.

use super::App;
use crate::domain::ids::{InformantId, OrgId, ResponseId};
use crate::domain::instrument::{Answers, Instrument, Library};
use crate::domain::risk::policy::Known;
use crate::domain::risk::rules::{RiskHit, evaluate};
use crate::domain::schedule::local_day;
use crate::store::flag::FlagAnswerRow;
use crate::store::known_level::KnownLevelRow;
use crate::store::past::{self, PastRow, Whose};
use crate::store::{Fault, Tx};
use chrono::NaiveDateTime;
use chrono_tz::Tz;
use std::collections::HashMap;

/// Responses looked at together.
pub const PAGE: usize = 2_000;

/// A response of which a rule names an answer.
#[derive(Debug, Clone)]
pub struct Found {
    /// The response.
    pub row: PastRow,
    /// The definition it was given to.
    pub instrument: &'static Instrument,
    /// Its answers that rules name.
    pub hits: Vec<RiskHit<'static>>,
    /// Whose answers they are; `None` when the episode is not there, which no episode should be.
    pub whose: Option<Whose>,
    /// Who answered in the patient's place.
    pub informant: Option<InformantId>,
    /// Its answers that belong to flags.
    pub flagged: Vec<FlagAnswerRow>,
    /// What was ever said to be known of the patient's answers.
    pub known: Vec<KnownLevelRow>,
    /// Whether another form of the same occasion has an answer on a flag.
    pub flag_beside: FlagBeside,
}

/// Whether another form of the same occasion has an answer on a flag. Asked only where answers came with the form before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagBeside {
    /// It has.
    Some,
    /// None has, or nobody had to ask.
    None,
}

/// A page of responses.
#[derive(Debug, Default)]
pub struct Looked {
    /// How many responses there were.
    pub responses: usize,
    /// Responses that could not be read by the definition they name.
    pub unreadable: Vec<ResponseId>,
    /// Those of which a rule names an answer.
    pub found: Vec<Found>,
    /// The last one; `None` when there were none left.
    pub last: Option<ResponseId>,
}

impl Found {
    /// The answers of this response that stand on a flag for this rule.
    pub fn flagged_by<'a>(
        &'a self,
        hit: &'a RiskHit<'_>,
    ) -> impl Iterator<Item = &'a FlagAnswerRow> {
        let rule = &hit.rule.id;
        self.flagged
            .iter()
            .filter(move |answer| answer.rule == *rule)
    }

    /// The last answer on a flag that this one is, or is not above.
    #[must_use]
    pub fn flag_of(&self, hit: &RiskHit<'_>) -> Option<&FlagAnswerRow> {
        self.flagged
            .iter()
            .filter(|answer| answer.rule == hit.rule.id && answer.answer >= i32::from(hit.value))
            .max_by_key(|answer| (answer.at, answer.id))
    }

    /// Whether the answer came with the form before and is on a flag there.
    #[must_use]
    pub fn is_flagged_before(&self, hit: &RiskHit<'_>) -> bool {
        self.is_carried(hit) && self.flag_beside == FlagBeside::Some
    }

    /// Whether the answer came with the form before, which is counted there.
    #[must_use]
    pub fn is_carried(&self, hit: &RiskHit<'_>) -> bool {
        let carried = self.row.carried.as_deref().unwrap_or_default();
        carried.split_whitespace().any(|item| item == hit.item)
    }

    /// When the answer was saved, as far as is known.
    #[must_use]
    pub fn saved_at(&self, hit: &RiskHit<'_>) -> NaiveDateTime {
        let flagged = self.flag_of(hit).map(|answer| answer.at);
        flagged.unwrap_or_else(|| self.row.last_at())
    }

    /// What was known of the patient's answers to this rule at that moment.
    #[must_use]
    pub fn known_at(&self, hit: &RiskHit<'_>, at: NaiveDateTime, zone: Tz) -> Option<Known> {
        if self.informant.is_some() {
            return None;
        }
        known_at(&self.known, (&self.row.instrument, &hit.rule.id), at, zone)
    }
}

/// What was known of a patient's answers to a rule of an instrument at a moment, of everything that was ever said to be known of them.
#[must_use]
pub fn known_at(
    known: &[KnownLevelRow],
    (instrument, rule): (&str, &str),
    at: NaiveDateTime,
    zone: Tz,
) -> Option<Known> {
    let day = local_day(zone, at);
    let row = known.iter().rev().find(|row| {
        row.instrument == instrument
            && row.rule == rule
            && row.set_at <= at
            && row.ended_at.is_none_or(|ended| ended > at)
            && row.until_on >= day
    })?;
    Some(Known {
        up_to: i16::try_from(row.up_to).ok()?,
    })
}

/// The instruments of which some version has a risk rule.
#[must_use]
pub fn with_rules(library: &Library) -> Vec<String> {
    let mut ids: Vec<String> = library
        .iter()
        .filter(|instrument| !instrument.risk_rules.is_empty())
        .map(|instrument| instrument.id.clone())
        .collect();
    ids.dedup();
    ids
}

/// The next page of responses behind a key, before another.
///
/// # Errors
/// When the database fails.
pub fn look(
    tx: &mut Tx,
    (org, library): (OrgId, &'static Library),
    instruments: &[String],
    span: (ResponseId, ResponseId),
) -> Result<Looked, Fault> {
    let most = i64::try_from(PAGE).unwrap_or(i64::MAX);
    let rows = past::page(tx, org, instruments, span, most)?;
    let (responses, last) = (rows.len(), rows.last().map(|row| row.id));
    let (mut found, mut unreadable) = (vec![], vec![]);
    for row in rows {
        match read(library, &row) {
            None => unreadable.push(row.id),
            Some((_, hits)) if hits.is_empty() => {}
            Some((instrument, hits)) => found.push(Found {
                row,
                instrument,
                hits,
                whose: None,
                informant: None,
                flagged: vec![],
                known: vec![],
                flag_beside: FlagBeside::None,
            }),
        }
    }
    put_beside(tx, org, &mut found)?;
    Ok(Looked {
        responses,
        unreadable,
        found,
        last,
    })
}

/// The definition of a response and its answers that rules name; `None` when it cannot be read by the definition it names.
pub fn read(
    library: &'static Library,
    row: &PastRow,
) -> Option<(&'static Instrument, Vec<RiskHit<'static>>)> {
    let instrument = library.version(&row.instrument, &row.version)?;
    let answers = Answers::from_json(instrument, &row.answers).ok()?;
    Some((instrument, evaluate(instrument, &answers)))
}

/// What stands around the few responses of which a rule names an answer.
fn put_beside(tx: &mut Tx, org: OrgId, found: &mut [Found]) -> Result<(), Fault> {
    if found.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = found.iter().map(|one| one.row.id).collect();
    let mut episodes: Vec<_> = found.iter().map(|one| one.row.episode_id).collect();
    episodes.sort_unstable_by_key(|id| *id.bytes());
    episodes.dedup();
    let whose: HashMap<_, _> = past::whose(tx, org, &episodes)?
        .into_iter()
        .map(|one| (one.episode_id, one))
        .collect();
    let occasions: Vec<_> = found.iter().map(|one| one.row.administration_id).collect();
    let informed: HashMap<_, _> = past::informed(tx, org, &occasions)?.into_iter().collect();
    let patients: Vec<_> = whose.values().map(|one| one.patient_id).collect();
    let known = past::known_levels(tx, org, &patients)?;
    let mut flagged: HashMap<_, Vec<FlagAnswerRow>> = HashMap::new();
    for answer in past::flagged(tx, org, &ids)? {
        if let Some(response) = answer.response_id {
            flagged.entry(response).or_default().push(answer);
        }
    }
    let carrying: Vec<_> = found
        .iter()
        .filter(|one| one.row.carried.is_some())
        .map(|one| one.row.administration_id)
        .collect();
    let beside = match carrying.is_empty() {
        true => vec![],
        false => past::flagged_on(tx, org, &episodes, &carrying)?,
    };
    for one in found {
        let (occasion, id) = (one.row.administration_id, one.row.id);
        if beside
            .iter()
            .any(|(on, other)| *on == occasion && *other != id)
        {
            one.flag_beside = FlagBeside::Some;
        }
        one.whose = whose.get(&one.row.episode_id).cloned();
        one.informant = informed.get(&one.row.administration_id).copied().flatten();
        one.flagged = flagged.remove(&one.row.id).unwrap_or_default();
        let patient = one.whose.as_ref().map(|whose| whose.patient_id);
        one.known = known
            .iter()
            .filter(|row| Some(row.patient_id) == patient)
            .cloned()
            .collect();
    }
    Ok(())
}

/// Goes through every response that began in a span of time, oldest first, until `each` says that it is enough; says how many there were. Each page is a read of its own:
/// nobody else waits for long.
///
/// # Errors
/// When the database fails.
pub async fn each_page(
    app: &App,
    from: NaiveDateTime,
    until: NaiveDateTime,
    mut each: impl FnMut(Looked) -> Onward,
) -> Result<usize, Fault> {
    let (org, library) = (app.org, app.library);
    let (mut after, before) = (past::key_at(from), past::key_at(until));
    let mut responses = 0;
    loop {
        let instruments = with_rules(library);
        let looked: Looked = app
            .store
            .read(move |tx| look(tx, (org, library), &instruments, (after, before)))
            .await?;
        responses += looked.responses;
        let Some(last) = looked.last else {
            return Ok(responses);
        };
        after = last;
        let full = looked.responses == PAGE;
        if each(looked) == Onward::Enough || !full {
            return Ok(responses);
        }
    }
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Onward {
    /// There may be more.
    More,
    /// It is enough.
    Enough,
}

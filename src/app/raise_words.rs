//! A patient's own words: in an answer, a text message or a note to answers. Each passage reaches a person as a signal; sentences in which the small list of `risk::phrases` finds
//! something raise a crisis flag, or join it. Words never leave in a mail. Not here: storing the words themselves.

use super::hand_in::{Ledger, Support};
use super::raise_flags::{FINISH_WITHIN, Place, Sign, take_sign};
use super::raise_signals::{About, take_seen};
use super::safety_in_force::InForce;
use crate::domain::ids::{AdministrationId, EpisodeId, InformantId, OrgId, PatientId, ResponseId};
use crate::domain::instrument::{AnsweredBy, Answers, ENGLISH, Instrument, Position};
use crate::domain::language::Language;
use crate::domain::risk::signal::{LATE, Passage, Seen, WrittenIn};
use crate::domain::risk::{PHRASE_RULE, Tier, phrases};
use crate::domain::submission::{Asks, Late, Outcome};
use crate::store::response::ResponseRow;
use crate::store::{Fault, Tx, flag, informant, patient};
use chrono::NaiveDateTime;
use std::hash::{DefaultHasher, Hash, Hasher};

/// So much of a question stands beside the words that answer it, in characters.
const QUESTION_MOST: usize = 160;

/// Words written outside a form.
#[derive(Debug, Clone)]
pub struct Outside<'a> {
    /// Organisation.
    pub org: OrgId,
    /// Whose.
    pub patient: PatientId,
    /// Where.
    pub written_in: WrittenIn,
    /// What tells this passage from others of the same patient.
    pub key: String,
    /// The words.
    pub words: &'a str,
    /// The response that a note belongs to.
    pub response: Option<ResponseId>,
    /// The episode of care they are about; `None`: the patient's open one, else the newest.
    pub episode: Option<EpisodeId>,
    /// Who wrote them, if that is not the patient.
    pub informant: Option<InformantId>,
}

/// Who reads words that were written outside a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// Whether they stand in the signals; otherwise the patient has no open episode, and the caller has to tell somebody.
    pub queue: Queue,
    /// Whether help comes first now.
    pub support: Support,
}

/// Where words wait for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Among the signals.
    Signals,
    /// Nowhere yet: there is no open episode of care.
    None,
}

/// Whether words were given in any of these forms.
pub(super) fn any_words(outcomes: &[Outcome<'_>]) -> bool {
    outcomes
        .iter()
        .filter(|outcome| outcome.touched)
        .any(|outcome| positions(outcome.instrument).any(|at| outcome.answers.words(at).is_some()))
}

/// The questions that are answered by words.
fn positions(instrument: &Instrument) -> impl Iterator<Item = Position> {
    let items = instrument.items.iter().enumerate();
    items
        .filter(|(_, item)| item.answered_by == AnsweredBy::Words)
        .map(|(position, _)| position)
}

/// Brings the words in these answers to a person, and says whether help comes first now.
///
/// # Errors
/// When the database fails.
pub(super) fn raise_words(
    tx: &mut Tx,
    in_force: &InForce,
    ledger: &Ledger<'_>,
    outcome: &Outcome<'_>,
    row: &ResponseRow,
    whence: &str,
) -> Result<Support, Fault> {
    if !any_words(std::slice::from_ref(outcome)) {
        return Ok(Support::NotNow);
    }
    let form = &ledger.slip.administration;
    let passages = written(ledger, outcome, row.id, whence);
    if passages.is_empty() {
        return Ok(Support::NotNow);
    }
    let place = Place {
        org: form.org_id,
        patient: form.patient_id,
        episode: form.episode_id,
        clinic: ledger.slip.clinic_id,
        clinician: ledger.slip.clinician_id,
        informant: form.informant_id,
        response: Some(row.id),
        finish_by: outcome
            .scored
            .is_none()
            .then_some(ledger.now + FINISH_WITHIN),
        whence: whence.to_owned(),
    };
    bring(
        tx,
        in_force,
        &place,
        outcome.instrument,
        passages,
        ledger.now,
    )
}

/// The same for words that no response holds.
///
/// # Errors
/// When the database fails.
pub(super) fn raise_late_words(
    tx: &mut Tx,
    in_force: &InForce,
    place: &Place,
    late: &Late<'_>,
    form: AdministrationId,
    now: NaiveDateTime,
) -> Result<Support, Fault> {
    let passages: Vec<_> = positions(late.instrument)
        .filter_map(|at| {
            let words = late.answers.words(at)?;
            // They stand nowhere else: other words do not take their place, and the same ones are there once.
            let words_hash = fingerprint(words);
            let key = format!("{LATE}{form} {words_hash:016x}");
            let (item, passage) = passage(late.instrument, at, words, &key, &place.whence, now)?;
            (!words.trim().is_empty()).then_some(Written {
                item,
                passage,
                before: None,
            })
        })
        .collect();
    if passages.is_empty() {
        return Ok(Support::NotNow);
    }
    bring(tx, in_force, place, late.instrument, passages, now)
}

/// Tells words from others within one form; means nothing beyond that.
fn fingerprint(words: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    words.hash(&mut hasher);
    hasher.finish()
}

/// Flags the sentences that ask for it and puts all passages among the signals; says whether help comes first now.
fn bring(
    tx: &mut Tx,
    in_force: &InForce,
    place: &Place,
    instrument: &Instrument,
    written: Vec<Written<'_>>,
    now: NaiveDateTime,
) -> Result<Support, Fault> {
    let mut support = Support::NotNow;
    let of = (instrument.id.as_str(), instrument.version.as_str());
    for one in &written {
        let said = (one.item, one.passage.words.as_str());
        let told = one.before.as_deref().map_or(Told::Late, Told::Stood);
        if flag_phrases(tx, in_force, place, of, said, told, now)? {
            support = Support::ShowNow;
        }
    }
    let passages = written.into_iter().map(|one| one.passage).collect();
    tell(tx, in_force, place, passages, now)?;
    Ok(support)
}

/// Words in answer to one question.
struct Written<'i> {
    /// The item's printed number.
    item: &'i str,
    /// The words.
    passage: Passage,
    /// What stood there just before; `None`: they stand in no form.
    before: Option<String>,
}

/// The passages that are new or were written anew.
fn written<'o>(
    ledger: &Ledger<'_>,
    outcome: &'o Outcome<'_>,
    response: ResponseId,
    whence: &str,
) -> Vec<Written<'o>> {
    let instrument = outcome.instrument;
    let before = ledger
        .stored
        .iter()
        .find(|row| row.instrument == instrument.id)
        .and_then(|row| Answers::from_json(instrument, &row.answers).ok());
    let carried =
        |at: Position| matches!(&outcome.asks, Asks::AllBut(known) if known.contains(&at));
    let key = response.to_string();
    let when = ledger.hand.given_at.unwrap_or(ledger.now);
    positions(instrument)
        .filter(|at| !carried(*at))
        .filter_map(|at| {
            let words = outcome.answers.words(at)?;
            let known = before.as_ref().and_then(|before| before.words(at));
            if words.trim().is_empty() || known == Some(words) {
                return None;
            }
            let (item, passage) = passage(instrument, at, words, &key, whence, when)?;
            Some(Written {
                item,
                passage,
                before: Some(known.unwrap_or_default().to_owned()),
            })
        })
        .collect()
}

/// Words with the question they answer, and the item's printed number.
fn passage<'i>(
    instrument: &'i Instrument,
    at: Position,
    words: &str,
    key: &str,
    whence: &str,
    when: NaiveDateTime,
) -> Option<(&'i str, Passage)> {
    let item = instrument.items.get(at)?;
    let texts = instrument.texts_or_english(ENGLISH);
    let question = texts.items.get(at).map_or("", |texts| texts.text.as_str());
    let question: String = question.chars().take(QUESTION_MOST).collect();
    let passage = Passage {
        written_in: WrittenIn::Form.word().into(),
        place: format!("{}, item {}: {question}{whence}", texts.short_name, item.id),
        key: format!("{key}/{}", item.id),
        words: words.to_owned(),
        at: when,
    };
    Some((&item.id, passage))
}

/// Brings words written outside a form to a person, in a transaction of the caller's.
///
/// # Errors
/// When the database fails.
pub fn raise_outside(
    tx: &mut Tx,
    outside: &Outside<'_>,
    now: NaiveDateTime,
) -> Result<Reached, Fault> {
    raise(tx, outside, Kept::Yes, now)
}

/// The same for words that are refused, as whoever wrote them is told: of them only a sentence that asks for somebody reaches one, with its flag, whose history says
/// `whence` they came. Says whether help comes first now.
///
/// # Errors
/// When the database fails.
pub(super) fn raise_refused(
    tx: &mut Tx,
    outside: &Outside<'_>,
    whence: &'static str,
    now: NaiveDateTime,
) -> Result<Support, Fault> {
    match calls(outside.words) {
        true => Ok(raise(tx, outside, Kept::No { whence }, now)?.support),
        false => Ok(Support::NotNow),
    }
}

/// Whether the list of phrases finds something in these words.
pub(super) fn calls(words: &str) -> bool {
    !sentences(words).is_empty()
}

/// Flags what asks for somebody in words that are not kept, so that they may come again and again: a person is told once, and help is shown each time.
///
/// # Errors
/// When the database fails.
pub(super) fn hear(
    tx: &mut Tx,
    in_force: &InForce,
    place: &Place,
    by: (&str, &str),
    (item, words): (&str, &str),
    now: NaiveDateTime,
) -> Result<Support, Fault> {
    flag_phrases(tx, in_force, place, by, (item, words), Told::Late, now)?;
    Ok(match in_force.policy.phrases && calls(words) {
        true => Support::ShowNow,
        false => Support::NotNow,
    })
}

/// Whether words are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Yes,
    No { whence: &'static str },
}

fn raise(
    tx: &mut Tx,
    outside: &Outside<'_>,
    kept: Kept,
    now: NaiveDateTime,
) -> Result<Reached, Fault> {
    let nowhere = Reached {
        queue: Queue::None,
        support: Support::NotNow,
    };
    let episode = match outside.episode {
        Some(id) => Some(patient::episode_by_id(tx, outside.org, id)?),
        None => patient::episode_of(tx, outside.org, outside.patient)?,
    };
    let Some(episode) = episode else {
        return Ok(nowhere);
    };
    let mut whence = String::new();
    if let Kept::No { whence: why } = kept {
        whence.push_str(why);
    }
    if let Some(id) = outside.informant
        && let Some(who) = informant::by_id(tx, outside.org, outside.patient, id)?
    {
        whence.push_str(&format!("; written by {}", who.who()));
    }
    patient::lock_episode(tx, outside.org, episode.id)?;
    let in_force = InForce::read(tx, outside.org)?;
    let place = Place {
        org: outside.org,
        patient: outside.patient,
        episode: episode.id,
        clinic: episode.clinic_id,
        clinician: episode.clinician_id,
        informant: outside.informant,
        response: outside.response,
        finish_by: None,
        whence: whence.clone(),
    };
    let written_in = outside.written_in.word();
    let said = ("", outside.words);
    // After the end of care too: a sentence that somebody must see is one all the same.
    let version = phrases::PHRASES_VERSION.to_string();
    let by = (written_in, version.as_str());
    if kept != Kept::Yes {
        let support = hear(tx, &in_force, &place, by, said, now)?;
        return Ok(Reached { support, ..nowhere });
    }
    let support = match flag_phrases(tx, &in_force, &place, by, said, Told::Never, now)? {
        true => Support::ShowNow,
        false => Support::NotNow,
    };
    if episode.ended_on.is_some() {
        return Ok(Reached { support, ..nowhere });
    }
    let passage = Passage {
        written_in: written_in.into(),
        place: whence.trim_start_matches("; ").to_owned(),
        key: outside.key.clone(),
        words: outside.words.to_owned(),
        at: now,
    };
    tell(tx, &in_force, &place, vec![passage], now)?;
    Ok(Reached {
        queue: Queue::Signals,
        support,
    })
}

/// Puts passages among the signals.
fn tell(
    tx: &mut Tx,
    in_force: &InForce,
    place: &Place,
    passages: Vec<Passage>,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let about = About {
        org: place.org,
        patient: place.patient,
        episode: place.episode,
        clinic: place.clinic,
        clinician: place.clinician,
        instrument: ("", ""),
        scale: "",
        response: place.response,
    };
    let seen = Seen::Words {
        passages,
        earlier: 0,
    };
    take_seen(tx, in_force.rules(), &about, seen, now)
}

/// Which sentences are not new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told<'a> {
    /// Those that stood in these words just before, and were flagged on this form: it is saved again as it goes on. What was taken back and is written again is new.
    Stood(&'a str),
    /// Those that were flagged before without a form that holds them: they may be sent again and again.
    Late,
    /// None: each message is one of its own, also when it says the same.
    Never,
}

/// Flags the sentences in which the list finds something; says whether it did.
///
/// A sentence has no grade. So each gets the next number of its flag and counts as higher than what the flag waited for: somebody has to look again.
fn flag_phrases(
    tx: &mut Tx,
    in_force: &InForce,
    place: &Place,
    (instrument, version): (&str, &str),
    (item, words): (&str, &str),
    before: Told<'_>,
    now: NaiveDateTime,
) -> Result<bool, Fault> {
    if !in_force.policy.phrases {
        return Ok(false);
    }
    let sentences = sentences(words);
    if sentences.is_empty() {
        return Ok(false);
    }
    let flagged = match (before, place.response) {
        (Told::Stood(_), Some(response)) => flag::answers_of_response(tx, place.org, response)?,
        (Told::Late, _) => flag::late_answers(tx, place.org, place.episode)?,
        (Told::Stood(_), None) | (Told::Never, _) => vec![],
    };
    let stood = match before {
        Told::Stood(words) => Some(self::sentences(words)),
        Told::Late | Told::Never => None,
    };
    let told = |sentence: &String| {
        stood.as_ref().is_none_or(|stood| stood.contains(sentence))
            && flagged
                .iter()
                .any(|row| row.rule == PHRASE_RULE && row.answer_words == *sentence)
    };
    let mut found = false;
    for sentence in sentences {
        if told(&sentence) {
            continue;
        }
        found = true;
        let number = next_number(tx, place, place.episode, instrument)?;
        let sign = Sign {
            rule: PHRASE_RULE.into(),
            instrument: instrument.to_owned(),
            version: version.to_owned(),
            item: item.to_owned(),
            answer: number,
            words: sentence,
            tier: Tier::Crisis,
        };
        take_sign(tx, in_force, place, &sign, now)?;
    }
    Ok(found)
}

/// The sentences in which the list finds something, in any language: people mix them. Each once.
fn sentences(words: &str) -> Vec<String> {
    let mut sentences: Vec<String> = vec![];
    for language in Language::ALL {
        for found in phrases::find(words, *language) {
            if !sentences.contains(&found.sentence) {
                sentences.push(found.sentence);
            }
        }
    }
    sentences
}

/// One more than every sentence of this response and of the flag that waits.
fn next_number(
    tx: &mut Tx,
    place: &Place,
    episode: EpisodeId,
    instrument: &str,
) -> Result<i32, Fault> {
    let waiting = flag::waiting_of_episode(tx, place.org, episode)?
        .into_iter()
        .filter(|row| {
            row.rule == PHRASE_RULE
                && row.instrument == instrument
                && row.informant_id == place.informant
        })
        .map(|row| row.answer)
        .max();
    let before = match place.response {
        Some(response) => flag::answers_of_response(tx, place.org, response)?,
        None => vec![],
    };
    let said = before
        .iter()
        .filter(|row| row.rule == PHRASE_RULE)
        .map(|row| row.answer)
        .max();
    Ok(waiting.max(said).unwrap_or(0) + 1)
}

//! A flag in words: what was answered, which rule read it, how long it waits, what was done. No handler here, and no judgement.

use super::words;
use crate::app::read_queue::{Around, Entry, NamedAct};
use crate::domain::care::ResponseState;
use crate::domain::ids::{FlagId, PatientId};
use crate::domain::instrument::{Answer, Answers, ENGLISH, Instrument, Library, RiskRule, Texts};
use crate::domain::risk::{Act, FlagState};
use crate::domain::schedule::{local_day, local_time};
use crate::store::flag::FlagRow;
use crate::store::response::ResponseRow;
use chrono::NaiveDateTime;
use chrono_tz::Tz;

/// A flag as the pages print it.
pub struct Card {
    /// The flag.
    pub id: FlagId,
    /// The patient.
    pub patient_id: PatientId,
    /// Their name.
    pub patient: String,
    /// Where.
    pub clinic: String,
    /// Whose it is now.
    pub owner: String,
    /// When the owner took it on, in words.
    pub taken_on: Option<String>,
    /// The item's printed number.
    pub item: String,
    /// The stem above the question.
    pub stem: String,
    /// The question.
    pub question: String,
    /// The answer's value.
    pub answer: i32,
    /// The answer in the words the patient saw.
    pub answer_words: String,
    /// When the answer was saved, in words.
    pub raised: String,
    /// `overdue since …` or `due in …`; empty once closed.
    pub deadline: String,
    /// Whether that deadline has passed.
    pub is_overdue: bool,
    /// Where the flag stands, in words.
    pub state: &'static str,
    /// Whether "I have it" is the next act.
    pub can_acknowledge: bool,
    /// Whether closing is the next act.
    pub can_close: bool,
    /// What the rule says.
    pub rule: String,
    /// The rule's version.
    pub rule_version: String,
    /// Where the rule comes from.
    pub source: String,
    /// The instrument's id.
    pub instrument_id: String,
    /// The instrument's short name.
    pub instrument: String,
    /// Version of the definition.
    pub version: String,
}

/// A closed flag on one line.
pub struct ClosedRow {
    /// The flag.
    pub id: FlagId,
    /// The patient.
    pub patient_id: PatientId,
    /// Their name.
    pub patient: String,
    /// The answer's value.
    pub answer: i32,
    /// The item's printed number.
    pub item: String,
    /// The instrument's short name.
    pub instrument: String,
    /// When the answer was saved.
    pub raised: String,
    /// By whom and when it was closed.
    pub closed: String,
    /// The words it was closed with.
    pub assessment: String,
}

/// An act in words.
pub struct Saying {
    /// Who did what.
    pub words: String,
    /// When.
    pub at: String,
    /// What they noted.
    pub note: String,
}

/// The flagged item's answer on one occasion.
pub struct AnswerRow {
    /// The day.
    pub day: String,
    /// Value and words, or that there is none.
    pub words: String,
    /// What is special about it.
    pub remark: &'static str,
    /// Whether this occasion raised the flag.
    pub is_this: bool,
}

/// A flag's instrument and words, as far as the library still knows them.
struct Known<'a> {
    instrument: Option<&'a Instrument>,
    texts: Option<&'a Texts>,
}

impl<'a> Known<'a> {
    fn of(flag: &FlagRow, library: &'a Library) -> Known<'a> {
        let instrument = library.version(&flag.instrument, &flag.version);
        Known {
            instrument,
            texts: instrument.map(|known| known.texts_or_english(ENGLISH)),
        }
    }

    fn name(&self, flag: &FlagRow) -> String {
        self.texts
            .map_or_else(|| flag.instrument.clone(), |texts| texts.short_name.clone())
    }

    fn question(&self, flag: &FlagRow) -> Option<(String, String)> {
        let item = self
            .texts?
            .items
            .get(self.instrument?.position(&flag.item)?)?;
        Some((item.stem.clone().unwrap_or_default(), item.text.clone()))
    }

    /// The rule and what it says.
    fn rule(&self, flag: &FlagRow) -> Option<(&'a RiskRule, String)> {
        let (position, rule) = self
            .instrument?
            .risk_rules
            .iter()
            .enumerate()
            .find(|(_, rule)| rule.id == flag.rule)?;
        Some((rule, self.texts?.risk_rules.get(position)?.clone()))
    }
}

/// The flag as it is printed.
pub fn card(entry: &Entry, library: &Library, zone: Tz, now: NaiveDateTime) -> Card {
    let flag = &entry.names.flag;
    let known = Known::of(flag, library);
    let (stem, question) = known.question(flag).unwrap_or_default();
    let (rule, rule_version, source) = match known.rule(flag) {
        Some((rule, says)) => (says, rule.version.clone(), rule.source.clone()),
        None => (
            flag.rule.replace('_', " "),
            String::new(),
            "This program no longer holds the rule’s definition.".to_owned(),
        ),
    };
    let state = flag.state.parse().ok();
    Card {
        id: flag.id,
        patient_id: flag.patient_id,
        patient: entry.names.patient.clone(),
        clinic: entry.names.clinic.clone(),
        owner: entry.names.owner.clone(),
        taken_on: done_at(entry, Act::Acknowledged)
            .map(|at| format!("taken on {}", moment(at, zone, now))),
        item: flag.item.clone(),
        stem,
        question,
        answer: flag.answer,
        answer_words: flag.answer_words.clone(),
        raised: format!(
            "{}, {} ago",
            moment(flag.raised_at, zone, now),
            words::age(flag.raised_at, now)
        ),
        deadline: deadline(flag, state, zone, now),
        is_overdue: flag.due_at.is_some_and(|due| due <= now),
        state: state_words(state),
        can_acknowledge: state == Some(FlagState::Open),
        can_close: state == Some(FlagState::Acknowledged),
        rule,
        rule_version,
        source,
        instrument_id: flag.instrument.clone(),
        instrument: known.name(flag),
        version: flag.version.clone(),
    }
}

fn state_words(state: Option<FlagState>) -> &'static str {
    match state {
        Some(FlagState::Open) => "nobody has it yet",
        Some(FlagState::Acknowledged) => "taken on, not closed",
        Some(FlagState::Closed) => "closed",
        None => "unknown",
    }
}

/// By when the next act is due, and which.
fn deadline(flag: &FlagRow, state: Option<FlagState>, zone: Tz, now: NaiveDateTime) -> String {
    let Some(due) = flag.due_at else {
        return String::new();
    };
    let act = if state == Some(FlagState::Open) {
        "to be taken on"
    } else {
        "to be closed"
    };
    if due <= now {
        format!(
            "{act}: overdue since {}, {}",
            moment(due, zone, now),
            words::age(due, now)
        )
    } else {
        format!("{act}: due in {}", words::age(now, due))
    }
}

fn done_at(entry: &Entry, act: Act) -> Option<NaiveDateTime> {
    last(entry, act).map(|(row, _)| row.at)
}

fn last(entry: &Entry, act: Act) -> Option<&NamedAct> {
    entry
        .acts
        .iter()
        .rev()
        .find(|(row, _)| row.act == act.word())
}

/// An instant on the site's clock: `Tue 3 Mar, 14:05`.
fn moment(at: NaiveDateTime, zone: Tz, now: NaiveDateTime) -> String {
    let (at, today) = (local_time(zone, at), local_day(zone, now));
    let same_year = at.format("%Y").to_string() == today.format("%Y").to_string();
    at.format(if same_year {
        "%a %-d %b, %H:%M"
    } else {
        "%a %-d %b %Y, %H:%M"
    })
    .to_string()
}

/// A closed flag on its line.
pub fn closed_row(entry: &Entry, library: &Library, zone: Tz, now: NaiveDateTime) -> ClosedRow {
    let flag = &entry.names.flag;
    let closing = last(entry, Act::Closed);
    ClosedRow {
        id: flag.id,
        patient_id: flag.patient_id,
        patient: entry.names.patient.clone(),
        answer: flag.answer,
        item: flag.item.clone(),
        instrument: Known::of(flag, library).name(flag),
        raised: moment(flag.raised_at, zone, now),
        closed: closing.map_or_else(String::new, |(row, name)| {
            format!(
                "{}, {}",
                name.as_deref().unwrap_or("somebody"),
                moment(row.at, zone, now)
            )
        }),
        assessment: closing.map(|(row, _)| row.note.clone()).unwrap_or_default(),
    }
}

/// The history in words, oldest first.
pub fn acts(entry: &Entry, zone: Tz, now: NaiveDateTime) -> Vec<Saying> {
    let say = |(row, name): &NamedAct| {
        let name = name.as_deref().unwrap_or("somebody");
        let words = match row.act.parse() {
            Ok(Act::Raised) => "The answer was saved and the flag raised.".to_owned(),
            Ok(Act::AnswerChanged) => "The patient changed the answer. The flag stays.".to_owned(),
            Ok(Act::Joined) => {
                "The patient gave the same answer, or a lower one, again.".to_owned()
            }
            Ok(Act::Reopened) => {
                "The patient gave a higher answer. It has to be taken on anew.".to_owned()
            }
            Ok(Act::Unfinished) => "The form was left after this answer.".to_owned(),
            Ok(Act::Finished) => "The form that had been left was handed in.".to_owned(),
            Ok(Act::Notified) => format!("{name} was told."),
            Ok(Act::Alarmed) => "The duty contact was told: nobody licensed is here.".to_owned(),
            Ok(Act::CloseDue) => "Still open at the end of the day.".to_owned(),
            Ok(Act::Overdue) => "Overdue: the supervisors were told.".to_owned(),
            Ok(Act::Claimed) => format!("{name} took it over."),
            Ok(Act::HandedOver) => format!("{name} gave it to a colleague."),
            Ok(Act::Disagreed) => format!("{name} disagrees:"),
            Ok(Act::Acknowledged) => format!("{name} said: I have it."),
            Ok(Act::Closed) => format!("{name} closed it with this assessment:"),
            Err(_) => row.act.replace('_', " "),
        };
        Saying {
            words,
            at: moment(row.at, zone, now),
            note: row.note.clone(),
        }
    };
    entry.acts.iter().map(say).collect()
}

/// The flagged item's answers in this episode, the newest first.
pub fn answers(around: &Around, library: &Library, now: NaiveDateTime) -> Vec<AnswerRow> {
    let flag = &around.entry.names.flag;
    let row = |response: &ResponseRow| {
        let day = local_day(
            around.zone,
            response.completed_at.unwrap_or(response.started_at),
        );
        AnswerRow {
            day: words::day_ago(day, local_day(around.zone, now)),
            words: answer_words(response, &flag.item, library),
            remark: remark(response),
            is_this: Some(response.id) == flag.response_id,
        }
    };
    around.responses.iter().rev().map(row).collect()
}

fn remark(response: &ResponseRow) -> &'static str {
    match response.state.parse() {
        Ok(ResponseState::Completed) if response.entered_by.is_some() => "entered by staff",
        Ok(ResponseState::Completed) => "",
        Ok(ResponseState::InProgress) => "not handed in",
        Ok(ResponseState::Stopped) => "left unfinished",
        Ok(ResponseState::EnteredInError) => "recorded by mistake",
        Err(_) => "",
    }
}

/// The answers of a response with its definition; `None` when the library cannot read them.
fn read<'a>(response: &ResponseRow, library: &'a Library) -> Option<(&'a Instrument, Answers)> {
    let instrument = library.version(&response.instrument, &response.version)?;
    Some((
        instrument,
        Answers::from_json(instrument, &response.answers).ok()?,
    ))
}

fn answer_words(response: &ResponseRow, item: &str, library: &Library) -> String {
    let Some((instrument, answers)) = read(response, library) else {
        return "cannot be read".to_owned();
    };
    let Some(position) = instrument.position(item) else {
        return "was not part of this version".to_owned();
    };
    let texts = instrument.texts_or_english(&response.language);
    let said = |value: i16| {
        let option = instrument.items.get(position)?.option_with(value)?;
        texts.items.get(position)?.options.get(option)
    };
    let words = |value: i16| {
        said(value).map_or_else(|| value.to_string(), |words| format!("{value}, “{words}”"))
    };
    match answers.at(position) {
        Answer::Blank => "not answered".to_owned(),
        Answer::Declined => "chose not to answer".to_owned(),
        Answer::Value(value) => words(value),
        Answer::Several(ticks) => ticks.values().map(words).collect::<Vec<_>>().join("; "),
        Answer::Words => "answered in words".to_owned(),
    }
}

/// Which questions of the response stayed open.
pub fn missing(around: &Around, library: &Library) -> String {
    let flag = &around.entry.names.flag;
    let Some(response) = around
        .responses
        .iter()
        .find(|row| Some(row.id) == flag.response_id)
    else {
        return "The response cannot be read.".to_owned();
    };
    let Some((instrument, answers)) = read(response, library) else {
        return "The response cannot be read.".to_owned();
    };
    let open: Vec<&str> = instrument
        .asked(&answers)
        .filter(|position| answers.get(*position).is_none())
        .filter_map(|position| Some(instrument.items.get(position)?.id.as_str()))
        .collect();
    let sent = if response.completed_at.is_some() {
        ""
    } else {
        " The form is not handed in yet; the flag does not wait for that."
    };
    match open.as_slice() {
        [] => format!("Every question that was asked has an answer.{sent}"),
        [one] => format!("Item {one} has no answer.{sent}"),
        several => format!("Items {} have no answer.{sent}", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Id;
    use crate::store::flag::FlagNames;
    use uuid::Uuid;

    fn id<K>(n: u128) -> Id<K> {
        Id::from_uuid(Uuid::from_u128(n))
    }

    fn at(minutes: i64) -> NaiveDateTime {
        chrono::DateTime::from_timestamp(1_772_000_000 + minutes * 60, 0)
            .unwrap()
            .naive_utc()
    }

    fn entry(state: FlagState, due: Option<NaiveDateTime>) -> Entry {
        let flag = FlagRow {
            org_id: id(1),
            id: id(2),
            patient_id: id(3),
            episode_id: id(4),
            clinic_id: id(5),
            response_id: Some(id(6)),
            informant_id: None,
            rule: "thoughts_of_death_or_self_harm".into(),
            instrument: "phq9".into(),
            version: "1".into(),
            policy: 0,
            tier: "crisis".into(),
            item: "9".into(),
            answer: 2,
            answer_words: "More than half the days".into(),
            answers: 1,
            last_at: at(0),
            owner_id: id(7),
            state: state.word().into(),
            raised_at: at(0),
            acknowledged_at: None,
            closed_at: None,
            due_at: due,
            next_step_at: due,
            finish_by: None,
            unfinished_at: None,
        };
        Entry {
            names: FlagNames {
                flag,
                patient: "Ana".into(),
                clinic: "West".into(),
                owner: "Bo".into(),
            },
            acts: vec![],
        }
    }

    fn response(n: u128, answers: &str) -> ResponseRow {
        ResponseRow {
            org_id: id(1),
            id: id(n),
            administration_id: id(8),
            episode_id: id(4),
            instrument: "phq9".into(),
            version: "1".into(),
            state: "completed".into(),
            answers: answers.into(),
            criteria: "{}".into(),
            language: "en".into(),
            layout: "page".into(),
            started_at: at(0),
            completed_at: Some(at(0)),
            entered_by: None,
            carried: None,
        }
    }

    #[test]
    fn a_flag_shows_question_answer_rule_and_source() {
        let card = card(
            &entry(FlagState::Open, Some(at(15))),
            Library::embedded(),
            chrono_tz::UTC,
            at(3),
        );
        assert!(
            card.question
                .starts_with("Thoughts that you would be better off dead")
        );
        assert_eq!(
            (
                card.answer,
                card.answer_words.as_str(),
                card.instrument.as_str()
            ),
            (2, "More than half the days", "PHQ-9")
        );
        assert!(card.rule.contains("Not at all") && card.source.contains("Simon"));
        assert_eq!(card.deadline, "to be taken on: due in 12 min");
        assert!(card.can_acknowledge && !card.can_close && !card.is_overdue);
    }

    #[test]
    fn a_flag_past_its_deadline_says_since_when() {
        let card = card(
            &entry(FlagState::Acknowledged, Some(at(0))),
            Library::embedded(),
            chrono_tz::UTC,
            at(130),
        );
        assert!(card.is_overdue && card.can_close && !card.can_acknowledge);
        assert!(
            card.deadline.starts_with("to be closed: overdue since ")
                && card.deadline.ends_with(", 2 h"),
            "{}",
            card.deadline
        );
    }

    #[test]
    fn what_was_missing_and_what_was_answered_before_are_told_apart() {
        let responses = vec![
            response(9, r#"{"1":1,"9":0}"#),
            response(
                6,
                r#"{"1":1,"2":1,"3":1,"4":1,"5":1,"6":1,"8":1,"9":2,"10":0}"#,
            ),
        ];
        let around = Around {
            entry: entry(FlagState::Open, None),
            responses,
            zone: chrono_tz::UTC,
        };
        assert_eq!(
            missing(&around, Library::embedded()),
            "Item 7 has no answer."
        );
        let rows = answers(&around, Library::embedded(), at(0));
        assert_eq!(
            rows.iter()
                .map(|row| (row.words.as_str(), row.is_this))
                .collect::<Vec<_>>(),
            [
                ("2, “More than half the days”", true),
                ("0, “Not at all”", false)
            ]
        );
        let gap = response(10, r#"{"1":1}"#);
        assert_eq!(answer_words(&gap, "9", Library::embedded()), "not answered");
    }
}

//! A flag as its page prints it: the answer, the rule, what the site says about it, the answers around it, what was done. No handler here, and no judgement.

use super::flag_words::{
    Here, Known, choice_words, contact_words, day, due_words, heading, hours, is_crisis, is_phrase,
    level_words, moment, said_by, state_of, state_words, topic_words, who,
};
use super::words;
use crate::app::read_queue::{Around, Entry, NamedAct};
use crate::domain::care::ResponseState;
use crate::domain::ids::{FlagId, PatientId};
use crate::domain::instrument::{Answer, Answers, ENGLISH, Instrument, Library};
use crate::domain::risk::phrases::PHRASES_VERSION;
use crate::domain::risk::{Act, FlagState, HowAnswered};
use crate::domain::schedule::local_day;
use crate::store::closing::ClosingRow;
use crate::store::flag::FlagAnswerRow;
use crate::store::informant::{InformantRow, Relation};
use crate::store::response::{ResponseRow, ScoreRow};

/// A flag as its page prints it.
pub struct Card {
    /// The flag.
    pub id: FlagId,
    /// The patient.
    pub patient_id: PatientId,
    /// Their name.
    pub patient: String,
    /// The page's heading: who answered or wrote what.
    pub heading: String,
    /// Whether it is about a sentence of the patient's own, and not about an answer with a value.
    pub is_phrase: bool,
    /// Where.
    pub clinic: String,
    /// Whose it is now, and whether they can act today.
    pub owner: String,
    /// Their name alone.
    pub owner_name: String,
    /// The item's printed number.
    pub item: String,
    /// The stem above the question.
    pub stem: String,
    /// The question.
    pub question: String,
    /// The answer's value.
    pub answer: i32,
    /// How many answers belong to it.
    pub answers: i32,
    /// The answer in the words the patient saw.
    pub answer_words: String,
    /// When that answer was given, in words.
    pub answered: String,
    /// Who answered, where that was not the patient.
    pub by: Option<String>,
    /// How long it waits.
    pub waits: String,
    /// What is due next, and when; empty once closed.
    pub due: String,
    /// Whether that has passed.
    pub is_overdue: bool,
    /// Where the flag stands, in words.
    pub state: &'static str,
    /// Whether a person must look the same hour.
    pub is_crisis: bool,
    /// Whether "I have it" is the next act.
    pub can_acknowledge: bool,
    /// Whether it can be closed as it stands.
    pub can_close: bool,
    /// Whether it is closed.
    pub is_closed: bool,
    /// What the rule says.
    pub rule: String,
    /// The rule's version.
    pub rule_version: String,
    /// Where the rule comes from.
    pub source: String,
    /// What the site's policy said when the flag was raised.
    pub policy: String,
    /// The instrument's id.
    pub instrument_id: String,
    /// The instrument's short name.
    pub instrument: String,
    /// Version of the definition.
    pub version: String,
}

/// The assessment with which a flag was closed.
pub struct Assessed {
    /// Facts in pairs; nothing is left out and nothing is added.
    pub facts: Vec<(&'static str, String)>,
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

/// An answer that belongs to the flag.
pub struct Belonging {
    /// When.
    pub at: String,
    /// Value and words.
    pub words: String,
    /// How it came.
    pub how: String,
}

/// The flagged item's answer, and the total, on one occasion.
pub struct AnswerRow {
    /// The day.
    pub day: String,
    /// Value and words, or that there is none.
    pub words: String,
    /// What is special about it.
    pub remark: &'static str,
    /// Whether this occasion raised the flag.
    pub is_this: bool,
    /// The total with its band, where it was scored.
    pub total: String,
}

/// The flag as it is printed.
pub fn card(around: &Around, here: Here<'_>) -> Card {
    let (names, flag) = (&around.entry.names, &around.entry.names.flag);
    let known = Known::of(flag, here.library);
    let (stem, question) = known.question(flag).unwrap_or_default();
    let (rule, rule_version, source) = match known.rule(flag) {
        Some((rule, says)) => (says, rule.version.clone(), rule.source.clone()),
        None if is_phrase(flag) => (
            "A phrase of a small list of our own stands in this sentence".to_owned(),
            PHRASES_VERSION.to_string(),
            "This program’s own list of phrases, checked against no study. It can miss, it can be wrong, and it does not see what is said for the opposite.".to_owned(),
        ),
        None => (
            flag.rule.replace('_', " "),
            String::new(),
            "This program no longer holds the rule’s definition.".to_owned(),
        ),
    };
    let (state, crisis) = (state_of(flag), is_crisis(flag));
    let answered_at = around
        .answers
        .iter()
        .filter(|row| row.answer == flag.answer)
        .map(|row| row.at)
        .next_back()
        .unwrap_or(flag.raised_at);
    Card {
        id: flag.id,
        patient_id: flag.patient_id,
        patient: names.patient.clone(),
        heading: heading(flag, &names.patient, here.library),
        is_phrase: is_phrase(flag),
        clinic: names.clinic.clone(),
        owner: owner_words(around, state, here),
        owner_name: names.owner.clone(),
        item: flag.item.clone(),
        stem,
        question,
        answer: flag.answer,
        answers: flag.answers,
        answer_words: flag.answer_words.clone(),
        answered: moment(answered_at, here),
        by: around.informant.as_ref().map(informant_words),
        waits: hours(flag.raised_at, here.now),
        due: due_words(flag, state, here),
        is_overdue: flag.due_at.is_some_and(|due| due <= here.now),
        state: state_words(state),
        is_crisis: crisis,
        can_acknowledge: state == Some(FlagState::Open),
        can_close: state == Some(FlagState::Acknowledged)
            || (state == Some(FlagState::Open) && !crisis),
        is_closed: state == Some(FlagState::Closed),
        rule,
        rule_version,
        source,
        policy: policy_words(around),
        instrument_id: flag.instrument.clone(),
        instrument: known.name(flag),
        version: flag.version.clone(),
    }
}

fn owner_words(around: &Around, state: Option<FlagState>, here: Here<'_>) -> String {
    let flag = &around.entry.names.flag;
    let name = who(&around.entry.names.owner, around.owner);
    match (state, flag.acknowledged_at) {
        (Some(FlagState::Acknowledged), Some(at)) => {
            format!("{name} has it; taken on {}", moment(at, here))
        }
        (Some(FlagState::Closed), _) => format!("closed by {}", around.entry.names.owner),
        _ => format!("nobody has it yet; {name} was told"),
    }
}

fn informant_words(who: &InformantRow) -> String {
    let relation = who.relation.parse::<Relation>();
    let relation = relation.map_or("somebody else", Relation::with_article);
    format!("{}, {relation}", who.name)
}

/// What the site's policy said about the rule when the flag was raised.
fn policy_words(around: &Around) -> String {
    let flag = &around.entry.names.flag;
    let version = match flag.policy {
        0 => "as shipped".to_owned(),
        number => format!("version {number}"),
    };
    let threshold = match around.setting.at_least {
        Some(least) => format!("from answer {least} on"),
        None => "the rule’s own threshold".to_owned(),
    };
    let tier = if is_crisis(flag) {
        "to be seen the same hour"
    } else {
        "to be seen within working days"
    };
    format!("{version}: {threshold}; {tier}")
}

/// The assessment as it was written.
pub fn assessed(row: &ClosingRow, name: &str, here: Here<'_>) -> Assessed {
    let mut facts = vec![("Closed", format!("{name}, {}", moment(row.at, here)))];
    if let Some(choice) = &row.choice {
        let words = said_by(choice, choice_words);
        facts.push((
            "What came of it",
            words.trim_end_matches(", because …").to_owned(),
        ));
        facts.push(("Assessment", row.assessment.clone()));
        return Assessed { facts };
    }
    let asked: Vec<&str> = row
        .asked
        .split_whitespace()
        .map(|word| said_by(word, topic_words))
        .collect();
    if !asked.is_empty() {
        facts.push(("Asked about", asked.join("; ")));
    }
    let level = said_by(&row.level, level_words);
    facts.push(("Overall level, by their own judgement", level.to_owned()));
    facts.push(("Assessment", row.assessment.clone()));
    facts.push(("Plan", row.plan.clone()));
    let contact = said_by(&row.contact, contact_words);
    let note = row.contact_note.as_deref();
    facts.push((
        "Contact",
        note.map_or_else(|| contact.to_owned(), |note| format!("{contact}. {note}")),
    ));
    facts.push((
        "Next check",
        match (row.next_check_on, &row.no_check_why) {
            (Some(on), _) => day(on, here),
            (None, why) => format!("none: {}", why.as_deref().unwrap_or("no reason on record")),
        },
    ));
    Assessed { facts }
}

/// The history in words, oldest first.
pub fn acts(entry: &Entry, here: Here<'_>) -> Vec<Saying> {
    let say = |(row, name): &NamedAct| Saying {
        words: act_words(row.act.parse().ok(), name.as_deref().unwrap_or("somebody"))
            .unwrap_or_else(|| row.act.replace('_', " ")),
        at: moment(row.at, here),
        note: row.note.trim().to_owned(),
    };
    entry.acts.iter().map(say).collect()
}

fn act_words(act: Option<Act>, name: &str) -> Option<String> {
    Some(match act? {
        Act::Raised => "The answer was saved and the flag raised.".to_owned(),
        Act::AnswerChanged => "The patient changed the answer. The flag stays.".to_owned(),
        Act::Joined => "Another answer came that the rule names.".to_owned(),
        Act::Reopened => "A higher answer came. It has to be taken on anew.".to_owned(),
        Act::Unfinished => "The form was left after this answer.".to_owned(),
        Act::Finished => "The form that had been left was handed in.".to_owned(),
        Act::Notified => format!("{name} was told."),
        Act::Alarmed => "The duty contact was told: nobody licensed is here.".to_owned(),
        Act::CloseDue => "Still open at the end of the day.".to_owned(),
        Act::Overdue => "Overdue.".to_owned(),
        Act::Acknowledged => format!("{name} said: I have it."),
        Act::Claimed => format!("{name} took it over."),
        Act::HandedOver => format!("{name} gave it to a colleague:"),
        Act::Disagreed => format!("{name} disagrees:"),
        Act::LevelKnown => format!("{name} said that these answers are known:"),
        Act::LevelEnded => format!("{name} ended what was known:"),
        Act::Closed => format!("{name} closed it with this assessment:"),
    })
}

/// Every answer that belongs to the flag, the newest first.
pub fn belonging(around: &Around, here: Here<'_>) -> Vec<Belonging> {
    let row = |answer: &FlagAnswerRow| {
        let how = match answer.how.parse() {
            Ok(HowAnswered::Raised) => "raised this flag",
            Ok(HowAnswered::Joined) => "not higher than before",
            Ok(HowAnswered::Rose) => "higher than before",
            Err(_) => "",
        };
        let left = around.entry.names.flag.unfinished_at.is_some() && is_left(around, answer);
        Belonging {
            at: moment(answer.at, here),
            words: format!("{}, “{}”", answer.answer, answer.answer_words),
            how: match (left, answer.response_id) {
                (true, _) => format!("{how}; form left unfinished"),
                (false, None) if is_of_a_form(&answer.instrument, here.library) => {
                    format!("{how}; came when the form took no more answers")
                }
                (false, _) => how.to_owned(),
            },
        }
    };
    around.answers.iter().rev().map(row).collect()
}

/// Whether a flag's instrument is a questionnaire, and not the name of a place where words were written.
fn is_of_a_form(instrument: &str, library: &Library) -> bool {
    library.get(instrument).is_some()
}

fn is_left(around: &Around, answer: &FlagAnswerRow) -> bool {
    let response = around
        .responses
        .iter()
        .find(|row| Some(row.id) == answer.response_id);
    response.is_some_and(|row| row.state == ResponseState::InProgress.word())
}

/// The flagged item's answers in this episode with the totals of the same forms, the newest first.
pub fn answers(around: &Around, here: Here<'_>) -> Vec<AnswerRow> {
    let flag = &around.entry.names.flag;
    let row = |response: &ResponseRow| AnswerRow {
        day: day(
            local_day(
                here.zone,
                response.completed_at.unwrap_or(response.started_at),
            ),
            here,
        ),
        words: answer_words(response, &flag.item, here.library),
        remark: remark(response),
        is_this: around
            .answers
            .iter()
            .any(|answer| answer.response_id == Some(response.id)),
        total: total(around, response, here.library),
    };
    around.responses.iter().rev().map(row).collect()
}

/// The total with its band; that there is none when it could not be scored.
fn total(around: &Around, response: &ResponseRow, library: &Library) -> String {
    let Some(instrument) = library.version(&response.instrument, &response.version) else {
        return String::new();
    };
    let Some(scale) = instrument.scales.first() else {
        return String::new();
    };
    let score = around
        .scores
        .iter()
        .find(|(_, score)| score.response_id == response.id && score.scale == scale.id);
    match score {
        None => String::new(),
        Some((_, ScoreRow { value: None, .. })) => "no score".to_owned(),
        Some((_, score)) => {
            let points = score.value.map(words::points).unwrap_or_default();
            match band_words(instrument, score) {
                Some(band) => format!("{points}, {band}"),
                None => points,
            }
        }
    }
}

/// The band that was stored with the score, in words.
fn band_words(instrument: &Instrument, score: &ScoreRow) -> Option<String> {
    let wanted = score.band.as_ref()?;
    let at = instrument
        .scales
        .iter()
        .position(|scale| scale.id == score.scale)?;
    let scale = instrument.scales.get(at)?;
    let texts = instrument.texts_or_english(ENGLISH).scales.get(at)?;
    scale
        .bandings
        .iter()
        .zip(&texts.bandings)
        .find_map(|(banding, texts)| {
            let place = banding.bands.iter().position(|band| band.id == *wanted)?;
            texts.bands.get(place).cloned()
        })
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
    if !is_of_a_form(&flag.instrument, library) {
        return "Nothing: these words were written outside a form.".to_owned();
    }
    if flag.response_id.is_none() {
        return "The answer came when the form took no more: the page was left open until its time was over, or a second one after the first was sent. It is in no score. What \
                else was on that page is not kept."
            .to_owned();
    }
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
    use super::super::flag_words::*;
    use super::*;
    use crate::domain::ids::Id;
    use crate::domain::risk::Standing;
    use crate::domain::risk::policy::{KnownLevelRule, RuleSetting};
    use crate::store::flag::FlagNames;
    use crate::store::flag::FlagRow;
    use chrono::NaiveDateTime;
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

    fn around(entry: Entry, responses: Vec<ResponseRow>) -> Around {
        Around {
            entry,
            owner: Standing::Eligible,
            answers: vec![],
            in_error: false,
            corrections: vec![],
            responses,
            scores: vec![],
            informant: None,
            setting: RuleSetting::default(),
            known: None,
            knowable: Ok(vec![1]),
            known_rule: KnownLevelRule::default(),
            closing: None,
            colleagues: vec![],
            zone: chrono_tz::UTC,
        }
    }

    fn here(now: NaiveDateTime) -> Here<'static> {
        Here {
            library: Library::embedded(),
            zone: chrono_tz::UTC,
            now,
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
        let entry = entry(FlagState::Open, Some(at(15)));
        let card = card(&around(entry, vec![]), here(at(3)));
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
        assert!(
            card.due.starts_with("acknowledge by ") && card.due.ends_with(", in 12 min"),
            "{}",
            card.due
        );
        assert_eq!(
            card.policy,
            "as shipped: the rule’s own threshold; to be seen the same hour"
        );
        assert!(card.can_acknowledge && !card.can_close && !card.is_overdue);
    }

    #[test]
    fn a_flag_past_its_deadline_says_since_when() {
        let entry = entry(FlagState::Acknowledged, Some(at(0)));
        let card = card(&around(entry, vec![]), here(at(130)));
        assert!(card.is_overdue && card.can_close && !card.can_acknowledge);
        assert!(
            card.due.starts_with("close: overdue since ") && card.due.ends_with(", 2 h"),
            "{}",
            card.due
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
        let mut around = around(entry(FlagState::Open, None), responses);
        around.answers = vec![FlagAnswerRow {
            org_id: id(1),
            id: id(11),
            flag_id: id(2),
            response_id: Some(id(6)),
            rule: "thoughts_of_death_or_self_harm".into(),
            instrument: "phq9".into(),
            version: "1".into(),
            item: "9".into(),
            answer: 2,
            answer_words: "More than half the days".into(),
            how: "raised".into(),
            at: at(0),
        }];
        assert_eq!(
            missing(&around, Library::embedded()),
            "Item 7 has no answer."
        );
        let rows = answers(&around, here(at(0)));
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

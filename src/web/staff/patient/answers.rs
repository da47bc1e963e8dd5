//! Every response item by item: a table with the questions down the side and the occasions, newest first, across the top.

use super::course::{Asked, Course};
use crate::app::read_patient::{EpisodeRecord, Record};
use crate::domain::care::Layout;
use crate::domain::instrument::{Answer, AnsweredBy, Answers, Instrument, ItemTexts, Library};
use crate::store::response::ResponseRow;
use crate::web::staff::words;
use std::collections::BTreeSet;

/// The answers to one version of an instrument.
pub struct Matrix {
    /// The version.
    pub version: String,
    /// The words above the questions.
    pub stem: String,
    /// One column a response, newest first.
    pub columns: Vec<Column>,
    /// One row an item.
    pub rows: Vec<ItemRow>,
    /// What the numbers mean, one sentence for each set of options.
    pub keys: Vec<String>,
}

/// The head of a column: one response.
pub struct Column {
    /// The day.
    pub day: String,
    /// The year.
    pub year: String,
    /// Handed in, or not.
    pub state: &'static str,
    /// How the questions were laid out.
    pub layout: &'static str,
    /// Language of the wording.
    pub language: String,
    /// Who of the staff entered it; empty when the patient did.
    pub entered_by: String,
    /// Where somebody can say that it was entered in error; empty for what is not handed in.
    pub in_error: String,
}

/// An item with its answers.
pub struct ItemRow {
    /// The printed number.
    pub number: String,
    /// The question.
    pub text: String,
    /// One a column.
    pub cells: Vec<Cell>,
}

/// One answer.
pub struct Cell {
    /// The value; a dash when it was left blank.
    pub value: String,
    /// What kind of answer it is.
    pub class: &'static str,
    /// Whether the answer raises a flag by the instrument's own rule.
    pub raises: bool,
}

/// The answers of a course, newest version first.
pub fn matrices(
    library: &'static Library,
    record: &Record,
    episode: &EpisodeRecord,
    course: &Course<'_>,
) -> Vec<Matrix> {
    let versions: BTreeSet<&str> = course
        .asked
        .iter()
        .filter_map(Asked::response)
        .map(|row| row.version.as_str())
        .collect();
    versions
        .into_iter()
        .rev()
        .filter_map(|version| library.version(&course.instrument.id, version))
        .map(|instrument| matrix(instrument, record, episode, course))
        .collect()
}

fn matrix(
    instrument: &Instrument,
    record: &Record,
    episode: &EpisodeRecord,
    course: &Course<'_>,
) -> Matrix {
    let responses: Vec<(&Asked<'_>, &ResponseRow)> = course
        .asked
        .iter()
        .rev()
        .filter_map(|asked| Some((asked, asked.response()?)))
        .filter(|(_, row)| row.version == instrument.version)
        .collect();
    let answers: Vec<Option<Answers>> = responses
        .iter()
        .map(|(_, row)| Answers::from_json(instrument, &row.answers).ok())
        .collect();
    let columns = responses
        .iter()
        .map(|(asked, row)| column(record, episode, asked, row));
    filled(instrument, columns.collect(), &answers)
}

/// One response alone, without a head: for a page that is about it.
pub fn sheet(instrument: &Instrument, row: &ResponseRow) -> Matrix {
    let answers = Answers::from_json(instrument, &row.answers).ok();
    filled(instrument, vec![], &[answers])
}

fn filled(instrument: &Instrument, columns: Vec<Column>, answers: &[Option<Answers>]) -> Matrix {
    let texts = instrument.texts_or_english("en");
    let items = instrument.items.iter().zip(&texts.items).enumerate();
    let rows = items.map(|(position, (item, words))| ItemRow {
        number: item.id.clone(),
        text: words.text.clone(),
        cells: answers
            .iter()
            .map(|answers| cell(instrument, answers.as_ref(), position))
            .collect(),
    });
    Matrix {
        version: instrument.version.clone(),
        stem: texts
            .items
            .first()
            .and_then(|words| words.stem.clone())
            .unwrap_or_default(),
        columns,
        rows: rows.collect(),
        keys: keys(instrument, &texts.items),
    }
}

fn column(
    record: &Record,
    episode: &EpisodeRecord,
    asked: &Asked<'_>,
    row: &ResponseRow,
) -> Column {
    let day = record.day(asked.at);
    Column {
        day: day.format("%-d %b").to_string(),
        year: day.format("%Y").to_string(),
        state: if asked.completed().is_some() {
            ""
        } else {
            "not handed in"
        },
        layout: match row.layout.parse() {
            Ok(Layout::Page) => "page",
            Ok(Layout::List) => "list",
            Err(_) => "?",
        },
        language: words::language(&row.language).to_owned(),
        entered_by: entered_by(episode, row),
        in_error: match asked.completed() {
            Some(row) => format!("/occasions/{}/error", row.administration_id),
            None => String::new(),
        },
    }
}

/// The name of whoever of the staff entered a response; empty when it came through the patient's link.
pub fn entered_by(episode: &EpisodeRecord, row: &ResponseRow) -> String {
    let known = row.entered_by.and_then(|id| episode.enterers.get(&id));
    known.cloned().unwrap_or_default()
}

fn cell(instrument: &Instrument, answers: Option<&Answers>, position: usize) -> Cell {
    let answer = answers.map_or(Answer::Blank, |answers| answers.at(position));
    let raises = instrument
        .risk_rules
        .iter()
        .any(|rule| rule.item == position && rule.wanted.is_met_by(answer) == Some(true));
    let asked = answers.is_none_or(|answers| instrument.is_asked(answers, position));
    let (class, value) = match answer {
        Answer::Blank if !asked => ("none", "not asked".to_owned()),
        Answer::Blank => ("none", "–".to_owned()),
        Answer::Declined => ("none", "declined".to_owned()),
        Answer::Value(value) => ("", value.to_string()),
        Answer::Several(ticks) => ("", ticks.to_string()),
        Answer::Words => {
            let words = answers.and_then(|answers| answers.words(position));
            ("said", words.unwrap_or_default().to_owned())
        }
    };
    Cell {
        value,
        class,
        raises,
    }
}

/// `Items 1 to 9: 0 Not at all, 1 Several days, …`: one sentence for each run of items with the same options.
fn keys(instrument: &Instrument, texts: &[ItemTexts]) -> Vec<String> {
    let items: Vec<_> = instrument.items.iter().zip(texts).collect();
    items
        .chunk_by(|a, b| a.1.options == b.1.options && a.0.options == b.0.options)
        .filter_map(|run| {
            let (first, last) = (run.first()?, run.last()?);
            if first.0.options.is_empty() {
                return None;
            }
            let options: Vec<_> = first
                .0
                .options
                .iter()
                .zip(&first.1.options)
                .map(|(option, words)| format!("{} {words}", option.value))
                .collect();
            let which = if run.len() == 1 {
                format!("Item {}", first.0.id)
            } else {
                format!("Items {} to {}", first.0.id, last.0.id)
            };
            let several = match first.0.answered_by {
                AnsweredBy::Several => " (all that apply)",
                _ => "",
            };
            Some(format!("{which}{several}: {}", options.join(", ")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_set_of_options_is_explained_once() {
        let instrument = Library::embedded().get("phq9").unwrap();
        let keys = keys(instrument, &instrument.texts_or_english("en").items);
        assert_eq!(keys.len(), 2);
        assert!(
            keys[0].starts_with("Items 1 to 9: 0 Not at all, 1 Several days"),
            "{}",
            keys[0]
        );
        assert!(keys[1].starts_with("Item 10: 0 "), "{}", keys[1]);
    }

    #[test]
    fn a_missing_answer_is_a_dash_and_a_risk_answer_is_marked() {
        let instrument = Library::embedded().get("phq9").unwrap();
        let answers = Answers::from_json(instrument, r#"{"1":0,"9":1}"#).unwrap();
        let at = |position| cell(instrument, Some(&answers), position);
        assert_eq!(
            (
                at(0).value.as_str(),
                at(1).value.as_str(),
                at(8).value.as_str()
            ),
            ("0", "–", "1")
        );
        assert_eq!((at(0).raises, at(8).raises), (false, true));
    }

    #[test]
    fn not_asked_left_blank_and_declined_are_told_apart() {
        let instrument = Library::embedded().get("pc_ptsd_5").unwrap();
        let answers = Answers::from_json(instrument, r#"{"0":0}"#).unwrap();
        assert_eq!(cell(instrument, Some(&answers), 1).value, "not asked");
        let answers = Answers::from_json(instrument, r#"{"0":1,"1":"declined"}"#).unwrap();
        assert_eq!(cell(instrument, Some(&answers), 1).value, "declined");
        assert_eq!(cell(instrument, Some(&answers), 2).value, "–");
    }

    #[test]
    fn words_and_several_answers_are_shown_as_given() {
        let library = Library::embedded();
        let check = library.get("session_check").unwrap();
        let answers = Answers::from_json(check, r#"{"5":"<b>more time</b>"}"#).unwrap();
        let said = cell(check, Some(&answers), 4);
        assert_eq!(
            (said.class, said.value.as_str()),
            ("said", "<b>more time</b>")
        );
        let events = library.get("lec5").unwrap();
        let answers = Answers::from_json(events, r#"{"1":[1,3]}"#).unwrap();
        assert_eq!(cell(events, Some(&answers), 0).value, "1+3");
        let keys = keys(events, &events.texts_or_english("en").items);
        assert!(
            keys[0].starts_with("Items 1 to 17 (all that apply): 1 "),
            "{keys:?}"
        );
    }
}

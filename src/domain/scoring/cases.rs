//! Runs the worked cases beside a definition, and says everything that does not come out as written. `coverage` says
//! which cases are still wanted, `finer` which would be good besides.
//!
//! A cases file is read by authors and by tests alike; `docs/adding-an-instrument.md` explains its keys.

use super::coverage::{self, Run};
use super::{Score, Verdict, finer, score};
use crate::domain::instrument::{
    AnsweredBy, Answers, DefinitionFault, DefinitionFile, Faults, Instrument, NotAnOption, Person,
    Position, Sex, nearest, read,
};
use crate::domain::risk::rules;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use toml::Spanned;

/// How far a fraction may be from the one written, which has to end somewhere.
const WRITTEN: f64 = 5e-4;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CasesFile {
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: Spanned<String>,
    answers: Spanned<String>,
    #[serde(default)]
    sex: Option<Sex>,
    #[serde(default)]
    age: Option<u16>,
    #[serde(default)]
    scores: BTreeMap<String, Spanned<Expected>>,
    #[serde(default)]
    met: Vec<String>,
    #[serde(default)]
    open: Vec<String>,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    problems: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    value: Option<f64>,
    band: Option<String>,
    /// Which bands are in use, where there are several.
    scheme: Option<String>,
    #[serde(default)]
    reached: Vec<String>,
    /// The printed numbers of the missing items, when there is no score.
    #[serde(default)]
    missing: Vec<String>,
    raw: Option<f64>,
    se: Option<f64>,
    out_of: Option<f64>,
}

/// What came of a file of cases that all come out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worked {
    /// How many there are.
    pub run: usize,
    /// What would be good to have a case for, and is not asked for.
    pub not_covered: Vec<String>,
}

/// Runs every case of the file and looks for the edges that have none.
///
/// # Errors
/// Everything that does not come out as written, and every edge without a case.
pub fn check(
    instrument: &Instrument,
    file: &DefinitionFile,
) -> Result<Worked, Vec<DefinitionFault>> {
    let mut faults = Faults::new(&file.shown, &file.text);
    let runs = read::<CasesFile>(&file.text, &mut faults);
    let runs = runs.map(|cases| run_all(instrument, &cases, &mut faults));
    let runs = runs.unwrap_or_default();
    if faults.is_empty() {
        for what in coverage::lacks(instrument, &runs) {
            faults.missing(format!("no case for {what}"));
        }
    }
    if faults.is_empty() {
        Ok(Worked {
            run: runs.len(),
            not_covered: finer::lacks(instrument, &runs),
        })
    } else {
        Err(faults.into_found())
    }
}

fn run_all<'a>(
    instrument: &'a Instrument,
    file: &CasesFile,
    faults: &mut Faults<'_>,
) -> Vec<Run<'a>> {
    let mut names = BTreeSet::new();
    for case in &file.cases {
        if !names.insert(case.name.get_ref()) {
            let what = format!(
                "there are two cases {:?}; give each a name of its own",
                case.name.get_ref()
            );
            faults.at(case.name.span(), what);
        }
    }
    let cases = file.cases.iter();
    cases
        .filter_map(|case| run(instrument, case, faults))
        .collect()
}

fn run<'a>(instrument: &'a Instrument, case: &Case, faults: &mut Faults<'_>) -> Option<Run<'a>> {
    let answers = match answers(instrument, case.answers.get_ref()) {
        Ok(answers) => answers,
        Err(what) => {
            faults.at(
                case.answers.span(),
                format!("case {:?}: {what}", case.name.get_ref()),
            );
            return None;
        }
    };
    let person = Person {
        sex: case.sex,
        age: case.age,
    };
    let run = Run {
        scored: score(instrument, &answers, person),
        answers,
    };
    compare(instrument, case, &run, faults);
    Some(run)
}

/// Answers in printed order: a number, `-` not answered, `d` declined, `1+3` several, `t` some text; `|` is only for
/// the eye.
pub(super) fn answers(instrument: &Instrument, written: &str) -> Result<Answers, String> {
    let mut answers = Answers::none(instrument);
    let words: Vec<_> = written
        .split_whitespace()
        .filter(|word| *word != "|")
        .collect();
    if words.len() != instrument.items.len() {
        let separate = if written.contains(',') {
            "; separate the answers with spaces, as in \"0 1 -\""
        } else {
            ""
        };
        return Err(format!(
            "{} answers for {} items{separate}",
            words.len(),
            instrument.items.len()
        ));
    }
    for (position, word) in words.into_iter().enumerate() {
        put(instrument, &mut answers, position, word)?;
    }
    Ok(answers)
}

fn put(
    instrument: &Instrument,
    answers: &mut Answers,
    position: Position,
    word: &str,
) -> Result<(), String> {
    let item = instrument.items.get(position).ok_or("no such item")?;
    let number = |word: &str| {
        word.parse::<i16>()
            .map_err(|_| format!("item {}: {word:?} is no answer", item.id))
    };
    let said = |fault: NotAnOption| fault.to_string();
    match (word, item.answered_by) {
        ("-", _) => Ok(()),
        ("d", _) => {
            answers.decline(position);
            Ok(())
        }
        ("t", AnsweredBy::Words) => answers
            .set_words(instrument, position, "some text")
            .map_err(said),
        (_, AnsweredBy::Words) => Err(format!(
            "item {}: {word:?} is no answer; wanted is t, some words",
            item.id
        )),
        (_, AnsweredBy::Several) => {
            let values = word.split('+').map(number).collect::<Result<Vec<_>, _>>()?;
            if let Some(value) = values.iter().find(|value| !item.has_value(**value)) {
                return Err(format!("item {} has no answer {value}", item.id));
            }
            let distinct: BTreeSet<_> = values.iter().collect();
            if distinct.len() < values.len() {
                return Err(format!("item {}: {word:?} ticks the same twice", item.id));
            }
            answers
                .set_several(instrument, position, &values)
                .map_err(said)
        }
        _ => answers
            .set(instrument, position, number(word)?)
            .map_err(said),
    }
}

fn compare(instrument: &Instrument, case: &Case, run: &Run<'_>, faults: &mut Faults<'_>) {
    let mut say = |what: String| {
        faults.at(
            case.name.span(),
            format!("case {:?}: {what}", case.name.get_ref()),
        );
    };
    if refuse_strangers(instrument, case, &mut say) {
        return;
    }
    for score in &run.scored.scores {
        match case.scores.get(&score.scale.id) {
            Some(expected) => compare_score(score, expected.get_ref(), &mut say),
            None => say(format!("says nothing about scale {:?}", score.scale.id)),
        }
    }
    let with = |wanted: Verdict| -> Vec<&str> {
        let judged = run
            .scored
            .criteria
            .iter()
            .filter(|judged| judged.verdict == wanted);
        judged.map(|judged| judged.criterion.id.as_str()).collect()
    };
    same("met", &with(Verdict::Met), &case.met, &mut say);
    same("open", &with(Verdict::Unknown), &case.open, &mut say);
    let hits = rules::evaluate(instrument, &run.answers);
    let flags: Vec<_> = hits.iter().map(|hit| hit.rule.id.as_str()).collect();
    same("flags", &flags, &case.flags, &mut say);
    let problems: Vec<_> = run
        .scored
        .problems
        .iter()
        .map(ToString::to_string)
        .collect();
    let problems: Vec<_> = problems.iter().map(String::as_str).collect();
    same("problems", &problems, &case.problems, &mut say);
}

/// Names that the definition does not know. What they should have matched would only be said a second time.
fn refuse_strangers(instrument: &Instrument, case: &Case, say: &mut impl FnMut(String)) -> bool {
    let mut found = false;
    let mut named = |what: &str, seen: &str, known: Vec<&str>| {
        if !known.contains(&seen) {
            let meant = nearest(seen, known.iter().copied());
            let meant = meant.map_or(String::new(), |near| format!("; did you mean {near:?}?"));
            say(format!("there is no {what} {seen:?}{meant}"));
            found = true;
        }
    };
    for (id, expected) in &case.scores {
        let scales = instrument.scales.iter().map(|scale| scale.id.as_str());
        named("scale", id, scales.collect());
        let Some(scale) = instrument.scale(id) else {
            continue;
        };
        let expected = expected.get_ref();
        let bandings = || scale.bandings.iter();
        if let Some(band) = &expected.band {
            let bands = bandings().flat_map(|banding| &banding.bands);
            named("band", band, bands.map(|band| band.id.as_str()).collect());
        }
        if let Some(scheme) = &expected.scheme {
            let known = bandings().map(|banding| banding.id.as_str());
            named("scheme", scheme, known.collect());
        }
        for reached in &expected.reached {
            let known = scale.cut_offs.iter().map(|cut_off| cut_off.id.as_str());
            named("cut-off", reached, known.collect());
        }
    }
    for id in case.met.iter().chain(&case.open) {
        let known = instrument.criteria.iter().map(|known| known.id.as_str());
        named("criterion", id, known.collect());
    }
    for id in &case.flags {
        let known = instrument.risk_rules.iter().map(|known| known.id.as_str());
        named("risk rule", id, known.collect());
    }
    found
}

fn compare_score(found: &Score<'_>, expected: &Expected, say: &mut impl FnMut(String)) {
    let scale = &found.scale.id;
    let mut number = |key: &str, found: Option<f64>, expected: Option<f64>| {
        let agree = match (found, expected) {
            (Some(found), Some(expected)) => (found - expected).abs() < WRITTEN,
            (None, None) => true,
            _ => false,
        };
        if !agree {
            let [found, expected] = [found, expected].map(shown);
            say(format!("{scale}: {key} is {found}, not {expected}"));
        }
    };
    number("value", found.value, expected.value);
    number("out_of", found.out_of, expected.out_of);
    if expected.raw.is_some() {
        number("raw", found.raw, expected.raw);
    }
    if expected.se.is_some() {
        number("se", found.standard_error, expected.se);
    }
    let band = found.band.map(|band| band.id.as_str());
    if band != expected.band.as_deref() {
        say(format!(
            "{scale}: band is {}, not {}",
            quoted(band),
            quoted(expected.band.as_deref())
        ));
    }
    compare_scheme(found, expected, say);
    let reached: Vec<_> = found.reached().map(|cut_off| cut_off.id.as_str()).collect();
    same(
        &format!("{scale}: reached"),
        &reached,
        &expected.reached,
        say,
    );
    let missing = found.reason.as_ref().map(super::Reason::items);
    same(
        &format!("{scale}: missing"),
        missing.unwrap_or_default(),
        &expected.missing,
        say,
    );
}

/// Where there are several schemes, a case with a band says by which.
fn compare_scheme(found: &Score<'_>, expected: &Expected, say: &mut impl FnMut(String)) {
    let wanted = found.scale.bandings.len() > 1 && found.band.is_some();
    let scheme = found
        .band
        .and(found.banding)
        .map(|banding| banding.id.as_str());
    if (wanted || expected.scheme.is_some()) && scheme != expected.scheme.as_deref() {
        say(format!(
            "{}: scheme is {}, not {}",
            found.scale.id,
            quoted(scheme),
            quoted(expected.scheme.as_deref())
        ));
    }
}

fn quoted(word: Option<&str>) -> String {
    word.map_or_else(|| "none".to_owned(), |word| format!("{word:?}"))
}

fn same(key: &str, found: &[&str], expected: &[String], say: &mut impl FnMut(String)) {
    if found != expected {
        say(format!("{key} is {found:?}, not {expected:?}"));
    }
}

fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

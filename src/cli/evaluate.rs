//! `attune evaluate`: from the command's words to a question, and from the figures to CSV, JSON or a table for a terminal. What is counted is
//! `app::evaluate`; no person is named in any of it.

use super::console::{Console, Exit};
use crate::app::evaluate::{Evaluation, Query, evaluate_blocking, sheet};
use crate::app::{App, Failure};
use crate::domain::access::Actor;
use crate::domain::evaluation::{Caution, ChangeFigures, Group, Outcomes, Rate, Shown};
use chrono::NaiveDate;
use std::io::Write;

/// The command as it was given.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct EvaluateCommand {
    /// First day of the period, such as 2026-01-01.
    #[arg(long, value_name = "DAY")]
    pub from: NaiveDate,
    /// Last day of the period; it counts too.
    #[arg(long, value_name = "DAY")]
    pub to: NaiveDate,
    /// The instrument's id, such as phq9.
    #[arg(long)]
    pub instrument: String,
    /// The scale's id; the instrument's first if not given.
    #[arg(long)]
    pub scale: Option<String>,
    /// How to write the figures.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    pub format: Format,
}

/// How the figures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For spreadsheets: one row for each group and population.
    Csv,
    /// For programs: the same rows, and the words of the report.
    Json,
    /// For people: the main figures.
    Table,
}

/// Runs the command.
pub fn run(app: &App, actor: &Actor, command: &EvaluateCommand, console: &mut Console<'_>) -> Exit {
    let query = Query {
        from: command.from,
        to: command.to,
        instrument: command.instrument.clone(),
        scale: command.scale.clone(),
    };
    match evaluate_blocking(app, actor, &query) {
        Ok(evaluation) => match write(&evaluation, command.format, console.out) {
            Ok(()) => Exit::Done,
            Err(error) => complain(console, Exit::Failed, &error.to_string()),
        },
        Err(Failure::Refused(refusal)) => complain(console, Exit::Usage, &refusal.to_string()),
        Err(failure) => complain(console, Exit::Failed, &failure.to_string()),
    }
}

fn complain(console: &mut Console<'_>, exit: Exit, words: &str) -> Exit {
    // Whoever closed the stream does not want to know.
    let _ = writeln!(console.err, "evaluate: {words}");
    exit
}

fn write(
    evaluation: &Evaluation,
    format: Format,
    out: &mut (dyn Write + Send),
) -> std::io::Result<()> {
    match format {
        Format::Csv => out.write_all(&sheet::csv(evaluation)),
        Format::Json => {
            sheet::json(evaluation, &mut *out)?;
            writeln!(out)
        }
        Format::Table => out.write_all(table(evaluation).as_bytes()),
    }
}

const HEAD: [&str; 15] = [
    "program",
    "clinic",
    "population",
    "started",
    "ended",
    "paired",
    "n",
    "first",
    "last",
    "effect g",
    "improved",
    "deteriorated",
    "response",
    "remission",
    "cautions",
];
/// The columns with words, at both ends; the others hold numbers and stand to the right.
const WORDS: usize = 3;
const CAUTIONS: usize = HEAD.len() - 1;

fn table(evaluation: &Evaluation) -> String {
    let groups = evaluation.report.groups.iter();
    let lines = groups.flat_map(|group| {
        [&group.completers, &group.everyone].map(|part| cells(evaluation, group, part))
    });
    let lines: Vec<[String; HEAD.len()]> = std::iter::once(HEAD.map(str::to_owned))
        .chain(lines)
        .collect();
    let mut widths = [0; HEAD.len()];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = title(evaluation);
    for line in &lines {
        let padded = line
            .iter()
            .zip(widths)
            .enumerate()
            .map(|(at, (cell, width))| {
                if at < WORDS || at == CAUTIONS {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            });
        text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text + &foot(evaluation)
}

fn title(evaluation: &Evaluation) -> String {
    let (measure, period) = (evaluation.measure, evaluation.report.period);
    format!(
        "{} {}, {} to {}\n\n",
        measure.instrument_name,
        measure.scale_name,
        period.from(),
        period.to()
    )
}

fn foot(evaluation: &Evaluation) -> String {
    let words = &evaluation.report.words;
    let cautions = legend(&evaluation.report.groups);
    let lines = [
        Some(&words.episodes),
        Some(&words.completers),
        Some(&words.everyone),
        Some(&words.reliable_change),
        words.treatment_response.as_ref(),
        words.remission.as_ref(),
        Some(&words.suppression),
        Some(&words.limits),
        cautions.as_ref(),
    ];
    lines
        .into_iter()
        .flatten()
        .map(|line| format!("\n{line}"))
        .collect::<String>()
        + "\n"
}

fn cells(evaluation: &Evaluation, group: &Group, outcomes: &Outcomes) -> [String; HEAD.len()] {
    let places = &evaluation.places;
    let program = group
        .key
        .program
        .and_then(|key| places.program(key))
        .map_or("all programs", |place| &place.name);
    let clinic = group
        .key
        .clinic
        .and_then(|key| places.clinic(key))
        .map_or("all clinics", |place| &place.name);
    let [first, last, effect] = change(&outcomes.change);
    [
        printable(program),
        printable(clinic),
        sheet::population(outcomes.population).to_owned(),
        count(group.started),
        count(group.ended),
        share(Some(&group.completeness.paired)),
        count(outcomes.n),
        first,
        last,
        effect,
        share(Some(&outcomes.reliable_improvement)),
        share(Some(&outcomes.reliable_deterioration)),
        share(outcomes.treatment_response.as_ref()),
        share(outcomes.remission.as_ref()),
        cautions(group),
    ]
}

/// What the short words of the cautions that occur mean.
fn legend(groups: &[Group]) -> Option<String> {
    let mut occur: Vec<Caution> = vec![];
    for caution in groups.iter().flat_map(|group| &group.cautions) {
        if !occur.contains(caution) {
            occur.push(*caution);
        }
    }
    let told = |one: &Caution| format!("{}: {}", one.short(), one.words());
    let told: Vec<String> = occur.iter().map(told).collect();
    (!told.is_empty()).then(|| told.join("\n"))
}

fn cautions(group: &Group) -> String {
    let short: Vec<&str> = group.cautions.iter().map(|one| one.short()).collect();
    short.join(", ")
}

/// A name must not move a terminal's cursor.
fn printable(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).collect()
}

fn count(shown: Shown) -> String {
    shown
        .value()
        .map_or("hidden".to_owned(), |count| count.to_string())
}

fn share(rate: Option<&Rate>) -> String {
    rate.map_or(String::new(), |rate| {
        let percent = rate
            .share
            .map_or(String::new(), |share| format!("{:.0} % ", share * 100.0));
        format!(
            "{percent}{}/{}",
            count(rate.numerator),
            count(rate.denominator)
        )
    })
}

fn change(figures: &ChangeFigures) -> [String; 3] {
    match figures {
        ChangeFigures::NoScores => [const { String::new() }; 3],
        ChangeFigures::Suppressed => [(); 3].map(|()| "hidden".to_owned()),
        ChangeFigures::Shown {
            mean_first,
            mean_last,
            effect,
            ..
        } => [
            format!("{mean_first:.1}"),
            format!("{mean_last:.1}"),
            effect.map_or_else(
                |why| sheet::no_effect(why).to_owned(),
                |effect| format!("{:.2}", effect.g),
            ),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::evaluate::tests::Site;

    fn run_on(site: &Site, instrument: &str, format: Format) -> (Exit, String, String) {
        let day = |text: &str| text.parse().unwrap();
        let (from, to) = (day("2026-01-01"), day("2026-06-30"));
        let command = EvaluateCommand {
            from,
            to,
            instrument: instrument.into(),
            scale: None,
            format,
        };
        let (mut out, mut err) = (vec![], vec![]);
        let mut console = Console {
            out: &mut out,
            err: &mut err,
            progress: super::super::console::Progress::Hidden,
        };
        let exit = run(&site.app, &site.operator(), &command, &mut console);
        (
            exit,
            String::from_utf8(out).unwrap(),
            String::from_utf8(err).unwrap(),
        )
    }

    #[test]
    fn the_same_figures_come_as_csv_json_and_table() {
        let site = Site::with_history();
        let (exit, csv, _) = run_on(&site, "phq9", Format::Csv);
        assert_eq!(exit, Exit::Done);
        assert!(
            csv.starts_with("period_from,")
                && csv.contains("\r\n2026-01-01,2026-06-30,phq9,1,total,"),
            "{csv}"
        );
        let (_, json, _) = run_on(&site, "phq9", Format::Json);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let rows = json["rows"].as_array().unwrap();
        let lines = csv::Reader::from_reader(csv.as_bytes()).into_records();
        assert_eq!(rows.len(), lines.count());
        assert_eq!(rows.last().unwrap()["ended"], 45);
        let (_, table, _) = run_on(&site, "phq9", Format::Table);
        assert!(
            table.starts_with("PHQ-9 ") && table.contains("all programs"),
            "{table}"
        );
    }

    #[test]
    fn the_table_says_what_a_row_must_not_be_trusted_with_as_the_file_does() {
        let site = Site::with_history();
        let (_, csv, _) = run_on(&site, "phq9", Format::Csv);
        let (_, table, _) = run_on(&site, "phq9", Format::Table);
        assert!(table.contains("  cautions\n"), "{table}");
        let mut rows = csv::Reader::from_reader(csv.as_bytes());
        let at = rows
            .headers()
            .unwrap()
            .iter()
            .position(|name| name == "cautions");
        let rows: Vec<_> = rows.records().map(Result::unwrap).collect();
        let lines: Vec<&str> = table.lines().skip(3).take(rows.len()).collect();
        let mut told = 0;
        for caution in [
            Caution::FewPairs,
            Caution::LowCompleteness,
            Caution::SmallCells,
        ] {
            for (row, line) in rows.iter().zip(&lines) {
                let said = row[at.unwrap()].contains(caution.words());
                assert_eq!(line.contains(caution.short()), said, "{row:?}: {line}");
                told += usize::from(said);
            }
            let legend = format!("\n{}: {}\n", caution.short(), caution.words());
            assert_eq!(table.contains(&legend), csv.contains(caution.words()));
        }
        assert!(told > 0, "{csv}");
    }

    #[test]
    fn a_question_that_cannot_be_answered_is_a_usage_fault_in_words() {
        let site = Site::with_history();
        let (exit, out, err) = run_on(&site, "phq", Format::Csv);
        assert_eq!((exit, out.as_str()), (Exit::Usage, ""));
        let known: Vec<_> = crate::domain::instrument::Library::embedded()
            .latest()
            .map(|known| known.id.as_str())
            .collect();
        let said = format!(
            "evaluate: there is no instrument \"phq\"; there are: {}\n",
            known.join(", ")
        );
        assert_eq!(err, said);
        let (exit, _, err) = run_on(&site, "pc_ptsd_5", Format::Csv);
        assert_eq!(exit, Exit::Usage);
        assert!(
            err.contains("no published limit for a reliable change"),
            "{err}"
        );
    }
}

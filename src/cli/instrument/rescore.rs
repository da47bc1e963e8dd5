//! `attune instrument rescore`: from the command's words to an order, and from its report to lines for a person. What a rescore does is
//! `app::rescore`.

use crate::app::cell::guarded;
use crate::app::rescore::{self, Difference, Mode, Order, Report};
use crate::app::{App, Failure};
use crate::cli::console::{Console, Exit, Progress};
use crate::cli::words::RescoreWords;
use crate::domain::access::Actor;
use crate::store::response::ScoreRow;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The columns of the file of differences.
const COLUMNS: [&str; 10] = [
    "patient_id",
    "response_id",
    "completed_at",
    "scale",
    "version_before",
    "version_after",
    "value_before",
    "value_after",
    "band_before",
    "band_after",
];

/// Runs the command.
pub fn rescore(app: &App, actor: &Actor, words: &RescoreWords, console: &mut Console<'_>) -> Exit {
    let order = order(words);
    let mut file = match words.csv.as_deref().map(open).transpose() {
        Ok(file) => file,
        Err(why) => {
            let _ = writeln!(console.err, "{why}");
            return Exit::Usage;
        }
    };
    let mut written = Ok(());
    let done = rescore::rescore(
        app,
        actor,
        &order,
        &mut |difference| {
            if let (Some(file), Ok(())) = (&mut file, &written) {
                written = file.write_record(cells(difference));
            }
        },
        &mut |responses| console.report_progress(responses, "responses"),
    );
    if console.progress == Progress::Shown {
        // Leaves the line that was written over.
        let _ = writeln!(console.err);
    }
    let written = written.and_then(|()| Ok(file.as_mut().map_or(Ok(()), csv::Writer::flush)?));
    match (done, written) {
        (Ok(report), Ok(())) => tell(&report, &order, console),
        (Ok(report), Err(error)) => {
            let _ = writeln!(
                console.err,
                "not every difference was written to the file: {error}"
            );
            let _ = tell(&report, &order, console);
            Exit::Failed
        }
        (Err(Failure::Refused(refusal)), _) => {
            let _ = writeln!(console.err, "{refusal}");
            Exit::Usage
        }
        (Err(failure), _) => {
            let _ = writeln!(
                console.err,
                "{failure}\nWhat was done before that stays. Running the same command again does the rest."
            );
            Exit::Failed
        }
    }
}

fn order(words: &RescoreWords) -> Order {
    Order {
        instrument: words.id.clone(),
        from: (words.from != "all").then(|| words.from.clone()),
        to: words.to.clone(),
        reason: words.reason.clone(),
        by: words.by.clone(),
        mode: if words.dry_run {
            Mode::DryRun
        } else {
            Mode::Write
        },
    }
}

/// Patients' ids and scores: for the owner's eyes only, and never over another file.
fn open(path: &Path) -> Result<csv::Writer<File>, String> {
    let unwritable = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| unwritable(&error))?;
    let mut writer = csv::Writer::from_writer(file);
    writer
        .write_record(COLUMNS)
        .map_err(|error| unwritable(&error))?;
    Ok(writer)
}

fn cells(difference: &Difference) -> [String; COLUMNS.len()] {
    let (before, after) = (difference.before.as_ref(), &difference.after);
    let value = |row: &ScoreRow| {
        row.value
            .map_or_else(String::new, |value| value.to_string())
    };
    let band = |row: &ScoreRow| row.band.clone().unwrap_or_default();
    let at = |at: chrono::NaiveDateTime| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    [
        guarded(&difference.patient),
        difference.response.to_string(),
        difference.completed_at.map(at).unwrap_or_default(),
        after.scale.clone(),
        before.map(|row| row.version.clone()).unwrap_or_default(),
        after.version.clone(),
        before.map(value).unwrap_or_default(),
        value(after),
        before.map(band).unwrap_or_default(),
        band(after),
    ]
}

fn tell(report: &Report, order: &Order, console: &mut Console<'_>) -> Exit {
    let Report {
        responses,
        rescored,
        values,
        bands,
        unreadable,
        summaries,
    } = report;
    let (anew, said) = match order.mode {
        Mode::Write => ("scored anew", ""),
        Mode::DryRun => ("would be scored anew", "nothing was stored\n"),
    };
    let text = format!(
        "responses: {responses}\n{anew}: {rescored}\nvalues changed: {values}\nbands changed: {bands}\nepisodes summed up anew: {summaries}\n{said}"
    );
    let mut written = console.out.write_all(text.as_bytes());
    if *unreadable > 0 {
        written = written.and(writeln!(
            console.out,
            "left as they are, because their answers cannot be read: {unreadable}"
        ));
    }
    match written {
        Ok(()) if *unreadable == 0 => Exit::Done,
        Ok(()) => Exit::Partial,
        Err(_) => Exit::Failed,
    }
}

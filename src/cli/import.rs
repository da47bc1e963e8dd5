//! `attune import patients FILE` and `attune import sessions FILE`: from the command's words to an order, and from its report to lines for a
//! person. What an import does is `app::import`.

use super::console::{Console, Exit, Progress};
use crate::app::import::{self, Order, Refusal, Report, Stopped};
pub use crate::app::import::{Mode, What};
use crate::app::set_places::Place;
use crate::app::{App, Failure};
use crate::domain::access::Actor;
use std::path::{Path, PathBuf};

/// The command as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportCommand {
    /// What is in the file.
    pub what: What,
    /// The file. Whole, not relative: the command may run in another process.
    pub file: PathBuf,
    /// Where rejected rows go; beside the file by default (see [`rejects_beside`]).
    pub rejects: Option<PathBuf>,
    /// Whether to store.
    pub mode: Mode,
}

/// Where rejected rows go unless somebody says otherwise: `patients.rejected.csv` beside `patients.csv`.
pub fn rejects_beside(file: &Path) -> PathBuf {
    file.with_extension("rejected.csv")
}

/// Runs the command.
pub fn run(app: &App, actor: &Actor, command: &ImportCommand, console: &mut Console<'_>) -> Exit {
    let order = Order {
        what: command.what,
        file: command.file.clone(),
        rejects: command
            .rejects
            .clone()
            .unwrap_or_else(|| rejects_beside(&command.file)),
        mode: command.mode,
    };
    let done = import::import(app, actor, &order, &mut |rows| {
        console.report_progress(rows, "rows")
    });
    if console.progress == Progress::Shown {
        // Leaves the line that was written over.
        let _ = writeln!(console.err);
    }
    match done {
        Ok(report) => {
            tell(&report, &order, console);
            if report.rejected > 0 {
                Exit::Partial
            } else {
                Exit::Done
            }
        }
        Err(stopped) => explain(&stopped, &order, console),
    }
}

fn tell(report: &Report, order: &Order, console: &mut Console<'_>) {
    let rejects = match report.rejected {
        0 => String::new(),
        _ => format!(
            "rejected rows, each with its reason: {}\n",
            order.rejects.display()
        ),
    };
    let undone = match order.mode {
        Mode::Write => "",
        Mode::DryRun => "dry run: nothing was stored\n",
    };
    let text = format!("{}{rejects}{undone}", counts(report));
    // Whoever closed the stream does not want to know.
    let _ = console.out.write_all(text.as_bytes());
}

fn counts(report: &Report) -> String {
    let mut text = format!(
        "rows: {}\nadded: {}\nchanged: {}\nunchanged: {}\nrejected: {}\n",
        report.rows, report.added, report.changed, report.unchanged, report.rejected
    );
    for created in &report.created {
        let place = match created.place {
            Place::Clinic => "clinic",
            Place::Program => "program",
        };
        text.push_str(&format!(
            "new {place}: {} ({})\n",
            created.name, created.external_id
        ));
    }
    text
}

fn explain(stopped: &Stopped, order: &Order, console: &mut Console<'_>) -> Exit {
    let file = order.file.display();
    let Stopped { why, so_far } = stopped;
    let text = match why {
        Failure::Refused(refusal) => format!("{file}: {refusal}\n"),
        Failure::Denied(denied) => format!("import: {denied}\n"),
        Failure::Fault(fault) if fault.is_duplicate() => {
            format!("import stopped: somebody else stored the same at the same moment ({fault})\n")
        }
        Failure::Fault(fault) => format!("import stopped: {fault}\n"),
    };
    let rows = match (so_far.rows, order.mode) {
        (0, _) => "nothing was stored\n".to_owned(),
        (_, Mode::DryRun) => "dry run: nothing was stored\n".to_owned(),
        (rows, Mode::Write) => {
            format!(
                "the first {rows} rows are done; importing the same file again is safe and finishes it\n"
            )
        }
    };
    let _ = console.err.write_all(text.as_bytes());
    let _ = console.err.write_all(rows.as_bytes());
    match why {
        Failure::Refused(Refusal::Unreadable(_) | Refusal::Rejects(_)) if so_far.rows == 0 => {
            Exit::Usage
        }
        _ => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::import::tests::Site;

    fn run_on(site: &Site, file: PathBuf, mode: Mode) -> (Exit, String, String) {
        let (mut out, mut err) = (vec![], vec![]);
        let command = ImportCommand {
            what: What::Patients,
            file,
            rejects: None,
            mode,
        };
        let mut console = Console {
            out: &mut out,
            err: &mut err,
            progress: Progress::Shown,
        };
        let exit = run(&site.app, &site.operator(), &command, &mut console);
        (
            exit,
            String::from_utf8(out).unwrap(),
            String::from_utf8(err).unwrap(),
        )
    }

    #[test]
    fn the_command_counts_and_names_what_is_new() {
        let site = Site::new();
        let file = site.file("patients.csv", site.patients(&["p1", "p2"]));
        let (exit, out, err) = run_on(&site, file, Mode::Write);
        assert_eq!(exit, Exit::Done);
        assert_eq!(
            out,
            "rows: 2\nadded: 2\nchanged: 0\nunchanged: 0\nrejected: 0\nnew program: Trauma (trauma)\n"
        );
        assert_eq!(err, "\r2 rows\n");
    }

    #[test]
    fn a_rejected_row_makes_the_exit_partial_and_names_the_file() {
        let site = Site::new();
        let text = site.patients(&["p1", "p2"]).replace("\"p2\"", "\"p 2\"");
        let (exit, out, _) = run_on(&site, site.file("patients.csv", &text), Mode::DryRun);
        assert_eq!(exit, Exit::Partial);
        assert!(
            out.contains("rejected: 1\n") && out.contains("patients.rejected.csv\n"),
            "{out}"
        );
        assert!(out.ends_with("dry run: nothing was stored\n"), "{out}");
    }

    #[test]
    fn a_file_that_is_not_there_is_a_usage_fault_and_a_wrong_one_a_failure() {
        let site = Site::new();
        let (exit, out, err) = run_on(&site, site.folder.join("none.csv"), Mode::Write);
        assert_eq!((exit, out.as_str()), (Exit::Usage, ""));
        assert!(
            err.contains("cannot be read") && err.contains("nothing was stored"),
            "{err}"
        );
        let (exit, _, err) = run_on(
            &site,
            site.file("wrong.csv", "session_id\nx\n"),
            Mode::Write,
        );
        assert_eq!(exit, Exit::Failed);
        assert!(
            err.contains("there is no column \"session_id\"; known columns: patient_id, name"),
            "{err}"
        );
    }
}

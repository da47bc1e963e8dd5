//! The command line. Commands about data act on a running service through its control socket, and on the data itself when none runs; the words are the same
//! either way. What a command does is a verb in `app`.

pub mod console;
pub mod control;
mod data;
mod definitions;
mod demo;
mod doctor;
pub mod evaluate;
pub mod import;
mod instrument;
mod key;
mod mail;
mod open;
mod private;
mod safety;
pub mod score;
mod serve;
mod verb;
mod words;

use crate::config::Config;
use crate::patient_words::help::Help;
use crate::web::last_resort;
use clap::{Parser, Subcommand};
use console::Exit;
use std::path::PathBuf;
use words::{DataCommand, StoredCommand};

/// Measurement-based, feedback-informed mental-health care as software people can run themselves.
#[derive(Debug, Parser)]
#[command(name = "attune", version, about)]
struct Words {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service. Settings: ATTUNE_… variables or one TOML file (see docs/operations.md).
    Serve,
    /// Try everything on this machine with invented people; with `data`, write such people into the configured, empty database.
    Demo(DemoWords),
    /// Bring the database schema up to date.
    Migrate {
        /// Only say what is missing; exit 1 if anything is.
        #[arg(long)]
        check: bool,
    },
    /// The site's key, with which the audit is sealed and links are made.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Print a page, with help on it, for the proxy to show patients while the service is down.
    AwayPage,
    /// Score answers from standard input, one JSON object a line: {"answers":{"1":0,"2":3}}.
    Score {
        /// The instrument's id, such as phq9.
        instrument: String,
        /// Read and write a table instead: columns named by item numbers, perhaps sex and age, and your own.
        #[arg(long)]
        csv: bool,
        /// The table has no column for some items: they were not answered.
        #[arg(long, requires = "csv")]
        partial: bool,
    },
    /// What instruments there are, and whether a definition is sound.
    #[command(subcommand)]
    Instrument(InstrumentWords),
    #[command(flatten)]
    Data(DataCommand),
}

/// What is asked about instruments.
#[derive(Debug, Subcommand)]
enum InstrumentWords {
    #[command(flatten)]
    Definitions(instrument::InstrumentCommand),
    #[command(flatten)]
    Stored(StoredCommand),
}

/// What the demo is told.
#[derive(Debug, clap::Args)]
struct DemoWords {
    #[command(subcommand)]
    what: Option<DemoWhat>,
    /// Where to listen; loopback only.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: std::net::SocketAddr,
    /// Where to keep the demo's file; a folder that is removed at the end if not given.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// How many invented patients.
    #[arg(long, default_value_t = 300)]
    patients: usize,
}

#[derive(Debug, Subcommand)]
enum DemoWhat {
    /// Write invented people into the configured, empty database.
    Data {
        /// How many patients.
        #[arg(long)]
        patients: usize,
    },
}

/// Runs the program and says how it ended.
pub fn main() -> Exit {
    let words = match Words::try_parse() {
        Ok(words) => words,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            };
        }
    };
    match words.command {
        Command::Score {
            instrument,
            csv,
            partial,
        } => with_config(|config| score_lines(config, &instrument, shape(csv, partial))),
        Command::Demo(DemoWords {
            what: None,
            listen,
            dir,
            patients,
        }) => demo::run(listen, dir, patients),
        Command::Demo(DemoWords {
            what: Some(DemoWhat::Data { patients }),
            ..
        }) => with_config(|config| {
            control::run_somewhere(config, &DataCommand::DemoData { patients })
        }),
        Command::Instrument(InstrumentWords::Definitions(command)) => {
            with_config(|config| instrument::run(config, &command))
        }
        Command::Instrument(InstrumentWords::Stored(command)) => {
            with_config(|config| control::run_somewhere(config, &command.into()))
        }
        Command::Serve => with_config(serve::run),
        Command::Key(command) => with_config(|config| key::run(config, &command)),
        Command::AwayPage => with_config(away_page),
        Command::Migrate { check } => with_config(|config| open::migrate(config, check)),
        Command::Data(command) => with_config(|config| control::run_somewhere(config, &command)),
    }
}

fn with_config(run: impl FnOnce(&Config) -> Exit) -> Exit {
    match Config::from_environment() {
        Ok(config) => run(&config),
        Err(bad) => {
            eprintln!("{bad}");
            Exit::Usage
        }
    }
}

fn away_page(config: &Config) -> Exit {
    match &config.help.lines {
        Ok(lines) => {
            print!("{}", last_resort::away(&Help::of(lines)));
            Exit::Done
        }
        Err(bad) => {
            eprintln!("{bad}");
            Exit::Failed
        }
    }
}

/// How answers come and scores go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Lines,
    Table(score::Columns),
}

fn shape(csv: bool, partial: bool) -> Shape {
    match (csv, partial) {
        (false, _) => Shape::Lines,
        (true, false) => Shape::Table(score::Columns::Every),
        (true, true) => Shape::Table(score::Columns::Partial),
    }
}

fn score_lines(config: &Config, instrument: &str, shape: Shape) -> Exit {
    let library = match definitions::load(config) {
        Ok(library) => library,
        Err(words) => {
            eprintln!("{words}");
            return Exit::Failed;
        }
    };
    let (input, output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let scored = match shape {
        Shape::Lines => score::run(library, instrument, input, output),
        Shape::Table(columns) => score::run_table(library, instrument, columns, input, output),
    };
    match scored {
        Ok(tally) => {
            if tally.with_problems > 0 {
                let score::Tally {
                    lines,
                    with_problems,
                } = tally;
                eprintln!("{with_problems} of {lines} had problems; each says which");
            }
            // Lines go to a program, which reads their problems. Whoever converts a table wants to be told.
            match shape {
                Shape::Table(_) if tally.with_problems > 0 => Exit::Partial,
                _ => Exit::Done,
            }
        }
        Err(fault @ score::ScoreFault::NoSuchInstrument { .. }) => {
            eprintln!("{fault}\n{}", definitions::read_from(config));
            Exit::Usage
        }
        Err(fault @ score::ScoreFault::Header(_)) => {
            eprintln!("{fault}");
            Exit::Usage
        }
        // Whoever reads our lines has enough of them: `attune score … | head`.
        Err(score::ScoreFault::Write(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            Exit::Done
        }
        Err(fault) => {
            eprintln!("{fault}");
            Exit::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use std::collections::BTreeSet;

    const OPERATIONS: &str = include_str!("../../docs/operations.md");

    /// The words of every command that can be run and is shown, without the program's name.
    fn shown(command: &clap::Command, above: &[&str]) -> Vec<String> {
        let below = command
            .get_subcommands()
            .filter(|below| !below.is_hide_set());
        let mut all: Vec<String> = below
            .flat_map(|below| shown(below, &[above, &[below.get_name()]].concat()))
            .collect();
        if !above.is_empty() && !command.is_subcommand_required_set() {
            all.push(above.join(" "));
        }
        all
    }

    /// What a code span of the table names: `import patients\|sessions` is two.
    fn spelled_out(span: &str) -> Vec<String> {
        let words = span.split_whitespace().skip(1);
        words.fold(vec![String::new()], |begun, word| {
            let ways = word.split("\\|");
            ways.flat_map(|way| begun.iter().map(move |before| format!("{before}{way} ")))
                .collect()
        })
    }

    #[test]
    fn every_command_stands_once_in_the_table_of_commands() {
        let mut commands = shown(&Words::command(), &[]);
        let (_, table) = OPERATIONS.split_once("## Commands").unwrap();
        let rows = table.lines().skip_while(|line| !line.starts_with('|'));
        let cells = rows
            .take_while(|line| line.starts_with('|'))
            .filter_map(|row| row.split(" | ").next());
        let mut named = vec![];
        for span in cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)) {
            let ways = spelled_out(span);
            // The longest name fits: `demo data` is not `demo`.
            let known = ways.iter().filter_map(|way| {
                let fits = |name: &&String| way.starts_with(&format!("{name} "));
                commands.iter().filter(fits).max_by_key(|name| name.len())
            });
            let known: BTreeSet<String> = known.cloned().collect();
            assert!(!known.is_empty(), "there is no command {span:?}");
            named.extend(known);
        }
        commands.sort();
        named.sort();
        assert_eq!(commands, named);
    }
}

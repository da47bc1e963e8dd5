//! The commands about data: what each is told, and what it does with an opened app. The same code runs in this process or inside the service.

use super::console::{Console, Exit, Progress};
use super::import::{ImportCommand, Mode, What};
use super::mail::{self, MailCommand, Spooled};
use super::open::{self, Purpose};
use super::safety::{self, SafetyCommand};
use super::{control, doctor, evaluate, import, instrument};
use crate::app::accounts::{self, NewAccount};
use crate::app::demo::{Wanted, invent};
use crate::app::{App, Failure, give_form, verify};
use crate::config::Config;
use crate::domain::access::{Actor, Role, Subject};
use crate::domain::ids::ClinicId;
use crate::store::{Fault, organisation, patient};
use clap::{Args, Subcommand};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// A command about data.
#[derive(Debug, Clone, Subcommand)]
pub enum DataCommand {
    /// Manage accounts.
    #[command(subcommand)]
    User(UserCommand),
    /// Write patients or sessions from a CSV file (see docs/data-formats.md).
    Import(ImportWords),
    /// Make patients' links.
    #[command(subcommand)]
    Link(LinkCommand),
    /// Evaluate programs over a period, as CSV.
    Evaluate(evaluate::EvaluateCommand),
    /// Check the invariants of all data; exit 1 if one is broken.
    Verify,
    /// The rules of safety: which answers are whose business how soon.
    #[command(subcommand)]
    Safety(SafetyCommand),
    /// Try the relay; take notices about mails that could not be passed on.
    #[command(subcommand)]
    Mail(MailCommand),
    /// Check configuration, clock, mail, disk and database; exit 1 on a fault.
    Doctor,
    /// Record the owner's permission to use an instrument (the long form of `attune instrument permit`).
    #[command(hide = true)]
    InstrumentPermit(PermitWords),
    /// Withdraw it (the long form of `attune instrument withdraw`).
    #[command(hide = true)]
    InstrumentWithdraw {
        /// The instrument's id.
        id: String,
    },
    /// Score responses anew (the long form of `attune instrument rescore`).
    #[command(hide = true)]
    InstrumentRescore(RescoreWords),
    /// Write invented people (the long form of `attune demo data`).
    #[command(hide = true)]
    DemoData {
        /// How many patients.
        #[arg(long)]
        patients: usize,
    },
}

/// Accounts.
#[derive(Debug, Clone, Subcommand)]
pub enum UserCommand {
    /// Add an account and print its set-up link.
    Add {
        /// Address to sign in with.
        #[arg(long)]
        email: String,
        /// Name.
        #[arg(long)]
        name: String,
        /// therapist, supervisor, quality or administrator.
        #[arg(long)]
        role: Role,
        /// Licence to practise.
        #[arg(long)]
        licence: Option<String>,
        /// A clinic's external id; once for each clinic.
        #[arg(long = "clinic")]
        clinics: Vec<String>,
    },
}

/// What an import is told.
#[derive(Debug, Clone, Args)]
pub struct ImportWords {
    /// patients or sessions.
    pub what: ImportWhat,
    /// The file.
    pub file: PathBuf,
    /// Where rejected rows go; beside the file if not given.
    #[arg(long)]
    pub rejects: Option<PathBuf>,
    /// Go through everything and store nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// What is in a file.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum ImportWhat {
    /// Patients and their episodes of care.
    Patients,
    /// Sessions.
    Sessions,
}

/// A permission as it is given on the command line.
#[derive(Debug, Clone, Args)]
pub struct PermitWords {
    /// The instrument's id, such as who5.
    pub id: String,
    /// What the permission is: the number of a contract, a letter, the terms that were accepted.
    #[arg(long)]
    pub reference: String,
    /// Who granted it, and to whom.
    #[arg(long)]
    pub holder: String,
    /// The first day on which it holds; today if not given.
    #[arg(long)]
    pub granted_on: Option<chrono::NaiveDate>,
    /// The last day on which it holds, if there is one.
    #[arg(long)]
    pub expires_on: Option<chrono::NaiveDate>,
}

/// What a rescore is told.
#[derive(Debug, Clone, Args)]
pub struct RescoreWords {
    /// The instrument's id, such as phq9.
    pub id: String,
    /// The version in which the responses were given, or all.
    #[arg(long)]
    pub from: String,
    /// The version whose rules score them; the newest if not given.
    #[arg(long)]
    pub to: Option<String>,
    /// Why, for everybody who reads these scores later.
    #[arg(long)]
    pub reason: String,
    /// The e-mail address of the account that answers for it.
    #[arg(long)]
    pub by: String,
    /// Count what would change and store nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Write every difference to this CSV file; it must not exist yet.
    #[arg(long)]
    pub csv: Option<PathBuf>,
}

/// Links.
#[derive(Debug, Clone, Subcommand)]
pub enum LinkCommand {
    /// Print a fresh link for one patient, or for all in care, one a line.
    New {
        /// The patient's external id.
        #[arg(long, required_unless_present = "all", conflicts_with = "all")]
        patient: Option<String>,
        /// Instruments, in order of asking: phq9,pcl5.
        #[arg(long, value_delimiter = ',', required = true)]
        instruments: Vec<String>,
        /// Every patient in care.
        #[arg(long)]
        all: bool,
        /// How many links for each patient.
        #[arg(long, default_value_t = 1)]
        each: usize,
    },
}

/// Runs a command inside the service that owns the data, or here when none runs.
pub fn run_somewhere(config: &Config, command: &DataCommand) -> Exit {
    let spooled = match command {
        DataCommand::Mail(command) => match Spooled::of(command, config) {
            Ok(spooled) => spooled,
            Err(words) => {
                eprintln!("{words}");
                return Exit::Failed;
            }
        },
        _ => None,
    };
    let spooled = spooled.as_ref();
    if let Some(exit) = control::ask_running(config, spooled.map(Spooled::path)) {
        return exit;
    }
    let command = &match (command, spooled) {
        (DataCommand::Mail(command), Some(spooled)) => {
            DataCommand::Mail(spooled.instead_of_input(command.clone()))
        }
        (command, _) => command.clone(),
    };
    if matches!(command, DataCommand::Doctor) {
        return doctor::run_alone(config);
    }
    let command =
        &std::env::current_dir().map_or(command.clone(), |folder| command.clone().at(&folder));
    let purpose = match command {
        DataCommand::DemoData { .. } => Purpose::Begin,
        _ => Purpose::Work,
    };
    let opened = match open::open(config, config.listen, purpose) {
        Ok(opened) => opened,
        Err(words) => {
            eprintln!("{words}");
            return Exit::Failed;
        }
    };
    let progress = if std::io::stderr().is_terminal() {
        Progress::Shown
    } else {
        Progress::Hidden
    };
    let (mut out, mut err) = (
        std::io::BufWriter::new(std::io::stdout()),
        std::io::stderr(),
    );
    let exit = run(
        &opened.app,
        config,
        command,
        &mut Console {
            out: &mut out,
            err: &mut err,
            progress,
        },
    );
    let flushed = out.flush();
    opened.app.store.close();
    if flushed.is_err() { Exit::Failed } else { exit }
}

/// Runs a command over an opened app.
pub fn run(app: &App, config: &Config, command: &DataCommand, console: &mut Console<'_>) -> Exit {
    let actor = Actor::Operator { org: app.org };
    match command {
        DataCommand::User(UserCommand::Add {
            email,
            name,
            role,
            licence,
            clinics,
        }) => {
            let account = NewAccount {
                email: email.clone(),
                name: name.clone(),
                role: *role,
                licence: licence.clone(),
                clinics: vec![],
            };
            tell(console, add_user(app, &actor, account, clinics))
        }
        DataCommand::Import(words) => import::run(app, &actor, &words.command(), console),
        DataCommand::Link(LinkCommand::New {
            patient: Some(patient),
            instruments,
            ..
        }) => tell(console, give_one(app, &actor, patient, instruments)),
        DataCommand::Link(LinkCommand::New {
            instruments, each, ..
        }) => give_all(app, &actor, instruments, *each, console),
        DataCommand::Evaluate(words) => evaluate::run(app, &actor, words, console),
        DataCommand::Verify => print_verification(app, console),
        DataCommand::Safety(command) => safety::run(app, &actor, command, console),
        DataCommand::Mail(command) => mail::run(app, config, command, console),
        DataCommand::Doctor => doctor::run(app, config, console),
        DataCommand::InstrumentPermit(words) => {
            tell(console, instrument::permit(app, &actor, words))
        }
        DataCommand::InstrumentWithdraw { id } => {
            tell(console, instrument::withdraw(app, &actor, id))
        }
        DataCommand::InstrumentRescore(words) => instrument::rescore(app, &actor, words, console),
        DataCommand::DemoData { patients } => demo_data(app, *patients, console),
    }
}

/// One line of result, or of complaint.
pub(super) fn tell(console: &mut Console<'_>, done: Result<String, String>) -> Exit {
    let (written, exit) = match done {
        Ok(line) => (writeln!(console.out, "{line}"), Exit::Done),
        Err(words) => (writeln!(console.err, "{words}"), Exit::Failed),
    };
    if written.is_ok() { exit } else { Exit::Failed }
}

fn add_user(
    app: &App,
    actor: &Actor,
    mut account: NewAccount,
    clinics: &[String],
) -> Result<String, String> {
    let org = app.org;
    let known = app
        .store
        .read_blocking(move |tx| organisation::clinics(tx, org))
        .map_err(|fault: Fault| fault.to_string())?;
    for wanted in clinics {
        let found: Option<ClinicId> = known
            .iter()
            .find(|clinic| clinic.external_id == *wanted)
            .map(|clinic| clinic.id);
        let list = || {
            known
                .iter()
                .map(|clinic| clinic.external_id.clone())
                .collect::<Vec<_>>()
                .join(", ")
        };
        account.clinics.push(
            found.ok_or_else(|| format!("there is no clinic {wanted:?}; there are: {}", list()))?,
        );
    }
    accounts::add_account(app, actor, &account).map_err(|failure| failure.to_string())
}

fn give_one(
    app: &App,
    actor: &Actor,
    external_id: &str,
    instruments: &[String],
) -> Result<String, String> {
    let (org, wanted) = (app.org, external_id.to_owned());
    let place = app
        .store
        .read_blocking(move |tx| patient::place_by_external_id(tx, org, &wanted))
        .map_err(|fault: Fault| fault.to_string())?;
    let Some(Subject::Patient { id, .. }) = place else {
        return Err(format!("there is no patient {external_id:?}"));
    };
    wait_for(give_form::give_form(
        app,
        actor.clone(),
        (id, None),
        instruments.to_vec(),
    ))
    .map(|handed| handed.address)
}

/// Runs a verb that waits for the database, on a thread that may block.
pub(super) fn wait_for<T, R: std::fmt::Display>(
    verb: impl Future<Output = Result<T, Failure<R>>>,
) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| error.to_string())?;
    runtime
        .block_on(verb)
        .map_err(|failure| failure.to_string())
}

fn give_all(
    app: &App,
    actor: &Actor,
    instruments: &[String],
    each: usize,
    console: &mut Console<'_>,
) -> Exit {
    let mut written = Ok(());
    let done = give_form::give_to_all(app, actor, instruments, each, |link| {
        if written.is_ok() {
            written = writeln!(console.out, "{link}");
        }
    });
    match (done, written) {
        (Ok(()), Ok(())) => Exit::Done,
        (Err(failure), _) => tell(console, Err(failure.to_string())),
        (_, Err(_)) => Exit::Failed,
    }
}

fn print_verification(app: &App, console: &mut Console<'_>) -> Exit {
    let found = match verify::verify(app) {
        Ok(found) => found,
        Err(fault) => return tell(console, Err(fault.to_string())),
    };
    let sound = found.broken.is_empty();
    let printed = serde_json::to_string_pretty(&found).map_err(|error| error.to_string());
    match tell(console, printed) {
        Exit::Done if sound => Exit::Done,
        _ => Exit::Failed,
    }
}

fn demo_data(app: &App, patients: usize, console: &mut Console<'_>) -> Exit {
    let wanted = Wanted {
        patients,
        now: app.clock.now(),
        seed: super::demo::SEED,
        password: Some(super::demo::PASSWORD.into()),
    };
    let started = std::time::Instant::now();
    let invented = invent(app, wanted, &mut |done| {
        console.report_progress(done, "patients")
    });
    let line = invented.map(|done| {
        let seconds = started.elapsed().as_secs_f64();
        format!(
            "{} patients, {} episodes, {} responses, {} scores, {} flags in {seconds:.1} s ({:.0} scores a second)",
            done.patients,
            done.episodes,
            done.responses,
            done.scores,
            done.flags,
            done.scores as f64 / seconds
        )
    });
    tell(console, line.map_err(|fault| fault.to_string()))
}

impl ImportWords {
    fn command(&self) -> ImportCommand {
        ImportCommand {
            what: match self.what {
                ImportWhat::Patients => What::Patients,
                ImportWhat::Sessions => What::Sessions,
            },
            file: self.file.clone(),
            rejects: self.rejects.clone(),
            mode: if self.dry_run {
                Mode::DryRun
            } else {
                Mode::Write
            },
        }
    }
}

impl DataCommand {
    /// The same command with its paths made whole: it may run in a process that stands in another folder.
    pub fn at(mut self, folder: &Path) -> Self {
        if let DataCommand::Import(words) = &mut self {
            words.file = folder.join(&words.file);
            words.rejects = words.rejects.as_ref().map(|path| folder.join(path));
        }
        if let DataCommand::InstrumentRescore(words) = &mut self {
            words.csv = words.csv.as_ref().map(|path| folder.join(path));
        }
        if let DataCommand::Mail(command) = self {
            return DataCommand::Mail(command.at(folder));
        }
        if let DataCommand::Safety(command) = self {
            return DataCommand::Safety(command.at(folder));
        }
        self
    }
}

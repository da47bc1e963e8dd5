//! What the commands about data are told. They are read twice: by the program that was started, and by the running service that does them (`control`).

use super::evaluate::EvaluateCommand;
use super::import::{ImportCommand, Mode, What};
use super::mail::MailCommand;
use super::safety::SafetyCommand;
use crate::domain::access::Role;
use clap::{Args, Subcommand};
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
    Evaluate(EvaluateCommand),
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
        /// How many links for each patient, at most 1000.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
        each: u16,
    },
}

/// What is asked about an instrument and stored with the data.
#[derive(Debug, Clone, Subcommand)]
pub enum StoredCommand {
    /// Record the owner's permission to use an instrument here. Needed for instruments of class B and C.
    Permit(PermitWords),
    /// Withdraw it: nothing new is planned or sent; links that are out stay good.
    Withdraw {
        /// The instrument's id, such as who5.
        id: String,
    },
    /// Score responses anew: adds a revision to each score that changes, and never writes one over.
    Rescore(RescoreWords),
}

impl From<StoredCommand> for DataCommand {
    fn from(command: StoredCommand) -> Self {
        match command {
            StoredCommand::Permit(words) => DataCommand::InstrumentPermit(words),
            StoredCommand::Withdraw { id } => DataCommand::InstrumentWithdraw { id },
            StoredCommand::Rescore(words) => DataCommand::InstrumentRescore(words),
        }
    }
}

impl ImportWords {
    /// As the import takes it.
    pub fn command(&self) -> ImportCommand {
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

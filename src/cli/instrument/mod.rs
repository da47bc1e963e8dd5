//! `attune instrument …`: what there is, what one says, whether a definition is sound, and taking one in.
//!
//! Here: the commands; `check`, `add` and what `show` prints have files of their own. Not here: what makes a definition sound (`domain::instrument`,
//! `domain::scoring::cases`).

mod add;
mod check;
mod rescore;
mod show;
#[cfg(test)]
mod tests;

use super::console::Exit;
use super::definitions;
use super::verb::wait_for;
use super::words::PermitWords;
use crate::app::App;
use crate::app::permit_instrument::{NewPermission, permit_instrument, withdraw_permission};
use crate::config::Config;
use crate::domain::access::Actor;
use crate::domain::instrument::{Library, Origin, nearest};
use std::path::PathBuf;

/// What is asked about instruments.
#[derive(Debug, clap::Subcommand)]
pub enum InstrumentCommand {
    /// List every instrument there is.
    List,
    /// Say what an instrument is: items, scoring, bands, cut-offs, change, licence, and where each comes from.
    Show {
        /// The instrument's id, such as phq9.
        id: String,
    },
    /// Check definitions and run their worked cases; prints every mistake as file:line: what, exit 1 if there is any.
    Check {
        /// Definition files, or folders of them.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// As the clinic's own: they may have protected wording. Understood by itself where a text file has a
        /// [permission], and in the clinic's own folder.
        #[arg(long)]
        site: bool,
    },
    /// Check a definition and copy it to the clinic's own. A running service reads it at its next start.
    Add {
        /// The instrument's folder, with its definition, text files and worked cases.
        folder: PathBuf,
    },
}

/// Does what is asked.
pub fn run(config: &Config, command: &InstrumentCommand) -> Exit {
    let done = match command {
        InstrumentCommand::List => definitions::load(config).map(|library| {
            library
                .latest()
                .for_each(|known| println!("{}", show::line(known)));
            Exit::Done
        }),
        InstrumentCommand::Show { id } => {
            definitions::load(config).map(|library| show(library, id))
        }
        InstrumentCommand::Check { paths, site } => {
            check::all(paths, origin(*site), &config.survey_defs())
        }
        InstrumentCommand::Add { folder } => add::add(config, folder),
    };
    done.unwrap_or_else(|words| {
        eprintln!("{words}");
        Exit::Failed
    })
}

/// Records a permission.
pub(super) fn permit(app: &App, actor: &Actor, words: &PermitWords) -> Result<String, String> {
    let new = NewPermission {
        instrument: words.id.clone(),
        reference: words.reference.clone(),
        holder: words.holder.clone(),
        granted_on: words.granted_on,
        expires_on: words.expires_on,
    };
    wait_for(permit_instrument(app, actor.clone(), new))?;
    Ok(format!("the permission to use {} is on record", words.id))
}

/// Withdraws it.
pub(super) fn withdraw(app: &App, actor: &Actor, id: &str) -> Result<String, String> {
    wait_for(withdraw_permission(app, actor.clone(), id.to_owned()))?;
    Ok(format!(
        "the permission to use {id} is withdrawn; links that are out stay good"
    ))
}

pub(super) use rescore::rescore;

fn origin(site: bool) -> Origin {
    if site { Origin::Site } else { Origin::Shipped }
}

fn show(library: &Library, id: &str) -> Exit {
    match library.get(id) {
        Some(instrument) => {
            print!("{}", show::page(library, instrument));
            Exit::Done
        }
        None => {
            let known: Vec<_> = library.latest().map(|known| known.id.as_str()).collect();
            let meant = nearest(id, known.iter().copied())
                .map_or(String::new(), |near| format!("did you mean {near:?}? "));
            eprintln!(
                "there is no instrument {id:?}; {meant}wanted is one of: {}",
                known.join(", ")
            );
            Exit::Usage
        }
    }
}

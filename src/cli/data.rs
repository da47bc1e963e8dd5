//! What each command about data does with an opened app. The same code runs in this process or inside the service.

use super::console::{Console, Exit};
use super::verb::{tell, wait_for};
use super::words::{DataCommand, LinkCommand, UserCommand};
use super::{doctor, evaluate, import, instrument, mail, safety};
use crate::app::accounts::{self, NewAccount};
use crate::app::demo::{self, Wanted, invent};
use crate::app::{App, give_form, verify};
use crate::config::Config;
use crate::domain::access::{Actor, Subject};
use crate::domain::ids::ClinicId;
use crate::store::organisation::{self, ClinicRow};
use crate::store::{Fault, patient};
use std::ops::ControlFlow;

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
        }) => give_all(app, &actor, instruments, usize::from(*each), console),
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
        account
            .clinics
            .push(found.ok_or_else(|| no_clinic(wanted, &known))?);
    }
    accounts::add_account(app, actor, &account).map_err(|failure| failure.to_string())
}

fn no_clinic(wanted: &str, known: &[ClinicRow]) -> String {
    let ids: Vec<&str> = known.iter().map(|row| row.external_id.as_str()).collect();
    let there = match ids.is_empty() {
        true => "there is none yet".to_owned(),
        false => format!("there are: {}", ids.join(", ")),
    };
    format!(
        "there is no clinic {wanted:?}; {there}. The first one is made with the site, others on the page Administration, by an administrator, or by `attune import patients`"
    )
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

fn give_all(
    app: &App,
    actor: &Actor,
    instruments: &[String],
    each: usize,
    console: &mut Console<'_>,
) -> Exit {
    let mut written = Ok(());
    let done = give_form::give_to_all(app, actor, instruments, each, |link| {
        written = writeln!(console.out, "{link}");
        match written.is_ok() {
            true => ControlFlow::Continue(()),
            // Nobody reads them any more.
            false => ControlFlow::Break(()),
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
        seed: demo::SEED,
        password: Some(demo::PASSWORD.into()),
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

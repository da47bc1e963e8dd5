//! `attune demo`: a whole site on this machine with invented people; nothing leaves it.

use super::console::Exit;
use super::open::{self, Opened, Purpose};
use super::serve;
use crate::app::demo::{PASSWORD, SEED, Wanted, arrive, invent};
use crate::app::{App, give_form};
use crate::config::{Config, LogFormat};
use crate::domain::access::{Action, Actor, Permit, Role, Subject, decide};
use crate::domain::ids::PatientId;
use crate::domain::schedule::policy::SendingPolicy;
use crate::mail::{Mailbox, Mailer};
use crate::store::staff::StaffRow;
use crate::store::{Fault, Place, Tx, organisation, patient, policy, staff};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Runs the demo until it is interrupted.
pub fn run(listen: SocketAddr, dir: Option<PathBuf>, patients: usize) -> Exit {
    let temporary = dir.is_none();
    let dir = dir.unwrap_or_else(|| {
        std::env::temp_dir().join(format!("attune-demo-{}", std::process::id()))
    });
    let done = try_run(listen, &dir, patients);
    if temporary {
        // Only what this run made.
        let _ = std::fs::remove_dir_all(&dir);
    }
    match done {
        Ok(()) => Exit::Done,
        Err(words) => {
            eprintln!("{words}");
            Exit::Failed
        }
    }
}

fn try_run(listen: SocketAddr, dir: &Path, patients: usize) -> Result<(), String> {
    if !listen.ip().is_loopback() {
        return Err(format!(
            "--listen: saw {listen}; the demo has open passwords and listens on loopback only, such as 127.0.0.1:8080"
        ));
    }
    let listener = TcpListener::bind(listen).map_err(|error| {
        format!("--listen: saw {listen}; wanted an address that is free ({error})")
    })?;
    let bound = listener.local_addr().map_err(|error| error.to_string())?;
    let config = settings(dir, bound)?;
    serve::start_logging(&config);
    let mut opened = open::open(&config, bound, Purpose::Begin)?;
    fill(&mut opened, patients)?;
    println!("{}", welcome(&opened.app, bound, dir)?);
    let mailbox = Arc::new(Mailbox::default());
    serve::serve(
        &config,
        opened,
        listener,
        bound,
        Mailer::Mailbox(Arc::clone(&mailbox)),
        Some(mailbox),
    )
}

fn settings(dir: &Path, bound: SocketAddr) -> Result<Config, String> {
    let dir = std::path::absolute(dir).map_err(|error| error.to_string())?;
    Ok(Config {
        survey_defs: None,
        place: Place::Sqlite(dir.join("attune.db")),
        data_dir: dir,
        listen: bound,
        base_url: None,
        smtp: None,
        help: Default::default(),
        texts: None,
        mail_from: "Attune demo <demo@localhost>".into(),
        mail_bounces: None,
        smtp_connections: crate::config::DEFAULT_CONNECTIONS,
        secret_key: None,
        log: "warn".into(),
        log_format: LogFormat::Text,
        workers: 2,
    })
}

/// Invents people, unless the folder has them from an earlier run.
fn fill(opened: &mut Opened, patients: usize) -> Result<(), String> {
    let org = opened.app.org;
    let words = |fault: Fault| fault.to_string();
    let known = opened
        .app
        .store
        .read_blocking(move |tx| organisation::clinics(tx, org))
        .map_err(words)?;
    if known.is_empty() {
        let wanted = Wanted {
            patients,
            now: opened.app.clock.now(),
            seed: SEED,
            password: Some(PASSWORD.into()),
        };
        invent(&opened.app, wanted, &mut |_| ()).map_err(words)?;
        end_quiet_hours(&opened.app).map_err(words)?;
        runtime()?.block_on(arrive(&opened.app))?;
    }
    let row = opened
        .app
        .store
        .read_blocking(organisation::only)
        .map_err(words)?;
    opened.organisation = row.ok_or("the organisation is gone")?;
    Ok(())
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| error.to_string())
}

/// Whoever tries the demo at night sees its mails leave all the same.
fn end_quiet_hours(app: &App) -> Result<(), Fault> {
    let operator = Actor::Operator { org: app.org };
    let permit = decide(&operator, Action::Administer, Subject::Organisation)
        .map_err(|denied| Fault::Corrupt(format!("the operator was denied: {denied}")))?;
    let usual = SendingPolicy::default();
    let rules = SendingPolicy {
        quiet_from: usual.quiet_until,
        ..usual
    };
    let now = app.clock.now();
    app.store.write_blocking(move |tx| {
        policy::replace(tx, &permit, SendingPolicy::KIND, &rules, now).map(|_| ())
    })
}

/// Who the demo introduces: people who have to do with each other, so that what its patient answers is seen by its therapist.
struct Cast {
    therapist: String,
    supervisor: String,
    patient: PatientId,
}

fn cast(tx: &mut Tx, permit: &Permit, people: &[StaffRow]) -> Result<Option<Cast>, Fault> {
    let of = |role: Role| people.iter().filter(move |row| row.role == role.word());
    for (patient, episode) in patient::active(tx, permit)? {
        let care = patient::episode_by_id(tx, permit.org(), episode)?;
        let Some(therapist) = of(Role::Therapist).find(|row| row.id == care.clinician_id) else {
            continue;
        };
        for supervisor in of(Role::Supervisor) {
            if staff::clinics_of(tx, permit.org(), supervisor.id)?.contains(&care.clinic_id) {
                return Ok(Some(Cast {
                    therapist: therapist.email.clone(),
                    supervisor: supervisor.email.clone(),
                    patient,
                }));
            }
        }
    }
    Ok(None)
}

fn welcome(app: &App, bound: SocketAddr, dir: &Path) -> Result<String, String> {
    let words = |fault: Fault| fault.to_string();
    let org = app.org;
    let people = app
        .store
        .read_blocking(move |tx| staff::all(tx, org))
        .map_err(words)?;
    let one = |role: Role| {
        people
            .iter()
            .find(|row| row.role == role.word())
            .map_or("", |row| row.email.as_str())
    };
    let actor = Actor::Operator { org };
    let permit = decide(&actor, Action::GiveForm, Subject::Organisation)
        .map_err(|denied| denied.to_string())?;
    let known = people.clone();
    let cast = app
        .store
        .read_blocking(move |tx| cast(tx, &permit, &known))
        .map_err(words)?
        .ok_or("no invented patient is in care")?;
    let ids = vec!["phq9".to_owned(), "pc_ptsd_5".to_owned()];
    let link = runtime()?
        .block_on(give_form::give_form(app, actor, (cast.patient, None), ids))
        .map_err(|failure| failure.to_string())?
        .address;
    Ok(format!(
        "Attune demo: every person in it is invented, and nothing leaves this machine.\n\
         \n  Open           http://{bound}/\n  Mailbox        http://{bound}/mailbox\n\
         \n  Sign in with the password {PASSWORD} as\n    therapist      {}\n    supervisor     {}\n    quality team   {}\n    administrator  {}\n\
         \n  A patient's link\n    {link}\n\
         \n  Data in {}. Stop with Ctrl-C.\n",
        cast.therapist,
        cast.supervisor,
        one(Role::Quality),
        one(Role::Administrator),
        dir.display()
    ))
}

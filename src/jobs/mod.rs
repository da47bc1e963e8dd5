//! The loops: plan what is due, send what is queued, pass on what nobody acknowledged, seal the audit. Each turn of a crank is a verb in `app` that can be run
//! by hand; a loop may be killed at any instant and goes on after a restart.

pub mod heartbeat;

use crate::app::escalate::{self, ClockWatch, Look};
use crate::app::pulse::Pulse;
use crate::app::raise_signals::Round;
use crate::app::send_due::Carriers;
use crate::app::{App, begin, expire_due, plan_due, seal_audit, send_digest, send_due};
use crate::mail::Mailer;
use crate::store::outbox::{self, Lane};
use crate::store::{Fault, Place, audit};
use crate::texts::Gateway;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often a loop that has nothing to do looks again.
const PAUSE: Duration = Duration::from_secs(1);
/// How often it is looked who has not answered for days.
const LOOK_EVERY: Duration = Duration::from_secs(3600);
/// How often waiting flags are looked at whose time has not come: their owner may be gone, or a wrong clock planned them.
const LOOK_AT_ALL_EVERY: Duration = Duration::from_secs(10);

/// By what this process sends.
#[derive(Clone)]
pub struct Means {
    /// Mails.
    pub mailer: Mailer,
    /// Text messages; `None`: the site has no gateway.
    pub gateway: Option<Arc<Gateway>>,
}

/// The running loops of one process.
pub struct Jobs {
    stop: Arc<Stop>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Stop {
    asked: Mutex<bool>,
    wake: Condvar,
}

impl Stop {
    /// Waits for the pause or until somebody asks to stop; says whether to go on.
    fn pause(&self, pause: Duration) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let (asked, _) = self
            .wake
            .wait_timeout_while(asked, pause, |asked| !*asked)
            .unwrap_or_else(PoisonError::into_inner);
        !*asked
    }
}

/// One turn of a crank: how many things it did.
type Turn = Box<dyn FnMut(&App) -> Result<usize, Fault> + Send>;

/// Starts every loop.
///
/// # Errors
/// When a thread cannot be started.
pub fn start(app: &App, means: &Means) -> std::io::Result<Jobs> {
    release_leases(app);
    let stop = Arc::new(Stop::default());
    let (invitations, notices, texts) = (means.clone(), means.clone(), means.clone());
    let mut last_seal: Option<Instant> = None;
    let mut looks = Looks::default();
    let mut rounds = Rounds::default();
    let turns: Vec<(&'static str, Turn)> = vec![
        (
            "planner",
            Box::new(|app| Ok(plan_due::plan_due(app)? + expire_due::expire_due(app)?)),
        ),
        (
            "invitations",
            Box::new(move |app| send_lane(app, &invitations, Lane::Mails)),
        ),
        (
            "notices",
            Box::new(move |app| send_lane(app, &notices, Lane::Notices)),
        ),
        (
            "texts",
            Box::new(move |app| send_lane(app, &texts, Lane::Texts)),
        ),
        ("signals", Box::new(move |app| looks.look(app))),
        ("escalation", Box::new(move |app| rounds.escalate(app))),
        ("keeper", Box::new(move |app| keep(app, &mut last_seal))),
    ];
    assert!(
        turns.iter().map(|(name, _)| name).eq(heartbeat::WORKERS),
        "readiness asks after other loops than there are"
    );
    let threads = turns
        .into_iter()
        .map(|(name, turn)| {
            let (app, stop) = (app.clone(), Arc::clone(&stop));
            std::thread::Builder::new()
                .name(format!("attune-{name}"))
                .spawn(move || run(name, &app, &stop, turn))
        })
        .collect::<Result<_, _>>()?;
    Ok(Jobs { stop, threads })
}

impl Jobs {
    /// Lets every loop finish its turn and ends it.
    pub fn stop(self) {
        *self
            .stop
            .asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.wake.notify_all();
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a loop ended in a panic");
            }
        }
    }
}

fn run(name: &'static str, app: &App, stop: &Stop, mut turn: Turn) {
    let mut pulse = Pulse::of(name);
    loop {
        // One message or flag that breaks a turn must not end the loop that sends all others.
        let turned = catch_unwind(AssertUnwindSafe(|| turn(app))).unwrap_or(Err(Fault::Bug));
        let turned = turned.inspect_err(|fault| {
            tracing::error!(worker = name, %fault, "a loop's turn failed; it will try again");
        });
        // A loop whose every turn fails lives as little as one that hangs.
        if turned.is_ok() {
            pulse.beat(app);
        }
        // With work left, only a breath: a patient's answer must never wait behind a backlog.
        if !stop.pause(if turned.is_ok_and(|done| done > 0) {
            Duration::from_millis(5)
        } else {
            PAUSE
        }) {
            return;
        }
    }
}

/// A SQLite file has one process: whatever is still leased was another's that is gone, and need not wait. Of other nodes nobody knows that they are gone.
fn release_leases(app: &App) {
    let org = app.org;
    if matches!(app.store.place(), Place::Postgres(_)) {
        return;
    }
    let released: Result<usize, Fault> = app
        .store
        .write_blocking(move |tx| outbox::release_all(tx, org));
    match released {
        Ok(0) => {}
        Ok(messages) => tracing::info!(
            messages,
            "messages of a process that is gone are taken up again"
        ),
        Err(fault) => tracing::warn!(%fault, "leases could not be taken back; they will run out"),
    }
}

/// Without a relay, or a gateway for texts, nothing is claimed: the messages wait, and every page that lists them says so.
fn send_lane(app: &App, means: &Means, lane: Lane) -> Result<usize, Fault> {
    let nothing_to_send_by = match lane {
        Lane::Texts => means.gateway.is_none(),
        Lane::Notices | Lane::Mails => matches!(means.mailer, Mailer::Nowhere),
    };
    if nothing_to_send_by {
        return Ok(0);
    }
    let by = Carriers {
        mailer: &means.mailer,
        gateway: means.gateway.as_deref(),
    };
    send_due::send_due(app, by, lane)
}

/// What the loop that looks for silence remembers between its turns. A loop of its own: going through every open episode must not hold up a flag.
#[derive(Default)]
struct Looks {
    round: Round,
    last_end: Option<Instant>,
}

impl Looks {
    fn look(&mut self, app: &App) -> Result<usize, Fault> {
        if self.last_end.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return Ok(0);
        }
        self.round.go_on(app)?;
        if self.round.is_over {
            (self.round, self.last_end) = (Round::default(), Some(Instant::now()));
            return Ok(0);
        }
        // The next step after a breath.
        Ok(1)
    }
}

fn keep(app: &App, last_seal: &mut Option<Instant>) -> Result<usize, Fault> {
    begin::write_down_old(app);
    if last_seal.is_none_or(|at| at.elapsed() > Duration::from_secs(5)) {
        let sealed = seal_audit::seal_audit(app, app.clock.now())?;
        // A full seal means that more is waiting.
        *last_seal = (sealed < audit::PAGE).then(Instant::now);
    }
    send_digest::send_digest(app)
}

/// What the escalation loop remembers between its turns.
#[derive(Default)]
struct Rounds {
    clocks: ClockWatch,
    last_look_at_all: Option<Instant>,
}

impl Rounds {
    fn escalate(&mut self, app: &App) -> Result<usize, Fault> {
        let went_back = self.clocks.went_back(app.clock.now(), Instant::now());
        if let Some(by) = went_back {
            tracing::warn!(
                seconds = by.num_seconds(),
                "the machine's clock was put back; every waiting flag is looked at"
            );
        }
        let look = match self.last_look_at_all {
            Some(at) if at.elapsed() < LOOK_AT_ALL_EVERY && went_back.is_none() => Look::Due,
            _ => Look::Everything,
        };
        let steps = escalate::note_unfinished(app, look)? + escalate::escalate_some(app, look)?;
        if look == Look::Everything {
            self.last_look_at_all = Some(Instant::now());
        }
        Ok(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::clock::Clock;
    use crate::domain::ids::Id;
    use crate::domain::instrument::Library;
    use crate::store::{Seal, Store};
    use chrono::NaiveDateTime;

    #[test]
    fn a_turn_that_panics_does_not_end_its_loop() {
        let folder = std::env::temp_dir().join(format!("attune-loop-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let place = Place::Sqlite(folder.join("attune.sqlite"));
        let store = Store::open(place, Seal::new([7; 32])).unwrap();
        store.migrate().unwrap();
        let app = App {
            store,
            library: Library::embedded(),
            clock: Clock::stopped_at(NaiveDateTime::default()),
            begun: Default::default(),
            org: Id::from_bytes(&[1; 16]).unwrap(),
            base_url: "http://127.0.0.1".into(),
            help: Default::default(),
        };
        let mut turns = 0;
        let ends = Arc::new(Stop::default());
        let asked = Arc::clone(&ends);
        let turn: Turn = Box::new(move |_| {
            turns += 1;
            assert!(turns > 1, "as this test wants it");
            *asked.asked.lock().unwrap() = true;
            Ok(0)
        });
        run("planner", &app, &ends, turn);
        app.store.close();
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

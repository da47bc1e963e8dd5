//! `attune serve`: opens the data, starts the loops, the control socket and the site, and on SIGTERM finishes what was begun.

use super::console::Exit;
use super::control;
use super::open::{self, Opened, Purpose};
use crate::app::{accounts, begin};
use crate::config::{Config, LogFormat};
use crate::jobs::{self, Means};
use crate::mail::{Mailbox, Mailer};
use crate::texts::Gateway;
use crate::web::{self, Site};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

/// How long the loops may take to finish their turn once asked to stop; what they leave is picked up by the next process.
const LOOPS_GRACE: Duration = Duration::from_secs(2);

/// Runs the service until a signal ends it.
pub fn run(config: &Config) -> Exit {
    start_logging(config);
    let started = require_help(config)
        .and_then(|()| config.require_addresses().map_err(|bad| bad.to_string()))
        .and_then(|()| listen(config));
    match started {
        Ok(()) => Exit::Done,
        Err(words) => {
            eprintln!("{words}");
            Exit::Failed
        }
    }
}

/// Outside the United States the site says where its patients find help before anybody opens a page.
fn require_help(config: &Config) -> Result<(), String> {
    let lines = config.help.lines.as_ref();
    lines.map(|_| ()).map_err(ToString::to_string)
}

fn listen(config: &Config) -> Result<(), String> {
    TcpListener::bind(config.listen)
        .map_err(|error| {
            format!(
                "ATTUNE_LISTEN: saw {}; wanted an address that is free ({error})",
                config.listen
            )
        })
        .and_then(|listener| {
            let bound = listener.local_addr().map_err(|error| error.to_string())?;
            let opened = open::open(config, bound, Purpose::Begin)?;
            say_first_link(&opened)?;
            serve(config, opened, listener, bound, mailer(config)?, None)
        })
}

/// Log lines go to standard error; what they may hold is decided where they are written.
pub fn start_logging(config: &Config) {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(&config.log))
        .with_writer(std::io::stderr);
    // A second start in one process (tests) keeps the first.
    let _ = match config.log_format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
}

fn mailer(config: &Config) -> Result<Mailer, String> {
    match &config.smtp {
        Some(smtp) => Ok(Mailer::Smtp(Arc::new(config.mailer(smtp)?))),
        None => {
            tracing::warn!("no relay is set (ATTUNE_SMTP_URL): mails wait in the outbox");
            Ok(Mailer::Nowhere)
        }
    }
}

/// The first administrator's way in. The log is the one place where such a link stands, and it works once.
fn say_first_link(opened: &Opened) -> Result<(), String> {
    if let Some(link) = accounts::first_link(&opened.app).map_err(|fault| fault.to_string())? {
        tracing::info!(
            "nobody can administer this site yet; open this link once, within 48 hours: {link}"
        );
    }
    Ok(())
}

/// Serves until a signal comes.
///
/// # Errors
/// Says what could not be started.
pub fn serve(
    config: &Config,
    opened: Opened,
    listener: TcpListener,
    bound: SocketAddr,
    mailer: Mailer,
    mailbox: Option<Arc<Mailbox>>,
) -> Result<(), String> {
    let app = opened.app.clone();
    let words = |error: std::io::Error| error.to_string();
    control::serve(&app, config)
        .map_err(|error| format!("{}: {error}", config.control_socket().display()))?;
    let gateway = config
        .texts
        .as_ref()
        .map(|known| Arc::new(Gateway::new(known)));
    let loops = jobs::start(&app, &Means { mailer, gateway }).map_err(words)?;
    let site = Site::new(
        app.clone(),
        opened.organisation.crisis_line.clone(),
        mailbox,
    );
    let site = match &config.texts {
        Some(known) => site.with_text_secret(&known.secret),
        None => site,
    };
    let ended = actix_web::rt::System::new().block_on(async {
        let live = Arc::clone(&site.live);
        let server = web::serve(site, listener, config.workers).map_err(words)?;
        tracing::info!(address = %bound, "listening");
        let handle = server.handle();
        let running = actix_web::rt::spawn(server);
        wait_for_signal().await.map_err(words)?;
        tracing::info!("stopping: what was begun is finished first");
        live.stop();
        handle.stop(true).await;
        running
            .await
            .map_err(|error| error.to_string())?
            .map_err(words)
    });
    stop_loops(loops);
    let _ = std::fs::remove_file(config.control_socket());
    begin::write_down(&app, app.clock.now());
    app.store.close();
    ended
}

async fn wait_for_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// A relay that hangs must not keep the process: its message comes back when the lease runs out.
fn stop_loops(loops: jobs::Jobs) {
    let (done, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        loops.stop();
        let _ = done.send(());
    });
    if wait.recv_timeout(LOOPS_GRACE).is_err() {
        tracing::warn!("a loop was still busy and is left; its work comes back");
    }
}

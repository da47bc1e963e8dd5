//! `attune doctor`: configuration, clock, mail, disk, database; one line each.

use super::console::{Console, Exit};
use super::open::{self, Purpose};
use super::private;
use crate::app::App;
use crate::app::set_safety_policy::standing_warning;
use crate::config::Config;
use crate::domain::language::Language;
use crate::domain::risk::policy::SafetyPolicy;
use crate::patient_words::help::Help;
use crate::store::{Fault, contact, key_change, policy};
use std::io::Write;
use std::time::Instant;

/// One thing that was looked at: its name, and what was found or what is wrong.
type Finding = (&'static str, Result<String, String>);

/// How a finding that is no fault, and that somebody should mend, begins.
const WARNING: &str = "WARN";

/// Examines a running service's own world.
pub fn run(app: &App, config: &Config, console: &mut Console<'_>) -> Exit {
    let database = app.store.describe().map_err(|fault| fault.to_string());
    let pending = app
        .store
        .pending_migrations()
        .map_err(|fault| fault.to_string())
        .and_then(|pending| {
            if pending.is_empty() {
                Ok("up to date".to_owned())
            } else {
                Err(format!("missing: {}", pending.join(", ")))
            }
        });
    let exit = report(
        examine(config, newest(app)).into_iter().chain([
            ("database", database),
            ("schema", pending),
            ("duty contact", duty_contact(app)),
            ("site key", site_key(app)),
            ("texts", texts(app, config)),
        ]),
        console,
    );
    match warn_of_safety(app, console) {
        Ok(()) => exit,
        Err(_) => Exit::Failed,
    }
}

/// Rules of safety that are weaker than what ships are somebody's decision and no fault; that they hold is said every time.
fn warn_of_safety(app: &App, console: &mut Console<'_>) -> std::io::Result<()> {
    let (org, library) = (app.org, app.library);
    let weaker: Result<_, Fault> = app
        .store
        .read_blocking(move |tx| standing_warning(tx, org, library));
    match weaker {
        Err(fault) => writeln!(console.out, "WARN   safety rules: {fault}"),
        Ok(weaker) if weaker.is_empty() => {
            writeln!(
                console.out,
                "ok     safety rules: as strict as shipped, or stricter"
            )
        }
        Ok(weaker) => weaker.iter().try_for_each(|one| {
            writeln!(
                console.out,
                "WARN   safety rules: weaker than shipped: {one}"
            )
        }),
    }
}

/// Examines the data when no service runs.
pub fn run_alone(config: &Config) -> Exit {
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let mut console = Console {
        out: &mut out,
        err: &mut err,
        progress: super::console::Progress::Hidden,
    };
    match open::open(config, config.listen, Purpose::Look) {
        Ok(opened) => run(&opened.app, config, &mut console),
        Err(words) => report(
            examine(config, None)
                .into_iter()
                .chain([("database", Err(words))]),
            &mut console,
        ),
    }
}

/// Whether the key is the one the site began with. That it is not is no fault, and nobody may overlook it.
fn site_key(app: &App) -> Result<String, String> {
    let org = app.org;
    let changes = app.store.read_blocking(move |tx| key_change::all(tx, org));
    let changes = changes.map_err(|fault: Fault| fault.to_string())?;
    let newest = changes.last().map(|change| {
        format!(
            "{WARNING}: replaced at {} UTC, because: {}; {} audit events from before cannot be checked any more. Changes so far: {}",
            change.at.format("%Y-%m-%d %H:%M"),
            change.because,
            change.events_before,
            changes.len()
        )
    });
    Ok(newest.unwrap_or_else(|| "the one the site began with".to_owned()))
}

/// Whether somebody is told when a flag waits and nobody licensed is here.
fn duty_contact(app: &App) -> Result<String, String> {
    let org = app.org;
    let policy: Result<SafetyPolicy, Fault> = app
        .store
        .read_blocking(move |tx| policy::newest(tx, org, SafetyPolicy::KIND));
    Ok(match policy.map_err(|fault| fault.to_string())?.duty {
        Some(duty) => format!("{} <{}>", duty.name, duty.email),
        None => format!(
            "{WARNING}: none is set; when a flag waits and nobody licensed is here, only this site's pages and its log tell. Set one in the safety policy"
        ),
    })
}

/// Whether patients are to get text messages that nothing sends.
fn texts(app: &App, config: &Config) -> Result<String, String> {
    let org = app.org;
    let reached = app
        .store
        .read_blocking(move |tx| contact::reached_by_text(tx, org));
    let reached = reached.map_err(|fault: Fault| fault.to_string())?;
    Ok(said_of_texts(config.texts.is_some(), reached))
}

fn said_of_texts(gateway: bool, reached: i64) -> String {
    match (gateway, reached) {
        (true, reached) => format!("a gateway is set; patients reached by text: {reached}"),
        (false, 0) => "no gateway is set, and nobody is to be reached by text".to_owned(),
        (false, reached) => format!(
            "{WARNING}: patients to be reached by text: {reached}, and no gateway is set (ATTUNE_TEXT_URL); their messages wait and nobody is asked. Set one, or change how \
             these patients are reached"
        ),
    }
}

/// The newest event's moment: a clock that stands behind it is wrong.
fn newest(app: &App) -> Option<chrono::NaiveDateTime> {
    let org = app.org;
    let newest: Result<_, Fault> = app
        .store
        .read_blocking(move |tx| crate::store::audit::newest(tx, org));
    newest.unwrap_or_default()
}

fn examine(config: &Config, newest: Option<chrono::NaiveDateTime>) -> Vec<Finding> {
    vec![
        (
            "configuration",
            Ok(format!(
                "{} in {}, pages at {}",
                config.place.engine(),
                config.data_dir.display(),
                config.base_url_at(config.listen)
            )),
        ),
        ("help lines", help(config)),
        ("addresses", addresses(config)),
        ("file modes", private::check(config)),
        ("clock", clock(newest)),
        ("mail", mail(config)),
        ("mail dns", Ok(dns(config))),
        ("mail bounces", Ok(bounces(config))),
        ("disk", disk(config)),
    ]
}

/// Where patients are told to find help, for somebody to compare with the country's own.
fn help(config: &Config) -> Result<String, String> {
    let help = &config.help;
    let lines = help.lines.as_ref().map_err(ToString::to_string)?;
    let said = Help::of(lines);
    let said = said.said(Language::English);
    Ok(format!("{}: {} {}", help.country, said.now, said.danger))
}

/// What stands in links and as the sender.
fn addresses(config: &Config) -> Result<String, String> {
    config.require_addresses().map_err(|bad| bad.to_string())?;
    Ok(format!(
        "links lead to {}, mails are from {}",
        config.base_url_at(config.listen),
        config.mail_from
    ))
}

fn clock(newest: Option<chrono::NaiveDateTime>) -> Result<String, String> {
    let now = chrono::Utc::now().naive_utc();
    if now
        < chrono::NaiveDate::from_ymd_opt(2026, 1, 1)
            .unwrap_or_default()
            .and_time(chrono::NaiveTime::MIN)
    {
        return Err(format!(
            "it says {now} UTC; set it, for links expire and deadlines run by it"
        ));
    }
    match newest.filter(|newest| *newest > now + chrono::TimeDelta::minutes(5)) {
        Some(newest) => Err(format!(
            "it says {now} UTC, but something was stored at {newest} UTC"
        )),
        None => Ok(format!("{} UTC", now.format("%Y-%m-%d %H:%M:%S"))),
    }
}

fn mail(config: &Config) -> Result<String, String> {
    let Some(smtp) = &config.smtp else {
        return Err("no relay is set (ATTUNE_SMTP_URL); mails wait in the outbox".into());
    };
    config
        .mailer(smtp)?
        .test()
        .map_err(|error| format!("{smtp:?}: {error}"))?;
    Ok(format!("{smtp:?} answers"))
}

/// What the sender's domain should say in the DNS. We ask no name server: whoever runs the domain looks.
fn dns(config: &Config) -> String {
    let domain = domain_of(&config.mail_from);
    if !domain.contains('.') {
        return format!("the sender's domain {domain} is this machine's own; nothing to check");
    }
    let host = config
        .smtp
        .as_ref()
        .map_or("RELAY", |smtp| smtp.host.as_str());
    format!(
        "check at {domain}: TXT \"v=spf1 a:{host} -all\" (or what your relay's provider names); \
         TXT at _dmarc.{domain} \"v=DMARC1; p=quarantine; rua=mailto:postmaster@{domain}\"; \
         the relay signs with DKIM and its signature names List-Unsubscribe and List-Unsubscribe-Post (docs/operations.md)"
    )
}

/// The domain in `Riverside Clinic <forms@example.org>`.
fn domain_of(sender: &str) -> &str {
    sender
        .rsplit_once('@')
        .map_or("", |(_, domain)| domain.trim_end_matches(['>', ' ']))
}

fn bounces(config: &Config) -> String {
    match &config.mail_bounces {
        Some(address) => format!(
            "each mail comes back to an address of its own below {address}; hand what comes there to `attune mail bounce`"
        ),
        None => "ATTUNE_MAIL_BOUNCES is not set: notices go to the sender and are matched by Message-ID alone".to_owned(),
    }
}

/// A megabyte is written and flushed: a disk that is full, read-only or slow shows here first.
fn disk(config: &Config) -> Result<String, String> {
    let path = config.data_dir.join("doctor.tmp");
    let started = Instant::now();
    let written = std::fs::File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0; 1 << 20])?;
        file.sync_all()
    });
    let removed = std::fs::remove_file(&path);
    written
        .and(removed)
        .map_err(|error| format!("{}: {error}", config.data_dir.display()))?;
    Ok(format!(
        "1 MiB written and flushed in {} ms{}",
        started.elapsed().as_millis(),
        free(config)
    ))
}

/// How much is free, as the system's own tool says it; nothing when there is no such tool.
fn free(config: &Config) -> String {
    let said = std::process::Command::new("df")
        .arg("-Pk")
        .arg(&config.data_dir)
        .output()
        .ok();
    said.and_then(|said| {
        let text = String::from_utf8(said.stdout).ok()?;
        let kib: u64 = text
            .lines()
            .nth(1)?
            .split_whitespace()
            .nth(3)?
            .parse()
            .ok()?;
        Some(format!(", {:.1} GiB free", kib as f64 / 1_048_576.0))
    })
    .unwrap_or_default()
}

fn report(findings: impl Iterator<Item = Finding>, console: &mut Console<'_>) -> Exit {
    let mut exit = Exit::Done;
    for (what, found) in findings {
        let written = match found {
            Ok(words) => match words.strip_prefix(WARNING) {
                Some(words) => writeln!(console.out, "{WARNING}   {what}{words}"),
                None => writeln!(console.out, "ok     {what}: {words}"),
            },
            Err(words) => {
                exit = Exit::Failed;
                writeln!(console.out, "FAULT  {what}: {words}")
            }
        };
        if written.is_err() {
            return Exit::Failed;
        }
    }
    exit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_to_get_texts_that_nothing_sends_is_counted() {
        assert!(said_of_texts(false, 3).starts_with("WARN: patients to be reached by text: 3"));
        assert!(!said_of_texts(false, 0).contains(WARNING));
        assert!(!said_of_texts(true, 3).contains(WARNING));
    }
}

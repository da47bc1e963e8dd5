//! `attune mail test ADDRESS`: one neutral mail through the relay, with everything that was said. `attune mail bounce`: notices from a pipe, a file or a maildir.

use super::console::{Console, Exit};
use super::open;
use crate::app::take_bounce::{Done, take_bounce};
use crate::app::{App, Failure};
use crate::config::Config;
use crate::domain::ids::OutboxId;
use crate::mail::{Mail, bounce, envelope};
use crate::store::fresh;
use clap::Subcommand;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Largest notice that is read; what is larger is no notice.
const NOTICE_MOST: u64 = 8 << 20;

/// Mail.
#[derive(Debug, Clone, Subcommand)]
pub enum MailCommand {
    /// Send one neutral test mail by the relay and print what was said; exit 1 if it was not accepted.
    Test {
        /// Where to.
        address: String,
    },
    /// Take notices about mails that could not be passed on: one from standard input or a file, or all of a maildir.
    Bounce {
        /// The notice; standard input if not given.
        #[arg(conflicts_with = "maildir")]
        file: Option<PathBuf>,
        /// A maildir: what is taken goes from new/ to cur/, what cannot be matched stays.
        #[arg(long)]
        maildir: Option<PathBuf>,
        /// The address that the notice came to, as the mail server knows it.
        #[arg(long)]
        recipient: Option<String>,
    },
}

impl MailCommand {
    /// With paths that hold from anywhere.
    #[must_use]
    pub fn at(self, folder: &Path) -> MailCommand {
        match self {
            MailCommand::Bounce {
                file,
                maildir,
                recipient,
            } => MailCommand::Bounce {
                file: file.map(|path| folder.join(path)),
                maildir: maildir.map(|path| folder.join(path)),
                recipient,
            },
            command @ MailCommand::Test { .. } => command,
        }
    }

    /// Whether the notice comes from standard input.
    fn reads_input(&self) -> bool {
        matches!(
            self,
            MailCommand::Bounce {
                file: None,
                maildir: None,
                ..
            }
        )
    }
}

/// Standard input as a file of its owner's, so that a running service can read it; gone when dropped.
pub struct Spooled(PathBuf);

impl Spooled {
    /// Keeps standard input for a command that reads it; `None` for every other.
    ///
    /// # Errors
    /// Says what went wrong.
    pub fn of(command: &MailCommand, config: &Config) -> Result<Option<Spooled>, String> {
        use std::os::unix::fs::OpenOptionsExt;
        if !command.reads_input() {
            return Ok(None);
        }
        open::require_file(config)?;
        config.make_data_dir().map_err(|bad| bad.to_string())?;
        let path = config
            .data_dir
            .join(format!("notice-{}.eml", std::process::id()));
        let kept = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| {
                std::io::copy(
                    &mut std::io::stdin().lock().take(NOTICE_MOST + 1),
                    &mut file,
                )
            });
        let spooled = Spooled(path);
        match kept {
            Ok(_) => Ok(Some(spooled)),
            Err(error) => Err(format!("{}: {error}", spooled.0.display())),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The command, reading this file.
    #[must_use]
    pub fn instead_of_input(&self, command: MailCommand) -> MailCommand {
        match command {
            MailCommand::Bounce { recipient, .. } => MailCommand::Bounce {
                file: Some(self.0.clone()),
                maildir: None,
                recipient,
            },
            other @ MailCommand::Test { .. } => other,
        }
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Runs a command about mail.
pub fn run(app: &App, config: &Config, command: &MailCommand, console: &mut Console<'_>) -> Exit {
    let done = match command {
        MailCommand::Test { address } => test(app, config, address, console),
        MailCommand::Bounce {
            maildir: Some(maildir),
            recipient,
            ..
        } => take_all(app, maildir, recipient.as_deref(), console),
        MailCommand::Bounce {
            file: Some(file),
            recipient,
            ..
        } => take_one(app, file, recipient.as_deref()).and_then(|words| {
            writeln!(console.out, "{words}").map_err(|error| error.to_string())?;
            Ok(Exit::Done)
        }),
        MailCommand::Bounce { .. } => Err("no notice was handed over".to_owned()),
    };
    done.unwrap_or_else(|words| {
        let _ = writeln!(console.err, "{words}");
        Exit::Failed
    })
}

fn test(
    app: &App,
    config: &Config,
    address: &str,
    console: &mut Console<'_>,
) -> Result<Exit, String> {
    let smtp = config
        .smtp
        .as_ref()
        .ok_or("no relay is set (ATTUNE_SMTP_URL)")?;
    let id: OutboxId = fresh(app.clock.now());
    let host = app.base_url.split("://").nth(1).unwrap_or("localhost");
    let host = host.split(':').next().unwrap_or(host);
    let mail = Mail {
        message_id: format!("<{id}@{host}>"),
        in_reply_to: None,
        from_name: None,
        to: address.to_owned(),
        subject: "Test".into(),
        text: "This is a test of outgoing mail. Nothing needs to be done.\n".into(),
        html: "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Test</title></head>\n<body><p>This is a test of outgoing mail. Nothing needs to be done.</p></body></html>\n".into(),
        return_path: Some(envelope::token(app.store.seal(), id)),
        stop: None,
    };
    let say = |error: std::io::Error| error.to_string();
    writeln!(console.out, "{smtp:?}").map_err(say)?;
    let (notes, sent) = config.mailer(smtp)?.send_aloud(&mail);
    for line in notes {
        writeln!(console.out, "  {line}").map_err(say)?;
    }
    match sent {
        Ok(taken) => {
            writeln!(
                console.out,
                "The relay accepted it: {}. Whether it arrives, only the mailbox shows. Message-ID: {}",
                taken.words, mail.message_id
            )
            .map_err(say)?;
            Ok(Exit::Done)
        }
        Err(failure) => Err(format!("The relay did not accept it: {}.", failure.words)),
    }
}

/// Takes one notice; says what it did.
fn take_one(app: &App, file: &Path, recipient: Option<&str>) -> Result<String, String> {
    let at = |error: std::io::Error| format!("{}: {error}", file.display());
    let mut bytes = vec![];
    let opened = std::fs::File::open(file).map_err(at)?;
    opened
        .take(NOTICE_MOST + 1)
        .read_to_end(&mut bytes)
        .map_err(at)?;
    if bytes.len() as u64 > NOTICE_MOST {
        return Err("larger than 8 MiB: this is no notice".to_owned());
    }
    let notice = bounce::read(&bytes).map_err(|why| why.to_string())?;
    match take_bounce(app, notice, recipient.map(str::to_owned)) {
        Ok(done) => Ok(said(done)),
        Err(Failure::Refused(refusal)) => Err(refusal.to_string()),
        Err(Failure::Denied(denied)) => Err(denied.to_string()),
        Err(Failure::Fault(fault)) => Err(fault.to_string()),
    }
}

fn said(done: Done) -> String {
    match done {
        Done::Bounced(id) => {
            format!("{id}: bounced; its address and links are closed, and staff are told")
        }
        Done::Undelivered(id) => {
            format!(
                "{id}: bounced; the notice does not blame the address, so it and the links stay, and staff are told"
            )
        }
        Done::BouncedElsewhere(id) => {
            format!("{id}: bounced; the patient has another address by now, which stays in use")
        }
        Done::Before(id) => format!("{id}: had bounced before; nothing changed"),
        Done::Noted(id) => format!("{id}: noted; the message stays as it is"),
    }
}

/// Takes every notice of a maildir. One is moved after it is stored, so that a crash repeats it and loses none; a repeated one changes nothing.
fn take_all(
    app: &App,
    maildir: &Path,
    recipient: Option<&str>,
    console: &mut Console<'_>,
) -> Result<Exit, String> {
    let (new, cur) = (maildir.join("new"), maildir.join("cur"));
    let at = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let mut files: Vec<PathBuf> = std::fs::read_dir(&new)
        .map_err(|error| at(&new, error))?
        .filter_map(|file| Some(file.ok()?.path()))
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    std::fs::create_dir_all(&cur).map_err(|error| at(&cur, error))?;
    let (mut taken, mut left) = (0, 0);
    for file in files {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let line = match take_one(app, &file, recipient) {
            Ok(words) => {
                let seen = cur.join(format!("{name}:2,S"));
                std::fs::rename(&file, &seen).map_err(|error| at(&file, error))?;
                taken += 1;
                writeln!(console.out, "{words}")
            }
            Err(why) => {
                left += 1;
                writeln!(console.err, "{name} stays in new/: {why}")
            }
        };
        line.map_err(|error| error.to_string())?;
    }
    writeln!(console.out, "{taken} taken, {left} left").map_err(|error| error.to_string())?;
    Ok(if left == 0 { Exit::Done } else { Exit::Partial })
}

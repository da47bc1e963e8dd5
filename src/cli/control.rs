//! Where a command about data is done: in the running service, by its control socket, so that one process alone writes the SQLite file; or here when none runs.
//! The socket lies in the data folder, for its owner only. A request is one JSON line; the answer is a line for each piece of output and one for the exit.

use super::console::{Console, Exit, Progress};
use super::mail::Spooled;
use super::open::{self, Purpose};
use super::words::DataCommand;
use super::{data, doctor};
use crate::app::App;
use crate::config::Config;
use clap::Parser;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, BufWriter, IsTerminal, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the command line asks.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    /// The words of the command, with the program's name.
    words: Vec<String>,
    /// Where the command was given.
    folder: PathBuf,
    /// Whether a person watches.
    watched: bool,
}

/// A piece of the answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Piece {
    Out(String),
    Err(String),
    Exit(u8),
}

/// The words of a data command, parsed again on the service's side.
#[derive(Debug, Parser)]
#[command(name = "attune")]
struct Words {
    #[command(subcommand)]
    command: DataCommand,
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
    if let Some(exit) = ask_running(config, spooled.map(Spooled::path)) {
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
    let (mut out, mut err) = (BufWriter::new(std::io::stdout()), std::io::stderr());
    let exit = data::run(
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

/// Lets a running service run this process' own command; `None` when none runs. What the command would read from standard input stands in `input`.
fn ask_running(config: &Config, input: Option<&Path>) -> Option<Exit> {
    let stream = UnixStream::connect(config.control_socket()).ok()?;
    let mut words: Vec<String> = std::env::args().collect();
    words.extend(input.map(|path| path.to_string_lossy().into_owned()));
    Some(ask(&stream, words).unwrap_or_else(|error| {
        eprintln!("the running service did not finish the command: {error}");
        Exit::Failed
    }))
}

fn ask(mut stream: &UnixStream, words: Vec<String>) -> std::io::Result<Exit> {
    let words = long_name(words);
    let request = Request {
        words,
        folder: std::env::current_dir()?,
        watched: std::io::stderr().is_terminal(),
    };
    writeln!(stream, "{}", serde_json::to_string(&request)?)?;
    let mut out = BufWriter::new(std::io::stdout());
    for line in BufReader::new(stream).lines() {
        match serde_json::from_str(&line?)? {
            Piece::Out(text) => out.write_all(text.as_bytes())?,
            Piece::Err(text) => {
                out.flush()?;
                eprint!("{text}");
            }
            Piece::Exit(code) => {
                out.flush()?;
                return Ok([Exit::Done, Exit::Failed, Exit::Usage, Exit::Partial]
                    .into_iter()
                    .find(|exit| exit.code() == code)
                    .unwrap_or(Exit::Failed));
            }
        }
    }
    Err(std::io::Error::other("it went away"))
}

/// Commands that stand below another word are the service's under one name: `demo data` is `demo-data`.
fn long_name(words: Vec<String>) -> Vec<String> {
    let below = [
        ("demo", "data"),
        ("instrument", "permit"),
        ("instrument", "withdraw"),
        ("instrument", "rescore"),
    ];
    match words.as_slice() {
        [program, first, second, rest @ ..]
            if below.contains(&(first.as_str(), second.as_str())) =>
        {
            let mut long = vec![program.clone(), format!("{first}-{second}")];
            long.extend_from_slice(rest);
            long
        }
        _ => words,
    }
}

/// Opens the socket and serves it on a thread of its own. The file is gone again with the service.
///
/// # Errors
/// When the socket cannot be made.
pub fn serve(app: &App, config: &Config) -> std::io::Result<()> {
    let path = config.control_socket();
    // Whoever holds the data's lock may take away what a killed service left behind.
    if path.exists() {
        std::fs::remove_file(&path)?;
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    let (app, config) = (app.clone(), config.clone());
    std::thread::Builder::new()
        .name("attune-control".into())
        .spawn(move || {
            for stream in listener.incoming().flatten() {
                let (app, config) = (app.clone(), config.clone());
                let answered = std::thread::Builder::new()
                    .name("attune-command".into())
                    .spawn(move || {
                        if let Err(error) = answer(&app, &config, &stream) {
                            tracing::warn!(%error, "a command's asker went away");
                        }
                    });
                if let Err(error) = answered {
                    tracing::error!(%error, "no thread for a command");
                }
            }
        })?;
    Ok(())
}

/// Writes pieces of one kind.
struct Sender<'a> {
    stream: &'a UnixStream,
    piece: fn(String) -> Piece,
}

impl Write for Sender<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        send(
            self.stream,
            &(self.piece)(String::from_utf8_lossy(bytes).into_owned()),
        )?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn send(mut stream: &UnixStream, piece: &Piece) -> std::io::Result<()> {
    let mut line = serde_json::to_string(piece)?;
    line.push('\n');
    stream.write_all(line.as_bytes())
}

fn answer(app: &App, config: &Config, stream: &UnixStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let request: Request = serde_json::from_str(&line)?;
    let exit = match Words::try_parse_from(&request.words) {
        Ok(words) => run(
            app,
            config,
            words.command.at(&request.folder),
            request.watched,
            stream,
        )?,
        Err(error) => {
            send(stream, &Piece::Err(error.to_string()))?;
            Exit::Usage
        }
    };
    send(stream, &Piece::Exit(exit.code()))
}

fn run(
    app: &App,
    config: &Config,
    command: DataCommand,
    watched: bool,
    stream: &UnixStream,
) -> std::io::Result<Exit> {
    let mut out = BufWriter::new(Sender {
        stream,
        piece: Piece::Out,
    });
    let mut err = Sender {
        stream,
        piece: Piece::Err,
    };
    let progress = if watched {
        Progress::Shown
    } else {
        Progress::Hidden
    };
    let exit = data::run(
        app,
        config,
        &command,
        &mut Console {
            out: &mut out,
            err: &mut err,
            progress,
        },
    );
    out.flush()?;
    Ok(exit)
}

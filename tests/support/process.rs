//! The built program as an operator sees it: started with settings in a folder of its own, asked whether it is ready,
//! stopped politely or by kill -9, started again on what it left. Not: what its pages say.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::database::TestDatabase;
use super::folder::TemporaryFolder;
use super::http::Client;

/// How long a start may take on a busy machine before the test gives up.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A site: its folder, its database, its settings. Commands run in it whether or not the service runs.
pub struct Site {
    pub database: TestDatabase,
    pub folder: TemporaryFolder,
    address: SocketAddr,
    settings: Vec<(String, String)>,
}

/// The running service of a site; killed when dropped.
pub struct Service {
    child: Child,
    address: SocketAddr,
    log: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

impl Site {
    /// An empty site on a free port of loopback, that sends no mail until [`Site::with`] names a mail server.
    pub fn new() -> Self {
        let folder = TemporaryFolder::new();
        let database = TestDatabase::new(&folder);
        let address = free_address();
        let settings = [
            ("ATTUNE_DATABASE_URL", database.url().to_owned()),
            ("ATTUNE_DATA_DIR", folder.path().display().to_string()),
            ("ATTUNE_LISTEN", address.to_string()),
            ("ATTUNE_BASE_URL", format!("http://{address}")),
        ];
        Self {
            settings: settings
                .map(|(name, value)| (name.to_owned(), value))
                .to_vec(),
            database,
            folder,
            address,
        }
    }

    /// Another site on a port of its own, with the same settings and what this one holds now. Nothing may run on this one meanwhile.
    pub fn copy(&self) -> Self {
        let folder = TemporaryFolder::new();
        let held = std::fs::read_dir(self.folder.path()).expect("the site's folder can be read");
        for entry in held {
            let path = entry.expect("the site's folder can be read").path();
            // Sockets stay behind.
            if path.is_file() {
                let name = path.file_name().expect("a file has a name");
                std::fs::copy(&path, folder.path().join(name)).expect("a file can be copied");
            }
        }
        let (database, address) = (self.database.copy(&folder), free_address());
        let mut copy = Self {
            settings: self.settings.clone(),
            database,
            folder,
            address,
        };
        let (url, data) = (
            copy.database.url().to_owned(),
            copy.folder.path().display().to_string(),
        );
        copy.set("ATTUNE_DATABASE_URL", &url);
        copy.set("ATTUNE_DATA_DIR", &data);
        copy.set("ATTUNE_LISTEN", &address.to_string());
        copy.set("ATTUNE_BASE_URL", &format!("http://{address}"));
        copy
    }

    /// Another node of this site: the same database and the same settings, a folder and a port of its own. It needs `ATTUNE_SECRET_KEY` to be set.
    pub fn beside(&self) -> Self {
        let (folder, address) = (TemporaryFolder::new(), free_address());
        let mut node = Self {
            settings: self.settings.clone(),
            database: self.database.beside(),
            folder,
            address,
        };
        let data = node.folder.path().display().to_string();
        node.set("ATTUNE_DATA_DIR", &data);
        node.set("ATTUNE_LISTEN", &address.to_string());
        node
    }

    /// Sets or replaces a setting of the environment.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Takes a setting away.
    pub fn unset(&mut self, name: &str) {
        self.settings.retain(|(known, _)| known != name);
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The program with the site's settings and nothing else of this environment but what finds files.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "TMPDIR"))
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("the program can be started")
    }

    /// Runs a command to its end with this on its standard input.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let mut stdin = child.stdin.take().expect("standard input is a pipe");
        let input = input.to_owned();
        // From a thread of its own: the program may fill its output before it has read everything.
        let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output().expect("the program ends");
        // A program that refuses its input closes it early.
        let _ = writer.join();
        output
    }

    /// Runs a command that has to succeed and answers with its standard output.
    ///
    /// # Panics
    /// With all it printed, when it fails.
    pub fn must_run(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{arguments:?} ended with {}\n{printed}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr),
        );
        printed
    }

    /// Starts `attune serve` and waits until it is ready.
    pub fn serve(&self) -> Service {
        self.wait_for_address();
        let service = self.start(&["serve"]);
        service.wait_until_ready(PATIENCE)
    }

    /// Between two starts a client of some other test may hold the port as its own end of a connection.
    fn wait_for_address(&self) {
        let until = Instant::now() + PATIENCE;
        while TcpListener::bind(self.address).is_err() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts a command that goes on, without waiting for anything.
    pub fn start(&self, arguments: &[&str]) -> Service {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let log = Arc::new(Mutex::new(String::new()));
        let stdout = child.stdout.take().expect("standard output is a pipe");
        let stderr = child.stderr.take().expect("standard error is a pipe");
        let readers = vec![
            collect(stdout, Arc::clone(&log)),
            collect(stderr, Arc::clone(&log)),
        ];
        Service {
            child,
            address: self.address,
            log,
            readers,
        }
    }
}

impl Service {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// A new browser that looks at this service.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// All it has printed so far, both streams.
    pub fn log(&self) -> String {
        self.log
            .lock()
            .expect("no reader of the log has panicked")
            .clone()
    }

    /// Waits for `/readyz` to say yes.
    ///
    /// # Panics
    /// With the log, when the program ends or does not get ready in time.
    pub fn wait_until_ready(mut self, patience: Duration) -> Self {
        let until = Instant::now() + patience;
        while !self.is_ready() {
            if let Some(status) = self.exited() {
                panic!(
                    "the service ended with {status} before it was ready\n{}",
                    self.log()
                );
            }
            assert!(
                Instant::now() < until,
                "not ready within {patience:?}\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        self
    }

    fn is_ready(&self) -> bool {
        Client::new(self.address)
            .with_timeout(Duration::from_secs(5))
            .get("/readyz")
            .is_ok_and(|answer| answer.status == 200)
    }

    /// Waits until the log contains this text.
    ///
    /// # Panics
    /// With the log, when it does not come in time.
    pub fn wait_for_log(&self, text: &str, patience: Duration) -> String {
        let until = Instant::now() + patience;
        loop {
            let log = self.log();
            if log.contains(text) {
                return log;
            }
            assert!(
                Instant::now() < until,
                "{text:?} was not logged within {patience:?}\n{log}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The status it ended with, if it has.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child can be asked")
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// With the log, when it goes on.
    pub fn wait_for_exit(&mut self, patience: Duration) -> ExitStatus {
        let until = Instant::now() + patience;
        loop {
            if let Some(status) = self.exited() {
                self.read_to_the_end();
                return status;
            }
            assert!(
                Instant::now() < until,
                "still running after {patience:?}\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// kill -9: nothing of the program runs after this, not even a destructor.
    pub fn kill(mut self) -> String {
        self.end();
        self.log()
    }

    /// SIGTERM, as a service manager stops it.
    pub fn ask_to_stop(&self) {
        let status = Command::new("kill")
            .args(["-TERM", &self.process_id().to_string()])
            .status()
            .expect("kill can be started");
        assert!(status.success(), "SIGTERM could not be sent");
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(mut self, patience: Duration) -> (ExitStatus, String) {
        self.ask_to_stop();
        let status = self.wait_for_exit(patience);
        (status, self.log())
    }

    fn end(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.read_to_the_end();
    }

    fn read_to_the_end(&mut self) {
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            eprintln!("the service's log:\n{}", self.log());
        }
    }
}

fn collect(stream: impl Read + Send + 'static, log: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            if let Ok(mut log) = log.lock() {
                log.push_str(&String::from_utf8_lossy(&line));
            }
            line.clear();
        }
    })
}

/// Where cargo put the program for these tests.
fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_attune"))
}

/// A port that was free a moment ago.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("loopback has a free port")
}

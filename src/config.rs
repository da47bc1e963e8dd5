//! Settings: environment variables `ATTUNE_…`, secrets also as `…_FILE`, and one optional TOML file with the same keys. Unknown and absurd settings
//! are refused with the setting's name, the value seen and what is wanted.

use crate::mail::SmtpMailer;
use crate::mail::envelope::ReturnAddress;
mod help;
mod key_file;
mod text_gateway;

pub use help::HelpSetting;
pub use text_gateway::TextGateway;

use crate::store::{Place, Seal};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Every key there is, without its `ATTUNE_`.
const KEYS: &[&str] = &[
    "BASE_URL",
    "CONFIG",
    "COUNTRY",
    "CRISIS_LINES",
    "DATABASE_URL",
    "DATA_DIR",
    "EMERGENCY_NUMBER",
    "LISTEN",
    "LOG",
    "LOG_FORMAT",
    "MAIL_BOUNCES",
    "MAIL_FROM",
    "SECRET_KEY",
    "SMTP_CONNECTIONS",
    "SMTP_URL",
    "SURVEY_DEFS",
    "TEXT_FROM",
    "TEXT_URL",
    "WORKERS",
];
/// Those that may be given as a file.
const SECRETS: &[&str] = &["DATABASE_URL", "SECRET_KEY", "SMTP_URL", "TEXT_URL"];

/// Connections to the relay in each lane when nothing is set: few, for a relay elsewhere may count them.
pub const DEFAULT_CONNECTIONS: usize = 4;

/// The sender when nothing is set; good for mail that stays on this machine.
const MAIL_FROM: &str = "Attune <forms@localhost>";

/// The settings of one process.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where files of ours live: the SQLite file, the key, the control socket.
    pub data_dir: PathBuf,
    /// The clinic's own definitions, where the setting names a folder; see [`Config::survey_defs`].
    pub survey_defs: Option<PathBuf>,
    /// Where the data lives.
    pub place: Place,
    /// Where we listen.
    pub listen: SocketAddr,
    /// How patients and staff reach us, without a slash at the end; `None` = by the address we listen on.
    pub base_url: Option<String>,
    /// The relay; `None` = mails wait in the outbox.
    pub smtp: Option<Smtp>,
    /// Where the site is, and where its patients find help.
    pub help: HelpSetting,
    /// The gateway for text messages; `None` = nobody gets one.
    pub texts: Option<TextGateway>,
    /// Sender of all mails: `Riverside Clinic <forms@example.org>`.
    pub mail_from: String,
    /// Below which address each message gets an envelope sender of its own; `None` = all have the sender's.
    pub mail_bounces: Option<ReturnAddress>,
    /// How many connections to the relay each lane may hold, 1 to 64.
    pub smtp_connections: usize,
    /// The key given by setting; `None` = the key file in the data folder.
    pub secret_key: Option<SecretKey>,
    /// Log filter, as `info` or `attune=debug`.
    pub log: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// HTTP worker threads.
    pub workers: usize,
}

/// A mail relay.
#[derive(Clone)]
pub struct Smtp {
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the conversation is protected.
    pub security: Security,
    /// User and password.
    pub credentials: Option<(String, String)>,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{} ({:?})", self.host, self.port, self.security)
    }
}

/// How a conversation with the relay is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte, certificate verified.
    Tls,
    /// STARTTLS required, certificate verified.
    StartTls,
    /// None: only for a relay on this very machine.
    Loopback,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// 32 secret bytes.
#[derive(Clone)]
pub struct SecretKey([u8; 32]);

impl SecretKey {
    /// A key that nobody else has.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn random() -> Result<SecretKey, String> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| error.to_string())?;
        Ok(SecretKey(key))
    }

    /// The seal made with it.
    pub fn seal(&self) -> Seal {
        Seal::new(self.0)
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadSetting {
    /// Its name.
    pub name: String,
    /// The value seen; masked for secrets.
    pub seen: String,
    /// What is wanted.
    pub wanted: String,
}

impl std::fmt::Display for BadSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}: saw {}; wanted {}",
            self.name, self.seen, self.wanted
        )
    }
}

impl std::error::Error for BadSetting {}

fn bad(key: &str, seen: &str, wanted: &str) -> BadSetting {
    let seen = if SECRETS.contains(&key) {
        "a value that is kept secret".to_owned()
    } else {
        format!("{seen:?}")
    };
    BadSetting {
        name: format!("ATTUNE_{key}"),
        seen,
        wanted: wanted.to_owned(),
    }
}

/// What was given, by key.
struct Given(BTreeMap<String, String>);

impl Given {
    fn get(&self, key: &str) -> Option<&str> {
        self.0
            .get(key)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

impl Config {
    /// Reads the settings of this process.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn from_environment() -> Result<Config, BadSetting> {
        Config::read(std::env::vars())
    }

    /// Reads settings from these variables; all that do not begin with `ATTUNE_` are somebody else's.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn read(variables: impl Iterator<Item = (String, String)>) -> Result<Config, BadSetting> {
        let given = gather(variables)?;
        let data_dir = PathBuf::from(given.get("DATA_DIR").unwrap_or("data"));
        let data_dir = std::path::absolute(&data_dir).map_err(|_| {
            bad(
                "DATA_DIR",
                &data_dir.to_string_lossy(),
                "the path of a folder",
            )
        })?;
        let listen = read_listen(given.get("LISTEN").unwrap_or("127.0.0.1:8080"))?;
        let base_url = given.get("BASE_URL").map(read_base_url).transpose()?;
        Ok(Config {
            place: read_place(given.get("DATABASE_URL"), &data_dir)?,
            smtp: given.get("SMTP_URL").map(read_smtp).transpose()?,
            help: help::read(&given)?,
            texts: text_gateway::read(given.get("TEXT_URL"), given.get("TEXT_FROM"))?,
            mail_from: read_mail_from(given.get("MAIL_FROM").unwrap_or(MAIL_FROM))?,
            mail_bounces: given.get("MAIL_BOUNCES").map(read_bounces).transpose()?,
            smtp_connections: read_connections(given.get("SMTP_CONNECTIONS"))?,
            secret_key: given.get("SECRET_KEY").map(read_key).transpose()?,
            log: read_log(given.get("LOG").unwrap_or("info"))?,
            log_format: read_log_format(given.get("LOG_FORMAT").unwrap_or("text"))?,
            workers: read_workers(given.get("WORKERS"))?,
            survey_defs: given.get("SURVEY_DEFS").map(PathBuf::from),
            data_dir,
            listen,
            base_url,
        })
    }

    /// The folder of the clinic's own definitions, which need not be there: the setting, else a folder of the data
    /// folder.
    pub fn survey_defs(&self) -> PathBuf {
        let usual = || self.data_dir.join("survey-defs");
        self.survey_defs.clone().unwrap_or_else(usual)
    }

    /// A mailer by this relay, as the settings want it.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn mailer(&self, smtp: &Smtp) -> Result<SmtpMailer, String> {
        Ok(SmtpMailer::new(smtp, &self.mail_from)?
            .with_connections(self.smtp_connections)
            .with_bounces(self.mail_bounces.clone()))
    }

    /// How patients and staff reach us when we listen at `bound`.
    pub fn base_url_at(&self, bound: SocketAddr) -> String {
        self.base_url
            .clone()
            .unwrap_or_else(|| format!("http://{bound}"))
    }

    /// Whether what is sent beyond this machine leads back to the site: links to the machine itself are dead everywhere else.
    ///
    /// # Errors
    /// The setting that is missing, without which the service does not start.
    pub fn require_addresses(&self) -> Result<(), BadSetting> {
        let relay = self.smtp.as_ref().filter(|smtp| !is_loopback(&smtp.host));
        let gateway = self.texts.as_ref().filter(|known| !known.is_loopback());
        let missing = |key: &str, with: &str, wanted: &str| BadSetting {
            name: format!("ATTUNE_{key}"),
            seen: format!("nothing, with ATTUNE_{with}"),
            wanted: wanted.into(),
        };
        let with = match (&relay, &gateway) {
            (None, None) => return Ok(()),
            (Some(_), _) => "SMTP_URL",
            (None, Some(_)) => "TEXT_URL",
        };
        if self.base_url.is_none() {
            let wanted = "the address by which patients reach this site, such as https://forms.example.org: it goes into every link";
            return Err(missing("BASE_URL", with, wanted));
        }
        if relay.is_some() && self.mail_from == MAIL_FROM {
            let wanted = "the sender of all mails, such as Riverside Clinic <forms@example.org>: the relay sends for that domain";
            return Err(missing("MAIL_FROM", with, wanted));
        }
        Ok(())
    }

    /// The control socket of a service over this data folder.
    pub fn control_socket(&self) -> PathBuf {
        self.data_dir.join("attune.sock")
    }

    /// The lock that keeps a second process off the SQLite file.
    pub fn lock_file(&self) -> PathBuf {
        match &self.place {
            Place::Sqlite(path) => path.with_extension("lock"),
            Place::Postgres(_) => self.data_dir.join("attune.lock"),
        }
    }

    /// Makes the data folder, for its owner alone. One that is there stays as it is.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make_data_dir(&self) -> Result<(), BadSetting> {
        use std::os::unix::fs::DirBuilderExt;
        let made = std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.data_dir);
        made.map_err(|error| {
            bad(
                "DATA_DIR",
                &self.data_dir.to_string_lossy(),
                &format!("a folder that can be made ({error})"),
            )
        })
    }
}

fn gather(variables: impl Iterator<Item = (String, String)>) -> Result<Given, BadSetting> {
    let mut given = BTreeMap::new();
    let ours: Vec<(String, String)> = variables
        .filter_map(|(name, value)| Some((name.strip_prefix("ATTUNE_")?.to_owned(), value)))
        .filter(|(name, _)| !name.starts_with("TEST_"))
        .collect();
    if let Some((_, path)) = ours.iter().find(|(key, _)| key == "CONFIG") {
        given = read_toml(Path::new(path))?;
    }
    for (key, value) in ours {
        put(&mut given, &key, value)?;
    }
    Ok(Given(given))
}

fn put(given: &mut BTreeMap<String, String>, key: &str, value: String) -> Result<(), BadSetting> {
    if KEYS.contains(&key) {
        given.insert(key.to_owned(), value);
        return Ok(());
    }
    if let Some(secret) = key
        .strip_suffix("_FILE")
        .filter(|secret| SECRETS.contains(secret))
    {
        let text = read_private(Path::new(&value))
            .and_then(|text| match text.trim() {
                // Nothing would count as unset, and something else would be taken instead.
                "" => Err("a file with the value in it; it is empty".to_owned()),
                text => Ok(text.to_owned()),
            })
            .map_err(|wanted| BadSetting {
                name: format!("ATTUNE_{key}"),
                seen: format!("{value:?}"),
                wanted,
            })?;
        given.insert(secret.to_owned(), text);
        return Ok(());
    }
    let known = KEYS
        .iter()
        .map(|key| format!("ATTUNE_{key}"))
        .collect::<Vec<_>>()
        .join(", ");
    Err(BadSetting {
        name: format!("ATTUNE_{key}"),
        seen: "a setting that does not exist".into(),
        wanted: format!("one of {known}"),
    })
}

fn read_toml(path: &Path) -> Result<BTreeMap<String, String>, BadSetting> {
    let shown = path.to_string_lossy();
    let text = std::fs::read_to_string(path)
        .map_err(|e| bad("CONFIG", &shown, &format!("a file that can be read ({e})")))?;
    let table: toml::Table = text
        .parse()
        .map_err(|e: toml::de::Error| bad("CONFIG", &shown, &format!("TOML ({})", e.message())))?;
    let mut given = BTreeMap::new();
    for (name, value) in table {
        let key = name.to_ascii_uppercase();
        let key = key.strip_prefix("ATTUNE_").unwrap_or(&key).to_owned();
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            other => return Err(bad(&key, &other.to_string(), "a text or a whole number")),
        };
        if holds_secret(&key, &value) {
            refuse_open(path)
                .map_err(|wanted| bad("CONFIG", &shown, &format!("{wanted}: it holds {name}")))?;
        }
        put(&mut given, &key, value)?;
    }
    Ok(given)
}

/// Whether this value is nobody's business; an address is only with a password in it.
fn holds_secret(key: &str, value: &str) -> bool {
    let login = value
        .split_once("://")
        .and_then(|(_, rest)| rest.rsplit_once('@'))
        .map_or("", |(login, _)| login);
    match key {
        "SECRET_KEY" => true,
        key => SECRETS.contains(&key) && (login.contains(':') || value.contains("password=")),
    }
}

/// Reads a secret that nobody but its owner may read.
fn read_private(path: &Path) -> Result<String, String> {
    refuse_open(path)?;
    std::fs::read_to_string(path).map_err(|error| format!("a file that can be read ({error})"))
}

/// Refuses a file that is open to others than its owner.
fn refuse_open(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    let kept =
        std::fs::metadata(path).map_err(|error| format!("a file that can be read ({error})"))?;
    match kept.permissions().mode() & 0o077 {
        0 => Ok(()),
        _ => Err("a file that only its owner can read (chmod 600)".into()),
    }
}

fn read_key(text: &str) -> Result<SecretKey, BadSetting> {
    let wanted = || {
        bad(
            "SECRET_KEY",
            text,
            "64 hexadecimal digits (32 random bytes)",
        )
    };
    if text.len() != 64 || !text.is_ascii() {
        return Err(wanted());
    }
    let mut key = [0; 32];
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(digits).map_err(|_| wanted())?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| wanted())?;
    }
    if key.iter().all(|byte| *byte == key[0]) {
        Err(wanted())
    } else {
        Ok(SecretKey(key))
    }
}

fn read_place(url: Option<&str>, data_dir: &Path) -> Result<Place, BadSetting> {
    match url {
        Some(url) => Place::parse(url).map_err(|wanted| bad("DATABASE_URL", url, &wanted)),
        None => Ok(Place::Sqlite(data_dir.join("attune.db"))),
    }
}

fn read_listen(text: &str) -> Result<SocketAddr, BadSetting> {
    text.parse()
        .map_err(|_| bad("LISTEN", text, "an address and port such as 127.0.0.1:8080"))
}

fn read_base_url(text: &str) -> Result<String, BadSetting> {
    let wanted = || {
        bad(
            "BASE_URL",
            text,
            "https://host or http://host:port, without a path",
        )
    };
    let url = text.trim_end_matches('/');
    let host = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
        .ok_or_else(wanted)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(plain) {
        Err(wanted())
    } else {
        Ok(url.to_owned())
    }
}

fn read_workers(text: Option<&str>) -> Result<usize, BadSetting> {
    let Some(text) = text else {
        return Ok(std::thread::available_parallelism()
            .map_or(2, usize::from)
            .min(8));
    };
    text.parse()
        .ok()
        .filter(|workers| (1..=64).contains(workers))
        .ok_or_else(|| bad("WORKERS", text, "a whole number from 1 to 64"))
}

/// Only what says how much is told: a word that is no level would name a source of lines, and silence all others.
fn read_log(text: &str) -> Result<String, BadSetting> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let is_source = |source: &str| {
        !source.is_empty()
            && source
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(&byte))
    };
    let sound = |part: &str| {
        let level = match part.split_once('=') {
            Some((source, level)) if is_source(source) => level,
            Some(_) => return false,
            None => part,
        };
        LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level))
    };
    match text.split(',').all(sound) {
        true => Ok(text.to_owned()),
        false => Err(bad(
            "LOG",
            text,
            "off, error, warn, info, debug or trace; also for a part of the program alone, as in warn,attune=debug",
        )),
    }
}

fn read_log_format(text: &str) -> Result<LogFormat, BadSetting> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        other => Err(bad("LOG_FORMAT", other, "text or json")),
    }
}

fn read_mail_from(text: &str) -> Result<String, BadSetting> {
    let sender: Result<lettre::message::Mailbox, _> = text.parse();
    sender
        .map(|sender| sender.to_string())
        .map_err(|_| bad("MAIL_FROM", text, "Name <address@host>"))
}

fn read_bounces(text: &str) -> Result<ReturnAddress, BadSetting> {
    ReturnAddress::parse(text).ok_or_else(|| {
        bad(
            "MAIL_BOUNCES",
            text,
            "an address such as bounces@example.org, without a plus sign and with at most 15 characters before the @",
        )
    })
}

fn read_connections(text: Option<&str>) -> Result<usize, BadSetting> {
    let Some(text) = text else {
        return Ok(DEFAULT_CONNECTIONS);
    };
    text.parse()
        .ok()
        .filter(|connections| (1..=64).contains(connections))
        .ok_or_else(|| bad("SMTP_CONNECTIONS", text, "a whole number from 1 to 64"))
}

/// Whether this host is the machine itself.
fn is_loopback(host: &str) -> bool {
    ["localhost", "127.0.0.1", "::1"].contains(&host)
}

fn read_smtp(text: &str) -> Result<Smtp, BadSetting> {
    let wanted = || {
        bad(
            "SMTP_URL",
            text,
            "smtp://[user:password@]host[:port] (STARTTLS) or smtps://… (TLS)",
        )
    };
    let (scheme, rest) = text.split_once("://").ok_or_else(wanted)?;
    let (credentials, address) = match rest.rsplit_once('@') {
        Some((login, address)) => (Some(login.split_once(':').ok_or_else(wanted)?), address),
        None => (None, rest),
    };
    let address = address.trim_end_matches('/');
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().map_err(|_| wanted())?)),
        None => (address, None),
    };
    let host = host.trim_matches(['[', ']']);
    let (security, usual) = match scheme {
        "smtps" => (Security::Tls, 465),
        "smtp" if is_loopback(host) => (Security::Loopback, 25),
        "smtp" => (Security::StartTls, 587),
        _ => return Err(wanted()),
    };
    if host.is_empty() {
        return Err(wanted());
    }
    let decode = |text: &str| {
        crate::web::form::Fields::parse(format!("x={}", text.replace('+', "%2B")).as_bytes())
            .map(|f| f.one("x").to_owned())
    };
    let credentials = match credentials {
        Some((user, password)) => Some((
            decode(user).map_err(|_| wanted())?,
            decode(password).map_err(|_| wanted())?,
        )),
        None => None,
    };
    Ok(Smtp {
        host: host.to_owned(),
        port: port.unwrap_or(usual),
        security,
        credentials,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, BadSetting> {
        Config::read(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    #[test]
    fn without_any_setting_it_is_a_sqlite_file_on_this_machine() {
        let config = read(&[("PATH", "/bin")]).unwrap();
        assert!(matches!(&config.place, Place::Sqlite(path) if path.ends_with("data/attune.db")));
        assert_eq!(config.base_url_at(config.listen), "http://127.0.0.1:8080");
        assert!(config.smtp.is_none());
    }

    #[test]
    fn an_unknown_or_absurd_setting_is_named_with_what_is_wanted() {
        for (name, value) in [
            ("ATTUNE_LISTENS", "x"),
            ("ATTUNE_LISTEN", "8080"),
            ("ATTUNE_BASE_URL", "forms.example.org"),
            ("ATTUNE_WORKERS", "0"),
            ("ATTUNE_MAIL_FROM", "nobody"),
            ("ATTUNE_MAIL_BOUNCES", "bounces"),
            ("ATTUNE_MAIL_BOUNCES", "a-name-that-is-too-long@example.org"),
            ("ATTUNE_SMTP_CONNECTIONS", "65"),
            ("ATTUNE_SMTP_URL", "http://relay"),
            ("ATTUNE_DATABASE_URL", "mysql://x"),
            ("ATTUNE_SECRET_KEY", "short"),
            ("ATTUNE_LOG_FORMAT", "xml"),
            ("ATTUNE_LOG", "inof"),
            ("ATTUNE_LOG", "attune"),
            ("ATTUNE_LOG", "attune=inof"),
            ("ATTUNE_LOG", "=info"),
            ("ATTUNE_LOG", "info,"),
            ("ATTUNE_LOG", "a b=info"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!(error.name, name);
            assert!(!error.wanted.is_empty());
        }
    }

    #[test]
    fn a_log_filter_is_a_level_or_levels_of_parts() {
        for filter in [
            "info",
            "DEBUG",
            "off",
            "attune=debug",
            "warn,attune::jobs=trace",
        ] {
            let config = read(&[("ATTUNE_LOG", filter)]).unwrap();
            assert_eq!(config.log, filter);
            assert!(tracing_subscriber::EnvFilter::try_new(filter).is_ok());
        }
    }

    #[test]
    fn whatever_leaves_this_machine_leads_back_to_the_site() {
        let missing = |pairs: &[(&str, &str)]| {
            let checked = read(pairs).unwrap().require_addresses();
            checked.err().map(|bad| bad.name)
        };
        let relay = ("ATTUNE_SMTP_URL", "smtps://relay.example.org");
        let texts = [
            ("ATTUNE_TEXT_URL", "https://AC1:s3cret@texts.example.org"),
            ("ATTUNE_TEXT_FROM", "+15550100100"),
        ];
        let base = ("ATTUNE_BASE_URL", "https://forms.example.org");
        let from = ("ATTUNE_MAIL_FROM", "Riverside <forms@example.org>");
        let named = |key: &str| Some(format!("ATTUNE_{key}"));
        assert_eq!(missing(&[relay]), named("BASE_URL"));
        assert_eq!(missing(&[relay, from]), named("BASE_URL"));
        assert_eq!(missing(&[relay, base]), named("MAIL_FROM"));
        assert_eq!(missing(&[relay, base, from]), None);
        assert_eq!(missing(&texts), named("BASE_URL"));
        assert_eq!(missing(&[texts[0], texts[1], base]), None);
        for here in ["localhost", "127.0.0.1:2525", "[::1]:25"] {
            let url = format!("smtp://{here}");
            assert_eq!(missing(&[("ATTUNE_SMTP_URL", &url)]), None, "{here}");
        }
        let stand_in = [
            ("ATTUNE_TEXT_URL", "http://AC1:s3cret@127.0.0.1:1"),
            texts[1],
        ];
        assert_eq!(missing(&stand_in), None);
        assert_eq!(missing(&[]), None);
    }

    #[test]
    fn a_bad_secret_is_not_repeated() {
        let error = read(&[("ATTUNE_DATABASE_URL", "mysql://root:hunter2@x")])
            .unwrap_err()
            .to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_relay_elsewhere_is_spoken_to_by_verified_tls_only() {
        let smtp = |url| read_smtp(url).unwrap();
        assert_eq!(
            smtp("smtp://relay.example.org").security,
            Security::StartTls
        );
        assert_eq!(smtp("smtps://relay.example.org").security, Security::Tls);
        assert_eq!(smtp("smtp://127.0.0.1:2525").security, Security::Loopback);
        assert_eq!(
            smtp("smtp://u%40x:p%3A@relay:2").credentials,
            Some(("u@x".into(), "p:".into()))
        );
    }
}

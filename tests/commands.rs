//! The command line as an operator meets it: what it refuses and how, what it prints, and that it does the same through a running service as
//! alone.

use crate::operator::{Office, PASSWORD, complaint, printed};
use crate::support::database::{Engine, engine};
use crate::support::process::{PATIENCE, Site};
use crate::support::smtp::SmtpSink;
use attune::store::{Fault, Place, Seal, Store};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[test]
fn a_setting_that_is_unknown_or_absurd_is_refused_by_name_with_what_is_wanted() {
    let site = Site::new();
    for (name, value, wanted) in [
        ("ATTUNE_LISTNE", "127.0.0.1:8080", "ATTUNE_LISTEN"),
        ("ATTUNE_LISTEN", "8080", "127.0.0.1:8080"),
        ("ATTUNE_BASE_URL", "forms.example.org", "https://"),
        ("ATTUNE_WORKERS", "10000", "1 to 64"),
        ("ATTUNE_SMTP_URL", "http://relay", "smtp://"),
        ("ATTUNE_MAIL_FROM", "nobody", "Name <address@host>"),
        ("ATTUNE_DATABASE_URL", "mysql://localhost/x", "sqlite://"),
        ("ATTUNE_SECRET_KEY", "short", "64 hexadecimal digits"),
        ("ATTUNE_LOG", "inof", "info"),
        (
            "ATTUNE_CONFIG",
            "/there/is/no/such/file",
            "a file that can be read",
        ),
    ] {
        let mut command = site.command(&["migrate", "--check"]);
        let output = command
            .env(name, value)
            .output()
            .expect("the program can be started");
        let said = complaint(&output);
        assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        assert!(
            said.contains(name) && said.contains(wanted),
            "{name}: {said}"
        );
        let secret = name == "ATTUNE_SECRET_KEY"
            || name == "ATTUNE_DATABASE_URL"
            || name == "ATTUNE_SMTP_URL";
        assert!(
            secret || name == "ATTUNE_LISTNE" || said.contains(value),
            "{name}: the value seen is told: {said}"
        );
    }
}

#[test]
fn settings_may_stand_in_one_file_and_a_setting_in_it_is_refused_alike() {
    let mut site = Site::new();
    let url = site.database.url().to_owned();
    let good = site.folder.write(
        "attune.toml",
        format!("database_url = \"{url}\"\nworkers = 2\n"),
    );
    // On PostgreSQL the address holds a password.
    set_mode(&good, 0o600);
    site.unset("ATTUNE_DATABASE_URL");
    site.set("ATTUNE_CONFIG", &good.to_string_lossy());
    site.must_run(&["migrate"]);
    let bad = site.folder.write("bad.toml", "wrokers = 2\n");
    site.set("ATTUNE_CONFIG", &bad.to_string_lossy());
    let output = site.run(&["migrate", "--check"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        complaint(&output).contains("WROKERS"),
        "{}",
        complaint(&output)
    );
}

#[test]
fn a_secret_in_a_file_that_others_can_read_is_refused() {
    let site = Site::new();
    let file = site.folder.write(
        "key",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n",
    );
    for (mode, code) in [(0o644, Some(2)), (0o600, Some(0))] {
        set_mode(&file, mode);
        let mut command = site.command(&["migrate"]);
        let output = command
            .env("ATTUNE_SECRET_KEY_FILE", &file)
            .output()
            .expect("the program can be started");
        assert_eq!(
            output.status.code(),
            code,
            "{mode:o}: {}",
            complaint(&output)
        );
        assert!(!complaint(&output).contains("00112233"));
    }
}

#[test]
fn settings_with_a_secret_among_them_are_their_owners_alone() {
    let site = Site::new();
    for (line, name, open_is_fine) in [
        (
            "smtp_url = \"smtps://u:hunter2@relay.invalid\"",
            "smtp_url",
            false,
        ),
        (
            "ATTUNE_SECRET_KEY = \"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"",
            "ATTUNE_SECRET_KEY",
            false,
        ),
        (
            "database_url = \"postgres:///x?user=u&password=hunter2\"",
            "database_url",
            false,
        ),
        ("smtp_url = \"smtps://relay.invalid\"", "", true),
        ("workers = 2", "", true),
    ] {
        let file = site.folder.write("attune.toml", line);
        for mode in [0o644, 0o640, 0o600] {
            set_mode(&file, mode);
            let mut command = site.command(&["score", "gad7"]);
            let output = command
                .env("ATTUNE_CONFIG", &file)
                .output()
                .expect("the program can be started");
            let said = complaint(&output);
            let fine = open_is_fine || mode == 0o600;
            assert_eq!(output.status.success(), fine, "{line} {mode:o}: {said}");
            assert!(
                fine || said.contains("chmod 600") && said.contains(name),
                "{said}"
            );
            assert!(!said.contains("hunter2") && !said.contains("00112233"));
        }
    }
}

#[test]
fn an_empty_file_is_no_secret_and_no_absence_of_one() {
    let site = Site::new();
    for name in ["DATABASE_URL", "SECRET_KEY", "SMTP_URL", "TEXT_URL"] {
        let name = format!("ATTUNE_{name}_FILE");
        for text in ["", " \n"] {
            let file = site.folder.write("secret", text);
            set_mode(&file, 0o600);
            let mut command = site.command(&["score", "gad7"]);
            let output = command
                .env(&name, &file)
                .output()
                .expect("the program can be started");
            let said = complaint(&output);
            assert_eq!(output.status.code(), Some(2), "{name}: {said}");
            assert!(said.contains(&name) && said.contains("empty"), "{said}");
        }
        let mut command = site.command(&["score", "gad7"]);
        let output = command.env(&name, "").output().expect("it can be started");
        assert_eq!(output.status.code(), Some(2), "{}", complaint(&output));
    }
}

/// Commands that look at data, or work with what somebody has begun.
const NEED_DATA: &[&[&str]] = &[
    &["verify"],
    &["doctor"],
    &[
        "evaluate",
        "--from",
        "2026-01-01",
        "--to",
        "2026-12-31",
        "--instrument",
        "phq9",
    ],
    &["link", "new", "--all", "--instruments", "phq9"],
    &["import", "patients", "patients.csv"],
    &[
        "user",
        "add",
        "--email",
        "a@example.org",
        "--name",
        "A",
        "--role",
        "quality",
    ],
    &["instrument", "withdraw", "who5"],
    &["mail", "test", "a@example.org"],
];

#[test]
fn a_command_that_finds_no_data_says_so_and_makes_none() {
    let mut site = Site::new();
    let nothing = site.folder.path().join("nothing");
    let wanted = match engine() {
        Engine::Sqlite => {
            site.unset("ATTUNE_DATABASE_URL");
            format!("there is no data at {}/attune.db", nothing.display())
        }
        Engine::Postgres => {
            site.must_run(&["migrate"]);
            "there is no data in the PostgreSQL database".to_owned()
        }
    };
    site.set("ATTUNE_DATA_DIR", &nothing.to_string_lossy());
    let on_files: &[&[&str]] = match engine() {
        Engine::Sqlite => &[&["migrate", "--check"], &["mail", "bounce"]],
        Engine::Postgres => &[],
    };
    let refused = |site: &Site, words: &[&str]| {
        let output = site.run(words);
        let said = printed(&output) + &complaint(&output);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {said}");
        assert!(
            said.contains(&wanted) && said.contains("ATTUNE_DATA_DIR"),
            "{words:?}: {said}"
        );
    };
    for words in NEED_DATA.iter().chain(on_files) {
        refused(&site, words);
        assert!(!nothing.exists(), "{words:?} leaves nothing behind");
    }
    // A schema alone is no site, and whoever looks does not begin one.
    site.must_run(&["migrate"]);
    for words in NEED_DATA {
        refused(&site, words);
        assert!(!nothing.join("secret.key").exists(), "{words:?}");
    }
    site.must_run(&["demo", "data", "--patients", "3"]);
    site.must_run(&["verify"]);
}

#[test]
fn doctor_leaves_a_schema_that_is_behind_as_it_is() {
    let site = Site::new();
    if engine() == Engine::Sqlite {
        let file = site
            .database
            .url()
            .trim_start_matches("sqlite://")
            .to_owned();
        std::fs::write(&file, "").expect("a file can be written");
        set_mode(Path::new(&file), 0o600);
    }
    let output = site.run(&["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        printed(&output).contains("FAULT  database: the database schema is not up to date"),
        "{}",
        printed(&output)
    );
    let missing = site.run(&["migrate", "--check"]);
    assert!(
        printed(&missing).contains("missing: "),
        "{}",
        printed(&missing)
    );
}

#[test]
fn data_is_opened_with_the_key_it_was_written_with_and_no_other() {
    const OTHER: &str = "8f1c2a7be05d4936b1a2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718";
    let mut site = Site::new();
    site.must_run(&["migrate"]);
    let key = site.folder.path().join("secret.key");
    assert!(!key.exists(), "a schema needs no key");
    site.serve().stop(std::time::Duration::from_secs(10));
    assert!(key.exists(), "the first start makes one");
    let before = site.must_run(&["verify"]);
    let commands: [&[&str]; 3] = [
        &["verify"],
        &["doctor"],
        &["demo", "data", "--patients", "3"],
    ];
    let refused = |site: &Site, wanted: &str| {
        for words in commands {
            let output = site.run(words);
            let said = printed(&output) + &complaint(&output);
            assert_eq!(output.status.code(), Some(1), "{words:?}: {said}");
            assert!(
                said.contains(wanted) && said.contains("ATTUNE_SECRET_KEY"),
                "{words:?}: {said}"
            );
        }
        let said = refused_to_serve(site);
        assert!(said.contains(wanted), "{said}");
    };
    let kept = site.folder.path().join("kept");
    std::fs::rename(&key, &kept).expect("a file can be renamed");
    refused(&site, "there is no key at");
    assert!(!key.exists(), "none is made beside data that has one");
    site.set("ATTUNE_SECRET_KEY", OTHER);
    refused(&site, "ATTUNE_SECRET_KEY is not the key");
    site.unset("ATTUNE_SECRET_KEY");
    std::fs::write(&key, OTHER).expect("a file can be written");
    set_mode(&key, 0o600);
    refused(&site, "secret.key is not the key");
    std::fs::rename(&kept, &key).expect("a file can be renamed");
    assert_eq!(
        without_audit(&site.must_run(&["verify"])),
        without_audit(&before),
        "nothing was written meanwhile"
    );
}

/// `attune key replace`, on PostgreSQL as somebody who has seen to it that no node runs.
fn replace_key(site: &Site) -> std::process::Output {
    let mut words = vec!["key", "replace", "--because", "the disk with the key died"];
    if engine() == Engine::Postgres {
        words.push("--no-node-runs");
        // A minute ago.
        site.database
            .run_on_postgres("UPDATE heartbeat SET at = at - INTERVAL '2 minutes'");
    }
    site.run(&words)
}

fn must_replace_key(site: &Site) -> String {
    let output = replace_key(site);
    let said = printed(&output) + &complaint(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    said
}

/// The data as a service of today leaves it, and the key's file.
fn left_behind() -> (Site, std::path::PathBuf) {
    let site = Site::new();
    site.must_run(&["migrate"]);
    site.serve().stop(std::time::Duration::from_secs(10));
    let key = site.folder.path().join("secret.key");
    (site, key)
}

/// What is kept of earlier keys.
fn kept_aside(site: &Site) -> Vec<std::path::PathBuf> {
    let folder = std::fs::read_dir(site.folder.path()).expect("the folder can be read");
    let paths = folder.map(|entry| entry.expect("the folder can be read").path());
    paths
        .filter(|path| path.to_string_lossy().contains("secret.key.until-"))
        .collect()
}

#[test]
fn a_site_whose_key_is_lost_goes_on_with_another() {
    let (site, key) = left_behind();
    std::fs::remove_file(&key).expect("a file can be lost");
    let said = refused_to_serve(&site);
    assert!(said.contains("attune key replace"), "{said}");
    let said = must_replace_key(&site);
    assert!(
        said.contains("nobody can check them") && said.contains("Keep a copy"),
        "{said}"
    );
    assert_eq!(mode(&key), 0o600);
    assert!(kept_aside(&site).is_empty(), "there was nothing to keep");
    let running = site.serve();
    let doctor = printed(&site.run(&["doctor"]));
    assert!(
        doctor.contains("WARN   site key: replaced at")
            && doctor.contains("the disk with the key died"),
        "{doctor}"
    );
    let verified = site.must_run(&["verify"]);
    for wanted in [
        "the disk with the key died",
        "not at hand",
        "\"newest_before\"",
    ] {
        assert!(verified.contains(wanted), "{verified}");
    }
    running.stop(std::time::Duration::from_secs(10));
    site.must_run(&["verify"]);
}

#[test]
fn a_key_is_not_replaced_without_a_reason_or_beside_a_service() {
    let (site, key) = left_behind();
    let before = std::fs::read(&key).expect("the key can be read");
    let refused = |words: &[&str], code: i32, wanted: &str| {
        let output = site.run(words);
        let said = complaint(&output);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
        assert!(said.contains(wanted), "{words:?}: {said}");
    };
    refused(&["key", "replace"], 2, "--because");
    refused(&["key", "replace", "--because", " "], 1, "say why");
    refused(&["key", "replace", "--because", "two\nlines"], 1, "say why");
    let why = ["key", "replace", "--because", "the disk died"];
    let told = [&why[..], &["--no-node-runs"]].concat();
    let running = site.serve();
    match engine() {
        Engine::Sqlite => refused(&told, 1, "another process has"),
        Engine::Postgres => {
            refused(&why, 1, "--no-node-runs");
            refused(&told, 1, "a node runs");
        }
    }
    running.stop(std::time::Duration::from_secs(10));
    assert_eq!(std::fs::read(&key).expect("it is there"), before);
    assert!(!site.must_run(&["verify"]).contains("key_changes"));
    let elsewhere = Site::new();
    let nothing = elsewhere.folder.path().join("nothing");
    let elsewhere = elsewhere
        .with("ATTUNE_DATA_DIR", &nothing.display().to_string())
        .with(
            "ATTUNE_DATABASE_URL",
            &format!("sqlite://{}", nothing.join("attune.db").display()),
        );
    assert_eq!(elsewhere.run(&why).status.code(), Some(1));
    assert!(!nothing.exists(), "nothing is made where no data is");
}

#[test]
fn a_key_that_is_at_hand_is_kept_aside_and_what_it_sealed_is_checked_first() {
    let (site, key) = left_behind();
    let old = std::fs::read(&key).expect("the key can be read");
    must_replace_key(&site);
    let [aside] = &kept_aside(&site)[..] else {
        panic!("one key is kept aside");
    };
    assert_eq!(std::fs::read(aside).expect("it can be read"), old);
    assert_eq!(mode(aside), 0o600);
    let new = std::fs::read(&key).expect("the key can be read");
    assert_ne!(new, old);
    let verified = site.must_run(&["verify"]);
    assert!(verified.contains("nothing was broken"), "{verified}");
    // With the old one in its place again.
    std::fs::write(&key, &old).expect("a file can be written");
    let said = refused_to_serve(&site);
    assert!(
        said.contains("is the key this data was written with until"),
        "{said}"
    );
    std::fs::write(&key, &new).expect("a file can be written");
    site.serve().stop(std::time::Duration::from_secs(10));
    site.must_run(&["verify"]);
}

#[test]
fn a_key_that_is_at_hand_is_not_replaced_over_an_audit_that_is_broken() {
    let (site, key) = left_behind();
    // Other events than the edited one say whose key it is.
    let account = ["--email", "ada@staff.example.org", "--name", "Ada"];
    site.must_run(&[&["user", "add", "--role", "administrator"], &account[..]].concat());
    let place = Place::parse(site.database.url()).expect("the test's own database URL");
    let store = Store::open(place, Seal::new([1; 32])).expect("the database opens");
    let edited: Result<(), Fault> = store.write_blocking(|tx| {
        let edit = "UPDATE audit_event SET outcome = 'failed' WHERE act = 'found'";
        crate::house::run_sql(tx, edit).map(|rows| assert_eq!(rows, 1))
    });
    edited.expect("the test's statement is good");
    store.close();
    let old = std::fs::read(&key).expect("the key can be read");
    let refused = replace_key(&site);
    assert_eq!(refused.status.code(), Some(1));
    let said = complaint(&refused);
    assert!(said.contains("is not as it was written"), "{said}");
    assert_eq!(std::fs::read(&key).expect("it is there"), old);
    assert!(!key.with_extension("key.new").exists());
}

#[test]
fn a_damaged_or_foreign_key_is_kept_aside_too() {
    for text in [
        "not a key",
        "8f1c2a7be05d4936b1a2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718",
    ] {
        let (site, key) = left_behind();
        std::fs::write(&key, text).expect("a file can be written");
        must_replace_key(&site);
        let kept = kept_aside(&site);
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert_eq!(std::fs::read_to_string(&kept[0]).expect("text"), text);
        assert!(site.must_run(&["verify"]).contains("not at hand"));
    }
}

#[test]
fn a_change_of_key_that_was_cut_short_is_finished_and_written_down_once() {
    let (site, key) = left_behind();
    let old = std::fs::read(&key).expect("the key can be read");
    let staged = site.folder.path().join("secret.key.new");
    // Cut short before anything was written down: the key that lies there is taken.
    const NEW: &str = "8f1c2a7be05d4936b1a2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718";
    std::fs::write(&staged, NEW).expect("a file can be written");
    set_mode(&staged, 0o600);
    must_replace_key(&site);
    assert_eq!(std::fs::read_to_string(&key).expect("text"), NEW);
    // Cut short after that, before the key was put in its place; and between the two names.
    for is_there in [true, false] {
        std::fs::rename(&key, &staged).expect("a file can be renamed");
        kept_aside(&site)
            .iter()
            .for_each(|path| std::fs::remove_file(path).expect("a file can be removed"));
        if is_there {
            std::fs::write(&key, &old).expect("a file can be written");
            set_mode(&key, 0o600);
        }
        let said = must_replace_key(&site);
        assert!(said.contains("now it is finished"), "{said}");
        assert_eq!(std::fs::read_to_string(&key).expect("text"), NEW);
        assert_eq!(kept_aside(&site).len(), usize::from(is_there));
    }
    let verified = site.must_run(&["verify"]);
    assert_eq!(verified.matches("the disk with the key died").count(), 1);
}

#[test]
fn a_key_that_a_setting_gives_is_replaced_by_the_next_one_set() {
    const FIRST: &str = "8f1c2a7be05d4936b1a2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718";
    const NEXT: &str = "0f1c2a7be05d4936b1a2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718";
    let mut site = Site::new().with("ATTUNE_SECRET_KEY", FIRST);
    site.must_run(&["migrate"]);
    site.serve().stop(std::time::Duration::from_secs(10));
    let refused = replace_key(&site);
    assert_eq!(refused.status.code(), Some(1));
    assert!(complaint(&refused).contains("Set it to the new one"));
    site.set("ATTUNE_SECRET_KEY", NEXT);
    must_replace_key(&site);
    for name in ["secret.key", "secret.key.new"] {
        assert!(!site.folder.path().join(name).exists(), "{name}");
    }
    site.serve().stop(std::time::Duration::from_secs(10));
    site.must_run(&["verify"]);
    site.set("ATTUNE_SECRET_KEY", FIRST);
    assert!(refused_to_serve(&site).contains("is the key this data was written with until"));
}

#[test]
fn the_data_is_its_owners_alone_and_what_was_left_open_is_closed() {
    if engine() == Engine::Postgres {
        return;
    }
    let site = Site::new();
    let file = std::path::PathBuf::from(site.database.url().trim_start_matches("sqlite://"));
    let beside = |end: &str| file.with_extension(format!("sqlite{end}"));
    site.must_run(&["migrate"]);
    assert_eq!(mode(&file), 0o600, "it is made so");
    let service = site.serve();
    for path in [&file, &beside("-wal"), &beside("-shm")] {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
    service.kill();
    // As an older program left them.
    for path in [&file, &beside("-wal"), &beside("-shm")] {
        set_mode(path, 0o644);
    }
    set_mode(site.folder.path(), 0o755);
    let ill = site.run(&["doctor"]);
    assert_eq!(ill.status.code(), Some(1));
    let said = printed(&ill);
    let fault = said
        .lines()
        .find(|line| line.starts_with("FAULT  file modes"))
        .expect("the open file is a fault");
    assert!(
        fault.contains(&format!("chmod 600 {}", file.display())) && fault.contains("chmod 700"),
        "{fault}"
    );
    assert_eq!(mode(&file), 0o644, "doctor only looks");
    let service = site.serve();
    let log = service.log();
    assert!(
        log.contains("others could read") && log.contains("chmod 700"),
        "{log}"
    );
    for path in [&file, &beside("-wal"), &beside("-shm")] {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
    assert!(printed(&site.run(&["doctor"])).contains("FAULT  file modes: the folder"));
    set_mode(site.folder.path(), 0o700);
    assert!(printed(&site.run(&["doctor"])).contains("ok     file modes"));
}

#[test]
fn nothing_is_served_that_would_send_dead_links() {
    let mut site = Site::new().with("ATTUNE_SMTP_URL", "smtps://relay.invalid");
    let refused = |site: &Site, wanted: &str| {
        let said = refused_to_serve(site);
        assert!(said.starts_with(wanted), "{said}");
    };
    refused(&site, "ATTUNE_MAIL_FROM: saw nothing, with ATTUNE_SMTP_URL");
    site.unset("ATTUNE_BASE_URL");
    refused(&site, "ATTUNE_BASE_URL: saw nothing, with ATTUNE_SMTP_URL");
    site.unset("ATTUNE_SMTP_URL");
    site.set("ATTUNE_TEXT_URL", "https://AC1:s3cret@texts.invalid");
    site.set("ATTUNE_TEXT_FROM", "+15550100100");
    refused(&site, "ATTUNE_BASE_URL: saw nothing, with ATTUNE_TEXT_URL");
    let ill = printed(&site.run(&["doctor"]));
    assert!(ill.contains("FAULT  addresses: ATTUNE_BASE_URL"), "{ill}");
}

#[test]
fn migrate_says_what_is_missing_does_it_once_and_then_nothing_is() {
    let site = Site::new();
    if engine() == Engine::Sqlite {
        // Without a file nothing is looked at.
        let file = site.database.url().trim_start_matches("sqlite://");
        std::fs::write(file, "").expect("a file can be written");
    }
    let missing = site.run(&["migrate", "--check"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        printed(&missing).contains("missing: "),
        "{}",
        printed(&missing)
    );
    let tables = match engine() {
        Engine::Sqlite => "SELECT count(*) AS value FROM sqlite_master",
        Engine::Postgres => "SELECT count(*) AS value FROM pg_tables WHERE schemaname = 'public'",
    };
    assert_eq!(site.database.number(tables), 0, "a look changes nothing");
    assert!(site.must_run(&["migrate"]).contains("done: "));
    assert!(!site.must_run(&["migrate"]).contains("done: "));
    assert!(
        site.must_run(&["migrate", "--check"])
            .contains("up to date")
    );
}

#[test]
fn the_service_names_its_first_set_up_link_in_the_log_and_nowhere_is_a_default_password() {
    let site = Site::new();
    site.must_run(&["migrate"]);
    let service = site.serve();
    let log = service.wait_for_log("/set-up/", PATIENCE);
    let link = log
        .split_whitespace()
        .find(|word| word.contains("/set-up/"))
        .expect("the link is in the log")
        .to_owned();
    let path = crate::support::http::path_of(&link).to_owned();
    let mut client = service.client();
    assert_eq!(client.get(&path).expect("an answer").status, 200);
    assert_eq!(
        client.get(&path).expect("an answer").status,
        200,
        "looking does not use it up"
    );
    let fields = |password: &'static str, again: &'static str| {
        [
            ("email", "ada@staff.example.org"),
            ("name", "Ada Hartwell"),
            ("organisation", "Harbor Care"),
            ("clinic", "North House"),
            ("time_zone", "America/Chicago"),
            ("password", password),
            ("again", again),
        ]
    };
    for (password, again) in [
        ("short", "short"),
        (PASSWORD, "four other words in a row"),
        ("passwordpassword", "passwordpassword"),
    ] {
        assert_eq!(
            client
                .post_form(&path, &fields(password, again))
                .expect("an answer")
                .status,
            422,
            "{password}"
        );
    }
    assert_eq!(
        client
            .post_form(&path, &fields(PASSWORD, PASSWORD))
            .expect("an answer")
            .status,
        303
    );
    let again = client
        .post_form(&path, &fields(PASSWORD, PASSWORD))
        .expect("an answer");
    assert_eq!(again.status, 404, "it works once");
    let signed_in = client
        .post_form(
            "/sign-in",
            &[("email", "ada@staff.example.org"), ("password", PASSWORD)],
        )
        .expect("an answer");
    assert_eq!(signed_in.status, 303);
    let (_, log) = service.stop(std::time::Duration::from_secs(10));
    assert!(!log.contains(PASSWORD));
    let service = site.serve();
    assert!(
        !service.log().contains("/set-up/"),
        "there is an administrator now"
    );
}

#[test]
fn whether_it_lives_and_can_work_is_told_to_anybody_and_nothing_else_is() {
    let office = Office::open();
    let mut anybody = office.client();
    for path in ["/healthz", "/readyz"] {
        let answer = anybody.get(path).expect("an answer");
        assert_eq!(answer.status, 200);
        assert!(answer.body.len() < 20, "{}", answer.text());
    }
}

#[test]
fn links_are_whole_addresses_and_what_cannot_be_given_is_named() {
    let office = Office::open();
    let link = office.site.must_run(&[
        "link",
        "new",
        "--patient",
        "P1",
        "--instruments",
        "phq9,pcl5",
    ]);
    let prefix = format!("http://{}/s/", office.site.address());
    assert!(
        link.starts_with(&prefix) && link.trim().len() == prefix.len() + 43,
        "{link}"
    );
    let all = office.site.must_run(&[
        "link",
        "new",
        "--all",
        "--each",
        "2",
        "--instruments",
        "gad7",
    ]);
    let mut lines: Vec<&str> = all.lines().collect();
    assert_eq!(lines.len(), 2 * crate::operator::PATIENTS);
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(
        lines.len(),
        2 * crate::operator::PATIENTS,
        "no two are the same"
    );

    for (arguments, code, words) in [
        (
            &["link", "new", "--patient", "P999", "--instruments", "phq9"][..],
            1,
            "P999",
        ),
        (
            &["link", "new", "--patient", "P1", "--instruments", "phq99"],
            1,
            "phq99",
        ),
        (
            &["link", "new", "--all", "--instruments", "gad7,phq99"],
            1,
            "phq99",
        ),
        (&["link", "new", "--patient", "P1"], 2, "--instruments"),
        (&["link", "new", "--instruments", "phq9"], 2, "--patient"),
        (
            &[
                "link",
                "new",
                "--patient",
                "P1",
                "--all",
                "--instruments",
                "phq9",
            ],
            2,
            "--all",
        ),
    ] {
        let output = office.site.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {}",
            complaint(&output)
        );
        assert!(
            complaint(&output).contains(words),
            "{arguments:?}: {}",
            complaint(&output)
        );
        assert_eq!(printed(&output), "", "{arguments:?}");
    }
}

#[test]
fn accounts_are_added_with_what_they_need_and_what_is_wrong_is_named() {
    let office = Office::open();
    let add = |email: &str, role: &str, clinic: Option<&str>| {
        let mut words = vec![
            "user", "add", "--email", email, "--name", "Kim", "--role", role,
        ];
        words.extend(clinic.into_iter().flat_map(|clinic| ["--clinic", clinic]));
        office.site.run(&words)
    };
    let output = add("kim@staff.example.org", "therapist", Some("north"));
    assert!(output.status.success(), "{}", complaint(&output));
    assert!(printed(&output).contains("/set-up/"));
    for (email, role, clinic, words) in [
        (
            "kim@staff.example.org",
            "therapist",
            Some("north"),
            "already",
        ),
        (
            "KIM@staff.example.org",
            "therapist",
            Some("north"),
            "already",
        ),
        ("not an address", "quality", None, "e-mail address"),
        (
            "new@staff.example.org",
            "therapist",
            None,
            "at least one clinic",
        ),
        ("new@staff.example.org", "therapist", Some("west"), "north"),
        ("new@staff.example.org", "doctor", None, "doctor"),
    ] {
        let output = add(email, role, clinic);
        assert!(!output.status.success(), "{email} {role}");
        assert!(
            complaint(&output).contains(words),
            "{words}: {}",
            complaint(&output)
        );
    }
}

/// Looking leaves its own audit event, so that count grows between two looks.
fn without_audit(text: &str) -> String {
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("audit_events"))
        .collect();
    kept.join("\n")
}

#[test]
fn a_command_says_the_same_through_a_running_service_as_alone() {
    let mut office = Office::open();
    let link = office.links("phq9", 1).remove(0);
    assert_eq!(
        crate::patient::submit(&mut office.client(), &link, &crate::patient::CALM).status,
        303
    );
    let commands: &[&[&str]] = &[
        &["verify"],
        &[
            "evaluate",
            "--from",
            "2026-01-01",
            "--to",
            "2026-12-31",
            "--instrument",
            "phq9",
        ],
        &["link", "new", "--patient", "P999", "--instruments", "phq9"],
        &["import", "patients", "patients.csv", "--dry-run"],
        &["import", "patients", "/nowhere/patients.csv"],
        &[
            "user", "add", "--email", "x", "--name", "x", "--role", "quality",
        ],
    ];
    let all = |office: &Office| -> Vec<_> {
        commands
            .iter()
            .map(|words| {
                let output = office.site.run(words);
                (
                    output.status.code(),
                    without_audit(&printed(&output)),
                    complaint(&output),
                )
            })
            .collect()
    };
    let through = all(&office);
    office.stop(std::time::Duration::from_secs(10));
    let alone = all(&office);
    for ((words, through), alone) in commands.iter().zip(through).zip(alone) {
        assert_eq!(through, alone, "{words:?}");
        let does_something = words[0] == "verify" || words[0] == "evaluate";
        assert_eq!(
            does_something,
            through.0 == Some(0) && !words.contains(&"--dry-run"),
            "{words:?}: {through:?}"
        );
    }
    assert_eq!(office.count("responses"), 1);
}

#[test]
fn the_control_socket_is_its_owners_alone() {
    let office = Office::open();
    for name in ["attune.sock", "secret.key"] {
        assert_eq!(mode(&office.site.folder.path().join(name)), 0o600, "{name}");
    }
}

/// What the service says that must not start.
fn refused_to_serve(site: &Site) -> String {
    let mut service = site.start(&["serve"]);
    let status = service.wait_for_exit(PATIENCE);
    assert_eq!(status.code(), Some(1), "{}", service.log());
    service.log()
}

fn mode(path: &Path) -> u32 {
    let there = std::fs::metadata(path).expect("it is there");
    there.permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode can be set");
}

#[test]
fn doctor_finds_what_is_wrong_and_says_so_with_its_exit() {
    let sink = SmtpSink::start();
    let url = sink.url();
    let mut office = Office::open_with(&[("ATTUNE_SMTP_URL", &url)]);
    for running in [true, false] {
        let well = office.site.run(&["doctor"]);
        assert!(
            well.status.success(),
            "running {running}: {}{}",
            printed(&well),
            complaint(&well)
        );
        let lines = printed(&well);
        assert!(
            lines.lines().count() >= 5
                && lines.lines().all(|line| line.starts_with("ok ")
                    || line.starts_with("WARN   duty contact: none is set")),
            "{lines}"
        );
        if running {
            office.stop(std::time::Duration::from_secs(10));
        }
    }
    drop(sink);
    let ill = office.site.run(&["doctor"]);
    assert_eq!(ill.status.code(), Some(1));
    let faults: Vec<String> = printed(&ill)
        .lines()
        .filter(|line| line.starts_with("FAULT"))
        .map(str::to_owned)
        .collect();
    assert_eq!(faults.len(), 1, "{}", printed(&ill));
    assert!(faults[0].contains("mail"), "{faults:?}");
}

#[test]
fn score_reads_lines_of_answers_and_writes_lines_of_scores() {
    let site = Site::new();
    let lines = "{\"answers\":{\"1\":1,\"2\":2,\"3\":3,\"4\":0,\"5\":1,\"6\":2,\"7\":3,\"8\":1,\"9\":0}}\n\
                 {\"answers\":{\"1\":0,\"2\":0,\"9\":2}}\n\
                 {\"answers\":{\"1\":3,\"2\":3,\"3\":3,\"4\":3,\"5\":3,\"6\":3,\"7\":3,\"8\":null,\"9\":0}}\n";
    let output = site.run_with_input(&["score", "phq9"], lines);
    assert!(output.status.success(), "{}", complaint(&output));
    let scored: Vec<serde_json::Value> = printed(&output)
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    assert_eq!(scored.len(), 3);
    assert_eq!(scored[0]["scores"]["total"]["value"], 13.0);
    assert!(
        scored[1]["scores"]["total"]["value"].is_null()
            && !scored[1]["scores"]["total"]["reason"].is_null(),
        "{}",
        scored[1]
    );
    assert_eq!(
        scored[1]["flags"].as_array().map(Vec::len),
        Some(1),
        "{}",
        scored[1]
    );
    assert!(
        scored[2]["scores"]["total"]["value"].is_null(),
        "a partial sum is no score: {}",
        scored[2]
    );
    for line in &scored {
        for key in [
            "instrument",
            "version",
            "scores",
            "criteria",
            "flags",
            "problems",
        ] {
            assert!(!line[key].is_null(), "{key} in {line}");
        }
    }
    let unknown = site.run_with_input(&["score", "phq99"], "");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(complaint(&unknown).contains("phq99"));
}

#[test]
fn a_scored_table_says_by_its_exit_code_how_it_ended() {
    let site = Site::new();
    let header = "1,2,3,4,5,6,7,8,note";
    for (rows, arguments, code, said) in [
        ("0,0,0,0,0,0,0,0,a", &["score", "gad7", "--csv"][..], 0, ""),
        (
            "9,0,0,0,0,0,0,0,a",
            &["score", "gad7", "--csv"],
            3,
            "1 of 1 had problems",
        ),
        (
            "0,0,0,0,0,0,0,0,\"a",
            &["score", "gad7", "--csv"],
            1,
            "begins in line 2",
        ),
        (
            "0,0,0,0,0,0,0,0,a",
            &["score", "phq9", "--csv"],
            2,
            "no column for items 9, 10",
        ),
        (
            "0,0,0,0,0,0,0,0,a",
            &["score", "phq9", "--csv", "--partial"],
            0,
            "",
        ),
    ] {
        let output = site.run_with_input(arguments, &format!("{header}\n{rows}\n"));
        assert_eq!(
            output.status.code(),
            Some(code),
            "{rows}: {}",
            complaint(&output)
        );
        assert!(complaint(&output).contains(said), "{}", complaint(&output));
    }
}

#[test]
fn a_postgresql_whose_schema_is_behind_is_not_served() {
    if engine() != Engine::Postgres {
        return;
    }
    let output = Site::new().run(&["serve"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        complaint(&output).contains("attune migrate"),
        "{}",
        complaint(&output)
    );
}

//! Rules of the house that the compiler does not see: what the source of each room may not name.

use std::path::{Path, PathBuf};

/// Every Rust file under a folder of the repository, with its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut open = vec![root];
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).expect("the repository can be read");
            open.extend(entries.map(|entry| entry.expect("a folder can be read").path()));
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path).expect("source is text");
            found.push((path, text));
        }
    }
    assert!(found.len() > 10, "{folder}: {} files", found.len());
    found
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs")
}

/// The part of a file that is not its tests.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

fn names(text: &str, words: &[&'static str]) -> Vec<&'static str> {
    let code = without_tests(text)
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let code: String = code.collect::<Vec<_>>().join("\n");
    words
        .iter()
        .copied()
        .filter(|word| code.contains(word))
        .collect()
}

#[test]
fn the_domain_knows_no_clock_chance_disk_database_web_or_log() {
    let foreign = [
        "Utc::now",
        "Local::now",
        "SystemTime",
        "Instant::now",
        "getrandom",
        "rand::",
        "Uuid::now",
        "diesel",
        "actix",
        "lettre",
        "tokio",
        "tracing::",
        "std::fs",
        "std::net",
        "std::env",
        "println!",
        "crate::store",
        "crate::app",
        "crate::web",
    ];
    for (path, text) in sources("src/domain") {
        let found = if is_test(&path) {
            vec![]
        } else {
            names(&text, &foreign)
        };
        assert_eq!(found, [""; 0], "{}", path.display());
    }
}

#[test]
fn one_file_alone_knows_one_engine_from_the_other() {
    for (path, text) in sources("src") {
        let may = path.ends_with("store/engine.rs") || is_test(&path);
        // Running one builder in both arms of a `match` tells nothing apart; a connection, a setting or a dialect does.
        let found = names(
            &text,
            &[
                "SqliteConnection",
                "PgConnection",
                "PRAGMA",
                "pg_advisory",
                "FOR UPDATE",
            ],
        );
        assert!(may || found.is_empty(), "{}: {found:?}", path.display());
    }
}

#[test]
fn one_table_alone_registers_routes() {
    for (path, text) in sources("src") {
        let may = path.ends_with("web/routes.rs");
        let found = names(
            &text,
            &[
                "web::resource",
                "web::scope",
                ".route(",
                "#[get(",
                "#[post(",
                "config.service(",
            ],
        );
        assert!(may || found.is_empty(), "{}: {found:?}", path.display());
    }
}

#[test]
fn no_instruments_name_stands_in_the_code_that_scores_and_flags() {
    for folder in [
        "src/domain/scoring",
        "src/domain/instrument",
        "src/domain/change",
        "src/domain/risk",
    ] {
        for (path, text) in sources_of_any_size(folder) {
            let found = if is_test(&path) {
                vec![]
            } else {
                names(&text, &["phq9", "gad7", "pcl5", "pc_ptsd"])
            };
            // The one place that lists the embedded files names them by their paths.
            assert!(
                found.is_empty() || path.ends_with("library.rs"),
                "{}: {found:?}",
                path.display()
            );
        }
    }
}

fn sources_of_any_size(folder: &str) -> Vec<(PathBuf, String)> {
    let mut all = sources("src/domain");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    all.retain(|(path, _)| path.starts_with(&root));
    all
}

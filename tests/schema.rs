//! Both trees of migrations make the same house: the same tables, with the same columns that may or may not be empty, the same keys and indexes.

use std::collections::{BTreeMap, BTreeSet};

use attune::store::{Fault, Place, Seal, Store};
use diesel::connection::SimpleConnection;

use crate::house::{House, monday};
use crate::patient::{CALM, submit};
use crate::support::database::{Engine, engine};

/// Table to columns, each with whether it may be empty.
type Tables = BTreeMap<String, BTreeSet<String>>;

fn folder_names(engine: &str) -> BTreeSet<String> {
    let root = format!("{}/migrations/{engine}", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(root).expect("the migrations are in the repository");
    entries
        .map(|entry| {
            entry
                .expect("a folder can be read")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

fn tables_of(rows: Vec<String>) -> Tables {
    let mut tables = Tables::new();
    for row in rows.iter().filter(|row| !row.starts_with("__diesel")) {
        let (table, column) = row.split_once('.').expect("table.column");
        tables
            .entry(table.to_owned())
            .or_default()
            .insert(column.to_owned());
    }
    tables
}

const SQLITE_COLUMNS: &str = "SELECT m.name || '.' || c.name || CASE WHEN c.\"notnull\" = 1 THEN '' ELSE ' or nothing' END AS value \
    FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'";
const POSTGRES_COLUMNS: &str = "SELECT table_name || '.' || column_name || CASE WHEN is_nullable = 'NO' THEN '' ELSE ' or nothing' END AS value \
    FROM information_schema.columns WHERE table_schema = 'public'";
const SQLITE_KEYS: &str = "SELECT m.name || '.' || c.name || ' ' || c.pk AS value \
    FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.pk > 0 AND m.name NOT LIKE 'sqlite_%'";
const POSTGRES_KEYS: &str = "SELECT k.table_name || '.' || k.column_name || ' ' || k.ordinal_position AS value \
    FROM information_schema.key_column_usage k JOIN information_schema.table_constraints t \
    ON t.constraint_name = k.constraint_name AND t.table_schema = k.table_schema \
    WHERE t.constraint_type = 'PRIMARY KEY' AND k.table_schema = 'public'";
const SQLITE_INDEXES: &str = "SELECT m.name || '.' || l.name AS value FROM sqlite_master m JOIN pragma_index_list(m.name) l \
    WHERE m.type = 'table' AND l.origin = 'c'";
const POSTGRES_INDEXES: &str = "SELECT t.relname || '.' || i.relname AS value FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid \
    JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace \
    WHERE n.nspname = 'public' AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = x.indexrelid)";

/// A query's texts in a new SQLite file with all migrations.
fn in_sqlite(query: &'static str) -> Tables {
    let folder = crate::support::folder::TemporaryFolder::new();
    let store = Store::open(
        Place::Sqlite(folder.path().join("schema.db")),
        Seal::new([1; 32]),
    )
    .expect("a new file opens");
    store.migrate().expect("a new file migrates");
    let rows = store
        .read_blocking(move |tx| crate::house::texts(tx, query))
        .expect("the query is good");
    store.close();
    tables_of(rows)
}

#[test]
fn both_engines_have_the_same_migrations() {
    assert_eq!(folder_names("sqlite"), folder_names("postgres"));
    assert!(!folder_names("sqlite").is_empty());
}

#[test]
fn both_engines_have_the_same_tables_columns_keys_and_indexes() {
    if engine() != Engine::Postgres {
        return;
    }
    let house = House::open();
    for (what, sqlite, postgres) in [
        ("columns", SQLITE_COLUMNS, POSTGRES_COLUMNS),
        ("primary keys", SQLITE_KEYS, POSTGRES_KEYS),
        ("indexes", SQLITE_INDEXES, POSTGRES_INDEXES),
    ] {
        let there = tables_of(house.texts(postgres));
        assert!(there.len() >= 10, "{what}: {there:?}");
        assert_eq!(in_sqlite(sqlite), there, "{what}");
    }
}

#[test]
fn every_table_that_grows_carries_its_organisation_first_in_its_key() {
    let keys = in_sqlite(SQLITE_KEYS);
    let front_doors = ["organisation", "link", "setup_link", "sign_in", "heartbeat"];
    for (table, columns) in keys
        .iter()
        .filter(|(table, _)| !front_doors.contains(&table.as_str()))
    {
        assert!(columns.contains("org_id 1"), "{table}: {columns:?}");
    }
    assert!(keys.len() > 15, "{keys:?}");
}

#[test]
fn a_state_that_is_no_word_of_ours_cannot_be_stored_and_checking_that_builds_no_table() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    let link = house.link(patient, &["phq9"]);
    let sent = submit(&mut house.client(), &link, &CALM);
    assert_eq!(sent.status, 303, "{}", sent.text());
    for table in ["administration", "response"] {
        let stored: Result<(), Fault> = house.app.store.write_blocking(move |tx| {
            tx.db
                .batch_execute(&format!("UPDATE {table} SET state = 'begun'"))
                .map_err(Fault::from)
        });
        assert!(stored.is_err(), "{table}");
        let Place::Sqlite(_) = house.app.store.place() else {
            continue;
        };
        // SQLite makes a table of more than two words in a list, for every row that it checks.
        let plan = house.texts(&format!(
            "SELECT CAST(COUNT(*) AS TEXT) AS value FROM sqlite_schema WHERE name = '{table}' AND sql LIKE '%state IN%'"
        ));
        assert_eq!(plan, ["0"], "{table}");
    }
}

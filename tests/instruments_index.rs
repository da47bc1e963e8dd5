//! `docs/instruments/index.md` is made from the definitions, so that it cannot go stale: this fails when it differs.
//! `ATTUNE_WRITE_DOCS=1 cargo test --test attune instruments_index` writes it anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use attune::domain::change::{ReliableLimit, plain_points};
use attune::domain::description::{class_in_short, describe};
use attune::domain::instrument::{ENGLISH, Instrument, Library};

const HEAD: &str = "# Instruments that ship

Made from `survey-defs/` by a test (`tests/instruments_index.rs`), which fails when this page differs from them. The whole of an instrument,
with the source of every number: `attune instrument show ID`, or its page under *Instruments* on the site. What was left out, and why:
[left-out.md](left-out.md). How to add one: [adding-an-instrument.md](../adding-an-instrument.md).

Licence: **A** free to use; **B** the wording ships, the owner's permission or terms must be on record at the site before it is used; **C** protected,
the site brings its own licensed copy of the wording and records the permission. Missing answers and change are those of the first scale; the change
is the limit of reliable change in use, *worked out* where only spread and reliability are published.

| instrument | name | for | licence | wording | missing answers | reliable change |
|---|---|---|---|---|---|---|
";

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/instruments/index.md")
}

fn line(library: &Library, known: &Instrument) -> String {
    let said = describe(library, known);
    let own = format!("{}.md", known.id);
    let id = if page().with_file_name(&own).is_file() {
        format!("[`{}`]({own})", known.id)
    } else {
        format!("`{}`", known.id)
    };
    let missing = said
        .scales
        .first()
        .map_or("not scored", |scale| &scale.missing);
    format!(
        "| {id} | {} | {} | {}, {} | {} | {} | {} |",
        said.name,
        said.kind.split(',').next().unwrap_or_default(),
        said.licence.class,
        class_in_short(known.licence.class).replace('’', "'"),
        wording(known),
        missing.trim_end_matches('.'),
        change(known)
    )
}

fn wording(known: &Instrument) -> String {
    if !known.has_text(ENGLISH) {
        return "the site's own copy".to_owned();
    }
    let languages: Vec<_> = known.languages().collect();
    let copies = known
        .sources
        .iter()
        .filter(|source| source.starts_with("Wording"));
    match copies.count() {
        0 => languages.join(", "),
        1 => format!("{}; compared with 1 source", languages.join(", ")),
        copies => format!("{}; compared with {copies} sources", languages.join(", ")),
    }
}

fn change(known: &Instrument) -> String {
    let stated = known.scales.first().and_then(|scale| scale.change.as_ref());
    match stated.and_then(|change| change.reliable_limit()) {
        Some(ReliableLimit::Published { points, .. }) => format!("{} points", plain_points(points)),
        Some(ReliableLimit::WorkedOut { points, .. }) => {
            format!("{} points, worked out", plain_points(points))
        }
        None => "none".to_owned(),
    }
}

#[test]
fn the_index_of_instruments_says_what_the_definitions_say() {
    let library = Library::embedded();
    let mut wanted = HEAD.to_owned();
    for known in library.latest() {
        writeln!(wanted, "{}", line(library, known)).expect("a string takes everything");
    }
    if std::env::var_os("ATTUNE_WRITE_DOCS").is_some() {
        std::fs::write(page(), &wanted).expect("the page can be written");
    }
    let written = std::fs::read_to_string(page()).unwrap_or_default();
    assert!(
        written == wanted,
        "docs/instruments/index.md is not what the definitions say; write it anew with: \
         ATTUNE_WRITE_DOCS=1 cargo test --test attune instruments_index"
    );
}

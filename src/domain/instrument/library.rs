//! All definitions, read and checked once. Not here: what is in them.

use super::check::check;
use super::{DefinitionFault, Instrument};
use std::sync::LazyLock;

/// The definitions this program was built with.
#[derive(rust_embed::Embed)]
#[folder = "survey-defs/"]
struct Shipped;

/// Every instrument in every version.
#[derive(Debug, Clone, PartialEq)]
pub struct Library {
    /// By id, then by version, oldest first.
    instruments: Vec<Instrument>,
}

impl Library {
    /// The definitions this program was built with, read and checked on first use.
    ///
    /// # Panics
    /// When one of them is wrong: a fault of the build, which the unit tests keep from being released.
    #[must_use]
    pub fn embedded() -> &'static Self {
        static EMBEDDED: LazyLock<Library> =
            LazyLock::new(|| match Library::parse(shipped_files()) {
                Ok(library) => library,
                Err(faults) => panic!("the embedded definitions are wrong:\n{}", listed(&faults)),
            });
        &EMBEDDED
    }

    /// Reads definitions: pairs of a path below `survey-defs/` (`phq9/1.toml`) and the file's text. Cases files and
    /// the list of published versions are passed over.
    ///
    /// # Errors
    /// Every mistake in every file.
    pub fn parse(
        files: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Vec<DefinitionFault>> {
        let mut instruments = Vec::new();
        let mut faults = Vec::new();
        for (path, text) in files {
            if is_definition(&path) {
                match check(&path, &text) {
                    Ok(instrument) => instruments.push(instrument),
                    Err(found) => faults.extend(found),
                }
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        instruments.sort_by(|a, b| (&a.id, version_number(a)).cmp(&(&b.id, version_number(b))));
        Ok(Self { instruments })
    }

    /// The newest version of an instrument.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Instrument> {
        self.instruments
            .iter()
            .rev()
            .find(|instrument| instrument.id == id)
    }

    /// One version of an instrument: the one an old response was given to.
    #[must_use]
    pub fn version(&self, id: &str, version: &str) -> Option<&Instrument> {
        self.instruments
            .iter()
            .find(|instrument| instrument.id == id && instrument.version == version)
    }

    /// Every instrument in every version, by id, oldest version first.
    pub fn iter(&self) -> impl Iterator<Item = &Instrument> {
        self.instruments.iter()
    }

    /// The newest version of every instrument, by id.
    pub fn latest(&self) -> impl Iterator<Item = &Instrument> {
        let following = self
            .instruments
            .iter()
            .skip(1)
            .map(|next| Some(&next.id))
            .chain([None]);
        self.instruments
            .iter()
            .zip(following)
            .filter(|(instrument, next)| *next != Some(&instrument.id))
            .map(|(instrument, _)| instrument)
    }
}

/// The files this program was built with: paths below `survey-defs/`, and texts.
pub(in crate::domain) fn shipped_files() -> impl Iterator<Item = (String, String)> {
    Shipped::iter().filter_map(|path| {
        let file = Shipped::get(&path)?;
        Some((
            path.into_owned(),
            String::from_utf8_lossy(&file.data).into_owned(),
        ))
    })
}

/// `phq9/1.toml`, but not `phq9/1.cases.toml` nor `published.toml`.
fn is_definition(path: &str) -> bool {
    path.contains('/') && path.ends_with(".toml") && !path.ends_with(".cases.toml")
}

fn version_number(instrument: &Instrument) -> u32 {
    instrument.version.parse().unwrap_or(0)
}

fn listed(faults: &[DefinitionFault]) -> String {
    faults.iter().map(|fault| format!("  {fault}\n")).collect()
}

//! All definitions, read and checked once. Not here: what is in them, and reading a folder.

use super::check::check;
use super::{DefinitionFault, Instrument};
use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

/// The definitions this program was built with.
#[derive(rust_embed::Embed)]
#[folder = "survey-defs/"]
struct Shipped;

/// Who wrote a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It comes with this program.
    Shipped,
    /// The clinic's own.
    Site,
}

/// A file of a definition: the definition itself, a text file or the worked cases beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionFile {
    /// Who wrote it.
    pub origin: Origin,
    /// Its place below the folder of definitions: `some_id/1.toml`.
    pub path: String,
    /// The same place as its author knows it, for messages.
    pub shown: String,
    /// What is in it.
    pub text: String,
}

/// What a file of a definition is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role<'a> {
    Definition,
    Cases,
    Text(&'a str),
    Other,
}

impl DefinitionFile {
    /// A file as it ships.
    #[must_use]
    pub fn shipped(path: String, text: String) -> Self {
        Self {
            origin: Origin::Shipped,
            shown: format!("survey-defs/{path}"),
            path,
            text,
        }
    }

    /// The definition that a file stands beside, if that one ships with this program.
    #[must_use]
    pub fn shipped_beside(&self) -> Option<Self> {
        let wanted = format!("{}.toml", self.version());
        shipped_definition_files().find(|file| file.path == wanted)
    }

    /// The folder of all definitions, as the author knows it, with its slash.
    pub(super) fn folder(&self) -> &str {
        self.shown.strip_suffix(&self.path).unwrap_or_default()
    }

    fn role(&self) -> Role<'_> {
        let Some((_, name)) = self.path.rsplit_once('/') else {
            return Role::Other;
        };
        let Some(stem) = name.strip_suffix(".toml") else {
            return Role::Other;
        };
        match stem.split_once('.') {
            None => Role::Definition,
            Some((_, "cases")) => Role::Cases,
            Some((_, language)) => Role::Text(language),
        }
    }

    /// `some_id/1`, for every file of that version.
    pub(super) fn version(&self) -> &str {
        let name = self.path.rfind('/').map_or(0, |slash| slash + 1);
        let end = self.path.get(name..).and_then(|name| name.find('.'));
        self.path
            .get(..end.map_or(self.path.len(), |end| name + end))
            .unwrap_or_default()
    }

    /// Whether this is a definition, not a file beside one.
    #[must_use]
    pub fn is_definition(&self) -> bool {
        self.role() == Role::Definition
    }

    /// Whether these are the worked cases of that version.
    #[must_use]
    pub fn are_cases_of(&self, instrument: &Instrument) -> bool {
        self.role() == Role::Cases
            && self.version() == format!("{}/{}", instrument.id, instrument.version)
    }

    /// The language of a text file.
    #[must_use]
    pub fn language(&self) -> Option<&str> {
        match self.role() {
            Role::Text(language) => Some(language),
            Role::Definition | Role::Cases | Role::Other => None,
        }
    }
}

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

    /// The library this process works with: what [`Library::make_current`] was given, else what ships.
    #[must_use]
    pub fn current() -> &'static Self {
        CURRENT.get().copied().unwrap_or_else(Self::embedded)
    }

    /// Makes this the library of the process, once, at its start. A later one is not taken.
    pub fn make_current(self) -> &'static Self {
        CURRENT.get_or_init(|| Box::leak(Box::new(self)))
    }

    /// What ships, and the clinic's own definitions beside it.
    ///
    /// # Errors
    /// Every mistake in every file, and every id of the clinic's that ships already. Only protected wording may be
    /// supplied for a definition that ships: a text file.
    pub fn with_site(
        files: impl IntoIterator<Item = DefinitionFile>,
    ) -> Result<Self, Vec<DefinitionFault>> {
        let shipped = Self::embedded();
        let (mut site, mut faults) = (Vec::new(), Vec::new());
        for file in files {
            let taken = shipped
                .iter()
                .any(|known| file.version().split('/').next() == Some(&known.id));
            if taken && file.is_definition() {
                faults.push(DefinitionFault {
                    file: file.shown.clone(),
                    line: None,
                    what: "an instrument of this id ships with the program; give yours another id. Beside what ships \
                           only the words of protected wording (licence class C) can stand, in a text file"
                        .to_owned(),
                });
            } else {
                site.push(file);
            }
        }
        let all = shipped_definition_files().chain(site);
        match Self::read(all) {
            Ok(library) if faults.is_empty() => Ok(library),
            Ok(_) => Err(faults),
            Err(found) => {
                faults.extend(found);
                Err(faults)
            }
        }
    }

    /// Reads definitions as they ship: pairs of a path below `survey-defs/` (`some_id/1.toml`) and the file's text. Cases
    /// files and the list of published versions are passed over.
    ///
    /// # Errors
    /// Every mistake in every file.
    pub fn parse(
        files: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Vec<DefinitionFault>> {
        let files = files.into_iter();
        Self::read(files.map(|(path, text)| DefinitionFile::shipped(path, text)))
    }

    /// Reads definitions and the text files beside them; other files are passed over.
    ///
    /// # Errors
    /// Every mistake in every file.
    pub fn read(
        files: impl IntoIterator<Item = DefinitionFile>,
    ) -> Result<Self, Vec<DefinitionFault>> {
        let files: Vec<_> = files.into_iter().collect();
        let mut beside: BTreeMap<&str, Vec<&DefinitionFile>> = BTreeMap::new();
        for file in files.iter().filter(|file| file.language().is_some()) {
            beside.entry(file.version()).or_default().push(file);
        }
        let (mut instruments, mut faults) = (Vec::new(), Vec::new());
        for file in files.iter().filter(|file| file.is_definition()) {
            let texts = beside.remove(file.version()).unwrap_or_default();
            match check(file, &texts) {
                Ok(instrument) => instruments.push(instrument),
                Err(found) => faults.extend(found),
            }
        }
        faults.extend(beside.values().flatten().map(|file| DefinitionFault {
            file: file.shown.clone(),
            line: None,
            what: format!(
                "there is no definition {}.toml for these words",
                file.version()
            ),
        }));
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

static CURRENT: OnceLock<&'static Library> = OnceLock::new();

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

/// The same, as files of definitions.
pub(in crate::domain) fn shipped_definition_files() -> impl Iterator<Item = DefinitionFile> {
    shipped_files().map(|(path, text)| DefinitionFile::shipped(path, text))
}

fn version_number(instrument: &Instrument) -> u32 {
    instrument.version.parse().unwrap_or(0)
}

fn listed(faults: &[DefinitionFault]) -> String {
    faults.iter().map(|fault| format!("  {fault}\n")).collect()
}

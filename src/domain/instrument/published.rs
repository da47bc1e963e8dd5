//! Which versions were published, and with which files. A published version never changes, because old scores name it:
//! `published.toml` records the SHA-256 of each file, for what ships and for a clinic's own folder alike.

use super::check::fingerprint;
use super::{DefinitionFault, DefinitionFile};
use serde::Deserialize;

/// The name of the list, in a folder of definitions.
pub const PUBLISHED_FILE: &str = "published.toml";

/// One file of one version, as it was when it was published.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// The instrument.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Of a text file; absent for the definition itself.
    #[serde(default)]
    pub language: Option<String>,
    /// Of the file, in hexadecimal.
    pub sha256: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    published: Vec<Published>,
}

impl Published {
    /// Reads the list.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(text: &str) -> Result<Vec<Self>, String> {
        let list: Result<List, _> = toml::from_str(text);
        list.map(|list| list.published)
            .map_err(|error| super::in_plain_words(error.message()))
    }

    /// What the list says of this file as it is now; `None` for worked cases, which no score names.
    #[must_use]
    pub fn of(file: &DefinitionFile) -> Option<Self> {
        let language = file.language().map(str::to_owned);
        if language.is_none() && !file.is_definition() {
            return None;
        }
        let (id, version) = file.version().split_once('/')?;
        Some(Self {
            id: id.to_owned(),
            version: version.to_owned(),
            language,
            sha256: fingerprint(&file.text),
        })
    }

    /// Whether both speak of the same file.
    #[must_use]
    pub fn is_same_file(&self, other: &Self) -> bool {
        (&self.id, &self.version, &self.language) == (&other.id, &other.version, &other.language)
    }

    /// The lines to add to the list.
    #[must_use]
    pub fn lines(&self) -> String {
        let language = self.language.as_ref();
        let language = language.map_or(String::new(), |language| {
            format!("language = \"{language}\"\n")
        });
        format!(
            "\n[[published]]\nid = \"{}\"\nversion = \"{}\"\n{language}sha256 = \"{}\"\n",
            self.id, self.version, self.sha256
        )
    }
}

/// Every file of a clinic's own that is not as it was when it was taken in, or never was.
#[must_use]
pub fn changed(files: &[DefinitionFile], published: &[Published]) -> Vec<DefinitionFault> {
    let fault = |file: &DefinitionFile| {
        let now = Published::of(file)?;
        let what = match published.iter().find(|known| known.is_same_file(&now)) {
            None => format!(
                "{PUBLISHED_FILE} has no line for this file; take it in with `attune instrument add`"
            ),
            Some(known) if known.sha256 != now.sha256 => format!(
                "the file is not the one that was published (see {PUBLISHED_FILE}), and scores name that one. Put it back; \
                 a change is the next version, taken in with `attune instrument add`"
            ),
            Some(_) => return None,
        };
        Some(DefinitionFault {
            file: file.shown.clone(),
            line: None,
            what,
        })
    };
    files.iter().filter_map(fault).collect()
}

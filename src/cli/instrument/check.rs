//! `attune instrument check`: which files make up a version, whether it is sound, and whether its cases come out.

use crate::cli::console::Exit;
use crate::cli::definitions::{self, listed};
use crate::domain::instrument::{DefinitionFault, DefinitionFile, Instrument, Library, Origin};
use crate::domain::scoring::cases;
use chrono::{Local, NaiveDate};
use std::collections::BTreeMap;
use std::path::Path;

/// Checks everything below these paths. What lies in the clinic's own folder, or says that the clinic may use protected
/// wording, is checked as the clinic's own.
pub(super) fn all(
    paths: &[std::path::PathBuf],
    origin: Origin,
    own: &Path,
) -> Result<Exit, String> {
    let (mut versions, mut wrong) = (BTreeMap::new(), 0);
    for path in paths {
        let files = files_of(path, origin_at(path, origin, own))?;
        if files.is_empty() {
            println!("{}: there is no 1.toml", path.display());
            wrong += 1;
        }
        for file in files {
            versions
                .entry(version_of(&file))
                .or_insert_with(BTreeMap::new)
                .insert(file.path.clone(), file);
        }
    }
    for files in versions.into_values() {
        let mut files: Vec<_> = files.into_values().collect();
        if files.iter().any(has_permission) {
            files.iter_mut().for_each(|file| file.origin = Origin::Site);
        }
        match check_version(&files) {
            Ok(said) => println!("{said}"),
            Err(faults) => {
                wrong += faults.len();
                println!("{}", listed(&faults));
            }
        }
    }
    Ok(if wrong == 0 { Exit::Done } else { Exit::Failed })
}

fn origin_at(path: &Path, origin: Origin, own: &Path) -> Origin {
    match (path.canonicalize(), own.canonicalize()) {
        (Ok(path), Ok(own)) if path.starts_with(&own) => Origin::Site,
        _ => origin,
    }
}

/// Whether the file says that the clinic may use protected wording, which only a clinic's own can.
fn has_permission(file: &DefinitionFile) -> bool {
    file.language().is_some()
        && (file.text.lines())
            .map(str::trim_start)
            .any(|line| line.starts_with("[permission]") || line.starts_with("permission"))
}

/// `…/some_id/1`, for every file of one version.
pub(super) fn version_of(file: &DefinitionFile) -> String {
    let name = file.shown.rfind('/').map_or(0, |slash| slash + 1);
    let dot = file.shown[name..].find('.').unwrap_or(0);
    file.shown[..name + dot].to_owned()
}

/// The files a path stands for: a whole folder of folders, one instrument's folder, or one version of it.
pub(super) fn files_of(path: &Path, origin: Origin) -> Result<Vec<DefinitionFile>, String> {
    if path.is_dir() {
        let mut files = definitions::read_all(path, origin)?;
        let own = definitions::read_one(path, origin)?;
        files.extend(own);
        files.retain(is_of_a_version);
        return Ok(files);
    }
    if !path.is_file() {
        return Err(format!("{}: there is no such file", path.display()));
    }
    let folder = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let files = definitions::read_one(folder.unwrap_or(Path::new(".")), origin)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let version = format!("{}.", name.split('.').next().unwrap_or_default());
    let same = |file: &DefinitionFile| {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        name.starts_with(&version)
    };
    Ok(files.into_iter().filter(same).collect())
}

/// Not the list of published versions.
pub(super) fn is_of_a_version(file: &DefinitionFile) -> bool {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    name.starts_with(|first: char| first.is_ascii_digit())
}

/// Checks one version's files and runs its cases.
pub(super) fn check_version(files: &[DefinitionFile]) -> Result<String, Vec<DefinitionFault>> {
    let site = files.iter().any(|file| file.origin == Origin::Site);
    let definition = files.iter().find(|file| file.is_definition());
    if definition.is_none() && !files.iter().any(|file| file.language().is_some()) {
        return Err(files.iter().map(alone).collect());
    }
    let library = if site {
        Library::with_site(files.iter().cloned())?
    } else {
        // A translation may be written for a definition that ships.
        let beside = files.first().filter(|_| definition.is_none());
        let beside = beside.and_then(DefinitionFile::shipped_beside);
        Library::read(files.iter().cloned().chain(beside))?
    };
    let Some(definition) = definition else {
        return Ok(text_only(files));
    };
    let (id, version) = definition.path.split_once('/').unwrap_or_default();
    let version = version.trim_end_matches(".toml");
    let Some(instrument) = library.version(id, version) else {
        return Ok(text_only(files));
    };
    let mut unfit = dated_ahead(instrument, files, Local::now().date_naive());
    unfit.extend(unsourced(instrument, definition));
    if !unfit.is_empty() {
        return Err(unfit);
    }
    let Some(worked) = files.iter().find(|file| file.are_cases_of(instrument)) else {
        return Err(vec![DefinitionFault {
            file: definition.shown.clone(),
            line: None,
            what: format!("there are no worked cases; wanted is {version}.cases.toml beside it"),
        }]);
    };
    let worked = cases::check(instrument, worked)?;
    let languages: Vec<_> = instrument.languages().collect();
    let mut said = format!(
        "{}: sound; {} cases come out; words in: {}; sha256 {}",
        definition.shown,
        worked.run,
        if languages.is_empty() {
            "none, its wording is the clinic's to supply".to_owned()
        } else {
            languages.join(", ")
        },
        instrument.fingerprint
    );
    for what in worked.not_covered {
        said.push_str(&format!("\n  not covered: {what}"));
    }
    if !site && Library::embedded().get(id).is_some() && !is_shipped(definition) {
        said.push_str(&format!(
            "\n  an instrument {id:?} ships with the program; a clinic's own needs another id (check it with --site)"
        ));
    }
    Ok(said)
}

fn alone(file: &DefinitionFile) -> DefinitionFault {
    let version = version_of(file);
    let version = version.rsplit('/').next().unwrap_or_default();
    DefinitionFault {
        file: file.shown.clone(),
        line: None,
        what: format!("there is no {version}.toml beside it"),
    }
}

/// Whether this very file ships.
fn is_shipped(definition: &DefinitionFile) -> bool {
    let shipped = definition.shipped_beside();
    shipped.is_some_and(|shipped| shipped.text == definition.text)
}

/// Days on which nobody can have looked yet. A definition that was taken in is not asked again: a clock that is wrong
/// must not keep the service from starting.
fn dated_ahead(
    instrument: &Instrument,
    files: &[DefinitionFile],
    today: NaiveDate,
) -> Vec<DefinitionFault> {
    let ahead = |day: &str| {
        let day: Result<NaiveDate, _> = day.parse();
        day.is_ok_and(|day| day > today)
    };
    let mut faults = Vec::new();
    let mut say = |file: &DefinitionFile, key: &str, day: &str| {
        faults.push(DefinitionFault {
            file: file.shown.clone(),
            line: line_of(file, key),
            what: format!("{key} is {day}, which is still to come"),
        });
    };
    for file in files {
        let permission = file.language().and_then(|language| {
            let texts = instrument.texts(language)?;
            texts.permission.as_ref()
        });
        if file.is_definition() && ahead(&instrument.licence.checked_on) {
            say(file, "checked_on", &instrument.licence.checked_on);
        }
        if let Some(permission) = permission.filter(|found| ahead(&found.granted_on)) {
            say(file, "granted_on", &permission.granted_on);
        }
    }
    faults
}

fn unsourced(instrument: &Instrument, definition: &DefinitionFile) -> Option<DefinitionFault> {
    let said = |source: &String| !source.trim().is_empty();
    (!instrument.sources.iter().any(said)).then(|| DefinitionFault {
        file: definition.shown.clone(),
        line: line_of(definition, "sources"),
        what: "sources is missing; wanted are the copies the wording was compared with, or where your own words come from"
            .to_owned(),
    })
}

fn line_of(file: &DefinitionFile, key: &str) -> Option<usize> {
    let line = file
        .text
        .lines()
        .position(|line| line.trim_start().starts_with(key));
    line.map(|line| line + 1)
}

fn text_only(files: &[DefinitionFile]) -> String {
    let shown: Vec<_> = files.iter().map(|file| file.shown.as_str()).collect();
    format!("{}: sound", shown.join(", "))
}

//! The key that no setting gives: a file in the data folder, for its owner alone. It is made where a site begins; another takes its place only by
//! `attune key replace`.

use super::{BadSetting, Config, SecretKey, bad, read_key, read_private};
use chrono::NaiveDateTime;
use std::path::{Path, PathBuf};

impl Config {
    /// Where the key lies that no setting gives.
    pub fn key_file(&self) -> PathBuf {
        self.data_dir.join("secret.key")
    }

    /// The key: given by setting, else the one in the data folder; `None` where there is none yet.
    ///
    /// # Errors
    /// When the key file cannot be read, is no key or can be read by others.
    pub fn key(&self) -> Result<Option<SecretKey>, BadSetting> {
        if self.secret_key.is_some() {
            return Ok(self.secret_key.clone());
        }
        let path = self.key_file();
        match path.try_exists() {
            Ok(false) => Ok(None),
            Ok(true) => read_key_file(&path).map(Some),
            Err(error) => Err(refused(&path, format!("a file that can be read ({error})"))),
        }
    }

    /// Keeps a new key in the data folder, for its owner alone; it is on disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written, or there is one already.
    pub fn keep_key(&self, key: &SecretKey) -> Result<(), BadSetting> {
        let path = self.key_file();
        write_new_key(&path, key).map_err(|error| {
            let wanted = format!("a folder to write in ({error})");
            bad("DATA_DIR", &path.to_string_lossy(), &wanted)
        })
    }

    /// Where a new key lies until the data is written with it.
    fn staged_key_file(&self) -> PathBuf {
        self.key_file().with_extension("key.new")
    }

    /// A new key that lies beside the present one, and is on disk when this returns; the one that an earlier try left there, if there is one.
    ///
    /// # Errors
    /// When it cannot be written or read.
    pub fn stage_key(&self) -> Result<SecretKey, BadSetting> {
        let path = self.staged_key_file();
        match path.try_exists() {
            Ok(true) => read_key_file(&path),
            _ => {
                let key = SecretKey::random().map_err(|why| refused(&path, why))?;
                write_new_key(&path, &key).map_err(|error| {
                    refused(&path, format!("a file that can be made ({error})"))
                })?;
                Ok(key)
            }
        }
    }

    /// Puts the new key into its place; what lay there is kept under a name with this moment in it, which is returned.
    ///
    /// # Errors
    /// When a file cannot be renamed. Doing it again goes on where it stopped.
    pub fn put_key_in_place(&self, now: NaiveDateTime) -> Result<Option<PathBuf>, BadSetting> {
        let (path, staged) = (self.key_file(), self.staged_key_file());
        let aside = path.with_extension(format!("key.until-{}", now.format("%Y%m%dT%H%M%SZ")));
        let name = |wanted: String| refused(&path, wanted);
        let kept = match path.symlink_metadata() {
            Err(_) => None,
            Ok(_) if aside.symlink_metadata().is_ok() => {
                let wanted = format!("{} to be free: an older key is kept there", aside.display());
                return Err(name(wanted));
            }
            Ok(_) => {
                std::fs::rename(&path, &aside)
                    .map_err(|error| name(format!("a file that can be renamed ({error})")))?;
                Some(aside)
            }
        };
        std::fs::rename(&staged, &path)
            .and_then(|()| std::fs::File::open(&self.data_dir)?.sync_all())
            .map_err(|error| refused(&staged, format!("a file that can be renamed ({error})")))?;
        Ok(kept)
    }
}

fn refused(path: &Path, wanted: String) -> BadSetting {
    BadSetting {
        name: "secret.key".into(),
        seen: path.display().to_string(),
        wanted,
    }
}

fn read_key_file(path: &Path) -> Result<SecretKey, BadSetting> {
    let text = read_private(path).map_err(|wanted| refused(path, wanted))?;
    read_key(text.trim()).map_err(|bad| refused(path, bad.wanted))
}

fn write_new_key(path: &Path, SecretKey(key): &SecretKey) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    // Its name in the folder too: what is written from now on can be read with this key only.
    match path.parent() {
        Some(folder) => std::fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

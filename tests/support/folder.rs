//! A temporary folder that goes away with its value. Not: anything about what is put into it.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A folder of one's own, closed to others as the program wants its data to be, under the system's temporary folder, removed when dropped.
///
/// It stays when the test fails and `ATTUNE_TEST_KEEP` is set, so that the database can be looked at.
#[derive(Debug)]
pub struct TemporaryFolder {
    path: PathBuf,
}

impl TemporaryFolder {
    pub fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("attune-test-{}-{number}", std::process::id()));
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .expect("a temporary folder can be made");
        Self { path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file into the folder and answers with its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path.join(name);
        std::fs::write(&path, content).expect("a file can be written to the temporary folder");
        path
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if std::thread::panicking() && std::env::var_os("ATTUNE_TEST_KEEP").is_some() {
            eprintln!("kept: {}", self.path.display());
            return;
        }
        // A folder left behind is no reason to fail a test.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

//! SQLite's write-ahead log, copied back into the file before it grows long. PostgreSQL does all this by itself.

use super::engine::{Place, checkpoint, connect};
use super::{Fault, Seal, Tx};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A write-ahead log that has grown by more than this is begun anew, in pages.
const LOG_PAGES: i32 = 4_096;
/// A log file shorter than this is not worth a look, in bytes.
const LOG_BYTES: u64 = 8 << 20;
/// How often its length is looked at. While the writer copies its part back, everybody waits some milliseconds, so not more often; a second's log at full load is
/// still short enough to be read quickly.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);

/// Whether the writer should copy the rest of a long log back.
#[derive(Default)]
pub(super) struct LongLog(AtomicBool);

impl LongLog {
    /// Between two transactions of the writer: copies what came into the log since the last pass, so that the log begins anew. Without this it would grow
    /// for as long as answers keep coming, and writing to a file that grows costs twice as much.
    pub(super) fn copy_rest_back(&self, tx: &mut Tx) {
        if self.0.swap(false, Ordering::Relaxed)
            && let Err(fault) = checkpoint(tx)
        {
            tracing::warn!(%fault, "the write-ahead log could not be copied back; it will be tried again");
        }
    }
}

/// Copies SQLite's write-ahead log back into the file, on a thread of its own: done by the writer after a commit, it would keep the next patients waiting for
/// tens of milliseconds. Only the little that came in meanwhile is left to the writer.
pub(super) fn start(
    place: &Place,
    seal: &Arc<Seal>,
    long: Arc<LongLog>,
    stop: Arc<AtomicBool>,
) -> Result<Option<JoinHandle<()>>, Fault> {
    let Place::Sqlite(path) = place else {
        return Ok(None);
    };
    let log = path.with_file_name(format!(
        "{}-wal",
        path.file_name().unwrap_or_default().to_string_lossy()
    ));
    let mut tx = connect(place, seal)?;
    let file = std::fs::File::open(path).map_err(|error| Fault::Connect(error.to_string()))?;
    let thread = std::thread::Builder::new().name("attune-checkpoint".into());
    let started = thread.spawn(move || {
        // Never closed: closing any handle of a file drops every lock that this process has on it, SQLite's too.
        let file = std::mem::ManuallyDrop::new(file);
        let mut seen = None;
        while !stop.load(Ordering::Relaxed) {
            std::thread::park_timeout(CHECKPOINT_EVERY);
            let changed = std::fs::metadata(&log)
                .ok()
                .filter(|file| file.len() > LOG_BYTES)
                .and_then(|file| file.modified().ok());
            if changed.is_none() || changed == seen {
                continue;
            }
            match checkpoint(&mut tx) {
                Ok(pages) if pages > LOG_PAGES => {
                    // Once more for what came in during the first pass, and all of it to the disk, so that next to nothing is left to the writer.
                    let _ = file.sync_data();
                    let _ = checkpoint(&mut tx);
                    let _ = file.sync_data();
                    long.0.store(true, Ordering::Relaxed);
                }
                Ok(_) => {}
                Err(fault) => {
                    tracing::warn!(%fault, "the write-ahead log could not be copied back; it will be tried again");
                }
            }
            seen = changed;
        }
    });
    started
        .map(Some)
        .map_err(|error| Fault::Connect(error.to_string()))
}

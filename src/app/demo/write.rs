//! Storing the invented history: stories are told on one thread while the batch before is being written on another; a batch is one
//! transaction, and only a few are ever in memory.

use super::Invented;
use super::site::Site;
use super::story;
use crate::domain::access::Permit;
use crate::store::bulk::{self, Batch};
use crate::store::{Fault, Store};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Patients in one transaction.
const PATIENTS_IN_A_BATCH: usize = 400;
/// From so many patients on it pays to prepare the connection for a load.
const A_LOAD: usize = 5_000;

/// Tells and stores every story; `progress` hears how many patients are on disk.
///
/// # Errors
/// When the database fails; the batches before that are stored.
pub fn all(
    store: &Store,
    site: &Site<'_>,
    permit: &Permit,
    invented: &mut Invented,
    progress: &mut dyn FnMut(usize),
) -> Result<(), Fault> {
    if site.patients >= A_LOAD {
        store.write_blocking(|tx| tx.bulk())?;
    }
    let (tell, told) = sync_channel::<Batch>(1);
    std::thread::scope(|scope| {
        scope.spawn(move || tell_all(site, &tell));
        write_all(store, permit, told, invented, progress)
    })
}

/// Ends early when nobody listens any more: then the writing failed, and says so itself.
fn tell_all(site: &Site<'_>, tell: &SyncSender<Batch>) {
    let mut from = 0;
    while from < site.patients {
        let to = site.patients.min(from + PATIENTS_IN_A_BATCH);
        let mut batch = Batch::default();
        (from..to).for_each(|number| story::tell(site, number, &mut batch));
        if tell.send(batch).is_err() {
            return;
        }
        from = to;
    }
}

/// Takes `told` by value, so that a failure hangs up on the teller.
fn write_all(
    store: &Store,
    permit: &Permit,
    told: Receiver<Batch>,
    invented: &mut Invented,
    progress: &mut dyn FnMut(usize),
) -> Result<(), Fault> {
    for batch in told {
        invented.count(&batch);
        let permit = permit.clone();
        store.write_blocking(move |tx| bulk::add(tx, &permit, batch))?;
        progress(invented.patients);
    }
    Ok(())
}

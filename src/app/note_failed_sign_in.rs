//! A failed sign-in leaves a trace: an audit event and a log line, neither with the address that was tried.

use super::App;
use crate::domain::access::Actor;
use crate::domain::ids::StaffId;
use crate::store::audit;

/// Writes down that somebody failed to sign in; nobody waits for it.
pub fn note_failed_sign_in(app: &App) {
    tracing::warn!("a sign-in failed");
    let (system, now) = (Actor::System { org: app.org }, app.clock.now());
    app.store.write_soon(move |tx| {
        audit::record_by(tx, &system, "sign_in_failed", "staff", None::<StaffId>, now)
    });
}

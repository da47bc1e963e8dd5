//! A form on a tablet comes to its end: it is handed back, or nobody touched it for a while. What this browser held of it goes.

use super::visit::{Page, Visit};
use crate::app::Failure;
use crate::app::pair_tablet;
use crate::app::take_answers::Refusal;
use crate::web::tablet::away;

/// "Hand the tablet back": the link opens nothing more.
pub async fn hand_back(visit: Visit) -> Page {
    let hash = visit.token().await?.hash();
    match pair_tablet::hand_back(&visit.site.app, hash, visit.holder).await {
        Ok(()) | Err(Failure::Refused(Refusal::Revoked)) => Ok(away("/tablet?back")),
        Err(failure) => Err(visit.calm_or_end(failure).await),
    }
}

/// Where a page goes by itself when nobody touches it: this browser forgets the form. Nothing is changed here; without the browser's secret the link
/// opens nothing.
pub async fn idle(visit: Visit) -> Page {
    match visit.holder.tablet {
        Some(_) => Ok(away("/tablet?idle")),
        None => Ok(visit.go("")),
    }
}

//! What every page works with.

use super::live::Live;
use super::throttle::Throttle;
use crate::app::App;
use crate::mail::Mailbox;
use crate::store::{Fault, organisation};
use actix_web::HttpRequest;
use std::net::IpAddr;
use std::sync::Arc;

/// What every page works with.
pub struct Site {
    /// The verbs' world.
    pub app: App,
    /// Scheme and host of our own pages.
    pub origin: String,
    /// How fast strangers may guess.
    pub throttle: Throttle,
    /// The site's own crisis line as it was at the start, for when the database does not answer.
    pub(super) crisis_line_at_start: Option<String>,
    /// The demo's mailbox; `None` outside the demo.
    pub mailbox: Option<Arc<Mailbox>>,
    /// With what the text gateway signs; `None`: there is none.
    pub text_secret: Option<Arc<str>>,
    /// Everybody who has the queue open.
    pub live: Arc<Live>,
}

impl Site {
    /// A site for this app. In the demo, `mailbox` holds the mails that went out.
    pub fn new(app: App, crisis_line: Option<String>, mailbox: Option<Arc<Mailbox>>) -> Self {
        let origin = app.base_url.to_string();
        Site {
            app,
            origin,
            throttle: Throttle::default(),
            crisis_line_at_start: crisis_line,
            mailbox,
            text_secret: None,
            live: Arc::default(),
        }
    }

    /// The same site, listening to a text gateway that signs with this secret.
    pub fn with_text_secret(self, secret: &str) -> Self {
        Site {
            text_secret: Some(secret.into()),
            ..self
        }
    }

    /// The site's own crisis line as it is now.
    pub async fn crisis_line(&self) -> Option<String> {
        match self.app.store.read_brief(organisation::only).await {
            Ok(organisation) => organisation.and_then(|row| row.crisis_line),
            Err::<_, Fault>(_) => self.crisis_line_at_start.clone(),
        }
    }

    /// Whether pages travel by TLS.
    pub fn is_secure(&self) -> bool {
        self.origin.starts_with("https://")
    }

    /// The sign-in cookie's name: bound to this very host where browsers can promise it.
    pub fn cookie_name(&self) -> &'static str {
        if self.is_secure() {
            "__Host-attune"
        } else {
            "attune"
        }
    }

    /// Where a request came from. Headers are not believed: anybody can write them.
    pub fn peer(&self, request: &HttpRequest) -> Option<IpAddr> {
        request.peer_addr().map(|peer| peer.ip())
    }
}

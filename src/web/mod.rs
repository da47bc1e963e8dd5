//! The site over HTTP: requests become commands for the verbs, their answers become pages. `survey` is the patients' side, `staff` everybody
//! else's; who may open what stands in `routes`.

pub mod assets;
pub mod attempts;
pub mod errors;
pub mod form;
pub mod gate;
pub mod health;
pub mod last_resort;
pub mod live;
pub mod routes;
pub mod staff;
pub mod survey;
pub mod tablet;
pub mod texts;
pub mod throttle;

use crate::app::App;
use crate::mail::Mailbox;
use actix_web::middleware::from_fn;
use actix_web::{App as Router, HttpRequest, HttpServer, dev::Server, web};
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

/// What every page works with.
pub struct Site {
    /// The verbs' world.
    pub app: App,
    /// Scheme and host of our own pages.
    pub origin: String,
    /// How fast strangers may guess.
    pub throttle: throttle::Throttle,
    /// The site's own crisis line as it was at the start, for when the database does not answer.
    crisis_line_at_start: Option<String>,
    /// The demo's mailbox; `None` outside the demo.
    pub mailbox: Option<Arc<Mailbox>>,
    /// With what the text gateway signs; `None`: there is none.
    pub text_secret: Option<Arc<str>>,
    /// Everybody who has the queue open.
    pub live: Arc<live::Live>,
}

impl Site {
    /// A site for this app. In the demo, `mailbox` holds the mails that went out.
    pub fn new(app: App, crisis_line: Option<String>, mailbox: Option<Arc<Mailbox>>) -> Self {
        let origin = app.base_url.to_string();
        Site {
            app,
            origin,
            throttle: throttle::Throttle::default(),
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
        match self
            .app
            .store
            .read_brief(crate::store::organisation::only)
            .await
        {
            Ok(organisation) => organisation.and_then(|row| row.crisis_line),
            Err::<_, crate::store::Fault>(_) => self.crisis_line_at_start.clone(),
        }
    }

    /// The site's own crisis line as it was at the start, as a paragraph of a page that cannot ask the database; empty when there was none.
    fn own_line(&self) -> String {
        let Some(stored) = &self.crisis_line_at_start else {
            return String::new();
        };
        let harmless = |text: &str| {
            text.replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('"', "&quot;")
        };
        let line = survey::lead::read_line(stored);
        let [label, shown, dial] = [line.label, line.shown, line.dial].map(harmless);
        format!("<p>{label}: <a href=\"tel:{dial}\">{shown}</a></p>")
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

/// Starts to serve on an open socket, with so many workers.
///
/// # Errors
/// When the socket cannot be used.
pub fn serve(site: Site, listener: TcpListener, workers: usize) -> std::io::Result<Server> {
    let site = web::Data::new(site);
    let server = HttpServer::new(move || {
        Router::new()
            .app_data(site.clone())
            .app_data(form::body_limit())
            .wrap(from_fn(gate::same_origin))
            .wrap(from_fn(last_resort::whole))
            .wrap(gate::headers())
            .configure(routes::configure)
            .default_service(web::to(nowhere))
    })
    .workers(workers)
    .max_connections(4_096)
    .keep_alive(Duration::from_secs(75))
    .client_request_timeout(Duration::from_secs(10))
    .client_disconnect_timeout(Duration::from_secs(5))
    .shutdown_timeout(8)
    .disable_signals()
    .listen(listener)?;
    Ok(server.run())
}

async fn nowhere(request: HttpRequest) -> Result<actix_web::HttpResponse, actix_web::Error> {
    if request.path().starts_with("/s/") {
        return survey::lost(&request).await;
    }
    Ok(errors::nowhere())
}

//! The site over HTTP: requests become commands for the verbs, their answers become pages. `survey` is the patients' side, `staff` everybody
//! else's; who may open what stands in `routes`.

pub mod access;
pub mod assets;
pub mod attempts;
pub mod errors;
pub mod events;
pub mod form;
pub mod gate;
pub mod headers;
pub mod health;
pub mod last_resort;
pub mod line;
pub mod live;
pub mod routes;
pub mod site;
pub mod staff;
pub mod survey;
pub mod tablet;
pub mod texts;
pub mod throttle;
pub mod visitor;

pub use site::Site;

use actix_web::middleware::from_fn;
use actix_web::{App as Router, HttpRequest, HttpServer, dev::Server, web};
use std::net::TcpListener;
use std::time::Duration;

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
            .wrap(headers::headers())
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

//! Style sheets and icons, embedded in the binary and named by the hash of their content, so that browsers may keep them for ever.

use actix_web::{HttpResponse, web};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::sync::LazyLock;

#[derive(RustEmbed)]
#[folder = "assets"]
struct Files;

/// One embedded file.
struct Asset {
    /// `/assets/survey.1a2b3c4d.css`
    address: String,
    content: Cow<'static, [u8]>,
    kind: &'static str,
}

static ASSETS: LazyLock<Vec<(String, Asset)>> = LazyLock::new(|| {
    Files::iter()
        .filter_map(|name| {
            let content = Files::get(&name)?.data;
            let digest: String = Sha256::digest(&content)
                .iter()
                .take(4)
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let (stem, ending) = name.rsplit_once('.')?;
            let asset = Asset {
                address: format!("/assets/{stem}.{digest}.{ending}"),
                content,
                kind: kind(ending),
            };
            Some((name.to_string(), asset))
        })
        .collect()
});

fn kind(ending: &str) -> &'static str {
    match ending {
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "js" => "text/javascript; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The address of an embedded file; the plain name when there is no such file.
pub fn address(name: &str) -> &'static str {
    ASSETS
        .iter()
        .find(|(known, _)| known == name)
        .map_or("/assets/missing", |(_, asset)| &asset.address)
}

/// Serves an embedded file by its hashed name.
pub async fn serve(path: web::Path<String>) -> HttpResponse {
    let wanted = format!("/assets/{path}");
    match ASSETS.iter().find(|(_, asset)| asset.address == wanted) {
        Some((_, asset)) => HttpResponse::Ok()
            .insert_header(("content-type", asset.kind))
            .insert_header(("cache-control", "public, max-age=31536000, immutable"))
            .body(asset.content.to_vec()),
        None => HttpResponse::NotFound().finish(),
    }
}

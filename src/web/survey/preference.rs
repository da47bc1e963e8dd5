//! In which language a page speaks: what was chosen on this page, else on this link before, else what stands on record, else what the browser
//! asks for, else English.

use crate::domain::language::Language;
use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::ACCEPT_LANGUAGE;

/// The cookie's name, and the field's in forms and addresses.
pub const LANG: &str = "lang";

/// What a request says about languages.
#[derive(Debug, Clone, Copy)]
pub struct Preference {
    /// By this request's address. Remembered from now on.
    chosen: Option<Language>,
    /// By an earlier request on the same link.
    kept: Option<Language>,
    /// By the browser's settings.
    accepted: Option<Language>,
}

impl Preference {
    /// Reads a request; whatever is no language of ours is not there.
    pub fn of(request: &HttpRequest) -> Preference {
        let header = request.headers().get(ACCEPT_LANGUAGE);
        Preference {
            chosen: in_query(request.query_string()),
            kept: request
                .cookie(LANG)
                .and_then(|cookie| cookie.value().parse().ok()),
            accepted: header
                .and_then(|value| value.to_str().ok())
                .and_then(best_accepted),
        }
    }

    /// The language to speak to somebody for whom `on_record` stands on record.
    pub fn language(&self, on_record: Option<Language>) -> Language {
        self.said()
            .or(on_record)
            .or(self.accepted)
            .unwrap_or(Language::English)
    }

    /// What the patient chose, if anything.
    pub fn said(&self) -> Option<Language> {
        self.chosen.or(self.kept)
    }

    /// The cookie that keeps a choice that was made just now, for this one link: on a clinic's own tablet the next patient's record counts.
    pub fn cookie(&self, path: String, is_secure: bool) -> Option<Cookie<'static>> {
        let chosen = self.chosen.filter(|chosen| self.kept != Some(*chosen))?;
        let cookie = Cookie::build(LANG, chosen.word())
            .path(path)
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(is_secure);
        Some(cookie.finish())
    }
}

fn in_query(query: &str) -> Option<Language> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| *name == LANG)
        .and_then(|(_, tag)| tag.parse().ok())
}

/// The one of our languages that a browser likes best: `es-MX,es;q=0.9,en;q=0.8`. The first of equals.
fn best_accepted(header: &str) -> Option<Language> {
    let mut best: Option<(Language, f32)> = None;
    for range in header.split(',') {
        let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
        let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
        let weight: f32 = weight.trim().parse().unwrap_or(0.0);
        let Some(language) = Language::of_tag(tag.trim()) else {
            continue;
        };
        if weight > best.map_or(0.0, |(_, known)| known) {
            best = Some((language, weight));
        }
    }
    best.map(|(language, _)| language)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{English, Spanish};
    use actix_web::test::TestRequest;

    #[test]
    fn a_browsers_own_order_counts() {
        for (header, best) in [
            ("es-MX,es;q=0.9,en;q=0.8", Some(Spanish)),
            ("en;q=0.8, es", Some(Spanish)),
            ("fr-CA, en-US;q=0.5, es;q=0.4", Some(English)),
            ("en, es", Some(English)),
            ("es;q=0, en;q=0.1", Some(English)),
            ("fr, *;q=0.5", None),
            ("es;q=x;;,,=", None),
            ("", None),
        ] {
            assert_eq!(best_accepted(header), best, "{header}");
        }
    }

    fn preference(query: &str, cookie: &str, header: &str) -> Preference {
        let request = TestRequest::with_uri(&format!("/s/x{query}"))
            .insert_header(("cookie", cookie))
            .insert_header(("accept-language", header));
        Preference::of(&request.to_http_request())
    }

    #[test]
    fn the_newest_choice_comes_first_and_the_browser_last() {
        let all = preference("?lang=en", "lang=es", "es");
        assert_eq!(all.language(Some(Spanish)), English);
        let kept = preference("", "lang=es", "en");
        assert_eq!(kept.language(Some(English)), Spanish);
        let none = preference("", "", "es");
        assert_eq!(none.language(Some(English)), English);
        assert_eq!(none.language(None), Spanish);
        assert_eq!(preference("", "", "").language(None), English);
    }

    #[test]
    fn what_is_no_language_of_ours_is_not_heard_and_not_kept() {
        let odd = preference("?lang=xx&lang2=es", "lang=%3Bes", "xx");
        assert_eq!(odd.language(Some(Spanish)), Spanish);
        assert!(odd.said().is_none() && odd.cookie("/s/x".into(), true).is_none());
    }

    #[test]
    fn a_choice_is_kept_until_the_browser_closes_for_this_link_alone() {
        let chosen = preference("?then=end&lang=es", "", "");
        let cookie = chosen.cookie("/s/x".into(), true).unwrap().to_string();
        assert_eq!(cookie, "lang=es; HttpOnly; SameSite=Lax; Secure; Path=/s/x");
        assert!(
            preference("?lang=es", "lang=es", "")
                .cookie("/s/x".into(), true)
                .is_none()
        );
    }
}

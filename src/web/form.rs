//! Reading a form's body: at most 64 KiB, within a deadline (the server itself has none for bodies), UTF-8, each field once.

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// The largest form: a PCL-5 in the compact layout is under 1 KiB.
const MOST_BYTES: usize = 64 * 1024;
/// How long a body may take to arrive.
const DEADLINE: Duration = Duration::from_secs(20);
/// The most fields a form of ours has.
const MOST_FIELDS: usize = 400;

/// The fields of a form, in the order they came; no name twice unless it is meant to be.
#[derive(Debug, Clone, Default)]
pub struct Fields(Vec<(String, String)>);

/// Why a form could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormTrouble {
    /// Over the size or field limit.
    TooLarge,
    /// It did not arrive in time.
    TooSlow,
    /// Not a form, or not UTF-8.
    Unreadable,
}

impl std::fmt::Display for FormTrouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            FormTrouble::TooLarge => "the form is too large",
            FormTrouble::TooSlow => "the form did not arrive in time",
            FormTrouble::Unreadable => "the form could not be read",
        })
    }
}

impl actix_web::ResponseError for FormTrouble {
    fn status_code(&self) -> actix_web::http::StatusCode {
        use actix_web::http::StatusCode;
        match self {
            FormTrouble::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            FormTrouble::TooSlow => StatusCode::REQUEST_TIMEOUT,
            FormTrouble::Unreadable => StatusCode::BAD_REQUEST,
        }
    }
    fn error_response(&self) -> actix_web::HttpResponse {
        super::errors::plain(
            self.status_code(),
            "That did not arrive whole. Go back and try once more.",
        )
    }
}

impl Fields {
    /// The only value of a field; empty when it is not there.
    pub fn one(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }

    /// Every field as it came.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether a field is there.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// All values of a field that may come several times (check boxes).
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Every field.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Reads a body.
    ///
    /// # Errors
    /// When it is not UTF-8 or has too many fields.
    pub fn parse(body: &[u8]) -> Result<Fields, FormTrouble> {
        let fields: Vec<_> = serde_urlencoded(body)?;
        if fields.len() > MOST_FIELDS {
            Err(FormTrouble::TooLarge)
        } else {
            Ok(Fields(fields))
        }
    }
}

/// Percent-decoding that refuses bytes that are not UTF-8 instead of replacing them.
fn serde_urlencoded(body: &[u8]) -> Result<Vec<(String, String)>, FormTrouble> {
    body.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            Ok((
                decode(halves.next().unwrap_or_default())?,
                decode(halves.next().unwrap_or_default())?,
            ))
        })
        .collect()
}

fn decode(text: &[u8]) -> Result<String, FormTrouble> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = rest
                    .next()
                    .zip(rest.next())
                    .and_then(|(high, low)| Some((hex(high)?, hex(low)?)));
                let (high, low) = digits.ok_or(FormTrouble::Unreadable)?;
                high * 16 + low
            }
            other => other,
        });
    }
    if bytes.contains(&0) {
        return Err(FormTrouble::Unreadable);
    }
    String::from_utf8(bytes).map_err(|_| FormTrouble::Unreadable)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

impl FromRequest for Fields {
    type Error = FormTrouble;
    type Future = Pin<Box<dyn Future<Output = Result<Fields, FormTrouble>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_form = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
        let body = actix_web::web::Bytes::from_request(request, payload);
        Box::pin(async move {
            let body = tokio::time::timeout(DEADLINE, body)
                .await
                .map_err(|_| FormTrouble::TooSlow)?
                .map_err(
                    |error| match error.as_response_error().status_code().as_u16() {
                        413 => FormTrouble::TooLarge,
                        _ => FormTrouble::Unreadable,
                    },
                )?;
            // A button without a name posts an empty body, with or without a type.
            if !is_form && !body.is_empty() {
                return Err(FormTrouble::Unreadable);
            }
            Fields::parse(&body)
        })
    }
}

/// The limit that the server enforces while reading a body.
pub fn body_limit() -> actix_web::web::PayloadConfig {
    actix_web::web::PayloadConfig::new(MOST_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_and_found() {
        let fields = Fields::parse(b"q1=0&note=a+b%21%C3%A9&q2=").unwrap();
        assert_eq!(
            (fields.one("q1"), fields.one("note"), fields.one("q2")),
            ("0", "a b!é", "")
        );
        assert!(fields.has("q2") && !fields.has("q3"));
        let ticks = Fields::parse(b"q1=0&q1=3").unwrap();
        assert_eq!(ticks.all("q1").collect::<Vec<_>>(), ["0", "3"]);
    }

    #[test]
    fn bytes_that_are_not_text_are_refused() {
        for body in [&b"q=%ff"[..], b"q=%0", b"q=%zz", b"q=%00", b"q=\xff"] {
            assert_eq!(Fields::parse(body).unwrap_err(), FormTrouble::Unreadable);
        }
        assert_eq!(
            Fields::parse("a=1&".repeat(401).as_bytes()).unwrap_err(),
            FormTrouble::TooLarge
        );
    }
}

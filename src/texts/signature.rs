//! Whether a request that says it comes from the gateway does: it signs the address and the fields with the account's secret (HMAC-SHA1 over the address
//! followed by each field's name and value, sorted by name, in base64, header `X-Twilio-Signature`). The digest is the gateway's choice, not ours.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// Whether `signature` is what the account's secret makes of this request.
pub fn is_signed(secret: &str, address: &str, fields: &[(&str, &str)], signature: &str) -> bool {
    let Ok(claimed) = STANDARD.decode(signature) else {
        return false;
    };
    digest(secret, address, fields)
        .verify_slice(&claimed)
        .is_ok()
}

fn digest(secret: &str, address: &str, fields: &[(&str, &str)]) -> Hmac<Sha1> {
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let mut mac =
        Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("a key of any length will do");
    mac.update(address.as_bytes());
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "https://forms.example.org/texts/incoming";

    #[test]
    fn a_signed_request_is_known_and_any_change_shows() {
        let fields = [
            ("To", "+15550100100"),
            ("From", "+15550100199"),
            ("Body", "STOP"),
        ];
        let signature = STANDARD.encode(digest("secret", ADDRESS, &fields).finalize().into_bytes());
        assert!(is_signed("secret", ADDRESS, &fields, &signature));
        let mut turned = fields;
        turned.reverse();
        assert!(
            is_signed("secret", ADDRESS, &turned, &signature),
            "the order of fields does not count"
        );
        assert!(!is_signed("other", ADDRESS, &fields, &signature));
        assert!(!is_signed(
            "secret",
            "https://forms.example.org/other",
            &fields,
            &signature
        ));
        assert!(!is_signed("secret", ADDRESS, &fields[..2], &signature));
        assert!(!is_signed("secret", ADDRESS, &fields, "no base64!"));
    }
}

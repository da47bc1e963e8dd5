//! The settings of a gateway for text messages.

use super::{BadSetting, bad, is_loopback};

/// A gateway for text messages.
#[derive(Clone, PartialEq, Eq)]
pub struct TextGateway {
    /// Scheme, host and port, without a slash at the end.
    pub url: String,
    /// The account.
    pub account: String,
    /// Its secret; also signs what the gateway sends us.
    pub secret: String,
    /// The sending number, or the id of a messaging service.
    pub from: String,
}

impl std::fmt::Debug for TextGateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} from {}", self.url, self.from)
    }
}

impl TextGateway {
    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        let host = self.url.rsplit('/').next().unwrap_or_default();
        is_loopback(host_name(host))
    }
}

/// The host without its port.
fn host_name(host: &str) -> &str {
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

/// Reads the gateway's address with account and secret, and the sender; both or neither.
pub(super) fn read(
    url: Option<&str>,
    from: Option<&str>,
) -> Result<Option<TextGateway>, BadSetting> {
    match (url, from) {
        (None, None) => Ok(None),
        (Some(url), Some(from)) => Ok(Some(TextGateway {
            from: sender(from)?,
            ..address(url)?
        })),
        (None, Some(from)) => Err(bad(
            "TEXT_URL",
            "nothing",
            &format!("the gateway that sends from {from}"),
        )),
        (Some(_), None) => Err(bad("TEXT_FROM", "nothing", SENDER)),
    }
}

const SENDER: &str =
    "the sending number such as +15550100100, or the id of a messaging service (MG…)";

fn sender(text: &str) -> Result<String, BadSetting> {
    let number = text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
    });
    let service = text.len() == 34
        && text.starts_with("MG")
        && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if number || service {
        Ok(text.to_owned())
    } else {
        Err(bad("TEXT_FROM", text, SENDER))
    }
}

fn address(text: &str) -> Result<TextGateway, BadSetting> {
    let wanted = || bad("TEXT_URL", text, "https://ACCOUNT:SECRET@host");
    let (scheme, rest) = text.split_once("://").ok_or_else(wanted)?;
    let (login, host) = rest.rsplit_once('@').ok_or_else(wanted)?;
    let (account, secret) = login.split_once(':').ok_or_else(wanted)?;
    let host = host.trim_end_matches('/');
    let safe = scheme == "https" || (scheme == "http" && is_loopback(host_name(host)));
    let plain = |text: &str, beside: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || beside.as_bytes().contains(&b))
    };
    if !safe || !plain(host, ".-:") || !plain(account, "_-") || !plain(secret, "_-") {
        return Err(wanted());
    }
    Ok(TextGateway {
        url: format!("{scheme}://{host}"),
        account: account.to_owned(),
        secret: secret.to_owned(),
        from: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_has_an_address_a_login_and_a_sender() {
        let known = read(
            Some("https://AC1:s3cret@api.example.org/"),
            Some("+15550100100"),
        )
        .unwrap()
        .unwrap();
        assert_eq!(
            (known.url.as_str(), known.account.as_str()),
            ("https://api.example.org", "AC1")
        );
        assert!(!format!("{known:?}").contains("s3cret"));
        assert_eq!(read(None, None), Ok(None));
    }

    #[test]
    fn half_a_gateway_and_one_in_the_clear_are_refused_without_the_secret() {
        for (url, from) in [
            (Some("https://AC1:s3cret@api.example.org"), None),
            (
                Some("http://AC1:s3cret@api.example.org"),
                Some("+15550100100"),
            ),
            (Some("https://api.example.org"), Some("+15550100100")),
            (Some("https://AC1:s3cret@api.example.org"), Some("Harbor")),
            (None, Some("+15550100100")),
        ] {
            let error = read(url, from).unwrap_err().to_string();
            assert!(
                error.contains("ATTUNE_TEXT_") && !error.contains("s3cret"),
                "{error}"
            );
        }
    }
}

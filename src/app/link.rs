//! Links and other secrets: a patient's token is derived from the link's id under the site's key, so that a retried mail carries the same link
//! while the database alone yields none. Only hashes are stored.

use crate::domain::ids::LinkId;
use crate::store::Seal;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// What a patient's link holds: 256 bits as 43 letters.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The token of this link.
    pub fn of(seal: &Seal, link: LinkId) -> Token {
        Token::of_digest(seal.digest("patient link", &[link.bytes()]))
    }

    /// The token that stands for a keyed digest.
    pub fn of_digest(digest: [u8; 32]) -> Token {
        Token(URL_SAFE_NO_PAD.encode(digest))
    }

    /// A fresh random secret, for sign-ins and set-up links.
    pub fn random() -> Token {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        Token(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The token in an address or cookie; `None` when it cannot be one.
    pub fn parse(text: &str) -> Option<Token> {
        let plausible = text.len() == 43
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        plausible.then(|| Token(text.to_owned()))
    }

    /// What is stored and looked up.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// The token itself: only for a link or cookie on its way to its owner.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

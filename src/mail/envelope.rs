//! The envelope sender of a message of its own: `bounces+TOKEN@example.org`. A notice that comes back to it names the message, and the token's keyed
//! digest keeps strangers from making one up. Reading notices is `bounce`.

use crate::domain::ids::OutboxId;
use crate::store::Seal;

/// Digits of the id and of the digest.
const ID_DIGITS: usize = 32;
const MAC_DIGITS: usize = 16;
/// Longest part of an address before the `@` (RFC 5321).
const LOCAL_MOST: usize = 64;

/// The address below which every message gets its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnAddress {
    local: String,
    domain: String,
}

impl ReturnAddress {
    /// Reads `bounces@example.org`; `None` when it is no address, or has no room for a token.
    pub fn parse(text: &str) -> Option<ReturnAddress> {
        let address: lettre::Address = text.parse().ok()?;
        let local = address.user().to_owned();
        let room = local.len() + 1 + ID_DIGITS + MAC_DIGITS <= LOCAL_MOST;
        (room && !local.contains('+') && text.is_ascii()).then(|| ReturnAddress {
            domain: address.domain().to_owned(),
            local,
        })
    }

    /// The address with this token.
    pub fn with(&self, token: &str) -> String {
        format!("{}+{token}@{}", self.local, self.domain)
    }
}

impl std::fmt::Display for ReturnAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

/// The token of a message: its id and a keyed digest, in digits that survive a change of case.
pub fn token(seal: &Seal, id: OutboxId) -> String {
    let mut digits = hex(id.bytes());
    digits.push_str(&mac(seal, id));
    digits
}

/// The message that an address such as `bounces+TOKEN@example.org` names, if the token is one of ours.
pub fn message_of(seal: &Seal, address: &str) -> Option<OutboxId> {
    let (local, _) = address.rsplit_once('@')?;
    let (_, token) = local.rsplit_once('+')?;
    let token = token.to_ascii_lowercase();
    if token.len() != ID_DIGITS + MAC_DIGITS || !token.is_ascii() {
        return None;
    }
    let (id, given) = token.split_at(ID_DIGITS);
    let id = OutboxId::from_bytes(&unhex(id)?)?;
    let known = mac(seal, id);
    let same: bool = subtle::ConstantTimeEq::ct_eq(known.as_bytes(), given.as_bytes()).into();
    same.then_some(id)
}

fn mac(seal: &Seal, id: OutboxId) -> String {
    let digest = seal.digest("bounce address", &[id.bytes()]);
    let mut digits = hex(&digest);
    digits.truncate(MAC_DIGITS);
    digits
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> OutboxId {
        OutboxId::from_bytes(&[7; 16]).unwrap()
    }

    #[test]
    fn a_token_names_its_message_in_any_case_and_nobody_can_make_one_up() {
        let (seal, other) = (Seal::new([1; 32]), Seal::new([2; 32]));
        let bounces = ReturnAddress::parse("bounces@example.org").unwrap();
        let address = bounces.with(&token(&seal, id()));
        assert_eq!(message_of(&seal, &address), Some(id()));
        assert_eq!(message_of(&seal, &address.to_uppercase()), Some(id()));
        assert_eq!(message_of(&other, &address), None);
        let forged = bounces.with(&format!("{}{}", hex(&[7; 16]), "0".repeat(16)));
        for wrong in [
            forged.as_str(),
            "bounces@example.org",
            "bounces+@x",
            "",
            "a+é@x",
        ] {
            assert_eq!(message_of(&seal, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_address_without_room_for_a_token_is_none() {
        assert!(ReturnAddress::parse("bounces@example.org").is_some());
        for wrong in [
            "bounces",
            "returned-mail-of-us@example.org",
            "a+b@example.org",
            "a b@x",
            "é@example.org",
        ] {
            assert_eq!(ReturnAddress::parse(wrong), None, "{wrong}");
        }
        let longest = ReturnAddress::parse("bounces-of-mail@example.org").unwrap();
        let address = longest.with(&token(&Seal::new([1; 32]), id()));
        assert!(address.split('@').next().unwrap().len() <= LOCAL_MOST);
    }
}

//! The operator's key, and the tokens with which generators prove which of a cell's they are.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use throughput_model::cell::CellAddress;

/// The operator's key: all tokens are made with it, and claims are signed with it. It never leaves the operator and its
/// Secret.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenKey(Vec<u8>);

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TokenKey(…)")
    }
}

impl TokenKey {
    /// The length of a key, in bytes.
    pub const BYTES: usize = 32;

    /// A key of these bytes; `None` when they are too few.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() >= Self::BYTES).then_some(Self(bytes))
    }

    /// Its bytes, to be stored.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The token of one generator of an attempt at a cell. The same every time, so that a restarted operator knows
    /// it again.
    pub fn token(&self, address: &CellAddress, index: u32) -> String {
        self.signature(&of_token(address, index))
    }

    /// Whether this is the token of the generator; takes the same time whatever is wrong with it.
    pub fn accepts(&self, address: &CellAddress, index: u32, token: &str) -> bool {
        self.has_signed(&of_token(address, index), token)
    }

    /// The signature of a text, which begins with what it is a text of: no two kinds have a text in common.
    pub fn signature(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(text).finalize().into_bytes())
    }

    /// Whether this is the signature of the text; takes the same time whatever is wrong with it.
    pub fn has_signed(&self, text: &str, signature: &str) -> bool {
        URL_SAFE_NO_PAD.decode(signature).is_ok_and(|bytes| self.mac(text).verify_slice(&bytes).is_ok())
    }

    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    fn mac(&self, text: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any length");
        mac.update(text.as_bytes());
        mac
    }
}

/// What a token is the signature of. It begins with a UID, which has no line break.
fn of_token(address: &CellAddress, index: u32) -> String {
    let CellAddress { test_uid, cell, attempt } = address;
    format!("{test_uid}/{cell}/{attempt}/{index}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(cell: u32) -> CellAddress {
        CellAddress { test_uid: "uid".to_owned(), cell, attempt: 1 }
    }

    #[test]
    fn a_token_opens_its_own_generators_door_and_no_other() {
        let key = TokenKey::new(vec![7; 32]).unwrap();
        let token = key.token(&address(0), 0);
        assert!(key.accepts(&address(0), 0, &token));
        assert!(!key.accepts(&address(0), 1, &token));
        assert!(!key.accepts(&address(1), 0, &token));
        assert!(!key.accepts(&address(0), 0, "no token"));
        assert!(!TokenKey::new(vec![8; 32]).unwrap().accepts(&address(0), 0, &token));
    }

    #[test]
    fn a_short_key_is_no_key() {
        assert!(TokenKey::new(vec![7; 31]).is_none());
    }
}

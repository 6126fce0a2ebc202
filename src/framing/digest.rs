//! An MD5 as the pages send it (RFC 1321). It finds accidents, not attackers (RFC 6151).

pub use super::md5::Md5;
use crate::text::hex::hex;
pub use digest::Digest;

/// The digest of bytes in memory: 32 lower-case hexadecimal digits.
pub fn md5_hex(bytes: &[u8]) -> String {
    hex(Md5::digest(bytes))
}

/// The digits of a digest that was fed piece by piece.
pub fn hex_digits(digest: Md5) -> String {
    hex(digest.finalize())
}

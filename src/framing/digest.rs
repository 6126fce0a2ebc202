//! An MD5 as the pages send it (RFC 1321). It finds accidents, not attackers (RFC 6151).

use crate::text::hex::hex;
use md5::{Digest, Md5};

/// The digest of bytes in memory: 32 lower-case hexadecimal digits.
pub fn md5_hex(bytes: &[u8]) -> String {
    hex(Md5::digest(bytes))
}

/// The digits of a digest that was fed piece by piece.
pub fn hex_digits(digest: Md5) -> String {
    hex(digest.finalize())
}

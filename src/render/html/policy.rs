//! The content security policy of a page: its own style and its own script, by their digests, and nothing else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

fn digest(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

/// The policy (W3C Content Security Policy Level 3). Pictures made for copying are data of the page itself.
pub(super) fn policy(css: &str, script: &str) -> String {
    let (css, script) = (digest(css), digest(script));
    format!(
        "default-src 'none'; style-src {css}; script-src {script}; img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_what_browsers_compute() {
        // The example of the specification, §2.3.1: alert('Hello, world.');
        assert_eq!(digest("alert('Hello, world.');"), "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='");
    }
}

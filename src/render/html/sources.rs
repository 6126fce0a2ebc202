//! Where a source is written: `RFC 9293 §3.7.4; recv(2)` with a link for each.

use crate::text::escaped;
use maud::{Markup, html};

const BEEJ: &str = "https://beej.us/guide/bgnet/html/split/slightly-advanced-techniques.html";
const PYTHON: &str = "https://docs.python.org/3/library";

/// Names of sources, each with a link to where it is written, as far as that is known.
pub(super) fn sources(source: &str) -> Markup {
    let mut rfc = "";
    let parts = source.split_inclusive([';', ',']).map(|part| {
        let name = part.trim_end_matches([';', ',']).trim();
        if let Some(number) = name.strip_prefix("RFC ") {
            rfc = number.split(' ').next().unwrap_or_default();
        }
        (name, &part[part.trim_end_matches([';', ',']).len()..], address(name, rfc))
    });
    html! {
        @for (name, end, url) in parts {
            @match url { Some(url) => a href=(url) rel="noreferrer" { (escaped(name)) }, None => (escaped(name)), }
            (end) " "
        }
    }
}

/// `RFC 9293 §3.7.4`, `§3.10.7.4` of the same, `recv(2)`, `Beej's Guide §7.6`, `Python struct`, `CWE-22`.
fn address(source: &str, rfc: &str) -> Option<String> {
    let number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let place = |name: &str| match name.split_once('§') {
        Some((_, section)) => format!("#section-{section}"),
        None => name.split_once("App. ").map(|(_, letter)| format!("#appendix-{letter}")).unwrap_or_default(),
    };
    if (source.starts_with("RFC ") || source.starts_with('§')) && number(rfc) {
        return Some(format!("https://www.rfc-editor.org/rfc/rfc{rfc}{}", place(source)));
    }
    match source {
        "Beej's Guide §7.4" => return Some(format!("{BEEJ}#sendall")),
        "Beej's Guide §7.6" => return Some(format!("{BEEJ}#sonofdataencap")),
        "Python struct" => return Some(format!("{PYTHON}/struct.html")),
        "Python str.encode" => return Some(format!("{PYTHON}/stdtypes.html#str.encode")),
        "Python socketserver.ThreadingMixIn" => {
            return Some(format!("{PYTHON}/socketserver.html#socketserver.ThreadingMixIn"));
        }
        _ => {}
    }
    if let Some(weakness) = source.strip_prefix("CWE-").filter(|digits| number(digits)) {
        return Some(format!("https://cwe.mitre.org/data/definitions/{weakness}.html"));
    }
    if source.starts_with("draft-") && source.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Some(format!("https://datatracker.ietf.org/doc/html/{source}"));
    }
    let (page, section) = source.strip_suffix(')')?.split_once('(')?;
    let known = page.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && number(section) && section.len() == 1;
    known.then(|| format!("https://man7.org/linux/man-pages/man{section}/{page}.{section}.html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_leads_to_where_it_is_written() {
        let page =
            sources("RFC 9293 §3.4, §3.10.7.4; RFC 791 App. B; recv(2); Beej's Guide §7.6; CWE-22").into_string();
        let links: Vec<&str> = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(
            links,
            [
                "https://www.rfc-editor.org/rfc/rfc9293#section-3.4",
                "https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4",
                "https://www.rfc-editor.org/rfc/rfc791#appendix-B",
                "https://man7.org/linux/man-pages/man2/recv.2.html",
                "https://beej.us/guide/bgnet/html/split/slightly-advanced-techniques.html#sonofdataencap",
                "https://cwe.mitre.org/data/definitions/22.html",
            ]
        );
    }

    #[test]
    fn what_is_no_address_makes_none() {
        for source in ["", "RFC x\" onclick=", "recv(2x)", "../x(2)", "Stevens, §8.9", "CWE-", "draft-a/b"] {
            assert!(!sources(source).into_string().contains("href"), "{source}");
        }
    }
}

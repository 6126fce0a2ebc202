//! A JSON header behind its own length: i32le length of the JSON, the JSON, the body whose size it names.
//!
//! The header is readable and can carry more than a size (a file's name); the price is a parser and
//! a second length. Its bytes are those of Python's `json.dumps` (RFC 8259), so that both sides of a
//! page can be exchanged for this one.

use super::{Fault, Framing, I32_LE, Kind, Layout, Limits, Look};
use crate::say;
use crate::text::harmless::shortened;
use crate::text::{Text, grouped};
use serde_json::{Map, Value};
use std::fmt::Write;

/// The field that holds the body's size, in bytes.
pub const DATA_SIZE: &str = "data_size";

/// The framing `json`: a header `{"data_size": n}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json;

impl Framing for Json {
    fn kind(&self) -> Kind {
        Kind::Json
    }

    fn look(&self, bytes: &[u8], limits: &Limits) -> Result<Look, Fault> {
        let prefix = I32_LE.width();
        let Layout { body: length, .. } = match I32_LE.look(bytes, &Limits { body: limits.header, ..*limits })? {
            Look::Known(layout) => layout,
            short => return Ok(short),
        };
        let after = &bytes[prefix..];
        match after.get(..length) {
            None => Ok(Look::Short(length - after.len())),
            Some(json) => {
                let body = size(&parse(json)?, DATA_SIZE, limits.body)?;
                Ok(Look::Known(Layout::of(prefix.saturating_add(length), body)))
            }
        }
    }

    fn header(&self, body: &[u8]) -> Result<Vec<u8>, Fault> {
        pack(&serde_json::json!({ DATA_SIZE: body.len() }))
    }
}

/// A header as it goes on the wire: its i32le length, then the JSON.
///
/// # Errors
/// [`Fault::TooLong`] for more than 2 GiB of JSON.
pub fn pack(header: &Value) -> Result<Vec<u8>, Fault> {
    let json = dumps(header);
    let mut bytes = I32_LE.pack(json.len() as u64)?;
    bytes.extend_from_slice(json.as_bytes());
    Ok(bytes)
}

/// The fields of a header, without its length.
///
/// # Errors
/// [`Fault::Syntax`] when the bytes are not a JSON object.
pub fn parse(json: &[u8]) -> Result<Map<String, Value>, Fault> {
    match serde_json::from_slice(json) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Fault::Syntax(Text::new("the header is JSON but no object", "报头是 JSON，但不是对象"))),
        Err(error) => {
            let at = error.column();
            let shown = start(json);
            if error.to_string().contains("surrogate") {
                return Err(Fault::Syntax(say!(
                    "the header holds half a character, up to its byte {at}: Python writes \\udcff for a byte that is not UTF-8",
                    "报头到第 {at} 字节为止是半个字符：Python 把不是 UTF-8 的字节写成 \\udcff"
                )));
            }
            Err(Fault::Syntax(say!(
                "the header is not JSON at its byte {at}: {shown}",
                "报头第 {at} 字节处不是 JSON：{shown}"
            )))
        }
    }
}

/// 2 to the power of 63: a JSON number from here on is kept as a rounded one.
const TOO_LARGE: f64 = 9_223_372_036_854_775_808.0;

/// A field that counts bytes, at most `limit`.
///
/// # Errors
/// [`Fault::Negative`], [`Fault::Oversize`], or [`Fault::Syntax`] when it is missing or no whole number.
pub fn size(fields: &Map<String, Value>, name: &str, limit: usize) -> Result<usize, Fault> {
    let value = field(fields, name)?;
    let source = || Text::same(format!("\"{name}\""));
    match (value.as_u64(), value.as_i64()) {
        (Some(n), _) => match usize::try_from(n) {
            Ok(size) if size <= limit => Ok(size),
            _ => Err(Fault::Oversize { source: source(), value: n, limit: limit as u64 }),
        },
        (None, Some(value)) => Err(Fault::Negative { source: source(), value }),
        (None, None) if value.as_f64().is_some_and(|n| n.abs() >= TOO_LARGE) => {
            let limit = grouped(limit);
            Err(Fault::Syntax(say!(
                "\"{name}\" has more than 64 bits: over the limit of {limit}",
                "\"{name}\" 超过 64 位：超过上限 {limit}"
            )))
        }
        (None, None) => {
            let shown = start(value.to_string().as_bytes());
            Err(Fault::Syntax(say!("\"{name}\" is no whole number: {shown}", "\"{name}\" 不是整数：{shown}")))
        }
    }
}

/// A field that holds text.
///
/// # Errors
/// [`Fault::Syntax`] when it is missing or no text.
pub fn text<'f>(fields: &'f Map<String, Value>, name: &str) -> Result<&'f str, Fault> {
    field(fields, name)?.as_str().ok_or_else(|| Fault::Syntax(say!("\"{name}\" is no text", "\"{name}\" 不是文本")))
}

fn field<'f>(fields: &'f Map<String, Value>, name: &str) -> Result<&'f Value, Fault> {
    fields.get(name).ok_or_else(|| Fault::Syntax(say!("the header has no \"{name}\"", "报头没有 \"{name}\"")))
}

/// The start of a header, for a message to the reader.
fn start(json: &[u8]) -> String {
    shortened(&String::from_utf8_lossy(json), 40)
}

/// What Python's `json.dumps` writes: a space after each colon and comma, and only ASCII (`\u4e13`).
/// (Numbers with an exponent may be spelt otherwise; no header of the pages has any.)
pub fn dumps(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value);
    out
}

fn write(out: &mut String, value: &Value) {
    match value {
        Value::Object(fields) => {
            joined(out, ['{', '}'], fields, |out, (name, value)| {
                write_text(out, name);
                out.push_str(": ");
                write(out, value);
            });
        }
        Value::Array(items) => joined(out, ['[', ']'], items, write),
        Value::String(text) => write_text(out, text),
        plain => out.push_str(&plain.to_string()),
    }
}

fn joined<T>(out: &mut String, [open, close]: [char; 2], items: impl IntoIterator<Item = T>, one: fn(&mut String, T)) {
    out.push(open);
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        one(out, item);
    }
    out.push(close);
}

fn write_text(out: &mut String, text: &str) {
    // The escapes for quotes and control characters are the same in both; the rest is left to do here.
    for c in Value::from(text).to_string().chars() {
        if matches!(c, ' '..='~') {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_header_has_the_bytes_that_python_writes() {
        assert_eq!(Json.header(&[0; 1234]).unwrap(), b"\x13\0\0\0{\"data_size\": 1234}");
        assert_eq!(Json.frame(b"hi").unwrap(), b"\x10\0\0\0{\"data_size\": 2}hi");
        let put = json!({"cmd": "put", "filename": "专题海报.jpg", "filesize": 250_000});
        assert_eq!(
            dumps(&put),
            "{\"cmd\": \"put\", \"filename\": \"\\u4e13\\u9898\\u6d77\\u62a5.jpg\", \"filesize\": 250000}"
        );
    }

    /// Each right side was printed by Python 3's json.dumps.
    #[test]
    fn dumps_is_pythons() {
        for (value, python) in [
            (json!({}), "{}"),
            (json!([]), "[]"),
            (json!([1, -2, true, null, "a"]), "[1, -2, true, null, \"a\"]"),
            (json!({"a": {"b": [1, 2]}, "c": 1.5}), "{\"a\": {\"b\": [1, 2]}, \"c\": 1.5}"),
            (json!("\"\\/\u{8}\u{c}\n\r\t\u{1}\u{7f}"), "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u007f\""),
            (json!("é\u{2028}😀"), "\"\\u00e9\\u2028\\ud83d\\ude00\""),
        ] {
            assert_eq!(dumps(&value), python);
            assert_eq!(serde_json::from_str::<Value>(python).unwrap(), value);
        }
    }

    #[test]
    fn looking_says_how_much_is_missing() {
        let bytes = Json.frame(b"hello").unwrap();
        let header = bytes.len() - 5;
        let limits = Limits::default();
        for have in 0..header {
            let missing = if have < 4 { 4 - have } else { header - have };
            assert_eq!(Json.look(&bytes[..have], &limits), Ok(Look::Short(missing)));
        }
        assert_eq!(Json.look(&bytes, &limits), Ok(Look::Known(Layout::of(header, 5))));
    }

    #[test]
    fn each_kind_of_bad_header_is_told_apart() {
        let look = |json: &str| {
            let mut bytes = I32_LE.pack(json.len() as u64).unwrap();
            bytes.extend_from_slice(json.as_bytes());
            Json.look(&bytes, &Limits { header: 60, body: 1000 }).map_err(|fault| fault.kind())
        };
        assert_eq!(look("{\"data_size\":1000}"), Ok(Look::Known(Layout::of(22, 1000))));
        assert_eq!(look("{\"data_size\": 1001}"), Err("oversize"));
        assert_eq!(look("{\"data_size\": 18446744073709551615}"), Err("oversize"));
        assert_eq!(look("{\"data_size\": -1}"), Err("negative"));
        for bad in
            ["{\"data_size\": 1.5}", "{\"data_size\": 1e30}", "{\"data_size\": \"5\"}", "{}", "[5]", "5", "", "{"]
        {
            assert_eq!(look(bad), Err("syntax"), "{bad}");
        }
        assert_eq!(look(&format!("{{\"data_size\": 1, \"x\": \"{}\"}}", "y".repeat(60))), Err("oversize"));
        assert_eq!(look(&"[".repeat(60)), Err("syntax"));
    }

    #[test]
    fn the_reader_is_shown_what_was_there() {
        let said = |json: &[u8]| parse(json).unwrap_err().text().en.into_owned();
        assert_eq!(said(b"hello"), "the header is not JSON at its byte 1: hello");
        assert_eq!(said(b"\x1b[2J\xff"), "the header is not JSON at its byte 1: \\u{1b}[2J\u{fffd}");
        assert_eq!(said(b"7"), "the header is JSON but no object");
        let large = parse(b"{\"n\": 18446744073709551616}").unwrap();
        let said = size(&large, "n", 1000).unwrap_err().text().en.into_owned();
        assert_eq!(said, "\"n\" has more than 64 bits: over the limit of 1,000");
    }
}

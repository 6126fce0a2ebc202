//! An upload's header in both of the documents' spellings, read without believing any of it.

use crate::framing::{Fault, json};
use crate::programs::Spelling;
use crate::say;
use crate::sys::filename::FileName;
use crate::text::harmless::shortened;
use crate::text::{Text, grouped};
use serde_json::{Map, Value};
use std::path::Path;

/// The field that announces a digest, and asks for receipts.
const MD5: &str = "md5";

/// What that field says when the digest comes behind the body.
const FOLLOWS: &str = "follows";

/// What an upload's header announces, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The file's name: a plain one.
    pub name: FileName,
    /// How many bytes follow.
    pub size: u64,
    /// What it says about a digest.
    pub promise: Promise,
}

/// How the digest of an upload comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Not at all: a document's client, which reads no receipts either.
    Nothing,
    /// In the header, 32 lower-case hexadecimal digits.
    Digest(String),
    /// In a frame of its own behind the body.
    Follows,
}

/// A header that is refused, and what can be told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderRefusal {
    /// The name as it was sent; empty when there is none.
    pub name: String,
    /// How many bytes follow, if it says so.
    pub size: Option<u64>,
    /// True when the client reads receipts.
    pub receipts: bool,
    /// Why.
    pub why: Text,
}

/// Reads a header's JSON, and refuses what may not be stored.
///
/// # Errors
/// Why it is refused.
pub fn parse(bytes: &[u8], largest: u64) -> Result<Upload, HeaderRefusal> {
    let nothing = |fault: Fault| HeaderRefusal { name: String::new(), size: None, receipts: false, why: fault.text() };
    let fields = json::parse(bytes).map_err(nothing)?;
    let (name, size) = names(&fields);
    let refuse = |why: Text| HeaderRefusal {
        name: fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned(),
        size: fields.get(size).and_then(Value::as_u64),
        receipts: fields.contains_key(MD5),
        why,
    };
    command(&fields).map_err(refuse)?;
    let limit = usize::try_from(largest).unwrap_or(usize::MAX);
    let announced = json::size(&fields, size, limit).map_err(|fault| refuse(too_large(fault, largest)))?;
    let promise = promise(&fields).map_err(refuse)?;
    let text = json::text(&fields, name).map_err(|fault| refuse(fault.text()))?;
    let file = FileName::parse(text).map_err(refuse)?;
    Ok(Upload { name: file, size: announced as u64, promise })
}

/// The names of the two fields, in the spelling that this header has.
fn names(fields: &Map<String, Value>) -> (&'static str, &'static str) {
    if fields.contains_key("fileName") { ("fileName", "fileSize") } else { ("filename", "filesize") }
}

/// D0's header has no command; what has one must mean an upload, in one spelling.
fn command(fields: &Map<String, Value>) -> Result<(), Text> {
    let both = fields.contains_key("fileName") && fields.contains_key("filename");
    match fields.get("cmd") {
        _ if both => Err(Text::new(
            "the header names two files: filename and fileName",
            "报头写了两个文件名：filename 和 fileName",
        )),
        Some(Value::String(cmd)) if cmd == "put" => Ok(()),
        None if fields.contains_key("fileName") => Ok(()),
        None => Err(Text::new("the header has no \"cmd\"", "报头没有 \"cmd\"")),
        Some(other) => {
            let other = shortened(&other.to_string(), 40);
            Err(say!("unknown command {other}: only \"put\" is served", "未知命令 {other}：这里只有 \"put\""))
        }
    }
}

fn too_large(fault: Fault, largest: u64) -> Text {
    match fault {
        Fault::Oversize { value, .. } => {
            let (value, largest) = (grouped(value), grouped(largest));
            say!(
                "{value} bytes are more than this server takes (--max-file: {largest})",
                "{value} 字节超过本服务器的上限（--max-file：{largest}）"
            )
        }
        other => other.text(),
    }
}

fn promise(fields: &Map<String, Value>) -> Result<Promise, Text> {
    match fields.get(MD5).map(Value::as_str) {
        None => Ok(Promise::Nothing),
        Some(Some(FOLLOWS)) => Ok(Promise::Follows),
        Some(Some(hex)) => digest(hex).map(Promise::Digest),
        Some(None) => Err(not_a_digest()),
    }
}

/// A digest that came as text: 32 hexadecimal digits of either case.
///
/// # Errors
/// That it is none.
pub fn digest(hex: &str) -> Result<String, Text> {
    let plain = hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    if plain { Ok(hex.to_ascii_lowercase()) } else { Err(not_a_digest()) }
}

fn not_a_digest() -> Text {
    Text::new("the MD5 is not 32 hexadecimal digits", "MD5 不是 32 个十六进制数字")
}

/// A header as it goes on the wire; `place` is where the client has the file, which D0 tells its server.
///
/// # Errors
/// When the header is longer than its length field can say.
pub fn write(spelling: Spelling, place: &Path, upload: &Upload) -> Result<Vec<u8>, Fault> {
    let (name, size) = (upload.name.as_str(), upload.size);
    let folder = place.parent().map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default();
    let mut header = match spelling {
        Spelling::D1 => serde_json::json!({ "cmd": "put", "filename": name, "filesize": size }),
        Spelling::D0 => serde_json::json!({ "filePath": folder, "fileName": name, "fileSize": size }),
    };
    match &upload.promise {
        Promise::Nothing => {}
        Promise::Digest(hex) => header[MD5] = hex.as_str().into(),
        Promise::Follows => header[MD5] = FOLLOWS.into(),
    }
    json::pack(&header)
}

/// The frame behind a body whose digest follows.
///
/// # Errors
/// Never, in practice: it is short.
pub fn write_digest(md5: &str) -> Result<Vec<u8>, Fault> {
    json::pack(&serde_json::json!({ "cmd": MD5, "md5": md5 }))
}

/// Reads that frame's JSON.
///
/// # Errors
/// When it is something else.
pub fn parse_digest(bytes: &[u8]) -> Result<String, Text> {
    let fields = json::parse(bytes)?;
    if json::text(&fields, "cmd")? != MD5 {
        return Err(Text::new("the digest was due here, and something else came", "这里应是摘要，来的却是别的"));
    }
    digest(json::text(&fields, MD5)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "d41d8cd98f00b204e9800998ecf8427e";

    fn parsed(json: &str) -> Result<Upload, HeaderRefusal> {
        parse(json.as_bytes(), 1000)
    }

    #[test]
    fn both_spellings_have_the_bytes_that_python_writes() {
        let upload = Upload { name: FileName::parse("专题.jpg").unwrap(), size: 7, promise: Promise::Nothing };
        let d1 = write(Spelling::D1, Path::new("a/专题.jpg"), &upload).unwrap();
        assert_eq!(d1[4..], *br#"{"cmd": "put", "filename": "\u4e13\u9898.jpg", "filesize": 7}"#);
        assert_eq!(d1[..4], [d1.len() as u8 - 4, 0, 0, 0]);
        let d0 = write(Spelling::D0, Path::new("a/专题.jpg"), &upload).unwrap();
        assert_eq!(d0[4..], *br#"{"filePath": "a", "fileName": "\u4e13\u9898.jpg", "fileSize": 7}"#);
    }

    #[test]
    fn what_was_written_is_read() {
        for promise in [Promise::Nothing, Promise::Digest(HEX.to_owned()), Promise::Follows] {
            for spelling in [Spelling::D1, Spelling::D0] {
                let upload = Upload { name: FileName::parse("two words").unwrap(), size: 0, promise: promise.clone() };
                let bytes = write(spelling, Path::new("two words"), &upload).unwrap();
                assert_eq!(parse(&bytes[4..], 0), Ok(upload));
            }
        }
        assert_eq!(parse_digest(&write_digest(HEX).unwrap()[4..]), Ok(HEX.to_owned()));
    }

    #[test]
    fn each_bad_header_is_refused_with_its_reason() {
        for (json, why) in [
            ("7", "no object"),
            (r#"{"cmd": "put", "filename": "a", "filesize": -1}"#, "negative"),
            (r#"{"cmd": "put", "filename": "a", "filesize": 1001}"#, "1,001 bytes are more"),
            (r#"{"cmd": "put", "filename": "a", "filesize": "5"}"#, "no whole number"),
            (r#"{"cmd": "put", "filename": "a", "filesize": 1.0}"#, "no whole number"),
            (r#"{"cmd": "put", "filename": 5, "filesize": 5}"#, "no text"),
            (r#"{"cmd": "put", "filename": "../a", "filesize": 5}"#, "another directory"),
            (r#"{"cmd": "put", "filename": "a\u0000b", "filesize": 5}"#, "control characters"),
            (r#"{"cmd": "put", "filename": "a\udcff", "filesize": 5}"#, "half a character, up to its byte 35"),
            (r#"{"cmd": "del", "filename": "a", "filesize": 5}"#, "unknown command \"del\""),
            (r#"{"cmd": ["put"], "filename": "a", "filesize": 5}"#, "unknown command"),
            (r#"{"filename": "a", "filesize": 5}"#, "no \"cmd\""),
            (r#"{"cmd": "put", "filename": "a", "fileName": "b", "filesize": 5, "fileSize": 5}"#, "two files"),
            (r#"{"cmd": "put", "filename": "a", "filesize": 5, "md5": 7}"#, "32 hexadecimal"),
            (r#"{"cmd": "put", "filename": "a", "filesize": 5, "md5": "é"}"#, "32 hexadecimal"),
        ] {
            let refusal = parsed(json).unwrap_err();
            assert!(refusal.why.en.contains(why), "{json}: {}", refusal.why);
        }
    }

    #[test]
    fn a_refusal_knows_who_reads_receipts_and_what_follows() {
        let refusal = parsed(r#"{"fileName": "..", "fileSize": 9, "md5": "follows"}"#).unwrap_err();
        assert_eq!((refusal.name.as_str(), refusal.size, refusal.receipts), ("..", Some(9), true));
        let refusal = parsed(r#"{"cmd": "put", "filename": "a", "filesize": -9}"#).unwrap_err();
        assert_eq!((refusal.name.as_str(), refusal.size, refusal.receipts), ("a", None, false));
    }

    #[test]
    fn digests_of_either_case_are_read_and_nothing_else() {
        assert_eq!(digest(&HEX.to_uppercase()).unwrap(), HEX);
        for bad in ["", &HEX[1..], "d41d8cd98f00b204e9800998ecf8427g", "专专专专专专专专专专"] {
            assert!(digest(bad).is_err(), "{bad}");
        }
    }
}

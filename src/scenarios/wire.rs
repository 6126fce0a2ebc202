//! What the pages that move files share: the announcement of an upload, the request of a download, what is compared.

use crate::claims::Value;
use crate::framing::{I32_LE, json, whole_header};
use crate::net::Conn;
use crate::say;
use crate::sys::filename::FileName;
use crate::text::{Text, grouped};
use serde_json::json;

/// The longest JSON header that is read, in bytes. The pages' have fewer than 100.
pub(super) const MAX_HEADER: usize = 4096;

/// An upload as D1 announces it.
pub(super) struct UploadHeader {
    /// The file's name as it came: not yet checked.
    pub filename: String,
    /// How many bytes follow.
    pub filesize: usize,
    /// The announcement's own bytes.
    pub bytes: Vec<u8>,
}

impl UploadHeader {
    /// The announcement: i32le length, `{"cmd": "put", "filename": s, "filesize": n}`.
    pub fn encode(filename: &str, filesize: usize) -> anyhow::Result<Vec<u8>> {
        let fields = json!({ "cmd": "put", "filename": filename, "filesize": filesize });
        Ok(json::pack(&fields)?)
    }

    /// Reads an announcement; `None` when the client has no further file. `limit` is the largest file taken.
    pub fn read(conn: &Conn, limit: usize) -> anyhow::Result<Option<UploadHeader>> {
        let field = conn.recv_exact(I32_LE.width(), I32_LE.width())?;
        if field.is_empty() {
            return Ok(None);
        }
        let length = I32_LE.unpack(&field, MAX_HEADER)?;
        let header = conn.recv_exact(length, length)?;
        whole_header(&header, length)?;
        let fields = json::parse(&header)?;
        let filename = json::text(&fields, "filename")?.to_owned();
        let filesize = json::size(&fields, "filesize", limit)?;
        Ok(Some(UploadHeader { filename, filesize, bytes: [field, header].concat() }))
    }
}

/// The request of the download pages, `get NAME`, with the name checked.
pub(super) fn requested(line: &[u8]) -> anyhow::Result<FileName> {
    let line = String::from_utf8_lossy(line);
    let start: String = line.chars().take(20).collect();
    let other = || say!("not a “get NAME”: {start:?}", "不是“get 文件名”：{start:?}");
    Ok(FileName::parse(line.strip_prefix("get ").ok_or_else(other)?)?)
}

/// Something that two ends of a file's transfer compare.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Figure {
    /// How many bytes.
    Size(usize),
    /// Their MD5 in hex digits, of which a line shows the first.
    Md5(Vec<u8>),
}

impl Value for Figure {
    fn exact(&self) -> String {
        match self {
            Figure::Size(bytes) => grouped(*bytes),
            Figure::Md5(digits) if digits.is_empty() => "-".into(),
            Figure::Md5(digits) => short(digits),
        }
    }
}

/// `6,000 bytes, MD5 5a093312...`
pub(super) fn size_and_md5([bytes, md5]: [String; 2]) -> Text {
    say!("{bytes} bytes, MD5 {md5}", "{bytes} 字节，MD5 {md5}")
}

/// The first digits of a digest: enough to compare by eye on one line.
pub(super) fn short(digest: &[u8]) -> String {
    let digits = String::from_utf8_lossy(&digest[..digest.len().min(8)]);
    format!("{digits}...")
}

//! What the fixed protocols share: the commands they answer, and the header of the pages' uploads.

use crate::framing::{I32_LE, decimal, json, whole_header};
use crate::net::Conn;
use crate::say;
use crate::sys::filename::FileName;
use crate::text::Text;
use serde_json::json;

/// The longest JSON header that is read, in bytes. The pages' have fewer than 100.
pub(super) const MAX_HEADER: usize = 4096;

/// Enough of what a peer said to know it by; it may have said a lot.
fn start(text: &str) -> String {
    text.chars().take(20).collect()
}

/// An upload as D1 announces it.
pub(super) struct Put {
    /// The file's name as it came: not yet checked.
    pub filename: String,
    /// How many bytes follow.
    pub filesize: usize,
    /// The announcement's own bytes.
    pub bytes: Vec<u8>,
}

impl Put {
    /// The announcement: i32le length, `{"cmd": "put", "filename": s, "filesize": n}`.
    pub fn header(filename: &str, filesize: usize) -> anyhow::Result<Vec<u8>> {
        let fields = json!({ "cmd": "put", "filename": filename, "filesize": filesize });
        Ok(json::pack(&fields).map_err(Text::from)?)
    }

    /// Reads an announcement; `None` when the client has no further file. `limit` is the largest file taken.
    pub fn read(conn: &Conn, limit: usize) -> anyhow::Result<Option<Put>> {
        let field = conn.recv_exact(I32_LE.width(), I32_LE.width())?;
        if field.is_empty() {
            return Ok(None);
        }
        let length = I32_LE.unpack(&field, MAX_HEADER).map_err(Text::from)?;
        let header = conn.recv_exact(length, length)?;
        whole_header(&header, length).map_err(Text::from)?;
        let fields = json::parse(&header).map_err(Text::from)?;
        let filename = json::text(&fields, "filename").map_err(Text::from)?.to_owned();
        let filesize = json::size(&fields, "filesize", limit).map_err(Text::from)?;
        Ok(Some(Put { filename, filesize, bytes: [field, header].concat() }))
    }
}

/// The request of the download pages, `get NAME`, with the name checked.
pub(super) fn requested(line: &[u8]) -> anyhow::Result<FileName> {
    let line = String::from_utf8_lossy(line);
    let start = start(&line);
    let name =
        line.strip_prefix("get ").ok_or_else(|| say!("not a “get NAME”: {start:?}", "不是“get 文件名”：{start:?}"))?;
    Ok(FileName::parse(name)?)
}

/// The decimal size that answers a request, at most `limit`.
pub(super) fn announced(digits: &[u8], limit: usize) -> anyhow::Result<usize> {
    let text = String::from_utf8_lossy(digits);
    let start = start(&text);
    let size = decimal::parse(digits, limit);
    Ok(size.map_err(|_| say!("not a size up to {limit}: {start:?}", "不是 {limit} 以内的大小：{start:?}"))?)
}

/// The first digits of a digest: enough to compare by eye on one line.
pub(super) fn short(digest: &[u8]) -> String {
    let digits = String::from_utf8_lossy(&digest[..digest.len().min(8)]);
    format!("{digits}...")
}

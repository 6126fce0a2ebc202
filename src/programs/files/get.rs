//! `get`: a file from `serve files`, or from one of D4's servers.

use super::status::{Status, Transfer, progress};
use super::store::{DraftFile, Store};
use super::{header, pump};
use crate::exit::Exit;
use crate::framing::decimal;
use crate::framing::protocols::{self, Channel as _, More, Source};
use crate::programs::clue::explained;
use crate::programs::connection::Connection;
use crate::programs::console::Console;
use crate::programs::trouble::{Result, Trouble};
use crate::programs::{Get, Trailer};
use crate::say;
use crate::sys::filename::FileName;
use crate::text::{Text, escaped, excerpt};
use crate::trace::Part;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The longest text in the size's place.
const LONGEST_SIZE: usize = 1024;

/// How a refusal in the size's place begins.
const ERROR: &[u8] = b"error: ";

/// Fetches the file.
///
/// # Errors
/// When it does not arrive whole.
pub fn run(get: &Get, console: &Console) -> Result<Exit> {
    let began = Instant::now();
    asked(&get.name)?;
    let (folder, name) = place(get)?;
    let store = Store::open(&folder, get.overwrite).map_err(|e| Trouble::file(&folder, &e))?;
    let taken = |trouble: Trouble| match trouble.kind {
        "exists" => trouble.hint(Text::new(
            "--overwrite replaces it, --out PATH stores elsewhere",
            "--overwrite 替换它，--out 路径 另存别处",
        )),
        _ => trouble.hint(Text::new("--out PATH stores elsewhere", "--out 路径 另存别处")),
    };
    // Before the server is asked for anything.
    let draft = store.draft(&name).map_err(taken)?;
    let conn = Connection::connect(console, get.server, get.patience)?;
    let mut download = Download { get, conn, size: None, md5: None };
    let fetched = download.fetch(draft);
    let status = match &fetched {
        Ok(()) => Status::Stored,
        Err(trouble) if trouble.kind == "refused" => Status::Refused(trouble.text.clone()),
        Err(trouble) => Status::Failed(trouble.text.clone()),
    };
    let Download { size: bytes, md5, .. } = &download;
    let (md5, took) = (md5.as_deref(), began.elapsed());
    let transfer = Transfer { direction: "get", name: &get.name, bytes: *bytes, md5, status: &status, took };
    if console.is_json() || fetched.is_ok() {
        let place = Text::same(escaped(&folder.join(&name).to_string_lossy()));
        let kept = match get.trailer {
            Trailer::None => Text::new("stored, MD5 not compared: {}", "已保存，MD5 未比较：{}"),
            _ => Text::new("stored: {}", "已保存：{}"),
        };
        transfer.write(console, None, &transfer.text(&kept.with(&place)));
    }
    fetched.map(|()| Exit::Done)
}

/// A name that can be asked for. What it may name is the server's business.
fn asked(name: &str) -> Result<()> {
    let why = if name.is_empty() || name.chars().any(char::is_control) {
        Text::new("the name is empty or holds control characters", "名字是空的，或含有控制字符")
    } else if name.len() > 1000 {
        Text::new("the name is longer than 1000 bytes", "名字超过 1000 字节")
    } else {
        return Ok(());
    };
    Err(Trouble { exit: Exit::Usage, ..Trouble::local(why) })
}

/// The folder and the name under which it is stored here.
fn place(get: &Get) -> Result<(PathBuf, OsString)> {
    let plain = || {
        FileName::parse(&get.name).map(|name| OsString::from(name.as_str())).map_err(|why| {
            let elsewhere = Text::new("--out PATH says where to store it", "用 --out 路径 指定存到哪里");
            Trouble { exit: Exit::Usage, ..Trouble::local(why).hint(elsewhere) }
        })
    };
    match &get.place {
        None => Ok((PathBuf::from("."), plain()?)),
        Some(folder) if folder.is_dir() => Ok((folder.clone(), plain()?)),
        Some(path) => {
            // `backup/` means a folder, and there is none: a file of that name is not what was asked for.
            let folder = path.as_os_str().to_string_lossy().ends_with(std::path::is_separator);
            let name = path.file_name().filter(|_| !folder).ok_or_else(|| {
                let path = escaped(&path.to_string_lossy());
                Trouble::local(say!("{path}: there is no such folder", "{path}：没有这个文件夹"))
            })?;
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            Ok((folder.to_owned(), name.to_owned()))
        }
    }
}

struct Download<'g> {
    get: &'g Get,
    conn: Connection<'g>,
    size: Option<u64>,
    md5: Option<String>,
}

impl Download<'_> {
    /// Request, size, acknowledgement, body, digest; only then the name.
    fn fetch(&mut self, mut draft: DraftFile) -> Result<()> {
        self.say(Text::new("request", "请求"), &format!("get {}", self.get.name))?;
        let size = self.announced()?;
        self.size = Some(size);
        self.say(Text::new("acknowledgement", "确认"), "ok")?;
        self.conn.incoming(Text::new("file", "文件"));
        self.conn.body_begins();
        let progress = progress(self.conn.console(), &self.get.name, size);
        let digest = self.get.trailer != Trailer::None;
        let came = pump::inward(&mut self.conn, size, digest, draft.file(), |bytes| {
            progress.at(bytes);
            Ok(())
        });
        drop(progress);
        self.md5 = came?;
        match (self.trailer()?, &self.md5) {
            (Some(theirs), Some(ours)) if theirs != *ours => Err(Trouble::peer(
                "digest",
                say!(
                    "the MD5 differs: the server says {theirs}, what came has {ours}; nothing was stored",
                    "MD5 不同：服务器说是 {theirs}，收到的是 {ours}；没有保存"
                ),
            )),
            _ => draft.keep(),
        }
    }

    fn say(&mut self, label: Text, text: &str) -> Result<()> {
        let doing = Text::new("sending the {}", "发送{}").with(&label);
        self.conn.outgoing(label);
        self.conn.send_all(text.as_bytes(), Part::Body).map_err(|e| Trouble::call(&doing, &e))
    }

    /// The size, in digits that nothing ends, or the refusal in its place.
    fn announced(&mut self) -> Result<u64> {
        let doing = Text::new("waiting for the size", "等待大小");
        self.conn.briefly();
        self.conn.incoming(Text::new("size", "大小"));
        self.conn.frame_is_due();
        let more = |bytes: &[u8]| match ERROR.starts_with(bytes) {
            true => More::Certain,
            false if std::str::from_utf8(bytes).is_err_and(|e| e.error_len().is_none()) => More::Certain,
            false => More::Possible,
        };
        let settle = self.get.patience.settle;
        let read = protocols::unframed(&mut self.conn, LONGEST_SIZE, Part::Body, settle, more);
        let missing = || {
            Text::new(
                "one of D4's servers says nothing about a file that it does not have, and breaks off at a name with a space",
                "D4 的服务器没有这个文件时什么也不说，名字里有空格时会出错断开",
            )
        };
        let text = read.map_err(Trouble::stopped(&doing)).map_err(|trouble| match trouble.kind {
            "timeout" | "reset" => trouble.hint(missing()),
            _ => trouble,
        })?;
        let Some((bytes, _)) = text else {
            let ended = Text::new("the server hung up instead of a size", "服务器没有给出大小就断开了");
            return Err(Trouble::peer("ended", ended).hint(missing()));
        };
        if let Some(words) = bytes.strip_prefix(ERROR) {
            return Err(Trouble::refused(&String::from_utf8_lossy(words)));
        }
        let limit = usize::try_from(self.get.largest).unwrap_or(usize::MAX);
        decimal::parse(&bytes, limit)
            .map(|size| size as u64)
            .map_err(|why| explained(no_size(&why, &bytes), &mut self.conn, None, settle))
    }

    /// The digest as the server sends it, if it is to send one.
    fn trailer(&mut self) -> Result<Option<String>> {
        match self.get.trailer {
            Trailer::None => return Ok(None),
            Trailer::Tail => {}
            Trailer::Ack => {
                // With no byte between them two acknowledgements would stick together at the server, which would
                // wait for the second: between them the stream must be silent.
                if self.size == Some(0) {
                    crate::sys::wait::pause(self.get.patience.settle);
                }
                self.say(Text::new("acknowledgement", "确认"), "ok")?;
            }
        }
        let doing = Text::new("waiting for the MD5", "等待 MD5");
        self.conn.briefly();
        self.conn.incoming(Text::new("MD5", "MD5"));
        let mut digits = [0; 32];
        let have = protocols::fill(&mut self.conn, &mut digits, Part::Body);
        let have = have.map_err(|reason| self.hint(Trouble::stopped(&doing)(reason)))?;
        if have < digits.len() {
            let ended = say!(
                "the server hung up after {have} of 32 digits of MD5",
                "服务器在 32 位 MD5 的第 {have} 位之后断开了"
            );
            return Err(self.hint(Trouble::peer("ended", ended)));
        }
        let digits = String::from_utf8_lossy(&digits);
        header::digest(&digits).map(Some).map_err(|why| {
            let shown = excerpt(&digits);
            Trouble::peer("syntax", Text::made(format!("{}: {shown}", why.en), format!("{}：{shown}", why.zh)))
        })
    }

    /// What to try when no digest comes.
    fn hint(&self, trouble: Trouble) -> Trouble {
        match (trouble.kind, self.get.trailer) {
            ("timeout", Trailer::Tail) => trouble.hint(Text::new(
                "does the server wait for another acknowledgement? --md5 ack; does it send no MD5? --md5 none",
                "服务器是不是还在等一次确认？--md5 ack；是不是不发 MD5？--md5 none",
            )),
            ("timeout" | "ended" | "reset", _) => trouble.hint(Text::new(
                "does the server send no MD5? --md5 none takes the file without",
                "服务器是不是不发 MD5？--md5 none 不要摘要也接收",
            )),
            _ => trouble,
        }
    }
}

/// Text that is no size: usually the server is another one.
fn no_size(why: &decimal::NotALength, bytes: &[u8]) -> Trouble {
    let start = excerpt(&String::from_utf8_lossy(&bytes[..bytes.len().min(60)]));
    let said = why.text();
    let trouble = Trouble::peer("syntax", Text::made(format!("{}: {start}", said.en), format!("{}：{start}", said.zh)));
    match why {
        decimal::NotALength::TooLong { .. } => {
            trouble.hint(Text::new("--max-file raises the limit", "--max-file 提高上限"))
        }
        _ => trouble,
    }
}

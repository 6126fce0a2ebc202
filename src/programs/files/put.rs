//! `put`: files to `serve files`, or to one of the documents' servers, which answers nothing.

use super::header::{self, Promise, Upload};
use super::pump;
use super::receipt::{self, Receipt};
use super::status::{Status, Transfer, progress};
use crate::exit::Exit;
use crate::framing::I32_LE;
use crate::framing::digest::md5_hex;
use crate::programs::Put;
use crate::programs::clue::explained;
use crate::programs::connection::Connection;
use crate::programs::console::Console;
use crate::programs::trouble::{Result, Trouble};
use crate::say;
use crate::sys::filename::FileName;
use crate::text::{Text, escaped, grouped};
use crate::trace::Part;
use serde_json::json;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Files up to this size are in memory while they are sent: read once.
const SMALL: u64 = 1 << 20;

/// The digest of files up to this size is computed before they are sent, and is in the header.
const AHEAD: u64 = 64 << 20;

/// A server that has said nothing for so long after a file is taken for a document's.
const QUICK: Duration = Duration::from_secs(1);

/// A server whose answer is no receipt has said all of it when it was silent for so long.
const QUIET: Duration = Duration::from_millis(50);

/// Sends the files, in order.
///
/// # Errors
/// When the server cannot be reached.
pub fn run(put: &Put, console: &Console) -> Result<Exit> {
    let mut batch = Batch::new(put, console);
    for index in 0..batch.items.len() {
        if batch.items[index].status.is_none() {
            batch.upload(index)?;
        }
    }
    batch.finish();
    Ok(batch.total())
}

/// One file of the batch.
struct UploadItem {
    path: PathBuf,
    /// As the server will know it.
    name: String,
    size: Option<u64>,
    md5: Option<String>,
    began: Instant,
    status: Option<Status>,
}

/// A connection, and what is expected on it.
struct UploadSession<'c> {
    conn: Connection<'c>,
    /// Files that were sent and have no receipt yet, in order.
    owed: VecDeque<usize>,
    /// The header of the file under way was read: a last word will follow.
    welcome: bool,
    /// The server has given receipts.
    answers: bool,
    /// The file under way was announced.
    begun: bool,
}

impl UploadSession<'_> {
    /// The next receipt; `None` at the end of the stream. What the server's system has taken its program may still be
    /// reading, no slower than before: so it may take as long as the sending did, since `began`.
    fn word(&mut self, began: Instant) -> Result<Option<Receipt>> {
        let doing = Text::new("sending the file", "发送文件");
        self.conn.drain().map_err(|e| Trouble::call(&doing, &e))?;
        self.conn.within(self.conn.patience().timeout.max(began.elapsed()));
        let read = receipt::read(&mut self.conn);
        self.conn.at_leisure();
        read
    }
}

/// How sending a file ended when the connection did not break.
enum SendOutcome {
    /// Every byte of it.
    Whole,
    /// The server said no before it had all.
    Refused(String),
}

struct Batch<'c> {
    put: &'c Put,
    console: &'c Console,
    items: Vec<UploadItem>,
    session: Option<UploadSession<'c>>,
    /// The server was silent after a file: it gives no receipts.
    silent: bool,
    exit: Exit,
}

impl<'c> Batch<'c> {
    /// The files, each looked at before the server hears of any.
    fn new(put: &'c Put, console: &'c Console) -> Batch<'c> {
        let items = put.files.iter().map(|path| UploadItem {
            path: path.clone(),
            name: path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            size: None,
            md5: None,
            began: Instant::now(),
            status: None,
        });
        let items = items.collect();
        let mut batch = Batch { put, console, items, session: None, silent: false, exit: Exit::Done };
        for index in 0..batch.items.len() {
            match open(&batch.items[index].path) {
                Ok((_, upload)) => batch.items[index].size = Some(upload.size),
                Err(trouble) => batch.settle(index, Status::Failed(trouble.text), trouble.exit),
            }
        }
        batch
    }

    /// The connection for this file and those behind it.
    fn connect(&mut self, index: usize) -> Result<()> {
        if self.session.is_some() {
            return Ok(());
        }
        match Connection::connect(self.console, self.put.server, self.put.patience) {
            Ok(conn) => {
                let owed = VecDeque::new();
                self.session = Some(UploadSession { conn, owed, welcome: false, answers: false, begun: false });
            }
            Err(trouble) if self.items.iter().all(|item| item.status.is_none()) => return Err(trouble),
            // Nor can the others reach it.
            Err(trouble) => {
                for index in index..self.items.len() {
                    if self.items[index].status.is_none() {
                        self.settle(index, Status::Failed(trouble.text.clone()), trouble.exit);
                    }
                }
            }
        }
        Ok(())
    }

    /// Sends one file, and hears about it if the server is one that tells.
    fn upload(&mut self, index: usize) -> Result<()> {
        self.connect(index)?;
        if self.session.is_none() {
            return Ok(());
        }
        self.items[index].began = Instant::now();
        match self.send(index) {
            Ok(SendOutcome::Whole) => self.after(index),
            Ok(SendOutcome::Refused(reason)) => {
                self.settle(index, Status::Refused(Text::same(reason)), Exit::Failed);
                self.hang_up();
            }
            Err(trouble) => {
                let ours = trouble.kind == "changed" || trouble.exit == Exit::NotHere;
                self.settle(index, Status::Failed(trouble.text), trouble.exit);
                let begun = self.session.as_ref().is_some_and(|session| session.begun);
                match (ours, begun) {
                    // The connection heard nothing of it.
                    (true, false) => {}
                    // Its promise cannot be kept: an end in its middle says so. The files before it may be heard of.
                    (true, true) => self.finish(),
                    (false, _) => self.hang_up(),
                }
            }
        }
        Ok(())
    }

    /// A whole file is under way: its receipt is awaited before the next.
    fn after(&mut self, index: usize) {
        let Some(session) = &mut self.session else { return };
        session.owed.push_back(index);
        let more = self.items[index + 1..].iter().any(|item| item.status.is_none());
        if self.put.separate || !more {
            self.finish();
        } else if !self.silent {
            self.receipts(false);
        }
    }

    /// Reads receipts until none is owed. At the `end` of a connection the stream's end is waited for, too; before,
    /// a server that has never said a word is not waited for long.
    fn receipts(&mut self, end: bool) {
        while let Some(session) = self.session.as_mut().filter(|session| !session.owed.is_empty()) {
            let known = session.answers || session.welcome;
            let comes = if end || known { Ok(true) } else { comes(&session.conn, QUICK) };
            let began = session.owed.front().map_or_else(Instant::now, |index| self.items[*index].began);
            session.conn.frame_is_due();
            let read = comes.and_then(|comes| if comes { session.word(began).map(Some) } else { Ok(None) });
            let read = read.map_err(|trouble| explained(trouble, &mut session.conn, Some(I32_LE), QUIET));
            match read {
                Ok(Some(Some(receipt))) => {
                    if let Err(trouble) = self.hear(receipt) {
                        return self.lost(&trouble.text);
                    }
                }
                Ok(Some(None)) => return self.over(known),
                Ok(None) => {
                    self.silent = true;
                    return self.console.remark(&no_receipts());
                }
                Err(trouble) => return self.lost(&trouble.told()),
            }
        }
    }

    /// A receipt for the oldest file that has none. Each is due once: a server that repeats one would never be done.
    fn hear(&mut self, receipt: Receipt) -> Result<()> {
        let Some(session) = &mut self.session else { return Ok(()) };
        session.answers = true;
        let again = || {
            let text = Text::new("the server gave a receipt that was not due", "服务器给了一份不该有的回执");
            Trouble::peer("syntax", text)
        };
        if receipt == Receipt::Ready {
            return if std::mem::replace(&mut session.welcome, true) { Err(again()) } else { Ok(()) };
        }
        let index = session.owed.pop_front().ok_or_else(again)?;
        session.welcome = false;
        let ours = self.items[index].md5.clone();
        match receipt {
            Receipt::Stored { md5 } if ours.as_ref().is_some_and(|ours| *ours != md5) => {
                let ours = ours.unwrap_or_default();
                let why = say!(
                    "the server stored other bytes: MD5 {md5}, not {ours}",
                    "服务器存下的内容不同：MD5 是 {md5}，不是 {ours}"
                );
                self.settle(index, Status::Failed(why), Exit::Failed);
            }
            Receipt::Stored { .. } => self.settle(index, Status::Stored, Exit::Done),
            Receipt::Refused { reason } => self.settle(index, Status::Refused(Text::same(reason)), Exit::Failed),
            Receipt::Ready => {}
        }
        Ok(())
    }

    /// The stream ended in order. From a server that gives receipts that is one too few; a document's is done.
    fn over(&mut self, known: bool) {
        let taken = self.session.as_ref().map_or(Ok(()), |session| session.conn.taken());
        if let Err(e) = taken {
            let trouble = Trouble::call(&Text::new("sending the file", "发送文件"), &e);
            return self.lost(&trouble.text);
        }
        let Some(session) = self.session.take() else { return };
        let silent = !self.silent && !known;
        for index in session.owed {
            if known {
                let why = Text::new("the server hung up before its receipt", "服务器在回执之前断开了连接");
                self.settle(index, Status::Failed(why), Exit::Failed);
            } else {
                self.settle(index, Status::Sent, Exit::Done);
            }
        }
        if silent {
            self.silent = true;
            self.console.remark(&Text::new(
                "no receipt came: a document's server; whether it kept what it took, it did not say",
                "没有收到回执：这是文档里的服务器；它收下了，是否保存却没有说",
            ));
        }
    }

    /// The connection broke.
    fn lost(&mut self, why: &Text) {
        if let Some(session) = self.session.take() {
            for index in session.owed {
                self.settle(index, Status::Failed(why.clone()), Exit::Failed);
            }
        }
    }

    /// Gives the connection up; the next file gets another.
    fn hang_up(&mut self) {
        self.lost(&Text::new("the connection broke before its receipt", "连接在回执之前断开了"));
    }

    /// Ends the connection in order, and hears what is still to be heard.
    fn finish(&mut self) {
        let Some(session) = &mut self.session else { return };
        if let Err(e) = session.conn.shutdown() {
            let trouble = Trouble::call(&Text::new("ending the connection", "结束连接"), &e);
            return self.lost(&trouble.text);
        }
        self.receipts(true);
        self.session = None;
    }

    /// One file's end.
    fn settle(&mut self, index: usize, status: Status, exit: Exit) {
        if self.exit == Exit::Done || exit == Exit::Failed {
            self.exit = exit;
        }
        let item = &mut self.items[index];
        let status = item.status.insert(status);
        let (name, bytes, md5, took) = (item.name.as_str(), item.size, item.md5.as_deref(), item.began.elapsed());
        let transfer = Transfer { direction: "put", name, bytes, md5, status, took };
        let line = match transfer.status {
            Status::Sent => transfer.text(&Text::new("sent, no receipt", "已发送，没有回执")),
            _ => transfer.line(),
        };
        transfer.write(self.console, None, &line);
    }

    /// Which arrived and which did not, when there were several.
    fn total(&self) -> Exit {
        if self.items.len() < 2 {
            return self.exit;
        }
        let kept = |item: &&UploadItem| item.status.as_ref().is_some_and(Status::is_whole);
        let (some, all) = (self.items.iter().filter(kept).count(), self.items.len());
        let bytes = self.items.iter().filter(kept).filter_map(|item| item.size).sum::<u64>();
        let sum = grouped(bytes);
        let mut line = say!("{some} of {all} files, {sum} bytes", "{some}/{all} 个文件，{sum} 字节");
        let groups = [
            Text::new("stored", "已保存"),
            Text::new("sent, no receipt", "已发送，没有回执"),
            Text::new("not", "未到达"),
        ];
        let group = |status: &Status| match status {
            Status::Stored => 0,
            Status::Sent => 1,
            _ => 2,
        };
        for (n, label) in groups.into_iter().enumerate() {
            let these = self.items.iter().filter(|item| item.status.as_ref().map(group) == Some(n));
            let names = these.map(|item| escaped(&item.name)).collect::<Vec<_>>().join(", ");
            if !names.is_empty() {
                let (en, zh) = (&label.en, &label.zh);
                line = Text::made(format!("{}; {en}: {names}", line.en), format!("{}；{zh}：{names}", line.zh));
            }
        }
        self.console.line(&line, &json!({ "type": "total", "files": all, "whole": some, "bytes": bytes }));
        self.exit
    }

    /// Header and body. A connection that breaks on the way may have brought the reason before.
    fn send(&mut self, index: usize) -> Result<SendOutcome> {
        let sent = self.header_and_body(index);
        match sent {
            Err(trouble) if trouble.kind == "reset" => match self.overheard() {
                Ok(Some(reason)) => Ok(SendOutcome::Refused(reason)),
                _ => Err(trouble),
            },
            other => other,
        }
    }

    fn header_and_body(&mut self, index: usize) -> Result<SendOutcome> {
        if let Some(session) = &mut self.session {
            session.begun = false;
        }
        // Late receipts are not left to fill the buffers.
        self.overheard()?;
        let (mut file, mut upload) = open(&self.items[index].path)?;
        self.items[index].size = Some(upload.size);
        if upload.size <= SMALL {
            let bytes = in_memory(&mut file, upload.size)?;
            let md5 = md5_hex(&bytes);
            upload.promise = Promise::Digest(md5.clone());
            self.items[index].md5 = Some(md5);
            self.head(index, &upload)?;
            self.piece(&bytes)?;
            return Ok(SendOutcome::Whole);
        }
        if upload.size <= AHEAD {
            let md5 = pump::outward(&mut file, upload.size, true, |_| Ok(()))?;
            upload.promise = md5.map_or(Promise::Follows, Promise::Digest);
            file.rewind().map_err(|e| Trouble::file(&self.items[index].path, &e))?;
        }
        self.head(index, &upload)?;
        self.body(index, &mut file, &upload)
    }

    fn head(&mut self, index: usize, upload: &Upload) -> Result<()> {
        let bytes = header::write(self.put.spelling, &self.items[index].path, upload)?;
        let Some(session) = &mut self.session else { return Ok(()) };
        (session.welcome, session.begun) = (false, true);
        session.conn.outgoing(Text::new("upload {}", "上传 {}").with(&Text::same(upload.name.as_str())));
        let doing = Text::new("sending the header", "发送报头");
        session.conn.send_all(&bytes, Part::Header).map_err(|e| Trouble::call(&doing, &e))
    }

    fn piece(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(session) = &mut self.session else { return Ok(()) };
        let doing = Text::new("sending the file", "发送文件");
        session.conn.send_all(bytes, Part::Body).map_err(|e| Trouble::call(&doing, &e))
    }

    /// A body that is read while it is sent.
    fn body(&mut self, index: usize, file: &mut File, upload: &Upload) -> Result<SendOutcome> {
        let size = upload.size;
        let progress = progress(self.console, upload.name.as_str(), size);
        let same = file.try_clone().map_err(|e| Trouble::file(&self.items[index].path, &e))?;
        let (mut sent, mut refused) = (0, None);
        let read = pump::outward(file, size, true, |piece| {
            refused = self.overheard()?;
            if let Some(reason) = &refused {
                return Err(Trouble::refused(reason));
            }
            sent += piece.len() as u64;
            // The promise is kept to the last piece, and not beyond, by a file of another length.
            if sent == size && same.metadata().is_ok_and(|there| there.len() != size) {
                return Err(pump::changed(size));
            }
            self.piece(piece)?;
            progress.at(sent);
            Ok(())
        });
        if let Some(reason) = refused {
            return Ok(SendOutcome::Refused(reason));
        }
        let md5 = read?.unwrap_or_default();
        self.items[index].md5 = Some(md5.clone());
        self.behind(&upload.promise, &md5, size)
    }

    /// What follows a body: its digest, if that was promised and somebody waits for it.
    fn behind(&mut self, promise: &Promise, md5: &str, size: u64) -> Result<SendOutcome> {
        match promise {
            Promise::Digest(promised) if promised != md5 => return Err(pump::changed(size)),
            Promise::Digest(_) | Promise::Nothing => return Ok(SendOutcome::Whole),
            Promise::Follows => {}
        }
        if let Some(reason) = self.overheard()? {
            return Ok(SendOutcome::Refused(reason));
        }
        let Some(session) = self.session.as_mut().filter(|session| session.welcome) else {
            return Ok(SendOutcome::Whole);
        };
        session.conn.outgoing(Text::new("MD5", "MD5"));
        let doing = Text::new("sending the MD5", "发送 MD5");
        let sent = session.conn.send_all(&header::write_digest(md5)?, Part::Header);
        sent.map_err(|e| Trouble::call(&doing, &e))?;
        Ok(SendOutcome::Whole)
    }

    /// What the server has said while a file is under way; the reason, if it refuses that one.
    fn overheard(&mut self) -> Result<Option<String>> {
        while let Some(session) = &mut self.session {
            let doing = Text::new("sending the file", "发送文件");
            match session.conn.peek().map_err(|e| Trouble::call(&doing, &e))? {
                None | Some(0) => break,
                Some(_) => {}
            }
            session.conn.briefly();
            let read = receipt::read(&mut session.conn)?;
            session.conn.at_leisure();
            match read {
                Some(Receipt::Refused { reason }) if session.owed.is_empty() => return Ok(Some(reason)),
                Some(receipt) => self.hear(receipt)?,
                None => break,
            }
        }
        Ok(None)
    }
}

/// Does anything come within this time? Nothing is taken, but an error is told only once.
fn comes(conn: &Connection, limit: Duration) -> Result<bool> {
    let mut seen = Ok(None);
    let _ = crate::sys::wait::until(limit, || {
        seen = conn.peek();
        !matches!(seen, Ok(None))
    });
    let doing = Text::new("waiting for the receipt", "等待回执");
    seen.map(|seen| seen.is_some()).map_err(|e| Trouble::call(&doing, &e))
}

fn no_receipts() -> Text {
    Text::new(
        "no receipt came for a second: taken for a document's server, which gives none. One that reads 1024 bytes at \
         a time, whatever remains, can swallow the next file's header: --separate opens a connection for each file",
        "一秒内没有回执：当作文档里的服务器，它不给回执。如果它不管还剩多少、每次都读 1024 字节，就会吞掉下一个文件的报头：\
         --separate 为每个文件单独建立连接",
    )
}

/// Opens a file to be sent: a regular one with a name that every server can keep.
fn open(path: &Path) -> Result<(File, Upload)> {
    let failed = |e: io::Error| Trouble::file(path, &e);
    let irregular = || {
        let path = escaped(&path.to_string_lossy());
        Trouble::local(say!("{path}: it is not a regular file", "{path}：它不是普通文件"))
    };
    // Looked at before: opening a pipe would wait for its other end.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(irregular());
    }
    let file = File::open(path).map_err(failed)?;
    let there = file.metadata().map_err(failed)?;
    if !there.is_file() {
        return Err(irregular());
    }
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
        let path = escaped(&path.to_string_lossy());
        Trouble::local(say!("{path}: its name is not UTF-8", "{path}：文件名不是 UTF-8"))
    })?;
    let name = FileName::parse(name).map_err(Trouble::local)?;
    Ok((file, Upload { name, size: there.len(), promise: Promise::Follows }))
}

fn in_memory(file: &mut File, size: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    let failed = |e: io::Error| Trouble::local(say!("reading the file: {e}", "读取文件：{e}"));
    file.take(size + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 == size { Ok(bytes) } else { Err(pump::changed(size)) }
}

//! `serve files`: uploads as D0 and D1 §13 send them, downloads as D4 asks for them, on one port. The first four
//! bytes tell them apart: `get ` read as a length would be 544 MB of header.

use super::header::{self, HeaderRefusal, Promise, Upload};
use super::pump;
use super::receipt::{self, Receipt};
use super::status::{Status, Transfer};
use super::store::{DraftFile, Store};
use crate::exit::Exit;
use crate::framing::protocols::{self, Channel as _, Reason, Source};
use crate::framing::{self, I32_LE};
use crate::programs::answers;
use crate::programs::clue::explained;
use crate::programs::connection::Connection;
use crate::programs::console::Console;
use crate::programs::room::Room;
use crate::programs::server::{self, Client};
use crate::programs::trouble::{Result, Trouble};
use crate::programs::{FileService, Serve, Trailer};
use crate::say;
use crate::sys::filename::FileName;
use crate::sys::partial::PREFIX;
use crate::text::{Text, escaped, grouped};
use crate::trace::Part;
use std::ffi::OsStr;
use std::io::sink;
use std::time::{Duration, Instant};

/// How a request for a download begins.
const GET: &[u8; 4] = b"get ";

/// The longest request that is read; the documents read one of 1024 bytes.
const LONGEST_NAME: usize = 1024;

/// The longest acknowledgement.
const LONGEST_ACK: usize = 1024;

/// So much of a refused upload is read and thrown away, so that the next file can follow.
const SKIPPED: u64 = 64 << 20;

/// Files that a client needs at most: the connection, the upload, and while it gets its name its folder, that folder's
/// lock, a second descriptor of the upload, and one on the way to it.
const FILES: usize = 6;

/// Takes uploads and gives downloads until it is interrupted.
///
/// # Errors
/// When it cannot listen or the root is no directory.
pub fn run(service: &FileService, serve: &Serve, console: &Console) -> Result<Exit> {
    let store = Store::open(&service.root, service.overwrite).map_err(|e| {
        Trouble::file(&service.root, &e)
            .hint(Text::new("--root names an existing directory", "--root 要指定一个已有的目录"))
    })?;
    let host = FileServer { service, store, room: Room::new(service.held) };
    let next = Text::new("stickdemo put FILE {}", "stickdemo put 文件 {}");
    server::listen(serve.listen, &serve.bounds, FILES, console, &next, |client| host.converse(client))
}

/// Fills the first four bytes, as far as they come: an upload's length, or the beginning of a request that has no
/// header.
fn beginning(conn: &mut Connection, first: &mut [u8; 4]) -> std::result::Result<usize, Reason> {
    let mut have = 0;
    while have < first.len() {
        let part = |bytes: &[u8]| if GET[have..].starts_with(bytes) { Part::Body } else { Part::Header };
        match conn.recv_seen(&mut first[have..], part) {
            Ok(0) => break,
            Ok(n) => have += n,
            Err(error) => return Err(protocols::interrupted(error, Part::Header, have, first.len())),
        }
    }
    Ok(have)
}

struct FileServer<'h> {
    service: &'h FileService,
    store: Store,
    /// What all uploads under way may hold; no listing of the folder shows it.
    room: Room,
}

/// Whether a conversation goes on after a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AfterRequest {
    Request,
    HangUp,
}

impl FileServer<'_> {
    fn converse(&self, client: &mut Client) -> Result<()> {
        let doing = Text::new("waiting for a request", "等待请求");
        loop {
            client.conn.briefly();
            client.conn.incoming(Text::new("request", "请求"));
            client.conn.frame_is_due();
            let mut first = [0; 4];
            match beginning(&mut client.conn, &mut first).map_err(Trouble::stopped(&doing))? {
                0 => return Ok(()),
                n => framing::whole_header(&first[..n], first.len())?,
            }
            let next = if first == *GET {
                self.give(client)?
            } else {
                self.take(client, first).map_err(|trouble| mistaken(client, trouble))?
            };
            if next == AfterRequest::HangUp {
                return Ok(());
            }
        }
    }

    /// An upload, whose header has this length.
    fn take(&self, client: &mut Client, length: [u8; 4]) -> Result<AfterRequest> {
        let began = Instant::now();
        let length = I32_LE.unpack(&length, self.service.header)?;
        let doing = Text::new("receiving the header", "接收报头");
        let bytes = protocols::words(&mut client.conn, length, Part::Header).map_err(Trouble::stopped(&doing))?;
        client.conn.at_leisure();
        let upload = match header::parse(&bytes, self.service.largest).and_then(unreserved) {
            Ok(upload) => {
                client.conn.incoming_is(Text::new("upload {}", "上传 {}").with(&Text::same(upload.name.as_str())));
                upload
            }
            Err(refusal) => return decline(client, &refusal, refusal.size.filter(|_| refusal.receipts), began),
        };
        let name = upload.name.as_str();
        // Before anything else: if this server dies now, its silence is not to be taken for a document's server's.
        if upload.promise != Promise::Nothing {
            receipt::send(&mut client.conn, &Receipt::Ready, name, upload.size)?;
        }
        match self.store.draft(OsStr::new(name)) {
            Ok(draft) => self.receive(client, &upload, draft, began),
            Err(trouble) => {
                let left = (upload.promise != Promise::Follows).then_some(upload.size);
                decline(client, &refusal(&upload, trouble.text), left, began)
            }
        }
    }

    /// A download.
    fn give(&self, client: &mut Client) -> Result<AfterRequest> {
        let began = Instant::now();
        let settle = client.conn.patience().settle;
        let doing = Text::new("receiving the file's name", "接收文件名");
        let asked = protocols::text(&mut client.conn, LONGEST_NAME, settle).map_err(Trouble::stopped(&doing))?;
        client.conn.at_leisure();
        let bytes = asked.map(|(bytes, _)| bytes).unwrap_or_default();
        // Typed into nc, a line has an end; no file's name has.
        let name = String::from_utf8_lossy(&bytes);
        let name = name.trim_end_matches(['\r', '\n']);
        let opened = FileName::parse(name)
            .and_then(plain)
            .map_err(|why| Trouble::peer("refused", why))
            .and_then(|file| self.store.read(OsStr::new(file.as_str())));
        let mut sending = Sending { name, size: None, md5: None, began };
        let outcome = match opened {
            Err(trouble) => {
                let words = trouble.text.to(client.conn.console().style().lang);
                let refused = message(&mut client.conn, Text::new("error", "错误"), &format!("error: {words}"));
                sending.log(client, &Status::Refused(trouble.text));
                return refused.map(|()| AfterRequest::Request);
            }
            Ok((mut file, size)) => {
                sending.size = Some(size);
                self.deliver(client, &mut file, &mut sending)
            }
        };
        let status = match &outcome {
            Ok(()) => Status::Sent,
            Err(trouble) => Status::Failed(trouble.text.clone()),
        };
        sending.log(client, &status);
        Ok(if outcome.is_ok() { AfterRequest::Request } else { AfterRequest::HangUp })
    }

    /// Size, acknowledgement, body, digest.
    fn deliver(&self, client: &mut Client, file: &mut std::fs::File, sending: &mut Sending) -> Result<()> {
        let settle = client.conn.patience().settle;
        let conn = &mut client.conn;
        let size = sending.size.unwrap_or_default();
        message(conn, Text::new("size", "大小"), &size.to_string())?;
        acknowledged(conn, settle)?;
        conn.outgoing(Text::new("file", "文件"));
        let doing = Text::new("sending the file", "发送文件");
        let digest = self.service.trailer != Trailer::None;
        sending.md5 = pump::outward(file, size, digest, |piece| {
            conn.send_all(piece, Part::Body).map_err(|e| Trouble::call(&doing, &e))
        })?;
        match self.service.trailer {
            Trailer::None => return Ok(()),
            Trailer::Tail => {}
            Trailer::Ack if size == 0 => once_more(conn, settle)?,
            Trailer::Ack => acknowledged(conn, settle)?,
        }
        message(conn, Text::new("MD5", "MD5"), sending.md5.as_deref().unwrap_or_default())
    }

    /// An upload that is welcome.
    fn receive(
        &self,
        client: &mut Client,
        upload: &Upload,
        mut draft: DraftFile,
        began: Instant,
    ) -> Result<AfterRequest> {
        let (name, size) = (upload.name.as_str(), upload.size);
        let receipts = upload.promise != Promise::Nothing;
        let (mut have, mut share) = (0, self.room.share());
        client.conn.body_begins();
        let came = pump::inward(&mut client.conn, size, true, draft.file(), |bytes| {
            have = bytes;
            share.grow(usize::try_from(bytes).unwrap_or(usize::MAX)).then_some(()).ok_or_else(|| self.full())
        });
        let checked = came.and_then(|md5| {
            let md5 = md5.unwrap_or_default();
            let announced = announced(&mut client.conn, &upload.promise)?;
            Ok((md5, announced))
        });
        let (md5, announced) = match checked {
            Ok(both) => both,
            // This machine's fault: the client can be told.
            Err(trouble) if trouble.exit == Exit::NotHere => {
                drop(draft);
                let held = grouped(self.room.taken());
                let held = say!("uploads under way hold {held} bytes", "进行中的上传占 {held} 字节");
                let why = Text::new("{}; {}", "{}；{}").with_all([&trouble.text, &held]);
                drop(share);
                let left = (upload.promise != Promise::Follows).then_some(size - have);
                return decline(client, &refusal(upload, why), left, began);
            }
            Err(trouble) => {
                drop(draft);
                let status = Status::Failed(trouble.text);
                let took = began.elapsed();
                log(client, &Transfer { direction: "put", name, bytes: Some(size), md5: None, status: &status, took });
                return Ok(AfterRequest::HangUp);
            }
        };
        if let Err(why) = kept(draft, announced, &md5) {
            return decline(client, &refusal(upload, why), Some(0), began);
        }
        let took = began.elapsed();
        let transfer =
            Transfer { direction: "put", name, bytes: Some(size), md5: Some(&md5), status: &Status::Stored, took };
        log(client, &transfer);
        if receipts {
            receipt::send(&mut client.conn, &Receipt::Stored { md5: md5.clone() }, name, size)?;
        }
        Ok(AfterRequest::Request)
    }

    /// No room for more: the machine has some, but this server may not take it.
    fn full(&self) -> Trouble {
        let most = grouped(self.service.held);
        Trouble::local(say!("no room for more just now (--max-held: {most})", "现在没有更多空间（--max-held：{most}）"))
    }
}

/// An upload whose header was none, with what it was instead: in the text, which is all that a log has.
fn mistaken(client: &mut Client, trouble: Trouble) -> Trouble {
    let settle = client.conn.patience().settle;
    let trouble = explained(trouble, &mut client.conn, Some(I32_LE), settle);
    Trouble { text: trouble.told(), hint: None, ..trouble }
}

/// A download under way, for the log.
struct Sending<'s> {
    name: &'s str,
    size: Option<u64>,
    md5: Option<String>,
    began: Instant,
}

impl Sending<'_> {
    fn log(&self, client: &Client, status: &Status) {
        let Sending { name, size: bytes, md5, began } = self;
        let transfer =
            Transfer { direction: "get", name, bytes: *bytes, md5: md5.as_deref(), status, took: began.elapsed() };
        log(client, &transfer);
    }
}

fn log(client: &Client, transfer: &Transfer) {
    let seconds = transfer.took.as_secs_f64();
    let line = transfer.line();
    let line = Text::made(format!("{}  ({seconds:.3} s)", line.en), format!("{}  （{seconds:.3} 秒）", line.zh));
    transfer.write(client.conn.console(), Some(client.address), &line);
}

/// One unframed text, sent in one call.
fn message(conn: &mut Connection, label: Text, text: &str) -> Result<()> {
    let doing = Text::new("sending {}", "发送{}").with(&label);
    conn.outgoing(label);
    conn.send_all(text.as_bytes(), Part::Body).map_err(|e| Trouble::call(&doing, &e))
}

/// Waits for an acknowledgement. The documents' own words are read exactly: a client that does not wait for the file
/// may have sent its next request right behind them.
fn acknowledged(conn: &mut Connection, settle: Duration) -> Result<()> {
    conn.briefly();
    let came = answers::acknowledgement(conn, settle);
    conn.at_leisure();
    came.map(drop)
}

/// The second acknowledgement of an empty file. Nothing comes between it and the first, so both may have come as one
/// text: then no other will.
fn once_more(conn: &mut Connection, settle: Duration) -> Result<()> {
    let doing = Text::new("waiting for the acknowledgement", "等待确认");
    let mut text = [0; LONGEST_ACK];
    let came = conn.recv_within(&mut text, Part::Body, settle.max(Duration::from_secs(1)));
    came.map(drop).map_err(|e| Trouble::call(&doing, &e))
}

/// Names that this program gives to folders of files which are not complete, also as a file system would fold them. None
/// of them leads to such a file; but a folder has no place where a file of its name is.
fn plain(name: FileName) -> std::result::Result<FileName, Text> {
    let folded = name.as_str().chars().flat_map(|c| match c {
        // They fold to s and k (Unicode, CaseFolding.txt).
        '\u{17f}' => 's'.to_lowercase(),
        c => c.to_lowercase(),
    });
    if folded.collect::<String>().starts_with(PREFIX) {
        let shown = escaped(name.as_str());
        return Err(say!("{shown}: names like this are for files on their way", "{shown}：这类名字留给传输中的文件"));
    }
    Ok(name)
}

fn unreserved(upload: Upload) -> std::result::Result<Upload, HeaderRefusal> {
    plain(upload.name.clone()).map_err(|why| refusal(&upload, why))?;
    Ok(upload)
}

fn refusal(upload: &Upload, why: Text) -> HeaderRefusal {
    let name = upload.name.as_str().to_owned();
    HeaderRefusal { name, size: Some(upload.size), receipts: upload.promise != Promise::Nothing, why }
}

/// What came becomes the file, unless its digest is not the one that was announced: then it is gone before anybody hears
/// of it.
fn kept(draft: DraftFile, announced: Option<String>, md5: &str) -> std::result::Result<(), Text> {
    match announced {
        Some(announced) if announced != md5 => {
            drop(draft);
            Err(say!(
                "the MD5 differs: {announced} was announced, {md5} came",
                "MD5 不同：宣布的是 {announced}，收到的是 {md5}"
            ))
        }
        _ => draft.keep().map_err(|trouble| trouble.text),
    }
}

/// The digest that the client announces, now that the body is there.
fn announced(conn: &mut Connection, promise: &Promise) -> Result<Option<String>> {
    match promise {
        Promise::Nothing => Ok(None),
        Promise::Digest(md5) => Ok(Some(md5.clone())),
        Promise::Follows => {
            let doing = Text::new("waiting for the MD5", "等待 MD5");
            conn.incoming(Text::new("MD5", "MD5"));
            conn.briefly();
            let length = protocols::length(conn, 1024).map_err(Trouble::stopped(&doing))?;
            let length = length.ok_or_else(|| {
                Trouble::peer("ended", Text::new("the client left before the MD5", "客户端在 MD5 之前就离开了"))
            })?;
            let bytes = protocols::words(conn, length, Part::Header).map_err(Trouble::stopped(&doing))?;
            conn.at_leisure();
            header::parse_digest(&bytes).map(Some).map_err(|why| Trouble::peer("syntax", why))
        }
    }
}

/// Says no, where the client's protocol has a place for it. `left` bytes of the body are still to come, if that is
/// known and they are all that comes.
fn decline(client: &mut Client, refusal: &HeaderRefusal, left: Option<u64>, began: Instant) -> Result<AfterRequest> {
    let status = Status::Refused(refusal.why.clone());
    let (name, bytes, took) = (refusal.name.as_str(), refusal.size, began.elapsed());
    log(client, &Transfer { direction: "put", name, bytes, md5: None, status: &status, took });
    if !refusal.receipts {
        return Ok(AfterRequest::HangUp);
    }
    let reason = refusal.why.to(client.conn.console().style().lang).to_owned();
    receipt::send(&mut client.conn, &Receipt::Refused { reason }, name, bytes.unwrap_or_default())?;
    match left {
        Some(left) if left <= SKIPPED => {
            client.conn.body_begins();
            match pump::inward(&mut client.conn, left, false, &mut sink(), |_| Ok(())) {
                Ok(_) => Ok(AfterRequest::Request),
                // The client may have stopped; that is no news any more.
                Err(_) => Ok(AfterRequest::HangUp),
            }
        }
        _ => {
            end_in_order(&mut client.conn);
            Ok(AfterRequest::HangUp)
        }
    }
}

/// Hangs up so that the last words arrive: bytes that nobody reads would turn the close into a reset, which can
/// overtake them (RFC 2525 §2.17).
fn end_in_order(conn: &mut Connection) {
    conn.within(Duration::from_secs(2));
    let mut rest = vec![0; 64 << 10];
    // However it ends: nothing more is to be said.
    let _ = conn.shutdown();
    while conn.recv(&mut rest, Part::Body).is_ok_and(|n| n > 0) {}
}

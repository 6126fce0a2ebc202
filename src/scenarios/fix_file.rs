//! A real file both ways: up with a JSON header, down with its size before it and its MD5 behind it.

use super::prelude::*;
use super::wire::{Figure, UploadHeader, requested, short, size_and_md5};
use crate::claims::Draft;
use crate::framing::digest::{Digest, Md5, hex_digits, md5_hex};
use crate::framing::{I32_LE, decimal, whole_body};
use crate::net::Outgoing;
use crate::play::NotPossible;
use crate::sys::filename::FileName;
use crate::sys::scratch::Scratch;
use crate::trace::Role;
use std::fs::{self, File};
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;

pub(super) fn scenario() -> Scenario {
    Scenario::new("fix-file", SyllabusPart::Fix, &["D0", "D1 §13", "D4"])
        .title("a file up and down", "文件上传与下载")
        .question("a file up, and down again: is it the same at both ends?", "文件上传再下载：两端完全相同吗？")
        .claim(
            "A file goes up behind a JSON header and comes down with its MD5 behind it: equal on both ends.",
            "文件带着 JSON 报头上传，再带着 MD5 下载：两端完全相同。",
        )
        .takes(&[Opt::Nodelay, Opt::RecvSize, Opt::Race])
        .recv_size(16 << 10)
        .nodelay(true)
        .client(client)
        .server(server)
        .judge(judge)
        .on_link(Variation::Calls)
        .words("md5 checksum file-transfer 校验 文件传输")
        .teach(teach)
}

/// D0's file. Python writes it `\u4e13\u9898\u6d77\u62a5.jpg` into the header.
const NAME: &str = "专题海报.jpg";

/// A name that D1's server would join to its directory and follow out of it.
const OUTSIDE: &str = "../outside.txt";

const FILE_SIZE: usize = 4 * QUARTER;

/// What goes into one send. The sender then stops until the receiver has stored it, so that every run
/// shows the same pieces; it fits into one segment on loopback.
const QUARTER: usize = 30_000;

/// The gate of each direction: another quarter is stored.
const UP: &str = "uploaded";
const DOWN: &str = "downloaded";

/// The largest file that either end takes, in bytes.
const MAX_FILE: usize = 16 << 20;

/// The digits of an MD5.
const TRAILER: usize = 32;

/// What D4's client says when it has the size.
const READY: &str = "客户端准备好接收数据内容了";

/// Bytes as irregular as a picture's, the same on every run.
fn poster() -> Vec<u8> {
    let mut state = 1u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..FILE_SIZE).map(|_| byte()).collect()
}

fn client(end: &End) -> Ends {
    let dir = scratch_dir("client")?;
    let poster_path = dir.path().join(NAME);
    fs::write(&poster_path, poster()).map_err(|e| file_error(NAME, &e))?;
    upload(end, &poster_path)?;
    download(end, dir.path())?;
    upload_outside(end)
}

fn upload(end: &End, path: &Path) -> Ends {
    let s = end.connect()?;
    let data = fs::read(path).map_err(|e| file_error(NAME, &e))?;
    let announcement = UploadHeader::encode(NAME, data.len())?;
    let (header, bytes) = (announcement.len(), [&announcement, &data[..]].concat());
    let file = end.framed(bytes, header, Some(Text::same(format!("put {NAME}"))));
    s.send_all(file.part(0..I32_LE.width()))?;
    s.send_all(file.part(I32_LE.width()..header))?;
    let md5 = send_hashed(end, &s, &file, UP)?;
    report(end, &Text::new("sent", "已发送"), data.len(), &md5);
    Ok(())
}

/// Sends the file behind a message's header piece by piece and hashes it on the way. It is read once.
fn send_hashed(end: &End, s: &Conn, file: &Outgoing, stored: &'static str) -> anyhow::Result<String> {
    let mut md5 = Md5::new();
    for (n, at) in (file.header_len()..file.len()).step_by(QUARTER).enumerate() {
        if n > 0 {
            let percent = 25 * n;
            end.pass(stored, say!("until {percent} % is stored", "等到 {percent} % 已存盘"))?;
        }
        let piece = file.part(at..file.len().min(at + QUARTER));
        md5.update(piece.bytes());
        s.send_all(piece)?;
    }
    Ok(hex_digits(md5))
}

fn download(end: &End, dir: &Path) -> Ends {
    let s = end.connect()?;
    s.send(format!("get {NAME}").as_bytes())?;
    let digits = s.recv(1024)?;
    s.deliver(&digits);
    let size = decimal::parse(&digits, MAX_FILE)?;
    s.send(READY.as_bytes())?;
    store(end, &s, &dir.join(format!("{NAME}_new")), &Coming { size, behind: TRAILER, stored: DOWN })?;
    s.deliver(&s.recv_exact(TRAILER, TRAILER)?);
    Ok(())
}

/// Announces a file that would land outside the server's directory. A good server hangs up.
fn upload_outside(end: &End) -> Ends {
    let s = end.connect()?;
    let announcement = UploadHeader::encode(OUTSIDE, 5)?;
    s.send_message(&end.labelled(announcement, Text::same(format!("put {OUTSIDE}"))))?;
    s.recv(1024)?;
    Ok(())
}

fn server(end: &End) -> Ends {
    serve(end, store)
}

/// A file that is about to come.
struct Coming {
    /// Its size.
    size: usize,
    /// How many bytes follow it at once.
    behind: usize,
    /// The gate that opens whenever another quarter is stored.
    stored: &'static str,
}

/// How an end brings a file to the disk.
type SaveUpload = fn(&End, &Conn, &Path, &Coming) -> Ends;

fn serve(end: &End, store: SaveUpload) -> Ends {
    // One folder below another, so that a file that got out of the first lands in the second.
    let outer = scratch_dir("server")?;
    let dir = outer.path().join("files");
    fs::create_dir(&dir).map_err(|e| file_error("files", &e))?;
    let listener = end.listen()?;
    let good = UploadHeader::encode(NAME, FILE_SIZE)?.len() + QUARTER;
    take_uploads(end, listener.accept()?, &dir, store, good)?;
    answer_download(end, listener.accept()?, &dir)?;
    let bad = UploadHeader::encode(OUTSIDE, 5)?.len();
    take_uploads(end, listener.accept()?, &dir, store, bad)
}

/// Takes one file after the other, as long as the client announces any. `comes` is how much the page's
/// client sends before it stops; it is waited for, so that every run shows the same queue.
fn take_uploads(end: &End, conn: Conn, dir: &Path, store: SaveUpload, comes: usize) -> Ends {
    if !end.alone() {
        conn.wait_queued(comes)?;
    }
    while let Some(put) = UploadHeader::read(&conn, MAX_FILE)? {
        match FileName::parse(&put.filename) {
            Ok(name) => {
                store(end, &conn, &name.within(dir), &Coming { size: put.filesize, behind: 0, stored: UP })?;
            }
            Err(refusal) => {
                conn.deliver(&put.bytes);
                let got_out = usize::from(dir.join(&put.filename).exists());
                end.found(refusal, Some(got_out), &[]);
                break;
            }
        }
    }
    Ok(())
}

fn answer_download(end: &End, conn: Conn, dir: &Path) -> Ends {
    let name = requested(&conn.recv(1024)?)?;
    let data = fs::read(name.within(dir)).map_err(|e| file_error(name.as_str(), &e))?;
    conn.send(data.len().to_string().as_bytes())?;
    conn.recv(1024)?;
    let file = end.labelled(data.as_slice(), Text::same(name.to_string()));
    let md5 = send_hashed(end, &conn, &file, DOWN)?;
    conn.send_message(&end.labelled(md5.as_bytes(), Text::same("MD5")))?;
    report(end, &Text::new("sent", "已发送"), data.len(), &md5);
    conn.recv(1024)?;
    Ok(())
}

/// Reads exactly `size` bytes of file, each piece written as it comes.
fn store(end: &End, conn: &Conn, path: &Path, coming: &Coming) -> Ends {
    let size = coming.size;
    let mut file = File::create(path).map_err(|e| file_error(NAME, &e))?;
    let mut data = Vec::new();
    while data.len() < size {
        let remaining = size - data.len();
        if data.len() % QUARTER == 0 {
            conn.wait_queued(if remaining > QUARTER { QUARTER } else { remaining + coming.behind })?;
        }
        let piece = conn.recv(end.recv_size().min(remaining))?;
        if piece.is_empty() {
            break;
        }
        file.write_all(&piece).map_err(|e| file_error(NAME, &e))?;
        data.extend_from_slice(&piece);
        progress(end, data.len() - piece.len()..data.len(), coming);
    }
    whole_body(&data, size)?;
    conn.deliver(&data);
    drop(file);
    report_stored(end, path)
}

/// Notes how far the file has come, and lets the sender go on.
fn progress(end: &End, range: Range<usize>, coming: &Coming) {
    for n in 1..=4 {
        if range.contains(&((n * coming.size).div_ceil(4) - 1)) {
            end.note(Text::same(format!("{NAME}: {} %", 25 * n)));
            end.open(coming.stored);
        }
    }
}

/// Reads the stored file back: what is on the disk counts.
fn report_stored(end: &End, path: &Path) -> Ends {
    let stored = fs::read(path).map_err(|e| file_error(NAME, &e))?;
    report(end, &Text::new("stored", "已存盘"), stored.len(), &md5_hex(&stored));
    Ok(())
}

/// Notes a file's size and digest at this end.
fn report(end: &End, what: &Text, size: usize, md5: &str) {
    let (bytes, digits) = (grouped(size as u64), short(md5.as_bytes()));
    let note = say!("{{}} {NAME}: {bytes} bytes, MD5 {digits}", "{{}} {NAME}：{bytes} 字节，MD5 {digits}");
    end.found(note.with(what), Some(size), md5.as_bytes());
}

fn scratch_dir(whose: &str) -> anyhow::Result<Scratch> {
    let reason = |e| {
        let place = std::env::temp_dir();
        let place = place.display();
        say!(
            "no temporary directory in {place}: {e}; let TMPDIR name a folder you may write to",
            "在 {place} 里建不了临时目录：{e}；请让 TMPDIR 指向一个可写的文件夹"
        )
    };
    Ok(Scratch::folder(whose).map_err(|e| NotPossible(reason(e)))?)
}

fn file_error(name: &str, error: &std::io::Error) -> NotPossible {
    NotPossible(say!("{name}: {error}", "{name}：{error}"))
}

fn judge(j: &Judge) {
    let [client, server] = [reported(j, Client), reported(j, Server)];
    same_file(
        j.claim("upload-whole", "uploaded: size and MD5 are equal on both ends", "上传：两端的大小和 MD5 都相等"),
        [&client.just(0), &server.just(0)],
    );
    same_file(
        j.claim("download-whole", "downloaded: size and MD5 are equal on both ends", "下载：两端的大小和 MD5 都相等"),
        [&server.just(1), &client.just(1)],
    );

    let (stored, arrived) = (client.just(1), j.delivered(Client).only(|e| e.bytes.len() == TRAILER).just_last());
    let behind = arrived.first().map_or(Vec::new(), |e| e.bytes.clone());
    let text = Text::new("the MD5 behind the download is the stored file's", "下载末尾的 MD5 就是存盘文件的");
    j.claim_text("md5-arrived", text).of(&stored.and(&arrived)).equal(
        [figures(&stored)[1].clone()],
        [Figure::Md5(behind)],
        |[md5]| Text::same(format!("MD5 {md5}")),
    );
    name_refused(j);
}

/// The files that one end reported: of each event `returned` is the size and `made` the MD5.
fn reported<'a>(j: &Judge<'a>, role: Role) -> Events<'a> {
    j.found(role).only(|e| e.made.len() == TRAILER)
}

/// What was reported of a file; nothing is `0 bytes, MD5 -`.
fn figures(file: &Events) -> [Figure; 2] {
    let (size, md5) = file.first().map_or((0, Vec::new()), |e| (e.returned.unwrap_or(0), e.made.clone()));
    [Figure::Size(size), Figure::Md5(md5)]
}

fn same_file<'a>(claim: Draft<'_, 'a>, [sent, stored]: [&Events<'a>; 2]) {
    claim.of(&sent.and(stored)).equal(figures(sent), figures(stored), size_and_md5);
}

fn name_refused(j: &Judge) {
    let refused = j.found(Server).only(|e| e.made.is_empty() && e.returned.is_some()).just_first();
    let got_out = refused.iter().any(|e| e.returned != Some(0));
    let said =
        refused.first().and_then(|e| e.note.as_deref().cloned()).unwrap_or(Text::new("it was taken", "被接受了"));
    let text = Text::new("a name that leads out of the directory is refused", "指向目录之外的文件名被拒绝");
    j.claim_text("name-refused", text).of(&refused).same(
        FileName::parse(OUTSIDE).err().unwrap_or_default(),
        if got_out { Text::new("a file lies outside", "目录之外有了文件") } else { said },
    );
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "Both sides know the size before the first byte, so both know the last one.",
        "传第一个字节之前双方就知道大小，所以都知道最后一个字节在哪里。",
        "Beej's Guide §7.6",
    )
    .why(
        "TCP's checksum is 16 bits wide and ends at the host; a digest covers the file from disk to disk.",
        "TCP 校验和只有 16 位，而且只管到主机；摘要管的是从磁盘到磁盘的整个文件。",
        "RFC 9293 §3.1; RFC 1321",
    )
    .why(
        "A name from the network is data: joined to a directory unchecked, it leads anywhere.",
        "网络上来的文件名只是数据：不检查就拼到目录后面，它可以指向任何地方。",
        "CWE-22",
    )
    .next("fix-file --recv-size 1000", "other pieces, the same file", "分块不同，文件相同")
    .next("fix-concurrent", "several uploads at once", "几个上传同时进行")
    .next("fix-exact", "why the MD5 needs no second acknowledgement", "为什么 MD5 不用再等一次确认")
    .control(
        "the server takes the upload with one recv(filesize), as D1 §12 prints it",
        "服务器像 D1 §12 那样，用一次 recv(filesize) 接收上传",
        |e| {
            e.server(|end| serve(end, store_one_recv));
        },
    )
}

/// The control: one recv for the whole file, as D1 §12 prints it. What comes later is thrown away.
fn store_one_recv(end: &End, conn: &Conn, path: &Path, coming: &Coming) -> Ends {
    conn.wait_queued(QUARTER)?;
    let data = conn.recv(coming.size)?;
    fs::write(path, &data).map_err(|e| file_error(NAME, &e))?;
    conn.deliver(&data);
    report_stored(end, path)?;
    for _ in 1..4 {
        end.open(coming.stored);
        conn.wait_queued(QUARTER)?;
        conn.recv(QUARTER)?;
    }
    Ok(conn.recv_to_end(QUARTER)?)
}

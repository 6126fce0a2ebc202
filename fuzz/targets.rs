//! What must hold whatever bytes a peer sends. Each target takes the fuzzer's bytes and panics when something does
//! not hold. libFuzzer runs them (`cargo +nightly fuzz run framing`, see README.md), and `cargo test` replays the
//! committed corpus on every system (tests/corpus.rs).
//!
//! Beyond "no panic": the same result however the stream is cut; memory bounded by what arrived or by the limit,
//! never by what a length claims; what is written reads back as it was.

use crate::live;
use crate::meter::metered;
use crate::script::{Bytes, Dice, Ending, Script};
use serde_json::Value;
use std::path::{Component, Path};
use std::sync::LazyLock;
use std::time::Duration;
use stickdemo::framing::json::{self, Json};
use stickdemo::framing::protocols::{self, Framed, More, Terms};
use stickdemo::framing::{
    Decoder, Fault, Frame, Framing, I32_LE, Kind, Limits, LineFeed, Look, Netstring, U8, U16_BE, U32_BE, U32_LE,
    decimal,
};
use stickdemo::programs::Spelling;
use stickdemo::programs::answers::{self, Manner, Outputs};
use stickdemo::programs::files::header::{self, Promise, Upload};
use stickdemo::programs::files::receipt::Receipt;
use stickdemo::programs::runner::allow::Allowed;
use stickdemo::programs::trouble::{self, Trouble};
use stickdemo::render::report::{Reader, Report, lines};
use stickdemo::render::{self, Style};
use stickdemo::sys::filename::FileName;
use stickdemo::text::{Lang, Text, excerpt, quantity};
use stickdemo::trace::Part;

/// Takes the fuzzer's bytes; panics when something does not hold.
pub type Target = fn(&[u8]);

/// Every target by name: a folder of the corpus and a file of fuzz_targets have the same.
pub const TARGETS: &[(&str, Target)] = &[
    ("framing", framing),
    ("numbers", numbers),
    ("json_header", json_header),
    ("reading", reading),
    ("names", names),
    ("answers", answers),
    ("commands", commands),
    ("uploads", uploads),
    ("sessions", sessions),
    ("recordings", recordings),
];

const FRAMINGS: [&dyn Framing; 8] = [&I32_LE, &Json, &U32_LE, &U32_BE, &U16_BE, &U8, &LineFeed, &Netstring];
const LIMITS: [Limits; 3] =
    [Limits { header: 64 << 10, body: 16 << 20 }, Limits { header: 60, body: 300 }, Limits { header: 0, body: 0 }];

/// What a JSON header may hold while it is read, for each of its bytes: "[0,0,0" has a value of some 70 bytes for every
/// two, in a vector that doubles.
const JSON: usize = 160;

/// What anything may hold: sentences for people, small buffers.
const ROOM: usize = 8192;

/// What a decoder made of a stream: the frames, then how it ended.
type Decoded = (Vec<Frame>, Result<(), Fault>);

/// The decoder, fed at once, in pieces, and with exactly what it asks for.
pub fn framing(data: &[u8]) {
    let mut control = Bytes(data);
    let framing = control.of(&FRAMINGS);
    let limits = control.of(&LIMITS);
    let (largest, seed) = (usize::from(control.byte()) + 1, control.pair());
    let stream = control.rest();
    let ((), peak) = metered(|| {
        let mut decoder = Decoder::new(framing, limits);
        decoder.feed(stream);
        while let Ok(Some(_)) = decoder.next_frame() {}
    });
    // The buffer, one frame's copy of it, what a JSON header holds while it is read, a fault's sentence.
    let json = if framing.kind() == Kind::Json { JSON } else { 0 };
    assert!(peak <= (3 + json) * stream.len() + ROOM, "{peak} bytes held for {} that came", stream.len());
    let whole = decode(framing, limits, [stream]);
    let mut dice = Dice::new(seed);
    let mut left = stream;
    let pieces = std::iter::from_fn(|| {
        let (piece, rest) = left.split_at(dice.size(largest).min(left.len()));
        left = rest;
        (!piece.is_empty()).then_some(piece)
    });
    assert_eq!(decode(framing, limits, pieces), whole, "in pieces");
    assert_eq!(as_wanted(framing, limits, stream), whole, "as asked for");
    faithful(framing, stream, &whole);
}

fn decode<'d>(framing: &dyn Framing, limits: Limits, pieces: impl IntoIterator<Item = &'d [u8]>) -> Decoded {
    let mut decoder = Decoder::new(framing, limits);
    let mut frames = Vec::new();
    for piece in pieces {
        decoder.feed(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(fault) => return (frames, Err(fault)),
            }
        }
    }
    (frames, decoder.finish())
}

/// The reader that never takes a byte of the next frame.
fn as_wanted(framing: &dyn Framing, limits: Limits, mut stream: &[u8]) -> Decoded {
    let mut decoder = Decoder::new(framing, limits);
    let mut frames = Vec::new();
    loop {
        match decoder.next_frame() {
            Ok(Some(frame)) => frames.push(frame),
            Err(fault) => return (frames, Err(fault)),
            Ok(None) if stream.is_empty() => return (frames, decoder.finish()),
            Ok(None) => {
                let wanted = decoder.wanted();
                assert!(wanted > 0, "nothing to give, nothing wanted");
                let (piece, rest) = stream.split_at(wanted.min(stream.len()));
                decoder.feed(piece);
                stream = rest;
            }
        }
    }
}

/// The frames are the stream, cut; and a header is what this framing would have written (JSON has many ways to).
fn faithful(framing: &dyn Framing, stream: &[u8], (frames, end): &Decoded) {
    let mut at = 0;
    for frame in frames {
        assert_eq!(frame.offset, at as u64);
        for part in [&frame.header[..], &frame.body, frame.trailer] {
            assert_eq!(stream.get(at..at + part.len()), Some(part), "the stream's bytes");
            at += part.len();
        }
        let written = framing.frame(&frame.body).expect("a body that was read can be written");
        if framing.kind() == Kind::Json {
            assert_eq!(decode(framing, LIMITS[0], [&written[..]]).0[0].body, frame.body);
        } else {
            assert_eq!(written, [&frame.header[..], &frame.body, frame.trailer].concat());
        }
    }
    if end.is_ok() {
        assert_eq!(at, stream.len(), "nothing is left over at a boundary");
    }
    told(end);
}

/// A reason can be said in both languages.
fn told<T>(result: &Result<T, Fault>) {
    if let Err(fault) = result {
        assert!(!fault.text().en.is_empty() && !fault.text().zh.is_empty());
    }
}

/// Lengths, sizes and durations: as fields and as text.
pub fn numbers(data: &[u8]) {
    let mut control = Bytes(data);
    let limit = control.of(&[usize::MAX, 16 << 20, 1000, 0]);
    let bytes = control.rest();
    for field in [I32_LE, U32_LE, U32_BE, U16_BE, U8] {
        let read = field.unpack(bytes, limit);
        told(&read);
        if let Ok(length) = read {
            assert!(length <= limit);
            assert_eq!(field.pack(length as u64).as_deref(), Ok(&bytes[..field.width()]));
        }
        assert_eq!(matches!(field.look(bytes, &LIMITS[0]), Ok(Look::Short(_))), bytes.len() < field.width());
    }
    if let Ok(length) = decimal::parse(bytes, limit) {
        assert!(length <= limit);
        let significant = bytes.iter().position(|b| *b != b'0').unwrap_or(bytes.len() - 1);
        assert_eq!(decimal::header(length), &bytes[significant..]);
    }
    let text = String::from_utf8_lossy(bytes);
    if let Ok(size) = quantity::size(&text) {
        let written = quantity::write_size(size as u64);
        assert_eq!(quantity::size(&written).ok(), Some(size), "{written}");
    }
    let longest = Duration::from_secs(3600);
    if let Ok(duration) = quantity::duration(&text, longest) {
        assert!(duration <= longest);
    }
}

/// A JSON header: parsed, written as Python does, parsed again.
pub fn json_header(data: &[u8]) {
    let (parsed, peak) = metered(|| json::parse(data));
    assert!(peak <= JSON * data.len() + ROOM, "{peak} bytes held for a header of {}", data.len());
    told(&parsed);
    let Ok(fields) = parsed else { return };
    for (name, limit) in [("data_size", 1000), ("filesize", usize::MAX)] {
        let size = json::size(&fields, name, limit);
        told(&size);
        assert!(size.is_ok_and(|size| size <= limit) || fields.get(name) != Some(&Value::from(0)));
    }
    let _ = json::text(&fields, "filename").map_err(|fault| fault.text());
    let value = Value::Object(fields);
    let written = json::dumps(&value);
    assert!(written.bytes().all(|b| matches!(b, b' '..=b'~')), "only ASCII: {written}");
    let again = serde_json::from_str::<Value>(&written).expect("what is written can be read");
    // A fraction's last digit may move; nothing on the wire has one.
    if !fraction(&value) {
        assert_eq!(again, value);
    }
}

fn fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(values) => values.iter().any(fraction),
        Value::Object(fields) => fields.values().any(fraction),
        _ => false,
    }
}

const DOING: Text = Text::new("while fuzzing", "模糊测试时");
const QUIET: Duration = Duration::from_millis(50);

/// The readers, on a connection that delivers, pauses and ends as the fuzzer likes.
pub fn reading(data: &[u8]) {
    let mut control = Bytes(data);
    let how = control.byte();
    let ending = control.of(&[Ending::Closed, Ending::Silent, Ending::Reset]);
    let limit = control.of(&[64 << 10, 255, 16, 1]);
    let (largest, pauses) = (usize::from(control.byte()) + 1, usize::from(control.byte() % 8));
    let dice = Dice::new(control.pair());
    let stream = control.rest();
    let script = |pauses| Script::new(stream, ending, dice.clone(), largest, pauses);
    match how % 3 {
        0 => headers(stream, ending, limit, script(0)),
        1 => text(stream, limit, script(pauses)),
        _ => acknowledgement(stream, limit, script(pauses)),
    }
}

/// An i32le length and its JSON header, as every upload has them: nothing beyond them is taken.
fn headers(stream: &[u8], ending: Ending, limit: usize, mut cut: Script) {
    let read = |source: &mut Script| -> trouble::Result<_> {
        let doing = DOING;
        let stopped = Trouble::stopped(&doing);
        let Some(length) = protocols::length(source, limit).map_err(&stopped)? else { return Ok(None) };
        let bytes = protocols::words(source, length, Part::Header).map_err(&stopped)?;
        Ok(Some((length, json::parse(&bytes)?)))
    };
    let (got, peak) = metered(|| read(&mut cut));
    assert!(peak <= limit + JSON * stream.len().min(limit) + ROOM, "{peak} bytes held, the limit is {limit}");
    let mut at_once = Script::new(stream, ending, Dice::new(0), usize::MAX / 8, 0);
    assert_eq!(read(&mut at_once), got, "at once");
    match got {
        Ok(Some((length, _))) => assert_eq!(cut.taken(), 4 + length, "read exactly"),
        Ok(None) => assert!(stream.is_empty()),
        Err(trouble) => assert!(!trouble.text.en.is_empty() && cut.taken() <= 4 + limit),
    }
}

/// Unframed text: what came until a silence or the end, never a part of a character.
fn text(stream: &[u8], limit: usize, mut script: Script) {
    let (got, peak) = metered(|| protocols::text(&mut script, limit, QUIET));
    assert!(peak <= 4 * (limit + 1) + ROOM, "{peak} bytes held, the limit is {limit}");
    match got {
        Ok(None) => assert!(stream.is_empty() && script.ended()),
        Ok(Some((text, protocols::Ending::Stream))) => assert!(text == stream && script.ended()),
        Ok(Some((text, protocols::Ending::Quiet))) => {
            assert!(script.silent(), "only silence ends it");
            assert_eq!(stream.get(..text.len()), Some(&text[..]));
            let inside = std::str::from_utf8(&text).is_err_and(|e| e.error_len().is_none());
            assert!(!inside, "cut inside a character");
            assert!(text.len() <= limit);
        }
        Ok(Some((_, ending))) => panic!("{ending:?}"),
        Err(reason) => assert!(!matches!(reason, protocols::Reason::TooLong(_)) || script.taken() > limit),
    }
}

/// A known acknowledgement ends at once, a prefix of one goes on, everything else ends with silence.
fn acknowledgement(stream: &[u8], limit: usize, mut script: Script) {
    const KNOWN: [&[u8]; 2] = [b"recv_ready", b"ok"];
    let more = |bytes: &[u8]| {
        if KNOWN.contains(&bytes) {
            More::None
        } else if KNOWN.iter().any(|known| known.starts_with(bytes)) {
            More::Certain
        } else {
            More::Possible
        }
    };
    let got = protocols::unframed(&mut script, limit, Part::Body, QUIET, more);
    if let Ok(Some((word, end))) = got {
        assert!(!word.is_empty() && stream.starts_with(&word) && word.len() <= limit);
        assert_eq!(script.taken(), word.len(), "nothing is kept back");
        match more(&word) {
            More::None => {}
            More::Certain => assert!(end == protocols::Ending::Stream && script.ended()),
            More::Possible => assert!(script.silent() || script.ended()),
        }
    }
}

/// Names of files, and whatever a peer says that is shown to people.
pub fn names(data: &[u8]) {
    let name = String::from_utf8_lossy(data);
    let words = excerpt(&name);
    assert!(!words.chars().any(char::is_control) && words.chars().count() <= 303);
    let Ok(plain) = FileName::parse(&name) else { return };
    assert_eq!(plain.as_str(), name);
    assert!(plain.as_str().len() <= 255 && !name.contains(['/', '\\', ':', '\0']));
    let place = plain.within(Path::new("root"));
    let parts: Vec<Component> = place.components().collect();
    assert!(
        matches!(parts[..], [Component::Normal(root), Component::Normal(file)] if root == "root" && file == name.as_ref())
    );
}

const FRAMED: [Framed; 4] = [Framed::I32Le, Framed::Json, Framed::Ack, Framed::None];

/// Answers to commands, from any server; and those of this program, read back.
pub fn answers(data: &[u8]) {
    let mut control = Bytes(data);
    let (framed, both) = (control.of(&FRAMED), control.byte() % 2 == 1);
    let ending = control.of(&[Ending::Closed, Ending::Silent, Ending::Reset]);
    let limits = control.of(&LIMITS);
    let (largest, dice) = (usize::from(control.byte()) + 1, Dice::new(control.pair()));
    let stream = control.rest();
    let terms = Terms { framed, limits, settle: QUIET, last: both };
    let receive = |stream: &[u8], dice: Dice, largest| {
        let mut script = Script::new(stream, ending, dice, largest, 0);
        let (mut body, mut have) = (Vec::with_capacity(stream.len()), 0);
        let (got, peak) = metered(|| {
            answers::receive(&mut script, &terms, &DOING, |piece| {
                have += piece.len();
                body.extend_from_slice(piece);
            })
        });
        // A header, and one piece, whatever the length says.
        assert!(peak <= (1 + JSON) * stream.len() + limits.header + (64 << 10) + ROOM, "{peak} bytes held");
        assert!(have <= limits.body || got.is_err());
        assert!(stream.ends_with(&body) || stream.windows(body.len()).any(|part| part == body), "the stream's bytes");
        if let (Ok((length, _)), Framed::I32Le | Framed::Json) = (&got, framed) {
            assert!(*length == have && script.taken() >= 4 + have, "all of it");
        }
        (got, body)
    };
    let plain = |(got, body): (trouble::Result<_>, Vec<u8>)| match framed {
        // Digits have no end: what is wrong with them is judged from as many bytes as came at once.
        Framed::Ack => (got.map_err(|_| Trouble::peer("syntax", DOING)), body),
        _ => (got, body),
    };
    let cut = plain(receive(stream, dice.clone(), largest));
    let at_once = plain(receive(stream, dice.clone(), usize::MAX / 8));
    assert_eq!(at_once.0, cut.0, "at once");
    // Of an answer that is too long, or breaks off, more or less was handed on before.
    assert!(at_once.1 == cut.1 || cut.0.is_err(), "the same bytes at once");
    if !stream.is_empty() {
        read_back(stream, framed, both, dice, largest);
    }
}

/// What one side sends, the other receives: the stream as the two outputs of a command.
fn read_back(stream: &[u8], framed: Framed, both: bool, dice: Dice, largest: usize) {
    let (stderr, stdout) = stream.split_at(usize::from(stream[0]) % (stream.len() + 1));
    let outputs = Outputs { stderr: stderr.to_vec(), stdout: stdout.to_vec() };
    let mut server = Script::new(b"ok", Ending::Silent, Dice::new(0), 1, 0);
    let manner = Manner { framed, both, settle: QUIET };
    let left_out = manner.leaves_out(&outputs);
    answers::send(&mut server, manner, outputs, &DOING).expect("nothing hinders it");
    let expected = if left_out > 0 { stderr } else { stream };
    let terms = Terms { framed, limits: LIMITS[0], settle: QUIET, last: true };
    let mut body = Vec::new();
    let mut take = |sent: &[u8], last| {
        let mut client = Script::new(sent, last, dice.clone(), largest, 0);
        answers::receive(&mut client, &terms, &DOING, |piece| body.extend_from_slice(piece))
    };
    if framed == Framed::Ack {
        // The body is sent after the acknowledgement: in one stream the two would stick together.
        let digits = server.sent.len() - stream.len();
        assert_eq!(decimal::parse(&server.sent[..digits], usize::MAX), Ok(stream.len()));
    } else {
        let (length, _) = take(&server.sent, Ending::Closed).expect("it can be read");
        assert_eq!((length, &body[..]), (expected.len(), expected));
    }
}

/// What a client's line may start.
pub fn commands(data: &[u8]) {
    static ALLOWED: LazyLock<Allowed> = LazyLock::new(|| Allowed::new(&[], false).expect("the usual programs"));
    match ALLOWED.command(data) {
        Ok(command) => {
            let program = Path::new(command.get_program());
            assert!(program.is_absolute() && !program.starts_with("/tmp"), "{}", program.display());
            assert!(!data.contains(&0));
            let bare = ["whoami", "date", "hostname", "ls", "ipconfig"];
            let file = program.file_stem().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
            assert!(!bare.contains(&file) || command.get_args().next().is_none(), "{file} with arguments");
        }
        Err(refusal) => assert!(!refusal.0.en.is_empty() && !refusal.0.zh.is_empty()),
    }
    // Any words at all, quoted, are the arguments again.
    let text = String::from_utf8_lossy(data);
    let words: Vec<&str> = text.split(['\0', '\n']).collect();
    if let (true, Ok(line)) = (cfg!(unix), shlex::try_join(["echo"].into_iter().chain(words.iter().copied()))) {
        let command = ALLOWED.command(line.as_bytes()).unwrap_or_else(|refusal| panic!("{line}: {}", refusal.0.en));
        assert!(command.get_args().eq(words.iter().map(std::ffi::OsStr::new)), "{line}");
    }
}

/// Headers of uploads, digests behind them, receipts.
pub fn uploads(data: &[u8]) {
    let mut control = Bytes(data);
    let (spelling, largest) = (control.of(&[Spelling::D1, Spelling::D0]), control.of(&[4 << 30, 1000, 0]));
    let bytes = control.rest();
    let (parsed, peak) = metered(|| header::parse(bytes, largest));
    assert!(peak <= JSON * bytes.len() + ROOM, "{peak} bytes held for a header of {}", bytes.len());
    match parsed {
        Ok(upload) => {
            assert!(upload.size <= largest);
            assert_eq!(FileName::parse(upload.name.as_str()).as_ref(), Ok(&upload.name));
            again(spelling, &upload, largest);
        }
        Err(refusal) => {
            assert!(!refusal.why.en.is_empty() && !refusal.why.zh.is_empty());
            assert!(refusal.name.len() <= bytes.len());
        }
    }
    if let Ok(md5) = header::parse_digest(bytes) {
        let written = header::write_digest(&md5).expect("short");
        assert_eq!(header::parse_digest(&written[4..]), Ok(md5));
    }
    let Ok(fields) = json::parse(bytes) else { return };
    if let Ok(receipt) = Receipt::parse(&fields) {
        // A long reason was cut for the terminal; it would be cut again.
        let long = matches!(&receipt, Receipt::Refused { reason } if reason.ends_with("..."));
        let written = receipt.write("a", 0).expect("short");
        let fields = json::parse(&written[4..]).expect("JSON");
        assert!(long || Receipt::parse(&fields).as_ref() == Ok(&receipt), "{receipt:?}");
    }
}

fn again(spelling: Spelling, upload: &Upload, largest: u64) {
    let written = header::write(spelling, Path::new(upload.name.as_str()), upload).expect("short");
    assert_eq!(written[..4], i32::try_from(written.len() - 4).expect("short").to_le_bytes());
    assert_eq!(header::parse(&written[4..], largest).as_ref(), Ok(upload));
    if let Promise::Digest(md5) = &upload.promise {
        assert!(md5.len() == 32 && md5.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
    }
}

/// Whole conversations with `serve files`, over loopback: every part of the fuzzer's bytes is sent once the server has
/// had time to answer the one before, and at the end it hangs up.
pub fn sessions(data: &[u8]) {
    let parts: Vec<&[u8]> = data.split(|byte| *byte == live::PAUSE).collect();
    let said = live::converse(&parts);
    live::in_order();
    // An answer to uploads alone is receipts and nothing else, each of them whole.
    if parts.concat().windows(4).any(|bytes| bytes == b"get ") {
        return;
    }
    let mut frames = Decoder::new(I32_LE, Limits::default());
    frames.feed(&said);
    while let Some(frame) = frames.next_frame().expect("a receipt") {
        let fields = json::parse(&frame.body).expect("a receipt's JSON");
        Receipt::parse(&fields).expect("a receipt");
    }
    frames.finish().expect("whole receipts");
}

/// Whatever a file holds, `show` refuses it or shows it; what it shows, it writes so that it is read as the same.
pub fn recordings(data: &[u8]) {
    let reports: Vec<Report> = Reader::new(data).map_while(Result::ok).collect();
    for report in &reports {
        for lang in [Lang::En, Lang::Zh] {
            let style = Style { lang, ..Style::plain() };
            let mut shown = Vec::new();
            render::terminal(&mut shown, report, &style, &mut ()).expect("memory");
            render::mermaid(&mut shown, report, &style).expect("memory");
            let shown = String::from_utf8(shown).expect("UTF-8");
            assert!(!shown.contains(|c| c != '\n' && stickdemo::text::is_harmful(c)), "{shown:?}");
            let mut written = Vec::new();
            lines::run(&mut written, report, lang).expect("memory");
            let again: Vec<Report> = Reader::new(&written[..]).map(|again| again.expect("what was written")).collect();
            assert_eq!(again, std::slice::from_ref(report));
        }
    }
}

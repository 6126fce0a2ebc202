//! `decode`: cuts a byte stream into frames, and shows where each begins, or where it breaks.

mod frame_table;

use super::program;
use super::show::open;
use crate::cli::Command;
use crate::cli::args::{get, one_of, value};
use crate::cli::command::{Context, Task};
use crate::exit::Exit;
use crate::framing::{self, Decoder, Framing, Kind, Limits};
use crate::output::complain;
use crate::render::Format;
use crate::text::{Lang, Text, escaped, hex};
use clap::{Arg, ArgMatches, ValueHint, value_parser};
use frame_table::{FrameTable, Kept};
use std::io::{self, Read, Write};
use std::path::PathBuf;

pub(super) fn command() -> Command {
    let summary = Text::new("cut a byte stream into frames", "把字节流切成一个个帧");
    let about = Text::new(
        "Cuts a byte stream (a file, standard input, hex) into frames, and shows where each begins, or where it breaks.",
        "把字节流（文件、标准输入或十六进制）切成帧，指出每一帧从哪里开始，或者在哪里断掉。",
    );
    Command::new("decode", summary, |matches, _| {
        let (input, cutter) = (input(matches), cutter(matches)?);
        Ok(Task::new(move |context, out| {
            let opened = input.open().map_err(Broke::Unreadable);
            match opened.and_then(|mut source| run(&mut source, &cutter, context, out)) {
                Ok(exit) => Ok(exit),
                Err(Broke::Unwritable(error)) => Err(error),
                Err(Broke::Unreadable(error)) => {
                    out.flush()?;
                    complain(&input.unreadable(&error), context.style.lang);
                    Ok(Exit::NotHere)
                }
            }
        }))
    })
    .about(about)
    .formats([Format::Text, Format::Json])
    .args(args)
    .words([("decode", "parse dissect frames hexdump 解码 拆帧 十六进制")])
}

fn args(lang: Lang) -> Vec<Arg> {
    let file = Text::new("the bytes as they were on the wire; - is standard input", "线上的原始字节；- 表示标准输入");
    let typed = Text::new(
        "the bytes in hex: '05 00 00 00', 05:00, \\x05\\x00",
        "十六进制字节：'05 00 00 00'、05:00、\\x05\\x00",
    );
    let framing = Text::new(
        "i32le, u32le, u32be, u16be, u8, json, line or netstring; stickdemo framings tells them apart",
        "i32le、u32le、u32be、u16be、u8、json、line 或 netstring；stickdemo framings 有说明",
    );
    let most = Text::new("the longest body (default: 16MiB); more is a fault", "正文的上限（默认 16MiB）；超过即出错");
    let names = |kind: Kind| [kind.name()].into_iter().chain(kind.aliases().iter().copied()).map(move |n| (n, kind));
    vec![
        Arg::new("file")
            .value_name("FILE")
            .required_unless_present("hex")
            .conflicts_with("hex")
            .value_parser(value_parser!(PathBuf))
            .value_hint(ValueHint::FilePath)
            .help(file.to(lang).to_owned()),
        value("framing", "FRAMING", lang, framing)
            .required(true)
            .value_parser(one_of(Kind::ALL.into_iter().flat_map(names)))
            .hide_possible_values(true),
        value("hex", "DIGITS", lang, typed).value_parser(hex::typed),
        program::size("max-body", lang, most),
    ]
}

/// Where the bytes come from.
enum Input {
    Typed(Vec<u8>),
    Stdin,
    File(PathBuf),
}

fn input(matches: &ArgMatches) -> Input {
    match (get(matches, "hex"), get::<PathBuf>(matches, "file")) {
        (Some(bytes), _) => Input::Typed(bytes),
        (None, Some(file)) if file.as_os_str() != "-" => Input::File(file),
        _ => Input::Stdin,
    }
}

impl Input {
    fn open(&self) -> io::Result<Box<dyn Read>> {
        Ok(match self {
            Input::Typed(bytes) => Box::new(io::Cursor::new(bytes.clone())),
            Input::Stdin => Box::new(io::stdin().lock()),
            Input::File(file) => Box::new(open(file)?),
        })
    }

    fn unreadable(&self, error: &io::Error) -> Text {
        let name = match self {
            Input::File(file) => Text::same(escaped(&file.to_string_lossy())),
            _ => Text::new("standard input", "标准输入"),
        };
        Text::new("cannot read {}: {}", "无法读取 {}：{}").with_all([&name, &Text::same(error.to_string())])
    }
}

/// How to cut.
struct Cutter {
    framing: &'static dyn Framing,
    limits: Limits,
}

fn cutter(matches: &ArgMatches) -> Result<Cutter, Text> {
    let kind = get(matches, "framing").unwrap_or(Kind::None);
    let why = match kind {
        Kind::Ack => Text::new(
            "the digits have no end of their own, only the receiver's answer parts them from the body",
            "长度数字没有自己的结束标记，只有接收方的应答把它和正文分开",
        ),
        _ => Text::new("nothing in the bytes tells where a message ends", "字节里没有任何东西说明消息在哪里结束"),
    };
    let refusal = Text::new("--framing {}: a stream alone cannot be cut; {}", "--framing {}：仅凭字节流无法切分；{}");
    let framing = framing::of_kind(kind).ok_or_else(|| refusal.with_all([&Text::same(kind.name()), &why]))?;
    let limits = Limits::default();
    Ok(Cutter { framing, limits: Limits { body: get(matches, "max-body").unwrap_or(limits.body), ..limits } })
}

/// The most that is read at once.
const PIECE: usize = 64 << 10;

/// Cuts what comes, and writes each frame as soon as it is whole. Of a stream that broke the rest is read, too: all of
/// it together tells what it may have been.
fn run(source: &mut dyn Read, cutter: &Cutter, context: &Context, out: &mut dyn Write) -> Result<Exit, Broke> {
    let mut decoder = Decoder::new(cutter.framing, cutter.limits);
    let mut table = FrameTable::new(cutter.framing.kind(), context);
    let mut came = Kept::default();
    let mut piece = vec![0; PIECE];
    table.heading(out)?;
    loop {
        let n = read(source, &mut piece)?;
        came.keep(&piece[..n]);
        decoder.feed(&piece[..n]);
        let fault = loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => table.frame(&frame, out)?,
                Ok(None) if n == 0 => break decoder.finish().err(),
                Ok(None) => break None,
                Err(fault) => break Some(fault),
            }
        };
        // Whoever reads a stream that goes on wants to see what is there.
        out.flush()?;
        match fault {
            None if n == 0 => {
                table.end(decoder.offset(), out)?;
                return Ok(Exit::Done);
            }
            None => {}
            Some(fault) => {
                let mut rest = table.broken(&decoder, &fault, out)?;
                loop {
                    let n = read(source, &mut piece)?;
                    if n == 0 {
                        table.rest(&rest, &came, out)?;
                        return Ok(Exit::Failed);
                    }
                    came.keep(&piece[..n]);
                    rest.keep(&piece[..n]);
                    table.left(&piece[..n], out)?;
                }
            }
        }
    }
}

/// Why it ended before the stream did.
enum Broke {
    Unreadable(io::Error),
    Unwritable(io::Error),
}

impl From<io::Error> for Broke {
    fn from(error: io::Error) -> Broke {
        Broke::Unwritable(error)
    }
}

fn read(source: &mut dyn Read, piece: &mut [u8]) -> Result<usize, Broke> {
    loop {
        match source.read(piece) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            read => return read.map_err(Broke::Unreadable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Style;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::Value;

    const KINDS: [Kind; 8] =
        [Kind::I32Le, Kind::Json, Kind::U32Le, Kind::U32Be, Kind::U16Be, Kind::U8, Kind::Line, Kind::Netstring];

    /// A stream that arrives in pieces of these sizes, in turn.
    struct Pieces<'b> {
        bytes: &'b [u8],
        sizes: std::iter::Cycle<std::slice::Iter<'b, usize>>,
    }

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = self.sizes.next().copied().unwrap_or(buffer.len()).min(buffer.len());
            self.bytes.read(&mut buffer[..most])
        }
    }

    fn decoded<'b>(kind: Kind, format: Format, bytes: &'b [u8], sizes: &'b [usize]) -> (Exit, String) {
        let cutter =
            Cutter { framing: framing::of_kind(kind).expect("it can be cut"), limits: Limits { header: 99, body: 99 } };
        let context = Context { style: Style::plain(), format, commands: Vec::new() };
        let (mut out, mut source) = (Vec::new(), Pieces { bytes, sizes: sizes.iter().cycle() });
        let Ok(exit) = run(&mut source, &cutter, &context, &mut out) else { panic!("it stopped") };
        (exit, String::from_utf8(out).expect("text"))
    }

    /// Frames of a kind, and perhaps something else behind them.
    fn streams() -> impl Strategy<Value = (Kind, Vec<u8>)> {
        let bodies = vec(vec(any::<u8>(), 0..40), 0..6);
        (0..KINDS.len(), bodies, vec(any::<u8>(), 0..12)).prop_map(|(kind, bodies, behind)| {
            let framing = framing::of_kind(KINDS[kind]).expect("it can be cut");
            let frames = bodies.iter().filter_map(|body| framing.frame(body).ok());
            (KINDS[kind], frames.chain([behind]).flatten().collect())
        })
    }

    fn bytes_of(line: &Value, key: &str) -> Vec<u8> {
        line[key].as_str().and_then(hex::parse).expect("hex")
    }

    proptest! {
        #[test]
        fn however_it_arrives_it_is_cut_alike((kind, stream) in streams(), sizes in vec(1..9usize, 1..9)) {
            for format in [Format::Text, Format::Json] {
                prop_assert_eq!(decoded(kind, format, &stream, &sizes), decoded(kind, format, &stream, &[]));
            }
        }

        #[test]
        fn frames_and_rest_are_the_stream_and_the_exit_code_says_whether_it_broke((kind, stream) in streams()) {
            let (exit, text) = decoded(kind, Format::Json, &stream, &[]);
            let trailer = framing::of_kind(kind).expect("it can be cut").trailer();
            let (mut all, mut broke) = (Vec::new(), false);
            for line in text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")) {
                prop_assert_eq!(line["offset"].as_u64(), Some(all.len() as u64));
                match line["type"].as_str() {
                    Some("frame") => {
                        let bytes = [&bytes_of(&line, "header")[..], &bytes_of(&line, "body"), trailer].concat();
                        prop_assert_eq!(line["len"].as_u64(), Some(bytes.len() as u64));
                        all.extend(bytes);
                    }
                    Some("rest") => all.extend(bytes_of(&line, "bytes")),
                    other => {
                        prop_assert_eq!(other, Some("error"));
                        broke = true;
                    }
                }
            }
            prop_assert_eq!(all, stream);
            prop_assert_eq!(exit, if broke { Exit::Failed } else { Exit::Done });
        }
    }

    #[test]
    fn every_framing_is_cut_or_refused_with_the_reason() {
        let definition = clap::Command::new("decode").args(args(Lang::En));
        for kind in Kind::ALL {
            let words = ["decode", "--hex", "00", "--framing", kind.name()];
            let matches = definition.clone().try_get_matches_from(words).expect("arguments");
            match cutter(&matches) {
                Ok(cutter) => assert_eq!(cutter.framing.kind(), kind),
                Err(why) => {
                    assert!(matches!(kind, Kind::None | Kind::Ack) && why.en.contains(kind.name()), "{}", why.en);
                }
            }
        }
    }

    /// What stands where a frame should begin is told by what all of it fits.
    #[test]
    fn a_break_says_where_and_what_it_was() {
        for (kind, bytes, says) in [
            (Kind::I32Le, &b"\x05\0\0\0helloHTTP/1.1 200"[..], &["at offset 9 (oversize)", "HTTP response"][..]),
            (Kind::I32Le, "\x04\0\0\0粘包粘包".as_bytes(), &["at offset 8", "len(str) instead of"]),
            (Kind::U32Be, b"\x05\0\0\0hello", &["at offset 0", "pack '<i'"]),
            (Kind::Json, b"\x05\0\0\0hello", &["(syntax)", "pack '<i'"]),
            (Kind::Line, b"hello\nfeng", &["at offset 6 (eof-in-body)", "4 of 10 bytes"]),
            (Kind::Netstring, b"5:hello,4:fen", &["at offset 8 (eof-in-body)", "3 of 4 bytes"]),
        ] {
            let (exit, text) = decoded(kind, Format::Text, bytes, &[]);
            let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(exit, Exit::Failed);
            assert!(says.iter().all(|words| flat.contains(words)), "{says:?}: {text}");
        }
        // The hint of a JSON header is not that its length is an i32le.
        assert!(!decoded(Kind::Json, Format::Text, b"\x10\0\0\0{\"data_size\": 5}hel", &[]).1.contains("hint"));
    }

    #[test]
    fn foreign_bytes_move_no_cursor() {
        let (_, text) = decoded(Kind::Line, Format::Text, "a\x1b[2J\n\u{202e}b\u{9b}\nrest\x07".as_bytes(), &[]);
        assert!(!text.chars().any(|c| c != '\n' && crate::text::is_harmful(c)), "{text:?}");
    }
}

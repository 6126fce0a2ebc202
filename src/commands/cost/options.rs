//! The options of `cost`.

use crate::cli::args::{get, heading, is_given, value};
use crate::cli::values;
use crate::commands::common_options::nodelay;
use crate::output::Output;
use crate::render::Format;
use crate::say;
use crate::text::quantity;
use crate::text::{Lang, Text};
use clap::{Arg, ArgMatches};
use std::path::Path;
use std::time::Duration;

/// What `cost` is to measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CostRequest {
    /// Round trip times of the links, ascending; `None` for the usual ones, and none where there is no link.
    pub(super) rtts: Option<Vec<Duration>>,
    /// Messages in a row; `None` for as many as take seconds.
    pub(super) messages: Option<u32>,
    /// Bytes of each.
    pub(super) size: usize,
    /// How long `sleep` sleeps.
    pub(super) gap: Duration,
    /// TCP_NODELAY at both ends.
    pub(super) nodelay: bool,
}

/// The longest round trip, and the shortest that is more than this machine's own delays.
const RTT: [Duration; 2] = [Duration::from_micros(100), Duration::from_secs(2)];
/// The most round trip times in one run.
const MOST_RTTS: usize = 8;
/// The most messages.
const MOST_MESSAGES: u32 = 5_000;
/// The largest message and the largest sum, in bytes: a run is recorded in memory.
const LARGEST: usize = 64 << 10;
const LARGEST_SUM: usize = 16 << 20;
/// D4 sleeps half a second; that much a hundred times teaches no more.
const GAP: Duration = Duration::from_millis(5);

pub(super) fn args(lang: Lang) -> Vec<Arg> {
    let rtt = Text::new(
        "round trip times of the links (default: 1ms,10ms,50ms; Linux)",
        "各链路的往返时间（默认 1ms,10ms,50ms；Linux）",
    );
    let messages = Text::new(
        "messages in a row (default: 50, fewer where the delays add up)",
        "连续发多少条消息（默认 50，延迟累计太久时更少）",
    );
    let size = Text::new("bytes of each message (default: 100)", "每条消息的字节数（默认 100）");
    let gap = Text::new(
        "how long sleep sleeps between length and body (default: 5ms)",
        "sleep 在长度和正文之间停多久（默认 5ms）",
    );
    let args = vec![
        value("rtt", "LIST", lang, rtt).value_parser(rtts),
        value("messages", "N", lang, messages).value_parser(values::whole(1, MOST_MESSAGES)),
        value("size", "BYTES", lang, size).value_parser(body),
        value("gap", "DURATION", lang, gap).value_parser(values::pause),
        nodelay(lang),
    ];
    heading(args, lang, Text::new("What to measure", "测什么"))
}

/// What was asked. Where no format was, the file's name says it.
///
/// # Errors
/// When it would not fit into memory.
pub(super) fn request(matches: &ArgMatches, output: &mut Output) -> Result<CostRequest, Text> {
    if !is_given(matches, "format") {
        output.format = output.file.as_deref().and_then(format_of).unwrap_or(output.format);
    }
    let (messages, size) = (get::<u32>(matches, "messages"), get(matches, "size").unwrap_or(100));
    if messages.is_some_and(|messages| messages as usize * size > LARGEST_SUM) {
        return Err(Text::new(
            "--messages times --size: at most 16 MiB, for a run is recorded in memory",
            "--messages 乘以 --size：最多 16 MiB，因为整个过程记录在内存里",
        ));
    }
    Ok(CostRequest {
        rtts: get(matches, "rtt"),
        messages,
        size,
        gap: get(matches, "gap").unwrap_or(GAP),
        nodelay: get(matches, "nodelay").unwrap_or(true),
    })
}

/// A body's size.
fn body(text: &str) -> Result<usize, Text> {
    match quantity::size(text)? {
        size if (1..=LARGEST).contains(&size) => Ok(size),
        _ => Err(say!("{text}: from 1 to {LARGEST} bytes (64 KiB)", "{text}：1 到 {LARGEST} 字节（64 KiB）")),
    }
}

/// `1ms,10ms,50ms`
fn rtts(text: &str) -> Result<Vec<Duration>, Text> {
    let [shortest, longest] = RTT;
    let rtt = |text: &str| match quantity::duration(text.trim(), longest)? {
        rtt if rtt < shortest => Err(say!(
            "{text}: at least {shortest:?}; loopback is measured anyhow",
            "{text}：最短 {shortest:?}；回环总会测"
        )),
        rtt => Ok(rtt),
    };
    let mut rtts = text.split(',').map(rtt).collect::<Result<Vec<Duration>, Text>>()?;
    rtts.sort();
    rtts.dedup();
    if rtts.len() > MOST_RTTS {
        return Err(say!("at most {MOST_RTTS} round trip times", "最多 {MOST_RTTS} 个往返时间"));
    }
    Ok(rtts)
}

/// The format that a file's name asks for, where `--format` does not.
fn format_of(file: &Path) -> Option<Format> {
    match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "svg" => Some(Format::Svg),
        "html" | "htm" => Some(Format::Html),
        "json" | "jsonl" => Some(Format::Json),
        _ => None,
    }
}

//! The options of `cost`.

use super::{LONGEST, given, named, whole};
use crate::output::Format;
use crate::say;
use crate::text::Text;
use crate::text::quantity;
use clap::ArgMatches;
use std::path::Path;
use std::time::Duration;

/// What `cost` is to measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostRequest {
    /// Round trip times of the links, ascending; `None` for the usual ones, and none where there is no link.
    pub rtts: Option<Vec<Duration>>,
    /// Messages in a row; `None` for as many as take seconds.
    pub messages: Option<u32>,
    /// Bytes of each.
    pub size: usize,
    /// How long `sleep` sleeps.
    pub gap: Duration,
    /// TCP_NODELAY at both ends.
    pub nodelay: bool,
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

pub(super) fn request(matches: &ArgMatches) -> Result<CostRequest, Text> {
    let rtts = given(matches, "rtt").map(rtts).transpose().map_err(|e| named("rtt", &e))?;
    let messages = whole(matches, "messages", 1, MOST_MESSAGES)?;
    let size = given(matches, "size").map(quantity::size).transpose().map_err(|e| named("size", &e))?.unwrap_or(100);
    if !(1..=LARGEST).contains(&size) {
        return Err(say!(
            "--size {size}: from 1 to {LARGEST} bytes (64 KiB)",
            "--size {size}：1 到 {LARGEST} 字节（64 KiB）"
        ));
    }
    if messages.is_some_and(|messages| messages as usize * size > LARGEST_SUM) {
        return Err(Text::new(
            "--messages times --size: at most 16 MiB, for a run is recorded in memory",
            "--messages 乘以 --size：最多 16 MiB，因为整个过程记录在内存里",
        ));
    }
    let gap = given(matches, "gap").map(|text| quantity::duration(text, LONGEST)).transpose();
    let gap = gap.map_err(|e| named("gap", &e))?.unwrap_or(GAP);
    Ok(CostRequest { rtts, messages, size, gap, nodelay: given(matches, "nodelay") != Some("off") })
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
pub(super) fn format_of(file: &Path) -> Option<Format> {
    match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "svg" => Some(Format::Svg),
        "html" | "htm" => Some(Format::Html),
        "json" | "jsonl" => Some(Format::Json),
        _ => None,
    }
}

//! Reads a specification, and says what cannot be meant.

use super::{Chosen, Impairments, Spec};
use crate::say;
use crate::text::Text;
use crate::text::quantity;
use crate::trace::Role;
use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;
use unicode_width::UnicodeWidthStr;

/// The longest delay of one way.
const LONGEST_DELAY: Duration = Duration::from_secs(10);
/// The MTUs that a segment fits, in bytes: Linux makes none smaller than 48 bytes and two headers of 20
/// (tcp_min_snd_mss), and below that IP would cut up each; 65535 is IPv4's longest packet (RFC 791 §3.1).
const MTUS: RangeInclusive<u32> = 88..=65535;
/// Bytes a second below which a single packet would take longer than anybody waits.
const SLOWEST: u64 = 1000;

impl Spec {
    /// Reads a specification: `key=value` between commas, in any order; what is not said is as in
    /// [`Spec::default`].
    ///
    /// | key | value | means |
    /// |---|---|---|
    /// | `rtt` | `20ms` | round trip time, half of it each way |
    /// | `delay` | `5ms` | one way's share of it, at most 10 s |
    /// | `mtu` | `1500` | largest packet, in bytes |
    /// | `loss` | `10%`, `0.1` | this share of the data packets is lost |
    /// | `drop` | `3+7` | the 3rd and the 7th data packet are lost, once |
    /// | `dup`, `reorder` | `5%`, `2+5` | doubled, held back until another has passed |
    /// | `rate` | `1MB`, `10mbit` | bytes, or bits, a second |
    /// | `queue` | `64KiB` | bytes that may wait for the rate; without it any number |
    /// | `seed` | `7` | of what is left to chance |
    /// | `timestamps` | `on`, `off` | TCP's timestamp option (RFC 7323 §3) |
    ///
    /// `up.` (client to server) or `down.` before `delay`, `loss`, `drop`, `dup`, `reorder`, `rate` or `queue`
    /// means that way only.
    ///
    /// # Errors
    /// The first thing that cannot be meant: what is wrong with it, why, and what to write instead.
    pub fn parse(text: &str) -> Result<Spec, SpecError> {
        let mut spec = Spec::default();
        if text.trim().is_empty() {
            return Ok(spec);
        }
        refuse_full_width(text)?;
        let mut items: Vec<Setting> = Vec::new();
        let mut start = 0;
        for part in text.split(',') {
            let item = Setting::read(text, start..start + part.len())?;
            start += part.len() + 1;
            if let Some(earlier) = items.iter().find(|earlier| item.overwrites(earlier)) {
                return Err(item.refused(say!(
                    "{item} would overwrite {earlier}: keep one of the two",
                    "{item} 会覆盖前面的 {earlier}：请只保留一个"
                )));
            }
            item.apply(&mut spec).map_err(|text| SpecError { at: item.value_at.clone(), text })?;
            items.push(item);
        }
        refuse_idle_queue(&spec, &items)?;
        Ok(spec)
    }
}

/// What is wrong with a specification, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError {
    /// The part it is about, in bytes from the specification's beginning.
    pub at: Range<usize>,
    /// What is wrong, why, and what to write instead.
    pub text: Text,
}

impl SpecError {
    /// The sentence, then the specification that was read with the wrong part underlined.
    pub fn complaint(&self, spec: &str) -> Text {
        // A control character would move the line above the carets.
        let part = |at: Range<usize>| spec.get(at).unwrap_or_default().replace(char::is_control, " ");
        let (before, wrong, after) = (part(0..self.at.start), part(self.at.clone()), part(self.at.end..spec.len()));
        let (indent, carets) = (" ".repeat(before.width()), "^".repeat(wrong.width().max(1)));
        let Text { en, zh } = &self.text;
        say!(
            "{en}\n\n  {before}{wrong}{after}\n  {indent}{carets}",
            "{zh}\n\n  {before}{wrong}{after}\n  {indent}{carets}"
        )
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl std::error::Error for SpecError {}

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Rtt,
    Delay,
    Mtu,
    Loss,
    Drop,
    Dup,
    Reorder,
    Rate,
    Queue,
    Seed,
    Timestamps,
}

/// Each with its name, and a value that can be typed as it stands.
const KEYS: [(Key, &str, &str); 11] = [
    (Key::Rtt, "rtt", "20ms"),
    (Key::Delay, "delay", "5ms"),
    (Key::Mtu, "mtu", "1500"),
    (Key::Loss, "loss", "10%"),
    (Key::Drop, "drop", "3+7"),
    (Key::Dup, "dup", "2"),
    (Key::Reorder, "reorder", "4"),
    (Key::Rate, "rate", "1MB"),
    (Key::Queue, "queue", "64KiB"),
    (Key::Seed, "seed", "7"),
    (Key::Timestamps, "timestamps", "on"),
];

impl Key {
    /// Why it cannot be set for one way, where it cannot.
    fn shared(self) -> Option<Text> {
        match self {
            Key::Rtt => {
                Some(Text::new("rtt is there and back; for one way say delay", "rtt 是往返时间；单个方向请用 delay"))
            }
            Key::Mtu => Some(Text::new(
                "both hosts' interfaces have the same MTU; say mtu alone",
                "两台主机的接口使用同一个 MTU；请直接写 mtu",
            )),
            Key::Seed => Some(Text::new(
                "one seed is enough: the two ways differ all the same; say seed alone",
                "一个种子就够了：两个方向的结果本来就不同；请直接写 seed",
            )),
            Key::Timestamps => Some(Text::new(
                "timestamps are agreed on by both ends when they connect; say timestamps alone",
                "时间戳选项由两端在建立连接时商定；请直接写 timestamps",
            )),
            _ => None,
        }
    }
}

/// `key=value`, and where it stands.
struct Setting<'t> {
    key: Key,
    ways: &'static [Role],
    value: &'t str,
    written: &'t str,
    at: Range<usize>,
    value_at: Range<usize>,
}

impl fmt::Display for Setting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.written)
    }
}

impl Setting<'_> {
    fn read(text: &str, at: Range<usize>) -> Result<Setting<'_>, SpecError> {
        let at = trimmed(text, at);
        let written = &text[at.clone()];
        let Some(equals) = written.find('=').filter(|at| *at > 0) else {
            return Err(SpecError { at, text: no_value(written) });
        };
        let (ways, key) = Setting::key(text, trimmed(text, at.start..at.start + equals))?;
        let value_at = trimmed(text, at.start + equals + 1..at.end);
        if value_at.is_empty() {
            return Err(SpecError { at, text: no_value(written) });
        }
        Ok(Setting { key, ways, value: &text[value_at.clone()], written, at, value_at })
    }

    fn key(text: &str, at: Range<usize>) -> Result<(&'static [Role], Key), SpecError> {
        let written = &text[at.clone()];
        let (ways, name): (&[Role], &str) = match written.split_once('.') {
            None => (&[Role::Client, Role::Server], written),
            Some(("up", name)) => (&[Role::Client], name),
            Some(("down", name)) => (&[Role::Server], name),
            Some(("", _)) => {
                return Err(SpecError { at, text: no_such_key(written) });
            }
            Some((way, _)) => {
                let text = say!(
                    "there is no way {way}: up. is from the client to the server, down. is back, and neither is both",
                    "没有名为 {way} 的方向：up. 是客户端到服务器，down. 是返回方向，都不写则两个方向都算"
                );
                return Err(SpecError { at: at.start..at.start + way.len(), text });
            }
        };
        let Some((key, ..)) = KEYS.iter().find(|(_, known, _)| *known == name) else {
            let unknown = if name.is_empty() { written } else { name };
            return Err(SpecError { at, text: no_such_key(unknown) });
        };
        match key.shared() {
            Some(reason) if ways.len() == 1 => {
                let text = Text::new("{} is not for one way: {}", "{} 不能只用于一个方向：{}");
                Err(SpecError { at, text: text.with(&Text::same(written)).with(&reason) })
            }
            _ => Ok((ways, *key)),
        }
    }

    fn refused(&self, text: Text) -> SpecError {
        SpecError { at: self.at.clone(), text }
    }

    fn overwrites(&self, earlier: &Setting) -> bool {
        let place = |key| if key == Key::Rtt { Key::Delay } else { key };
        place(self.key) == place(earlier.key) && self.ways.iter().any(|way| earlier.ways.contains(way))
    }

    fn apply(&self, spec: &mut Spec) -> Result<(), Text> {
        match self.key {
            Key::Mtu => spec.mtu = mtu(self.value)?,
            Key::Seed => spec.seed = Some(seed(self.value)?),
            Key::Timestamps => spec.timestamps = on_or_off(self.value)?,
            _ => {
                for role in self.ways {
                    let way = if *role == Role::Client { &mut spec.up } else { &mut spec.down };
                    self.apply_to(way)?;
                }
            }
        }
        Ok(())
    }

    fn apply_to(&self, way: &mut Impairments) -> Result<(), Text> {
        match self.key {
            Key::Rtt => way.delay = quantity::duration(self.value, 2 * LONGEST_DELAY)? / 2,
            Key::Delay => way.delay = quantity::duration(self.value, LONGEST_DELAY)?,
            Key::Loss => way.loss.share = loss(self.value)?,
            Key::Drop => way.loss.these = drop(self.value)?,
            Key::Dup => way.dup = chosen("dup", self.value)?,
            Key::Reorder => way.reorder = chosen("reorder", self.value)?,
            Key::Rate => way.rate = Some(rate(self.value)?),
            Key::Queue => way.queue = Some(quantity::size(self.value)? as u64),
            Key::Mtu | Key::Seed | Key::Timestamps => {}
        }
        Ok(())
    }
}

fn trimmed(text: &str, at: Range<usize>) -> Range<usize> {
    let part = &text[at.clone()];
    let start = at.start + part.len() - part.trim_start().len();
    start..start + part.trim().len()
}

/// A Chinese keyboard types `，` and `＝` where `,` and `=` are meant, and they are hard to tell apart.
fn refuse_full_width(text: &str) -> Result<(), SpecError> {
    let Some((at, wide)) = text.char_indices().find(|(_, c)| ('\u{ff01}'..='\u{ff5e}').contains(c)) else {
        return Ok(());
    };
    // The full-width forms lie in ASCII's order (Unicode, Halfwidth and Fullwidth Forms).
    let plain = char::from((u32::from(wide) - 0xfee0) as u8);
    let text = say!("{wide} is a full-width character: type {plain}", "{wide} 是全角字符：请改用半角的 {plain}");
    Err(SpecError { at: at..at + wide.len_utf8(), text })
}

fn refuse_idle_queue(spec: &Spec, items: &[Setting]) -> Result<(), SpecError> {
    let idle = |role: &Role| spec.out_of(*role).queue.is_some() && spec.out_of(*role).rate.is_none();
    match items.iter().find(|item| item.key == Key::Queue && item.ways.iter().any(idle)) {
        None => Ok(()),
        Some(item) => Err(item.refused(say!(
            "{item} without a rate: nothing waits where packets leave as fast as they come; add a rate for the same way, such as rate=1MB",
            "{item} 缺少 rate：分组来多快就发多快，不会有排队；请为同一方向加上速率，例如 rate=1MB"
        ))),
    }
}

fn no_value(written: &str) -> Text {
    if written.is_empty() {
        return Text::new(
            "nothing stands beside this comma: take it away, or write a setting such as loss=10%",
            "这个逗号旁边没有内容：请删掉逗号，或写上一项设置，例如 loss=10%",
        );
    }
    let key = written.split('=').next().unwrap_or_default().trim_end().rsplit('.').next();
    let named = KEYS.iter().find(|(_, name, _)| key == Some(name));
    let (name, value) = named.map_or(("loss", "10%"), |(_, name, value)| (name, value));
    say!(
        "{written} is no key=value: write for example {name}={value}",
        "{written} 不是 key=value 的形式：例如写 {name}={value}"
    )
}

fn no_such_key(name: &str) -> Text {
    let names = || KEYS.iter().map(|(_, known, _)| *known);
    let alike = |known: &&str| name.len() >= 3 && (name.contains(known) || known.contains(name));
    let slips = |known: &&str| strsim::damerau_levenshtein(name, known);
    let near = names().find(alike).or_else(|| names().min_by_key(slips).filter(|known| slips(known) * 3 <= name.len()));
    match near {
        Some(near) => {
            say!("a link has no {name}; did you mean {near}?", "链路没有 {name} 这一项；你是不是想用 {near}？")
        }
        None => {
            let all = names().collect::<Vec<_>>().join(", ");
            say!("a link has no {name}; it has: {all}", "链路没有 {name} 这一项；可用的有：{all}")
        }
    }
}

fn mtu(value: &str) -> Result<u32, Text> {
    value.parse().ok().filter(|mtu| MTUS.contains(mtu)).ok_or_else(|| {
        let (least, most) = (MTUS.start(), MTUS.end());
        say!(
            "{value}: an MTU is {least} (Linux's smallest TCP segment) to {most} bytes (IPv4's largest packet); Ethernet's is 1500",
            "{value}：MTU 应为 {least}（Linux 最小的 TCP 报文段）到 {most} 字节（IPv4 最大的分组）；以太网是 1500"
        )
    })
}

fn seed(value: &str) -> Result<u64, Text> {
    value.parse().map_err(|_| {
        let most = u64::MAX;
        say!(
            "{value}: a seed is a whole number, 0 to {most}, such as 7",
            "{value}：种子应为 0 到 {most} 的整数，例如 7"
        )
    })
}

fn on_or_off(value: &str) -> Result<bool, Text> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(say!("{value}: timestamps are on or off", "{value}：timestamps 只能是 on 或 off")),
    }
}

fn loss(value: &str) -> Result<f64, Text> {
    quantity::share(value).map_err(|error| match these(value) {
        Some(_) => say!(
            "{value}: a share of the packets, or certain ones? A share reads 10% or 0.1; to lose certain ones, once, say drop={value}",
            "{value}：是按比例丢，还是丢指定的分组？比例应写作 10% 或 0.1；只丢指定的分组一次，请写 drop={value}"
        ),
        None => error,
    })
}

fn drop(value: &str) -> Result<Vec<u64>, Text> {
    these(value).ok_or_else(|| match quantity::share(value) {
        Ok(share) if share > 0.0 => say!(
            "{value}: drop names data packets, counted from 1, such as 3+7; to lose a share of them say loss={value}",
            "{value}：drop 指定第几个数据分组，从 1 数起，例如 3+7；按比例丢请写 loss={value}"
        ),
        _ => say!(
            "{value}: drop names data packets, counted from 1, such as 3+7",
            "{value}：drop 指定第几个数据分组，从 1 数起，例如 3+7"
        ),
    })
}

/// Packets by their number, a share of them, or both: `2+5`, `5%`, `5%+2`.
fn chosen(name: &str, value: &str) -> Result<Chosen, Text> {
    let (shares, numbers): (Vec<&str>, Vec<&str>) = value.split('+').partition(|part| part.contains(['%', '.']));
    let numbers = if numbers.is_empty() { Some(Vec::new()) } else { these(&numbers.join("+")) };
    match (&shares[..], numbers) {
        ([], Some(these)) => Ok(Chosen { share: 0.0, these }),
        ([share], Some(these)) => Ok(Chosen { share: quantity::share(share.trim())?, these }),
        _ => Err(say!(
            "{value}: {name} takes data packets, counted from 1, such as 2+5, or a share of them, such as 5%",
            "{value}：{name} 指定第几个数据分组（从 1 数起，例如 2+5）或一个比例（例如 5%）"
        )),
    }
}

/// Numbers of packets, ascending, each once; 0 is none.
fn these(value: &str) -> Option<Vec<u64>> {
    let number = |part: &str| part.trim().parse().ok().filter(|number| *number > 0);
    let mut these = value.split('+').map(number).collect::<Option<Vec<u64>>>()?;
    these.sort_unstable();
    these.dedup();
    Some(these)
}

fn rate(value: &str) -> Result<u64, Text> {
    let lower = value.to_ascii_lowercase();
    // 1 kbit is 125 bytes.
    let bits = [("kbit", 125), ("mbit", 125_000), ("gbit", 125_000_000)]
        .into_iter()
        .find_map(|(unit, bytes)| Some((lower.strip_suffix(unit)?.trim_end(), bytes)));
    let rate = match bits {
        Some((number, bytes)) => number.parse::<f64>().ok().map(|n| n * f64::from(bytes)),
        None => quantity::size(value).ok().map(|n| n as f64),
    };
    match rate.filter(|rate| rate.fract() == 0.0 && (0.0..=2f64.powi(53)).contains(rate)) {
        Some(rate) if rate >= SLOWEST as f64 => Ok(rate as u64),
        Some(_) => Err(say!(
            "{value}: slower than 1kB a second, a packet takes seconds; megabytes read 1MB, megabits 10mbit",
            "{value}：慢于每秒 1kB，一个分组就要好几秒；兆字节写作 1MB，兆比特写作 10mbit"
        )),
        None => Err(say!(
            "{value}: a rate reads 1MB (bytes a second) or 10mbit (bits a second)",
            "{value}：速率应写作 1MB（每秒字节数）或 10mbit（每秒比特数）"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Spec {
        Spec::parse(text).unwrap_or_else(|e| panic!("{}", e.complaint(text)))
    }

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn nothing_said_is_the_default() {
        let default = Spec::default();
        assert_eq!((read(""), read("  ")), (default.clone(), default.clone()));
        assert_eq!((default.rtt(), default.up.delay, default.mtu, default.seed), (ms(20), ms(10), 1500, None));
        assert!(!default.timestamps && !default.has_faults() && !default.needs_seed());
        assert_eq!(default.to_string(), "rtt=20ms,mtu=1500");
    }

    #[test]
    fn each_setting_lands_where_it_belongs() {
        let spec =
            read("rtt=50ms, mtu=9000 ,loss=10%,drop=7+3,dup=2+5,reorder=5%,rate=1MB,queue=64KiB,seed=7,timestamps=on");
        let way = Impairments {
            delay: ms(25),
            loss: Chosen { share: 0.1, these: vec![3, 7] },
            dup: Chosen { share: 0.0, these: vec![2, 5] },
            reorder: Chosen { share: 0.05, these: vec![] },
            rate: Some(1_000_000),
            queue: Some(65536),
        };
        assert_eq!(spec, Spec { mtu: 9000, seed: Some(7), timestamps: true, up: way.clone(), down: way });
    }

    #[test]
    fn a_prefix_means_one_way() {
        let spec = read("up.delay=5ms,down.loss=0.25,up.drop=1,down.rate=10mbit,down.queue=0");
        let up = Impairments { delay: ms(5), loss: Chosen { share: 0.0, these: vec![1] }, ..Impairments::default() };
        let loss = Chosen { share: 0.25, these: vec![] };
        let down = Impairments { loss, rate: Some(1_250_000), queue: Some(0), ..Impairments::default() };
        assert_eq!((&spec.up, &spec.down), (&up, &down));
        assert_eq!(spec.rtt(), ms(15));
        assert_eq!((spec.out_of(Role::Client), spec.out_of(Role::Server)), (&up, &down));
    }

    #[test]
    fn rates_are_bytes_unless_they_say_bits() {
        for (text, bytes) in
            [("1MB", 1_000_000), ("64KiB", 65536), ("500kbit", 62_500), ("1.5 Mbit", 187_500), ("1kB", 1000)]
        {
            assert_eq!(rate(text).ok(), Some(bytes), "{text}");
        }
        for wrong in ["0", "10", "0mbit", "7kbit", "x", "mbit", "-5mbit", "infmbit", "10mbps", "0.0001kbit"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn chance_needs_a_seed_and_a_rate_is_a_fault() {
        for (text, faults, seed) in [
            ("loss=0%", false, false),
            ("loss=100%", true, false),
            ("down.dup=1%", true, true),
            ("up.reorder=99.9%", true, true),
            ("drop=3", true, false),
            ("down.rate=1MB", true, false),
            ("rtt=1s,mtu=88,seed=1,timestamps=on", false, false),
        ] {
            let spec = read(text);
            assert_eq!((spec.has_faults(), spec.needs_seed()), (faults, seed), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_where_it_stands() {
        for (spec, wrong, says) in [
            ("rtt=20", "20", "20ms"),
            ("rtt=21s", "21s", "20s"),
            ("up.delay=11s", "11s", "10s"),
            ("mtu=87", "87", "88"),
            ("mtu=65536", "65536", "65535"),
            ("loss=1", "1", "drop=1"),
            ("loss=3+7", "3+7", "drop=3+7"),
            ("loss=101%", "101%", "100%"),
            ("drop=10%", "10%", "loss=10%"),
            ("drop=0", "0", "counted from 1"),
            ("drop=", "drop=", "drop=3+7"),
            ("up.loss =", "up.loss =", "loss=10%"),
            ("mtu=1500,loss", "loss", "loss=10%"),
            ("10%", "10%", "loss=10%"),
            ("=5", "=5", "loss=10%"),
            ("loss={}", "{}", "{}: a share"),
            ("dup=5%+7%", "5%+7%", "2+5"),
            ("reorder=x", "x", "2+5"),
            ("rate=10", "10", "1kB"),
            ("rate=fast", "fast", "10mbit"),
            ("queue=64KiB", "queue=64KiB", "rate=1MB"),
            ("up.rate=1MB,queue=1kB", "queue=1kB", "rate=1MB"),
            ("down.rate=1MB,up.queue=1kB", "up.queue=1kB", "rate=1MB"),
            ("seed=-1", "-1", "such as 7"),
            ("timestamps=yes", "yes", "on or off"),
            ("los=5%", "los", "did you mean loss?"),
            ("mut=9000", "mut", "did you mean mtu?"),
            ("up.duplicate=5%", "up.duplicate", "did you mean dup?"),
            ("timestmaps=on", "timestmaps", "did you mean timestamps?"),
            ("zzz=1", "zzz", "reorder"),
            ("left.loss=5%", "left", "up."),
            (".loss=5%", ".loss", "did you mean loss?"),
            ("up.=5", "up.", "a link has no up.;"),
            ("up.rtt=20ms", "up.rtt", "say delay"),
            ("down.mtu=1500", "down.mtu", "say mtu"),
            ("up.seed=1", "up.seed", "say seed"),
            ("up.timestamps=on", "up.timestamps", "say timestamps"),
            ("loss=5%, loss=10%", "loss=10%", "loss=5%"),
            ("loss=5%,up.loss=10%", "up.loss=10%", "loss=5%"),
            ("up.delay=5ms,rtt=20ms", "rtt=20ms", "up.delay=5ms"),
            ("rtt=20ms，mtu=1500", "，", "type ,"),
            ("loss＝5%", "＝", "type ="),
        ] {
            let error = Spec::parse(spec).expect_err(spec);
            assert_eq!(&spec[error.at.clone()], wrong, "{spec}: {error}");
            assert!(error.text.en.contains(says), "{spec}: {error}");
        }
        for spec in [",", "loss=5%,", ",loss=5%", "mtu=1500,,loss=5%"] {
            let error = Spec::parse(spec).expect_err(spec);
            assert!(error.at.is_empty() && error.text.en.contains("comma"), "{spec}: {error}");
        }
    }

    #[test]
    fn carets_stand_under_the_wrong_part_in_columns() {
        let spec = "rtt=20ms,los=5%";
        let complaint = Spec::parse(spec).expect_err(spec).complaint(spec);
        assert_eq!(
            complaint,
            Text::new(
                "a link has no los; did you mean loss?\n\n  rtt=20ms,los=5%\n           ^^^",
                "链路没有 los 这一项；你是不是想用 loss？\n\n  rtt=20ms,los=5%\n           ^^^",
            )
        );
        let spec = "丢包=5%";
        let complaint = Spec::parse(spec).expect_err(spec).complaint(spec);
        assert!(complaint.zh.ends_with("\n  丢包=5%\n  ^^^^"), "{complaint}");
        let spec = "mtu=甲\t,los=丙";
        let complaint = Spec::parse(spec).expect_err(spec).complaint(spec);
        assert!(complaint.en.ends_with("\n  mtu=甲 ,los=丙\n      ^^"), "{complaint}");
        let spec = "loss=5%,";
        let complaint = Spec::parse(spec).expect_err(spec).complaint(spec);
        assert!(complaint.en.ends_with("\n  loss=5%,\n          ^"), "{complaint}");
    }

    #[test]
    fn the_canonical_form_says_what_is_effective() {
        for (given, canonical) in [
            ("seed=7,loss=0.1", "rtt=20ms,mtu=1500,loss=10%,seed=7"),
            ("delay=5ms,drop=7+3+7", "rtt=10ms,mtu=1500,drop=3+7"),
            ("up.delay=5ms", "up.delay=5ms,down.delay=10ms,mtu=1500"),
            ("up.loss=5%,down.loss=5%", "rtt=20ms,mtu=1500,loss=5%"),
            ("up.loss=5%,down.loss=6%,timestamps=off", "rtt=20ms,mtu=1500,up.loss=5%,down.loss=6%"),
            ("down.rate=8mbit,down.queue=2048", "rtt=20ms,mtu=1500,down.rate=1MB,down.queue=2KiB"),
            ("dup=2+5%,timestamps=on", "rtt=20ms,mtu=1500,dup=5%+2,timestamps=on"),
        ] {
            assert_eq!(read(given).to_string(), canonical, "{given}");
        }
    }

    fn chosen() -> impl Strategy<Value = Chosen> {
        let share = prop_oneof![Just(0.0), Just(1.0), (0..=100u32).prop_map(|n| f64::from(n) / 100.0), 0.0..=1.0f64];
        let these = prop::collection::btree_set(1..=u64::MAX, 0..4).prop_map(|set| set.into_iter().collect());
        (share, these).prop_map(|(share, these)| Chosen { share, these })
    }

    fn way() -> impl Strategy<Value = Impairments> {
        let rate = prop::option::of((SLOWEST..1 << 53, prop::option::of(0..1u64 << 53)));
        let delay = (0..=10_000_000_000u64).prop_map(Duration::from_nanos);
        (delay, chosen(), chosen(), chosen(), rate).prop_map(|(delay, loss, dup, reorder, rate)| {
            let (rate, queue) = rate.map_or((None, None), |(rate, queue)| (Some(rate), queue));
            Impairments { delay, loss, dup, reorder, rate, queue }
        })
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_read_back(
            mtu in MTUS, seed in prop::option::of(any::<u64>()), timestamps: bool, up in way(), other in way(), alike: bool,
        ) {
            let down = if alike { up.clone() } else { other };
            let spec = Spec { mtu, seed, timestamps, up, down };
            prop_assert_eq!(Spec::parse(&spec.to_string()), Ok(spec.clone()), "{}", spec);
        }

        #[test]
        fn whatever_is_typed_gets_an_answer(text in "[a-z0-9=.,%+ ，包]{0,40}|(up\\.|down\\.)?(loss|rate|rtt|dup)=[0-9a-zA-Z%+.]{0,8}") {
            match Spec::parse(&text) {
                Ok(spec) => prop_assert_eq!(Spec::parse(&spec.to_string()), Ok(spec.clone()), "{}", spec),
                Err(error) => {
                    prop_assert!(text.get(error.at.clone()).is_some());
                    prop_assert!(error.complaint(&text).zh.ends_with('^'));
                }
            }
        }
    }
}

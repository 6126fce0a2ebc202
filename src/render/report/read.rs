//! Reads reports back from their lines. A line is checked before it is believed: what it refers to is there, and its
//! lengths fit. What is damaged is an error that names the line; nothing is made up in its place.

use super::lines::{EventLine, HeaderLine, MessageLine, PacketLine, SCHEMA, SummaryLine};
use super::{Report, check};
use crate::claims::{Claim, Findings, Table};
use crate::say;
use crate::text::{Text, escaped};
use crate::trace::packet::Packet;
use crate::trace::{Event, Message, Opening, SocketInfo, Trace};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io::{self, BufRead, Read};

/// The longest line that is read, in bytes.
const LONGEST: u64 = 64 << 20;

/// Reads one report after the other.
pub struct Reader<R> {
    from: R,
    line: usize,
    /// The line as it was read; used again for the next.
    bytes: Vec<u8>,
    over: bool,
}

/// What is wrong with what was read, and in which line.
#[derive(Debug)]
pub enum Damage {
    /// It could not be read.
    Unreadable(io::Error),
    /// A line is not what it has to be.
    Line(usize, Text),
}

impl Damage {
    /// The sentence about a file of this name.
    pub fn text(&self, name: &str) -> Text {
        match self {
            Damage::Unreadable(error) => say!("cannot read {name}: {error}", "无法读取 {name}：{error}"),
            Damage::Line(line, text) => say!("{name}, line {line}: {{}}", "{name} 第 {line} 行：{{}}").with(text),
        }
    }
}

impl<R: BufRead> Reader<R> {
    /// Nothing read yet.
    pub fn new(from: R) -> Reader<R> {
        Reader { from, line: 0, bytes: Vec::new(), over: false }
    }

    /// Reads up to the end of the next run; `None` when there is none.
    fn report(&mut self) -> Result<Option<Report>, Damage> {
        let Some(first) = self.line()? else { return Ok(None) };
        let mut run = self.judged(PartialReport::begun(first))?;
        loop {
            let Some(next) = self.line()? else { return Err(self.wrong(unfinished())) };
            if let Some(report) = self.judged(run.add(next))? {
                return Ok(Some(report));
            }
        }
    }

    fn judged<T>(&self, result: Result<T, Text>) -> Result<T, Damage> {
        result.map_err(|text| self.wrong(text))
    }

    fn wrong(&self, text: Text) -> Damage {
        Damage::Line(self.line, Text::made(escaped(&text.en), escaped(&text.zh)))
    }

    /// The next line that is not blank.
    fn line(&mut self) -> Result<Option<Value>, Damage> {
        loop {
            self.bytes.clear();
            let read = self.from.by_ref().take(LONGEST + 1).read_until(b'\n', &mut self.bytes);
            if read.map_err(Damage::Unreadable)? == 0 {
                return Ok(None);
            }
            self.line += 1;
            if self.bytes.len() as u64 > LONGEST {
                return Err(self.wrong(say!("longer than {LONGEST} bytes", "超过 {LONGEST} 字节")));
            }
            if !self.bytes.trim_ascii().is_empty() {
                let mut value = self.judged(serde_json::from_slice(&self.bytes).map_err(|e| no_line(&e)))?;
                tame(&mut value);
                return Ok(Some(value));
            }
        }
    }
}

/// Ends behind the first damage: what follows it means nothing.
impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Report, Damage>;

    fn next(&mut self) -> Option<Result<Report, Damage>> {
        if self.over {
            return None;
        }
        let next = self.report().transpose();
        self.over = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Makes every text harmless: whoever wrote it may have meant to move the cursor.
fn tame(value: &mut Value) {
    match value {
        Value::String(text) if text.chars().any(crate::text::is_harmful) => *text = escaped(text),
        Value::Array(values) => values.iter_mut().for_each(tame),
        Value::Object(map) => map.values_mut().for_each(tame),
        _ => {}
    }
}

fn no_line(error: &serde_json::Error) -> Text {
    say!("not a line of a recorded run: {error}", "不是运行记录中的一行：{error}")
}

fn unfinished() -> Text {
    Text::new(
        "the file ends here, in the middle of a run: no summary follows. Was it cut, or the recording interrupted?",
        "文件到此为止，运行还没有结束：后面没有 summary 行。是文件被截断，还是记录时中断了？",
    )
}

fn parsed<T: DeserializeOwned>(line: Value) -> Result<T, Text> {
    serde_json::from_value(line).map_err(|e| no_line(&e))
}

/// The lines of a run in their order.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum LineKind {
    Message,
    Socket,
    Gate,
    Row,
    Table,
    Claim,
    Summary,
}

/// A run of which the header is read, and more.
struct PartialReport {
    head: super::Head,
    trace: Trace,
    claims: Vec<Claim>,
    table: Option<Table>,
    latest: LineKind,
    /// The number of the last event or packet.
    seq: usize,
}

fn kind(line: &Value) -> Result<&str, Text> {
    let kind = line.get("type").and_then(Value::as_str);
    kind.ok_or_else(|| Text::new("no JSON object with a `type`", "不是带有 `type` 的 JSON 对象"))
}

impl PartialReport {
    fn begun(line: Value) -> Result<PartialReport, Text> {
        let kind = kind(&line)?;
        if kind != "header" {
            return Err(say!(
                "a run begins with a `header` line, and this is a `{kind}` line; stickdemo SCENARIO --format json records one, and of any program stickdemo watch --format json",
                "一次运行以 `header` 行开头，而这是 `{kind}` 行；请用 stickdemo 场景名 --format json 来记录；别的程序用 stickdemo watch --format json"
            ));
        }
        if line["schema"] != SCHEMA {
            let (schema, version) = (&line["schema"], &line["version"]);
            return Err(say!(
                "written in version {schema} of the format, by stickdemo {version}; this one reads version {SCHEMA}: show it with that stickdemo, or record it again",
                "这是第 {schema} 版格式，由 stickdemo {version} 写成；本程序读第 {SCHEMA} 版：请用那个版本的 stickdemo 查看，或重新记录"
            ));
        }
        let HeaderLine { head, roles, unrecorded, acts, restarts, .. } = parsed(line)?;
        let (roles, acts, restarts) = (roles.into_owned(), acts.into_owned(), restarts.into_owned());
        let trace = Trace { roles, unrecorded, acts, restarts, ..Trace::default() };
        Ok(PartialReport {
            head: head.into_owned(),
            trace,
            claims: Vec::new(),
            table: None,
            latest: LineKind::Message,
            seq: 0,
        })
    }

    /// Takes the next line in; the last one makes it a report.
    fn add(&mut self, line: Value) -> Result<Option<Report>, Text> {
        match kind(&line)? {
            "message" => self.message(parsed(line)?),
            "socket" => self.socket(parsed(line)?),
            "gate" => self.gate(parsed(line)?),
            "event" => self.event(parsed(line)?),
            "packet" => self.packet(parsed(line)?),
            "table" => self.table(parsed(line)?),
            "claim" => self.claim(parsed(line)?),
            "summary" => return self.finished(parsed(line)?).map(Some),
            "header" => Err(Text::new(
                "another run begins, and the one before has no summary",
                "另一次运行开始了，而前一次还没有 summary 行",
            )),
            other => Err(say!("a `{other}` line is no part of a recorded run", "`{other}` 行不属于运行记录")),
        }?;
        Ok(None)
    }

    fn in_order(&mut self, kind: LineKind) -> Result<(), Text> {
        if kind < self.latest {
            return Err(Text::new("stands behind lines that must follow it", "位置不对：应当在它之后的行已经出现过"));
        }
        self.latest = kind;
        Ok(())
    }

    fn message(&mut self, line: MessageLine<'static, Message>) -> Result<(), Text> {
        self.in_order(LineKind::Message)?;
        let message =
            line.message().ok_or_else(|| Text::new("`bytes` are not as many as `len`", "`bytes` 与 `len` 不符"))?;
        check::message(&self.trace, &message)?;
        self.trace.messages.push(message);
        Ok(())
    }

    fn socket(&mut self, socket: SocketInfo) -> Result<(), Text> {
        self.in_order(LineKind::Socket)?;
        check::socket(&self.trace, &socket)?;
        self.trace.sockets.push(socket);
        Ok(())
    }

    fn gate(&mut self, gate: Opening) -> Result<(), Text> {
        self.in_order(LineKind::Gate)?;
        self.trace.openings.push(gate);
        Ok(())
    }

    fn clock(&self) -> bool {
        self.head.steady.is_none()
    }

    fn event(&mut self, line: EventLine<'static, Event>) -> Result<(), Text> {
        self.in_order(LineKind::Row)?;
        let event = line.event(self.clock()).ok_or_else(times)?;
        self.seq = check::seq(self.seq, event.seq)?;
        check::event(&self.trace, &event)?;
        self.trace.events.push(event);
        Ok(())
    }

    fn packet(&mut self, line: PacketLine<'static>) -> Result<(), Text> {
        self.in_order(LineKind::Row)?;
        let packet: Packet = line.packet(self.clock()).ok_or_else(|| {
            Text::new(
                "the packet lacks what its protocol has, or has what it cannot have",
                "分组缺少其协议应有的内容，或有不应有的内容",
            )
        })?;
        self.seq = check::seq(self.seq, packet.seq)?;
        check::packet(&self.trace, &packet)?;
        self.trace.packets.push(packet);
        Ok(())
    }

    fn table(&mut self, table: Table) -> Result<(), Text> {
        self.in_order(LineKind::Table)?;
        check::table(&table)?;
        self.table = Some(table);
        Ok(())
    }

    fn claim(&mut self, claim: Claim) -> Result<(), Text> {
        self.in_order(LineKind::Claim)?;
        check::claim(self.seq, &claim)?;
        self.claims.push(claim);
        Ok(())
    }

    fn finished(&mut self, line: SummaryLine<'static>) -> Result<Report, Text> {
        self.in_order(LineKind::Summary)?;
        let verdict = line.verdict().ok_or_else(|| Text::new("no such `verdict`", "没有这样的 `verdict`"))?;
        let took_us = line.took_us(self.clock()).ok_or_else(times)?;
        let claims = std::mem::take(&mut self.claims);
        let (unjudged, limits) = (line.unjudged.into_owned(), line.limits.into_owned());
        Ok(Report {
            head: self.head.clone(),
            trace: std::mem::take(&mut self.trace),
            findings: Findings { claims, unjudged, limits, table: self.table.take(), verdict },
            failure: line.failure.map(std::borrow::Cow::into_owned),
            summary: line.summary.into_owned(),
            took_us,
        })
    }
}

fn times() -> Text {
    Text::new(
        "times stand in every line of a run, or with --stable in none",
        "时间要么每一行都有，要么（--stable 时）都没有",
    )
}

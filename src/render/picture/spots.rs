//! Where things stand on the ladder: lanes from left to right, rows from top to bottom.

use super::rung::Rung;
use super::rung::Spacing;
use crate::render::Report;
use crate::render::rows::Row;
use crate::trace::{EndName, Event, Role};
use std::collections::HashMap;

/// The height of the heads, of a row, of a further line, and the air below.
const HEAD: f64 = 44.0;
const ROW: f64 = 23.0;
const LINE: f64 = 15.0;
/// What a packet takes.
const PACKET: f64 = 26.0;
/// The height of a ladder to scale, at least and at most, and the least distance of two labels.
const SCALED: (f64, f64) = (420.0, 1600.0);

/// The lanes' places.
pub(super) struct LanePlaces {
    /// Every end and its place.
    pub(super) ends: Vec<(EndName, f64)>,
    /// The width of all.
    pub(super) wide: f64,
    /// Something stands between client and server.
    pub(super) relay: bool,
}

/// Where the first client's lane is, and the first server's.
const CLIENT: f64 = 366.0;
const SERVER: f64 = 776.0;
/// Between two lanes of a role.
const APART: f64 = 24.0;

impl LanePlaces {
    pub(super) fn of(report: &Report) -> LanePlaces {
        let mut ends: Vec<EndName> = report.trace.events.iter().map(|e| e.end).collect();
        let packets = report.trace.packets.iter().filter_map(|p| p.context);
        ends.extend(packets.flat_map(|context| [context.from, context.to]));
        ends.extend(
            [Role::Client, Role::Server]
                .into_iter()
                .filter(|role| !ends.iter().any(|e| e.role == *role))
                .map(EndName::only)
                .collect::<Vec<_>>(),
        );
        ends.sort_by_key(|end| (end.role, end.index));
        ends.dedup();
        let nth =
            |end: &EndName| ends.iter().filter(|e| e.role == end.role && e.index < end.index).count().min(6) as f64;
        let x = |end: &EndName| match end.role {
            Role::Client => CLIENT + APART * nth(end),
            Role::Relay => (CLIENT + SERVER) / 2.0 + APART * nth(end),
            Role::Server => SERVER - APART * nth(end),
        };
        let relay = ends.iter().any(|e| e.role == Role::Relay);
        LanePlaces { ends: ends.iter().map(|end| (*end, x(end))).collect(), wide: 1124.0, relay }
    }

    fn of_role(&self, role: Role) -> impl Iterator<Item = f64> {
        self.ends.iter().filter(move |(end, _)| end.role == role).map(|(_, x)| *x)
    }

    /// An end's lane.
    pub(super) fn x(&self, end: EndName) -> f64 {
        let own = self.ends.iter().find(|(e, _)| *e == end).map(|(_, x)| *x);
        own.or_else(|| self.of_role(end.role).next()).unwrap_or(CLIENT)
    }

    /// The outermost lane of the clients.
    pub(super) fn left(&self) -> f64 {
        self.of_role(Role::Client).fold(CLIENT, f64::min)
    }

    /// The innermost.
    pub(super) fn inner_left(&self) -> f64 {
        self.of_role(Role::Client).fold(CLIENT, f64::max)
    }

    /// The innermost lane of the servers.
    pub(super) fn right(&self) -> f64 {
        self.of_role(Role::Server).fold(SERVER, f64::min)
    }

    /// The middle of a role's lanes, if it has any.
    pub(super) fn center(&self, role: Role) -> Option<f64> {
        let (all, n) = self.of_role(role).fold((0.0, 0.0), |(all, n), x| (all + x, n + 1.0));
        (n > 0.0).then(|| all / n)
    }

    pub(super) fn middle(&self) -> f64 {
        (self.inner_left() + self.right()) / 2.0
    }

    /// Where the words beside a lane begin.
    pub(super) fn text_x(&self, end: EndName) -> f64 {
        match end.role {
            Role::Client => self.left() - 12.0,
            Role::Relay => self.x(end) + 12.0,
            Role::Server => SERVER + 12.0,
        }
    }
}

/// The rows' places.
pub(super) struct Spots {
    /// Where each stands.
    pub(super) at: Vec<f64>,
    /// Where its words stand.
    pub(super) label: Vec<f64>,
    /// Whose it is, of a call.
    pub(super) ends: Vec<Option<EndName>>,
    /// The height of all.
    pub(super) high: f64,
    seqs: Vec<usize>,
    /// Moments in the order of the rows, none before the one above it.
    moments: Vec<u64>,
    clock: bool,
    /// The first moment, and how far a microsecond reaches; where rows stand by their times.
    scale: Option<(u64, f64)>,
}

/// How much room a row takes.
fn room(rung: &Rung) -> f64 {
    match rung.row {
        Row::Packet(_) => PACKET,
        _ => ROW + LINE * (rung.lines.len().max(1) - 1 + rung.below()) as f64,
    }
}

fn moment(row: &Row) -> Option<u64> {
    match row {
        Row::Event(row) => Some(row.event.moment_us()),
        Row::Packet(row) => Some(row.packet.t_us),
        Row::More(_) => None,
    }
}

impl Spots {
    pub(super) fn of(report: &Report, rungs: &[Rung], spacing: Spacing) -> Spots {
        let mut latest = 0;
        let mut moments = Vec::new();
        let mut seqs: Vec<usize> = Vec::new();
        for rung in rungs {
            latest = moment(&rung.row).unwrap_or(latest).max(latest);
            moments.push(latest);
            seqs.push(rung.row.seq().or(seqs.last().copied()).unwrap_or(0));
        }
        let mut y = HEAD;
        let rows: Vec<f64> = rungs
            .iter()
            .map(|rung| {
                let at = y;
                y += room(rung);
                at
            })
            .collect();
        let ends =
            rungs.iter().map(|rung| if let Row::Event(row) = &rung.row { Some(row.event.end) } else { None }).collect();
        let mut spots = Spots {
            label: rows.clone(),
            at: rows,
            ends,
            high: y + 12.0,
            seqs,
            moments,
            clock: report.has_clock(),
            scale: None,
        };
        if spacing == Spacing::Times && spots.clock {
            spots.scale(rungs);
        }
        spots
    }

    /// Moves every row to its time; words that would stand on each other stand below each other.
    fn scale(&mut self, rungs: &[Rung]) {
        let (Some(first), Some(last)) = (self.moments.first().copied(), self.moments.last().copied()) else { return };
        let high = self.high.clamp(SCALED.0, SCALED.1);
        let each = (high - 2.0 * HEAD) / (last - first).max(1) as f64;
        self.at = self.moments.iter().map(|us| HEAD + (us - first) as f64 * each).collect();
        let mut free: HashMap<Option<EndName>, f64> = HashMap::new();
        for (n, rung) in rungs.iter().enumerate() {
            let side = self.ends[n].map(|end| EndName::only(end.role));
            let free = free.entry(side).or_insert(HEAD);
            self.label[n] = self.at[n].max(*free);
            *free = self.label[n] + room(rung);
        }
        self.high = free.into_values().fold(high, f64::max);
        self.scale = Some((first, each));
    }

    /// Times that are told, in microseconds, with their places: some ten, at round numbers.
    pub(super) fn ticks(&self) -> Vec<(u64, f64)> {
        let (Some((first, each)), Some(last)) = (self.scale, self.moments.last()) else { return Vec::new() };
        let wanted = ((last - first) / 10).max(1);
        let power = 10u64.pow(wanted.ilog10());
        let step = [1, 2, 5, 10].into_iter().map(|n| n * power).find(|step| *step >= wanted).unwrap_or(power);
        let start = first.div_ceil(step) * step;
        (start..=*last).step_by(step as usize).map(|us| (us, HEAD + (us - first) as f64 * each)).collect()
    }

    /// Are the rows as far apart as their times?
    pub(super) fn to_scale(&self) -> bool {
        self.scale.is_some()
    }

    /// Where a moment is: between the row before and the row after it.
    fn y(&self, us: u64) -> f64 {
        let next = self.moments.partition_point(|at| *at < us);
        let Some(after) = self.moments.get(next) else { return self.at.last().copied().unwrap_or(HEAD) };
        let Some(before) = next.checked_sub(1) else { return self.at[0] };
        let (a, b) = (self.moments[before], *after);
        self.at[before] + (self.at[next] - self.at[before]) * (us - a) as f64 / (b - a).max(1) as f64
    }

    /// Where a packet of this row arrives: below where it left.
    pub(super) fn arrival(&self, n: usize, us: u64) -> f64 {
        let least = self.at[n] + 8.0;
        if self.clock { self.y(us).max(least) } else { least + 6.0 }
    }

    /// Where a call was entered that is seen to wait: other things happened meanwhile.
    pub(super) fn began(&self, event: &Event) -> Option<f64> {
        let (from, to) = (self.y(event.t_us), self.y(event.end_us));
        (self.clock && event.end_us > event.t_us && to - from > ROW * 1.2).then_some(from)
    }

    /// Where it returned.
    pub(super) fn ended(&self, event: &Event, y: f64) -> f64 {
        self.y(event.end_us).max(y)
    }

    /// The event of a row.
    pub(super) fn seq(&self, row: usize) -> usize {
        self.seqs[row]
    }

    /// How far down the marks of a row reach: a call that waits, a packet on its way.
    pub(super) fn reach(&self, n: usize, rung: &Rung) -> f64 {
        match &rung.row {
            Row::Event(row) => self.began(row.event).map_or(0.0, |_| self.ended(row.event, 0.0)),
            Row::Packet(row) => row.packet.arrivals.iter().map(|at| self.arrival(n, *at)).fold(0.0, f64::max),
            Row::More(_) => 0.0,
        }
    }

    /// Where a row's room begins, above the middle of its words.
    pub(super) fn top(&self, n: usize) -> f64 {
        self.label[n] - ROW / 2.0
    }

    /// How high a row is.
    pub(super) fn row(&self, rung: &Rung) -> f64 {
        room(rung)
    }

    /// The row of an event, or the one that stands for it.
    pub(super) fn nearest(&self, seq: usize) -> Option<usize> {
        self.seqs.partition_point(|s| *s <= seq).checked_sub(1)
    }
}

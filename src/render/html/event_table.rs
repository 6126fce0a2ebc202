//! The events as a table: for screen readers, and for whoever would rather read than look.

use crate::render::Report;
use crate::render::picture::{MOST_ROWS, Speech, both, class};
use crate::render::rows::{EventRow, PacketRow, Row, bytes, rows, token};
use crate::text::Text;
use maud::{Markup, html};

/// Columns of a label, which has room here.
const ROOM: usize = 60;

/// The table.
pub(super) fn table(report: &Report) -> Markup {
    let time = Text::new("ms", "毫秒");
    html! {
        details.events {
            summary { h2 { (Speech::Both.html(&Text::new("The events as a table", "事件列表"))) } }
            div.scroll tabindex="0" role="group" aria-label="events" {
                table {
                    thead { tr {
                        th scope="col" { "#" }
                        @if report.has_clock() { th scope="col" { (Speech::Both.html(&time)) } } @else { td {} }
                        th scope="col" { (Speech::Both.html(&Text::new("who", "谁"))) }
                        th scope="col" { (Speech::Both.html(&Text::new("what", "做了什么"))) }
                        th scope="col" { (Speech::Both.html(&Text::new("the kernel, the link", "内核、链路"))) }
                    } }
                    tbody { @for row in rows(report).iter().take(MOST_ROWS) { (one(report, row)) } }
                }
            }
        }
    }
}

fn one(report: &Report, row: &Row) -> Markup {
    match row {
        Row::Event(row) => event(report, row),
        Row::Packet(row) => packet(report, row),
        Row::More(tokens) => {
            html! { tr { td colspan="5" { (Speech::Both.html(&both(|style| token::line(tokens, style, 0)))) } } }
        }
    }
}

fn when(report: &Report, us: u64) -> String {
    if report.has_clock() { format!("{:.3}", us as f64 / 1000.0) } else { String::new() }
}

fn event(report: &Report, row: &EventRow) -> Markup {
    let label = both(|style| token::call_with_peer(&row.label, style, ROOM));
    html! {
        tr data-e=(row.event.seq) {
            td { (row.number) }
            td { (when(report, row.event.moment_us())) }
            td { (row.event.end) }
            td {
                (Speech::Both.html(&label))
                @if row.detailed {
                    @for piece in bytes::pieces(&report.trace, row.event) {
                        span class={ "piece " (class(piece.msg)) } { (Speech::Both.html(&both(|style| token::glance(&piece.tokens, style)))) }
                    }
                }
                @if let Some(more) = &row.more { br; (Speech::Both.html(more)) }
            }
            td { (Speech::Both.html(&row.kernel)) }
        }
    }
}

fn packet(report: &Report, row: &PacketRow) -> Markup {
    let packet = row.packet;
    let arrived: Vec<String> = packet.arrivals.iter().map(|at| when(report, *at)).filter(|at| !at.is_empty()).collect();
    html! {
        tr data-e=(packet.seq) {
            td { (row.number) }
            td { (when(report, packet.t_us)) }
            td { (row.from) " → " (row.to) }
            td { (Speech::Both.html(&both(|style| token::packet(&row.label, style)))) }
            td { @if let Some(remark) = &row.remark { (Speech::Both.html(remark)) " " } (arrived.join(", ")) }
        }
    }
}

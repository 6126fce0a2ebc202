//! The syllabus: one file a scenario, one ordered list. Help, `list`, `all`, docs and tests derive from it.

mod both;
mod fix_ack;
mod fix_bigger_buffer;
mod fix_broken_loops;
mod fix_characters;
mod fix_concurrent;
mod fix_delimiter;
mod fix_exact;
mod fix_file;
mod fix_fixed_size;
mod fix_header;
mod fix_json_header;
mod fix_nodelay;
mod fix_one_recv;
mod fix_sleep;
mod link_loss;
mod lock_step;
mod myths;
mod one_recv;
mod page;
mod prelude;
mod remote_commands;
mod segments;
mod tcp_backlog;
mod tcp_close;
mod tcp_empty;
mod tcp_nagle;
mod tcp_naive;
mod tcp_partial_send;
mod tcp_remote_cmd;
mod tcp_reuseaddr;
mod tcp_short_recv;
mod tcp_split;
mod tcp_stall;
mod tcp_window;
mod udp_boundaries;
mod udp_chat;
mod udp_duplicate;
mod udp_empty;
mod udp_fragment;
mod udp_loss;
mod udp_no_server;
mod udp_remote_cmd;
mod udp_reorder;
mod udp_truncate;
mod wire;

pub use myths::{MYTHS, Myth};
pub use page::{ControlExperiment, Explanation, OwnMessages, Scenario, Suggestion, SyllabusPart, Teaching};

/// Every scenario, in teaching order.
pub fn syllabus() -> Vec<Scenario> {
    [
        tcp_naive::scenario,
        tcp_short_recv::scenario,
        tcp_remote_cmd::scenario,
        tcp_nagle::scenario,
        tcp_split::scenario,
        tcp_empty::scenario,
        tcp_close::scenario,
        tcp_backlog::scenario,
        tcp_partial_send::scenario,
        tcp_reuseaddr::scenario,
        udp_boundaries::scenario,
        udp_truncate::scenario,
        udp_loss::scenario,
        udp_empty::scenario,
        udp_no_server::scenario,
        udp_remote_cmd::scenario,
        udp_chat::scenario,
        fix_sleep::scenario,
        fix_nodelay::scenario,
        fix_bigger_buffer::scenario,
        fix_one_recv::scenario,
        fix_broken_loops::scenario,
        fix_characters::scenario,
        fix_ack::scenario,
        fix_fixed_size::scenario,
        fix_delimiter::scenario,
        fix_header::scenario,
        fix_json_header::scenario,
        fix_exact::scenario,
        fix_file::scenario,
        fix_concurrent::scenario,
        tcp_stall::scenario,
        link_loss::scenario,
        udp_fragment::scenario,
        udp_reorder::scenario,
        udp_duplicate::scenario,
        tcp_window::scenario,
    ]
    .map(|scenario| scenario())
    .to_vec()
}

/// A scenario by its id.
pub fn find(id: &str) -> Option<Scenario> {
    syllabus().into_iter().find(|s| s.id == id)
}

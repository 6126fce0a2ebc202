//! The recording of one run: messages, events, and what follows from them alone.
//!
//! Nothing here touches a socket or knows a colour. [`Recorder`] collects while the ends run;
//! [`Trace::finish`] then orders the events causally ([`order`]), maps every received byte back to
//! the message it came from ([`provenance`]), and from there on the trace does not change.

mod act;
pub(crate) mod connections;
mod context;
mod counters;
pub(crate) mod datagrams;
mod ends;
mod event;
mod evidence;
mod fates;
mod finish;
mod message;
mod needs;
mod news;
pub mod order;
pub mod packet;
pub mod provenance;
mod recorder;
mod recording;
mod sink;
mod socket;
pub mod summary;
mod window;
pub(crate) mod word;
mod written;

pub use crate::framing::Part;
pub use act::{Act, Opening, Variant};
pub use context::{PacketContext, Purpose};
pub use counters::Kernel;
pub use ends::{EndName, Role};
pub use event::{Call, Event, Fact, Handed, Struck};
pub use evidence::Evidence;
pub use fates::{Loss, ProtocolCounts};
pub use message::{Message, MsgId, Span};
pub use news::News;
pub use order::Tie;
pub use recorder::Recorder;
pub use recording::Trace;
pub use sink::{Sink, UnderWay};
pub use socket::{Proto, SockId, SocketInfo};
pub use window::Window;

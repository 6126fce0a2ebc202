//! What every scenario file is written with.

pub(super) use super::page::{Scenario, SyllabusPart, Teaching};
pub(super) use crate::claims::{
    Draft, Events, Judge, Measured, Scope, Sentence, Value, Varying, VaryingFromZero, describe,
};
pub(super) use crate::net::{Conn, End, Listener, Opt};
pub(super) use crate::play::{Ends, Variation};
pub(super) use crate::say;
pub(super) use crate::text::{Text, grouped};
pub(super) use crate::trace::Role::{Client, Server};
pub(super) use crate::trace::{Act, Call, Event};

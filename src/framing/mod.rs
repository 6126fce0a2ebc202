//! Framings: how a stream of bytes gets its message boundaries back. Pure functions, bytes in and
//! bytes out; no sockets, and no length is believed before it is checked.

pub mod decimal;

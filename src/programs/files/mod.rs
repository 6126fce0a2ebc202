//! Upload and download: `serve files`, `put`, `get` (D0, D1 §13, D4).

pub mod get;
mod pump;
pub mod put;
pub mod serve;

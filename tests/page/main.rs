//! Pages in a browser: what they show, what they do, and what they never do.
#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod accessible;
mod beside;
mod browser;
mod copies;
mod hostile;
mod large;
mod lights;
mod loads;
mod words;
mod written;

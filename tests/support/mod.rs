//! What the tests are built from: a mail server that does as it is told, an HTTP client, the built program as a process,
//! a database of one's own on either engine. Nothing here knows Attune's insides: it sees what a browser, a mail server
//! and an operator see. Tests themselves live beside this folder.

#![allow(
    dead_code,
    reason = "building blocks: not every program that includes them uses each"
)]

pub mod assessment;
pub mod burst;
pub mod database;
pub mod folder;
pub mod gateway;
pub mod http;
pub mod kill;
pub mod page;
pub mod patient;
pub mod process;
pub mod smtp;

//! What a hostile user and a hostile log get from `catspaw scan`: an exit status, a message that helps, and results that
//! one bad line does not spoil.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "cli/alerts.rs"]
mod alerts;
#[path = "cli/blind.rs"]
mod blind;
#[path = "cli/caps.rs"]
mod caps;
#[path = "cli/captures.rs"]
mod captures;
#[path = "cli/clocks.rs"]
mod clocks;
#[path = "cli/columns.rs"]
mod columns;
#[path = "cli/config.rs"]
mod config;
#[path = "cli/cut.rs"]
mod cut;
#[path = "cli/design.rs"]
mod design;
#[path = "cli/devices.rs"]
mod devices;
#[path = "cli/extract.rs"]
mod extract;
#[path = "cli/files.rs"]
mod files;
#[path = "cli/firewalls.rs"]
mod firewalls;
#[path = "cli/lines.rs"]
mod lines;
#[path = "cli/mail.rs"]
mod mail;
#[path = "cli/misfits.rs"]
mod misfits;
#[path = "cli/networks.rs"]
mod networks;
#[path = "cli/only.rs"]
mod only;
#[path = "cli/owners.rs"]
mod owners;
#[path = "cli/pairs.rs"]
mod pairs;
#[path = "cli/pipes.rs"]
mod pipes;
#[path = "cli/pix.rs"]
mod pix;
#[path = "cli/programs.rs"]
mod programs;
#[path = "cli/redact.rs"]
mod redact;
#[path = "cli/run.rs"]
mod run;
#[path = "cli/scans.rs"]
mod scans;
#[path = "cli/status.rs"]
mod status;
#[path = "cli/sums.rs"]
mod sums;
#[path = "cli/trace.rs"]
mod trace;
#[path = "cli/views.rs"]
mod views;
#[path = "cli/zeek.rs"]
mod zeek;

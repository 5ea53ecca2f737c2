//! Every file of the fuzz corpora, on what the fuzz targets check: a crash that was found once stays found.
#![expect(clippy::disallowed_methods, reason = "a test reads the corpora that stand in the repository")]
#![expect(clippy::print_stdout, reason = "what a failed test printed says which file it was")]

// The crate itself would bring libFuzzer into every build.
#[path = "../../../fuzz/src/records.rs"]
#[expect(unreachable_pub, reason = "this is a crate that is a module here")]
mod targets;

#[path = "../../../fuzz/src/replay.rs"]
#[expect(unreachable_pub, reason = "it is shared by path")]
mod corpus;

use corpus::replay;

#[test]
fn cisco() {
    replay("cisco", targets::cisco);
}

#[test]
fn firewall() {
    replay("firewall", targets::firewall);
}

#[test]
fn columns() {
    replay("columns", targets::columns);
}

#[test]
fn json() {
    replay("json", targets::json);
}

#[test]
fn leases() {
    replay("leases", targets::leases);
}

#[test]
fn nmap() {
    replay("nmap", targets::nmap);
}

#[test]
fn zeek() {
    replay("zeek", targets::zeek);
}

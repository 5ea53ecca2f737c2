//! Every file of the fuzz corpora, on what the fuzz targets check: a crash that was found once stays found.
#![expect(clippy::disallowed_methods, reason = "a test reads the corpora that stand in the repository")]
#![expect(clippy::print_stdout, reason = "what a failed test printed says which file it was")]

// The crate itself would bring libFuzzer into every build.
#[path = "../../../fuzz/src/engine.rs"]
#[expect(unreachable_pub, reason = "this is a crate that is a module here")]
mod targets;

#[path = "../../../fuzz/src/reassembly.rs"]
#[expect(unreachable_pub, reason = "this is a crate that is a module here")]
mod flows;

#[path = "../../../fuzz/src/replay.rs"]
#[expect(unreachable_pub, reason = "it is shared by path")]
mod corpus;

use corpus::replay;

#[test]
fn capture() {
    replay("capture", targets::capture);
}

#[test]
fn packet() {
    replay("packet", targets::packet);
}

#[test]
fn reassembly() {
    replay("reassembly", flows::reassembly);
}

#[test]
fn session() {
    replay("session", targets::session);
}

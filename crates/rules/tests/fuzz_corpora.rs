//! Every file of the fuzz corpus, on what the fuzz target checks: a crash that was found once stays found.
#![expect(clippy::disallowed_methods, reason = "a test reads the corpora that stand in the repository")]
#![expect(clippy::print_stdout, reason = "what a failed test printed says which file it was")]

// The crate itself would bring libFuzzer into every build.
#[path = "../../../fuzz/src/rules.rs"]
#[expect(unreachable_pub, reason = "this is a crate that is a module here")]
mod targets;

#[path = "../../../fuzz/src/replay.rs"]
#[expect(unreachable_pub, reason = "it is shared by path")]
mod corpus;

#[test]
fn rules() {
    corpus::replay("rules", targets::rules);
}

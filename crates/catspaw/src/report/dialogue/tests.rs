//! The fuzz corpus of dialogues, on what its target checks.
#![expect(clippy::disallowed_methods, reason = "a test reads the corpus that stands in the repository")]
#![expect(clippy::print_stdout, reason = "what a failed test printed says which file it was")]

use super::talk;

// The target reads the same sources by path.
#[path = "../../../../../fuzz/src/dialogue/check.rs"]
#[expect(unreachable_pub, reason = "it is shared by path")]
mod check;

#[path = "../../../../../fuzz/src/replay.rs"]
#[expect(unreachable_pub, reason = "it is shared by path")]
mod corpus;

#[test]
fn fuzz_corpus() {
    corpus::replay("dialogue", check::dialogue);
}

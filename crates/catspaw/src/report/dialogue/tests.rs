//! The fuzz corpus of dialogues, on what its target checks.

use super::talk;

// The target reads the same sources by path.
#[path = "../../../../../fuzz/src/dialogue/check.rs"]
#[expect(unreachable_pub, reason = "it is shared by path")]
mod check;

#[test]
fn fuzz_corpus() {
    crate::corpus::replay("dialogue", check::dialogue);
}

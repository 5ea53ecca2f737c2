//! Which rules' payload options may match, found in one pass over the data.

use aho_corasick::{AhoCorasick, MatchKind};
use regex::bytes::{Regex, RegexBuilder};

use crate::inspect::Content;

/// With no more patterns than this, one vectorised search says whether any is there, and each rule looks for its own.
const FEW: usize = 8;

/// The fast patterns of many rules.
#[derive(Debug)]
pub(crate) enum Prefilter {
    None,
    Few(Regex, Vec<u32>),
    Many(AhoCorasick, Vec<u32>),
}

impl Prefilter {
    /// Of `patterns`, each with the number of its rule. `None` where they are too large together.
    pub(crate) fn new(patterns: &[(u32, &Content)]) -> Option<Self> {
        let owners: Vec<u32> = patterns.iter().map(|(rule, _)| *rule).collect();
        if patterns.is_empty() {
            return Some(Self::None);
        }
        if patterns.len() <= FEW {
            let text: Vec<String> = patterns.iter().map(|(_, content)| escaped(content)).collect();
            let gate = RegexBuilder::new(&text.join("|")).unicode(false).build().ok()?;
            return Some(Self::Few(gate, owners));
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(patterns.iter().map(|(_, content)| &content.pattern))
            .ok()?;
        Some(Self::Many(automaton, owners))
    }

    /// Sets the bits of the rules whose pattern is in `bytes`.
    pub(crate) fn find(&self, bytes: &[u8], picked: &mut [u64]) {
        let mut pick = |rule: u32| picked[rule as usize / 64] |= 1 << (rule % 64);
        match self {
            Self::None => {}
            Self::Few(gate, owners) => {
                if gate.is_match(bytes) {
                    owners.iter().copied().for_each(pick);
                }
            }
            Self::Many(automaton, owners) => {
                automaton.find_overlapping_iter(bytes).for_each(|found| pick(owners[found.pattern().as_usize()]));
            }
        }
    }
}

fn escaped(content: &Content) -> String {
    let bytes: String = content.pattern.iter().map(|byte| format!("\\x{byte:02x}")).collect();
    if content.is_nocase() { format!("(?i-u:{bytes})") } else { format!("(?-u:{bytes})") }
}

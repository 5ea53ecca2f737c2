//! What was read, what could not be, and what this evidence cannot show.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::number::{bytes, count, number, some_of, span};
use super::page::{Page, TITLE};
use crate::report::model::{Evidence, Report, UnparsedLines};

/// Files that are listed; `-v` lists all.
const FILES: usize = 12;
/// Kinds of lines that could not be read, and places of each.
const KINDS: usize = 8;
const PLACES: usize = 3;
/// Files that were not read and are named at the head.
const NAMED: usize = 4;

/// Writes it.
pub(super) fn write(page: &mut Page<'_, impl Write>, report: &Report) -> io::Result<()> {
    page.blank()?;
    page.title("What was read", TITLE)?;
    if !report.incidents.is_empty() {
        page.say(0, &looked_at(report))?;
    }
    page.say(0, &ours(report))?;
    forwarders(page, report)?;
    page.blank()?;
    files(page, &report.evidence)?;
    super::cut::timers(page, report)?;
    unparsed(page, report)?;
    dropped(page, report)?;
    limits(page, report)
}

/// How much was looked at, in one sentence.
pub(super) fn looked_at(report: &Report) -> String {
    let seen = &report.looked_at;
    let records = report.evidence.iter().map(|evidence| evidence.records).sum();
    let paths: std::collections::BTreeSet<_> = report.evidence.iter().map(|evidence| &evidence.path).collect();
    let first = report.evidence.iter().filter_map(|evidence| evidence.first.as_deref()).min();
    let last = report.evidence.iter().filter_map(|evidence| evidence.last.as_deref()).max();
    let when = first.map_or_else(String::new, |_| format!(", {} UTC", span(first, last)));
    format!(
        "catspaw {} looked at {} in {}: {} of {}, {} tested{when}.",
        report.version,
        count(records, "record", "records"),
        count(paths.len() as u64, "file", "files"),
        count(seen.connections, "connection", "connections"),
        count(seen.hosts, "host", "hosts"),
        count(seen.services_tested, "service", "services"),
    )
}

/// Files of which nothing is in the report: whoever looks for what is in them must not take the report for an answer.
pub(super) fn left_out(report: &Report) -> Option<String> {
    let is_read = |path: &str| report.evidence.iter().any(|evidence| evidence.path == path);
    let whole = report.unparsed.iter().filter(|one| one.line == 0 && one.kind == "file" && !is_read(&one.path));
    let whole: Vec<&UnparsedLines> = whole.collect();
    let [first, others @ ..] = &whole[..] else { return None };
    if others.is_empty() {
        return Some(format!("Nothing here is of {} ({}).", first.path, first.why));
    }
    let named: Vec<String> = whole.iter().map(|one| one.path.clone()).collect();
    Some(format!("Nothing here is of {}; why stands under \"Not understood\".", some_of(&named, NAMED)))
}

fn ours(report: &Report) -> String {
    match report.home_net.as_slice() {
        [] => "Our addresses: what the records themselves mark as inside.".to_owned(),
        nets => format!("Our addresses: {}.", some_of(nets, 12)),
    }
}

fn forwarders(page: &mut Page<'_, impl Write>, report: &Report) -> io::Result<()> {
    let forwarders = &report.looked_at.dns_forwarders;
    if forwarders.is_empty() {
        return Ok(());
    }
    if !page.is_verbose() {
        let n = count(forwarders.len() as u64, "DNS forwarder", "DNS forwarders");
        return page.say(0, &format!("Not counted as relays: {n} (-v lists them)."));
    }
    let names: Vec<String> = forwarders.iter().map(|(host, port)| format!("{host} port\u{a0}{port}")).collect();
    page.say(0, &format!("DNS forwarders, which carry questions on by design: {}.", names.join(", ")))
}

fn files(page: &mut Page<'_, impl Write>, evidence: &[Evidence]) -> io::Result<()> {
    let mut by_path: Vec<(&str, Vec<&Evidence>)> = Vec::new();
    for one in evidence {
        match by_path.last_mut() {
            Some((path, sensors)) if *path == one.path => sensors.push(one),
            _ => by_path.push((&one.path, vec![one])),
        }
    }
    let shown = if page.is_verbose() { by_path.len() } else { FILES };
    for (path, sensors) in by_path.iter().take(shown) {
        let size = sensors.iter().map(|one| one.bytes).sum();
        page.say(0, &format!("{path} ({}, {})", sensors.first().map_or("", |one| &one.format), bytes(size)))?;
        sensors.iter().try_for_each(|one| sensor(page, one))?;
    }
    match by_path.len().saturating_sub(shown) {
        0 => Ok(()),
        more => page.say(0, &format!("and {} (-v lists them)", count(more as u64, "more file", "more files"))),
    }
}

fn sensor(page: &mut Page<'_, impl Write>, evidence: &Evidence) -> io::Result<()> {
    let (first, last) = (evidence.first.as_deref(), evidence.last.as_deref());
    let mut text = format!(
        "{}, {}\u{a0}skipped, {}\u{a0}late, {}",
        count(evidence.records, "record", "records"),
        number(evidence.skipped),
        number(evidence.late),
        count(evidence.duplicates, "duplicate", "duplicates"),
    );
    if first.is_some() {
        text = format!("{text}; {}", span(first, last));
    }
    if evidence.clock_offset != 0.0 {
        text = format!("{text}; clock corrected by {}", signed(-evidence.clock_offset));
    }
    let name = super::wrap::cut(&super::wrap::clean(&evidence.sensor), 40);
    page.say(1, &if name.is_empty() { text } else { format!("{name}: {text}") })
}

/// `-1:00:00`, with what is finer than a second where there is anything.
fn signed(seconds: f64) -> String {
    let millis = (seconds.abs() * 1000.0).round() as u64;
    let (whole, beyond) = (millis / 1000, millis % 1000);
    let sign = if seconds < 0.0 { '-' } else { '+' };
    let fraction = if beyond > 0 { format!(".{beyond:03}") } else { String::new() };
    format!("{sign}{}:{:02}:{:02}{fraction}", whole / 3600, whole / 60 % 60, whole % 60)
}

fn unparsed(page: &mut Page<'_, impl Write>, report: &Report) -> io::Result<()> {
    let unparsed = &report.unparsed;
    if unparsed.is_empty() {
        return Ok(());
    }
    let mut kinds: BTreeMap<(&str, &str), Vec<&UnparsedLines>> = BTreeMap::new();
    for lines in unparsed {
        kinds.entry((&lines.kind, &lines.why)).or_default().push(lines);
    }
    let mut kinds: Vec<_> =
        kinds.into_values().map(|lines| (lines.iter().map(|l| l.count).sum::<u64>(), lines)).collect();
    kinds.sort_by_key(|(total, _)| std::cmp::Reverse(*total));
    let total = kinds.iter().map(|(total, _)| total).sum();
    page.blank()?;
    let all: Vec<_> = unparsed.iter().collect();
    page.title(&format!("Not understood: {}", unread(report, total, &all)), TITLE)?;
    let shown = if page.is_verbose() { kinds.len() } else { KINDS };
    for (total, lines) in kinds.iter().take(shown) {
        page.say(0, &format!("{} ({})", lines[0].kind, unread(report, *total, lines)))?;
        places(page, lines)?;
    }
    match kinds.len().saturating_sub(shown) {
        0 => Ok(()),
        more => page.say(0, &format!("and {} (-v lists them)", count(more as u64, "more kind", "more kinds"))),
    }
}

/// So many lines, or packets, as the files have, and so many files of which all or the end is not read.
fn unread(report: &Report, total: u64, places: &[&UnparsedLines]) -> String {
    type Places<'a> = Vec<&'a UnparsedLines>;
    let (files, places): (Places<'_>, Places<'_>) =
        places.iter().partition(|place| place.line == 0 && place.kind == "file");
    let whole: u64 = files.iter().map(|file| file.count).sum();
    let of_files = (whole > 0).then(|| count(whole, "file", "files"));
    let of_lines = (!places.is_empty()).then(|| unread_lines(report, total - whole, &places));
    of_lines.into_iter().chain(of_files).collect::<Vec<_>>().join(" and ")
}

fn unread_lines(report: &Report, total: u64, places: &[&UnparsedLines]) -> String {
    let is_capture = |path: &str| {
        report.evidence.iter().any(|evidence| evidence.path == path && evidence.format.starts_with("pcap"))
    };
    match places.iter().filter(|place| is_capture(&place.path)).count() {
        0 => count(total, "line", "lines"),
        all if all == places.len() => count(total, "packet", "packets"),
        _ => count(total, "place", "places"),
    }
}

fn places(page: &mut Page<'_, impl Write>, lines: &[&UnparsedLines]) -> io::Result<()> {
    let places = lines.iter().flat_map(|one| {
        // The first is always known, the others only as far as they were kept.
        let others = one.lines.iter().filter(|&&line| line != one.line);
        let others = others.map(|line| (&one.path, (*line, None), one.why.clone()));
        let why = one.value.iter().fold(one.why.clone(), |why, value| format!("{why}: {value}"));
        std::iter::once((&one.path, (one.line, one.column), why)).chain(others)
    });
    let shown = if page.is_verbose() { usize::MAX } else { PLACES };
    for (path, place, why) in places.take(shown) {
        let place = match place {
            // What is wrong with a file as a whole has no line.
            (0, _) => path.clone(),
            (line, None) => format!("{path}:{line}"),
            (line, Some(column)) => format!("{path}:{line}:{column}"),
        };
        page.say(1, &format!("{place}: {why}"))?;
    }
    Ok(())
}

fn dropped(page: &mut Page<'_, impl Write>, report: &Report) -> io::Result<()> {
    if report.dropped.iter().all(|dropped| dropped.count == 0) {
        return Ok(());
    }
    page.blank()?;
    page.title("Left out", TITLE)?;
    let rows: Vec<_> = report.dropped.iter().map(|d| (number(d.count), d.table.to_owned())).collect();
    page.figures(0, &rows)
}

fn limits(page: &mut Page<'_, impl Write>, report: &Report) -> io::Result<()> {
    if report.limits.is_empty() {
        return Ok(());
    }
    page.blank()?;
    page.title("What this evidence cannot show", TITLE)?;
    report.limits.iter().try_for_each(|limit| page.hang(0, "- ", limit))
}

//! What was said on two legs, side by side.

use std::io::{self, Write};

use catspaw_records::{Nanos, Side};

use super::number::count;
use super::page::{FAINT, Page, tied};
use super::table::{Line, Span, line_width};
use super::wrap::{fold, width};
use crate::report::dialogue::{Dialogue, Legs, Said, Words};
use crate::report::explain::Explained;
use crate::report::time;

/// Rows of one dialogue that are shown: so many from its beginning and its end; with `-v` more.
const FIRST: usize = 15;
const LAST: usize = 5;
const FIRST_VERBOSE: usize = 400;
const LAST_VERBOSE: usize = 40;
/// Between the legs.
const BETWEEN: &str = " | ";
/// An offset, and the mark of who speaks.
const OFFSET: usize = 7;
const MARK: usize = 3;
/// Lines that one thing said may take: an address is worth a second one, a long header line is not worth ten.
const FOLDED: usize = 3;

/// What the left leg and the right one said, each as far as it said anything.
type Row<'a> = [Option<&'a Said>; 2];

/// Writes the dialogues, or why there are none.
pub(super) fn write(page: &mut Page<'_, impl Write>, explained: &Explained) -> io::Result<()> {
    if let Some(why) = &explained.unheard {
        page.blank()?;
        return page.say(0, why);
    }
    for (at, dialogue) in explained.dialogues.iter().enumerate() {
        page.blank()?;
        page.say(0, &heading(dialogue, at == 0))?;
        page.blank()?;
        body(page, dialogue)?;
    }
    Ok(())
}

fn heading(dialogue: &Dialogue, first: bool) -> String {
    let Dialogue { legs, target, opened, .. } = dialogue;
    let at = time::rfc3339(*opened);
    let at = at.get(..at.len().min(22)).unwrap_or(&at).trim_end_matches('Z').replace('T', " ");
    let at = tied(&format!("{at} UTC"));
    let what = match legs {
        Legs::Relayed { client, port, lag } => format!(
            "What was said. Left: {client} to port {port}, opened at {at}. Right: what carries it on to {target}, opened {} \
             later.",
            tied(&format!("{} s", seconds(*lag)))
        ),
        Legs::Tunnelled { tunnel } => format!(
            "What was said. Left: the tunnel to {tunnel}, about the time of the call. Right: the call to {target}, opened at {at}."
        ),
        Legs::Own => format!("What was said to {target}, opened at {at}."),
    };
    let legend = "Seconds count from the first opening; \">\" is whoever opened the connection, \"<\" the other side. Letters, \
                  bodies and passwords are not shown.";
    if first { format!("{what} {legend}") } else { what }
}

fn body(page: &mut Page<'_, impl Write>, dialogue: &Dialogue) -> io::Result<()> {
    let rows = rows(dialogue);
    let (first, last) = if page.is_verbose() { (FIRST_VERBOSE, LAST_VERBOSE) } else { (FIRST, LAST) };
    let columns = Columns {
        opened: dialogue.opened,
        width: (page.width().saturating_sub(BETWEEN.len())) / 2,
        page: matches!(dialogue.legs, Legs::Own).then_some(page.width()),
    };
    let unkept: u64 = dialogue.said.iter().map(|(_, unkept)| unkept).sum();
    let left_out = rows.len().saturating_sub(first + last);
    let (before, after) = if left_out > 0 { (first, first + left_out) } else { (rows.len(), rows.len()) };
    for row in &rows[..before] {
        page.lines(0, &columns.lines(row))?;
    }
    let lines = rows[before..after].iter().flatten().flatten().count() as u64 + unkept;
    if lines > 0 {
        let how = if page.is_verbose() { "" } else { "; -v shows more" };
        let said = format!("... {} left out here{how} ...", count(lines, "line", "lines"));
        page.lines(0, &[vec![Span::new(&said, FAINT)]])?;
    }
    for row in &rows[after..] {
        page.lines(0, &columns.lines(row))?;
    }
    if rows.is_empty() {
        page.say(0, "Nothing that was said is in the captures.")?;
    }
    Ok(())
}

/// Both legs in the order of time. What one leg passes on stands beside what it passes on, where that was the next of
/// it.
fn rows(dialogue: &Dialogue) -> Vec<Row<'_>> {
    let is_tunnel = matches!(dialogue.legs, Legs::Tunnelled { .. });
    let [(left, _), (right, _)] = &dialogue.said;
    let mut all: Vec<(Nanos, usize, &Said)> = left.iter().map(|said| (said.at, 0, said)).collect();
    all.extend(right.iter().map(|said| (said.at, 1, said)));
    all.sort_by_key(|&(at, leg, _)| (at, leg));
    let mut rows: Vec<Row<'_>> = Vec::new();
    // The first row behind everything of a leg.
    let mut free = [0, 0];
    for (_, leg, said) in all {
        // What comes out of a tunnel was said by its far end, and goes on from the host.
        let goes_with = |other: &Said| (other.from == said.from) != is_tunnel;
        let fits = |at: usize| rows[at][leg].is_none() && rows[at][1 - leg].is_some_and(goes_with);
        let same = |at: usize| fits(at) && rows[at][1 - leg].is_some_and(|other| other.words == said.words);
        let beside = (free[leg]..rows.len()).find(|&at| same(at));
        let last = rows.len().checked_sub(1).filter(|&at| at >= free[leg] && fits(at));
        let at = beside.or(last).unwrap_or_else(|| {
            rows.push([None; 2]);
            rows.len() - 1
        });
        rows[at][leg] = Some(said);
        free[leg] = at + 1;
    }
    rows
}

/// How rows are set.
struct Columns {
    opened: Nanos,
    /// Of each of two legs.
    width: usize,
    /// Of the only leg, where there is one.
    page: Option<usize>,
}

impl Columns {
    fn lines(&self, [left, right]: &Row<'_>) -> Vec<Line> {
        let cell = |said: &Option<&Said>, width| said.map_or_else(Vec::new, |said| self.cell(said, width));
        if let Some(width) = self.page {
            return cell(right, width);
        }
        let [left, right] = [left, right].map(|said| cell(said, self.width));
        let at = |cell: &[Line], row: usize| cell.get(row).cloned().unwrap_or_default();
        let beside = |row| {
            let mut line = at(&left, row);
            let gap = self.width.saturating_sub(line_width(&line));
            line.push(Span::from(" ".repeat(gap)));
            line.push(Span::new(BETWEEN, FAINT));
            line.extend(at(&right, row));
            line
        };
        (0..left.len().max(right.len())).map(beside).collect()
    }

    /// When, who, and what, in as many lines as it takes.
    fn cell(&self, said: &Said, room: usize) -> Vec<Line> {
        let mark = if said.from == Side::Orig { '>' } else { '<' };
        let offset = format!("{:>OFFSET$}", seconds(said.at.since(self.opened)));
        let indent = width(&offset) + MARK;
        let texts = fold(&words(&said.words), room.saturating_sub(indent), FOLDED).into_iter();
        let mut first = Some([Span::new(&offset, FAINT), Span::from(format!(" {mark} "))]);
        let mut start = || first.take().map_or_else(|| vec![Span::from(" ".repeat(indent))], Vec::from);
        texts.map(|text| start().into_iter().chain([Span::from(text)]).collect()).collect()
    }
}

fn words(words: &Words) -> String {
    let bytes = |len: u64| count(len, "byte", "bytes");
    match words {
        Words::Line(line) => line.clone(),
        Words::Bytes(len, first) => {
            let hex: Vec<String> = first.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("[{}] {}", bytes(*len), hex.join(" "))
        }
        Words::Hidden(what, len) => format!("[{what}: {}]", bytes(*len)),
        Words::Missing(len) => format!("[{} not captured]", bytes(*len)),
    }
}

fn seconds(nanos: i64) -> String {
    format!("{:.3}", nanos as f64 / 1e9)
}

#[cfg(test)]
mod tests;

//! A picture of what came in and what went out, on which the eye sees that they belong together.

use std::io::{self, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::number::number;
use super::page::{FAINT, Page};
use super::table::{Line, Span};
use crate::report::timeline::Timeline;

/// From nothing to the highest; nothing is a blank.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const PLAIN: [char; 9] = [' ', '.', ':', '-', '=', '+', '*', '#', '@'];
/// Columns that are used at most, and in front of the rows.
const WIDEST: usize = 120;
const NAMES: usize = 5;
/// Fewer slots are no picture.
const FEWEST: i64 = 4;
/// Columns from one label of the axis to the next.
const LABELS: i64 = 9;

/// Draws it.
pub(super) fn write(page: &mut Page<'_, impl Write>, timeline: Option<&Timeline>) -> io::Result<()> {
    let Some(timeline) = timeline else { return Ok(()) };
    let columns = page.room(2).saturating_sub(NAMES).min(WIDEST);
    let timeline = timeline.clone().within(columns);
    if timeline.to - timeline.from < FEWEST {
        return Ok(());
    }
    page.part("How it went")?;
    let levels = if page.is_unicode() { BLOCKS } else { PLAIN };
    page.lines(2, &rows(&timeline, levels))?;
    page.say(2, &legend(&timeline))
}

fn highest(timeline: &Timeline) -> u64 {
    let slots = timeline.from..timeline.to;
    slots.flat_map(|slot| [timeline.inbound.count(slot), timeline.outbound.count(slot)]).max().unwrap_or(0).max(1)
}

fn rows(timeline: &Timeline, levels: [char; 9]) -> Vec<Line> {
    let top = highest(timeline);
    let level = |count: u64| levels[(count * 8).div_ceil(top).min(8) as usize];
    let row = |name: &str, count: &dyn Fn(i64) -> u64| -> Line {
        let picture: String = (timeline.from..timeline.to).map(|slot| level(count(slot))).collect();
        vec![name.into(), picture.into()]
    };
    let mut rows = Vec::new();
    if !timeline.inbound.range().is_empty() {
        rows.push(row("in   ", &|slot| timeline.inbound.count(slot)));
    }
    rows.push(row("out  ", &|slot| timeline.outbound.count(slot)));
    rows.extend(Some(axis(timeline)).filter(|axis| !axis.trim().is_empty()).map(|axis| vec![Span::new(&axis, FAINT)]));
    rows
}

/// Hours, and the day where one begins.
fn axis(timeline: &Timeline) -> String {
    let width = timeline.outbound.width();
    let step = step(width);
    let mut axis = " ".repeat(NAMES);
    for slot in timeline.from..timeline.to {
        let at = (slot - timeline.from) as usize + NAMES;
        let second = slot * width;
        let label = label(second, step);
        // A label is not cut, and stands apart from the one before it.
        let fits =
            axis.trim_end().len() < at.max(1) && at + label.len() <= NAMES + (timeline.to - timeline.from) as usize;
        if second.rem_euclid(step) < width && fits {
            let used = axis.trim_end().len();
            axis.truncate(used);
            axis.push_str(&" ".repeat(at - used));
            axis.push_str(&label);
        }
    }
    axis
}

/// Seconds from one label to the next, which are a multiple of a slot's.
fn step(width: i64) -> i64 {
    const STEPS: [i64; 15] =
        [60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000];
    STEPS.into_iter().find(|&step| step >= width * LABELS).unwrap_or(width * LABELS)
}

fn label(second: i64, step: i64) -> String {
    let Ok(at) = Timestamp::from_second(second) else { return String::new() };
    let at = at.to_zoned(TimeZone::UTC);
    let form = if step >= 86_400 || second.rem_euclid(86_400) == 0 { "%m-%d" } else { "%H:%M" };
    at.strftime(form).to_string()
}

fn legend(timeline: &Timeline) -> String {
    let width = timeline.outbound.width();
    let slot = match width {
        60 => "a minute".to_owned(),
        3600 => "an hour".to_owned(),
        86_400 => "a day".to_owned(),
        _ if width < 60 => format!("{width} seconds"),
        _ if width < 3600 => format!("{} minutes", width / 60),
        _ if width < 86_400 => format!("{} hours", width / 3600),
        _ => format!("{} days", width / 86_400),
    };
    let both = if timeline.inbound.range().is_empty() {
        "out: all that this host sent out"
    } else {
        "in: attempts at the service; out: all that this host sent out; both to one scale"
    };
    format!("{both}. One column is {slot} (UTC), the highest {}.", number(highest(timeline)))
}

//! Syslog of Cisco's firewalls: PIX, ASA, FWSM and FTD.
//!
//! A line is a header (priorities, stamps, names; see [`header`]), a tag (`%ASA-6-302013: `; see [`tag`]) and a text
//! whose form the tag's `message_id` tells. A further message id is one more arm in [`parse_message`].

mod connection;
mod denial;
mod digits;
mod ending;
mod header;
mod memo;
mod party;
mod tag;
mod text;
mod translation;
mod written;

use jiff::civil::Date;
use memchr::{memchr, memrchr};

use crate::{Block, Clock, Event, HashSeed, LineSink, Place, Proto, Record, SensorId, Stamp, Unparsed};
use header::decode_header;
use memo::{Known, Memo};
use tag::{find_tag, parse_tag};
use text::Text;
use written::{Timekeeper, Written};

/// Why something could not be read, in a few words that name the field.
type Why = &'static str;

/// Reads syslog of PIX, ASA, FWSM and FTD.
#[derive(Clone, Debug)]
pub struct Reader {
    time: Timekeeper,
    /// The last header that was resolved, as long as nothing moved the clock since.
    memo: Option<Memo>,
}

/// How much of a file is looked at to tell what it is.
const SNIFFED: usize = 64 * 1024;

/// Whether the first bytes of a file look like syslog of one of the firewalls: a line of text has a tag.
///
/// What stands before the tag must be text, for a packet capture of such syslog holds whole messages, too; and it must
/// not be JSON, whose strings may hold them.
#[must_use]
pub fn sniff(head: &[u8]) -> bool {
    let head = &head[..head.len().min(SNIFFED)];
    let is_text = |byte: &u8| *byte >= b' ' || *byte == b'\t';
    head.split(|byte| *byte == b'\n').any(|line| {
        let before_tag = find_tag(line).map(|tag| &line[..tag.start]);
        before_tag.is_some_and(|before| before.iter().all(is_text) && !matches!(before.first(), Some(b'{' | b'[')))
    })
}

/// What a message says; `None` where its id is one that is not used.
#[inline]
fn parse_message(message_id: u32, text: Text<'_>) -> Option<(&'static str, Result<Event, Why>)> {
    Some(match message_id {
        106_001 => ("106001", denial::parse_inbound_denied(text)),
        106_015 => ("106015", denial::parse_no_connection(text)),
        106_023 => ("106023", denial::parse_access_group(text)),
        302_013 => ("302013", connection::parse_built(text, Proto::Tcp)),
        302_014 => ("302014", connection::parse_teardown(text, Proto::Tcp)),
        302_015 => ("302015", connection::parse_built(text, Proto::Udp)),
        302_016 => ("302016", connection::parse_teardown(text, Proto::Udp)),
        305_009 => ("305009", translation::parse_built(text)),
        305_010 => ("305010", translation::parse_teardown(text)),
        305_011 => ("305011", translation::parse_built(text)),
        305_012 => ("305012", translation::parse_teardown(text)),
        _ => return None,
    })
}

impl Reader {
    /// A reader whose stamps `clock` resolves.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { time: Timekeeper::new(clock), memo: None }
    }

    /// Parses a block into `sink`.
    ///
    /// A record's fingerprint is that of its line from the device's stamp on: a priority, and the stamp and name that
    /// a collector put before it, differ between two collectors of one record.
    pub fn read(&mut self, block: Block<'_>, seed: HashSeed, sink: &mut impl LineSink) {
        let end = self.end_date(block.bytes);
        for (place, line) in block.lines() {
            self.read_line(place, line, seed, sink);
        }
        if let Some(date) = end {
            self.follow(date);
        }
    }

    /// Moves over a block without parsing it.
    ///
    /// All that is kept from block to block is the date that stamps without a year follow; [`Reader::read`] takes it
    /// from the same look at the block, so the two cannot disagree.
    pub fn advance(&mut self, block: &[u8]) {
        if let Some(date) = self.end_date(block) {
            self.follow(date);
        }
    }

    fn follow(&mut self, date: Date) {
        self.time.follow(date);
        self.memo = None;
    }

    #[inline]
    fn read_line(&mut self, place: Place, line: &[u8], seed: HashSeed, sink: &mut impl LineSink) {
        if let Some(memo) = &self.memo
            && let Some((known, len)) = memo.recall(line)
            && let Some((message_id, tag_len)) = parse_tag(&line[len + 1..])
        {
            let text = Text::new(&line[len + 1 + tag_len..]);
            return finish(place, line, (message_id, text), Ok(known), seed, sink);
        }
        self.read_line_afresh(place, line, seed, sink);
    }

    fn read_line_afresh(&mut self, place: Place, line: &[u8], seed: HashSeed, sink: &mut impl LineSink) {
        let Some(tag) = find_tag(line) else {
            return sink.unparsed(Unparsed { place, kind: "line", why: "no %PIX/%ASA message" });
        };
        let message = (tag.message_id, Text::new(&line[tag.body..]));
        let head = &line[..tag.start];
        let header = decode_header(head);
        let Some(written) = header.written else {
            return finish(place, line, message, Err((header.sensor, "no stamp")), seed, sink);
        };
        // Messages that are not used move the clock, too.
        self.memo = None;
        let Some(at) = self.time.resolve(&written) else {
            return finish(place, line, message, Err((header.sensor, "a stamp that is no date")), seed, sink);
        };
        let stamp = Stamp { at, resolution: written.resolution, sensor: SensorId::of(header.sensor) };
        self.memo = Memo::of(head, &header, stamp);
        let known = Known { stamp, name: header.sensor, own: header.own };
        finish(place, line, message, Ok(known), seed, sink);
    }

    /// The date of a block's last stamp, as the years of the stamps before it make it; `None` where it has no stamp.
    ///
    /// Looks at one stamp for each stretch of the block and at the last one: so cheap that the thread that cuts blocks
    /// can afford it. Only where two of them are more than a month apart does it look at all that stand in between,
    /// for there the year might be another one than the nearest.
    fn end_date(&self, block: &[u8]) -> Option<Date> {
        const STRETCH: usize = 8 * 1024;
        let mut clock = self.time.clock().clone();
        let (mut date, mut rest) = first_dated(block, &clock)?;
        clock.follow(date);
        loop {
            let next = first_dated(lines_from(rest, STRETCH), &clock);
            let (found, after) =
                next.or_else(|| Some((last_dated(rest, &clock)?, &rest[rest.len()..]))).unwrap_or((date, &[]));
            if is_soon_after(date, found) {
                date = found;
                clock.follow(date);
            } else {
                date = follow_all(&rest[..rest.len() - after.len()], &mut clock).unwrap_or(date);
            }
            rest = after;
            if next.is_none() {
                return Some(date);
            }
        }
    }
}

/// Whether two stamps of one stretch need no look at those between them.
fn is_soon_after(date: Date, next: Date) -> bool {
    (-1..=31).contains(&(next - date).get_days())
}

/// Follows every stamp in `lines`; the date of the last one.
fn follow_all(mut lines: &[u8], clock: &mut Clock) -> Option<Date> {
    let mut last = None;
    while let Some((date, rest)) = first_dated(lines, clock) {
        clock.follow(date);
        last = Some(date);
        lines = rest;
    }
    last
}

/// Gives a line whose header was read (or not, and why) to `sink`.
#[inline]
fn finish(
    place: Place,
    line: &[u8],
    (message_id, text): (u32, Text<'_>),
    known: Result<Known<'_>, (&[u8], Why)>,
    seed: HashSeed,
    sink: &mut impl LineSink,
) {
    let name = match known {
        Ok(known) => known.name,
        Err((name, _)) => name,
    };
    let Some((kind, event)) = parse_message(message_id, text) else {
        return sink.skipped(name);
    };
    match (known, event) {
        (Ok(Known { stamp, name, own }), Ok(event)) => {
            let fingerprint = seed.fingerprint(line[own..].trim_ascii_end());
            sink.record(Record { known: stamp, place, fingerprint, event }, name);
        }
        (Err((_, why)), _) | (_, Err(why)) => sink.unparsed(Unparsed { place, kind, why }),
    }
}

/// The date of the first stamp in `lines`, and what follows its line.
fn first_dated<'a>(mut lines: &'a [u8], clock: &Clock) -> Option<(Date, &'a [u8])> {
    while !lines.is_empty() {
        let (line, rest) = lines.split_at(memchr(b'\n', lines).map_or(lines.len(), |end| end + 1));
        if let Some(date) = written_of(line).and_then(|written| written.date(clock)) {
            return Some((date, rest));
        }
        lines = rest;
    }
    None
}

/// The date of the last stamp in `lines`.
fn last_dated(mut lines: &[u8], clock: &Clock) -> Option<Date> {
    while !lines.is_empty() {
        let body = lines.strip_suffix(b"\n").unwrap_or(lines);
        let start = memrchr(b'\n', body).map_or(0, |newline| newline + 1);
        if let Some(date) = written_of(&body[start..]).and_then(|written| written.date(clock)) {
            return Some(date);
        }
        lines = &lines[..start];
    }
    None
}

/// The first whole line at or after `offset`, and all that follows.
fn lines_from(lines: &[u8], offset: usize) -> &[u8] {
    let rest = lines.get(offset..).unwrap_or_default();
    memchr(b'\n', rest).map_or(&[], |newline| &rest[newline + 1..])
}

fn written_of(line: &[u8]) -> Option<Written> {
    decode_header(&line[..find_tag(line)?.start]).written
}

#[cfg(test)]
mod tests;

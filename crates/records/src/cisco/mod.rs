//! Syslog of Cisco's firewalls: PIX, ASA, FWSM and FTD.
//!
//! A line is a header (priorities, stamps, names; see [`crate::syslog`]), a tag (`%ASA-6-302013: `; see [`tag`]) and a text
//! whose form the tag's `message_id` tells. A further message id is one more arm in [`odd::parse`]; those that make up a
//! log stand in [`parse_message`].

mod access_list;
mod before;
mod connection;
mod denial;
mod early;
mod ending;
mod flows;
mod icmp;
mod memo;
mod names;
mod odd;
mod party;
mod services;
mod snort;
mod tag;
mod text;
mod translation;
mod wrapped;

use std::sync::Arc;

use crate::others;
use crate::record::{NOTHING, UNKNOWN};
use crate::syslog::header::{Header, decode_header};
use crate::syslog::other;
use crate::syslog::timekeeper::Timekeeper;
use crate::syslog::written::{Written, parse_written};
use crate::syslog::{LastStamp, last_stamp};
use crate::{Block, Clock, Event, HashSeed, LineSink, Place, Proto, Record, SensorId, Stamp, Unparsed};
use before::Before;
use memo::{Known, Memo, UNNAMED};
pub use names::{Names, Unread};
use odd::Odd;
use tag::{OF_FTD, find_tag, parse_tag};
use text::Text;

/// Why something could not be read, in a few words that name the field.
type Why = &'static str;

/// Why a line is not read whose header does not say when it was written.
const NO_STAMP: Why = "no stamp";

/// Reads syslog of PIX, ASA, FWSM and FTD.
#[derive(Clone, Debug)]
pub struct Reader {
    time: Timekeeper,
    /// The last header that was resolved, as long as nothing moved the clock since.
    memo: Box<Memo>,
    /// The last line of the block before, for a collector may say that it came again.
    before: Before,
    /// Whose a name is that stands for an address.
    names: Arc<Names>,
    /// Whether a mail program has wrapped its lines.
    is_wrapped: bool,
}

/// Where the lines of a block go.
struct To<'a, S> {
    block: &'a [u8],
    seed: HashSeed,
    sink: &'a mut S,
    /// The last line's, which the next is written into: to begin with an empty one for each costs as much as an address.
    record: Record,
}

impl<S: LineSink> To<'_, S> {
    /// Gives a line whose header was read to the sink, if its message is one of the frequent ones and well-formed.
    #[inline(always)]
    fn finish(&mut self, place: Place, line: &[u8], (message_id, text): (u32, Text<'_>), known: &Known<'_>) -> bool {
        let record = &mut self.record;
        let Some((_, Ok(()))) = parse_message(message_id, text, &mut record.event) else { return false };
        record.known = known.stamp;
        if let Event::Opened(opened) = &mut record.event {
            opened.start = known.stamp;
        }
        record.place = place;
        record.fingerprint = self.seed.fingerprint(line[known.own..].trim_ascii_end());
        self.sink.record(record, known.name);
        true
    }
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
    if find_tag(head).is_none() {
        // Most pieces of a collector's file have none, and are not taken apart for it.
        return false;
    }
    let is_text = |byte: &u8| *byte >= b' ' || *byte == b'\t';
    head.split(|byte| *byte == b'\n').any(|line| {
        let before_tag = find_tag(line).map(|tag| &line[..tag.start]);
        before_tag.is_some_and(|before| before.iter().all(is_text) && !begins_json(before) && !others::is_json(before))
    })
}

/// Whether a line begins as JSON does: a bracket may stand before a stamp, too.
fn begins_json(line: &[u8]) -> bool {
    match line {
        [b'[', rest @ ..] => parse_written(rest).is_none(),
        _ => line.first() == Some(&b'{'),
    }
}

/// Whether the first of these lines tells of one that stands before them.
pub(crate) fn begins_with_a_repetition(lines: &[u8]) -> bool {
    let mut lines = Block::new(lines, Place { file: 0, line: 1 }).lines();
    lines.next().is_some_and(|(_, line)| odd::tells_of_another(line))
}

/// The abbreviation of a zone that stands behind the stamps of these lines and is not read, for it means several zones.
pub(crate) fn named_zone(lines: &[u8]) -> Option<&[u8]> {
    let lines = Block::new(lines, Place { file: 0, line: 1 }).lines().take(LOOKED_AT);
    let mut heads = lines.filter_map(|(_, line)| Some(&line[..find_tag(line)?.start]));
    heads.find_map(crate::syslog::header::named_zone)
}

/// Lines in which a zone's name is looked for.
const LOOKED_AT: usize = 100;

/// Puts what a message says into `event`; `None` where its id is one that is not used.
///
/// An event is large: handed up by value, it would be copied at each step, and each copy waits for the one before.
#[inline]
fn parse_message(message_id: u32, text: Text<'_>, event: &mut Event) -> Option<(&'static str, Result<(), Why>)> {
    let (message_id, levels) = if message_id < OF_FTD { (message_id, true) } else { (message_id - OF_FTD, false) };
    Some(match message_id {
        106_001 => ("106001", denial::parse_inbound_denied(text, event)),
        106_015 => ("106015", denial::parse_no_connection(text, event)),
        106_023 => ("106023", denial::parse_access_group(text, event)),
        302_013 => ("302013", connection::parse_built(text, Proto::Tcp, levels, event)),
        302_014 => ("302014", connection::parse_teardown(text, Proto::Tcp, levels, event)),
        302_015 => ("302015", connection::parse_built(text, Proto::Udp, levels, event)),
        302_016 => ("302016", connection::parse_teardown(text, Proto::Udp, levels, event)),
        305_009 => ("305009", translation::parse_built(text, event)),
        305_010 => ("305010", translation::parse_teardown(text, event)),
        305_011 => ("305011", translation::parse_built(text, event)),
        305_012 => ("305012", translation::parse_teardown(text, event)),
        305_014 => ("305014", translation::parse_block(text, b"Allocated ", event)),
        305_015 => ("305015", translation::parse_block(text, b"Released ", event)),
        305_017 => ("305017", translation::parse_block(text, b"Pba-interim-logging: Active ", event)),
        _ => return None,
    })
}

impl Reader {
    /// A reader whose stamps `clock` resolves.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let (memo, before) = (Box::new(Memo::new()), Before::default());
        Self { time: Timekeeper::new(clock), memo, before, names: Arc::default(), is_wrapped: false }
    }

    /// The same reader, which knows what addresses names stand for.
    #[must_use]
    pub fn with_names(self, names: Arc<Names>) -> Self {
        Self { names, ..self }
    }

    /// A reader of a file that begins with `head`.
    #[must_use]
    pub fn of(head: &[u8], clock: Clock) -> Self {
        Self { is_wrapped: wrapped::is_wrapped(head), ..Self::new(clock) }
    }

    /// The same reader, before any line, to which the first stamp is of this year if it has none.
    pub(crate) fn of_year(self, year: i16) -> Self {
        Self { time: self.time.of_year(year), ..self }
    }

    /// Goes on where `before` has come to.
    pub(crate) fn go_on_from(&mut self, before: &Self) {
        self.time = before.time.clone();
        self.before = before.before.clone();
        self.memo.forget();
    }

    /// Whether a mail program has wrapped the file's lines.
    #[must_use]
    pub fn is_wrapped(&self) -> bool {
        self.is_wrapped
    }

    /// How much of these lines may be given as a block, so that no message is cut in two.
    #[must_use]
    pub fn whole(&self, lines: &[u8]) -> usize {
        if self.is_wrapped { wrapped::whole(lines) } else { lines.len() }
    }

    /// Parses a block into `sink`.
    ///
    /// A record's fingerprint is that of its line from the device's stamp on: a priority, and the stamp and name that
    /// a collector put before it, differ between two collectors of one record.
    pub fn read(&mut self, block: Block<'_>, seed: HashSeed, sink: &mut impl LineSink) {
        if self.is_wrapped {
            return self.read_wrapped(block, seed, sink);
        }
        let mut to = To { block: block.bytes, seed, sink, record: Record::at(block.first) };
        for (place, line) in block.lines() {
            self.read_line(place, line, &mut to);
        }
        self.before.pass(block.bytes);
    }

    #[cold]
    #[inline(never)]
    fn read_wrapped(&mut self, block: Block<'_>, seed: HashSeed, sink: &mut impl LineSink) {
        for wrapped::Line { place, text } in wrapped::lines(block) {
            // Each is a block of its own, for where it was put together it lies nowhere else.
            let mut to = To { block: &text, seed, sink: &mut *sink, record: Record::at(place) };
            self.read_line(place, &text, &mut to);
            self.before.pass(&text);
        }
    }

    /// Moves over a block without parsing it.
    ///
    /// All that is kept from block to block is the date that stamps without a year follow. Where the block's last
    /// stamp has a year, that is its date; otherwise, and on the days about the end of summer time, each stamp follows the
    /// one before it, and all headers are read (which is a tenth of the work of reading the lines).
    pub fn advance(&mut self, block: Block<'_>) {
        if self.is_wrapped {
            return wrapped::lines(block).for_each(|line| {
                self.advance_line(&line.text);
                self.before.pass(&line.text);
            });
        }
        match last_stamp(block.bytes, self.time.clock(), written_of) {
            LastStamp::None => {}
            LastStamp::Dated(date) if !self.time.clock().may_repeat(date) => {
                self.time.follow(date);
                self.memo.forget();
            }
            LastStamp::Dated(_) | LastStamp::WithoutYear => {
                block.lines().for_each(|(_, line)| self.advance_line(line));
            }
        }
        self.before.pass(block.bytes);
    }

    #[inline]
    fn advance_line(&mut self, line: &[u8]) {
        // Of a line of the header that is kept the stamp is of the date that the clock is at; but what follows it may be no tag, and another
        // one stand further on, behind a stamp of its own.
        if let Some((_, rest)) = self.memo.fits(line)
            && parse_tag(rest).is_some()
        {
            return;
        }
        if let Some(tag) = find_tag(line) {
            let head = &line[..tag.start];
            let _ = self.resolve(head, &decode_header(head));
        }
    }

    /// What a header means, or why it means nothing. Whatever the message is, its stamp moves the clock.
    fn resolve<'a>(&mut self, head: &[u8], header: &Header<'a>) -> Result<Known<'a>, Why> {
        self.memo.forget();
        let known = known(header, &mut self.time)?;
        // The memo knows nothing of a count, nor of a quote that ends the message.
        if !odd::wraps_text(head) {
            self.memo.keep(head, header, known.stamp);
        }
        Ok(known)
    }

    #[inline]
    fn read_line(&mut self, place: Place, line: &[u8], to: &mut To<'_, impl LineSink>) {
        if let Some((known, rest)) = self.memo.recall(line)
            && let Some((message_id, len)) = parse_tag(rest)
        {
            let text = Text::new(&rest[len..]);
            if !to.finish(place, line, (message_id, text), &known) {
                self.finish_odd(Odd { place, line, message_id, text, times: 1, known: Ok(known) }, to);
            }
            return;
        }
        self.read_line_afresh(place, line, to);
    }

    fn read_line_afresh(&mut self, place: Place, line: &[u8], to: &mut To<'_, impl LineSink>) {
        let Some(tag) = find_tag(line) else {
            return self.read_untagged(to.block, place, line, to.seed, to.sink);
        };
        let head = &line[..tag.start];
        let header = decode_header(head);
        let known = self.resolve(head, &header).map_err(|why| (sensor_of(&header), why));
        let odd = Odd::of(place, line, &tag, known);
        if let (Ok(known), 1) = (known, odd.times)
            && to.finish(place, line, (odd.message_id, odd.text), &known)
        {
            return;
        }
        self.finish_odd(odd, to);
    }

    /// Gives a line to the sink that is not of the frequent kinds.
    #[cold]
    #[inline(never)]
    fn finish_odd(&mut self, odd: Odd<'_>, to: &mut To<'_, impl LineSink>) {
        let before = &mut self.before;
        odd.finish(&self.names, to.seed, |odd| before.says(to.block, odd), to.sink);
    }

    /// A line without a message of its own: it may say that the one before it came again.
    #[cold]
    fn read_untagged(&mut self, block: &[u8], place: Place, line: &[u8], seed: HashSeed, sink: &mut impl LineSink) {
        let unparsed = |why| Unparsed { place, kind: other::NOBODYS, why };
        let Some((head, times)) = odd::parse_last_repeated(line) else {
            if others::read(place, line, &self.time, &self.names, seed, sink) {
                return;
            }
            return other::pass_over_line(place, line, sink);
        };
        let Some(again) = self.before.denial(block, line, &self.names) else {
            if self.before.is_of_program() {
                return sink.skipped(other::PROGRAMS);
            }
            return sink.unparsed(unparsed(if self.before.is_none() {
                "repeats a line that stands before what was read"
            } else {
                "repeats a line that is no %PIX/%ASA message"
            }));
        };
        let Some(mut denied) = again.denied else { return sink.skipped(&again.sensor) };
        // It is no message of the device's, so it does not move the clock that its stamps follow.
        let written = decode_header(head).written;
        let Some((written, at)) = written
            .and_then(|written| Some((written, self.time.clone().resolve(SensorId::of(&again.sensor), &written)?)))
        else {
            return sink.unparsed(unparsed(NO_STAMP));
        };
        denied.count = denied.count.saturating_mul(times);
        let known = Stamp { at, resolution: written.resolution, sensor: SensorId::of(&again.sensor) };
        let fingerprint = seed.fingerprint(line) ^ seed.fingerprint(&again.text).rotate_left(1);
        sink.record(&Record { known, place, fingerprint, event: Event::Denied(denied) }, &again.sensor);
    }
}

/// Whether a line has a message.
pub(crate) fn has_message(line: &[u8]) -> bool {
    find_tag(line).is_some()
}

/// Gives a line that has a message to `sink`, which stands in another's file.
pub(crate) fn read_other(
    place: Place,
    line: &[u8],
    time: &mut Timekeeper,
    names: &Names,
    seed: HashSeed,
    sink: &mut impl LineSink,
) {
    let Some(tag) = find_tag(line) else { return };
    let header = decode_header(&line[..tag.start]);
    let known = known(&header, time).map_err(|why| (sensor_of(&header), why));
    Odd::of(place, line, &tag, known).finish(names, seed, |_| false, sink);
}

/// What a header means, or why it means nothing.
fn known<'a>(header: &Header<'a>, time: &mut Timekeeper) -> Result<Known<'a>, Why> {
    let written = header.written.ok_or(NO_STAMP)?;
    let name = sensor_of(header);
    let sensor = SensorId::of(name);
    let at = time.resolve(sensor, &written).ok_or("a stamp that is no date")?;
    Ok(Known { stamp: Stamp { at, resolution: written.resolution, sensor }, name, own: header.own })
}

/// A line's stamp; `None` where it is no message or has none.
pub(crate) fn written_of(line: &[u8]) -> Option<Written> {
    find_tag(line).and_then(|tag| decode_header(&line[..tag.start]).written)
}

/// Who wrote a message.
fn sensor_of<'a>(header: &Header<'a>) -> &'a [u8] {
    if header.sensor.is_empty() { UNNAMED } else { header.sensor }
}

#[cfg(test)]
mod tests;

//! Lines that are not of the frequent kinds: other message ids, lines that tell of several messages, and what could not be
//! read at first.

use memchr::{memchr, memchr_iter, memmem};

use super::flows::{Kind, parse_built, parse_teardown};
use super::party::NAMED;
use super::tag::{OF_FTD, OF_FWSM, Tag, find_tag};
use super::text::Text;
use super::{Known, NO_STAMP, NOTHING, Names, Why, access_list, denial, early, icmp, parse_message, snort};
use crate::syslog::header::REPEATED;
use crate::{Event, HashSeed, LineSink, Nanos, Place, Record, SensorId, Stamp, Unparsed};

/// Whether a message that was understood says something that is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// An event, which stands where it was to be put.
    Event,
    /// Nothing that is used: something was permitted.
    Nothing,
}

/// A line whose message was found.
#[derive(Clone, Copy)]
pub(super) struct Odd<'a> {
    pub(super) place: Place,
    pub(super) line: &'a [u8],
    pub(super) message_id: u32,
    pub(super) text: Text<'a>,
    /// How often a collector says that it came.
    pub(super) times: u64,
    /// What its header means, or whom it names and why it means nothing.
    pub(super) known: Result<Known<'a>, (&'a [u8], Why)>,
}

impl<'a> Odd<'a> {
    /// The same without what a collector put around the text.
    fn unwrapped(self) -> Self {
        let mut text = self.text;
        text.skip_spaces();
        match strip_repeated(text.rest()) {
            Some((inner, times)) => Self { text: Text::new(inner), times: self.times.saturating_mul(times), ..self },
            None => Self { text, ..self },
        }
    }

    /// A line with its message's tag; what stands before that means `known`.
    pub(super) fn of(place: Place, line: &'a [u8], tag: &Tag, known: Result<Known<'a>, (&'a [u8], Why)>) -> Self {
        let (head, text) = (&line[..tag.start], &line[tag.body..]);
        let text = if ends_in_quotes(head) { before_quote(text) } else { text };
        let (times, text) = match repeated_around(head) {
            Some(times) => (times, strip_closing(text)),
            None => (1, text),
        };
        Self { place, line, message_id: tag.message_id, text: Text::new(text), times, known }
    }

    /// When it became known by what it says itself, where no header says it: an FTD's connections have the moment of the first packet.
    fn known_by_text(&self) -> Option<Known<'a>> {
        let (name, _) = self.known.err().filter(|(_, why)| *why == NO_STAMP)?;
        let at = match self.message_id % OF_FWSM {
            430_002 => snort::moment(false, self.text.rest()),
            430_003 => snort::moment(true, self.text.rest()),
            _ => None,
        }?;
        Some(Known { stamp: Stamp { at, resolution: Nanos::SECOND as u32, sensor: SensorId::of(name) }, name, own: 0 })
    }

    /// Gives the line to `sink`. `is_repeat` says whether the line before said the same, where that matters.
    pub(super) fn finish(
        self,
        names: &Names,
        seed: HashSeed,
        is_repeat: impl FnOnce(&Self) -> bool,
        sink: &mut impl LineSink,
    ) {
        let odd = self.unwrapped();
        let name = odd.known.map_or_else(|(name, _)| name, |known| known.name);
        let mut event = NOTHING;
        let Some((kind, parsed)) = parse_named(names, odd.message_id, odd.text, &mut event) else {
            return sink.skipped(name);
        };
        let known = match (odd.known.or_else(|why| odd.known_by_text().ok_or(why)), parsed) {
            (Ok(known), Ok(Says::Event)) => known,
            (Ok(_), Ok(Says::Nothing)) => return sink.skipped(name),
            (Err((_, why)), _) | (_, Err(why)) => {
                return sink.unparsed(Unparsed { place: odd.place, kind, why });
            }
        };
        match &mut event {
            Event::Denied(denied) => denied.count = denied.count.saturating_mul(odd.times),
            // What happened once and is said again was counted when it was said first.
            _ if odd.times > 1 && is_repeat(&odd) => return sink.skipped(name),
            _ => {}
        }
        let own = seed.fingerprint(odd.line[known.own..].trim_ascii_end());
        let record = Record { known: known.stamp, place: odd.place, fingerprint: own, event };
        sink.record(&complete(record, odd.message_id % OF_FWSM), name);
    }
}

/// A record of message `message_id` whose event knows when it became known.
fn complete(mut record: Record, message_id: u32) -> Record {
    match (&mut record.event, message_id) {
        (Event::Opened(opened), _) => opened.start = record.known,
        (Event::Whole(whole), 302_020) => icmp::complete(whole, record.known),
        (Event::Whole(whole), _) => whole.start = snort::start_of(whole, record.known),
        _ => {}
    }
    record
}

/// The kind of a message and whether it says something, or why it could not be read; `None` where its id is one that is not
/// used.
type Parsed = Option<(&'static str, Result<Says, Why>)>;

/// Puts what any message says into `event`, names that stand for addresses resolved, and where somebody has put more spaces than one
/// between words, without these.
pub(super) fn parse_named(names: &Names, message_id: u32, text: Text<'_>, event: &mut Event) -> Parsed {
    match parse_resolved(names, message_id, text, event) {
        Some((_, Err(_))) if memmem::find(text.rest(), b"  ").is_some() => {
            let mut single = text.rest().to_vec();
            single.dedup_by(|byte, before| *byte == b' ' && *before == b' ');
            parse_resolved(names, message_id, Text::new(&single), event)
        }
        parsed => parsed,
    }
}

fn parse_resolved(names: &Names, message_id: u32, text: Text<'_>, event: &mut Event) -> Parsed {
    match parse(message_id, text, event) {
        parsed @ Some((_, Err(NAMED))) if !names.is_empty() => match names.resolve(text.rest()) {
            Some(resolved) => parse(message_id, Text::new(&resolved), event),
            None => parsed,
        },
        parsed => parsed,
    }
}

/// Puts what any message says into `event`; `None` where its id is one that is not used.
pub(super) fn parse(message_id: u32, text: Text<'_>, event: &mut Event) -> Parsed {
    if (OF_FWSM..OF_FTD).contains(&message_id) {
        return parse_fwsm(message_id, text, event);
    }
    if let Some((kind, parsed)) = parse_message(message_id, text, event) {
        return Some((kind, parsed.map(|()| Says::Event)));
    }
    let event_of = |parsed: Result<(), Why>| parsed.map(|()| Says::Event);
    let kind = Kind::of(message_id);
    Some(match message_id % OF_FWSM {
        106_006 => ("106006", event_of(denial::parse_inbound_udp(text, event))),
        106_007 => ("106007", event_of(denial::parse_inbound_udp(text, event))),
        106_010 => ("106010", event_of(denial::parse_inbound(text, event))),
        106_014 => ("106014", event_of(denial::parse_inbound(text, event))),
        106_021 => ("106021", event_of(denial::parse_reverse_path(text, event))),
        106_100 => ("106100", access_list::parse(text, event)),
        106_102 => ("106102", access_list::parse(text, event)),
        106_103 => ("106103", access_list::parse(text, event)),
        302_001 => ("302001", event_of(early::parse_built(text, event))),
        302_002 => ("302002", event_of(early::parse_teardown(text, event))),
        302_017 => ("302017", event_of(parse_built(text, kind, event))),
        302_018 => ("302018", event_of(parse_teardown(text, kind, event))),
        302_020 => ("302020", event_of(icmp::parse_built(text, message_id < OF_FTD, event))),
        302_021 => ("302021", icmp::check_teardown(text).map(|()| Says::Nothing)),
        302_035 => ("302035", event_of(parse_built(text, kind, event))),
        302_036 => ("302036", event_of(parse_teardown(text, kind, event))),
        302_303 => ("302303", event_of(parse_built(text, kind, event))),
        302_304 => ("302304", event_of(parse_teardown(text, kind, event))),
        302_305 => ("302305", event_of(parse_built(text, kind, event))),
        302_306 => ("302306", event_of(parse_teardown(text, kind, event))),
        430_002 => ("430002", snort::parse(false, text.rest(), event)),
        430_003 => ("430003", snort::parse(true, text.rest(), event)),
        710_002 => ("710002", denial::parse_to_the_device(text, event)),
        710_003 => ("710003", denial::parse_to_the_device(text, event)),
        710_005 => ("710005", denial::parse_to_the_device(text, event)),
        _ => return None,
    })
}

/// An FWSM names first who opened a connection.
fn parse_fwsm(message_id: u32, text: Text<'_>, event: &mut Event) -> Parsed {
    let kind = Kind::of(message_id);
    let (name, parsed) = match message_id - OF_FWSM {
        302_013 => ("302013", parse_built(text, kind, event)),
        302_014 => ("302014", parse_teardown(text, kind, event)),
        302_015 => ("302015", parse_built(text, kind, event)),
        302_016 => ("302016", parse_teardown(text, kind, event)),
        302_017 => ("302017", parse_built(text, kind, event)),
        302_018 => ("302018", parse_teardown(text, kind, event)),
        id => return parse(id, text, event),
    };
    Some((name, parsed.map(|()| Says::Event)))
}

/// What stands in `message repeated N times: [ ... ]`, as rsyslog writes it, and N.
pub(super) fn strip_repeated(text: &[u8]) -> Option<(&[u8], u64)> {
    let mut text = Text::new(text.strip_prefix(REPEATED)?);
    let times = text.parse_number()?;
    text.parse_literal(b" times: [", "").ok()?;
    text.skip_spaces();
    Some((strip_closing(text.rest()), times))
}

/// N where `message repeated N times: [` stands in a header, the tag within, and the device's stamp perhaps.
fn repeated_around(head: &[u8]) -> Option<u64> {
    memchr(b'[', head)?;
    let at = memmem::rfind(head, REPEATED)?;
    strip_repeated(&head[at..]).map(|(_, times)| times)
}

/// Whether something opened in a header that ends in the text: a repetition's bracket, or the quotes about a table's value.
pub(super) fn wraps_text(head: &[u8]) -> bool {
    ends_in_quotes(head) || repeated_around(head).is_some()
}

/// Whether a quote was opened and not closed.
fn ends_in_quotes(head: &[u8]) -> bool {
    memchr_iter(b'"', head).count() % 2 == 1
}

/// A value up to the quote that closes it: two stand for one in it.
fn before_quote(text: &[u8]) -> &[u8] {
    let mut at = 0;
    while let Some(quote) = memchr(b'"', &text[at..]) {
        at += quote;
        if text.get(at + 1) != Some(&b'"') {
            return &text[..at];
        }
        at += 2;
    }
    text
}

/// A text without the bracket that closes it.
fn strip_closing(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii_end();
    text.strip_suffix(b"]").unwrap_or(text)
}

/// What a line of syslogd's says: the header, and N of `last message repeated N times`.
pub(super) fn parse_last_repeated(line: &[u8]) -> Option<(&[u8], u64)> {
    let body = line.trim_ascii_end().strip_suffix(b" times")?;
    let at = memmem::rfind(body, b"last message repeated ")?;
    let times = std::str::from_utf8(&body[at + b"last message repeated ".len()..]).ok()?.parse().ok()?;
    Some((&line[..at], times))
}

/// Whether a line tells of one before it.
pub(super) fn tells_of_another(line: &[u8]) -> bool {
    let around = || find_tag(line).is_some() || memmem::find(line, b" times: [").is_some();
    memmem::find(line, REPEATED).is_some() && (around() || parse_last_repeated(line).is_some())
}

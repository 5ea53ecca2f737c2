//! Looks a question up in the indexes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use catspaw_records::{Nanos, SensorId};

use super::index::{Index, Loaded, Segment, Unusable};
use super::question::Question;
use super::span::{Basis, End, Span, TCP, sorted_form};

/// As many hosts are kept for one question; the others are counted.
const HOSTS: usize = 1000;
/// As many translations are kept of an inside address at one moment.
const TRANSLATIONS: usize = 64;
/// As many spans without an end are held against what came after them.
const OPEN: usize = 64;

/// A span that a question came upon, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    /// Number of the index.
    pub(crate) index: usize,
    pub(crate) sensor: SensorId,
    pub(crate) span: Span,
    /// Whether it was open where its log ended, and the question is of later.
    pub(crate) after_log: bool,
}

/// What was found of one question.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// By host and basis, the best.
    pub(crate) hits: BTreeMap<(IpAddr, Basis), Hit>,
    /// Spans that may have ended without a record, with the moment at which they must have.
    pub(crate) open: Vec<(Hit, Option<Nanos>)>,
    /// Hosts beyond those that are kept.
    pub(crate) more: u64,
    /// The last use before the moment, and the first after it.
    pub(crate) nearest: Nearest,
    /// Whether the address is known at other ports.
    pub(crate) other_ports: bool,
    /// Where nobody was behind it: what it was on the outside itself.
    pub(crate) inside: Inside,
}

/// An inside address that was asked for, as the outside saw it.
#[derive(Debug, Default)]
pub(crate) struct Inside {
    /// What it was translated to then.
    pub(crate) then: Vec<Hit>,
    /// How many more translations it had then.
    pub(crate) more: u64,
    /// The last translation before the moment, and the first after it.
    pub(crate) nearest: Nearest,
}

/// The last before a moment, and the first after it.
pub(crate) type Nearest = (Option<Hit>, Option<Hit>);

/// What is best stands first: what is sure to have been there, the stronger basis, the longer hold. Of a day, what held most of it.
pub(crate) fn rank(hit: &Hit, question: &Question) -> impl Ord + use<> {
    let span = &hit.span;
    let doubtful = hit.after_log || (span.end == End::Open && span.basis == Basis::Connection);
    let edge = !span.holds(question.at, question.until());
    let held = if question.is_wide() { span.to.min(question.until()).since(span.from.max(question.at)) } else { 0 };
    (
        doubtful,
        std::cmp::Reverse(held),
        span.basis,
        edge,
        span.proto != TCP,
        std::cmp::Reverse(span.from),
        hit.index,
        span.line,
    )
}

/// Looks every question up. A damaged index is named by its number.
///
/// # Errors
/// Where an index turns out to be damaged: its number.
pub(crate) fn search(indexes: &[&Index], questions: &[Question], proto: Option<u8>) -> Result<Vec<Found>, usize> {
    let mut found: Vec<Found> = questions.iter().map(|_| Found::default()).collect();
    for (number, index) in indexes.iter().enumerate() {
        let searched = Search { number, index, proto }.pass(questions, &mut found, Pass::Hits);
        searched.map_err(|Unusable| number)?;
    }
    for (number, index) in indexes.iter().enumerate() {
        let searched = Search { number, index, proto }.pass(questions, &mut found, Pass::Around);
        searched.map_err(|Unusable| number)?;
    }
    Ok(found)
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    /// Who was there.
    Hits,
    /// Of questions without an answer, or with one that has no end: who was there before and after.
    Around,
}

struct Search<'a> {
    number: usize,
    index: &'a Index,
    proto: Option<u8>,
}

impl Search<'_> {
    /// Goes through the segments once, with all questions: each is read once, and only where one needs it.
    fn pass(&self, questions: &[Question], found: &mut [Found], pass: Pass) -> Result<(), Unusable> {
        for segment in &self.index.directory.segments {
            let mut loaded: Option<Loaded> = None;
            for (question, found) in questions.iter().zip(&mut *found) {
                if !concerns(segment, question, found, pass) {
                    continue;
                }
                let loaded = match &mut loaded {
                    Some(loaded) => &*loaded,
                    none => none.insert(self.index.load(segment)?),
                };
                self.ask(loaded, question, found, pass);
            }
        }
        Ok(())
    }

    fn ask(&self, loaded: &Loaded, question: &Question, found: &mut Found, pass: Pass) {
        let address = sorted_form(question.address);
        let at_port = question.port.into_iter().flat_map(|port| loaded.of(address, Some(port)));
        // What maps the whole address holds for each of its ports.
        let whole = loaded.of(address, question.port.map(|_| 0));
        for span in at_port.chain(whole) {
            if span.is_at(question.port) && self.proto.is_none_or(|proto| span.proto == proto || span.proto == 0) {
                match pass {
                    Pass::Hits => self.hit(span, question, found),
                    Pass::Around => self.around(span, question, found),
                }
            }
        }
        if pass == Pass::Around && !found.other_ports && question.port.is_some() {
            found.other_ports = loaded.of(address, None).next().is_some();
        }
        if pass == Pass::Around && found.hits.is_empty() {
            let at_port =
                |span: &Span| question.port.is_none_or(|port| span.mapped.port == 0 || span.real.port == port);
            for span in loaded.translations_of(address).filter(at_port) {
                self.inside(span, question, &mut found.inside);
            }
        }
    }

    fn inside(&self, span: Span, question: &Question, inside: &mut Inside) {
        let hit = self.as_hit(span, question);
        if !span.may_touch(question.at, question.until()) {
            return put_nearest(hit, question, &mut inside.nearest);
        }
        let same = |known: &Hit| (known.span.mapped, known.span.block) == (span.mapped, span.block);
        let Inside { then, more, .. } = inside;
        let is_full = then.len() >= TRANSLATIONS;
        match then.iter_mut().find(|known| same(known)) {
            Some(known) if rank(&hit, question) < rank(known, question) => *known = hit,
            Some(_) => {}
            None if is_full => *more += 1,
            None => then.push(hit),
        }
    }

    fn as_hit(&self, span: Span, question: &Question) -> Hit {
        let directory = &self.index.directory;
        let sensor = directory.sensors.get(usize::from(span.sensor)).map_or(SensorId(0), |(id, _)| *id);
        let ended = directory.log.span.map_or(Nanos::MIN, |(_, last)| last.plus(i64::from(span.resolution)));
        Hit { index: self.number, sensor, span, after_log: span.end == End::Open && question.at >= ended }
    }

    fn hit(&self, span: Span, question: &Question, found: &mut Found) {
        if !span.may_touch(question.at, question.until()) {
            return;
        }
        let hit = self.as_hit(span, question);
        if span.end == End::Open && found.open.len() < OPEN {
            return found.open.push((hit, None));
        }
        found.add(hit, question);
    }

    fn around(&self, span: Span, question: &Question, found: &mut Found) {
        let hit = self.as_hit(span, question);
        for (open, ended) in &mut found.open {
            if let Some(at) = ends(&open.span, open.sensor, &hit, question) {
                *ended = Some(ended.map_or(at, |ended: Nanos| ended.min(at)));
            }
        }
        put_nearest(hit, question, &mut found.nearest);
    }
}

fn put_nearest(hit: Hit, question: &Question, (before, after): &mut Nearest) {
    let span = &hit.span;
    if span.from >= question.until() {
        if after.is_none_or(|known| span.from < known.span.from) {
            *after = Some(hit);
        }
    } else if span.end != End::Open
        && !span.may_touch(question.at, question.until())
        && before.is_none_or(|known| span.to > known.span.to)
    {
        *before = Some(hit);
    }
}

impl Inside {
    /// Whether some record translates it, at whatever moment.
    pub(crate) fn is_translated(&self) -> bool {
        !self.then.is_empty() || self.nearest.0.is_some() || self.nearest.1.is_some()
    }
}

impl Found {
    /// Every address that is in it.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let hits = self.hits.values().chain(self.open.iter().map(|(hit, _)| hit)).chain(&self.inside.then);
        let nearest =
            [&self.nearest, &self.inside.nearest].into_iter().flat_map(|(before, after)| before.iter().chain(after));
        hits.chain(nearest).flat_map(|hit| [hit.span.mapped.addr, hit.span.real.addr])
    }

    /// Keeps a hit, where it is the best of its host and basis.
    pub(crate) fn add(&mut self, hit: Hit, question: &Question) {
        let key = (hit.span.real.addr, hit.span.basis);
        if let Some(known) = self.hits.get_mut(&key) {
            if rank(&hit, question) < rank(known, question) {
                *known = hit;
            }
        } else if self.hits.len() < HOSTS {
            self.hits.insert(key, hit);
        } else {
            self.more += 1;
        }
    }
}

/// Whether a segment may say something to a question.
fn concerns(segment: &Segment, question: &Question, found: &Found, pass: Pass) -> bool {
    match pass {
        Pass::Hits => segment.from < question.until() && segment.to > question.at,
        Pass::Around => match found.open.iter().map(|(hit, _)| hit.span.from).min() {
            Some(opened) => segment.from < question.until() && segment.to > opened,
            None => found.hits.is_empty(),
        },
    }
}

/// When `other` shows that `open`, whose end nobody recorded, was over, before the moment that is asked for.
fn ends(open: &Span, sensor: SensorId, other: &Hit, question: &Question) -> Option<Nanos> {
    let span = &other.span;
    let same_thing = open.overlaps(span);
    let same_proto = open.proto == 0 || span.proto == 0 || open.proto == span.proto;
    if other.sensor != sensor || !same_thing || !same_proto {
        return None;
    }
    let over = if span.real.addr == open.real.addr {
        // What held it was torn down, or its own end stands in another file.
        let holds = open.basis == Basis::Connection && span.basis != Basis::Connection;
        let itself = span.basis == open.basis
            && (span.mapped, span.block) == (open.mapped, open.block)
            && span.real == open.real;
        let itself = itself && span.from.since(open.from).abs() <= 5 * Nanos::SECOND;
        ((holds || itself) && span.end != End::Open && span.to > open.from).then_some(span.to)?
    } else {
        (span.from > open.from && span.translates()).then_some(span.from)?
    };
    (over.plus(i64::from(span.resolution)) <= question.at).then_some(over)
}

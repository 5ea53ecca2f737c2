//! From records to spans: openings and ends of connections and translations, matched as they come.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use catspaw_records::{
    Closed, Endpoint, Event, Nanos, Opened, Record, RecordId, SensorId, Stamp, Translation, TranslationKind, Whole,
};
use serde::{Deserialize, Serialize};

use super::span::{Basis, Began, End, Span, WHOLE, number_of};

/// As many connections, and as many translations, may be open at once.
const OPEN: usize = 1 << 20;
/// As many sensors have a number of their own; the others share the last.
const SENSORS: usize = 1 << 12;
/// A teardown's duration and the stamp of the building may differ by so much before they are of two translations.
const SLACK: i64 = 5 * Nanos::SECOND;

/// What is open while a log is read.
#[derive(Debug)]
pub(crate) struct Uses {
    sensors: Vec<(SensorId, String)>,
    numbers: HashMap<SensorId, u16>,
    connections: Table<(u16, RecordId), Connection>,
    translations: Table<(u16, Endpoint, u8), Span>,
    /// What ended, not taken yet.
    ended: Vec<Span>,
    /// What had to be let go before its end came.
    pub(crate) let_go: u64,
}

/// What is open where a log ends, for when it goes on.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Open {
    connections: Vec<((u16, RecordId), Connection)>,
    translations: Vec<Span>,
}

/// An open connection.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Connection {
    orig: Endpoint,
    resp: Endpoint,
    ends: [Option<Span>; 2],
}

/// Open things by key. Beyond the cap the oldest is let go.
#[derive(Debug)]
struct Table<K, V> {
    open: HashMap<K, (u64, V)>,
    order: VecDeque<(u64, K)>,
    next: u64,
}

impl<K: Copy + Eq + Hash, V> Table<K, V> {
    fn new() -> Self {
        Self { open: HashMap::new(), order: VecDeque::new(), next: 0 }
    }

    /// Puts it in. What it takes the place of, and what is let go for it.
    fn insert(&mut self, key: K, value: V) -> (Option<V>, Option<V>) {
        let number = self.next;
        self.next += 1;
        let before = self.open.insert(key, (number, value)).map(|(_, value)| value);
        self.order.push_back((number, key));
        if self.order.len() > 2 * OPEN {
            let open = &self.open;
            self.order.retain(|(number, key)| open.get(key).is_some_and(|(own, _)| own == number));
        }
        let oldest = if self.open.len() > OPEN { self.oldest() } else { None };
        (before, oldest)
    }

    fn oldest(&mut self) -> Option<V> {
        while let Some((number, key)) = self.order.pop_front() {
            if self.open.get(&key).is_some_and(|(own, _)| *own == number) {
                return self.remove(&key);
            }
        }
        None
    }

    fn remove(&mut self, key: &K) -> Option<V> {
        self.open.remove(key).map(|(_, value)| value)
    }

    /// Everything in it, in the order in which it came.
    fn into_values(self) -> Vec<(K, V)> {
        let mut all: Vec<_> = self.open.into_iter().collect();
        all.sort_unstable_by_key(|(_, (number, _))| *number);
        all.into_iter().map(|(key, (_, value))| (key, value)).collect()
    }
}

impl Uses {
    /// Goes on where a log had ended: `open` with the sensors that it numbers.
    pub(crate) fn new(open: Open, sensors: Vec<(SensorId, String)>) -> Self {
        let mut uses = Self {
            numbers: sensors.iter().enumerate().map(|(number, &(id, _))| (id, number as u16)).collect(),
            sensors,
            connections: Table::new(),
            translations: Table::new(),
            ended: Vec::new(),
            let_go: 0,
        };
        for (key, connection) in open.connections {
            uses.connections.insert(key, connection);
        }
        for span in open.translations {
            uses.translations.insert((span.sensor, span.mapped, span.proto), span);
        }
        uses
    }

    /// Takes a record, in the order of the log.
    pub(crate) fn take(&mut self, record: &Record, sensor: impl FnOnce() -> String) {
        let number = self.number(record.known.sensor, sensor);
        let line = record.place.line;
        match &record.event {
            Event::Opened(opened) => self.opened(opened, number, line),
            Event::Closed(closed) => self.closed(closed, record.known, number, line),
            Event::Whole(whole) => self.whole(whole, record.known, number, line),
            Event::Translation(translation) => self.translation(translation, record.known, number, line),
            Event::Denied(_) | Event::Content(_) | Event::Burst(_) => {}
        }
    }

    /// What has ended since this was asked last.
    pub(crate) fn ended(&mut self) -> std::vec::Drain<'_, Span> {
        self.ended.drain(..)
    }

    /// The log ends: what is open, as spans, and as it is kept; and the sensors.
    pub(crate) fn finish(self) -> (Vec<Span>, Open, Vec<(SensorId, String)>) {
        let connections = self.connections.into_values();
        let translations: Vec<Span> = self.translations.into_values().into_iter().map(|(_, span)| span).collect();
        let ends = connections.iter().flat_map(|(_, connection)| connection.ends).flatten();
        let spans = ends.chain(translations.iter().copied()).collect();
        (spans, Open { connections, translations }, self.sensors)
    }

    fn number(&mut self, sensor: SensorId, name: impl FnOnce() -> String) -> u16 {
        if let Some(&number) = self.numbers.get(&sensor) {
            return number;
        }
        let number = self.sensors.len().min(SENSORS - 1);
        if self.sensors.len() < SENSORS {
            self.sensors.push((sensor, name()));
            self.numbers.insert(sensor, number as u16);
        }
        number as u16
    }

    fn opened(&mut self, opened: &Opened, sensor: u16, line: u64) {
        let proto = number_of(opened.proto);
        let at = opened.start;
        let end = |inside, real, mapped: Option<Endpoint>| {
            let mapped = mapped.unwrap_or(real);
            (inside != Some(false)).then(|| open_span(mapped, real, proto, Basis::Connection, at, sensor, line))
        };
        let ends = [
            end(opened.inside.orig, opened.orig, opened.mapped_orig),
            end(opened.inside.resp, opened.resp, opened.mapped_resp),
        ];
        let connection = Connection { orig: opened.orig, resp: opened.resp, ends };
        let (before, oldest) = self.connections.insert((sensor, opened.id), connection);
        // The device uses a number again: the end of the one before was lost.
        self.end_connection(before, at.at, End::Rebuilt);
        self.let_go += u64::from(oldest.is_some());
        self.ended.extend(oldest.into_iter().flat_map(|oldest| oldest.ends).flatten());
    }

    fn end_connection(&mut self, connection: Option<Connection>, at: Nanos, end: End) {
        let spans = connection.into_iter().flat_map(|connection| connection.ends).flatten();
        self.ended.extend(spans.map(|span| Span { to: at.max(span.from), end, ..span }));
    }

    fn closed(&mut self, closed: &Closed, known: Stamp, sensor: u16, line: u64) {
        let at = closed.ended.map_or(known.at, |ended| ended.at);
        let (first, second) = (closed.first, closed.second);
        let key = (sensor, closed.id);
        if let Some(connection) = self.connections.remove(&key) {
            let ends = (connection.orig, connection.resp);
            if ends == (first, second) || ends == (second, first) {
                return self.end_connection(Some(connection), at, End::TornDown);
            }
            self.connections.insert(key, connection);
        }
        // Opened before the log, or its record is lost: nobody says as whom the outside saw it.
        let from = Stamp { at: at.plus(-closed.duration.max(0)), ..known };
        for (inside, real) in [(closed.inside.orig, first), (closed.inside.resp, second)] {
            if inside != Some(false) {
                let proto = number_of(closed.proto);
                let open = open_span(real, real, proto, Basis::Connection, from, sensor, line);
                self.ended.push(Span { to: at, began: Began::Reckoned, end: End::TornDown, ..open });
            }
        }
    }

    fn whole(&mut self, whole: &Whole, known: Stamp, sensor: u16, line: u64) {
        let ended = whole.ended(known).at.max(whole.start.at);
        let [mapped_orig, mapped_resp] = whole.mapped();
        let ends = [(whole.inside.orig, whole.orig, mapped_orig), (whole.inside.resp, whole.resp, mapped_resp)];
        for (inside, real, mapped) in ends {
            if inside != Some(false) {
                let proto = number_of(whole.proto);
                let open = open_span(mapped.unwrap_or(real), real, proto, Basis::Connection, whole.start, sensor, line);
                self.ended.push(Span { to: ended, end: End::TornDown, ..open });
            }
        }
    }

    fn translation(&mut self, translation: &Translation, known: Stamp, sensor: u16, line: u64) {
        let (basis, proto) = match translation.kind {
            TranslationKind::OneToOne => (Basis::OneToOne, WHOLE),
            TranslationKind::Static => (Basis::Static, WHOLE),
            TranslationKind::Port(proto) => (Basis::Pat, number_of(proto)),
        };
        let (mapped, real) = match proto {
            WHOLE => (whole_address(translation.mapped), whole_address(translation.real)),
            _ => (translation.mapped, translation.real),
        };
        let span = open_span(mapped, real, proto, basis, known, sensor, line);
        match translation.torn_down {
            None => self.built(span),
            Some(life) => self.torn_down(span, life),
        }
    }

    fn built(&mut self, span: Span) {
        let (before, oldest) = self.translations.insert((span.sensor, span.mapped, span.proto), span);
        let at = span.from;
        self.ended.extend(before.map(|before| Span { to: at.max(before.from), end: End::Rebuilt, ..before }));
        self.let_go += u64::from(oldest.is_some());
        self.ended.extend(oldest);
    }

    /// `gone` is as if it had been built now.
    fn torn_down(&mut self, gone: Span, life: Option<i64>) {
        let at = gone.from;
        let from = life.map(|life| at.plus(-life.max(0)));
        let key = (gone.sensor, gone.mapped, gone.proto);
        let (from, began) = from.map_or((Nanos::MIN, Began::Unknown), |from| (from, Began::Reckoned));
        match self.translations.remove(&key) {
            Some(open) if open.real != gone.real => {
                // Somebody else's: that one is still open.
                self.translations.insert(key, open);
            }
            Some(open) if began == Began::Unknown || from.since(open.from).abs() <= SLACK => {
                return self.ended.push(Span { to: at.max(open.from), end: End::TornDown, ..open });
            }
            Some(open) => self.ended.push(Span { to: from.max(open.from), end: End::Rebuilt, ..open }),
            None => {}
        }
        self.ended.push(Span { from, to: at, began, end: End::TornDown, ..gone });
    }
}

fn whole_address(end: Endpoint) -> Endpoint {
    Endpoint { port: 0, ..end }
}

fn open_span(mapped: Endpoint, real: Endpoint, proto: u8, basis: Basis, from: Stamp, sensor: u16, line: u64) -> Span {
    Span {
        mapped,
        real,
        proto,
        basis,
        began: Began::Seen,
        end: End::Open,
        from: from.at,
        to: Nanos::MAX,
        resolution: from.resolution,
        sensor,
        line,
    }
}

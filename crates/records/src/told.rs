//! What a reader tells, for its tests.

use std::fmt;

use crate::{Event, LineSink, Record, SensorId, Unparsed, Whole};

/// All that came of some lines.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Told {
    /// What lines that could not be read are taken for.
    kind: &'static str,
    pub(crate) records: Vec<(Record, Vec<u8>)>,
    pub(crate) skipped: usize,
    /// The line and the reason.
    pub(crate) unparsed: Vec<(u64, &'static str)>,
    /// Where lines broke.
    pub(crate) columns: Vec<usize>,
    /// What stood there.
    pub(crate) values: Vec<String>,
}

impl Told {
    /// By the reader of lines that are taken for `kind`.
    pub(crate) fn of(kind: &'static str) -> Self {
        Self { kind, ..Self::default() }
    }
}

impl LineSink for Told {
    fn record(&mut self, record: &Record, sensor: &[u8]) {
        assert_eq!(record.known.sensor, SensorId::of(sensor));
        self.records.push((*record, sensor.to_vec()));
    }

    fn skipped(&mut self, _: &[u8]) {
        self.skipped += 1;
    }

    fn unparsed(&mut self, unparsed: Unparsed) {
        assert_eq!(unparsed.kind, self.kind);
        self.unparsed.push((unparsed.place.line, unparsed.why));
    }

    fn broken(&mut self, unparsed: Unparsed, column: usize, value: Option<fmt::Arguments<'_>>) {
        self.columns.push(column);
        self.values.extend(value.map(|value| value.to_string()));
        self.unparsed(unparsed);
    }
}

/// A record that tells of a whole connection.
pub(crate) fn whole(record: &Record) -> &Whole {
    match &record.event {
        Event::Whole(whole) => whole,
        other => panic!("{other:?}"),
    }
}

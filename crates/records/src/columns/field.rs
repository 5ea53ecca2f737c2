//! What a column may be, and what its words may mean.

use crate::{Ending, Inside};

/// What of a connection a column says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Field {
    /// When it began.
    Ts,
    /// The day, where the time is a column of its own.
    Date,
    /// When it ended.
    End,
    /// How long it lasted.
    Duration,
    /// Who opened it, by its real address.
    OrigH,
    /// That one's port.
    OrigP,
    /// Whom it went to, by its real address.
    RespH,
    /// That one's port.
    RespP,
    /// The transport.
    Proto,
    /// Bytes that the originator sent.
    OrigBytes,
    /// Bytes that the responder sent.
    RespBytes,
    /// Bytes of both.
    Bytes,
    /// Packets that the originator sent.
    OrigPkts,
    /// Packets that the responder sent.
    RespPkts,
    /// How it ended, in words.
    Ending,
    /// Zeek's word for how it went.
    ConnState,
    /// What the device did, in words.
    Action,
    /// The application.
    Service,
    /// The originator's address as the other side saw it.
    MappedOrigH,
    /// Its port.
    MappedOrigP,
    /// The responder's address as the other side saw it.
    MappedRespH,
    /// Its port.
    MappedRespP,
    /// Where the originator is: a zone, an interface, in words.
    OrigZone,
    /// Where the responder is.
    RespZone,
    /// Which way it goes, in words.
    Direction,
    /// Who saw it.
    Sensor,
    /// The log's own name of it.
    Uid,
}

impl Field {
    /// All of them, in the order of their numbers, with their names.
    pub const ALL: [(Self, &'static str); 27] = [
        (Self::Ts, "ts"),
        (Self::Date, "date"),
        (Self::End, "end"),
        (Self::Duration, "duration"),
        (Self::OrigH, "orig_h"),
        (Self::OrigP, "orig_p"),
        (Self::RespH, "resp_h"),
        (Self::RespP, "resp_p"),
        (Self::Proto, "proto"),
        (Self::OrigBytes, "orig_bytes"),
        (Self::RespBytes, "resp_bytes"),
        (Self::Bytes, "bytes"),
        (Self::OrigPkts, "orig_pkts"),
        (Self::RespPkts, "resp_pkts"),
        (Self::Ending, "ending"),
        (Self::ConnState, "conn_state"),
        (Self::Action, "action"),
        (Self::Service, "service"),
        (Self::MappedOrigH, "mapped_orig_h"),
        (Self::MappedOrigP, "mapped_orig_p"),
        (Self::MappedRespH, "mapped_resp_h"),
        (Self::MappedRespP, "mapped_resp_p"),
        (Self::OrigZone, "orig_zone"),
        (Self::RespZone, "resp_zone"),
        (Self::Direction, "direction"),
        (Self::Sensor, "sensor"),
        (Self::Uid, "uid"),
    ];

    /// How many there are.
    pub(super) const COUNT: usize = Self::ALL.len();

    /// The field of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, own)| *own == name).map(|(field, _)| *field)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// What a word means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The line is no news of a connection.
    Ignored,
    /// The connection begins.
    Opened,
    /// It is over.
    Over,
    /// It was refused.
    Denied,
    /// It ended so.
    Ended(Ending),
    /// Where an end is: inside or not.
    Zone(bool),
    /// Which ends are inside.
    Direction(Inside),
}

const fn direction(orig: Option<bool>, resp: Option<bool>) -> Meaning {
    Meaning::Direction(Inside { orig, resp })
}

impl Meaning {
    /// All of them, with their names.
    pub const ALL: [(Self, &'static str); 21] = [
        (Self::Ignored, "ignored"),
        (Self::Opened, "opened"),
        (Self::Over, "over"),
        (Self::Denied, "denied"),
        (Self::Ended(Ending::Fins), "fins"),
        (Self::Ended(Ending::ResetByOrig), "reset_by_orig"),
        (Self::Ended(Ending::ResetByResp), "reset_by_resp"),
        (Self::Ended(Ending::Reset), "reset"),
        (Self::Ended(Ending::NoAnswer), "no_answer"),
        (Self::Ended(Ending::HalfClosed), "half_closed"),
        (Self::Ended(Ending::Idle), "idle"),
        (Self::Ended(Ending::ByDevice), "by_device"),
        (Self::Ended(Ending::Open), "still_open"),
        (Self::Zone(true), "inside"),
        (Self::Zone(false), "outside"),
        (direction(Some(false), Some(true)), "inbound"),
        (direction(Some(true), Some(false)), "outbound"),
        (direction(Some(true), Some(true)), "internal"),
        (direction(Some(false), Some(false)), "external"),
        // As a host sees it that knows itself alone.
        (direction(None, Some(true)), "ingress"),
        (direction(Some(true), None), "egress"),
    ];

    /// The meaning of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, own)| *own == name).map(|(meaning, _)| *meaning)
    }

    /// What it weighs where several words of a line differ: what is both begun and over is over.
    pub(super) fn weight(self) -> u8 {
        match self {
            Self::Denied => 2,
            Self::Over => 1,
            _ => 0,
        }
    }

    /// The fields in whose columns a word may mean it.
    pub(super) fn is_of(self, field: Field) -> bool {
        match self {
            Self::Ignored | Self::Opened | Self::Over | Self::Denied => field == Field::Action,
            Self::Ended(_) => field == Field::Ending,
            Self::Zone(_) => matches!(field, Field::OrigZone | Field::RespZone),
            Self::Direction(_) => field == Field::Direction,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_listed_by_their_numbers() {
        for (number, (field, name)) in Field::ALL.into_iter().enumerate() {
            assert_eq!((field as usize, field.name(), Field::parse(name)), (number, name, Some(field)));
        }
        assert_eq!((Field::parse("TS"), Meaning::parse("ts")), (None, None));
        assert!(Meaning::ALL.iter().all(|(meaning, name)| Meaning::parse(name) == Some(*meaning)));
    }
}

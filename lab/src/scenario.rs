//! What is to be made.

use crate::civil::{Civil, HOUR, MINUTE};

/// The most ordinary hosts there is room for in 172.28.0.0/16 beside the servers.
pub const MAX_HOSTS: u32 = 20_000;
/// The most relays: every one needs an outside address of its own.
pub const MAX_RELAYS: usize = 60;

/// What a relay speaks to its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayKind {
    /// SOCKS 4 and 5, as the trojaned WinGate of 2003.
    Socks,
    /// HTTP CONNECT; the reply to it has so many bytes (39: squid, 70: tinyproxy).
    Connect {
        /// Bytes of the reply.
        reply: u32,
    },
    /// An HTTP proxy for GET.
    Web,
}

impl RelayKind {
    /// Its name in `truth.json`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Socks => "socks",
            Self::Connect { .. } => "connect",
            Self::Web => "web",
        }
    }
}

/// A host that is infected at some time, and relays from then on.
#[derive(Clone, Debug)]
pub struct Relay {
    /// What it speaks.
    pub kind: RelayKind,
    /// The port that carries the traffic.
    pub port: u16,
    /// The ports that it opens and that scanners ask beforehand, the first and the last.
    pub asked: (u16, u16),
    /// When it is infected: microseconds after the start.
    pub infected: u64,
    /// When it is cut off the network, if it is.
    pub cut: Option<u64>,
    /// Sessions per hour, on average over a day.
    pub per_hour: u32,
    /// Clients that use it.
    pub clients: u32,
    /// Whether its outside address is its own for good; else it has one for as long as it is used.
    pub fixed_address: bool,
}

impl Relay {
    /// The relay of the case of 2003: 1180 to 1185 open, 1182 used.
    #[must_use]
    pub fn socks(infected: u64, per_hour: u32) -> Self {
        Self {
            kind: RelayKind::Socks,
            port: 1182,
            asked: (1180, 1185),
            infected,
            cut: None,
            per_hour,
            clients: (per_hour / 2).clamp(4, 90),
            fixed_address: per_hour < 5,
        }
    }

    /// An HTTP proxy that carries mail by CONNECT.
    #[must_use]
    pub fn connect(port: u16, infected: u64, per_hour: u32) -> Self {
        Self {
            kind: RelayKind::Connect { reply: if port == 3128 { 39 } else { 70 } },
            port,
            asked: (port, port),
            ..Self::socks(infected, per_hour)
        }
    }

    /// An HTTP proxy that fetches pages.
    #[must_use]
    pub fn web(port: u16, infected: u64, per_hour: u32) -> Self {
        Self { kind: RelayKind::Web, port, asked: (port, port), ..Self::socks(infected, per_hour) }
    }

    /// The same, cut off at `cut`.
    #[must_use]
    pub fn cut_at(mut self, cut: u64) -> Self {
        self.cut = Some(cut);
        self
    }
}

/// A case to make. Equal scenarios make equal bytes.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Where all chance comes from.
    pub seed: u64,
    /// When the log begins.
    pub start: Civil,
    /// How many hours it lasts, unless `lines` says otherwise.
    pub hours: u32,
    /// The log ends as soon as it has so many lines (or one more, where one brings another), however long that takes.
    pub lines: Option<u64>,
    /// Ordinary hosts, beside the servers (one of each kind for every 2,000 hosts) and the relays.
    pub hosts: u32,
    /// How busy everybody but the relays is, in thousandths of an ordinary day of 2003.
    pub pace: u32,
    /// The relays.
    pub relays: Vec<Relay>,
    /// The name of the device.
    pub sensor: String,
}

impl Scenario {
    /// The case in `examples/`: thirty hours of March 2003, three relays.
    #[must_use]
    pub fn example() -> Self {
        Self {
            seed: 2003,
            start: Civil { year: 2003, month: 3, day: 3, hour: 18 },
            hours: 30,
            lines: None,
            hosts: 24,
            pace: 27,
            relays: vec![
                Relay::socks(3 * HOUR + 17 * MINUTE, 18).cut_at(22 * HOUR + 5 * MINUTE),
                Relay::connect(8085, 9 * HOUR + 41 * MINUTE, 9),
                Relay::socks(6 * HOUR + 2 * MINUTE, 2),
            ],
            sensor: "utc-pix".to_owned(),
        }
    }

    /// A log of `lines` lines: about a day of `hosts` hosts and so many relays, busier or quieter as the lines ask.
    #[must_use]
    pub fn big(seed: u64, lines: u64, hosts: u32, relays: u32) -> Self {
        let per_day = u64::from(hosts) * LINES_PER_HOST_AND_DAY;
        let relay = |number: u32| {
            let infected = HOUR + u64::from(number % 7) * 47 * MINUTE;
            match number % 5 {
                0 => Relay::socks(infected, 200).cut_at(18 * HOUR),
                1 => Relay::connect(8085, infected, 90),
                2 => Relay::socks(infected, 2),
                3 => Relay::web(8080, infected, 60),
                _ => Relay::connect(3128, infected, 40),
            }
        };
        Self {
            seed,
            start: Civil { year: 2003, month: 3, day: 3, hour: 0 },
            hours: 24,
            lines: Some(lines),
            hosts,
            pace: (lines * 1000 / per_day.max(1)).clamp(20, 100_000) as u32,
            relays: (0..relays).map(relay).collect(),
            sensor: "utc-pix".to_owned(),
        }
    }

    /// What is wrong with it, if anything.
    ///
    /// # Errors
    /// Says which limit it breaks.
    pub fn check(&self) -> Result<(), String> {
        if !(1..=MAX_HOSTS).contains(&self.hosts) {
            return Err(format!("hosts: 1 to {MAX_HOSTS}, not {}", self.hosts));
        }
        if self.relays.len() > MAX_RELAYS {
            return Err(format!("relays: at most {MAX_RELAYS}, not {}", self.relays.len()));
        }
        if self.relays.iter().any(|relay| relay.per_hour == 0 || relay.clients == 0) {
            return Err("a relay needs clients and sessions".to_owned());
        }
        Ok(())
    }

    /// The first microsecond of the log.
    #[must_use]
    pub fn begin(&self) -> u64 {
        self.start.micros()
    }

    /// The first microsecond after it, where no number of lines ends it.
    #[must_use]
    pub fn end(&self) -> u64 {
        if self.lines.is_some() { u64::MAX } else { self.begin() + u64::from(self.hours) * HOUR }
    }
}

/// Measured on a day of 20,000 hosts at a pace of 1000.
const LINES_PER_HOST_AND_DAY: u64 = 830;

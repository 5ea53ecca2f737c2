//! Captures with their truth: what a sensor sees where a network meets the outside, packet by packet.
//!
//! Who says what to whom when is planned first ([`plan`], [`talk`]), for both legs of a relayed session together, so that
//! cause comes before effect by what the way and the host take. [`play`] then makes packets of it, one at a time, so
//! that memory depends on what is open and not on how long the capture is.

mod dns;
mod file;
mod forward;
mod frame;
mod innocent;
mod mail;
mod net;
mod payload;
mod plan;
mod play;
mod scenario;
mod smtp;
mod talk;
mod truth;
mod tunnel;
mod web;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};

pub use file::CaptureForm;
pub use scenario::{WireKind, WireRelaySpec, WireScenario};
pub use truth::{Allowance, LegTruth, SessionTruth, WireBot, WireCounts, WireInnocent, WireRelay, WireTruth};

use file::CaptureFile;
use net::Net;
use plan::Transport;
use play::Play;
use scenario::Cast;

/// Writes the capture of `scenario` to `to`, and tells what is true of it.
///
/// # Errors
/// When the scenario is impossible, or `to` cannot be written.
pub fn capture(scenario: &WireScenario, to: &mut dyn Write) -> io::Result<WireTruth> {
    let mut cast = scenario.cast().map_err(io::Error::other)?;
    let file = CaptureFile::new(scenario.form, to)?;
    let mut sensor = Sensor::new(scenario, file);
    sensor.watch(&mut cast)?;
    Ok(sensor.truth(scenario, &cast))
}

/// Takes what passes in order of time.
struct Sensor<'a> {
    net: Net,
    file: CaptureFile<'a>,
    plays: Vec<Option<Play>>,
    free: Vec<usize>,
    /// The next packet of each connection, and where it is.
    next: BinaryHeap<Reverse<(u64, usize)>>,
    frame: Vec<u8>,
    counts: WireCounts,
    last: u64,
    end: u64,
    most: u64,
}

impl<'a> Sensor<'a> {
    fn new(scenario: &WireScenario, file: CaptureFile<'a>) -> Self {
        Self {
            net: Net::new(scenario.seed, scenario.vlans, scenario.longest),
            file,
            plays: Vec::new(),
            free: Vec::new(),
            next: BinaryHeap::new(),
            frame: Vec::with_capacity(1600),
            counts: WireCounts::default(),
            last: scenario.begin(),
            end: scenario.end(),
            most: scenario.size.unwrap_or(u64::MAX),
        }
    }

    /// Lets everybody act until the end, or until there is enough, and the rest run out.
    fn watch(&mut self, cast: &mut Cast) -> io::Result<()> {
        let mut wakes: BinaryHeap<_> =
            cast.actors.iter().enumerate().map(|(number, actor)| Reverse((actor.first, number))).collect();
        loop {
            let packet = self.next.peek().map_or(u64::MAX, |Reverse((at, _))| *at);
            let Some(Reverse((now, number))) = wakes.peek().copied().filter(|Reverse((now, _))| *now < self.end) else {
                if packet == u64::MAX {
                    return Ok(());
                }
                self.packet()?;
                continue;
            };
            if packet < now {
                self.packet()?;
            } else if self.file.bytes >= self.most {
                wakes.clear();
            } else {
                wakes.pop();
                if let Some(again) = cast.actors[number].act(&mut self.net, now) {
                    wakes.push(Reverse((again, number)));
                }
                self.begin();
            }
        }
    }

    /// Connections that were planned come to life.
    fn begin(&mut self) {
        for plan in std::mem::take(&mut self.net.coming) {
            match plan.transport {
                Transport::Tcp => self.counts.tcp_connections += 1,
                Transport::Udp => self.counts.udp_flows += 1,
                Transport::Icmp => self.counts.icmp_flows += 1,
            }
            let play = Play::new(plan);
            let place = self.free.pop().unwrap_or_else(|| {
                self.plays.push(None);
                self.plays.len() - 1
            });
            if let Some(at) = play.next() {
                self.next.push(Reverse((at, place)));
            }
            self.plays[place] = Some(play);
        }
    }

    fn packet(&mut self) -> io::Result<()> {
        let Some(Reverse((_, place))) = self.next.pop() else { return Ok(()) };
        let Some(play) = self.plays[place].as_mut() else { return Ok(()) };
        if let Some((at, true)) = play.step(&mut self.frame) {
            self.file.frame(at, &self.frame)?;
            self.last = at;
        }
        if let Some(at) = play.next() {
            self.next.push(Reverse((at, place)));
        } else {
            if let Some(leg) = play.truth() {
                self.net.legs.insert(leg.conn, leg);
            }
            self.plays[place] = None;
            self.free.push(place);
        }
        Ok(())
    }

    fn truth(self, scenario: &WireScenario, cast: &Cast) -> WireTruth {
        let counts = WireCounts { packets: self.file.frames, bytes: self.file.bytes, ..self.counts };
        cast.truth(scenario, &self.net, counts, self.last)
    }
}

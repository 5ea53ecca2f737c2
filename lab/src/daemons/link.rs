//! The wide area: every outside address is as far away, as jittery, lossy and slow as the seed says.
//!
//! Packets come as datagrams from two `socat`s, each of which has one end of the link as a TUN device. `tc netem` would
//! do some of this; it is not in every kernel, cannot tell addresses apart without a class for each, and takes its
//! chance from nowhere one could choose.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::rng::{Rng, mix};

/// The border's end.
pub(super) const NEAR: &str = "near";
/// The world's end.
pub(super) const FAR: &str = "far";
/// Microseconds one way: from a cache round the corner to another continent.
const AWAY: [u64; 9] = [1_200, 4_500, 7_000, 11_000, 15_000, 30_000, 47_000, 70_000, 110_000];
/// Microseconds that it varies by.
const JITTER: [u64; 5] = [50, 200, 500, 1_500, 4_000];
/// Packets in 100,000 that are lost.
const LOSS: [u64; 6] = [0, 0, 20, 100, 400, 1_000];
/// Kilobytes a second.
const RATE: [u64; 6] = [250, 1_000, 2_500, 6_000, 12_000, 40_000];
/// Microseconds of packets that wait for a slow line before more are dropped.
const QUEUE: u64 = 300_000;

/// One direction.
#[derive(Debug, Default)]
struct Lane {
    /// By when they are due; those that are due at the same time, in their order.
    waiting: BinaryHeap<Reverse<(Instant, u64, Vec<u8>)>>,
    order: u64,
    ends: HashMap<IpAddr, Line>,
}

/// The way to or from one address.
#[derive(Debug)]
struct Line {
    away: u64,
    jitter: u64,
    loss: u64,
    rate: u64,
    rng: Rng,
    /// When the line is free again.
    free: Instant,
    /// Nothing overtakes what went before.
    last: Instant,
}

impl Line {
    fn new(seed: u64, address: IpAddr, direction: u64) -> Self {
        let number = match address {
            IpAddr::V4(v4) => u64::from(u32::from(v4)),
            IpAddr::V6(v6) => u128::from(v6) as u64 ^ 0x6666,
        };
        // The same in both directions, but for what happens to single packets.
        let mut rng = Rng::new(mix(seed ^ 0x6c69_6e6b), number);
        let now = Instant::now();
        Self {
            away: rng.draw(&AWAY),
            jitter: rng.draw(&JITTER),
            loss: rng.draw(&LOSS),
            rate: rng.draw(&RATE),
            rng: Rng::new(seed.wrapping_add(direction), number),
            free: now,
            last: now,
        }
    }

    /// When a packet arrives that sets off now; never, where it is lost.
    fn arrival(&mut self, length: usize) -> Option<Instant> {
        let now = Instant::now();
        let begins = self.free.max(now);
        if self.rng.below(100_000) < self.loss || begins.duration_since(now) > Duration::from_micros(QUEUE) {
            return None;
        }
        self.free = begins + Duration::from_micros(length as u64 * 1000 / self.rate);
        let away = self.away + self.rng.below(self.jitter + 1);
        self.last = self.last.max(self.free + Duration::from_micros(away));
        Some(self.last)
    }
}

/// `catspaw-lab link FOLDER SEED`: carries packets until its input ends.
pub(super) fn run(folder: &Path, seed: u64) -> io::Result<()> {
    let sockets = [NEAR, FAR].map(|side| UnixDatagram::bind(folder.join(format!("link-{side}"))));
    let [near, far] = sockets;
    let (near, far) = (near?, far?);
    // What comes from near has the outside address as its destination.
    carry((near.try_clone()?, far.try_clone()?), folder.join(format!("tun-{FAR}")), seed, true)?;
    carry((far, near), folder.join(format!("tun-{NEAR}")), seed, false)?;
    writeln!(io::stdout(), "ready")?;
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

fn carry(
    (from, by): (UnixDatagram, UnixDatagram),
    to: std::path::PathBuf,
    seed: u64,
    outwards: bool,
) -> io::Result<()> {
    let lane = Arc::new((Mutex::new(Lane::default()), Condvar::new()));
    let sender = Arc::clone(&lane);
    thread::Builder::new().spawn(move || {
        let mut packet = [0; 65_536];
        while let Ok(length) = from.recv(&mut packet) {
            let packet = &packet[..length];
            let (Some(address), Ok(mut queue)) = (outside_of(packet, outwards), lane.0.lock()) else { continue };
            let path = queue.ends.entry(address).or_insert_with(|| Line::new(seed, address, u64::from(outwards)));
            if let Some(due) = path.arrival(length) {
                queue.order += 1;
                let order = queue.order;
                queue.waiting.push(Reverse((due, order, packet.to_vec())));
                lane.1.notify_one();
            }
        }
    })?;
    thread::Builder::new().spawn(move || {
        let Ok(mut queue) = sender.0.lock() else { return };
        loop {
            let now = Instant::now();
            let wait = queue.waiting.peek().map(|Reverse((due, ..))| due.saturating_duration_since(now));
            let waited = match wait {
                Some(Duration::ZERO) => {
                    let packet = queue.waiting.pop();
                    drop(queue);
                    if let Some(Reverse((.., packet))) = packet {
                        // An end that is gone takes nothing any more.
                        _ = by.send_to(&packet, &to);
                    }
                    sender.0.lock()
                }
                Some(wait) => match sender.1.wait_timeout(queue, wait) {
                    Ok((queue, _)) => Ok(queue),
                    Err(_) => return,
                },
                None => sender.1.wait(queue),
            };
            let Ok(again) = waited else { return };
            queue = again;
        }
    })?;
    Ok(())
}

/// The outside address of a packet.
fn outside_of(packet: &[u8], outwards: bool) -> Option<IpAddr> {
    match packet.first()? >> 4 {
        4 => {
            let at = if outwards { 16 } else { 12 };
            packet.get(at..at + 4)?.first_chunk::<4>().map(|bytes| Ipv4Addr::from(*bytes).into())
        }
        6 => {
            let at = if outwards { 24 } else { 8 };
            packet.get(at..at + 16)?.first_chunk::<16>().map(|bytes| Ipv6Addr::from(*bytes).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_slow_as_it_is_and_nothing_overtakes() {
        let mut path = Line::new(1, "198.18.0.1".parse().unwrap(), 0);
        (path.loss, path.rate, path.away, path.jitter) = (0, 1000, 20_000, 5_000);
        let begun = Instant::now();
        let arrivals: Vec<Instant> = (0..100).map(|_| path.arrival(1000).unwrap()).collect();
        assert!(arrivals.is_sorted());
        // 100 packets of 1 ms each, and 20 ms of way.
        let last = arrivals[99] - begun;
        assert!((Duration::from_millis(119)..Duration::from_millis(130)).contains(&last), "{last:?}");
        // The line takes 300 ms of them, no more.
        let taken = (0..1000).filter(|_| path.arrival(1000).is_some()).count();
        assert!((190..215).contains(&taken), "{taken}");
    }

    #[test]
    fn both_directions_are_equally_far() {
        let address = "2001:db8::7".parse().unwrap();
        let [out, back] = [0, 1].map(|direction| Line::new(9, address, direction));
        assert_eq!((out.away, out.loss, out.rate), (back.away, back.loss, back.rate));
    }

    #[test]
    fn the_outside_end_of_a_packet_is_found() {
        let mut packet = [0; 40];
        packet[0] = 0x45;
        packet[12..20].copy_from_slice(&[172, 28, 220, 9, 198, 18, 0, 1]);
        assert_eq!(outside_of(&packet, true), Some("198.18.0.1".parse().unwrap()));
        assert_eq!(outside_of(&packet, false), Some("172.28.220.9".parse().unwrap()));
        assert_eq!(outside_of(&packet[..10], true), None);
    }
}

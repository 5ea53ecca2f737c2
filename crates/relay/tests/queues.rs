//! Mail servers whose queue is run from time to time, made up as the lab's real one is: are they found in the sessions that its judge
//! asks for, and is one that sends nothing of what it took in as rarely suspicious as the test says?
//!
//! `cargo test --release -p catspaw-relay --test queues -- --ignored --nocapture` prints the table.

#[allow(dead_code, reason = "of the made-up worlds only mail is asked for here")]
mod world;

use world::{Rng, View, World, judge};

/// Seconds between two letters, and between two runs.
const GAP: f64 = 2.45;
const RUN: f64 = 11.3;
/// What it adds to a letter; another recipient's name, which it leaves out of what each is sent.
const HEADER: u64 = 217;
const RECIPIENT: u64 = 45;

/// What comes of a letter.
#[derive(Clone, Copy)]
enum Fate {
    /// So many servers take it.
    Taken(u64),
    /// One refuses it, after so many bytes up and down.
    Refused(u64, u64),
}

/// A letter in the queue.
struct Letter {
    body: u64,
    fate: Fate,
}

fn length(r: &mut Rng) -> u64 {
    const QUANTILES: [u64; 6] = [600, 1_500, 2_400, 4_000, 9_000, 40_000];
    let segment = r.below(QUANTILES.len() as u64 - 1) as usize;
    r.between(QUANTILES[segment], QUANTILES[segment + 1])
}

fn fate(r: &mut Rng) -> Fate {
    match r.below(12) {
        0 => Fate::Refused(6, 21),
        1 => Fate::Refused(0, 0),
        2 => Fate::Refused(139, 168),
        3 => Fate::Taken(3),
        4 | 5 => Fate::Taken(2),
        _ => Fate::Taken(1),
    }
}

/// Some fifty letters come in. What goes out is those, or as many others.
fn queue(w: &mut World, relays: bool) {
    let clients: Vec<f64> = (0..8).map(|_| 0.05 + 1.2 * w.rng.unit()).collect();
    let (mut waiting, mut tried_again) = (Vec::new(), Vec::new());
    let letters = w.rng.between(45, 70);
    let (mut at, mut run) = (0.0, RUN * w.rng.unit());
    for _ in 0..letters {
        at += GAP * (0.3 + 1.4 * w.rng.unit());
        while run < at {
            // What is let go waits until the queue is looked at.
            let goes = run + 3.0 * w.rng.unit();
            for letter in waiting.drain(..) {
                hand_on(w, goes, &letter, &mut tried_again);
            }
            tried_again.extract_if(.., |(due, _)| *due <= run).for_each(|(_, letter)| refuse(w, goes, &letter));
            run += RUN + 0.6 * (w.rng.unit() - 0.5);
        }
        let (body, fate, client) = (length(&mut w.rng), fate(&mut w.rng), w.rng.below(8));
        let recipients = if let Fate::Taken(servers) = fate { servers } else { 1 };
        let life = clients[client as usize] * (0.8 + 0.4 * w.rng.unit());
        w.leg(true, at, life, client as u32, 5025, (body + RECIPIENT * (recipients - 1), 310 + 14 * recipients));
        waiting.push(Letter { body: if relays { body } else { length(&mut w.rng) }, fate });
    }
}

fn hand_on(w: &mut World, at: f64, letter: &Letter, tried_again: &mut Vec<(f64, Letter)>) {
    match letter.fate {
        Fate::Refused(..) => {
            refuse(w, at, letter);
            tried_again.push((at + 60.0, Letter { ..*letter }));
        }
        Fate::Taken(servers) => {
            for _ in 0..servers {
                let (lag, life, name) = (0.01 * w.rng.unit(), 0.15 + w.rng.unit(), w.rng.below(3));
                w.call(at + lag, life, 25, (letter.body + HEADER + name, 152));
            }
        }
    }
}

fn refuse(w: &mut World, at: f64, letter: &Letter) {
    if let Fate::Refused(up, down) = letter.fate {
        let lag = 0.01 * w.rng.unit();
        w.call(at + lag, 0.2, 25, (up, down));
    }
}

/// Natural logarithms of the largest ratios of stored mail, and the sessions that it took to convict.
fn judged(hosts: std::ops::Range<u64>, relays: bool, view: View) -> Vec<(f64, Option<u64>)> {
    hosts
        .map(|host| {
            let mut world = World::new(host, 1, 0);
            queue(&mut world, relays);
            let outcome = judge(&world.legs, view);
            (outcome.stored, outcome.convicted)
        })
        .collect()
}

/// In how many sessions hosts are found, in order; of one that is not, more than there are.
fn sessions(judged: &[(f64, Option<u64>)]) -> Vec<u64> {
    let mut found: Vec<u64> = judged.iter().map(|(_, sessions)| sessions.unwrap_or(u64::MAX)).collect();
    found.sort_unstable();
    found
}

#[test]
fn a_queue_that_is_run_is_found_in_the_sessions_that_are_asked_for() {
    for (view, middle, most) in [(View::Zeek, 15, 25), (View::Syslog, 17, 40)] {
        let found = sessions(&judged(0..60, true, view));
        assert!(found[30] <= middle && found[59] <= most, "{view:?}: {found:?}");
    }
}

#[test]
fn one_that_sends_letters_of_its_own_is_as_rarely_suspicious_as_the_test_says() {
    for view in [View::Zeek, View::Syslog] {
        let judged = judged(1000..1300, false, view);
        let reach = |x: f64| judged.iter().filter(|(log, _)| *log >= x.ln()).count();
        assert!(judged.iter().all(|(_, convicted)| convicted.is_none()), "{view:?}: convicted");
        assert!(reach(10.0) <= 30 && reach(100.0) <= 3, "{view:?}: {} {}", reach(10.0), reach(100.0));
    }
}

#[test]
#[ignore = "takes a minute: prints the table"]
fn table_of_queues() {
    for view in [View::Zeek, View::Syslog] {
        let found = sessions(&judged(0..1000, true, view));
        let [least, middle, most, last] = [50, 500, 990, 999].map(|at| found[at]);
        println!("{view:6?} found in {middle} sessions, 5 % in {least}, 99 % in {most}, the last in {last}");
        let judged = judged(1000..5000, false, view);
        let over = [10.0_f64, 100.0, 1e3, 1e4].map(|x| judged.iter().filter(|(log, _)| *log >= x.ln()).count());
        println!("{view:6?} innocent: of 4000 >=10..1e4 {over:?}");
    }
}

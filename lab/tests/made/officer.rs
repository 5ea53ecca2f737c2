//! A log and what an officer reads in it: by splitting lines at blanks, with nothing of the lab's own writers.

use catspaw_lab::{Pairs, Pix, Scenario, Tee, Truth, ZeekConn, run};

/// What a scenario makes.
pub(crate) struct Made {
    pub(crate) pix: String,
    pub(crate) conn: String,
    pub(crate) pairs: String,
    pub(crate) truth: Truth,
}

pub(crate) fn make(scenario: &Scenario) -> Made {
    let (mut pix, mut conn, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
    let mut tee = Tee::default()
        .and(Pix { sensor: scenario.sensor.clone(), year: false }.to(&mut pix))
        .and(ZeekConn::new(&mut conn, scenario.begin()))
        .and(Pairs::new(&mut pairs));
    let truth = run(scenario, &mut tee).expect("a case");
    drop(tee);
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Made { pix: text(pix), conn: text(conn), pairs: text(pairs), truth }
}

/// A line about a connection.
#[derive(Clone, Debug)]
pub(crate) struct Line<'a> {
    /// `Mar  4`.
    pub(crate) day: &'a str,
    pub(crate) built: bool,
    pub(crate) tcp: bool,
    pub(crate) inbound: bool,
    pub(crate) id: u64,
    pub(crate) outside: (&'a str, u16),
    pub(crate) inside: (&'a str, u16),
    pub(crate) bytes: u64,
    /// What stands after the bytes.
    pub(crate) reason: &'a str,
}

impl<'a> Line<'a> {
    pub(crate) fn read(line: &'a str) -> Option<Self> {
        let (_, text) = line.split_once("%PIX-6-30201")?;
        let kind = text.as_bytes()[0];
        let words: Vec<&str> = text.split(' ').collect();
        let built = words[1] == "Built";
        let (at, to) = if built { (5, 10) } else { (4, 8) };
        let after = text.split_once(" bytes ").map_or("0", |(_, after)| after);
        let (bytes, reason) = after.split_once(' ').unwrap_or((after, ""));
        Some(Self {
            day: &line[..6],
            built,
            tcp: matches!(kind, b'3' | b'4'),
            inbound: words[2] == "inbound",
            id: words[at].parse().ok()?,
            outside: end(words[at + 2])?,
            inside: end(words[to])?,
            bytes: bytes.parse().ok()?,
            reason,
        })
    }
}

/// `outside:198.18.0.1/25`.
fn end(word: &str) -> Option<(&str, u16)> {
    let (_, end) = word.split_once(':')?;
    let (addr, port) = end.split_once('/')?;
    Some((addr, port.parse().ok()?))
}

//! Logs of a PIX, line by line.

use std::fmt::Write as _;

/// 2003-03-04 00:00:00.
pub(crate) const DAY: i64 = 1_046_736_000;

/// Whom the host speaks to, or who speaks to it.
pub(crate) type Peer<'a> = (&'a str, u16);

/// A log that is being written.
#[derive(Clone, Default)]
pub(crate) struct Log {
    pub(crate) text: String,
    next_id: u64,
}

fn stamp(at: i64) -> String {
    jiff::Timestamp::from_second(at)
        .unwrap()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .strftime("%b %d %Y %H:%M:%S")
        .to_string()
}

impl Log {
    pub(crate) fn line(&mut self, at: i64, message: &str) -> &mut Self {
        _ = writeln!(self.text, "{} pix : {message}", stamp(at));
        self
    }

    /// A built connection, with the number `id`.
    pub(crate) fn built(&mut self, at: i64, direction: &str, id: &str, peer: Peer<'_>, own: Peer<'_>) -> &mut Self {
        let ((peer, pp), (own, op)) = (peer, own);
        self.line(
            at,
            &format!(
                "%PIX-6-302013: Built {direction} TCP connection {id} for outside:{peer}/{pp} ({peer}/{pp}) to \
                 inside:{own}/{op} ({own}/{op})"
            ),
        )
    }

    /// Its end.
    pub(crate) fn ended(
        &mut self,
        at: i64,
        id: &str,
        peer: Peer<'_>,
        own: Peer<'_>,
        duration: &str,
        bytes: &str,
    ) -> &mut Self {
        let ((peer, pp), (own, op)) = (peer, own);
        self.line(
            at,
            &format!(
                "%PIX-6-302014: Teardown TCP connection {id} for outside:{peer}/{pp} to inside:{own}/{op} duration \
                 {duration} bytes {bytes} TCP FINs"
            ),
        )
    }

    fn id(&mut self) -> String {
        self.next_id += 1;
        self.next_id.to_string()
    }

    /// One outbound connection of a second.
    pub(crate) fn out(&mut self, at: i64, own: &str) -> &mut Self {
        let (id, peer) = (self.id(), ("192.0.2.80", 80));
        let own = (own, 20_000 + (self.next_id % 40_000) as u16);
        self.built(at, "outbound", &id, peer, own).ended(at + 1, &id, peer, own, "0:00:01", "700")
    }

    /// `sessions` relayed by 10.0.0.66 at port 1182, one each minute from `at` on.
    pub(crate) fn relay(&mut self, at: i64, sessions: i64) -> &mut Self {
        for n in 0..sessions {
            let (at, bytes) = (at + 60 * n, 1500 + 7919 * (n * n + 3) % 60_000);
            let (client, host) = (("203.0.113.7", 30_000 + n as u16), ("10.0.0.66", 1182));
            let target = format!("198.51.100.{}", 25 + n % 7);
            let (target, own) = ((target.as_str(), 25), ("10.0.0.66", 2000 + n as u16));
            let (inbound, outbound) = (self.id(), self.id());
            self.built(at, "inbound", &inbound, client, host)
                .built(at + 1, "outbound", &outbound, target, own)
                .ended(at + 20, &outbound, target, own, "0:00:19", &bytes.to_string())
                .ended(at + 20, &inbound, client, host, "0:00:20", &(bytes + 26).to_string());
        }
        self
    }
}

/// A log with one relay in it.
pub(crate) fn relay_log() -> String {
    Log::default().relay(DAY, 40).text.clone()
}

/// A log with nothing in it.
pub(crate) fn quiet_log() -> String {
    let mut log = Log::default();
    for n in 0..40 {
        log.out(DAY + 60 * n, "10.0.0.5");
    }
    log.text
}

//! Whom relays are used to reach: mail servers, half of which do not want it, and web servers.

use std::net::SocketAddr;

use crate::daemons::stage::{RelayId, Stage};
use crate::daemons::task::{Job, MailManner, Service, Way};

/// A pool of outside servers.
#[derive(Debug)]
pub(crate) struct Targets {
    mail: Vec<SocketAddr>,
    no: [SocketAddr; 2],
    web: Vec<SocketAddr>,
    opaque: Vec<SocketAddr>,
}

/// Some outside clients use a relay, each session by one of `ways`: for mail in so many of a thousand, else over TLS.
pub(super) fn used(stage: &mut Stage, relay: RelayId, (clients, mail): (usize, u64), ways: &[Way]) {
    let targets = Targets::new(stage, 12);
    let clients: Vec<_> = (0..clients).map(|_| stage.client()).collect();
    let sessions = stage.rng.range(45, 70);
    for _ in 0..sessions {
        let (from, way) = (stage.rng.pick(&clients), stage.rng.pick(ways));
        let (to, job) = if stage.rng.chance(mail) { targets.mail(stage) } else { targets.opaque(stage) };
        stage.relayed(relay, from, way, to, job);
    }
}

impl Targets {
    /// A new pool, with `many` of the kinds of which there are many.
    pub(crate) fn new(stage: &mut Stage, many: usize) -> Self {
        let mut servers =
            |port, service| -> Vec<SocketAddr> { (0..many).map(|_| stage.server(port, service)).collect() };
        let mail = servers(25, Service::Mail(MailManner::Accept));
        let web = servers(80, Service::Web);
        let opaque = servers(443, Service::Opaque);
        let no =
            [MailManner::RefuseRecipients, MailManner::Defer].map(|manner| stage.server(25, Service::Mail(manner)));
        Self { mail, no, web, opaque }
    }

    /// The servers over TLS.
    pub(crate) fn tls(&self) -> &[SocketAddr] {
        &self.opaque
    }

    /// A mail server that takes what comes.
    pub(crate) fn mail_server(&self, stage: &mut Stage) -> SocketAddr {
        stage.rng.pick(&self.mail)
    }

    /// A mail server that takes nothing: for good, or for now.
    pub(crate) fn no(&self, stage: &mut Stage) -> SocketAddr {
        stage.rng.pick(&self.no)
    }

    /// A mail server and a message for it: two in three are taken, the others end in each way in which mail does not
    /// arrive.
    pub(crate) fn mail(&self, stage: &mut Stage) -> (SocketAddr, Job) {
        let to = match stage.rng.below(30) {
            0 | 1 => self.no[0],
            2 | 3 => self.no[1],
            4 => stage.refuser(MailManner::RefuseGreeting),
            5 => stage.refuser(MailManner::Silent),
            6 => stage.refuser(MailManner::Reset),
            7 => stage.closed(25),
            8 => stage.dark(25),
            _ => stage.rng.pick(&self.mail),
        };
        let rng = &mut stage.rng;
        let messages = rng.draw(&[1, 1, 1, 1, 4]) as u32;
        let bytes = rng.draw(&[600, 1_500, 2_400, 4_000, 9_000, 40_000]) as u32;
        (to, Job::Mail { messages, bytes, recipients: rng.range(1, 3) as u32 })
    }

    /// A web server over TLS, and what is done there.
    pub(crate) fn opaque(&self, stage: &mut Stage) -> (SocketAddr, Job) {
        let rng = &mut stage.rng;
        let (rounds, up) = (rng.range(1, 5) as u32, rng.draw(&[80, 300, 700, 2_000]) as u32);
        let (down, pause) = (rng.draw(&[200, 3_000, 12_000, 60_000, 250_000]) as u32, rng.draw(&[20, 200, 900]));
        (rng.pick(&self.opaque), Job::Opaque { rounds, up, down, pause })
    }

    /// A web server, and pages of it.
    pub(crate) fn web(&self, stage: &mut Stage) -> (SocketAddr, Job) {
        let rng = &mut stage.rng;
        let (pages, bytes) = (rng.draw(&[1, 1, 2, 4]) as u32, rng.draw(&[300, 4_000, 14_000, 50_000, 300_000]) as u32);
        (rng.pick(&self.web), Job::Web { pages, bytes, pause: rng.draw(&[50, 300, 1_200]) })
    }
}

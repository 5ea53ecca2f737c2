//! From a case to an incident.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use catspaw_records::{AppProto, Endpoint, HostKey, Place, SensorId};
use catspaw_relay::{
    Candidate, Conviction, Daily, FIXED_TARGETS, Hypothesis, LETTER, LETTERS_LEAST, Lane, READS_MAIL, SENDS_MAIL_TO,
    SPAM_SHARE, Service as Tested, SmtpEnds, Stream, TAKES_MAIL, Tests, Topology, Tunnel, size_class,
};

use super::cases::strongest;
use super::cut::Asked;
use super::mail::Least;
use super::model::{self, Client, Confidence, Counts, Day, Incident, Service, Target};
use super::sums::{EXAMPLES, Sums};
use super::{time, why};

/// Clients and targets that are listed.
const LISTED: usize = 100;
/// The port of mail between servers.
pub(crate) const SMTP: u16 = 25;
/// A host that took in so many mails, or more, is a mail server, and no bot.
const TAKEN_IN: u64 = 3;
/// The smallest p-value that is printed as a number.
const LEAST_P: f64 = 1e-300;

/// One service of a host with enough evidence, and what its pairs add up to. A tunnel stands here under the port of its
/// far end, what is sent directly under none.
#[derive(Debug)]
pub(crate) struct Judged {
    /// The port.
    pub(crate) port: u16,
    /// What its pairs add up to.
    pub(crate) sums: Sums,
    /// Whether the evidence is enough without the legs that its design explains.
    pub(crate) exceeds_design: bool,
}

impl Judged {
    /// Nothing yet.
    pub(crate) fn at(port: u16) -> Self {
        Self { port, sums: Sums::default(), exceeds_design: false }
    }
}

/// What a host may be that conserves bytes and is no relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Design {
    /// Nothing shows that its clients choose whom it calls beyond a few addresses.
    FixedTargets,
    /// Its clients ask for pages of its own.
    WebServer,
    /// Mail comes in, and goes on as mail.
    MailServer,
}

/// Whether what comes in at `port` of a host goes on as mail because it is a mail server. Where mail is read, letters must have come in
/// where it is taken in, for one at least in four that were sent: a few probes make no mail server.
pub(crate) fn is_mail_servers(lane: &Lane, port: u16) -> bool {
    let sent: u64 = lane.tally.outbound.values().map(|day| day.smtp).sum();
    let takes_letters_in = lane.letters_in >= TAKEN_IN.max(sent / 4);
    TAKES_MAIL.contains(&port) || READS_MAIL.contains(&port) && takes_letters_in
}

/// A tunnel that a host dialled, by what shows it.
#[derive(Clone, Debug)]
pub(crate) enum Dialled<'a> {
    /// Connections' totals.
    Totals(Tunnel),
    /// Packets: what came down it and what went up.
    Packets(Endpoint, &'a Candidate),
}

impl Dialled<'_> {
    /// Its far end.
    pub(crate) fn far(&self) -> Endpoint {
        match self {
            Self::Totals(tunnel) => tunnel.far,
            Self::Packets(far, _) => *far,
        }
    }
}

/// What was learned of one host in one topology, before it is written down.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    /// The host.
    pub(crate) host: HostKey,
    /// Which way it passes traffic on; `None` where a declared host was not seen to, and its stanza names no way.
    pub(crate) topology: Option<Topology>,
    /// Whether it is about what the owner declared.
    pub(crate) authorised: bool,
    /// Whether another case is the same host's and topology's: of what is declared there and what is not, each has one.
    pub(crate) divided: bool,
    /// Whether the owner has declared anything of the host.
    pub(crate) declared: bool,
    /// Addresses that any sensor saw it as outside.
    pub(crate) public: BTreeSet<IpAddr>,
    /// The sensor whose records it stands on; `None` where a declared host was not seen.
    pub(crate) lane: Option<(SensorId, &'a Lane)>,
    /// Whether it was seen to serve others by another sensor alone.
    pub(crate) is_served_elsewhere: bool,
    /// Of a host that sends by itself: whether it relays, too, so that only what no inbound leg explains counts.
    pub(crate) is_beside_a_relay: bool,
    /// Whether what came in at some of its ports was not looked at.
    pub(crate) hides_ports: bool,
    /// How many sensors saw the host.
    pub(crate) sensors: usize,
    /// Its services.
    pub(crate) services: Vec<Judged>,
    /// From how many bytes on mail counts as delivered.
    pub(crate) delivered_from: Least,
    /// Of a host that sends by itself: the test that caught it.
    pub(crate) spam: Option<&'a Stream>,
    /// Of a host that dialled out a tunnel: what is known of it.
    pub(crate) tunnel: Option<Dialled<'a>>,
    /// What was asked of its ports and refused, and whether it was cut off.
    pub(crate) asked: Asked,
}

impl Case<'_> {
    /// Everything its services' pairs add up to.
    #[must_use]
    pub(crate) fn sums(&self) -> Sums {
        let mut all = Sums::default();
        for service in &self.services {
            all.merge(&service.sums);
        }
        all
    }

    /// Places of records that show it.
    pub(crate) fn places(&self) -> Vec<Place> {
        self.services.iter().flat_map(|service| &service.sums.places).copied().take(EXAMPLES).collect()
    }

    /// Whether clients do not choose the target.
    #[must_use]
    pub(crate) fn has_fixed_targets(&self, sums: &Sums) -> bool {
        let addresses: BTreeSet<_> = sums.targets.keys().map(|target| target.addr).collect();
        addresses.len() <= FIXED_TARGETS
    }

    /// What it looks like, if that is nothing whose clients choose whom it calls: each of its services does.
    pub(crate) fn design(&self) -> Option<Design> {
        let mut designs = self.services.iter().map(|judged| self.design_of(judged));
        designs.try_fold(None, |first, design| Some(first.max(Some(design?)))).flatten()
    }

    /// The same of a service: by tests, or by what was seen to be carried on. (Other pairs serve the counts: one that chance made must not
    /// accuse anybody.)
    fn design_of(&self, judged: &Judged) -> Option<Design> {
        let (_, lane) = self.lane?;
        let service = lane.services.get(&judged.port)?;
        let proven = |is_other: fn(u16) -> bool| -> usize {
            let targets = judged.sums.proven_targets.iter().filter(|target| is_other(target.port));
            targets.map(|target| target.addr).collect::<BTreeSet<_>>().len()
        };
        let sends_elsewhere = |port| !SENDS_MAIL_TO.contains(&port);
        match () {
            // The clients chose the target, and this host did as they asked.
            () if self.are_chosen(service) => None,
            () if is_mail_servers(lane, judged.port)
                && !judged.exceeds_design
                && proven(sends_elsewhere) <= FIXED_TARGETS =>
            {
                Some(Design::MailServer)
            }
            () if service.serves_pages() => Some(Design::WebServer),
            () if !judged.exceeds_design && proven(|_| true) <= FIXED_TARGETS => Some(Design::FixedTargets),
            () => None,
        }
    }

    /// The verdict.
    #[must_use]
    pub(crate) fn verdict(&self, sums: &Sums) -> &'static str {
        if self.services.is_empty() {
            return "none";
        }
        match self.topology {
            Some(Topology::Direct) if self.takes_mail_in() || self.sends_no_letters() || self.hides_ports => "suspect",
            Some(Topology::Direct) => "spam-source",
            Some(Topology::Backconnect) => match self.tunnel {
                Some(Dialled::Packets(..)) if !self.has_fixed_targets(sums) => "relay",
                _ => "suspect",
            },
            Some(Topology::Forward) | None => self.forward_verdict(),
        }
    }

    /// Whether it takes mail in, as no bot does.
    pub(crate) fn takes_mail_in(&self) -> bool {
        self.lane.is_some_and(|(_, lane)| lane.mail_taken_in() >= TAKEN_IN)
    }

    /// Whether hardly one of its connections to servers of mail carried a letter, as far as that is known: so does a census of them,
    /// and whoever asks them whether they would take one.
    pub(crate) fn sends_no_letters(&self) -> bool {
        self.spam.is_some_and(|spam| self.letters(spam) < LETTERS_LEAST)
    }

    /// Connections to servers of mail that may have carried a letter.
    pub(crate) fn letters(&self, spam: &Stream) -> u64 {
        spam.letters(size_class(self.letters_from()))
    }

    /// From how many bytes on a connection may have carried a letter. Where packets were read they say what was delivered, and
    /// who tries to send and is refused everywhere is no census.
    pub(crate) fn letters_from(&self) -> i64 {
        if self.reads_packets() { LETTER } else { self.delivered_from.bytes }
    }

    fn forward_verdict(&self) -> &'static str {
        let inwards = self.proven().count() == 0 && self.tested().all(|(_, t)| t.hypothesis == Hypothesis::Inward);
        if inwards || self.design().is_some() { "suspect" } else { "relay" }
    }

    /// The services of the lane of which content has proven that they carry on what comes in, and when it had.
    pub(crate) fn proven(&self) -> impl Iterator<Item = (&Tested, Conviction)> {
        self.services.iter().filter_map(|judged| {
            let service = self.lane?.1.services.get(&judged.port)?.as_ref();
            Some((service, service.proven(self.authorised)?))
        })
    }

    /// Whether it was seen that a service's clients chose whom it calls.
    fn are_chosen(&self, service: &Tested) -> bool {
        let proofs = &service.proofs[usize::from(self.authorised)];
        service.proven(self.authorised).is_some() && proofs.chosen && !(proofs.presumed && service.serves_pages())
    }

    /// Whether packets were read, so that mail is counted by the message.
    #[must_use]
    pub(crate) fn reads_packets(&self) -> bool {
        self.lane.is_some_and(|(_, lane)| lane.contents().is_some_and(|contents| contents.seen))
    }

    /// The services of the lane that were convicted, each with its strongest test.
    pub(crate) fn tested(&self) -> impl Iterator<Item = (&Tested, &Tests)> {
        self.services.iter().filter_map(|judged| {
            let service = self.lane?.1.services.get(&judged.port)?.as_ref();
            let convicted = service.weighed(self.authorised).filter(|(tests, _)| tests.conviction.is_some());
            Some((service, convicted.max_by(|a, b| a.1.total_cmp(&b.1))?.0))
        })
    }

    fn confidence(&self) -> Confidence {
        if let (Some(spam), false) = (self.spam, self.services.is_empty()) {
            let log = spam.largest.unwrap_or(0.0) + SPAM_SHARE.ln();
            return self.confidence_of(log, spam.caught.map(|caught| caught.carried.max(1)));
        }
        if let (Some(Dialled::Packets(_, candidate)), false) = (&self.tunnel, self.services.is_empty()) {
            let first = candidate.conviction.map(|conviction| conviction.sessions.max(1));
            return self.confidence_of(candidate.largest.unwrap_or(0.0), first);
        }
        if self.services.is_empty() || self.tunnel.is_some() {
            return Confidence::default();
        }
        if let Some(first) = self.proven().map(|(_, conviction)| conviction).min_by_key(|conviction| conviction.at) {
            let sessions_to_detect = Some(first.sessions.max(1));
            return Confidence { sessions_to_detect, ..Confidence::default() };
        }
        // Of an undeclared host the mean over all its services; of a declared one that of its strongest.
        let mean = if self.authorised { None } else { self.lane.and_then(|(_, lane)| lane.largest) };
        let log = mean.unwrap_or_else(|| self.lane.map_or(0.0, |(_, lane)| strongest(lane, self.authorised)));
        let convictions = self.tested().filter_map(|(_, tests)| tests.conviction);
        let first = convictions.min_by_key(|conviction| conviction.at);
        self.confidence_of(log, first.map(|conviction| conviction.sessions.max(1)))
    }

    fn confidence_of(&self, log: f64, sessions_to_detect: Option<u64>) -> Confidence {
        let log10 = log / std::f64::consts::LN_10;
        let log10_p = ((self.sensors.max(1) as f64).log10() - log10).min(0.0);
        Confidence {
            log10_likelihood_ratio: Some(rounded(log10)),
            p_value: Some(10_f64.powf(log10_p).max(LEAST_P)),
            log10_p_value: Some(rounded(log10_p)),
            sessions_to_detect,
        }
    }

    /// Whether it has ports that somebody connects to.
    pub(crate) fn has_service(&self) -> bool {
        !matches!(self.topology, Some(Topology::Backconnect | Topology::Direct))
    }

    /// The ports that clients connect to.
    pub(crate) fn ports(&self) -> impl Iterator<Item = u16> {
        self.services.iter().filter(|_| self.has_service()).map(|service| service.port)
    }

    /// A service, once for each protocol in which clients asked there for something.
    fn spoken_at(&self, port: u16) -> Vec<Service> {
        let service = self.lane.and_then(|(_, lane)| lane.services.get(&port));
        let pages = service.is_some_and(|service| service.serves_pages());
        let spoken = service.map(|service| service.spoken.keys().copied()).into_iter().flatten();
        // A proxy that is asked for a page of its own now and then is no web server.
        let spoken = spoken.filter(|&protocol| pages || protocol != AppProto::Http);
        let mut protocols: Vec<Option<&'static str>> = spoken.map(|protocol| Some(protocol.name())).collect();
        if protocols.is_empty() {
            protocols.push(None);
        }
        protocols.into_iter().map(|protocol| Service { proto: "tcp", port, protocol }).collect()
    }

    fn counts(&self, sums: &Sums) -> Counts {
        let mut counts = Counts {
            relayed: sums.relayed,
            refused: sums.refused,
            delivered: Some(sums.delivered),
            smtp_completed: Some(0),
            bytes_relayed: sums.bytes,
            delivered_unit: if self.reads_packets() { "messages" } else { "connections" },
            recipients: self.reads_packets().then_some(sums.recipients),
            ..Counts::default()
        };
        for day in self.lane.iter().flat_map(|(_, lane)| lane.tally.outbound.values()) {
            counts.outbound_established += day.established;
            counts.outbound_smtp += day.smtp;
        }
        let daily = self.daily(sums);
        for day in daily.values() {
            counts.outbound_attempts += day.outbound;
            *counts.smtp_completed.get_or_insert_default() += day.smtp_completed.unwrap_or(0);
        }
        counts.smtp_completed = counts.smtp_completed.filter(|_| !self.smtp_ends(sums).are_untold());
        counts.delivered = counts.delivered.filter(|_| !self.is_delivery_untold(sums));
        if !self.has_service() {
            return counts;
        }
        let inbound: u64 = daily.values().filter_map(|day| day.inbound).sum();
        let unanswered: u64 = daily.values().filter_map(|day| day.unanswered).sum();
        counts.inbound_attempts = Some(inbound);
        counts.unanswered_inbound = Some(unanswered);
        counts.inbound_established = Some(inbound - unanswered);
        counts
    }

    /// How the host's SMTP connections ended. Where the evidence says it of none, nobody knows how many were completed.
    pub(crate) fn smtp_ends(&self, sums: &Sums) -> SmtpEnds {
        self.lane.map(|(_, lane)| lane.tally.smtp_ends).unwrap_or_default().plus(sums.inward_ends)
    }

    /// Whether nobody knows what was delivered either: some of what it carries on is such mail.
    fn is_delivery_untold(&self, sums: &Sums) -> bool {
        sums.untold > 0 && self.smtp_ends(sums).are_untold()
    }

    fn daily(&self, sums: &Sums) -> BTreeMap<i32, Day> {
        let mut days: BTreeMap<i32, Day> = BTreeMap::new();
        if let Some((_, lane)) = self.lane {
            for (day, counts) in lane.tally.outbound.iter() {
                let row = days.entry(day).or_default();
                row.outbound += counts.established + counts.unanswered;
                *row.smtp_completed.get_or_insert_default() += counts.smtp_completed;
            }
            for port in self.ports() {
                for (day, counts) in lane.tally.inbound.get(&port).into_iter().flat_map(Daily::iter) {
                    let row = days.entry(day).or_default();
                    *row.inbound.get_or_insert_default() += counts.established + counts.unanswered;
                    *row.unanswered.get_or_insert_default() += counts.unanswered;
                }
            }
        }
        for (&day, &denied) in &self.asked.denied {
            let row = days.entry(day).or_default();
            *row.inbound.get_or_insert_default() += denied;
            *row.unanswered.get_or_insert_default() += denied;
        }
        for (&day, &(relayed, refused, delivered)) in &sums.daily {
            let row = days.entry(day).or_default();
            row.relayed += relayed;
            row.refused += refused;
            *row.delivered.get_or_insert_default() += delivered;
        }
        let (ends_untold, delivery_untold) = (self.smtp_ends(sums).are_untold(), self.is_delivery_untold(sums));
        for (&day, row) in &mut days {
            row.date = time::date(day);
            row.smtp_completed = (!ends_untold).then_some(row.smtp_completed.unwrap_or(0));
            row.delivered = (!delivery_untold).then_some(row.delivered.unwrap_or(0));
            if self.has_service() {
                row.inbound.get_or_insert_default();
                row.unanswered.get_or_insert_default();
            }
        }
        days
    }

    /// Writes it down.
    #[must_use]
    pub(crate) fn write(&self) -> Incident {
        let sums = self.sums();
        Incident {
            id: self.id(),
            host: self.host.addr().to_string(),
            public: self.public.iter().map(ToString::to_string).collect(),
            public_shared: Vec::new(),
            is_declared_in_part: false,
            owner: None,
            verdict: self.verdict(&sums),
            topology: self.topology.map(Topology::name),
            authorised: self.authorised,
            services: self.ports().flat_map(|port| self.spoken_at(port)).collect(),
            tunnel: self.tunnel.as_ref().map(|tunnel| model::Tunnel::of(tunnel.far())),
            confidence: self.confidence(),
            first_seen: sums.span.map(|(first, _)| time::rfc3339(first)),
            last_seen: sums.span.map(|(_, last)| time::rfc3339(last)),
            counts: self.counts(&sums),
            daily: self.daily(&sums).into_values().collect(),
            clients: clients(&sums),
            clients_total: sums.clients.len() as u64,
            targets: targets(&sums),
            targets_total: sums.targets.len() as u64,
            containment: self.asked.containment.clone(),
            alerts: Vec::new(),
            indicators: Vec::new(),
            examples: Vec::new(),
            why: why::sentences(self, &sums),
            timeline: super::timeline::Timeline::of(self),
        }
    }

    /// The topology under which the report has it.
    pub(crate) fn told_topology(&self) -> Topology {
        self.topology.unwrap_or(Topology::Forward)
    }

    /// The same for the same host and topology in every run, be it declared or not; where one report has both, that of what is
    /// declared is another.
    #[must_use]
    pub(crate) fn id(&self) -> String {
        let declared = if self.authorised && self.divided { " authorised" } else { "" };
        let topology = self.told_topology().name();
        SensorId::of(format!("{} {topology}{declared}", self.host.addr()).as_bytes()).hex()
    }
}

fn clients(sums: &Sums) -> Vec<Client> {
    let mut all: Vec<_> = sums.clients.iter().map(|(&addr, &(sessions, bytes))| (sessions, bytes, addr)).collect();
    all.sort_unstable_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)).then(a.2.cmp(&b.2)));
    all.truncate(LISTED);
    all.into_iter().map(|(sessions, bytes, addr)| Client { address: addr.to_string(), sessions, bytes }).collect()
}

fn targets(sums: &Sums) -> Vec<Target> {
    let mut all: Vec<_> = sums.targets.iter().map(|(&end, &(sessions, bytes))| (sessions, bytes, end)).collect();
    all.sort_unstable_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)).then(a.2.cmp(&b.2)));
    all.truncate(LISTED);
    all.into_iter()
        .map(|(sessions, bytes, end)| Target { address: end.addr.to_string(), port: end.port, sessions, bytes })
        .collect()
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

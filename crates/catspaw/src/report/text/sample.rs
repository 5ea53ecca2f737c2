//! Reports made by hand, for the tests.

use catspaw_records::Nanos;
use catspaw_relay::Slots;

use crate::report::HostIndicator;
use crate::report::model::{
    Campaign, Client, Confidence, Containment, Counts, Day, Dropped, Evidence, Example, Incident, Indicator, LookedAt,
    Owner, Report, Service, Shared, Target, Timers, Tunnel, UnparsedLines,
};
use crate::report::timeline::Timeline;

/// Two relays of 2003, a reverse proxy that nobody declared, a mail server and a relay that were declared.
pub(in crate::report) fn report() -> Report {
    Report {
        incidents: vec![relay(), second(), bot(), suspect(), tunnel()],
        campaigns: vec![campaign()],
        authorised: vec![mail_server(), unseen()],
        dropped: vec![Dropped { table: "open connections", count: 1234 }],
        unparsed: vec![
            unparsed("pix.log", &[1042, 1043, 5120], 17, "302014", "duration is no h:mm:ss"),
            unparsed("pix.log", &[9], 1, "syslog", "no stamp"),
            unparsed("old/pix.log.1.gz", &[77], 3, "302014", "duration is no h:mm:ss"),
        ],
        ..nothing()
    }
}

/// Nothing was found.
pub(in crate::report) fn nothing() -> Report {
    Report {
        schema: "catspaw.report/1",
        version: "0.1.0",
        home_net: vec!["172.28.0.0/16".to_owned()],
        timezone: "UTC".to_owned(),
        evidence: vec![
            evidence("old/pix.log.1.gz", "utc-pix", 52_428_800, 1_204_377, 0),
            evidence("pix.log", "dorm-pix", 381_234_567, 803_221, 0),
            evidence("pix.log", "utc-pix", 0, 2_411_009, 1_204_377),
        ],
        incidents: Vec::new(),
        authorised: Vec::new(),
        campaigns: Vec::new(),
        alerts: Vec::new(),
        indicators: Vec::new(),
        notes: Vec::new(),
        limits: vec![
            "TCP only: SOCKS UDP ASSOCIATE, QUIC and other tunnels over UDP are not paired.".to_owned(),
            "Traffic that does not pass the sensor is not seen.".to_owned(),
        ],
        timers: vec![Timers {
            sensor: "utc-pix".to_owned(),
            syn_timeout: Some(121),
            half_closed: Some(600),
            idle: None,
        }],
        dropped: Vec::new(),
        unparsed: Vec::new(),
        warnings: Vec::new(),
        looked_at: LookedAt {
            foreign: Vec::new(),
            hosts: 2113,
            connections: 1_893_556,
            services_tested: 341,
            dns_forwarders: vec![("172.28.1.53".to_owned(), 53), ("172.28.1.54".to_owned(), 53)],
        },
        restricted: None,
    }
}

/// No incident, and hosts that are worth a look.
pub(super) fn weak() -> Report {
    let sign = |host: &str, kind: &str, detail: &str| HostIndicator {
        host: host.to_owned(),
        kind: kind.to_owned(),
        detail: detail.to_owned(),
    };
    Report {
        indicators: vec![
            sign("172.28.7.3", "scanned", "900 ports asked for from outside"),
            sign("172.28.7.9", "proxy-port", "8080/tcp open"),
            sign("172.28.220.181", "asked-ports", "1180-1185/tcp, 88110 attempts, 0 answered"),
            sign("172.28.220.181", "open-ports", "1180-1185/tcp"),
            sign("172.28.220.182", "open-proxy", "1080/tcp, by nmap's socks-open-proxy"),
        ],
        notes: vec!["1180-1185/tcp in a row: MMTask, MPtask. A trojaned WinGate.".to_owned()],
        ..nothing()
    }
}

/// Text that would drive a terminal, everywhere where evidence writes text.
pub(in crate::report) fn hostile() -> Report {
    let nasty = "\x1b[2J\x1b]0;owned\x07\u{202e}gol.xip\r\n";
    let mut incident = second();
    incident.examples = vec![
        example(nasty, 7, &format!("{nasty} Built {nasty}")),
        example("long", 8, &"x".repeat(5000)),
        example("longer", 9, &"word ".repeat(1000)),
        Example { path: "-".to_owned(), line: 10, text: None },
    ];
    incident.why = vec![format!("Because {nasty} said so.")];
    incident.host = nasty.to_owned();
    Report {
        incidents: vec![incident],
        evidence: vec![
            evidence(nasty, nasty, 1, 1, 1),
            evidence(&format!("{}.log", "long".repeat(30)), &"sensor".repeat(30), 1, 1, 1),
        ],
        unparsed: vec![unparsed(nasty, &[3], 1, nasty, nasty)],
        ..nothing()
    }
}

fn evidence(path: &str, sensor: &str, bytes: u64, records: u64, duplicates: u64) -> Evidence {
    Evidence {
        path: path.to_owned(),
        format: "cisco-syslog".into(),
        sensor: sensor.to_owned(),
        bytes,
        records,
        skipped: 12_345,
        late: 3,
        duplicates,
        first: Some("2003-03-02T00:00:01Z".to_owned()),
        last: Some("2003-03-04T23:59:58.123456Z".to_owned()),
        clock_offset: 0.0,
    }
}

fn unparsed(path: &str, lines: &[u64], count: u64, kind: &str, why: &str) -> UnparsedLines {
    UnparsedLines {
        value: None,
        path: path.to_owned(),
        line: lines[0],
        column: None,
        kind: kind.to_owned(),
        count,
        why: why.to_owned(),
        lines: lines.to_vec(),
    }
}

fn example(path: &str, line: u64, text: &str) -> Example {
    Example { path: path.to_owned(), line, text: Some(text.to_owned()) }
}

fn service(port: u16) -> Service {
    Service { proto: "tcp", port, protocol: None }
}

fn client(address: &str, sessions: u64, bytes: u64) -> Client {
    Client { address: address.to_owned(), sessions, bytes }
}

fn target(address: &str, port: u16, sessions: u64, bytes: u64) -> Target {
    Target { address: address.to_owned(), port, sessions, bytes }
}

fn day(date: &str, [outbound, inbound, unanswered, relayed, refused, smtp_completed, delivered]: [u64; 7]) -> Day {
    Day {
        date: date.to_owned(),
        outbound,
        inbound: Some(inbound),
        relayed,
        refused,
        smtp_completed: Some(smtp_completed),
        delivered: Some(delivered),
        unanswered: Some(unanswered),
    }
}

fn relay() -> Incident {
    Incident {
        id: "7ee80d32ebb9b73d".to_owned(),
        host: "172.28.220.181".to_owned(),
        public: vec!["192.0.2.10".to_owned(), "192.0.2.171".to_owned()],
        public_shared: vec!["192.0.2.171".to_owned()],
        is_declared_in_part: false,
        owner: None,
        verdict: "relay",
        topology: Some("forward"),
        authorised: false,
        services: vec![service(1182)],
        tunnel: None,
        confidence: Confidence {
            log10_likelihood_ratio: Some(55_123.4),
            p_value: Some(1e-300),
            log10_p_value: Some(-55_123.4),
            sessions_to_detect: Some(8),
        },
        first_seen: Some("2003-03-02T04:11:09Z".to_owned()),
        last_seen: Some("2003-03-04T16:04:58Z".to_owned()),
        counts: relay_counts(),
        daily: vec![
            day("2003-03-02", [38_331, 40_102, 57, 35_844, 2_011, 11_032, 8_455]),
            day("2003-03-03", [23_019, 24_377, 101, 21_390, 1_207, 7_001, 5_377]),
            day("2003-03-04", [5_538, 23_631, 18_217, 5_012, 311, 1_520, 1_097]),
        ],
        clients: (1..=25).map(|n| client(&format!("198.51.100.{n}"), 9_000 / n, 123_456_789 / n)).collect(),
        clients_total: 412,
        targets: (1..=25).map(|n| target(&format!("203.0.113.{n}"), 25, 901 / n, 23_456_789 / n)).collect(),
        targets_total: 5_201,
        containment: Some(cut()),
        alerts: Vec::new(),
        indicators: Vec::new(),
        examples: pix_examples(),
        why: vec![
            "What came in on port 1182 went out again: the sizes of the outbound connections follow those of the \
             inbound ones, 10^55123 times likelier as a relay's than by chance; 8 inbound sessions were enough to say so."
                .to_owned(),
            "A completed SMTP connection of at least 862 bytes counts as delivered: learned from the sizes of this host's \
             own SMTP connections."
                .to_owned(),
        ],
        timeline: timeline(),
    }
}

/// A relay that comes up, is used by day, and is shut while its clients go on.
fn timeline() -> Option<Timeline> {
    let (mut inbound, mut outbound) = (Slots::default(), Slots::default());
    let start = 1_046_577_600;
    for minute in 0..3 * 1440 {
        let at = |n: i64| Nanos::from_secs(start + minute * 60 + n);
        let busy = 6 + (minute / 60 * 7) % 11 - if (minute / 60) % 24 < 8 { 4 } else { 0 };
        if minute % 17 == 0 {
            outbound.add(at(0));
        }
        if minute > 280 {
            (0..busy).for_each(|n| inbound.add(at(n)));
        }
        if minute > 280 && minute < 3840 {
            (0..busy).for_each(|n| outbound.add(at(n)));
        }
    }
    Timeline::new(inbound, outbound)
}

fn cut() -> Containment {
    Containment {
        at: "2003-03-04T16:05:12Z".to_owned(),
        source: "inferred",
        attempts_after: 18_093,
        clients_after: 391,
        last_attempt: Some("2003-03-05T04:11:40Z".to_owned()),
        answered_after: 0,
        denials_after: 0,
        translation_held_until: Some("2003-03-05T05:11:55Z".to_owned()),
        translation_address: Some("192.0.2.10".to_owned()),
        translation_duration: Some(243_025),
    }
}

fn no_counts() -> Counts {
    Counts {
        inbound_attempts: Some(0),
        inbound_established: Some(0),
        unanswered_inbound: Some(0),
        smtp_completed: Some(0),
        delivered: Some(0),
        delivered_unit: "connections",
        ..Counts::default()
    }
}

fn relay_counts() -> Counts {
    Counts {
        inbound_attempts: Some(88_110),
        inbound_established: Some(69_735),
        outbound_attempts: 66_888,
        outbound_established: 63_201,
        outbound_smtp: 31_008,
        relayed: 62_246,
        refused: 3_529,
        smtp_completed: Some(19_553),
        delivered: Some(14_929),
        delivered_unit: "connections",
        recipients: None,
        unanswered_inbound: Some(18_375),
        bytes_relayed: 1_123_456_789,
    }
}

fn pix_examples() -> Vec<Example> {
    let built = "Mar  2 04:11:09 utc-pix %PIX-6-302013: Built inbound TCP connection 135480583 for \
                 outside:198.51.100.7/36514 (198.51.100.7/36514) to inside:172.28.220.181/1182 (192.0.2.10/1182)";
    let torn = "Mar  2 04:11:11 utc-pix %PIX-6-302014: Teardown TCP connection 135480583 for \
                outside:198.51.100.7/36514 to inside:172.28.220.181/1182 duration 0:00:02 bytes 2709 TCP FINs";
    (0..3).flat_map(|n| [example("pix.log", 611 + 2 * n, built), example("pix.log", 612 + 2 * n, torn)]).collect()
}

fn second() -> Incident {
    Incident {
        id: "b62f0a5d3c1e9784".to_owned(),
        host: "172.28.222.67".to_owned(),
        public: Vec::new(),
        public_shared: Vec::new(),
        is_declared_in_part: false,
        services: [8080, 1180, 1181, 1182, 3128].map(service).into(),
        confidence: Confidence { log10_p_value: Some(-50.6), sessions_to_detect: Some(1), ..Confidence::default() },
        first_seen: Some("2003-03-03T00:16:36.5Z".to_owned()),
        last_seen: Some("2003-03-03T00:17:09.25Z".to_owned()),
        counts: Counts { relayed: 25, bytes_relayed: 812, ..no_counts() },
        daily: (1..=40).map(|n| day(&format!("2003-{:02}-{:02}", 3 + n / 32, n - n / 32 * 31), [n; 7])).collect(),
        clients: vec![client("2001:db8:1234:5678:9abc:def0:1234:5678", 25, 900)],
        clients_total: 1,
        targets: vec![target("2001:db8:8765:4321:cba9:fed0:4321:8765", 65_535, 25, 812)],
        targets_total: 1,
        examples: Vec::new(),
        why: vec!["What came in went out again.".to_owned()],
        timeline: None,
        containment: None,
        ..relay()
    }
}

fn suspect() -> Incident {
    Incident {
        id: "13c7e5a9b0d2f468".to_owned(),
        host: "2001:db8:28::443".to_owned(),
        public: Vec::new(),
        public_shared: Vec::new(),
        is_declared_in_part: false,
        verdict: "suspect",
        services: vec![service(443)],
        confidence: Confidence { log10_p_value: Some(-9.3), sessions_to_detect: Some(31), ..Confidence::default() },
        counts: Counts {
            relayed: 1_204,
            bytes_relayed: 99_123_456,
            outbound_smtp: 0,
            delivered: Some(0),
            ..relay_counts()
        },
        daily: Vec::new(),
        clients: vec![client("198.51.100.201", 1_204, 99_200_000)],
        clients_total: 1,
        targets: vec![target("192.0.2.80", 8443, 1_200, 99_000_000), target("192.0.2.80", 8444, 4, 123_456)],
        targets_total: 2,
        examples: vec![Example { path: "-".to_owned(), line: 12, text: None }],
        why: vec!["Only 1 address was ever called: it looks like a reverse proxy or gateway.".to_owned()],
        containment: None,
        ..relay()
    }
}

fn bot() -> Incident {
    Incident {
        id: "5b2d0c9e7a6f4831".to_owned(),
        host: "172.28.221.90".to_owned(),
        owner: Some(Owner {
            mac: Some("00:00:5e:00:53:2a".to_owned()),
            user: Some("mmuster".to_owned()),
            name: Some("dorm-221-90".to_owned()),
        }),
        verdict: "spam-source",
        topology: Some("direct"),
        services: Vec::new(),
        confidence: Confidence { log10_p_value: Some(-21.2), sessions_to_detect: Some(19), ..Confidence::default() },
        counts: Counts {
            inbound_attempts: None,
            inbound_established: None,
            unanswered_inbound: None,
            relayed: 0,
            refused: 0,
            bytes_relayed: 0,
            delivered: Some(3_011),
            ..relay_counts()
        },
        daily: relay().daily.into_iter().map(|day| Day { inbound: None, unanswered: None, ..day }).collect(),
        clients: Vec::new(),
        clients_total: 0,
        indicators: vec![Indicator { kind: "open-ports".to_owned(), detail: "1180-1185/tcp (nmap.xml)".to_owned() }],
        examples: Vec::new(),
        why: vec!["It called 5,201 new mail servers, where the others here call two or three.".to_owned()],
        timeline: None,
        containment: None,
        ..relay()
    }
}

fn tunnel() -> Incident {
    Incident {
        id: "0f1e2d3c4b5a6978".to_owned(),
        host: "172.28.221.15".to_owned(),
        public: Vec::new(),
        public_shared: Vec::new(),
        is_declared_in_part: false,
        verdict: "suspect",
        topology: Some("backconnect"),
        services: Vec::new(),
        tunnel: Some(Tunnel { address: "198.51.100.9".to_owned(), port: 443 }),
        confidence: Confidence { log10_p_value: Some(-4.4), sessions_to_detect: Some(77), ..Confidence::default() },
        counts: Counts {
            inbound_attempts: None,
            inbound_established: None,
            unanswered_inbound: None,
            outbound_smtp: 0,
            delivered: Some(0),
            ..relay_counts()
        },
        daily: Vec::new(),
        clients: Vec::new(),
        clients_total: 0,
        examples: Vec::new(),
        why: vec!["What went up the tunnel is .97 of what came back from 77 targets while it was open.".to_owned()],
        timeline: None,
        containment: None,
        ..relay()
    }
}

fn campaign() -> Campaign {
    Campaign {
        incidents: vec![relay().id, bot().id],
        shared: Shared {
            clients: 31,
            ports: vec![1182],
            tunnel: Some(Tunnel { address: "2001:db8::9".to_owned(), port: 443 }),
            software: Some("WinGate".to_owned()),
        },
        why: vec!["31 clients used both, and of nobody else's hosts any.".to_owned()],
    }
}

fn mail_server() -> Incident {
    Incident { host: "172.28.1.25".to_owned(), authorised: true, services: vec![service(25)], ..second() }
}

fn unseen() -> Incident {
    Incident {
        host: "172.28.1.80".to_owned(),
        authorised: true,
        verdict: "none",
        topology: None,
        services: Vec::new(),
        confidence: Confidence::default(),
        first_seen: None,
        last_seen: None,
        counts: no_counts(),
        clients_total: 0,
        targets_total: 0,
        ..second()
    }
}

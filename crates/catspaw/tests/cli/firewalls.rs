//! Firewalls that write whole sessions: what a scan and `trace` make of their lines.

use std::process::Command;

use serde_json::Value;

use crate::pix::relay_log;
use crate::run::Place;

pub(crate) const PAN_OS: &str = "1,2024/03/04 16:05:40,001234567890,TRAFFIC,end,2305,2024/03/04 16:05:38,10.0.0.5,198.51.100.7,\
    192.0.2.31,198.51.100.7,rule,,,smtp,vsys1,trust,untrust,ethernet1/2,ethernet1/1,log,2024/03/04 16:05:38,135480,1,2007,25,\
    40123,25,0x40001c,tcp,allow,4308,3016,1292,34,2024/03/04 16:05:00,22,any,0,7,0x8,US,US,0,18,16,tcp-fin\n";
pub(crate) const FORTIGATE: &str = "date=2024-03-04 time=16:05:38 devname=\"fgt-1\" devid=\"FG1\" eventtime=1709568338000000000 \
    tz=\"+0000\" logid=\"0000000013\" type=\"traffic\" subtype=\"forward\" vd=\"root\" srcip=10.0.0.5 srcport=2007 \
    srcintfrole=\"lan\" dstip=198.51.100.7 dstport=25 dstintfrole=\"wan\" sessionid=135480 proto=6 action=\"close\" \
    service=\"SMTP\" trandisp=\"snat\" transip=192.0.2.31 transport=40123 duration=22 sentbyte=2764 rcvdbyte=1068 sentpkt=18 \
    rcvdpkt=16\n";
pub(crate) const JUNOS: &str = "<14>1 2024-03-04T16:05:38Z srx-1 RT_FLOW - RT_FLOW_SESSION_CLOSE [junos@2636.1.1.1.2.129 \
    reason=\"TCP FIN\" source-address=\"10.0.0.5\" source-port=\"2007\" destination-address=\"198.51.100.7\" \
    destination-port=\"25\" nat-source-address=\"192.0.2.31\" nat-source-port=\"40123\" \
    nat-destination-address=\"198.51.100.7\" nat-destination-port=\"25\" protocol-id=\"6\" session-id=\"135480\" \
    packets-from-client=\"18\" bytes-from-client=\"2764\" packets-from-server=\"16\" bytes-from-server=\"1068\" \
    elapsed-time=\"22\" application=\"SMTP\"]\n";
pub(crate) const CONNTRACK: &str = "[1709568338.000000]\t[DESTROY] tcp      6 TIME_WAIT src=10.0.0.5 dst=198.51.100.7 sport=2007 dport=25 \
    packets=18 bytes=2764 src=198.51.100.7 dst=192.0.2.31 sport=25 dport=40123 packets=16 bytes=1068 [ASSURED] delta-time=22\n";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|why| panic!("{why}: {text}"))
}

/// Who was behind 192.0.2.31:`port` at a time, and on what basis; nobody where it is not known.
fn behind(place: &Place, port: u16, at: &str, log: &str) -> Vec<(String, String)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_catspaw"));
    let question = format!("192.0.2.31:{port}");
    command.current_dir(place.path()).args(["trace", &question, "--at", at, "--year", "2024", "--format", "json", log]);
    let out = command.output().unwrap();
    let answers = json(&String::from_utf8(out.stdout).unwrap());
    let candidates = answers["questions"][0]["candidates"].as_array().unwrap().clone();
    let text = |candidate: &Value, key: &str| candidate[key].as_str().unwrap().to_owned();
    candidates.iter().map(|candidate| (text(candidate, "host"), text(candidate, "basis"))).collect()
}

#[test]
fn the_same_session_is_the_same_connection_whoever_wrote_it_down() {
    for (format, line) in [("pan-os", PAN_OS), ("fortigate", FORTIGATE), ("junos", JUNOS), ("conntrack", CONNTRACK)] {
        let place = Place::with("session.log", line);
        let said = place.scan(&["--format", "json", "--connections", "c.jsonl", "session.log"]);
        assert_eq!(said.status, Some(0), "{format}: {}", said.err);
        let report = json(&said.out);
        assert_eq!(report["evidence"][0]["format"], format);
        assert_eq!((&report["evidence"][0]["records"], &report["unparsed"]), (&1.into(), &Value::Array(vec![])));
        let row = json(&place.read("c.jsonl"));
        for (key, value) in [
            ("id.orig_h", Value::from("10.0.0.5")),
            ("id.orig_p", 2007.into()),
            ("id.resp_h", "198.51.100.7".into()),
            ("id.resp_p", 25.into()),
            ("mapped_orig_h", "192.0.2.31".into()),
            ("mapped_orig_p", 40_123.into()),
            ("mapped_resp_h", Value::Null),
            ("orig_bytes", 1820.into()),
            ("resp_bytes", 228.into()),
            ("duration", 22.0.into()),
        ] {
            assert_eq!(row[key], value, "{format}: {key} of {row}");
        }
        assert_eq!(
            behind(&place, 40_123, "2024-03-04T16:05:20Z", "session.log"),
            [("10.0.0.5".to_owned(), "connection".to_owned())],
            "{format}"
        );
        assert_eq!(behind(&place, 40_124, "2024-03-04T16:05:20Z", "session.log"), []);
    }
}

#[test]
fn a_block_of_ports_is_a_hosts_until_it_is_given_back() {
    let junos = |minute: u32, what: &str, verb: &str, host: &str| {
        format!(
            "Mar  4 16:{minute:02}:00 srx-1 RT_NAT: RT_SRC_NAT_PBA_{what}: Subscriber {host} used/maximum [1/4] blocks, {verb} \
             port block [1024-1151] from 192.0.2.31 in source pool p lsys_id: 0\n"
        )
    };
    let asa = |minute: u32, what: &str, host: &str| {
        format!(
            "Mar 04 2024 16:{minute:02}:00 asa-1 : %ASA-6-{what} block of ports for translation from inside:{host} to \
             outside:192.0.2.31/1024-1151\n"
        )
    };
    let nfware = |minute: u32, what: &str, host: &str| {
        format!("Mar  4 16:{minute:02}:00 nat-1 {what} VRF 0 INT {host} EXT 192.0.2.31:1024-1151\n")
    };
    let logs = [
        junos(0, "ALLOC", "allocates", "10.0.0.5")
            + &junos(5, "INTERIM", "allocates", "10.0.0.5")
            + &junos(10, "RELEASE", "releases", "10.0.0.5")
            + &junos(20, "ALLOC", "allocates", "10.0.0.6"),
        asa(0, "305014: Allocated TCP", "10.0.0.5")
            + &asa(5, "305017: Pba-interim-logging: Active TCP", "10.0.0.5")
            + &asa(10, "305015: Released TCP", "10.0.0.5")
            + &asa(20, "305014: Allocated TCP", "10.0.0.6"),
        nfware(0, "A", "10.0.0.5") + &nfware(10, "D", "10.0.0.5") + &nfware(20, "A", "10.0.0.6"),
    ];
    for log in logs {
        let place = Place::with("nat.log", &log);
        let pat = |host: &str| vec![(host.to_owned(), "pat".to_owned())];
        for (minute, expected) in [(7, pat("10.0.0.5")), (15, vec![]), (25, pat("10.0.0.6"))] {
            for port in [1024, 1100, 1151] {
                let at = format!("2024-03-04T16:{minute:02}:30Z");
                assert_eq!(behind(&place, port, &at, "nat.log"), expected, "{port} at {at} by\n{log}");
            }
        }
        for port in [1023, 1152, 80] {
            assert_eq!(behind(&place, port, "2024-03-04T16:07:30Z", "nat.log"), [], "{port} by\n{log}");
        }
    }
}

#[test]
fn blocks_of_other_ports_do_not_end_one_another() {
    let line = |minute: u32, host: &str, ports: &str| {
        format!("Mar  4 16:{minute:02}:00 nat-1 A VRF 0 INT {host} EXT 192.0.2.31:{ports}\n")
    };
    let place = Place::with(
        "nat.log",
        line(0, "10.0.0.5", "1024-1151") + &line(1, "10.0.0.6", "1152-1279") + &line(9, "10.0.0.7", "1024-1151"),
    );
    let host =
        |port, at: &str| behind(&place, port, at, "nat.log").into_iter().map(|(host, _)| host).collect::<Vec<_>>();
    assert_eq!(host(1100, "2024-03-04T16:05:00Z"), ["10.0.0.5"]);
    assert_eq!(host(1200, "2024-03-04T16:05:00Z"), ["10.0.0.6"]);
    // What was not given back was over when another host had it.
    assert_eq!(host(1100, "2024-03-04T16:12:00Z"), ["10.0.0.7"]);
    assert_eq!(host(1200, "2024-03-04T16:12:00Z"), ["10.0.0.6"]);
}

#[test]
fn a_logged_packet_is_a_denial_only_if_its_rule_says_so() {
    let packet = |prefix: &str, port: u16| {
        format!(
            "Mar  4 16:05:38 gw kernel: [7.5] {prefix}IN=eth0 OUT=eth1 SRC=203.0.113.9 DST=10.0.0.5 LEN=60 PROTO=TCP SPT={port} \
             DPT=1182 WINDOW=7300 RES=0x00 SYN URGP=0 \n"
        )
    };
    let log = packet("[UFW BLOCK] ", 4001) + &packet("new: ", 4002) + "Mar  4 16:05:39 gw sshd[7]: Accepted\n";
    let place = Place::with("kern.log", log);
    let said = place.scan(&["--year", "2024", "--format", "json", "--connections", "c.jsonl", "kern.log"]);
    let report = json(&said.out);
    assert_eq!(said.status, Some(0), "{}", said.err);
    let of = |name: &str| {
        let evidence = report["evidence"].as_array().unwrap();
        evidence.iter().find(|row| row["sensor"] == name).map(|row| (row["records"].as_u64(), row["skipped"].as_u64()))
    };
    assert_eq!((of("gw"), of("other programs")), (Some((Some(2), Some(0))), Some((Some(0), Some(1)))), "{report:#}");
    let row = json(&place.read("c.jsonl"));
    assert_eq!((&row["id.orig_p"], &row["duration"]), (&4002.into(), &Value::Null));
}

#[test]
fn a_table_of_connections_says_when_of_none() {
    let place = Place::with(
        "table",
        "ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.5 dst=198.51.100.7 sport=2007 dport=25 src=198.51.100.7 dst=192.0.2.31 \
         sport=25 dport=40123 [ASSURED] mark=0 use=2\n",
    );
    let said = place.scan(&["table"]);
    assert_eq!(said.status, Some(2));
    assert!(said.err.contains("a table says what is open, and not when"), "{}", said.err);
}

#[test]
fn a_collectors_file_of_all_devices_is_read_line_by_line() {
    let place = Place::with("all.log", [PAN_OS, FORTIGATE, JUNOS, CONNTRACK].concat());
    let report = place.report(&["all.log"]);
    let evidence = report["evidence"].as_array().unwrap();
    let mut sensors: Vec<&str> = evidence.iter().map(|row| row["sensor"].as_str().unwrap()).collect();
    sensors.sort_unstable();
    assert_eq!(sensors, ["001234567890", "conntrack", "fgt-1", "srx-1"]);
    assert_eq!(report["unparsed"], Value::Array(vec![]));
    // A relay that a PIX saw is the same among what others say.
    let log = relay_log();
    let clean = Place::with("log", &log).report(&["log"]);
    let mut mixed = String::new();
    for (number, line) in log.lines().enumerate() {
        let fortigate = FORTIGATE.replacen("date=2024-03-04 time=16:05:38", "date=2003-03-04 time=00:20:00", 1);
        let at = 1_046_736_000 + number * 15;
        let fortigate = fortigate.replacen("1709568338000000000", &format!("{at}000000000"), 1);
        mixed += &fortigate.replacen("sessionid=135480", &format!("sessionid={number}"), 1);
        mixed += &format!("{line}\nMar  4 00:{:02}:00 gw kernel: eth0: link up\n", number / 4);
    }
    let place = Place::with("mixed.log", mixed);
    for threads in ["1", "3"] {
        let report = place.report(&["mixed.log", "-j", threads]);
        for key in ["counts", "confidence", "clients", "targets"] {
            assert_eq!(report["incidents"][0][key], clean["incidents"][0][key], "{key}");
        }
        let evidence = report["evidence"].as_array().unwrap();
        let of = |name: &str| evidence.iter().find(|row| row["sensor"] == name).unwrap();
        let lines = log.lines().count();
        assert_eq!((&of("pix")["records"], &of("fgt-1")["records"]), (&lines.into(), &lines.into()), "{report:#}");
        assert_eq!((&of("other programs")["skipped"], &report["unparsed"]), (&lines.into(), &Value::Array(vec![])));
        assert_eq!(report["evidence"][0]["format"], "cisco-syslog");
    }
}

#[test]
fn a_file_of_what_nobody_knows_says_so() {
    let place = Place::with("both.log", format!("{PAN_OS}what is this\n"));
    let said = place.scan(&["both.log"]);
    assert!(said.err.contains("1 of 2 lines of both.log were not understood"), "{}", said.err);
    assert!(said.err.contains("docs/logs.md says what else can be read"), "{}", said.err);
    assert!(!Place::with("one.log", PAN_OS).scan(&["one.log"]).err.contains("not understood"));
}

#[test]
fn a_log_that_does_not_say_how_connections_ended_says_so() {
    let stateless = CONNTRACK.replace("TIME_WAIT ", "");
    let said = |line: &str| Place::with("conntrack.log", line).scan(&["conntrack.log"]).err;
    assert!(said(&stateless).contains("Of 1 TCP connections that ended the evidence does not say how"));
    assert!(!said(CONNTRACK).contains("does not say how"));
}

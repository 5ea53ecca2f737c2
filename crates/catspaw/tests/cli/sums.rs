//! The lines of every kind of file add up: each is a record, skipped, or not understood.

use std::path::Path;

use serde_json::Value;

use crate::columns::{cim, connections, csv, ecs, json_lines, map, pairs};
use crate::firewalls::{CONNTRACK, FORTIGATE, JUNOS, PAN_OS};
use crate::pix::relay_log;
use crate::programs::programs;
use crate::run::Place;
use crate::zeek::conn_log;

const NETFILTER: &str = "Mar  4 16:05:02 gw kernel: [12.3] DROP IN=eth0 OUT= SRC=203.0.113.9 DST=192.0.2.1 LEN=60 PROTO=TCP \
    SPT=4711 DPT=1182 WINDOW=1 SYN URGP=0\n";
const PF: &str = "Mar  4 16:05:02 gw filterlog[7]: 5,,,1000000103,em0,match,block,in,4,0x0,,64,0,0,DF,6,tcp,60,203.0.113.9,192.0.2.1,4711,\
    1182,0,S,1,,64240,,mss\n";
const FORTIGATE_JSON: &str = "{\"date\":\"2003-03-04\",\"time\":\"16:05:01\",\"devname\":\"fgt\",\"devid\":\"FG1\",\"logid\":\"0000000013\",\
    \"type\":\"traffic\",\"vd\":\"root\",\"srcip\":\"10.0.0.6\",\"srcport\":2007,\"dstip\":\"198.51.100.7\",\"dstport\":25,\"sessionid\":1,\
    \"proto\":6,\"action\":\"close\",\"duration\":22,\"sentbyte\":2764,\"rcvdbyte\":1068,\"sentpkt\":18,\"rcvdpkt\":16}\n";
const BLOCKS: &str = "Mar  4 10:00:00 nat-1 A VRF 0 INT 10.0.0.6 EXT 192.0.2.31:1024-1535\n";
const ZEEK: &str = "{\"ts\":1046793903.5,\"id.orig_h\":\"10.0.0.7\",\"id.orig_p\":1,\"id.resp_h\":\"198.51.100.7\",\
    \"id.resp_p\":25,\"proto\":\"tcp\",\"conn_state\":\"SF\",\"duration\":1.5}\n";
const ACK: &str = "Mar 04 2003 09:00:00 gw dhcpd: DHCPACK on 10.0.0.66 to 00:11:22:33:44:0b via eth0\n";

/// Lines of a file by what is said of them, and as they are counted here: those with something in them that is no comment.
fn sums(place: &Place, report: &Value, name: &str) -> (u64, u64) {
    let sum = |list: &str, keys: &[&str]| -> u64 {
        let of_lines = |row: &&Value| row["path"] == name && row["kind"] != "file";
        let rows = report[list].as_array().unwrap().iter().filter(of_lines);
        rows.flat_map(|row| keys.iter().map(|key| row[*key].as_u64().unwrap())).sum()
    };
    let text = String::from_utf8_lossy(&std::fs::read(place.path().join(name)).unwrap()).into_owned();
    let header = text.lines().next().unwrap().to_owned();
    let is_header = |line: &str| line == header && line.contains("src") && !line.contains(['=', '{', ':']);
    let counted = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#') && !is_header(line));
    (sum("evidence", &["records", "skipped"]) + sum("unparsed", &["count"]), counted.count() as u64)
}

#[test]
fn lines_add_up_in_every_kind_of_file() {
    let rows = connections();
    let dhcpd =
        "lease 10.0.0.5 {\n  starts 2 2003/03/04 09:00:01;\n  ends never;\n  hardware ethernet 00:11:22:33:44:0a;\n}\n";
    let kea = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n\
               10.0.0.5,00:11:22:33:44:0a,,7199,1046775600,1,0,0,pc-a,2,\n";
    let dnsmasq = "1046779200 00:11:22:33:44:0a 10.0.0.5 pc-a *\nduid 00:01\n";
    let all = [FORTIGATE, NETFILTER, PF, PAN_OS, ZEEK, FORTIGATE_JSON, JUNOS, CONNTRACK, BLOCKS, ACK].concat();
    let kinds = [
        ("cisco", relay_log()),
        ("zeek", conn_log()),
        ("zeek-json", ZEEK.repeat(3)),
        ("fortigate", FORTIGATE.to_owned()),
        ("pan-os", PAN_OS.to_owned()),
        ("junos", JUNOS.to_owned()),
        ("conntrack", CONNTRACK.to_owned()),
        ("netfilter", NETFILTER.to_owned()),
        ("fortigate-json", FORTIGATE_JSON.repeat(3)),
        ("pf", PF.to_owned()),
        ("blocks", BLOCKS.to_owned()),
        ("comma", csv(&rows, ',')),
        ("pairs", pairs(&rows)),
        ("json", json_lines(&rows)),
        ("ecs", ecs(&rows)),
        ("cim", cim(&rows)),
        ("dhcp", ACK.repeat(3)),
        ("dhcpd", dhcpd.to_owned()),
        ("kea", kea.to_owned()),
        ("dnsmasq", dnsmasq.to_owned()),
        ("collected", relay_log() + &all),
        ("collected-by-another", all.repeat(2)),
        ("late", programs(100_000) + &all + &relay_log()),
    ];
    // What no kind knows, what another program said, what was cut off, what is empty, and what is too long.
    let long = "x".repeat(2 << 20) + "\n";
    let spoilt = [
        "what is this\n",
        "\n",
        "Mar  4 00:00:09 web1 sshd[77]: Accepted publickey for jane\n",
        "\r\n",
        "\u{fffd}\u{1}\n",
    ];
    for (name, text) in kinds {
        let place = Place::with("pix.log", relay_log());
        for form in ["csv", "pairs", "json"] {
            place.write(&format!("{form}.toml"), map(&format!("form = \"{form}\"\n")).replace("made-up", form));
        }
        let options = [
            "--columns",
            "csv.toml",
            "--columns",
            "pairs.toml",
            "--columns",
            "json.toml",
            "--year",
            "2003",
            "pix.log",
            name,
        ];
        let half = text[..text.len() * 2 / 3].rfind('\n').map_or(text.len(), |end| end + 1);
        let (first, second) = text.split_at(half);
        let long = if ["cisco", "dhcp"].contains(&name) { &*long } else { "" };
        let spoilt = format!("{first}{}{long}{second}", spoilt.concat());
        // Nothing but its own lines tells what a file of dnsmasq's leases is.
        let spoilt = if name == "dnsmasq" { text.clone() } else { spoilt };
        for text in [&text, &spoilt, &text[..text.len() - 7]] {
            place.write(name, text);
            let report = place.report(&options);
            let (said, lines) = sums(&place, &report, name);
            assert_eq!(said, lines, "{name}: {} {}", report["evidence"], report["unparsed"]);
        }
    }
}

#[test]
fn lines_add_up_in_every_example() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for name in ["case-2003/pix.log", "case-2003-zeek/conn.log"] {
        let place = Place::with("log", std::fs::read(examples.join(name)).unwrap());
        let (said, lines) = sums(&place, &place.report(&["log"]), "log");
        assert!(lines > 0 && said == lines, "{name}: {said} of {lines}");
    }
}

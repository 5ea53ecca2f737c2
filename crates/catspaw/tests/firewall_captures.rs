//! Captures of real relays that lie beside the checkout (`../shared/data/captures`), as the firewalls of today would have
//! logged them: packets and bytes with headers as they were, lives in whole seconds. Every relay is found, and nobody else.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// SOCKS, mail on an odd port, a web proxy, all of them on a campus, and a day without an undeclared relay.
const CAPTURES: [&str; 5] = ["1-spam-socks", "3-smtp-odd-port", "5-web-proxy", "8-innocents-busy", "9-mixed-campus"];

#[test]
fn relays_are_found_by_sessions_of_firewalls() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/captures");
    if !folder.is_dir() {
        return println!("skipped: there is no {}", folder.display());
    }
    let scratch = tempfile::tempdir().unwrap();
    for name in CAPTURES {
        let truth = truth(&folder.join(name).join("truth.json.zst"));
        let expected = relays(&truth);
        let rows = connections(&folder.join(name).join("capture.pcap.zst"), scratch.path());
        for (form, line) in [("FortiGate", fortigate as fn(&Value, usize) -> String), ("PAN-OS", pan_os)] {
            let log = scratch.path().join("log");
            let lines: String = rows.iter().enumerate().map(|(number, row)| line(row, number)).collect();
            std::fs::write(&log, lines).unwrap();
            assert_eq!(found(&log), expected, "{name} as {form}");
        }
    }
}

fn truth(path: &Path) -> Value {
    serde_json::from_slice(&zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap()).unwrap()
}

/// Host and port of each relay that is asked by outsiders and is none by design.
fn relays(truth: &Value) -> Vec<(String, u64)> {
    let all = truth["relays"].as_array().unwrap().iter();
    let asked = all.filter(|relay| relay["authorised"] != true && !relay["ports"].as_array().unwrap().is_empty());
    let mut relays: Vec<_> =
        asked.map(|relay| (relay["ip"].as_str().unwrap().to_owned(), relay["ports"][0].as_u64().unwrap())).collect();
    relays.sort();
    relays
}

/// Host and port of every forward relay that the log convicts; mail servers that nobody declared are suspects.
fn found(log: &Path) -> Vec<(String, u64)> {
    let report: Value = serde_json::from_str(&scan(&[Path::new("--format=json"), log])).unwrap();
    let incidents = report["incidents"].as_array().unwrap().iter();
    let convicted = incidents.filter(|incident| incident["verdict"] == "relay" && incident["topology"] == "forward");
    let mut found: Vec<_> = convicted
        .map(|incident| {
            (incident["host"].as_str().unwrap().to_owned(), incident["services"][0]["port"].as_u64().unwrap())
        })
        .collect();
    found.sort();
    found
}

/// What the packets say of each connection, in the order of their ends.
fn connections(capture: &Path, scratch: &Path) -> Vec<Value> {
    let rows = scratch.join("connections.jsonl");
    scan(&[capture, Path::new("--connections"), &rows]);
    let text = std::fs::read_to_string(&rows).unwrap();
    let mut rows: Vec<Value> = text.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    rows.retain(|row| matches!(row["proto"].as_str(), Some("tcp" | "udp")) && row["orig_pkts"].is_u64());
    rows.sort_by(|a, b| ended(a).total_cmp(&ended(b)));
    rows
}

fn scan(arguments: &[&Path]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_catspaw")).args(["scan", "-q"]).args(arguments).output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn ended(row: &Value) -> f64 {
    row["ts"].as_f64().unwrap() + life(row)
}

fn life(row: &Value) -> f64 {
    row["duration"].as_f64().unwrap_or(0.0)
}

/// `a` of FortiGate and of PAN-OS.
fn how(row: &Value) -> [&'static str; 2] {
    match (row["proto"].as_str(), row["conn_state"].as_str()) {
        (Some("udp"), _) => ["accept", "aged-out"],
        (_, Some("SF")) => ["close", "tcp-fin"],
        (_, Some("RSTO")) => ["client-rst", "tcp-rst-from-client"],
        (_, Some("RSTR" | "REJ")) => ["server-rst", "tcp-rst-from-server"],
        _ => ["timeout", "aged-out"],
    }
}

fn fortigate(row: &Value, number: usize) -> String {
    let role = |end: &str| if row[end].as_str().unwrap().starts_with("172.28.") { "lan" } else { "wan" };
    format!(
        "devname=\"fgt-1\" devid=\"FG1\" eventtime={} logid=\"0000000013\" type=\"traffic\" vd=\"root\" srcip={} srcport={} \
         srcintfrole=\"{}\" dstip={} dstport={} dstintfrole=\"{}\" sessionid={number} proto={} action=\"{}\" duration={} \
         sentbyte={} rcvdbyte={} sentpkt={} rcvdpkt={}\n",
        (ended(row) * 1e9) as u64,
        row["id.orig_h"].as_str().unwrap(),
        row["id.orig_p"],
        role("id.orig_h"),
        row["id.resp_h"].as_str().unwrap(),
        row["id.resp_p"],
        role("id.resp_h"),
        if row["proto"] == "tcp" { 6 } else { 17 },
        how(row)[0],
        life(row) as u64,
        row["orig_ip_bytes"],
        row["resp_ip_bytes"],
        row["orig_pkts"],
        row["resp_pkts"]
    )
}

fn pan_os(row: &Value, number: usize) -> String {
    let stamp = |at: f64| jiff::Timestamp::from_second(at as i64).unwrap().strftime("%Y/%m/%d %H:%M:%S").to_string();
    let frames = |bytes: &str, packets: &str| row[bytes].as_u64().unwrap() + 14 * row[packets].as_u64().unwrap();
    let (sent, received) = (frames("orig_ip_bytes", "orig_pkts"), frames("resp_ip_bytes", "resp_pkts"));
    let end = stamp(ended(row));
    format!(
        "1,{end},0012,TRAFFIC,end,2561,{end},{},{},0.0.0.0,0.0.0.0,rule,,,unknown-tcp,vsys1,a,b,ethernet1/1,ethernet1/2,log,{end},\
         {number},1,{},{},0,0,0x0,{},allow,{},{sent},{received},1,{},{},any,,{number},0x0,XX,XX,,{},{},{},0,0\n",
        row["id.orig_h"].as_str().unwrap(),
        row["id.resp_h"].as_str().unwrap(),
        row["id.orig_p"],
        row["id.resp_p"],
        row["proto"].as_str().unwrap(),
        sent + received,
        stamp(row["ts"].as_f64().unwrap()),
        life(row) as u64,
        row["orig_pkts"],
        row["resp_pkts"],
        how(row)[1]
    )
}

//! Alerts as Suricata's EVE `alert` events, one JSON object per line.

use std::io::{self, Write};

use catspaw_records::{Alert, Endpoint, Nanos, Proto, RecordId, Side, Stamp};
use catspaw_rules::Ruleset;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::packets;
use crate::redact::Redactor;
use crate::report::Names;
use crate::tables::{community_id, uid};

/// Numbers beyond this are not the same to every reader of JSON.
const FLOW_ID: u64 = (1 << 53) - 1;

/// Writes one alert.
///
/// # Errors
/// Where `out` fails.
pub(crate) fn write(
    mut alert: Alert,
    rules: &Ruleset,
    names: &Names,
    redactor: Option<&Redactor>,
    out: &mut impl Write,
) -> io::Result<()> {
    if let Some(redactor) = redactor {
        alert = redactor.alert(alert);
    }
    let Some(event) = event(&alert, rules, names) else { return Ok(()) };
    serde_json::to_writer(&mut *out, &event)?;
    writeln!(out)
}

fn event(alert: &Alert, rules: &Ruleset, names: &Names) -> Option<Value> {
    let meta = &rules.rules().get(alert.rule as usize)?.meta;
    let (src, dst) = alert.ends();
    let mut event = Map::new();
    let mut put = |key: &str, value: Value| {
        event.insert(key.to_owned(), value);
    };
    put("timestamp", json!(timestamp(alert.at)));
    if let RecordId::Device(id) = alert.id {
        put("flow_id", json!(id & FLOW_ID));
    }
    put("pcap_filename", json!(names.path(alert.place.file)));
    put("pcap_cnt", json!(alert.place.line));
    put("event_type", json!("alert"));
    put("src_ip", json!(src.addr.to_string()));
    ports(alert.proto, "src_port", src, &mut put);
    put("dest_ip", json!(dst.addr.to_string()));
    ports(alert.proto, "dest_port", dst, &mut put);
    put("proto", json!(proto(alert)));
    if alert.proto == Proto::Icmp {
        put("icmp_type", json!(alert.orig.port));
        put("icmp_code", json!(alert.resp.port));
    }
    if let Some(id) = community_id(alert.proto, alert.orig, alert.resp) {
        put("community_id", json!(id));
    }
    put(
        "alert",
        json!({
            "action": "allowed", "gid": meta.gid, "signature_id": meta.sid, "rev": meta.rev, "signature": meta.msg,
            "category": meta.classtype.as_deref().unwrap_or_default(), "severity": meta.priority,
        }),
    );
    if let Some(protocol) = alert.protocol {
        put("app_proto", json!(protocol.name()));
    }
    put("direction", json!(if alert.from == Side::Orig { "to_server" } else { "to_client" }));
    let start = Stamp { at: alert.start, resolution: 1, sensor: packets::sensor() };
    let mut flow = Map::new();
    flow.insert("uid".to_owned(), json!(uid(alert.id, packets::SENSOR, start)));
    flow.insert("start".to_owned(), json!(timestamp(alert.start)));
    flow.insert("src_ip".to_owned(), json!(alert.orig.addr.to_string()));
    flow.insert("dest_ip".to_owned(), json!(alert.resp.addr.to_string()));
    ports(alert.proto, "src_port", alert.orig, &mut |key, value| drop(flow.insert(key.to_owned(), value)));
    ports(alert.proto, "dest_port", alert.resp, &mut |key, value| drop(flow.insert(key.to_owned(), value)));
    put("flow", Value::Object(flow));
    Some(Value::Object(event))
}

/// Puts a port where the transport has any.
fn ports(proto: Proto, key: &str, end: Endpoint, put: &mut impl FnMut(&str, Value)) {
    if matches!(proto, Proto::Tcp | Proto::Udp) {
        put(key, json!(end.port));
    }
}

/// As Suricata writes it.
fn timestamp(at: Nanos) -> String {
    let at = Timestamp::from_nanosecond(i128::from(at.0)).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S.%6f+0000").to_string()
}

fn proto(alert: &Alert) -> String {
    match alert.proto {
        Proto::Tcp => "TCP".to_owned(),
        Proto::Udp => "UDP".to_owned(),
        Proto::Icmp if alert.orig.addr.is_ipv6() => "IPv6-ICMP".to_owned(),
        Proto::Icmp => "ICMP".to_owned(),
        Proto::Other(number) => format!("{number:03}"),
    }
}

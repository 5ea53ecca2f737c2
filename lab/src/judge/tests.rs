use serde_json::{Value, json};

use super::Judgement;

fn judge(view: &str, truth: &Value, report: &Value, pairs: &[Value], exit: Option<i64>) -> Judgement {
    super::judge(view, truth, report, pairs, exit).unwrap()
}

/// One proxy with two sessions, one bot, one innocent.
fn truth() -> Value {
    let leg = |conn: u64, src: &str, dst: &str, start: f64| {
        json!({"conn": conn, "src": src, "dst": dst, "start": start, "end": start + 2.0, "bytes_orig": 100, "bytes_resp": 50,
               "raw_payload": 150, "state": "SF", "syns": 1, "accepted": 1})
    };
    let session = |number: u64| {
        json!({"relay": "172.28.0.1", "in_legs": [leg(number, &format!("198.19.0.1:100{number}"), "172.28.0.1:1080", number as f64)],
               "out_legs": [leg(number + 10, &format!("172.28.0.1:200{number}"), "198.18.0.1:25", number as f64 + 0.2)]})
    };
    json!({"scenario": "test", "seed": 1, "innocents": [{"ip": "172.28.0.9", "does": []}],
        "relays": [{"ip": "172.28.0.1", "ports": [1080], "topology": "inbound-socks", "authorised": false, "tunnels": [],
            "out_legs_with_data": 2, "smtp_connections_delivered": 2, "smtp_messages_delivered": 2}],
        "bots": [{"ip": "172.28.0.2", "smtp_connections_delivered": 3, "smtp_messages_delivered": 3}],
        "sessions": [session(1), session(2)]})
}

fn report() -> (Value, Vec<Value>) {
    let incident = |host: &str, topology: &str, verdict: &str, services: Value, count: u64| {
        json!({"host": host, "topology": topology, "verdict": verdict, "services": services, "tunnel": null,
               "confidence": {"sessions_to_detect": 2},
               "counts": {"relayed": count, "delivered": count, "delivered_unit": "messages"}})
    };
    let end = |ts: f64, orig: (&str, u64), resp: (&str, u64)| {
        json!({"ts": ts, "orig_h": orig.0, "orig_p": orig.1, "resp_h": resp.0, "resp_p": resp.1, "duration": 2.0,
               "orig_bytes": 100, "resp_bytes": 50})
    };
    let pair = |number: u64| {
        let at = number as f64;
        json!({"host": "172.28.0.1", "topology": "forward", "inbound": end(at, ("198.19.0.1", 1000 + number), ("172.28.0.1", 1080)),
               "outbound": end(at + 0.2, ("172.28.0.1", 2000 + number), ("198.18.0.1", 25))})
    };
    let incidents = json!([
        incident("172.28.0.1", "forward", "relay", json!([{"port": 1080}]), 2),
        incident("172.28.0.2", "direct", "spam-source", json!([]), 3),
    ]);
    (json!({"schema": "catspaw.report/1", "incidents": incidents, "authorised": []}), vec![pair(1), pair(2)])
}

fn short(spoil: impl Fn(&mut Value, &mut Vec<Value>)) -> String {
    let (mut report, mut pairs) = report();
    spoil(&mut report, &mut pairs);
    judge("capture", &truth(), &report, &pairs, Some(1)).short.join("; ")
}

#[test]
fn what_is_true_holds() {
    let (report, pairs) = report();
    let says = judge("capture", &truth(), &report, &pairs, Some(1));
    assert_eq!(says.short, Vec::<String>::new());
    assert_eq!((says.relays.found, says.bots.found, says.innocents_named), (1, 1, 0));
    assert_eq!((says.pairs[0].precision, says.pairs[0].recall, says.pairs[0].wanted), (1.0, 1.0, 2));
}

type Spoil = fn(&mut Value, &mut Vec<Value>);

#[test]
fn what_is_spoilt_does_not() {
    let cases: [(&str, Spoil); 13] = [
        ("missed inbound-socks", |report, _| _ = report["incidents"].as_array_mut().unwrap().remove(0)),
        ("missed inbound-socks", |report, _| report["incidents"][0]["verdict"] = "suspect".into()),
        ("missed bot", |report, _| report["incidents"][1]["verdict"] = "suspect".into()),
        ("innocent 172.28.0.9 named", |report, _| {
            let mut one = report["incidents"][0].clone();
            one["host"] = "172.28.0.9".into();
            report["incidents"].as_array_mut().unwrap().push(one);
        }),
        ("untrue service port 81", |report, _| report["incidents"][0]["services"][0]["port"] = 81.into()),
        ("wrong topology", |report, _| report["incidents"][1]["topology"] = "backconnect".into()),
        ("relayed 4, is 2", |report, _| report["incidents"][0]["counts"]["relayed"] = 4.into()),
        ("delivered 1 messages, is 2", |report, _| report["incidents"][0]["counts"]["delivered"] = 1.into()),
        ("sessions_to_detect 6, at most 5", |report, _| {
            report["incidents"][0]["confidence"]["sessions_to_detect"] = 6.into();
        }),
        ("recall 0.5000", |_, pairs| _ = pairs.pop()),
        ("precision 0.0000", |_, pairs| {
            let first = pairs[0]["inbound"].clone();
            pairs[0]["inbound"] = pairs[1]["inbound"].clone();
            pairs[1]["inbound"] = first;
        }),
        ("1 outbound legs paired twice", |_, pairs| pairs.push(pairs[0].clone())),
        ("which relays nothing", |_, pairs| pairs[0]["host"] = "172.28.0.9".into()),
    ];
    for (why, spoil) in cases {
        let said = short(spoil);
        assert!(said.contains(why), "{why}: {said:?}");
    }
    let (report, pairs) = report();
    assert_eq!(judge("capture", &truth(), &report, &pairs, Some(0)).short, ["exit status 0 with 2 incidents"]);
}

#[test]
fn a_truth_that_does_not_say_all_is_an_error() {
    type Spoil = fn(&mut Value);
    let said = |spoil: Spoil| {
        let mut truth = truth();
        spoil(&mut truth);
        let (report, pairs) = report();
        super::judge("capture", &truth, &report, &pairs, Some(1)).map(|says| says.short)
    };
    assert_eq!(said(|_| ()), Ok(Vec::new()));
    let cases: [(&str, Spoil); 5] = [
        ("truth: bots is missing", |truth| _ = truth.as_object_mut().unwrap().remove("bots")),
        ("relays[0]: authorised is missing", |truth| {
            _ = truth["relays"][0].as_object_mut().unwrap().remove("authorised");
        }),
        ("relays[0]: super_proxy is missing", |truth| truth["relays"][0]["topology"] = "backconnect".into()),
        ("bots[0]: smtp_messages_delivered is \"3\"", |truth| {
            truth["bots"][0]["smtp_messages_delivered"] = "3".into();
        }),
        ("out_legs[0]: bytes_resp is missing", |truth| {
            _ = truth["sessions"][1]["out_legs"][0].as_object_mut().unwrap().remove("bytes_resp");
        }),
    ];
    for (why, spoil) in cases {
        assert_eq!(said(spoil), Err(why.to_owned()));
    }
}

#[test]
fn of_letters_that_were_refused_in_one_run_of_a_queue_records_need_not_show_which_was_whose() {
    let mut truth = truth();
    truth["relays"][0]["topology"] = "smtp-odd-port".into();
    let judged = |truth: &Value| {
        let (mut report, mut pairs) = report();
        report["incidents"][0]["counts"]["relayed"] = 0.into();
        pairs[1]["outbound"]["ts"] = 6.2.into();
        ["conn", "capture"].map(|view| {
            let says = judge(view, truth, &report, &pairs[1..], None);
            (says.pairs[0].recall, says.short.iter().any(|what| what.contains("relayed 0, is 2")))
        })
    };
    for number in [0, 1] {
        let leg = &mut truth["sessions"][number]["out_legs"][0];
        (leg["start"], leg["end"], leg["accepted"]) = ((5.2 + number as f64).into(), 9.0.into(), 0.into());
    }
    assert_eq!(judged(&truth), [(0.5, true); 2], "a second apart");
    truth["sessions"][1]["out_legs"][0]["start"] = 6.1.into();
    assert_eq!(judged(&truth), [(1.0, false), (0.5, true)]);
    for (legs, key, value) in [("in_legs", "end", json!(5.5)), ("out_legs", "bytes_orig", json!(600))] {
        let mut other = truth.clone();
        other["sessions"][0][legs][0][key] = value;
        assert_eq!(judged(&other), [(0.5, true); 2], "{key}");
    }
}

#[test]
fn what_a_log_tells_alike_may_be_exchanged_in_it_alone() {
    let mut truth = truth();
    let judged = |truth: &Value, view| {
        let (report, mut pairs) = report();
        let first = pairs[0]["inbound"].clone();
        pairs[0]["inbound"] = pairs[1]["inbound"].clone();
        pairs[1]["inbound"] = first;
        let count = judge(view, truth, &report, &pairs, None).pairs[0].clone();
        (count.precision, count.alike)
    };
    assert_eq!([judged(&truth, "pix"), judged(&truth, "conn")], [(0.0, 0), (0.0, 0)], "a second apart");
    for legs in ["in_legs", "out_legs"] {
        let leg = &mut truth["sessions"][1][legs][0];
        let [start, end] = ["start", "end"].map(|key| leg[key].as_f64().unwrap() - 0.5);
        (leg["start"], leg["end"]) = (start.into(), end.into());
    }
    assert_eq!([judged(&truth, "pix"), judged(&truth, "conn")], [(1.0, 2), (0.0, 0)]);
    truth["sessions"][1]["in_legs"][0]["raw_payload"] = 151.into();
    assert_eq!(judged(&truth, "pix"), (0.0, 0), "of other sizes");
}

#[test]
fn a_queue_that_was_not_run_yet_shows_nothing() {
    let mut truth = truth();
    truth["relays"][0]["topology"] = "smtp-odd-port".into();
    let queued = truth["sessions"][0].clone();
    for number in 0..6 {
        let mut more = queued.clone();
        for (legs, conn) in [("in_legs", 20 + number), ("out_legs", 40 + number)] {
            more[legs][0]["conn"] = conn.into();
            more[legs][0]["end"] = if legs == "out_legs" { 20.0 } else { 9.0 }.into();
        }
        truth["sessions"].as_array_mut().unwrap().push(more);
    }
    let late = |truth: &Value| {
        let (mut report, pairs) = report();
        report["incidents"][0]["confidence"]["sessions_to_detect"] = 6.into();
        judge("capture", truth, &report, &pairs, None).short.iter().any(|what| what.contains("sessions_to_detect 6"))
    };
    assert!(late(&truth), "two had been handed on before");
    for number in [0, 1] {
        truth["sessions"][number]["out_legs"][0]["end"] = 20.0.into();
    }
    assert!(!late(&truth));
}

#[test]
fn what_a_web_proxy_shares_crosswise_need_not_be_paired_by_records() {
    let mut truth = truth();
    truth["relays"][0]["topology"] = "web-proxy".into();
    let recall = |truth: &Value, view| {
        let (report, pairs) = report();
        judge(view, truth, &report, &pairs[..1], None).pairs[0].recall
    };
    assert_eq!([recall(&truth, "conn"), recall(&truth, "capture")], [0.5, 0.5]);
    // The second server's connection carries something of the first client, too.
    let second = truth["sessions"][1]["out_legs"][0].clone();
    truth["sessions"][0]["out_legs"].as_array_mut().unwrap().push(second);
    assert_eq!([recall(&truth, "conn"), recall(&truth, "capture")], [1.0, 0.5]);
}

#[test]
fn what_a_view_cannot_show_may_be_missed_in_it_alone() {
    let mut truth = truth();
    truth["relays"][0]["allowance"] = json!({"by_design": false, "out_of_sight": {"pix": "it pads"}});
    let (mut report, _) = report();
    report["incidents"].as_array_mut().unwrap().remove(0);
    report["incidents"][0]["counts"]["delivered_unit"] = "connections".into();
    let pix = judge("pix-cut", &truth, &report, &[], None);
    assert_eq!((pix.out_of_sight, pix.short), (1, Vec::new()));
    // What it sends is seen there, if not for whom.
    let mut direct = report.clone();
    let mut also = report["incidents"][0].clone();
    also["host"] = "172.28.0.1".into();
    direct["incidents"].as_array_mut().unwrap().push(also);
    assert_eq!(judge("pix", &truth, &direct, &[], None).short, Vec::<String>::new());
    assert!(judge("conn", &truth, &direct, &[], None).short.iter().any(|what| what.contains("wrong topology")));
    assert_eq!(judge("conn", &truth, &report, &[], None).short.len(), 1);
}

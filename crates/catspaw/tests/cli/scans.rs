//! nmap's output among the evidence.

use crate::pix::{quiet_log, relay_log};
use crate::run::Place;

/// A host of which the whole run answers and one port relays, and a web server.
pub(crate) fn nmap(host: &str) -> String {
    let port = |number: u16, more: &str| {
        format!("<port protocol=\"tcp\" portid=\"{number}\"><state state=\"open\" reason=\"syn-ack\"/>{more}</port>\n")
    };
    let run: String = (1180..=1185).map(|number| port(number, "")).collect();
    let socks = "<service name=\"socks5\" product=\"WinGate socks\" method=\"probed\" conf=\"10\"/>\
                 <script id=\"socks-open-proxy\" output=\"&#xa;  status: open&#xa;  versions: &#xa;    Socks5\"/>";
    format!(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE nmaprun>\n<nmaprun scanner=\"nmap\" start=\"1046779200\" version=\"7.94\">\n\
         <host><status state=\"up\"/><address addr=\"{host}\" addrtype=\"ipv4\"/><ports>\n{run}{}</ports></host>\n\
         <host><status state=\"up\"/><address addr=\"10.0.0.80\" addrtype=\"ipv4\"/><ports>\n{}</ports></host>\n\
         <host><status state=\"down\"/><address addr=\"10.0.0.81\" addrtype=\"ipv4\"/></host>\n\
         <runstats><finished time=\"1046779260\"/></runstats>\n</nmaprun>\n",
        port(1080, socks),
        port(80, ""),
    )
}

#[test]
fn a_scan_alone_accuses_nobody_and_says_where_to_look() {
    let place = Place::with("campus.xml", nmap("10.0.0.9"));
    let report = place.report(&["campus.xml"]);
    let evidence = &report["evidence"][0];
    assert_eq!((&evidence["format"], &evidence["records"]), (&"nmap-xml".into(), &2.into()));
    assert_eq!((&evidence["skipped"], &evidence["first"]), (&1.into(), &"2003-03-04T12:00:00Z".into()));
    assert_eq!(report["incidents"].as_array().unwrap().len(), 0);
    assert_eq!(report["unparsed"].as_array().unwrap().len(), 0);
    let signs: Vec<_> = report["indicators"].as_array().unwrap().iter().map(|s| (&s["host"], &s["kind"])).collect();
    for kind in ["open-ports", "open-proxy", "proxy-banner", "proxy-port"] {
        assert!(signs.contains(&(&"10.0.0.9".into(), &kind.into())), "{kind}: {signs:?}");
    }
    assert_eq!(signs.len(), 4, "and none of the web server: {signs:?}");
    assert_eq!(report["indicators"][2]["detail"], "1080/tcp, WinGate");
    let said = place.scan(&["campus.xml"]);
    assert_eq!((said.status, said.err.as_str()), (Some(0), ""));
    let (_, look) = said.out.split_once("Worth a look\n").unwrap();
    for words in
        ["10.0.0.9", "1180-1185/tcp", "trojaned WinGate", "accuse nobody", "`catspaw scan` over the firewall's"]
    {
        assert!(look.contains(words), "{words}: {look}");
    }
    assert!(said.out.starts_with("No relay was found\n"), "{}", said.out);
}

#[test]
fn the_signs_of_a_relay_stand_in_its_incident() {
    let place = Place::with("in/relay.log", relay_log());
    place.write("in/campus.xml", nmap("10.0.0.66"));
    let report = place.report(&["in"]);
    let signs = report["incidents"][0]["indicators"].as_array().unwrap();
    let open = serde_json::json!({"kind": "open-ports", "detail": "1180-1185/tcp"});
    assert!(signs.contains(&open), "{signs:?}");
    assert_eq!(report["indicators"].as_array().unwrap().len(), 0);
    let without = place.report(&["in/relay.log"]);
    assert_eq!(report["incidents"][0]["confidence"], without["incidents"][0]["confidence"], "no sign adds to it");
    assert!(place.scan(&["in"]).out.contains("Weak signs, which prove nothing by themselves"));
}

#[test]
fn a_scan_hides_no_log_that_gave_nothing() {
    let place = Place::with("campus.xml", nmap("10.0.0.9"));
    place.write("empty.log", "");
    place.write("diary", "dear diary\n");
    let said = place.scan(&["empty.log", "diary", "campus.xml"]);
    assert_eq!(said.status, Some(0));
    assert!(
        said.err.contains("warning: empty.log: empty") && said.err.contains("error: diary: no evidence"),
        "{}",
        said.err
    );
    place.write("foreign.log", quiet_log());
    let said = place.scan(&["foreign.log", "campus.xml", "--home-net", "203.0.113.0/24"]);
    assert!(said.failed().contains("no record has an end in --home-net"));
}

#[test]
fn a_scan_that_is_cut_off_or_packed_is_read_and_told() {
    let whole = nmap("10.0.0.9");
    let place = Place::with("cut.xml", &whole[..whole.find("10.0.0.81").unwrap()]);
    let said = place.scan(&["cut.xml", "--format", "json"]);
    assert_eq!(said.status, Some(0));
    assert!(said.err.contains("warning: cut.xml: the end of the scan is not in it"), "{}", said.err);
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(report["evidence"][0]["records"], 2);
    assert!(report["unparsed"][0]["why"].as_str().unwrap().contains("the end of the scan"));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packed, whole.as_bytes()).unwrap();
    let said = place.scan_input(&["-", "--format", "json"], &packed.finish().unwrap());
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(report["indicators"].as_array().unwrap().len(), 4);
    place.write("head.xml", "<?xml version=\"1.0\"?>\n<nmaprun start=\"1046779200\">\n");
    assert!(place.scan(&["head.xml"]).failed().contains("no evidence"));
}

#[test]
fn signatures_of_the_owner_are_added_and_their_errors_have_a_place() {
    let place = Place::with("scan", "Host: 10.0.0.9 ()\tPorts: 7001/open/tcp//x///, 7002/open/tcp//x///\n");
    let own = "[[run]]\nname = \"ours\"\nfirst = 7001\nlast = 7002\nleast = 2\nsource = \"seen here\"\n";
    place.write("own.toml", own);
    place.write("catspaw.toml", "signatures = \"own.toml\"\n");
    assert_eq!(place.report(&["scan"])["indicators"].as_array().unwrap().len(), 0);
    for arguments in [["--signatures", "own.toml", "scan"], ["--config", "catspaw.toml", "scan"]] {
        let report = place.report(&arguments);
        assert_eq!(report["evidence"][0]["format"], "nmap-grepable");
        assert_eq!(report["indicators"][0]["detail"], "7001-7002/tcp");
    }
    place.write("own.toml", own.replace("7002", "70020"));
    let said = place.scan(&["--signatures", "own.toml", "scan"]);
    assert!(
        said.failed().starts_with("error: own.toml:4:8: a port from 1 to 65535\n    last = 70020\n"),
        "{}",
        said.err
    );
    let said = place.scan(&["--signatures", "none.toml", "scan"]);
    assert!(said.failed().contains("none.toml: cannot be read"));
}

use std::io::Write as _;

use catspaw_records::SensorId;
use catspaw_records::nmap::Form;
use catspaw_relay::Day;
use jiff::tz::TimeZone;

use super::*;
use crate::input::expand;

const HOST: &str = "172.28.220.181";

/// A host that was asked for each of `ports`: attempts, and how many of them were answered.
fn lanes(ports: impl IntoIterator<Item = (u16, u64, u64)>, public: &[&str]) -> Lanes {
    let mut lane = Box::<Lane>::default();
    for (port, attempts, answered) in ports {
        let day = Day { established: answered, unanswered: attempts - answered, ..Day::default() };
        *lane.tally.inbound.entry(port).or_default().of(12_000) = day;
    }
    lane.public = public.iter().map(|public| public.parse().unwrap()).collect();
    let host = HostKey::Address(HOST.parse().unwrap());
    Lanes { lanes: vec![(host, SensorId::of(b"pix"), lane)], ..Lanes::default() }
}

fn scan(content: &str) -> Scans {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    let source = expand(&[file.path()]).sources.remove(0);
    let mut scans = Scans::default();
    let opened = (source.clone(), source.open().unwrap(), 0);
    let form = Form::sniff(content.as_bytes()).unwrap();
    scans.read(form, opened, &TimeZone::UTC, &Signatures::load(None).unwrap());
    scans
}

fn open(host: &str, ports: impl IntoIterator<Item = u16>) -> String {
    let ports: Vec<String> = ports.into_iter().map(|port| format!("{port}/open/tcp//x///")).collect();
    format!("Host: {host} ()\tPorts: {}\n", ports.join(", "))
}

fn signs(scans: &Scans, lanes: &[Lanes], host: &str) -> Vec<(String, String)> {
    let found = Indicators::find(&Signatures::load(None).unwrap(), scans, lanes, &Home::default());
    found.of(host).into_iter().map(|sign| (sign.kind, sign.detail)).collect()
}

fn asked(ports: impl IntoIterator<Item = (u16, u64, u64)>) -> Vec<(String, String)> {
    signs(&Scans::default(), &[lanes(ports, &[])], HOST)
}

fn sign(kind: &str, detail: &str) -> (String, String) {
    (kind.to_owned(), detail.to_owned())
}

#[test]
fn a_run_that_is_open_is_told_with_its_ports() {
    let scans = scan(&open(HOST, [80, 1180, 1181, 1182, 1183, 1184, 1185]));
    assert_eq!(signs(&scans, &[], HOST), [sign("open-ports", "1180-1185/tcp")]);
    let scans = scan(&(open(HOST, [1180, 1181]) + &open(HOST, [1184, 1185, 3128])));
    let both = [sign("open-ports", "1180-1181, 1184-1185/tcp"), sign("proxy-port", "3128/tcp open")];
    assert_eq!(signs(&scans, &[], HOST), both);
    assert_eq!(signs(&scan(&open(HOST, [1180, 1181, 1182])), &[], HOST), [], "three of six may be anything");
}

#[test]
fn where_everything_answers_nothing_is_told() {
    assert_eq!(signs(&scan(&open(HOST, 1..=1024)), &[], HOST), [sign("proxy-port", "808/tcp open")]);
    assert_eq!(signs(&scan(&open(HOST, 1..=1100)), &[], HOST), []);
}

/// A scan from outside sees the mapped address.
#[test]
fn an_outside_address_of_one_host_is_that_host() {
    let scans = scan(&open("192.0.2.10", 1180..=1185));
    let one = lanes([], &["192.0.2.10"]);
    assert_eq!(signs(&scans, &[one], HOST), [sign("open-ports", "1180-1185/tcp")]);
    let mut both = lanes([], &["192.0.2.10"]);
    let mut other = both.lanes[0].clone();
    other.0 = HostKey::Address("172.28.220.182".parse().unwrap());
    both.lanes.push(other);
    assert_eq!(signs(&scans, std::slice::from_ref(&both), HOST), [], "nobody knows which of two");
    assert_eq!(signs(&scans, &[both], "192.0.2.10").len(), 1);
}

#[test]
fn a_run_that_is_asked_for_is_told_also_where_nobody_answers() {
    let run = |attempts| (1180..=1185).map(move |port| (port, attempts, 0));
    assert_eq!(asked(run(14_685)), [sign("asked-ports", "1180-1185/tcp, 88110 attempts, 0 answered")]);
    assert_eq!(asked(run(2)), [], "anybody may have tried");
    assert_eq!(asked([(1182, 1000, 900)]), [], "one port is no run");
}

#[test]
fn a_run_that_no_signature_names_is_told_where_it_is_no_range() {
    let run = |ports: RangeInclusive<u16>| asked(ports.map(|port| (port, 40, 3)));
    assert_eq!(run(2050..=2055), [sign("asked-ports", "2050-2055/tcp, 240 attempts, 18 answered")]);
    assert_eq!(run(2050..=2053), []);
    assert_eq!(run(20_000..=20_040), [], "the data ports of an FTP server");
    assert_eq!(run(49_152..=49_157), [], "what every Windows has open");
    let scans = scan(&open(HOST, (1025..=1030).chain(7000..=7004)));
    assert_eq!(signs(&scans, &[], HOST), [sign("open-ports", "7000-7004/tcp")]);
}

#[test]
fn a_scanned_host_has_one_sign_for_the_scan() {
    let scan = |attempts| (1000..1900).map(move |port| (port, attempts, 0));
    assert_eq!(asked(scan(1)), [sign("scanned", "900 ports asked for from outside")]);
    assert_eq!(asked(scan(20)), [sign("scanned", "900 ports asked for from outside")], "twenty scans are scans");
    let scanned = |port: u16| (port, if (1180..=1185).contains(&port) { 500 } else { 3 }, 0);
    let meant = asked((1000..1900).map(scanned));
    assert_eq!(meant, [sign("asked-ports", "1180-1185/tcp, 3000 attempts, 0 answered")], "these were meant");
}

#[test]
fn a_proxys_port_is_told_where_it_answers() {
    assert_eq!(asked([(3128, 5, 4)]), [sign("proxy-port", "3128/tcp, 5 attempts, 4 answered")]);
    assert_eq!(asked([(3128, 50, 0), (1080, 900, 2)]), []);
}

#[test]
fn hosts_with_an_incident_stand_there_alone() {
    let scans = scan(&(open(HOST, 1180..=1185) + &open("172.28.220.182", [1080])));
    let found = Indicators::find(&Signatures::load(None).unwrap(), &scans, &[], &Home::default());
    let elsewhere = found.elsewhere(&BTreeSet::from([HOST]));
    let hosts: Vec<&str> = elsewhere.indicators.iter().map(|sign| sign.host.as_str()).collect();
    assert_eq!(hosts, ["172.28.220.182"]);
    assert_eq!(elsewhere.notes.len(), 1);
    assert!(elsewhere.notes[0].starts_with("1080/tcp: SOCKS. "), "{:?}", elsewhere.notes);
}

#[test]
fn what_is_not_ours_is_not_told() {
    let scans = scan(&open("198.51.100.7", 1180..=1185));
    let home = Home { nets: vec![catspaw_relay::Network::parse("172.28.0.0/16").unwrap()], ..Home::default() };
    let found = Indicators::find(&Signatures::load(None).unwrap(), &scans, &[], &home);
    assert!(found.of("198.51.100.7").is_empty());
}

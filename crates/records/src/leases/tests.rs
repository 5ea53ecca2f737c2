use jiff::tz::TimeZone;

use super::*;
use crate::{Place, YearHint};

fn read(form: Form, bytes: &[u8]) -> Vec<Said> {
    let mut all = Vec::new();
    let mut reader = form.reader(Clock::new(TimeZone::UTC, YearHint::First(2003)));
    reader.read(Block::new(bytes, Place { file: 0, line: 1 }), &mut |said| all.push(said));
    all
}

/// By address.
type Entries = Vec<(String, Says)>;
/// By line.
type Whys = Vec<(u64, &'static str)>;

/// The entries, and why other lines have none.
fn told(form: Form, text: &str) -> (Entries, Whys) {
    let (mut entries, mut unparsed) = (Vec::new(), Vec::new());
    for said in read(form, text.as_bytes()) {
        match said {
            Said::Entry(entry) => entries.push((entry.addr.to_string(), entry.says)),
            Said::Skipped => {}
            Said::Unparsed(said) => unparsed.push((said.place.line, said.why)),
        }
    }
    (entries, unparsed)
}

const NINE: Nanos = Nanos(1_046_768_400_000_000_000);
const ELEVEN: Nanos = Nanos(1_046_775_600_000_000_000);

fn a(name: &str) -> Holder {
    let name = (!name.is_empty()).then(|| name.into());
    Holder { mac: Some("00:11:22:33:44:0a".into()), name }
}

fn held(from: Nanos, to: Nanos, holder: Holder) -> (String, Says) {
    ("10.0.0.5".to_owned(), Says::Held(Lease { from, to, holder }))
}

#[test]
fn a_log_says_from_when_an_address_is_whose() {
    let log = "Mar  4 09:00:00 gw dhcpd[7]: DHCPACK on 10.0.0.5 to 00:11:22:33:44:0a (pc-a) via eth0\n\
               Mar  4 09:00:00 gw dhcpd[7]: DHCPDISCOVER from 00:11:22:33:44:0a via eth0\n\
               dhcpd: DHCPACK on 10.0.0.5 to 00:11:22:33:44:0a via eth0\n\
               <30>1 2003-03-04T11:00:00Z gw dnsmasq-dhcp[9]: 7 DHCPRELEASE(eth0) 10.0.0.5 00:11:22:33:44:0a\n";
    let given = ("10.0.0.5".to_owned(), Says::Given { at: NINE, holder: a("pc-a") });
    let freed = ("10.0.0.5".to_owned(), Says::Freed { at: ELEVEN });
    assert_eq!(told(Form::Syslog, log), (vec![given, freed], vec![(3, "no stamp")]));
}

#[test]
fn every_stamp_of_syslog_tells_when() {
    let ack = "gw dhcpd[7]: DHCPACK on 10.0.0.5 to 00:11:22:33:44:0a (pc-a) via eth0";
    let given = || ("10.0.0.5".to_owned(), Says::Given { at: NINE, holder: a("pc-a") });
    for stamp in ["Mar 04 2003 09:00:00", "2003-03-04T10:00:00+01:00", "Tue Mar  4 09:00:00 2003", "1046768400.000000"]
    {
        assert_eq!(told(Form::Syslog, &format!("{stamp} {ack}\n")), (vec![given()], vec![]), "{stamp}");
    }
}

#[test]
fn a_lease_of_dhcpd_is_told_at_its_end() {
    let file = "lease 10.0.0.5 {\n  starts 2 2003/03/04 09:00:00;\n  ends epoch 1046775600; # Tue Mar  4 11:00:00 2003\n\
                \x20 hardware ethernet 0:11:22:33:44:a;\n  client-hostname \"pc-a\";\n}\n\
                lease 10.0.0.6 {\n  starts 2 2003/02/30 09:00:00;\nlease 10.0.0.7 {\n  starts 2 2003/03/04 09:00:00;\n\
                \x20 binding state free;\n}\nlease 10.0.0.8 {\n";
    let nobodys = ("10.0.0.7".to_owned(), Says::Nobodys { from: NINE });
    let unparsed = vec![(8, "starts is no time"), (9, "a lease that does not end")];
    assert_eq!(told(Form::Dhcpd, file), (vec![held(NINE, ELEVEN, a("pc-a")), nobodys], unparsed));
}

#[test]
fn a_lease_of_kea_ends_when_it_expires_unless_it_never_does() {
    let file = "address,hwaddr,valid_lifetime,expire,hostname,state\n\
                10.0.0.5,00:11:22:33:44:0a,7200,1046775600,\"pc,\"\"a\",0\n\
                10.0.0.5,0011.2233.440a,4294967295,5341735695,,2\n\
                10.0.0.5,,7200,1046775600,,1\n\
                10.0.0.5,,,1046775600,,0\n";
    let entries = vec![
        held(NINE, ELEVEN, a("pc,\"a")),
        held(NINE, Nanos::MAX, a("")),
        ("10.0.0.5".to_owned(), Says::Nobodys { from: NINE }),
    ];
    assert_eq!(told(Form::Kea, file), (entries, vec![(5, "no valid_lifetime or expire")]));
}

#[test]
fn a_lease_of_dnsmasq_has_an_end_only() {
    let file = "1046775600 01-00:11:22:33:44:0a 10.0.0.5 pc-a *\n0 00:11:22:33:44:0a 10.0.0.5 * *\nduid 00:01\n\
                1046775600 1 ::5 pc-a *\n1046775600 pc-a 10.0.0.5 pc-a\n";
    let entries = vec![held(Nanos::MIN, ELEVEN, a("pc-a")), held(Nanos::MIN, Nanos::MAX, a(""))];
    assert_eq!(told(Form::Dnsmasq, file), (entries, vec![(5, "no hardware address")]));
}

#[test]
fn hardware_addresses_have_one_form() {
    for text in ["00:11:22:33:44:0A", "00-11-22-33-44-0a", "0011.2233.440a", "00112233440a", "0:11:22:33:44:a"] {
        assert_eq!(parse_mac(text).as_deref(), Some("00:11:22:33:44:0a"), "{text}");
    }
    for text in ["", "10.0.0.5", "00:11:22:33:44", "00:11:22:33:44:0g", "00:11:22:33:44:0a:0b", "dead", "001:1:2:3:4:5"]
    {
        assert_eq!(parse_mac(text), None, "{text}");
    }
}

#[test]
fn a_name_that_says_nothing_is_none() {
    for text in ["", "*", " - ", "\"", "\" \"", "\"\u{7f}*\"", "\t\" "] {
        assert_eq!(parse_name(text), None, "{text:?}");
    }
    assert_eq!(parse_name(" \"pc\u{0} a\" \n").as_deref(), Some("pc a"));
    assert_eq!(parse_name(&format!("{} b", "a".repeat(254))), Some("a".repeat(254)));
}

#[test]
fn quotes_are_taken_where_a_field_begins() {
    assert_eq!(csv::fields(" \"a,\"\"b\" ,c\"d,\"e"), ["a,\"b ", "c\"d", "e"]);
    // Seconds where each quote looks back: a line may be of 1 MiB.
    let line = format!("{}a{}", " ".repeat(1 << 19), "\"".repeat((1 << 19) - 1));
    assert_eq!(csv::fields(&line), [line]);
}

#[test]
fn what_is_no_lease_is_not_taken_for_one() {
    for text in
        ["", "\0\0", "1046779200 here there\n", "lease of life {\n", "address,mac,user\n10.0.0.1,,\n", "a DHCPACK\n"]
    {
        assert_eq!(Form::sniff(text.as_bytes()), None, "{text:?}");
    }
}

#[test]
fn leases_among_the_lines_of_a_firewall_are_leases_too() {
    let lease = "Mar  4 09:00:00 gw dhcpd[7]: DHCPACK on 10.0.0.5 to 00:11:22:33:44:0a via eth0\n";
    let pix = "Mar 04 2003 10:00:00 pix : %PIX-6-305009: Built static translation from inside:10.0.0.5 to outside:192.0.2.5\n";
    assert_eq!(Form::sniff(format!("{pix}{lease}").as_bytes()), Some(Form::Syslog));
    assert_eq!(Form::sniff(pix.as_bytes()), None);
}

#[test]
fn zeros_where_a_host_crashed_hide_no_lease_of_syslog_and_a_capture_is_none() {
    let line = "Mar  4 09:00:01 dhcp1 dhcpd[77]: DHCPACK on 10.0.0.5 to 00:11:22:33:44:0a via eth0\n";
    let crashed = format!("{line}\0\0\0\0\n{line}");
    assert_eq!(Form::sniff(crashed.as_bytes()), Some(Form::Syslog));
    let magics: [&[u8]; 2] = [b"\xd4\xc3\xb2\xa1\x02\0\x04\0", b"\n\r\r\n\x1c\0\0\0"];
    for magic in magics {
        assert_eq!(Form::sniff(&[magic, line.as_bytes(), line.as_bytes()].concat()), None);
    }
}

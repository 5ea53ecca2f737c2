//! Whose machine it was: leases, the owner's table, a command of the owner's.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::pix::relay_log;
use crate::run::{Place, Said};

const LOG: &str =
    "Mar 04 2003 10:00:00 pix : %PIX-6-305009: Built static translation from inside:10.0.0.5 to outside:192.0.2.5\n";

/// MAC, user and name of whoever had 192.0.2.5.
fn owner(place: &Place, at: &str, more: &[&str]) -> [Option<String>; 3] {
    place.write("pix.log", LOG);
    let mut command = Command::new(env!("CARGO_BIN_EXE_catspaw"));
    command
        .current_dir(place.path())
        .args(["trace", "192.0.2.5", "--format", "json", "pix.log", "--at", at])
        .args(more);
    let said = Said::from(command.stdin(Stdio::null()).output().unwrap());
    let answers: Value = serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {said:?}"));
    let candidate = &answers["questions"][0]["candidates"][0];
    ["mac", "user", "name"].map(|key| candidate[key].as_str().map(str::to_owned))
}

fn known(mac: &str, user: &str, name: &str) -> [Option<String>; 3] {
    [mac, user, name].map(|text| (!text.is_empty()).then(|| text.to_owned()))
}

const A: &str = "00:11:22:33:44:0a";
const B: &str = "00:11:22:33:44:0b";

#[test]
fn leases_of_every_kind_say_whose_machine_it_was() {
    let isc = "Mar  4 09:00:00 dhcp1 dhcpd[77]: DHCPDISCOVER from 00:11:22:33:44:0a via eth0\n\
               Mar  4 09:00:01 dhcp1 dhcpd[77]: DHCPACK on 10.0.0.5 to 00:11:22:33:44:0a (pc-a) via eth0\n\
               Mar  4 11:00:00 dhcp1 dhcpd[77]: DHCPRELEASE of 10.0.0.5 from 00:11:22:33:44:0a (pc-a) via eth0 (found)\n\
               Mar  4 12:00:00 dhcp1 dhcpd: DHCPACK on 10.0.0.5 to 00:11:22:33:44:0B via eth0\n";
    let dnsmasq = "2003-03-04T09:00:01+00:00 gw dnsmasq-dhcp[9]: DHCPACK(eth0) 10.0.0.5 00:11:22:33:44:0a pc-a\n\
                   2003-03-04T11:00:00+00:00 gw dnsmasq-dhcp[9]: DHCPRELEASE(eth0) 10.0.0.5 00:11:22:33:44:0a\n\
                   2003-03-04T12:00:00+00:00 gw dnsmasq-dhcp[9]: 77 DHCPACK(eth0) 10.0.0.5 00:11:22:33:44:0b\n";
    let leases = "# The format of this file is documented in the dhcpd.leases(5) manual page.\n\
                  server-duid \"\\000\\001\";\n\
                  lease 10.0.0.5 {\n  starts 2 2003/03/04 09:00:01;\n  ends 2 2003/03/04 11:00:00;\n  \
                  binding state free;\n  hardware ethernet 00:11:22:33:44:0a;\n  client-hostname \"pc-a\";\n}\n\
                  lease 10.0.0.5 {\n  starts epoch 1046779200; # Tue Mar  4 12:00:00 2003\n  ends never;\n  \
                  binding state active;\n  hardware ethernet 00:11:22:33:44:0b;\n}\n\
                  lease 10.0.0.6 {\n  starts 2 2003/03/04 09:00:01;\n";
    let kea = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n\
               10.0.0.5,00:11:22:33:44:0a,,7199,1046775600,1,0,0,pc-a,2,\n\
               10.0.0.5,00:11:22:33:44:0b,01:00,4294967295,5341746495,1,0,0,,0,\n";
    for (name, text) in [("isc", isc), ("dnsmasq", dnsmasq), ("leases", leases), ("kea", kea)] {
        let place = Place::with("leases", text);
        let at = |at: &str| owner(&place, at, &["leases", "--year", "2003"]);
        assert_eq!(at("2003-03-04 10:00:30"), known(A, "", "pc-a"), "{name}");
        assert_eq!(at("2003-03-04 11:30:00"), known("", "", ""), "{name}");
        assert_eq!(at("2003-03-04 12:30:00"), known(B, "", ""), "{name}");
    }
    // dnsmasq's file says when a lease ends, not when it began.
    let place = Place::with("leases", "1046779200 00:11:22:33:44:0a 10.0.0.5 pc-a *\nduid 00:01\n");
    assert_eq!(owner(&place, "2003-03-04 10:00:30", &["leases"]), known(A, "", "pc-a"));
    assert_eq!(owner(&place, "2003-03-04 12:00:30", &["leases"]), known("", "", ""));
}

#[test]
fn a_lease_comes_first_and_the_table_adds_what_is_of_the_same_machine() {
    let place =
        Place::with("dhcp", "2003-03-04T09:00:01Z gw dnsmasq-dhcp: DHCPACK(eth0) 10.0.0.5 00:11:22:33:44:0a pc-a\n");
    place.write("c.toml", "[owners]\ncsv = \"owners.csv\"\n");
    let config = &["--config", "c.toml"][..];
    let lease = &["--config", "c.toml", "dhcp"][..];
    let at = "2003-03-04 10:00:30";
    place.write(
        "owners.csv",
        "address,mac,user,name,from,to\n10.0.0.0/24,,everybody,,,\n10.0.0.5,0011.2233.440a,\"Doe, Jane\",,,\n",
    );
    assert_eq!(owner(&place, at, lease), known(A, "Doe, Jane", "pc-a"));
    assert_eq!(owner(&place, at, config), known(A, "Doe, Jane", ""));
    // Another card: the table is of another time.
    place.write("owners.csv", "address,mac,user,name\n10.0.0.5,00-11-22-33-44-0B,john,pc-b\n");
    assert_eq!(owner(&place, at, lease), known(A, "", "pc-a"));
    place.write("owners.csv", "user,address,from,to\njohn,10.0.0.5,2003-03-04 11:00,\nmary,10.0.0.0/8,,\n");
    assert_eq!(owner(&place, at, config), known("", "mary", ""));
    assert_eq!(owner(&place, "2003-03-04 11:00", config), known("", "john", ""));
}

#[test]
fn a_command_is_asked_last_without_a_shell() {
    let place = Place::with(
        "c.toml",
        "[owners]\ncommand = [\"printf\", \"address,user,name\\\\n%s,%s,$HOME;x\\\\n\", \"{address}\", \"{at}\"]\n",
    );
    let said = owner(&place, "2003-03-04 10:00:30", &["--config", "c.toml"]);
    assert_eq!(said, known("", "2003-03-04T10:00:30Z", "$HOME;x"));
    for command in ["[\"false\"]", "[\"no-such-program-here\"]", "[\"echo\", \"what?\"]"] {
        place.write("c.toml", format!("[owners]\ncommand = {command}\n"));
        assert_eq!(owner(&place, "2003-03-04 10:00:30", &["--config", "c.toml"]), known("", "", ""), "{command}");
    }
}

#[test]
fn a_command_that_does_not_answer_is_not_waited_for() {
    let place = Place::with("c.toml", "[owners]\ncommand = [\"sleep\", \"60\"]\n");
    let began = std::time::Instant::now();
    assert_eq!(owner(&place, "2003-03-04 10:00:30", &["--config", "c.toml"]), known("", "", ""));
    assert!((5..30).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[test]
fn a_table_that_is_wrong_fails_the_run_and_says_where() {
    let place = Place::with("c.toml", "[owners]\ncsv = \"owners.csv\"\n");
    place.write("pix.log", LOG);
    for (text, says) in [
        ("", "owners.csv:1: empty"),
        ("who,where\n", "owners.csv:1: the first line is a header"),
        ("address,user\n10.0.0.5,a\nhere,b\n", "owners.csv:3: \"here\" is no address"),
        ("address,user,from\n10.0.0.5,a,soon\n", "owners.csv:2: \"soon\" is none: a moment is"),
    ] {
        place.write("owners.csv", text);
        let said = place.scan(&["--config", "c.toml", "pix.log"]);
        assert!(said.failed().contains(says), "{text:?}: {}", said.err);
    }
    place.write("c.toml", "[owners]\ntable = \"owners.csv\"\n");
    assert!(place.scan(&["--config", "c.toml", "pix.log"]).failed().contains("c.toml:2:1: unknown field `table`"));
}

#[test]
fn an_incident_says_whose_machine_it_is_and_leases_are_evidence() {
    let place = Place::with("in/relay.log", relay_log());
    place.write(
        "in/dhcp.log",
        "2003-03-01T09:00:01Z gw dnsmasq-dhcp: DHCPACK(eth0) 10.0.0.66 00:11:22:33:44:0a pc-a\nnothing\n",
    );
    place.write("c.toml", "[owners]\ncsv = \"owners.csv\"\n");
    place.write("owners.csv", "address,user\n10.0.0.66,jane\n");
    let said = place.scan(&["in", "--config", "c.toml", "--format", "json"]);
    assert_eq!((said.status, said.err.as_str()), (Some(1), ""));
    let report: Value = serde_json::from_str(&said.out).unwrap();
    let owner = &report["incidents"][0]["owner"];
    assert_eq!((&owner["mac"], &owner["user"], &owner["name"]), (&A.into(), &"jane".into(), &"pc-a".into()));
    let evidence = report["evidence"].as_array().unwrap();
    let leases = evidence.iter().find(|row| row["path"] == "in/dhcp.log").unwrap();
    assert_eq!(
        (&leases["format"], &leases["records"], &leases["skipped"]),
        (&"dhcp-syslog".into(), &1.into(), &1.into())
    );
    // An index beside a log is no evidence, and nothing to warn of.
    place.write("in/relay.log.catspaw-index", b"catspawX and more");
    assert_eq!(place.scan(&["in", "--config", "c.toml"]).err, "");
}

#[test]
fn a_machine_is_one_host_by_both_its_addresses() {
    const IPV6: &str = "2001:db8:28::85";
    let log = crate::zeek::conn_log();
    let place = Place::with("conn.log", &log);
    let ipv4 = place.report(&["conn.log"])["incidents"][0]["host"].as_str().unwrap().to_owned();
    // It calls out by IPv6, and the names it calls have such addresses, too.
    let six = |addr: &str| format!("2001:db8:ffff::{}", addr.replace('.', ":"));
    let lines = log.lines().map(|line| {
        let mut fields: Vec<String> = line.split('\t').map(ToOwned::to_owned).collect();
        if fields.get(2).is_some_and(|from| *from == ipv4) {
            fields[2] = IPV6.to_owned();
            fields[4] = six(&fields[4]);
        }
        format!("{}\n", fields.join("\t"))
    });
    place.write("conn.log", lines.collect::<String>());
    let nets = ["conn.log", "--home-net", "172.28.0.0/16,2001:db8:28::/48"];
    assert_eq!(place.report(&nets)["incidents"].as_array().unwrap().len(), 0, "two hosts, as far as is known");
    place.write("owners.csv", format!("address,mac\n{ipv4},00:11:22:33:44:55\n{IPV6},00:11:22:33:44:55\n"));
    place.write("catspaw.toml", "[owners]\ncsv = \"owners.csv\"\n");
    let report = place.report(&[&nets[..], &["--config", "catspaw.toml"]].concat());
    let incident = &report["incidents"][0];
    assert_eq!((&incident["host"], &incident["verdict"]), (&Value::from(ipv4), &Value::from("relay")));
    assert!(incident["targets"][0]["address"].as_str().unwrap().starts_with("2001:db8:ffff:"));
}

/// A collector's file: the lines of everybody, by time.
fn collected() -> String {
    let mut lines: Vec<String> = relay_log().lines().map(|line| format!("{line}\n")).collect();
    lines.insert(
        0,
        "Mar 04 2003 00:00:00 gw dhcpd[77]: DHCPACK on 10.0.0.66 to 00:11:22:33:44:0a (pc-a) via eth0\n".into(),
    );
    lines.insert(40, "Mar 04 2003 00:10:00 web1 sshd[9]: Accepted publickey for jane from 10.0.0.5\n".into());
    lines.insert(41, "Mar 04 2003 00:10:09 web1 last message repeated 3 times\n".into());
    lines.insert(80, "Mar 04 2003 00:20:00 gw named[4]: client 10.0.0.5#4000: query: example.com IN A\n".into());
    lines.push("Mar 04 2003 09:00:00 gw dhcpd: DHCPACK on 10.0.0.66 to 00:11:22:33:44:0b via eth0\n".into());
    lines.concat()
}

#[test]
fn a_collectors_file_is_read_line_by_line_for_what_it_is() {
    // Where the first firewall line is, and the first lease, must not matter.
    let quiet = "Mar 03 2003 00:00:00 gw dhcpd: DHCPACK on 10.0.0.9 to 00:11:22:33:44:0c via eth0\n".repeat(20_000);
    let programs = crate::programs::programs(200_000);
    let said = programs.lines().count();
    for (text, more, said) in [
        (collected(), 0, 0),
        (quiet + &collected(), 20_000, 0),
        (programs.replace("Mar  4", "Mar 04 2003") + &collected(), 0, said),
    ] {
        let place = Place::with("messages", &text);
        let report = place.report(&["messages"]);
        let incident = &report["incidents"][0];
        assert_eq!((&incident["host"], &incident["counts"]["relayed"]), (&"10.0.0.66".into(), &40.into()));
        assert_eq!((&incident["owner"]["mac"], &incident["owner"]["name"]), (&A.into(), &"pc-a".into()));
        assert_eq!(report["unparsed"], serde_json::json!([]));
        let rows: Vec<_> = report["evidence"].as_array().unwrap().iter().collect();
        let of = |sensor: &str| *rows.iter().find(|row| row["sensor"] == sensor).unwrap();
        assert_eq!((rows.len(), &of("pix")["records"], &of("pix")["skipped"]), (3, &160.into(), &0.into()));
        assert_eq!((&of("dhcp")["records"], &of("dhcp")["skipped"]), (&(more + 2).into(), &0.into()));
        let others = of("other programs");
        assert_eq!((&others["records"], &others["skipped"]), (&0.into(), &(said + 3).into()));
        let bytes: u64 = rows.iter().map(|row| row["bytes"].as_u64().unwrap()).sum();
        assert_eq!(bytes, text.len() as u64);
    }
}

#[test]
fn lines_of_other_programs_alone_are_no_evidence() {
    let others: String = collected().lines().filter(|line| line.contains(": ") && !line.contains('%')).collect();
    let place = Place::with("messages", others.replace("DHCPACK", "dhcpack"));
    assert!(
        place.scan(&["messages"]).failed().contains("no evidence: lines of other programs, and none of a firewall")
    );
}

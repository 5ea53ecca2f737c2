use std::io::{BufReader, Read};

use super::*;

/// As nmap 7 writes it: an open proxy with a run of ports, a host that is down, one without an open port.
const SCAN: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<?xml-stylesheet href="file:///usr/share/nmap/nmap.xsl" type="text/xsl"?>
<!-- Nmap 7.94 scan initiated Tue Mar  4 12:00:00 2003 as: nmap -sV -&#45;script socks-open-proxy -oX - 192.0.2.0/29 -->
<nmaprun scanner="nmap" args="nmap -sV" start="1046779200" version="7.94" xmloutputversion="1.05">
<scaninfo type="syn" protocol="tcp" numservices="3" services="1080,1180-1181"/>
<hosthint><status state="up"/><address addr="192.0.2.9" addrtype="ipv4"/></hosthint>
<host starttime="1046779201" endtime="1046779209"><status state="up" reason="echo-reply"/>
<address addr="192.0.2.1" addrtype="ipv4"/><address addr="00:00:5E:00:53:01" addrtype="mac" vendor="x"/>
<hostnames><hostname name="dorm-1.example.net" type="PTR"/></hostnames>
<ports><extraports state="closed" count="1"/>
<port protocol="tcp" portid="1080"><state state="open"/><service name="socks5" product="Socks &lt;5&gt; proxy" version="1.0"
 extrainfo="no &quot;auth&#x22;" method="probed" conf="10"/><script id="socks-open-proxy" output="&#xa;  status: open"/></port>
<port protocol="tcp" portid="1180"><state state="open"/><service name="unknown" method="table" conf="3"/></port>
<port protocol="tcp" portid="1181"><state state="closed"/></port>
<port protocol="udp" portid="53"><state state="open"/></port>
</ports><os><portused state="open" proto="tcp" portid="22"/></os></host>
<host><status state="down"/><address addr="2001:db8::2" addrtype="ipv6"/></host>
<runstats><finished time="1046779260"/><hosts up="1" down="1" total="2"/></runstats>
</nmaprun>
"#;

const GREPABLE: &str = "# Nmap 7.94 scan initiated Tue Mar  4 12:00:00 2003 as: nmap -sV -oG - 192.0.2.0/29\n\
    Host: 192.0.2.1 (dorm-1.example.net)\tStatus: Up\n\
    Host: 192.0.2.1 (dorm-1.example.net)\tPorts: 1080/open/tcp//socks5//Dante, any 1.0/, 1180/open/tcp//unknown///, \
    1181/closed/tcp/////, 53/open/udp//domain///\tIgnored State: closed (1)\n\
    # Nmap done at Tue Mar  4 12:01:00 2003 -- 8 IP addresses (1 host up) scanned in 60 seconds\n";

fn read_from(form: Form, input: impl Read) -> (Scan, Vec<Host>, Vec<(u64, &'static str)>) {
    let (mut hosts, mut unparsed) = (Vec::new(), Vec::new());
    let scan = form.read(BufReader::new(input), 0, &TimeZone::UTC, &mut |said| match said {
        Said::Host(host) => hosts.push(host),
        Said::Unparsed(what) => unparsed.push((what.place.line, what.why)),
    });
    (scan, hosts, unparsed)
}

fn read(text: &str) -> (Scan, Vec<Host>, Vec<(u64, &'static str)>) {
    read_from(Form::sniff(text.as_bytes()).unwrap(), text.as_bytes())
}

#[test]
fn a_host_is_read_with_what_answered() {
    let (scan, hosts, unparsed) = read(SCAN);
    assert_eq!(unparsed, []);
    assert!(scan.complete);
    assert_eq!(scan.started, Some(Nanos::from_secs(1_046_779_200)));
    assert_eq!(scan.finished, Some(Nanos::from_secs(1_046_779_260)));
    assert_eq!(hosts.len(), 2, "and a hint is no host");
    let host = &hosts[0];
    assert_eq!(host.addresses, ["192.0.2.1".parse::<IpAddr>().unwrap()]);
    assert_eq!(host.mac.as_deref(), Some("00:00:5E:00:53:01"));
    assert_eq!(host.names, ["dorm-1.example.net"]);
    assert_eq!(host.at, Some(Nanos::from_secs(1_046_779_209)));
    assert_eq!(host.open.keys().copied().collect::<Vec<_>>(), [1080, 1180]);
    let socks = &host.open[&1080];
    assert_eq!((socks.service.as_str(), socks.product.as_str()), ("socks5", "Socks <5> proxy 1.0 no \"auth\""));
    assert_eq!(socks.scripts, [("socks-open-proxy".to_owned(), "\n  status: open".to_owned())]);
    assert_eq!(host.open[&1180].service, "", "a name out of the table says nothing");
    assert!(hosts[1].open.is_empty());
}

#[test]
fn grepable_output_says_the_same() {
    let (scan, hosts, unparsed) = read(GREPABLE);
    assert_eq!(unparsed, []);
    assert!(scan.complete);
    assert_eq!(scan.started, Some(Nanos::from_secs(1_046_779_200)));
    assert_eq!(scan.finished, Some(Nanos::from_secs(1_046_779_260)));
    assert!(hosts[0].open.is_empty());
    let host = &hosts[1];
    assert_eq!(host.names, ["dorm-1.example.net"]);
    assert_eq!(host.open.keys().copied().collect::<Vec<_>>(), [1080, 1180]);
    assert_eq!(host.open[&1080].service, "socks5");
    assert_eq!(host.open[&1180].service, "");
    let masscan = "# Masscan 1.3.2 scan initiated Tue Mar  4 12:00:00 2003\nTimestamp: 1046779201\tHost: 192.0.2.1 ()\t\
                   Ports: 1182/open/tcp//unknown//\n# Masscan done at Tue Mar  4 12:00:05 2003\n";
    let (scan, hosts, _) = read(masscan);
    assert!(scan.complete && scan.started.is_some() && scan.finished.is_some());
    assert_eq!((hosts[0].at, hosts[0].open.len()), (Some(Nanos::from_secs(1_046_779_201)), 1));
}

#[test]
fn what_is_no_scan_is_not_taken_for_one() {
    for text in [
        "<?xml version=\"1.0\"?><root/>",
        "<!DOCTYPE external [\n<!ENTITY ee SYSTEM \"file:///etc/passwd\">\n]>\n<root>&ee;</root>",
        "# Nmap 7.94 scan initiated Tue Mar  4 12:00:00 2003 as: nmap -oN - 192.0.2.1\nNmap scan report for 192.0.2.1\n",
        "Host: example.net\r\nAccept: */*\r\n",
        "",
    ] {
        assert_eq!(Form::sniff(text.as_bytes()), None, "{text}");
    }
    assert_eq!(Form::sniff("\u{feff}\n<nmaprun>".as_bytes()), Some(Form::Xml));
}

/// Whatever the place of the cut, what comes before it is read, and that is said.
#[test]
fn a_scan_that_is_cut_off_gives_what_it_had() {
    let whole = read(SCAN).1;
    for cut in SCAN.find("<host ").unwrap()..SCAN.rfind("</nmaprun>").unwrap() {
        let (scan, hosts, _) = read(&SCAN[..cut]);
        assert!(!scan.complete, "{cut}");
        let before = SCAN[..cut].matches("</host>").count();
        assert!(hosts.len() >= before && hosts[..before] == whole[..before], "{cut}");
    }
    let middle = SCAN.find("<port protocol=\"tcp\" portid=\"1181\"").unwrap();
    assert_eq!(read(&SCAN[..middle]).1[0].open.len(), 2, "of the host in the middle, too");
    let (scan, hosts, _) = read(&GREPABLE[..GREPABLE.find("# Nmap done").unwrap()]);
    assert_eq!((scan.complete, hosts.len()), (false, 2));
    let found = GREPABLE.lines().nth(2).unwrap();
    assert!(read(found).0.complete, "a line that was cut out by grep is no cut");
}

#[test]
fn entities_are_not_expanded() {
    let bomb = "<!DOCTYPE nmaprun [\n<!ENTITY a \"aaaaaaaaaa\">\n<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">\n\
                <!ENTITY f SYSTEM \"file:///etc/passwd\">\n]>\n<nmaprun><host><address addr=\"192.0.2.1\"/>\
                <hostnames><hostname name=\"x&b;&f;&amp;\"/></hostnames>&f;</host></nmaprun>";
    let (scan, hosts, unparsed) = read(bomb);
    assert!(scan.complete);
    assert_eq!(hosts[0].names, ["x&b;&f;&"]);
    assert_eq!(unparsed, [(6, "a reference to an entity of the file's own, which is not expanded")]);
}

#[test]
fn broken_and_hostile_tags_spoil_nothing_else() {
    let long = format!("<script id=\"x\" output=\"{}\"/>", "y".repeat(2 << 20));
    let deep = "<table>".repeat(100_000);
    let text = format!(
        "<nmaprun><host><address addr=\"192.0.2.1\"/><ports><port protocol=\"tcp\" portid=\"99999\">\n\
         <port protocol=\"tcp\" portid=\"80\" <port protocol=\"tcp\" portid=\"81\"><state state='open'/>{long}{deep}</port>\n\
         </ports></host><host><address addr=\"nobody\"/></host><!-- > <host> ' --><![CDATA[<host>]]></nmaprun>"
    );
    let (scan, hosts, unparsed) = read(&text);
    assert!(scan.complete);
    assert_eq!(hosts.len(), 1);
    assert_eq!(hosts[0].open.keys().copied().collect::<Vec<_>>(), [81]);
    let whys: Vec<_> = unparsed.iter().map(|&(_, why)| why).collect();
    assert_eq!(
        whys,
        [
            "a port without its number",
            "a tag without an end",
            "a tag longer than 1 MiB",
            "an address that is none",
            "a host without an address"
        ]
    );
    assert_eq!(unparsed[1].0, 2);
    let (_, hosts, unparsed) = read("Host: 192.0.2.1 ()\tPorts: 70000/open/tcp//x///\nHost: x ()\tPorts: \nrubbish\n");
    assert!(hosts.is_empty());
    assert_eq!(
        unparsed,
        [(1, "a port beyond 65535"), (2, "an address that is none"), (3, "a line that is none of a host")]
    );
}

#[test]
fn other_encodings_are_read_as_far_as_they_are_ascii() {
    let text = SCAN.replace("UTF-8", "iso-8859-1");
    let at = text.find("dorm-1").unwrap();
    let mut latin = text.into_bytes();
    latin[at] = 0xe9;
    let (scan, hosts, unparsed) = read_from(Form::Xml, latin.as_slice());
    assert!(scan.complete && unparsed.is_empty());
    assert!(hosts[0].names[0].ends_with("orm-1.example.net"));
}

/// Fails after what it holds, as a bad disk does.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(buffer) {
            Ok(0) => Err(std::io::Error::from_raw_os_error(5)),
            read => read,
        }
    }
}

#[test]
fn an_input_that_fails_ends() {
    let (scan, hosts, _) = read_from(Form::Xml, Failing(&SCAN.as_bytes()[..SCAN.rfind("<runstats").unwrap()]));
    assert_eq!((scan.complete, hosts.len()), (false, 2));
    assert_eq!(read_from(Form::Grepable, Failing(GREPABLE.as_bytes())).1.len(), 2);
}

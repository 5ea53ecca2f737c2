//! Messages that stand as string literals in the tests of other projects, with what these assert of them. Some have no
//! header; those get one.

use crate::collected::Golden;

type Read = fn(&str) -> Vec<Golden>;

/// The files, and how each is read.
pub(crate) const SOURCES: [(&str, Read); 4] = [
    ("metron/BasicAsaParserTest.java", metron),
    ("haskell-asa/Main.hs", haskell),
    ("logstash-patterns/firewalls_spec.rb", logstash),
    ("sc4s/test_cisco_asa.py", sc4s),
];

const HEADER: &str = "Jan  1 2016 00:00:00 fw : ";

/// The string literals of a line, unescaped. A quote of one kind may stand within the other.
fn strings(line: &str) -> Vec<String> {
    let (mut strings, mut rest) = (Vec::new(), line.chars());
    while let Some(quote) = rest.find(|c| matches!(c, '"' | '\'')) {
        let mut string = String::new();
        loop {
            match rest.next() {
                None => break,
                Some(c) if c == quote => {
                    strings.push(string);
                    break;
                }
                Some('\\') => match rest.next() {
                    Some('n') | None => {}
                    Some(c) => string.push(c),
                },
                Some(c) => string.push(c),
            }
        }
    }
    strings
}

/// What stands between two marks.
fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(from)?;
    Some(rest.split_once(to).map_or(rest, |(inner, _)| inner))
}

/// Metron's unit tests: `String rawMessage = "..."`, then `assertEquals(value, asaJson.get("field"))`.
fn metron(source: &str) -> Vec<Golden> {
    let mut goldens: Vec<Golden> = Vec::new();
    for line in source.lines() {
        if line.contains("String rawMessage = ") {
            goldens.push(Golden::new("metron", strings(line).remove(0)));
            continue;
        }
        let (Some(golden), Some(field)) = (goldens.last_mut(), between(line, "asaJson.get(\"", "\"")) else { continue };
        let Some(ours) = (match field {
            "ip_src_addr" => Some("first"),
            "ip_src_port" => Some("first port"),
            "ip_dst_addr" => Some("second"),
            "ip_dst_port" => Some("second port"),
            "syslog_host" => Some("sensor"),
            "timestamp" => Some("at"),
            _ => None,
        }) else {
            continue;
        };
        let value = between(line, "assertEquals(", ",").map(|value| value.trim_matches('"').trim_end_matches('L'));
        if let Some(value) = value {
            // The second IPv6 address is written with all its zeros.
            golden.says(ours, value.parse::<std::net::IpAddr>().map_or(value.to_owned(), |addr| addr.to_string()));
        }
    }
    goldens
}

/// The Haskell parser's: `msgB = Latin1.fromString "..."`, and `case decode msgB of` with assertions behind it.
fn haskell(source: &str) -> Vec<Golden> {
    let golden = |name: &str| {
        let definition = source.lines().find(|line| line.starts_with(&format!("{name} = ")))?;
        let mut golden = Golden::new("haskell-asa", format!("{HEADER}{}", strings(definition).remove(0)));
        let asserted = between(source, &format!("case decode {name} of"), "putStrLn").unwrap_or_default();
        for (field, from) in [("bytes", "(bytes == "), ("number", "(number == ")] {
            if let Some(value) = between(asserted, from, ")") {
                golden.says(field, value);
            }
        }
        if let Some(proto) = between(asserted, "(protocol == Latin1.fromString \"", "\"") {
            golden.says("proto", proto);
        }
        let octets = between(asserted, "IPv4.fromOctets ", ")").map(|octets| octets.replace(' ', "."));
        let port = between(asserted, "port = ", "\n");
        if let (Some(octets), Some(port)) = (octets, port) {
            golden.says("first", octets);
            golden.says("first port", port.trim());
        }
        Some(golden)
    };
    ('A'..='M').filter_map(|letter| golden(&format!("msg{letter}"))).collect()
}

/// Logstash's patterns: `describe_pattern "CISCOFW106023"`, `let(:message)`, and what ECS has of it.
fn logstash(source: &str) -> Vec<Golden> {
    let source = source.split("describe_pattern 'SFW2'").next().unwrap_or_default();
    let mut goldens: Vec<Golden> = Vec::new();
    let (mut pattern, mut message) = ("", None::<String>);
    for line in source.lines() {
        if let Some(name) = between(line, "describe_pattern \"", "\"") {
            pattern = name;
        } else if line.contains("let(:message)") {
            message = Some(String::new());
        }
        if let Some(text) = &mut message {
            let literals = strings(line.split_once("let(:message)").map_or(line, |(_, rest)| rest));
            let goes_on = line.trim_end().ends_with('+');
            literals.iter().for_each(|literal| text.push_str(literal));
            if !text.is_empty() && !goes_on {
                goldens.push(Golden::new("logstash", with_header(pattern, text)));
                message = None;
            }
            continue;
        }
        if let Some(golden) = goldens.last_mut() {
            logstash_says(golden, line);
        }
    }
    goldens
}

/// A pattern of Logstash's is for the text behind the tag; the pattern's name says which.
fn with_header(pattern: &str, message: &str) -> String {
    if message.starts_with('<') {
        return message.to_owned();
    }
    let ids = |text: &str| {
        let mut words = text.split(|c: char| !c.is_ascii_digit()).filter(|word| word.len() == 6);
        words.next().map(str::to_owned)
    };
    let (tag, text) = message.split_once(": ").unwrap_or_default();
    match ids(tag) {
        Some(id) => format!("{HEADER}%ASA-6-{id}: {text}"),
        None => format!("{HEADER}%ASA-6-{}: {message}", ids(pattern).unwrap_or_default()),
    }
}

fn logstash_says(golden: &mut Golden, line: &str) {
    // What the packet was of that an error told of, and what stands in a list of names, is no end of the message.
    if line.contains("=>{\"name\"") && !line.contains("\"ip\"") || line.contains("original_ip_payload") {
        return;
    }
    for (theirs, ours) in [("\"source\"=>{", "first"), ("\"destination\"=>{", "second")] {
        let Some(inner) = between(line, theirs, "}") else { continue };
        if let Some(addr) = between(inner, "\"ip\"=>\"", "\"")
            && !golden.fields.iter().any(|(name, _)| name == ours)
        {
            golden.says(ours, addr);
            if let Some(port) = between(inner, "\"port\"=>", ",") {
                golden.says(&format!("{ours} port"), port.trim_end_matches('}').trim());
            }
        }
    }
    if let Some(number) = between(line, "\"connection_id\"=>\"", "\"") {
        golden.says("number", number);
    }
    if let Some(proto) = between(line, "\"transport\"=>\"", "\"") {
        let number = proto.bytes().all(|byte| byte.is_ascii_digit());
        golden.says("proto", if number { format!("proto-{proto}") } else { proto.to_ascii_lowercase() });
    }
    if let Some(host) = between(line, "'host' => {'hostname' => '", "'") {
        golden.says("sensor", host);
    }
}

/// Splunk Connect for Syslog's templates, and the real lines that stand in comments.
fn sc4s(source: &str) -> Vec<Golden> {
    let mut goldens = Vec::new();
    for line in source.lines() {
        if let Some(comment) = line.strip_prefix("# ").filter(|line| line.contains('%')) {
            goldens.push(Golden::new("sc4s", comment));
        }
        let Some(template) = line.trim().strip_prefix('"').filter(|line| line.contains("{{ ") && line.contains('%'))
        else {
            continue;
        };
        let template = strings(&format!("\"{template}")).remove(0);
        let filled = [
            ("{{ mark }}", "<166>"),
            ("{{ bsd }}", "Jan  5 08:52:35"),
            ("{{ iso }}", "2016-01-05T08:52:35"),
            ("{{ host }}", "abcde-fghij"),
            ("{{host}}", "192.0.2.7"),
            ("{{ epoch }}", "1451983955"),
        ];
        let filled = filled.iter().fold(template.clone(), |line, (name, value)| line.replace(name, value));
        let mut golden = Golden::new("sc4s", filled);
        golden.says("at", "1451983955000");
        if template.split('%').next().is_some_and(|head| head.contains("{{ host }}")) {
            golden.says("sensor", "abcde-fghij");
        }
        goldens.push(golden);
    }
    goldens
}

//! Texts that a stranger's machine chose, in a form that can be compared and shown.

/// The usual form of a MAC address, `00:11:22:aa:bb:cc`, of `00-11-22-AA-BB-CC`, `0011.22aa.bbcc`, `001122aabbcc` and
/// `0:11:22:aa:bb:cc`; `None` of what is none.
#[must_use]
pub fn parse_mac(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let written = text.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '-' | '.'));
    // Some write 0:1:2:a:b:c.
    let groups: Vec<&str> = text.split([':', '-']).collect();
    if written && groups.len() == 6 && groups.iter().all(|group| (1..=2).contains(&group.len())) {
        let groups: Vec<String> = groups.iter().map(|group| format!("{group:0>2}").to_ascii_lowercase()).collect();
        return Some(groups.join(":"));
    }
    (written && digits.len() == 12).then(|| {
        let pairs: Vec<String> =
            digits.as_bytes().chunks(2).map(|p| String::from_utf8_lossy(p).to_lowercase()).collect();
        pairs.join(":")
    })
}

/// A name that says something, without control characters, and the quotes and spaces around it, of at most 255
/// characters; `None` of nothing, `*` and `-`.
#[must_use]
pub fn parse_name(text: &str) -> Option<String> {
    let around = |c: char| c == '"' || c.is_whitespace() || c.is_control();
    let mut shown: String = text.trim_matches(around).chars().filter(|c| !c.is_control()).take(255).collect();
    // Where it was cut, a space may stand.
    shown.truncate(shown.trim_end_matches(around).len());
    (!shown.is_empty() && shown != "*" && shown != "-").then_some(shown)
}

//! What a restricted scan looked at, in words.

use catspaw_relay::Network;

use crate::pipeline::Restriction;

use super::outside::shown;
use super::time;

/// What was looked at, as the second half of a sentence; `None` where it was everything.
#[must_use]
pub(super) fn looked_at(only: &Restriction) -> Option<String> {
    if only.is_none() {
        return None;
    }
    let list = |items: Vec<String>| items.join(", ");
    let mut parts = vec!["connections".to_owned()];
    if !only.hosts.is_empty() {
        parts.push(format!("of {}", list(only.hosts.iter().map(shown).collect())));
    }
    if !only.ports.is_empty() {
        let port = |range: &std::ops::RangeInclusive<u16>| match (range.start(), range.end()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        };
        let ports = list(only.ports.iter().map(port).collect());
        parts.push(format!("that came in at {ports}, or that the hosts asked there opened"));
    }
    match (only.since, only.until) {
        (Some(since), Some(until)) => {
            parts.push(format!("opened from {} on and before {}", time::rfc3339(since), time::rfc3339(until)));
        }
        (Some(since), None) => parts.push(format!("opened from {} on", time::rfc3339(since))),
        (None, Some(until)) => parts.push(format!("opened before {}", time::rfc3339(until))),
        (None, None) => {}
    }
    let when = if only.since.is_some() || only.until.is_some() { parts.pop() } else { None };
    let what = parts.join(" ");
    Some(match when {
        Some(when) if only.ports.is_empty() => format!("{what} {when}"),
        Some(when) => format!("{what}, {when}"),
        None => what,
    })
}

/// The sentence among the limits.
#[must_use]
pub(super) fn limit(only: &Restriction) -> Option<String> {
    let looked_at = looked_at(only)?;
    Some(format!(
        "This scan was restricted by its options to {looked_at}: of all else in the evidence nothing is said, and counts, \
         first and last moments are those of this part.",
    ))
}

/// What was asked for and is none of ours. Where connections were asked for as well, one of ours may have none of them.
pub(super) fn foreign(only: &Restriction, is_ours: impl Fn(&Network) -> bool) -> Vec<&Network> {
    let by_host_alone = only.since.is_none() && only.until.is_none() && only.ports.is_empty();
    only.hosts.iter().filter(|host| by_host_alone && !is_ours(host)).collect()
}

/// What to say where nothing of the evidence was asked for.
pub(super) fn nothing(only: &Restriction) -> Option<String> {
    let looked_at = looked_at(only)?;
    let public = if only.hosts.is_empty() { "" } else { " --host takes addresses as they are inside of NAT." };
    Some(format!("Nothing in the evidence is what was asked for: {looked_at}.{public}"))
}

#[cfg(test)]
mod tests {
    use catspaw_records::Nanos;

    use super::*;

    #[test]
    fn it_is_said_in_words() {
        let day = Some(Nanos::from_secs(1_046_736_000));
        let hosts = vec![Network::parse("172.28.220.181").unwrap(), Network::parse("172.28.0.0/24").unwrap()];
        assert_eq!(looked_at(&Restriction::default()), None);
        let said = |only| looked_at(&only).unwrap();
        assert_eq!(
            said(Restriction { since: day, ..Restriction::default() }),
            "connections opened from 2003-03-04T00:00:00Z on"
        );
        assert_eq!(
            said(Restriction { hosts, ports: vec![1180..=1185, 3128..=3128], until: day, ..Restriction::default() }),
            "connections of 172.28.220.181, 172.28.0.0/24 that came in at 1180-1185, 3128, or that the hosts asked there \
             opened, opened before 2003-03-04T00:00:00Z"
        );
    }
}

//! Names that stand for addresses, as a device's configuration has them.

use std::collections::HashMap;
use std::net::IpAddr;

/// What a device calls addresses: where `names` is configured, its messages have the name in the address's place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    addresses: HashMap<Vec<u8>, IpAddr>,
}

impl Names {
    /// The `name ADDRESS NAME [description ...]` commands among the lines of a configuration; a name that is given twice is
    /// the last's.
    #[must_use]
    pub fn parse(configuration: &[u8]) -> Self {
        let command = |line: &[u8]| {
            let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            let addr = (words.next()? == b"name").then(|| words.next()).flatten()?;
            let addr = std::str::from_utf8(addr).ok()?.parse().ok()?;
            Some((words.next()?.to_vec(), addr))
        };
        Self { addresses: configuration.split(|byte| *byte == b'\n').filter_map(command).collect() }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// A message with the addresses in place of the names that stand where an address may; `None` where there is none.
    #[must_use]
    pub fn resolve(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut resolved = Vec::with_capacity(text.len());
        let mut at = 0;
        while at < text.len() {
            let len = text[at..].iter().take_while(|byte| !is_between(**byte)).count();
            let word = &text[at..at + len];
            // What stands before a colon is an interface.
            let ends = matches!(text.get(at + len), None | Some(b'/' | b' ' | b'(' | b')' | b','));
            match self.addresses.get(word).filter(|_| ends) {
                Some(addr) => resolved.extend_from_slice(addr.to_string().as_bytes()),
                None => resolved.extend_from_slice(word),
            }
            resolved.extend(text.get(at + len));
            at += len + 1;
        }
        (resolved != text).then_some(resolved)
    }
}

/// Whether a byte stands between words.
fn is_between(byte: u8) -> bool {
    matches!(byte, b' ' | b':' | b'/' | b'(' | b')' | b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIGURATION: &[u8] = b"hostname fw\nnames\nname 192.0.2.25 mail description the mail server\r\n\
        name 2001:db8::1 v6-host\nname 10.0.0.5 inside\nname 300.0.0.1 wrong\nnameif outside\nname 192.0.2.1\n";

    #[test]
    fn names_are_those_of_the_commands() {
        let names = Names::parse(CONFIGURATION);
        assert_eq!(names.addresses.len(), 3);
        assert!(Names::parse(b"nameif inside\nnames\n").is_empty());
    }

    #[test]
    fn a_name_is_resolved_where_an_address_may_stand() {
        let names = Names::parse(CONFIGURATION);
        for (text, resolved) in [
            (
                "Built for outside:mail/25 (mail/25) to inside:inside/5",
                "Built for outside:192.0.2.25/25 (192.0.2.25/25) to inside:10.0.0.5/5",
            ),
            ("from mail/25 to v6-host/80 flags", "from 192.0.2.25/25 to 2001:db8::1/80 flags"),
            (
                "denied tcp outside/mail(5) -> inside/v6-host(25)",
                "denied tcp outside/192.0.2.25(5) -> 10.0.0.5/2001:db8::1(25)",
            ),
            ("src outside:mail dst dmz:mail", "src outside:192.0.2.25 dst dmz:192.0.2.25"),
        ] {
            assert_eq!(names.resolve(text.as_bytes()).as_deref(), Some(resolved.as_bytes()), "{text}");
        }
        for text in ["", "outside:mailer/25", "mail:10.0.0.1/25", "outside:mail.example/25", "Built"] {
            assert_eq!(names.resolve(text.as_bytes()), None, "{text}");
        }
    }
}

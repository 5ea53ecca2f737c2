//! Names that stand for addresses, as a device's configuration has them.

use std::collections::HashMap;
use std::net::IpAddr;

/// What a device calls addresses: where `names` is configured, its messages have the name in the address's place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    addresses: HashMap<Vec<u8>, IpAddr>,
    unread: Vec<Unread>,
}

/// A `name` command that says nobody's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Its line, from 1.
    pub line: u64,
    /// Where it is wrong, from 1.
    pub column: usize,
    /// In which way.
    pub why: &'static str,
}

/// As many commands that cannot be read are kept.
const UNREAD: usize = 20;

impl Names {
    /// The `name ADDRESS NAME [description ...]` commands among the lines of a configuration; a name that is given twice is
    /// the last's.
    #[must_use]
    pub fn parse(configuration: &[u8]) -> Self {
        let mut names = Self::default();
        for (line, text) in (1..).zip(configuration.split(|byte| *byte == b'\n')) {
            match parse_command(text) {
                Some(Ok((name, addr))) => _ = names.addresses.insert(name, addr),
                Some(Err((column, why))) if names.unread.len() < UNREAD => {
                    names.unread.push(Unread { line, column, why });
                }
                Some(Err(_)) | None => {}
            }
        }
        names
    }

    /// The first commands that could not be read.
    #[must_use]
    pub fn unread(&self) -> &[Unread] {
        &self.unread
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

/// Where a command is wrong, and in which way.
type Wrong = (usize, &'static str);

/// What a `name` command says, or where it is wrong and in which way; `None` of every other line.
fn parse_command(line: &[u8]) -> Option<Result<(Vec<u8>, IpAddr), Wrong>> {
    let line = line.trim_ascii_end();
    let column = |word: &[u8]| word.as_ptr() as usize - line.as_ptr() as usize + 1;
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    if words.next()? != b"name" {
        return None;
    }
    let missing = line.len() + 1;
    let Some(word) = words.next() else { return Some(Err((missing, "a `name` command without an address"))) };
    let Some(addr) = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok()) else {
        return Some(Err((column(word), "a `name` command whose address is none")));
    };
    let name = words.next().ok_or((missing, "a `name` command without a name"));
    Some(name.map(|name| (name.to_vec(), addr)))
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
        let unread: Vec<_> = names.unread().iter().map(|unread| (unread.line, unread.column, unread.why)).collect();
        let whys = ["a `name` command whose address is none", "a `name` command without a name"];
        assert_eq!(unread, [(6, 6, whys[0]), (8, 15, whys[1])]);
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

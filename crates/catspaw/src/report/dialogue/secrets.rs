//! What of a line must not be shown, and what it says of the lines that follow: passwords, and other people's letters.

/// In place of what is not shown.
const HIDDEN: &str = "[hidden]";
/// Fields of HTTP whose values let somebody in.
const FIELDS: [&str; 6] = ["authorization", "cookie", "token", "secret", "session", "api-key"];

/// What a line leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Other lines.
    Line,
    /// A message of whoever said it, up to a dot, once the other side agrees.
    Message,
    /// A message of the other side, once it agrees.
    MessageBack,
    /// So many bytes of content.
    Literal(u64),
    /// Credentials, until the other side has heard enough.
    Secret,
    /// The header of an HTTP request to `CONNECT`, of another, or of an answer, which grants what was asked where its
    /// status is 2xx, and is not the last one where it is 1xx.
    Connect,
    Request,
    Answer(u16),
}

/// The line as it may be shown, and what it leads to; its end may be missing.
pub(super) fn told(line: &str, whole: bool) -> (String, Next) {
    let (first, rest) = split(line);
    let (second, arguments) = split(rest);
    let [verb, word] = [first, second].map(str::to_ascii_uppercase);
    match (verb.as_str(), word.as_str()) {
        ("DATA" | "POST", "") | ("IHAVE", _) => (line.to_owned(), Next::Message),
        ("RETR" | "TOP" | "ARTICLE" | "BODY" | "HEAD", _) if !is_http(line) => (line.to_owned(), Next::MessageBack),
        ("BDAT", _) => (line.to_owned(), second.parse().map_or(Next::Line, Next::Literal)),
        ("AUTH", "") => (line.to_owned(), Next::Line),
        ("AUTH", _) => (hidden(&[first, second], arguments), Next::Secret),
        ("USER" | "PASS" | "ACCT" | "APOP" | "OPER" | "IDENTIFY" | "AUTHENTICATE", _) => {
            (hidden(&[first], rest), Next::Line)
        }
        ("AUTHINFO" | "NICKSERV" | "NS", _) => (hidden(&[first, second], arguments), Next::Line),
        // What is said to one alone is a letter, or lets somebody in.
        ("PRIVMSG" | "SQUERY", to) if !to.starts_with(['#', '&', '+', '!']) => {
            (hidden(&[first, second], arguments), Next::Line)
        }
        (_, "LOGIN") => (hidden(&[first, second], arguments), literal(line)),
        (_, "AUTHENTICATE") => {
            let (mechanism, initial) = split(arguments);
            (hidden(&[first, second, mechanism], initial), Next::Secret)
        }
        _ if is_http(line) => http(line, whole),
        _ => (line.to_owned(), literal(line)),
    }
}

/// A line of an HTTP header as it may be shown.
pub(super) fn field(line: &str, whole: bool) -> String {
    if line.starts_with(' ') {
        // The rest of a value that was too long for one line.
        return format!(" {HIDDEN}");
    }
    let Some((name, value)) = line.split_once(':') else { return line.to_owned() };
    let lower = name.to_ascii_lowercase();
    if FIELDS.iter().any(|secret| lower.contains(secret)) {
        return hidden(&[&format!("{name}:")], value);
    }
    if ["referer", "location", "content-location", "origin"].contains(&lower.as_str()) {
        return format!("{name}: {}", target(value.trim(), whole));
    }
    line.to_owned()
}

/// Whether it begins a request or an answer of HTTP, of which the end of the line may be missing.
fn is_http(line: &str) -> bool {
    const METHODS: [&str; 8] = ["GET", "POST", "HEAD", "PUT", "OPTIONS", "DELETE", "PATCH", "CONNECT"];
    let (first, rest) = split(line);
    let asks = METHODS.contains(&first) && (rest.starts_with('/') || rest.contains("://"));
    let version = rest.rsplit_once(' ').is_some_and(|(_, version)| version.starts_with("HTTP/1."));
    first.starts_with("HTTP/1.") || asks || version
}

fn http(line: &str, whole: bool) -> (String, Next) {
    let (first, rest) = split(line);
    if first.starts_with("HTTP/1.") {
        return (line.to_owned(), Next::Answer(split(rest).0.parse().unwrap_or(0)));
    }
    let (asked, version) = rest.rsplit_once(' ').map_or((rest, String::new()), |(asked, v)| (asked, format!(" {v}")));
    let next = if first.eq_ignore_ascii_case("CONNECT") { Next::Connect } else { Next::Request };
    (format!("{first} {}{version}", target(asked, whole)), next)
}

/// What is asked for, without the name and password in front of the host, and without the query. What is not `whole` may end
/// within a password.
fn target(asked: &str, whole: bool) -> String {
    let (path, query) = asked.split_once('?').map_or((asked, None), |(path, query)| (path, Some(query)));
    let mut shown = match path.split_once("://") {
        Some((scheme, rest)) => {
            let (host, behind) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            match host.rsplit_once('@') {
                Some((_, host)) => format!("{scheme}://{HIDDEN}@{host}{behind}"),
                None if !whole && behind.is_empty() => format!("{scheme}://{HIDDEN}"),
                None => path.to_owned(),
            }
        }
        None => path.to_owned(),
    };
    if query.is_some() {
        shown = format!("{shown}?{HIDDEN}");
    }
    shown
}

/// IMAP's `{12}` at the end of a line: so many bytes follow.
fn literal(line: &str) -> Next {
    let inner = line.strip_suffix('}').and_then(|line| line.rsplit_once('{')).map(|(_, number)| number);
    let number = inner.and_then(|number| number.trim_end_matches('+').parse().ok());
    number.map_or(Next::Line, Next::Literal)
}

fn hidden(words: &[&str], rest: &str) -> String {
    let words = words.join(" ");
    if rest.trim().is_empty() { words } else { format!("{words} {HIDDEN}") }
}

/// The first word, and what is behind it.
fn split(line: &str) -> (&str, &str) {
    line.trim_start().split_once(' ').unwrap_or((line.trim_start(), ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_shown() {
        for (line, shown) in [
            ("AUTH PLAIN AGFubmEAc2VjcmV0", "AUTH PLAIN [hidden]"),
            ("auth login YW5uYQ==", "auth login [hidden]"),
            ("USER anna", "USER [hidden]"),
            ("pass  se cret", "pass [hidden]"),
            ("APOP anna c4c9334b", "APOP [hidden]"),
            ("a1 LOGIN anna secret", "a1 LOGIN [hidden]"),
            ("a1 AUTHENTICATE PLAIN AGFubmE=", "a1 AUTHENTICATE PLAIN [hidden]"),
            ("AUTHINFO PASS secret", "AUTHINFO PASS [hidden]"),
            ("PRIVMSG NickServ@services.x.example :identify secret", "PRIVMSG NickServ@services.x.example [hidden]"),
            ("PRIVMSG #x :hello there", "PRIVMSG #x :hello there"),
            ("AUTHENTICATE AGFubmEAc2VjcmV0", "AUTHENTICATE [hidden]"),
            ("GET http://anna:secret@x.example/a?b=c HTTP/1.1", "GET http://[hidden]@x.example/a?[hidden] HTTP/1.1"),
            ("CONNECT mx.example:25 HTTP/1.0", "CONNECT mx.example:25 HTTP/1.0"),
            ("MAIL FROM:<a@b.example>", "MAIL FROM:<a@b.example>"),
        ] {
            assert_eq!(told(line, true).0, shown);
        }
        for (line, shown) in [
            ("Proxy-Authorization: Basic YTpi", "Proxy-Authorization: [hidden]"),
            ("set-cookie: id=7", "set-cookie: [hidden]"),
            ("X-Auth-Token: 7", "X-Auth-Token: [hidden]"),
            ("  YTpi", " [hidden]"),
            ("Referer: http://x.example/?key=7", "Referer: http://x.example/?[hidden]"),
            ("Host: x.example", "Host: x.example"),
        ] {
            assert_eq!(field(line, true), shown);
        }
    }

    #[test]
    fn what_follows_is_known() {
        for (line, next) in [
            ("DATA", Next::Message),
            ("BDAT 86 LAST", Next::Literal(86)),
            ("RETR 1", Next::MessageBack),
            ("HEAD / HTTP/1.1", Next::Request),
            ("CONNECT mx:25 HTTP/1.1", Next::Connect),
            ("HTTP/1.1 407 No", Next::Answer(407)),
            ("* 1 FETCH (BODY[] {342}", Next::Literal(342)),
            ("a2 APPEND x {12+}", Next::Literal(12)),
            ("AUTH LOGIN", Next::Secret),
            ("EHLO DATA", Next::Line),
        ] {
            assert_eq!(told(line, true).1, next, "{line}");
        }
    }
}

//! What the reader of dialogues keeps to, whatever is said.

use catspaw_engine::flow::Heard;
use catspaw_records::{Nanos, Side};

use super::talk::{FIRST, KEPT, LAST, Said, Talk, Words};

/// What must not be shown, nor so many letters of it.
const SECRET: &str = "qjxzvkwq";
const GIVEN_AWAY: usize = 3;

/// What is said until somebody gives a secret away.
struct Script {
    before: &'static [(Side, &'static [u8])],
    who: Side,
    says: &'static [u8],
    /// Whether the other side may say anything meanwhile: it may not where its answers decide what a line is.
    interrupted: bool,
}

const C: Side = Side::Orig;
const S: Side = Side::Resp;

/// It may be interrupted.
const fn script(before: &'static [(Side, &'static [u8])], who: Side, says: &'static [u8]) -> Script {
    Script { before, who, says, interrupted: true }
}

const SCRIPTS: [Script; 18] = [
    script(&[], C, b"USER anna\r\nPASS qjxzvkwq\r\n"),
    script(&[], C, b"EHLO x.example\r\nAUTH PLAIN qjxzvkwq\r\n"),
    script(&[], C, b"a1 LOGIN anna qjxzvkwq\r\n"),
    script(&[], C, b"AUTHINFO PASS qjxzvkwq\r\nGROUP x\r\n"),
    script(&[], C, b"NICK x\r\nPRIVMSG nickserv :identify qjxzvkwq\r\n"),
    script(&[], C, b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic qjxzvkwq\r\nCookie: a=qjxzvkwq\r\n\r\n"),
    script(&[], C, b"GET http://u:qjxzvkwq@x.example/?q=qjxzvkwq HTTP/1.1\r\n\r\n"),
    script(&[], C, b"POST /x HTTP/1.1\r\nHost: x\r\n\r\nname=qjxzvkwq\r\nmore: qjxzvkwq\r\n"),
    script(&[], C, b"MAIL FROM:<>\r\nRCPT TO:<a@x>\r\nDATA\r\nSubject: qjxzvkwq\r\n\r\nDear qjxzvkwq,\r\n.\r\n"),
    script(&[], C, b"BDAT 30 LAST\r\nSubject: x\r\n\r\nDear qjxzvkwq\n\r\n"),
    script(&[], C, b"a1 LOGIN {4}\r\nanna {8}\r\nqjxzvkwq\r\n"),
    script(&[], C, b"\x04\x01\x00\x19\xc0\x00\x02\x01qjxzvkwq\x00"),
    script(&[(C, b"\x05\x01\x02"), (S, b"\x05\x02")], C, b"\x01\x04anna\x08qjxzvkwq"),
    Script { interrupted: false, ..script(&[(C, b"AUTH LOGIN\r\n"), (S, b"334 a\r\n")], C, b"qjxzvkwq\r\n") },
    Script { interrupted: false, ..script(&[(C, b"a AUTHENTICATE PLAIN\r\n"), (S, b"+\r\n")], C, b"qjxzvkwq\r\n") },
    script(&[(C, b"RETR 1\r\n")], S, b"+OK\r\nSubject: qjxzvkwq\r\n\r\nDear qjxzvkwq,\r\n.\r\n"),
    Script {
        interrupted: false,
        ..script(
            &[(C, b"GET / HTTP/1.1\r\n\r\n")],
            S,
            b"HTTP/1.1 200 OK\r\nSet-Cookie: qjxzvkwq\r\n\r\n<p>qjxzvkwq\r\n",
        )
    },
    script(&[(C, b"a FETCH 1 BODY[]\r\n")], S, b"* 1 FETCH (BODY[] {21}\r\nSubject: qjxzvkwq\r\n\r\n)\r\n"),
];

/// Passwords and letters are not shown, however they are cut and whatever the other side says meanwhile; and whatever is said,
/// what is shown of it is printable and bounded, tells no byte twice, and does not depend on where segments end.
///
/// The content is the number of a script and steps. A byte below 128 lets so many bytes of the script be said; another lets the
/// other side say as many bytes as its lower bits tell, which follow. Behind the scripts' numbers, both sides say what they like.
pub fn dialogue(data: &[u8]) {
    let Some((&number, steps)) = data.split_first() else { return };
    let script = SCRIPTS.get(usize::from(number));
    let said = script.map_or_else(|| anything(steps), |script| played(script, steps));
    let whole = read(&said, usize::MAX);
    for longest in [1, 7] {
        assert_eq!(whole, read(&said, longest), "in pieces of {longest} bytes");
    }
    check_bounds(&said, &whole);
    if let Some(script) = script {
        check_secret(script.who, &whole);
    }
}

fn played(script: &Script, mut steps: &[u8]) -> Vec<(Side, Vec<u8>)> {
    let mut said: Vec<_> = script.before.iter().map(|(from, words)| (*from, words.to_vec())).collect();
    let mut rest = script.says;
    while let [step, behind @ ..] = steps {
        let len = usize::from(step & 0x7f);
        if *step < 0x80 {
            let (now, later) = rest.split_at(len.min(rest.len()));
            said.push((script.who, now.to_vec()));
            (rest, steps) = (later, behind);
        } else {
            let (words, behind) = behind.split_at(len.min(behind.len()));
            if script.interrupted {
                said.push((script.who.other(), words.to_vec()));
            }
            steps = behind;
        }
    }
    said.push((script.who, rest.to_vec()));
    said
}

fn anything(mut steps: &[u8]) -> Vec<(Side, Vec<u8>)> {
    let mut said = Vec::new();
    while let [step, behind @ ..] = steps {
        let (words, behind) = behind.split_at(usize::from(step & 0x7f).min(behind.len()));
        said.push((if *step < 0x80 { C } else { S }, words.to_vec()));
        steps = behind;
    }
    said
}

/// What is shown, and how much of it was not kept.
fn read(said: &[(Side, Vec<u8>)], longest: usize) -> (Vec<Said>, u64) {
    let mut talk = Talk::default();
    for (at, (from, words)) in (0..).zip(said) {
        for piece in words.chunks(longest) {
            talk.hear(Nanos(at), *from, Heard::Bytes(piece));
        }
    }
    talk.finish()
}

fn check_bounds(said: &[(Side, Vec<u8>)], (shown, left_out): &(Vec<Said>, u64)) {
    assert!(shown.len() <= FIRST + LAST && (*left_out == 0 || shown.len() == FIRST + LAST));
    let bytes: usize = said.iter().map(|(_, words)| words.len()).sum();
    let mut told = 0;
    for Said { words, .. } in shown {
        match words {
            Words::Line(line) => {
                assert!(line.len() <= KEPT + 3 && line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line:?}");
            }
            Words::Bytes(len, first) => {
                assert!(first.len() as u64 <= *len);
                told += len;
            }
            Words::Hidden(_, len) => told += len,
            Words::Missing(_) => panic!("nothing is"),
        }
    }
    assert!(told <= bytes as u64, "{told} of {bytes} bytes");
}

fn check_secret(from: Side, (shown, _): &(Vec<Said>, u64)) {
    for said in shown.iter().filter(|said| said.from == from) {
        let Words::Line(line) = &said.words else { continue };
        let part = SECRET
            .as_bytes()
            .windows(GIVEN_AWAY)
            .find(|part| line.as_bytes().windows(GIVEN_AWAY).any(|at| at == *part));
        assert!(part.is_none(), "{line:?} among {shown:?}");
    }
}

//! The name server: a question's name is its answer.

use std::io::{self, Read, Write};
use std::net::{IpAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use super::client::Line;
use super::seed_of;
use crate::daemons::names::{name_of, parse_name};
use crate::rng::Rng;

const A: u16 = 1;
const AAAA: u16 = 28;

/// Answers in a thread of its own.
pub(super) fn serve(socket: UdpSocket) -> io::Result<()> {
    thread::Builder::new().spawn(move || {
        let mut question = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut question) {
            if let Some(answer) = answer(&question[..length]) {
                _ = socket.send_to(&answer, from);
            }
        }
    })?;
    Ok(())
}

/// The same over TCP, where two bytes say how long a message is.
pub(super) fn serve_stream(line: &mut Line) -> io::Result<()> {
    loop {
        let Some(answer) = answer(&message(line)?) else { return Ok(()) };
        line.get_mut().write_all(&framed(&answer))?;
    }
}

/// Asks for names, over TCP; says how it went.
pub(super) fn look_up(token: &str, line: &mut Line, (names, pause): (u32, u64)) -> io::Result<(String, u32)> {
    let mut rng = Rng::new(seed_of(token), 53);
    for number in 0..names {
        if number > 0 {
            thread::sleep(Duration::from_millis(pause));
        }
        let name = name_of(IpAddr::from([198, 18, rng.range(1, 254) as u8, rng.range(1, 254) as u8]));
        line.get_mut().write_all(&framed(&question(rng.next() as u16, &name)))?;
        if message(line)?.get(3).is_none_or(|code| code & 15 != 0) {
            return Ok(("no-answer".to_owned(), 0));
        }
    }
    Ok(("ok".to_owned(), 0))
}

fn message(line: &mut Line) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    line.read_exact(&mut length)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    line.read_exact(&mut message)?;
    Ok(message)
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes(), message].concat()
}

fn question(id: u16, name: &str) -> Vec<u8> {
    let mut question = id.to_be_bytes().to_vec();
    question.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        question.push(label.len() as u8);
        question.extend_from_slice(label.as_bytes());
    }
    question.extend_from_slice(&[0, 0, A as u8, 0, 1]);
    question
}

/// RFC 1035, one question: its address, or that there is no such name, or that there is none of that kind.
fn answer(packet: &[u8]) -> Option<Vec<u8>> {
    let (name, after) = name(packet)?;
    let kind = u16::from_be_bytes([*packet.get(after)?, *packet.get(after + 1)?]);
    let question = packet.get(12..after + 4)?;
    let address = parse_name(&name);
    let data = match (address, kind) {
        (Some(IpAddr::V4(v4)), A) => v4.octets().to_vec(),
        (Some(IpAddr::V6(v6)), AAAA) => v6.octets().to_vec(),
        _ => Vec::new(),
    };
    let code = if address.is_some() { 0x80 } else { 0x83 };
    let mut answer = vec![packet[0], packet[1], 0x85, code, 0, 1, 0, u8::from(!data.is_empty()), 0, 0, 0, 0];
    answer.extend_from_slice(question);
    if !data.is_empty() {
        answer.extend_from_slice(&[0xc0, 12]);
        answer.extend_from_slice(&kind.to_be_bytes());
        answer.extend_from_slice(&[0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
        answer.extend_from_slice(&data);
    }
    Some(answer)
}

/// The name in question, and what follows it.
fn name(packet: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), 12);
    loop {
        let length = usize::from(*packet.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(packet.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::{answer, question};

    #[test]
    fn a_question_is_answered_by_its_name() {
        let mut question = question(0x0709, "a-198-18-0-1.lab.example");
        let reply = answer(&question).unwrap();
        assert_eq!((&reply[..4], &reply[reply.len() - 4..]), (&[7, 9, 0x85, 0x80][..], &[198, 18, 0, 1][..]));
        let kind = question.len() - 3;
        question[kind] = 28;
        assert_eq!(answer(&question).unwrap().len(), question.len());
        assert_eq!(answer(&question[..20]), None);
    }
}

//! The name server: a question's name is its answer.

use std::io;
use std::net::{IpAddr, UdpSocket};
use std::thread;

use crate::daemons::names::parse_name;

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
    use super::answer;

    #[test]
    fn a_question_is_answered_by_its_name() {
        let mut question = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 12];
        question.extend_from_slice(b"a-198-18-0-1\x03lab\x07example\0\0\x01\0\x01");
        let reply = answer(&question).unwrap();
        assert_eq!((&reply[..4], &reply[reply.len() - 4..]), (&[7, 9, 0x85, 0x80][..], &[198, 18, 0, 1][..]));
        let kind = question.len() - 3;
        question[kind] = 28;
        assert_eq!(answer(&question).unwrap().len(), question.len());
        assert_eq!(answer(&question[..20]), None);
    }
}

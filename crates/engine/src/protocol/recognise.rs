use catspaw_records::AppProto;
pub(super) enum Guess {
    Known(AppProto),
    More,
    Never,
}
pub(super) fn recognise(orig: &[u8], resp: &[u8], more: [bool; 2]) -> Guess {
    const METHODS: [&[u8]; 7] = [b"GET ", b"POST ", b"HEAD ", b"PUT ", b"OPTIONS ", b"DELETE ", b"PATCH "];
    let says = |words: &[u8]| orig.len() >= words.len() && orig[..words.len()].eq_ignore_ascii_case(words);
    use Guess::*;
    if orig.starts_with(b"SSH-") || resp.starts_with(b"SSH-") {
        return Known(AppProto::Ssh);
    }
    if let [0x16, 3, _, _, _, 1, ..] = orig {
        return Known(AppProto::Tls);
    }
    if says(b"CONNECT ") {
        return Known(AppProto::HttpConnect);
    }
    if METHODS.iter().any(|method| says(method)) {
        let absolute = memchr::memmem::find(orig, b" http://").is_some();
        return Known(if absolute { AppProto::HttpProxy } else { AppProto::Http });
    }
    if resp.starts_with(b"220") && (says(b"EHLO ") || says(b"HELO ")) {
        return Known(AppProto::Smtp);
    }
    if resp.starts_with(b"220") && says(b"USER ") {
        return Known(AppProto::Ftp);
    }
    match resp {
        [b'+', b'O', b'K', b' ', ..] => Known(AppProto::Pop3),
        [b'*', b' ', b'O', b'K', ..] => Known(AppProto::Imap),
        [5, 0 | 2, ..] if matches!(orig, [5, methods, rest @ ..] if rest.len() >= usize::from(*methods)) => {
            Known(AppProto::Socks5)
        }
        [0, 90..=93, ..] if orig.starts_with(&[4, 1]) => Known(AppProto::Socks4),
        _ => {
            if more == [false; 2] || orig.len() + resp.len() > 100 {
                Never
            } else {
                More
            }
        }
    }
}

//! What can be wrong with a piece of evidence.

use std::fmt;
use std::io;

use super::Packing;

/// What is wrong with a piece of evidence, and which.
#[derive(Debug)]
pub(crate) struct Problem {
    /// The path as it was named or met; `-` for standard input.
    pub(crate) path: String,
    /// Whether the user named it, and did not only name a directory that it is in.
    pub(crate) named: bool,
    /// What it is.
    pub(crate) what: What,
}

/// What can be wrong.
#[derive(Debug)]
pub(crate) enum What {
    /// There is nothing of that name.
    Missing,
    /// The system does not let us read it.
    Unreadable(io::Error),
    /// A directory was named and there is no file in it.
    NoFile,
    /// A socket or a device, where a directory was searched for files.
    Special,
    /// It is packed in a way that this version does not unpack.
    Unsupported(Packing),
    /// It can be read, but it is no evidence; what it seems to be instead.
    NotEvidence(&'static str),
    /// It is a log of columns, but no map fits it: what the nearest names that its header lacks.
    Unfit(String),
    /// It has no header, and these two logs, whose columns differ, could both go on in it.
    Undecided([String; 2]),
    /// A map was taken for it that names what its header lacks, or that looks wrong.
    Doubtful(String),
    /// It is evidence, but not of who was behind an address; what it is.
    Untold(&'static str),
    /// There is nothing in it.
    Empty,
    /// It is a capture that is damaged or cut off; in which way, and where.
    Capture(String),
    /// It is a scan without its end.
    ScanCutOff,
    /// Its last line has no end.
    LastLine,
    /// The packed data end before they say so.
    CutOff(Packing),
    /// The packed data are wrong somewhere, or want more memory than is given; what the unpacker says.
    Damaged(Packing, io::Error),
}

/// How much a problem matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// What the user asked for was not read.
    Error,
    /// Something was not read that the user did not ask for by name, or only a part was read.
    Warning,
}

impl Problem {
    /// How much it matters: nobody expects every file of a directory to be evidence.
    pub(crate) fn severity(&self) -> Severity {
        match self.what {
            What::Empty
            | What::Doubtful(_)
            | What::Capture(_)
            | What::LastLine
            | What::ScanCutOff
            | What::NoFile
            | What::CutOff(_)
            | What::Damaged(..) => Severity::Warning,
            _ if self.named => Severity::Error,
            _ => Severity::Warning,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.path == "-" { "standard input" } else { &self.path };
        write!(f, "{name}: {}", self.why())
    }
}

/// What is wrong, and what to do about it.
struct Why<'a>(&'a Problem);

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.what {
            What::Missing => f.write_str("there is no such file or directory"),
            What::Unreadable(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                f.write_str("permission denied: run as a user who may read it")
            }
            What::Unreadable(error) => write!(f, "cannot be read: {error}"),
            What::NoFile => f.write_str("a directory without a file in it"),
            What::Special => f.write_str("neither a file nor a directory: left out (name it to read it)"),
            What::Unsupported(packing) => {
                write!(f, "{packing}: not read by this version; {}", self.0.unpack_command(packing.command()))
            }
            What::NotEvidence(seems) => write!(f, "no evidence: {seems}"),
            What::Empty => f.write_str("empty"),
            What::Untold(what) => {
                write!(f, "{what} does not say who was behind an address: name a firewall's log, or leases")
            }
            What::Unfit(why) => write!(f, "no evidence: {why}"),
            What::Undecided([one, other]) => write!(
                f,
                "not read: it has no header, and fits the columns of {one} as well as those of {other}: put the header of its log before it"
            ),
            What::Doubtful(what) | What::Capture(what) => f.write_str(what),
            What::ScanCutOff => f.write_str("the end of the scan is not in it: the hosts before it are read"),
            What::LastLine => f.write_str("the last line has no end: it may have been cut off there"),
            What::CutOff(packing) => {
                write!(f, "cut off: the {packing} data end early; what comes before is read")
            }
            What::Damaged(packing, error) => {
                write!(f, "the {packing} data cannot be unpacked any further ({error}): only what comes before is read")
            }
        }
    }
}

impl Problem {
    /// What is wrong and what to do, without the name.
    pub(crate) fn why(&self) -> String {
        Why(self).to_string()
    }

    /// Whether it is a map of columns that may be wrong: the file was read by it.
    pub(crate) fn is_doubt(&self) -> bool {
        matches!(self.what, What::Doubtful(_))
    }

    /// Leaves out what a file's first line holds, which may be whatever is to be redacted.
    pub(crate) fn hide(&mut self) {
        if let What::Unfit(why) = &mut self.what
            && let Some((shown, _)) = why.match_indices(": ").nth(1)
        {
            // Behind the map that does not fit and what it does.
            why.truncate(shown);
        }
    }

    fn unpack_command(&self, command: &str) -> String {
        match self.path.as_str() {
            "-" => format!("put {command} before catspaw: ... | {command} | catspaw scan -"),
            path => format!("{command} {} | catspaw scan -", quoted(path)),
        }
    }
}

/// `path` as a shell takes it for one word.
fn quoted(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:,@".contains(&byte);
    if !path.is_empty() && !path.starts_with('-') && path.bytes().all(plain) {
        return path.to_owned();
    }
    let dashed = if path.starts_with('-') { "./" } else { "" };
    format!("'{dashed}{}'", path.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(path: &str, named: bool, what: What) -> Problem {
        Problem { path: path.to_owned(), named, what }
    }

    #[test]
    fn a_problem_names_the_file_and_says_what_to_do() {
        let packed = |path| problem(path, true, What::Unsupported(Packing::Lz4)).to_string();
        assert_eq!(packed("a.lz4"), "a.lz4: lz4: not read by this version; lz4cat a.lz4 | catspaw scan -");
        assert_eq!(
            packed("it's.lz4"),
            r"it's.lz4: lz4: not read by this version; lz4cat 'it'\''s.lz4' | catspaw scan -"
        );
        assert_eq!(packed("-a.lz4"), "-a.lz4: lz4: not read by this version; lz4cat './-a.lz4' | catspaw scan -");
        assert_eq!(
            packed("-"),
            "standard input: lz4: not read by this version; put lz4cat before catspaw: ... | lz4cat | catspaw scan -"
        );
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let text = problem("a", true, What::Unreadable(denied)).to_string();
        assert_eq!(text, "a: permission denied: run as a user who may read it");
    }

    #[test]
    fn what_was_named_and_not_read_is_an_error() {
        let severity = |named, what| problem("a", named, what).severity();
        assert_eq!(severity(true, What::Missing), Severity::Error);
        assert_eq!(severity(true, What::NotEvidence("text")), Severity::Error);
        assert_eq!(severity(false, What::NotEvidence("text")), Severity::Warning);
        assert_eq!(severity(false, What::Unsupported(Packing::Lz4)), Severity::Warning);
        assert_eq!(severity(true, What::Empty), Severity::Warning);
        assert_eq!(severity(true, What::CutOff(Packing::Gzip)), Severity::Warning);
    }
}

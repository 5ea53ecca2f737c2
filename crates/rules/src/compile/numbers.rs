//! `byte_test`, `byte_jump`, `byte_extract`, `byte_math`, `isdataat`.

use crate::ast::{Opt, Spanned};
use crate::diagnostic::{Code, Fault};
use crate::inspect::{Compare, From, Number, Operator, Reading, Step};
use crate::keyword::Keyword;

use super::content::amount;
use super::{Parts, bad_value, text, value};

/// Numbers taken by one rule.
const MAX_TAKEN: usize = 32;

pub(super) fn option(parts: &mut Parts, keyword: Keyword, option: &Opt) -> Result<(), Fault> {
    let value = value(option)?;
    let text = text(value);
    let words: Vec<&str> = text.split(',').map(str::trim).collect();
    let line = Line { value, words: &words, taken: &parts.taken };
    let step = match keyword {
        Keyword::ByteTest => byte_test(&line)?,
        Keyword::ByteJump => byte_jump(&line)?,
        Keyword::IsDataAt => is_data_at(&line)?,
        _ => {
            let (step, name) = if keyword == Keyword::ByteMath { byte_math(&line)? } else { byte_extract(&line)? };
            parts.taken.push(name);
            step
        }
    };
    parts.payload.push(step);
    Ok(())
}

/// The words of one option.
struct Line<'a> {
    value: &'a Spanned<Vec<u8>>,
    words: &'a [&'a str],
    taken: &'a [String],
}

/// The flags that the three have in common, and those of one.
#[derive(Default)]
struct Flags {
    relative: bool,
    little: bool,
    string: bool,
    base: Option<u32>,
    mask: Option<u32>,
    multiplier: u32,
    align: u32,
    post_offset: i64,
    from_beginning: bool,
    from_end: bool,
}

impl Line<'_> {
    fn word(&self, at: usize) -> Result<&str, Fault> {
        self.words.get(at).copied().ok_or_else(|| bad_value(self.value, "something is missing at the end of this"))
    }

    fn bad(&self, word: &str) -> Fault {
        bad_value(self.value, format!("`{word}` is not understood here"))
    }

    fn amount(&self, word: &str) -> Result<Number, Fault> {
        amount(self.taken, &Spanned { value: word.as_bytes().to_vec(), span: self.value.span })
    }

    /// A name under which a number is kept.
    fn new_name(&self, name: &str) -> Result<String, Fault> {
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if is_name && self.taken.len() < MAX_TAKEN { Ok(name.to_owned()) } else { Err(self.bad(name)) }
    }

    fn count(&self, at: usize, max: usize) -> Result<usize, Fault> {
        let word = self.word(at)?;
        word.parse().ok().filter(|count| *count <= max).ok_or_else(|| self.bad(word))
    }

    fn flags(&self, from: usize) -> Result<Flags, Fault> {
        let mut flags = Flags { multiplier: 1, ..Flags::default() };
        for word in self.words.get(from..).unwrap_or_default() {
            self.flag(word, &mut flags)?;
        }
        Ok(flags)
    }

    fn flag(&self, word: &str, flags: &mut Flags) -> Result<(), Fault> {
        let (name, argument) = word.split_once([' ', '\t']).map_or((word, ""), |(name, rest)| (name, rest.trim()));
        match name {
            "relative" => flags.relative = true,
            "big" => flags.little = false,
            "little" => flags.little = true,
            "string" => flags.string = true,
            "hex" => flags.base = Some(16),
            "dec" => flags.base = Some(10),
            "oct" => flags.base = Some(8),
            "from_beginning" => flags.from_beginning = true,
            "from_end" => flags.from_end = true,
            "align" if argument.is_empty() => flags.align = 4,
            "align" => {
                flags.align = argument.parse().ok().filter(|n| matches!(n, 2 | 4)).ok_or_else(|| self.bad(word))?
            }
            "multiplier" => flags.multiplier = argument.parse().map_err(|_| self.bad(word))?,
            "post_offset" => flags.post_offset = argument.parse::<i32>().map_err(|_| self.bad(word))?.into(),
            "bitmask" => flags.mask = Some(self.mask(argument, word)?),
            "dce" => return Err(Fault::new(Code::NotBuilt, self.value.span, "`dce` is not built")),
            _ => {
                return Err(self.bad(word).help(
                    "relative, big, little, string, hex, dec, oct, from_beginning, from_end, align, multiplier, post_offset and bitmask are",
                ));
            }
        }
        Ok(())
    }

    fn mask(&self, argument: &str, word: &str) -> Result<u32, Fault> {
        let digits = argument.strip_prefix("0x").unwrap_or(argument);
        u32::from_str_radix(digits, 16).ok().filter(|mask| *mask != 0).ok_or_else(|| self.bad(word))
    }

    fn reading(&self, count: usize, offset: Number, flags: &Flags) -> Result<Reading, Fault> {
        if !flags.string && count > 8 {
            return Err(bad_value(self.value, "a binary number has at most 8 bytes"));
        }
        let text = flags.string.then(|| flags.base.unwrap_or(10));
        Ok(Reading { count, offset, relative: flags.relative, little: flags.little, text, mask: flags.mask })
    }
}

fn byte_test(line: &Line<'_>) -> Result<Step, Fault> {
    let count = line.count(0, 23)?;
    let operator = line.word(1)?;
    let (negated, compare) = operator.strip_prefix('!').map_or((false, operator), |rest| (true, rest.trim()));
    let compare = match compare {
        "<" => Compare::Less,
        ">" => Compare::Greater,
        "=" | "" => Compare::Equal,
        "<=" => Compare::AtMost,
        ">=" => Compare::AtLeast,
        "&" => Compare::And,
        "^" => Compare::Xor,
        _ => {
            return Err(line
                .bad(operator)
                .help("the comparisons are <, >, =, <=, >=, & and ^, with ! before them or not"));
        }
    };
    let flags = line.flags(4)?;
    let value = compared(line, line.word(2)?)?;
    let reading = line.reading(count, line.amount(line.word(3)?)?, &flags)?;
    Ok(Step::ByteTest { reading, compare, negated, value })
}

/// What is compared with: decimal, hexadecimal with `0x`, or taken from the data.
fn compared(line: &Line<'_>, word: &str) -> Result<Number, Fault> {
    let hex = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    let number = hex.map_or_else(|| word.parse::<u64>().ok(), |digits| u64::from_str_radix(digits, 16).ok());
    match number {
        Some(number) => Ok(Number::Is(number as i64)),
        None => line.amount(word),
    }
}

fn byte_jump(line: &Line<'_>) -> Result<Step, Fault> {
    let count = line.count(0, 23)?;
    let flags = line.flags(2)?;
    let reading = line.reading(count, line.amount(line.word(1)?)?, &flags)?;
    let from = match (flags.from_beginning, flags.from_end) {
        (true, _) => From::Beginning,
        (_, true) => From::End,
        _ => From::Number,
    };
    let Flags { multiplier, post_offset, align, .. } = flags;
    Ok(Step::ByteJump { reading, multiplier, align: align != 0, from, post_offset })
}

fn byte_extract(line: &Line<'_>) -> Result<(Step, String), Fault> {
    let count = line.count(0, 23)?;
    let name = line.new_name(line.word(2)?)?;
    let flags = line.flags(3)?;
    let reading = line.reading(count, line.amount(line.word(1)?)?, &flags)?;
    let register = line.taken.len();
    Ok((Step::ByteExtract { reading, multiplier: flags.multiplier, align: flags.align, register }, name))
}

/// `bytes N, offset N, oper O, rvalue N, result NAME`, and what else there is, in any order.
fn byte_math(line: &Line<'_>) -> Result<(Step, String), Fault> {
    let (mut flags, mut own) = (Flags { multiplier: 1, ..Flags::default() }, [None; 5]);
    for word in line.words {
        let (name, argument) = word.split_once([' ', '\t']).map_or((*word, ""), |(name, rest)| (name, rest.trim()));
        match name {
            "bytes" => own[0] = Some(argument),
            "offset" => own[1] = Some(argument),
            "oper" => own[2] = Some(argument),
            "rvalue" => own[3] = Some(argument),
            "result" => own[4] = Some(argument),
            "endian" if matches!(argument, "big" | "little") => line.flag(argument, &mut flags)?,
            "string" if matches!(argument, "hex" | "dec" | "oct") => {
                line.flag("string", &mut flags)?;
                line.flag(argument, &mut flags)?;
            }
            "relative" | "dce" | "bitmask" => line.flag(word, &mut flags)?,
            _ => {
                return Err(line.bad(word).help(
                    "bytes, offset, oper, rvalue, result, endian big or little, string hex, dec or oct, relative and bitmask are",
                ));
            }
        }
    }
    let [Some(bytes), Some(offset), Some(operator), Some(value), Some(result)] = own else {
        return Err(bad_value(line.value, "one of bytes, offset, oper, rvalue, result is missing"));
    };
    let count = bytes.parse().ok().filter(|count| (1..=10).contains(count)).ok_or_else(|| line.bad(bytes))?;
    let operator = match operator {
        "+" => Operator::Plus,
        "-" => Operator::Minus,
        "*" => Operator::Times,
        "/" => Operator::Over,
        "<<" => Operator::Left,
        ">>" => Operator::Right,
        _ => return Err(line.bad(operator).help("the operators are +, -, *, /, << and >>")),
    };
    // The mask is that of the result.
    let mask = flags.mask.take();
    let reading = line.reading(count, line.amount(offset)?, &flags)?;
    let (value, register) = (compared(line, value)?, line.taken.len());
    Ok((Step::ByteMath { reading, operator, value, mask, register }, line.new_name(result)?))
}

fn is_data_at(line: &Line<'_>) -> Result<Step, Fault> {
    let word = line.word(0)?;
    let (negated, at) = word.strip_prefix('!').map_or((false, word), |rest| (true, rest.trim()));
    let mut relative = false;
    for word in &line.words[1..] {
        match *word {
            "relative" => relative = true,
            "rawbytes" => {}
            _ => return Err(line.bad(word).help("relative and rawbytes are")),
        }
    }
    Ok(Step::IsDataAt { at: line.amount(at)?, relative, negated })
}

//! `cargo xtask luperiq log`: a kernel that says what it says as frames of defmt, read as lines.
//!
//! The words of what such a kernel says are names of symbols in its ELF file and nowhere in its
//! image. On the serial line each frame stands between two zero bytes; whatever else is there is
//! text of programs, or the kernel's last words.
//!
//! # Invariants
//! - What cannot be read as a frame is shown as what it is, and the next frame is read again,
//!   wherever a line began or was cut.
//! - Nothing that arrives makes this fail or ask for much memory.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::process::Stdio;

use super::cases::{self, Case};
use super::qemu::Machine;
use super::{Kind, disk, image, record};
use crate::error::Error;
use crate::workspace::Workspace;

/// Boots a machine whose kernel says what it says in frames, for a person.
pub(super) fn attach(workspace: &Workspace, arguments: &str) -> Result<(), Error> {
    let (image, words) = build(workspace)?;
    let process = Machine::new(arguments).process(workspace, &image).args(["-display", "none"]);
    let mut command = process.command();
    command.stdin(Stdio::inherit()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|cause| process.not_started(&cause))?;
    let mut reader = Reader::new(&words);
    let mut bytes = [0; 4096];
    while let Some(pipe) = &mut child.stdout
        && let Ok(count @ 1..) = pipe.read(&mut bytes)
    {
        let text = reader.take(&bytes[..count]);
        let mut screen = std::io::stdout();
        // Nobody may be reading any more; the machine ends by itself.
        let _ = screen.write_all(text.as_bytes()).and_then(|()| screen.flush());
    }
    print!("{}", reader.end());
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::new(format!("the machine ended with {status}"))),
        Err(cause) => Err(Error::new(format!("the machine cannot be waited for: {cause}"))),
    }
}

/// What the kernel says is the same in frames and in text, and where it fails too.
pub(super) fn run(workspace: &Workspace) -> Result<usize, Error> {
    let (image, words) = build(workspace)?;
    let mut failed = 0;
    for case in &cases::framed() {
        let is_failing = case.status != 0;
        let path = disk::blank(workspace, "framed.disk", super::FAILING_BYTES)?;
        let disk = is_failing.then_some(path.as_path());
        let machine = Machine { arguments: &case.arguments, disk, ..Machine::new("") };
        let (bytes, status) = machine.boot_for_bytes(workspace, &image)?;
        failed += usize::from(!is_well(&words, case, &bytes, status));
        if is_failing {
            record(workspace, &path, None)?;
        }
        disk::remove(&path)?;
    }
    Ok(failed)
}

/// How many bytes of text and constants a kernel has that says everything in frames.
pub(super) fn constant_bytes(workspace: &Workspace) -> Result<usize, Error> {
    super::build_kernel(workspace, "defmt")
        .map(|kernel| image::constant_bytes(&kernel).unwrap_or_default())
}

fn is_well(words: &Words, case: &Case, bytes: &[u8], status: Option<i32>) -> bool {
    let mut reader = Reader::new(words);
    let text = format!("{}{}", reader.take(bytes), reader.end());
    // Words on the line would not be in the file alone.
    let on_the_line = String::from_utf8_lossy(bytes).contains("MiB of memory");
    let said = on_the_line.then(|| "the kernel's words are on the line".to_string());
    match said.or_else(|| cases::difference(case, &text.replace('\r', ""), status)) {
        None => println!("   ok      EL1  in frames: {}", case.name),
        Some(what) => {
            println!("   FAILED  EL1  in frames: {}: {what}\n{text}", case.name);
            return false;
        }
    }
    true
}

fn build(workspace: &Workspace) -> Result<(std::path::PathBuf, Words), Error> {
    let image = super::build(workspace, Kind::Framed)?;
    let words = Words::of(&super::read(&super::kernel(workspace))?);
    Ok((image, words.ok_or_else(|| Error::new("the kernel's file has no words for frames"))?))
}

/// The words of what a kernel says, by the numbers under which it says them.
#[derive(Debug, Default)]
struct Words {
    by_number: BTreeMap<u16, String>,
    moment: String,
}

impl Words {
    /// Those in an ELF file.
    fn of(elf: &[u8]) -> Option<Self> {
        let mut words = Self::default();
        let (headers, size) = (number(elf, 40, 8)?, number(elf, 58, 2)?);
        let count = number(elf, 60, 2)?;
        let section = |index: usize| {
            let header = elf.get(headers.checked_add(index.checked_mul(size)?)?..)?;
            let [start, bytes] = [number(header, 24, 8)?, number(header, 32, 8)?];
            // A section without content in the file has a length all the same.
            let content = elf.get(start..start.checked_add(bytes)?).unwrap_or_default();
            Some((number(header, 0, 4)?, number(header, 4, 4)?, number(header, 40, 4)?, content))
        };
        let (_, _, _, names) = section(number(elf, 62, 2)?)?;
        let own = (0..count).find(|index| {
            section(*index).and_then(|(name, ..)| text(names, name)) == Some(".defmt")
        })?;
        let is_table = |index: &usize| section(*index).is_some_and(|(_, kind, ..)| kind == SYMBOLS);
        let (_, _, link, symbols) = section((0..count).find(is_table)?)?;
        let (_, _, _, names) = section(link)?;
        for symbol in symbols.chunks_exact(SYMBOL_BYTES) {
            if number(symbol, 6, 2)? != own {
                continue;
            }
            let name = text(names, number(symbol, 0, 4)?)?;
            let Some(data) = member(name, "data") else { continue };
            match member(name, "tag").as_deref() {
                Some("defmt_timestamp") => words.moment = data,
                _ => {
                    let number = u16::try_from(number(symbol, 8, 8)?).ok()?;
                    words.by_number.insert(number, data);
                }
            }
        }
        (!words.moment.is_empty()).then_some(words)
    }

    /// What a frame says, as the line that the kernel would have printed.
    fn line(&self, frame: &[u8]) -> Option<String> {
        let bytes = unpacked(frame)?;
        let mut rest = bytes.as_slice();
        let said = self.by_number.get(&take(&mut rest, 2)?.try_into().ok()?)?;
        let moment = self.said(&self.moment, &mut rest, "", 0)?;
        let line = self.said(said, &mut rest, "", 0)?;
        // The last byte of the packing stands for up to six zeros that nobody wrote.
        let is_whole = rest.len() < 7 && rest.iter().all(|byte| *byte == 0);
        is_whole.then(|| format!("[{moment}] {line}\n"))
    }

    /// Text with its values, which stand in `rest` in their order.
    fn said(&self, text: &str, rest: &mut &[u8], hint: &str, depth: usize) -> Option<String> {
        let mut line = String::new();
        let mut text = text;
        while let Some(place) = text.find(['{', '}']) {
            line.push_str(text.get(..place)?);
            text = text.get(place..)?;
            if let Some(behind) = text.strip_prefix("{{").or_else(|| text.strip_prefix("}}")) {
                line.push_str(text.get(..1)?);
                text = behind;
                continue;
            }
            let (inner, behind) = text.strip_prefix('{')?.split_once('}')?;
            text = behind;
            let (kind, own) = inner.split_once(':').unwrap_or((inner, ""));
            let hint = if own.is_empty() { hint } else { own };
            line.push_str(&self.value(kind.trim_start_matches('='), rest, hint, depth)?);
        }
        line.push_str(text);
        Some(line)
    }

    fn value(&self, kind: &str, rest: &mut &[u8], hint: &str, depth: usize) -> Option<String> {
        Some(match kind {
            // Its own number says of what kind it is.
            "" | "?" if depth < DEPTH_MAX => {
                let said = self.by_number.get(&take(rest, 2)?.try_into().ok()?)?;
                self.said(said, rest, hint, depth + 1)?
            }
            "u8" => written(take(rest, 1)?, hint),
            "u16" => written(take(rest, 2)?, hint),
            "u32" | "usize" => written(take(rest, 4)?, hint),
            "u64" => written(take(rest, 8)?, hint),
            "i32" | "isize" => (take(rest, 4)? as u32 as i32).to_string(),
            "i64" => (take(rest, 8)? as i64).to_string(),
            "bool" => (take(rest, 1)? != 0).to_string(),
            "str" => {
                let count = usize::try_from(take(rest, 4)?).ok()?;
                let (said, behind) = rest.split_at_checked(count)?;
                *rest = behind;
                String::from_utf8_lossy(said).into_owned()
            }
            "istr" => self.by_number.get(&take(rest, 2)?.try_into().ok()?)?.clone(),
            "__internal_Display" | "__internal_Debug" => {
                let end = rest.iter().position(|byte| *byte == 0xff)?;
                let (said, behind) = rest.split_at_checked(end)?;
                *rest = behind.get(1..)?;
                String::from_utf8_lossy(said).into_owned()
            }
            _ => return None,
        })
    }
}

/// Reads what is on a serial line, piece by piece.
struct Reader<'a> {
    words: &'a Words,
    /// What stands behind a zero byte.
    frame: Option<Vec<u8>>,
}

impl<'a> Reader<'a> {
    fn new(words: &'a Words) -> Self {
        Self { words, frame: None }
    }

    /// What is to be shown of these bytes.
    fn take(&mut self, bytes: &[u8]) -> String {
        let mut shown = Vec::new();
        for byte in bytes {
            match (&mut self.frame, byte) {
                (None, 0) => self.frame = Some(Vec::new()),
                (None, _) => shown.push(*byte),
                // Two zeros in a row: the second begins a frame.
                (Some(frame), 0) if frame.is_empty() => {}
                (Some(frame), 0) => match self.words.line(frame) {
                    Some(line) => {
                        shown.extend(line.into_bytes());
                        self.frame = None;
                    }
                    // A frame that was cut, or text behind one: the next begins here.
                    None => shown.extend(unread(&core::mem::take(frame))),
                },
                (Some(frame), _) if frame.len() >= FRAME_BYTES_MAX => {
                    shown.extend(unread(&core::mem::take(frame)));
                    shown.push(*byte);
                    self.frame = None;
                }
                (Some(frame), _) => frame.push(*byte),
            }
        }
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// What is left at the end.
    fn end(&mut self) -> String {
        let left = self.frame.take().filter(|frame| !frame.is_empty());
        left.map(|left| String::from_utf8_lossy(&unread(&left)).into_owned()).unwrap_or_default()
    }
}

/// What is shown of bytes that are no frame of this kernel: text as it is.
fn unread(bytes: &[u8]) -> Vec<u8> {
    let is_text = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x1b | 0x20..=0x7e | 0x80..);
    if bytes.iter().all(is_text) && core::str::from_utf8(bytes).is_ok() {
        return bytes.to_vec();
    }
    format!("[{} bytes that are no frame of this kernel]\n", bytes.len()).into_bytes()
}

/// Undoes the packing of a frame (rzCOBS), which is read from its end.
fn unpacked(frame: &[u8]) -> Option<Vec<u8>> {
    let mut frame = frame;
    let mut bytes = Vec::new();
    while let Some((code, rest)) = frame.split_last() {
        frame = rest;
        let mut next = || {
            let (byte, rest) = frame.split_last()?;
            frame = rest;
            Some(*byte)
        };
        match *code {
            0 => return None,
            code @ 1..=0x7f => {
                for bit in (0..7).rev() {
                    bytes.push(if code >> bit & 1 == 1 { 0 } else { next()? });
                }
            }
            code @ 0x80..=0xfe => {
                bytes.push(0);
                for _ in 0..(code & 0x7f) + 7 {
                    bytes.push(next()?);
                }
            }
            0xff => {
                for _ in 0..134 {
                    bytes.push(next()?);
                }
            }
        }
    }
    bytes.reverse();
    Some(bytes)
}

/// A number, as its hint wants it.
fn written(number: u64, hint: &str) -> String {
    match hint {
        "x" => format!("{number:x}"),
        "#x" => format!("{number:#x}"),
        "us" => format!("{:3}.{:06}", number / 1_000_000, number % 1_000_000),
        _ => number.to_string(),
    }
}

/// A little-endian number at the start of what is left.
fn take(rest: &mut &[u8], bytes: usize) -> Option<u64> {
    let (field, behind) = rest.split_at_checked(bytes)?;
    *rest = behind;
    Some(field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    usize::try_from(take(&mut bytes.get(at..)?, length)?).ok()
}

/// Text in a table of an ELF file, up to its zero byte.
fn text(table: &[u8], at: usize) -> Option<&str> {
    let name = table.get(at..)?.split(|byte| *byte == 0).next()?;
    core::str::from_utf8(name).ok()
}

/// A member of the JSON object that a symbol's name is: flat, and its values are strings.
fn member(name: &str, wanted: &str) -> Option<String> {
    let start = name.find(&format!("\"{wanted}\":\""))? + wanted.len() + 4;
    let mut value = String::new();
    let mut letters = name.get(start..)?.chars();
    loop {
        match letters.next()? {
            '"' => return Some(value),
            '\\' => match letters.next()? {
                'n' => value.push('\n'),
                'u' => {
                    let digits: String = letters.by_ref().take(4).collect();
                    value.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
                }
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
}

/// A table of symbols in an ELF file, and how long each is.
const SYMBOLS: usize = 2;
const SYMBOL_BYTES: usize = 24;

/// The kernel's values have no values in them.
const DEPTH_MAX: usize = 4;

/// More than the longest line that the kernel says.
const FRAME_BYTES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        let by_number = [
            (1, "{=u64}"),
            (2, "{=str}"),
            (3, "{=__internal_Display}"),
            (4, "`{}` of {} at {:#x}: {}, {{}}"),
            (5, "nothing more"),
        ];
        let by_number = by_number.map(|(number, text)| (number, text.into())).into();
        Words { by_number, moment: "{=u64:us}".into() }
    }

    /// As the encoder packs: each value's bytes are packed behind one another.
    fn packed(bytes: &[u8]) -> Vec<u8> {
        let (mut frame, mut run, mut zeros) = (Vec::new(), 0_u8, 0_u8);
        for byte in bytes {
            let is_zero = *byte == 0;
            if !is_zero {
                frame.push(*byte);
            }
            if run < 7 {
                zeros |= u8::from(is_zero) << run;
                run += 1;
                if run == 7 && zeros != 0 {
                    frame.push(zeros);
                    (run, zeros) = (0, 0);
                }
            } else if is_zero {
                frame.push((run - 7) | 0x80);
                (run, zeros) = (0, 0);
            } else {
                run += 1;
                if run == 134 {
                    frame.push(0xff);
                    (run, zeros) = (0, 0);
                }
            }
        }
        match run {
            0 => {}
            1..=6 => frame.push((zeros | 0xff << run) & 0x7f),
            _ => frame.push((run - 7) | 0x80),
        }
        frame
    }

    fn frame(number: u16, values: &[u8]) -> Vec<u8> {
        let moment = 12_000_345_u64.to_le_bytes();
        let inner = packed(&[&number.to_le_bytes()[..], &moment, values].concat());
        [&[0], inner.as_slice(), &[0]].concat()
    }

    fn long() -> Vec<u8> {
        let values: [&[u8]; 8] = [
            &[2, 0, 4, 0, 0, 0],
            b"name",
            &[1, 0],
            &[7; 8],
            &[1, 0],
            &[0xef, 0xbe, 0, 0, 0, 0, 0, 0],
            &[3, 0],
            b"said by itself\xff",
        ];
        frame(4, &values.concat())
    }

    const LONG: &str = "[ 12.000345] `name` of 506381209866536711 at 0xbeef: said by itself, {}\n";
    const SHORT: &str = "[ 12.000345] nothing more\n";

    #[test]
    fn what_is_packed_comes_out_and_nothing_else_does() {
        for count in 0..300_usize {
            let bytes: Vec<u8> = (0..count).map(|at| (at * at % 11) as u8).collect();
            let back = unpacked(&packed(&bytes)).unwrap();
            assert_eq!(back[..count], bytes);
            assert!(back.len() < count + 7 && back[count..].iter().all(|byte| *byte == 0));
        }
        assert_eq!(unpacked(&[1, 0]), None);
        assert_eq!(unpacked(&[0xff]), None);
    }

    #[test]
    fn lines_are_read_between_text_wherever_the_line_is_cut() {
        let words = words();
        let all = [b"text\n", long().as_slice(), b"more", &frame(5, &[]), b"end"].concat();
        let expected = format!("text\n{LONG}more{SHORT}end");
        for cut in 0..all.len() {
            let mut reader = Reader::new(&words);
            let shown = reader.take(&all[..cut]) + &reader.take(&all[cut..]) + &reader.end();
            assert_eq!(shown, expected, "{cut}");
        }
    }

    #[test]
    fn what_is_lost_costs_one_frame_at_most() {
        let (words, long) = (words(), long());
        for cut in 1..long.len() {
            // The start is missing, or the end, or something in it.
            for broken in [&long[cut..], &long[..cut], &[&long[..cut], b"!", &long[cut..]].concat()]
            {
                let mut reader = Reader::new(&words);
                let all = [broken, &frame(5, &[]), b"text", &frame(5, &[])].concat();
                let shown = reader.take(&all) + &reader.end();
                assert!(shown.ends_with(&format!("text{SHORT}")), "{cut}: {shown:?}");
            }
        }
    }

    #[test]
    fn any_bytes_are_read_without_end_or_failure() {
        let words = words();
        let mut state = 1_u64;
        let mut reader = Reader::new(&words);
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let byte = if state >> 60 == 0 { 0 } else { (state >> 40) as u8 };
            reader.take(&[byte]);
            assert!(reader.frame.as_ref().is_none_or(|frame| frame.len() <= FRAME_BYTES_MAX));
        }
    }

    #[test]
    fn a_symbol_s_name_says_what_is_said() {
        let name = r#"{"package":"k","tag":"defmt_println","data":"a \"b\" \\ \u0040\n","x":"1"}"#;
        assert_eq!(member(name, "tag").as_deref(), Some("defmt_println"));
        assert_eq!(member(name, "data").as_deref(), Some("a \"b\" \\ @\n"));
        assert_eq!(member(name, "none"), None);
        assert!(Words::of(b"\x7fELF").is_none());
    }
}

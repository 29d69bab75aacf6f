//! The smallest programs: what an intruder brings along, made without a compiler.

use super::Refused;

/// What the dropped program says when it runs: nobody else says so.
pub(super) const RAN: &str = "a program that was brought along has run";
/// What dropped code gives back.
pub(super) const ANSWER: u8 = 42;

/// A program that says [`RAN`] and ends with [`ANSWER`].
pub(super) fn dropped() -> Result<Vec<u8>, Refused> {
    let length = u8::try_from(RAN.len()).map_err(Refused::untried)?;
    let mut code = machine::SAY.to_vec();
    for (at, byte) in machine::length(length) {
        if let Some(place) = code.get_mut(at) {
            *place = byte;
        }
    }
    code.extend_from_slice(RAN.as_bytes());
    whole(&code)
}

/// A program that ends with [`ANSWER`] if it has the rights of somebody else than who started it.
pub(super) fn gaining() -> Result<Vec<u8>, Refused> {
    whole(machine::GAIN)
}

/// Code that gives back [`ANSWER`] to whoever calls it.
pub(super) fn code() -> Result<&'static [u8], Refused> {
    match machine::CODE {
        [] => Err(Refused::untried("no code for this kind of processor")),
        code => Ok(code),
    }
}

/// An ELF file: its header, one segment that is read and run, and the code.
fn whole(code: &[u8]) -> Result<Vec<u8>, Refused> {
    if code.is_empty() || machine::KIND == 0 {
        return Err(Refused::untried("no program for this kind of processor"));
    }
    let size = HEADERS + code.len() as u64;
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    let halves = |file: &mut Vec<u8>, numbers: &[u16]| {
        numbers.iter().for_each(|number| file.extend_from_slice(&number.to_le_bytes()));
    };
    let longs = |file: &mut Vec<u8>, numbers: &[u64]| {
        numbers.iter().for_each(|number| file.extend_from_slice(&number.to_le_bytes()));
    };
    halves(&mut file, &[2, machine::KIND, 1, 0]);
    longs(&mut file, &[ADDRESS + HEADERS, 64, 0]);
    halves(&mut file, &[0, 0, 64, 56, 1, 0, 0, 0]);
    // PT_LOAD, to be read and run.
    halves(&mut file, &[1, 0, 5, 0]);
    longs(&mut file, &[0, ADDRESS, ADDRESS, size, size, 0x1_0000]);
    file.extend_from_slice(code);
    Ok(file)
}

const ADDRESS: u64 = 0x40_0000;
const HEADERS: u64 = 64 + 56;

#[cfg(target_arch = "x86_64")]
mod machine {
    pub(super) const KIND: u16 = 62;

    /// write(1, text, length); exit(42)
    pub(super) const SAY: &[u8] = &[
        0xb8, 1, 0, 0, 0, 0xbf, 1, 0, 0, 0, 0x48, 0x8d, 0x35, 19, 0, 0, 0, 0xba, 0, 0, 0, 0, 0x0f,
        0x05, 0xb8, 60, 0, 0, 0, 0xbf, 42, 0, 0, 0, 0x0f, 0x05,
    ];

    pub(super) fn length(length: u8) -> Vec<(usize, u8)> {
        vec![(18, length)]
    }

    /// exit(getuid() == geteuid() ? EPERM : 42)
    pub(super) const GAIN: &[u8] = &[
        0xb8, 102, 0, 0, 0, 0x0f, 0x05, 0x89, 0xc3, 0xb8, 107, 0, 0, 0, 0x0f, 0x05, 0xbf, 42, 0, 0,
        0, 0x39, 0xd8, 0x75, 5, 0xbf, 1, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05,
    ];

    pub(super) const CODE: &[u8] = &[0xb8, 42, 0, 0, 0, 0xc3];
}

#[cfg(target_arch = "aarch64")]
mod machine {
    pub(super) const KIND: u16 = 183;

    /// write(1, text, length); exit(42)
    pub(super) const SAY: &[u8] = &[
        0x20, 0x00, 0x80, 0xd2, 0xe1, 0x00, 0x00, 0x10, 0x02, 0x00, 0x80, 0xd2, 0x08, 0x08, 0x80,
        0xd2, 0x01, 0x00, 0x00, 0xd4, 0x40, 0x05, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 0x01, 0x00,
        0x00, 0xd4,
    ];

    pub(super) fn length(length: u8) -> Vec<(usize, u8)> {
        let word = 0xd280_0002_u32 | u32::from(length) << 5;
        (8..12).zip(word.to_le_bytes()).collect()
    }

    /// exit(getuid() == geteuid() ? EPERM : 42)
    pub(super) const GAIN: &[u8] = &[
        0xc8, 0x15, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4, 0xe9, 0x03, 0x00, 0xaa, 0xe8, 0x15, 0x80,
        0xd2, 0x01, 0x00, 0x00, 0xd4, 0x1f, 0x00, 0x09, 0xeb, 0x40, 0x05, 0x80, 0xd2, 0x21, 0x00,
        0x80, 0xd2, 0x20, 0x00, 0x80, 0x9a, 0xa8, 0x0b, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4,
    ];

    pub(super) const CODE: &[u8] = &[0x40, 0x05, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6];
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod machine {
    pub(super) const KIND: u16 = 0;
    pub(super) const SAY: &[u8] = &[];
    pub(super) const GAIN: &[u8] = &[];
    pub(super) const CODE: &[u8] = &[];

    pub(super) fn length(_: u8) -> Vec<(usize, u8)> {
        Vec::new()
    }
}

//! A module with more in it: the functions of a real one, several times.
//!
//! A function names others by their numbers. So a copy of its code behind all the others means the
//! same, and a module of any size is made of code that a compiler wrote.

/// A module that has at least so many bytes.
pub(crate) fn enlarged(module: &[u8], bytes_min: usize) -> Option<Vec<u8>> {
    let times = bytes_min.div_ceil(module.len()) + 1;
    let mut large = module.get(..HEAD_BYTES)?.to_vec();
    let mut rest = module.get(HEAD_BYTES..)?;
    while let Some((kind, behind)) = rest.split_first() {
        rest = behind;
        let length = read(&mut rest)?;
        let (content, behind) = rest.split_at_checked(length)?;
        rest = behind;
        let content = match *kind {
            FUNCTIONS | CODE => {
                let mut items = content;
                let count = read(&mut items)?;
                let mut all = written(count * times);
                all.extend(items.repeat(times));
                all
            }
            _ => content.to_vec(),
        };
        large.push(*kind);
        large.extend(written(content.len()));
        large.extend(content);
    }
    Some(large)
}

/// A number in LEB128.
fn read(bytes: &mut &[u8]) -> Option<usize> {
    let mut number = 0;
    for shift in (0..32).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn written(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = number.to_le_bytes()[0] & 0x7f;
        number >>= 7;
        bytes.push(if number == 0 { byte } else { byte | 0x80 });
        if number == 0 {
            return bytes;
        }
    }
}

const HEAD_BYTES: usize = 8;
const FUNCTIONS: u8 = 3;
const CODE: u8 = 10;

//! What a program says when it cannot go on: into the record, where it needs no handle.

use core::fmt::Write as _;
use core::panic::PanicInfo;

use luperiq_abi::limits::NOTE_BYTES_MAX;

use crate::call;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let mut note = Note { bytes: [0; NOTE_BYTES_MAX], end: 0 };
    // What does not fit is left out.
    let _ = write!(note, "{info}");
    let _ = call::note(core::str::from_utf8(&note.bytes[..note.end]).unwrap_or("panic"));
    call::exit(PANICKED)
}

/// What a program that could not go on is said to have said.
const PANICKED: i32 = 101;

struct Note {
    bytes: [u8; NOTE_BYTES_MAX],
    end: usize,
}

impl core::fmt::Write for Note {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for character in text.chars() {
            let character = if character.is_control() { ' ' } else { character };
            let end = self.end + character.len_utf8();
            let Some(place) = self.bytes.get_mut(self.end..end) else {
                return Err(core::fmt::Error);
            };
            character.encode_utf8(place);
            self.end = end;
        }
        Ok(())
    }
}

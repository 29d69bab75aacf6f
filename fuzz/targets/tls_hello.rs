//! The first message of TLS: any split of it gives the same answer, and nothing panics.
#![no_main]

mod shared;

use libfuzzer_sys::fuzz_target;
use sentinel_core::egress::{Hello, HelloError, HelloReader};

use shared::pieces;

fuzz_target!(|input: (&[u8], &[u8])| {
    let (cuts, bytes) = input;
    let whole = read(bytes, &[]);
    assert_eq!(read(bytes, cuts), whole);
    if let (Ok(Some(hello)), taken) = &whole {
        assert!(*taken <= bytes.len());
        assert!(hello.name.as_ref().is_none_or(|name| !name.is_empty()));
    }
});

/// What it says, and how many bytes it took.
fn read(bytes: &[u8], cuts: &[u8]) -> (Result<Option<Hello>, HelloError>, usize) {
    let (mut reader, mut taken) = (HelloReader::new(), 0);
    for mut piece in pieces(bytes, cuts) {
        let before = piece.len();
        let read = reader.next(&mut piece);
        taken += before - piece.len();
        match read {
            Ok(None) => assert!(piece.is_empty()),
            // How much of what is wrong was taken is of no meaning.
            Err(error) => return (Err(error), 0),
            whole => return (whole, taken),
        }
    }
    (Ok(None), taken)
}

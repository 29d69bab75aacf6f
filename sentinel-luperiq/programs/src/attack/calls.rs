//! Numbers that are no calls, and the record.

use luperiq_runtime::abi::{Call, Rights};
use luperiq_runtime::call::{input, number};

use super::{Attack, Given, attacks, call};

pub(super) const UNKNOWN: &[Attack] = &[
    unknown("call-unknown", "Calls by a number that is none.", 9999, |_| number(9999, [0; 6])),
    unknown("call-in-a-gap", "Calls by a number between two.", 44, |_| number(44, [0; 6])),
    unknown("call-high-bits", "Sets bits above a good number.", 61 | 1 << 32, |_| {
        number(61 | 1 << 32, [0; 6])
    }),
    unknown("call-all-ones", "Calls by the highest number.", u64::MAX, |_| {
        number(u64::MAX, [0; 6])
    }),
];

attacks! {
    "record-write" Write WrongKind "Writes to the record by the handle that reads it."
        |held| {
            let [at, bytes] = input(b"nothing happened");
            call(Call::Write, [held.handle(Given::Reader), at, bytes, 0])
        };
    "record-truncate" Remove WrongKind "Removes the record by the handle that reads it."
        |held| {
            let [at, bytes] = input(b"journal");
            call(Call::Remove, [held.handle(Given::Reader), at, bytes])
        };
    "record-read-without-right" AuditHead NotAllowed "Reads the record with no right to."
        |held| {
            let rights = Rights::DUPLICATE.bits().into();
            let reader = call(Call::HandleDuplicate, [held.handle(Given::Reader), rights])?.0;
            call(Call::AuditHead, [reader])
        };
    "record-note-too-long" AuditWrite BadArgument "Adds more than a sentence to the record."
        |_| {
            let [at, bytes] = input(&[b'a'; 1000]);
            call(Call::AuditWrite, [at, bytes])
        };
    "record-note-not-text" AuditWrite BadArgument "Adds bytes to the record that are no text."
        |_| {
            let [at, bytes] = input(b"\xff\xff");
            call(Call::AuditWrite, [at, bytes])
        };
    "event-neither" EventSignal BadArgument "Sets a signal to neither yes nor no."
        |_| {
            let event = call(Call::EventCreate, [])?.0;
            call(Call::EventSignal, [event, 7])
        };
    "wait-for-unknown" WaitOne BadArgument "Waits for a signal that is none."
        |held| call(Call::WaitOne, [held.handle(Given::Event), 1 << 20, 0]);
}

const fn unknown(
    name: &'static str,
    text: &'static str,
    call: u64,
    attempt: fn(&super::Held) -> luperiq_runtime::abi::reply::Answer,
) -> Attack {
    Attack { name, text, call, refused: luperiq_runtime::abi::Error::UnknownCall, attempt }
}

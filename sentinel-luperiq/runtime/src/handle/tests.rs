//! Owned handles, against a kernel that says what it is told to say.

use alloc::vec;

use super::*;
use crate::call::fake::{called, will_answer};

const GIVEN: u64 = 0x1001;

fn owned(number: u64) -> Owned {
    Owned::of(number).unwrap()
}

fn closed(calls: &[(u64, [u64; 6])]) -> Vec<u64> {
    let close = u64::from(Call::Close.number());
    calls.iter().filter(|(number, _)| *number == close).map(|(_, all)| all[0]).collect()
}

#[test]
fn a_handle_is_closed_once_by_its_owner() {
    drop(owned(GIVEN));
    assert_eq!(closed(&called()), [GIVEN]);
    assert_eq!(owned(GIVEN).give_away(), GIVEN as u32);
    assert_eq!(called(), []);
    for number in [0, 1, 0xfff, 1 << 32 | GIVEN] {
        assert_eq!(Owned::of(number), None);
    }
}

#[test]
fn what_is_sent_is_not_closed_and_what_could_not_be_sent_comes_back() {
    let channel = Channel(owned(0x1000));
    will_answer([Ok((0, 0))]);
    channel.send(b"bytes", vec![owned(GIVEN)]).unwrap();
    assert_eq!(closed(&called()), []);
    will_answer([Err((Error::NotAllowed, 0))]);
    let (error, back) = channel.send(b"bytes", vec![owned(GIVEN)]).unwrap_err();
    assert_eq!((error, back.len()), (Error::NotAllowed, 1));
    drop(back);
    drop(channel);
    assert_eq!(closed(&called()), [GIVEN, 0x1000]);
}

#[test]
fn an_exchanged_handle_is_the_new_one() {
    let mut handle = owned(GIVEN);
    will_answer([Err((Error::Widens, 0)), Ok((0x2001, 0))]);
    assert_eq!(handle.narrow(Rights::ALL), Err(Error::Widens));
    assert_eq!(handle.number(), GIVEN);
    assert_eq!(handle.narrow(Rights::READ), Ok(()));
    drop(handle);
    assert_eq!(closed(&called()), [0x2001]);
}

#[test]
fn receiving_waits_only_while_nothing_is_there() {
    let channel = Channel(owned(0x1000));
    will_answer([Err((Error::NotReady, 0)), Ok((1, 0)), Ok((3, 0))]);
    assert_eq!(channel.receive(7).unwrap().bytes, [0; 3]);
    let calls: Vec<u64> = called().iter().map(|(number, _)| *number).collect();
    let [read, wait] = [Call::ChannelRead, Call::WaitOne].map(|call| u64::from(call.number()));
    assert_eq!(calls, [read, wait, read]);
    will_answer([Err((Error::PeerClosed, 0))]);
    assert_eq!(channel.receive(7).unwrap_err(), Error::PeerClosed);
}

#[test]
fn a_start_reads_back_as_it_was_written() {
    let handles = [owned(GIVEN)];
    let start = encode_start("name", &["one", ""], &handles).unwrap();
    let header = StartHeader::decode(&start).unwrap();
    assert_eq!((header.handles_count, header.name_bytes, header.arguments_bytes), (1, 4, 5));
    assert_eq!(&start[StartHeader::BYTES..], b"\x01\x10\0\0nameone\0\0");
    assert_eq!(encode_start("name", &["x".repeat(5000).as_str()], &[]), None);
}

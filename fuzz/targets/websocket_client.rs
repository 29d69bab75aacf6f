//! WebSocket as a client: any split gives the same events, and what was read can be written.
#![no_main]

mod shared;
mod websocket;

use libfuzzer_sys::fuzz_target;
use sentinel_core::wire::websocket::Role;

fuzz_target!(|input: (&[u8], &[u8])| {
    let (cuts, bytes) = input;
    let (said, answer) = websocket::read(Role::Client, std::iter::once(bytes));
    let in_pieces = websocket::read(Role::Client, shared::pieces(bytes, cuts));
    assert_eq!(in_pieces, (said, answer));
    let (said, answer) = in_pieces;
    websocket::again(Role::Client, &said, &answer);
});

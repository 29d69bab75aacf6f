//! Messages cost no allocation once the buffer of a connection is there.
//!
//! Goal: reading a busy connection stays off the heap, at both ends. Method: a counting allocator
//! under a stream of many messages, fed whole and in pieces.

mod counting;

use sentinel_core::wire::websocket::{Connection, Event, Message, Role};

fn count(role: Role, stream: &[u8], size: usize) -> usize {
    let mut connection = Connection::new(role, 1 << 20);
    let mut events = 0;
    for mut piece in stream.chunks(size) {
        while let Ok(Some(Event::Text(_) | Event::Ping(_))) = connection.next(&mut piece) {
            events += 1;
        }
    }
    events
}

fn stream(role: Role) -> Vec<u8> {
    let mut sender = Connection::new(role, 0);
    let mut bytes = Vec::new();
    for _ in 0..5_000 {
        assert_eq!(sender.send(Message::Text("a message, é"), [1, 2, 3, 4], &mut bytes), Ok(()));
        assert_eq!(sender.ping(b"there?", [1, 2, 3, 4], &mut bytes), Ok(()));
    }
    bytes
}

#[test]
fn messages_cost_no_allocation_each() {
    let (to_client, to_server) = (stream(Role::Server), stream(Role::Client));
    let mut events = 0;
    let whole = counting::allocations(|| events = count(Role::Client, &to_client, usize::MAX));
    assert_eq!((events, whole), (10_000, 0));
    for (role, stream) in [(Role::Client, &to_client), (Role::Server, &to_server)] {
        for size in [64, 1400] {
            let pieces = counting::allocations(|| events = count(role, stream, size));
            assert_eq!(events, 10_000);
            assert!(pieces <= 4, "{pieces} allocations for 10000 events");
        }
    }
}

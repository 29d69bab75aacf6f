//! Pieces: however bytes are cut, the same is decided, said and sent.

use alloc::vec::Vec;

use arbtest::arbtest;

use super::*;
use crate::egress::hello::tests::hello;

/// Everything that can be seen of a conversation.
type Seen = (Vec<String>, Vec<String>, Vec<u8>, Vec<u8>, bool, bool);

fn run(script: &[u8], mut cut: impl FnMut(usize) -> usize) -> Seen {
    let mut world = World::new(&[
        "connect a.example",
        "connect a.example:80 GET,POST /v1",
        "connect a.example:22",
        "connect *:8080",
    ]);
    let mut rest = script;
    while !rest.is_empty() {
        let (piece, left) = rest.split_at(cut(rest.len()).clamp(1, rest.len()));
        world.client(piece);
        rest = left;
    }
    let World { places, notes, to_client, to_server, is_relayed, is_closed, .. } = world;
    (places, notes, to_client, to_server, is_relayed, is_closed)
}

fn scripts() -> Vec<Vec<u8>> {
    let get = b"GET /v1 HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let post = b"POST http://a.example/v1/x HTTP/1.1\r\nHost: a.example\r\n\
                 Content-Length: 3\r\n\r\nabcGET http://a.example/";
    let connect = b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n";
    Vec::from([
        [&connect[..], &hello("a.example"), b"\x17\x03\x03\0\x05early"].concat(),
        [&connect[..], &hello("b.example"), b"and more"].concat(),
        [&*socks("a.example", 80), get, b"DELETE /v1 HTTP/1.1\r\nHost: a.example\r\n\r\n"].concat(),
        [&*socks("a.example", 22), b"SSH-2.0-client\r\nand what follows"].concat(),
        [&*socks("b.example", 8080), b"POST / HTTP/1.1\r\nHost: b.example:8080\r\n\r\n"].concat(),
        post.to_vec(),
        b"GET http://b.example/ HTTP/1.1\r\nHost: b.example\r\n\r\nmore".to_vec(),
        b"\x05\x02\x01\0\x05\x01\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x50".to_vec(),
    ])
}

#[test]
fn any_cut_gives_the_same() {
    for script in scripts() {
        let whole = run(&script, |rest| rest);
        assert_eq!(run(&script, |_| 1), whole);
        arbtest(|input| {
            let mut sizes = Vec::new();
            for _ in 0..64 {
                sizes.push(usize::from(input.arbitrary::<u8>()?) % 40);
            }
            let mut sizes = sizes.into_iter().cycle();
            assert_eq!(run(&script, |_| sizes.next().unwrap_or(1)), whole);
            Ok(())
        })
        .budget_ms(60);
    }
}

#[test]
fn whatever_a_program_says_only_granted_places_are_connected_to() {
    arbtest(|input| {
        let mut script = scripts().get(usize::from(input.arbitrary::<u8>()?) % 8).unwrap().clone();
        for _ in 0..input.arbitrary::<u8>()? % 6 {
            let place = usize::from(input.arbitrary::<u16>()?) % script.len();
            *script.get_mut(place).unwrap() = input.arbitrary()?;
        }
        let (places, notes, _, to_server, is_relayed, _) = run(&script, |rest| rest);
        for place in &places {
            let is_granted = place.starts_with("a.example:") || place.ends_with(":8080");
            assert!(is_granted, "{place}");
        }
        // What a server hears was written down before.
        assert!(to_server.is_empty() || notes.iter().any(|note| note.contains("allowed")));
        assert!(!is_relayed || !places.is_empty());
        Ok(())
    })
    .budget_ms(300);
}

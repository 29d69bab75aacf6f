//! A server that agrees on keys as it should, and shows of itself what a test wants: nothing, a
//! certificate that it does not sign for, or one that it signs for wrongly.
//!
//! `embedded-tls` takes each of them for a finished handshake, so nothing here may be dropped.

use std::io::{Read, Write as _};
use std::net::TcpStream;

use aes_gcm::aead::AeadInPlace as _;
use aes_gcm::{Aes128Gcm, KeyInit as _};
use hmac::{Hmac, Mac as _};
use p256::elliptic_curve::ecdh::diffie_hellman;
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use p256::{PublicKey, SecretKey};
use sha2_of_tls::{Digest as _, Sha256};

use super::*;

#[test]
fn who_shows_nothing_is_not_believed() {
    let authority = Authority::new();
    for messages in [Vec::new(), [message(8, &[0, 0])].into()] {
        assert!(matches!(refused(&authority, messages), Refused::Nothing));
    }
}

#[test]
fn who_shows_the_certificate_of_another_is_not_believed() {
    let authority = Authority::new();
    let certificate = certificate(&authority);
    assert!(matches!(refused(&authority, [certificate.clone()].into()), Refused::Nothing));
    // ECDSA with P-256 and SHA-256, and a signature by a key that is not the certificate's.
    let key = p256::ecdsa::SigningKey::from(own());
    let signature: p256::ecdsa::DerSignature =
        p256::ecdsa::signature::Signer::sign(&key, b"something else");
    let signed = |scheme: u16| {
        let signature: &[u8] = signature.as_ref();
        let length = (signature.len() as u16).to_be_bytes();
        message(15, &[&scheme.to_be_bytes()[..], &length, signature].concat())
    };
    for (messages, why) in [
        (vec![certificate.clone(), signed(0x0403)], "not by the key"),
        // RSA with PKCS #1, which may sign certificates, and no handshakes.
        (vec![certificate.clone(), signed(0x0401)], "does not allow"),
        (vec![certificate.clone(), signed(0x0203)], "does not allow"),
        (vec![signed(0x0403)], "in a wrong order"),
        (vec![certificate.clone(), certificate.clone()], "twice"),
    ] {
        let refused = refused(&authority, messages).to_string();
        assert!(refused.contains(why), "{why}: {refused}");
    }
}

fn refused(authority: &Authority, messages: Vec<Vec<u8>>) -> Refused {
    let port = hosts::listen(move |socket| serve(socket, &messages));
    match ask(port, &trust(authority), now()) {
        Err(Unopened::Refused(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

/// The certificates of a host that is as it should be.
fn certificate(authority: &Authority) -> Vec<u8> {
    let (chain, _) = authority.chain(Flaw::None);
    let mut entries = Vec::new();
    for der in &chain {
        entries.extend_from_slice(&(der.len() as u32).to_be_bytes()[1..]);
        entries.extend_from_slice(der);
        entries.extend_from_slice(&[0, 0]);
    }
    let length = (entries.len() as u32).to_be_bytes();
    message(11, &[&[0], &length[1..], &entries].concat())
}

fn own() -> SecretKey {
    SecretKey::from_slice(&[7; 32]).unwrap()
}

/// RFC 8446 §4: a message of the handshake.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind], &(body.len() as u32).to_be_bytes()[1..], body].concat()
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3], &(body.len() as u16).to_be_bytes()[..], body].concat()
}

/// RFC 8446 §7: the server's side of a handshake, with these messages in it.
fn serve(mut socket: TcpStream, messages: &[Vec<u8>]) {
    let mut head = [0; 5];
    socket.read_exact(&mut head).unwrap();
    let mut hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    socket.read_exact(&mut hello).unwrap();
    let shared = {
        let theirs = PublicKey::from_sec1_bytes(share(&hello)).unwrap();
        diffie_hellman(own().to_nonzero_scalar(), theirs.as_affine())
    };
    let point = own().public_key().to_encoded_point(false);
    let extensions = [&[0, 43, 0, 2, 3, 4, 0, 51, 0, 69, 0, 23, 0, 65], point.as_bytes()].concat();
    let length = (extensions.len() as u16).to_be_bytes();
    let answer = [&[3, 3][..], &[9; 32], &[0, 0x13, 0x01, 0], &length, &extensions].concat();
    let answer = message(2, &answer);
    socket.write_all(&record(22, &answer)).unwrap();

    let mut transcript = [hello, answer].concat();
    let empty = extract(&[0; 32], &[0; 32]);
    let derived = expand(&empty, b"derived", &Sha256::digest([]), 32);
    let secret = extract(&derived, shared.raw_secret_bytes());
    let traffic = expand(&secret, b"s hs traffic", &Sha256::digest(&transcript), 32);
    let key = Aes128Gcm::new_from_slice(&expand(&traffic, b"key", &[], 16)).unwrap();
    let iv = expand(&traffic, b"iv", &[], 12);

    let mut flight = message(8, &[0, 0]);
    flight.extend(messages.concat());
    transcript.extend_from_slice(&flight);
    let finished = expand(&traffic, b"finished", &[], 32);
    flight.extend(message(20, &hmac(&finished, &Sha256::digest(&transcript))));
    flight.push(22);
    let length = ((flight.len() + 16) as u16).to_be_bytes();
    key.encrypt_in_place((&iv[..]).into(), &[23, 3, 3, length[0], length[1]], &mut flight).unwrap();
    socket.write_all(&record(23, &flight)).unwrap();
    let mut said = Vec::new();
    socket.read_to_end(&mut said).unwrap();
    // What comes is the end of the handshake or an alert, which is longer than neither.
    assert!(said.len() <= 5 + 4 + 32 + 1 + 16, "something was said to nobody");
}

/// The point of the key share of a hello.
fn share(hello: &[u8]) -> &[u8] {
    let at = |place: usize| usize::from(u16::from_be_bytes([hello[place], hello[place + 1]]));
    let suites = 4 + 2 + 32 + 1 + usize::from(hello[38]);
    let mut place = suites + 2 + at(suites);
    place += 1 + usize::from(hello[place]) + 2;
    while at(place) != 51 {
        place += 4 + at(place + 2);
    }
    &hello[place + 10..place + 75]
}

fn hmac(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as hmac::Mac>::new_from_slice(key).unwrap();
    mac.update(bytes);
    mac.finalize().into_bytes().to_vec()
}

fn extract(salt: &[u8], secret: &[u8]) -> Vec<u8> {
    hmac(salt, secret)
}

/// RFC 8446 §7.1, for what one block of HMAC gives.
fn expand(secret: &[u8], label: &[u8], context: &[u8], length: u8) -> Vec<u8> {
    let label = [b"tls13 ", label].concat();
    let info = [&[0, length, label.len() as u8][..], &label, &[context.len() as u8], context, &[1]];
    let mut bytes = hmac(secret, &info.concat());
    bytes.truncate(length.into());
    bytes
}

//! The certificates with which TLS is looked into, in the form that X.509 wants (RFC 5280).
//!
//! There are two kinds and no choice in either: an authority that may speak for a few named hosts,
//! and a host. What is signed is written by a library for DER; a library for certificates would
//! bring seven crates, the dates of another one among them, to say the same.
//!
//! # Not here
//! Keys, and for how long: [`authority`](super::authority).

use sentinel_core::capability::HostPattern;
use sentinel_core::time::Timestamp;
use sentinel_core::wire::url::Host;
use yasna::models::ObjectIdentifier;
use yasna::tags::{TAG_SET, TAG_UTCTIME};
use yasna::{DERWriter, DERWriterSeq, Tag, construct_der};

/// What both kinds have.
pub(super) struct Frame<'f> {
    /// A number that nobody else uses, without a sign.
    pub(super) serial: [u8; 16],
    pub(super) begin: Timestamp,
    pub(super) end: Timestamp,
    /// A point of P-256, as it is written without compression.
    pub(super) key: &'f [u8],
    /// What stands for the key of the authority: strict clients ask for it on both.
    pub(super) authority: KeyId,
}

/// A name for a key: the beginning of its hash (RFC 7093 §2).
pub(super) type KeyId = [u8; 20];

/// What is signed of the authority, which may speak for these hosts and no others.
pub(super) fn of_authority(frame: &Frame<'_>, hosts: &[HostPattern]) -> Vec<u8> {
    signed_part(frame, AUTHORITY, |extensions| {
        extension(extensions, BASIC_CONSTRAINTS, true, |writer| {
            writer.write_sequence(|basic| {
                basic.next().write_bool(true);
                // It signs hosts, and no authorities.
                basic.next().write_u8(0);
            });
        });
        // Bits 5 and 6: it signs certificates, and lists of those that are revoked.
        extension(extensions, KEY_USAGE, true, |writer| writer.write_bitvec_bytes(&[0x06], 7));
        extension(extensions, SUBJECT_KEY, false, |writer| writer.write_bytes(&frame.authority));
        if !hosts.is_empty() && !hosts.contains(&HostPattern::Any) {
            extension(extensions, NAME_CONSTRAINTS, true, |writer| {
                writer.write_sequence(|constraints| {
                    constraints.next().write_tagged_implicit(Tag::context(0), |writer| {
                        writer.write_sequence(|trees| {
                            for host in hosts {
                                trees.next().write_sequence(|tree| permitted(tree.next(), host));
                            }
                        });
                    });
                    forbidden(constraints, hosts);
                });
            });
        }
    })
}

/// What is signed of a host.
pub(super) fn of_host(frame: &Frame<'_>, host: &Host<'_>) -> Vec<u8> {
    signed_part(frame, SERVER, |extensions| {
        extension(extensions, BASIC_CONSTRAINTS, true, |writer| writer.write_sequence(|_| ()));
        // Bit 0: it signs handshakes.
        extension(extensions, KEY_USAGE, true, |writer| writer.write_bitvec_bytes(&[0x80], 1));
        extension(extensions, AUTHORITY_KEY, false, |writer| {
            writer.write_sequence(|key| tagged(key.next(), 0, &frame.authority));
        });
        extension(extensions, EXTENDED_KEY_USAGE, false, |writer| {
            writer.write_sequence(|usages| usages.next().write_oid(&oid(SERVER_AUTHENTICATION)));
        });
        extension(extensions, ALTERNATIVE_NAME, true, |writer| {
            writer.write_sequence(|names| match host {
                Host::Name(name) => tagged(names.next(), 2, name.as_str().as_bytes()),
                Host::V4(address) => tagged(names.next(), 7, &address.octets()),
                Host::V6(address) => tagged(names.next(), 7, &address.octets()),
            });
        });
    })
}

/// A certificate: what is signed, and the signature by ECDSA with SHA-256.
pub(super) fn signed(part: &[u8], signature: &[u8]) -> Vec<u8> {
    construct_der(|writer| {
        writer.write_sequence(|certificate| {
            certificate.next().write_der(part);
            algorithm(certificate.next());
            certificate.next().write_bitvec_bytes(signature, signature.len() * 8);
        });
    })
}

/// RFC 5280 §4.1. The names of both are fixed: whom a certificate is for is said by its
/// extensions.
fn signed_part(
    frame: &Frame<'_>,
    subject: &str,
    extensions: impl FnOnce(&mut DERWriterSeq<'_>),
) -> Vec<u8> {
    construct_der(|writer| {
        writer.write_sequence(|part| {
            part.next().write_tagged(Tag::context(0), |writer| writer.write_u8(VERSION_3));
            part.next().write_bigint_bytes(&frame.serial, true);
            algorithm(part.next());
            name(part.next(), AUTHORITY);
            part.next().write_sequence(|validity| {
                time(validity.next(), frame.begin);
                time(validity.next(), frame.end);
            });
            name(part.next(), subject);
            part.next().write_sequence(|key| {
                key.next().write_sequence(|kind| {
                    kind.next().write_oid(&oid(ELLIPTIC_KEY));
                    kind.next().write_oid(&oid(P256));
                });
                key.next().write_bitvec_bytes(frame.key, frame.key.len() * 8);
            });
            part.next().write_tagged(Tag::context(3), |writer| writer.write_sequence(extensions));
        });
    })
}

fn extension(
    extensions: &mut DERWriterSeq<'_>,
    id: &[u64],
    is_critical: bool,
    value: impl FnOnce(DERWriter<'_>),
) {
    extensions.next().write_sequence(|extension| {
        extension.next().write_oid(&oid(id));
        if is_critical {
            extension.next().write_bool(true);
        }
        extension.next().write_bytes(&construct_der(value));
    });
}

/// A list of hosts of one kind binds no host of the other: if there is none, all are forbidden.
fn forbidden(constraints: &mut DERWriterSeq<'_>, hosts: &[HostPattern]) {
    let is_address =
        |host: &HostPattern| matches!(host, HostPattern::Exact(Host::V4(_) | Host::V6(_)));
    let has_addresses = hosts.iter().any(is_address);
    let all: &[(u64, &[u8])] = match (has_addresses, hosts.iter().all(is_address)) {
        (false, _) => &[(7, &[0; 8]), (7, &[0; 32])],
        (true, true) => &[(2, b"")],
        (true, false) => return,
    };
    constraints.next().write_tagged_implicit(Tag::context(1), |writer| {
        writer.write_sequence(|trees| {
            for (kind, tree) in all {
                trees.next().write_sequence(|part| tagged(part.next(), *kind, tree));
            }
        });
    });
}

/// RFC 5280 §4.2.1.10: a name stands for itself and for all beneath it, an address with a mask.
fn permitted(writer: DERWriter<'_>, host: &HostPattern) {
    match host {
        HostPattern::Exact(Host::V4(address)) => {
            tagged(writer, 7, &[address.octets(), [u8::MAX; 4]].concat());
        }
        HostPattern::Exact(Host::V6(address)) => {
            tagged(writer, 7, &[address.octets(), [u8::MAX; 16]].concat());
        }
        HostPattern::Exact(Host::Name(name)) | HostPattern::Beneath(name) => {
            tagged(writer, 2, name.as_str().as_bytes());
        }
        // An empty name stands for every one.
        HostPattern::Any => tagged(writer, 2, b""),
    }
}

fn tagged(writer: DERWriter<'_>, number: u64, bytes: &[u8]) {
    writer.write_tagged_implicit(Tag::context(number), |writer| writer.write_bytes(bytes));
}

fn algorithm(writer: DERWriter<'_>) {
    writer.write_sequence(|algorithm| algorithm.next().write_oid(&oid(ECDSA_SHA256)));
}

fn name(writer: DERWriter<'_>, text: &str) {
    writer.write_sequence(|name| {
        // A set of one is in its order already, and is written as a sequence is but for its tag.
        name.next().write_tagged_implicit(TAG_SET, |part| {
            part.write_sequence(|part| {
                part.next().write_sequence(|attribute| {
                    attribute.next().write_oid(&oid(COMMON_NAME));
                    attribute.next().write_utf8_string(text);
                });
            });
        });
    });
}

/// `YYMMDDhhmmssZ`, which is right until the year 2049 (RFC 5280 §4.1.2.5.1).
fn time(writer: DERWriter<'_>, time: Timestamp) {
    let digits = time.to_string();
    let digits = digits.bytes().filter(u8::is_ascii_digit).skip(2).take(12);
    let text: Vec<u8> = digits.chain([b'Z']).collect();
    writer.write_tagged_implicit(TAG_UTCTIME, |writer| writer.write_bytes(&text));
}

fn oid(parts: &[u64]) -> ObjectIdentifier {
    ObjectIdentifier::from_slice(parts)
}

const VERSION_3: u8 = 2;
const AUTHORITY: &str = "Sentinel inspection";
const SERVER: &str = "Sentinel inspected host";

const ELLIPTIC_KEY: &[u64] = &[1, 2, 840, 10045, 2, 1];
const P256: &[u64] = &[1, 2, 840, 10045, 3, 1, 7];
const ECDSA_SHA256: &[u64] = &[1, 2, 840, 10045, 4, 3, 2];
const COMMON_NAME: &[u64] = &[2, 5, 4, 3];
const SUBJECT_KEY: &[u64] = &[2, 5, 29, 14];
const AUTHORITY_KEY: &[u64] = &[2, 5, 29, 35];
const KEY_USAGE: &[u64] = &[2, 5, 29, 15];
const ALTERNATIVE_NAME: &[u64] = &[2, 5, 29, 17];
const BASIC_CONSTRAINTS: &[u64] = &[2, 5, 29, 19];
const NAME_CONSTRAINTS: &[u64] = &[2, 5, 29, 30];
const EXTENDED_KEY_USAGE: &[u64] = &[2, 5, 29, 37];
const SERVER_AUTHENTICATION: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 1];

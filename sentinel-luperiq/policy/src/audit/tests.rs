//! What the log promises: read by the verifier of the host, never more than its memory, nothing
//! done that is not in it.

use alloc::string::ToString as _;

use luperiq_abi::{Call, Kind, Rights};
use sentinel_core::journal::{Trust, Verdict, Verifier, export::Exporter, recover};

use super::*;

fn making(bytes_max: usize, is_stored: bool) -> Making {
    Making {
        origin: "luperiq.test/kernel".to_string(),
        journal: *b"kernel01",
        seed: EpochSeed::first([1; 32]),
        nonce: [2; 16],
        now: Timestamp(1_000),
        bytes_max,
        is_stored,
        digest: sentinel_core::journal::digest,
    }
}

fn log(bytes_max: usize) -> Log {
    Log::create(making(bytes_max, true)).unwrap()
}

fn a_use(handle: u64) -> Use {
    let call = u64::from(Call::ChannelRead.number());
    Use { process: 7, call, handle, object: 9, refused: None, moved: None }
}

fn note(text: &str) -> Event<'_> {
    Event::Note { process: 7, text }
}

/// All that is not on the disk, as the disk would have it.
fn flush(log: &mut Log, disk: &mut Vec<u8>) {
    let (place, pieces) = log.pending();
    disk.truncate(usize::try_from(place).unwrap());
    pieces.iter().for_each(|piece| disk.extend_from_slice(piece));
    log.flushed(disk.len() as u64);
}

fn verdict(disk: &[u8]) -> Verdict {
    let first_key = Some(EpochSeed::first([1; 32]).public_key());
    let mut verifier = Verifier::new(Trust { first_key, ..Trust::default() });
    verifier.push(disk);
    verifier.finish().verdict
}

fn exported(disk: &[u8]) -> String {
    let mut lines = String::new();
    Exporter::new(None, event::kind::name).file(disk, &mut lines);
    lines
}

/// A handle that goes to and fro is a number, as long as it stands for the same with the same
/// rights, and the row before is of the same call of the same process.
#[test]
fn what_moves_again_is_said_by_its_number() {
    let (mut log, mut disk) = (log(64 * 1024), Vec::new());
    let now = Timestamp(2_000);
    let moves = |handle, rights| Use { moved: Some((Kind::Event, rights)), ..a_use(handle) };
    let (one, other) = (Rights::WAIT, Rights::WAIT.with(Rights::SIGNAL));
    for row in [
        a_use(1),
        moves(2, one),
        a_use(1),
        moves(3, one),
        moves(4, one),
        moves(5, other),
        Use { process: 8, ..moves(6, other) },
        Use { object: 10, ..moves(7, other) },
        Use { call: 41, ..moves(8, other) },
    ] {
        log.used(now, &row).unwrap();
    }
    log.happened(now, &note("a record ends")).unwrap();
    log.used(now, &moves(9, other)).unwrap();
    flush(&mut log, &mut disk);
    let lines = exported(&disk);
    let first = "[7,42,1,9,0],[7,42,2,9,0,15,2048],[0,42],[3],[4],[7,42,5,9,0,15,6144],\
                 [8,42,6,9,0,15,6144],[7,42,7,10,0,15,6144],[7,41,8,9,0,15,6144]";
    for uses in [first, "[7,42,9,9,0,15,6144]"] {
        assert!(lines.contains(&alloc::format!(r#"{{"uses":[{uses}]}}"#)), "{lines}");
    }
}

#[test]
fn the_host_s_verifier_reads_it_and_the_export_shows_it() {
    let (mut log, mut disk) = (log(64 * 1024), Vec::new());
    let now = Timestamp(2_000);
    log.happened(now, &Event::Started { version: "0.1.0" }).unwrap();
    log.used(now, &a_use(1)).unwrap();
    log.used(now, &a_use(1)).unwrap();
    log.used(now, &Use { refused: Some(Error::NotAllowed), ..a_use(2) }).unwrap();
    let moved = Some((Kind::File, Rights::READ));
    log.used(now, &Use { moved, ..a_use(3) }).unwrap();
    log.happened(now, &note("\u{1b}[2J\"}")).unwrap();
    flush(&mut log, &mut disk);
    assert!(matches!(verdict(&disk), Verdict::OpenTail { torn_bytes: 0, .. }));
    log.checkpoint(now, true).unwrap();
    flush(&mut log, &mut disk);
    assert_eq!(verdict(&disk), Verdict::Ok);
    let lines = exported(&disk);
    let uses = r#""payload":{"uses":[[7,42,1,9,0,2],[7,42,2,9,5],[7,42,3,9,0,6,1]]}"#;
    assert!(lines.contains(uses), "{lines}");
    assert!(lines.contains(r#""name":"process.note""#) && lines.contains(r#"\u001b[2J\"}"#));
    let head = log.head();
    assert_eq!((head.records_count, head.flushed_count, head.oldest), (5, 5, 0));
    assert!(lines.contains(&Hash(head.hash).to_string()), "the head is the last line's hash");
    disk[300] ^= 1;
    assert!(matches!(verdict(&disk), Verdict::Bad { .. }));
}

#[test]
fn a_full_log_refuses_until_the_disk_has_it_and_loses_nothing() {
    let (mut log, mut disk) = (log(LOG_BYTES_MIN), Vec::new());
    let now = Timestamp(2_000);
    let mut count = 0;
    for round in 0..50 {
        let mut handle = 0;
        while log.used(now, &a_use(handle)).is_ok() {
            handle += 1;
            count += 1;
            assert!(handle < 10_000, "it is never full");
        }
        assert!(handle > 100, "round {round}");
        assert_eq!(log.used(now, &a_use(handle)), Err(Error::NotRecorded));
        assert_eq!(log.happened(now, &note(&"x".repeat(256))), Err(Error::NotRecorded));
        flush(&mut log, &mut disk);
        assert!(log.bytes.len() <= LOG_BYTES_MIN);
    }
    assert_eq!(exported(&disk).matches("[7,42,").count(), count);
    assert!(matches!(verdict(&disk), Verdict::OpenTail { torn_bytes: 0, .. }));
}

#[test]
fn without_a_disk_the_oldest_go_and_the_number_tells() {
    let mut log = Log::create(making(LOG_BYTES_MIN, false)).unwrap();
    for number in 0..1_000 {
        log.happened(Timestamp(number), &note(&"x".repeat(100))).unwrap();
    }
    let head = log.head();
    assert_eq!(head.records_count, 1_001);
    assert!(head.oldest > 900);
    let mut bytes = Vec::new();
    assert_eq!(log.read(0, usize::MAX, &mut bytes), Ok(1_001));
    assert!(bytes.len() <= LOG_BYTES_MIN);
}

#[test]
fn a_reader_gets_whole_records_and_all_of_them() {
    let mut log = log(64 * 1024);
    for number in 0..100 {
        log.happened(Timestamp(number), &note("a sentence")).unwrap();
    }
    let (mut whole, mut next) = (Vec::new(), 0);
    loop {
        match log.read(next, 500, &mut whole) {
            Ok(after) => next = after,
            Err(error) => {
                assert_eq!(error, Error::NotReady);
                break;
            }
        }
    }
    assert_eq!(next, 101);
    assert!(matches!(verdict(&whole), Verdict::OpenTail { records_count: 101, torn_bytes: 0 }));
    assert_eq!(log.read(0, 10, &mut Vec::new()), Err(Error::TooLong));
}

#[test]
fn after_a_stop_at_any_byte_it_goes_on_where_the_disk_ends() {
    let (mut log, mut disk) = (log(64 * 1024), Vec::new());
    for number in 0..8 {
        log.happened(Timestamp(number), &note("a sentence")).unwrap();
    }
    flush(&mut log, &mut disk);
    for cut in (0..disk.len()).rev().step_by(13) {
        let Ok(recovered) = recover([&disk[..cut]], Trust::default()) else {
            assert!(cut < 300, "a log that has its header goes on");
            continue;
        };
        let mut disk = disk[..usize::try_from(recovered.bytes_count()).unwrap()].to_vec();
        let again = Making { nonce: [3; 16], ..making(64 * 1024, true) };
        let mut log = Log::resume(recovered, again).unwrap();
        log.used(Timestamp(9), &a_use(1)).unwrap();
        log.checkpoint(Timestamp(10), true).unwrap();
        flush(&mut log, &mut disk);
        assert_eq!(verdict(&disk), Verdict::Ok, "cut at {cut}");
    }
}

/// Whatever is recorded and flushed in whatever order: the bytes are what the verifier believes,
/// memory stays bounded, and the log fails only when it has not been flushed.
#[test]
fn any_order_of_records_and_flushes_verifies() {
    arbtest::arbtest(|u| {
        let (mut log, mut disk) = (log(LOG_BYTES_MIN), Vec::new());
        let mut now = Timestamp(0);
        let text = "\u{7}".repeat(200);
        for _ in 0..u.int_in_range(0..=200)? {
            now.0 += u64::from(u.int_in_range(0..=500_u16)?);
            let result = match u.int_in_range(0..=9)? {
                0..=5 => log.used(now, &a_use(u.int_in_range(0..=3)?)),
                6 => log.happened(now, &note(&text[..u.int_in_range(0..=200)?])),
                7 => log.checkpoint(now, u.arbitrary()?).map(drop),
                8 => log.reserve(u.int_in_range(0..=18)?),
                _ => {
                    flush(&mut log, &mut disk);
                    Ok(())
                }
            };
            assert!(log.bytes.len() <= LOG_BYTES_MIN);
            if result.is_err() {
                flush(&mut log, &mut disk);
            }
        }
        log.checkpoint(now, true).ok();
        flush(&mut log, &mut disk);
        if log.checkpoint(now, true).is_ok() {
            flush(&mut log, &mut disk);
            assert_eq!(verdict(&disk), Verdict::Ok);
        }
        Ok(())
    });
}

/// Each number of digits, and what is on either side of it.
#[test]
fn numbers_are_written_as_they_are() {
    let numbers = (0..20).map(|digits| 10_u64.pow(digits)).flat_map(|power| [power - 1, power]);
    for number in numbers.chain([4_096, 10_203_040, 123_456_789, 90_000_000_000_000_009, u64::MAX])
    {
        let (mut log, mut disk) = (log(64 * 1024), Vec::new());
        for _ in 0..3 {
            log.used(Timestamp(2_000), &a_use(number)).unwrap();
        }
        log.used(Timestamp(2_000), &Use { process: number, ..a_use(number) }).unwrap();
        flush(&mut log, &mut disk);
        let rows = alloc::format!("[[7,42,{number},9,0,3],[{number},42,{number},9,0]]");
        let lines = exported(&disk);
        assert!(lines.contains(&rows), "{number}: {lines}");
    }
}

/// The same for handles that go to and fro.
#[test]
fn numbers_of_handles_are_written_as_they_are() {
    let powers = (0..10).map(|digits| 10_u64.pow(digits)).flat_map(|power| [power - 1, power]);
    let others = [4_097, 12_345_678, 900_000_001, 1_020_304_050, u64::from(u32::MAX)];
    for number in powers.chain(others).chain([u64::from(u32::MAX) + 1]) {
        let (mut log, mut disk) = (log(64 * 1024), Vec::new());
        for handle in [5, number] {
            let moved = Some((Kind::Event, Rights::WAIT));
            log.used(Timestamp(2_000), &Use { moved, ..a_use(handle) }).unwrap();
        }
        flush(&mut log, &mut disk);
        let mut rows = alloc::format!("[[7,42,5,9,0,15,2048],[{number}]]");
        if number > u64::from(u32::MAX) {
            rows = alloc::format!("[[7,42,5,9,0,15,2048],[7,42,{number},9,0,15,2048]]");
        }
        let lines = exported(&disk);
        assert!(lines.contains(&rows), "{number}: {lines}");
    }
}

/// A use that came often is written anew when another comes, as the row that it was.
#[test]
fn what_came_often_keeps_its_row() {
    let (mut log, mut disk) = (log(64 * 1024), Vec::new());
    let now = Timestamp(2_000);
    let refused = Use { refused: Some(Error::NotReady), ..a_use(1) };
    for row in [a_use(1), a_use(1), a_use(2), a_use(1), a_use(1), refused, refused, a_use(2)] {
        log.used(now, &row).unwrap();
    }
    flush(&mut log, &mut disk);
    let lines = exported(&disk);
    let uses = "[7,42,1,9,0,2],[7,42,2,9,0],[0,42,0,2],[0,42,12,2],[1,42]";
    assert!(lines.contains(uses), "{lines}");
}

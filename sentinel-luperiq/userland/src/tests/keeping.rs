//! Small things and the log, over power cuts.

use super::*;
use crate::log::{self, Log};
use crate::{kept, log::LOG_BYTES_MAX};

fn found(disk: &Disk, name: &str) -> Option<Vec<u8>> {
    kept::find(disk, name).unwrap().map(|bytes| bytes.to_vec())
}

/// The old or the new, whatever was the last change before the power was cut.
#[test]
fn what_is_replaced_is_the_old_or_the_new() {
    let long = std::vec![7; 3 * TRANSFER_BYTES_MAX];
    let contents: [&[u8]; 4] = [b"one", &long, b"", b"three"];
    for is_eager in [false, true] {
        for (old, new) in contents.iter().zip(&contents[1..]) {
            for cut in 0.. {
                let mut disk = Disk::default();
                disk.0.borrow_mut().is_eager = is_eager;
                kept::store(&mut disk, "thing", old).unwrap();
                disk.0.borrow_mut().changes_left = Some(cut);
                let stored = kept::store(&mut disk, "thing", new);
                disk.restart();
                let found = found(&disk, "thing").unwrap();
                assert!(found == *old || found == *new, "cut {cut}");
                if stored.is_ok() {
                    assert_eq!(found, *new, "it was said to be kept");
                    break;
                }
            }
        }
    }
}

#[test]
fn nothing_of_the_old_one_remains() {
    let mut disk = Disk::default();
    for round in 0..5_u8 {
        kept::store(&mut disk, "seed", &[round; 32]).unwrap();
        assert_eq!(disk.paths().len(), 1);
        assert_eq!(found(&disk, "seed").unwrap(), [round; 32]);
    }
    kept::remove(&mut disk, "seed").unwrap();
    assert_eq!(found(&disk, "seed"), None);
}

#[test]
fn a_rest_is_cut_off_before_anything_is_written_in_its_place() {
    for is_eager in [false, true] {
        for cut in 0.. {
            let mut disk = Disk::default();
            disk.0.borrow_mut().is_eager = is_eager;
            let mut log = Log::default();
            log.write(&mut disk, 0, 0, b"good torn rest").unwrap();
            disk.0.borrow_mut().changes_left = Some(cut);
            // Another start, which found that only a part of it is good.
            let written = Log::default().write(&mut disk, 0, 5, b"new");
            disk.restart();
            let files = log::read(&mut disk).unwrap();
            let whole: [&[u8]; 4] = [b"good torn rest", b"good ", b"good new", b""];
            assert!(whole[..3].contains(&files[0].as_slice()), "cut {cut}: {files:?}");
            if written.is_ok() {
                assert_eq!(files[0], b"good new");
                assert_eq!(disk.paths(), ["journal/000000.log"]);
                break;
            }
        }
    }
}

#[test]
fn files_of_a_log_are_read_in_order_and_a_gap_is_found() {
    let mut disk = Disk::default();
    let mut log = Log::default();
    assert!(log::read(&mut disk).unwrap().is_empty());
    log.write(&mut disk, 0, 0, b"one").unwrap();
    log.write(&mut disk, 0, 3, b"two").unwrap();
    log.write(&mut disk, 1, 0, b"three").unwrap();
    assert_eq!(log::read(&mut disk).unwrap(), [b"onetwo".to_vec(), b"three".to_vec()]);
    disk.remove(&log::name(0)).unwrap();
    assert_eq!(log::read(&mut disk), Err(Error::WrongState));
    let long = std::vec![0; usize::try_from(LOG_BYTES_MAX).unwrap()];
    log.write(&mut disk, 0, 0, &long).unwrap();
    assert_eq!(log::read(&mut disk), Err(Error::TooLong));
}

//! Addresses and protections that a process names.
//!
//! # Invariants
//! - What passes lies whole between [`USER_START`] and [`USER_END`], with no wrap.
//! - Nothing passes that can be written and run.
//!
//! # Not here
//! Whether anything is mapped there: the kernel looks into the process's tables, on every use.

use luperiq_abi::call::protection;
use luperiq_abi::limits::{PAGE_BYTES, USER_END, USER_START};
use luperiq_abi::{Error, Rights};

/// The end of the bytes from `address` on, if they can be a process's own. No bytes are nowhere,
/// wherever that is said to be.
///
/// # Errors
/// [`Error::BadPointer`].
pub const fn range(address: u64, bytes: u64) -> Result<u64, Error> {
    match address.checked_add(bytes) {
        Some(end) if bytes == 0 => Ok(end),
        Some(end) if address >= USER_START && end <= USER_END => Ok(end),
        _ => Err(Error::BadPointer),
    }
}

/// The same for whole pages, of which there is at least one.
///
/// # Errors
/// [`Error::BadArgument`] for what is not whole pages, [`Error::BadPointer`].
pub const fn pages(address: u64, bytes: u64) -> Result<u64, Error> {
    if bytes == 0 || !address.is_multiple_of(PAGE_BYTES) || !bytes.is_multiple_of(PAGE_BYTES) {
        return Err(Error::BadArgument);
    }
    range(address, bytes)
}

/// The rights to a memory object that a protection needs.
///
/// # Errors
/// [`Error::BadArgument`] for a protection that is none, or that could be written and run.
pub const fn rights_for(flags: u64) -> Result<Rights, Error> {
    let is_both = flags & protection::WRITE != 0 && flags & protection::EXECUTE != 0;
    // What can be changed or run can be read on this machine.
    if flags & protection::READ == 0 || flags > protection::ALL || is_both {
        return Err(Error::BadArgument);
    }
    let mut rights = Rights::READ;
    if flags & protection::WRITE != 0 {
        rights = rights.with(Rights::WRITE);
    }
    if flags & protection::EXECUTE != 0 {
        rights = rights.with(Rights::EXECUTE);
    }
    Ok(rights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_process_s_own_is_refused() {
        for (address, bytes) in [
            (0, 1),
            (8, 4),
            (USER_START - 1, 1),
            (USER_END, 1),
            (USER_END - 1, 2),
            (u64::MAX, 1),
            (u64::MAX, 2),
            (USER_START, u64::MAX),
            (USER_START, USER_END),
            (0xffff_0000_0000_0000, 8),
            (1 << 63, 1),
        ] {
            assert_eq!(range(address, bytes), Err(Error::BadPointer), "{address:#x} {bytes:#x}");
        }
        assert_eq!(range(USER_START, USER_END - USER_START), Ok(USER_END));
        assert_eq!(range(0, 0), Ok(0));
        assert_eq!(pages(USER_START, PAGE_BYTES), Ok(USER_START + PAGE_BYTES));
        for (address, bytes) in [(USER_START + 1, PAGE_BYTES), (USER_START, 1), (USER_START, 0)] {
            assert_eq!(pages(address, bytes), Err(Error::BadArgument));
        }
    }

    #[test]
    fn nothing_is_written_and_run() {
        for flags in 0..=u64::from(u8::MAX) {
            match rights_for(flags) {
                Ok(rights) => {
                    assert!(!rights.contains(Rights::WRITE.with(Rights::EXECUTE)));
                    assert!(rights.contains(Rights::READ));
                }
                Err(error) => assert_eq!(error, Error::BadArgument),
            }
        }
        assert_eq!(rights_for(3), Ok(Rights::READ.with(Rights::WRITE)));
        assert_eq!(rights_for(u64::MAX), Err(Error::BadArgument));
    }
}

//! Physical memory through the kernel's own window.
//!
//! # Invariants
//! - Only here does a number become a pointer to memory. Who may ask for which address is said at
//!   each function; the callers are the owner of a frame, the reader of the boot data and the
//!   walker of tables, and nobody else.

use super::layout;

/// Bytes that nobody writes any more: the device tree, the archive.
///
/// # Safety
/// The bytes are mapped, and nobody writes them for as long as the result lives.
pub(crate) unsafe fn constant(physical: u64, bytes: usize) -> &'static [u8] {
    let place = core::ptr::with_exposed_provenance(layout::direct(physical) as usize);
    // SAFETY: the caller promises that these bytes are mapped and constant.
    unsafe { core::slice::from_raw_parts(place, bytes) }
}

/// A page.
///
/// # Safety
/// The page is memory, mapped, and nobody else has a reference to it for as long as this one lives.
pub(crate) unsafe fn page<'a>(physical: u64) -> &'a mut Page {
    let place = core::ptr::with_exposed_provenance_mut(layout::direct(physical) as usize);
    // SAFETY: the caller promises a mapped page without other references; any bytes are a `Page`,
    // and 4096 is its alignment.
    unsafe { &mut *place }
}

/// Bytes of a page that are read where they are.
///
/// # Safety
/// The page is memory, mapped, and nobody writes it for as long as this reference lives.
pub(crate) unsafe fn read_page<'a>(physical: u64) -> &'a Page {
    let place: *const Page = core::ptr::with_exposed_provenance(layout::direct(physical) as usize);
    // SAFETY: the caller promises a mapped page that nobody writes; any bytes are a `Page`, and
    // 4096 is its alignment.
    unsafe { &*place }
}

/// The bytes of a page.
#[repr(C, align(4096))]
#[derive(Debug)]
pub(crate) struct Page(pub(crate) [u8; layout::PAGE as usize]);

/// A table of descriptors.
///
/// # Safety
/// The page is memory, mapped, holds a table, and nobody else has a reference to it for as long as
/// this one lives.
pub(crate) unsafe fn table<'a>(physical: u64) -> &'a mut [u64; 512] {
    let place = core::ptr::with_exposed_provenance_mut(layout::direct(physical) as usize);
    // SAFETY: the caller promises a mapped page without other references; any bytes are words.
    unsafe { &mut *place }
}

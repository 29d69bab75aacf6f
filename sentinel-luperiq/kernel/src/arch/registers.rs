//! System registers, one safe function for each use the kernel has.
//!
//! # Invariants
//! - A function that could break the kernel's own memory is `unsafe` and says what it needs.

use core::arch::asm;

/// Reads a register that has no side effect.
macro_rules! read {
    ($register:literal) => {{
        let value: u64;
        // SAFETY: reading this register changes nothing and touches no memory.
        unsafe {
            asm!(concat!("mrs {}, ", $register), out(reg) value,
                options(nomem, nostack, preserves_flags));
        }
        value
    }};
}

/// Writes a register that decides about time and traps, not about the kernel's memory.
macro_rules! write {
    ($register:literal, $value:expr) => {{
        let value: u64 = $value;
        // SAFETY: the register only decides what EL0 may do and when the timer fires; the kernel's
        // own code and memory do not depend on it.
        unsafe {
            asm!(concat!("msr ", $register, ", {}"), "isb", in(reg) value,
                options(nostack, preserves_flags));
        }
    }};
}

/// What the last exception was.
pub(crate) fn syndrome() -> u64 {
    read!("esr_el1")
}

/// Which address the last exception was about.
pub(crate) fn fault_address() -> u64 {
    read!("far_el1")
}

/// Where the last exception came from.
pub(crate) fn exception_link() -> u64 {
    read!("elr_el1")
}

/// What was written before is seen by devices before what is written after; and the other way round
/// for what is read.
pub(crate) fn memory_barrier() {
    // SAFETY: a barrier changes nothing. The assembler block is taken to touch any memory, so the
    // compiler keeps the order too.
    unsafe { asm!("dsb sy", options(nostack, preserves_flags)) };
}

/// Ticks of the counter since it was switched on.
pub(crate) fn counter() -> u64 {
    let value: u64;
    // SAFETY: the barrier keeps the reading in its place in the program; neither touches memory.
    unsafe {
        asm!("isb", "mrs {}, cntvct_el0", out(reg) value, options(nomem, nostack, preserves_flags));
    }
    value
}

/// Ticks in a second.
pub(crate) fn counter_frequency() -> u64 {
    read!("cntfrq_el0")
}

/// Whether the core computes SHA-256 by instructions of its own, in vectors.
pub(super) fn has_sha256() -> bool {
    const NO_VECTORS: u64 = 0xf;
    let (crypto, features) = (read!("id_aa64isar0_el1"), read!("id_aa64pfr0_el1"));
    crypto >> 12 & 0xf != 0 && features >> 20 & 0xf != NO_VECTORS
}

/// Lets the timer fire at this tick.
pub(crate) fn set_timer(tick: u64) {
    write!("cntv_cval_el0", tick);
    write!("cntv_ctl_el0", 1);
}

/// Keeps the timer silent.
pub(crate) fn stop_timer() {
    write!("cntv_ctl_el0", 2);
}

/// What EL0 may not read or do without asking, and that it may use vectors.
pub(crate) fn confine_user() {
    write!("cntkctl_el1", 0);
    write!("cpacr_el1", 3 << 20);
    write!("mdscr_el1", 0);
    write!("tpidrro_el0", 0);
}

/// Makes a writable page never executable, at either level.
pub(crate) fn forbid_writable_code() {
    let control = read!("sctlr_el1") | 1 << 19;
    // SAFETY: the kernel's tables map nothing both writable and executable, so no page that is
    // being executed changes. Old translations are dropped before the next instruction counts.
    unsafe {
        asm!("msr sctlr_el1, {}", "isb", "tlbi vmalle1", "dsb nsh", "isb", in(reg) control,
            options(nostack, preserves_flags));
    }
}

/// Sleeps until an interrupt waits, masked or not.
pub(crate) fn wait_for_interrupt() {
    // SAFETY: waiting changes nothing.
    unsafe { asm!("dsb sy", "wfi", options(nostack, preserves_flags)) };
}

/// Lets EL0 see this tree of tables, with this ASID.
///
/// # Safety
/// `root` is a first-level table that maps only frames EL0 may touch, and it stays so until another
/// one is installed and the ASID was flushed.
pub(crate) unsafe fn set_user_table(root: u64, asid: u16) {
    let value = root | u64::from(asid) << 48;
    // SAFETY: the kernel itself runs from TTBR1; the caller answers for what EL0 sees.
    unsafe {
        asm!("msr ttbr0_el1, {}", "isb", in(reg) value, options(nostack, preserves_flags));
    }
}

/// Forgets all translations of an ASID.
pub(crate) fn flush_asid(asid: u16) {
    let operand = u64::from(asid) << 48;
    // SAFETY: a forgotten translation is found again in the tables.
    unsafe {
        asm!("dsb ishst", "tlbi aside1, {}", "dsb nsh", "isb", in(reg) operand,
            options(nostack, preserves_flags));
    }
}

/// Forgets the translation of one page of an ASID.
pub(crate) fn flush_page(asid: u16, address: u64) {
    let operand = u64::from(asid) << 48 | (address >> 12 & 0xfff_ffff_ffff);
    // SAFETY: a forgotten translation is found again in the tables.
    unsafe {
        asm!("dsb ishst", "tlbi vae1, {}", "dsb nsh", "isb", in(reg) operand,
            options(nostack, preserves_flags));
    }
}

/// Makes code that the kernel just wrote visible to the instruction fetch.
pub(crate) fn synchronize_code(bytes: &[u8]) {
    let line_bytes = 4 << (read!("ctr_el0") >> 16 & 0xf);
    let start = bytes.as_ptr().addr();
    for line in (start..start + bytes.len()).step_by(line_bytes) {
        // SAFETY: cleaning the lines of a slice that we hold loses nothing.
        unsafe { asm!("dc cvau, {}", in(reg) line, options(nostack, preserves_flags)) };
    }
    // SAFETY: what is dropped from the instruction cache is fetched again.
    unsafe { asm!("dsb ish", "ic iallu", "dsb nsh", "isb", options(nostack, preserves_flags)) };
}

/// Replaces the tables the machine started with.
///
/// # Safety
/// `root` maps the image, the stack, the heap and all of memory as the linker and `layout` have
/// them; `image` is the image's physical address; and the boot tables still stand in TTBR0.
pub(crate) unsafe fn install_kernel_table(root: u64, image: u64) {
    unsafe extern "C" {
        fn install_kernel_table(root: u64, image: u64);
    }
    // SAFETY: as the caller promises; the routine uses no memory while neither table is trusted.
    unsafe { install_kernel_table(root, image) };
}

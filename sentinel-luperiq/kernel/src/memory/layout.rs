//! Where everything stands in the 512 GiB that the kernel sees.
//!
//! | address | what |
//! |---|---|
//! | `0xffff_ff80_0000_0000` + physical address | memory and devices, never executable |
//! | `0xffff_ffff_c000_0000` | the image, as the linker script has it |
//!
//! A program sees the lower 512 GiB of the other half; the kernel never uses those addresses.

/// Where physical address 0 is seen.
pub(crate) const DIRECT: u64 = 0xffff_ff80_0000_0000;

/// Physical addresses from here on are not seen.
pub(crate) const PHYSICAL_END: u64 = 256 << 30;

/// The first address a program may use: nothing lies at a null pointer or near it.
pub(crate) const USER_START: u64 = 0x1_0000;

/// Behind the last one.
pub(crate) const USER_END: u64 = 1 << 39;

pub(crate) const PAGE: u64 = 4096;

/// Where a physical address is seen.
pub(crate) fn direct(physical: u64) -> u64 {
    assert!(physical < PHYSICAL_END, "a physical address beyond what is mapped");
    DIRECT + physical
}

/// Sections of the image, by address.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) text: (u64, u64),
    pub(crate) rodata: (u64, u64),
    pub(crate) data: (u64, u64),
    pub(crate) stack: (u64, u64),
    pub(crate) fatal_stack: (u64, u64),
    pub(crate) end: u64,
}

impl Image {
    /// What the linker script says.
    pub(crate) fn linked() -> Self {
        unsafe extern "C" {
            static __text_start: u8;
            static __text_end: u8;
            static __rodata_end: u8;
            static __data_end: u8;
            static __stack_bottom: u8;
            static __stack_top: u8;
            static __fatal_stack_bottom: u8;
            static __fatal_stack_top: u8;
            static __image_end: u8;
        }
        let at = |symbol: *const u8| symbol.addr() as u64;
        let (text, rodata) = (at(&raw const __text_start), at(&raw const __text_end));
        let (data, end) = (at(&raw const __rodata_end), at(&raw const __data_end));
        Self {
            text: (text, rodata),
            rodata: (rodata, data),
            data: (data, end),
            stack: (at(&raw const __stack_bottom), at(&raw const __stack_top)),
            fatal_stack: (at(&raw const __fatal_stack_bottom), at(&raw const __fatal_stack_top)),
            end: at(&raw const __image_end),
        }
    }
}

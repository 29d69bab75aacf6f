// From the firmware to Rust: one core, EL1, MMU on, running at the address it was linked for.
//
// Until the MMU is on everything is addressed relative to the program counter, so that the image
// may stand at any multiple of 2 MiB; from any other page it moves itself up to the next one. The
// first tables map the image, writable and executable, and the two gigabytes that hold image and
// device tree; Rust replaces them before anything else runs.

.set BLOCK,       0x1                       // a leaf above the last level
.set TABLE,       0x3
.set NORMAL,      (0 << 2) | (3 << 8) | (1 << 10)  // MAIR 0, inner shareable, accessed
.set UXN,         (1 << 54)
.set PXN,         (1 << 53)

.section .head, "ax"
.global _head
_head:
    b       start                           // code0
    nop                                     // code1
    .quad   0                               // offset of the image in its 2 MiB
    .quad   __image_end - _head             // bytes it needs; the archive's are added when it is made
    .quad   0xa                             // little-endian, 4 KiB pages, anywhere in memory
    .quad   0
    .quad   0
    .quad   0
    .ascii  "ARM\x64"
    .long   0

.section .boot, "ax"
start:
    msr     daifset, #0xf
    mov     x19, x0                         // the device tree's physical address, or nothing
    mrs     x0, CurrentEL
    cmp     x0, #(1 << 2)
    b.eq    at_el1
    cmp     x0, #(2 << 2)
    b.ne    stop                            // EL3 is the firmware's

    // A hypervisor's level: hand the timer and floating point to EL1 and step down.
    mov     x0, #(1 << 31)                  // HCR_EL2.RW: EL1 is AArch64
    msr     hcr_el2, x0
    isb
    mrs     x0, cnthctl_el2
    orr     x0, x0, #3
    msr     cnthctl_el2, x0
    msr     cntvoff_el2, xzr
    mov     x0, #0x33ff                     // CPTR_EL2: nothing is trapped, the rest reads as one
    msr     cptr_el2, x0
    msr     hstr_el2, xzr
    mrs     x0, midr_el1
    msr     vpidr_el2, x0
    mrs     x0, mpidr_el1
    msr     vmpidr_el2, x0
    ldr     x0, =0x30d00800                 // SCTLR_EL1: MMU and caches off
    msr     sctlr_el1, x0
    mov     x0, #0x3c5                      // EL1h, everything masked
    msr     spsr_el2, x0
    adr     x0, at_el1
    msr     elr_el2, x0
    eret

at_el1:
    ldr     x0, =0x30d00800
    msr     sctlr_el1, x0
    isb

    adrp    x20, _head                      // where the image is
    tst     x20, #0x1fffff
    b.eq    placed

    // Firmware that does not read the head loads at 0x80000. All of the image and its archive goes
    // up, the last bytes first; these instructions stand in its first page, which the target never
    // reaches. A device tree in the way cannot be saved.
    ldr     x4, [x20, #16]                  // bytes of the image, from its head
    add     x0, x20, #0x200000
    and     x0, x0, #~0x1fffff              // where it goes
    add     x1, x0, x4
    cmp     x19, x0
    ccmp    x19, x1, #2, hs                 // carry, as if behind it, where it is before
    b.lo    stop
    add     x4, x20, x4
    mov     x3, x1
1:  ldp     x5, x6, [x4, #-16]!
    stp     x5, x6, [x3, #-16]!
    cmp     x4, x20
    b.hi    1b
    adr     x3, placed
    sub     x3, x3, x20
    add     x3, x3, x0
    mov     x20, x0
    bl      drop
    ic      iallu
    dsb     sy
    isb
    br      x3

placed:
    // Zero what the image leaves out, and drop whatever a cache still holds of it: the firmware
    // cleaned only what it loaded.
    adrp    x0, __bss_start
    add     x0, x0, :lo12:__bss_start
    adrp    x1, __image_end
    add     x1, x1, :lo12:__image_end
    mov     x3, x0
1:  stp     xzr, xzr, [x3], #16
    cmp     x3, x1
    b.lo    1b
    bl      drop

    // The tables: x0 identity, x1 the kernel's first level, x2 its image.
    adrp    x0, __boot_tables
    add     x1, x0, #4096
    add     x2, x1, #4096

    lsr     x3, x20, #30
    lsl     x4, x3, #30
    ldr     x5, =(BLOCK | NORMAL | UXN)
    orr     x6, x4, x5
    str     x6, [x0, x3, lsl #3]            // identity, executable, for one jump
    ldr     x5, =(BLOCK | NORMAL | UXN | PXN)
    orr     x6, x4, x5
    str     x6, [x1, x3, lsl #3]            // all of memory around the image
    lsr     x3, x19, #30
    cmp     x3, #256
    b.hs    3f
    lsl     x4, x3, #30
    orr     x6, x4, x5
    str     x6, [x1, x3, lsl #3]            // and around the device tree
3:  mov     x5, #TABLE
    orr     x6, x2, x5
    str     x6, [x1, #(511 * 8)]
    ldr     x5, =(BLOCK | NORMAL | UXN)
    orr     x6, x20, x5
    mov     x3, #8
4:  str     x6, [x2], #8
    add     x6, x6, #0x200000
    subs    x3, x3, #1
    b.ne    4b
    dsb     sy

    ldr     x3, =0x4404ff                   // MAIR: 0 memory, 1 device nGnRE, 2 not cached
    msr     mair_el1, x3
    mrs     x3, id_aa64mmfr0_el1
    and     x3, x3, #0xf
    cmp     x3, #5
    mov     x4, #5
    csel    x3, x3, x4, ls                  // no more than 48 bits of physical address
    lsl     x3, x3, #32
    // 39 bits on each side, 4 KiB, write-back, inner shareable, 16 bits of ASID in TTBR0.
    ldr     x4, =((25 << 0) | (1 << 8) | (1 << 10) | (3 << 12) | (25 << 16) | (1 << 24) | (1 << 26) | (3 << 28) | (2 << 30) | (1 << 36))
    orr     x3, x3, x4
    msr     tcr_el1, x3
    msr     ttbr0_el1, x0
    msr     ttbr1_el1, x1
    ldr     x3, =vectors
    msr     vbar_el1, x3
    isb
    tlbi    vmalle1
    ic      iallu
    dsb     sy
    isb

    // MMU and caches on, stack pointers aligned, PAN set on every exception (SPAN clear). Of what
    // EL0 may be allowed nothing is: cache maintenance, DC ZVA, CTR_EL0, WFI, WFE.
    ldr     x3, =((1 << 29) | (1 << 28) | (1 << 22) | (1 << 20) | (1 << 12) | (1 << 11) | (1 << 4) | (1 << 3) | (1 << 2) | 1)
    msr     sctlr_el1, x3
    isb

    ldr     x3, =__stack_top
    mov     sp, x3
    mov     x0, x19
    mov     x1, x20
    mov     x29, xzr
    mov     x30, xzr
    ldr     x3, =kernel_main
    br      x3

// Drops what a cache holds of x0 up to x1. Changes x0, x2 and x4.
drop:
    dsb     sy
    mrs     x2, ctr_el0
    ubfx    x2, x2, #16, #4
    mov     x4, #4
    lsl     x2, x4, x2                      // bytes of a cache line
    sub     x4, x2, #1
    bic     x0, x0, x4
1:  dc      ivac, x0
    add     x0, x0, x2
    cmp     x0, x1
    b.lo    1b
    dsb     sy
    ret

stop:
    wfi
    b       stop
.ltorg

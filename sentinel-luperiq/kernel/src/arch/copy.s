// Copying and filling, up to 32 bytes at a time. What the compiler brings for a target that must not
// read unaligned words goes by the byte; here all of it is memory, where unaligned words may be read
// (SCTLR_EL1.A is clear), and nothing of this runs before the MMU does.

    .section .text.copy, "ax"

    .global memcpy
memcpy:                                     // x0 to, x1 from, x2 bytes; gives x0
    cmp     x2, #16
    b.hs    8f
    // Fewer are two words that may overlap.
    tbz     x2, #3, 9f
    add     x5, x1, x2
    ldr     x4, [x1]
    ldur    x5, [x5, #-8]
    add     x6, x0, x2
    str     x4, [x0]
    stur    x5, [x6, #-8]
    ret
9:  tbz     x2, #2, 10f
    add     x5, x1, x2
    ldr     w4, [x1]
    ldur    w5, [x5, #-4]
    add     x6, x0, x2
    str     w4, [x0]
    stur    w5, [x6, #-4]
    ret
10: mov     x3, x0
    b       4f
8:  mov     x3, x0
    subs    x2, x2, #32
    b.lo    2f
1:  ldp     x4, x5, [x1], #32
    ldp     x6, x7, [x1, #-16]
    stp     x4, x5, [x3], #32
    stp     x6, x7, [x3, #-16]
    subs    x2, x2, #32
    b.hs    1b
2:  tbz     x2, #4, 7f                      // the low five bits are those of what is left
    ldp     x4, x5, [x1], #16
    stp     x4, x5, [x3], #16
7:  tst     x2, #15
    b.eq    6f
    tbz     x2, #3, 3f
    ldr     x4, [x1], #8
    str     x4, [x3], #8
3:  tbz     x2, #2, 4f
    ldr     w4, [x1], #4
    str     w4, [x3], #4
4:  tbz     x2, #1, 5f
    ldrh    w4, [x1], #2
    strh    w4, [x3], #2
5:  tbz     x2, #0, 6f
    ldrb    w4, [x1]
    strb    w4, [x3]
6:  ret

    .global memset
memset:                                     // x0 to, w1 byte, x2 bytes; gives x0
    mov     x3, x0
    and     x4, x1, #0xff
    mov     x5, #0x0101010101010101
    mul     x4, x4, x5
    subs    x2, x2, #16
    b.lo    2f
1:  stp     x4, x4, [x3], #16
    subs    x2, x2, #16
    b.hs    1b
2:  tbz     x2, #3, 3f
    str     x4, [x3], #8
3:  tbz     x2, #2, 4f
    str     w4, [x3], #4
4:  tbz     x2, #1, 5f
    strh    w4, [x3], #2
5:  tbz     x2, #0, 6f
    strb    w4, [x3]
6:  ret

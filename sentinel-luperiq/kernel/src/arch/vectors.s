// Where exceptions arrive, and the way back to EL0.
//
// The kernel runs with interrupts masked from entry to exit and always returns along the same path,
// so at every entry from EL0 the stack is empty and the frame stands at its top. Any exception out
// of EL1 itself is a defect of the kernel: it is reported from a stack of its own, because the
// defect may be that the first one ran over.

.set FRAME, 34 * 8

.macro fatal kind
    .balign 128
    mov     x0, #\kind
    b       fatal_entry
.endm

.macro from_user handler
    .balign 128
    sub     sp, sp, #FRAME
    stp     x0, x1, [sp]
    adrp    x1, \handler
    add     x1, x1, :lo12:\handler
    b       enter
.endm

.section .vectors, "ax"
.balign 2048
.global vectors
vectors:
    fatal 0                                 // EL1 on SP_EL0, which is never used
    fatal 1
    fatal 2
    fatal 3
    fatal 4                                 // EL1
    fatal 5
    fatal 6
    fatal 7
    from_user user_synchronous              // EL0
    from_user user_interrupt
    fatal 10
    fatal 11
    fatal 12                                // EL0 in AArch32, where no program can be
    fatal 13
    fatal 14
    fatal 15

enter:
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    mrs     x2, sp_el0
    stp     x30, x2, [sp, #240]
    mrs     x2, elr_el1
    mrs     x3, spsr_el1
    stp     x2, x3, [sp, #256]
    mov     x0, sp
    mov     x29, xzr
    blr     x1

leave:
    ldp     x2, x3, [sp, #256]
    msr     elr_el1, x2
    msr     spsr_el1, x3
    ldp     x30, x2, [sp, #240]
    msr     sp_el0, x2
    ldp     x28, x29, [sp, #224]
    ldp     x26, x27, [sp, #208]
    ldp     x24, x25, [sp, #192]
    ldp     x22, x23, [sp, #176]
    ldp     x20, x21, [sp, #160]
    ldp     x18, x19, [sp, #144]
    ldp     x16, x17, [sp, #128]
    ldp     x14, x15, [sp, #112]
    ldp     x12, x13, [sp, #96]
    ldp     x10, x11, [sp, #80]
    ldp     x8, x9, [sp, #64]
    ldp     x6, x7, [sp, #48]
    ldp     x4, x5, [sp, #32]
    ldp     x2, x3, [sp, #16]
    ldp     x0, x1, [sp], #FRAME
    eret
    dsb     nsh                             // nothing beyond is run ahead of its time
    isb

// leave_kernel(frame): the first way out. What is left on the stack is never needed again.
.global leave_kernel
leave_kernel:
    ldr     x1, =__stack_top
    sub     x1, x1, #FRAME
    mov     sp, x1
    mov     x2, #(FRAME / 16)
1:  ldp     x3, x4, [x0], #16
    stp     x3, x4, [x1], #16
    subs    x2, x2, #1
    b.ne    1b
    b       leave

fatal_entry:
    mov     x1, sp
    mov     x2, x30
    ldr     x3, =__fatal_stack_top
    mov     sp, x3
    mov     x29, xzr
    bl      kernel_fault
    b       .

.arch_extension fp
.arch_extension simd

// simd_save(registers), simd_restore(registers): the 32 vectors, then FPCR and FPSR.
.global simd_save
simd_save:
    stp     q0, q1, [x0, #0]
    stp     q2, q3, [x0, #32]
    stp     q4, q5, [x0, #64]
    stp     q6, q7, [x0, #96]
    stp     q8, q9, [x0, #128]
    stp     q10, q11, [x0, #160]
    stp     q12, q13, [x0, #192]
    stp     q14, q15, [x0, #224]
    stp     q16, q17, [x0, #256]
    stp     q18, q19, [x0, #288]
    stp     q20, q21, [x0, #320]
    stp     q22, q23, [x0, #352]
    stp     q24, q25, [x0, #384]
    stp     q26, q27, [x0, #416]
    stp     q28, q29, [x0, #448]
    stp     q30, q31, [x0, #480]
    mrs     x1, fpcr
    mrs     x2, fpsr
    add     x0, x0, #512
    stp     x1, x2, [x0]
    ret

.global simd_restore
simd_restore:
    ldp     q0, q1, [x0, #0]
    ldp     q2, q3, [x0, #32]
    ldp     q4, q5, [x0, #64]
    ldp     q6, q7, [x0, #96]
    ldp     q8, q9, [x0, #128]
    ldp     q10, q11, [x0, #160]
    ldp     q12, q13, [x0, #192]
    ldp     q14, q15, [x0, #224]
    ldp     q16, q17, [x0, #256]
    ldp     q18, q19, [x0, #288]
    ldp     q20, q21, [x0, #320]
    ldp     q22, q23, [x0, #352]
    ldp     q24, q25, [x0, #384]
    ldp     q26, q27, [x0, #416]
    ldp     q28, q29, [x0, #448]
    ldp     q30, q31, [x0, #480]
    add     x3, x0, #512
    ldp     x1, x2, [x3]
    msr     fpcr, x1
    msr     fpsr, x2
    ret
.ltorg

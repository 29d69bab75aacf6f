// install_kernel_table(root, image): replaces the tables the machine started with.
//
// The old tables map the image in blocks, the new ones in pages. A core may hold a translation of
// each at once and must not, so the exchange happens at the image's physical address, which the
// boot tables of TTBR0 map, with every old translation gone before the first new one is used.

.section .text.install_kernel_table, "ax"
.global install_kernel_table
install_kernel_table:
    adrp    x2, __text_start                // where the image is linked
    adr     x3, 1f
    sub     x4, x3, x2
    add     x4, x4, x1
    br      x4
1:  msr     ttbr1_el1, x0
    isb
    tlbi    vmalle1
    dsb     nsh
    isb
    ret

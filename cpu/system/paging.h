/* Entries of page tables (SDM vol. 3, 4.3 to 4.5), as the CPU walks them and monitors show them. */
#ifndef ORRERY_CPU_PAGING_H
#define ORRERY_CPU_PAGING_H

#include "cpu/base.h"

enum pte_bits {
    PTE_P = BIT(0),
    PTE_W = BIT(1),
    PTE_U = BIT(2),
    PTE_PWT = BIT(3),
    PTE_PCD = BIT(4),
    PTE_A = BIT(5),
    PTE_D = BIT(6),
    PTE_PS = BIT(7),
    PTE_G = BIT(8),
};
#define PTE_NX   BIT64(63)
#define PTE_ADDR 0x000ffffffffff000ull /* of entries of 8 bytes */

#endif

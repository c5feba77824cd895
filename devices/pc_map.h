/*
 * Where things are on a PC, each once: ports, interrupt lines, DMA channels,
 * memory, places on the PCI bus. Chips, the board and firmware's tables all
 * take them from here; the DSDT through the C preprocessor and the option ROM
 * as definitions of nasm's, so these are plain numbers.
 */
#ifndef ORRERY_DEVICES_PC_MAP_H
#define ORRERY_DEVICES_PC_MAP_H

/* ports */
#define PC_PORT_DMA1        0x00
#define PC_PORT_PIC_MASTER  0x20
#define PC_PORT_PIT         0x40
#define PC_PORT_KBD_DATA    0x60
#define PC_PORT_SPEAKER     0x61
#define PC_PORT_KBD_COMMAND 0x64
#define PC_PORT_RTC         0x70
#define PC_PORT_DMA_PAGES   0x81
#define PC_PORT_A20         0x92
#define PC_PORT_PIC_SLAVE   0xa0
#define PC_PORT_APM         0xb2
#define PC_PORT_DMA2        0xc0
#define PC_PORT_FERR        0xf0
#define PC_PORT_IDE1        0x170
#define PC_PORT_IDE0        0x1f0
#define PC_PORT_LPT2        0x278
#define PC_PORT_COM4        0x2e8
#define PC_PORT_COM2        0x2f8
#define PC_PORT_IDE1_CTL    0x376
#define PC_PORT_LPT1        0x378
#define PC_PORT_LPT3        0x3bc
#define PC_PORT_COM3        0x3e8
#define PC_PORT_FDC         0x3f0
#define PC_PORT_FDC_ACPI    0x3f2 /* ... as ACPI knows it */
#define PC_PORT_IDE0_CTL    0x3f6
#define PC_PORT_FDC_DIR     0x3f7
#define PC_PORT_COM1        0x3f8
#define PC_PORT_ELCR        0x4d0
#define PC_PORT_FW_CFG      0x510
#define PC_PORT_FW_CFG_DMA  0x514
#define PC_PORT_PM          0x600 /* where firmware puts the power management function's */
#define PC_PORT_PCI         0xcf8
#define PC_PORT_RESET       0xcf9
#define PC_PORT_PCI_HOTPLUG 0xae00
#define PC_PORT_CPU_HOTPLUG 0xaf00
#define PC_PORT_GPE0        0xafe0

/* ISA interrupt lines */
#define PC_IRQ_PIT   0
#define PC_IRQ_KBD   1
#define PC_IRQ_COM2  3
#define PC_IRQ_COM1  4
#define PC_IRQ_LPT2  5
#define PC_IRQ_FDC   6
#define PC_IRQ_LPT1  7
#define PC_IRQ_RTC   8
#define PC_IRQ_SCI   9
#define PC_IRQ_MOUSE 12
#define PC_IRQ_FERR  13
#define PC_IRQ_IDE0  14
#define PC_IRQ_IDE1  15
/* ... and those firmware routes the PIRQs to; the SCI's is one that is shared */
#define PC_IRQ_PCI_A 5
#define PC_IRQ_PCI_B 10
#define PC_IRQ_PCI_C 11
/* the timer's input of the I/O APIC, which is not line 0's */
#define PC_GSI_PIT 2

#define PC_DMA_FDC 2

/* memory */
#define PC_MEM_IOAPIC    0xfec00000
#define PC_MEM_HPET      0xfed00000
#define PC_MEM_LAPIC     0xfee00000
#define PC_MEM_HPET_SIZE 0x400
#define PC_MEM_PCI_END   0xfebfffff /* the last byte that BARs may have below 4 GiB */

/* slots and functions of PCI bus 0: slot << 16 | function as ACPI writes it */
#define PC_PCI_ISA  0x00010000
#define PC_PCI_IDE  0x00010001
#define PC_PCI_PM   0x00010003
#define PC_PCI_VGA  0x00020000
#define PC_PCI_FREE 0x00030000 /* the first that the board leaves free */
/* ... as configuration space has it */
#define PC_DEVFN(where) ((where) >> 16 << 3 | ((where)&7))

#endif

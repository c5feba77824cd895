/*
 * The differentiated description table of the PC: what QEMU's pc tells guests,
 * as far as we have it. acpi.c patches where PCI memory begins (12345678 here).
 * PIRQ routing is (slot + pin - 1) & 3, as pci.c wires it.
 */
#include "devices/pc_map.h"

#define LINKS(slot, a, b, c, d) \
    Package() { ((slot) << 16) | 0xFFFF, 0, \_SB.a, 0 }, Package() { ((slot) << 16) | 0xFFFF, 1, \_SB.b, 0 }, \
    Package() { ((slot) << 16) | 0xFFFF, 2, \_SB.c, 0 }, Package() { ((slot) << 16) | 0xFFFF, 3, \_SB.d, 0 }
#define FOUR_SLOTS(slot) \
    LINKS((slot), LNKD, LNKA, LNKB, LNKC), LINKS((slot) + 1, LNKA, LNKB, LNKC, LNKD), \
    LINKS((slot) + 2, LNKB, LNKC, LNKD, LNKA), LINKS((slot) + 3, LNKC, LNKD, LNKA, LNKB)

DefinitionBlock ("dsdt.aml", "DSDT", 1, "ORRERY", "ORRYDSDT", 1)
{
    Name (\_S5, Package() { 0, 0, 0, 0 })

    Scope (\_SB) {
        Device (PCI0) {
            Name (_HID, EisaId ("PNP0A03"))
            Name (_UID, 0)
            Name (_CRS, ResourceTemplate () {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode, 0, 0, 0xFF, 0, 0x100)
                IO (Decode16, PC_PORT_PCI, PC_PORT_PCI, 1, 8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, 0, 0, 0x0CF7, 0, PC_PORT_PCI)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, 0, 0x0D00, 0xFFFF, 0, 0xF300)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite,
                    0, 0x000A0000, 0x000BFFFF, 0, 0x00020000)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,
                    0, 0x12345678, PC_MEM_PCI_END, 0, 0xEC8BA988)
            })
            Name (_PRT, Package() {
                LINKS(0, LNKD, LNKA, LNKB, LNKC),
                Package() { 0x1FFFF, 0, \_SB.LNKS, 0 }, Package() { 0x1FFFF, 1, \_SB.LNKB, 0 },
                Package() { 0x1FFFF, 2, \_SB.LNKC, 0 }, Package() { 0x1FFFF, 3, \_SB.LNKD, 0 },
                LINKS(2, LNKB, LNKC, LNKD, LNKA), LINKS(3, LNKC, LNKD, LNKA, LNKB),
                FOUR_SLOTS(4), FOUR_SLOTS(8), FOUR_SLOTS(12), FOUR_SLOTS(16),
                FOUR_SLOTS(20), FOUR_SLOTS(24), FOUR_SLOTS(28)
            })

            Device (VGA) {
                Name (_ADR, PC_PCI_VGA)
                Method (_S1D, 0) { Return (0) }
            }
            Device (PM) {
                Name (_ADR, PC_PCI_PM)
                OperationRegion (CONF, PCI_Config, 0, 0xFF)
                Field (CONF, AnyAcc, NoLock, Preserve) {
                    Offset (0x5F), , 7, LPEN, 1,
                    Offset (0x67), , 3, CAEN, 1, , 3, CBEN, 1
                }
            }
            Device (ISA) {
                Name (_ADR, PC_PCI_ISA)
                OperationRegion (PIRQ, PCI_Config, 0x60, 4)
                Field (PIRQ, ByteAcc, NoLock, Preserve) { PRQ0, 8, PRQ1, 8, PRQ2, 8, PRQ3, 8 }

                Device (RTC) {
                    Name (_HID, EisaId ("PNP0B00"))
                    Name (_CRS, ResourceTemplate () { IO (Decode16, PC_PORT_RTC, PC_PORT_RTC, 1, 2) IRQNoFlags () { PC_IRQ_RTC } })
                }
                Device (TIMR) {
                    Name (_HID, EisaId ("PNP0100"))
                    Name (_CRS, ResourceTemplate () { IO (Decode16, PC_PORT_PIT, PC_PORT_PIT, 1, 4) IRQNoFlags () { PC_IRQ_PIT } })
                }
                Device (KBD) {
                    Name (_HID, EisaId ("PNP0303"))
                    Name (_STA, 0x0F)
                    Name (_CRS, ResourceTemplate () {
                        IO (Decode16, PC_PORT_KBD_DATA, PC_PORT_KBD_DATA, 1, 1)
                        IO (Decode16, PC_PORT_KBD_COMMAND, PC_PORT_KBD_COMMAND, 1, 1) IRQNoFlags () { PC_IRQ_KBD }
                    })
                }
                Device (MOU) {
                    Name (_HID, EisaId ("PNP0F13"))
                    Name (_STA, 0x0F)
                    Name (_CRS, ResourceTemplate () { IRQNoFlags () { PC_IRQ_MOUSE } })
                }
                Device (FDC0) {
                    Name (_HID, EisaId ("PNP0700"))
                    Name (_STA, 0x0F)
                    Name (_CRS, ResourceTemplate () {
                        IO (Decode16, PC_PORT_FDC_ACPI, PC_PORT_FDC_ACPI, 0, 4)
                        IO (Decode16, PC_PORT_FDC_DIR, PC_PORT_FDC_DIR, 0, 1)
                        IRQNoFlags () { PC_IRQ_FDC } DMA (Compatibility, NotBusMaster, Transfer8) { PC_DMA_FDC }
                    })
                }
                Device (LPT) {
                    Name (_HID, EisaId ("PNP0400"))
                    Method (_STA, 0) { If (^^^PM.LPEN) { Return (0x0F) } Return (0) }
                    Name (_CRS, ResourceTemplate () { IO (Decode16, PC_PORT_LPT1, PC_PORT_LPT1, 8, 8) IRQNoFlags () { PC_IRQ_LPT1 } })
                }
                Device (COM1) {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 1)
                    Method (_STA, 0) { If (^^^PM.CAEN) { Return (0x0F) } Return (0) }
                    Name (_CRS, ResourceTemplate () { IO (Decode16, PC_PORT_COM1, PC_PORT_COM1, 0, 8) IRQNoFlags () { PC_IRQ_COM1 } })
                }
                Device (COM2) {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 2)
                    Method (_STA, 0) { If (^^^PM.CBEN) { Return (0x0F) } Return (0) }
                    Name (_CRS, ResourceTemplate () { IO (Decode16, PC_PORT_COM2, PC_PORT_COM2, 0, 8) IRQNoFlags () { PC_IRQ_COM2 } })
                }
            }
        }

        Device (HPET) {
            Name (_HID, EisaId ("PNP0103"))
            Name (_UID, 0)
            Name (_CRS, ResourceTemplate () { Memory32Fixed (ReadOnly, PC_MEM_HPET, PC_MEM_HPET_SIZE) })
        }

        Method (IQST, 1) {
            If (And (Arg0, 0x80)) { Return (0x09) }
            Return (0x0B)
        }
        Method (IQCR, 1, Serialized) {
            Name (PRR0, ResourceTemplate () { Interrupt (, Level, ActiveHigh, Shared) { 0 } })
            CreateDWordField (PRR0, 5, PRRI)
            If (LLess (Arg0, 0x80)) { Store (Arg0, PRRI) }
            Return (PRR0)
        }
#define LINK(name, reg, uid) \
        Device (name) { \
            Name (_HID, EisaId ("PNP0C0F")) \
            Name (_UID, uid) \
            Name (_PRS, ResourceTemplate () { Interrupt (, Level, ActiveHigh, Shared) { PC_IRQ_PCI_A, PC_IRQ_PCI_B, PC_IRQ_PCI_C } }) \
            Method (_STA, 0) { Return (IQST (\_SB.PCI0.ISA.reg)) } \
            Method (_DIS, 0) { Or (\_SB.PCI0.ISA.reg, 0x80, \_SB.PCI0.ISA.reg) } \
            Method (_CRS, 0) { Return (IQCR (\_SB.PCI0.ISA.reg)) } \
            Method (_SRS, 1) { CreateDWordField (Arg0, 5, PRRI) Store (PRRI, \_SB.PCI0.ISA.reg) } \
        }
        LINK (LNKA, PRQ0, 0)
        LINK (LNKB, PRQ1, 1)
        LINK (LNKC, PRQ2, 2)
        LINK (LNKD, PRQ3, 3)
        Device (LNKS) {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 4)
            Name (_PRS, ResourceTemplate () { Interrupt (, Level, ActiveHigh, Shared) { PC_IRQ_SCI } })
            Method (_SRS, 1) { }
            Method (_STA, 0) { Return (0x0B) }
            Method (_DIS, 0) { }
            Method (_CRS, 0) { Return (_PRS) }
        }
    }

    Scope (\_GPE) {
        Name (_HID, "ACPI0006")
    }
}

/*
 * The local APIC of one processor, xAPIC and x2APIC (SDM vol. 3, chapter 11). It
 * reaches its processor only through the callbacks given here.
 */
#ifndef ORRERY_DEVICES_LAPIC_H
#define ORRERY_DEVICES_LAPIC_H

#include "devices/apic/apic_bus.h"
#include "devices/core/device.h"

struct lapic_config {
    struct apic_bus *bus;
    u8 id;
    bool bsp;
    bool x2apic;       /* the processor has x2APIC */
    bool tsc_deadline; /* and the TSC-deadline mode */
    u8 phys_bits;      /* of the processor, for reserved bits of IA32_APIC_BASE; 0: 40 */
    void *cpu;         /* handed back in all of these; any may be NULL */
    void (*intr)(void *cpu, bool level);
    void (*nmi)(void *cpu);
    void (*smi)(void *cpu);
    void (*init)(void *cpu);
    void (*sipi)(void *cpu, u8 vector);
    int (*extint_ack)(void *cpu); /* INTA to the 8259A */
    /* The page at pa may show something else from now on: the registers came or went. */
    void (*page_moved)(void *cpu, u64 pa);
    u64 (*tsc)(void *cpu); /* guest TSC now */
    u64 tsc_hz;
};

extern const struct device_class lapic_class;

/* LINT0 (INTR of the 8259A) and LINT1 (NMI). */
struct irq lapic_lint(struct device *dev, unsigned n);
/* The processor acknowledges: its vector; the 8259A is asked where ExtINT is due; -1: nothing pending. */
int lapic_int_ack(struct device *dev);
/* The register page is no part of the bus: a processor asks its own local APIC first. Is it here (IA32_APIC_BASE)? */
bool lapic_claims(const struct device *dev, u64 pa);
/* An access of 1, 2, 4 or 8 bytes to a page that is claimed. */
u64 lapic_page_read(struct device *dev, u64 pa, unsigned size);
void lapic_page_write(struct device *dev, u64 pa, u64 val, unsigned size);
/* CR8. */
u8 lapic_tpr_read(struct device *dev);
void lapic_tpr_write(struct device *dev, u8 tpr);
/* IA32_APIC_BASE, IA32_TSC_DEADLINE and 800h-8FFh. False: not mine. *fault: #GP. */
bool lapic_msr_read(struct device *dev, u32 msr, u64 *val, bool *fault);
bool lapic_msr_write(struct device *dev, u32 msr, u64 val, bool *fault);
/* Whether CPUID.1:EDX.APIC should show (IA32_APIC_BASE bit 11). */
bool lapic_enabled(const struct device *dev);
/* Register text, for info lapic. */
void lapic_dump(struct device *dev, FILE *out);

#endif

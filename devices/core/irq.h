/*
 * Wires. An interrupt line is a value handed to the chip that drives it. A
 * shared line is wired-OR: it is up while any of its drivers holds it up.
 */
#ifndef ORRERY_CORE_IRQ_H
#define ORRERY_CORE_IRQ_H

#include "cpu/field.h"

struct irq {
    void (*set)(void *owner, unsigned pin, bool level);
    void *owner;
    unsigned pin;
};

/* Nothing connected is fine. */
ALWAYS_INLINE void irq_set(const struct irq *irq, bool level)
{
    if (irq->set)
        irq->set(irq->owner, irq->pin, level);
}
ALWAYS_INLINE void irq_pulse(const struct irq *irq)
{
    irq_set(irq, true);
    irq_set(irq, false);
}

/*
 * An interrupt as a message: a device's write of 'data' to 'addr', which whoever has that address takes for one. False:
 * nobody does, it is a write to memory like others.
 */
struct msi {
    bool (*send)(void *owner, u64 addr, u32 data);
    void *owner;
};
ALWAYS_INLINE bool msi_send(const struct msi *msi, u64 addr, u32 data)
{
    return msi->send && msi->send(msi->owner, addr, data);
}

/* A wired-OR junction: each driver gets a pin of it by irq_or_input (32 at most). */
struct irq_or {
    struct irq out;
    u32 up;    /* bit per driver */
    u32 taken; /* pins given to drivers */
};
void irq_or_init(struct irq_or *j, struct irq out);
struct irq irq_or_input(struct irq_or *j);
/* The driver lets go of its pin. */
void irq_or_free(struct irq input);

/*
 * Wires are state at both ends: a junction remembers who holds it up, an input what it last heard. So loading a saved
 * state drives none. irq_or_state: a struct irq_or. wire_state: the struct irq of a device that users plug in, whose
 * pin of a junction depends on what came before.
 */
extern const struct state_field irq_or_state[], wire_state[];

#endif

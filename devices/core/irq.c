/*
 * Wired-OR junctions: a line several drivers share is up while one holds it.
 */
#include "devices/core/irq.h"

static void or_set(void *owner, unsigned pin, bool level)
{
    struct irq_or *j = owner;
    u32 up = level ? j->up | BIT(pin) : j->up & ~BIT(pin);
    bool changed = !up != !j->up;
    j->up = up;
    if (changed)
        irq_set(&j->out, up != 0);
}

const struct state_field irq_or_state[] = {
    HOST(struct irq_or, out),
    STATE(struct irq_or, up),
    STATE(struct irq_or, taken),
    STATE_END,
};
const struct state_field wire_state[] = {
    HOST(struct irq, set),
    HOST(struct irq, owner),
    STATE_RANGE(struct irq, pin, 0, 31),
    STATE_END,
};

void irq_or_init(struct irq_or *j, struct irq out) { *j = (struct irq_or){.out = out}; }

struct irq irq_or_input(struct irq_or *j)
{
    assert(~j->taken);
    unsigned pin = (unsigned)__builtin_ctz(~j->taken);
    j->taken |= BIT(pin);
    return (struct irq){or_set, j, pin};
}

void irq_or_free(struct irq input)
{
    struct irq_or *j = input.owner;
    irq_set(&input, false);
    j->taken &= ~BIT(input.pin);
}

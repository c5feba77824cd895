/*
 * Port 61h, once part of the 8255 of the PC: gate of PIT counter 2, the speaker
 * that its OUT moves, the refresh toggle programs time themselves by, and OUT 2. Parity
 * and I/O check errors never happen.
 */
#include "devices/port61.h"
#include "devices/pc_map.h"

enum { GATE = BIT(0), SPEAKER = BIT(1), WRITABLE = 0x0f, REFRESH = BIT(4), OUT2 = BIT(5) };
enum { REFRESH_NS = 15085 }; /* PIT counter 1 divides by 18 */

struct port61 {
    struct device dev;
    u8 control;
    struct port61_config wire;
    struct region ports;
    struct audio_source speaker;
};

static const struct state_field port61_state[] = {
    DEVICE_STATE(struct port61), STATE(struct port61, control), HOST(struct port61, wire),
    HOST(struct port61, ports),  HOST(struct port61, speaker),  STATE_END,
};

static void drive(struct port61 *p) { irq_set(&p->wire.gate2, p->control & GATE); }

/* The speaker's cone is out where bit 1 lets OUT 2 through and that is high. */
static void add_speaker(void *owner, u64 first, unsigned rate, float *out, unsigned n)
{
    const struct port61 *p = owner;
    if (!(p->control & SPEAKER))
        return;
    u64 from = ns_to_ticks(audio_frame_ns(first, rate), p->wire.out2_hz);
    for (unsigned i = 0; i < n; i++) {
        u64 to = ns_to_ticks(audio_frame_ns(first + i + 1, rate), p->wire.out2_hz);
        if (to > from)
            out[i] += (float)p->wire.out2_high(p->wire.out2_owner, from, to) / (float)(to - from);
        from = to;
    }
}

static u64 read(void *owner, u64 off, unsigned size)
{
    (void)off, (void)size;
    struct port61 *p = owner;
    u8 val = p->control;
    if (clock_now(&p->dev.sys->clock) / REFRESH_NS & 1)
        val |= REFRESH;
    if (p->wire.out2 && p->wire.out2(p->wire.out2_owner))
        val |= OUT2;
    return val;
}

static void write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)off, (void)size;
    struct port61 *p = owner;
    system_sound_changes(p->dev.sys);
    p->control = (u8)val & WRITABLE;
    drive(p);
}

static bool create(struct device *dev, const void *cfg)
{
    struct port61 *p = container_of(dev, struct port61, dev);
    if (cfg)
        p->wire = *(const struct port61_config *)cfg;
    region_device(&p->ports, &dev->sys->io, "port 61h", PC_PORT_SPEAKER, 1, p, read, write);
    p->speaker = (struct audio_source){.owner = p, .add = add_speaker};
    if (p->wire.out2_high)
        audio_add_source(&dev->sys->audio, &p->speaker);
    return true;
}

static void reset(struct device *dev)
{
    struct port61 *p = container_of(dev, struct port61, dev);
    p->control = 0;
    drive(p);
}

const struct device_class port61_class = {
    .name = "port61",
    .size = sizeof(struct port61),
    .state = port61_state,
    .create = create,
    .reset = reset,
};

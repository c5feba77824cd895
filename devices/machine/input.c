/*
 * The input queue: the one way in from outside (input.def). Records wait here
 * until the machine's thread is between two instructions, are stamped, shown
 * to the listener and applied. Who types or moves the pointer never waits:
 * where the machine does not keep up, as a guest that does not read its
 * keyboard, what is too much is lost. Bytes are pulled: they stay in their
 * port, which is full soon, until the device takes some.
 */
#include "devices/machine/input.h"

#include <stdlib.h>

#include "devices/core/input.h"
#include "devices/machine/machine_internal.h"

enum { WAITING_MOST = 512, PORT_BUFFER = 4096, PIECE = 256, SHOWN_BYTES = 32 };

/* What goes with a record while it waits, and comes back to who waits for it. */
struct input_hand {
    struct disk *disk; /* an image that is open already */
    char *err;         /* the sentence of a failure */
    size_t err_size;
    u64 answer;
    bool ok, done;
};
struct input_entry {
    struct input in;
    struct input_hand *hand; /* whoever waits owns both; NULL: nobody does */
    struct input_entry *next;
};

struct input_port {
    struct machine *m;
    struct chardev *cd;
    char name[INPUT_TARGET_MAX];
    void (*room)(void *owner);
    void *owner;
    struct input_port *next;
    u8 buf[PORT_BUFFER]; /* under the machine's lock, as the next two */
    unsigned head, len;
};

struct input_queue {
    struct input_entry *first, **last; /* under the machine's lock, as 'waiting' and 'ports' */
    unsigned waiting;
    struct input_port *ports;
    bool pending;  /* there is something to look at; read without the lock */
    bool absolute; /* a device takes positions now; as the next, read by any thread */
    const char *pointer_name;

    /* machine's thread */
    struct keyboard_sink keyboard;
    struct pointer_sink *pointers;
    struct input ahead; /* of the source */
    struct input_stamp ahead_at;
    bool has_ahead;
};

typedef bool apply_function(struct machine *m, const struct input *in, struct input_hand *hand);

/* ---- keys and pointer ---- */

static bool apply_key(struct machine *m, const struct input *in, struct input_hand *hand)
{
    const struct keyboard_sink *k = &m->priv->inputs->keyboard;
    (void)hand;
    if (k->key)
        k->key(k->owner, (u32)in->value[0], in->value[1] != 0);
    return true;
}

static bool is_there(const struct pointer_sink *p) { return !p->active || p->active(p->owner); }

/* The first device that takes such events now. */
#define POINTER_FOR(m, event)                                                                                          \
    ({                                                                                                                 \
        struct pointer_sink *p_ = (m)->priv->inputs->pointers;                                                         \
        while (p_ && !(p_->event && is_there(p_)))                                                                     \
            p_ = p_->next;                                                                                             \
        p_;                                                                                                            \
    })

static bool apply_move(struct machine *m, const struct input *in, struct input_hand *hand)
{
    struct pointer_sink *p = POINTER_FOR(m, move);
    (void)hand;
    if (p)
        p->move(p->owner, (int)in->value[0], (int)in->value[1]);
    return true;
}
static bool apply_at(struct machine *m, const struct input *in, struct input_hand *hand)
{
    struct pointer_sink *p = POINTER_FOR(m, at);
    (void)hand;
    if (p)
        p->at(p->owner, (int)MIN(MAX(in->value[0], 0), POINTER_MAX), (int)MIN(MAX(in->value[1], 0), POINTER_MAX));
    return true;
}
static bool apply_wheel(struct machine *m, const struct input *in, struct input_hand *hand)
{
    struct pointer_sink *p = POINTER_FOR(m, wheel);
    (void)hand;
    if (p)
        p->wheel(p->owner, (int)in->value[0]);
    return true;
}
static bool apply_buttons(struct machine *m, const struct input *in, struct input_hand *hand)
{
    struct pointer_sink *p = POINTER_FOR(m, buttons);
    (void)hand;
    if (p)
        p->buttons(p->owner, (unsigned)in->value[0]);
    return true;
}

void input_connect_keyboard(struct machine *m, struct keyboard_sink sink) { m->priv->inputs->keyboard = sink; }

void input_pointer_changed(struct machine *m)
{
    struct input_queue *q = m->priv->inputs;
    const struct pointer_sink *p = POINTER_FOR(m, buttons);
    __atomic_store_n(&q->pointer_name, p ? p->name : NULL, __ATOMIC_RELAXED);
    __atomic_store_n(&q->absolute, POINTER_FOR(m, at) != NULL, __ATOMIC_RELAXED);
}

void input_connect_pointer(struct machine *m, struct pointer_sink *sink)
{
    sink->next = m->priv->inputs->pointers;
    m->priv->inputs->pointers = sink;
    input_pointer_changed(m);
}

const char *machine_pointer_name(struct machine *m)
{
    return __atomic_load_n(&m->priv->inputs->pointer_name, __ATOMIC_RELAXED);
}
bool machine_pointer_absolute(struct machine *m)
{
    return __atomic_load_n(&m->priv->inputs->absolute, __ATOMIC_RELAXED);
}

/* ---- bytes ---- */

static struct input_port *find_port(struct machine *m, const char *name)
{
    struct input_port *p = m->priv->inputs->ports;
    while (p && strcmp(p->name, name) != 0)
        p = p->next;
    return p;
}

static bool apply_bytes(struct machine *m, const struct input *in, struct input_hand *hand)
{
    const struct input_port *p = find_port(m, in->target);
    (void)hand;
    if (!p || !p->cd->input || !p->cd->input->receive)
        return false;
    p->cd->input->receive(p->cd->owner, in->bytes, in->size);
    return true;
}

static bool apply_line(struct machine *m, const struct input *in, struct input_hand *hand)
{
    const struct input_port *p = find_port(m, in->target);
    (void)hand;
    if (!p || in->value[0] < 0 || in->value[0] >= CHARDEV_EVENTS)
        return false;
    if (p->cd->input && p->cd->input->event)
        p->cd->input->event(p->cd->owner, (enum chardev_event)in->value[0]);
    return true;
}

/* ---- buttons, media, the debugger ---- */

static bool apply_medium(struct machine *m, const struct input *in, struct input_hand *hand)
{
    const struct machine_private *p = m->priv;
    bool floppy = in->value[0] != 0;
    unsigned drive = (unsigned)in->value[1];
    struct disk *disk = hand ? hand->disk : NULL;
    if (!p->board_change_medium || in->value[1] < 0 || in->value[1] >= (floppy ? MAX_FLOPPY : MAX_IDE) ||
        (!disk && in->size)) /* a source's record names a file that nobody has opened */
        return false;
    if (!p->board_change_medium(m, floppy, drive, disk, in->value[2] != 0))
        return false;
    (floppy ? m->config.floppy : m->config.ide)[drive].disk = disk; /* the old one is closed */
    return true;
}

static bool apply_reset(struct machine *m, const struct input *in, struct input_hand *hand)
{
    (void)in, (void)hand;
    m->priv->want_reset = true;
    m->priv->reset_reason = "host-qmp-system-reset";
    return true;
}
static bool apply_power(struct machine *m, const struct input *in, struct input_hand *hand)
{
    (void)in, (void)hand;
    machine_tell(m, EVENT_POWERDOWN, NULL);
    if (m->priv->board_powerdown)
        m->priv->board_powerdown(m);
    return true;
}
static bool apply_nmi(struct machine *m, const struct input *in, struct input_hand *hand)
{
    (void)in, (void)hand;
    if (m->priv->board_nmi)
        m->priv->board_nmi(m);
    return true;
}

static bool has_cpu(const struct machine *m, const struct input *in)
{
    return in->value[0] >= 0 && in->value[0] < m->ncpus;
}

static bool apply_step(struct machine *m, const struct input *in, struct input_hand *hand)
{
    (void)hand;
    if (has_cpu(m, in))
        machine_do_step(m, (unsigned)in->value[0], in->value[1] != 0, in->value[2] != 0);
    return has_cpu(m, in);
}

static bool apply_memory(struct machine *m, const struct input *in, struct input_hand *hand)
{
    (void)hand;
    if (has_cpu(m, in))
        return cpu_debug_write(m->cpu[in->value[0]], (u64)in->value[1], in->bytes, in->size);
    space_write_bytes(&m->sys.mem, (u64)in->value[1], in->bytes, in->size);
    return true;
}

static bool apply_registers(struct machine *m, const struct input *in, struct input_hand *hand)
{
    (void)hand;
    return has_cpu(m, in) && m->config.write_registers &&
           m->config.write_registers(m->cpu[in->value[0]], (unsigned)in->value[1], (int)in->value[2], in->bytes,
                                     in->size);
}

static unsigned port_size(const struct input *in)
{
    return in->value[1] == 1 || in->value[1] == 2 ? (unsigned)in->value[1] : 4;
}

static bool apply_port_read(struct machine *m, const struct input *in, struct input_hand *hand)
{
    u64 v = space_read(&m->sys.io, in->value[0] & 0xffff, port_size(in));
    if (hand)
        hand->answer = v;
    return true;
}
static bool apply_port_write(struct machine *m, const struct input *in, struct input_hand *hand)
{
    (void)hand;
    space_write(&m->sys.io, in->value[0] & 0xffff, (u64)in->value[2] & size_mask(port_size(in)), port_size(in));
    return true;
}

/* ---- devices that come and go ---- */

/* The next of the strings, or NULL. */
static const char *next_string(const struct input *in, size_t *at)
{
    const char *s = (const char *)in->bytes + *at;
    const u8 *end = *at < in->size ? memchr(s, 0, in->size - *at) : NULL;
    if (!end)
        return NULL;
    *at = (size_t)(end - in->bytes) + 1;
    return s;
}

static bool args_from(const struct input *in, struct device_args *a)
{
    const char *key, *value;
    *a = (struct device_args){0};
    for (size_t at = 0; (key = next_string(in, &at)) && (value = next_string(in, &at));) {
        if (!strcmp(key, "driver"))
            a->driver = value;
        else if (!strcmp(key, "id"))
            a->id = value;
        else if (!strcmp(key, "bus"))
            a->bus = value;
        else if (a->nproperties < DEVICE_ARGS_MAX) {
            a->property[a->nproperties].name = key;
            a->property[a->nproperties++].value = value;
        }
    }
    return a->driver != NULL;
}

static bool failed(struct machine *m, struct input_hand *hand)
{
    if (hand)
        snprintf(hand->err, hand->err_size, "%s", m->sys.err);
    return false;
}

static bool apply_device_add(struct machine *m, const struct input *in, struct input_hand *hand)
{
    struct device_args args;
    return args_from(in, &args) && (device_add(&m->sys, &args, true) || failed(m, hand));
}

static bool apply_device_del(struct machine *m, const struct input *in, struct input_hand *hand)
{
    if (!device_del(&m->sys, in->target))
        return failed(m, hand);
    machine_tell(m, EVENT_DEVICE_DELETED, in->target);
    return true;
}

/* ---- the gate ---- */

static const struct {
    const char *name, *values;
    apply_function *apply;
} kinds[] = {
#define INPUT(id, name, values, apply) {name, values, apply},
#include "devices/machine/input.def"
#undef INPUT
};

/* -d input: one line, however much the record holds. */
static void trace_record(struct machine *m, const struct input_stamp *at, const struct input *in)
{
    char text[256];
    const char *name = kinds[in->kind].values;
    size_t n = 0;
    for (unsigned i = 0; *name; i++) {
        size_t len = strcspn(name, " ");
        n += (size_t)snprintf(text + n, sizeof(text) - n, " %.*s=%lld", (int)len, name, (long long)in->value[i]);
        name += len + (name[len] == ' ');
    }
    for (size_t i = 0; i < MIN(in->size, (size_t)SHOWN_BYTES); i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%02x", i ? "" : " ", in->bytes[i]);
    if (in->size > SHOWN_BYTES)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "... (%zu)", in->size);
    text[n] = '\0';
    trace(m->sys.trace, input, "%llu %llu %s%s%s%s", (unsigned long long)at->instructions, (unsigned long long)at->ns,
          kinds[in->kind].name, *in->target ? " " : "", in->target, text);
}

static struct input_stamp stamp_now(struct machine *m)
{
    return (struct input_stamp){vclock_instructions(&m->priv->vclock), clock_now(&m->sys.clock)};
}

static void show(struct machine *m, const struct input *in)
{
    struct input_listener *l = m->config.input_listener;
    if (!l && !tracing(m->sys.trace, input))
        return;
    struct input_stamp at = stamp_now(m);
    if (l)
        l->applied(l, &at, in);
    if (tracing(m->sys.trace, input))
        trace_record(m, &at, in);
}

static bool apply(struct machine *m, const struct input *in, struct input_hand *hand)
{
    show(m, in);
    return kinds[in->kind].apply(m, in, hand);
}

/* ---- the queue ---- */

/* Takes the oldest entry; under the lock. */
static struct input_entry *take_first(struct input_queue *q)
{
    struct input_entry *e = q->first;
    if (!e)
        return NULL;
    q->first = e->next;
    if (!q->first)
        q->last = &q->first;
    q->waiting--;
    return e;
}

static void apply_waiting(struct machine *m)
{
    struct machine_private *p = m->priv;
    pthread_mutex_lock(&p->lock);
    for (struct input_entry *e; (e = take_first(p->inputs));) {
        struct input_hand *hand = e->hand;
        pthread_mutex_unlock(&p->lock);
        bool ok = apply(m, &e->in, hand);
        if (!hand)
            free(e);
        pthread_mutex_lock(&p->lock);
        if (hand) {
            hand->ok = ok;
            hand->done = true;
            pthread_cond_broadcast(&p->finished);
        }
    }
    pthread_mutex_unlock(&p->lock);
}

static size_t take_bytes(struct input_port *p, u8 *out, size_t most)
{
    pthread_mutex_lock(&p->m->priv->lock);
    size_t n = MIN((size_t)p->len, most);
    for (size_t i = 0; i < n; i++)
        out[i] = p->buf[(p->head + i) % PORT_BUFFER];
    p->head = (unsigned)((p->head + n) % PORT_BUFFER);
    p->len -= (unsigned)n;
    pthread_mutex_unlock(&p->m->priv->lock);
    return n;
}

/* All that the device takes now. */
static void pump(struct machine *m, struct input_port *p)
{
    u8 bytes[PIECE];
    struct input in = {.kind = INPUT_BYTES, .bytes = bytes};
    bool moved = false;
    snprintf(in.target, sizeof(in.target), "%s", p->name);
    for (;;) {
        const struct chardev_input *dev = p->cd->input;
        size_t room = !dev || !dev->receive ? 0 : dev->room ? dev->room(p->cd->owner) : PIECE;
        in.size = room ? take_bytes(p, bytes, MIN(room, (size_t)PIECE)) : 0;
        if (!in.size)
            break;
        apply(m, &in, NULL);
        moved = true;
    }
    if (moved)
        p->room(p->owner);
}

static void look_ahead(struct machine *m)
{
    struct input_queue *q = m->priv->inputs;
    struct input_source *s = m->config.input_source;
    q->has_ahead = s && s->next(s, &q->ahead_at, &q->ahead) && (unsigned)q->ahead.kind < INPUT_KINDS;
    m->priv->vclock.next_input = UINT64_MAX;
}

/* What the source has for now. A record that was to be drawn, and was not, is passed over. */
static void apply_source(struct machine *m, bool idle)
{
    struct input_queue *q = m->priv->inputs;
    struct vclock *v = &m->priv->vclock;
    while (q->has_ahead) {
        bool drawn = !kinds[q->ahead.kind].apply;
        u64 now = vclock_instructions(v);
        if (q->ahead_at.instructions > now || (drawn && q->ahead_at.instructions == now))
            return;
        if (idle && q->ahead_at.instructions == now && q->ahead_at.ns > clock_now(&m->sys.clock)) {
            v->next_input = q->ahead_at.ns;
            return;
        }
        if (!drawn)
            apply(m, &q->ahead, NULL);
        look_ahead(m);
    }
}

static void apply_arrived(struct machine *m)
{
    struct input_queue *q = m->priv->inputs;
    if (!__atomic_load_n(&q->pending, __ATOMIC_ACQUIRE))
        return;
    __atomic_store_n(&q->pending, false, __ATOMIC_SEQ_CST);
    apply_waiting(m);
    for (struct input_port *p = __atomic_load_n(&q->ports, __ATOMIC_ACQUIRE); p; p = p->next)
        pump(m, p);
}

void input_apply(struct machine *m, bool idle)
{
    apply_source(m, idle);
    apply_arrived(m);
}

bool input_pending(const struct machine *m) { return __atomic_load_n(&m->priv->inputs->pending, __ATOMIC_ACQUIRE); }

u64 input_distance(const struct machine *m)
{
    const struct input_queue *q = m->priv->inputs;
    u64 now = vclock_instructions(&m->priv->vclock);
    bool comes = q->has_ahead && kinds[q->ahead.kind].apply && q->ahead_at.instructions > now;
    return comes ? q->ahead_at.instructions - now : UINT64_MAX;
}

/* Under the lock. */
static void wake(struct machine *m)
{
    __atomic_store_n(&m->priv->inputs->pending, true, __ATOMIC_RELEASE);
    pthread_cond_signal(&m->priv->wake);
}

static bool append(struct machine *m, struct input_entry *e)
{
    struct machine_private *p = m->priv;
    struct input_queue *q = p->inputs;
    bool alive = !p->ended;
    if (alive) {
        *q->last = e;
        q->last = &e->next;
        q->waiting++;
        wake(m);
    }
    return alive;
}

/* Applies it, and waits for that. */
static bool submit(struct machine *m, const struct input *in, struct input_hand *hand)
{
    struct machine_private *p = m->priv;
    struct input_entry e = {.in = *in, .hand = hand};
    if (machine_is_here(m)) {
        apply_arrived(m); /* what was before it */
        return apply(m, in, hand);
    }
    pthread_mutex_lock(&p->lock);
    bool alive = append(m, &e);
    if (alive)
        machine_kick(m);
    while (alive && !hand->done)
        pthread_cond_wait(&p->finished, &p->lock);
    pthread_mutex_unlock(&p->lock);
    return alive ? hand->ok : apply(m, in, hand);
}

/* Newer movement goes into what waits of the same kind. */
static bool join_last(struct input_queue *q, const struct input *in)
{
    struct input_entry *e = q->first ? container_of(q->last, struct input_entry, next) : NULL;
    if (!e || e->hand || e->in.kind != in->kind || strcmp(e->in.target, in->target) != 0)
        return false;
    if (in->kind == INPUT_AT) {
        e->in = *in;
        return true;
    }
    if (in->kind != INPUT_MOVE && in->kind != INPUT_WHEEL)
        return false;
    e->in.value[0] += in->value[0];
    e->in.value[1] += in->value[1];
    return true;
}

/* Leaves it for the machine's thread, and goes on. What 'releases' something is kept when all else is lost. */
static void leave(struct machine *m, const struct input *in, bool releases)
{
    struct machine_private *p = m->priv;
    if (machine_is_here(m)) {
        apply_arrived(m);
        apply(m, in, NULL);
        return;
    }
    pthread_mutex_lock(&p->lock);
    bool joined = join_last(p->inputs, in);
    bool room = p->inputs->waiting < (releases ? WAITING_MOST : WAITING_MOST / 2);
    struct input_entry *e = !joined && room && !p->ended ? malloc(sizeof(*e)) : NULL;
    if (e) {
        *e = (struct input_entry){.in = *in};
        append(m, e);
        machine_kick(m);
    }
    pthread_mutex_unlock(&p->lock);
}

/* ---- for front ends: leaving ---- */

void machine_key(struct machine *m, u32 code, bool down)
{
    leave(m, &(struct input){.kind = INPUT_KEY, .value = {code, down}}, !down);
}
void machine_pointer_move(struct machine *m, int dx, int dy)
{
    leave(m, &(struct input){.kind = INPUT_MOVE, .value = {dx, dy}}, false);
}
void machine_pointer_at(struct machine *m, const char *screen, int x, int y)
{
    struct input in = {.kind = INPUT_AT, .value = {x, y}};
    snprintf(in.target, sizeof(in.target), "%s", screen);
    leave(m, &in, false);
}
void machine_pointer_wheel(struct machine *m, int dz)
{
    leave(m, &(struct input){.kind = INPUT_WHEEL, .value = {dz}}, false);
}
void machine_pointer_buttons(struct machine *m, unsigned buttons)
{
    leave(m, &(struct input){.kind = INPUT_BUTTONS, .value = {buttons}}, !buttons);
}

/* ---- ... bytes ---- */

/* A device has room: from the machine's thread, perhaps in the middle of an instruction. */
static void accept_input(struct chardev *cd)
{
    struct input_port *p = cd->port;
    struct machine *m = p->m;
    pthread_mutex_lock(&m->priv->lock);
    if (p->len) {
        wake(m);
        machine_kick(m);
    }
    pthread_mutex_unlock(&m->priv->lock);
}

struct input_port *machine_open_port(struct machine *m, struct chardev *cd, const char *name, void (*room)(void *owner),
                                     void *owner)
{
    struct input_port *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->m = m;
    p->cd = cd;
    p->room = room;
    p->owner = owner;
    snprintf(p->name, sizeof(p->name), "%s", name);
    cd->port = p;
    cd->accept_input = accept_input;
    pthread_mutex_lock(&m->priv->lock);
    p->next = m->priv->inputs->ports;
    __atomic_store_n(&m->priv->inputs->ports, p, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&m->priv->lock);
    return p;
}

size_t machine_port_room(struct input_port *p)
{
    pthread_mutex_lock(&p->m->priv->lock);
    size_t room = PORT_BUFFER - p->len;
    pthread_mutex_unlock(&p->m->priv->lock);
    return room;
}

size_t machine_port_put(struct input_port *p, const u8 *buf, size_t n)
{
    struct machine *m = p->m;
    pthread_mutex_lock(&m->priv->lock);
    n = MIN(n, (size_t)PORT_BUFFER - p->len);
    for (size_t i = 0; i < n; i++)
        p->buf[(p->head + p->len + i) % PORT_BUFFER] = buf[i];
    p->len += (unsigned)n;
    wake(m);
    pthread_mutex_unlock(&m->priv->lock);
    machine_kick(m);
    return n;
}

void machine_port_event(struct input_port *p, enum chardev_event e)
{
    struct input in = {.kind = INPUT_LINE, .value = {e}};
    snprintf(in.target, sizeof(in.target), "%s", p->name);
    leave(p->m, &in, true);
}

/* ---- ... and waiting ---- */

void machine_reset(struct machine *m) { submit(m, &(struct input){.kind = INPUT_RESET}, &(struct input_hand){0}); }
void machine_powerdown(struct machine *m) { submit(m, &(struct input){.kind = INPUT_POWER}, &(struct input_hand){0}); }
void machine_nmi(struct machine *m) { submit(m, &(struct input){.kind = INPUT_NMI}, &(struct input_hand){0}); }

void machine_step(struct machine *m, unsigned cpu, bool interrupts, bool timers)
{
    submit(m, &(struct input){.kind = INPUT_STEP, .value = {cpu, interrupts, timers}}, &(struct input_hand){0});
}

bool machine_change_medium(struct machine *m, bool floppy, unsigned drive, struct disk *disk, const char *file,
                           bool force)
{
    struct input_hand hand = {.disk = disk};
    struct input in = {.kind = INPUT_MEDIUM,
                       .value = {floppy, drive, force},
                       .bytes = (const u8 *)file,
                       .size = file ? strlen(file) : 0};
    return submit(m, &in, &hand);
}

bool machine_write_memory(struct machine *m, int cpu, u64 addr, const u8 *buf, size_t n)
{
    struct input in = {.kind = INPUT_MEMORY, .value = {cpu, (i64)addr}, .bytes = buf, .size = n};
    return submit(m, &in, &(struct input_hand){0});
}

bool machine_write_registers(struct machine *m, unsigned cpu, unsigned layout, int number, const u8 *buf, size_t n)
{
    struct input in = {.kind = INPUT_REGISTERS, .value = {cpu, layout, number}, .bytes = buf, .size = n};
    return submit(m, &in, &(struct input_hand){0});
}

u32 machine_read_port(struct machine *m, u16 port, unsigned size)
{
    struct input_hand hand = {0};
    submit(m, &(struct input){.kind = INPUT_PORT_READ, .value = {port, size}}, &hand);
    return (u32)hand.answer;
}

void machine_write_port(struct machine *m, u16 port, u32 val, unsigned size)
{
    submit(m, &(struct input){.kind = INPUT_PORT_WRITE, .value = {port, size, val}}, &(struct input_hand){0});
}

static void add_pair(FILE *out, const char *key, const char *value)
{
    if (!value)
        return;
    fwrite(key, 1, strlen(key) + 1, out);
    fwrite(value, 1, strlen(value) + 1, out);
}

bool machine_device_add(struct machine *m, const struct device_args *args, char *err, size_t err_size)
{
    struct input_hand hand = {.err = err, .err_size = err_size};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    snprintf(err, err_size, "out of memory");
    if (!out)
        return false;
    add_pair(out, "driver", args->driver);
    add_pair(out, "id", args->id);
    add_pair(out, "bus", args->bus);
    for (unsigned i = 0; i < args->nproperties; i++)
        add_pair(out, args->property[i].name, args->property[i].value);
    bool ok =
        !fclose(out) && submit(m, &(struct input){.kind = INPUT_DEVICE_ADD, .bytes = (u8 *)text, .size = size}, &hand);
    free(text);
    return ok;
}

bool machine_device_del(struct machine *m, const char *id, char *err, size_t err_size)
{
    struct input_hand hand = {.err = err, .err_size = err_size};
    struct input in = {.kind = INPUT_DEVICE_DEL};
    if ((size_t)snprintf(in.target, sizeof(in.target), "%s", id) >= sizeof(in.target)) {
        snprintf(err, err_size, "Device '%s' not found", id);
        return false;
    }
    return submit(m, &in, &hand);
}

/* ---- drawn ---- */

/* The source's answer, if it has the next one for this. */
static bool from_source(struct machine *m, const struct input *in)
{
    const struct input_queue *q = m->priv->inputs;
    return q->has_ahead && q->ahead.kind == in->kind && !strcmp(q->ahead.target, in->target);
}

u64 input_draw_number(struct machine *m, const char *what, u64 host)
{
    struct input in = {.kind = INPUT_TIME, .value = {(i64)host}};
    snprintf(in.target, sizeof(in.target), "%s", what);
    if (from_source(m, &in)) {
        in.value[0] = m->priv->inputs->ahead.value[0];
        look_ahead(m);
    }
    show(m, &in);
    return (u64)in.value[0];
}

void input_draw_bytes(struct machine *m, const char *what, u8 *bytes, size_t n)
{
    struct input in = {.kind = INPUT_RANDOM, .bytes = bytes, .size = n};
    snprintf(in.target, sizeof(in.target), "%s", what);
    if (from_source(m, &in)) {
        memcpy(bytes, m->priv->inputs->ahead.bytes, MIN(n, m->priv->inputs->ahead.size));
        look_ahead(m);
    }
    show(m, &in);
}

/* ---- life ---- */

bool input_init(struct machine *m)
{
    struct input_queue *q = calloc(1, sizeof(*q));
    m->priv->inputs = q;
    if (!q)
        return device_fail(&m->sys, "not enough memory for the machine");
    q->last = &q->first;
    look_ahead(m);
    return true;
}

void input_destroy(struct machine *m)
{
    struct input_queue *q = m->priv->inputs;
    for (struct input_entry *e; q && (e = take_first(q));)
        free(e); /* nobody waits for one any more */
    for (struct input_port *p = q ? q->ports : NULL, *next; p; p = next) {
        next = p->next;
        free(p);
    }
    free(q);
}

/*
 * Paths of devices (qom.h). A device that was asked for by name stands under
 * peripheral, without an id under peripheral-anon, and what is soldered on
 * under unattached, behind the CPUs. A bus stands under its device.
 */
#include "frontend/qom.h"

const char *qom_type(struct machine *m, struct qom_node n)
{
    switch (n.kind) {
    case QOM_MACHINE:
        return m->config.type == MACHINE_BARE ? "bare-machine" : "pc-i440fx-7.2-machine";
    case QOM_CPU:
        return "x86_64-cpu";
    case QOM_DEVICE:
        return n.device->cls->name;
    case QOM_BUS:
        return n.bus->type;
    default:
        return "container";
    }
}

static enum qom_kind home_of(const struct device *d)
{
    return !d->by_user ? QOM_UNATTACHED : d->id[0] ? QOM_PERIPHERAL : QOM_ANONYMOUS;
}

struct listing {
    struct machine *m;
    void (*found)(void *owner, const struct qom_property *p);
    void *owner;
};

static void child(struct listing *l, const char *name, struct qom_node n)
{
    struct qom_property p = {.child = n, .is_child = true};
    snprintf(p.name, sizeof(p.name), "%s", name);
    snprintf(p.type, sizeof(p.type), "child<%s>", qom_type(l->m, n));
    l->found(l->owner, &p);
}

static void value(struct listing *l, const char *name, const char *type, const char *text)
{
    struct qom_property p = {.boolean = !strcmp(type, "bool"), .number = strstr(type, "int") || !strcmp(type, "size")};
    snprintf(p.name, sizeof(p.name), "%s", name);
    snprintf(p.type, sizeof(p.type), "%s", type);
    snprintf(p.value, sizeof(p.value), "%s", text);
    l->found(l->owner, &p);
}

/* Its name in its home. */
static void device_name(struct machine *m, const struct device *d, char *name, size_t size)
{
    enum qom_kind home = home_of(d);
    unsigned n = home == QOM_UNATTACHED ? m->ncpus : 0;
    for (const struct device *before = m->sys.devices; before != d; before = before->next)
        n += home_of(before) == home;
    if (home == QOM_PERIPHERAL)
        snprintf(name, size, "%s", d->id);
    else
        snprintf(name, size, "device[%u]", n);
}

void qom_device_id(struct machine *m, const struct device *d, char *text, size_t size)
{
    char name[DEVICE_ID_MAX];
    enum qom_kind home = home_of(d);
    device_name(m, d, name, sizeof(name));
    if (home == QOM_PERIPHERAL)
        snprintf(text, size, "%s", name);
    else
        snprintf(text, size, "/machine/%s/%s", home == QOM_ANONYMOUS ? "peripheral-anon" : "unattached", name);
}

static void list_devices(struct listing *l, enum qom_kind home)
{
    for (unsigned n = 0; home == QOM_UNATTACHED && n < l->m->ncpus; n++) {
        char name[32];
        snprintf(name, sizeof(name), "device[%u]", n);
        child(l, name, (struct qom_node){.kind = QOM_CPU, .cpu = n});
    }
    for (struct device *d = l->m->sys.devices; d; d = d->next) {
        char name[DEVICE_ID_MAX];
        if (home_of(d) != home)
            continue;
        device_name(l->m, d, name, sizeof(name));
        child(l, name, (struct qom_node){.kind = QOM_DEVICE, .device = d});
    }
}

static void list_device(struct listing *l, struct device *d)
{
    for (struct bus *b = l->m->sys.buses; b; b = b->next)
        if (b->owner == d)
            child(l, b->name, (struct qom_node){.kind = QOM_BUS, .bus = b});
    value(l, "realized", "bool", "on");
    value(l, "hotplugged", "bool", "off");
    value(l, "hotpluggable", "bool", d->cls->hotpluggable ? "on" : "off");
    if (d->bus) {
        char type[QOM_NAME_MAX];
        snprintf(type, sizeof(type), "link<%s>", d->bus->type);
        value(l, "parent_bus", type, d->bus->name);
    }
    for (const struct property *p = d->cls->properties; p && p->name; p++) {
        char text[PROPERTY_TEXT_MAX];
        property_get(d, p, text, sizeof(text));
        value(l, p->name, property_type_name(p), text);
    }
}

static void list_machine(struct listing *l)
{
    child(l, "peripheral", (struct qom_node){.kind = QOM_PERIPHERAL});
    child(l, "peripheral-anon", (struct qom_node){.kind = QOM_ANONYMOUS});
    child(l, "unattached", (struct qom_node){.kind = QOM_UNATTACHED});
}

void qom_properties(struct machine *m, struct qom_node n, void (*found)(void *owner, const struct qom_property *p),
                    void *owner)
{
    struct listing l = {m, found, owner};
    switch (n.kind) {
    case QOM_ROOT:
        child(&l, "machine", (struct qom_node){.kind = QOM_MACHINE});
        break;
    case QOM_MACHINE:
        list_machine(&l);
        break;
    case QOM_PERIPHERAL:
    case QOM_ANONYMOUS:
    case QOM_UNATTACHED:
        list_devices(&l, n.kind);
        break;
    case QOM_DEVICE:
        list_device(&l, n.device);
        break;
    default:
        break;
    }
    value(&l, "type", "string", qom_type(m, n));
}

struct search {
    const char *name;
    size_t len;
    struct qom_node *out;
    bool hit;
};
static void look(void *owner, const struct qom_property *p)
{
    struct search *s = owner;
    if (!p->is_child || strlen(p->name) != s->len || memcmp(p->name, s->name, s->len) != 0)
        return;
    *s->out = p->child;
    s->hit = true;
}

bool qom_find(struct machine *m, const char *path, struct qom_node *out)
{
    *out = (struct qom_node){.kind = QOM_ROOT};
    if (*path && *path != '/') { /* a partial path: what users name themselves */
        struct qom_node home = {.kind = QOM_PERIPHERAL};
        struct search s = {path, strlen(path), out, false};
        qom_properties(m, home, look, &s);
        return s.hit;
    }
    while (*path == '/')
        path++;
    while (*path) {
        struct search s = {path, strcspn(path, "/"), out, false};
        struct qom_node here = *out;
        qom_properties(m, here, look, &s);
        if (!s.hit)
            return false;
        for (path += s.len; *path == '/';)
            path++;
    }
    return true;
}

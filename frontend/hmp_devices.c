/*
 * The monitor's view of devices: the tree of buses, the object paths, and
 * devices that come and go.
 */
#include "frontend/device_words.h"
#include "frontend/hmp.h"
#include "frontend/qom.h"

/* ---- info qtree ---- */

static void print_bus(struct hmp *h, const struct bus *bus, int indent);

static void print_device(struct hmp *h, const struct device *d, int indent)
{
    fprintf(h->out, "%*sdev: %s, id \"%s\"\n", indent, "", d->cls->name, d->id);
    for (const struct property *p = d->cls->properties; p && p->name; p++) {
        char text[PROPERTY_TEXT_MAX];
        property_get(d, p, text, sizeof(text));
        fprintf(h->out, "%*s%s = %s\n", indent + 2, "", p->name, text);
    }
    for (const struct bus *b = h->m->sys.buses; b; b = b->next)
        if (b->owner == d)
            print_bus(h, b, indent + 2);
}

static void print_bus(struct hmp *h, const struct bus *bus, int indent)
{
    fprintf(h->out, "%*sbus: %s\n%*stype %s\n", indent, "", bus->name, indent + 2, "", bus->type);
    for (const struct device *d = h->m->sys.devices; d; d = d->next)
        if (d->bus == bus)
            print_device(h, d, indent + 2);
}

void info_qtree(struct hmp *h)
{
    for (const struct bus *b = h->m->sys.buses; b; b = b->next)
        if (!b->owner)
            print_bus(h, b, 0);
}

/* ---- object paths ---- */

struct walk {
    struct hmp *h;
    int indent;
};
static void print_tree(void *owner, const struct qom_property *p)
{
    const struct walk *w = owner;
    if (!p->is_child)
        return;
    fprintf(w->h->out, "%*s/%s (%.*s)\n", w->indent, "", p->name, (int)strlen(p->type) - 7, p->type + 6);
    struct walk inner = {w->h, w->indent + 2};
    qom_properties(w->h->m, p->child, print_tree, &inner);
}

/* The node the next word names, or root; false, having said so, when there is none. */
static bool named_node(struct hmp *h, struct qom_node *n, const char *otherwise)
{
    char path[256];
    if (!hmp_word(h, path, sizeof(path)))
        snprintf(path, sizeof(path), "%s", otherwise);
    if (qom_find(h->m, path, n))
        return true;
    fprintf(h->out, "Error: Device '%s' not found\n", path);
    return false;
}

void info_qom_tree(struct hmp *h)
{
    struct qom_node n;
    if (!named_node(h, &n, "/machine"))
        return;
    fprintf(h->out, "/%s (%s)\n", n.kind == QOM_MACHINE ? "machine" : "", qom_type(h->m, n));
    struct walk w = {h, 2};
    qom_properties(h->m, n, print_tree, &w);
}

static void print_property(void *owner, const struct qom_property *p)
{
    fprintf(((struct hmp *)owner)->out, "%s (%s)\n", p->name, p->type);
}

void hmp_qom_list(struct hmp *h)
{
    struct qom_node n;
    if (named_node(h, &n, "/"))
        qom_properties(h->m, n, print_property, h);
}

struct get {
    struct hmp *h;
    char name[QOM_NAME_MAX];
    bool hit;
};
static void print_value(void *owner, const struct qom_property *p)
{
    struct get *g = owner;
    if (g->hit || strcmp(p->name, g->name) != 0)
        return;
    g->hit = true;
    fprintf(g->h->out,
            p->number    ? "%s\n"
            : p->boolean ? "%s\n"
                         : "\"%s\"\n",
            p->boolean ? (!strcmp(p->value, "on") ? "true" : "false") : p->value);
}

void hmp_qom_get(struct hmp *h)
{
    struct qom_node n;
    struct get g = {.h = h};
    if (!named_node(h, &n, "/"))
        return;
    if (!hmp_word(h, g.name, sizeof(g.name))) {
        fprintf(h->out, "qom-get: property is missing\n");
        return;
    }
    qom_properties(h->m, n, print_value, &g);
    if (!g.hit)
        fprintf(h->out, "Error: Property '%s.%s' not found\n", qom_type(h->m, n), g.name);
}

/* ---- coming and going ---- */

void hmp_device_add(struct hmp *h)
{
    struct device_words w = {0};
    struct error e = {{0}};
    char text[512];
    if (!hmp_word(h, text, sizeof(text)))
        fprintf(h->out, "device_add: driver is missing, 'device_add help' lists them\n");
    else if (device_words_help(text, h->out))
        return;
    else if (!device_words_parse(&w, text, &e) || !machine_device_add(h->m, &w.args, e.text, sizeof(e.text)))
        fprintf(h->out, "Error: %s\n", e.text);
    device_words_free(&w);
}

void hmp_device_del(struct hmp *h)
{
    struct error e;
    char id[DEVICE_ID_MAX];
    if (!hmp_word(h, id, sizeof(id)))
        fprintf(h->out, "device_del: id is missing\n");
    else if (!machine_device_del(h->m, id, e.text, sizeof(e.text)))
        fprintf(h->out, "Error: %s\n", e.text);
}

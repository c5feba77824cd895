/*
 * QMP's commands about devices: introspection of classes and of the tree, and
 * devices that come and go.
 */
#include "frontend/device_words.h"
#include "frontend/qmp.h"
#include "frontend/qom.h"

/* ---- classes ---- */

json_t *qmp_qom_list_types(struct qmp_call *c)
{
    const char *implements = qmp_string(c, "implements", false);
    bool abstract = qmp_flag(c, "abstract");
    json_t *list = json_array();
    (void)abstract; /* no class is */
    if (!qmp_args_done(c))
        return list;
    for (unsigned i = 0; device_class_at(i); i++) {
        const struct device_class *cls = device_class_at(i);
        if (!implements || !strcmp(implements, "device") || !strcmp(implements, "object") ||
            !strcmp(implements, cls->name))
            json_array_append_new(list, json_pack("{s:s, s:s}", "name", cls->name, "parent", "device"));
    }
    return list;
}

static json_t *describe(const struct property *p)
{
    char text[PROPERTY_TEXT_MAX];
    json_t *r = json_pack("{s:s, s:s, s:s}", "name", p->name, "type", property_type_name(p), "description", p->help);
    if (property_default_text(p, text, sizeof(text)))
        json_object_set_new(r, "default-value",
                            p->type == PROPERTY_BOOL ? json_boolean(p->fallback)
                                                     : json_integer((json_int_t)p->fallback));
    return r;
}

json_t *qmp_device_list_properties(struct qmp_call *c)
{
    const char *name = qmp_string(c, "typename", true);
    json_t *list = json_array();
    if (!name || !qmp_args_done(c))
        return list;
    const struct device_class *cls = device_class_find(name);
    if (!cls) {
        c->error_class = "DeviceNotFound";
        qmp_fail(c, "Class '%.100s' not found", name);
        return list;
    }
    for (const struct property *p = cls->properties; p && p->name; p++)
        json_array_append_new(list, describe(p));
    return list;
}

/* ---- the tree ---- */

struct qom_call {
    struct qmp_call *c;
    const char *path, *property; /* property NULL: list them all */
    json_t *answer;
    char type[QOM_NAME_MAX];
    bool no_path;
};

static json_t *value_of(const struct qom_property *p)
{
    if (p->boolean)
        return json_boolean(!strcmp(p->value, "on"));
    if (p->number && strspn(p->value, "0123456789xabcdefABCDEF") == strlen(p->value))
        return json_integer((json_int_t)strtoull(p->value, NULL, 0));
    return json_string(p->value);
}

static void found(void *owner, const struct qom_property *p)
{
    struct qom_call *q = owner;
    if (!q->property)
        json_array_append_new(q->answer, json_pack("{s:s, s:s}", "name", p->name, "type", p->type));
    else if (!q->answer && !strcmp(q->property, p->name))
        q->answer = value_of(p);
}

static void on_machine(struct machine *m, void *arg)
{
    struct qom_call *q = arg;
    struct qom_node n;
    if (!qom_find(m, q->path, &n)) {
        q->no_path = true;
        return;
    }
    snprintf(q->type, sizeof(q->type), "%s", qom_type(m, n));
    qom_properties(m, n, found, q);
}

static json_t *ask(struct qom_call *q)
{
    machine_call(q->c->host->machine, on_machine, q);
    if (q->no_path) {
        q->c->error_class = "DeviceNotFound";
        qmp_fail(q->c, "Device '%.100s' not found", q->path);
    } else if (!q->answer) {
        qmp_fail(q->c, "Property '%s.%.100s' not found", q->type, q->property);
    }
    return q->answer;
}

json_t *qmp_qom_list(struct qmp_call *c)
{
    struct qom_call q = {.c = c, .path = qmp_string(c, "path", true)};
    if (!q.path || !qmp_args_done(c))
        return NULL;
    q.answer = json_array();
    return ask(&q);
}

json_t *qmp_qom_get(struct qmp_call *c)
{
    struct qom_call q = {.c = c, .path = qmp_string(c, "path", true), .property = qmp_string(c, "property", true)};
    if (!q.path || !q.property || !qmp_args_done(c))
        return NULL;
    return ask(&q);
}

/* ---- coming and going ---- */

enum { NUMBER_TEXT = 32 };

/* A property's value as -device has it; false: not a value of one. */
static bool as_text(const json_t *v, char *number, const char **out)
{
    *out = json_string_value(v);
    if (json_is_integer(v)) {
        snprintf(number, NUMBER_TEXT, "%lld", (long long)json_integer_value(v));
        *out = number;
    } else if (json_is_boolean(v)) {
        *out = json_is_true(v) ? "on" : "off";
    }
    return *out != NULL;
}

json_t *qmp_device_add(struct qmp_call *c)
{
    struct device_args a = {0};
    struct error e = {{0}};
    char numbers[DEVICE_ARGS_MAX + 2][NUMBER_TEXT];
    unsigned n = 0;
    const char *driver = qmp_string(c, "driver", true), *key, *text;
    json_t *v;
    if (!driver || !device_args_take(&a, "driver", driver, &e) || !device_words_class(driver, &e))
        return driver ? qmp_fail(c, "%s", e.text) : NULL;
    json_object_foreach(c->args, key, v)
    {
        if (!strcmp(key, "driver"))
            continue;
        if (n == ARRAY_LEN(numbers) || !as_text(v, numbers[n++], &text))
            return qmp_fail(c, "Invalid parameter type for '%.80s'", key);
        if (!device_args_take(&a, key, text, &e))
            return qmp_fail(c, "%s", e.text);
    }
    if (!machine_device_add(c->host->machine, &a, e.text, sizeof(e.text)))
        return qmp_fail(c, "%s", e.text);
    return NULL;
}

json_t *qmp_device_del(struct qmp_call *c)
{
    const char *id = qmp_string(c, "id", true);
    struct error e;
    if (!id || !qmp_args_done(c))
        return NULL;
    if (!machine_device_del(c->host->machine, id, e.text, sizeof(e.text))) {
        if (strstr(e.text, "not found"))
            c->error_class = "DeviceNotFound";
        return qmp_fail(c, "%s", e.text);
    }
    c->events_first = true;
    return NULL;
}

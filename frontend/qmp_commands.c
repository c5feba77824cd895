/*
 * The commands of qmp.def: arguments in, machine and host asked, answer out.
 * Shapes of answers are QEMU's.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frontend/qmp.h"
#include "frontend/qom.h"

json_t *qmp_capabilities(struct qmp_call *c)
{
    json_t *enable = qmp_arg(c, "enable", JSON_ARRAY, false);
    if (json_array_size(enable))
        return qmp_fail(c, "Capability not available");
    if (qmp_args_done(c))
        c->negotiated = true;
    return NULL;
}

/* ---- queries ---- */

json_t *qmp_query_version(struct qmp_call *c)
{
    qmp_args_done(c);
    return json_pack("{s:{s:i, s:i, s:i}, s:s}", "qemu", "micro", 0, "minor", 2, "major", 7, "package",
                     "Orrery " ORRERY_VERSION);
}

json_t *qmp_query_commands(struct qmp_call *c)
{
    json_t *list = json_array();
    qmp_args_done(c);
    for (size_t i = 0; i < qmp_count; i++)
        json_array_append_new(list, json_pack("{s:s}", "name", qmp_names[i]));
    return list;
}

json_t *qmp_query_status(struct qmp_call *c)
{
    enum run_state s = machine_state(c->host->machine);
    qmp_args_done(c);
    return json_pack("{s:s, s:b, s:b}", "status", run_state_name(s), "singlestep", 0, "running", s == RUN_RUNNING);
}

json_t *qmp_query_name(struct qmp_call *c)
{
    json_t *r = json_object();
    qmp_args_done(c);
    if (c->host->options->config.name)
        json_object_set_new(r, "name", json_string(c->host->options->config.name));
    return r;
}

json_t *qmp_query_uuid(struct qmp_call *c)
{
    qmp_args_done(c);
    return json_pack("{s:s}", "UUID", "00000000-0000-0000-0000-000000000000");
}

json_t *qmp_query_kvm(struct qmp_call *c)
{
    qmp_args_done(c);
    return json_pack("{s:b, s:b}", "enabled", 0, "present", 0);
}

json_t *qmp_query_target(struct qmp_call *c)
{
    qmp_args_done(c);
    return json_pack("{s:s}", "arch", "x86_64");
}

json_t *qmp_query_cpus_fast(struct qmp_call *c)
{
    json_t *list = json_array();
    qmp_args_done(c);
    for (unsigned i = 0; i < c->host->machine->ncpus; i++) {
        char path[48];
        snprintf(path, sizeof(path), "/machine/unattached/device[%u]", i);
        json_array_append_new(list, json_pack("{s:i, s:s, s:i, s:s, s:{s:i, s:i, s:i}}", "cpu-index", (int)i,
                                              "qom-path", path, "thread-id", (int)getpid(), "target", "x86_64", "props",
                                              "core-id", 0, "thread-id", 0, "socket-id", (int)i));
    }
    return list;
}

json_t *qmp_query_cpu_definitions(struct qmp_call *c)
{
    json_t *list = json_array();
    qmp_args_done(c);
    for (size_t i = 0; i < cpu_model_count; i++) {
        const struct cpu_model_row *row = &cpu_models[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:b, s:s*}", "name", row->name, "static", 0, "alias-of", row->alias_of));
    }
    return list;
}

static json_t *describe_image(const struct drive_option *d, const struct disk *disk)
{
    struct stat st;
    static const char *const zeroes[] = {
        [DISK_ZEROES_WRITTEN] = "off", [DISK_ZEROES_KEPT] = "on", [DISK_ZEROES_HOLES] = "unmap"};
    const struct disk_cache *cache = &d->image.cache;
    char node[32];
    json_t *image = json_pack("{s:s, s:s, s:I, s:b}", "filename", disk->path, "format", disk->format, "virtual-size",
                              (json_int_t)(disk->sectors * DISK_SECTOR), "dirty-flag", 0);
    if (!stat(disk->path, &st))
        json_object_set_new(image, "actual-size", json_integer((json_int_t)st.st_blocks * 512));
    host_node_name(d, node, sizeof(node));
    json_t *r =
        json_pack("{s:s, s:s, s:b, s:s, s:b, s:i, s:s, s:i, s:o, s:{s:b, s:b, s:b}}", "file", disk->path, "node-name",
                  node, "ro", disk->readonly, "drv", disk->format, "encrypted", 0, "backing_file_depth", 0,
                  "detect_zeroes", zeroes[d->image.zeroes], "write_threshold", 0, "image", image, "cache", "writeback",
                  !cache->writethrough, "direct", cache->direct, "no-flush", cache->no_flush || d->image.snapshot);
    static const char *const limits[] = {"bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"};
    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        json_object_set_new(r, limits[i], json_integer(0));
    return r;
}

static json_t *describe_drive(struct qmp_call *c, const struct drive_option *d)
{
    char device[QOM_NAME_MAX];
    struct drive_state now = {0};
    host_look_at_drive(c->host, d, &now);
    json_t *r = json_pack("{s:s, s:b, s:b, s:s}", "device", d->name, "locked", now.locked, "removable",
                          now.has_tray || d->bus == DRIVE_FLOPPY, "type", "unknown");
    if (now.has_tray)
        json_object_set_new(r, "tray_open", json_boolean(now.tray_open));
    if (d->image.on_write_error >= DISK_STOP || d->image.on_read_error >= DISK_STOP) {
        int err = now.disk ? now.disk->stopped_by : 0;
        const char *status = !err ? "ok" : disk_out_of_space(err) ? "nospace" : "failed";
        json_object_set_new(r, "io-status", json_string(status));
    }
    if (now.disk)
        json_object_set_new(r, "inserted", describe_image(d, now.disk));
    if (host_drive_device(c->host, d, device, sizeof(device)))
        json_object_set_new(r, "qdev", json_string(device));
    return r;
}

json_t *qmp_query_block(struct qmp_call *c)
{
    const struct options *o = c->host->options;
    json_t *list = json_array();
    qmp_args_done(c);
    for (unsigned i = 0; i < o->ndrives; i++)
        json_array_append_new(list, describe_drive(c, &o->drive[i]));
    return list;
}

/* What was asked of each medium since it is in its drive. */
static json_t *describe_counts(const struct drive_state *now)
{
    static const struct {
        const char *name;
        enum disk_op op;
    } rows[] = {{"rd", DISK_READ}, {"wr", DISK_WRITE}, {"flush", DISK_FLUSH}, {"unmap", DISK_DISCARD}};
    json_t *r = json_pack("{s:i, s:i, s:i, s:b, s:b, s:[]}", "rd_merged", 0, "wr_merged", 0, "unmap_merged", 0,
                          "account_invalid", 1, "account_failed", 1, "timed_stats");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct disk_count *n = &now->count[rows[i].op];
        const struct {
            const char *form;
            u64 value;
        } members[] = {{"%s_operations", n->operations},
                       {"%s_total_time_ns", n->ns},
                       {"failed_%s_operations", n->failed},
                       {"invalid_%s_operations", n->invalid},
                       {"%s_bytes", n->bytes}};
        for (size_t j = 0; j < ARRAY_LEN(members) - (rows[i].op == DISK_FLUSH); j++) {
            char name[40];
            snprintf(name, sizeof(name), members[j].form, rows[i].name);
            json_object_set_new(r, name, json_integer((json_int_t)members[j].value));
        }
    }
    return r;
}

json_t *qmp_query_blockstats(struct qmp_call *c)
{
    const struct options *o = c->host->options;
    json_t *list = json_array();
    qmp_flag(c, "query-nodes");
    qmp_args_done(c);
    for (unsigned i = 0; i < o->ndrives; i++) {
        char node[32];
        struct drive_state now = {0};
        host_node_name(&o->drive[i], node, sizeof(node));
        host_look_at_drive(c->host, &o->drive[i], &now);
        json_t *drive = json_pack("{s:s, s:o}", "device", o->drive[i].name, "stats", describe_counts(&now));
        if (now.disk)
            json_object_set_new(drive, "node-name", json_string(node));
        json_array_append_new(list, drive);
    }
    return list;
}

json_t *qmp_query_chardev(struct qmp_call *c)
{
    json_t *list = json_array();
    qmp_args_done(c);
    for (unsigned i = 0; i < MAX_STREAM_SPECS; i++) {
        char what[200];
        struct stream *s = c->host->stream[i];
        if (!s)
            continue;
        s->cls->describe(s, what, sizeof(what));
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:b}", "label", s->label, "filename", what, "frontend-open", 1));
    }
    return list;
}

json_t *qmp_query_mice(struct qmp_call *c)
{
    qmp_args_done(c);
    const char *name = machine_pointer_name(c->host->machine);
    if (!name)
        return json_array();
    return json_pack("[{s:s, s:i, s:b, s:b}]", "name", name, "index", 0, "current", 1, "absolute",
                     machine_pointer_absolute(c->host->machine));
}

json_t *qmp_query_iothreads(struct qmp_call *c)
{
    qmp_args_done(c);
    return json_array();
}

json_t *qmp_query_memory(struct qmp_call *c)
{
    qmp_args_done(c);
    return json_pack("{s:I}", "base-memory", (json_int_t)c->host->machine->config.ram_size);
}

/* ---- run state ---- */

json_t *qmp_stop(struct qmp_call *c)
{
    if (qmp_args_done(c))
        machine_stop(c->host->machine, RUN_PAUSED);
    c->events_first = true;
    return NULL;
}

json_t *qmp_cont(struct qmp_call *c)
{
    enum run_state s = machine_state(c->host->machine);
    if (!qmp_args_done(c))
        return NULL;
    if (s == RUN_SHUTDOWN || s == RUN_PANICKED)
        return qmp_fail(c, "Resetting the Virtual Machine is required");
    machine_cont(c->host->machine);
    c->events_first = true;
    return NULL;
}

json_t *qmp_quit(struct qmp_call *c)
{
    if (qmp_args_done(c))
        machine_quit(c->host->machine, "host-qmp-quit");
    return NULL;
}

json_t *qmp_system_reset(struct qmp_call *c)
{
    if (qmp_args_done(c))
        machine_reset(c->host->machine);
    return NULL;
}

json_t *qmp_system_powerdown(struct qmp_call *c)
{
    if (qmp_args_done(c))
        machine_powerdown(c->host->machine);
    return NULL;
}

json_t *qmp_system_wakeup(struct qmp_call *c)
{
    if (!qmp_args_done(c))
        return NULL;
    if (machine_state(c->host->machine) != RUN_SUSPENDED)
        return qmp_fail(c, "Unable to wake up: guest is not in suspended state");
    machine_cont(c->host->machine);
    return NULL;
}

json_t *qmp_inject_nmi(struct qmp_call *c)
{
    if (qmp_args_done(c))
        machine_nmi(c->host->machine);
    return NULL;
}

/* ---- input ---- */

/* {"type": "qcode", "data": "a"} or {"type": "number", "data": 30} */
static bool add_key(struct qmp_call *c, struct key_combo *combo, json_t *key)
{
    const char *type = json_string_value(json_object_get(key, "type"));
    json_t *data = json_object_get(key, "data");
    char number[24];
    if (type && !strcmp(type, "number") && json_is_integer(data)) {
        snprintf(number, sizeof(number), "0x%llx", (unsigned long long)json_integer_value(data));
        c->failed |= !key_combo_add(combo, number, &c->error);
    } else if (type && !strcmp(type, "qcode") && json_is_string(data)) {
        c->failed |= !key_combo_add(combo, json_string_value(data), &c->error);
    } else {
        qmp_fail(c, "Invalid parameter 'keys'");
    }
    return !c->failed;
}

json_t *qmp_send_key(struct qmp_call *c)
{
    struct key_combo combo = {0};
    i64 hold = KEYS_HOLD_MS;
    json_t *keys = qmp_arg(c, "keys", JSON_ARRAY, true), *key;
    size_t i;
    qmp_int(c, "hold-time", &hold, false);
    if (!qmp_args_done(c))
        return NULL;
    json_array_foreach(keys, i, key)
    {
        if (!add_key(c, &combo, key))
            return NULL;
    }
    keys_send(c->host->keys, &combo, (unsigned)MIN(MAX(hold, 0), 60000));
    return NULL;
}

static bool event_button(struct qmp_call *c, const char *button, bool down)
{
    static const struct {
        const char *name;
        unsigned bit;
        int wheel;
    } buttons[] = {{"left", 1, 0}, {"right", 2, 0}, {"middle", 4, 0}, {"wheel-up", 0, -1}, {"wheel-down", 0, 1}};
    for (size_t i = 0; i < ARRAY_LEN(buttons); i++) {
        if (strcmp(buttons[i].name, button) != 0)
            continue;
        unsigned now = keys_buttons(c->host->keys);
        if (buttons[i].bit)
            keys_mouse_buttons(c->host->keys, down ? now | buttons[i].bit : now & ~buttons[i].bit);
        else if (down)
            keys_mouse_move(c->host->keys, 0, 0, buttons[i].wheel);
        return true;
    }
    return false;
}

static bool input_event(struct qmp_call *c, json_t *event)
{
    const char *type = json_string_value(json_object_get(event, "type"));
    json_t *data = json_object_get(event, "data");
    bool down = json_is_true(json_object_get(data, "down"));
    if (type && !strcmp(type, "key")) {
        struct key_combo combo = {0};
        if (!add_key(c, &combo, json_object_get(data, "key")))
            return false;
        keys_set(c->host->keys, combo.code[0], down);
        return true;
    }
    const char *button = json_string_value(json_object_get(data, "button"));
    if (type && button && !strcmp(type, "btn") && event_button(c, button, down))
        return true;
    const char *axis = json_string_value(json_object_get(data, "axis"));
    int value = (int)json_integer_value(json_object_get(data, "value"));
    if (type && axis && !strcmp(type, "rel") && (!strcmp(axis, "x") || !strcmp(axis, "y"))) {
        keys_mouse_move(c->host->keys, *axis == 'x' ? value : 0, *axis == 'y' ? value : 0, 0);
        return true;
    }
    qmp_fail(c, "Invalid parameter 'events'");
    return false;
}

json_t *qmp_input_send_event(struct qmp_call *c)
{
    i64 head;
    json_t *events = qmp_arg(c, "events", JSON_ARRAY, true), *event;
    size_t i;
    qmp_string(c, "device", false);
    qmp_int(c, "head", &head, false);
    if (!qmp_args_done(c))
        return NULL;
    json_array_foreach(events, i, event)
    {
        if (!input_event(c, event))
            break;
    }
    return NULL;
}

/* ---- media ---- */

static json_t *change(struct qmp_call *c, bool has_file)
{
    const char *device = qmp_string(c, "device", false), *id = qmp_string(c, "id", false);
    const char *file = has_file ? qmp_string(c, "filename", true) : NULL, *format = NULL;
    bool force = qmp_flag(c, "force");
    if (has_file) {
        format = qmp_string(c, "format", false);
        qmp_string(c, "read-only-mode", false);
    }
    if (!qmp_args_done(c))
        return NULL;
    if (!device && !id)
        return qmp_fail(c, "Parameter 'device' is missing");
    if (!host_change_medium(c->host, device ? device : id, file, format, force, &c->error))
        c->failed = true;
    return NULL;
}

json_t *qmp_eject(struct qmp_call *c) { return change(c, false); }
json_t *qmp_change_medium(struct qmp_call *c) { return change(c, true); }

/* ---- commands of the other monitor ---- */

/* A word of a monitor's line, in quotes; false when it is longer than those take. */
static bool quoted(char *out, size_t size, const char *word)
{
    enum { WORD_MAX = 500 };
    size_t n = 0, len = strlen(word);
    if (len > WORD_MAX || 2 * len + 3 > size)
        return false;
    out[n++] = '"';
    for (; *word; word++) {
        if (*word == '"' || *word == '\\')
            out[n++] = '\\';
        out[n++] = *word;
    }
    out[n++] = '"';
    out[n] = 0;
    return true;
}

/* What a command that prints nothing unless it fails printed. */
static json_t *said_why_not(struct qmp_call *c)
{
    const char *why = c->said, *rest;
    if (!why)
        return NULL;
    if (text_prefix(why, "Error: ", &rest))
        why = rest;
    return qmp_fail(c, "%.*s", (int)strcspn(why, "\n"), why);
}

json_t *qmp_screendump(struct qmp_call *c)
{
    i64 head;
    char line[1200], name[1024];
    const char *file = qmp_string(c, "filename", true), *format = qmp_string(c, "format", false);
    qmp_string(c, "device", false);
    qmp_int(c, "head", &head, false);
    if (!qmp_args_done(c))
        return NULL;
    if (!quoted(name, sizeof(name), file))
        return qmp_fail(c, "failed to open file '%.60s...': File name too long", file);
    /* As QEMU's: PPM unless asked, whatever the file is called. */
    const char *kind = format && !strcmp(format, "png") ? "png" : "ppm";
    if (format && strcmp(format, kind) != 0)
        return qmp_fail(c, "Invalid parameter '%.40s'", format);
    snprintf(line, sizeof(line), "screendump -f %s %s", kind, name);
    return qmp_run_line(c, line, -1, said_why_not);
}

static json_t *save(struct qmp_call *c, const char *command)
{
    i64 addr = 0, size = 0, cpu = 0;
    const char *file;
    char line[1200], name[1024];
    qmp_int(c, "val", &addr, true);
    qmp_int(c, "size", &size, true);
    qmp_int(c, "cpu-index", &cpu, false);
    file = qmp_string(c, "filename", true);
    if (!qmp_args_done(c))
        return NULL;
    if (cpu < 0 || cpu >= c->host->machine->ncpus)
        return qmp_fail(c, "Invalid parameter 'cpu-index'");
    if (size < 0)
        return qmp_fail(c, "Invalid parameter 'size'");
    if (!quoted(name, sizeof(name), file))
        return qmp_fail(c, "could not open '%.60s...': File name too long", file);
    snprintf(line, sizeof(line), "%s 0x%llx %llu %s", command, (unsigned long long)addr, (unsigned long long)size,
             name);
    return qmp_run_line(c, line, cpu, said_why_not);
}

json_t *qmp_memsave(struct qmp_call *c) { return save(c, "memsave"); }
json_t *qmp_pmemsave(struct qmp_call *c) { return save(c, "pmemsave"); }

/* Line ends as a monitor on a stream has them. */
static json_t *with_crlf(const char *text)
{
    size_t n = strlen(text), out = 0;
    char *copy = malloc(2 * n + 1);
    if (!copy)
        return json_string("");
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\n')
            copy[out++] = '\r';
        copy[out++] = text[i];
    }
    json_t *r = json_stringn(copy, out);
    for (size_t i = 0; !r && i < out; i++) {
        if (copy[i] & 0x80)
            copy[i] = '?'; /* a file name that is no UTF-8 */
    }
    if (!r)
        r = json_stringn(copy, out);
    free(copy);
    return r;
}

static json_t *said_all(struct qmp_call *c)
{
    c->events_first = true;
    return with_crlf(c->said ? c->said : "");
}

json_t *qmp_human_monitor_command(struct qmp_call *c)
{
    i64 cpu = -1;
    const char *line = qmp_string(c, "command-line", true);
    bool given = qmp_int(c, "cpu-index", &cpu, false);
    if (!qmp_args_done(c))
        return NULL;
    if (given && (cpu < 0 || cpu >= c->host->machine->ncpus))
        return qmp_fail(c, "Invalid parameter 'cpu-index'");
    return qmp_run_line(c, line, cpu, said_all);
}

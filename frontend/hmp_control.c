/*
 * Monitor commands that do something: run state, keys, mouse, media, tracing,
 * gdb stub.
 */
#include <errno.h>

#include "devices/machine/snapshot.h"
#include "frontend/hmp.h"

void hmp_stop(struct hmp *h) { machine_stop(h->m, RUN_PAUSED); }

void hmp_cont(struct hmp *h)
{
    enum run_state s = machine_state(h->m);
    if (s == RUN_SHUTDOWN || s == RUN_PANICKED)
        fprintf(h->out, "Error: Resetting the Virtual Machine is required\n");
    else
        machine_cont(h->m);
}

void hmp_quit(struct hmp *h) { machine_quit(h->m, "host-qmp-quit"); }
void hmp_reset(struct hmp *h) { machine_reset(h->m); }
void hmp_powerdown(struct hmp *h) { machine_powerdown(h->m); }
void hmp_nmi(struct hmp *h) { machine_nmi(h->m); }

static void snapshot(struct hmp *h, bool (*act)(struct machine *m, const char *path, char *err, size_t err_size))
{
    char file[512], why[300];
    if (!hmp_flag(h, 'f') || !hmp_word(h, file, sizeof(file)))
        fprintf(h->out, "%s: -f filename expected\nTry \"help %s\" for more information\n", h->row->name, h->row->name);
    else if (!act(h->m, file, why, sizeof(why)))
        fprintf(h->out, "Error: %s\n", why);
}

void hmp_savevm(struct hmp *h) { snapshot(h, machine_save); }
void hmp_loadvm(struct hmp *h) { snapshot(h, machine_load); }

void hmp_wakeup(struct hmp *h)
{
    if (machine_state(h->m) == RUN_SUSPENDED)
        machine_cont(h->m);
    else
        fprintf(h->out, "Error: Unable to wake up: guest is not in suspended state\n");
}

void hmp_sendkey(struct hmp *h)
{
    char keys[256];
    u64 hold = KEYS_HOLD_MS;
    struct key_combo combo;
    struct error e;
    if (!hmp_word(h, keys, sizeof(keys))) {
        fprintf(h->out, "sendkey: string expected\nTry \"help sendkey\" for more information\n");
        return;
    }
    if (hmp_more(h) && !hmp_number(h, &hold))
        return;
    if (key_combo_parse(&combo, keys, &e))
        keys_send(h->host->keys, &combo, (unsigned)MIN(hold, (u64)60000));
    else
        hmp_error(h, &e);
}

void hmp_mouse_move(struct hmp *h)
{
    u64 dx, dy, dz = 0;
    if (hmp_number(h, &dx) && hmp_number(h, &dy) && (!hmp_more(h) || hmp_number(h, &dz)))
        keys_mouse_move(h->host->keys, (int)(i64)dx, (int)(i64)dy, (int)(i64)dz);
}

/* Here 1 is left, 2 middle, 4 right: QEMU's monitor counts them from left to right. */
void hmp_mouse_button(struct hmp *h)
{
    u64 state;
    if (hmp_number(h, &state))
        keys_mouse_buttons(h->host->keys, (state & 1 ? 1u : 0u) | (state & 4 ? 2u : 0u) | (state & 2 ? 4u : 0u));
}

static void change(struct hmp *h, bool has_file)
{
    char device[64], file[512], format[32];
    struct error e;
    bool force = hmp_flag(h, 'f');
    if (!hmp_word(h, device, sizeof(device))) {
        fprintf(h->out, "%s: block device name expected\nTry \"help %s\" for more information\n", h->row->name,
                h->row->name);
        return;
    }
    if (has_file && !hmp_word(h, file, sizeof(file))) {
        fprintf(h->out, "%s: filename expected\nTry \"help %s\" for more information\n", h->row->name, h->row->name);
        return;
    }
    force |= hmp_flag(h, 'f');
    bool has_format = has_file && hmp_word(h, format, sizeof(format));
    if (!host_change_medium(h->host, device, has_file ? file : NULL, has_format ? format : NULL, force, &e))
        fprintf(h->out, "Error: %s\n", e.text);
}

void hmp_change(struct hmp *h) { change(h, true); }
void hmp_eject(struct hmp *h) { change(h, false); }

void hmp_gdbserver(struct hmp *h)
{
    char dev[256] = "tcp::1234";
    struct error e;
    hmp_word(h, dev, sizeof(dev));
    if (!h->host->gdb_listen(h->host, dev, &e))
        fprintf(h->out, "Could not open gdbserver on device '%s': %s\n", dev, e.text);
    else if (!strcmp(dev, "none"))
        fprintf(h->out, "Disabled gdbserver\n");
    else
        fprintf(h->out, "Waiting for gdb connection on device '%s'\n", dev);
}

void hmp_log(struct hmp *h)
{
    static const char *const names[] = {
#define TRACE(name, text) #name,
#include "cpu/trace.def"
#undef TRACE
    };
    char list[256];
    const char *bad;
    struct trace fresh = {0};
    if (!hmp_word(h, list, sizeof(list)) || !strcmp(list, "help")) {
        fprintf(h->out, "Log items (comma separated):\nnone\n");
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
            fprintf(h->out, "%s\n", names[i]);
        return;
    }
    if (strcmp(list, "none") != 0 && !trace_parse(&fresh, list, &bad)) {
        struct error e;
        fail_unknown(&e, "log item", bad, names, ARRAY_LEN(names));
        hmp_error(h, &e);
        return;
    }
    h->host->trace->mask = fresh.mask;
}

void hmp_logfile(struct hmp *h)
{
    char file[512];
    if (!hmp_word(h, file, sizeof(file))) {
        fprintf(h->out, "logfile: filename expected\n");
        return;
    }
    FILE *f = fopen(file, "we");
    if (!f) {
        fprintf(h->out, "Error: could not open '%s': %s\n", file, strerror(errno));
        return;
    }
    setvbuf(f, NULL, _IOLBF, 0);
    if (h->host->trace->out && h->host->trace->out != stderr)
        fclose(h->host->trace->out);
    h->host->trace->out = f;
}

/*
 * The rows of options.def about clocks, and about what must repeat: -rtc, -icount, -seed.
 */
#include "frontend/options_parse.h"

#include <time.h>

static bool parse_rtc_base(struct options *o, const char *base, struct error *e)
{
    if (!strcmp(base, "utc")) {
        o->config.rtc_base = UINT64_MAX;
        o->config.rtc_localtime = false;
        return true;
    }
    if (!strcmp(base, "localtime")) {
        o->config.rtc_base = UINT64_MAX;
        o->config.rtc_localtime = true;
        return true;
    }
    struct tm tm = {0};
    const char *end = strptime(base, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!end || *end) {
        memset(&tm, 0, sizeof(tm));
        end = strptime(base, "%Y-%m-%d", &tm);
    }
    time_t t = end && !*end ? timegm(&tm) : -1;
    if (t < 0)
        return fail(e, "-rtc base=%s must be utc, localtime or a date such as 2006-06-17T16:01:21", base);
    o->config.rtc_base = (u64)t;
    o->config.rtc_localtime = false;
    return true;
}

int opt_rtc(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    static const char *const clocks[] = {"host", "rt", "vm"};
    static const char *const fixes[] = {"none", "slew"};
    struct subopts s;
    if (!subopts_parse(&s, arg, "base", e))
        return false;
    const char *base = subopts_get(&s, "base"), *clock = subopts_get(&s, "clock"), *fix = subopts_get(&s, "driftfix");
    bool ok = !base || parse_rtc_base(o, base, e);
    if (ok && clock) {
        size_t i = 0;
        while (i < ARRAY_LEN(clocks) && strcmp(clock, clocks[i]) != 0)
            i++;
        if (i == ARRAY_LEN(clocks))
            ok = fail_unknown(e, "-rtc clock", clock, clocks, ARRAY_LEN(clocks));
        else
            o->config.rtc_clock = (enum rtc_clock)(RTC_CLOCK_HOST + i);
    }
    if (ok && fix && strcmp(fix, "none") != 0 && strcmp(fix, "slew") != 0)
        ok = fail_unknown(e, "-rtc driftfix", fix, fixes, ARRAY_LEN(fixes));
    o->config.rtc_slew = fix && !strcmp(fix, "slew");
    ok = ok && subopts_done(&s, "-rtc", e);
    subopts_free(&s);
    return ok;
}

int opt_localtime(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)arg, (void)out;
    return parse_rtc_base(o, "localtime", e);
}

int opt_icount(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    enum { MAX_SHIFT = 10 };
    struct subopts s;
    if (!subopts_parse(&s, arg, "shift", e))
        return false;
    const char *shift = subopts_get(&s, "shift");
    bool align = false;
    u64 n = 0;
    bool ok = subopts_bool(&s, "sleep", &o->config.icount_sleep, e) && subopts_bool(&s, "align", &align, e);
    if (ok && align)
        ok = fail(e, "-icount align=on is not supported: virtual time is never slowed to the host's");
    if (ok && (!shift || !strcmp(shift, "auto"))) {
        o->config.icount = ICOUNT_AUTO;
    } else if (ok) {
        o->config.icount = ICOUNT_SHIFT;
        ok = text_number(shift, MAX_SHIFT, &n) ||
             fail(e, "-icount shift=%s must be auto or a number from 0 to %d", shift, MAX_SHIFT);
        o->config.icount_shift = (unsigned)n;
    }
    ok = ok && subopts_done(&s, "-icount", e);
    if (ok && o->config.icount == ICOUNT_AUTO && !o->config.icount_sleep)
        ok = fail(e, "-icount shift=auto and sleep=off exclude each other");
    subopts_free(&s);
    return ok;
}

int opt_seed(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    if (!text_number(arg, UINT64_MAX, &o->config.seed))
        return fail(e, "-seed %s must be a number", arg);
    return o->config.seeded = true;
}
